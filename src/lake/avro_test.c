/* Avro files: those another program wrote are read to the last value, ours are read back, and broken ones are refused. */
#include "lake/avro.h"
#include "lake/avro_int.h"
#include "lake/world_testing_int.h"

enum { CORPUS_RECORDS = 200 };

static const struct tl_avro_schema *field(const struct tl_avro_schema *record, const char *name, int64_t id)
{
    for (size_t i = 0; i < record->count; i++)
        if (strcmp(record->fields[i].name, name) == 0) {
            assert_int_equal(record->fields[i].id, id);
            return record->fields[i].schema;
        }
    fail_msg("no field %s", name);
    return NULL;
}

/* What tests/corpus/avro holds: fastavro wrote it, record i of 200. */
static void check_scalars(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, int i)
{
    int64_t number;
    double real;
    bool flag;
    struct tl_str bytes;
    assert_true(tl_avro_get_long(cursor, field(schema, "n", 1), &number));
    assert_true(number == (i == 0 ? INT64_MIN : (i % 2 ? -i : i) * INT64_C(1234567891011)));
    assert_int_equal(tl_avro_get_long(cursor, field(schema, "i", 2), &number), i % 3 != 0);
    assert_true(i % 3 == 0 || number == i);
    assert_int_equal(tl_avro_get_bytes(cursor, field(schema, "s", 3), &bytes), i % 2 == 0);
    if (i == 42)
        assert_true(tl_str_equal(bytes, TL_STR("s42")));
    assert_true(tl_avro_get_bytes(cursor, field(schema, "b", 4), &bytes));
    assert_int_equal(bytes.size, i % 70);
    assert_true(bytes.size == 0 || (uint8_t)bytes.data[0] == i % 256);
    assert_true(tl_avro_get_double(cursor, field(schema, "f", 5), &real));
    assert_true(real * 4 >= i && real * 4 <= i);
    assert_int_equal(tl_avro_get_double(cursor, field(schema, "d", 6), &real), i % 5 != 0);
    assert_true(i % 5 == 0 || (real * 8 >= i && real * 8 <= i));
    assert_true(tl_avro_get_boolean(cursor, field(schema, "t", 7), &flag));
    assert_int_equal(flag, i % 2 == 0);
    assert_true(tl_avro_get_bytes(cursor, field(schema, "x", 8), &bytes));
    assert_true(bytes.size == 16 && bytes.data[15] == 15);
    assert_true(tl_avro_get_long(cursor, field(schema, "e", 9), &number));
    assert_int_equal(number, i % 3);
}

static void check_nested(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, int i)
{
    struct tl_avro_items items;
    struct tl_str bytes;
    int64_t number, count = 0;
    const struct tl_avro_schema *list = field(schema, "l", 10), *map = field(schema, "k", 13);
    assert_int_equal(list->fields[0].id, 11);
    assert_true(tl_avro_items(cursor, list, &items));
    for (; tl_avro_next(&items); count++) {
        assert_true(tl_avro_get_long(cursor, items.schema, &number));
        assert_int_equal(number, count);
    }
    assert_int_equal(count, i % 4);
    tl_avro_skip(cursor, field(schema, "m", 12));
    assert_int_equal(tl_avro_items(cursor, map, &items), i % 4 != 0);
    if (i % 4 != 0) {
        assert_true(tl_avro_next(&items));
        const struct tl_avro_schema *pair = tl_avro_get_record(cursor, items.schema);
        assert_non_null(pair);
        assert_true(tl_avro_get_long(cursor, field(pair, "key", 14), &number));
        assert_int_equal(number, i);
        assert_true(tl_avro_get_bytes(cursor, field(pair, "value", 15), &bytes));
        assert_true(tl_str_equal(bytes, TL_STR("v")));
        assert_false(tl_avro_next(&items));
    }
    assert_int_equal(tl_avro_get_bytes(cursor, field(schema, "x2", 16), &bytes), i % 2 == 0);
}

static void test_files_of_another_writer_are_read_to_the_last_value_in_every_codec(void **state)
{
    static const char *const names[] = {"null", "deflate", "zstandard", "snappy"};
    struct world *world = *state;
    for (size_t n = 0; n < 4; n++) {
        struct tl_avro_file file;
        struct tl_avro_cursor cursor;
        uint64_t count;
        int record = 0, blocks = 0;
        assert_int_equal(tl_avro_open(world->arena, corpus(world, names[n]), &file, &world->err), TL_OK);
        assert_true(tl_str_equal(tl_avro_metadata(&file, "format-version"), TL_STR("2")));
        assert_int_equal(tl_avro_metadata(&file, "other").size, 0);
        while (tl_avro_block(&file, &cursor, &count, &world->err) == TL_OK && count > 0) {
            blocks++;
            for (; count-- > 0; record++) {
                check_scalars(&cursor, file.schema, record);
                check_nested(&cursor, file.schema, record);
                assert_false(cursor.failed);
            }
            assert_ptr_equal(cursor.at, cursor.end);
        }
        assert_int_equal(world->err.code, TL_OK);
        assert_int_equal(record, CORPUS_RECORDS);
        assert_true(blocks > 1);
    }
}

static void test_a_file_cut_anywhere_is_refused_or_ends_at_a_block(void **state)
{
    struct world *world = *state;
    struct tl_str whole = corpus(world, "deflate");
    int whole_blocks = 0;
    for (size_t size = 0; size < whole.size; size++) {
        struct tl_err err;
        struct tl_avro_file file;
        struct tl_avro_cursor cursor;
        uint64_t count = 1;
        tl_err_init(&err);
        tl_arena *arena = tl_arena_new(ARENA_BYTES);
        char *bytes = tl_arena_strndup(arena, whole.data, size); /* so that a read beyond the cut is seen */
        if (tl_avro_open(arena, (struct tl_str){bytes, size}, &file, &err) == TL_OK)
            while (count > 0 && tl_avro_block(&file, &cursor, &count, &err) == TL_OK) {
            }
        whole_blocks += err.code == TL_OK;
        assert_true(err.code == TL_OK || err.code == TL_STATE);
        tl_arena_free(arena);
    }
    assert_in_range(whole_blocks, 1, 10);
}

static const char round_schema[] = "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"long\",\"field-id\":7},"
                                   "{\"name\":\"b\",\"type\":[\"null\",\"string\"],\"default\":null,\"field-id\":8},"
                                   "{\"name\":\"c\",\"type\":\"double\",\"field-id\":9},{\"name\":\"d\",\"type\":\"boolean\",\"field-id\":10}]}";

static const int64_t numbers[] = {0, -1, 1, 63, -64, 64, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
enum { NUMBERS = sizeof numbers / sizeof numbers[0], ROUNDS = 30000 };

static void write_rounds(struct world *world, struct tl_buf *buf, bool deflate)
{
    struct tl_avro_writer writer;
    struct tl_avro_pair pair = {"content", TL_STR("data")};
    assert_int_equal(tl_avro_begin(&writer, buf, TL_STR(round_schema), &pair, 1, deflate, &world->err), TL_OK);
    for (int i = 0; i < ROUNDS; i++) {
        tl_avro_put_long(&writer.block, numbers[i % NUMBERS]);
        tl_avro_put_long(&writer.block, i % 2);
        if (i % 2)
            tl_avro_put_bytes(&writer.block, TL_STR("a text that is long enough for several blocks"));
        tl_avro_put_double(&writer.block, i / 2.0);
        tl_avro_put_boolean(&writer.block, i % 2);
        tl_avro_record(&writer);
    }
    assert_int_equal(tl_avro_finish(&writer, &world->err), TL_OK);
}

static void test_what_is_written_is_read_back(void **state)
{
    struct world *world = *state;
    for (int deflate = 0; deflate < 2; deflate++) {
        struct tl_buf buf;
        struct tl_avro_file file;
        struct tl_avro_cursor cursor;
        uint64_t count;
        int i = 0;
        tl_buf_init(&buf, ARENA_BYTES);
        write_rounds(world, &buf, deflate);
        assert_int_equal(tl_avro_open(world->arena, (struct tl_str){buf.data, buf.size}, &file, &world->err), TL_OK);
        assert_true(tl_str_equal(tl_avro_metadata(&file, "avro.schema"), TL_STR(round_schema)));
        assert_true(tl_str_equal(tl_avro_metadata(&file, "content"), TL_STR("data")));
        while (tl_avro_block(&file, &cursor, &count, &world->err) == TL_OK && count > 0)
            for (; count-- > 0; i++) {
                int64_t number = 1;
                struct tl_str text;
                double real = -1;
                bool flag = false;
                assert_true(tl_avro_get_long(&cursor, field(file.schema, "a", 7), &number));
                assert_true(number == numbers[i % NUMBERS]);
                assert_int_equal(tl_avro_get_bytes(&cursor, field(file.schema, "b", 8), &text), i % 2);
                assert_true(tl_avro_get_double(&cursor, field(file.schema, "c", 9), &real));
                assert_true(real * 2 >= i && real * 2 <= i);
                assert_true(tl_avro_get_boolean(&cursor, field(file.schema, "d", 10), &flag));
                assert_int_equal(flag, i % 2);
            }
        assert_int_equal(i, ROUNDS);
        tl_buf_done(&buf);
    }
}

static void expect_schema(struct world *world, enum tl_code code, const char *json)
{
    const struct tl_avro_schema *schema;
    tl_err_init(&world->err);
    assert_int_equal(tl_avro_schema_parse(world->arena, tl_str_of(json), &schema, &world->err), code);
}

static void test_schemas_that_are_none_are_refused(void **state)
{
    struct world *world = *state;
    expect_schema(world, TL_OK, "\"long\"");
    expect_schema(world, TL_OK, "{\"type\":{\"type\":\"long\"},\"logicalType\":\"x\"}");
    expect_schema(world, TL_INVALID_ARGUMENT, "\"lang\"");
    expect_schema(world, TL_INVALID_ARGUMENT, "7");
    expect_schema(world, TL_INVALID_ARGUMENT, "{}");
    expect_schema(world, TL_INVALID_ARGUMENT, "{\"type\":\"record\",\"name\":\"r\"}");
    expect_schema(world, TL_INVALID_ARGUMENT, "{\"type\":\"record\",\"fields\":[]}");
    expect_schema(world, TL_INVALID_ARGUMENT, "{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}");
    expect_schema(world, TL_INVALID_ARGUMENT, "{\"type\":\"array\"}");
    expect_schema(world, TL_INVALID_ARGUMENT, "[[\"null\"]]");
    expect_schema(world, TL_UNSUPPORTED, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"r\"]}]}");
    struct tl_buf deep;
    tl_buf_init(&deep, 1024 * 1024);
    for (int i = 0; i < TL_AVRO_DEPTH_MAX + 2; i++)
        tl_buf_adds(&deep, "{\"type\":\"array\",\"items\":");
    tl_buf_adds(&deep, "\"int\"");
    for (int i = 0; i < TL_AVRO_DEPTH_MAX + 2; i++)
        tl_buf_addc(&deep, '}');
    expect_schema(world, TL_TOO_LARGE, tl_buf_cstr(&deep));
    tl_buf_done(&deep);
}

static void test_counts_larger_than_the_bytes_cost_nothing(void **state)
{
    struct world *world = *state;
    static const struct tl_avro_schema null_schema = {.kind = TL_AVRO_NULL};
    static const struct tl_avro_field item = {.name = "", .id = -1, .schema = &null_schema};
    static const struct tl_avro_schema list = {.kind = TL_AVRO_ARRAY, .count = 1, .fields = &item};
    struct tl_buf buf;
    struct tl_avro_cursor cursor;
    (void)world;
    tl_buf_init(&buf, 1024);
    tl_avro_put_long(&buf, INT64_MAX);
    tl_avro_cursor_init(&cursor, buf.data, buf.size);
    tl_avro_skip(&cursor, &list);
    assert_true(cursor.failed);
    tl_buf_clear(&buf);
    tl_avro_put_long(&buf, INT64_MIN);
    tl_avro_cursor_init(&cursor, buf.data, buf.size);
    tl_avro_skip(&cursor, &list);
    assert_true(cursor.failed);
    tl_buf_done(&buf);
}

static void test_a_block_that_unpacks_beyond_the_limit_is_refused(void **state)
{
    /* snappy: a length of 4 GiB, and a copy from before the beginning */
    static const char huge[] = "\xff\xff\xff\xff\x0f\x00""a", early[] = "\x08\x05\x01";
    struct tl_buf buf;
    (void)state;
    tl_buf_init(&buf, 1024);
    assert_false(tl_avro_snappy((struct tl_str){huge, sizeof huge - 1}, &buf));
    assert_false(tl_avro_snappy((struct tl_str){early, sizeof early - 1}, &buf));
    tl_buf_done(&buf);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_files_of_another_writer_are_read_to_the_last_value_in_every_codec),
        TEST(test_a_file_cut_anywhere_is_refused_or_ends_at_a_block),
        TEST(test_what_is_written_is_read_back),
        TEST(test_schemas_that_are_none_are_refused),
        TEST(test_counts_larger_than_the_bytes_cost_nothing),
        TEST(test_a_block_that_unpacks_beyond_the_limit_is_refused),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}

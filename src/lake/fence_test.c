/* No path that is not below the table's folder passes, however it is spelled and wherever in a manifest it stands. */
#include "lake/world_testing_int.h"

#include "lake/avro.h"
#include "lake/fence.h"

static const char folder[] = "file:///wh/s/t-1";

static void test_only_what_lies_below_the_folder_is_held(void **state)
{
    (void)state;
    static const char *const held[] = {"file:///wh/s/t-1/a", "/wh/s/t-1/data/x=a%2Fb c/y*.parquet", "file:/wh/s/t-1/..a/...", "file:///wh/s/t-1/\xC3\xA4"};
    static const char *const refused[] = {
        "", "/", "file:///wh/s/t-1", "file:///wh/s/t-1/", "file:///wh/s/t-10/a", "file:///wh/s/t-1/../t-2/a", "file:///wh/s/t-1/a/../b", "file:///wh/s/t-1/./a",
        "file:///wh/s/t-1//a", "file:///wh/s/t-1/a/", "file:///wh/s/t-1/a/..", "file:///WH/s/t-1/a", "file:///wh/s/./t-1/a", "file:////wh/s/t-1/a",
        "file://wh/s/t-1/a", "file://localhost/wh/s/t-1/a", "FILE:///wh/s/t-1/a", "wh/s/t-1/a", "./wh/s/t-1/a", "s3://wh/s/t-1/a", "http://x/wh/s/t-1/a",
        "file:///wh/s/t-1/a?b", "file:///wh/s/t-1/a#b", "file:///wh/s/t-1/a\\..\\b", "file:///wh/s/t-1/a\nb", "file:///wh/s/%74-1/a", "/wh/s/t-1\\a"};
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
        if (!tl_lake_fence_holds(tl_str_of(held[i]), folder))
            fail_msg("\"%s\" is refused", held[i]);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (tl_lake_fence_holds(tl_str_of(refused[i]), folder))
            fail_msg("\"%s\" is held", refused[i]);
    assert_false(tl_lake_fence_holds((struct tl_str){"file:///wh/s/t-1/a\0b", 20}, folder));
    assert_true(tl_lake_fence_holds(tl_str_of("s3a://bucket/wh/t/a"), "s3://bucket/wh/t"));
    assert_false(tl_lake_fence_holds(tl_str_of("s3://Bucket/wh/t/a"), "s3://bucket/wh/t"));
    assert_false(tl_lake_fence_holds(tl_str_of("s3://bucket.other/wh/t/a"), "s3://bucket/wh/t"));
    assert_false(tl_lake_fence_holds(tl_str_of("/a"), ""));
}

static void test_a_folder_is_the_same_in_each_of_its_spellings(void **state)
{
    (void)state;
    static const char *const same[] = {"file:///wh/s/t-1", "file:/wh/s/t-1/", "/wh/s/t-1//"};
    for (size_t i = 0; i < 3; i++)
        assert_true(tl_lake_fence_same(same[i], folder));
    assert_false(tl_lake_fence_same("/wh/s/t-2", folder));
    assert_false(tl_lake_fence_same("s3://wh/s/t-1", folder));
    assert_false(tl_lake_fence_same("/wh/s", folder));
}

/* A file of one record; each text of `values` is written as the schema's next string. */
static struct tl_str file_of(struct world *world, const char *schema, const struct tl_avro_pair *pairs, size_t pair_count,
                             const char *const *values, size_t count)
{
    struct tl_buf buf;
    struct tl_avro_writer writer;
    tl_buf_init(&buf, 1 << 20);
    assert_int_equal(tl_avro_begin(&writer, &buf, tl_str_of(schema), pairs, pair_count, false, &world->err), TL_OK);
    for (size_t i = 0; i < count; i++)
        tl_avro_put_bytes(&writer.block, tl_str_of(values[i]));
    tl_avro_record(&writer);
    assert_int_equal(tl_avro_finish(&writer, &world->err), TL_OK);
    struct tl_str bytes = {tl_arena_strndup(world->arena, buf.data, buf.size), buf.size};
    tl_buf_done(&buf);
    return bytes;
}

#define FIELD(name, id, type) "{\"name\":\"" name "\",\"field-id\":" id ",\"type\":" type "}"
#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define DATA_FILE(fields) RECORD("manifest_entry", FIELD("data_file", "2", RECORD("r2", fields)))

static enum tl_code check_in(struct world *world, const char *schema, const char *first, const char *second, const char *warehouse)
{
    const char *const values[] = {first, second};
    struct tl_str bytes = file_of(world, schema, NULL, 0, values, 2);
    tl_err_init(&world->err);
    return tl_lake_fence_avro(bytes, folder, warehouse, &world->err);
}

static void test_no_path_hides_behind_the_name_or_number_of_its_field(void **state)
{
    struct world *world = *state;
    static const char *const schemas[] = {
        RECORD("manifest_file", FIELD("manifest_path", "500", "\"string\"") "," FIELD("x", "9", "\"string\"")),
        DATA_FILE(FIELD("file_path", "100", "\"string\"") "," FIELD("referenced_data_file", "143", "\"string\"")),
        DATA_FILE(FIELD("a", "100", "\"string\"") "," FIELD("b", "7", "\"string\"")),
        DATA_FILE(FIELD("FILE_PATH", "7", "\"string\"") "," FIELD("b", "8", "\"string\"")),
        DATA_FILE(FIELD("a", "7", "\"string\"") "," FIELD("b", "8", "\"string\"")),
        DATA_FILE(FIELD("partition", "102", "\"string\"") "," FIELD("b", "8", "\"string\"")),
        RECORD("top", FIELD("partition", "102", RECORD("r", FIELD("file_path", "1000", "\"string\"") "," FIELD("b", "1001", "\"string\"")))),
        DATA_FILE(FIELD("partition", "102", RECORD("r102", FIELD("p", "100", "\"string\"") "," FIELD("q", "500", "\"string\"")))),
    };
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        if (check_in(world, schemas[i], "file:///wh/s/t-1/a.avro", "/wh/s/t-1/b", NULL) != TL_OK)
            fail_msg("%zu: %s", i, world->err.message);
        if (check_in(world, schemas[i], "file:///wh/s/t-2/a", "/wh/s/t-1/b", NULL) != TL_NOT_ALLOWED ||
            check_in(world, schemas[i], "file:///wh/s/t-1/a.avro", "/wh/s/t-2/b", NULL) != TL_NOT_ALLOWED)
            fail_msg("%zu: a path of another table passes", i);
    }
    assert_int_equal(check_in(world, schemas[0], "file:///wh/s/t-1/a.parquet", "b", NULL), TL_NOT_ALLOWED); /* not a manifest's name */
    /* what the partition of a file is called and holds is the table's own affair */
    static const char partition[] =
        DATA_FILE(FIELD("partition", "102", RECORD("r102", FIELD("file_path", "1000", "\"string\"") "," FIELD("b", "1001", "\"string\""))));
    assert_int_equal(check_in(world, partition, "file:///wh/s/t-2/a", "http://x/y", NULL), TL_OK);
    /* a path that no text is could be read as one */
    assert_int_equal(check_in(world, DATA_FILE(FIELD("file_path", "100", "\"bytes\"") "," FIELD("b", "8", "\"string\"")), "/wh/s/t-1/a", "b", NULL), TL_STATE);
    /* a commit is told of the warehouse's other files; what lies elsewhere nobody opens */
    assert_int_equal(check_in(world, schemas[1], "/elsewhere/a", "/wh/s/t-1/b", "file:///wh"), TL_OK);
    assert_int_equal(check_in(world, schemas[1], "/wh/elsewhere/a", "/wh/s/t-1/b", "file:///wh"), TL_NOT_ALLOWED);
    assert_int_equal(check_in(world, schemas[1], "/elsewhere/a", "/wh/s/t-1/b", NULL), TL_NOT_ALLOWED);
}

static void test_what_readers_take_in_two_ways_is_not_read(void **state)
{
    struct world *world = *state;
    static const char good[] = RECORD("r", FIELD("a", "7", "\"string\"") "," FIELD("b", "8", "\"string\""));
    static const char twice[] = "{\"type\":\"record\",\"name\":\"r\",\"fields\":[" FIELD("a", "7", "\"string\"") "," FIELD("b", "8", "\"string\"") "],"
                                "\"fields\":[" FIELD("file_path", "100", "\"string\"") "]}";
    static const char names[] = RECORD("r", "{\"name\":\"a\",\"name\":\"file_path\",\"type\":\"string\"}," FIELD("b", "8", "\"string\""));
    const struct tl_avro_pair pair = {"avro.schema", TL_STR(good)};
    const char *const values[] = {"a", "b"};
    assert_int_equal(check_in(world, good, "a", "b", NULL), TL_OK);
    assert_int_equal(check_in(world, twice, "a", "b", NULL), TL_INVALID_ARGUMENT);
    assert_int_equal(check_in(world, names, "a", "b", NULL), TL_INVALID_ARGUMENT);
    tl_err_init(&world->err);
    struct tl_str bytes = file_of(world, good, &pair, 1, values, 2);
    assert_int_equal(tl_lake_fence_avro(bytes, folder, NULL, &world->err), TL_STATE);
    tl_err_init(&world->err);
    assert_int_equal(tl_lake_fence_avro(TL_STR("PAR1"), folder, NULL, &world->err), TL_STATE);
    bytes = file_of(world, good, NULL, 0, values, 2);
    for (size_t size = 0; size < bytes.size; size += 7) {
        tl_err_init(&world->err);
        (void)!tl_lake_fence_avro((struct tl_str){bytes.data, size}, folder, NULL, &world->err); /* cut anywhere: an answer, no more */
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_only_what_lies_below_the_folder_is_held), TEST(test_a_folder_is_the_same_in_each_of_its_spellings),
        TEST(test_no_path_hides_behind_the_name_or_number_of_its_field), TEST(test_what_readers_take_in_two_ways_is_not_read),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}

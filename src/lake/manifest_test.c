/* Manifests that another program wrote are read; ours are read back in all three versions. */
#include "lake/manifest.h"

enum { SPEC_FIELDS = 4 };
#define WORLD_OWN                                                                                                                     \
    const tl_json *schema_json, *spec_json;                                                                                           \
    struct tl_lake_schema schema;                                                                                                     \
    struct tl_lake_spec spec;                                                                                                         \
    struct tl_lake_type types[SPEC_FIELDS];
#include "lake/world_testing_int.h"

static const char spec_text[] = "{\"spec-id\":3,\"fields\":[{\"name\":\"name\",\"transform\":\"identity\",\"source-id\":2,\"field-id\":1000},"
                                "{\"name\":\"d\",\"transform\":\"identity\",\"source-id\":3,\"field-id\":1001},"
                                "{\"name\":\"ts day\",\"transform\":\"day\",\"source-id\":4,\"field-id\":1002},"
                                "{\"name\":\"id_bucket\",\"transform\":\"bucket[16]\",\"source-id\":1,\"field-id\":1003}]}";
static const char schema_text[] = "{\"schema-id\":0,\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"
                                  "{\"id\":2,\"name\":\"name\",\"required\":false,\"type\":\"string\"},"
                                  "{\"id\":3,\"name\":\"d\",\"required\":false,\"type\":\"decimal(10, 2)\"},"
                                  "{\"id\":4,\"name\":\"ts\",\"required\":false,\"type\":\"timestamp\"}]}";

static int set_up_table(void **state)
{
    set_up(state);
    struct world *world = *state;
    world->schema_json = parse(world, schema_text);
    world->spec_json = parse(world, spec_text);
    assert_int_equal(tl_lake_schema_describe(world->arena, world->schema_json, &world->schema, &world->err), TL_OK);
    assert_int_equal(tl_lake_spec_describe(world->arena, world->spec_json, &world->spec, &world->err), TL_OK);
    tl_lake_spec_types(&world->spec, &world->schema, 1, world->types);
    return 0;
}

static void expect_text(struct tl_str got, const char *expected)
{
    if (!tl_str_equal(got, tl_str_of(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", (int)got.size, got.data, expected);
}

static void open_reader(struct world *world, struct tl_str bytes, const struct tl_lake_manifest *line, struct tl_lake_manifest_reader *reader)
{
    assert_int_equal(tl_lake_manifest_open(world->arena, bytes, line, &world->spec, world->types, true, reader, &world->err), TL_OK);
}

static bool next(struct world *world, struct tl_lake_manifest_reader *reader, struct tl_lake_entry *entry)
{
    bool more;
    assert_int_equal(tl_lake_manifest_next(reader, world->arena, entry, &more, &world->err), TL_OK);
    return more;
}

static void test_a_list_of_another_writer_is_read(void **state)
{
    struct world *world = *state;
    for (int version = 1; version <= 2; version++) {
        struct tl_lake_manifest *list;
        size_t count;
        struct tl_str bytes = corpus(world, version == 1 ? "list-v1" : "list-v2");
        assert_int_equal(tl_lake_manifest_list_read(world->arena, bytes, &list, &count, &world->err), TL_OK);
        assert_int_equal(count, 1);
        expect_text(list->path, "s3://b/metadata/m.avro");
        assert_int_equal(list->spec_id, 3);
        assert_false(list->deletes);
        assert_int_equal(list->added_snapshot_id, 77);
        assert_int_equal(list->sequence_number, version == 1 ? 0 : 9);
        assert_int_equal(list->added_files, 2);
        assert_int_equal(list->existing_files, 2);
        assert_int_equal(list->deleted_files, 2);
        assert_int_equal(list->added_rows, 30);
        assert_int_equal(list->existing_rows, 50);
        assert_int_equal(list->deleted_rows, 70);
        assert_int_equal(list->first_row_id, -1);
        assert_int_equal(list->partition_count, SPEC_FIELDS);
        assert_true(list->partitions[0].contains_null);
        assert_false(list->partitions[3].contains_null);
        expect_text(list->partitions[0].lower, "x1");
        expect_text(list->partitions[0].upper, "x5");
        struct tl_lake_value value;
        assert_true(tl_lake_value_decode(&world->types[1], list->partitions[1].upper, &value));
        assert_true(value.decimal == 525);
        assert_true(tl_lake_value_decode(&world->types[2], list->partitions[2].lower, &value));
        assert_int_equal(value.integer, 20000);
    }
}

static void check_columns(const struct tl_lake_file *file, int i)
{
    int64_t low;
    assert_int_equal(file->column_sizes.count, 2);
    assert_int_equal(file->column_sizes.items[1].count, 6);
    assert_int_equal(file->value_counts.items[0].count, 10 * i);
    assert_int_equal(file->null_counts.items[1].id, 2);
    assert_int_equal(file->null_counts.items[1].count, i);
    assert_int_equal(file->nan_counts.count, 0);
    assert_int_equal(file->lower.count, 2);
    memcpy(&low, file->lower.items[0].bytes.data, sizeof low);
    assert_int_equal(low, i);
    expect_text(file->upper.items[1].bytes, "z");
    assert_int_equal(file->split_offsets.count, 2);
    assert_int_equal(file->split_offsets.items[1], 400);
}

static void check_file(struct world *world, const struct tl_lake_file *file, int i)
{
    expect_text(file->path, tl_arena_printf(world->arena, "s3://b/data/f%d.parquet", i));
    expect_text(file->format, "PARQUET");
    assert_int_equal(file->content, TL_LAKE_DATA);
    assert_int_equal(file->record_count, 10 * i);
    assert_int_equal(file->size_bytes, 1000 + i);
    assert_int_equal(file->sort_order_id, i);
    assert_int_equal(file->key_metadata.size, i == 2);
    assert_int_equal(file->partition[0].is_null, i == 0);
    if (i)
        expect_text(file->partition[0].bytes, tl_arena_printf(world->arena, "x%d", i));
    assert_true(file->partition[1].decimal == 100 * i + 25);
    assert_int_equal(file->partition[2].integer, 20000 + i);
    assert_int_equal(file->partition[3].integer, i);
}

static void test_entries_of_another_writer_are_read_and_inherit(void **state)
{
    static const enum tl_lake_status statuses[] = {TL_LAKE_ADDED, TL_LAKE_EXISTING, TL_LAKE_DELETED};
    struct world *world = *state;
    for (int version = 1; version <= 2; version++) {
        struct tl_lake_manifest line = {.sequence_number = version == 1 ? 0 : 9, .added_snapshot_id = 77, .first_row_id = 1000};
        struct tl_lake_manifest_reader reader;
        struct tl_lake_entry entry;
        int i = 0;
        open_reader(world, corpus(world, version == 1 ? "data-v1" : "data-v2"), &line, &reader);
        for (; next(world, &reader, &entry); i++) {
            check_file(world, &entry.file, i);
            check_columns(&entry.file, i);
            assert_int_equal(entry.status, statuses[i % 3]);
            assert_int_equal(entry.snapshot_id, i == 4 ? 76 : 77);
            assert_int_equal(entry.sequence_number, version == 1 ? 0 : i % 3 == 0 ? 9 : 5);
            /* 0, 0 + 0, none for the deleted, 0 + 10, ... */
            static const int first_rows[] = {1000, 1000, -1, 1010, 1040, -1};
            assert_int_equal(entry.file.first_row_id, first_rows[i]);
        }
        assert_int_equal(i, 6);
    }
}

static struct tl_lake_file sample_file(struct world *world, int i)
{
    struct tl_lake_value *values = TL_NEW_ARRAY(world->arena, struct tl_lake_value, SPEC_FIELDS);
    values[0] = (struct tl_lake_value){.is_null = i % 3 == 0, .bytes = tl_str_of(tl_arena_printf(world->arena, "p%d", i % 7))};
    values[1] = (struct tl_lake_value){.decimal = i - 50};
    values[2] = (struct tl_lake_value){.integer = i * 10 - 500};
    values[3] = (struct tl_lake_value){.integer = i % 16};
    static const struct tl_lake_count counts[] = {{1, 10}, {2, 0}};
    static const struct tl_lake_bound bounds[] = {{1, {"\1\0\0\0\0\0\0\0", 8}}};
    static const int64_t ids[] = {4, 1000};
    return (struct tl_lake_file){
        .path = tl_str_of(tl_arena_printf(world->arena, "file:///w/data/%d.parquet", i)), .format = TL_STR("PARQUET"), .partition = values,
        .content = i % 5 == 4 ? TL_LAKE_EQUALITY_DELETES : TL_LAKE_DATA, .record_count = i, .size_bytes = 100 + i,
        .column_sizes = {counts, 2}, .null_counts = {counts, 1}, .lower = {bounds, 1}, .upper = {bounds, 1}, .split_offsets = {ids, 2},
        .equality_ids = {ids, i % 5 == 4 ? 1 : 0}, .sort_order_id = i % 2 ? 1 : -1, .first_row_id = i % 4 ? -1 : 7 * i,
        .referenced_file = i % 6 ? (struct tl_str){"", 0} : TL_STR("file:///w/x"), .content_offset = i % 6 ? -1 : 4, .content_size = i % 6 ? -1 : 9};
}

enum { SAMPLES = 100 };

static void write_samples(struct world *world, int version, struct tl_buf *buf, struct tl_lake_manifest *line)
{
    struct tl_lake_manifest_writer writer;
    struct tl_lake_manifest_info info = {.format_version = version, .schema = world->schema_json, .spec_json = world->spec_json,
                                         .spec = &world->spec, .types = world->types, .snapshot_id = 42};
    assert_int_equal(tl_lake_manifest_begin(world->arena, buf, &info, &writer, &world->err), TL_OK);
    for (int i = 0; i < SAMPLES; i++) {
        struct tl_lake_entry entry = {.status = i % 2 ? TL_LAKE_EXISTING : TL_LAKE_ADDED, .snapshot_id = i % 2 ? 41 : 42,
                                      .sequence_number = i % 2 ? 3 + i : -1, .file_sequence_number = i % 2 ? 3 + i : -1,
                                      .file = sample_file(world, i)};
        tl_lake_manifest_add(&writer, &entry);
    }
    assert_int_equal(tl_lake_manifest_finish(&writer, line, &world->err), TL_OK);
    assert_int_equal(line->size_bytes, buf->size);
}

static void check_sample(const struct tl_lake_entry *entry, const struct tl_lake_file *expected, int i, int version)
{
    const struct tl_lake_file *file = &entry->file;
    assert_int_equal(entry->snapshot_id, i % 2 ? 41 : 42);
    assert_int_equal(entry->sequence_number, version == 1 ? 0 : i % 2 ? 3 + i : 9);
    assert_true(tl_str_equal(file->path, expected->path));
    assert_int_equal(file->record_count, expected->record_count);
    assert_int_equal(file->size_bytes, expected->size_bytes);
    assert_int_equal(file->content, version == 1 ? TL_LAKE_DATA : expected->content);
    assert_int_equal(file->sort_order_id, expected->sort_order_id);
    assert_int_equal(file->column_sizes.count, 2);
    assert_int_equal(file->value_counts.count, 0);
    assert_int_equal(file->lower.count, 1);
    assert_true(tl_str_equal(file->upper.items[0].bytes, expected->upper.items[0].bytes));
    assert_int_equal(file->split_offsets.items[1], 1000);
    assert_int_equal(file->equality_ids.count, version == 1 ? 0 : expected->equality_ids.count);
    assert_true(version == 1 || tl_str_equal(file->referenced_file, expected->referenced_file));
    if (version == 3) {
        assert_int_equal(file->content_offset, expected->content_offset);
        assert_int_equal(file->content_size, expected->content_size);
    }
    assert_int_equal(file->partition[0].is_null, expected->partition[0].is_null);
    assert_true(file->partition[1].decimal == expected->partition[1].decimal);
    assert_int_equal(file->partition[2].integer, expected->partition[2].integer);
    assert_int_equal(file->partition[3].integer, expected->partition[3].integer);
}

static void test_what_is_written_is_read_back_in_every_version(void **state)
{
    struct world *world = *state;
    for (int version = 1; version <= 3; version++) {
        struct tl_buf buf;
        struct tl_lake_manifest line;
        struct tl_lake_manifest_reader reader;
        struct tl_lake_entry entry;
        int i = 0;
        tl_buf_init(&buf, ARENA_BYTES);
        write_samples(world, version, &buf, &line);
        assert_int_equal(line.added_files + line.existing_files, SAMPLES);
        assert_int_equal(line.added_rows, 2450);
        assert_int_equal(line.min_sequence_number, 4);
        assert_true(line.partitions[0].contains_null);
        assert_false(line.partitions[1].contains_null);
        line.sequence_number = version == 1 ? 0 : 9;
        open_reader(world, (struct tl_str){buf.data, buf.size}, &line, &reader);
        expect_text(tl_avro_metadata(&reader.file, "partition-spec-id"), "3");
        expect_text(tl_avro_metadata(&reader.file, "format-version"), version == 1 ? "1" : version == 2 ? "2" : "3");
        for (; next(world, &reader, &entry); i++) {
            struct tl_lake_file expected = sample_file(world, i);
            check_sample(&entry, &expected, i, version);
        }
        assert_int_equal(i, SAMPLES);
        tl_buf_done(&buf);
    }
}

static void test_a_list_that_is_written_is_read_back_in_every_version(void **state)
{
    struct world *world = *state;
    struct tl_lake_summary summaries[] = {
        {.contains_null = true, .contains_nan = -1, .has_lower = true, .lower = TL_STR("a"), .has_upper = true, .upper = TL_STR("")},
        {.contains_nan = 1},
    };
    struct tl_lake_manifest lines[] = {
        {.path = TL_STR("file:///w/m0.avro"), .size_bytes = 1, .spec_id = 2, .sequence_number = 3, .min_sequence_number = 2,
         .added_snapshot_id = INT64_MAX, .added_files = 5, .existing_files = 6, .deleted_files = 7, .added_rows = 8, .existing_rows = 9,
         .deleted_rows = 10, .partitions = summaries, .partition_count = 2, .key_metadata = TL_STR("k"), .first_row_id = 77},
        {.path = TL_STR("file:///w/m1.avro"), .deletes = true, .added_files = -1, .first_row_id = -1},
    };
    for (int version = 1; version <= 3; version++) {
        struct tl_buf buf;
        struct tl_lake_manifest *list;
        size_t count;
        struct tl_lake_list_info info = {.format_version = version, .snapshot_id = 5, .parent_id = -1, .sequence_number = 3};
        tl_buf_init(&buf, ARENA_BYTES);
        assert_int_equal(tl_lake_manifest_list_write(&buf, &info, lines, 2, &world->err), TL_OK);
        assert_int_equal(tl_lake_manifest_list_read(world->arena, (struct tl_str){buf.data, buf.size}, &list, &count, &world->err), TL_OK);
        assert_int_equal(count, 2);
        expect_text(list[0].path, "file:///w/m0.avro");
        assert_true(list[0].added_snapshot_id == INT64_MAX);
        assert_int_equal(list[0].sequence_number, version == 1 ? 0 : 3);
        assert_int_equal(list[0].deleted_rows, 10);
        assert_int_equal(list[0].first_row_id, version == 3 ? 77 : -1);
        assert_int_equal(list[0].partition_count, 2);
        assert_true(list[0].partitions[0].has_upper && list[0].partitions[0].upper.size == 0);
        assert_int_equal(list[0].partitions[0].contains_nan, -1);
        assert_int_equal(list[0].partitions[1].contains_nan, 1);
        assert_false(list[0].partitions[1].has_lower);
        expect_text(list[0].key_metadata, "k");
        assert_int_equal(list[1].deletes, version > 1);
        assert_null(list[1].partitions);
        assert_int_equal(list[1].added_files, version == 1 ? -1 : 0);
        tl_buf_done(&buf);
    }
}

static void test_a_partition_column_that_is_gone_says_nothing(void **state)
{
    struct world *world = *state;
    struct tl_lake_schema other;
    struct tl_lake_manifest line = {.sequence_number = 9};
    struct tl_lake_manifest_reader reader;
    struct tl_lake_entry entry;
    const tl_json *json = parse(world, "{\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"id\",\"type\":\"long\"}]}");
    assert_int_equal(tl_lake_schema_describe(world->arena, json, &other, &world->err), TL_OK);
    tl_lake_spec_types(&world->spec, &other, 1, world->types);
    open_reader(world, corpus(world, "data-v2"), &line, &reader);
    while (next(world, &reader, &entry)) {
        assert_true(entry.file.partition[0].is_null && entry.file.partition[1].is_null && entry.file.partition[2].is_null);
        assert_false(entry.file.partition[3].is_null);
    }
}

static void test_a_list_is_no_manifest_and_a_cut_one_is_refused(void **state)
{
    struct world *world = *state;
    struct tl_lake_manifest line = {0}, *list;
    struct tl_lake_manifest_reader reader;
    struct tl_lake_entry entry;
    bool more;
    size_t count;
    open_reader(world, corpus(world, "list-v2"), &line, &reader);
    assert_int_equal(tl_lake_manifest_next(&reader, world->arena, &entry, &more, &world->err), TL_STATE);
    tl_err_init(&world->err);
    assert_int_equal(tl_lake_manifest_list_read(world->arena, corpus(world, "data-v2"), &list, &count, &world->err), TL_STATE);
    tl_err_init(&world->err);
    struct tl_str bytes = corpus(world, "list-v2");
    bytes.size -= 3;
    assert_int_equal(tl_lake_manifest_list_read(world->arena, bytes, &list, &count, &world->err), TL_STATE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_table, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_list_of_another_writer_is_read),
        TEST(test_entries_of_another_writer_are_read_and_inherit),
        TEST(test_what_is_written_is_read_back_in_every_version),
        TEST(test_a_list_that_is_written_is_read_back_in_every_version),
        TEST(test_a_partition_column_that_is_gone_says_nothing),
        TEST(test_a_list_is_no_manifest_and_a_cut_one_is_refused),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}

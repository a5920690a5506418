/* Which files a scan needs: ruled out by manifest, partition and bounds; with the deletes that reach them and no others. */
#include <math.h>

#include "lake/plan_testing_int.h"

static const char specs[] = "[{\"spec-id\":1,\"fields\":[]},"
                            "{\"spec-id\":0,\"fields\":[{\"name\":\"day\",\"transform\":\"day\",\"source-id\":4,\"field-id\":1000},"
                            "{\"name\":\"bucket\",\"transform\":\"bucket[4]\",\"source-id\":1,\"field-id\":1001},"
                            "{\"name\":\"start\",\"transform\":\"truncate[2]\",\"source-id\":2,\"field-id\":1002}]}]";

static int set_up(void **state)
{
    *state = world_make(specs);
    return 0;
}

static int tear_down(void **state)
{
    world_end(*state);
    return 0;
}

/* A row as a file of it alone would be described. */
struct row {
    int64_t id;
    const char *name; /* NULL: null */
    double x;
    int64_t ts_us; /* -1: null */
};

static struct tl_str bound(struct world *world, enum tl_lake_type_id id, struct tl_lake_value value)
{
    struct tl_buf buf;
    struct tl_lake_type type = {.id = id};
    tl_buf_init(&buf, 1000);
    tl_lake_value_encode(&buf, &type, &value);
    struct tl_str bytes = {tl_arena_strndup(world->arena, tl_buf_cstr(&buf), buf.size), buf.size};
    tl_buf_done(&buf);
    return bytes;
}

static void row_values(const struct row *row, struct tl_lake_value values[4])
{
    values[0] = (struct tl_lake_value){.integer = row->id};
    values[1] = (struct tl_lake_value){.is_null = !row->name, .bytes = tl_str_of(row->name)};
    values[2] = (struct tl_lake_value){.number = row->x};
    values[3] = (struct tl_lake_value){.is_null = row->ts_us == -1, .integer = row->ts_us};
}

static struct tl_lake_entry file_of(struct world *world, const char *path, const struct row *row, const struct tl_lake_spec *spec)
{
    static const enum tl_lake_type_id ids[] = {TL_LAKE_LONG, TL_LAKE_STRING, TL_LAKE_DOUBLE, TL_LAKE_TIMESTAMP};
    struct tl_lake_value values[4], *partition = TL_NEW_ARRAY(world->arena, struct tl_lake_value, 4);
    struct tl_lake_count *counts = TL_NEW_ARRAY(world->arena, struct tl_lake_count, 4), *nulls = TL_NEW_ARRAY(world->arena, struct tl_lake_count, 4);
    struct tl_lake_bound *bounds = TL_NEW_ARRAY(world->arena, struct tl_lake_bound, 4);
    struct tl_lake_count *nans = TL_NEW(world->arena, struct tl_lake_count);
    size_t bound_count = 0;
    row_values(row, values);
    for (int i = 0; i < 4; i++) {
        bool nan = ids[i] == TL_LAKE_DOUBLE && row->x != row->x;
        counts[i] = (struct tl_lake_count){i + 1, 1};
        nulls[i] = (struct tl_lake_count){i + 1, values[i].is_null};
        if (nan)
            nans->count = 1;
        if (!values[i].is_null && !nan)
            bounds[bound_count++] = (struct tl_lake_bound){i + 1, bound(world, ids[i], values[i])};
    }
    nans->id = 3;
    for (size_t i = 0; i < spec->count; i++) {
        const struct tl_lake_field *field = tl_lake_schema_field(world->table.schema, spec->fields[i].source_id);
        tl_lake_transform_apply(&spec->fields[i].transform, &field->type, &values[field->id - 1], &partition[i]);
    }
    return (struct tl_lake_entry){.status = TL_LAKE_ADDED, .snapshot_id = 1, .sequence_number = -1, .file_sequence_number = -1,
                                  .file = {.path = tl_str_of(path), .format = TL_STR("PARQUET"), .partition = partition, .record_count = 1,
                                           .size_bytes = 10, .value_counts = {counts, 4}, .null_counts = {nulls, 4}, .nan_counts = {nans, 1},
                                           .lower = {bounds, bound_count}, .upper = {bounds, bound_count}, .sort_order_id = -1,
                                           .first_row_id = -1, .content_offset = -1, .content_size = -1}};
}

static const struct row rows[] = {
    {1, "alpha", 1.5, 0},       {2, "beta", -2.0, 86399999999}, {3, NULL, 0.0, 86400000000}, {4, "gamma", 1e9, -86400000000},
    {5, "\xc3\xa4rger", 7, -1}, {6, "", 0.5, 864000000000},     {7, "al", NAN, 1},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* Bit i: row i's file is planned. */
static unsigned planned(struct world *world, const char *filter)
{
    struct tl_lake_plan plan;
    struct tl_lake_plan_request request = {.snapshot_id = 1, .filter = filter ? world_filter(world, filter) : NULL};
    unsigned bits = 0;
    if (tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err) != TL_OK)
        fail_msg("%s", world->err.message);
    for (size_t i = 0; i < plan.count; i++)
        bits |= 1U << (plan.files[i].file.path.data[plan.files[i].file.path.size - 1] - '0');
    return bits;
}

static void write_rows(struct world *world, int64_t spec_id, size_t per_manifest)
{
    const struct tl_lake_spec *spec = tl_lake_table_spec(&world->table, spec_id);
    struct tl_lake_entry entries[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        entries[i] = file_of(world, tl_arena_printf(world->arena, "%s/%zu", world->table.location, i), &rows[i], spec);
    for (size_t i = 0; i < ROWS; i += per_manifest)
        world_manifest(world, spec_id, false, 5, entries + i, ROWS - i < per_manifest ? ROWS - i : per_manifest);
    world_list(world);
}

static const struct {
    const char *filter;
    unsigned rows; /* bits of the rows that match; of files of one row each just these may be planned */
} cases[] = {
    {"{\"type\":\"eq\",\"term\":\"id\",\"value\":3}", 0x04},
    {"{\"type\":\"eq\",\"term\":{\"type\":\"reference\",\"term\":\"id\"},\"value\":30}", 0},
    {"{\"type\":\"lt\",\"term\":\"id\",\"value\":3}", 0x03},
    {"{\"type\":\"lt-eq\",\"term\":\"id\",\"value\":3}", 0x07},
    {"{\"type\":\"gt\",\"term\":\"id\",\"value\":5}", 0x60},
    {"{\"type\":\"gt-eq\",\"term\":\"id\",\"value\":5}", 0x70},
    {"{\"type\":\"not\",\"child\":{\"type\":\"gt-eq\",\"term\":\"id\",\"value\":5}}", 0x0f},
    {"{\"type\":\"in\",\"term\":\"id\",\"values\":[1,7,9]}", 0x41},
    {"{\"type\":\"is-null\",\"term\":\"name\"}", 0x04},
    {"{\"type\":\"not-null\",\"term\":\"name\"}", 0x7b},
    {"{\"type\":\"is-nan\",\"term\":\"x\"}", 0x40},
    {"{\"type\":\"starts-with\",\"term\":\"name\",\"value\":\"al\"}", 0x41},
    {"{\"type\":\"starts-with\",\"term\":\"name\",\"value\":\"alp\"}", 0x01},
    {"{\"type\":\"starts-with\",\"term\":\"name\",\"value\":\"\xc3\xa4\"}", 0x10},
    {"{\"type\":\"eq\",\"term\":\"name\",\"value\":\"beta\"}", 0x02},
    {"{\"type\":\"gt\",\"term\":\"name\",\"value\":\"beta\"}", 0x18},
    {"{\"type\":\"lt\",\"term\":\"x\",\"value\":0}", 0x42}, /* of a file with nothing but NaN no bounds are known */
    {"{\"type\":\"gt\",\"term\":\"x\",\"value\":7}", 0x48}, /* the file with NaN may match: some engines sort it above all numbers */
    {"{\"type\":\"eq\",\"term\":\"ts\",\"value\":\"1970-01-01T00:00:00\"}", 0x01},
    {"{\"type\":\"lt\",\"term\":\"ts\",\"value\":\"1970-01-01T00:00:00\"}", 0x08},
    {"{\"type\":\"gt-eq\",\"term\":\"ts\",\"value\":\"1970-01-02T00:00:00\"}", 0x24},
    {"{\"type\":\"is-null\",\"term\":\"ts\"}", 0x10},
    {"{\"type\":\"and\",\"left\":{\"type\":\"gt\",\"term\":\"id\",\"value\":1},\"right\":{\"type\":\"lt\",\"term\":\"x\",\"value\":1}}", 0x66},
    {"{\"type\":\"or\",\"left\":{\"type\":\"eq\",\"term\":\"id\",\"value\":1},\"right\":{\"type\":\"eq\",\"term\":\"name\",\"value\":\"gamma\"}}", 0x09},
    {"true", 0x7f},
    {"{\"type\":\"false\"}", 0},
    {"{\"type\":\"not\",\"child\":true}", 0},
    {"{\"type\":\"eq\",\"term\":{\"type\":\"transform\",\"transform\":\"day\",\"term\":\"ts\"},\"value\":7}", 0x7f},
};

static void test_files_of_one_row_are_planned_just_when_the_row_matches(void **state)
{
    struct world *world = *state;
    write_rows(world, 0, ROWS);
    assert_int_equal(planned(world, NULL), 0x7f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (planned(world, cases[i].filter) != cases[i].rows)
            fail_msg("%s: files %#x, not %#x", cases[i].filter, planned(world, cases[i].filter), cases[i].rows);
}

/* By its partition alone, and by its manifest's bounds alone, a file that matches is never ruled out. */
static void test_partitions_and_manifests_never_rule_out_a_match(void **state)
{
    struct world *world = *state;
    const struct tl_lake_spec *spec = tl_lake_table_spec(&world->table, 0);
    unsigned ruled_out = 0;
    write_rows(world, 0, 1);
    tl_lake_spec_types(spec, world->table.schemas, 1, world->types);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const tl_lake_filter *filter = world_filter(world, cases[i].filter);
        for (size_t r = 0; r < ROWS; r++) {
            struct tl_lake_entry entry = file_of(world, "x", &rows[r], spec);
            bool matches = cases[i].rows & (1U << r), by_manifest = tl_lake_filter_manifest(filter, spec, world->types, &world->lines[r]);
            bool by_partition = tl_lake_filter_partition(filter, spec, world->types, entry.file.partition);
            if (matches && (!by_manifest || !by_partition))
                fail_msg("%s rules out row %zu", cases[i].filter, r);
            ruled_out += !by_manifest;
            ruled_out += !by_partition;
        }
    }
    assert_true(ruled_out > 100);
}

static void test_manifests_that_cannot_match_are_not_read(void **state)
{
    struct world *world = *state;
    struct tl_lake_plan plan;
    write_rows(world, 0, 1);
    struct tl_lake_plan_request request = {.snapshot_id = 1, .filter = world_filter(world, "{\"type\":\"eq\",\"term\":\"name\",\"value\":\"beta\"}")};
    assert_int_equal(tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err), TL_OK);
    assert_int_equal(plan.manifests_total, ROWS);
    assert_int_equal(plan.manifests_read, 1);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.files[0].file.lower.count, 0);
    request.with_columns = true;
    assert_int_equal(tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err), TL_OK);
    assert_int_equal(plan.files[0].file.lower.count, 4);
    request.files_max = 3;
    request.filter = NULL;
    assert_int_equal(tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err), TL_TOO_LARGE);
}

static void test_values_that_a_partition_holds_alone_rule_out_inequality(void **state)
{
    struct world *world = world_make("[{\"spec-id\":0,\"fields\":[{\"name\":\"name\",\"transform\":\"identity\",\"source-id\":2,\"field-id\":1000}]}]");
    (void)state;
    write_rows(world, 0, ROWS);
    assert_int_equal(planned(world, "{\"type\":\"not-eq\",\"term\":\"name\",\"value\":\"beta\"}"), 0x7d);
    assert_int_equal(planned(world, "{\"type\":\"not-in\",\"term\":\"name\",\"values\":[\"beta\",\"al\"]}"), 0x3d);
    world_end(world);
}

static void expect_refused(struct world *world, enum tl_code code, const char *text)
{
    const tl_json *json;
    const tl_lake_filter *filter;
    tl_err_init(&world->err);
    assert_int_equal(tl_json_parse(world->arena, text, strlen(text), &json, &world->err), TL_OK);
    assert_int_equal(tl_lake_filter_parse(world->arena, world->table.schema, json, &filter, &world->err), code);
}

static void test_filters_that_are_none_are_refused(void **state)
{
    struct world *world = *state;
    expect_refused(world, TL_OK, "null");
    expect_refused(world, TL_INVALID_ARGUMENT, "{}");
    expect_refused(world, TL_INVALID_ARGUMENT, "7");
    expect_refused(world, TL_INVALID_ARGUMENT, "{\"type\":\"like\",\"term\":\"id\",\"value\":1}");
    expect_refused(world, TL_INVALID_ARGUMENT, "{\"type\":\"eq\",\"term\":\"id\"}");
    expect_refused(world, TL_INVALID_ARGUMENT, "{\"type\":\"eq\",\"value\":1}");
    expect_refused(world, TL_INVALID_ARGUMENT, "{\"type\":\"eq\",\"term\":\"id\",\"value\":\"x\"}");
    expect_refused(world, TL_INVALID_ARGUMENT, "{\"type\":\"in\",\"term\":\"id\",\"values\":3}");
    expect_refused(world, TL_COLUMN_NOT_FOUND, "{\"type\":\"eq\",\"term\":\"nope\",\"value\":1}");
    expect_refused(world, TL_INVALID_ARGUMENT, "{\"type\":\"and\",\"left\":true}");
    struct tl_buf deep;
    tl_buf_init(&deep, 100000);
    for (int i = 0; i < TL_LAKE_FILTER_DEPTH_MAX + 2; i++)
        tl_buf_adds(&deep, "{\"type\":\"not\",\"child\":");
    tl_buf_adds(&deep, "true");
    for (int i = 0; i < TL_LAKE_FILTER_DEPTH_MAX + 2; i++)
        tl_buf_addc(&deep, '}');
    expect_refused(world, TL_TOO_LARGE, tl_buf_cstr(&deep));
    tl_buf_done(&deep);
}

/* --- deletes --- */

static const char *below(struct world *world, const char *name)
{
    return tl_arena_printf(world->arena, "%s/%s", world->table.location, name);
}

static struct tl_lake_entry delete_of(struct world *world, const char *path, enum tl_lake_content content, const struct row *row,
                                      const struct tl_lake_spec *spec, const char *named)
{
    struct tl_lake_entry entry = file_of(world, below(world, path), row, spec);
    entry.file.content = content;
    entry.file.lower = entry.file.upper = (struct tl_lake_bounds){0};
    entry.file.referenced_file = tl_str_of(named ? below(world, named) : NULL);
    return entry;
}

/* The last letters of the deletes of the file with this name, in order. */
static const char *deletes_of(struct world *world, const char *path)
{
    struct tl_lake_plan plan;
    struct tl_lake_plan_request request = {.snapshot_id = 1};
    char letters[32] = "none";
    if (tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err) != TL_OK)
        fail_msg("%s", world->err.message);
    for (size_t i = 0; i < plan.count; i++)
        if (tl_str_equal(plan.files[i].file.path, tl_str_of(below(world, path)))) {
            for (size_t d = 0; d < plan.files[i].delete_count; d++) {
                struct tl_str name = plan.deletes[plan.files[i].deletes[d]].file.path;
                letters[d] = name.data[name.size - 1];
            }
            letters[plan.files[i].delete_count] = '\0';
        }
    return tl_arena_strdup(world->arena, letters);
}

static void test_deletes_reach_the_files_they_are_for_and_no_others(void **state)
{
    struct world *world = *state;
    const struct tl_lake_spec *spec = tl_lake_table_spec(&world->table, 0), *flat = tl_lake_table_spec(&world->table, 1);
    struct tl_lake_entry files[] = {file_of(world, below(world, "old"), &rows[0], spec), file_of(world, below(world, "other"), &rows[1], spec),
                                    file_of(world, below(world, "named"), &rows[0], spec)};
    struct tl_lake_entry same_age[] = {file_of(world, below(world, "same"), &rows[0], spec)}, newer[] = {file_of(world, below(world, "new"), &rows[0], spec)};
    struct tl_lake_entry deletes[] = {
        delete_of(world, "p", TL_LAKE_POSITION_DELETES, &rows[0], spec, NULL),
        delete_of(world, "e", TL_LAKE_EQUALITY_DELETES, &rows[0], spec, NULL),
        delete_of(world, "n", TL_LAKE_POSITION_DELETES, &rows[0], spec, "named"),
    };
    struct tl_lake_entry global[] = {delete_of(world, "g", TL_LAKE_EQUALITY_DELETES, &rows[0], flat, NULL)};
    world_manifest(world, 0, false, 4, files, 3);
    world_manifest(world, 0, false, 5, same_age, 1);
    world_manifest(world, 0, false, 6, newer, 1);
    world_manifest(world, 0, true, 5, deletes, 3);
    world_manifest(world, 1, true, 5, global, 1);
    world_list(world);
    assert_string_equal(deletes_of(world, "old"), "gpe");
    assert_string_equal(deletes_of(world, "other"), "g");
    assert_string_equal(deletes_of(world, "named"), "ngpe");
    assert_string_equal(deletes_of(world, "same"), "p"); /* equality deletes reach older files only */
    assert_string_equal(deletes_of(world, "new"), "");
}

static void test_a_deletion_vector_replaces_position_deletes_of_its_file(void **state)
{
    struct world *world = *state;
    const struct tl_lake_spec *spec = tl_lake_table_spec(&world->table, 0);
    struct tl_lake_entry files[] = {file_of(world, below(world, "a"), &rows[0], spec), file_of(world, below(world, "b"), &rows[0], spec)};
    struct tl_lake_entry deletes[] = {delete_of(world, "p", TL_LAKE_POSITION_DELETES, &rows[0], spec, NULL),
                                      delete_of(world, "v", TL_LAKE_POSITION_DELETES, &rows[0], spec, "a"),
                                      delete_of(world, "e", TL_LAKE_EQUALITY_DELETES, &rows[0], spec, NULL)};
    deletes[1].file.content_offset = 4;
    deletes[1].file.content_size = 40;
    world_manifest(world, 0, false, 4, files, 2);
    world_manifest(world, 0, true, 5, deletes, 3);
    world_list(world);
    assert_string_equal(deletes_of(world, "a"), "ve");
    assert_string_equal(deletes_of(world, "b"), "pe");
}

static void test_missing_and_broken_manifests_are_said(void **state)
{
    struct world *world = *state;
    struct tl_lake_plan plan;
    struct tl_lake_plan_request request = {.snapshot_id = 2};
    assert_int_equal(tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err), TL_NOT_FOUND);
    request.snapshot_id = 1;
    tl_err_init(&world->err);
    assert_int_equal(tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err), TL_NOT_FOUND);
    tl_err_init(&world->err);
    write_rows(world, 0, ROWS);
    const char *path = tl_arena_printf(world->arena, "%s/m0.avro", world->table.location);
    assert_int_equal(tl_objects_write(world->objects, path, "Obj\1x", 5, false, &world->err), TL_OK);
    assert_int_equal(tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err), TL_STATE);
    atomic_bool cancelled = true;
    request.cancelled = &cancelled;
    tl_err_init(&world->err);
    assert_int_equal(tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err), TL_CANCELLED);
}

static void test_a_plan_names_files_below_the_tables_folder_only(void **state)
{
    struct world *world = *state;
    const char *const outside[] = {"file:///etc/x.parquet", "s3://bucket/x.parquet", "x.parquet",
                                   tl_arena_printf(world->arena, "%s-2/x.parquet", world->table.location),
                                   below(world, "../other/x.parquet"), below(world, "data//x.parquet"), below(world, "./x.parquet"), below(world, ""),
                                   below(world, "x.parquet?versionId=1"), below(world, "x\\..\\y")};
    const struct tl_lake_spec *spec = tl_lake_table_spec(&world->table, 0);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        struct tl_lake_plan plan;
        struct tl_lake_plan_request request = {.snapshot_id = 1};
        struct tl_lake_entry files[] = {file_of(world, below(world, "a=%2F..%2Fb/c"), &rows[0], spec), file_of(world, outside[i], &rows[0], spec)};
        world->line_count = 0;
        tl_err_init(&world->err);
        world_manifest(world, 0, false, 4, files, 2);
        world_list(world);
        if (tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err) != TL_NOT_ALLOWED)
            fail_msg("\"%s\" is planned", outside[i]);
        tl_err_init(&world->err);
        world->line_count = 0;
        world_manifest(world, 0, false, 4, files, 1);
        world->lines[0].path = tl_str_of(outside[i]);
        world_list(world);
        if (tl_lake_plan(world->objects, world->arena, &world->table, &request, &plan, &world->err) != TL_NOT_ALLOWED)
            fail_msg("the manifest \"%s\" is read", outside[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_files_of_one_row_are_planned_just_when_the_row_matches),
        TEST(test_partitions_and_manifests_never_rule_out_a_match),
        TEST(test_manifests_that_cannot_match_are_not_read),
        TEST(test_values_that_a_partition_holds_alone_rule_out_inequality),
        TEST(test_filters_that_are_none_are_refused),
        TEST(test_deletes_reach_the_files_they_are_for_and_no_others),
        TEST(test_a_deletion_vector_replaces_position_deletes_of_its_file),
        TEST(test_missing_and_broken_manifests_are_said),
        TEST(test_a_plan_names_files_below_the_tables_folder_only),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Table metadata of every version as structures, and back without a loss. */
#include <stdio.h>

#include "lake/describe.h"
#include "lake/lake_int.h"

#define WORLD_OWN                                                                                                                     \
    struct tl_lake_metadata metadata;                                                                                                 \
    struct tl_lake_table table;
#include "lake/world_testing_int.h"

static void describe(struct world *world, const tl_json *json)
{
    if (tl_lake_metadata_read(world->arena, json, &world->metadata, &world->err) != TL_OK ||
        tl_lake_metadata_check(world->arena, &world->metadata, &world->err) != TL_OK ||
        tl_lake_table_describe(world->arena, &world->metadata, &world->table, &world->err) != TL_OK)
        fail_msg("%s", world->err.message);
}

static const tl_json *written(struct world *world)
{
    struct tl_buf buf;
    const tl_json *json;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_lake_metadata_write(&world->metadata, &buf);
    assert_int_equal(tl_lake_json_from(world->arena, &buf, &json, &world->err), TL_OK);
    tl_buf_done(&buf);
    return json;
}

/* The example of Iceberg's own tests for version 1, with what older writers leave out left out. */
static const char version_1[] =
    "{\"format-version\":1,\"location\":\"s3://bucket/test/location\",\"last-updated-ms\":1602638573874,\"last-column-id\":3,"
    "\"schema\":{\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"x\",\"required\":true,\"type\":\"long\"},"
    "{\"id\":2,\"name\":\"y\",\"required\":true,\"type\":\"long\",\"doc\":\"comment\"},{\"id\":3,\"name\":\"z\",\"required\":true,\"type\":\"long\"}]},"
    "\"partition-spec\":[{\"name\":\"x\",\"transform\":\"identity\",\"source-id\":1,\"field-id\":1000}],\"properties\":{\"a\":\"b\"},"
    "\"current-snapshot-id\":-1,\"snapshots\":[{\"snapshot-id\":1925,\"timestamp-ms\":1602638573822,\"manifests\":[\"s3://a/m0.avro\",7]}],"
    "\"written-by\":\"another\"}";

static void test_version_1_is_read_as_what_it_means_and_written_so_that_old_readers_find_it(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 2; round++) {
        describe(world, round ? written(world) : parse(world, version_1));
        const struct tl_lake_table *table = &world->table;
        assert_int_equal(table->format_version, 1);
        assert_int_equal(strlen(table->uuid), 36);
        assert_int_equal(table->schema->root.count, 3);
        assert_int_equal(table->spec->fields[0].field_id, 1000);
        assert_int_equal(table->order->count, 0);
        assert_int_equal(table->current_snapshot_id, -1);
        assert_int_equal(table->snapshot_count, 1);
        assert_null(table->snapshots[0].manifest_list);
        assert_int_equal(table->snapshots[0].parent_id, -1);
        struct tl_lake_manifest *manifests;
        size_t count;
        assert_int_equal(tl_lake_snapshot_manifests(NULL, world->arena, table->snapshots, &manifests, &count, &world->err), TL_OK);
        assert_int_equal(count, 1);
        assert_int_equal(manifests[0].added_files, -1);
    }
    const tl_json *json = written(world);
    assert_int_equal(tl_json_count(tl_json_get(tl_json_get(json, "schema"), "fields")), 3);
    assert_int_equal(tl_json_count(tl_json_get(json, "partition-spec")), 1);
    assert_string_equal(tl_json_get_text(json, "written-by"), "another");
}

static void test_version_1_without_a_schema_is_refused(void **state)
{
    struct world *world = *state;
    const tl_json *json = parse(world, "{\"format-version\":1,\"location\":\"s3://b/t\",\"last-updated-ms\":1,\"last-column-id\":3}");
    assert_int_equal(tl_lake_metadata_read(world->arena, json, &world->metadata, &world->err), TL_INVALID_ARGUMENT);
    tl_err_init(&world->err);
    json = parse(world, "{\"format-version\":4}");
    assert_int_equal(tl_lake_metadata_read(world->arena, json, &world->metadata, &world->err), TL_UNSUPPORTED);
}

static const char version_3[] =
    "{\"format-version\":3,\"table-uuid\":\"9c12d441-03fe-4693-9a96-a0705ddf69c1\",\"location\":\"file:///w/t\",\"last-sequence-number\":34,"
    "\"last-updated-ms\":1602638573590,\"last-column-id\":3,\"current-schema-id\":1,\"schemas\":["
    "{\"type\":\"struct\",\"schema-id\":0,\"fields\":[{\"id\":1,\"name\":\"x\",\"required\":true,\"type\":\"int\"}]},"
    "{\"type\":\"struct\",\"schema-id\":1,\"identifier-field-ids\":[1],\"fields\":[{\"id\":1,\"name\":\"x\",\"required\":true,\"type\":\"long\"},"
    "{\"id\":3,\"name\":\"v\",\"required\":false,\"type\":\"variant\"}]}],"
    "\"default-spec-id\":1,\"partition-specs\":[{\"spec-id\":0,\"fields\":[]},{\"spec-id\":1,\"fields\":["
    "{\"name\":\"x_bucket\",\"transform\":\"bucket[16]\",\"source-id\":1,\"field-id\":1000}]}],\"last-partition-id\":1000,"
    "\"default-sort-order-id\":3,\"sort-orders\":[{\"order-id\":3,\"fields\":[{\"transform\":\"identity\",\"source-id\":1,\"direction\":\"asc\","
    "\"null-order\":\"nulls-first\"}]}],\"properties\":{\"write.format\":\"parquet\"},\"next-row-id\":70,\"current-snapshot-id\":20,"
    "\"snapshots\":[{\"snapshot-id\":10,\"timestamp-ms\":1000,\"sequence-number\":33,\"summary\":{\"operation\":\"append\",\"added-records\":\"5\"},"
    "\"manifest-list\":\"file:///w/t/metadata/1.avro\",\"first-row-id\":0,\"added-rows\":5},"
    "{\"snapshot-id\":20,\"parent-snapshot-id\":10,\"timestamp-ms\":2000,\"sequence-number\":34,\"schema-id\":1,"
    "\"summary\":{\"operation\":\"overwrite\"},\"manifest-list\":\"file:///w/t/metadata/2.avro\",\"first-row-id\":5,\"added-rows\":65,\"key-id\":\"k\"}],"
    "\"snapshot-log\":[{\"snapshot-id\":10,\"timestamp-ms\":1000},{\"snapshot-id\":20,\"timestamp-ms\":2000}],"
    "\"metadata-log\":[{\"metadata-file\":\"file:///w/t/metadata/0.json\",\"timestamp-ms\":900}],"
    "\"refs\":{\"main\":{\"snapshot-id\":20,\"type\":\"branch\"},\"old\":{\"snapshot-id\":10,\"type\":\"tag\",\"max-ref-age-ms\":7}},"
    "\"encryption-keys\":[{\"key-id\":\"k\"}],\"statistics\":[],\"partition-statistics\":[]}";

static void test_everything_of_version_3_is_described(void **state)
{
    struct world *world = *state;
    describe(world, parse(world, version_3));
    const struct tl_lake_table *table = &world->table;
    assert_int_equal(table->schema_count, 2);
    assert_int_equal(table->schema->id, 1);
    assert_int_equal(tl_lake_table_schema(table, 0)->root.fields[0].type.id, TL_LAKE_INT);
    assert_null(tl_lake_table_schema(table, 7));
    assert_int_equal(table->spec->id, 1);
    assert_int_equal(tl_lake_table_spec(table, 0)->count, 0);
    assert_int_equal(table->order->fields[0].source_id, 1);
    assert_int_equal(table->next_row_id, 70);
    const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(table, 20);
    assert_int_equal(snapshot->parent_id, 10);
    assert_int_equal(snapshot->added_rows, 65);
    assert_string_equal(snapshot->operation, "overwrite");
    assert_null(tl_lake_table_snapshot(table, 30));
    assert_true(tl_lake_table_ref(table, "old")->is_tag);
    assert_int_equal(tl_lake_table_ref(table, "old")->max_ref_age_ms, 7);
    assert_int_equal(tl_lake_table_ref(table, "main")->min_snapshots_to_keep, -1);
    assert_null(tl_lake_table_ref(table, "new"));
    assert_int_equal(tl_lake_table_at(table, 999), -1);
    assert_int_equal(tl_lake_table_at(table, 1999), 10);
    assert_int_equal(tl_lake_table_at(table, INT64_MAX), 20);
    assert_string_equal(tl_lake_table_property(table, "write.format"), "parquet");
    assert_null(tl_lake_table_property(table, "x"));
}

static void test_nothing_is_lost_when_metadata_is_written_again(void **state)
{
    struct world *world = *state;
    const tl_json *before = parse(world, version_3);
    describe(world, before);
    assert_true(tl_lake_json_equal(before, written(world)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_version_1_is_read_as_what_it_means_and_written_so_that_old_readers_find_it),
        TEST(test_version_1_without_a_schema_is_refused),
        TEST(test_everything_of_version_3_is_described),
        TEST(test_nothing_is_lost_when_metadata_is_written_again),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}

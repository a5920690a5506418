/* Tables and commits, with the requests that DuckDB and Trino send. */
#include <pthread.h>

#include "lake/describe.h"
#include "lake/lake_testing_int.h"

#define TABLE "/v1/namespaces/s1/tables/t1"

/* As DuckDB creates a table: staged, then committed under assert-create. */
static const char *stage(struct world *world)
{
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"],\"properties\":{}}");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables",
                 "{\"stage-create\":true,\"name\":\"t1\",\"schema\":" WORLD_SCHEMA
                 ",\"partition-spec\":{\"spec-id\":0,\"type\":\"struct\",\"fields\":[]},\"write-order\":{\"order-id\":0,\"fields\":[]},"
                 "\"properties\":{\"format-version\":\"2\",\"a\":\"b\"}}");
    return tl_arena_printf(world->arena,
                           "{\"requirements\":[{\"type\":\"assert-create\"}],\"updates\":[{\"action\":\"assign-uuid\",\"uuid\":\"%s\"},"
                           "{\"action\":\"upgrade-format-version\",\"format-version\":2},"
                           "{\"action\":\"add-schema\",\"last-column-id\":2,\"schema\":" WORLD_SCHEMA "},"
                           "{\"action\":\"add-spec\",\"spec\":{\"spec-id\":0,\"fields\":[]}},{\"action\":\"set-default-spec\",\"spec-id\":0},"
                           "{\"action\":\"add-sort-order\",\"sort-order\":{\"order-id\":0,\"fields\":[]}},"
                           "{\"action\":\"set-default-sort-order\",\"sort-order-id\":0},"
                           "{\"action\":\"set-location\",\"location\":\"%s\"},"
                           "{\"action\":\"set-properties\",\"updates\":{\"a\":\"b\"}},{\"action\":\"set-current-schema\",\"schema-id\":0}],"
                           "\"identifier\":{\"name\":\"t1\",\"namespace\":[\"s1\"]}}",
                           tl_json_get_text(world_metadata(world), "table-uuid"), tl_json_get_text(world_metadata(world), "location"));
}

static const char *path_of(const char *location)
{
    assert_memory_equal(location, "file:///", 8);
    return location + 7;
}

static void test_staged_create_persists_nothing_but_folders(void **state)
{
    struct world *world = *state;
    const char *commit = stage(world);
    assert_null(tl_json_get(world->json, "metadata-location"));
    const tl_json *metadata = world_metadata(world);
    static const char *const needed[] = {"format-version", "table-uuid", "location", "last-sequence-number", "last-updated-ms",
                                         "last-column-id", "schemas", "current-schema-id", "partition-specs", "default-spec-id",
                                         "last-partition-id", "sort-orders", "default-sort-order-id", "current-snapshot-id", "refs",
                                         "snapshots", "properties"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!tl_json_get(metadata, needed[i]))
            fail_msg("\"%s\" is missing, and an engine would crash", needed[i]);
    assert_null(tl_json_get(tl_json_get(metadata, "properties"), "format-version"));
    const char *path = path_of(tl_json_get_text(metadata, "location"));
    assert_int_equal(access(tl_arena_printf(world->arena, "%s/metadata", path), F_OK), 0);
    assert_int_equal(access(tl_arena_printf(world->arena, "%s/data", path), F_OK), 0);
    world_expect(world, 404, "HEAD", TABLE, "");
    world_expect(world, 200, "POST", TABLE, commit);
    world_expect(world, 200, "GET", TABLE, "");
    const char *file = path_of(tl_json_get_text(world->json, "metadata-location"));
    assert_non_null(strstr(file, "/metadata/00000-"));
    assert_int_equal(access(file, R_OK), 0);
    assert_int_equal(world_int(world_metadata(world), "last-column-id"), 2);
    world_expect_error(world, 409, "CommitFailedException", "POST", TABLE, commit);
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces/s1/tables",
                       "{\"name\":\"T1\",\"schema\":" WORLD_SCHEMA "}");
}

static void test_commits_need_a_table_or_assert_create(void **state)
{
    struct world *world = *state;
    world_make_table(world, "other");
    world_expect_error(world, 404, "NoSuchTableException", "POST", TABLE, "{\"requirements\":[],\"updates\":[]}");
    world_expect_error(world, 404, "NoSuchNamespaceException", "POST", "/v1/namespaces/nope/tables/t1",
                       "{\"requirements\":[{\"type\":\"assert-create\"}],\"updates\":[]}");
    world_expect_error(world, 400, "BadRequestException", "POST", TABLE, "{\"requirements\":[{\"type\":\"assert-create\"}],\"updates\":[]}");
}

static void test_snapshot_ids_and_unknown_members_are_kept_exactly(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    const char *snapshot = "{\"snapshot-id\":9223372036854775807,\"sequence-number\":1,\"timestamp-ms\":1795465630184,"
                           "\"manifest-list\":\"~/metadata/snap.avro\",\"summary\":{\"operation\":\"append\","
                           "\"total-records\":\"1000\"},\"schema-id\":0,\"x-new\":{\"n\":18446744073709551615,\"f\":1.50}}";
    const char *body = "{\"requirements\":[{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":null}],\"updates\":["
                       "{\"action\":\"add-snapshot\",\"snapshot\":%s},{\"action\":\"set-snapshot-ref\",\"ref-name\":\"main\","
                       "\"type\":\"branch\",\"snapshot-id\":9223372036854775807,\"max-ref-age-ms\":5}]}";
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 16);
    const char *hole = strstr(body, "%s");
    tl_buf_add(&buf, body, (size_t)(hole - body));
    tl_buf_adds(&buf, snapshot);
    tl_buf_adds(&buf, hole + 2);
    world_expect(world, 200, "POST", TABLE, world_text(world, tl_buf_cstr(&buf)));
    tl_buf_done(&buf);
    world_expect(world, 200, "GET", TABLE, "");
    const tl_json *metadata = world_metadata(world), *kept = world_item(tl_json_get(metadata, "snapshots"), 0);
    assert_int_equal(world_int(metadata, "current-snapshot-id"), INT64_MAX);
    uint64_t big;
    assert_true(tl_json_uint64(tl_json_get(tl_json_get(kept, "x-new"), "n"), &big) && big == UINT64_MAX);
    assert_non_null(strstr(tl_arena_strndup(world->arena, world->reply.body.data, world->reply.body.size), "1.50"));
    const tl_json *branch = tl_json_get(tl_json_get(metadata, "refs"), "main");
    assert_int_equal(world_int(branch, "snapshot-id"), INT64_MAX);
    assert_int_equal(world_int(branch, "max-ref-age-ms"), 5);
    assert_null(tl_json_get(branch, "action"));
    assert_int_equal(world_int(world_item(tl_json_get(metadata, "snapshot-log"), 0), "timestamp-ms"), 1795465630184);
    assert_int_equal(world_int(metadata, "last-sequence-number"), 1);
}

static void test_commit_conflict_is_reported(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    world_expect(world, 200, "POST", TABLE, world_append(world, 11, -1, 1));
    world_expect(world, 200, "POST", TABLE, world_append(world, 12, 11, 2));
    world_expect_error(world, 409, "CommitFailedException", "POST", TABLE, world_append(world, 13, 11, 3));
    assert_non_null(strstr(world_message(world), "branch main has changed: expected id 11 != 12"));
    world_expect_error(world, 409, "CommitFailedException", "POST", TABLE, world_append(world, 13, -1, 3));
    world_expect_error(world, 409, "CommitFailedException", "POST", TABLE, world_append(world, 13, 12, 2)); /* old sequence number */
    world_expect(world, 200, "GET", TABLE, "");
    assert_int_equal(world_int(world_metadata(world), "current-snapshot-id"), 12);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "snapshot-log")), 2);
    const tl_json *log = tl_json_get(world_metadata(world), "metadata-log");
    assert_int_equal(tl_json_count(log), 2);
    assert_non_null(strstr(tl_json_get_text(world_item(log, 0), "metadata-file"), "/metadata/00000-"));
    assert_non_null(strstr(tl_json_get_text(world->json, "metadata-location"), "/metadata/00002-"));
}

static void test_every_requirement_is_checked(void **state)
{
    struct world *world = *state;
    const char *uuid = world_make_table(world, "t1");
    static const char *const wrong[] = {
        "{\"type\":\"assert-table-uuid\",\"uuid\":\"00000000-0000-0000-0000-000000000000\"}",
        "{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":5}",
        "{\"type\":\"assert-last-assigned-field-id\",\"last-assigned-field-id\":3}",
        "{\"type\":\"assert-current-schema-id\",\"current-schema-id\":1}",
        "{\"type\":\"assert-last-assigned-partition-id\",\"last-assigned-partition-id\":1000}",
        "{\"type\":\"assert-default-spec-id\",\"default-spec-id\":1}",
        "{\"type\":\"assert-default-sort-order-id\",\"default-sort-order-id\":1}",
        "{\"type\":\"assert-create\"}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        world_expect_error(world, 409, "CommitFailedException", "POST", TABLE,
                           tl_arena_printf(world->arena, "{\"requirements\":[%s],\"updates\":[]}", wrong[i]));
    static const char *const malformed[] = {"{\"type\":\"assert-moon-phase\"}", "{\"type\":\"assert-current-schema-id\"}", "{}", "5",
                                            "{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":\"5\"}"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        world_expect_error(world, 400, "BadRequestException", "POST", TABLE,
                           tl_arena_printf(world->arena, "{\"requirements\":[%s],\"updates\":[]}", malformed[i]));
    world_expect(world, 200, "POST", TABLE,
                 tl_arena_printf(world->arena,
                                 "{\"requirements\":[{\"type\":\"assert-table-uuid\",\"uuid\":\"%s\"},"
                                 "{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":null},"
                                 "{\"type\":\"assert-last-assigned-field-id\",\"last-assigned-field-id\":2},"
                                 "{\"type\":\"assert-current-schema-id\",\"current-schema-id\":0},"
                                 "{\"type\":\"assert-last-assigned-partition-id\",\"last-assigned-partition-id\":999},"
                                 "{\"type\":\"assert-default-spec-id\",\"default-spec-id\":0},"
                                 "{\"type\":\"assert-default-sort-order-id\",\"default-sort-order-id\":0}],\"updates\":[]}",
                                 uuid));
}

static void test_unknown_updates_are_named_and_change_nothing(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    world_expect(world, 200, "GET", TABLE, "");
    const char *before = tl_json_get_text(world->json, "metadata-location");
    world_expect_error(world, 400, "BadRequestException", "POST", TABLE,
                       "{\"requirements\":[],\"updates\":[{\"action\":\"set-properties\",\"updates\":{\"a\":\"b\"}},"
                       "{\"action\":\"paint-table\",\"colour\":\"blue\"}]}");
    assert_non_null(strstr(world_message(world), "\"paint-table\""));
    world_expect(world, 200, "GET", TABLE, "");
    assert_string_equal(tl_json_get_text(world->json, "metadata-location"), before);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "properties")), 0);
}

static void test_schema_evolution(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    /* DuckDB: the id it chose; Trino: -1 for the one just added */
    world_expect(world, 200, "POST", TABLE,
                 "{\"requirements\":[],\"updates\":[{\"action\":\"add-schema\",\"last-column-id\":3,\"schema\":{\"type\":\"struct\","
                 "\"schema-id\":1,\"fields\":[{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"int\"},"
                 "{\"id\":3,\"name\":\"l\",\"required\":false,\"type\":{\"type\":\"list\",\"element-id\":4,\"element\":\"int\","
                 "\"element-required\":false}}]}},{\"action\":\"set-current-schema\",\"schema-id\":-1}]}");
    assert_int_equal(world_int(world_metadata(world), "current-schema-id"), 1);
    assert_int_equal(world_int(world_metadata(world), "last-column-id"), 4);
    /* an equal schema is used again, whatever id it is sent with, also where the commit refers to that id */
    world_expect(world, 200, "POST", TABLE,
                 "{\"requirements\":[],\"updates\":[{\"action\":\"add-schema\",\"schema\":{\"type\":\"struct\",\"schema-id\":9,"
                 "\"identifier-field-ids\":[],\"fields\":[{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"int\"},"
                 "{\"id\":2,\"name\":\"amt\",\"required\":false,\"type\":\"decimal(10, 2)\"}]}},"
                 "{\"action\":\"set-current-schema\",\"schema-id\":9}]}");
    assert_int_equal(world_int(world_metadata(world), "current-schema-id"), 0);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "schemas")), 2);
    assert_int_equal(world_int(world_metadata(world), "last-column-id"), 4);
    world_expect_error(world, 400, "BadRequestException", "POST", TABLE,
                       "{\"requirements\":[],\"updates\":[{\"action\":\"set-current-schema\",\"schema-id\":7}]}");
    world_expect_error(world, 400, "BadRequestException", "POST", TABLE,
                       "{\"requirements\":[],\"updates\":[{\"action\":\"remove-schemas\",\"schema-ids\":[0]}]}");
    world_expect(world, 200, "POST", TABLE, "{\"requirements\":[],\"updates\":[{\"action\":\"remove-schemas\",\"schema-ids\":[1]}]}");
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "schemas")), 1);
}

static void test_unsound_schemas_never_get_in(void **state)
{
    struct world *world = *state;
    world_make_table(world, "other");
    static const char *const fields[] = {
        "{\"id\":1,\"name\":\"a\",\"type\":\"int\"},{\"id\":1,\"name\":\"b\",\"type\":\"int\"}", /* id twice */
        "{\"id\":0,\"name\":\"a\",\"type\":\"int\"}",
        "{\"name\":\"a\",\"type\":\"int\"}",
        "{\"id\":1,\"type\":\"int\"}",
        "{\"id\":1,\"name\":\"a\"}",
        "{\"id\":1,\"name\":\"a\",\"type\":\"integer\"}",
        "{\"id\":1,\"name\":\"a\",\"type\":\"timestamp_ns\"}", /* of format version 3 */
        "{\"id\":1,\"name\":\"a\",\"type\":\"decimal(39, 2)\"}",
        "{\"id\":1,\"name\":\"a\",\"type\":\"decimal(5, 6)\"}",
        "{\"id\":1,\"name\":\"a\",\"type\":\"fixed[0]\"}",
        "{\"id\":1,\"name\":\"a\",\"type\":\"fixed[2147483648]\"}",
        "{\"id\":1,\"name\":\"a\",\"type\":{\"type\":\"list\",\"element\":\"int\"}}",
        "{\"id\":1,\"name\":\"a\",\"type\":{\"type\":\"map\",\"key-id\":2,\"key\":\"int\",\"value-id\":2,\"value\":\"int\"}}",
        "{\"id\":1,\"name\":\"a\",\"type\":{\"type\":\"set\"}}",
        "5",
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/tables",
                           tl_arena_printf(world->arena, "{\"name\":\"t1\",\"schema\":{\"type\":\"struct\",\"fields\":[%s]}}", fields[i]));
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/tables", "{\"name\":\"t1\"}");
    world_expect(world, 404, "HEAD", TABLE, "");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables",
                 "{\"name\":\"t3\",\"properties\":{\"format-version\":\"3\"},\"schema\":{\"type\":\"struct\",\"fields\":"
                 "[{\"id\":1,\"name\":\"a\",\"required\":false,\"type\":\"timestamp_ns\"},{\"id\":2,\"name\":\"v\",\"required\":false,"
                 "\"type\":\"variant\"}]}}");
    assert_int_equal(world_int(world_metadata(world), "format-version"), 3);
    assert_int_equal(world_int(world_metadata(world), "next-row-id"), 0);
}

static void test_partition_evolution(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    world_expect(world, 200, "POST", TABLE,
                 "{\"requirements\":[{\"type\":\"assert-last-assigned-partition-id\",\"last-assigned-partition-id\":999}],\"updates\":["
                 "{\"action\":\"add-spec\",\"spec\":{\"spec-id\":1,\"fields\":[{\"name\":\"id_b\",\"transform\":\"bucket[4]\","
                 "\"source-id\":1}]}},{\"action\":\"set-default-spec\",\"spec-id\":-1},"
                 "{\"action\":\"add-sort-order\",\"sort-order\":{\"order-id\":0,\"fields\":[{\"transform\":\"identity\",\"source-id\":2,"
                 "\"direction\":\"asc\",\"null-order\":\"nulls-last\"}]}},{\"action\":\"set-default-sort-order\",\"sort-order-id\":-1}]}");
    const tl_json *metadata = world_metadata(world);
    assert_int_equal(world_int(metadata, "default-spec-id"), 1);
    assert_int_equal(world_int(metadata, "last-partition-id"), 1000); /* the field had no id and got one */
    const tl_json *field = world_item(tl_json_get(world_item(tl_json_get(metadata, "partition-specs"), 1), "fields"), 0);
    assert_int_equal(world_int(field, "field-id"), 1000);
    assert_int_equal(world_int(metadata, "default-sort-order-id"), 1); /* 0 is the unsorted one */
    /* the same field in a later spec keeps its id, whatever the client numbered it */
    world_expect(world, 200, "POST", TABLE,
                 "{\"requirements\":[],\"updates\":[{\"action\":\"add-spec\",\"spec\":{\"spec-id\":2,\"fields\":[{\"name\":\"amt\","
                 "\"transform\":\"identity\",\"source-id\":2,\"field-id\":1001},{\"name\":\"id_b\",\"transform\":\"bucket[4]\","
                 "\"source-id\":1,\"field-id\":1002}]}},{\"action\":\"set-default-spec\",\"spec-id\":2}]}");
    const tl_json *both = tl_json_get(world_item(tl_json_get(world_metadata(world), "partition-specs"), 2), "fields");
    assert_int_equal(world_int(world_item(both, 0), "field-id"), 1001);
    assert_int_equal(world_int(world_item(both, 1), "field-id"), 1000);
    assert_int_equal(world_int(world_metadata(world), "last-partition-id"), 1002);
    /* a column that partitioning still needs cannot be dropped */
    world_expect_error(world, 400, "BadRequestException", "POST", TABLE,
                       "{\"requirements\":[],\"updates\":[{\"action\":\"add-schema\",\"schema\":{\"type\":\"struct\",\"fields\":"
                       "[{\"id\":2,\"name\":\"amt\",\"required\":false,\"type\":\"int\"}]}},{\"action\":\"set-current-schema\","
                       "\"schema-id\":-1}]}");
    world_expect_error(world, 400, "BadRequestException", "POST", TABLE,
                       "{\"requirements\":[],\"updates\":[{\"action\":\"add-spec\",\"spec\":{\"fields\":[{\"name\":\"x\",\"transform\":"
                       "\"identity\",\"source-id\":77}]}},{\"action\":\"set-default-spec\",\"spec-id\":-1}]}");
}

static void test_snapshots_expire_without_holes_in_the_log(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    for (int i = 1; i <= 4; i++)
        world_expect(world, 200, "POST", TABLE, world_append(world, 100 + i, i == 1 ? -1 : 99 + i, i));
    world_expect(world, 200, "POST", TABLE,
                 world_text(world, "{\"requirements\":[],\"updates\":[{\"action\":\"set-snapshot-ref\",\"ref-name\":\"v1\",\"type\":\"tag\","
                                   "\"snapshot-id\":101},{\"action\":\"set-statistics\",\"snapshot-id\":102,\"statistics\":{\"snapshot-id\":102,"
                                   "\"statistics-path\":\"~/metadata/x.stats\",\"file-size-in-bytes\":1,\"file-footer-size-in-bytes\":1,"
                                   "\"blob-metadata\":[]}}]}"));
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "statistics")), 1);
    world_expect(world, 200, "POST", TABLE,
                 "{\"requirements\":[],\"updates\":[{\"action\":\"remove-snapshots\",\"snapshot-ids\":[101,102]}]}");
    const tl_json *metadata = world_metadata(world);
    assert_int_equal(tl_json_count(tl_json_get(metadata, "snapshots")), 2);
    assert_int_equal(tl_json_count(tl_json_get(metadata, "snapshot-log")), 2);
    assert_int_equal(tl_json_count(tl_json_get(metadata, "refs")), 1); /* the tag had nothing left to point to */
    assert_int_equal(tl_json_count(tl_json_get(metadata, "statistics")), 0);
    assert_int_equal(world_int(metadata, "current-snapshot-id"), 104);
    world_expect(world, 200, "POST", TABLE, "{\"requirements\":[],\"updates\":[{\"action\":\"remove-snapshot-ref\",\"ref-name\":\"main\"}]}");
    assert_int_equal(world_int(world_metadata(world), "current-snapshot-id"), -1);
}

static void test_format_version_goes_up_only(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    world_expect(world, 200, "POST", TABLE,
                 "{\"requirements\":[],\"updates\":[{\"action\":\"upgrade-format-version\",\"format-version\":3}]}");
    assert_int_equal(world_int(world_metadata(world), "format-version"), 3);
    for (int version = 1; version <= 4; version++)
        if (version != 3)
            world_expect_error(world, 400, "BadRequestException", "POST", TABLE,
                               tl_arena_printf(world->arena, "{\"requirements\":[],\"updates\":[{\"action\":\"upgrade-format-version\","
                                                             "\"format-version\":%d}]}", version));
    /* version 3: rows are numbered */
    world_expect_error(world, 400, "BadRequestException", "POST", TABLE, world_append(world, 5, -1, 1));
    const char *append = "{\"requirements\":[],\"updates\":[{\"action\":\"add-snapshot\",\"snapshot\":{\"snapshot-id\":%d,"
                         "\"sequence-number\":%d,\"timestamp-ms\":1700000000000,\"manifest-list\":\"%s/a.avro\","
                         "\"summary\":{\"operation\":\"append\"},\"schema-id\":0,\"first-row-id\":%d,\"added-rows\":23}}]}";
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    tl_buf_addf(&buf, append, 5, 1, world->location, 0);
    world_expect(world, 200, "POST", TABLE, tl_buf_cstr(&buf));
    assert_int_equal(world_int(world_metadata(world), "next-row-id"), 23);
    tl_buf_clear(&buf);
    tl_buf_addf(&buf, append, 6, 2, world->location, 22);
#pragma GCC diagnostic pop
    world_expect_error(world, 409, "CommitFailedException", "POST", TABLE, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
}

static void test_transaction_is_all_or_nothing(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    world_make_table(world, "t2");
    const char *both = "{\"table-changes\":[{\"identifier\":{\"namespace\":[\"s1\"],\"name\":\"t1\"},\"requirements\":%s,\"updates\":"
                       "[{\"action\":\"set-properties\",\"updates\":{\"k\":\"v\"}}]},{\"identifier\":{\"namespace\":[\"s1\"],\"name\":\"t2\"},"
                       "\"requirements\":%s,\"updates\":[{\"action\":\"set-properties\",\"updates\":{\"k\":\"v\"}}]}]}";
    static const char fine[] = "[]", stale[] = "[{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":1}]";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    world_expect_error(world, 409, "CommitFailedException", "POST", "/v1/transactions/commit",
                       tl_arena_printf(world->arena, both, fine, stale));
    world_expect(world, 200, "GET", TABLE, "");
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "properties")), 0);
    world_expect(world, 204, "POST", "/v1/transactions/commit", tl_arena_printf(world->arena, both, fine, fine));
#pragma GCC diagnostic pop
    assert_int_equal(world->reply.body.size, 0);
    for (int i = 1; i <= 2; i++) {
        world_expect(world, 200, "GET", tl_arena_printf(world->arena, "/v1/namespaces/s1/tables/t%d", i), "");
        assert_string_equal(tl_json_get_text(tl_json_get(world_metadata(world), "properties"), "k"), "v");
    }
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/transactions/commit", "{\"table-changes\":[]}");
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/transactions/commit",
                       "{\"table-changes\":[{\"identifier\":{\"namespace\":[\"s1\"],\"name\":\"t1\"},\"updates\":[]},"
                       "{\"identifier\":{\"namespace\":[\"s1\"],\"name\":\"t1\"},\"updates\":[]}]}");
    world_expect_error(world, 404, "NoSuchTableException", "POST", "/v1/transactions/commit",
                       "{\"table-changes\":[{\"identifier\":{\"namespace\":[\"s1\"],\"name\":\"gone\"},\"requirements\":[],\"updates\":[]}]}");
}

/* --- many at once --- */

enum { WRITERS = 4, COMMITS = 15 };

struct writer {
    struct world *world;
    int number, done, conflicts;
};

static void *write_properties(void *context)
{
    struct writer *writer = context;
    for (int i = 0; i < COMMITS; i++) {
        tl_arena *arena = tl_arena_new(1 << 26);
        struct tl_request rq;
        struct tl_lake_reply reply;
        tl_request_init(&rq, arena);
        int status = world_call_in(writer->world, &rq, "POST", TABLE,
                                   tl_arena_printf(arena, "{\"requirements\":[],\"updates\":[{\"action\":\"set-properties\","
                                                          "\"updates\":{\"w%d_%d\":\"x\"}}]}", writer->number, i), &reply);
        writer->done += status == 200;
        writer->conflicts += status == 409;
        tl_arena_free(arena);
    }
    return NULL;
}

static void test_racing_commits_lose_nothing(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    struct writer writers[WRITERS] = {0};
    pthread_t threads[WRITERS];
    int done = 0, conflicts = 0;
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.world = world, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_properties, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        done += writers[i].done;
        conflicts += writers[i].conflicts;
    }
    assert_int_equal(done + conflicts, WRITERS * COMMITS);
    world_expect(world, 200, "GET", TABLE, "");
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "properties")), done);
    assert_non_null(strstr(tl_json_get_text(world->json, "metadata-location"), tl_arena_printf(world->arena, "/metadata/%05d-", done)));
}

static void *append_once(void *context)
{
    struct writer *writer = context;
    tl_arena *arena = tl_arena_new(1 << 26);
    struct tl_request rq;
    struct tl_lake_reply reply;
    struct world own = *writer->world;
    own.arena = arena;
    tl_request_init(&rq, arena);
    int status = world_call_in(writer->world, &rq, "POST", TABLE, world_append(&own, 50 + writer->number, -1, 1), &reply);
    writer->done = status == 200;
    writer->conflicts = status == 409;
    tl_arena_free(arena);
    return NULL;
}

static void test_one_of_racing_appends_wins(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    struct writer writers[WRITERS] = {0};
    pthread_t threads[WRITERS];
    int done = 0, conflicts = 0;
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.world = world, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, append_once, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        done += writers[i].done;
        conflicts += writers[i].conflicts;
    }
    assert_int_equal(done, 1);
    assert_int_equal(conflicts, WRITERS - 1);
}

/* --- files --- */

static void test_drop_keeps_or_purges_the_files(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    const char *kept = path_of(tl_json_get_text(world_metadata(world), "location"));
    world_expect(world, 204, "DELETE", TABLE "?purgeRequested=false", "");
    assert_int_equal(access(kept, F_OK), 0);
    world_expect_error(world, 404, "NoSuchTableException", "DELETE", TABLE, "");
    world_make_table(world, "t1");
    const char *purged = path_of(tl_json_get_text(world_metadata(world), "location"));
    const char *outside = tl_arena_printf(world->arena, "%s/outside.txt", world->folder);
    FILE *file = fopen(outside, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(symlink(outside, tl_arena_printf(world->arena, "%s/data/link", purged)), 0);
    assert_int_equal(symlink(world->folder, tl_arena_printf(world->arena, "%s/data/folder_link", purged)), 0);
    world_expect(world, 204, "DELETE", TABLE "?purgeRequested=true", "");
    assert_int_equal(access(purged, F_OK), -1);
    assert_int_equal(access(outside, F_OK), 0); /* links go, what they point to stays */
    assert_int_equal(access(kept, F_OK), 0);
}

static void test_locations_outside_are_refused(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    const char *location = tl_json_get_text(world_metadata(world), "location");
    assert_int_equal(symlink("/tmp", world_text(world, "@/s1/link")), 0);
    const char *const bad[] = {
        "file:///etc", "/etc/x", "s3://bucket/x", "local:///x", "file://host/x", "relative", "", "file://@", "file://@/", "file://@/../x",
        "file://@/a/../b", "file://@/./b", "file://@//b", "file://@x/b", "file://@/a%2e%2e/b", "file://@/a?b", "file://@/s1/link/x",
        "file://@/s1/link", "FILE://@/x", "file://@/a*b",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *text = world_text(world, bad[i]);
        world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/tables",
                           tl_arena_printf(world->arena, "{\"name\":\"t2\",\"location\":\"%s\",\"schema\":" WORLD_SCHEMA "}", text));
        world_expect_error(world, 400, "BadRequestException", "POST", TABLE,
                           tl_arena_printf(world->arena, "{\"updates\":[{\"action\":\"set-location\",\"location\":\"%s\"}]}", text));
        world_expect_error(world, 400, "BadRequestException", "POST", TABLE,
                           tl_arena_printf(world->arena, "{\"updates\":[{\"action\":\"add-snapshot\",\"snapshot\":{\"snapshot-id\":1,"
                                                         "\"sequence-number\":1,\"timestamp-ms\":1,\"manifest-list\":\"%s\","
                                                         "\"summary\":{\"operation\":\"append\"}}}]}", text));
    }
    /* in or around another table's folder */
    static const char *const below[] = {"", "/inner"};
    for (size_t i = 0; i < 2; i++)
        world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/tables",
                           tl_arena_printf(world->arena, "{\"name\":\"t2\",\"location\":\"%s%s\",\"schema\":" WORLD_SCHEMA "}", location,
                                           below[i]));
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/tables",
                       world_text(world, "{\"name\":\"t2\",\"location\":\"file://@/s1\",\"schema\":" WORLD_SCHEMA "}"));
    world_expect(world, 404, "HEAD", "/v1/namespaces/s1/tables/t2", "");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables",
                 world_text(world, "{\"name\":\"t2\",\"location\":\"file://@/mine/t2/\",\"schema\":" WORLD_SCHEMA "}"));
    assert_string_equal(tl_json_get_text(world_metadata(world), "location"), world_text(world, "file://@/mine/t2"));
}

static void test_register_takes_back_a_dropped_table(void **state)
{
    struct world *world = *state;
    const char *uuid = world_make_table(world, "t1");
    world_expect(world, 200, "POST", TABLE, world_append(world, 5, -1, 1));
    const char *location = tl_json_get_text(world->json, "metadata-location");
    const char *body = tl_arena_printf(world->arena, "{\"name\":\"back\",\"metadata-location\":\"%s\"}", location);
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/register", body); /* still t1's folder */
    world_expect(world, 204, "DELETE", TABLE, "");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/register", body);
    assert_string_equal(tl_json_get_text(world_metadata(world), "table-uuid"), uuid);
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables/back", world_append(world, 6, 5, 2));
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces/s1/register", body);
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/register",
                       "{\"name\":\"x\",\"metadata-location\":\"file:///etc/passwd\"}");
}

static void test_no_two_tables_have_one_uuid(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    tl_err_init(&err);
    const char *uuid = world_make_table(world, "t1");
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces/s1/tables/t2",
                       tl_arena_printf(world->arena,
                                       "{\"requirements\":[{\"type\":\"assert-create\"}],\"updates\":[{\"action\":\"assign-uuid\",\"uuid\":\"%s\"},"
                                       "{\"action\":\"upgrade-format-version\",\"format-version\":2},{\"action\":\"add-schema\",\"schema\":" WORLD_SCHEMA "},"
                                       "{\"action\":\"set-current-schema\",\"schema-id\":-1},{\"action\":\"add-spec\",\"spec\":{\"spec-id\":0,\"fields\":[]}},"
                                       "{\"action\":\"set-default-spec\",\"spec-id\":-1},"
                                       "{\"action\":\"add-sort-order\",\"sort-order\":{\"order-id\":0,\"fields\":[]}},"
                                       "{\"action\":\"set-default-sort-order\",\"sort-order-id\":-1}]}", uuid));
    world_expect(world, 404, "HEAD", "/v1/namespaces/s1/tables/t2", "");
    /* a copy of its metadata, in another folder */
    const char *location = tl_arena_printf(world->arena, "%s-copy", world->location);
    world_expect(world, 200, "GET", TABLE, "");
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 20);
    struct tl_str body = world->reply.body;
    const char *at = strstr(body.data, "\"metadata\":") + strlen("\"metadata\":"), *end = strstr(at, ",\"config\"");
    const char *own = strstr(at, world->location);
    tl_buf_add(&buf, at, (size_t)(own - at));
    tl_buf_adds(&buf, location);
    tl_buf_add(&buf, own + strlen(world->location), (size_t)(end - own) - strlen(world->location));
    const char *file = tl_arena_printf(world->arena, "%s/metadata/00000-x.metadata.json", location);
    assert_int_equal(tl_objects_write(tl_lake_objects(world->lake), file, buf.data, buf.size, true, &err), TL_OK);
    tl_buf_done(&buf);
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces/s1/register",
                       tl_arena_printf(world->arena, "{\"name\":\"t2\",\"metadata-location\":\"%s\"}", file));
}

static void test_a_property_of_the_nearest_schema_counts(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    const char *text;
    tl_err_init(&err);
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"a\"],\"properties\":{\"x\":\"outer\",\"y\":\"only\"}}");
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"a\",\"b\"],\"properties\":{\"x\":\"inner\"}}");
    assert_int_equal(tl_lake_schema_property(world->lake, world->arena, "a.b", "x", &text, &err), TL_OK);
    assert_string_equal(text, "inner");
    assert_int_equal(tl_lake_schema_property(world->lake, world->arena, "a.b", "y", &text, &err), TL_OK);
    assert_string_equal(text, "only");
    assert_int_equal(tl_lake_schema_property(world->lake, world->arena, "a", "z", &text, &err), TL_OK);
    assert_null(text);
    assert_int_equal(tl_lake_schema_property(world->lake, world->arena, "none", "x", &text, &err), TL_SCHEMA_NOT_FOUND);
}

static void test_metadata_log_is_bounded(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    for (int i = 0; i < 6; i++)
        world_expect(world, 200, "POST", TABLE,
                     tl_arena_printf(world->arena, "{\"requirements\":[],\"updates\":[{\"action\":\"set-properties\",\"updates\":"
                                                   "{\"write.metadata.previous-versions-max\":\"3\",\"n\":\"%d\"}}]}", i));
    const tl_json *log = tl_json_get(world_metadata(world), "metadata-log");
    assert_int_equal(tl_json_count(log), 3);
    assert_non_null(strstr(tl_json_get_text(world_item(log, 2), "metadata-file"), "/00005-"));
}

static void test_failures_of_the_disk_are_retryable_and_change_nothing(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    const char *folder = tl_arena_printf(world->arena, "%s/metadata", path_of(tl_json_get_text(world_metadata(world), "location")));
    const char *away = tl_arena_printf(world->arena, "%s.away", folder);
    static const char commit[] = "{\"requirements\":[],\"updates\":[{\"action\":\"set-properties\",\"updates\":{\"a\":\"b\"}}]}";
    assert_int_equal(rename(folder, away), 0);
    world_expect_error(world, 503, "ServiceUnavailableException", "GET", TABLE, "");
    world_expect_error(world, 503, "ServiceUnavailableException", "POST", TABLE, commit);
    FILE *file = fopen(folder, "w"); /* a file where the folder should be */
    assert_non_null(file);
    fclose(file);
    world_expect(world, 400, "GET", TABLE, "");
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(rename(away, folder), 0);
    world_expect(world, 200, "POST", TABLE, commit);
    assert_non_null(strstr(tl_json_get_text(world->json, "metadata-location"), "/metadata/00001-"));
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_staged_create_persists_nothing_but_folders),
        IN_WORLD(test_commits_need_a_table_or_assert_create),
        IN_WORLD(test_snapshot_ids_and_unknown_members_are_kept_exactly),
        IN_WORLD(test_commit_conflict_is_reported),
        IN_WORLD(test_every_requirement_is_checked),
        IN_WORLD(test_unknown_updates_are_named_and_change_nothing),
        IN_WORLD(test_schema_evolution),
        IN_WORLD(test_unsound_schemas_never_get_in),
        IN_WORLD(test_partition_evolution),
        IN_WORLD(test_snapshots_expire_without_holes_in_the_log),
        IN_WORLD(test_format_version_goes_up_only),
        IN_WORLD(test_transaction_is_all_or_nothing),
        IN_WORLD(test_racing_commits_lose_nothing),
        IN_WORLD(test_one_of_racing_appends_wins),
        IN_WORLD(test_drop_keeps_or_purges_the_files),
        IN_WORLD(test_locations_outside_are_refused),
        IN_WORLD(test_register_takes_back_a_dropped_table),
        IN_WORLD(test_no_two_tables_have_one_uuid),
        IN_WORLD(test_a_property_of_the_nearest_schema_counts),
        IN_WORLD(test_metadata_log_is_bounded),
        IN_WORLD(test_failures_of_the_disk_are_retryable_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

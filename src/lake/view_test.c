/* Views of the REST catalog, as Trino and PyIceberg make and change them. */
#include "lake/lake_testing_int.h"

#define VIEW "/v1/namespaces/s1/views/v1"
#define VERSION(id, schema, text)                                                                                                     \
    "{\"version-id\":" id ",\"timestamp-ms\":1700000000001,\"schema-id\":" schema ",\"summary\":{\"engine-name\":\"trino\"},"          \
    "\"default-namespace\":[\"s1\"],\"representations\":[{\"type\":\"sql\",\"sql\":\"" text "\",\"dialect\":\"trino\"}]}"
#define CREATE(name, text)                                                                                                            \
    "{\"name\":\"" name "\",\"schema\":" WORLD_SCHEMA ",\"view-version\":" VERSION("1", "0", text) ",\"properties\":{\"owner\":\"ann\"}}"

static const char *make_view(struct world *world)
{
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"]}");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/views", CREATE("v1", "SELECT 1"));
    return tl_json_get_text(world_metadata(world), "view-uuid");
}

static void test_a_view_is_made_loaded_listed_and_dropped(void **state)
{
    struct world *world = *state;
    make_view(world);
    const tl_json *metadata = world_metadata(world);
    assert_int_equal(world_int(metadata, "format-version"), 1);
    assert_int_equal(world_int(metadata, "current-version-id"), 1);
    assert_string_equal(tl_json_get_text(tl_json_get(metadata, "properties"), "owner"), "ann");
    const char *file = tl_json_get_text(world->json, "metadata-location") + 7;
    assert_int_equal(access(file, R_OK), 0);
    world_expect(world, 200, "GET", VIEW, "");
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "versions")), 1);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "version-log")), 1);
    world_expect(world, 204, "HEAD", VIEW, "");
    world_expect(world, 200, "GET", "/v1/namespaces/s1/views", "");
    assert_int_equal(tl_json_count(tl_json_get(world->json, "identifiers")), 1);
    world_expect(world, 200, "GET", "/v1/namespaces/s1/tables", "");
    assert_int_equal(tl_json_count(tl_json_get(world->json, "identifiers")), 0);
    world_expect_error(world, 409, "NamespaceNotEmptyException", "DELETE", "/v1/namespaces/s1", "");
    world_expect(world, 204, "DELETE", VIEW, "");
    assert_int_not_equal(access(file, F_OK), 0);
    world_expect_error(world, 404, "NoSuchViewException", "DELETE", VIEW, "");
    world_expect_error(world, 404, "NoSuchViewException", "GET", VIEW, "");
    world_expect_error(world, 404, "NoSuchViewException", "POST", VIEW, "{\"updates\":[]}");
}

static void test_views_and_tables_share_names(void **state)
{
    struct world *world = *state;
    make_view(world);
    world_make_table(world, "t1");
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces/s1/tables", "{\"name\":\"V1\",\"schema\":" WORLD_SCHEMA "}");
    assert_non_null(strstr(world_message(world), "View with same name already exists"));
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces/s1/views", CREATE("t1", "SELECT 1"));
    assert_non_null(strstr(world_message(world), "Table with same name already exists"));
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces/s1/views", CREATE("v1", "SELECT 1"));
    world_expect_error(world, 404, "NoSuchTableException", "GET", "/v1/namespaces/s1/tables/v1", "");
    world_expect_error(world, 404, "NoSuchViewException", "GET", "/v1/namespaces/s1/views/t1", "");
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/views/rename",
                       "{\"source\":{\"namespace\":[\"s1\"],\"name\":\"v1\"},\"destination\":{\"namespace\":[\"s1\"],\"name\":\"t1\"}}");
    world_expect(world, 204, "POST", "/v1/views/rename",
                 "{\"source\":{\"namespace\":[\"s1\"],\"name\":\"v1\"},\"destination\":{\"namespace\":[\"s1\"],\"name\":\"v2\"}}");
    world_expect(world, 204, "HEAD", "/v1/namespaces/s1/views/v2", "");
    world_expect_error(world, 404, "NoSuchViewException", "POST", "/v1/views/rename",
                       "{\"source\":{\"namespace\":[\"s1\"],\"name\":\"v1\"},\"destination\":{\"namespace\":[\"s1\"],\"name\":\"v3\"}}");
}

static const char *replacement(struct world *world, const char *uuid, const char *version)
{
    return tl_arena_printf(world->arena,
                           "{\"requirements\":[{\"type\":\"assert-view-uuid\",\"uuid\":\"%s\"}],"
                           "\"updates\":[{\"action\":\"add-schema\",\"schema\":" WORLD_SCHEMA
                           "},{\"action\":\"add-view-version\",\"view-version\":%s},{\"action\":\"set-current-view-version\",\"view-version-id\":-1}]}",
                           uuid, version);
}

static void test_a_view_is_replaced_and_goes_back(void **state)
{
    struct world *world = *state;
    const char *uuid = make_view(world);
    world_expect(world, 200, "POST", VIEW, replacement(world, uuid, VERSION("7", "-1", "SELECT 2")));
    assert_int_equal(world_int(world_metadata(world), "current-version-id"), 2);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "versions")), 2);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "schemas")), 1);
    /* the text it had first: the version it was then */
    world_expect(world, 200, "POST", VIEW, replacement(world, uuid, VERSION("9", "-1", "SELECT 1")));
    assert_int_equal(world_int(world_metadata(world), "current-version-id"), 1);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "versions")), 2);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "version-log")), 3);
    world_expect(world, 200, "POST", VIEW, "{\"updates\":[{\"action\":\"set-properties\",\"updates\":{\"a\":\"b\"}},"
                                           "{\"action\":\"remove-properties\",\"removals\":[\"owner\"]}]}");
    const tl_json *properties = tl_json_get(world_metadata(world), "properties");
    assert_string_equal(tl_json_get_text(properties, "a"), "b");
    assert_null(tl_json_get(properties, "owner"));
    /* as Trino replaces one: it also moves */
    const char *moved = world_text(world, "{\"updates\":[{\"action\":\"set-location\",\"location\":\"file://@/s1/v1-moved\"}]}");
    world_expect(world, 200, "POST", VIEW, moved);
    assert_non_null(strstr(tl_json_get_text(world->json, "metadata-location"), "/s1/v1-moved/metadata/"));
    moved = world_text(world, "{\"updates\":[{\"action\":\"set-location\",\"location\":\"file://@/s1/v1-moved/in\"}]}");
    world_expect(world, 200, "POST", VIEW, moved); /* into its own folder */
    world_expect(world, 200, "GET", VIEW, "");
    world_make_table(world, "t1");
    const char *table = tl_json_get_text(world_metadata(world), "location");
    world_expect_error(world, 400, "IllegalArgumentException", "POST", VIEW,
                       tl_arena_printf(world->arena, "{\"updates\":[{\"action\":\"set-location\",\"location\":\"%s/in\"}]}", table));
    world_expect_error(world, 409, "CommitFailedException", "POST", VIEW,
                       replacement(world, "00000000-0000-4000-8000-000000000000", VERSION("7", "-1", "SELECT 3")));
}

static void test_old_versions_go_and_the_log_has_no_holes(void **state)
{
    struct world *world = *state;
    const char *uuid = make_view(world);
    world_expect(world, 200, "POST", VIEW, "{\"updates\":[{\"action\":\"set-properties\",\"updates\":{\"version.history.num-entries\":\"3\"}}]}");
    for (int i = 2; i < 8; i++) {
        const char *version = tl_arena_printf(world->arena,
                                              "{\"version-id\":1,\"timestamp-ms\":%d,\"schema-id\":-1,\"summary\":{},\"default-namespace\":[\"s1\"],"
                                              "\"representations\":[{\"type\":\"sql\",\"sql\":\"SELECT %d\",\"dialect\":\"spark\"}]}",
                                              i, i);
        world_expect(world, 200, "POST", VIEW, replacement(world, uuid, version));
    }
    assert_int_equal(world_int(world_metadata(world), "current-version-id"), 7);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "versions")), 3);
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "version-log")), 3);
}

static void test_unsound_views_never_get_in(void **state)
{
    struct world *world = *state;
    make_view(world);
    static const char *const bad[] = {
        "{\"name\":\"v9\"}",
        "{\"name\":\"v9\",\"schema\":" WORLD_SCHEMA "}",
        "{\"name\":\"v9\",\"schema\":" WORLD_SCHEMA ",\"view-version\":{\"version-id\":1,\"timestamp-ms\":1,\"schema-id\":0,\"representations\":[]}}",
        "{\"name\":\"v9\",\"schema\":" WORLD_SCHEMA ",\"view-version\":" VERSION("1", "5", "SELECT 1") "}",
        "{\"name\":\"v9\",\"schema\":{\"type\":\"struct\",\"fields\":[{}]},\"view-version\":" VERSION("1", "0", "SELECT 1") "}",
        "{\"name\":\"v9\",\"schema\":" WORLD_SCHEMA ",\"view-version\":{\"version-id\":1,\"timestamp-ms\":1,\"schema-id\":0,\"representations\":["
        "{\"type\":\"sql\",\"sql\":\"a\",\"dialect\":\"trino\"},{\"type\":\"sql\",\"sql\":\"b\",\"dialect\":\"TRINO\"}]}}",
        "{\"name\":\"v9\",\"location\":\"file:///etc\",\"schema\":" WORLD_SCHEMA ",\"view-version\":" VERSION("1", "0", "SELECT 1") "}",
        "{\"name\":\"../v9\",\"schema\":" WORLD_SCHEMA ",\"view-version\":" VERSION("1", "0", "SELECT 1") "}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        world_expect_error(world, 400, "IllegalArgumentException", "POST", "/v1/namespaces/s1/views", bad[i]);
    static const char *const updates[] = {
        "{\"updates\":[{\"action\":\"add-snapshot\",\"snapshot\":{}}]}",
        "{\"updates\":[{\"action\":\"set-current-view-version\",\"view-version-id\":9}]}",
        "{\"updates\":[{\"action\":\"upgrade-format-version\",\"format-version\":2}]}",
        "{\"updates\":{}}",
        "{\"requirements\":[{\"type\":\"assert-create\"}],\"updates\":[]}",
    };
    for (size_t i = 0; i < sizeof updates / sizeof updates[0]; i++)
        world_expect_error(world, 400, "IllegalArgumentException", "POST", VIEW, updates[i]);
    world_expect(world, 200, "GET", "/v1/namespaces/s1/views", "");
    assert_int_equal(tl_json_count(tl_json_get(world->json, "identifiers")), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_view_is_made_loaded_listed_and_dropped), TEST(test_views_and_tables_share_names), TEST(test_a_view_is_replaced_and_goes_back),
        TEST(test_old_versions_go_and_the_log_has_no_holes), TEST(test_unsound_views_never_get_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

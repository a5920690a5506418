/* Namespaces, table names, listing, configuration: what is not a commit. */
#include "lake/lake_testing_int.h"

static void add_namespace(struct world *world, const char *levels)
{
    world_expect(world, 200, "POST", "/v1/namespaces", tl_arena_printf(world->arena, "{\"namespace\":%s}", levels));
}

static void test_config_lists_only_what_is_there(void **state)
{
    struct world *world = *state;
    world_expect(world, 200, "GET", "/v1/config", "");
    assert_true(tl_json_is_object(tl_json_get(world->json, "defaults")));
    assert_true(tl_json_is_object(tl_json_get(world->json, "overrides")));
    bool transactions = false, views = false;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(world->json, "endpoints")); tl_json_next(&it);) {
        transactions = transactions || tl_streq(tl_json_text(it.value), "POST /v1/{prefix}/transactions/commit");
        views = views || strstr(tl_json_text(it.value), "views");
    }
    assert_true(transactions);
    assert_true(views);
    assert_string_equal(tl_json_get_text(world->json, "idempotency-key-lifetime"), "PT30M");
    world_expect(world, 200, "GET", "/v1/config?warehouse=lake", "");
    world_expect(world, 200, "GET", world_text(world, "/v1/config?warehouse=file://@"), "");
    world_expect(world, 200, "GET", world_text(world, "/v1/config?warehouse=@/../warehouse"), "");
    assert_string_equal(tl_lake_warehouse(world->lake), world->warehouse);
    world_expect_error(world, 404, "NotFoundException", "GET", "/v1/config?warehouse=/tmp", "");
    world_expect(world, 200, "HEAD", "/v1/config", "");
    assert_int_equal(world->reply.body.size, 0);
    world_expect_error(world, 404, "NotFoundException", "GET", "/v1/config?warehouse=other", "");
}

static void test_namespace_life(void **state)
{
    struct world *world = *state;
    world_expect(world, 404, "HEAD", "/v1/namespaces/s1", "");
    world_expect_error(world, 404, "NoSuchNamespaceException", "GET", "/v1/namespaces/s1", "");
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"],\"properties\":{\"owner\":\"a\"}}");
    assert_string_equal(tl_json_get_text(tl_json_get(world->json, "properties"), "owner"), "a");
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"]}");
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces", "{\"namespace\":[\"S1\"]}");
    world_expect(world, 204, "HEAD", "/v1/namespaces/s1", "");
    world_expect(world, 200, "GET", "/v1/namespaces/s1", "");
    assert_string_equal(tl_json_get_text(tl_json_get(world->json, "properties"), "location"),
                        world_text(world, "file://@/s1")); /* Trino cannot create tables without it */
    world_expect(world, 204, "DELETE", "/v1/namespaces/s1", "");
    world_expect_error(world, 404, "NoSuchNamespaceException", "DELETE", "/v1/namespaces/s1", "");
}

static void test_namespaces_nest(void **state)
{
    struct world *world = *state;
    world_expect_error(world, 404, "NoSuchNamespaceException", "POST", "/v1/namespaces", "{\"namespace\":[\"a\",\"b\"]}");
    add_namespace(world, "[\"a\"]");
    add_namespace(world, "[\"a\",\"b\"]");
    add_namespace(world, "[\"a\",\"b\",\"c d\"]");
    world_expect(world, 200, "GET", "/v1/namespaces", "");
    assert_int_equal(tl_json_count(tl_json_get(world->json, "namespaces")), 1);
    world_expect(world, 200, "GET", "/v1/namespaces?parent=a\x1F" "b", "");
    const tl_json *inner = world_item(tl_json_get(world->json, "namespaces"), 0);
    assert_int_equal(tl_json_count(inner), 3);
    assert_string_equal(tl_json_text(world_item(inner, 2)), "c d");
    world_expect(world, 204, "HEAD", "/v1/namespaces/a%1Fb%1Fc%20d", "");
    world_expect_error(world, 404, "NoSuchNamespaceException", "GET", "/v1/namespaces?parent=zz", "");
    world_expect_error(world, 409, "NamespaceNotEmptyException", "DELETE", "/v1/namespaces/a", "");
    struct tl_request rq;
    const char *const *names;
    size_t count;
    tl_request_init(&rq, world->arena);
    assert_int_equal(tl_lake_schemas(&rq, world->lake, &names, &count), TL_OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[2], "a.b.c d");
}

static void test_bad_names_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const namespaces[] = {"[]", "[\"\"]", "[\"a.b\"]", "[\"a/b\"]", "[\"..\"]", "[1]", "\"a\"", "[\"a\\u0000\"]",
                                             "[\"a\\u001fb\"]", "[\"a\\n\"]", "null"};
    for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++)
        world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces",
                           tl_arena_printf(world->arena, "{\"namespace\":%s}", namespaces[i]));
    add_namespace(world, "[\"s1\"]");
    static const char *const tables[] = {"\"\"", "\"a.b\"", "\"../x\"", "5", "\"a\\u0000b\"", "null"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/tables",
                           tl_arena_printf(world->arena, "{\"name\":%s,\"schema\":" WORLD_SCHEMA "}", tables[i]));
    world_expect_error(world, 400, "BadRequestException", "GET", "/v1/namespaces/%FF/tables", "");
    world_expect_error(world, 400, "BadRequestException", "GET", "/v1/namespaces/a%00b", "");
    world_expect_error(world, 400, "BadRequestException", "GET", "/v1/namespaces/%zz", "");
    world_expect_error(world, 400, "BadRequestException", "GET", "/v1/namespaces/a/b/c/d/e/f/g/h/i/j", "");
}

static void test_properties_are_set_and_removed(void **state)
{
    struct world *world = *state;
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"],\"properties\":{\"a\":\"1\",\"b\":\"2\"}}");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/properties",
                 "{\"removals\":[\"a\",\"nothing\",\"location\"],\"updates\":{\"b\":\"3\",\"c\":\"4\"}}");
    assert_string_equal(tl_json_text(world_item(tl_json_get(world->json, "removed"), 0)), "a");
    assert_string_equal(tl_json_text(world_item(tl_json_get(world->json, "missing"), 0)), "nothing");
    assert_int_equal(tl_json_count(tl_json_get(world->json, "updated")), 2);
    world_expect(world, 200, "GET", "/v1/namespaces/s1", "");
    const tl_json *properties = tl_json_get(world->json, "properties");
    assert_null(tl_json_get(properties, "a"));
    assert_string_equal(tl_json_get_text(properties, "b"), "3");
    assert_string_equal(tl_json_get_text(properties, "c"), "4");
    assert_non_null(tl_json_get_text(properties, "location"));
    world_expect_error(world, 422, "UnprocessableEntityException", "POST", "/v1/namespaces/s1/properties",
                       "{\"removals\":[\"b\"],\"updates\":{\"b\":\"3\"}}");
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/properties", "{\"updates\":{\"b\":3}}");
    world_expect_error(world, 404, "NoSuchNamespaceException", "POST", "/v1/namespaces/s2/properties", "{\"updates\":{\"b\":\"3\"}}");
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/properties",
                       "{\"updates\":{\"location\":\"file:///etc\"}}");
}

static void test_pages_hold_every_name_once(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 25; i++)
        add_namespace(world, tl_arena_printf(world->arena, "[\"n%02d\"]", i));
    world_expect(world, 200, "GET", "/v1/namespaces", "");
    assert_int_equal(tl_json_count(tl_json_get(world->json, "namespaces")), 25);
    assert_true(tl_json_is_null(tl_json_get(world->json, "next-page-token")));
    const char *token = "";
    size_t seen = 0, pages = 0;
    char last[32] = "";
    do {
        world_expect(world, 200, "GET", tl_arena_printf(world->arena, "/v1/namespaces?pageToken=%s&pageSize=10", token), "");
        for (struct tl_json_iter it = tl_json_iter(tl_json_get(world->json, "namespaces")); tl_json_next(&it); seen++) {
            const char *name = tl_json_text(world_item(it.value, 0));
            assert_true(strcmp(last, name) < 0);
            snprintf(last, sizeof last, "%s", name);
        }
        token = tl_json_get_text(world->json, "next-page-token");
        pages++;
    } while (token);
    assert_int_equal(seen, 25);
    assert_int_equal(pages, 3);
    world_expect_error(world, 400, "BadRequestException", "GET", "/v1/namespaces?pageSize=-1", "");
    world_expect_error(world, 400, "BadRequestException", "GET", "/v1/namespaces?pageSize=x", "");
}

static void test_tables_are_listed_in_their_namespace(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    world_make_table(world, "Umsätze");
    world_expect(world, 200, "GET", "/v1/namespaces/s1/tables?pageToken=", "");
    const tl_json *identifiers = tl_json_get(world->json, "identifiers");
    assert_int_equal(tl_json_count(identifiers), 2);
    assert_string_equal(tl_json_get_text(world_item(identifiers, 0), "name"), "Umsätze");
    assert_string_equal(tl_json_text(world_item(tl_json_get(world_item(identifiers, 0), "namespace"), 0)), "s1");
    world_expect(world, 204, "HEAD", "/v1/namespaces/s1/tables/Ums%C3%A4tze", "");
    world_expect_error(world, 404, "NoSuchNamespaceException", "GET", "/v1/namespaces/s2/tables", "");
    world_expect_error(world, 404, "NoSuchTableException", "GET", "/v1/namespaces/s2/tables/t1", "");
    world_expect_error(world, 404, "NoSuchTableException", "GET", "/v1/namespaces/s1/tables/t2", "");
    world_expect_error(world, 404, "NoSuchViewException", "GET", "/v1/namespaces/s1/views/t1", "");
    world_expect_error(world, 409, "NamespaceNotEmptyException", "DELETE", "/v1/namespaces/s1", "");
}

static void test_tables_are_renamed(void **state)
{
    struct world *world = *state;
    const char *uuid = world_make_table(world, "t1");
    world_make_table(world, "t2");
    add_namespace(world, "[\"s2\"]");
#define RENAME(to) "{\"source\":{\"namespace\":[\"s1\"],\"name\":\"t1\"},\"destination\":" to "}"
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/tables/rename", RENAME("{\"namespace\":[\"s1\"],\"name\":\"t2\"}"));
    world_expect_error(world, 404, "NoSuchNamespaceException", "POST", "/v1/tables/rename", RENAME("{\"namespace\":[\"s3\"],\"name\":\"t2\"}"));
    world_expect(world, 204, "POST", "/v1/tables/rename", RENAME("{\"namespace\":[\"s2\"],\"name\":\"t1b\"}"));
    world_expect_error(world, 404, "NoSuchTableException", "POST", "/v1/tables/rename", RENAME("{\"namespace\":[\"s2\"],\"name\":\"x\"}"));
    world_expect(world, 404, "HEAD", "/v1/namespaces/s1/tables/t1", "");
    world_expect(world, 200, "GET", "/v1/namespaces/s2/tables/t1b", "");
    assert_string_equal(tl_json_get_text(world_metadata(world), "table-uuid"), uuid);
    world_expect(world, 204, "POST", "/v1/tables/rename",
                 "{\"source\":{\"namespace\":[\"s2\"],\"name\":\"t1b\"},\"destination\":{\"namespace\":[\"s2\"],\"name\":\"T1B\"}}");
    world_make_table(world, "t1"); /* the old name and its own, new folder are free again */
    assert_string_not_equal(tl_json_get_text(world_metadata(world), "table-uuid"), uuid);
}

static void test_names_survive_a_restart(void **state)
{
    struct world *world = *state;
    const char *uuid = world_make_table(world, "t1");
    world_close(world);
    world_open(world);
    world_expect(world, 200, "GET", "/v1/namespaces/s1/tables/t1", "");
    assert_string_equal(tl_json_get_text(world_metadata(world), "table-uuid"), uuid);
}

static void test_generation_moves_with_names_and_schemas_only(void **state)
{
    struct world *world = *state;
    uint64_t start = tl_lake_generation(world->lake);
    world_make_table(world, "t1");
    uint64_t made = tl_lake_generation(world->lake);
    assert_true(made > start);
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables/t1", world_append(world, 7, -1, 1));
    world_expect(world, 200, "GET", "/v1/namespaces/s1/tables/t1", "");
    world_expect(world, 404, "GET", "/v1/namespaces/s1/tables/t2", "");
    assert_int_equal(tl_lake_generation(world->lake), made);
    world_expect(world, 204, "DELETE", "/v1/namespaces/s1/tables/t1", "");
    assert_true(tl_lake_generation(world->lake) > made);
}

static void test_unknown_routes_and_methods(void **state)
{
    struct world *world = *state;
    world_expect_error(world, 404, "NotFoundException", "GET", "/v1/nothing", "");
    world_expect_error(world, 404, "NotFoundException", "GET", "/v2/config", "");
    world_expect_error(world, 404, "NotFoundException", "GET", "/", "");
    world_expect_error(world, 405, "UnsupportedOperationException", "PUT", "/v1/namespaces", "");
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces", "");
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces", "{\"namespace\":");
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces", "[1]");
}

static void test_warehouse_folder_must_be_absolute(void **state)
{
    struct world *world = *state;
    tl_lake *lake;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_lake_open(world->store, "relative/warehouse", &lake, &err), TL_INVALID_ARGUMENT);
    tl_err_init(&err);
    assert_int_equal(tl_lake_open(world->store, world_text(world, "@/with*star"), &lake, &err), TL_INVALID_ARGUMENT);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_config_lists_only_what_is_there),
        IN_WORLD(test_namespace_life),
        IN_WORLD(test_namespaces_nest),
        IN_WORLD(test_bad_names_are_refused),
        IN_WORLD(test_properties_are_set_and_removed),
        IN_WORLD(test_pages_hold_every_name_once),
        IN_WORLD(test_tables_are_listed_in_their_namespace),
        IN_WORLD(test_tables_are_renamed),
        IN_WORLD(test_names_survive_a_restart),
        IN_WORLD(test_generation_moves_with_names_and_schemas_only),
        IN_WORLD(test_unknown_routes_and_methods),
        IN_WORLD(test_warehouse_folder_must_be_absolute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

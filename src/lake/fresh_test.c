/* Fields of a new table are numbered here, whatever the client calls them; what refers to them follows. */
#include "lake/lake_testing_int.h"

static void test_columns_come_first_then_what_is_in_them(void **state)
{
    struct world *world = *state;
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"]}");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables",
                 "{\"name\":\"t1\",\"schema\":{\"type\":\"struct\",\"schema-id\":7,\"identifier-field-ids\":[90],\"fields\":["
                 "{\"id\":70,\"name\":\"tags\",\"required\":false,\"type\":{\"type\":\"map\",\"key-id\":71,\"key\":\"string\",\"value-id\":72,"
                 "\"value\":{\"type\":\"list\",\"element-id\":73,\"element\":\"int\",\"element-required\":true},\"value-required\":false}},"
                 "{\"id\":90,\"name\":\"id\",\"required\":true,\"type\":\"long\"}]},"
                 "\"partition-spec\":{\"spec-id\":4,\"fields\":[{\"source-id\":90,\"field-id\":1234,\"name\":\"b\",\"transform\":\"bucket[4]\"}]},"
                 "\"write-order\":{\"order-id\":9,\"fields\":[{\"source-id\":90,\"transform\":\"identity\",\"direction\":\"asc\","
                 "\"null-order\":\"nulls-first\"}]}}");
    const tl_json *metadata = world_metadata(world), *schema = world_item(tl_json_get(metadata, "schemas"), 0);
    const tl_json *tags = world_item(tl_json_get(schema, "fields"), 0), *type = tl_json_get(tags, "type");
    assert_int_equal(world_int(schema, "schema-id"), 0);
    assert_int_equal(world_int(tags, "id"), 1);
    assert_int_equal(world_int(world_item(tl_json_get(schema, "fields"), 1), "id"), 2);
    assert_int_equal(world_int(type, "key-id"), 3);
    assert_int_equal(world_int(type, "value-id"), 4);
    assert_int_equal(world_int(tl_json_get(type, "value"), "element-id"), 5);
    assert_int_equal(world_int(metadata, "last-column-id"), 5);
    int64_t identifier;
    assert_true(tl_json_int64(world_item(tl_json_get(schema, "identifier-field-ids"), 0), &identifier));
    assert_int_equal(identifier, 2);
    const tl_json *spec = world_item(tl_json_get(metadata, "partition-specs"), 0), *part = world_item(tl_json_get(spec, "fields"), 0);
    assert_int_equal(world_int(spec, "spec-id"), 0);
    assert_int_equal(world_int(part, "source-id"), 2);
    assert_int_equal(world_int(part, "field-id"), 1000);
    const tl_json *order = world_item(tl_json_get(metadata, "sort-orders"), 0);
    assert_int_equal(world_int(order, "order-id"), 1);
    assert_int_equal(world_int(world_item(tl_json_get(order, "fields"), 0), "source-id"), 2);
}

static void test_what_refers_to_no_column_is_refused(void **state)
{
    struct world *world = *state;
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"]}");
    static const char *const parts[] = {
        "\"partition-spec\":{\"fields\":[{\"source-id\":5,\"name\":\"b\",\"transform\":\"identity\"}]}",
        "\"write-order\":{\"order-id\":1,\"fields\":[{\"source-id\":5,\"transform\":\"identity\",\"direction\":\"asc\",\"null-order\":\"nulls-first\"}]}",
    };
    for (size_t i = 0; i < 2; i++)
        world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/tables",
                           tl_arena_printf(world->arena, "{\"name\":\"t2\",\"schema\":" WORLD_SCHEMA ",%s}", parts[i]));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_columns_come_first_then_what_is_in_them),
        TEST(test_what_refers_to_no_column_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

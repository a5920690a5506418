/* What the rules let an outside engine do: closed by default, by grants of raw, and names that do not keep old reviews. */
#include "auth/principal.h"
#include "lake/lake_testing_int.h"

#define TABLE "/v1/namespaces/s1/tables/t1"

static tl_lifeguard *guard;

static int setup(void **state)
{
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(world_setup(state), 0);
    struct world *world = *state;
    struct tl_lifeguard_options options = {.link_base = "http://lake.example"};
    assert_int_equal(tl_lifeguard_open(world->store, &options, &guard, &err), TL_OK);
    return 0;
}

static int teardown(void **state)
{
    tl_lifeguard_close(guard);
    return world_teardown(state);
}

static const char *const admins[] = {"admin"}, *const loaders[] = {"loaders"};
static const struct tl_principal admin = {.user = "root", .authenticated = true, .group_count = 1, .groups = admins, .kind = TL_AUTH_KIND_TOKEN};
static const struct tl_principal ann = {.user = "ann", .authenticated = true, .group_count = 1, .groups = loaders, .kind = TL_AUTH_KIND_TOKEN};
static const struct tl_principal reader = {.user = "ann", .authenticated = true, .group_count = 1, .groups = loaders, .kind = TL_AUTH_KIND_TOKEN,
                                           .withheld = TL_SCOPE_WRITE};

static int as(struct world *world, const struct tl_principal *principal, const char *method, const char *path, const char *body)
{
    struct tl_request rq;
    struct tl_lake_rights rights = {principal, guard, "lake"};
    tl_request_init(&rq, world->arena);
    struct tl_lake_call call = {.method = method, .path = path, .body = tl_str_of(body), .rights = &rights};
    tl_lake_rest(&rq, world->lake, &call, &world->reply);
    return world->reply.status;
}

static const char *message(struct world *world)
{
    return tl_arena_strndup(world->arena, world->reply.body.data, world->reply.body.size);
}

static void grant(struct world *world, const char *effect, const char *privileges, const char *scope)
{
    struct tl_request rq;
    const tl_json *body;
    const char *id;
    tl_request_init(&rq, world->arena);
    rq.principal = &admin;
    const char *text = tl_arena_printf(world->arena, "{\"group\":\"loaders\",\"effect\":\"%s\",\"privileges\":\"%s\",\"scope\":%s,"
                                       "\"duration\":\"1d\",\"reason\":\"test\"}",
                                       effect, privileges, scope);
    assert_int_equal(tl_json_parse(world->arena, text, strlen(text), &body, &rq.err), TL_OK);
    if (tl_lifeguard_grant(&rq, guard, body, &id) != TL_OK)
        fail_msg("%s", rq.err.message);
}

#define CREATE "{\"name\":\"t1\",\"schema\":" WORLD_SCHEMA "}"

static void test_nothing_is_open_without_a_grant(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    static const struct {
        const char *method, *path, *body;
    } calls[] = {
        {"GET", TABLE, ""},
        {"GET", TABLE "/credentials", ""},
        {"POST", TABLE, "{\"requirements\":[],\"updates\":[]}"},
        {"DELETE", TABLE, ""},
        {"POST", "/v1/namespaces", "{\"namespace\":[\"s2\"]}"},
        {"DELETE", "/v1/namespaces/s1", ""},
        {"POST", "/v1/namespaces/s1/properties", "{\"updates\":{\"a\":\"b\"}}"},
        {"POST", "/v1/namespaces/s1/tables", "{\"name\":\"t2\",\"schema\":" WORLD_SCHEMA "}"},
        {"POST", "/v1/namespaces/s1/tables", "{\"name\":\"t2\",\"stage-create\":true,\"schema\":" WORLD_SCHEMA "}"},
        {"POST", "/v1/namespaces/s1/register", "{\"name\":\"t2\",\"metadata-location\":\"file:///x\"}"},
        {"POST", "/v1/namespaces/s1/views", "{\"name\":\"v\"}"},
        {"POST", "/v1/namespaces/s1/undrop", "{\"name\":\"t2\"}"},
        {"POST", "/v1/tables/rename", "{\"source\":{\"namespace\":[\"s1\"],\"name\":\"t1\"},\"destination\":{\"namespace\":[\"s1\"],\"name\":\"t2\"}}"},
        {"POST", "/v1/views/rename", "{\"source\":{\"namespace\":[\"s1\"],\"name\":\"t1\"},\"destination\":{\"namespace\":[\"s1\"],\"name\":\"t2\"}}"},
        {"POST", "/v1/transactions/commit",
         "{\"table-changes\":[{\"identifier\":{\"namespace\":[\"s1\"],\"name\":\"t1\"},\"requirements\":[],\"updates\":[]}]}"},
        {"POST", "/v1/transactions/commit",
         "{\"table-changes\":[{\"identifier\":{\"namespace\":[\"s1\"],\"name\":\"n\"},\"requirements\":[{\"type\":\"assert-create\"}],\"updates\":[]}]}"},
    };
    const struct tl_principal *const callers[] = {&ann, &admin};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (size_t k = 0; k < 2; k++)
            if (as(world, callers[k], calls[i].method, calls[i].path, calls[i].body) != 403)
                fail_msg("%s %s: %d %s", calls[i].method, calls[i].path, world->reply.status, message(world));
    assert_int_equal(as(world, &ann, "GET", TABLE, ""), 403);
    assert_non_null(strstr(message(world), "http://lake.example/access/request?source=lake&schema=s1&table=t1&privileges=raw"));
    assert_null(world->reply.etag);
    /* that it is there is no secret */
    assert_int_equal(as(world, &ann, "GET", "/v1/namespaces/s1/tables", ""), 200);
    assert_int_equal(as(world, &ann, "HEAD", TABLE, ""), 204);
    assert_int_equal(as(world, &ann, "GET", "/v1/config", ""), 200);
    world_expect(world, 200, "GET", TABLE, ""); /* the engine of this server */
}

static void test_a_grant_of_raw_opens_the_table_and_no_other(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t2");
    world_make_table(world, "t1");
    grant(world, "allow", "read", "{\"source\":\"lake\"}");
    assert_int_equal(as(world, &ann, "GET", TABLE, ""), 403); /* reading by the rules is not reading past them */
    grant(world, "allow", "raw", "{\"source\":\"lake\",\"schema\":\"s1\",\"table\":\"t1\"}");
    assert_int_equal(as(world, &ann, "GET", TABLE, ""), 200);
    assert_string_equal(world->reply.act, "load");
    assert_string_equal(world->reply.subject, "s1.t1");
    assert_int_equal(as(world, &ann, "GET", "/v1/namespaces/s1/tables/t2", ""), 403);
    assert_int_equal(as(world, &ann, "POST", TABLE, "{\"requirements\":[],\"updates\":[]}"), 403);
    grant(world, "allow", "write", "{\"source\":\"lake\",\"schema\":\"s1\"}");
    assert_int_equal(as(world, &ann, "POST", TABLE, world_append(world, 1, -1, 1)), 200);
    assert_int_equal(as(world, &ann, "POST", "/v1/namespaces/s1/tables/t2", "{\"requirements\":[],\"updates\":[]}"), 403);
    assert_int_equal(as(world, &reader, "GET", TABLE, ""), 200);
    assert_int_equal(as(world, &reader, "POST", TABLE, "{\"requirements\":[],\"updates\":[]}"), 403);
    assert_int_equal(as(world, &ann, "DELETE", TABLE, ""), 403);
    grant(world, "deny", "read", "{\"source\":\"lake\",\"schema\":\"s1\",\"table\":\"t1\"}");
    assert_int_equal(as(world, &ann, "GET", TABLE, ""), 403);
}

static void test_a_transaction_needs_every_table(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    world_make_table(world, "t2");
    grant(world, "allow", "raw, write", "{\"source\":\"lake\",\"schema\":\"s1\",\"table\":\"t1\"}");
    static const char body[] = "{\"table-changes\":[{\"identifier\":{\"namespace\":[\"s1\"],\"name\":\"t1\"},\"requirements\":[],"
                               "\"updates\":[{\"action\":\"set-properties\",\"updates\":{\"a\":\"b\"}}]},"
                               "{\"identifier\":{\"namespace\":[\"s1\"],\"name\":\"t2\"},\"requirements\":[],\"updates\":[]}]}";
    assert_int_equal(as(world, &ann, "POST", "/v1/transactions/commit", body), 403);
    world_expect(world, 200, "GET", TABLE, "");
    assert_null(tl_json_get(tl_json_get(world_metadata(world), "properties"), "a"));
    grant(world, "allow", "raw, write", "{\"source\":\"lake\",\"schema\":\"s1\",\"table\":\"t2\"}");
    assert_int_equal(as(world, &ann, "POST", "/v1/transactions/commit", body), 204);
    assert_string_equal(world->reply.subject, "s1.t1 and 1 more");
}

static const char *state_of(struct world *world, const char *table)
{
    struct tl_request rq;
    struct tl_buf buf;
    struct tl_json_writer writer;
    const tl_json *dataset;
    struct tl_grant_scope scope = {.source = "lake", .schema = "s1", .table = table};
    tl_request_init(&rq, world->arena);
    rq.principal = &admin;
    tl_buf_init(&buf, 65536);
    tl_json_writer_init(&writer, &buf);
    assert_int_equal(tl_lifeguard_put_dataset(&rq, guard, &scope, &writer), TL_OK);
    assert_int_equal(tl_json_parse(world->arena, buf.data, buf.size, &dataset, &rq.err), TL_OK);
    tl_buf_done(&buf);
    return tl_json_get_text(dataset, "state");
}

static void review(struct world *world, const char *table)
{
    static const char body[] = "{\"state\":\"approved\",\"others\":\"open\"}";
    static const char *const columns[] = {"id", "amt"};
    struct tl_request rq;
    const tl_json *json;
    struct tl_grant_scope scope = {.source = "lake", .schema = "s1", .table = table};
    tl_request_init(&rq, world->arena);
    rq.principal = &admin;
    assert_int_equal(tl_json_parse(world->arena, body, strlen(body), &json, &rq.err), TL_OK);
    assert_int_equal(tl_lifeguard_review(&rq, guard, &scope, columns, 2, json, "test"), TL_OK);
    assert_string_equal(state_of(world, table), "approved");
}

static void test_what_comes_under_an_old_name_has_not_been_reviewed(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    grant(world, "allow", "raw, own", "{\"source\":\"lake\"}");
    review(world, "t1");
    assert_int_equal(as(world, &ann, "DELETE", TABLE, ""), 204);
    assert_int_equal(as(world, &ann, "POST", "/v1/namespaces/s1/tables", CREATE), 200);
    assert_string_equal(state_of(world, "t1"), "pending");
    review(world, "t1");
    assert_int_equal(as(world, &ann, "POST", "/v1/tables/rename",
                        "{\"source\":{\"namespace\":[\"s1\"],\"name\":\"t1\"},\"destination\":{\"namespace\":[\"s1\"],\"name\":\"t9\"}}"), 204);
    assert_int_equal(as(world, &ann, "POST", "/v1/namespaces/s1/tables", CREATE), 200);
    assert_string_equal(state_of(world, "t1"), "pending");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_open_without_a_grant), TEST(test_a_grant_of_raw_opens_the_table_and_no_other),
        TEST(test_a_transaction_needs_every_table), TEST(test_what_comes_under_an_old_name_has_not_been_reviewed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

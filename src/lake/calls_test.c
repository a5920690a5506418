/* What a call can ask for besides: states the client knows, fewer snapshots, sending again, having back. */
#include <pthread.h>

#include "auth/principal.h"
#include "lake/lake_testing_int.h"

#define TABLE "/v1/namespaces/s1/tables/t1"
#define KEY "01900000-0000-7000-8000-00000000000"

/* "name: value" lines of the next calls; one thread of a test. */
static _Thread_local const char *headers[4];

static tl_lifeguard *guard; /* opens what nobody has reviewed: the calls are what is tested here */

static int setup(void **state)
{
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(world_setup(state), 0);
    assert_int_equal(tl_lifeguard_open(((struct world *)*state)->store, &(struct tl_lifeguard_options){.open = true}, &guard, &err), TL_OK);
    return 0;
}

static int teardown(void **state)
{
    tl_lifeguard_close(guard);
    return world_teardown(state);
}

static const char *header(void *context, const char *name)
{
    (void)context;
    size_t size = strlen(name);
    for (size_t i = 0; i < 4 && headers[i]; i++)
        if (strncmp(headers[i], name, size) == 0 && headers[i][size] == ':')
            return headers[i] + size + 2;
    return NULL;
}

static int call_with(struct world *world, tl_arena *arena, const char *method, const char *path, const char *query, const char *body, const char *user,
                     struct tl_lake_reply *reply)
{
    struct tl_request rq;
    tl_request_init(&rq, arena);
    struct tl_principal principal = {.user = user, .authenticated = true};
    struct tl_lake_rights rights = {&principal, guard, "lake"};
    struct tl_lake_call call = {.method = method, .path = path, .query_param = world_param, .header = header, .body = tl_str_of(body)};
    if (user)
        call.rights = &rights;
    char room[256];
    snprintf(room, sizeof room, "%s", query);
    call.context = room;
    tl_lake_rest(&rq, world->lake, &call, reply);
    return reply->status;
}

static const char *get_etag(struct world *world, const char *query, int wanted)
{
    assert_int_equal(call_with(world, world->arena, "GET", TABLE, query, "", NULL, &world->reply), wanted);
    return world->reply.etag;
}

static void test_a_state_that_the_client_knows_is_not_sent(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    headers[0] = NULL;
    const char *first = get_etag(world, "", 200);
    assert_non_null(first);
    headers[0] = tl_arena_printf(world->arena, "If-None-Match: \"x\", %s", first);
    assert_string_equal(get_etag(world, "", 304), first);
    assert_int_equal(world->reply.body.size, 0);
    assert_string_not_equal(get_etag(world, "snapshots=refs", 200), first);
    headers[0] = NULL;
    world_expect(world, 200, "POST", TABLE, world_append(world, 1, -1, 1));
    headers[0] = tl_arena_printf(world->arena, "If-None-Match: %s", first);
    assert_string_not_equal(get_etag(world, "", 200), first);
    headers[0] = NULL;
}

static void test_only_referenced_snapshots_on_request(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    for (int64_t i = 1; i <= 3; i++)
        world_expect(world, 200, "POST", TABLE, world_append(world, i, i == 1 ? -1 : i - 1, i));
    world_expect(world, 200, "POST", TABLE,
                 "{\"requirements\":[],\"updates\":[{\"action\":\"set-snapshot-ref\",\"ref-name\":\"v1\",\"type\":\"tag\",\"snapshot-id\":1}]}");
    world_expect(world, 200, "GET", TABLE "?snapshots=all", "");
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "snapshots")), 3);
    world_expect(world, 200, "GET", TABLE "?snapshots=refs", "");
    assert_int_equal(tl_json_count(tl_json_get(world_metadata(world), "snapshots")), 2);
    assert_int_equal(world_int(world_metadata(world), "current-snapshot-id"), 3);
    world_expect_error(world, 400, "BadRequestException", "GET", TABLE "?snapshots=some", "");
}

static void test_a_call_sent_again_is_done_once(void **state)
{
    struct world *world = *state;
    const char *body = "{\"name\":\"t1\",\"schema\":" WORLD_SCHEMA "}", *path = "/v1/namespaces/s1/tables";
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"]}");
    headers[0] = "Idempotency-Key: " KEY "1";
    assert_int_equal(call_with(world, world->arena, "POST", path, "", body, "ann", &world->reply), 200);
    const char *first = tl_arena_strndup(world->arena, world->reply.body.data, world->reply.body.size);
    assert_int_equal(call_with(world, world->arena, "POST", path, "", body, "ann", &world->reply), 200);
    assert_int_equal(world->reply.body.size, strlen(first));
    assert_memory_equal(world->reply.body.data, first, strlen(first));
    /* the key of another request, or of another caller, is not theirs */
    assert_int_equal(call_with(world, world->arena, "POST", path, "", "{}", "ann", &world->reply), 422);
    assert_int_equal(call_with(world, world->arena, "POST", path, "", body, "bob", &world->reply), 422);
    headers[0] = "Idempotency-Key: " KEY "2";
    assert_int_equal(call_with(world, world->arena, "POST", path, "", body, "ann", &world->reply), 409);
    headers[0] = "Idempotency-Key: " KEY "3";
    assert_int_equal(call_with(world, world->arena, "DELETE", TABLE, "", "", "ann", &world->reply), 204);
    assert_int_equal(call_with(world, world->arena, "DELETE", TABLE, "", "", "ann", &world->reply), 204);
    headers[0] = "Idempotency-Key: not-a-key";
    assert_int_equal(call_with(world, world->arena, "DELETE", TABLE, "", "", "ann", &world->reply), 404);
    headers[0] = NULL;
}

static enum tl_code run_sql(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, context, NULL, 0, NULL, NULL, err);
}

static void sql(struct world *world, const char *text)
{
    struct tl_err err;
    tl_err_init(&err);
    if (tl_store_write(world->store, run_sql, tl_arena_strdup(world->arena, text), &err) != TL_OK)
        fail_msg("%s", err.message);
}

/* The server does not come to keep its answer: what was kept with the change is enough. */
static void test_a_call_whose_answer_was_lost_is_done_once_too(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    sql(world, "CREATE TRIGGER lost BEFORE UPDATE ON lake_idempotency BEGIN SELECT RAISE(ABORT, 'lost'); END");
    headers[0] = "Idempotency-Key: " KEY "4";
    const char *append = world_append(world, 1, -1, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call_with(world, world->arena, "POST", TABLE, "", append, "ann", &world->reply), 200);
        const tl_json *json;
        struct tl_err err;
        tl_err_init(&err);
        assert_int_equal(tl_json_parse(world->arena, world->reply.body.data, world->reply.body.size, &json, &err), TL_OK);
        assert_int_equal(tl_json_count(tl_json_get(tl_json_get(json, "metadata"), "snapshots")), 1);
        assert_non_null(world->reply.etag);
    }
    headers[0] = "Idempotency-Key: " KEY "5"; /* one that was refused was not done: it is asked anew when it comes with another key only */
    assert_int_equal(call_with(world, world->arena, "POST", TABLE, "", append, "ann", &world->reply), 409);
    assert_int_equal(call_with(world, world->arena, "POST", TABLE, "", append, "ann", &world->reply), 409);
    headers[0] = "Idempotency-Key: " KEY "6";
    for (int i = 0; i < 2; i++)
        assert_int_equal(call_with(world, world->arena, "DELETE", TABLE, "", "", "ann", &world->reply), 204);
    headers[0] = "Idempotency-Key: " KEY "7";
    static const char namespaces[] = "{\"namespace\":[\"s9\"]}";
    assert_int_equal(call_with(world, world->arena, "POST", "/v1/namespaces", "", namespaces, "ann", &world->reply), 200);
    assert_int_equal(call_with(world, world->arena, "POST", "/v1/namespaces", "", namespaces, "ann", &world->reply), 500); /* look */
    sql(world, "DROP TRIGGER lost");
    headers[0] = NULL;
}

static void test_the_answer_that_is_kept_is_the_first_one(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    headers[0] = "Idempotency-Key: " KEY "8";
    const char *append = world_append(world, 1, -1, 1);
    assert_int_equal(call_with(world, world->arena, "POST", TABLE, "", append, "ann", &world->reply), 200);
    struct tl_str first = world->reply.body;
    headers[0] = NULL;
    world_expect(world, 200, "POST", TABLE, world_append(world, 2, 1, 2));
    headers[0] = "Idempotency-Key: " KEY "8";
    assert_int_equal(call_with(world, world->arena, "POST", TABLE, "", append, "ann", &world->reply), 200);
    assert_true(tl_str_equal(first, world->reply.body));
    headers[0] = NULL;
}

struct sender {
    struct world *world;
    int status;
};

static void *send_append(void *context)
{
    struct sender *sender = context;
    struct tl_lake_reply reply;
    tl_arena *arena = tl_arena_new(64 << 20);
    headers[0] = "Idempotency-Key: " KEY "9";
    static const char body[] = "{\"requirements\":[{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":null}],\"updates\":["
                               "{\"action\":\"add-snapshot\",\"snapshot\":{\"snapshot-id\":5,\"sequence-number\":1,\"timestamp-ms\":1,"
                               "\"manifest-list\":\"%s/m.avro\",\"summary\":{\"operation\":\"append\"},\"schema-id\":0}},"
                               "{\"action\":\"set-snapshot-ref\",\"ref-name\":\"main\",\"type\":\"branch\",\"snapshot-id\":5}]}";
    const char *text = tl_arena_printf(arena, body, sender->world->location);
    sender->status = call_with(sender->world, arena, "POST", TABLE, "", text, "ann", &reply);
    tl_arena_free(arena);
    return NULL;
}

static void test_the_same_call_twice_at_once_is_one(void **state)
{
    struct world *world = *state;
    struct sender senders[6];
    pthread_t threads[6];
    world_make_table(world, "t1");
    for (int i = 0; i < 6; i++) {
        senders[i] = (struct sender){.world = world};
        pthread_create(&threads[i], NULL, send_append, &senders[i]);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(senders[i].status, 200);
    }
}

static void start(struct world *world, int64_t undrop_us)
{
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_lake_start(world->lake, undrop_us, &err), TL_OK);
}

static void test_a_dropped_table_is_had_back(void **state)
{
    struct world *world = *state;
    start(world, 3600LL * 1000000);
    const char *uuid = world_make_table(world, "t1");
    world_expect(world, 200, "POST", TABLE, world_append(world, 1, -1, 1));
    const char *location = tl_json_get_text(world_metadata(world), "location"), *file = tl_json_get_text(world->json, "metadata-location") + 7;
    world_expect(world, 204, "DELETE", TABLE "?purgeRequested=true", "");
    world_expect(world, 404, "HEAD", TABLE, "");
    assert_int_equal(access(file, F_OK), 0);
    /* its place is taken as long as it may come back */
    world_expect_error(world, 400, "BadRequestException", "POST", "/v1/namespaces/s1/tables",
                       tl_arena_printf(world->arena, "{\"name\":\"t2\",\"location\":\"%s/x\",\"schema\":" WORLD_SCHEMA "}", location));
    world_make_table(world, "t1");
    snprintf(world->location, sizeof world->location, "%s", location);
    world_expect(world, 200, "GET", "/v1/namespaces/s1/dropped", "");
    const tl_json *dropped = world_item(tl_json_get(world->json, "dropped"), 0);
    assert_string_equal(tl_json_get_text(dropped, "uuid"), uuid);
    world_expect_error(world, 409, "AlreadyExistsException", "POST", "/v1/namespaces/s1/undrop", "{\"name\":\"t1\"}");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/undrop", "{\"name\":\"t1\",\"as\":\"back\"}");
    assert_string_equal(tl_json_get_text(world_metadata(world), "table-uuid"), uuid);
    assert_int_equal(world_int(world_metadata(world), "current-snapshot-id"), 1);
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables/back", world_append(world, 2, 1, 2));
    world_expect_error(world, 404, "NoSuchTableException", "POST", "/v1/namespaces/s1/undrop", "{\"name\":\"t1\",\"as\":\"again\"}");
    world_expect(world, 200, "GET", "/v1/namespaces/s1/dropped", "");
    assert_int_equal(tl_json_count(tl_json_get(world->json, "dropped")), 0);
}

static void test_what_is_over_is_cleared_away(void **state)
{
    struct world *world = *state;
    start(world, 1); /* over as soon as it is dropped */
    const char *files[2];
    for (int i = 0; i < 2; i++) {
        world_make_table(world, i ? "kept" : "purged");
        files[i] = tl_json_get_text(world->json, "metadata-location") + 7;
        world_expect(world, 204, "DELETE", i ? "/v1/namespaces/s1/tables/kept" : "/v1/namespaces/s1/tables/purged?purgeRequested=true", "");
    }
    usleep(2000);
    tl_lake_sweep(world->lake);
    assert_int_not_equal(access(files[0], F_OK), 0);
    assert_int_equal(access(files[1], F_OK), 0); /* dropped without its files: they stay */
    world_expect(world, 200, "GET", "/v1/namespaces/s1/dropped", "");
    assert_int_equal(tl_json_count(tl_json_get(world->json, "dropped")), 0);
}

/* The files could not be removed when the table was dropped: the next sweep does it. */
static void test_an_interrupted_purge_goes_on(void **state)
{
    struct world *world = *state;
    world_make_table(world, "t1");
    const char *folder = tl_json_get_text(world_metadata(world), "location") + 7, *aside = tl_arena_printf(world->arena, "%s-aside", folder);
    assert_int_equal(rename(folder, aside), 0);
    assert_int_equal(symlink("/", folder), 0); /* what must not be followed stands in the way */
    world_expect(world, 204, "DELETE", TABLE "?purgeRequested=true", "");
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(rename(aside, folder), 0);
    tl_lake_sweep(world->lake);
    assert_int_not_equal(access(folder, F_OK), 0);
}

/* "store" is the bucket, and the first part of the storage's name. */
static void test_the_bucket_stays_in_the_signed_path_where_the_storage_has_its_name(void **state)
{
    static const char *const uris[] = {"http://store.example:1/store/wh/t1/data/a", "http://store.store.example:1/wh/t1/data/a"};
    struct world *world = *state;
    struct tl_err err;
    tl_objects *objects;
    tl_err_init(&err);
    struct tl_lake_reach reach = {.storage = {.location = "s3://store/wh", .endpoint = "http://store.example:1", .path_style = true,
                                              .access_key = "key", .secret_key = "secret"}};
    world_make_table(world, "unused"); /* the namespace */
    assert_int_equal(tl_objects_open_s3(&reach.storage, &objects, &err), TL_OK);
    tl_lake *lake = tl_lake_new(world->store, objects, &reach);
    struct tl_lake_pointer table = {.namespace_name = "s1", .name = "t1", .uuid = "u", .location = "s3://store/wh/t1",
                                    .metadata_location = "s3://store/wh/t1/metadata/m.json", .version = -1};
    assert_int_equal(tl_lake_pointers_move(lake, world->arena, &table, 1, &err), TL_OK);
    for (size_t i = 0; i < 2; i++) {
        struct tl_request rq;
        struct tl_lake_reply reply;
        const tl_json *json;
        tl_request_init(&rq, world->arena);
        const char *body = tl_arena_printf(world->arena, "{\"method\":\"GET\",\"uri\":\"%s\",\"headers\":{}}", uris[i]);
        struct tl_lake_call call = {.method = "POST", .path = TABLE "/sign", .body = tl_str_of(body)};
        tl_lake_rest(&rq, lake, &call, &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(tl_json_parse(world->arena, reply.body.data, reply.body.size, &json, &err), TL_OK);
        assert_string_equal(tl_json_get_text(json, "uri"), uris[i]);
    }
    tl_lake_close(lake);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_state_that_the_client_knows_is_not_sent), TEST(test_only_referenced_snapshots_on_request),
        TEST(test_a_call_whose_answer_was_lost_is_done_once_too), TEST(test_the_answer_that_is_kept_is_the_first_one),
        TEST(test_a_call_sent_again_is_done_once), TEST(test_the_same_call_twice_at_once_is_one), TEST(test_a_dropped_table_is_had_back),
        TEST(test_what_is_over_is_cleared_away), TEST(test_an_interrupted_purge_goes_on),
        TEST(test_the_bucket_stays_in_the_signed_path_where_the_storage_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A lake in a folder of its own, and the REST calls that tests make to it. */
#ifndef TL_LAKE_LAKE_TESTING_INT_H
#define TL_LAKE_LAKE_TESTING_INT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folder_testing.h"
#include "lake/lake_int.h"

struct world {
    char folder[64], warehouse[96];
    char location[512]; /* of the table made last */
    tl_store *store;
    tl_lake *lake;
    tl_arena *arena; /* of the answers; ends with the test */
    struct tl_lake_reply reply;
    const tl_json *json; /* of the last answer, NULL when it was empty */
};

/* "/v1/namespaces?parent=a": what follows '?' is taken apart as a server does, but for escapes. */
static const char *world_param(void *context, const char *name)
{
    const char *query = context;
    static _Thread_local char values[4][256]; /* one call asks for less than four */
    static _Thread_local unsigned next;
    char *value = values[next++ % 4];
    size_t size = strlen(name);
    while (query && *query) {
        size_t length = strcspn(query, "&");
        if (length > size && strncmp(query, name, size) == 0 && query[size] == '=') {
            snprintf(value, sizeof values[0], "%.*s", (int)(length - size - 1), query + size + 1);
            return value;
        }
        query += length + (query[length] == '&');
    }
    return NULL;
}

static int world_call_in(struct world *world, struct tl_request *rq, const char *method, const char *path, const char *body,
                         struct tl_lake_reply *reply)
{
    char *copy = tl_arena_strdup(rq->arena, path), *query = strchr(copy, '?');
    if (query)
        *query++ = '\0';
    struct tl_lake_call call = {.method = method, .path = copy, .query_param = world_param, .context = query, .body = tl_str_of(body)};
    tl_lake_rest(rq, world->lake, &call, reply);
    assert_int_equal(rq->err.code, TL_OK);
    return reply->status;
}

static int world_call(struct world *world, const char *method, const char *path, const char *body)
{
    struct tl_request rq;
    tl_request_init(&rq, world->arena);
    int status = world_call_in(world, &rq, method, path, body, &world->reply);
    world->json = NULL;
    if (world->reply.body.size) {
        struct tl_err err;
        tl_err_init(&err);
        assert_int_equal(tl_json_parse(world->arena, world->reply.body.data, world->reply.body.size, &world->json, &err), TL_OK);
    }
    return status;
}

static inline void world_expect(struct world *world, int wanted, const char *method, const char *path, const char *body)
{
    int status = world_call(world, method, path, body);
    if (status != wanted)
        fail_msg("%s %s: %d instead of %d: %.*s", method, path, status, wanted, (int)world->reply.body.size, world->reply.body.data);
}

/* An error of this type, in Iceberg's form. */
static inline void world_expect_error(struct world *world, int wanted, const char *type, const char *method, const char *path,
                                      const char *body)
{
    world_expect(world, wanted, method, path, body);
    const tl_json *error = tl_json_get(world->json, "error");
    int64_t code;
    assert_string_equal(tl_json_get_text(error, "type"), type);
    assert_true(tl_json_int64(tl_json_get(error, "code"), &code) && code == wanted);
    assert_non_null(tl_json_get_text(error, "message"));
}

static inline const char *world_message(struct world *world)
{
    return tl_json_get_text(tl_json_get(world->json, "error"), "message");
}

static inline const tl_json *world_metadata(struct world *world)
{
    return tl_json_get(world->json, "metadata");
}

static inline int64_t world_int(const tl_json *object, const char *key)
{
    int64_t number;
    if (!tl_json_int64(tl_json_get(object, key), &number))
        fail_msg("\"%s\" is not an integer", key);
    return number;
}

static inline const tl_json *world_item(const tl_json *list, size_t index)
{
    size_t i = 0;
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it); i++)
        if (i == index)
            return it.value;
    return NULL;
}

static void world_open(struct world *world)
{
    struct tl_err err;
    tl_err_init(&err);
    if (tl_store_open(world->folder, &world->store, &err) != TL_OK ||
        tl_lake_open(world->store, world->warehouse, &world->lake, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
}

static void world_close(struct world *world)
{
    world->lake = tl_lake_close(world->lake);
    world->store = tl_store_close(world->store);
}

static int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    snprintf(world->folder, sizeof world->folder, "/tmp/tl_lake_XXXXXX");
    if (!mkdtemp(world->folder))
        return -1;
    snprintf(world->warehouse, sizeof world->warehouse, "%s/warehouse", world->folder);
    world->arena = tl_arena_new(512 * 1024 * 1024);
    world_open(world);
    *state = world;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *world = *state;
    world_close(world);
    tl_arena_free(world->arena);
    int failed = folder_remove(world->folder);
    free(world);
    return failed;
}

/* '@' becomes the warehouse, '~' the location of the table made last. */
static inline const char *world_text(struct world *world, const char *format)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 20);
    for (const char *c = format; *c; c++)
        if (*c == '@')
            tl_buf_adds(&buf, world->warehouse);
        else if (*c == '~')
            tl_buf_adds(&buf, world->location);
        else
            tl_buf_addc(&buf, *c);
    const char *text = tl_arena_strdup(world->arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

#define WORLD_SCHEMA                                                                                                                  \
    "{\"type\":\"struct\",\"schema-id\":0,\"fields\":[{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"int\"},"                \
    "{\"id\":2,\"name\":\"amt\",\"required\":false,\"type\":\"decimal(10, 2)\"}]}"

/* Namespace s1 and table s1.t1. */
static inline const char *world_make_table(struct world *world, const char *name)
{
    (void)world_call(world, "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"],\"properties\":{}}");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables",
                 tl_arena_printf(world->arena, "{\"name\":\"%s\",\"schema\":" WORLD_SCHEMA "}", name));
    snprintf(world->location, sizeof world->location, "%s", tl_json_get_text(world_metadata(world), "location"));
    return tl_json_get_text(world_metadata(world), "table-uuid");
}

/* A snapshot as DuckDB commits one; parent -1 = none. */
static inline const char *world_snapshot(struct world *world, int64_t id, int64_t parent, int64_t sequence)
{
    const char *parent_text = parent < 0 ? "" : tl_arena_printf(world->arena, "\"parent-snapshot-id\":%lld,", (long long)parent);
    return tl_arena_printf(world->arena,
                           "{\"snapshot-id\":%lld,%s\"sequence-number\":%lld,\"timestamp-ms\":%lld,"
                           "\"manifest-list\":\"%s/metadata/snap.avro\",\"summary\":{\"operation\":\"append\"},\"schema-id\":0}",
                           (long long)id, parent_text, (long long)sequence, 1700000000000LL + (long long)sequence, world->location);
}

/* A commit that appends the snapshot to main. */
static inline const char *world_append(struct world *world, int64_t id, int64_t parent, int64_t sequence)
{
    const char *expected = parent < 0 ? "null" : tl_arena_printf(world->arena, "%lld", (long long)parent);
    return tl_arena_printf(world->arena,
                           "{\"requirements\":[{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":%s}],"
                           "\"updates\":[{\"action\":\"add-snapshot\",\"snapshot\":%s},"
                           "{\"action\":\"set-snapshot-ref\",\"ref-name\":\"main\",\"type\":\"branch\",\"snapshot-id\":%lld}]}",
                           expected, world_snapshot(world, id, parent, sequence), (long long)id);
}

#endif

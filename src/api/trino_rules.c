/* The rules for Trino's access control. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_int.h"
#include "base/hash.h"
#include "base/hex.h"
#include "lifeguard/trino.h"

enum { RULES_MAX = 512 * 1024 * 1024, TAG_SIZE = 2 * 16 + 3, DATASETS_BYTES_MAX = 1 << 30 };

static size_t count_datasets(const tl_registry_snapshot *snapshot)
{
    const struct tl_registry_source *sources;
    size_t source_count = tl_snapshot_sources(snapshot, &sources), count = 0;
    for (size_t i = 0; i < source_count; i++)
        count += sources[i].dataset_count;
    return count;
}

void tl_api_trino_dataset(tl_arena *arena, const char *source, const struct tl_source_dataset *from, struct tl_trino_dataset *to)
{
    struct tl_trino_column *columns = TL_NEW_ARRAY(arena, struct tl_trino_column, from->column_count);
    for (size_t i = 0; i < from->column_count; i++)
        columns[i] = (struct tl_trino_column){from->columns[i].name, from->columns[i].type, from->columns[i].source_type};
    *to = (struct tl_trino_dataset){source, from->schema, from->name, from->column_count, columns};
}

/* The datasets of one snapshot of the registry, made once for it. */
struct tl_api_trino {
    pthread_mutex_t mutex;
    const tl_registry_snapshot *snapshot;
    tl_arena *arena;
    struct tl_trino_dataset *datasets;
    size_t count;
    uint64_t stamp;
};

struct tl_api_trino *tl_api_trino_new(void)
{
    struct tl_api_trino *trino = tl_heap_alloc(sizeof *trino);
    pthread_mutex_init(&trino->mutex, NULL);
    trino->arena = tl_arena_new(DATASETS_BYTES_MAX);
    return trino;
}

void tl_api_trino_free(struct tl_api_trino *trino)
{
    if (trino->snapshot)
        tl_registry_release(trino->snapshot);
    tl_arena_free(trino->arena);
    pthread_mutex_destroy(&trino->mutex);
    free(trino);
}

/* Under the mutex. */
static void take_snapshot(struct tl_api_trino *trino, tl_registry *registry)
{
    const tl_registry_snapshot *snapshot = tl_registry_acquire(registry);
    const struct tl_registry_source *sources;
    if (snapshot == trino->snapshot) {
        tl_registry_release(snapshot);
        return;
    }
    if (trino->snapshot)
        tl_registry_release(trino->snapshot);
    tl_arena_reset(trino->arena);
    size_t source_count = tl_snapshot_sources(snapshot, &sources);
    trino->snapshot = snapshot;
    trino->datasets = TL_NEW_ARRAY(trino->arena, struct tl_trino_dataset, count_datasets(snapshot));
    trino->count = 0;
    trino->stamp++;
    for (size_t i = 0; i < source_count; i++)
        for (size_t k = 0; k < sources[i].dataset_count; k++)
            tl_api_trino_dataset(trino->arena, sources[i].name, &sources[i].datasets[k], &trino->datasets[trino->count++]);
}

/* json NULL: the tag alone. */
static enum tl_code make_rules(struct tl_api_call *call, struct tl_buf *json, char tag[TAG_SIZE])
{
    struct tl_api_trino *trino = call->api->trino;
    uint64_t number = 0;
    pthread_mutex_lock(&trino->mutex);
    take_snapshot(trino, call->api->parts.registry);
    enum tl_code code = tl_lifeguard_trino_rules(&call->rq, call->api->parts.lifeguard, trino->datasets, trino->count, trino->stamp, json, &number);
    pthread_mutex_unlock(&trino->mutex);
    snprintf(tag, TAG_SIZE, "\"%016llx\"", (unsigned long long)number);
    return code;
}

/* Does the client have it already?  Then that is the answer. */
static bool has_tag(struct tl_api_call *call, const char *tag)
{
    if (!tl_streq(tl_http_header(call->exchange, "If-None-Match"), tag))
        return false;
    tl_http_set_header(call->exchange, "ETag", tag);
    tl_http_respond(call->exchange, 304, NULL, TL_STR(""), false);
    return true;
}

static void reply_with_tag(struct tl_api_call *call, const char *tag, struct tl_buf *json)
{
    tl_http_set_header(call->exchange, "ETag", tag);
    tl_api_reply_json(call, 200, json);
}

/* In quotes: two hashes of the content. */
static void make_tag(const struct tl_buf *json, char tag[TAG_SIZE])
{
    static const uint64_t keys[][2] = {{1, 2}, {3, 4}};
    uint64_t hashes[] = {tl_hash_keyed(keys[0], json->data, json->size), tl_hash_keyed(keys[1], json->data, json->size)};
    char *at = tag;
    *at++ = '"';
    at = tl_hex_write(at, hashes, sizeof hashes);
    memcpy(at, "\"", 2);
}

void tl_api_reply_tagged(struct tl_api_call *call, struct tl_buf *json)
{
    char tag[TAG_SIZE];
    if (json->failed) {
        tl_err_set(&call->rq.err, TL_TOO_LARGE, "the answer is longer than %zu bytes", json->max_size);
        tl_buf_done(json);
        tl_api_fail(call);
        return;
    }
    make_tag(json, tag);
    if (has_tag(call, tag))
        tl_buf_done(json);
    else
        reply_with_tag(call, tag, json);
}

void tl_api_trino_rules(struct tl_api_call *call)
{
    struct tl_buf json;
    char tag[TAG_SIZE];
    bool asks = tl_http_header(call->exchange, "If-None-Match") != NULL;
    if (asks && make_rules(call, NULL, tag) == TL_OK && has_tag(call, tag))
        return;
    tl_buf_init(&json, RULES_MAX);
    if (call->rq.err.code == TL_OK && make_rules(call, &json, tag) == TL_OK) {
        reply_with_tag(call, tag, &json);
        return;
    }
    tl_buf_done(&json);
    tl_api_fail(call);
}

/* The rules for Trino's access control. */
#include <string.h>

#include "api/api_int.h"
#include "base/hash.h"
#include "base/hex.h"
#include "lifeguard/trino.h"

enum { RULES_MAX = 512 * 1024 * 1024, TAG_SIZE = 2 * 16 + 3 };

static size_t count_datasets(const tl_registry_snapshot *snapshot)
{
    const struct tl_registry_source *sources;
    size_t source_count = tl_snapshot_sources(snapshot, &sources), count = 0;
    for (size_t i = 0; i < source_count; i++)
        count += sources[i].dataset_count;
    return count;
}

static void fill_dataset(tl_arena *arena, const char *source, const struct tl_source_dataset *from, struct tl_trino_dataset *to)
{
    struct tl_trino_column *columns = TL_NEW_ARRAY(arena, struct tl_trino_column, from->column_count);
    for (size_t i = 0; i < from->column_count; i++)
        columns[i] = (struct tl_trino_column){from->columns[i].name, from->columns[i].type, from->columns[i].source_type};
    *to = (struct tl_trino_dataset){source, from->schema, from->name, from->column_count, columns};
}

static enum tl_code make_rules(struct tl_api_call *call, struct tl_buf *json)
{
    const tl_registry_snapshot *snapshot = tl_registry_acquire(call->api->parts.registry);
    const struct tl_registry_source *sources;
    size_t source_count = tl_snapshot_sources(snapshot, &sources), count = 0;
    struct tl_trino_dataset *datasets = TL_NEW_ARRAY(call->rq.arena, struct tl_trino_dataset, count_datasets(snapshot));
    for (size_t i = 0; i < source_count; i++)
        for (size_t k = 0; k < sources[i].dataset_count; k++)
            fill_dataset(call->rq.arena, sources[i].name, &sources[i].datasets[k], &datasets[count++]);
    enum tl_code code = tl_lifeguard_trino_rules(&call->rq, call->api->parts.lifeguard, datasets, count, json);
    tl_registry_release(snapshot);
    return code;
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

void tl_api_trino_rules(struct tl_api_call *call)
{
    struct tl_buf json;
    char tag[TAG_SIZE];
    tl_buf_init(&json, RULES_MAX);
    if (make_rules(call, &json) != TL_OK) {
        tl_buf_done(&json);
        tl_api_fail(call);
        return;
    }
    make_tag(&json, tag);
    tl_http_set_header(call->exchange, "ETag", tag);
    if (tl_streq(tl_http_header(call->exchange, "If-None-Match"), tag)) {
        tl_http_respond(call->exchange, 304, NULL, TL_STR(""), false);
        tl_buf_done(&json);
        return;
    }
    tl_api_reply_json(call, 200, &json);
}

/* The document of Trino's rules, and what is kept of it between two fetches. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lifeguard/trino_int.h"

enum { BODY_MAX = 16 * 1024 * 1024, SCRATCH_MAX = 256 * 1024 * 1024, KEPT_BYTES_MAX = 1 << 30 };

static void put_fixed(struct tl_json_writer *json, const char *key, const char *rules)
{
    tl_json_key(json, key);
    tl_json_put_raw(json, tl_str_of(rules));
}

static void put_catalogs(const struct lg_trino *r, struct tl_json_writer *json)
{
    const char *last = NULL;
    tl_json_key(json, "catalogs");
    tl_json_begin_array(json);
    for (size_t i = 0; i < r->dataset_count; i++) {
        if (tl_streq(last, r->datasets[i].source))
            continue;
        last = r->datasets[i].source;
        tl_json_begin_object(json);
        trino_put_name(json, "catalog", last);
        tl_json_pair_text(json, "allow", "all"); /* what may be written is said by the tables' rules */
        tl_json_end_object(json);
    }
    tl_json_put_raw(json, TL_STR("{\"catalog\":\"system\",\"allow\":\"read-only\"}"));
    tl_json_put_raw(json, TL_STR("{\"allow\":\"none\"}"));
    tl_json_end_array(json);
}

static void put_tables(const struct lg_trino *r, struct tl_json_writer *json)
{
    tl_json_key(json, "tables");
    tl_json_begin_array(json);
    tl_json_put_raw(json, TL_STR("{\"catalog\":\"system\",\"schema\":\"jdbc|metadata\",\"privileges\":[\"SELECT\"]}"));
    for (size_t i = 0; i < r->dataset_count; i++)
        if (r->texts[i].size)
            tl_json_put_raw(json, r->texts[i]); /* one rule, or several with commas between */
    tl_json_end_array(json);
}

static void put_document(const struct lg_trino *r, struct tl_buf *text)
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, text);
    tl_json_begin_object(&json);
    put_catalogs(r, &json);
    put_fixed(&json, "schemas", "[{\"owner\":false}]");
    put_tables(r, &json);
    put_fixed(&json, "impersonation", "[{\"original_user\":\".*\",\"new_user\":\".*\",\"allow\":false}]");
    put_fixed(&json, "system_session_properties",
              "[{\"property\":\"query_max_run_time|query_max_execution_time|query_max_cpu_time|join_distribution_type\",\"allow\":true},"
              "{\"property\":\".*\",\"allow\":false}]");
    put_fixed(&json, "catalog_session_properties", "[{\"property\":\".*\",\"allow\":false}]");
    put_fixed(&json, "queries", "[{\"allow\":[\"execute\"]}]");
    tl_json_end_object(&json);
}

/* ---- what is kept ---- */

static void forget(struct lg_trino *r)
{
    for (size_t i = 0; i < r->class_count; i++) {
        tl_buf_done(&r->classes[i].pattern);
        tl_buf_done(&r->classes[i].pii_pattern);
    }
    for (size_t i = 0; r->texts && i < r->dataset_count; i++)
        free((void *)(uintptr_t)r->texts[i].data);
    free(r->texts);
    r->texts = NULL;
    r->class_count = r->user_count = r->user_capacity = r->dataset_count = 0;
    r->version = -1;
    r->attributes_differ = false;
    r->users = NULL;
    tl_arena_reset(r->arena);
}

struct lg_trino *lg_trino_new(tl_lifeguard *lifeguard)
{
    struct lg_trino *r = tl_heap_alloc(sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    r->lifeguard = lifeguard;
    r->arena = tl_arena_new(KEPT_BYTES_MAX);
    r->scratch = tl_arena_new(SCRATCH_MAX);
    r->version = -1;
    return r;
}

void lg_trino_free(struct lg_trino *r)
{
    if (!r)
        return;
    forget(r);
    tl_arena_free(r->arena);
    tl_arena_free(r->scratch);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

static void note_time(void *context, const struct lg_item *item)
{
    struct lg_trino *r = context;
    const int64_t times[] = {item->grant.start_us, item->grant.end_us};
    for (size_t i = 0; i < 2; i++)
        if (times[i] > r->now_us && times[i] < r->valid_until_us)
            r->valid_until_us = times[i];
}

static uint64_t hash_text(const struct lg_trino *r, uint64_t hash, const char *text)
{
    return hash * 1099511628211U + (text ? tl_hash_keyed(r->lifeguard->key, text, strlen(text)) : 1);
}

static uint64_t hash_name(const struct lg_trino *r, const struct tl_trino_dataset *dataset)
{
    return hash_text(r, hash_text(r, hash_text(r, 7, dataset->source), dataset->schema), dataset->table);
}

static uint64_t hash_types(const struct lg_trino *r, const struct tl_trino_dataset *dataset)
{
    uint64_t hash = 7;
    for (size_t i = 0; i < dataset->column_count; i++) {
        const struct tl_trino_column *column = &dataset->columns[i];
        hash = hash_text(r, hash_text(r, hash, column->name), column->source_type);
        hash = hash * 31 + (uint64_t)column->type.id * 65536 + column->type.precision * 256U + column->type.scale;
    }
    return hash;
}

/* Users, classes, everything. */
static enum tl_code begin_anew(struct tl_request *rq, struct lg_trino *r, const struct tl_trino_dataset *datasets, size_t count)
{
    forget(r);
    r->users_version = lg_seen_version(r->lifeguard); /* before they are read: who comes meanwhile makes them old */
    tl_store_flush(r->lifeguard->store);
    if (tl_store_read(r->lifeguard->store, trino_read_users, r, &rq->err) != TL_OK)
        return rq->err.code;
    r->datasets = datasets;
    r->texts = tl_heap_alloc(count * sizeof *r->texts + 1);
    r->dataset_count = count;
    r->read_by_rules = TL_NEW_ARRAY(r->arena, bool, count);
    r->stale = TL_NEW_ARRAY(r->arena, bool, count);
    r->names = TL_NEW_ARRAY(r->arena, uint64_t, count);
    r->types = TL_NEW_ARRAY(r->arena, uint64_t, count);
    for (size_t i = 0; i < count; i++) {
        r->names[i] = hash_name(r, &datasets[i]);
        r->types[i] = hash_types(r, &datasets[i]);
    }
    trino_make_classes(r);
    memset(r->stale, true, count * sizeof *r->stale);
    r->rendered++;
    return TL_OK;
}

/* Those of this listing that are other than they were; false: tables came or went. */
static bool mark_described(struct lg_trino *r, const struct tl_trino_dataset *datasets, size_t count, uint64_t stamp)
{
    if (stamp && stamp == r->stamp)
        return true;
    if (count != r->dataset_count)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint64_t types = hash_types(r, &datasets[i]);
        if (hash_name(r, &datasets[i]) != r->names[i])
            return false;
        r->stale[i] = r->stale[i] || types != r->types[i];
        r->types[i] = types;
    }
    return true;
}

static bool is_class_of_one(const struct lg_trino *r, const char *name)
{
    for (size_t i = 0; i < r->user_count; i++)
        if (strcmp(r->users[i].principal.user, name) == 0)
            return tl_streq(r->users[i].class_key, name);
    return true; /* never seen, so in no rule */
}

static int compare_prefix(const struct tl_trino_dataset *dataset, const struct lg_note *note)
{
    int order = strcmp(dataset->source, note->source);
    if (order == 0 && note->schema)
        order = strcmp(dataset->schema, note->schema);
    return order == 0 && note->table ? strcmp(dataset->table, note->table) : order;
}

/* The datasets that a change reaches: they stand together.  false: it reaches more than datasets. */
static bool mark_change(void *context, const struct lg_note *note)
{
    struct lg_trino *r = context;
    size_t low = 0, high = r->dataset_count;
    if (note->reach == LG_REACHES_NOTHING)
        return true;
    if (note->reach == LG_REACHES_ALL || (note->user && !is_class_of_one(r, note->user)))
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_prefix(&r->datasets[middle], note) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < r->dataset_count && compare_prefix(&r->datasets[low], note) == 0; low++)
        r->stale[low] = true;
    return true;
}

static bool can_go_on(struct lg_trino *r, const struct tl_trino_dataset *datasets, size_t count, uint64_t stamp)
{
    if (r->version < 0 || r->now_us >= r->valid_until_us || r->users_version != lg_seen_version(r->lifeguard) ||
        !mark_described(r, datasets, count, stamp))
        return false;
    r->datasets = datasets;
    return lg_notes_since(r->lifeguard, r->version, r->snapshot->version, mark_change, r);
}

static enum tl_code render(struct tl_request *rq, struct lg_trino *r, const struct tl_trino_dataset *datasets, size_t count, uint64_t stamp)
{
    bool fits = true;
    r->now_us = tl_clock_wall_us();
    if (!can_go_on(r, datasets, count, stamp) && begin_anew(rq, r, datasets, count) != TL_OK)
        return rq->err.code;
    for (size_t i = 0; i < r->class_count; i++)
        r->classes[i].plain.now_us = r->classes[i].pii.now_us = r->now_us;
    if (r->version != r->snapshot->version || r->now_us >= r->valid_until_us) {
        r->valid_until_us = INT64_MAX;
        lg_each(r->snapshot, LG_GRANT, note_time, r);
    }
    r->around_source = r->around_schema = NULL;
    r->stamp = stamp;
    r->version = r->snapshot->version;
    for (size_t i = 0; i < r->class_count; i++)
        fits = fits && !r->classes[i].pattern.failed && !r->classes[i].pii_pattern.failed;
    for (size_t i = 0; i < count && fits; i++) {
        if (r->stale[i])
            fits = trino_render_dataset(r, i);
        r->stale[i] = false;
    }
    if (fits)
        return TL_OK;
    forget(r);
    return tl_err_set(&rq->err, TL_TOO_LARGE, "the rules of one table for Trino are longer than %d bytes", BODY_MAX);
}

enum tl_code tl_lifeguard_trino_rules(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_trino_dataset *datasets, size_t dataset_count,
                                      uint64_t stamp, struct tl_buf *json, uint64_t *ret_tag)
{
    struct lg_trino *r = lifeguard->trino;
    if (lg_is_broken(lifeguard))
        return tl_err_set(&rq->err, TL_STATE, "the rules cannot be read, so Trino gets none");
    pthread_mutex_lock(&r->mutex);
    r->snapshot = lg_acquire(lifeguard);
    enum tl_code code = render(rq, r, datasets, dataset_count, stamp);
    if (code == TL_OK && json)
        put_document(r, json);
    *ret_tag = hash_text(r, r->rendered, "tag"); /* of this process: keyed by chance */
    lg_release(r->snapshot);
    pthread_mutex_unlock(&r->mutex);
    if (code == TL_OK && json && json->failed)
        code = tl_err_set(&rq->err, TL_TOO_LARGE, "the rules for Trino are longer than %zu bytes", json->max_size);
    return code;
}

/* Edges: kept, ended, renamed; the facts of the door one after another. */
#include "catalog/lineage.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "catalog/lineage_int.h"

enum { FACTS_BATCH = 100 };

enum tl_code tl_lineage_new(const struct tl_lineage_options *options, tl_lineage **ret_lineage, struct tl_err *err)
{
    tl_lineage *lineage = tl_heap_alloc(sizeof *lineage);
    (void)err;
    lineage->options = *options;
    pthread_mutex_init(&lineage->following, NULL);
    *ret_lineage = lineage;
    return TL_OK;
}

tl_lineage *tl_lineage_free(tl_lineage *lineage)
{
    if (!lineage)
        return NULL;
    pthread_mutex_destroy(&lineage->following);
    free(lineage);
    return NULL;
}

bool lin_same(const struct lin_name *a, const struct lin_name *b)
{
    return strcmp(a->source, b->source) == 0 && strcmp(a->schema, b->schema) == 0 && strcmp(a->table, b->table) == 0;
}

enum tl_code lin_may_tell(struct tl_request *rq, tl_lineage *lineage, const struct lin_name *to)
{
    bool own = *to->schema != '\0';
    struct tl_grant_scope table = {.source = to->source, .schema = to->schema, .table = to->table}, everything = {.source = NULL};
    return tl_lifeguard_need(rq, lineage->options.lifeguard, own ? TL_PRIVILEGE_WRITE | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN : TL_PRIVILEGE_ADMIN,
                             own ? &table : &everything);
}

/* --- edges --- */

enum tl_code lin_add(tl_store_tx *tx, const struct lin_edge *edge, const struct lin_told *told, struct tl_err *err)
{
    const struct tl_store_value params[] = {
        TL_STORE_T(edge->to.source),    TL_STORE_T(edge->to.schema),    TL_STORE_T(edge->to.table),        TL_STORE_T(edge->to_column),
        TL_STORE_T(edge->from.source),  TL_STORE_T(edge->from.schema),  TL_STORE_T(edge->from.table),      TL_STORE_T(edge->from_column),
        TL_STORE_T(edge->how),          TL_STORE_T(edge->kind),         TL_STORE_T(edge->expression),      TL_STORE_T(told->origin),
        TL_STORE_T(told->statement_id), TL_STORE_T(told->statement_kind), TL_STORE_T(told->made_by),       TL_STORE_I(told->at_us),
    };
    return tl_store_run(tx,
                        "INSERT INTO lineage_edge (to_source, to_schema, to_table, to_column, from_source, from_schema, from_table, from_column, how, "
                        "kind, expression, origin, statement_id, statement_kind, made_by, first_seen_us, last_seen_us, ended_at_us) VALUES (?1, ?2, ?3, ?4, "
                        "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16, 0) ON CONFLICT (to_source, to_schema, to_table, to_column, "
                        "from_source, from_schema, from_table, from_column, how, origin, ended_at_us) DO UPDATE SET kind = ?10, expression = ?11, "
                        "statement_id = ?13, statement_kind = ?14, made_by = ?15, last_seen_us = ?16",
                        params, sizeof params / sizeof *params, NULL, NULL, err);
}

#define OF_TARGET " to_source = ?1 AND to_schema = ?2 AND (?3 IS NULL OR to_table = ?3) AND (?4 IS NULL OR origin = ?4) AND ended_at_us = "

enum tl_code lin_end_told(tl_store_tx *tx, const struct lin_name *to, const char *origin, int64_t at_us, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(to->source), TL_STORE_T(to->schema), TL_STORE_T(to->table), TL_STORE_T(origin), TL_STORE_I(at_us)};
    /* two ends within one microsecond would have one key: the older row makes place */
    enum tl_code code = tl_store_run(tx, "DELETE FROM lineage_edge WHERE" OF_TARGET "?5", params, 5, NULL, NULL, err);
    return code == TL_OK ? tl_store_run(tx, "UPDATE lineage_edge SET ended_at_us = ?5 WHERE" OF_TARGET "0", params, 5, NULL, NULL, err) : code;
}

enum tl_code lin_end(tl_store_tx *tx, const struct lin_name *to, int64_t at_us, struct tl_err *err)
{
    return lin_end_told(tx, to, NULL, at_us, err);
}

enum tl_code lin_rename(tl_store_tx *tx, const struct lin_name *name, const char *new_table, int64_t at_us, struct tl_err *err)
{
    struct lin_name renamed = {name->source, name->schema, new_table};
    const struct tl_store_value params[] = {TL_STORE_T(name->source), TL_STORE_T(name->schema), TL_STORE_T(name->table), TL_STORE_T(new_table)};
    enum tl_code code = lin_end(tx, &renamed, at_us, err);
    if (code == TL_OK)
        code = tl_store_run(tx, "UPDATE lineage_edge SET to_table = ?4 WHERE to_source = ?1 AND to_schema = ?2 AND to_table = ?3 AND ended_at_us = 0", params,
                            4, NULL, NULL, err);
    if (code == TL_OK) /* a table of that name may have been read before: one edge is enough */
        code = tl_store_run(tx,
                            "DELETE FROM lineage_edge WHERE from_source = ?1 AND from_schema = ?2 AND from_table = ?4 AND ended_at_us = 0 AND EXISTS (SELECT 1 "
                            "FROM lineage_edge o WHERE o.from_source = ?1 AND o.from_schema = ?2 AND o.from_table = ?3 AND o.ended_at_us = 0 AND o.from_column "
                            "= lineage_edge.from_column AND o.how = lineage_edge.how AND o.origin = lineage_edge.origin AND o.to_source = "
                            "lineage_edge.to_source AND o.to_schema = "
                            "lineage_edge.to_schema AND o.to_table = lineage_edge.to_table AND o.to_column = lineage_edge.to_column)",
                            params, 4, NULL, NULL, err);
    if (code == TL_OK)
        code = tl_store_run(tx,
                            "UPDATE lineage_edge SET from_table = ?4 WHERE from_source = ?1 AND from_schema = ?2 AND from_table = ?3 AND ended_at_us = 0",
                            params, 4, NULL, NULL, err);
    return code;
}

/* --- facts --- */

struct reading {
    tl_arena *arena;
    tl_store_tx *tx;
    int64_t position;
    size_t count;
};

static enum tl_code take_position(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct reading *reading = context;
    (void)count;
    (void)err;
    reading->position = cells[0].integer;
    return TL_OK;
}

/* A fact that cannot be read is no reason to read no other. */
static enum tl_code take_fact(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct reading *reading = context;
    const tl_json *fact;
    struct tl_err unread;
    tl_err_init(&unread);
    (void)count;
    reading->position = cells[0].integer;
    reading->count++;
    if (tl_json_parse(reading->arena, cells[2].bytes.data, cells[2].bytes.size, &fact, &unread) != TL_OK) {
        tl_log_err(TL_LOG_WARN, "catalog", "a fact about lineage cannot be read", &unread);
        return TL_OK;
    }
    enum tl_code code = lin_read_fact(reading->tx, reading->arena, tl_store_text(reading->arena, &cells[1]), fact, err);
    tl_arena_reset(reading->arena);
    return code;
}

static enum tl_code read_facts(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct reading *reading = context;
    reading->tx = tx;
    reading->count = 0;
    enum tl_code code = tl_store_run(tx, "SELECT event_id FROM lineage_position WHERE name = 'read'", NULL, 0, take_position, reading, err);
    const struct tl_store_value after[] = {TL_STORE_I(reading->position), TL_STORE_I(FACTS_BATCH)};
    if (code == TL_OK)
        code = tl_store_run(tx, "SELECT id, subject, body FROM event WHERE kind = 'lineage' AND id > ?1 ORDER BY id LIMIT ?2", after, 2, take_fact,
                            reading, err);
    const struct tl_store_value now[] = {TL_STORE_I(reading->position)};
    if (code == TL_OK && reading->count > 0)
        code = tl_store_run(tx,
                            "INSERT INTO lineage_position (name, event_id) VALUES ('read', ?1) ON CONFLICT (name) DO UPDATE SET event_id = ?1", now, 1,
                            NULL, NULL, err);
    return code;
}

static enum tl_code look(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct reading *reading = context;
    enum tl_code code = tl_store_run(tx,
                                     "SELECT id FROM event WHERE kind = 'lineage' AND id > coalesce((SELECT event_id FROM lineage_position WHERE name = "
                                     "'read'), 0) ORDER BY id LIMIT 1",
                                     NULL, 0, take_position, reading, err);
    reading->count = reading->position > 0;
    return code;
}

enum tl_code tl_lineage_follow(tl_lineage *lineage, struct tl_err *err)
{
    tl_store *store = lineage->options.store;
    struct reading reading = {.arena = tl_arena_new(LINEAGE_ARENA_BYTES_MAX)};
    pthread_mutex_lock(&lineage->following);
    tl_store_flush(store);
    enum tl_code code = tl_store_read(store, look, &reading, err);
    while (code == TL_OK && reading.count > 0) {
        reading.position = 0;
        code = tl_store_write(store, read_facts, &reading, err);
        if (reading.count < FACTS_BATCH)
            break;
    }
    pthread_mutex_unlock(&lineage->following);
    tl_arena_free(reading.arena);
    return code;
}

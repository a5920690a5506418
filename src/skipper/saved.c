#include "skipper/saved.h"

#include <string.h>

#include "base/clock.h"
#include "skipper/tool_int.h"

enum { USER_MAX = 1000, LISTED = 1000 };

struct saving {
    const char *id, *user, *name, *sql, *question, *description;
    const char *kept_id; /* of the query that is replaced */
    tl_arena *arena;
    int64_t count;
};

static enum tl_code take_id(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct saving *saving = context;
    (void)count;
    (void)err;
    saving->kept_id = tl_store_text(saving->arena, &cells[0]);
    return TL_OK;
}

static enum tl_code take_count(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    ((struct saving *)context)->count = cells[0].integer;
    return TL_OK;
}

static enum tl_code put(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct saving *s = context;
    const struct tl_store_value key[] = {TL_STORE_T(s->user), TL_STORE_T(s->name)};
    if (tl_store_run(tx, "SELECT id FROM skipper_saved_query WHERE user_name = ?1 AND name = ?2", key, 2, take_id, s, err) != TL_OK ||
        tl_store_run(tx, "SELECT count(*) FROM skipper_saved_query WHERE user_name = ?1", key, 1, take_count, s, err) != TL_OK)
        return err->code;
    if (!s->kept_id && s->count >= USER_MAX)
        return tl_err_set(err, TL_TOO_MANY_REQUESTS, "%lld queries of yours are saved: drop some", (long long)s->count);
    const struct tl_store_value params[] = {TL_STORE_T(s->kept_id ? s->kept_id : s->id), TL_STORE_T(s->user), TL_STORE_T(s->name), TL_STORE_T(s->sql),
                                            TL_STORE_T(s->question), TL_STORE_T(s->description), TL_STORE_I(tl_clock_wall_us())};
    return tl_store_run(tx,
                        "INSERT INTO skipper_saved_query (id, user_name, name, sql, question, description, changed_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                        "ON CONFLICT (id) DO UPDATE SET sql = ?4, question = ?5, description = ?6, changed_us = ?7, verified_by = NULL, verified_us = NULL",
                        params, 7, NULL, NULL, err);
}

enum tl_code tl_saved_put(struct tl_request *rq, tl_tools *tools, const tl_json *wish, const char **ret_id)
{
    struct saving saving = {
        .id = tl_tool_new_id(rq, "query-"),
        .user = rq->principal->user,
        .name = tl_json_get_text(wish, "name"),
        .sql = tl_json_get_text(wish, "sql"),
        .question = tl_json_get_text(wish, "question"),
        .description = tl_json_get_text(wish, "description"),
        .arena = rq->arena,
    };
    if (!saving.id || tl_tool_record(rq, tools, "saved_query", saving.name, "saved", saving.sql) != TL_OK ||
        tl_store_write(tools->parts.store, put, &saving, &rq->err) != TL_OK)
        return rq->err.code;
    *ret_id = saving.kept_id ? saving.kept_id : saving.id;
    return TL_OK;
}

struct listing {
    struct tl_request *rq;
    struct tl_json_writer *json;
};

static enum tl_code put_query(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    static const char *const keys[] = {"savedId", "owner", "name", "sql", "question", "description", "verifiedBy"};
    const struct listing *listing = context;
    struct tl_json_writer *json = listing->json;
    (void)count;
    (void)err;
    tl_json_begin_object(json);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        tl_json_pair_text(json, keys[i], tl_store_text(listing->rq->arena, &cells[i]));
    tl_json_pair_bool(json, "verified", cells[6].type != TL_STORE_NULL);
    tl_json_pair_int64(json, "changed_us", cells[7].integer);
    tl_json_end_object(json);
    return TL_OK;
}

static enum tl_code list(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct listing *listing = context;
    const struct tl_store_value params[] = {TL_STORE_T(listing->rq->principal->user), TL_STORE_I(LISTED)};
    return tl_store_run(tx,
                        "SELECT id, user_name, name, sql, question, description, verified_by, changed_us FROM skipper_saved_query "
                        "WHERE user_name = ?1 OR verified_by IS NOT NULL ORDER BY changed_us DESC, id LIMIT ?2",
                        params, 2, put_query, context, err);
}

enum tl_code tl_saved_list(struct tl_request *rq, tl_tools *tools, struct tl_json_writer *json)
{
    struct listing listing = {rq, json};
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(tools->parts.store, list, &listing, &rq->err);
    tl_json_end_array(json);
    return code;
}

struct marking {
    struct tl_request *rq;
    tl_tools *tools;
    const char *id, *user;
    bool verified, drop;
};

static enum tl_code mark(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct marking *m = context;
    const struct tl_store_value drop[] = {TL_STORE_T(m->id), TL_STORE_T(m->user)};
    const struct tl_store_value params[] = {TL_STORE_T(m->id), TL_STORE_T(m->verified ? m->user : NULL), TL_STORE_I(tl_clock_wall_us())};
    enum tl_code code =
        m->drop ? tl_store_run(tx, "DELETE FROM skipper_saved_query WHERE id = ?1 AND user_name = ?2", drop, 2, NULL, NULL, err)
                : tl_store_run(tx, "UPDATE skipper_saved_query SET verified_by = ?2, verified_us = ?3 WHERE id = ?1", params, 3, NULL, NULL, err);
    if (code == TL_OK && tl_store_changes(tx) == 0)
        return tl_err_set(err, TL_NOT_FOUND, "there is no such saved query%s: \"%.60s\"", m->drop ? " of yours" : "", m->id);
    /* on the record before the change is committed */
    const char *action = m->drop ? "dropped" : m->verified ? "verified" : "mark_removed";
    return code == TL_OK && tl_tool_record(m->rq, m->tools, "saved_query", m->id, action, NULL) != TL_OK ? tl_err_copy(err, &m->rq->err) : code;
}

enum tl_code tl_saved_verify(struct tl_request *rq, tl_tools *tools, const char *id, bool verified)
{
    struct marking marking = {rq, tools, .id = id, .user = rq->principal->user, .verified = verified};
    enum tl_code code = tl_tool_need_person(rq, tools, "to verify a query");
    return code == TL_OK ? tl_store_write(tools->parts.store, mark, &marking, &rq->err) : code;
}

enum tl_code tl_saved_drop(struct tl_request *rq, tl_tools *tools, const char *id)
{
    struct marking marking = {rq, tools, .id = id, .user = rq->principal->user, .drop = true};
    return tl_store_write(tools->parts.store, mark, &marking, &rq->err);
}

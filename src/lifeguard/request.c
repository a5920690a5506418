/* Comments, and requests for access: asked, decided by somebody else, or expired. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "lifeguard/lifeguard_int.h"

enum { COMMENT_MAX = 10000, COLUMNS_MAX = 1000 };
static const int64_t REQUEST_LIVES_US = 30LL * 86400 * 1000000;

/* --- comments --- */

struct comment {
    const char *id, *subject, *actor, *text;
};

static enum tl_code insert_comment(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct comment *c = context;
    const struct tl_store_value params[] = {TL_STORE_T(c->id), TL_STORE_T(c->subject), TL_STORE_I(tl_clock_wall_us()), TL_STORE_T(c->actor),
                                            TL_STORE_T(c->text)};
    return tl_store_run(tx, "INSERT INTO lifeguard_comment (id, subject, at_us, actor, text) VALUES (?1, ?2, ?3, ?4, ?5)", params, 5, NULL, NULL, err);
}

enum tl_code tl_lifeguard_comment(struct tl_request *rq, tl_lifeguard *lifeguard, const char *subject, const char *text)
{
    if (!text || !*text || strlen(text) > COMMENT_MAX)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "a comment has 1 to %d bytes", COMMENT_MAX);
    struct comment comment = {lg_new_id(rq->arena, "comment-", &rq->err), subject, lg_actor(rq), text};
    return comment.id ? tl_store_write(lifeguard->store, insert_comment, &comment, &rq->err) : rq->err.code;
}

struct listing {
    struct tl_request *rq;
    tl_lifeguard *lifeguard;
    const char *subject, *state;
    struct tl_json_writer *json;
};

static void pair_cell(struct tl_json_writer *json, const char *key, const struct tl_store_value *cell)
{
    tl_json_key(json, key);
    if (cell->type == TL_STORE_INT)
        tl_json_put_int64(json, cell->integer);
    else if (cell->type == TL_STORE_NULL)
        tl_json_put_null(json);
    else
        tl_json_put_str(json, cell->bytes);
}

void lg_cells_put(struct tl_json_writer *json, const char *const *keys, const struct tl_store_value *cells, size_t count)
{
    tl_json_begin_object(json);
    for (size_t i = 0; i < count; i++)
        pair_cell(json, keys[i], &cells[i]);
    tl_json_end_object(json);
}

static enum tl_code put_comment(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    static const char *const keys[] = {"at_us", "user", "text"};
    (void)err;
    lg_cells_put(((struct listing *)context)->json, keys, cells, cell_count < 3 ? cell_count : 3);
    return TL_OK;
}

static enum tl_code read_comments(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct listing *listing = context;
    const struct tl_store_value params[] = {TL_STORE_T(listing->subject)};
    return tl_store_run(tx, "SELECT at_us, actor, text FROM lifeguard_comment WHERE subject = ?1 ORDER BY at_us, id LIMIT 1000", params, 1, put_comment,
                        listing, err);
}

enum tl_code tl_lifeguard_put_comments(struct tl_request *rq, tl_lifeguard *lifeguard, const char *subject, struct tl_json_writer *json)
{
    struct listing listing = {.subject = subject, .json = json};
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(lifeguard->store, read_comments, &listing, &rq->err);
    tl_json_end_array(json);
    return code;
}

/* --- asking --- */

struct asking {
    const char *id, *user, *subject;
    struct tl_str body;
    int64_t now_us;
};

static enum tl_code insert_request(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct asking *a = context;
    const struct tl_store_value body = {.type = TL_STORE_TEXT, .bytes = a->body};
    const struct tl_store_value params[] = {TL_STORE_T(a->id), TL_STORE_T(a->user), TL_STORE_T(a->subject), body, TL_STORE_I(a->now_us),
                                            TL_STORE_I(a->now_us + REQUEST_LIVES_US)};
    return tl_store_run(tx,
                        "INSERT INTO lifeguard_request (id, user_name, subject, body, state, created_at_us, expires_at_us) "
                        "VALUES (?1, ?2, ?3, ?4, 'open', ?5, ?6)",
                        params, 6, NULL, NULL, err);
}

/* asked, approved, denied; failed: it did not come about. */
static enum tl_code put_on_record(struct tl_request *rq, tl_lifeguard *lifeguard, const char *action, const char *id, const char *subject,
                                  const char *reason, bool failed)
{
    const struct lg_event event = {.kind = "request", .action = action, .subject = subject, .reason = reason, .about = id};
    if (!failed)
        return lg_record(rq, lifeguard, &event);
    lg_record_failure(rq, lifeguard, &event);
    return rq->err.code;
}

static void tell(tl_lifeguard *lifeguard, struct tl_request *rq, const char *event, const char *id, const char *subject, const char *reason)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, LG_BODY_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "event", event);
    tl_json_pair_text(&json, "request", id);
    tl_json_pair_text(&json, "scope", subject);
    tl_json_pair_text(&json, "user", lg_actor(rq));
    tl_json_pair_text(&json, "reason", reason);
    tl_json_end_object(&json);
    lg_tell(lifeguard, (struct tl_str){text.data, text.size});
    tl_buf_done(&text);
    lg_fact(lifeguard, rq, event, id, subject);
}

/* What was asked, in one form: scope, columns, privileges, duration, reason. */
static enum tl_code write_request(struct tl_request *rq, const tl_json *body, struct tl_grant_scope *scope, struct tl_buf *text)
{
    const char *privileges = tl_json_get_text(body, "privileges"), *duration = tl_json_get_text(body, "duration"), *reason = tl_json_get_text(body, "reason");
    int64_t duration_us;
    size_t column_count;
    const char *const *columns;
    if (lg_scope_read(rq->arena, tl_json_get(body, "scope"), scope, &rq->err) != TL_OK || !tl_privileges_parse(privileges ? privileges : "read", &rq->err) ||
        lg_texts_read(rq->arena, tl_json_get(body, "columns"), COLUMNS_MAX, &column_count, &columns, &rq->err) != TL_OK)
        return rq->err.code;
    if (column_count && !scope->table)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "a request for columns names their table");
    if (!reason || !*reason || strlen(reason) > COMMENT_MAX)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "a request needs a reason of at most %d bytes", COMMENT_MAX);
    if (duration && (!tl_parse_duration_us(duration, &duration_us) || duration_us <= 0))
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the duration is such as 8h or 30d");
    struct tl_json_writer json;
    tl_json_writer_init(&json, text);
    tl_json_begin_object(&json);
    tl_json_key(&json, "scope");
    lg_scope_put(&json, scope);
    tl_json_pair_text(&json, "privileges", privileges ? privileges : "read");
    if (column_count)
        lg_texts_put(&json, "columns", column_count, columns);
    if (duration)
        tl_json_pair_text(&json, "duration", duration);
    tl_json_pair_text(&json, "reason", reason);
    tl_json_end_object(&json);
    return text->failed ? tl_err_set(&rq->err, TL_TOO_LARGE, "the request is too long") : TL_OK;
}

enum tl_code tl_lifeguard_request(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char **ret_id)
{
    struct tl_grant_scope scope;
    struct tl_buf text;
    tl_buf_init(&text, LG_BODY_MAX);
    enum tl_code code = write_request(rq, body, &scope, &text);
    struct asking asking = {.user = lg_actor(rq), .body = {text.data, text.size}, .now_us = tl_clock_wall_us()};
    if (code == TL_OK) {
        asking.subject = lg_scope_text(rq->arena, &scope);
        asking.id = *ret_id = lg_new_id(rq->arena, "request-", &rq->err);
        const char *reason = tl_json_get_text(body, "reason");
        code = asking.id ? put_on_record(rq, lifeguard, "asked", asking.id, asking.subject, reason, false) : rq->err.code;
        if (code == TL_OK && tl_store_write(lifeguard->store, insert_request, &asking, &rq->err) != TL_OK)
            code = put_on_record(rq, lifeguard, "asked", asking.id, asking.subject, reason, true);
    }
    if (code == TL_OK)
        tell(lifeguard, rq, "access_requested", asking.id, asking.subject, tl_json_get_text(body, "reason"));
    tl_buf_done(&text);
    return code;
}

/* --- deciding --- */

struct deciding {
    tl_arena *arena;
    const char *id, *decided_by, *reason, *grant_id;
    bool approve, found;
    const char *user, *subject, *state;
    struct tl_str body;
    int64_t expires_at_us, now_us;
};

static enum tl_code take_request(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct deciding *d = context;
    if (cell_count != 5)
        return tl_err_set(err, TL_STATE, "a request cannot be read");
    d->user = tl_arena_strndup(d->arena, cells[0].bytes.data, cells[0].bytes.size);
    d->subject = tl_arena_strndup(d->arena, cells[1].bytes.data, cells[1].bytes.size);
    d->body = (struct tl_str){tl_arena_strndup(d->arena, cells[2].bytes.data, cells[2].bytes.size), cells[2].bytes.size};
    d->state = tl_arena_strndup(d->arena, cells[3].bytes.data, cells[3].bytes.size);
    d->expires_at_us = cells[4].integer;
    d->found = true;
    return TL_OK;
}

static enum tl_code read_request(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(((struct deciding *)context)->id)};
    return tl_store_run(tx, "SELECT user_name, subject, body, state, expires_at_us FROM lifeguard_request WHERE id = ?1", params, 1, take_request, context,
                        err);
}

/* Only while it is open: of two who decide at once, one does. */
static enum tl_code update_request(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct deciding *d = context;
    const struct tl_store_value params[] = {TL_STORE_T(d->id),       TL_STORE_T(d->approve ? "approved" : "denied"),
                                            TL_STORE_I(d->now_us),   TL_STORE_T(d->decided_by),
                                            TL_STORE_T(d->reason)};
    enum tl_code code = tl_store_run(tx,
                                     "UPDATE lifeguard_request SET state = ?2, decided_at_us = ?3, decided_by = ?4, decision_reason = ?5 "
                                     "WHERE id = ?1 AND state = 'open'",
                                     params, 5, NULL, NULL, err);
    return code == TL_OK && tl_store_changes(tx) == 0 ? tl_err_set(err, TL_CONFLICT, "the request has been decided already") : code;
}

static enum tl_code note_grant(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct deciding *d = context;
    const struct tl_store_value params[] = {TL_STORE_T(d->id), TL_STORE_T(d->grant_id)};
    return tl_store_run(tx, "UPDATE lifeguard_request SET grant_id = ?2 WHERE id = ?1", params, 2, NULL, NULL, err);
}

static enum tl_code reopen(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(((const struct deciding *)context)->id)};
    return tl_store_run(tx,
                        "UPDATE lifeguard_request SET state = 'open', decided_at_us = NULL, decided_by = NULL, decision_reason = NULL "
                        "WHERE id = ?1",
                        params, 1, NULL, NULL, err);
}

/* A grant for each column that was asked for, or one for the whole. */
static enum tl_code grant_one(struct tl_request *rq, tl_lifeguard *lifeguard, const struct deciding *d, const tl_json *asked, struct tl_grant_scope *scope,
                              const char *column, const char **ret_id)
{
    struct tl_buf text;
    struct tl_json_writer json;
    const tl_json *body;
    const char *duration = tl_json_get_text(asked, "duration");
    tl_buf_init(&text, LG_BODY_MAX);
    tl_json_writer_init(&json, &text);
    scope->column = column;
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "user", d->user);
    tl_json_pair_text(&json, "privileges", tl_json_get_text(asked, "privileges"));
    tl_json_key(&json, "scope");
    lg_scope_put(&json, scope);
    if (duration)
        tl_json_pair_text(&json, "duration", duration);
    tl_json_pair_text(&json, "reason", tl_arena_printf(rq->arena, "%s: %s", d->id, tl_json_get_text(asked, "reason")));
    tl_json_end_object(&json);
    enum tl_code code = tl_json_parse(rq->arena, text.data, text.size, &body, &rq->err);
    tl_buf_done(&text);
    return code == TL_OK ? tl_lifeguard_grant(rq, lifeguard, body, ret_id) : code;
}

static enum tl_code make_grants(struct tl_request *rq, tl_lifeguard *lifeguard, struct deciding *d, const tl_json *asked, struct tl_grant_scope *scope)
{
    const tl_json *columns = tl_json_get(asked, "columns");
    if (!columns)
        return grant_one(rq, lifeguard, d, asked, scope, scope->column, &d->grant_id);
    for (struct tl_json_iter it = tl_json_iter(columns); tl_json_next(&it);)
        if (grant_one(rq, lifeguard, d, asked, scope, tl_json_text(it.value), &d->grant_id) != TL_OK)
            return rq->err.code;
    return TL_OK;
}

static enum tl_code check_decider(struct tl_request *rq, tl_lifeguard *lifeguard, struct deciding *d, const tl_json **ret_asked, struct tl_grant_scope *scope)
{
    if (!d->found)
        return tl_err_set(&rq->err, TL_NOT_FOUND, "there is no request \"%.100s\"", d->id);
    if (!tl_streq(d->state, "open") || d->expires_at_us <= d->now_us)
        return tl_err_set(&rq->err, TL_CONFLICT, "the request is not open any more: it is %s", tl_streq(d->state, "open") ? "expired" : d->state);
    if (!d->reason || !*d->reason)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the reason is missing");
    if (tl_json_parse(rq->arena, d->body.data, d->body.size, ret_asked, &rq->err) != TL_OK ||
        lg_scope_read(rq->arena, tl_json_get(*ret_asked, "scope"), scope, &rq->err) != TL_OK)
        return rq->err.code;
    if (d->approve && tl_streq(d->user, d->decided_by)) {
        tl_err_set(&rq->err, TL_NOT_ALLOWED, "nobody approves their own request");
        tl_err_hint(&rq->err, "ask another owner or administrator");
        return TL_NOT_ALLOWED;
    }
    bool withdraws = !d->approve && tl_streq(d->user, d->decided_by);
    return withdraws ? TL_OK : tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, scope);
}

enum tl_code tl_lifeguard_decide_request(struct tl_request *rq, tl_lifeguard *lifeguard, const char *id, bool approve, const char *reason)
{
    struct deciding d = {.arena = rq->arena, .id = id, .decided_by = lg_actor(rq), .reason = reason, .approve = approve, .now_us = tl_clock_wall_us()};
    const tl_json *asked;
    struct tl_grant_scope scope;
    enum tl_code code = tl_store_read(lifeguard->store, read_request, &d, &rq->err);
    if (code == TL_OK)
        code = check_decider(rq, lifeguard, &d, &asked, &scope);
    if (code == TL_OK)
        code = put_on_record(rq, lifeguard, approve ? "approved" : "denied", id, d.subject, reason, false);
    bool recorded = code == TL_OK;
    if (code == TL_OK)
        code = tl_store_write(lifeguard->store, update_request, &d, &rq->err);
    if (code == TL_OK && approve && make_grants(rq, lifeguard, &d, asked, &scope) != TL_OK) {
        struct tl_err ignored; /* if even this fails, it stays decided without a grant, and can be asked again */
        tl_err_init(&ignored);
        code = tl_store_write(lifeguard->store, reopen, &d, &ignored);
        code = rq->err.code;
    }
    if (code == TL_OK && d.grant_id)
        code = tl_store_write(lifeguard->store, note_grant, &d, &rq->err);
    if (recorded && code != TL_OK)
        code = put_on_record(rq, lifeguard, approve ? "approved" : "denied", id, d.subject, reason, true);
    if (code == TL_OK)
        tell(lifeguard, rq, approve ? "access_approved" : "access_denied", id, d.subject, reason);
    return code;
}

/* --- listing and expiring --- */

static enum tl_code put_request(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    static const char *const keys[] = {"id",            "user",          "scope_text", "state",           "created_at_us",
                                       "expires_at_us", "decided_at_us", "decided_by", "decision_reason", "grant"};
    struct listing *listing = context;
    struct tl_grant_scope scope;
    const tl_json *asked;
    if (cell_count != 11)
        return tl_err_set(err, TL_STATE, "a request cannot be read");
    const char *user = tl_arena_strndup(listing->rq->arena, cells[1].bytes.data, cells[1].bytes.size);
    if (tl_json_parse(listing->rq->arena, cells[10].bytes.data, cells[10].bytes.size, &asked, err) != TL_OK ||
        lg_scope_read(listing->rq->arena, tl_json_get(asked, "scope"), &scope, err) != TL_OK)
        return err->code;
    struct tl_err before = listing->rq->err;
    bool shown = tl_streq(user, lg_actor(listing->rq)) ||
                 tl_lifeguard_need(listing->rq, listing->lifeguard, TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &scope) == TL_OK;
    listing->rq->err = before;
    if (!shown)
        return TL_OK;
    tl_json_begin_object(listing->json);
    for (size_t i = 0; i < 10; i++)
        pair_cell(listing->json, keys[i], &cells[i]);
    tl_json_key(listing->json, "asked");
    tl_json_put_value(listing->json, asked);
    tl_json_end_object(listing->json);
    return TL_OK;
}

static enum tl_code read_requests(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct listing *listing = context;
    const struct tl_store_value params[] = {TL_STORE_T(listing->state)};
    return tl_store_run(tx,
                        "SELECT id, user_name, subject, state, created_at_us, expires_at_us, decided_at_us, decided_by, decision_reason, grant_id, body "
                        "FROM lifeguard_request WHERE ?1 IS NULL OR state = ?1 ORDER BY created_at_us DESC LIMIT 1000",
                        params, 1, put_request, context, err);
}

enum tl_code tl_lifeguard_put_requests(struct tl_request *rq, tl_lifeguard *lifeguard, const char *state, struct tl_json_writer *json)
{
    struct listing listing = {.rq = rq, .lifeguard = lifeguard, .state = state, .json = json};
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(lifeguard->store, read_requests, &listing, &rq->err);
    tl_json_end_array(json);
    return code;
}

struct expiring {
    int64_t now_us, count;
};

static enum tl_code expire(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct expiring *expiring = context;
    const struct tl_store_value params[] = {TL_STORE_I(expiring->now_us)};
    enum tl_code code = tl_store_run(tx, "UPDATE lifeguard_request SET state = 'expired', decided_at_us = ?1 WHERE state = 'open' AND expires_at_us <= ?1",
                                     params, 1, NULL, NULL, err);
    expiring->count = tl_store_changes(tx);
    return code;
}

void lg_expire_requests(struct tl_request *rq, tl_lifeguard *lifeguard)
{
    struct expiring expiring = {.now_us = tl_clock_wall_us()};
    if (tl_store_write(lifeguard->store, expire, &expiring, &rq->err) != TL_OK) {
        lg_fact(lifeguard, NULL, "requests_not_expired", "requests", rq->err.message);
        return;
    }
    const struct lg_event event = {.kind = "request", .action = "expired", .subject = "requests",
                                   .about = tl_arena_printf(rq->arena, "%lld of them", (long long)expiring.count)};
    if (expiring.count && lg_record(rq, lifeguard, &event) != TL_OK)
        lg_fact(lifeguard, NULL, "expiry_not_recorded", "requests", rq->err.message);
}

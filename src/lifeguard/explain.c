/* The rules as people ask about them: why can't I, who can see this, what changed; now or on a past day. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lifeguard/lifeguard_int.h"

enum { TEXT_MAX = 2000, SUBJECTS_MAX = 1000 };

/* --- lists --- */

struct listing {
    struct tl_request *rq;
    tl_lifeguard *lifeguard;
    const struct lg_snapshot *snapshot;
    const struct lg_who *who;
    struct tl_json_writer *json;
};

static bool governs(const struct listing *listing, const struct tl_grant_scope *scope)
{
    const unsigned governing = TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN | TL_PRIVILEGE_REVIEW;
    return lg_privileges_on(listing->lifeguard, listing->snapshot, listing->rq->arena, listing->who, scope) & governing;
}

static void put_grant_item(void *context, const struct lg_item *item)
{
    const struct listing *listing = context;
    if (lg_who_is(listing->who, &item->grant.subject) || governs(listing, &item->grant.scope))
        lg_item_put(listing->json, item);
}

static void put_row_rule_item(void *context, const struct lg_item *item)
{
    const struct listing *listing = context;
    if (governs(listing, &item->row_rule.scope))
        lg_item_put(listing->json, item);
}

static void put_all(struct tl_request *rq, tl_lifeguard *lifeguard, enum lg_kind kind, void (*put)(void *context, const struct lg_item *item),
                    struct tl_json_writer *json)
{
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    struct lg_who who = lg_who_of(lifeguard, rq->arena, rq->principal, tl_clock_wall_us(), false);
    struct listing listing = {rq, lifeguard, snapshot, &who, json};
    tl_json_begin_array(json);
    lg_each(snapshot, kind, put, &listing);
    tl_json_end_array(json);
    lg_release(snapshot);
}

void tl_lifeguard_put_grants(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_json_writer *json)
{
    put_all(rq, lifeguard, LG_GRANT, put_grant_item, json);
}

void tl_lifeguard_put_row_rules(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_json_writer *json)
{
    put_all(rq, lifeguard, LG_ROW_RULE, put_row_rule_item, json);
}

enum tl_code tl_lifeguard_put_dataset(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset, struct tl_json_writer *json)
{
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    const struct lg_item *item = lg_find(lifeguard, snapshot, LG_DATASET, lg_dataset_name(rq->arena, dataset));
    struct lg_item pending = {.kind = LG_DATASET,
                              .dataset = {.source = dataset->source, .schema = dataset->schema, .table = dataset->table ? dataset->table : "",
                                          .sensitivity = LG_INTERNAL}};
    lg_item_put(json, item ? item : &pending);
    lg_release(snapshot);
    return TL_OK;
}

size_t tl_lifeguard_pending(tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset, const char *const *columns, size_t column_count)
{
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    const struct lg_dataset *reviewed = lg_find_dataset(lifeguard, snapshot, dataset->source, dataset->schema, dataset->table);
    size_t pending = column_count;
    for (size_t i = 0; reviewed && reviewed->state != LG_PENDING && i < column_count; i++)
        for (size_t k = 0; k < reviewed->column_count; k++)
            pending -= strcmp(reviewed->columns[k].name, columns[i]) == 0 && reviewed->columns[k].state != LG_PENDING;
    if (reviewed && reviewed->state == LG_DENIED)
        pending = 0;
    lg_release(snapshot);
    return pending;
}

struct history {
    const char *subject;
    int64_t count_max;
    struct tl_json_writer *json;
};

static enum tl_code put_version(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    static const char *const keys[] = {"version", "at_us", "user", "action", "subject", "reason"};
    (void)err;
    lg_cells_put(((struct history *)context)->json, keys, cells, cell_count < 6 ? cell_count : 6);
    return TL_OK;
}

static enum tl_code read_history(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct history *history = context;
    const struct tl_store_value params[] = {TL_STORE_I(history->count_max), TL_STORE_T(history->subject)};
    return tl_store_run(tx,
                        "SELECT version, at_us, actor, action, subject, reason FROM lifeguard_version WHERE ?2 IS NULL OR subject = ?2 "
                        "ORDER BY version DESC LIMIT ?1",
                        params, 2, put_version, context, err);
}

enum tl_code tl_lifeguard_put_history(struct tl_request *rq, tl_lifeguard *lifeguard, const char *subject, int count_max, struct tl_json_writer *json)
{
    struct history history = {subject, count_max, json};
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(lifeguard->store, read_history, &history, &rq->err);
    tl_json_end_array(json);
    return code;
}

/* --- explaining --- */

static enum tl_code acquire_at(struct tl_request *rq, tl_lifeguard *lifeguard, int64_t at_us, const struct lg_snapshot **ret_snapshot)
{
    struct lg_snapshot *past = NULL;
    if (at_us == 0) {
        *ret_snapshot = lg_acquire(lifeguard);
        return TL_OK;
    }
    enum tl_code code = lg_load_at(rq, lifeguard, at_us, &past);
    *ret_snapshot = past;
    return code;
}

static void put_grant_text(struct tl_json_writer *json, tl_arena *arena, const char *key, const struct lg_grant *grant)
{
    struct tl_buf text;
    tl_buf_init(&text, TEXT_MAX);
    if (grant) {
        tl_privileges_format(&text, grant->privileges);
        const char *words = tl_arena_strdup(arena, tl_buf_cstr(&text));
        tl_json_pair_text(json, key, tl_arena_printf(arena, "%s %s %s on %s (%s)", lg_subject_text(arena, &grant->subject), grant->deny ? "is denied" : "has",
                                                     words, lg_scope_text(arena, &grant->scope), grant->id));
    }
    tl_buf_done(&text);
}

static void put_column(struct tl_json_writer *json, tl_arena *arena, const char *name, const struct lg_column_decision *decision)
{
    struct tl_buf mask;
    tl_buf_init(&mask, TL_MASK_TEXT_MAX);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "name", name);
    tl_json_pair_bool(json, "visible", decision->visible);
    tl_mask_format(&mask, &decision->mask);
    tl_json_pair_text(json, "mask", !decision->visible || decision->mask.form == TL_MASK_NONE ? NULL : tl_buf_cstr(&mask));
    tl_json_pair_text(json, "reason", lg_why_text(decision->why));
    put_grant_text(json, arena, "by", decision->by);
    tl_json_end_object(json);
    tl_buf_done(&mask);
}

static void put_rules(struct tl_json_writer *json, tl_arena *arena, const struct lg_decision *decision, bool governs)
{
    tl_json_key(json, "row_rules");
    tl_json_begin_array(json);
    for (size_t i = 0; i < decision->rule_count; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "id", decision->rules[i]->id);
        tl_json_pair_text(json, "for", lg_subject_text(arena, &decision->rules[i]->subject));
        tl_json_pair_text(json, "reason", decision->rules[i]->reason);
        if (governs) {
            tl_json_key(json, "rule");
            tl_rule_put(json, decision->rules[i]->rule);
        }
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

/* Every grant that was met; when they do not agree, which one wins is said with the columns. */
static void put_met(struct tl_json_writer *json, tl_arena *arena, const struct lg_decision *decision)
{
    tl_json_key(json, "grants");
    tl_json_begin_array(json);
    for (size_t i = 0; i < decision->grant_count; i++) {
        tl_json_begin_object(json);
        put_grant_text(json, arena, "text", decision->grants[i]);
        tl_json_pair_text(json, "id", decision->grants[i]->id);
        tl_json_pair_int64(json, "end_us", decision->grants[i]->end_us);
        tl_json_pair_text(json, "reason", decision->grants[i]->reason);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    bool conflict = decision->deny & decision->allow;
    tl_json_pair_text(json, "conflict", conflict ? "some grants allow what others deny: deny wins" : NULL);
}

static void put_explanation(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const struct lg_who *who,
                            const struct tl_principal *user, const struct tl_access_need *need, bool governs, struct tl_json_writer *json)
{
    struct lg_decision decision;
    struct tl_grant_scope scope = {.source = need->source, .schema = need->schema, .table = need->table};
    lg_decide(lifeguard, snapshot, rq->arena, who, need, &decision);
    bool reads = decision.visible_count > 0;
    const struct lg_dataset *dataset = decision.dataset;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "user", user->user);
    lg_texts_put(json, "groups", user->group_count, user->groups);
    tl_json_pair_text(json, "table", lg_scope_text(rq->arena, &scope));
    tl_json_pair_int64(json, "at_us", who->now_us);
    tl_json_pair_int64(json, "version", snapshot->version);
    tl_json_pair_bool(json, "reads", reads);
    tl_json_pair_text(json, "reason", reads ? "some columns are open" : lg_why_text(lg_why_not(&decision, TL_ACCESS_READ)));
    tl_json_pair_text(json, "state", lg_state_name(dataset ? dataset->state : LG_PENDING, true));
    tl_json_pair_text(json, "reviewer", dataset && dataset->reviewer
                                            ? tl_arena_printf(rq->arena, "user %s", dataset->reviewer)
                                            : lg_holders(lifeguard, snapshot, rq->arena, &scope, TL_PRIVILEGE_REVIEW, who->now_us));
    unsigned opening = TL_PRIVILEGE_READ | TL_PRIVILEGE_CLEAR | TL_PRIVILEGE_OWN;
    tl_json_pair_text(json, "open_to", lg_holders(lifeguard, snapshot, rq->arena, &scope, opening, who->now_us));
    tl_json_pair_text(json, "link", lg_request_link(lifeguard, rq->arena, &scope, "read"));
    put_met(json, rq->arena, &decision);
    put_grant_text(json, rq->arena, "ended", decision.ended);
    put_rules(json, rq->arena, &decision, governs);
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    for (size_t i = 0; i < need->column_count; i++)
        put_column(json, rq->arena, need->columns[i], &decision.columns[i]);
    tl_json_end_array(json);
    tl_json_end_object(json);
}

enum tl_code tl_lifeguard_explain(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_principal *user, const struct tl_grant_scope *dataset,
                                  const char *const *columns, size_t column_count, int64_t at_us, struct tl_json_writer *json)
{
    const struct lg_snapshot *snapshot;
    bool self = rq->principal && tl_streq(rq->principal->user, user->user);
    bool governs = tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_ADMIN | TL_PRIVILEGE_OWN, dataset) == TL_OK;
    if (!self && !governs)
        return rq->err.code;
    tl_err_init(&rq->err);
    if (acquire_at(rq, lifeguard, at_us, &snapshot) != TL_OK)
        return rq->err.code;
    struct lg_who who = lg_who_of(lifeguard, rq->arena, user, at_us ? at_us : tl_clock_wall_us(), false);
    struct tl_access_need need = {dataset->source, dataset->schema, dataset->table, TL_ACCESS_READ, column_count, columns};
    put_explanation(rq, lifeguard, snapshot, &who, user, &need, governs, json);
    lg_release(snapshot);
    return TL_OK;
}

/* --- who can see it --- */

struct subjects {
    const struct lg_subject *list[SUBJECTS_MAX];
    size_t count;
};

static void take_subject(void *context, const struct lg_item *item)
{
    struct subjects *subjects = context;
    const struct lg_subject *subject = &item->grant.subject;
    for (size_t i = 0; i < subjects->count; i++)
        if (lg_same_subject(subjects->list[i], subject))
            return;
    if (subjects->count < SUBJECTS_MAX)
        subjects->list[subjects->count++] = subject;
}

/* What somebody would see who is nothing but this subject. */
static void put_subject(struct tl_request *rq, const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const struct lg_subject *subject,
                        const struct tl_access_need *need, int64_t now_us, struct tl_json_writer *json)
{
    struct lg_subject both[2] = {*subject, lg_subject_of(lifeguard, LG_EVERYONE, "")};
    struct lg_who who = {subject->kind == LG_USER ? subject->name : "", subject->kind == LG_EVERYONE ? 1 : 2, both, now_us, false};
    struct lg_decision decision;
    lg_decide(lifeguard, snapshot, rq->arena, &who, need, &decision);
    if (decision.visible_count == 0)
        return;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "who", lg_subject_text(rq->arena, subject));
    put_rules(json, rq->arena, &decision, true);
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    for (size_t i = 0; i < need->column_count; i++)
        if (decision.columns[i].visible)
            put_column(json, rq->arena, need->columns[i], &decision.columns[i]);
    tl_json_end_array(json);
    tl_json_end_object(json);
}

enum tl_code tl_lifeguard_who(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset, const char *const *columns,
                              size_t column_count, int64_t at_us, struct tl_json_writer *json)
{
    const struct lg_snapshot *snapshot;
    int64_t now_us = at_us ? at_us : tl_clock_wall_us();
    if (tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_ADMIN | TL_PRIVILEGE_OWN, dataset) != TL_OK ||
        acquire_at(rq, lifeguard, at_us, &snapshot) != TL_OK)
        return rq->err.code;
    struct tl_access_need need = {dataset->source, dataset->schema, dataset->table, TL_ACCESS_READ, column_count, columns};
    const struct lg_dataset *reviewed = lg_find_dataset(lifeguard, snapshot, dataset->source, dataset->schema, dataset->table);
    struct lg_subject creator = lg_subject_of(lifeguard, LG_USER, reviewed && reviewed->creator ? reviewed->creator : "");
    struct subjects *subjects = TL_NEW(rq->arena, struct subjects);
    if (reviewed && reviewed->creator)
        subjects->list[subjects->count++] = &creator;
    lg_each(snapshot, LG_GRANT, take_subject, subjects);
    tl_json_begin_array(json);
    for (size_t i = 0; i < subjects->count; i++)
        put_subject(rq, lifeguard, snapshot, subjects->list[i], &need, now_us, json);
    tl_json_end_array(json);
    lg_release(snapshot);
    return TL_OK;
}

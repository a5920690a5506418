/* Changing the rules: who may, what is checked, and the version it becomes. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "lifeguard/lifeguard_int.h"

enum { ENDED_MAX = 1000 };

/* --- who may --- */

static enum tl_code refuse_privilege(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, unsigned privileges,
                                     const struct tl_grant_scope *scope)
{
    struct tl_buf words;
    tl_buf_init(&words, TL_ERR_MESSAGE_MAX);
    tl_privileges_format(&words, privileges);
    const char *name = lg_scope_text(rq->arena, scope);
    const char *holders = lg_holders(lifeguard, snapshot, rq->arena, scope, privileges, tl_clock_wall_us());
    tl_err_set(&rq->err, TL_NOT_ALLOWED, "\"%s\" needs one of these privileges, which you do not have: %s", name, tl_buf_cstr(&words));
    tl_err_hint(&rq->err, "ask %s%s", *holders ? holders : "group ", *holders ? "" : TL_GROUP_ADMIN);
    tl_err_link(&rq->err, "%s", lg_request_link(lifeguard, rq->arena, scope, tl_buf_cstr(&words)));
    tl_buf_done(&words);
    return TL_NOT_ALLOWED;
}

enum tl_code tl_lifeguard_need(struct tl_request *rq, tl_lifeguard *lifeguard, unsigned privileges, const struct tl_grant_scope *scope)
{
    if (!rq->principal)
        return tl_err_set(&rq->err, TL_UNAUTHENTICATED, "the request does not say who is asking");
    if (!tl_principal_may(rq->principal, TL_SCOPE_ADMIN))
        return tl_err_set(&rq->err, TL_NOT_ALLOWED, "the token you use may not change or look into rules");
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    struct lg_who who = lg_who_of(lifeguard, rq->arena, rq->principal, tl_clock_wall_us(), false);
    bool held = lg_privileges_on(lifeguard, snapshot, rq->arena, &who, scope) & privileges;
    enum tl_code code = held ? TL_OK : refuse_privilege(rq, lifeguard, snapshot, privileges, scope);
    lg_release(snapshot);
    return code;
}

bool tl_lifeguard_governs(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *scope)
{
    if (!rq->principal || !tl_principal_may(rq->principal, TL_SCOPE_ADMIN))
        return false;
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    struct lg_who who = lg_who_of(lifeguard, rq->arena, rq->principal, tl_clock_wall_us(), false);
    bool held = lg_privileges_on(lifeguard, snapshot, rq->arena, &who, scope) & (TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN);
    lg_release(snapshot);
    return held;
}

enum tl_code tl_lifeguard_need_raw(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *table)
{
    if (!rq->principal)
        return tl_err_set(&rq->err, TL_UNAUTHENTICATED, "the request does not say who is asking");
    if (!tl_principal_may(rq->principal, TL_SCOPE_READ))
        return tl_err_set(&rq->err, TL_NOT_ALLOWED, "the token you use may not read");
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    struct lg_who who = lg_who_of(lifeguard, rq->arena, rq->principal, tl_clock_wall_us(), false);
    struct tl_access_need need = {.source = table->source, .schema = table->schema, .table = table->table, .access = TL_ACCESS_READ};
    struct lg_decision decision;
    lg_decide(lifeguard, snapshot, rq->arena, &who, &need, &decision);
    const struct lg_dataset *dataset = decision.dataset;
    bool denied = (decision.deny & (TL_PRIVILEGE_READ | TL_PRIVILEGE_RAW)) || (dataset && dataset->state == LG_DENIED);
    bool opened = lifeguard->open && (!dataset || dataset->state == LG_PENDING);
    enum tl_code code = !denied && (opened || (decision.allow & TL_PRIVILEGE_RAW))
                            ? TL_OK
                            : refuse_privilege(rq, lifeguard, snapshot, TL_PRIVILEGE_RAW, table);
    lg_release(snapshot);
    return code;
}

static enum tl_code invalid(struct tl_request *rq, const char *why)
{
    return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "%s", why);
}

enum tl_code lg_need_reason(struct tl_request *rq, const char *reason)
{
    if (reason && *reason)
        return TL_OK;
    tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the reason is missing");
    tl_err_hint(&rq->err, "say why: it is kept with the change");
    return TL_INVALID_ARGUMENT;
}

/* --- review --- */

static struct lg_column *find_or_add(struct lg_dataset *dataset, struct lg_column *columns, const char *name)
{
    for (size_t i = 0; i < dataset->column_count; i++)
        if (strcmp(columns[i].name, name) == 0)
            return &columns[i];
    columns[dataset->column_count] = (struct lg_column){.name = name, .mask = {.form = TL_MASK_NONE}};
    return &columns[dataset->column_count++];
}

static bool is_known(const char *const *columns, size_t count, const char *name)
{
    bool known = false;
    for (size_t i = 0; i < count && !known; i++)
        known = strcmp(columns[i], name) == 0;
    return known;
}

/* Named columns first, then those in `columns` that were not named and wait still. */
static enum tl_code merge_columns(struct tl_request *rq, const tl_json *body, const char *const *known, size_t known_count,
                                  struct lg_dataset *dataset)
{
    const tl_json *named = tl_json_get(body, "columns"), *others = tl_json_get(body, "others");
    size_t most = dataset->column_count + tl_json_count(named) + known_count;
    struct lg_column *columns = TL_NEW_ARRAY(rq->arena, struct lg_column, most), other = {0};
    if (dataset->column_count)
        memcpy(columns, dataset->columns, dataset->column_count * sizeof *columns);
    for (struct tl_json_iter it = tl_json_iter(named); tl_json_next(&it);) {
        if (known_count && !is_known(known, known_count, it.key)) {
            tl_err_set(&rq->err, TL_COLUMN_NOT_FOUND, "\"%s.%s.%s\" has no column \"%.200s\"", dataset->source, dataset->schema, dataset->table, it.key);
            tl_err_hint(&rq->err, "`townlake lifeguard show TABLE` lists them");
            return TL_COLUMN_NOT_FOUND;
        }
        struct lg_column *column = find_or_add(dataset, columns, tl_arena_strdup(rq->arena, it.key)), read = {.name = column->name};
        if (lg_column_read(rq->arena, it.value, &read, &rq->err) != TL_OK)
            return rq->err.code;
        read.type = column->type; /* a reviewer does not say it */
        if (!tl_json_get(it.value, "tags")) {
            read.tags = column->tags;
            read.tag_count = column->tag_count;
        }
        *column = read;
    }
    if (others && lg_column_read(rq->arena, others, &other, &rq->err) != TL_OK)
        return rq->err.code;
    for (size_t i = 0; others && i < known_count; i++) {
        struct lg_column *column = find_or_add(dataset, columns, known[i]);
        if (column->state == LG_PENDING && !tl_json_get(named, known[i])) {
            column->state = other.state;
            column->mask = other.mask;
        }
    }
    dataset->columns = columns;
    return TL_OK;
}

static enum tl_code merge_review(struct tl_request *rq, const tl_json *body, const char *const *known, size_t known_count, struct lg_dataset *dataset)
{
    const char *state = tl_json_get_text(body, "state"), *sensitivity = tl_json_get_text(body, "sensitivity");
    const char *comment = tl_json_get_text(body, "comment");
    if (state) {
        bool approved = strcmp(state, "approved") == 0, denied = strcmp(state, "denied") == 0;
        if (!approved && !denied && strcmp(state, "pending") != 0)
            return invalid(rq, "a review's \"state\" is \"approved\", \"denied\" or \"pending\"");
        dataset->state = approved ? LG_OPEN : denied ? LG_DENIED : LG_PENDING;
    } else if (dataset->state == LG_PENDING) {
        dataset->state = LG_OPEN; /* who decides columns has looked at the table */
    }
    if (sensitivity && !lg_sensitivity_of(sensitivity, &dataset->sensitivity))
        return invalid(rq, "the sensitivity is \"public\", \"internal\", \"confidential\" or \"restricted\"");
    dataset->comment = comment ? tl_arena_strdup(rq->arena, comment) : dataset->comment;
    dataset->reviewer = lg_actor(rq);
    dataset->reviewed_at_us = tl_clock_wall_us();
    if (tl_json_get(body, "tags") &&
        lg_texts_read(rq->arena, tl_json_get(body, "tags"), TL_TAGS_MAX, &dataset->tag_count, &dataset->tags, &rq->err) != TL_OK)
        return rq->err.code;
    return merge_columns(rq, body, known, known_count, dataset);
}

enum tl_code tl_lifeguard_review(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset, const char *const *columns,
                                 size_t column_count, const tl_json *body, const char *reason)
{
    if (tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, dataset) != TL_OK || lg_need_reason(rq, reason) != TL_OK)
        return rq->err.code;
    pthread_mutex_lock(&lifeguard->changing);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    const struct lg_dataset *old = lg_find_dataset(lifeguard, snapshot, dataset->source, dataset->schema, dataset->table);
    struct lg_item item = {.kind = LG_DATASET};
    item.dataset = old ? *old
                       : (struct lg_dataset){.source = dataset->source, .schema = dataset->schema, .table = dataset->table, .sensitivity = LG_INTERNAL};
    enum tl_code code = merge_review(rq, body, columns, column_count, &item.dataset);
    struct lg_change change = {LG_DATASET, lg_dataset_name(rq->arena, dataset), code == TL_OK ? lg_item_text(rq, &item) : NULL};
    if (code == TL_OK)
        code = rq->err.code;
    if (code == TL_OK)
        code = lg_apply(rq, lifeguard, "review", lg_scope_text(rq->arena, dataset), reason, &change, 1);
    lg_release(snapshot);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}

/* --- tables that people make --- */

enum tl_code tl_lifeguard_created(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset)
{
    struct lg_item item = {.kind = LG_DATASET,
                           .dataset = {.source = dataset->source, .schema = dataset->schema, .table = dataset->table ? dataset->table : "",
                                       .state = LG_PENDING, .sensitivity = LG_INTERNAL, .creator = lg_actor(rq)}};
    struct lg_change change = {LG_DATASET, lg_dataset_name(rq->arena, dataset), lg_item_text(rq, &item)};
    if (!change.body)
        return rq->err.code;
    pthread_mutex_lock(&lifeguard->changing);
    enum tl_code code = lg_apply(rq, lifeguard, "created", lg_scope_text(rq->arena, dataset), NULL, &change, 1);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}

/* Grants and row rules are by name: what restricts the table stays with the old one, what opens something may be there already
 * under the new one.  Then the review is not enough. */
struct renaming {
    const struct tl_grant_scope *before, *after;
    bool waits;
};

static bool names_table(const struct tl_grant_scope *scope, const struct tl_grant_scope *table)
{
    return tl_streq(scope->source, table->source) && tl_streq(scope->schema, table->schema) && tl_streq(scope->table, table->table);
}

static void note_rule(void *context, const struct lg_item *item)
{
    struct renaming *renaming = context;
    bool restricts = item->kind == LG_ROW_RULE || item->grant.deny || item->grant.has_mask;
    const struct tl_grant_scope *scope = item->kind == LG_ROW_RULE ? &item->row_rule.scope : &item->grant.scope;
    renaming->waits = renaming->waits || names_table(scope, restricts ? renaming->before : renaming->after);
}

enum tl_code tl_lifeguard_renamed(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset, const char *new_name)
{
    struct tl_grant_scope after = *dataset;
    after.table = new_name;
    struct renaming renaming = {dataset, &after, false};
    pthread_mutex_lock(&lifeguard->changing);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    const struct lg_dataset *old = lg_find_dataset(lifeguard, snapshot, dataset->source, dataset->schema, dataset->table);
    struct lg_item item = {.kind = LG_DATASET};
    enum tl_code code = TL_OK;
    if (old) {
        lg_each(snapshot, LG_GRANT, note_rule, &renaming);
        lg_each(snapshot, LG_ROW_RULE, note_rule, &renaming);
        item.dataset = *old;
        item.dataset.table = new_name;
        item.dataset.state = renaming.waits && old->state == LG_OPEN ? LG_PENDING : old->state;
        struct lg_change changes[] = {{LG_DATASET, lg_dataset_name(rq->arena, dataset), NULL},
                                      {LG_DATASET, lg_dataset_name(rq->arena, &after), lg_item_text(rq, &item)}};
        const char *reason = renaming.waits ? "grants or row rules name the table, so it waits for a review under its new name" : NULL;
        code = changes[1].body ? lg_apply(rq, lifeguard, "renamed", lg_scope_text(rq->arena, &after), reason, changes, 2) : rq->err.code;
    }
    lg_release(snapshot);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}

struct dropping {
    const struct tl_grant_scope *scope;
    tl_arena *arena;
    struct lg_change *changes;
    size_t count, capacity;
};

static void drop_item(void *context, const struct lg_item *item)
{
    struct dropping *dropping = context;
    const struct tl_grant_scope *scope = dropping->scope;
    const struct lg_dataset *dataset = &item->dataset;
    if (strcmp(dataset->source, scope->source) != 0 || (scope->schema && strcmp(dataset->schema, scope->schema) != 0) ||
        (scope->table && strcmp(dataset->table, scope->table) != 0))
        return;
    if (dropping->count == dropping->capacity) {
        size_t old = dropping->capacity;
        dropping->capacity = old ? 2 * old : 16;
        dropping->changes = tl_arena_grow(dropping->arena, dropping->changes, old * sizeof *dropping->changes, dropping->capacity * sizeof *dropping->changes);
    }
    dropping->changes[dropping->count++] = (struct lg_change){LG_DATASET, tl_arena_strdup(dropping->arena, item->name), NULL};
}

enum tl_code tl_lifeguard_dropped(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *scope)
{
    struct dropping dropping = {.scope = scope, .arena = rq->arena};
    pthread_mutex_lock(&lifeguard->changing);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    lg_each(snapshot, LG_DATASET, drop_item, &dropping);
    lg_release(snapshot);
    enum tl_code code = TL_OK;
    if (dropping.count)
        code = lg_apply(rq, lifeguard, "dropped", lg_scope_text(rq->arena, scope), NULL, dropping.changes, dropping.count);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}

/* --- grants --- */

static enum lg_sensitivity sensitivity_of(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const struct tl_grant_scope *scope)
{
    const struct lg_dataset *dataset = scope->table ? lg_find_dataset(lifeguard, snapshot, scope->source, scope->schema, scope->table) : NULL;
    return dataset ? dataset->sensitivity : LG_INTERNAL;
}

static bool is_self(const struct tl_request *rq, const struct lg_subject *subject)
{
    return rq->principal && subject->kind == LG_USER && tl_streq(subject->name, rq->principal->user);
}

static enum tl_code check_length(struct tl_request *rq, const struct lg_snapshot *snapshot, enum lg_sensitivity sensitivity, bool given,
                                 struct lg_grant *grant)
{
    enum { DAY_S = 86400 };
    int64_t longest_us = snapshot->limits.longest_us[sensitivity];
    if (!given && __builtin_add_overflow(grant->start_us, longest_us, &grant->end_us))
        return invalid(rq, "the grant would start too late");
    if (grant->end_us - grant->start_us <= longest_us) /* neither is below 0 */
        return TL_OK;
    tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "a grant on what is %s lasts at most %lld days", lg_sensitivity_name(sensitivity),
               (long long)(longest_us / 1000000 / DAY_S));
    tl_err_hint(&rq->err, "give a shorter duration; it can be granted again when it ends");
    return TL_INVALID_ARGUMENT;
}

static enum tl_code fill_times(struct tl_request *rq, const tl_json *body, struct lg_grant *grant, bool *ret_given)
{
    const char *duration = tl_json_get_text(body, "duration");
    int64_t duration_us = 0, now_us = tl_clock_wall_us();
    if (!tl_json_int64(tl_json_get(body, "start_us"), &grant->start_us))
        grant->start_us = now_us;
    *ret_given = duration || tl_json_int64(tl_json_get(body, "end_us"), &grant->end_us);
    if (duration && (!tl_parse_duration_us(duration, &duration_us) || duration_us <= 0))
        return invalid(rq, "the duration of a grant is such as 8h or 30d");
    if (grant->start_us < 0 || (duration && __builtin_add_overflow(grant->start_us, duration_us, &grant->end_us)))
        return invalid(rq, "the times of a grant are not times");
    if (*ret_given && grant->end_us <= now_us)
        return invalid(rq, "the grant would have ended already");
    return TL_OK;
}

static enum tl_code read_grant(struct tl_request *rq, const struct lg_snapshot *snapshot, tl_lifeguard *lifeguard, const tl_json *body,
                               struct lg_item *item)
{
    const char *held = tl_json_get_text(body, "privileges"), *effect = tl_json_get_text(body, "effect"), *mask = tl_json_get_text(body, "mask");
    const char *reason = tl_json_get_text(body, "reason");
    struct lg_grant *grant = &item->grant;
    bool given;
    if (lg_subject_read(rq->arena, body, &grant->subject, &rq->err) != TL_OK ||
        lg_scope_read(rq->arena, tl_json_get(body, "scope"), &grant->scope, &rq->err) != TL_OK || lg_need_reason(rq, reason) != TL_OK)
        return rq->err.code;
    grant->privileges = tl_privileges_parse(held ? held : "read", &rq->err);
    if (!grant->privileges)
        return rq->err.code;
    grant->deny = tl_streq(effect, "deny");
    if (effect && !grant->deny && strcmp(effect, "allow") != 0)
        return invalid(rq, "\"effect\" is \"allow\" or \"deny\"");
    grant->has_mask = mask != NULL;
    if (mask && tl_mask_parse(rq->arena, mask, &grant->mask, &rq->err) != TL_OK)
        return rq->err.code;
    grant->reason = reason;
    grant->granted_by = lg_actor(rq);
    if (is_self(rq, &grant->subject) && !grant->deny)
        return tl_err_set(&rq->err, TL_NOT_ALLOWED, "nobody grants themselves anything: ask another administrator");
    if (fill_times(rq, body, grant, &given) != TL_OK)
        return rq->err.code;
    return check_length(rq, snapshot, sensitivity_of(lifeguard, snapshot, &grant->scope), given, grant);
}

enum tl_code tl_lifeguard_grant(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char **ret_id)
{
    struct lg_item item = {.kind = LG_GRANT};
    pthread_mutex_lock(&lifeguard->changing);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    enum tl_code code = read_grant(rq, snapshot, lifeguard, body, &item);
    if (code == TL_OK)
        code = tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &item.grant.scope);
    if (code == TL_OK) {
        item.grant.id = *ret_id = lg_new_id(rq->arena, "grant-", &rq->err);
        struct lg_change change = {LG_GRANT, *ret_id, *ret_id ? lg_item_text(rq, &item) : NULL};
        code = rq->err.code;
        if (code == TL_OK)
            code = lg_apply(rq, lifeguard, item.grant.deny ? "denied" : "granted", lg_scope_text(rq->arena, &item.grant.scope), item.grant.reason,
                            &change, 1);
    }
    lg_release(snapshot);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}

/* Ends a grant or row rule by its id. */
static enum tl_code end_item(struct tl_request *rq, tl_lifeguard *lifeguard, enum lg_kind kind, const char *id, const char *action, const char *reason)
{
    pthread_mutex_lock(&lifeguard->changing);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    const struct lg_item *item = lg_find(lifeguard, snapshot, kind, id);
    enum tl_code code = lg_need_reason(rq, reason);
    if (code == TL_OK && !item)
        code = tl_err_set(&rq->err, TL_NOT_FOUND, "there is no %s \"%.100s\"", kind == LG_GRANT ? "grant" : "row rule", id);
    const struct tl_grant_scope *scope = !item ? NULL : kind == LG_GRANT ? &item->grant.scope : &item->row_rule.scope;
    bool own = item && kind == LG_GRANT && !item->grant.deny && is_self(rq, &item->grant.subject); /* giving back what one has */
    if (code == TL_OK && !own)
        code = tl_lifeguard_need(rq, lifeguard, (kind == LG_GRANT ? TL_PRIVILEGE_OWN : 0) | TL_PRIVILEGE_ADMIN, scope);
    struct lg_change change = {kind, id, NULL};
    if (code == TL_OK)
        code = lg_apply(rq, lifeguard, action, lg_scope_text(rq->arena, scope), reason, &change, 1);
    lg_release(snapshot);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}

enum tl_code tl_lifeguard_revoke(struct tl_request *rq, tl_lifeguard *lifeguard, const char *id, const char *reason)
{
    return end_item(rq, lifeguard, LG_GRANT, id, "revoked", reason);
}

/* --- row rules, attributes, limits --- */

enum tl_code tl_lifeguard_row_rule(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char **ret_id)
{
    struct tl_grant_scope scope;
    struct lg_item *item;
    struct tl_buf text;
    struct tl_json_writer json;
    const char *id = lg_new_id(rq->arena, "rule-", &rq->err), *reason = tl_json_get_text(body, "reason");
    if (!id || lg_need_reason(rq, reason) != TL_OK || lg_scope_read(rq->arena, tl_json_get(body, "scope"), &scope, &rq->err) != TL_OK ||
        tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_ADMIN, &scope) != TL_OK)
        return rq->err.code;
    tl_buf_init(&text, LG_BODY_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, body);
    enum tl_code code = lg_item_read(rq->arena, LG_ROW_RULE, id, (struct tl_str){text.data, text.size}, &item, &rq->err);
    tl_buf_done(&text);
    if (code != TL_OK)
        return code;
    const struct tl_rule *rule = item->row_rule.rule;
    if (rule->kind == TL_RULE_SQL && !lifeguard->check_sql)
        return tl_err_set(&rq->err, TL_UNSUPPORTED, "nothing here can check an SQL expression");
    if (rule->kind == TL_RULE_SQL && lifeguard->check_sql(lifeguard->check_context, rq, rule->sql) != TL_OK)
        return rq->err.code;
    item->row_rule.made_by = lg_actor(rq);
    struct lg_change change = {LG_ROW_RULE, id, lg_item_text(rq, item)};
    if (!change.body)
        return rq->err.code;
    pthread_mutex_lock(&lifeguard->changing);
    code = lg_apply(rq, lifeguard, "row rule", lg_scope_text(rq->arena, &scope), reason, &change, 1);
    pthread_mutex_unlock(&lifeguard->changing);
    *ret_id = id;
    return code;
}

enum tl_code tl_lifeguard_remove_row_rule(struct tl_request *rq, tl_lifeguard *lifeguard, const char *id, const char *reason)
{
    return end_item(rq, lifeguard, LG_ROW_RULE, id, "row rule removed", reason);
}

static enum tl_code put_body(struct tl_request *rq, tl_lifeguard *lifeguard, enum lg_kind kind, const char *name, const char *action,
                             const char *subject, const char *reason, const tl_json *body)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, LG_BODY_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, body);
    struct lg_change change = {kind, name, tl_arena_strdup(rq->arena, tl_buf_cstr(&text))};
    tl_buf_done(&text);
    pthread_mutex_lock(&lifeguard->changing);
    enum tl_code code = lg_apply(rq, lifeguard, action, subject, reason, &change, 1);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}

enum tl_code tl_lifeguard_attribute(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body)
{
    const char *user = tl_json_get_text(body, "user"), *name = tl_json_get_text(body, "name"), *reason = tl_json_get_text(body, "reason");
    if (!user || !name)
        return invalid(rq, "an attribute needs \"user\" and \"name\"");
    if (lg_need_reason(rq, reason) != TL_OK || tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_ADMIN, &(struct tl_grant_scope){0}) != TL_OK)
        return rq->err.code;
    const char *key = tl_arena_printf(rq->arena, "%s" LG_SEPARATOR "%s", user, name);
    return put_body(rq, lifeguard, LG_ATTRIBUTE, key, "attribute", tl_arena_printf(rq->arena, "user %s", user), reason, body);
}

enum tl_code tl_lifeguard_limits(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char *reason)
{
    if (lg_need_reason(rq, reason) != TL_OK || tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_ADMIN, &(struct tl_grant_scope){0}) != TL_OK)
        return rq->err.code;
    return put_body(rq, lifeguard, LG_LIMITS, "limits", "limits", "everything", reason, body);
}

/* --- what time ends --- */

struct ending {
    int64_t now_us;
    tl_arena *arena;
    struct lg_change changes[ENDED_MAX];
    size_t count;
};

static void end_grant(void *context, const struct lg_item *item)
{
    struct ending *ending = context;
    if (item->grant.end_us <= ending->now_us && ending->count < ENDED_MAX)
        ending->changes[ending->count++] = (struct lg_change){LG_GRANT, tl_arena_strdup(ending->arena, item->name), NULL};
}

/* A grant that has ended opens nothing from that moment on, by its own time; here it leaves the state, a day later, so that a
 * denial can still name it. */
void tl_lifeguard_sweep(tl_lifeguard *lifeguard)
{
    enum { SWEEP_ARENA_MAX = 16 * 1024 * 1024 };
    static const int64_t KEPT_US = 86400LL * 1000000;
    struct tl_request rq;
    struct ending *ending = tl_heap_alloc(sizeof *ending);
    tl_arena *arena = tl_arena_new(SWEEP_ARENA_MAX);
    tl_request_init(&rq, arena);
    ending->now_us = tl_clock_wall_us() - KEPT_US;
    ending->arena = arena;
    pthread_mutex_lock(&lifeguard->changing);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    lg_each(snapshot, LG_GRANT, end_grant, ending);
    lg_release(snapshot);
    if (ending->count && lg_apply(&rq, lifeguard, "ended", "grants", "their time is over", ending->changes, ending->count) != TL_OK)
        lg_fact(lifeguard, NULL, "rules_not_changed", "grants", rq.err.message);
    pthread_mutex_unlock(&lifeguard->changing);
    tl_request_init(&rq, arena);
    lg_expire_requests(&rq, lifeguard);
    lg_uses_save(lifeguard);
    tl_arena_free(arena);
    free(ending);
}

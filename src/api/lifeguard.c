/* Rules over HTTP: reviews, grants, row rules, requests, explanations, personal data for a session.  Who may do what is decided in
 * lifeguard; here requests become calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api_int.h"
#include "base/clock.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, BULK_MAX = 10000, HISTORY_MAX = 10000, HISTORY_COUNT = 100 };

/* --- what all share --- */

struct answer {
    struct tl_buf buf;
    struct tl_json_writer json;
};

static tl_lifeguard *guard_of(const struct tl_api_call *call)
{
    return call->api->parts.lifeguard;
}

static void begin(struct answer *answer)
{
    tl_buf_init(&answer->buf, ANSWER_MAX);
    tl_json_writer_init(&answer->json, &answer->buf);
    tl_json_begin_object(&answer->json);
}

static void finish(struct tl_api_call *call, struct answer *answer, enum tl_code code)
{
    tl_json_end_object(&answer->json);
    if (code == TL_OK && answer->buf.failed)
        code = tl_err_set(&call->rq.err, TL_TOO_LARGE, "the answer is longer than %d bytes", ANSWER_MAX);
    if (code == TL_OK) {
        tl_api_reply_json(call, 200, &answer->buf);
        return;
    }
    tl_buf_done(&answer->buf);
    tl_api_fail(call);
}

struct table {
    struct tl_grant_scope scope;
    struct tl_source_dataset dataset;
    const char **columns;
};

static enum tl_code find_table(struct tl_api_call *call, const char *name, struct table *table)
{
    if (!name)
        return tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "no table is named");
    enum tl_code code = tl_door_find_dataset(&call->rq, call->api->parts.door, name, &table->scope, &table->dataset);
    if (code != TL_OK)
        return code;
    table->columns = tl_api_column_names(call->rq.arena, &table->dataset);
    return TL_OK;
}

static const char *scope_name(struct tl_api_call *call, const struct tl_grant_scope *scope)
{
    return tl_arena_printf(call->rq.arena, "%s.%s.%s", scope->source, scope->schema, scope->table);
}

/* --- the queue --- */

struct pending {
    struct tl_api_call *call;
    struct tl_json_writer *json;
    const char *source;
    int64_t hidden;
    bool failed;
};

static void put_pending(void *context, const char *source, const struct tl_source_dataset *dataset)
{
    struct pending *pending = context;
    struct tl_request *rq = &pending->call->rq;
    struct tl_grant_scope scope = {.source = source, .schema = dataset->schema, .table = dataset->name};
    if (pending->failed || (pending->source && !tl_streq(pending->source, source)))
        return;
    size_t count = tl_lifeguard_pending(guard_of(pending->call), &scope, tl_api_column_names(rq->arena, dataset), dataset->column_count);
    if (count == 0)
        return;
    if (tl_lifeguard_need(rq, guard_of(pending->call), TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &scope) != TL_OK) {
        tl_err_init(&rq->err);
        pending->hidden++;
        return;
    }
    tl_json_begin_object(pending->json);
    tl_json_pair_text(pending->json, "table", scope_name(pending->call, &scope));
    tl_json_pair_int64(pending->json, "pending", (int64_t)count);
    tl_json_pair_int64(pending->json, "columns", (int64_t)dataset->column_count);
    tl_json_pair_text(pending->json, "comment", dataset->comment);
    tl_json_key(pending->json, "proposals");
    if (tl_skimmer_put_proposals(rq, pending->call->api->parts.skimmer, &scope, dataset, pending->json) != TL_OK)
        pending->failed = true;
    tl_json_end_object(pending->json);
}

void tl_api_lifeguard_pending(struct tl_api_call *call)
{
    struct answer answer;
    struct pending pending = {.call = call, .json = &answer.json, .source = tl_http_query_param(call->exchange, "source")};
    begin(&answer);
    tl_json_key(&answer.json, "tables");
    tl_json_begin_array(&answer.json);
    tl_door_each_dataset(&call->rq, call->api->parts.door, put_pending, &pending);
    tl_json_end_array(&answer.json);
    tl_json_pair_int64(&answer.json, "for_others_to_review", pending.hidden);
    finish(call, &answer, call->rq.err.code);
}

static void put_types(struct tl_json_writer *json, const struct table *table)
{
    tl_json_key(json, "schema_columns");
    tl_json_begin_array(json);
    for (size_t i = 0; i < table->dataset.column_count; i++) {
        struct tl_buf type;
        tl_buf_init(&type, ANSWER_MAX);
        tl_type_format_trino(&type, &table->dataset.columns[i].type);
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", table->columns[i]);
        tl_json_pair_text(json, "type", tl_buf_cstr(&type));
        tl_json_pair_text(json, "comment", table->dataset.columns[i].comment);
        tl_json_end_object(json);
        tl_buf_done(&type);
    }
    tl_json_end_array(json);
}

void tl_api_lifeguard_dataset(struct tl_api_call *call)
{
    struct table table;
    struct answer answer;
    enum tl_code code = find_table(call, tl_api_param(call, "name"), &table);
    if (code == TL_OK)
        code = tl_lifeguard_need(&call->rq, guard_of(call), TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &table.scope);
    if (code != TL_OK) {
        tl_api_fail(call);
        return;
    }
    const char *subject = scope_name(call, &table.scope);
    begin(&answer);
    tl_json_pair_text(&answer.json, "table", subject);
    tl_json_key(&answer.json, "review");
    code = tl_lifeguard_put_dataset(&call->rq, guard_of(call), &table.scope, &answer.json);
    put_types(&answer.json, &table);
    tl_json_key(&answer.json, "comments");
    if (code == TL_OK)
        code = tl_lifeguard_put_comments(&call->rq, guard_of(call), subject, &answer.json);
    tl_json_key(&answer.json, "history");
    if (code == TL_OK)
        code = tl_lifeguard_put_history(&call->rq, guard_of(call), subject, HISTORY_COUNT, &answer.json);
    finish(call, &answer, code);
}

/* --- reviewing --- */

struct bulk {
    const char *source, *schema;
    tl_arena *arena;
    const char **names;
    size_t count;
};

static void take_name(void *context, const char *source, const struct tl_source_dataset *dataset)
{
    struct bulk *bulk = context;
    struct tl_buf name;
    if (!tl_streq(source, bulk->source) || (bulk->schema && !tl_streq(dataset->schema, bulk->schema)) || bulk->count == BULK_MAX)
        return;
    tl_buf_init(&name, ANSWER_MAX);
    const char *const parts[] = {source, dataset->schema, dataset->name};
    for (size_t i = 0; i < 3; i++) {
        tl_buf_adds(&name, i ? "." : "");
        tl_buf_add_identifier(&name, parts[i]);
    }
    bulk->names[bulk->count++] = tl_arena_strdup(bulk->arena, tl_buf_cstr(&name));
    tl_buf_done(&name);
}

/* One table, a list of them, or all of a source or schema. */
static void name_tables(struct tl_api_call *call, const tl_json *body, struct bulk *bulk)
{
    const char *one = tl_json_get_text(body, "table");
    const tl_json *list = tl_json_get(body, "tables");
    *bulk = (struct bulk){.source = tl_json_get_text(body, "source"), .schema = tl_json_get_text(body, "schema"), .arena = call->rq.arena};
    bulk->names = TL_NEW_ARRAY(call->rq.arena, const char *, BULK_MAX);
    if (one)
        bulk->names[bulk->count++] = one;
    for (struct tl_json_iter it = tl_json_iter(tl_json_is_array(list) ? list : NULL); tl_json_next(&it) && bulk->count < BULK_MAX;)
        bulk->names[bulk->count++] = tl_json_text(it.value);
    if (!one && !list && bulk->source)
        tl_door_each_dataset(&call->rq, call->api->parts.door, take_name, bulk);
}

static enum tl_code review_one(struct tl_api_call *call, const char *name, const tl_json *body)
{
    struct table table;
    tl_skimmer *skimmer = call->api->parts.skimmer;
    enum tl_code code = find_table(call, name, &table);
    if (code == TL_OK)
        code = tl_lifeguard_need(&call->rq, guard_of(call), TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &table.scope);
    if (code == TL_OK && tl_json_bool(tl_json_get(body, "accept"), false))
        code = tl_skimmer_accept(&call->rq, skimmer, &table.scope, &table.dataset, body, &body);
    if (code == TL_OK)
        code = tl_lifeguard_review(&call->rq, guard_of(call), &table.scope, table.columns, table.dataset.column_count, body,
                                   tl_json_get_text(body, "reason"));
    if (code == TL_OK)
        code = tl_door_listed(&call->rq, guard_of(call), table.scope.source, &table.dataset, 1); /* the review is of these types */
    if (code == TL_OK)
        code = tl_skimmer_reviewed(&call->rq, skimmer, &table.scope);
    if (code != TL_OK)
        tl_err_detail(&call->rq.err, "when \"%s\" was reviewed", name ? name : "");
    return code;
}

void tl_api_lifeguard_review(struct tl_api_call *call)
{
    struct bulk bulk;
    struct answer answer;
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    name_tables(call, body, &bulk);
    enum tl_code code = bulk.count ? TL_OK : tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "a review names \"table\", \"tables\" or \"source\"");
    size_t done = 0;
    for (size_t at = 0; at < bulk.count && code == TL_OK; at++) {
        code = review_one(call, bulk.names[at], body);
        done += code == TL_OK;
        /* Of a whole schema or source, what has nothing proposed is left as it is. */
        if (code == TL_CONFLICT && bulk.source && tl_json_bool(tl_json_get(body, "accept"), false)) {
            tl_err_init(&call->rq.err);
            code = TL_OK;
        }
    }
    begin(&answer);
    tl_json_pair_int64(&answer.json, "reviewed", (int64_t)done);
    finish(call, &answer, code);
}

void tl_api_lifeguard_comment(struct tl_api_call *call)
{
    struct table table;
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    enum tl_code code = find_table(call, tl_json_get_text(body, "table"), &table);
    if (code == TL_OK)
        code = tl_lifeguard_comment(&call->rq, guard_of(call), scope_name(call, &table.scope), tl_json_get_text(body, "text"));
    tl_api_reply_done(call, code);
}

/* --- grants and row rules --- */

void tl_api_lifeguard_grants(struct tl_api_call *call)
{
    struct answer answer;
    begin(&answer);
    tl_json_key(&answer.json, "grants");
    tl_lifeguard_put_grants(&call->rq, guard_of(call), &answer.json);
    finish(call, &answer, TL_OK);
}

void tl_api_lifeguard_grant(struct tl_api_call *call)
{
    const char *id = NULL;
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    enum tl_code code = tl_lifeguard_grant(&call->rq, guard_of(call), body, &id);
    tl_api_reply_id(call, code, id);
}

void tl_api_lifeguard_revoke(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_lifeguard_revoke(&call->rq, guard_of(call), tl_api_param(call, "id"), tl_http_query_param(call->exchange, "reason")));
}

void tl_api_lifeguard_row_rules(struct tl_api_call *call)
{
    struct answer answer;
    begin(&answer);
    tl_json_key(&answer.json, "row_rules");
    tl_lifeguard_put_row_rules(&call->rq, guard_of(call), &answer.json);
    finish(call, &answer, TL_OK);
}

void tl_api_lifeguard_row_rule(struct tl_api_call *call)
{
    const char *id = NULL;
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    enum tl_code code = tl_lifeguard_row_rule(&call->rq, guard_of(call), body, &id);
    tl_api_reply_id(call, code, id);
}

void tl_api_lifeguard_remove_row_rule(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_lifeguard_remove_row_rule(&call->rq, guard_of(call), tl_api_param(call, "id"), tl_http_query_param(call->exchange, "reason")));
}

void tl_api_lifeguard_attribute(struct tl_api_call *call)
{
    const tl_json *body = tl_api_read_body(call);
    if (body)
        tl_api_reply_done(call, tl_lifeguard_attribute(&call->rq, guard_of(call), body));
}

void tl_api_lifeguard_limits(struct tl_api_call *call)
{
    const tl_json *body = tl_api_read_body(call);
    if (body)
        tl_api_reply_done(call, tl_lifeguard_limits(&call->rq, guard_of(call), body, tl_json_get_text(body, "reason")));
}

/* --- requests --- */

void tl_api_lifeguard_requests(struct tl_api_call *call)
{
    struct answer answer;
    begin(&answer);
    tl_json_key(&answer.json, "requests");
    enum tl_code code = tl_lifeguard_put_requests(&call->rq, guard_of(call), tl_http_query_param(call->exchange, "state"), &answer.json);
    finish(call, &answer, code);
}

/* {"table": "ops.public.accounts"} or {"scope": {..}} */
static const tl_json *with_scope(struct tl_api_call *call, const tl_json *body)
{
    struct table table;
    struct answer answer;
    const tl_json *whole = NULL;
    if (!tl_json_get(body, "table"))
        return body;
    if (find_table(call, tl_json_get_text(body, "table"), &table) != TL_OK)
        return NULL;
    begin(&answer);
    for (struct tl_json_iter it = tl_json_iter(body); tl_json_next(&it);) {
        if (tl_streq(it.key, "table") || tl_streq(it.key, "scope"))
            continue;
        tl_json_key(&answer.json, it.key);
        tl_json_put_value(&answer.json, it.value);
    }
    tl_json_key(&answer.json, "scope");
    tl_json_begin_object(&answer.json);
    tl_json_pair_text(&answer.json, "source", table.scope.source);
    tl_json_pair_text(&answer.json, "schema", table.scope.schema);
    tl_json_pair_text(&answer.json, "table", table.scope.table);
    tl_json_end_object(&answer.json);
    tl_json_end_object(&answer.json);
    enum tl_code code = tl_json_parse(call->rq.arena, answer.buf.data, answer.buf.size, &whole, &call->rq.err);
    tl_buf_done(&answer.buf);
    return code == TL_OK ? whole : NULL;
}

void tl_api_lifeguard_request(struct tl_api_call *call)
{
    const char *id = NULL;
    const tl_json *body = tl_api_read_body(call), *whole = body ? with_scope(call, body) : NULL;
    if (!body)
        return;
    enum tl_code code = whole ? tl_lifeguard_request(&call->rq, guard_of(call), whole, &id) : call->rq.err.code;
    tl_api_reply_id(call, code, id);
}

static void decide(struct tl_api_call *call, bool approve)
{
    const tl_json *body = tl_api_read_body(call);
    if (body)
        tl_api_reply_done(call, tl_lifeguard_decide_request(&call->rq, guard_of(call), tl_api_param(call, "id"), approve, tl_json_get_text(body, "reason")));
}

void tl_api_lifeguard_approve(struct tl_api_call *call)
{
    decide(call, true);
}

void tl_api_lifeguard_deny(struct tl_api_call *call)
{
    decide(call, false);
}

/* --- explanations --- */

/* Microseconds, or "2026-01-31" or "2026-01-31T12:00:00" in UTC: a day means its end. */
static enum tl_code read_time(struct tl_api_call *call, const char *text, int64_t *ret_us)
{
    struct tm tm = {0};
    int used = 0, seconds = 0;
    *ret_us = 0;
    if (!text || !*text)
        return TL_OK;
    char *end;
    long long number = strtoll(text, &end, 10);
    if (*end == '\0' && number > 0) {
        *ret_us = number;
        return TL_OK;
    }
    bool day = sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) == 3 && !text[used];
    if (!day && (sscanf(text, "%4d-%2d-%2d%*[T ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &seconds, &used) != 6 ||
                 (text[used] && strcmp(text + used, "Z") != 0)))
        return tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "\"%.40s\" is not a time such as 2026-01-31 or 2026-01-31T12:00:00Z", text);
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    tm.tm_sec = seconds;
    enum { DAY_S = 86400 };
    *ret_us = ((int64_t)timegm(&tm) + (day ? DAY_S : 0)) * 1000000;
    return TL_OK;
}

static size_t split_groups(tl_arena *arena, const char *text, const char *const **ret_groups)
{
    enum { GROUPS_MAX = 1000 };
    const char **groups = TL_NEW_ARRAY(arena, const char *, GROUPS_MAX);
    size_t count = 0;
    for (const char *at = text; *at && count < GROUPS_MAX; at += strspn(at, ",")) {
        size_t size = strcspn(at, ",");
        groups[count++] = tl_arena_strndup(arena, at, size);
        at += size;
    }
    *ret_groups = groups;
    return count;
}

static void fill_principal(struct tl_api_call *call, const char *user, int64_t at_us, struct tl_principal *ret_principal)
{
    const char *groups = tl_http_query_param(call->exchange, "groups");
    *ret_principal = (struct tl_principal){.user = user};
    if (groups)
        ret_principal->group_count = split_groups(call->rq.arena, groups, &ret_principal->groups);
    else if (tl_streq(user, call->rq.principal->user) && at_us == 0)
        *ret_principal = *call->rq.principal;
    else
        tl_lifeguard_groups_of(&call->rq, guard_of(call), user, at_us, ret_principal);
}

/* Columns that are closed to who asks are named only to those who govern the table. */
static void keep_visible(struct tl_api_call *call, struct table *table)
{
    struct tl_access_need need = {table->scope.source, table->scope.schema, table->scope.table, TL_ACCESS_READ, table->dataset.column_count, table->columns};
    bool *visible = TL_NEW_ARRAY(call->rq.arena, bool, need.column_count);
    if (tl_lifeguard_need(&call->rq, guard_of(call), TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &table->scope) == TL_OK)
        return;
    tl_err_init(&call->rq.err);
    tl_lifeguard_visible(&call->rq, guard_of(call), &need, visible);
    size_t kept = 0;
    for (size_t i = 0; i < need.column_count; i++)
        if (visible[i])
            table->columns[kept++] = table->columns[i];
    table->dataset.column_count = kept;
}

void tl_api_lifeguard_explain(struct tl_api_call *call)
{
    struct table table;
    struct answer answer;
    struct tl_principal principal;
    int64_t at_us;
    const char *user = tl_http_query_param(call->exchange, "user");
    enum tl_code code = find_table(call, tl_http_query_param(call->exchange, "table"), &table);
    if (code == TL_OK)
        code = read_time(call, tl_http_query_param(call->exchange, "at"), &at_us);
    if (code != TL_OK) {
        tl_api_fail(call);
        return;
    }
    fill_principal(call, user && *user ? user : call->rq.principal->user, at_us, &principal);
    keep_visible(call, &table);
    begin(&answer);
    tl_json_key(&answer.json, "explanation");
    code = tl_lifeguard_explain(&call->rq, guard_of(call), &principal, &table.scope, table.columns, table.dataset.column_count, at_us, &answer.json);
    finish(call, &answer, code);
}

void tl_api_lifeguard_who(struct tl_api_call *call)
{
    struct table table;
    struct answer answer;
    int64_t at_us;
    enum tl_code code = find_table(call, tl_http_query_param(call->exchange, "table"), &table);
    if (code == TL_OK)
        code = read_time(call, tl_http_query_param(call->exchange, "at"), &at_us);
    begin(&answer);
    if (code == TL_OK) {
        tl_json_pair_text(&answer.json, "table", scope_name(call, &table.scope));
        tl_json_key(&answer.json, "who");
        code = tl_lifeguard_who(&call->rq, guard_of(call), &table.scope, table.columns, table.dataset.column_count, at_us, &answer.json);
    }
    finish(call, &answer, code);
}

void tl_api_lifeguard_history(struct tl_api_call *call)
{
    struct answer answer;
    const char *subject = tl_http_query_param(call->exchange, "subject"), *text = tl_http_query_param(call->exchange, "count");
    long count = text ? strtol(text, NULL, 10) : HISTORY_COUNT;
    const struct tl_grant_scope everything = {.source = NULL};
    begin(&answer);
    tl_json_key(&answer.json, "versions");
    enum tl_code code = tl_lifeguard_need(&call->rq, guard_of(call), TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_ADMIN, &everything);
    if (code == TL_OK)
        code = tl_lifeguard_put_history(&call->rq, guard_of(call), subject, count > 0 && count <= HISTORY_MAX ? (int)count : HISTORY_COUNT, &answer.json);
    finish(call, &answer, code);
}

void tl_api_lifeguard_state(struct tl_api_call *call)
{
    struct answer answer;
    struct tl_lifeguard_health health;
    tl_lifeguard_health(guard_of(call), &health);
    begin(&answer);
    tl_json_pair_int64(&answer.json, "version", health.version);
    tl_json_pair_text(&answer.json, "default", health.open ? "open" : "closed");
    tl_json_pair_bool(&answer.json, "broken", health.broken);
    tl_json_pair_text(&answer.json, "failure", health.broken ? health.failure : NULL);
    tl_json_pair_int64(&answer.json, "datasets", (int64_t)health.datasets);
    tl_json_pair_int64(&answer.json, "grants", (int64_t)health.grants);
    tl_json_pair_int64(&answer.json, "row_rules", (int64_t)health.row_rules);
    finish(call, &answer, TL_OK);
}

/* --- personal data --- */

void tl_api_lifeguard_pii_begin(struct tl_api_call *call)
{
    struct answer answer;
    const char *value = NULL;
    int64_t ends_at_us = 0;
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    enum tl_code code = tl_lifeguard_pii_begin(&call->rq, guard_of(call), tl_json_get_text(body, "reason"), "api", &value, &ends_at_us);
    call->refusal_noted = code != TL_OK; /* by lifeguard itself */
    begin(&answer);
    tl_json_pair_text(&answer.json, "pii", value);
    tl_json_pair_text(&answer.json, "pii_reason", tl_json_get_text(body, "reason"));
    tl_json_pair_int64(&answer.json, "ends_at_us", ends_at_us);
    finish(call, &answer, code);
}

void tl_api_lifeguard_pii_end(struct tl_api_call *call)
{
    const char *value = tl_http_query_param(call->exchange, "pii");
    tl_api_reply_done(call, tl_lifeguard_pii_end(&call->rq, guard_of(call), value ? value : ""));
}

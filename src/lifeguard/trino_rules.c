/* The document of Trino's file-based access control: classes of users, datasets, rules. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lifeguard/lifeguard_int.h"
#include "lifeguard/trino.h"

enum { USERS_MAX = 100000, BODY_MAX = 16 * 1024 * 1024 };

#define RULES_USER "townlake+rules"

struct user {
    struct tl_principal principal;
    const char *class_key;
};

/* Users whose decisions are the same by construction: the same groups, and nothing that names one of them. */
struct class {
    struct lg_who plain, pii;
    const struct tl_principal *principal; /* of one of them */
    bool may_choose_pii;
    struct tl_buf pattern, pii_pattern; /* "ann|ben" as a regular expression */
};

struct rendering {
    struct tl_request *rq;
    tl_lifeguard *lifeguard;
    const struct lg_snapshot *snapshot;
    const struct tl_trino_dataset *datasets;
    size_t dataset_count;
    int64_t now_us;
    struct user *users;
    size_t user_count, user_capacity;
    struct class *classes;
    size_t class_count;
    bool *read_by_rules; /* per dataset: some row rule reads it */
    bool attributes_differ; /* some row rule speaks of the caller */
    struct tl_json_writer json;
    tl_arena *scratch; /* of one dataset */
};

/* ---- users ---- */

static enum tl_code take_user(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct rendering *r = context;
    tl_arena *arena = r->rq->arena;
    const tl_json *groups;
    if (cell_count != 2 || tl_json_parse(arena, cells[1].bytes.data, cells[1].bytes.size, &groups, err) != TL_OK)
        return tl_err_set(err, TL_STATE, "the groups of users cannot be read");
    if (r->user_count == r->user_capacity) {
        size_t old = r->user_capacity;
        r->user_capacity = old ? 2 * old : 64;
        r->users = tl_arena_grow(arena, r->users, old * sizeof *r->users, r->user_capacity * sizeof *r->users);
    }
    struct user *user = &r->users[r->user_count];
    *user = (struct user){.principal = {.user = tl_arena_strndup(arena, cells[0].bytes.data, cells[0].bytes.size)}};
    if (strchr(user->principal.user, '+') || r->user_count == USERS_MAX)
        return TL_OK; /* the mark of a session with personal data, and of our own reader */
    r->user_count++;
    return lg_texts_read(arena, groups, SIZE_MAX, &user->principal.group_count, &user->principal.groups, err);
}

static enum tl_code read_users(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx,
                        "SELECT m.user_name, m.groups_json FROM lifeguard_membership m JOIN (SELECT user_name, max(seen_at_us) AS last_us "
                        "FROM lifeguard_membership GROUP BY user_name) l ON l.user_name = m.user_name AND l.last_us = m.seen_at_us "
                        "ORDER BY m.user_name", /* of more than there is room for always the same ones */
                        NULL, 0, take_user, context, err);
}

/* ---- classes ---- */

static void put_pattern(struct tl_buf *pattern, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (strchr("\\^$.|?*+()[]{}", *at))
            tl_buf_addc(pattern, '\\');
        tl_buf_addc(pattern, *at);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct user *)a)->principal.user, ((const struct user *)b)->principal.user);
}

static void note_user(struct rendering *r, const char *name)
{
    struct user key = {.principal = {.user = name}};
    struct user *user = r->user_count ? bsearch(&key, r->users, r->user_count, sizeof key, by_name) : NULL;
    if (user)
        user->class_key = name; /* a class of one */
}

static bool speaks_of_caller(const struct tl_rule *rule)
{
    bool speaks = rule->attribute != NULL;
    for (size_t i = 0; i < rule->child_count && !speaks; i++)
        speaks = speaks_of_caller(rule->children[i]);
    return speaks;
}

static int by_dataset(const void *a, const void *b)
{
    const struct tl_trino_dataset *left = a, *right = b;
    int order = strcmp(left->source, right->source);
    if (order == 0)
        order = strcmp(left->schema, right->schema);
    return order ? order : strcmp(left->table, right->table);
}

static const struct tl_trino_dataset *look_up(void *context, const char *source, const char *schema, const char *table)
{
    const struct rendering *r = context;
    struct tl_trino_dataset key = {.source = source, .schema = schema, .table = table};
    return r->dataset_count ? bsearch(&key, r->datasets, r->dataset_count, sizeof key, by_dataset) : NULL;
}

static void note_dataset(void *context, const struct tl_rule *rule)
{
    struct rendering *r = context;
    const struct tl_trino_dataset *dataset = look_up(r, rule->source, rule->schema, rule->table);
    if (dataset)
        r->read_by_rules[dataset - r->datasets] = true;
}

static void note_item(void *context, const struct lg_item *item)
{
    struct rendering *r = context;
    if (item->kind == LG_GRANT && item->grant.subject.kind == LG_USER)
        note_user(r, item->grant.subject.name);
    if (item->kind == LG_DATASET && item->dataset.creator)
        note_user(r, item->dataset.creator);
    if (item->kind != LG_ROW_RULE)
        return;
    if (item->row_rule.subject.kind == LG_USER)
        note_user(r, item->row_rule.subject.name);
    for (size_t i = 0; i < item->row_rule.except_count; i++)
        if (item->row_rule.except[i].kind == LG_USER)
            note_user(r, item->row_rule.except[i].name);
    r->attributes_differ = r->attributes_differ || speaks_of_caller(item->row_rule.rule);
    tl_rule_datasets(item->row_rule.rule, note_dataset, r);
}

static const char *groups_key(tl_arena *arena, const struct tl_principal *principal)
{
    struct tl_buf key;
    tl_buf_init(&key, BODY_MAX);
    for (size_t i = 0; i < principal->group_count; i++)
        tl_buf_addf(&key, LG_SEPARATOR "%s", principal->groups[i]);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&key));
    tl_buf_done(&key);
    return copy;
}

static int by_class(const void *a, const void *b)
{
    return strcmp(((const struct user *)a)->class_key, ((const struct user *)b)->class_key);
}

static void open_class(struct rendering *r, const struct user *user)
{
    struct class *class = &r->classes[r->class_count++];
    class->principal = &user->principal;
    class->plain = lg_who_of(r->lifeguard, r->rq->arena, &user->principal, r->now_us, false);
    class->pii = class->plain;
    class->pii.pii = true;
    class->may_choose_pii = lg_may_choose_pii(r->snapshot, &class->plain);
    tl_buf_init(&class->pattern, BODY_MAX);
    tl_buf_init(&class->pii_pattern, BODY_MAX);
}

static void make_classes(struct rendering *r)
{
    if (r->user_count)
        qsort(r->users, r->user_count, sizeof *r->users, by_name);
    for (int kind = 0; kind < LG_KINDS; kind++)
        lg_each(r->snapshot, (enum lg_kind)kind, note_item, r);
    for (size_t i = 0; i < r->user_count; i++)
        if (!r->users[i].class_key)
            r->users[i].class_key = r->attributes_differ ? r->users[i].principal.user : groups_key(r->rq->arena, &r->users[i].principal);
    if (r->user_count)
        qsort(r->users, r->user_count, sizeof *r->users, by_class);
    r->classes = TL_NEW_ARRAY(r->rq->arena, struct class, r->user_count);
    for (size_t i = 0; i < r->user_count; i++) {
        if (i == 0 || by_class(&r->users[i - 1], &r->users[i]) != 0)
            open_class(r, &r->users[i]);
        struct class *class = &r->classes[r->class_count - 1];
        const char *between = class->pattern.size ? "|" : "";
        tl_buf_adds(&class->pattern, between);
        put_pattern(&class->pattern, r->users[i].principal.user);
        tl_buf_adds(&class->pii_pattern, between);
        put_pattern(&class->pii_pattern, r->users[i].principal.user);
        tl_buf_adds(&class->pii_pattern, "\\+pii");
    }
}

/* ---- one dataset ---- */

static void put_privileges(struct tl_json_writer *json, unsigned held)
{
    static const char *const writes[] = {"INSERT", "DELETE", "UPDATE"};
    tl_json_key(json, "privileges");
    tl_json_begin_array(json);
    tl_json_put_text(json, "SELECT");
    for (size_t i = 0; i < 3 && (held & (TL_PRIVILEGE_WRITE | TL_PRIVILEGE_OWN)); i++)
        tl_json_put_text(json, writes[i]);
    if (held & TL_PRIVILEGE_OWN)
        tl_json_put_text(json, "OWNERSHIP");
    tl_json_end_array(json);
}

/* Only columns that are not simply shown. */
static void put_columns(struct tl_json_writer *json, const struct tl_trino_dataset *dataset, const struct lg_decision *decision)
{
    struct tl_buf mask;
    bool any = false;
    tl_buf_init(&mask, BODY_MAX);
    for (size_t i = 0; i < dataset->column_count; i++) {
        const struct lg_column_decision *column = &decision->columns[i];
        if (column->visible && column->mask.form == TL_MASK_NONE)
            continue;
        if (!any) {
            tl_json_key(json, "columns");
            tl_json_begin_array(json);
        }
        any = true;
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", dataset->columns[i].name);
        if (!column->visible) {
            tl_json_pair_bool(json, "allow", false);
        } else {
            tl_buf_clear(&mask);
            tl_trino_mask(&mask, &column->mask, &dataset->columns[i]);
            tl_json_pair_text(json, "mask", tl_buf_cstr(&mask));
        }
        tl_json_end_object(json);
    }
    if (any)
        tl_json_end_array(json);
    json->buf->failed = json->buf->failed || mask.failed;
    tl_buf_done(&mask);
}

/* false: a rule has no form in Trino. */
static bool put_filter(struct rendering *r, struct tl_json_writer *json, const struct tl_trino_dataset *dataset, const struct tl_dataset_grant *grant)
{
    struct tl_buf sql;
    bool said = true;
    if (grant->row_rule_count == 0)
        return true;
    tl_buf_init(&sql, BODY_MAX);
    for (size_t i = 0; i < grant->row_rule_count && said; i++) {
        tl_buf_adds(&sql, i ? " AND " : "");
        said = tl_trino_rule(&sql, grant->row_rules[i], dataset, look_up, r);
    }
    said = said && !sql.failed;
    if (said) {
        tl_json_pair_text(json, "filter", tl_buf_cstr(&sql));
        tl_json_key(json, "filter_environment");
        tl_json_begin_object(json);
        tl_json_pair_text(json, "user", RULES_USER);
        tl_json_end_object(json);
    }
    tl_buf_done(&sql);
    return said;
}

static void put_name(struct tl_json_writer *json, const char *key, const char *name)
{
    struct tl_buf pattern;
    tl_buf_init(&pattern, LG_NAME_MAX);
    put_pattern(&pattern, name);
    tl_json_pair_text(json, key, tl_buf_cstr(&pattern));
    json->buf->failed = json->buf->failed || pattern.failed; /* half a name may be another's */
    tl_buf_done(&pattern);
}

static void put_dataset_name(struct tl_json_writer *json, const struct tl_trino_dataset *dataset)
{
    put_name(json, "catalog", dataset->source);
    put_name(json, "schema", dataset->schema);
    put_name(json, "table", dataset->table);
}

static void put_rule(struct rendering *r, const struct tl_trino_dataset *dataset, const struct tl_access_need *need, const struct class *class,
                     const struct lg_who *who, const char *pattern)
{
    struct lg_decision decision;
    struct tl_dataset_grant grant;
    lg_decide(r->lifeguard, r->snapshot, r->scratch, who, need, &decision);
    if (!lg_allowed(&decision, need))
        return;
    lg_grant_of(r->lifeguard, r->snapshot, r->scratch, class->principal, need, &decision, &grant);
    struct tl_buf body;
    struct tl_json_writer json;
    tl_buf_init(&body, BODY_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    put_dataset_name(&json, dataset);
    tl_json_pair_text(&json, "user", pattern);
    put_privileges(&json, grant.partial ? TL_PRIVILEGE_READ : decision.allow & ~decision.deny); /* who sees a part changes nothing */
    put_columns(&json, dataset, &decision);
    bool said = put_filter(r, &json, dataset, &grant);
    tl_json_end_object(&json);
    if (said && !body.failed) {
        tl_json_put_raw(&r->json, (struct tl_str){body.data, body.size});
        r->read_by_rules[dataset - r->datasets] |= grant.row_rule_count > 0; /* the filter itself reads it as that user */
    }
    tl_buf_done(&body);
}

static void put_dataset(struct rendering *r, size_t index)
{
    const struct tl_trino_dataset *dataset = &r->datasets[index];
    if (!r->lifeguard->open && !lg_find_dataset(r->lifeguard, r->snapshot, dataset->source, dataset->schema, dataset->table))
        return; /* never reviewed: in no rule */
    const char **names = TL_NEW_ARRAY(r->scratch, const char *, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        names[i] = dataset->columns[i].name;
    struct tl_access_need need = {dataset->source, dataset->schema, dataset->table, TL_ACCESS_READ, dataset->column_count, names};
    for (size_t i = 0; i < r->class_count; i++) {
        struct class *class = &r->classes[i];
        put_rule(r, dataset, &need, class, &class->plain, tl_buf_cstr(&class->pattern));
        if (class->may_choose_pii)
            put_rule(r, dataset, &need, class, &class->pii, tl_buf_cstr(&class->pii_pattern));
    }
    if (r->read_by_rules[index]) {
        tl_json_begin_object(&r->json);
        put_dataset_name(&r->json, dataset);
        put_name(&r->json, "user", RULES_USER);
        put_privileges(&r->json, TL_PRIVILEGE_READ);
        tl_json_end_object(&r->json);
    }
}

/* ---- the document ---- */

static void put_fixed(struct tl_json_writer *json, const char *key, const char *rules)
{
    tl_json_key(json, key);
    tl_json_put_raw(json, tl_str_of(rules));
}

static void put_catalogs(struct rendering *r)
{
    const char *last = NULL;
    tl_json_key(&r->json, "catalogs");
    tl_json_begin_array(&r->json);
    for (size_t i = 0; i < r->dataset_count; i++) {
        if (tl_streq(last, r->datasets[i].source))
            continue;
        last = r->datasets[i].source;
        tl_json_begin_object(&r->json);
        put_name(&r->json, "catalog", last);
        tl_json_pair_text(&r->json, "allow", "all"); /* what may be written is said by the tables' rules */
        tl_json_end_object(&r->json);
    }
    tl_json_put_raw(&r->json, TL_STR("{\"catalog\":\"system\",\"allow\":\"read-only\"}"));
    tl_json_put_raw(&r->json, TL_STR("{\"allow\":\"none\"}"));
    tl_json_end_array(&r->json);
}

static void put_tables(struct rendering *r)
{
    enum { SCRATCH_MAX = 256 * 1024 * 1024 };
    tl_json_key(&r->json, "tables");
    tl_json_begin_array(&r->json);
    tl_json_put_raw(&r->json, TL_STR("{\"catalog\":\"system\",\"schema\":\"jdbc|metadata\",\"privileges\":[\"SELECT\"]}"));
    r->scratch = tl_arena_new(SCRATCH_MAX);
    for (size_t i = 0; i < r->dataset_count && !r->json.buf->failed; i++) {
        put_dataset(r, i);
        tl_arena_reset(r->scratch);
    }
    tl_arena_free(r->scratch);
    tl_json_end_array(&r->json);
}

static void free_classes(struct rendering *r)
{
    for (size_t i = 0; i < r->class_count; i++) {
        r->json.buf->failed = r->json.buf->failed || r->classes[i].pattern.failed || r->classes[i].pii_pattern.failed;
        tl_buf_done(&r->classes[i].pattern);
        tl_buf_done(&r->classes[i].pii_pattern);
    }
}

enum tl_code tl_lifeguard_trino_rules(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_trino_dataset *datasets, size_t dataset_count,
                                      struct tl_buf *json)
{
    struct rendering r = {.rq = rq, .lifeguard = lifeguard, .datasets = datasets, .dataset_count = dataset_count, .now_us = tl_clock_wall_us()};
    if (lg_is_broken(lifeguard))
        return tl_err_set(&rq->err, TL_STATE, "the rules cannot be read, so Trino gets none");
    tl_store_flush(lifeguard->store);
    if (tl_store_read(lifeguard->store, read_users, &r, &rq->err) != TL_OK)
        return rq->err.code;
    r.read_by_rules = TL_NEW_ARRAY(rq->arena, bool, dataset_count);
    r.snapshot = lg_acquire(lifeguard);
    make_classes(&r);
    tl_json_writer_init(&r.json, json);
    tl_json_begin_object(&r.json);
    put_catalogs(&r);
    put_fixed(&r.json, "schemas", "[{\"owner\":false}]");
    put_tables(&r);
    put_fixed(&r.json, "impersonation", "[{\"original_user\":\".*\",\"new_user\":\".*\",\"allow\":false}]");
    put_fixed(&r.json, "system_session_properties",
              "[{\"property\":\"query_max_run_time|query_max_execution_time|query_max_cpu_time|join_distribution_type\",\"allow\":true},"
              "{\"property\":\".*\",\"allow\":false}]");
    put_fixed(&r.json, "catalog_session_properties", "[{\"property\":\".*\",\"allow\":false}]");
    put_fixed(&r.json, "queries", "[{\"allow\":[\"execute\"]}]");
    tl_json_end_object(&r.json);
    free_classes(&r);
    lg_release(r.snapshot);
    if (json->failed)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "the rules for Trino are longer than %zu bytes", json->max_size);
    return TL_OK;
}

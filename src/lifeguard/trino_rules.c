/* The document of Trino's file-based access control: classes of users, datasets, rules.  What was rendered for each dataset is kept:
 * after a change only the datasets are rendered anew that it reaches (trino_notes.c). */
#include <stdlib.h>
#include <string.h>

#include "lifeguard/trino_int.h"

enum { USERS_MAX = 100000, BODY_MAX = 16 * 1024 * 1024 };

/* ---- users ---- */

static enum tl_code take_user(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct lg_trino *r = context;
    tl_arena *arena = r->arena;
    const tl_json *groups;
    if (cell_count != 2 || tl_json_parse(arena, cells[1].bytes.data, cells[1].bytes.size, &groups, err) != TL_OK)
        return tl_err_set(err, TL_STATE, "the groups of users cannot be read");
    if (r->user_count == r->user_capacity) {
        size_t old = r->user_capacity;
        r->user_capacity = old ? 2 * old : 64;
        r->users = tl_arena_grow(arena, r->users, old * sizeof *r->users, r->user_capacity * sizeof *r->users);
    }
    struct trino_user *user = &r->users[r->user_count];
    *user = (struct trino_user){.principal = {.user = tl_arena_strndup(arena, cells[0].bytes.data, cells[0].bytes.size)}};
    if (strchr(user->principal.user, '+') || r->user_count == USERS_MAX)
        return TL_OK; /* the mark of a session with personal data, and of our own reader */
    r->user_count++;
    return lg_texts_read(arena, groups, SIZE_MAX, &user->principal.group_count, &user->principal.groups, err);
}

enum tl_code trino_read_users(tl_store_tx *tx, void *context, struct tl_err *err)
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
    return strcmp(((const struct trino_user *)a)->principal.user, ((const struct trino_user *)b)->principal.user);
}

static void note_user(struct lg_trino *r, const char *name)
{
    struct trino_user key = {.principal = {.user = name}};
    struct trino_user *user = r->user_count ? bsearch(&key, r->users, r->user_count, sizeof key, by_name) : NULL;
    if (user)
        user->class_key = user->principal.user; /* a class of one */
}

static bool speaks_of_caller(const struct tl_rule *rule)
{
    bool speaks = rule->attribute != NULL;
    for (size_t i = 0; i < rule->child_count && !speaks; i++)
        speaks = speaks_of_caller(rule->children[i]);
    return speaks;
}

int trino_by_dataset(const void *a, const void *b)
{
    const struct tl_trino_dataset *left = a, *right = b;
    int order = strcmp(left->source, right->source);
    if (order == 0)
        order = strcmp(left->schema, right->schema);
    return order ? order : strcmp(left->table, right->table);
}

static const struct tl_trino_dataset *look_up(void *context, const char *source, const char *schema, const char *table)
{
    const struct lg_trino *r = context;
    struct tl_trino_dataset key = {.source = source, .schema = schema, .table = table};
    return r->dataset_count ? bsearch(&key, r->datasets, r->dataset_count, sizeof key, trino_by_dataset) : NULL;
}

static void note_dataset(void *context, const struct tl_rule *rule)
{
    struct lg_trino *r = context;
    const struct tl_trino_dataset *dataset = look_up(r, rule->source, rule->schema, rule->table);
    if (dataset)
        r->read_by_rules[dataset - r->datasets] = true;
}

static void note_item(void *context, const struct lg_item *item)
{
    struct lg_trino *r = context;
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
    return strcmp(((const struct trino_user *)a)->class_key, ((const struct trino_user *)b)->class_key);
}

static void open_class(struct lg_trino *r, const struct trino_user *user)
{
    struct trino_class *class = &r->classes[r->class_count++];
    class->principal = &user->principal;
    class->plain = lg_who_of(r->lifeguard, r->arena, &user->principal, r->now_us, false);
    class->pii = class->plain;
    class->pii.pii = true;
    class->may_choose_pii = lg_may_choose_pii(r->snapshot, &class->plain);
    tl_buf_init(&class->pattern, BODY_MAX);
    tl_buf_init(&class->pii_pattern, BODY_MAX);
}

void trino_make_classes(struct lg_trino *r)
{
    if (r->user_count)
        qsort(r->users, r->user_count, sizeof *r->users, by_name);
    for (int kind = 0; kind < LG_KINDS; kind++)
        lg_each(r->snapshot, (enum lg_kind)kind, note_item, r);
    for (size_t i = 0; i < r->user_count; i++)
        if (!r->users[i].class_key)
            r->users[i].class_key = r->attributes_differ ? r->users[i].principal.user : groups_key(r->arena, &r->users[i].principal);
    if (r->user_count)
        qsort(r->users, r->user_count, sizeof *r->users, by_class);
    r->classes = TL_NEW_ARRAY(r->arena, struct trino_class, r->user_count);
    for (size_t i = 0; i < r->user_count; i++) {
        if (i == 0 || by_class(&r->users[i - 1], &r->users[i]) != 0)
            open_class(r, &r->users[i]);
        struct trino_class *class = &r->classes[r->class_count - 1];
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
static bool put_filter(struct lg_trino *r, struct tl_json_writer *json, const struct tl_trino_dataset *dataset, const struct tl_dataset_grant *grant)
{
    struct tl_buf sql;
    if (grant->row_rule_count == 0)
        return true;
    tl_buf_init(&sql, BODY_MAX);
    bool said = tl_trino_filter(&sql, grant, dataset, look_up, r);
    if (said) {
        tl_json_pair_text(json, "filter", tl_buf_cstr(&sql));
        tl_json_key(json, "filter_environment");
        tl_json_begin_object(json);
        tl_json_pair_text(json, "user", TL_TRINO_RULES_USER);
        tl_json_end_object(json);
    }
    tl_buf_done(&sql);
    return said;
}

void trino_put_name(struct tl_json_writer *json, const char *key, const char *name)
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
    trino_put_name(json, "catalog", dataset->source);
    trino_put_name(json, "schema", dataset->schema);
    trino_put_name(json, "table", dataset->table);
}

static void put_rule(struct lg_trino *r, struct tl_json_writer *rules, const struct tl_trino_dataset *dataset, const struct tl_access_need *need,
                     const struct trino_class *class, const struct lg_who *who, const char *pattern)
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
        tl_json_put_raw(rules, (struct tl_str){body.data, body.size});
        r->read_by_rules[dataset - r->datasets] |= grant.row_rule_count > 0; /* the filter itself reads it as that user */
    }
    tl_buf_done(&body);
}

/* ---- who cannot have a rule, without a decision ---- */

static bool has_entry(const struct lg_trino *r, const struct lg_who *who, const struct tl_grant_scope *scope)
{
    struct lg_scope_key key;
    if (!lg_scope_key(r->lifeguard, scope, &key))
        return true; /* then a decision says what that means */
    if (!lg_has_scope(r->snapshot, key.hash))
        return false;
    bool found = false;
    for (size_t i = 0; i < who->count && !found; i++)
        for (const struct lg_entry *entry = lg_entries(r->snapshot, key.hash, &who->subjects[i]); entry && !found; entry = entry->next)
            found = lg_entry_is(entry, &key, &who->subjects[i]);
    return found;
}

/* Is something said to a class of everything, of this source, of this schema?  Datasets come in order, so it is asked once a schema. */
static void look_around(struct lg_trino *r, const struct tl_trino_dataset *dataset)
{
    if (tl_streq(r->around_source, dataset->source) && tl_streq(r->around_schema, dataset->schema))
        return;
    const struct tl_grant_scope scopes[] = {{.source = NULL}, {.source = dataset->source}, {.source = dataset->source, .schema = dataset->schema}};
    r->around_source = dataset->source;
    r->around_schema = dataset->schema;
    for (size_t i = 0; i < r->class_count; i++) {
        r->classes[i].around = false;
        for (size_t k = 0; k < sizeof scopes / sizeof *scopes; k++)
            r->classes[i].around = r->classes[i].around || has_entry(r, &r->classes[i].plain, &scopes[k]);
    }
}

/* Is anything said to anybody of the table itself, its columns or tags? */
static bool is_spoken_of(const struct lg_trino *r, const struct tl_trino_dataset *dataset, const struct lg_dataset *reviewed)
{
    static const char *const columns[] = {NULL, ""}; /* of any column: as the index has it */
    bool spoken = !reviewed || reviewed->creator || reviewed->tag_count;
    for (size_t i = 0; i < 2 && !spoken; i++) {
        const struct tl_grant_scope scope = {.source = dataset->source, .schema = dataset->schema, .table = dataset->table, .column = columns[i]};
        struct lg_scope_key key;
        spoken = !lg_scope_key(r->lifeguard, &scope, &key) || lg_has_scope(r->snapshot, key.hash);
    }
    for (size_t i = 0; reviewed && i < reviewed->column_count && !spoken; i++)
        spoken = reviewed->columns[i].tag_count > 0;
    return spoken;
}

struct tl_access_need trino_need(tl_arena *arena, const struct tl_trino_dataset *dataset)
{
    const char **names = TL_NEW_ARRAY(arena, const char *, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        names[i] = dataset->columns[i].name;
    return (struct tl_access_need){dataset->source, dataset->schema, dataset->table, TL_ACCESS_READ, dataset->column_count, names};
}

static void put_dataset(struct lg_trino *r, struct tl_json_writer *rules, size_t index)
{
    const struct tl_trino_dataset *dataset = &r->datasets[index];
    const struct lg_dataset *reviewed = lg_find_dataset(r->lifeguard, r->snapshot, dataset->source, dataset->schema, dataset->table);
    if (!r->lifeguard->open && !reviewed)
        return; /* never reviewed: in no rule */
    look_around(r, dataset);
    bool all = r->lifeguard->open || is_spoken_of(r, dataset, reviewed);
    struct tl_access_need need = trino_need(r->scratch, dataset);
    for (size_t i = 0; i < r->class_count; i++) {
        struct trino_class *class = &r->classes[i];
        if (!all && !class->around)
            continue;
        put_rule(r, rules, dataset, &need, class, &class->plain, tl_buf_cstr(&class->pattern));
        if (class->may_choose_pii)
            put_rule(r, rules, dataset, &need, class, &class->pii, tl_buf_cstr(&class->pii_pattern));
    }
    if (r->read_by_rules[index]) {
        tl_json_begin_object(rules);
        put_dataset_name(rules, dataset);
        trino_put_name(rules, "user", TL_TRINO_RULES_USER);
        put_privileges(rules, TL_PRIVILEGE_READ);
        tl_json_end_object(rules);
    }
}

bool trino_render_dataset(struct lg_trino *r, size_t index)
{
    struct tl_buf text;
    struct tl_json_writer rules;
    tl_buf_init(&text, BODY_MAX);
    tl_json_writer_init(&rules, &text);
    tl_json_begin_array(&rules);
    put_dataset(r, &rules, index);
    tl_json_end_array(&rules);
    tl_arena_reset(r->scratch);
    bool fits = !text.failed;
    struct tl_str made = fits ? (struct tl_str){text.data + 1, text.size - 2} : TL_STR("");
    if (!tl_str_equal(made, r->texts[index])) {
        char *copy = tl_heap_alloc(made.size + 1);
        memcpy(copy, made.data, made.size);
        free((void *)(uintptr_t)r->texts[index].data);
        r->texts[index] = (struct tl_str){copy, made.size};
        r->rendered++;
    }
    tl_buf_done(&text);
    return fits;
}

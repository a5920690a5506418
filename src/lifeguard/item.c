/* The rules' items as JSON: what the store keeps and the API shows. */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "lifeguard/lifeguard_int.h"

enum { TEXT_MAX = 2000, NAME_PART_MAX = 500 };

static const char *const kinds[LG_KINDS] = {
    [LG_DATASET] = "dataset", [LG_GRANT] = "grant", [LG_ROW_RULE] = "row_rule", [LG_ATTRIBUTE] = "attribute", [LG_LIMITS] = "limits", [LG_QUOTA] = "quota"};
static const char *const states[] = {[LG_PENDING] = "pending", [LG_OPEN] = "open", [LG_MASKED] = "masked", [LG_DENIED] = "denied"};
static const char *const sensitivities[LG_SENSITIVITIES] = {
    [LG_PUBLIC] = "public", [LG_INTERNAL] = "internal", [LG_CONFIDENTIAL] = "confidential", [LG_RESTRICTED] = "restricted"};
static const struct {
    const char *name;
    enum tl_privilege privilege;
} privileges[LG_PRIVILEGES] = {
    {"read", TL_PRIVILEGE_READ},   {"write", TL_PRIVILEGE_WRITE}, {"own", TL_PRIVILEGE_OWN},     {"review", TL_PRIVILEGE_REVIEW},
    {"admin", TL_PRIVILEGE_ADMIN}, {"pii", TL_PRIVILEGE_PII},     {"clear", TL_PRIVILEGE_CLEAR},
    {"raw", TL_PRIVILEGE_RAW},
};

static int index_of(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

const char *lg_kind_name(enum lg_kind kind)
{
    return kinds[kind];
}

bool lg_kind_of(const char *name, enum lg_kind *ret_kind)
{
    int index = index_of(kinds, LG_KINDS, name);
    *ret_kind = (enum lg_kind)index;
    return index >= 0;
}

const char *lg_state_name(enum lg_state state, bool dataset)
{
    return dataset && state == LG_OPEN ? "approved" : states[state];
}

const char *lg_sensitivity_name(enum lg_sensitivity sensitivity)
{
    return sensitivities[sensitivity];
}

bool lg_sensitivity_of(const char *name, enum lg_sensitivity *ret_sensitivity)
{
    int index = index_of(sensitivities, LG_SENSITIVITIES, name);
    *ret_sensitivity = (enum lg_sensitivity)index;
    return index >= 0;
}

unsigned tl_privileges_parse(const char *text, struct tl_err *err)
{
    unsigned found = 0;
    for (const char *at = text + strspn(text, " ,"); *at; at += strspn(at, " ,")) {
        size_t size = strcspn(at, " ,"), i = 0;
        while (i < LG_PRIVILEGES && (strlen(privileges[i].name) != size || memcmp(privileges[i].name, at, size) != 0))
            i++;
        if (i == LG_PRIVILEGES) {
            tl_err_set(err, TL_INVALID_ARGUMENT, "unknown privilege \"%.*s\"", size < 80 ? (int)size : 80, at);
            tl_err_hint(err, "some of: read, write, own, review, admin, pii, clear, raw");
            return 0;
        }
        found |= privileges[i].privilege;
        at += size;
    }
    if (!found)
        tl_err_set(err, TL_INVALID_ARGUMENT, "no privileges are named");
    return found;
}

void tl_privileges_format(struct tl_buf *buf, unsigned held)
{
    bool first = true;
    for (size_t i = 0; i < LG_PRIVILEGES; i++) {
        if (!(held & privileges[i].privilege))
            continue;
        tl_buf_addf(buf, "%s%s", first ? "" : ", ", privileges[i].name);
        first = false;
    }
}

/* --- pieces --- */

static enum tl_code refuse(struct tl_err *err, const char *why)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "a rule cannot be read: %s", why);
}

static const char *get_text(tl_arena *arena, const tl_json *json, const char *key)
{
    struct tl_str text = tl_json_str(tl_json_get(json, key));
    return text.size > 0 && text.size <= TEXT_MAX && !memchr(text.data, '\0', text.size) ? tl_arena_strndup(arena, text.data, text.size) : NULL;
}

static int64_t get_number(const tl_json *json, const char *key, int64_t fallback)
{
    int64_t number;
    return tl_json_int64(tl_json_get(json, key), &number) ? number : fallback;
}

enum tl_code lg_texts_read(tl_arena *arena, const tl_json *list, size_t most, size_t *ret_count, const char *const **ret_texts,
                           struct tl_err *err)
{
    size_t count = tl_json_is_array(list) ? tl_json_count(list) : 0, at = 0;
    *ret_count = 0;
    *ret_texts = NULL;
    if (list && !tl_json_is_array(list))
        return refuse(err, "a list of texts was wanted");
    if (count > most)
        return tl_err_set(err, TL_TOO_LARGE, "a list has %zu entries, the limit is %zu", count, most);
    const char **texts = TL_NEW_ARRAY(arena, const char *, count);
    for (struct tl_json_iter it = tl_json_iter(count ? list : NULL); tl_json_next(&it);) {
        const char *text = tl_json_text(it.value);
        if (!text || strlen(text) > NAME_PART_MAX)
            return refuse(err, "a list holds something that is not a short text");
        texts[at++] = tl_arena_strdup(arena, text);
    }
    *ret_count = count;
    *ret_texts = texts;
    return TL_OK;
}

void lg_texts_put(struct tl_json_writer *json, const char *key, size_t count, const char *const *texts)
{
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        tl_json_put_text(json, texts[i]);
    tl_json_end_array(json);
}

static enum tl_code check_part(const char *part, struct tl_err *err)
{
    if (part && (strlen(part) > NAME_PART_MAX || strchr(part, LG_SEPARATOR[0])))
        return refuse(err, "a name is too long or holds a control character");
    return TL_OK;
}

static const char *const scope_keys[] = {"source", "schema", "table", "column", "tag"};
enum { SCOPE_PARTS = sizeof scope_keys / sizeof *scope_keys };

/* A part that is not understood is no part that may be left out: the rest would be wider than what was meant. */
enum tl_code lg_scope_read(tl_arena *arena, const tl_json *json, struct tl_grant_scope *ret_scope, struct tl_err *err)
{
    const char *parts[SCOPE_PARTS] = {NULL};
    if (!tl_json_is_object(json))
        return refuse(err, "a scope is an object with source, schema, table and column, or tag");
    for (struct tl_json_iter it = tl_json_iter(json); tl_json_next(&it);) {
        int index = index_of(scope_keys, SCOPE_PARTS, it.key);
        struct tl_str text = tl_json_str(it.value);
        bool named = text.size > 0 && !memchr(text.data, '\0', text.size);
        if (index < 0 || !(named || tl_json_is_null(it.value)))
            return refuse(err, "a scope has the texts source, schema, table and column, or tag, none of them empty, and nothing else");
        parts[index] = named ? tl_arena_strndup(arena, text.data, text.size) : NULL;
        if (check_part(parts[index], err) != TL_OK)
            return err->code;
    }
    for (size_t i = 1; i < 4; i++)
        if (parts[i] && !parts[i - 1])
            return refuse(err, "a scope names a part without the one before it (source, schema, table, column)");
    *ret_scope = (struct tl_grant_scope){.source = parts[0], .schema = parts[1], .table = parts[2], .column = parts[3], .tag = parts[4]};
    return ret_scope->tag && ret_scope->source ? refuse(err, "a scope is a tag or a name, not both") : TL_OK;
}

void lg_scope_put(struct tl_json_writer *json, const struct tl_grant_scope *scope)
{
    const char *const parts[SCOPE_PARTS] = {scope->source, scope->schema, scope->table, scope->column, scope->tag};
    tl_json_begin_object(json);
    for (size_t i = 0; i < SCOPE_PARTS; i++)
        if (parts[i])
            tl_json_pair_text(json, scope_keys[i], parts[i]);
    tl_json_end_object(json);
}

const char *lg_scope_text(tl_arena *arena, const struct tl_grant_scope *scope)
{
    if (scope->tag)
        return tl_arena_printf(arena, "tag %s", scope->tag);
    if (!scope->source)
        return "everything";
    return tl_arena_printf(arena, "%s%s%s%s%s%s%s", scope->source, scope->schema ? "." : "", scope->schema ? scope->schema : "",
                           scope->table && *scope->table ? "." : "", scope->table ? scope->table : "", scope->column ? "." : "",
                           scope->column ? scope->column : "");
}

const char *lg_subject_text(tl_arena *arena, const struct lg_subject *subject)
{
    return subject->kind == LG_EVERYONE ? "everyone" : tl_arena_printf(arena, "%s %s", subject->kind == LG_USER ? "user" : "group", subject->name);
}

enum tl_code lg_subject_read(tl_arena *arena, const tl_json *json, struct lg_subject *ret_subject, struct tl_err *err)
{
    const char *user = get_text(arena, json, "user"), *group = get_text(arena, json, "group");
    bool everyone = tl_json_bool(tl_json_get(json, "everyone"), false);
    if ((user != NULL) + (group != NULL) + everyone != 1)
        return refuse(err, "it must be for one \"user\", one \"group\" or \"everyone\": true");
    *ret_subject = (struct lg_subject){user ? LG_USER : group ? LG_GROUP : LG_EVERYONE, user ? user : group ? group : "", 0};
    return check_part(ret_subject->name, err);
}

void lg_subject_put(struct tl_json_writer *json, const struct lg_subject *subject)
{
    if (subject->kind == LG_EVERYONE)
        tl_json_pair_bool(json, "everyone", true);
    else
        tl_json_pair_text(json, subject->kind == LG_USER ? "user" : "group", subject->name);
}

const char *lg_dataset_name(tl_arena *arena, const struct tl_grant_scope *dataset)
{
    return tl_arena_printf(arena, "%s" LG_SEPARATOR "%s" LG_SEPARATOR "%s", dataset->source, dataset->schema, dataset->table ? dataset->table : "");
}

/* --- datasets --- */

/* "masked:hash" */
static enum tl_code read_short_column(tl_arena *arena, const char *text, struct lg_column *column, struct tl_err *err)
{
    static const char masked[] = "masked:";
    if (strncmp(text, masked, sizeof masked - 1) == 0) {
        column->state = LG_MASKED;
        return tl_mask_parse(arena, text + sizeof masked - 1, &column->mask, err);
    }
    int state = index_of(states, sizeof states / sizeof *states, text);
    if (state < 0)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a column is \"pending\", \"open\", \"denied\" or \"masked:MASK\", not \"%.80s\"", text);
    column->state = (enum lg_state)state;
    column->mask.form = state == LG_MASKED ? TL_MASK_REDACT : TL_MASK_NONE;
    return TL_OK;
}

enum tl_code lg_column_read(tl_arena *arena, const tl_json *json, struct lg_column *column, struct tl_err *err)
{
    column->mask.form = TL_MASK_NONE;
    if (tl_json_is_string(json))
        return read_short_column(arena, tl_json_text(json), column, err);
    const char *state = tl_json_get_text(json, "state"), *mask = tl_json_get_text(json, "mask");
    if (!state)
        return refuse(err, "a column has no \"state\"");
    if (read_short_column(arena, state, column, err) != TL_OK)
        return err->code;
    if (column->state == LG_MASKED && mask && tl_mask_parse(arena, mask, &column->mask, err) != TL_OK)
        return err->code;
    column->type = get_text(arena, json, "type");
    return lg_texts_read(arena, tl_json_get(json, "tags"), TL_TAGS_MAX, &column->tag_count, &column->tags, err);
}

static int by_column_name(const void *a, const void *b)
{
    return strcmp(((const struct lg_column *)a)->name, ((const struct lg_column *)b)->name);
}

static enum tl_code read_columns(tl_arena *arena, const tl_json *json, struct lg_dataset *dataset, struct tl_err *err)
{
    size_t count = tl_json_count(json);
    if (count > LG_COLUMNS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "a dataset has %zu columns, the limit is %d", count, LG_COLUMNS_MAX);
    struct lg_column *columns = TL_NEW_ARRAY(arena, struct lg_column, count);
    for (struct tl_json_iter it = tl_json_iter(json); tl_json_next(&it);) {
        struct lg_column *column = &columns[dataset->column_count++];
        column->name = tl_arena_strdup(arena, it.key);
        if (lg_column_read(arena, it.value, column, err) != TL_OK)
            return err->code;
    }
    if (count)
        qsort(columns, count, sizeof *columns, by_column_name);
    dataset->columns = columns;
    return TL_OK;
}

static enum tl_code read_dataset(tl_arena *arena, const tl_json *json, struct lg_dataset *dataset, struct tl_err *err)
{
    const char *state = tl_json_get_text(json, "state"), *sensitivity = tl_json_get_text(json, "sensitivity");
    int index = index_of(states, sizeof states / sizeof *states, tl_streq(state, "approved") ? "open" : state);
    if (index < 0 || index == LG_MASKED)
        return refuse(err, "a dataset's state is \"pending\", \"approved\" or \"denied\"");
    dataset->state = (enum lg_state)index;
    dataset->sensitivity = LG_INTERNAL;
    if (sensitivity && !lg_sensitivity_of(sensitivity, &dataset->sensitivity))
        return refuse(err, "the sensitivity is \"public\", \"internal\", \"confidential\" or \"restricted\"");
    dataset->source = get_text(arena, json, "source");
    dataset->schema = get_text(arena, json, "schema");
    dataset->table = get_text(arena, json, "table");
    dataset->table = dataset->table ? dataset->table : "";
    dataset->reviewer = get_text(arena, json, "reviewer");
    dataset->creator = get_text(arena, json, "creator");
    dataset->comment = get_text(arena, json, "comment");
    dataset->reviewed_at_us = get_number(json, "reviewed_at_us", 0);
    if (!dataset->source || !dataset->schema)
        return refuse(err, "a dataset needs a source and a schema");
    if (lg_texts_read(arena, tl_json_get(json, "tags"), TL_TAGS_MAX, &dataset->tag_count, &dataset->tags, err) != TL_OK)
        return err->code;
    return read_columns(arena, tl_json_get(json, "columns"), dataset, err);
}

static void put_column(struct tl_json_writer *json, const struct lg_column *column)
{
    tl_json_key(json, column->name);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "state", states[column->state]);
    if (column->state == LG_MASKED) {
        struct tl_buf mask;
        tl_buf_init(&mask, TL_MASK_TEXT_MAX);
        tl_mask_format(&mask, &column->mask);
        tl_json_pair_text(json, "mask", tl_buf_cstr(&mask));
        tl_buf_done(&mask);
    }
    if (column->type)
        tl_json_pair_text(json, "type", column->type);
    if (column->tag_count)
        lg_texts_put(json, "tags", column->tag_count, column->tags);
    tl_json_end_object(json);
}

static void put_dataset(struct tl_json_writer *json, const struct lg_dataset *dataset)
{
    tl_json_pair_text(json, "source", dataset->source);
    tl_json_pair_text(json, "schema", dataset->schema);
    tl_json_pair_text(json, "table", dataset->table);
    tl_json_pair_text(json, "state", lg_state_name(dataset->state, true));
    tl_json_pair_text(json, "sensitivity", sensitivities[dataset->sensitivity]);
    tl_json_pair_text(json, "reviewer", dataset->reviewer);
    tl_json_pair_text(json, "creator", dataset->creator);
    tl_json_pair_text(json, "comment", dataset->comment);
    tl_json_pair_int64(json, "reviewed_at_us", dataset->reviewed_at_us);
    lg_texts_put(json, "tags", dataset->tag_count, dataset->tags);
    tl_json_key(json, "columns");
    tl_json_begin_object(json);
    for (size_t i = 0; i < dataset->column_count; i++)
        put_column(json, &dataset->columns[i]);
    tl_json_end_object(json);
}

/* --- grants --- */

static enum tl_code read_grant(tl_arena *arena, const tl_json *json, struct lg_grant *grant, struct tl_err *err)
{
    const char *held = tl_json_get_text(json, "privileges"), *effect = tl_json_get_text(json, "effect"), *mask = tl_json_get_text(json, "mask");
    if (lg_subject_read(arena, json, &grant->subject, err) != TL_OK || lg_scope_read(arena, tl_json_get(json, "scope"), &grant->scope, err) != TL_OK)
        return err->code;
    if (!held)
        return refuse(err, "a grant names its \"privileges\"");
    grant->privileges = tl_privileges_parse(held, err);
    if (!grant->privileges)
        return err->code;
    if (effect && strcmp(effect, "allow") != 0 && strcmp(effect, "deny") != 0)
        return refuse(err, "\"effect\" is \"allow\" or \"deny\"");
    grant->deny = tl_streq(effect, "deny");
    grant->has_mask = mask != NULL;
    if (mask && tl_mask_parse(arena, mask, &grant->mask, err) != TL_OK)
        return err->code;
    grant->start_us = get_number(json, "start_us", 0);
    grant->end_us = get_number(json, "end_us", 0);
    grant->reason = get_text(arena, json, "reason");
    grant->granted_by = get_text(arena, json, "granted_by");
    return grant->end_us > grant->start_us ? TL_OK : refuse(err, "a grant ends, and after it starts");
}

static void put_grant(struct tl_json_writer *json, const struct lg_grant *grant)
{
    struct tl_buf text;
    tl_buf_init(&text, TEXT_MAX);
    lg_subject_put(json, &grant->subject);
    tl_privileges_format(&text, grant->privileges);
    tl_json_pair_text(json, "privileges", tl_buf_cstr(&text));
    tl_json_pair_text(json, "effect", grant->deny ? "deny" : "allow");
    tl_json_key(json, "scope");
    lg_scope_put(json, &grant->scope);
    if (grant->has_mask) {
        tl_buf_clear(&text);
        tl_mask_format(&text, &grant->mask);
        tl_json_pair_text(json, "mask", tl_buf_cstr(&text));
    }
    tl_json_pair_int64(json, "start_us", grant->start_us);
    tl_json_pair_int64(json, "end_us", grant->end_us);
    tl_json_pair_text(json, "reason", grant->reason);
    tl_json_pair_text(json, "granted_by", grant->granted_by);
    tl_buf_done(&text);
}

/* --- row rules, attributes, limits --- */

/* "group:admin", "user:ann" */
static enum tl_code read_except(tl_arena *arena, const tl_json *list, struct lg_row_rule *row_rule, struct tl_err *err)
{
    size_t count;
    const char *const *texts;
    if (lg_texts_read(arena, list, LG_EXCEPT_MAX, &count, &texts, err) != TL_OK)
        return err->code;
    struct lg_subject *except = TL_NEW_ARRAY(arena, struct lg_subject, count);
    for (size_t i = 0; i < count; i++) {
        bool user = strncmp(texts[i], "user:", 5) == 0;
        if (!user && strncmp(texts[i], "group:", 6) != 0)
            return refuse(err, "\"except\" lists \"user:NAME\" and \"group:NAME\"");
        except[i] = (struct lg_subject){user ? LG_USER : LG_GROUP, texts[i] + (user ? 5 : 6), 0};
    }
    row_rule->except = except;
    row_rule->except_count = count;
    return TL_OK;
}

static enum tl_code read_row_rule(tl_arena *arena, const tl_json *json, struct lg_row_rule *row_rule, struct tl_err *err)
{
    const tl_json *rule = tl_json_get(json, "rule");
    if (lg_subject_read(arena, json, &row_rule->subject, err) != TL_OK ||
        lg_scope_read(arena, tl_json_get(json, "scope"), &row_rule->scope, err) != TL_OK ||
        read_except(arena, tl_json_get(json, "except"), row_rule, err) != TL_OK)
        return err->code;
    if (row_rule->scope.column || row_rule->scope.tag)
        return refuse(err, "a row rule is for a table, a schema, a source or everything");
    if (!rule)
        return refuse(err, "it has no \"rule\"");
    row_rule->reason = get_text(arena, json, "reason");
    row_rule->made_by = get_text(arena, json, "made_by");
    return tl_rule_read(arena, rule, &row_rule->rule, err);
}

static void put_row_rule(struct tl_json_writer *json, const struct lg_row_rule *row_rule)
{
    lg_subject_put(json, &row_rule->subject);
    tl_json_key(json, "scope");
    lg_scope_put(json, &row_rule->scope);
    tl_json_key(json, "rule");
    tl_rule_put(json, row_rule->rule);
    tl_json_key(json, "except");
    tl_json_begin_array(json);
    for (size_t i = 0; i < row_rule->except_count; i++) {
        struct tl_buf text;
        tl_buf_init(&text, TEXT_MAX);
        tl_buf_addf(&text, "%s:%s", row_rule->except[i].kind == LG_USER ? "user" : "group", row_rule->except[i].name);
        tl_json_put_text(json, tl_buf_cstr(&text));
        tl_buf_done(&text);
    }
    tl_json_end_array(json);
    tl_json_pair_text(json, "reason", row_rule->reason);
    tl_json_pair_text(json, "made_by", row_rule->made_by);
}

static enum tl_code read_attribute(tl_arena *arena, const tl_json *json, struct lg_attribute *attribute, struct tl_err *err)
{
    attribute->user = get_text(arena, json, "user");
    attribute->name = get_text(arena, json, "name");
    if (!attribute->user || !attribute->name || tl_streq(attribute->name, "user") || tl_streq(attribute->name, "groups"))
        return refuse(err, "an attribute needs a \"user\" and a \"name\" other than \"user\" and \"groups\"");
    return lg_texts_read(arena, tl_json_get(json, "values"), TL_RULE_VALUES_MAX, &attribute->value_count, &attribute->values, err);
}

static enum tl_code read_limits(const tl_json *json, struct lg_limits *limits, struct tl_err *err)
{
    for (int i = 0; i < LG_SENSITIVITIES; i++) {
        const char *text = tl_json_get_text(json, sensitivities[i]);
        if (!text || !tl_parse_duration_us(text, &limits->longest_us[i]) || limits->longest_us[i] <= 0)
            return refuse(err, "the limits name a duration such as \"90d\" for public, internal, confidential and restricted");
    }
    return TL_OK;
}

static void put_limits(struct tl_json_writer *json, const struct lg_limits *limits)
{
    for (int i = 0; i < LG_SENSITIVITIES; i++) {
        struct tl_buf text;
        tl_buf_init(&text, TEXT_MAX);
        tl_buf_addf(&text, "%llds", (long long)(limits->longest_us[i] / 1000000));
        tl_json_pair_text(json, sensitivities[i], tl_buf_cstr(&text));
        tl_buf_done(&text);
    }
}

/* --- all --- */

enum tl_code lg_item_read(tl_arena *arena, enum lg_kind kind, const char *name, struct tl_str body, struct lg_item **ret_item, struct tl_err *err)
{
    const tl_json *json;
    struct lg_item *item = TL_NEW(arena, struct lg_item);
    item->kind = kind;
    item->name = tl_arena_strdup(arena, name);
    *ret_item = item;
    tl_arena *scratch = tl_arena_new(LG_BODY_MAX);
    enum tl_code code = tl_json_parse(scratch, body.data, body.size, &json, err);
    if (code == TL_OK && !tl_json_is_object(json))
        code = refuse(err, "it is not an object");
    if (code == TL_OK && kind == LG_DATASET) {
        code = read_dataset(arena, json, &item->dataset, err);
    } else if (code == TL_OK && kind == LG_GRANT) {
        item->grant.id = item->name;
        code = read_grant(arena, json, &item->grant, err);
    } else if (code == TL_OK && kind == LG_ROW_RULE) {
        item->row_rule.id = item->name;
        code = read_row_rule(arena, json, &item->row_rule, err);
    } else if (code == TL_OK && kind == LG_ATTRIBUTE) {
        code = read_attribute(arena, json, &item->attribute, err);
    } else if (code == TL_OK && kind == LG_QUOTA) {
        item->quota.id = item->name;
        code = lg_quota_read(arena, json, &item->quota, err);
    } else if (code == TL_OK) {
        code = read_limits(json, &item->limits, err);
    }
    tl_arena_free(scratch);
    return code;
}

void lg_item_put(struct tl_json_writer *json, const struct lg_item *item)
{
    tl_json_begin_object(json);
    if (item->kind == LG_DATASET) {
        put_dataset(json, &item->dataset);
    } else if (item->kind == LG_GRANT) {
        tl_json_pair_text(json, "id", item->grant.id);
        put_grant(json, &item->grant);
    } else if (item->kind == LG_ROW_RULE) {
        tl_json_pair_text(json, "id", item->row_rule.id);
        put_row_rule(json, &item->row_rule);
    } else if (item->kind == LG_ATTRIBUTE) {
        tl_json_pair_text(json, "user", item->attribute.user);
        tl_json_pair_text(json, "name", item->attribute.name);
        lg_texts_put(json, "values", item->attribute.value_count, item->attribute.values);
    } else if (item->kind == LG_QUOTA) {
        tl_json_pair_text(json, "id", item->quota.id);
        lg_quota_put(json, &item->quota);
    } else {
        put_limits(json, &item->limits);
    }
    tl_json_end_object(json);
}

const char *lg_item_text(struct tl_request *rq, const struct lg_item *item)
{
    struct tl_buf body;
    struct tl_json_writer json;
    tl_buf_init(&body, LG_BODY_MAX);
    tl_json_writer_init(&json, &body);
    lg_item_put(&json, item);
    const char *copy = body.failed ? NULL : tl_arena_strndup(rq->arena, body.data, body.size);
    tl_buf_done(&body);
    if (!copy)
        tl_err_set(&rq->err, TL_TOO_LARGE, "a rule is longer than %d bytes", LG_BODY_MAX);
    return copy;
}

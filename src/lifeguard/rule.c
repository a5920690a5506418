#include "lifeguard/rule.h"

#include <string.h>

enum { CHILDREN_MAX = 100, TEXT_MAX = 4096 };

static const struct {
    const char *name, *sql;
    bool list, no_value;
} ops[] = {
    [TL_RULE_EQUAL] = {"=", " = ", false, false},
    [TL_RULE_NOT_EQUAL] = {"<>", " <> ", false, false},
    [TL_RULE_LESS] = {"<", " < ", false, false},
    [TL_RULE_LESS_EQUAL] = {"<=", " <= ", false, false},
    [TL_RULE_GREATER] = {">", " > ", false, false},
    [TL_RULE_GREATER_EQUAL] = {">=", " >= ", false, false},
    [TL_RULE_IN] = {"in", " IN ", true, false},
    [TL_RULE_NOT_IN] = {"not_in", " NOT IN ", true, false},
    [TL_RULE_LIKE] = {"like", " LIKE ", false, false},
    [TL_RULE_IS_NULL] = {"is_null", " IS NULL", false, true},
    [TL_RULE_IS_NOT_NULL] = {"is_not_null", " IS NOT NULL", false, true},
};
enum { OPS = sizeof ops / sizeof *ops };

/* --- reading --- */

static enum tl_code read_any(tl_arena *arena, const tl_json *json, int depth, const struct tl_rule **ret_rule, struct tl_err *err);

static enum tl_code refuse(struct tl_err *err, const char *why)
{
    tl_err_set(err, TL_INVALID_ARGUMENT, "a row rule cannot be read: %s", why);
    tl_err_hint(err, "{\"column\": NAME, \"op\": \"=\", \"values\": [..]}, {\"all\": [..]}, {\"any\": [..]}");
    return TL_INVALID_ARGUMENT;
}

static enum tl_code read_value(tl_arena *arena, const tl_json *json, struct tl_rule_value *value, struct tl_err *err)
{
    if (tl_json_is_string(json)) {
        struct tl_str text = tl_json_str(json);
        if (text.size > TEXT_MAX || (text.size > 0 && memchr(text.data, '\0', text.size)))
            return refuse(err, "a value is too long or holds a NUL byte");
        *value = (struct tl_rule_value){TL_RULE_TEXT, tl_arena_strndup(arena, text.data, text.size)};
        return TL_OK;
    }
    if (tl_json_is_bool(json)) {
        *value = (struct tl_rule_value){TL_RULE_TRUTH, tl_json_bool(json, false) ? "true" : "false"};
        return TL_OK;
    }
    if (!tl_json_is_number(json))
        return refuse(err, "a value is neither text nor a number nor true or false");
    struct tl_buf text;
    struct tl_json_writer writer;
    tl_buf_init(&text, TEXT_MAX);
    tl_json_writer_init(&writer, &text);
    tl_json_put_value(&writer, json);
    *value = (struct tl_rule_value){TL_RULE_NUMBER, tl_arena_strdup(arena, tl_buf_cstr(&text))};
    tl_buf_done(&text);
    return TL_OK;
}

static enum tl_code read_values(tl_arena *arena, const tl_json *json, struct tl_rule *rule, struct tl_err *err)
{
    const tl_json *list = tl_json_get(json, "values"), *one = tl_json_get(json, "value");
    size_t count = tl_json_is_array(list) ? tl_json_count(list) : one ? 1 : 0;
    struct tl_rule_value *values = TL_NEW_ARRAY(arena, struct tl_rule_value, count <= TL_RULE_VALUES_MAX ? count : 0);
    rule->attribute = tl_arena_strdup(arena, tl_json_get_text(json, "attribute"));
    rule->values = values;
    rule->value_count = count;
    if (count > TL_RULE_VALUES_MAX)
        return refuse(err, "it has more than 10000 values");
    if (ops[rule->op].no_value)
        return count || rule->attribute ? refuse(err, "is_null and is_not_null take no value") : TL_OK;
    if (rule->attribute)
        return count ? refuse(err, "it has both values and an attribute") : TL_OK;
    if (count == 0 || (!ops[rule->op].list && count > 1))
        return refuse(err, ops[rule->op].list ? "it has no values" : "the comparison takes one value");
    if (!tl_json_is_array(list))
        return read_value(arena, one, &values[0], err);
    size_t at = 0;
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it);)
        if (read_value(arena, it.value, &values[at++], err) != TL_OK)
            return err->code;
    return TL_OK;
}

static enum tl_code read_compare(tl_arena *arena, const tl_json *json, struct tl_rule *rule, struct tl_err *err)
{
    const char *op = tl_json_get_text(json, "op");
    int index = 0;
    while (op && index < OPS && strcmp(ops[index].name, op) != 0)
        index++;
    if (!op || index == OPS)
        return refuse(err, "\"op\" is not one of = <> < <= > >= in not_in like is_null is_not_null");
    rule->op = (enum tl_rule_op)index;
    return read_values(arena, json, rule, err);
}

static enum tl_code read_dataset(tl_arena *arena, const tl_json *json, const tl_json *dataset, int depth, struct tl_rule *rule, struct tl_err *err)
{
    rule->kind = TL_RULE_DATASET;
    rule->source = tl_arena_strdup(arena, tl_json_get_text(dataset, "source"));
    rule->schema = tl_arena_strdup(arena, tl_json_get_text(dataset, "schema"));
    rule->table = tl_arena_strdup(arena, tl_json_get_text(dataset, "table"));
    rule->key = tl_arena_strdup(arena, tl_json_get_text(json, "key"));
    if (!rule->source || !rule->schema || !rule->table || !rule->key || !tl_streq(tl_json_get_text(json, "op"), "in"))
        return refuse(err, "\"dataset\" needs source, schema and table, and beside it \"key\" and the op \"in\"");
    const tl_json *where = tl_json_get(json, "where");
    if (!where)
        return TL_OK;
    const struct tl_rule **child = TL_NEW(arena, const struct tl_rule *);
    rule->children = child;
    rule->child_count = 1;
    return read_any(arena, where, depth + 1, child, err);
}

static enum tl_code read_children(tl_arena *arena, const tl_json *list, int depth, struct tl_rule *rule, struct tl_err *err)
{
    size_t count = tl_json_count(list), at = 0;
    if (!tl_json_is_array(list) || count == 0 || count > CHILDREN_MAX)
        return refuse(err, "\"all\" and \"any\" hold 1 to 100 rules");
    const struct tl_rule **children = TL_NEW_ARRAY(arena, const struct tl_rule *, count);
    rule->children = children;
    rule->child_count = count;
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it);)
        if (read_any(arena, it.value, depth + 1, &children[at++], err) != TL_OK)
            return err->code;
    return TL_OK;
}

static enum tl_code read_any(tl_arena *arena, const tl_json *json, int depth, const struct tl_rule **ret_rule, struct tl_err *err)
{
    struct tl_rule *rule = TL_NEW(arena, struct tl_rule);
    *ret_rule = rule;
    if (depth > TL_RULE_DEPTH_MAX)
        return refuse(err, "it is too deep");
    const char *sql = tl_json_get_text(json, "sql");
    if (sql) {
        rule->kind = TL_RULE_SQL;
        if (depth > 0)
            return refuse(err, "\"sql\" stands alone");
        rule->sql = tl_arena_strdup(arena, sql);
        return *sql && strlen(sql) <= TL_RULE_SQL_MAX ? TL_OK : refuse(err, "the expression is empty or too long");
    }
    const tl_json *all = tl_json_get(json, "all"), *any = tl_json_get(json, "any");
    if (all || any) {
        rule->kind = all ? TL_RULE_ALL : TL_RULE_ANY;
        return read_children(arena, all ? all : any, depth, rule, err);
    }
    rule->column = tl_arena_strdup(arena, tl_json_get_text(json, "column"));
    if (!rule->column || !*rule->column)
        return refuse(err, "it names no column");
    const tl_json *dataset = tl_json_get(json, "dataset");
    return dataset ? read_dataset(arena, json, dataset, depth, rule, err) : read_compare(arena, json, rule, err);
}

enum tl_code tl_rule_read(tl_arena *arena, const tl_json *json, const struct tl_rule **ret_rule, struct tl_err *err)
{
    return read_any(arena, json, 0, ret_rule, err);
}

/* --- JSON --- */

static void put_value(struct tl_json_writer *json, const struct tl_rule_value *value)
{
    if (value->type == TL_RULE_TEXT)
        tl_json_put_text(json, value->text);
    else
        tl_json_put_raw(json, tl_str_of(value->text));
}

static void put_dataset(struct tl_json_writer *json, const struct tl_rule *rule)
{
    tl_json_pair_text(json, "op", "in");
    tl_json_key(json, "dataset");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "source", rule->source);
    tl_json_pair_text(json, "schema", rule->schema);
    tl_json_pair_text(json, "table", rule->table);
    tl_json_end_object(json);
    tl_json_pair_text(json, "key", rule->key);
    if (rule->child_count) {
        tl_json_key(json, "where");
        tl_rule_put(json, rule->children[0]);
    }
}

static void put_compare(struct tl_json_writer *json, const struct tl_rule *rule)
{
    tl_json_pair_text(json, "op", ops[rule->op].name);
    if (rule->attribute)
        tl_json_pair_text(json, "attribute", rule->attribute);
    if (rule->attribute || ops[rule->op].no_value)
        return;
    tl_json_key(json, "values");
    tl_json_begin_array(json);
    for (size_t i = 0; i < rule->value_count; i++)
        put_value(json, &rule->values[i]);
    tl_json_end_array(json);
}

void tl_rule_put(struct tl_json_writer *json, const struct tl_rule *rule)
{
    tl_json_begin_object(json);
    if (rule->kind == TL_RULE_SQL) {
        tl_json_pair_text(json, "sql", rule->sql);
    } else if (rule->kind == TL_RULE_ALL || rule->kind == TL_RULE_ANY) {
        tl_json_key(json, rule->kind == TL_RULE_ALL ? "all" : "any");
        tl_json_begin_array(json);
        for (size_t i = 0; i < rule->child_count; i++)
            tl_rule_put(json, rule->children[i]);
        tl_json_end_array(json);
    } else {
        tl_json_pair_text(json, "column", rule->column);
        if (rule->kind == TL_RULE_DATASET)
            put_dataset(json, rule);
        else
            put_compare(json, rule);
    }
    tl_json_end_object(json);
}

/* --- the caller's values --- */

const struct tl_rule *tl_rule_resolve(tl_arena *arena, const struct tl_rule *rule, tl_rule_attribute attribute, void *context)
{
    if (!rule->attribute && rule->child_count == 0)
        return rule;
    struct tl_rule *copy = TL_NEW(arena, struct tl_rule);
    *copy = *rule;
    if (rule->attribute) {
        const char *const *texts = NULL;
        copy->attribute = NULL;
        copy->value_count = attribute(context, rule->attribute, &texts);
        struct tl_rule_value *values = TL_NEW_ARRAY(arena, struct tl_rule_value, copy->value_count);
        for (size_t i = 0; i < copy->value_count; i++)
            values[i] = (struct tl_rule_value){TL_RULE_TEXT, tl_arena_strdup(arena, texts[i])};
        copy->values = values;
    }
    const struct tl_rule **children = TL_NEW_ARRAY(arena, const struct tl_rule *, rule->child_count);
    for (size_t i = 0; i < rule->child_count; i++)
        children[i] = tl_rule_resolve(arena, rule->children[i], attribute, context);
    copy->children = children;
    return copy;
}

/* --- SQL --- */

static void write_value(struct tl_buf *sql, const struct tl_rule_value *value)
{
    if (value->type == TL_RULE_TEXT)
        tl_buf_add_literal(sql, value->text, strlen(value->text));
    else
        tl_buf_adds(sql, value->text);
}

/* What is being written.  Each dataset inside has an alias of its own, and every column inside is written with it: a column that
 * the inner dataset does not have must be an error, not the outer one's. */
struct writing {
    struct tl_buf *sql;
    tl_rule_dataset dataset;
    void *context;
};

static void write_any(struct writing *w, const struct tl_rule *rule, int depth);

static void write_column(struct tl_buf *sql, const char *column, int depth)
{
    if (depth > 0)
        tl_buf_addf(sql, "tl_r%d.", depth);
    tl_buf_add_identifier(sql, column);
}

const char *tl_rule_sign(const struct tl_rule *rule, bool *ret_list)
{
    bool several = rule->value_count > 1;
    enum tl_rule_op op = !several ? rule->op : rule->op == TL_RULE_EQUAL ? TL_RULE_IN : rule->op == TL_RULE_NOT_EQUAL ? TL_RULE_NOT_IN : rule->op;
    *ret_list = ops[op].list;
    return ops[op].no_value || (rule->value_count > 0 && (!several || ops[op].list)) ? ops[op].sql : NULL;
}

static void write_compare(struct tl_buf *sql, const struct tl_rule *rule, int depth)
{
    bool list;
    const char *sign = tl_rule_sign(rule, &list);
    if (!sign) {
        tl_buf_adds(sql, "FALSE");
        return;
    }
    write_column(sql, rule->column, depth);
    tl_buf_adds(sql, sign);
    tl_buf_adds(sql, list ? "(" : "");
    for (size_t i = 0; i < rule->value_count; i++) {
        tl_buf_adds(sql, i ? ", " : "");
        write_value(sql, &rule->values[i]);
    }
    tl_buf_adds(sql, list ? ")" : "");
}

static void write_dataset(struct writing *w, const struct tl_rule *rule, int depth)
{
    struct tl_buf name;
    tl_buf_init(&name, TEXT_MAX);
    if (w->dataset(w->context, rule, &name)) {
        write_column(w->sql, rule->column, depth);
        tl_buf_adds(w->sql, " IN (SELECT ");
        write_column(w->sql, rule->key, depth + 1);
        tl_buf_addf(w->sql, " FROM %s AS tl_r%d", tl_buf_cstr(&name), depth + 1);
        if (rule->child_count) {
            tl_buf_adds(w->sql, " WHERE ");
            write_any(w, rule->children[0], depth + 1);
        }
        tl_buf_addc(w->sql, ')');
    } else {
        tl_buf_adds(w->sql, "FALSE");
    }
    w->sql->failed = w->sql->failed || name.failed;
    tl_buf_done(&name);
}

static void write_any(struct writing *w, const struct tl_rule *rule, int depth)
{
    tl_buf_addc(w->sql, '(');
    switch (rule->kind) {
    case TL_RULE_SQL:
        tl_buf_adds(w->sql, rule->sql);
        break;
    case TL_RULE_COMPARE:
        write_compare(w->sql, rule, depth);
        break;
    case TL_RULE_DATASET:
        write_dataset(w, rule, depth);
        break;
    case TL_RULE_ALL:
    case TL_RULE_ANY:
        for (size_t i = 0; i < rule->child_count; i++) {
            tl_buf_adds(w->sql, i == 0 ? "" : rule->kind == TL_RULE_ALL ? " AND " : " OR ");
            write_any(w, rule->children[i], depth);
        }
        break;
    }
    tl_buf_addc(w->sql, ')');
}

void tl_rule_write(struct tl_buf *sql, const struct tl_rule *rule, tl_rule_dataset dataset, void *context)
{
    struct writing writing = {sql, dataset, context};
    write_any(&writing, rule, 0);
}

/* --- what it is made of --- */

bool tl_rule_columns(const struct tl_rule *rule, void (*each)(void *context, const char *column), void *context)
{
    bool known = rule->kind != TL_RULE_SQL;
    if (rule->column)
        each(context, rule->column);
    for (size_t i = 0; i < rule->child_count && rule->kind != TL_RULE_DATASET; i++)
        known = tl_rule_columns(rule->children[i], each, context) && known;
    return known;
}

void tl_rule_datasets(const struct tl_rule *rule, void (*each)(void *context, const struct tl_rule *dataset), void *context)
{
    if (rule->kind == TL_RULE_DATASET)
        each(context, rule);
    for (size_t i = 0; i < rule->child_count; i++)
        tl_rule_datasets(rule->children[i], each, context);
}

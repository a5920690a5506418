/* Masks and row rules in Trino's SQL, by their typed forms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifeguard/trino.h"

/* ---- types ---- */

/* The length of "character varying(20)", "varchar(20)", "char(5)"; 0 = none. */
static long length_of(const char *source_type)
{
    const char *open = source_type ? strchr(source_type, '(') : NULL;
    if (!open || !strstr(source_type, "char"))
        return 0;
    char *end;
    long length = strtol(open + 1, &end, 10);
    return *end == ')' && length > 0 ? length : 0;
}

static void put_type(struct tl_buf *sql, const struct tl_trino_column *column)
{
    long length = column->type.id == TL_TYPE_VARCHAR ? length_of(column->source_type) : 0;
    if (length)
        tl_buf_addf(sql, "varchar(%ld)", length);
    else
        tl_type_format_trino(sql, &column->type);
}

static bool is_text(const struct tl_trino_column *column)
{
    return column->type.id == TL_TYPE_VARCHAR;
}

static bool is_whole(enum tl_type_id id)
{
    return id >= TL_TYPE_INT8 && id <= TL_TYPE_UINT128;
}

/* ---- masks ---- */

static void put_ip_prefix(struct tl_buf *sql, const char *name, int64_t bits)
{
    static const char *const rests[] = {".0.0.0", ".0.0", ".0"};
    int parts = (int)(bits / 8);
    tl_buf_addf(sql, "CASE WHEN regexp_like(%s, '^[0-9]{1,3}([.][0-9]{1,3}){3}$') THEN ", name);
    for (int i = 1; i <= parts; i++)
        tl_buf_addf(sql, "%ssplit_part(%s, '.', %d)", i > 1 ? " || '.' || " : "", name, i);
    tl_buf_addf(sql, " || '%s' ELSE regexp_extract(%s, '^([0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}):', 1) || '::' END", rests[parts - 1], name);
}

static void put_bucket(struct tl_buf *sql, const char *name, long long width, const struct tl_trino_column *column)
{
    if (is_whole(column->type.id))
        tl_buf_addf(sql, "%s / %lld * %lld", name, width, width);
    else
        tl_buf_addf(sql, "truncate(%s / %lld) * %lld", name, width, width);
}

/* false: no form, the value is NULL. */
static bool put_form(struct tl_buf *sql, const struct tl_mask *mask, const char *name, const struct tl_trino_column *column)
{
    switch (mask->form) {
    case TL_MASK_REDACT:
        tl_buf_addf(sql, "CASE WHEN %s IS NOT NULL THEN '***' END", name);
        return true;
    case TL_MASK_LAST4:
        tl_buf_addf(sql, "CASE WHEN length(%s) > 4 THEN '****' || substr(%s, -4) WHEN %s IS NOT NULL THEN '****' END", name, name, name);
        return true;
    case TL_MASK_EMAIL_DOMAIN:
        tl_buf_addf(sql, "CASE WHEN strpos(%s, '@') > 0 THEN '***@' || element_at(split(%s, '@'), -1) WHEN %s IS NOT NULL THEN '***' END", name, name,
                    name);
        return true;
    case TL_MASK_YEAR:
        tl_buf_addf(sql, "date_trunc('year', %s)", name);
        return true;
    case TL_MASK_IP_PREFIX:
        put_ip_prefix(sql, name, mask->number);
        return true;
    case TL_MASK_BUCKET:
        put_bucket(sql, name, (long long)mask->number, column);
        return true;
    case TL_MASK_CONSTANT:
        tl_buf_add_literal(sql, mask->text, strlen(mask->text));
        return true;
    default:
        return false;
    }
}

void tl_trino_mask(struct tl_buf *sql, const struct tl_mask *mask, const struct tl_trino_column *column)
{
    enum { NAME_BYTES_MAX = 4096 };
    struct tl_buf name;
    tl_buf_init(&name, NAME_BYTES_MAX);
    tl_buf_add_identifier(&name, column->name);
    tl_buf_adds(sql, is_text(column) ? "CAST(" : "TRY_CAST(");
    if (!tl_mask_fits(mask, &column->type) || !put_form(sql, mask, tl_buf_cstr(&name), column))
        tl_buf_adds(sql, "NULL");
    tl_buf_adds(sql, " AS ");
    put_type(sql, column);
    tl_buf_addc(sql, ')');
    sql->failed = sql->failed || name.failed;
    tl_buf_done(&name);
}

/* ---- row rules ---- */

struct writing {
    struct tl_buf *sql;
    tl_trino_lookup lookup;
    void *context;
};

static const struct tl_trino_column *find_column(const struct tl_trino_dataset *dataset, const char *name)
{
    for (size_t i = 0; i < dataset->column_count; i++)
        if (strcmp(dataset->columns[i].name, name) == 0)
            return &dataset->columns[i];
    return NULL;
}

static void put_column(struct tl_buf *sql, const char *name, int depth)
{
    if (depth > 0)
        tl_buf_addf(sql, "tl_r%d.", depth);
    tl_buf_add_identifier(sql, name);
}

/* Trino converts nothing by itself: the text of a date is not a date. */
static void put_value(struct tl_buf *sql, const struct tl_rule_value *value, const struct tl_trino_column *column)
{
    if (value->type != TL_RULE_TEXT) {
        tl_buf_adds(sql, value->text);
        return;
    }
    tl_buf_adds(sql, is_text(column) ? "" : "CAST(");
    tl_buf_add_literal(sql, value->text, strlen(value->text));
    if (is_text(column))
        return;
    tl_buf_adds(sql, " AS ");
    put_type(sql, column);
    tl_buf_addc(sql, ')');
}

static bool put_compare(struct tl_buf *sql, const struct tl_rule *rule, const struct tl_trino_dataset *dataset, int depth)
{
    bool list;
    const char *sign = tl_rule_sign(rule, &list);
    const struct tl_trino_column *column = find_column(dataset, rule->column);
    if (!column)
        return false;
    if (!sign) {
        tl_buf_adds(sql, "false");
        return true;
    }
    put_column(sql, rule->column, depth);
    tl_buf_adds(sql, sign);
    tl_buf_adds(sql, list ? "(" : "");
    for (size_t i = 0; i < rule->value_count; i++) {
        tl_buf_adds(sql, i ? ", " : "");
        put_value(sql, &rule->values[i], column);
    }
    tl_buf_adds(sql, list ? ")" : "");
    return true;
}

static bool put_any(struct writing *w, const struct tl_rule *rule, const struct tl_trino_dataset *dataset, int depth);

static bool put_dataset(struct writing *w, const struct tl_rule *rule, int depth)
{
    const struct tl_trino_dataset *other = w->lookup(w->context, rule->source, rule->schema, rule->table);
    if (!other || !find_column(other, rule->key))
        return false;
    put_column(w->sql, rule->column, depth);
    tl_buf_adds(w->sql, " IN (SELECT ");
    put_column(w->sql, rule->key, depth + 1);
    tl_buf_adds(w->sql, " FROM ");
    tl_buf_add_identifier(w->sql, rule->source);
    tl_buf_addc(w->sql, '.');
    tl_buf_add_identifier(w->sql, rule->schema);
    tl_buf_addc(w->sql, '.');
    tl_buf_add_identifier(w->sql, rule->table);
    tl_buf_addf(w->sql, " tl_r%d", depth + 1);
    if (rule->child_count) {
        tl_buf_adds(w->sql, " WHERE ");
        if (!put_any(w, rule->children[0], other, depth + 1))
            return false;
    }
    tl_buf_addc(w->sql, ')');
    return true;
}

static bool put_any(struct writing *w, const struct tl_rule *rule, const struct tl_trino_dataset *dataset, int depth)
{
    bool said = true;
    tl_buf_addc(w->sql, '(');
    switch (rule->kind) {
    case TL_RULE_SQL:
        return false;
    case TL_RULE_COMPARE:
        said = put_compare(w->sql, rule, dataset, depth);
        break;
    case TL_RULE_DATASET:
        said = put_dataset(w, rule, depth);
        break;
    case TL_RULE_ALL:
    case TL_RULE_ANY:
        for (size_t i = 0; i < rule->child_count && said; i++) {
            tl_buf_adds(w->sql, i == 0 ? "" : rule->kind == TL_RULE_ALL ? " AND " : " OR ");
            said = put_any(w, rule->children[i], dataset, depth);
        }
        break;
    }
    tl_buf_addc(w->sql, ')');
    return said;
}

bool tl_trino_filter(struct tl_buf *sql, const struct tl_dataset_grant *grant, const struct tl_trino_dataset *dataset, tl_trino_lookup lookup,
                     void *context)
{
    struct writing writing = {sql, lookup, context};
    bool said = true;
    for (size_t i = 0; i < grant->row_rule_count && said; i++) {
        tl_buf_adds(sql, i ? " AND " : "");
        said = put_any(&writing, grant->row_rules[i], dataset, 0);
    }
    return said && !sql->failed;
}

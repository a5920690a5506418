/* One pass over a dataset: the joins it needs, and the conditions on its rows. */
#include <string.h>

#include "base/clock.h"
#include "data/value.h"
#include "skipper/metric_int.h"

#define DAY_US INT64_C(86400000000)

const char *tl_compare_sign(enum tl_compare compare)
{
    static const char *const signs[] = {"=", "<>", ">", ">=", "<", "<="};
    return signs[compare];
}

const char *tl_metric_instant(tl_arena *arena, int64_t at_us)
{
    char text[TL_CLOCK_TEXT_SIZE];
    tl_clock_text(text, at_us, 0);
    if (at_us % DAY_US == 0)
        return tl_arena_printf(arena, "DATE '%.10s'", text);
    return tl_arena_printf(arena, "TIMESTAMP '%.10s %.8s'", text, text + 11);
}

const char *tl_metric_singular(tl_arena *arena, const char *plural)
{
    size_t size = strlen(plural);
    char *text = tl_arena_strdup(arena, plural);
    if (size > 3 && strcmp(text + size - 3, "ies") == 0)
        memcpy(text + size - 3, "y", 2);
    else if (size > 1 && text[size - 1] == 's')
        text[size - 1] = '\0';
    for (char *c = text; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    return text;
}

static void put_name(struct tl_buf *sql, const char *name)
{
    static const char *const reserved[] = {"default", "group", "order", "select", "table", "user", "values", "where"};
    bool plain = *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) && !(*name >= '0' && *name <= '9');
    for (size_t i = 0; plain && i < sizeof reserved / sizeof *reserved; i++)
        plain = strcmp(name, reserved[i]) != 0;
    if (plain)
        tl_buf_adds(sql, name);
    else
        tl_buf_add_identifier(sql, name);
}

void tl_metric_put_table(const struct tl_semantic_dataset *dataset, struct tl_buf *sql)
{
    for (int i = 0; i < 3; i++) {
        tl_buf_adds(sql, i ? "." : "");
        put_name(sql, dataset->source[i]);
    }
    tl_buf_addf(sql, " AS %s", dataset->name);
}

void tl_pass_note(struct tl_metric_pass *pass, const char *note)
{
    for (size_t i = 0; i < *pass->note_count; i++)
        if (tl_streq(pass->notes[i], note))
            return;
    if (*pass->note_count < TL_METRIC_NOTES_MAX)
        pass->notes[(*pass->note_count)++] = note;
}

enum tl_code tl_pass_add_condition(struct tl_metric_pass *pass, const char *sql, bool anchor_only)
{
    if (pass->condition_count == TL_METRIC_CONDITIONS_MAX)
        return tl_err_set(pass->err, TL_TOO_LARGE, "more than %d conditions", TL_METRIC_CONDITIONS_MAX);
    pass->conditions[pass->condition_count++] = (struct tl_metric_condition){sql, anchor_only};
    return TL_OK;
}

/* Marks what the expression needs joined; each must be on a way of many to one. */
enum tl_code tl_pass_add_expression(struct tl_metric_pass *pass, int dataset, const char *expression, const char **ret_sql)
{
    struct tl_buf sql;
    int path[TL_SEMANTIC_DATASETS_MAX];
    bool *used = TL_NEW_ARRAY(pass->arena, bool, pass->model->dataset_count);
    tl_buf_init(&sql, TL_METRIC_SQL_MAX);
    enum tl_code code = tl_semantic_expand(pass->arena, pass->model, dataset, expression, used, &sql, pass->err);
    for (size_t i = 0; code == TL_OK && i < pass->model->dataset_count; i++) {
        int length = used[i] ? tl_semantic_path(pass->model, pass->anchor, (int)i, path) : 0;
        if (length < 0)
            code = tl_err_set(pass->err, TL_UNSUPPORTED, "no relationship leads from \"%s\" to \"%s\"", pass->model->datasets[pass->anchor].name,
                              pass->model->datasets[i].name);
        for (int k = 0; k < length; k++)
            pass->used[pass->model->relationships[path[k]].to] = true;
        pass->seen[i] = pass->seen[i] || used[i];
    }
    *ret_sql = tl_arena_strdup(pass->arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return code;
}

/* --- FROM, JOIN, WHERE --- */

static void put_join(const tl_semantic *model, const struct tl_semantic_relationship *relationship, struct tl_buf *sql)
{
    tl_buf_adds(sql, "\nJOIN ");
    tl_metric_put_table(&model->datasets[relationship->to], sql);
    for (size_t i = 0; i < relationship->column_count; i++)
        tl_buf_addf(sql, "%s%s.%s = %s.%s", i ? " AND " : " ON ", model->datasets[relationship->to].name, relationship->to_columns[i],
                    model->datasets[relationship->from].name, relationship->from_columns[i]);
}

/* Each relationship that a joined dataset is reached by, nearest first. */
static size_t joins_of(const struct tl_metric_pass *pass, int *relationships)
{
    int path[TL_SEMANTIC_DATASETS_MAX];
    bool joined[TL_SEMANTIC_DATASETS_MAX] = {false};
    size_t count = 0;
    for (size_t i = 0; i < pass->model->dataset_count; i++) {
        int length = pass->used[i] && (int)i != pass->anchor ? tl_semantic_path(pass->model, pass->anchor, (int)i, path) : 0;
        for (int k = 0; k < length; k++) {
            int to = pass->model->relationships[path[k]].to;
            if (!joined[to])
                relationships[count++] = path[k];
            joined[to] = true;
        }
    }
    return count;
}

void tl_pass_put_from(const struct tl_metric_pass *pass, enum tl_pass_rows rows, struct tl_buf *sql)
{
    int relationships[TL_SEMANTIC_DATASETS_MAX];
    size_t count = rows == TL_PASS_ANCHOR ? 0 : joins_of(pass, relationships), said = 0;
    tl_buf_adds(sql, "\nFROM ");
    tl_metric_put_table(&pass->model->datasets[pass->anchor], sql);
    for (size_t i = 0; i < count; i++)
        put_join(pass->model, &pass->model->relationships[relationships[i]], sql);
    for (size_t i = 0; i < pass->condition_count; i++)
        if (rows == TL_PASS_ALL || pass->conditions[i].anchor_only)
            tl_buf_addf(sql, "%s%s", said++ ? " AND " : "\nWHERE ", pass->conditions[i].sql);
}

void tl_pass_joins(const struct tl_metric_pass *pass, struct tl_metric_part *part)
{
    int relationships[TL_SEMANTIC_DATASETS_MAX];
    part->join_count = joins_of(pass, relationships);
    part->joins = TL_NEW_ARRAY(pass->arena, struct tl_metric_join, part->join_count);
    for (size_t i = 0; i < part->join_count; i++) {
        const struct tl_semantic_relationship *relationship = &pass->model->relationships[relationships[i]];
        part->joins[i] = (struct tl_metric_join){relationship->name, relationship->from, relationship->to};
    }
}

/* --- conditions --- */

static bool is_number(const char *text)
{
    size_t size = strlen(text), at = *text == '-';
    size_t digits = strspn(text + at, "0123456789"), rest = at + digits;
    if (digits > 0 && text[rest] == '.')
        rest += 1 + strspn(text + rest + 1, "0123456789");
    return digits > 0 && rest == size;
}

static void put_value(struct tl_buf *sql, const struct tl_semantic_field *field, const char *value)
{
    if (field->role == TL_ROLE_NUMBER && is_number(value))
        tl_buf_adds(sql, value);
    else
        tl_buf_add_literal(sql, value, strlen(value));
}

static const char *condition_text(struct tl_metric_pass *pass, const struct tl_metric_filter *filter, enum tl_compare compare, const char *expression)
{
    const struct tl_semantic_field *field = &pass->model->datasets[filter->dataset].fields[filter->field];
    struct tl_buf sql;
    tl_buf_init(&sql, TL_METRIC_SQL_MAX);
    if (field->role == TL_ROLE_CONDITION) {
        bool wanted = (compare == TL_COMPARE_EQUAL) == tl_streq(filter->values[0], "true");
        tl_buf_addf(&sql, wanted ? "(%s)" : "NOT (%s)", expression);
    } else if (filter->value_count == 1) {
        tl_buf_addf(&sql, "%s %s ", expression, tl_compare_sign(compare));
        put_value(&sql, field, filter->values[0]);
    } else {
        tl_buf_addf(&sql, "%s %s (", expression, compare == TL_COMPARE_NOT_EQUAL ? "NOT IN" : "IN");
        for (size_t i = 0; i < filter->value_count; i++) {
            tl_buf_adds(&sql, i ? ", " : "");
            put_value(&sql, field, filter->values[i]);
        }
        tl_buf_addc(&sql, ')');
    }
    const char *text = tl_arena_strdup(pass->arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return text;
}

static struct tl_metric_pass inner_pass(const struct tl_metric_pass *pass, int anchor)
{
    return (struct tl_metric_pass){.arena = pass->arena, .model = pass->model, .err = pass->err, .anchor = anchor, .notes = pass->notes,
                                   .note_count = pass->note_count, .seen = pass->seen, .used = TL_NEW_ARRAY(pass->arena, bool, pass->model->dataset_count)};
}

/* The field is on the side of many: those of the anchor that have such a row.  "Without": those that have none. */
static enum tl_code add_semi_join(struct tl_metric_pass *pass, const struct tl_metric_filter *filter)
{
    const struct tl_semantic_dataset *anchor = &pass->model->datasets[pass->anchor];
    const struct tl_semantic_field *field = &pass->model->datasets[filter->dataset].fields[filter->field];
    struct tl_metric_pass inner = inner_pass(pass, filter->dataset);
    bool negated = filter->compare == TL_COMPARE_NOT_EQUAL || (field->role == TL_ROLE_CONDITION && tl_streq(filter->values[0], "false"));
    struct tl_metric_filter positive = *filter;
    const char *expression;
    struct tl_buf sql;
    if (negated && field->role == TL_ROLE_CONDITION)
        positive.values[0] = "true";
    if (filter->compare == TL_COMPARE_NOT_EQUAL)
        positive.compare = TL_COMPARE_EQUAL;
    if (anchor->key_count != 1)
        return tl_err_set(pass->err, TL_UNSUPPORTED, "\"%s\" has no key of one column", anchor->name);
    inner.used[pass->anchor] = true;
    if (tl_pass_add_expression(&inner, filter->dataset, field->expression, &expression) != TL_OK)
        return pass->err->code;
    tl_buf_init(&sql, TL_METRIC_SQL_MAX);
    tl_buf_addf(&sql, "%s.%s %s (SELECT %s.%s", anchor->name, anchor->key[0], negated ? "NOT IN" : "IN", anchor->name, anchor->key[0]);
    tl_pass_put_from(&inner, TL_PASS_JOINED, &sql);
    tl_buf_addf(&sql, "\nWHERE %s)", condition_text(pass, &positive, positive.compare, expression));
    const char *text = tl_arena_strdup(pass->arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return tl_pass_add_condition(pass, text, true);
}

enum tl_code tl_pass_add_filter(struct tl_metric_pass *pass, const struct tl_metric_filter *filter)
{
    int path[TL_SEMANTIC_DATASETS_MAX];
    const struct tl_semantic_dataset *dataset = &pass->model->datasets[filter->dataset];
    const struct tl_semantic_field *field = &dataset->fields[filter->field];
    const char *expression;
    if (tl_semantic_path(pass->model, pass->anchor, filter->dataset, path) < 0) {
        if (tl_semantic_path(pass->model, filter->dataset, pass->anchor, path) >= 0)
            return add_semi_join(pass, filter);
        return tl_err_set(pass->err, TL_UNSUPPORTED, "\"%s\" cannot be filtered by \"%s\": no relationship leads from \"%s\" to \"%s\"",
                          pass->model->datasets[pass->anchor].name, field->name, pass->model->datasets[pass->anchor].name, dataset->name);
    }
    if (tl_pass_add_expression(pass, filter->dataset, field->expression, &expression) != TL_OK)
        return pass->err->code;
    return tl_pass_add_condition(pass, condition_text(pass, filter, filter->compare, expression),
                                 filter->dataset == pass->anchor && !strpbrk(field->expression, "."));
}

/* --- periods --- */

static bool is_whole(enum tl_time_grain grain, int64_t at_us)
{
    int64_t year;
    int month, day;
    tl_date_to_civil(at_us / DAY_US, &year, &month, &day);
    switch (grain) {
    case TL_GRAIN_WEEK:
        return at_us % DAY_US == 0 && (at_us / DAY_US + 3) % 7 == 0;
    case TL_GRAIN_MONTH:
        return at_us % DAY_US == 0 && day == 1;
    case TL_GRAIN_QUARTER:
        return at_us % DAY_US == 0 && day == 1 && month % 3 == 1;
    case TL_GRAIN_YEAR:
        return at_us % DAY_US == 0 && day == 1 && month == 1;
    case TL_GRAIN_DAY:
        return at_us % DAY_US == 0;
    case TL_GRAIN_NONE:
        break;
    }
    return true;
}

enum tl_code tl_pass_add_period(struct tl_metric_pass *pass, int dataset, int field, const struct tl_period *period)
{
    static const char *const words[] = {"", "days", "weeks", "months", "quarters", "years"};
    const struct tl_semantic_dataset *of = &pass->model->datasets[dataset];
    const char *expression;
    if (field < 0)
        return tl_err_set(pass->err, TL_UNSUPPORTED, "\"%s\" has no time, so it cannot be asked for a period", of->name);
    /* a period that lasts until now may end inside of one: what is there of it is meant */
    if (!is_whole(of->time_grain, period->from_us) || (period->to_us <= tl_clock_wall_us() && !is_whole(of->time_grain, period->to_us))) {
        tl_err_set(pass->err, TL_UNSUPPORTED, "\"%s\" is kept in whole %s, and \"%s\" is not made of whole ones", of->name, words[of->time_grain],
                   period->words ? period->words : "the period");
        tl_err_hint(pass->err, "ask for whole %s, such as \"last %.*s\"", words[of->time_grain], (int)strlen(words[of->time_grain]) - 1, words[of->time_grain]);
        return TL_UNSUPPORTED;
    }
    if (tl_pass_add_expression(pass, dataset, of->fields[field].expression, &expression) != TL_OK)
        return pass->err->code;
    const char *sql = tl_arena_printf(pass->arena, "%s >= %s AND %s < %s", expression, tl_metric_instant(pass->arena, period->from_us), expression,
                                      tl_metric_instant(pass->arena, period->to_us));
    return tl_pass_add_condition(pass, sql, dataset == pass->anchor);
}

/* --- sets: rows that a metric chooses --- */

enum tl_code tl_pass_add_set(struct tl_metric_pass *pass, const struct tl_metric_set *set)
{
    const struct tl_semantic_dataset *dataset = &pass->model->datasets[set->dataset];
    struct tl_metric_query query;
    struct tl_metric_sql chosen;
    const char *key;
    if (dataset->key_count != 1)
        return tl_err_set(pass->err, TL_UNSUPPORTED, "\"%s\" has no key of one column", dataset->name);
    tl_metric_query_init(&query);
    query.metrics[query.metric_count++] = set->by.metric;
    query.dimensions[query.dimension_count++] = (struct tl_metric_dimension){set->dataset, TL_DIMENSION_ENTITY, TL_GRAIN_NONE};
    query.period = set->period;
    query.limit = set->top;
    if (set->top == 0)
        query.thresholds[query.threshold_count++] = set->by;
    if (tl_metric_compile(pass->arena, pass->model, &query, &chosen, pass->err) != TL_OK)
        return pass->err->code;
    for (size_t i = 0; i < pass->model->dataset_count; i++)
        pass->seen[i] = pass->seen[i] || chosen.used[i];
    if (tl_pass_add_expression(pass, set->dataset, dataset->key[0], &key) != TL_OK)
        return pass->err->code;
    return tl_pass_add_condition(pass, tl_arena_printf(pass->arena, "%s IN (SELECT %s FROM (\n%s) AS chosen)", key, dataset->key[0], chosen.sql),
                                 set->dataset == pass->anchor);
}

/* --- values of a field --- */

enum tl_code tl_metric_members_sql(tl_arena *arena, const tl_semantic *model, int dataset, int field, int count_max, const char **ret_sql,
                                   struct tl_err *err)
{
    const char *notes[TL_METRIC_NOTES_MAX], *expression;
    size_t note_count = 0;
    struct tl_buf sql;
    struct tl_metric_pass pass = {.arena = arena, .model = model, .err = err, .anchor = dataset, .notes = notes, .note_count = &note_count,
                                  .used = TL_NEW_ARRAY(arena, bool, model->dataset_count), .seen = TL_NEW_ARRAY(arena, bool, model->dataset_count)};
    if (tl_pass_add_expression(&pass, dataset, model->datasets[dataset].fields[field].expression, &expression) != TL_OK)
        return err->code;
    tl_buf_init(&sql, TL_METRIC_SQL_MAX);
    tl_buf_addf(&sql, "SELECT DISTINCT %s AS member", expression);
    tl_pass_put_from(&pass, TL_PASS_ALL, &sql);
    tl_buf_addf(&sql, "\nLIMIT %d", count_max);
    *ret_sql = tl_arena_strdup(arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return TL_OK;
}

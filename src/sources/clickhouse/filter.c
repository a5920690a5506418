/* The allow-list.  Every entry names the test in clickhouse_filter_test.c that compares it with the truth.
 *
 *   = <> < <= > >= of a column and a constant   literal.c, by type
 *   > >= on floats                              test_float_filters_equal_the_truth   NaN is the greatest
 *   the same of two columns                     test_column_comparisons_equal_the_truth
 *   IN of constants                             test_lists_equal_the_truth
 *   IS [NOT] NULL                               test_null_filters_equal_the_truth
 *   AND OR NOT, a BOOLEAN column                test_logic_equals_the_truth
 *   prefix suffix contains                      test_text_functions_equal_the_truth
 */
#include <string.h>

#include "sources/clickhouse/filter.h"

enum { TYPES_BYTES_MAX = 64 * 1024 * 1024 };

struct filter {
    tl_source *source;
    const struct tl_source_dataset *dataset;
    tl_arena *arena;
    struct tl_buf *sql;
    const char *reason;
    int depth;
    bool negated; /* below a NOT */
};

static bool add(struct filter *filter, const struct tl_expr *expr);

static bool decline(struct filter *filter, const char *reason)
{
    if (!filter->reason)
        filter->reason = reason;
    return false;
}

/* The column of an expression with its type there; NULL when it cannot be compared there. */
static const struct tl_source_column *column_of(struct filter *filter, const struct tl_expr *expr,
                                                const struct tl_clickhouse_type **ret_type)
{
    const struct tl_source_dataset *dataset = filter->dataset;
    if (expr->kind != TL_EXPR_COLUMN || expr->column < 0 || (size_t)expr->column >= dataset->column_count)
        return NULL;
    const struct tl_source_column *column = &dataset->columns[expr->column];
    struct tl_clickhouse_column here = tl_clickhouse_column_of(filter->arena, filter->source, dataset->schema,
                                                               dataset->name, column->name, column->source_type);
    if (here.carry != TL_CLICKHOUSE_AS_IT_IS || column->unsupported)
        return NULL;
    *ret_type = here.type;
    return column;
}

static const char *sign(enum tl_expr_kind kind)
{
    static const char *const signs[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
    return signs[kind - TL_EXPR_EQ];
}

static enum tl_expr_kind turned(enum tl_expr_kind kind)
{
    switch (kind) {
    case TL_EXPR_LT:
        return TL_EXPR_GT;
    case TL_EXPR_LE:
        return TL_EXPR_GE;
    case TL_EXPR_GT:
        return TL_EXPR_LT;
    case TL_EXPR_GE:
        return TL_EXPR_LE;
    default:
        return kind;
    }
}

static bool with_constant(struct filter *filter, const struct tl_expr *left, const struct tl_expr *right,
                          enum tl_expr_kind op)
{
    const struct tl_clickhouse_type *type;
    const struct tl_source_column *column = column_of(filter, left, &type);
    if (!column)
        return decline(filter, "not a column with the same meaning there");
    type = tl_clickhouse_type_bare(type);
    bool with_nan = type->kind == TL_CLICKHOUSE_FLOAT && (op == TL_EXPR_GT || op == TL_EXPR_GE);
    tl_buf_addc(filter->sql, '(');
    tl_clickhouse_add_identifier(filter->sql, column->name);
    tl_buf_adds(filter->sql, sign(op));
    if (!tl_clickhouse_literal(filter->sql, type, &column->type, &right->value, op))
        return decline(filter, "type or constant has no equal meaning there");
    if (with_nan) {
        tl_buf_adds(filter->sql, " OR isNaN(");
        tl_clickhouse_add_identifier(filter->sql, column->name);
        tl_buf_addc(filter->sql, ')');
    }
    tl_buf_addc(filter->sql, ')');
    return true;
}

static bool same_order(const struct tl_clickhouse_type *a, const struct tl_clickhouse_type *b)
{
    bool kind = a->kind == TL_CLICKHOUSE_INT || a->kind == TL_CLICKHOUSE_UINT || a->kind == TL_CLICKHOUSE_STRING ||
                a->kind == TL_CLICKHOUSE_DATE || a->kind == TL_CLICKHOUSE_DATE32;
    return kind && a->kind == b->kind && a->width == b->width && a->width <= 16;
}

static bool of_columns(struct filter *filter, const struct tl_expr *left, const struct tl_expr *right,
                       enum tl_expr_kind op)
{
    const struct tl_clickhouse_type *left_type, *right_type;
    const struct tl_source_column *a = column_of(filter, left, &left_type), *b = column_of(filter, right, &right_type);
    if (!a || !b || !same_order(tl_clickhouse_type_bare(left_type), tl_clickhouse_type_bare(right_type)))
        return decline(filter, "two columns without an equal order there");
    tl_buf_addc(filter->sql, '(');
    tl_clickhouse_add_identifier(filter->sql, a->name);
    tl_buf_adds(filter->sql, sign(op));
    tl_clickhouse_add_identifier(filter->sql, b->name);
    tl_buf_addc(filter->sql, ')');
    return true;
}

static bool comparison(struct filter *filter, const struct tl_expr *expr)
{
    if (expr->child_count != 2)
        return decline(filter, "malformed");
    const struct tl_expr *left = expr->children[0], *right = expr->children[1];
    if (right->kind == TL_EXPR_CONSTANT)
        return with_constant(filter, left, right, expr->kind);
    if (left->kind == TL_EXPR_CONSTANT)
        return with_constant(filter, right, left, turned(expr->kind));
    return of_columns(filter, left, right, expr->kind);
}

/* NULL IN (...) is NULL here and 0 on older servers: the same for a row to keep, not below a NOT. */
static bool list(struct filter *filter, const struct tl_expr *expr)
{
    const struct tl_clickhouse_type *type;
    const struct tl_source_column *column = expr->child_count >= 2 ? column_of(filter, expr->children[0], &type) : NULL;
    if (!column)
        return decline(filter, "not a column with the same meaning there");
    if (expr->child_count > TL_CLICKHOUSE_PLAIN_LIST_MAX && atomic_load(&filter->source->mode) == TL_CLICKHOUSE_PLAIN)
        return decline(filter, "too long a list for a user that may set nothing");
    bool guarded = filter->negated && tl_clickhouse_type_nullable(type);
    type = tl_clickhouse_type_bare(type);
    if (guarded) {
        tl_buf_adds(filter->sql, "if(isNull(");
        tl_clickhouse_add_identifier(filter->sql, column->name);
        tl_buf_adds(filter->sql, "), NULL, ");
    }
    tl_buf_addc(filter->sql, '(');
    tl_clickhouse_add_identifier(filter->sql, column->name);
    for (size_t i = 1; i < expr->child_count; i++) {
        const struct tl_expr *one = expr->children[i];
        tl_buf_adds(filter->sql, i == 1 ? " IN (" : ", ");
        if (one->kind != TL_EXPR_CONSTANT ||
            !tl_clickhouse_literal(filter->sql, type, &column->type, &one->value, TL_EXPR_IN))
            return decline(filter, "type or constant has no equal meaning there");
    }
    tl_buf_adds(filter->sql, guarded ? ")))" : "))");
    return true;
}

static bool null_test(struct filter *filter, const struct tl_expr *expr)
{
    const struct tl_clickhouse_type *type;
    const struct tl_source_column *column = expr->child_count == 1 ? column_of(filter, expr->children[0], &type) : NULL;
    if (!column)
        return decline(filter, "not a column with the same meaning there");
    tl_buf_addc(filter->sql, '(');
    tl_clickhouse_add_identifier(filter->sql, column->name);
    tl_buf_adds(filter->sql, expr->kind == TL_EXPR_IS_NULL ? " IS NULL)" : " IS NOT NULL)");
    return true;
}

static bool logic(struct filter *filter, const struct tl_expr *expr)
{
    for (size_t i = 0; i < expr->child_count; i++) {
        tl_buf_adds(filter->sql, i == 0 ? "(" : expr->kind == TL_EXPR_AND ? " AND " : " OR ");
        if (!add(filter, expr->children[i]))
            return false;
    }
    tl_buf_addc(filter->sql, ')');
    return expr->child_count > 0 || decline(filter, "malformed");
}

static bool negation(struct filter *filter, const struct tl_expr *expr)
{
    bool before = filter->negated;
    if (expr->child_count != 1)
        return decline(filter, "malformed");
    filter->negated = true;
    tl_buf_adds(filter->sql, "(NOT ");
    if (!add(filter, expr->children[0]))
        return false;
    tl_buf_addc(filter->sql, ')');
    filter->negated = before;
    return true;
}

static bool boolean_column(struct filter *filter, const struct tl_expr *expr)
{
    const struct tl_clickhouse_type *type;
    const struct tl_source_column *column = column_of(filter, expr, &type);
    if (!column || tl_clickhouse_type_bare(type)->kind != TL_CLICKHOUSE_BOOL)
        return decline(filter, "not a truth value there");
    tl_clickhouse_add_identifier(filter->sql, column->name);
    return true;
}

/* Functions of bytes; the empty text and constants that are not text are left to the engine. */
static bool function(struct filter *filter, const struct tl_expr *expr)
{
    static const struct {
        const char *name, *before, *after;
    } functions[] = {
        {"prefix", "startsWith(", ")"}, {"suffix", "endsWith(", ")"}, {"contains", "(position(", ") > 0)"}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const struct tl_clickhouse_type *type;
        if (!tl_streq(expr->function, functions[i].name) || expr->child_count != 2)
            continue;
        const struct tl_source_column *column = column_of(filter, expr->children[0], &type);
        const struct tl_expr *text = expr->children[1];
        if (!column || tl_clickhouse_type_bare(type)->kind != TL_CLICKHOUSE_STRING ||
            column->type.id != TL_TYPE_VARCHAR || text->kind != TL_EXPR_CONSTANT || text->value.is_null ||
            text->value.type.id != TL_TYPE_VARCHAR || text->value.as.text.size == 0)
            return decline(filter, "only String columns and a constant text");
        tl_buf_adds(filter->sql, functions[i].before);
        tl_clickhouse_add_identifier(filter->sql, column->name);
        tl_buf_adds(filter->sql, ", ");
        tl_clickhouse_add_literal(filter->sql, text->value.as.text);
        tl_buf_adds(filter->sql, functions[i].after);
        return true;
    }
    return decline(filter, "function without an equal meaning there");
}

static bool add_by_kind(struct filter *filter, const struct tl_expr *expr)
{
    switch (expr->kind) {
    case TL_EXPR_EQ:
    case TL_EXPR_NE:
    case TL_EXPR_LT:
    case TL_EXPR_LE:
    case TL_EXPR_GT:
    case TL_EXPR_GE:
        return comparison(filter, expr);
    case TL_EXPR_IS_NULL:
    case TL_EXPR_IS_NOT_NULL:
        return null_test(filter, expr);
    case TL_EXPR_IN:
        return list(filter, expr);
    case TL_EXPR_NOT:
        return negation(filter, expr);
    case TL_EXPR_AND:
    case TL_EXPR_OR:
        return logic(filter, expr);
    case TL_EXPR_COLUMN:
        return boolean_column(filter, expr);
    case TL_EXPR_FUNCTION:
        return function(filter, expr);
    case TL_EXPR_CONSTANT:
        return decline(filter, "a constant alone");
    default:
        return decline(filter, "an expression without an equal spelling there");
    }
}

static bool add(struct filter *filter, const struct tl_expr *expr)
{
    if (++filter->depth > TL_EXPR_DEPTH_MAX)
        return decline(filter, "nested too deep");
    bool added = add_by_kind(filter, expr);
    filter->depth--;
    return added;
}

bool tl_clickhouse_filter(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr,
                          struct tl_buf *sql, const char **ret_reason)
{
    struct filter filter = {.source = source, .dataset = dataset, .arena = tl_arena_new(TYPES_BYTES_MAX), .sql = sql};
    bool added = add(&filter, expr);
    if (added && sql->failed)
        added = decline(&filter, "too long");
    tl_arena_free(filter.arena);
    if (!added && ret_reason)
        *ret_reason = filter.reason;
    return added;
}

bool tl_clickhouse_can_push(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr,
                            const char **reason)
{
    struct tl_buf sql;
    tl_buf_init(&sql, TL_CLICKHOUSE_SQL_BYTES_MAX / 2);
    bool can = tl_clickhouse_filter(source, dataset, expr, &sql, reason);
    tl_buf_done(&sql);
    return can;
}

/* test_order_equals_the_truth.  Floats (NaN), UUIDs, enums and addresses are ordered differently there. */
bool tl_clickhouse_can_push_order(tl_source *source, const struct tl_source_dataset *dataset,
                                  const struct tl_scan_order *order)
{
    struct filter filter = {.source = source, .dataset = dataset, .arena = tl_arena_new(TYPES_BYTES_MAX)};
    struct tl_expr expr = {.kind = TL_EXPR_COLUMN, .column = order->column};
    const struct tl_clickhouse_type *type;
    bool can = false;
    if (column_of(&filter, &expr, &type)) {
        type = tl_clickhouse_type_bare(type);
        can = type->kind == TL_CLICKHOUSE_BOOL || type->kind == TL_CLICKHOUSE_STRING ||
              type->kind == TL_CLICKHOUSE_DATE || type->kind == TL_CLICKHOUSE_DATE32 ||
              type->kind == TL_CLICKHOUSE_DATETIME || type->kind == TL_CLICKHOUSE_DATETIME64 ||
              (type->kind == TL_CLICKHOUSE_DECIMAL && type->precision <= 38) ||
              ((type->kind == TL_CLICKHOUSE_INT || type->kind == TL_CLICKHOUSE_UINT) && type->width <= 16);
    }
    tl_arena_free(filter.arena);
    return can;
}

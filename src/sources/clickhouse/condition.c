/* Comparisons, lists, NULL, logic, CASE: every row names the test in tests/integration/clickhouse_pushdown.c or
 * clickhouse_filter_test.c that compares it with the truth.
 *
 *   = <> < <= > >= of a column and a constant   literal.c, by type
 *   > >= on floats                              test_float_filters_equal_the_truth   NaN is the greatest
 *   the same of two columns                     test_column_comparisons_equal_the_truth
 *   the same of two expressions                 test_comparisons_of_expressions_equal_the_truth
 *   IN of constants                             test_lists_equal_the_truth
 *   IS [NOT] NULL                               test_null_filters_equal_the_truth
 *   AND OR NOT, a BOOLEAN column                test_logic_equals_the_truth
 *   CASE, COALESCE                              test_choices_equal_the_truth
 */
#include <string.h>

#include "sources/clickhouse/spell.h"

static bool decline(struct tl_clickhouse_speller *speller, const char *reason)
{
    return tl_clickhouse_decline(speller, reason);
}

/* The type of a column that means there what it means here; NULL when it is something else. */
static const struct tl_clickhouse_type *column_type(struct tl_clickhouse_speller *speller, const struct tl_expr *expr)
{
    struct tl_clickhouse_column here;
    const struct tl_source_column *column = tl_clickhouse_named_column(speller, expr, &here);
    return column && here.carry == TL_CLICKHOUSE_AS_IT_IS ? here.type : NULL;
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

static bool is_zero(const struct tl_expr *expr)
{
    return expr->kind == TL_EXPR_CONSTANT && !expr->value.is_null &&
           tl_clickhouse_is_real(expr->type.id) && expr->value.as.number == 0;
}

/* As the column is there, so that its index can be used.  But for zero: ClickHouse makes a set of three and more equalities of
 * one text, and a set tells -0.0 from 0.0. */
static bool column_with_constant(struct tl_clickhouse_speller *speller, const struct tl_expr *left,
                                 const struct tl_clickhouse_type *type, const struct tl_expr *right, enum tl_expr_kind op)
{
    const struct tl_source_dataset *dataset = speller->inputs[left->input].dataset;
    type = tl_clickhouse_type_bare(type);
    bool with_nan = type->kind == TL_CLICKHOUSE_FLOAT && (op == TL_EXPR_GT || op == TL_EXPR_GE);
    bool apart = type->kind == TL_CLICKHOUSE_FLOAT && (op == TL_EXPR_EQ || op == TL_EXPR_NE) && is_zero(right);
    tl_buf_adds(speller->sql, apart ? "(abs(" : "(");
    tl_clickhouse_add_column(speller, left);
    tl_buf_adds(speller->sql, apart ? ")" : "");
    tl_buf_adds(speller->sql, sign(op));
    if (!tl_clickhouse_literal(speller->sql, type, &dataset->columns[left->column].type, &right->value, op))
        return decline(speller, "type or constant has no equal meaning there");
    if (with_nan) {
        tl_buf_adds(speller->sql, " OR isNaN(");
        tl_clickhouse_add_column(speller, left);
        tl_buf_addc(speller->sql, ')');
    }
    tl_buf_addc(speller->sql, ')');
    return true;
}

static bool same_order(const struct tl_clickhouse_type *a, const struct tl_clickhouse_type *b)
{
    bool kind = a->kind == TL_CLICKHOUSE_INT || a->kind == TL_CLICKHOUSE_UINT || a->kind == TL_CLICKHOUSE_STRING ||
                a->kind == TL_CLICKHOUSE_DATE || a->kind == TL_CLICKHOUSE_DATE32;
    return kind && a->kind == b->kind && a->width == b->width && a->width <= 16;
}

static bool of_columns(struct tl_clickhouse_speller *speller, const struct tl_expr *left, const struct tl_expr *right,
                       enum tl_expr_kind op, bool *ret_added)
{
    const struct tl_clickhouse_type *a = column_type(speller, left), *b = column_type(speller, right);
    if (!a || !b || !same_order(tl_clickhouse_type_bare(a), tl_clickhouse_type_bare(b)))
        return false;
    tl_buf_addc(speller->sql, '(');
    tl_clickhouse_add_column(speller, left);
    tl_buf_adds(speller->sql, sign(op));
    tl_clickhouse_add_column(speller, right);
    tl_buf_addc(speller->sql, ')');
    *ret_added = true;
    return true;
}

static bool is_ascii_constant(const struct tl_expr *expr)
{
    if (expr->kind != TL_EXPR_CONSTANT || expr->value.is_null || expr->type.id != TL_TYPE_VARCHAR)
        return false;
    for (size_t i = 0; i < expr->value.as.text.size; i++)
        if ((unsigned char)expr->value.as.text.data[i] >= 0x80)
            return false;
    return true;
}

/* The engine's order has NaN as the greatest, equal to itself; a NULL on either side makes it NULL. */
static bool of_floats(struct tl_clickhouse_speller *speller, const char *a, const char *b, enum tl_expr_kind op,
                      bool nullable)
{
    static const char *const forms[] = {
        "($1 = $2 OR (isNaN($1) AND isNaN($2)))",       "(NOT ($1 = $2 OR (isNaN($1) AND isNaN($2))))",
        "(NOT isNaN($1) AND (isNaN($2) OR $1 < $2))",   "(isNaN($2) OR $1 <= $2)",
        "(NOT isNaN($2) AND (isNaN($1) OR $1 > $2))",   "(isNaN($1) OR $1 >= $2)",
    };
    if (strlen(a) + strlen(b) > TL_CLICKHOUSE_TWICE_BYTES_MAX)
        return decline(speller, "too long to be said twice");
    if (nullable)
        tl_buf_addf(speller->sql, "if(isNull(%s) OR isNull(%s), NULL, ", a, b);
    for (const char *form = forms[op - TL_EXPR_EQ]; *form; form++) {
        if (*form == '$')
            tl_buf_adds(speller->sql, *++form == '1' ? a : b);
        else
            tl_buf_addc(speller->sql, *form);
    }
    tl_buf_adds(speller->sql, nullable ? ")" : "");
    return true;
}

static bool of_expressions(struct tl_clickhouse_speller *speller, const struct tl_expr *left, const struct tl_expr *right,
                           enum tl_expr_kind op)
{
    struct tl_clickhouse_spelled a, b;
    bool equality = op == TL_EXPR_EQ || op == TL_EXPR_NE;
    enum tl_type_id id = left->type.id;
    const char *left_text = tl_clickhouse_spell_apart(speller, left, &a),
               *right_text = left_text ? tl_clickhouse_spell_apart(speller, right, &b) : NULL;
    if (!right_text)
        return decline(speller, "too long");
    if (id != right->type.id || (id == TL_TYPE_DECIMAL && left->type.scale != right->type.scale))
        return decline(speller, "two types");
    if ((a.folded || b.folded) && !(equality && (is_ascii_constant(left) || is_ascii_constant(right))))
        return decline(speller, "lower and upper case are not the same there, but for ASCII");
    if (equality && is_zero(right))
        left_text = tl_arena_printf(speller->arena, "abs(%s)", left_text);
    else if (equality && is_zero(left))
        right_text = tl_arena_printf(speller->arena, "abs(%s)", right_text);
    if (tl_clickhouse_is_real(id))
        return of_floats(speller, left_text, right_text, op, a.nullable || b.nullable);
    if (!tl_clickhouse_has_order(id) && !(equality && id == TL_TYPE_UUID))
        return decline(speller, "a type without an equal order there");
    tl_buf_addf(speller->sql, "(%s%s", left_text, sign(op));
    tl_buf_adds(speller->sql, right_text);
    tl_buf_addc(speller->sql, ')');
    return true;
}

static bool comparison(struct tl_clickhouse_speller *speller, const struct tl_expr *expr)
{
    if (expr->child_count != 2)
        return decline(speller, "malformed");
    const struct tl_expr *left = expr->children[0], *right = expr->children[1];
    const struct tl_clickhouse_type *type;
    bool added = false;
    if (right->kind == TL_EXPR_CONSTANT && !right->value.is_null && (type = column_type(speller, left)))
        return column_with_constant(speller, left, type, right, expr->kind);
    if (left->kind == TL_EXPR_CONSTANT && !left->value.is_null && (type = column_type(speller, right)))
        return column_with_constant(speller, right, type, left, turned(expr->kind));
    if (of_columns(speller, left, right, expr->kind, &added))
        return added;
    return of_expressions(speller, left, right, expr->kind);
}

/* The constants of a list; *ret_null: NULL is one of them. */
static bool add_members(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                        const struct tl_clickhouse_type *type, const struct tl_type *engine_type, bool folded, bool *ret_null)
{
    size_t added = 0;
    for (size_t i = 1; i < expr->child_count; i++) {
        const struct tl_expr *one = expr->children[i];
        if (one->kind == TL_EXPR_CONSTANT && one->value.is_null) {
            *ret_null = true;
            continue;
        }
        if (folded && !is_ascii_constant(one))
            return decline(speller, "lower and upper case are not the same there, but for ASCII");
        tl_buf_adds(speller->sql, added++ == 0 ? " IN (" : ", ");
        if (one->kind != TL_EXPR_CONSTANT ||
            !tl_clickhouse_literal(speller->sql, type, engine_type, &one->value, TL_EXPR_IN))
            return decline(speller, "type or constant has no equal meaning there");
    }
    return added > 0 || decline(speller, "a list of NULLs");
}

/* NULL IN (...) is NULL here and 0 on older servers: the same for a row to keep, not elsewhere.  A NULL in the list makes
 * what is not in it unknown. */
static bool list(struct tl_clickhouse_speller *speller, const struct tl_expr *expr)
{
    struct tl_clickhouse_spelled spelled;
    size_t start = speller->sql->size;
    bool null = false;
    if (expr->child_count < 2)
        return decline(speller, "malformed");
    if (expr->child_count > TL_CLICKHOUSE_PLAIN_LIST_MAX && atomic_load(&speller->source->mode) == TL_CLICKHOUSE_PLAIN)
        return decline(speller, "too long a list for a user that may set nothing");
    const struct tl_expr *value = expr->children[0];
    bool exact = speller->exact;
    speller->exact = true;
    bool added = tl_clickhouse_spell_value(speller, value, &spelled);
    speller->exact = exact;
    if (!added)
        return false;
    const char *text = tl_arena_strndup(speller->arena, speller->sql->data + start, speller->sql->size - start);
    if (!add_members(speller, expr, spelled.type, &value->type, spelled.folded, &null))
        return false;
    tl_clickhouse_wrap(speller->sql, start, "(", "))");
    if (exact && spelled.nullable && strlen(text) > TL_CLICKHOUSE_TWICE_BYTES_MAX)
        return decline(speller, "too long to be said twice");
    if (exact && spelled.nullable)
        tl_clickhouse_wrap(speller->sql, start, tl_arena_printf(speller->arena, "if(isNull(%s), NULL, ", text), ")");
    if (null)
        tl_clickhouse_wrap(speller->sql, start, "(", " OR NULL)");
    return true;
}

static bool null_test(struct tl_clickhouse_speller *speller, const struct tl_expr *expr)
{
    struct tl_clickhouse_spelled spelled;
    bool exact = speller->exact;
    if (expr->child_count != 1)
        return decline(speller, "malformed");
    speller->exact = true;
    tl_buf_addc(speller->sql, '(');
    if (!tl_clickhouse_spell_value(speller, expr->children[0], &spelled))
        return false;
    speller->exact = exact;
    tl_buf_adds(speller->sql, expr->kind == TL_EXPR_IS_NULL ? " IS NULL)" : " IS NOT NULL)");
    return true;
}

static bool logic(struct tl_clickhouse_speller *speller, const struct tl_expr *expr)
{
    for (size_t i = 0; i < expr->child_count; i++) {
        tl_buf_adds(speller->sql, i == 0 ? "(" : expr->kind == TL_EXPR_AND ? " AND " : " OR ");
        if (!tl_clickhouse_spell_truth(speller, expr->children[i]))
            return false;
    }
    tl_buf_addc(speller->sql, ')');
    return expr->child_count > 0 || decline(speller, "malformed");
}

static bool negation(struct tl_clickhouse_speller *speller, const struct tl_expr *expr)
{
    bool exact = speller->exact;
    if (expr->child_count != 1)
        return decline(speller, "malformed");
    speller->exact = true;
    tl_buf_adds(speller->sql, "(NOT ");
    if (!tl_clickhouse_spell_truth(speller, expr->children[0]))
        return false;
    tl_buf_addc(speller->sql, ')');
    speller->exact = exact;
    return true;
}

/* multiIf(condition, value, ..., value) or coalesce(value, ...) */
static bool choice(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                   struct tl_clickhouse_spelled *ret_spelled)
{
    bool is_case = expr->kind == TL_EXPR_CASE, exact = speller->exact, nullable = is_case ? false : true;
    if (is_case ? expr->child_count < 3 || expr->child_count % 2 == 0 : expr->child_count < 1)
        return decline(speller, "malformed");
    speller->exact = true;
    tl_buf_adds(speller->sql, is_case ? "multiIf(" : "coalesce(");
    for (size_t i = 0; i < expr->child_count; i++) {
        const struct tl_expr *child = expr->children[i];
        struct tl_clickhouse_spelled one;
        tl_buf_adds(speller->sql, i == 0 ? "" : ", ");
        if (is_case && i % 2 == 0 && i + 1 < expr->child_count) {
            if (!tl_clickhouse_spell_truth(speller, child))
                return false;
            continue;
        }
        if (!tl_clickhouse_spell_home(speller, child, &one))
            return false;
        if (child->type.id != expr->type.id || child->type.scale != expr->type.scale || one.folded)
            return decline(speller, "branches of different types");
        nullable = is_case ? nullable || one.nullable : nullable && one.nullable;
        ret_spelled->type = one.type;
    }
    tl_buf_addc(speller->sql, ')');
    speller->exact = exact;
    ret_spelled->nullable = nullable;
    return true;
}

bool tl_clickhouse_spell_condition(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                                   struct tl_clickhouse_spelled *ret_spelled)
{
    /* a truth value is as good as a Bool; whether it is NULL is not followed up */
    *ret_spelled = (struct tl_clickhouse_spelled){.type = tl_clickhouse_type_of(speller->arena, "Bool"), .nullable = true};
    switch (expr->kind) {
    case TL_EXPR_EQ:
    case TL_EXPR_NE:
    case TL_EXPR_LT:
    case TL_EXPR_LE:
    case TL_EXPR_GT:
    case TL_EXPR_GE:
        return comparison(speller, expr);
    case TL_EXPR_IS_NULL:
    case TL_EXPR_IS_NOT_NULL:
        return null_test(speller, expr);
    case TL_EXPR_IN:
        return list(speller, expr);
    case TL_EXPR_NOT:
        return negation(speller, expr);
    case TL_EXPR_AND:
    case TL_EXPR_OR:
        return logic(speller, expr);
    case TL_EXPR_CASE:
    case TL_EXPR_COALESCE:
        return choice(speller, expr, ret_spelled);
    default:
        return decline(speller, "an expression without an equal spelling there");
    }
}

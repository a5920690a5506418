#include "source/expr.h"

#include <string.h>

/* Values of these are compared as they are in every system: nothing is converted, so nothing overflows. */
static bool compares_safely(const struct tl_type *type)
{
    switch (type->id) {
    case TL_TYPE_BOOLEAN:
    case TL_TYPE_INT8:
    case TL_TYPE_INT16:
    case TL_TYPE_INT32:
    case TL_TYPE_INT64:
    case TL_TYPE_UINT8:
    case TL_TYPE_UINT16:
    case TL_TYPE_UINT32:
    case TL_TYPE_UINT64:
    case TL_TYPE_FLOAT:
    case TL_TYPE_DOUBLE:
    case TL_TYPE_VARCHAR:
    case TL_TYPE_UUID:
    case TL_TYPE_DATE:
    case TL_TYPE_TIMESTAMP:
    case TL_TYPE_TIMESTAMPTZ:
        return true;
    default:
        return false;
    }
}

/* A column or a constant, of the type of the first. */
static bool are_plain(const struct tl_expr *expr)
{
    const struct tl_type *type = &expr->children[0]->type;
    for (size_t i = 0; i < expr->child_count; i++) {
        const struct tl_expr *child = expr->children[i];
        if ((child->kind != TL_EXPR_COLUMN && child->kind != TL_EXPR_CONSTANT) || !tl_type_equal(&child->type, type))
            return false;
    }
    return compares_safely(type);
}

/* Looking for a constant text in a column.  A backslash may end a pattern, which is an error. */
static bool finds_text(const struct tl_expr *expr)
{
    static const char *const names[] = {"prefix", "suffix", "contains", "starts_with", "ends_with", "~~", "!~~"};
    bool known = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !known; i++)
        known = strcmp(expr->function, names[i]) == 0;
    if (!known || expr->child_count != 2 || !are_plain(expr) || expr->children[1]->kind != TL_EXPR_CONSTANT)
        return false;
    const struct tl_value *wanted = &expr->children[1]->value;
    bool odd = !wanted->is_null && wanted->as.text.size > 0 && memchr(wanted->as.text.data, '\\', wanted->as.text.size);
    return expr->children[0]->type.id == TL_TYPE_VARCHAR && !odd;
}

static bool all_never_fail(const struct tl_expr *expr)
{
    bool never = true;
    for (size_t i = 0; i < expr->child_count && never; i++)
        never = tl_expr_never_fails(expr->children[i]);
    return never;
}

bool tl_expr_never_fails(const struct tl_expr *expr)
{
    switch (expr->kind) {
    case TL_EXPR_COLUMN:
    case TL_EXPR_CONSTANT:
        return true;
    case TL_EXPR_EQ:
    case TL_EXPR_NE:
    case TL_EXPR_LT:
    case TL_EXPR_LE:
    case TL_EXPR_GT:
    case TL_EXPR_GE:
    case TL_EXPR_IN:
        return are_plain(expr);
    case TL_EXPR_FUNCTION:
        return finds_text(expr);
    case TL_EXPR_IS_NULL:
    case TL_EXPR_IS_NOT_NULL:
    case TL_EXPR_NOT:
    case TL_EXPR_AND:
    case TL_EXPR_OR:
    case TL_EXPR_COALESCE:
        return all_never_fail(expr);
    default:
        return false;
    }
}

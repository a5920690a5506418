#include "sources/clickhouse/test_truth.h"

#include <math.h>
#include <string.h>

static bool is_unsigned(enum tl_type_id id)
{
    return id == TL_TYPE_BOOLEAN || (id >= TL_TYPE_UINT8 && id <= TL_TYPE_UINT64);
}

static void read_number(struct tl_value *value, const uint8_t *bytes, size_t width)
{
    uint64_t halves[2] = {0};
    if (width > 0)
        memcpy(halves, bytes, width);
    if (width == 16) {
        value->as.int128.low = halves[0];
        value->as.int128.high = (int64_t)halves[1];
    } else if (value->type.id == TL_TYPE_BOOLEAN) {
        value->as.boolean = halves[0] != 0;
    } else if (is_unsigned(value->type.id)) {
        value->as.uint64 = halves[0];
    } else if (width > 0) {
        int shift = 64 - (int)width * 8;
        value->as.int64 = (int64_t)(halves[0] << shift) >> shift;
    }
}

struct tl_value test_value(const struct tl_vector *vector, size_t row)
{
    struct tl_value value = {.type = *vector->type, .is_null = tl_vector_is_null(vector, row)};
    if (value.is_null)
        return value;
    if (tl_type_is_text(vector->type))
        value.as.text = tl_vector_text(vector, row);
    else if (vector->type->id == TL_TYPE_FLOAT)
        value.as.number = (double)((const float *)vector->data)[row];
    else if (vector->type->id == TL_TYPE_DOUBLE)
        value.as.number = ((const double *)vector->data)[row];
    else
        read_number(&value, (const uint8_t *)vector->data + row * tl_type_width(vector->type),
                    tl_type_width(vector->type));
    return value;
}

static int order(__int128 a, __int128 b)
{
    return (a > b) - (a < b);
}

static int order_numbers(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

static int order_texts(struct tl_str a, struct tl_str b)
{
    int result = a.size && b.size ? memcmp(a.data, b.data, a.size < b.size ? a.size : b.size) : 0;
    return result ? result : (a.size > b.size) - (a.size < b.size);
}

static unsigned __int128 wide(const struct tl_value *value)
{
    return (unsigned __int128)(uint64_t)value->as.int128.high << 64 | value->as.int128.low;
}

int test_compare(const struct tl_value *a, const struct tl_value *b)
{
    enum tl_type_id id = a->type.id;
    if (tl_type_is_text(&a->type))
        return order_texts(a->as.text, b->as.text);
    if (id == TL_TYPE_FLOAT || id == TL_TYPE_DOUBLE)
        return order_numbers(a->as.number, b->as.number);
    if (id == TL_TYPE_BOOLEAN)
        return order(a->as.boolean, b->as.boolean);
    if (is_unsigned(id))
        return order(a->as.uint64, b->as.uint64);
    if (tl_type_width(&a->type) == 16) {
        unsigned __int128 x = wide(a), y = wide(b);
        return id == TL_TYPE_UINT128 ? (x > y) - (x < y) : order((__int128)x, (__int128)y);
    }
    return order(a->as.int64, b->as.int64);
}

static enum test_tri tri(bool truth)
{
    return truth ? TEST_TRUE : TEST_FALSE;
}

static struct tl_value operand(const struct tl_chunk *chunk, size_t row, const struct tl_expr *expr)
{
    return expr->kind == TL_EXPR_COLUMN ? test_value(&chunk->columns[expr->column], row) : expr->value;
}

static enum test_tri compared(enum tl_expr_kind kind, const struct tl_value *a, const struct tl_value *b)
{
    if (a->is_null || b->is_null)
        return TEST_UNKNOWN;
    int result = test_compare(a, b);
    switch (kind) {
    case TL_EXPR_EQ:
        return tri(result == 0);
    case TL_EXPR_NE:
        return tri(result != 0);
    case TL_EXPR_LT:
        return tri(result < 0);
    case TL_EXPR_LE:
        return tri(result <= 0);
    case TL_EXPR_GT:
        return tri(result > 0);
    default:
        return tri(result >= 0);
    }
}

static enum test_tri in_list(const struct tl_chunk *chunk, size_t row, const struct tl_expr *expr)
{
    struct tl_value value = operand(chunk, row, expr->children[0]);
    enum test_tri result = value.is_null ? TEST_UNKNOWN : TEST_FALSE;
    for (size_t i = 1; result != TEST_TRUE && i < expr->child_count; i++) {
        enum test_tri one = compared(TL_EXPR_EQ, &value, &expr->children[i]->value);
        result = one == TEST_FALSE ? result : one;
    }
    return result;
}

static enum test_tri joined(const struct tl_chunk *chunk, size_t row, const struct tl_expr *expr)
{
    enum test_tri end = tri(expr->kind == TL_EXPR_OR), result = tri(expr->kind == TL_EXPR_AND);
    for (size_t i = 0; i < expr->child_count; i++) {
        enum test_tri one = test_truth(chunk, row, expr->children[i]);
        if (one == end)
            return end;
        result = one == TEST_UNKNOWN ? one : result;
    }
    return result;
}

static enum test_tri function(const struct tl_chunk *chunk, size_t row, const struct tl_expr *expr)
{
    struct tl_value value = operand(chunk, row, expr->children[0]), part = expr->children[1]->value;
    struct tl_str text = value.as.text, wanted = part.as.text;
    if (value.is_null || part.is_null)
        return TEST_UNKNOWN;
    if (wanted.size > text.size)
        return TEST_FALSE;
    if (tl_streq(expr->function, "prefix"))
        return tri(memcmp(text.data, wanted.data, wanted.size) == 0);
    if (tl_streq(expr->function, "suffix"))
        return tri(memcmp(text.data + text.size - wanted.size, wanted.data, wanted.size) == 0);
    return tri(memmem(text.data, text.size, wanted.data, wanted.size) != NULL);
}

enum test_tri test_truth(const struct tl_chunk *chunk, size_t row, const struct tl_expr *expr)
{
    struct tl_value a, b;
    switch (expr->kind) {
    case TL_EXPR_COLUMN:
        a = operand(chunk, row, expr);
        return a.is_null ? TEST_UNKNOWN : tri(a.as.boolean);
    case TL_EXPR_IS_NULL:
    case TL_EXPR_IS_NOT_NULL:
        return tri(operand(chunk, row, expr->children[0]).is_null == (expr->kind == TL_EXPR_IS_NULL));
    case TL_EXPR_IN:
        return in_list(chunk, row, expr);
    case TL_EXPR_NOT: {
        enum test_tri one = test_truth(chunk, row, expr->children[0]);
        return one == TEST_UNKNOWN ? one : tri(one == TEST_FALSE);
    }
    case TL_EXPR_AND:
    case TL_EXPR_OR:
        return joined(chunk, row, expr);
    case TL_EXPR_FUNCTION:
        return function(chunk, row, expr);
    default:
        a = operand(chunk, row, expr->children[0]);
        b = operand(chunk, row, expr->children[1]);
        return compared(expr->kind, &a, &b);
    }
}

struct tl_expr *test_expr(tl_arena *arena, enum tl_expr_kind kind, size_t child_count, struct tl_expr **children)
{
    struct tl_expr *expr = TL_NEW(arena, struct tl_expr);
    expr->kind = kind;
    expr->type = tl_type_simple(TL_TYPE_BOOLEAN);
    expr->child_count = child_count;
    expr->children = TL_NEW_ARRAY(arena, struct tl_expr *, child_count);
    if (child_count > 0)
        memcpy(expr->children, children, child_count * sizeof *children);
    return expr;
}

struct tl_expr *test_column(tl_arena *arena, const struct tl_source_dataset *dataset, int column)
{
    struct tl_expr *expr = test_expr(arena, TL_EXPR_COLUMN, 0, NULL);
    expr->column = column;
    expr->type = dataset->columns[column].type;
    return expr;
}

struct tl_expr *test_constant(tl_arena *arena, struct tl_value value)
{
    struct tl_expr *expr = test_expr(arena, TL_EXPR_CONSTANT, 0, NULL);
    expr->value = value;
    expr->type = value.type;
    return expr;
}

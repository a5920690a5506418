#include <math.h>

#include "sources/postgres/test_truth.h"

enum { TEXT_SIZE = 256 };

/* --- values as they are carried --- */

struct tl_value test_value_at(const struct tl_vector *vector, size_t row)
{
    struct tl_value value = {.type = *vector->type, .is_null = tl_vector_is_null(vector, row)};
    if (value.is_null)
        return value;
    switch (vector->type->id) {
    case TL_TYPE_BOOLEAN:
        value.as.boolean = ((const uint8_t *)vector->data)[row];
        break;
    case TL_TYPE_INT16:
        value.as.int64 = ((const int16_t *)vector->data)[row];
        break;
    case TL_TYPE_INT32:
    case TL_TYPE_DATE:
        value.as.int64 = ((const int32_t *)vector->data)[row];
        break;
    case TL_TYPE_FLOAT:
        value.as.number = (double)((const float *)vector->data)[row];
        break;
    case TL_TYPE_DOUBLE:
        value.as.number = ((const double *)vector->data)[row];
        break;
    case TL_TYPE_UUID:
        memcpy(&value.as.int128, (const char *)vector->data + row * 16, 16);
        break;
    case TL_TYPE_DECIMAL:
        if (vector->type->precision > 18)
            memcpy(&value.as.int128, (const char *)vector->data + row * 16, 16);
        else if (vector->type->precision > 9)
            value.as.int64 = ((const int64_t *)vector->data)[row];
        else if (vector->type->precision > 4)
            value.as.int64 = ((const int32_t *)vector->data)[row];
        else
            value.as.int64 = ((const int16_t *)vector->data)[row];
        break;
    case TL_TYPE_VARCHAR:
    case TL_TYPE_BLOB:
        value.as.text = tl_vector_text(vector, row);
        break;
    case TL_TYPE_JSON:
    case TL_TYPE_LIST:
        break;
    default:
        value.as.int64 = ((const int64_t *)vector->data)[row];
    }
    return value;
}

static int compare_texts(struct tl_str a, struct tl_str b)
{
    size_t least = a.size < b.size ? a.size : b.size;
    int order = least ? memcmp(a.data, b.data, least) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_numbers(double a, double b)
{
    if (isnan(a) || isnan(b))
        return !!isnan(a) - !!isnan(b);
    return (a > b) - (a < b);
}

/* Exact numbers as multiples of 10^-10. */
static __int128 exact(const struct tl_value *value)
{
    int scale = value->type.id == TL_TYPE_DECIMAL ? value->type.scale : 0;
    bool large = value->type.id == TL_TYPE_INT128 || (value->type.id == TL_TYPE_DECIMAL && value->type.precision > 18);
    __int128 number = large
                          ? (__int128)((unsigned __int128)(uint64_t)value->as.int128.high << 64 | value->as.int128.low)
                          : value->as.int64;
    for (; scale < 10; scale++)
        number *= 10;
    return number;
}

int test_compare(const struct tl_value *a, const struct tl_value *b)
{
    switch (a->type.id) {
    case TL_TYPE_BOOLEAN:
        return a->as.boolean - b->as.boolean;
    case TL_TYPE_FLOAT:
    case TL_TYPE_DOUBLE:
        return compare_numbers(a->as.number, b->as.number);
    case TL_TYPE_VARCHAR:
    case TL_TYPE_BLOB:
        return compare_texts(a->as.text, b->as.text);
    case TL_TYPE_UUID: {
        if (a->as.int128.high != b->as.int128.high)
            return a->as.int128.high > b->as.int128.high ? 1 : -1;
        return (a->as.int128.low > b->as.int128.low) - (a->as.int128.low < b->as.int128.low);
    }
    case TL_TYPE_DATE:
    case TL_TYPE_TIME:
    case TL_TYPE_TIMESTAMP:
    case TL_TYPE_TIMESTAMPTZ:
        return (a->as.int64 > b->as.int64) - (a->as.int64 < b->as.int64);
    default:
        return (exact(a) > exact(b)) - (exact(a) < exact(b));
    }
}

/* --- the truth --- */

static bool holds(enum tl_expr_kind kind, int order)
{
    switch (kind) {
    case TL_EXPR_EQ:
        return order == 0;
    case TL_EXPR_NE:
        return order != 0;
    case TL_EXPR_LT:
        return order < 0;
    case TL_EXPR_LE:
        return order <= 0;
    case TL_EXPR_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static struct tl_value operand(const struct tl_expr *expr, const struct tl_chunk *all, size_t row)
{
    return expr->kind == TL_EXPR_CONSTANT ? expr->value : test_value_at(&all->columns[expr->column], row);
}

static size_t character_size(const char *text)
{
    size_t size = 1;
    while (((unsigned char)text[size] & 0xC0) == 0x80)
        size++;
    return size;
}

static bool like(const char *text, const char *pattern)
{
    if (!*pattern)
        return !*text;
    if (*pattern == '%')
        return like(text, pattern + 1) || (*text && like(text + character_size(text), pattern));
    if (!*text)
        return false;
    if (*pattern == '_')
        return like(text + character_size(text), pattern + 1);
    return *text == *pattern && like(text + 1, pattern + 1);
}

static bool function_holds(const char *function, struct tl_str text, struct tl_str part)
{
    char a[TEXT_SIZE] = "", b[TEXT_SIZE] = "";
    size_t a_size = text.size, b_size = part.size;
    assert_true(a_size < TEXT_SIZE && b_size < TEXT_SIZE);
    memcpy(a, text.data, a_size);
    memcpy(b, part.data, b_size);
    if (tl_streq(function, "~~"))
        return like(a, b);
    if (tl_streq(function, "!~~"))
        return !like(a, b);
    if (tl_streq(function, "contains"))
        return strstr(a, b) != NULL;
    if (a_size < b_size)
        return false;
    bool at_end = tl_streq(function, "suffix") || tl_streq(function, "ends_with");
    return memcmp(at_end ? a + a_size - b_size : a, b, b_size) == 0;
}

static int logic_truth(const struct tl_expr *expr, const struct tl_chunk *all, size_t row)
{
    int result = expr->kind == TL_EXPR_AND;
    for (size_t i = 0; i < expr->child_count; i++) {
        int child = test_truth(expr->children[i], all, row);
        if (child == (expr->kind == TL_EXPR_OR))
            return child;
        if (child == TEST_NULL)
            result = TEST_NULL;
    }
    return result;
}

static int in_truth(const struct tl_expr *expr, const struct tl_chunk *all, size_t row)
{
    struct tl_value left = operand(expr->children[0], all, row);
    if (left.is_null)
        return TEST_NULL;
    for (size_t i = 1; i < expr->child_count; i++)
        if (test_compare(&left, &expr->children[i]->value) == 0)
            return TEST_TRUE;
    return TEST_FALSE;
}

int test_truth(const struct tl_expr *expr, const struct tl_chunk *all, size_t row)
{
    int child;
    struct tl_value left, right;
    switch (expr->kind) {
    case TL_EXPR_AND:
    case TL_EXPR_OR:
        return logic_truth(expr, all, row);
    case TL_EXPR_NOT:
        child = test_truth(expr->children[0], all, row);
        return child == TEST_NULL ? child : !child;
    case TL_EXPR_IS_NULL:
    case TL_EXPR_IS_NOT_NULL:
        child = expr->children[0]->kind == TL_EXPR_COLUMN
                    ? tl_vector_is_null(&all->columns[expr->children[0]->column], row)
                    : test_truth(expr->children[0], all, row) == TEST_NULL;
        return child == (expr->kind == TL_EXPR_IS_NULL);
    case TL_EXPR_IN:
        return in_truth(expr, all, row);
    case TL_EXPR_COLUMN:
    case TL_EXPR_CONSTANT:
        left = operand(expr, all, row);
        return left.is_null ? TEST_NULL : left.as.boolean;
    default:
        left = operand(expr->children[0], all, row);
        right = operand(expr->children[1], all, row);
        if (left.is_null || right.is_null)
            return TEST_NULL;
        if (expr->kind == TL_EXPR_FUNCTION)
            return function_holds(expr->function, left.as.text, right.as.text);
        return holds(expr->kind, test_compare(&left, &right));
    }
}

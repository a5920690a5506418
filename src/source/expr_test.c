/* What can fail on no row may be computed before a row rule; all else may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/expr.h"

static struct tl_expr column_of(enum tl_type_id id)
{
    return (struct tl_expr){.kind = TL_EXPR_COLUMN, .type = tl_type_simple(id)};
}

static struct tl_expr constant_of(enum tl_type_id id)
{
    return (struct tl_expr){.kind = TL_EXPR_CONSTANT, .type = tl_type_simple(id), .value = {.type = tl_type_simple(id)}};
}

static bool never_fails(enum tl_expr_kind kind, const char *function, struct tl_expr left, struct tl_expr right)
{
    struct tl_expr *children[] = {&left, &right};
    bool one = kind == TL_EXPR_NOT || kind == TL_EXPR_IS_NULL || kind == TL_EXPR_CAST;
    struct tl_expr expr = {.kind = kind, .type = tl_type_simple(TL_TYPE_BOOLEAN), .function = function, .child_count = one ? 1 : 2, .children = children};
    return tl_expr_never_fails(&expr);
}

static void test_plain_comparisons_never_fail(void **state)
{
    (void)state;
    static const enum tl_type_id types[] = {TL_TYPE_BOOLEAN, TL_TYPE_INT32, TL_TYPE_INT64, TL_TYPE_DOUBLE, TL_TYPE_VARCHAR, TL_TYPE_DATE, TL_TYPE_TIMESTAMP};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (int kind = TL_EXPR_EQ; kind <= TL_EXPR_GE; kind++)
            assert_true(never_fails((enum tl_expr_kind)kind, NULL, column_of(types[i]), constant_of(types[i])));
    assert_true(never_fails(TL_EXPR_IN, NULL, column_of(TL_TYPE_INT32), constant_of(TL_TYPE_INT32)));
    assert_true(never_fails(TL_EXPR_EQ, NULL, column_of(TL_TYPE_INT32), column_of(TL_TYPE_INT32)));
    assert_true(never_fails(TL_EXPR_IS_NULL, NULL, column_of(TL_TYPE_LIST), column_of(TL_TYPE_LIST)));
}

static void test_what_converts_may_fail(void **state)
{
    (void)state;
    struct tl_expr money = column_of(TL_TYPE_DECIMAL), price = constant_of(TL_TYPE_DECIMAL);
    money.type = tl_type_decimal(38, 2);
    price.type = tl_type_decimal(38, 6);
    assert_false(never_fails(TL_EXPR_EQ, NULL, money, price));
    assert_false(never_fails(TL_EXPR_EQ, NULL, money, money));
    assert_false(never_fails(TL_EXPR_EQ, NULL, column_of(TL_TYPE_INT32), constant_of(TL_TYPE_INT64)));
    assert_false(never_fails(TL_EXPR_EQ, NULL, column_of(TL_TYPE_TIME), constant_of(TL_TYPE_TIME)));
    assert_false(never_fails(TL_EXPR_CAST, NULL, column_of(TL_TYPE_VARCHAR), column_of(TL_TYPE_VARCHAR)));
    assert_false(never_fails(TL_EXPR_CASE, NULL, column_of(TL_TYPE_VARCHAR), column_of(TL_TYPE_VARCHAR)));
}

static void test_functions_may_fail_but_searches_for_a_constant(void **state)
{
    (void)state;
    static const char *const fail[] = {"+", "-", "*", "/", "//", "%", "sqrt", "ln", "chr", "repeat", "substr", "make_date", "lower", "concat"};
    struct tl_expr text = column_of(TL_TYPE_VARCHAR), wanted = constant_of(TL_TYPE_VARCHAR);
    for (size_t i = 0; i < sizeof fail / sizeof *fail; i++)
        assert_false(never_fails(TL_EXPR_FUNCTION, fail[i], text, wanted));
    wanted.value.as.text = TL_STR("a%b_");
    assert_true(never_fails(TL_EXPR_FUNCTION, "~~", text, wanted));
    assert_true(never_fails(TL_EXPR_FUNCTION, "prefix", text, wanted));
    assert_false(never_fails(TL_EXPR_FUNCTION, "prefix", wanted, text));
    wanted.value.as.text = TL_STR("a\\");
    assert_false(never_fails(TL_EXPR_FUNCTION, "~~", text, wanted)); /* a pattern that ends in its escape is an error */
}

static void test_what_is_made_of_both_may_fail(void **state)
{
    (void)state;
    struct tl_expr number = column_of(TL_TYPE_INT32), one = constant_of(TL_TYPE_INT32), *pair[] = {&number, &one};
    struct tl_expr safe = {.kind = TL_EXPR_EQ, .type = tl_type_simple(TL_TYPE_BOOLEAN), .child_count = 2, .children = pair};
    struct tl_expr cast = {.kind = TL_EXPR_CAST, .type = tl_type_simple(TL_TYPE_INT32), .child_count = 1, .children = pair};
    struct tl_expr *casts[] = {&cast, &one}, *nulls[] = {&cast};
    struct tl_expr unsafe = {.kind = TL_EXPR_EQ, .type = tl_type_simple(TL_TYPE_BOOLEAN), .child_count = 2, .children = casts};
    struct tl_expr is_null = {.kind = TL_EXPR_IS_NULL, .type = tl_type_simple(TL_TYPE_BOOLEAN), .child_count = 1, .children = nulls};
    for (int kind = TL_EXPR_NOT; kind <= TL_EXPR_OR; kind++) {
        assert_true(never_fails((enum tl_expr_kind)kind, NULL, safe, safe));
        assert_false(never_fails((enum tl_expr_kind)kind, NULL, unsafe, safe));
    }
    assert_false(never_fails(TL_EXPR_AND, NULL, safe, unsafe));
    assert_false(never_fails(TL_EXPR_COALESCE, NULL, safe, unsafe));
    assert_false(tl_expr_never_fails(&is_null));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_comparisons_never_fail),
        cmocka_unit_test(test_what_converts_may_fail),
        cmocka_unit_test(test_functions_may_fail_but_searches_for_a_constant),
        cmocka_unit_test(test_what_is_made_of_both_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "auth/principal.h"
#include "lifeguard/clearance.h"

static tl_arena *arena;
static struct tl_request rq;
static const struct tl_principal alice = {.user = "alice"}, bob = {.user = "bob"};

static int setup(void **state)
{
    (void)state;
    arena = tl_arena_new(16 << 20);
    tl_request_init(&rq, arena);
    rq.principal = &alice;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static const char *const columns[] = {"id", "email"};
static const struct tl_access_need accounts = {"ops", "public", "accounts", TL_ACCESS_READ, 2, columns};
static const struct tl_access_need zones = {"ops", "public", "zones", TL_ACCESS_READ, 1, columns};

static const char *name_of(const struct tl_access_need *needs, size_t count)
{
    const tl_clearance *clearance;
    assert_int_equal(tl_lifeguard_decide(&rq, needs, count, &clearance), TL_OK);
    return tl_clearance_name(clearance);
}

static void test_every_column_and_row_is_granted(void **state)
{
    (void)state;
    const tl_clearance *clearance;
    assert_int_equal(tl_lifeguard_decide(&rq, &accounts, 1, &clearance), TL_OK);
    assert_int_equal(tl_clearance_count(clearance), 1);
    const struct tl_dataset_grant *grant = tl_clearance_grant(clearance, 0);
    assert_string_equal(grant->need.table, "accounts");
    assert_int_equal(grant->need.access, TL_ACCESS_READ);
    assert_int_equal(grant->column_count, 2);
    assert_string_equal(grant->columns[1], "email");
    assert_null(grant->expressions[1]);
    assert_null(grant->row_rule);
    assert_null(tl_clearance_grant(clearance, 1));
}

static void test_grant_outlives_what_was_asked(void **state)
{
    (void)state;
    char table[] = "accounts";
    struct tl_access_need need = accounts;
    need.table = table;
    const tl_clearance *clearance;
    assert_int_equal(tl_lifeguard_decide(&rq, &need, 1, &clearance), TL_OK);
    memset(table, 'x', sizeof table - 1);
    assert_string_equal(tl_clearance_grant(clearance, 0)->need.table, "accounts");
}

static void test_write_access_is_kept(void **state)
{
    (void)state;
    struct tl_access_need need = accounts;
    need.access = TL_ACCESS_WRITE | TL_ACCESS_CREATE | TL_ACCESS_DROP;
    const tl_clearance *clearance;
    assert_int_equal(tl_lifeguard_decide(&rq, &need, 1, &clearance), TL_OK);
    assert_int_equal(tl_clearance_grant(clearance, 0)->need.access, need.access);
}

static void test_name_is_g_and_sixteen_digits(void **state)
{
    (void)state;
    const char *name = name_of(&accounts, 1);
    assert_int_equal(strlen(name), 17);
    assert_int_equal(name[0], 'g');
    assert_int_equal(strspn(name + 1, "0123456789abcdef"), 16);
}

static void test_equal_rights_have_equal_names(void **state)
{
    (void)state;
    const struct tl_access_need one_way[] = {accounts, zones}, other_way[] = {zones, accounts, zones};
    const char *name = name_of(one_way, 2);
    assert_string_equal(name_of(other_way, 3), name);
    rq.principal = &bob;
    assert_string_equal(name_of(one_way, 2), name);
}

static void test_different_rights_have_different_names(void **state)
{
    (void)state;
    struct tl_access_need others[6];
    for (size_t i = 0; i < 6; i++)
        others[i] = accounts;
    others[0].table = "account";
    others[1].schema = "publi";
    others[2].source = "op";
    others[3].column_count = 1;
    others[4].access = TL_ACCESS_WRITE;
    others[5].table = NULL;
    const char *name = name_of(&accounts, 1);
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++) {
            assert_string_not_equal(name_of(&others[i], 1), name);
            if (i != k)
                assert_string_not_equal(name_of(&others[i], 1), name_of(&others[k], 1));
        }
}

static void test_names_that_run_together_are_told_apart(void **state)
{
    (void)state;
    struct tl_access_need a = {"a", "bc", "d", TL_ACCESS_READ, 0, NULL}, b = {"ab", "c", "d", TL_ACCESS_READ, 0, NULL};
    assert_string_not_equal(name_of(&a, 1), name_of(&b, 1));
}

static void test_nobody_gets_nothing(void **state)
{
    (void)state;
    const tl_clearance *clearance = NULL;
    rq.principal = NULL;
    assert_int_equal(tl_lifeguard_decide(&rq, &accounts, 1, &clearance), TL_UNAUTHENTICATED);
    assert_null(clearance);
    assert_false(tl_lifeguard_may_know(NULL, "ops", "public", "accounts"));
    assert_true(tl_lifeguard_may_know(&alice, "ops", "public", "accounts"));
}

static void test_unknown_access_is_refused(void **state)
{
    (void)state;
    const tl_clearance *clearance;
    struct tl_access_need need = accounts;
    need.access = 0;
    assert_int_equal(tl_lifeguard_decide(&rq, &need, 1, &clearance), TL_INTERNAL);
    tl_request_init(&rq, arena);
    rq.principal = &alice;
    need.access = 16;
    assert_int_equal(tl_lifeguard_decide(&rq, &need, 1, &clearance), TL_INTERNAL);
}

static void test_statement_without_tables_has_a_clearance(void **state)
{
    (void)state;
    const tl_clearance *clearance;
    assert_int_equal(tl_lifeguard_decide(&rq, NULL, 0, &clearance), TL_OK);
    assert_int_equal(tl_clearance_count(clearance), 0);
    assert_string_not_equal(tl_clearance_name(clearance), name_of(&accounts, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_column_and_row_is_granted),
        TEST(test_grant_outlives_what_was_asked),
        TEST(test_write_access_is_kept),
        TEST(test_name_is_g_and_sixteen_digits),
        TEST(test_equal_rights_have_equal_names),
        TEST(test_different_rights_have_different_names),
        TEST(test_names_that_run_together_are_told_apart),
        TEST(test_nobody_gets_nothing),
        TEST(test_unknown_access_is_refused),
        TEST(test_statement_without_tables_has_a_clearance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

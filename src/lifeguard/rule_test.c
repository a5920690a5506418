/* Masks and row rules as text: what is read, what is written, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lifeguard/mask.h"
#include "lifeguard/rule.h"

static tl_arena *arena;
static struct tl_err err;

static int setup(void **state)
{
    (void)state;
    arena = tl_arena_new(16 << 20);
    tl_err_init(&err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static void test_masks_are_written_as_they_were_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"null", "redact", "hash", "last4", "email_domain", "year", "bucket:100", "ip_prefix:8", "ip_prefix:24",
                                        "constant:", "constant:a:b 'c'", "none"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tl_mask mask;
        struct tl_buf text;
        tl_buf_init(&text, TL_MASK_TEXT_MAX);
        assert_int_equal(tl_mask_parse(arena, texts[i], &mask, &err), TL_OK);
        tl_mask_format(&text, &mask);
        assert_string_equal(tl_buf_cstr(&text), texts[i]);
        tl_buf_done(&text);
    }
}

static void test_masks_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "Hash", "rot13", "hash:1", "bucket", "bucket:", "bucket:0", "bucket:-5", "bucket:x", "bucket:9999999999",
                                        "ip_prefix:12", "ip_prefix:32", "year:4", "nul", "null ", "redact'"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tl_mask mask;
        tl_err_init(&err);
        if (tl_mask_parse(arena, texts[i], &mask, &err) != TL_INVALID_ARGUMENT)
            fail_msg("\"%s\" was taken for a mask", texts[i]);
        assert_non_null(strstr(err.hint, "email_domain"));
    }
}

static void test_a_mask_never_writes_the_bare_column(void **state)
{
    (void)state;
    static const char *const texts[] = {"null", "redact", "hash", "last4", "email_domain", "year", "bucket:100", "ip_prefix:16", "constant:it's"};
    for (int id = TL_TYPE_BOOLEAN; id <= TL_TYPE_INTERVAL; id++) {
        struct tl_type type = id == TL_TYPE_DECIMAL ? tl_type_decimal(12, 2) : tl_type_simple((enum tl_type_id)id);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            struct tl_mask mask;
            struct tl_buf sql;
            tl_buf_init(&sql, 4096);
            assert_int_equal(tl_mask_parse(arena, texts[i], &mask, &err), TL_OK);
            tl_mask_write(&sql, &mask, "od\"d", &type);
            assert_false(sql.failed);
            assert_string_not_equal(tl_buf_cstr(&sql), "\"od\"\"d\"");
            assert_true(sql.size > 0);
            if (!tl_mask_fits(&mask, &type))
                assert_int_equal(strncmp(tl_buf_cstr(&sql), "CAST(NULL AS ", 13), 0);
            tl_buf_done(&sql);
        }
    }
}

static void test_hashes_need_the_key(void **state)
{
    (void)state;
    const uint8_t one[TL_MASK_KEY_SIZE] = {1}, two[TL_MASK_KEY_SIZE] = {2};
    char a[TL_MASK_HASH_DIGITS], b[TL_MASK_HASH_DIGITS];
    tl_mask_hash(one, "ada", 3, a);
    tl_mask_hash(one, "ada", 3, b);
    assert_memory_equal(a, b, sizeof a);
    tl_mask_hash(two, "ada", 3, b);
    assert_memory_not_equal(a, b, sizeof a);
    tl_mask_hash(one, "adb", 3, b);
    assert_memory_not_equal(a, b, sizeof a);
}

static const struct tl_rule *read_rule(const char *text)
{
    const tl_json *json;
    const struct tl_rule *rule = NULL;
    tl_err_init(&err);
    if (tl_json_parse(arena, text, strlen(text), &json, &err) != TL_OK || tl_rule_read(arena, json, &rule, &err) != TL_OK)
        return NULL;
    return rule;
}

static bool dataset_name(void *context, const struct tl_rule *rule, struct tl_buf *sql)
{
    (void)context;
    tl_buf_addf(sql, "\"p\".%s", rule->table);
    return strcmp(rule->table, "none") != 0;
}

static const char *sql_of(const char *text)
{
    struct tl_buf sql;
    const struct tl_rule *rule = read_rule(text);
    assert_non_null(rule);
    tl_buf_init(&sql, 65536);
    tl_rule_write(&sql, rule, dataset_name, NULL);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return copy;
}

static void test_rules_are_written_by_their_forms(void **state)
{
    (void)state;
    assert_string_equal(sql_of("{\"column\":\"a\\\"b\",\"op\":\"=\",\"value\":\"it's\"}"), "(\"a\"\"b\" = 'it''s')");
    assert_string_equal(sql_of("{\"column\":\"a\",\"op\":\"in\",\"values\":[1,-2.50,true]}"), "(\"a\" IN (1, -2.50, true))");
    assert_string_equal(sql_of("{\"column\":\"a\",\"op\":\"is_null\"}"), "(\"a\" IS NULL)");
    assert_string_equal(sql_of("{\"any\":[{\"column\":\"a\",\"op\":\"<\",\"value\":1},{\"all\":[{\"column\":\"b\",\"op\":\"like\",\"value\":\"x%\"}]}]}"),
                        "((\"a\" < 1) OR ((\"b\" LIKE 'x%')))");
    assert_string_equal(sql_of("{\"sql\":\"a = 1\"}"), "(a = 1)");
    assert_string_equal(sql_of("{\"column\":\"a\",\"op\":\"in\",\"dataset\":{\"source\":\"s\",\"schema\":\"c\",\"table\":\"t\"},\"key\":\"k\","
                               "\"where\":{\"column\":\"b\",\"op\":\"=\",\"value\":1}}"),
                        "(\"a\" IN (SELECT tl_r1.\"k\" FROM \"p\".t AS tl_r1 WHERE (tl_r1.\"b\" = 1)))");
    assert_string_equal(sql_of("{\"column\":\"a\",\"op\":\"in\",\"dataset\":{\"source\":\"s\",\"schema\":\"c\",\"table\":\"none\"},\"key\":\"k\"}"), "(FALSE)");
}

static void test_rules_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[]", "1", "{}", "{\"column\":\"a\"}", "{\"column\":\"\",\"op\":\"=\",\"value\":1}", "{\"column\":\"a\",\"op\":\"~\",\"value\":1}",
        "{\"column\":\"a\",\"op\":\"=\"}", "{\"column\":\"a\",\"op\":\"=\",\"values\":[]}", "{\"column\":\"a\",\"op\":\"=\",\"values\":[1,2]}",
        "{\"column\":\"a\",\"op\":\"=\",\"value\":null}", "{\"column\":\"a\",\"op\":\"=\",\"value\":{\"x\":1}}",
        "{\"column\":\"a\",\"op\":\"=\",\"value\":\"\\u0000\"}",
        "{\"column\":\"a\",\"op\":\"is_null\",\"value\":1}", "{\"column\":\"a\",\"op\":\"=\",\"value\":1,\"attribute\":\"user\"}",
        "{\"all\":[]}", "{\"any\":{}}",
        "{\"any\":[{\"sql\":\"true\"}]}", "{\"sql\":\"\"}",
        "{\"column\":\"a\",\"op\":\"=\",\"dataset\":{\"source\":\"s\",\"schema\":\"c\",\"table\":\"t\"},\"key\":\"k\"}",
        "{\"column\":\"a\",\"op\":\"in\",\"dataset\":{\"source\":\"s\",\"schema\":\"c\"},\"key\":\"k\"}",
        "{\"column\":\"a\",\"op\":\"in\",\"dataset\":{\"source\":\"s\",\"schema\":\"c\",\"table\":\"t\"}}",
        "{\"all\":[{\"all\":[{\"all\":[{\"all\":[{\"all\":[{\"all\":[{\"all\":[{\"all\":[{\"all\":[{\"column\":\"a\",\"op\":\"is_null\"}]}]}]}]}]}]}]}]}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (read_rule(texts[i]))
            fail_msg("%s was taken for a rule", texts[i]);
}

static size_t attribute(void *context, const char *name, const char *const **ret_values)
{
    static const char *const many[] = {"x", "y'"};
    (void)context;
    *ret_values = many;
    return strcmp(name, "two") == 0 ? 2 : strcmp(name, "one") == 0 ? 1 : 0;
}

static void test_attributes_are_the_callers_values_and_none_is_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *sql;
    } cases[] = {
        {"{\"column\":\"a\",\"op\":\"=\",\"attribute\":\"one\"}", "(\"a\" = 'x')"},
        {"{\"column\":\"a\",\"op\":\"=\",\"attribute\":\"two\"}", "(\"a\" IN ('x', 'y'''))"},
        {"{\"column\":\"a\",\"op\":\"<>\",\"attribute\":\"two\"}", "(\"a\" NOT IN ('x', 'y'''))"},
        {"{\"column\":\"a\",\"op\":\"<\",\"attribute\":\"two\"}", "(FALSE)"},
        {"{\"column\":\"a\",\"op\":\"<>\",\"attribute\":\"none\"}", "(FALSE)"},
        {"{\"all\":[{\"column\":\"a\",\"op\":\"not_in\",\"attribute\":\"none\"}]}", "((FALSE))"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tl_buf sql;
        tl_buf_init(&sql, 4096);
        tl_rule_write(&sql, tl_rule_resolve(arena, read_rule(cases[i].rule), attribute, NULL), dataset_name, NULL);
        assert_string_equal(tl_buf_cstr(&sql), cases[i].sql);
        tl_buf_done(&sql);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_masks_are_written_as_they_were_read),
        CASE(test_masks_that_are_none_are_refused),
        CASE(test_a_mask_never_writes_the_bare_column),
        CASE(test_hashes_need_the_key),
        CASE(test_rules_are_written_by_their_forms),
        CASE(test_rules_that_are_none_are_refused),
        CASE(test_attributes_are_the_callers_values_and_none_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

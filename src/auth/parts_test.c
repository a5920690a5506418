/* Cookies, seals, names out of claims, addresses and the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/auth_int.h"
#include "auth/cookie_int.h"
#include "auth/seal_int.h"

static tl_arena *arena;
static struct tl_err err;

static int setup(void **state)
{
    (void)state;
    arena = tl_arena_new(64 << 20);
    tl_err_init(&err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static void test_our_cookie_is_found_once_among_others(void **state)
{
    (void)state;
    assert_string_equal(tl_cookie_read(arena, "a=b; townlake=x1; c=d", TL_COOKIE_SESSION, false), "x1");
    assert_string_equal(tl_cookie_read(arena, "townlake-login=y;townlake=x", TL_COOKIE_SESSION, false), "x");
    assert_string_equal(tl_cookie_read(arena, "townlake-login=y;townlake=x", TL_COOKIE_LOGIN, false), "y");
    assert_string_equal(tl_cookie_read(arena, "townlake=x; __Host-townlake=z", TL_COOKIE_SESSION, true), "z");
    static const char *const none[] = {"", "townlake", "townlake=", "xtownlake=a", "townlakes=a", "townlake=a; townlake=b", "Townlake=a", ";;,,"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(tl_cookie_read(arena, none[i], TL_COOKIE_SESSION, false));
    assert_null(tl_cookie_read(arena, NULL, TL_COOKIE_SESSION, false));
    assert_null(tl_cookie_read(arena, "townlake=x", TL_COOKIE_SESSION, true)); /* set over plain http, or by another host */
}

static void test_cookies_over_https_are_bound_to_the_host(void **state)
{
    (void)state;
    assert_string_equal(tl_cookie_write(arena, TL_COOKIE_SESSION, true, "v", 60),
                        "__Host-townlake=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure");
    assert_string_equal(tl_cookie_write(arena, TL_COOKIE_LOGIN, false, "", 60), "townlake-login=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
}

static void test_only_paths_of_this_site_are_gone_back_to(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "x", "//x", "/\\x", "\\/x", "http://x", "/a b", "/a\nb", "/\tx", "/a\\b", "/\x7F", "/\xC3\xA9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(tl_cookie_safe_path(arena, bad[i]), "/");
    assert_string_equal(tl_cookie_safe_path(arena, NULL), "/");
    assert_string_equal(tl_cookie_safe_path(arena, "/a?b=//c#d"), "/a?b=//c#d");
}

static void test_addresses_must_be_https_or_of_this_machine(void **state)
{
    (void)state;
    static const char *const good[] = {"https://a.test", "https://a.test:8443/x?y", "http://127.0.0.1:80/x", "http://localhost", "http://[::1]:9/"};
    static const char *const bad[] = {"", "a.test", "http://a.test", "https://", "https:///x", "ftp://a.test", "https://u@a.test", "http://127.0.0.1.evil.test",
                                      "http://localhost.evil.test", "http://127.0.0.1@evil.test/", "https://a test", "https://a\\b", "HTTPS://a.test\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(tl_url_is_safe(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tl_url_is_safe(bad[i]))
            fail_msg("%s", bad[i]);
    assert_false(tl_url_is_safe(NULL));
}

static void test_a_seal_opens_with_its_key_unchanged_only(void **state)
{
    (void)state;
    uint8_t key[TL_SEAL_KEY_SIZE], other[TL_SEAL_KEY_SIZE];
    tl_seal_key("a purpose", TL_STR("secret"), key);
    tl_seal_key("another purpose", TL_STR("secret"), other);
    struct tl_str sealed = tl_seal(arena, key, TL_STR("plain text"));
    assert_true(tl_str_equal(tl_unseal(arena, key, sealed), TL_STR("plain text")));
    assert_null(tl_unseal(arena, other, sealed).data);
    char *bytes = tl_arena_strndup(arena, sealed.data, sealed.size);
    for (size_t i = 0; i < sealed.size; i++) {
        bytes[i] ^= 1;
        assert_null(tl_unseal(arena, key, (struct tl_str){bytes, sealed.size}).data);
        bytes[i] ^= 1;
        assert_null(tl_unseal(arena, key, (struct tl_str){bytes, i}).data);
    }
    struct tl_str again = tl_seal(arena, key, TL_STR("plain text"));
    assert_false(tl_str_equal(again, sealed)); /* a nonce of its own */
    assert_true(tl_unseal(arena, key, tl_seal(arena, key, TL_STR(""))).data != NULL);
}

static void test_the_clock_does_not_go_back(void **state)
{
    (void)state;
    const int64_t day = (int64_t)86400 * 1000000;
    assert_true(tl_auth_steady_us(100 * day, 5 * day, 98 * day, 3 * day) == 100 * day);  /* as it should be */
    assert_true(tl_auth_steady_us(90 * day, 5 * day, 98 * day, 3 * day) == 100 * day);   /* set back: what ended stays ended */
    assert_true(tl_auth_steady_us(110 * day, 5 * day, 98 * day, 3 * day) == 110 * day);  /* set forward: ends sooner */
    assert_true(tl_auth_steady_us(100 * day, 5 * day, 98 * day, 3 * day) == 100 * day);  /* and back to right: no harm left */
}

static const tl_json *claims_of(const char *text)
{
    const tl_json *claims;
    if (tl_json_parse(arena, text, strlen(text), &claims, &err) != TL_OK)
        fail_msg("%s", err.message);
    return claims;
}

static const char *const attributes[] = {"department", "level", "on", "address.country", "missing"};
static struct tl_claim_names names = {"email", "groups", 5, attributes};

static enum tl_code read(const char *text, struct tl_identity *identity)
{
    tl_err_init(&err);
    return tl_identity_of_claims(arena, &names, claims_of(text), identity, &err);
}

static void test_claims_give_user_groups_and_attributes(void **state)
{
    (void)state;
    struct tl_identity identity;
    assert_int_equal(read("{\"email\":\"Ana@X.test\",\"groups\":[\"a\",\"b\",\"a\"],\"department\":\"sales\",\"level\":7,\"on\":true,"
                          "\"address\":{\"country\":\"DE\"}}", &identity), TL_OK);
    assert_string_equal(identity.user, "ana@x.test");
    assert_int_equal(identity.group_count, 2);
    assert_int_equal(identity.attribute_count, 4);
    assert_string_equal(identity.attributes[1].value, "7");
    assert_string_equal(identity.attributes[2].value, "true");
    assert_string_equal(identity.attributes[3].name, "address.country");
    assert_int_equal(read("{\"email\":\"root\",\"groups\":\"only\"}", &identity), TL_OK);
    assert_string_equal(identity.groups[0], "only");
    assert_int_equal(read("{\"email\":\"Root\"}", &identity), TL_OK);
    assert_string_equal(identity.user, "Root"); /* no address: as it is */
    assert_int_equal(identity.group_count, 0);
}

static void test_claims_that_are_not_understood_open_nothing(void **state)
{
    (void)state;
    struct tl_identity identity;
    static const char *const bad[] = {
        "{}", "{\"email\":7}", "{\"email\":\"\"}", "{\"email\":\"a\\u0000b\"}", "{\"email\":\"a\\u0007\"}", "{\"email\":null}",
        "{\"email\":\"a@b\",\"email_verified\":false}", "{\"email\":\"a@b\",\"groups\":{\"x\":1}}", "{\"email\":\"a@b\",\"groups\":[\"x\",7]}",
        "{\"email\":\"a@b\",\"groups\":[\"\"]}", "{\"email\":\"a@b\",\"groups\":7}", "{\"email\":\"a@b\",\"groups\":[\"a\\u0000\"]}",
        "{\"email\":\"a@b\",\"_claim_names\":{\"groups\":\"src1\"}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (read(bad[i], &identity) != TL_UNAUTHENTICATED)
            fail_msg("%s came in", bad[i]);
        assert_true(err.hint[0]);
    }
}

static void test_kept_groups_and_attributes_come_back(void **state)
{
    (void)state;
    static const char *const groups[] = {"a \"b\"", "\xC3\xA9"};
    static const struct tl_principal_attribute pairs[] = {{"x", "1"}, {"y", "z"}};
    struct tl_identity identity = {.user = "ana"};
    struct tl_str first = tl_str_of(tl_identity_groups_json(arena, 2, groups)), second = tl_str_of(tl_identity_attributes_json(arena, 2, pairs));
    assert_int_equal(tl_identity_read_kept(arena, first, second, &identity, &err), TL_OK);
    assert_string_equal(identity.groups[1], groups[1]);
    assert_string_equal(identity.attributes[1].value, "z");
    tl_err_init(&err);
    assert_int_not_equal(tl_identity_read_kept(arena, TL_STR("[1]"), second, &identity, &err), TL_OK);
}

static void test_a_copy_of_a_principal_has_everything(void **state)
{
    (void)state;
    static const char *const groups[] = {"a"};
    static const struct tl_principal_attribute pairs[] = {{"x", "1"}};
    const struct tl_principal from = {"ana", 1, groups, true, TL_AUTH_KIND_JWT, TL_SCOPE_WRITE, "c1", 1, pairs, "skipper", "call-1"};
    const struct tl_principal *copy = tl_principal_copy(arena, &from);
    assert_true(copy->user != from.user && copy->groups != from.groups && copy->attributes != from.attributes);
    assert_string_equal(copy->user, "ana");
    assert_true(tl_principal_in_group(copy, "a"));
    assert_string_equal(tl_principal_attribute(copy, "x"), "1");
    assert_null(tl_principal_attribute(copy, "y"));
    assert_false(tl_principal_may(copy, TL_SCOPE_WRITE));
    assert_true(tl_principal_may(copy, TL_SCOPE_READ));
    assert_string_equal(copy->agent_call, "call-1");
    assert_string_equal(tl_auth_kind_name(copy->kind), "jwt");
    assert_string_equal(tl_auth_kind_name((enum tl_auth_kind)99), "unknown");
}

static void test_auditors_are_the_group_and_administrators_with_the_scope(void **state)
{
    (void)state;
    static const char *const auditor[] = {"auditor"}, *const admin[] = {"admin"}, *const other[] = {"analyst"};
    assert_true(tl_principal_is_auditor(&(struct tl_principal){.user = "ana", .group_count = 1, .groups = auditor}));
    assert_true(tl_principal_is_auditor(&(struct tl_principal){.user = "ana", .group_count = 1, .groups = admin}));
    assert_false(tl_principal_is_auditor(&(struct tl_principal){.user = "ana", .group_count = 1, .groups = admin, .withheld = TL_SCOPE_ADMIN}));
    assert_false(tl_principal_is_auditor(&(struct tl_principal){.user = "auditor", .group_count = 1, .groups = other}));
    assert_false(tl_principal_is_auditor(&(struct tl_principal){.user = "admin"}));
}

static void test_hosts_with_ports_are_loopback_or_not(void **state)
{
    (void)state;
    static const char *const loopback[] = {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:8080"};
    static const char *const others[] = {"", ":", ":8080", "[", "[]", "[::1", "::1", "localhost.example.com", "127.0.0.1.example.com:80", "10.0.0.1:80",
                                         "[::2]:80", "127.0.0.1/x", "x@127.0.0.1"};
    for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++)
        assert_true(tl_auth_host_is_loopback(arena, loopback[i], strlen(loopback[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(tl_auth_host_is_loopback(arena, others[i], strlen(others[i])));
    assert_false(tl_auth_host_is_loopback(arena, "[::1]", 4));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_our_cookie_is_found_once_among_others),
        TEST(test_cookies_over_https_are_bound_to_the_host),
        TEST(test_only_paths_of_this_site_are_gone_back_to),
        TEST(test_addresses_must_be_https_or_of_this_machine),
        TEST(test_a_seal_opens_with_its_key_unchanged_only),
        TEST(test_the_clock_does_not_go_back),
        TEST(test_claims_give_user_groups_and_attributes),
        TEST(test_claims_that_are_not_understood_open_nothing),
        TEST(test_kept_groups_and_attributes_come_back),
        TEST(test_a_copy_of_a_principal_has_everything),
        TEST(test_hosts_with_ports_are_loopback_or_not),
        TEST(test_auditors_are_the_group_and_administrators_with_the_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/auth.h"

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


static const tl_config *config_of(const char *yaml)
{
    char path[] = "/tmp/auth_test_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, yaml, strlen(yaml)), strlen(yaml));
    close(file);
    static const char *const environment[] = {"HOME=/nowhere", NULL};
    const tl_config *config;
    enum tl_code code = tl_config_load(arena, path, environment, &config, &err);
    unlink(path);
    if (code != TL_OK)
        fail_msg("%s", err.message);
    return config;
}

#define TOKENS                                                                                                         \
    "tokens:\n"                                                                                                        \
    "  - {user: alice, groups: [analyst, eu], token: alices-token}\n"                                                  \
    "  - {user: bob, sha256: 5b1bb2d5ed2d1ec5ea2ec4e2f8c0ee0c1f6b0c7a9e8d5a3b5e0c9ab8de1b5d1e}\n"

static tl_auth *auth_of(const char *yaml)
{
    tl_auth *auth;
    if (tl_auth_new(config_of(yaml), NULL, &auth, &err) != TL_OK)
        fail_msg("%s", err.message);
    return auth;
}

static enum tl_code check(tl_auth *auth, const char *authorization, const char *claimed, bool loopback, const struct tl_principal **principal)
{
    struct tl_auth_attempt attempt = {.authorization = authorization, .claimed_user = claimed, .from_loopback = loopback};
    tl_err_init(&err);
    return tl_auth_check(auth, arena, &attempt, principal, &err);
}

static void test_known_token_names_its_user_and_groups(void **state)
{
    (void)state;
    tl_auth *auth = auth_of("auth: {mode: token}\n" TOKENS);
    const struct tl_principal *principal;
    assert_int_equal(check(auth, "Bearer alices-token", NULL, false, &principal), TL_OK);
    assert_string_equal(principal->user, "alice");
    assert_true(principal->authenticated);
    assert_true(tl_principal_in_group(principal, "analyst"));
    assert_true(tl_principal_in_group(principal, "eu"));
    assert_false(tl_principal_in_group(principal, "admin"));
    assert_int_equal(check(auth, "bearer  alices-token", "alice", false, &principal), TL_OK);
    tl_auth_free(auth);
}

static void test_token_given_by_its_hash_is_known(void **state)
{
    (void)state;
    /* printf %s abc | sha256sum */
    tl_auth *auth = auth_of("auth: {mode: token}\ntokens:\n  - user: carol\n    sha256: "
                            "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\n");
    const struct tl_principal *principal;
    assert_int_equal(check(auth, "Bearer abc", NULL, false, &principal), TL_OK);
    assert_string_equal(principal->user, "carol");
    tl_auth_free(auth);
}

static void test_unknown_tokens_are_refused(void **state)
{
    (void)state;
    tl_auth *auth = auth_of(TOKENS);
    const struct tl_principal *principal;
    static const char *const headers[] = {
        "Bearer alices-toke", "Bearer alices-tokenx", "Bearer ", "Bearer", "", "Token alices-token", "alices-token",
        "Basic !!!", "Basic YWxpY2U=", "Basic YWxpY2U6", "Basic A", "Bearer alices-token ",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        if (check(auth, headers[i], "alice", true, &principal) != TL_UNAUTHENTICATED)
            fail_msg("\"%s\" came in", headers[i]);
        assert_null(principal);
        assert_null(strstr(err.message, "alices"));
        assert_null(strstr(err.hint, "alices"));
    }
    tl_auth_free(auth);
}

static void test_basic_carries_the_token_as_password(void **state)
{
    (void)state;
    tl_auth *auth = auth_of(TOKENS);
    const struct tl_principal *principal;
    assert_int_equal(check(auth, "Basic YWxpY2U6YWxpY2VzLXRva2Vu", NULL, false, &principal), TL_OK); /* alice:alices-token */
    assert_string_equal(principal->user, "alice");
    assert_int_equal(check(auth, "Basic Ym9iOmFsaWNlcy10b2tlbg==", NULL, false, &principal), TL_NOT_ALLOWED); /* bob:alices-token */
    tl_auth_free(auth);
}

static void test_nobody_acts_as_somebody_else(void **state)
{
    (void)state;
    tl_auth *auth = auth_of(TOKENS);
    const struct tl_principal *principal;
    assert_int_equal(check(auth, "Bearer alices-token", "bob", true, &principal), TL_NOT_ALLOWED);
    assert_null(principal);
    assert_int_equal(check(auth, "Bearer alices-token", "", true, &principal), TL_NOT_ALLOWED);
    tl_auth_free(auth);
}

static void test_local_mode_believes_a_name_from_this_machine_only(void **state)
{
    (void)state;
    tl_auth *auth = auth_of(TOKENS);
    const struct tl_principal *principal;
    assert_int_equal(check(auth, NULL, "dave", true, &principal), TL_OK);
    assert_string_equal(principal->user, "dave");
    assert_false(principal->authenticated);
    assert_int_equal(principal->group_count, 0);
    assert_int_equal(check(auth, NULL, "alice", true, &principal), TL_OK);
    assert_false(principal->authenticated);
    assert_true(tl_principal_in_group(principal, "analyst"));
    assert_int_equal(check(auth, NULL, "dave", false, &principal), TL_UNAUTHENTICATED);
    assert_int_equal(check(auth, NULL, NULL, true, &principal), TL_UNAUTHENTICATED);
    assert_non_null(strstr(err.hint, "X-Trino-User"));
    tl_auth_free(auth);
}

static void test_names_by_word_must_be_names(void **state)
{
    (void)state;
    tl_auth *auth = auth_of(TOKENS);
    const struct tl_principal *principal;
    char longer[300];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const char *const names[] = {"", "a\nb", "\xFF", longer, "tab\t", "\x7F"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(check(auth, NULL, names[i], true, &principal), TL_UNAUTHENTICATED);
    tl_auth_free(auth);
}

static void test_token_mode_believes_no_word(void **state)
{
    (void)state;
    tl_auth *auth = auth_of("auth: {mode: token}\n" TOKENS);
    const struct tl_principal *principal;
    assert_int_equal(check(auth, NULL, "alice", true, &principal), TL_UNAUTHENTICATED);
    assert_null(strstr(err.hint, "X-Trino-User"));
    tl_auth_free(auth);
}

static void expect_refused(const char *yaml, const char *why)
{
    tl_auth *auth;
    tl_err_init(&err);
    assert_int_equal(tl_auth_new(config_of(yaml), NULL, &auth, &err), TL_CONFIG);
    assert_null(auth);
    if (!strstr(err.message, why))
        fail_msg("\"%s\" does not say \"%s\"", err.message, why);
}

static void test_local_mode_listens_on_loopback_only(void **state)
{
    (void)state;
    expect_refused("listen: {address: 0.0.0.0}\n", "cannot listen on \"0.0.0.0\"");
    expect_refused("listen: {address: \"::\"}\n", "cannot listen on");
    expect_refused("listen: {address: 192.168.1.5}\n", "cannot listen on");
    expect_refused("listen: {address: example.com}\n", "cannot listen on");
    static const char *const fine[] = {"localhost", "127.0.0.1", "127.1.2.3", "\"::1\""};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        tl_auth_free(auth_of(tl_arena_printf(arena, "listen: {address: %s}\n", fine[i])));
    tl_auth_free(auth_of("listen: {address: 0.0.0.0}\nauth: {mode: token}\n" TOKENS));
}

static void test_unusable_tokens_are_refused_at_start(void **state)
{
    (void)state;
    expect_refused("auth: {mode: token}\n", "has no tokens");
    expect_refused("tokens:\n  - {user: a, token: same}\n  - {user: b, token: same}\n", "\"a\" and \"b\" have the same token");
    expect_refused("tokens:\n  - {user: a, token: \"env:TL_AUTH_TEST_UNSET\"}\n", "environment variable is not set");
    expect_refused("tokens:\n  - {user: \"a\\tb\", token: x}\n", "not a name");
    setenv("TL_AUTH_TEST_EMPTY", "", 1);
    expect_refused("tokens:\n  - {user: a, token: \"env:TL_AUTH_TEST_EMPTY\"}\n", "is empty");
}

static void test_tokens_come_from_references(void **state)
{
    (void)state;
    setenv("TL_AUTH_TEST_TOKEN", "from-environment", 1);
    tl_auth *auth = auth_of("tokens:\n  - {user: a, token: \"env:TL_AUTH_TEST_TOKEN\"}\n");
    const struct tl_principal *principal;
    assert_int_equal(check(auth, "Bearer from-environment", NULL, false, &principal), TL_OK);
    assert_string_equal(principal->user, "a");
    assert_int_equal(check(auth, "Bearer env:TL_AUTH_TEST_TOKEN", NULL, false, &principal), TL_UNAUTHENTICATED);
    tl_auth_free(auth);
}

static void test_endless_headers_are_refused(void **state)
{
    (void)state;
    tl_auth *auth = auth_of(TOKENS);
    const struct tl_principal *principal;
    char *header = tl_arena_alloc(arena, 1 << 20);
    memset(header, 'x', (1 << 20) - 1);
    memcpy(header, "Bearer ", 7);
    assert_int_equal(check(auth, header, NULL, true, &principal), TL_UNAUTHENTICATED);
    tl_auth_free(auth);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_known_token_names_its_user_and_groups),
        TEST(test_token_given_by_its_hash_is_known),
        TEST(test_unknown_tokens_are_refused),
        TEST(test_basic_carries_the_token_as_password),
        TEST(test_nobody_acts_as_somebody_else),
        TEST(test_local_mode_believes_a_name_from_this_machine_only),
        TEST(test_names_by_word_must_be_names),
        TEST(test_token_mode_believes_no_word),
        TEST(test_local_mode_listens_on_loopback_only),
        TEST(test_unusable_tokens_are_refused_at_start),
        TEST(test_tokens_come_from_references),
        TEST(test_endless_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tokens in the state: made, shown, narrowed, ended, revoked, attacked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/tokens.h"
#include "base/clock.h"
#include "io/process.h"

static const char yaml[] = "auth: {mode: token}\n"
                           "tokens:\n"
                           "  - {user: root, groups: [admin], token: roots-token}\n"
                           "  - {user: alice, groups: [analyst], token: alices-token}\n";

static tl_arena *arena;
static struct tl_request rq;
static tl_store *store;
static tl_auth *auth;
static char folder[64];

static const tl_config *config_of(const char *text)
{
    const char *path = tl_arena_printf(arena, "%s/townlake.yaml", folder);
    static const char *const environment[] = {"HOME=/nowhere", NULL};
    const tl_config *config;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_file_write(path, text, strlen(text), 0600, &err) != TL_OK || tl_config_load(arena, path, environment, &config, &err) != TL_OK)
        fail_msg("%s", err.message);
    return config;
}

static void open_auth(const char *text)
{
    struct tl_err err;
    tl_err_init(&err);
    if (tl_store_open(folder, &store, &err) != TL_OK || tl_auth_new(config_of(text), store, &auth, &err) != TL_OK)
        fail_msg("%s", err.message);
}

static void close_auth(void)
{
    auth = tl_auth_free(auth);
    store = tl_store_close(store);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tokens_test_XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = tl_arena_new(64 << 20);
    tl_request_init(&rq, arena);
    open_auth(yaml);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_auth();
    static const char *const files[] = {"townlake.yaml", "state.db", "state.db-wal", "state.db-shm", "lock", "state.lock"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(tl_arena_printf(arena, "%s/%s", folder, files[i]));
    rmdir(folder);
    arena = tl_arena_free(arena);
    return 0;
}

static enum tl_code show(const char *token, const struct tl_principal **principal)
{
    struct tl_auth_attempt attempt = {.authorization = tl_arena_printf(arena, "Bearer %s", token)};
    tl_err_init(&rq.err);
    return tl_auth_check(auth, arena, &attempt, principal, &rq.err);
}

/* The caller of the next calls. */
static void become(const char *token)
{
    if (show(token, &rq.principal) != TL_OK)
        fail_msg("%s", rq.err.message);
}

static enum tl_code try_create(struct tl_token_wish wish, const char **secret, struct tl_token_info *info)
{
    tl_err_init(&rq.err);
    return tl_token_create(&rq, auth, &wish, secret, info);
}

static struct tl_token_info made;

static const char *create(struct tl_token_wish wish)
{
    const char *secret;
    if (try_create(wish, &secret, &made) != TL_OK)
        fail_msg("%s", rq.err.message);
    return secret;
}

static void refused(struct tl_token_wish wish, enum tl_code code, const char *why)
{
    const char *secret;
    struct tl_token_info info;
    assert_int_equal(try_create(wish, &secret, &info), code);
    if (!strstr(rq.err.message, why))
        fail_msg("\"%s\" does not say \"%s\"", rq.err.message, why);
}

static void run_sql(const char *sql)
{
    struct tl_err err;
    tl_err_init(&err);
    tl_store_append(store, sql, NULL, 0);
    tl_store_flush(store);
}

static void test_a_new_token_opens_for_its_maker_with_its_scopes_only(void **state)
{
    (void)state;
    const struct tl_principal *principal;
    become("alices-token");
    const char *secret = create((struct tl_token_wish){.label = "script", .scopes = TL_SCOPE_READ});
    assert_string_equal(made.user, "alice");
    assert_string_equal(made.state, "active");
    assert_int_equal(show(secret, &principal), TL_OK);
    assert_string_equal(principal->user, "alice");
    assert_string_equal(principal->credential, made.id);
    assert_true(tl_principal_in_group(principal, "analyst")); /* as the configuration says of alice */
    assert_true(tl_principal_may(principal, TL_SCOPE_READ));
    assert_false(tl_principal_may(principal, TL_SCOPE_WRITE));
    assert_false(tl_principal_may(principal, TL_SCOPE_ADMIN));
    assert_false(tl_principal_may(principal, TL_SCOPE_SCIM));
}

static void test_a_narrow_token_makes_itself_no_successor(void **state)
{
    (void)state;
    become("alices-token");
    become(create((struct tl_token_wish){.label = "narrow", .scopes = TL_SCOPE_READ | TL_SCOPE_WRITE}));
    refused((struct tl_token_wish){.label = "next", .scopes = TL_SCOPE_READ}, TL_NOT_ALLOWED, "lacks the scope \"admin\"");
    become("alices-token");
    become(create((struct tl_token_wish){.label = "wider", .scopes = TL_SCOPE_READ | TL_SCOPE_ADMIN}));
    refused((struct tl_token_wish){.label = "next", .scopes = TL_SCOPE_READ | TL_SCOPE_WRITE}, TL_NOT_ALLOWED, "its maker lacks");
    create((struct tl_token_wish){.label = "next", .scopes = TL_SCOPE_READ});
}

static void test_services_and_scim_are_for_administrators(void **state)
{
    (void)state;
    static const char *const groups[] = {"etl"};
    const struct tl_principal *principal;
    struct tl_token_wish service = {.label = "loads", .service = "loader", .group_count = 1, .groups = groups, .scopes = TL_SCOPE_READ | TL_SCOPE_WRITE};
    become("alices-token");
    refused(service, TL_NOT_ALLOWED, "make tokens of services");
    refused((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_SCIM}, TL_NOT_ALLOWED, "for tokens of services");
    become("roots-token");
    refused((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_SCIM}, TL_NOT_ALLOWED, "for tokens of services");
    assert_int_equal(show(create(service), &principal), TL_OK);
    assert_string_equal(principal->user, "loader");
    assert_true(tl_principal_in_group(principal, "etl"));
    assert_false(tl_principal_in_group(principal, "admin"));
    assert_int_equal(show(create((struct tl_token_wish){.label = "push", .service = "okta", .scopes = TL_SCOPE_SCIM}), &principal), TL_OK);
    assert_true(tl_principal_may(principal, TL_SCOPE_SCIM));
    assert_false(tl_principal_may(principal, TL_SCOPE_READ));
    /* an administrator's own broad token does not push users */
    assert_int_equal(show("roots-token", &principal), TL_OK);
    assert_false(tl_principal_may(principal, TL_SCOPE_SCIM));
}

static void test_wishes_are_checked(void **state)
{
    (void)state;
    static const char *const groups[] = {"a\nb"};
    char longer[400];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    become("roots-token");
    refused((struct tl_token_wish){.scopes = TL_SCOPE_READ}, TL_INVALID_ARGUMENT, "needs a name");
    refused((struct tl_token_wish){.label = longer, .scopes = TL_SCOPE_READ}, TL_INVALID_ARGUMENT, "needs a name");
    refused((struct tl_token_wish){.label = "x"}, TL_INVALID_ARGUMENT, "needs a scope");
    refused((struct tl_token_wish){.label = "x", .scopes = 1, .lifetime_us = 1000000}, TL_INVALID_ARGUMENT, "lives from");
    refused((struct tl_token_wish){.label = "x", .scopes = 1, .lifetime_us = INT64_MAX}, TL_INVALID_ARGUMENT, "lives from");
    refused((struct tl_token_wish){.label = "x", .scopes = 1, .service = "ana@example.com"}, TL_INVALID_ARGUMENT, "without \"@\"");
    refused((struct tl_token_wish){.label = "x", .scopes = 1, .service = "alice"}, TL_ALREADY_EXISTS, "has a user \"alice\"");
    refused((struct tl_token_wish){.label = "x", .scopes = 1, .group_count = 1, .groups = groups}, TL_INVALID_ARGUMENT, "of its owner");
    refused((struct tl_token_wish){.label = "x", .scopes = 1, .service = "s", .group_count = 1, .groups = groups}, TL_INVALID_ARGUMENT, "not a name");
}

static void test_a_caller_by_word_makes_no_tokens(void **state)
{
    (void)state;
    static const char *const groups[] = {"admin"};
    static const struct tl_principal word = {.user = "root", .group_count = 1, .groups = groups};
    rq.principal = &word;
    refused((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_READ}, TL_NOT_ALLOWED, "only says a name");
}

static void test_revoking_counts_at_once_and_after_a_restart(void **state)
{
    (void)state;
    const struct tl_principal *principal;
    become("alices-token");
    const char *secret = create((struct tl_token_wish){.label = "lost", .scopes = TL_SCOPE_READ}), *id = made.id;
    assert_int_equal(show(secret, &principal), TL_OK);
    tl_err_init(&rq.err);
    assert_int_equal(tl_token_revoke(&rq, auth, id), TL_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(show(secret, &principal), TL_UNAUTHENTICATED);
        assert_null(principal);
        assert_non_null(strstr(rq.err.message, "was revoked"));
        assert_null(strstr(rq.err.message, strrchr(secret, '_') + 1));
        close_auth();
        open_auth(yaml);
    }
}

static void test_tokens_are_revoked_by_their_owner_an_administrator_or_themselves(void **state)
{
    (void)state;
    become("alices-token");
    const char *first = create((struct tl_token_wish){.label = "one", .scopes = TL_SCOPE_READ}), *first_id = made.id;
    create((struct tl_token_wish){.label = "two", .scopes = TL_SCOPE_READ});
    const char *second_id = made.id;
    become("roots-token");
    create((struct tl_token_wish){.label = "root's", .scopes = TL_SCOPE_READ});
    const char *roots_id = made.id;
    become("alices-token");
    assert_int_equal(tl_token_revoke(&rq, auth, roots_id), TL_NOT_FOUND);
    tl_err_init(&rq.err);
    assert_int_equal(tl_token_revoke(&rq, auth, "0000000000000000"), TL_NOT_FOUND);
    become(first);
    assert_int_equal(tl_token_revoke(&rq, auth, second_id), TL_NOT_ALLOWED);
    tl_err_init(&rq.err);
    assert_int_equal(tl_token_revoke(&rq, auth, first_id), TL_OK);
    become("roots-token");
    assert_int_equal(tl_token_revoke(&rq, auth, second_id), TL_OK);
}

static void test_guesses_are_refused_and_told_nothing(void **state)
{
    (void)state;
    const struct tl_principal *principal;
    become("alices-token");
    const char *secret = create((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_READ});
    char *guess = tl_arena_strdup(arena, secret);
    for (size_t i = 0; guess[i]; i++) { /* every place, the prefix and the id too */
        char before = guess[i];
        guess[i] = before == 'a' ? 'b' : 'a';
        assert_int_equal(show(guess, &principal), TL_UNAUTHENTICATED);
        assert_string_equal(rq.err.message, "the token is not known");
        guess[i] = before;
    }
    assert_int_equal(show(tl_arena_printf(arena, "%sA", secret), &principal), TL_UNAUTHENTICATED);
    assert_int_equal(show(tl_arena_strndup(arena, secret, strlen(secret) - 1), &principal), TL_UNAUTHENTICATED);
    assert_int_equal(show("tlt_' OR 1=1 --____", &principal), TL_UNAUTHENTICATED);
    assert_int_equal(show(secret, &principal), TL_OK);
}

static void test_a_token_ends_by_the_clock(void **state)
{
    (void)state;
    const struct tl_principal *principal;
    become("alices-token");
    const char *secret = create((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_READ, .lifetime_us = 3600 * (int64_t)1000000});
    assert_true(made.expires_at_us - made.created_at_us == 3600 * (int64_t)1000000);
    assert_int_equal(show(secret, &principal), TL_OK);
    run_sql("UPDATE token SET expires_at_us = 1000000");
    assert_int_equal(show(secret, &principal), TL_UNAUTHENTICATED);
    assert_non_null(strstr(rq.err.message, "ended"));
}

static enum tl_code see_row(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    const char *secret = context;
    (void)err;
    for (size_t i = 0; i < count; i++)
        if (cells[i].type == TL_STORE_TEXT || cells[i].type == TL_STORE_BLOB)
            assert_null(memmem(cells[i].bytes.data, cells[i].bytes.size, secret, strlen(secret)));
    return TL_OK;
}

static enum tl_code see_rows(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, "SELECT * FROM token", NULL, 0, see_row, context, err);
}

static void test_the_state_does_not_hold_the_secret(void **state)
{
    (void)state;
    become("alices-token");
    const char *secret = create((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_READ});
    char *part = tl_arena_strdup(arena, secret + 21);
    tl_err_init(&rq.err);
    assert_int_equal(tl_store_read(store, see_rows, part, &rq.err), TL_OK);
}

static void test_lists_show_the_last_use_and_only_the_callers_own(void **state)
{
    (void)state;
    struct tl_token_info *tokens;
    size_t count;
    become("alices-token");
    const char *secret = create((struct tl_token_wish){.label = "used", .scopes = TL_SCOPE_READ | TL_SCOPE_ADMIN});
    become("roots-token");
    create((struct tl_token_wish){.label = "other", .scopes = TL_SCOPE_READ});
    become(secret);
    tl_store_flush(store);
    assert_int_equal(tl_token_list(&rq, auth, false, &tokens, &count), TL_OK);
    assert_int_equal(count, 1);
    assert_string_equal(tokens[0].label, "used");
    assert_string_equal(tokens[0].scopes, "read,admin");
    assert_true(tl_clock_wall_us() - tokens[0].used_at_us < 60 * 1000000);
    assert_int_equal(tl_token_list(&rq, auth, true, &tokens, &count), TL_NOT_ALLOWED);
    become("roots-token");
    assert_int_equal(tl_token_list(&rq, auth, true, &tokens, &count), TL_OK);
    assert_int_equal(count, 2);
}

static void test_tokens_of_one_user_are_bounded(void **state)
{
    (void)state;
    become("alices-token");
    for (int i = 0; i < 100; i++)
        create((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_READ});
    refused((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_READ}, TL_CONSTRAINT, "the limit is 100");
    tl_err_init(&rq.err);
    assert_int_equal(tl_token_revoke(&rq, auth, made.id), TL_OK);
    create((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_READ});
}

static void test_a_server_with_tokens_in_its_state_needs_none_in_its_configuration(void **state)
{
    (void)state;
    const struct tl_principal *principal;
    struct tl_err err;
    become("roots-token");
    const char *secret = create((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_READ});
    close_auth();
    open_auth("auth: {mode: token}\n");
    assert_int_equal(show(secret, &principal), TL_OK);
    assert_int_equal(principal->group_count, 0); /* root was admin by the configuration only */
    run_sql("UPDATE token SET revoked_at_us = 1");
    tl_err_init(&err);
    tl_auth *other;
    assert_int_equal(tl_auth_new(config_of("auth: {mode: token}\n"), store, &other, &err), TL_CONFIG);
    assert_non_null(strstr(err.message, "nobody could come in"));
}

static void test_an_unreadable_state_lets_nobody_in(void **state)
{
    (void)state;
    const struct tl_principal *principal;
    become("alices-token");
    const char *secret = create((struct tl_token_wish){.label = "x", .scopes = TL_SCOPE_READ});
    run_sql("UPDATE token SET scopes = 'everything'");
    assert_int_equal(show(secret, &principal), TL_STATE);
    assert_null(principal);
    run_sql("DROP TABLE token");
    assert_int_not_equal(show(secret, &principal), TL_OK);
    assert_null(principal);
    assert_int_equal(show("alices-token", &principal), TL_OK); /* those of the configuration still do: somebody must mend it */
}

static void test_scopes_are_read_and_written(void **state)
{
    (void)state;
    unsigned scopes;
    const char *bad;
    assert_true(tl_scopes_read(arena, "admin, read write", &scopes, &bad));
    assert_string_equal(tl_scopes_text(arena, scopes), "read,write,admin");
    assert_false(tl_scopes_read(arena, "read,everything", &scopes, &bad));
    assert_string_equal(bad, "everything");
    assert_true(tl_scopes_read(arena, "", &scopes, &bad));
    assert_int_equal(scopes, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_token_opens_for_its_maker_with_its_scopes_only),
        TEST(test_a_narrow_token_makes_itself_no_successor),
        TEST(test_services_and_scim_are_for_administrators),
        TEST(test_wishes_are_checked),
        TEST(test_a_caller_by_word_makes_no_tokens),
        TEST(test_revoking_counts_at_once_and_after_a_restart),
        TEST(test_tokens_are_revoked_by_their_owner_an_administrator_or_themselves),
        TEST(test_guesses_are_refused_and_told_nothing),
        TEST(test_a_token_ends_by_the_clock),
        TEST(test_the_state_does_not_hold_the_secret),
        TEST(test_lists_show_the_last_use_and_only_the_callers_own),
        TEST(test_tokens_of_one_user_are_bounded),
        TEST(test_a_server_with_tokens_in_its_state_needs_none_in_its_configuration),
        TEST(test_an_unreadable_state_lets_nobody_in),
        TEST(test_scopes_are_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

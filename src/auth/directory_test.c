/* Documents of groups, and sources of them that come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/groups_int.h"
#include "io/process.h"

static tl_arena *arena;
static struct tl_err err;
static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/directory_test_XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = tl_arena_new(256 << 20);
    tl_err_init(&err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const files[] = {"groups.json", "state.db", "state.db-wal", "state.db-shm", "state.lock"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(tl_arena_printf(arena, "%s/%s", folder, files[i]));
    rmdir(folder);
    arena = tl_arena_free(arena);
    return 0;
}

static tl_directory *directory_of(const char *json)
{
    tl_directory *directory;
    tl_err_init(&err);
    if (tl_directory_parse(tl_str_of(json), &directory, &err) != TL_OK)
        fail_msg("%s", err.message);
    return directory;
}

static struct tl_identity find(const tl_directory *directory, const char *user)
{
    struct tl_identity identity = {.user = user};
    tl_err_init(&err);
    assert_int_equal(tl_directory_add(directory, arena, &identity, &err), TL_OK);
    return identity;
}

static void test_members_are_found_by_name_and_addresses_without_case(void **state)
{
    (void)state;
    tl_directory *directory = directory_of("{\"groups\":{\"a\":[\"Ana@X.test\",\"ben\"],\"b\":[\"ana@x.test\",\"ana@x.test\"],\"c\":[]},"
                                           "\"users\":{\"ANA@x.test\":{\"country\":\"DE\"}}}");
    struct tl_identity ana = find(directory, "ana@x.TEST");
    assert_int_equal(ana.group_count, 2);
    assert_int_equal(ana.attribute_count, 1);
    assert_string_equal(ana.attributes[0].value, "DE");
    assert_int_equal(find(directory, "ben").group_count, 1);
    assert_int_equal(find(directory, "Ben").group_count, 0); /* no address: as it is */
    assert_int_equal(find(directory, "an").group_count, 0);
    assert_int_equal(find(directory, "").group_count, 0);
    tl_directory_release(directory);
}

static void test_documents_in_another_form_are_refused_whole(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "[]", "7", "{}", "{\"groups\":[]}", "{\"groups\":{\"a\":\"ana\"}}", "{\"groups\":{\"a\":[1]}}", "{\"groups\":{\"a\":[\"\"]}}",
        "{\"groups\":{\"\":[]}}", "{\"groups\":{\"a\\n\":[]}}", "{\"groups\":{},\"user\":{}}", "{\"groups\":{},\"users\":[]}",
        "{\"groups\":{},\"users\":{\"a\":[]}}", "{\"groups\":{},\"users\":{\"a\":{\"x\":1}}}", "{\"groups\":{\"a\":[\"x\\u0000y\"]}}",
        "{\"groups\":{\"a\":[\"x\"]", "<html>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tl_directory *directory;
        tl_err_init(&err);
        if (tl_directory_parse(tl_str_of(bad[i]), &directory, &err) == TL_OK)
            fail_msg("taken: %s", bad[i]);
        assert_null(directory);
    }
}

static void test_a_user_in_too_many_groups_is_refused_not_cut(void **state)
{
    (void)state;
    struct tl_buf json;
    tl_buf_init(&json, 1 << 20);
    tl_buf_adds(&json, "{\"groups\":{\"g\":[\"ben\"]");
    for (int i = 0; i < TL_GROUPS_MAX + 1; i++)
        tl_buf_addf(&json, ",\"g%d\":[\"ana\"]", i);
    tl_buf_adds(&json, "}}");
    tl_directory *directory = directory_of(tl_buf_cstr(&json));
    tl_buf_done(&json);
    struct tl_identity ana = {.user = "ana"};
    assert_int_equal(tl_directory_add(directory, arena, &ana, &err), TL_UNAUTHENTICATED);
    assert_non_null(strstr(err.message, "the limit is 1000"));
    assert_int_equal(find(directory, "ben").group_count, 1);
    tl_directory_release(directory);
}

/* ---- sources ---- */

static void write_groups(const char *json)
{
    tl_err_init(&err);
    if (tl_file_write(tl_arena_printf(arena, "%s/groups.json", folder), json, strlen(json), 0600, &err) != TL_OK)
        fail_msg("%s", err.message);
}

static tl_groups *groups_of(int64_t grace_us, tl_store *store)
{
    struct tl_groups_settings settings = {
        .refresh_us = 1000000, .grace_us = grace_us, .file = tl_arena_printf(arena, "%s/groups.json", folder), .url = "", .ldap_url = ""};
    tl_groups *groups = tl_groups_new(&settings, store);
    assert_non_null(groups);
    return groups;
}

static enum tl_code ask(tl_groups *groups, size_t *ret_count)
{
    struct tl_identity ana = {.user = "ana"};
    tl_err_init(&err);
    enum tl_code code = tl_groups_add(groups, arena, &ana, &err);
    *ret_count = ana.group_count;
    return code;
}

static void wait_for(tl_groups *groups, enum tl_code wanted, size_t wanted_count)
{
    size_t count = 0;
    for (int i = 0; i < 150; i++) {
        if (ask(groups, &count) == wanted && count == wanted_count)
            return;
        usleep(100000);
    }
    fail_msg("it stayed %s with %zu groups", tl_code_info(err.code)->name, count);
}

static void test_a_file_is_read_again_and_a_broken_one_keeps_the_last_answer_for_a_while(void **state)
{
    (void)state;
    write_groups("{\"groups\":{\"a\":[\"ana\"]}}");
    tl_groups *groups = groups_of(3000000, NULL);
    size_t count;
    assert_int_equal(ask(groups, &count), TL_OK); /* waits for the first answer */
    assert_int_equal(count, 1);
    write_groups("{\"groups\":{\"a\":[\"ana\"],\"b\":[\"ana\"]}}");
    wait_for(groups, TL_OK, 2);
    write_groups("{\"groups\":{\"a\":[\"ana\"");
    usleep(1500000);
    assert_int_equal(ask(groups, &count), TL_OK);
    assert_int_equal(count, 2);
    wait_for(groups, TL_IDENTITY_UNAVAILABLE, 0);
    assert_non_null(strstr(err.message, "source of groups \"file\""));
    assert_true(err.detail[0]);
    write_groups("{\"groups\":{}}");
    wait_for(groups, TL_OK, 0);
    tl_groups_free(groups);
}

static void test_a_source_that_never_answered_lets_nobody_in(void **state)
{
    (void)state;
    size_t count;
    tl_groups *groups = groups_of(3600 * (int64_t)1000000, NULL);
    assert_int_equal(ask(groups, &count), TL_IDENTITY_UNAVAILABLE);
    tl_groups_free(groups);
}

static void test_the_last_answer_counts_over_a_restart_until_its_grace_ends(void **state)
{
    (void)state;
    tl_store *store;
    size_t count;
    assert_int_equal(tl_store_open(folder, &store, &err), TL_OK);
    write_groups("{\"groups\":{\"a\":[\"ana\"]}}");
    tl_groups *groups = groups_of(3600 * (int64_t)1000000, store);
    assert_int_equal(ask(groups, &count), TL_OK);
    tl_groups_free(groups);
    tl_store_flush(store);
    unlink(tl_arena_printf(arena, "%s/groups.json", folder));
    groups = groups_of(3600 * (int64_t)1000000, store);
    assert_int_equal(ask(groups, &count), TL_OK);
    assert_int_equal(count, 1);
    tl_groups_free(groups);
    static const char *const ages[] = {"UPDATE group_answer SET answered_at_us = answered_at_us - 3601000000", /* too old */
                                       "UPDATE group_answer SET answered_at_us = answered_at_us + 7201000000"}; /* of the future */
    for (size_t i = 0; i < 2; i++) {
        tl_store_append(store, ages[i], NULL, 0);
        tl_store_flush(store);
        groups = groups_of(3600 * (int64_t)1000000, store);
        assert_int_equal(ask(groups, &count), TL_IDENTITY_UNAVAILABLE);
        tl_groups_free(groups);
    }
    tl_store_close(store);
}

static void test_without_sources_nothing_is_added(void **state)
{
    (void)state;
    struct tl_groups_settings settings = {.file = "", .url = "", .ldap_url = ""};
    struct tl_identity ana = {.user = "ana"};
    assert_null(tl_groups_new(&settings, NULL));
    assert_int_equal(tl_groups_add(NULL, arena, &ana, &err), TL_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_members_are_found_by_name_and_addresses_without_case),
        TEST(test_documents_in_another_form_are_refused_whole),
        TEST(test_a_user_in_too_many_groups_is_refused_not_cut),
        TEST(test_a_file_is_read_again_and_a_broken_one_keeps_the_last_answer_for_a_while),
        TEST(test_a_source_that_never_answered_lets_nobody_in),
        TEST(test_the_last_answer_counts_over_a_restart_until_its_grace_ends),
        TEST(test_without_sources_nothing_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/config.h"

static tl_arena *arena;
static struct tl_err err;
static const char *const no_environment[] = {"HOME=/home/alice", "PATH=/bin", NULL};

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

static enum tl_code load_bytes(const char *bytes, size_t size, const char *const *environment, const tl_config **config)
{
    char path[] = "/tmp/config_test_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    close(file);
    tl_err_init(&err);
    enum tl_code code = tl_config_load(arena, path, environment, config, &err);
    unlink(path);
    return code;
}

static const tl_config *load(const char *yaml, const char *const *environment)
{
    const tl_config *config;
    if (load_bytes(yaml, strlen(yaml), environment, &config) != TL_OK)
        fail_msg("%s", err.message);
    return config;
}

static void expect_said(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void expect_refused(const char *yaml, const char *why)
{
    const tl_config *config;
    assert_int_equal(load_bytes(yaml, strlen(yaml), no_environment, &config), TL_CONFIG);
    assert_null(config);
    expect_said(err.message, why);
}

static void test_defaults_stand_without_a_file(void **state)
{
    (void)state;
    const tl_config *config;
    assert_int_equal(tl_config_load(arena, NULL, no_environment, &config, &err), TL_OK);
    assert_string_equal(tl_config_text(config, "listen.address"), "127.0.0.1");
    assert_int_equal(tl_config_int(config, "listen.port"), 8080);
    assert_string_equal(tl_config_text(config, "state.directory"), "/home/alice/.local/share/townlake");
    assert_string_equal(tl_config_text(config, "lake.warehouse"), "/home/alice/.local/share/townlake/warehouse");
    assert_int_equal(tl_config_size_bytes(config, "engine.spill_limit"), INT64_C(20) << 30);
    assert_int_equal(tl_config_size_bytes(config, "query.text_bytes_max"), 1 << 20);
    assert_int_equal(tl_config_duration_us(config, "history.keep"), INT64_C(30) * 86400 * 1000000);
    assert_true(tl_config_bool(config, "lake.enabled"));
    assert_string_equal(tl_config_text(config, "auth.mode"), "local");
}

static void test_file_sets_nested_and_dotted_keys(void **state)
{
    (void)state;
    const tl_config *config = load("listen:\n  port: 9000\n  address: \"::1\"\nengine.memory: 1.5GB\nlake: {enabled: false}\n"
                                   "state: {directory: /var/lib/townlake}\n# a comment\nlog:\n", no_environment);
    assert_int_equal(tl_config_int(config, "listen.port"), 9000);
    assert_string_equal(tl_config_text(config, "listen.address"), "::1");
    assert_int_equal(tl_config_size_bytes(config, "engine.memory"), 1500000000);
    assert_false(tl_config_bool(config, "lake.enabled"));
    assert_string_equal(tl_config_text(config, "lake.warehouse"), "/var/lib/townlake/warehouse");
}

static void test_empty_files_are_fine(void **state)
{
    (void)state;
    static const char *const files[] = {"", "\n", "# nothing\n", "---\n", "sources:\ntokens:\n", "sources: []\n", "\xEF\xBB\xBF# mark\n"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_int_equal(tl_config_int(load(files[i], no_environment), "listen.port"), 8080);
}

static void test_environment_wins_over_the_file(void **state)
{
    (void)state;
    static const char *const environment[] = {"TOWNLAKE_LISTEN_PORT=7000", "TOWNLAKE_STATE_DIRECTORY=~/s", "HOME=/root",
                                              "TOWNLAKE_LOG_LEVEL=", "TOWNLAKE_URL=http://x", "TOWNLAKE_TOKEN=t", NULL};
    const tl_config *config = load("listen: {port: 9000}\n", environment);
    assert_int_equal(tl_config_int(config, "listen.port"), 7000);
    assert_string_equal(tl_config_text(config, "state.directory"), "/root/s");
    assert_string_equal(tl_config_text(config, "log.level"), "info");
}

static void test_unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    expect_refused("engine: {memroy: 1GB}\n", ":1: unknown key \"engine.memroy\"");
    expect_said(err.hint, "did you mean \"engine.memory\"?");
    expect_refused("\nlistne:\n  port: 1\n", ":2: unknown key \"listne\"");
    expect_said(err.hint, "did you mean \"listen\"?");
    expect_refused("source: []\n", "\"source\" must be a group of keys, not a list");
    expect_refused("sorces: []\n", "unknown key \"sorces\"");
    expect_said(err.hint, "did you mean \"sources\"?");
    expect_refused("whatever: 1\n", "unknown key \"whatever\"");
    assert_string_equal(err.hint, "");
}

static void test_slips_in_variables_are_found(void **state)
{
    (void)state;
    const tl_config *config;
    static const char *const environment[] = {"TOWNLAKE_ENGINE_MEMRY=1GB", "HOME=/root", NULL};
    assert_int_equal(tl_config_load(arena, NULL, environment, &config, &err), TL_CONFIG);
    expect_said(err.message, "unknown environment variable \"TOWNLAKE_ENGINE_MEMRY\"");
    expect_said(err.hint, "TOWNLAKE_ENGINE_MEMORY");
}

static void test_wrong_values_say_what_they_should_be(void **state)
{
    (void)state;
    expect_refused("listen: {port: 70000}\n", "\"listen.port\" must be a whole number from 0 to 65535, not \"70000\"");
    expect_refused("listen: {port: 80a}\n", "whole number");
    expect_refused("listen: {port: }\n", "whole number");
    expect_refused("listen: {port: [1]}\n", "must be a single value, not a list");
    expect_refused("lake: {enabled: yes}\n", "must be true or false, not \"yes\"");
    expect_refused("auth: {mode: open}\n", "must be one of local|token|access|oidc, not \"open\"");
    expect_refused("auth: {mode: loc}\n", "must be one of");
    expect_refused("engine: {memory: lots}\n", "a size such as");
    expect_refused("engine: {memory: -1GB}\n", "a size such as");
    expect_refused("source: {refresh: 60}\n", "a duration such as");
    const tl_config *config;
    static const char *const environment[] = {"TOWNLAKE_LISTEN_PORT=no", "HOME=/root", NULL};
    tl_err_init(&err);
    assert_int_equal(tl_config_load(arena, NULL, environment, &config, &err), TL_CONFIG);
    expect_said(err.message, "environment variable \"TOWNLAKE_LISTEN_PORT\" must be a whole number");
}

static void test_all_problems_are_listed(void **state)
{
    (void)state;
    expect_refused("listen: {port: x}\nauth: {mode: y}\nbogus: 1\n", ":1: key \"listen.port\"");
    expect_said(err.detail, "3 problems");
    expect_said(err.detail, ":2: key \"auth.mode\"");
    expect_said(err.detail, ":3: unknown key \"bogus\"");
}

static void test_yaml_faults_have_their_place(void **state)
{
    (void)state;
    expect_refused("listen: {port: 1\nlake: 2\n", ":2:");
    expect_refused("listen:\n\tport: 1\n", ":2:");
    expect_refused("a: &x 1\n", "anchors are not taken");
    expect_refused("a: *x\n", "aliases are not taken");
    expect_refused("listen: {port: 1}\n---\nlisten: {port: 2}\n", ":3: one document is enough");
    expect_refused("log: {level: info}\nlog: {form: json}\n", ":2: key \"log\" is given twice, first in line 1");
    expect_refused("[1]: 2\n", "a key must be plain text");
    expect_refused("- 1\n", "must be a group of keys, not a list");
    expect_refused("just text\n", "must be a group of keys, not a single value");
    expect_refused("lake: {name: \"a\\0b\"}\n", "NUL byte");
    expect_refused("a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: 1}}}}}}}}}}}}}}}}\n", "nested deeper than 16");
    expect_refused("lake: {name: \"\xFF\"}\n", "at byte");
}

static void test_large_files_are_refused(void **state)
{
    (void)state;
    size_t size = (1 << 20) + 1;
    char *bytes = tl_arena_alloc(arena, size);
    memset(bytes, '#', size);
    const tl_config *config;
    assert_int_equal(load_bytes(bytes, size - 1, no_environment, &config), TL_OK);
    assert_int_equal(load_bytes(bytes, size, no_environment, &config), TL_CONFIG);
    expect_said(err.message, "more than 1048576 bytes");
    struct tl_buf many;
    tl_buf_init(&many, 1 << 20);
    for (int i = 0; i <= 2000; i++)
        tl_buf_addf(&many, "k%d:\n", i);
    assert_int_equal(load_bytes(many.data, many.size, no_environment, &config), TL_CONFIG);
    tl_buf_done(&many);
    expect_said(err.message, "more than 2000 members");
}

static void test_missing_file_is_named(void **state)
{
    (void)state;
    const tl_config *config;
    assert_int_equal(tl_config_load(arena, "/nowhere/townlake.yaml", no_environment, &config, &err), TL_CONFIG);
    expect_said(err.message, "\"/nowhere/townlake.yaml\" cannot be opened: No such file or directory");
    tl_err_init(&err);
    assert_int_equal(tl_config_load(arena, "/tmp", no_environment, &config, &err), TL_CONFIG);
    expect_said(err.message, "cannot be read: Is a directory");
}

static void test_home_must_be_known_where_it_is_needed(void **state)
{
    (void)state;
    static const char *const environment[] = {"PATH=/bin", NULL}, *const set[] = {"TOWNLAKE_STATE_DIRECTORY=/s", NULL};
    const tl_config *config;
    assert_int_equal(tl_config_load(arena, NULL, environment, &config, &err), TL_CONFIG);
    expect_said(err.message, "needs the environment variable HOME");
    tl_err_init(&err);
    assert_int_equal(tl_config_load(arena, NULL, set, &config, &err), TL_OK);
}

static void test_paths_that_name_each_other_end(void **state)
{
    (void)state;
    load("state: {directory: \"{lake.warehouse}\"}\nlake: {warehouse: \"{state.directory}/w\"}\n", no_environment);
    expect_refused("lake: {warehouse: \"{no.key}/w\"}\n", "names no key");
}

static void test_sources_are_read(void **state)
{
    (void)state;
    const tl_config *config = load("sources:\n"
                                   "  - name: ops\n    kind: postgres\n    comment: the operational database\n"
                                   "    options: {host: 127.0.0.1, port: 5432, password: \"env:OPS_PASSWORD\"}\n"
                                   "  - {name: files, kind: files}\n", no_environment);
    const struct tl_config_source *sources;
    assert_int_equal(tl_config_sources(config, &sources), 2);
    assert_string_equal(sources[0].name, "ops");
    assert_string_equal(sources[0].comment, "the operational database");
    assert_int_equal(sources[0].line, 2);
    assert_int_equal(sources[0].option_count, 3);
    assert_string_equal(sources[0].options[1].name, "port");
    assert_string_equal(sources[0].options[1].value, "5432");
    assert_string_equal(sources[0].options[2].value, "env:OPS_PASSWORD");
    assert_string_equal(sources[1].kind, "files");
    assert_null(sources[1].comment);
    assert_int_equal(sources[1].option_count, 0);
}

static void test_wrong_sources_are_refused(void **state)
{
    (void)state;
    expect_refused("sources: {name: ops}\n", "\"sources\" must be a list, not a group of keys");
    expect_refused("sources:\n  - ops\n", ":2: a source must be a group of keys, not a single value");
    expect_refused("sources:\n  - {kind: postgres}\n", "a source has no name");
    expect_refused("sources:\n  - {name: ops}\n", "source \"ops\" has no kind");
    expect_refused("sources:\n  - {name: ops, kind: a}\n  - {name: OPS, kind: b}\n", ":3: source \"OPS\" is given twice, first in line 2");
    expect_refused("sources:\n  - {name: ops, kind: a, optoins: {}}\n", "a source has no key \"optoins\"");
    expect_said(err.hint, "did you mean \"options\"?");
    expect_refused("sources:\n  - {name: ops, kind: a, options: [1]}\n", "\"options\" of a source must be a group of keys");
    expect_refused("sources:\n  - {name: ops, kind: a, options: {x: {}}}\n", "option \"x\" must be a single value");
    expect_refused("sources:\n  - {name: [ops], kind: a}\n", "\"name\" of a source must be a single value, not a list");
}

static void test_tokens_are_read(void **state)
{
    (void)state;
    const tl_config *config = load("tokens:\n  - user: alice\n    groups: [analyst, eu]\n    token: file:/run/secrets/alice\n"
                                   "  - {user: bob, sha256: 00000000000000000000000000000000000000000000000000000000000000aF}\n", no_environment);
    const struct tl_config_token *tokens;
    assert_int_equal(tl_config_tokens(config, &tokens), 2);
    assert_string_equal(tokens[0].user, "alice");
    assert_int_equal(tokens[0].group_count, 2);
    assert_string_equal(tokens[0].groups[1], "eu");
    assert_string_equal(tokens[0].token, "file:/run/secrets/alice");
    assert_null(tokens[0].sha256);
    assert_null(tokens[1].token);
    assert_int_equal(strlen(tokens[1].sha256), 64);
}

static void test_wrong_tokens_are_refused_without_being_shown(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"tokens:\n  - {token: s3cret}\n", "a token has no user"},
        {"tokens:\n  - {user: alice}\n", "needs either \"token\" or \"sha256\""},
        {"tokens:\n  - {user: alice, token: s3cret, sha256: s3cret}\n", "needs either"},
        {"tokens:\n  - {user: alice, token: \"\"}\n", "is empty"},
        {"tokens:\n  - {user: alice, sha256: s3cret}\n", "must be 64 hexadecimal digits"},
        {"tokens:\n  - {user: alice, tokne: s3cret}\n", "a token has no key \"tokne\""},
        {"tokens:\n  - {user: alice, token: s3cret, groups: admin}\n", "\"groups\" must be a list"},
        {"tokens:\n  - {user: alice, token: s3cret, groups: [{}]}\n", "a group must be a name"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        expect_refused(files[i][0], files[i][1]);
        assert_null(strstr(err.message, "s3cret"));
        assert_null(strstr(err.detail, "s3cret"));
    }
}

static void test_secrets_are_resolved(void **state)
{
    (void)state;
    const char *secret;
    setenv("TL_CONFIG_TEST", "from-environment", 1);
    assert_int_equal(tl_config_secret(arena, "env:TL_CONFIG_TEST", &secret, &err), TL_OK);
    assert_string_equal(secret, "from-environment");
    assert_int_equal(tl_config_secret(arena, "plain", &secret, &err), TL_OK);
    assert_string_equal(secret, "plain");
    assert_true(tl_config_is_reference("env:X"));
    assert_true(tl_config_is_reference("file:/x"));
    assert_false(tl_config_is_reference("environment"));
    assert_int_equal(tl_config_secret(arena, "env:TL_CONFIG_TEST_UNSET", &secret, &err), TL_CONFIG);
    expect_said(err.message, "\"env:TL_CONFIG_TEST_UNSET\"");
    tl_err_init(&err);
    assert_int_equal(tl_config_secret(arena, "file:/nowhere/x", &secret, &err), TL_CONFIG);
    expect_said(err.message, "\"file:/nowhere/x\" cannot be opened");
}

static enum tl_code secret_of(const char *bytes, size_t size, const char **secret)
{
    char path[] = "/tmp/config_test_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    close(file);
    tl_err_init(&err);
    enum tl_code code = tl_config_secret(arena, tl_arena_printf(arena, "file:%s", path), secret, &err);
    unlink(path);
    return code;
}

static void test_secret_files_lose_one_newline(void **state)
{
    (void)state;
    const char *secret;
    assert_int_equal(secret_of("pass word\n", 10, &secret), TL_OK);
    assert_string_equal(secret, "pass word");
    assert_int_equal(secret_of("two\n\n", 5, &secret), TL_OK);
    assert_string_equal(secret, "two\n");
    assert_int_equal(secret_of("", 0, &secret), TL_OK);
    assert_string_equal(secret, "");
    assert_int_equal(secret_of("a\0b", 3, &secret), TL_CONFIG);
    expect_said(err.message, "NUL byte");
    char *large = tl_arena_alloc(arena, 65537);
    memset(large, 'x', 65537);
    assert_int_equal(secret_of(large, 65536, &secret), TL_OK);
    assert_int_equal(strlen(secret), 65536);
    assert_int_equal(secret_of(large, 65537, &secret), TL_CONFIG);
    expect_said(err.message, "more than 65536 bytes");
}

static void test_sizes_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {{"0", 0}, {"1024", 1024}, {"10B", 10}, {"1kB", 1000}, {"1KiB", 1024}, {"512MiB", 536870912}, {"4GB", 4000000000},
                {"4 GB", 4000000000}, {"1.5GiB", 1610612736}, {"0.000001MB", 1}, {"2TiB", INT64_C(2) << 40}, {"9223372036854775807", INT64_MAX}};
    int64_t bytes;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!tl_parse_size_bytes(good[i].text, &bytes))
            fail_msg("%s", good[i].text);
        assert_int_equal(bytes, good[i].bytes);
    }
    static const char *const bad[] = {"", " ", "GB", "-1", "1.GB", ".5GB", "1GBx", "1 G B", "1,5GB", "1e3", "9223372036854775808",
                                      "9000000TiB", "1.0000001GB", "1s", "0x10"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tl_parse_size_bytes(bad[i], &bytes))
            fail_msg("\"%s\" is no size", bad[i]);
}

static void test_durations_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {{"0", 0}, {"0s", 0}, {"250ms", 250000}, {"30s", 30000000}, {"5m", 300000000}, {"1.5h", 5400000000}, {"30d", 2592000000000},
                {"7us", 7}, {"5.00m", 300000000}};
    int64_t us;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!tl_parse_duration_us(good[i].text, &us))
            fail_msg("%s", good[i].text);
        assert_int_equal(us, good[i].us);
    }
    static const char *const bad[] = {"", "30", "s", "-1s", "1y", "1h30m", "999999999999d", "1MB"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tl_parse_duration_us(bad[i], &us))
            fail_msg("\"%s\" is no duration", bad[i]);
}

static void remember(void *context, const char *key, const char *value, const char *origin, const char *help)
{
    assert_true(help[0] != '\0');
    tl_buf_addf(context, "%s=%s (%s)\n", key, value, origin);
}

static void test_walk_says_where_values_come_from(void **state)
{
    (void)state;
    static const char *const environment[] = {"HOME=/root", "TOWNLAKE_HTTP_WORKERS=8", NULL};
    struct tl_buf all;
    tl_buf_init(&all, 64 * 1024);
    tl_config_each(load("listen: {port: 0}\n", environment), remember, &all);
    expect_said(tl_buf_cstr(&all), "listen.port=0 (file)\n");
    expect_said(tl_buf_cstr(&all), "http.workers=8 (environment)\n");
    expect_said(tl_buf_cstr(&all), "engine.memory=0 (default)\n");
    expect_said(tl_buf_cstr(&all), "engine.program= (default)\n");
    tl_buf_done(&all);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_defaults_stand_without_a_file),
        TEST(test_file_sets_nested_and_dotted_keys),
        TEST(test_empty_files_are_fine),
        TEST(test_environment_wins_over_the_file),
        TEST(test_unknown_keys_name_the_nearest),
        TEST(test_slips_in_variables_are_found),
        TEST(test_wrong_values_say_what_they_should_be),
        TEST(test_all_problems_are_listed),
        TEST(test_yaml_faults_have_their_place),
        TEST(test_large_files_are_refused),
        TEST(test_missing_file_is_named),
        TEST(test_home_must_be_known_where_it_is_needed),
        TEST(test_paths_that_name_each_other_end),
        TEST(test_sources_are_read),
        TEST(test_wrong_sources_are_refused),
        TEST(test_tokens_are_read),
        TEST(test_wrong_tokens_are_refused_without_being_shown),
        TEST(test_secrets_are_resolved),
        TEST(test_secret_files_lose_one_newline),
        TEST(test_sizes_as_people_write_them),
        TEST(test_durations_as_people_write_them),
        TEST(test_walk_says_where_values_come_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

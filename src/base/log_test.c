#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static int file;
static char said[1 << 20];

static int setup(void **state)
{
    (void)state;
    file = memfd_create("log", MFD_CLOEXEC);
    return file < 0;
}

static int teardown(void **state)
{
    (void)state;
    tl_log_init(2, TL_LOG_INFO, TL_LOG_JSON);
    return close(file);
}

static const char *read_said(void)
{
    ssize_t size = pread(file, said, sizeof said - 1, 0);
    assert_true(size >= 0);
    said[size] = '\0';
    return said;
}

/* Behind the time. */
static const char *rest_of_line(const char *mark)
{
    const char *found = strstr(read_said(), mark);
    if (!found)
        fail_msg("\"%s\" is not in %s", mark, said);
    return found;
}

static void test_json_line_has_every_pair(void **state)
{
    (void)state;
    tl_log_init(file, TL_LOG_INFO, TL_LOG_JSON);
    tl_log(TL_LOG_INFO, "engine", "engine started", "pid", "%d", 42, "version", "%s", "1.5.5", "bytes", "%" PRId64, INT64_MIN, "size", "%zu",
           (size_t)7, "took", "%.1f ms", 2.25, "fixed", "100%%", "flags", "0x%x", 255U, "big", "%llu", ~0ULL, NULL);
    assert_string_equal(rest_of_line("\"level\""),
                        "\"level\":\"info\",\"room\":\"engine\",\"message\":\"engine started\",\"pid\":42,\"version\":\"1.5.5\","
                        "\"bytes\":-9223372036854775808,\"size\":7,\"took\":\"2.2 ms\",\"fixed\":\"100%\",\"flags\":\"0xff\","
                        "\"big\":18446744073709551615}\n");
    assert_memory_equal(said, "{\"time\":\"20", 11);
    assert_int_equal(said[9 + 27], '"'); /* 2026-01-31T12:00:00.123456Z */
}

static void test_values_cannot_leave_their_line_or_string(void **state)
{
    (void)state;
    tl_log_init(file, TL_LOG_INFO, TL_LOG_JSON);
    tl_log(TL_LOG_WARN, "api", "odd \"text\"", "value", "%s", "a\"b\\c\nd\x1b[31m\xFF\xC3\xA9", NULL);
    assert_string_equal(rest_of_line("\"message\""),
                        "\"message\":\"odd \\\"text\\\"\",\"value\":\"a\\\"b\\\\c\\nd\\u001b[31m?\xC3\xA9\"}\n");
}

static void test_lines_for_people_quote_what_needs_it(void **state)
{
    (void)state;
    tl_log_init(file, TL_LOG_INFO, TL_LOG_HUMAN);
    tl_log(TL_LOG_ERROR, "api", "no", "a", "%s", "plain", "b", "%s", "two words", "c", "%s", "", "d", "%d", -1, "e", "%s", "x\ny", NULL);
    assert_string_equal(rest_of_line(" error"), " error api: no a=plain b=\"two words\" c=\"\" d=-1 e=\"x\\ny\"\n");
    assert_null(strchr(said, '\033')); /* a file is no terminal */
}

static void test_less_serious_events_are_left_out(void **state)
{
    (void)state;
    tl_log_init(file, TL_LOG_WARN, TL_LOG_JSON);
    tl_log(TL_LOG_INFO, "api", "not this", NULL);
    tl_log(TL_LOG_WARN, "api", "but this", NULL);
    assert_null(strstr(read_said(), "not this"));
    assert_non_null(strstr(read_said(), "but this"));
}

static void test_files_get_json_on_their_own(void **state)
{
    (void)state;
    tl_log_init(file, TL_LOG_INFO, TL_LOG_AUTO);
    tl_log(TL_LOG_INFO, "api", "x", NULL);
    assert_int_equal(read_said()[0], '{');
}

static void test_errors_show_code_message_detail_and_hint(void **state)
{
    (void)state;
    struct tl_err err;
    tl_err_init(&err);
    tl_err_set(&err, TL_CONFIG, "no key \"x\"");
    tl_err_hint(&err, "did you mean \"y\"?");
    tl_log_init(file, TL_LOG_INFO, TL_LOG_JSON);
    tl_log_err(TL_LOG_ERROR, "daemon", "cannot start", &err);
    assert_string_equal(rest_of_line("\"code\""), "\"code\":\"config\",\"error\":\"no key \\\"x\\\"\",\"hint\":\"did you mean \\\"y\\\"?\"}\n");
}

static void test_long_values_are_cut(void **state)
{
    (void)state;
    static char text[100000];
    memset(text, '\x01', sizeof text - 1); /* six bytes each, escaped */
    tl_log_init(file, TL_LOG_INFO, TL_LOG_JSON);
    tl_log(TL_LOG_INFO, "api", "long", "a", "%s", text, "b", "%s", text, NULL);
    size_t size = strlen(read_said());
    assert_true(size > 20000 && size < 30000);
    assert_string_equal(said + size - 3, "\"}\n");
}

static void *log_many(void *context)
{
    (void)context;
    for (int i = 0; i < 200; i++)
        tl_log(TL_LOG_INFO, "api", "thread", "number", "%d", i, NULL);
    return NULL;
}

static void test_threads_do_not_mix_their_lines(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    tl_log_init(ends[1], TL_LOG_INFO, TL_LOG_JSON);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
    FILE *lines = fdopen(ends[0], "r");
    char line[512];
    for (int i = 0; i < 800; i++) {
        assert_non_null(fgets(line, sizeof line, lines));
        assert_memory_equal(line, "{\"time\":", 8);
        assert_non_null(strstr(line, "}\n"));
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    fclose(lines);
    close(ends[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_json_line_has_every_pair),
        TEST(test_values_cannot_leave_their_line_or_string),
        TEST(test_lines_for_people_quote_what_needs_it),
        TEST(test_less_serious_events_are_left_out),
        TEST(test_files_get_json_on_their_own),
        TEST(test_errors_show_code_message_detail_and_hint),
        TEST(test_long_values_are_cut),
        TEST(test_threads_do_not_mix_their_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The detectors in a process of their own: the same findings, and what a process that is lost costs. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "detectors/worker_int.h"
#include "io/process.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };
static const struct tl_detector_options options = {.program = TL_WORKER_PROGRAM};
static const struct tl_detector_driver *const worker = &tl_detector_worker;

static tl_detector *open_worker(void)
{
    struct tl_err err;
    tl_detector *detector;
    tl_err_init(&err);
    assert_int_equal(worker->open(&options, &detector, &err), TL_OK);
    return detector;
}

static void add(const struct tl_detector_driver *driver, tl_detect_run *run, const char *text)
{
    struct tl_str value = tl_str_of(text);
    driver->add(run, &value, 1);
}

static void add_mails(const struct tl_detector_driver *driver, tl_detect_run *run, int count)
{
    char text[64];
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "person%d@example%d.org", i, i % 7);
        add(driver, run, text);
    }
}

/* Whose parent we are: the worker, there is no other. */
static pid_t worker_pid(void)
{
    pid_t found = 0;
    DIR *folder = opendir("/proc");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[300], text[512] = "";
        int parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        const char *behind = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
        if (behind && sscanf(behind + 1, " %*c %d", &parent) == 1 && parent == (int)getpid())
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        fclose(file);
    }
    closedir(folder);
    return found;
}

static void it_finds_what_the_patterns_find(void **state)
{
    static const char *const neighbours[] = {"id", "first_name", "contact"};
    static const struct tl_type text = {.id = TL_TYPE_VARCHAR};
    const struct tl_detect_column column = {"customers", "contact", &text, 3, neighbours};
    const struct tl_detection *here, *there;
    size_t here_count, there_count;
    struct tl_err err;
    tl_detector *plain, *detector = open_worker();
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    (void)state;
    tl_err_init(&err);
    assert_int_equal(tl_detector_patterns.open(NULL, &plain, &err), TL_OK);
    tl_detect_run *a = tl_detector_patterns.begin(plain, &column), *b = worker->begin(detector, &column);
    add_mails(&tl_detector_patterns, a, 5000); /* more than one frame */
    add_mails(worker, b, 5000);
    assert_int_equal(tl_detector_patterns.judge(a, arena, &here, &here_count, &err), TL_OK);
    assert_int_equal(worker->judge(b, arena, &there, &there_count, &err), TL_OK);
    assert_int_equal(here_count, there_count);
    assert_true(here_count > 0);
    for (size_t i = 0; i < here_count; i++) {
        assert_ptr_equal(here[i].class, there[i].class);
        assert_true(here[i].confidence - there[i].confidence < 1e-9 && there[i].confidence - here[i].confidence < 1e-9);
        assert_int_equal(here[i].hits, there[i].hits);
        assert_int_equal(here[i].checked, there[i].checked);
        assert_string_equal(here[i].shape, there[i].shape);
        assert_string_equal(here[i].reason, there[i].reason);
    }
    assert_string_equal(there[0].class->info_type, "EMAIL_ADDRESS");
    tl_detector_patterns.end(a);
    worker->end(b);
    tl_detector_patterns.close(plain);
    worker->close(detector);
    tl_arena_free(arena);
}

static void runs_beside_each_other_keep_their_values_apart(void **state)
{
    const struct tl_detect_column column = {.table = "t", .name = "c"};
    tl_detect_run *runs[200];
    tl_detector *detector = open_worker();
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    struct tl_err err;
    (void)state;
    tl_err_init(&err);
    for (int i = 0; i < 200; i++)
        runs[i] = worker->begin(detector, &column);
    for (int n = 0; n < 50; n++)
        for (int i = 0; i < 200; i++) {
            char text[64];
            snprintf(text, sizeof text, i % 2 ? "192.168.%d.%d" : "person%d@example%d.org", n, i);
            add(worker, runs[i], text);
        }
    for (int i = 0; i < 200; i++) {
        const struct tl_detection *found;
        size_t count;
        assert_int_equal(worker->judge(runs[i], arena, &found, &count, &err), TL_OK);
        assert_true(count > 0);
        assert_string_equal(found[0].class->info_type, i % 2 ? "IP_ADDRESS" : "EMAIL_ADDRESS");
        worker->end(runs[i]);
    }
    worker->close(detector);
    tl_arena_free(arena);
}

static void a_worker_that_is_killed_costs_its_runs_and_no_more(void **state)
{
    const struct tl_detect_column column = {.table = "t", .name = "c"};
    const struct tl_detection *found;
    size_t count;
    struct tl_err err;
    tl_detector *detector = open_worker();
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    (void)state;
    tl_err_init(&err);
    tl_detect_run *run = worker->begin(detector, &column);
    add_mails(worker, run, 10);
    pid_t pid = worker_pid();
    assert_true(pid > 0);
    kill(pid, SIGKILL);
    assert_int_equal(worker->judge(run, arena, &found, &count, &err), TL_IO);
    assert_non_null(strstr(err.message, "lost"));
    assert_non_null(strstr(err.detail, "killed by signal 9"));
    assert_int_equal(count, 0);
    worker->end(run);
    tl_err_init(&err);
    run = worker->begin(detector, &column);
    add_mails(worker, run, 10);
    assert_int_equal(worker->judge(run, arena, &found, &count, &err), TL_OK);
    assert_string_equal(found[0].class->info_type, "EMAIL_ADDRESS");
    worker->end(run);
    worker->close(detector);
    tl_arena_free(arena);
}

static void a_worker_at_rest_is_no_process(void **state)
{
    const struct tl_detect_column column = {.table = "t", .name = "c"};
    tl_detector *detector = open_worker();
    (void)state;
    assert_int_equal(worker_pid(), 0);
    worker->end(worker->begin(detector, &column));
    assert_true(worker_pid() > 0);
    worker->rest(detector);
    assert_int_equal(worker_pid(), 0);
    worker->close(detector);
}

static void a_missing_program_is_said_when_it_opens(void **state)
{
    struct tl_err err;
    tl_detector *detector = NULL;
    (void)state;
    tl_err_init(&err);
    assert_int_equal(worker->open(NULL, &detector, &err), TL_CONFIG);
    assert_non_null(strstr(err.message, "townlake-worker"));
}

static void a_program_that_is_none_fails_the_run_with_a_reason(void **state)
{
    const struct tl_detector_options nothing = {.program = "/nonexistent/townlake-worker"};
    const struct tl_detect_column column = {.table = "t", .name = "c"};
    const struct tl_detection *found;
    size_t count;
    struct tl_err err;
    tl_detector *detector;
    (void)state;
    tl_err_init(&err);
    assert_int_equal(worker->open(&nothing, &detector, &err), TL_OK);
    tl_detect_run *run = worker->begin(detector, &column);
    add_mails(worker, run, 10);
    assert_int_equal(worker->judge(run, NULL, &found, &count, &err), TL_IO);
    assert_non_null(strstr(err.detail, "nonexistent"));
    worker->end(run);
    worker->close(detector);
}

/* What a process that was taken over could send is refused. */
static void findings_that_cannot_be_are_refused(void **state)
{
    static const char *const bad[] = {
        "", "{}", "[1]", "[{}]", "[{\"class\":-1}]",
        "[{\"class\":0,\"confidence\":1.5,\"checked\":1,\"hits\":1,\"given_up\":0,\"shape\":\"aaa\",\"reason\":\"r\"}]",
        "[{\"class\":0,\"confidence\":0.5,\"checked\":1,\"hits\":2,\"given_up\":0,\"shape\":\"aaa\",\"reason\":\"r\"}]",
        "[{\"class\":0,\"confidence\":0.5,\"checked\":1,\"hits\":1,\"given_up\":0,\"shape\":\"bob@example.com\",\"reason\":\"r\"}]",
        "[{\"class\":0,\"confidence\":0.5,\"checked\":1,\"hits\":1,\"given_up\":0,\"shape\":\"aaa\",\"reason\":\"a\\nb\"}]",
    };
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct tl_detection *found;
        size_t count;
        struct tl_err err;
        tl_err_init(&err);
        assert_int_not_equal(worker_read_detections(arena, tl_str_of(bad[i]), &found, &count, &err), TL_OK);
        assert_null(found);
    }
    tl_arena_free(arena);
}

/* Frames that no parent sends end the child; it takes nothing for granted either. */
static void a_child_ends_at_a_frame_that_is_none(void **state)
{
    static const struct worker_head frames[] = {{0, WORKER_JUDGE, 3}, {0, 99, 0}, {0, WORKER_BEGIN, UINT16_MAX}, {UINT32_MAX, WORKER_ADD, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        int ends[2];
        struct tl_err err;
        tl_err_init(&err);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        assert_int_equal(tl_fd_write_full(ends[0], &frames[i], sizeof frames[i], &err), TL_OK);
        shutdown(ends[0], SHUT_WR);
        (void)worker_serve(ends[1]);
        char byte;
        close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 0);
        close(ends[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_the_patterns_find),
        cmocka_unit_test(runs_beside_each_other_keep_their_values_apart),
        cmocka_unit_test(a_worker_that_is_killed_costs_its_runs_and_no_more),
        cmocka_unit_test(a_worker_at_rest_is_no_process),
        cmocka_unit_test(a_missing_program_is_said_when_it_opens),
        cmocka_unit_test(a_program_that_is_none_fails_the_run_with_a_reason),
        cmocka_unit_test(findings_that_cannot_be_are_refused),
        cmocka_unit_test(a_child_ends_at_a_frame_that_is_none),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

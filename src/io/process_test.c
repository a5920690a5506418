#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/process.h"

static char folder[] = "/tmp/tl_process_test.XXXXXX";
static struct tl_err err;

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    const char *const argv[] = {"/bin/rm", "-rf", folder, NULL};
    struct tl_process_options options = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    tl_process *process;
    int status = 1;
    if (tl_process_start(&options, &process, &err) == TL_OK) {
        tl_process_wait(process, 10000, &status);
        tl_process_end(process);
    }
    return status;
}

static int clear_err(void **state)
{
    (void)state;
    tl_err_init(&err);
    return 0;
}

static void path_in_folder(char *path, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
}

static tl_process *start_shell(const char *script, int stdout_fd, const int *pass_fds, size_t pass_fd_count)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct tl_process_options options = {.argv = argv,
                                         .pass_fds = pass_fds,
                                         .pass_fd_count = pass_fd_count,
                                         .stdin_fd = -1,
                                         .stdout_fd = stdout_fd,
                                         .stderr_fd = -1};
    tl_process *process = NULL;
    if (tl_process_start(&options, &process, &err) != TL_OK)
        fail_msg("%s", err.message);
    return process;
}

static size_t read_all(int fd, char *text, size_t size)
{
    size_t done = 0;
    ssize_t got;
    while (done + 1 < size && (got = read(fd, text + done, size - 1 - done)) > 0)
        done += (size_t)got;
    text[done] = '\0';
    return done;
}

static void test_exit_status_is_told(void **state)
{
    (void)state;
    tl_process *process = start_shell("exit 3", -1, NULL, 0);
    int status = 0;
    assert_true(tl_process_wait(process, 10000, &status));
    char text[64];
    tl_process_status_text(status, text);
    assert_string_equal(text, "exited with status 3");
    status = 0;
    assert_true(tl_process_wait(process, 0, &status)); /* asked again, the same answer */
    assert_int_equal(WEXITSTATUS(status), 3);
    tl_process_signal(process, SIGKILL); /* nobody is there: must not reach another process */
    assert_null(tl_process_end(process));
}

static void test_signal_is_told_by_name(void **state)
{
    (void)state;
    tl_process *process = start_shell("kill -SEGV $$", -1, NULL, 0);
    int status = 0;
    assert_true(tl_process_wait(process, -1, &status));
    char text[64];
    tl_process_status_text(status, text);
    assert_string_equal(text, "killed by signal 11 (SIGSEGV)");
    tl_process_end(process);
}

static void test_wait_ends_at_its_timeout(void **state)
{
    (void)state;
    tl_process *process = start_shell("exec sleep 60", -1, NULL, 0);
    int64_t before = tl_clock_monotonic_us();
    assert_false(tl_process_wait(process, 50, NULL));
    int64_t took_us = tl_clock_monotonic_us() - before;
    assert_in_range(took_us, 50000, 5000000);
    tl_process_end(process);
}

static void *signal_later(void *process)
{
    usleep(50000);
    tl_process_signal(process, SIGTERM);
    return NULL;
}

static void test_another_thread_may_signal_while_one_waits(void **state)
{
    (void)state;
    tl_process *process = start_shell("exec sleep 60", -1, NULL, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, signal_later, process);
    int status = 0;
    assert_true(tl_process_wait(process, 10000, &status));
    pthread_join(thread, NULL);
    assert_int_equal(WTERMSIG(status), SIGTERM);
    tl_process_end(process);
}

static void test_end_kills_and_leaves_no_zombie(void **state)
{
    (void)state;
    tl_process *process = start_shell("trap '' TERM; while :; do sleep 1; done", -1, NULL, 0);
    pid_t pid = tl_process_pid(process);
    tl_process_end(process);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_null(tl_process_end(NULL));
}

static bool process_is_gone(pid_t pid)
{
    for (int i = 0; i < 500; i++) {
        char path[64], text[512] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY);
        if (fd < 0)
            return true;
        read_all(fd, text, sizeof text);
        close(fd);
        const char *after = strrchr(text, ')');
        if (after && (after[2] == 'Z' || after[2] == 'X'))
            return true;
        usleep(10000);
    }
    return false;
}

static void test_grandchildren_end_with_the_child(void **state)
{
    (void)state;
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    tl_process *process = start_shell("sleep 60 >&2 & echo $!", out[1], NULL, 0);
    close(out[1]);
    char text[64];
    read_all(out[0], text, sizeof text);
    close(out[0]);
    pid_t grandchild = (pid_t)strtol(text, NULL, 10);
    assert_true(grandchild > 0);
    assert_true(tl_process_wait(process, 10000, NULL));
    assert_true(process_is_gone(grandchild));
    tl_process_end(process);
}

static void test_a_missing_program_is_an_error_with_its_path(void **state)
{
    (void)state;
    const char *const argv[] = {"/no/such/program", NULL};
    struct tl_process_options options = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    tl_process *process;
    assert_int_equal(tl_process_start(&options, &process, &err), TL_IO);
    assert_non_null(strstr(err.message, "\"/no/such/program\": No such file or directory"));
    assert_string_not_equal(err.hint, "");
}

static void test_a_closed_descriptor_cannot_be_passed(void **state)
{
    (void)state;
    const char *const argv[] = {"/bin/true", NULL};
    int closed = 900;
    struct tl_process_options options = {
        .argv = argv, .pass_fds = &closed, .pass_fd_count = 1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    tl_process *process;
    assert_int_equal(tl_process_start(&options, &process, &err), TL_IO);
    assert_non_null(strstr(err.message, "Bad file descriptor"));
}

static void test_only_given_descriptors_are_open_in_the_child(void **state)
{
    (void)state;
    int out[2], passed[2];
    int opened = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int leaky = fcntl(opened, F_DUPFD, 50); /* not closed by exec of itself */
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(passed, O_CLOEXEC), 0);
    char script[256], text[256];
    snprintf(script, sizeof script, "for n in %d %d %d; do [ -e /proc/$$/fd/$n ] && echo open || echo closed; done",
             leaky, passed[0], passed[1]);
    tl_process *process = start_shell(script, out[1], &passed[1], 1);
    close(out[1]);
    read_all(out[0], text, sizeof text);
    assert_string_equal(text, "closed\nclosed\nopen\n");
    close(opened);
    tl_process_end(process);
    close(out[0]);
    close(passed[0]);
    close(passed[1]);
    close(leaky);
}

static void test_standard_streams_may_be_crossed(void **state)
{
    (void)state;
    int out[2], in[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    const char *const argv[] = {"/bin/sh", "-c", "read line; echo \"got $line\" >&2; echo $HOME", NULL};
    const char *const environment[] = {"HOME=/nowhere", NULL};
    struct tl_process_options options = {
        .argv = argv, .environment = environment, .stdin_fd = in[0], .stdout_fd = out[1], .stderr_fd = out[1]};
    tl_process *process;
    assert_int_equal(tl_process_start(&options, &process, &err), TL_OK);
    assert_int_equal(tl_fd_write_full(in[1], "word\n", 5, &err), TL_OK);
    close(out[1]);
    char text[64];
    read_all(out[0], text, sizeof text);
    assert_string_equal(text, "got word\n/nowhere\n");
    tl_process_end(process);
    close(out[0]);
    close(in[0]);
    close(in[1]);
}

static void test_signals_are_reset_in_the_child(void **state)
{
    (void)state;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    tl_process *process = start_shell("kill -PIPE $$; exit 0", -1, NULL, 0);
    int status = 0;
    assert_true(tl_process_wait(process, 10000, &status));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    tl_process_end(process);
    signal(SIGPIPE, before);
}

static void test_memory_limit_is_in_force(void **state)
{
    (void)state;
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    const char *const argv[] = {"/bin/sh", "-c", "ulimit -v; ulimit -c", NULL};
    struct tl_process_options options = {
        .argv = argv, .stdin_fd = -1, .stdout_fd = out[1], .stderr_fd = -1, .memory_bytes_max = 256U << 20};
    tl_process *process;
    assert_int_equal(tl_process_start(&options, &process, &err), TL_OK);
    close(out[1]);
    char text[64];
    read_all(out[0], text, sizeof text);
    assert_string_equal(text, "262144\n0\n");
    tl_process_end(process);
    close(out[0]);
}

static void *start_in_thread(void *script)
{
    return start_shell(script, -1, NULL, 0);
}

static void test_a_child_outlives_the_thread_that_asked_for_it(void **state)
{
    (void)state;
    pthread_t thread;
    char script[] = "exec sleep 60";
    void *process;
    pthread_create(&thread, NULL, start_in_thread, script);
    pthread_join(thread, &process);
    assert_false(tl_process_wait(process, 100, NULL));
    tl_process_end(process);
}

/* In a forked parent: starts a child, tells its pid, dies without cleaning up. */
static void test_a_child_dies_with_its_parent(void **state)
{
    (void)state;
    int told[2];
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    pid_t parent = fork();
    if (parent == 0) {
        tl_process *process = start_shell("exec sleep 60", -1, NULL, 0);
        pid_t pid = tl_process_pid(process);
        ssize_t put = write(told[1], &pid, sizeof pid);
        raise(put == (ssize_t)sizeof pid ? SIGKILL : SIGABRT);
    }
    close(told[1]);
    pid_t child = 0;
    assert_int_equal(tl_fd_read_full(told[0], &child, sizeof child, NULL, &err), TL_OK);
    waitpid(parent, NULL, 0);
    assert_true(process_is_gone(child));
    close(told[0]);
}

static void test_many_children_start_from_many_threads(void **state)
{
    (void)state;
    enum { COUNT = 16 };
    pthread_t threads[COUNT];
    char script[] = "exit 7";
    for (int i = 0; i < COUNT; i++)
        pthread_create(&threads[i], NULL, start_in_thread, script);
    for (int i = 0; i < COUNT; i++) {
        void *process;
        int status = 0;
        pthread_join(threads[i], &process);
        assert_true(tl_process_wait(process, 10000, &status));
        assert_int_equal(WEXITSTATUS(status), 7);
        tl_process_end(process);
    }
}

static void *write_in_pieces(void *fd_pointer)
{
    int fd = *(int *)fd_pointer;
    for (int i = 0; i < 10; i++) {
        ssize_t put = write(fd, "0123456789", 10);
        assert_int_equal(put, 10);
        usleep(1000);
    }
    close(fd);
    return NULL;
}

static void test_full_read_joins_short_reads_and_tells_the_end(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, write_in_pieces, &ends[1]);
    char bytes[95];
    bool clean_end = true;
    assert_int_equal(tl_fd_read_full(ends[0], bytes, 95, &clean_end, &err), TL_OK);
    assert_false(clean_end);
    assert_int_equal(tl_fd_read_full(ends[0], bytes, 95, &clean_end, &err), TL_IO);
    assert_false(clean_end); /* cut off in the middle */
    assert_string_equal(err.message, "the other side closed after 5 of 95 bytes");
    tl_err_init(&err);
    assert_int_equal(tl_fd_read_full(ends[0], bytes, 95, &clean_end, &err), TL_IO);
    assert_true(clean_end);
    pthread_join(thread, NULL);
    close(ends[0]);
}

static void test_writing_to_a_closed_socket_is_an_error_and_no_signal(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    close(ends[1]);
    assert_int_equal(tl_fd_write_full(ends[0], "x", 1, &err), TL_IO);
    assert_non_null(strstr(err.message, "Broken pipe"));
    close(ends[0]);
}

static void test_file_is_replaced_whole_with_its_mode(void **state)
{
    (void)state;
    char path[PATH_MAX];
    path_in_folder(path, "replaced");
    assert_int_equal(tl_file_write(path, "first", 5, 0644, &err), TL_OK);
    assert_int_equal(tl_file_write(path, "second text", 11, 0600, &err), TL_OK);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    struct tl_buf buf;
    tl_buf_init(&buf, 11);
    assert_int_equal(tl_file_read(path, &buf, &err), TL_OK);
    assert_string_equal(tl_buf_cstr(&buf), "second text");
    tl_buf_done(&buf);
    tl_buf_init(&buf, 10);
    assert_int_equal(tl_file_read(path, &buf, &err), TL_TOO_LARGE);
    tl_buf_done(&buf);
}

static void test_a_failed_write_keeps_the_old_file(void **state)
{
    (void)state;
    char path[PATH_MAX];
    path_in_folder(path, "no/such/folder/file");
    assert_int_equal(tl_file_write(path, "x", 1, 0600, &err), TL_IO);
    assert_non_null(strstr(err.message, path));
    tl_err_init(&err);
    path_in_folder(path, "is_folder");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(tl_file_write(path, "x", 1, 0600, &err), TL_IO);
    struct tl_buf buf;
    tl_buf_init(&buf, 100);
    tl_err_init(&err);
    assert_int_equal(tl_file_read(path, &buf, &err), TL_IO);
    assert_non_null(strstr(err.message, "Is a directory"));
    tl_buf_done(&buf);
}

static void test_a_large_file_is_read_whole(void **state)
{
    (void)state;
    enum { SIZE = 1000003 };
    char path[PATH_MAX];
    path_in_folder(path, "large");
    char *bytes = tl_heap_alloc(SIZE);
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7);
    assert_int_equal(tl_file_write(path, bytes, SIZE, 0600, &err), TL_OK);
    struct tl_buf buf;
    tl_buf_init(&buf, 2 * SIZE);
    assert_int_equal(tl_file_read(path, &buf, &err), TL_OK);
    assert_int_equal(buf.size, SIZE);
    assert_memory_equal(buf.data, bytes, SIZE);
    tl_buf_done(&buf);
    free(bytes);
}

static void test_folders_are_made_with_their_parents(void **state)
{
    (void)state;
    char path[PATH_MAX];
    path_in_folder(path, "a//b/c/");
    assert_int_equal(tl_dir_make(path, 0700, &err), TL_OK);
    assert_int_equal(tl_dir_make(path, 0700, &err), TL_OK);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    path_in_folder(path, "file");
    assert_int_equal(tl_file_write(path, "", 0, 0600, &err), TL_OK);
    assert_int_equal(tl_dir_make(path, 0700, &err), TL_IO);
    assert_non_null(strstr(err.message, "is not a folder"));
    assert_true(tl_dir_free_bytes(folder) > 0);
    assert_int_equal(tl_dir_free_bytes("/no/such/folder"), -1);
}

static void test_program_dir_is_where_this_test_lies(void **state)
{
    (void)state;
    char path[PATH_MAX], program[PATH_MAX + 16];
    assert_int_equal(tl_program_dir(path, sizeof path, &err), TL_OK);
    snprintf(program, sizeof program, "%s/process_test", path);
    assert_int_equal(access(program, X_OK), 0);
    assert_int_equal(tl_program_dir(path, 3, &err), TL_IO);
}

static void test_unix_socket_is_private_and_replaces_an_old_one(void **state)
{
    (void)state;
    char path[PATH_MAX];
    path_in_folder(path, "socket");
    int listening, old, client;
    assert_int_equal(tl_unix_listen(path, &old, &err), TL_OK);
    close(old);
    assert_int_equal(tl_unix_connect(path, &client, &err), TL_IO);
    assert_non_null(strstr(err.message, "Connection refused"));
    tl_err_init(&err);
    assert_int_equal(tl_unix_listen(path, &listening, &err), TL_OK);
    struct stat info;
    assert_int_equal(lstat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(tl_unix_connect(path, &client, &err), TL_OK);
    int served = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(tl_fd_write_full(client, "hello", 5, &err), TL_OK);
    char text[6] = "";
    assert_int_equal(tl_fd_read_full(served, text, 5, NULL, &err), TL_OK);
    assert_string_equal(text, "hello");
    close(served);
    close(client);
    close(listening);
}

static void test_unix_socket_never_replaces_a_file(void **state)
{
    (void)state;
    char path[PATH_MAX];
    path_in_folder(path, "precious");
    assert_int_equal(tl_file_write(path, "data", 4, 0600, &err), TL_OK);
    int fd;
    assert_int_equal(tl_unix_listen(path, &fd, &err), TL_IO);
    assert_int_equal(access(path, F_OK), 0);
    tl_err_init(&err);
    memset(path, 'x', 200);
    path[200] = '\0';
    assert_int_equal(tl_unix_listen(path, &fd, &err), TL_IO);
    assert_string_not_equal(err.hint, "");
}

#define TEST(name) cmocka_unit_test_setup(name, clear_err)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exit_status_is_told),
        TEST(test_signal_is_told_by_name),
        TEST(test_wait_ends_at_its_timeout),
        TEST(test_another_thread_may_signal_while_one_waits),
        TEST(test_end_kills_and_leaves_no_zombie),
        TEST(test_grandchildren_end_with_the_child),
        TEST(test_a_missing_program_is_an_error_with_its_path),
        TEST(test_a_closed_descriptor_cannot_be_passed),
        TEST(test_only_given_descriptors_are_open_in_the_child),
        TEST(test_standard_streams_may_be_crossed),
        TEST(test_signals_are_reset_in_the_child),
        TEST(test_memory_limit_is_in_force),
        TEST(test_a_child_outlives_the_thread_that_asked_for_it),
        TEST(test_a_child_dies_with_its_parent),
        TEST(test_many_children_start_from_many_threads),
        TEST(test_full_read_joins_short_reads_and_tells_the_end),
        TEST(test_writing_to_a_closed_socket_is_an_error_and_no_signal),
        TEST(test_file_is_replaced_whole_with_its_mode),
        TEST(test_a_failed_write_keeps_the_old_file),
        TEST(test_a_large_file_is_read_whole),
        TEST(test_folders_are_made_with_their_parents),
        TEST(test_program_dir_is_where_this_test_lies),
        TEST(test_unix_socket_is_private_and_replaces_an_old_one),
        TEST(test_unix_socket_never_replaces_a_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

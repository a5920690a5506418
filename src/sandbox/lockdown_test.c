/* What is left after the lock-down: every system call there is, tried in a process of its own. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox/script_int.h"

enum { NUMBER_MAX = 512, X32 = 0x40000000, LIVED = 42 };

static const struct tl_sandbox_start start = {.memory_bytes_max = 64 << 20, .cpu_ms_max = 1000};

struct attempt {
    long number, arguments[6];
};

/* Ends with LIVED, or as it was killed: its wait status. */
static int attempt_locked(const struct attempt *attempt)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const long *a = attempt->arguments;
        lock_down(&start);
        syscall(attempt->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        syscall(SYS_exit_group, LIVED);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void expect_killed(const struct attempt *attempt)
{
    int status = attempt_locked(attempt);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
        fail_msg("system call %ld(%ld, %ld, ...) ended with wait status %d", attempt->number, attempt->arguments[0], attempt->arguments[1], status);
}

static bool is_allowed(long number)
{
    static const long allowed[] = {SYS_read, SYS_write, SYS_exit_group, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_rt_sigreturn,
                                   SYS_clock_gettime, SYS_mmap};
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (allowed[i] == number)
            return true;
    return false;
}

/* uretprobe, uprobe: the kernel's own return from a probe that root set; no filter is asked, and from elsewhere they do nothing. */
static bool is_for_probes(long number)
{
#ifdef __x86_64__
    return number == 335 || number == 336;
#else
    (void)number;
    return false;
#endif
}

static void test_every_other_system_call_kills(void **state)
{
    (void)state;
    for (long number = 0; number < NUMBER_MAX; number++)
        if (!is_allowed(number) && !is_for_probes(number))
            expect_killed(&(struct attempt){number, {0}});
}

static void test_the_allowed_ones_are_allowed_for_nothing_else(void **state)
{
    (void)state;
    static char byte;
    const struct attempt attempts[] = {
        {SYS_read, {1, (long)&byte, 1}},
        {SYS_read, {3, (long)&byte, 1}},
        {SYS_write, {1, (long)&byte, 1}},
        {SYS_write, {2, (long)&byte, 1}},
        {SYS_clock_gettime, {CLOCK_REALTIME, (long)&byte}},
        {SYS_clock_gettime, {CLOCK_MONOTONIC, (long)&byte}},
        {SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 0, 0}},
        {SYS_mprotect, {0, 4096, PROT_EXEC}},
    };
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        expect_killed(&attempts[i]);
}

static void test_memory_can_be_had_up_to_the_limit(void **state)
{
    (void)state;
    int status = attempt_locked(&(struct attempt){SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}});
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == LIVED);
    pid_t pid = fork();
    if (pid == 0) {
        lock_down(&start);
        bool little = syscall(SYS_mmap, 0L, 1L << 20, (long)PROT_READ, (long)(MAP_PRIVATE | MAP_ANONYMOUS), -1L, 0L) > 0;
        bool much = syscall(SYS_mmap, 0L, 256L << 20, (long)PROT_READ, (long)(MAP_PRIVATE | MAP_ANONYMOUS), -1L, 0L) > 0;
        syscall(SYS_exit_group, little && !much ? LIVED : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == LIVED);
}

#ifdef __x86_64__
static int run_machine_code(void (*code)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); /* not the one of the test's frame */
        lock_down(&start);
        code();
        syscall(SYS_exit_group, LIVED);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void old_door(void)
{
    long result = 20; /* getpid of 32-bit programs; 4 would be their write */
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
}

static void read_counter(void)
{
    unsigned low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
}

static void test_the_numbers_of_other_machines_are_no_way_around(void **state)
{
    (void)state;
    for (long number = 0; number < 16; number++)
        expect_killed(&(struct attempt){X32 | number, {0}});
    int status = run_machine_code(old_door);
    assert_true(WIFSIGNALED(status));
}

static void test_the_counter_of_the_processor_is_shut(void **state)
{
    (void)state;
    int status = run_machine_code(read_counter);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
        fail_msg("reading it ended with wait status %d", status);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_other_system_call_kills),
        cmocka_unit_test(test_the_allowed_ones_are_allowed_for_nothing_else),
        cmocka_unit_test(test_memory_can_be_had_up_to_the_limit),
#ifdef __x86_64__
        cmocka_unit_test(test_the_numbers_of_other_machines_are_no_way_around),
        cmocka_unit_test(test_the_counter_of_the_processor_is_shut),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Gives up all rights.  Each wall stands alone: limits of the kernel, no new privileges, a filter of system calls. */
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/script_int.h"

enum { OWN_MEMORY_BYTES = 64 << 20 /* the program, its stack, one answer as text */, STACK_BYTES = 2 << 20 };

static void must(bool holds)
{
    if (!holds)
        _exit(EXIT_LOCKDOWN);
}

static void limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit value = {soft, hard};
    must(setrlimit((__rlimit_resource_t)resource, &value) == 0);
}

static void set_limits(const struct tl_sandbox_start *start)
{
    rlim_t cpu_s = start->cpu_ms_max / 1000 + 2; /* the interpreter's own limit comes first; this one ends what does not ask it */
    limit(RLIMIT_AS, start->memory_bytes_max + OWN_MEMORY_BYTES, start->memory_bytes_max + OWN_MEMORY_BYTES);
    limit(RLIMIT_CPU, cpu_s, cpu_s + 1);
    limit(RLIMIT_STACK, STACK_BYTES, STACK_BYTES);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_FSIZE, 0, 0);
    limit(RLIMIT_NPROC, 0, 0);
    limit(RLIMIT_MEMLOCK, 0, 0);
    limit(RLIMIT_NOFILE, TL_FRAME_FD + 1, TL_FRAME_FD + 1);
}

static void allow(scmp_filter_ctx filter, int number)
{
    must(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) == 0);
}

static void set_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    must(filter != NULL);
    must(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_EQ, TL_FRAME_FD)) == 0);
    must(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, TL_FRAME_FD)) == 0);
    allow(filter, SCMP_SYS(exit_group));
    allow(filter, SCMP_SYS(brk));
    allow(filter, SCMP_SYS(munmap));
    allow(filter, SCMP_SYS(mremap));
    allow(filter, SCMP_SYS(madvise));
    allow(filter, SCMP_SYS(rt_sigreturn));
    must(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clock_gettime), 1, SCMP_A0(SCMP_CMP_EQ, CLOCK_PROCESS_CPUTIME_ID)) == 0);
    must(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                          SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)) == 0);
    must(seccomp_load(filter) == 0);
    seccomp_release(filter);
}

void lock_down(const struct tl_sandbox_start *start)
{
    tzset(); /* it may look for a file; TZ is UTC0 */
    set_limits(start);
    must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
#ifdef PR_SET_TSC
    prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0); /* the processor's counter is a clock too; where it cannot be shut, the rest holds */
#endif
    set_filter();
}

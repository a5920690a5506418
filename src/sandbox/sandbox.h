/* sandbox/sandbox.h -- one run of a foreign script, in a process of its own that has no rights at all.
 *
 * Why: a model writes JavaScript that calls our functions.  The interpreter is taken for breakable: what holds is the process,
 *   which before the first byte of the script arrives has given up files, network, programs and clocks (docs/internals/sandbox.md).
 * What the script sees: modern JavaScript (await at its top level; its value is what `return` gives, or else that of its last
 *   expression), `console`, and the host's functions, each of which gives a promise.  One moment in time and one row of random
 *   numbers, both of the host: equal answers in equal order give an equal run.
 * Owns: a run is made, run once, freed.  Its result lives in the arena given.
 * Threads: tl_sandbox_run_go blocks its thread until the run has ended; the process dies with that thread.  `call` of the host is
 *   called on it.  Answers and cancel come from any thread.
 * Bounds: struct tl_sandbox_limits; 0 takes the default.
 * Errors: a run that ends badly for a reason of the script is TL_OK and said in the result; an error is one of ours.
 * Foreign: `arguments` of a call, `result` and console lines are UTF-8 and within their limits, and no more is known of them: read
 *   JSON with a reader for foreign bytes.
 */
#ifndef TL_SANDBOX_SANDBOX_H
#define TL_SANDBOX_SANDBOX_H

#include "base/arena.h"
#include "base/str.h"

enum { TL_SANDBOX_BYTES_MAX = 16 << 20 /* of any one text */, TL_SANDBOX_FUNCTIONS_MAX = 256, TL_SANDBOX_CALLS_MAX = 100000 };

struct tl_sandbox_limits {
    size_t memory_bytes_max;     /* 64 MiB: what the script's values take */
    uint32_t cpu_ms_max;         /* 2,000 */
    uint32_t wall_ms_max;        /* 30,000; time of host calls counts */
    uint32_t calls_max;          /* 1,000: one more fails in the script */
    uint32_t calls_at_once_max;  /* 16 given to the host at a time: the others wait their turn */
    uint32_t script_bytes_max;   /* 256 KiB */
    uint32_t call_bytes_max;     /* 1 MiB: the arguments of one call */
    uint32_t answer_bytes_max;   /* 4 MiB: one answer; a longer one reaches the script as a failure */
    uint32_t result_bytes_max;   /* 1 MiB */
    uint32_t console_bytes_max;  /* 64 KiB: lines beyond are dropped and counted */
};

/* One call of a host function.  Belongs to the host from `call` until it is answered. */
typedef struct tl_sandbox_call tl_sandbox_call;

struct tl_sandbox_host {
    const char *const *functions; /* "skipper.search_datasets", "now": [A-Za-z_][A-Za-z0-9_]*, at most one dot; NULL at the end */
    /* Must end soon; answer at once or later, from any thread, exactly once, also when the run has ended by then. */
    void (*call)(void *context, tl_sandbox_call *call);
    void *context;
};

const char *tl_sandbox_call_name(const tl_sandbox_call *call);        /* always one of the host's own `functions` */
struct tl_str tl_sandbox_call_arguments(const tl_sandbox_call *call); /* a JSON array, valid until the answer */
bool tl_sandbox_call_ended(const tl_sandbox_call *call);              /* nobody waits any more: work on it may stop */
/* JSON, which is what the script gets; not JSON: the script gets an error. */
void tl_sandbox_answer(tl_sandbox_call *call, struct tl_str json);
/* A JSON object with "message" (and "code", "hint"): an Error with these properties, thrown where the script awaits. */
void tl_sandbox_fail(tl_sandbox_call *call, struct tl_str json);

struct tl_sandbox_job {
    const char *program; /* path of townlake-sandbox */
    struct tl_str script;
    struct tl_sandbox_host host;
    struct tl_sandbox_limits limits;
    int64_t time_ms; /* what Date takes for now, since 1970-01-01 UTC */
    uint64_t seed;   /* of Math.random */
};

enum tl_sandbox_end {
    TL_SANDBOX_DONE,      /* `result` is there */
    TL_SANDBOX_FAILED,    /* the script threw, or cannot be read */
    TL_SANDBOX_MEMORY,    /* of these four the limit is in the message */
    TL_SANDBOX_CPU,
    TL_SANDBOX_WALL,
    TL_SANDBOX_OUTPUT,
    TL_SANDBOX_CANCELLED,
    TL_SANDBOX_VIOLATION, /* killed: a system call that it has not, or bytes that no honest process sends */
    TL_SANDBOX_LOST,      /* the process ended for another reason */
};
const char *tl_sandbox_end_name(enum tl_sandbox_end end); /* "done", "failed", ... */

enum tl_sandbox_level { TL_SANDBOX_LOG, TL_SANDBOX_INFO, TL_SANDBOX_WARN, TL_SANDBOX_ERROR, TL_SANDBOX_DEBUG, TL_SANDBOX_LEVELS };

struct tl_sandbox_line {
    enum tl_sandbox_level level;
    struct tl_str text;
};

struct tl_sandbox_result {
    enum tl_sandbox_end end;
    struct tl_str result;   /* JSON; "null" for undefined */
    struct tl_str message;  /* "TypeError: x is not a function" */
    struct tl_str stack;
    int line, column;       /* in the script, from 1; 0 = not known */
    const struct tl_sandbox_line *lines;
    size_t line_count;
    bool console_full;      /* lines beyond console_bytes_max were dropped */
    uint32_t calls;
    int64_t wall_us, cpu_us;
    size_t resident_bytes_max;
};

typedef struct tl_sandbox_run tl_sandbox_run;

/* Copies what it needs of the job but the program's path, the script and the functions' names, which must outlive the run.
 * TL_INVALID_ARGUMENT for a name or limit that cannot be, TL_TOO_LARGE for the script. */
TL_CHECKED enum tl_code tl_sandbox_run_new(const struct tl_sandbox_job *job, tl_sandbox_run **ret_run, struct tl_err *err);
/* Once.  TL_IO when no process could be had. */
TL_CHECKED enum tl_code tl_sandbox_run_go(tl_sandbox_run *run, tl_arena *arena, struct tl_sandbox_result *result, struct tl_err *err);
/* Any thread, any time before the run is freed: it ends soon with TL_SANDBOX_CANCELLED, or has ended already. */
void tl_sandbox_run_cancel(tl_sandbox_run *run);
/* After go has returned, or instead of it.  NULL is fine.  Returns NULL. */
tl_sandbox_run *tl_sandbox_run_free(tl_sandbox_run *run);

#endif

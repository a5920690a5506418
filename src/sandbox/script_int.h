/* sandbox/script_int.h -- inside the process: the one script and what it stands on.
 *
 * Plain statics of one thread: the process runs one script and ends.  What cannot go on ends the process: the daemon sees it.
 */
#ifndef TL_SANDBOX_SCRIPT_INT_H
#define TL_SANDBOX_SCRIPT_INT_H

#include <quickjs.h>

#include "sandbox/frame_int.h"

/* Statuses with which the process gives up. */
enum { EXIT_ORPHAN = 70, EXIT_LOCKDOWN, EXIT_CHANNEL, EXIT_START };

struct waiting_call {
    bool open;         /* not answered */
    JSValue arguments; /* JSON text, until it is sent */
    JSValue resolve, reject;
    JSValue error; /* made where the call was made, so that a failure names its line */
    int function;
};

struct script {
    struct tl_sandbox_start start;
    const char **functions;
    JSRuntime *runtime;
    JSContext *context;
    struct waiting_call *calls;
    size_t calls_capacity;
    uint32_t calls_made, calls_sent, calls_answered;
    size_t console_bytes;
    bool console_full;
    bool cpu_over;
};

/* main.c */
struct frame_piece {
    const void *bytes;
    size_t size;
};
void send_frame(enum tl_frame_kind kind, const struct frame_piece *pieces, size_t count);
void receive(void *to, size_t size); /* blocks; when the daemon has gone, so does the process */
int64_t cpu_us(void);
void set_clock(int64_t time_us); /* what the interpreter takes for now */

/* lockdown.c: after it the process can read, write, end, and ask for memory. */
void lock_down(const struct tl_sandbox_start *start);

/* script.c */
/* An interpreter with nothing in it; before the lock-down, because its making asks the kernel for more than scripts may. */
void script_prepare(struct script *script);
_Noreturn void script_run(struct script *script, const char *text);

/* script_host.c */
void host_define(struct script *script);
bool host_waits(const struct script *script);
void host_receive(struct script *script); /* one answer */

/* script_console.c */
void console_define(struct script *script);

/* script_error.c: each says why the run has no result, and ends the process. */
_Noreturn void end_with_exception(struct script *script);
_Noreturn void end_with(enum tl_frame_reason reason, const char *message);
_Noreturn void end_quietly(void); /* the last frame was sent */

#endif

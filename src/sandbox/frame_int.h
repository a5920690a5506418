/* sandbox/frame_int.h -- what the daemon and the sandbox's process say to each other over their one socket.
 *
 * Why: the process runs foreign scripts, so every byte it sends is foreign: few kinds of frame, each with a size that is checked
 *   before it is read.
 * A frame: u32 size of what follows, u8 kind, payload; numbers little endian, text UTF-8.
 *   to the process    START   struct tl_sandbox_start, then the names of host functions, each with a NUL, then the script
 *                     ANSWER  u32 call, u8 failed, JSON
 *   to the daemon     CALL    u32 call, u8 size of the name, name, JSON array of arguments
 *                     CONSOLE u8 level, text; level TL_FRAME_CONSOLE_FULL: from here on lines are dropped
 *                     RESULT  JSON
 *                     ERROR   u8 reason, u32 line, u32 column, u32 size of the message, message, stack
 * This header needs nothing of base/: the process links only itself, the interpreter and libc.
 */
#ifndef TL_SANDBOX_FRAME_INT_H
#define TL_SANDBOX_FRAME_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TL_FRAME_HEAD_BYTES = 5, TL_FRAME_FD = 0, TL_FRAME_NAME_BYTES_MAX = 128, TL_FRAME_MESSAGE_BYTES_MAX = 4096, TL_FRAME_STACK_BYTES_MAX = 8192,
       TL_FRAME_CONSOLE_FULL = 5, TL_FRAME_LINE_COST = 16 /* a console line counts this and its bytes */ };

enum tl_frame_kind { TL_FRAME_START = 1, TL_FRAME_ANSWER, TL_FRAME_CALL, TL_FRAME_CONSOLE, TL_FRAME_RESULT, TL_FRAME_ERROR };

/* Why a run ended without a result, as the process says it. */
enum tl_frame_reason { TL_FRAME_SCRIPT = 1, TL_FRAME_MEMORY, TL_FRAME_CPU, TL_FRAME_OUTPUT };

/* Both sides are of one build and one machine: sent as it is in memory. */
struct tl_sandbox_start {
    uint64_t seed;
    int64_t time_ms; /* since 1970-01-01 UTC: what the script takes for now */
    uint64_t memory_bytes_max;
    uint32_t cpu_ms_max;
    uint32_t calls_max;
    uint32_t calls_at_once_max; /* the process keeps the others to itself: so neither side ever waits for the other to read */
    uint32_t call_bytes_max;
    uint32_t answer_bytes_max;
    uint32_t result_bytes_max;
    uint32_t console_bytes_max;
    uint32_t names_bytes;
    uint32_t script_bytes;
};

static inline void tl_frame_put32(unsigned char *to, uint32_t number)
{
    to[0] = (unsigned char)number;
    to[1] = (unsigned char)(number >> 8);
    to[2] = (unsigned char)(number >> 16);
    to[3] = (unsigned char)(number >> 24);
}

static inline uint32_t tl_frame_get32(const unsigned char *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

/* A frame of the process, cut into its parts; all point into the payload. */
struct tl_frame {
    enum tl_frame_kind kind;
    uint32_t call; /* CALL */
    uint8_t level; /* CONSOLE: the level; ERROR: the reason */
    uint32_t line, column;
    const char *name; /* CALL: its name; ERROR: its message */
    size_t name_size;
    const char *text; /* JSON, or the text of the line, or the stack */
    size_t text_size;
};

/* The head of a frame from the process: false when no honest process would send it. */
bool tl_frame_head_read(const unsigned char head[TL_FRAME_HEAD_BYTES], enum tl_frame_kind *ret_kind, size_t *ret_size);
/* Cuts the payload; false when it is not what its kind says, or holds text that is not UTF-8. */
bool tl_frame_read(enum tl_frame_kind kind, const unsigned char *payload, size_t size, struct tl_frame *ret_frame);

#endif

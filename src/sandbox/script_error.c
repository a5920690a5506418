/* Why a run has no result: said once, and the process ends. */
#include <stdlib.h>
#include <unistd.h>

#include "sandbox/script_int.h"

enum { REPORT_BYTES = 4 << 20 /* above the script's own memory, so that its end can be told */ };

void end_quietly(void)
{
    unsigned char byte;
    while (read(TL_FRAME_FD, &byte, 1) > 0) /* until the daemon has looked at the process, and lets go */
        ;
    _exit(0);
}

static size_t cut(const char *text, size_t size, size_t most)
{
    if (size <= most)
        return size;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
        most--;
    return most;
}

/* The place in "    at f (script.js:3:5)": the first of the script itself. */
static void find_place(const char *stack, uint32_t *ret_line, uint32_t *ret_column)
{
    const char *at = strstr(stack, "script.js:");
    if (!at)
        return;
    char *end;
    *ret_line = (uint32_t)strtoul(at + sizeof "script.js:" - 1, &end, 10);
    if (*end == ':')
        *ret_column = (uint32_t)strtoul(end + 1, NULL, 10);
}

static void send_error(enum tl_frame_reason reason, const char *message, size_t message_size, const char *stack, size_t stack_size)
{
    uint32_t line = 0, column = 0;
    find_place(stack, &line, &column);
    message_size = cut(message, message_size, TL_FRAME_MESSAGE_BYTES_MAX);
    unsigned char head[13] = {(unsigned char)reason};
    tl_frame_put32(head + 1, line);
    tl_frame_put32(head + 5, column);
    tl_frame_put32(head + 9, (uint32_t)message_size);
    struct frame_piece pieces[] = {{head, sizeof head}, {message, message_size}, {stack, cut(stack, stack_size, TL_FRAME_STACK_BYTES_MAX)}};
    send_frame(TL_FRAME_ERROR, pieces, 3);
}

void end_with(enum tl_frame_reason reason, const char *message)
{
    send_error(reason, message, strlen(message), "", 0);
    end_quietly();
}

static bool memory_is_out(struct script *script, JSValueConst exception, const char *message)
{
    if (message && strcmp(message, "InternalError: out of memory") == 0)
        return true;
    if (!JS_IsNull(exception) && !JS_IsUninitialized(exception)) /* what is thrown when not even an error can be made */
        return false;
    JSMemoryUsage usage;
    JS_ComputeMemoryUsage(script->runtime, &usage);
    return usage.malloc_size > (int64_t)(script->start.memory_bytes_max - script->start.memory_bytes_max / 4);
}

void end_with_exception(struct script *script)
{
    JSContext *context = script->context;
    JS_SetMemoryLimit(script->runtime, script->start.memory_bytes_max + REPORT_BYTES);
    JSValue exception = JS_GetException(context);
    size_t message_size = 0, stack_size = 0;
    const char *message = script->cpu_over ? "" : JS_ToCStringLen(context, &message_size, exception), *stack = NULL;
    bool out = !script->cpu_over && memory_is_out(script, exception, message);
    if (JS_IsError(exception)) {
        JSValue value = JS_GetPropertyStr(context, exception, "stack");
        stack = JS_IsString(value) ? JS_ToCStringLen(context, &stack_size, value) : NULL;
    }
    if (!message) {
        message = "an exception that cannot be shown";
        message_size = strlen(message);
    }
    send_error(script->cpu_over ? TL_FRAME_CPU : out ? TL_FRAME_MEMORY : TL_FRAME_SCRIPT, message, message_size, stack ? stack : "", stack_size);
    end_quietly();
}

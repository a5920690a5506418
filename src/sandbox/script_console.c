/* console: one line a call, sent as it comes, so that it is there whatever ends the run. */
#include "sandbox/script_int.h"

static const char *const methods[TL_FRAME_CONSOLE_FULL] = {"log", "info", "warn", "error", "debug"};

enum { ARGUMENTS_MAX = 32 };

static void send_line(struct script *script, int level, const struct frame_piece *texts, size_t count)
{
    unsigned char number = (unsigned char)level;
    struct frame_piece pieces[1 + 2 * ARGUMENTS_MAX] = {{&number, 1}};
    size_t used = 1, bytes = TL_FRAME_LINE_COST;
    for (size_t i = 0; i < count; i++) {
        if (i)
            pieces[used++] = (struct frame_piece){" ", 1};
        pieces[used++] = texts[i];
        bytes += texts[i].size + (i ? 1 : 0);
    }
    if (bytes > script->start.console_bytes_max - script->console_bytes) {
        script->console_full = true;
        number = TL_FRAME_CONSOLE_FULL;
        used = 1;
    } else {
        script->console_bytes += bytes;
    }
    send_frame(TL_FRAME_CONSOLE, pieces, used);
}

/* Text as it is, errors as they say themselves, everything else as JSON where it has one. */
static const char *text_of(struct script *script, JSValueConst value, size_t *ret_size)
{
    JSContext *context = script->context;
    if (!JS_IsObject(value) || JS_IsError(value) || JS_IsFunction(context, value))
        return JS_IsSymbol(value) ? NULL : JS_ToCStringLen(context, ret_size, value);
    JSValue json = JS_JSONStringify(context, value, JS_UNDEFINED, JS_UNDEFINED);
    if (JS_IsException(json)) { /* a circle, or a BigInt in it */
        if (script->cpu_over)
            return NULL;
        JS_FreeValue(context, JS_GetException(context));
        return JS_ToCStringLen(context, ret_size, value);
    }
    const char *text = JS_ToCStringLen(context, ret_size, JS_IsUndefined(json) ? value : json);
    JS_FreeValue(context, json);
    return text;
}

static JSValue write_line(JSContext *context, JSValueConst this_value, int count, JSValueConst *arguments, int level)
{
    (void)this_value;
    struct script *script = JS_GetContextOpaque(context);
    struct frame_piece texts[ARGUMENTS_MAX];
    size_t used = 0;
    if (script->console_full)
        return JS_UNDEFINED;
    for (int i = 0; i < count && used < ARGUMENTS_MAX && !script->cpu_over; i++) {
        size_t size = 0;
        const char *text = text_of(script, arguments[i], &size);
        if (!text && JS_HasException(context))
            break;
        texts[used++] = (struct frame_piece){text, size};
    }
    bool failed = JS_HasException(context);
    if (!failed && !script->console_full) /* what was asked for its text may have written lines itself */
        send_line(script, level, texts, used);
    for (size_t i = 0; i < used; i++)
        JS_FreeCString(context, texts[i].bytes);
    return failed ? JS_EXCEPTION : JS_UNDEFINED;
}

void console_define(struct script *script)
{
    JSContext *context = script->context;
    JSValue global = JS_GetGlobalObject(context), console = JS_NewObject(context);
    for (int level = 0; level < TL_FRAME_CONSOLE_FULL; level++)
        JS_SetPropertyStr(context, console, methods[level], JS_NewCFunctionMagic(context, write_line, methods[level], 0, JS_CFUNC_generic_magic, level));
    JS_DefinePropertyValueStr(context, global, "console", console, JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    JS_FreeValue(context, global);
}

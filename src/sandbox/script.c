/* Evaluates the script and serves its promises until there is a result, or a reason for none. */
#include "sandbox/script_int.h"

enum { STACK_BYTES_MAX = 512 * 1024 };

static const char file_name[] = "script.js";

static int on_interrupt(JSRuntime *runtime, void *opaque)
{
    (void)runtime;
    struct script *script = opaque;
    if (cpu_us() > (int64_t)script->start.cpu_ms_max * 1000)
        script->cpu_over = true;
    return script->cpu_over;
}

static bool add_language(JSContext *context)
{
    static int (*const parts[])(JSContext *) = {
        JS_AddIntrinsicBaseObjects, JS_AddIntrinsicDate,        JS_AddIntrinsicEval,    JS_AddIntrinsicRegExp,  JS_AddIntrinsicJSON, JS_AddIntrinsicProxy,
        JS_AddIntrinsicMapSet,      JS_AddIntrinsicTypedArrays, JS_AddIntrinsicPromise, JS_AddIntrinsicWeakRef, JS_AddIntrinsicAToB, JS_AddPerformance,
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i](context) != 0)
            return false;
    return true;
}

void script_prepare(struct script *script)
{
    script->runtime = JS_NewRuntime();
    if (!script->runtime)
        end_with(TL_FRAME_MEMORY, "");
    JS_SetMemoryLimit(script->runtime, script->start.memory_bytes_max);
    JS_SetMaxStackSize(script->runtime, STACK_BYTES_MAX);
    set_clock((int64_t)(script->start.seed & INT64_MAX)); /* the interpreter seeds Math.random with the time it is made at */
    script->context = JS_NewContextRaw(script->runtime);
    set_clock(script->start.time_ms * 1000);
    if (!script->context || !add_language(script->context))
        end_with(TL_FRAME_MEMORY, "");
    JS_SetContextOpaque(script->context, script);
    JS_SetInterruptHandler(script->runtime, on_interrupt, script);
}

/* Runs what is ready, then waits for answers, until the promise is settled: its value. */
static JSValue await_value(struct script *script, JSValue promise)
{
    JSContext *context;
    for (;;) {
        int ran;
        do
            ran = JS_ExecutePendingJob(script->runtime, &context);
        while (ran > 0 && !script->cpu_over);
        if (ran < 0 || script->cpu_over)
            end_with_exception(script);
        enum JSPromiseStateEnum state = JS_PromiseState(script->context, promise);
        if (state == JS_PROMISE_FULFILLED)
            return JS_PromiseResult(script->context, promise);
        if (state != JS_PROMISE_PENDING) {
            JS_Throw(script->context, JS_PromiseResult(script->context, promise));
            end_with_exception(script);
        }
        if (!host_waits(script))
            end_with(TL_FRAME_SCRIPT, "Error: the script waits for a promise that nothing is left to settle");
        host_receive(script);
    }
}

/* A promise for any value, itself a promise or not. */
static JSValue promise_for(struct script *script, JSValue value)
{
    JSValue settle[2];
    JSValue promise = JS_NewPromiseCapability(script->context, settle);
    if (JS_IsException(promise) || JS_IsException(JS_Call(script->context, settle[0], JS_UNDEFINED, 1, (JSValueConst *)&value)))
        end_with_exception(script);
    return promise;
}

/* "return" at the top level: the text is the body of a function.  It stays on its lines. */
static JSValue evaluate_body(struct script *script, const char *text)
{
    static const char before[] = "(async () => {", after[] = "\n})()";
    size_t size = script->start.script_bytes;
    char *body = js_malloc(script->context, size + sizeof before + sizeof after);
    if (!body)
        return JS_EXCEPTION;
    memcpy(body, before, sizeof before - 1);
    memcpy(body + sizeof before - 1, text, size);
    memcpy(body + sizeof before - 1 + size, after, sizeof after);
    JSValue value = JS_Eval(script->context, body, size + sizeof before + sizeof after - 2, file_name, JS_EVAL_TYPE_GLOBAL);
    js_free(script->context, body);
    return value;
}

static bool has_return_outside(struct script *script)
{
    JSValue exception = JS_GetException(script->context);
    JSValue message = JS_GetPropertyStr(script->context, exception, "message");
    const char *text = JS_ToCString(script->context, message);
    bool found = text && strstr(text, "return not in a function");
    JS_FreeCString(script->context, text);
    JS_Throw(script->context, exception);
    return found;
}

static JSValue value_of_script(struct script *script, const char *text)
{
    JSContext *context = script->context;
    JSValue value = JS_Eval(context, text, script->start.script_bytes, file_name, JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_ASYNC);
    if (JS_IsException(value) && !script->cpu_over && has_return_outside(script)) {
        JS_FreeValue(context, JS_GetException(context));
        value = evaluate_body(script, text);
        if (JS_IsException(value))
            end_with_exception(script);
        return await_value(script, value);
    }
    if (JS_IsException(value))
        end_with_exception(script);
    JSValue completion = await_value(script, value); /* {value} */
    JSValue last = JS_GetPropertyStr(context, completion, "value");
    if (JS_IsFunction(context, last)) /* "async () => { ... }": the function is the script */
        last = JS_Call(context, last, JS_UNDEFINED, 0, NULL);
    if (JS_IsException(last))
        end_with_exception(script);
    return await_value(script, promise_for(script, last));
}

void script_run(struct script *script, const char *text)
{
    console_define(script);
    host_define(script);
    JSValue value = value_of_script(script, text);
    JSValue json = JS_JSONStringify(script->context, value, JS_UNDEFINED, JS_UNDEFINED);
    if (JS_IsException(json) || script->cpu_over)
        end_with_exception(script);
    size_t size = 4;
    const char *result = JS_IsUndefined(json) ? "null" : JS_ToCStringLen(script->context, &size, json);
    if (!result)
        end_with_exception(script);
    if (size > script->start.result_bytes_max)
        end_with(TL_FRAME_OUTPUT, "the result is larger than the limit");
    struct frame_piece piece = {result, size};
    send_frame(TL_FRAME_RESULT, &piece, 1);
    end_quietly();
}

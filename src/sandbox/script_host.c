/* The host's functions: objects that cannot be changed, calls that go out, promises that wait for answers. */
#include <stdlib.h>

#include "sandbox/script_int.h"

static void send_call(struct script *script)
{
    struct waiting_call *call = &script->calls[script->calls_sent];
    const char *name = script->functions[call->function];
    size_t size;
    const char *arguments = JS_ToCStringLen(script->context, &size, call->arguments);
    if (!arguments)
        end_with_exception(script);
    unsigned char head[5];
    tl_frame_put32(head, script->calls_sent++);
    head[4] = (unsigned char)strlen(name);
    struct frame_piece pieces[] = {{head, sizeof head}, {name, strlen(name)}, {arguments, size}};
    send_frame(TL_FRAME_CALL, pieces, 3);
    JS_FreeCString(script->context, arguments);
    JS_FreeValue(script->context, call->arguments);
    call->arguments = JS_UNDEFINED;
}

static void send_calls(struct script *script)
{
    while (script->calls_sent < script->calls_made && script->calls_sent - script->calls_answered < script->start.calls_at_once_max)
        send_call(script);
}

/* JSON of the arguments, as one array. */
static JSValue arguments_json(struct script *script, int count, JSValueConst *arguments)
{
    JSContext *context = script->context;
    JSValue array = JS_NewArray(context);
    for (int i = 0; i < count && !JS_IsException(array); i++)
        JS_DefinePropertyValueUint32(context, array, (uint32_t)i, JS_DupValue(context, arguments[i]), JS_PROP_C_W_E);
    JSValue json = JS_IsException(array) ? JS_EXCEPTION : JS_JSONStringify(context, array, JS_UNDEFINED, JS_UNDEFINED);
    JS_FreeValue(context, array);
    if (JS_IsException(json) || JS_IsString(json))
        return json;
    JS_FreeValue(context, json);
    return JS_ThrowTypeError(context, "the arguments of a host function have no JSON");
}

static bool make_room(struct script *script)
{
    if (script->calls_made < script->calls_capacity)
        return true;
    size_t capacity = script->calls_capacity ? script->calls_capacity * 2 : 16;
    struct waiting_call *calls = js_realloc(script->context, script->calls, capacity * sizeof *calls);
    if (!calls)
        return false;
    script->calls = calls;
    script->calls_capacity = capacity;
    return true;
}

/* Thrown and caught at once: so it knows the place of the call. */
static JSValue error_of_here(JSContext *context)
{
    JS_ThrowPlainError(context, "the host function failed");
    return JS_GetException(context);
}

static JSValue call_host(JSContext *context, JSValueConst this_value, int count, JSValueConst *arguments, int function)
{
    (void)this_value;
    struct script *script = JS_GetContextOpaque(context);
    if (script->calls_made >= script->start.calls_max)
        return JS_ThrowRangeError(context, "a script may make %u calls of host functions", script->start.calls_max);
    JSValue json = arguments_json(script, count, arguments), settle[2];
    if (JS_IsException(json))
        return json;
    size_t size;
    const char *text = JS_ToCStringLen(context, &size, json);
    JS_FreeCString(context, text);
    if (text && size > script->start.call_bytes_max)
        JS_ThrowRangeError(context, "the arguments of \"%s\" have %zu bytes, the limit is %u", script->functions[function], size,
                           script->start.call_bytes_max);
    /* arguments_json may have run code of the script that made calls: so the place is taken only here */
    if (!text || size > script->start.call_bytes_max || script->calls_made >= script->start.calls_max || !make_room(script)) {
        JS_FreeValue(context, json);
        return JS_HasException(context) ? JS_EXCEPTION : JS_ThrowRangeError(context, "too many calls of host functions");
    }
    JSValue promise = JS_NewPromiseCapability(context, settle);
    if (JS_IsException(promise)) {
        JS_FreeValue(context, json);
        return promise;
    }
    script->calls[script->calls_made++] = (struct waiting_call){
        .open = true, .arguments = json, .resolve = settle[0], .reject = settle[1], .error = error_of_here(context), .function = function};
    send_calls(script);
    return promise;
}

bool host_waits(const struct script *script)
{
    return script->calls_answered < script->calls_sent;
}

static void copy_property(JSContext *context, JSValueConst from, JSValueConst to, const char *name)
{
    JSValue value = JS_GetPropertyStr(context, from, name);
    if (JS_IsString(value))
        JS_DefinePropertyValueStr(context, to, name, value, JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    else
        JS_FreeValue(context, value);
}

static JSValue host_error(JSContext *context, JSValueConst error, JSValueConst answer)
{
    JS_DefinePropertyValueStr(context, error, "name", JS_NewString(context, "HostError"), JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    if (JS_IsObject(answer)) {
        copy_property(context, answer, error, "message");
        copy_property(context, answer, error, "code");
        copy_property(context, answer, error, "hint");
    }
    return JS_DupValue(context, error);
}

static void settle_call(struct script *script, struct waiting_call *call, bool failed, const char *json, size_t size)
{
    JSContext *context = script->context;
    JSValue value = JS_ParseJSON(context, json, size, script->functions[call->function]);
    if (JS_IsException(value)) {
        JS_FreeValue(context, JS_GetException(context));
        value = JS_UNDEFINED;
        failed = true;
    }
    JSValue given = failed ? host_error(context, call->error, value) : JS_DupValue(context, value);
    JSValue done = JS_Call(context, failed ? call->reject : call->resolve, JS_UNDEFINED, 1, (JSValueConst *)&given);
    if (JS_IsException(done))
        end_with_exception(script);
    JSValue ended[] = {done, given, value, call->resolve, call->reject, call->error};
    for (size_t i = 0; i < sizeof ended / sizeof *ended; i++)
        JS_FreeValue(context, ended[i]);
    call->resolve = call->reject = call->error = JS_UNDEFINED;
}

void host_receive(struct script *script)
{
    unsigned char head[TL_FRAME_HEAD_BYTES + 5];
    receive(head, sizeof head);
    size_t size = tl_frame_get32(head) - 6;
    uint32_t number = tl_frame_get32(head + TL_FRAME_HEAD_BYTES);
    if (head[4] != TL_FRAME_ANSWER || size > script->start.answer_bytes_max || number >= script->calls_sent || !script->calls[number].open)
        end_with(TL_FRAME_SCRIPT, "Error: the host sent what is not an answer");
    char *json = malloc(size + 1);
    if (!json)
        end_with(TL_FRAME_MEMORY, "");
    receive(json, size);
    json[size] = 0;
    script->calls[number].open = false;
    script->calls_answered++;
    settle_call(script, &script->calls[number], head[TL_FRAME_HEAD_BYTES + 4], json, size);
    free(json);
    send_calls(script);
}

/* "skipper.search" below the global object, or "search" in it; neither can be put in another's place. */
static void define_function(struct script *script, JSValueConst global, int number)
{
    JSContext *context = script->context;
    const char *name = script->functions[number], *dot = strchr(name, '.'), *last = dot ? dot + 1 : name;
    JSValue holder = JS_DupValue(context, global);
    if (dot) {
        char first[TL_FRAME_NAME_BYTES_MAX + 1] = {0};
        memcpy(first, name, (size_t)(dot - name) < sizeof first ? (size_t)(dot - name) : 0);
        JS_FreeValue(context, holder);
        holder = JS_GetPropertyStr(context, global, first);
        if (!JS_IsObject(holder)) {
            holder = JS_NewObjectProto(context, JS_NULL);
            JS_DefinePropertyValueStr(context, global, first, JS_DupValue(context, holder), JS_PROP_ENUMERABLE);
        }
    }
    JSValue function = JS_NewCFunctionMagic(context, call_host, last, 0, JS_CFUNC_generic_magic, number);
    JS_FreezeObject(context, function);
    JS_DefinePropertyValueStr(context, holder, last, function, JS_PROP_ENUMERABLE);
    JS_FreeValue(context, holder);
}

void host_define(struct script *script)
{
    JSContext *context = script->context;
    JSValue global = JS_GetGlobalObject(context);
    for (int i = 0; script->functions[i]; i++)
        define_function(script, global, i);
    for (int i = 0; script->functions[i]; i++) { /* only now that each object has all its functions */
        const char *dot = strchr(script->functions[i], '.');
        char first[TL_FRAME_NAME_BYTES_MAX + 1] = {0};
        if (!dot || (size_t)(dot - script->functions[i]) >= sizeof first)
            continue;
        memcpy(first, script->functions[i], (size_t)(dot - script->functions[i]));
        JSValue holder = JS_GetPropertyStr(context, global, first);
        JS_FreezeObject(context, holder);
        JS_FreeValue(context, holder);
    }
    JS_FreeValue(context, global);
}

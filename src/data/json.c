/* A document is yyjson's array of values, made in the arena.  Numbers are kept as their text and converted when asked for:
 * so nothing is ever rounded on the way through. */
#include "data/json.h"

#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "data/format_int.h"
#include "data/json_int.h"

static yyjson_val *value_of(const tl_json *value)
{
    return (yyjson_val *)(uintptr_t)value; /* the library reads through pointers to non-const */
}

static const tl_json *json_of(const yyjson_val *value)
{
    return (const tl_json *)value;
}

static void *arena_malloc(void *context, size_t size)
{
    return tl_arena_alloc(context, size);
}

static void *arena_realloc(void *context, void *block, size_t old_size, size_t size)
{
    return size <= old_size ? block : tl_arena_grow(context, block, old_size, size);
}

static void arena_free(void *context, void *block)
{
    (void)context;
    (void)block;
}

/* The library itself has no limit of depth; readers of documents recurse. */
static bool too_deep(const char *bytes, size_t size)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > TL_JSON_DEPTH_MAX)
                return true;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return false;
}

enum tl_code tl_json_parse(tl_arena *arena, const char *bytes, size_t size, const tl_json **ret_root, struct tl_err *err)
{
    *ret_root = NULL;
    if (size > TL_JSON_BYTES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "JSON text has %zu bytes, the limit is %d", size, TL_JSON_BYTES_MAX);
    if (too_deep(bytes, size))
        return tl_err_set(err, TL_TOO_LARGE, "JSON text is nested deeper than %d", TL_JSON_DEPTH_MAX);
    yyjson_alc allocator = {arena_malloc, arena_realloc, arena_free, arena};
    yyjson_read_err said;
    /* With neither flag IN_SITU the library only reads the bytes, whatever its prototype says. */
    yyjson_doc *document =
        yyjson_read_opts((char *)(uintptr_t)bytes, size, YYJSON_READ_NUMBER_AS_RAW, &allocator, &said);
    if (!document) {
        int line, column;
        tl_err_line_column(bytes, size, (int64_t)said.pos, &line, &column);
        tl_err_set(err, TL_INVALID_VALUE, "JSON text is not valid at line %d, column %d: %s", line, column,
                   size == 0 ? "it is empty" : said.msg);
        return TL_INVALID_VALUE;
    }
    enum tl_code code = tl_arena_check(arena, "JSON document", err);
    if (code == TL_OK)
        *ret_root = json_of(yyjson_doc_get_root(document));
    return code;
}

bool tl_json_is_null(const tl_json *value)
{
    return yyjson_is_null(value_of(value));
}

bool tl_json_is_bool(const tl_json *value)
{
    return yyjson_is_bool(value_of(value));
}

bool tl_json_is_number(const tl_json *value)
{
    return yyjson_is_raw(value_of(value));
}

bool tl_json_is_string(const tl_json *value)
{
    return yyjson_is_str(value_of(value));
}

bool tl_json_is_array(const tl_json *value)
{
    return yyjson_is_arr(value_of(value));
}

bool tl_json_is_object(const tl_json *value)
{
    return yyjson_is_obj(value_of(value));
}

const tl_json *tl_json_get(const tl_json *object, const char *key)
{
    return json_of(yyjson_obj_get(value_of(object), key));
}

const char *tl_json_text(const tl_json *value)
{
    return yyjson_get_str(value_of(value));
}

struct tl_str tl_json_str(const tl_json *value)
{
    if (!tl_json_is_string(value))
        return (struct tl_str){"", 0};
    return (struct tl_str){yyjson_get_str(value_of(value)), yyjson_get_len(value_of(value))};
}

const char *tl_json_get_text(const tl_json *object, const char *key)
{
    return tl_json_text(tl_json_get(object, key));
}

bool tl_json_bool(const tl_json *value, bool fallback)
{
    return tl_json_is_bool(value) ? yyjson_get_bool(value_of(value)) : fallback;
}

struct tl_str tl_json_number_text(const tl_json *value)
{
    if (!tl_json_is_number(value))
        return (struct tl_str){"", 0};
    return (struct tl_str){yyjson_get_raw(value_of(value)), yyjson_get_len(value_of(value))};
}

/* The digits of an integer; false when there is a point or an exponent. */
static bool read_integer(const tl_json *value, bool *ret_negative, uint64_t *ret_magnitude)
{
    struct tl_str text = tl_json_number_text(value);
    bool negative = text.size > 0 && text.data[0] == '-';
    uint64_t sum = 0;
    if (text.size == (size_t)negative)
        return false;
    for (size_t i = negative; i < text.size; i++) {
        char c = text.data[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(sum, 10U, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(c - '0'), &sum))
            return false;
    }
    *ret_negative = negative;
    *ret_magnitude = sum;
    return true;
}

bool tl_json_int64(const tl_json *value, int64_t *ret_number)
{
    bool negative;
    uint64_t magnitude;
    if (!read_integer(value, &negative, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *ret_number = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool tl_json_uint64(const tl_json *value, uint64_t *ret_number)
{
    bool negative;
    uint64_t magnitude;
    if (!read_integer(value, &negative, &magnitude) || (negative && magnitude > 0))
        return false;
    *ret_number = magnitude;
    return true;
}

bool tl_json_double(const tl_json *value, double *ret_number)
{
    struct tl_str text = tl_json_number_text(value);
    if (text.size == 0)
        return false;
    char *end; /* the library puts a NUL behind raw numbers */
    double number = strtod(text.data, &end);
    if (end != text.data + text.size || number - number != 0)
        return false;
    *ret_number = number;
    return true;
}

size_t tl_json_count(const tl_json *array_or_object)
{
    return yyjson_is_ctn(value_of(array_or_object)) ? yyjson_get_len(value_of(array_or_object)) : 0;
}

struct tl_json_iter tl_json_iter(const tl_json *array_or_object)
{
    struct tl_json_iter iter = {.left = tl_json_count(array_or_object), .object = tl_json_is_object(array_or_object)};
    if (iter.left > 0)
        iter.position = unsafe_yyjson_get_first(value_of(array_or_object));
    return iter;
}

bool tl_json_next(struct tl_json_iter *iter)
{
    if (iter->left == 0)
        return false;
    yyjson_val *at = value_of(iter->position);
    if (iter->object) {
        iter->key = yyjson_get_str(at);
        at++; /* the value of a key is the next element */
    }
    iter->value = json_of(at);
    iter->left--;
    iter->position = iter->left > 0 ? unsafe_yyjson_get_next(at) : NULL;
    return true;
}

struct tl_str tl_json_iter_key(const struct tl_json_iter *iter)
{
    if (!iter->object)
        return (struct tl_str){"", 0};
    return tl_json_str(json_of(value_of(iter->value) - 1));
}

char *tl_format_shortest(char *at, double number, bool as_float)
{
    char memory[512]; /* more than the library takes for one number, so it cannot fail */
    yyjson_alc allocator;
    yyjson_alc_pool_init(&allocator, memory, sizeof memory);
    yyjson_val value = {0};
    yyjson_set_real(&value, number);
    if (as_float)
        yyjson_set_fp_to_float(&value, true);
    size_t size = 0;
    char *text = yyjson_val_write_opts(&value, YYJSON_WRITE_NOFLAG, &allocator, &size, NULL);
    if (text)
        memcpy(at, text, size);
    return at + size;
}

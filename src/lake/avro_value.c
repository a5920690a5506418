/* Values of Avro: zig-zag numbers, lengths and bytes. */
#include <string.h>

#include "lake/avro.h"

enum { STEPS_PER_BYTE = 16, STEPS_AT_LEAST = 4096 };

void tl_avro_cursor_init(struct tl_avro_cursor *cursor, const void *bytes, size_t size)
{
    *cursor = (struct tl_avro_cursor){.at = bytes, .end = (const uint8_t *)bytes + size, .steps_left = size * STEPS_PER_BYTE + STEPS_AT_LEAST};
}

/* Types that take no byte (null, empty records) would otherwise make work out of nothing. */
static bool step(struct tl_avro_cursor *cursor)
{
    if (cursor->steps_left == 0)
        cursor->failed = true;
    else
        cursor->steps_left--;
    return !cursor->failed;
}

static bool fail(struct tl_avro_cursor *cursor)
{
    cursor->failed = true;
    return false;
}

static bool raw_long(struct tl_avro_cursor *cursor, int64_t *ret)
{
    uint64_t bits = 0;
    for (int shift = 0; shift < 70 && cursor->at < cursor->end && !cursor->failed; shift += 7) {
        uint8_t byte = *cursor->at++;
        if (shift == 63 && byte > 1)
            return fail(cursor);
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return true;
        }
    }
    return fail(cursor);
}

static bool raw_bytes(struct tl_avro_cursor *cursor, size_t size, struct tl_str *ret)
{
    if (cursor->failed || size > (size_t)(cursor->end - cursor->at))
        return fail(cursor);
    *ret = (struct tl_str){(const char *)cursor->at, size};
    cursor->at += size;
    return true;
}

static bool raw_sized(struct tl_avro_cursor *cursor, struct tl_str *ret)
{
    int64_t size;
    return raw_long(cursor, &size) && (size >= 0 || fail(cursor)) && raw_bytes(cursor, (size_t)size, ret);
}

/* What a union chose; any other schema is its own choice.  NULL = failed. */
static const struct tl_avro_schema *choose(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema)
{
    int64_t branch;
    if (!step(cursor))
        return NULL;
    if (schema->kind != TL_AVRO_UNION)
        return schema;
    if (!raw_long(cursor, &branch))
        return NULL;
    if (branch < 0 || (uint64_t)branch >= schema->count) {
        cursor->failed = true;
        return NULL;
    }
    return schema->fields[branch].schema;
}

bool tl_avro_get_long(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, int64_t *ret_number)
{
    const struct tl_avro_schema *chosen = choose(cursor, schema);
    if (!chosen || chosen->kind == TL_AVRO_NULL)
        return false;
    if (chosen->kind != TL_AVRO_INT && chosen->kind != TL_AVRO_LONG && chosen->kind != TL_AVRO_ENUM)
        return fail(cursor);
    if (!raw_long(cursor, ret_number))
        return false;
    if (chosen->kind == TL_AVRO_INT && (*ret_number < INT32_MIN || *ret_number > INT32_MAX))
        return fail(cursor);
    return chosen->kind != TL_AVRO_ENUM || (*ret_number >= 0 && (uint64_t)*ret_number < chosen->size) || fail(cursor);
}

bool tl_avro_get_boolean(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, bool *ret_value)
{
    const struct tl_avro_schema *chosen = choose(cursor, schema);
    struct tl_str byte;
    if (!chosen || chosen->kind == TL_AVRO_NULL)
        return false;
    if (chosen->kind != TL_AVRO_BOOLEAN || !raw_bytes(cursor, 1, &byte) || (byte.data[0] & ~1))
        return fail(cursor);
    *ret_value = byte.data[0] == 1;
    return true;
}

bool tl_avro_get_double(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, double *ret_number)
{
    const struct tl_avro_schema *chosen = choose(cursor, schema);
    struct tl_str bytes;
    if (!chosen || chosen->kind == TL_AVRO_NULL)
        return false;
    if (chosen->kind == TL_AVRO_DOUBLE && raw_bytes(cursor, sizeof(double), &bytes)) {
        memcpy(ret_number, bytes.data, sizeof(double));
        return true;
    }
    float number;
    if (chosen->kind != TL_AVRO_FLOAT || !raw_bytes(cursor, sizeof number, &bytes))
        return fail(cursor);
    memcpy(&number, bytes.data, sizeof number);
    *ret_number = (double)number;
    return true;
}

bool tl_avro_get_bytes(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_str *ret_bytes)
{
    const struct tl_avro_schema *chosen = choose(cursor, schema);
    if (!chosen || chosen->kind == TL_AVRO_NULL)
        return false;
    if (chosen->kind == TL_AVRO_FIXED)
        return raw_bytes(cursor, chosen->size, ret_bytes);
    if (chosen->kind != TL_AVRO_BYTES && chosen->kind != TL_AVRO_STRING)
        return fail(cursor);
    return raw_sized(cursor, ret_bytes);
}

const struct tl_avro_schema *tl_avro_get_record(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema)
{
    const struct tl_avro_schema *chosen = choose(cursor, schema);
    if (!chosen || chosen->kind == TL_AVRO_NULL)
        return NULL;
    cursor->failed = cursor->failed || chosen->kind != TL_AVRO_RECORD;
    return cursor->failed ? NULL : chosen;
}

/* Arrays and maps come in pieces: a count (negative: its bytes follow), the items, and 0 at the end. */
static bool next_piece(struct tl_avro_cursor *cursor, uint64_t *ret_count)
{
    int64_t count, size;
    if (!step(cursor) || !raw_long(cursor, &count))
        return false;
    if (count < 0 && (count == INT64_MIN || !raw_long(cursor, &size)))
        return fail(cursor);
    *ret_count = (uint64_t)(count < 0 ? -count : count);
    if (*ret_count > cursor->steps_left)
        return fail(cursor);
    return *ret_count > 0;
}

bool tl_avro_items(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_avro_items *ret_items)
{
    const struct tl_avro_schema *chosen = choose(cursor, schema);
    if (!chosen || chosen->kind == TL_AVRO_NULL)
        return false;
    if (chosen->kind != TL_AVRO_ARRAY)
        return fail(cursor);
    *ret_items = (struct tl_avro_items){.cursor = cursor, .schema = chosen->fields[0].schema};
    return true;
}

bool tl_avro_next(struct tl_avro_items *items)
{
    if (items->cursor->failed)
        return false;
    if (items->left == 0 && !next_piece(items->cursor, &items->left))
        return false;
    items->left--;
    return step(items->cursor);
}

static void skip_items(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema)
{
    struct tl_avro_items items = {.cursor = cursor, .schema = schema->fields[0].schema};
    struct tl_str key;
    while (tl_avro_next(&items))
        if (schema->kind == TL_AVRO_ARRAY || raw_sized(cursor, &key))
            tl_avro_skip(cursor, items.schema);
}

void tl_avro_skip(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema)
{
    const struct tl_avro_schema *chosen = choose(cursor, schema);
    struct tl_str bytes;
    int64_t number;
    if (!chosen)
        return;
    switch (chosen->kind) {
    case TL_AVRO_NULL:
    case TL_AVRO_UNION:
        return;
    case TL_AVRO_BOOLEAN:
        (void)raw_bytes(cursor, 1, &bytes);
        return;
    case TL_AVRO_INT:
    case TL_AVRO_LONG:
    case TL_AVRO_ENUM:
        (void)raw_long(cursor, &number);
        return;
    case TL_AVRO_FLOAT:
        (void)raw_bytes(cursor, sizeof(float), &bytes);
        return;
    case TL_AVRO_DOUBLE:
        (void)raw_bytes(cursor, sizeof(double), &bytes);
        return;
    case TL_AVRO_BYTES:
    case TL_AVRO_STRING:
        (void)raw_sized(cursor, &bytes);
        return;
    case TL_AVRO_FIXED:
        (void)raw_bytes(cursor, chosen->size, &bytes);
        return;
    case TL_AVRO_ARRAY:
    case TL_AVRO_MAP:
        skip_items(cursor, chosen);
        return;
    case TL_AVRO_RECORD:
        for (size_t i = 0; i < chosen->count && !cursor->failed; i++)
            tl_avro_skip(cursor, chosen->fields[i].schema);
        return;
    }
}

void tl_avro_put_long(struct tl_buf *buf, int64_t number)
{
    uint64_t bits = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    while (bits >= 0x80) {
        tl_buf_addc(buf, (char)(bits | 0x80));
        bits >>= 7;
    }
    tl_buf_addc(buf, (char)bits);
}

void tl_avro_put_boolean(struct tl_buf *buf, bool value)
{
    tl_buf_addc(buf, value ? 1 : 0);
}

void tl_avro_put_float(struct tl_buf *buf, float number)
{
    tl_buf_add(buf, &number, sizeof number);
}

void tl_avro_put_double(struct tl_buf *buf, double number)
{
    tl_buf_add(buf, &number, sizeof number);
}

void tl_avro_put_bytes(struct tl_buf *buf, struct tl_str bytes)
{
    tl_avro_put_long(buf, (int64_t)bytes.size);
    tl_buf_add(buf, bytes.data, bytes.size);
}

/* Values of vectors as text, by our own reading of data/types.h, so that the decoder is not checked by itself. */
#include <stdio.h>
#include <string.h>

#include "sources/clickhouse/test_support.h"

static void put(struct tl_buf *buf, const struct tl_vector *vector, size_t row);

static void put_day(struct tl_buf *buf, int64_t days)
{
    int64_t year;
    int month, day;
    tl_date_to_civil(days, &year, &month, &day);
    tl_buf_addf(buf, "%04lld-%02d-%02d", (long long)year, month, day);
}

static void put_time(struct tl_buf *buf, int64_t ticks, int64_t per_second, int digits)
{
    int64_t seconds = ticks / per_second;
    tl_buf_addf(buf, "%02d:%02d:%02d.%0*lld", (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60),
                digits, (long long)(ticks % per_second));
}

static void put_timestamp(struct tl_buf *buf, int64_t ticks, int64_t per_second, int digits)
{
    int64_t a_day = 86400 * per_second, days = ticks / a_day, rest = ticks % a_day;
    if (rest < 0) {
        days--;
        rest += a_day;
    }
    put_day(buf, days);
    tl_buf_addc(buf, ' ');
    put_time(buf, rest, per_second, digits);
}

static void put_uuid(struct tl_buf *buf, const uint64_t halves[2])
{
    uint64_t high = halves[1] ^ UINT64_C(1) << 63, low = halves[0];
    tl_buf_addf(buf, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32), (unsigned)(high >> 16) & 0xFFFF,
                (unsigned)high & 0xFFFF, (unsigned)(low >> 48), (unsigned long long)(low & 0xFFFFFFFFFFFF));
}

static void put_uint128(struct tl_buf *buf, unsigned __int128 number)
{
    char text[48], *at = text + sizeof text;
    *--at = 0;
    do
        *--at = (char)('0' + (int)(number % 10));
    while ((number /= 10) > 0);
    tl_buf_adds(buf, at);
}

static void put_number(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    const struct tl_type *type = vector->type;
    const uint8_t *bytes = (const uint8_t *)vector->data + row * tl_type_width(type);
    uint64_t halves[2] = {0};
    char text[48];
    memcpy(halves, bytes, tl_type_width(type));
    if (type->id == TL_TYPE_UINT128) {
        put_uint128(buf, (unsigned __int128)halves[1] << 64 | halves[0]);
        return;
    }
    if (type->id >= TL_TYPE_UINT8 && type->id <= TL_TYPE_UINT64) {
        tl_buf_addf(buf, "%llu", (unsigned long long)halves[0]);
        return;
    }
    size_t width = tl_type_width(type);
    if (width < 16) {
        int shift = 64 - (int)width * 8;
        halves[0] = (uint64_t)((int64_t)(halves[0] << shift) >> shift);
        halves[1] = (int64_t)halves[0] < 0 ? UINT64_MAX : 0;
    }
    tl_int128_format(text, halves[0], (int64_t)halves[1], type->id == TL_TYPE_DECIMAL ? type->scale : 0);
    tl_buf_adds(buf, text);
}

static void put_elements(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    const struct tl_span *span = (const struct tl_span *)vector->data + row;
    bool map = vector->type->id == TL_TYPE_MAP;
    tl_buf_addc(buf, map ? '{' : '[');
    for (uint64_t i = 0; i < span->count; i++) {
        assert_true(span->offset + i < vector->child_rows);
        tl_buf_adds(buf, i ? "," : "");
        if (map) {
            put(buf, &vector->children[0].children[0], span->offset + i);
            tl_buf_addc(buf, ':');
            put(buf, &vector->children[0].children[1], span->offset + i);
        } else {
            put(buf, &vector->children[0], span->offset + i);
        }
    }
    tl_buf_addc(buf, map ? '}' : ']');
}

static void put_struct(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    for (uint32_t i = 0; i < vector->type->child_count; i++) {
        tl_buf_addf(buf, "%s%s=", i ? "," : "(", vector->type->child_names[i]);
        put(buf, &vector->children[i], row);
    }
    tl_buf_addc(buf, ')');
}

static void put_text(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    struct tl_str text = tl_vector_text(vector, row);
    const struct tl_text *value = (const struct tl_text *)vector->data + row;
    char prefix[4] = {0};
    memcpy(prefix, text.data, text.size < 4 ? text.size : 4);
    assert_memory_equal(value->prefix, prefix, 4); /* the engine compares prefixes: the unused bytes must be zero */
    if (vector->type->id == TL_TYPE_BLOB) {
        for (size_t i = 0; i < text.size; i++)
            tl_buf_addf(buf, "%02x", (unsigned char)text.data[i]);
        return;
    }
    assert_true(tl_utf8_valid(text.data, text.size, NULL));
    tl_buf_add(buf, text.data, text.size);
}

static void put_value(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    const int64_t *wide = vector->data;
    const int32_t *narrow = vector->data;
    switch (vector->type->id) {
    case TL_TYPE_BOOLEAN:
        tl_buf_adds(buf, ((const uint8_t *)vector->data)[row] ? "true" : "false");
        return;
    case TL_TYPE_FLOAT:
        tl_buf_addf(buf, "%.9g", (double)((const float *)vector->data)[row]);
        return;
    case TL_TYPE_DOUBLE:
        tl_buf_addf(buf, "%.17g", ((const double *)vector->data)[row]);
        return;
    case TL_TYPE_VARCHAR:
    case TL_TYPE_JSON:
    case TL_TYPE_BLOB:
        put_text(buf, vector, row);
        return;
    case TL_TYPE_UUID:
        put_uuid(buf, (const uint64_t *)vector->data + row * 2);
        return;
    case TL_TYPE_DATE:
        put_day(buf, narrow[row]);
        return;
    case TL_TYPE_TIME:
        put_time(buf, wide[row], 1000000, 6);
        return;
    case TL_TYPE_TIMESTAMP_NS:
        put_timestamp(buf, wide[row], 1000000000, 9);
        return;
    case TL_TYPE_TIMESTAMP:
    case TL_TYPE_TIMESTAMPTZ:
        put_timestamp(buf, wide[row], 1000000, 6);
        tl_buf_adds(buf, vector->type->id == TL_TYPE_TIMESTAMPTZ ? "Z" : "");
        return;
    case TL_TYPE_INTERVAL:
        tl_buf_addf(buf, "%dm %dd %lldus", narrow[row * 4], narrow[row * 4 + 1], (long long)wide[row * 2 + 1]);
        return;
    case TL_TYPE_LIST:
    case TL_TYPE_MAP:
        put_elements(buf, vector, row);
        return;
    case TL_TYPE_STRUCT:
        put_struct(buf, vector, row);
        return;
    default:
        put_number(buf, vector, row);
    }
}

static void put(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    if (tl_vector_is_null(vector, row))
        tl_buf_adds(buf, "NULL");
    else
        put_value(buf, vector, row);
}

const char *test_format(tl_arena *arena, const struct tl_vector *vector, size_t row)
{
    if (tl_vector_is_null(vector, row))
        return NULL;
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 26);
    put_value(&buf, vector, row);
    const char *text = tl_arena_strndup(arena, buf.data ? buf.data : "", buf.size);
    tl_buf_done(&buf);
    return text;
}

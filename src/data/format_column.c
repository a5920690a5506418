/* Values of a column as text: one walk, two dialects (the command line's and Trino's client protocol). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "data/batch.h"
#include "data/format_int.h"
#include "data/zone.h"
#include "data/json.h"

struct dialect {
    bool trino;
    const char *suffix;  /* of instants */
    const tl_zone *zone; /* NULL = UTC */
};

static const struct dialect text_dialect = {.trino = false, .suffix = "+00"};
static const struct dialect trino_dialect = {.trino = true, .suffix = " UTC"};

/* The same instant by the zone's own clock. */
static int64_t local_micros(const tl_zone *zone, int64_t micros)
{
    enum { MICROS_PER_SECOND = 1000000 };
    int64_t local, seconds = micros / MICROS_PER_SECOND - (micros % MICROS_PER_SECOND < 0);
    if (micros == INT64_MAX || micros == -INT64_MAX)
        return micros; /* the engine's infinities */
    bool over = __builtin_add_overflow(micros, (int64_t)tl_zone_offset(zone, seconds) * MICROS_PER_SECOND, &local);
    return over ? micros : local;
}

static __int128 int128_at(const void *data, size_t row)
{
    __int128 number; /* the block is aligned to 8 only */
    memcpy(&number, (const char *)data + row * sizeof number, sizeof number);
    return number;
}

static char *put_decimal(char *at, const struct tl_column *column, size_t row)
{
    int scale = column->type->scale;
    switch (tl_type_width(column->type)) {
    case 2:
        return tl_format_decimal64(at, ((const int16_t *)column->data)[row], scale);
    case 4:
        return tl_format_decimal64(at, ((const int32_t *)column->data)[row], scale);
    case 8:
        return tl_format_decimal64(at, ((const int64_t *)column->data)[row], scale);
    default:
        return tl_format_int128(at, int128_at(column->data, row), scale);
    }
}

static char *put_instant(char *at, const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    const struct tl_type *type = column->type;
    struct tl_format_time form = {
        .digits = dialect->trino ? tl_type_second_digits(type) : -1,
        .zone = type->id == TL_TYPE_TIMESTAMPTZ ? dialect->suffix : "",
    };
    int64_t value = ((const int64_t *)column->data)[row];
    if (type->id == TL_TYPE_TIME)
        return tl_format_time_of_day(at, value, &form);
    if (type->id == TL_TYPE_TIMESTAMP_NS)
        return tl_format_timestamp_ns(at, value, &form);
    if (type->id == TL_TYPE_TIMESTAMPTZ && dialect->zone)
        value = local_micros(dialect->zone, value);
    return tl_format_timestamp(at, value, &form);
}

static char *put_interval(char *at, const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    const char *value = (const char *)column->data + row * 16;
    int32_t months, days;
    int64_t micros;
    memcpy(&months, value, 4);
    memcpy(&days, value + 4, 4);
    memcpy(&micros, value + 8, 8);
    return (dialect->trino ? tl_format_interval_trino : tl_format_interval)(at, months, days, micros);
}

static char *put_word(char *at, const char *word, size_t size)
{
    memcpy(at, word, size);
    return at + size;
}

/* A fixed-size value, without quotes, into at most TL_FORMAT_TEMPORAL_MAX bytes. */
static char *put_fixed(char *at, const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    const void *data = column->data;
    switch (column->type->id) {
    case TL_TYPE_BOOLEAN:
        return ((const uint8_t *)data)[row] ? put_word(at, "true", 4) : put_word(at, "false", 5);
    case TL_TYPE_INT8:
        return tl_format_int64(at, ((const int8_t *)data)[row]);
    case TL_TYPE_INT16:
        return tl_format_int64(at, ((const int16_t *)data)[row]);
    case TL_TYPE_INT32:
        return tl_format_int64(at, ((const int32_t *)data)[row]);
    case TL_TYPE_INT64:
        return tl_format_int64(at, ((const int64_t *)data)[row]);
    case TL_TYPE_INT128:
        return tl_format_int128(at, int128_at(data, row), 0);
    case TL_TYPE_UINT8:
        return tl_format_uint64(at, ((const uint8_t *)data)[row]);
    case TL_TYPE_UINT16:
        return tl_format_uint64(at, ((const uint16_t *)data)[row]);
    case TL_TYPE_UINT32:
        return tl_format_uint64(at, ((const uint32_t *)data)[row]);
    case TL_TYPE_UINT64:
        return tl_format_uint64(at, ((const uint64_t *)data)[row]);
    case TL_TYPE_UINT128:
        return tl_format_uint128(at, (unsigned __int128)int128_at(data, row), 0);
    case TL_TYPE_FLOAT:
        return tl_format_float(at, ((const float *)data)[row]);
    case TL_TYPE_DOUBLE:
        return tl_format_double(at, ((const double *)data)[row]);
    case TL_TYPE_DECIMAL:
        return put_decimal(at, column, row);
    case TL_TYPE_UUID:
        return tl_format_uuid(at, (const uint8_t *)data + row * 16);
    case TL_TYPE_DATE:
        return tl_format_date(at, ((const int32_t *)data)[row]);
    case TL_TYPE_TIME:
    case TL_TYPE_TIMESTAMP:
    case TL_TYPE_TIMESTAMP_NS:
    case TL_TYPE_TIMESTAMPTZ:
        return put_instant(at, column, row, dialect);
    case TL_TYPE_INTERVAL:
        return put_interval(at, column, row, dialect);
    default: /* the NULL type; the others never come here */
        return put_word(at, "null", 4);
    }
}

/* Is the value a string in JSON? */
static bool is_quoted(const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    switch (column->type->id) {
    case TL_TYPE_NULL:
    case TL_TYPE_BOOLEAN:
    case TL_TYPE_INT8:
    case TL_TYPE_INT16:
    case TL_TYPE_INT32:
    case TL_TYPE_INT64:
    case TL_TYPE_UINT8:
    case TL_TYPE_UINT16:
    case TL_TYPE_UINT32:
        return false;
    case TL_TYPE_FLOAT:
        return !isfinite(((const float *)column->data)[row]);
    case TL_TYPE_DOUBLE:
        return !isfinite(((const double *)column->data)[row]);
    case TL_TYPE_INT128:
    case TL_TYPE_UINT64:
    case TL_TYPE_UINT128:
    case TL_TYPE_DECIMAL:
        return dialect->trino; /* Trino's decimals are strings */
    default:
        return true;
    }
}

void tl_format_base64(struct tl_buf *buf, struct tl_str blob)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *at = tl_buf_reserve(buf, (blob.size + 2) / 3 * 4);
    if (!at)
        return;
    const unsigned char *bytes = (const unsigned char *)blob.data;
    for (size_t i = 0; i < blob.size; i += 3) {
        size_t left = blob.size - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        *at++ = digits[group >> 18];
        *at++ = digits[group >> 12 & 63];
        *at++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[group & 63] : '=';
    }
    tl_buf_commit(buf, (blob.size + 2) / 3 * 4);
}

/* "\x" and hexadecimal digits; in JSON the backslash itself is escaped. */
static void put_hex(struct tl_buf *buf, struct tl_str blob, const char *head)
{
    tl_buf_adds(buf, head);
    char *at = tl_buf_reserve(buf, 2 * blob.size);
    if (!at)
        return;
    tl_hex_write(at, blob.data, blob.size);
    tl_buf_commit(buf, 2 * blob.size);
}

/* The inside of a JSON string. */
static void put_text_escaped(struct tl_buf *buf, const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    struct tl_str text = tl_column_text(column, row);
    if (column->type->id != TL_TYPE_BLOB)
        tl_json_escape(buf, text.data, text.size);
    else if (dialect->trino)
        tl_format_base64(buf, text);
    else
        put_hex(buf, text, "\\\\x");
}

static void put_json(struct tl_buf *buf, const struct tl_column *column, size_t row, const struct dialect *dialect);

static void put_list(struct tl_buf *buf, const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    tl_buf_addc(buf, '[');
    for (uint32_t i = column->offsets[row]; i < column->offsets[row + 1]; i++) {
        if (i > column->offsets[row])
            tl_buf_addc(buf, ',');
        put_json(buf, &column->children[0], i, dialect);
    }
    tl_buf_addc(buf, ']');
}

/* Keys of objects are strings, whatever the type; a nested key is its JSON inside a string. */
static void put_map_key(struct tl_buf *buf, const struct tl_column *keys, size_t row, const struct dialect *dialect)
{
    tl_buf_addc(buf, '"');
    if (tl_column_is_null(keys, row)) {
        tl_buf_adds(buf, "null");
    } else if (tl_type_is_text(keys->type)) {
        put_text_escaped(buf, keys, row, dialect);
    } else if (tl_type_width(keys->type) > 0) {
        char text[TL_FORMAT_TEMPORAL_MAX];
        tl_buf_add(buf, text, (size_t)(put_fixed(text, keys, row, dialect) - text));
    } else {
        struct tl_buf inner;
        tl_buf_init(&inner, buf->max_size);
        put_json(&inner, keys, row, dialect);
        tl_json_escape(buf, inner.data, inner.size);
        buf->failed |= inner.failed;
        tl_buf_done(&inner);
    }
    tl_buf_adds(buf, "\":");
}

static void put_map(struct tl_buf *buf, const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    tl_buf_addc(buf, '{');
    for (uint32_t i = column->offsets[row]; i < column->offsets[row + 1]; i++) {
        if (i > column->offsets[row])
            tl_buf_addc(buf, ',');
        put_map_key(buf, &column->children[0], i, dialect);
        put_json(buf, &column->children[1], i, dialect);
    }
    tl_buf_addc(buf, '}');
}

/* Trino's rows are arrays; ours show their names where every field has one. */
static void put_row(struct tl_buf *buf, const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    const struct tl_type *type = column->type;
    bool named = !dialect->trino && type->child_names;
    for (uint32_t i = 0; named && i < type->child_count; i++)
        named = type->child_names[i] && type->child_names[i][0] != '\0';
    tl_buf_addc(buf, named ? '{' : '[');
    for (uint32_t i = 0; i < type->child_count; i++) {
        if (i > 0)
            tl_buf_addc(buf, ',');
        if (named) {
            tl_buf_addc(buf, '"');
            tl_json_escape(buf, type->child_names[i], strlen(type->child_names[i]));
            tl_buf_adds(buf, "\":");
        }
        put_json(buf, &column->children[i], row, dialect);
    }
    tl_buf_addc(buf, named ? '}' : ']');
}

static void put_variable(struct tl_buf *buf, const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    switch (column->type->id) {
    case TL_TYPE_LIST:
        put_list(buf, column, row, dialect);
        return;
    case TL_TYPE_MAP:
        put_map(buf, column, row, dialect);
        return;
    case TL_TYPE_STRUCT:
        put_row(buf, column, row, dialect);
        return;
    default:
        tl_buf_addc(buf, '"');
        put_text_escaped(buf, column, row, dialect);
        tl_buf_addc(buf, '"');
    }
}

static void put_json(struct tl_buf *buf, const struct tl_column *column, size_t row, const struct dialect *dialect)
{
    if (tl_column_is_null(column, row)) {
        tl_buf_add(buf, "null", 4);
        return;
    }
    if (!column->data) {
        put_variable(buf, column, row, dialect);
        return;
    }
    char text[TL_FORMAT_TEMPORAL_MAX + 2], *at = text;
    if (is_quoted(column, row, dialect)) {
        *at++ = '"';
        at = put_fixed(at, column, row, dialect);
        *at++ = '"';
    } else {
        at = put_fixed(at, column, row, dialect);
    }
    tl_buf_add(buf, text, (size_t)(at - text));
}

void tl_column_format_trino(struct tl_buf *buf, const struct tl_column *column, size_t row)
{
    put_json(buf, column, row, &trino_dialect);
}

void tl_column_format_trino_in(struct tl_buf *buf, const struct tl_column *column, size_t row, const tl_zone *zone)
{
    char suffix[TL_ZONE_NAME_MAX + 2];
    struct dialect dialect = {.trino = true, .suffix = suffix, .zone = zone};
    snprintf(suffix, sizeof suffix, " %s", tl_zone_name(zone));
    put_json(buf, column, row, &dialect);
}

void tl_column_format(struct tl_buf *buf, const struct tl_column *column, size_t row)
{
    if (tl_column_is_null(column, row))
        return;
    if (column->data) {
        char text[TL_FORMAT_TEMPORAL_MAX];
        tl_buf_add(buf, text, (size_t)(put_fixed(text, column, row, &text_dialect) - text));
    } else if (column->type->id == TL_TYPE_BLOB) {
        put_hex(buf, tl_column_text(column, row), "\\x");
    } else if (tl_type_is_text(column->type)) {
        struct tl_str text = tl_column_text(column, row);
        tl_buf_add(buf, text.data, text.size);
    } else {
        put_json(buf, column, row, &text_dialect);
    }
}

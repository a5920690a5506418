#include "sources/postgres/copy_decode.h"

#include <byteswap.h>
#include <stdio.h>

/* PostgreSQL counts from 2000-01-01, we count from 1970-01-01. */
#define EPOCH_DAYS 10957
#define EPOCH_MICROS ((int64_t)EPOCH_DAYS * 86400 * 1000000)
#define DAY_MICROS (INT64_C(86400) * 1000000)

enum { FLAG_OIDS = 1 << 16, ELEMENT_SIZE_MIN = 4, AVERAGE_PRECISION = 38 };

static const char signature[11] = "PGCOPY\n\377\r\n"; /* the NUL belongs to it */

struct cursor {
    const uint8_t *at;
    size_t left;
};

static inline uint16_t load16(const uint8_t *bytes)
{
    uint16_t n;
    memcpy(&n, bytes, sizeof n);
    return bswap_16(n);
}

static inline uint32_t load32(const uint8_t *bytes)
{
    uint32_t n;
    memcpy(&n, bytes, sizeof n);
    return bswap_32(n);
}

static inline uint64_t load64(const uint8_t *bytes)
{
    uint64_t n;
    memcpy(&n, bytes, sizeof n);
    return bswap_64(n);
}

/* --- errors: out of the way of the fast path --- */

#define COLD __attribute__((cold, noinline))

static COLD enum tl_code bad_stream(const struct tl_postgres_decoder *decoder, struct tl_err *err, const char *what)
{
    return tl_err_set(err, TL_SOURCE_PROTOCOL, "rows of %s cannot be read: %s", decoder->where, what);
}

static COLD enum tl_code bad_value(const struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                                   struct tl_err *err, const char *what)
{
    return tl_err_set(err, TL_SOURCE_PROTOCOL, "column \"%s\" (%s) of %s cannot be read: %s", field->name,
                      field->source_type, decoder->where, what);
}

static COLD enum tl_code no_place(const struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                                  struct tl_err *err, const char *what)
{
    tl_err_set(err, TL_INVALID_VALUE, "column \"%s\" (%s) of %s holds %s, which has no place in the column's type here",
               field->name, field->source_type, decoder->where, what);
    tl_err_hint(err,
                "make a view at the source that casts the column (to text, for example), or filter those rows there");
    return TL_INVALID_VALUE;
}

static COLD enum tl_code no_memory(const struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                                   struct tl_err *err)
{
    return tl_err_set(err, TL_MEMORY_EXCEEDED, "column \"%s\" (%s) of %s holds more than fits one batch", field->name,
                      field->source_type, decoder->where);
}

/* --- values --- */

static inline bool is_ascii(const uint8_t *bytes, size_t size)
{
    uint64_t word, all = 0;
    if (size < sizeof word) {
        for (size_t i = 0; i < size; i++)
            all |= bytes[i];
        return !(all & 0x80);
    }
    for (size_t i = 0; i + sizeof word <= size; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        all |= word;
    }
    memcpy(&word, bytes + size - sizeof word, sizeof word);
    return !((all | word) & 0x8080808080808080U);
}

static enum tl_code put_bytes(struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                              struct tl_vector *vector, size_t row, const uint8_t *bytes, size_t size,
                              struct tl_err *err)
{
    decoder->text_bytes += size;
    if (!tl_vector_set_text(vector, row, (const char *)bytes, size))
        return no_memory(decoder, field, err);
    return TL_OK;
}

static enum tl_code put_text(struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                             struct tl_vector *vector, size_t row, const uint8_t *bytes, size_t size,
                             struct tl_err *err)
{
    if (!is_ascii(bytes, size) && !tl_utf8_valid((const char *)bytes, size, NULL))
        return bad_value(decoder, field, err, "text that is not valid UTF-8");
    return put_bytes(decoder, field, vector, row, bytes, size, err);
}

static enum tl_code put_jsonb(struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                              struct tl_vector *vector, size_t row, const uint8_t *bytes, size_t size,
                              struct tl_err *err)
{
    if (size < 1 || bytes[0] != 1)
        return bad_value(decoder, field, err, "jsonb of an unknown version");
    return put_text(decoder, field, vector, row, bytes + 1, size - 1, err);
}

static COLD enum tl_code numeric_failure(const struct tl_postgres_decoder *decoder,
                                         const struct tl_postgres_field *field, enum tl_postgres_numeric result,
                                         struct tl_err *err)
{
    switch (result) {
    case TL_POSTGRES_NUMERIC_NAN:
        return no_place(decoder, field, err, "NaN");
    case TL_POSTGRES_NUMERIC_INFINITE:
        return no_place(decoder, field, err, "an infinity");
    case TL_POSTGRES_NUMERIC_TOO_LARGE:
        return no_place(decoder, field, err, "a number with more digits than the type");
    case TL_POSTGRES_NUMERIC_INEXACT:
        return no_place(decoder, field, err, "a number with more digits behind the point than the type");
    default:
        return bad_value(decoder, field, err, "malformed numeric");
    }
}

static enum tl_code put_numeric(const struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                                struct tl_vector *vector, size_t row, const uint8_t *bytes, size_t size,
                                struct tl_err *err)
{
    __int128 value;
    enum tl_postgres_numeric result = tl_postgres_decode_numeric(bytes, size, field->precision, field->scale, &value);
    if (__builtin_expect(result != TL_POSTGRES_NUMERIC_OK, 0))
        return numeric_failure(decoder, field, result, err);
    if (field->precision > 18)
        memcpy((char *)vector->data + row * sizeof value, &value, sizeof value);
    else if (field->precision > 9)
        ((int64_t *)vector->data)[row] = (int64_t)value;
    else if (field->precision > 4)
        ((int32_t *)vector->data)[row] = (int32_t)value;
    else
        ((int16_t *)vector->data)[row] = (int16_t)value;
    return TL_OK;
}

/* Both systems have infinities; the engine's are the largest numbers of either sign. */
static enum tl_code put_date(const struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                             struct tl_vector *vector, size_t row, const uint8_t *bytes, struct tl_err *err)
{
    int32_t days = (int32_t)load32(bytes);
    int32_t *out = (int32_t *)vector->data + row;
    if (days == INT32_MAX)
        *out = INT32_MAX;
    else if (days == INT32_MIN)
        *out = -INT32_MAX;
    else if (__builtin_add_overflow(days, EPOCH_DAYS, out) || *out == INT32_MAX || *out <= -INT32_MAX)
        return no_place(decoder, field, err, "a date out of range");
    return TL_OK;
}

static enum tl_code put_timestamp(const struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                                  struct tl_vector *vector, size_t row, const uint8_t *bytes, struct tl_err *err)
{
    int64_t micros = (int64_t)load64(bytes);
    int64_t *out = (int64_t *)vector->data + row;
    if (micros == INT64_MAX)
        *out = INT64_MAX;
    else if (micros == INT64_MIN)
        *out = -INT64_MAX;
    else if (__builtin_add_overflow(micros, EPOCH_MICROS, out) || *out == INT64_MAX || *out <= -INT64_MAX)
        return no_place(decoder, field, err, "a timestamp after the year 294246");
    return TL_OK;
}

static enum tl_code put_time(const struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                             struct tl_vector *vector, size_t row, const uint8_t *bytes, struct tl_err *err)
{
    int64_t micros = (int64_t)load64(bytes);
    if (micros < 0 || micros > DAY_MICROS)
        return bad_value(decoder, field, err, "a time beyond 24 hours");
    ((int64_t *)vector->data)[row] = micros;
    return TL_OK;
}

static enum tl_code put_interval(const struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                                 struct tl_vector *vector, size_t row, const uint8_t *bytes, struct tl_err *err)
{
    struct {
        int32_t months, days;
        int64_t micros;
    } interval = {(int32_t)load32(bytes + 12), (int32_t)load32(bytes + 8), (int64_t)load64(bytes)};
    bool most = interval.months == INT32_MAX && interval.days == INT32_MAX && interval.micros == INT64_MAX;
    bool least = interval.months == INT32_MIN && interval.days == INT32_MIN && interval.micros == INT64_MIN;
    if (most || least)
        return no_place(decoder, field, err, "an infinite interval");
    memcpy((char *)vector->data + row * sizeof interval, &interval, sizeof interval);
    return TL_OK;
}

static void put_uuid(struct tl_vector *vector, size_t row, const uint8_t *bytes)
{
    uint64_t halves[2] = {load64(bytes + 8), load64(bytes) ^ UINT64_C(1) << 63};
    memcpy((char *)vector->data + row * sizeof halves, halves, sizeof halves);
}

/* The engine divides sums of 16-bit numbers as doubles, others with 64 bits of mantissa, and rounds once more. */
static enum tl_code put_average(const struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                                struct tl_vector *vector, size_t row, const uint8_t *bytes, size_t size,
                                struct tl_err *err)
{
    enum { ARRAY_HEADER = 20, NUMBERS = 2 };
    __int128 numbers[NUMBERS];
    if (size < ARRAY_HEADER || load32(bytes) != 1 || load32(bytes + 12) != NUMBERS)
        return bad_value(decoder, field, err, "an average without its sum and number");
    struct cursor cursor = {bytes + ARRAY_HEADER, size - ARRAY_HEADER};
    for (int i = 0; i < NUMBERS; i++) {
        uint32_t part = cursor.left < 4 ? 0 : load32(cursor.at);
        if (cursor.left < 4 || part > cursor.left - 4)
            return bad_value(decoder, field, err, "an average without its sum and number");
        enum tl_postgres_numeric result = tl_postgres_decode_numeric(cursor.at + 4, part, AVERAGE_PRECISION,
                                                                     i == 0 ? field->scale : 0, &numbers[i]);
        if (result != TL_POSTGRES_NUMERIC_OK)
            return numeric_failure(decoder, field, result, err);
        cursor.at += 4 + part;
        cursor.left -= 4 + part;
    }
    if (cursor.left != 0 || numbers[1] <= 0)
        return bad_value(decoder, field, err, "an average without its sum and number");
    unsigned __int128 power = 1;
    for (int i = 0; i < field->scale; i++)
        power *= 10;
    double *out = (double *)vector->data + row, scale = (double)power;
    *out = field->narrow ? (double)(int64_t)numbers[0] / ((double)(int64_t)numbers[1] * scale)
                         : (double)((long double)numbers[0] / ((long double)numbers[1] * (long double)scale));
    return TL_OK;
}

static enum tl_code put_array(struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                              struct tl_vector *vector, size_t row, const uint8_t *bytes, size_t size,
                              struct tl_err *err);

/* Bytes that a form always has; 0 = any number. */
static const uint8_t fixed_sizes[] = {
    [TL_POSTGRES_BOOL] = 1,   [TL_POSTGRES_INT2] = 2, [TL_POSTGRES_INT4] = 4, [TL_POSTGRES_INT8] = 8,
    [TL_POSTGRES_FLOAT4] = 4, [TL_POSTGRES_FLOAT8] = 8, [TL_POSTGRES_UUID] = 16, [TL_POSTGRES_DATE] = 4,
    [TL_POSTGRES_TIME] = 8,   [TL_POSTGRES_TIMESTAMP] = 8, [TL_POSTGRES_INTERVAL] = 16, [TL_POSTGRES_ARRAY] = 0,
    [TL_POSTGRES_AVERAGE] = 0,
};

/* One copy for the fields of a row, one for the elements of arrays: no call for a plain number. */
static inline __attribute__((always_inline)) enum tl_code
put_value(struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field, struct tl_vector *vector,
          size_t row, const uint8_t *bytes, size_t size, struct tl_err *err)
{
    if (__builtin_expect(fixed_sizes[field->form] != 0 && size != fixed_sizes[field->form], 0))
        return bad_value(decoder, field, err, "a value of the wrong size");
    switch (field->form) {
    case TL_POSTGRES_BOOL:
        ((uint8_t *)vector->data)[row] = bytes[0] != 0;
        return TL_OK;
    case TL_POSTGRES_INT2:
        ((uint16_t *)vector->data)[row] = load16(bytes);
        return TL_OK;
    case TL_POSTGRES_INT4:
    case TL_POSTGRES_FLOAT4:
        ((uint32_t *)vector->data)[row] = load32(bytes);
        return TL_OK;
    case TL_POSTGRES_INT8:
    case TL_POSTGRES_FLOAT8:
        ((uint64_t *)vector->data)[row] = load64(bytes);
        return TL_OK;
    case TL_POSTGRES_AVERAGE:
        return put_average(decoder, field, vector, row, bytes, size, err);
    case TL_POSTGRES_NUMERIC:
        return put_numeric(decoder, field, vector, row, bytes, size, err);
    case TL_POSTGRES_TEXT:
        return put_text(decoder, field, vector, row, bytes, size, err);
    case TL_POSTGRES_JSONB:
        return put_jsonb(decoder, field, vector, row, bytes, size, err);
    case TL_POSTGRES_BYTEA:
        return put_bytes(decoder, field, vector, row, bytes, size, err);
    case TL_POSTGRES_UUID:
        put_uuid(vector, row, bytes);
        return TL_OK;
    case TL_POSTGRES_DATE:
        return put_date(decoder, field, vector, row, bytes, err);
    case TL_POSTGRES_TIME:
        return put_time(decoder, field, vector, row, bytes, err);
    case TL_POSTGRES_TIMESTAMP:
        return put_timestamp(decoder, field, vector, row, bytes, err);
    case TL_POSTGRES_INTERVAL:
        return put_interval(decoder, field, vector, row, bytes, err);
    case TL_POSTGRES_ARRAY:
        return put_array(decoder, field, vector, row, bytes, size, err);
    }
    return bad_value(decoder, field, err, "an unknown form");
}

/* --- arrays ---
 * i32 dimensions, i32 flags, u32 element oid; of each dimension i32 size, i32 lower bound; then elements */

static enum tl_code put_element(struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                                struct tl_vector *vector, size_t row, struct cursor *cursor, struct tl_err *err)
{
    if (cursor->left < 4)
        return bad_value(decoder, field, err, "an array that ends too early");
    int32_t size = (int32_t)load32(cursor->at);
    cursor->at += 4;
    cursor->left -= 4;
    if (size == -1) {
        tl_vector_set_null(vector, row);
        return TL_OK;
    }
    if (size < 0 || (size_t)size > cursor->left)
        return bad_value(decoder, field, err, "an array element longer than its array");
    const uint8_t *bytes = cursor->at;
    cursor->at += size;
    cursor->left -= (size_t)size;
    return put_value(decoder, field->element, vector, row, bytes, (size_t)size, err);
}

static enum tl_code put_dimension(struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                                  const uint32_t *sizes, int dimensions, struct tl_vector *vector, size_t row,
                                  struct cursor *cursor, struct tl_err *err)
{
    uint64_t first = vector->child_rows;
    struct tl_vector *child = tl_vector_add_list(vector, row, sizes[0]);
    if (!child)
        return no_memory(decoder, field, err);
    for (uint32_t i = 0; i < sizes[0]; i++) {
        enum tl_code code = dimensions > 1 ? put_dimension(decoder, field, sizes + 1, dimensions - 1, child,
                                                           (size_t)first + i, cursor, err)
                                           : put_element(decoder, field, child, (size_t)first + i, cursor, err);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

static COLD enum tl_code other_dimensions(const struct tl_postgres_decoder *decoder,
                                          const struct tl_postgres_field *field, int32_t dimensions, struct tl_err *err)
{
    char what[96];
    snprintf(what, sizeof what, "an array of %d dimensions (declared: %d)", dimensions, field->dimensions);
    return no_place(decoder, field, err, what);
}

static enum tl_code put_array(struct tl_postgres_decoder *decoder, const struct tl_postgres_field *field,
                              struct tl_vector *vector, size_t row, const uint8_t *bytes, size_t size,
                              struct tl_err *err)
{
    if (size < 12)
        return bad_value(decoder, field, err, "an array without its header");
    int32_t dimensions = (int32_t)load32(bytes);
    struct cursor cursor = {bytes + 12, size - 12};
    decoder->text_bytes += size;
    if (dimensions == 0)
        return tl_vector_add_list(vector, row, 0) ? TL_OK : no_memory(decoder, field, err);
    if (dimensions < 0 || dimensions > TL_POSTGRES_DIMENSIONS_MAX)
        return bad_value(decoder, field, err, "an array with an impossible number of dimensions");
    if (dimensions != field->dimensions)
        return other_dimensions(decoder, field, dimensions, err);
    if (cursor.left < (size_t)dimensions * 8)
        return bad_value(decoder, field, err, "an array without its dimensions");
    uint32_t sizes[TL_POSTGRES_DIMENSIONS_MAX];
    uint64_t total = 1;
    for (int i = 0; i < dimensions; i++) {
        sizes[i] = load32(cursor.at);
        cursor.at += 8;
        cursor.left -= 8;
        total *= sizes[i];
        /* elements have a size each, so no array has more of them than a quarter of its bytes; no level does, either */
        if (sizes[i] > size / ELEMENT_SIZE_MIN || total > size / ELEMENT_SIZE_MIN)
            return bad_value(decoder, field, err, "an array with more elements than bytes");
    }
    enum tl_code code = put_dimension(decoder, field, sizes, dimensions, vector, row, &cursor, err);
    if (code == TL_OK && cursor.left != 0)
        return bad_value(decoder, field, err, "bytes behind the last element of an array");
    return code;
}

/* --- the stream --- */

static enum tl_code take_header(struct tl_postgres_decoder *decoder, struct cursor *cursor, struct tl_err *err)
{
    if (cursor->left < sizeof signature + 8 || memcmp(cursor->at, signature, sizeof signature) != 0)
        return bad_stream(decoder, err, "the answer is not binary COPY data");
    uint32_t flags = load32(cursor->at + sizeof signature);
    uint32_t extension = load32(cursor->at + sizeof signature + 4);
    if (flags & 0xFFFF0000U)
        return bad_stream(decoder, err,
                          flags & FLAG_OIDS ? "COPY data with object ids" : "COPY data of an unknown version");
    cursor->at += sizeof signature + 8;
    cursor->left -= sizeof signature + 8;
    if (extension > cursor->left)
        return bad_stream(decoder, err, "a COPY header longer than its message");
    cursor->at += extension;
    cursor->left -= extension;
    decoder->header_seen = true;
    return TL_OK;
}

static enum tl_code take_fields(struct tl_postgres_decoder *decoder, struct cursor cursor, struct tl_chunk *chunk,
                                struct tl_err *err)
{
    size_t row = chunk->row_count;
    for (size_t i = 0; i < decoder->field_count; i++) {
        const struct tl_postgres_field *field = &decoder->fields[i];
        struct tl_vector *vector = &chunk->columns[field->column];
        if (cursor.left < 4)
            return bad_stream(decoder, err, "a row that ends too early");
        int32_t size = (int32_t)load32(cursor.at);
        cursor.at += 4;
        cursor.left -= 4;
        if (size == -1) {
            tl_vector_set_null(vector, row);
            continue;
        }
        if (size < 0 || (size_t)size > cursor.left)
            return bad_value(decoder, field, err, "a value longer than its row");
        enum tl_code code = put_value(decoder, field, vector, row, cursor.at, (size_t)size, err);
        if (code != TL_OK)
            return code;
        cursor.at += size;
        cursor.left -= (size_t)size;
    }
    if (cursor.left != 0)
        return bad_stream(decoder, err, "bytes behind the last column of a row");
    chunk->row_count++;
    return TL_OK;
}

enum tl_code tl_postgres_decode(struct tl_postgres_decoder *decoder, const void *message, size_t size,
                                struct tl_chunk *chunk, struct tl_err *err)
{
    struct cursor cursor = {message, size};
    if (!decoder->header_seen) {
        enum tl_code code = take_header(decoder, &cursor, err);
        if (code != TL_OK)
            return code;
        if (cursor.left == 0)
            return TL_OK;
    }
    if (decoder->ended)
        return bad_stream(decoder, err, "a row behind the end of the data");
    if (cursor.left < 2)
        return bad_stream(decoder, err, "a row without its number of columns");
    int16_t count = (int16_t)load16(cursor.at);
    cursor.at += 2;
    cursor.left -= 2;
    if (count == -1 && cursor.left == 0) {
        decoder->ended = true;
        return TL_OK;
    }
    if (count < 0 || (size_t)count != decoder->field_count)
        return bad_stream(decoder, err, "a row with another number of columns than asked for");
    return take_fields(decoder, cursor, chunk, err);
}

/* The values: slices of a block's columns into vectors, one tight loop a type. */
#include <string.h>

#include "sources/clickhouse/native_int.h"

enum { MICROS = 1000000 };

enum tl_code tl_native_bad_value(const struct tl_native_slice *slice, const char *why, const char *hint)
{
    tl_err_set(slice->err, TL_INVALID_VALUE, "a value of column \"%s\" %s", slice->column, why);
    if (hint)
        tl_err_hint(slice->err, "%s", hint);
    return TL_INVALID_VALUE;
}

enum tl_code tl_native_no_memory(const struct tl_native_slice *slice)
{
    tl_err_set(slice->err, TL_MEMORY_EXCEEDED, "no memory for the values of column \"%s\"", slice->column);
    tl_err_hint(slice->err, "read fewer columns or fewer rows");
    return TL_MEMORY_EXCEEDED;
}

static enum tl_code malformed(const struct tl_native_slice *slice, const char *what)
{
    return tl_err_set(slice->err, TL_SOURCE_PROTOCOL, "the server's answer is not in ClickHouse's Native format: %s",
                      what);
}

static const uint8_t *values(const struct tl_native_slice *slice)
{
    return slice->block->bytes + slice->node->data + slice->from * slice->node->type->width;
}

/* The wire's bytes are the vector's bytes. */
static enum tl_code copy_values(const struct tl_native_slice *slice)
{
    size_t width = slice->node->type->width;
    memcpy((uint8_t *)slice->vector->data + slice->to * width, values(slice), slice->count * width);
    return TL_OK;
}

/* for every value: `type` from the wire as `in`, to the vector's element as `expression` of it */
#define EACH(wire_type, vector_type, expression)                                                                       \
    do {                                                                                                               \
        const uint8_t *from = values(slice);                                                                           \
        vector_type *to = (vector_type *)slice->vector->data + slice->to;                                              \
        for (size_t i = 0; i < slice->count; i++) {                                                                    \
            wire_type in;                                                                                              \
            memcpy(&in, from + i * sizeof in, sizeof in);                                                              \
            to[i] = (vector_type)(expression);                                                                         \
        }                                                                                                              \
        return TL_OK;                                                                                                  \
    } while (0)

static enum tl_code booleans(const struct tl_native_slice *slice)
{
    EACH(uint8_t, uint8_t, in != 0);
}

static enum tl_code bfloats(const struct tl_native_slice *slice)
{
    EACH(uint16_t, uint32_t, (uint32_t)in << 16); /* the upper half of a float */
}

static enum tl_code dates(const struct tl_native_slice *slice)
{
    EACH(uint16_t, int32_t, in);
}

static enum tl_code datetimes(const struct tl_native_slice *slice)
{
    EACH(uint32_t, int64_t, (int64_t)in * MICROS);
}

static int64_t power_of_ten(int digits)
{
    int64_t power = 1;
    while (digits-- > 0)
        power *= 10;
    return power;
}

/* The i-th of values of 4 or 8 bytes. */
static inline int64_t signed_at(const uint8_t *from, size_t i, size_t width)
{
    int64_t wide;
    int32_t narrow;
    if (width == sizeof narrow) {
        memcpy(&narrow, from + i * sizeof narrow, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, from + i * sizeof wide, sizeof wide);
    return wide;
}

/* int64 values times a factor; out of range is an error unless NULL. */
static enum tl_code scaled(const struct tl_native_slice *slice, int64_t factor)
{
    const uint8_t *from = values(slice);
    int64_t *to = (int64_t *)slice->vector->data + slice->to;
    for (size_t i = 0; i < slice->count; i++) {
        int64_t in;
        memcpy(&in, from + i * sizeof in, sizeof in);
        if (__builtin_mul_overflow(in, factor, &to[i])) {
            to[i] = 0;
            if (!tl_native_null_at(slice, i))
                return tl_native_bad_value(slice, "lies outside the range of a timestamp",
                                           "times with more than 6 digits after the second reach from 1677 to 2262");
        }
    }
    return TL_OK;
}

static enum tl_code datetimes64(const struct tl_native_slice *slice)
{
    int digits = slice->node->type->scale;
    return scaled(slice, power_of_ten((digits > 6 ? 9 : 6) - digits));
}

static enum tl_code times(const struct tl_native_slice *slice)
{
    const struct tl_clickhouse_type *type = slice->node->type;
    const uint8_t *from = values(slice);
    int64_t *to = (int64_t *)slice->vector->data + slice->to;
    int64_t units = type->kind == TL_CLICKHOUSE_TIME ? 1 : power_of_ten(type->scale);
    for (size_t i = 0; i < slice->count; i++) {
        int64_t in = signed_at(from, i, type->width);
        bool inside = in >= 0 && in <= 86400 * units;
        if (!inside && !tl_native_null_at(slice, i))
            return tl_native_bad_value(slice, "is no time of a day",
                                       "ClickHouse's Time goes beyond a day; cast it to a number there");
        to[i] = inside ? in * (MICROS / units) : 0;
    }
    return TL_OK;
}

static bool interval(enum tl_clickhouse_unit unit, int64_t count, int64_t *ret_months, int64_t *ret_days,
                     int64_t *ret_micros)
{
    static const int64_t micros[] = {1, 1, 1000, MICROS, 60LL * MICROS, 3600LL * MICROS}, days[] = {1, 7},
                         months[] = {1, 3, 12};
    *ret_months = *ret_days = *ret_micros = 0;
    if (unit >= TL_CLICKHOUSE_MONTH)
        return !__builtin_mul_overflow(count, months[unit - TL_CLICKHOUSE_MONTH], ret_months) &&
               *ret_months == (int32_t)*ret_months;
    if (unit >= TL_CLICKHOUSE_DAY)
        return !__builtin_mul_overflow(count, days[unit - TL_CLICKHOUSE_DAY], ret_days) &&
               *ret_days == (int32_t)*ret_days;
    if (unit == TL_CLICKHOUSE_NANOSECOND) {
        *ret_micros = count / 1000;
        return count % 1000 == 0;
    }
    return !__builtin_mul_overflow(count, micros[unit], ret_micros);
}

static enum tl_code intervals(const struct tl_native_slice *slice)
{
    const uint8_t *from = values(slice);
    struct {
        int32_t months, days;
        int64_t micros;
    } *to = (void *)((uint8_t *)slice->vector->data + slice->to * sizeof *to);
    for (size_t i = 0; i < slice->count; i++) {
        int64_t in, months, days, micros;
        memcpy(&in, from + i * sizeof in, sizeof in);
        if (!interval(slice->node->type->unit, in, &months, &days, &micros)) {
            if (!tl_native_null_at(slice, i))
                return tl_native_bad_value(slice, "lies outside the range of an interval", NULL);
            months = days = micros = 0;
        }
        to[i].months = (int32_t)months;
        to[i].days = (int32_t)days;
        to[i].micros = micros;
    }
    return TL_OK;
}

static enum tl_code uuids(const struct tl_native_slice *slice)
{
    const uint8_t *from = values(slice);
    uint64_t *to = (uint64_t *)slice->vector->data + slice->to * 2;
    for (size_t i = 0; i < slice->count; i++) {
        uint64_t halves[2]; /* the high half comes first */
        memcpy(halves, from + i * sizeof halves, sizeof halves);
        to[i * 2] = halves[1];
        to[i * 2 + 1] = halves[0] ^ (UINT64_C(1) << 63);
    }
    return TL_OK;
}

static enum tl_code too_many_digits(const struct tl_native_slice *slice)
{
    return tl_native_bad_value(slice, "has more digits than its type declares",
                               "cast the column to a wider Decimal in a view of the source");
}

/* ClickHouse does not hold arithmetic to the declared digits; the engine counts on them. */
static enum tl_code small_decimals(const struct tl_native_slice *slice)
{
    const struct tl_clickhouse_type *type = slice->node->type;
    const uint8_t *from = values(slice);
    int64_t limit = power_of_ten(type->precision);
    for (size_t i = 0; i < slice->count; i++) {
        int64_t in = signed_at(from, i, type->width);
        if (in <= -limit || in >= limit) {
            if (!tl_native_null_at(slice, i))
                return too_many_digits(slice);
            in = 0;
        }
        if (type->precision <= 4)
            ((int16_t *)slice->vector->data)[slice->to + i] = (int16_t)in;
        else if (type->precision <= 9)
            ((int32_t *)slice->vector->data)[slice->to + i] = (int32_t)in;
        else
            ((int64_t *)slice->vector->data)[slice->to + i] = in;
    }
    return TL_OK;
}

static enum tl_code large_decimals(const struct tl_native_slice *slice)
{
    const uint8_t *from = values(slice);
    uint8_t *to = (uint8_t *)slice->vector->data + slice->to * sizeof(__int128);
    __int128 limit = (__int128)power_of_ten(18) *
                     power_of_ten(slice->node->type->precision - 18 > 18 ? 18 : slice->node->type->precision - 18);
    if (slice->node->type->precision > 36)
        limit *= power_of_ten(slice->node->type->precision - 36);
    for (size_t i = 0; i < slice->count; i++) {
        __int128 in;
        memcpy(&in, from + i * sizeof in, sizeof in);
        if (in <= -limit || in >= limit) {
            if (!tl_native_null_at(slice, i))
                return too_many_digits(slice);
            in = 0;
        }
        memcpy(to + i * sizeof in, &in, sizeof in);
    }
    return TL_OK;
}

static enum tl_code decimals(const struct tl_native_slice *slice)
{
    int precision = slice->node->type->precision;
    return precision > 38   ? tl_native_wide_numbers(slice)
           : precision > 18 ? large_decimals(slice)
                            : small_decimals(slice);
}

static enum tl_code only_nulls(const struct tl_native_slice *slice)
{
    for (size_t i = 0; i < slice->count; i++)
        tl_vector_set_null(slice->vector, slice->to + i);
    return TL_OK;
}

static void set_nulls(const struct tl_native_slice *slice, const uint8_t *nulls)
{
    struct tl_vector *vector = slice->vector;
    uint8_t any = 0;
    for (size_t i = 0; i < slice->count; i++)
        any |= nulls[i];
    if (!any)
        return;
    if (vector->type->id == TL_TYPE_STRUCT) { /* the fields are to be NULL as well */
        for (size_t i = 0; i < slice->count; i++)
            if (nulls[i])
                tl_vector_set_null(vector, slice->to + i);
        return;
    }
    if (!vector->validity)
        vector->validity = vector->ops->make_validity(vector);
    for (size_t i = 0; i < slice->count; i++) {
        size_t row = slice->to + i;
        vector->validity[row / 64] &= ~((uint64_t)(nulls[i] != 0) << (row % 64));
    }
}

static enum tl_code nullables(const struct tl_native_slice *slice)
{
    const uint8_t *nulls = slice->block->bytes + slice->node->nulls + slice->from;
    struct tl_native_slice inner = *slice;
    inner.node = &slice->node->children[0];
    inner.nulls = nulls;
    enum tl_code code = tl_native_slice(&inner);
    if (code == TL_OK)
        set_nulls(slice, nulls);
    return code;
}

static enum tl_code tuples(const struct tl_native_slice *slice)
{
    enum tl_code code = TL_OK;
    for (uint32_t i = 0; code == TL_OK && i < slice->node->child_count; i++) {
        struct tl_native_slice inner = *slice;
        inner.node = &slice->node->children[i];
        inner.vector = &slice->vector->children[i];
        code = tl_native_slice(&inner);
    }
    return code;
}

/* Cumulative end of the array in row `row`, where row -1 ends at 0. */
static uint64_t array_end(const struct tl_native_slice *slice, size_t row_after)
{
    uint64_t end = 0;
    if (row_after > 0)
        memcpy(&end, slice->block->bytes + slice->node->data + (row_after - 1) * sizeof end, sizeof end);
    return end;
}

/* Array and Map: the elements of all rows of the slice stand together. */
static enum tl_code arrays(const struct tl_native_slice *slice)
{
    struct tl_vector *vector = slice->vector;
    struct tl_native_node *children = slice->node->children;
    struct tl_span *spans = (struct tl_span *)vector->data + slice->to;
    uint64_t first = array_end(slice, slice->from), last = array_end(slice, slice->from + slice->count),
             base = vector->child_rows;
    if (first > last || last > children[0].rows)
        return malformed(slice, "the sizes of arrays do not grow");
    if (!vector->ops->reserve_child(vector, base + (last - first)))
        return tl_native_no_memory(slice);
    uint64_t begin = first;
    for (size_t i = 0; i < slice->count; i++) {
        uint64_t end = array_end(slice, slice->from + i + 1);
        if (end < begin || end > last)
            return malformed(slice, "the sizes of arrays do not grow");
        spans[i] = (struct tl_span){.offset = base + (begin - first), .count = end - begin};
        begin = end;
    }
    vector->child_rows = base + (last - first);
    bool map = slice->node->type->kind == TL_CLICKHOUSE_MAP;
    enum tl_code code = TL_OK;
    for (uint32_t k = 0; code == TL_OK && k < slice->node->child_count; k++) {
        struct tl_native_slice inner = *slice;
        inner.node = &children[k];
        inner.vector = map ? &vector->children[0].children[k] : &vector->children[0];
        inner.from = (size_t)first;
        inner.count = (size_t)(last - first);
        inner.to = (size_t)base;
        inner.nulls = NULL;
        code = tl_native_slice(&inner);
    }
    return code;
}

enum tl_code tl_native_slice(const struct tl_native_slice *slice)
{
    if (slice->count == 0)
        return TL_OK;
    switch (slice->node->type->kind) {
    case TL_CLICKHOUSE_BOOL:
        return booleans(slice);
    case TL_CLICKHOUSE_INT:
    case TL_CLICKHOUSE_UINT:
        return slice->node->type->width > 16 ? tl_native_wide_numbers(slice) : copy_values(slice);
    case TL_CLICKHOUSE_FLOAT:
        return slice->node->type->width == 2 ? bfloats(slice) : copy_values(slice);
    case TL_CLICKHOUSE_DECIMAL:
        return decimals(slice);
    case TL_CLICKHOUSE_STRING:
        return tl_native_strings(slice);
    case TL_CLICKHOUSE_FIXED_STRING:
        return tl_native_fixed_strings(slice);
    case TL_CLICKHOUSE_DATE:
        return dates(slice);
    case TL_CLICKHOUSE_DATE32:
        return copy_values(slice);
    case TL_CLICKHOUSE_DATETIME:
        return datetimes(slice);
    case TL_CLICKHOUSE_DATETIME64:
        return datetimes64(slice);
    case TL_CLICKHOUSE_TIME:
        return times(slice);
    case TL_CLICKHOUSE_TIME64:
        return slice->node->type->scale > 6 ? tl_native_long_times(slice) : times(slice);
    case TL_CLICKHOUSE_INTERVAL:
        return intervals(slice);
    case TL_CLICKHOUSE_ENUM:
        return tl_native_enums(slice);
    case TL_CLICKHOUSE_UUID:
        return uuids(slice);
    case TL_CLICKHOUSE_IPV4:
    case TL_CLICKHOUSE_IPV6:
        return tl_native_addresses(slice);
    case TL_CLICKHOUSE_NOTHING:
        return only_nulls(slice);
    case TL_CLICKHOUSE_NULLABLE:
        return nullables(slice);
    case TL_CLICKHOUSE_LOW_CARDINALITY:
        return tl_native_low_cardinality(slice);
    case TL_CLICKHOUSE_ARRAY:
    case TL_CLICKHOUSE_MAP:
        return arrays(slice);
    case TL_CLICKHOUSE_TUPLE:
        return tuples(slice);
    case TL_CLICKHOUSE_UNKNOWN:
    case TL_CLICKHOUSE_DOCUMENT:
    case TL_CLICKHOUSE_STATE:
        break;
    }
    return malformed(slice, "a column has a type that was not asked for");
}

static long double wide_number(const uint8_t *bytes)
{
    uint64_t low;
    int64_t high;
    memcpy(&low, bytes, sizeof low);
    memcpy(&high, bytes + sizeof low, sizeof high);
    return high == -1 ? -(long double)(UINT64_MAX - low) - 1
                      : (long double)low + (long double)high * ((long double)UINT64_MAX + 1);
}

/* As the engine's avg ends: its roundings are part of the answer. */
static enum tl_code averages(const struct tl_native_slice *slice, const struct tl_native_column *column)
{
    const struct tl_native_node *sums = &slice->node->children[0].children[0], *counts = &slice->node->children[1];
    const uint8_t *bytes = slice->block->bytes;
    double *to = (double *)slice->vector->data + slice->to, scale = 1;
    for (int i = 0; i < column->average_scale; i++)
        scale *= 10;
    for (size_t i = 0; i < slice->count; i++) {
        uint64_t count;
        memcpy(&count, bytes + counts->data + (slice->from + i) * sizeof count, sizeof count);
        long double sum = wide_number(bytes + sums->data + (slice->from + i) * 16);
        to[i] = 0;
        if (count == 0)
            tl_vector_set_null(slice->vector, slice->to + i);
        else if (column->average_bits <= 16)
            to[i] = (double)sum / ((double)count * scale);
        else
            to[i] = (double)(sum / ((long double)count * scale));
    }
    return TL_OK;
}

enum tl_code tl_native_convert(tl_native_block *block, size_t column, size_t from, size_t count,
                               struct tl_vector *vector, struct tl_err *err)
{
    struct tl_native_slice slice = {.block = block,
                                    .node = &block->nodes[column],
                                    .from = from,
                                    .count = count,
                                    .vector = vector,
                                    .column = block->columns[column].name,
                                    .err = err};
    if (block->columns[column].average_bits)
        return averages(&slice, &block->columns[column]);
    return tl_native_slice(&slice);
}

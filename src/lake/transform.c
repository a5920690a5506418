/* Partition transforms, as Iceberg's specification defines them (appendix B: hashes). */
#include <string.h>

#include "data/value.h"
#include "lake/type.h"

static const int64_t micros_per_hour = INT64_C(3600000000), nanos_per_micro = 1000;
enum { HOURS_PER_DAY = 24, EPOCH_YEAR = 1970, MONTHS_PER_YEAR = 12, DECIMAL_BYTES = 16 };

static uint32_t rotate(uint32_t value, int bits)
{
    return value << bits | value >> (32 - bits);
}

/* Austin Appleby's MurmurHash3_x86_32 (public domain), seed 0. */
static uint32_t murmur3(const void *bytes, size_t size)
{
    const uint32_t c1 = 0xcc9e2d51, c2 = 0x1b873593;
    const uint8_t *at = bytes;
    uint32_t hash = 0, word = 0;
    for (size_t left = size; left >= 4; left -= 4, at += 4) {
        memcpy(&word, at, sizeof word);
        hash ^= rotate(word * c1, 15) * c2;
        hash = rotate(hash, 13) * 5 + 0xe6546b64;
    }
    word = 0;
    for (size_t i = size & 3; i-- > 0;)
        word = word << 8 | at[i];
    if (size & 3)
        hash ^= rotate(word * c1, 15) * c2;
    hash ^= (uint32_t)size;
    hash = (hash ^ hash >> 16) * 0x85ebca6b;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35;
    return hash ^ hash >> 16;
}

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static bool is_nanos(const struct tl_lake_type *type)
{
    return type->id == TL_LAKE_TIMESTAMP_NS || type->id == TL_LAKE_TIMESTAMPTZ_NS;
}

static bool is_timestamp(const struct tl_lake_type *type)
{
    return type->id >= TL_LAKE_TIMESTAMP && type->id <= TL_LAKE_TIMESTAMPTZ_NS;
}

static uint32_t hash_value(const struct tl_lake_type *type, const struct tl_lake_value *value)
{
    if (type->id == TL_LAKE_DECIMAL) {
        char bytes[2 * DECIMAL_BYTES];
        struct tl_buf buf = {.data = bytes, .capacity = sizeof bytes, .max_size = sizeof bytes};
        tl_lake_value_encode(&buf, type, value);
        return murmur3(buf.data, buf.size);
    }
    if (type->id >= TL_LAKE_STRING)
        return murmur3(value->bytes.data, value->bytes.size);
    int64_t number = is_nanos(type) ? floor_divide(value->integer, nanos_per_micro) : value->integer;
    return murmur3(&number, sizeof number);
}

bool tl_lake_transform_type(const struct tl_lake_transform *transform, const struct tl_lake_type *source, struct tl_lake_type *ret_type)
{
    enum tl_lake_type_id id = source->id;
    bool primitive = id <= TL_LAKE_BINARY, dated = id == TL_LAKE_DATE || is_timestamp(source);
    switch (transform->id) {
    case TL_LAKE_IDENTITY:
    case TL_LAKE_VOID:
        *ret_type = *source;
        return primitive;
    case TL_LAKE_BUCKET:
        *ret_type = (struct tl_lake_type){.id = TL_LAKE_INT};
        return primitive && id != TL_LAKE_BOOLEAN && id != TL_LAKE_FLOAT && id != TL_LAKE_DOUBLE;
    case TL_LAKE_TRUNCATE:
        *ret_type = *source;
        return id == TL_LAKE_INT || id == TL_LAKE_LONG || id == TL_LAKE_DECIMAL || id == TL_LAKE_STRING || id == TL_LAKE_BINARY;
    case TL_LAKE_DAY:
        *ret_type = (struct tl_lake_type){.id = TL_LAKE_DATE}; /* writers store days as dates */
        return dated;
    case TL_LAKE_YEAR:
    case TL_LAKE_MONTH:
    case TL_LAKE_HOUR:
        *ret_type = (struct tl_lake_type){.id = TL_LAKE_INT};
        return dated && (transform->id != TL_LAKE_HOUR || id != TL_LAKE_DATE);
    case TL_LAKE_OTHER:
        break;
    }
    return false;
}

/* The first `count` characters. */
static struct tl_str first_characters(struct tl_str text, int32_t count)
{
    size_t size = 0;
    for (; size < text.size; size++)
        if (((uint8_t)text.data[size] & 0xc0) != 0x80 && count-- == 0)
            break;
    return (struct tl_str){text.data, size};
}

static void truncate_value(const struct tl_lake_type *source, int32_t width, struct tl_lake_value *value)
{
    __int128 number = source->id == TL_LAKE_DECIMAL ? value->decimal : value->integer, rest = number % width;
    number -= rest < 0 ? rest + width : rest;
    if (source->id == TL_LAKE_STRING)
        value->bytes = first_characters(value->bytes, width);
    else if (source->id == TL_LAKE_BINARY)
        value->bytes.size = value->bytes.size < (size_t)width ? value->bytes.size : (size_t)width;
    else if (source->id == TL_LAKE_DECIMAL)
        value->decimal = number;
    else
        value->integer = number < INT64_MIN ? INT64_MIN : (int64_t)number;
}

static int64_t calendar(enum tl_lake_transform_id id, const struct tl_lake_type *source, int64_t value)
{
    int64_t per_hour = is_nanos(source) ? micros_per_hour * nanos_per_micro : micros_per_hour;
    if (id == TL_LAKE_HOUR)
        return floor_divide(value, per_hour);
    int64_t days = source->id == TL_LAKE_DATE ? value : floor_divide(value, per_hour * HOURS_PER_DAY), year;
    int month, day;
    if (id == TL_LAKE_DAY)
        return days;
    tl_date_to_civil(days, &year, &month, &day);
    return id == TL_LAKE_YEAR ? year - EPOCH_YEAR : (year - EPOCH_YEAR) * MONTHS_PER_YEAR + month - 1;
}

void tl_lake_transform_apply(const struct tl_lake_transform *transform, const struct tl_lake_type *source,
                             const struct tl_lake_value *value, struct tl_lake_value *ret_value)
{
    struct tl_lake_value result = *value;
    if (transform->id == TL_LAKE_VOID || transform->id == TL_LAKE_OTHER)
        result = (struct tl_lake_value){.is_null = true};
    else if (!value->is_null && transform->id == TL_LAKE_BUCKET)
        result.integer = (int64_t)((hash_value(source, value) & INT32_MAX) % (uint32_t)transform->parameter);
    else if (!value->is_null && transform->id == TL_LAKE_TRUNCATE)
        truncate_value(source, transform->parameter, &result);
    else if (!value->is_null && transform->id != TL_LAKE_IDENTITY)
        result.integer = calendar(transform->id, source, value->integer);
    *ret_value = result;
}

void tl_lake_transform_format(struct tl_buf *buf, const struct tl_lake_transform *transform, const struct tl_lake_type *source,
                              const struct tl_lake_value *value)
{
    struct tl_lake_type type;
    int64_t number = value->integer, days = floor_divide(number, HOURS_PER_DAY), year;
    int month, day;
    if (!tl_lake_transform_type(transform, source, &type) || value->is_null) {
        tl_buf_adds(buf, "null");
    } else if (transform->id == TL_LAKE_YEAR) {
        tl_buf_addf(buf, "%04lld", (long long)number + EPOCH_YEAR);
    } else if (transform->id == TL_LAKE_MONTH) {
        tl_buf_addf(buf, "%04lld-%02lld", (long long)(floor_divide(number, MONTHS_PER_YEAR) + EPOCH_YEAR),
                    (long long)(number - floor_divide(number, MONTHS_PER_YEAR) * MONTHS_PER_YEAR + 1));
    } else if (transform->id == TL_LAKE_HOUR) {
        tl_date_to_civil(days, &year, &month, &day);
        tl_buf_addf(buf, "%04lld-%02d-%02d-%02lld", (long long)year, month, day, (long long)(number - days * HOURS_PER_DAY));
    } else {
        tl_lake_value_format(buf, &type, value);
    }
}

/* Values of primitive types: the binary form of bounds, and the JSON form. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "data/value.h"
#include "lake/type.h"

enum { DECIMAL_BYTES_MAX = 16, UUID_BYTES = 16, TEXT_MAX = 128 };
static const int64_t micros_per_second = 1000000, seconds_per_day = 86400, nanos_per_micro = 1000;

static bool is_nanos(enum tl_lake_type_id id)
{
    return id == TL_LAKE_TIMESTAMP_NS || id == TL_LAKE_TIMESTAMPTZ_NS;
}

static bool is_zoned(enum tl_lake_type_id id)
{
    return id == TL_LAKE_TIMESTAMPTZ || id == TL_LAKE_TIMESTAMPTZ_NS;
}

/* Of int, long and date; a long may have been an int, while a timestamp that was a date says nothing in the same units. */
static bool decode_integer(enum tl_lake_type_id id, struct tl_str bytes, struct tl_lake_value *value)
{
    int32_t small;
    if (bytes.size == sizeof value->integer && id != TL_LAKE_INT && id != TL_LAKE_DATE)
        memcpy(&value->integer, bytes.data, sizeof value->integer);
    else if (bytes.size == sizeof small && id <= TL_LAKE_DATE) {
        memcpy(&small, bytes.data, sizeof small);
        value->integer = small;
    } else
        return false;
    return true;
}

static bool decode_number(struct tl_str bytes, struct tl_lake_value *value)
{
    float small;
    if (bytes.size == sizeof value->number)
        memcpy(&value->number, bytes.data, sizeof value->number);
    else if (bytes.size == sizeof small) {
        memcpy(&small, bytes.data, sizeof small);
        value->number = (double)small;
    } else
        return false;
    return true;
}

/* Two's complement, the highest byte first. */
static bool decode_decimal(struct tl_str bytes, struct tl_lake_value *value)
{
    if (bytes.size == 0 || bytes.size > DECIMAL_BYTES_MAX)
        return false;
    unsigned __int128 bits = (bytes.data[0] & 0x80) ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < bytes.size; i++)
        bits = bits << 8 | (uint8_t)bytes.data[i];
    value->decimal = (__int128)bits;
    return true;
}

bool tl_lake_value_decode(const struct tl_lake_type *type, struct tl_str bytes, struct tl_lake_value *ret_value)
{
    *ret_value = (struct tl_lake_value){.bytes = bytes};
    switch (type->id) {
    case TL_LAKE_BOOLEAN:
        ret_value->integer = bytes.size == 1 && bytes.data[0] != 0;
        return bytes.size == 1;
    case TL_LAKE_INT:
    case TL_LAKE_LONG:
    case TL_LAKE_DATE:
    case TL_LAKE_TIME:
    case TL_LAKE_TIMESTAMP:
    case TL_LAKE_TIMESTAMPTZ:
    case TL_LAKE_TIMESTAMP_NS:
    case TL_LAKE_TIMESTAMPTZ_NS:
        return decode_integer(type->id, bytes, ret_value);
    case TL_LAKE_FLOAT:
    case TL_LAKE_DOUBLE:
        return decode_number(bytes, ret_value);
    case TL_LAKE_DECIMAL:
        return decode_decimal(bytes, ret_value);
    case TL_LAKE_UUID:
        return bytes.size == UUID_BYTES;
    case TL_LAKE_STRING:
    case TL_LAKE_BINARY:
        return true;
    case TL_LAKE_FIXED:
        return bytes.size <= (size_t)type->size; /* a bound may be cut */
    default:
        return false;
    }
}

static void encode_decimal(struct tl_buf *buf, __int128 number)
{
    uint8_t bytes[DECIMAL_BYTES_MAX];
    unsigned __int128 bits = (unsigned __int128)number;
    for (int i = DECIMAL_BYTES_MAX; i-- > 0; bits >>= 8)
        bytes[i] = (uint8_t)bits;
    int at = 0; /* as few bytes as keep the sign */
    uint8_t sign = number < 0 ? 0xff : 0;
    while (at < DECIMAL_BYTES_MAX - 1 && bytes[at] == sign && ((bytes[at + 1] ^ sign) & 0x80) == 0)
        at++;
    tl_buf_add(buf, bytes + at, (size_t)(DECIMAL_BYTES_MAX - at));
}

void tl_lake_value_encode(struct tl_buf *buf, const struct tl_lake_type *type, const struct tl_lake_value *value)
{
    int32_t small = (int32_t)value->integer;
    float real = (float)value->number;
    if (type->id == TL_LAKE_BOOLEAN)
        tl_buf_addc(buf, value->integer ? 1 : 0);
    else if (type->id == TL_LAKE_INT || type->id == TL_LAKE_DATE)
        tl_buf_add(buf, &small, sizeof small);
    else if (type->id == TL_LAKE_FLOAT)
        tl_buf_add(buf, &real, sizeof real);
    else if (type->id == TL_LAKE_DOUBLE)
        tl_buf_add(buf, &value->number, sizeof value->number);
    else if (type->id == TL_LAKE_DECIMAL)
        encode_decimal(buf, value->decimal);
    else if (type->id >= TL_LAKE_STRING)
        tl_buf_add(buf, value->bytes.data, value->bytes.size);
    else
        tl_buf_add(buf, &value->integer, sizeof value->integer);
}

static int compare_numbers(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

int tl_lake_compare_bytes(struct tl_str a, struct tl_str b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

int tl_lake_value_compare(const struct tl_lake_type *type, const struct tl_lake_value *a, const struct tl_lake_value *b)
{
    if (type->id == TL_LAKE_FLOAT || type->id == TL_LAKE_DOUBLE)
        return compare_numbers(a->number, b->number);
    if (type->id == TL_LAKE_DECIMAL)
        return (a->decimal > b->decimal) - (a->decimal < b->decimal);
    if (type->id >= TL_LAKE_STRING)
        return tl_lake_compare_bytes(a->bytes, b->bytes);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

/* --- the JSON form --- */

static bool digits(const char **at, int count, int64_t *ret)
{
    for (*ret = 0; count > 0; count--, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return false;
        *ret = *ret * 10 + (**at - '0');
    }
    return true;
}

static bool skip(const char **at, char c)
{
    *at += **at == c;
    return (*at)[-1] == c;
}

/* "2026-11-24", also with a sign and more digits of the year. */
static bool parse_date(const char **at, int64_t *ret_days)
{
    int64_t year, month, day;
    bool negative = **at == '-';
    *at += **at == '-' || **at == '+';
    int width = 0;
    while (width < 9 && isdigit((unsigned char)(*at)[width]))
        width++;
    if (width < 4 || !digits(at, width, &year) || **at != '-' || !skip(at, '-') || !digits(at, 2, &month) || **at != '-' || !skip(at, '-') ||
        !digits(at, 2, &day) || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *ret_days = tl_date_from_civil(negative ? -year : year, (int)month, (int)day);
    return true;
}

/* "08:30:00.123456" in nanoseconds. */
static bool parse_time(const char **at, int64_t *ret_nanos)
{
    int64_t hour, minute, second = 0, fraction = 0;
    if (!digits(at, 2, &hour) || **at != ':' || !skip(at, ':') || !digits(at, 2, &minute) || hour > 23 || minute > 59)
        return false;
    if (**at == ':' && (!skip(at, ':') || !digits(at, 2, &second) || second > 59))
        return false;
    if (**at == '.') {
        int width = 0;
        for ((*at)++; isdigit((unsigned char)**at); (*at)++)
            if (width < 9) {
                fraction = fraction * 10 + (**at - '0');
                width++;
            }
        for (; width < 9; width++)
            fraction *= 10;
    }
    *ret_nanos = ((hour * 60 + minute) * 60 + second) * INT64_C(1000000000) + fraction;
    return true;
}

/* "Z", "+hh:mm" or "+hh". */
static bool parse_offset(const char **at, int64_t *ret_seconds)
{
    int64_t hour, minute;
    *ret_seconds = 0;
    if (**at == 'Z') {
        (*at)++;
        return true;
    }
    bool negative = **at == '-';
    if ((!negative && **at != '+') || !(*at)++ || !digits(at, 2, &hour))
        return false;
    minute = 0;
    if (**at == ':' && (!skip(at, ':') || !digits(at, 2, &minute)))
        return false;
    *ret_seconds = (hour * 60 + minute) * 60 * (negative ? -1 : 1);
    return true;
}

static bool parse_timestamp(enum tl_lake_type_id id, const char *text, int64_t *ret)
{
    int64_t days, nanos, offset = 0, seconds;
    if (!parse_date(&text, &days) || (*text != 'T' && *text != ' ') || !text++ || !parse_time(&text, &nanos))
        return false;
    if (is_zoned(id) && !parse_offset(&text, &offset))
        return false;
    seconds = days * seconds_per_day - offset;
    int64_t per_second = is_nanos(id) ? micros_per_second * nanos_per_micro : micros_per_second;
    return *text == '\0' && !__builtin_mul_overflow(seconds, per_second, ret) &&
           !__builtin_add_overflow(*ret, is_nanos(id) ? nanos : nanos / nanos_per_micro, ret);
}

static bool parse_decimal(const struct tl_lake_type *type, const char *text, __int128 *ret)
{
    bool negative = *text == '-', any = false;
    int scale = -1;
    *ret = 0;
    for (text += negative || *text == '+'; *text; text++) {
        if (*text == '.' && scale < 0) {
            scale = 0;
            continue;
        }
        int digit = *text - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(*ret, 10, ret) || __builtin_add_overflow(*ret, digit, ret))
            return false;
        any = true;
        scale += scale >= 0;
    }
    for (scale = scale < 0 ? 0 : scale; scale < type->scale; scale++)
        if (__builtin_mul_overflow(*ret, 10, ret))
            return false;
    *ret = negative ? -*ret : *ret;
    return any && scale == type->scale;
}

static bool parse_hex(tl_arena *arena, struct tl_str text, struct tl_str *ret)
{
    char *bytes = tl_arena_alloc(arena, text.size / 2 + 1);
    *ret = (struct tl_str){bytes, text.size / 2};
    return text.size % 2 == 0 && tl_hex_read(bytes, text.data, text.size / 2);
}

static bool parse_uuid(tl_arena *arena, struct tl_str text, struct tl_str *ret)
{
    char plain[2 * UUID_BYTES];
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != '-') {
            if (size == sizeof plain)
                return false;
            plain[size++] = text.data[i];
        }
    return size == sizeof plain && parse_hex(arena, (struct tl_str){plain, size}, ret);
}

static bool parse_text(tl_arena *arena, const struct tl_lake_type *type, struct tl_str str, struct tl_lake_value *value)
{
    const char *at = str.data; /* with a NUL behind */
    int64_t nanos;
    switch (type->id) {
    case TL_LAKE_DATE:
        return parse_date(&at, &value->integer) && *at == '\0';
    case TL_LAKE_TIME:
        if (!parse_time(&at, &nanos) || *at)
            return false;
        value->integer = nanos / nanos_per_micro;
        return true;
    case TL_LAKE_TIMESTAMP:
    case TL_LAKE_TIMESTAMPTZ:
    case TL_LAKE_TIMESTAMP_NS:
    case TL_LAKE_TIMESTAMPTZ_NS:
        return parse_timestamp(type->id, at, &value->integer);
    case TL_LAKE_DECIMAL:
        return parse_decimal(type, at, &value->decimal);
    case TL_LAKE_STRING:
        value->bytes = str;
        return true;
    case TL_LAKE_UUID:
        return parse_uuid(arena, str, &value->bytes);
    case TL_LAKE_FIXED:
    case TL_LAKE_BINARY:
        return parse_hex(arena, str, &value->bytes);
    default:
        return false;
    }
}

static bool parse_number(const struct tl_lake_type *type, const tl_json *json, struct tl_lake_value *value)
{
    int64_t number;
    if (type->id == TL_LAKE_FLOAT || type->id == TL_LAKE_DOUBLE)
        return tl_json_double(json, &value->number);
    if (!tl_json_int64(json, &number) || type->id >= TL_LAKE_STRING || type->id == TL_LAKE_BOOLEAN)
        return false;
    value->integer = number;
    if (type->id == TL_LAKE_DECIMAL) {
        value->decimal = number;
        for (int i = 0; i < type->scale; i++)
            if (__builtin_mul_overflow(value->decimal, 10, &value->decimal))
                return false;
    }
    return type->id != TL_LAKE_INT || (number >= INT32_MIN && number <= INT32_MAX);
}

enum tl_code tl_lake_value_parse(tl_arena *arena, const struct tl_lake_type *type, const tl_json *json, struct tl_lake_value *ret_value,
                                 struct tl_err *err)
{
    bool sound = false;
    *ret_value = (struct tl_lake_value){.is_null = tl_json_is_null(json), .integer = tl_json_bool(json, false)};
    if (tl_json_is_null(json))
        sound = true;
    else if (tl_json_is_bool(json))
        sound = type->id == TL_LAKE_BOOLEAN;
    else if (tl_json_is_string(json))
        sound = parse_text(arena, type, tl_json_str(json), ret_value);
    else if (tl_json_is_number(json))
        sound = parse_number(type, json, ret_value);
    if (sound)
        return TL_OK;
    struct tl_buf buf;
    tl_buf_init(&buf, TEXT_MAX);
    tl_lake_type_format(&buf, type);
    tl_err_set(err, TL_INVALID_ARGUMENT, "a value is no %s", tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return err->code;
}

bool tl_lake_value_from_text(tl_arena *arena, const struct tl_lake_type *type, const char *text, struct tl_lake_value *ret_value)
{
    char *end = NULL;
    *ret_value = (struct tl_lake_value){0};
    if (!text || *text == '\0')
        return text && type->id == TL_LAKE_STRING;
    switch (type->id) {
    case TL_LAKE_BOOLEAN:
        ret_value->integer = strcmp(text, "true") == 0;
        return ret_value->integer || strcmp(text, "false") == 0;
    case TL_LAKE_INT:
    case TL_LAKE_LONG:
        ret_value->integer = strtoll(text, &end, 10);
        return *end == '\0';
    case TL_LAKE_FLOAT:
    case TL_LAKE_DOUBLE:
        ret_value->number = strtod(text, &end);
        return *end == '\0' && !isnan(ret_value->number);
    default:
        return parse_text(arena, type, tl_str_of(text), ret_value);
    }
}

static void format_date(struct tl_buf *buf, int64_t days)
{
    int64_t year;
    int month, day;
    tl_date_to_civil(days, &year, &month, &day);
    tl_buf_addf(buf, "%04lld-%02d-%02d", (long long)year, month, day);
}

static void format_time(struct tl_buf *buf, int64_t units, int64_t per_second)
{
    int64_t seconds = units / per_second, fraction = units % per_second;
    tl_buf_addf(buf, "%02lld:%02lld:%02lld", (long long)(seconds / 3600), (long long)(seconds / 60 % 60), (long long)(seconds % 60));
    if (fraction)
        tl_buf_addf(buf, ".%0*lld", per_second == micros_per_second ? 6 : 9, (long long)fraction);
}

static void format_timestamp(struct tl_buf *buf, enum tl_lake_type_id id, int64_t units)
{
    int64_t per_second = is_nanos(id) ? micros_per_second * nanos_per_micro : micros_per_second, per_day = per_second * seconds_per_day;
    int64_t days = units / per_day - (units % per_day < 0);
    format_date(buf, days);
    tl_buf_addc(buf, 'T');
    format_time(buf, units - days * per_day, per_second);
    if (is_zoned(id))
        tl_buf_adds(buf, "+00:00");
}

/* The shortest digits that are read as the same number. */
static void format_number(struct tl_buf *buf, double number, bool is_float)
{
    char text[64];
    for (int precision = is_float ? 6 : 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, number);
        double back = strtod(text, NULL);
        if (compare_numbers(is_float ? (double)(float)back : back, number) == 0)
            break;
    }
    tl_buf_adds(buf, text);
}

static void format_bytes(struct tl_buf *buf, struct tl_str bytes, bool uuid)
{
    for (size_t i = 0; i < bytes.size; i++)
        tl_buf_addf(buf, uuid && (i == 4 || i == 6 || i == 8 || i == 10) ? "-%02x" : "%02x", (uint8_t)bytes.data[i]);
}

void tl_lake_value_format(struct tl_buf *buf, const struct tl_lake_type *type, const struct tl_lake_value *value)
{
    char text[48];
    if (value->is_null)
        tl_buf_adds(buf, "null");
    else if (type->id == TL_LAKE_BOOLEAN)
        tl_buf_adds(buf, value->integer ? "true" : "false");
    else if (type->id == TL_LAKE_DATE)
        format_date(buf, value->integer);
    else if (type->id == TL_LAKE_TIME)
        format_time(buf, value->integer, micros_per_second);
    else if (type->id >= TL_LAKE_TIMESTAMP && type->id <= TL_LAKE_TIMESTAMPTZ_NS)
        format_timestamp(buf, type->id, value->integer);
    else if (type->id == TL_LAKE_FLOAT || type->id == TL_LAKE_DOUBLE)
        format_number(buf, value->number, type->id == TL_LAKE_FLOAT);
    else if (type->id == TL_LAKE_STRING)
        tl_buf_add(buf, value->bytes.data, value->bytes.size);
    else if (type->id == TL_LAKE_DECIMAL) {
        tl_int128_format(text, (uint64_t)value->decimal, (int64_t)(value->decimal >> 64), type->scale);
        tl_buf_adds(buf, text);
    } else if (type->id >= TL_LAKE_STRING)
        format_bytes(buf, value->bytes, type->id == TL_LAKE_UUID);
    else
        tl_buf_addf(buf, "%lld", (long long)value->integer);
}

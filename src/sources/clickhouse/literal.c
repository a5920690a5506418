/* Constants in ClickHouse's SQL, only where the comparison then means the same to both sides. */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sources/clickhouse/spell.h"

enum {
    DATE_LAST = 65535,
    DATE32_FIRST = -25567,
    DATE32_LAST = 120529,
    MICROS = 1000000
}; /* 2149-06-06, 1900-01-01, 2299-12-31 */

static void add_escaped(struct tl_buf *sql, struct tl_str text, char quote)
{
    tl_buf_addc(sql, quote);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == 0) {
            tl_buf_adds(sql, "\\0");
            continue;
        }
        if (c == '\\' || c == quote)
            tl_buf_addc(sql, '\\');
        tl_buf_addc(sql, c);
    }
    tl_buf_addc(sql, quote);
}

void tl_clickhouse_add_identifier(struct tl_buf *sql, const char *name)
{
    add_escaped(sql, tl_str_of(name), '`');
}

void tl_clickhouse_add_literal(struct tl_buf *sql, struct tl_str text)
{
    add_escaped(sql, text, '\'');
}

/* test_integer_filters_equal_the_truth */
static bool integer(struct tl_buf *sql, const struct tl_value *value)
{
    bool wide = value->type.id == TL_TYPE_INT128 || value->type.id == TL_TYPE_UINT128;
    tl_buf_adds(sql, value->type.id == TL_TYPE_INT128 ? "toInt128('" : wide ? "toUInt128('" : "");
    if (!tl_value_add_integer(sql, value))
        return false;
    tl_buf_adds(sql, wide ? "')" : "");
    return true;
}

/* test_float_filters_equal_the_truth: finite numbers only; NaN is seen to by the caller */
static bool number(struct tl_buf *sql, const struct tl_value *value, enum tl_expr_kind op)
{
    if (!isfinite(value->as.number) || op == TL_EXPR_IN)
        return false;
    tl_buf_addf(sql, "%.17g", value->as.number);
    return true;
}

/* test_decimal_filters_equal_the_truth */
static bool decimal(struct tl_buf *sql, const struct tl_clickhouse_type *type, const struct tl_value *value)
{
    char text[48];
    if (type->precision > 38 || value->type.precision != type->precision || value->type.scale != type->scale)
        return false;
    bool small = type->precision <= 18;
    tl_int128_format(text, small ? (uint64_t)value->as.int64 : value->as.int128.low,
                     small ? (value->as.int64 < 0 ? -1 : 0) : value->as.int128.high, type->scale);
    tl_buf_addf(sql, "toDecimal%d('%s', %u)", type->width * 8, text, type->scale);
    return true;
}

static void civil(char text[32], int64_t days)
{
    int64_t year;
    int month, day;
    tl_date_to_civil(days, &year, &month, &day);
    snprintf(text, 32, "%04lld-%02d-%02d", (long long)year, month, day);
}

/* test_date_filters_equal_the_truth: only days that the column's type can hold */
static bool date(struct tl_buf *sql, const struct tl_clickhouse_type *type, const struct tl_value *value)
{
    char text[32];
    bool narrow = type->kind == TL_CLICKHOUSE_DATE;
    if (value->as.int64 < (narrow ? 0 : DATE32_FIRST) || value->as.int64 > (narrow ? DATE_LAST : DATE32_LAST))
        return false;
    civil(text, value->as.int64);
    tl_buf_addf(sql, "%s('%s')", narrow ? "toDate" : "toDate32", text);
    return true;
}

/* Ticks of `unit` nanoseconds or microseconds; between two ticks, an inequality takes the one that keeps its
 * meaning. */
static bool to_ticks(int64_t value, int64_t unit, enum tl_expr_kind op, int64_t *ret_ticks)
{
    int64_t ticks = value / unit, rest = value % unit;
    if (rest < 0) { /* round down */
        rest += unit;
        ticks--;
    }
    if (rest != 0 && op != TL_EXPR_LT && op != TL_EXPR_LE && op != TL_EXPR_GT && op != TL_EXPR_GE)
        return false;
    if (rest != 0 && (op == TL_EXPR_LT || op == TL_EXPR_GE)) /* x < 1.5 is x < 2, x >= 1.5 is x >= 2 */
        ticks++;
    *ret_ticks = ticks;
    return true;
}

/* test_time_filters_equal_the_truth */
static bool timestamp(struct tl_buf *sql, const struct tl_clickhouse_type *type, const struct tl_value *value,
                      enum tl_expr_kind op)
{
    int digits = type->kind == TL_CLICKHOUSE_DATETIME64 ? type->scale : 0;
    int64_t unit = 1, ticks, per_second = 1;
    for (int i = digits; i < (digits > 6 ? 9 : 6); i++)
        unit *= 10;
    for (int i = 0; i < digits; i++)
        per_second *= 10;
    if (!to_ticks(value->as.int64, unit, op, &ticks))
        return false;
    int64_t seconds = ticks / per_second, rest = ticks % per_second;
    if (rest < 0) {
        rest += per_second;
        seconds--;
    }
    if (type->kind == TL_CLICKHOUSE_DATETIME) {
        if (seconds < 0 || seconds > UINT32_MAX)
            return false;
        tl_buf_addf(sql, "toDateTime(%lld, 'UTC')", (long long)seconds);
        return true;
    }
    if (seconds < (int64_t)DATE32_FIRST * 86400 || seconds >= (int64_t)DATE32_LAST * 86400)
        return false;
    int64_t days = seconds >= 0 ? seconds / 86400 : -((86399 - seconds) / 86400), left = seconds - days * 86400;
    char text[32];
    civil(text, days);
    tl_buf_addf(sql, "toDateTime64('%s %02d:%02d:%02d", text, (int)(left / 3600), (int)(left / 60 % 60),
                (int)(left % 60));
    if (digits > 0)
        tl_buf_addf(sql, ".%0*lld", digits, (long long)rest);
    tl_buf_addf(sql, "', %d, 'UTC')", digits);
    return true;
}

static bool equality(enum tl_expr_kind op)
{
    return op == TL_EXPR_EQ || op == TL_EXPR_NE || op == TL_EXPR_IN;
}

/* test_text_filters_equal_the_truth: both compare bytes; a FixedString is compared as filled up with zeros */
static bool text(struct tl_buf *sql, const struct tl_clickhouse_type *type, const struct tl_value *value,
                 enum tl_expr_kind op)
{
    struct tl_str bytes = value->as.text;
    if (type->kind == TL_CLICKHOUSE_FIXED_STRING &&
        (value->type.id == TL_TYPE_BLOB || op == TL_EXPR_IN || bytes.size > type->fixed_size ||
         memchr(bytes.data ? bytes.data : "", 0, bytes.size)))
        return false;
    tl_clickhouse_add_literal(sql, bytes);
    return true;
}

/* test_enum_filters_equal_the_truth: ClickHouse orders members by number, and fails on a name it does not know */
static bool member(struct tl_buf *sql, const struct tl_clickhouse_type *type, const struct tl_value *value,
                   enum tl_expr_kind op)
{
    if (!equality(op) || !tl_clickhouse_member_named(type, value->as.text))
        return false;
    tl_clickhouse_add_literal(sql, value->as.text);
    return true;
}

/* test_address_filters_equal_the_truth: only the one spelling that we give an address */
static bool address(struct tl_buf *sql, const struct tl_clickhouse_type *type, const struct tl_value *value,
                    enum tl_expr_kind op)
{
    char given[INET6_ADDRSTRLEN] = {0}, again[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    int family = type->kind == TL_CLICKHOUSE_IPV4 ? AF_INET : AF_INET6;
    if (!equality(op) || value->as.text.size >= sizeof given)
        return false;
    memcpy(given, value->as.text.data, value->as.text.size);
    if (inet_pton(family, given, bytes) != 1 || !inet_ntop(family, bytes, again, sizeof again) ||
        !tl_str_equal(value->as.text, tl_str_of(again)))
        return false;
    tl_buf_addf(sql, "toIPv%d('%s')", family == AF_INET ? 4 : 6, given);
    return true;
}

/* test_uuid_filters_equal_the_truth: the two systems order UUIDs differently */
static bool uuid(struct tl_buf *sql, const struct tl_value *value, enum tl_expr_kind op)
{
    if (!equality(op))
        return false;
    uint64_t high = (uint64_t)value->as.int128.high ^ (UINT64_C(1) << 63), low = value->as.int128.low;
    tl_buf_addf(sql, "toUUID('%08x-%04x-%04x-%04x-%012llx')", (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xFFFF),
                (unsigned)(high & 0xFFFF), (unsigned)(low >> 48), (unsigned long long)(low & 0xFFFFFFFFFFFFULL));
    return true;
}

static bool boolean(struct tl_buf *sql, const struct tl_value *value, enum tl_expr_kind op)
{
    tl_buf_adds(sql, value->as.boolean ? "true" : "false");
    return equality(op);
}

bool tl_clickhouse_literal(struct tl_buf *sql, const struct tl_clickhouse_type *type, const struct tl_type *engine_type,
                           const struct tl_value *value, enum tl_expr_kind op)
{
    if (value->is_null || value->type.id != engine_type->id)
        return false;
    switch (type->kind) {
    case TL_CLICKHOUSE_BOOL:
        return boolean(sql, value, op);
    case TL_CLICKHOUSE_INT:
    case TL_CLICKHOUSE_UINT:
        return type->width <= 16 && integer(sql, value);
    case TL_CLICKHOUSE_FLOAT:
        return type->width >= 4 && number(sql, value, op);
    case TL_CLICKHOUSE_DECIMAL:
        return decimal(sql, type, value);
    case TL_CLICKHOUSE_DATE:
    case TL_CLICKHOUSE_DATE32:
        return date(sql, type, value);
    case TL_CLICKHOUSE_DATETIME:
    case TL_CLICKHOUSE_DATETIME64:
        return timestamp(sql, type, value, op);
    case TL_CLICKHOUSE_STRING:
    case TL_CLICKHOUSE_FIXED_STRING:
        return text(sql, type, value, op);
    case TL_CLICKHOUSE_ENUM:
        return member(sql, type, value, op);
    case TL_CLICKHOUSE_IPV4:
    case TL_CLICKHOUSE_IPV6:
        return address(sql, type, value, op);
    case TL_CLICKHOUSE_UUID:
        return uuid(sql, value, op);
    default:
        return false;
    }
}

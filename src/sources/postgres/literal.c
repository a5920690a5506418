#include <math.h>
#include <stdio.h>

#include "base/hex.h"
#include "sources/postgres/sql.h"

#define MICROS_SECOND INT64_C(1000000)
#define MICROS_DAY (86400 * MICROS_SECOND)

enum { YEAR_MIN = -4712, YEAR_MAX_DATE = 5874897, YEAR_MAX_TIMESTAMP = 294246, DATE_SIZE = 32 };

/* --- the text of a constant, as its type's input function takes it --- */

static bool add_exact(struct tl_buf *sql, const struct tl_value *value)
{
    if (value->type.id != TL_TYPE_DECIMAL)
        return tl_value_add_integer(sql, value);
    char text[48];
    if (value->type.precision > 18)
        tl_int128_format(text, value->as.int128.low, value->as.int128.high, value->type.scale);
    else
        tl_int128_format(text, (uint64_t)value->as.int64, value->as.int64 >> 63, value->type.scale);
    tl_buf_adds(sql, text);
    return true;
}

/* 17 digits name each double exactly; a float is a double, too. */
static bool add_float(struct tl_buf *sql, const struct tl_value *value)
{
    if (value->type.id != TL_TYPE_FLOAT && value->type.id != TL_TYPE_DOUBLE)
        return false;
    double number = value->as.number;
    if (isnan(number))
        tl_buf_adds(sql, "NaN");
    else if (isinf(number))
        tl_buf_adds(sql, number > 0 ? "Infinity" : "-Infinity");
    else
        tl_buf_addf(sql, "%.17g", number);
    return true;
}

static bool add_text(struct tl_buf *sql, const struct tl_value *value)
{
    struct tl_str text = value->as.text;
    if (value->type.id != TL_TYPE_VARCHAR || (text.size > 0 && memchr(text.data, '\0', text.size)))
        return false;
    tl_buf_add(sql, text.data, text.size);
    return true;
}

static bool add_bytes(struct tl_buf *sql, const struct tl_value *value)
{
    if (value->type.id != TL_TYPE_BLOB)
        return false;
    tl_buf_adds(sql, "\\x");
    char *digits = tl_buf_reserve(sql, 2 * value->as.text.size);
    if (digits) {
        tl_hex_write(digits, value->as.text.data, value->as.text.size);
        tl_buf_commit(sql, 2 * value->as.text.size);
    }
    return true;
}

static bool add_uuid(struct tl_buf *sql, const struct tl_value *value)
{
    if (value->type.id != TL_TYPE_UUID)
        return false;
    uint64_t high = (uint64_t)value->as.int128.high ^ UINT64_C(1) << 63, low = value->as.int128.low;
    tl_buf_addf(sql, "%08llx-%04llx-%04llx-%04llx-%012llx", (unsigned long long)(high >> 32),
                (unsigned long long)(high >> 16 & 0xFFFF), (unsigned long long)(high & 0xFFFF),
                (unsigned long long)(low >> 48), (unsigned long long)(low & UINT64_C(0xFFFFFFFFFFFF)));
    return true;
}

/* Years before 1 are written as BC, which has no year 0. */
static bool format_date(int64_t days, int year_max, char text[DATE_SIZE], const char **ret_era)
{
    int64_t year;
    int month, day;
    tl_date_to_civil(days, &year, &month, &day);
    if (year < YEAR_MIN || year > year_max)
        return false;
    *ret_era = year < 1 ? " BC" : "";
    snprintf(text, DATE_SIZE, "%04lld-%02d-%02d", (long long)(year < 1 ? 1 - year : year), month, day);
    return true;
}

static bool add_date(struct tl_buf *sql, const struct tl_value *value)
{
    int64_t days = value->as.int64;
    const char *era = "";
    char text[DATE_SIZE] = "infinity";
    if (value->type.id != TL_TYPE_DATE)
        return false;
    if (days == -INT32_MAX)
        tl_buf_adds(sql, "-infinity");
    else if (days == INT32_MAX || format_date(days, YEAR_MAX_DATE, text, &era))
        tl_buf_addf(sql, "%s%s", text, era);
    else
        return false;
    return true;
}

static void add_clock(struct tl_buf *sql, int64_t micros)
{
    int64_t seconds = micros / MICROS_SECOND;
    tl_buf_addf(sql, "%02lld:%02lld:%02lld.%06lld", (long long)(seconds / 3600), (long long)(seconds / 60 % 60),
                (long long)(seconds % 60), (long long)(micros % MICROS_SECOND));
}

static bool add_time(struct tl_buf *sql, const struct tl_value *value)
{
    if (value->type.id != TL_TYPE_TIME || value->as.int64 < 0 || value->as.int64 > MICROS_DAY)
        return false;
    add_clock(sql, value->as.int64);
    return true;
}

static bool add_timestamp(struct tl_buf *sql, const struct tl_value *value, enum tl_type_id id)
{
    int64_t micros = value->as.int64;
    const char *era;
    char text[DATE_SIZE];
    if (value->type.id != id)
        return false;
    if (micros == INT64_MAX || micros == -INT64_MAX) {
        tl_buf_adds(sql, micros < 0 ? "-infinity" : "infinity");
        return true;
    }
    int64_t days = micros / MICROS_DAY, rest = micros % MICROS_DAY;
    if (rest < 0) {
        rest += MICROS_DAY;
        days--;
    }
    if (!format_date(days, YEAR_MAX_TIMESTAMP, text, &era))
        return false;
    tl_buf_addf(sql, "%s ", text);
    add_clock(sql, rest);
    tl_buf_addf(sql, "%s%s", id == TL_TYPE_TIMESTAMPTZ ? "+00" : "", era);
    return true;
}

static bool add_interval(struct tl_buf *sql, const struct tl_value *value)
{
    if (value->type.id != TL_TYPE_INTERVAL)
        return false;
    tl_buf_addf(sql, "%d months %d days %lld microseconds", value->as.interval.months, value->as.interval.days,
                (long long)value->as.interval.micros);
    return true;
}

bool tl_postgres_body(struct tl_buf *sql, enum tl_postgres_class class, const struct tl_value *value)
{
    if (value->is_null)
        return false;
    switch (class) {
    case TL_POSTGRES_CLASS_BOOL:
        tl_buf_adds(sql, value->as.boolean ? "true" : "false");
        return value->type.id == TL_TYPE_BOOLEAN;
    case TL_POSTGRES_CLASS_INT:
    case TL_POSTGRES_CLASS_DECIMAL:
        return add_exact(sql, value);
    case TL_POSTGRES_CLASS_FLOAT:
        return add_float(sql, value);
    case TL_POSTGRES_CLASS_TEXT:
    case TL_POSTGRES_CLASS_AS_TEXT:
    case TL_POSTGRES_CLASS_PADDED:
        return add_text(sql, value);
    case TL_POSTGRES_CLASS_BYTES:
        return add_bytes(sql, value);
    case TL_POSTGRES_CLASS_UUID:
        return add_uuid(sql, value);
    case TL_POSTGRES_CLASS_DATE:
        return add_date(sql, value);
    case TL_POSTGRES_CLASS_TIME:
        return add_time(sql, value);
    case TL_POSTGRES_CLASS_TIMESTAMP:
        return add_timestamp(sql, value, TL_TYPE_TIMESTAMP);
    case TL_POSTGRES_CLASS_TIMESTAMPTZ:
        return add_timestamp(sql, value, TL_TYPE_TIMESTAMPTZ);
    case TL_POSTGRES_CLASS_INTERVAL:
        return add_interval(sql, value);
    case TL_POSTGRES_CLASS_NONE:
        break;
    }
    return false;
}

/* --- as SQL --- */

bool tl_postgres_add_type(struct tl_buf *sql, const struct tl_type *type)
{
    static const char *const names[TL_TYPE_LAST + 1] = {
        [TL_TYPE_BOOLEAN] = "bool",        [TL_TYPE_INT16] = "int2",     [TL_TYPE_INT32] = "int4",
        [TL_TYPE_INT64] = "int8",          [TL_TYPE_INT128] = "numeric", [TL_TYPE_FLOAT] = "float4",
        [TL_TYPE_DOUBLE] = "float8",       [TL_TYPE_VARCHAR] = "text",   [TL_TYPE_BLOB] = "bytea",
        [TL_TYPE_UUID] = "uuid",           [TL_TYPE_DATE] = "date",      [TL_TYPE_TIME] = "time",
        [TL_TYPE_TIMESTAMP] = "timestamp", [TL_TYPE_TIMESTAMPTZ] = "timestamptz",
        [TL_TYPE_INTERVAL] = "interval",
    };
    if (type->id == TL_TYPE_DECIMAL)
        tl_buf_addf(sql, "numeric(%u,%u)", type->precision, type->scale);
    else if (names[type->id])
        tl_buf_adds(sql, names[type->id]);
    return type->id == TL_TYPE_DECIMAL || names[type->id];
}

enum tl_postgres_class tl_postgres_class_of(enum tl_type_id id)
{
    static const enum tl_postgres_class classes[TL_TYPE_LAST + 1] = {
        [TL_TYPE_BOOLEAN] = TL_POSTGRES_CLASS_BOOL,   [TL_TYPE_INT16] = TL_POSTGRES_CLASS_INT,
        [TL_TYPE_INT32] = TL_POSTGRES_CLASS_INT,      [TL_TYPE_INT64] = TL_POSTGRES_CLASS_INT,
        [TL_TYPE_INT128] = TL_POSTGRES_CLASS_DECIMAL, [TL_TYPE_FLOAT] = TL_POSTGRES_CLASS_FLOAT,
        [TL_TYPE_DOUBLE] = TL_POSTGRES_CLASS_FLOAT,   [TL_TYPE_DECIMAL] = TL_POSTGRES_CLASS_DECIMAL,
        [TL_TYPE_VARCHAR] = TL_POSTGRES_CLASS_TEXT,   [TL_TYPE_BLOB] = TL_POSTGRES_CLASS_BYTES,
        [TL_TYPE_UUID] = TL_POSTGRES_CLASS_UUID,      [TL_TYPE_DATE] = TL_POSTGRES_CLASS_DATE,
        [TL_TYPE_TIME] = TL_POSTGRES_CLASS_TIME,      [TL_TYPE_TIMESTAMP] = TL_POSTGRES_CLASS_TIMESTAMP,
        [TL_TYPE_TIMESTAMPTZ] = TL_POSTGRES_CLASS_TIMESTAMPTZ, [TL_TYPE_INTERVAL] = TL_POSTGRES_CLASS_INTERVAL,
    };
    return classes[id];
}

const char *tl_postgres_class_name(enum tl_postgres_class class)
{
    switch (class) {
    case TL_POSTGRES_CLASS_BOOL:
        return "bool";
    case TL_POSTGRES_CLASS_INT:
        return "int8";
    case TL_POSTGRES_CLASS_DECIMAL:
        return "numeric";
    case TL_POSTGRES_CLASS_FLOAT:
        return "float8";
    case TL_POSTGRES_CLASS_BYTES:
        return "bytea";
    case TL_POSTGRES_CLASS_UUID:
        return "uuid";
    case TL_POSTGRES_CLASS_DATE:
        return "date";
    case TL_POSTGRES_CLASS_TIME:
        return "time";
    case TL_POSTGRES_CLASS_TIMESTAMP:
        return "timestamp";
    case TL_POSTGRES_CLASS_TIMESTAMPTZ:
        return "timestamptz";
    case TL_POSTGRES_CLASS_INTERVAL:
        return "interval";
    default:
        return "text";
    }
}

/* Numbers without a type beside them: the column's own decides, so that its index serves. */
bool tl_postgres_literal(struct tl_buf *sql, enum tl_postgres_class class, const struct tl_value *value)
{
    if (class == TL_POSTGRES_CLASS_INT || class == TL_POSTGRES_CLASS_DECIMAL || class == TL_POSTGRES_CLASS_BOOL)
        return tl_postgres_body(sql, class, value);
    struct tl_buf body;
    tl_buf_init(&body, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    bool spelled = tl_postgres_body(&body, class, value);
    tl_buf_add_literal(sql, body.data ? body.data : "", body.size);
    if (!(class & (TL_POSTGRES_CLASS_TEXT | TL_POSTGRES_CLASS_AS_TEXT | TL_POSTGRES_CLASS_PADDED)))
        tl_buf_addf(sql, "::%s", tl_postgres_class_name(class));
    sql->failed |= body.failed;
    tl_buf_done(&body);
    return spelled;
}

/* data/format_int.h -- digits into memory that the caller has reserved; private to data/.
 *
 * Why: results of millions of rows are written digit by digit; printf costs more than everything else together.
 * Each writer puts its bytes at `at`, adds no NUL and returns the end.  The room needed is the constant beside it.
 */
#ifndef TL_DATA_FORMAT_INT_H
#define TL_DATA_FORMAT_INT_H

#include "base/str.h"
#include "data/types.h"

enum {
    TL_FORMAT_INT64_MAX = 20,   /* -9223372036854775808, 18446744073709551615 */
    TL_FORMAT_INT128_MAX = 48,  /* sign, 39 digits, point, leading zero */
    TL_FORMAT_DOUBLE_MAX = 40,
    TL_FORMAT_TEMPORAL_MAX = 96 /* any date, time, timestamp or interval */
};

/* How a timestamp or time is written. */
struct tl_format_time {
    int digits;       /* after the second; -1 = as many as the value has */
    const char *zone; /* behind the value: "" or " UTC" or "+00" */
};

char *tl_format_uint64(char *at, uint64_t number);
char *tl_format_int64(char *at, int64_t number);
/* With the point `scale` digits from the right; at least one digit before it. */
char *tl_format_uint128(char *at, unsigned __int128 number, int scale);
char *tl_format_int128(char *at, __int128 number, int scale);
char *tl_format_decimal64(char *at, int64_t number, int scale);
/* The shortest digits that read back as the same number; "1.0", "1e300", "NaN", "Infinity", "-Infinity". */
char *tl_format_double(char *at, double number);
char *tl_format_float(char *at, float number);
/* The general way behind both, for finite numbers (json.c: the library has a fast one). */
char *tl_format_shortest(char *at, double number, bool as_float);

/* ISO 8601: "2024-01-31", years beyond 0..9999 with a sign, "infinity" for the engine's two ends. */
char *tl_format_date(char *at, int32_t days);
char *tl_format_time_of_day(char *at, int64_t micros, const struct tl_format_time *form);
char *tl_format_timestamp(char *at, int64_t micros, const struct tl_format_time *form);
char *tl_format_timestamp_ns(char *at, int64_t nanos, const struct tl_format_time *form);
/* Trino's forms: "D HH:MM:SS.mmm" without months, "Y-M" with months alone, else all parts in words. */
char *tl_format_interval_trino(char *at, int32_t months, int32_t days, int64_t micros);
/* "1 year 2 months 3 days 04:05:06.5" */
char *tl_format_interval(char *at, int32_t months, int32_t days, int64_t micros);
/* 16 bytes as the batch has them (types.h) */
char *tl_format_uuid(char *at, const uint8_t *value);

/* RFC 4648, with padding */
void tl_format_base64(struct tl_buf *buf, struct tl_str blob);

/* Digits after the second that a client sees of this type. */
int tl_type_second_digits(const struct tl_type *type);

#endif

/* data/value.h -- one typed constant: what a filter compares with, what a parameter is. */
#ifndef TL_DATA_VALUE_H
#define TL_DATA_VALUE_H

#include "data/types.h"

struct tl_value {
    struct tl_type type; /* scalar types only */
    bool is_null;
    union {
        bool boolean;
        int64_t int64;     /* INT8..INT64, DATE, TIME, TIMESTAMP*, DECIMAL up to 18 digits */
        uint64_t uint64;   /* UINT8..UINT64 */
        double number;     /* FLOAT, DOUBLE */
        struct {
            uint64_t low;
            int64_t high;
        } int128;          /* INT128, UINT128, UUID, DECIMAL over 18 digits */
        struct {
            int32_t months, days;
            int64_t micros;
        } interval;
        struct tl_str text; /* VARCHAR, JSON, BLOB */
    } as;
};

/* Decimal digits of a 128-bit two's complement number, with the point `scale` digits from the right; fits in 48 bytes. */
void tl_int128_format(char text[48], uint64_t low, int64_t high, int scale);
/* The digits of a whole number of any size; false: it is NULL or of another type. */
bool tl_value_add_integer(struct tl_buf *buf, const struct tl_value *value);
/* Days since 1970-01-01 <-> civil date (proleptic Gregorian; Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
void tl_date_to_civil(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
int64_t tl_date_from_civil(int64_t year, int month, int day);

#endif

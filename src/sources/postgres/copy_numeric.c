#include "sources/postgres/copy_decode.h"

/* numeric_send: i16 digits, i16 weight, u16 sign, u16 dscale, then digits to base 10000.
 * Digit i counts 10000^(weight - i). */
enum {
    HEADER_SIZE = 8,
    BASE = 10000,
    SIGN_NEGATIVE = 0x4000,
    SIGN_NAN = 0xC000,
    SIGN_INFINITE = 0xD000,
    SIGN_MINUS_INFINITE = 0xF000,
    DIGITS_EXACT = 4,  /* groups that always fit 64 bits */
    WEIGHT_MAX = 9,    /* 10^38 has ten groups */
    PRECISION_MAX = 38,
};

static unsigned load16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static const uint16_t small_powers[] = {1, 10, 100, 1000};

static unsigned __int128 power_of_ten(int exponent)
{
    unsigned __int128 power = 1;
    for (int i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

struct groups {
    const uint8_t *at;
    int count;
    int weight;
};

static bool load_groups(const uint8_t *bytes, size_t size, struct groups *groups)
{
    int count = (int16_t)load16(bytes);
    if (count < 0 || size != HEADER_SIZE + (size_t)count * 2)
        return false;
    *groups = (struct groups){bytes + HEADER_SIZE, count, (int16_t)load16(bytes + 2)};
    for (int i = 0; i < count; i++)
        if (load16(groups->at + (size_t)i * 2) >= BASE)
            return false;
    /* zeros in front or behind are legal bytes, though no server writes them */
    while (groups->count > 0 && load16(groups->at) == 0) {
        groups->at += 2;
        groups->count--;
        groups->weight--;
    }
    while (groups->count > 0 && load16(groups->at + (size_t)(groups->count - 1) * 2) == 0)
        groups->count--;
    return true;
}

/* The last group that counts holds only `scale % 4` digits. */
static enum tl_postgres_numeric take_part(unsigned digit, int kept, unsigned *ret_part)
{
    unsigned unit = small_powers[4 - kept];
    *ret_part = digit / unit;
    return digit % unit == 0 ? TL_POSTGRES_NUMERIC_OK : TL_POSTGRES_NUMERIC_INEXACT;
}

static enum tl_postgres_numeric sum_small(const struct groups *groups, int scale, uint64_t *ret_sum)
{
    int whole = groups->weight + 1 + scale / 4, kept = scale % 4;
    uint64_t sum = 0;
    for (int i = 0; i < whole; i++)
        sum = sum * BASE + (i < groups->count ? load16(groups->at + (size_t)i * 2) : 0);
    if (kept > 0) {
        unsigned part = 0;
        if (whole < groups->count &&
            take_part(load16(groups->at + (size_t)whole * 2), kept, &part) != TL_POSTGRES_NUMERIC_OK)
            return TL_POSTGRES_NUMERIC_INEXACT;
        sum = sum * small_powers[kept] + part;
    }
    *ret_sum = sum;
    return groups->count > whole + (kept > 0) ? TL_POSTGRES_NUMERIC_INEXACT : TL_POSTGRES_NUMERIC_OK;
}

static bool multiply_add(unsigned __int128 *sum, unsigned factor, unsigned digit)
{
    return !__builtin_mul_overflow(*sum, (unsigned __int128)factor, sum) &&
           !__builtin_add_overflow(*sum, (unsigned __int128)digit, sum);
}

/* Positions count from the first group; a negative weight starts behind the point, at position weight + 1 - groups. */
static enum tl_postgres_numeric sum_large(const struct groups *groups, int scale, unsigned __int128 *ret_sum)
{
    int kept = scale % 4, last = -(scale / 4);
    unsigned __int128 sum = 0;
    for (int power = groups->weight; power >= last; power--) {
        int i = groups->weight - power;
        if (!multiply_add(&sum, BASE, i < groups->count ? load16(groups->at + (size_t)i * 2) : 0))
            return TL_POSTGRES_NUMERIC_TOO_LARGE;
    }
    int next = groups->weight - last + 1; /* below 0: all digits are further behind the point */
    if (next < 0 || (next == 0 && kept == 0))
        return groups->count > 0 ? TL_POSTGRES_NUMERIC_INEXACT : TL_POSTGRES_NUMERIC_OK;
    if (kept > 0) {
        unsigned part = 0;
        if (next < groups->count &&
            take_part(load16(groups->at + (size_t)next * 2), kept, &part) != TL_POSTGRES_NUMERIC_OK)
            return TL_POSTGRES_NUMERIC_INEXACT;
        if (!multiply_add(&sum, small_powers[kept], part))
            return TL_POSTGRES_NUMERIC_TOO_LARGE;
    }
    *ret_sum = sum;
    return groups->count > next + (kept > 0) ? TL_POSTGRES_NUMERIC_INEXACT : TL_POSTGRES_NUMERIC_OK;
}

static enum tl_postgres_numeric sum_groups(const struct groups *groups, int precision, int scale,
                                           unsigned __int128 *ret_sum)
{
    if (groups->count == 0) {
        *ret_sum = 0;
        return TL_POSTGRES_NUMERIC_OK;
    }
    if (groups->weight > WEIGHT_MAX)
        return TL_POSTGRES_NUMERIC_TOO_LARGE;
    enum tl_postgres_numeric result;
    if (groups->weight >= -1 && groups->weight + 1 + (scale + 3) / 4 <= DIGITS_EXACT) {
        uint64_t small = 0;
        result = sum_small(groups, scale, &small);
        *ret_sum = small;
    } else {
        *ret_sum = 0;
        result = sum_large(groups, scale, ret_sum);
    }
    static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
                                      10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000,
                                      1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000};
    unsigned __int128 limit = precision <= 18 ? powers[precision] : power_of_ten(precision);
    if (result == TL_POSTGRES_NUMERIC_OK && *ret_sum >= limit)
        return TL_POSTGRES_NUMERIC_TOO_LARGE;
    return result;
}

enum tl_postgres_numeric tl_postgres_decode_numeric(const uint8_t *bytes, size_t size, int precision, int scale,
                                                    __int128 *ret_value)
{
    struct groups groups;
    if (size < HEADER_SIZE || precision < 1 || precision > PRECISION_MAX || scale < 0 || scale > precision ||
        !load_groups(bytes, size, &groups))
        return TL_POSTGRES_NUMERIC_MALFORMED;
    unsigned sign = load16(bytes + 4);
    if (sign == SIGN_NAN)
        return TL_POSTGRES_NUMERIC_NAN;
    if (sign == SIGN_INFINITE || sign == SIGN_MINUS_INFINITE)
        return TL_POSTGRES_NUMERIC_INFINITE;
    if (sign != 0 && sign != SIGN_NEGATIVE)
        return TL_POSTGRES_NUMERIC_MALFORMED;
    unsigned __int128 sum;
    enum tl_postgres_numeric result = sum_groups(&groups, precision, scale, &sum);
    if (result == TL_POSTGRES_NUMERIC_OK)
        *ret_value = sign == SIGN_NEGATIVE ? -(__int128)sum : (__int128)sum;
    return result;
}

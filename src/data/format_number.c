/* Numbers as text.  Digits go out in pairs from a table; floating point finds short decimals by exact division first. */
#include <math.h>
#include <string.h>

#include "data/format_int.h"

static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                     "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                     "8081828384858687888990919293949596979899";

static const uint64_t powers_of_ten[20] = {
    1U, 10U, 100U, 1000U, 10000U, 100000U, 1000000U, 10000000U, 100000000U, 1000000000U, 10000000000U, 100000000000U,
    1000000000000U, 10000000000000U, 100000000000000U, 1000000000000000U, 10000000000000000U, 100000000000000000U,
    1000000000000000000U, 10000000000000000000U,
};

static int count_digits(uint64_t number)
{
    int bits = 64 - __builtin_clzll(number | 1);
    int guess = bits * 1233 >> 12; /* log10(2) = 1233 / 4096 */
    return guess + (number >= powers_of_ten[guess]) + (number == 0);
}

/* Exactly `count` digits ending before `end`, with leading zeros. */
static void put_digits(char *end, uint64_t number, int count)
{
    while (count >= 2) {
        end -= 2;
        memcpy(end, digit_pairs + number % 100 * 2, 2);
        number /= 100;
        count -= 2;
    }
    if (count > 0)
        *--end = (char)('0' + number % 10);
}

char *tl_format_uint64(char *at, uint64_t number)
{
    int digits = count_digits(number);
    put_digits(at + digits, number, digits);
    return at + digits;
}

static uint64_t magnitude(int64_t number)
{
    return number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
}

char *tl_format_int64(char *at, int64_t number)
{
    if (number < 0)
        *at++ = '-';
    return tl_format_uint64(at, magnitude(number));
}

char *tl_format_decimal64(char *at, int64_t number, int scale)
{
    if (scale == 0)
        return tl_format_int64(at, number);
    if (scale > 18)
        return tl_format_int128(at, number, scale);
    if (number < 0)
        *at++ = '-';
    uint64_t all = magnitude(number), unit = powers_of_ten[scale];
    at = tl_format_uint64(at, all / unit);
    *at++ = '.';
    put_digits(at + scale, all % unit, scale);
    return at + scale;
}

/* All digits of a number, at least `least` of them. */
static char *put_digits128(char *at, unsigned __int128 number, int least)
{
    char text[40];
    char *end = text + sizeof text, *start = end;
    while (number > UINT64_MAX) {
        put_digits(start, (uint64_t)(number % powers_of_ten[19]), 19);
        number /= powers_of_ten[19];
        start -= 19;
    }
    int head = count_digits((uint64_t)number);
    put_digits(start, (uint64_t)number, head);
    start -= head;
    while (end - start < least)
        *--start = '0';
    memcpy(at, start, (size_t)(end - start));
    return at + (end - start);
}

char *tl_format_uint128(char *at, unsigned __int128 number, int scale)
{
    char *end = put_digits128(at, number, scale + 1);
    if (scale == 0)
        return end;
    memmove(end - scale + 1, end - scale, (size_t)scale);
    end[-scale] = '.';
    return end + 1;
}

char *tl_format_int128(char *at, __int128 number, int scale)
{
    if (number >= 0)
        return tl_format_uint128(at, (unsigned __int128)number, scale);
    *at++ = '-';
    return tl_format_uint128(at, 0 - (unsigned __int128)number, scale);
}

static char *put_word(char *at, const char *word)
{
    size_t size = strlen(word);
    memcpy(at, word, size);
    return at + size;
}

static char *put_not_finite(char *at, double number)
{
    return put_word(at, isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
}

/* `number` with the point `scale` digits from the right, without zeros at the end but for one behind the point. */
static char *put_fixed(char *at, uint64_t number, int scale)
{
    while (scale > 1 && number % 10 == 0) {
        number /= 10;
        scale--;
    }
    at = tl_format_uint64(at, number / powers_of_ten[scale]);
    *at++ = '.';
    put_digits(at + scale, number % powers_of_ten[scale], scale);
    return at + scale;
}

/* Most numbers people keep have few digits.  Let n be the number times 10^k, rounded, with n below 10^15: when the division
 * n / 10^k (both exact, the quotient rounded once) gives the number back, n's digits are its decimal, and no shorter one
 * than n without its zeros exists, because two decimals of up to 15 digits never share a double. */
static const double exact_powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};

char *tl_format_double(char *at, double number)
{
    if (!isfinite(number))
        return put_not_finite(at, number);
    double size = fabs(number);
    if (size < 1e14 && (size >= 1e-5 || size == 0)) {
        int scale = 15 - count_digits((uint64_t)size);
        uint64_t whole = (uint64_t)(size * exact_powers[scale] + 0.5);
        if (whole < powers_of_ten[15] && (double)whole / exact_powers[scale] == size) {
            if (signbit(number))
                *at++ = '-';
            return put_fixed(at, whole, scale);
        }
    }
    return tl_format_shortest(at, number, false);
}

/* The same with 6 digits: two decimals of up to 6 never share a float. */
char *tl_format_float(char *at, float number)
{
    if (!isfinite(number))
        return put_not_finite(at, (double)number);
    double size = fabs((double)number);
    if (size < 1e5 && (size >= 1e-3 || size == 0)) {
        int scale = 6 - count_digits((uint64_t)size);
        uint64_t whole = (uint64_t)(size * exact_powers[scale] + 0.5);
        if (whole < powers_of_ten[6] && (float)((double)whole / exact_powers[scale]) == (float)size) {
            if (signbit(number))
                *at++ = '-';
            return put_fixed(at, whole, scale);
        }
    }
    return tl_format_shortest(at, (double)number, true);
}

/* Trino's functions over bytes and their numbers, and the inverse of the normal distribution. */
#include <math.h>
#include <string.h>

#include "engines/duckdb/trino_text.h"

static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* The polynomial of zip and PNG, bit by bit from the lowest. */
TL_TRINO_FUNCTION(tl_trino_crc32)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < args[0].text.size; i++) {
        crc ^= (uint8_t)args[0].text.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    ret->number = (int64_t)(crc ^ UINT32_MAX);
    ret->null = false;
    return TL_OK;
}

/* Five bytes are eight digits; "=" where there are no bytes. */
TL_TRINO_FUNCTION(tl_trino_to_base32)
{
    const struct tl_str bytes = args[0].text;
    for (size_t at = 0; at < bytes.size; at += 5) {
        size_t size = bytes.size - at < 5 ? bytes.size - at : 5;
        uint64_t group = 0;
        for (size_t i = 0; i < 5; i++)
            group = group << 8 | (i < size ? (uint8_t)bytes.data[at + i] : 0);
        for (size_t i = 0; i < 8; i++)
            tl_buf_addc(out, i * 5 < size * 8 ? base32_digits[group >> (35 - 5 * i) & 31] : '=');
    }
    ret->null = false;
    return TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_from_base32)
{
    struct tl_str text = args[0].text;
    while (text.size > 0 && text.data[text.size - 1] == '=')
        text.size--;
    uint64_t group = 0;
    int bits = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *digit = text.data[i] ? strchr(base32_digits, text.data[i]) : NULL;
        if (!digit)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "\"%.*s\" is no text of base 32", (int)(text.size < 80 ? text.size : 80), text.data);
        group = group << 5 | (uint64_t)(digit - base32_digits);
        bits += 5;
        if (bits < 8)
            continue;
        bits -= 8;
        tl_buf_addc(out, (char)(group >> bits & 0xFF));
    }
    ret->null = false;
    return TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_to_ieee754)
{
    uint64_t bits;
    memcpy(&bits, &args[0].real, sizeof bits);
    for (int shift = 56; shift >= 0; shift -= 8)
        tl_buf_addc(out, (char)(bits >> shift & 0xFF));
    ret->null = false;
    return TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_from_ieee754)
{
    uint64_t bits = 0;
    if (args[0].text.size != sizeof bits)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a double has 8 bytes, not %zu", args[0].text.size);
    for (size_t i = 0; i < sizeof bits; i++)
        bits = bits << 8 | (uint8_t)args[0].text.data[i];
    memcpy(&ret->real, &bits, sizeof bits);
    ret->null = false;
    return TL_OK;
}

/* Below, or above mirrored: the approximation 26.2.23 of Abramowitz and Stegun, then Halley's steps up to the last digits. */
static double standard_quantile(double p)
{
    double q = sqrt(-2 * log(p < 0.5 ? p : 1 - p));
    double x = -(q - (2.515517 + 0.802853 * q + 0.010328 * q * q) / (1 + 1.432788 * q + 0.189269 * q * q + 0.001308 * q * q * q));
    x = p < 0.5 ? x : -x;
    for (int i = 0; i < 4; i++) {
        double error = 0.5 * erfc(-x / sqrt(2)) - p, step = error * sqrt(2 * M_PI) * exp(x * x / 2);
        x -= step / (1 + x * step / 2);
    }
    return x;
}

TL_TRINO_FUNCTION(tl_trino_inverse_normal_cdf)
{
    double mean = args[0].real, deviation = args[1].real, p = args[2].real;
    if (!(p > 0 && p < 1))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a probability is greater than 0 and less than 1");
    if (!(deviation > 0))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a standard deviation is greater than 0");
    ret->real = mean + deviation * standard_quantile(p);
    ret->null = false;
    return TL_OK;
}

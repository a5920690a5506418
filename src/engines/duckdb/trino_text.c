/* Text, numbers in text, and bits. */
#include "engines/duckdb/trino_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum tl_code done(struct tl_trino_value *ret)
{
    ret->null = false;
    return TL_OK;
}

static enum tl_code give(struct tl_buf *out, struct tl_str text, struct tl_trino_value *ret)
{
    tl_buf_add(out, text.data, text.size);
    return done(ret);
}

/* --- sounds and checks --- */

TL_TRINO_FUNCTION(tl_trino_soundex)
{
    static const char codes[] = "01230120022455012623010202"; /* a..z */
    struct tl_str text = args[0].text;
    char last = 0, result[4] = "0000";
    size_t used = 0;
    for (size_t i = 0; i < text.size && used < sizeof result; i++) {
        char letter = (char)toupper((unsigned char)text.data[i]);
        if ((unsigned char)letter >= 0x80)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "soundex is for letters of the Latin alphabet");
        if (!isalpha((unsigned char)letter))
            continue;
        char code = codes[letter - 'A'];
        if (used == 0)
            result[used++] = letter;
        else if (code != '0' && code != last)
            result[used++] = code;
        if (letter != 'H' && letter != 'W') /* these do not part equal neighbours */
            last = code;
    }
    return give(out, (struct tl_str){result, used ? sizeof result : 0}, ret);
}

TL_TRINO_FUNCTION(tl_trino_luhn)
{
    struct tl_str text = args[0].text;
    int sum = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[text.size - 1 - i];
        if (!isdigit((unsigned char)c))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "luhn_check wants digits only");
        int digit = (c - '0') * (i % 2 ? 2 : 1);
        sum += digit > 9 ? digit - 9 : digit;
    }
    ret->number = text.size > 0 && sum % 10 == 0;
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_from_base)
{
    struct tl_str text = args[0].text;
    int64_t radix = args[1].number;
    if (radix < 2 || radix > 36)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a radix is between 2 and 36, not %" PRId64, radix);
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t at = negative || (text.size > 0 && text.data[0] == '+');
    int64_t value = 0;
    bool good = at < text.size;
    for (; at < text.size && good; at++) {
        unsigned char c = (unsigned char)text.data[at];
        int digit = isdigit(c) ? c - '0' : c < 0x80 && isalpha(c) ? (c | 0x20) - 'a' + 10 : 99;
        good = digit < radix && !__builtin_mul_overflow(value, radix, &value) &&
               !__builtin_add_overflow(value, negative ? -digit : digit, &value);
    }
    if (!good)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "not a valid number of base %" PRId64 ": \"%.*s\"", radix,
                          (int)(text.size < 80 ? text.size : 80), text.data);
    ret->number = value;
    return done(ret);
}

/* --- types --- */

struct type_reader {
    const char *at;
    struct tl_buf *out;
    int depth;
};

enum { TYPE_DEPTH_MAX = 60 }; /* also of arrays of arrays */

static const char *const type_names[][2] = {
    {"TIMESTAMP WITH TIME ZONE", "timestamp(6) with time zone"},
    {"TIME WITH TIME ZONE", "time(6) with time zone"},
    {"TIMESTAMP_NS", "timestamp(9)"},
    {"TIMESTAMP_MS", "timestamp(3)"},
    {"TIMESTAMP_S", "timestamp(0)"},
    {"TIMESTAMP", "timestamp(6)"},
    {"TIME", "time(6)"},
    {"INTERVAL", "interval day to second"},
    {"FLOAT", "real"},
    {"BLOB", "varbinary"},
    {"HUGEINT", "decimal(38,0)"},
    {"UHUGEINT", "decimal(38,0)"},
    {"UBIGINT", "decimal(20,0)"},
    {"UINTEGER", "bigint"},
    {"USMALLINT", "integer"},
    {"UTINYINT", "smallint"},
    {"\"NULL\"", "unknown"},
    {"NULL", "unknown"},
};

static void read_type(struct type_reader *r);

static bool take(struct type_reader *r, const char *text)
{
    size_t size = strlen(text);
    if (strncmp(r->at, text, size) != 0)
        return false;
    r->at += size;
    return true;
}

/* STRUCT(a INTEGER, "b c" VARCHAR), STRUCT(INTEGER, VARCHAR) */
static void read_row_type(struct type_reader *r)
{
    tl_buf_adds(r->out, "row(");
    for (bool first = true; *r->at && !take(r, ")"); first = false) {
        if (!first && take(r, ", "))
            tl_buf_adds(r->out, ", ");
        size_t name = 0;
        if (*r->at == '"') {
            size_t quoted = strcspn(r->at + 1, "\"");
            name = r->at[1 + quoted] ? quoted + 2 : 0; /* 0: it does not end */
        } else {
            size_t word = strcspn(r->at, " ,()[");
            bool named = r->at[word] == ' ' && strncmp(r->at, "TIMESTAMP WITH", 14) != 0 && strncmp(r->at, "TIME WITH", 9) != 0;
            name = named ? word : 0;
        }
        if (name && r->at[name] == ' ') {
            tl_buf_add(r->out, r->at, name + 1);
            r->at += name + 1;
        }
        const char *before = r->at;
        read_type(r);
        if (r->at == before)
            break;
    }
    tl_buf_addc(r->out, ')');
}

static void read_map_type(struct type_reader *r)
{
    tl_buf_adds(r->out, "map(");
    read_type(r);
    if (take(r, ", "))
        tl_buf_adds(r->out, ", ");
    read_type(r);
    take(r, ")");
    tl_buf_addc(r->out, ')');
}

static void read_plain_type(struct type_reader *r)
{
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++) {
        if (take(r, type_names[i][0])) {
            tl_buf_adds(r->out, type_names[i][1]);
            return;
        }
    }
    size_t size = strcspn(r->at, ",()[");
    if (r->at[size] == '(') { /* DECIMAL(10,2) */
        size += strcspn(r->at + size, ")");
        size += r->at[size] == ')';
    }
    for (size_t i = 0; i < size; i++)
        tl_buf_addc(r->out, (char)tolower((unsigned char)r->at[i]));
    r->at += size;
}

static void read_type(struct type_reader *r)
{
    size_t start = r->out->size;
    if (++r->depth > TYPE_DEPTH_MAX)
        read_plain_type(r);
    else if (take(r, "STRUCT("))
        read_row_type(r);
    else if (take(r, "MAP("))
        read_map_type(r);
    else
        read_plain_type(r);
    r->depth--;
    for (int dimension = 0; *r->at == '[' && dimension < TYPE_DEPTH_MAX; dimension++) {
        r->at += strcspn(r->at, "]");
        r->at += *r->at == ']';
        size_t size = r->out->size - start;
        if (!tl_buf_reserve(r->out, 7))
            return;
        memmove(r->out->data + start + 6, r->out->data + start, size);
        memcpy(r->out->data + start, "array(", 6);
        tl_buf_commit(r->out, 6);
        tl_buf_addc(r->out, ')');
    }
}

TL_TRINO_FUNCTION(tl_trino_type_name)
{
    struct tl_buf name;
    tl_buf_init(&name, args[0].text.size + 1);
    tl_buf_add(&name, args[0].text.data, args[0].text.size);
    struct type_reader reader = {tl_buf_cstr(&name), out, 0};
    read_type(&reader);
    tl_buf_done(&name);
    return done(ret);
}

/* --- numbers --- */

/* The fewest digits that give the number back: 1.5E0, 1.0E10, 0E0. */
static void put_number(struct tl_buf *out, double value, bool is_float)
{
    char text[40];
    if (isnan(value) || isinf(value)) {
        tl_buf_adds(out, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
        return;
    }
    for (int digits = 0; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits, value);
        if (is_float ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
            break;
    }
    char *mark = strchr(text, 'e');
    long exponent = strtol(mark + 1, NULL, 10);
    *mark = '\0';
    bool short_one = !strchr(text, '.') && value != 0;
    tl_buf_addf(out, "%s%sE%ld", text, short_one ? ".0" : "", exponent);
}

TL_TRINO_FUNCTION(tl_trino_double_text)
{
    put_number(out, args[0].real, false);
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_real_text)
{
    put_number(out, args[0].real, true);
    return done(ret);
}

/* 1.23M: three digits at least */
TL_TRINO_FUNCTION(tl_trino_format_number)
{
    static const char *const units[] = {"", "K", "M", "B", "T", "Q"};
    double value = args[0].real, size = fabs(value);
    size_t unit = 0;
    for (; size >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        size /= 1000;
    int digits = unit == 0 && size == floor(size) ? 0 : size >= 100 ? 0 : size >= 10 ? 1 : 2;
    char text[64];
    snprintf(text, sizeof text, "%.*f", digits, size);
    if (strchr(text, '.')) {
        size_t end = strlen(text);
        while (text[end - 1] == '0')
            text[--end] = '\0';
        if (text[end - 1] == '.')
            text[end - 1] = '\0';
    }
    tl_buf_addf(out, "%s%s%s", value < 0 ? "-" : "", text, units[unit]);
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_human_seconds)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"week", 604800}, {"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
    if (!isfinite(args[0].real) || fabs(args[0].real) > 9e15)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "not a number of seconds");
    int64_t left = llround(fabs(args[0].real));
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        int64_t number = left / units[i].seconds;
        left %= units[i].seconds;
        if (number > 0)
            tl_buf_addf(out, "%s%" PRId64 " %s%s", out->size ? ", " : "", number, units[i].name, number == 1 ? "" : "s");
    }
    if (out->size == 0)
        tl_buf_adds(out, "0 seconds");
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_normal_cdf)
{
    if (!(args[1].real > 0))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a standard deviation is greater than 0");
    ret->real = 0.5 * erfc(-(args[2].real - args[0].real) / (args[1].real * sqrt(2)));
    return done(ret);
}

/* --- bits: value, count, width --- */

static uint64_t masked(uint64_t value, int64_t bits)
{
    return bits >= 64 ? value : value & ((UINT64_C(1) << bits) - 1);
}

/* The highest of `bits` bits is the sign. */
static int64_t signed_of(uint64_t value, int64_t bits)
{
    value = masked(value, bits);
    bool negative = bits < 64 && value >> (bits - 1) & 1;
    return (int64_t)(negative ? value - (UINT64_C(1) << bits) : value);
}

static int64_t width_of(const struct tl_trino_value *bits)
{
    return bits->number < 64 ? bits->number : 64;
}

TL_TRINO_FUNCTION(tl_trino_shift_left)
{
    int64_t by = args[1].number, bits = width_of(&args[2]);
    ret->number = by < 0 || by >= bits ? 0 : signed_of((uint64_t)args[0].number << by, bits);
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_shift_right)
{
    int64_t by = args[1].number, bits = width_of(&args[2]);
    ret->number = by < 0 || by >= bits ? 0 : signed_of(masked((uint64_t)args[0].number, bits) >> by, bits);
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_shift_arithmetic)
{
    int64_t by = args[1].number, bits = width_of(&args[2]);
    ret->number = by < 0 || by >= bits ? (args[0].number < 0 ? -1 : 0) : args[0].number >> by;
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_bit_count)
{
    int64_t value = args[0].number, bits = args[1].number;
    if (bits < 2 || bits > 64)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "bits are between 2 and 64, not %" PRId64, bits);
    if (signed_of((uint64_t)value, bits) != value)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "%" PRId64 " is not a number of %" PRId64 " bits", value, bits);
    ret->number = __builtin_popcountll(masked((uint64_t)value, bits));
    return done(ret);
}

/* --- bytes and UTF-8 --- */

static size_t character_size(struct tl_str text, size_t at)
{
    size_t size = 1;
    while (at + size < text.size && ((unsigned char)text.data[at + size] & 0xC0) == 0x80)
        size++;
    return size;
}

TL_TRINO_FUNCTION(tl_trino_replace_empty)
{
    struct tl_str text = args[0].text, other = args[1].text;
    tl_buf_add(out, other.data, other.size);
    for (size_t at = 0, size; at < text.size; at += size) {
        size = character_size(text, at);
        tl_buf_add(out, text.data + at, size);
        tl_buf_add(out, other.data, other.size);
    }
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_reverse_bytes)
{
    for (size_t i = args[0].text.size; i > 0; i--)
        tl_buf_addc(out, args[0].text.data[i - 1]);
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_utf8)
{
    struct tl_str text = args[0].text;
    size_t bad;
    while (text.size > 0 && !tl_utf8_valid(text.data, text.size, &bad)) {
        tl_buf_add(out, text.data, bad);
        tl_buf_adds(out, "\xEF\xBF\xBD");
        text = (struct tl_str){text.data + bad + 1, text.size - bad - 1};
    }
    return give(out, text, ret);
}

/* --- patterns --- */

/* (?<name>..) is (?P<name>..) in the engine's; what it does not have at all, it says itself. */
TL_TRINO_FUNCTION(tl_trino_pattern)
{
    struct tl_str text = args[0].text;
    for (size_t i = 0; i < text.size; i++) {
        bool escaped = text.data[i] == '\\' && i + 1 < text.size;
        bool named = i + 3 < text.size && memcmp(text.data + i, "(?<", 3) == 0 && text.data[i + 3] != '=' && text.data[i + 3] != '!';
        tl_buf_add(out, text.data + i, 1u + escaped);
        if (named) {
            tl_buf_adds(out, "?P");
            i++;
        }
        i += escaped;
    }
    return done(ret);
}

/* The number of the group (?<name>..), 0 = there is none. */
static int group_number(struct tl_str pattern, struct tl_str name)
{
    int number = 0;
    for (size_t i = 0; i < pattern.size; i++) {
        if (pattern.data[i] == '\\') {
            i++;
            continue;
        }
        if (pattern.data[i] != '(')
            continue;
        bool named = i + 3 < pattern.size && memcmp(pattern.data + i, "(?<", 3) == 0;
        if (i + 1 < pattern.size && pattern.data[i + 1] == '?' && !named)
            continue;
        number++;
        size_t start = i + 3;
        if (named && start + name.size < pattern.size && pattern.data[start + name.size] == '>' &&
            memcmp(pattern.data + start, name.data, name.size) == 0)
            return number;
    }
    return 0;
}

/* What a "$" at text[at] stands for is written; the bytes that were read. */
static size_t put_group(struct tl_str text, size_t at, struct tl_str pattern, struct tl_buf *out)
{
    if (at + 1 < text.size && isdigit((unsigned char)text.data[at + 1])) {
        tl_buf_addf(out, "\\%c", text.data[at + 1]);
        return 2;
    }
    size_t end = at + 1;
    while (end < text.size && text.data[end] != '}')
        end++;
    if (at + 2 >= text.size || text.data[at + 1] != '{' || end == text.size)
        return 0;
    int number = group_number(pattern, (struct tl_str){text.data + at + 2, end - at - 2});
    if (number < 1 || number > 9)
        return 0;
    tl_buf_addf(out, "\\%d", number);
    return end + 1 - at;
}

TL_TRINO_FUNCTION(tl_trino_replacement)
{
    struct tl_str text = args[0].text;
    for (size_t at = 0; at < text.size;) {
        size_t read = 1;
        if (text.data[at] == '$') {
            read = put_group(text, at, args[1].text, out);
            if (read == 0)
                return tl_err_set(err, TL_INVALID_ARGUMENT, "the replacement names a group that is not there: \"%.*s\"",
                                  (int)(text.size < 80 ? text.size : 80), text.data);
        } else if (text.data[at] == '\\' && at + 1 < text.size) {
            read = 2;
            tl_buf_adds(out, text.data[at + 1] == '\\' ? "\\\\" : "");
            if (text.data[at + 1] != '\\')
                tl_buf_addc(out, text.data[at + 1]);
        } else {
            tl_buf_addc(out, text.data[at]);
        }
        at += read;
    }
    return done(ret);
}

TL_TRINO_FUNCTION(tl_trino_json_path)
{
    struct tl_str text = args[0].text;
    size_t mode = text.size > 4 && memcmp(text.data, "lax ", 4) == 0 ? 4 : text.size > 7 && memcmp(text.data, "strict ", 7) == 0 ? 7 : 0;
    bool closes = true; /* false: no "] is left */
    for (size_t at = mode; at < text.size; at++) {
        size_t end = at + 2;
        bool open = closes && at + 1 < text.size && text.data[at] == '[' && text.data[at + 1] == '"';
        while (open && end + 1 < text.size && !(text.data[end] == '"' && text.data[end + 1] == ']'))
            end++;
        closes = closes && (!open || end + 1 < text.size);
        if (!open || !closes) {
            tl_buf_addc(out, text.data[at]);
            continue;
        }
        tl_buf_adds(out, ".");
        tl_buf_add(out, text.data + at + 1, end - at);
        at = end + 1;
    }
    return done(ret);
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_int.h"

#include "config_table.h" /* generated: key_table */

const struct tl_config_key *tl_config_keys(size_t *ret_count)
{
    *ret_count = sizeof key_table / sizeof *key_table;
    return key_table;
}

int tl_config_find_key(const char *name)
{
    for (size_t i = 0; i < sizeof key_table / sizeof *key_table; i++)
        if (strcmp(key_table[i].name, name) == 0)
            return (int)i;
    return -1;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},           {"b", 1},
    {"kb", 1000},      {"mb", 1000000},       {"gb", 1000000000},          {"tb", 1000000000000},
    {"kib", 1024},     {"mib", 1048576},      {"gib", 1073741824},         {"tib", 1099511627776},
    {NULL, 0},
};

static const struct unit duration_units[] = {
    {"us", 1},          {"ms", 1000},         {"s", 1000000},      {"m", 60000000},
    {"h", 3600000000},  {"d", 86400000000},   {NULL, 0},
};

/* A number, perhaps with a fraction of up to 6 digits, and its unit. */
static bool parse_scaled(const char *text, const struct unit *units, int64_t *ret_number)
{
    int64_t digits_value = 0;
    int digits = 0, fraction = -1; /* digits behind the point, -1 before it */
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && fraction < 0 && digits > 0); text++) {
        if (*text == '.') {
            fraction = 0;
            continue;
        }
        digits++;
        if (fraction >= 0 && ++fraction > 6)
            return false;
        if (__builtin_mul_overflow(digits_value, 10, &digits_value) || __builtin_add_overflow(digits_value, *text - '0', &digits_value))
            return false;
    }
    if (digits == 0 || fraction == 0)
        return false;
    while (*text == ' ')
        text++;
    for (; units->name; units++) {
        if (!tl_streq_nocase(text, units->name))
            continue;
        __int128 product = (__int128)digits_value * units->factor;
        for (; fraction > 0; fraction--)
            product /= 10;
        *ret_number = (int64_t)product;
        return product <= INT64_MAX;
    }
    return false;
}

bool tl_parse_size_bytes(const char *text, int64_t *ret_bytes)
{
    return parse_scaled(text, size_units, ret_bytes);
}

bool tl_parse_duration_us(const char *text, int64_t *ret_us)
{
    if (strcmp(text, "0") == 0) {
        *ret_us = 0;
        return true;
    }
    return parse_scaled(text, duration_units, ret_us);
}

static bool parse_int(const struct tl_config_key *key, const char *text, int64_t *ret_number)
{
    const char *digits = text + (*text == '-');
    if (*digits < '0' || *digits > '9')
        return false;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *ret_number = number;
    return errno == 0 && *end == '\0' && number >= key->least && number <= key->most;
}

/* YAML 1.1 has many words for yes; one is enough, and "no" is then no country by mistake. */
static bool parse_bool(const char *text, int64_t *ret_number)
{
    *ret_number = strcmp(text, "true") == 0;
    return *ret_number || strcmp(text, "false") == 0;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t size = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (size > 0 && strncmp(at, text, size) == 0 && (at[size] == '|' || at[size] == '\0'))
            return true;
    }
    return false;
}

bool tl_config_read_value(tl_arena *arena, const struct tl_config_key *key, const char *text, struct tl_config_value *ret_value,
                          const char **ret_why)
{
    *ret_why = NULL;
    ret_value->text = tl_arena_strdup(arena, text);
    ret_value->number = 0;
    switch (key->type) {
    case TL_CONFIG_BOOL:
        if (!parse_bool(text, &ret_value->number))
            *ret_why = "true or false";
        break;
    case TL_CONFIG_INT:
        if (!parse_int(key, text, &ret_value->number))
            *ret_why = tl_arena_printf(arena, "a whole number from %lld to %lld", (long long)key->least, (long long)key->most);
        break;
    case TL_CONFIG_SIZE:
        if (!tl_parse_size_bytes(text, &ret_value->number))
            *ret_why = "a size such as 512MiB or 4GB";
        break;
    case TL_CONFIG_DURATION:
        if (!tl_parse_duration_us(text, &ret_value->number))
            *ret_why = "a duration such as 250ms, 30s, 5m or 30d";
        break;
    case TL_CONFIG_CHOICE:
        if (!is_choice(key->choices, text))
            *ret_why = tl_arena_printf(arena, "one of %s", key->choices);
        break;
    case TL_CONFIG_TEXT:
    case TL_CONFIG_PATH:
        break;
    }
    return !*ret_why;
}

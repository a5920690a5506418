/* One value: its bytes, its form, and which patterns it is worth trying on. */
#include <math.h>
#include <string.h>

#include "detectors/detectors_int.h"

static unsigned need_of(unsigned char byte)
{
    switch (byte) {
    case '@': return NEED_AT;
    case '.': return NEED_DOT;
    case ':': return NEED_COLON;
    case '-': return NEED_DASH;
    case '/': return NEED_SLASH;
    case '=': return NEED_EQUALS;
    case ';': return NEED_SEMICOLON;
    case '_': return NEED_UNDERSCORE;
    case ' ': case '\n': case '\r': case '\t': return NEED_SPACE;
    default: return byte >= 0x80 ? NEED_LETTER : 0;
    }
}

void value_features(struct tl_str value, struct value_features *ret_features)
{
    *ret_features = (struct value_features){0};
    for (size_t i = 0; i < value.size; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        if (byte >= '0' && byte <= '9') {
            ret_features->bytes |= NEED_DIGIT;
            ret_features->digits++;
        } else if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') {
            ret_features->bytes |= NEED_LETTER;
            byte |= 0x20;
        } else {
            ret_features->bytes |= need_of(byte);
        }
        ret_features->present[byte / 64] |= (uint64_t)1 << (byte % 64);
    }
}

bool value_meets(const struct detector_pattern *pattern, struct tl_str value, const struct value_features *features)
{
    return (features->bytes & pattern->needs) == pattern->needs && features->digits >= pattern->digits_min && features->digits <= pattern->digits_max &&
           value.size >= (size_t)pattern->length_min && value.size <= (size_t)pattern->length_max;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

struct tl_str value_trim(struct tl_str value)
{
    while (value.size && is_space(value.data[0])) {
        value.data++;
        value.size--;
    }
    while (value.size && is_space(value.data[value.size - 1]))
        value.size--;
    return value;
}

bool value_is_placeholder(struct tl_str value)
{
    static const char *const words[] = {"n/a", "na", "null", "none", "nil", "-", "--", "---", "?", "unknown", "unbekannt", "nan", "tbd", "test", "xxx", "x",
                                        ".", "not available", "no data", "empty", "undefined", "(null)", "0", "[]", "{}", "missing", "anonymous", "redacted"};
    if (value.size == 0)
        return true;
    if (value.size > 16)
        return false;
    bool found = false;
    for (size_t i = 0; i < sizeof words / sizeof *words && !found; i++)
        found = tl_str_equal_nocase(value, tl_str_of(words[i]));
    return found;
}

double value_entropy(struct tl_str value)
{
    int counts[256] = {0};
    double bits = 0;
    for (size_t i = 0; i < value.size; i++)
        counts[(unsigned char)value.data[i]]++;
    for (size_t i = 0; i < 256 && value.size; i++) {
        double share = (double)counts[i] / (double)value.size;
        bits -= counts[i] ? share * log2(share) : 0;
    }
    return bits;
}

static char form_of(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return '9';
    if (byte >= 'A' && byte <= 'Z')
        return 'A';
    if ((byte >= 'a' && byte <= 'z') || byte >= 0x80)
        return 'a';
    return byte < ' ' || byte == 0x7f ? ' ' : (char)byte;
}

void value_shape(struct tl_str value, char ret_shape[TL_DETECT_SHAPE_MAX])
{
    enum { RUN_MAX = 4 };
    size_t used = 0, run = 0;
    char last = '\0';
    for (size_t i = 0; i < value.size && used + 4 < TL_DETECT_SHAPE_MAX; i++) {
        char form = form_of((unsigned char)value.data[i]);
        run = form == last ? run + 1 : 1;
        last = form;
        if (run <= RUN_MAX)
            ret_shape[used++] = form;
        else if (run == RUN_MAX + 1)
            ret_shape[used++] = '+';
    }
    ret_shape[used] = '\0';
}

#include "base/err.h"

#include <stdio.h>
#include <string.h>

#include "err_table.h" /* generated: static const struct tl_code_info code_table[] */

void tl_err_init(struct tl_err *err)
{
    err->code = TL_OK;
    err->position = -1;
    err->message[0] = err->detail[0] = err->hint[0] = err->link[0] = '\0';
}

/* vsnprintf that never leaves half a UTF-8 character at the end. */
static TL_PRINTF(3, 0) void put(char *to, size_t size, const char *format, va_list args)
{
    int wanted = vsnprintf(to, size, format, args);
    if (wanted < 0 || (size_t)wanted < size)
        return;
    size_t end = size - 1;
    while (end > 0 && ((unsigned char)to[end - 1] & 0xC0) == 0x80)
        end--;
    if (end > 0 && (unsigned char)to[end - 1] >= 0xC0)
        end--;
    to[end] = '\0';
}

enum tl_code tl_err_setv(struct tl_err *err, enum tl_code code, const char *format, va_list args)
{
    if (err->code == TL_OK) {
        err->code = code;
        put(err->message, sizeof err->message, format, args);
    }
    return code;
}

enum tl_code tl_err_set(struct tl_err *err, enum tl_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tl_err_setv(err, code, format, args);
    va_end(args);
    return code;
}

enum tl_code tl_err_errno(struct tl_err *err, enum tl_code code, int errno_value, const char *format, ...)
{
    if (err->code != TL_OK)
        return code;
    va_list args;
    va_start(args, format);
    tl_err_setv(err, code, format, args);
    va_end(args);
    char text[128] = "";
    const char *said = strerror_r(errno_value, text, sizeof text); /* GNU form: may return static text */
    size_t used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, ": %s", said);
    return code;
}

#define ADD(field)                                                                                                     \
    if (err->field[0] == '\0') {                                                                                       \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        put(err->field, sizeof err->field, format, args);                                                              \
        va_end(args);                                                                                                  \
    }

void tl_err_detail(struct tl_err *err, const char *format, ...)
{
    ADD(detail)
}

void tl_err_hint(struct tl_err *err, const char *format, ...)
{
    ADD(hint)
}

void tl_err_link(struct tl_err *err, const char *format, ...)
{
    ADD(link)
}

void tl_err_position(struct tl_err *err, int64_t position)
{
    if (err->position < 0)
        err->position = position;
}

enum tl_code tl_err_copy(struct tl_err *to, const struct tl_err *from)
{
    if (to->code == TL_OK)
        *to = *from;
    return to->code;
}

void tl_err_line_column(const char *text, size_t text_size, int64_t position, int *ret_line, int *ret_column)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < text_size && (int64_t)i < position; i++) {
        if (text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    *ret_line = line;
    *ret_column = column;
}

const struct tl_code_info *tl_code_info(enum tl_code code)
{
    size_t count = sizeof code_table / sizeof *code_table;
    return &code_table[(size_t)code < count ? code : TL_INTERNAL];
}

enum tl_code tl_code_from_name(const char *name)
{
    for (size_t i = 0; i < sizeof code_table / sizeof *code_table; i++)
        if (strcmp(code_table[i].name, name) == 0)
            return (enum tl_code)i;
    return TL_INTERNAL;
}

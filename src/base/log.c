#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum { VALUE_BYTES_MAX = 2048, PAIRS_MAX = 32, LINE_BYTES_MAX = 512 * 1024 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const level_colours[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m"};

static atomic_int log_fd = 2;
static atomic_int log_level = TL_LOG_INFO;
static atomic_bool log_human;
static atomic_bool log_colour;

void tl_log_init(int fd, enum tl_log_level level, enum tl_log_form form)
{
    bool terminal = isatty(fd) == 1;
    const char *no_colour = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */
    atomic_store(&log_fd, fd);
    atomic_store(&log_level, (int)level);
    atomic_store(&log_human, form == TL_LOG_HUMAN || (form == TL_LOG_AUTO && terminal));
    atomic_store(&log_colour, terminal && !(no_colour && no_colour[0]));
}

static bool is_enabled(enum tl_log_level level)
{
    return (int)level >= atomic_load(&log_level);
}

/* --- one value by its printf format --- */

/* A format of exactly one conversion, perhaps with text around it. */
struct conversion {
    char kind;     /* 's', 'd', 'u', 'f', 'c', 'p'; 0 = none */
    int longs;     /* l, ll (also j) */
    bool is_size;  /* z, t */
    bool is_whole; /* nothing around it */
};

static struct conversion find_conversion(const char *format)
{
    struct conversion found = {0};
    const char *at = strchr(format, '%');
    while (at && at[1] == '%')
        at = strchr(at + 2, '%');
    if (!at)
        return found;
    bool at_start = at == format;
    at += 1 + strspn(at + 1, "-+ #0123456789.");
    for (; *at && strchr("hljzt", *at); at++) {
        found.longs += *at == 'l' ? 1 : *at == 'j' ? 2 : 0;
        found.is_size |= *at == 'z' || *at == 't';
    }
    switch (*at) {
    case 'd':
    case 'i':
        found.kind = 'd';
        break;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        found.kind = 'u';
        break;
    case 'e':
    case 'f':
    case 'g':
        found.kind = 'f';
        break;
    default:
        found.kind = *at;
    }
    found.is_whole = at_start && at[0] && !at[1] && (found.kind == 'd' || *at == 'u');
    return found;
}

/* The argument is taken by its own type: a va_list that vsnprintf has used may not be used again. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void print_value(char *text, size_t size, const char *format, struct conversion conversion, va_list *args)
{
    switch (conversion.kind) {
    case 's':
        snprintf(text, size, format, va_arg(*args, const char *));
        break;
    case 'p':
        snprintf(text, size, format, va_arg(*args, void *));
        break;
    case 'f':
        snprintf(text, size, format, va_arg(*args, double));
        break;
    case 'd':
    case 'u':
        if (conversion.is_size || conversion.longs == 1)
            snprintf(text, size, format, va_arg(*args, long));
        else if (conversion.longs >= 2)
            snprintf(text, size, format, va_arg(*args, long long));
        else
            snprintf(text, size, format, va_arg(*args, int));
        break;
    case 'c':
        snprintf(text, size, format, va_arg(*args, int));
        break;
    case 0: /* no conversion and no argument */
        snprintf(text, size, format, 0);
        break;
    default: /* what was passed for it cannot be told */
        snprintf(text, size, "(%s)", format);
    }
}
#pragma GCC diagnostic pop

/* --- lines --- */

/* Inside quotes: what could end the string, the line or a terminal's patience is escaped. */
static void put_escaped(struct tl_buf *buf, const char *text)
{
    size_t bad, size = strlen(text);
    if (!tl_utf8_valid(text, size, &bad)) {
        char *clean = tl_heap_strdup(text);
        for (size_t at = 0; !tl_utf8_valid(clean + at, size - at, &bad); at += bad)
            clean[at + bad] = '?';
        put_escaped(buf, clean);
        free(clean);
        return;
    }
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            tl_buf_addf(buf, "\\%c", c);
        else if (c == '\n')
            tl_buf_adds(buf, "\\n");
        else if (c < 0x20 || c == 0x7F)
            tl_buf_addf(buf, "\\u%04x", c);
        else
            tl_buf_addc(buf, (char)c);
    }
}

static void put_quoted(struct tl_buf *buf, const char *text)
{
    tl_buf_addc(buf, '"');
    put_escaped(buf, text);
    tl_buf_addc(buf, '"');
}

static void put_pair(struct tl_buf *buf, bool human, const char *key, const char *value, bool number)
{
    bool bare = number || (human && value[0] && !value[strcspn(value, " \"\\=\t\r\n\033")]);
    if (human)
        tl_buf_addf(buf, " %s=", key);
    else
        tl_buf_addf(buf, ",\"%s\":", key);
    if (number)
        tl_buf_adds(buf, value);
    else if (bare)
        put_escaped(buf, value);
    else
        put_quoted(buf, value);
}

static void put_time(struct tl_buf *buf, bool human)
{
    int64_t now_us = tl_clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm parts;
    char text[TL_CLOCK_TEXT_SIZE];
    if (!human) {
        tl_clock_text(text, now_us, 6);
        tl_buf_adds(buf, text);
        return;
    }
    localtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%H:%M:%S", &parts);
    tl_buf_addf(buf, "%s.%03d", text, (int)(now_us % 1000000 / 1000));
}

static void begin_line(struct tl_buf *buf, bool human, enum tl_log_level level, const char *room, const char *message)
{
    if (human) {
        bool colour = atomic_load(&log_colour);
        put_time(buf, true);
        tl_buf_addf(buf, " %s%-5s%s %s: ", colour ? level_colours[level] : "", level_names[level], colour ? "\033[0m" : "", room);
        put_escaped(buf, message);
        return;
    }
    tl_buf_adds(buf, "{\"time\":\"");
    put_time(buf, false);
    tl_buf_addf(buf, "\",\"level\":\"%s\",\"room\":\"%s\",\"message\":", level_names[level], room);
    put_quoted(buf, message);
}

static void end_line(struct tl_buf *buf, bool human)
{
    tl_buf_adds(buf, human ? "\n" : "}\n");
    if (!buf->failed && write(atomic_load(&log_fd), buf->data, buf->size) < 0) {
        /* there is nowhere left to say so */
    }
    tl_buf_done(buf);
}

void tl_log(enum tl_log_level level, const char *room, const char *message, ...)
{
    if (!is_enabled(level))
        return;
    struct tl_buf buf;
    bool human = atomic_load(&log_human);
    va_list args;
    tl_buf_init(&buf, LINE_BYTES_MAX);
    begin_line(&buf, human, level, room, message);
    va_start(args, message);
    for (int i = 0; i < PAIRS_MAX; i++) {
        const char *key = va_arg(args, const char *);
        if (!key)
            break;
        const char *format = va_arg(args, const char *);
        struct conversion conversion = find_conversion(format);
        char value[VALUE_BYTES_MAX];
        print_value(value, sizeof value, format, conversion, &args);
        put_pair(&buf, human, key, value, conversion.is_whole);
    }
    va_end(args);
    end_line(&buf, human);
}

void tl_log_err(enum tl_log_level level, const char *room, const char *message, const struct tl_err *err)
{
    if (!is_enabled(level))
        return;
    struct tl_buf buf;
    bool human = atomic_load(&log_human);
    tl_buf_init(&buf, LINE_BYTES_MAX);
    begin_line(&buf, human, level, room, message);
    put_pair(&buf, human, "code", tl_code_info(err->code)->name, false);
    put_pair(&buf, human, "error", err->message, false);
    if (err->detail[0])
        put_pair(&buf, human, "detail", err->detail, false);
    if (err->hint[0])
        put_pair(&buf, human, "hint", err->hint, false);
    end_line(&buf, human);
}

#include "data/sse.h"

#include <string.h>

enum { FIELD_ROOM = 1024 };

void tl_sse_init(struct tl_sse *sse, size_t data_bytes_max)
{
    *sse = (struct tl_sse){.data_bytes_max = data_bytes_max};
    tl_buf_init(&sse->line, data_bytes_max + FIELD_ROOM);
    tl_buf_init(&sse->data, data_bytes_max);
}

void tl_sse_done(struct tl_sse *sse)
{
    tl_buf_done(&sse->line);
    tl_buf_done(&sse->data);
}

void tl_sse_feed(struct tl_sse *sse, struct tl_str bytes)
{
    sse->rest = bytes.data;
    sse->rest_size = bytes.size;
}

static void add_data(struct tl_sse *sse, struct tl_str value)
{
    if (sse->has_data)
        tl_buf_addc(&sse->data, '\n');
    tl_buf_add(&sse->data, value.data, value.size);
    sse->has_data = true;
}

static void read_field(struct tl_sse *sse)
{
    struct tl_str line = {sse->line.data, sse->line.size}, value = {"", 0};
    const char *colon = memchr(line.data, ':', line.size);
    size_t name_size = colon ? (size_t)(colon - line.data) : line.size;
    if (colon)
        value = (struct tl_str){colon + 1, line.size - name_size - 1};
    if (value.size && value.data[0] == ' ')
        value = (struct tl_str){value.data + 1, value.size - 1};
    struct tl_str name = {line.data, name_size};
    if (tl_str_equal(name, TL_STR("data")))
        add_data(sse, value);
    else if (tl_str_equal(name, TL_STR("event"))) {
        struct tl_str cut = tl_utf8_cut(value, sizeof sse->name - 1);
        memcpy(sse->name, cut.data, cut.size);
        sse->name[cut.size] = '\0';
    }
}

/* At an empty line: true when there is an event. */
static bool dispatch(struct tl_sse *sse, struct tl_sse_event *ret_event)
{
    bool found = sse->has_data;
    if (found)
        *ret_event = (struct tl_sse_event){sse->name[0] ? sse->name : "message", {tl_buf_cstr(&sse->data), sse->data.size}};
    sse->given = true;
    return found;
}

static void forget_given(struct tl_sse *sse)
{
    if (!sse->given)
        return;
    tl_buf_clear(&sse->data);
    sse->name[0] = '\0';
    sse->has_data = sse->given = false;
}

/* A whole line is in the buffer: true when it ended an event. */
static bool end_line(struct tl_sse *sse, struct tl_sse_event *ret_event)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (!sse->begun && sse->line.size >= 3 && memcmp(sse->line.data, mark, 3) == 0) {
        memmove(sse->line.data, sse->line.data + 3, sse->line.size - 3);
        sse->line.size -= 3;
    }
    sse->begun = true;
    bool found = false;
    if (sse->line.size == 0)
        found = dispatch(sse, ret_event);
    else
        read_field(sse);
    tl_buf_clear(&sse->line);
    return found;
}

static enum tl_code check_size(struct tl_sse *sse, struct tl_err *err)
{
    sse->too_large = sse->too_large || sse->line.failed || sse->data.failed;
    return sse->too_large ? tl_err_set(err, TL_TOO_LARGE, "an event of the stream is larger than %zu bytes", sse->data_bytes_max) : TL_OK;
}

static size_t line_size(const char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && bytes[at] != '\n' && bytes[at] != '\r')
        at++;
    return at;
}

enum tl_code tl_sse_next(struct tl_sse *sse, struct tl_sse_event *ret_event, bool *ret_found, struct tl_err *err)
{
    *ret_found = false;
    forget_given(sse);
    while (sse->rest_size > 0 && !*ret_found && check_size(sse, err) == TL_OK) {
        if (sse->after_carriage_return && sse->rest[0] == '\n') {
            sse->rest++;
            sse->rest_size--;
            sse->after_carriage_return = false;
            continue;
        }
        size_t size = line_size(sse->rest, sse->rest_size);
        tl_buf_add(&sse->line, sse->rest, size);
        bool whole = size < sse->rest_size;
        sse->after_carriage_return = whole && sse->rest[size] == '\r';
        sse->rest += size + whole;
        sse->rest_size -= size + whole;
        if (whole && !sse->line.failed)
            *ret_found = end_line(sse, ret_event);
        if (!*ret_found)
            forget_given(sse);
    }
    enum tl_code code = check_size(sse, err);
    *ret_found = *ret_found && code == TL_OK;
    return code;
}

enum tl_code tl_sse_finish(struct tl_sse *sse, struct tl_sse_event *ret_event, bool *ret_found, struct tl_err *err)
{
    *ret_found = false;
    forget_given(sse);
    enum tl_code code = check_size(sse, err);
    if (code != TL_OK)
        return code;
    if (sse->line.size > 0)
        (void)end_line(sse, ret_event);
    if ((code = check_size(sse, err)) == TL_OK)
        *ret_found = dispatch(sse, ret_event);
    return code;
}

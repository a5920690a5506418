/* Any bytes: what is read does not depend on how the bytes were cut, and no event is over the bound. */
#include <stdlib.h>
#include <string.h>

#include "data/sse.h"

enum { DATA_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(struct tl_buf *into, const struct tl_sse_event *event)
{
    if (event->data.size > DATA_MAX)
        abort();
    tl_buf_adds(into, event->name);
    tl_buf_addc(into, '=');
    tl_buf_add(into, event->data.data, event->data.size);
    tl_buf_addc(into, '\n');
}

static enum tl_code read_all(const uint8_t *data, size_t size, size_t step, struct tl_buf *into)
{
    struct tl_sse sse;
    struct tl_sse_event event;
    struct tl_err err;
    bool found = true;
    tl_err_init(&err);
    tl_sse_init(&sse, DATA_MAX);
    enum tl_code code = TL_OK;
    for (size_t at = 0; at < size && code == TL_OK; at += step) {
        tl_sse_feed(&sse, (struct tl_str){(const char *)data + at, at + step > size ? size - at : step});
        while ((code = tl_sse_next(&sse, &event, &found, &err)) == TL_OK && found)
            note(into, &event);
    }
    if (code == TL_OK && (code = tl_sse_finish(&sse, &event, &found, &err)) == TL_OK && found)
        note(into, &event);
    tl_sse_done(&sse);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_buf whole, cut;
    tl_buf_init(&whole, 4 << 20);
    tl_buf_init(&cut, 4 << 20);
    enum tl_code code = read_all(data, size, size ? size : 1, &whole);
    if (read_all(data, size, 1 + size % 7, &cut) != code || whole.size != cut.size ||
        (whole.size && memcmp(whole.data, cut.data, whole.size) != 0))
        abort();
    tl_buf_done(&whole);
    tl_buf_done(&cut);
    return 0;
}

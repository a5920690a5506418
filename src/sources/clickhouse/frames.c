/* ClickHouse's own compression (compress=1): u8[16] checksum, u8 method, u32 size with these 9 bytes, u32 raw size,
 * data.  The checksum is left to TCP and TLS. */
#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#include "sources/clickhouse/source_int.h"

enum {
    CHECKSUM_SIZE = 16,
    HEADER_SIZE = 9,
    FRAME_BYTES_MAX = 128 * 1024 * 1024,
    METHOD_LZ4 = 0x82,
    METHOD_NONE = 0x02
};

struct tl_clickhouse_frames {
    struct tl_native_input input;
    struct tl_buf packed; /* bytes that came; from `at` on not used yet */
    size_t at;
    struct tl_buf raw;
};

tl_clickhouse_frames *tl_clickhouse_frames_new(struct tl_native_input input)
{
    tl_clickhouse_frames *frames = tl_heap_alloc(sizeof *frames);
    frames->input = input;
    tl_buf_init(&frames->packed, (size_t)FRAME_BYTES_MAX * 2);
    tl_buf_init(&frames->raw, FRAME_BYTES_MAX);
    return frames;
}

void tl_clickhouse_frames_free(tl_clickhouse_frames *frames)
{
    if (!frames)
        return;
    tl_buf_done(&frames->packed);
    tl_buf_done(&frames->raw);
    free(frames);
}

static enum tl_code wrong(struct tl_err *err)
{
    return tl_err_set(err, TL_SOURCE_PROTOCOL, "the server's answer is not in ClickHouse's compressed form");
}

/* At least `size` bytes are there.  *ret_end: the input ended before the first of them. */
static enum tl_code gather(tl_clickhouse_frames *frames, size_t size, bool *ret_end, struct tl_err *err)
{
    while (frames->packed.size - frames->at < size) {
        struct tl_str bytes;
        enum tl_code code = frames->input.read(frames->input.context, &bytes, err);
        if (code != TL_OK)
            return code;
        if (bytes.size == 0) {
            *ret_end = frames->packed.size == frames->at;
            return *ret_end ? TL_OK : wrong(err);
        }
        if (frames->at > 0) {
            memmove(frames->packed.data, frames->packed.data + frames->at, frames->packed.size - frames->at);
            frames->packed.size -= frames->at;
            frames->at = 0;
        }
        tl_buf_add(&frames->packed, bytes.data, bytes.size);
        if (frames->packed.failed)
            return wrong(err);
    }
    return TL_OK;
}

static enum tl_code unpack(tl_clickhouse_frames *frames, uint8_t method, const char *data, size_t size, size_t raw_size,
                           struct tl_err *err)
{
    tl_buf_clear(&frames->raw);
    char *room = tl_buf_reserve(&frames->raw, raw_size);
    if (method == METHOD_NONE && size == raw_size)
        memcpy(room, data, size);
    else if (method != METHOD_LZ4 || LZ4_decompress_safe(data, room, (int)size, (int)raw_size) != (int)raw_size)
        return wrong(err);
    tl_buf_commit(&frames->raw, raw_size);
    return TL_OK;
}

enum tl_code tl_clickhouse_frames_read(void *context, struct tl_str *ret_bytes, struct tl_err *err)
{
    tl_clickhouse_frames *frames = context;
    bool end = false;
    *ret_bytes = (struct tl_str){0};
    enum tl_code code = gather(frames, CHECKSUM_SIZE + HEADER_SIZE, &end, err);
    if (code != TL_OK || end)
        return code;
    uint32_t size, raw_size;
    const char *header = frames->packed.data + frames->at + CHECKSUM_SIZE;
    uint8_t method = (uint8_t)header[0];
    memcpy(&size, header + 1, sizeof size);
    memcpy(&raw_size, header + 5, sizeof raw_size);
    if (size <= HEADER_SIZE || size > FRAME_BYTES_MAX || raw_size == 0 || raw_size >= FRAME_BYTES_MAX)
        return wrong(err);
    code = gather(frames, CHECKSUM_SIZE + (size_t)size, &end, err);
    if (code == TL_OK && end)
        code = wrong(err);
    if (code == TL_OK)
        code = unpack(frames, method, frames->packed.data + frames->at + CHECKSUM_SIZE + HEADER_SIZE,
                      size - HEADER_SIZE, raw_size, err);
    if (code != TL_OK)
        return code;
    frames->at += CHECKSUM_SIZE + (size_t)size;
    *ret_bytes = (struct tl_str){frames->raw.data, frames->raw.size};
    return TL_OK;
}

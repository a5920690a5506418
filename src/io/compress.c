#include "io/compress.h"

#include <lz4.h>
#include <zstd.h>

enum { ZSTD_LEVEL = 1 /* results are read once, at once: speed before size */ };

static size_t bound(enum tl_compression how, size_t size)
{
    return how == TL_COMPRESSION_LZ4 ? (size_t)LZ4_compressBound((int)size) : ZSTD_compressBound(size);
}

bool tl_compress(enum tl_compression how, struct tl_str bytes, struct tl_buf *to)
{
    if (how == TL_COMPRESSION_NONE || bytes.size > TL_COMPRESS_BYTES_MAX)
        return false;
    size_t room = bound(how, bytes.size), size = 0;
    char *at = tl_buf_reserve(to, room);
    if (!at)
        return false;
    if (how == TL_COMPRESSION_LZ4) {
        int written = LZ4_compress_default(bytes.data, at, (int)bytes.size, (int)room);
        size = written > 0 ? (size_t)written : 0;
    } else {
        size = ZSTD_compress(at, room, bytes.data, bytes.size, ZSTD_LEVEL);
        size = ZSTD_isError(size) ? 0 : size;
    }
    tl_buf_commit(to, size);
    return size > 0;
}

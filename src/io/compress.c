#include "io/compress.h"

#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/arena.h"

enum { ZSTD_LEVEL = 1 /* results are read once, at once: speed before size */ };

struct tl_compressor {
    enum tl_compression how;
    ZSTD_CCtx *zstd;
};

tl_compressor *tl_compressor_new(enum tl_compression how)
{
    tl_compressor *compressor = tl_heap_alloc(sizeof *compressor);
    compressor->how = how;
    compressor->zstd = how == TL_COMPRESSION_ZSTD ? ZSTD_createCCtx() : NULL;
    return compressor;
}

tl_compressor *tl_compressor_free(tl_compressor *compressor)
{
    if (compressor)
        ZSTD_freeCCtx(compressor->zstd);
    free(compressor);
    return NULL;
}

bool tl_compress(tl_compressor *compressor, struct tl_str bytes, struct tl_buf *to)
{
    bool lz4 = compressor->how == TL_COMPRESSION_LZ4;
    if (bytes.size > TL_COMPRESS_BYTES_MAX || (!lz4 && !compressor->zstd))
        return false;
    size_t room = lz4 ? (size_t)LZ4_compressBound((int)bytes.size) : ZSTD_compressBound(bytes.size), size;
    char *at = tl_buf_reserve(to, room);
    if (!at)
        return false;
    if (lz4) {
        int written = LZ4_compress_default(bytes.data, at, (int)bytes.size, (int)room);
        size = written > 0 ? (size_t)written : 0;
    } else {
        size = ZSTD_compressCCtx(compressor->zstd, at, room, bytes.data, bytes.size, ZSTD_LEVEL);
        size = ZSTD_isError(size) ? 0 : size;
    }
    tl_buf_commit(to, size);
    return size > 0;
}

/* One step of the stream into the buffer's next bytes; false: nothing more comes. */
static bool unpack_step(ZSTD_DStream *stream, ZSTD_inBuffer *in, struct tl_buf *to, size_t *ret_left)
{
    size_t step = ZSTD_DStreamOutSize(), free_bytes = to->max_size - to->size, room = free_bytes < step ? free_bytes : step;
    char *at = tl_buf_reserve(to, room ? room : 1); /* 1: beyond the limit, so the buffer fails */
    if (!at)
        return false;
    ZSTD_outBuffer out = {at, room, 0};
    size_t before = in->pos;
    *ret_left = ZSTD_decompressStream(stream, &out, in);
    tl_buf_commit(to, out.pos);
    return !ZSTD_isError(*ret_left) && (in->pos > before || out.pos > 0);
}

bool tl_zstd_unpack(struct tl_str packed, struct tl_buf *to)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    ZSTD_inBuffer in = {packed.data, packed.size, 0};
    size_t left = 1;
    while (stream && (in.pos < in.size || left != 0) && unpack_step(stream, &in, to, &left)) {
    }
    ZSTD_freeDStream(stream);
    return left == 0 && in.pos == in.size;
}

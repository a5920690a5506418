/* gzip of answers, only where the handler allows it: compressing a secret next to foreign text leaks its bytes. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/http_server_int.h"

enum {
    GZIP_WINDOW_BITS = 15 + 16 /* with a gzip header */,
    GZIP_MEMORY_LEVEL = 8,
    GZIP_LEVEL = 4,
    PIECE_BYTES = 16 * 1024
};

struct http_gzip {
    z_stream zlib;
    unsigned char piece[PIECE_BYTES];
};

/* Is "gzip" or "*" offered with a weight that is not 0? */
bool http_gzip_accepted(tl_http_exchange *exchange)
{
    const char *at = tl_http_header(exchange, "Accept-Encoding");
    while (at && *at) {
        size_t size = strcspn(at, ",");
        struct tl_str item = {at, size};
        while (item.size && (item.data[0] == ' ' || item.data[0] == '\t')) {
            item.data++;
            item.size--;
        }
        size_t name_size = 0;
        while (name_size < item.size && !strchr("; \t", item.data[name_size]))
            name_size++;
        struct tl_str name = {item.data, name_size};
        const char *weight = memmem(item.data, item.size, "q=", 2);
        double q = weight ? strtod(weight + 2, NULL) : 1;
        if (tl_str_equal_nocase(name, TL_STR("gzip")) || tl_str_equal(name, TL_STR("*")))
            return q > 0;
        at += size + (at[size] == ',');
    }
    return false;
}

struct http_gzip *http_gzip_new(void)
{
    struct http_gzip *gzip = tl_heap_alloc(sizeof *gzip);
    if (deflateInit2(&gzip->zlib, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) ==
        Z_OK)
        return gzip;
    free(gzip);
    return NULL;
}

struct http_gzip *http_gzip_free(struct http_gzip *gzip)
{
    if (gzip)
        deflateEnd(&gzip->zlib);
    free(gzip);
    return NULL;
}

bool http_gzip_write(struct http_gzip *gzip, const void *bytes, size_t size, bool last,
                     bool (*put)(void *context, const void *bytes, size_t size), void *context)
{
    z_stream *zlib = &gzip->zlib;
    enum { INPUT_MAX = 1 << 30 }; /* zlib counts in unsigned int */
    size_t done = 0;
    do {
        size_t part = size - done < INPUT_MAX ? size - done : INPUT_MAX;
        zlib->next_in = (Bytef *)(uintptr_t)bytes + done;
        zlib->avail_in = (uInt)part;
        done += part;
        do {
            zlib->next_out = gzip->piece;
            zlib->avail_out = PIECE_BYTES;
            deflate(zlib, last && done == size ? Z_FINISH : Z_NO_FLUSH);
            size_t made = PIECE_BYTES - zlib->avail_out;
            if (made && !put(context, gzip->piece, made))
                return false;
        } while (zlib->avail_out == 0);
    } while (done < size);
    return true;
}

static bool put_in_buf(void *context, const void *bytes, size_t size)
{
    struct tl_buf *buf = context;
    tl_buf_add(buf, bytes, size);
    return !buf->failed;
}

struct tl_str http_gzip_whole(tl_arena *arena, struct tl_str body)
{
    struct http_gzip *gzip = http_gzip_new();
    if (!gzip)
        return body;
    struct tl_buf buf;
    tl_buf_init(&buf, body.size - 1);
    struct tl_str result = body;
    if (http_gzip_write(gzip, body.data, body.size, true, put_in_buf, &buf))
        result = (struct tl_str){tl_arena_strndup(arena, buf.data, buf.size), buf.size};
    tl_buf_done(&buf);
    http_gzip_free(gzip);
    return result;
}

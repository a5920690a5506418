/* io/compress.h -- whole blocks of bytes made smaller: zstd frames and plain LZ4 blocks; and zstd frames made whole again.
 *
 * Owns: writes into the caller's buffer.
 * Bounds: a block of at most TL_COMPRESS_BYTES_MAX.
 */
#ifndef TL_IO_COMPRESS_H
#define TL_IO_COMPRESS_H

#include "base/str.h"

enum tl_compression { TL_COMPRESSION_NONE, TL_COMPRESSION_LZ4, TL_COMPRESSION_ZSTD };
enum { TL_COMPRESS_BYTES_MAX = 256 * 1024 * 1024 };

/* Working memory for many blocks one after the other; one thread at a time. */
typedef struct tl_compressor tl_compressor;
tl_compressor *tl_compressor_new(enum tl_compression how);
tl_compressor *tl_compressor_free(tl_compressor *compressor);

/* Adds the compressed bytes to `to`.  false: there is no compression, the block is too large, or `to` has no room for it. */
bool tl_compress(tl_compressor *compressor, struct tl_str bytes, struct tl_buf *to);

/* Adds the plain bytes of one or more zstd frames to `to`, at most as many as it has room for (then it is marked failed).
 * false: they are no whole frames. */
bool tl_zstd_unpack(struct tl_str packed, struct tl_buf *to);

#endif

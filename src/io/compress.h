/* io/compress.h -- whole blocks of bytes made smaller: zstd frames and plain LZ4 blocks.
 *
 * Owns: writes into the caller's buffer.  Threads: any; each call is for itself.
 * Bounds: a block of at most TL_COMPRESS_BYTES_MAX.
 */
#ifndef TL_IO_COMPRESS_H
#define TL_IO_COMPRESS_H

#include "base/str.h"

enum tl_compression { TL_COMPRESSION_NONE, TL_COMPRESSION_LZ4, TL_COMPRESSION_ZSTD };
enum { TL_COMPRESS_BYTES_MAX = 256 * 1024 * 1024 };

/* Adds the compressed bytes to `to`.  false: the block is too large, or `to` has no room for it. */
bool tl_compress(enum tl_compression how, struct tl_str bytes, struct tl_buf *to);

#endif

/* sources/clickhouse/native.h -- ClickHouse's Native format, decoded from a stream straight into vectors.
 *
 * Why: Native is the columns as ClickHouse holds them: the cheapest form to make and to read.
 * How: a reader finds the borders of one block at a time (tl_native_read), copying the network's bytes once into the
 *   block; any number of blocks can then be converted at the same time, slice by slice (tl_native_convert).
 * Layout (client_protocol_version 54337..54453; varuint = LEB128, integers little endian):
 *   stream = block*, no terminator; block = info, varuint columns, varuint rows, column*
 *   info   = 01 u8, 02 i32, 00        column = varuint size, name, varuint size, type, prefixes, data
 * Owns: reader and block own their memory until _free.  Types given must outlive both.
 * Threads: a reader is used by one thread at a time, a block too, different blocks by different threads.
 * Bounds: block TL_NATIVE_BLOCK_BYTES_MAX, rows of any (nested) column TL_NATIVE_ROWS_MAX.  Every size and offset of
 *   the stream is checked before it is used.
 * Errors: TL_SOURCE_PROTOCOL (not Native, or cut short), TL_SOURCE_CHANGED (a column's type is not the one expected),
 *   those of the server's exception, TL_TOO_LARGE, TL_BAD_ENCODING (text that is not UTF-8), TL_INVALID_VALUE (a value our type
 *   cannot hold), and whatever the input reports.
 */
#ifndef TL_SOURCES_CLICKHOUSE_NATIVE_H
#define TL_SOURCES_CLICKHOUSE_NATIVE_H

#include "data/vector.h"
#include "sources/clickhouse/type.h"

enum { TL_NATIVE_READ_ROOM = 128 * 1024, TL_NATIVE_BLOCK_BYTES_MAX = 512 * 1024 * 1024, TL_NATIVE_ROWS_MAX = 1 << 26, TL_NATIVE_TAG_SIZE_MAX = 64 };

/* Where the bytes come from: at least 1 byte, or none at the end.  Valid until the next call. */
struct tl_native_input {
    enum tl_code (*read)(void *context, struct tl_str *ret_bytes, struct tl_err *err);
    /* NULL: only `read`.  The bytes straight into room of TL_NATIVE_READ_ROOM at least; 0 = the end. */
    enum tl_code (*read_into)(void *context, char *room, size_t room_size, size_t *ret_size, struct tl_err *err);
    void *context;
};

/* What a column of the stream must be. */
struct tl_native_column {
    const char *name;    /* for errors */
    struct tl_type type; /* what it is converted to; id TL_TYPE_INVALID: any (it is then not converted) */
    bool strings_as_blob;
    int average_bits;    /* not 0: Tuple(sum of 128 bits, count) that becomes their quotient, a DOUBLE, divided as the engine
                          * does it: values of 16 bits in double, others in long double */
    int average_scale;   /* digits of the sum behind the point */
};

typedef struct tl_native_reader tl_native_reader;
typedef struct tl_native_block tl_native_block;

/* exception_tag: value of the header X-ClickHouse-Exception-Tag, NULL when there was none. */
tl_native_reader *tl_native_reader_new(struct tl_native_input input, const struct tl_native_column *columns,
                                       size_t column_count, const char *exception_tag);
tl_native_reader *tl_native_reader_free(tl_native_reader *reader);

tl_native_block *tl_native_block_new(void);
tl_native_block *tl_native_block_free(tl_native_block *block);

/* The next block with rows; *ret_end: there is none. */
TL_CHECKED enum tl_code tl_native_read(tl_native_reader *reader, tl_native_block *block, bool *ret_end,
                                       struct tl_err *err);
size_t tl_native_rows(const tl_native_block *block);
/* What a column of the block just read becomes. */
const struct tl_type *tl_native_type(const tl_native_block *block, size_t column);

/* Rows from..from+count of a column into rows 0..count of the vector, whose type is the column's. */
TL_CHECKED enum tl_code tl_native_convert(tl_native_block *block, size_t column, size_t from, size_t count,
                                          struct tl_vector *vector, struct tl_err *err);

/* The server's words "Code: N. DB::Exception: text (NAME) (version ...)" as an error of ours.  TL_SOURCE_REJECTED: what was
 * asked for beyond plain rows may be why. */
enum tl_code tl_clickhouse_exception(struct tl_str text, int code, struct tl_err *err);

#endif

/* data/json.h -- read JSON documents (behind our own names: the library stays in json.c) and write JSON as a stream.
 *
 * Why: documents come from clients, catalogs and the engine's parser and are foreign bytes; results are written without a
 *   tree.  Integers keep all 64 bits, signed and unsigned; other numbers keep their text.
 * Owns: a document lives in the arena.  Strings are UTF-8 (checked), may hold NULs (use the size).
 * Bounds: TL_JSON_BYTES_MAX of text, TL_JSON_DEPTH_MAX deep; beyond: TL_TOO_LARGE.
 */
#ifndef TL_DATA_JSON_H
#define TL_DATA_JSON_H

#include "base/arena.h"
#include "base/str.h"

enum { TL_JSON_BYTES_MAX = 256 * 1024 * 1024, TL_JSON_DEPTH_MAX = 1024 };

typedef struct tl_json tl_json; /* one value; NULL = absent, and every reader takes NULL */

/* The bytes need not outlive the document. */
TL_CHECKED enum tl_code tl_json_parse(tl_arena *arena, const char *bytes, size_t size, const tl_json **ret_root, struct tl_err *err);

bool tl_json_is_null(const tl_json *value); /* JSON null (not: absent) */
bool tl_json_is_bool(const tl_json *value);
bool tl_json_is_number(const tl_json *value);
bool tl_json_is_string(const tl_json *value);
bool tl_json_is_array(const tl_json *value);
bool tl_json_is_object(const tl_json *value);

const tl_json *tl_json_get(const tl_json *object, const char *key); /* NULL: absent or not an object */
const char *tl_json_text(const tl_json *value);                     /* NULL: not a string */
struct tl_str tl_json_str(const tl_json *value);
const char *tl_json_get_text(const tl_json *object, const char *key); /* NULL: absent or not a string */
bool tl_json_bool(const tl_json *value, bool fallback);
/* false: not an integer or out of range */
bool tl_json_int64(const tl_json *value, int64_t *ret_number);
bool tl_json_uint64(const tl_json *value, uint64_t *ret_number);
bool tl_json_double(const tl_json *value, double *ret_number);
size_t tl_json_count(const tl_json *array_or_object);

/* for (struct tl_json_iter it = tl_json_iter(v); tl_json_next(&it);) use it.key (objects), it.value */
struct tl_json_iter {
    const char *key;
    const tl_json *value;
    const void *position;
    size_t left;
    bool object;
};
struct tl_json_iter tl_json_iter(const tl_json *array_or_object);
bool tl_json_next(struct tl_json_iter *iter);

/* Writing: into a buffer; commas are put where they belong.  Depth at most 64. */
struct tl_json_writer {
    struct tl_buf *buf;
    uint64_t has_items; /* bit per depth */
    int depth;
    bool after_key;
};
void tl_json_writer_init(struct tl_json_writer *writer, struct tl_buf *buf);
void tl_json_begin_object(struct tl_json_writer *writer);
void tl_json_end_object(struct tl_json_writer *writer);
void tl_json_begin_array(struct tl_json_writer *writer);
void tl_json_end_array(struct tl_json_writer *writer);
void tl_json_key(struct tl_json_writer *writer, const char *key);
void tl_json_put_text(struct tl_json_writer *writer, const char *text); /* NULL writes null; invalid UTF-8 becomes U+FFFD */
void tl_json_put_str(struct tl_json_writer *writer, struct tl_str text);
void tl_json_put_int64(struct tl_json_writer *writer, int64_t number);
void tl_json_put_uint64(struct tl_json_writer *writer, uint64_t number);
void tl_json_put_double(struct tl_json_writer *writer, double number);
void tl_json_put_bool(struct tl_json_writer *writer, bool value);
void tl_json_put_null(struct tl_json_writer *writer);
void tl_json_put_raw(struct tl_json_writer *writer, struct tl_str json);
void tl_json_put_base64(struct tl_json_writer *writer, struct tl_str bytes);
/* Copy a parsed value as it was (numbers by their text). */
void tl_json_put_value(struct tl_json_writer *writer, const tl_json *value);
/* key + value in one call */
void tl_json_pair_text(struct tl_json_writer *writer, const char *key, const char *text);
void tl_json_pair_int64(struct tl_json_writer *writer, const char *key, int64_t number);
void tl_json_pair_bool(struct tl_json_writer *writer, const char *key, bool value);
/* The inside of a JSON string, escaped, without the quotes. */
void tl_json_escape(struct tl_buf *buf, const char *bytes, size_t size);

#endif

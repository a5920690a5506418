/* engine/wire_int.h -- parts of wire.c that its messages are made of; private to engine/. */
#ifndef TL_ENGINE_WIRE_INT_H
#define TL_ENGINE_WIRE_INT_H

#include "engine/wire.h"

/* No list in a frame is longer. */
enum { TL_WIRE_LIST_MAX = 1 << 20 };

/* 0 or 1, all else is refused. */
bool tl_wire_flag(struct tl_wire_reader *reader);
/* Items that follow; refused when not even `least_size` bytes are left for each. */
size_t tl_wire_count(struct tl_wire_reader *reader, size_t least_size);

/* Fails the reader once the arena is over its limit: what a frame makes in memory may be many times its size. */
void tl_wire_check(struct tl_wire_reader *reader, const tl_arena *arena);

/* A text that may be absent: a flag before it. */
void tl_wire_put_optional(struct tl_buf *buf, const char *text);
const char *tl_wire_optional(struct tl_wire_reader *reader, tl_arena *arena);
void tl_wire_put_cstr(struct tl_buf *buf, const char *text); /* NULL as "" */
struct tl_str tl_wire_copy(struct tl_wire_reader *reader, tl_arena *arena);

struct tl_type tl_wire_type(struct tl_wire_reader *reader, tl_arena *arena);
void tl_wire_put_value(struct tl_buf *buf, const struct tl_value *value);
struct tl_value tl_wire_value(struct tl_wire_reader *reader, tl_arena *arena);

#endif

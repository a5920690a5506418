/* The binary form of a type: u8 id; DECIMAL: u8 precision, u8 scale; TIME and TIMESTAMP*: u8 scale;
 * LIST, STRUCT, MAP: u32 child_count, then per child (STRUCT: u32 size + name) and the child itself. */
#include <string.h>

#include "base/hex.h"
#include "data/types.h"

/* A type of n bytes becomes at most n nodes of memory; this keeps what a foreign frame can ask for small. */
enum { NODES_MAX = 16 * TL_TYPE_CHILDREN_MAX, FIELD_NAME_MAX = 64 * 1024, TYPE_BYTES_MAX = 1024 * 1024 };

static bool is_nested(enum tl_type_id id)
{
    return id == TL_TYPE_LIST || id == TL_TYPE_STRUCT || id == TL_TYPE_MAP;
}

static bool has_second_digits(enum tl_type_id id)
{
    return id == TL_TYPE_TIME || id == TL_TYPE_TIMESTAMP || id == TL_TYPE_TIMESTAMP_NS || id == TL_TYPE_TIMESTAMPTZ;
}

static void put_u32(struct tl_buf *buf, uint32_t number)
{
    tl_buf_add(buf, &number, sizeof number);
}

void tl_type_encode(struct tl_buf *buf, const struct tl_type *type)
{
    tl_buf_addc(buf, (char)type->id);
    if (type->id == TL_TYPE_DECIMAL)
        tl_buf_addc(buf, (char)type->precision);
    if (type->id == TL_TYPE_DECIMAL || has_second_digits(type->id))
        tl_buf_addc(buf, (char)type->scale);
    if (!is_nested(type->id))
        return;
    put_u32(buf, type->child_count);
    for (uint32_t i = 0; i < type->child_count; i++) {
        if (type->id == TL_TYPE_STRUCT) {
            struct tl_str name = tl_str_of(type->child_names ? type->child_names[i] : NULL);
            put_u32(buf, (uint32_t)name.size);
            tl_buf_add(buf, name.data, name.size);
        }
        tl_type_encode(buf, &type->children[i]);
    }
}

struct reader {
    tl_arena *arena;
    struct tl_str *bytes;
    struct tl_err *err;
    uint32_t nodes;
};

static enum tl_code refuse(struct reader *reader, const char *why)
{
    return tl_err_set(reader->err, TL_INTERNAL, "binary type cannot be read: %s", why);
}

static bool take(struct reader *reader, void *to, size_t size)
{
    if (reader->bytes->size < size)
        return false;
    memcpy(to, reader->bytes->data, size);
    reader->bytes->data += size;
    reader->bytes->size -= size;
    return true;
}

static enum tl_code read_name(struct reader *reader, const char **ret_name)
{
    uint32_t size;
    if (!take(reader, &size, sizeof size) || size > FIELD_NAME_MAX || size > reader->bytes->size)
        return refuse(reader, "it ends inside a field's name");
    const char *name = reader->bytes->data;
    if (memchr(name, '\0', size) || !tl_utf8_valid(name, size, NULL))
        return refuse(reader, "a field's name is not text");
    *ret_name = tl_arena_strndup(reader->arena, name, size);
    reader->bytes->data += size;
    reader->bytes->size -= size;
    return TL_OK;
}

static enum tl_code read_parameters(struct reader *reader, struct tl_type *type)
{
    if (type->id == TL_TYPE_DECIMAL) {
        if (!take(reader, &type->precision, 1) || !take(reader, &type->scale, 1))
            return refuse(reader, "it ends inside a decimal");
        if (type->precision < 1 || type->precision > 38 || type->scale > type->precision)
            return refuse(reader, "a decimal has no such precision and scale");
    } else if (has_second_digits(type->id)) {
        if (!take(reader, &type->scale, 1))
            return refuse(reader, "it ends inside a time");
        if (type->scale > (type->id == TL_TYPE_TIMESTAMP_NS ? 9 : 6))
            return refuse(reader, "a time has too many digits");
    }
    return TL_OK;
}

static enum tl_code read_type(struct reader *reader, int depth, struct tl_type *type);

static enum tl_code read_children(struct reader *reader, int depth, struct tl_type *type)
{
    uint32_t count;
    if (!take(reader, &count, sizeof count))
        return refuse(reader, "it ends inside a nested type");
    if (depth >= TL_TYPE_DEPTH_MAX)
        return refuse(reader, "it is nested too deeply");
    bool fits = type->id == TL_TYPE_LIST  ? count == 1
                : type->id == TL_TYPE_MAP ? count == 2
                                          : count >= 1 && count <= TL_TYPE_CHILDREN_MAX;
    if (!fits || count > reader->bytes->size)
        return refuse(reader, "a nested type has a wrong number of children");
    reader->nodes += count;
    if (reader->nodes > NODES_MAX)
        return refuse(reader, "it has too many parts");
    struct tl_type *children = TL_NEW_ARRAY(reader->arena, struct tl_type, count);
    const char **names = type->id == TL_TYPE_STRUCT ? TL_NEW_ARRAY(reader->arena, const char *, count) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        enum tl_code code = names ? read_name(reader, &names[i]) : TL_OK;
        if (code == TL_OK)
            code = read_type(reader, depth + 1, &children[i]);
        if (code != TL_OK)
            return code;
    }
    type->child_count = count;
    type->children = children;
    type->child_names = names;
    return TL_OK;
}

static enum tl_code read_type(struct reader *reader, int depth, struct tl_type *type)
{
    uint8_t id;
    if (!take(reader, &id, 1))
        return refuse(reader, "it ends too early");
    if (id == TL_TYPE_INVALID || id > TL_TYPE_LAST)
        return refuse(reader, "it has an unknown kind");
    *type = tl_type_simple((enum tl_type_id)id);
    return is_nested(type->id) ? read_children(reader, depth, type) : read_parameters(reader, type);
}

enum tl_code tl_type_decode(tl_arena *arena, struct tl_str *bytes, struct tl_type *ret_type, struct tl_err *err)
{
    struct reader reader = {.arena = arena, .bytes = bytes, .err = err};
    *ret_type = tl_type_simple(TL_TYPE_INVALID);
    return read_type(&reader, 0, ret_type);
}

void tl_type_encode_hex(struct tl_buf *buf, const struct tl_type *type)
{
    struct tl_buf bytes;
    tl_buf_init(&bytes, TYPE_BYTES_MAX);
    tl_type_encode(&bytes, type);
    char *digits = bytes.failed ? NULL : tl_buf_reserve(buf, 2 * bytes.size);
    if (digits) {
        tl_hex_write(digits, bytes.data, bytes.size);
        tl_buf_commit(buf, 2 * bytes.size);
    }
    tl_buf_done(&bytes);
}

enum tl_code tl_type_decode_hex(tl_arena *arena, const char *hex, struct tl_type *ret_type, struct tl_err *err)
{
    size_t digits = hex ? strlen(hex) : 0;
    char *bytes = tl_arena_alloc(arena, digits / 2 + 1);
    if (digits % 2 || !tl_hex_read(bytes, hex, digits / 2))
        return tl_err_set(err, TL_STATE, "a stored type is not in hexadecimal digits");
    struct tl_str left = {bytes, digits / 2};
    enum tl_code code = tl_type_decode(arena, &left, ret_type, err);
    if (code == TL_OK && left.size > 0)
        code = tl_err_set(err, TL_STATE, "a stored type has bytes left over");
    return code;
}

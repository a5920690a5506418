/* The borders: one pass over a block that finds where each column's values are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sources/clickhouse/native_int.h"

enum {
    ROOM_FIRST = 2 * 1024 * 1024,
    TAIL_SIZE_MAX = 1024 * 1024,
    READ_AT_ONCE_MAX = 2 * TL_NATIVE_READ_ROOM,
    TYPES_BYTES_MAX = 64 * 1024 * 1024,
    LOW_CARDINALITY_VERSION = 1,
    LOW_CARDINALITY_GLOBAL = 0x100,
    LOW_CARDINALITY_OWN_KEYS = 0x200,
    INFO_OVERFLOWS = 1,
    INFO_BUCKET = 2
};

struct column {
    struct tl_str type_text;
    struct tl_clickhouse_type *type;
};

struct tl_native_reader {
    struct tl_native_input input;
    struct tl_str chunk; /* what the input gave last and is not copied yet */
    char *carry;         /* read_into: what was read of the next block */
    const struct tl_native_column *expected;
    size_t column_count;
    struct column *columns;
    tl_arena *arena;
    char tag[TL_NATIVE_TAG_SIZE_MAX + 1];
    bool ended, failed;
};

tl_native_reader *tl_native_reader_new(struct tl_native_input input, const struct tl_native_column *columns,
                                       size_t column_count, const char *exception_tag)
{
    tl_native_reader *reader = tl_heap_alloc(sizeof *reader);
    reader->input = input;
    reader->expected = columns;
    reader->column_count = column_count;
    reader->arena = tl_arena_new(TYPES_BYTES_MAX);
    reader->columns = TL_NEW_ARRAY(reader->arena, struct column, column_count);
    if (exception_tag && strlen(exception_tag) <= TL_NATIVE_TAG_SIZE_MAX)
        memcpy(reader->tag, exception_tag, strlen(exception_tag));
    return reader;
}

tl_native_reader *tl_native_reader_free(tl_native_reader *reader)
{
    if (reader) {
        free(reader->carry);
        tl_arena_free(reader->arena);
        free(reader);
    }
    return NULL;
}

tl_native_block *tl_native_block_new(void)
{
    tl_native_block *block = tl_heap_alloc(sizeof *block);
    block->arena = tl_arena_new(TYPES_BYTES_MAX);
    return block;
}

static void free_node(struct tl_native_node *node)
{
    free(node->pieces);
    free(node->key_texts);
    free(node->key_slices);
    for (uint32_t i = 0; i < node->child_count; i++)
        free_node(&node->children[i]);
}

tl_native_block *tl_native_block_free(tl_native_block *block)
{
    if (block) {
        for (size_t i = 0; i < block->column_count; i++)
            free_node(&block->nodes[i]);
        tl_arena_free(block->arena);
        free(block->bytes);
        free(block);
    }
    return NULL;
}

size_t tl_native_rows(const tl_native_block *block)
{
    return block->rows;
}

const struct tl_type *tl_native_type(const tl_native_block *block, size_t column)
{
    return &block->nodes[column].type->type;
}

static enum tl_code wrong(const char *what, struct tl_err *err)
{
    return tl_err_set(err, TL_SOURCE_PROTOCOL, "the server's answer is not in ClickHouse's Native format: %s", what);
}

static enum tl_code too_large(const char *what, struct tl_err *err)
{
    tl_err_set(err, TL_TOO_LARGE, "%s of the server's answer is too large", what);
    tl_err_detail(err, "at most %d bytes a block and %d values a column are taken", (int)TL_NATIVE_BLOCK_BYTES_MAX,
                  (int)TL_NATIVE_ROWS_MAX);
    tl_err_hint(err,
                "read fewer columns, or lower preferred_block_size_bytes or max_block_size in the server's profile");
    return TL_TOO_LARGE;
}

static void make_room(tl_native_block *block, size_t size)
{
    size_t room = block->room ? block->room : ROOM_FIRST;
    while (room < block->size + size)
        room *= 2;
    if (room != block->room) {
        block->bytes = tl_heap_grow(block->bytes, room);
        block->room = room;
    }
}

/* Without a copy on the way. */
static enum tl_code pull_into(tl_native_reader *reader, tl_native_block *block, bool *ret_more, struct tl_err *err)
{
    size_t size;
    if (block->size + TL_NATIVE_READ_ROOM > TL_NATIVE_BLOCK_BYTES_MAX)
        return too_large("a block", err);
    make_room(block, TL_NATIVE_READ_ROOM);
    size_t room = block->room - block->size;
    enum tl_code code = reader->input.read_into(reader->input.context, (char *)block->bytes + block->size,
                                                room < READ_AT_ONCE_MAX ? room : READ_AT_ONCE_MAX, &size, err);
    if (code != TL_OK)
        return code;
    block->size += size;
    reader->ended = size == 0;
    *ret_more = size > 0;
    return TL_OK;
}

/* What was read too far belongs to the next block; it is still in the input's buffer, or kept aside. */
static void give_back(tl_native_reader *reader, tl_native_block *block)
{
    size_t beyond = block->size - block->at;
    block->size = block->at;
    if (!reader->input.read_into) {
        reader->chunk.data -= beyond;
        reader->chunk.size += beyond;
        return;
    }
    if (!reader->carry)
        reader->carry = tl_heap_alloc(READ_AT_ONCE_MAX);
    memcpy(reader->carry, block->bytes + block->at, beyond);
    reader->chunk = (struct tl_str){reader->carry, beyond};
}

/* The input's next bytes behind those of the block.  *ret_more false: the stream has ended. */
static enum tl_code pull(tl_native_reader *reader, tl_native_block *block, bool *ret_more, struct tl_err *err)
{
    *ret_more = false;
    if (reader->chunk.size == 0 && !reader->ended && reader->input.read_into)
        return pull_into(reader, block, ret_more, err);
    if (reader->chunk.size == 0 && !reader->ended) {
        enum tl_code code = reader->input.read(reader->input.context, &reader->chunk, err);
        if (code != TL_OK)
            return code;
        reader->ended = reader->chunk.size == 0;
    }
    if (reader->ended)
        return TL_OK;
    if (block->size + reader->chunk.size > TL_NATIVE_BLOCK_BYTES_MAX)
        return too_large("a block", err);
    make_room(block, reader->chunk.size);
    memcpy(block->bytes + block->size, reader->chunk.data, reader->chunk.size);
    block->size += reader->chunk.size;
    reader->chunk.data += reader->chunk.size;
    reader->chunk.size = 0;
    *ret_more = true;
    return TL_OK;
}

/* The next `size` bytes are in the block; *ret_offset is where, and the cursor is behind them. */
static enum tl_code need(tl_native_reader *reader, tl_native_block *block, uint64_t size, size_t *ret_offset,
                         struct tl_err *err)
{
    if (size > TL_NATIVE_BLOCK_BYTES_MAX)
        return too_large("a column", err);
    while (block->size - block->at < size) {
        bool more;
        enum tl_code code = pull(reader, block, &more, err);
        if (code != TL_OK)
            return code;
        if (!more)
            return wrong("it ends within a block", err);
    }
    *ret_offset = block->at;
    block->at += (size_t)size;
    return TL_OK;
}

static enum tl_code read_varuint(tl_native_reader *reader, tl_native_block *block, uint64_t *ret_number,
                                 struct tl_err *err)
{
    uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        size_t offset;
        enum tl_code code = need(reader, block, 1, &offset, err);
        if (code != TL_OK)
            return code;
        uint8_t byte = block->bytes[offset];
        number |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret_number = number;
            return TL_OK;
        }
    }
    return wrong("a number is too long", err);
}

static enum tl_code read_u64(tl_native_reader *reader, tl_native_block *block, uint64_t *ret_number, struct tl_err *err)
{
    size_t offset;
    enum tl_code code = need(reader, block, sizeof *ret_number, &offset, err);
    if (code == TL_OK)
        memcpy(ret_number, block->bytes + offset, sizeof *ret_number);
    return code;
}

static enum tl_code read_text(tl_native_reader *reader, tl_native_block *block, struct tl_native_piece *ret_text,
                              struct tl_err *err)
{
    uint64_t size;
    size_t offset = 0;
    enum tl_code code = read_varuint(reader, block, &size, err);
    if (code == TL_OK)
        code = need(reader, block, size, &offset, err);
    *ret_text = (struct tl_native_piece){(uint32_t)offset, code == TL_OK ? (uint32_t)size : 0};
    return code;
}

static void more_pieces(struct tl_native_node *node)
{
    node->piece_room = node->piece_room ? node->piece_room * 2 : 4096;
    node->pieces = tl_heap_grow(node->pieces, node->piece_room * sizeof *node->pieces);
}

/* Sizes and bytes take turns, so each string is visited; their places are kept for the conversion. */
static enum tl_code read_strings(tl_native_reader *reader, tl_native_block *block, struct tl_native_node *node,
                                 struct tl_err *err)
{
    for (size_t i = 0; i < node->rows; i++) {
        if (i == node->piece_room)
            more_pieces(node);
        size_t left = block->size - block->at;
        uint8_t first = left ? block->bytes[block->at] : 0xFF;
        if (first < 0x80 && left > first) {
            node->pieces[i] = (struct tl_native_piece){(uint32_t)block->at + 1, first};
            block->at += (size_t)first + 1;
            continue;
        }
        enum tl_code code = read_text(reader, block, &node->pieces[i], err);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

static enum tl_code read_data(tl_native_reader *reader, tl_native_block *block, struct tl_native_node *node,
                              uint64_t rows, struct tl_err *err);

static enum tl_code read_array(tl_native_reader *reader, tl_native_block *block, struct tl_native_node *node,
                               struct tl_err *err)
{
    uint64_t total = 0;
    enum tl_code code = need(reader, block, (uint64_t)node->rows * 8, &node->data, err);
    if (code != TL_OK)
        return code;
    if (node->rows > 0)
        memcpy(&total, block->bytes + node->data + (node->rows - 1) * 8, 8);
    for (uint32_t i = 0; code == TL_OK && i < node->child_count; i++)
        code = read_data(reader, block, &node->children[i], total, err);
    return code;
}

static enum tl_code read_low_cardinality(tl_native_reader *reader, tl_native_block *block, struct tl_native_node *node,
                                         struct tl_err *err)
{
    uint64_t flags, keys, rows;
    if (node->rows == 0)
        return TL_OK;
    enum tl_code code = read_u64(reader, block, &flags, err);
    if (code != TL_OK)
        return code;
    if ((flags & 0xFF) > 3 || (flags & LOW_CARDINALITY_GLOBAL) || !(flags & LOW_CARDINALITY_OWN_KEYS))
        return wrong("a dictionary is of an unknown kind", err);
    node->index_width = (uint8_t)(1U << (flags & 0xFF));
    code = read_u64(reader, block, &keys, err);
    if (code == TL_OK)
        code = read_data(reader, block, &node->children[0], keys, err);
    if (code == TL_OK)
        code = read_u64(reader, block, &rows, err);
    if (code != TL_OK)
        return code;
    if (rows != node->rows)
        return wrong("a dictionary is for another number of rows", err);
    if (keys > node->key_room) {
        node->key_texts = tl_heap_grow(node->key_texts, keys * sizeof *node->key_texts);
        node->key_slices = tl_heap_grow(node->key_slices, keys * sizeof *node->key_slices);
        node->key_room = keys;
    }
    if (keys > 0)
        memset(node->key_slices, 0, keys * sizeof *node->key_slices);
    node->slice = 0;
    node->keys_ready = false;
    return need(reader, block, rows * node->index_width, &node->data, err);
}

static enum tl_code read_data(tl_native_reader *reader, tl_native_block *block, struct tl_native_node *node,
                              uint64_t rows, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    if (rows > TL_NATIVE_ROWS_MAX)
        return too_large("a column", err);
    node->rows = (size_t)rows;
    switch (node->type->kind) {
    case TL_CLICKHOUSE_STRING:
        return read_strings(reader, block, node, err);
    case TL_CLICKHOUSE_FIXED_STRING:
        return need(reader, block, rows * node->type->fixed_size, &node->data, err);
    case TL_CLICKHOUSE_NULLABLE:
        code = need(reader, block, rows, &node->nulls, err);
        return code == TL_OK ? read_data(reader, block, &node->children[0], rows, err) : code;
    case TL_CLICKHOUSE_LOW_CARDINALITY:
        return read_low_cardinality(reader, block, node, err);
    case TL_CLICKHOUSE_ARRAY:
    case TL_CLICKHOUSE_MAP:
        return read_array(reader, block, node, err);
    case TL_CLICKHOUSE_TUPLE:
        for (uint32_t i = 0; code == TL_OK && i < node->child_count; i++)
            code = read_data(reader, block, &node->children[i], rows, err);
        return code;
    default:
        if (node->type->width == 0)
            return wrong("a column has a type that was not asked for", err);
        return need(reader, block, rows * node->type->width, &node->data, err);
    }
}

/* The prefixes of all nested types come before all data. */
static enum tl_code read_prefixes(tl_native_reader *reader, tl_native_block *block,
                                  const struct tl_clickhouse_type *type, struct tl_err *err)
{
    if (type->kind == TL_CLICKHOUSE_LOW_CARDINALITY) {
        uint64_t version;
        enum tl_code code = read_u64(reader, block, &version, err);
        return code != TL_OK || version == LOW_CARDINALITY_VERSION
                   ? code
                   : wrong("a dictionary is of an unknown version", err);
    }
    for (uint32_t i = 0; i < type->child_count; i++) {
        enum tl_code code = read_prefixes(reader, block, type->children[i], err);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

static void init_node(tl_arena *arena, struct tl_native_node *node, const struct tl_clickhouse_type *type)
{
    *node = (struct tl_native_node){.type = type, .child_count = type->child_count};
    if (type->child_count == 0)
        return;
    node->children = TL_NEW_ARRAY(arena, struct tl_native_node, type->child_count);
    for (uint32_t i = 0; i < type->child_count; i++)
        init_node(arena, &node->children[i],
                  type->kind == TL_CLICKHOUSE_LOW_CARDINALITY ? tl_clickhouse_type_bare(type) : type->children[i]);
}

static void init_nodes(tl_native_reader *reader, tl_native_block *block)
{
    block->column_count = reader->column_count;
    block->columns = reader->expected;
    block->nodes = TL_NEW_ARRAY(block->arena, struct tl_native_node, reader->column_count);
}

static enum tl_code changed_type(const struct tl_native_column *expected, struct tl_str text, struct tl_err *err)
{
    tl_err_set(err, TL_SOURCE_CHANGED, "column \"%s\" is not of the type it had when the source was listed",
               expected->name);
    if (tl_utf8_valid(text.data, text.size, NULL))
        tl_err_detail(err, "it is now %.*s", text.size < 500 ? (int)text.size : 500, text.data);
    tl_err_hint(err, "refresh the source and run the statement again");
    return TL_SOURCE_CHANGED;
}

/* Tuple(Nullable(a number of 128 bits), UInt64) */
static bool is_average(const struct tl_clickhouse_type *type)
{
    if (type->kind != TL_CLICKHOUSE_TUPLE || type->child_count != 2 || type->children[0]->kind != TL_CLICKHOUSE_NULLABLE)
        return false;
    const struct tl_clickhouse_type *sum = type->children[0]->children[0], *count = type->children[1];
    return (sum->kind == TL_CLICKHOUSE_INT || sum->kind == TL_CLICKHOUSE_DECIMAL) && sum->width == 16 &&
           count->kind == TL_CLICKHOUSE_UINT && count->width == 8;
}

static enum tl_code learn_type(tl_native_reader *reader, size_t index, struct tl_str text, struct tl_err *err)
{
    const struct tl_native_column *expected = &reader->expected[index];
    struct column *column = &reader->columns[index];
    if (column->type)
        return wrong("a column changes its type between blocks", err);
    column->type_text = (struct tl_str){tl_arena_strndup(reader->arena, text.data, text.size), text.size};
    struct tl_clickhouse_type *type;
    enum tl_code code = tl_clickhouse_type_parse(reader->arena, column->type_text, expected->strings_as_blob, &type,
                                                 err);
    if (code == TL_OK)
        code = tl_arena_check(reader->arena, "the types of a ClickHouse answer", err);
    bool good = code == TL_OK && type->type.id != TL_TYPE_INVALID &&
                (expected->average_bits ? is_average(type)
                                        : expected->type.id == TL_TYPE_INVALID || tl_type_equal(&expected->type, &type->type));
    if (code == TL_OK && !good)
        code = changed_type(expected, column->type_text, err);
    if (code == TL_OK)
        column->type = type;
    return code;
}

static enum tl_code read_column(tl_native_reader *reader, tl_native_block *block, size_t index, uint64_t rows,
                                struct tl_err *err)
{
    struct tl_native_piece name, type;
    enum tl_code code = read_text(reader, block, &name, err);
    if (code == TL_OK)
        code = read_text(reader, block, &type, err);
    if (code != TL_OK)
        return code;
    struct column *column = &reader->columns[index];
    struct tl_str text = {(const char *)block->bytes + type.start, type.size};
    if (!column->type || !tl_str_equal(column->type_text, text))
        code = learn_type(reader, index, text, err);
    if (code != TL_OK || rows == 0)
        return code;
    if (!block->nodes[index].type)
        init_node(block->arena, &block->nodes[index], column->type);
    code = read_prefixes(reader, block, column->type, err);
    return code == TL_OK ? read_data(reader, block, &block->nodes[index], rows, err) : code;
}

static enum tl_code read_info(tl_native_reader *reader, tl_native_block *block, struct tl_err *err)
{
    for (int fields = 0; fields < 8; fields++) {
        uint64_t field;
        size_t ignored;
        enum tl_code code = read_varuint(reader, block, &field, err);
        if (code != TL_OK || field == 0)
            return code;
        if (field != INFO_OVERFLOWS && field != INFO_BUCKET)
            break;
        code = need(reader, block, field == INFO_OVERFLOWS ? 1 : 4, &ignored, err);
        if (code != TL_OK)
            return code;
    }
    return wrong("a block's description is of an unknown kind", err);
}

static enum tl_code read_block(tl_native_reader *reader, tl_native_block *block, struct tl_err *err)
{
    uint64_t columns, rows;
    if (block->bytes[0] != INFO_OVERFLOWS)
        return wrong("no block begins where one should", err);
    enum tl_code code = read_info(reader, block, err);
    if (code == TL_OK)
        code = read_varuint(reader, block, &columns, err);
    if (code == TL_OK)
        code = read_varuint(reader, block, &rows, err);
    if (code != TL_OK)
        return code;
    if (rows > TL_NATIVE_ROWS_MAX)
        return too_large("a block", err);
    if (columns == 0 && rows == 0)
        return TL_OK;
    if (columns != reader->column_count)
        return wrong("a block has another number of columns than was asked for", err);
    for (size_t i = 0; i < reader->column_count; i++) {
        code = read_column(reader, block, i, rows, err);
        if (code != TL_OK)
            return code;
    }
    block->rows = (size_t)rows;
    return TL_OK;
}

/* Where the server's words about a failure begin in the block's bytes; empty when there are none. */
static struct tl_str exception_text(const tl_native_reader *reader, const tl_native_block *block)
{
    static const char mark[] = "\r\n__exception__\r\n", plain[] = "Code: ";
    const char *bytes = (const char *)block->bytes;
    char tagged[sizeof mark + TL_NATIVE_TAG_SIZE_MAX + 2];
    int size = snprintf(tagged, sizeof tagged, "%s%s\r\n", mark, reader->tag);
    const char *found = reader->tag[0] && block->size ? memmem(bytes, block->size, tagged, (size_t)size) : NULL;
    if (found) {
        const char *start = found + size, *end = bytes + block->size;
        const char *last = memmem(start, (size_t)(end - start), reader->tag, strlen(reader->tag));
        while (last && last > start && *last != '\n') /* a line "<size> <tag>" closes the text */
            last--;
        return (struct tl_str){start, (size_t)((last ? last : end) - start)};
    }
    /* without a tag (old servers, compressed answers) the words stand alone where a block should begin */
    if (block->size > sizeof plain && memcmp(bytes, plain, sizeof plain - 1) == 0)
        return (struct tl_str){bytes, block->size};
    return (struct tl_str){0};
}

/* The stream is no good any more: say what the server says of it, when it does. */
static enum tl_code explain(tl_native_reader *reader, tl_native_block *block, struct tl_err *err)
{
    struct tl_err ignored;
    tl_err_init(&ignored);
    bool more = true;
    for (size_t tail = 0, before = block->size; more && tail < TAIL_SIZE_MAX; tail = block->size - before)
        if (pull(reader, block, &more, &ignored) != TL_OK)
            break;
    struct tl_str text = exception_text(reader, block);
    if (text.size == 0)
        return err->code;
    tl_err_init(err);
    return tl_clickhouse_exception(text, 0, err);
}

enum tl_code tl_native_read(tl_native_reader *reader, tl_native_block *block, bool *ret_end, struct tl_err *err)
{
    *ret_end = false;
    if (reader->failed)
        return tl_err_set(err, TL_SOURCE_PROTOCOL, "the server's answer has failed before");
    if (!block->nodes)
        init_nodes(reader, block);
    do {
        bool more;
        block->size = block->at = block->rows = 0;
        enum tl_code code = pull(reader, block, &more, err);
        if (code == TL_OK && !more) {
            *ret_end = true;
            return TL_OK;
        }
        if (code == TL_OK)
            code = read_block(reader, block, err);
        if (code != TL_OK) {
            reader->failed = true;
            return code == TL_SOURCE_PROTOCOL || code == TL_TOO_LARGE ? explain(reader, block, err) : code;
        }
        give_back(reader, block);
    } while (block->rows == 0);
    return TL_OK;
}

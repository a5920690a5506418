/* What becomes text: strings, dictionaries, enums, addresses, numbers that no number type of ours holds. */
#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sources/clickhouse/native_int.h"

enum { ENUM_CACHE_SIZE = 256, INDEXES_AT_ONCE = 1024, KEY_FOR_EVERY_SLICE = UINT32_MAX };

static struct tl_text *texts(const struct tl_native_slice *slice)
{
    return (struct tl_text *)slice->vector->data + slice->to;
}

static bool wants_text(const struct tl_native_slice *slice)
{
    return slice->vector->type->id != TL_TYPE_BLOB;
}

static enum tl_code not_text(const struct tl_native_slice *slice)
{
    tl_err_set(slice->err, TL_BAD_ENCODING, "column \"%s\" holds bytes that are not UTF-8 text", slice->column);
    tl_err_hint(slice->err, "name the column in the source's option blob_columns, or set strings_as to blob, to read "
                            "its bytes as they are");
    return TL_BAD_ENCODING;
}

/* The first 12 bytes in place.  Reads 12 bytes at `bytes` whatever the size: the caller has checked that they are
 * there. */
static inline struct tl_text inline_text(const uint8_t *bytes, uint32_t size)
{
    struct tl_text text = {.size = size};
    uint64_t low;
    uint32_t high;
    memcpy(&low, bytes, sizeof low);
    memcpy(&high, bytes + sizeof low, sizeof high);
    if (size < 8) {
        low &= (UINT64_C(1) << (8 * size)) - 1;
        high = 0;
    } else if (size < TL_TEXT_INLINE_MAX) {
        high &= (UINT32_C(1) << (8 * (size - 8))) - 1;
    }
    memcpy(text.prefix, &low, sizeof text.prefix);
    memcpy(text.tail.rest, (const char *)&low + sizeof text.prefix, 4);
    memcpy(text.tail.rest + 4, &high, sizeof high);
    return text;
}

static inline struct tl_text short_text(const tl_native_block *block, const uint8_t *bytes, uint32_t size)
{
    uint8_t padded[TL_TEXT_INLINE_MAX] = {0};
    if ((size_t)(bytes - block->bytes) + sizeof padded <= block->size)
        return inline_text(bytes, size);
    if (size > 0)
        memcpy(padded, bytes, size);
    return inline_text(padded, size);
}

/* A text of more than 12 bytes whose bytes go to `space`. */
static inline struct tl_text long_text(char *space, const void *bytes, uint32_t size)
{
    struct tl_text text = {.size = size, .tail.pointer = space};
    memcpy(space, bytes, size);
    memcpy(text.prefix, bytes, sizeof text.prefix);
    return text;
}

static bool is_ascii(const uint8_t *bytes, size_t size)
{
    uint64_t bits = 0, word;
    size_t i = 0;
    for (; i + sizeof word <= size; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        bits |= word;
    }
    for (; i < size; i++)
        bits |= (uint64_t)bytes[i];
    return !(bits & 0x8080808080808080U);
}

static enum tl_code check_strings(const struct tl_native_slice *slice, const struct tl_native_piece *pieces)
{
    const uint8_t *bytes = slice->block->bytes;
    const struct tl_native_piece *last = &pieces[slice->count - 1];
    /* one look over all, with the sizes between them (below 128 they are ASCII too), is enough for most columns */
    if (is_ascii(bytes + pieces[0].start, last->start + last->size - pieces[0].start))
        return TL_OK;
    for (size_t i = 0; i < slice->count; i++)
        if (!tl_utf8_valid((const char *)bytes + pieces[i].start, pieces[i].size, NULL) && !tl_native_null_at(slice, i))
            return not_text(slice);
    return TL_OK;
}

enum tl_code tl_native_strings(const struct tl_native_slice *slice)
{
    const struct tl_native_piece *pieces = slice->node->pieces + slice->from;
    const uint8_t *bytes = slice->block->bytes;
    struct tl_text *to = texts(slice);
    size_t long_bytes = 0;
    enum tl_code code = wants_text(slice) ? check_strings(slice, pieces) : TL_OK;
    if (code != TL_OK)
        return code;
    for (size_t i = 0; i < slice->count; i++)
        long_bytes += pieces[i].size > TL_TEXT_INLINE_MAX ? pieces[i].size : 0;
    char *space = long_bytes ? slice->vector->ops->text_space(slice->vector, long_bytes) : NULL;
    if (long_bytes && !space)
        return tl_native_no_memory(slice);
    for (size_t i = 0; i < slice->count; i++) {
        if (pieces[i].size <= TL_TEXT_INLINE_MAX) {
            to[i] = short_text(slice->block, bytes + pieces[i].start, pieces[i].size);
        } else {
            to[i] = long_text(space, bytes + pieces[i].start, pieces[i].size);
            space += pieces[i].size;
        }
    }
    return TL_OK;
}

/* Text of one FixedString: without the zeros that fill it up (ClickHouse compares without them as well). */
static uint32_t fixed_size(const struct tl_native_slice *slice, const uint8_t *bytes, uint32_t size)
{
    while (wants_text(slice) && size > 0 && bytes[size - 1] == 0)
        size--;
    return size;
}

enum tl_code tl_native_fixed_strings(const struct tl_native_slice *slice)
{
    uint32_t width = slice->node->type->fixed_size;
    const uint8_t *from = slice->block->bytes + slice->node->data + slice->from * width;
    for (size_t i = 0; i < slice->count; i++) {
        const char *bytes = (const char *)from + i * width;
        uint32_t size = fixed_size(slice, from + i * width, width);
        if (wants_text(slice) && !tl_utf8_valid(bytes, size, NULL)) {
            if (!tl_native_null_at(slice, i))
                return not_text(slice);
            size = 0;
        }
        if (!tl_vector_set_text(slice->vector, slice->to + i, bytes, size))
            return tl_native_no_memory(slice);
    }
    return TL_OK;
}

/* Indexes from..from+count of a dictionary as 32 bits.  false: one points outside the dictionary. */
static bool read_indexes(const struct tl_native_slice *slice, size_t from, size_t count, uint32_t *ret_indexes)
{
    const struct tl_native_node *node = slice->node;
    const uint8_t *bytes = slice->block->bytes + node->data + (slice->from + from) * node->index_width;
    uint64_t largest = 0, wide;
    uint16_t half;
    switch (node->index_width) {
    case 1:
        for (size_t i = 0; i < count; i++)
            ret_indexes[i] = bytes[i];
        break;
    case 2:
        for (size_t i = 0; i < count; i++) {
            memcpy(&half, bytes + i * sizeof half, sizeof half);
            ret_indexes[i] = half;
        }
        break;
    case 4:
        memcpy(ret_indexes, bytes, count * sizeof *ret_indexes);
        break;
    default:
        for (size_t i = 0; i < count; i++) {
            memcpy(&wide, bytes + i * sizeof wide, sizeof wide);
            ret_indexes[i] = wide < UINT32_MAX ? (uint32_t)wide : UINT32_MAX;
        }
    }
    for (size_t i = 0; i < count; i++)
        largest = ret_indexes[i] > largest ? ret_indexes[i] : largest;
    return largest < node->children[0].rows;
}

static enum tl_code outside(const struct tl_native_slice *slice)
{
    return tl_err_set(slice->err, TL_SOURCE_PROTOCOL, "column \"%s\" points outside its dictionary", slice->column);
}

/* Make the key's text for this slice: its long bytes must be in this vector's memory. */
static enum tl_code make_key(const struct tl_native_slice *slice, uint32_t key)
{
    struct tl_native_node *node = slice->node, *keys = &node->children[0];
    const uint8_t *bytes;
    uint32_t size;
    if (keys->type->kind == TL_CLICKHOUSE_STRING) {
        bytes = slice->block->bytes + keys->pieces[key].start;
        size = keys->pieces[key].size;
    } else {
        bytes = slice->block->bytes + keys->data + key * keys->type->fixed_size;
        size = fixed_size(slice, bytes, keys->type->fixed_size);
    }
    if (node->key_slices[key] == 0 && wants_text(slice) && !tl_utf8_valid((const char *)bytes, size, NULL))
        return not_text(slice);
    if (size <= TL_TEXT_INLINE_MAX) {
        node->key_texts[key] = short_text(slice->block, bytes, size);
        node->key_slices[key] = KEY_FOR_EVERY_SLICE;
        return TL_OK;
    }
    char *space = slice->vector->ops->text_space(slice->vector, size);
    if (!space)
        return tl_native_no_memory(slice);
    node->key_texts[key] = long_text(space, bytes, size);
    node->key_slices[key] = node->slice;
    return TL_OK;
}

/* All keys at once, when all are short: then a row is one copy of 16 bytes.  A key that is not text may be one that no row
 * has: left to the rows. */
static bool make_all_keys(const struct tl_native_slice *slice, bool has_null)
{
    struct tl_native_node *node = slice->node, *keys = &node->children[0];
    for (size_t i = 0; i < keys->rows; i++)
        if ((keys->type->kind == TL_CLICKHOUSE_STRING ? keys->pieces[i].size : keys->type->fixed_size) > TL_TEXT_INLINE_MAX)
            return false;
    struct tl_native_slice quiet = *slice;
    struct tl_err ignored;
    tl_err_init(&ignored);
    quiet.err = &ignored;
    for (size_t i = 0; i < keys->rows; i++)
        if (make_key(&quiet, (uint32_t)i) != TL_OK)
            return false;
    if (has_null)
        node->key_texts[0] = (struct tl_text){0};
    return true;
}

/* false: one points outside the dictionary. */
static bool gather(const struct tl_native_slice *slice)
{
    const struct tl_native_node *node = slice->node;
    const uint8_t *bytes = slice->block->bytes + node->data + slice->from * node->index_width;
    const struct tl_text *keys = node->key_texts;
    struct tl_text *to = texts(slice);
    uint16_t half, largest = 0;
    if (node->index_width == 1) {
        uint8_t largest_byte = 0;
        for (size_t i = 0; i < slice->count; i++)
            largest_byte = bytes[i] > largest_byte ? bytes[i] : largest_byte;
        if (largest_byte >= node->children[0].rows)
            return false;
        for (size_t i = 0; i < slice->count; i++)
            to[i] = keys[bytes[i]];
        return true;
    }
    for (size_t i = 0; i < slice->count; i++) {
        memcpy(&half, bytes + i * sizeof half, sizeof half);
        largest = half > largest ? half : largest;
    }
    if (largest >= node->children[0].rows)
        return false;
    for (size_t i = 0; i < slice->count; i++) {
        memcpy(&half, bytes + i * sizeof half, sizeof half);
        to[i] = keys[half];
    }
    return true;
}

static void null_where_zero(const struct tl_native_slice *slice, size_t from, const uint32_t *keys, size_t count)
{
    struct tl_vector *vector = slice->vector;
    for (size_t i = 0; i < count; i++)
        if (keys[i] == 0)
            tl_vector_set_null(vector, slice->to + from + i);
}

static enum tl_code text_dictionary(const struct tl_native_slice *slice, size_t from, const uint32_t *keys,
                                    size_t count, bool has_null)
{
    struct tl_native_node *node = slice->node;
    struct tl_text *to = texts(slice) + from, *key_texts = node->key_texts;
    uint32_t *key_slices = node->key_slices, now = node->slice;
    if (has_null) { /* key 0 */
        key_texts[0] = (struct tl_text){0};
        key_slices[0] = KEY_FOR_EVERY_SLICE;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t key = keys[i];
        if (__builtin_expect(key_slices[key] < now, 0)) {
            enum tl_code code = make_key(slice, key);
            if (code != TL_OK)
                return code;
        }
        to[i] = key_texts[key];
    }
    return TL_OK;
}

/* Values of other types than text are converted one by one: such dictionaries are rare and small. */
static enum tl_code value_dictionary(const struct tl_native_slice *slice, size_t from, const uint32_t *keys,
                                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tl_native_slice one = *slice;
        one.node = &slice->node->children[0];
        one.from = keys[i];
        one.count = 1;
        one.to = slice->to + from + i;
        one.nulls = slice->nulls ? slice->nulls + from + i : NULL;
        enum tl_code code = tl_native_slice(&one);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

enum tl_code tl_native_low_cardinality(const struct tl_native_slice *slice)
{
    struct tl_native_node *node = slice->node;
    enum tl_clickhouse_kind kind = node->children[0].type->kind;
    bool is_text = kind == TL_CLICKHOUSE_STRING || kind == TL_CLICKHOUSE_FIXED_STRING;
    bool has_null = node->type->children[0]->kind == TL_CLICKHOUSE_NULLABLE;
    uint32_t keys[INDEXES_AT_ONCE];
    node->slice++;
    if (is_text && node->slice == 1)
        node->keys_ready = node->index_width <= 2 && make_all_keys(slice, has_null);
    if (is_text && node->keys_ready && !has_null)
        return gather(slice) ? TL_OK : outside(slice);
    for (size_t from = 0; from < slice->count; from += INDEXES_AT_ONCE) {
        size_t left = slice->count - from, count = left < INDEXES_AT_ONCE ? left : INDEXES_AT_ONCE;
        if (!read_indexes(slice, from, count, keys))
            return outside(slice);
        enum tl_code code = is_text ? text_dictionary(slice, from, keys, count, has_null)
                                    : value_dictionary(slice, from, keys, count);
        if (code != TL_OK)
            return code;
        if (has_null)
            null_where_zero(slice, from, keys, count);
    }
    return TL_OK;
}

static enum tl_code put(const struct tl_native_slice *slice, size_t i, const char *bytes, size_t size)
{
    return tl_vector_set_text(slice->vector, slice->to + i, bytes, size) ? TL_OK : tl_native_no_memory(slice);
}

static int enum_at(const uint8_t *from, size_t i, size_t width)
{
    int16_t wide;
    if (width == 1)
        return (int8_t)from[i];
    memcpy(&wide, from + i * sizeof wide, sizeof wide);
    return wide;
}

/* Few members, many rows: the text of a member is made once a slice. */
enum tl_code tl_native_enums(const struct tl_native_slice *slice)
{
    const struct tl_clickhouse_type *type = slice->node->type;
    const uint8_t *from = slice->block->bytes + slice->node->data + slice->from * type->width;
    struct tl_text *to = texts(slice);
    struct {
        int value;
        struct tl_text text;
    } cache[ENUM_CACHE_SIZE];
    for (size_t i = 0; i < ENUM_CACHE_SIZE; i++)
        cache[i].value = INT_MIN;
    for (size_t i = 0; i < slice->count; i++) {
        int value = enum_at(from, i, type->width), slot = value & (ENUM_CACHE_SIZE - 1);
        if (cache[slot].value != value) {
            const struct tl_clickhouse_member *member = tl_clickhouse_member_valued(type, value);
            if (!member && !tl_native_null_at(slice, i))
                return tl_native_bad_value(slice, "is no member of its Enum", NULL);
            enum tl_code code = put(slice, i, member ? member->name.data : "", member ? member->name.size : 0);
            if (code != TL_OK)
                return code;
            cache[slot].value = value;
            cache[slot].text = to[i];
        }
        to[i] = cache[slot].text;
    }
    return TL_OK;
}

enum tl_code tl_native_addresses(const struct tl_native_slice *slice)
{
    size_t width = slice->node->type->width;
    const uint8_t *from = slice->block->bytes + slice->node->data + slice->from * width;
    for (size_t i = 0; i < slice->count; i++) {
        const uint8_t *in = from + i * width;
        char text[INET6_ADDRSTRLEN];
        if (width == 4)
            snprintf(text, sizeof text, "%u.%u.%u.%u", in[3], in[2], in[1], in[0]);
        else if (!inet_ntop(AF_INET6, in, text, sizeof text))
            return tl_native_bad_value(slice, "is no address", NULL);
        enum tl_code code = put(slice, i, text, strlen(text));
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

enum { WIDE_PARTS = 4, WIDE_TEXT_SIZE = 96 };

/* Decimal digits of a 256-bit number into the end of `text`; returns where they begin. */
static char *wide_digits(uint64_t parts[WIDE_PARTS], char text[WIDE_TEXT_SIZE], int scale)
{
    char *at = text + WIDE_TEXT_SIZE;
    bool left = true;
    for (int digits = 0; left || digits <= scale; digits++) {
        unsigned __int128 rest = 0;
        left = false;
        for (int i = WIDE_PARTS - 1; i >= 0; i--) {
            rest = rest << 64 | parts[i];
            parts[i] = (uint64_t)(rest / 10);
            rest %= 10;
            left = left || parts[i];
        }
        if (digits == scale && scale > 0)
            *--at = '.';
        *--at = (char)('0' + (int)rest);
    }
    return at;
}

/* Int256, UInt256 and Decimal256: exact text. */
enum tl_code tl_native_wide_numbers(const struct tl_native_slice *slice)
{
    const struct tl_clickhouse_type *type = slice->node->type;
    const uint8_t *from = slice->block->bytes + slice->node->data + slice->from * type->width;
    for (size_t i = 0; i < slice->count; i++) {
        uint64_t parts[WIDE_PARTS];
        char text[WIDE_TEXT_SIZE];
        memcpy(parts, from + i * sizeof parts, sizeof parts);
        bool negative = type->kind != TL_CLICKHOUSE_UINT && parts[WIDE_PARTS - 1] >> 63;
        for (int k = 0, carry = 1; negative && k < WIDE_PARTS; k++) {
            parts[k] = ~parts[k] + (uint64_t)carry;
            carry = carry && parts[k] == 0;
        }
        char *at = wide_digits(parts, text, type->kind == TL_CLICKHOUSE_DECIMAL ? type->scale : 0);
        if (negative)
            *--at = '-';
        enum tl_code code = put(slice, i, at, (size_t)(text + sizeof text - at));
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

/* Time64 with more digits than a TIME has: "[-]hh:mm:ss.nnnnnnnnn", as ClickHouse writes it. */
enum tl_code tl_native_long_times(const struct tl_native_slice *slice)
{
    const struct tl_clickhouse_type *type = slice->node->type;
    const uint8_t *from = slice->block->bytes + slice->node->data + slice->from * type->width;
    uint64_t units = 1;
    for (int i = 0; i < type->scale; i++)
        units *= 10;
    for (size_t i = 0; i < slice->count; i++) {
        int64_t in;
        char text[64];
        memcpy(&in, from + i * sizeof in, sizeof in);
        uint64_t ticks = in < 0 ? 0 - (uint64_t)in : (uint64_t)in, seconds = ticks / units;
        int size = snprintf(text, sizeof text, "%s%02llu:%02u:%02u.%0*llu", in < 0 ? "-" : "",
                            (unsigned long long)(seconds / 3600), (unsigned)(seconds / 60 % 60),
                            (unsigned)(seconds % 60), type->scale, (unsigned long long)(ticks % units));
        enum tl_code code = put(slice, i, text, (size_t)size);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

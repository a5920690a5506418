/* The engine's vectors in one block of data/batch.h.
 *
 * Chunks hold at most 2,048 rows; a block takes many.  A column of the block is a list of pieces, one a chunk: a run of rows
 * of a vector, or chosen rows of it (children of lists that are shared or out of order).  Fetched chunks are flat at every
 * depth (the engine flattens what it hands out), so a run of fixed-size values is one memcpy. */
#include <string.h>

#include "data/batch.h"
#include "engines/duckdb/process_int.h"

enum { BATCH_MAGIC = 0x31424C54 /* "TLB1" */, BIGNUM_BYTES_MAX = 2048, TEXT_MAX = BIGNUM_BYTES_MAX * 5 / 2 + 32 };

struct piece {
    duckdb_vector vector;
    const uint32_t *rows; /* NULL: the run from `from` */
    size_t from, count;
};

struct encoder {
    struct tl_buf *out;
    size_t base; /* where the block starts */
    tl_arena *scratch;
    struct tl_err *err;
};

struct column {
    const struct tl_duckdb_carry *carry;
    const struct piece *pieces;
    size_t piece_count;
    size_t rows; /* of all pieces */
};

static size_t row_of(const struct piece *piece, size_t i)
{
    return piece->rows ? piece->rows[i] : piece->from + i;
}

static bool is_valid(const uint64_t *validity, size_t row)
{
    return !validity || (validity[row / 64] >> (row % 64) & 1);
}

/* Fills with zeros up to a multiple of 8 of the block. */
static void pad(struct encoder *encoder)
{
    static const char zeros[8];
    tl_buf_add(encoder->out, zeros, (8 - (encoder->out->size - encoder->base) % 8) % 8);
}

static void *reserve(struct encoder *encoder, size_t count, size_t width)
{
    if (count > TL_BATCH_BYTES_MAX / width) {
        encoder->out->failed = true;
        return NULL;
    }
    void *room = tl_buf_reserve(encoder->out, count * width);
    if (room)
        tl_buf_commit(encoder->out, count * width);
    return room;
}

/* ---- NULLs ---- */

static bool piece_has_null(const struct piece *piece)
{
    const uint64_t *validity = duckdb_vector_get_validity(piece->vector);
    if (!validity)
        return false;
    size_t i = 0;
    if (!piece->rows && piece->from % 64 == 0)
        for (; i + 64 <= piece->count; i += 64)
            if (validity[(piece->from + i) / 64] != UINT64_MAX)
                return true;
    for (; i < piece->count; i++)
        if (!is_valid(validity, row_of(piece, i)))
            return true;
    return false;
}

static void put_piece_validity(uint8_t *bits, size_t at, const struct piece *piece)
{
    const uint64_t *validity = duckdb_vector_get_validity(piece->vector);
    size_t i = 0;
    if (at % 8 == 0 && (!validity || (!piece->rows && piece->from % 8 == 0))) {
        i = piece->count / 8 * 8;
        if (validity)
            memcpy(bits + at / 8, (const uint8_t *)validity + piece->from / 8, i / 8);
        else
            memset(bits + at / 8, 0xFF, i / 8);
    }
    for (; i < piece->count; i++)
        if (is_valid(validity, row_of(piece, i)))
            bits[(at + i) / 8] |= (uint8_t)(1U << (at + i) % 8);
}

static void put_validity(struct encoder *encoder, const struct column *column)
{
    bool has_null = false;
    for (size_t i = 0; i < column->piece_count && !has_null; i++)
        has_null = piece_has_null(&column->pieces[i]);
    tl_buf_addc(encoder->out, has_null);
    pad(encoder);
    if (!has_null)
        return;
    uint8_t *bits = reserve(encoder, (column->rows + 7) / 8, 1);
    if (!bits)
        return;
    memset(bits, 0, (column->rows + 7) / 8);
    size_t at = 0;
    for (size_t i = 0; i < column->piece_count; i++) {
        put_piece_validity(bits, at, &column->pieces[i]);
        at += column->pieces[i].count;
    }
    pad(encoder);
}

/* ---- fixed sizes ---- */

static void copy_fixed(char *to, const struct piece *piece, size_t width)
{
    const char *from = duckdb_vector_get_data(piece->vector);
    if (!piece->rows) {
        memcpy(to, from + piece->from * width, piece->count * width);
        return;
    }
    for (size_t i = 0; i < piece->count; i++)
        memcpy(to + i * width, from + piece->rows[i] * width, width);
}

/* Infinities are the ends of the range and stay what they are. */
static int64_t scale_time(struct encoder *encoder, int64_t value, int64_t factor)
{
    int64_t scaled;
    if (value == INT64_MAX || value == -INT64_MAX)
        return value;
    if (__builtin_mul_overflow(value, factor, &scaled)) {
        tl_err_set(encoder->err, TL_INVALID_VALUE, "a timestamp is outside of what microseconds can say");
        return 0;
    }
    return scaled;
}

static void copy_scaled(struct encoder *encoder, char *to, const struct piece *piece, enum tl_duckdb_carry_kind kind)
{
    const int64_t *from = duckdb_vector_get_data(piece->vector);
    const uint64_t *validity = duckdb_vector_get_validity(piece->vector);
    for (size_t i = 0; i < piece->count; i++) {
        size_t row = row_of(piece, i);
        int64_t value = 0;
        if (is_valid(validity, row))
            value = kind == TL_CARRY_TIME_NS ? from[row] / 1000
                                             : scale_time(encoder, from[row], kind == TL_CARRY_SECONDS ? 1000000 : 1000);
        memcpy(to + i * sizeof value, &value, sizeof value);
    }
}

static void put_fixed(struct encoder *encoder, const struct column *column)
{
    size_t width = column->carry->width;
    char *to = reserve(encoder, column->rows, width);
    for (size_t i = 0; to && i < column->piece_count; i++) {
        if (column->carry->kind == TL_CARRY_NULL)
            memset(to, 0, column->pieces[i].count * width);
        else if (column->carry->kind == TL_CARRY_FIXED)
            copy_fixed(to, &column->pieces[i], width);
        else
            copy_scaled(encoder, to, &column->pieces[i], column->carry->kind);
        to += column->pieces[i].count * width;
    }
    pad(encoder);
}

/* ---- text ---- */

static const char *text_bytes(duckdb_string_t *text)
{
    return duckdb_string_is_inlined(*text) ? text->value.inlined.inlined : text->value.pointer.ptr;
}

/* Offsets of one piece; the end, or more than a block holds. */
static uint64_t put_text_offsets(uint32_t *offsets, uint64_t end, const struct piece *piece)
{
    const duckdb_string_t *texts = duckdb_vector_get_data(piece->vector);
    const uint64_t *validity = duckdb_vector_get_validity(piece->vector);
    for (size_t i = 0; i < piece->count && end <= TL_BATCH_BYTES_MAX; i++) {
        size_t row = row_of(piece, i);
        if (is_valid(validity, row))
            end += texts[row].value.inlined.length;
        offsets[i] = (uint32_t)end;
    }
    return end;
}

static char *copy_text(char *to, const struct piece *piece)
{
    duckdb_string_t *texts = duckdb_vector_get_data(piece->vector);
    const uint64_t *validity = duckdb_vector_get_validity(piece->vector);
    for (size_t i = 0; i < piece->count; i++) {
        size_t row = row_of(piece, i);
        if (!is_valid(validity, row))
            continue;
        uint32_t size = texts[row].value.inlined.length;
        memcpy(to, text_bytes(&texts[row]), size);
        to += size;
    }
    return to;
}

static void put_text(struct encoder *encoder, const struct column *column)
{
    uint32_t *offsets = reserve(encoder, column->rows + 1, sizeof *offsets);
    if (!offsets)
        return;
    uint64_t end = 0;
    *offsets++ = 0;
    for (size_t i = 0; i < column->piece_count; i++) {
        end = put_text_offsets(offsets, end, &column->pieces[i]);
        offsets += column->pieces[i].count;
    }
    pad(encoder);
    char *to = reserve(encoder, end, 1);
    for (size_t i = 0; to && i < column->piece_count; i++)
        to = copy_text(to, &column->pieces[i]);
    pad(encoder);
}

/* ---- what is written out as text ---- */

static void add_time_tz(struct tl_buf *out, uint64_t bits)
{
    duckdb_time_tz_struct t = duckdb_from_time_tz((duckdb_time_tz){bits});
    int offset = t.offset < 0 ? -t.offset : t.offset;
    tl_buf_addf(out, "%02d:%02d:%02d", t.time.hour, t.time.min, t.time.sec);
    if (t.time.micros)
        tl_buf_addf(out, ".%06d", t.time.micros);
    tl_buf_addf(out, "%c%02d:%02d", t.offset < 0 ? '-' : '+', offset / 3600, offset / 60 % 60);
    if (offset % 60)
        tl_buf_addf(out, ":%02d", offset % 60);
}

/* First byte: how many bits of the second are padding; then bits, the highest first. */
static void add_bits(struct tl_buf *out, const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return;
    for (size_t bit = bytes[0]; bit < (size - 1) * 8; bit++)
        tl_buf_addc(out, bytes[1 + bit / 8] >> (7 - bit % 8) & 1 ? '1' : '0');
}

/* Three bytes of header (top bit: not negative), then the magnitude, most significant byte first; all bytes inverted when
 * negative.  Divides by 10^9 until nothing is left. */
static void add_bignum(struct encoder *encoder, const uint8_t *bytes, size_t size)
{
    uint8_t digits[BIGNUM_BYTES_MAX];
    char text[TEXT_MAX];
    if (size < 4 || size - 3 > sizeof digits) {
        tl_err_set(encoder->err, TL_UNSUPPORTED, "a BIGNUM of %zu bytes is larger than can be written out", size);
        return;
    }
    bool negative = !(bytes[0] & 0x80);
    size_t count = size - 3, first = 0, at = sizeof text;
    for (size_t i = 0; i < count; i++)
        digits[i] = negative ? (uint8_t)~bytes[3 + i] : bytes[3 + i];
    do {
        uint64_t rest = 0;
        for (size_t i = first; i < count; i++) {
            rest = rest << 8 | digits[i];
            digits[i] = (uint8_t)(rest / 1000000000);
            rest %= 1000000000;
        }
        while (first < count && digits[first] == 0)
            first++;
        for (int i = 0; first < count ? i < 9 : rest > 0 || at == sizeof text; i++, rest /= 10)
            text[--at] = (char)('0' + rest % 10);
    } while (first < count);
    if (negative)
        text[--at] = '-';
    tl_buf_add(encoder->out, text + at, sizeof text - at);
}

static size_t enum_index(const void *data, size_t width, size_t row)
{
    switch (width) {
    case 1:
        return ((const uint8_t *)data)[row];
    case 2:
        return ((const uint16_t *)data)[row];
    default:
        return ((const uint32_t *)data)[row];
    }
}

static void add_written(struct encoder *encoder, const struct tl_duckdb_carry *carry, void *data, size_t row)
{
    if (carry->kind == TL_CARRY_ENUM) {
        size_t index = enum_index(data, carry->width, row);
        if (index < carry->label_count)
            tl_buf_add(encoder->out, carry->labels[index].data, carry->labels[index].size);
        return;
    }
    if (carry->kind == TL_CARRY_TIME_TZ) {
        add_time_tz(encoder->out, ((const uint64_t *)data)[row]);
        return;
    }
    duckdb_string_t *text = &((duckdb_string_t *)data)[row];
    const uint8_t *bytes = (const uint8_t *)text_bytes(text);
    if (carry->kind == TL_CARRY_BIT)
        add_bits(encoder->out, bytes, text->value.inlined.length);
    else
        add_bignum(encoder, bytes, text->value.inlined.length);
}

static void put_written(struct encoder *encoder, const struct column *column)
{
    size_t offsets_at = encoder->out->size, row_number = 0;
    uint32_t *offsets = reserve(encoder, column->rows + 1, sizeof *offsets);
    if (!offsets)
        return;
    offsets[0] = 0;
    pad(encoder);
    size_t start = encoder->out->size;
    for (size_t i = 0; i < column->piece_count; i++) {
        const struct piece *piece = &column->pieces[i];
        const uint64_t *validity = duckdb_vector_get_validity(piece->vector);
        void *data = duckdb_vector_get_data(piece->vector);
        for (size_t k = 0; k < piece->count && !encoder->out->failed; k++) {
            size_t row = row_of(piece, k);
            if (is_valid(validity, row))
                add_written(encoder, column->carry, data, row);
            uint32_t end = (uint32_t)(encoder->out->size - start);
            memcpy(encoder->out->data + offsets_at + ++row_number * sizeof end, &end, sizeof end);
        }
    }
    pad(encoder);
}

/* ---- nested ---- */

static void put_column(struct encoder *encoder, const struct column *column);

static duckdb_list_entry entry_of(const struct piece *piece, const struct tl_duckdb_carry *carry, const uint64_t *validity,
                                  const duckdb_list_entry *entries, size_t i)
{
    size_t row = row_of(piece, i);
    if (!is_valid(validity, row))
        return (duckdb_list_entry){0, 0};
    if (carry->kind == TL_CARRY_ARRAY)
        return (duckdb_list_entry){row * carry->array_size, carry->array_size};
    return entries[row];
}

/* The child rows of one piece: a run when they follow one another, else chosen rows. */
static struct piece child_piece(struct encoder *encoder, const struct piece *piece, const struct tl_duckdb_carry *carry,
                                uint32_t *offsets, uint64_t *end)
{
    const uint64_t *validity = duckdb_vector_get_validity(piece->vector);
    const duckdb_list_entry *entries = carry->kind == TL_CARRY_ARRAY ? NULL : duckdb_vector_get_data(piece->vector);
    struct piece child = {.vector = carry->kind == TL_CARRY_ARRAY ? duckdb_array_vector_get_child(piece->vector)
                                                                  : duckdb_list_vector_get_child(piece->vector)};
    bool is_run = true;
    uint64_t total = 0;
    for (size_t i = 0; i < piece->count; i++) {
        duckdb_list_entry entry = entry_of(piece, carry, validity, entries, i);
        if (entry.length > 0 && total == 0)
            child.from = entry.offset;
        is_run = is_run && (entry.length == 0 || entry.offset == child.from + total);
        total += entry.length;
        if (*end + total > TL_BATCH_BYTES_MAX) {
            encoder->out->failed = true;
            return child;
        }
        offsets[i] = (uint32_t)(*end + total);
    }
    *end += total;
    child.count = total;
    if (is_run)
        return child;
    uint32_t *rows = TL_NEW_ARRAY(encoder->scratch, uint32_t, total);
    size_t at = 0;
    for (size_t i = 0; i < piece->count; i++) {
        duckdb_list_entry entry = entry_of(piece, carry, validity, entries, i);
        for (uint64_t k = 0; k < entry.length; k++)
            rows[at++] = (uint32_t)(entry.offset + k);
    }
    child.rows = rows;
    return child;
}

/* Field `index` of STRUCT pieces. */
static void put_field(struct encoder *encoder, const struct tl_duckdb_carry *carry, const struct piece *pieces,
                      size_t piece_count, size_t rows, size_t index)
{
    struct piece *fields = TL_NEW_ARRAY(encoder->scratch, struct piece, piece_count);
    for (size_t i = 0; i < piece_count; i++) {
        fields[i] = pieces[i];
        fields[i].vector = duckdb_struct_vector_get_child(pieces[i].vector, index);
    }
    put_column(encoder, &(struct column){carry, fields, piece_count, rows});
}

static void put_list(struct encoder *encoder, const struct column *column)
{
    const struct tl_duckdb_carry *carry = column->carry;
    struct piece *children = TL_NEW_ARRAY(encoder->scratch, struct piece, column->piece_count);
    uint32_t *offsets = reserve(encoder, column->rows + 1, sizeof *offsets);
    if (!offsets)
        return;
    uint64_t end = 0;
    *offsets++ = 0;
    for (size_t i = 0; i < column->piece_count && !encoder->out->failed; i++) {
        children[i] = child_piece(encoder, &column->pieces[i], carry, offsets, &end);
        offsets += column->pieces[i].count;
    }
    pad(encoder);
    if (encoder->out->failed)
        return;
    if (carry->kind != TL_CARRY_MAP)
        put_column(encoder, &(struct column){&carry->children[0], children, column->piece_count, end});
    else
        for (size_t i = 0; i < 2; i++)
            put_field(encoder, &carry->children[i], children, column->piece_count, end, i);
}

static void put_struct(struct encoder *encoder, const struct column *column)
{
    const struct tl_duckdb_carry *carry = column->carry;
    size_t tag = carry->kind == TL_CARRY_UNION; /* a UNION's first field says which member is set */
    for (size_t i = 0; i < carry->child_count; i++)
        put_field(encoder, &carry->children[i], column->pieces, column->piece_count, column->rows, i + tag);
}

static void put_column(struct encoder *encoder, const struct column *column)
{
    if (encoder->out->failed || encoder->err->code != TL_OK)
        return;
    put_validity(encoder, column);
    switch (column->carry->kind) {
    case TL_CARRY_NULL:
    case TL_CARRY_FIXED:
    case TL_CARRY_SECONDS:
    case TL_CARRY_MILLISECONDS:
    case TL_CARRY_TIME_NS:
        put_fixed(encoder, column);
        break;
    case TL_CARRY_TEXT:
        put_text(encoder, column);
        break;
    case TL_CARRY_ENUM:
    case TL_CARRY_TIME_TZ:
    case TL_CARRY_BIT:
    case TL_CARRY_BIGNUM:
        put_written(encoder, column);
        break;
    case TL_CARRY_LIST:
    case TL_CARRY_ARRAY:
    case TL_CARRY_MAP:
        put_list(encoder, column);
        break;
    case TL_CARRY_STRUCT:
    case TL_CARRY_UNION:
        put_struct(encoder, column);
    }
}

/* The pieces of all columns of rows [first, first + count). */
static size_t cut_pieces(duckdb_data_chunk *chunks, size_t chunk_count, size_t first, size_t count, size_t column,
                         struct piece *pieces)
{
    size_t used = 0, start = 0;
    for (size_t i = 0; i < chunk_count && count > 0; i++) {
        size_t rows = duckdb_data_chunk_get_size(chunks[i]);
        if (first < start + rows) {
            size_t from = first - start, take = rows - from < count ? rows - from : count;
            pieces[used++] = (struct piece){.vector = duckdb_data_chunk_get_vector(chunks[i], column), .from = from, .count = take};
            first += take;
            count -= take;
        }
        start += rows;
    }
    return used;
}

void tl_duckdb_encode(struct tl_buf *out, tl_arena *scratch, const struct tl_duckdb_carry *carries, size_t column_count,
                      duckdb_data_chunk *chunks, size_t chunk_count, size_t first, size_t count, struct tl_err *err)
{
    size_t mark, start = out->size;
    tl_wire_begin(out, TL_WIRE_BATCH, &mark);
    struct encoder encoder = {.out = out, .base = out->size, .scratch = scratch, .err = err};
    tl_wire_put_u32(out, BATCH_MAGIC);
    tl_wire_put_u32(out, (uint32_t)count);
    tl_wire_put_u32(out, (uint32_t)column_count);
    tl_wire_put_u32(out, 0);
    struct piece *pieces = TL_NEW_ARRAY(scratch, struct piece, chunk_count);
    for (size_t i = 0; i < column_count; i++) {
        size_t used = cut_pieces(chunks, chunk_count, first, count, i, pieces);
        put_column(&encoder, &(struct column){&carries[i], pieces, used, count});
    }
    out->failed = out->failed || out->size - encoder.base > TL_BATCH_BYTES_MAX;
    if (out->failed || err->code != TL_OK)
        out->size = start;
    else
        tl_wire_end(out, mark);
}

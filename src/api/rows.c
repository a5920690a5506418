/* Rows as JSON, in the page itself or as segments that the client decodes (Trino's spooled protocol). */
#include <stdlib.h>
#include <string.h>

#include "api/page.h"

enum {
    WAIT_FIRST_MS = 1000, /* for something to show: clients ask again at once, so this bounds idle round trips */
    WAIT_MORE_MS = 20,    /* rows are here: wait a little for the end, so that small results need one page */
    INLINE_BYTES_MAX = 64 * 1024, /* a round trip more costs more than these */
    COMPRESS_BYTES_MIN = 1024,
    PACKED_BYTES_MAX = 512 * 1024 * 1024,
    /* Small pieces, inside the page: a client decodes one after the other, and what it makes of each fits into its caches and dies
     * young (measured with the Python client: 2.6 times the rows a second of segments of 4 MiB). */
    PIECE_ROWS = 512,
    PIECE_BYTES = 64 * 1024,
    /* Large ones, at addresses of their own. */
    LARGE_BYTES = 1024 * 1024,
};

static struct tl_column retyped(tl_arena *arena, const struct tl_column *column, const struct tl_type *type)
{
    struct tl_column changed = *column;
    changed.type = type;
    if (type->child_count > 0) {
        struct tl_column *children = TL_NEW_ARRAY(arena, struct tl_column, type->child_count);
        for (uint32_t i = 0; i < type->child_count; i++)
            children[i] = retyped(arena, &column->children[i], &type->children[i]);
        changed.children = children;
    }
    return changed;
}

/* The batch's columns with the types the client sees. */
static const struct tl_column *client_columns(tl_arena *arena, const struct tl_query *query, const struct tl_batch *batch)
{
    if (query->full_precision)
        return batch->columns;
    struct tl_column *columns = TL_NEW_ARRAY(arena, struct tl_column, batch->column_count);
    for (size_t i = 0; i < batch->column_count; i++)
        columns[i] = retyped(arena, &batch->columns[i], &query->fields[i].type);
    return columns;
}

static bool has_instants(const struct tl_type *type)
{
    bool found = type->id == TL_TYPE_TIMESTAMPTZ;
    for (uint32_t i = 0; i < type->child_count && !found; i++)
        found = has_instants(&type->children[i]);
    return found;
}

/* A segment begins with this row when the last one has enough. */
static void cut(struct tl_query *query)
{
    bool large = query->only_segments || query->encoding->compression == TL_COMPRESSION_NONE;
    const struct tl_query_cut *last = query->cut_count ? &query->cuts[query->cut_count - 1] : NULL;
    size_t bytes = last ? query->rows.size - last->offset : 0;
    uint64_t rows = last ? query->row_count - last->row : 0;
    if (last && (large ? bytes < LARGE_BYTES : bytes < PIECE_BYTES && rows < PIECE_ROWS))
        return;
    if (query->cut_count == query->cut_capacity) {
        query->cut_capacity = query->cut_capacity ? 2 * query->cut_capacity : 64;
        query->cuts = tl_heap_grow(query->cuts, query->cut_capacity * sizeof *query->cuts);
    }
    query->cuts[query->cut_count++] = (struct tl_query_cut){query->rows.size, query->row_count};
}

static void put_rows(tl_arena *arena, struct tl_query *query, const struct tl_batch *batch)
{
    struct tl_buf *rows = &query->rows;
    const struct tl_column *columns = client_columns(arena, query, batch);
    bool *zoned = TL_NEW_ARRAY(arena, bool, batch->column_count);
    for (size_t i = 0; i < batch->column_count; i++)
        zoned[i] = query->zone && has_instants(columns[i].type);
    for (size_t row = 0; row < batch->row_count; row++) {
        if (rows->size)
            tl_buf_addc(rows, ',');
        if (query->encoding)
            cut(query);
        tl_buf_addc(rows, '[');
        for (size_t i = 0; i < batch->column_count; i++) {
            if (i)
                tl_buf_addc(rows, ',');
            if (zoned[i])
                tl_column_format_trino_in(rows, &columns[i], row, query->zone);
            else
                tl_column_format_trino(rows, &columns[i], row);
        }
        tl_buf_addc(rows, ']');
        query->row_count++;
    }
}

/* Reads the answer until it ends, there is enough, or nothing comes for a while. */
static enum tl_code read_rows(struct tl_api_call *call, struct tl_query *query, size_t bytes_max)
{
    while (!query->ended && query->rows.size < bytes_max) {
        const struct tl_batch *batch = NULL;
        enum tl_code code = tl_answer_next(&query->rq, query->answer, query->rows.size ? WAIT_MORE_MS : WAIT_FIRST_MS, &batch,
                                           &query->ended);
        if (code != TL_OK)
            return code;
        if (!batch)
            break;
        if (batch->row_count > 0 && !tl_answer_update_type(query->answer))
            put_rows(call->rq.arena, query, batch);
    }
    if (query->rows.failed)
        return tl_err_set(&query->rq.err, TL_TOO_LARGE, "one page of the result needs more than %zu bytes", query->rows.max_size);
    return TL_OK;
}

static void rows_are_sent(struct tl_query *query)
{
    query->row_offset += query->row_count;
    query->row_count = 0;
    query->cut_count = 0;
    tl_buf_clear(&query->rows);
}

static void put_direct(struct tl_json_writer *json, struct tl_query *query)
{
    if (query->rows.size == 0)
        return;
    tl_json_key(json, "data");
    tl_json_begin_array(json);
    tl_json_put_raw(json, (struct tl_str){query->rows.data, query->rows.size});
    tl_json_end_array(json);
    rows_are_sent(query);
}

/* ---- segments ---- */

/* One segment on its way into the page. */
struct piece {
    uint64_t row_offset, row_count;
    struct tl_str plain, sent; /* the same bytes when they are not compressed */
};

static void put_metadata(struct tl_json_writer *json, const struct piece *piece)
{
    tl_json_key(json, "metadata");
    tl_json_begin_object(json);
    tl_json_pair_int64(json, "rowOffset", (int64_t)piece->row_offset);
    tl_json_pair_int64(json, "rowsCount", (int64_t)piece->row_count);
    tl_json_pair_int64(json, "segmentSize", (int64_t)piece->sent.size);
    if (piece->sent.data != piece->plain.data)
        tl_json_pair_int64(json, "uncompressedSize", (int64_t)piece->plain.size);
    tl_json_end_object(json);
}

static void put_address(struct tl_api_call *call, struct tl_json_writer *json, const char *id)
{
    const char *base = tl_page_base_url(call);
    tl_json_pair_text(json, "type", "spooled");
    tl_json_pair_text(json, "uri", tl_arena_printf(call->rq.arena, "%s/v1/spooled/segments/%s", base, id));
    tl_json_pair_text(json, "ackUri", tl_arena_printf(call->rq.arena, "%s/v1/spooled/ack/%s", base, id));
    tl_json_key(json, "headers");
    tl_json_begin_object(json);
    tl_json_end_object(json);
}

/* A large piece waits at its own address; a small one, or one that finds no room, comes with the page. */
static void put_segment(struct tl_api_call *call, struct tl_json_writer *json, const struct tl_query *query, const struct piece *piece)
{
    char id[TL_SPOOL_ID_SIZE];
    tl_json_begin_object(json);
    if (piece->sent.size > INLINE_BYTES_MAX && tl_spool_put(call->api->spool, query->rq.id, piece->sent, id)) {
        put_address(call, json, id);
    } else {
        tl_json_pair_text(json, "type", "inline");
        tl_json_key(json, "data");
        tl_json_put_base64(json, piece->sent);
    }
    put_metadata(json, piece);
    tl_json_end_object(json);
}

static void put_segments(struct tl_api_call *call, struct tl_json_writer *json, struct tl_query *query)
{
    struct tl_buf plain, packed;
    tl_buf_init(&plain, PACKED_BYTES_MAX);
    tl_buf_init(&packed, PACKED_BYTES_MAX);
    tl_compressor *compressor = tl_compressor_new(query->encoding->compression);
    for (size_t i = 0; i < query->cut_count; i++) {
        const struct tl_query_cut *begin = &query->cuts[i], *next = i + 1 < query->cut_count ? begin + 1 : NULL;
        size_t end = next ? next->offset - 1 : query->rows.size; /* without the comma */
        tl_buf_clear(&plain);
        tl_buf_clear(&packed);
        tl_buf_addc(&plain, '[');
        tl_buf_add(&plain, query->rows.data + begin->offset, end - begin->offset);
        tl_buf_addc(&plain, ']');
        struct piece piece = {.row_offset = query->row_offset + begin->row,
                              .row_count = (next ? next->row : query->row_count) - begin->row,
                              .plain = {plain.data, plain.size},
                              .sent = {plain.data, plain.size}};
        if (plain.size >= COMPRESS_BYTES_MIN && tl_compress(compressor, piece.plain, &packed))
            piece.sent = (struct tl_str){packed.data, packed.size};
        put_segment(call, json, query, &piece);
    }
    tl_compressor_free(compressor);
    tl_buf_done(&plain);
    tl_buf_done(&packed);
    rows_are_sent(query);
}

static void put_encoded(struct tl_api_call *call, struct tl_json_writer *json, struct tl_query *query)
{
    if (query->rows.size == 0)
        return;
    tl_json_key(json, "data");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "encoding", query->encoding->name);
    tl_json_key(json, "metadata");
    tl_json_begin_object(json);
    tl_json_end_object(json);
    tl_json_key(json, "segments");
    tl_json_begin_array(json);
    put_segments(call, json, query);
    tl_json_end_array(json);
    tl_json_end_object(json);
}

const struct tl_page_encoding *tl_page_encoding(const char *wanted)
{
    static const struct tl_page_encoding encodings[] = {
        {"json+zstd", TL_COMPRESSION_ZSTD}, {"json+lz4", TL_COMPRESSION_LZ4}, {"json", TL_COMPRESSION_NONE}};
    for (const char *at = wanted; at && *at;) {
        at += strspn(at, ", ");
        size_t size = strcspn(at, ", ");
        for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
            if (tl_str_equal_nocase((struct tl_str){at, size}, tl_str_of(encodings[i].name)))
                return &encodings[i];
        at += size;
    }
    return NULL;
}

enum tl_code tl_page_put_data(struct tl_api_call *call, struct tl_json_writer *json, struct tl_query *query, uint64_t token,
                              bool *ret_end)
{
    bool change = tl_answer_update_type(query->answer) != NULL, encoded = query->encoding && !change;
    bool first = token == 0; /* clients read no segments from the answer to their POST */
    size_t bytes_max = call->api->parts.page_bytes;
    if (encoded && !first)
        bytes_max = query->segment_bytes = query->segment_bytes ? TL_ENCODED_PAGE_BYTES : bytes_max;
    enum tl_code code = read_rows(call, query, bytes_max);
    *ret_end = query->ended;
    if (code != TL_OK)
        return code;
    if (!encoded || (first && query->ended && !query->only_segments))
        put_direct(json, query);
    else if (first)
        *ret_end = false; /* what has come so far stands in the next page */
    else
        put_encoded(call, json, query);
    return TL_OK;
}

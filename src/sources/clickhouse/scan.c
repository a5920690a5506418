/* One query, its blocks handed to whoever asks: a part reads a whole block in its turn and converts it while others
 * read. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sources/clickhouse/spell.h"

enum { PARTS_MAX = 4, STOP_POLL_MS = 50 };

struct tl_scan {
    tl_source *source;
    const struct tl_scan_request *request;
    char *sql;
    size_t stream_columns; /* columns of the query */
    int *stream_column;    /* per column of the chunk: its place in the query, -1 = none */
    struct tl_native_column *expected;
    struct tl_stop http_stop;      /* given to the answer; asks `waiting` */
    const struct tl_stop *waiting; /* of the thread that reads now; NULL = nobody */
    tl_clickhouse_answer *answer;
    tl_native_reader *reader;
    /* One thread at a time has the turn: answer, reader, waiting, ended, failure and parts_left are its. */
    pthread_mutex_t lock;
    pthread_cond_t turn_given;
    bool turn_taken;
    bool ended;
    int parts_left;
    struct tl_err failure;
    _Atomic int64_t rows;
};

struct tl_scan_part {
    tl_scan *scan;
    tl_native_block *block;
    size_t next_row;
};

static bool stop_of_reader(void *context)
{
    const struct tl_stop *stop = ((const tl_scan *)context)->waiting;
    return stop && stop->stop && stop->stop(stop->context);
}

static enum tl_code named(const tl_scan *scan, struct tl_err *err)
{
    const struct tl_scan_request *request = scan->request;
    return tl_clickhouse_named(scan->source, request->filter_count > 0 || request->order_count > 0 || request->dataset->derivation,
                               err);
}

static enum tl_code unsupported(const struct tl_source_dataset *dataset, const struct tl_source_column *column,
                                struct tl_err *err)
{
    tl_err_set(err, TL_UNSUPPORTED, "column \"%s\" of \"%s\".\"%s\" cannot be read: its type is %s", column->name,
               dataset->schema, dataset->name, column->source_type);
    tl_err_hint(err, "leave the column out, or name it in the source's option columns_as_text");
    return TL_UNSUPPORTED;
}

static void expect(struct tl_native_column *expected, const struct tl_source_column *column,
                   const struct tl_clickhouse_column *here)
{
    *expected = (struct tl_native_column){.name = column->name, .type = column->type};
    if (here->carry == TL_CLICKHOUSE_AS_JSON || here->carry == TL_CLICKHOUSE_AS_TEXT) {
        expected->type = tl_type_simple(TL_TYPE_VARCHAR);
    } else if (here->carry == TL_CLICKHOUSE_AVERAGE) {
        expected->average_bits = here->average_bits;
        expected->average_scale = here->average_scale;
    } else if (here->carry == TL_CLICKHOUSE_AS_IT_IS) {
        expected->type = here->type->type;
        expected->strings_as_blob = tl_clickhouse_type_is_blob(&here->type->type);
    } else {
        expected->strings_as_blob = tl_clickhouse_type_is_blob(&column->type);
    }
}

/* The wanted columns as the query says them, and what each must come as. */
static enum tl_code add_columns(tl_scan *scan, tl_arena *arena, struct tl_buf *sql, struct tl_err *err)
{
    const struct tl_scan_request *request = scan->request;
    const struct tl_source_dataset *dataset = request->dataset;
    for (size_t i = 0; i < request->column_count; i++) {
        scan->stream_column[i] = -1;
        if (request->columns[i] < 0)
            continue;
        const struct tl_source_column *column = &dataset->columns[request->columns[i]];
        struct tl_clickhouse_column here = tl_clickhouse_column_here(arena, column);
        if (column->unsupported || here.carry == TL_CLICKHOUSE_NOT_CARRIED)
            return unsupported(dataset, column, err);
        const char *before = here.carry == TL_CLICKHOUSE_AS_JSON     ? "toJSONString("
                             : here.carry == TL_CLICKHOUSE_AS_TEXT   ? "toString("
                             : here.carry == TL_CLICKHOUSE_FINALIZED ? "finalizeAggregation("
                                                                     : "";
        tl_buf_adds(sql, scan->stream_columns ? ", " : "");
        tl_buf_adds(sql, before);
        tl_clickhouse_add_identifier(sql, column->name);
        tl_buf_adds(sql, before[0] ? ")" : "");
        expect(&scan->expected[scan->stream_columns], column, &here);
        scan->stream_column[i] = (int)scan->stream_columns++;
    }
    if (scan->stream_columns == 0) { /* only the number of rows matters */
        tl_buf_adds(sql, "1");
        scan->expected[scan->stream_columns++] = (struct tl_native_column){.name = "1"};
    }
    return TL_OK;
}

static enum tl_code add_filters(const tl_scan *scan, struct tl_buf *sql, struct tl_err *err)
{
    const struct tl_scan_request *request = scan->request;
    for (size_t i = 0; i < request->filter_count; i++) {
        const char *reason = NULL;
        tl_buf_adds(sql, i == 0 ? " WHERE " : " AND ");
        if (!tl_clickhouse_filter(scan->source, request->dataset, request->filters[i], sql, &reason))
            return tl_err_set(err, TL_INTERNAL, "a filter was given that ClickHouse had declined: %s",
                              reason ? reason : "unknown");
    }
    return TL_OK;
}

static void add_order(const struct tl_scan_request *request, struct tl_buf *sql)
{
    if (request->limit < 0)
        return;
    for (size_t i = 0; i < request->order_count; i++) {
        tl_buf_adds(sql, i == 0 ? " ORDER BY " : ", ");
        tl_clickhouse_add_order(sql, request->dataset, &request->order[i]);
    }
    tl_buf_addf(sql, " LIMIT %lld", (long long)request->limit);
}

static enum tl_code write_query(tl_scan *scan, tl_arena *arena, struct tl_err *err)
{
    struct tl_buf sql;
    tl_buf_init(&sql, TL_CLICKHOUSE_SQL_BYTES_MAX);
    tl_buf_adds(&sql, "SELECT ");
    enum tl_code code = add_columns(scan, arena, &sql, err);
    tl_buf_adds(&sql, " FROM ");
    tl_clickhouse_add_from(&sql, scan->request->dataset);
    tl_buf_adds(&sql, scan->request->dataset->derivation ? " AS townlake" : "");
    if (code == TL_OK)
        code = add_filters(scan, &sql, err);
    add_order(scan->request, &sql);
    tl_buf_adds(&sql, " FORMAT Native");
    if (code == TL_OK && sql.failed)
        code = tl_err_set(err, TL_TOO_LARGE, "the query for ClickHouse has more than %d bytes",
                          (int)TL_CLICKHOUSE_SQL_BYTES_MAX);
    if (code == TL_OK)
        scan->sql = tl_arena_strdup(arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return code;
}

static enum tl_code start(tl_scan *scan, const struct tl_stop *stop, struct tl_err *err)
{
    const char *query_id = scan->request->query_id ? scan->request->query_id : "townlake";
    scan->http_stop = (struct tl_stop){
        .stop = stop_of_reader, .context = scan, .deadline_us = stop ? stop->deadline_us : 0};
    scan->waiting = stop;
    enum tl_code code = tl_clickhouse_ask(scan->source, tl_str_of(scan->sql), query_id, &scan->http_stop, &scan->answer,
                                          err);
    scan->waiting = NULL;
    if (code == TL_OK)
        scan->reader = tl_native_reader_new(tl_clickhouse_answer_input(scan->answer), scan->expected,
                                            scan->stream_columns, tl_clickhouse_answer_tag(scan->answer));
    return code;
}

static void init_turn(tl_scan *scan)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&scan->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&scan->turn_given, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum tl_code tl_clickhouse_scan_open(tl_source *source, const struct tl_scan_request *request, int threads_max,
                                     const struct tl_stop *stop, tl_arena *arena, tl_scan **ret_scan,
                                     int *ret_parts_at_once, struct tl_err *err)
{
    tl_scan *scan = tl_heap_alloc(sizeof *scan);
    scan->source = source;
    scan->request = request;
    scan->stream_column = TL_NEW_ARRAY(arena, int, request->column_count);
    scan->expected = TL_NEW_ARRAY(arena, struct tl_native_column, request->column_count + 1);
    scan->parts_left = threads_max < 1 ? 1 : threads_max > PARTS_MAX ? PARTS_MAX : threads_max;
    tl_err_init(&scan->failure);
    init_turn(scan);
    enum tl_code code = write_query(scan, arena, err);
    if (code == TL_OK)
        code = start(scan, stop, err);
    if (code != TL_OK) {
        code = named(scan, err);
        tl_clickhouse_scan_close(scan, NULL);
        return code;
    }
    *ret_parts_at_once = scan->parts_left;
    *ret_scan = scan;
    return TL_OK;
}

/* The turn, unless the caller gives up first: the thread that has it may be waiting for the network. */
static enum tl_code take_turn(tl_scan *scan, const struct tl_stop *stop, struct tl_err *err)
{
    bool stopped = false;
    pthread_mutex_lock(&scan->lock);
    while (scan->turn_taken && !stopped) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += STOP_POLL_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&scan->turn_given, &scan->lock, &until);
        stopped = scan->turn_taken && stop && stop->stop && stop->stop(stop->context);
    }
    if (!stopped)
        scan->turn_taken = true;
    pthread_mutex_unlock(&scan->lock);
    return stopped ? tl_err_set(err, TL_CANCELLED, "the scan was cancelled") : TL_OK;
}

static void give_turn(tl_scan *scan)
{
    pthread_mutex_lock(&scan->lock);
    scan->turn_taken = false;
    pthread_cond_signal(&scan->turn_given);
    pthread_mutex_unlock(&scan->lock);
}

enum tl_code tl_clickhouse_part_open(tl_scan *scan, const struct tl_stop *stop, tl_scan_part **ret_part,
                                     struct tl_err *err)
{
    *ret_part = NULL;
    enum tl_code code = take_turn(scan, stop, err);
    if (code != TL_OK)
        return named(scan, err);
    bool more = scan->parts_left > 0 && !scan->ended;
    if (more)
        scan->parts_left--;
    give_turn(scan);
    if (!more)
        return TL_OK;
    tl_scan_part *part = tl_heap_alloc(sizeof *part);
    part->scan = scan;
    part->block = tl_native_block_new();
    *ret_part = part;
    return TL_OK;
}

/* The next block of the stream.  What one thread met, all are told. */
static enum tl_code next_block(tl_scan_part *part, bool *ret_end, const struct tl_stop *stop, struct tl_err *err)
{
    tl_scan *scan = part->scan;
    enum tl_code code = take_turn(scan, stop, err);
    if (code != TL_OK)
        return code;
    *ret_end = scan->ended;
    if (scan->failure.code != TL_OK) {
        code = tl_err_copy(err, &scan->failure);
    } else if (!scan->ended) {
        scan->waiting = stop;
        code = tl_native_read(scan->reader, part->block, ret_end, err);
        scan->waiting = NULL;
        scan->ended = *ret_end;
        if (code != TL_OK)
            scan->failure = *err;
    }
    give_turn(scan);
    part->next_row = 0;
    return code;
}

/* A column for count(*): any value, but none that was never written. */
static void fill(struct tl_vector *vector, size_t rows)
{
    size_t width = tl_type_width(vector->type);
    if (width && vector->data)
        memset(vector->data, 0, width * rows);
}

static enum tl_code convert(tl_scan_part *part, struct tl_chunk *chunk, struct tl_err *err)
{
    tl_scan *scan = part->scan;
    size_t left = tl_native_rows(part->block) - part->next_row,
           count = left < TL_VECTOR_ROWS_MAX ? left : TL_VECTOR_ROWS_MAX;
    for (size_t i = 0; i < scan->request->column_count; i++) {
        enum tl_code code = TL_OK;
        if (scan->stream_column[i] < 0)
            fill(&chunk->columns[i], count);
        else
            code = tl_native_convert(part->block, (size_t)scan->stream_column[i], part->next_row, count,
                                     &chunk->columns[i], err);
        if (code != TL_OK)
            return code;
    }
    part->next_row += count;
    chunk->row_count = count;
    scan->rows += (int64_t)count;
    return TL_OK;
}

enum tl_code tl_clickhouse_part_next(tl_scan_part *part, struct tl_chunk *chunk, const struct tl_stop *stop,
                                     struct tl_err *err)
{
    chunk->row_count = 0;
    if (stop && stop->stop && stop->stop(stop->context)) {
        tl_err_set(err, TL_CANCELLED, "the scan was cancelled");
        return named(part->scan, err);
    }
    enum tl_code code = TL_OK;
    if (part->next_row == tl_native_rows(part->block)) {
        bool end;
        code = next_block(part, &end, stop, err);
        if (code == TL_OK && end)
            return TL_OK;
    }
    if (code == TL_OK)
        code = convert(part, chunk, err);
    return code == TL_OK ? TL_OK : named(part->scan, err);
}

void tl_clickhouse_part_close(tl_scan_part *part)
{
    if (!part)
        return;
    tl_native_block_free(part->block);
    free(part);
}

/* An answer that is not at its end takes the connection with it, and the server cancels the query. */
void tl_clickhouse_scan_close(tl_scan *scan, struct tl_scan_stats *ret_stats)
{
    if (!scan)
        return;
    if (ret_stats)
        *ret_stats = (struct tl_scan_stats){.rows = scan->rows,
                                            .bytes = scan->answer ? tl_clickhouse_answer_bytes(scan->answer) : 0,
                                            .text = scan->sql};
    tl_native_reader_free(scan->reader);
    tl_clickhouse_answer_close(scan->answer);
    pthread_cond_destroy(&scan->turn_given);
    pthread_mutex_destroy(&scan->lock);
    free(scan);
}

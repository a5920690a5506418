#include "sources/postgres/scan_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

enum { CONDITION_SIZE = 128, COMMIT_WAIT_US = 1000000, SHARES = 4 };

struct tl_scan_part {
    struct tl_scan *scan;
    struct tl_postgres_connection *connection;
    struct tl_postgres_decoder decoder;
    bool within;  /* the connection was in the scan's transaction before this part */
    bool ended;   /* all rows have come and the connection is ready for the next statement */
    const struct tl_postgres_piece *piece; /* ranged: of what, */
    char condition[CONDITION_SIZE];        /* and which pages */
    int64_t rows;    /* decoded */
    int64_t counted; /* scan->counts: rows still to be given out */
};

/* --- taking a part --- */

static bool all_taken(const struct tl_scan *scan)
{
    return scan->left || (scan->ranged ? scan->next_piece >= scan->piece_count : scan->taken);
}

/* A share of what is left: large while there is much, small towards the end. */
static int64_t range_size(const struct tl_scan *scan, const struct tl_postgres_piece *piece)
{
    int64_t size = scan->pages_left / ((int64_t)scan->parts_at_once * SHARES);
    size = size < TL_POSTGRES_RANGE_PAGES_MIN ? TL_POSTGRES_RANGE_PAGES_MIN : size;
    size = size > TL_POSTGRES_RANGE_PAGES_MAX ? TL_POSTGRES_RANGE_PAGES_MAX : size;
    int64_t left = piece->pages - scan->next_page;
    return !piece->ranges || left < size + TL_POSTGRES_RANGE_PAGES_MIN / 2 ? left : size;
}

/* The first range has no lower bound and the last no upper one: rows are complete however the table grew since. */
static void take_range(struct tl_scan *scan, struct tl_scan_part *part)
{
    const struct tl_postgres_piece *piece = &scan->pieces[scan->next_piece];
    int64_t from = scan->next_page, to = from + range_size(scan, piece);
    scan->pages_left -= to - from;
    scan->next_page = to;
    part->piece = piece;
    bool last = to >= piece->pages;
    if (last) {
        scan->next_piece++;
        scan->next_page = 0;
    }
    if (last && from == 0)
        *part->condition = '\0';
    else if (last)
        snprintf(part->condition, CONDITION_SIZE, "(ctid >= '(%lld,0)'::tid)", (long long)from);
    else if (from == 0)
        snprintf(part->condition, CONDITION_SIZE, "(ctid < '(%lld,0)'::tid)", (long long)to);
    else
        snprintf(part->condition, CONDITION_SIZE, "(ctid >= '(%lld,0)'::tid AND ctid < '(%lld,0)'::tid)", (long long)from,
                 (long long)to);
}

static void take_part(struct tl_scan *scan, struct tl_scan_part *part)
{
    if (scan->ranged)
        take_range(scan, part);
    else
        scan->taken = true;
}

static enum tl_code wait_change(struct tl_scan *scan, const struct tl_stop *stop, struct tl_err *err)
{
    tl_postgres_condition_wait(&scan->changed, &scan->mutex, TL_POSTGRES_SLICE_MS);
    return tl_postgres_stopped(scan->source->options.name, stop, err);
}

/* Called and left with the mutex held.  A scan that has a connection never waits for the pool: two such scans could
 * wait for each other.  Leaves part->connection NULL when there is nothing left to take. */
static enum tl_code take(struct tl_scan *scan, struct tl_scan_part *part, const struct tl_stop *stop,
                         struct tl_err *err)
{
    enum tl_code code = TL_OK;
    while (code == TL_OK && !all_taken(scan)) {
        if (scan->idle_count > 0) {
            part->connection = scan->idle[--scan->idle_count];
            part->within = true;
            take_part(scan, part);
            return TL_OK;
        }
        if (scan->connected >= scan->parts_at_once) {
            code = wait_change(scan, stop, err);
            continue;
        }
        bool first = scan->connected++ == 0;
        scan->importing++;
        pthread_mutex_unlock(&scan->mutex);
        code = first ? tl_postgres_pool_take(scan->source->pool, stop, &part->connection, err)
                     : tl_postgres_pool_try(scan->source->pool, stop, &part->connection, err);
        pthread_mutex_lock(&scan->mutex);
        if (code == TL_OK && part->connection && !all_taken(scan)) {
            take_part(scan, part);
            return TL_OK;
        }
        scan->connected--;
        scan->importing--;
        tl_postgres_pool_put(scan->source->pool, part->connection);
        part->connection = NULL;
        if (code == TL_OK && !all_taken(scan))
            code = wait_change(scan, stop, err);
    }
    return code;
}

/* End the scan's transaction, so that the pool can keep the connection. */
static void release(struct tl_scan *scan, struct tl_postgres_connection *connection)
{
    if (connection && !connection->broken && PQtransactionStatus(connection->pg) == PQTRANS_INTRANS) {
        struct tl_stop soon = {.deadline_us = tl_clock_monotonic_us() + COMMIT_WAIT_US};
        struct tl_err ignored;
        PGresult *result = NULL;
        tl_err_init(&ignored);
        if (tl_postgres_query(connection, "COMMIT", &soon, &result, 1, &ignored) != TL_OK)
            connection->broken = true;
        PQclear(result);
    }
    tl_postgres_pool_put(scan->source->pool, connection);
}

/* Give idle connections back as soon as no part will want them: other scans of the same statement may be waiting.  The
 * exporter stays until nobody is about to import its snapshot, also when its own part was left in mid-way. */
static void release_idle(struct tl_scan *scan)
{
    struct tl_postgres_connection *done[2 * TL_POSTGRES_CONNECTIONS_MAX];
    int count = 0;
    pthread_mutex_lock(&scan->mutex);
    if (all_taken(scan) && scan->importing == 0) {
        memcpy(done, scan->idle, sizeof *done * (size_t)scan->idle_count);
        memcpy(done + scan->idle_count, scan->parked, sizeof *done * (size_t)scan->parked_count);
        count = scan->idle_count + scan->parked_count;
        scan->connected -= scan->idle_count;
        scan->idle_count = scan->parked_count = 0;
    }
    pthread_mutex_unlock(&scan->mutex);
    for (int i = 0; i < count; i++)
        release(scan, done[i]);
}

/* --- starting it --- */

static enum tl_code no_copy(struct tl_postgres_connection *connection, enum tl_code code, struct tl_err *err)
{
    connection->broken = true;
    if (code != TL_OK)
        return code;
    return tl_err_set(err, TL_SOURCE_PROTOCOL, "source \"%s\" answered COPY with something else",
                      connection->options->name);
}

/* Answers of BEGIN, SET and the check come first.  A check that fails is told, unless the server says more of it. */
static enum tl_code wait_copy(const struct tl_scan *scan, struct tl_postgres_connection *connection,
                              const struct tl_stop *stop, struct tl_err *err)
{
    enum tl_code checked = TL_OK;
    struct tl_err check_err;
    tl_err_init(&check_err);
    for (;;) {
        PGresult *result = NULL;
        enum tl_code code = tl_postgres_result(connection, stop, &result, err);
        if (code != TL_OK)
            return code;
        ExecStatusType status = PQresultStatus(result);
        bool binary = PQbinaryTuples(result);
        if (status == PGRES_TUPLES_OK)
            checked = tl_postgres_scan_check(scan, result, &check_err);
        PQclear(result);
        if (status == PGRES_COPY_OUT && binary && checked == TL_OK)
            return TL_OK;
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            return no_copy(connection, checked == TL_OK ? TL_OK : tl_err_copy(err, &check_err), err);
    }
}

static enum tl_code start(void *context, struct tl_postgres_connection *connection, const struct tl_stop *stop,
                          struct tl_err *err)
{
    const struct tl_scan_part *part = context;
    const struct tl_scan *scan = part->scan;
    struct tl_buf sql;
    tl_buf_init(&sql, TL_POSTGRES_SQL_SIZE_MAX * 2);
    if (!part->within)
        tl_postgres_scan_begin(scan, stop, &sql);
    if (!part->within && !scan->ranged && scan->uses.count > 0)
        tl_postgres_uses_write(&scan->uses, &sql);
    tl_buf_adds(&sql, " COPY (");
    tl_postgres_scan_select(scan, part->piece, *part->condition ? part->condition : NULL, &sql);
    tl_buf_adds(&sql, ") TO STDOUT (FORMAT binary)");
    if (!scan->ranged)
        tl_buf_adds(&sql, "; COMMIT");
    enum tl_code code = tl_postgres_send(connection, tl_buf_cstr(&sql), stop, err);
    tl_buf_done(&sql);
    if (code == TL_OK)
        code = wait_copy(scan, connection, stop, err);
    if (code == TL_OK)
        connection->reused = false; /* it lives, and from now on it carries our transaction: it cannot be replaced */
    return code;
}

/* Rows as they are could be had; only what was asked beyond them was refused. */
static enum tl_code refused(const struct tl_scan *scan, enum tl_code code, struct tl_err *err)
{
    if (code == TL_SOURCE_REJECTED && !scan->asks_more)
        err->code = TL_SOURCE_FAILED;
    return code == TL_OK ? TL_OK : err->code;
}

static void imported(struct tl_scan *scan)
{
    pthread_mutex_lock(&scan->mutex);
    scan->importing--;
    pthread_mutex_unlock(&scan->mutex);
    release_idle(scan);
}

enum tl_code tl_postgres_part_open(tl_scan *scan, const struct tl_stop *stop, tl_scan_part **ret_part,
                                   struct tl_err *err)
{
    enum tl_code code = tl_postgres_stopped(scan->source->options.name, stop, err);
    *ret_part = NULL;
    if (code != TL_OK)
        return code;
    struct tl_scan_part *part = tl_heap_alloc(sizeof *part);
    part->scan = scan;
    part->decoder = (struct tl_postgres_decoder){
        .fields = scan->fields, .field_count = scan->field_count, .where = scan->own->where};
    pthread_mutex_lock(&scan->mutex);
    code = take(scan, part, stop, err);
    pthread_mutex_unlock(&scan->mutex);
    if (!part->connection) {
        free(part);
        return code;
    }
    bool importing = !part->within;
    code = refused(scan, tl_postgres_pool_attempt(scan->source->pool, start, part, stop, &part->connection, err), err);
    if (importing)
        imported(scan);
    if (code != TL_OK) {
        tl_postgres_part_close(part);
        return code;
    }
    *ret_part = part;
    return TL_OK;
}

/* --- reading it --- */

static enum tl_code cut_short(const struct tl_scan_part *part, struct tl_err *err)
{
    part->connection->broken = true;
    return tl_err_set(err, TL_SOURCE_PROTOCOL, "rows of %s ended before their end was announced",
                      part->scan->own->where);
}

/* The data has ended; what the server says of it must agree with what was decoded. */
static enum tl_code finish(struct tl_scan_part *part, const struct tl_stop *stop, struct tl_err *err)
{
    bool first = true;
    for (;;) {
        PGresult *result = NULL;
        enum tl_code code = tl_postgres_result(part->connection, stop, &result, err);
        if (code != TL_OK)
            return code;
        if (!result)
            break;
        bool complete = !first || strtoll(PQcmdTuples(result), NULL, 10) == part->rows;
        PQclear(result);
        if (!complete)
            return cut_short(part, err);
        first = false;
    }
    if (!part->decoder.ended || first)
        return cut_short(part, err);
    part->ended = true;
    return TL_OK;
}

/* One message, or a wait for one. */
static enum tl_code step(struct tl_scan_part *part, struct tl_chunk *chunk, int64_t *bytes, const struct tl_stop *stop,
                         struct tl_err *err)
{
    char *message = NULL;
    int size = PQgetCopyData(part->connection->pg, &message, 1);
    if (size > 0) {
        *bytes += size;
        enum tl_code code = tl_postgres_decode(&part->decoder, message, (size_t)size, chunk, err);
        PQfreemem(message);
        return code;
    }
    if (size == 0)
        return tl_postgres_receive(part->connection, stop, err);
    return finish(part, stop, err);
}

static enum tl_code read_chunk(struct tl_scan_part *part, struct tl_chunk *chunk, const struct tl_stop *stop,
                               struct tl_err *err)
{
    enum tl_code code = TL_OK;
    int64_t bytes = 0;
    part->decoder.text_bytes = 0;
    while (code == TL_OK && !part->ended && chunk->row_count < TL_VECTOR_ROWS_MAX &&
           part->decoder.text_bytes < TL_POSTGRES_CHUNK_BYTES_MAX) {
        size_t rows = chunk->row_count;
        code = step(part, chunk, &bytes, stop, err);
        part->rows += (int64_t)(chunk->row_count - rows);
    }
    part->scan->bytes += bytes;
    return code;
}

/* Columns of which any value will do still hold values that can be read. */
static void fill_unread(const struct tl_scan *scan, struct tl_chunk *chunk)
{
    for (size_t i = 0; i < scan->request->column_count; i++) {
        struct tl_vector *vector = &chunk->columns[i];
        if (scan->request->columns[i] >= 0)
            continue;
        size_t width = tl_type_width(vector->type);
        if (width > 0)
            memset(vector->data, 0, width * chunk->row_count);
        else
            for (size_t row = 0; row < chunk->row_count; row++)
                tl_vector_set_null(vector, row);
    }
}

static enum tl_code read_count(struct tl_scan_part *part, const struct tl_stop *stop, struct tl_err *err)
{
    const struct tl_type type = tl_type_simple(TL_TYPE_INT64);
    int64_t count[TL_VECTOR_ROWS_MAX]; /* one is expected, a chunk is what the decoder may fill */
    struct tl_vector vector = {.type = &type, .data = count};
    struct tl_chunk chunk = {.columns = &vector, .column_count = 1};
    enum tl_code code = read_chunk(part, &chunk, stop, err);
    if (code == TL_OK && (!part->ended || chunk.row_count != 1 || count[0] < 0))
        return cut_short(part, err);
    part->counted = code == TL_OK ? count[0] : 0;
    return code;
}

enum tl_code tl_postgres_part_next(tl_scan_part *part, struct tl_chunk *chunk, const struct tl_stop *stop,
                                   struct tl_err *err)
{
    enum tl_code code = tl_postgres_stopped(part->scan->source->options.name, stop, err);
    chunk->row_count = 0;
    if (code != TL_OK)
        return code;
    if (!part->scan->counts) {
        code = read_chunk(part, chunk, stop, err);
    } else {
        if (!part->ended)
            code = read_count(part, stop, err);
        chunk->row_count = part->counted < TL_VECTOR_ROWS_MAX ? (size_t)part->counted : TL_VECTOR_ROWS_MAX;
        part->counted -= (int64_t)chunk->row_count;
    }
    part->scan->rows += (int64_t)chunk->row_count;
    if (code == TL_OK)
        fill_unread(part->scan, chunk);
    return refused(part->scan, code, err);
}

void tl_postgres_part_close(tl_scan_part *part)
{
    struct tl_scan *scan = part->scan;
    struct tl_postgres_connection *connection = part->connection;
    bool keep = part->ended && scan->ranged && connection && !connection->broken;
    if (!part->ended && connection)
        connection->broken = true; /* rows it has not sent yet are in the way: it is cancelled and closed */
    pthread_mutex_lock(&scan->mutex);
    bool park = !keep && connection && scan->importing > 0 && scan->parked_count < TL_POSTGRES_CONNECTIONS_MAX;
    scan->left |= !part->ended;
    if (keep)
        scan->idle[scan->idle_count++] = connection;
    else
        scan->connected--;
    if (park)
        scan->parked[scan->parked_count++] = connection;
    pthread_cond_broadcast(&scan->changed);
    pthread_mutex_unlock(&scan->mutex);
    if (!keep && !park)
        tl_postgres_pool_put(scan->source->pool, connection);
    release_idle(scan);
    free(part);
}

/* RUN: one statement from its text to its last row.
 *
 * Rows leave in blocks of about half a megabyte, yet none waits long: what was fetched and not sent is sent by the watchdog's
 * tick when the engine takes its time for the next rows.  Small answers leave in one piece, columns, rows and end. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "engines/duckdb/lineage.h"
#include "engines/duckdb/process_int.h"

enum {
    HELD_MAX = 64,           /* chunks of at most 2,048 rows */
    BLOCK_BYTES = 512 * 1024,
    COPY_BYTES_MAX = 32 * 1024, /* smaller blocks are put together with other frames */
    ROW_BYTES_GUESS = 32,
    STALE_US = 10 * 1000,
    PROGRESS_US = 200 * 1000,
    SCRATCH_BYTES_MAX = 1024 * 1024 * 1024,
    SCANS_JSON_MAX = 1024 * 1024,
    LINEAGE_JSON_MAX = 2 * 1024 * 1024,
};

struct run {
    struct tl_duckdb_session *session;
    struct tl_engine_statement input;
    struct tl_duckdb_running running;
    struct tl_err *err;
    bool views_held;
    const char *not_pushing; /* the first one was refused by a source: why */
    duckdb_prepared_statement prepared;
    duckdb_pending_result pending;
    duckdb_result result;
    bool result_made;
    struct tl_field *fields;
    struct tl_duckdb_carry *carries;
    size_t field_count;
    struct tl_result_stats stats;
    int64_t start_us, start_cpu_us;
    /* under the session's send_mutex: */
    bool fields_sent;
    duckdb_data_chunk held[HELD_MAX];
    size_t held_count, held_rows;
    int64_t held_since_us;
    size_t block_rows; /* so many are about BLOCK_BYTES, by the last block */
    struct tl_buf block;
    tl_arena *scratch;
    struct tl_err encode_err;
};

/* ---- blocks; under send_mutex ---- */

/* Encodes rows [first, first + count) and hands the frame to `send_block`; in halves when one block cannot hold them. */
static bool encode_rows(struct run *run, size_t first, size_t count, bool (*send_block)(struct run *run))
{
    tl_buf_clear(&run->block);
    tl_arena_reset(run->scratch);
    tl_duckdb_encode(&run->block, run->scratch, run->carries, run->field_count, run->held, run->held_count, first, count,
                     &run->encode_err);
    if (run->encode_err.code != TL_OK)
        return false;
    if (run->block.failed && count > 1)
        return encode_rows(run, first, count / 2, send_block) &&
               encode_rows(run, first + count / 2, count - count / 2, send_block);
    if (run->block.failed) {
        tl_err_set(&run->encode_err, TL_TOO_LARGE, "one row of the result is larger than %d MiB", TL_WIRE_FRAME_MAX >> 20);
        return false;
    }
    run->stats.bytes += (int64_t)run->block.size;
    return send_block(run);
}

static bool send_block_waiting(struct run *run)
{
    struct tl_buf *out = &run->session->out;
    bool sent = true;
    if (run->block.size <= COPY_BYTES_MAX) {
        tl_buf_add(out, run->block.data, run->block.size);
        if (out->size < COPY_BYTES_MAX)
            return true;
    }
    atomic_store(&run->running.writing, true);
    sent = tl_duckdb_session_flush(run->session);
    if (sent && run->block.size > COPY_BYTES_MAX) {
        struct tl_buf swap = *out;
        *out = run->block;
        sent = tl_duckdb_session_flush(run->session);
        run->block = *out;
        *out = swap;
    }
    atomic_store(&run->running.writing, false);
    return sent;
}

static bool send_block_later(struct run *run)
{
    tl_buf_add(&run->session->out, run->block.data, run->block.size);
    return !run->session->out.failed;
}

static void drop_held(struct run *run)
{
    for (size_t i = 0; i < run->held_count; i++)
        duckdb_destroy_data_chunk(&run->held[i]);
    run->held_count = run->held_rows = 0;
}

static bool send_held(struct run *run, bool (*send_block)(struct run *run))
{
    if (run->held_rows == 0)
        return true;
    int64_t before = run->stats.bytes;
    size_t rows = run->held_rows;
    bool sent = encode_rows(run, 0, rows, send_block);
    drop_held(run);
    size_t row_bytes = (size_t)(run->stats.bytes - before) / rows + 1;
    run->block_rows = BLOCK_BYTES / row_bytes;
    return sent;
}

/* The watchdog's tick: never waits, neither for the session's thread nor for the peer. */
static void tick(void *context, int64_t now_us)
{
    struct run *run = context;
    struct tl_duckdb_session *session = run->session;
    if (pthread_mutex_trylock(&session->send_mutex) != 0)
        return;
    if (run->held_rows > 0 && session->out.size < BLOCK_BYTES && now_us - run->held_since_us > STALE_US)
        send_held(run, send_block_later);
    if (session->out.size == 0 && run->fields_sent && now_us - session->sent_at_us > PROGRESS_US) {
        size_t mark;
        double percentage = duckdb_query_progress(run->running.connection).percentage;
        tl_wire_begin(&session->out, TL_WIRE_PROGRESS, &mark);
        tl_wire_put_f64(&session->out, percentage < 0 ? -1 : percentage / 100);
        tl_wire_put_i64(&session->out, tl_hooks_rows_scanned(run->running.connection));
        tl_wire_end(&session->out, mark);
    }
    if (session->out.size > 0)
        tl_duckdb_session_flush_some(session);
    pthread_mutex_unlock(&session->send_mutex);
}

/* ---- columns ---- */

static enum tl_code make_fields(struct run *run, size_t count, duckdb_logical_type (*type_of)(struct run *run, idx_t index),
                                const char *(*name_of)(struct run *run, idx_t index), struct tl_field **ret_fields,
                                struct tl_duckdb_carry **ret_carries)
{
    tl_arena *arena = run->session->arena;
    struct tl_field *fields = TL_NEW_ARRAY(arena, struct tl_field, count);
    struct tl_duckdb_carry *carries = TL_NEW_ARRAY(arena, struct tl_duckdb_carry, count);
    for (size_t i = 0; i < count; i++) {
        duckdb_logical_type type = type_of(run, i);
        fields[i].name = name_of(run, i);
        enum tl_code code = tl_duckdb_carry_make(arena, type, fields[i].name, &fields[i].type, &carries[i], run->err);
        duckdb_destroy_logical_type(&type);
        if (code != TL_OK)
            return code;
    }
    *ret_fields = fields;
    *ret_carries = carries;
    return TL_OK;
}

static duckdb_logical_type prepared_type(struct run *run, idx_t index)
{
    return duckdb_prepared_statement_column_logical_type(run->prepared, index);
}

static const char *prepared_name(struct run *run, idx_t index)
{
    const char *name = duckdb_prepared_statement_column_name(run->prepared, index);
    const char *copy = tl_arena_strdup(run->session->arena, name ? name : "");
    duckdb_free((void *)(uintptr_t)name);
    return copy;
}

static duckdb_logical_type result_type(struct run *run, idx_t index)
{
    return duckdb_column_logical_type(&run->result, index);
}

static const char *result_name(struct run *run, idx_t index)
{
    const char *name = duckdb_column_name(&run->result, index);
    return tl_arena_strdup(run->session->arena, name ? name : "");
}

static void put_fields(struct run *run)
{
    size_t mark;
    struct tl_duckdb_session *session = run->session;
    struct tl_buf lineage;
    tl_buf_init(&lineage, LINEAGE_JSON_MAX);
    tl_duckdb_lineage_take(session->connection, &lineage);
    pthread_mutex_lock(&session->send_mutex);
    tl_wire_begin(&session->out, TL_WIRE_FIELDS, &mark);
    tl_wire_put_fields(&session->out, run->fields, run->field_count);
    tl_wire_put_text(&session->out, (struct tl_str){lineage.data, lineage.size});
    tl_wire_end(&session->out, mark);
    run->fields_sent = true;
    session->sent_at_us = tl_clock_monotonic_us();
    pthread_mutex_unlock(&session->send_mutex);
    tl_buf_done(&lineage);
}

/* What was told once holds. */
static enum tl_code settle_fields(struct run *run, size_t count, duckdb_logical_type (*type_of)(struct run *run, idx_t index),
                                  const char *(*name_of)(struct run *run, idx_t index))
{
    struct tl_field *fields;
    struct tl_duckdb_carry *carries;
    if (make_fields(run, count, type_of, name_of, &fields, &carries) != TL_OK)
        return run->err->code;
    bool same = !run->fields_sent || count == run->field_count;
    for (size_t i = 0; run->fields_sent && same && i < count; i++)
        same = tl_type_equal(&fields[i].type, &run->fields[i].type);
    if (!same)
        return tl_err_set(run->err, TL_CONFLICT, "a table changed while the statement was being started");
    run->field_count = count;
    run->fields = fields;
    run->carries = carries;
    if (!run->fields_sent)
        put_fields(run);
    return TL_OK;
}

/* Columns are told before the first row is computed, when binding has settled them. */
static enum tl_code fields_of_prepared(struct run *run)
{
    return settle_fields(run, duckdb_prepared_statement_column_count(run->prepared), prepared_type, prepared_name);
}

static enum tl_code fields_of_result(struct run *run)
{
    return settle_fields(run, duckdb_column_count(&run->result), result_type, result_name);
}

/* ---- from text to result ---- */

static enum tl_code set_time_zone(struct run *run)
{
    struct tl_duckdb_session *session = run->session;
    const char *wanted = run->input.time_zone && run->input.time_zone[0] ? run->input.time_zone : "UTC";
    if (strcmp(wanted, session->time_zone) == 0)
        return TL_OK;
    struct tl_buf sql;
    tl_buf_init(&sql, 1024);
    tl_buf_adds(&sql, "SET TimeZone = ");
    tl_buf_add_literal(&sql, wanted, strlen(wanted));
    struct tl_err said;
    tl_err_init(&said);
    bool known = strlen(wanted) < sizeof session->time_zone && !sql.failed &&
                 tl_duckdb_execute(session->connection, tl_buf_cstr(&sql), &said) == TL_OK;
    tl_buf_done(&sql);
    if (!known) {
        tl_err_set(run->err, TL_INVALID_ARGUMENT, "there is no time zone \"%.64s\"", wanted);
        tl_err_hint(run->err, "use a name like Europe/Lisbon or UTC");
        return run->err->code;
    }
    memcpy(session->time_zone, wanted, strlen(wanted) + 1);
    return TL_OK;
}

static void set_guard(struct run *run)
{
    const struct tl_duckdb_options *options = run->session->process->options;
    const char *const none[] = {NULL};
    struct tl_hooks_guard guard = {
        .allowed = run->input.allowed ? run->input.allowed : none, /* NULL would mean everything */
        .allowed_count = run->input.allowed_count,
        .no_pushdown = run->input.no_pushdown || run->not_pushing,
        .no_pushdown_reason = run->not_pushing,
        .query_id = run->input.query_id,
        .threads_max = options->threads > 0 ? options->threads : (int)sysconf(_SC_NPROCESSORS_ONLN),
    };
    tl_hooks_set_guard(run->session->connection, &guard);
    tl_duckdb_lineage_ask(run->session->connection, run->input.lineage);
}

/* A manifest was refused (fence.cpp): whoever read it went on without it. */
static enum tl_code check_refused(struct run *run)
{
    struct tl_err said;
    tl_err_init(&said);
    if (tl_hooks_take_error(run->session->connection, &said) && said.code == TL_NOT_ALLOWED)
        return tl_err_copy(run->err, &said);
    return TL_OK;
}

static enum tl_code prepare(struct run *run)
{
    if (run->input.sql.size && memchr(run->input.sql.data, '\0', run->input.sql.size))
        return tl_err_set(run->err, TL_BAD_ENCODING, "the statement holds a NUL byte"); /* the engine would see less than was checked */
    set_guard(run);
    const char *sql = tl_arena_strndup(run->session->arena, run->input.sql.data, run->input.sql.size);
    if (duckdb_prepare(run->session->connection, sql, &run->prepared) == DuckDBSuccess) {
        if (check_refused(run) != TL_OK)
            duckdb_destroy_prepare(&run->prepared);
        return run->err->code;
    }
    enum tl_code code =
        tl_duckdb_error(run->session->connection, duckdb_prepare_error(run->prepared), DUCKDB_ERROR_INVALID, run->err);
    duckdb_destroy_prepare(&run->prepared);
    return code;
}

static bool views_are_stale(const struct tl_err *err)
{
    return strstr(err->message, "ontents of view were altered") != NULL;
}

static enum tl_code prepare_over_views(struct run *run)
{
    struct tl_duckdb_process *process = run->session->process;
    if (tl_duckdb_sources_attach(process->sources, run->input.allowed, run->input.allowed_count, run->err) != TL_OK ||
        tl_duckdb_views_acquire(process->views, &run->running, &run->input, run->err) != TL_OK)
        return run->err->code;
    run->views_held = true;
    if (prepare(run) == TL_OK || !views_are_stale(run->err))
        return run->err->code;
    tl_err_init(run->err);
    if (tl_duckdb_sources_attach_anew(process->sources, run->input.allowed, run->input.allowed_count, run->err) != TL_OK ||
        tl_duckdb_views_renew(&run->running, &run->input, run->err) != TL_OK)
        return run->err->code;
    return prepare(run);
}

static enum tl_code start(struct run *run)
{
    bool settled;
    if (tl_duckdb_bind(run->prepared, run->input.params, run->input.param_count, &settled, run->err) != TL_OK)
        return run->err->code;
    if (settled && fields_of_prepared(run) != TL_OK)
        return run->err->code;
    duckdb_connection connection = run->session->connection;
    if (duckdb_pending_prepared_streaming(run->prepared, &run->pending) != DuckDBSuccess)
        return tl_duckdb_error(connection, duckdb_pending_error(run->pending), DUCKDB_ERROR_INVALID, run->err);
    run->result_made = true;
    bool drops = duckdb_prepared_statement_type(run->prepared) == DUCKDB_STATEMENT_TYPE_DROP;
    if (drops)
        tl_duckdb_drop_begin();
    duckdb_state state = duckdb_execute_pending(run->pending, &run->result);
    if (drops)
        tl_duckdb_drop_end();
    if (state != DuckDBSuccess)
        return tl_duckdb_error(connection, duckdb_result_error(&run->result), duckdb_result_error_type(&run->result), run->err);
    return fields_of_result(run);
}

/* ---- rows ---- */

static enum tl_code count_rows(struct run *run, duckdb_data_chunk chunk, size_t rows, bool is_change)
{
    run->stats.rows += (int64_t)rows;
    if (is_change && rows == 1 && run->field_count == 1 && run->fields[0].type.id == TL_TYPE_INT64)
        run->stats.changed_rows = *(const int64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    if (run->input.rows_max > 0 && run->stats.rows > run->input.rows_max) {
        tl_err_set(run->err, TL_ROWS_EXCEEDED, "the result has more than %lld rows", (long long)run->input.rows_max);
        tl_err_hint(run->err, "filter, aggregate or LIMIT it, or raise query_max_rows");
    }
    return run->err->code;
}

/* false: the peer is gone, or a value could not be carried (encode_err). */
static bool hold(struct run *run, duckdb_data_chunk chunk, size_t rows)
{
    pthread_mutex_lock(&run->session->send_mutex);
    if (run->held_rows == 0)
        run->held_since_us = tl_clock_monotonic_us();
    run->held[run->held_count++] = chunk;
    run->held_rows += rows;
    bool sent = true;
    if (run->held_rows >= run->block_rows || run->held_count == HELD_MAX)
        sent = send_held(run, send_block_waiting);
    sent = sent && run->encode_err.code == TL_OK;
    pthread_mutex_unlock(&run->session->send_mutex);
    return sent;
}

static enum tl_code stream_rows(struct run *run)
{
    bool is_change = duckdb_result_return_type(run->result) != DUCKDB_RESULT_TYPE_QUERY_RESULT; /* CREATE TABLE AS: NOTHING, yet a count */
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(run->result)) != NULL;) {
        size_t rows = duckdb_data_chunk_get_size(chunk);
        if (count_rows(run, chunk, rows, is_change) != TL_OK) {
            duckdb_destroy_data_chunk(&chunk);
            return run->err->code;
        }
        if (!hold(run, chunk, rows)) {
            if (run->encode_err.code != TL_OK)
                return tl_err_copy(run->err, &run->encode_err);
            return tl_err_set(run->err, TL_CANCELLED, "the client went away");
        }
    }
    const char *said = duckdb_result_error(&run->result); /* in mid-stream: rows end, and only this tells why */
    if (said)
        return tl_duckdb_error(run->session->connection, said, duckdb_result_error_type(&run->result), run->err);
    return check_refused(run);
}

/* ---- the end ---- */

static bool send_end(struct run *run)
{
    struct tl_duckdb_session *session = run->session;
    struct tl_buf scans;
    size_t mark;
    tl_buf_init(&scans, SCANS_JSON_MAX);
    tl_hooks_scans_json(session->connection, &scans);
    if (!scans.failed)
        run->stats.scans_json = (struct tl_str){scans.data, scans.size};
    run->stats.rows_scanned = tl_hooks_rows_scanned(session->connection);
    run->stats.elapsed_us = tl_clock_monotonic_us() - run->start_us;
    run->stats.progress = 1;
    tl_duckdb_watch_share(session->process->watchdog, &run->running, &run->stats.peak_memory_bytes, &run->stats.cpu_us);
    int64_t own_cpu_us = tl_clock_thread_cpu_us() - run->start_cpu_us;
    if (run->stats.cpu_us < own_cpu_us)
        run->stats.cpu_us = own_cpu_us; /* over before the watchdog saw it */
    pthread_mutex_lock(&session->send_mutex);
    bool sent = send_held(run, send_block_waiting);
    if (run->encode_err.code == TL_OK) {
        tl_wire_begin(&session->out, TL_WIRE_END, &mark);
        tl_wire_put_stats(&session->out, &run->stats);
        tl_wire_end(&session->out, mark);
        atomic_store(&run->running.writing, true);
        sent = sent && tl_duckdb_session_flush(session);
        atomic_store(&run->running.writing, false);
    }
    pthread_mutex_unlock(&session->send_mutex);
    tl_buf_done(&scans);
    return sent && tl_err_copy(run->err, &run->encode_err) == TL_OK;
}

/* After an error nobody waits for this connection any more, but the engine may still be busy: the watchdog stays on it until
 * the engine has let go. */
static void fail(struct run *run)
{
    struct tl_duckdb_session *session = run->session;
    tl_duckdb_stop_error(&run->running, run->err);
    const struct tl_code_info *info = tl_code_info(run->err->code);
    if (strncmp(info->name, "source_", 7) == 0 || run->err->code == TL_TABLE_NOT_FOUND || run->err->code == TL_COLUMN_NOT_FOUND)
        tl_duckdb_sources_forget(session->process->sources);
    if (tl_duckdb_session_send_error(session, run->err))
        shutdown(session->fd, SHUT_WR);
    int none = TL_OK;
    atomic_compare_exchange_strong(&run->running.stop, &none, (int)TL_CANCELLED);
    duckdb_interrupt(session->connection);
}

static void let_go(struct run *run)
{
    duckdb_destroy_pending(&run->pending);
    if (run->result_made)
        duckdb_destroy_result(&run->result);
    run->result_made = false;
    duckdb_destroy_prepare(&run->prepared);
}

static void clean_up(struct run *run, bool ended_well)
{
    struct tl_duckdb_session *session = run->session;
    pthread_mutex_lock(&session->send_mutex);
    drop_held(run);
    run->fields_sent = false;
    pthread_mutex_unlock(&session->send_mutex);
    let_go(run);
    /* it points to this command's strings */
    tl_hooks_set_guard(session->connection, &(struct tl_hooks_guard){.query_id = ""});
    if (!ended_well) {
        duckdb_connection old = session->connection;
        tl_duckdb_unwatch_connection(session->process->watchdog, &run->running);
        session->connection = NULL;
        duckdb_disconnect(&old);
    }
    tl_duckdb_unwatch(session->process->watchdog, &run->running);
    if (run->views_held)
        tl_duckdb_views_release(session->process->views, &run->input);
    tl_buf_done(&run->block);
    tl_arena_free(run->scratch);
}

static enum tl_code attempt(struct run *run)
{
    if (prepare_over_views(run) != TL_OK || start(run) != TL_OK)
        return run->err->code;
    return stream_rows(run);
}

/* A source refused what was pushed to it, or has changed since it was described: once more, computed here or described anew, as long
 * as no row has left. */
static enum tl_code attempt_twice(struct run *run)
{
    struct tl_duckdb_process *process = run->session->process;
    enum tl_code code = attempt(run);
    bool refused = code == TL_SOURCE_REJECTED && !run->input.no_pushdown;
    if ((!refused && code != TL_SOURCE_CHANGED) || run->stats.rows > 0 || atomic_load(&run->running.stop) != TL_OK)
        return code;
    if (refused)
        run->not_pushing = tl_arena_printf(run->session->arena, "computed here, as the source refused it: %s", run->err->message);
    let_go(run);
    if (run->views_held)
        tl_duckdb_views_release(process->views, &run->input);
    run->views_held = false;
    tl_duckdb_sources_forget(process->sources);
    tl_err_init(run->err);
    return attempt(run);
}

bool tl_duckdb_session_run(struct tl_duckdb_session *session, struct tl_str body)
{
    struct tl_wire_reader reader = {.left = body};
    struct tl_err err;
    struct run run = {.session = session, .err = &err, .start_us = tl_clock_monotonic_us(), .start_cpu_us = tl_clock_thread_cpu_us(),
                      .block_rows = BLOCK_BYTES / ROW_BYTES_GUESS};
    tl_err_init(&err);
    tl_err_init(&run.encode_err);
    if (!tl_wire_statement(&reader, session->arena, &run.input) || reader.left.size)
        return false;
    run.stats.changed_rows = -1;
    run.scratch = tl_arena_new(SCRATCH_BYTES_MAX);
    tl_buf_init(&run.block, TL_WIRE_FRAME_MAX);
    run.running = (struct tl_duckdb_running){
        .fd = session->fd,
        .connection = session->connection,
        .query_id = run.input.query_id ? run.input.query_id : "",
        .deadline_us = run.input.run_time_us_max > 0 ? run.start_us + run.input.run_time_us_max : 0,
        .memory_bytes_max = run.input.memory_bytes_max,
        .tick = tick,
        .context = &run,
    };
    tl_duckdb_watch(session->process->watchdog, &run.running);
    bool ended_well = set_time_zone(&run) == TL_OK && attempt_twice(&run) == TL_OK && send_end(&run);
    if (!ended_well)
        fail(&run);
    clean_up(&run, ended_well);
    return ended_well;
}

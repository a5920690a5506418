/* One connection: frames in, frames out, one command at a time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "data/json.h"
#include "engines/duckdb/process_int.h"

enum {
    COMMAND_BYTES_MAX = 512 * 1024 * 1024,
    KEEP_BYTES_MAX = 4 * 1024 * 1024, /* larger buffers are given back after a command */
    FLUSH_BYTES = 256 * 1024,
    HELLO_SECONDS = 10,
};

/* ---- sending ---- */

bool tl_duckdb_session_flush(struct tl_duckdb_session *session)
{
    size_t sent = 0;
    while (sent < session->out.size) {
        ssize_t size = send(session->fd, session->out.data + sent, session->out.size - sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return false;
        sent += (size_t)size;
    }
    tl_buf_clear(&session->out);
    session->sent_at_us = tl_clock_monotonic_us();
    return true;
}

void tl_duckdb_session_flush_some(struct tl_duckdb_session *session)
{
    ssize_t size = send(session->fd, session->out.data, session->out.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size <= 0)
        return;
    session->out.size -= (size_t)size;
    memmove(session->out.data, session->out.data + size, session->out.size);
    session->sent_at_us = tl_clock_monotonic_us();
}

static bool flush(struct tl_duckdb_session *session)
{
    pthread_mutex_lock(&session->send_mutex);
    bool sent = tl_duckdb_session_flush(session);
    pthread_mutex_unlock(&session->send_mutex);
    return sent;
}

bool tl_duckdb_session_send_error(struct tl_duckdb_session *session, const struct tl_err *err)
{
    size_t mark;
    pthread_mutex_lock(&session->send_mutex);
    tl_wire_begin(&session->out, TL_WIRE_ERROR, &mark);
    tl_wire_put_error(&session->out, err);
    tl_wire_end(&session->out, mark);
    bool sent = tl_duckdb_session_flush(session);
    pthread_mutex_unlock(&session->send_mutex);
    return sent;
}

static void put_text_frame(struct tl_buf *out, enum tl_wire_kind kind, struct tl_str text)
{
    size_t mark;
    tl_wire_begin(out, kind, &mark);
    tl_wire_put_text(out, text);
    tl_wire_end(out, mark);
}

static void put_end(struct tl_buf *out)
{
    size_t mark;
    tl_wire_begin(out, TL_WIRE_END, &mark);
    tl_wire_end(out, mark);
}

/* The end of a command that is not RUN: END, or the error. */
static bool finish(struct tl_duckdb_session *session, const struct tl_err *err)
{
    if (err->code != TL_OK) {
        tl_buf_clear(&session->out);
        return tl_duckdb_session_send_error(session, err);
    }
    put_end(&session->out);
    if (session->out.failed) {
        struct tl_err large;
        tl_err_init(&large);
        tl_err_set(&large, TL_TOO_LARGE, "the answer is larger than a frame may be");
        tl_buf_clear(&session->out);
        return tl_duckdb_session_send_error(session, &large);
    }
    return flush(session);
}

/* ---- commands ---- */

static bool do_parse(struct tl_duckdb_session *session, struct tl_wire_reader *reader)
{
    struct tl_str sql = tl_wire_text(reader);
    if (reader->failed || reader->left.size)
        return false;
    struct tl_buf json;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&json, TL_WIRE_FRAME_MAX);
    if (tl_hooks_parse(sql.data, sql.size, &json, &err) == TL_OK) {
        if (json.failed)
            tl_err_set(&err, TL_TOO_LARGE, "the parsed statement is larger than %d bytes", TL_WIRE_FRAME_MAX);
        else
            put_text_frame(&session->out, TL_WIRE_AST, (struct tl_str){json.data, json.size});
    }
    tl_buf_done(&json);
    return finish(session, &err);
}

static bool do_source_put(struct tl_duckdb_session *session, struct tl_wire_reader *reader)
{
    struct tl_source_config config;
    if (!tl_wire_config(reader, session->arena, &config) || reader->left.size)
        return false;
    struct tl_err err;
    tl_err_init(&err);
    enum tl_code code = tl_duckdb_sources_put(session->process->sources, &config, &err);
    (void)code; /* is in err */
    return finish(session, &err);
}

static bool do_source_remove(struct tl_duckdb_session *session, struct tl_wire_reader *reader)
{
    const char *name = tl_wire_cstr(reader, session->arena);
    if (reader->failed || reader->left.size)
        return false;
    struct tl_err err;
    tl_err_init(&err);
    enum tl_code code = tl_duckdb_sources_remove(session->process->sources, name, &err);
    (void)code;
    return finish(session, &err);
}

static bool put_datasets(struct tl_duckdb_session *session, const struct tl_source_dataset *datasets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t mark;
        tl_wire_begin(&session->out, TL_WIRE_DATASET, &mark);
        tl_wire_put_dataset(&session->out, &datasets[i]);
        tl_wire_end(&session->out, mark);
        if (session->out.size > FLUSH_BYTES && !flush(session))
            return false;
    }
    return true;
}

/* SOURCE_TEST and SOURCE_LIST: may take long, so they are watched like statements. */
static bool do_source_ask(struct tl_duckdb_session *session, struct tl_wire_reader *reader, enum tl_wire_kind kind)
{
    const char *name = tl_wire_cstr(reader, session->arena);
    int64_t run_time_us = tl_wire_i64(reader);
    if (reader->failed || reader->left.size)
        return false;
    struct tl_duckdb_process *process = session->process;
    struct tl_duckdb_running running = {.fd = session->fd,
                                        .connection = session->connection,
                                        .query_id = "",
                                        .deadline_us = run_time_us > 0 ? tl_clock_monotonic_us() + run_time_us : 0};
    struct tl_source_dataset *datasets = NULL;
    const char *version = "";
    size_t count = 0;
    struct tl_err err;
    tl_err_init(&err);
    tl_duckdb_watch(process->watchdog, &running);
    enum tl_code code =
        kind == TL_WIRE_SOURCE_TEST
            ? tl_duckdb_sources_test(process->sources, name, &running, session->arena, &version, &err)
            : tl_duckdb_sources_list(process->sources, name, &running, session->arena, &datasets, &count, &err);
    tl_duckdb_unwatch(process->watchdog, &running);
    if (code != TL_OK)
        tl_duckdb_stop_error(&running, &err);
    else if (kind == TL_WIRE_SOURCE_TEST)
        put_text_frame(&session->out, TL_WIRE_TEXT, tl_str_of(version));
    else if (!put_datasets(session, datasets, count))
        return false;
    return finish(session, &err);
}

static bool do_cancel(struct tl_duckdb_session *session, struct tl_wire_reader *reader)
{
    const char *query_id = tl_wire_cstr(reader, session->arena);
    if (reader->failed || reader->left.size)
        return false;
    size_t mark;
    tl_wire_begin(&session->out, TL_WIRE_END, &mark);
    tl_wire_put_u8(&session->out, tl_duckdb_watch_cancel(session->process->watchdog, query_id));
    tl_wire_end(&session->out, mark);
    return flush(session);
}

static int64_t resident_bytes(void)
{
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*d %lld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static bool do_health(struct tl_duckdb_session *session, struct tl_wire_reader *reader)
{
    struct tl_duckdb_process *process = session->process;
    if (reader->left.size)
        return false;
    struct tl_buf json;
    struct tl_json_writer writer;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&json, FLUSH_BYTES);
    tl_json_writer_init(&writer, &json);
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "version", duckdb_library_version());
    tl_json_pair_int64(&writer, "running", tl_duckdb_watch_count(process->watchdog));
    tl_json_pair_int64(&writer, "sessions", atomic_load(&process->sessions));
    tl_json_pair_int64(&writer, "sources", tl_duckdb_sources_count(process->sources));
    tl_json_pair_int64(&writer, "views_made", tl_duckdb_views_made(process->views));
    tl_json_pair_int64(&writer, "memory_bytes", resident_bytes());
    tl_json_end_object(&writer);
    put_text_frame(&session->out, TL_WIRE_TEXT, (struct tl_str){json.data, json.size});
    tl_buf_done(&json);
    return finish(session, &err);
}

/* false: out of turn, malformed, or the peer is gone. */
static bool do_command(struct tl_duckdb_session *session, enum tl_wire_kind kind, struct tl_str body)
{
    struct tl_wire_reader reader = {.left = body};
    switch (kind) {
    case TL_WIRE_PARSE:
        return do_parse(session, &reader);
    case TL_WIRE_SOURCE_PUT:
        return do_source_put(session, &reader);
    case TL_WIRE_SOURCE_REMOVE:
        return do_source_remove(session, &reader);
    case TL_WIRE_SOURCE_TEST:
    case TL_WIRE_SOURCE_LIST:
        return do_source_ask(session, &reader, kind);
    case TL_WIRE_RUN:
        return tl_duckdb_session_run(session, body);
    case TL_WIRE_CANCEL:
        return do_cancel(session, &reader);
    case TL_WIRE_HEALTH:
        return do_health(session, &reader);
    default:
        return false;
    }
}

/* ---- life ---- */

static bool receive(struct tl_duckdb_session *session, enum tl_wire_kind *ret_kind, struct tl_str *ret_body)
{
    struct tl_err err;
    bool clean_end;
    tl_err_init(&err);
    return tl_wire_receive(session->fd, &session->in, ret_kind, ret_body, &clean_end, &err) == TL_OK && !clean_end;
}

static void set_receive_timeout(int fd, int seconds)
{
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = seconds}, sizeof(struct timeval));
}

static bool greet(struct tl_duckdb_session *session)
{
    enum tl_wire_kind kind;
    struct tl_str body;
    set_receive_timeout(session->fd, HELLO_SECONDS);
    /* who has not shown the secret may not make us take a large frame */
    session->in.max_size = TL_WIRE_HEADER_SIZE + 4 + TL_WIRE_SECRET_SIZE;
    if (!receive(session, &kind, &body) || kind != TL_WIRE_HELLO)
        return false;
    session->in.max_size = TL_WIRE_FRAME_MAX;
    set_receive_timeout(session->fd, 0);
    struct tl_wire_reader reader = {.left = body};
    uint32_t protocol = tl_wire_u32(&reader);
    if (reader.failed || protocol != TL_WIRE_PROTOCOL ||
        !tl_equal_constant_time(reader.left.data, reader.left.size, session->process->secret, TL_WIRE_SECRET_SIZE))
        return false;
    put_end(&session->out);
    return flush(session);
}

static void trim(struct tl_buf *buf)
{
    if (buf->capacity > KEEP_BYTES_MAX)
        tl_buf_done(buf);
}

static void serve(struct tl_duckdb_session *session)
{
    enum tl_wire_kind kind;
    struct tl_str body;
    while (receive(session, &kind, &body) && do_command(session, kind, body)) {
        tl_arena_reset(session->arena);
        trim(&session->in);
        trim(&session->out);
    }
}

void tl_duckdb_session_main(struct tl_duckdb_process *process, int fd)
{
    struct tl_duckdb_session session = {.process = process, .fd = fd};
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&session.in, TL_WIRE_FRAME_MAX);
    tl_buf_init(&session.out, TL_WIRE_FRAME_MAX);
    pthread_mutex_init(&session.send_mutex, NULL);
    session.arena = tl_arena_new(COMMAND_BYTES_MAX);
    if (tl_duckdb_connect(process->database, &session.connection, &err) == TL_OK && greet(&session))
        serve(&session);
    if (session.connection)
        duckdb_disconnect(&session.connection);
    close(fd);
    tl_arena_free(session.arena);
    tl_buf_done(&session.in);
    tl_buf_done(&session.out);
    pthread_mutex_destroy(&session.send_mutex);
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "skipper/results_int.h"

enum { ARENA_MAX = 64 << 20, READ_WAIT_MS = 500, SWEEP_EVERY_MS = 1000, WAIT_STEP_MS = 100 };

/* ---- the table; with its lock held ---- */

static void free_entry(struct tl_result_entry *entry)
{
    entry->results->bytes -= entry->rows.capacity;
    tl_buf_done(&entry->rows);
    free(entry->ends);
    tl_arena_free(entry->rq.arena);
    free(entry);
}

static void release(struct tl_result_entry *entry)
{
    if (--entry->references == 0)
        free_entry(entry);
}

static void unlink_entry(tl_results *results, struct tl_result_entry *entry)
{
    struct tl_result_entry **at = &results->first;
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    entry->dropped = true;
    atomic_store(&entry->rq.cancelled, true);
    release(entry);
}

static bool is_of(const struct tl_result_entry *entry, const struct tl_principal *principal)
{
    return principal && strcmp(entry->rq.principal->user, principal->user) == 0;
}

static struct tl_result_entry *find(tl_results *results, const struct tl_principal *principal, const char *id)
{
    struct tl_result_entry *entry = results->first;
    while (entry && (strcmp(entry->rq.id, id) != 0 || !is_of(entry, principal)))
        entry = entry->next;
    return entry;
}

/* The oldest that has ended: of the principal, or of all. */
static bool drop_oldest(tl_results *results, const struct tl_principal *principal)
{
    struct tl_result_entry *oldest = NULL;
    for (struct tl_result_entry *entry = results->first; entry; entry = entry->next)
        if (!entry->running && (!principal || is_of(entry, principal)))
            oldest = entry;
    if (oldest)
        unlink_entry(results, oldest);
    return oldest != NULL;
}

static void sweep(tl_results *results, int64_t now_us)
{
    for (struct tl_result_entry *entry = results->first, *next; entry; entry = next) {
        next = entry->next;
        if (now_us - entry->touched_us > results->limits.keep_us)
            unlink_entry(results, entry);
    }
    while (results->bytes > results->limits.bytes_max && drop_oldest(results, NULL))
        continue;
}

static void wait_changed(tl_results *results, int wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (int64_t)wait_ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&results->changed, &results->lock, &until);
}

static void *sweep_now_and_then(void *context)
{
    tl_results *results = context;
    pthread_mutex_lock(&results->lock);
    for (int64_t swept_us = 0; !results->stopping;) {
        wait_changed(results, SWEEP_EVERY_MS);
        int64_t now_us = tl_clock_monotonic_us();
        if (now_us - swept_us < (int64_t)SWEEP_EVERY_MS * 1000)
            continue;
        sweep(results, now_us);
        swept_us = now_us;
    }
    pthread_mutex_unlock(&results->lock);
    return NULL;
}

static size_t or_else(size_t value, size_t fallback)
{
    return value ? value : fallback;
}

tl_results *tl_results_new(tl_door *door, const struct tl_results_limits *limits)
{
    enum { MIB = 1 << 20, KEEP_S = 900 };
    tl_results *results = tl_heap_alloc(sizeof *results);
    pthread_condattr_t monotonic;
    results->door = door;
    results->limits = (struct tl_results_limits){
        .result_bytes_max = or_else(limits->result_bytes_max, 16 * MIB),
        .rows_max = or_else(limits->rows_max, 100000),
        .bytes_max = or_else(limits->bytes_max, 256 * (size_t)MIB),
        .running_max = (int)or_else((size_t)limits->running_max, 64),
        .user_running_max = (int)or_else((size_t)limits->user_running_max, 8),
        .user_max = (int)or_else((size_t)limits->user_max, 64),
        .keep_us = limits->keep_us ? limits->keep_us : (int64_t)KEEP_S * 1000000,
    };
    pthread_mutex_init(&results->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&results->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&results->sweeper, NULL, sweep_now_and_then, results) != 0)
        abort();
    return results;
}

tl_results *tl_results_free(tl_results *results)
{
    if (!results)
        return NULL;
    pthread_mutex_lock(&results->lock);
    results->stopping = true;
    while (results->first)
        unlink_entry(results, results->first);
    pthread_cond_broadcast(&results->changed);
    while (results->running > 0)
        wait_changed(results, WAIT_STEP_MS);
    pthread_mutex_unlock(&results->lock);
    pthread_join(results->sweeper, NULL);
    pthread_cond_destroy(&results->changed);
    pthread_mutex_destroy(&results->lock);
    free(results);
    return NULL;
}

size_t tl_results_count(tl_results *results)
{
    size_t count = 0;
    pthread_mutex_lock(&results->lock);
    for (const struct tl_result_entry *entry = results->first; entry; entry = entry->next)
        count++;
    pthread_mutex_unlock(&results->lock);
    return count;
}

/* ---- reading a statement to its end ---- */

/* The answer's own end with it. */
static void take_fields(struct tl_result_entry *entry)
{
    tl_arena *arena = entry->rq.arena;
    const struct tl_field *fields;
    if (entry->names)
        return;
    entry->field_count = tl_answer_fields(entry->answer, &fields);
    entry->fields = TL_NEW_ARRAY(arena, struct tl_field, entry->field_count);
    for (size_t i = 0; i < entry->field_count; i++)
        entry->fields[i] = (struct tl_field){tl_arena_strdup(arena, fields[i].name), tl_type_copy(arena, &fields[i].type)};
    tl_result_name_columns(entry);
}

static void take_warnings(struct tl_result_entry *entry)
{
    const char *const *warnings;
    entry->warning_count = tl_answer_warnings(entry->answer, &warnings);
    entry->warnings = TL_NEW_ARRAY(entry->rq.arena, const char *, entry->warning_count);
    for (size_t i = 0; i < entry->warning_count; i++)
        entry->warnings[i] = tl_arena_strdup(entry->rq.arena, warnings[i]);
}

static void read_all(struct tl_result_entry *entry)
{
    bool end = false;
    while (!end) {
        const struct tl_batch *batch = NULL;
        if (tl_answer_next(&entry->rq, entry->answer, READ_WAIT_MS, &batch, &end) != TL_OK)
            return;
        if (batch || end)
            take_fields(entry);
        if (batch && !tl_answer_update_type(entry->answer) && !tl_result_add_rows(entry, batch)) {
            entry->cut = true;
            return;
        }
        if (atomic_load(&entry->rq.cancelled)) {
            tl_err_set(&entry->rq.err, TL_CANCELLED, "the statement was cancelled");
            return;
        }
    }
}

static void *read_statement(void *context)
{
    struct tl_result_entry *entry = context;
    tl_results *results = entry->results;
    read_all(entry);
    take_warnings(entry);
    tl_answer_close(&entry->rq, entry->answer);
    pthread_mutex_lock(&results->lock);
    entry->running = false;
    entry->elapsed_us = tl_clock_monotonic_us() - entry->started_us;
    entry->touched_us = tl_clock_monotonic_us();
    results->bytes += entry->rows.capacity;
    results->running--;
    release(entry);
    pthread_cond_broadcast(&results->changed);
    pthread_mutex_unlock(&results->lock);
    return NULL;
}

static enum tl_code find_room(struct tl_request *rq, tl_results *results)
{
    int running = 0, kept = 0;
    for (const struct tl_result_entry *entry = results->first; entry; entry = entry->next)
        if (is_of(entry, rq->principal)) {
            running += entry->running;
            kept++;
        }
    if (results->stopping || results->running >= results->limits.running_max || running >= results->limits.user_running_max) {
        tl_err_set(&rq->err, TL_TOO_MANY_REQUESTS, "%d statements of yours run, and %d of all", running, results->running);
        tl_err_hint(&rq->err, "fetch_results waits for one of them; at most %d of one person run at a time", results->limits.user_running_max);
        return TL_TOO_MANY_REQUESTS;
    }
    if (kept >= results->limits.user_max)
        drop_oldest(results, rq->principal);
    return TL_OK;
}

static struct tl_result_entry *new_entry(struct tl_request *rq, tl_results *results)
{
    struct tl_result_entry *entry = tl_heap_alloc(sizeof *entry);
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    tl_request_init(&entry->rq, arena);
    struct tl_principal *principal = TL_NEW(arena, struct tl_principal);
    *principal = *tl_principal_copy(arena, rq->principal);
    principal->withheld |= TL_SCOPE_WRITE | TL_SCOPE_ADMIN;
    entry->rq.principal = principal;
    entry->results = results;
    entry->running = true;
    entry->started_us = entry->touched_us = tl_clock_monotonic_us();
    tl_buf_init(&entry->rows, results->limits.result_bytes_max);
    return entry;
}

static enum tl_code no_changes(struct tl_request *rq, const struct tl_err *refused)
{
    if (refused->code != TL_NOT_ALLOWED || !strstr(refused->message, "scope \"write\""))
        return tl_err_copy(&rq->err, refused);
    tl_err_set(&rq->err, TL_NOT_ALLOWED, "start_query only reads: this statement would change something");
    tl_err_hint(&rq->err, "show the person the statement; they can run it by themselves");
    return TL_NOT_ALLOWED;
}

static const struct tl_session *copy_session(tl_arena *arena, const struct tl_session *session)
{
    struct tl_session *copy = TL_NEW(arena, struct tl_session);
    *copy = (struct tl_session){
        .catalog = tl_arena_strdup(arena, session->catalog),
        .schema = tl_arena_strdup(arena, session->schema),
        .source = tl_arena_strdup(arena, session->source),
        .client_info = tl_arena_strdup(arena, session->client_info),
        .client_tags = tl_arena_strdup(arena, session->client_tags),
    };
    return copy;
}

/* It is in the table from here on: the table's and the reader's. */
static enum tl_code take_place(struct tl_request *rq, tl_results *results, struct tl_result_entry **ret_entry)
{
    pthread_mutex_lock(&results->lock);
    enum tl_code code = find_room(rq, results);
    if (code == TL_OK) {
        struct tl_result_entry *entry = new_entry(rq, results);
        entry->references = 2;
        entry->next = results->first;
        results->first = entry;
        results->running++;
        *ret_entry = entry;
    }
    pthread_mutex_unlock(&results->lock);
    return code;
}

static void give_place_back(tl_results *results, struct tl_result_entry *entry)
{
    pthread_mutex_lock(&results->lock);
    results->running--;
    if (!entry->dropped)
        unlink_entry(results, entry);
    release(entry);
    pthread_cond_broadcast(&results->changed);
    pthread_mutex_unlock(&results->lock);
}

enum tl_code tl_results_start(struct tl_request *rq, tl_results *results, const struct tl_session *session, struct tl_str sql, const char **ret_id)
{
    struct tl_result_entry *entry;
    pthread_t thread;
    enum tl_code code = take_place(rq, results, &entry);
    if (code != TL_OK)
        return code;
    tl_arena *arena = entry->rq.arena;
    struct tl_str text = {tl_arena_strndup(arena, sql.data, sql.size), sql.size};
    *ret_id = tl_arena_strdup(rq->arena, entry->rq.id);
    if (tl_door_run(&entry->rq, results->door, copy_session(arena, session), text, &entry->answer) != TL_OK) {
        code = no_changes(rq, &entry->rq.err);
    } else if (pthread_create(&thread, NULL, read_statement, entry) != 0) {
        tl_answer_close(&entry->rq, entry->answer);
        code = tl_err_set(&rq->err, TL_INTERNAL, "no thread could be had to read the statement");
    } else {
        pthread_detach(thread);
    }
    if (code != TL_OK)
        give_place_back(results, entry);
    return code;
}

/* ---- handing out ---- */

/* With the lock held, which is given back while it waits.  The entry is the caller's to release. */
static enum tl_code await(struct tl_request *rq, tl_results *results, const char *id, const struct tl_results_want *want,
                          struct tl_result_entry **ret_entry)
{
    struct tl_result_entry *entry = find(results, rq->principal, id);
    int64_t until_us = tl_clock_monotonic_us() + want->wait_us;
    *ret_entry = NULL;
    if (!entry) {
        tl_err_set(&rq->err, TL_NOT_FOUND, "you have no result \"%.60s\", or not any more", id);
        tl_err_hint(&rq->err, "results are kept for %lld minutes; start_query runs the statement again",
                    (long long)(results->limits.keep_us / 60000000));
        return TL_NOT_FOUND;
    }
    entry->references++;
    entry->touched_us = tl_clock_monotonic_us();
    while (entry->running && !entry->dropped && tl_clock_monotonic_us() < until_us && !(want->stopped && want->stopped(want->stop_context)))
        wait_changed(results, WAIT_STEP_MS);
    entry->touched_us = tl_clock_monotonic_us();
    *ret_entry = entry;
    if (entry->running || entry->rq.err.code == TL_OK)
        return TL_OK;
    return tl_err_copy(&rq->err, &entry->rq.err);
}

static void put_columns(struct tl_json_writer *json, const struct tl_result_entry *entry)
{
    enum { TYPE_MAX = 64 * 1024 };
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    for (size_t i = 0; !entry->running && i < entry->field_count; i++) {
        struct tl_buf type;
        tl_buf_init(&type, TYPE_MAX);
        tl_type_format_trino(&type, &entry->fields[i].type);
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", entry->names[i]);
        tl_json_pair_text(json, "type", tl_buf_cstr(&type));
        tl_json_end_object(json);
        tl_buf_done(&type);
    }
    tl_json_end_array(json);
}

static void put_warnings(struct tl_json_writer *json, const struct tl_result_entry *entry)
{
    if (entry->running || entry->warning_count == 0)
        return;
    tl_json_key(json, "warnings");
    tl_json_begin_array(json);
    for (size_t i = 0; i < entry->warning_count; i++)
        tl_json_put_text(json, entry->warnings[i]);
    tl_json_end_array(json);
}

static void put_result(struct tl_json_writer *json, const struct tl_result_entry *entry, const struct tl_results_want *want)
{
    struct tl_str rows = TL_STR("");
    size_t next = 0, count = entry->running ? atomic_load(&entry->rows_so_far) : entry->row_count;
    if (!entry->running)
        tl_result_slice(entry, want, &rows, &next);
    tl_json_pair_text(json, "queryId", entry->rq.id);
    tl_json_pair_text(json, "state", entry->running ? "running" : "finished");
    put_columns(json, entry);
    tl_json_key(json, "rows");
    tl_json_begin_array(json);
    if (rows.size)
        tl_json_put_raw(json, rows);
    tl_json_end_array(json);
    tl_json_pair_int64(json, "rowCount", (int64_t)count);
    tl_json_key(json, "next");
    if (want->rows && next < count)
        tl_json_put_int64(json, (int64_t)next);
    else
        tl_json_put_null(json);
    tl_json_pair_bool(json, "complete", !entry->running && !entry->cut);
    put_warnings(json, entry);
    tl_json_pair_int64(json, "elapsedMs", (entry->running ? tl_clock_monotonic_us() - entry->started_us : entry->elapsed_us) / 1000);
}

enum tl_code tl_results_put(struct tl_request *rq, tl_results *results, const char *id, const struct tl_results_want *want,
                            struct tl_json_writer *json)
{
    struct tl_result_entry *entry;
    pthread_mutex_lock(&results->lock);
    enum tl_code code = await(rq, results, id, want, &entry);
    if (code == TL_OK)
        put_result(json, entry, want);
    if (entry)
        release(entry);
    pthread_mutex_unlock(&results->lock);
    return code;
}

enum tl_code tl_results_rows(struct tl_request *rq, tl_results *results, const char *id, const struct tl_results_want *want,
                             struct tl_str *ret_array, size_t *ret_count)
{
    struct tl_result_entry *entry;
    struct tl_str rows;
    size_t next = 0;
    pthread_mutex_lock(&results->lock);
    enum tl_code code = await(rq, results, id, want, &entry);
    if (code == TL_OK && entry->running)
        code = tl_err_set(&rq->err, TL_TIME_EXCEEDED, "the query \"%.60s\" has not ended yet", id);
    if (code == TL_OK) {
        tl_result_slice(entry, want, &rows, &next);
        const char *array = tl_arena_printf(rq->arena, "[%.*s]", (int)rows.size, rows.data);
        *ret_array = tl_str_of(array);
        *ret_count = entry->row_count;
    }
    if (entry)
        release(entry);
    pthread_mutex_unlock(&results->lock);
    return code;
}

void tl_results_drop(struct tl_request *rq, tl_results *results, const char *id)
{
    pthread_mutex_lock(&results->lock);
    struct tl_result_entry *entry = find(results, rq->principal, id);
    if (entry)
        unlink_entry(results, entry);
    pthread_mutex_unlock(&results->lock);
}

void tl_results_cancel(struct tl_request *rq, tl_results *results, const char *id)
{
    pthread_mutex_lock(&results->lock);
    struct tl_result_entry *entry = find(results, rq->principal, id);
    if (entry && entry->running)
        atomic_store(&entry->rq.cancelled, true);
    pthread_mutex_unlock(&results->lock);
}

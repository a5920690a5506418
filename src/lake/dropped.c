/* What was dropped: had back within its time, else cleared away, also after an interruption. */
#include "lake/lake_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { SWEEP_S = 60, SWEEP_ROWS = 100, LIST_ROWS = 10000, ARENA_MAX = 64 << 20 };
static const int64_t IDEMPOTENCY_US = TL_LAKE_IDEMPOTENCY_MINUTES * 60 * 1000000LL;

/* --- clearing away --- */

static enum tl_code run_forget(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return TL_LAKE_RUN(tx, "DELETE FROM lake_dropped WHERE location = ?1 AND purge = 2", NULL, NULL, err, TL_STORE_T((const char *)context));
}

/* Behind the others: those whose files cannot be removed now must not stand in the way of all that follow. */
static enum tl_code run_put_back(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return TL_LAKE_RUN(tx, "UPDATE lake_dropped SET ends_at_us = ?2 WHERE location = ?1 AND purge = 2", NULL, NULL, err,
                       TL_STORE_T((const char *)context), TL_STORE_I(tl_clock_wall_us()));
}

void tl_lake_finish_purge(tl_lake *lake, tl_arena *arena, const char *location)
{
    struct tl_err failure; /* the row stays, and the sweeper tries again */
    tl_err_init(&failure);
    enum tl_code code = tl_objects_remove_below(lake->objects, location, &failure);
    tl_err_init(&failure);
    (void)!tl_store_write(lake->store, code == TL_OK ? run_forget : run_put_back, tl_arena_strdup(arena, location), &failure);
}

struct sweep {
    tl_arena *arena;
    const char *locations[SWEEP_ROWS];
    size_t count;
};

static enum tl_code row_location(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    struct sweep *sweep = context;
    if (sweep->count < SWEEP_ROWS)
        sweep->locations[sweep->count++] = tl_arena_strndup(sweep->arena, cells[0].bytes.data, cells[0].bytes.size);
    return TL_OK;
}

/* From here on none of them can be had back. */
static enum tl_code run_sweep(tl_store_tx *tx, void *context, struct tl_err *err)
{
    int64_t now_us = tl_clock_wall_us();
    if (TL_LAKE_RUN(tx, "DELETE FROM lake_dropped WHERE ends_at_us <= ?1 AND purge = 0", NULL, NULL, err, TL_STORE_I(now_us)) != TL_OK ||
        TL_LAKE_RUN(tx, "UPDATE lake_dropped SET purge = 2 WHERE ends_at_us <= ?1", NULL, NULL, err, TL_STORE_I(now_us)) != TL_OK ||
        TL_LAKE_RUN(tx, "DELETE FROM lake_idempotency WHERE made_at_us <= ?1", NULL, NULL, err, TL_STORE_I(now_us - IDEMPOTENCY_US)) != TL_OK)
        return err->code;
    return TL_LAKE_RUN(tx, "SELECT location FROM lake_dropped WHERE purge = 2 ORDER BY ends_at_us LIMIT ?1", row_location, context, err,
                       TL_STORE_I(SWEEP_ROWS));
}

void tl_lake_sweep(tl_lake *lake)
{
    struct sweep sweep = {.arena = tl_arena_new(ARENA_MAX)};
    struct tl_err failure;
    tl_err_init(&failure);
    if (tl_store_write(lake->store, run_sweep, &sweep, &failure) == TL_OK)
        for (size_t i = 0; i < sweep.count; i++)
            tl_lake_finish_purge(lake, sweep.arena, sweep.locations[i]);
    tl_arena_free(sweep.arena);
}

struct tl_lake_sweeper {
    tl_lake *lake;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ending;
    bool ends;
};

static void *sweep_on(void *context)
{
    struct tl_lake_sweeper *sweeper = context;
    pthread_mutex_lock(&sweeper->mutex);
    while (!sweeper->ends) {
        pthread_mutex_unlock(&sweeper->mutex);
        tl_lake_sweep(sweeper->lake);
        pthread_mutex_lock(&sweeper->mutex);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += SWEEP_S;
        if (!sweeper->ends)
            pthread_cond_timedwait(&sweeper->ending, &sweeper->mutex, &until);
    }
    pthread_mutex_unlock(&sweeper->mutex);
    return NULL;
}

enum tl_code tl_lake_start(tl_lake *lake, int64_t undrop_us, struct tl_err *err)
{
    struct tl_lake_sweeper *sweeper = tl_heap_alloc(sizeof *sweeper);
    pthread_condattr_t attributes;
    sweeper->lake = lake;
    lake->undrop_us = undrop_us;
    pthread_mutex_init(&sweeper->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&sweeper->ending, &attributes);
    pthread_condattr_destroy(&attributes);
    int problem = pthread_create(&sweeper->thread, NULL, sweep_on, sweeper);
    if (problem != 0) {
        free(sweeper);
        return tl_err_errno(err, TL_INTERNAL, problem, "could not start the lake's sweeper");
    }
    lake->sweeper = sweeper;
    return TL_OK;
}

void tl_lake_sweeper_end(struct tl_lake_sweeper *sweeper)
{
    if (!sweeper)
        return;
    pthread_mutex_lock(&sweeper->mutex);
    sweeper->ends = true;
    pthread_cond_signal(&sweeper->ending);
    pthread_mutex_unlock(&sweeper->mutex);
    pthread_join(sweeper->thread, NULL);
    pthread_mutex_destroy(&sweeper->mutex);
    pthread_cond_destroy(&sweeper->ending);
    free(sweeper);
}

/* --- routes --- */

static enum tl_code row_dropped(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    static const char *const names[] = {"dropped-at-ms", "ends-at-ms"};
    struct tl_json_writer *writer = context;
    (void)count;
    (void)err;
    tl_json_begin_object(writer);
    tl_json_key(writer, "name");
    tl_json_put_str(writer, cells[0].bytes);
    tl_json_key(writer, "uuid");
    tl_json_put_str(writer, cells[1].bytes);
    for (size_t i = 0; i < 2; i++)
        tl_json_pair_int64(writer, names[i], cells[2 + i].integer / 1000);
    tl_json_pair_bool(writer, "purge", cells[4].integer != 0);
    tl_json_end_object(writer);
    return TL_OK;
}

struct listing {
    const char *namespace_name;
    struct tl_json_writer *writer;
};

static enum tl_code run_list(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct listing *listing = context;
    return TL_LAKE_RUN(tx,
                       "SELECT name, uuid, dropped_at_us, ends_at_us, purge FROM lake_dropped WHERE namespace = ?1 AND purge < 2"
                       " ORDER BY name, dropped_at_us DESC LIMIT ?2",
                       row_dropped, listing->writer, err, TL_STORE_T(listing->namespace_name), TL_STORE_I(LIST_ROWS));
}

enum tl_code tl_lake_rest_dropped(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_json_writer writer;
    struct listing listing = {rest->namespace_name, &writer};
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    tl_json_key(&writer, "dropped");
    tl_json_begin_array(&writer);
    if (tl_store_read(rest->lake->store, run_list, &listing, err) != TL_OK)
        return err->code;
    tl_json_end_array(&writer);
    tl_json_end_object(&writer);
    return TL_OK;
}

enum tl_code tl_lake_rest_undrop(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *name, *as = tl_json_get_text(rest->body, "as");
    if (tl_lake_json_need_text(rest->body, "undrop", "name", &name, err) != TL_OK || (as && tl_lake_table_name_check(as, err) != TL_OK) ||
        tl_lake_rest_need(rest, TL_LAKE_RIGHT_CREATE, rest->namespace_name, as ? as : name, err) != TL_OK ||
        tl_lake_rest_need(rest, TL_LAKE_RIGHT_READ, rest->namespace_name, name, err) != TL_OK)
        return err->code;
    rest->gives_table = true;
    if (rest->again)
        return tl_lake_rest_again(rest, as ? as : name, err);
    if (tl_lake_undrop(rest->lake, rest->arena, rest->namespace_name, name, tl_json_get_text(rest->body, "uuid"), as ? as : name, err) != TL_OK)
        return err->code;
    atomic_fetch_add(&rest->lake->generation, 1);
    rest->table = as ? as : name;
    if (tl_lake_rest_changed(rest, TL_LAKE_DROPPED, rest->namespace_name, rest->table, NULL, err) != TL_OK) /* not reviewed under this name */
        return err->code;
    return tl_lake_rest_table(rest, err);
}

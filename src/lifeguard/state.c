/* The rules in the store: read whole at the start, changed one version at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/random.h"
#include "lifeguard/lifeguard_int.h"

enum { RULES_BYTES_MAX = 1 << 30, ID_BYTES = 8, SWEEP_SECONDS = 60, ITEMS_MAX = 2000000 };
static const int64_t PII_US = 30LL * 60 * 1000000;

const char *lg_actor(const struct tl_request *rq)
{
    return rq->principal && rq->principal->user ? rq->principal->user : "townlake";
}

char *lg_new_id(tl_arena *arena, const char *prefix, struct tl_err *err)
{
    char digits[2 * ID_BYTES + 1];
    return tl_random_hex(digits, ID_BYTES, err) == TL_OK ? tl_arena_printf(arena, "%s%s", prefix, digits) : NULL;
}

void lg_fact(tl_lifeguard *lifeguard, const struct tl_request *rq, const char *kind, const char *subject, const char *detail)
{
    enum { FACT_MAX = 64 * 1024 };
    struct tl_buf body;
    struct tl_json_writer json;
    tl_buf_init(&body, FACT_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "user", rq ? lg_actor(rq) : "townlake");
    tl_json_pair_text(&json, "request", rq ? rq->id : NULL);
    tl_json_pair_text(&json, "detail", detail);
    tl_json_end_object(&json);
    if (!body.failed)
        tl_store_fact(lifeguard->store, kind, subject, (struct tl_str){body.data, body.size});
    tl_buf_done(&body);
}

/* --- loading --- */

struct loading {
    struct lg_batch *batch;
    int64_t at_us; /* INT64_MAX = now */
    int64_t version;
    struct lg_item **items;
    size_t count, capacity;
};

static enum tl_code load_version(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    (void)err;
    ((struct loading *)context)->version = cell_count == 1 && cells[0].type == TL_STORE_INT ? cells[0].integer : 0;
    return TL_OK;
}

static enum tl_code load_item(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct loading *loading = context;
    enum lg_kind kind;
    tl_arena *arena = loading->batch->arena;
    if (cell_count != 3 || loading->count == ITEMS_MAX)
        return tl_err_set(err, TL_STATE, "the rules cannot be read");
    const char *name = tl_arena_strndup(arena, cells[1].bytes.data, cells[1].bytes.size);
    if (!lg_kind_of(tl_arena_strndup(arena, cells[0].bytes.data, cells[0].bytes.size), &kind))
        return tl_err_set(err, TL_STATE, "the rules hold an item of an unknown kind");
    if (loading->count == loading->capacity) {
        loading->capacity = loading->capacity ? 2 * loading->capacity : 64;
        loading->items = tl_heap_grow(loading->items, loading->capacity * sizeof *loading->items);
    }
    struct tl_err read;
    tl_err_init(&read);
    if (lg_item_read(arena, kind, name, cells[2].bytes, &loading->items[loading->count], &read) != TL_OK) {
        tl_err_set(err, TL_STATE, "a rule in the state cannot be read: %s", read.message);
        tl_err_detail(err, "the %s \"%.200s\"", lg_kind_name(kind), name);
        return TL_STATE;
    }
    loading->count++;
    return TL_OK;
}

static enum tl_code load_all(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct loading *loading = context;
    const struct tl_store_value at[] = {TL_STORE_I(loading->at_us)};
    enum tl_code code =
        tl_store_run(tx, "SELECT coalesce(max(version), 0) FROM lifeguard_version WHERE at_us <= ?1", at, 1, load_version, loading, err);
    const struct tl_store_value version[] = {TL_STORE_I(loading->version)};
    if (code == TL_OK && loading->at_us == INT64_MAX)
        return tl_store_run(tx, "SELECT kind, name, body FROM lifeguard_item WHERE to_version IS NULL", NULL, 0, load_item, loading, err);
    if (code == TL_OK)
        code = tl_store_run(tx,
                            "SELECT kind, name, body FROM lifeguard_item WHERE from_version <= ?1 AND "
                            "(to_version IS NULL OR to_version > ?1)",
                            version, 1, load_item, loading, err);
    return code;
}

static enum tl_code load(tl_lifeguard *lifeguard, int64_t at_us, struct lg_snapshot **ret_snapshot, struct tl_err *err)
{
    struct loading loading = {.batch = lg_batch_new(RULES_BYTES_MAX), .at_us = at_us};
    enum tl_code code = tl_store_read(lifeguard->store, load_all, &loading, err);
    if (code == TL_OK)
        *ret_snapshot = lg_snapshot_new(lifeguard, loading.version, loading.batch, loading.items, loading.count);
    else
        lg_batch_release(loading.batch);
    free(loading.items);
    return code;
}

enum tl_code lg_load_at(struct tl_request *rq, tl_lifeguard *lifeguard, int64_t at_us, struct lg_snapshot **ret_snapshot)
{
    *ret_snapshot = NULL;
    return load(lifeguard, at_us, ret_snapshot, &rq->err);
}

/* --- changing --- */

struct writing {
    int64_t version, at_us;
    const char *actor, *action, *subject, *reason;
    const struct lg_change *changes;
    size_t count;
};

static enum tl_code write_item(tl_store_tx *tx, const struct writing *writing, const struct lg_change *change, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(lg_kind_name(change->kind)), TL_STORE_T(change->name), TL_STORE_I(writing->version),
                                            TL_STORE_T(change->body)};
    enum tl_code code = tl_store_run(tx, "UPDATE lifeguard_item SET to_version = ?3 WHERE kind = ?1 AND name = ?2 AND to_version IS NULL", params, 3,
                                     NULL, NULL, err);
    if (code == TL_OK && change->body)
        code = tl_store_run(tx, "INSERT INTO lifeguard_item (kind, name, body, from_version) VALUES (?1, ?2, ?4, ?3)", params, 4, NULL, NULL, err);
    return code;
}

static enum tl_code write_version(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct writing *writing = context;
    const struct tl_store_value params[] = {TL_STORE_I(writing->version), TL_STORE_I(writing->at_us), TL_STORE_T(writing->actor),
                                            TL_STORE_T(writing->action),  TL_STORE_T(writing->subject), TL_STORE_T(writing->reason)};
    enum tl_code code = tl_store_run(tx,
                                     "INSERT INTO lifeguard_version (version, at_us, actor, action, subject, reason) "
                                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                                     params, 6, NULL, NULL, err);
    for (size_t i = 0; i < writing->count && code == TL_OK; i++)
        code = write_item(tx, writing, &writing->changes[i], err);
    return code;
}

static void publish(tl_lifeguard *lifeguard, struct lg_snapshot *next)
{
    pthread_rwlock_wrlock(&lifeguard->lock);
    struct lg_snapshot *old = lifeguard->current;
    lifeguard->current = next;
    pthread_rwlock_unlock(&lifeguard->lock);
    lg_release(old);
}

bool lg_is_broken(const tl_lifeguard *lifeguard)
{
    return lifeguard->failure[0] != '\0';
}

/* Many small batches make a change slow: then all is read anew into one. */
static void compact(tl_lifeguard *lifeguard, const struct lg_snapshot *current)
{
    struct lg_snapshot *fresh;
    struct tl_err ignored; /* the rules in memory are right as they are */
    tl_err_init(&ignored);
    if (current->batch_count > LG_BATCHES_MAX && load(lifeguard, INT64_MAX, &fresh, &ignored) == TL_OK)
        publish(lifeguard, fresh);
}

static enum tl_code commit(struct tl_request *rq, tl_lifeguard *lifeguard, struct writing *writing)
{
    const struct lg_event event = {.kind = "rules", .action = writing->action, .subject = writing->subject, .reason = writing->reason,
                                   .version = writing->version, .changes = writing->changes, .change_count = writing->count};
    enum tl_code code = lg_record(rq, lifeguard, &event);
    if (code == TL_OK && tl_store_write(lifeguard->store, write_version, writing, &rq->err) != TL_OK) {
        code = rq->err.code;
        lg_record_failure(rq, lifeguard, &event);
    }
    return code;
}

enum tl_code lg_apply(struct tl_request *rq, tl_lifeguard *lifeguard, const char *action, const char *subject, const char *reason,
                      const struct lg_change *changes, size_t count)
{
    if (lg_is_broken(lifeguard))
        return tl_err_set(&rq->err, TL_STATE, "the rules could not be read, so they cannot be changed");
    struct lg_batch *batch = lg_batch_new(RULES_BYTES_MAX);
    struct lg_item **items = TL_NEW_ARRAY(rq->arena, struct lg_item *, count);
    for (size_t i = 0; i < count; i++) {
        if (changes[i].body && lg_item_read(batch->arena, changes[i].kind, changes[i].name, tl_str_of(changes[i].body), &items[i], &rq->err) != TL_OK) {
            lg_batch_release(batch);
            return rq->err.code;
        }
    }
    const struct lg_snapshot *old = lg_acquire(lifeguard);
    struct writing writing = {old->version + 1, tl_clock_wall_us(), lg_actor(rq), action, subject, reason, changes, count};
    enum tl_code code = commit(rq, lifeguard, &writing);
    if (code == TL_OK) {
        struct lg_snapshot *next = lg_snapshot_with(lifeguard, old, writing.version, batch, changes, items, count);
        lg_note_changes(lifeguard, old, writing.version, changes, items, count);
        publish(lifeguard, next);
        compact(lifeguard, next);
        lg_fact(lifeguard, rq, "rules_changed", subject, action);
    } else {
        lg_batch_release(batch);
    }
    lg_release(old);
    return code;
}

/* --- life --- */

static enum tl_code load_key(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct tl_str digits = cell_count == 1 ? cells[0].bytes : (struct tl_str){"", 0};
    if (digits.size != 2 * TL_MASK_KEY_SIZE || !tl_hex_read(context, digits.data, TL_MASK_KEY_SIZE))
        return tl_err_set(err, TL_STATE, "the key of masks in the state cannot be read");
    return TL_OK;
}

static enum tl_code read_or_make_key(tl_store_tx *tx, void *context, struct tl_err *err)
{
    char digits[2 * TL_MASK_KEY_SIZE + 1];
    if (tl_random_hex(digits, TL_MASK_KEY_SIZE, err) != TL_OK)
        return err->code;
    const struct tl_store_value params[] = {{.type = TL_STORE_TEXT, .bytes = {digits, sizeof digits - 1}}};
    enum tl_code code = tl_store_run(tx, "INSERT INTO lifeguard_key (name, digits) VALUES ('mask', ?1) ON CONFLICT (name) DO NOTHING", params, 1,
                                     NULL, NULL, err);
    explicit_bzero(digits, sizeof digits);
    return code == TL_OK ? tl_store_run(tx, "SELECT digits FROM lifeguard_key WHERE name = 'mask'", NULL, 0, load_key, context, err) : code;
}

static void *sweep(void *context)
{
    tl_lifeguard *lifeguard = context;
    pthread_mutex_lock(&lifeguard->sweep_mutex);
    while (!lifeguard->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += SWEEP_SECONDS;
        pthread_cond_timedwait(&lifeguard->sweep_wake, &lifeguard->sweep_mutex, &until);
        if (lifeguard->stopping)
            break;
        pthread_mutex_unlock(&lifeguard->sweep_mutex);
        tl_lifeguard_sweep(lifeguard);
        pthread_mutex_lock(&lifeguard->sweep_mutex);
    }
    pthread_mutex_unlock(&lifeguard->sweep_mutex);
    return NULL;
}

static void set_failure(tl_lifeguard *lifeguard, const struct tl_err *err)
{
    snprintf(lifeguard->failure, sizeof lifeguard->failure, "%.200s", err->message);
}

/* Rules that cannot be read leave an empty set behind, and a failure that denies. */
static enum tl_code load_or_deny(tl_lifeguard *lifeguard, struct tl_err *err)
{
    struct tl_err read;
    tl_err_init(&read);
    if (tl_store_write(lifeguard->store, read_or_make_key, lifeguard->mask_key, err) != TL_OK)
        return err->code;
    if (load(lifeguard, INT64_MAX, &lifeguard->current, &read) == TL_OK)
        return TL_OK;
    set_failure(lifeguard, &read);
    lifeguard->current = lg_snapshot_new(lifeguard, 0, lg_batch_new(RULES_BYTES_MAX), NULL, 0);
    return TL_OK;
}

enum tl_code tl_lifeguard_open(tl_store *store, const struct tl_lifeguard_options *options, tl_lifeguard **ret_lifeguard, struct tl_err *err)
{
    tl_lifeguard *lifeguard = tl_heap_alloc(sizeof *lifeguard);
    *ret_lifeguard = NULL;
    lifeguard->store = store;
    lifeguard->audit = options->audit;
    lifeguard->open = options->open;
    lifeguard->link_base = options->link_base ? tl_heap_strdup(options->link_base) : NULL;
    lifeguard->pii_us = options->pii_us > 0 ? options->pii_us : PII_US;
    pthread_rwlock_init(&lifeguard->lock, NULL);
    pthread_mutex_init(&lifeguard->changing, NULL);
    pthread_mutex_init(&lifeguard->sweep_mutex, NULL);
    pthread_cond_init(&lifeguard->sweep_wake, NULL);
    lifeguard->seen = lg_seen_new();
    lifeguard->trino = lg_trino_new(lifeguard);
    lifeguard->notes = lg_notes_new();
    lifeguard->teller = options->webhook && *options->webhook ? lg_teller_new(options->webhook) : NULL;
    enum tl_code code = tl_random_bytes(lifeguard->key, sizeof lifeguard->key, err);
    if (code == TL_OK)
        code = load_or_deny(lifeguard, err);
    if (code == TL_OK)
        code = lg_choices_new(lifeguard, err);
    if (code == TL_OK)
        code = lg_uses_new(lifeguard, err);
    lifeguard->sweeper_runs = code == TL_OK && pthread_create(&lifeguard->sweeper, NULL, sweep, lifeguard) == 0;
    if (code != TL_OK) {
        tl_lifeguard_close(lifeguard);
        return code;
    }
    if (lifeguard->open)
        lg_fact(lifeguard, NULL, "opened_by_default", "lifeguard.default", "what nobody has reviewed is open to everyone");
    *ret_lifeguard = lifeguard;
    return TL_OK;
}

tl_lifeguard *tl_lifeguard_close(tl_lifeguard *lifeguard)
{
    if (!lifeguard)
        return NULL;
    pthread_mutex_lock(&lifeguard->sweep_mutex);
    lifeguard->stopping = true;
    pthread_cond_signal(&lifeguard->sweep_wake);
    pthread_mutex_unlock(&lifeguard->sweep_mutex);
    if (lifeguard->sweeper_runs)
        pthread_join(lifeguard->sweeper, NULL);
    lg_teller_free(lifeguard->teller);
    lg_choices_free(lifeguard->choices);
    if (lifeguard->uses)
        lg_uses_save(lifeguard);
    lg_uses_free(lifeguard->uses);
    lg_seen_free(lifeguard->seen);
    lg_trino_free(lifeguard->trino);
    lg_notes_free(lifeguard->notes);
    lg_release(lifeguard->current);
    pthread_rwlock_destroy(&lifeguard->lock);
    pthread_mutex_destroy(&lifeguard->changing);
    pthread_mutex_destroy(&lifeguard->sweep_mutex);
    pthread_cond_destroy(&lifeguard->sweep_wake);
    explicit_bzero(lifeguard->mask_key, sizeof lifeguard->mask_key);
    free(lifeguard->link_base);
    free(lifeguard);
    return NULL;
}

void tl_lifeguard_set_link_base(tl_lifeguard *lifeguard, const char *link_base)
{
    pthread_rwlock_wrlock(&lifeguard->lock);
    free(lifeguard->link_base);
    lifeguard->link_base = link_base ? tl_heap_strdup(link_base) : NULL;
    pthread_rwlock_unlock(&lifeguard->lock);
}

void tl_lifeguard_set_sql_check(tl_lifeguard *lifeguard, tl_lifeguard_sql_check check, void *context)
{
    lifeguard->check_sql = check;
    lifeguard->check_context = context;
}

void tl_lifeguard_mask_key(const tl_lifeguard *lifeguard, uint8_t ret_key[TL_MASK_KEY_SIZE])
{
    memcpy(ret_key, lifeguard->mask_key, TL_MASK_KEY_SIZE);
}

void tl_lifeguard_health(tl_lifeguard *lifeguard, struct tl_lifeguard_health *ret_health)
{
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    *ret_health = (struct tl_lifeguard_health){
        .version = snapshot->version,
        .datasets = snapshot->counts[LG_DATASET],
        .grants = snapshot->counts[LG_GRANT],
        .row_rules = snapshot->counts[LG_ROW_RULE],
        .open = lifeguard->open,
        .broken = lg_is_broken(lifeguard),
    };
    lg_release(snapshot);
    memcpy(ret_health->failure, lifeguard->failure, sizeof ret_health->failure);
}

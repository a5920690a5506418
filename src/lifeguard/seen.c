/* Groups as they were seen: a table in memory of the last ones, and a row in the store when they change. */
#include <stdlib.h>
#include <string.h>

#include "lifeguard/lifeguard_int.h"

enum { PLACES = 65536 };

/* By the hash of the user's name; who shares a place writes a row more often, no more. */
struct lg_seen {
    atomic_llong version;
    atomic_ullong places[PLACES];
};

struct lg_seen *lg_seen_new(void)
{
    return tl_heap_alloc(sizeof(struct lg_seen));
}

void lg_seen_free(struct lg_seen *seen)
{
    free(seen);
}

int64_t lg_seen_version(const tl_lifeguard *lifeguard)
{
    return atomic_load(&lifeguard->seen->version);
}

static uint64_t groups_hash(const tl_lifeguard *lifeguard, const struct tl_principal *principal, uint64_t user_hash)
{
    uint64_t hash = user_hash;
    for (size_t i = 0; i < principal->group_count; i++)
        hash = hash * 1099511628211U + lg_hash(lifeguard, principal->groups[i], strlen(principal->groups[i]));
    return hash ? hash : 1;
}

void lg_saw(tl_lifeguard *lifeguard, const struct tl_principal *principal, int64_t now_us)
{
    enum { GROUPS_JSON_MAX = 1024 * 1024 };
    uint64_t user_hash = lg_hash(lifeguard, principal->user, strlen(principal->user));
    unsigned long long now = groups_hash(lifeguard, principal, user_hash);
    atomic_ullong *place = &lifeguard->seen->places[user_hash % PLACES];
    if (atomic_load_explicit(place, memory_order_relaxed) == now || atomic_exchange(place, now) == now)
        return;
    struct tl_buf groups;
    struct tl_json_writer json;
    tl_buf_init(&groups, GROUPS_JSON_MAX);
    tl_json_writer_init(&json, &groups);
    tl_json_begin_array(&json);
    for (size_t i = 0; i < principal->group_count; i++)
        tl_json_put_text(&json, principal->groups[i]);
    tl_json_end_array(&json);
    const struct tl_store_value params[] = {TL_STORE_T(principal->user), TL_STORE_I(now_us), TL_STORE_T(tl_buf_cstr(&groups))};
    if (!groups.failed) {
        tl_store_append(lifeguard->store,
                        "INSERT INTO lifeguard_membership (user_name, seen_at_us, groups_json) VALUES (?1, ?2, ?3) "
                        "ON CONFLICT (user_name, seen_at_us) DO NOTHING",
                        params, 3);
        atomic_fetch_add(&lifeguard->seen->version, 1);
    }
    tl_buf_done(&groups);
}

struct reading {
    const char *user;
    int64_t at_us;
    tl_arena *arena;
    struct tl_principal *principal;
    bool found;
};

static enum tl_code take_groups(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct reading *reading = context;
    const tl_json *list;
    size_t count;
    if (cell_count != 1 || tl_json_parse(reading->arena, cells[0].bytes.data, cells[0].bytes.size, &list, err) != TL_OK)
        return TL_STATE;
    if (lg_texts_read(reading->arena, list, SIZE_MAX, &count, &reading->principal->groups, err) != TL_OK)
        return err->code;
    reading->principal->group_count = count;
    reading->found = true;
    return TL_OK;
}

static enum tl_code read_groups(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct reading *reading = context;
    const struct tl_store_value params[] = {TL_STORE_T(reading->user), TL_STORE_I(reading->at_us)};
    return tl_store_run(tx,
                        "SELECT groups_json FROM lifeguard_membership WHERE user_name = ?1 AND seen_at_us <= ?2 "
                        "ORDER BY seen_at_us DESC LIMIT 1",
                        params, 2, take_groups, reading, err);
}

bool tl_lifeguard_groups_of(struct tl_request *rq, tl_lifeguard *lifeguard, const char *user, int64_t at_us, struct tl_principal *ret_principal)
{
    struct tl_err ignored;
    tl_err_init(&ignored);
    *ret_principal = (struct tl_principal){.user = user};
    struct reading reading = {user, at_us ? at_us : INT64_MAX, rq->arena, ret_principal, false};
    tl_store_flush(lifeguard->store);
    return tl_store_read(lifeguard->store, read_groups, &reading, &ignored) == TL_OK && reading.found;
}

/* What each user has used in the windows that are now: in memory, and in the store for the next start. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lifeguard/use_int.h"

enum { USERS_MAX = 100000, BUCKETS = 16384 };

const struct lg_window_info lg_windows[LG_WINDOWS] = {
    {"1h", 3600LL * 1000000, "an hour"}, {"1d", 86400LL * 1000000, "a day"},
    {"7d", 7 * 86400LL * 1000000, "a week"}, {"30d", 30 * 86400LL * 1000000, "30 days"}};

struct lg_user_use {
    struct lg_user_use *next;
    char *user;
    struct lg_window_use windows[LG_WINDOWS];
    bool unsaved;
};

struct lg_uses {
    pthread_mutex_t mutex;
    size_t count;
    struct lg_user_use *buckets[BUCKETS];
};

static struct lg_user_use **find(tl_lifeguard *lifeguard, const char *user)
{
    struct lg_user_use **at = &lifeguard->uses->buckets[lg_hash(lifeguard, user, strlen(user)) % BUCKETS];
    while (*at && strcmp((*at)->user, user) != 0)
        at = &(*at)->next;
    return at;
}

static void free_user(struct lg_user_use *use)
{
    free(use->user);
    free(use);
}

static bool is_over(const struct lg_user_use *use, int64_t now_us)
{
    return use->windows[LG_MONTH].start_us + lg_windows[LG_MONTH].length_us <= now_us && !use->unsaved;
}

/* Under the mutex. */
static void forget_old(struct lg_uses *uses, int64_t now_us)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct lg_user_use **at = &uses->buckets[i]; *at;) {
            struct lg_user_use *use = *at;
            if (!is_over(use, now_us)) {
                at = &use->next;
                continue;
            }
            *at = use->next;
            free_user(use);
            uses->count--;
        }
}

/* Under the mutex; NULL: there are too many. */
static struct lg_user_use *find_or_add(tl_lifeguard *lifeguard, const char *user, int64_t now_us)
{
    struct lg_uses *uses = lifeguard->uses;
    struct lg_user_use **at = find(lifeguard, user);
    if (!*at && uses->count == USERS_MAX) {
        forget_old(uses, now_us);
        at = find(lifeguard, user);
    }
    if (!*at && uses->count == USERS_MAX)
        return NULL;
    if (!*at) {
        *at = tl_heap_alloc(sizeof **at);
        (*at)->user = tl_heap_strdup(user);
        uses->count++;
    }
    for (size_t w = 0; w < LG_WINDOWS; w++) {
        int64_t start_us = now_us - now_us % lg_windows[w].length_us;
        if ((*at)->windows[w].start_us < start_us) /* a clock that goes back gives nothing back */
            (*at)->windows[w] = (struct lg_window_use){.start_us = start_us};
    }
    return *at;
}

bool lg_use_add(tl_lifeguard *lifeguard, const char *user, const int64_t *amounts, int64_t now_us, struct lg_window_use *ret_windows)
{
    struct lg_uses *uses = lifeguard->uses;
    pthread_mutex_lock(&uses->mutex);
    struct lg_user_use *use = find_or_add(lifeguard, user, now_us);
    for (size_t w = 0; use && w < LG_WINDOWS; w++)
        for (size_t m = 0; m < LG_MEASURES; m++)
            if (amounts[m] > 0 && __builtin_add_overflow(use->windows[w].used[m], amounts[m], &use->windows[w].used[m]))
                use->windows[w].used[m] = INT64_MAX;
    if (use) {
        use->unsaved = true;
        memcpy(ret_windows, use->windows, sizeof use->windows);
    }
    pthread_mutex_unlock(&uses->mutex);
    return use != NULL;
}

/* --- the store --- */

struct loading {
    tl_lifeguard *lifeguard;
    tl_arena *arena;
    int64_t now_us;
};

static enum tl_code load_row(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct loading *loading = context;
    if (cell_count != 7)
        return tl_err_set(err, TL_STATE, "what users have used cannot be read");
    struct lg_user_use *use = find_or_add(loading->lifeguard, tl_arena_strndup(loading->arena, cells[0].bytes.data, cells[0].bytes.size), loading->now_us);
    for (size_t w = 0; use && w < LG_WINDOWS; w++)
        if (lg_windows[w].length_us == cells[1].integer && use->windows[w].start_us == cells[2].integer)
            for (size_t m = 0; m < LG_MEASURES; m++)
                use->windows[w].used[m] = cells[3 + m].integer;
    tl_arena_reset(loading->arena);
    return TL_OK;
}

static enum tl_code load(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct loading *loading = context;
    const struct tl_store_value params[] = {TL_STORE_I(loading->now_us - lg_windows[LG_MONTH].length_us)};
    return tl_store_run(tx, "SELECT user_name, window_us, start_us, rows_scanned, rows_out, bytes_out, time_us FROM lifeguard_use WHERE start_us > ?1",
                        params, 1, load_row, context, err);
}

enum tl_code lg_uses_new(tl_lifeguard *lifeguard, struct tl_err *err)
{
    enum { ROW_MAX = 64 * 1024 };
    lifeguard->uses = tl_heap_alloc(sizeof *lifeguard->uses);
    pthread_mutex_init(&lifeguard->uses->mutex, NULL);
    struct loading loading = {lifeguard, tl_arena_new(ROW_MAX), tl_clock_wall_us()};
    enum tl_code code = tl_store_read(lifeguard->store, load, &loading, err);
    tl_arena_free(loading.arena);
    return code;
}

static void save_user(tl_lifeguard *lifeguard, const struct lg_user_use *use)
{
    for (size_t w = 0; w < LG_WINDOWS; w++) {
        const struct lg_window_use *window = &use->windows[w];
        const struct tl_store_value params[] = {
            TL_STORE_T(use->user), TL_STORE_I(lg_windows[w].length_us), TL_STORE_I(window->start_us), TL_STORE_I(window->used[LG_ROWS_SCANNED]),
            TL_STORE_I(window->used[LG_ROWS]), TL_STORE_I(window->used[LG_BYTES]), TL_STORE_I(window->used[LG_TIME])};
        tl_store_append(lifeguard->store,
                        "INSERT INTO lifeguard_use (user_name, window_us, start_us, rows_scanned, rows_out, bytes_out, time_us) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (user_name, window_us) DO UPDATE SET start_us = excluded.start_us, "
                        "rows_scanned = excluded.rows_scanned, rows_out = excluded.rows_out, bytes_out = excluded.bytes_out, time_us = excluded.time_us",
                        params, sizeof params / sizeof *params);
    }
}

void lg_uses_save(tl_lifeguard *lifeguard)
{
    struct lg_uses *uses = lifeguard->uses;
    pthread_mutex_lock(&uses->mutex);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct lg_user_use *use = uses->buckets[i]; use; use = use->next) {
            if (use->unsaved)
                save_user(lifeguard, use);
            use->unsaved = false;
        }
    pthread_mutex_unlock(&uses->mutex);
}

void lg_uses_free(struct lg_uses *uses)
{
    if (!uses)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (uses->buckets[i]) {
            struct lg_user_use *use = uses->buckets[i];
            uses->buckets[i] = use->next;
            free_user(use);
        }
    pthread_mutex_destroy(&uses->mutex);
    free(uses);
}

/* Quotas: which hold for a caller, and whether they are used up. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/config.h"
#include "lifeguard/use_int.h"

enum { QUOTAS_MAX = 100000, TEXT_MAX = 200 };

static const struct {
    const char *key, *text;
} measures[LG_MEASURES] = {
    [LG_ROWS_SCANNED] = {"rows_scanned", "rows read from sources"}, [LG_ROWS] = {"rows", "rows"},
    [LG_BYTES] = {"bytes", "bytes"}, [LG_TIME] = {"time", "seconds"}};

/* --- as JSON --- */

/* A number, or such a text as "10GiB" and "30m"; absent: no limit. */
static bool read_measure(const tl_json *value, enum lg_measure measure, int64_t *ret_most)
{
    const char *text = tl_json_text(value);
    *ret_most = -1;
    if (!value)
        return true;
    bool read = measure == LG_TIME             ? text && tl_parse_duration_us(text, ret_most)
                : measure == LG_BYTES && text ? tl_parse_size_bytes(text, ret_most)
                                              : tl_json_int64(value, ret_most);
    return read && *ret_most >= 0;
}

enum tl_code lg_quota_read(tl_arena *arena, const tl_json *json, struct lg_quota *quota, struct tl_err *err)
{
    const char *per = tl_json_get_text(json, "per");
    bool any = false;
    size_t w = 0;
    if (lg_subject_read(arena, json, &quota->subject, err) != TL_OK)
        return err->code;
    while (w < LG_WINDOWS && !tl_streq(lg_windows[w].name, per))
        w++;
    if (w == LG_WINDOWS)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a quota is \"per\" \"1h\", \"1d\", \"7d\" or \"30d\"");
    quota->window = (enum lg_window)w;
    for (enum lg_measure m = 0; m < LG_MEASURES; m++) {
        if (!read_measure(tl_json_get(json, measures[m].key), m, &quota->most[m]))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "\"%s\" of a quota is %s", measures[m].key,
                              m == LG_TIME ? "such as \"30m\"" : m == LG_BYTES ? "a number, or such as \"10GiB\"" : "a number");
        any = any || quota->most[m] >= 0;
    }
    quota->reason = tl_arena_strdup(arena, tl_json_get_text(json, "reason"));
    quota->made_by = tl_arena_strdup(arena, tl_json_get_text(json, "made_by"));
    return any ? TL_OK : tl_err_set(err, TL_INVALID_ARGUMENT, "a quota limits at least one of rows_scanned, rows, bytes and time");
}

void lg_quota_put(struct tl_json_writer *json, const struct lg_quota *quota)
{
    lg_subject_put(json, &quota->subject);
    tl_json_pair_text(json, "per", lg_windows[quota->window].name);
    for (enum lg_measure m = 0; m < LG_MEASURES; m++) {
        char text[TEXT_MAX];
        snprintf(text, sizeof text, "%" PRId64 "ms", quota->most[m] / 1000);
        if (quota->most[m] >= 0 && m == LG_TIME)
            tl_json_pair_text(json, measures[m].key, text);
        else if (quota->most[m] >= 0)
            tl_json_pair_int64(json, measures[m].key, quota->most[m]);
    }
    tl_json_pair_text(json, "reason", quota->reason);
    tl_json_pair_text(json, "made_by", quota->made_by);
}

/* --- which hold --- */

struct limit {
    int64_t most; /* -1 = none */
    const char *id, *subject;
};

struct tl_quota {
    tl_lifeguard *lifeguard;
    const char *user;
    int64_t counted[LG_MEASURES]; /* of this statement */
    bool any;
    struct limit limits[LG_WINDOWS][LG_MEASURES];
};

/* A user's own before those of groups before everyone's. */
static int rank_of(const struct lg_subject *subject)
{
    return subject->kind == LG_USER ? 2 : subject->kind == LG_GROUP ? 1 : 0;
}

static void take(tl_arena *arena, struct tl_quota *quota, const struct lg_quota *from, const int *ranks)
{
    for (size_t m = 0; m < LG_MEASURES; m++) {
        struct limit *limit = &quota->limits[from->window][m];
        if (from->most[m] < 0 || rank_of(&from->subject) != ranks[m] || from->most[m] <= limit->most)
            continue;
        *limit = (struct limit){from->most[m], tl_arena_strdup(arena, from->id), lg_subject_text(arena, &from->subject)};
        quota->any = true;
    }
}

static void each_quota(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const struct lg_who *who,
                       void (*each)(void *context, const struct lg_quota *quota), void *context)
{
    struct lg_scope_key key;
    lg_quota_key(lifeguard, &key);
    for (size_t i = 0; i < who->count; i++)
        for (const struct lg_entry *entry = lg_entries(snapshot, key.hash, &who->subjects[i]); entry; entry = entry->next)
            if (lg_entry_is(entry, &key, &who->subjects[i]))
                each(context, &entry->item->quota);
}

struct resolving {
    tl_arena *arena;
    struct tl_quota *quota;
    int ranks[LG_MEASURES];
};

static void note_rank(void *context, const struct lg_quota *quota)
{
    struct resolving *resolving = context;
    int rank = rank_of(&quota->subject);
    for (size_t m = 0; m < LG_MEASURES; m++)
        if (quota->most[m] >= 0 && rank > resolving->ranks[m])
            resolving->ranks[m] = rank;
}

static void note_limit(void *context, const struct lg_quota *quota)
{
    struct resolving *resolving = context;
    take(resolving->arena, resolving->quota, quota, resolving->ranks);
}

static void resolve(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_quota *quota)
{
    struct resolving resolving = {rq->arena, quota, {-1, -1, -1, -1}};
    for (size_t w = 0; w < LG_WINDOWS; w++)
        for (size_t m = 0; m < LG_MEASURES; m++)
            quota->limits[w][m].most = -1;
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    if (snapshot->counts[LG_QUOTA]) {
        struct lg_who who = lg_who_of(lifeguard, rq->arena, rq->principal, tl_clock_wall_us(), false);
        each_quota(lifeguard, snapshot, &who, note_rank, &resolving);
        each_quota(lifeguard, snapshot, &who, note_limit, &resolving);
    }
    lg_release(snapshot);
}

/* --- used up --- */

static const char *amount_text(tl_arena *arena, enum lg_measure measure, int64_t amount)
{
    if (measure == LG_TIME)
        return tl_arena_printf(arena, "%.3g %s", (double)amount / 1e6, measures[measure].text);
    return tl_arena_printf(arena, "%" PRId64 " %s", amount, measures[measure].text);
}

static enum tl_code exceeded(struct tl_request *rq, const tl_quota *quota, enum lg_window window, enum lg_measure measure, int64_t ends_at_us)
{
    const struct limit *limit = &quota->limits[window][measure];
    const struct tl_grant_scope everything = {0};
    char ends[TL_CLOCK_TEXT_SIZE];
    tl_clock_text(ends, ends_at_us, 0);
    const struct lg_snapshot *snapshot = lg_acquire(quota->lifeguard);
    const char *holders = lg_holders(quota->lifeguard, snapshot, rq->arena, &everything, TL_PRIVILEGE_ADMIN, tl_clock_wall_us());
    lg_release(snapshot);
    tl_err_set(&rq->err, TL_QUOTA_EXCEEDED, "the quota \"%s\" is used up: %s in %s", limit->id, amount_text(rq->arena, measure, limit->most),
               lg_windows[window].text);
    tl_err_detail(&rq->err, "it is for %s, and begins anew at %s", limit->subject, ends);
    tl_err_hint(&rq->err, "take less, wait until %s, or ask %s to raise it", ends, *holders ? holders : "group " TL_GROUP_ADMIN);
    return TL_QUOTA_EXCEEDED;
}

/* begun: it may take up to the limit; before it begins something must be left. */
static enum tl_code check(struct tl_request *rq, const tl_quota *quota, const struct lg_window_use *windows, bool begun)
{
    for (size_t w = 0; w < LG_WINDOWS; w++)
        for (size_t m = 0; m < LG_MEASURES; m++) {
            int64_t most = quota->limits[w][m].most, used = windows[w].used[m];
            if (most >= 0 && (begun ? used > most : used >= most))
                return exceeded(rq, quota, (enum lg_window)w, (enum lg_measure)m, windows[w].start_us + lg_windows[w].length_us);
        }
    return TL_OK;
}

static enum tl_code count(struct tl_request *rq, const tl_quota *quota, const int64_t *amounts, bool begun)
{
    struct lg_window_use windows[LG_WINDOWS];
    if (lg_use_add(quota->lifeguard, quota->user, amounts, tl_clock_wall_us(), windows))
        return quota->any ? check(rq, quota, windows, begun) : TL_OK;
    return quota->any ? tl_err_set(&rq->err, TL_TOO_MANY_REQUESTS, "too many users asked something within 30 days to count what you use") : TL_OK;
}

enum tl_code tl_quota_open(struct tl_request *rq, tl_lifeguard *lifeguard, tl_quota **ret_quota)
{
    static const int64_t nothing[LG_MEASURES];
    tl_quota *quota = TL_NEW(rq->arena, tl_quota);
    *ret_quota = NULL;
    if (!rq->principal || !rq->principal->user)
        return tl_err_set(&rq->err, TL_UNAUTHENTICATED, "the request does not say who is asking");
    quota->lifeguard = lifeguard;
    quota->user = tl_arena_strdup(rq->arena, rq->principal->user);
    resolve(rq, lifeguard, quota);
    if (quota->any && count(rq, quota, nothing, false) != TL_OK)
        return rq->err.code;
    *ret_quota = quota;
    return TL_OK;
}

enum tl_code tl_quota_use(struct tl_request *rq, tl_quota *quota, const struct tl_use *so_far)
{
    const int64_t now[LG_MEASURES] = {
        [LG_ROWS_SCANNED] = so_far->rows_scanned, [LG_ROWS] = so_far->rows, [LG_BYTES] = so_far->bytes, [LG_TIME] = so_far->time_us};
    int64_t more[LG_MEASURES];
    bool any = false;
    for (size_t m = 0; m < LG_MEASURES; m++) {
        more[m] = now[m] > quota->counted[m] ? now[m] - quota->counted[m] : 0;
        quota->counted[m] += more[m];
        any = any || more[m];
    }
    return any ? count(rq, quota, more, true) : TL_OK;
}

/* --- changing and listing them --- */

enum tl_code tl_lifeguard_quota(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char **ret_id)
{
    struct lg_item item = {.kind = LG_QUOTA};
    const char *reason = tl_json_get_text(body, "reason");
    if (tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_ADMIN, &(struct tl_grant_scope){0}) != TL_OK || lg_need_reason(rq, reason) != TL_OK)
        return rq->err.code;
    if (lg_quota_read(rq->arena, body, &item.quota, &rq->err) != TL_OK)
        return rq->err.code;
    item.quota.id = *ret_id = lg_new_id(rq->arena, "quota-", &rq->err);
    item.quota.made_by = lg_actor(rq);
    struct lg_change change = {LG_QUOTA, *ret_id, *ret_id ? lg_item_text(rq, &item) : NULL};
    if (!change.body)
        return rq->err.code;
    pthread_mutex_lock(&lifeguard->changing);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    enum tl_code code = snapshot->counts[LG_QUOTA] < QUOTAS_MAX
                            ? lg_apply(rq, lifeguard, "quota", lg_subject_text(rq->arena, &item.quota.subject), reason, &change, 1)
                            : tl_err_set(&rq->err, TL_TOO_LARGE, "there are %d quotas already", QUOTAS_MAX);
    lg_release(snapshot);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}

enum tl_code tl_lifeguard_remove_quota(struct tl_request *rq, tl_lifeguard *lifeguard, const char *id, const char *reason)
{
    if (tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_ADMIN, &(struct tl_grant_scope){0}) != TL_OK || lg_need_reason(rq, reason) != TL_OK)
        return rq->err.code;
    pthread_mutex_lock(&lifeguard->changing);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    const struct lg_item *item = lg_find(lifeguard, snapshot, LG_QUOTA, id);
    struct lg_change change = {LG_QUOTA, id, NULL};
    enum tl_code code = item ? lg_apply(rq, lifeguard, "quota removed", lg_subject_text(rq->arena, &item->quota.subject), reason, &change, 1)
                             : tl_err_set(&rq->err, TL_NOT_FOUND, "there is no quota \"%.100s\"", id);
    lg_release(snapshot);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}

static void put_quota(void *context, const struct lg_quota *quota)
{
    const struct lg_item item = {.kind = LG_QUOTA, .quota = *quota};
    lg_item_put(context, &item);
}

static void put_item(void *context, const struct lg_item *item)
{
    lg_item_put(context, item);
}

void tl_lifeguard_put_quotas(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_json_writer *json)
{
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    struct lg_who who = lg_who_of(lifeguard, rq->arena, rq->principal, tl_clock_wall_us(), false);
    bool all = lg_privileges_on(lifeguard, snapshot, rq->arena, &who, &(struct tl_grant_scope){0}) & TL_PRIVILEGE_ADMIN;
    tl_json_begin_array(json);
    if (all)
        lg_each(snapshot, LG_QUOTA, put_item, json);
    else
        each_quota(lifeguard, snapshot, &who, put_quota, json);
    tl_json_end_array(json);
    lg_release(snapshot);
}

void tl_lifeguard_put_use(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_json_writer *json)
{
    static const int64_t nothing[LG_MEASURES];
    struct lg_window_use windows[LG_WINDOWS];
    bool counted = lg_use_add(lifeguard, lg_actor(rq), nothing, tl_clock_wall_us(), windows);
    tl_json_begin_array(json);
    for (size_t w = 0; w < LG_WINDOWS && counted; w++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "per", lg_windows[w].name);
        tl_json_pair_int64(json, "ends_at_us", windows[w].start_us + lg_windows[w].length_us);
        tl_json_pair_int64(json, "rows", windows[w].used[LG_ROWS]);
        tl_json_pair_int64(json, "bytes", windows[w].used[LG_BYTES]);
        tl_json_pair_int64(json, "time_us", windows[w].used[LG_TIME]);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

/* Personal data for a session: the choice, its end, and who made it with which reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lifeguard/lifeguard_int.h"

enum { CHOICES_MAX = 10000, REASON_MIN = 3, REASON_MAX = 1000, ID_MAX = 32 };
static const int64_t REMEMBERED_US = 24LL * 3600 * 1000000;
static const char prefix[] = "true:";

struct choice {
    char id[ID_MAX];
    char *user, *reason;
    int64_t ends_at_us;
};

/* Those in force, and those that ended within a day: a client that says "true" with every statement does not begin again. */
struct lg_choices {
    pthread_mutex_t mutex;
    size_t count, capacity;
    struct choice *list;
};

static void forget(struct choice *choice)
{
    free(choice->user);
    free(choice->reason);
}

/* Under the mutex. */
static void forget_old(struct lg_choices *choices, int64_t now_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < choices->count; i++) {
        if (choices->list[i].ends_at_us + REMEMBERED_US < now_us)
            forget(&choices->list[i]);
        else
            choices->list[kept++] = choices->list[i];
    }
    choices->count = kept;
}

/* Under the mutex. */
static bool remember(struct lg_choices *choices, const char *id, const char *user, const char *reason, int64_t ends_at_us)
{
    if (choices->count == CHOICES_MAX || strlen(id) >= ID_MAX)
        return false;
    if (choices->count == choices->capacity) {
        choices->capacity = choices->capacity ? 2 * choices->capacity : 16;
        choices->list = tl_heap_grow(choices->list, choices->capacity * sizeof *choices->list);
    }
    struct choice *choice = &choices->list[choices->count++];
    memcpy(choice->id, id, strlen(id) + 1);
    choice->user = tl_heap_strdup(user);
    choice->reason = tl_heap_strdup(reason);
    choice->ends_at_us = ends_at_us;
    return true;
}

struct loading {
    struct lg_choices *choices;
    tl_arena *arena;
};

static enum tl_code load_row(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct loading *loading = context;
    const char *texts[3];
    if (cell_count != 4)
        return tl_err_set(err, TL_STATE, "the choices to see personal data cannot be read");
    for (size_t i = 0; i < 3; i++)
        texts[i] = tl_arena_strndup(loading->arena, cells[i].bytes.data, cells[i].bytes.size);
    remember(loading->choices, texts[0], texts[1], texts[2], cells[3].integer);
    tl_arena_reset(loading->arena);
    return TL_OK;
}

static enum tl_code load(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_I(tl_clock_wall_us() - REMEMBERED_US)};
    return tl_store_run(tx, "SELECT id, user_name, reason, ends_at_us FROM lifeguard_pii WHERE ends_at_us > ?1 ORDER BY ends_at_us DESC LIMIT 10000",
                        params, 1, load_row, context, err);
}

enum tl_code lg_choices_new(tl_lifeguard *lifeguard, struct tl_err *err)
{
    enum { ROW_MAX = 64 * 1024 };
    lifeguard->choices = tl_heap_alloc(sizeof *lifeguard->choices);
    pthread_mutex_init(&lifeguard->choices->mutex, NULL);
    struct loading loading = {lifeguard->choices, tl_arena_new(ROW_MAX)};
    enum tl_code code = tl_store_read(lifeguard->store, load, &loading, err);
    tl_arena_free(loading.arena);
    return code;
}

void lg_choices_free(struct lg_choices *choices)
{
    if (!choices)
        return;
    for (size_t i = 0; i < choices->count; i++)
        forget(&choices->list[i]);
    free(choices->list);
    pthread_mutex_destroy(&choices->mutex);
    free(choices);
}

/* --- beginning --- */

struct permission {
    const struct lg_who *who;
    bool found;
};

static void look_for_permission(void *context, const struct lg_item *item)
{
    struct permission *permission = context;
    const struct lg_grant *grant = &item->grant;
    bool gives = !grant->deny && (grant->privileges & TL_PRIVILEGE_PII) && grant->start_us <= permission->who->now_us &&
                 grant->end_us > permission->who->now_us;
    permission->found = permission->found || (gives && lg_who_is(permission->who, &grant->subject));
}

bool lg_may_choose_pii(const struct lg_snapshot *snapshot, const struct lg_who *who)
{
    struct permission permission = {who, false};
    lg_each(snapshot, LG_GRANT, look_for_permission, &permission);
    return permission.found;
}

static enum tl_code check_permission(struct tl_request *rq, tl_lifeguard *lifeguard, int64_t now_us)
{
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    struct lg_who who = lg_who_of(lifeguard, rq->arena, rq->principal, now_us, true);
    const struct tl_grant_scope everything = {0};
    if (!lg_may_choose_pii(snapshot, &who)) {
        const char *holders = lg_holders(lifeguard, snapshot, rq->arena, &everything, TL_PRIVILEGE_PII, now_us);
        tl_err_set(&rq->err, TL_NOT_ALLOWED, "no grant in force lets you choose to see personal data");
        tl_err_detail(&rq->err, "reason: the privilege \"pii\" is missing; reviewer: group %s; open to: %s", TL_GROUP_ADMIN,
                      *holders ? holders : "those it was granted to, table by table");
        tl_err_hint(&rq->err, "request the privilege by the link or `townlake lifeguard request TABLE --privileges pii`");
        tl_err_link(&rq->err, "%s", lg_request_link(lifeguard, rq->arena, &everything, "pii"));
    }
    lg_release(snapshot);
    return rq->err.code;
}

struct beginning {
    const char *id, *user, *reason, *source;
    int64_t now_us, ends_at_us;
};

static enum tl_code insert(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct beginning *b = context;
    const struct tl_store_value params[] = {TL_STORE_T(b->id),     TL_STORE_T(b->user),   TL_STORE_T(b->reason),
                                            TL_STORE_T(b->source), TL_STORE_I(b->now_us), TL_STORE_I(b->ends_at_us)};
    return tl_store_run(tx, "INSERT INTO lifeguard_pii (id, user_name, reason, source, began_at_us, ends_at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", params,
                        6, NULL, NULL, err);
}

static enum tl_code check_reason(struct tl_request *rq, const char *reason)
{
    size_t size = reason ? strlen(reason) : 0;
    if (size >= REASON_MIN && size <= REASON_MAX && strspn(reason, " \t") < size)
        return TL_OK;
    tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "personal data needs a reason of %d to %d bytes", REASON_MIN, REASON_MAX);
    tl_err_hint(&rq->err, "SET SESSION pii_reason = 'why you need personal data', then SET SESSION pii = true");
    return TL_INVALID_ARGUMENT;
}

enum tl_code tl_lifeguard_pii_begin(struct tl_request *rq, tl_lifeguard *lifeguard, const char *reason, const char *source, const char **ret_value,
                                    int64_t *ret_ends_at_us)
{
    int64_t now_us = tl_clock_wall_us();
    struct lg_event event = {.kind = "personal_data", .action = "began", .subject = lg_actor(rq), .reason = reason, .about = source};
    struct beginning beginning = {lg_new_id(rq->arena, "", &rq->err), lg_actor(rq), reason, source, now_us, now_us + lifeguard->pii_us};
    if (!beginning.id)
        return rq->err.code;
    if (check_reason(rq, reason) != TL_OK || check_permission(rq, lifeguard, now_us) != TL_OK) {
        event.action = "refused";
        event.reason = reason ? tl_arena_strndup(rq->arena, reason, strnlen(reason, REASON_MAX)) : NULL;
        lg_record_failure(rq, lifeguard, &event);
        return rq->err.code;
    }
    if (lg_record(rq, lifeguard, &event) != TL_OK)
        return rq->err.code;
    if (tl_store_write(lifeguard->store, insert, &beginning, &rq->err) != TL_OK) {
        lg_record_failure(rq, lifeguard, &event);
        return rq->err.code;
    }
    struct lg_choices *choices = lifeguard->choices;
    pthread_mutex_lock(&choices->mutex);
    forget_old(choices, now_us);
    bool kept = remember(choices, beginning.id, beginning.user, reason, beginning.ends_at_us);
    pthread_mutex_unlock(&choices->mutex);
    if (!kept) {
        tl_err_set(&rq->err, TL_TOO_MANY_REQUESTS, "too many people have chosen to see personal data");
        lg_record_failure(rq, lifeguard, &event);
        return rq->err.code;
    }
    lg_fact(lifeguard, rq, "pii_began", beginning.user, reason);
    *ret_value = tl_arena_printf(rq->arena, "%s%s", prefix, beginning.id);
    *ret_ends_at_us = beginning.ends_at_us;
    return TL_OK;
}

/* --- checking --- */

static struct choice *find(struct lg_choices *choices, const char *user, const char *id, const char *reason)
{
    struct choice *found = NULL;
    for (size_t i = 0; i < choices->count; i++) {
        struct choice *choice = &choices->list[i];
        if (strcmp(choice->user, user) == 0 && (id ? strcmp(choice->id, id) == 0 : strcmp(choice->reason, reason) == 0) &&
            (!found || found->ends_at_us < choice->ends_at_us))
            found = choice;
    }
    return found;
}

static enum tl_code over(struct tl_request *rq, bool known, bool by_client)
{
    tl_err_set(&rq->err, TL_NOT_ALLOWED, known ? "your choice to see personal data has ended" : "there is no such choice to see personal data");
    tl_err_hint(&rq->err, by_client ? "give another reason, or SET SESSION pii = true by a statement" : "SET SESSION pii = true again, or RESET SESSION pii");
    return TL_NOT_ALLOWED;
}

enum tl_code tl_lifeguard_pii_check(struct tl_request *rq, tl_lifeguard *lifeguard, const char *value, const char *reason, const char *source)
{
    struct lg_choices *choices = lifeguard->choices;
    bool by_client = strncmp(value, prefix, sizeof prefix - 1) != 0;
    const char *id = by_client ? NULL : value + sizeof prefix - 1;
    if (!rq->principal || check_reason(rq, reason) != TL_OK)
        return rq->err.code ? rq->err.code : tl_err_set(&rq->err, TL_UNAUTHENTICATED, "the request does not say who is asking");
    pthread_mutex_lock(&choices->mutex);
    const struct choice *choice = find(choices, rq->principal->user, id, reason);
    bool known = choice != NULL, in_force = choice && choice->ends_at_us > tl_clock_wall_us();
    pthread_mutex_unlock(&choices->mutex);
    if (in_force)
        return TL_OK;
    if (known || !by_client)
        return over(rq, known, by_client);
    const char *made;
    int64_t ends_at_us;
    return tl_lifeguard_pii_begin(rq, lifeguard, reason, source, &made, &ends_at_us);
}

static enum tl_code shorten(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct beginning *b = context;
    const struct tl_store_value params[] = {TL_STORE_T(b->id), TL_STORE_I(b->now_us)};
    return tl_store_run(tx, "UPDATE lifeguard_pii SET ends_at_us = ?2 WHERE id = ?1 AND ends_at_us > ?2", params, 2, NULL, NULL, err);
}

enum tl_code tl_lifeguard_pii_end(struct tl_request *rq, tl_lifeguard *lifeguard, const char *value)
{
    struct lg_choices *choices = lifeguard->choices;
    const char *id = strncmp(value, prefix, sizeof prefix - 1) == 0 ? value + sizeof prefix - 1 : NULL;
    struct beginning ending = {.id = id, .now_us = tl_clock_wall_us()};
    if (!id || !rq->principal)
        return TL_OK;
    pthread_mutex_lock(&choices->mutex);
    struct choice *choice = find(choices, rq->principal->user, id, NULL);
    bool in_force = choice && choice->ends_at_us > ending.now_us;
    if (in_force)
        choice->ends_at_us = ending.now_us;
    pthread_mutex_unlock(&choices->mutex);
    if (!in_force)
        return TL_OK;
    const struct lg_event event = {.kind = "personal_data", .action = "ended", .subject = lg_actor(rq)};
    lg_fact(lifeguard, rq, "pii_ended", rq->principal->user, NULL);
    if (lg_record(rq, lifeguard, &event) != TL_OK) /* it has ended all the same */
        return rq->err.code;
    return tl_store_write(lifeguard->store, shorten, &ending, &rq->err);
}

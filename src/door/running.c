/* The statements that run now: seen in system.runtime.queries, ended by system.runtime.kill_query. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "door/door_int.h"

enum { LISTED_MAX = 10000 };

struct tl_running {
    pthread_mutex_t lock;
    struct tl_running_entry *first;
    size_t count;
};

struct tl_running *tl_running_new(void)
{
    struct tl_running *running = tl_heap_alloc(sizeof *running);
    pthread_mutex_init(&running->lock, NULL);
    return running;
}

struct tl_running *tl_running_free(struct tl_running *running)
{
    if (!running)
        return NULL;
    pthread_mutex_destroy(&running->lock);
    free(running);
    return NULL;
}

const char *tl_call_user(const struct tl_door_call *call)
{
    return call->rq->principal && call->rq->principal->user ? call->rq->principal->user : "";
}

void tl_running_add(struct tl_door_call *call, struct tl_running_entry *entry)
{
    struct tl_running *running = call->door->running;
    entry->rq = call->rq;
    entry->statement = (struct tl_running_statement){.id = call->rq->id,
                                                     .user = tl_call_user(call),
                                                     .source = call->session->source,
                                                     .text = call->text,
                                                     .started_us = tl_clock_wall_us()};
    pthread_mutex_lock(&running->lock);
    entry->after = running->first;
    if (running->first)
        running->first->before = entry;
    running->first = entry;
    running->count++;
    pthread_mutex_unlock(&running->lock);
}

void tl_running_remove(struct tl_door_call *call, struct tl_running_entry *entry)
{
    struct tl_running *running = call->door->running;
    pthread_mutex_lock(&running->lock);
    if (entry->before)
        entry->before->after = entry->after;
    else
        running->first = entry->after;
    if (entry->after)
        entry->after->before = entry->before;
    running->count--;
    pthread_mutex_unlock(&running->lock);
}

const char *tl_running_whose(const struct tl_door_call *call)
{
    return call->rq->principal && tl_principal_is_admin(call->rq->principal) ? NULL : tl_call_user(call);
}

static struct tl_running_statement copied(tl_arena *arena, const struct tl_running_entry *entry)
{
    const struct tl_running_statement *from = &entry->statement;
    struct tl_running_statement copy = *from;
    copy.queued = atomic_load(&entry->queued);
    copy.id = tl_arena_strdup(arena, from->id);
    copy.user = tl_arena_strdup(arena, from->user);
    copy.source = from->source ? tl_arena_strdup(arena, from->source) : NULL;
    if (copy.text.size > TL_RUNNING_TEXT_MAX)
        copy.text.size = TL_RUNNING_TEXT_MAX + 1; /* what is behind it says where a character ends */
    copy.text.data = tl_arena_strndup(arena, from->text.data, copy.text.size);
    return copy;
}

size_t tl_running_list(struct tl_door_call *call, const char *user, const struct tl_running_statement **ret_statements)
{
    struct tl_running *running = call->door->running;
    pthread_mutex_lock(&running->lock);
    size_t most = running->count < LISTED_MAX ? running->count : LISTED_MAX, count = 0;
    struct tl_running_statement *list = TL_NEW_ARRAY(call->rq->arena, struct tl_running_statement, most);
    for (struct tl_running_entry *entry = running->first; entry && count < most; entry = entry->after)
        if (!user || tl_streq(entry->statement.user, user))
            list[count++] = copied(call->rq->arena, entry);
    pthread_mutex_unlock(&running->lock);
    *ret_statements = list;
    return count;
}

enum tl_code tl_running_kill(struct tl_door_call *call, const char *user, const char *id, const char *reason)
{
    struct tl_running *running = call->door->running;
    pthread_mutex_lock(&running->lock);
    struct tl_running_entry *entry = running->first;
    while (entry && !(tl_streq(entry->statement.id, id) && (!user || tl_streq(entry->statement.user, user))))
        entry = entry->after;
    if (entry && entry->rq != call->rq) {
        entry->killed = true;
        snprintf(entry->killed_by, sizeof entry->killed_by, "%s", tl_call_user(call));
        snprintf(entry->reason, sizeof entry->reason, "%s", reason ? reason : "");
        atomic_store(&entry->rq->cancelled, true);
    }
    pthread_mutex_unlock(&running->lock);
    if (entry) {
        tl_engine_cancel(call->door->engine, id); /* it may have ended by now: then there is nothing to end */
        return TL_OK;
    }
    tl_err_set(&call->rq->err, TL_NOT_FOUND, "no statement \"%s\" of yours runs", id);
    tl_err_hint(&call->rq->err, "SELECT query_id, state, query FROM system.runtime.queries lists them");
    return TL_NOT_FOUND;
}

void tl_running_explain(struct tl_door_call *call, const struct tl_running_entry *entry, struct tl_err *err)
{
    struct tl_running *running = call->door->running;
    pthread_mutex_lock(&running->lock);
    if (entry->killed) {
        tl_err_init(err);
        tl_err_set(err, TL_CANCELLED, "the statement was killed by \"%s\"%s%s", entry->killed_by,
                   entry->reason[0] ? ": " : "", entry->reason);
    }
    pthread_mutex_unlock(&running->lock); /* a second one may be writing another reason */
}

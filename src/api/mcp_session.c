/* Sessions of clients before 2026-07-28, and requests that can be cancelled. */
#include <stdlib.h>
#include <string.h>

#include "api/mcp_int.h"
#include "base/clock.h"
#include "base/random.h"

static const int64_t SESSION_US = 3600LL * 1000000;

struct tl_api_mcp *tl_api_mcp_new(void)
{
    struct tl_api_mcp *mcp = tl_heap_alloc(sizeof *mcp);
    pthread_mutex_init(&mcp->lock, NULL);
    return mcp;
}

static void drop(struct tl_api_mcp *mcp, struct mcp_session **at)
{
    struct mcp_session *session = *at;
    *at = session->next;
    mcp->session_count--;
    free(session->user);
    free(session);
}

void tl_api_mcp_free(struct tl_api_mcp *mcp)
{
    while (mcp->sessions)
        drop(mcp, &mcp->sessions);
    pthread_mutex_destroy(&mcp->lock);
    free(mcp);
}

/* With the lock held: what is too old goes, and the oldest of who has too many. */
static void make_room(struct tl_api_mcp *mcp, const char *user, int64_t now_us)
{
    size_t own = 0;
    for (struct mcp_session **at = &mcp->sessions; *at;) {
        own += strcmp((*at)->user, user) == 0;
        bool old = now_us - (*at)->touched_us > SESSION_US, many = strcmp((*at)->user, user) == 0 && own >= MCP_USER_SESSIONS_MAX;
        if (old || many)
            drop(mcp, at);
        else
            at = &(*at)->next;
    }
}

enum tl_code mcp_session_new(struct tl_api_call *call, const char *client, const char **ret_id)
{
    struct tl_api_mcp *mcp = call->api->mcp;
    struct mcp_session *session = tl_heap_alloc(sizeof *session);
    struct tl_str name = tl_utf8_cut(tl_str_of(client), sizeof session->client - 1);
    if (tl_random_hex(session->id, (sizeof session->id - 1) / 2, &call->rq.err) != TL_OK) {
        free(session);
        return call->rq.err.code;
    }
    memcpy(session->client, name.data ? name.data : "", name.size);
    session->user = tl_heap_strdup(call->rq.principal->user);
    session->touched_us = tl_clock_monotonic_us();
    *ret_id = tl_arena_strdup(call->rq.arena, session->id);
    pthread_mutex_lock(&mcp->lock);
    make_room(mcp, session->user, session->touched_us);
    bool full = mcp->session_count >= MCP_SESSIONS_MAX;
    if (!full) {
        session->next = mcp->sessions;
        mcp->sessions = session;
        mcp->session_count++;
    }
    pthread_mutex_unlock(&mcp->lock);
    if (!full)
        return TL_OK;
    free(session->user);
    free(session);
    return tl_err_set(&call->rq.err, TL_TOO_MANY_REQUESTS, "%d sessions are open", MCP_SESSIONS_MAX);
}

static struct mcp_session **find(struct tl_api_mcp *mcp, const char *user, const char *id)
{
    struct mcp_session **at = &mcp->sessions;
    while (*at && !(tl_equal_constant_time((*at)->id, strlen((*at)->id), id, strlen(id)) && strcmp((*at)->user, user) == 0))
        at = &(*at)->next;
    return at;
}

bool mcp_session_find(struct tl_api_call *call, const char *id, const char **ret_client)
{
    struct tl_api_mcp *mcp = call->api->mcp;
    int64_t now_us = tl_clock_monotonic_us();
    pthread_mutex_lock(&mcp->lock);
    struct mcp_session *session = *find(mcp, call->rq.principal->user, id);
    bool found = session && now_us - session->touched_us <= SESSION_US;
    if (found) {
        session->touched_us = now_us;
        *ret_client = tl_arena_strdup(call->rq.arena, session->client);
    }
    pthread_mutex_unlock(&mcp->lock);
    return found;
}

bool mcp_session_end(struct tl_api_call *call, const char *id)
{
    struct tl_api_mcp *mcp = call->api->mcp;
    pthread_mutex_lock(&mcp->lock);
    struct mcp_session **at = find(mcp, call->rq.principal->user, id);
    bool found = *at != NULL;
    if (found)
        drop(mcp, at);
    pthread_mutex_unlock(&mcp->lock);
    return found;
}

/* ---- requests that can be cancelled ---- */

static const char *id_text(struct mcp_message *message, const tl_json *id)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, MCP_MESSAGE_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, id);
    const char *copy = tl_arena_strdup(message->call->rq.arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

void mcp_running_begin(struct mcp_message *message, struct mcp_running *running)
{
    struct tl_api_mcp *mcp = message->call->api->mcp;
    *running = (struct mcp_running){.user = message->call->rq.principal->user, .session = message->session, .id = id_text(message, message->id)};
    pthread_mutex_lock(&mcp->lock);
    running->next = mcp->running;
    mcp->running = running;
    pthread_mutex_unlock(&mcp->lock);
}

void mcp_running_end(struct mcp_message *message, struct mcp_running *running)
{
    struct tl_api_mcp *mcp = message->call->api->mcp;
    pthread_mutex_lock(&mcp->lock);
    struct mcp_running **at = &mcp->running;
    while (*at != running)
        at = &(*at)->next;
    *at = running->next;
    pthread_mutex_unlock(&mcp->lock);
}

void mcp_running_cancel(struct mcp_message *message, const tl_json *id)
{
    struct tl_api_mcp *mcp = message->call->api->mcp;
    if (!id || !message->session)
        return;
    const char *text = id_text(message, id);
    pthread_mutex_lock(&mcp->lock);
    for (struct mcp_running *running = mcp->running; running; running = running->next)
        if (tl_streq(running->session, message->session) && strcmp(running->user, message->call->rq.principal->user) == 0 && strcmp(running->id, text) == 0)
            atomic_store(&running->cancelled, true);
    pthread_mutex_unlock(&mcp->lock);
}

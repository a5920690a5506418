/* What a person may see of everything there is: the feed for gateways and agents. */
#include "api/api_int.h"

enum { ANSWER_MAX = 256 * 1024 * 1024 };

struct feed {
    struct tl_api_call *call;
    const struct tl_principal *user;
    struct tl_json_writer json;
};

static void put_dataset(void *context, const char *source, const struct tl_source_dataset *dataset)
{
    struct feed *feed = context;
    tl_arena *arena = feed->call->rq.arena;
    struct tl_access_need need = {source, dataset->schema, dataset->name, TL_ACCESS_READ, dataset->column_count, tl_api_column_names(arena, dataset)};
    tl_lifeguard_put_access(feed->call->api->parts.lifeguard, feed->user, &need, &feed->json);
}

/* Oneself, or anybody for those who review what everybody did. */
static const struct tl_principal *find_user(struct tl_api_call *call, struct tl_principal *other)
{
    const char *name = tl_http_query_param(call->exchange, "user");
    if (!name || tl_streq(name, call->rq.principal->user))
        return call->rq.principal;
    if (!tl_principal_is_auditor(call->rq.principal)) {
        tl_err_set(&call->rq.err, TL_NOT_ALLOWED, "only members of the groups \"" TL_GROUP_ADMIN "\" and \"" TL_GROUP_AUDITOR "\" see what others may see");
        tl_err_hint(&call->rq.err, "leave out ?user= for what you may see");
        return NULL;
    }
    if (tl_lifeguard_groups_of(&call->rq, call->api->parts.lifeguard, name, 0, other))
        return other;
    if (call->rq.err.code == TL_OK)
        tl_err_set(&call->rq.err, TL_NOT_FOUND, "the user \"%.200s\" has not been seen here", name);
    return NULL;
}

void tl_api_lifeguard_access(struct tl_api_call *call)
{
    struct tl_principal other = {.user = NULL};
    struct tl_lifeguard_health health;
    struct tl_buf buf;
    struct feed feed = {.call = call, .user = find_user(call, &other)};
    if (!feed.user) {
        tl_api_fail(call);
        return;
    }
    tl_lifeguard_health(call->api->parts.lifeguard, &health);
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&feed.json, &buf);
    tl_json_begin_object(&feed.json);
    tl_json_pair_text(&feed.json, "user", feed.user->user);
    tl_json_key(&feed.json, "groups");
    tl_json_begin_array(&feed.json);
    for (size_t i = 0; i < feed.user->group_count; i++)
        tl_json_put_text(&feed.json, feed.user->groups[i]);
    tl_json_end_array(&feed.json);
    tl_json_pair_int64(&feed.json, "policy_version", health.version);
    tl_json_key(&feed.json, "tables");
    tl_json_begin_array(&feed.json);
    tl_door_each_dataset(&call->rq, call->api->parts.door, put_dataset, &feed);
    tl_json_end_array(&feed.json);
    tl_json_end_object(&feed.json);
    tl_api_reply_tagged(call, &buf);
}

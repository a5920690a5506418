/* What the rules let an outside engine do.  It works on the files themselves, so nothing of a table may be hidden from it. */
#include "lake/lake_int.h"

#include <string.h>

#include "lifeguard/clearance.h"

static enum tl_code told(struct tl_request *rq, struct tl_err *err)
{
    const char *link = rq->err.link[0] ? tl_arena_printf(rq->arena, "; request access: %s", rq->err.link) : "";
    tl_err_set(err, rq->err.code, "%s%s", rq->err.message, link);
    tl_err_hint(err, "%s", rq->err.hint);
    return err->code;
}

enum tl_code tl_lake_rest_need(struct tl_lake_route_call *rest, enum tl_lake_right right, const char *namespace_name, const char *name,
                               struct tl_err *err)
{
    static const unsigned accesses[] = {
        [TL_LAKE_RIGHT_WRITE] = TL_ACCESS_WRITE, [TL_LAKE_RIGHT_CREATE] = TL_ACCESS_CREATE, [TL_LAKE_RIGHT_DROP] = TL_ACCESS_DROP};
    const struct tl_lake_rights *rights = rest->call->rights;
    if (!rights)
        return TL_OK;
    struct tl_request rq;
    const tl_clearance *clearance;
    const char *schema = namespace_name ? tl_lake_dotted(rest->arena, namespace_name) : NULL;
    tl_request_init(&rq, rest->arena);
    rq.principal = rights->principal;
    struct tl_grant_scope scope = {.source = rights->source, .schema = schema, .table = name};
    struct tl_access_need need = {.source = rights->source, .schema = schema, .table = name, .access = right <= TL_LAKE_RIGHT_DROP ? accesses[right] : 0};
    bool raw = right == TL_LAKE_RIGHT_READ || right == TL_LAKE_RIGHT_WRITE;
    if (right == TL_LAKE_RIGHT_NONE)
        tl_err_set(&rq.err, TL_NOT_ALLOWED, "this call is for the engine of this server only");
    else if ((!raw || tl_lifeguard_need_raw(&rq, rights->lifeguard, &scope) == TL_OK) && need.access)
        (void)!tl_lifeguard_decide(&rq, rights->lifeguard, &(struct tl_access_manner){0}, &need, 1, &clearance);
    return rq.err.code == TL_OK ? TL_OK : told(&rq, err);
}

/* What lifeguard must know of names, so that no review or grant passes to what comes under the same one later. */
enum tl_code tl_lake_rest_changed(struct tl_lake_route_call *rest, enum tl_lake_happening what, const char *namespace_name, const char *name,
                                  const char *new_name, struct tl_err *err)
{
    const struct tl_lake_rights *rights = rest->call->rights;
    if (!rights) /* the door tells of what the engine does */
        return TL_OK;
    struct tl_request rq;
    tl_request_init(&rq, rest->arena);
    rq.principal = rights->principal;
    struct tl_grant_scope scope = {.source = rights->source, .schema = tl_lake_dotted(rest->arena, namespace_name), .table = name};
    enum tl_code code = what == TL_LAKE_MADE      ? tl_lifeguard_created(&rq, rights->lifeguard, &scope)
                        : what == TL_LAKE_DROPPED ? tl_lifeguard_dropped(&rq, rights->lifeguard, &scope)
                                                  : tl_lifeguard_renamed(&rq, rights->lifeguard, &scope, new_name);
    if (code == TL_OK)
        return TL_OK;
    return tl_err_set(err, TL_INTERNAL, "it was done, but the rules do not know of it yet: %.600s", rq.err.message);
}

/* What happens to identities goes on the record too: sign-ins, refusals, tokens, pushed users. */
#include <string.h>

#include "api/api_int.h"
#include "base/clock.h"
#include "base/log.h"

/* Refusals cost a caller nothing, so only so many a second are kept; those left out are counted in the next one. */
enum { REFUSALS_A_SECOND = 20, MEMBERS_MAX = 16 * 1024 };

void tl_api_note(struct tl_api_call *call, const char *kind, const char *subject, const char *user, const char *more)
{
    struct tl_audit *audit = call->api->parts.audit;
    struct tl_request rq;
    struct tl_principal principal = {.user = user, .authenticated = true, .kind = TL_AUTH_KIND_SESSION};
    struct tl_buf members;
    if (!audit)
        return;
    tl_request_init(&rq, call->rq.arena);
    rq.principal = call->rq.principal ? call->rq.principal : user ? &principal : NULL;
    tl_buf_init(&members, MEMBERS_MAX);
    if (more) {
        tl_buf_adds(&members, "\"about\":\"");
        tl_json_escape(&members, more, strlen(more));
        tl_buf_addc(&members, '"');
    }
    if (tl_audit_event(&rq, audit, kind, subject, (struct tl_str){tl_buf_cstr(&members), members.size}) != TL_OK)
        tl_log_err(TL_LOG_ERROR, "api", "an event is not on the record", &rq.err);
    tl_buf_done(&members);
}

void tl_api_note_refusal(struct tl_api_call *call)
{
    struct tl_api *api = call->api;
    if (call->refusal_noted)
        return;
    call->refusal_noted = true;
    long long second = tl_clock_monotonic_us() / 1000000;
    if (atomic_exchange(&api->refusal_second, second) != second)
        atomic_store(&api->refusals, 0);
    if (atomic_fetch_add(&api->refusals, 1) >= REFUSALS_A_SECOND) {
        atomic_fetch_add(&api->refusals_left_out, 1);
        return;
    }
    long long left_out = atomic_exchange(&api->refusals_left_out, 0);
    const char *code = tl_code_info(call->rq.err.code)->name;
    const char *more = tl_arena_printf(call->rq.arena, "%s: %s%s", code, call->rq.err.message,
                                       left_out ? tl_arena_printf(call->rq.arena, " (and %lld more not kept)", left_out) : "");
    tl_api_note(call, "refused", tl_http_path(call->exchange), NULL, more);
}

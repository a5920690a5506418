/* What happens to the rules, and who chose to see personal data, goes on the audit's chain: before it is in force, so that nothing
 * is in force without its record.  What then does not come about has a second record with its error. */
#include <string.h>

#include <openssl/sha.h>

#include "base/hex.h"
#include "base/log.h"
#include "lifeguard/lifeguard_int.h"

enum { MEMBERS_MAX = 3 * 1024 * 1024, BODIES_KEPT_MAX = 512 * 1024, CHANGES_KEPT_MAX = 1000 };

static void put_digest(struct tl_json_writer *json, const char *body)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[2 * SHA256_DIGEST_LENGTH + 1];
    SHA256((const unsigned char *)body, strlen(body), digest);
    tl_hex_text(text, digest, sizeof digest);
    tl_json_pair_text(json, "body_sha256", text);
}

/* The rule as it is now, in full while the record has room; null: it ended. */
static void put_change(struct tl_json_writer *json, tl_arena *arena, const struct lg_change *change, size_t *kept_bytes)
{
    size_t size = change->body ? strlen(change->body) : 0;
    bool dataset = change->kind == LG_DATASET;
    char *name = tl_arena_strdup(arena, change->name);
    for (char *p = name; dataset && (p = strchr(p, LG_SEPARATOR[0])) != NULL;)
        *p = '.';
    tl_json_begin_object(json);
    tl_json_pair_text(json, "item", lg_kind_name(change->kind));
    tl_json_pair_text(json, "name", name);
    if (*kept_bytes + size <= BODIES_KEPT_MAX) {
        tl_json_key(json, "body");
        if (change->body)
            tl_json_put_raw(json, (struct tl_str){change->body, size});
        else
            tl_json_put_null(json);
        *kept_bytes += size;
    } else {
        put_digest(json, change->body);
    }
    tl_json_end_object(json);
}

static void put_changes(struct tl_json_writer *json, tl_arena *arena, const struct lg_event *event)
{
    size_t kept_bytes = 0, kept = event->change_count < CHANGES_KEPT_MAX ? event->change_count : CHANGES_KEPT_MAX;
    tl_json_pair_int64(json, "change_count", (int64_t)event->change_count);
    tl_json_key(json, "changes");
    tl_json_begin_array(json);
    for (size_t i = 0; i < kept; i++)
        put_change(json, arena, &event->changes[i], &kept_bytes);
    tl_json_end_array(json);
}

static void put_event(struct tl_json_writer *json, tl_arena *arena, const struct lg_event *event, const struct tl_err *failed)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "action", event->action);
    if (event->reason)
        tl_json_pair_text(json, "reason", event->reason);
    if (event->about)
        tl_json_pair_text(json, "about", event->about);
    if (event->version)
        tl_json_pair_int64(json, "policy_version", event->version);
    if (failed) {
        tl_json_pair_text(json, "error", tl_code_info(failed->code)->name);
        tl_json_pair_text(json, "message", failed->message);
    } else if (event->change_count) {
        put_changes(json, arena, event);
    }
    tl_json_end_object(json);
}

static enum tl_code record(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_event *event, const struct tl_err *failed)
{
    static const struct tl_principal own = {.user = "townlake", .authenticated = true, .kind = TL_AUTH_KIND_WORD};
    const struct tl_principal *principal = rq->principal;
    struct tl_buf members;
    struct tl_json_writer json;
    enum tl_code code = TL_OK;
    if (!lifeguard->audit)
        return TL_OK;
    tl_buf_init(&members, MEMBERS_MAX);
    tl_json_writer_init(&json, &members);
    put_event(&json, rq->arena, event, failed);
    rq->principal = principal ? principal : &own;
    if (members.failed || members.size < 2)
        code = tl_err_set(&rq->err, TL_TOO_LARGE, "the record of the change is larger than %d bytes", MEMBERS_MAX);
    else
        code = tl_audit_event(rq, lifeguard->audit, event->kind, event->subject, (struct tl_str){members.data + 1, members.size - 2});
    rq->principal = principal;
    tl_buf_done(&members);
    return code;
}

enum tl_code lg_record(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_event *event)
{
    if (record(rq, lifeguard, event, NULL) == TL_OK)
        return TL_OK;
    tl_err_hint(&rq->err, "nothing changes without its record in the audit; make room or mend its folder");
    return rq->err.code;
}

void lg_record_failure(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_event *event)
{
    struct tl_err failed = rq->err;
    tl_err_init(&rq->err);
    if (record(rq, lifeguard, event, &failed) != TL_OK)
        tl_log_err(TL_LOG_ERROR, "lifeguard", "what was refused could not be recorded", &rq->err);
    rq->err = failed;
}

/* A denial in words: why, what, who reviews it, which group would open it, and where to ask. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/http.h"
#include "lifeguard/lifeguard_int.h"

enum { TEXT_MAX = 1500, HOLDERS_MAX = 5, LOOKED_AT_MAX = 16 };

const char *lg_why_text(enum lg_why why)
{
    static const char *const texts[] = {
        [LG_WHY_OPEN] = "it is open",
        [LG_WHY_MADE_IT] = "you made the table",
        [LG_WHY_NOT_REVIEWED] = "it has not been reviewed yet",
        [LG_WHY_CLOSED] = "its review closed it",
        [LG_WHY_NO_GRANT] = "no grant in force opens it to you",
        [LG_WHY_DENIED] = "a grant denies it to you",
        [LG_WHY_MASKED] = "it is masked",
        [LG_WHY_CLEAR] = "it is masked, and a grant shows it to you",
        [LG_WHY_PII] = "it is masked, and you chose to see it for this session",
        [LG_WHY_DEFAULT_OPEN] = "this server opens what nobody has reviewed",
    };
    return texts[why];
}

static unsigned wanted_privileges(unsigned access)
{
    return access & TL_ACCESS_DROP                          ? TL_PRIVILEGE_OWN
           : access & (TL_ACCESS_WRITE | TL_ACCESS_CREATE) ? TL_PRIVILEGE_WRITE
                                                            : TL_PRIVILEGE_READ;
}

/* The grant that denies what was wanted; NULL = none does. */
static const struct lg_grant *denier(const struct lg_decision *decision, unsigned access)
{
    for (size_t i = 0; i < decision->grant_count; i++)
        if (decision->grants[i]->deny && (decision->grants[i]->privileges & wanted_privileges(access)))
            return decision->grants[i];
    return NULL;
}

enum lg_why lg_why_not(const struct lg_decision *decision, unsigned access)
{
    if (decision->dataset && decision->dataset->state == LG_DENIED)
        return LG_WHY_CLOSED;
    if (decision->deny & wanted_privileges(access))
        return LG_WHY_DENIED;
    if (!(access & TL_ACCESS_READ))
        return LG_WHY_NO_GRANT;
    bool pending = !decision->dataset || decision->dataset->state == LG_PENDING;
    return pending ? LG_WHY_NOT_REVIEWED : !lg_reads(decision->allow) ? LG_WHY_NO_GRANT : LG_WHY_NOT_REVIEWED;
}

/* --- who holds a privilege --- */

struct holders {
    const tl_lifeguard *lifeguard;
    unsigned privileges;
    int64_t now_us;
    const struct lg_grant *found[HOLDERS_MAX];
    size_t count;
};

/* The most specific ones, each subject once. */
static void take_holder(struct holders *holders, const struct lg_grant *grant)
{
    if (grant->deny || !(grant->privileges & holders->privileges) || grant->end_us <= holders->now_us || grant->start_us > holders->now_us)
        return;
    for (size_t i = 0; i < holders->count; i++)
        if (lg_same_subject(&holders->found[i]->subject, &grant->subject))
            return;
    size_t at = holders->count;
    while (at > 0 && (holders->found[at - 1]->level < grant->level ||
                      (holders->found[at - 1]->level == grant->level && strcmp(holders->found[at - 1]->subject.name, grant->subject.name) > 0)))
        at--;
    if (at == HOLDERS_MAX)
        return;
    size_t last = holders->count < HOLDERS_MAX ? holders->count++ : HOLDERS_MAX - 1;
    memmove(&holders->found[at + 1], &holders->found[at], (last - at) * sizeof *holders->found);
    holders->found[at] = grant;
}

/* Where hundreds hold it, the first of some are told: a denial is no slower than what is allowed. */
static void take_scope(struct holders *holders, const struct lg_snapshot *snapshot, const struct tl_grant_scope *scope)
{
    struct lg_scope_key key;
    enum lg_giving giving;
    int looked = 0;
    if (!lg_scope_key(holders->lifeguard, scope, &key))
        return;
    const struct lg_entry *entry = lg_giving_entries(snapshot, key.hash, holders->privileges, &giving);
    for (; entry && looked < LOOKED_AT_MAX; entry = entry->next_giving[giving]) {
        if (!(entry->gives & holders->privileges) || entry->scope_hash != key.hash || strcmp(entry->scope, key.text) != 0)
            continue;
        looked++;
        take_holder(holders, &entry->item->grant);
    }
}

const char *lg_holders(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, tl_arena *arena, const struct tl_grant_scope *scope,
                       unsigned privileges, int64_t now_us)
{
    struct holders holders = {.lifeguard = lifeguard, .privileges = privileges, .now_us = now_us};
    const struct tl_grant_scope wide[] = {{.source = NULL}, {.source = scope->source}, {.source = scope->source, .schema = scope->schema}, *scope};
    bool there[] = {true, scope->source && scope->schema, scope->schema && scope->table, scope->source || scope->tag};
    struct tl_buf text;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (there[i])
            take_scope(&holders, snapshot, &wide[i]);
    tl_buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < holders.count; i++)
        tl_buf_addf(&text, "%s%s", i ? ", " : "", lg_subject_text(arena, &holders.found[i]->subject));
    if (holders.count == 0 && (privileges & (TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_ADMIN)))
        tl_buf_addf(&text, "group %s", TL_GROUP_ADMIN);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

/* --- the link --- */

static void add_parameter(struct tl_buf *link, const char *name, const char *value)
{
    if (!value)
        return;
    tl_buf_addf(link, "%c%s=", strchr(tl_buf_cstr(link), '?') ? '&' : '?', name);
    tl_http_encode(link, value);
}

const char *lg_request_link(tl_lifeguard *lifeguard, tl_arena *arena, const struct tl_grant_scope *scope, const char *privileges)
{
    struct tl_buf link;
    tl_buf_init(&link, TL_ERR_LINK_MAX);
    pthread_rwlock_rdlock(&lifeguard->lock);
    tl_buf_adds(&link, lifeguard->link_base ? lifeguard->link_base : "");
    pthread_rwlock_unlock(&lifeguard->lock);
    tl_buf_adds(&link, "/access/request");
    add_parameter(&link, "source", scope->source);
    add_parameter(&link, "schema", scope->schema);
    add_parameter(&link, "table", scope->table);
    add_parameter(&link, "privileges", privileges);
    const char *copy = link.failed ? "/access/request" : tl_arena_strdup(arena, tl_buf_cstr(&link));
    tl_buf_done(&link);
    return copy;
}

/* --- the whole --- */

static const char *verb(unsigned access)
{
    return access & TL_ACCESS_DROP ? "dropped" : access & TL_ACCESS_CREATE ? "created" : access & TL_ACCESS_WRITE ? "changed" : "read";
}

static void add_detail(struct tl_err *err, tl_arena *arena, const struct lg_decision *decision, unsigned access, enum lg_why why,
                       const char *reviewer, const char *holders)
{
    const struct lg_dataset *dataset = decision->dataset;
    const struct lg_grant *denied_by = why == LG_WHY_DENIED ? denier(decision, access) : NULL;
    struct tl_buf detail;
    tl_buf_init(&detail, TEXT_MAX);
    tl_buf_addf(&detail, "reason: %s", lg_why_text(why));
    if (denied_by && denied_by->reason)
        tl_buf_addf(&detail, " (%s)", denied_by->reason);
    if (why == LG_WHY_NO_GRANT && decision->ended)
        tl_buf_addf(&detail, "; your grant \"%s\" has ended", decision->ended->id);
    if (dataset && dataset->comment && why == LG_WHY_CLOSED)
        tl_buf_addf(&detail, "; comment: %s", dataset->comment);
    tl_buf_addf(&detail, "; reviewer: %s", dataset && dataset->reviewer ? tl_arena_printf(arena, "user %s", dataset->reviewer) : reviewer);
    tl_buf_addf(&detail, "; open to: %s", *holders ? holders : "nobody");
    tl_err_detail(err, "%s", tl_buf_cstr(&detail));
    tl_buf_done(&detail);
}

enum tl_code lg_deny(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const struct lg_who *who,
                     const struct tl_access_need *need, const struct lg_decision *decision)
{
    struct tl_grant_scope scope = {.source = need->source, .schema = need->schema, .table = need->table};
    unsigned wanted = wanted_privileges(need->access);
    const char *name = lg_scope_text(rq->arena, &scope);
    const char *privilege = wanted == TL_PRIVILEGE_OWN ? "own" : wanted == TL_PRIVILEGE_WRITE ? "write" : "read";
    enum lg_why why = lg_why_not(decision, need->access);
    const char *reviewer = lg_holders(lifeguard, snapshot, rq->arena, &scope, TL_PRIVILEGE_REVIEW, who->now_us);
    const char *holders = lg_holders(lifeguard, snapshot, rq->arena, &scope, wanted | TL_PRIVILEGE_OWN, who->now_us);
    tl_err_set(&rq->err, TL_NOT_ALLOWED, "\"%s\" cannot be %s by you: %s", name, verb(need->access), lg_why_text(why));
    add_detail(&rq->err, rq->arena, decision, need->access, why, reviewer, holders);
    if (why == LG_WHY_NOT_REVIEWED)
        tl_err_hint(&rq->err, "ask %s to review it, or request access by the link or `townlake lifeguard request %s`", reviewer, name);
    else if (*holders && why == LG_WHY_NO_GRANT)
        tl_err_hint(&rq->err, "join %s, or request access by the link or `townlake lifeguard request %s`", holders, name);
    else
        tl_err_hint(&rq->err, "request access by the link or `townlake lifeguard request %s`", name);
    tl_err_link(&rq->err, "%s", lg_request_link(lifeguard, rq->arena, &scope, privilege));
    return TL_NOT_ALLOWED;
}

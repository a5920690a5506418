#include "lifeguard/clearance.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/hex.h"
#include "lifeguard/lifeguard_int.h"

enum { NEEDS_MAX = 10000, ACCESS_ALL = TL_ACCESS_READ | TL_ACCESS_WRITE | TL_ACCESS_CREATE | TL_ACCESS_DROP, HASH_SIZE = 32 };

struct tl_clearance {
    size_t count;
    struct tl_dataset_grant *grants;
    int64_t version;
    char name[1 + 16 + 1];
};

static void copy_need(tl_arena *arena, const struct tl_access_need *need, struct tl_dataset_grant *grant)
{
    *grant = (struct tl_dataset_grant){.need = *need};
    grant->need.source = tl_arena_strdup(arena, need->source);
    grant->need.schema = tl_arena_strdup(arena, need->schema);
    grant->need.table = tl_arena_strdup(arena, need->table);
    const char **columns = TL_NEW_ARRAY(arena, const char *, need->column_count);
    for (size_t i = 0; i < need->column_count; i++)
        columns[i] = tl_arena_strdup(arena, need->columns[i]);
    grant->need.columns = columns;
}

/* --- the caller's values in row rules --- */

struct attributes {
    const tl_lifeguard *lifeguard;
    const struct lg_snapshot *snapshot;
    const struct tl_principal *principal;
    tl_arena *arena;
};

static size_t attribute_of(void *context, const char *name, const char *const **ret_values)
{
    const struct attributes *attributes = context;
    if (strcmp(name, "user") == 0) {
        *ret_values = &attributes->principal->user;
        return 1;
    }
    if (strcmp(name, "groups") == 0) {
        *ret_values = attributes->principal->groups;
        return attributes->principal->group_count;
    }
    const char **own = TL_NEW(attributes->arena, const char *);
    *own = tl_principal_attribute(attributes->principal, name);
    if (*own) {
        *ret_values = own;
        return 1;
    }
    const char *key = tl_arena_printf(attributes->arena, "%s" LG_SEPARATOR "%s", attributes->principal->user, name);
    const struct lg_item *item = lg_find(attributes->lifeguard, attributes->snapshot, LG_ATTRIBUTE, key);
    *ret_values = item ? item->attribute.values : NULL;
    return item ? item->attribute.value_count : 0;
}

/* --- from a decision to a grant --- */

static void fill_grant(struct attributes *attributes, const struct tl_access_need *need, const struct lg_decision *decision,
                       struct tl_dataset_grant *grant)
{
    tl_arena *arena = attributes->arena;
    copy_need(arena, need, grant);
    const char **columns = TL_NEW_ARRAY(arena, const char *, decision->visible_count);
    struct tl_mask *masks = TL_NEW_ARRAY(arena, struct tl_mask, decision->visible_count);
    for (size_t i = 0; i < need->column_count; i++) {
        if (!decision->columns[i].visible)
            continue;
        columns[grant->column_count] = grant->need.columns[i];
        masks[grant->column_count] = decision->columns[i].mask;
        grant->partial = grant->partial || masks[grant->column_count].form != TL_MASK_NONE;
        grant->column_count++;
    }
    const struct tl_rule **rules = TL_NEW_ARRAY(arena, const struct tl_rule *, decision->rule_count);
    for (size_t i = 0; i < decision->rule_count; i++)
        rules[i] = tl_rule_resolve(arena, decision->rules[i]->rule, attribute_of, attributes);
    grant->columns = columns;
    grant->masks = masks;
    grant->row_rules = rules;
    grant->row_rule_count = decision->rule_count;
    grant->partial = grant->partial || decision->rule_count > 0 || grant->column_count != need->column_count;
}

static void fill_raw(tl_arena *arena, const struct tl_access_need *need, struct tl_dataset_grant *grant)
{
    copy_need(arena, need, grant);
    grant->column_count = need->column_count;
    grant->columns = grant->need.columns;
    struct tl_mask *masks = TL_NEW_ARRAY(arena, struct tl_mask, need->column_count);
    for (size_t i = 0; i < need->column_count; i++)
        masks[i].form = TL_MASK_NONE;
    grant->masks = masks;
}

void lg_grant_of(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, tl_arena *arena, const struct tl_principal *principal,
                 const struct tl_access_need *need, const struct lg_decision *decision, struct tl_dataset_grant *ret_grant)
{
    struct attributes attributes = {lifeguard, snapshot, principal, arena};
    fill_grant(&attributes, need, decision, ret_grant);
}

/* --- the name: SHA-256 of the grants in order of their datasets, cut to 64 bits.  A cryptographic hash, because names decide
 * which statements share views: nobody may find two sets of rights with one name. --- */

static int compare_texts(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int compare_grants(const void *a, const void *b)
{
    const struct tl_access_need *x = &(*(const struct tl_dataset_grant *const *)a)->need;
    const struct tl_access_need *y = &(*(const struct tl_dataset_grant *const *)b)->need;
    int order = compare_texts(x->source, y->source);
    if (order == 0)
        order = compare_texts(x->schema, y->schema);
    if (order == 0)
        order = compare_texts(x->table, y->table);
    return order ? order : (x->access > y->access) - (x->access < y->access);
}

/* Each part with its size before it, so that no two lists of parts run together alike. */
static void add_part(struct tl_buf *parts, const char *text)
{
    uint64_t size = text ? strlen(text) : UINT64_MAX;
    tl_buf_add(parts, &size, sizeof size);
    if (text)
        tl_buf_add(parts, text, (size_t)size);
}

static void add_number(struct tl_buf *parts, uint64_t number)
{
    tl_buf_add(parts, &number, sizeof number);
}

static void add_grant(struct tl_buf *parts, const struct tl_dataset_grant *grant)
{
    struct tl_json_writer json;
    add_part(parts, grant->need.source);
    add_part(parts, grant->need.schema);
    add_part(parts, grant->need.table);
    add_number(parts, grant->need.access);
    add_number(parts, grant->column_count);
    for (size_t i = 0; i < grant->column_count; i++) {
        add_part(parts, grant->columns[i]);
        add_number(parts, (uint64_t)grant->masks[i].form);
        add_number(parts, (uint64_t)grant->masks[i].number);
        add_part(parts, grant->masks[i].text);
    }
    add_number(parts, grant->row_rule_count);
    for (size_t i = 0; i < grant->row_rule_count; i++) {
        tl_json_writer_init(&json, parts);
        tl_rule_put(&json, grant->row_rules[i]);
    }
}

static void make_name(tl_arena *arena, tl_clearance *clearance)
{
    enum { PARTS_MAX = 1 << 30 };
    const struct tl_dataset_grant **order = TL_NEW_ARRAY(arena, const struct tl_dataset_grant *, clearance->count);
    unsigned char digest[HASH_SIZE];
    struct tl_buf parts;
    tl_buf_init(&parts, PARTS_MAX);
    for (size_t i = 0; i < clearance->count; i++)
        order[i] = &clearance->grants[i];
    if (clearance->count)
        qsort(order, clearance->count, sizeof *order, compare_grants);
    for (size_t i = 0; i < clearance->count; i++)
        if (i == 0 || compare_grants(&order[i - 1], &order[i]) != 0) /* a dataset named twice is one */
            add_grant(&parts, order[i]);
    if (parts.failed || EVP_Digest(parts.data ? parts.data : "", parts.size, digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    tl_buf_done(&parts);
    clearance->name[0] = 'g';
    tl_hex_text(clearance->name + 1, digest, 8);
}

/* --- deciding --- */

bool lg_allowed(const struct lg_decision *decision, const struct tl_access_need *need)
{
    unsigned held = decision->allow & ~decision->deny;
    if ((need->access & TL_ACCESS_READ) && decision->visible_count == 0)
        return false;
    if ((need->access & (TL_ACCESS_WRITE | TL_ACCESS_CREATE)) && !(held & (TL_PRIVILEGE_WRITE | TL_PRIVILEGE_OWN)))
        return false;
    return !(need->access & TL_ACCESS_DROP) || (held & TL_PRIVILEGE_OWN);
}

static void release_snapshot(void *snapshot)
{
    lg_release(snapshot);
}

/* A token may be narrower than its user. */
static enum tl_code check_token(struct tl_request *rq, unsigned access)
{
    bool writes = (access & ~(unsigned)TL_ACCESS_READ) != 0, reads = (access & TL_ACCESS_READ) != 0;
    if ((!writes || tl_principal_may(rq->principal, TL_SCOPE_WRITE)) && (!reads || tl_principal_may(rq->principal, TL_SCOPE_READ)))
        return TL_OK;
    tl_err_set(&rq->err, TL_NOT_ALLOWED, "the token you use may not %s", writes && !tl_principal_may(rq->principal, TL_SCOPE_WRITE) ? "change data" : "read");
    tl_err_hint(&rq->err, "use one that has this scope: `townlake token create` makes it");
    return TL_NOT_ALLOWED;
}

static enum tl_code check_needs(struct tl_request *rq, const tl_lifeguard *lifeguard, const struct tl_access_need *needs, size_t need_count)
{
    unsigned access = 0;
    if (!rq->principal || !rq->principal->user || !rq->principal->user[0])
        return tl_err_set(&rq->err, TL_UNAUTHENTICATED, "the request does not say who is asking");
    if (need_count > NEEDS_MAX)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "the statement names %zu tables, the limit is %d", need_count, NEEDS_MAX);
    for (size_t i = 0; i < need_count; i++) {
        if (needs[i].access == 0 || (needs[i].access & ~(unsigned)ACCESS_ALL) != 0)
            return tl_err_set(&rq->err, TL_INTERNAL, "unknown kind of access %u to \"%s.%s\"", needs[i].access, needs[i].source, needs[i].schema);
        access |= needs[i].access;
    }
    if (check_token(rq, access) != TL_OK)
        return rq->err.code;
    if (!lg_is_broken(lifeguard))
        return TL_OK;
    tl_err_set(&rq->err, TL_STATE, "the rules cannot be read, so nothing can be shown");
    tl_err_detail(&rq->err, "%s", lifeguard->failure);
    tl_err_hint(&rq->err, "`townlake doctor` says more; restore the state from a backup");
    return TL_STATE;
}

static enum tl_code decide_raw(struct tl_request *rq, tl_lifeguard *lifeguard, const char *reason, const struct tl_access_need *needs,
                               tl_clearance *clearance)
{
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < clearance->count && code == TL_OK; i++) {
        const struct tl_grant_scope scope = {.source = needs[i].source, .schema = needs[i].schema, .table = needs[i].table};
        struct lg_event event = {.kind = "raw_reading", .action = "cleared", .subject = lg_scope_text(rq->arena, &scope), .reason = reason};
        fill_raw(rq->arena, &needs[i], &clearance->grants[i]);
        lg_fact(lifeguard, rq, "raw_clearance", event.subject, reason);
        code = lg_record(rq, lifeguard, &event);
    }
    return code;
}

static enum tl_code decide_all(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const struct lg_who *who,
                               const struct tl_access_need *needs, tl_clearance *clearance)
{
    struct attributes attributes = {lifeguard, snapshot, rq->principal, rq->arena};
    for (size_t i = 0; i < clearance->count; i++) {
        struct lg_decision decision;
        lg_decide(lifeguard, snapshot, rq->arena, who, &needs[i], &decision);
        if (!lg_allowed(&decision, &needs[i]))
            return lg_deny(rq, lifeguard, snapshot, who, &needs[i], &decision);
        fill_grant(&attributes, &needs[i], &decision, &clearance->grants[i]);
    }
    return TL_OK;
}

enum tl_code tl_lifeguard_decide(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_access_manner *manner,
                                 const struct tl_access_need *needs, size_t need_count, const tl_clearance **ret_clearance)
{
    *ret_clearance = NULL;
    if (check_needs(rq, lifeguard, needs, need_count) != TL_OK)
        return rq->err.code;
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    tl_arena_defer(rq->arena, release_snapshot, (void *)(uintptr_t)snapshot); /* rules and masks are pointed to */
    tl_clearance *clearance = TL_NEW(rq->arena, tl_clearance);
    clearance->count = need_count;
    clearance->grants = TL_NEW_ARRAY(rq->arena, struct tl_dataset_grant, need_count);
    clearance->version = snapshot->version;
    struct lg_who who = lg_who_of(lifeguard, rq->arena, rq->principal, tl_clock_wall_us(), manner->pii);
    enum tl_code code = TL_OK;
    lg_saw(lifeguard, rq->principal, who.now_us); /* also who is denied: "why can't I" is about them */
    if (manner->raw_reason)
        code = decide_raw(rq, lifeguard, manner->raw_reason, needs, clearance);
    else
        code = decide_all(rq, lifeguard, snapshot, &who, needs, clearance);
    if (code != TL_OK)
        return code;
    make_name(rq->arena, clearance);
    *ret_clearance = clearance;
    return TL_OK;
}

void tl_lifeguard_visible(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_access_need *need, bool *ret_visible)
{
    struct lg_decision decision;
    memset(ret_visible, 0, need->column_count * sizeof *ret_visible);
    if (!rq->principal || lg_is_broken(lifeguard))
        return;
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    struct lg_who who = lg_who_of(lifeguard, rq->arena, rq->principal, tl_clock_wall_us(), false);
    lg_decide(lifeguard, snapshot, rq->arena, &who, need, &decision);
    for (size_t i = 0; i < need->column_count; i++)
        ret_visible[i] = decision.columns[i].visible;
    lg_release(snapshot);
}

size_t tl_clearance_count(const tl_clearance *clearance)
{
    return clearance->count;
}

const struct tl_dataset_grant *tl_clearance_grant(const tl_clearance *clearance, size_t index)
{
    return index < clearance->count ? &clearance->grants[index] : NULL;
}

const char *tl_clearance_name(const tl_clearance *clearance)
{
    return clearance->name;
}

int64_t tl_clearance_version(const tl_clearance *clearance)
{
    return clearance->version;
}

bool tl_clearance_partial(const tl_clearance *clearance)
{
    bool partial = false;
    for (size_t i = 0; i < clearance->count && !partial; i++)
        partial = clearance->grants[i].partial;
    return partial;
}

bool tl_clearance_hides_rows(const tl_clearance *clearance)
{
    bool hides = false;
    for (size_t i = 0; i < clearance->count && !hides; i++)
        hides = clearance->grants[i].row_rule_count > 0;
    return hides;
}

bool tl_lifeguard_may_know(const struct tl_principal *principal, const char *source, const char *schema, const char *table)
{
    (void)source;
    (void)schema;
    (void)table;
    return principal != NULL;
}

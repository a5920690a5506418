/* What one caller may do with one dataset: from the snapshot alone. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lifeguard/lifeguard_int.h"

enum { RANKS = 3, RULES_MAX = 256, GRANTS_FIRST = 16 };

struct lg_who lg_who_of(const tl_lifeguard *lifeguard, tl_arena *arena, const struct tl_principal *principal, int64_t now_us, bool pii)
{
    struct lg_subject *subjects = TL_NEW_ARRAY(arena, struct lg_subject, principal->group_count + 2);
    size_t count = 0;
    subjects[count++] = lg_subject_of(lifeguard, LG_USER, principal->user);
    for (size_t i = 0; i < principal->group_count; i++)
        subjects[count++] = lg_subject_of(lifeguard, LG_GROUP, principal->groups[i]);
    subjects[count++] = lg_subject_of(lifeguard, LG_EVERYONE, "");
    return (struct lg_who){principal->user, count, subjects, now_us, pii};
}

bool lg_who_is(const struct lg_who *who, const struct lg_subject *subject)
{
    bool is = false;
    for (size_t i = 0; i < who->count && !is; i++)
        is = lg_same_subject(&who->subjects[i], subject);
    return is;
}

bool lg_reads(unsigned privileges)
{
    return (privileges & (TL_PRIVILEGE_READ | TL_PRIVILEGE_CLEAR | TL_PRIVILEGE_OWN)) != 0;
}

struct deciding {
    const tl_lifeguard *lifeguard;
    const struct lg_snapshot *snapshot;
    tl_arena *arena;
    const struct lg_who *who;
    const struct tl_access_need *need;
    struct lg_decision *out;
    size_t grant_capacity;
    int *levels; /* beside out->grants */
    bool of_columns; /* some grant is about columns or their tags */
};

/* --- what applies --- */

static void keep_grant(struct deciding *d, const struct lg_grant *grant, int level)
{
    struct lg_decision *out = d->out;
    if (out->grant_count >= LG_GRANTS_MAX && !grant->deny && !grant->has_mask)
        return; /* fewer of these open less */
    if (out->grant_count == d->grant_capacity) {
        size_t old = d->grant_capacity;
        d->grant_capacity = old ? 2 * old : GRANTS_FIRST;
        out->grants = tl_arena_grow(d->arena, out->grants, old * sizeof *out->grants, d->grant_capacity * sizeof *out->grants);
        d->levels = tl_arena_grow(d->arena, d->levels, old * sizeof *d->levels, d->grant_capacity * sizeof *d->levels);
    }
    d->levels[out->grant_count] = level;
    out->grants[out->grant_count++] = grant;
}

static void take_grant(struct deciding *d, const struct lg_grant *grant, int level)
{
    struct lg_decision *out = d->out;
    if (grant->start_us > d->who->now_us)
        return;
    if (grant->end_us <= d->who->now_us) {
        if (!grant->deny && (!out->ended || out->ended->end_us < grant->end_us))
            out->ended = grant;
        return;
    }
    keep_grant(d, grant, level);
    if (level == LG_AT_COLUMN || level == LG_AT_COLUMN_TAG) {
        d->of_columns = true;
    } else if (grant->deny) {
        out->deny |= grant->privileges;
        if (grant->privileges & TL_PRIVILEGE_READ)
            out->denied_by = out->denied_by ? out->denied_by : grant;
    } else {
        out->allow |= grant->privileges;
    }
}

static bool excepted(const struct lg_who *who, const struct lg_row_rule *row_rule)
{
    for (size_t i = 0; i < row_rule->except_count; i++)
        if (lg_who_is(who, &row_rule->except[i]))
            return true;
    return false;
}

/* More rules than there is room for: nothing can be shown, since each only takes away. */
static void take_rule(struct deciding *d, const struct lg_row_rule *row_rule)
{
    struct lg_decision *out = d->out;
    if (excepted(d->who, row_rule))
        return;
    for (size_t i = 0; i < out->rule_count; i++)
        if (out->rules[i] == row_rule)
            return;
    if (!out->rules)
        out->rules = TL_NEW_ARRAY(d->arena, const struct lg_row_rule *, RULES_MAX);
    if (out->rule_count < RULES_MAX)
        out->rules[out->rule_count++] = row_rule;
    else
        out->deny |= TL_PRIVILEGE_ALL;
}

static void look_up(struct deciding *d, const struct tl_grant_scope *scope, int level)
{
    struct lg_scope_key key;
    if (!lg_scope_key(d->lifeguard, scope, &key)) {
        d->out->deny |= TL_PRIVILEGE_ALL; /* a name that no rule can have */
        return;
    }
    if (!lg_has_scope(d->snapshot, key.hash))
        return;
    for (size_t i = 0; i < d->who->count; i++) {
        for (const struct lg_entry *entry = lg_entries(d->snapshot, key.hash, &d->who->subjects[i]); entry; entry = entry->next) {
            if (!lg_entry_is(entry, &key, &d->who->subjects[i]))
                continue;
            if (entry->item->kind == LG_GRANT)
                take_grant(d, &entry->item->grant, level);
            else
                take_rule(d, &entry->item->row_rule);
        }
    }
}

static void look_up_tags(struct deciding *d, size_t count, const char *const *tags, int level, const char **seen, size_t *seen_count)
{
    enum { SEEN_MAX = 64 };
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t k = 0; k < *seen_count && !known; k++)
            known = strcmp(seen[k], tags[i]) == 0;
        if (known)
            continue;
        if (*seen_count < SEEN_MAX)
            seen[(*seen_count)++] = tags[i];
        look_up(d, &(struct tl_grant_scope){.tag = tags[i]}, level);
    }
}

static void look_up_all(struct deciding *d)
{
    const struct tl_access_need *need = d->need;
    const struct lg_dataset *dataset = d->out->dataset;
    look_up(d, &(struct tl_grant_scope){0}, LG_AT_EVERYTHING);
    look_up(d, &(struct tl_grant_scope){.source = need->source}, LG_AT_SOURCE);
    look_up(d, &(struct tl_grant_scope){.source = need->source, .schema = need->schema}, LG_AT_SCHEMA);
    if (!need->table)
        return;
    look_up(d, &(struct tl_grant_scope){.source = need->source, .schema = need->schema, .table = need->table}, LG_AT_TABLE);
    look_up(d, &(struct tl_grant_scope){.source = need->source, .schema = need->schema, .table = need->table, .column = ""}, LG_AT_COLUMN);
    if (!dataset)
        return;
    const char *seen[64];
    size_t seen_count = 0;
    look_up_tags(d, dataset->tag_count, dataset->tags, LG_AT_TABLE_TAG, seen, &seen_count);
    seen_count = 0;
    for (size_t i = 0; i < dataset->column_count; i++)
        look_up_tags(d, dataset->columns[i].tag_count, dataset->columns[i].tags, LG_AT_COLUMN_TAG, seen, &seen_count);
}

/* --- one column --- */

static bool has_tag(const struct lg_column *column, const char *tag)
{
    for (size_t i = 0; column && i < column->tag_count; i++)
        if (strcmp(column->tags[i], tag) == 0)
            return true;
    return false;
}

static bool covers(const struct deciding *d, size_t grant, const char *name, const struct lg_column *column)
{
    const struct tl_grant_scope *scope = &d->out->grants[grant]->scope;
    if (d->levels[grant] == LG_AT_COLUMN)
        return strcmp(scope->column, name) == 0;
    return d->levels[grant] != LG_AT_COLUMN_TAG || has_tag(column, scope->tag);
}

/* What a grant says of a masked column: a mask of its own, or that it is shown.  false = nothing. */
static bool treatment(const struct lg_who *who, const struct lg_grant *grant, unsigned deny, struct tl_mask *ret_mask, enum lg_why *ret_why)
{
    if (grant->has_mask) {
        *ret_mask = grant->mask;
        *ret_why = LG_WHY_MASKED;
        return true;
    }
    unsigned held = grant->privileges & ~deny;
    bool clear = (held & TL_PRIVILEGE_CLEAR) != 0, pii = who->pii && (held & TL_PRIVILEGE_PII);
    *ret_mask = (struct tl_mask){.form = TL_MASK_NONE};
    *ret_why = clear ? LG_WHY_CLEAR : LG_WHY_PII;
    return clear || pii;
}

/* Deny has been dealt with: the most specific treatment wins, then a user's before a group's, then the stricter. */
static void mask_column(const struct deciding *d, const char *name, const struct lg_column *column, unsigned deny, struct lg_column_decision *out)
{
    int best = -1;
    out->why = LG_WHY_MASKED;
    out->mask = column->mask;
    for (size_t i = 0; i < d->out->grant_count; i++) {
        const struct lg_grant *grant = d->out->grants[i];
        struct tl_mask mask;
        enum lg_why why;
        if (grant->deny || !covers(d, i, name, column) || !treatment(d->who, grant, deny, &mask, &why))
            continue;
        int rank = d->levels[i] * RANKS + (int)grant->subject.kind;
        if (rank < best || (rank == best && mask.form >= out->mask.form))
            continue;
        best = rank;
        out->mask = mask;
        out->why = mask.form == TL_MASK_NONE && grant->has_mask ? LG_WHY_CLEAR : why;
        out->by = grant;
    }
}

static void privileges_on_column(const struct deciding *d, const char *name, const struct lg_column *column, unsigned *allow, unsigned *deny,
                                 const struct lg_grant **ret_by)
{
    for (size_t i = 0; i < d->out->grant_count; i++) {
        const struct lg_grant *grant = d->out->grants[i];
        bool here = d->levels[i] == LG_AT_COLUMN || d->levels[i] == LG_AT_COLUMN_TAG;
        if (!here || !covers(d, i, name, column))
            continue;
        *(grant->deny ? deny : allow) |= grant->privileges;
        if (grant->deny && (grant->privileges & TL_PRIVILEGE_READ))
            *ret_by = grant;
    }
}

static int by_name(const void *key, const void *column)
{
    return strcmp(key, ((const struct lg_column *)column)->name);
}

static const struct lg_column *find_column(const struct lg_dataset *dataset, const char *name)
{
    return dataset && dataset->column_count ? bsearch(name, dataset->columns, dataset->column_count, sizeof *dataset->columns, by_name) : NULL;
}

static void hide(struct lg_column_decision *out, enum lg_why why, const struct lg_grant *by)
{
    *out = (struct lg_column_decision){.mask = {.form = TL_MASK_NULL}, .why = why, .by = by};
}

static void decide_column(const struct deciding *d, const char *name, struct lg_column_decision *out)
{
    const struct lg_dataset *dataset = d->out->dataset;
    const struct lg_column *column = find_column(dataset, name);
    unsigned allow = d->out->allow, deny = d->out->deny;
    const struct lg_grant *denied_by = d->out->denied_by;
    enum lg_state state = column ? column->state : LG_PENDING;
    bool opened = d->lifeguard->open && !column && (!dataset || dataset->state != LG_DENIED);
    if (d->of_columns)
        privileges_on_column(d, name, column, &allow, &deny, &denied_by);
    if (deny & TL_PRIVILEGE_READ)
        return hide(out, LG_WHY_DENIED, denied_by);
    if (state == LG_DENIED || (dataset && dataset->state == LG_DENIED))
        return hide(out, LG_WHY_CLOSED, NULL);
    *out = (struct lg_column_decision){.visible = true, .mask = {.form = TL_MASK_NONE}, .why = LG_WHY_OPEN};
    if (d->out->made_it) {
        out->why = LG_WHY_MADE_IT;
        return;
    }
    if (!opened && (state == LG_PENDING || !dataset || dataset->state == LG_PENDING))
        return hide(out, LG_WHY_NOT_REVIEWED, NULL);
    if (opened)
        out->why = LG_WHY_DEFAULT_OPEN;
    else if (!lg_reads(allow & ~deny) && !d->lifeguard->open)
        return hide(out, LG_WHY_NO_GRANT, NULL);
    if (state == LG_MASKED)
        mask_column(d, name, column, deny, out);
}

/* --- the dataset --- */

static void gather(struct deciding *d)
{
    const struct tl_access_need *need = d->need;
    struct lg_decision *out = d->out;
    out->dataset = need->table ? lg_find_dataset(d->lifeguard, d->snapshot, need->source, need->schema, need->table) : NULL;
    out->made_it = out->dataset && tl_streq(out->dataset->creator, d->who->user);
    look_up_all(d);
    const struct lg_dataset *schema = lg_find_dataset(d->lifeguard, d->snapshot, need->source, need->schema, NULL);
    if (schema && tl_streq(schema->creator, d->who->user) && (need->access & (TL_ACCESS_CREATE | TL_ACCESS_DROP)))
        out->allow |= need->table ? TL_PRIVILEGE_WRITE : TL_PRIVILEGE_OWN;
    if (out->made_it)
        out->allow |= TL_PRIVILEGE_OWN;
    if (d->lifeguard->open)
        out->allow |= TL_PRIVILEGE_READ | TL_PRIVILEGE_WRITE | TL_PRIVILEGE_OWN;
}

void lg_decide(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, tl_arena *arena, const struct lg_who *who,
               const struct tl_access_need *need, struct lg_decision *ret_decision)
{
    *ret_decision = (struct lg_decision){0};
    struct deciding d = {.lifeguard = lifeguard, .snapshot = snapshot, .arena = arena, .who = who, .need = need, .out = ret_decision};
    gather(&d);
    ret_decision->columns = TL_NEW_ARRAY(arena, struct lg_column_decision, need->column_count);
    for (size_t i = 0; i < need->column_count; i++) {
        decide_column(&d, need->columns[i], &ret_decision->columns[i]);
        ret_decision->visible_count += ret_decision->columns[i].visible;
    }
}

unsigned lg_privileges_on(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, tl_arena *arena, const struct lg_who *who,
                          const struct tl_grant_scope *scope)
{
    struct lg_decision decision = {0};
    struct tl_access_need need = {.source = scope->source, .schema = scope->schema, .table = scope->table};
    struct deciding d = {.lifeguard = lifeguard, .snapshot = snapshot, .arena = arena, .who = who, .need = &need, .out = &decision};
    if (scope->tag)
        look_up(&d, scope, LG_AT_TABLE_TAG);
    look_up(&d, &(struct tl_grant_scope){0}, LG_AT_EVERYTHING);
    if (scope->source)
        look_up(&d, &(struct tl_grant_scope){.source = scope->source}, LG_AT_SOURCE);
    if (scope->schema)
        look_up(&d, &(struct tl_grant_scope){.source = scope->source, .schema = scope->schema}, LG_AT_SCHEMA);
    if (scope->table) {
        look_up(&d, &(struct tl_grant_scope){.source = scope->source, .schema = scope->schema, .table = scope->table}, LG_AT_TABLE);
        const struct lg_dataset *dataset = lg_find_dataset(lifeguard, snapshot, scope->source, scope->schema, scope->table);
        if (dataset && tl_streq(dataset->creator, who->user))
            decision.allow |= TL_PRIVILEGE_OWN;
    }
    if (lg_who_is(who, &(struct lg_subject){LG_GROUP, TL_GROUP_ADMIN, 0}))
        decision.allow |= TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_ADMIN;
    return decision.allow & ~decision.deny;
}

/* The rules in memory: a table of items, and for grants and row rules an index by scope and subject. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifeguard/lifeguard_int.h"

enum { SLOTS_MIN = 64, ARENA_BYTES_MAX = 1 << 30 };
static const unsigned governing = TL_PRIVILEGE_OWN | TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_ADMIN;
static const int64_t DAY_US = 86400LL * 1000000;

/* Stands where an item was: look-ups go on past it. */
static const struct lg_item ended = {.kind = LG_KINDS, .name = ""};

uint64_t lg_hash(const tl_lifeguard *lifeguard, const char *text, size_t size)
{
    uint64_t hash = tl_hash_keyed(lifeguard->key, text, size);
    return hash ? hash : 1; /* 0 means free in tables */
}

struct lg_subject lg_subject_of(const tl_lifeguard *lifeguard, enum lg_who_kind kind, const char *name)
{
    return (struct lg_subject){kind, name, lg_hash(lifeguard, name, strlen(name)) * 2654435761U + (uint64_t)kind};
}

bool lg_same_subject(const struct lg_subject *a, const struct lg_subject *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

struct lg_batch *lg_batch_new(size_t arena_bytes_max)
{
    struct lg_batch *batch = tl_heap_alloc(sizeof *batch);
    atomic_init(&batch->references, 1);
    batch->arena = tl_arena_new(arena_bytes_max);
    return batch;
}

void lg_batch_release(struct lg_batch *batch)
{
    if (!batch || atomic_fetch_sub(&batch->references, 1) != 1)
        return;
    tl_arena_free(batch->arena);
    free(batch);
}

const struct lg_snapshot *lg_acquire(tl_lifeguard *lifeguard)
{
    pthread_rwlock_rdlock(&lifeguard->lock);
    struct lg_snapshot *snapshot = lifeguard->current;
    atomic_fetch_add(&snapshot->references, 1);
    pthread_rwlock_unlock(&lifeguard->lock);
    return snapshot;
}

void lg_release(const struct lg_snapshot *held)
{
    struct lg_snapshot *snapshot = (struct lg_snapshot *)(uintptr_t)held;
    if (!snapshot || atomic_fetch_sub(&snapshot->references, 1) != 1)
        return;
    for (size_t i = 0; i < snapshot->batch_count; i++)
        lg_batch_release(snapshot->batches[i]);
    free(snapshot->batches);
    for (size_t i = 0; i < LG_TABLES; i++)
        free(snapshot->tables[i].slots);
    tl_arena_free(snapshot->arena);
    free(snapshot);
}

/* --- scopes --- */

static void put_part(struct lg_scope_key *key, size_t *at, const char *part)
{
    size_t size = strlen(part);
    if (*at + size + 1 >= LG_NAME_MAX) {
        *at = LG_NAME_MAX;
        return;
    }
    key->text[(*at)++] = LG_SEPARATOR[0];
    memcpy(key->text + *at, part, size);
    *at += size;
}

bool lg_scope_key(const tl_lifeguard *lifeguard, const struct tl_grant_scope *scope, struct lg_scope_key *ret_key)
{
    size_t at = 1;
    ret_key->text[0] = scope->tag ? 't' : scope->column ? 'c' : 's';
    const char *const parts[] = {scope->tag ? scope->tag : scope->source, scope->tag ? NULL : scope->schema, scope->table};
    for (size_t i = 0; i < 3 && parts[i] && at < LG_NAME_MAX; i++)
        put_part(ret_key, &at, parts[i]);
    if (at >= LG_NAME_MAX)
        return false;
    ret_key->text[at] = '\0';
    ret_key->hash = lg_hash(lifeguard, ret_key->text, at);
    return true;
}

void lg_quota_key(const tl_lifeguard *lifeguard, struct lg_scope_key *ret_key)
{
    ret_key->text[0] = 'q';
    ret_key->text[1] = '\0';
    ret_key->hash = lg_hash(lifeguard, ret_key->text, 1);
}

static int level_of(const struct tl_grant_scope *scope)
{
    if (scope->tag)
        return LG_AT_COLUMN_TAG; /* of a dataset's tag: decided where it is met */
    return scope->column   ? LG_AT_COLUMN
           : scope->table  ? LG_AT_TABLE
           : scope->schema ? LG_AT_SCHEMA
           : scope->source ? LG_AT_SOURCE
                           : LG_AT_EVERYTHING;
}

bool lg_has_scope(const struct lg_snapshot *snapshot, uint64_t scope_hash)
{
    for (uint64_t at = scope_hash; snapshot->scopes[at & (snapshot->scope_count - 1)]; at++)
        if (snapshot->scopes[at & (snapshot->scope_count - 1)] == scope_hash)
            return true;
    return false;
}

static size_t bucket_of(const struct lg_snapshot *snapshot, uint64_t scope_hash, uint64_t subject_hash)
{
    uint64_t mixed = (scope_hash ^ (subject_hash << 21 | subject_hash >> 43)) * 0x9E3779B97F4A7C15U;
    return (mixed >> 32) & (snapshot->bucket_count - 1);
}

const struct lg_entry *lg_entries(const struct lg_snapshot *snapshot, uint64_t scope_hash, const struct lg_subject *subject)
{
    return snapshot->buckets[bucket_of(snapshot, scope_hash, subject->hash)];
}

const struct lg_entry *lg_giving_entries(const struct lg_snapshot *snapshot, uint64_t scope_hash, unsigned privileges, enum lg_giving *ret_giving)
{
    *ret_giving = privileges & ~governing ? LG_GIVES : LG_GOVERNS;
    return snapshot->giving_buckets[*ret_giving][scope_hash & (snapshot->bucket_count - 1)];
}

bool lg_entry_is(const struct lg_entry *entry, const struct lg_scope_key *scope, const struct lg_subject *subject)
{
    return entry->scope_hash == scope->hash && entry->subject->hash == subject->hash && lg_same_subject(entry->subject, subject) &&
           strcmp(entry->scope, scope->text) == 0;
}

/* --- the table of items --- */

static uint64_t item_hash(const tl_lifeguard *lifeguard, enum lg_kind kind, const char *name)
{
    return lg_hash(lifeguard, name, strlen(name)) * LG_KINDS + (uint64_t)kind;
}

static size_t table_of(enum lg_kind kind)
{
    return kind == LG_DATASET ? LG_TABLE_DATASETS : LG_TABLE_OTHERS;
}

static const struct lg_item **find_slot(const struct lg_snapshot *snapshot, enum lg_kind kind, const char *name, uint64_t hash)
{
    const struct lg_table *table = &snapshot->tables[table_of(kind)];
    for (uint64_t at = hash;; at++) {
        const struct lg_item **slot = &table->slots[at & (table->slot_count - 1)];
        if (!*slot || ((*slot)->hash == hash && (*slot)->kind == kind && strcmp((*slot)->name, name) == 0))
            return slot;
    }
}

const struct lg_item *lg_find(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, enum lg_kind kind, const char *name)
{
    return *find_slot(snapshot, kind, name, item_hash(lifeguard, kind, name));
}

const struct lg_dataset *lg_find_dataset(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const char *source,
                                         const char *schema, const char *table)
{
    char name[LG_NAME_MAX];
    int size = snprintf(name, sizeof name, "%s" LG_SEPARATOR "%s" LG_SEPARATOR "%s", source, schema ? schema : "", table ? table : "");
    const struct lg_item *item = size > 0 && size < LG_NAME_MAX ? lg_find(lifeguard, snapshot, LG_DATASET, name) : NULL;
    return item ? &item->dataset : NULL;
}

void lg_each(const struct lg_snapshot *snapshot, enum lg_kind kind, void (*each)(void *context, const struct lg_item *item), void *context)
{
    const struct lg_table *table = &snapshot->tables[table_of(kind)];
    for (size_t i = 0; i < table->slot_count; i++)
        if (table->slots[i] && table->slots[i]->kind == kind)
            each(context, table->slots[i]);
}

static void make_table(struct lg_table *table, size_t items)
{
    table->slot_count = SLOTS_MIN;
    while (table->slot_count < 2 * items + SLOTS_MIN)
        table->slot_count *= 2;
    table->slots = tl_heap_alloc(table->slot_count * sizeof(const struct lg_item *));
    table->used = 0;
}

static void put_item(struct lg_snapshot *snapshot, const struct lg_item *item)
{
    const struct lg_item **slot = find_slot(snapshot, item->kind, item->name, item->hash);
    snapshot->tables[table_of(item->kind)].used += *slot == NULL;
    snapshot->counts[item->kind] += *slot == NULL;
    *slot = item;
}

static void end_item(struct lg_snapshot *snapshot, enum lg_kind kind, const char *name, uint64_t hash)
{
    const struct lg_item **slot = find_slot(snapshot, kind, name, hash);
    if (!*slot)
        return;
    snapshot->counts[kind]--;
    *slot = &ended;
}

/* --- the index --- */

static void note_scope(struct lg_snapshot *snapshot, uint64_t hash)
{
    uint64_t at = hash;
    while (snapshot->scopes[at & (snapshot->scope_count - 1)] && snapshot->scopes[at & (snapshot->scope_count - 1)] != hash)
        at++;
    snapshot->scopes[at & (snapshot->scope_count - 1)] = hash;
}

struct indexing {
    const tl_lifeguard *lifeguard;
    struct lg_snapshot *snapshot;
};

static void index_item(void *context, const struct lg_item *item)
{
    struct indexing *indexing = context;
    struct lg_snapshot *snapshot = indexing->snapshot;
    bool quota = item->kind == LG_QUOTA;
    const struct tl_grant_scope *scope = item->kind == LG_GRANT ? &item->grant.scope : &item->row_rule.scope;
    const struct lg_subject *subject = quota ? &item->quota.subject : item->kind == LG_GRANT ? &item->grant.subject : &item->row_rule.subject;
    struct lg_scope_key key;
    if (quota)
        lg_quota_key(indexing->lifeguard, &key);
    else if (!lg_scope_key(indexing->lifeguard, scope, &key))
        return; /* no dataset has such a name either */
    struct lg_entry *entry = TL_NEW(snapshot->arena, struct lg_entry);
    size_t bucket = bucket_of(snapshot, key.hash, subject->hash);
    unsigned gives = item->kind == LG_GRANT && !item->grant.deny ? item->grant.privileges : 0;
    *entry = (struct lg_entry){.next = snapshot->buckets[bucket], .scope_hash = key.hash, .gives = gives,
                               .scope = tl_arena_strdup(snapshot->arena, key.text), .subject = subject, .item = item};
    snapshot->buckets[bucket] = entry;
    for (int giving = 0; giving < LG_GIVINGS; giving++) {
        const struct lg_entry **first = &snapshot->giving_buckets[giving][key.hash & (snapshot->bucket_count - 1)];
        if (!(gives & (giving == LG_GIVES ? (unsigned)TL_PRIVILEGE_ALL : governing)))
            continue;
        entry->next_giving[giving] = *first;
        *first = entry;
    }
    note_scope(snapshot, key.hash);
}

static void take_limits(void *context, const struct lg_item *item)
{
    ((struct lg_snapshot *)context)->limits = item->limits;
}

static void make_index(const tl_lifeguard *lifeguard, struct lg_snapshot *snapshot)
{
    size_t entries = snapshot->counts[LG_GRANT] + snapshot->counts[LG_ROW_RULE] + snapshot->counts[LG_QUOTA];
    snapshot->bucket_count = snapshot->scope_count = SLOTS_MIN;
    while (snapshot->bucket_count < 2 * entries)
        snapshot->bucket_count *= 2;
    snapshot->scope_count = 2 * snapshot->bucket_count;
    snapshot->buckets = TL_NEW_ARRAY(snapshot->arena, const struct lg_entry *, snapshot->bucket_count);
    for (int giving = 0; giving < LG_GIVINGS; giving++)
        snapshot->giving_buckets[giving] = TL_NEW_ARRAY(snapshot->arena, const struct lg_entry *, snapshot->bucket_count);
    snapshot->scopes = TL_NEW_ARRAY(snapshot->arena, uint64_t, snapshot->scope_count);
    struct indexing indexing = {lifeguard, snapshot};
    lg_each(snapshot, LG_GRANT, index_item, &indexing);
    lg_each(snapshot, LG_ROW_RULE, index_item, &indexing);
    lg_each(snapshot, LG_QUOTA, index_item, &indexing);
    snapshot->limits = (struct lg_limits){{3650 * DAY_US, 365 * DAY_US, 90 * DAY_US, 30 * DAY_US}};
    lg_each(snapshot, LG_LIMITS, take_limits, snapshot);
}

/* Hashes of an item and its subjects, once, before anybody sees it. */
static void prepare(const tl_lifeguard *lifeguard, struct lg_item *item)
{
    item->hash = item_hash(lifeguard, item->kind, item->name);
    if (item->kind == LG_GRANT) {
        item->grant.subject = lg_subject_of(lifeguard, item->grant.subject.kind, item->grant.subject.name);
        item->grant.level = level_of(&item->grant.scope);
    } else if (item->kind == LG_ROW_RULE) {
        item->row_rule.subject = lg_subject_of(lifeguard, item->row_rule.subject.kind, item->row_rule.subject.name);
    } else if (item->kind == LG_QUOTA) {
        item->quota.subject = lg_subject_of(lifeguard, item->quota.subject.kind, item->quota.subject.name);
    }
}

static struct lg_snapshot *start(int64_t version, size_t batches)
{
    struct lg_snapshot *snapshot = tl_heap_alloc(sizeof *snapshot);
    atomic_init(&snapshot->references, 1);
    snapshot->version = version;
    snapshot->arena = tl_arena_new(ARENA_BYTES_MAX);
    snapshot->batches = tl_heap_alloc(batches * sizeof(struct lg_batch *));
    snapshot->batch_count = batches;
    return snapshot;
}

struct lg_snapshot *lg_snapshot_new(const tl_lifeguard *lifeguard, int64_t version, struct lg_batch *batch, struct lg_item *const *items, size_t count)
{
    struct lg_snapshot *snapshot = start(version, 1);
    snapshot->batches[0] = batch;
    for (size_t i = 0; i < LG_TABLES; i++)
        make_table(&snapshot->tables[i], count);
    for (size_t i = 0; i < count; i++) {
        prepare(lifeguard, items[i]);
        put_item(snapshot, items[i]);
    }
    make_index(lifeguard, snapshot);
    return snapshot;
}

static void copy_table(struct lg_snapshot *snapshot, const struct lg_snapshot *old, size_t index, size_t more)
{
    const struct lg_table *from = &old->tables[index];
    struct lg_table *table = &snapshot->tables[index];
    if (2 * (from->used + more) < from->slot_count) {
        *table = *from;
        table->slots = tl_heap_alloc(from->slot_count * sizeof(const struct lg_item *));
        memcpy(table->slots, from->slots, from->slot_count * sizeof(const struct lg_item *));
        return;
    }
    make_table(table, from->used + more);
    for (size_t i = 0; i < from->slot_count; i++)
        if (from->slots[i] && from->slots[i] != &ended) {
            snapshot->counts[from->slots[i]->kind]--; /* put_item counts it again */
            put_item(snapshot, from->slots[i]);
        }
}

struct lg_snapshot *lg_snapshot_with(const tl_lifeguard *lifeguard, const struct lg_snapshot *old, int64_t version, struct lg_batch *batch,
                                     const struct lg_change *changes, struct lg_item *const *items, size_t count)
{
    struct lg_snapshot *snapshot = start(version, old->batch_count + 1);
    for (size_t i = 0; i < old->batch_count; i++) {
        snapshot->batches[i] = old->batches[i];
        atomic_fetch_add(&old->batches[i]->references, 1);
    }
    snapshot->batches[old->batch_count] = batch;
    memcpy(snapshot->counts, old->counts, sizeof snapshot->counts);
    for (size_t i = 0; i < LG_TABLES; i++)
        copy_table(snapshot, old, i, count);
    for (size_t i = 0; i < count; i++) {
        if (!items[i]) {
            end_item(snapshot, changes[i].kind, changes[i].name, item_hash(lifeguard, changes[i].kind, changes[i].name));
            continue;
        }
        prepare(lifeguard, items[i]);
        put_item(snapshot, items[i]);
    }
    make_index(lifeguard, snapshot);
    return snapshot;
}

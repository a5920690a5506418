/* What readers see: listings shared by reference, snapshots swapped whole. */
#include <stdlib.h>
#include <string.h>

#include "source/registry_int.h"

/* --- listings --- */

static int by_schema_and_name(const void *a, const void *b)
{
    const struct tl_source_dataset *x = a, *y = b;
    int order = strcmp(x->schema, y->schema);
    return order ? order : strcmp(x->name, y->name);
}

struct tl_registry_listing *tl_registry_listing_new(tl_arena *arena, struct tl_source_dataset *datasets, size_t count, int64_t listed_at_us)
{
    struct tl_registry_listing *listing = tl_heap_alloc(sizeof *listing);
    if (count > 1)
        qsort(datasets, count, sizeof *datasets, by_schema_and_name);
    const char **schemas = TL_NEW_ARRAY(arena, const char *, count);
    size_t schema_count = 0;
    for (size_t i = 0; i < count; i++)
        if (schema_count == 0 || strcmp(schemas[schema_count - 1], datasets[i].schema) != 0)
            schemas[schema_count++] = datasets[i].schema;
    atomic_init(&listing->references, 1);
    listing->arena = arena;
    listing->datasets = datasets;
    listing->dataset_count = count;
    listing->schemas = schemas;
    listing->schema_count = schema_count;
    listing->listed_at_us = listed_at_us;
    return listing;
}

struct tl_registry_listing *tl_registry_listing_ref(struct tl_registry_listing *listing)
{
    if (listing)
        atomic_fetch_add(&listing->references, 1);
    return listing;
}

void tl_registry_listing_unref(struct tl_registry_listing *listing)
{
    if (listing && atomic_fetch_sub(&listing->references, 1) == 1) {
        tl_arena_free(listing->arena);
        free(listing);
    }
}

/* --- snapshots --- */

static void fill_source(tl_arena *arena, const struct tl_registry_entry *entry, struct tl_registry_source *source)
{
    const struct tl_registry_listing *listing = entry->listing;
    *source = (struct tl_registry_source){
        .name = tl_arena_strdup(arena, entry->name),
        .kind = tl_arena_strdup(arena, entry->kind),
        .comment = tl_arena_strdup(arena, entry->comment),
        .origin = tl_arena_strdup(arena, entry->origin),
        .writable = entry->writable,
        .state = entry->state,
        .failure = entry->failure[0] ? tl_arena_strdup(arena, entry->failure) : NULL,
        .failure_hint = entry->failure_hint[0] ? tl_arena_strdup(arena, entry->failure_hint) : NULL,
    };
    if (listing) {
        source->listed_at_us = listing->listed_at_us;
        source->dataset_count = listing->dataset_count;
        source->datasets = listing->datasets;
        source->schema_count = listing->schema_count;
        source->schemas = listing->schemas;
    }
}

void tl_registry_publish(tl_registry *registry)
{
    tl_registry_snapshot *snapshot = tl_heap_alloc(sizeof *snapshot);
    atomic_init(&snapshot->references, 1);
    snapshot->arena = tl_arena_new(TL_REGISTRY_ARENA_BYTES_MAX);
    snapshot->count = registry->entry_count;
    snapshot->sources = TL_NEW_ARRAY(snapshot->arena, struct tl_registry_source, registry->entry_count);
    snapshot->listings = TL_NEW_ARRAY(snapshot->arena, struct tl_registry_listing *, registry->entry_count);
    for (size_t i = 0; i < registry->entry_count; i++) {
        fill_source(snapshot->arena, registry->entries[i], &snapshot->sources[i]);
        snapshot->listings[i] = tl_registry_listing_ref(registry->entries[i]->listing);
    }
    const tl_registry_snapshot *old = registry->current;
    registry->current = snapshot;
    pthread_cond_broadcast(&registry->changed);
    tl_registry_release(old);
}

const tl_registry_snapshot *tl_registry_acquire(tl_registry *registry)
{
    pthread_mutex_lock(&registry->lock);
    tl_registry_snapshot *snapshot = registry->current;
    atomic_fetch_add(&snapshot->references, 1);
    pthread_mutex_unlock(&registry->lock);
    return snapshot;
}

void tl_registry_release(const tl_registry_snapshot *snapshot)
{
    tl_registry_snapshot *own = (tl_registry_snapshot *)(uintptr_t)snapshot; /* readers have no need to write; the count does */
    if (!own || atomic_fetch_sub(&own->references, 1) != 1)
        return;
    for (size_t i = 0; i < own->count; i++)
        tl_registry_listing_unref(own->listings[i]);
    tl_arena_free(own->arena);
    free(own);
}

size_t tl_snapshot_sources(const tl_registry_snapshot *snapshot, const struct tl_registry_source **ret_sources)
{
    *ret_sources = snapshot->sources;
    return snapshot->count;
}

const struct tl_registry_source *tl_snapshot_source(const tl_registry_snapshot *snapshot, const char *name)
{
    const struct tl_registry_source *folded = NULL;
    size_t folded_count = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        if (strcmp(snapshot->sources[i].name, name) == 0)
            return &snapshot->sources[i];
        if (tl_streq_nocase(snapshot->sources[i].name, name)) {
            folded = &snapshot->sources[i];
            folded_count++;
        }
    }
    return folded_count == 1 ? folded : NULL;
}

const struct tl_source_dataset *tl_snapshot_dataset(const tl_registry_snapshot *snapshot, const char *source_name, const char *schema,
                                                    const char *name)
{
    const struct tl_registry_source *source = tl_snapshot_source(snapshot, source_name);
    if (!source || source->dataset_count == 0)
        return NULL;
    struct tl_source_dataset key = {.schema = schema, .name = name};
    const struct tl_source_dataset *exact = bsearch(&key, source->datasets, source->dataset_count, sizeof key, by_schema_and_name);
    if (exact)
        return exact;
    const struct tl_source_dataset *folded = NULL;
    for (size_t i = 0; i < source->dataset_count; i++) {
        const struct tl_source_dataset *dataset = &source->datasets[i];
        if (!tl_streq_nocase(dataset->name, name) || !tl_streq_nocase(dataset->schema, schema))
            continue;
        if (folded)
            return NULL; /* ambiguous: only the exact spelling says which */
        folded = dataset;
    }
    return folded;
}

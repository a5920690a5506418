/* Which files are put together. */
#include "lake/rewrite.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES_MAX = 16 * 1024 * 1024 };

struct candidate {
    struct tl_str key; /* spec and partition */
    size_t file;
    int64_t bytes;
};

static struct tl_str key_of(tl_arena *arena, const struct tl_lake_table *table, const struct tl_lake_planned *planned, struct tl_buf *key)
{
    const struct tl_lake_spec *spec = planned->spec;
    struct tl_lake_type *types = TL_NEW_ARRAY(arena, struct tl_lake_type, spec->count + 1);
    tl_lake_spec_types(spec, table->schemas, table->schema_count, types);
    struct tl_str bytes = tl_lake_partition_key(key, spec, types, planned->file.partition);
    return (struct tl_str){tl_arena_strndup(arena, bytes.data, bytes.size), bytes.size};
}

static int by_key(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order = tl_lake_compare_bytes(x->key, y->key);
    return order ? order : (x->file > y->file) - (x->file < y->file);
}

struct packing {
    tl_arena *arena;
    const struct tl_lake_plan *plan;
    const struct tl_lake_rewrite_options *options;
    struct tl_lake_rewrite_group *groups;
    size_t count, capacity;
};

/* A bin that is not worth it is opened again for the next files of the partition, or given up. */
static bool is_worth_it(const struct packing *packing, const struct tl_lake_rewrite_group *group)
{
    return group->has_deletes || group->count >= packing->options->least_files;
}

static struct tl_lake_rewrite_group *open_group(struct packing *packing, const struct tl_lake_planned *first, size_t files_max)
{
    if (packing->count == packing->capacity) {
        size_t capacity = packing->capacity ? 2 * packing->capacity : 64;
        packing->groups = tl_arena_grow(packing->arena, packing->groups, packing->capacity * sizeof *packing->groups,
                                        capacity * sizeof *packing->groups);
        packing->capacity = capacity;
    }
    struct tl_lake_rewrite_group *group = &packing->groups[packing->count++];
    *group = (struct tl_lake_rewrite_group){.spec = first->spec, .partition = first->file.partition,
                                            .files = TL_NEW_ARRAY(packing->arena, size_t, files_max)};
    return group;
}

/* One partition's candidates, in their order, into bins. */
static void pack(struct packing *packing, const struct candidate *candidates, size_t count)
{
    struct tl_lake_rewrite_group *group = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct tl_lake_planned *planned = &packing->plan->files[candidates[i].file];
        if (group && group->bytes + candidates[i].bytes > packing->options->target_bytes) {
            packing->count -= !is_worth_it(packing, group);
            group = NULL;
        }
        if (!group)
            group = open_group(packing, planned, count - i);
        group->files[group->count++] = candidates[i].file;
        group->bytes += candidates[i].bytes;
        group->records += planned->file.record_count;
        group->has_deletes = group->has_deletes || planned->delete_count > 0;
    }
    if (group)
        packing->count -= !is_worth_it(packing, group);
}

enum tl_code tl_lake_rewrite_choose(tl_arena *arena, const struct tl_lake_table *table, const struct tl_lake_plan *plan,
                                    const struct tl_lake_rewrite_options *options, struct tl_lake_rewrite_group **ret_groups, size_t *ret_count,
                                    struct tl_err *err)
{
    struct candidate *candidates = TL_NEW_ARRAY(arena, struct candidate, plan->count + 1);
    struct packing packing = {.arena = arena, .plan = plan, .options = options};
    struct tl_buf key;
    size_t count = 0;
    tl_buf_init(&key, KEY_BYTES_MAX);
    for (size_t i = 0; i < plan->count; i++) {
        const struct tl_lake_planned *planned = &plan->files[i];
        if (planned->file.size_bytes < options->small_bytes || planned->delete_count > 0)
            candidates[count++] = (struct candidate){key_of(arena, table, planned, &key), i, planned->file.size_bytes};
    }
    bool failed = key.failed;
    tl_buf_done(&key);
    if (failed)
        return tl_err_set(err, TL_TOO_LARGE, "a partition's values are larger than %d bytes", KEY_BYTES_MAX);
    if (count)
        qsort(candidates, count, sizeof *candidates, by_key);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && tl_str_equal(candidates[end].key, candidates[first].key); end++) {
        }
        pack(&packing, candidates + first, end - first);
    }
    *ret_groups = packing.groups;
    *ret_count = packing.count < TL_LAKE_REWRITE_GROUPS_MAX ? packing.count : TL_LAKE_REWRITE_GROUPS_MAX; /* the rest another time */
    return TL_OK;
}

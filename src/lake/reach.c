/* Which files a table's snapshots need. */
#include "lake/reach_int.h"

#include <string.h>

#include "base/hash.h"
#include "lake/lake_int.h"
#include "lake/upkeep.h"

enum { MANIFEST_ARENA_BYTES = 1024 * 1024 * 1024 };

struct tl_str reach_key(struct tl_str location)
{
    const char *colon = memchr(location.data, ':', location.size);
    size_t at = colon ? (size_t)(colon - location.data) + 1 : 0;
    while (at < location.size && location.data[at] == '/')
        at++;
    return (struct tl_str){location.data + at, location.size - at};
}

/* Where the key is, or would be. */
static size_t place_of(const struct tl_str *items, size_t capacity, struct tl_str key)
{
    static const uint64_t hash_key[2] = {0x746f776e6c616b65, 0x7265616368}; /* who chooses his files' names slows down his own job alone */
    size_t at = tl_hash_keyed(hash_key, key.data, key.size) & (capacity - 1);
    while (items[at].data && !tl_str_equal(items[at], key))
        at = (at + 1) & (capacity - 1);
    return at;
}

static void grow(struct reach_set *set)
{
    size_t capacity = set->capacity ? 2 * set->capacity : 256;
    struct tl_str *items = TL_NEW_ARRAY(set->arena, struct tl_str, capacity);
    for (size_t i = 0; i < set->capacity; i++)
        if (set->items[i].data)
            items[place_of(items, capacity, set->items[i])] = set->items[i];
    set->items = items;
    set->capacity = capacity;
}

enum tl_code reach_add(struct reach_set *set, struct tl_str location, struct tl_err *err)
{
    struct tl_str key = reach_key(location);
    if (set->count == TL_LAKE_UPKEEP_FILES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the table has more than %d files", TL_LAKE_UPKEEP_FILES_MAX);
    if (2 * set->count >= set->capacity)
        grow(set);
    size_t at = place_of(set->items, set->capacity, key);
    if (set->items[at].data)
        return TL_OK;
    set->items[at] = (struct tl_str){tl_arena_strndup(set->arena, key.data, key.size), key.size};
    set->count++;
    return TL_OK;
}

bool reach_has(const struct reach_set *set, struct tl_str location)
{
    return set->count && set->items[place_of(set->items, set->capacity, reach_key(location))].data;
}

enum tl_code reach_manifests(tl_lake *lake, const struct tl_lake_snapshot *snapshot, struct reach_set *lists, struct reach_set *manifests,
                             struct tl_lake_manifest **ret_manifests, size_t *ret_count,
                             struct tl_err *err)
{
    if (snapshot->manifest_list && reach_add(lists, tl_str_of(snapshot->manifest_list), err) != TL_OK)
        return err->code;
    if (tl_lake_snapshot_manifests(lake->objects, manifests->arena, snapshot, ret_manifests, ret_count, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < *ret_count; i++)
        if (reach_add(manifests, (*ret_manifests)[i].path, err) != TL_OK)
            return err->code;
    return TL_OK;
}

enum tl_code reach_files(tl_lake *lake, const struct tl_lake_table *table, struct tl_lake_manifest *manifest, bool live_only,
                         struct reach_set *files, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(MANIFEST_ARENA_BYTES);
    struct tl_lake_manifest_reader reader;
    struct tl_lake_entry entry;
    bool more = true;
    if (tl_lake_table_manifest(lake->objects, arena, table, manifest, false, &reader, err) == TL_OK)
        while (more && tl_lake_manifest_next(&reader, arena, &entry, &more, err) == TL_OK)
            if (more && !(live_only && entry.status == TL_LAKE_DELETED) && reach_add(files, entry.file.path, err) != TL_OK)
                break;
    tl_arena_free(arena);
    return err->code;
}

enum tl_code reach_check_cancelled(const atomic_bool *cancelled, struct tl_err *err)
{
    return cancelled && atomic_load(cancelled) ? tl_err_set(err, TL_CANCELLED, "the job was cancelled") : TL_OK;
}

enum tl_code reach_snapshots(tl_lake *lake, const struct tl_lake_table *table, const bool *kept, const atomic_bool *cancelled,
                             struct reach_set *lists, struct reach_set *manifests, struct reach_set *files, struct tl_err *err)
{
    struct reach_set read = {.arena = files->arena}; /* manifests that several snapshots share are read once */
    for (size_t i = 0; i < table->snapshot_count; i++) {
        struct tl_lake_manifest *lines;
        size_t count;
        if (kept && !kept[i])
            continue;
        if (reach_check_cancelled(cancelled, err) != TL_OK ||
            reach_manifests(lake, &table->snapshots[i], lists, manifests, &lines, &count, err) != TL_OK)
            return err->code;
        for (size_t m = 0; m < count; m++) {
            if (reach_has(&read, lines[m].path))
                continue;
            if (reach_add(&read, lines[m].path, err) != TL_OK || reach_files(lake, table, &lines[m], true, files, err) != TL_OK)
                return err->code;
        }
    }
    return TL_OK;
}

struct neighbours {
    const char *location;
    int64_t found;
};

bool reach_is_below(struct tl_str inner, struct tl_str outer)
{
    return inner.size >= outer.size && memcmp(inner.data, outer.data, outer.size) == 0 &&
           (inner.size == outer.size || inner.data[outer.size] == '/');
}

static enum tl_code row_neighbour(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct neighbours *neighbours = context;
    struct tl_str location = reach_key(cells[0].bytes), own = reach_key(tl_str_of(neighbours->location));
    (void)count;
    (void)err;
    neighbours->found += reach_is_below(location, own) || reach_is_below(own, location);
    return TL_OK;
}

static enum tl_code run_neighbours(tl_store_tx *tx, void *context, struct tl_err *err)
{
    /* what was dropped can be had back for a while */
    return tl_store_run(tx, "SELECT location FROM lake_table UNION ALL SELECT location FROM lake_dropped WHERE purge <> 2", NULL, 0, row_neighbour,
                        context, err);
}

enum tl_code reach_check_alone(tl_lake *lake, const struct tl_lake_table *table, struct tl_err *err)
{
    struct neighbours neighbours = {.location = table->location};
    if (tl_store_read(lake->store, run_neighbours, &neighbours, err) != TL_OK)
        return err->code;
    if (neighbours.found <= 1) /* itself */
        return TL_OK;
    tl_err_set(err, TL_UNSUPPORTED, "the table shares its folder with another one, so none of its files can be deleted");
    tl_err_hint(err, "give each table a folder of its own");
    return TL_UNSUPPORTED;
}

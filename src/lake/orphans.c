/* Files that no snapshot needs: what writers left behind that failed, and what an interrupted expiry did not get to. */
#include "lake/upkeep.h"

#include <string.h>

#include "lake/lake_int.h"
#include "lake/reach_int.h"

struct search {
    tl_arena *arena;
    const struct tl_lake_upkeep *request;
    struct found {
        const char *location;
        int64_t size;
    } *items;
    size_t count, capacity;
    int64_t seen;
};

/* Those old enough; which of them are needed is asked after, of metadata that is younger than the listing. */
static enum tl_code note_old(void *context, const struct tl_object_info *info, struct tl_err *err)
{
    struct search *search = context;
    if (reach_check_cancelled(search->request->cancelled, err) != TL_OK)
        return err->code;
    search->seen++;
    if (info->modified_ms >= search->request->older_than_ms)
        return TL_OK;
    if (search->count == TL_LAKE_UPKEEP_FILES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the folder of the table has more than %d files", TL_LAKE_UPKEEP_FILES_MAX);
    if (search->count == search->capacity) {
        size_t capacity = search->capacity ? 2 * search->capacity : 256;
        search->items = tl_arena_grow(search->arena, search->items, search->capacity * sizeof *search->items, capacity * sizeof *search->items);
        search->capacity = capacity;
    }
    search->items[search->count++] = (struct found){tl_arena_strdup(search->arena, info->location), info->size};
    return TL_OK;
}

/* "statistics-path" of each of the metadata's statistics. */
static enum tl_code add_statistics(const struct tl_lake_list *list, struct reach_set *live, struct tl_err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *path = tl_json_get_text(list->items[i], "statistics-path");
        if (path && reach_add(live, tl_str_of(path), err) != TL_OK)
            return err->code;
    }
    return TL_OK;
}

static enum tl_code add_metadata(const struct tl_lake_table *table, struct reach_set *live, struct tl_err *err)
{
    const struct tl_lake_metadata *metadata = table->metadata;
    if (reach_add(live, tl_str_of(table->metadata_location), err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < metadata->metadata_log.count; i++) {
        const char *path = tl_json_get_text(metadata->metadata_log.items[i], "metadata-file");
        if (path && reach_add(live, tl_str_of(path), err) != TL_OK)
            return err->code;
    }
    return add_statistics(&metadata->statistics, live, err) == TL_OK ? add_statistics(&metadata->partition_statistics, live, err) : err->code;
}

/* Hadoop's tables keep the number of their newest metadata in this file. */
static bool is_hint(const char *location)
{
    const char *name = strrchr(location, '/');
    return name && strcmp(name + 1, "version-hint.text") == 0;
}

enum tl_code tl_lake_orphans(tl_lake *lake, tl_arena *arena, const struct tl_lake_upkeep *request, struct tl_lake_upkeep_result *ret_result,
                             struct tl_err *err)
{
    struct tl_lake_table table;
    struct search search = {.arena = arena, .request = request};
    struct reach_set live = {.arena = arena};
    *ret_result = (struct tl_lake_upkeep_result){0};
    if (tl_lake_table_load(lake, arena, request->schema, request->name, &table, err) != TL_OK || reach_check_alone(lake, &table, err) != TL_OK ||
        tl_objects_list(lake->objects, table.location, note_old, &search, err) != TL_OK ||
        tl_lake_table_load(lake, arena, request->schema, request->name, &table, err) != TL_OK || add_metadata(&table, &live, err) != TL_OK ||
        reach_snapshots(lake, &table, NULL, request->cancelled, &live, &live, &live, err) != TL_OK)
        return err->code;
    ret_result->files_seen = search.seen;
    for (size_t i = 0; i < search.count; i++) {
        if (reach_has(&live, tl_str_of(search.items[i].location)) || is_hint(search.items[i].location))
            continue;
        ret_result->files_removed++;
        ret_result->bytes_removed += search.items[i].size;
        if (request->dry_run)
            continue;
        if (reach_check_cancelled(request->cancelled, err) != TL_OK || tl_objects_remove(lake->objects, search.items[i].location, err) != TL_OK)
            return err->code;
    }
    return TL_OK;
}

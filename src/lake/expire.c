/* Expiry of snapshots, and going back to one. */
#include "lake/upkeep.h"

#include <string.h>

#include "base/clock.h"
#include "lake/describe.h"
#include "lake/lake_int.h"
#include "lake/reach_int.h"

enum { COMMIT_ATTEMPTS = 5, BODY_BYTES_MAX = TL_LAKE_BODY_BYTES_MAX };

/* --- what stays --- */

struct choice {
    const struct tl_lake_table *table;
    const struct tl_lake_upkeep *request;
    int64_t now_ms;
    bool *kept;      /* per snapshot */
    bool *ref_ended; /* per reference */
};

static size_t index_of(const struct tl_lake_table *table, int64_t id)
{
    const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(table, id);
    return snapshot ? (size_t)(snapshot - table->snapshots) : SIZE_MAX;
}

/* A branch keeps its head, its last few, and those not old enough; a rule of its own goes before the request's. */
static void keep_branch(struct choice *choice, const struct tl_lake_ref *ref)
{
    const struct tl_lake_table *table = choice->table;
    int64_t least = choice->request->retain_last < 1 ? 1 : choice->request->retain_last;
    int64_t older_than_ms = choice->request->older_than_ms;
    if (ref->min_snapshots_to_keep > 0)
        least = ref->min_snapshots_to_keep;
    if (ref->max_snapshot_age_ms >= 0)
        older_than_ms = choice->now_ms - ref->max_snapshot_age_ms;
    size_t at = index_of(table, ref->snapshot_id);
    for (size_t steps = 0; at != SIZE_MAX && steps < table->snapshot_count; steps++) {
        bool stays = (int64_t)steps < least || table->snapshots[at].timestamp_ms >= older_than_ms;
        choice->kept[at] = choice->kept[at] || stays;
        at = index_of(table, table->snapshots[at].parent_id);
    }
}

static bool has_ended(const struct choice *choice, const struct tl_lake_ref *ref)
{
    const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(choice->table, ref->snapshot_id);
    return strcmp(ref->name, "main") != 0 && ref->max_ref_age_ms >= 0 && snapshot &&
           choice->now_ms - snapshot->timestamp_ms > ref->max_ref_age_ms;
}

static void choose(struct choice *choice)
{
    const struct tl_lake_table *table = choice->table;
    for (size_t i = 0; i < table->ref_count; i++) {
        size_t at = index_of(table, table->refs[i].snapshot_id);
        choice->ref_ended[i] = has_ended(choice, &table->refs[i]);
        if (choice->ref_ended[i] || at == SIZE_MAX)
            continue;
        if (table->refs[i].is_tag)
            choice->kept[at] = true;
        else
            keep_branch(choice, &table->refs[i]);
    }
    /* what nobody refers to, as after a rollback, has its time too */
    for (size_t i = 0; i < table->snapshot_count; i++)
        choice->kept[i] = choice->kept[i] || table->snapshots[i].timestamp_ms >= choice->request->older_than_ms;
}

/* --- the commit --- */

static void put_uuid(struct tl_json_writer *json, const char *uuid)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "assert-table-uuid");
    tl_json_pair_text(json, "uuid", uuid);
    tl_json_end_object(json);
}

/* Every reference is where it was when the choice was made. */
static void put_requirements(struct tl_json_writer *json, const struct tl_lake_table *table)
{
    tl_json_begin_array(json);
    put_uuid(json, table->uuid);
    for (size_t i = 0; i < table->ref_count; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "type", "assert-ref-snapshot-id");
        tl_json_pair_text(json, "ref", table->refs[i].name);
        tl_json_pair_int64(json, "snapshot-id", table->refs[i].snapshot_id);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

static void put_removals(struct tl_json_writer *json, const struct choice *choice)
{
    tl_json_begin_array(json);
    for (size_t i = 0; i < choice->table->ref_count; i++)
        if (choice->ref_ended[i]) {
            tl_json_begin_object(json);
            tl_json_pair_text(json, "action", "remove-snapshot-ref");
            tl_json_pair_text(json, "ref-name", choice->table->refs[i].name);
            tl_json_end_object(json);
        }
    tl_json_begin_object(json);
    tl_json_pair_text(json, "action", "remove-snapshots");
    tl_json_key(json, "snapshot-ids");
    tl_json_begin_array(json);
    for (size_t i = 0; i < choice->table->snapshot_count; i++)
        if (!choice->kept[i])
            tl_json_put_int64(json, choice->table->snapshots[i].id);
    tl_json_end_array(json);
    tl_json_end_object(json);
    tl_json_end_array(json);
}

enum tl_code tl_lake_commit_to(tl_lake *lake, tl_arena *arena, const char *schema, const char *name, struct tl_buf *requirements,
                               struct tl_buf *updates, struct tl_err *err)
{
    struct tl_lake_table_change change = {.namespace_name = tl_lake_undotted(arena, schema), .name = name};
    if (tl_lake_json_from(arena, requirements, &change.requirements, err) != TL_OK ||
        tl_lake_json_from(arena, updates, &change.updates, err) != TL_OK)
        return err->code;
    return tl_lake_commit(lake, arena, &change, 1, err);
}

static enum tl_code commit(tl_lake *lake, tl_arena *arena, const struct choice *choice, struct tl_err *err)
{
    struct tl_buf requirements, updates;
    struct tl_json_writer json;
    tl_buf_init(&requirements, BODY_BYTES_MAX);
    tl_buf_init(&updates, BODY_BYTES_MAX);
    tl_json_writer_init(&json, &requirements);
    put_requirements(&json, choice->table);
    tl_json_writer_init(&json, &updates);
    put_removals(&json, choice);
    enum tl_code code = tl_lake_commit_to(lake, arena, choice->request->schema, choice->request->name, &requirements, &updates, err);
    tl_buf_done(&requirements);
    tl_buf_done(&updates);
    return code;
}

/* --- files that only the forgotten ones needed --- */

struct waste {
    tl_lake *lake;
    const struct tl_lake_upkeep *request;
    struct tl_str own;                                    /* key of the table's folder */
    struct reach_set lists, manifests, files;             /* of forgotten snapshots */
    struct reach_set live_lists, live_manifests, live_files;
    struct tl_lake_manifest *dead;                        /* manifests of them, to be read */
    size_t dead_count, dead_capacity;
};

static void add_dead(struct waste *waste, const struct tl_lake_manifest *manifest)
{
    if (waste->dead_count == waste->dead_capacity) {
        size_t capacity = waste->dead_capacity ? 2 * waste->dead_capacity : 64;
        waste->dead = tl_arena_grow(waste->lists.arena, waste->dead, waste->dead_capacity * sizeof *waste->dead, capacity * sizeof *waste->dead);
        waste->dead_capacity = capacity;
    }
    waste->dead[waste->dead_count++] = *manifest;
}

/* Of snapshots that will go; a list that cannot be read any more (half deleted before) is passed over. */
static enum tl_code note_forgotten(struct waste *waste, const struct choice *choice, struct tl_err *err)
{
    for (size_t i = 0; i < choice->table->snapshot_count; i++) {
        struct tl_lake_manifest *manifests;
        size_t count;
        struct tl_err missing;
        tl_err_init(&missing);
        if (choice->kept[i])
            continue;
        if (reach_check_cancelled(waste->request->cancelled, err) != TL_OK)
            return err->code;
        enum tl_code code = reach_manifests(waste->lake, &choice->table->snapshots[i], &waste->lists, &waste->manifests, &manifests, &count, &missing);
        if (code == TL_NOT_FOUND)
            continue;
        if (code != TL_OK)
            return tl_err_copy(err, &missing);
        for (size_t m = 0; m < count; m++)
            add_dead(waste, &manifests[m]);
    }
    return TL_OK;
}

/* The data files that forgotten manifests tell of. */
static enum tl_code note_dead_files(struct waste *waste, const struct tl_lake_table *table, struct tl_err *err)
{
    struct reach_set read = {.arena = waste->lists.arena};
    for (size_t i = 0; i < waste->dead_count; i++) {
        struct tl_err missing;
        tl_err_init(&missing);
        if (reach_has(&waste->live_manifests, waste->dead[i].path) || reach_has(&read, waste->dead[i].path))
            continue;
        if (reach_check_cancelled(waste->request->cancelled, err) != TL_OK || reach_add(&read, waste->dead[i].path, err) != TL_OK)
            return err->code;
        enum tl_code code = reach_files(waste->lake, table, &waste->dead[i], false, &waste->files, &missing);
        if (code != TL_OK && code != TL_NOT_FOUND)
            return tl_err_copy(err, &missing);
    }
    return TL_OK;
}

/* Only in the table's own folder: a manifest is what its writer says, and elsewhere others' files may be. */
static enum tl_code remove_set(struct waste *waste, struct reach_set *set, const struct reach_set *live, struct tl_lake_upkeep_result *result,
                               struct tl_err *err)
{
    const char *root = tl_objects_root(waste->lake->objects);
    size_t scheme = (size_t)(reach_key(tl_str_of(root)).data - root);
    for (size_t i = 0; i < set->capacity; i++) {
        if (!set->items[i].data || !reach_is_below(set->items[i], waste->own) || reach_has(live, set->items[i]))
            continue;
        const char *location = tl_arena_printf(set->arena, "%.*s%.*s", (int)scheme, root, (int)set->items[i].size, set->items[i].data);
        struct tl_err gone;
        int64_t size = 0;
        tl_err_init(&gone);
        if (tl_objects_size(waste->lake->objects, location, &size, &gone) != TL_OK)
            continue; /* nothing there, or not of this warehouse */
        result->files_removed++;
        result->bytes_removed += size;
        if (waste->request->dry_run)
            continue;
        if (reach_check_cancelled(waste->request->cancelled, err) != TL_OK || tl_objects_remove(waste->lake->objects, location, err) != TL_OK)
            return err->code;
    }
    return TL_OK;
}

static enum tl_code remove_waste(struct waste *waste, struct tl_lake_upkeep_result *result, struct tl_err *err)
{
    if (remove_set(waste, &waste->files, &waste->live_files, result, err) != TL_OK ||
        remove_set(waste, &waste->manifests, &waste->live_manifests, result, err) != TL_OK)
        return err->code;
    return remove_set(waste, &waste->lists, &waste->live_lists, result, err);
}

static enum tl_code expire_once(tl_lake *lake, tl_arena *arena, const struct tl_lake_upkeep *request, struct tl_lake_upkeep_result *result,
                                struct tl_err *err)
{
    struct tl_lake_table table, after;
    *result = (struct tl_lake_upkeep_result){0};
    if (tl_lake_table_load(lake, arena, request->schema, request->name, &table, err) != TL_OK || reach_check_alone(lake, &table, err) != TL_OK)
        return err->code;
    struct choice choice = {.table = &table, .request = request, .now_ms = tl_clock_wall_us() / 1000,
                            .kept = TL_NEW_ARRAY(arena, bool, table.snapshot_count + 1), .ref_ended = TL_NEW_ARRAY(arena, bool, table.ref_count + 1)};
    choose(&choice);
    for (size_t i = 0; i < table.snapshot_count; i++)
        result->snapshots_removed += !choice.kept[i];
    if (result->snapshots_removed == 0)
        return TL_OK;
    struct waste waste = {.lake = lake, .request = request, .own = reach_key(tl_str_of(table.location)), .lists = {.arena = arena},
                          .manifests = {.arena = arena}, .files = {.arena = arena}, .live_lists = {.arena = arena},
                          .live_manifests = {.arena = arena}, .live_files = {.arena = arena}};
    if (note_forgotten(&waste, &choice, err) != TL_OK)
        return err->code;
    if (request->dry_run)
        after = table;
    else if (commit(lake, arena, &choice, err) != TL_OK || tl_lake_table_load(lake, arena, request->schema, request->name, &after, err) != TL_OK)
        return err->code;
    /* what others committed meanwhile is live too */
    if (reach_snapshots(lake, &after, request->dry_run ? choice.kept : NULL, request->cancelled, &waste.live_lists, &waste.live_manifests,
                        &waste.live_files, err) != TL_OK ||
        note_dead_files(&waste, &table, err) != TL_OK)
        return err->code;
    return remove_waste(&waste, result, err);
}

enum tl_code tl_lake_expire(tl_lake *lake, tl_arena *arena, const struct tl_lake_upkeep *request, struct tl_lake_upkeep_result *ret_result,
                            struct tl_err *err)
{
    for (int i = 0;; i++) {
        struct tl_err failure;
        tl_err_init(&failure);
        enum tl_code code = expire_once(lake, arena, request, ret_result, &failure);
        if (code != TL_CONFLICT || i + 1 == COMMIT_ATTEMPTS)
            return code == TL_OK ? TL_OK : tl_err_copy(err, &failure);
    }
}

enum tl_code tl_lake_rollback(tl_lake *lake, tl_arena *arena, const struct tl_lake_upkeep *request, struct tl_err *err)
{
    struct tl_lake_table table;
    struct tl_buf requirements, updates;
    struct tl_json_writer json;
    if (tl_lake_table_load(lake, arena, request->schema, request->name, &table, err) != TL_OK)
        return err->code;
    if (!tl_lake_table_snapshot(&table, request->snapshot_id)) {
        tl_err_set(err, TL_NOT_FOUND, "the table has no snapshot %lld", (long long)request->snapshot_id);
        tl_err_hint(err, "SELECT * FROM \"%s$snapshots\" lists them", request->name);
        return TL_NOT_FOUND;
    }
    tl_buf_init(&requirements, BODY_BYTES_MAX);
    tl_buf_init(&updates, BODY_BYTES_MAX);
    tl_json_writer_init(&json, &requirements);
    put_requirements(&json, &table);
    tl_json_writer_init(&json, &updates);
    tl_json_begin_array(&json);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "action", "set-snapshot-ref");
    tl_json_pair_text(&json, "ref-name", "main");
    tl_json_pair_text(&json, "type", "branch");
    tl_json_pair_int64(&json, "snapshot-id", request->snapshot_id);
    tl_json_end_object(&json);
    tl_json_end_array(&json);
    enum tl_code code = tl_lake_commit_to(lake, arena, request->schema, request->name, &requirements, &updates, err);
    tl_buf_done(&requirements);
    tl_buf_done(&updates);
    return code;
}

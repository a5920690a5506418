/* What a name means: sources, stored views, system tables; and the nearest names for one that means nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "door/door_int.h"
#include "lifeguard/clearance.h"

enum { STALE_US = 2 * 1000 * 1000 };

bool tl_catalog_may_know(const struct tl_door_call *call, const char *source, const char *schema, const char *table)
{
    return tl_lifeguard_may_know(call->rq->principal, source, schema, table);
}

static const char *lake_source(const tl_registry_snapshot *snapshot)
{
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(snapshot, &sources);
    for (size_t i = 0; i < count; i++)
        if (sources[i].writable)
            return sources[i].name;
    return NULL;
}

void tl_catalog_acquire(struct tl_door_call *call)
{
    tl_door *door = call->door;
    call->snapshot = tl_registry_acquire(door->registry);
    uint64_t now = door->lake ? tl_lake_generation(door->lake) : 0;
    if (now == atomic_load(&door->lake_generation))
        return;
    const char *lake = tl_arena_strdup(call->rq->arena, lake_source(call->snapshot));
    if (!lake)
        return;
    tl_registry_release(call->snapshot);
    call->snapshot = NULL;
    if (tl_registry_refresh(call->rq, door->registry, lake) == TL_OK)
        atomic_store(&door->lake_generation, now);
    tl_err_init(&call->rq->err); /* the old listing still serves */
    call->snapshot = tl_registry_acquire(door->registry);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The listing knows schemas by their tables; the lake also has empty ones. */
static void load_lake_schemas(struct tl_door_call *call, const struct tl_registry_source *source)
{
    const char *const *own = NULL;
    size_t own_count = 0, count = 0;
    struct tl_err before = call->rq->err;
    if (!call->door->lake || tl_lake_schemas(call->rq, call->door->lake, &own, &own_count) != TL_OK)
        own_count = 0;
    call->rq->err = before;
    const char **all = TL_NEW_ARRAY(call->rq->arena, const char *, own_count + source->schema_count);
    for (size_t i = 0; i < own_count; i++)
        all[count++] = own[i];
    for (size_t i = 0; i < source->schema_count; i++)
        all[count++] = source->schemas[i];
    if (count)
        qsort(all, count, sizeof *all, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(all[kept - 1], all[i]) != 0)
            all[kept++] = all[i];
    call->lake_schemas = all;
    call->lake_schema_count = kept;
}

size_t tl_catalog_schemas(struct tl_door_call *call, const struct tl_registry_source *source,
                          const char *const **ret_schemas)
{
    *ret_schemas = source->schemas;
    if (!source->writable)
        return source->schema_count;
    if (!call->lake_schemas)
        load_lake_schemas(call, source);
    *ret_schemas = call->lake_schemas;
    return call->lake_schema_count;
}

bool tl_catalog_has_schema(struct tl_door_call *call, const struct tl_registry_source *source, const char *schema)
{
    const char *const *schemas;
    size_t count = tl_catalog_schemas(call, source, &schemas);
    for (size_t i = 0; i < count; i++)
        if (tl_streq_nocase(schemas[i], schema))
            return true;
    return tl_streq_nocase(schema, "information_schema");
}

/* Exactly first, then without regard to case. */
static const struct tl_registry_source *find_source(const struct tl_door_call *call, const char *name)
{
    const struct tl_registry_source *source = tl_snapshot_source(call->snapshot, name), *sources;
    size_t count = tl_snapshot_sources(call->snapshot, &sources);
    for (size_t i = 0; !source && i < count; i++)
        if (tl_streq_nocase(sources[i].name, name))
            source = &sources[i];
    return source && tl_catalog_may_know(call, source->name, NULL, NULL) ? source : NULL;
}

/* "orders$files": of the lake's table "orders". */
static bool lookup_lake(struct tl_door_call *call, const struct tl_registry_source *registered, const char *schema, const char *name,
                        struct tl_dataset *ret_dataset)
{
    const char *base_name;
    int kind = registered->writable && call->door->lake ? tl_lake_kind(call->rq->arena, name, &base_name) : -1;
    const struct tl_source_dataset *base = kind >= 0 ? tl_snapshot_dataset(call->snapshot, registered->name, schema, base_name) : NULL;
    if (!base || !tl_catalog_may_know(call, registered->name, base->schema, base->name))
        return false;
    *ret_dataset = (struct tl_dataset){.source = registered->name,
                                       .schema = base->schema,
                                       .name = tl_arena_strdup(call->rq->arena, name),
                                       .origin = TL_ORIGIN_LAKE,
                                       .registered = registered,
                                       .lake_kind = kind,
                                       .base = base};
    struct tl_err before = call->rq->err;
    bool described = tl_lake_kind_describe(call, ret_dataset) == TL_OK;
    call->rq->err = before;
    return described;
}

bool tl_catalog_lookup(struct tl_door_call *call, const char *source, const char *schema, const char *name,
                       struct tl_dataset *ret_dataset)
{
    int table = tl_system_find(source, schema, name);
    const struct tl_registry_source *registered = find_source(call, source);
    if (table >= 0 && (registered || tl_streq_nocase(source, "system"))) {
        const struct tl_source_dataset *described = tl_system_dataset(call, table);
        *ret_dataset = (struct tl_dataset){.source = registered ? registered->name : "system",
                                           .schema = described->schema,
                                           .name = described->name,
                                           .origin = TL_ORIGIN_SYSTEM,
                                           .described = described,
                                           .system_table = table};
        return true;
    }
    if (!registered)
        return false;
    const struct tl_door_view *view = tl_views_find(call, registered->name, schema, name);
    const struct tl_source_dataset *described =
        view ? &view->dataset : tl_snapshot_dataset(call->snapshot, registered->name, schema, name);
    if (!described)
        return lookup_lake(call, registered, schema, name, ret_dataset);
    if (!tl_catalog_may_know(call, registered->name, described->schema, described->name))
        return false;
    *ret_dataset = (struct tl_dataset){.source = registered->name,
                                       .schema = described->schema,
                                       .name = described->name,
                                       .origin = view ? TL_ORIGIN_VIEW : TL_ORIGIN_SOURCE,
                                       .registered = registered,
                                       .described = described,
                                       .view = view};
    return true;
}

/* --- nearest names --- */

struct nearest {
    struct tl_door_call *call;
    int distance[TL_DOOR_NEAREST_MAX];
    const char *names[TL_DOOR_NEAREST_MAX];
    size_t count;
};

static void offer(struct nearest *nearest, int distance, const char *name)
{
    size_t at = nearest->count;
    while (at > 0 && nearest->distance[at - 1] > distance)
        at--;
    if (at == TL_DOOR_NEAREST_MAX)
        return;
    size_t last = nearest->count < TL_DOOR_NEAREST_MAX ? nearest->count++ : nearest->count - 1;
    for (size_t i = last; i > at; i--) {
        nearest->distance[i] = nearest->distance[i - 1];
        nearest->names[i] = nearest->names[i - 1];
    }
    nearest->distance[at] = distance;
    nearest->names[at] = name;
}

static void hint_names(struct nearest *nearest, const char *otherwise)
{
    struct tl_buf hint;
    tl_buf_init(&hint, TL_ERR_HINT_MAX);
    for (size_t i = 0; i < nearest->count; i++)
        tl_buf_addf(&hint, "%s%s",
                    i == 0                    ? "did you mean "
                    : i + 1 == nearest->count ? " or "
                                              : ", ",
                    nearest->names[i]);
    if (nearest->count)
        tl_err_hint(&nearest->call->rq->err, "%s?", tl_buf_cstr(&hint));
    else
        tl_err_hint(&nearest->call->rq->err, "%s", otherwise);
    tl_buf_done(&hint);
}

static enum tl_code unknown_source(struct tl_door_call *call, const char *name, int64_t position)
{
    struct nearest nearest = {.call = call};
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(call->snapshot, &sources);
    tl_err_set(&call->rq->err, TL_CATALOG_NOT_FOUND, "unknown catalog \"%s\"", name);
    tl_err_position(&call->rq->err, position);
    for (size_t i = 0; i < count; i++) {
        int distance = tl_edit_distance(name, sources[i].name, TL_DOOR_NEAREST_DISTANCE);
        if (distance <= TL_DOOR_NEAREST_DISTANCE && tl_catalog_may_know(call, sources[i].name, NULL, NULL))
            offer(&nearest, distance, sources[i].name);
    }
    hint_names(&nearest, "SHOW CATALOGS lists them");
    return TL_CATALOG_NOT_FOUND;
}

/* "t" is near to every name of one letter: a short name may differ in less. */
static bool is_near(const char *name, int distance)
{
    return distance <= TL_DOOR_NEAREST_DISTANCE && 2 * distance <= (int)strlen(name);
}

/* Datasets whose own name is near, in any schema and source; those of the same schema and source first. */
static void offer_datasets(struct nearest *nearest, const char *source, const char *schema, const char *name)
{
    struct tl_door_call *call = nearest->call;
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(call->snapshot, &sources);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sources[i].dataset_count; k++) {
            const struct tl_source_dataset *d = &sources[i].datasets[k];
            int distance = tl_edit_distance(name, d->name, TL_DOOR_NEAREST_DISTANCE);
            if (!is_near(name, distance) || !tl_catalog_may_know(call, sources[i].name, d->schema, d->name))
                continue;
            int elsewhere = 2 * !tl_streq_nocase(source, sources[i].name) + !tl_streq_nocase(schema, d->schema);
            offer(nearest, 4 * distance + elsewhere,
                  tl_arena_printf(call->rq->arena, "%s.%s.%s", sources[i].name, d->schema, d->name));
        }
    }
}

static void offer_schemas(struct nearest *nearest, const struct tl_registry_source *source, const char *schema)
{
    const char *const *schemas;
    size_t count = tl_catalog_schemas(nearest->call, source, &schemas);
    for (size_t i = 0; i < count; i++) {
        int distance = tl_edit_distance(schema, schemas[i], TL_DOOR_NEAREST_DISTANCE);
        if (distance <= TL_DOOR_NEAREST_DISTANCE && tl_catalog_may_know(nearest->call, source->name, schemas[i], NULL))
            offer(nearest, distance, tl_arena_printf(nearest->call->rq->arena, "%s.%s", source->name, schemas[i]));
    }
}

static enum tl_code unknown_table(struct tl_door_call *call, const struct tl_registry_source *source,
                                  const char *schema, const char *name, int64_t position)
{
    struct nearest nearest = {.call = call};
    struct tl_err *err = &call->rq->err;
    if (!tl_catalog_has_schema(call, source, schema)) {
        tl_err_set(err, TL_SCHEMA_NOT_FOUND, "unknown schema \"%s.%s\"", source->name, schema);
        offer_schemas(&nearest, source, schema);
    } else {
        tl_err_set(err, TL_TABLE_NOT_FOUND, "unknown table \"%s.%s.%s\"", source->name, schema, name);
    }
    if (nearest.count == 0)
        offer_datasets(&nearest, source->name, schema, name);
    if (source->failure)
        tl_err_detail(err, "the last listing of \"%s\" failed: %s", source->name, source->failure);
    tl_err_position(err, position);
    hint_names(&nearest, tl_arena_printf(call->rq->arena, "SHOW TABLES FROM %s.%s lists them", source->name,
                                         tl_catalog_has_schema(call, source, schema) ? schema : "schema"));
    return err->code;
}

/* --- resolution --- */

/* A name that is not there may be new: list its source once more, unless that was just done. */
static bool refresh_stale(struct tl_door_call *call, const char *source_name)
{
    const struct tl_registry_source *source = find_source(call, source_name);
    if (!source || !tl_streq(source->state, "ready") || tl_clock_wall_us() - source->listed_at_us < STALE_US)
        return false;
    source_name = tl_arena_strdup(call->rq->arena, source->name);
    struct tl_err before = call->rq->err;
    bool done = tl_registry_refresh(call->rq, call->door->registry, source_name) == TL_OK;
    call->rq->err = before;
    return done;
}

/* 3 parts. */
static enum tl_code find_full(struct tl_door_call *call, const char *catalog, const char *schema, const char *name,
                              int64_t position, struct tl_dataset *ret_dataset)
{
    if (tl_catalog_lookup(call, catalog, schema, name, ret_dataset))
        return TL_OK;
    const struct tl_registry_source *source = find_source(call, catalog);
    if (!source && tl_streq_nocase(catalog, "system")) {
        tl_err_set(&call->rq->err, TL_TABLE_NOT_FOUND, "unknown table \"system.%s.%s\"", schema, name);
        tl_err_position(&call->rq->err, position);
        return TL_TABLE_NOT_FOUND;
    }
    return source ? unknown_table(call, source, schema, name, position) : unknown_source(call, catalog, position);
}

/* schema.table without a session catalog: the one source that has it. */
static enum tl_code find_anywhere(struct tl_door_call *call, const struct tl_gate_table *name, int64_t position,
                                  struct tl_dataset *ret_dataset)
{
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(call->snapshot, &sources), found = 0;
    struct nearest nearest = {.call = call};
    struct tl_dataset dataset;
    for (size_t i = 0; i < count; i++) {
        if (!tl_catalog_lookup(call, sources[i].name, name->schema, name->name, &dataset) ||
            dataset.origin == TL_ORIGIN_SYSTEM)
            continue;
        *ret_dataset = dataset;
        found++;
        offer(&nearest, 0, tl_arena_printf(call->rq->arena, "%s.%s.%s", dataset.source, dataset.schema, dataset.name));
    }
    if (found == 1)
        return TL_OK;
    tl_err_set(&call->rq->err, TL_TABLE_NOT_FOUND,
               found ? "the name \"%s.%s\" is in several catalogs" : "unknown table \"%s.%s\"", name->schema,
               name->name);
    tl_err_position(&call->rq->err, position);
    if (!found)
        offer_datasets(&nearest, NULL, name->schema, name->name);
    hint_names(&nearest, "write catalog.schema.table; SHOW CATALOGS lists the catalogs");
    return TL_TABLE_NOT_FOUND;
}

static enum tl_code incomplete(struct tl_door_call *call, const char *name, int64_t position)
{
    struct nearest nearest = {.call = call};
    tl_err_set(&call->rq->err, TL_TABLE_NOT_FOUND,
               "the table \"%s\" is named without a schema, and the session has none", name);
    tl_err_position(&call->rq->err, position);
    offer_datasets(&nearest, NULL, NULL, name);
    hint_names(&nearest, "write catalog.schema.table, or USE catalog.schema first");
    return TL_TABLE_NOT_FOUND;
}

static enum tl_code find_table(struct tl_door_call *call, const struct tl_name_defaults *defaults,
                               const struct tl_gate_table *name, struct tl_dataset *ret_dataset)
{
    int64_t position = (int64_t)name->offset;
    if (*name->catalog)
        return find_full(call, name->catalog, name->schema, name->name, position, ret_dataset);
    if (*name->schema && defaults->catalog)
        return find_full(call, defaults->catalog, name->schema, name->name, position, ret_dataset);
    if (*name->schema)
        return find_anywhere(call, name, position, ret_dataset);
    if (!defaults->catalog || !defaults->schema)
        return incomplete(call, name->name, position);
    return find_full(call, defaults->catalog, defaults->schema, name->name, position, ret_dataset);
}

enum tl_code tl_catalog_find_table(struct tl_door_call *call, const struct tl_name_defaults *defaults,
                                   const struct tl_gate_table *name, struct tl_dataset *ret_dataset)
{
    enum tl_code code = find_table(call, defaults, name, ret_dataset);
    const char *source = *name->catalog ? name->catalog : defaults->catalog;
    if (code == TL_OK || !source || !refresh_stale(call, source))
        return code;
    /* the old snapshot stays: what was found in it is still pointed to */
    const tl_registry_snapshot *old = call->snapshot;
    tl_arena_defer(call->rq->arena, (void (*)(void *))(uintptr_t)tl_registry_release, (void *)(uintptr_t)old);
    call->snapshot = tl_registry_acquire(call->door->registry);
    tl_err_init(&call->rq->err);
    return find_table(call, defaults, name, ret_dataset);
}

enum tl_code tl_catalog_find_source(struct tl_door_call *call, const char *name,
                                    const struct tl_registry_source **ret_source)
{
    *ret_source = find_source(call, name);
    return *ret_source ? TL_OK : unknown_source(call, name, -1);
}

static enum tl_code no_place(struct tl_door_call *call, const struct tl_gate_table *name, bool schema_only,
                             bool has_catalog)
{
    tl_err_set(&call->rq->err, TL_TABLE_NOT_FOUND, "\"%s\" is named without %s, and the session has none", name->name,
               has_catalog ? "a schema" : "a catalog");
    tl_err_position(&call->rq->err, (int64_t)name->offset);
    tl_err_hint(&call->rq->err,
                schema_only ? "write catalog.schema" : "write catalog.schema.table, or USE catalog.schema first");
    return TL_TABLE_NOT_FOUND;
}

enum tl_code tl_catalog_place(struct tl_door_call *call, const struct tl_gate_table *name, bool schema_only,
                              const struct tl_name_defaults *defaults, struct tl_dataset *ret_dataset)
{
    const char *catalog = *name->catalog ? name->catalog : defaults->catalog;
    const char *schema = schema_only ? name->name : *name->schema ? name->schema : defaults->schema;
    if (!catalog || !schema)
        return no_place(call, name, schema_only, catalog != NULL);
    const struct tl_registry_source *source;
    enum tl_code code = tl_catalog_find_source(call, catalog, &source);
    if (code != TL_OK) {
        tl_err_position(&call->rq->err, (int64_t)name->offset);
        return code;
    }
    *ret_dataset = (struct tl_dataset){
        .source = source->name, .schema = schema, .name = schema_only ? NULL : name->name, .registered = source};
    const char *const *schemas;
    size_t count = tl_catalog_schemas(call, source, &schemas);
    for (size_t i = 0; i < count; i++)
        if (tl_streq_nocase(schemas[i], schema))
            ret_dataset->schema = schemas[i];
    const struct tl_source_dataset *described =
        schema_only ? NULL : tl_snapshot_dataset(call->snapshot, source->name, schema, name->name);
    if (described) {
        ret_dataset->name = described->name;
        ret_dataset->described = described;
    }
    return TL_OK;
}

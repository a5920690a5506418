/* Commits.  Metadata is written and synced first; then the pointer moves, if nobody moved it meanwhile.  Whoever loses reads
 * again and asks the requirements again: only they say what a real conflict is. */
#include "lake/lake_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lake/fence.h"

enum { METADATA_LOG_DEFAULT = 100, METADATA_LOG_MAX = 10000 };

/* One table's part, being prepared. */
struct prepared {
    struct tl_lake_pointer pointer; /* version -1: to be made */
    bool written;                   /* the new metadata file, where pointer.metadata_location says */
    bool names_changed;
};

enum tl_code tl_lake_metadata_load(tl_lake *lake, tl_arena *arena, const char *metadata_location, const char *location,
                                   struct tl_str *ret_text, struct tl_lake_metadata *ret_metadata, struct tl_err *err)
{
    struct tl_buf buf;
    struct tl_err failure;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_err_init(&failure);
    bool remembered = tl_lake_cache_get(lake->cache, metadata_location, &buf);
    enum tl_code code = remembered ? TL_OK : tl_objects_read(lake->objects, metadata_location, &buf, &failure);
    if (code == TL_OK && !remembered)
        tl_lake_cache_put(lake->cache, metadata_location, (struct tl_str){buf.data, buf.size});
    if (code == TL_NOT_FOUND) /* the table is there; it must not read as if it were not */
        code = tl_err_set(err, TL_IO, "the metadata file of the table is missing: \"%.700s\"", metadata_location);
    else if (code != TL_OK)
        code = tl_err_copy(err, &failure);
    if (code == TL_OK && ret_text)
        *ret_text = (struct tl_str){tl_arena_strndup(arena, tl_buf_cstr(&buf), buf.size), buf.size};
    const tl_json *root;
    if (code == TL_OK && location)
        (void)!tl_lake_within_text(lake, arena, metadata_location, location, (struct tl_str){tl_buf_cstr(&buf), buf.size}, ret_metadata, err);
    else if (code == TL_OK && ret_metadata && tl_json_parse(arena, tl_buf_cstr(&buf), buf.size, &root, err) == TL_OK)
        (void)!tl_lake_metadata_read(arena, root, ret_metadata, err);
    tl_buf_done(&buf);
    return err->code;
}

/* The folders writers expect below a table's location. */
static enum tl_code make_folders(const tl_lake *lake, tl_arena *arena, const char *location, struct tl_err *err)
{
    if (tl_objects_make_folder(lake->objects, tl_arena_printf(arena, "%s/metadata", location), err) != TL_OK)
        return err->code;
    return tl_objects_make_folder(lake->objects, tl_arena_printf(arena, "%s/data", location), err);
}

/* The file that was in force before is remembered, at most as many as the table's property says. */
static enum tl_code log_metadata(tl_arena *arena, struct tl_lake_metadata *metadata, const char *old_location, int64_t old_ms,
                                 struct tl_err *err)
{
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, 4 * TL_LAKE_LOCATION_MAX);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "metadata-file", old_location);
    tl_json_pair_int64(&writer, "timestamp-ms", old_ms);
    tl_json_end_object(&writer);
    const tl_json *entry;
    enum tl_code code = tl_lake_json_from(arena, &buf, &entry, err);
    tl_buf_done(&buf);
    if (code != TL_OK)
        return code;
    tl_lake_list_add(arena, &metadata->metadata_log, entry);
    const char *text = tl_lake_property(metadata, "write.metadata.previous-versions-max");
    long kept = text ? strtol(text, NULL, 10) : METADATA_LOG_DEFAULT;
    kept = kept < 1 ? 1 : kept > METADATA_LOG_MAX ? METADATA_LOG_MAX : kept;
    while (metadata->metadata_log.count > (size_t)kept)
        tl_lake_list_remove(&metadata->metadata_log, 0);
    return TL_OK;
}

/* <location>/metadata/NNNNN-<uuid>.metadata.json, durable. */
static enum tl_code write_metadata(const tl_lake *lake, tl_arena *arena, const struct tl_lake_metadata *metadata, struct prepared *prepared,
                                   struct tl_lake_table_change *change, struct tl_err *err)
{
    struct tl_buf buf;
    char uuid[37];
    if (tl_lake_uuid(uuid, err) != TL_OK)
        return err->code;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_lake_metadata_write(metadata, &buf);
    if (buf.failed)
        tl_err_set(err, TL_TOO_LARGE, "the metadata of the table would be larger than %d bytes", TL_LAKE_METADATA_BYTES_MAX);
    const char *location = tl_arena_printf(arena, "%s/metadata/%05lld-%s.metadata.json", metadata->location,
                                       (long long)prepared->pointer.version + 1, uuid);
    if (!err->code && (prepared->pointer.version >= 0 || make_folders(lake, arena, metadata->location, err) == TL_OK) &&
        tl_objects_write(lake->objects, location, tl_buf_cstr(&buf), buf.size, true, err) == TL_OK) {
        prepared->written = true;
        tl_lake_cache_put(lake->cache, location, (struct tl_str){buf.data, buf.size});
        change->metadata_location = prepared->pointer.metadata_location = location;
        change->metadata = (struct tl_str){tl_arena_strndup(arena, tl_buf_cstr(&buf), buf.size), buf.size};
    }
    tl_buf_done(&buf);
    return err->code;
}

static enum tl_code name_new_table(struct tl_lake_change *change, const struct tl_lake_table_change *table, struct tl_err *err)
{
    if (!change->metadata->uuid) {
        char uuid[37];
        if (tl_lake_uuid(uuid, err) != TL_OK)
            return err->code;
        change->metadata->uuid = tl_arena_strdup(change->arena, uuid);
    }
    if (!change->metadata->location)
        change->metadata->location = tl_lake_new_location(change->lake, change->arena, table->namespace_name, table->name, err);
    return change->metadata->location ? TL_OK : err->code;
}

/* Requirements, then updates, then the metadata file. */
static enum tl_code prepare(tl_lake *lake, tl_arena *arena, struct tl_lake_table_change *table, struct prepared *prepared, struct tl_err *err)
{
    struct tl_lake_metadata metadata;
    tl_lake_metadata_init(&metadata);
    struct tl_err missing;
    tl_err_init(&missing);
    enum tl_code code = tl_lake_pointer_get(lake, arena, table->namespace_name, table->name, &prepared->pointer, &missing);
    bool creating = code == TL_TABLE_NOT_FOUND && tl_lake_requires_create(table->requirements);
    if (code != TL_OK && !creating)
        return tl_err_copy(err, &missing);
    if (creating && tl_lake_namespace_get(lake, arena, table->namespace_name, NULL, err) != TL_OK)
        return err->code;
    struct tl_str text = {0};
    if (!creating && tl_lake_metadata_load(lake, arena, prepared->pointer.metadata_location, prepared->pointer.location, &text, &metadata, err) != TL_OK)
        return err->code;
    if (tl_lake_require(table->requirements, creating ? NULL : &metadata, err) != TL_OK)
        return err->code;
    const char *old_location = prepared->pointer.metadata_location;
    int64_t old_ms = metadata.last_updated_ms, now_ms = tl_clock_wall_us() / 1000;
    struct tl_lake_change *change = TL_NEW(arena, struct tl_lake_change);
    *change = (struct tl_lake_change){.lake = lake, .arena = arena, .metadata = &metadata, .creating = creating, .now_ms = now_ms};
    if (tl_lake_apply(change, table->updates, err) != TL_OK)
        return err->code;
    if (!creating && tl_json_count(table->updates) == 0) {
        table->metadata_location = old_location;
        table->metadata = text;
        return TL_OK;
    }
    if (creating) {
        prepared->pointer = (struct tl_lake_pointer){.namespace_name = table->namespace_name, .name = table->name, .version = -1};
        if (name_new_table(change, table, err) != TL_OK || tl_lake_complete(change, err) != TL_OK)
            return err->code;
        prepared->pointer.uuid = metadata.uuid;
        prepared->pointer.location = metadata.location;
    }
    metadata.last_updated_ms = now_ms > old_ms ? now_ms : old_ms;
    if (tl_lake_metadata_check(arena, &metadata, err) != TL_OK || tl_lake_within(&metadata, prepared->pointer.location, err) != TL_OK ||
        tl_lake_within_properties(&metadata, err) != TL_OK ||
        tl_lake_within_added(lake, &change->added_snapshots, prepared->pointer.location, err) != TL_OK ||
        (!creating && log_metadata(arena, &metadata, old_location, old_ms, err) != TL_OK))
        return err->code;
    prepared->names_changed = creating || change->names_changed;
    return write_metadata(lake, arena, &metadata, prepared, table, err);
}

/* Did the store decide, so that the files are certainly nobody's? */
static bool is_decided(enum tl_code code)
{
    return code == TL_CONFLICT || code == TL_ALREADY_EXISTS || code == TL_INVALID_ARGUMENT || code == TL_SCHEMA_NOT_FOUND;
}

static void discard(tl_lake *lake, const struct prepared *prepared, size_t count)
{
    struct tl_err ignored; /* a file nobody knows of takes room, no more */
    tl_err_init(&ignored);
    for (size_t i = 0; i < count; i++)
        if (prepared[i].written)
            (void)!tl_objects_remove(lake->objects, prepared[i].pointer.metadata_location, &ignored);
}

enum tl_code tl_lake_pointers_commit(tl_lake *lake, tl_arena *arena, const struct tl_lake_pointer *pointers, size_t count, struct tl_err *err)
{
    struct tl_err failure, ignored;
    tl_err_init(&failure);
    tl_err_init(&ignored); /* a file nobody knows of takes room, no more */
    enum tl_code code = tl_lake_pointers_move(lake, arena, pointers, count, &failure);
    if (code == TL_OK)
        return TL_OK;
    if (!is_decided(code))
        return tl_err_set(err, TL_INTERNAL, "it is not known whether the commit was done: %.800s", failure.message);
    for (size_t i = 0; i < count; i++)
        (void)!tl_objects_remove(lake->objects, pointers[i].metadata_location, &ignored);
    return tl_err_copy(err, &failure);
}

static enum tl_code move_all(tl_lake *lake, tl_arena *arena, const struct prepared *prepared, size_t count, struct tl_err *err)
{
    struct tl_lake_pointer *pointers = TL_NEW_ARRAY(arena, struct tl_lake_pointer, count);
    size_t moving = 0;
    bool names_changed = false;
    for (size_t i = 0; i < count; i++) {
        if (prepared[i].written)
            pointers[moving++] = prepared[i].pointer;
        names_changed = names_changed || prepared[i].names_changed;
    }
    if (moving == 0)
        return TL_OK;
    enum tl_code code = tl_lake_pointers_commit(lake, arena, pointers, moving, err);
    if (code == TL_OK && names_changed)
        atomic_fetch_add(&lake->generation, 1);
    return code;
}

/* One attempt.  *ret_raced: the pointer moved between reading and writing. */
static enum tl_code attempt(tl_lake *lake, tl_arena *arena, struct tl_lake_table_change *changes, size_t count, bool *ret_raced,
                            struct tl_err *err)
{
    struct prepared *prepared = TL_NEW_ARRAY(arena, struct prepared, count);
    *ret_raced = false;
    for (size_t i = 0; i < count; i++)
        if (prepare(lake, arena, &changes[i], &prepared[i], err) != TL_OK) {
            discard(lake, prepared, count);
            return err->code;
        }
    enum tl_code code = move_all(lake, arena, prepared, count, err);
    *ret_raced = code == TL_CONFLICT;
    return code;
}

static enum tl_code check_distinct(const struct tl_lake_table_change *changes, size_t count, struct tl_err *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(changes[i].name, changes[j].name) == 0 && strcmp(changes[i].namespace_name, changes[j].namespace_name) == 0)
                return tl_err_set(err, TL_INVALID_ARGUMENT, "the transaction changes table \"%s\" twice", changes[i].name);
    return TL_OK;
}

enum tl_code tl_lake_commit(tl_lake *lake, tl_arena *arena, struct tl_lake_table_change *changes, size_t count, struct tl_err *err)
{
    if (check_distinct(changes, count, err) != TL_OK)
        return err->code;
    for (int i = 0; i < TL_LAKE_COMMIT_ATTEMPTS; i++) {
        struct tl_err failure;
        bool raced;
        tl_err_init(&failure);
        if (attempt(lake, arena, changes, count, &raced, &failure) == TL_OK)
            return TL_OK;
        if (!raced || i + 1 == TL_LAKE_COMMIT_ATTEMPTS)
            return tl_err_copy(err, &failure);
    }
    return err->code;
}

/* --- new tables --- */

static enum tl_code describe_new(struct tl_lake_change *change, const tl_json *request, struct tl_err *err)
{
    const char *location = tl_json_get_text(request, "location");
    if (location && tl_lake_location(change->lake, change->arena, location, &change->metadata->location, err) != TL_OK)
        return err->code;
    const tl_json *properties = tl_json_get(request, "properties"), *spec = tl_json_get(request, "partition-spec");
    const tl_json *order = tl_json_get(request, "write-order");
    /* properties first: the format version decides which types there are */
    if (properties && !tl_json_is_null(properties) && tl_lake_set_properties(change, properties, err) != TL_OK)
        return err->code;
    struct tl_lake_fresh fresh = {.arena = change->arena};
    const tl_json *schema = tl_json_get(request, "schema");
    int64_t max_id;
    if (tl_lake_schema_check(change->arena, schema, change->metadata->format_version, &max_id, err) != TL_OK ||
        tl_lake_fresh_schema(&fresh, schema, &schema, err) != TL_OK || tl_lake_add_schema(change, schema, err) != TL_OK)
        return err->code;
    if (spec && !tl_json_is_null(spec) &&
        (tl_lake_fresh_sources(&fresh, spec, &spec, err) != TL_OK || tl_lake_add_spec(change, spec, err) != TL_OK))
        return err->code;
    if (order && !tl_json_is_null(order) &&
        (tl_lake_fresh_sources(&fresh, order, &order, err) != TL_OK || tl_lake_add_order(change, order, err) != TL_OK))
        return err->code;
    return tl_lake_complete(change, err);
}

static enum tl_code need_free(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name, struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    struct tl_err missing;
    tl_err_init(&missing);
    enum tl_code code = tl_lake_pointer_get(lake, arena, namespace_name, name, &pointer, &missing);
    if (code == TL_OK)
        return tl_err_set(err, TL_ALREADY_EXISTS, "Table already exists: %s.%s", tl_lake_dotted(arena, namespace_name), name);
    if (code != TL_TABLE_NOT_FOUND)
        return tl_err_copy(err, &missing);
    return tl_lake_namespace_get(lake, arena, namespace_name, NULL, err);
}

enum tl_code tl_lake_create(tl_lake *lake, tl_arena *arena, const char *namespace_name, const tl_json *request, bool persist,
                            struct tl_lake_table_change *ret_table, struct tl_err *err)
{
    const char *name;
    if (tl_lake_json_need_text(request, "a new table", "name", &name, err) != TL_OK || tl_lake_table_name_check(name, err) != TL_OK ||
        need_free(lake, arena, namespace_name, name, err) != TL_OK)
        return err->code;
    *ret_table = (struct tl_lake_table_change){.namespace_name = namespace_name, .name = name};
    struct tl_lake_metadata metadata;
    tl_lake_metadata_init(&metadata);
    struct tl_lake_change *change = TL_NEW(arena, struct tl_lake_change);
    *change = (struct tl_lake_change){.lake = lake, .arena = arena, .metadata = &metadata, .creating = true};
    if (describe_new(change, request, err) != TL_OK || name_new_table(change, ret_table, err) != TL_OK)
        return err->code;
    metadata.last_updated_ms = tl_clock_wall_us() / 1000;
    if (tl_lake_metadata_check(arena, &metadata, err) != TL_OK || tl_lake_within_properties(&metadata, err) != TL_OK)
        return err->code;
    struct prepared prepared = {
        .pointer = {.namespace_name = namespace_name, .name = name, .uuid = metadata.uuid, .location = metadata.location, .version = -1},
        .names_changed = true,
    };
    if (persist) {
        if (write_metadata(lake, arena, &metadata, &prepared, ret_table, err) != TL_OK)
            return err->code;
        return move_all(lake, arena, &prepared, 1, err);
    }
    struct tl_buf buf;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_lake_metadata_write(&metadata, &buf);
    ret_table->metadata = (struct tl_str){tl_arena_strndup(arena, tl_buf_cstr(&buf), buf.size), buf.size};
    tl_buf_done(&buf);
    return make_folders(lake, arena, metadata.location, err); /* writers do not make them on local disks */
}

enum tl_code tl_lake_register(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name, const char *metadata_location,
                              struct tl_lake_table_change *ret_table, struct tl_err *err)
{
    struct tl_lake_metadata metadata;
    const char *location, *table_location;
    if (tl_lake_table_name_check(name, err) != TL_OK || need_free(lake, arena, namespace_name, name, err) != TL_OK ||
        tl_lake_location(lake, arena, metadata_location, &location, err) != TL_OK)
        return err->code;
    *ret_table = (struct tl_lake_table_change){.namespace_name = namespace_name, .name = name, .metadata_location = location};
    if (tl_lake_metadata_load(lake, arena, location, NULL, &ret_table->metadata, &metadata, err) != TL_OK ||
        tl_lake_metadata_check(arena, &metadata, err) != TL_OK ||
        tl_lake_location(lake, arena, metadata.location, &table_location, err) != TL_OK ||
        tl_lake_within(&metadata, table_location, err) != TL_OK || tl_lake_within_properties(&metadata, err) != TL_OK ||
        tl_lake_within_all(lake, &metadata, table_location, err) != TL_OK)
        return err->code;
    if (!tl_lake_fence_holds(tl_str_of(location), table_location))
        return tl_lake_fence_refuse(tl_str_of(location), "the metadata file", table_location, err);
    struct tl_lake_pointer pointer = {.namespace_name = namespace_name, .name = name, .uuid = metadata.uuid, .location = table_location,
                                      .metadata_location = location, .version = -1};
    enum tl_code code = tl_lake_pointers_move(lake, arena, &pointer, 1, err);
    if (code == TL_OK)
        atomic_fetch_add(&lake->generation, 1);
    return code;
}

/* Views of the REST catalog: SQL texts in dialects of engines, with versions.  Their metadata is written and moved as that of tables. */
#include "lake/lake_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lake/reach_int.h"

enum { REPRESENTATIONS_MAX = 100, VERSIONS_KEPT = 10, VERSIONS_KEPT_MAX = 10000, JUST_ADDED = -1, VIEW_FORMAT = 1 };

/* Schemas, properties, uuid and location are handled as those of a table. */
struct view {
    struct tl_lake_metadata base;
    struct tl_lake_list versions, log;
    int64_t current; /* version id; -1 = not set yet */
    /* what the client called the version it added, and what it became; -1 = none added */
    int64_t asked, became;
};

struct view_change {
    struct tl_lake_change base;
    struct view view;
};

/* --- reading and writing --- */

static enum tl_code read_list(tl_arena *arena, const tl_json *root, const char *key, struct tl_lake_list *list, struct tl_err *err)
{
    const tl_json *value = tl_json_get(root, key);
    if (!tl_json_is_array(value))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the view metadata cannot be read: \"%s\" is not a list", key);
    for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it);)
        tl_lake_list_add(arena, list, it.value);
    return TL_OK;
}

static enum tl_code read_view(tl_arena *arena, struct tl_str text, struct view *view, struct tl_err *err)
{
    static const char *const known[] = {"view-uuid", "format-version", "location", "schemas", "current-version-id", "versions", "version-log",
                                        "properties"};
    const tl_json *root;
    if (tl_json_parse(arena, text.data, text.size, &root, err) != TL_OK ||
        tl_lake_json_need_text(root, "the view metadata", "view-uuid", &view->base.uuid, err) != TL_OK ||
        tl_lake_json_need_text(root, "the view metadata", "location", &view->base.location, err) != TL_OK ||
        tl_lake_json_need_int(root, "the view metadata", "current-version-id", &view->current, err) != TL_OK ||
        read_list(arena, root, "schemas", &view->base.schemas, err) != TL_OK || read_list(arena, root, "versions", &view->versions, err) != TL_OK ||
        read_list(arena, root, "version-log", &view->log, err) != TL_OK)
        return err->code;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(root, "properties")); tl_json_next(&it);)
        tl_lake_map_set(arena, &view->base.properties, it.key, it.value);
    for (struct tl_json_iter it = tl_json_iter(root); tl_json_next(&it);) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            is_known = is_known || strcmp(it.key, known[i]) == 0;
        if (!is_known)
            tl_lake_map_set(arena, &view->base.others, it.key, it.value);
    }
    return TL_OK;
}

static void put_list(struct tl_json_writer *writer, const char *key, const struct tl_lake_list *list)
{
    tl_json_key(writer, key);
    tl_json_begin_array(writer);
    for (size_t i = 0; i < list->count; i++)
        tl_json_put_value(writer, list->items[i]);
    tl_json_end_array(writer);
}

static void put_map(struct tl_json_writer *writer, const struct tl_lake_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        tl_json_key(writer, map->items[i].key);
        tl_json_put_value(writer, map->items[i].value);
    }
}

static void write_view(const struct view *view, struct tl_buf *buf)
{
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, buf);
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "view-uuid", view->base.uuid);
    tl_json_pair_int64(&writer, "format-version", VIEW_FORMAT);
    tl_json_pair_text(&writer, "location", view->base.location);
    put_list(&writer, "schemas", &view->base.schemas);
    tl_json_pair_int64(&writer, "current-version-id", view->current);
    put_list(&writer, "versions", &view->versions);
    put_list(&writer, "version-log", &view->log);
    tl_json_key(&writer, "properties");
    tl_json_begin_object(&writer);
    put_map(&writer, &view->base.properties);
    tl_json_end_object(&writer);
    put_map(&writer, &view->base.others);
    tl_json_end_object(&writer);
}

/* --- versions --- */

static enum tl_code check_representations(const tl_json *version, struct tl_err *err)
{
    const tl_json *list = tl_json_get(version, "representations");
    const char *dialects[REPRESENTATIONS_MAX];
    size_t count = 0;
    if (!tl_json_is_array(list) || tl_json_count(list) == 0 || tl_json_count(list) > REPRESENTATIONS_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a view version needs 1 to %d representations", REPRESENTATIONS_MAX);
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it);) {
        const char *type, *sql;
        if (tl_lake_json_need_text(it.value, "a representation", "type", &type, err) != TL_OK)
            return err->code;
        if (strcmp(type, "sql") != 0)
            continue;
        if (tl_lake_json_need_text(it.value, "a representation", "sql", &sql, err) != TL_OK ||
            tl_lake_json_need_text(it.value, "a representation", "dialect", &dialects[count], err) != TL_OK)
            return err->code;
        for (size_t i = 0; i < count; i++)
            if (tl_streq_nocase(dialects[i], dialects[count]))
                return tl_err_set(err, TL_INVALID_ARGUMENT, "Invalid view version: Cannot add multiple queries for dialect %.100s", dialects[count]);
        count++;
    }
    return TL_OK;
}

/* Equal in all that matters: not in their numbers and times. */
static bool same_version(const tl_json *a, const tl_json *b)
{
    static const char *const members[] = {"schema-id", "summary", "default-catalog", "default-namespace", "representations"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const tl_json *x = tl_json_get(a, members[i]), *y = tl_json_get(b, members[i]);
        bool no_x = !x || tl_json_is_null(x), no_y = !y || tl_json_is_null(y);
        if (no_x != no_y || (!no_x && !tl_lake_json_equal(x, y)))
            return false;
    }
    return true;
}

static enum tl_code resolve_schema(struct view_change *change, const tl_json **version, struct tl_err *err)
{
    int64_t schema;
    if (tl_lake_json_need_int(*version, "a view version", "schema-id", &schema, err) != TL_OK)
        return err->code;
    for (int i = change->base.schema_count - 1; i >= 0; i--)
        if (schema == JUST_ADDED || change->base.schemas[i].asked == schema) {
            schema = change->base.schemas[i].became;
            break;
        }
    if (!tl_lake_list_find(&change->view.base.schemas, "schema-id", schema))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "Cannot add version with unknown schema: %lld", (long long)schema);
    return tl_lake_json_with_int(change->base.arena, *version, "schema-id", schema, version, err);
}

static enum tl_code add_version(struct view_change *change, const tl_json *version, struct tl_err *err)
{
    struct view *view = &change->view;
    int64_t when;
    if (tl_lake_json_need_int(version, "a view version", "version-id", &view->asked, err) != TL_OK ||
        tl_lake_json_need_int(version, "a view version", "timestamp-ms", &when, err) != TL_OK || check_representations(version, err) != TL_OK ||
        resolve_schema(change, &version, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < view->versions.count; i++)
        if (same_version(view->versions.items[i], version))
            return tl_lake_json_need_int(view->versions.items[i], "a view version", "version-id", &view->became, err);
    view->became = tl_lake_list_max(&view->versions, "version-id", 0) + 1;
    if (view->versions.count == 0 && view->asked > 0)
        view->became = view->asked;
    if (tl_lake_json_with_int(change->base.arena, version, "version-id", view->became, &version, err) != TL_OK)
        return err->code;
    tl_lake_list_add(change->base.arena, &view->versions, version);
    return TL_OK;
}

static enum tl_code set_version(struct view_change *change, int64_t id, struct tl_err *err)
{
    struct view *view = &change->view;
    if (view->became >= 0 && (id == JUST_ADDED || id == view->asked))
        id = view->became;
    const tl_json *version = tl_lake_list_find(&view->versions, "version-id", id), *entry;
    if (!version)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "Cannot set current version to unknown version: %lld", (long long)id);
    if (id == view->current)
        return TL_OK;
    int64_t when = change->base.now_ms;
    if (id == view->became)
        (void)tl_json_int64(tl_json_get(version, "timestamp-ms"), &when);
    const char *text = tl_arena_printf(change->base.arena, "{\"timestamp-ms\":%lld,\"version-id\":%lld}", (long long)when, (long long)id);
    if (tl_json_parse(change->base.arena, text, strlen(text), &entry, err) != TL_OK)
        return err->code;
    tl_lake_list_add(change->base.arena, &view->log, entry);
    view->current = id;
    return TL_OK;
}

/* The newest ones stay, and the current one. */
static void trim_versions(struct view *view)
{
    const char *text = tl_lake_property(&view->base, "version.history.num-entries");
    long kept = text ? strtol(text, NULL, 10) : VERSIONS_KEPT;
    kept = kept < 1 ? 1 : kept > VERSIONS_KEPT_MAX ? VERSIONS_KEPT_MAX : kept;
    for (size_t i = 0; view->versions.count > (size_t)kept && i < view->versions.count;) {
        int64_t id;
        if (tl_json_int64(tl_json_get(view->versions.items[i], "version-id"), &id) && id == view->current)
            i++;
        else
            tl_lake_list_remove(&view->versions, i);
    }
    int64_t id;
    for (size_t i = view->log.count; i > 0; i--) /* a log must have no holes */
        if (tl_json_int64(tl_json_get(view->log.items[i - 1], "version-id"), &id) && !tl_lake_list_find(&view->versions, "version-id", id)) {
            for (size_t k = 0; k < i; k++)
                tl_lake_list_remove(&view->log, 0);
            break;
        }
}

/* --- a change --- */

static enum tl_code apply_one(struct view_change *change, const tl_json *update, struct tl_err *err)
{
    static const char *const shared[] = {"assign-uuid", "add-schema", "set-location", "set-properties", "remove-properties"};
    const char *action;
    int64_t id;
    if (tl_lake_json_need_text(update, "each update", "action", &action, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
        if (strcmp(action, shared[i]) == 0)
            return tl_lake_apply_one(&change->base, update, err);
    if (strcmp(action, "add-view-version") == 0)
        return add_version(change, tl_json_get(update, "view-version"), err);
    if (strcmp(action, "set-current-view-version") == 0)
        return tl_lake_json_need_int(update, action, "view-version-id", &id, err) == TL_OK ? set_version(change, id, err) : err->code;
    if (strcmp(action, "upgrade-format-version") == 0) {
        if (tl_lake_json_need_int(update, action, "format-version", &id, err) == TL_OK && id != VIEW_FORMAT)
            tl_err_set(err, TL_INVALID_ARGUMENT, "format version %lld of a view is not offered", (long long)id);
        return err->code;
    }
    return tl_err_set(err, TL_INVALID_ARGUMENT, "update \"%.100s\" of a view is not known", action);
}

static enum tl_code check_requirements(const tl_json *requirements, const struct view *view, struct tl_err *err)
{
    for (struct tl_json_iter it = tl_json_iter(requirements); tl_json_next(&it);) {
        const char *type, *uuid;
        if (tl_lake_json_need_text(it.value, "each requirement", "type", &type, err) != TL_OK)
            return err->code;
        if (strcmp(type, "assert-view-uuid") != 0)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "requirement \"%.100s\" of a view is not known", type);
        if (tl_lake_json_need_text(it.value, type, "uuid", &uuid, err) != TL_OK)
            return err->code;
        if (!tl_streq_nocase(uuid, view->base.uuid))
            return tl_err_set(err, TL_CONFLICT, "Requirement failed: view UUID does not match: expected %.64s != %s", view->base.uuid, uuid);
    }
    return TL_OK;
}

static struct view_change *change_new(struct tl_lake_route_call *rest)
{
    struct view_change *change = TL_NEW(rest->arena, struct view_change);
    tl_lake_metadata_init(&change->view.base);
    change->view.current = change->view.became = -1;
    change->base = (struct tl_lake_change){.lake = rest->lake, .arena = rest->arena, .metadata = &change->view.base, .now_ms = tl_clock_wall_us() / 1000};
    return change;
}

static void put_view(struct tl_lake_route_call *rest, const char *metadata_location, struct tl_str metadata)
{
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "metadata-location", metadata_location);
    tl_json_key(&writer, "metadata");
    tl_json_put_raw(&writer, metadata);
    tl_json_key(&writer, "config");
    tl_json_begin_object(&writer);
    tl_json_end_object(&writer);
    tl_json_end_object(&writer);
}

/* Write, move, answer. */
static enum tl_code save(struct tl_lake_route_call *rest, const struct view *view, struct tl_lake_pointer *pointer, struct tl_err *err)
{
    struct tl_buf buf;
    char uuid[37];
    if (tl_lake_uuid(uuid, err) != TL_OK)
        return err->code;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    write_view(view, &buf);
    pointer->kind = TL_LAKE_VIEW;
    pointer->uuid = view->base.uuid;
    const char *old_location = pointer->version >= 0 ? pointer->location : NULL;
    pointer->location = view->base.location;
    pointer->metadata_location = tl_arena_printf(rest->arena, "%s/metadata/%05lld-%s.metadata.json", view->base.location,
                                                 (long long)pointer->version + 1, uuid);
    tl_objects *objects = rest->lake->objects;
    enum tl_code code = buf.failed ? tl_err_set(err, TL_TOO_LARGE, "the metadata of the view would be too large")
                                   : tl_objects_write(objects, pointer->metadata_location, tl_buf_cstr(&buf), buf.size, true, err);
    if (code == TL_OK)
        code = tl_lake_pointers_commit(rest->lake, rest->arena, pointer, 1, err);
    if (code == TL_OK) {
        atomic_fetch_add(&rest->lake->generation, 1);
        /* nothing reads a view's old files; where it moved into its own folder, those it has now are among them */
        if (old_location && !reach_is_below(tl_str_of(pointer->location), tl_str_of(old_location))) {
            struct tl_err ignored;
            tl_err_init(&ignored);
            (void)!tl_objects_remove_below(objects, old_location, &ignored);
        }
        put_view(rest, pointer->metadata_location, (struct tl_str){buf.data, buf.size});
    }
    tl_buf_done(&buf);
    return code;
}

/* --- routes --- */

static enum tl_code load(struct tl_lake_route_call *rest, struct tl_lake_pointer *ret_pointer, struct tl_str *ret_text, struct tl_err *err)
{
    rest->kind = TL_LAKE_VIEW;
    if (tl_lake_entry_get(rest->lake, rest->arena, TL_LAKE_VIEW, rest->namespace_name, rest->table, ret_pointer, err) != TL_OK)
        return err->code;
    return tl_lake_metadata_load(rest->lake, rest->arena, ret_pointer->metadata_location, NULL, ret_text, NULL, err);
}

enum tl_code tl_lake_rest_view(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    struct tl_str text;
    if (load(rest, &pointer, &text, err) == TL_OK)
        put_view(rest, pointer.metadata_location, text);
    return err->code;
}

enum tl_code tl_lake_rest_view_exists(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    rest->kind = TL_LAKE_VIEW;
    rest->status = 204;
    return tl_lake_entry_get(rest->lake, rest->arena, TL_LAKE_VIEW, rest->namespace_name, rest->table, &pointer, err);
}

enum tl_code tl_lake_rest_view_create(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct view_change *change = change_new(rest);
    const char *name, *location = tl_json_get_text(rest->body, "location");
    const tl_json *properties = tl_json_get(rest->body, "properties");
    char uuid[37];
    rest->kind = TL_LAKE_VIEW;
    change->base.creating = true;
    if (tl_lake_json_need_text(rest->body, "a new view", "name", &name, err) != TL_OK || tl_lake_table_name_check(name, err) != TL_OK ||
        tl_lake_rest_need(rest, TL_LAKE_RIGHT_CREATE, rest->namespace_name, name, err) != TL_OK ||
        (location && tl_lake_location(rest->lake, rest->arena, location, &change->view.base.location, err) != TL_OK) ||
        tl_lake_add_schema(&change->base, tl_json_get(rest->body, "schema"), err) != TL_OK ||
        (properties && !tl_json_is_null(properties) && tl_lake_set_properties(&change->base, properties, err) != TL_OK) ||
        add_version(change, tl_json_get(rest->body, "view-version"), err) != TL_OK || set_version(change, JUST_ADDED, err) != TL_OK ||
        tl_lake_uuid(uuid, err) != TL_OK)
        return err->code;
    change->view.base.uuid = tl_arena_strdup(rest->arena, uuid);
    if (!location)
        change->view.base.location = tl_lake_new_location(rest->lake, rest->arena, rest->namespace_name, name, err);
    if (!change->view.base.location)
        return err->code;
    struct tl_lake_pointer pointer = {.namespace_name = rest->namespace_name, .name = name, .version = -1};
    rest->table = name;
    if (save(rest, &change->view, &pointer, err) != TL_OK)
        return err->code;
    return tl_lake_rest_changed(rest, TL_LAKE_MADE, rest->namespace_name, name, NULL, err);
}

static enum tl_code replace(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct view_change *change = change_new(rest);
    struct tl_lake_pointer pointer;
    struct tl_str text;
    const tl_json *updates = tl_json_get(rest->body, "updates");
    change->base.creating = true; /* a view may move, as only what is being made may in tables */
    if (load(rest, &pointer, &text, err) != TL_OK || read_view(rest->arena, text, &change->view, err) != TL_OK ||
        check_requirements(tl_json_get(rest->body, "requirements"), &change->view, err) != TL_OK)
        return err->code;
    if (!tl_json_is_array(updates) || tl_json_count(updates) > TL_LAKE_UPDATES_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a change of a view needs the list \"updates\"");
    for (struct tl_json_iter it = tl_json_iter(updates); tl_json_next(&it);)
        if (apply_one(change, it.value, err) != TL_OK)
            return err->code;
    if (tl_json_count(updates) == 0) {
        put_view(rest, pointer.metadata_location, text);
        return TL_OK;
    }
    trim_versions(&change->view);
    return save(rest, &change->view, &pointer, err);
}

enum tl_code tl_lake_rest_view_replace(struct tl_lake_route_call *rest, struct tl_err *err)
{
    if (tl_lake_rest_check_identifier(rest, err) != TL_OK)
        return err->code;
    for (int i = 0; i < TL_LAKE_COMMIT_ATTEMPTS; i++) {
        struct tl_err failure;
        tl_err_init(&failure);
        enum tl_code code = replace(rest, &failure);
        bool raced = code == TL_CONFLICT && strncmp(failure.message, "Requirement", 11) != 0;
        if (!raced || i + 1 == TL_LAKE_COMMIT_ATTEMPTS)
            return code == TL_OK ? TL_OK : tl_err_copy(err, &failure);
        tl_buf_clear(rest->reply);
    }
    return err->code;
}

enum tl_code tl_lake_rest_view_remove(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *location;
    struct tl_err ignored; /* the view is gone either way */
    rest->kind = TL_LAKE_VIEW;
    rest->status = 204;
    if (tl_lake_entry_remove(rest->lake, rest->arena, TL_LAKE_VIEW, rest->namespace_name, rest->table, true, &location, err) != TL_OK)
        return err->code;
    atomic_fetch_add(&rest->lake->generation, 1);
    tl_err_init(&ignored);
    (void)!tl_objects_remove_below(rest->lake->objects, location, &ignored);
    return tl_lake_rest_changed(rest, TL_LAKE_DROPPED, rest->namespace_name, rest->table, NULL, err);
}

/* Names and pointers.  Every decision about them is made inside one write of the store. */
#include "lake/lake_int.h"

#include <string.h>

#include "base/clock.h"

/* Engines compare names without regard to ASCII case; two that differ only there would be one table to them. */
static const char *fold(tl_arena *arena, const char *name)
{
    char *text = tl_arena_strdup(arena, name);
    for (char *c = text; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
    return text;
}

static const char *parent_of(tl_arena *arena, const char *namespace_name)
{
    const char *last = strrchr(namespace_name, TL_LAKE_LEVEL_SEPARATOR);
    return last ? tl_arena_strndup(arena, namespace_name, (size_t)(last - namespace_name)) : "";
}

/* --- one operation on the store --- */

struct operation {
    tl_lake *lake;
    tl_arena *arena;
    enum tl_lake_kind kind;
    const char *namespace_name, *name, *other_namespace, *other_name, *text;
    size_t limit;
    bool purge;
    const struct tl_lake_pointer *pointers;
    size_t pointer_count;
    /* results */
    struct tl_lake_names *names;
    struct tl_lake_pointer found;
    const char *found_text;
    enum tl_lake_kind found_kind;
    bool exists;
    enum tl_code (*change)(void *context, const char *properties, const char **ret_properties, struct tl_err *err);
    void *change_context;
};

static const char *cell_text(tl_arena *arena, const struct tl_store_value *cell)
{
    return tl_arena_strndup(arena, cell->bytes.data, cell->bytes.size);
}

static enum tl_code row_text(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    struct operation *op = context;
    op->exists = true;
    op->found_text = cell_text(op->arena, &cells[0]);
    return TL_OK;
}

static enum tl_code row_text_and_kind(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct operation *op = context;
    op->found_kind = tl_str_equal(cells[1].bytes, TL_STR("view")) ? TL_LAKE_VIEW : TL_LAKE_TABLE;
    return row_text(context, cells, count, err);
}

static enum tl_code row_pointer(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    struct operation *op = context;
    op->exists = true;
    op->found = (struct tl_lake_pointer){
        .namespace_name = op->namespace_name,
        .name = op->name,
        .uuid = cell_text(op->arena, &cells[0]),
        .location = cell_text(op->arena, &cells[1]),
        .metadata_location = cell_text(op->arena, &cells[2]),
        .version = cells[3].integer,
    };
    return TL_OK;
}

static enum tl_code row_name(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    struct operation *op = context;
    struct tl_lake_names *names = op->names;
    if (names->count == op->limit) {
        names->more = true;
        return TL_OK;
    }
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? names->capacity * 2 : 64;
        names->items = tl_arena_grow(op->arena, names->items ? names->items : tl_arena_alloc(op->arena, 0),
                                     names->capacity * sizeof *names->items, capacity * sizeof *names->items);
        names->capacity = capacity;
    }
    names->items[names->count++] = cell_text(op->arena, &cells[0]);
    return TL_OK;
}

static enum tl_code namespace_missing(struct operation *op, const char *namespace_name, struct tl_err *err)
{
    return tl_err_set(err, TL_SCHEMA_NOT_FOUND, "Namespace does not exist: %s", tl_lake_dotted(op->arena, namespace_name));
}

static enum tl_code table_missing(struct operation *op, struct tl_err *err)
{
    return tl_err_set(err, TL_TABLE_NOT_FOUND, "%s does not exist: %s.%s", op->kind == TL_LAKE_VIEW ? "View" : "Table",
                      tl_lake_dotted(op->arena, op->namespace_name), op->name);
}

static const char *kind_text(enum tl_lake_kind kind)
{
    return kind == TL_LAKE_VIEW ? "view" : "table";
}

/* op->found_text = its properties */
static enum tl_code need_namespace(tl_store_tx *tx, struct operation *op, const char *namespace_name, struct tl_err *err)
{
    op->exists = false;
    if (TL_LAKE_RUN(tx, "SELECT properties FROM lake_namespace WHERE name = ?1", row_text, op, err, TL_STORE_T(namespace_name)) != TL_OK)
        return err->code;
    return op->exists ? TL_OK : namespace_missing(op, namespace_name, err);
}

static enum tl_code find_pointer(tl_store_tx *tx, struct operation *op, struct tl_err *err)
{
    op->exists = false;
    return TL_LAKE_RUN(tx, "SELECT uuid, location, metadata_location, version FROM lake_table WHERE namespace = ?1 AND name = ?2 AND kind = ?3",
                       row_pointer, op, err, TL_STORE_T(op->namespace_name), TL_STORE_T(op->name), TL_STORE_T(kind_text(op->kind)));
}

/* What is dropped is kept for a while, where the lake is set so; what is to be cleared away is remembered until it is done. */
static enum tl_code keep_dropped(tl_store_tx *tx, struct operation *op, struct tl_err *err)
{
    int64_t now_us = tl_clock_wall_us(), keep_us = op->lake->undrop_us;
    if (keep_us == 0 && !op->purge)
        return TL_OK;
    return TL_LAKE_RUN(tx,
                       "INSERT INTO lake_dropped (uuid, namespace, name, location, metadata_location, version, purge, dropped_at_us, ends_at_us)"
                       " SELECT uuid, namespace, name, location, metadata_location, version, ?3, ?4, ?5 FROM lake_table"
                       " WHERE namespace = ?1 AND (?2 IS NULL OR name = ?2) AND kind = 'table' ON CONFLICT (uuid) DO NOTHING",
                       NULL, NULL, err, TL_STORE_T(op->namespace_name), TL_STORE_T(op->name), TL_STORE_I(keep_us ? op->purge : TL_LAKE_PURGING),
                       TL_STORE_I(now_us), TL_STORE_I(now_us + keep_us));
}

/* --- namespaces --- */

static enum tl_code run_namespace_add(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    const char *parent = parent_of(op->arena, op->namespace_name), *folded = fold(op->arena, op->namespace_name);
    if (*parent && need_namespace(tx, op, parent, err) != TL_OK)
        return err->code;
    op->exists = false;
    if (TL_LAKE_RUN(tx, "SELECT name FROM lake_namespace WHERE folded = ?1", row_text, op, err, TL_STORE_T(folded)) != TL_OK)
        return err->code;
    if (op->exists)
        return tl_err_set(err, TL_ALREADY_EXISTS, "Namespace already exists: %s", tl_lake_dotted(op->arena, op->found_text));
    return TL_LAKE_RUN(tx, "INSERT INTO lake_namespace (name, parent, folded, properties, created_at_us) VALUES (?1, ?2, ?3, ?4, ?5)", NULL, NULL,
                       err, TL_STORE_T(op->namespace_name), TL_STORE_T(parent), TL_STORE_T(folded), TL_STORE_T(op->text),
                       TL_STORE_I(tl_clock_wall_us()));
}

enum tl_code tl_lake_namespace_add(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *properties, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name, .text = properties};
    return tl_lake_write(lake, run_namespace_add, &op, err);
}

static enum tl_code need_empty(tl_store_tx *tx, struct operation *op, struct tl_err *err)
{
    op->exists = false;
    if (TL_LAKE_RUN(tx, "SELECT name FROM lake_table WHERE namespace = ?1 LIMIT 1", row_text, op, err, TL_STORE_T(op->namespace_name)) != TL_OK ||
        TL_LAKE_RUN(tx, "SELECT name FROM lake_namespace WHERE parent = ?1 LIMIT 1", row_text, op, err, TL_STORE_T(op->namespace_name)) != TL_OK)
        return err->code;
    if (op->exists)
        return tl_err_set(err, TL_SCHEMA_NOT_EMPTY, "Namespace %s is not empty: it holds %s",
                          tl_lake_dotted(op->arena, op->namespace_name), tl_lake_dotted(op->arena, op->found_text));
    return TL_OK;
}

static enum tl_code run_namespace_remove(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    if (need_namespace(tx, op, op->namespace_name, err) != TL_OK || need_empty(tx, op, err) != TL_OK)
        return err->code;
    return TL_LAKE_RUN(tx, "DELETE FROM lake_namespace WHERE name = ?1", NULL, NULL, err, TL_STORE_T(op->namespace_name));
}

enum tl_code tl_lake_namespace_remove(tl_lake *lake, tl_arena *arena, const char *namespace_name, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name};
    return tl_lake_write(lake, run_namespace_remove, &op, err);
}

static enum tl_code run_namespace_get(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    return need_namespace(tx, op, op->namespace_name, err);
}

enum tl_code tl_lake_namespace_get(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char **ret_properties,
                                   struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name};
    enum tl_code code = tl_store_read(lake->store, run_namespace_get, &op, err);
    if (ret_properties)
        *ret_properties = op.found_text;
    return code;
}

static enum tl_code run_namespace_set(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    const char *properties = NULL;
    if (need_namespace(tx, op, op->namespace_name, err) != TL_OK ||
        op->change(op->change_context, op->found_text, &properties, err) != TL_OK)
        return err->code;
    return TL_LAKE_RUN(tx, "UPDATE lake_namespace SET properties = ?2 WHERE name = ?1", NULL, NULL, err, TL_STORE_T(op->namespace_name),
                       TL_STORE_T(properties));
}

enum tl_code tl_lake_namespace_set(tl_lake *lake, tl_arena *arena, const char *namespace_name,
                                   enum tl_code (*change)(void *context, const char *properties, const char **ret_properties, struct tl_err *err),
                                   void *context, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name, .change = change, .change_context = context};
    return tl_lake_write(lake, run_namespace_set, &op, err);
}

static enum tl_code run_namespace_list(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    if (*op->namespace_name && need_namespace(tx, op, op->namespace_name, err) != TL_OK)
        return err->code;
    return TL_LAKE_RUN(tx, "SELECT name FROM lake_namespace WHERE parent = ?1 AND name > ?2 ORDER BY name LIMIT ?3", row_name, op, err,
                       TL_STORE_T(op->namespace_name), TL_STORE_T(op->text), TL_STORE_I((int64_t)op->limit + 1));
}

enum tl_code tl_lake_namespace_list(tl_lake *lake, tl_arena *arena, const char *parent, const char *after, size_t limit,
                                    struct tl_lake_names *names, struct tl_err *err)
{
    *names = (struct tl_lake_names){0};
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = parent, .text = after, .limit = limit, .names = names};
    return tl_store_read(lake->store, run_namespace_list, &op, err);
}

static enum tl_code run_all_namespaces(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    return tl_store_run(tx, "SELECT name FROM lake_namespace ORDER BY name", NULL, 0, row_name, op, err);
}

enum tl_code tl_lake_schemas(struct tl_request *rq, tl_lake *lake, const char *const **ret_names, size_t *ret_count)
{
    struct tl_lake_names names = {0};
    struct operation op = {.lake = lake, .arena = rq->arena, .limit = TL_LAKE_LIST_MAX, .names = &names};
    if (tl_store_read(lake->store, run_all_namespaces, &op, &rq->err) != TL_OK)
        return rq->err.code;
    for (size_t i = 0; i < names.count; i++)
        names.items[i] = tl_lake_dotted(rq->arena, names.items[i]);
    *ret_names = names.items;
    *ret_count = names.count;
    return TL_OK;
}

/* The namespace that SQL calls by its dotted name. */
static enum tl_code find_schema(tl_store_tx *tx, struct operation *op, const char *schema, struct tl_err *err)
{
    const char *separator = tl_arena_printf(op->arena, "%c", TL_LAKE_LEVEL_SEPARATOR);
    op->exists = false;
    if (TL_LAKE_RUN(tx, "SELECT name FROM lake_namespace WHERE replace(folded, ?2, '.') = ?1", row_text, op, err,
                    TL_STORE_T(fold(op->arena, schema)), TL_STORE_T(separator)) != TL_OK)
        return err->code;
    op->namespace_name = op->found_text;
    return op->exists ? TL_OK : namespace_missing(op, schema, err);
}

static enum tl_code run_schema_empty(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    if (find_schema(tx, op, op->text, err) != TL_OK)
        return err->code;
    op->purge = true;
    if (TL_LAKE_RUN(tx, "SELECT location FROM lake_table WHERE namespace = ?1 AND (?2 = 0 OR kind = 'view')", row_name, op, err,
                    TL_STORE_T(op->namespace_name), TL_STORE_I(op->lake->undrop_us)) != TL_OK ||
        keep_dropped(tx, op, err) != TL_OK ||
        TL_LAKE_RUN(tx, "DELETE FROM lake_table WHERE namespace = ?1", NULL, NULL, err, TL_STORE_T(op->namespace_name)) != TL_OK)
        return err->code;
    return need_empty(tx, op, err);
}

enum tl_code tl_lake_schema_empty(struct tl_request *rq, tl_lake *lake, const char *schema)
{
    struct tl_lake_names locations = {0};
    struct operation op = {.lake = lake, .arena = rq->arena, .text = schema, .limit = TL_LAKE_LIST_MAX, .names = &locations};
    if (tl_store_write(lake->store, run_schema_empty, &op, &rq->err) != TL_OK)
        return rq->err.code;
    atomic_fetch_add(&lake->generation, 1);
    for (size_t i = 0; i < locations.count; i++)
        tl_lake_finish_purge(lake, rq->arena, locations.items[i]);
    return TL_OK;
}

/* --- tables --- */

static enum tl_code run_table_list(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    if (need_namespace(tx, op, op->namespace_name, err) != TL_OK)
        return err->code;
    return TL_LAKE_RUN(tx, "SELECT name FROM lake_table WHERE namespace = ?1 AND name > ?2 AND kind = ?4 ORDER BY name LIMIT ?3", row_name, op, err,
                       TL_STORE_T(op->namespace_name), TL_STORE_T(op->text), TL_STORE_I((int64_t)op->limit + 1), TL_STORE_T(kind_text(op->kind)));
}

enum tl_code tl_lake_entry_list(tl_lake *lake, tl_arena *arena, enum tl_lake_kind kind, const char *namespace_name, const char *after, size_t limit,
                                struct tl_lake_names *names, struct tl_err *err)
{
    *names = (struct tl_lake_names){0};
    struct operation op = {.lake = lake, .arena = arena, .kind = kind, .namespace_name = namespace_name, .text = after, .limit = limit,
                           .names = names};
    return tl_store_read(lake->store, run_table_list, &op, err);
}

static enum tl_code need_pointer(tl_store_tx *tx, struct operation *op, struct tl_err *err)
{
    if (find_pointer(tx, op, err) != TL_OK || op->exists)
        return err->code;
    return table_missing(op, err);
}

static enum tl_code run_pointer_get(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return need_pointer(tx, context, err);
}

enum tl_code tl_lake_entry_get(tl_lake *lake, tl_arena *arena, enum tl_lake_kind kind, const char *namespace_name, const char *name,
                               struct tl_lake_pointer *ret_pointer, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .kind = kind, .namespace_name = namespace_name, .name = name};
    enum tl_code code = tl_store_read(lake->store, run_pointer_get, &op, err);
    *ret_pointer = op.found;
    return code;
}

enum tl_code tl_lake_pointer_get(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name,
                                 struct tl_lake_pointer *ret_pointer, struct tl_err *err)
{
    return tl_lake_entry_get(lake, arena, TL_LAKE_TABLE, namespace_name, name, ret_pointer, err);
}

static enum tl_code run_table_remove(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    if (need_pointer(tx, op, err) != TL_OK || keep_dropped(tx, op, err) != TL_OK)
        return err->code;
    return TL_LAKE_RUN(tx, "DELETE FROM lake_table WHERE namespace = ?1 AND name = ?2", NULL, NULL, err, TL_STORE_T(op->namespace_name),
                       TL_STORE_T(op->name));
}

enum tl_code tl_lake_entry_remove(tl_lake *lake, tl_arena *arena, enum tl_lake_kind kind, const char *namespace_name, const char *name,
                                  bool purge, const char **ret_location, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .kind = kind, .namespace_name = namespace_name, .name = name, .purge = purge};
    enum tl_code code = tl_lake_write(lake, run_table_remove, &op, err);
    *ret_location = op.found.location;
    return code;
}

/* Is the name free, but for the table that is being renamed (self: its name when it is in the same namespace)? */
static enum tl_code need_free_name(tl_store_tx *tx, struct operation *op, const char *namespace_name, const char *name, const char *self,
                                   struct tl_err *err)
{
    op->exists = false;
    if (TL_LAKE_RUN(tx, "SELECT name, kind FROM lake_table WHERE namespace = ?1 AND folded = ?2", row_text_and_kind, op, err,
                    TL_STORE_T(namespace_name), TL_STORE_T(fold(op->arena, name))) != TL_OK)
        return err->code;
    if (!op->exists || (self && strcmp(op->found_text, self) == 0 && strcmp(self, name) != 0))
        return TL_OK;
    bool same = op->found_kind == op->kind;
    if (op->other_name && op->other_namespace)
        return tl_err_set(err, TL_ALREADY_EXISTS, "Cannot rename %s.%s to %s.%s. %s already exists", tl_lake_dotted(op->arena, op->namespace_name),
                          op->name, tl_lake_dotted(op->arena, namespace_name), name, op->found_kind == TL_LAKE_VIEW ? "View" : "Table");
    return tl_err_set(err, TL_ALREADY_EXISTS, "%s %s: %s.%s", op->found_kind == TL_LAKE_VIEW ? "View" : "Table",
                      same ? "already exists" : "with same name already exists", tl_lake_dotted(op->arena, namespace_name), op->found_text);
}

static enum tl_code run_table_rename(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    const char *self = strcmp(op->namespace_name, op->other_namespace) == 0 ? op->name : NULL;
    if (need_pointer(tx, op, err) != TL_OK || need_namespace(tx, op, op->other_namespace, err) != TL_OK ||
        need_free_name(tx, op, op->other_namespace, op->other_name, self, err) != TL_OK)
        return err->code;
    return TL_LAKE_RUN(tx, "UPDATE lake_table SET namespace = ?3, name = ?4, folded = ?5 WHERE namespace = ?1 AND name = ?2", NULL, NULL, err,
                       TL_STORE_T(op->namespace_name), TL_STORE_T(op->name), TL_STORE_T(op->other_namespace), TL_STORE_T(op->other_name),
                       TL_STORE_T(fold(op->arena, op->other_name)));
}

enum tl_code tl_lake_entry_rename(tl_lake *lake, tl_arena *arena, enum tl_lake_kind kind, const char *namespace_name, const char *name,
                                  const char *to_namespace, const char *to_name, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .kind = kind, .namespace_name = namespace_name, .name = name,
                           .other_namespace = to_namespace, .other_name = to_name};
    return tl_lake_write(lake, run_table_rename, &op, err);
}

static enum tl_code run_undrop(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    op->exists = false;
    if (need_namespace(tx, op, op->namespace_name, err) != TL_OK ||
        need_free_name(tx, op, op->namespace_name, op->other_name, NULL, err) != TL_OK)
        return err->code;
    op->exists = false;
    if (TL_LAKE_RUN(tx,
                    "SELECT uuid FROM lake_dropped WHERE namespace = ?1 AND name = ?2 AND (?3 IS NULL OR uuid = ?3) AND purge < 2"
                    " ORDER BY dropped_at_us DESC LIMIT 1",
                    row_text, op, err, TL_STORE_T(op->namespace_name), TL_STORE_T(op->name), TL_STORE_T(op->text)) != TL_OK)
        return err->code;
    if (!op->exists)
        return tl_err_set(err, TL_TABLE_NOT_FOUND, "No dropped table can be had back: %s.%s",
                          tl_lake_dotted(op->arena, op->namespace_name), op->name);
    if (TL_LAKE_RUN(tx,
                    "INSERT INTO lake_table (namespace, name, folded, uuid, location, metadata_location, version, kind)"
                    " SELECT namespace, ?2, ?3, uuid, location, metadata_location, version, 'table' FROM lake_dropped WHERE uuid = ?1",
                    NULL, NULL, err, TL_STORE_T(op->found_text), TL_STORE_T(op->other_name), TL_STORE_T(fold(op->arena, op->other_name))) != TL_OK)
        return err->code;
    return TL_LAKE_RUN(tx, "DELETE FROM lake_dropped WHERE uuid = ?1", NULL, NULL, err, TL_STORE_T(op->found_text));
}

enum tl_code tl_lake_undrop(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name, const char *uuid, const char *as,
                            struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name, .name = name, .text = uuid, .other_name = as};
    return tl_lake_write(lake, run_undrop, &op, err);
}

/* --- moving pointers --- */

/* One table's files must not lie inside another's: dropping the one would delete the other. */
static enum tl_code need_free_location(tl_store_tx *tx, struct operation *op, const struct tl_lake_pointer *pointer, struct tl_err *err)
{
    const char *location = pointer->location, *below = tl_arena_printf(op->arena, "%s/", location);
    const char *beyond = tl_arena_printf(op->arena, "%s0", location); /* '0' follows '/' */
    const char *self = pointer->version < 0 ? "" : pointer->uuid;
    op->exists = false;
    if (TL_LAKE_RUN(tx,
                    "SELECT name FROM lake_table WHERE (location = ?1 OR (location >= ?2 AND location < ?3)) AND uuid <> ?4"
                    " UNION ALL SELECT name FROM lake_dropped WHERE location = ?1 OR (location >= ?2 AND location < ?3) LIMIT 1",
                    row_text, op, err, TL_STORE_T(location), TL_STORE_T(below), TL_STORE_T(beyond), TL_STORE_T(self)) != TL_OK)
        return err->code;
    for (const char *slash = location + strlen(location); !op->exists && --slash > location;) /* the folders around it */
        if (*slash == '/' && TL_LAKE_RUN(tx,
                                         "SELECT name FROM lake_table WHERE location = ?1 AND uuid <> ?2"
                                         " UNION ALL SELECT name FROM lake_dropped WHERE location = ?1",
                                         row_text, op, err, TL_STORE_T(tl_arena_strndup(op->arena, location, (size_t)(slash - location))),
                                         TL_STORE_T(self)) != TL_OK)
            return err->code;
    if (!op->exists)
        return TL_OK;
    tl_err_set(err, TL_INVALID_ARGUMENT, "location \"%.300s\" is used by table \"%s\"", location, op->found_text);
    tl_err_hint(err, "choose a location that lies neither in nor around that of another table");
    return err->code;
}

/* Clients, requirements of commits and what was dropped know a table by it. */
static enum tl_code need_free_uuid(tl_store_tx *tx, struct operation *op, const struct tl_lake_pointer *pointer, struct tl_err *err)
{
    op->exists = false;
    if (TL_LAKE_RUN(tx, "SELECT name FROM lake_table WHERE uuid = ?1 UNION ALL SELECT name FROM lake_dropped WHERE uuid = ?1", row_text, op, err,
                    TL_STORE_T(pointer->uuid)) != TL_OK)
        return err->code;
    if (!op->exists)
        return TL_OK;
    tl_err_set(err, TL_ALREADY_EXISTS, "the uuid \"%.40s\" is the one of table \"%s\"", pointer->uuid, op->found_text);
    tl_err_hint(err, "drop that one first, or let the catalog give a new uuid");
    return TL_ALREADY_EXISTS;
}

static enum tl_code make_pointer(tl_store_tx *tx, struct operation *op, const struct tl_lake_pointer *pointer, struct tl_err *err)
{
    op->kind = pointer->kind;
    if (need_namespace(tx, op, pointer->namespace_name, err) != TL_OK ||
        need_free_name(tx, op, pointer->namespace_name, pointer->name, NULL, err) != TL_OK || need_free_location(tx, op, pointer, err) != TL_OK ||
        need_free_uuid(tx, op, pointer, err) != TL_OK)
        return err->code;
    return TL_LAKE_RUN(tx,
                       "INSERT INTO lake_table (namespace, name, folded, uuid, location, metadata_location, version, kind)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
                       NULL, NULL, err, TL_STORE_T(pointer->namespace_name), TL_STORE_T(pointer->name),
                       TL_STORE_T(fold(op->arena, pointer->name)), TL_STORE_T(pointer->uuid), TL_STORE_T(pointer->location),
                       TL_STORE_T(pointer->metadata_location), TL_STORE_T(kind_text(pointer->kind)));
}

/* Views may move; tables never do. */
static enum tl_code move_pointer(tl_store_tx *tx, struct operation *op, const struct tl_lake_pointer *pointer, struct tl_err *err)
{
    if ((pointer->kind == TL_LAKE_VIEW && need_free_location(tx, op, pointer, err) != TL_OK) ||
        TL_LAKE_RUN(tx,
                    "UPDATE lake_table SET metadata_location = ?4, location = ?6, version = version + 1"
                    " WHERE namespace = ?1 AND name = ?2 AND version = ?3 AND uuid = ?5",
                    NULL, NULL, err, TL_STORE_T(pointer->namespace_name), TL_STORE_T(pointer->name), TL_STORE_I(pointer->version),
                    TL_STORE_T(pointer->metadata_location), TL_STORE_T(pointer->uuid), TL_STORE_T(pointer->location)) != TL_OK)
        return err->code;
    if (tl_store_changes(tx) == 1)
        return TL_OK;
    return tl_err_set(err, TL_CONFLICT, "%s.%s was changed by another commit", tl_lake_dotted(op->arena, pointer->namespace_name), pointer->name);
}

static enum tl_code run_pointers_move(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    for (size_t i = 0; i < op->pointer_count; i++) {
        const struct tl_lake_pointer *pointer = &op->pointers[i];
        if ((pointer->version < 0 ? make_pointer : move_pointer)(tx, op, pointer, err) != TL_OK)
            return err->code;
    }
    return TL_OK;
}

enum tl_code tl_lake_pointers_move(tl_lake *lake, tl_arena *arena, const struct tl_lake_pointer *pointers, size_t count, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .pointers = pointers, .pointer_count = count};
    return tl_lake_write(lake, run_pointers_move, &op, err);
}

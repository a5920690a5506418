/* Names and pointers.  Every decision about them is made inside one write of the store. */
#include "lake/lake_int.h"

#include <string.h>

#include "base/clock.h"

/* --- names --- */

static const char *name_problem(const char *name, size_t size)
{
    if (size == 0)
        return "is empty";
    if (size > TL_LAKE_NAME_MAX)
        return "is longer than 255 bytes";
    if (!tl_utf8_valid(name, size, NULL))
        return "is not valid UTF-8";
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return "has a control character";
        /* "a"."b.c" and "a.b"."c" must not be the same words anywhere */
        if (name[i] == '.' || name[i] == '/' || name[i] == '\\')
            return "has a character that a name cannot have ('.', '/' or '\\')";
    }
    return NULL;
}

enum tl_code tl_lake_namespace_check(const char *namespace_name, struct tl_err *err)
{
    int levels = 0;
    for (const char *at = namespace_name;;) {
        size_t size = strcspn(at, "\x1F");
        const char *problem = name_problem(at, size);
        if (!problem && ++levels > TL_LAKE_LEVELS_MAX)
            problem = "has more than 16 levels";
        if (problem)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a namespace %s", problem);
        if (at[size] == '\0')
            break;
        at += size + 1;
    }
    if (strlen(namespace_name) > TL_LAKE_NAMESPACE_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a namespace is longer than %d bytes", TL_LAKE_NAMESPACE_MAX);
    return TL_OK;
}

enum tl_code tl_lake_table_name_check(const char *name, struct tl_err *err)
{
    const char *problem = name_problem(name, strlen(name));
    return problem ? tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a table %s", problem) : TL_OK;
}

enum tl_code tl_lake_namespace_of(tl_arena *arena, const tl_json *levels, const char **ret_namespace, struct tl_err *err)
{
    if (!tl_json_is_array(levels) || tl_json_count(levels) == 0 || tl_json_count(levels) > TL_LAKE_LEVELS_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a namespace is a list of 1 to %d names", TL_LAKE_LEVELS_MAX);
    struct tl_buf buf;
    tl_buf_init(&buf, TL_LAKE_NAMESPACE_MAX);
    for (struct tl_json_iter it = tl_json_iter(levels); tl_json_next(&it);) {
        struct tl_str level = tl_json_str(it.value);
        const char *problem = tl_json_is_string(it.value) ? name_problem(level.data, level.size) : "is not a text";
        if (problem) {
            tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a namespace %s", problem);
            break;
        }
        if (buf.size)
            tl_buf_addc(&buf, TL_LAKE_LEVEL_SEPARATOR);
        tl_buf_add(&buf, level.data, level.size);
    }
    if (!err->code && buf.failed)
        tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a namespace is longer than %d bytes", TL_LAKE_NAMESPACE_MAX);
    *ret_namespace = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return err->code;
}

const char *tl_lake_dotted(tl_arena *arena, const char *namespace_name)
{
    char *text = tl_arena_strdup(arena, namespace_name);
    for (char *c = text; *c; c++)
        if (*c == TL_LAKE_LEVEL_SEPARATOR)
            *c = '.';
    return text;
}

const char *tl_lake_undotted(tl_arena *arena, const char *schema)
{
    char *text = tl_arena_strdup(arena, schema);
    for (char *c = text; *c; c++)
        if (*c == '.')
            *c = TL_LAKE_LEVEL_SEPARATOR;
    return text;
}

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
    const char *namespace_name, *name, *other_namespace, *other_name, *text;
    size_t limit;
    const struct tl_lake_pointer *pointers;
    size_t pointer_count;
    /* results */
    struct tl_lake_names *names;
    struct tl_lake_pointer found;
    const char *found_text;
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

#define RUN(tx, sql, row, context, err, ...)                                                                                          \
    tl_store_run(tx, sql, (const struct tl_store_value[]){__VA_ARGS__},                                                               \
                 sizeof((const struct tl_store_value[]){__VA_ARGS__}) / sizeof(struct tl_store_value), row, context, err)

static enum tl_code namespace_missing(struct operation *op, const char *namespace_name, struct tl_err *err)
{
    return tl_err_set(err, TL_SCHEMA_NOT_FOUND, "Namespace does not exist: %s", tl_lake_dotted(op->arena, namespace_name));
}

static enum tl_code table_missing(struct operation *op, struct tl_err *err)
{
    return tl_err_set(err, TL_TABLE_NOT_FOUND, "Table does not exist: %s.%s", tl_lake_dotted(op->arena, op->namespace_name), op->name);
}

/* op->found_text = its properties */
static enum tl_code need_namespace(tl_store_tx *tx, struct operation *op, const char *namespace_name, struct tl_err *err)
{
    op->exists = false;
    if (RUN(tx, "SELECT properties FROM lake_namespace WHERE name = ?1", row_text, op, err, TL_STORE_T(namespace_name)) != TL_OK)
        return err->code;
    return op->exists ? TL_OK : namespace_missing(op, namespace_name, err);
}

static enum tl_code find_pointer(tl_store_tx *tx, struct operation *op, struct tl_err *err)
{
    op->exists = false;
    return RUN(tx, "SELECT uuid, location, metadata_location, version FROM lake_table WHERE namespace = ?1 AND name = ?2", row_pointer, op,
               err, TL_STORE_T(op->namespace_name), TL_STORE_T(op->name));
}

/* --- namespaces --- */

static enum tl_code run_namespace_add(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    const char *parent = parent_of(op->arena, op->namespace_name), *folded = fold(op->arena, op->namespace_name);
    if (*parent && need_namespace(tx, op, parent, err) != TL_OK)
        return err->code;
    op->exists = false;
    if (RUN(tx, "SELECT name FROM lake_namespace WHERE folded = ?1", row_text, op, err, TL_STORE_T(folded)) != TL_OK)
        return err->code;
    if (op->exists)
        return tl_err_set(err, TL_ALREADY_EXISTS, "Namespace already exists: %s", tl_lake_dotted(op->arena, op->found_text));
    return RUN(tx, "INSERT INTO lake_namespace (name, parent, folded, properties, created_at_us) VALUES (?1, ?2, ?3, ?4, ?5)", NULL, NULL,
               err, TL_STORE_T(op->namespace_name), TL_STORE_T(parent), TL_STORE_T(folded), TL_STORE_T(op->text),
               TL_STORE_I(tl_clock_wall_us()));
}

enum tl_code tl_lake_namespace_add(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *properties, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name, .text = properties};
    return tl_store_write(lake->store, run_namespace_add, &op, err);
}

static enum tl_code need_empty(tl_store_tx *tx, struct operation *op, struct tl_err *err)
{
    op->exists = false;
    if (RUN(tx, "SELECT name FROM lake_table WHERE namespace = ?1 LIMIT 1", row_text, op, err, TL_STORE_T(op->namespace_name)) != TL_OK ||
        RUN(tx, "SELECT name FROM lake_namespace WHERE parent = ?1 LIMIT 1", row_text, op, err, TL_STORE_T(op->namespace_name)) != TL_OK)
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
    return RUN(tx, "DELETE FROM lake_namespace WHERE name = ?1", NULL, NULL, err, TL_STORE_T(op->namespace_name));
}

enum tl_code tl_lake_namespace_remove(tl_lake *lake, tl_arena *arena, const char *namespace_name, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name};
    return tl_store_write(lake->store, run_namespace_remove, &op, err);
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
    return RUN(tx, "UPDATE lake_namespace SET properties = ?2 WHERE name = ?1", NULL, NULL, err, TL_STORE_T(op->namespace_name),
               TL_STORE_T(properties));
}

enum tl_code tl_lake_namespace_set(tl_lake *lake, tl_arena *arena, const char *namespace_name,
                                   enum tl_code (*change)(void *context, const char *properties, const char **ret_properties, struct tl_err *err),
                                   void *context, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name, .change = change, .change_context = context};
    return tl_store_write(lake->store, run_namespace_set, &op, err);
}

static enum tl_code run_namespace_list(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    if (*op->namespace_name && need_namespace(tx, op, op->namespace_name, err) != TL_OK)
        return err->code;
    return RUN(tx, "SELECT name FROM lake_namespace WHERE parent = ?1 AND name > ?2 ORDER BY name LIMIT ?3", row_name, op, err,
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
    if (RUN(tx, "SELECT name FROM lake_namespace WHERE replace(folded, ?2, '.') = ?1", row_text, op, err,
            TL_STORE_T(fold(op->arena, schema)), TL_STORE_T(separator)) != TL_OK)
        return err->code;
    op->namespace_name = op->found_text;
    return op->exists ? TL_OK : namespace_missing(op, schema, err);
}

static enum tl_code run_schema_empty(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    if (find_schema(tx, op, op->text, err) != TL_OK ||
        RUN(tx, "SELECT location FROM lake_table WHERE namespace = ?1", row_name, op, err, TL_STORE_T(op->namespace_name)) != TL_OK ||
        RUN(tx, "DELETE FROM lake_table WHERE namespace = ?1", NULL, NULL, err, TL_STORE_T(op->namespace_name)) != TL_OK)
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
    struct tl_err ignored; /* the tables are gone; files that stay take room, no more */
    tl_err_init(&ignored);
    for (size_t i = 0; i < locations.count; i++)
        (void)!tl_objects_remove_below(lake->objects, locations.items[i], &ignored);
    return TL_OK;
}

/* --- tables --- */

static enum tl_code run_table_list(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    if (need_namespace(tx, op, op->namespace_name, err) != TL_OK)
        return err->code;
    return RUN(tx, "SELECT name FROM lake_table WHERE namespace = ?1 AND name > ?2 ORDER BY name LIMIT ?3", row_name, op, err,
               TL_STORE_T(op->namespace_name), TL_STORE_T(op->text), TL_STORE_I((int64_t)op->limit + 1));
}

enum tl_code tl_lake_table_list(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *after, size_t limit,
                                struct tl_lake_names *names, struct tl_err *err)
{
    *names = (struct tl_lake_names){0};
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name, .text = after, .limit = limit, .names = names};
    return tl_store_read(lake->store, run_table_list, &op, err);
}

static enum tl_code need_pointer(tl_store_tx *tx, struct operation *op, struct tl_err *err)
{
    if (find_pointer(tx, op, err) != TL_OK || op->exists)
        return err->code;
    if (need_namespace(tx, op, op->namespace_name, err) != TL_OK)
        return err->code;
    return table_missing(op, err);
}

static enum tl_code run_pointer_get(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return need_pointer(tx, context, err);
}

enum tl_code tl_lake_pointer_get(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name,
                                 struct tl_lake_pointer *ret_pointer, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name, .name = name};
    enum tl_code code = tl_store_read(lake->store, run_pointer_get, &op, err);
    *ret_pointer = op.found;
    return code;
}

static enum tl_code run_table_remove(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    if (need_pointer(tx, op, err) != TL_OK)
        return err->code;
    return RUN(tx, "DELETE FROM lake_table WHERE namespace = ?1 AND name = ?2", NULL, NULL, err, TL_STORE_T(op->namespace_name),
               TL_STORE_T(op->name));
}

enum tl_code tl_lake_table_remove(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name, const char **ret_location,
                                  struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name, .name = name};
    enum tl_code code = tl_store_write(lake->store, run_table_remove, &op, err);
    *ret_location = op.found.location;
    return code;
}

/* Is the name free, but for the table that is being renamed (self: its name when it is in the same namespace)? */
static enum tl_code need_free_name(tl_store_tx *tx, struct operation *op, const char *namespace_name, const char *name, const char *self,
                                   struct tl_err *err)
{
    op->exists = false;
    if (RUN(tx, "SELECT name FROM lake_table WHERE namespace = ?1 AND folded = ?2", row_text, op, err, TL_STORE_T(namespace_name),
            TL_STORE_T(fold(op->arena, name))) != TL_OK)
        return err->code;
    if (!op->exists || (self && strcmp(op->found_text, self) == 0 && strcmp(self, name) != 0))
        return TL_OK;
    return tl_err_set(err, TL_ALREADY_EXISTS, "Table already exists: %s.%s", tl_lake_dotted(op->arena, namespace_name), op->found_text);
}

static enum tl_code run_table_rename(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct operation *op = context;
    const char *self = strcmp(op->namespace_name, op->other_namespace) == 0 ? op->name : NULL;
    if (need_pointer(tx, op, err) != TL_OK || need_namespace(tx, op, op->other_namespace, err) != TL_OK ||
        need_free_name(tx, op, op->other_namespace, op->other_name, self, err) != TL_OK)
        return err->code;
    return RUN(tx, "UPDATE lake_table SET namespace = ?3, name = ?4, folded = ?5 WHERE namespace = ?1 AND name = ?2", NULL, NULL, err,
               TL_STORE_T(op->namespace_name), TL_STORE_T(op->name), TL_STORE_T(op->other_namespace), TL_STORE_T(op->other_name),
               TL_STORE_T(fold(op->arena, op->other_name)));
}

enum tl_code tl_lake_table_rename(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name, const char *to_namespace,
                                  const char *to_name, struct tl_err *err)
{
    struct operation op = {.lake = lake, .arena = arena, .namespace_name = namespace_name, .name = name, .other_namespace = to_namespace,
                           .other_name = to_name};
    return tl_store_write(lake->store, run_table_rename, &op, err);
}

/* --- moving pointers --- */

/* One table's files must not lie inside another's: dropping the one would delete the other. */
static enum tl_code need_free_location(tl_store_tx *tx, struct operation *op, const char *location, struct tl_err *err)
{
    const char *below = tl_arena_printf(op->arena, "%s/", location);
    op->exists = false;
    if (RUN(tx,
            "SELECT name FROM lake_table WHERE location = ?1 OR substr(location, 1, length(?2)) = ?2"
            " OR substr(?1, 1, length(location) + 1) = location || '/' LIMIT 1",
            row_text, op, err, TL_STORE_T(location), TL_STORE_T(below)) != TL_OK)
        return err->code;
    if (!op->exists)
        return TL_OK;
    tl_err_set(err, TL_INVALID_ARGUMENT, "location \"%.300s\" is used by table \"%s\"", location, op->found_text);
    tl_err_hint(err, "choose a location that lies neither in nor around that of another table");
    return err->code;
}

static enum tl_code make_pointer(tl_store_tx *tx, struct operation *op, const struct tl_lake_pointer *pointer, struct tl_err *err)
{
    if (need_namespace(tx, op, pointer->namespace_name, err) != TL_OK ||
        need_free_name(tx, op, pointer->namespace_name, pointer->name, NULL, err) != TL_OK ||
        need_free_location(tx, op, pointer->location, err) != TL_OK)
        return err->code;
    return RUN(tx,
               "INSERT INTO lake_table (namespace, name, folded, uuid, location, metadata_location, version)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)",
               NULL, NULL, err, TL_STORE_T(pointer->namespace_name), TL_STORE_T(pointer->name),
               TL_STORE_T(fold(op->arena, pointer->name)), TL_STORE_T(pointer->uuid), TL_STORE_T(pointer->location),
               TL_STORE_T(pointer->metadata_location));
}

static enum tl_code move_pointer(tl_store_tx *tx, struct operation *op, const struct tl_lake_pointer *pointer, struct tl_err *err)
{
    if (RUN(tx,
            "UPDATE lake_table SET metadata_location = ?4, version = version + 1"
            " WHERE namespace = ?1 AND name = ?2 AND version = ?3 AND uuid = ?5",
            NULL, NULL, err, TL_STORE_T(pointer->namespace_name), TL_STORE_T(pointer->name), TL_STORE_I(pointer->version),
            TL_STORE_T(pointer->metadata_location), TL_STORE_T(pointer->uuid)) != TL_OK)
        return err->code;
    if (tl_store_changes(tx) == 1)
        return TL_OK;
    return tl_err_set(err, TL_CONFLICT, "table %s.%s was changed by another commit", tl_lake_dotted(op->arena, pointer->namespace_name),
                      pointer->name);
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
    return tl_store_write(lake->store, run_pointers_move, &op, err);
}

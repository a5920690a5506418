/* Views that people make: kept in the store, expanded by govern.c with the rights of whoever asks. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "door/door_int.h"

enum { VIEWS_MAX = 20000, VIEW_BYTES_MAX = 4 * 1024 * 1024, COLUMNS_BYTES_MAX = 4 * 1024 * 1024 };

/* One view in memory: everything lives in its arena. */
struct kept {
    tl_arena *arena;
    struct tl_door_view view;
};

struct tl_door_views {
    pthread_mutex_t mutex;
    struct kept *kept;
    size_t count, capacity;
};

/* --- columns as JSON: name, the type as people read it, and its exact form in hexadecimal --- */

static void put_type(struct tl_json_writer *json, const struct tl_type *type)
{
    struct tl_buf text;
    tl_buf_init(&text, COLUMNS_BYTES_MAX);
    tl_type_encode_hex(&text, type);
    tl_json_pair_text(json, "exact", tl_buf_cstr(&text));
    tl_buf_clear(&text);
    tl_type_format_trino(&text, type);
    tl_json_pair_text(json, "type", tl_buf_cstr(&text));
    tl_buf_done(&text);
}

static void put_columns(struct tl_buf *buf, const struct tl_field *fields, size_t count)
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, buf);
    tl_json_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        tl_json_begin_object(&json);
        tl_json_pair_text(&json, "name", fields[i].name);
        put_type(&json, &fields[i].type);
        tl_json_end_object(&json);
    }
    tl_json_end_array(&json);
}

static enum tl_code take_columns(tl_arena *arena, struct tl_str text, struct tl_source_dataset *dataset,
                                 struct tl_err *err)
{
    const tl_json *list;
    enum tl_code code = tl_json_parse(arena, text.data, text.size, &list, err);
    if (code != TL_OK)
        return code;
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, tl_json_count(list));
    for (struct tl_json_iter it = tl_json_iter(list); code == TL_OK && tl_json_next(&it);) {
        struct tl_source_column *column = &columns[dataset->column_count++];
        const char *name = tl_json_get_text(it.value, "name");
        *column = (struct tl_source_column){.name = name ? name : "", .source_type = "", .nullable = true};
        code = tl_type_decode_hex(arena, tl_json_get_text(it.value, "exact"), &column->type, err);
    }
    dataset->columns = columns;
    return code;
}

/* --- memory --- */

static void copy_view(tl_arena *arena, const struct tl_door_view *from, struct tl_door_view *to)
{
    *to = *from;
    to->source = tl_arena_strdup(arena, from->source);
    to->sql = tl_arena_strdup(arena, from->sql);
    to->session_catalog = tl_arena_strdup(arena, from->session_catalog);
    to->session_schema = tl_arena_strdup(arena, from->session_schema);
    to->owner = tl_arena_strdup(arena, from->owner);
    to->dataset = tl_registry_dataset_copy(arena, &from->dataset);
    to->schema = to->dataset.schema;
    to->name = to->dataset.name;
}

/* Under the mutex. */
static struct kept *find(struct tl_door_views *views, const char *source, const char *schema, const char *name)
{
    for (size_t i = 0; i < views->count; i++) {
        const struct tl_door_view *view = &views->kept[i].view;
        if (tl_streq(view->source, source) && tl_streq_nocase(view->schema, schema) &&
            tl_streq_nocase(view->name, name))
            return &views->kept[i];
    }
    return NULL;
}

static void forget(struct tl_door_views *views, struct kept *kept)
{
    tl_arena_free(kept->arena);
    *kept = views->kept[--views->count];
}

/* The one of the same name, if there is one. */
static void forget_same(struct tl_door_views *views, const struct tl_door_view *view)
{
    struct kept *kept = find(views, view->source, view->schema, view->name);
    if (kept)
        forget(views, kept);
}

static void keep(struct tl_door_views *views, const struct tl_door_view *view)
{
    forget_same(views, view);
    if (views->count == views->capacity) {
        views->capacity = views->capacity ? views->capacity * 2 : 16;
        views->kept = tl_heap_grow(views->kept, views->capacity * sizeof *views->kept);
    }
    struct kept *kept = &views->kept[views->count++];
    kept->arena = tl_arena_new(2 * VIEW_BYTES_MAX);
    copy_view(kept->arena, view, &kept->view);
}

const struct tl_door_view *tl_views_find(struct tl_door_call *call, const char *source, const char *schema,
                                         const char *name)
{
    struct tl_door_views *views = call->door->views;
    struct tl_door_view *copy = NULL;
    pthread_mutex_lock(&views->mutex);
    const struct kept *kept = find(views, source, schema, name);
    if (kept) {
        copy = TL_NEW(call->rq->arena, struct tl_door_view);
        copy_view(call->rq->arena, &kept->view, copy);
    }
    pthread_mutex_unlock(&views->mutex);
    return copy && tl_catalog_may_know(call, copy->source, copy->schema, copy->name) ? copy : NULL;
}

size_t tl_views_list(struct tl_door_call *call, const char *source, const struct tl_door_view ***ret_views)
{
    struct tl_door_views *views = call->door->views;
    size_t count = 0;
    pthread_mutex_lock(&views->mutex);
    const struct tl_door_view **list = TL_NEW_ARRAY(call->rq->arena, const struct tl_door_view *, views->count);
    for (size_t i = 0; i < views->count; i++) {
        const struct tl_door_view *view = &views->kept[i].view;
        if (!tl_streq(view->source, source) || !tl_catalog_may_know(call, source, view->schema, view->name))
            continue;
        struct tl_door_view *copy = TL_NEW(call->rq->arena, struct tl_door_view);
        copy_view(call->rq->arena, view, copy);
        list[count++] = copy;
    }
    pthread_mutex_unlock(&views->mutex);
    *ret_views = list;
    return count;
}

/* --- store --- */

struct loading {
    struct tl_door_views *views;
    tl_arena *scratch;
};

static enum tl_code load_row(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct loading *loading = context;
    if (cell_count != 8 || loading->views->count == VIEWS_MAX)
        return tl_err_set(err, TL_STATE, "the stored views cannot be read");
    tl_arena *arena = loading->scratch;
    const char *texts[7];
    for (int i = 0; i < 7; i++)
        texts[i] = tl_store_text(arena, &cells[i]);
    struct tl_door_view view = {.source = texts[0],
                                .schema = texts[1],
                                .name = texts[2],
                                .sql = texts[3],
                                .session_catalog = texts[4],
                                .session_schema = texts[5],
                                .owner = texts[6]};
    view.dataset = (struct tl_source_dataset){
        .schema = view.schema, .name = view.name, .kind = TL_DATASET_VIEW, .row_estimate = -1, .size_bytes = -1};
    enum tl_code code = take_columns(arena, cells[7].bytes, &view.dataset, err);
    if (code == TL_OK)
        keep(loading->views, &view);
    tl_arena_reset(arena);
    return code;
}

static enum tl_code load(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx,
                        "SELECT catalog, schema, name, sql, session_catalog, session_schema, owner, columns_json FROM "
                        "view ORDER BY 1, 2, 3",
                        NULL, 0, load_row, context, err);
}

enum tl_code tl_views_new(tl_door *door, struct tl_err *err)
{
    struct tl_door_views *views = tl_heap_alloc(sizeof *views);
    pthread_mutex_init(&views->mutex, NULL);
    door->views = views;
    struct loading loading = {views, tl_arena_new(4 * VIEW_BYTES_MAX)};
    enum tl_code code = tl_store_read(door->store, load, &loading, err);
    tl_arena_free(loading.scratch);
    return code;
}

void tl_views_free(tl_door *door)
{
    struct tl_door_views *views = door->views;
    if (!views)
        return;
    while (views->count > 0)
        forget(views, &views->kept[0]);
    free(views->kept);
    pthread_mutex_destroy(&views->mutex);
    free(views);
    door->views = NULL;
}

#define INSERT_VIEW                                                                                        \
    "INSERT INTO view (catalog, schema, name, sql, session_catalog, session_schema, owner, columns_json, " \
    "created_at_us) "                                                                                      \
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (catalog, schema, name) DO "

struct change {
    const struct tl_door_view *view;
    const char *columns_json;
    bool or_replace;
};

static enum tl_code insert_view(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct change *change = context;
    const struct tl_door_view *v = change->view;
    int64_t now_us = tl_clock_wall_us();
    const char *columns = change->columns_json;
    struct tl_store_value params[] = {TL_STORE_T(v->source),
                                      TL_STORE_T(v->schema),
                                      TL_STORE_T(v->name),
                                      TL_STORE_T(v->sql),
                                      TL_STORE_T(v->session_catalog),
                                      TL_STORE_T(v->session_schema),
                                      TL_STORE_T(v->owner),
                                      TL_STORE_T(columns),
                                      TL_STORE_I(now_us)};
    const char *sql = change->or_replace ? INSERT_VIEW
                          "UPDATE SET sql = ?4, session_catalog = ?5, session_schema = ?6, owner = ?7, "
                          "columns_json = ?8, created_at_us = ?9"
                                         : INSERT_VIEW "NOTHING";
    enum tl_code code = tl_store_run(tx, sql, params, sizeof params / sizeof *params, NULL, NULL, err);
    if (code == TL_OK && tl_store_changes(tx) == 0)
        code =
            tl_err_set(err, TL_ALREADY_EXISTS, "the view \"%s.%s.%s\" exists already", v->source, v->schema, v->name);
    return code;
}

static enum tl_code delete_view(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_door_view *view = context;
    struct tl_store_value params[] = {TL_STORE_T(view->source), TL_STORE_T(view->schema), TL_STORE_T(view->name)};
    return tl_store_run(tx, "DELETE FROM view WHERE catalog = ?1 AND schema = ?2 AND name = ?3", params, 3, NULL, NULL,
                        err);
}

static enum tl_code drop(struct tl_door_call *call, const struct tl_door_view *view)
{
    struct tl_door_view copy = *view;
    struct tl_door_views *views = call->door->views;
    enum tl_code code = tl_store_write(call->door->store, delete_view, &copy, &call->rq->err);
    if (code != TL_OK)
        return code;
    pthread_mutex_lock(&views->mutex);
    forget_same(views, view);
    pthread_mutex_unlock(&views->mutex);
    return TL_OK;
}

enum tl_code tl_views_of_schema(struct tl_door_call *call, const char *source, const char *schema, bool drop_them,
                                size_t *ret_count)
{
    const struct tl_door_view **views;
    size_t count = tl_views_list(call, source, &views);
    enum tl_code code = TL_OK;
    *ret_count = 0;
    for (size_t i = 0; i < count && code == TL_OK; i++) {
        if (!tl_streq_nocase(views[i]->schema, schema))
            continue;
        (*ret_count)++;
        if (drop_them)
            code = drop(call, views[i]);
    }
    return code;
}

/* --- CREATE VIEW, DROP VIEW --- */

static enum tl_code decide_target(struct tl_door_call *call, const struct tl_dataset *target, unsigned access)
{
    struct tl_access_need need = {
        .source = target->source, .schema = target->schema, .table = target->name, .access = access};
    const tl_clearance *clearance;
    return tl_rights_decide(call, &need, 1, &clearance);
}

static enum tl_code name_columns(struct tl_door_call *call, const struct tl_gate *gate, tl_result *result,
                                 struct tl_field **ret_fields, size_t *ret_count)
{
    const struct tl_field *fields;
    struct tl_err *err = &call->rq->err;
    size_t count = tl_result_fields(result, &fields);
    if (gate->alias_count > count)
        return tl_err_set(err, TL_SYNTAX, "the view names %zu columns, its query has %zu", gate->alias_count, count);
    struct tl_field *named = TL_NEW_ARRAY(call->rq->arena, struct tl_field, count);
    for (size_t i = 0; i < count; i++) {
        named[i].name = tl_arena_strdup(call->rq->arena, i < gate->alias_count ? gate->aliases[i] : fields[i].name);
        named[i].type = tl_type_copy(call->rq->arena, &fields[i].type);
        for (size_t k = 0; k < i; k++) {
            if (tl_streq_nocase(named[k].name, named[i].name)) {
                tl_err_set(err, TL_ALREADY_EXISTS, "the view has two columns \"%s\"", named[i].name);
                tl_err_hint(err, "name one of them differently: ... AS other_name");
                return TL_ALREADY_EXISTS;
            }
        }
    }
    *ret_fields = named;
    *ret_count = count;
    return TL_OK;
}

/* The query as its author wrote it; that of a prepared statement is kept with the arguments it was given. */
static struct tl_str written_query(const struct tl_door_call *call, struct tl_str query, size_t offset)
{
    const struct tl_str *original = &call->dialect.original;
    if (call->positions_unknown)
        return query;
    size_t at = (size_t)tl_dialect_original(&call->dialect, (int64_t)offset);
    return (struct tl_str){original->data + at, original->size - at};
}

/* Bind the query as the caller may run it: that checks it and tells its columns. */
static enum tl_code bind_query(struct tl_door_call *call, struct tl_str query, size_t base, const struct tl_gate *gate,
                               const struct tl_dataset *target, struct tl_field **ret_fields, size_t *ret_count)
{
    const struct tl_gate *query_gate;
    struct tl_governed *governed = NULL;
    tl_result *result;
    enum tl_code code = tl_check_text(call, query, &query_gate);
    if (code == TL_OK && query_gate->parameter_count > 0)
        code = tl_err_set(&call->rq->err, TL_UNSUPPORTED, "a view cannot have parameters");
    if (code == TL_OK)
        code = tl_govern(call, query, base, query_gate, &governed);
    for (size_t i = 0; code == TL_OK && i < governed->dataset_count; i++)
        if (tl_streq(governed->datasets[i].source, target->source) &&
            tl_streq_nocase(governed->datasets[i].schema, target->schema) &&
            tl_streq_nocase(governed->datasets[i].name, target->name))
            code = tl_err_set(&call->rq->err, TL_UNSUPPORTED, "the view \"%s\" would contain itself", target->name);
    if (code == TL_OK) {
        governed->lineage = governed->plan_shows_rules ? TL_LINEAGE_VALUES : TL_LINEAGE_ALL;
        code = tl_govern_run(call, governed, false, &result);
    }
    if (code == TL_OK) {
        code = name_columns(call, gate, result, ret_fields, ret_count);
        struct tl_made made = {.target = target, .column_count = *ret_count, .columns = *ret_fields};
        tl_answer_made(call->answer, &made, tl_result_lineage(result));
        tl_result_close(result);
    }
    tl_answer_note(call->answer, "CREATE VIEW", governed);
    if (code != TL_OK)
        tl_door_map_error(call, governed, &call->rq->err);
    return code;
}

static enum tl_code store_view(struct tl_door_call *call, const struct tl_gate *gate, struct tl_str query,
                               const struct tl_dataset *target, const struct tl_field *fields, size_t count)
{
    struct tl_buf columns;
    tl_buf_init(&columns, COLUMNS_BYTES_MAX);
    put_columns(&columns, fields, count);
    struct tl_door_view view = {.source = target->source,
                                .schema = target->schema,
                                .name = target->name,
                                .sql = tl_arena_strndup(call->rq->arena, query.data, query.size),
                                .session_catalog = call->session->catalog,
                                .session_schema = call->session->schema,
                                .owner = tl_call_user(call)};
    view.dataset = (struct tl_source_dataset){
        .schema = view.schema, .name = view.name, .kind = TL_DATASET_VIEW, .row_estimate = -1, .size_bytes = -1};
    struct change change = {&view, tl_buf_cstr(&columns), gate->or_replace};
    enum tl_code code = take_columns(call->rq->arena, tl_str_of(change.columns_json), &view.dataset, &call->rq->err);
    if (code == TL_OK)
        code = tl_store_write(call->door->store, insert_view, &change, &call->rq->err);
    if (code == TL_OK) {
        pthread_mutex_lock(&call->door->views->mutex);
        keep(call->door->views, &view);
        pthread_mutex_unlock(&call->door->views->mutex);
    }
    tl_buf_done(&columns);
    return code;
}

static enum tl_code check_place(struct tl_door_call *call, const struct tl_gate *gate, const struct tl_dataset *target,
                                bool *ret_exists)
{
    struct tl_err *err = &call->rq->err;
    struct tl_dataset there;
    *ret_exists = tl_catalog_lookup(call, target->source, target->schema, target->name, &there);
    if (!target->registered->writable) {
        tl_err_set(err, TL_UNSUPPORTED, "no view can be made in the catalog \"%s\": it is read only", target->source);
        tl_err_hint(err, "views are kept in schemas of the lake");
        return TL_UNSUPPORTED;
    }
    if (!tl_catalog_has_schema(call, target->registered, target->schema)) {
        tl_err_set(err, TL_SCHEMA_NOT_FOUND, "unknown schema \"%s.%s\"", target->source, target->schema);
        tl_err_hint(err, "CREATE SCHEMA %s.%s", target->source, target->schema);
        return TL_SCHEMA_NOT_FOUND;
    }
    if (!*ret_exists || (there.origin == TL_ORIGIN_VIEW && (gate->or_replace || gate->if_not_exists)))
        return TL_OK;
    return tl_err_set(err, TL_ALREADY_EXISTS, "the %s \"%s.%s.%s\" exists already",
                      there.origin == TL_ORIGIN_VIEW ? "view" : "table", target->source, target->schema, target->name);
}

static enum tl_code create_view(struct tl_door_call *call, struct tl_str text, size_t base, const struct tl_gate *gate,
                                const struct tl_dataset *target)
{
    bool exists;
    struct tl_field *fields = NULL;
    size_t count = 0;
    enum tl_code code = check_place(call, gate, target, &exists);
    if (code != TL_OK || (exists && gate->if_not_exists))
        return code;
    struct tl_str query = {text.data + gate->query_offset, text.size - gate->query_offset};
    size_t offset = base + gate->query_offset;
    code = bind_query(call, query, offset, gate, target, &fields, &count);
    return code == TL_OK ? store_view(call, gate, written_query(call, query, offset), target, fields, count) : code;
}

static enum tl_code drop_view(struct tl_door_call *call, const struct tl_gate *gate, const struct tl_dataset *target)
{
    const struct tl_door_view *view = tl_views_find(call, target->source, target->schema, target->name);
    if (view)
        return drop(call, view);
    if (gate->if_exists)
        return TL_OK;
    tl_err_set(&call->rq->err, TL_TABLE_NOT_FOUND, "unknown view \"%s.%s.%s\"", target->source, target->schema,
               target->name);
    tl_err_hint(&call->rq->err, "SHOW TABLES FROM %s.%s lists tables and views", target->source, target->schema);
    return TL_TABLE_NOT_FOUND;
}

enum tl_code tl_view_statement(struct tl_door_call *call, struct tl_str text, size_t base, const struct tl_gate *gate)
{
    const struct tl_gate_table *name = NULL;
    struct tl_dataset *target = TL_NEW(call->rq->arena, struct tl_dataset);
    for (size_t i = 0; i < gate->table_count && !name; i++)
        name = gate->tables[i].target ? &gate->tables[i] : NULL;
    bool create = gate->kind == TL_GATE_CREATE_VIEW;
    struct tl_name_defaults defaults = {call->session->catalog, call->session->schema};
    enum tl_code code = name ? tl_catalog_place(call, name, false, &defaults, target)
                             : tl_err_set(&call->rq->err, TL_INTERNAL, "a view statement without a target");
    if (code == TL_OK) {
        target->existed = tl_views_find(call, target->source, target->schema, target->name) != NULL;
        code = decide_target(call, target, create ? TL_ACCESS_CREATE | (target->existed && gate->or_replace ? TL_ACCESS_DROP : 0) : TL_ACCESS_DROP);
    }
    if (code != TL_OK)
        return code;
    tl_answer_set_update(call->answer, tl_gate_kind_name(gate->kind), false);
    code = create ? create_view(call, text, base, gate, target) : drop_view(call, gate, target);
    if (code == TL_OK && !create && target->existed)
        tl_answer_made(call->answer, &(struct tl_made){.target = target}, (struct tl_str){0});
    return code == TL_OK ? tl_rights_changed(call, gate, target) : code;
}

/* --- renaming --- */

/* What a name's parts mean: those that are not there are the session's. */
static void place_of(const struct tl_door_call *call, const struct tl_name *name, const char **ret_catalog,
                     const char **ret_schema)
{
    *ret_catalog = name->part_count == 3 ? name->parts[0] : call->session->catalog;
    *ret_schema = name->part_count >= 2 ? name->parts[name->part_count - 2] : call->session->schema;
}

enum tl_code tl_view_check_new_name(struct tl_door_call *call, const struct tl_statement *statement)
{
    const char *catalog, *schema, *new_catalog, *new_schema;
    if (statement->new_name.part_count < 2)
        return TL_OK;
    place_of(call, &statement->name, &catalog, &schema);
    place_of(call, &statement->new_name, &new_catalog, &new_schema);
    if (tl_streq_nocase(catalog, new_catalog) && tl_streq_nocase(schema, new_schema))
        return TL_OK;
    tl_err_set(&call->rq->err, TL_UNSUPPORTED, "renaming does not move a table or view to another schema");
    tl_err_hint(&call->rq->err, "CREATE it there AS SELECT from here, then DROP it here");
    tl_err_position(&call->rq->err, (int64_t)statement->new_name.offset);
    return TL_UNSUPPORTED;
}

static enum tl_code move_view(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_door_view *const *pair = context; /* old, new */
    struct tl_store_value params[] = {TL_STORE_T(pair[0]->source), TL_STORE_T(pair[0]->schema),
                                      TL_STORE_T(pair[0]->name), TL_STORE_T(pair[1]->name)};
    return tl_store_run(tx, "UPDATE view SET name = ?4 WHERE catalog = ?1 AND schema = ?2 AND name = ?3", params, 4,
                        NULL, NULL, err);
}

static enum tl_code rename_to(struct tl_door_call *call, const struct tl_door_view *view, const char *name)
{
    struct tl_door_view renamed = *view;
    renamed.name = renamed.dataset.name = name;
    const struct tl_door_view *pair[] = {view, &renamed};
    struct tl_door_views *views = call->door->views;
    enum tl_code code = tl_store_write(call->door->store, move_view, pair, &call->rq->err);
    if (code != TL_OK)
        return code;
    pthread_mutex_lock(&views->mutex);
    forget_same(views, view);
    keep(views, &renamed);
    pthread_mutex_unlock(&views->mutex);
    return TL_OK;
}

enum tl_code tl_view_rename(struct tl_door_call *call, const struct tl_statement *statement)
{
    const struct tl_name *name = &statement->name;
    struct tl_err *err = &call->rq->err;
    const char *catalog, *schema, *new_name = statement->new_name.parts[statement->new_name.part_count - 1];
    place_of(call, name, &catalog, &schema);
    enum tl_code code = tl_session_check_write(call);
    if (code == TL_OK)
        code = tl_view_check_new_name(call, statement);
    if (code != TL_OK)
        return code;
    const struct tl_door_view *view =
        catalog && schema ? tl_views_find(call, catalog, schema, name->parts[name->part_count - 1]) : NULL;
    if (!view) {
        tl_err_set(err, TL_TABLE_NOT_FOUND, "unknown view \"%s\"", name->parts[name->part_count - 1]);
        tl_err_hint(err, "SHOW TABLES lists tables and views; ALTER TABLE renames tables");
        tl_err_position(err, (int64_t)name->offset);
        return TL_TABLE_NOT_FOUND;
    }
    struct tl_dataset there, target = {.source = view->source, .schema = view->schema, .name = view->name};
    if (tl_catalog_lookup(call, view->source, view->schema, new_name, &there))
        return tl_err_set(err, TL_ALREADY_EXISTS, "\"%s.%s.%s\" exists already", view->source, view->schema, new_name);
    code = decide_target(call, &target, TL_ACCESS_DROP);
    if (code == TL_OK) {
        target.name = new_name;
        code = decide_target(call, &target, TL_ACCESS_CREATE);
    }
    tl_answer_set_update(call->answer, "RENAME VIEW", false);
    if (code == TL_OK)
        code = rename_to(call, view, new_name);
    target.name = view->name;
    struct tl_dataset *renamed = TL_NEW(call->rq->arena, struct tl_dataset);
    *renamed = target;
    if (code == TL_OK)
        tl_answer_made(call->answer, &(struct tl_made){.target = renamed, .new_name = new_name}, (struct tl_str){0});
    return code == TL_OK ? tl_rights_renamed(call, &target, new_name) : code;
}

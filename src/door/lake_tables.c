/* Metadata tables of the lake, in Trino's form: which there are, their columns, and the rows that the table's metadata alone gives. */
#include <stdio.h>
#include <string.h>

#include "door/lake_tables_int.h"

enum { ROWS_JSON_MAX = 32 * 1024 * 1024, COLUMNS_MAX = 24, SHAPE_MAX = 1024 * 1024, VALUE_TEXT_MAX = 64 * 1024 };

/* --- values --- */

void lake_view_put_time(struct tl_json_writer *json, const char *key, int64_t ms)
{
    struct tl_lake_type type = {.id = TL_LAKE_TIMESTAMPTZ};
    struct tl_lake_value value = {.integer = ms > INT64_MAX / 1000 || ms < 0 ? 0 : ms * 1000};
    tl_json_key(json, key);
    lake_view_put_value(json, &type, &value);
}

void lake_view_put_value(struct tl_json_writer *json, const struct tl_lake_type *type, const struct tl_lake_value *value)
{
    struct tl_buf buf;
    if (value->is_null || type->id > TL_LAKE_BINARY) {
        tl_json_put_null(json);
        return;
    }
    tl_buf_init(&buf, VALUE_TEXT_MAX);
    tl_lake_value_format(&buf, type, value);
    if (buf.failed)
        tl_json_put_null(json);
    else
        tl_json_put_str(json, (struct tl_str){tl_buf_cstr(&buf), buf.size});
    tl_buf_done(&buf);
}

void lake_view_put_path(struct lake_view *view, const char *key, struct tl_str path)
{
    size_t name = path.size;
    while (name > 0 && path.data[name - 1] != '/')
        name--;
    tl_json_key(view->json, key);
    if (view->grant->partial)
        path = (struct tl_str){path.data + name, path.size - name};
    tl_json_put_str(view->json, path);
}

struct tl_type lake_view_type(const struct tl_lake_type *type)
{
    static const enum tl_type_id ids[] = {
        [TL_LAKE_BOOLEAN] = TL_TYPE_BOOLEAN, [TL_LAKE_INT] = TL_TYPE_INT32,         [TL_LAKE_LONG] = TL_TYPE_INT64,
        [TL_LAKE_FLOAT] = TL_TYPE_FLOAT,     [TL_LAKE_DOUBLE] = TL_TYPE_DOUBLE,     [TL_LAKE_DATE] = TL_TYPE_DATE,
        [TL_LAKE_TIME] = TL_TYPE_TIME,       [TL_LAKE_TIMESTAMP] = TL_TYPE_TIMESTAMP, [TL_LAKE_TIMESTAMPTZ] = TL_TYPE_TIMESTAMPTZ,
        [TL_LAKE_UUID] = TL_TYPE_UUID,
    };
    if (type->id == TL_LAKE_DECIMAL)
        return tl_type_decimal(type->precision, type->scale);
    enum tl_type_id id = type->id < sizeof ids / sizeof ids[0] ? ids[type->id] : TL_TYPE_INVALID;
    return tl_type_simple(id == TL_TYPE_INVALID ? TL_TYPE_VARCHAR : id);
}

/* --- what may be told --- */

static bool holds(const struct tl_lake_type *type, int64_t field_id)
{
    for (size_t i = 0; i < type->count; i++)
        if (type->fields[i].id == field_id || holds(&type->fields[i].type, field_id))
            return true;
    return false;
}

bool lake_view_is_open(const struct lake_view *view, int64_t field_id)
{
    const struct tl_lake_type *root = &view->table.schema->root;
    const struct tl_dataset_grant *grant = view->grant;
    if (!grant->partial)
        return true;
    if (grant->row_rule_count)
        return false;
    for (size_t i = 0; i < root->count; i++)
        if (root->fields[i].id == field_id || holds(&root->fields[i].type, field_id))
            for (size_t c = 0; c < grant->column_count; c++)
                if (tl_streq(grant->columns[c], root->fields[i].name))
                    return grant->masks[c].form == TL_MASK_NONE;
    return false; /* also a column that is gone: nobody has reviewed what it held */
}

/* Does the text speak of a column that the caller does not see as it is? */
static bool tells_of_closed(const struct lake_view *view, const char *text)
{
    for (size_t s = 0; view->grant->partial && s < view->table.schema_count; s++)
        for (size_t i = 0; i < view->table.schemas[s].by_id_count; i++)
            if (!lake_view_is_open(view, view->table.schemas[s].by_id[i]->id) && strstr(text, view->table.schemas[s].by_id[i]->name))
                return true;
    return false;
}

/* --- rows of the metadata --- */

static void put_summary(struct lake_view *view, const struct tl_lake_snapshot *snapshot)
{
    tl_json_key(view->json, "summary");
    if (!snapshot->summary || view->grant->row_rule_count) {
        tl_json_put_null(view->json);
        return;
    }
    tl_json_begin_object(view->json);
    for (struct tl_json_iter it = tl_json_iter(snapshot->summary); tl_json_next(&it);) {
        bool of_partition = strncmp(it.key, "partitions.", strlen("partitions.")) == 0;
        if (!tl_json_is_string(it.value) || strcmp(it.key, "operation") == 0 || (of_partition && view->grant->partial))
            continue;
        tl_json_pair_text(view->json, it.key, tl_json_text(it.value));
    }
    tl_json_end_object(view->json);
}

static void put_id(struct tl_json_writer *json, const char *key, int64_t id)
{
    tl_json_key(json, key);
    if (id == -1)
        tl_json_put_null(json);
    else
        tl_json_put_int64(json, id);
}

static enum tl_code put_snapshots(struct lake_view *view, struct tl_err *err)
{
    struct tl_json_writer *json = view->json;
    for (size_t i = 0; i < view->table.snapshot_count; i++) {
        const struct tl_lake_snapshot *snapshot = &view->table.snapshots[i];
        tl_json_begin_object(json);
        lake_view_put_time(json, "committed_at", snapshot->timestamp_ms);
        tl_json_pair_int64(json, "snapshot_id", snapshot->id);
        put_id(json, "parent_id", snapshot->parent_id);
        tl_json_pair_text(json, "operation", snapshot->operation);
        if (snapshot->manifest_list)
            lake_view_put_path(view, "manifest_list", tl_str_of(snapshot->manifest_list));
        else
            tl_json_pair_text(json, "manifest_list", NULL);
        put_summary(view, snapshot);
        tl_json_end_object(json);
    }
    return err->code;
}

static bool is_ancestor(const struct tl_lake_table *table, int64_t id)
{
    const struct tl_lake_snapshot *at = tl_lake_table_snapshot(table, table->current_snapshot_id);
    for (size_t steps = 0; at && steps <= table->snapshot_count; steps++, at = tl_lake_table_snapshot(table, at->parent_id))
        if (at->id == id)
            return true;
    return false;
}

static enum tl_code put_history(struct lake_view *view, struct tl_err *err)
{
    struct tl_json_writer *json = view->json;
    for (size_t i = 0; i < view->table.history_count; i++) {
        const struct tl_lake_history *entry = &view->table.history[i];
        const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(&view->table, entry->snapshot_id);
        tl_json_begin_object(json);
        lake_view_put_time(json, "made_current_at", entry->timestamp_ms);
        tl_json_pair_int64(json, "snapshot_id", entry->snapshot_id);
        put_id(json, "parent_id", snapshot ? snapshot->parent_id : -1);
        tl_json_pair_bool(json, "is_current_ancestor", is_ancestor(&view->table, entry->snapshot_id));
        tl_json_end_object(json);
    }
    return err->code;
}

static enum tl_code put_refs(struct lake_view *view, struct tl_err *err)
{
    struct tl_json_writer *json = view->json;
    for (size_t i = 0; i < view->table.ref_count; i++) {
        const struct tl_lake_ref *ref = &view->table.refs[i];
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", ref->name);
        tl_json_pair_text(json, "type", ref->is_tag ? "TAG" : "BRANCH");
        tl_json_pair_int64(json, "snapshot_id", ref->snapshot_id);
        put_id(json, "max_reference_age_in_ms", ref->max_ref_age_ms);
        put_id(json, "min_snapshots_to_keep", ref->min_snapshots_to_keep);
        put_id(json, "max_snapshot_age_in_ms", ref->max_snapshot_age_ms);
        tl_json_end_object(json);
    }
    return err->code;
}

static void put_property(struct lake_view *view, const char *key, const char *value)
{
    if (!value || tells_of_closed(view, key) || tells_of_closed(view, value))
        return;
    tl_json_begin_object(view->json);
    tl_json_pair_text(view->json, "key", key);
    tl_json_pair_text(view->json, "value", value);
    tl_json_end_object(view->json);
}

static enum tl_code put_properties(struct lake_view *view, struct tl_err *err)
{
    char version[16];
    snprintf(version, sizeof version, "%d", view->table.format_version);
    put_property(view, "format-version", version);
    const char *const *keys, *const *values;
    size_t count = tl_lake_table_properties(view->call->rq->arena, &view->table, &keys, &values);
    for (size_t i = 0; i < count; i++)
        put_property(view, keys[i], values[i]);
    return err->code;
}

/* --- which tables there are --- */

/* Columns as "name type, ..": v(archar), b(igint), i(nteger), t(ruth), z (timestamp with time zone), m(ap of texts), c (map of
 * integer to bigint), k (map of integer to varchar), l(ist of bigint), n (list of integer), s(ummaries), p(artition), d(ata). */
static const struct lake_kind {
    const char *name, *columns;
    enum tl_code (*put)(struct lake_view *view, struct tl_err *err);
    bool of_files;
} lake_kinds[] = {
    {"snapshots", "committed_at z, snapshot_id b, parent_id b, operation v, manifest_list v, summary m", put_snapshots, false},
    {"history", "made_current_at z, snapshot_id b, parent_id b, is_current_ancestor t", put_history, false},
    {"refs", "name v, type v, snapshot_id b, max_reference_age_in_ms b, min_snapshots_to_keep i, max_snapshot_age_in_ms b", put_refs, false},
    {"properties", "key v, value v", put_properties, false},
    {"manifests",
     "path v, length b, partition_spec_id i, added_snapshot_id b, added_data_files_count i, added_rows_count b, "
     "existing_data_files_count i, existing_rows_count b, deleted_data_files_count i, deleted_rows_count b, partition_summaries s",
     lake_view_put_manifests, true},
    {"files",
     "content i, file_path v, file_format v, spec_id i, partition p, record_count b, file_size_in_bytes b, column_sizes c, value_counts c, "
     "null_value_counts c, nan_value_counts c, lower_bounds k, upper_bounds k, split_offsets l, equality_ids n, sort_order_id i",
     lake_view_put_files, true},
    {"tiers", "period_start z, period_end z, grain v, record_count b, file_count b", lake_view_put_tiers, true},
    {"partitions", "partition p, record_count b, file_count b, total_size b, data d", lake_view_put_partitions, true},
};

int tl_lake_kind(tl_arena *arena, const char *name, const char **ret_base)
{
    const char *dollar = strrchr(name, '$');
    for (size_t i = 0; dollar && dollar > name && i < sizeof lake_kinds / sizeof lake_kinds[0]; i++)
        if (tl_streq_nocase(dollar + 1, lake_kinds[i].name)) {
            *ret_base = tl_arena_strndup(arena, name, (size_t)(dollar - name));
            return (int)i;
        }
    return -1;
}

static struct tl_type struct_of(tl_arena *arena, const struct tl_field *fields, size_t count)
{
    struct tl_type *children = TL_NEW_ARRAY(arena, struct tl_type, count + 1);
    const char **names = TL_NEW_ARRAY(arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        children[i] = fields[i].type;
        names[i] = fields[i].name;
    }
    return (struct tl_type){.id = TL_TYPE_STRUCT, .child_count = (uint32_t)count, .children = children, .child_names = names};
}

static struct tl_type summaries_type(tl_arena *arena)
{
    const struct tl_field fields[] = {{"contains_null", tl_type_simple(TL_TYPE_BOOLEAN)},
                                      {"contains_nan", tl_type_simple(TL_TYPE_BOOLEAN)},
                                      {"lower_bound", tl_type_simple(TL_TYPE_VARCHAR)},
                                      {"upper_bound", tl_type_simple(TL_TYPE_VARCHAR)}};
    return tl_type_list(arena, struct_of(arena, fields, 4));
}

static bool is_visible(const struct tl_source_dataset *base, const bool *visible, const char *name)
{
    for (size_t i = 0; i < base->column_count; i++)
        if (visible[i] && tl_streq(base->columns[i].name, name))
            return true;
    return false;
}

/* Clients tell these tables by their rows, and the engine has none without a field: where nothing is, or nothing may be seen, the
 * row has one field, and it is NULL. */
static struct tl_type row_of(tl_arena *arena, struct tl_field *fields, size_t count)
{
    if (count == 0)
        fields[count++] = (struct tl_field){"none", tl_type_simple(TL_TYPE_VARCHAR)};
    return struct_of(arena, fields, count);
}

/* Partition fields of columns the caller may know of. */
static struct tl_type partition_type(tl_arena *arena, const struct tl_lake_table *table, const struct tl_source_dataset *base, const bool *visible)
{
    struct lake_partition_field *all;
    size_t count = lake_partition_fields(arena, table, &all), kept = 0;
    struct tl_field *fields = TL_NEW_ARRAY(arena, struct tl_field, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct tl_lake_field *source = tl_lake_schema_field(table->schema, all[i].field->source_id);
        if (source && is_visible(base, visible, source->name))
            fields[kept++] = (struct tl_field){all[i].field->name, lake_view_type(&all[i].type)};
    }
    return row_of(arena, fields, kept);
}

static struct tl_type data_type(tl_arena *arena, const struct tl_lake_table *table, const struct tl_source_dataset *base, const bool *visible)
{
    const struct tl_lake_type *root = &table->schema->root;
    struct tl_field *fields = TL_NEW_ARRAY(arena, struct tl_field, root->count + 1);
    size_t kept = 0;
    for (size_t i = 0; i < root->count; i++) {
        if (root->fields[i].type.id > TL_LAKE_BINARY || !is_visible(base, visible, root->fields[i].name))
            continue;
        struct tl_type type = lake_view_type(&root->fields[i].type), number = tl_type_simple(TL_TYPE_INT64);
        const struct tl_field parts[] = {{"min", type}, {"max", type}, {"null_count", number}, {"nan_count", number}};
        fields[kept++] = (struct tl_field){root->fields[i].name, struct_of(arena, parts, 4)};
    }
    return row_of(arena, fields, kept);
}

static struct tl_type column_type(struct tl_door_call *call, const struct tl_lake_table *table, const struct tl_source_dataset *base,
                                  const bool *visible, char letter)
{
    tl_arena *arena = call->rq->arena;
    struct tl_type text = tl_type_simple(TL_TYPE_VARCHAR), number = tl_type_simple(TL_TYPE_INT64), small = tl_type_simple(TL_TYPE_INT32);
    switch (letter) {
    case 'b':
        return number;
    case 'i':
        return small;
    case 't':
        return tl_type_simple(TL_TYPE_BOOLEAN);
    case 'z':
        return tl_type_simple(TL_TYPE_TIMESTAMPTZ);
    case 'm':
        return tl_type_map(arena, text, text);
    case 'c':
        return tl_type_map(arena, small, number);
    case 'k':
        return tl_type_map(arena, small, text);
    case 'l':
        return tl_type_list(arena, number);
    case 'n':
        return tl_type_list(arena, small);
    case 's':
        return summaries_type(arena);
    case 'p':
        return partition_type(arena, table, base, visible);
    case 'd':
        return data_type(arena, table, base, visible);
    default:
        return text;
    }
}

/* How from_json is told of a type: objects for structs, lists for lists, names for all else. */
static void put_shape(struct tl_json_writer *json, const struct tl_type *type)
{
    struct tl_buf buf;
    if (type->id == TL_TYPE_STRUCT) {
        tl_json_begin_object(json);
        for (uint32_t i = 0; i < type->child_count; i++) {
            tl_json_key(json, type->child_names[i]);
            put_shape(json, &type->children[i]);
        }
        tl_json_end_object(json);
    } else if (type->id == TL_TYPE_LIST) {
        tl_json_begin_array(json);
        put_shape(json, type->children);
        tl_json_end_array(json);
    } else {
        tl_buf_init(&buf, SHAPE_MAX);
        tl_type_format_sql(&buf, type);
        tl_json_put_text(json, tl_buf_cstr(&buf));
        tl_buf_done(&buf);
    }
}

static const char *shape_of(tl_arena *arena, const struct tl_type *type)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, SHAPE_MAX);
    tl_json_writer_init(&json, &buf);
    put_shape(&json, type);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

enum tl_code tl_lake_kind_describe(struct tl_door_call *call, struct tl_dataset *dataset)
{
    const struct lake_kind *kind = &lake_kinds[dataset->lake_kind];
    tl_arena *arena = call->rq->arena;
    struct tl_lake_table *table = TL_NEW(arena, struct tl_lake_table);
    if (tl_lake_table_load(call->door->lake, arena, dataset->schema, dataset->base->name, table, &call->rq->err) != TL_OK)
        return call->rq->err.code;
    const bool *visible = tl_rights_visible(call, dataset->source, dataset->base);
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, COLUMNS_MAX);
    struct tl_source_dataset *described = TL_NEW(arena, struct tl_source_dataset);
    *described = (struct tl_source_dataset){.schema = dataset->schema, .name = dataset->name, .kind = TL_DATASET_TABLE, .row_estimate = -1,
                                            .size_bytes = -1, .columns = columns};
    for (const char *at = kind->columns; at && described->column_count < COLUMNS_MAX;) {
        size_t size = strcspn(at, " ");
        struct tl_type type = column_type(call, table, dataset->base, visible, at[size + 1]);
        columns[described->column_count++] = (struct tl_source_column){
            .name = tl_arena_strndup(arena, at, size), .type = type, .source_type = shape_of(arena, &type), .nullable = true};
        const char *comma = strchr(at, ',');
        at = comma ? comma + 2 : NULL;
    }
    dataset->described = described;
    dataset->lake_table = table;
    return TL_OK;
}

static enum tl_code refuse_rows(const struct tl_dataset *dataset, struct tl_err *err)
{
    tl_err_set(err, TL_NOT_ALLOWED, "\"%s\" is closed to somebody who sees only some rows of \"%s\"", dataset->name, dataset->base->name);
    tl_err_detail(err, "what is known of files tells of rows that a rule hides");
    tl_err_hint(err, "\"%s$snapshots\" is open to you; ask for full access to the table for this one", dataset->base->name);
    return TL_NOT_ALLOWED;
}

enum tl_code tl_lake_kind_sql(struct tl_door_call *call, const struct tl_dataset *dataset, const struct tl_dataset_grant *grant,
                              const char **ret_sql)
{
    const struct lake_kind *kind = &lake_kinds[dataset->lake_kind];
    struct tl_err *err = &call->rq->err;
    struct tl_json_writer json;
    struct tl_buf rows, sql;
    struct lake_view view = {.call = call, .dataset = dataset, .grant = grant, .table = *dataset->lake_table, .json = &json};
    if (kind->of_files && grant->row_rule_count)
        return refuse_rows(dataset, err);
    tl_buf_init(&rows, ROWS_JSON_MAX);
    tl_buf_init(&sql, 2 * ROWS_JSON_MAX);
    tl_json_writer_init(&json, &rows);
    tl_json_begin_array(&json);
    enum tl_code code = kind->put(&view, err);
    tl_json_end_array(&json);
    tl_system_put_select(&sql, dataset->described, &rows);
    bool failed = rows.failed || sql.failed;
    *ret_sql = failed ? NULL : tl_arena_strndup(call->rq->arena, sql.data, sql.size);
    tl_buf_done(&rows);
    tl_buf_done(&sql);
    if (code == TL_OK && failed)
        tl_err_set(err, TL_TOO_LARGE, "\"%s\" has more rows than fit into one answer", dataset->name);
    return err->code;
}

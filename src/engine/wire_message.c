/* The bodies of frames.  Each reader takes what its writer put, in the same order, into the arena. */
#include <string.h>

#include "engine/wire_int.h"

enum { TEXT_LEAST = 4, FIELD_LEAST = 5, VALUE_LEAST = 2, COLUMN_LEAST = 14 };

void tl_wire_put_statement(struct tl_buf *buf, const struct tl_engine_statement *statement)
{
    tl_wire_put_text(buf, statement->sql);
    tl_wire_put_u32(buf, (uint32_t)statement->view_count);
    for (size_t i = 0; i < statement->view_count; i++) {
        const struct tl_engine_view *view = &statement->views[i];
        tl_wire_put_cstr(buf, view->catalog);
        tl_wire_put_cstr(buf, view->schema);
        tl_wire_put_cstr(buf, view->name);
        tl_wire_put_cstr(buf, view->select_sql);
    }
    tl_wire_put_u32(buf, (uint32_t)statement->allowed_count);
    for (size_t i = 0; i < statement->allowed_count; i++)
        tl_wire_put_cstr(buf, statement->allowed[i]);
    tl_wire_put_u32(buf, (uint32_t)statement->param_count);
    for (size_t i = 0; i < statement->param_count; i++)
        tl_wire_put_value(buf, &statement->params[i]);
    tl_wire_put_i64(buf, statement->rows_max);
    tl_wire_put_i64(buf, statement->run_time_us_max);
    tl_wire_put_i64(buf, statement->memory_bytes_max);
    tl_wire_put_optional(buf, statement->time_zone);
    tl_wire_put_optional(buf, statement->query_id);
    tl_wire_put_u8(buf, statement->no_pushdown);
    tl_wire_put_u8(buf, (uint8_t)statement->lineage);
}

static void read_views(struct tl_wire_reader *reader, tl_arena *arena, struct tl_engine_statement *statement)
{
    size_t count = tl_wire_count(reader, 4 * TEXT_LEAST);
    struct tl_engine_view *views = TL_NEW_ARRAY(arena, struct tl_engine_view, count);
    for (size_t i = 0; i < count && !reader->failed; i++) {
        views[i].catalog = tl_wire_cstr(reader, arena);
        views[i].schema = tl_wire_cstr(reader, arena);
        views[i].name = tl_wire_cstr(reader, arena);
        views[i].select_sql = tl_wire_cstr(reader, arena);
    }
    statement->views = views;
    statement->view_count = count;
}

static const char **read_texts(struct tl_wire_reader *reader, tl_arena *arena, size_t count)
{
    const char **texts = TL_NEW_ARRAY(arena, const char *, count);
    for (size_t i = 0; i < count && !reader->failed; i++)
        texts[i] = tl_wire_cstr(reader, arena);
    return texts;
}

bool tl_wire_statement(struct tl_wire_reader *reader, tl_arena *arena, struct tl_engine_statement *ret_statement)
{
    memset(ret_statement, 0, sizeof *ret_statement);
    ret_statement->sql = tl_wire_copy(reader, arena);
    read_views(reader, arena, ret_statement);
    ret_statement->allowed_count = tl_wire_count(reader, TEXT_LEAST);
    ret_statement->allowed = read_texts(reader, arena, ret_statement->allowed_count);
    ret_statement->param_count = tl_wire_count(reader, VALUE_LEAST);
    struct tl_value *params = TL_NEW_ARRAY(arena, struct tl_value, ret_statement->param_count);
    for (size_t i = 0; i < ret_statement->param_count && !reader->failed; i++)
        params[i] = tl_wire_value(reader, arena);
    ret_statement->params = params;
    ret_statement->rows_max = tl_wire_i64(reader);
    ret_statement->run_time_us_max = tl_wire_i64(reader);
    ret_statement->memory_bytes_max = tl_wire_i64(reader);
    ret_statement->time_zone = tl_wire_optional(reader, arena);
    ret_statement->query_id = tl_wire_optional(reader, arena);
    ret_statement->no_pushdown = tl_wire_flag(reader);
    uint8_t lineage = tl_wire_u8(reader);
    if (lineage > TL_LINEAGE_ALL)
        reader->failed = true;
    else
        ret_statement->lineage = (enum tl_lineage_wish)lineage;
    return !reader->failed;
}

void tl_wire_put_config(struct tl_buf *buf, const struct tl_source_config *config)
{
    tl_wire_put_cstr(buf, config->name);
    tl_wire_put_cstr(buf, config->kind);
    tl_wire_put_u32(buf, (uint32_t)config->option_count);
    for (size_t i = 0; i < config->option_count; i++) {
        tl_wire_put_cstr(buf, config->option_names[i]);
        tl_wire_put_cstr(buf, config->option_values[i]);
    }
}

bool tl_wire_config(struct tl_wire_reader *reader, tl_arena *arena, struct tl_source_config *ret_config)
{
    memset(ret_config, 0, sizeof *ret_config);
    ret_config->name = tl_wire_cstr(reader, arena);
    ret_config->kind = tl_wire_cstr(reader, arena);
    size_t count = tl_wire_count(reader, 2 * TEXT_LEAST);
    if (count > TL_SOURCE_OPTIONS_MAX) {
        reader->failed = true;
        return false;
    }
    const char **names = TL_NEW_ARRAY(arena, const char *, count), **values = TL_NEW_ARRAY(arena, const char *, count);
    for (size_t i = 0; i < count && !reader->failed; i++) {
        names[i] = tl_wire_cstr(reader, arena);
        values[i] = tl_wire_cstr(reader, arena);
    }
    ret_config->option_count = count;
    ret_config->option_names = names;
    ret_config->option_values = values;
    return !reader->failed;
}

static void put_column(struct tl_buf *buf, const struct tl_source_column *column)
{
    bool has_type = column->type.id != TL_TYPE_INVALID; /* an unsupported one may have none */
    tl_wire_put_cstr(buf, column->name);
    tl_wire_put_u8(buf, has_type);
    if (has_type)
        tl_type_encode(buf, &column->type);
    tl_wire_put_optional(buf, column->source_type);
    tl_wire_put_optional(buf, column->comment);
    tl_wire_put_u8(buf, column->nullable);
    tl_wire_put_u32(buf, (uint32_t)column->key_position);
    tl_wire_put_u8(buf, column->unsupported);
    tl_wire_put_u8(buf, column->statistics.known);
    if (!column->statistics.known)
        return;
    tl_wire_put_f64(buf, column->statistics.null_fraction);
    tl_wire_put_i64(buf, column->statistics.distinct_count);
    tl_wire_put_i64(buf, column->statistics.average_bytes);
}

static void read_column(struct tl_wire_reader *reader, tl_arena *arena, struct tl_source_column *column)
{
    column->name = tl_wire_cstr(reader, arena);
    if (tl_wire_flag(reader))
        column->type = tl_wire_type(reader, arena);
    column->source_type = tl_wire_optional(reader, arena);
    column->comment = tl_wire_optional(reader, arena);
    column->nullable = tl_wire_flag(reader);
    column->key_position = (int)tl_wire_u32(reader);
    column->unsupported = tl_wire_flag(reader);
    column->statistics.known = tl_wire_flag(reader);
    if (column->statistics.known) {
        column->statistics.null_fraction = tl_wire_f64(reader);
        column->statistics.distinct_count = tl_wire_i64(reader);
        column->statistics.average_bytes = tl_wire_i64(reader);
    }
    if (column->key_position < 0 || column->key_position > TL_SOURCE_COLUMNS_MAX ||
        (column->type.id == TL_TYPE_INVALID && !column->unsupported))
        reader->failed = true;
}

void tl_wire_put_dataset(struct tl_buf *buf, const struct tl_source_dataset *dataset)
{
    tl_wire_put_cstr(buf, dataset->schema);
    tl_wire_put_cstr(buf, dataset->name);
    tl_wire_put_u8(buf, dataset->kind == TL_DATASET_VIEW);
    tl_wire_put_optional(buf, dataset->comment);
    tl_wire_put_i64(buf, dataset->row_estimate);
    tl_wire_put_i64(buf, dataset->size_bytes);
    tl_wire_put_i64(buf, dataset->changed_at_us);
    tl_wire_put_i64(buf, dataset->change_marker);
    tl_wire_put_u32(buf, (uint32_t)dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        put_column(buf, &dataset->columns[i]);
}

bool tl_wire_dataset(struct tl_wire_reader *reader, tl_arena *arena, struct tl_source_dataset *ret_dataset)
{
    memset(ret_dataset, 0, sizeof *ret_dataset);
    ret_dataset->schema = tl_wire_cstr(reader, arena);
    ret_dataset->name = tl_wire_cstr(reader, arena);
    ret_dataset->kind = tl_wire_flag(reader) ? TL_DATASET_VIEW : TL_DATASET_TABLE;
    ret_dataset->comment = tl_wire_optional(reader, arena);
    ret_dataset->row_estimate = tl_wire_i64(reader);
    ret_dataset->size_bytes = tl_wire_i64(reader);
    ret_dataset->changed_at_us = tl_wire_i64(reader);
    ret_dataset->change_marker = tl_wire_i64(reader);
    size_t count = tl_wire_count(reader, COLUMN_LEAST);
    if (count > TL_SOURCE_COLUMNS_MAX) {
        reader->failed = true;
        return false;
    }
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, count);
    for (size_t i = 0; i < count && !reader->failed; i++)
        read_column(reader, arena, &columns[i]);
    ret_dataset->columns = columns;
    ret_dataset->column_count = count;
    return !reader->failed;
}

void tl_wire_put_fields(struct tl_buf *buf, const struct tl_field *fields, size_t count)
{
    tl_wire_put_u32(buf, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        tl_wire_put_cstr(buf, fields[i].name);
        tl_type_encode(buf, &fields[i].type);
    }
}

bool tl_wire_fields(struct tl_wire_reader *reader, tl_arena *arena, struct tl_field **ret_fields, size_t *ret_count)
{
    size_t count = tl_wire_count(reader, FIELD_LEAST);
    struct tl_field *fields = TL_NEW_ARRAY(arena, struct tl_field, count);
    for (size_t i = 0; i < count && !reader->failed; i++) {
        fields[i].name = tl_wire_cstr(reader, arena);
        fields[i].type = tl_wire_type(reader, arena);
    }
    *ret_fields = fields;
    *ret_count = count;
    return !reader->failed;
}

void tl_wire_put_error(struct tl_buf *buf, const struct tl_err *err)
{
    tl_wire_put_cstr(buf, tl_code_info(err->code)->name);
    tl_wire_put_i64(buf, err->position);
    tl_wire_put_cstr(buf, err->message);
    tl_wire_put_cstr(buf, err->detail);
    tl_wire_put_cstr(buf, err->hint);
    tl_wire_put_cstr(buf, err->link);
}

/* Codes travel by name; longer texts than an error holds are cut by tl_err_set. */
bool tl_wire_error(struct tl_wire_reader *reader, struct tl_err *ret_err)
{
    tl_err_init(ret_err);
    struct tl_str name = tl_wire_text(reader);
    int64_t position = tl_wire_i64(reader);
    struct tl_str message = tl_wire_text(reader), detail = tl_wire_text(reader), hint = tl_wire_text(reader);
    struct tl_str link = tl_wire_text(reader);
    char code_name[64];
    if (reader->failed || name.size >= sizeof code_name) {
        reader->failed = true;
        return false;
    }
    memcpy(code_name, name.data, name.size);
    code_name[name.size] = '\0';
    enum tl_code code = tl_code_from_name(code_name);
    if (code == TL_OK || strlen(code_name) != name.size) {
        reader->failed = true; /* an error that says nothing went wrong */
        return false;
    }
    tl_err_set(ret_err, code, "%.*s", (int)message.size, message.data);
    tl_err_detail(ret_err, "%.*s", (int)detail.size, detail.data);
    tl_err_hint(ret_err, "%.*s", (int)hint.size, hint.data);
    tl_err_link(ret_err, "%.*s", (int)link.size, link.data);
    tl_err_position(ret_err, position < -1 ? -1 : position);
    return true;
}

void tl_wire_put_stats(struct tl_buf *buf, const struct tl_result_stats *stats)
{
    tl_wire_put_i64(buf, stats->rows);
    tl_wire_put_i64(buf, stats->bytes);
    tl_wire_put_i64(buf, stats->elapsed_us);
    tl_wire_put_i64(buf, stats->cpu_us);
    tl_wire_put_i64(buf, stats->rows_scanned);
    tl_wire_put_i64(buf, stats->peak_memory_bytes);
    tl_wire_put_f64(buf, stats->progress);
    tl_wire_put_i64(buf, stats->changed_rows);
    tl_wire_put_text(buf, stats->scans_json);
}

bool tl_wire_stats(struct tl_wire_reader *reader, tl_arena *arena, struct tl_result_stats *ret_stats)
{
    memset(ret_stats, 0, sizeof *ret_stats);
    ret_stats->rows = tl_wire_i64(reader);
    ret_stats->bytes = tl_wire_i64(reader);
    ret_stats->elapsed_us = tl_wire_i64(reader);
    ret_stats->cpu_us = tl_wire_i64(reader);
    ret_stats->rows_scanned = tl_wire_i64(reader);
    ret_stats->peak_memory_bytes = tl_wire_i64(reader);
    ret_stats->progress = tl_wire_f64(reader);
    ret_stats->changed_rows = tl_wire_i64(reader);
    ret_stats->scans_json = tl_wire_copy(reader, arena);
    return !reader->failed;
}

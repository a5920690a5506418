/* COMMENT ON TABLE and COLUMN: kept in the lake's own metadata (the property "comment", a column's "doc"), where other engines read
 * and write them too; and read from there for listings. */
#include <string.h>

#include "door/upkeep_int.h"
#include "lake/describe.h"

enum { BODY_BYTES_MAX = 4 * 1024 * 1024, COMMENT_BYTES_MAX = 64 * 1024 };

static const char table_comment[] = "comment";

static void put_table_comment(struct tl_json_writer *json, const char *text)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "action", text ? "set-properties" : "remove-properties");
    tl_json_key(json, text ? "updates" : "removals");
    if (text) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, table_comment, text);
        tl_json_end_object(json);
    } else {
        tl_json_begin_array(json);
        tl_json_put_text(json, table_comment);
        tl_json_end_array(json);
    }
    tl_json_end_object(json);
}

static void put_field(struct tl_json_writer *json, const struct tl_lake_field *field, bool chosen, const char *text)
{
    if (!chosen) {
        tl_json_put_value(json, field->json);
        return;
    }
    tl_json_begin_object(json);
    for (struct tl_json_iter it = tl_json_iter(field->json); tl_json_next(&it);) {
        if (strcmp(it.key, "doc") == 0)
            continue;
        tl_json_key(json, it.key);
        tl_json_put_value(json, it.value);
    }
    if (text)
        tl_json_pair_text(json, "doc", text);
    tl_json_end_object(json);
}

/* The schema as it is, but for one column's doc; it gets a number of its own. */
static void put_column_comment(struct tl_json_writer *json, const struct tl_lake_table *table, const struct tl_lake_field *column, const char *text)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "action", "add-schema");
    tl_json_key(json, "schema");
    tl_json_begin_object(json);
    for (struct tl_json_iter it = tl_json_iter(tl_lake_table_schema_json(table)); tl_json_next(&it);) {
        tl_json_key(json, it.key);
        if (strcmp(it.key, "fields") != 0) {
            tl_json_put_value(json, it.value);
            continue;
        }
        tl_json_begin_array(json);
        for (size_t i = 0; i < table->schema->root.count; i++)
            put_field(json, &table->schema->root.fields[i], &table->schema->root.fields[i] == column, text);
        tl_json_end_array(json);
    }
    tl_json_end_object(json);
    tl_json_end_object(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "action", "set-current-schema");
    tl_json_pair_int64(json, "schema-id", -1);
    tl_json_end_object(json);
}

static void put_requirements(struct tl_json_writer *json, const struct tl_lake_table *table)
{
    tl_json_begin_array(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "assert-table-uuid");
    tl_json_pair_text(json, "uuid", table->uuid);
    tl_json_end_object(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "assert-current-schema-id");
    tl_json_pair_int64(json, "current-schema-id", table->schema->id);
    tl_json_end_object(json);
    tl_json_end_array(json);
}

static enum tl_code find_column(struct tl_request *rq, const struct tl_lake_table *table, const struct tl_statement *statement,
                                const struct tl_lake_field **ret_column)
{
    const struct tl_lake_type *root = &table->schema->root;
    for (size_t i = 0; i < root->count; i++)
        if (tl_streq_nocase(root->fields[i].name, statement->column)) {
            *ret_column = &root->fields[i];
            return TL_OK;
        }
    tl_err_set(&rq->err, TL_COLUMN_NOT_FOUND, "the table has no column \"%.200s\"", statement->column);
    tl_err_position(&rq->err, (int64_t)statement->name.offset);
    return TL_COLUMN_NOT_FOUND;
}

enum tl_code tl_comment_statement(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct tl_request *rq = call->rq;
    const struct tl_lake_field *column = NULL;
    struct tl_dataset dataset;
    struct tl_lake_table table;
    struct tl_buf requirements, updates;
    struct tl_json_writer json;
    if (statement->comment && strlen(statement->comment) > COMMENT_BYTES_MAX)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "a comment has at most %d bytes", COMMENT_BYTES_MAX);
    if (tl_upkeep_target(call, &statement->name, TL_ACCESS_READ | TL_ACCESS_DROP, &dataset) != TL_OK ||
        tl_lake_table_load(call->door->lake, rq->arena, dataset.schema, dataset.name, &table, &rq->err) != TL_OK ||
        (statement->column && find_column(rq, &table, statement, &column) != TL_OK))
        return rq->err.code;
    tl_buf_init(&requirements, BODY_BYTES_MAX);
    tl_buf_init(&updates, BODY_BYTES_MAX);
    tl_json_writer_init(&json, &requirements);
    put_requirements(&json, &table);
    tl_json_writer_init(&json, &updates);
    tl_json_begin_array(&json);
    if (column)
        put_column_comment(&json, &table, column, statement->comment);
    else
        put_table_comment(&json, statement->comment);
    tl_json_end_array(&json);
    enum tl_code code = tl_lake_commit_to(call->door->lake, rq->arena, dataset.schema, dataset.name, &requirements, &updates, &rq->err);
    tl_buf_done(&requirements);
    tl_buf_done(&updates);
    tl_answer_set_update(call->answer, "COMMENT", false);
    return code;
}

/* ---- listings ---- */

static void comment_dataset(tl_arena *arena, const struct tl_lake_table *table, struct tl_source_dataset *dataset)
{
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, dataset->column_count);
    const struct tl_lake_type *root = &table->schema->root;
    for (size_t i = 0; i < dataset->column_count; i++) {
        columns[i] = dataset->columns[i];
        for (size_t k = 0; k < root->count; k++)
            if (strcmp(root->fields[k].name, columns[i].name) == 0)
                columns[i].comment = tl_arena_strdup(arena, tl_json_get_text(root->fields[k].json, "doc"));
    }
    dataset->columns = columns;
    dataset->comment = tl_arena_strdup(arena, tl_lake_table_property(table, table_comment));
}

/* A table that cannot be read has no comments; its listing stands. */
void tl_door_comment_listing(struct tl_request *rq, tl_lake *lake, struct tl_source_dataset *datasets, size_t count)
{
    enum { METADATA_BYTES_MAX = 512 * 1024 * 1024 };
    tl_arena *scratch = tl_arena_new(METADATA_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct tl_lake_table table;
        struct tl_err ignored;
        tl_err_init(&ignored);
        if (datasets[i].kind == TL_DATASET_TABLE &&
            tl_lake_table_load(lake, scratch, datasets[i].schema, datasets[i].name, &table, &ignored) == TL_OK)
            comment_dataset(rq->arena, &table, &datasets[i]);
        tl_arena_reset(scratch);
    }
    tl_arena_free(scratch);
}

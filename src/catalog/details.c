/* All about one dataset, as far as the caller may know. */
#include <string.h>

#include "catalog/catalog_int.h"
#include "catalog/usage.h"

/* --- what is kept of it --- */

struct details {
    struct tl_request *rq;
    tl_catalog *catalog;
    struct tl_json_writer *json;
    struct tl_grant_scope scope;
    struct tl_source_dataset dataset;
    struct cat_sight sight;
    int64_t id;
    const tl_json *rules; /* lifeguard's: tags */
    struct said *said;    /* of columns, by column */
    size_t said_count, said_capacity;
};

/* --- what people say of it --- */

struct said {
    const char *column, *field, *value;
};

static enum tl_code take_said(void *context, const struct cat_entity *entity, const char *field, const char *value)
{
    struct details *details = context;
    if (details->said_count == details->said_capacity) {
        size_t old = details->said_capacity;
        details->said_capacity = old ? 2 * old : 64;
        details->said = tl_arena_grow(details->rq->arena, details->said, old * sizeof *details->said, details->said_capacity * sizeof *details->said);
    }
    details->said[details->said_count++] = (struct said){entity->column, field, value};
    return TL_OK;
}

static size_t first_said(const struct details *details, const char *column)
{
    size_t low = 0, high = details->said_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(details->said[middle].column, column) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void put_tags(struct tl_json_writer *json, const tl_json *of)
{
    const tl_json *tags = tl_json_get(of, "tags");
    if (tl_json_count(tags) == 0)
        return;
    tl_json_key(json, "tags");
    tl_json_put_value(json, tags);
}

/* A question's SQL names columns: it is for who reads the table. */
static void put_said(struct details *details, const char *column)
{
    bool hides_questions = !details->sight.governs && details->sight.readable == 0;
    for (size_t i = first_said(details, column); i < details->said_count && strcmp(details->said[i].column, column) == 0; i++)
        if (!hides_questions || strcmp(details->said[i].field, "questions") != 0)
            cat_put_value(details->json, details->said[i].field, details->said[i].value);
}

static enum tl_code read_said(tl_store_tx *tx, struct details *details, struct tl_err *err)
{
    const struct cat_entity table = {"dataset", details->scope.source, details->scope.schema, details->scope.table, ""};
    const struct cat_entity columns = {"column", details->scope.source, details->scope.schema, details->scope.table, NULL};
    enum tl_code code = cat_meaning_each(tx, details->rq->arena, &table, take_said, details, err);
    if (code != TL_OK)
        return code;
    put_said(details, "");
    put_tags(details->json, details->rules);
    details->said_count = 0;
    return cat_meaning_each(tx, details->rq->arena, &columns, take_said, details, err);
}

static void put_number(struct tl_json_writer *json, const char *key, const struct tl_store_value *cell)
{
    if (cell->type == TL_STORE_INT)
        tl_json_pair_int64(json, key, cell->integer);
}

static enum tl_code put_dataset(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct details *details = context;
    (void)count;
    (void)err;
    details->id = cells[0].integer;
    put_number(details->json, "first_seen_us", &cells[1]);
    put_number(details->json, "described_at_us", &cells[2]);
    if (details->sight.rows_hidden)
        return TL_OK;
    put_number(details->json, "row_count", &cells[3]);
    put_number(details->json, "size_bytes", &cells[4]);
    put_number(details->json, "changed_at_us", &cells[5]);
    return TL_OK;
}

static enum tl_code put_column(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct details *details = context;
    struct tl_json_writer *json = details->json;
    const char *name = tl_store_text(details->rq->arena, &cells[0]);
    (void)count;
    (void)err;
    const struct cat_column_sight *sight = cat_sight_of(&details->sight, name);
    if (!sight)
        return TL_OK;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "name", name);
    tl_json_pair_text(json, "type", tl_store_text(details->rq->arena, &cells[1]));
    tl_json_pair_text(json, "source_type", tl_store_text(details->rq->arena, &cells[2]));
    tl_json_pair_bool(json, "nullable", cells[3].integer != 0);
    put_number(json, "key_position", cells[4].integer ? &cells[4] : &TL_STORE_N);
    tl_json_pair_text(json, "comment", tl_store_text(details->rq->arena, &cells[5]));
    tl_json_pair_text(json, "access", sight->access);
    put_said(details, name);
    put_tags(json, tl_json_get(tl_json_get(details->rules, "columns"), name));
    if (!details->sight.rows_hidden) {
        if (cells[6].type == TL_STORE_DOUBLE) {
            tl_json_key(json, "null_fraction");
            tl_json_put_double(json, cells[6].number);
        }
        put_number(json, "distinct_count", &cells[7]);
        put_number(json, "average_bytes", &cells[8]);
    }
    tl_json_end_object(json);
    return TL_OK;
}

static enum tl_code read_all(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct details *details = context;
    const struct tl_store_value name[] = {TL_STORE_T(details->scope.source), TL_STORE_T(details->scope.schema), TL_STORE_T(details->scope.table)};
    enum tl_code code = tl_store_run(tx,
                                     "SELECT dataset_id, first_seen_us, described_at_us, row_count, size_bytes, changed_at_us FROM catalog_dataset "
                                     "WHERE source = ?1 AND schema_name = ?2 AND name = ?3",
                                     name, 3, put_dataset, details, err);
    if (code == TL_OK)
        code = read_said(tx, details, err);
    tl_json_key(details->json, "columns");
    tl_json_begin_array(details->json);
    if (code == TL_OK)
        code = tl_store_run(tx,
                            "SELECT name, type, source_type, nullable, key_position, comment, null_fraction, distinct_count, average_bytes "
                            "FROM catalog_column WHERE dataset_id = ?1 AND gone_at_us IS NULL ORDER BY position",
                            (const struct tl_store_value[]){TL_STORE_I(details->id)}, 1, put_column, details, err);
    tl_json_end_array(details->json);
    return code;
}

enum tl_code tl_catalog_details(struct tl_request *rq, tl_catalog *catalog, const char *name, struct tl_json_writer *json)
{
    struct details details = {.rq = rq, .catalog = catalog, .json = json};
    if (tl_door_find_dataset(rq, catalog->options.door, name, &details.scope, &details.dataset) != TL_OK)
        return rq->err.code;
    if (cat_tags_load(rq, catalog, &details.scope, &details.rules) != TL_OK)
        return rq->err.code;
    cat_see(rq, catalog, &details.scope, &details.dataset, &details.sight);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "source", details.scope.source);
    tl_json_pair_text(json, "schema", details.scope.schema);
    tl_json_pair_text(json, "name", details.scope.table);
    tl_json_pair_text(json, "kind", cat_kind_name(details.dataset.kind));
    tl_json_pair_text(json, "comment", details.dataset.comment);
    tl_json_key(json, "access");
    cat_sight_put(&details.sight, json);
    enum tl_code code = tl_store_read(catalog->options.store, read_all, &details, &rq->err);
    tl_json_key(json, "pages");
    if (code == TL_OK)
        code = cat_put_pages_about(rq, catalog, &details.scope, json);
    tl_json_key(json, "usage");
    tl_json_begin_object(json);
    if (code == TL_OK)
        code = tl_usage_put(rq, catalog->options.store, catalog->options.lifeguard, &details.scope, json);
    tl_json_end_object(json);
    tl_json_end_object(json);
    return code;
}

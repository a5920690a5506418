/* All about one dataset, as far as the caller may know. */
#include <string.h>

#include "catalog/catalog_int.h"

/* --- what is kept of it --- */

struct details {
    struct tl_request *rq;
    tl_catalog *catalog;
    struct tl_json_writer *json;
    struct tl_grant_scope scope;
    struct tl_source_dataset dataset;
    struct cat_sight sight;
    int64_t id;
};

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
    tl_json_end_object(json);
    return code;
}

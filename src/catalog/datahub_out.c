/* Proposals out. */
#include <string.h>

#include "catalog/datahub_int.h"

struct exported {
    int64_t id;
    struct lin_name name;
    const char *kind, *comment;
};

struct exporting {
    struct tl_request *rq;
    tl_lineage *lineage;
    tl_store_tx *tx;
    struct tl_json_writer *json;
    const char *source;
    struct exported *datasets;
    size_t count;
    /* of the one that is written: */
    const struct exported *at;
    bool any;
};

static bool sees(struct exporting *exporting, const struct lin_name *name, const char *column)
{
    struct tl_request *rq = exporting->rq;
    struct tl_err before = rq->err;
    const struct tl_grant_scope scope = {.source = name->source, .schema = name->schema, .table = name->table};
    const struct tl_access_need need = {name->source, name->schema, name->table, TL_ACCESS_READ, 1, &column};
    bool visible = tl_lifeguard_need(rq, exporting->lineage->options.lifeguard, TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &scope) == TL_OK;
    rq->err = before;
    if (!visible)
        tl_lifeguard_visible(rq, exporting->lineage->options.lifeguard, &need, &visible);
    rq->err = before;
    return visible;
}

static void put_urn(struct exporting *exporting, const char *key, const struct lin_name *name, const char *column)
{
    struct tl_buf urn;
    tl_buf_init(&urn, 4 * DH_URN_BYTES_MAX);
    if (column)
        dh_put_field(&urn, name, column);
    else
        dh_put_dataset(&urn, name);
    if (key)
        tl_json_pair_text(exporting->json, key, tl_buf_cstr(&urn));
    else
        tl_json_put_text(exporting->json, tl_buf_cstr(&urn));
    tl_buf_done(&urn);
}

static void begin_proposal(struct exporting *exporting, const char *aspect)
{
    struct tl_json_writer *json = exporting->json;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "entityType", "dataset");
    put_urn(exporting, "entityUrn", &exporting->at->name, NULL);
    tl_json_pair_text(json, "changeType", "UPSERT");
    tl_json_pair_text(json, "aspectName", aspect);
    tl_json_key(json, "aspect");
    tl_json_begin_object(json);
    tl_json_key(json, "json");
    tl_json_begin_object(json);
}

static void end_proposal(struct exporting *exporting)
{
    for (int i = 0; i < 3; i++)
        tl_json_end_object(exporting->json);
}

/* --- schemaMetadata --- */

static const char *field_type(const char *type)
{
    static const char *const types[][2] = {{"boolean", "BooleanType"}, {"varchar", "StringType"}, {"char", "StringType"}, {"json", "StringType"},
                                           {"varbinary", "BytesType"},
                                           {"date", "DateType"}, {"timestamp", "TimeType"}, {"time", "TimeType"}, {"array", "ArrayType"}, {"map", "MapType"},
                                           {"row", "RecordType"}, {"uuid", "StringType"}, {"interval", "TimeType"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strncmp(type, types[i][0], strlen(types[i][0])) == 0)
            return types[i][1];
    return "NumberType";
}

static enum tl_code put_column(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct exporting *exporting = context;
    tl_arena *arena = exporting->rq->arena;
    struct tl_json_writer *json = exporting->json;
    const char *name = tl_store_text(arena, &cells[0]), *type = tl_store_text(arena, &cells[1]), *comment = tl_store_text(arena, &cells[3]);
    (void)count;
    (void)err;
    if (!sees(exporting, &exporting->at->name, name))
        return TL_OK;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "fieldPath", name);
    tl_json_pair_bool(json, "nullable", cells[2].integer != 0);
    tl_json_pair_text(json, "nativeDataType", type);
    if (comment)
        tl_json_pair_text(json, "description", comment);
    tl_json_pair_bool(json, "recursive", false);
    tl_json_key(json, "type");
    tl_json_begin_object(json);
    tl_json_key(json, "type");
    tl_json_begin_object(json);
    tl_json_key(json, tl_arena_printf(arena, "com.linkedin.schema.%s", field_type(type ? type : "")));
    tl_json_begin_object(json);
    for (int i = 0; i < 4; i++)
        tl_json_end_object(json);
    return TL_OK;
}

static enum tl_code put_schema(struct exporting *exporting, struct tl_err *err)
{
    struct tl_json_writer *json = exporting->json;
    begin_proposal(exporting, "schemaMetadata");
    tl_json_pair_text(json, "schemaName", exporting->at->name.table);
    tl_json_pair_text(json, "platform", "urn:li:dataPlatform:townlake");
    tl_json_pair_int64(json, "version", 0);
    tl_json_pair_text(json, "hash", "");
    tl_json_key(json, "platformSchema");
    tl_json_begin_object(json);
    tl_json_key(json, "com.linkedin.schema.OtherSchema");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "rawSchema", "");
    tl_json_end_object(json);
    tl_json_end_object(json);
    tl_json_key(json, "fields");
    tl_json_begin_array(json);
    enum tl_code code = tl_store_run(exporting->tx,
                                     "SELECT name, type, nullable, comment FROM catalog_column WHERE dataset_id = ?1 AND gone_at_us IS NULL ORDER BY position",
                                     (const struct tl_store_value[]){TL_STORE_I(exporting->at->id)}, 1, put_column, exporting, err);
    tl_json_end_array(json);
    end_proposal(exporting);
    return code;
}

static void put_properties(struct exporting *exporting)
{
    if (!exporting->at->comment || !*exporting->at->comment)
        return;
    begin_proposal(exporting, "datasetProperties");
    tl_json_pair_text(exporting->json, "name", exporting->at->name.table);
    tl_json_pair_text(exporting->json, "description", exporting->at->comment);
    tl_json_key(exporting->json, "customProperties");
    tl_json_begin_object(exporting->json);
    tl_json_end_object(exporting->json);
    end_proposal(exporting);
}

/* --- upstreamLineage --- */

static enum tl_code put_upstream(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct exporting *exporting = context;
    tl_arena *arena = exporting->rq->arena;
    struct lin_name from = {tl_store_text(arena, &cells[0]), tl_store_text(arena, &cells[1]), tl_store_text(arena, &cells[2])};
    const char *by = tl_store_text(arena, &cells[4]);
    (void)count;
    (void)err;
    tl_json_begin_object(exporting->json);
    tl_json_key(exporting->json, "auditStamp");
    tl_json_begin_object(exporting->json);
    tl_json_pair_int64(exporting->json, "time", cells[3].integer / 1000);
    tl_json_pair_text(exporting->json, "actor", tl_arena_printf(arena, "urn:li:corpuser:%s", by && *by ? by : "unknown"));
    tl_json_end_object(exporting->json);
    put_urn(exporting, "dataset", &from, NULL);
    tl_json_pair_text(exporting->json, "type", strcmp(exporting->at->kind, "view") == 0 ? "VIEW" : "TRANSFORMED");
    tl_json_end_object(exporting->json);
    return TL_OK;
}

/* One edge between columns, without its expression: that may name other columns. */
static enum tl_code put_fine(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct exporting *exporting = context;
    tl_arena *arena = exporting->rq->arena;
    struct tl_json_writer *json = exporting->json;
    struct lin_name from = {tl_store_text(arena, &cells[0]), tl_store_text(arena, &cells[1]), tl_store_text(arena, &cells[2])};
    const char *from_column = tl_store_text(arena, &cells[3]), *to_column = tl_store_text(arena, &cells[4]);
    (void)count;
    (void)err;
    if (!sees(exporting, &from, from_column) || !sees(exporting, &exporting->at->name, to_column))
        return TL_OK;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "upstreamType", "FIELD_SET");
    tl_json_key(json, "upstreams");
    tl_json_begin_array(json);
    put_urn(exporting, NULL, &from, from_column);
    tl_json_end_array(json);
    tl_json_pair_text(json, "downstreamType", "FIELD");
    tl_json_key(json, "downstreams");
    tl_json_begin_array(json);
    put_urn(exporting, NULL, &exporting->at->name, to_column);
    tl_json_end_array(json);
    tl_json_key(json, "confidenceScore");
    tl_json_put_double(json, 1);
    tl_json_end_object(json);
    return TL_OK;
}

#define OF_TARGET " FROM lineage_edge WHERE to_source = ?1 AND to_schema = ?2 AND to_table = ?3 AND ended_at_us = 0 AND "

static enum tl_code note_any(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    ((struct exporting *)context)->any = cells[0].integer > 0;
    return TL_OK;
}

static enum tl_code put_lineage(struct exporting *exporting, struct tl_err *err)
{
    const struct lin_name *name = &exporting->at->name;
    const struct tl_store_value params[] = {TL_STORE_T(name->source), TL_STORE_T(name->schema), TL_STORE_T(name->table)};
    exporting->any = false;
    enum tl_code code = tl_store_run(exporting->tx, "SELECT count(*)" OF_TARGET "how IN ('table', 'view', 'value')", params, 3, note_any, exporting, err);
    if (code != TL_OK || !exporting->any)
        return code;
    begin_proposal(exporting, "upstreamLineage");
    tl_json_key(exporting->json, "upstreams");
    tl_json_begin_array(exporting->json);
    code = tl_store_run(exporting->tx, "SELECT from_source, from_schema, from_table, max(last_seen_us), max(made_by)" OF_TARGET
                        "how IN ('table', 'view') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3", params, 3, put_upstream, exporting, err);
    tl_json_end_array(exporting->json);
    tl_json_key(exporting->json, "fineGrainedLineages");
    tl_json_begin_array(exporting->json);
    if (code == TL_OK)
        code = tl_store_run(exporting->tx, "SELECT from_source, from_schema, from_table, from_column, to_column" OF_TARGET
                            "how = 'value' AND to_column <> '' ORDER BY to_column, 1, 2, 3, 4", params, 3, put_fine, exporting, err);
    tl_json_end_array(exporting->json);
    end_proposal(exporting);
    return code;
}

/* --- all --- */

static enum tl_code take_dataset(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct exporting *exporting = context;
    tl_arena *arena = exporting->rq->arena;
    (void)count;
    if (exporting->count == TL_DATAHUB_DATASETS_MAX) {
        tl_err_set(err, TL_TOO_LARGE, "there are more than %d datasets", TL_DATAHUB_DATASETS_MAX);
        tl_err_hint(err, "ask for one \"source\" at a time");
        return TL_TOO_LARGE;
    }
    exporting->datasets[exporting->count++] = (struct exported){
        .id = cells[0].integer,
        .name = {tl_store_text(arena, &cells[1]), tl_store_text(arena, &cells[2]), tl_store_text(arena, &cells[3])},
        .kind = tl_store_text(arena, &cells[4]),
        .comment = tl_store_text(arena, &cells[5]),
    };
    return TL_OK;
}

static enum tl_code put_all(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct exporting *exporting = context;
    exporting->tx = tx;
    enum tl_code code = tl_store_run(tx,
                                     "SELECT dataset_id, source, schema_name, name, kind, comment FROM catalog_dataset WHERE gone_at_us IS NULL AND (?1 IS "
                                     "NULL OR source = ?1) ORDER BY source, schema_name, name",
                                     (const struct tl_store_value[]){TL_STORE_T(exporting->source)}, 1, take_dataset, exporting, err);
    for (size_t i = 0; code == TL_OK && i < exporting->count; i++) {
        exporting->at = &exporting->datasets[i];
        put_properties(exporting);
        code = put_schema(exporting, err);
        if (code == TL_OK)
            code = put_lineage(exporting, err);
    }
    return code;
}

enum tl_code tl_datahub_put(struct tl_request *rq, tl_lineage *lineage, const char *source, struct tl_json_writer *json)
{
    if (tl_lineage_follow(lineage, &rq->err) != TL_OK)
        return rq->err.code;
    struct exporting exporting = {.rq = rq, .lineage = lineage, .json = json, .source = source,
                                  .datasets = TL_NEW_ARRAY(rq->arena, struct exported, TL_DATAHUB_DATASETS_MAX)};
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(lineage->options.store, put_all, &exporting, &rq->err);
    tl_json_end_array(json);
    return code;
}

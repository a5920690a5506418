/* What of a dataset the caller may know: lifeguard's decision, as the catalog's answers need it. */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog_int.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct cat_column_sight *)a)->name, ((const struct cat_column_sight *)b)->name);
}

const struct cat_column_sight *cat_sight_of(const struct cat_sight *sight, const char *column)
{
    const struct cat_column_sight key = {.name = column};
    return sight->column_count ? bsearch(&key, sight->columns, sight->column_count, sizeof key, by_name) : NULL;
}

static void add(struct cat_sight *sight, const char *name, const char *access)
{
    sight->columns[sight->column_count++] = (struct cat_column_sight){name, access};
}

/* Who governs a table sees what there is to decide about; the others see what they may read. */
void cat_see(struct tl_request *rq, tl_catalog *catalog, const struct tl_grant_scope *scope, const struct tl_source_dataset *dataset,
             struct cat_sight *ret_sight)
{
    const char **names = TL_NEW_ARRAY(rq->arena, const char *, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        names[i] = dataset->columns[i].name;
    const struct tl_access_need need = {scope->source, scope->schema, scope->table, TL_ACCESS_READ, dataset->column_count, names};
    const unsigned governing = TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN;
    struct tl_err before = rq->err;
    *ret_sight = (struct cat_sight){.columns = TL_NEW_ARRAY(rq->arena, struct cat_column_sight, dataset->column_count)};
    ret_sight->governs = tl_lifeguard_need(rq, catalog->options.lifeguard, governing, scope) == TL_OK;
    tl_err_init(&rq->err);
    const struct tl_access_manner manner = {.pii = false};
    const tl_clearance *clearance = NULL;
    const struct tl_dataset_grant *grant = NULL;
    if (tl_lifeguard_decide(rq, catalog->options.lifeguard, &manner, &need, 1, &clearance) == TL_OK)
        grant = tl_clearance_grant(clearance, 0);
    ret_sight->denial = rq->err;
    rq->err = before;
    ret_sight->row_rules = grant && grant->row_rule_count > 0;
    ret_sight->rows_hidden = !ret_sight->governs && (!grant || ret_sight->row_rules);
    ret_sight->readable = grant ? grant->column_count : 0;
    ret_sight->total = dataset->column_count;
    for (size_t i = 0, k = 0; i < dataset->column_count; i++) {
        bool readable = grant && k < grant->column_count && strcmp(grant->columns[k], names[i]) == 0;
        if (readable || ret_sight->governs)
            add(ret_sight, names[i], !readable ? "closed" : grant->masks[k].form == TL_MASK_NONE ? "open" : "masked");
        ret_sight->masked += readable && grant->masks[k].form != TL_MASK_NONE;
        k += readable;
    }
    if (ret_sight->column_count > 1)
        qsort(ret_sight->columns, ret_sight->column_count, sizeof *ret_sight->columns, by_name);
}

bool cat_see_named(struct tl_request *rq, tl_catalog *catalog, const struct cat_entity *dataset, struct cat_sight *ret_sight)
{
    struct tl_grant_scope scope;
    struct tl_source_dataset described;
    struct tl_err before = rq->err;
    const struct cat_entity table = {"dataset", dataset->source, dataset->schema, dataset->name, ""};
    bool found = tl_door_find_dataset(rq, catalog->options.door, cat_entity_text(rq->arena, &table), &scope, &described) == TL_OK;
    rq->err = before;
    if (found)
        cat_see(rq, catalog, &scope, &described, ret_sight);
    return found;
}

void cat_sight_put(const struct cat_sight *sight, struct tl_json_writer *json)
{
    bool partial = sight->masked || sight->row_rules || sight->readable < sight->total;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "state", sight->readable == 0 ? "closed" : partial ? "partial" : "open");
    tl_json_pair_bool(json, "governs", sight->governs);
    tl_json_pair_int64(json, "columns_readable", (int64_t)sight->readable);
    tl_json_pair_int64(json, "columns_masked", (int64_t)sight->masked);
    tl_json_pair_int64(json, "columns_hidden", (int64_t)(sight->total - sight->readable));
    tl_json_pair_bool(json, "row_rules", sight->row_rules);
    if (sight->readable == 0) {
        tl_json_pair_text(json, "reason", sight->denial.code ? sight->denial.message : NULL);
        tl_json_pair_text(json, "detail", sight->denial.detail[0] ? sight->denial.detail : NULL);
        tl_json_pair_text(json, "hint", sight->denial.hint[0] ? sight->denial.hint : NULL);
        tl_json_pair_text(json, "link", sight->denial.link[0] ? sight->denial.link : NULL);
    }
    tl_json_end_object(json);
}

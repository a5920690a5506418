/* What one fact of the door says: door/lineage.c has its form, engine/lineage.h that of its plan. */
#include <string.h>

#include "catalog/lineage_int.h"

enum { DATASETS_MAX = 4000 };

struct fact {
    tl_store_tx *tx;
    struct tl_err *err;
    struct lin_name target;
    struct lin_told told;
    const struct lin_name *datasets; /* of the plan */
    size_t dataset_count;
};

static const tl_json *item_at(const tl_json *list, size_t index)
{
    struct tl_json_iter it = tl_json_iter(tl_json_is_array(list) ? list : NULL);
    for (size_t i = 0; tl_json_next(&it); i++)
        if (i == index)
            return it.value;
    return NULL;
}

static const char *item_text(const tl_json *list, size_t index)
{
    return tl_json_text(item_at(list, index));
}

static bool read_name(const tl_json *list, struct lin_name *ret_name)
{
    *ret_name = (struct lin_name){item_text(list, 0), item_text(list, 1), item_text(list, 2)};
    return ret_name->source && ret_name->schema;
}

/* [dataset number, column, ..] */
static bool read_column(const struct fact *fact, const tl_json *item, struct lin_edge *edge)
{
    int64_t number;
    if (!tl_json_int64(item_at(item, 0), &number) || number < 0 || (size_t)number >= fact->dataset_count || !item_text(item, 1))
        return false;
    edge->from = fact->datasets[number];
    edge->from_column = item_text(item, 1);
    return true;
}

static enum tl_code add_steering(struct fact *fact, const tl_json *by, const char *to_column)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(by); code == TL_OK && tl_json_next(&it);) {
        struct lin_edge edge = {.to = fact->target, .to_column = to_column, .how = item_text(it.value, 2)};
        if (read_column(fact, it.value, &edge) && edge.how)
            code = lin_add(fact->tx, &edge, &fact->told, fact->err);
    }
    return code;
}

static enum tl_code add_output(struct fact *fact, const tl_json *output, const char *name)
{
    enum tl_code code = TL_OK;
    struct lin_edge edge = {.to = fact->target, .to_column = name, .how = "value", .kind = tl_json_get_text(output, "kind"),
                            .expression = tl_json_get_text(output, "expression")};
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(output, "from")); code == TL_OK && tl_json_next(&it);)
        if (read_column(fact, it.value, &edge))
            code = lin_add(fact->tx, &edge, &fact->told, fact->err);
    return code == TL_OK ? add_steering(fact, tl_json_get(output, "by"), name) : code;
}

/* columns: the names that a view gives them; NULL = those of the plan. */
static enum tl_code add_plan(struct fact *fact, const tl_json *plan, const tl_json *columns)
{
    enum tl_code code = add_steering(fact, tl_json_get(plan, "by"), "");
    struct tl_json_iter named = tl_json_iter(columns);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(plan, "outputs")); code == TL_OK && tl_json_next(&it);) {
        bool given = tl_json_next(&named);
        const char *name = given ? tl_json_text(named.value) : columns ? NULL : tl_json_get_text(it.value, "name");
        if (name && *name)
            code = add_output(fact, it.value, name);
    }
    return code;
}

static enum tl_code add_datasets(struct fact *fact, const tl_json *names, const char *how)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(names); code == TL_OK && tl_json_next(&it);) {
        struct lin_edge edge = {.to = fact->target, .to_column = "", .from_column = "", .how = how};
        if (read_name(it.value, &edge.from) && edge.from.table)
            code = lin_add(fact->tx, &edge, &fact->told, fact->err);
    }
    return code;
}

static void read_datasets(struct fact *fact, tl_arena *arena, const tl_json *plan)
{
    const tl_json *list = tl_json_get(plan, "datasets");
    size_t count = tl_json_count(list);
    struct lin_name *datasets = TL_NEW_ARRAY(arena, struct lin_name, count < DATASETS_MAX ? count : DATASETS_MAX);
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it) && fact->dataset_count < DATASETS_MAX;)
        if (!read_name(it.value, &datasets[fact->dataset_count++]))
            datasets[fact->dataset_count - 1] = (struct lin_name){"", "", ""};
    fact->datasets = datasets;
}

/* What was there before is not there any more. */
static bool begins_anew(const char *kind)
{
    static const char *const kinds[] = {"CREATE TABLE", "CREATE VIEW", "DROP TABLE", "DROP VIEW", "DROP SCHEMA", "TRUNCATE TABLE"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (tl_streq(kind, kinds[i]))
            return true;
    return false;
}

enum tl_code lin_read_fact(tl_store_tx *tx, tl_arena *arena, const char *statement_id, const tl_json *json, struct tl_err *err)
{
    const char *user = tl_json_get_text(json, "user"), *kind = tl_json_get_text(json, "kind"), *new_name = tl_json_get_text(json, "new_name");
    const tl_json *plan = tl_json_get(json, "plan");
    struct fact fact = {.tx = tx, .err = err, .told = {"statement", statement_id, kind ? kind : "", user ? user : "", 0}};
    if (!read_name(tl_json_get(json, "target"), &fact.target) || !tl_json_int64(tl_json_get(json, "at_us"), &fact.told.at_us))
        return TL_OK;
    if (new_name && fact.target.table)
        return lin_rename(tx, &fact.target, new_name, fact.told.at_us, err);
    enum tl_code code = begins_anew(kind) ? lin_end(tx, &fact.target, fact.told.at_us, err) : TL_OK;
    if (code != TL_OK || !fact.target.table)
        return code;
    read_datasets(&fact, arena, plan);
    code = add_datasets(&fact, tl_json_get(json, "tables"), "table");
    if (code == TL_OK)
        code = add_datasets(&fact, tl_json_get(json, "views"), "view");
    return code == TL_OK ? add_plan(&fact, plan, tl_json_get(json, "columns")) : code;
}

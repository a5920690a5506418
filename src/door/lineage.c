/* Where data comes from, as the statements that made it say: a fact for whoever keeps it (catalog/lineage.h). */
#include <string.h>

#include "door/door_int.h"

enum { FACT_BYTES_MAX = 3 * 1024 * 1024, NAMES_MAX = 4000 };

enum tl_lineage_wish tl_lineage_wish(const struct tl_door_call *call, const struct tl_governed *governed)
{
    switch (governed->gate->kind) {
    case TL_GATE_SELECT:
        return governed->plan_shows_rules || call->manner.raw_reason ? TL_LINEAGE_NONE : TL_LINEAGE_READS;
    case TL_GATE_INSERT:
    case TL_GATE_UPDATE:
    case TL_GATE_MERGE:
    case TL_GATE_CREATE_TABLE_AS:
        return governed->plan_shows_rules ? TL_LINEAGE_VALUES : TL_LINEAGE_ALL;
    default:
        return TL_LINEAGE_NONE;
    }
}

static void put_name(struct tl_json_writer *json, const struct tl_dataset *dataset)
{
    tl_json_begin_array(json);
    tl_json_put_text(json, dataset->source);
    tl_json_put_text(json, dataset->schema);
    if (dataset->name)
        tl_json_put_text(json, dataset->name);
    tl_json_end_array(json);
}

static bool same(const struct tl_dataset *a, const struct tl_dataset *b)
{
    return tl_streq(a->source, b->source) && tl_streq(a->schema, b->schema) && tl_streq(a->name, b->name);
}

/* Tables that the statement reads, also those of which no column matters; the views that it reads them through. */
static void put_datasets(struct tl_json_writer *json, const char *key, const struct tl_history_row *row, const struct tl_dataset *target,
                         enum tl_dataset_origin origin)
{
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (size_t i = 0; row->governed && i < row->governed->dataset_count && i < NAMES_MAX; i++) {
        const struct tl_dataset *dataset = &row->governed->datasets[i];
        if (dataset->origin == origin && dataset->name && !same(dataset, target))
            put_name(json, dataset);
    }
    tl_json_end_array(json);
}

static void put_columns(struct tl_json_writer *json, const struct tl_made *made)
{
    if (!made->column_count)
        return;
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    for (size_t i = 0; i < made->column_count; i++)
        tl_json_put_text(json, made->columns[i].name);
    tl_json_end_array(json);
}

/* Does the statement change what its target is, or where its data comes from? */
static bool tells(const struct tl_history_row *row, const struct tl_dataset *target)
{
    if (row->err->code != TL_OK || !target)
        return false;
    if (row->made.target)
        return true;
    const struct tl_gate *gate = row->governed->gate;
    bool there = target->existed && gate->if_not_exists, nothing = gate->kind == TL_GATE_DROP_TABLE && !target->existed;
    return !there && !nothing && gate->kind != TL_GATE_SELECT && gate->kind != TL_GATE_CREATE_SCHEMA && gate->kind != TL_GATE_DELETE &&
           (gate->kind != TL_GATE_ALTER_TABLE || gate->new_name);
}

void tl_lineage_fact(const struct tl_history_row *row)
{
    const struct tl_dataset *target = row->made.target ? row->made.target : row->governed ? row->governed->target : NULL;
    if (!tells(row, target))
        return;
    const char *new_name = row->made.target ? row->made.new_name : row->governed->gate->new_name;
    struct tl_buf body;
    struct tl_json_writer json;
    tl_buf_init(&body, FACT_BYTES_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "user", tl_call_user(row->call));
    tl_json_pair_text(&json, "kind", row->kind);
    tl_json_pair_int64(&json, "at_us", row->ended_us);
    tl_json_key(&json, "target");
    put_name(&json, target);
    if (new_name)
        tl_json_pair_text(&json, "new_name", new_name);
    put_columns(&json, &row->made);
    put_datasets(&json, "tables", row, target, TL_ORIGIN_SOURCE);
    put_datasets(&json, "views", row, target, TL_ORIGIN_VIEW);
    if (row->lineage.size) {
        tl_json_key(&json, "plan");
        tl_json_put_raw(&json, row->lineage);
    }
    tl_json_end_object(&json);
    if (!body.failed)
        tl_store_fact(row->call->door->store, "lineage", row->call->rq->id, (struct tl_str){body.data, body.size});
    tl_buf_done(&body);
}

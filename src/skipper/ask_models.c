/* What the semantic models offer, and what is wrong with them. */
#include "skipper/ask_int.h"

static void put_texts(struct tl_json_writer *json, const char *key, const struct tl_texts *texts)
{
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (size_t i = 0; i < texts->count; i++)
        tl_json_put_text(json, texts->items[i]);
    tl_json_end_array(json);
}

static void put_metrics(const tl_semantic *model, struct tl_json_writer *json)
{
    tl_json_key(json, "metrics");
    tl_json_begin_array(json);
    for (size_t i = 0; i < model->metric_count; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", model->metrics[i].name);
        tl_json_pair_text(json, "description", model->metrics[i].description);
        put_texts(json, "synonyms", &model->metrics[i].synonyms);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

static void put_datasets(tl_arena *arena, const tl_semantic *model, struct tl_json_writer *json)
{
    tl_json_key(json, "datasets");
    tl_json_begin_array(json);
    for (size_t i = 0; i < model->dataset_count; i++) {
        const struct tl_semantic_dataset *dataset = &model->datasets[i];
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", dataset->name);
        tl_json_pair_text(json, "table", tl_arena_printf(arena, "%s.%s.%s", dataset->source[0], dataset->source[1], dataset->source[2]));
        tl_json_pair_text(json, "description", dataset->description);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

enum tl_code tl_ask_put_models(struct tl_request *rq, tl_ask *ask, struct tl_json_writer *json)
{
    const tl_registry_snapshot *snapshot = tl_registry_acquire(ask->options.registry);
    tl_json_begin_array(json);
    for (size_t i = 0; i < ask->model_count; i++) {
        const tl_semantic *model = ask->models[i];
        struct tl_texts problems;
        struct tl_err err;
        tl_err_init(&err);
        (void)!tl_semantic_check(rq->arena, model, snapshot, &problems, &err); /* the problems are told, each */
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", model->name);
        tl_json_pair_text(json, "description", model->description);
        put_metrics(model, json);
        put_datasets(rq->arena, model, json);
        put_texts(json, "examples", &model->examples);
        put_texts(json, "problems", &problems);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    tl_registry_release(snapshot);
    return TL_OK;
}

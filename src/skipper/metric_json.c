/* Metric queries as JSON by names: what a conversation keeps between its turns. */
#include <string.h>

#include "skipper/metric.h"

static const char *const grains[] = {"none", "day", "week", "month", "quarter", "year"};
static const char *const compares[] = {"=", "<>", ">", ">=", "<", "<="};

/* --- out --- */

static void put_field(const tl_semantic *model, int dataset, int field, struct tl_json_writer *json)
{
    tl_json_pair_text(json, "dataset", dataset >= 0 ? model->datasets[dataset].name : NULL);
    tl_json_pair_text(json, "field", field >= 0 ? model->datasets[dataset].fields[field].name : field == TL_DIMENSION_TIME ? "(time)" : NULL);
}

static void put_period(const char *key, const struct tl_period *period, struct tl_json_writer *json)
{
    if (!period->given)
        return;
    tl_json_key(json, key);
    tl_json_begin_object(json);
    tl_json_pair_int64(json, "from_us", period->from_us);
    tl_json_pair_int64(json, "to_us", period->to_us);
    tl_json_pair_text(json, "words", period->words);
    tl_json_end_object(json);
}

static void put_threshold(const tl_semantic *model, const struct tl_metric_threshold *threshold, struct tl_json_writer *json)
{
    tl_json_pair_text(json, "metric", model->metrics[threshold->metric].name);
    tl_json_pair_text(json, "compare", compares[threshold->compare]);
    tl_json_pair_text(json, "number", threshold->number);
}

static void put_filters(const tl_semantic *model, const struct tl_metric_query *query, struct tl_json_writer *json)
{
    tl_json_key(json, "filters");
    tl_json_begin_array(json);
    for (size_t i = 0; i < query->filter_count; i++) {
        const struct tl_metric_filter *filter = &query->filters[i];
        tl_json_begin_object(json);
        put_field(model, filter->dataset, filter->field, json);
        tl_json_pair_text(json, "compare", compares[filter->compare]);
        tl_json_key(json, "values");
        tl_json_begin_array(json);
        for (size_t k = 0; k < filter->value_count; k++)
            tl_json_put_text(json, filter->values[k]);
        tl_json_end_array(json);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

static void put_sets(const tl_semantic *model, const struct tl_metric_query *query, struct tl_json_writer *json)
{
    tl_json_key(json, "sets");
    tl_json_begin_array(json);
    for (size_t i = 0; i < query->set_count; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "dataset", model->datasets[query->sets[i].dataset].name);
        tl_json_pair_int64(json, "top", query->sets[i].top);
        put_threshold(model, &query->sets[i].by, json);
        put_period("period", &query->sets[i].period, json);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    tl_json_key(json, "thresholds");
    tl_json_begin_array(json);
    for (size_t i = 0; i < query->threshold_count; i++) {
        tl_json_begin_object(json);
        put_threshold(model, &query->thresholds[i], json);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

static void put_dimensions(const tl_semantic *model, const struct tl_metric_query *query, struct tl_json_writer *json)
{
    tl_json_key(json, "dimensions");
    tl_json_begin_array(json);
    for (size_t i = 0; i < query->dimension_count; i++) {
        tl_json_begin_object(json);
        put_field(model, query->dimensions[i].dataset, query->dimensions[i].field, json);
        tl_json_pair_text(json, "grain", grains[query->dimensions[i].grain]);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

void tl_metric_query_put(const tl_semantic *model, const struct tl_metric_query *query, struct tl_json_writer *json)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "model", model->name);
    tl_json_key(json, "metrics");
    tl_json_begin_array(json);
    for (size_t i = 0; i < query->metric_count; i++)
        tl_json_put_text(json, model->metrics[query->metrics[i]].name);
    tl_json_end_array(json);
    if (query->list >= 0)
        tl_json_pair_text(json, "list", model->datasets[query->list].name);
    tl_json_key(json, "extras");
    tl_json_begin_array(json);
    for (size_t i = 0; i < query->extra_count; i++)
        tl_json_put_text(json, model->datasets[query->list].fields[query->extras[i]].name);
    tl_json_end_array(json);
    put_dimensions(model, query, json);
    put_filters(model, query, json);
    put_sets(model, query, json);
    put_period("period", &query->period, json);
    put_period("before", &query->before, json);
    if (query->time_dataset >= 0) {
        tl_json_key(json, "time");
        tl_json_begin_object(json);
        put_field(model, query->time_dataset, query->time_field, json);
        tl_json_end_object(json);
    }
    tl_json_pair_int64(json, "limit", query->limit);
    tl_json_pair_bool(json, "ascending", query->ascending);
    tl_json_end_object(json);
}

/* --- back --- */

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (tl_streq(names[i], name))
            return i;
    return -1;
}

static bool get_field(const tl_semantic *model, const tl_json *json, int *ret_dataset, int *ret_field)
{
    const char *field = tl_json_get_text(json, "field");
    *ret_dataset = tl_semantic_find_dataset(model, tl_json_get_text(json, "dataset"));
    *ret_field = !field ? TL_DIMENSION_ENTITY : tl_streq(field, "(time)") ? TL_DIMENSION_TIME : -3;
    if (*ret_field == -3)
        *ret_field = *ret_dataset >= 0 ? tl_semantic_find_field(&model->datasets[*ret_dataset], field) : -3;
    return *ret_field == TL_DIMENSION_TIME || (*ret_dataset >= 0 && (*ret_field >= 0 || !field));
}

static void get_period(tl_arena *arena, const tl_json *json, struct tl_period *period)
{
    period->given = tl_json_int64(tl_json_get(json, "from_us"), &period->from_us) && tl_json_int64(tl_json_get(json, "to_us"), &period->to_us);
    period->words = tl_arena_strdup(arena, tl_json_get_text(json, "words"));
}

static bool get_threshold(tl_arena *arena, const tl_semantic *model, const tl_json *json, bool number, struct tl_metric_threshold *threshold)
{
    const char *metric = tl_json_get_text(json, "metric");
    int compare = find(compares, 6, tl_json_get_text(json, "compare"));
    *threshold = (struct tl_metric_threshold){metric ? tl_semantic_find_metric(model, metric) : -1, (enum tl_compare)(compare < 0 ? 0 : compare),
                                              tl_arena_strdup(arena, tl_json_get_text(json, "number"))};
    return threshold->metric >= 0 && compare >= 0 && (threshold->number || !number);
}

static bool get_filter(tl_arena *arena, const tl_semantic *model, const tl_json *json, struct tl_metric_filter *filter)
{
    int compare = find(compares, 6, tl_json_get_text(json, "compare"));
    *filter = (struct tl_metric_filter){.compare = (enum tl_compare)(compare < 0 ? 0 : compare)};
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(json, "values")); tl_json_next(&it) && filter->value_count < TL_METRIC_VALUES_MAX;)
        if (tl_json_text(it.value))
            filter->values[filter->value_count++] = tl_arena_strdup(arena, tl_json_text(it.value));
    return compare >= 0 && filter->value_count > 0 && get_field(model, json, &filter->dataset, &filter->field) && filter->field >= 0;
}

static bool get_dimension(const tl_semantic *model, const tl_json *json, struct tl_metric_dimension *dimension)
{
    int grain = find(grains, 6, tl_json_get_text(json, "grain"));
    dimension->grain = (enum tl_time_grain)(grain < 0 ? 0 : grain);
    return grain >= 0 && get_field(model, json, &dimension->dataset, &dimension->field);
}

static bool get_set(tl_arena *arena, const tl_semantic *model, const tl_json *json, struct tl_metric_set *set)
{
    const char *dataset = tl_json_get_text(json, "dataset");
    set->dataset = dataset ? tl_semantic_find_dataset(model, dataset) : -1;
    get_period(arena, tl_json_get(json, "period"), &set->period);
    return set->dataset >= 0 && tl_json_int64(tl_json_get(json, "top"), &set->top) && get_threshold(arena, model, json, set->top == 0, &set->by);
}

static bool get_subject(const tl_semantic *model, const tl_json *json, struct tl_metric_query *query)
{
    const char *list = tl_json_get_text(json, "list");
    query->list = list ? tl_semantic_find_dataset(model, list) : -1;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(json, "metrics")); tl_json_next(&it) && query->metric_count < TL_METRIC_METRICS_MAX;) {
        int metric = tl_json_text(it.value) ? tl_semantic_find_metric(model, tl_json_text(it.value)) : -1;
        if (metric < 0)
            return false;
        query->metrics[query->metric_count++] = metric;
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(json, "extras")); tl_json_next(&it) && query->list >= 0 &&
        query->extra_count < TL_SEMANTIC_SHOWN_MAX;) {
        int field = tl_json_text(it.value) ? tl_semantic_find_field(&model->datasets[query->list], tl_json_text(it.value)) : -1;
        if (field < 0)
            return false;
        query->extras[query->extra_count++] = field;
    }
    return query->metric_count > 0 || query->list >= 0;
}

bool tl_metric_query_get(tl_arena *arena, const tl_semantic *model, const tl_json *json, struct tl_metric_query *query)
{
    tl_metric_query_init(query);
    bool whole = get_subject(model, json, query);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(json, "dimensions")); whole && tl_json_next(&it) &&
        query->dimension_count < TL_METRIC_DIMENSIONS_MAX;)
        whole = get_dimension(model, it.value, &query->dimensions[query->dimension_count++]);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(json, "filters")); whole && tl_json_next(&it) && query->filter_count < TL_METRIC_FILTERS_MAX;)
        whole = get_filter(arena, model, it.value, &query->filters[query->filter_count++]);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(json, "sets")); whole && tl_json_next(&it) && query->set_count < TL_METRIC_SETS_MAX;)
        whole = get_set(arena, model, it.value, &query->sets[query->set_count++]);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(json, "thresholds")); whole && tl_json_next(&it) && query->threshold_count < TL_METRIC_METRICS_MAX;)
        whole = get_threshold(arena, model, it.value, true, &query->thresholds[query->threshold_count++]);
    get_period(arena, tl_json_get(json, "period"), &query->period);
    get_period(arena, tl_json_get(json, "before"), &query->before);
    if (whole && tl_json_get(json, "time"))
        whole = get_field(model, tl_json_get(json, "time"), &query->time_dataset, &query->time_field) && query->time_field >= 0;
    if (!tl_json_int64(tl_json_get(json, "limit"), &query->limit) || query->limit < 0)
        query->limit = 0;
    query->ascending = tl_json_bool(tl_json_get(json, "ascending"), false);
    return whole;
}

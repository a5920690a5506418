/* Metric queries as SQL. */
#include "skipper/metric.h"

#include <string.h>

#include "skipper/metric_int.h"

enum { PARTS_MAX = 2 * TL_METRIC_METRICS_MAX * TL_SEMANTIC_MEASURES_MAX };

/* A measure in one pass: of which metric, for which period. */
struct place {
    int metric, measure; /* of the query's metrics, of the metric's measures */
    bool before;
};

struct part {
    int anchor; /* of the measures; the pass may start at a dataset on the side of many */
    bool before;
    size_t place_count;
    struct place places[TL_METRIC_METRICS_MAX * TL_SEMANTIC_MEASURES_MAX];
    struct tl_metric_pass pass;
    size_t dimension_count;
    const char *dimensions[2 * TL_METRIC_DIMENSIONS_MAX]; /* as SQL */
};

struct compile {
    tl_arena *arena;
    const tl_semantic *model;
    const struct tl_metric_query *query;
    struct tl_err *err;
    struct tl_metric_sql *result;
    const char *notes[TL_METRIC_NOTES_MAX];
    size_t note_count;
    size_t name_count;
    const char *names[2 * TL_METRIC_DIMENSIONS_MAX]; /* of the columns of dimensions */
    size_t part_count;
    struct part parts[PARTS_MAX];
};

void tl_metric_query_init(struct tl_metric_query *query)
{
    *query = (struct tl_metric_query){.list = -1, .time_dataset = -1, .time_field = -1};
}

static const struct tl_semantic_metric *metric_of(const struct compile *compile, int place)
{
    return &compile->model->metrics[compile->query->metrics[place]];
}

int tl_metric_distance(const tl_semantic *model, int metric, int dataset)
{
    int path[TL_SEMANTIC_DATASETS_MAX], most = -1;
    for (size_t i = 0; i < model->metrics[metric].measure_count; i++) {
        int length = tl_semantic_path(model, model->metrics[metric].measures[i].anchor, dataset, path);
        if (length < 0)
            return -1;
        most = length > most ? length : most;
    }
    return most;
}

/* --- parts --- */

static struct part *part_of(struct compile *compile, int anchor, bool before)
{
    for (size_t i = 0; i < compile->part_count; i++)
        if (compile->parts[i].anchor == anchor && compile->parts[i].before == before)
            return &compile->parts[i];
    struct part *part = &compile->parts[compile->part_count++];
    part->anchor = anchor;
    part->before = before;
    part->pass = (struct tl_metric_pass){.arena = compile->arena, .model = compile->model, .err = compile->err, .anchor = anchor,
                                         .used = TL_NEW_ARRAY(compile->arena, bool, compile->model->dataset_count),
                                         .seen = compile->result->used, .notes = compile->notes, .note_count = &compile->note_count};
    return part;
}

static void make_parts(struct compile *compile)
{
    for (size_t m = 0; m < compile->query->metric_count; m++)
        for (size_t k = 0; k < metric_of(compile, (int)m)->measure_count; k++)
            for (int before = 0; before <= (compile->query->before.given ? 1 : 0); before++) {
                struct part *part = part_of(compile, metric_of(compile, (int)m)->measures[k].anchor, before);
                part->places[part->place_count++] = (struct place){(int)m, (int)k, before};
            }
}

/* Does counting a row of the anchor more than once leave the aggregate as it is, or can it be made so? */
static bool survives_repeats(const struct compile *compile, const struct part *part)
{
    for (size_t i = 0; i < part->place_count; i++) {
        enum tl_aggregate aggregate = metric_of(compile, part->places[i].metric)->measures[part->places[i].measure].aggregate;
        if (aggregate == TL_AGGREGATE_SUM || aggregate == TL_AGGREGATE_AVG)
            return false;
    }
    return compile->model->datasets[part->anchor].key_count == 1;
}

static enum tl_code refuse_dimension(struct compile *compile, const struct part *part, int dataset, const char *name, bool many)
{
    const char *metric = metric_of(compile, part->places[0].metric)->name, *anchor = compile->model->datasets[part->anchor].name;
    const char *owner = compile->model->datasets[dataset].name;
    if (many)
        tl_err_set(compile->err, TL_UNSUPPORTED, "\"%s\" cannot be split by \"%s\": one of \"%s\" has many \"%s\", so its rows would be counted more than once",
                   metric, name, anchor, owner);
    else
        tl_err_set(compile->err, TL_UNSUPPORTED, "\"%s\" cannot be split by \"%s\": nothing leads from \"%s\" to \"%s\"", metric, name, anchor, owner);
    return TL_UNSUPPORTED;
}

/* The pass starts at the dataset of the dimension when the metric's anchor does not lead there and the aggregates bear it. */
static enum tl_code reach(struct compile *compile, struct part *part, int dataset, const char *name)
{
    int path[TL_SEMANTIC_DATASETS_MAX];
    if (tl_semantic_path(compile->model, part->pass.anchor, dataset, path) >= 0)
        return TL_OK;
    bool many = tl_semantic_path(compile->model, dataset, part->pass.anchor, path) >= 0;
    if (!many || !survives_repeats(compile, part))
        return refuse_dimension(compile, part, dataset, name, many);
    part->pass.used[part->anchor] = true;
    part->pass.anchor = dataset;
    tl_pass_note(&part->pass, tl_arena_printf(compile->arena, "one of \"%s\" with several \"%s\" is counted in each group it belongs to, once",
                                              compile->model->datasets[part->anchor].name, compile->model->datasets[dataset].name));
    return TL_OK;
}

/* --- dimensions --- */

static const char *unique_name(struct compile *compile, int dataset, const char *name)
{
    for (size_t i = 0; i < compile->name_count; i++)
        if (tl_streq(compile->names[i], name))
            return tl_arena_printf(compile->arena, "%s_%s", compile->model->datasets[dataset].name, name);
    return name;
}

static const struct tl_semantic_field *name_field(const struct tl_semantic_dataset *dataset)
{
    for (size_t i = 0; i < dataset->field_count; i++)
        if (dataset->fields[i].role == TL_ROLE_NAME)
            return &dataset->fields[i];
    return NULL;
}

static enum tl_code add_column(struct compile *compile, struct part *part, int dataset, const char *name, const char *expression)
{
    const char *sql;
    if (tl_pass_add_expression(&part->pass, dataset, expression, &sql) != TL_OK)
        return compile->err->code;
    part->dimensions[part->dimension_count++] = sql;
    if (part->dimension_count > compile->name_count)
        compile->names[compile->name_count++] = unique_name(compile, dataset, name);
    return TL_OK;
}

static enum tl_code add_entity(struct compile *compile, struct part *part, int d)
{
    const struct tl_semantic_dataset *dataset = &compile->model->datasets[d];
    const struct tl_semantic_field *name = name_field(dataset);
    if (dataset->key_count == 0)
        return tl_err_set(compile->err, TL_UNSUPPORTED, "\"%s\" has no key, so its rows cannot be told apart", dataset->name);
    for (size_t i = 0; i < dataset->key_count; i++)
        if (add_column(compile, part, d, dataset->key[i], dataset->key[i]) != TL_OK)
            return compile->err->code;
    return name && !tl_streq(name->expression, dataset->key[0]) ? add_column(compile, part, d, name->name, name->expression) : TL_OK;
}

static const char *const grain_names[] = {"time", "day", "week", "month", "quarter", "year"};

static enum tl_code add_time(struct compile *compile, struct part *part, enum tl_time_grain grain, int dataset, int field)
{
    const struct tl_semantic_dataset *of = &compile->model->datasets[dataset];
    const char *sql;
    if (field < 0)
        return tl_err_set(compile->err, TL_UNSUPPORTED, "\"%s\" has no time to be split by", of->name);
    if (grain < of->time_grain)
        return tl_err_set(compile->err, TL_UNSUPPORTED, "\"%s\" is kept by the %s, so it cannot be split by the %s", of->name, grain_names[of->time_grain],
                          grain_names[grain]);
    if (tl_pass_add_expression(&part->pass, dataset, of->fields[field].expression, &sql) != TL_OK)
        return compile->err->code;
    part->dimensions[part->dimension_count++] = tl_arena_printf(compile->arena, "CAST(date_trunc('%s', %s) AS DATE)", grain_names[grain], sql);
    if (part->dimension_count > compile->name_count)
        compile->names[compile->name_count++] = grain_names[grain];
    return TL_OK;
}

/* What a period and a grain are about in this part. */
static void time_of(const struct compile *compile, const struct part *part, int *ret_dataset, int *ret_field)
{
    bool given = compile->query->time_dataset >= 0;
    *ret_dataset = given ? compile->query->time_dataset : part->anchor;
    *ret_field = given ? compile->query->time_field : compile->model->datasets[part->anchor].time_field;
}

static enum tl_code add_dimension(struct compile *compile, struct part *part, const struct tl_metric_dimension *dimension)
{
    int time_dataset, time_field;
    if (dimension->field == TL_DIMENSION_TIME) {
        time_of(compile, part, &time_dataset, &time_field);
        return add_time(compile, part, dimension->grain, time_dataset, time_field);
    }
    const struct tl_semantic_dataset *dataset = &compile->model->datasets[dimension->dataset];
    const char *name = dimension->field == TL_DIMENSION_ENTITY ? dataset->name : dataset->fields[dimension->field].name;
    if (reach(compile, part, dimension->dataset, name) != TL_OK)
        return compile->err->code;
    if (dimension->field == TL_DIMENSION_ENTITY)
        return add_entity(compile, part, dimension->dataset);
    const struct tl_semantic_field *field = &dataset->fields[dimension->field];
    if (field->is_time)
        return add_time(compile, part, dimension->grain ? dimension->grain : TL_GRAIN_DAY, dimension->dataset, dimension->field);
    return add_column(compile, part, dimension->dataset, field->name, field->expression);
}

static enum tl_code fill_part(struct compile *compile, struct part *part)
{
    const struct tl_metric_query *query = compile->query;
    const struct tl_period *period = part->before ? &query->before : &query->period;
    enum tl_code code = TL_OK;
    int time_dataset, time_field;
    compile->result->used[part->anchor] = true;
    for (size_t i = 0; code == TL_OK && i < query->dimension_count; i++)
        code = add_dimension(compile, part, &query->dimensions[i]);
    for (size_t i = 0; code == TL_OK && i < query->filter_count; i++)
        code = tl_pass_add_filter(&part->pass, &query->filters[i]);
    for (size_t i = 0; code == TL_OK && i < query->set_count; i++)
        code = tl_pass_add_set(&part->pass, &query->sets[i]);
    if (code == TL_OK && period->given) {
        time_of(compile, part, &time_dataset, &time_field);
        code = tl_pass_add_period(&part->pass, time_dataset, time_field, period);
    }
    return code;
}

/* --- aggregates --- */

static const char *const functions[] = {"SUM", "COUNT", "COUNT", "AVG", "MIN", "MAX"};

/* Then its FILTER is a condition: sources are asked for less, and a group without such a row is not there instead of NULL.  A count
 * keeps it, for its 0. */
static bool is_alone(const struct compile *compile, const struct part *part, const struct tl_semantic_measure *measure)
{
    return compile->part_count == 1 && part->place_count == 1 && measure->aggregate != TL_AGGREGATE_COUNT &&
           measure->aggregate != TL_AGGREGATE_COUNT_DISTINCT;
}

static enum tl_code measure_sql(struct compile *compile, struct part *part, const struct tl_semantic_measure *measure, const char **ret_sql)
{
    const char *inner, *where = NULL;
    struct tl_metric_pass *pass = &part->pass;
    if (tl_pass_add_expression(pass, -1, measure->inner, &inner) != TL_OK || (measure->where && tl_pass_add_expression(pass, -1, measure->where,
        &where) != TL_OK))
        return compile->err->code;
    const struct tl_semantic_dataset *anchor = &compile->model->datasets[part->anchor];
    if (where && is_alone(compile, part, measure)) {
        if (tl_pass_add_condition(pass, tl_arena_printf(compile->arena, "(%s)", where), false) != TL_OK)
            return compile->err->code;
        where = NULL;
    }
    if (pass->anchor != part->anchor && measure->aggregate == TL_AGGREGATE_COUNT) {
        where = where ? tl_arena_printf(compile->arena, "(%s) AND %s IS NOT NULL", where, inner) : tl_arena_printf(compile->arena, "%s IS NOT NULL", inner);
        inner = tl_arena_printf(compile->arena, "DISTINCT %s.%s", anchor->name, anchor->key[0]);
    } else if (measure->aggregate == TL_AGGREGATE_COUNT_DISTINCT) {
        inner = tl_arena_printf(compile->arena, "DISTINCT %s", inner);
    }
    *ret_sql = tl_arena_printf(compile->arena, "%s(%s)%s%s%s", functions[measure->aggregate], inner, where ? " FILTER (WHERE " : "", where ? where : "",
                               where ? ")" : "");
    return TL_OK;
}

/* The metric's arithmetic with a text for each of its aggregates. */
static const char *with_measures(tl_arena *arena, const struct tl_semantic_metric *metric, const char *const *measures)
{
    struct tl_buf sql;
    tl_buf_init(&sql, TL_METRIC_SQL_MAX);
    for (const char *c = metric->expression; *c; c++) {
        if (*c == '{' && c[1] >= '0' && c[1] < '0' + (int)metric->measure_count && c[2] == '}') {
            tl_buf_adds(&sql, measures[c[1] - '0']);
            c += 2;
        } else {
            tl_buf_addc(&sql, *c);
        }
    }
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return text;
}

static const char *rounded(struct compile *compile, const struct tl_semantic_metric *metric, const char *expression)
{
    return metric->decimals < 0 ? expression : tl_arena_printf(compile->arena, "round(%s, %d)", expression, metric->decimals);
}

/* --- the whole --- */

static bool starts_with_time(const struct compile *compile)
{
    const struct tl_metric_query *query = compile->query;
    if (query->dimension_count == 0)
        return false;
    const struct tl_metric_dimension *first = &query->dimensions[0];
    return first->field == TL_DIMENSION_TIME || (first->field >= 0 && compile->model->datasets[first->dataset].fields[first->field].is_time);
}

static void put_end(struct compile *compile, const char *first_metric, struct tl_buf *sql)
{
    const struct tl_metric_query *query = compile->query;
    if (compile->name_count == 0)
        return;
    tl_buf_adds(sql, "\nORDER BY ");
    if (!starts_with_time(compile))
        tl_buf_addf(sql, "%s %s, ", first_metric, query->ascending ? "ASC NULLS LAST" : "DESC NULLS LAST");
    for (size_t i = 0; i < compile->name_count; i++)
        tl_buf_addf(sql, "%s%zu", i ? ", " : "", i + 1);
    tl_buf_addf(sql, "\nLIMIT %lld", (long long)(query->limit > 0 ? query->limit : TL_METRIC_LIMIT_MAX));
}

static void put_groups(const struct compile *compile, struct tl_buf *sql)
{
    for (size_t i = 0; i < compile->name_count; i++)
        tl_buf_addf(sql, "%s%zu", i ? ", " : "\nGROUP BY ", i + 1);
}

static void put_thresholds(const struct compile *compile, const char *const *expressions, const char *lead, struct tl_buf *sql)
{
    for (size_t i = 0; i < compile->query->threshold_count; i++) {
        const struct tl_metric_threshold *threshold = &compile->query->thresholds[i];
        for (size_t m = 0; m < compile->query->metric_count; m++)
            if (compile->query->metrics[m] == threshold->metric)
                tl_buf_addf(sql, "%s%s %s %s", i ? " AND " : lead, expressions[m], tl_compare_sign(threshold->compare), threshold->number);
    }
}

/* One pass is one plain statement. */
static enum tl_code put_single(struct compile *compile, struct tl_buf *sql)
{
    struct part *part = &compile->parts[0];
    const char *expressions[TL_METRIC_METRICS_MAX] = {NULL};
    tl_buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < part->dimension_count; i++)
        tl_buf_addf(sql, "%s AS %s, ", part->dimensions[i], compile->names[i]);
    for (size_t m = 0; m < compile->query->metric_count; m++) {
        const struct tl_semantic_metric *metric = metric_of(compile, (int)m);
        const char *measures[TL_SEMANTIC_MEASURES_MAX] = {NULL};
        for (size_t k = 0; k < metric->measure_count; k++)
            if (measure_sql(compile, part, &metric->measures[k], &measures[k]) != TL_OK)
                return compile->err->code;
        expressions[m] = with_measures(compile->arena, metric, measures);
        tl_buf_addf(sql, "%s%s AS %s", m ? ", " : "", rounded(compile, metric, expressions[m]), metric->name);
    }
    tl_pass_put_from(&part->pass, TL_PASS_ALL, sql);
    put_groups(compile, sql);
    put_thresholds(compile, expressions, "\nHAVING ", sql);
    put_end(compile, expressions[0], sql);
    return TL_OK;
}

static const char *measure_column(const struct compile *compile, const struct place *place)
{
    return tl_arena_printf(compile->arena, "m%d_%d%s", place->metric, place->measure, place->before ? "_before" : "");
}

/* SELECT of a part among several: its own measures, NULL for those of the others. */
static enum tl_code put_part(struct compile *compile, struct part *part, struct tl_buf *sql)
{
    tl_buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < part->dimension_count; i++)
        tl_buf_addf(sql, "%s AS %s, ", part->dimensions[i], compile->names[i]);
    for (size_t p = 0, said = 0; p < compile->part_count; p++)
        for (size_t i = 0; i < compile->parts[p].place_count; i++) {
            const struct place *place = &compile->parts[p].places[i];
            const char *text = "NULL";
            if (part == &compile->parts[p] && measure_sql(compile, part, &metric_of(compile, place->metric)->measures[place->measure], &text) != TL_OK)
                return compile->err->code;
            tl_buf_addf(sql, "%s%s AS %s", said++ ? ", " : "", text, measure_column(compile, place));
        }
    tl_pass_put_from(&part->pass, TL_PASS_ALL, sql);
    put_groups(compile, sql);
    return TL_OK;
}

/* Nothing counted or summed is 0, nothing averaged is nothing. */
static const char *over_parts(struct compile *compile, size_t m, bool before)
{
    const struct tl_semantic_metric *metric = metric_of(compile, (int)m);
    const char *measures[TL_SEMANTIC_MEASURES_MAX] = {NULL};
    for (size_t k = 0; k < metric->measure_count; k++) {
        struct place place = {(int)m, (int)k, before};
        bool zero = metric->measures[k].aggregate <= TL_AGGREGATE_COUNT_DISTINCT;
        measures[k] = tl_arena_printf(compile->arena, zero ? "coalesce(max(%s), 0)" : "max(%s)", measure_column(compile, &place));
    }
    return with_measures(compile->arena, metric, measures);
}

static void put_metric_over_parts(struct compile *compile, size_t m, const char *now, struct tl_buf *sql)
{
    const struct tl_semantic_metric *metric = metric_of(compile, (int)m);
    tl_buf_addf(sql, "%s%s AS %s", m ? ", " : "", rounded(compile, metric, now), metric->name);
    if (!compile->query->before.given)
        return;
    const char *before = over_parts(compile, m, true);
    tl_buf_addf(sql, ", %s AS %s_before", rounded(compile, metric, before), metric->name);
    tl_buf_addf(sql, ", %s AS %s_change", rounded(compile, metric, tl_arena_printf(compile->arena, "(%s) - (%s)", now, before)), metric->name);
    tl_buf_addf(sql, ", round(100.0 * ((%s) - (%s)) / nullif(%s, 0), 1) AS %s_change_percent", now, before, before, metric->name);
}

/* Several passes, one row a group each, put together by their groups. */
static enum tl_code put_several(struct compile *compile, struct tl_buf *sql)
{
    const char *now[TL_METRIC_METRICS_MAX] = {NULL};
    tl_buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < compile->name_count; i++)
        tl_buf_addf(sql, "%s, ", compile->names[i]);
    for (size_t m = 0; m < compile->query->metric_count; m++) {
        now[m] = over_parts(compile, m, false);
        put_metric_over_parts(compile, m, now[m], sql);
    }
    tl_buf_adds(sql, "\nFROM (\n");
    for (size_t p = 0; p < compile->part_count; p++) {
        tl_buf_adds(sql, p ? "\nUNION ALL\n" : "");
        if (put_part(compile, &compile->parts[p], sql) != TL_OK)
            return compile->err->code;
    }
    tl_buf_adds(sql, "\n) AS parts");
    put_groups(compile, sql);
    put_thresholds(compile, now, "\nHAVING ", sql);
    put_end(compile, now[0], sql);
    return TL_OK;
}

/* --- a list of rows --- */

static enum tl_code put_list_columns(struct compile *compile, struct part *part, struct tl_buf *sql)
{
    const struct tl_metric_query *query = compile->query;
    const struct tl_semantic_dataset *dataset = &compile->model->datasets[query->list];
    if (dataset->shown_count + query->extra_count == 0)
        return tl_err_set(compile->err, TL_UNSUPPORTED, "the model does not say what a list of \"%s\" shows", dataset->name);
    for (size_t i = 0; i < dataset->shown_count + query->extra_count; i++) {
        int f = i < dataset->shown_count ? dataset->shown[i] : query->extras[i - dataset->shown_count];
        const char *text;
        if (tl_pass_add_expression(&part->pass, query->list, dataset->fields[f].expression, &text) != TL_OK)
            return compile->err->code;
        tl_buf_addf(sql, "%s%s AS %s", i ? ", " : "SELECT ", text, dataset->fields[f].name);
    }
    return TL_OK;
}

static enum tl_code put_list(struct compile *compile, struct tl_buf *sql)
{
    const struct tl_metric_query *query = compile->query;
    const struct tl_semantic_dataset *dataset = &compile->model->datasets[query->list];
    struct part *part = part_of(compile, query->list, false);
    const char *time;
    if (query->dimension_count > 0 || query->before.given || query->threshold_count > 0)
        return tl_err_set(compile->err, TL_UNSUPPORTED, "a list of \"%s\" has no groups, comparisons or sums", dataset->name);
    if (fill_part(compile, part) != TL_OK || put_list_columns(compile, part, sql) != TL_OK)
        return compile->err->code;
    tl_pass_put_from(&part->pass, TL_PASS_ALL, sql);
    tl_buf_adds(sql, "\nORDER BY ");
    if (dataset->time_field >= 0) {
        if (tl_pass_add_expression(&part->pass, query->list, dataset->fields[dataset->time_field].expression, &time) != TL_OK)
            return compile->err->code;
        tl_buf_addf(sql, "%s %s, ", time, query->ascending ? "ASC" : "DESC");
    }
    for (size_t i = 0; i < dataset->key_count; i++)
        tl_buf_addf(sql, "%s%s.%s", i ? ", " : "", dataset->name, dataset->key[i]);
    tl_buf_addf(sql, "%s\nLIMIT %lld", dataset->key_count ? "" : "1", (long long)(query->limit > 0 ? query->limit : 100));
    return TL_OK;
}

/* --- what is said about it --- */

static void describe_grain(struct compile *compile)
{
    const struct tl_metric_query *query = compile->query;
    struct tl_buf text;
    tl_buf_init(&text, TL_METRIC_SQL_MAX);
    tl_buf_adds(&text, query->metric_count == 0 ? "one row per " : query->dimension_count ? "one row per " : "one row in all");
    if (query->metric_count == 0)
        tl_buf_adds(&text, tl_metric_singular(compile->arena, compile->model->datasets[query->list].name));
    for (size_t i = 0; i < query->dimension_count; i++) {
        const struct tl_metric_dimension *dimension = &query->dimensions[i];
        const char *name = dimension->field == TL_DIMENSION_TIME ? grain_names[dimension->grain] : compile->model->datasets[dimension->dataset].name;
        if (dimension->field >= 0)
            name = compile->model->datasets[dimension->dataset].fields[dimension->field].name;
        tl_buf_addf(&text, "%s%s", i ? " and " : "", dimension->field == TL_DIMENSION_ENTITY ? tl_metric_singular(compile->arena, name) : name);
    }
    compile->result->grain = tl_arena_strdup(compile->arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
}

static const char *count_sql(struct compile *compile, const struct tl_metric_pass *pass)
{
    static const char *const names[] = {"rows_in", "rows_joined", "rows_used"};
    struct tl_buf sql;
    tl_buf_init(&sql, TL_METRIC_SQL_MAX);
    for (int i = 0; i < 3; i++) {
        tl_buf_addf(&sql, "%s(SELECT count(*)", i ? ", " : "SELECT ");
        tl_pass_put_from(pass, (enum tl_pass_rows)i, &sql);
        tl_buf_addf(&sql, ") AS %s", names[i]);
    }
    const char *text = tl_arena_strdup(compile->arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return text;
}

static const char *span_sql(struct compile *compile, int anchor)
{
    const struct tl_semantic_dataset *dataset = &compile->model->datasets[anchor];
    struct tl_metric_pass pass = {.arena = compile->arena, .model = compile->model, .err = compile->err, .anchor = anchor,
                                  .used = TL_NEW_ARRAY(compile->arena, bool, compile->model->dataset_count), .seen = compile->result->used};
    struct tl_buf sql;
    const char *time;
    if (dataset->time_field < 0 || tl_pass_add_expression(&pass, anchor, dataset->fields[dataset->time_field].expression, &time) != TL_OK)
        return NULL;
    tl_buf_init(&sql, TL_METRIC_SQL_MAX);
    tl_buf_addf(&sql, "SELECT CAST(min(%s) AS VARCHAR) AS first_time, CAST(max(%s) AS VARCHAR) AS last_time", time, time);
    tl_pass_put_from(&pass, TL_PASS_JOINED, &sql);
    const char *text = tl_arena_strdup(compile->arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return text;
}

static void describe_parts(struct compile *compile)
{
    struct tl_metric_sql *result = compile->result;
    result->parts = TL_NEW_ARRAY(compile->arena, struct tl_metric_part, compile->part_count);
    const char **filters = TL_NEW_ARRAY(compile->arena, const char *, compile->part_count * TL_METRIC_CONDITIONS_MAX);
    for (size_t p = 0; p < compile->part_count; p++) {
        const struct tl_metric_pass *pass = &compile->parts[p].pass;
        struct tl_metric_part *part = &result->parts[result->part_count++];
        part->anchor = pass->anchor;
        tl_pass_joins(pass, part);
        part->count_sql = count_sql(compile, pass);
        part->span_sql = span_sql(compile, part->anchor);
        for (size_t i = 0; i < pass->condition_count; i++)
            filters[result->filters.count++] = pass->conditions[i].sql;
        for (size_t i = 0; i < part->join_count; i++)
            result->used[part->joins[i].to] = true;
    }
    result->filters.items = filters;
}

static void note_sampled(struct compile *compile)
{
    for (size_t i = 0; i < compile->model->dataset_count; i++)
        if (compile->result->used[i] && compile->model->datasets[i].sampled && compile->note_count < TL_METRIC_NOTES_MAX)
            compile->notes[compile->note_count++] =
                tl_arena_printf(compile->arena, "\"%s\" is a sample: good for shares and ranks, not for bills", compile->model->datasets[i].name);
}

static bool has_several_times(const struct tl_semantic_metric *metric)
{
    for (size_t k = 1; k < metric->measure_count; k++)
        if (metric->measures[k].anchor != metric->measures[0].anchor)
            return true;
    return false;
}

static enum tl_code check_query(const struct compile *compile)
{
    const struct tl_metric_query *query = compile->query;
    if (query->metric_count == 0 && query->list < 0)
        return tl_err_set(compile->err, TL_INVALID_ARGUMENT, "nothing is asked for: name a metric, or rows to list");
    if (query->before.given && starts_with_time(compile))
        return tl_err_set(compile->err, TL_UNSUPPORTED, "a split by time and a comparison with the period before do not go together");
    for (size_t m = 0; m < query->metric_count && query->period.given && query->time_dataset < 0; m++)
        if (has_several_times(metric_of(compile, (int)m)))
            return tl_err_set(compile->err, TL_UNSUPPORTED, "\"%s\" is made of datasets that each have a time of their own, so it cannot be asked for a period",
                              metric_of(compile, (int)m)->name);
    for (size_t i = 0; i < query->threshold_count; i++) {
        size_t m = 0;
        while (m < query->metric_count && query->metrics[m] != query->thresholds[i].metric)
            m++;
        if (m == query->metric_count)
            return tl_err_set(compile->err, TL_INVALID_ARGUMENT, "a threshold is on a metric that is not asked for");
    }
    return TL_OK;
}

enum tl_code tl_metric_compile(tl_arena *arena, const tl_semantic *model, const struct tl_metric_query *query, struct tl_metric_sql *ret_sql,
                               struct tl_err *err)
{
    struct compile *compile = TL_NEW(arena, struct compile);
    struct tl_buf sql;
    *ret_sql = (struct tl_metric_sql){.used = TL_NEW_ARRAY(arena, bool, model->dataset_count)};
    compile->arena = arena;
    compile->model = model;
    compile->query = query;
    compile->err = err;
    compile->result = ret_sql;
    enum tl_code code = check_query(compile);
    tl_buf_init(&sql, TL_METRIC_SQL_MAX);
    make_parts(compile);
    for (size_t p = 0; code == TL_OK && p < compile->part_count; p++)
        code = fill_part(compile, &compile->parts[p]);
    if (code == TL_OK)
        code = query->metric_count == 0 ? put_list(compile, &sql) : compile->part_count == 1 ? put_single(compile, &sql) : put_several(compile, &sql);
    if (code == TL_OK && sql.failed)
        code = tl_err_set(err, TL_TOO_LARGE, "the statement is longer than %d bytes", TL_METRIC_SQL_MAX);
    if (code == TL_OK) {
        ret_sql->sql = tl_arena_strdup(arena, tl_buf_cstr(&sql));
        describe_grain(compile);
        describe_parts(compile);
        note_sampled(compile);
        const char **notes = TL_NEW_ARRAY(arena, const char *, TL_METRIC_NOTES_MAX);
        memcpy(notes, compile->notes, sizeof compile->notes);
        ret_sql->notes = (struct tl_texts){compile->note_count, notes};
    }
    tl_buf_done(&sql);
    return code;
}

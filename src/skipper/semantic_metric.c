/* Metrics: arithmetic over aggregates, each with the dataset whose rows it counts. */
#include <string.h>

#include "door/lexer.h"
#include "skipper/semantic_int.h"

struct parse {
    struct tl_semantic_reader *reader;
    struct tl_semantic_metric *metric;
    struct tl_str text;
    struct tl_lexer lexer;
    struct tl_buf outer;
};

static enum tl_code refuse(struct parse *parse, const char *why, struct tl_token token)
{
    return tl_semantic_refuse(parse->reader, parse->metric->line, "the metric \"%s\": %s: \"%.*s\"", parse->metric->name, why, (int)token.size,
                              parse->text.data + token.offset);
}

static struct tl_str text_of(const struct parse *parse, struct tl_token token)
{
    return (struct tl_str){parse->text.data + token.offset, token.size};
}

static bool find_aggregate(struct tl_str word, enum tl_aggregate *ret_aggregate)
{
    static const struct {
        const char *name;
        enum tl_aggregate aggregate;
    } known[] = {{"sum", TL_AGGREGATE_SUM}, {"count", TL_AGGREGATE_COUNT}, {"avg", TL_AGGREGATE_AVG}, {"min", TL_AGGREGATE_MIN}, {"max", TL_AGGREGATE_MAX}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (tl_str_equal_nocase(word, tl_str_of(known[i].name))) {
            *ret_aggregate = known[i].aggregate;
            return true;
        }
    return false;
}

/* The text up to the parenthesis that closes the one just taken. */
static enum tl_code take_inside(struct parse *parse, const char **ret_text)
{
    size_t begin = tl_lexer_peek(&parse->lexer).offset;
    for (int depth = 1;;) {
        struct tl_token token = tl_lexer_next(&parse->lexer);
        if (token.kind == TL_TOKEN_END || token.kind == TL_TOKEN_BAD)
            return refuse(parse, "a parenthesis does not close", token);
        depth += tl_token_is_symbol(parse->text, token, "(") ? 1 : tl_token_is_symbol(parse->text, token, ")") ? -1 : 0;
        if (depth == 0) {
            *ret_text = tl_arena_strndup(parse->reader->arena, parse->text.data + begin, token.offset - begin);
            return TL_OK;
        }
    }
}

/* Of the datasets that an aggregate speaks of the one that leads to all others. */
static enum tl_code find_anchor(struct parse *parse, const bool *used, int *ret_anchor)
{
    const tl_semantic *model = parse->reader->model;
    int *path = TL_NEW_ARRAY(parse->reader->arena, int, TL_SEMANTIC_DATASETS_MAX);
    bool any = false;
    for (size_t d = 0; d < model->dataset_count; d++) {
        bool leads = used[d];
        any = any || used[d];
        for (size_t k = 0; leads && k < model->dataset_count; k++)
            leads = !used[k] || tl_semantic_path(model, (int)d, (int)k, path) >= 0;
        if (leads) {
            *ret_anchor = (int)d;
            return TL_OK;
        }
    }
    if (!any)
        tl_semantic_refuse(parse->reader, parse->metric->line, "the metric \"%s\": an aggregate speaks of no dataset; write dataset.field",
            parse->metric->name);
    else
        tl_semantic_refuse(parse->reader, parse->metric->line,
                           "the metric \"%s\": no dataset of an aggregate leads to all its others by relationships of many to one", parse->metric->name);
    tl_err_hint(parse->reader->err, "COUNT(orders.order_id) counts orders; SUM(lines.quantity * products.price) goes from lines to products");
    return TL_CONFIG;
}

static enum tl_code take_measure(struct parse *parse, enum tl_aggregate aggregate)
{
    tl_arena *arena = parse->reader->arena;
    struct tl_semantic_metric *metric = parse->metric;
    if (metric->measure_count == TL_SEMANTIC_MEASURES_MAX)
        return tl_semantic_refuse(parse->reader, metric->line, "the metric \"%s\" has more than %d aggregates", metric->name, TL_SEMANTIC_MEASURES_MAX);
    struct tl_semantic_measure *measure = &metric->measures[metric->measure_count];
    bool *used = TL_NEW_ARRAY(arena, bool, parse->reader->model->dataset_count);
    struct tl_buf sql;
    tl_lexer_take_symbol(&parse->lexer, "(");
    if (tl_lexer_take_word(&parse->lexer, "distinct")) {
        if (aggregate != TL_AGGREGATE_COUNT)
            return tl_semantic_refuse(parse->reader, metric->line, "the metric \"%s\": DISTINCT is for COUNT", metric->name);
        aggregate = TL_AGGREGATE_COUNT_DISTINCT;
    }
    measure->aggregate = aggregate;
    if (take_inside(parse, &measure->inner) != TL_OK)
        return TL_CONFIG;
    if (tl_lexer_take_word(&parse->lexer, "filter") &&
        (!tl_lexer_take_symbol(&parse->lexer, "(") || !tl_lexer_take_word(&parse->lexer, "where") || take_inside(parse, &measure->where) != TL_OK))
        return tl_semantic_refuse(parse->reader, metric->line, "the metric \"%s\": FILTER is written FILTER (WHERE ..)", metric->name);
    tl_buf_init(&sql, TL_YAML_BYTES_MAX);
    enum tl_code code = tl_semantic_expand(arena, parse->reader->model, -1, measure->inner, used, &sql, parse->reader->err);
    if (code == TL_OK && measure->where)
        code = tl_semantic_expand(arena, parse->reader->model, -1, measure->where, used, &sql, parse->reader->err);
    tl_buf_done(&sql);
    if (code != TL_OK) {
        tl_err_detail(parse->reader->err, "%s:%d: in the metric \"%s\"", parse->reader->path, metric->line, metric->name);
        return code;
    }
    return find_anchor(parse, used, &measure->anchor);
}

static bool is_outer_function(struct tl_str word)
{
    static const char *const words[] = {"nullif", "coalesce", "round", "greatest", "least", "abs"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (tl_str_equal_nocase(word, tl_str_of(words[i])))
            return true;
    return false;
}

/* The arithmetic around the aggregates: numbers, operators and a few functions. */
static enum tl_code take_expression(struct parse *parse)
{
    for (;;) {
        size_t before = parse->lexer.at;
        struct tl_token token = tl_lexer_next(&parse->lexer);
        enum tl_aggregate aggregate;
        if (token.kind == TL_TOKEN_END)
            return TL_OK;
        tl_buf_add(&parse->outer, parse->text.data + before, token.offset - before);
        bool call = tl_token_is_symbol(parse->text, tl_lexer_peek(&parse->lexer), "(");
        if (token.kind == TL_TOKEN_WORD && call && find_aggregate(text_of(parse, token), &aggregate)) {
            if (take_measure(parse, aggregate) != TL_OK)
                return parse->reader->err->code;
            tl_buf_addf(&parse->outer, "{%zu}", parse->metric->measure_count++);
            continue;
        }
        if (token.kind == TL_TOKEN_WORD && !(call && is_outer_function(text_of(parse, token))))
            return refuse(parse, "outside an aggregate there may be numbers, operators, NULLIF, COALESCE, ROUND, GREATEST, LEAST and ABS", token);
        if (token.kind != TL_TOKEN_WORD && token.kind != TL_TOKEN_NUMBER && token.kind != TL_TOKEN_SYMBOL)
            return refuse(parse, "cannot be read here", token);
        tl_buf_add(&parse->outer, parse->text.data + token.offset, token.size);
    }
}

static enum tl_code parse_expression(struct tl_semantic_reader *reader, struct tl_semantic_metric *metric, const char *expression)
{
    struct parse parse = {.reader = reader, .metric = metric, .text = tl_str_of(expression)};
    parse.lexer.text = parse.text;
    tl_buf_init(&parse.outer, TL_YAML_BYTES_MAX);
    enum tl_code code = strpbrk(expression, "{}") ? tl_semantic_refuse(reader, metric->line, "the metric \"%s\" has a brace",
        metric->name) : take_expression(&parse);
    if (code == TL_OK && metric->measure_count == 0)
        code = tl_semantic_refuse(reader, metric->line, "the metric \"%s\" has no aggregate", metric->name);
    metric->expression = tl_arena_strdup(reader->arena, tl_buf_cstr(&parse.outer));
    tl_buf_done(&parse.outer);
    return code;
}

static enum tl_code read_metric(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, struct tl_semantic_metric *metric)
{
    static const char *const keys[] = {"name", "expression", "description", "ai_context", "custom_extensions", "datatype", NULL};
    const char *expression;
    const tl_json *extension;
    int64_t decimals = -1;
    metric->line = map->line;
    if (tl_semantic_keys(reader, map, "metric", keys) != TL_OK || tl_semantic_text(reader, map, "name", true, &metric->name) != TL_OK ||
        tl_semantic_text(reader, map, "description", false, &metric->description) != TL_OK || tl_semantic_expression(reader, map, &expression) != TL_OK ||
        tl_semantic_extension(reader, map, &extension) != TL_OK)
        return TL_CONFIG;
    const struct tl_yaml_node *context = tl_yaml_get(map, "ai_context");
    if (context && context->kind == TL_YAML_MAP && tl_semantic_list(reader, context, "synonyms", &metric->synonyms) != TL_OK)
        return TL_CONFIG;
    if (tl_json_get(extension, "decimals") && (!tl_json_int64(tl_json_get(extension, "decimals"), &decimals) || decimals < 0 || decimals > 12))
        return tl_semantic_refuse(reader, metric->line, "\"decimals\" of the metric \"%s\" is a number from 0 to 12", metric->name);
    metric->decimals = (int)decimals;
    return parse_expression(reader, metric, expression);
}

enum tl_code tl_semantic_read_metrics(struct tl_semantic_reader *reader, const struct tl_yaml_node *list)
{
    tl_semantic *model = reader->model;
    size_t count = 0;
    if (list && list->kind != TL_YAML_LIST)
        return tl_semantic_refuse(reader, list->line, "metrics are a list");
    for (const struct tl_yaml_node *item = list ? list->first : NULL; item; item = item->next)
        count++;
    if (count > TL_SEMANTIC_METRICS_MAX)
        return tl_semantic_refuse(reader, list->line, "%zu metrics, the limit is %d", count, TL_SEMANTIC_METRICS_MAX);
    model->metrics = TL_NEW_ARRAY(reader->arena, struct tl_semantic_metric, count);
    for (const struct tl_yaml_node *item = list ? list->first : NULL; item; item = item->next) {
        struct tl_semantic_metric *metric = &model->metrics[model->metric_count];
        if (read_metric(reader, item, metric) != TL_OK)
            return reader->err->code;
        if (tl_semantic_find_metric(model, metric->name) >= 0)
            return tl_semantic_refuse(reader, metric->line, "the metric \"%s\" is there twice", metric->name);
        model->metric_count++;
    }
    return TL_OK;
}

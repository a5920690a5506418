/* From what was read to a metric query: which meaning is meant, what a period is about, and what a follow-up keeps. */
#include <string.h>

#include "skipper/metric_int.h"
#include "skipper/planner_grammar_int.h"

enum { COST_MANY = 100, COST_NONE = 10000, LIMIT_DEFAULT = 10 };

struct assembly {
    struct tl_grammar *grammar;
    struct tl_planner *planner;
    const tl_semantic *model;
    struct tl_metric_query *query;
};

/* --- which meaning --- */

static int cost_from(const tl_semantic *model, int anchor, int dataset)
{
    int path[TL_SEMANTIC_DATASETS_MAX];
    int length = tl_semantic_path(model, anchor, dataset, path);
    if (length >= 0)
        return length;
    length = tl_semantic_path(model, dataset, anchor, path);
    return length >= 0 ? COST_MANY + length : COST_NONE;
}

/* How far a dataset is from all that is asked for. */
static int cost_of(const struct assembly *assembly, int dataset)
{
    const struct tl_metric_query *query = assembly->query;
    int most = query->list >= 0 ? cost_from(assembly->model, query->list, dataset) : 0;
    for (size_t m = 0; m < query->metric_count; m++) {
        const struct tl_semantic_metric *metric = &assembly->model->metrics[query->metrics[m]];
        for (size_t k = 0; k < metric->measure_count; k++) {
            int cost = cost_from(assembly->model, metric->measures[k].anchor, dataset);
            most = cost > most ? cost : most;
        }
    }
    return most;
}

/* The nearest; of two as near the one that comes first. */
static const struct tl_meaning *nearest(const struct assembly *assembly, const struct tl_meaning *meanings, size_t count, unsigned kinds)
{
    const struct tl_meaning *best = NULL;
    int best_cost = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(kinds >> meanings[i].kind & 1))
            continue;
        int cost = cost_of(assembly, meanings[i].dataset);
        if (!best || cost < best_cost) {
            best = &meanings[i];
            best_cost = cost;
        }
    }
    return best;
}

static const char *words_of(struct assembly *assembly, const struct tl_item *item)
{
    struct tl_buf text;
    tl_buf_init(&text, TL_QUESTION_BYTES_MAX * 2);
    for (size_t i = 0; i < item->word_count; i++)
        tl_buf_addf(&text, "%s%s", i ? " " : "", assembly->planner->words[item->first_word + i].raw);
    const char *copy = tl_arena_strdup(assembly->planner->arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

/* --- what is asked for: metrics, or rows --- */

static const struct tl_meaning *first_entity(const struct tl_grammar *grammar)
{
    if (grammar->subject_item && tl_item_meaning(grammar->subject_item, TL_MEANS_DATASET))
        return tl_item_meaning(grammar->subject_item, TL_MEANS_DATASET);
    return grammar->entity_count ? tl_item_meaning(grammar->entities[0], TL_MEANS_DATASET) : NULL;
}

static bool is_follow_up(const struct assembly *assembly)
{
    const struct tl_grammar *grammar = assembly->grammar;
    const struct tl_item *first = &assembly->planner->items[0];
    if (!assembly->planner->request->before)
        return false;
    bool cue = first->kind == TL_ITEM_CUE && (first->cue == TL_CUE_FOLLOW || first->cue == TL_CUE_AND);
    bool change = first->kind == TL_ITEM_CUE && (first->cue == TL_CUE_WITHOUT || first->cue == TL_CUE_INCLUDING || first->cue == TL_CUE_BY);
    bool whole = grammar->metric_count > 0 || grammar->list || grammar->count || grammar->threshold_count > 0 ||
                 (first_entity(grammar) && !(grammar->dimension_count > 0 && grammar->entity_count == 0));
    return cue || (change && grammar->metric_count == 0) || !whole;
}

static void make_list(struct assembly *assembly, int dataset)
{
    struct tl_grammar *grammar = assembly->grammar;
    assembly->query->list = dataset;
    for (size_t i = 0; i < grammar->dimension_count; i++)
        if (grammar->dimensions[i].item == grammar->subject_item) {
            memmove(&grammar->dimensions[i], &grammar->dimensions[i + 1], (grammar->dimension_count - i - 1) * sizeof *grammar->dimensions);
            grammar->dimension_count--;
            break;
        }
}

/* "customers who spent more than $100": the metric of the threshold, by customer. */
static void metric_of_threshold(struct assembly *assembly, const struct tl_meaning *entity)
{
    struct tl_grammar *grammar = assembly->grammar;
    assembly->query->metrics[assembly->query->metric_count++] = grammar->thresholds[0].by.metric;
    for (size_t i = 0; i < grammar->dimension_count; i++)
        if (tl_item_meaning(grammar->dimensions[i].item, TL_MEANS_DATASET) == entity)
            return;
    if (grammar->dimension_count == 0)
        grammar->dimensions[grammar->dimension_count++] = (struct tl_raw_dimension){grammar->entities[0], TL_GRAIN_NONE};
}

/* Can the metric be split by all that the question splits by? */
static bool bears_split(const struct assembly *assembly, int metric)
{
    const struct tl_grammar *grammar = assembly->grammar;
    for (size_t i = 0; i < grammar->dimension_count; i++) {
        const struct tl_item *item = grammar->dimensions[i].item;
        bool reached = !item;
        for (size_t k = 0; item && k < item->meaning_count; k++)
            reached = reached || ((item->meanings[k].kind == TL_MEANS_FIELD || item->meanings[k].kind == TL_MEANS_DATASET) &&
                                  tl_metric_distance(assembly->model, metric, item->meanings[k].dataset) >= 0);
        if (!reached)
            return false;
    }
    return true;
}

/* Where a word means several metrics, the first that bears the split: revenue by product is not that of invoices. */
static void add_metrics(struct assembly *assembly)
{
    const struct tl_grammar *grammar = assembly->grammar;
    for (size_t i = 0; i < grammar->metric_count; i++) {
        int chosen = grammar->metrics[i];
        const struct tl_item *item = grammar->metric_items[i];
        for (size_t k = 0; item && !bears_split(assembly, chosen) && k < item->meaning_count; k++)
            if (item->meanings[k].kind == TL_MEANS_METRIC && bears_split(assembly, item->meanings[k].metric))
                chosen = item->meanings[k].metric;
        assembly->query->metrics[assembly->query->metric_count++] = chosen;
    }
}

static bool find_subject(struct assembly *assembly)
{
    struct tl_grammar *grammar = assembly->grammar;
    struct tl_metric_query *query = assembly->query;
    const struct tl_meaning *entity = first_entity(grammar);
    add_metrics(assembly);
    if (query->metric_count > 0)
        return true;
    if (grammar->threshold_count > 0 && entity && !grammar->count) {
        int anchor = assembly->model->metrics[grammar->thresholds[0].by.metric].measures[0].anchor;
        bool same = !grammar->thresholds[0].entity || tl_item_meaning(grammar->thresholds[0].entity, TL_MEANS_DATASET) == entity;
        if (same && anchor != entity->dataset) {
            metric_of_threshold(assembly, entity);
            return true;
        }
    }
    if (grammar->threshold_count > 0 && !entity && grammar->dimension_count > 0) {
        query->metrics[query->metric_count++] = grammar->thresholds[0].by.metric;
        return true;
    }
    if (!entity)
        return tl_planner_refuse(assembly->planner, "nothing in the question says what to count, sum or list");
    int counted = tl_grammar_count_metric(assembly->model, entity->dataset);
    bool subject = grammar->subject_item && tl_item_meaning(grammar->subject_item, TL_MEANS_DATASET);
    bool split = grammar->dimension_count > (subject ? 1 : 0);
    bool chosen = grammar->filter_count + grammar->threshold_count > 0 || grammar->set_given || grammar->list;
    if (subject && !split && grammar->limit > 0 && (grammar->best || !chosen))
        return tl_planner_refuse(assembly->planner, "the %s %s by what? say \"by\" and a metric", grammar->ascending ? "lowest" : "top",
            words_of(assembly, grammar->subject_item));
    bool rows = grammar->list || subject || grammar->extra_count > 0 || counted < 0;
    if (rows && !split)
        make_list(assembly, entity->dataset);
    else if (counted >= 0)
        query->metrics[query->metric_count++] = counted;
    else
        return tl_planner_refuse(assembly->planner, "no metric counts \"%s\"", assembly->model->datasets[entity->dataset].name);
    return true;
}

/* --- dimensions --- */

static bool add_dimensions(struct assembly *assembly)
{
    struct tl_grammar *grammar = assembly->grammar;
    for (size_t i = 0; i < grammar->dimension_count; i++) {
        const struct tl_raw_dimension *raw = &grammar->dimensions[i];
        struct tl_metric_dimension dimension = {-1, TL_DIMENSION_TIME, raw->grain};
        if (raw->item) {
            unsigned kinds = 1u << TL_MEANS_DATASET | 1u << TL_MEANS_FIELD;
            const struct tl_meaning *meaning = nearest(assembly, raw->item->meanings, raw->item->meaning_count, kinds);
            if (!meaning)
                return tl_planner_refuse(assembly->planner, "\"%s\" is nothing to split by", words_of(assembly, raw->item));
            dimension = (struct tl_metric_dimension){meaning->dataset, meaning->kind == TL_MEANS_DATASET ? TL_DIMENSION_ENTITY : meaning->field, TL_GRAIN_NONE};
        }
        assembly->query->dimensions[assembly->query->dimension_count++] = dimension;
    }
    return true;
}

/* --- filters --- */

static struct tl_metric_filter *same_field(struct tl_metric_query *query, const struct tl_metric_filter *filter)
{
    for (size_t i = 0; i < query->filter_count; i++)
        if (query->filters[i].dataset == filter->dataset && query->filters[i].field == filter->field)
            return &query->filters[i];
    return NULL;
}

static void remove_filter(struct tl_metric_query *query, const struct tl_metric_filter *filter)
{
    for (size_t i = 0; i < query->filter_count; i++)
        if (query->filters[i].dataset == filter->dataset && query->filters[i].field == filter->field) {
            memmove(&query->filters[i], &query->filters[i + 1], (query->filter_count - i - 1) * sizeof *query->filters);
            query->filter_count--;
            return;
        }
}

/* Values of one field in one question are a choice: "Germany and France". */
static bool merge_filter(struct assembly *assembly, const struct tl_metric_filter *filter, size_t kept)
{
    struct tl_metric_query *query = assembly->query;
    struct tl_metric_filter *other = same_field(query, filter);
    bool earlier = other && (size_t)(other - query->filters) < kept;
    if (earlier) {
        *other = *filter; /* of the question before */
        return true;
    }
    bool values = filter->compare == TL_COMPARE_EQUAL || filter->compare == TL_COMPARE_NOT_EQUAL;
    if (other && other->compare == filter->compare && values && other->value_count < TL_METRIC_VALUES_MAX) {
        other->values[other->value_count++] = filter->values[0];
        return true;
    }
    if (query->filter_count == TL_METRIC_FILTERS_MAX)
        return tl_planner_refuse(assembly->planner, "more than %d conditions", TL_METRIC_FILTERS_MAX);
    query->filters[query->filter_count++] = *filter;
    return true;
}

static bool add_filters(struct assembly *assembly)
{
    struct tl_grammar *grammar = assembly->grammar;
    size_t kept = assembly->query->filter_count;
    for (size_t i = 0; i < grammar->filter_count; i++) {
        const struct tl_raw_filter *raw = &grammar->filters[i];
        struct tl_meaning wanted[TL_MEANINGS_MAX];
        size_t count = 0;
        for (size_t k = 0; k < raw->meaning_count; k++) {
            enum tl_semantic_role role = assembly->model->datasets[raw->meanings[k].dataset].fields[raw->meanings[k].field].role;
            bool fits = raw->meanings[k].kind == TL_MEANS_VALUE || (raw->value && (role == TL_ROLE_CONDITION) == (tl_streq(raw->value, "true") ||
                tl_streq(raw->value, "false")));
            if (fits)
                wanted[count++] = raw->meanings[k];
        }
        const struct tl_meaning *meaning = nearest(assembly, wanted, count, ~0u);
        if (!meaning)
            return tl_planner_refuse(assembly->planner, "\"%s\" is no condition", words_of(assembly, raw->item));
        struct tl_metric_filter filter = {meaning->dataset, meaning->field, raw->compare, 1, {raw->value ? raw->value : meaning->value}};
        if (raw->including)
            remove_filter(assembly->query, &filter);
        else if (!merge_filter(assembly, &filter, kept))
            return false;
    }
    return true;
}

/* --- thresholds and sets --- */

static bool has_metric(const struct tl_metric_query *query, int metric)
{
    for (size_t i = 0; i < query->metric_count; i++)
        if (query->metrics[i] == metric)
            return true;
    return false;
}

/* What a metric chooses: the entity named before it, else what is counted, listed or split by. */
static int entity_of(const struct assembly *assembly, const struct tl_item *named)
{
    const struct tl_metric_query *query = assembly->query;
    const struct tl_meaning *meaning = named ? tl_item_meaning(named, TL_MEANS_DATASET) : NULL;
    if (meaning)
        return meaning->dataset;
    if (query->list >= 0)
        return query->list;
    for (size_t i = 0; i < query->dimension_count; i++)
        if (query->dimensions[i].field == TL_DIMENSION_ENTITY)
            return query->dimensions[i].dataset;
    return query->metric_count > 0 ? assembly->model->metrics[query->metrics[0]].measures[0].anchor : -1;
}

/* Is the question a count of just these? */
static bool counts(const struct assembly *assembly, int dataset)
{
    const struct tl_metric_query *query = assembly->query;
    return query->metric_count == 1 && query->metrics[0] == tl_grammar_count_metric(assembly->model, dataset);
}

static bool add_set(struct assembly *assembly, struct tl_metric_set set)
{
    struct tl_metric_query *query = assembly->query;
    if (set.dataset < 0 || query->set_count == TL_METRIC_SETS_MAX)
        return tl_planner_refuse(assembly->planner, "it is not clear what \"%s\" chooses among", assembly->model->metrics[set.by.metric].name);
    /* "how many customers spent more than $100 last quarter": the period is that of the spending */
    bool own = counts(assembly, set.dataset) || query->list == set.dataset;
    if (own || set.top > 0)
        set.period = query->period;
    if (own && !assembly->grammar->time_field)
        query->period = (struct tl_period){.given = false};
    query->sets[query->set_count++] = set;
    return true;
}

static bool add_thresholds(struct assembly *assembly)
{
    struct tl_grammar *grammar = assembly->grammar;
    struct tl_metric_query *query = assembly->query;
    for (size_t i = 0; i < grammar->threshold_count; i++) {
        const struct tl_raw_threshold *raw = &grammar->thresholds[i];
        if (has_metric(query, raw->by.metric) && query->dimension_count > 0)
            query->thresholds[query->threshold_count++] = raw->by;
        else if (has_metric(query, raw->by.metric))
            return tl_planner_refuse(assembly->planner, "\"%s\" is compared with a number, but of what is not said",
                assembly->model->metrics[raw->by.metric].name);
        else if (!add_set(assembly, (struct tl_metric_set){.dataset = entity_of(assembly, raw->entity), .by = raw->by}))
            return false;
    }
    if (grammar->set_given)
        return add_set(assembly, (struct tl_metric_set){.dataset = entity_of(assembly, grammar->set_entity), .top = grammar->set_top
            ? grammar->set_top : LIMIT_DEFAULT,
                                                        .by = {.metric = grammar->set_metric}});
    return !grammar->set_open || tl_planner_refuse(assembly->planner, "the top by what? say \"in the top 100 by\" and a metric");
}

/* --- times --- */

/* "signed up", "created": the time of what is counted or listed, else of what was named. */
static bool add_time_field(struct assembly *assembly)
{
    struct tl_grammar *grammar = assembly->grammar;
    struct tl_metric_query *query = assembly->query;
    const struct tl_item *item = grammar->time_field;
    if (!item)
        return true;
    if (!query->period.given && tl_streq(assembly->planner->words[item->first_word].text, "new"))
        return tl_planner_refuse(assembly->planner, "\"new\" since when? say a time, such as \"this month\"");
    const struct tl_meaning *meaning = NULL, *entity = first_entity(grammar);
    for (size_t i = 0; entity && i < item->meaning_count; i++)
        if (item->meanings[i].kind == TL_MEANS_FIELD && item->meanings[i].dataset == entity->dataset)
            meaning = &item->meanings[i];
    if (!meaning)
        meaning = nearest(assembly, item->meanings, item->meaning_count, 1u << TL_MEANS_FIELD);
    if (meaning && query->period.given) {
        query->time_dataset = meaning->dataset;
        query->time_field = meaning->field;
    }
    return true;
}

static bool add_periods(struct assembly *assembly)
{
    struct tl_grammar *grammar = assembly->grammar;
    struct tl_metric_query *query = assembly->query;
    if (grammar->shift && grammar->period.given)
        grammar->change = true; /* "in the last 30 days and the 30 days before" */
    bool compared = grammar->change || query->before.given;
    if (grammar->period.given)
        query->period = grammar->period;
    else if (grammar->shift && !grammar->change && query->period.given)
        query->period = tl_period_before(assembly->planner->arena, &query->period);
    else if (grammar->shift && !grammar->change)
        return tl_planner_refuse(assembly->planner, "the period before which one? name the period itself, such as \"last month\"");
    query->before = grammar->before;
    if (!compared || grammar->before.given)
        return !compared || query->period.given || tl_planner_refuse(assembly->planner, "\"%s\" is compared with, but what with it is not said",
            grammar->before.words);
    if (!query->period.given)
        return tl_planner_refuse(assembly->planner, "a change since when? name a period, such as \"in the last 30 days\"");
    query->before = tl_period_before(assembly->planner->arena, &query->period);
    return true;
}

/* --- lists --- */

static bool add_extras(struct assembly *assembly)
{
    struct tl_grammar *grammar = assembly->grammar;
    struct tl_metric_query *query = assembly->query;
    for (size_t i = 0; i < grammar->extra_count; i++) {
        const struct tl_item *item = grammar->extras[i];
        int field = -1;
        for (size_t k = 0; query->list >= 0 && k < item->meaning_count; k++)
            if (item->meanings[k].kind == TL_MEANS_FIELD && item->meanings[k].dataset == query->list)
                field = item->meanings[k].field;
        bool number = item->meanings[0].kind == TL_MEANS_FIELD && query->list < 0;
        if (field < 0)
            return tl_planner_refuse(assembly->planner, number
                ? "\"%s\" has no place: to split by it say \"by %s\", to choose one name it" : "\"%s\" cannot be shown here (\"%s\")",
                                     words_of(assembly, item), words_of(assembly, item));
        bool shown = false;
        for (size_t k = 0; k < assembly->model->datasets[query->list].shown_count; k++)
            shown = shown || assembly->model->datasets[query->list].shown[k] == field;
        if (!shown)
            query->extras[query->extra_count++] = field;
    }
    return true;
}

static void add_limit(struct assembly *assembly)
{
    struct tl_grammar *grammar = assembly->grammar;
    struct tl_metric_query *query = assembly->query;
    if (grammar->limit > 0)
        query->limit = grammar->limit < TL_METRIC_LIMIT_MAX ? grammar->limit : TL_METRIC_LIMIT_MAX;
    else if (grammar->limit < 0 && grammar->ranked)
        query->limit = 1;
    if (grammar->limit > 0 || grammar->ranked)
        query->ascending = grammar->ascending;
}

/* --- follow-ups: the query before, changed --- */

static bool begin(struct assembly *assembly)
{
    struct tl_grammar *grammar = assembly->grammar;
    struct tl_metric_query *query = assembly->query;
    assembly->planner->plan->follow_up = is_follow_up(assembly);
    if (!assembly->planner->plan->follow_up)
        return find_subject(assembly);
    *query = *assembly->planner->request->before;
    if (grammar->metric_count > 0) {
        query->list = -1;
        query->extra_count = query->threshold_count = query->metric_count = 0;
        add_metrics(assembly);
    } else if (grammar->entity_count > 0 && grammar->threshold_count == 0 && !grammar->set_given && grammar->filter_count == 0) {
        int counted = tl_grammar_count_metric(assembly->model, tl_item_meaning(grammar->entities[0], TL_MEANS_DATASET)->dataset);
        if (counted < 0)
            return tl_planner_refuse(assembly->planner, "no metric counts \"%s\"", words_of(assembly, grammar->entities[0]));
        *query->metrics = counted;
        query->metric_count = 1;
        query->list = -1;
        query->threshold_count = 0;
    }
    if (grammar->dimension_count > 0) {
        query->dimension_count = 0;
        query->limit = 0;
        if (query->list >= 0) { /* rows that are now counted by something */
            int counted = tl_grammar_count_metric(assembly->model, query->list);
            if (counted < 0)
                return tl_planner_refuse(assembly->planner, "no metric counts \"%s\"", assembly->model->datasets[query->list].name);
            query->metrics[query->metric_count++] = counted;
            query->list = -1;
        }
    }
    return true;
}

/* --- nothing is passed over --- */

static bool is_used(const struct assembly *assembly, int dataset)
{
    const struct tl_metric_query *query = assembly->query;
    int counted = tl_grammar_count_metric(assembly->model, dataset);
    bool used = query->list == dataset || query->time_dataset == dataset || (counted >= 0 && has_metric(query, counted));
    for (size_t i = 0; i < query->filter_count; i++)
        used = used || query->filters[i].dataset == dataset;
    for (size_t i = 0; i < query->dimension_count; i++)
        used = used || query->dimensions[i].dataset == dataset;
    for (size_t i = 0; i < query->set_count; i++)
        used = used || query->sets[i].dataset == dataset;
    return used;
}

/* "paying customers": the word before says what of them is meant, and has its place. */
static bool is_described(const struct assembly *assembly, const struct tl_item *item)
{
    const struct tl_item *before = item > assembly->planner->items ? item - 1 : NULL;
    for (size_t i = 0; before && i < assembly->grammar->filter_count; i++)
        if (assembly->grammar->filters[i].item == before)
            return true;
    return false;
}

static bool all_entities_used(struct assembly *assembly)
{
    const struct tl_grammar *grammar = assembly->grammar;
    for (size_t i = 0; i < grammar->entity_count; i++) {
        const struct tl_item *item = grammar->entities[i];
        if (!is_used(assembly, tl_item_meaning(item, TL_MEANS_DATASET)->dataset) && !is_described(assembly, item))
            return tl_planner_refuse(assembly->planner, "\"%s\" has no place here: to split by it say \"by\" before it", words_of(assembly, item));
    }
    return true;
}

bool tl_grammar_assemble(struct tl_grammar *grammar)
{
    struct assembly assembly = {grammar, grammar->planner, grammar->planner->model, &grammar->planner->plan->query};
    if (!begin(&assembly) || !add_dimensions(&assembly) || !add_filters(&assembly) || !add_periods(&assembly))
        return false;
    add_limit(&assembly);
    return add_time_field(&assembly) && add_thresholds(&assembly) && add_extras(&assembly) && all_entities_used(&assembly);
}

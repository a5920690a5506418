/* The grammar of questions: item by item, each word of content finds its place or is told. */
#include <stdlib.h>
#include <string.h>

#include "skipper/planner_grammar_int.h"

int tl_grammar_count_metric(const tl_semantic *model, int dataset)
{
    for (size_t i = 0; i < model->metric_count; i++) {
        const struct tl_semantic_metric *metric = &model->metrics[i];
        if (metric->measure_count == 1 && tl_streq(metric->expression, "{0}") && metric->measures[0].aggregate == TL_AGGREGATE_COUNT &&
            metric->measures[0].anchor == dataset && !metric->measures[0].where)
            return (int)i;
    }
    return -1;
}

static const struct tl_item *next_item(const struct tl_grammar *grammar)
{
    return grammar->at + 1 < grammar->planner->item_count ? &grammar->planner->items[grammar->at + 1] : NULL;
}

static bool next_is_cue(const struct tl_grammar *grammar, enum tl_cue cue)
{
    const struct tl_item *next = next_item(grammar);
    return next && next->kind == TL_ITEM_CUE && next->cue == cue;
}

static const struct tl_semantic_field *field_of(const struct tl_grammar *grammar, const struct tl_meaning *meaning)
{
    return &grammar->planner->model->datasets[meaning->dataset].fields[meaning->field];
}

/* Does the item mean a field of this kind? */
static bool means_role(const struct tl_grammar *grammar, const struct tl_item *item, enum tl_semantic_role role)
{
    for (size_t i = 0; i < item->meaning_count; i++)
        if (item->meanings[i].kind == TL_MEANS_FIELD && field_of(grammar, &item->meanings[i])->role == role)
            return true;
    return false;
}

static bool means_time(const struct tl_grammar *grammar, const struct tl_item *item)
{
    for (size_t i = 0; i < item->meaning_count; i++)
        if (item->meanings[i].kind == TL_MEANS_FIELD && field_of(grammar, &item->meanings[i])->is_time)
            return true;
    return false;
}

/* --- what an item becomes --- */

static void add_metric(struct tl_grammar *grammar, int metric, const struct tl_item *item)
{
    for (size_t i = 0; i < grammar->metric_count; i++)
        if (grammar->metrics[i] == metric)
            return;
    if (grammar->metric_count == TL_METRIC_METRICS_MAX) {
        tl_planner_refuse(grammar->planner, "more than %d metrics in one question", TL_METRIC_METRICS_MAX);
        return;
    }
    grammar->metric_items[grammar->metric_count] = item;
    grammar->metrics[grammar->metric_count++] = metric;
}

static void add_dimension(struct tl_grammar *grammar, const struct tl_item *item, enum tl_time_grain grain)
{
    if (grammar->dimension_count == TL_METRIC_DIMENSIONS_MAX) {
        tl_planner_refuse(grammar->planner, "a split by more than %d things", TL_METRIC_DIMENSIONS_MAX);
        return;
    }
    grammar->dimensions[grammar->dimension_count++] = (struct tl_raw_dimension){item, grain};
}

static void add_filter(struct tl_grammar *grammar, const struct tl_item *item, enum tl_meaning_kind kind, enum tl_compare compare, const char *value)
{
    struct tl_raw_filter filter = {.item = item, .compare = compare, .value = value, .including = grammar->including};
    for (size_t i = 0; i < item->meaning_count; i++)
        if (item->meanings[i].kind == kind)
            filter.meanings[filter.meaning_count++] = item->meanings[i];
    if (grammar->filter_count == TL_METRIC_FILTERS_MAX) {
        tl_planner_refuse(grammar->planner, "more than %d conditions", TL_METRIC_FILTERS_MAX);
        return;
    }
    grammar->filters[grammar->filter_count++] = filter;
}

static const struct tl_item *last_entity(const struct tl_grammar *grammar)
{
    return grammar->entity_count ? grammar->entities[grammar->entity_count - 1] : grammar->subject_item;
}

static void add_threshold(struct tl_grammar *grammar, int metric, const char *number)
{
    if (grammar->threshold_count == TL_METRIC_METRICS_MAX)
        return;
    grammar->thresholds[grammar->threshold_count++] =
        (struct tl_raw_threshold){{metric, grammar->compare, number}, last_entity(grammar)};
    grammar->compare_item = NULL;
    grammar->compare_number = NULL;
    grammar->operand = NULL;
}

/* --- numbers --- */

/* "score over 0.9", "spent more than $100": the left side is there. */
static void close_comparison(struct tl_grammar *grammar, const char *number)
{
    const struct tl_item *operand = grammar->operand;
    const struct tl_meaning *metric = tl_item_meaning(operand, TL_MEANS_METRIC);
    if (grammar->operand_is_metric && metric) {
        bool last = grammar->metric_count > 0 && grammar->metrics[grammar->metric_count - 1] == metric->metric;
        if (last && (grammar->who || grammar->metric_count > 1 || grammar->entity_count > 0))
            grammar->metric_count--;
        add_threshold(grammar, metric->metric, number);
        return;
    }
    add_filter(grammar, operand, TL_MEANS_FIELD, grammar->compare, number);
    grammar->compare_item = NULL;
    grammar->operand = NULL;
}

static void take_number(struct tl_grammar *grammar, const struct tl_item *item)
{
    const struct tl_item *before = grammar->at > 0 ? &grammar->planner->items[grammar->at - 1] : NULL;
    int64_t whole = strtoll(item->number, NULL, 10);
    if (grammar->compare_item && !grammar->compare_number) {
        if (grammar->operand)
            close_comparison(grammar, item->number);
        else
            grammar->compare_number = item->number;
    } else if (grammar->set_open && grammar->set_top == 0) {
        grammar->set_top = whole;
    } else if ((grammar->subject && before && before->kind == TL_ITEM_CUE && (before->cue == TL_CUE_TOP || before->cue == TL_CUE_BEST ||
        before->cue == TL_CUE_BOTTOM)) ||
               (before && before->kind == TL_ITEM_CUE && (before->cue == TL_CUE_MOST || before->cue == TL_CUE_LEAST)) ||
               next_is_cue(grammar, TL_CUE_MOST) || next_is_cue(grammar, TL_CUE_LEAST) || next_is_cue(grammar, TL_CUE_TOP)) {
        grammar->limit = whole;
        grammar->subject = true;
    } else if (before && before == grammar->operand && !grammar->operand_is_metric) {
        grammar->compare = grammar->negate ? TL_COMPARE_NOT_EQUAL : TL_COMPARE_EQUAL;
        close_comparison(grammar, item->number);
    } else if (grammar->list || next_item(grammar) == NULL) {
        tl_planner_unplaced(grammar->planner, item);
    } else if (tl_item_meaning(next_item(grammar), TL_MEANS_DATASET)) {
        grammar->limit = whole; /* "the 10 customers with the most traffic" */
        grammar->subject = true;
    } else {
        tl_planner_unplaced(grammar->planner, item);
    }
}

/* --- meanings --- */

/* "more than 5 tickets": the right side is here. */
static bool take_right_side(struct tl_grammar *grammar, const struct tl_item *item)
{
    const struct tl_meaning *metric = tl_item_meaning(item, TL_MEANS_METRIC), *dataset = tl_item_meaning(item, TL_MEANS_DATASET);
    if (!grammar->compare_number)
        return false;
    int counted = metric ? metric->metric : dataset ? tl_grammar_count_metric(grammar->planner->model, dataset->dataset) : -1;
    if (counted >= 0) {
        add_threshold(grammar, counted, grammar->compare_number);
        return true;
    }
    if (means_role(grammar, item, TL_ROLE_NUMBER)) {
        add_filter(grammar, item, TL_MEANS_FIELD, grammar->compare, grammar->compare_number);
        grammar->compare_item = NULL;
        grammar->compare_number = NULL;
        return true;
    }
    return false;
}

static bool take_set_part(struct tl_grammar *grammar, const struct tl_item *item)
{
    const struct tl_meaning *metric = tl_item_meaning(item, TL_MEANS_METRIC);
    if (!grammar->set_open)
        return false;
    if (grammar->by && metric) {
        grammar->set_metric = metric->metric;
        grammar->set_open = false;
        grammar->set_given = true;
        grammar->by = false;
        return true;
    }
    if (!grammar->by && tl_item_meaning(item, TL_MEANS_DATASET)) {
        grammar->set_entity = item;
        return true;
    }
    return false;
}

/* After "by", "top 10", "which": what the answer is split by, or what it is ranked by. */
static bool take_split(struct tl_grammar *grammar, const struct tl_item *item)
{
    const struct tl_meaning *metric = tl_item_meaning(item, TL_MEANS_METRIC);
    bool dataset = tl_item_meaning(item, TL_MEANS_DATASET), field = tl_item_meaning(item, TL_MEANS_FIELD) && !means_role(grammar, item, TL_ROLE_CONDITION);
    if (!grammar->by && !grammar->subject && !grammar->which)
        return false;
    if (!grammar->by && field && !dataset && means_time(grammar, item))
        return false; /* "top 10 new customers" */
    bool ranking = metric && grammar->by && grammar->metric_count == 0 && (grammar->dimension_count > 0 || !(dataset || field));
    if (ranking || (metric && !dataset && !field)) {
        add_metric(grammar, metric->metric, item);
        grammar->ranked = true;
        grammar->operand = item;
        grammar->operand_is_metric = true;
        return true;
    }
    if (!dataset && !field)
        return false;
    add_dimension(grammar, item, TL_GRAIN_NONE);
    if (!grammar->by) {
        grammar->subject_item = item;
        if (grammar->which && grammar->limit == 0 && !grammar->subject) {
            const struct tl_word *word = &grammar->planner->words[item->first_word + item->word_count - 1];
            grammar->limit = tl_streq(word->text, word->stem) ? -1 : 0; /* "which country": one, where something is ranked */
        }
        grammar->subject = grammar->which = false;
    }
    return true;
}

/* "free plan" and "plan free": the field beside a value says which one it is. */
static bool is_beside_its_value(const struct tl_item *item, const struct tl_item *other)
{
    for (size_t i = 0; other && other->kind == TL_ITEM_MEANING && i < other->meaning_count; i++)
        for (size_t k = 0; k < item->meaning_count; k++)
            if (other->meanings[i].kind == TL_MEANS_VALUE && item->meanings[k].kind == TL_MEANS_FIELD &&
                item->meanings[k].dataset == other->meanings[i].dataset &&
                item->meanings[k].field == other->meanings[i].field)
                return true;
    return false;
}

static void narrow(struct tl_raw_filter *filter, const struct tl_item *field)
{
    size_t kept = 0;
    for (size_t i = 0; i < filter->meaning_count; i++)
        for (size_t k = 0; k < field->meaning_count; k++)
            if (field->meanings[k].kind == TL_MEANS_FIELD && field->meanings[k].dataset == filter->meanings[i].dataset &&
                field->meanings[k].field == filter->meanings[i].field) {
                filter->meanings[kept++] = filter->meanings[i];
                break;
            }
    if (kept > 0)
        filter->meaning_count = kept;
}

static void narrow_to_dataset(struct tl_raw_filter *filter, int dataset)
{
    for (size_t i = 0; i < filter->meaning_count; i++)
        if (filter->meanings[i].dataset == dataset) {
            filter->meanings[0] = filter->meanings[i];
            filter->meaning_count = 1;
        }
}

static bool take_value(struct tl_grammar *grammar, const struct tl_item *item)
{
    const struct tl_item *before = grammar->at > 0 ? &grammar->planner->items[grammar->at - 1] : NULL, *next = next_item(grammar);
    const struct tl_meaning *entity = tl_item_meaning(next, TL_MEANS_DATASET);
    bool condition = means_role(grammar, item, TL_ROLE_CONDITION);
    if (!tl_item_meaning(item, TL_MEANS_VALUE) && !condition)
        return false;
    if (condition) {
        add_filter(grammar, item, TL_MEANS_FIELD, TL_COMPARE_EQUAL, grammar->negate ? "false" : "true");
        return true;
    }
    add_filter(grammar, item, TL_MEANS_VALUE, grammar->negate ? TL_COMPARE_NOT_EQUAL : TL_COMPARE_EQUAL, NULL);
    struct tl_raw_filter *filter = &grammar->filters[grammar->filter_count - 1];
    if (before && before->kind == TL_ITEM_MEANING && is_beside_its_value(before, item))
        narrow(filter, before);
    else if (next && next->kind == TL_ITEM_MEANING && is_beside_its_value(next, item))
        narrow(filter, next);
    else if (entity)
        narrow_to_dataset(filter, entity->dataset);
    return true;
}

static void take_entity(struct tl_grammar *grammar, const struct tl_item *item, const struct tl_meaning *dataset)
{
    int counted = tl_grammar_count_metric(grammar->planner->model, dataset->dataset);
    if (grammar->count && counted >= 0) {
        add_metric(grammar, counted, NULL);
        grammar->counted = dataset->dataset;
        grammar->count = false;
    }
    if (grammar->entity_count < sizeof grammar->entities / sizeof *grammar->entities)
        grammar->entities[grammar->entity_count++] = item;
}

static bool take_field(struct tl_grammar *grammar, const struct tl_item *item)
{
    const struct tl_item *before = grammar->at > 0 ? &grammar->planner->items[grammar->at - 1] : NULL, *next = next_item(grammar);
    if (!tl_item_meaning(item, TL_MEANS_FIELD))
        return false;
    if (is_beside_its_value(item, before) || is_beside_its_value(item, next))
        return true;
    if (means_role(grammar, item, TL_ROLE_NUMBER) && next && (next->kind == TL_ITEM_NUMBER || next->kind == TL_ITEM_CUE)) {
        grammar->operand = item;
        grammar->operand_is_metric = false;
        bool compared = next->kind == TL_ITEM_NUMBER || (next->cue >= TL_CUE_GREATER && next->cue <= TL_CUE_EQUAL);
        if (compared)
            return true;
    }
    if (means_time(grammar, item)) {
        grammar->time_field = item;
        return true;
    }
    if (next_is_cue(grammar, TL_CUE_WHO) && grammar->dimension_count == 0 && grammar->metric_count == 0 && !means_role(grammar, item, TL_ROLE_NUMBER)) {
        add_dimension(grammar, item, TL_GRAIN_NONE);
        return true;
    }
    if (grammar->extra_count < TL_SEMANTIC_SHOWN_MAX)
        grammar->extras[grammar->extra_count++] = item;
    return true;
}

/* "customers who wrote urgent tickets", "accounts with invoices": those that have at least one. */
static bool stands_behind_who(const struct tl_grammar *grammar)
{
    const struct tl_item *before = grammar->at > 0 ? &grammar->planner->items[grammar->at - 1] : NULL, *next = next_item(grammar);
    if (!before || before->kind != TL_ITEM_CUE || before->cue != TL_CUE_WHO || !last_entity(grammar))
        return false;
    const char *word = grammar->planner->words[before->first_word].text;
    bool compared = next && next->kind == TL_ITEM_CUE && next->cue >= TL_CUE_GREATER && next->cue <= TL_CUE_EQUAL;
    return !compared && (tl_streq(word, "who") || tl_streq(word, "with") || tl_streq(word, "having"));
}

static void take_meaning(struct tl_grammar *grammar, const struct tl_item *item)
{
    const struct tl_meaning *metric = tl_item_meaning(item, TL_MEANS_METRIC), *dataset = tl_item_meaning(item, TL_MEANS_DATASET);
    if (take_right_side(grammar, item) || take_set_part(grammar, item) || take_split(grammar, item))
        return;
    grammar->by = false;
    if (!dataset && !metric && take_value(grammar, item))
        return;
    const struct tl_item *before = grammar->at > 0 ? &grammar->planner->items[grammar->at - 1] : NULL;
    bool joined = before && before->kind == TL_ITEM_CUE && (before->cue == TL_CUE_AND || before->cue == TL_CUE_COMMA) && grammar->metric_count > 0;
    if (dataset && metric && stands_behind_who(grammar)) {
        grammar->compare = TL_COMPARE_AT_LEAST;
        add_threshold(grammar, metric->metric, "1");
        return;
    }
    if (dataset && !(metric && joined)) { /* "tickets" are rows and a number; a number in "revenue and tickets" */
        take_entity(grammar, item, dataset);
        return;
    }
    if (metric && stands_behind_who(grammar)) {
        grammar->compare = TL_COMPARE_AT_LEAST;
        add_threshold(grammar, metric->metric, "1");
        return;
    }
    if (metric) {
        add_metric(grammar, metric->metric, item);
        grammar->count = false;
        grammar->operand = item;
        grammar->operand_is_metric = true;
        return;
    }
    if (!take_field(grammar, item))
        tl_planner_unplaced(grammar->planner, item);
}

/* --- times and cues --- */

static void take_period(struct tl_grammar *grammar, const struct tl_period *period)
{
    struct tl_period *place = grammar->versus ? &grammar->before : &grammar->period;
    if (place->given)
        tl_planner_refuse(grammar->planner, "two periods, \"%s\" and \"%s\": say \"compared with\" between them, or ask for one", place->words, period->words);
    *place = *period;
    grammar->versus = false;
}

static void take_time(struct tl_grammar *grammar, const struct tl_item *item)
{
    static const char *const adverbs[] = {"daily", "weekly", "monthly", "quarterly", "yearly", "annually", "trend", "over"};
    const char *word = grammar->planner->words[item->first_word].text;
    bool adverb = false;
    switch (item->time.kind) {
    case TL_TIME_PERIOD:
        take_period(grammar, &item->time.period);
        break;
    case TL_TIME_SHIFT:
        grammar->shift = true;
        grammar->versus = false;
        break;
    case TL_TIME_GRAIN:
        for (size_t i = 0; i < sizeof adverbs / sizeof *adverbs; i++)
            adverb = adverb || tl_streq(word, adverbs[i]);
        if (grammar->by || grammar->which || adverb)
            add_dimension(grammar, NULL, item->time.grain);
        else
            tl_planner_unplaced(grammar->planner, item);
        break;
    }
}

static void take_compare(struct tl_grammar *grammar, const struct tl_item *item)
{
    static const enum tl_compare compares[] = {TL_COMPARE_GREATER, TL_COMPARE_AT_LEAST, TL_COMPARE_LESS, TL_COMPARE_AT_MOST, TL_COMPARE_EQUAL};
    const struct tl_item *next = next_item(grammar);
    if (next && next->kind == TL_ITEM_TIME)
        return; /* "over the last 30 days" */
    grammar->compare_item = item;
    grammar->compare = compares[item->cue - TL_CUE_GREATER];
    grammar->compare_number = NULL;
    if (!next || next->kind != TL_ITEM_NUMBER)
        tl_planner_unplaced(grammar->planner, item);
}

static void take_cue(struct tl_grammar *grammar, const struct tl_item *item)
{
    switch (item->cue) {
    case TL_CUE_BY:
        grammar->by = true;
        break;
    case TL_CUE_TOP:
    case TL_CUE_BEST:
    case TL_CUE_BOTTOM:
        grammar->subject = true;
        grammar->best = grammar->best || item->cue == TL_CUE_BEST;
        grammar->ascending = item->cue == TL_CUE_BOTTOM || tl_streq(grammar->planner->words[item->first_word].text, "worst");
        grammar->limit = grammar->limit > 0 ? grammar->limit : 10;
        break;
    case TL_CUE_MOST:
    case TL_CUE_LEAST:
        grammar->ranked = true;
        grammar->ascending = item->cue == TL_CUE_LEAST;
        grammar->subject = grammar->subject || grammar->limit > 0;
        break;
    case TL_CUE_IN_TOP:
        grammar->set_open = true;
        break;
    case TL_CUE_WITHOUT:
        grammar->negate = true;
        break;
    case TL_CUE_INCLUDING:
        grammar->including = true;
        break;
    case TL_CUE_HOW_MANY:
        grammar->count = true;
        break;
    case TL_CUE_LIST:
        grammar->list = true;
        break;
    case TL_CUE_WHICH:
        grammar->which = true;
        break;
    case TL_CUE_WHO:
        grammar->who = true;
        break;
    case TL_CUE_VERSUS:
        grammar->versus = true;
        grammar->change = true;
        break;
    case TL_CUE_CHANGE:
        grammar->change = true;
        break;
    case TL_CUE_FOLLOW:
        grammar->follow = true;
        break;
    case TL_CUE_GREATER:
    case TL_CUE_AT_LEAST:
    case TL_CUE_LESS:
    case TL_CUE_AT_MOST:
    case TL_CUE_EQUAL:
        take_compare(grammar, item);
        break;
    default:
        break;
    }
}

/* "Germany or France" is one choice; any other "or" would be a guess. */
static void take_or(struct tl_grammar *grammar, const struct tl_item *item)
{
    const struct tl_item *before = grammar->at > 0 ? &grammar->planner->items[grammar->at - 1] : NULL;
    if (!tl_item_meaning(before, TL_MEANS_VALUE) || !tl_item_meaning(next_item(grammar), TL_MEANS_VALUE))
        tl_planner_unplaced(grammar->planner, item);
}

static void take(struct tl_grammar *grammar, const struct tl_item *item)
{
    bool comma = item->kind == TL_ITEM_CUE && item->cue == TL_CUE_COMMA;
    bool joins = item->kind == TL_ITEM_CUE && (item->cue == TL_CUE_AND || item->cue == TL_CUE_OR || comma);
    bool leads = item->kind == TL_ITEM_CUE && (item->cue == TL_CUE_WITHOUT || item->cue == TL_CUE_INCLUDING || item->cue == TL_CUE_BY);
    if (item->kind == TL_ITEM_UNKNOWN)
        tl_planner_unplaced(grammar->planner, item);
    else if (item->kind == TL_ITEM_NUMBER)
        take_number(grammar, item);
    else if (item->kind == TL_ITEM_TIME)
        take_time(grammar, item);
    else if (item->kind == TL_ITEM_MEANING)
        take_meaning(grammar, item);
    else if (item->cue == TL_CUE_OR)
        take_or(grammar, item);
    else
        take_cue(grammar, item);
    if (item->kind != TL_ITEM_CUE || !(item->cue >= TL_CUE_GREATER && item->cue <= TL_CUE_EQUAL))
        if (item != grammar->operand)
            grammar->operand = NULL;
    const struct tl_item *next = next_item(grammar);
    bool list = item->kind == TL_ITEM_MEANING && next && next->kind == TL_ITEM_CUE &&
                (next->cue == TL_CUE_AND || next->cue == TL_CUE_OR || next->cue == TL_CUE_COMMA);
    if (!(joins || leads || list)) {
        grammar->negate = grammar->including = false;
        grammar->by = grammar->by && item->kind == TL_ITEM_CUE;
    }
    if (comma) /* "without internal accounts, German customers": the second is not left out */
        grammar->negate = grammar->including = false;
}

bool tl_planner_interpret(struct tl_planner *planner)
{
    struct tl_grammar *grammar = TL_NEW(planner->arena, struct tl_grammar);
    grammar->planner = planner;
    grammar->counted = grammar->set_metric = -1;
    for (grammar->at = 0; grammar->at < planner->item_count; grammar->at++)
        take(grammar, &planner->items[grammar->at]);
    if (grammar->compare_item && !planner->unplaced_count)
        tl_planner_unplaced(planner, grammar->compare_item);
    if (planner->item_count == 0)
        return tl_planner_refuse(planner, "the question has no words that say what is asked for");
    return planner->unplaced_count == 0 && !planner->plan->refusal && tl_grammar_assemble(grammar);
}

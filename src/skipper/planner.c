/* A question as items, then as a query; and what is said of it. */
#include "skipper/planner.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "skipper/metric_int.h"
#include "skipper/planner_int.h"

enum { NEAR_MAX = 2, MEMBERS_FIELDS_MAX = 40 };

const struct tl_meaning *tl_item_meaning(const struct tl_item *item, enum tl_meaning_kind kind)
{
    for (size_t i = 0; item && item->kind == TL_ITEM_MEANING && i < item->meaning_count; i++)
        if (item->meanings[i].kind == kind)
            return &item->meanings[i];
    return NULL;
}

/* --- items --- */

/* A number here is one, not a year: "top 2000", "more than 2020". */
static bool wants_number(const struct tl_planner *planner)
{
    const struct tl_item *last = planner->item_count ? &planner->items[planner->item_count - 1] : NULL;
    return last && last->kind == TL_ITEM_CUE &&
           (last->cue == TL_CUE_TOP || last->cue == TL_CUE_BEST || last->cue == TL_CUE_BOTTOM || last->cue == TL_CUE_IN_TOP ||
               (last->cue >= TL_CUE_GREATER && last->cue <= TL_CUE_EQUAL));
}

static size_t take_item(struct tl_planner *planner, const struct tl_phrases *phrases, size_t at, struct tl_item *item)
{
    const struct tl_word *words = planner->words;
    enum tl_cue cue;
    *item = (struct tl_item){.kind = TL_ITEM_UNKNOWN, .first_word = at, .word_count = 1};
    size_t meaning = tl_phrases_match(phrases, words, at, planner->word_count, item->meanings, &item->meaning_count);
    size_t time = tl_time_match(planner->arena, planner->model, planner->request->now_us, words, at, planner->word_count, &item->time);
    size_t cue_words = tl_cue_match(words, at, planner->word_count, &cue);
    if (words[at].number && (wants_number(planner) || (time == 0 && meaning == 0))) {
        item->kind = TL_ITEM_NUMBER;
        item->number = words[at].text;
    } else if (time > 0 && time >= meaning && time >= cue_words) {
        item->kind = TL_ITEM_TIME;
        item->word_count = time;
    } else if (meaning > 0 && meaning >= cue_words) {
        item->kind = TL_ITEM_MEANING;
        item->word_count = meaning;
    } else if (cue_words > 0) {
        item->kind = TL_ITEM_CUE;
        item->cue = cue;
        item->word_count = cue_words;
    }
    return item->word_count;
}

/* Fillers carry nothing and are left out. */
static void cut_items(struct tl_planner *planner, const struct tl_phrases *phrases)
{
    planner->item_count = 0;
    for (size_t at = 0; at < planner->word_count;) {
        struct tl_item *item = &planner->items[planner->item_count];
        at += take_item(planner, phrases, at, item);
        if (item->kind != TL_ITEM_CUE || item->cue != TL_CUE_FILLER)
            planner->item_count++;
    }
}

/* --- values that only the data knows --- */

static bool has_unknown(const struct tl_planner *planner)
{
    for (size_t i = 0; i < planner->item_count; i++)
        if (planner->items[i].kind == TL_ITEM_UNKNOWN)
            return true;
    return false;
}

/* Members of few values become phrases, as the asker may see them. */
static void add_members(struct tl_planner *planner, struct tl_phrases *phrases)
{
    int looked = 0;
    for (size_t d = 0; d < planner->model->dataset_count; d++)
        for (size_t f = 0; f < planner->model->datasets[d].field_count && looked < MEMBERS_FIELDS_MAX; f++) {
            if (planner->model->datasets[d].fields[f].role != TL_ROLE_MEMBER)
                continue;
            struct tl_texts members = planner->request->members(planner->request->context, planner->model, (int)d, (int)f);
            looked++;
            for (size_t i = 0; i < members.count; i++)
                tl_phrases_add(phrases, members.items[i], (struct tl_meaning){TL_MEANS_VALUE, -1, (int)d, (int)f, members.items[i]});
        }
}

/* --- refusals --- */

void tl_planner_unplaced(struct tl_planner *planner, const struct tl_item *item)
{
    struct tl_buf text;
    tl_buf_init(&text, TL_QUESTION_BYTES_MAX * 2);
    for (size_t i = 0; i < item->word_count; i++)
        tl_buf_addf(&text, "%s%s", i ? " " : "", planner->words[item->first_word + i].raw);
    if (planner->unplaced_count < TL_PLAN_UNPLACED_MAX)
        planner->unplaced[planner->unplaced_count++] = tl_arena_strdup(planner->arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
}

bool tl_planner_refuse(struct tl_planner *planner, const char *format, ...)
{
    char text[TL_ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!planner->plan->refusal)
        planner->plan->refusal = tl_arena_strdup(planner->arena, text);
    return false;
}

static bool shares_word(const struct tl_planner *planner, const char *name)
{
    struct tl_word words[TL_PHRASE_WORDS_MAX];
    char *plain = tl_arena_strdup(planner->arena, name);
    for (char *c = plain; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    size_t count = tl_words_cut(planner->arena, tl_str_of(plain), words, TL_PHRASE_WORDS_MAX);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < planner->word_count; k++)
            if (strlen(words[i].stem) > 3 && tl_edit_distance(words[i].stem, planner->words[k].stem, NEAR_MAX) <= (strlen(words[i].stem) > 6 ? NEAR_MAX : 1))
                return true;
    return false;
}

/* Metrics that sound like the question, else the model's own examples. */
void tl_planner_hints(struct tl_planner *planner)
{
    const char **hints = TL_NEW_ARRAY(planner->arena, const char *, TL_PLAN_HINTS_MAX);
    size_t count = 0;
    for (size_t i = 0; i < planner->model->metric_count && count < TL_PLAN_HINTS_MAX; i++)
        if (shares_word(planner, planner->model->metrics[i].name))
            hints[count++] = planner->model->metrics[i].name;
    for (size_t i = 0; count < 3 && i < planner->model->examples.count; i++)
        hints[count++] = planner->model->examples.items[i];
    planner->plan->hints = (struct tl_texts){count, hints};
}

static void tell_unplaced(struct tl_planner *planner)
{
    struct tl_buf text;
    tl_buf_init(&text, TL_ERR_MESSAGE_MAX);
    for (size_t i = 0; i < planner->unplaced_count; i++)
        tl_buf_addf(&text, "%s\"%s\"", i ? ", " : "", planner->unplaced[i]);
    tl_planner_refuse(planner, "no metric, field or value of the models is called %s", tl_buf_cstr(&text));
    tl_buf_done(&text);
    const char **unplaced = TL_NEW_ARRAY(planner->arena, const char *, planner->unplaced_count);
    memcpy(unplaced, planner->unplaced, planner->unplaced_count * sizeof *unplaced);
    planner->plan->unplaced = (struct tl_texts){planner->unplaced_count, unplaced};
}

/* --- the reading --- */

static const char *spoken(tl_arena *arena, const char *name)
{
    char *text = tl_arena_strdup(arena, name);
    for (char *c = text; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    return text;
}

static void put_period(const struct tl_period *period, struct tl_buf *text)
{
    char from[TL_CLOCK_TEXT_SIZE], to[TL_CLOCK_TEXT_SIZE];
    bool days = period->from_us % TL_DAY_US == 0 && period->to_us % TL_DAY_US == 0;
    tl_clock_text(from, period->from_us, 0);
    tl_clock_text(to, days ? period->to_us - TL_DAY_US : period->to_us, 0);
    if (days)
        tl_buf_addf(text, "%.10s to %.10s", from, to);
    else
        tl_buf_addf(text, "%.16s to %.16s", from, to);
    if (period->words)
        tl_buf_addf(text, " (%s)", period->words);
}

static void put_filter(tl_arena *arena, const tl_semantic *model, const struct tl_metric_filter *filter, struct tl_buf *text)
{
    const struct tl_semantic_dataset *dataset = &model->datasets[filter->dataset];
    const struct tl_semantic_field *field = &dataset->fields[filter->field];
    if (field->role == TL_ROLE_CONDITION) {
        bool wanted = (filter->compare == TL_COMPARE_EQUAL) == tl_streq(filter->values[0], "true");
        tl_buf_addf(text, ", %s %s %s", dataset->name, wanted ? "that are" : "that are not", spoken(arena, strncmp(field->name, "is_", 3) == 0
            ? field->name + 3 : field->name));
        return;
    }
    tl_buf_addf(text, ", %s %s", spoken(arena, field->name), filter->value_count > 1 ? filter->compare == TL_COMPARE_EQUAL
        ? "one of" : "none of" : tl_compare_sign(filter->compare));
    for (size_t i = 0; i < filter->value_count; i++)
        tl_buf_addf(text, " %s", filter->values[i]);
    tl_buf_addf(text, " (of %s)", dataset->name);
}

static void put_set(tl_arena *arena, const tl_semantic *model, const struct tl_metric_set *set, struct tl_buf *text)
{
    const char *dataset = spoken(arena, model->datasets[set->dataset].name), *metric = spoken(arena, model->metrics[set->by.metric].name);
    if (set->top > 0)
        tl_buf_addf(text, ", only the top %lld %s by %s", (long long)set->top, dataset, metric);
    else
        tl_buf_addf(text, ", only %s with %s %s %s", dataset, metric, tl_compare_sign(set->by.compare), set->by.number);
    if (set->period.given) {
        tl_buf_adds(text, " in ");
        put_period(&set->period, text);
    } else {
        tl_buf_adds(text, " over all time");
    }
}

static void put_dimensions(tl_arena *arena, const tl_semantic *model, const struct tl_metric_query *query, struct tl_buf *text)
{
    static const char *const grains[] = {"time", "day", "week", "month", "quarter", "year"};
    for (size_t i = 0; i < query->dimension_count; i++) {
        const struct tl_metric_dimension *dimension = &query->dimensions[i];
        tl_buf_adds(text, i ? " and " : " by ");
        if (dimension->field == TL_DIMENSION_TIME)
            tl_buf_adds(text, grains[dimension->grain]);
        else if (dimension->field == TL_DIMENSION_ENTITY)
            tl_buf_adds(text, tl_metric_singular(arena, model->datasets[dimension->dataset].name));
        else
            tl_buf_addf(text, "%s of %s", spoken(arena, model->datasets[dimension->dataset].fields[dimension->field].name),
                model->datasets[dimension->dataset].name);
    }
}

static void put_rest(tl_arena *arena, const tl_semantic *model, const struct tl_metric_query *query, struct tl_buf *text)
{
    for (size_t i = 0; i < query->filter_count; i++)
        put_filter(arena, model, &query->filters[i], text);
    for (size_t i = 0; i < query->set_count; i++)
        put_set(arena, model, &query->sets[i], text);
    for (size_t i = 0; i < query->threshold_count; i++)
        tl_buf_addf(text, ", where %s %s %s", spoken(arena, model->metrics[query->thresholds[i].metric].name), tl_compare_sign(query->thresholds[i].compare),
                    query->thresholds[i].number);
    if (query->period.given) {
        tl_buf_adds(text, ", ");
        if (query->time_dataset >= 0)
            tl_buf_addf(text, "%s of %s ", spoken(arena, model->datasets[query->time_dataset].fields[query->time_field].name),
                model->datasets[query->time_dataset].name);
        put_period(&query->period, text);
    } else {
        tl_buf_adds(text, ", all time");
    }
    if (query->before.given) {
        tl_buf_adds(text, ", compared with ");
        put_period(&query->before, text);
    }
    if (query->limit > 0 && (query->dimension_count > 0 || query->metric_count == 0))
        tl_buf_addf(text, ", the %s %lld", query->metric_count == 0 ? "newest" : query->ascending ? "lowest" : "top", (long long)query->limit);
}

const char *tl_plan_reading(tl_arena *arena, const tl_semantic *model, const struct tl_metric_query *query)
{
    struct tl_buf text;
    tl_buf_init(&text, TL_METRIC_SQL_MAX);
    if (query->metric_count == 0 && query->list >= 0)
        tl_buf_addf(&text, "a list of %s", spoken(arena, model->datasets[query->list].name));
    for (size_t i = 0; i < query->metric_count; i++)
        tl_buf_addf(&text, "%s%s", i ? " and " : "", spoken(arena, model->metrics[query->metrics[i]].name));
    put_dimensions(arena, model, query, &text);
    put_rest(arena, model, query, &text);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

/* --- the whole --- */

void tl_plan_question(tl_arena *arena, const struct tl_plan_request *request, struct tl_plan *ret_plan)
{
    struct tl_planner *planner = TL_NEW(arena, struct tl_planner);
    struct tl_phrases phrases;
    size_t bad;
    *ret_plan = (struct tl_plan){.understood = false};
    tl_metric_query_init(&ret_plan->query);
    planner->arena = arena;
    planner->request = request;
    planner->model = request->model;
    planner->plan = ret_plan;
    if (request->question.size > TL_QUESTION_BYTES_MAX) {
        tl_planner_refuse(planner, "the question has %zu bytes, the limit is %d", request->question.size, TL_QUESTION_BYTES_MAX);
        return;
    }
    if (!tl_utf8_valid(request->question.data, request->question.size, &bad)) {
        tl_planner_refuse(planner, "the question is not UTF-8");
        return;
    }
    planner->word_count = tl_words_cut(arena, request->question, planner->words, TL_QUESTION_WORDS_MAX);
    tl_phrases_of_model(arena, request->model, &phrases);
    cut_items(planner, &phrases);
    if (has_unknown(planner) && request->members) {
        add_members(planner, &phrases);
        cut_items(planner, &phrases);
    }
    ret_plan->understood = tl_planner_interpret(planner);
    if (planner->unplaced_count > 0)
        tell_unplaced(planner);
    ret_plan->understood = ret_plan->understood && !ret_plan->refusal;
    if (ret_plan->understood)
        ret_plan->reading = tl_plan_reading(arena, request->model, &ret_plan->query);
    else
        tl_planner_hints(planner);
}

/* The proof card, and the look at the result that it tells of. */
#include "skipper/proof.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "lifeguard/clearance.h"
#include "skipper/ask_int.h"
#include "skipper/metric_int.h"

enum { JSON_MAX = 4 * 1024 * 1024, FINDINGS_MAX = 32, TIME_SIZE = 32 };
#define DAY_US INT64_C(86400000000)

enum weight { WEIGHT_NOTE, WEIGHT_DOUBT, WEIGHT_WRONG };
struct finding {
    enum weight weight;
    const char *kind, *text;
};

struct card {
    struct tl_request *rq;
    tl_ask *ask;
    const struct tl_ask_turn *turn;
    const struct tl_proof *proof;
    const struct tl_ask_sink *sink;
    size_t finding_count;
    struct finding findings[FINDINGS_MAX];
    size_t part_count;
    int64_t (*counts)[3]; /* rows in, joined, used: a part each; -1 = not known */
    char span[2][TIME_SIZE];
    const tl_json **details; /* what the catalog says of each dataset of the model that is used */
};

static const char *const weights[] = {"note", "doubt", "wrong"};

TL_PRINTF(4, 5)
static void find(struct card *card, enum weight weight, const char *kind, const char *format, ...)
{
    char text[TL_ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (card->finding_count == FINDINGS_MAX)
        return;
    struct finding *finding = &card->findings[card->finding_count++];
    *finding = (struct finding){weight, kind, tl_arena_strdup(card->rq->arena, text)};
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "kind", kind);
    tl_json_pair_text(&json, "weight", weights[weight]);
    tl_json_pair_text(&json, "text", finding->text);
    tl_json_end_object(&json);
    tl_ask_tell(card->sink, "finding", &buf);
    tl_buf_done(&buf);
}

/* --- checks that ask the data --- */

static void take_counts(void *context, const struct tl_batch *batch, size_t row)
{
    int64_t *counts = context;
    for (size_t i = 0; i < 3 && i < batch->column_count; i++)
        if (batch->columns[i].type->id == TL_TYPE_INT64 && !tl_column_is_null(&batch->columns[i], row))
            counts[i] = ((const int64_t *)batch->columns[i].data)[row];
}

static const char *name_of(const struct card *card, int dataset)
{
    return card->proof->model->datasets[dataset].name;
}

static void check_part(struct card *card, size_t p)
{
    const struct tl_metric_part *part = &card->proof->sql->parts[p];
    int64_t *counts = card->counts[p];
    if (tl_ask_quietly(card->rq, card->ask, card->turn, part->count_sql, take_counts, counts) != TL_OK || counts[0] < 0)
        return;
    if (counts[1] > counts[0])
        find(card, WEIGHT_WRONG, "fan_out", "%lld rows of %s became %lld by the joins: a key that the model calls unique is not", (long long)counts[0],
             name_of(card, part->anchor), (long long)counts[1]);
    else if (counts[1] < counts[0])
        find(card, WEIGHT_NOTE, "no_partner", "%lld of %lld rows of %s have no partner in %s and are left out", (long long)(counts[0] - counts[1]),
            (long long)counts[0],
             name_of(card, part->anchor), name_of(card, part->joins[part->join_count - 1].to));
    if (card->proof->result->rows > 0 && counts[2] > 0)
        return;
    if (counts[0] == 0)
        find(card, WEIGHT_DOUBT, "no_rows", "%s has no row in the period and under the conditions on itself", name_of(card, part->anchor));
    else if (counts[1] == 0)
        find(card, WEIGHT_DOUBT, "no_rows", "none of the %lld rows of %s has a partner in the joined tables", (long long)counts[0], name_of(card,
            part->anchor));
    else if (counts[2] == 0)
        find(card, WEIGHT_DOUBT, "no_rows", "%lld rows of %s are there, but the conditions on the joined tables leave none", (long long)counts[1],
             name_of(card, part->anchor));
}

static void take_span(void *context, const struct tl_batch *batch, size_t row)
{
    char(*span)[TIME_SIZE] = context;
    for (size_t i = 0; i < 2 && i < batch->column_count; i++) {
        if (tl_column_is_null(&batch->columns[i], row) || !tl_type_is_text(batch->columns[i].type))
            continue;
        struct tl_str text = tl_utf8_cut(tl_column_text(&batch->columns[i], row), TIME_SIZE - 1);
        memcpy(span[i], text.data, text.size);
        span[i][text.size] = '\0';
    }
}

static void check_period(struct card *card)
{
    const struct tl_period *period = &card->proof->query->period;
    const char *span_sql = card->proof->sql->part_count ? card->proof->sql->parts[0].span_sql : NULL;
    char from[TL_CLOCK_TEXT_SIZE];
    if (!period->given)
        return;
    if (period->to_us > card->proof->now_us)
        find(card, WEIGHT_NOTE, "period_open", "the period is not over yet: today is in it");
    if (!span_sql || card->proof->query->time_dataset >= 0 ||
        tl_ask_quietly(card->rq, card->ask, card->turn, span_sql, take_span, card->span) != TL_OK || !card->span[0][0])
        return;
    const struct tl_period *first = card->proof->query->before.given ? &card->proof->query->before : period;
    tl_clock_text(from, first->from_us + DAY_US, 0); /* a first row later on the first day is none */
    if (strncmp(card->span[0], from, 10) >= 0)
        find(card, WEIGHT_DOUBT, "period_incomplete", "the first row of %s is of %.10s, after the period has begun", name_of(card,
            card->proof->sql->parts[0].anchor),
             card->span[0]);
    tl_clock_text(from, period->from_us, 0);
    if (strncmp(card->span[1], from, 10) < 0)
        find(card, WEIGHT_DOUBT, "period_incomplete", "the last row of %s is of %.10s, before the period begins", name_of(card,
            card->proof->sql->parts[0].anchor),
             card->span[1]);
}

static void check_result(struct card *card)
{
    const struct tl_ask_result *result = card->proof->result;
    if (result->rows == 0)
        find(card, WEIGHT_DOUBT, "no_rows", "the answer has no rows");
    for (size_t i = 0; i < result->column_count; i++)
        if (result->rows > 0 && result->nulls[i] > 0)
            find(card, result->nulls[i] * 2 > result->rows ? WEIGHT_DOUBT : WEIGHT_NOTE, "nulls", "%lld of %lld rows have no %s", (long long)result->nulls[i],
                 (long long)result->rows, result->fields[i].name);
    if (result->cut || (card->proof->query->limit == 0 && result->rows == TL_METRIC_LIMIT_MAX))
        find(card, WEIGHT_NOTE, "cut", "only the first %lld rows are shown", (long long)result->rows);
}

/* --- the card --- */

static void put_texts(struct tl_json_writer *json, const char *key, const struct tl_texts *texts)
{
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (size_t i = 0; i < texts->count; i++)
        tl_json_put_text(json, texts->items[i]);
    tl_json_end_array(json);
}

/* Masks of columns that stand in the statement; rules are counted, not told. */
static void put_clearance(struct card *card, const struct tl_semantic_dataset *dataset, const struct tl_source_dataset *table, struct tl_json_writer *json)
{
    struct tl_request apart;
    const tl_clearance *clearance;
    const char **columns = TL_NEW_ARRAY(card->rq->arena, const char *, table->column_count);
    struct tl_access_manner manner = {.pii = false};
    tl_request_init(&apart, card->rq->arena);
    apart.principal = card->rq->principal;
    for (size_t i = 0; i < table->column_count; i++)
        columns[i] = table->columns[i].name;
    struct tl_access_need need = {dataset->source[0], table->schema, table->name, TL_ACCESS_READ, table->column_count, columns};
    if (tl_lifeguard_decide(&apart, card->ask->options.lifeguard, &manner, &need, 1, &clearance) != TL_OK)
        return;
    const struct tl_dataset_grant *grant = tl_clearance_grant(clearance, 0);
    struct tl_buf mask;
    tl_buf_init(&mask, TL_MASK_TEXT_MAX);
    tl_json_key(json, "masks");
    tl_json_begin_object(json);
    for (size_t i = 0; i < grant->column_count; i++) {
        const char *word = tl_arena_printf(card->rq->arena, "%s.%s", dataset->name, grant->columns[i]);
        if (grant->masks[i].form == TL_MASK_NONE || !strstr(card->proof->sql->sql, word))
            continue;
        tl_buf_clear(&mask);
        tl_mask_format(&mask, &grant->masks[i]);
        tl_json_pair_text(json, grant->columns[i], tl_buf_cstr(&mask));
    }
    tl_json_end_object(json);
    tl_json_pair_int64(json, "row_rules", (int64_t)grant->row_rule_count);
    tl_buf_done(&mask);
}

/* As far as the person may know it; NULL = nothing is known. */
static const tl_json *details_of(const struct card *card, const struct tl_semantic_dataset *dataset)
{
    struct tl_request apart;
    struct tl_buf buf;
    struct tl_json_writer json;
    const tl_json *details = NULL;
    if (!card->ask->options.catalog)
        return NULL;
    tl_request_init(&apart, card->rq->arena);
    apart.principal = card->rq->principal;
    tl_buf_init(&buf, JSON_MAX);
    tl_json_writer_init(&json, &buf);
    const char *name = tl_arena_printf(card->rq->arena, "%s.%s.%s", dataset->source[0], dataset->source[1], dataset->source[2]);
    if (tl_catalog_details(&apart, card->ask->options.catalog, name, &json) == TL_OK && !buf.failed &&
        tl_json_parse(card->rq->arena, buf.data, buf.size, &details, &apart.err) != TL_OK)
        details = NULL;
    tl_buf_done(&buf);
    return details;
}

static bool has_tag(const tl_json *details, const char *tag)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(details, "tags")); tl_json_next(&it);)
        if (tl_streq(tl_json_text(it.value), tag))
            return true;
    return false;
}

static void put_meaning(struct card *card, size_t index, struct tl_json_writer *json)
{
    const tl_json *details = card->details[index];
    int64_t changed_at_us;
    if (!details)
        return;
    tl_json_pair_bool(json, "curated", has_tag(details, "curated"));
    if (tl_json_int64(tl_json_get(details, "changed_at_us"), &changed_at_us))
        tl_json_pair_int64(json, "changed_at_us", changed_at_us);
    if (tl_json_get(details, "owners")) {
        tl_json_key(json, "owners");
        tl_json_put_value(json, tl_json_get(details, "owners"));
    }
}

static void check_tables(struct card *card)
{
    card->details = TL_NEW_ARRAY(card->rq->arena, const tl_json *, card->proof->model->dataset_count);
    for (size_t i = 0; i < card->proof->model->dataset_count; i++) {
        const tl_json *details = card->proof->sql->used[i] ? details_of(card, &card->proof->model->datasets[i]) : NULL;
        card->details[i] = details;
        if (tl_json_is_object(tl_json_get(details, "deprecated")))
            find(card, WEIGHT_DOUBT, "deprecated", "the table of %s is deprecated", name_of(card, (int)i));
    }
}

static void put_table(struct card *card, size_t index, const tl_registry_snapshot *snapshot, struct tl_json_writer *json)
{
    const struct tl_semantic_dataset *dataset = &card->proof->model->datasets[index];
    const struct tl_source_dataset *table = tl_snapshot_dataset(snapshot, dataset->source[0], dataset->source[1], dataset->source[2]);
    const struct tl_registry_source *source = tl_snapshot_source(snapshot, dataset->source[0]);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "name", tl_arena_printf(card->rq->arena, "%s.%s.%s", dataset->source[0], dataset->source[1], dataset->source[2]));
    tl_json_pair_text(json, "dataset", dataset->name);
    tl_json_pair_text(json, "description", dataset->description);
    tl_json_pair_bool(json, "in_model", true);
    tl_json_pair_bool(json, "sampled", dataset->sampled);
    if (source)
        tl_json_pair_int64(json, "listed_at_us", source->listed_at_us);
    put_meaning(card, index, json);
    if (table)
        put_clearance(card, dataset, table, json);
    tl_json_end_object(json);
}

static void put_tables(struct card *card, struct tl_json_writer *json)
{
    const tl_registry_snapshot *snapshot = tl_registry_acquire(card->ask->options.registry);
    tl_json_key(json, "tables");
    tl_json_begin_array(json);
    for (size_t i = 0; i < card->proof->model->dataset_count; i++)
        if (card->proof->sql->used[i])
            put_table(card, i, snapshot, json);
    tl_json_end_array(json);
    tl_registry_release(snapshot);
}

static void put_parts(struct card *card, struct tl_json_writer *json)
{
    static const char *const names[] = {"rows_in", "rows_joined", "rows_used"};
    tl_json_key(json, "joins");
    tl_json_begin_array(json);
    for (size_t p = 0; p < card->proof->sql->part_count; p++) {
        const struct tl_metric_part *part = &card->proof->sql->parts[p];
        tl_json_begin_object(json);
        tl_json_pair_text(json, "from", name_of(card, part->anchor));
        tl_json_key(json, "to");
        tl_json_begin_array(json);
        for (size_t i = 0; i < part->join_count; i++)
            tl_json_put_text(json, name_of(card, part->joins[i].to));
        tl_json_end_array(json);
        for (int i = 0; i < 3; i++)
            if (card->counts[p][i] >= 0)
                tl_json_pair_int64(json, names[i], card->counts[p][i]);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

static enum weight worst(const struct card *card)
{
    enum weight worst = WEIGHT_NOTE;
    for (size_t i = 0; i < card->finding_count; i++)
        worst = card->findings[i].weight > worst ? card->findings[i].weight : worst;
    return worst;
}

static bool is_sampled(const struct card *card)
{
    for (size_t i = 0; i < card->proof->model->dataset_count; i++)
        if (card->proof->sql->used[i] && card->proof->model->datasets[i].sampled)
            return true;
    return false;
}

static void put_confidence(const struct card *card, struct tl_json_writer *json)
{
    enum weight weight = worst(card);
    tl_json_pair_text(json, "resolution", is_sampled(card) ? "sampled" : "exact");
    tl_json_pair_text(json, "confidence",
                      weight == WEIGHT_WRONG   ? "low: a check failed; do not use this number"
                      : weight == WEIGHT_DOUBT ? "medium: every word of the question has its place, but the result looks odd, see the findings"
                      : is_sampled(card)
                          ? "good for shares and ranks: every word of the question has its place and no row is counted twice, but a table is a sample"
                                               : "high: every word of the question has its place and no row is counted twice");
}

static void put_checks(struct card *card, struct tl_json_writer *json)
{
    static const char *const kinds[] = {"fan_out", "no_partner", "no_rows", "nulls", "period_open", "period_incomplete", "cut", "deprecated"};
    tl_json_key(json, "checks");
    tl_json_begin_array(json);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        bool found = false;
        for (size_t i = 0; i < card->finding_count; i++)
            found = found || tl_streq(card->findings[i].kind, kinds[k]);
        tl_json_begin_object(json);
        tl_json_pair_text(json, "check", kinds[k]);
        tl_json_pair_bool(json, "passed", !found);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    tl_json_key(json, "findings");
    tl_json_begin_array(json);
    for (size_t i = 0; i < card->finding_count; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "kind", card->findings[i].kind);
        tl_json_pair_text(json, "weight", weights[card->findings[i].weight]);
        tl_json_pair_text(json, "text", card->findings[i].text);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

static void tell_card(struct card *card)
{
    const struct tl_proof *proof = card->proof;
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "answered_by", proof->answerer);
    tl_json_pair_bool(&json, "language_model", false);
    tl_json_pair_text(&json, "model", proof->model->name);
    tl_json_pair_text(&json, "reading", proof->reading);
    tl_json_pair_text(&json, "sql", proof->sql->sql);
    tl_json_pair_text(&json, "query_id", proof->result->query_id);
    tl_json_pair_int64(&json, "rows", proof->result->rows);
    tl_json_pair_text(&json, "grain", proof->sql->grain);
    put_texts(&json, "filters", &proof->sql->filters);
    put_tables(card, &json);
    put_parts(card, &json);
    put_texts(&json, "notes", &proof->sql->notes);
    put_checks(card, &json);
    put_confidence(card, &json);
    tl_json_end_object(&json);
    tl_ask_tell(card->sink, "proof", &buf);
    tl_buf_done(&buf);
}

void tl_proof_tell(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const struct tl_proof *proof, const struct tl_ask_sink *sink)
{
    struct card *card = TL_NEW(rq->arena, struct card);
    card->rq = rq;
    card->ask = ask;
    card->turn = turn;
    card->proof = proof;
    card->sink = sink;
    card->counts = tl_arena_alloc(rq->arena, sizeof *card->counts * (proof->sql->part_count + 1));
    for (size_t p = 0; p < proof->sql->part_count; p++) {
        card->counts[p][0] = card->counts[p][1] = card->counts[p][2] = -1;
        check_part(card, p);
    }
    check_period(card);
    check_result(card);
    check_tables(card);
    tell_card(card);
}

/* How well a document answers a query, by what the caller may see of it alone: BM25 over weighted fields. */
#include <math.h>
#include <string.h>

#include "catalog/search_int.h"

/* Weight of a word in the field, and how many words the field has usually; a part is one column. */
static const struct {
    double weight, usual_words;
} fields[] = {
    [TL_SEARCH_EXACT] = {0, 1},  [TL_SEARCH_NAME] = {8, 3},      [TL_SEARCH_CONTEXT] = {4, 3}, [TL_SEARCH_BODY] = {2.5, 15},
    [TL_SEARCH_PART] = {3, 2},   [TL_SEARCH_PART_BODY] = {1, 8}, [TL_SEARCH_SQL] = {0.5, 30},    [TL_SEARCH_LABEL] = {0, 1},
};

static const double saturation = 3, length_share = 0.4;

struct scoring {
    struct srch_query *query;
    const struct tl_search_found *found;
    const tl_json *payload; /* read when it is first needed */
    bool looked;
    struct srch_sight sight;
    double weights[TL_SEARCH_QUERY_WORDS_MAX]; /* of each term over all fields */
    double best_part;                          /* share of the query that one column has */
    unsigned in_name;
};

/* Who governs a table sees what there is to decide about; the others see what they may read. */
void srch_sight_make(const struct srch_query *query, const tl_json *payload, struct srch_sight *ret_sight)
{
    const tl_json *columns = tl_json_get(payload, "columns");
    tl_arena *arena = query->rq->arena;
    struct tl_access_need need = {.source = tl_json_get_text(payload, "source"), .schema = tl_json_get_text(payload, "schema"),
                                  .table = tl_json_get_text(payload, "table"), .access = TL_ACCESS_READ, .column_count = tl_json_count(columns)};
    const char *owner = tl_json_get_text(payload, "view_owner"), **names = TL_NEW_ARRAY(arena, const char *, need.column_count);
    bool *visible = TL_NEW_ARRAY(arena, bool, need.column_count);
    struct tl_grant_scope scope = {.source = need.source, .schema = need.schema, .table = need.table};
    size_t at = 0;
    *ret_sight = (struct srch_sight){.columns = visible, .column_count = need.column_count};
    if (!need.table)
        return;
    if (tl_lifeguard_governs(query->rq, query->lifeguard, &scope)) {
        ret_sight->sql = owner != NULL;
        memset(visible, true, need.column_count * sizeof *visible);
        return;
    }
    for (struct tl_json_iter it = tl_json_iter(columns); tl_json_next(&it);)
        names[at++] = tl_json_text(it.value) ? tl_json_text(it.value) : "";
    need.columns = names;
    tl_lifeguard_visible(query->rq, query->lifeguard, &need, visible);
    ret_sight->sql = owner && query->rq->principal && tl_streq(query->rq->principal->user, owner);
}

static const struct srch_sight *look(struct scoring *scoring)
{
    if (!scoring->looked) {
        struct tl_err err;
        tl_err_init(&err);
        scoring->looked = true; /* what cannot be read shows nothing */
        if (tl_json_parse(scoring->query->rq->arena, scoring->found->payload.data, scoring->found->payload.size, &scoring->payload, &err) == TL_OK)
            srch_sight_make(scoring->query, scoring->payload, &scoring->sight);
    }
    return &scoring->sight;
}

/* Before a word of it is compared. */
static bool may_read_page(struct scoring *scoring)
{
    struct srch_query *query = scoring->query;
    struct tl_err err;
    tl_err_init(&err);
    return query->catalog &&
           tl_json_parse(query->rq->arena, scoring->found->payload.data, scoring->found->payload.size, &scoring->payload, &err) == TL_OK &&
           cat_page_visible(query->rq, query->catalog, scoring->payload);
}

static bool may_see(struct scoring *scoring, enum tl_search_field field, size_t line)
{
    if (field == TL_SEARCH_SQL)
        return look(scoring)->sql;
    if (field != TL_SEARCH_PART && field != TL_SEARCH_PART_BODY)
        return true;
    const struct srch_sight *sight = look(scoring);
    return line < sight->column_count && sight->columns[line];
}

/* Words of one text (a column's, a field's): per term the best weight of its alternatives that are whole here. */
struct reading {
    double best[TL_SEARCH_QUERY_WORDS_MAX];
    int times[TL_SEARCH_QUERY_WORDS_MAX];
    size_t words;
    bool any;
};

static void take_stem(struct srch_query *query, struct reading *reading, const char *stem, size_t size)
{
    reading->words++;
    for (const struct srch_place *use = srch_query_use(query, stem, size); use; use = srch_query_next(query, use)) {
        struct srch_alternative *alternative = &query->terms[use->term].alternatives[use->alternative];
        alternative->seen |= 1u << use->word;
        if (alternative->seen != (1u << alternative->word_count) - 1)
            continue;
        reading->any = true;
        reading->times[use->term]++;
        if (alternative->weight > reading->best[use->term])
            reading->best[use->term] = alternative->weight;
    }
}

static void forget_seen(struct srch_query *query)
{
    for (size_t t = 0; t < query->term_count; t++)
        for (size_t a = 0; a < query->terms[t].count; a++)
            query->terms[t].alternatives[a].seen = 0;
}

static void read_text(struct srch_query *query, struct tl_str text, struct reading *ret_reading)
{
    size_t at = 0;
    *ret_reading = (struct reading){0};
    while (at < text.size) {
        const char *end = memchr(text.data + at, ' ', text.size - at);
        size_t size = end ? (size_t)(end - text.data) - at : text.size - at;
        if (size)
            take_stem(query, ret_reading, text.data + at, size);
        at += size + 1;
    }
    if (ret_reading->any)
        forget_seen(query);
}

static double weight_of(enum tl_search_field field, const struct reading *reading, size_t term)
{
    double length = 1 - length_share + length_share * (double)reading->words / fields[field].usual_words;
    return fields[field].weight * reading->best[term] * (1 + 0.2 * log((double)reading->times[term])) / length;
}

static void score_field(struct scoring *scoring, enum tl_search_field field)
{
    struct reading reading;
    read_text(scoring->query, scoring->found->stems[field], &reading);
    if (!reading.any || !may_see(scoring, field, 0))
        return;
    for (size_t t = 0; t < scoring->query->term_count; t++) {
        if (!reading.times[t])
            continue;
        scoring->weights[t] += weight_of(field, &reading, t);
        if (field == TL_SEARCH_NAME)
            scoring->in_name |= 1u << t;
    }
}

static double rarity_of(const struct srch_query *query, unsigned terms)
{
    double sum = 0;
    for (size_t t = 0; t < query->term_count; t++)
        sum += terms & 1u << t ? query->terms[t].rarity : 0;
    return sum;
}

/* Columns: the best one of each word counts, and one that has several words of the query. */
static void score_parts(struct scoring *scoring, enum tl_search_field field)
{
    struct srch_query *query = scoring->query;
    struct tl_str text = scoring->found->stems[field];
    double best[TL_SEARCH_QUERY_WORDS_MAX] = {0};
    double whole = rarity_of(query, ~0u);
    for (size_t line = 0; text.size; line++) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        struct reading reading;
        unsigned matched = 0;
        read_text(query, (struct tl_str){text.data, size}, &reading);
        for (size_t t = 0; reading.any && t < query->term_count && may_see(scoring, field, line); t++) {
            double weight = reading.times[t] ? weight_of(field, &reading, t) : 0;
            best[t] = weight > best[t] ? weight : best[t];
            matched |= reading.times[t] ? 1u << t : 0;
        }
        double share = rarity_of(query, matched) / whole;
        if (field == TL_SEARCH_PART && share > scoring->best_part && (matched & (matched - 1)))
            scoring->best_part = share;
        size += end ? 1 : 0;
        text = (struct tl_str){text.data + size, text.size - size};
    }
    for (size_t t = 0; t < query->term_count; t++)
        scoring->weights[t] += best[t];
}

/* Is one of the names, in one piece, what was typed? */
static bool is_exact(const struct srch_query *query, const struct tl_search_found *found)
{
    struct tl_str names = found->stems[TL_SEARCH_EXACT];
    while (*query->joined[0] && names.size) {
        const char *end = memchr(names.data, ' ', names.size);
        size_t size = end ? (size_t)(end - names.data) : names.size;
        struct tl_str name = {names.data + strlen(TL_SEARCH_EXACT_MARK), size - strlen(TL_SEARCH_EXACT_MARK)};
        for (int i = 0; i < 2; i++)
            if (tl_str_equal(name, tl_str_of(query->joined[i])))
                return true;
        size += end ? 1 : 0;
        names = (struct tl_str){names.data + size, names.size - size};
    }
    return false;
}

static double quality_of(int tier)
{
    return tier == TL_SEARCH_TIERS - 1 ? 0.5 : 1.15 - 0.02 * tier; /* the last is of what is deprecated */
}

static size_t count_words(struct tl_str stems)
{
    size_t count = stems.size > 0;
    for (size_t i = 0; i < stems.size; i++)
        count += stems.data[i] == ' ';
    return count;
}

double srch_score(struct srch_query *query, const struct tl_search_found *found, unsigned *ret_matched)
{
    struct scoring scoring = {.query = query, .found = found};
    double score = 0;
    *ret_matched = 0;
    if (tl_str_equal(found->kind, TL_STR("page")) && !may_read_page(&scoring))
        return 0;
    if (query->term_count == 0)
        return quality_of(found->tier);
    for (int field = TL_SEARCH_NAME; field < TL_SEARCH_LABEL; field++)
        if (field == TL_SEARCH_PART || field == TL_SEARCH_PART_BODY)
            score_parts(&scoring, (enum tl_search_field)field);
        else
            score_field(&scoring, (enum tl_search_field)field);
    for (size_t t = 0; t < query->term_count; t++) {
        if (scoring.weights[t] <= 0)
            continue;
        *ret_matched |= 1u << t;
        score += query->terms[t].rarity * scoring.weights[t] / (scoring.weights[t] + saturation);
    }
    bool exact = is_exact(query, found);
    if (!*ret_matched && !exact)
        return 0;
    double whole = rarity_of(query, ~0u), covered = rarity_of(query, *ret_matched) / whole;
    score *= covered * covered * (1 + 0.25 * scoring.best_part);
    size_t name_words = count_words(found->stems[TL_SEARCH_NAME]);
    if (name_words && scoring.in_name)
        score *= 1 + 0.3 * (double)__builtin_popcount(scoring.in_name) / (double)(name_words > query->term_count ? name_words : query->term_count);
    if (exact)
        score = (score > 0 ? score : whole * 0.5) * 1.5;
    return score * quality_of(found->tier);
}

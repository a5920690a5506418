/* Which documents to look at: by narrower conditions first, each in the order of the tiers and ended early. */
#include <stdlib.h>
#include <string.h>

#include "catalog/search_int.h"

enum { AT_ONCE = 128, ROUNDS_MAX = 2, WANTED_ALL = 80, WANTED_SOME = 24, ENOUGH = 12, LOOKED_AT_MAX = 400, QUERY_BYTES_MAX = 256 * 1024 };

static bool is_new(struct srch_hits *hits, int64_t id)
{
    size_t at = (size_t)((uint64_t)id * 0x9E3779B97F4A7C15u >> 32) & (SRCH_SEEN_PLACES - 1);
    for (; hits->seen[at]; at = (at + 1) & (SRCH_SEEN_PLACES - 1))
        if (hits->seen[at] == id)
            return false;
    if (hits->seen_count >= LOOKED_AT_MAX)
        return false; /* that is how far a search looks */
    hits->seen[at] = id;
    hits->seen_count++;
    return true;
}

struct judging {
    struct srch_query *query;
    struct srch_hits *hits;
    int64_t id;
    bool hit;
};

static enum tl_code judge(void *context, const struct tl_search_found *found, struct tl_err *err)
{
    struct judging *judging = context;
    unsigned matched;
    (void)err;
    double score = srch_score(judging->query, found, &matched);
    if (score <= 0 || judging->hits->count == SRCH_HITS_MAX)
        return TL_OK;
    judging->hits->hits[judging->hits->count++] = (struct srch_hit){judging->id, score, matched};
    judging->hit = true;
    for (size_t t = 0; t < judging->query->term_count; t++)
        if (matched & 1u << t)
            judging->query->terms[t].found = true;
    return TL_OK;
}

static void put_labels(const struct srch_query *query, struct tl_buf *condition)
{
    const struct tl_search_query *asked = query->asked;
    const struct {
        const char *name, *value;
    } labels[] = {{"source", asked->source}, {"tag", asked->tag}, {"owner", asked->owner}, {"domain", asked->domain}, {"kind", asked->kind},
                  {"curated", asked->curated ? "yes" : NULL}};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (labels[i].value && *labels[i].value)
            tl_search_term_label(condition, labels[i].name, labels[i].value);
}

static void put_term(const struct srch_term *term, enum tl_search_place place, struct tl_buf *condition)
{
    tl_search_term_begin(condition);
    for (size_t a = 0; a < term->count; a++)
        tl_search_term_words(condition, place, term->alternatives[a].stems);
    tl_search_term_end(condition);
}

/* Documents that have all of these terms in that place, until `wanted` are seen that the caller may see match. */
static enum tl_code gather(struct srch_query *query, struct srch_hits *hits, unsigned terms, enum tl_search_place place, size_t wanted,
                            struct tl_err *err)
{
    struct tl_buf condition;
    int64_t ids[AT_ONCE], after = 0;
    size_t count = AT_ONCE, got = 0;
    enum tl_code code = TL_OK;
    tl_buf_init(&condition, QUERY_BYTES_MAX);
    for (size_t t = 0; t < query->term_count; t++)
        if (terms & 1u << t)
            put_term(&query->terms[t], place, &condition);
    put_labels(query, &condition);
    for (int round = 0; code == TL_OK && condition.size && count == AT_ONCE && got < wanted && round < ROUNDS_MAX; round++) {
        code = tl_search_find(query->tx, &condition, after, AT_ONCE, ids, &count, err);
        for (size_t i = 0; code == TL_OK && i < count && got < wanted; i++) {
            struct judging judging = {query, hits, ids[i], false};
            after = ids[i];
            if (is_new(hits, ids[i]))
                code = tl_search_load(query->tx, ids[i], judge, &judging, err);
            got += judging.hit;
        }
    }
    tl_buf_done(&condition);
    return code;
}

/* The name as it was typed, "dim.customers": one condition, whatever the words. */
static enum tl_code gather_exact(struct srch_query *query, struct srch_hits *hits, struct tl_err *err)
{
    struct tl_buf condition;
    int64_t ids[AT_ONCE];
    size_t count = 0;
    if (!*query->joined[0])
        return TL_OK;
    tl_buf_init(&condition, QUERY_BYTES_MAX);
    tl_search_term_begin(&condition);
    tl_search_term_words(&condition, TL_SEARCH_AS_NAME, query->joined[0]);
    tl_search_term_words(&condition, TL_SEARCH_AS_NAME, query->joined[1]);
    tl_search_term_end(&condition);
    put_labels(query, &condition);
    enum tl_code code = tl_search_find(query->tx, &condition, 0, 64, ids, &count, err);
    for (size_t i = 0; code == TL_OK && i < count; i++) {
        struct judging judging = {query, hits, ids[i], false};
        if (is_new(hits, ids[i]))
            code = tl_search_load(query->tx, ids[i], judge, &judging, err);
    }
    tl_buf_done(&condition);
    return code;
}

/* Where too few have all words: those that have all but one, then those with one. */
static enum tl_code gather_less(struct srch_query *query, struct srch_hits *hits, unsigned all, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    for (size_t t = 0; code == TL_OK && t < query->term_count && query->term_count > 2 && hits->count < 2 * ENOUGH; t++)
        code = gather(query, hits, all & ~(1u << t), TL_SEARCH_ANYWHERE, WANTED_SOME, err);
    for (size_t t = 0; code == TL_OK && t < query->term_count && hits->count < ENOUGH; t++) {
        code = gather(query, hits, 1u << t, TL_SEARCH_IN_NAME, WANTED_SOME / 2, err);
        if (code == TL_OK && hits->count < ENOUGH)
            code = gather(query, hits, 1u << t, TL_SEARCH_ANYWHERE, WANTED_SOME / 2, err);
    }
    return code;
}

static enum tl_code gather_all(struct srch_query *query, struct srch_hits *hits, struct tl_err *err)
{
    unsigned all = (1u << query->term_count) - 1;
    enum tl_code code = gather_exact(query, hits, err);
    if (code == TL_OK)
        code = gather(query, hits, all, TL_SEARCH_IN_NAME, WANTED_ALL, err);
    if (code == TL_OK)
        code = gather(query, hits, all, TL_SEARCH_ANYWHERE, WANTED_ALL, err);
    if (code == TL_OK && query->term_count > 1 && hits->count < ENOUGH)
        code = gather_less(query, hits, all, err);
    return code;
}

static int compare_hits(const void *a, const void *b)
{
    const struct srch_hit *left = a, *right = b;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

enum tl_code srch_find(struct srch_query *query, struct srch_hits *hits, struct tl_err *err)
{
    bool more = false;
    enum tl_code code = gather_all(query, hits, err);
    if (code == TL_OK)
        code = srch_query_correct(query, &more, err);
    if (code == TL_OK && more) {
        memset(hits, 0, sizeof *hits);
        code = gather_all(query, hits, err);
    }
    qsort(hits->hits, hits->count, sizeof *hits->hits, compare_hits);
    return code;
}

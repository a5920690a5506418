/* skipper/planner.h -- a question in words becomes a metric query by the names that the models give, without any model of language.
 *
 * Why: what falls on curated metrics needs no guess, so it should need no key, no network and no luck: the same words give the same
 *   query, and the reading is told beside the answer.
 * How: words are matched, longest first, with names, synonyms and values of the model, with times and with a small grammar
 *   (by, top, without, more than, compared with ..).  A word of content that has no place is never passed over: then the question
 *   is refused, the word is named, and what could be asked is said.
 * Follow-ups change the query before: "now by region", "without internal accounts", "and the month before?".
 * Owns: all results live in the arena.  Threads: pure.  Bounds: TL_QUESTION_BYTES_MAX, TL_QUESTION_WORDS_MAX.
 */
#ifndef TL_SKIPPER_PLANNER_H
#define TL_SKIPPER_PLANNER_H

#include "skipper/metric.h"

enum { TL_QUESTION_BYTES_MAX = 4096, TL_QUESTION_WORDS_MAX = 200, TL_PLAN_UNPLACED_MAX = 16, TL_PLAN_HINTS_MAX = 8 };

struct tl_plan_request {
    const tl_semantic *model;
    struct tl_str question;
    const struct tl_metric_query *before; /* of this conversation, NULL = none */
    int64_t now_us;
    /* Values of a field that the asker may see, for words that nothing else places; NULL = not looked up. */
    struct tl_texts (*members)(void *context, const tl_semantic *model, int dataset, int field);
    void *context;
};

struct tl_plan {
    bool understood;
    bool follow_up;
    struct tl_metric_query query;
    const char *reading; /* "revenue by customer, ..": how the question was read */
    const char *refusal; /* when it was not: why, and the words */
    struct tl_texts unplaced;
    struct tl_texts hints; /* what could be asked instead */
};

void tl_plan_question(tl_arena *arena, const struct tl_plan_request *request, struct tl_plan *ret_plan);

/* "revenue by customer, 2026-08-01 to 2026-10-31 (last quarter), top 10" */
const char *tl_plan_reading(tl_arena *arena, const tl_semantic *model, const struct tl_metric_query *query);

#endif

/* skipper/planner_int.h -- the parts of the planner: words, phrases of the model, times, and the grammar over them. */
#ifndef TL_SKIPPER_PLANNER_INT_H
#define TL_SKIPPER_PLANNER_INT_H

#include "skipper/planner.h"

enum { TL_PHRASE_WORDS_MAX = 6, TL_MEANINGS_MAX = 12, TL_WORD_SIZE = 64 };
#define TL_DAY_US INT64_C(86400000000)

/* One word: folded to lower case, as it was written, and without the ending of a plural. */
struct tl_word {
    const char *text, *raw, *stem;
    bool number; /* text is one: "100" of "$100" and "1,000" */
};

size_t tl_words_cut(tl_arena *arena, struct tl_str text, struct tl_word *words, size_t most);

enum tl_meaning_kind { TL_MEANS_METRIC, TL_MEANS_DATASET, TL_MEANS_FIELD, TL_MEANS_VALUE };
struct tl_meaning {
    enum tl_meaning_kind kind;
    int metric, dataset, field;
    const char *value;
};

struct tl_phrase {
    size_t word_count;
    const char *stems[TL_PHRASE_WORDS_MAX];
    struct tl_meaning meaning;
};

struct tl_phrases {
    tl_arena *arena;
    size_t count, capacity;
    struct tl_phrase *items;
};
void tl_phrases_of_model(tl_arena *arena, const tl_semantic *model, struct tl_phrases *ret_phrases);
void tl_phrases_add(struct tl_phrases *phrases, const char *text, struct tl_meaning meaning);
/* The longest phrase that begins at words[at]: its length in words, 0 = none.  All its meanings. */
size_t tl_phrases_match(const struct tl_phrases *phrases, const struct tl_word *words, size_t at, size_t count, struct tl_meaning *ret_meanings,
                        size_t *ret_meaning_count);

/* --- times --- */

enum tl_time_kind { TL_TIME_PERIOD, TL_TIME_SHIFT, TL_TIME_GRAIN };
struct tl_time_phrase {
    enum tl_time_kind kind;
    struct tl_period period; /* PERIOD */
    enum tl_time_grain grain; /* GRAIN */
};
/* A phrase of time that begins at words[at]: its length in words, 0 = none. */
size_t tl_time_match(tl_arena *arena, const tl_semantic *model, int64_t now_us, const struct tl_word *words, size_t at, size_t count,
                     struct tl_time_phrase *ret_phrase);
/* The period of the same length before: whole months where it is made of such. */
struct tl_period tl_period_before(tl_arena *arena, const struct tl_period *period);

/* --- the grammar's own words --- */

enum tl_cue {
    TL_CUE_NONE, TL_CUE_BY, TL_CUE_TOP, TL_CUE_BEST, TL_CUE_BOTTOM, TL_CUE_MOST, TL_CUE_LEAST, TL_CUE_WITHOUT, TL_CUE_INCLUDING, TL_CUE_HOW_MANY,
        TL_CUE_LIST, TL_CUE_WHICH,
    TL_CUE_WHO, TL_CUE_CHANGE, TL_CUE_VERSUS, TL_CUE_AND, TL_CUE_COMMA, TL_CUE_OR, TL_CUE_FOLLOW, TL_CUE_IN_TOP, TL_CUE_GREATER, TL_CUE_AT_LEAST, TL_CUE_LESS,
        TL_CUE_AT_MOST, TL_CUE_EQUAL,
    TL_CUE_NO_LIMIT, TL_CUE_FILLER,
};
size_t tl_cue_match(const struct tl_word *words, size_t at, size_t count, enum tl_cue *ret_cue);

/* --- items: what the words of a question are --- */

enum tl_item_kind { TL_ITEM_CUE, TL_ITEM_MEANING, TL_ITEM_TIME, TL_ITEM_NUMBER, TL_ITEM_UNKNOWN };
struct tl_item {
    enum tl_item_kind kind;
    size_t first_word, word_count;
    enum tl_cue cue;
    size_t meaning_count;
    struct tl_meaning meanings[TL_MEANINGS_MAX];
    struct tl_time_phrase time;
    const char *number;
};

struct tl_planner {
    tl_arena *arena;
    const struct tl_plan_request *request;
    const tl_semantic *model;
    struct tl_plan *plan;
    size_t word_count;
    struct tl_word words[TL_QUESTION_WORDS_MAX];
    size_t item_count;
    struct tl_item items[TL_QUESTION_WORDS_MAX];
    const char *unplaced[TL_PLAN_UNPLACED_MAX];
    size_t unplaced_count;
};

const struct tl_meaning *tl_item_meaning(const struct tl_item *item, enum tl_meaning_kind kind);
/* Reads the items into plan->query; false: plan->refusal, or words that have no place. */
bool tl_planner_interpret(struct tl_planner *planner);
void tl_planner_unplaced(struct tl_planner *planner, const struct tl_item *item);
TL_PRINTF(2, 3)
bool tl_planner_refuse(struct tl_planner *planner, const char *format, ...);
void tl_planner_hints(struct tl_planner *planner);

#endif

/* skipper/ask_int.h -- parts of the asking: private to skipper/. */
#ifndef TL_SKIPPER_ASK_INT_H
#define TL_SKIPPER_ASK_INT_H

#include "skipper/ask.h"
#include "skipper/proof.h"

struct tl_ask {
    tl_arena *arena;
    struct tl_ask_options options;
    size_t model_count;
    const tl_semantic **models;
    size_t answerer_count;
    struct tl_answerer answerers[TL_ASK_ANSWERERS_MAX];
};

/* A statement that is not told: checks, and values that a question may name. */
typedef void (*tl_ask_row)(void *context, const struct tl_batch *batch, size_t row);
TL_CHECKED enum tl_code tl_ask_quietly(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const char *sql, tl_ask_row row, void *context);

TL_CHECKED enum tl_code tl_ask_by_planner(void *context, struct tl_request *rq, const struct tl_ask_turn *turn, const struct tl_ask_sink *sink,
                                          struct tl_ask_outcome *ret_outcome);

/* --- conversations --- */
TL_CHECKED enum tl_code tl_ask_begin_turn(struct tl_request *rq, tl_ask *ask, const struct tl_ask_question *question, struct tl_ask_turn *ret_turn);
void tl_ask_end_turn(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const char *answerer, const struct tl_ask_outcome *outcome);

#endif

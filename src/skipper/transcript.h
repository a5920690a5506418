/* skipper/transcript.h -- answers of a model kept in a file, a line of JSON each, so that they can be given again without it.
 *
 * Why: an evaluation that runs in every build cannot pay for a model, and must see the same answer each time.
 * Key of an answer: the last question in the conversation, and how many messages of the model came since.  Results of tools are not
 *   part of it, because data changes.
 * Handles: a tool that answers with one short text (the id of a query) answers with another one each time.  Such texts are kept
 *   ("saw"), and in arguments that are given again each is replaced by what the same call has answered now.
 * Form: {"question": "..", "step": 0, "end": "calls", "parts": [{"text": ".."}, {"call": "id", "name": "..", "arguments": ".."}],
 *   "saw": {"id": ".."}, "usage": {"input": 1, "cached": 0, "output": 1}}
 * Bounds: a file of TL_TRANSCRIPT_BYTES_MAX.
 */
#ifndef TL_SKIPPER_TRANSCRIPT_H
#define TL_SKIPPER_TRANSCRIPT_H

#include "skipper/model.h"

enum { TL_TRANSCRIPT_BYTES_MAX = 64 << 20 };

/* What an answer is found by: in the request's own memory. */
void tl_transcript_key(const struct tl_model_request *request, struct tl_str *ret_question, size_t *ret_step);
/* Adds one line; the file is made for its owner alone.  Thinking is left out.  Lines of several threads do not mix. */
TL_CHECKED enum tl_code tl_transcript_append(const char *path, const struct tl_model_request *request, const struct tl_model_answer *answer,
                                             struct tl_err *err);

typedef struct tl_transcript tl_transcript;
/* TL_CONFIG with path:line when a line is not of the form. */
TL_CHECKED enum tl_code tl_transcript_open(const char *path, tl_transcript **ret_transcript, struct tl_err *err);
tl_transcript *tl_transcript_free(tl_transcript *transcript);
/* TL_NOT_FOUND: no such question, or none so far on.  The answer lives in the transcript and the arena.  Of several the first. */
TL_CHECKED enum tl_code tl_transcript_find(const tl_transcript *transcript, tl_arena *arena, const struct tl_model_request *request,
                                           struct tl_model_answer *ret_answer, struct tl_err *err);

#endif

/* models/models.h -- the drivers of skipper/model.h.
 *
 * openai: chat completions (POST BASE/chat/completions) as OpenAI, Workers AI, vLLM, Ollama, llama.cpp and many others speak it.
 *   Taken as they come: calls without an index or an id, whole calls in one piece, arguments as an object, "stop" for the end of a
 *   message with calls, usage in the last chunk, in each or in none, no [DONE], a whole JSON answer where a stream was asked for.
 * anthropic: messages (POST BASE/v1/messages); thinking goes back as it came.
 * replay: answers from a file (skipper/transcript.h); for evaluations that run without a model.
 */
#ifndef TL_MODELS_MODELS_H
#define TL_MODELS_MODELS_H

#include "skipper/model.h"

extern const struct tl_model_driver tl_model_openai, tl_model_anthropic, tl_model_replay;

/* NULL when there is none of this name. */
const struct tl_model_driver *tl_model_driver_find(const char *name);

#endif

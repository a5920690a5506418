/* Answers from a file, and the list of drivers. */
#include "models/models_int.h"
#include "skipper/transcript.h"

static enum tl_code open_file(const struct tl_model_options *options, void **ret_state, struct tl_err *err)
{
    tl_transcript *transcript;
    if (!options->file[0]) {
        tl_err_set(err, TL_CONFIG, "models.transcript is empty: from which file shall be answered?");
        tl_err_hint(err, "models.record makes one against a model that answers");
        return TL_CONFIG;
    }
    enum tl_code code = tl_transcript_open(options->file, &transcript, err);
    if (code == TL_OK)
        *ret_state = transcript;
    return code;
}

static enum tl_code ask(void *state, tl_arena *arena, const struct tl_model_request *request, struct tl_model_answer *answer, struct tl_err *err)
{
    struct tl_err missing;
    tl_err_init(&missing);
    if (tl_transcript_find(state, arena, request, answer, &missing) != TL_OK)
        return models_fail(answer, TL_MODEL_BAD_REQUEST, err, "%s", missing.message);
    for (size_t i = 0; i < answer->message.part_count; i++)
        if (answer->message.parts[i].kind == TL_MODEL_TEXT && request->sink.text) {
            answer->was_shown = true;
            request->sink.text(request->sink.context, answer->message.parts[i].text);
        }
    return TL_OK;
}

static void close_file(void *state)
{
    tl_transcript_free(state);
}

const struct tl_model_driver tl_model_replay = {
    .name = "replay",
    .base_url = "",
    .recorded = true,
    .open = open_file,
    .ask = ask,
    .close = close_file,
};

const struct tl_model_driver *tl_model_driver_find(const char *name)
{
    static const struct tl_model_driver *const drivers[] = {&tl_model_openai, &tl_model_anthropic, &tl_model_replay};
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (tl_streq(drivers[i]->name, name))
            return drivers[i];
    return NULL;
}

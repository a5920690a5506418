/* Commands of several actions: `townlake token create NAME`. */
#include <string.h>
#include <time.h>

#include "cli/cli_int.h"

enum { ARENA_MAX = 256 * 1024 * 1024, PATH_BYTES_MAX = 16 * 1024 };

static int most_words(const struct tl_cli_action *actions, size_t count)
{
    int most = 0;
    for (size_t i = 0; i < count; i++)
        most = actions[i].word_count == TL_CLI_MANY_WORDS ? TL_CLI_ACTION_WORDS_MAX : actions[i].word_count > most ? actions[i].word_count : most;
    return most + 1; /* and the action's own */
}

static const struct tl_cli_action *find(const struct tl_cli_action *actions, size_t count, const char *const *words, int word_count)
{
    for (size_t i = 0; i < count && word_count > 0; i++)
        if (strcmp(actions[i].word, words[0]) == 0 &&
            (word_count == actions[i].word_count + 1 || (actions[i].word_count == TL_CLI_MANY_WORDS && word_count > 1)))
            return &actions[i];
    return NULL;
}

int tl_cli_act(const char *command, int argc, char **argv, const struct tl_cli_action *actions, size_t count)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    const char *words[TL_CLI_ACTION_WORDS_MAX + 1];
    int option_count, word_count;
    int status = tl_cli_parse(command, argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, words, &word_count,
                              most_words(actions, count));
    if (status >= 0)
        return status;
    const struct tl_cli_action *action = find(actions, count, words, word_count);
    if (!action) {
        fprintf(stderr, "usage: townlake %s %s\n", command, tl_cli_command(command)->usage);
        return 2;
    }
    struct tl_cli_job job = {
        .arena = tl_arena_new(ARENA_MAX), .options = options, .option_count = option_count, .words = words + 1, .word_count = word_count - 1,
        .c = tl_cli_colours(stdout)};
    tl_err_init(&job.err);
    tl_cli_client_init(&job.client, options, option_count);
    action->run(&job);
    status = job.err.code == TL_OK ? 0 : tl_code_info(job.err.code)->exit_status;
    if (job.err.code != TL_OK)
        tl_cli_print_err(&job.err, NULL);
    tl_cli_client_done(&job.client);
    tl_arena_free(job.arena);
    return status;
}

const char *tl_cli_job_option(const struct tl_cli_job *job, const char *name)
{
    return tl_cli_option(job->options, job->option_count, name, NULL);
}

const tl_json *tl_cli_job_call(struct tl_cli_job *job, const char *method, const char *path, const char *body)
{
    const tl_json *answer = NULL;
    if (tl_cli_call(&job->client, job->arena, method, path, tl_str_of(body ? body : ""), &answer, &job->err) != TL_OK)
        return NULL;
    return answer;
}

const char *tl_cli_with_parameter(struct tl_cli_job *job, const char *path, const char *name, const char *value)
{
    struct tl_buf longer;
    if (!value)
        return path;
    tl_buf_init(&longer, PATH_BYTES_MAX);
    tl_buf_addf(&longer, "%s%c%s=", path, strchr(path, '?') ? '&' : '?', name);
    tl_http_encode(&longer, value);
    const char *copy = tl_arena_strdup(job->arena, tl_buf_cstr(&longer));
    tl_buf_done(&longer);
    return copy;
}

const char *tl_cli_text(const tl_json *object, const char *key)
{
    const char *text = tl_json_get_text(object, key);
    return text ? text : "";
}

const char *tl_cli_time_or(tl_arena *arena, const tl_json *object, const char *key, const char *fallback)
{
    int64_t time_us = 0;
    struct tm parts;
    char text[32];
    if (!tl_json_int64(tl_json_get(object, key), &time_us) || time_us <= 0)
        return fallback;
    time_t seconds = (time_t)(time_us / 1000000);
    if (!gmtime_r(&seconds, &parts) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts))
        return fallback;
    return tl_arena_strdup(arena, text);
}

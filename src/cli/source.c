/* townlake source: list, kinds, add, test, refresh, remove. */
#include <string.h>

#include "cli/cli_int.h"

enum { BODY_MAX = 1024 * 1024, PATH_BYTES_MAX = 8192 };

static const char *source_path(struct tl_cli_job *job, const char *action)
{
    struct tl_buf path;
    tl_buf_init(&path, PATH_BYTES_MAX);
    tl_buf_adds(&path, "/api/v1/sources/");
    tl_http_encode(&path, job->words[0]);
    tl_buf_adds(&path, action);
    const char *copy = tl_arena_strdup(job->arena, tl_buf_cstr(&path));
    tl_buf_done(&path);
    return copy;
}

static void list(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", "/api/v1/sources", NULL);
    struct tl_cli_colours c = job->c;
    if (!answer)
        return;
    printf("%s%-16s %-11s %-8s %9s  %s%s\n", c.bold, "name", "kind", "state", "datasets", "comment", c.off);
    for (struct tl_json_iter source = tl_json_iter(tl_json_get(answer, "sources")); tl_json_next(&source);) {
        const char *state = tl_cli_text(source.value, "state"), *failure = tl_json_get_text(source.value, "failure");
        int64_t datasets = 0;
        tl_json_int64(tl_json_get(source.value, "datasets"), &datasets);
        const char *colour = strcmp(state, "ready") == 0 ? c.green : strcmp(state, "failed") == 0 ? c.red : c.yellow;
        printf("%-16s %-11s %s%-8s%s %9lld  %s\n", tl_cli_text(source.value, "name"), tl_cli_text(source.value, "kind"), colour,
               state, c.off, (long long)datasets, tl_cli_text(source.value, "comment"));
        if (failure)
            printf("  %s%s%s\n", c.red, failure, c.off);
        if (failure && tl_json_get_text(source.value, "hint"))
            printf("  %shint:%s %s\n", c.yellow, c.off, tl_json_get_text(source.value, "hint"));
    }
}

static void kinds(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", "/api/v1/source-kinds", NULL);
    struct tl_cli_colours c = job->c;
    if (!answer)
        return;
    for (struct tl_json_iter kind = tl_json_iter(tl_json_get(answer, "kinds")); tl_json_next(&kind);) {
        printf("%s%s%s: %s\n", c.bold, tl_cli_text(kind.value, "kind"), c.off, tl_cli_text(kind.value, "summary"));
        for (struct tl_json_iter option = tl_json_iter(tl_json_get(kind.value, "options")); tl_json_next(&option);) {
            const char *fallback = tl_json_get_text(option.value, "default");
            printf("  %s%-18s%s %s", c.cyan, tl_cli_text(option.value, "name"), c.off, tl_cli_text(option.value, "help"));
            if (tl_json_bool(tl_json_get(option.value, "required"), false))
                printf(" (required)");
            if (tl_json_bool(tl_json_get(option.value, "secret"), false))
                printf(" (secret: env:NAME or file:PATH)");
            if (fallback && *fallback)
                printf(" [%s]", fallback);
            printf("\n");
        }
    }
}

static bool write_body(struct tl_cli_job *job, struct tl_buf *body)
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "name", job->words[0]);
    tl_json_pair_text(&json, "kind", tl_cli_job_option(job, "--kind"));
    tl_json_pair_text(&json, "comment", tl_cli_job_option(job, "--comment"));
    tl_json_key(&json, "options");
    tl_json_begin_object(&json);
    for (int i = 0; i < job->option_count; i++) {
        if (strcmp(job->options[i].name, "--option") != 0)
            continue;
        const char *equals = strchr(job->options[i].value, '=');
        if (!equals) {
            tl_err_set(&job->err, TL_INVALID_ARGUMENT, "--option needs NAME=VALUE, not \"%s\"", job->options[i].value);
            return false;
        }
        tl_json_pair_text(&json, tl_arena_strndup(job->arena, job->options[i].value, (size_t)(equals - job->options[i].value)), equals + 1);
    }
    tl_json_end_object(&json);
    tl_json_end_object(&json);
    return true;
}

static void print_state(const struct tl_cli_job *job, const tl_json *source)
{
    struct tl_cli_colours c = job->c;
    const char *failure = tl_json_get_text(source, "failure");
    int64_t datasets = 0;
    tl_json_int64(tl_json_get(source, "datasets"), &datasets);
    printf("%s: %s, %lld datasets\n", tl_cli_text(source, "name"), tl_cli_text(source, "state"), (long long)datasets);
    if (failure)
        printf("%s%s%s\n", c.red, failure, c.off);
    if (failure && tl_json_get_text(source, "hint"))
        printf("%shint:%s %s\n", c.yellow, c.off, tl_json_get_text(source, "hint"));
}

static void add(struct tl_cli_job *job)
{
    struct tl_buf body;
    tl_buf_init(&body, BODY_MAX);
    if (!tl_cli_job_option(job, "--kind")) {
        tl_err_set(&job->err, TL_INVALID_ARGUMENT, "--kind is missing");
        tl_err_hint(&job->err, "`townlake source kinds` lists the kinds and their options");
    } else if (write_body(job, &body)) {
        const tl_json *answer = tl_cli_job_call(job, "POST", "/api/v1/sources", tl_buf_cstr(&body));
        if (answer)
            print_state(job, answer);
    }
    tl_buf_done(&body);
}

static void test(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "POST", source_path(job, "/test"), NULL);
    if (!answer)
        return;
    int64_t elapsed_ms = 0;
    tl_json_int64(tl_json_get(answer, "elapsed_ms"), &elapsed_ms);
    printf("%sok%s  %s answers: %s (%lld ms)\n", job->c.green, job->c.off, job->words[0], tl_cli_text(answer, "version"),
           (long long)elapsed_ms);
}

static void refresh(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "POST", source_path(job, "/refresh"), NULL);
    if (answer)
        print_state(job, answer);
}

static void forget(struct tl_cli_job *job)
{
    tl_cli_job_call(job, "DELETE", source_path(job, ""), NULL);
    if (job->err.code == TL_OK)
        printf("%s is forgotten; nothing in it was changed\n", job->words[0]);
}

static const struct tl_cli_action actions[] = {
    {"list", 0, list}, {"kinds", 0, kinds}, {"add", 1, add}, {"test", 1, test}, {"refresh", 1, refresh}, {"remove", 1, forget},
};

int tl_cli_source(int argc, char **argv)
{
    return tl_cli_act("source", argc, argv, actions, sizeof actions / sizeof *actions);
}

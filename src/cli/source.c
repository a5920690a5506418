/* townlake source: list, kinds, add, test, refresh, remove. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_int.h"

enum { ARENA_MAX = 256 * 1024 * 1024, BODY_MAX = 1024 * 1024, PATH_BYTES_MAX = 8192 };

struct source_command {
    tl_cli_client client;
    tl_arena *arena;
    struct tl_err err;
    const struct tl_cli_option *options;
    int option_count;
};

static const char *text_or(const tl_json *object, const char *key, const char *fallback)
{
    const char *text = tl_json_get_text(object, key);
    return text ? text : fallback;
}

static const char *source_path(struct source_command *command, const char *name, const char *action)
{
    struct tl_buf path;
    tl_buf_init(&path, PATH_BYTES_MAX);
    tl_buf_adds(&path, "/api/v1/sources/");
    tl_http_encode(&path, name);
    tl_buf_adds(&path, action);
    const char *copy = tl_arena_strdup(command->arena, tl_buf_cstr(&path));
    tl_buf_done(&path);
    return copy;
}

static void list(struct source_command *command)
{
    const tl_json *answer;
    if (tl_cli_call(&command->client, command->arena, "GET", "/api/v1/sources", (struct tl_str){"", 0}, &answer, &command->err) != TL_OK)
        return;
    struct tl_cli_colours c = tl_cli_colours(stdout);
    printf("%s%-16s %-11s %-8s %9s  %s%s\n", c.bold, "name", "kind", "state", "datasets", "comment", c.off);
    for (struct tl_json_iter source = tl_json_iter(tl_json_get(answer, "sources")); tl_json_next(&source);) {
        const char *state = text_or(source.value, "state", ""), *failure = tl_json_get_text(source.value, "failure");
        int64_t datasets = 0;
        tl_json_int64(tl_json_get(source.value, "datasets"), &datasets);
        const char *colour = strcmp(state, "ready") == 0 ? c.green : strcmp(state, "failed") == 0 ? c.red : c.yellow;
        printf("%-16s %-11s %s%-8s%s %9lld  %s\n", text_or(source.value, "name", ""), text_or(source.value, "kind", ""), colour, state, c.off,
               (long long)datasets, text_or(source.value, "comment", ""));
        if (failure)
            printf("  %s%s%s\n", c.red, failure, c.off);
        if (failure && tl_json_get_text(source.value, "hint"))
            printf("  %shint:%s %s\n", c.yellow, c.off, tl_json_get_text(source.value, "hint"));
    }
}

static void kinds(struct source_command *command)
{
    const tl_json *answer;
    if (tl_cli_call(&command->client, command->arena, "GET", "/api/v1/source-kinds", (struct tl_str){"", 0}, &answer, &command->err) != TL_OK)
        return;
    struct tl_cli_colours c = tl_cli_colours(stdout);
    for (struct tl_json_iter kind = tl_json_iter(tl_json_get(answer, "kinds")); tl_json_next(&kind);) {
        printf("%s%s%s: %s\n", c.bold, text_or(kind.value, "kind", ""), c.off, text_or(kind.value, "summary", ""));
        for (struct tl_json_iter option = tl_json_iter(tl_json_get(kind.value, "options")); tl_json_next(&option);) {
            const char *fallback = tl_json_get_text(option.value, "default");
            printf("  %s%-18s%s %s", c.cyan, text_or(option.value, "name", ""), c.off, text_or(option.value, "help", ""));
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

static bool write_body(struct source_command *command, const char *name, struct tl_buf *body)
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "name", name);
    tl_json_pair_text(&json, "kind", tl_cli_option(command->options, command->option_count, "--kind", NULL));
    tl_json_pair_text(&json, "comment", tl_cli_option(command->options, command->option_count, "--comment", NULL));
    tl_json_key(&json, "options");
    tl_json_begin_object(&json);
    for (int i = 0; i < command->option_count; i++) {
        if (strcmp(command->options[i].name, "--option") != 0)
            continue;
        const char *equals = strchr(command->options[i].value, '=');
        if (!equals) {
            tl_err_set(&command->err, TL_INVALID_ARGUMENT, "--option needs NAME=VALUE, not \"%s\"", command->options[i].value);
            return false;
        }
        tl_json_pair_text(&json, tl_arena_strndup(command->arena, command->options[i].value, (size_t)(equals - command->options[i].value)),
                          equals + 1);
    }
    tl_json_end_object(&json);
    tl_json_end_object(&json);
    return true;
}

static void print_state(const tl_json *source)
{
    struct tl_cli_colours c = tl_cli_colours(stdout);
    const char *failure = tl_json_get_text(source, "failure");
    int64_t datasets = 0;
    tl_json_int64(tl_json_get(source, "datasets"), &datasets);
    printf("%s: %s, %lld datasets\n", text_or(source, "name", ""), text_or(source, "state", ""), (long long)datasets);
    if (failure)
        printf("%s%s%s\n", c.red, failure, c.off);
    if (failure && tl_json_get_text(source, "hint"))
        printf("%shint:%s %s\n", c.yellow, c.off, tl_json_get_text(source, "hint"));
}

static void add(struct source_command *command, const char *name)
{
    struct tl_buf body;
    tl_buf_init(&body, BODY_MAX);
    const tl_json *answer;
    if (!tl_cli_option(command->options, command->option_count, "--kind", NULL)) {
        tl_err_set(&command->err, TL_INVALID_ARGUMENT, "--kind is missing");
        tl_err_hint(&command->err, "`townlake source kinds` lists the kinds and their options");
    } else if (write_body(command, name, &body) && tl_cli_call(&command->client, command->arena, "POST", "/api/v1/sources",
                                                              (struct tl_str){tl_buf_cstr(&body), body.size}, &answer, &command->err) == TL_OK) {
        print_state(answer);
    }
    tl_buf_done(&body);
}

static void test(struct source_command *command, const char *name)
{
    const tl_json *answer;
    if (tl_cli_call(&command->client, command->arena, "POST", source_path(command, name, "/test"), (struct tl_str){"", 0}, &answer,
                    &command->err) != TL_OK)
        return;
    int64_t elapsed_ms = 0;
    tl_json_int64(tl_json_get(answer, "elapsed_ms"), &elapsed_ms);
    struct tl_cli_colours c = tl_cli_colours(stdout);
    printf("%sok%s  %s answers: %s (%lld ms)\n", c.green, c.off, name, text_or(answer, "version", ""), (long long)elapsed_ms);
}

static void refresh(struct source_command *command, const char *name)
{
    const tl_json *answer;
    if (tl_cli_call(&command->client, command->arena, "POST", source_path(command, name, "/refresh"), (struct tl_str){"", 0}, &answer,
                    &command->err) == TL_OK)
        print_state(answer);
}

static void forget(struct source_command *command, const char *name)
{
    const tl_json *answer;
    if (tl_cli_call(&command->client, command->arena, "DELETE", source_path(command, name, ""), (struct tl_str){"", 0}, &answer, &command->err) ==
        TL_OK)
        printf("%s is forgotten; nothing in it was changed\n", name);
}

static const struct {
    const char *word;
    bool needs_name;
    void (*run)(struct source_command *command);
    void (*run_named)(struct source_command *command, const char *name);
} actions[] = {
    {"list", false, list, NULL},     {"kinds", false, kinds, NULL},     {"add", true, NULL, add},
    {"test", true, NULL, test},      {"refresh", true, NULL, refresh},  {"remove", true, NULL, forget},
};

int tl_cli_source(int argc, char **argv)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    const char *words[2];
    int option_count, word_count;
    int status = tl_cli_parse("source", argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, words, &word_count, 2);
    if (status >= 0)
        return status;
    size_t i = 0, count = sizeof actions / sizeof *actions;
    while (i < count && (word_count == 0 || strcmp(actions[i].word, words[0]) != 0))
        i++;
    if (i == count || (word_count == 2) != actions[i].needs_name) {
        fprintf(stderr, "usage: townlake source %s\n", tl_cli_command("source")->usage);
        return 2;
    }
    struct source_command command = {.arena = tl_arena_new(ARENA_MAX), .options = options, .option_count = option_count};
    tl_err_init(&command.err);
    tl_cli_client_init(&command.client, options, option_count);
    if (actions[i].run)
        actions[i].run(&command);
    else
        actions[i].run_named(&command, words[1]);
    if (command.err.code != TL_OK) {
        tl_cli_print_err(&command.err, NULL);
        status = tl_code_info(command.err.code)->exit_status;
    } else {
        status = 0;
    }
    tl_cli_client_done(&command.client);
    tl_arena_free(command.arena);
    return status;
}

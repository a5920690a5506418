/* townlake token: list, create, revoke. */
#include <string.h>
#include <time.h>

#include "cli/cli_int.h"

enum { ARENA_MAX = 64 * 1024 * 1024, BODY_MAX = 256 * 1024, PATH_BYTES_MAX = 1024, TIME_SIZE = 32 };

struct token_command {
    tl_cli_client client;
    tl_arena *arena;
    struct tl_err err;
    const struct tl_cli_option *options;
    int option_count;
};

static const char *option_of(struct token_command *command, const char *name)
{
    return tl_cli_option(command->options, command->option_count, name, NULL);
}

static const char *text_or(const tl_json *object, const char *key, const char *fallback)
{
    const char *text = tl_json_get_text(object, key);
    return text ? text : fallback;
}

/* A time of the answer as people read it, UTC; "-" when it has not happened. */
static const char *time_of(const tl_json *object, const char *key, char text[TIME_SIZE])
{
    int64_t time_us = 0;
    struct tm parts;
    tl_json_int64(tl_json_get(object, key), &time_us);
    time_t seconds = (time_t)(time_us / 1000000);
    if (!time_us || !gmtime_r(&seconds, &parts) || !strftime(text, TIME_SIZE, "%Y-%m-%d %H:%M", &parts))
        return "-";
    return text;
}

static void list(struct token_command *command, const char *unused)
{
    const tl_json *answer;
    const char *path = tl_cli_flag(command->options, command->option_count, "--all") ? "/api/v1/tokens?all=true" : "/api/v1/tokens";
    (void)unused;
    if (tl_cli_call(&command->client, command->arena, "GET", path, TL_STR(""), &answer, &command->err) != TL_OK)
        return;
    struct tl_cli_colours c = tl_cli_colours(stdout);
    printf("%s%-16s  %-8s %-20s %-16s %-16s %-16s  %s%s\n", c.bold, "id", "state", "user", "scopes", "ends (UTC)", "last used", "name", c.off);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "tokens")); tl_json_next(&it);) {
        char ends[TIME_SIZE], used[TIME_SIZE];
        const char *state = text_or(it.value, "state", "");
        printf("%-16s  %s%-8s%s %-20s %-16s %-16s %-16s  %s\n", text_or(it.value, "id", ""), strcmp(state, "active") == 0 ? c.green : c.dim, state,
               c.off, text_or(it.value, "user", ""), text_or(it.value, "scopes", ""), time_of(it.value, "expires_at_us", ends),
               time_of(it.value, "used_at_us", used), text_or(it.value, "name", ""));
    }
}

static void write_wish(struct token_command *command, const char *name, struct tl_buf *body)
{
    struct tl_json_writer json;
    const char *scopes = option_of(command, "--scope");
    tl_json_writer_init(&json, body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "name", name);
    tl_json_pair_text(&json, "scopes", scopes ? scopes : "read");
    if (option_of(command, "--lifetime"))
        tl_json_pair_text(&json, "lifetime", option_of(command, "--lifetime"));
    if (option_of(command, "--service"))
        tl_json_pair_text(&json, "service", option_of(command, "--service"));
    tl_json_key(&json, "groups");
    tl_json_begin_array(&json);
    for (int i = 0; i < command->option_count; i++)
        if (strcmp(command->options[i].name, "--group") == 0)
            tl_json_put_text(&json, command->options[i].value);
    tl_json_end_array(&json);
    tl_json_end_object(&json);
}

/* The token alone on standard output, so that a script can take it; the rest on standard error. */
static void create(struct token_command *command, const char *name)
{
    struct tl_buf body;
    const tl_json *answer;
    char ends[TIME_SIZE];
    tl_buf_init(&body, BODY_MAX);
    write_wish(command, name, &body);
    if (tl_cli_call(&command->client, command->arena, "POST", "/api/v1/tokens", (struct tl_str){tl_buf_cstr(&body), body.size}, &answer,
                    &command->err) == TL_OK) {
        fprintf(stderr, "token %s of %s, scopes %s, until %s UTC; it is shown this once:\n", text_or(answer, "id", ""), text_or(answer, "user", ""),
                text_or(answer, "scopes", ""), time_of(answer, "expires_at_us", ends));
        printf("%s\n", text_or(answer, "token", ""));
    }
    tl_buf_done(&body);
}

static void revoke(struct token_command *command, const char *id)
{
    struct tl_buf path;
    const tl_json *answer;
    tl_buf_init(&path, PATH_BYTES_MAX);
    tl_buf_adds(&path, "/api/v1/tokens/");
    tl_http_encode(&path, id);
    if (tl_cli_call(&command->client, command->arena, "DELETE", tl_buf_cstr(&path), TL_STR(""), &answer, &command->err) == TL_OK)
        printf("token %s is revoked\n", id);
    tl_buf_done(&path);
}

static const struct {
    const char *word;
    bool needs_name;
    void (*run)(struct token_command *command, const char *name);
} actions[] = {{"list", false, list}, {"create", true, create}, {"revoke", true, revoke}};

int tl_cli_token(int argc, char **argv)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    const char *words[2];
    int option_count, word_count;
    int status = tl_cli_parse("token", argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, words, &word_count, 2);
    if (status >= 0)
        return status;
    size_t i = 0, count = sizeof actions / sizeof *actions;
    while (i < count && (word_count == 0 || strcmp(actions[i].word, words[0]) != 0))
        i++;
    if (i == count || (word_count == 2) != actions[i].needs_name) {
        fprintf(stderr, "usage: townlake token %s\n", tl_cli_command("token")->usage);
        return 2;
    }
    struct token_command command = {.arena = tl_arena_new(ARENA_MAX), .options = options, .option_count = option_count};
    tl_err_init(&command.err);
    tl_cli_client_init(&command.client, options, option_count);
    actions[i].run(&command, word_count == 2 ? words[1] : NULL);
    status = 0;
    if (command.err.code != TL_OK) {
        tl_cli_print_err(&command.err, NULL);
        status = tl_code_info(command.err.code)->exit_status;
    }
    tl_cli_client_done(&command.client);
    tl_arena_free(command.arena);
    return status;
}

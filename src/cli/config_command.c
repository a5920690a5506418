/* townlake config: is the file right, and which keys are there? */
#include <string.h>

#include "base/config.h"
#include "cli/cli_int.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

static void print_key(void *context, const char *key, const char *value, const char *origin, const char *help)
{
    const struct tl_cli_colours *c = context;
    printf("%s%-24s%s %-20s %s%-11s%s %s\n", c->cyan, key, c->off, value, c->dim, origin, c->off, help);
}

static int check(const char *path, const tl_config *config)
{
    const struct tl_config_source *sources;
    const struct tl_config_token *tokens;
    size_t source_count = tl_config_sources(config, &sources), token_count = tl_config_tokens(config, &tokens);
    printf("%s: ok, %zu source%s, %zu token%s\n", path ? path : "defaults and environment", source_count, source_count == 1 ? "" : "s", token_count,
           token_count == 1 ? "" : "s");
    return 0;
}

int tl_cli_config(int argc, char **argv)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    const char *words[1];
    int option_count, word_count;
    int status = tl_cli_parse("config", argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, words, &word_count, 1);
    if (status >= 0)
        return status;
    bool keys = word_count == 1 && strcmp(words[0], "keys") == 0;
    if (!keys && !(word_count == 1 && strcmp(words[0], "check") == 0)) {
        fprintf(stderr, "usage: townlake config %s\n", tl_cli_command("config")->usage);
        return 2;
    }
    const char *path = tl_cli_option(options, option_count, "--config", NULL);
    struct tl_err err;
    tl_err_init(&err);
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    const tl_config *config = NULL;
    status = 0;
    if (tl_config_load(arena, path, NULL, &config, &err) != TL_OK) {
        tl_cli_print_err(&err, NULL);
        status = 2;
    } else if (keys) {
        struct tl_cli_colours c = tl_cli_colours(stdout);
        tl_config_each(config, print_key, &c);
    } else {
        status = check(path, config);
    }
    tl_arena_free(arena);
    return status;
}

#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli_int.h"

static int print_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("townlake %s\n", TL_VERSION);
    return 0;
}

static int print_help(int argc, char **argv)
{
    const char *name = argc > 2 ? argv[2] : NULL;
    if (name && !tl_cli_command(name)) {
        fprintf(stderr, "townlake: there is no command \"%s\"\n", name);
        return 2;
    }
    tl_cli_print_help(name);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} handlers[] = {
    {"completion", tl_cli_completion}, {"config", tl_cli_config},   {"doctor", tl_cli_doctor}, {"explain", tl_cli_explain},
    {"help", print_help},              {"--help", print_help},      {"-h", print_help},        {"source", tl_cli_source},
    {"lifeguard", tl_cli_lifeguard},
    {"catalog", tl_cli_catalog},
    {"skimmer", tl_cli_skimmer},
    {"skipper", tl_cli_skipper},
    {"ask", tl_cli_ask},
    {"lake", tl_cli_lake},
    {"mcp", tl_cli_mcp},
    {"sql", tl_cli_sql},               {"token", tl_cli_token},      {"version", print_version}, {"--version", print_version},
};

static int unknown(const char *word)
{
    const struct command *commands;
    size_t count = tl_cli_commands(&commands);
    const char *nearest = NULL;
    int best = 4;
    for (size_t i = 0; i < count; i++) {
        int distance = tl_edit_distance(commands[i].name, word, 3);
        if (distance < best) {
            best = distance;
            nearest = commands[i].name;
        }
    }
    fprintf(stderr, "townlake: there is no command \"%s\"", word);
    if (nearest)
        fprintf(stderr, "; did you mean %s?", nearest);
    fprintf(stderr, "\n`townlake help` lists them\n");
    return 2;
}

int tl_cli_main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "help";
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        if (strcmp(handlers[i].name, command) == 0)
            return handlers[i].run(argc, argv);
    return unknown(command);
}

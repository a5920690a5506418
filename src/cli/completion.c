/* townlake completion: scripts made from the command table, so they never lag behind it. */
#include <string.h>

#include "cli/cli_int.h"

static void print_words(const struct command *command, const char *separator)
{
    const char *between = "";
    if (command->words[0]) {
        printf("%s", command->words);
        between = separator;
    }
    for (const struct command_option *option = command->options; option->name; option++) {
        printf("%s%s", between, option->name);
        between = separator;
    }
}

static void print_names(const struct command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i ? " " : "", commands[i].name);
}

static void print_bash(const struct command *commands, size_t count)
{
    printf("_townlake() {\n    local current=${COMP_WORDS[COMP_CWORD]} words\n    if [ \"$COMP_CWORD\" = 1 ]; then\n        words=\"");
    print_names(commands, count);
    printf("\"\n    else\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < count; i++) {
        printf("        %s) words=\"", commands[i].name);
        print_words(&commands[i], " ");
        printf("\" ;;\n");
    }
    printf("        esac\n    fi\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n}\ncomplete -o default -F _townlake townlake\n");
}

static void print_zsh(const struct command *commands, size_t count)
{
    printf("#compdef townlake\n_townlake() {\n    if (( CURRENT == 2 )); then\n        local -a commands=(");
    for (size_t i = 0; i < count; i++)
        printf("'%s:%s' ", commands[i].name, commands[i].summary);
    printf(")\n        _describe command commands\n        return\n    fi\n    case $words[2] in\n");
    for (size_t i = 0; i < count; i++) {
        printf("    %s) compadd -- ", commands[i].name);
        print_words(&commands[i], " ");
        printf(" ;;\n");
    }
    printf("    esac\n    _files\n}\ncompdef _townlake townlake\n");
}

static void print_fish(const struct command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("complete -c townlake -n __fish_use_subcommand -a %s -d '%s'\n", commands[i].name, commands[i].summary);
        for (const struct command_option *option = commands[i].options; option->name; option++)
            printf("complete -c townlake -n '__fish_seen_subcommand_from %s' -l %s%s\n", commands[i].name, option->name + 2,
                   option->value ? " -r" : "");
        if (commands[i].words[0])
            printf("complete -c townlake -n '__fish_seen_subcommand_from %s' -a '%s'\n", commands[i].name, commands[i].words);
    }
}

int tl_cli_completion(int argc, char **argv)
{
    const struct command *commands;
    size_t count = tl_cli_commands(&commands);
    const char *shell = argc == 3 ? argv[2] : "";
    if (strcmp(shell, "bash") == 0) {
        print_bash(commands, count);
    } else if (strcmp(shell, "zsh") == 0) {
        print_zsh(commands, count);
    } else if (strcmp(shell, "fish") == 0) {
        print_fish(commands, count);
    } else {
        bool help = strcmp(shell, "--help") == 0;
        fprintf(help ? stdout : stderr, "usage: townlake completion bash | zsh | fish\n\n  bash:  source <(townlake completion bash)\n");
        return help ? 0 : 2;
    }
    return 0;
}

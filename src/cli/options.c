/* Command lines against spec/commands.toml: parsing, --help, colours, and how an error looks. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_int.h"
#include "command_table.h" /* generated */

size_t tl_cli_commands(const struct command **ret_commands)
{
    *ret_commands = command_table;
    return sizeof command_table / sizeof *command_table;
}

const struct command *tl_cli_command(const char *name)
{
    for (size_t i = 0; i < sizeof command_table / sizeof *command_table; i++)
        if (strcmp(command_table[i].name, name) == 0)
            return &command_table[i];
    return NULL;
}

struct tl_cli_colours tl_cli_colours(FILE *to)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if ((no_color && *no_color) || !isatty(fileno(to)) || (terminal && strcmp(terminal, "dumb") == 0))
        return (struct tl_cli_colours){"", "", "", "", "", "", ""};
    return (struct tl_cli_colours){"\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[36m", "\033[0m"};
}

static void print_overview(void)
{
    struct tl_cli_colours c = tl_cli_colours(stdout);
    printf("%sTown Lake%s: one SQL interface over everything a company has.\n\nusage: townlake COMMAND [options]\n\n", c.bold, c.off);
    for (size_t i = 0; i < sizeof command_table / sizeof *command_table; i++)
        printf("  %s%-12s%s%s\n", c.cyan, command_table[i].name, c.off, command_table[i].summary);
    printf("\n`townlake help COMMAND` lists a command's options.  First steps: townlake demo --dir ./demo-data\n");
}

void tl_cli_print_help(const char *name)
{
    const struct command *command = name ? tl_cli_command(name) : NULL;
    if (!command) {
        print_overview();
        return;
    }
    struct tl_cli_colours c = tl_cli_colours(stdout);
    printf("%stownlake %s%s: %s\n\nusage: townlake %s %s\n", c.bold, command->name, c.off, command->summary, command->name, command->usage);
    if (command->detail)
        printf("\n%s\n", command->detail);
    if (command->options->name)
        printf("\n");
    for (const struct command_option *option = command->options; option->name; option++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", option->name, option->value ? " " : "", option->value ? option->value : "");
        printf("  %s%-24s%s%s", c.cyan, left, c.off, option->help);
        printf(option->env ? " [%s]\n" : "\n", option->env);
    }
}

static int wrong(const char *command, const char *format, const char *what, const char *nearest)
{
    fprintf(stderr, "townlake %s: ", command);
    fprintf(stderr, "%s \"%s\"", format, what);
    if (nearest)
        fprintf(stderr, "; did you mean %s?", nearest);
    fprintf(stderr, "\n`townlake help %s` lists the options\n", command);
    return 2;
}

static const struct command_option *find_option(const struct command *command, const char *name, size_t size)
{
    for (const struct command_option *option = command->options; option->name; option++)
        if (strlen(option->name) == size && memcmp(option->name, name, size) == 0)
            return option;
    return NULL;
}

static const char *nearest_option(const struct command *command, const char *name)
{
    const char *nearest = NULL;
    int best = 4;
    for (const struct command_option *option = command->options; option->name; option++) {
        int distance = tl_edit_distance(option->name, name, 3);
        if (distance < best) {
            best = distance;
            nearest = option->name;
        }
    }
    return nearest;
}

/* Options that were not given but have a variable. */
static void take_environment(const struct command *command, struct tl_cli_option *options, int *count, int max)
{
    for (const struct command_option *option = command->options; option->name; option++) {
        const char *value = option->env ? getenv(option->env) : NULL;
        if (value && *value && *count < max && !tl_cli_option(options, *count, option->name, NULL))
            options[(*count)++] = (struct tl_cli_option){option->name, value};
    }
}

int tl_cli_parse(const char *name, int argc, char **argv, struct tl_cli_option *options, int *option_count, int options_max,
                 const char **positional, int *positional_count, int positional_max)
{
    const struct command *command = tl_cli_command(name);
    *option_count = *positional_count = 0;
    bool only_words = false;
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            tl_cli_print_help(name);
            return 0;
        } else if (!only_words && word[0] == '-' && word[1]) {
            const char *equals = strchr(word, '=');
            size_t size = equals ? (size_t)(equals - word) : strlen(word);
            const struct command_option *option = find_option(command, word, size);
            if (!option)
                return wrong(name, "there is no option", word, nearest_option(command, word));
            if (!option->value && equals)
                return wrong(name, "this option takes no value:", option->name, NULL);
            const char *value = equals ? equals + 1 : option->value && i + 1 < argc ? argv[++i] : NULL;
            if (option->value && !value)
                return wrong(name, "a value is missing after", option->name, NULL);
            if (*option_count == options_max)
                return wrong(name, "too many options at", word, NULL);
            options[(*option_count)++] = (struct tl_cli_option){option->name, value};
        } else if (*positional_count == positional_max) {
            return wrong(name, "one word too many:", word, NULL);
        } else {
            positional[(*positional_count)++] = word;
        }
    }
    take_environment(command, options, option_count, options_max);
    return -1;
}

const char *tl_cli_option(const struct tl_cli_option *options, int count, const char *name, const char *fallback)
{
    for (int i = count - 1; i >= 0; i--) /* the last one given counts */
        if (strcmp(options[i].name, name) == 0)
            return options[i].value;
    return fallback;
}

bool tl_cli_flag(const struct tl_cli_option *options, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return true;
    return false;
}

/* The line of the statement with a caret under the position; long lines are cut around it. */
static void print_caret(const char *sql, int64_t position, struct tl_cli_colours c)
{
    size_t size = strlen(sql), at = (size_t)position < size ? (size_t)position : size;
    size_t start = at, end = at;
    while (start > 0 && sql[start - 1] != '\n' && at - start < 60)
        start--;
    while (start < at && ((unsigned char)sql[start] & 0xC0) == 0x80)
        start++;
    while (end < size && sql[end] != '\n' && end - at < 60)
        end++;
    int line, column;
    tl_err_line_column(sql, size, position, &line, &column);
    int margin = fprintf(stderr, "  %s%d |%s ", c.dim, line, c.off) - (int)(strlen(c.dim) + strlen(c.off));
    fprintf(stderr, "%.*s\n", (int)(end - start), sql + start);
    for (int i = 0; i < margin; i++)
        fputc(' ', stderr);
    for (size_t i = start; i < at; i++)
        if (((unsigned char)sql[i] & 0xC0) != 0x80)
            fputc(sql[i] == '\t' ? '\t' : ' ', stderr);
    fprintf(stderr, "%s^%s\n", c.red, c.off);
}

void tl_cli_print_err(const struct tl_err *err, const char *sql)
{
    struct tl_cli_colours c = tl_cli_colours(stderr);
    fprintf(stderr, "%serror:%s %s %s(%s)%s\n", c.red, c.off, err->message, c.dim, tl_code_info(err->code)->name, c.off);
    if (sql && err->position >= 0)
        print_caret(sql, err->position, c);
    if (err->detail[0])
        fprintf(stderr, "detail: %s\n", err->detail);
    if (err->hint[0])
        fprintf(stderr, "%shint:%s %s\n", c.yellow, c.off, err->hint);
    if (err->link[0])
        fprintf(stderr, "see: %s\n", err->link);
}

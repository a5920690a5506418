/* The prompt: lines become statements at a semicolon, names complete with TAB, Ctrl-C cancels, \help explains the rest. */
#include <editline/readline.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_int.h"
#include "io/process.h"

enum { STATEMENT_MAX = 16 * 1024 * 1024, HISTORY_LINES = 5000 };

static tl_cli_client *completing; /* libedit's callbacks carry no context */

static char **completions(const char *text, int start, int end)
{
    (void)start;
    (void)end;
    tl_arena *arena = tl_arena_new(16 * 1024 * 1024);
    struct tl_err err;
    tl_err_init(&err);
    struct tl_buf path;
    tl_buf_init(&path, 65536);
    tl_buf_adds(&path, "/api/v1/complete?count=200&prefix=");
    tl_http_encode(&path, text);
    if (completing->catalog) {
        tl_buf_adds(&path, "&catalog=");
        tl_http_encode(&path, completing->catalog);
    }
    if (completing->schema) {
        tl_buf_adds(&path, "&schema=");
        tl_http_encode(&path, completing->schema);
    }
    const tl_json *names = NULL;
    char **list = NULL;
    if (tl_cli_call(completing, arena, "GET", tl_buf_cstr(&path), (struct tl_str){"", 0}, &names, &err) == TL_OK && tl_json_count(names)) {
        /* readline's form: [0] the common start, then the candidates, then NULL; all from malloc */
        size_t count = tl_json_count(names), used = 1;
        list = tl_heap_alloc((count + 2) * sizeof *list);
        for (struct tl_json_iter name = tl_json_iter(names); tl_json_next(&name);)
            if (tl_json_text(name.value))
                list[used++] = tl_heap_strdup(tl_json_text(name.value));
        size_t common = strlen(list[1]);
        for (size_t i = 2; i < used; i++)
            for (size_t k = 0; k < common; k++)
                if (list[i][k] != list[1][k])
                    common = k;
        list[0] = tl_heap_alloc(common + 1);
        memcpy(list[0], list[1], common);
        if (used == 2) { /* one candidate: the list is only it */
            free(list[1]);
            list[1] = NULL;
        }
    }
    tl_buf_done(&path);
    tl_arena_free(arena);
    rl_attempted_completion_over = 1; /* never file names */
    return list;
}

static const char *history_path(char path[PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct tl_err err;
    tl_err_init(&err);
    if (state && *state)
        snprintf(path, PATH_MAX, "%s/townlake", state);
    else if (home && *home)
        snprintf(path, PATH_MAX, "%s/.local/state/townlake", home);
    else
        return NULL;
    if (tl_dir_make(path, 0700, &err) != TL_OK)
        return NULL;
    size_t used = strlen(path);
    snprintf(path + used, PATH_MAX - used, "/sql_history");
    return path;
}

static void print_repl_help(void)
{
    printf("A statement ends with a semicolon.  TAB completes names, the arrow keys recall, Ctrl-C cancels, Ctrl-D leaves.\n\n"
           "  \\output FORM   table, csv, json, jsonl or markdown\n"
           "  \\timing        print how long statements take, or stop that\n"
           "  \\catalogs      the same as SHOW CATALOGS\n"
           "  \\quit          leave\n\n"
           "SHOW SCHEMAS FROM x; SHOW TABLES FROM x.y; DESCRIBE x.y.z; USE x.y; EXPLAIN SELECT ...; SHOW SESSION;\n");
}

/* A line that starts with a backslash.  false = leave. */
static bool run_command(tl_cli_client *client, struct tl_cli_sql_options *options, const char *line)
{
    if (strcmp(line, "\\quit") == 0 || strcmp(line, "\\q") == 0)
        return false;
    if (strncmp(line, "\\output ", 8) == 0) {
        if (!tl_cli_form_of(line + 8, &options->form))
            fprintf(stderr, "there is no output form \"%s\"; there are table, csv, json, jsonl and markdown\n", line + 8);
    } else if (strcmp(line, "\\timing") == 0) {
        options->timing = !options->timing;
        printf("timing is %s\n", options->timing ? "on" : "off");
    } else if (strcmp(line, "\\catalogs") == 0) {
        tl_cli_sql_one(client, options, "SHOW CATALOGS", 13);
    } else {
        if (strcmp(line, "\\help") != 0 && strcmp(line, "\\?") != 0)
            fprintf(stderr, "there is no command \"%s\"\n", line);
        print_repl_help();
    }
    return true;
}

/* Runs every whole statement at the start of the text and keeps the rest. */
static void run_whole(tl_cli_client *client, const struct tl_cli_sql_options *options, struct tl_buf *text)
{
    size_t at = 0, size, next;
    const char *all = tl_buf_cstr(text);
    while (tl_cli_split(all + at, text->size - at, &size, &next)) {
        if (size > strspn(all + at, " \t\r\n"))
            tl_cli_sql_one(client, options, all + at, size);
        at += next;
    }
    size_t left = text->size - at;
    if (left == strspn(all + at, " \t\r\n"))
        left = 0;
    memmove(text->data, text->data + at, left);
    text->size = left;
}

static void make_prompt(const tl_cli_client *client, bool more, char *prompt, size_t size)
{
    if (more)
        snprintf(prompt, size, "     ...> ");
    else if (client->catalog && client->schema)
        snprintf(prompt, size, "%s.%s> ", client->catalog, client->schema);
    else
        snprintf(prompt, size, "%s> ", client->catalog ? client->catalog : "townlake");
}

static void greet(tl_cli_client *client)
{
    tl_arena *arena = tl_arena_new(1 << 20);
    struct tl_err err;
    tl_err_init(&err);
    const tl_json *me = NULL;
    if (tl_cli_call(client, arena, "GET", "/api/v1/me", (struct tl_str){"", 0}, &me, &err) == TL_OK)
        printf("Town Lake %s at %s, as %s.  \\help explains, \\quit leaves.\n", TL_VERSION, client->url, tl_json_get_text(me, "user"));
    else
        tl_cli_print_err(&err, NULL);
    tl_arena_free(arena);
}

int tl_cli_repl(tl_cli_client *client, struct tl_cli_sql_options *options)
{
    completing = client;
    rl_initialize();
    rl_readline_name = "townlake";
    rl_attempted_completion_function = completions;
    rl_basic_word_break_characters = " \t\n\"\\'`@$><=;|&{(,+-*/";
    using_history();
    stifle_history(HISTORY_LINES);
    char path[PATH_MAX];
    const char *history = history_path(path);
    if (history)
        read_history(history);
    greet(client);
    struct tl_buf text;
    tl_buf_init(&text, STATEMENT_MAX);
    for (;;) {
        char prompt[256];
        make_prompt(client, text.size > 0, prompt, sizeof prompt);
        tl_cli_interrupt_reset();
        char *line = readline(prompt);
        if (!line && tl_cli_interrupted(NULL)) {
            tl_buf_clear(&text);
            printf("\n");
            continue;
        }
        if (!line)
            break;
        if (*line)
            add_history(line);
        bool go_on = true;
        if (text.size == 0 && line[0] == '\\') {
            go_on = run_command(client, options, line);
        } else if (text.size > 0 || *line) {
            tl_buf_adds(&text, line);
            tl_buf_addc(&text, '\n');
            run_whole(client, options, &text);
        }
        free(line);
        if (!go_on)
            break;
    }
    if (history)
        write_history(history);
    tl_buf_done(&text);
    printf("\n");
    return 0;
}

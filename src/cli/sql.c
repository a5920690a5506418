/* townlake sql: one statement, a file, standard input, or the prompt. */
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_int.h"
#include "io/process.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

void tl_cli_interrupt_init(void)
{
    struct sigaction action = {.sa_handler = on_interrupt}; /* no SA_RESTART: waits end at once */
    sigaction(SIGINT, &action, NULL);
}

void tl_cli_interrupt_reset(void)
{
    interrupted = 0;
}

bool tl_cli_interrupted(void *unused)
{
    (void)unused;
    return interrupted;
}

/* ---- one statement ---- */

struct show {
    tl_cli_printer *printer;
    bool progress, progress_shown, rows_seen;
};

static void clear_progress(struct show *show)
{
    if (show->progress_shown)
        fputs("\r\033[K", stderr);
    show->progress_shown = false;
}

static void show_columns(void *context, const tl_json *columns)
{
    struct show *show = context;
    tl_cli_printer_columns(show->printer, columns);
}

static bool show_row(void *context, const tl_json *row)
{
    struct show *show = context;
    clear_progress(show);
    show->rows_seen = true;
    return tl_cli_printer_row(show->printer, row);
}

static void show_progress(void *context, double percent, int64_t rows, int64_t elapsed_ms)
{
    struct show *show = context;
    if (!show->progress || show->rows_seen || elapsed_ms < 500)
        return;
    enum { WIDTH = 24 };
    int full = (int)(percent / 100 * WIDTH);
    char bar[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '=' : ' ';
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r\033[K[%s] %3.0f %%  %lld rows  %.1f s", bar, percent, (long long)rows, (double)elapsed_ms / 1000);
    fflush(stderr);
    show->progress_shown = true;
}

static void show_warning(void *context, const char *message)
{
    struct show *show = context;
    clear_progress(show);
    struct tl_cli_colours c = tl_cli_colours(stderr);
    fprintf(stderr, "%snote:%s %s\n", c.yellow, c.off, message ? message : "");
}

static void print_summary(const struct tl_cli_sql_options *options, const struct tl_cli_outcome *outcome, int64_t rows)
{
    struct tl_cli_colours c = tl_cli_colours(options->form == TL_CLI_TABLE ? stdout : stderr);
    FILE *to = options->form == TL_CLI_TABLE ? stdout : stderr;
    if (outcome->update_type[0]) {
        fprintf(to, "%s%s", c.green, outcome->update_type);
        if (outcome->update_count >= 0)
            fprintf(to, ": %lld row%s", (long long)outcome->update_count, outcome->update_count == 1 ? "" : "s");
        fprintf(to, "%s\n", c.off);
    } else if (options->form == TL_CLI_TABLE) {
        fprintf(to, "%s(%lld row%s)%s\n", c.dim, (long long)rows, rows == 1 ? "" : "s", c.off);
    }
    if (options->timing)
        fprintf(stderr, "%stime: %.3f s  query: %s%s\n", c.dim, (double)outcome->elapsed_ms / 1000, outcome->query_id, c.off);
}

int tl_cli_sql_one(tl_cli_client *client, const struct tl_cli_sql_options *options, const char *sql, size_t size)
{
    struct show show = {.printer = tl_cli_printer_new(stdout, options->form), .progress = options->progress};
    struct tl_cli_sink sink = {&show, show_columns, show_row, show_progress, show_warning};
    struct tl_cli_outcome outcome;
    struct tl_err err;
    tl_err_init(&err);
    tl_cli_interrupt_reset();
    enum tl_code code = tl_cli_run(client, sql, size, &sink, &outcome, &err);
    clear_progress(&show);
    int64_t rows = tl_cli_printer_end(show.printer, code == TL_OK);
    if (code == TL_OK) {
        if (options->form == TL_CLI_TABLE || outcome.update_type[0] || options->timing)
            print_summary(options, &outcome, rows);
        return 0;
    }
    char *text = tl_heap_alloc(size + 1);
    memcpy(text, sql, size);
    tl_cli_print_err(&err, text);
    free(text);
    return tl_code_info(code)->exit_status;
}

/* ---- many ---- */

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n", text[i]))
            return false;
    return true;
}

/* Statement after statement; the first that fails ends it. */
static int run_text(tl_cli_client *client, const struct tl_cli_sql_options *options, const char *text, size_t size)
{
    size_t at = 0;
    int status = 0;
    while (status == 0 && at < size && !tl_cli_interrupted(NULL)) {
        size_t statement_size, next;
        tl_cli_split(text + at, size - at, &statement_size, &next);
        if (!is_blank(text + at, statement_size))
            status = tl_cli_sql_one(client, options, text + at, statement_size);
        at += next;
    }
    return status;
}

static int run_file(tl_cli_client *client, const struct tl_cli_sql_options *options, const char *path)
{
    struct tl_buf text;
    tl_buf_init(&text, TEXT_MAX);
    struct tl_err err;
    tl_err_init(&err);
    if (tl_file_read(path, &text, &err) != TL_OK) {
        tl_buf_done(&text);
        tl_cli_print_err(&err, NULL);
        return 2;
    }
    int status = run_text(client, options, tl_buf_cstr(&text), text.size);
    tl_buf_done(&text);
    return status;
}

static int run_standard_input(tl_cli_client *client, const struct tl_cli_sql_options *options)
{
    struct tl_buf text;
    tl_buf_init(&text, TEXT_MAX);
    char piece[65536];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, stdin)) > 0)
        tl_buf_add(&text, piece, got);
    int status = 2;
    if (text.failed)
        fprintf(stderr, "townlake sql: standard input is over %d MiB\n", TEXT_MAX >> 20);
    else
        status = run_text(client, options, tl_buf_cstr(&text), text.size);
    tl_buf_done(&text);
    return status;
}

int tl_cli_sql(int argc, char **argv)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    const char *words[1] = {NULL};
    int option_count, word_count;
    int status = tl_cli_parse("sql", argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, words, &word_count, 1);
    if (status >= 0)
        return status;
    setlocale(LC_CTYPE, "");
    bool terminal = isatty(1);
    struct tl_cli_sql_options sql = {
        .form = terminal ? TL_CLI_TABLE : TL_CLI_CSV,
        .timing = tl_cli_flag(options, option_count, "--timing"),
        .progress = isatty(2) && !tl_cli_flag(options, option_count, "--no-progress"),
    };
    const char *form = tl_cli_option(options, option_count, "--output", NULL), *file = tl_cli_option(options, option_count, "--file", NULL);
    if (form && !tl_cli_form_of(form, &sql.form)) {
        fprintf(stderr, "townlake sql: there is no output form \"%s\"; there are table, csv, json, jsonl and markdown\n", form);
        return 2;
    }
    sql.form_given = form != NULL;
    if (file && word_count) {
        fprintf(stderr, "townlake sql: give a statement or --file, not both\n");
        return 2;
    }
    tl_cli_client client;
    tl_cli_client_init(&client, options, option_count);
    client.stop = tl_cli_interrupted;
    tl_cli_interrupt_init();
    if (word_count)
        status = run_text(&client, &sql, words[0], strlen(words[0]));
    else if (file)
        status = run_file(&client, &sql, file);
    else if (isatty(0))
        status = tl_cli_repl(&client, &sql);
    else
        status = run_standard_input(&client, &sql);
    tl_cli_client_done(&client);
    return status;
}

int tl_cli_explain(int argc, char **argv)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    const char *words[1];
    int option_count, word_count;
    int status = tl_cli_parse("explain", argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, words, &word_count, 1);
    if (status >= 0)
        return status;
    if (word_count == 0) {
        fprintf(stderr, "townlake explain: the statement is missing\n`townlake help explain` shows how\n");
        return 2;
    }
    struct tl_buf text;
    tl_buf_init(&text, TEXT_MAX);
    tl_buf_addf(&text, "EXPLAIN %s%s", tl_cli_flag(options, option_count, "--analyze") ? "ANALYZE " : "", words[0]);
    tl_cli_client client;
    tl_cli_client_init(&client, options, option_count);
    client.stop = tl_cli_interrupted;
    tl_cli_interrupt_init();
    struct tl_cli_sql_options sql = {.form = TL_CLI_PLAIN};
    status = tl_cli_sql_one(&client, &sql, tl_buf_cstr(&text), text.size);
    tl_buf_done(&text);
    tl_cli_client_done(&client);
    return status;
}

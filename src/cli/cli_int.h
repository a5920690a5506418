/* cli/cli_int.h -- what the commands share: the command table, colours, the client of a server, results as text. */
#ifndef TL_CLI_CLI_INT_H
#define TL_CLI_CLI_INT_H

#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "data/json.h"
#include "io/http.h"

enum { TL_CLI_OPTIONS_MAX = 64, TL_CLI_WORDS_MAX = 16, TL_CLI_PAIRS_MAX = 64 };

struct command_option {
    const char *name, *value, *env, *help;
};

struct command {
    const char *name, *usage, *summary, *detail, *words;
    const struct command_option *options;
};

size_t tl_cli_commands(const struct command **ret_commands);
const struct command *tl_cli_command(const char *name);

/* "" when colours are off (not a terminal, NO_COLOR, TERM=dumb). */
struct tl_cli_colours {
    const char *bold, *dim, *red, *green, *yellow, *cyan, *off;
};
struct tl_cli_colours tl_cli_colours(FILE *to);

/* ---- the server, over HTTP ---- */

struct tl_cli_pair {
    char *name, *value; /* heap */
};

/* What a session keeps between statements (the server keeps none of it). */
typedef struct tl_cli_client {
    tl_http_client *http;
    const char *url, *token;
    char *catalog, *schema;
    size_t property_count, prepared_count;
    struct tl_cli_pair properties[TL_CLI_PAIRS_MAX], prepared[TL_CLI_PAIRS_MAX];
    bool (*stop)(void *context); /* Ctrl-C; polled while waiting */
    void *stop_context;
} tl_cli_client;

void tl_cli_client_init(tl_cli_client *client, const struct tl_cli_option *options, int option_count);
void tl_cli_client_done(tl_cli_client *client);
void tl_cli_client_set(tl_cli_client *client, bool property, const char *name, const char *value); /* value NULL = remove */

/* One call to our API.  A problem document becomes err.  *ret_json NULL for an empty answer. */
TL_CHECKED enum tl_code tl_cli_call(tl_cli_client *client, tl_arena *arena, const char *method, const char *path, struct tl_str body,
                                    const tl_json **ret_json, struct tl_err *err);

/* Who gets what comes back.  All may be NULL. */
struct tl_cli_sink {
    void *context;
    void (*columns)(void *context, const tl_json *columns);
    bool (*row)(void *context, const tl_json *row); /* false = enough */
    void (*progress)(void *context, double percent, int64_t rows, int64_t elapsed_ms);
    void (*warning)(void *context, const char *message);
};

struct tl_cli_outcome {
    char update_type[64]; /* "" for queries */
    int64_t update_count; /* -1 = none */
    int64_t rows;
    int64_t elapsed_ms;
    char query_id[48];
};

TL_CHECKED enum tl_code tl_cli_run(tl_cli_client *client, const char *sql, size_t size, const struct tl_cli_sink *sink,
                                   struct tl_cli_outcome *ret_outcome, struct tl_err *err);

/* ---- commands of several actions ---- */

struct tl_cli_job {
    tl_cli_client client;
    tl_arena *arena;
    struct tl_err err; /* set: the action failed */
    const struct tl_cli_option *options;
    int option_count;
    const char *const *words; /* behind the action's own */
    int word_count;
    struct tl_cli_colours c;  /* of standard output */
};

enum { TL_CLI_ACTION_WORDS_MAX = 12, TL_CLI_MANY_WORDS = -1 };
struct tl_cli_action {
    const char *word;
    int word_count; /* behind it, at most TL_CLI_ACTION_WORDS_MAX; TL_CLI_MANY_WORDS = one or more */
    void (*run)(struct tl_cli_job *job);
};
/* Parses the line and runs the action it names; the exit status. */
int tl_cli_act(const char *command, int argc, char **argv, const struct tl_cli_action *actions, size_t count);
const char *tl_cli_job_option(const struct tl_cli_job *job, const char *name); /* NULL = not given */
/* NULL: it failed (job->err), or the answer is empty.  body NULL = none. */
const tl_json *tl_cli_job_call(struct tl_cli_job *job, const char *method, const char *path, const char *body);

/* The path with one more query parameter; value NULL: as it is. */
const char *tl_cli_with_parameter(struct tl_cli_job *job, const char *path, const char *name, const char *value);

/* Members of an answer as people read them: "" when it has no such text; times in UTC, to the minute. */
const char *tl_cli_text(const tl_json *object, const char *key);
const char *tl_cli_time_or(tl_arena *arena, const tl_json *object, const char *key, const char *fallback);

/* ---- results as text ---- */

/* PLAIN: each cell as it is, a line each: plans and scripts. */
enum tl_cli_form { TL_CLI_TABLE, TL_CLI_CSV, TL_CLI_JSON, TL_CLI_JSONL, TL_CLI_MARKDOWN, TL_CLI_PLAIN };
bool tl_cli_form_of(const char *name, enum tl_cli_form *ret_form);

typedef struct tl_cli_printer tl_cli_printer;
/* Rows are printed as they come; a table is laid out over the first 500 rows. */
tl_cli_printer *tl_cli_printer_new(FILE *to, enum tl_cli_form form);
void tl_cli_printer_columns(void *printer, const tl_json *columns);
bool tl_cli_printer_row(void *printer, const tl_json *row);
/* Prints what is left; `complete` false after an error.  Returns the rows printed; frees. */
int64_t tl_cli_printer_end(tl_cli_printer *printer, bool complete);

/* ---- statements in a text ---- */

/* Size of the first statement in text up to and without its semicolon; *ret_next is where the next one starts.  false: the text
 * ends before the statement does (an open quote or comment, or no semicolon). */
bool tl_cli_split(const char *text, size_t size, size_t *ret_statement_size, size_t *ret_next);

int tl_cli_sql(int argc, char **argv);
int tl_cli_explain(int argc, char **argv);
int tl_cli_source(int argc, char **argv);
int tl_cli_lifeguard(int argc, char **argv);
int tl_cli_catalog(int argc, char **argv);
void tl_cli_catalog_search(struct tl_cli_job *job);
int tl_cli_skimmer(int argc, char **argv);
int tl_cli_mcp(int argc, char **argv);
int tl_cli_skipper(int argc, char **argv);
int tl_cli_ask(int argc, char **argv);
void tl_cli_eval(struct tl_cli_job *job); /* townlake skipper eval SUITE */
int tl_cli_lake(int argc, char **argv);
int tl_cli_token(int argc, char **argv);
int tl_cli_doctor(int argc, char **argv);
int tl_cli_config(int argc, char **argv);
int tl_cli_completion(int argc, char **argv);

struct tl_cli_sql_options {
    enum tl_cli_form form;
    bool form_given;
    bool timing;
    bool progress;
};
/* One statement, its result on stdout.  Returns an exit status. */
int tl_cli_sql_one(tl_cli_client *client, const struct tl_cli_sql_options *options, const char *sql, size_t size);
int tl_cli_repl(tl_cli_client *client, struct tl_cli_sql_options *options);
/* Ctrl-C: true once since the last reset. */
void tl_cli_interrupt_init(void);
void tl_cli_interrupt_reset(void);
bool tl_cli_interrupted(void *unused);

#endif

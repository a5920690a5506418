/* townlake ask: a question in words; rows, how it was read, and the proof. */
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_int.h"

enum { BODY_MAX = 1024 * 1024 };

static const tl_json *call(struct tl_cli_job *job, const char *question)
{
    struct tl_buf body;
    struct tl_json_writer json;
    const char *conversation = tl_cli_job_option(job, "--conversation");
    tl_buf_init(&body, BODY_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "question", question);
    if (conversation)
        tl_json_pair_text(&json, "conversation", conversation);
    tl_json_pair_bool(&json, "continue", tl_cli_flag(job->options, job->option_count, "--continue"));
    tl_json_end_object(&json);
    const tl_json *answer = tl_cli_job_call(job, "POST", "/api/v1/ask", tl_buf_cstr(&body));
    tl_buf_done(&body);
    return answer;
}

static void print_rows(const tl_json *answer, enum tl_cli_form form)
{
    tl_cli_printer *printer = tl_cli_printer_new(stdout, form);
    tl_cli_printer_columns(printer, tl_json_get(answer, "columns"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "rows")); tl_json_next(&it);)
        tl_cli_printer_row(printer, it.value);
    int64_t rows = tl_cli_printer_end(printer, true);
    if (form == TL_CLI_TABLE)
        printf("(%lld row%s)\n", (long long)rows, rows == 1 ? "" : "s");
}

static void print_joins(const tl_json *proof, FILE *to)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(proof, "joins")); tl_json_next(&it);) {
        int64_t in = 0, used = 0;
        tl_json_int64(tl_json_get(it.value, "rows_in"), &in);
        tl_json_int64(tl_json_get(it.value, "rows_used"), &used);
        fprintf(to, "  rows      %s: %lld in, %lld used", tl_cli_text(it.value, "from"), (long long)in, (long long)used);
        const char *before = ", with ";
        for (struct tl_json_iter join = tl_json_iter(tl_json_get(it.value, "to")); tl_json_next(&join); before = ", ")
            fprintf(to, "%s%s", before, tl_json_text(join.value));
        fputc('\n', to);
    }
}

static void print_tables(struct tl_cli_job *job, const tl_json *proof, FILE *to)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(proof, "tables")); tl_json_next(&it);) {
        int64_t rules = 0;
        tl_json_int64(tl_json_get(it.value, "row_rules"), &rules);
        const char *changed = tl_cli_time_or(job->arena, it.value, "changed_at_us", NULL);
        fprintf(to, "  table     %s%s%s%s%s", tl_cli_text(it.value, "name"), tl_json_bool(tl_json_get(it.value, "curated"), false) ? ", curated" : "",
                changed ? ", changed " : "", changed ? changed : "", tl_json_bool(tl_json_get(it.value, "sampled"), false) ? " (a sample)" : "");
        for (struct tl_json_iter mask = tl_json_iter(tl_json_get(it.value, "masks")); tl_json_next(&mask);)
            fprintf(to, ", %s is masked (%s)", mask.key, tl_json_text(mask.value));
        if (rules > 0)
            fprintf(to, ", %lld row rule%s in force", (long long)rules, rules == 1 ? "" : "s");
        fputc('\n', to);
    }
}

static void print_proof(struct tl_cli_job *job, const tl_json *answer, FILE *to)
{
    const tl_json *proof = tl_json_get(answer, "proof");
    struct tl_cli_colours c = tl_cli_colours(to);
    fprintf(to, "\n%sproof%s\n  read as   %s\n  grain     %s\n", c.bold, c.off, tl_cli_text(proof, "reading"), tl_cli_text(proof, "grain"));
    print_tables(job, proof, to);
    print_joins(proof, to);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(proof, "notes")); tl_json_next(&it);)
        fprintf(to, "  note      %s\n", tl_json_text(it.value));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(proof, "findings")); tl_json_next(&it);)
        fprintf(to, "  %sfound%s     %s\n", c.yellow, c.off, tl_cli_text(it.value, "text"));
    fprintf(to, "  answered  by the planner; no language model was used\n  sure      %s\n%s%s%s\n", tl_cli_text(proof, "confidence"), c.dim,
        tl_cli_text(answer, "sql"),
            c.off);
}

/* An answer of a model: its words first, then the rows that it shows, then what it rests on. */
static void print_model_proof(const tl_json *answer, FILE *to)
{
    const tl_json *proof = tl_json_get(answer, "proof");
    struct tl_cli_colours c = tl_cli_colours(to);
    int64_t steps = 0, rows;
    double cost = 0;
    (void)(tl_json_int64(tl_json_get(proof, "steps"), &steps) + tl_json_double(tl_json_get(proof, "cost"), &cost));
    fprintf(to, "\n%sproof%s\n  answered  by the language model %s in %lld steps", c.bold, c.off, tl_cli_text(proof, "model"), (long long)steps);
    if (cost > 0)
        fprintf(to, " for %.4f", cost);
    fputs("; check what it says against the queries\n", to);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "findings")); tl_json_next(&it);)
        fprintf(to, "  %sfound%s     %s\n", c.yellow, c.off, tl_cli_text(it.value, "text"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "proposals")); tl_json_next(&it);)
        fprintf(to, "  %sproposes%s  %s (nothing was changed)\n", c.yellow, c.off, tl_cli_text(it.value, "tool"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(proof, "queries")); tl_json_next(&it);) {
        if (tl_json_int64(tl_json_get(it.value, "row_count"), &rows))
            fprintf(to, "  query     %lld row%s\n", (long long)rows, rows == 1 ? "" : "s");
        fprintf(to, "%s%s%s\n", c.dim, tl_cli_text(it.value, "sql"), c.off);
    }
}

static void print_model_answer(struct tl_cli_job *job, const tl_json *answer, enum tl_cli_form form)
{
    bool rows = tl_json_get(answer, "columns") != NULL;
    fprintf(rows && form != TL_CLI_TABLE ? stderr : stdout, "%s\n", tl_cli_text(tl_json_get(answer, "text"), "text"));
    if (rows)
        print_rows(answer, form);
    fflush(stdout);
    if (!tl_cli_flag(job->options, job->option_count, "--no-proof"))
        print_model_proof(answer, form == TL_CLI_TABLE ? stdout : stderr);
}

static void print_refusal(const tl_json *answer)
{
    const tl_json *refusal = tl_json_get(answer, "refusal");
    struct tl_cli_colours c = tl_cli_colours(stderr);
    fprintf(stderr, "%snot answered:%s %s\n", c.yellow, c.off, tl_cli_text(refusal, "reason"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(refusal, "try")); tl_json_next(&it);)
        fprintf(stderr, "  try: %s\n", tl_json_text(it.value));
    fprintf(stderr, "  all that can be asked for: townlake skipper metrics\n");
}

static bool print_answer(struct tl_cli_job *job, const tl_json *answer, enum tl_cli_form form)
{
    struct tl_buf text;
    struct tl_json_writer json;
    if (form == TL_CLI_JSON) {
        tl_buf_init(&text, 1 << 30);
        tl_json_writer_init(&json, &text);
        tl_json_put_value(&json, answer);
        puts(tl_buf_cstr(&text));
        tl_buf_done(&text);
    } else if (tl_json_get(answer, "refusal")) {
        print_refusal(answer);
    } else if (tl_streq(tl_json_get_text(answer, "answered_by"), "agent")) {
        print_model_answer(job, answer, form);
    } else {
        print_rows(answer, form);
        fflush(stdout);
        if (!tl_cli_flag(job->options, job->option_count, "--no-proof"))
            print_proof(job, answer, form == TL_CLI_TABLE ? stdout : stderr);
    }
    return !tl_json_get(answer, "refusal");
}

int tl_cli_ask(int argc, char **argv)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    const char *words[1] = {NULL};
    int option_count, word_count;
    int status = tl_cli_parse("ask", argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, words, &word_count, 1);
    if (status >= 0)
        return status;
    setlocale(LC_CTYPE, "");
    enum tl_cli_form form = isatty(1) ? TL_CLI_TABLE : TL_CLI_CSV;
    const char *output = tl_cli_option(options, option_count, "--output", NULL);
    if (word_count != 1 || (output && !tl_cli_form_of(output, &form))) {
        fprintf(stderr, "usage: townlake ask %s\n", tl_cli_command("ask")->usage);
        return 2;
    }
    struct tl_cli_job job = {.arena = tl_arena_new(1 << 30), .options = options, .option_count = option_count, .c = tl_cli_colours(stdout)};
    tl_err_init(&job.err);
    tl_cli_client_init(&job.client, options, option_count);
    const tl_json *answer = call(&job, words[0]);
    status = job.err.code != TL_OK ? tl_code_info(job.err.code)->exit_status : print_answer(&job, answer, form) ? 0 : 1;
    if (job.err.code != TL_OK)
        tl_cli_print_err(&job.err, NULL);
    tl_cli_client_done(&job.client);
    tl_arena_free(job.arena);
    return status;
}

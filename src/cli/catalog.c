/* townlake catalog: what data exists and what it means. */
#include <string.h>

#include "cli/cli_int.h"

enum { BODY_MAX = 64 * 1024, ANSWER_MAX = 64 * 1024 * 1024 };

static int64_t number_or(const tl_json *object, const char *key, int64_t fallback)
{
    int64_t value = fallback;
    tl_json_int64(tl_json_get(object, key), &value);
    return value;
}

static bool wants_json(const struct tl_cli_job *job)
{
    return tl_streq(tl_cli_job_option(job, "--output"), "json");
}

static void print_json(const tl_json *answer)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, ANSWER_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, answer);
    printf("%s\n", tl_buf_cstr(&text));
    tl_buf_done(&text);
}

/* --- show --- */

static void print_column(const struct tl_cli_job *job, const tl_json *column)
{
    const char *access = tl_cli_text(column, "access"), *text = tl_json_get_text(column, "comment");
    const char *colour = strcmp(access, "open") == 0 ? job->c.green : strcmp(access, "masked") == 0 ? job->c.yellow : job->c.red;
    printf("  %-28s %-20s %s%-7s%s %s%s%s%s\n", tl_cli_text(column, "name"), tl_cli_text(column, "type"), colour, access, job->c.off,
           number_or(column, "key_position", 0) ? "key " : "", job->c.dim, text ? text : "", job->c.off);
}

static void print_size(const tl_json *answer)
{
    int64_t rows = number_or(answer, "row_count", -1), bytes = number_or(answer, "size_bytes", -1);
    if (rows >= 0)
        printf("about %lld rows", (long long)rows);
    if (bytes >= 0)
        printf("%s%.1f MB", rows >= 0 ? ", " : "", (double)bytes / 1e6);
    if (rows >= 0 || bytes >= 0)
        printf("\n");
}

static void print_access(const struct tl_cli_job *job, const tl_json *access)
{
    int64_t readable = number_or(access, "columns_readable", 0), masked = number_or(access, "columns_masked", 0);
    if (readable == 0) {
        printf("%sclosed to you%s: %s\n  %s\n", job->c.red, job->c.off, tl_cli_text(access, "reason"), tl_cli_text(access, "hint"));
        return;
    }
    printf("you read %lld columns", (long long)readable);
    if (masked)
        printf(", %lld of them masked", (long long)masked);
    if (number_or(access, "columns_hidden", 0))
        printf("; %lld are closed", (long long)number_or(access, "columns_hidden", 0));
    printf("%s\n", tl_json_bool(tl_json_get(access, "row_rules"), false) ? "; some rows only" : "");
}

static void show(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", tl_cli_with_parameter(job, "/api/v1/catalog/dataset", "name", job->words[0]), NULL);
    if (!answer)
        return;
    if (wants_json(job)) {
        print_json(answer);
        return;
    }
    printf("%s%s.%s.%s%s (%s)\n", job->c.bold, tl_cli_text(answer, "source"), tl_cli_text(answer, "schema"), tl_cli_text(answer, "name"), job->c.off,
           tl_cli_text(answer, "kind"));
    if (tl_json_get_text(answer, "comment"))
        printf("%s\n", tl_cli_text(answer, "comment"));
    print_size(answer);
    print_access(job, tl_json_get(answer, "access"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "columns")); tl_json_next(&it);)
        print_column(job, it.value);
}

/* --- crawling --- */

static void status(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", "/api/v1/catalog", NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "sources")); tl_json_next(&it);) {
        const char *failure = tl_json_get_text(it.value, "failure");
        printf("%s%-20s%s %-9s %lld of %lld, %lld added, %lld changed, %lld gone; %s", job->c.bold, tl_cli_text(it.value, "source"), job->c.off,
               tl_cli_text(it.value, "state"), (long long)number_or(it.value, "done", 0), (long long)number_or(it.value, "datasets", 0),
               (long long)number_or(it.value, "added", 0), (long long)number_or(it.value, "changed", 0), (long long)number_or(it.value, "gone", 0),
               tl_cli_time_or(job->arena, it.value, "ended_at_us", "not ended yet"));
        printf("%s%s%s%s\n", failure ? "; " : "", job->c.red, failure ? failure : "", job->c.off);
    }
}

static void ask_crawl(struct tl_cli_job *job, const char *source)
{
    struct tl_buf body;
    struct tl_json_writer json;
    tl_buf_init(&body, BODY_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    if (source)
        tl_json_pair_text(&json, "source", source);
    tl_json_end_object(&json);
    tl_cli_job_call(job, "POST", "/api/v1/catalog/crawl", tl_buf_cstr(&body));
    tl_buf_done(&body);
    if (job->err.code == TL_OK)
        status(job);
}

static void crawl(struct tl_cli_job *job)
{
    ask_crawl(job, NULL);
}

static void crawl_one(struct tl_cli_job *job)
{
    ask_crawl(job, job->words[0]);
}

static const struct tl_cli_action actions[] = {
    {"search", TL_CLI_MANY_WORDS, tl_cli_catalog_search},
    {"search", 0, tl_cli_catalog_search},
    {"show", 1, show},
    {"status", 0, status},
    {"crawl", 0, crawl},
    {"crawl", 1, crawl_one},
};

int tl_cli_catalog(int argc, char **argv)
{
    return tl_cli_act("catalog", argc, argv, actions, sizeof actions / sizeof *actions);
}

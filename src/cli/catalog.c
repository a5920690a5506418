/* townlake catalog: what data exists and what it means. */
#include <string.h>

#include "cli/catalog_int.h"

enum { BODY_MAX = 64 * 1024, ANSWER_MAX = 64 * 1024 * 1024 };

static int64_t number_or(const tl_json *object, const char *key, int64_t fallback)
{
    int64_t value = fallback;
    tl_json_int64(tl_json_get(object, key), &value);
    return value;
}

bool tl_cli_wants_json(const struct tl_cli_job *job)
{
    return tl_streq(tl_cli_job_option(job, "--output"), "json");
}

void tl_cli_print_json(const tl_json *answer)
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

static void print_list(const struct tl_cli_job *job, const tl_json *object, const char *key, const char *before)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(object, key)); tl_json_next(&it);)
        printf("%s%s%s%s", job->c.cyan, before, tl_json_text(it.value) ? tl_json_text(it.value) : "", job->c.off);
}

static void print_column(const struct tl_cli_job *job, const tl_json *column)
{
    const char *access = tl_cli_text(column, "access"), *said = tl_json_get_text(column, "description");
    const char *text = said ? said : tl_json_get_text(column, "comment");
    const char *colour = strcmp(access, "open") == 0 ? job->c.green : strcmp(access, "masked") == 0 ? job->c.yellow : job->c.red;
    printf("  %-28s %-20s %s%-7s%s %s%s%.*s%s", tl_cli_text(column, "name"), tl_cli_text(column, "type"), colour, access, job->c.off,
           number_or(column, "key_position", 0) ? "key " : "", job->c.dim, (int)strcspn(text ? text : "", "\n"), text ? text : "", job->c.off);
    print_list(job, column, "tags", " #");
    print_list(job, column, "terms", " =");
    printf("%s%s%s\n", tl_json_get(column, "deprecated") ? job->c.red : "", tl_json_get(column, "deprecated") ? " deprecated" : "", job->c.off);
}

static void print_meaning(const struct tl_cli_job *job, const tl_json *answer)
{
    const char *said = tl_json_get_text(answer, "description"), *text = said ? said : tl_json_get_text(answer, "comment");
    const tl_json *deprecated = tl_json_get(answer, "deprecated");
    if (text)
        printf("%s\n", text);
    if (deprecated)
        printf("%sdeprecated%s: %s; use %s\n", job->c.red, job->c.off, tl_cli_text(deprecated, "reason"), tl_cli_text(deprecated, "use"));
    if (tl_json_get(answer, "domain") || tl_json_get(answer, "owners") || tl_json_get(answer, "tags") || tl_json_get(answer, "terms")) {
        printf("%s", tl_cli_text(answer, "domain"));
        print_list(job, answer, "owners", " by ");
        print_list(job, answer, "tags", " #");
        print_list(job, answer, "terms", " =");
        printf("\n");
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "questions")); tl_json_next(&it);)
        printf("  ask: %s\n", tl_cli_text(it.value, "question"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "pages")); tl_json_next(&it);)
        printf("  page: %s (townlake catalog page %s)\n", tl_cli_text(it.value, "title"), tl_cli_text(it.value, "path"));
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
    if (tl_cli_wants_json(job)) {
        tl_cli_print_json(answer);
        return;
    }
    printf("%s%s.%s.%s%s (%s)\n", job->c.bold, tl_cli_text(answer, "source"), tl_cli_text(answer, "schema"), tl_cli_text(answer, "name"), job->c.off,
           tl_cli_text(answer, "kind"));
    print_meaning(job, answer);
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
    {"lineage", 1, tl_cli_catalog_lineage},
    {"status", 0, status},
    {"crawl", 0, crawl},
    {"crawl", 1, crawl_one},
    {"annotate", 1, tl_cli_catalog_annotate},
    {"import", 1, tl_cli_catalog_import},
    {"export", 0, tl_cli_catalog_export},
    {"export", 1, tl_cli_catalog_export_one},
    {"history", 1, tl_cli_catalog_history},
    {"terms", 0, tl_cli_catalog_terms},
    {"terms", 1, tl_cli_catalog_terms_with},
    {"term", 1, tl_cli_catalog_term},
    {"domains", 0, tl_cli_catalog_domains},
    {"domain", 1, tl_cli_catalog_domain},
    {"pages", 0, tl_cli_catalog_pages},
    {"page", 1, tl_cli_catalog_page},
};

int tl_cli_catalog(int argc, char **argv)
{
    return tl_cli_act("catalog", argc, argv, actions, sizeof actions / sizeof *actions);
}

/* townlake catalog search: the results as people read them, the words that matter marked. */
#include <string.h>

#include "cli/cli_int.h"

enum { WORDS_BYTES_MAX = 4096, DESCRIPTION_BYTES = 100, JSON_BYTES_MAX = 16 * 1024 * 1024 };

static void print_until(const char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to && text[i]; i++)
        putchar((unsigned char)text[i] < ' ' ? ' ' : text[i]); /* on one line, and nothing that a terminal obeys */
}

static void print_marked(const struct tl_cli_job *job, const tl_json *reason)
{
    const char *text = tl_cli_text(reason, "snippet");
    size_t at = 0, size = strlen(text);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(reason, "marks")); tl_json_next(&it);) {
        int64_t place[2] = {0}, i = 0;
        for (struct tl_json_iter pair = tl_json_iter(it.value); i < 2 && tl_json_next(&pair); i++)
            tl_json_int64(pair.value, &place[i]);
        size_t from = (size_t)place[0], to = from + (size_t)place[1];
        if (from < at || to > size)
            break;
        print_until(text, at, from);
        printf("%s", job->c.bold);
        print_until(text, from, to);
        printf("%s", job->c.off);
        at = to;
    }
    print_until(text, at, size);
}

static void print_words(const tl_json *reason)
{
    int count = 0;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(reason, "words")); tl_json_next(&it); count++)
        printf("%s%s", count ? " " : "", tl_json_text(it.value) ? tl_json_text(it.value) : "");
}

/* The name is seen to match; columns stand on one line, what was written with its words. */
static void print_reasons(const struct tl_cli_job *job, const tl_json *why)
{
    int columns = 0;
    for (struct tl_json_iter it = tl_json_iter(why); tl_json_next(&it);) {
        if (strcmp(tl_cli_text(it.value, "field"), "column") != 0)
            continue;
        printf("%s%s", columns++ ? ", " : "    columns  ", tl_cli_text(it.value, "column"));
    }
    if (columns)
        printf("\n");
    for (struct tl_json_iter it = tl_json_iter(why); tl_json_next(&it);) {
        const char *field = tl_cli_text(it.value, "field"), *column = tl_json_get_text(it.value, "column");
        if (strcmp(field, "column") == 0 || strcmp(field, "name") == 0 || strcmp(field, "schema") == 0 || strcmp(field, "source") == 0)
            continue;
        printf("    %s%s%s%s%s  ", job->c.dim, field, column ? " of " : "", column ? column : "", job->c.off);
        if (tl_json_get_text(it.value, "snippet"))
            print_marked(job, it.value);
        else
            print_words(it.value);
        printf("\n");
    }
}

static bool shows_description(const tl_json *why)
{
    for (struct tl_json_iter it = tl_json_iter(why); tl_json_next(&it);)
        if (strcmp(tl_cli_text(it.value, "field"), "description") == 0)
            return true;
    return false;
}

static void print_result(const struct tl_cli_job *job, const tl_json *result)
{
    const char *title = tl_json_get_text(result, "title"), *description = tl_json_get_text(result, "description");
    const char *deprecated = tl_json_get_text(result, "deprecated");
    printf("%s%s%s  %s%s%s%s", job->c.bold, tl_cli_text(result, "name"), job->c.off, job->c.dim, tl_cli_text(result, "kind"), job->c.off, title ? "  " : "");
    if (title)
        printf("%s", title);
    if (tl_json_bool(tl_json_get(result, "curated"), false))
        printf("  %scurated%s", job->c.green, job->c.off);
    if (deprecated)
        printf("  %sdeprecated%s %s", job->c.red, job->c.off, deprecated);
    printf("\n");
    if (description && !shows_description(tl_json_get(result, "why"))) {
        printf("    ");
        print_until(description, 0, tl_utf8_cut(tl_str_of(description), DESCRIPTION_BYTES).size);
        printf("\n");
    }
    print_reasons(job, tl_json_get(result, "why"));
}

/* A beginning is seen to be one; synonyms and corrected slips are told. */
static void print_readings(const struct tl_cli_job *job, const tl_json *words)
{
    for (struct tl_json_iter it = tl_json_iter(words); tl_json_next(&it);) {
        int count = 0;
        for (struct tl_json_iter read = tl_json_iter(tl_json_get(it.value, "read_as")); tl_json_next(&read);) {
            if (strcmp(tl_cli_text(read.value, "how"), "beginning") == 0)
                continue;
            if (count++)
                printf(", %s", tl_cli_text(read.value, "text"));
            else
                printf("%s\"%s\" was also read as %s", job->c.yellow, tl_cli_text(it.value, "word"), tl_cli_text(read.value, "text"));
        }
        if (count)
            printf("%s\n", job->c.off);
        else if (!tl_json_bool(tl_json_get(it.value, "found"), true))
            printf("%s\"%s\" was not found%s\n", job->c.yellow, tl_cli_text(it.value, "word"), job->c.off);
    }
}

static const char *words_of(struct tl_cli_job *job)
{
    struct tl_buf text;
    tl_buf_init(&text, WORDS_BYTES_MAX);
    for (int i = 0; i < job->word_count; i++)
        tl_buf_addf(&text, "%s%s", i ? " " : "", job->words[i]);
    const char *words = text.size ? tl_arena_strdup(job->arena, tl_buf_cstr(&text)) : NULL;
    tl_buf_done(&text);
    return words;
}

static void print_json(const tl_json *answer)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, JSON_BYTES_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, answer);
    printf("%s\n", tl_buf_cstr(&text));
    tl_buf_done(&text);
}

void tl_cli_catalog_search(struct tl_cli_job *job)
{
    static const char *const filters[] = {"source", "tag", "owner", "domain", "kind", "count"};
    const char *path = tl_cli_with_parameter(job, "/api/v1/search", "q", words_of(job));
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        path = tl_cli_with_parameter(job, path, filters[i], tl_cli_job_option(job, tl_arena_printf(job->arena, "--%s", filters[i])));
    if (tl_cli_flag(job->options, job->option_count, "--curated"))
        path = tl_cli_with_parameter(job, path, "curated", "true");
    const tl_json *answer = tl_cli_job_call(job, "GET", path, NULL);
    if (!answer)
        return;
    if (tl_streq(tl_cli_job_option(job, "--output"), "json")) {
        print_json(answer);
        return;
    }
    print_readings(job, tl_json_get(answer, "words"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "results")); tl_json_next(&it);)
        print_result(job, it.value);
    if (tl_json_get(answer, "results") && tl_json_count(tl_json_get(answer, "results")) == 0)
        printf("nothing was found that you may know of\n");
}

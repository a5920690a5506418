/* townlake skimmer: status, findings, scan, pause, resume. */
#include <string.h>

#include "cli/cli_int.h"

enum { BODY_MAX = 64 * 1024 };

static int64_t number(const tl_json *object, const char *key)
{
    int64_t value = 0;
    tl_json_int64(tl_json_get(object, key), &value);
    return value;
}

static void status(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", "/api/v1/skimmer", NULL);
    if (!answer)
        return;
    printf("%s%s%s", job->c.bold, tl_cli_text(answer, "state"), job->c.off);
    if (tl_json_get_text(answer, "reading"))
        printf(", reads %s", tl_json_get_text(answer, "reading"));
    printf("; %lld tables looked at, %lld to do, %lld failed; %lld of %lld columns hold something personal or secret\n", (long long)number(answer, "scanned"),
           (long long)number(answer, "due"), (long long)number(answer, "failed"), (long long)number(answer, "columns_with_findings"),
           (long long)number(answer, "columns"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "failures")); tl_json_next(&it);)
        printf("  %s%s%s: %s\n", job->c.red, tl_cli_text(it.value, "table"), job->c.off, tl_cli_text(it.value, "reason"));
}

static void print_finding(const struct tl_cli_job *job, const tl_json *row, const char *table_before)
{
    const char *table = tl_cli_text(row, "table"), *standing = tl_cli_text(row, "standing"), *mask = tl_json_get_text(row, "mask");
    const char *colour = strcmp(standing, "agrees") == 0 ? job->c.green : strcmp(standing, "new") == 0 ? job->c.red : job->c.yellow;
    if (!table_before || strcmp(table, table_before) != 0)
        printf("%s%s%s\n", job->c.bold, table, job->c.off);
    const char *info_type = tl_json_get_text(row, "info_type");
    printf("  %-26s %-28s %-12s %s%s%-14s %s%-10s%s %s%s%s\n", tl_cli_text(row, "column"), info_type ? info_type : "-", tl_cli_text(row, "likelihood"),
           tl_cli_text(row, "state"), mask ? ":" : " ", mask ? mask : "", colour, standing, job->c.off, job->c.dim,
           tl_cli_text(row, "reason"), job->c.off);
}

static void print_findings(struct tl_cli_job *job, const char *table)
{
    const char *path = tl_cli_with_parameter(job, "/api/v1/skimmer/findings", "table", table), *before = NULL;
    path = tl_cli_with_parameter(job, path, "source", tl_cli_job_option(job, "--source"));
    path = tl_cli_with_parameter(job, path, "standing", tl_cli_job_option(job, "--standing"));
    path = tl_cli_with_parameter(job, path, "all", tl_cli_flag(job->options, job->option_count, "--all") ? "true" : NULL);
    const tl_json *answer = tl_cli_job_call(job, "GET", path, NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "columns")); tl_json_next(&it);) {
        print_finding(job, it.value, before);
        before = tl_cli_text(it.value, "table");
    }
}

static void findings(struct tl_cli_job *job)
{
    print_findings(job, NULL);
}

static void findings_of(struct tl_cli_job *job)
{
    print_findings(job, job->words[0]);
}

static void ask_scan(struct tl_cli_job *job, const char *name)
{
    struct tl_buf body;
    struct tl_json_writer json;
    tl_buf_init(&body, BODY_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    if (name)
        tl_json_pair_text(&json, strchr(name, '.') ? "table" : "source", name);
    tl_json_end_object(&json);
    tl_cli_job_call(job, "POST", "/api/v1/skimmer/scan", tl_buf_cstr(&body));
    if (job->err.code == TL_OK)
        printf("%s will be looked at again: `townlake skimmer status`\n", name ? name : "everything");
    tl_buf_done(&body);
}

static void scan(struct tl_cli_job *job)
{
    ask_scan(job, NULL);
}

static void scan_some(struct tl_cli_job *job)
{
    ask_scan(job, job->words[0]);
}

static void pause_it(struct tl_cli_job *job)
{
    tl_cli_job_call(job, "POST", "/api/v1/skimmer/pause", NULL);
    if (job->err.code == TL_OK)
        printf("paused; the table that is being read is read to its end\n");
}

static void resume(struct tl_cli_job *job)
{
    tl_cli_job_call(job, "POST", "/api/v1/skimmer/resume", NULL);
    if (job->err.code == TL_OK)
        printf("goes on\n");
}

static const struct tl_cli_action actions[] = {
    {"status", 0, status}, {"findings", 0, findings}, {"findings", 1, findings_of}, {"scan", 0, scan},
    {"scan", 1, scan_some}, {"pause", 0, pause_it}, {"resume", 0, resume},
};

int tl_cli_skimmer(int argc, char **argv)
{
    return tl_cli_act("skimmer", argc, argv, actions, sizeof actions / sizeof *actions);
}

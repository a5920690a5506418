/* townlake skipper: what can be asked in words, and what was asked. */
#include <string.h>

#include "cli/cli_int.h"

static void print_metric(const struct tl_cli_job *job, const tl_json *metric)
{
    printf("  %s%-24s%s %s\n", job->c.bold, tl_cli_text(metric, "name"), job->c.off, tl_cli_text(metric, "description"));
    const char *before = "                           also: ";
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(metric, "synonyms")); tl_json_next(&it); before = ", ")
        printf("%s%s%s", job->c.dim, before, tl_json_text(it.value));
    printf("%s%s", job->c.off, tl_json_count(tl_json_get(metric, "synonyms")) ? "\n" : "");
}

static void metrics(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", "/api/v1/semantic-models", NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "models")); tl_json_next(&it);) {
        printf("%s%s%s: %s\n", job->c.bold, tl_cli_text(it.value, "name"), job->c.off, tl_cli_text(it.value, "description"));
        for (struct tl_json_iter metric = tl_json_iter(tl_json_get(it.value, "metrics")); tl_json_next(&metric);)
            print_metric(job, metric.value);
        for (struct tl_json_iter example = tl_json_iter(tl_json_get(it.value, "examples")); tl_json_next(&example);)
            printf("  townlake ask \"%s\"\n", tl_json_text(example.value));
        for (struct tl_json_iter problem = tl_json_iter(tl_json_get(it.value, "problems")); tl_json_next(&problem);)
            printf("  %swrong:%s %s\n", job->c.red, job->c.off, tl_json_text(problem.value));
    }
}

static void conversations(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", "/api/v1/conversations", NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "conversations")); tl_json_next(&it);)
        printf("%s  %s  %s\n", tl_cli_text(it.value, "id"), tl_cli_time_or(job->arena, it.value, "updated_at_us", "-"), tl_cli_text(it.value, "title"));
}

static const struct tl_cli_action actions[] = {{"metrics", 0, metrics}, {"conversations", 0, conversations}, {"eval", 1, tl_cli_eval}};

int tl_cli_skipper(int argc, char **argv)
{
    return tl_cli_act("skipper", argc, argv, actions, sizeof actions / sizeof *actions);
}

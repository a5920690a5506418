/* townlake token: list, create, revoke. */
#include <string.h>

#include "cli/cli_int.h"

enum { BODY_MAX = 256 * 1024, PATH_BYTES_MAX = 1024 };

static void list(struct tl_cli_job *job)
{
    const char *path = tl_cli_flag(job->options, job->option_count, "--all") ? "/api/v1/tokens?all=true" : "/api/v1/tokens";
    const tl_json *answer = tl_cli_job_call(job, "GET", path, NULL);
    struct tl_cli_colours c = job->c;
    if (!answer)
        return;
    printf("%s%-16s  %-8s %-20s %-16s %-16s %-16s  %s%s\n", c.bold, "id", "state", "user", "scopes", "ends (UTC)", "last used", "name", c.off);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "tokens")); tl_json_next(&it);) {
        const char *state = tl_cli_text(it.value, "state");
        printf("%-16s  %s%-8s%s %-20s %-16s %-16s %-16s  %s\n", tl_cli_text(it.value, "id"),
               strcmp(state, "active") == 0 ? c.green : c.dim, state, c.off, tl_cli_text(it.value, "user"),
               tl_cli_text(it.value, "scopes"), tl_cli_time_or(job->arena, it.value, "expires_at_us", "-"),
               tl_cli_time_or(job->arena, it.value, "used_at_us", "-"), tl_cli_text(it.value, "name"));
    }
}

static void write_wish(struct tl_cli_job *job, struct tl_buf *body)
{
    struct tl_json_writer json;
    const char *scopes = tl_cli_job_option(job, "--scope");
    tl_json_writer_init(&json, body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "name", job->words[0]);
    tl_json_pair_text(&json, "scopes", scopes ? scopes : "read");
    if (tl_cli_job_option(job, "--lifetime"))
        tl_json_pair_text(&json, "lifetime", tl_cli_job_option(job, "--lifetime"));
    if (tl_cli_job_option(job, "--service"))
        tl_json_pair_text(&json, "service", tl_cli_job_option(job, "--service"));
    tl_json_key(&json, "groups");
    tl_json_begin_array(&json);
    for (int i = 0; i < job->option_count; i++)
        if (strcmp(job->options[i].name, "--group") == 0)
            tl_json_put_text(&json, job->options[i].value);
    tl_json_end_array(&json);
    tl_json_end_object(&json);
}

/* The token alone on standard output, so that a script can take it; the rest on standard error. */
static void create(struct tl_cli_job *job)
{
    struct tl_buf body;
    tl_buf_init(&body, BODY_MAX);
    write_wish(job, &body);
    const tl_json *answer = tl_cli_job_call(job, "POST", "/api/v1/tokens", tl_buf_cstr(&body));
    if (answer) {
        fprintf(stderr, "token %s of %s, scopes %s, until %s UTC; it is shown this once:\n", tl_cli_text(answer, "id"),
                tl_cli_text(answer, "user"), tl_cli_text(answer, "scopes"),
                tl_cli_time_or(job->arena, answer, "expires_at_us", "-"));
        printf("%s\n", tl_cli_text(answer, "token"));
    }
    tl_buf_done(&body);
}

static void revoke(struct tl_cli_job *job)
{
    struct tl_buf path;
    tl_buf_init(&path, PATH_BYTES_MAX);
    tl_buf_adds(&path, "/api/v1/tokens/");
    tl_http_encode(&path, job->words[0]);
    tl_cli_job_call(job, "DELETE", tl_buf_cstr(&path), NULL);
    if (job->err.code == TL_OK)
        printf("token %s is revoked\n", job->words[0]);
    tl_buf_done(&path);
}

static const struct tl_cli_action actions[] = {{"list", 0, list}, {"create", 1, create}, {"revoke", 1, revoke}};

int tl_cli_token(int argc, char **argv)
{
    return tl_cli_act("token", argc, argv, actions, sizeof actions / sizeof *actions);
}

/* townlake lifeguard: reviews, grants, row rules, requests, explanations. */
#include <stdio.h>
#include <string.h>

#include "cli/cli_int.h"

enum { BODY_MAX = 1024 * 1024, PATH_BYTES_MAX = 16 * 1024 };

/* "/api/v1/lifeguard" + rest, with what follows as query parameters. */
static const char *path_of(struct tl_cli_job *job, const char *before, const char *segment, const char *after)
{
    struct tl_buf path;
    tl_buf_init(&path, PATH_BYTES_MAX);
    tl_buf_addf(&path, "/api/v1/lifeguard%s", before);
    if (segment)
        tl_http_encode(&path, segment);
    tl_buf_adds(&path, after ? after : "");
    const char *copy = tl_arena_strdup(job->arena, tl_buf_cstr(&path));
    tl_buf_done(&path);
    return copy;
}

/* --- bodies --- */

struct body {
    struct tl_buf buf;
    struct tl_json_writer json;
};

static void begin(struct body *body)
{
    tl_buf_init(&body->buf, BODY_MAX);
    tl_json_writer_init(&body->json, &body->buf);
    tl_json_begin_object(&body->json);
}

static const char *finish(struct tl_cli_job *job, struct body *body)
{
    tl_json_end_object(&body->json);
    const char *copy = tl_arena_strdup(job->arena, tl_buf_cstr(&body->buf));
    tl_buf_done(&body->buf);
    return copy;
}

static void pair(struct tl_cli_job *job, struct body *body, const char *key, const char *name)
{
    if (tl_cli_job_option(job, name))
        tl_json_pair_text(&body->json, key, tl_cli_job_option(job, name));
}

/* The next part of "ops.public.\"odd name\"", and whether another follows. */
static const char *next_part(struct tl_cli_job *job, const char **at, bool *ret_more)
{
    const char *p = *at;
    struct tl_buf part;
    tl_buf_init(&part, PATH_BYTES_MAX);
    bool quoted = *p == '"';
    for (p += quoted; *p && (quoted || *p != '.'); p++) {
        if (quoted && *p == '"' && *++p != '"')
            break;
        tl_buf_addc(&part, *p);
    }
    *at = *p == '.' ? p + 1 : p;
    *ret_more = *p != '\0';
    const char *copy = tl_arena_strdup(job->arena, tl_buf_cstr(&part));
    tl_buf_done(&part);
    return copy;
}

/* "*", "ops", "ops.public", "ops.public.accounts", "tag:pii.email".  Each part is written, an empty one
 * and one too many too: left out, they would make the scope wider; the server refuses them. */
static void put_scope(struct tl_cli_job *job, struct body *body, const char *text)
{
    static const char *const keys[] = {"source", "schema", "table", "more"};
    enum { LAST = sizeof keys / sizeof *keys - 1 };
    bool more = true;
    tl_json_key(&body->json, "scope");
    tl_json_begin_object(&body->json);
    if (strncmp(text, "tag:", 4) == 0) {
        tl_json_pair_text(&body->json, "tag", text + 4);
    } else if (strcmp(text, "*") != 0) {
        for (size_t i = 0; more; i++)
            tl_json_pair_text(&body->json, keys[i < LAST ? i : LAST], next_part(job, &text, &more));
        if (tl_cli_job_option(job, "--column"))
            tl_json_pair_text(&body->json, "column", tl_cli_job_option(job, "--column"));
    }
    tl_json_end_object(&body->json);
}

static void put_subject(struct tl_cli_job *job, struct body *body)
{
    pair(job, body, "group", "--group");
    pair(job, body, "user", "--user");
    if (tl_cli_flag(job->options, job->option_count, "--everyone"))
        tl_json_pair_bool(&body->json, "everyone", true);
}

static void put_columns(struct tl_cli_job *job, struct body *body, const char *name, const char *state)
{
    for (int i = 0; i < job->option_count; i++) {
        if (strcmp(job->options[i].name, name) != 0)
            continue;
        for (const char *at = job->options[i].value; *at; at += strspn(at, ",")) {
            size_t size = strcspn(at, ",");
            tl_json_pair_text(&body->json, tl_arena_strndup(job->arena, at, size), state);
            at += size;
        }
    }
}

static bool put_masks(struct tl_cli_job *job, struct body *body)
{
    for (int i = 0; i < job->option_count; i++) {
        if (strcmp(job->options[i].name, "--mask") != 0)
            continue;
        const char *equals = strchr(job->options[i].value, '=');
        if (!equals) {
            tl_err_set(&job->err, TL_INVALID_ARGUMENT, "--mask needs COLUMN=MASK, not \"%s\"", job->options[i].value);
            return false;
        }
        const char *column = tl_arena_strndup(job->arena, job->options[i].value, (size_t)(equals - job->options[i].value));
        tl_json_pair_text(&body->json, column, tl_arena_printf(job->arena, "masked:%s", equals + 1));
    }
    return true;
}

/* --- reviews --- */

static void print_proposals(struct tl_cli_job *job, const tl_json *proposals)
{
    for (struct tl_json_iter it = tl_json_iter(proposals); tl_json_next(&it);) {
        const char *state = tl_cli_text(it.value, "state"), *mask = tl_json_get_text(it.value, "mask");
        const char *colour = strcmp(state, "open") == 0 ? job->c.green : strcmp(state, "denied") == 0 ? job->c.red : job->c.yellow;
        printf("  %-26s %s%s%s%s%s  %s%s%s\n", it.key, colour, state, mask ? ":" : "", mask ? mask : "", job->c.off, job->c.dim,
            tl_cli_text(it.value, "reason"), job->c.off);
    }
}

static void pending(struct tl_cli_job *job)
{
    const char *path = tl_cli_with_parameter(job, path_of(job, "/pending", NULL, NULL), "source", tl_cli_job_option(job, "--source"));
    const tl_json *answer = tl_cli_job_call(job, "GET", path, NULL);
    if (!answer)
        return;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "tables")); tl_json_next(&it);) {
        int64_t waiting = 0, columns = 0;
        tl_json_int64(tl_json_get(it.value, "pending"), &waiting);
        tl_json_int64(tl_json_get(it.value, "columns"), &columns);
        printf("%-48s %lld of %lld columns\n", tl_cli_text(it.value, "table"), (long long)waiting, (long long)columns);
        print_proposals(job, tl_json_get(it.value, "proposals"));
    }
}

static void show(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", path_of(job, "/datasets/", job->words[0], NULL), NULL);
    if (!answer)
        return;
    const tl_json *review = tl_json_get(answer, "review"), *states = tl_json_get(review, "columns");
    printf("%s%s%s: %s, %s", job->c.bold, tl_cli_text(answer, "table"), job->c.off, tl_cli_text(review, "state"), tl_cli_text(review, "sensitivity"));
    if (tl_json_get_text(review, "reviewer"))
        printf(", reviewed by %s %s", tl_json_get_text(review, "reviewer"), tl_cli_time_or(job->arena, review, "reviewed_at_us", ""));
    if (tl_json_get_text(review, "creator"))
        printf(", made by %s", tl_json_get_text(review, "creator"));
    printf("\n");
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "schema_columns")); tl_json_next(&it);) {
        const char *name = tl_cli_text(it.value, "name");
        const tl_json *column = tl_json_get(states, name);
        const char *state = tl_json_get_text(column, "state");
        printf("  %-28s %-20s %-8s %s\n", name, tl_cli_text(it.value, "type"), state ? state : "pending", tl_cli_text(column, "mask"));
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "comments")); tl_json_next(&it);)
        printf("%s%s %s:%s %s\n", job->c.dim, tl_cli_time_or(job->arena, it.value, "at_us", ""), tl_cli_text(it.value, "user"), job->c.off,
               tl_cli_text(it.value, "text"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "history")); tl_json_next(&it);)
        printf("%s%s %s by %s: %s%s\n", job->c.dim, tl_cli_time_or(job->arena, it.value, "at_us", ""), tl_cli_text(it.value, "action"),
               tl_cli_text(it.value, "user"), tl_cli_text(it.value, "reason"), job->c.off);
}

/* A table by its three parts; a source or schema in one go. */
static void put_reviewed(struct tl_cli_job *job, struct body *body, const char *name)
{
    const char *at = name, *parts[3] = {NULL, NULL, NULL};
    bool more = true;
    for (size_t i = 0; i < 3 && more; i++)
        parts[i] = next_part(job, &at, &more);
    if (parts[2]) {
        tl_json_pair_text(&body->json, "table", name);
        return;
    }
    tl_json_pair_text(&body->json, "source", parts[0]);
    if (parts[1])
        tl_json_pair_text(&body->json, "schema", parts[1]);
}

static void review(struct tl_cli_job *job)
{
    struct body body;
    begin(&body);
    put_reviewed(job, &body, job->words[0]);
    if (tl_cli_flag(job->options, job->option_count, "--accept"))
        tl_json_pair_bool(&body.json, "accept", true);
    pair(job, &body, "others", "--others");
    pair(job, &body, "state", "--state");
    pair(job, &body, "sensitivity", "--sensitivity");
    pair(job, &body, "comment", "--comment");
    pair(job, &body, "reason", "--reason");
    tl_json_key(&body.json, "columns");
    tl_json_begin_object(&body.json);
    put_columns(job, &body, "--open", "open");
    put_columns(job, &body, "--close", "denied");
    bool fine = put_masks(job, &body);
    tl_json_end_object(&body.json);
    const char *text = finish(job, &body);
    const tl_json *answer = fine ? tl_cli_job_call(job, "POST", path_of(job, "/review", NULL, NULL), text) : NULL;
    int64_t count = 0;
    if (answer && tl_json_int64(tl_json_get(answer, "reviewed"), &count))
        printf("reviewed: %lld\n", (long long)count);
}

static void comment(struct tl_cli_job *job)
{
    struct body body;
    begin(&body);
    tl_json_pair_text(&body.json, "table", job->words[0]);
    tl_json_pair_text(&body.json, "text", job->words[1]);
    tl_cli_job_call(job, "POST", path_of(job, "/comments", NULL, NULL), finish(job, &body));
}

/* --- grants and row rules --- */

static const char *subject_text(struct tl_cli_job *job, const tl_json *item)
{
    if (tl_json_get_text(item, "group"))
        return tl_arena_printf(job->arena, "group %s", tl_json_get_text(item, "group"));
    return tl_json_get_text(item, "user") ? tl_arena_printf(job->arena, "user %s", tl_json_get_text(item, "user")) : "everyone";
}

static const char *scope_text(struct tl_cli_job *job, const tl_json *scope)
{
    static const char *const keys[] = {"source", "schema", "table", "column"};
    struct tl_buf text;
    if (tl_json_get_text(scope, "tag"))
        return tl_arena_printf(job->arena, "tag:%s", tl_json_get_text(scope, "tag"));
    tl_buf_init(&text, PATH_BYTES_MAX);
    for (size_t i = 0; i < 4 && tl_json_get_text(scope, keys[i]); i++)
        tl_buf_addf(&text, "%s%s", i ? "." : "", tl_json_get_text(scope, keys[i]));
    const char *copy = text.size ? tl_arena_strdup(job->arena, tl_buf_cstr(&text)) : "*";
    tl_buf_done(&text);
    return copy;
}

static void grants(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", path_of(job, "/grants", NULL, NULL), NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "grants")); tl_json_next(&it);)
        printf("%-24s %-20s %-5s %-24s %-36s until %s  %s\n", tl_cli_text(it.value, "id"), subject_text(job, it.value), tl_cli_text(it.value, "effect"),
               tl_cli_text(it.value, "privileges"), scope_text(job, tl_json_get(it.value, "scope")), tl_cli_time_or(job->arena, it.value, "end_us", ""),
               tl_cli_text(it.value, "reason"));
}

static void print_id(const tl_json *answer)
{
    if (answer)
        printf("%s\n", tl_cli_text(answer, "id"));
}

/* A grant, row rule or quota by its id. */
static void end(struct tl_cli_job *job, const char *of)
{
    const char *path = path_of(job, of, job->words[0], NULL);
    tl_cli_job_call(job, "DELETE", tl_cli_with_parameter(job, path, "reason", tl_cli_job_option(job, "--reason")), NULL);
}

static void grant(struct tl_cli_job *job)
{
    struct body body;
    begin(&body);
    put_scope(job, &body, job->words[0]);
    put_subject(job, &body);
    pair(job, &body, "privileges", "--privileges");
    pair(job, &body, "effect", "--effect");
    pair(job, &body, "mask", "--mask");
    pair(job, &body, "duration", "--duration");
    pair(job, &body, "reason", "--reason");
    print_id(tl_cli_job_call(job, "POST", path_of(job, "/grants", NULL, NULL), finish(job, &body)));
}

static void revoke(struct tl_cli_job *job)
{
    end(job, "/grants/");
}

static void row_rules(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", path_of(job, "/row-rules", NULL, NULL), NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "row_rules")); tl_json_next(&it);) {
        struct tl_buf rule;
        struct tl_json_writer json;
        tl_buf_init(&rule, BODY_MAX);
        tl_json_writer_init(&json, &rule);
        tl_json_put_value(&json, tl_json_get(it.value, "rule"));
        printf("%-24s %-20s %-36s %s  %s\n", tl_cli_text(it.value, "id"), subject_text(job, it.value), scope_text(job, tl_json_get(it.value, "scope")),
               tl_buf_cstr(&rule), tl_cli_text(it.value, "reason"));
        tl_buf_done(&rule);
    }
}

static void row_rule(struct tl_cli_job *job)
{
    struct body body;
    const tl_json *rule;
    const char *text = tl_cli_job_option(job, "--rule");
    if (!text || tl_json_parse(job->arena, text, strlen(text), &rule, &job->err) != TL_OK) {
        tl_err_set(&job->err, TL_INVALID_ARGUMENT, "--rule is missing");
        tl_err_hint(&job->err, "--rule '{\"column\": \"country\", \"op\": \"in\", \"values\": [\"DE\"]}'");
        return;
    }
    begin(&body);
    put_scope(job, &body, job->words[0]);
    put_subject(job, &body);
    tl_json_key(&body.json, "rule");
    tl_json_put_value(&body.json, rule);
    pair(job, &body, "reason", "--reason");
    print_id(tl_cli_job_call(job, "POST", path_of(job, "/row-rules", NULL, NULL), finish(job, &body)));
}

static void remove_rule(struct tl_cli_job *job)
{
    end(job, "/row-rules/");
}

static void quotas(struct tl_cli_job *job)
{
    static const char *const keys[] = {"rows_scanned", "rows", "bytes", "time"};
    const tl_json *answer = tl_cli_job_call(job, "GET", path_of(job, "/quotas", NULL, NULL), NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "quotas")); tl_json_next(&it);) {
        printf("%-24s %-20s per %-4s", tl_cli_text(it.value, "id"), subject_text(job, it.value), tl_cli_text(it.value, "per"));
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            int64_t number;
            if (tl_json_int64(tl_json_get(it.value, keys[i]), &number))
                printf(" %s %lld", keys[i], (long long)number);
            else if (tl_json_get_text(it.value, keys[i]))
                printf(" %s %s", keys[i], tl_json_get_text(it.value, keys[i]));
        }
        printf("  %s\n", tl_cli_text(it.value, "reason"));
    }
}

static void pair_number(struct tl_cli_job *job, struct body *body, const char *key, const char *name)
{
    const char *text = tl_cli_job_option(job, name);
    long long number;
    int used = 0;
    if (text && sscanf(text, "%19lld%n", &number, &used) == 1 && !text[used])
        tl_json_pair_int64(&body->json, key, number);
    else
        pair(job, body, key, name); /* the server says what is wrong with it */
}

static void quota(struct tl_cli_job *job)
{
    struct body body;
    begin(&body);
    put_subject(job, &body);
    pair(job, &body, "per", "--per");
    pair_number(job, &body, "rows_scanned", "--rows-scanned");
    pair_number(job, &body, "rows", "--rows");
    pair(job, &body, "bytes", "--bytes");
    pair(job, &body, "time", "--time");
    pair(job, &body, "reason", "--reason");
    print_id(tl_cli_job_call(job, "POST", path_of(job, "/quotas", NULL, NULL), finish(job, &body)));
}

static void remove_quota(struct tl_cli_job *job)
{
    end(job, "/quotas/");
}

/* --- requests --- */

static void requests(struct tl_cli_job *job)
{
    const char *path = tl_cli_with_parameter(job, path_of(job, "/requests", NULL, NULL), "state", tl_cli_job_option(job, "--state"));
    const tl_json *answer = tl_cli_job_call(job, "GET", path, NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "requests")); tl_json_next(&it);) {
        const tl_json *asked = tl_json_get(it.value, "asked");
        printf("%-26s %-9s %-16s %-36s %-8s %s  %s", tl_cli_text(it.value, "id"), tl_cli_text(it.value, "state"), tl_cli_text(it.value, "user"),
               tl_cli_text(it.value, "scope_text"), tl_cli_text(asked, "privileges"), tl_cli_time_or(job->arena, it.value, "created_at_us", ""),
               tl_cli_text(asked, "reason"));
        if (tl_json_get_text(it.value, "decided_by"))
            printf("  (%s: %s)", tl_json_get_text(it.value, "decided_by"), tl_cli_text(it.value, "decision_reason"));
        printf("\n");
    }
}

static void request(struct tl_cli_job *job)
{
    struct body body;
    begin(&body);
    tl_json_pair_text(&body.json, "table", job->words[0]);
    pair(job, &body, "privileges", "--privileges");
    pair(job, &body, "duration", "--duration");
    pair(job, &body, "reason", "--reason");
    if (tl_cli_job_option(job, "--column")) {
        tl_json_key(&body.json, "columns");
        tl_json_begin_array(&body.json);
        for (int i = 0; i < job->option_count; i++)
            if (strcmp(job->options[i].name, "--column") == 0)
                tl_json_put_text(&body.json, job->options[i].value);
        tl_json_end_array(&body.json);
    }
    print_id(tl_cli_job_call(job, "POST", path_of(job, "/requests", NULL, NULL), finish(job, &body)));
}

static void decide(struct tl_cli_job *job, const char *how)
{
    struct body body;
    begin(&body);
    pair(job, &body, "reason", "--reason");
    tl_cli_job_call(job, "POST", path_of(job, "/requests/", job->words[0], how), finish(job, &body));
}

static void approve(struct tl_cli_job *job)
{
    decide(job, "/approve");
}

static void deny(struct tl_cli_job *job)
{
    decide(job, "/deny");
}

/* --- explanations --- */

static void print_columns(const tl_json *columns)
{
    for (struct tl_json_iter it = tl_json_iter(columns); tl_json_next(&it);) {
        bool visible = tl_json_bool(tl_json_get(it.value, "visible"), false);
        const char *mask = tl_json_get_text(it.value, "mask"), *by = tl_json_get_text(it.value, "by");
        printf("  %-28s %-10s %s%s%s\n", tl_cli_text(it.value, "name"), !visible ? "hidden" : mask ? mask : "open", tl_cli_text(it.value, "reason"),
               by ? ": " : "", by ? by : "");
    }
}

static void print_rules(const tl_json *rules)
{
    for (struct tl_json_iter it = tl_json_iter(rules); tl_json_next(&it);)
        printf("  only rows of the rule %s for %s: %s\n", tl_cli_text(it.value, "id"), tl_cli_text(it.value, "for"), tl_cli_text(it.value, "reason"));
}

static void explain(struct tl_cli_job *job)
{
    const char *path = tl_cli_with_parameter(job, path_of(job, "/explain", NULL, NULL), "user", job->words[0]);
    path = tl_cli_with_parameter(job, tl_cli_with_parameter(job, path, "table", job->words[1]), "at", tl_cli_job_option(job, "--at"));
    const tl_json *answer = tl_cli_job_call(job, "GET", tl_cli_with_parameter(job, path, "groups", tl_cli_job_option(job, "--groups")), NULL);
    const tl_json *e = tl_json_get(answer, "explanation");
    if (!e)
        return;
    bool reads = tl_json_bool(tl_json_get(e, "reads"), false);
    printf("%suser %s %s %s%s (%s UTC)\n", job->c.bold, tl_cli_text(e, "user"), reads ? "reads" : "cannot read", tl_cli_text(e, "table"), job->c.off,
           tl_cli_time_or(job->arena, e, "at_us", ""));
    printf("  groups:");
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(e, "groups")); tl_json_next(&it);)
        printf(" %s", tl_json_text(it.value));
    printf("\n  table: %s; reviewer: %s\n", tl_cli_text(e, "state"), tl_cli_text(e, "reviewer"));
    if (!reads)
        printf("  %s; open to: %s\n  %s\n", tl_cli_text(e, "reason"), tl_cli_text(e, "open_to"), tl_cli_text(e, "link"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(e, "grants")); tl_json_next(&it);)
        printf("  %s, until %s: %s\n", tl_cli_text(it.value, "text"), tl_cli_time_or(job->arena, it.value, "end_us", ""), tl_cli_text(it.value, "reason"));
    if (tl_json_get_text(e, "ended"))
        printf("  ended: %s\n", tl_json_get_text(e, "ended"));
    if (tl_json_get_text(e, "conflict"))
        printf("  %s\n", tl_json_get_text(e, "conflict"));
    print_rules(tl_json_get(e, "row_rules"));
    print_columns(tl_json_get(e, "columns"));
}

static void who(struct tl_cli_job *job)
{
    const char *path = tl_cli_with_parameter(job, path_of(job, "/who", NULL, NULL), "table", job->words[0]);
    const tl_json *answer = tl_cli_job_call(job, "GET", tl_cli_with_parameter(job, path, "at", tl_cli_job_option(job, "--at")), NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "who")); tl_json_next(&it);) {
        printf("%s%s%s\n", job->c.bold, tl_cli_text(it.value, "who"), job->c.off);
        print_rules(tl_json_get(it.value, "row_rules"));
        print_columns(tl_json_get(it.value, "columns"));
    }
}

static void history(struct tl_cli_job *job)
{
    const char *path = tl_cli_with_parameter(job, path_of(job, "/history", NULL, NULL), "subject", tl_cli_job_option(job, "--subject"));
    const tl_json *answer = tl_cli_job_call(job, "GET", path, NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "versions")); tl_json_next(&it);) {
        int64_t version = 0;
        tl_json_int64(tl_json_get(it.value, "version"), &version);
        printf("%6lld  %s  %-12s %-18s %-40s %s\n", (long long)version, tl_cli_time_or(job->arena, it.value, "at_us", ""), tl_cli_text(it.value, "user"),
               tl_cli_text(it.value, "action"), tl_cli_text(it.value, "subject"), tl_cli_text(it.value, "reason"));
    }
}

static const struct tl_cli_action actions[] = {
    {"pending", 0, pending},     {"show", 1, show},         {"review", 1, review},     {"comment", 2, comment},
    {"grants", 0, grants},       {"grant", 1, grant},       {"revoke", 1, revoke},     {"row-rules", 0, row_rules},
    {"row-rule", 1, row_rule},   {"remove-rule", 1, remove_rule}, {"requests", 0, requests}, {"request", 1, request},
    {"approve", 1, approve},     {"deny", 1, deny},         {"explain", 2, explain},   {"who", 1, who},
    {"history", 0, history},     {"quotas", 0, quotas},     {"quota", 0, quota},       {"remove-quota", 1, remove_quota},
};

int tl_cli_lifeguard(int argc, char **argv)
{
    return tl_cli_act("lifeguard", argc, argv, actions, sizeof actions / sizeof *actions);
}

/* townlake lifeguard: reviews, grants, row rules, requests, explanations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli_int.h"

enum { ARENA_MAX = 256 * 1024 * 1024, BODY_MAX = 1024 * 1024, PATH_BYTES_MAX = 16 * 1024, WORDS_MAX = 3 };

struct rules_command {
    tl_cli_client client;
    tl_arena *arena;
    struct tl_err err;
    const struct tl_cli_option *options;
    int option_count;
    const char *const *words; /* after the action's own */
    struct tl_cli_colours c;
};

static const char *option(const struct rules_command *command, const char *name)
{
    return tl_cli_option(command->options, command->option_count, name, NULL);
}

static const char *text_or(const tl_json *object, const char *key, const char *fallback)
{
    const char *text = tl_json_get_text(object, key);
    return text ? text : fallback;
}

static const tl_json *call(struct rules_command *command, const char *method, const char *path, const char *body)
{
    const tl_json *answer = NULL;
    if (tl_cli_call(&command->client, command->arena, method, path, tl_str_of(body ? body : ""), &answer, &command->err) != TL_OK)
        return NULL;
    return answer;
}

/* "/api/v1/lifeguard" + rest, with what follows as query parameters. */
static const char *path_of(struct rules_command *command, const char *before, const char *segment, const char *after)
{
    struct tl_buf path;
    tl_buf_init(&path, PATH_BYTES_MAX);
    tl_buf_addf(&path, "/api/v1/lifeguard%s", before);
    if (segment)
        tl_http_encode(&path, segment);
    tl_buf_adds(&path, after ? after : "");
    const char *copy = tl_arena_strdup(command->arena, tl_buf_cstr(&path));
    tl_buf_done(&path);
    return copy;
}

static const char *with_parameter(struct rules_command *command, const char *path, const char *name, const char *value)
{
    struct tl_buf longer;
    if (!value)
        return path;
    tl_buf_init(&longer, PATH_BYTES_MAX);
    tl_buf_addf(&longer, "%s%c%s=", path, strchr(path, '?') ? '&' : '?', name);
    tl_http_encode(&longer, value);
    const char *copy = tl_arena_strdup(command->arena, tl_buf_cstr(&longer));
    tl_buf_done(&longer);
    return copy;
}

static const char *day_of(struct rules_command *command, const tl_json *object, const char *key)
{
    int64_t at_us = 0;
    struct tm tm;
    char text[32];
    if (!tl_json_int64(tl_json_get(object, key), &at_us) || at_us <= 0)
        return "";
    time_t seconds = (time_t)(at_us / 1000000);
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
    return tl_arena_strdup(command->arena, text);
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

static const char *finish(struct rules_command *command, struct body *body)
{
    tl_json_end_object(&body->json);
    const char *copy = tl_arena_strdup(command->arena, tl_buf_cstr(&body->buf));
    tl_buf_done(&body->buf);
    return copy;
}

static void pair(struct rules_command *command, struct body *body, const char *key, const char *name)
{
    if (option(command, name))
        tl_json_pair_text(&body->json, key, option(command, name));
}

/* The next part of "ops.public.\"odd name\"". */
static const char *next_part(struct rules_command *command, const char **at)
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
    const char *copy = tl_arena_strdup(command->arena, tl_buf_cstr(&part));
    tl_buf_done(&part);
    return copy;
}

/* "*", "ops", "ops.public", "ops.public.accounts", "tag:pii.email" */
static void put_scope(struct rules_command *command, struct body *body, const char *text)
{
    static const char *const keys[] = {"source", "schema", "table"};
    tl_json_key(&body->json, "scope");
    tl_json_begin_object(&body->json);
    if (strncmp(text, "tag:", 4) == 0) {
        tl_json_pair_text(&body->json, "tag", text + 4);
    } else if (strcmp(text, "*") != 0) {
        for (size_t i = 0; i < 3 && *text; i++)
            tl_json_pair_text(&body->json, keys[i], next_part(command, &text));
        if (option(command, "--column"))
            tl_json_pair_text(&body->json, "column", option(command, "--column"));
    }
    tl_json_end_object(&body->json);
}

static void put_subject(struct rules_command *command, struct body *body)
{
    pair(command, body, "group", "--group");
    pair(command, body, "user", "--user");
    if (tl_cli_flag(command->options, command->option_count, "--everyone"))
        tl_json_pair_bool(&body->json, "everyone", true);
}

static void put_columns(struct rules_command *command, struct body *body, const char *name, const char *state)
{
    for (int i = 0; i < command->option_count; i++) {
        if (strcmp(command->options[i].name, name) != 0)
            continue;
        for (const char *at = command->options[i].value; *at; at += strspn(at, ",")) {
            size_t size = strcspn(at, ",");
            tl_json_pair_text(&body->json, tl_arena_strndup(command->arena, at, size), state);
            at += size;
        }
    }
}

static bool put_masks(struct rules_command *command, struct body *body)
{
    for (int i = 0; i < command->option_count; i++) {
        if (strcmp(command->options[i].name, "--mask") != 0)
            continue;
        const char *equals = strchr(command->options[i].value, '=');
        if (!equals) {
            tl_err_set(&command->err, TL_INVALID_ARGUMENT, "--mask needs COLUMN=MASK, not \"%s\"", command->options[i].value);
            return false;
        }
        const char *column = tl_arena_strndup(command->arena, command->options[i].value, (size_t)(equals - command->options[i].value));
        tl_json_pair_text(&body->json, column, tl_arena_printf(command->arena, "masked:%s", equals + 1));
    }
    return true;
}

/* --- reviews --- */

static void pending(struct rules_command *command)
{
    const char *path = with_parameter(command, path_of(command, "/pending", NULL, NULL), "source", option(command, "--source"));
    const tl_json *answer = call(command, "GET", path, NULL);
    if (!answer)
        return;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "tables")); tl_json_next(&it);) {
        int64_t waiting = 0, columns = 0;
        tl_json_int64(tl_json_get(it.value, "pending"), &waiting);
        tl_json_int64(tl_json_get(it.value, "columns"), &columns);
        printf("%-48s %lld of %lld columns\n", text_or(it.value, "table", ""), (long long)waiting, (long long)columns);
    }
}

static void show(struct rules_command *command)
{
    const tl_json *answer = call(command, "GET", path_of(command, "/datasets/", command->words[0], NULL), NULL);
    if (!answer)
        return;
    const tl_json *review = tl_json_get(answer, "review"), *states = tl_json_get(review, "columns");
    printf("%s%s%s: %s, %s", command->c.bold, text_or(answer, "table", ""), command->c.off, text_or(review, "state", ""), text_or(review, "sensitivity", ""));
    if (tl_json_get_text(review, "reviewer"))
        printf(", reviewed by %s %s", tl_json_get_text(review, "reviewer"), day_of(command, review, "reviewed_at_us"));
    if (tl_json_get_text(review, "creator"))
        printf(", made by %s", tl_json_get_text(review, "creator"));
    printf("\n");
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "schema_columns")); tl_json_next(&it);) {
        const char *name = text_or(it.value, "name", "");
        const tl_json *column = tl_json_get(states, name);
        printf("  %-28s %-20s %-8s %s\n", name, text_or(it.value, "type", ""), text_or(column, "state", "pending"), text_or(column, "mask", ""));
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "comments")); tl_json_next(&it);)
        printf("%s%s %s:%s %s\n", command->c.dim, day_of(command, it.value, "at_us"), text_or(it.value, "user", ""), command->c.off,
               text_or(it.value, "text", ""));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "history")); tl_json_next(&it);)
        printf("%s%s %s by %s: %s%s\n", command->c.dim, day_of(command, it.value, "at_us"), text_or(it.value, "action", ""), text_or(it.value, "user", ""),
               text_or(it.value, "reason", ""), command->c.off);
}

/* A table by its three parts; a source or schema in one go. */
static void put_reviewed(struct rules_command *command, struct body *body, const char *name)
{
    const char *at = name, *parts[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < 3 && *at; i++)
        parts[i] = next_part(command, &at);
    if (parts[2]) {
        tl_json_pair_text(&body->json, "table", name);
        return;
    }
    tl_json_pair_text(&body->json, "source", parts[0]);
    if (parts[1])
        tl_json_pair_text(&body->json, "schema", parts[1]);
}

static void review(struct rules_command *command)
{
    struct body body;
    begin(&body);
    put_reviewed(command, &body, command->words[0]);
    pair(command, &body, "others", "--others");
    pair(command, &body, "state", "--state");
    pair(command, &body, "sensitivity", "--sensitivity");
    pair(command, &body, "comment", "--comment");
    pair(command, &body, "reason", "--reason");
    tl_json_key(&body.json, "columns");
    tl_json_begin_object(&body.json);
    put_columns(command, &body, "--open", "open");
    put_columns(command, &body, "--close", "denied");
    bool fine = put_masks(command, &body);
    tl_json_end_object(&body.json);
    const char *text = finish(command, &body);
    const tl_json *answer = fine ? call(command, "POST", path_of(command, "/review", NULL, NULL), text) : NULL;
    int64_t count = 0;
    if (answer && tl_json_int64(tl_json_get(answer, "reviewed"), &count))
        printf("reviewed: %lld\n", (long long)count);
}

static void comment(struct rules_command *command)
{
    struct body body;
    begin(&body);
    tl_json_pair_text(&body.json, "table", command->words[0]);
    tl_json_pair_text(&body.json, "text", command->words[1]);
    call(command, "POST", path_of(command, "/comments", NULL, NULL), finish(command, &body));
}

/* --- grants and row rules --- */

static const char *subject_text(struct rules_command *command, const tl_json *item)
{
    if (tl_json_get_text(item, "group"))
        return tl_arena_printf(command->arena, "group %s", tl_json_get_text(item, "group"));
    return tl_json_get_text(item, "user") ? tl_arena_printf(command->arena, "user %s", tl_json_get_text(item, "user")) : "everyone";
}

static const char *scope_text(struct rules_command *command, const tl_json *scope)
{
    static const char *const keys[] = {"source", "schema", "table", "column"};
    struct tl_buf text;
    if (tl_json_get_text(scope, "tag"))
        return tl_arena_printf(command->arena, "tag:%s", tl_json_get_text(scope, "tag"));
    tl_buf_init(&text, PATH_BYTES_MAX);
    for (size_t i = 0; i < 4 && tl_json_get_text(scope, keys[i]); i++)
        tl_buf_addf(&text, "%s%s", i ? "." : "", tl_json_get_text(scope, keys[i]));
    const char *copy = text.size ? tl_arena_strdup(command->arena, tl_buf_cstr(&text)) : "*";
    tl_buf_done(&text);
    return copy;
}

static void grants(struct rules_command *command)
{
    const tl_json *answer = call(command, "GET", path_of(command, "/grants", NULL, NULL), NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "grants")); tl_json_next(&it);)
        printf("%-24s %-20s %-5s %-24s %-36s until %s  %s\n", text_or(it.value, "id", ""), subject_text(command, it.value), text_or(it.value, "effect", ""),
               text_or(it.value, "privileges", ""), scope_text(command, tl_json_get(it.value, "scope")), day_of(command, it.value, "end_us"),
               text_or(it.value, "reason", ""));
}

static void print_id(const tl_json *answer)
{
    if (answer)
        printf("%s\n", text_or(answer, "id", ""));
}

static void grant(struct rules_command *command)
{
    struct body body;
    begin(&body);
    put_scope(command, &body, command->words[0]);
    put_subject(command, &body);
    pair(command, &body, "privileges", "--privileges");
    pair(command, &body, "effect", "--effect");
    pair(command, &body, "mask", "--mask");
    pair(command, &body, "duration", "--duration");
    pair(command, &body, "reason", "--reason");
    print_id(call(command, "POST", path_of(command, "/grants", NULL, NULL), finish(command, &body)));
}

static void revoke(struct rules_command *command)
{
    call(command, "DELETE", with_parameter(command, path_of(command, "/grants/", command->words[0], NULL), "reason", option(command, "--reason")), NULL);
}

static void row_rules(struct rules_command *command)
{
    const tl_json *answer = call(command, "GET", path_of(command, "/row-rules", NULL, NULL), NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "row_rules")); tl_json_next(&it);) {
        struct tl_buf rule;
        struct tl_json_writer json;
        tl_buf_init(&rule, BODY_MAX);
        tl_json_writer_init(&json, &rule);
        tl_json_put_value(&json, tl_json_get(it.value, "rule"));
        printf("%-24s %-20s %-36s %s  %s\n", text_or(it.value, "id", ""), subject_text(command, it.value), scope_text(command, tl_json_get(it.value, "scope")),
               tl_buf_cstr(&rule), text_or(it.value, "reason", ""));
        tl_buf_done(&rule);
    }
}

static void row_rule(struct rules_command *command)
{
    struct body body;
    const tl_json *rule;
    const char *text = option(command, "--rule");
    if (!text || tl_json_parse(command->arena, text, strlen(text), &rule, &command->err) != TL_OK) {
        tl_err_set(&command->err, TL_INVALID_ARGUMENT, "--rule is missing");
        tl_err_hint(&command->err, "--rule '{\"column\": \"country\", \"op\": \"in\", \"values\": [\"DE\"]}'");
        return;
    }
    begin(&body);
    put_scope(command, &body, command->words[0]);
    put_subject(command, &body);
    tl_json_key(&body.json, "rule");
    tl_json_put_value(&body.json, rule);
    pair(command, &body, "reason", "--reason");
    print_id(call(command, "POST", path_of(command, "/row-rules", NULL, NULL), finish(command, &body)));
}

static void remove_rule(struct rules_command *command)
{
    call(command, "DELETE", with_parameter(command, path_of(command, "/row-rules/", command->words[0], NULL), "reason", option(command, "--reason")), NULL);
}

/* --- requests --- */

static void requests(struct rules_command *command)
{
    const char *path = with_parameter(command, path_of(command, "/requests", NULL, NULL), "state", option(command, "--state"));
    const tl_json *answer = call(command, "GET", path, NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "requests")); tl_json_next(&it);) {
        const tl_json *asked = tl_json_get(it.value, "asked");
        printf("%-26s %-9s %-16s %-36s %-8s %s  %s", text_or(it.value, "id", ""), text_or(it.value, "state", ""), text_or(it.value, "user", ""),
               text_or(it.value, "scope_text", ""), text_or(asked, "privileges", ""), day_of(command, it.value, "created_at_us"), text_or(asked, "reason", ""));
        if (tl_json_get_text(it.value, "decided_by"))
            printf("  (%s: %s)", tl_json_get_text(it.value, "decided_by"), text_or(it.value, "decision_reason", ""));
        printf("\n");
    }
}

static void request(struct rules_command *command)
{
    struct body body;
    begin(&body);
    tl_json_pair_text(&body.json, "table", command->words[0]);
    pair(command, &body, "privileges", "--privileges");
    pair(command, &body, "duration", "--duration");
    pair(command, &body, "reason", "--reason");
    if (option(command, "--column")) {
        tl_json_key(&body.json, "columns");
        tl_json_begin_array(&body.json);
        for (int i = 0; i < command->option_count; i++)
            if (strcmp(command->options[i].name, "--column") == 0)
                tl_json_put_text(&body.json, command->options[i].value);
        tl_json_end_array(&body.json);
    }
    print_id(call(command, "POST", path_of(command, "/requests", NULL, NULL), finish(command, &body)));
}

static void decide(struct rules_command *command, const char *how)
{
    struct body body;
    begin(&body);
    pair(command, &body, "reason", "--reason");
    call(command, "POST", path_of(command, "/requests/", command->words[0], how), finish(command, &body));
}

static void approve(struct rules_command *command)
{
    decide(command, "/approve");
}

static void deny(struct rules_command *command)
{
    decide(command, "/deny");
}

/* --- explanations --- */

static void print_columns(const tl_json *columns)
{
    for (struct tl_json_iter it = tl_json_iter(columns); tl_json_next(&it);) {
        bool visible = tl_json_bool(tl_json_get(it.value, "visible"), false);
        const char *mask = tl_json_get_text(it.value, "mask"), *by = tl_json_get_text(it.value, "by");
        printf("  %-28s %-10s %s%s%s\n", text_or(it.value, "name", ""), !visible ? "hidden" : mask ? mask : "open", text_or(it.value, "reason", ""),
               by ? ": " : "", by ? by : "");
    }
}

static void print_rules(const tl_json *rules)
{
    for (struct tl_json_iter it = tl_json_iter(rules); tl_json_next(&it);)
        printf("  only rows of the rule %s for %s: %s\n", text_or(it.value, "id", ""), text_or(it.value, "for", ""), text_or(it.value, "reason", ""));
}

static void explain(struct rules_command *command)
{
    const char *path = with_parameter(command, path_of(command, "/explain", NULL, NULL), "user", command->words[0]);
    path = with_parameter(command, with_parameter(command, path, "table", command->words[1]), "at", option(command, "--at"));
    const tl_json *answer = call(command, "GET", with_parameter(command, path, "groups", option(command, "--groups")), NULL);
    const tl_json *e = tl_json_get(answer, "explanation");
    if (!e)
        return;
    bool reads = tl_json_bool(tl_json_get(e, "reads"), false);
    printf("%suser %s %s %s%s (%s UTC)\n", command->c.bold, text_or(e, "user", ""), reads ? "reads" : "cannot read", text_or(e, "table", ""), command->c.off,
           day_of(command, e, "at_us"));
    printf("  groups:");
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(e, "groups")); tl_json_next(&it);)
        printf(" %s", tl_json_text(it.value));
    printf("\n  table: %s; reviewer: %s\n", text_or(e, "state", ""), text_or(e, "reviewer", ""));
    if (!reads)
        printf("  %s; open to: %s\n  %s\n", text_or(e, "reason", ""), text_or(e, "open_to", ""), text_or(e, "link", ""));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(e, "grants")); tl_json_next(&it);)
        printf("  %s, until %s: %s\n", text_or(it.value, "text", ""), day_of(command, it.value, "end_us"), text_or(it.value, "reason", ""));
    if (tl_json_get_text(e, "ended"))
        printf("  ended: %s\n", tl_json_get_text(e, "ended"));
    if (tl_json_get_text(e, "conflict"))
        printf("  %s\n", tl_json_get_text(e, "conflict"));
    print_rules(tl_json_get(e, "row_rules"));
    print_columns(tl_json_get(e, "columns"));
}

static void who(struct rules_command *command)
{
    const char *path = with_parameter(command, path_of(command, "/who", NULL, NULL), "table", command->words[0]);
    const tl_json *answer = call(command, "GET", with_parameter(command, path, "at", option(command, "--at")), NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "who")); tl_json_next(&it);) {
        printf("%s%s%s\n", command->c.bold, text_or(it.value, "who", ""), command->c.off);
        print_rules(tl_json_get(it.value, "row_rules"));
        print_columns(tl_json_get(it.value, "columns"));
    }
}

static void history(struct rules_command *command)
{
    const char *path = with_parameter(command, path_of(command, "/history", NULL, NULL), "subject", option(command, "--subject"));
    const tl_json *answer = call(command, "GET", path, NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "versions")); tl_json_next(&it);) {
        int64_t version = 0;
        tl_json_int64(tl_json_get(it.value, "version"), &version);
        printf("%6lld  %s  %-12s %-18s %-40s %s\n", (long long)version, day_of(command, it.value, "at_us"), text_or(it.value, "user", ""),
               text_or(it.value, "action", ""), text_or(it.value, "subject", ""), text_or(it.value, "reason", ""));
    }
}

static const struct {
    const char *word;
    int words;
    void (*run)(struct rules_command *command);
} actions[] = {
    {"pending", 0, pending},     {"show", 1, show},         {"review", 1, review},     {"comment", 2, comment},
    {"grants", 0, grants},       {"grant", 1, grant},       {"revoke", 1, revoke},     {"row-rules", 0, row_rules},
    {"row-rule", 1, row_rule},   {"remove-rule", 1, remove_rule}, {"requests", 0, requests}, {"request", 1, request},
    {"approve", 1, approve},     {"deny", 1, deny},         {"explain", 2, explain},   {"who", 1, who},
    {"history", 0, history},
};

int tl_cli_lifeguard(int argc, char **argv)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    const char *words[WORDS_MAX];
    int option_count, word_count;
    int status = tl_cli_parse("lifeguard", argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, words, &word_count, WORDS_MAX);
    if (status >= 0)
        return status;
    size_t i = 0, count = sizeof actions / sizeof *actions;
    while (i < count && (word_count == 0 || strcmp(actions[i].word, words[0]) != 0))
        i++;
    if (i == count || word_count != actions[i].words + 1) {
        fprintf(stderr, "usage: townlake lifeguard %s\n", tl_cli_command("lifeguard")->usage);
        return 2;
    }
    struct rules_command command = {
        .arena = tl_arena_new(ARENA_MAX), .options = options, .option_count = option_count, .words = words + 1, .c = tl_cli_colours(stdout)};
    tl_err_init(&command.err);
    tl_cli_client_init(&command.client, options, option_count);
    actions[i].run(&command);
    if (command.err.code != TL_OK)
        tl_cli_print_err(&command.err, NULL);
    status = command.err.code == TL_OK ? 0 : tl_code_info(command.err.code)->exit_status;
    tl_cli_client_done(&command.client);
    tl_arena_free(command.arena);
    return status;
}

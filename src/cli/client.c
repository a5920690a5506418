/* The Trino client protocol, from the client's side, and calls to our own API. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/cli_int.h"

enum { PAGE_ARENA_MAX = 1 << 30, RESPONSE_MAX = 1 << 30, HEADERS_MAX = 16, HEADER_BYTES_MAX = 1 << 20, RETRIES_MAX = 5, RETRY_WAIT_US = 200000 };

void tl_cli_client_init(tl_cli_client *client, const struct tl_cli_option *options, int option_count)
{
    *client = (tl_cli_client){
        .http = tl_http_client_new(4),
        .url = tl_cli_option(options, option_count, "--url", "http://127.0.0.1:8080"),
        .token = tl_cli_option(options, option_count, "--token", NULL),
        .catalog = tl_heap_strdup(tl_cli_option(options, option_count, "--catalog", NULL)),
        .schema = tl_heap_strdup(tl_cli_option(options, option_count, "--schema", NULL)),
    };
    for (int i = 0; i < option_count; i++) {
        const char *value = options[i].value, *equals = value ? strchr(value, '=') : NULL;
        if (strcmp(options[i].name, "--session") != 0 || !equals)
            continue;
        char *name = tl_heap_alloc((size_t)(equals - value) + 1);
        memcpy(name, value, (size_t)(equals - value));
        tl_cli_client_set(client, true, name, equals + 1);
        free(name);
    }
}

static void clear_pairs(struct tl_cli_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
}

void tl_cli_client_done(tl_cli_client *client)
{
    clear_pairs(client->properties, client->property_count);
    clear_pairs(client->prepared, client->prepared_count);
    free(client->catalog);
    free(client->schema);
    tl_http_client_free(client->http);
}

void tl_cli_client_set(tl_cli_client *client, bool property, const char *name, const char *value)
{
    struct tl_cli_pair *pairs = property ? client->properties : client->prepared;
    size_t *count = property ? &client->property_count : &client->prepared_count;
    size_t i = 0;
    while (i < *count && strcmp(pairs[i].name, name) != 0)
        i++;
    if (i < *count) {
        clear_pairs(&pairs[i], 1);
        pairs[i] = pairs[--*count];
    }
    if (value && *count < TL_CLI_PAIRS_MAX)
        pairs[(*count)++] = (struct tl_cli_pair){tl_heap_strdup(name), tl_heap_strdup(value)};
}

static const char *pairs_header(tl_arena *arena, const char *header, const struct tl_cli_pair *pairs, size_t count)
{
    struct tl_buf text;
    tl_buf_init(&text, HEADER_BYTES_MAX);
    tl_buf_addf(&text, "%s: ", header);
    for (size_t i = 0; i < count; i++) {
        if (i)
            tl_buf_addc(&text, ',');
        tl_http_encode(&text, pairs[i].name);
        tl_buf_addc(&text, '=');
        tl_http_encode(&text, pairs[i].value);
    }
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

static const char *const *make_headers(tl_cli_client *client, tl_arena *arena, bool statement)
{
    const char **headers = TL_NEW_ARRAY(arena, const char *, HEADERS_MAX);
    size_t count = 0;
    if (client->token)
        headers[count++] = tl_arena_printf(arena, "Authorization: Bearer %s", client->token);
    if (!statement) {
        headers[count++] = "Content-Type: application/json";
        return headers;
    }
    const char *user = getenv("USER");
    if (!client->token)
        headers[count++] = tl_arena_printf(arena, "X-Trino-User: %s", user && *user ? user : "townlake");
    headers[count++] = "Content-Type: text/plain; charset=utf-8";
    headers[count++] = "X-Trino-Source: townlake-cli";
    headers[count++] = "X-Trino-Client-Capabilities: PATH,PARAMETRIC_DATETIME";
    if (client->catalog)
        headers[count++] = tl_arena_printf(arena, "X-Trino-Catalog: %s", client->catalog);
    if (client->schema)
        headers[count++] = tl_arena_printf(arena, "X-Trino-Schema: %s", client->schema);
    if (client->property_count)
        headers[count++] = pairs_header(arena, "X-Trino-Session", client->properties, client->property_count);
    if (client->prepared_count)
        headers[count++] = pairs_header(arena, "X-Trino-Prepared-Statement", client->prepared, client->prepared_count);
    return headers;
}

static void explain_no_server(tl_cli_client *client, struct tl_err *err)
{
    if (err->code != TL_SOURCE_UNAVAILABLE)
        return;
    err->hint[0] = '\0'; /* what to do is clearer from here */
    tl_err_hint(err, "is a server running at %s? `townlake demo --dir ./demo-data` starts one; --url or TOWNLAKE_URL names another", client->url);
}

/* An error of the lake's REST catalog, in Iceberg's form. */
static enum tl_code read_iceberg_error(const struct tl_http_response *response, const tl_json *error, struct tl_err *err)
{
    static const struct {
        int status;
        enum tl_code code;
    } codes[] = {{401, TL_UNAUTHENTICATED}, {403, TL_NOT_ALLOWED}, {404, TL_NOT_FOUND},
                 {409, TL_ALREADY_EXISTS}, {500, TL_INTERNAL}, {503, TL_SOURCE_UNAVAILABLE}};
    enum tl_code code = TL_INVALID_ARGUMENT;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].status == response->status)
            code = codes[i].code;
    return tl_err_set(err, code, "%s", tl_json_get_text(error, "message"));
}

/* A problem document, or the plain text of a refusal. */
static enum tl_code read_problem(tl_arena *arena, const struct tl_http_response *response, struct tl_err *err)
{
    const tl_json *problem = NULL;
    struct tl_err ignored;
    tl_err_init(&ignored);
    enum tl_code code = response->status == 401 ? TL_UNAUTHENTICATED : response->status == 404 ? TL_NOT_FOUND : TL_INTERNAL;
    bool parsed = tl_json_parse(arena, response->body.data, response->body.size, &problem, &ignored) == TL_OK;
    if (parsed && tl_json_get_text(tl_json_get(problem, "error"), "message"))
        return read_iceberg_error(response, tl_json_get(problem, "error"), err);
    if (!parsed || !tl_json_get_text(problem, "code")) {
        int size = (int)(response->body.size < 500 ? response->body.size : 500);
        if (size)
            tl_err_set(err, code, "%.*s", size, response->body.data);
        else
            tl_err_set(err, code, "the server answered with status %d", response->status);
        if (response->status == 401)
            tl_err_hint(err, "give a token with TOWNLAKE_TOKEN or --token");
        return err->code;
    }
    int64_t position = -1;
    tl_err_set(err, tl_code_from_name(tl_json_get_text(problem, "code")), "%s", tl_json_get_text(problem, "message"));
    if (tl_json_get_text(problem, "detail"))
        tl_err_detail(err, "%s", tl_json_get_text(problem, "detail"));
    if (tl_json_get_text(problem, "hint"))
        tl_err_hint(err, "%s", tl_json_get_text(problem, "hint"));
    if (tl_json_get_text(problem, "link"))
        tl_err_link(err, "%s", tl_json_get_text(problem, "link"));
    if (tl_json_int64(tl_json_get(problem, "position"), &position))
        tl_err_position(err, position);
    return err->code;
}

enum tl_code tl_cli_call(tl_cli_client *client, tl_arena *arena, const char *method, const char *path, struct tl_str body, const tl_json **ret_json,
                         struct tl_err *err)
{
    struct tl_http_request request = {
        .method = method,
        .url = tl_arena_printf(arena, "%s%s", client->url, path),
        .headers = make_headers(client, arena, false),
        .body = body,
        .stop = client->stop,
        .stop_context = client->stop_context,
        .response_bytes_max = RESPONSE_MAX,
    };
    struct tl_http_response response;
    *ret_json = NULL;
    if (tl_http_call(client->http, arena, &request, &response, err) != TL_OK) {
        explain_no_server(client, err);
        return err->code;
    }
    if (response.status >= 400)
        return read_problem(arena, &response, err);
    if (response.body.size == 0)
        return TL_OK;
    return tl_json_parse(arena, response.body.data, response.body.size, ret_json, err);
}

/* ---- statements ---- */

static void take_text(char **to, const char *value)
{
    if (!value)
        return;
    free(*to);
    *to = tl_heap_strdup(value);
}

/* "name=value" or "name", percent-encoded. */
static void take_pair(tl_cli_client *client, tl_arena *arena, bool property, const char *header)
{
    if (!header)
        return;
    const char *equals = strchr(header, '=');
    size_t size = equals ? (size_t)(equals - header) : strlen(header);
    const char *name = tl_http_decode(arena, header, size, true);
    const char *value = equals ? tl_http_decode(arena, equals + 1, strlen(equals + 1), true) : NULL;
    if (name)
        tl_cli_client_set(client, property, name, value);
}

static void take_session(tl_cli_client *client, tl_arena *arena, const struct tl_http_response *response)
{
    take_text(&client->catalog, tl_http_response_header(response, "x-trino-set-catalog"));
    take_text(&client->schema, tl_http_response_header(response, "x-trino-set-schema"));
    take_pair(client, arena, true, tl_http_response_header(response, "x-trino-set-session"));
    take_pair(client, arena, true, tl_http_response_header(response, "x-trino-clear-session"));
    take_pair(client, arena, false, tl_http_response_header(response, "x-trino-added-prepare"));
    take_pair(client, arena, false, tl_http_response_header(response, "x-trino-deallocated-prepare"));
}

static enum tl_code read_error(const tl_json *error, struct tl_err *err)
{
    const tl_json *own = tl_json_get(error, "townlake"); /* absent when the server is a Trino */
    const char *code = tl_json_get_text(own, "code"), *text = tl_json_get_text(own ? own : error, "message");
    int64_t position = -1;
    tl_err_set(err, code ? tl_code_from_name(code) : TL_SOURCE_FAILED, "%s", text ? text : "the statement failed");
    if (tl_json_int64(tl_json_get(own, "position"), &position))
        tl_err_position(err, position);
    const char *detail = tl_json_get_text(own, "detail"), *hint = tl_json_get_text(own, "hint"), *link = tl_json_get_text(own, "link");
    if (detail && *detail)
        tl_err_detail(err, "%s", detail);
    if (hint && *hint)
        tl_err_hint(err, "%s", hint);
    if (link && *link)
        tl_err_link(err, "%s", link);
    return err->code;
}

struct run {
    tl_cli_client *client;
    const struct tl_cli_sink *sink;
    struct tl_cli_outcome *outcome;
    bool columns_seen, enough;
    char *next; /* heap */
};

static void read_stats(struct run *run, const tl_json *page)
{
    const tl_json *stats = tl_json_get(page, "stats");
    double percent = 0;
    int64_t rows = 0;
    tl_json_double(tl_json_get(stats, "progressPercentage"), &percent);
    tl_json_int64(tl_json_get(stats, "processedRows"), &rows);
    tl_json_int64(tl_json_get(stats, "elapsedTimeMillis"), &run->outcome->elapsed_ms);
    if (run->sink->progress)
        run->sink->progress(run->sink->context, percent, rows, run->outcome->elapsed_ms);
}

static enum tl_code read_page(struct run *run, const tl_json *page, struct tl_err *err)
{
    const struct tl_cli_sink *sink = run->sink;
    const char *id = tl_json_get_text(page, "id"), *update = tl_json_get_text(page, "updateType");
    snprintf(run->outcome->query_id, sizeof run->outcome->query_id, "%s", id ? id : "");
    if (update)
        snprintf(run->outcome->update_type, sizeof run->outcome->update_type, "%s", update);
    tl_json_int64(tl_json_get(page, "updateCount"), &run->outcome->update_count);
    free(run->next);
    run->next = tl_heap_strdup(tl_json_get_text(page, "nextUri"));
    const tl_json *columns = tl_json_get(page, "columns");
    if (columns && !run->columns_seen) {
        run->columns_seen = true;
        if (sink->columns && tl_json_count(columns))
            sink->columns(sink->context, columns);
    }
    read_stats(run, page);
    for (struct tl_json_iter row = tl_json_iter(tl_json_get(page, "data")); !run->enough && tl_json_next(&row);) {
        run->outcome->rows++;
        if (sink->row && !sink->row(sink->context, row.value))
            run->enough = true;
    }
    const tl_json *error = tl_json_get(page, "error");
    if (error)
        return read_error(error, err);
    if (!run->next && sink->warning)
        for (struct tl_json_iter warning = tl_json_iter(tl_json_get(page, "warnings")); tl_json_next(&warning);)
            sink->warning(sink->context, tl_json_get_text(warning.value, "message"));
    return TL_OK;
}

static bool worth_retrying(int status)
{
    return status == 502 || status == 503 || status == 504 || status == 429;
}

static enum tl_code fetch(struct run *run, const char *method, const char *url, struct tl_str body, struct tl_err *err)
{
    tl_cli_client *client = run->client;
    tl_arena *arena = tl_arena_new(PAGE_ARENA_MAX);
    struct tl_http_request request = {
        .method = method,
        .url = url,
        .headers = make_headers(client, arena, true),
        .body = body,
        .stop = client->stop,
        .stop_context = client->stop_context,
        .response_bytes_max = RESPONSE_MAX,
    };
    struct tl_http_response response;
    enum tl_code code = tl_http_call(client->http, arena, &request, &response, err);
    for (int retry = 0; code == TL_OK && worth_retrying(response.status) && retry < RETRIES_MAX; retry++) {
        int64_t until = tl_clock_monotonic_us() + RETRY_WAIT_US * (retry + 1);
        while (tl_clock_monotonic_us() < until && !(client->stop && client->stop(client->stop_context)))
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        code = tl_http_call(client->http, arena, &request, &response, err);
    }
    const tl_json *page = NULL;
    if (code != TL_OK)
        explain_no_server(client, err);
    else if (response.status != 200)
        code = read_problem(arena, &response, err);
    else if ((code = tl_json_parse(arena, response.body.data, response.body.size, &page, err)) == TL_OK) {
        take_session(client, arena, &response);
        code = read_page(run, page, err);
    }
    tl_arena_free(arena);
    return code;
}

static void cancel(struct run *run)
{
    tl_arena *arena = tl_arena_new(1 << 20);
    struct tl_err ignored;
    tl_err_init(&ignored);
    struct tl_http_request request = {.method = "DELETE", .url = run->next, .deadline_us = tl_clock_monotonic_us() + 2000000};
    struct tl_http_response response;
    if (tl_http_call(run->client->http, arena, &request, &response, &ignored) != TL_OK)
        tl_err_init(&ignored); /* the server ends what nobody fetches */
    tl_arena_free(arena);
}

enum tl_code tl_cli_run(tl_cli_client *client, const char *sql, size_t size, const struct tl_cli_sink *sink, struct tl_cli_outcome *ret_outcome,
                        struct tl_err *err)
{
    *ret_outcome = (struct tl_cli_outcome){.update_count = -1};
    struct run run = {.client = client, .sink = sink, .outcome = ret_outcome};
    struct tl_buf url;
    tl_buf_init(&url, 65536);
    tl_buf_addf(&url, "%s/v1/statement", client->url);
    enum tl_code code = fetch(&run, "POST", tl_buf_cstr(&url), (struct tl_str){sql, size}, err);
    tl_buf_done(&url);
    while (code == TL_OK && run.next && !run.enough) {
        if (client->stop && client->stop(client->stop_context)) {
            code = tl_err_set(err, TL_CANCELLED, "the statement was cancelled");
            break;
        }
        char *next = tl_heap_strdup(run.next);
        code = fetch(&run, "GET", next, (struct tl_str){"", 0}, err);
        free(next);
    }
    if (run.next && (code == TL_CANCELLED || run.enough))
        cancel(&run);
    free(run.next);
    return code;
}

#include "io/s3_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "io/s3_xml_int.h"

enum {
    TIMEOUT_MS = 60000,
    PART_BYTES = 16 << 20,
    PART_BYTES_MIN = 5 << 20,
    ANSWER_MAX = 16 << 20,
    ATTEMPTS_MAX = 6,
    PAUSE_MS = 50,
    PAUSE_MS_MAX = 5000,
    CONNECTIONS_MAX = 32,
    BUCKET_MIN = 3,
    BUCKET_MAX = 63,
};

/* --- who and where --- */

static enum tl_code read_location(const char *location, struct s3 *s3, struct tl_err *err)
{
    const char *bucket = strncmp(location, "s3://", 5) == 0 ? location + 5 : "";
    size_t size = strcspn(bucket, "/"), end = strlen(bucket);
    if (size < BUCKET_MIN || size > BUCKET_MAX || strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") < size || end > 1000)
        return tl_err_set(err, TL_CONFIG, "\"%.200s\" is not \"s3://\", the name of a bucket, and perhaps a prefix", location);
    while (end > size && bucket[end - 1] == '/')
        end--;
    const char *prefix = end > size ? bucket + size + 1 : "";
    size_t prefix_size = end > size ? end - size - 1 : 0;
    s3->bucket = tl_heap_strdup(bucket);
    s3->bucket[size] = '\0';
    s3->prefix = tl_heap_strdup(prefix);
    s3->prefix[prefix_size] = '\0';
    for (const char *c = s3->prefix; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("-_=/", *c)) || (*c == '/' && c[1] == '/'))
            return tl_err_set(err, TL_CONFIG, "the prefix of \"%.200s\" may have letters, digits, '-', '_' and '=' only", location);
    return TL_OK;
}

static char *joined(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = tl_heap_alloc(size);
    snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

/* "https://host:port" -> what is called and what is signed */
static enum tl_code read_endpoint(const struct tl_objects_s3 *options, struct s3 *s3, struct tl_err *err)
{
    char room[300];
    const char *endpoint = options->endpoint;
    if (!endpoint || !*endpoint) {
        snprintf(room, sizeof room, "https://s3.%.100s.amazonaws.com", s3->region);
        endpoint = room;
    }
    const char *host = strstr(endpoint, "://");
    size_t size = host ? strcspn(host + 3, "/?#@ ") : 0;
    bool plain = strncmp(endpoint, "http://", 7) == 0;
    if ((!plain && strncmp(endpoint, "https://", 8) != 0) || size == 0 || size > 200 || (host[3 + size] && strcmp(host + 3 + size, "/") != 0))
        return tl_err_set(err, TL_CONFIG, "the endpoint \"%.200s\" of the storage is not \"https://host\" or \"https://host:port\"", endpoint);
    char name[208];
    snprintf(name, sizeof name, "%.*s", (int)size, host + 3);
    char *port = strrchr(name, ':'); /* the usual one is not named in what is signed */
    if (port && strcmp(port, plain ? ":80" : ":443") == 0)
        *port = '\0';
    s3->host = options->path_style ? tl_heap_strdup(name) : joined(s3->bucket, ".", name);
    s3->base = joined(plain ? "http://" : "https://", s3->host, "");
    s3->path_start = options->path_style ? joined("/", s3->bucket, "") : tl_heap_strdup("");
    return TL_OK;
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7F)
            return false;
    return true;
}

static char *copy_or(const char *text, const char *fallback)
{
    return tl_heap_strdup(text && *text ? text : fallback);
}

enum tl_code s3_new(const struct tl_objects_s3 *options, struct s3 **ret_s3, struct tl_err *err)
{
    struct s3 *s3 = tl_heap_alloc(sizeof *s3);
    s3->region = copy_or(options->region, "us-east-1");
    s3->access_key = copy_or(options->access_key, "");
    s3->secret_key = copy_or(options->secret_key, "");
    s3->session_token = copy_or(options->session_token, "");
    s3->ca_file = copy_or(options->ca_file, "");
    s3->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
    s3->part_bytes = options->part_bytes == 0 ? PART_BYTES : options->part_bytes < PART_BYTES_MIN ? PART_BYTES_MIN : options->part_bytes;
    if (!*s3->access_key || !*s3->secret_key)
        tl_err_set(err, TL_CONFIG, "the storage \"%.200s\" needs an access key and its secret key", options->location);
    else if (!is_printable(s3->access_key) || !is_printable(s3->secret_key) || !is_printable(s3->session_token) || !is_printable(s3->region))
        tl_err_set(err, TL_CONFIG, "a key or the region of the storage \"%.200s\" holds a space or what is not printable", options->location);
    else if (read_location(options->location, s3, err) == TL_OK && read_endpoint(options, s3, err) == TL_OK)
        s3->client = tl_http_client_new(CONNECTIONS_MAX);
    if (!s3->client) {
        s3_free(s3);
        return err->code;
    }
    *ret_s3 = s3;
    return TL_OK;
}

void s3_free(struct s3 *s3)
{
    char *const texts[] = {s3->bucket, s3->prefix,     s3->base,          s3->host,   s3->path_start,
                           s3->region, s3->access_key, s3->session_token, s3->ca_file};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    if (s3->secret_key)
        explicit_bzero(s3->secret_key, strlen(s3->secret_key));
    free(s3->secret_key);
    tl_http_client_free(s3->client);
    free(s3);
}

/* --- one attempt --- */

static const char *path_of(const struct s3 *s3, tl_arena *arena, const char *key)
{
    struct tl_buf path;
    tl_buf_init(&path, 4 * OBJECTS_LOCATION_MAX);
    tl_buf_adds(&path, s3->path_start);
    if (key || !*s3->path_start)
        tl_buf_addc(&path, '/');
    if (key)
        tl_sigv4_encode(&path, key, true);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&path));
    tl_buf_done(&path);
    return text;
}

static enum tl_code attempt(const struct s3 *s3, tl_arena *arena, const struct s3_call *call, const char *digest, int64_t deadline_us,
                            struct s3_answer *answer, struct tl_err *err)
{
    char time[TL_SIGV4_TIME_SIZE];
    struct tl_sigv4_header headers[S3_CALL_HEADERS_MAX + 4];
    size_t count = 0;
    int64_t now_us = tl_clock_wall_us();
    tl_sigv4_time(now_us, time);
    headers[count++] = (struct tl_sigv4_header){"host", s3->host};
    headers[count++] = (struct tl_sigv4_header){"x-amz-content-sha256", digest};
    headers[count++] = (struct tl_sigv4_header){"x-amz-date", time};
    if (*s3->session_token)
        headers[count++] = (struct tl_sigv4_header){"x-amz-security-token", s3->session_token};
    for (size_t i = 0; i < call->header_count; i++)
        headers[count++] = call->headers[i];
    const char *path = path_of(s3, arena, call->key), *authorization;
    struct tl_sigv4_key key = {s3->access_key, s3->secret_key, s3->session_token, s3->region, "s3"};
    struct tl_sigv4_request signed_request = {call->method, path, call->query, headers, count, digest, now_us};
    if (tl_sigv4_authorization(arena, &key, &signed_request, &authorization, err) != TL_OK)
        return err->code;
    const char *lines[S3_CALL_HEADERS_MAX + 6];
    size_t line = 0;
    for (size_t i = 1; i < count; i++)
        lines[line++] = tl_arena_printf(arena, "%s: %s", headers[i].name, headers[i].value);
    lines[line++] = tl_arena_printf(arena, "authorization: %s", authorization);
    lines[line] = NULL;
    struct tl_http_request request = {
        .method = call->method,
        .url = tl_arena_printf(arena, "%s%s%s%s", s3->base, path, call->query ? "?" : "", call->query ? call->query : ""),
        .headers = lines,
        .body = call->body,
        .ca_file = *s3->ca_file ? s3->ca_file : NULL,
        .deadline_us = deadline_us,
        .response_bytes_max = call->answer_max ? call->answer_max : ANSWER_MAX,
    };
    if (tl_http_call(s3->client, arena, &request, &answer->http, err) != TL_OK)
        return err->code;
    answer->status = answer->http.status;
    answer->body = answer->http.body;
    return TL_OK;
}

/* --- what an answer means --- */

static bool is_one_of(const char *text, const char *const *list)
{
    for (; text && *list; list++)
        if (strcmp(text, *list) == 0)
            return true;
    return false;
}

static bool helps_to_repeat(const struct s3_answer *answer, const char *code)
{
    static const char *const again[] = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "ConditionalRequestConflict",
                                        "OperationAborted", NULL};
    return answer->status >= 500 || answer->status == 429 || answer->status == 408 || (answer->status >= 400 && is_one_of(code, again));
}

static enum tl_code report(const struct s3 *s3, tl_arena *arena, const struct s3_answer *answer, struct tl_err *err)
{
    const char *code = s3_xml_text(arena, answer->body, "Code"), *message = s3_xml_text(arena, answer->body, "Message");
    if (answer->status / 100 == 2 || answer->status == 412 || answer->status == 416 || (answer->status == 404 && !tl_streq(code, "NoSuchBucket")))
        return TL_OK;
    bool denied = answer->status == 401 || answer->status == 403;
    tl_err_set(err, denied ? TL_SOURCE_AUTH : answer->status >= 500 || answer->status == 429 ? TL_SOURCE_UNAVAILABLE : TL_SOURCE_FAILED,
               "bucket \"%s\" answered %d%s%.100s", s3->bucket, answer->status, code ? " " : "", code ? code : "");
    if (message)
        tl_err_detail(err, "%.500s", message);
    if (denied)
        tl_err_hint(err, "check the access key, its rights to the bucket, the region, and the clock of this machine");
    return err->code;
}

static void pause_before(int attempts, int64_t deadline_us)
{
    struct tl_err ignored;
    uint16_t dice = 0x8000;
    tl_err_init(&ignored);
    (void)!tl_random_bytes(&dice, sizeof dice, &ignored); /* spreads callers that failed together */
    int64_t ms = (int64_t)PAUSE_MS << (attempts < 8 ? attempts - 1 : 7), left_ms = (deadline_us - tl_clock_monotonic_us()) / 1000;
    ms = (ms < PAUSE_MS_MAX ? ms : PAUSE_MS_MAX) * (0x8000 + dice) / 0x10000;
    ms = ms < left_ms ? ms : left_ms;
    if (ms > 0)
        nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

enum tl_code s3_send(const struct s3 *s3, tl_arena *arena, const struct s3_call *call, struct s3_answer *ret_answer, struct tl_err *err)
{
    char digest[TL_SIGV4_DIGEST_SIZE];
    int64_t deadline_us = tl_clock_monotonic_us() + s3->timeout_ms * 1000LL;
    tl_sigv4_digest(call->body, digest);
    for (int attempts = 1;; attempts++) {
        struct tl_err failure;
        tl_err_init(&failure);
        *ret_answer = (struct s3_answer){0};
        enum tl_code code = attempt(s3, arena, call, digest, deadline_us, ret_answer, &failure);
        ret_answer->attempts = attempts;
        bool again = code == TL_SOURCE_UNAVAILABLE || code == TL_SOURCE_PROTOCOL ||
                     (code == TL_OK && helps_to_repeat(ret_answer, s3_xml_text(arena, ret_answer->body, "Code")));
        if (!again || attempts == ATTEMPTS_MAX || tl_clock_monotonic_us() >= deadline_us)
            return code == TL_OK ? report(s3, arena, ret_answer, err) : tl_err_copy(err, &failure);
        pause_before(attempts, deadline_us);
    }
}

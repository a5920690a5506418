#include "io/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"

enum { DIGEST_BYTES = 32, TEXT_MAX = 1 << 20, DAY_SIZE = 8 };

void tl_sigv4_time(int64_t time_us, char text[TL_SIGV4_TIME_SIZE])
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(text, TL_SIGV4_TIME_SIZE, "%Y%m%dT%H%M%SZ", &parts);
}

void tl_sigv4_digest(struct tl_str bytes, char text[TL_SIGV4_DIGEST_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    EVP_Digest(bytes.size ? bytes.data : "", bytes.size, digest, NULL, EVP_sha256(), NULL);
    tl_hex_text(text, digest, DIGEST_BYTES);
}

void tl_sigv4_encode(struct tl_buf *buf, const char *text, bool keep_slash)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("-._~", *c) ||
                     (keep_slash && *c == '/');
        if (plain)
            tl_buf_addc(buf, (char)*c);
        else
            tl_buf_addf(buf, "%%%02X", *c);
    }
}

static void mac(const void *key, size_t key_size, const char *text, size_t size, unsigned char digest[EVP_MAX_MD_SIZE])
{
    unsigned length = 0;
    HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, size, digest, &length);
}

/* The key of one day, region and service. */
static void derive(const struct tl_sigv4_key *key, const char *time, unsigned char signing[EVP_MAX_MD_SIZE])
{
    struct tl_buf first;
    tl_buf_init(&first, 4096);
    tl_buf_adds(&first, "AWS4");
    tl_buf_adds(&first, key->secret_key);
    mac(first.data, first.size, time, DAY_SIZE, signing);
    OPENSSL_cleanse(first.data, first.size);
    tl_buf_done(&first);
    const char *const steps[] = {key->region, key->service, "aws4_request"};
    for (size_t i = 0; i < 3; i++) {
        unsigned char from[DIGEST_BYTES];
        memcpy(from, signing, sizeof from);
        mac(from, sizeof from, steps[i], strlen(steps[i]), signing);
        OPENSSL_cleanse(from, sizeof from);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Parameters in order, each with its '='. */
static enum tl_code sort_query(tl_arena *arena, const char *query, struct tl_buf *buf, struct tl_err *err)
{
    const char *items[TL_SIGV4_PARAMETERS_MAX];
    size_t count = 0;
    for (const char *at = query ? query : ""; *at;) {
        size_t size = strcspn(at, "&");
        if (count == TL_SIGV4_PARAMETERS_MAX)
            return tl_err_set(err, TL_TOO_LARGE, "a request to sign has more than %d parameters", TL_SIGV4_PARAMETERS_MAX);
        if (size)
            items[count++] = memchr(at, '=', size) ? tl_arena_strndup(arena, at, size) : tl_arena_printf(arena, "%.*s=", (int)size, at);
        at += size + (at[size] == '&');
    }
    qsort(items, count, sizeof *items, by_text);
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(buf, "%s%s", i ? "&" : "", items[i]);
    return TL_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tl_sigv4_header *)a)->name, ((const struct tl_sigv4_header *)b)->name);
}

static void add_trimmed(struct tl_buf *buf, const char *value)
{
    while (*value == ' ')
        value++;
    size_t size = strlen(value);
    while (size && value[size - 1] == ' ')
        size--;
    for (size_t i = 0; i < size; i++)
        if (value[i] != ' ' || value[i + 1] != ' ')
            tl_buf_addc(buf, value[i]);
}

/* *ret_names: "host;x-amz-date" */
static enum tl_code canonical(tl_arena *arena, const struct tl_sigv4_request *request, struct tl_buf *buf, const char **ret_names,
                              struct tl_err *err)
{
    struct tl_sigv4_header headers[TL_SIGV4_HEADERS_MAX];
    struct tl_buf names;
    if (request->header_count > TL_SIGV4_HEADERS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "a request to sign has more than %d headers", TL_SIGV4_HEADERS_MAX);
    tl_buf_addf(buf, "%s\n%s\n", request->method, request->path);
    if (sort_query(arena, request->query, buf, err) != TL_OK)
        return err->code;
    memcpy(headers, request->headers, request->header_count * sizeof *headers);
    qsort(headers, request->header_count, sizeof *headers, by_name);
    tl_buf_init(&names, TEXT_MAX);
    tl_buf_addc(buf, '\n');
    for (size_t i = 0; i < request->header_count; i++) {
        tl_buf_addf(buf, "%s:", headers[i].name);
        add_trimmed(buf, headers[i].value);
        tl_buf_addc(buf, '\n');
        tl_buf_addf(&names, "%s%s", i ? ";" : "", headers[i].name);
    }
    *ret_names = tl_arena_strdup(arena, tl_buf_cstr(&names));
    tl_buf_done(&names);
    tl_buf_addf(buf, "\n%s\n%s", *ret_names, request->payload_sha256);
    return buf->failed ? tl_err_set(err, TL_TOO_LARGE, "a request to sign is too large") : TL_OK;
}

static enum tl_code sign(tl_arena *arena, const struct tl_sigv4_key *key, const struct tl_sigv4_request *request, const char **ret_names,
                         char signature[TL_SIGV4_DIGEST_SIZE], struct tl_err *err)
{
    char time[TL_SIGV4_TIME_SIZE], digest[TL_SIGV4_DIGEST_SIZE];
    unsigned char signing[EVP_MAX_MD_SIZE], last[EVP_MAX_MD_SIZE];
    struct tl_buf text;
    tl_buf_init(&text, TEXT_MAX);
    enum tl_code code = canonical(arena, request, &text, ret_names, err);
    if (code == TL_OK) {
        tl_sigv4_digest((struct tl_str){text.data, text.size}, digest);
        tl_sigv4_time(request->time_us, time);
        tl_buf_clear(&text);
        tl_buf_addf(&text, "AWS4-HMAC-SHA256\n%s\n%.8s/%s/%s/aws4_request\n%s", time, time, key->region, key->service, digest);
        derive(key, time, signing);
        mac(signing, DIGEST_BYTES, text.data, text.size, last);
        tl_hex_text(signature, last, DIGEST_BYTES);
        OPENSSL_cleanse(signing, sizeof signing);
    }
    tl_buf_done(&text);
    return code;
}

enum tl_code tl_sigv4_authorization(tl_arena *arena, const struct tl_sigv4_key *key, const struct tl_sigv4_request *request,
                                    const char **ret_value, struct tl_err *err)
{
    char time[TL_SIGV4_TIME_SIZE], signature[TL_SIGV4_DIGEST_SIZE];
    const char *names;
    if (sign(arena, key, request, &names, signature, err) != TL_OK)
        return err->code;
    tl_sigv4_time(request->time_us, time);
    *ret_value = tl_arena_printf(arena, "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
                                 key->access_key, time, key->region, key->service, names, signature);
    return TL_OK;
}

enum tl_code tl_sigv4_presign(tl_arena *arena, const struct tl_sigv4_key *key, const struct tl_sigv4_request *request, int seconds,
                              const char **ret_query, struct tl_err *err)
{
    char time[TL_SIGV4_TIME_SIZE], signature[TL_SIGV4_DIGEST_SIZE];
    struct tl_buf query;
    tl_sigv4_time(request->time_us, time);
    tl_buf_init(&query, TEXT_MAX);
    if (request->query && *request->query)
        tl_buf_addf(&query, "%s&", request->query);
    tl_buf_adds(&query, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
    tl_sigv4_encode(&query, tl_arena_printf(arena, "%s/%.8s/%s/%s/aws4_request", key->access_key, time, key->region, key->service), false);
    tl_buf_addf(&query, "&X-Amz-Date=%s&X-Amz-Expires=%d", time, seconds);
    if (key->session_token && *key->session_token) {
        tl_buf_adds(&query, "&X-Amz-Security-Token=");
        tl_sigv4_encode(&query, key->session_token, false);
    }
    tl_buf_adds(&query, "&X-Amz-SignedHeaders=host");
    struct tl_sigv4_request asked = *request;
    const char *names;
    asked.query = tl_arena_strdup(arena, tl_buf_cstr(&query));
    asked.payload_sha256 = "UNSIGNED-PAYLOAD";
    enum tl_code code = query.failed ? tl_err_set(err, TL_TOO_LARGE, "a request to sign is too large")
                                     : sign(arena, key, &asked, &names, signature, err);
    if (code == TL_OK)
        *ret_query = tl_arena_printf(arena, "%s&X-Amz-Signature=%s", asked.query, signature);
    tl_buf_done(&query);
    return code;
}

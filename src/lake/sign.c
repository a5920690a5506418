/* Requests to the storage that a client sends itself and this server signs: no key leaves it, and each request is one to a file of
 * the table, by who may read or change that table. */
#include "lake/lake_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "io/http.h"
#include "io/sigv4.h"

enum { HEADERS_MAX = 24, PRESIGNED_S = 900, URI_MAX = 8192 };

/* "https://host:port/path?query", taken apart. */
struct address {
    const char *scheme, *host, *path, *query; /* query NULL = none */
    bool bucket_in_host;                      /* else it is the first part of the path; key_of sets it */
};

static enum tl_code refuse(struct tl_err *err, const char *why)
{
    return tl_err_set(err, TL_NOT_ALLOWED, "the request cannot be signed: %s", why);
}

static enum tl_code read_address(tl_arena *arena, const char *uri, struct address *ret_address, struct tl_err *err)
{
    const char *host = strlen(uri) < URI_MAX ? strstr(uri, "://") : NULL;
    size_t host_size = host ? strcspn(host + 3, "/?#") : 0;
    const char *path = host ? host + 3 + host_size : NULL;
    if (host_size == 0 || *path != '/' || strchr(path, '#') || memchr(host + 3, '@', host_size))
        return refuse(err, "its address is not one of a file");
    size_t path_size = strcspn(path, "?");
    ret_address->scheme = tl_arena_strndup(arena, uri, (size_t)(host - uri));
    ret_address->host = tl_arena_strndup(arena, host + 3, host_size);
    ret_address->path = tl_arena_strndup(arena, path, path_size);
    ret_address->query = path[path_size] ? tl_arena_strdup(arena, path + path_size + 1) : NULL;
    return TL_OK;
}

/* "host:443" of https and "host:80" of http are the same as "host". */
static bool is_host(const char *scheme, const char *a, const char *b)
{
    const char *port = strcasecmp(scheme, "https") == 0 ? ":443" : ":80";
    size_t a_size = strlen(a), b_size = strlen(b), size = strlen(port);
    a_size -= a_size > size && strcmp(a + a_size - size, port) == 0 ? size : 0;
    b_size -= b_size > size && strcmp(b + b_size - size, port) == 0 ? size : 0;
    return a_size == b_size && strncasecmp(a, b, a_size) == 0;
}

/* The key in the bucket that the address names, decoded; NULL: another bucket or another storage. */
static const char *key_of(struct tl_lake_route_call *rest, struct address *address, const char *bucket)
{
    const char *own_scheme, *own_host;
    size_t size = strlen(bucket);
    tl_lake_storage_address(rest->lake->storage, rest->arena, &own_scheme, &own_host);
    if (strcasecmp(address->scheme, own_scheme) != 0)
        return NULL;
    address->bucket_in_host =
        strncmp(address->host, bucket, size) == 0 && address->host[size] == '.' && is_host(own_scheme, address->host + size + 1, own_host);
    if (address->bucket_in_host)
        return tl_http_decode(rest->arena, address->path + 1, strlen(address->path + 1), false);
    if (!is_host(own_scheme, address->host, own_host) || strncmp(address->path + 1, bucket, size) != 0 || address->path[size + 1] != '/')
        return NULL;
    return tl_http_decode(rest->arena, address->path + size + 2, strlen(address->path + size + 2), false);
}

/* Parameters of reading, writing and writing in parts; all others would make another request of it. */
static enum tl_code check_query(const char *query, struct tl_err *err)
{
    static const char *const known[] = {"uploads", "uploadId", "partNumber", "x-id"};
    for (const char *at = query ? query : ""; *at;) {
        size_t size = strcspn(at, "&"), name = strcspn(at, "=&");
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            is_known = is_known || (strlen(known[i]) == name && strncmp(at, known[i], name) == 0);
        if (!is_known)
            return refuse(err, "it has a parameter that is not one of reading or writing a file");
        at += size + (at[size] == '&');
    }
    return TL_OK;
}

/* *ret_writes: it changes what is there. */
static enum tl_code check_method(const char *method, bool *ret_writes, struct tl_err *err)
{
    static const char *const reading[] = {"GET", "HEAD"}, *const writing[] = {"PUT", "POST", "DELETE"};
    *ret_writes = false;
    for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++)
        if (strcmp(method, reading[i]) == 0)
            return TL_OK;
    *ret_writes = true;
    for (size_t i = 0; i < sizeof writing / sizeof writing[0]; i++)
        if (strcmp(method, writing[i]) == 0)
            return TL_OK;
    return refuse(err, "its method is not one of reading or writing a file");
}

struct signing {
    struct tl_sigv4_header headers[HEADERS_MAX];
    size_t count;
    const char *payload; /* its hash, as the client says; NULL = not said */
};

/* Headers of S3 that say nothing but how this one file is read or written.  Others bring in other files, other owners or other
 * rights, or may one day. */
static bool is_of_the_file(const char *name)
{
    static const char *const names[] = {"x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length", "x-amz-trailer",
                                        "x-amz-sdk-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-checksum-type",
                                        "x-amz-user-agent", "x-amz-request-payer", "x-amz-server-side-encryption", "x-amz-storage-class",
                                        "x-amz-mp-object-size"};
    static const char *const beginnings[] = {"x-amz-checksum-", "x-amz-meta-"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

/* The client's headers of S3 itself, but those that are ours to say. */
static enum tl_code take_headers(tl_arena *arena, const tl_json *headers, struct signing *signing, struct tl_err *err)
{
    for (struct tl_json_iter it = tl_json_iter(headers); tl_json_next(&it);) {
        const char *value = NULL;
        for (struct tl_json_iter first = tl_json_iter(it.value); !value && tl_json_next(&first);)
            value = tl_json_text(first.value);
        char *name = tl_arena_strdup(arena, it.key);
        for (char *c = name; *c; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        if (strncmp(name, "x-amz-", 6) != 0 || !value || strpbrk(value, "\r\n"))
            continue;
        if (!is_of_the_file(name))
            return refuse(err, "it has a header that reaches beyond the table's files");
        if (strcmp(name, "x-amz-content-sha256") == 0)
            signing->payload = value;
        else if (strcmp(name, "x-amz-date") != 0 && signing->count < HEADERS_MAX - 3)
            signing->headers[signing->count++] = (struct tl_sigv4_header){name, value};
    }
    return TL_OK;
}

static void put_header(struct tl_json_writer *writer, const char *name, const char *value)
{
    tl_json_key(writer, name);
    tl_json_begin_array(writer);
    tl_json_put_text(writer, value);
    tl_json_end_array(writer);
}

static void put_client_headers(struct tl_json_writer *writer, const tl_json *headers)
{
    for (struct tl_json_iter it = tl_json_iter(headers); tl_json_next(&it);)
        if (strncasecmp(it.key, "x-amz-", 6) != 0 && strcasecmp(it.key, "authorization") != 0 && tl_json_is_array(it.value)) {
            tl_json_key(writer, it.key);
            tl_json_put_value(writer, it.value);
        }
}

static enum tl_code answer(struct tl_lake_route_call *rest, const char *method, const struct address *address, const char *path,
                           struct signing *signing, struct tl_err *err)
{
    char time[TL_SIGV4_TIME_SIZE];
    struct tl_sigv4_key key;
    struct tl_json_writer writer;
    const char *value, *query = address->query;
    bool presigned = tl_lake_rest_asks_for(rest, "presigned-urls");
    int64_t now_us = tl_clock_wall_us();
    tl_lake_storage_key(rest->lake->storage, &key);
    tl_sigv4_time(now_us, time);
    signing->headers[signing->count++] = (struct tl_sigv4_header){"host", address->host};
    if (!presigned) {
        signing->headers[signing->count++] = (struct tl_sigv4_header){"x-amz-date", time};
        signing->headers[signing->count++] = (struct tl_sigv4_header){"x-amz-content-sha256", signing->payload};
    }
    struct tl_sigv4_request request = {method, path, query, signing->headers, signing->count, signing->payload, now_us};
    if (presigned) {
        request.headers = &signing->headers[signing->count - 1];
        request.header_count = 1;
    }
    if ((presigned ? tl_sigv4_presign(rest->arena, &key, &request, PRESIGNED_S, &query, err)
                   : tl_sigv4_authorization(rest->arena, &key, &request, &value, err)) != TL_OK)
        return err->code;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    const char *mark = query ? "?" : "", *parameters = query ? query : "";
    tl_json_pair_text(&writer, "uri", tl_arena_printf(rest->arena, "%s://%s%s%s%s", address->scheme, address->host, path, mark, parameters));
    tl_json_key(&writer, "headers");
    tl_json_begin_object(&writer);
    put_client_headers(&writer, tl_json_get(rest->body, "headers"));
    for (size_t i = 0; i < signing->count && !presigned; i++)
        if (strcmp(signing->headers[i].name, "host") != 0)
            put_header(&writer, signing->headers[i].name, signing->headers[i].value);
    if (!presigned)
        put_header(&writer, "Authorization", value);
    tl_json_end_object(&writer);
    tl_json_end_object(&writer);
    return TL_OK;
}

/* The path as it is signed: each byte of the key encoded in one way. */
static const char *encode_path(struct tl_lake_route_call *rest, const struct address *address, const char *bucket, const char *key)
{
    struct tl_buf path;
    tl_buf_init(&path, 4 * URI_MAX);
    tl_buf_addc(&path, '/');
    if (!address->bucket_in_host)
        tl_buf_addf(&path, "%s/", bucket);
    tl_sigv4_encode(&path, key, true);
    const char *text = tl_arena_strdup(rest->arena, tl_buf_cstr(&path));
    tl_buf_done(&path);
    return text;
}

enum tl_code tl_lake_rest_sign(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *method, *uri, *location, *root = tl_objects_root(rest->lake->objects) + sizeof "s3://" - 1;
    struct tl_lake_pointer pointer;
    struct address address = {0};
    struct signing signing = {0};
    bool writes;
    if (!rest->lake->storage)
        return tl_err_set(err, TL_UNSUPPORTED, "the tables of this lake are files of its own machine");
    if (tl_lake_json_need_text(rest->body, "signing", "method", &method, err) != TL_OK ||
        tl_lake_json_need_text(rest->body, "signing", "uri", &uri, err) != TL_OK || check_method(method, &writes, err) != TL_OK ||
        tl_lake_rest_need(rest, writes ? TL_LAKE_RIGHT_WRITE : TL_LAKE_RIGHT_READ, rest->namespace_name, rest->table, err) != TL_OK ||
        tl_lake_pointer_get(rest->lake, rest->arena, rest->namespace_name, rest->table, &pointer, err) != TL_OK ||
        read_address(rest->arena, uri, &address, err) != TL_OK || check_query(address.query, err) != TL_OK ||
        take_headers(rest->arena, tl_json_get(rest->body, "headers"), &signing, err) != TL_OK)
        return err->code;
    const char *bucket = tl_arena_strndup(rest->arena, root, strcspn(root, "/")), *key = key_of(rest, &address, bucket);
    struct tl_err outside;
    tl_err_init(&outside);
    if (!key || tl_objects_locate(rest->lake->objects, rest->arena, tl_arena_printf(rest->arena, "s3://%s/%s", bucket, key), &location, &outside) != TL_OK ||
        strncmp(location, pointer.location, strlen(pointer.location)) != 0 || location[strlen(pointer.location)] != '/')
        return refuse(err, "it is not of a file of this table");
    if (!signing.payload)
        signing.payload = "UNSIGNED-PAYLOAD";
    rest->act = NULL; /* loading the table is on the record; each of its files would drown it */
    return answer(rest, method, &address, encode_path(rest, &address, bucket, key), &signing, err);
}

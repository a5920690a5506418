/* io/s3_int.h -- one call to a bucket: signed, sent, sent again while that can help. */
#ifndef TL_IO_S3_INT_H
#define TL_IO_S3_INT_H

#include "io/http.h"
#include "io/objects_int.h"
#include "io/sigv4.h"

enum { S3_CALL_HEADERS_MAX = 4 };

struct s3 {
    char *bucket, *prefix; /* prefix: "" or without slashes at its ends */
    char *base;            /* "https://host:port" as it is called */
    char *host;            /* "host:port" as it is signed */
    char *path_start;      /* "/bucket", or "" when the host names it */
    char *region, *access_key, *secret_key, *session_token, *ca_file;
    int timeout_ms;
    size_t part_bytes;
    tl_http_client *client;
};
TL_CHECKED enum tl_code s3_new(const struct tl_objects_s3 *options, struct s3 **ret_s3, struct tl_err *err);
void s3_free(struct s3 *s3);

struct s3_call {
    const char *method;
    const char *key;   /* of the bucket; NULL = the bucket itself */
    const char *query; /* encoded; NULL = none */
    struct tl_str body;
    struct tl_sigv4_header headers[S3_CALL_HEADERS_MAX];
    size_t header_count;
    size_t answer_max; /* 0 = 16 MiB */
};
struct s3_answer {
    int status;        /* 2xx, 404, 412 or 416: the rest is an error already */
    int attempts;      /* more than 1: an earlier one may have been done without our knowing */
    struct tl_str body;
    struct tl_http_response http;
};
TL_CHECKED enum tl_code s3_send(const struct s3 *s3, tl_arena *arena, const struct s3_call *call, struct s3_answer *ret_answer,
                                struct tl_err *err);

#endif

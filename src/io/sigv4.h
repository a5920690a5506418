/* io/sigv4.h -- AWS Signature Version 4: how a request to S3's API says who sends it.
 *
 * Why not libcurl's own: it neither names the hash of the body nor sorts the query, and addresses that others may use for a while
 *   (presigned URLs) and requests that others send (remote signing) are signed by the same rules.
 * Owns: nothing; results are in the caller's arena or buffer.  Threads: no state.
 * The secret key goes into HMACs only, never into text.
 */
#ifndef TL_IO_SIGV4_H
#define TL_IO_SIGV4_H

#include "base/arena.h"
#include "base/str.h"

struct tl_sigv4_key {
    const char *access_key, *secret_key;
    const char *session_token; /* NULL or "" = none */
    const char *region;
    const char *service; /* "s3" */
};

struct tl_sigv4_header {
    const char *name, *value; /* name in lower case */
};

struct tl_sigv4_request {
    const char *method;
    const char *path;  /* as it is sent: encoded once, starts with '/' */
    const char *query; /* as it is sent, encoded; in any order; NULL or "" = none */
    const struct tl_sigv4_header *headers; /* all that are signed, "host" among them; in any order */
    size_t header_count;
    const char *payload_sha256; /* 64 digits, or "UNSIGNED-PAYLOAD" */
    int64_t time_us;
};
enum { TL_SIGV4_TIME_SIZE = 17, TL_SIGV4_DIGEST_SIZE = 65, TL_SIGV4_HEADERS_MAX = 32, TL_SIGV4_PARAMETERS_MAX = 64 };

void tl_sigv4_time(int64_t time_us, char text[TL_SIGV4_TIME_SIZE]); /* "20130524T000000Z" */
void tl_sigv4_digest(struct tl_str bytes, char text[TL_SIGV4_DIGEST_SIZE]);
/* The value of the Authorization header.  TL_TOO_LARGE: more headers or parameters than are taken. */
TL_CHECKED enum tl_code tl_sigv4_authorization(tl_arena *arena, const struct tl_sigv4_key *key, const struct tl_sigv4_request *request,
                                               const char **ret_value, struct tl_err *err);
/* The query that lets anyone send this one request for `seconds`; `request` needs no headers but host. */
TL_CHECKED enum tl_code tl_sigv4_presign(tl_arena *arena, const struct tl_sigv4_key *key, const struct tl_sigv4_request *request,
                                         int seconds, const char **ret_query, struct tl_err *err);
/* Percent-encoding as the signature wants it: all but A-Z a-z 0-9 - . _ ~, and '/' when it is kept. */
void tl_sigv4_encode(struct tl_buf *buf, const char *text, bool keep_slash);

#endif

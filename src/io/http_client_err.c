/* What went wrong with a transfer, in our words: never user info, headers or body. */
#include <string.h>

#include "io/http_client_int.h"

static enum tl_code bad_url(struct tl_err *err)
{
    tl_err_set(err, TL_INVALID_ARGUMENT, "the URL of an HTTP request cannot be used");
    tl_err_hint(err, "give http://HOST:PORT/PATH or https://HOST:PORT/PATH");
    return TL_INVALID_ARGUMENT;
}

enum tl_code http_read_where(const char *url, char where[HTTP_WHERE_BYTES], struct tl_err *err)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool good = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                (tl_streq(scheme, "http") || tl_streq(scheme, "https"));
    if (good) {
        struct tl_buf buf;
        tl_buf_init(&buf, HTTP_WHERE_BYTES - 1);
        tl_buf_adds(&buf, host);
        tl_buf_addf(&buf, ":%s", port);
        good = !buf.failed;
        memcpy(where, tl_buf_cstr(&buf), buf.size + 1);
        tl_buf_done(&buf);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return good ? TL_OK : bad_url(err);
}

static enum tl_code report_unavailable(const tl_http_stream *stream, const char *what, const char *hint,
                                       struct tl_err *err)
{
    tl_err_set(err, TL_SOURCE_UNAVAILABLE, "%s \"%s\"", what, stream->where);
    tl_err_detail(err, "%s", stream->curl_said[0] ? stream->curl_said : curl_easy_strerror(stream->result));
    tl_err_hint(err, "%s", hint);
    return TL_SOURCE_UNAVAILABLE;
}

static enum tl_code report_cut_off(const tl_http_stream *stream, struct tl_err *err)
{
    return report_unavailable(stream, "the connection ended too early at the HTTP server",
                              "the server may have restarted; try again", err);
}

static enum tl_code report_protocol(const tl_http_stream *stream, struct tl_err *err)
{
    tl_err_set(err, TL_SOURCE_PROTOCOL, "what answers at \"%s\" does not speak HTTP", stream->where);
    tl_err_detail(err, "%s", stream->curl_said[0] ? stream->curl_said : curl_easy_strerror(stream->result));
    tl_err_hint(err, "check host and port, and whether it wants https");
    return TL_SOURCE_PROTOCOL;
}

enum tl_code http_report_result(const tl_http_stream *stream, struct tl_err *err)
{
    static const char check_server[] = "check that the server runs and that host and port are right";
    switch (stream->result) {
    case CURLE_OK:
        /* libcurl takes half a head for a whole one */
        return stream->head.is_complete ? TL_OK : report_cut_off(stream, err);
    case CURLE_URL_MALFORMAT:
        return bad_url(err);
    case CURLE_COULDNT_RESOLVE_HOST:
        return report_unavailable(stream, "could not find the address of the HTTP server", "check the name of the host",
                                  err);
    case CURLE_COULDNT_CONNECT:
        return report_unavailable(stream, "could not connect to the HTTP server", check_server, err);
    case CURLE_OPERATION_TIMEDOUT:
        tl_err_set(err, TL_SOURCE_UNAVAILABLE, "the HTTP server \"%s\" did not take the connection within %d ms",
                   stream->where, stream->connect_timeout_ms);
        tl_err_hint(err, "%s", check_server);
        return TL_SOURCE_UNAVAILABLE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
        return report_unavailable(stream, "could not make a TLS connection to the HTTP server",
                                  "check the scheme of the URL, and the file of certificate authorities", err);
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
        return report_cut_off(stream, err);
    case CURLE_RECV_ERROR: /* also what libcurl says of a broken chunk */
        if (strstr(stream->curl_said, "chunked"))
            return report_protocol(stream, err);
        return report_cut_off(stream, err);
    case CURLE_WRITE_ERROR:
        if (stream->is_too_large)
            return tl_err_set(err, TL_TOO_LARGE, "the answer of the HTTP server \"%s\" is larger than %zu bytes",
                              stream->where, stream->body->max_size);
        return report_protocol(stream, err); /* too many headers */
    default:
        return report_protocol(stream, err);
    }
}

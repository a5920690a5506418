/* The page for browsers: what web/ builds, kept in the program.
 *
 * Nothing on it comes from elsewhere and nothing inline runs: the policy in its header says so, and a browser refuses the rest. */
#include <string.h>

#include "api/api_int.h"
#include "web_files.h" /* generated: static const struct web_file web_files[] */

#define WEB_POLICY \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " \
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

static void answer_file(struct tl_api_call *call, const struct web_file *file)
{
    tl_http_set_header(call->exchange, "Content-Security-Policy", WEB_POLICY);
    tl_http_set_header(call->exchange, "X-Content-Type-Options", "nosniff");
    tl_http_set_header(call->exchange, "Referrer-Policy", "same-origin");
    tl_http_set_header(call->exchange, "Cache-Control", "no-cache"); /* kept, but asked for each time: a new server is seen at once */
    tl_http_set_header(call->exchange, "ETag", file->tag);
    if (tl_streq(tl_http_header(call->exchange, "If-None-Match"), file->tag)) {
        tl_http_respond(call->exchange, 304, file->type, TL_STR(""), false);
        return;
    }
    tl_http_allow_gzip(call->exchange);
    tl_http_respond(call->exchange, 200, file->type, (struct tl_str){file->data, file->size}, false);
}

void tl_api_web(struct tl_api_call *call)
{
    const char *path = tl_http_path(call->exchange);
    for (size_t i = 0; i < sizeof web_files / sizeof *web_files; i++)
        if (strcmp(path, web_files[i].path) == 0) {
            answer_file(call, &web_files[i]);
            return;
        }
    tl_err_set(&call->rq.err, TL_NOT_FOUND, "there is no file \"%.100s\"", path);
    tl_api_fail(call);
}

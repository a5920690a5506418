/* For measuring: a server with a small and a streamed answer, and a client that reads a streamed one.
 *
 * usage: http_bench serve            prints its port, serves GET / and GET /stream (4 GiB) until its input ends
 *        http_bench read URL         reads the answer, prints bytes, seconds and GB/s
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/http.h"

enum { PIECE_BYTES = 64 * 1024 };
static const size_t stream_bytes = (size_t)4 << 30;

static void handle(void *context, tl_http_exchange *exchange)
{
    (void)context;
    if (!tl_streq(tl_http_path(exchange), "/stream")) {
        tl_http_respond(exchange, 200, "application/json", TL_STR("{\"hello\":\"world\"}"), false);
        return;
    }
    char *piece = tl_arena_alloc(tl_http_arena(exchange), PIECE_BYTES);
    tl_http_begin(exchange, 200, "application/octet-stream");
    for (size_t done = 0; done < stream_bytes && tl_http_write(exchange, piece, PIECE_BYTES); done += PIECE_BYTES)
        continue;
    tl_http_end(exchange);
}

static int failed(const struct tl_err *err)
{
    fprintf(stderr, "%s\n%s\n%s\n", err->message, err->detail, err->hint);
    return 1;
}

static int serve(struct tl_err *err)
{
    tl_http_server *server;
    if (tl_http_server_start("127.0.0.1", 0, NULL, handle, NULL, &server, err) != TL_OK)
        return failed(err);
    printf("%d\n", tl_http_server_port(server));
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    tl_http_server_stop(server, 1000);
    return 0;
}

static int read_url(const char *url, struct tl_err *err)
{
    tl_http_client *client = tl_http_client_new(1);
    tl_arena *arena = tl_arena_new(1U << 20);
    struct tl_http_request request = {.url = url};
    struct tl_http_response head;
    tl_http_stream *stream = NULL;
    struct tl_str bytes = {.size = 1};
    size_t size = 0;
    int64_t start_us = tl_clock_monotonic_us();
    enum tl_code code = tl_http_stream_open(client, arena, &request, &stream, &head, err);
    while (code == TL_OK && bytes.size > 0) {
        code = tl_http_stream_read(stream, &bytes, err);
        size += bytes.size;
    }
    double seconds = (double)(tl_clock_monotonic_us() - start_us) / 1e6;
    if (code == TL_OK)
        printf("%zu bytes in %.2f s: %.2f GB/s\n", size, seconds, (double)size / seconds / 1e9);
    tl_http_stream_close(stream);
    tl_arena_free(arena);
    tl_http_client_free(client);
    return code == TL_OK ? 0 : failed(err);
}

int main(int argc, char **argv)
{
    struct tl_err err;
    tl_err_init(&err);
    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        return serve(&err);
    if (argc == 3 && strcmp(argv[1], "read") == 0)
        return read_url(argv[2], &err);
    fprintf(stderr, "usage: http_bench serve | read URL\n");
    return 2;
}

/* Bytes thrown at the real server over a socket; after each input it must still answer a good request. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/http.h"
#include "io/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 4096, PATIENCE_MS = 20, GOOD_PATIENCE_MS = 10000 };

static int port;

/* Looks at everything that a request can bring. */
static void handle(void *context, tl_http_exchange *exchange)
{
    (void)context;
    struct tl_buf buf;
    tl_buf_init(&buf, 1U << 20);
    const char *value = tl_http_query_param(exchange, "q");
    tl_buf_adds(&buf, value ? value : "");
    value = tl_http_header(exchange, "X-Any");
    tl_buf_adds(&buf, value ? value : "");
    value = tl_http_decode(tl_http_arena(exchange), tl_http_path(exchange), strlen(tl_http_path(exchange)), false);
    tl_http_encode(&buf, value ? value : "");
    tl_buf_add(&buf, tl_http_body(exchange).data, tl_http_body(exchange).size);
    tl_http_set_header(exchange, "X-Method", tl_http_method(exchange));
    tl_http_set_header(exchange, "X-Value", value ? value : "none");
    tl_http_allow_gzip(exchange);
    if (buf.size % 2) {
        tl_http_begin(exchange, 200, "text/plain");
        tl_http_write(exchange, buf.data, buf.size);
        tl_http_end(exchange);
    } else {
        tl_http_respond(exchange, 200, "text/plain", (struct tl_str){buf.data, buf.size}, false);
    }
    tl_buf_done(&buf);
}

static void start_once(void)
{
    static tl_http_server *server;
    struct tl_err err;
    struct tl_http_limits limits = {.body_bytes_max = BODY_MAX, .workers = 4, .idle_timeout_seconds = 1};
    tl_err_init(&err);
    if (!server && tl_http_server_start("127.0.0.1", 0, &limits, handle, NULL, &server, &err) != TL_OK) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    port = tl_http_server_port(server);
}

static int connect_to_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

/* Reads to the end or until nothing came for a while; the number of bytes kept in `text`. */
static size_t read_answer(int fd, int patience_ms, char *text, size_t size)
{
    char bytes[4096];
    size_t kept = 0;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (poll(&wait, 1, patience_ms) > 0) {
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0)
            break;
        size_t part = (size_t)got < size - kept ? (size_t)got : size - kept;
        memcpy(text + kept, bytes, part);
        kept += part;
    }
    return kept;
}

static void check_alive(void)
{
    static const char good[] =
        "POST /good?q=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
    static const char wanted[] = "HTTP/1.1 200 OK\r\n";
    char answer[512];
    struct tl_err err;
    tl_err_init(&err);
    int fd = connect_to_server();
    if (tl_fd_write_full(fd, good, sizeof good - 1, &err) != TL_OK)
        abort();
    size_t size = read_answer(fd, GOOD_PATIENCE_MS, answer, sizeof answer);
    if (size < sizeof wanted - 1 || memcmp(answer, wanted, sizeof wanted - 1) != 0)
        abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_err ignored;
    char answer[16];
    tl_err_init(&ignored);
    start_once();
    int fd = connect_to_server();
    if (tl_fd_write_full(fd, data, size, &ignored) == TL_OK)
        shutdown(fd, SHUT_WR);
    read_answer(fd, PATIENCE_MS, answer, sizeof answer);
    close(fd);
    check_alive();
    return 0;
}

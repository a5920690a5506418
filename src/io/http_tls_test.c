/* TLS against a real server: `openssl s_server` with a certificate that nobody signed. */
#include "io/http_test.h"

#define OPENSSL "/usr/bin/openssl"

static char folder[] = "/tmp/tl_http_tls_test.XXXXXX";
static char certificate[64], key[64], url[64];
static tl_process *tls_server;
static tl_http_client *client;
static tl_arena *arena;

static tl_process *start(const char *const *argv)
{
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct tl_process_options options = {.argv = argv, .stdin_fd = -1, .stdout_fd = null_fd, .stderr_fd = null_fd};
    tl_process *process = NULL;
    if (tl_process_start(&options, &process, &err) != TL_OK)
        fprintf(stderr, "%s\n", err.message);
    close(null_fd);
    return process;
}

static bool run(const char *const *argv)
{
    int status = 1;
    tl_process *process = start(argv);
    if (process)
        tl_process_wait(process, 60000, &status);
    tl_process_end(process);
    return status == 0;
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    close(fd);
    return ntohs(address.sin_port);
}

static bool await_port(int wanted)
{
    for (int i = 0; i < 500; i++) {
        int fd = wire_socket(wanted, 0);
        if (fd >= 0) {
            close(fd);
            return true;
        }
        usleep(20000);
    }
    return false;
}

static int start_tls_server(void **state)
{
    (void)state;
    tl_err_init(&err);
    if (!mkdtemp(folder))
        return -1;
    snprintf(certificate, sizeof certificate, "%s/certificate.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    const char *const make[] = {OPENSSL,   "req", "-x509", "-newkey",       "rsa:2048", "-nodes",
                                "-days",   "2",   "-subj", "/CN=127.0.0.1", "-addext",  "subjectAltName=IP:127.0.0.1",
                                "-keyout", key,   "-out",  certificate,     NULL};
    if (!run(make))
        return -1;
    char accepts[16];
    int tls_port = free_port();
    snprintf(accepts, sizeof accepts, "%d", tls_port);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", tls_port);
    const char *const serve[] = {OPENSSL, "s_server", "-accept", accepts,  "-cert", certificate,
                                 "-key",  key,        "-www",    "-quiet", NULL};
    tls_server = start(serve);
    client = tl_http_client_new(2);
    arena = tl_arena_new(1U << 24);
    return tls_server && await_port(tls_port) ? 0 : -1;
}

static int stop_tls_server(void **state)
{
    (void)state;
    tls_server = tl_process_end(tls_server);
    tl_arena_free(arena);
    tl_http_client_free(client);
    const char *const clean[] = {"/bin/rm", "-rf", folder, NULL};
    return run(clean) ? 0 : -1;
}

static enum tl_code call(struct tl_http_request request)
{
    struct tl_http_response response;
    tl_err_init(&err);
    request.deadline_us = tl_clock_monotonic_us() + 20000000;
    enum tl_code code = tl_http_call(client, arena, &request, &response, &err);
    if (code == TL_OK)
        assert_int_equal(response.status, 200);
    return code;
}

static void test_a_certificate_that_nobody_signed_is_refused(void **state)
{
    (void)state;
    assert_int_equal(call((struct tl_http_request){.url = url}), TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "could not make a TLS connection to the HTTP server \"127.0.0.1:"));
    assert_non_null(strstr(err.detail, "certificate"));
}

static void test_the_named_authority_is_trusted(void **state)
{
    (void)state;
    assert_int_equal(call((struct tl_http_request){.url = url, .ca_file = certificate}), TL_OK);
    assert_int_equal(call((struct tl_http_request){.url = url}),
                     TL_SOURCE_UNAVAILABLE); /* and only in the call that names it */
}

static void test_a_missing_file_of_authorities_is_told(void **state)
{
    (void)state;
    assert_int_equal(call((struct tl_http_request){.url = url, .ca_file = "/no/such/file"}), TL_SOURCE_UNAVAILABLE);
    assert_string_not_equal(err.detail, "");
}

static void test_checks_can_be_switched_off_for_a_call(void **state)
{
    (void)state;
    assert_int_equal(call((struct tl_http_request){.url = url, .tls_insecure = true}), TL_OK);
    assert_int_equal(call((struct tl_http_request){.url = url}), TL_SOURCE_UNAVAILABLE);
}

static void test_plain_http_to_a_tls_port_is_an_error(void **state)
{
    (void)state;
    char plain[64];
    snprintf(plain, sizeof plain, "http%s", url + strlen("https"));
    enum tl_code code = call((struct tl_http_request){.url = plain});
    assert_true(code == TL_SOURCE_UNAVAILABLE || code == TL_SOURCE_PROTOCOL);
}

static void test_tls_to_a_plain_port_is_an_error(void **state)
{
    assert_int_equal(service_setup(state), 0);
    char secure[64];
    snprintf(secure, sizeof secure, "https://127.0.0.1:%d/echo", port);
    assert_int_equal(call((struct tl_http_request){.url = secure}), TL_SOURCE_UNAVAILABLE);
    service_teardown(state);
}

int main(void)
{
    if (access(OPENSSL, X_OK) != 0) {
        printf("skipped: %s is not installed\n", OPENSSL);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_that_nobody_signed_is_refused),
        cmocka_unit_test(test_the_named_authority_is_trusted),
        cmocka_unit_test(test_a_missing_file_of_authorities_is_told),
        cmocka_unit_test(test_checks_can_be_switched_off_for_a_call),
        cmocka_unit_test(test_plain_http_to_a_tls_port_is_an_error),
        cmocka_unit_test(test_tls_to_a_plain_port_is_an_error),
    };
    return cmocka_run_group_tests(tests, start_tls_server, stop_tls_server);
}

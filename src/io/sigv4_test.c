/* Signatures, by the examples that Amazon publishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/sigv4.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
static const struct tl_sigv4_key key = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL, "us-east-1", "s3"};
static const int64_t example_us = 1369353600LL * 1000000; /* 2013-05-24 00:00:00 UTC */

static void assert_signature(const struct tl_sigv4_request *request, const char *names, const char *signature)
{
    struct tl_err err;
    const char *value;
    tl_err_init(&err);
    tl_arena *arena = tl_arena_new(1 << 20);
    assert_int_equal(tl_sigv4_authorization(arena, &key, request, &value, &err), TL_OK);
    assert_string_equal(value, tl_arena_printf(arena,
                                               "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                                               "SignedHeaders=%s, Signature=%s",
                                               names, signature));
    tl_arena_free(arena);
}

static void test_get_with_a_range(void **state)
{
    (void)state;
    const struct tl_sigv4_header headers[] = {{"range", "bytes=0-9"}, {"host", "examplebucket.s3.amazonaws.com"},
                                              {"x-amz-date", "20130524T000000Z"}, {"x-amz-content-sha256", EMPTY}};
    assert_signature(&(struct tl_sigv4_request){"GET", "/test.txt", NULL, headers, 4, EMPTY, example_us},
                     "host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void test_put_of_an_odd_name(void **state)
{
    (void)state;
    char digest[TL_SIGV4_DIGEST_SIZE];
    struct tl_buf path;
    tl_buf_init(&path, 256);
    tl_buf_addc(&path, '/');
    tl_sigv4_encode(&path, "test$file.text", true);
    tl_sigv4_digest(TL_STR("Welcome to Amazon S3."), digest);
    const struct tl_sigv4_header headers[] = {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"host", "examplebucket.s3.amazonaws.com"},
                                              {"x-amz-date", "20130524T000000Z"}, {"x-amz-content-sha256", digest},
                                              {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    assert_signature(&(struct tl_sigv4_request){"PUT", tl_buf_cstr(&path), NULL, headers, 5, digest, example_us},
                     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    tl_buf_done(&path);
}

static void test_parameters_in_any_order_and_without_value(void **state)
{
    (void)state;
    const struct tl_sigv4_header headers[] = {{"host", "examplebucket.s3.amazonaws.com"}, {"x-amz-date", "20130524T000000Z"},
                                              {"x-amz-content-sha256", EMPTY}};
    static const char *const names = "host;x-amz-content-sha256;x-amz-date";
    assert_signature(&(struct tl_sigv4_request){"GET", "/", "lifecycle", headers, 3, EMPTY, example_us}, names,
                     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    assert_signature(&(struct tl_sigv4_request){"GET", "/", "prefix=J&max-keys=2", headers, 3, EMPTY, example_us}, names,
                     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void test_presigned_address(void **state)
{
    (void)state;
    const struct tl_sigv4_header host = {"host", "examplebucket.s3.amazonaws.com"};
    struct tl_err err;
    const char *query;
    tl_err_init(&err);
    tl_arena *arena = tl_arena_new(1 << 20);
    assert_int_equal(tl_sigv4_presign(arena, &key, &(struct tl_sigv4_request){"GET", "/test.txt", NULL, &host, 1, NULL, example_us}, 86400,
                                      &query, &err), TL_OK);
    assert_string_equal(query, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
                               "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
                               "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    tl_arena_free(arena);
}

static void test_too_many_headers_are_refused(void **state)
{
    (void)state;
    struct tl_sigv4_header headers[TL_SIGV4_HEADERS_MAX + 1];
    struct tl_err err;
    const char *value;
    tl_err_init(&err);
    for (size_t i = 0; i <= TL_SIGV4_HEADERS_MAX; i++)
        headers[i] = (struct tl_sigv4_header){"x-a", "b"};
    tl_arena *arena = tl_arena_new(1 << 20);
    const struct tl_sigv4_request request = {"GET", "/", NULL, headers, TL_SIGV4_HEADERS_MAX + 1, EMPTY, example_us};
    assert_int_equal(tl_sigv4_authorization(arena, &key, &request, &value, &err), TL_TOO_LARGE);
    tl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_with_a_range),
        cmocka_unit_test(test_put_of_an_odd_name),
        cmocka_unit_test(test_parameters_in_any_order_and_without_value),
        cmocka_unit_test(test_presigned_address),
        cmocka_unit_test(test_too_many_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

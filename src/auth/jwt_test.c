#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include <cmocka.h>

#include "auth/base64_int.h"
#include "auth/jwt_testing_int.h"
#include "io/process.h"

enum { NOW = 2000000100 };

#define CLAIMS "{\"iss\":\"https://issuer.test\",\"aud\":\"town\",\"sub\":\"ana\",\"iat\":2000000000,\"exp\":2000000900}"
#define HEADER_RS "{\"alg\":\"RS256\",\"kid\":\"r1\"}"

static tl_arena *arena;
static struct tl_err err;
static EVP_PKEY *keys[4], *stranger;
static tl_jwk_set *set; /* r1 (RSA), e1 (P-256), e2 (P-384), d1 (Ed25519) */
static const char *const audiences[] = {"town", "lake"};
static struct tl_jwt_rules rules = {"https://issuer.test", 2, audiences, NOW, 60};

static struct tl_str text_of(const char *text)
{
    return tl_str_of(text);
}

static tl_jwk_set *set_of(const char *json)
{
    tl_jwk_set *made;
    tl_err_init(&err);
    if (tl_jwk_set_parse(text_of(json), &made, &err) != TL_OK)
        fail_msg("%s", err.message);
    return made;
}

static const char *const ids[] = {"r1", "e1", "e2", "d1"};

static int group_setup(void **state)
{
    (void)state;
    arena = tl_arena_new(256 << 20);
    const char *json = "{\"keys\":[";
    for (int i = 0; i < 4; i++) {
        keys[i] = testing_key((enum tl_jwk_type)i);
        json = tl_arena_printf(arena, "%s%s%s", json, i ? "," : "", testing_jwk(arena, keys[i], (enum tl_jwk_type)i, ids[i], "\"use\":\"sig\""));
    }
    stranger = testing_key(TL_JWK_RSA);
    set = set_of(tl_arena_printf(arena, "%s]}", json));
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    set = tl_jwk_set_release(set);
    for (int i = 0; i < 4; i++)
        EVP_PKEY_free(keys[i]);
    EVP_PKEY_free(stranger);
    arena = tl_arena_free(arena);
    return 0;
}

static enum tl_code verify_in(const tl_jwk_set *in, const char *token, const tl_json **claims)
{
    tl_err_init(&err);
    enum tl_code code = tl_jwt_verify(arena, text_of(token), in, &rules, claims, &err);
    assert_true((code == TL_OK) == (*claims != NULL));
    return code;
}

static void expect_refused(const char *token, const char *why)
{
    const tl_json *claims;
    if (verify_in(set, token, &claims) != TL_UNAUTHENTICATED)
        fail_msg("it came in, wanted: %s", why);
    if (!strstr(err.message, why))
        fail_msg("\"%s\" does not say \"%s\"", err.message, why);
    assert_true(err.hint[0]);
}

static void expect_taken(const char *token)
{
    const tl_json *claims;
    if (verify_in(set, token, &claims) != TL_OK)
        fail_msg("%s", err.message);
}

static const char *sign_rs(const char *claims)
{
    return testing_sign(arena, keys[TL_JWK_RSA], "RS256", HEADER_RS, claims);
}

static void test_each_algorithm_is_checked_with_its_own_key(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum tl_jwk_type type;
    } all[] = {{"RS256", TL_JWK_RSA},  {"RS384", TL_JWK_RSA},  {"RS512", TL_JWK_RSA},  {"PS256", TL_JWK_RSA},    {"PS384", TL_JWK_RSA},
               {"PS512", TL_JWK_RSA},  {"ES256", TL_JWK_P256}, {"ES384", TL_JWK_P384}, {"EdDSA", TL_JWK_ED25519}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *header = tl_arena_printf(arena, "{\"alg\":\"%s\",\"kid\":\"%s\"}", all[i].name, ids[all[i].type]);
        const char *token = testing_sign(arena, keys[all[i].type], all[i].name, header, CLAIMS);
        const tl_json *claims;
        if (verify_in(set, token, &claims) != TL_OK)
            fail_msg("%s: %s", all[i].name, err.message);
        assert_string_equal(tl_json_get_text(claims, "sub"), "ana");
    }
}

static void test_tokens_of_another_implementation_are_taken(void **state)
{
    (void)state;
    static const char *const names[] = {"rs256", "rs384", "rs512", "ps256", "ps384", "ps512", "es256", "es384", "eddsa"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct tl_buf file;
        tl_buf_init(&file, 1 << 20);
        tl_err_init(&err);
        if (tl_file_read(tl_arena_printf(arena, "%s/%s", getenv("TL_TEST_CORPUS"), names[i]), &file, &err) != TL_OK)
            fail_msg("%s", err.message);
        char *text = tl_arena_strdup(arena, tl_buf_cstr(&file)), *end = strchr(text, '\n');
        tl_buf_done(&file);
        *end = '\0';
        tl_jwk_set *theirs = set_of(text);
        const tl_json *claims;
        if (verify_in(theirs, end + 1, &claims) != TL_OK)
            fail_msg("%s: %s", names[i], err.message);
        tl_jwk_set_release(theirs);
    }
}

static void test_a_token_without_signature_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {"{\"alg\":\"none\"}", "{\"alg\":\"None\",\"kid\":\"r1\"}", "{\"alg\":\"\"}", "{}", "{\"alg\":null}",
                                          "{\"alg\":[\"RS256\"]}", "{\"alg\":\"rs256\",\"kid\":\"r1\"}"};
    const char *claims = tl_base64url_encode(arena, CLAIMS, strlen(CLAIMS));
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        expect_refused(tl_arena_printf(arena, "%s.%s.", tl_base64url_encode(arena, headers[i], strlen(headers[i])), claims), "method that is not taken");
    expect_refused(tl_arena_printf(arena, "%s.%s.", tl_base64url_encode(arena, HEADER_RS, strlen(HEADER_RS)), claims), "not signed");
}

static void test_a_public_key_is_no_shared_secret(void **state)
{
    (void)state;
    BIO *pem = BIO_new(BIO_s_mem());
    char *bytes;
    assert_int_equal(PEM_write_bio_PUBKEY(pem, keys[TL_JWK_RSA]), 1);
    size_t size = (size_t)BIO_get_mem_data(pem, &bytes);
    expect_refused(testing_hmac(arena, (struct tl_str){bytes, size}, "{\"alg\":\"HS256\",\"kid\":\"r1\"}", CLAIMS), "method that is not taken");
    BIO_free(pem);
    /* ... and a set that lists a symmetric key does not serve it */
    tl_jwk_set *made;
    tl_err_init(&err);
    assert_int_equal(tl_jwk_set_parse(text_of("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"r1\",\"k\":\"c2VjcmV0\"}]}"), &made, &err), TL_SOURCE_PROTOCOL);
    assert_null(made);
}

static void test_a_key_of_another_type_is_refused(void **state)
{
    (void)state;
    expect_refused(testing_sign(arena, keys[TL_JWK_RSA], "RS256", "{\"alg\":\"RS256\",\"kid\":\"e1\"}", CLAIMS), "another type");
    expect_refused(testing_sign(arena, keys[TL_JWK_P256], "ES256", "{\"alg\":\"ES256\",\"kid\":\"r1\"}", CLAIMS), "another type");
    expect_refused(testing_sign(arena, keys[TL_JWK_P256], "ES256", "{\"alg\":\"ES384\",\"kid\":\"e1\"}", CLAIMS), "another type");
    expect_refused(testing_sign(arena, keys[TL_JWK_ED25519], "EdDSA", "{\"alg\":\"EdDSA\",\"kid\":\"e2\"}", CLAIMS), "another type");
    /* the same type, another padding */
    expect_refused(testing_sign(arena, keys[TL_JWK_RSA], "PS256", HEADER_RS, CLAIMS), "signature is wrong");
    expect_refused(testing_sign(arena, keys[TL_JWK_RSA], "RS384", HEADER_RS, CLAIMS), "signature is wrong");
}

static void test_a_key_serves_only_the_algorithm_it_names(void **state)
{
    (void)state;
    tl_jwk_set *narrow = set_of(tl_arena_printf(arena, "{\"keys\":[%s]}", testing_jwk(arena, keys[TL_JWK_RSA], TL_JWK_RSA, "r1", "\"alg\":\"RS512\"")));
    const tl_json *claims;
    assert_int_equal(verify_in(narrow, sign_rs(CLAIMS), &claims), TL_UNAUTHENTICATED);
    assert_int_equal(verify_in(narrow, testing_sign(arena, keys[TL_JWK_RSA], "RS512", "{\"alg\":\"RS512\",\"kid\":\"r1\"}", CLAIMS), &claims), TL_OK);
    tl_jwk_set_release(narrow);
}

static void test_the_key_of_a_stranger_is_refused(void **state)
{
    (void)state;
    expect_refused(testing_sign(arena, stranger, "RS256", HEADER_RS, CLAIMS), "signature is wrong");
    expect_refused(testing_sign(arena, stranger, "RS256", "{\"alg\":\"RS256\",\"kid\":\"r2\"}", CLAIMS), "does not list");
    /* the header brings its own key, or an address of one */
    const char *jwk = testing_jwk(arena, stranger, TL_JWK_RSA, "r1", "");
    expect_refused(testing_sign(arena, stranger, "RS256", tl_arena_printf(arena, "{\"alg\":\"RS256\",\"kid\":\"r1\",\"jwk\":%s}", jwk), CLAIMS),
                   "signature is wrong");
    expect_refused(testing_sign(arena, stranger, "RS256", "{\"alg\":\"RS256\",\"kid\":\"r1\",\"jku\":\"http://evil.test/k\"}", CLAIMS),
                   "signature is wrong");
    /* a kid is compared, never used as a path or a query */
    static const char *const odd[] = {"../../../dev/null", "r1' OR '1'='1", "r1\\u0000", ""};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        expect_refused(testing_sign(arena, stranger, "RS256", tl_arena_printf(arena, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", odd[i]), CLAIMS),
                       i == 2 ? "signature is wrong" : "does not list");
    expect_refused(testing_sign(arena, stranger, "RS256", "{\"alg\":\"RS256\",\"kid\":7}", CLAIMS), "name of the token's key");
}

static void test_without_a_key_name_only_a_single_key_is_tried(void **state)
{
    (void)state;
    expect_taken(testing_sign(arena, keys[TL_JWK_RSA], "RS256", "{\"alg\":\"RS256\"}", CLAIMS));
    tl_jwk_set *two = set_of(tl_arena_printf(arena, "{\"keys\":[%s,%s]}", testing_jwk(arena, keys[TL_JWK_RSA], TL_JWK_RSA, "a", ""),
                                             testing_jwk(arena, stranger, TL_JWK_RSA, "b", "")));
    const tl_json *claims;
    assert_int_equal(verify_in(two, testing_sign(arena, keys[TL_JWK_RSA], "RS256", "{\"alg\":\"RS256\"}", CLAIMS), &claims), TL_UNAUTHENTICATED);
    assert_non_null(strstr(err.message, "does not name its key"));
    tl_jwk_set_release(two);
}

static void test_every_changed_byte_is_noticed(void **state)
{
    (void)state;
    const char *token = testing_sign(arena, keys[TL_JWK_P256], "ES256", "{\"alg\":\"ES256\",\"kid\":\"e1\"}", CLAIMS);
    char *changed = tl_arena_strdup(arena, token);
    for (size_t i = 0; changed[i]; i++) {
        char before = changed[i];
        changed[i] = before == 'A' ? 'B' : 'A';
        const tl_json *claims;
        assert_int_equal(verify_in(set, changed, &claims), TL_UNAUTHENTICATED);
        changed[i] = before;
    }
    expect_taken(changed);
    expect_refused(tl_arena_printf(arena, "%s.", token), "cannot be read");
    expect_refused(tl_arena_printf(arena, "%s=", token), "not signed");
    expect_refused(tl_arena_printf(arena, "%sAAAA", token), "signature is wrong");
}

static void test_other_parties_are_refused(void **state)
{
    (void)state;
    expect_refused(sign_rs("{\"iss\":\"https://issuer.test/\",\"aud\":\"town\",\"exp\":2000000900}"), "not of \"https://issuer.test\"");
    expect_refused(sign_rs("{\"iss\":\"https://evil.test\",\"aud\":\"town\",\"exp\":2000000900}"), "https://evil.test");
    expect_refused(sign_rs("{\"aud\":\"town\",\"exp\":2000000900}"), "issuer");
    expect_refused(sign_rs("{\"iss\":[\"https://issuer.test\"],\"aud\":\"town\",\"exp\":2000000900}"), "issuer");
    expect_refused(sign_rs("{\"iss\":\"https://issuer.test\\u0000\",\"aud\":\"town\",\"exp\":2000000900}"), "issuer");
    static const char *const audience[] = {"\"other\"", "[]", "[\"other\",\"Town\"]", "7", "null", "{\"town\":1}", "[[\"town\"]]", "\"town\\u0000\""};
    for (size_t i = 0; i < sizeof audience / sizeof *audience; i++)
        expect_refused(sign_rs(tl_arena_printf(arena, "{\"iss\":\"https://issuer.test\",\"aud\":%s,\"exp\":2000000900}", audience[i])),
                       "another application");
    expect_taken(sign_rs("{\"iss\":\"https://issuer.test\",\"aud\":[\"other\",\"lake\"],\"exp\":2000000900}"));
}

#define PARTIES "\"iss\":\"https://issuer.test\",\"aud\":\"town\""

static void test_times_are_checked_with_a_bounded_skew(void **state)
{
    (void)state;
    expect_refused(sign_rs("{" PARTIES "}"), "never ends");
    expect_refused(sign_rs("{" PARTIES ",\"exp\":2000000040}"), "ended 60 seconds ago");
    expect_taken(sign_rs("{" PARTIES ",\"exp\":2000000041}"));
    expect_refused(sign_rs("{" PARTIES ",\"exp\":2000000900,\"nbf\":2000000161}"), "from the future");
    expect_taken(sign_rs("{" PARTIES ",\"exp\":2000000900,\"nbf\":2000000160}"));
    expect_refused(sign_rs("{" PARTIES ",\"exp\":2000000900,\"iat\":2000000161}"), "from the future");
    static const char *const odd[] = {"\"2000000900\"", "1e300", "-1", "null", "[2000000900]", "99999999999999999999", "true"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        expect_refused(sign_rs(tl_arena_printf(arena, "{" PARTIES ",\"exp\":%s}", odd[i])), "date of the token");
    expect_taken(sign_rs("{" PARTIES ",\"exp\":2000000900.5}"));
    rules.skew_s = 1000000; /* a wrong setting opens no more than the bound */
    expect_refused(sign_rs("{" PARTIES ",\"exp\":1999999799}"), "ended");
    rules.skew_s = 60;
}

static void test_tokens_of_other_purposes_are_refused(void **state)
{
    (void)state;
    expect_refused(testing_sign(arena, keys[0], "RS256", "{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":\"logout+jwt\"}", CLAIMS), "another purpose");
    expect_refused(testing_sign(arena, keys[0], "RS256", "{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":null}", CLAIMS), "another purpose");
    expect_refused(testing_sign(arena, keys[0], "RS256", "{\"alg\":\"RS256\",\"kid\":\"r1\",\"crit\":[\"b64\"],\"b64\":false}", CLAIMS), "extension");
    expect_taken(testing_sign(arena, keys[0], "RS256", "{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":\"at+jwt\"}", CLAIMS));
}

static void test_texts_that_are_no_tokens_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", ".", "..", "...", "a.b.c", "eyJ.eyJ.x", "e30.e30.AA", "ey J.e.e", "W10.W10.AA", "bnVsbA.bnVsbA.AA"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const tl_json *claims;
        assert_int_equal(verify_in(set, texts[i], &claims), TL_UNAUTHENTICATED);
        assert_true(err.hint[0]);
    }
    char *endless = tl_arena_alloc(arena, TL_JWT_BYTES_MAX + 2);
    memset(endless, 'e', TL_JWT_BYTES_MAX + 1);
    expect_refused(endless, "the limit is");
    expect_refused(sign_rs("[]"), "cannot be read");
    expect_refused(sign_rs("\"x\""), "cannot be read");
    expect_refused(sign_rs("{\"iss\":\"https://issuer.test\",}"), "cannot be read");
}

static void test_nothing_of_a_refused_token_is_told(void **state)
{
    (void)state;
    const char *token = testing_sign(arena, stranger, "RS256", HEADER_RS, "{\"iss\":\"https://canary.test\",\"aud\":\"canary\",\"exp\":1}");
    expect_refused(token, "signature is wrong");
    assert_null(strstr(err.message, "canary"));
    assert_null(strstr(err.hint, "canary"));
    assert_false(err.detail[0]);
}

static void test_weak_or_broken_keys_are_left_out(void **state)
{
    (void)state;
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    const char *good = testing_jwk(arena, keys[TL_JWK_P256], TL_JWK_P256, "e1", "");
    const char *broken = tl_arena_strdup(arena, good);
    char *x = strstr(broken, "\"x\":\"") + 5;
    x[0] = x[0] == 'A' ? 'B' : 'A'; /* off the curve */
    const char *const members[] = {
        testing_jwk(arena, weak, TL_JWK_RSA, "w", ""),
        broken,
        testing_jwk(arena, keys[TL_JWK_P256], TL_JWK_P256, "enc", "\"use\":\"enc\""),
        testing_jwk(arena, keys[TL_JWK_P256], TL_JWK_P256, "ops", "\"key_ops\":[\"sign\"]"),
        testing_jwk(arena, keys[TL_JWK_P256], TL_JWK_P256, "alg", "\"alg\":7"),
        "{\"kty\":\"RSA\",\"n\":\"AQAB\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"}", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}",
        "{}", "null", "7", "[]",
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        tl_jwk_set *made;
        tl_err_init(&err);
        if (tl_jwk_set_parse(text_of(tl_arena_printf(arena, "{\"keys\":[%s]}", members[i])), &made, &err) != TL_SOURCE_PROTOCOL)
            fail_msg("it is served: %s", members[i]);
        made = set_of(tl_arena_printf(arena, "{\"keys\":[%s,%s]}", members[i], good));
        assert_int_equal(tl_jwk_set_count(made), 1);
        tl_jwk_set_release(made);
    }
    EVP_PKEY_free(weak);
}

static void test_key_sets_have_bounds(void **state)
{
    (void)state;
    tl_jwk_set *made;
    struct tl_buf json;
    tl_buf_init(&json, 1 << 20);
    tl_buf_adds(&json, "{\"keys\":[{}");
    for (int i = 0; i < TL_JWK_KEYS_MAX; i++)
        tl_buf_adds(&json, ",{}");
    tl_buf_adds(&json, "]}");
    tl_err_init(&err);
    assert_int_equal(tl_jwk_set_parse(text_of(tl_buf_cstr(&json)), &made, &err), TL_TOO_LARGE);
    tl_buf_done(&json);
    char *endless = tl_arena_alloc(arena, TL_JWK_SET_BYTES_MAX + 2);
    memset(endless, ' ', TL_JWK_SET_BYTES_MAX + 1);
    tl_err_init(&err);
    assert_int_equal(tl_jwk_set_parse(text_of(endless), &made, &err), TL_TOO_LARGE);
    static const char *const odd[] = {"", "{", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        tl_err_init(&err);
        assert_int_not_equal(tl_jwk_set_parse(text_of(odd[i]), &made, &err), TL_OK);
        assert_null(made);
    }
}

static void test_base64url_has_one_spelling(void **state)
{
    (void)state;
    size_t size;
    assert_string_equal(tl_base64url_encode(arena, "\xFB\xEF\xFF", 3), "--__");
    assert_string_equal(tl_base64url_encode(arena, "a", 1), "YQ");
    assert_string_equal(tl_base64url_decode(arena, "YQ", 2, &size), "a");
    assert_int_equal(size, 1);
    assert_null(tl_base64url_decode(arena, "YR", 2, &size)); /* the same byte, other left-over bits */
    assert_null(tl_base64url_decode(arena, "YQ==", 4, &size));
    assert_null(tl_base64url_decode(arena, "+/+/", 4, &size));
    assert_null(tl_base64url_decode(arena, "A", 1, &size));
    assert_string_equal(tl_base64_decode(arena, "YQ==", 4, &size), "a");
    assert_null(tl_base64_decode(arena, "-_-_", 4, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_algorithm_is_checked_with_its_own_key),
        cmocka_unit_test(test_tokens_of_another_implementation_are_taken),
        cmocka_unit_test(test_a_token_without_signature_is_refused),
        cmocka_unit_test(test_a_public_key_is_no_shared_secret),
        cmocka_unit_test(test_a_key_of_another_type_is_refused),
        cmocka_unit_test(test_a_key_serves_only_the_algorithm_it_names),
        cmocka_unit_test(test_the_key_of_a_stranger_is_refused),
        cmocka_unit_test(test_without_a_key_name_only_a_single_key_is_tried),
        cmocka_unit_test(test_every_changed_byte_is_noticed),
        cmocka_unit_test(test_other_parties_are_refused),
        cmocka_unit_test(test_times_are_checked_with_a_bounded_skew),
        cmocka_unit_test(test_tokens_of_other_purposes_are_refused),
        cmocka_unit_test(test_texts_that_are_no_tokens_are_refused),
        cmocka_unit_test(test_nothing_of_a_refused_token_is_told),
        cmocka_unit_test(test_weak_or_broken_keys_are_left_out),
        cmocka_unit_test(test_key_sets_have_bounds),
        cmocka_unit_test(test_base64url_has_one_spelling),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

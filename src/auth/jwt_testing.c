/* What an identity provider does: keys, key sets and signed tokens, for tests. */
#include "auth/jwt_testing_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "auth/base64_int.h"

static void need(bool good)
{
    if (!good)
        abort();
}

EVP_PKEY *testing_key(enum tl_jwk_type type)
{
    EVP_PKEY *key = type == TL_JWK_RSA    ? EVP_RSA_gen(2048)
                    : type == TL_JWK_P256 ? EVP_EC_gen("P-256")
                    : type == TL_JWK_P384 ? EVP_EC_gen("P-384")
                                          : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    need(key != NULL);
    return key;
}

static const char *number_of(tl_arena *arena, EVP_PKEY *key, const char *name, int size)
{
    BIGNUM *number = NULL;
    unsigned char bytes[1024];
    need(EVP_PKEY_get_bn_param(key, name, &number) == 1);
    int used = size ? BN_bn2binpad(number, bytes, size) : BN_bn2bin(number, bytes);
    need(used > 0);
    BN_free(number);
    return tl_base64url_encode(arena, bytes, (size_t)used);
}

const char *testing_jwk(tl_arena *arena, EVP_PKEY *key, enum tl_jwk_type type, const char *id, const char *more)
{
    const char *start = tl_arena_printf(arena, "{%s%s%s%s%s", id ? "\"kid\":\"" : "", id ? id : "", id ? "\"," : "", more, more[0] ? "," : "");
    if (type == TL_JWK_RSA)
        return tl_arena_printf(arena, "%s\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", start, number_of(arena, key, OSSL_PKEY_PARAM_RSA_N, 0),
                               number_of(arena, key, OSSL_PKEY_PARAM_RSA_E, 0));
    if (type == TL_JWK_ED25519) {
        unsigned char bytes[32];
        size_t size = sizeof bytes;
        need(EVP_PKEY_get_raw_public_key(key, bytes, &size) == 1);
        return tl_arena_printf(arena, "%s\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}", start, tl_base64url_encode(arena, bytes, size));
    }
    int size = type == TL_JWK_P256 ? 32 : 48;
    return tl_arena_printf(arena, "%s\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"%s\",\"y\":\"%s\"}", start, size * 8,
                           number_of(arena, key, OSSL_PKEY_PARAM_EC_PUB_X, size), number_of(arena, key, OSSL_PKEY_PARAM_EC_PUB_Y, size));
}

static size_t raw_of(const unsigned char *der, size_t der_size, unsigned char *raw, int half)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)der_size);
    need(pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, half) == half && BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + half, half) == half);
    ECDSA_SIG_free(pair);
    return 2 * (size_t)half;
}

const char *testing_sign(tl_arena *arena, EVP_PKEY *key, const char *algorithm, const char *header, const char *claims)
{
    const struct tl_jwk_algorithm *how = tl_jwk_algorithm(algorithm);
    const char *text = tl_arena_printf(arena, "%s.%s", tl_base64url_encode(arena, header, strlen(header)),
                                       tl_base64url_encode(arena, claims, strlen(claims)));
    unsigned char signature[1024], raw[256];
    size_t size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL;
    need(how && EVP_DigestSignInit_ex(context, &padding, how->digest, NULL, NULL, key, NULL) == 1);
    if (how->pss)
        need(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1);
    need(EVP_DigestSign(context, signature, &size, (const unsigned char *)text, strlen(text)) == 1);
    EVP_MD_CTX_free(context);
    const unsigned char *bytes = signature;
    if (how->type == TL_JWK_P256 || how->type == TL_JWK_P384) {
        size = raw_of(signature, size, raw, how->type == TL_JWK_P256 ? 32 : 48);
        bytes = raw;
    }
    return tl_arena_printf(arena, "%s.%s", text, tl_base64url_encode(arena, bytes, size));
}

const char *testing_hmac(tl_arena *arena, struct tl_str secret, const char *header, const char *claims)
{
    const char *text = tl_arena_printf(arena, "%s.%s", tl_base64url_encode(arena, header, strlen(header)),
                                       tl_base64url_encode(arena, claims, strlen(claims)));
    unsigned char mac[32];
    unsigned size = sizeof mac;
    need(HMAC(EVP_sha256(), secret.data, (int)secret.size, (const unsigned char *)text, strlen(text), mac, &size) != NULL);
    return tl_arena_printf(arena, "%s.%s", text, tl_base64url_encode(arena, mac, size));
}

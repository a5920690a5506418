#include "auth/jwk_int.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "auth/base64_int.h"
#include "data/json.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, RSA_EXPONENT_BYTES_MAX = 8, P256_BYTES = 32, P384_BYTES = 48, ED25519_BYTES = 32,
       ARENA_MAX = 4 * 1024 * 1024, SIGNATURE_DER_MAX = 512 };

struct tl_jwk_set {
    tl_arena *arena;
    atomic_int users;
    size_t count;
    struct tl_jwk *keys;
};

static const struct tl_jwk_algorithm algorithms[] = {
    {"RS256", TL_JWK_RSA, "SHA256", false, 0},
    {"RS384", TL_JWK_RSA, "SHA384", false, 0},
    {"RS512", TL_JWK_RSA, "SHA512", false, 0},
    {"PS256", TL_JWK_RSA, "SHA256", true, 0},
    {"PS384", TL_JWK_RSA, "SHA384", true, 0},
    {"PS512", TL_JWK_RSA, "SHA512", true, 0},
    {"ES256", TL_JWK_P256, "SHA256", false, 2 * (size_t)P256_BYTES},
    {"ES384", TL_JWK_P384, "SHA384", false, 2 * (size_t)P384_BYTES},
    {"EdDSA", TL_JWK_ED25519, NULL, false, 2 * (size_t)ED25519_BYTES},
};

const struct tl_jwk_algorithm *tl_jwk_algorithm(const char *name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (tl_streq(algorithms[i].name, name))
            return &algorithms[i];
    return NULL;
}

/* ---- reading ---- */

/* A member in base64url; data NULL when it is missing or not that. */
static struct tl_str bytes_of(tl_arena *arena, const tl_json *jwk, const char *name)
{
    struct tl_str text = tl_json_str(tl_json_get(jwk, name)), bytes = {NULL, 0};
    if (text.size)
        bytes.data = tl_base64url_decode(arena, text.data, text.size, &bytes.size);
    return bytes;
}

static EVP_PKEY *key_of_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL), *check = NULL;
    if (!context || !params || EVP_PKEY_fromdata_init(context) != 1 || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    if (key)
        check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (key && (!check || EVP_PKEY_public_check(check) != 1)) { /* a point off the curve, an even modulus */
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(check);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *read_rsa(tl_arena *arena, const tl_json *jwk)
{
    struct tl_str n = bytes_of(arena, jwk, "n"), e = bytes_of(arena, jwk, "e");
    if (!n.data || !e.data || n.size > RSA_BITS_MAX / 8 || e.size > RSA_EXPONENT_BYTES_MAX)
        return NULL;
    BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.data, (int)n.size, NULL);
    BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.data, (int)e.size, NULL);
    EVP_PKEY *key = NULL;
    if (modulus && exponent && BN_num_bits(modulus) >= RSA_BITS_MIN && BN_is_odd(exponent) && !BN_is_one(exponent)) {
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        OSSL_PARAM *params = NULL;
        if (build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
            OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
            params = OSSL_PARAM_BLD_to_param(build);
        key = key_of_params("RSA", params);
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(build);
    }
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *read_ec(tl_arena *arena, const tl_json *jwk, const char *curve, size_t size)
{
    struct tl_str x = bytes_of(arena, jwk, "x"), y = bytes_of(arena, jwk, "y");
    if (!x.data || !y.data || x.size != size || y.size != size)
        return NULL;
    unsigned char point[1 + 2 * P384_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, x.data, size);
    memcpy(point + 1 + size, y.data, size);
    char name[16];
    snprintf(name, sizeof name, "%s", curve);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size),
        OSSL_PARAM_construct_end(),
    };
    return key_of_params("EC", params);
}

static EVP_PKEY *read_ed25519(tl_arena *arena, const tl_json *jwk)
{
    struct tl_str x = bytes_of(arena, jwk, "x");
    return x.data && x.size == ED25519_BYTES ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.data, x.size) : NULL;
}

static EVP_PKEY *read_key(tl_arena *arena, const tl_json *jwk, enum tl_jwk_type *ret_type)
{
    const char *type = tl_json_get_text(jwk, "kty"), *curve = tl_json_get_text(jwk, "crv");
    if (tl_streq(type, "RSA")) {
        *ret_type = TL_JWK_RSA;
        return read_rsa(arena, jwk);
    }
    if (tl_streq(type, "EC") && tl_streq(curve, "P-256")) {
        *ret_type = TL_JWK_P256;
        return read_ec(arena, jwk, "P-256", P256_BYTES);
    }
    if (tl_streq(type, "EC") && tl_streq(curve, "P-384")) {
        *ret_type = TL_JWK_P384;
        return read_ec(arena, jwk, "P-384", P384_BYTES);
    }
    *ret_type = TL_JWK_ED25519;
    return tl_streq(type, "OKP") && tl_streq(curve, "Ed25519") ? read_ed25519(arena, jwk) : NULL;
}

/* "use" and "key_ops", when given, must allow checking signatures. */
static bool for_signatures(const tl_json *jwk)
{
    const tl_json *use = tl_json_get(jwk, "use"), *operations = tl_json_get(jwk, "key_ops");
    if (use && !tl_streq(tl_json_text(use), "sig"))
        return false;
    if (!operations)
        return true;
    for (struct tl_json_iter it = tl_json_iter(operations); tl_json_next(&it);)
        if (tl_streq(tl_json_text(it.value), "verify"))
            return true;
    return false;
}

static void add_key(tl_jwk_set *set, const tl_json *jwk)
{
    struct tl_jwk key = {.id = NULL};
    struct tl_str id = tl_json_str(tl_json_get(jwk, "kid"));
    const tl_json *algorithm = tl_json_get(jwk, "alg");
    if (!tl_json_is_object(jwk) || !for_signatures(jwk) || id.size > TL_JWK_ID_BYTES_MAX || (algorithm && !tl_json_text(algorithm)))
        return;
    key.key = read_key(set->arena, jwk, &key.type);
    ERR_clear_error();
    if (!key.key)
        return;
    key.id = tl_arena_strdup(set->arena, tl_json_get_text(jwk, "kid"));
    key.algorithm = tl_arena_strdup(set->arena, tl_json_text(algorithm));
    set->keys[set->count++] = key;
}

static enum tl_code fill_set(tl_jwk_set *set, struct tl_str json, struct tl_err *err)
{
    const tl_json *root = NULL;
    if (json.size > TL_JWK_SET_BYTES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the key set has %zu bytes, the limit is %d", json.size, TL_JWK_SET_BYTES_MAX);
    if (tl_json_parse(set->arena, json.data, json.size, &root, err) != TL_OK)
        return err->code;
    const tl_json *keys = tl_json_get(root, "keys");
    if (!tl_json_is_array(keys))
        return tl_err_set(err, TL_SOURCE_PROTOCOL, "the key set has no list \"keys\"");
    if (tl_json_count(keys) > TL_JWK_KEYS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the key set has %zu keys, the limit is %d", tl_json_count(keys), TL_JWK_KEYS_MAX);
    set->keys = TL_NEW_ARRAY(set->arena, struct tl_jwk, tl_json_count(keys));
    for (struct tl_json_iter it = tl_json_iter(keys); tl_json_next(&it);)
        add_key(set, it.value);
    if (set->count == 0)
        return tl_err_set(err, TL_SOURCE_PROTOCOL, "the key set has no key that can check signatures");
    return tl_arena_check(set->arena, "the key set", err);
}

enum tl_code tl_jwk_set_parse(struct tl_str json, tl_jwk_set **ret_set, struct tl_err *err)
{
    *ret_set = NULL;
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    tl_jwk_set *set = TL_NEW(arena, tl_jwk_set);
    set->arena = arena;
    atomic_init(&set->users, 1);
    if (fill_set(set, json, err) != TL_OK)
        tl_jwk_set_release(set);
    else
        *ret_set = set;
    return err->code;
}

tl_jwk_set *tl_jwk_set_keep(tl_jwk_set *set)
{
    if (set)
        atomic_fetch_add(&set->users, 1);
    return set;
}

tl_jwk_set *tl_jwk_set_release(tl_jwk_set *set)
{
    if (!set || atomic_fetch_sub(&set->users, 1) != 1)
        return NULL;
    for (size_t i = 0; i < set->count; i++)
        EVP_PKEY_free(set->keys[i].key);
    tl_arena_free(set->arena);
    return NULL;
}

size_t tl_jwk_set_count(const tl_jwk_set *set)
{
    return set->count;
}

const struct tl_jwk *tl_jwk_set_at(const tl_jwk_set *set, size_t i)
{
    return &set->keys[i];
}

/* ---- checking ---- */

bool tl_jwk_fits(const struct tl_jwk *key, const struct tl_jwk_algorithm *algorithm)
{
    return key->type == algorithm->type && (!key->algorithm || strcmp(key->algorithm, algorithm->name) == 0);
}

/* JWS has r and s side by side, the library wants them in DER.  The size written, 0 = not a signature. */
static size_t der_of(struct tl_str raw, unsigned char der[SIGNATURE_DER_MAX])
{
    const unsigned char *bytes = (const unsigned char *)raw.data;
    int half = (int)(raw.size / 2), size = 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, half, NULL), *s = BN_bin2bn(bytes + half, half, NULL);
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair's now */
        size = i2d_ECDSA_SIG(pair, NULL);
        unsigned char *to = der;
        size = size > 0 && size <= SIGNATURE_DER_MAX ? i2d_ECDSA_SIG(pair, &to) : 0;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return size > 0 ? (size_t)size : 0;
}

static bool set_padding(EVP_PKEY_CTX *context, const struct tl_jwk_algorithm *algorithm)
{
    if (algorithm->type != TL_JWK_RSA)
        return true;
    if (!algorithm->pss)
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool tl_jwk_verify(const struct tl_jwk *key, const struct tl_jwk_algorithm *algorithm, struct tl_str message, struct tl_str signature)
{
    unsigned char der[SIGNATURE_DER_MAX];
    size_t wanted = algorithm->signature_size ? algorithm->signature_size : (size_t)EVP_PKEY_get_size(key->key);
    if (!tl_jwk_fits(key, algorithm) || signature.size != wanted)
        return false;
    const unsigned char *bytes = (const unsigned char *)signature.data;
    size_t size = signature.size;
    if (key->type == TL_JWK_P256 || key->type == TL_JWK_P384) {
        size = der_of(signature, der);
        bytes = der;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL; /* the context's */
    bool good = size > 0 && context && EVP_DigestVerifyInit_ex(context, &padding, algorithm->digest, NULL, NULL, key->key, NULL) == 1 &&
                set_padding(padding, algorithm) &&
                EVP_DigestVerify(context, bytes, size, (const unsigned char *)message.data, message.size) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}

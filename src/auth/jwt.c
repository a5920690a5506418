#include "auth/jwt_int.h"

#include <string.h>

#include "auth/base64_int.h"

struct parts {
    struct tl_str header, payload, signature, signed_text;
};

/* Later than any date a token may name: year 5138. */
static const double date_max = 1e11;

static bool split(struct tl_str token, struct parts *ret_parts)
{
    const char *first = memchr(token.data, '.', token.size);
    const char *end = token.data + token.size;
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return false;
    ret_parts->header = (struct tl_str){token.data, (size_t)(first - token.data)};
    ret_parts->payload = (struct tl_str){first + 1, (size_t)(second - first - 1)};
    ret_parts->signature = (struct tl_str){second + 1, (size_t)(end - second - 1)};
    ret_parts->signed_text = (struct tl_str){token.data, (size_t)(second - token.data)};
    return ret_parts->header.size && ret_parts->payload.size;
}

bool tl_jwt_is_shaped(struct tl_str token)
{
    struct parts parts;
    return tl_str_starts_with(token, TL_STR("ey")) && split(token, &parts);
}

static enum tl_code refuse(struct tl_err *err, const char *message, const char *hint)
{
    tl_err_set(err, TL_UNAUTHENTICATED, "%s", message);
    tl_err_hint(err, "%s", hint);
    return TL_UNAUTHENTICATED;
}

static enum tl_code read_object(tl_arena *arena, struct tl_str part, const tl_json **ret_object, struct tl_err *err)
{
    struct tl_str json;
    struct tl_err why;
    tl_err_init(&why);
    json.data = tl_base64url_decode(arena, part.data, part.size, &json.size);
    if (!json.data || tl_json_parse(arena, json.data, json.size, ret_object, &why) != TL_OK || !tl_json_is_object(*ret_object))
        return refuse(err, "the token cannot be read", "get a new token from the identity provider");
    return TL_OK;
}

static enum tl_code read_parts(tl_arena *arena, struct tl_str token, struct parts *parts, const tl_json **ret_header, struct tl_err *err)
{
    if (token.size > TL_JWT_BYTES_MAX) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the token has %zu bytes, the limit is %d", token.size, TL_JWT_BYTES_MAX);
        tl_err_hint(err, "have the identity provider put fewer groups into its tokens");
        return TL_UNAUTHENTICATED;
    }
    if (!split(token, parts))
        return refuse(err, "the token cannot be read", "get a new token from the identity provider");
    return read_object(arena, parts->header, ret_header, err);
}

static enum tl_code check_header(const tl_json *header, const char *also, const struct tl_jwk_algorithm **ret_algorithm, struct tl_err *err)
{
    const tl_json *type = tl_json_get(header, "typ"), *id = tl_json_get(header, "kid");
    *ret_algorithm = tl_jwk_algorithm(tl_json_get_text(header, "alg"));
    if (!*ret_algorithm)
        return refuse(err, "the token is signed by a method that is not taken",
                      "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA are; set one at the identity provider");
    if (tl_json_get(header, "crit"))
        return refuse(err, "the token asks for an extension that is not known", "remove \"crit\" at the identity provider");
    const char *name = tl_json_text(type);
    /* Tokens of other purposes (logout, registration) name it here and must not open anything. */
    if (type && !tl_streq_nocase(name, "JWT") && !tl_streq_nocase(name, "at+jwt") && !tl_streq_nocase(name, "application/at+jwt") &&
        !(also && tl_streq_nocase(name, also)))
        return refuse(err, "the token is made for another purpose", "send an access token or an ID token");
    if (id && (!tl_json_text(id) || tl_json_str(id).size > TL_JWK_ID_BYTES_MAX))
        return refuse(err, "the name of the token's key cannot be read", "get a new token from the identity provider");
    return TL_OK;
}

enum tl_code tl_jwt_key_id(tl_arena *arena, struct tl_str token, const char **ret_id, struct tl_err *err)
{
    struct parts parts;
    const tl_json *header = NULL;
    const struct tl_jwk_algorithm *algorithm;
    *ret_id = "";
    if (read_parts(arena, token, &parts, &header, err) != TL_OK || check_header(header, TL_JWT_LOGOUT, &algorithm, err) != TL_OK)
        return err->code;
    if (tl_json_get_text(header, "kid"))
        *ret_id = tl_json_get_text(header, "kid");
    return TL_OK;
}

/* Without a name only the single key that fits is tried: trying all would let an old key of another purpose serve. */
static enum tl_code check_signature(const tl_jwk_set *keys, const char *id, const struct tl_jwk_algorithm *algorithm, const struct parts *parts,
                                    struct tl_str signature, struct tl_err *err)
{
    size_t named = 0, fitting = 0;
    bool good = false;
    for (size_t i = 0; i < tl_jwk_set_count(keys); i++) {
        const struct tl_jwk *key = tl_jwk_set_at(keys, i);
        if (id && !tl_streq(key->id, id))
            continue;
        named++;
        if (!tl_jwk_fits(key, algorithm))
            continue;
        fitting++;
        good = good || tl_jwk_verify(key, algorithm, parts->signed_text, signature);
    }
    if (!named)
        return refuse(err, "the token is signed by a key that its issuer does not list", "get a new token; this one is of another issuer or outdated");
    if (!fitting)
        return refuse(err, "the token names a key of another type than its signature", "get a new token from the identity provider");
    if (!id && fitting > 1)
        return refuse(err, "the token does not name its key and the issuer has several", "have the identity provider set \"kid\"");
    if (!good)
        return refuse(err, "the token's signature is wrong", "get a new token from the identity provider");
    return TL_OK;
}

/* ---- what it says ---- */

static bool read_date(const tl_json *claims, const char *name, bool *ret_given, double *ret_date)
{
    const tl_json *value = tl_json_get(claims, name);
    *ret_given = value != NULL;
    return !value || (tl_json_double(value, ret_date) && *ret_date >= 0 && *ret_date <= date_max);
}

static enum tl_code check_times(const tl_json *claims, const struct tl_jwt_rules *rules, struct tl_err *err)
{
    bool has_end, has_start, has_issue;
    double end = 0, start = 0, issued = 0, now = (double)rules->now_s;
    double skew = (double)(rules->skew_s < TL_JWT_SKEW_S_MAX ? rules->skew_s : TL_JWT_SKEW_S_MAX);
    if (!read_date(claims, "exp", &has_end, &end) || !read_date(claims, "nbf", &has_start, &start) || !read_date(claims, "iat", &has_issue, &issued))
        return refuse(err, "a date of the token cannot be read", "get a new token from the identity provider");
    if (!has_end)
        return refuse(err, "the token never ends", "have the identity provider set \"exp\"");
    if (now >= end + skew) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the token ended %.0f seconds ago", now - end);
        tl_err_hint(err, "sign in again or get a new token");
        return TL_UNAUTHENTICATED;
    }
    if ((has_start && start > now + skew) || (has_issue && issued > now + skew)) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the token is from the future");
        tl_err_hint(err, "the clocks of this server and of the identity provider differ by more than auth.clock_skew; set them right");
        return TL_UNAUTHENTICATED;
    }
    return TL_OK;
}

static bool is_audience(const struct tl_jwt_rules *rules, const tl_json *value)
{
    for (size_t i = 0; i < rules->audience_count; i++)
        if (tl_str_equal(tl_json_str(value), tl_str_of(rules->audiences[i])))
            return true;
    return false;
}

static enum tl_code check_parties(const tl_json *claims, const struct tl_jwt_rules *rules, struct tl_err *err)
{
    const tl_json *issuer = tl_json_get(claims, "iss"), *audience = tl_json_get(claims, "aud");
    if (!tl_json_is_string(issuer) || !tl_str_equal(tl_json_str(issuer), tl_str_of(rules->issuer))) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the token is of the issuer \"%.200s\", not of \"%s\"", tl_json_text(issuer) ? tl_json_text(issuer) : "",
                   rules->issuer);
        tl_err_hint(err, "get a token from \"%s\"", rules->issuer);
        return TL_UNAUTHENTICATED;
    }
    bool found = tl_json_is_string(audience) && is_audience(rules, audience);
    for (struct tl_json_iter it = tl_json_iter(tl_json_is_array(audience) ? audience : NULL); tl_json_next(&it) && !found;)
        found = tl_json_is_string(it.value) && is_audience(rules, it.value);
    if (found)
        return TL_OK;
    return refuse(err, "the token is made for another application", "get a token whose \"aud\" is the one that this server is configured with");
}

enum tl_code tl_jwt_verify(tl_arena *arena, struct tl_str token, const tl_jwk_set *keys, const struct tl_jwt_rules *rules,
                           const tl_json **ret_claims, struct tl_err *err)
{
    struct parts parts;
    const tl_json *header = NULL, *claims = NULL;
    const struct tl_jwk_algorithm *algorithm = NULL;
    struct tl_str signature;
    *ret_claims = NULL;
    if (read_parts(arena, token, &parts, &header, err) != TL_OK || check_header(header, rules->also_type, &algorithm, err) != TL_OK)
        return err->code;
    signature.data = tl_base64url_decode(arena, parts.signature.data, parts.signature.size, &signature.size);
    if (!signature.data || signature.size == 0)
        return refuse(err, "the token is not signed", "get a signed token from the identity provider");
    if (check_signature(keys, tl_json_get_text(header, "kid"), algorithm, &parts, signature, err) != TL_OK)
        return err->code;
    if (read_object(arena, parts.payload, &claims, err) != TL_OK || check_parties(claims, rules, err) != TL_OK ||
        check_times(claims, rules, err) != TL_OK)
        return err->code;
    *ret_claims = claims;
    return TL_OK;
}

/* auth/provider_int.h -- an identity provider: where its parts are, and its keys, fetched when needed; private to auth/.
 *
 * Keys are fetched again when they are older than refresh_us, and at once when a token names one that is not known: so a provider
 *   may rotate them at any time.  Not more often than every 5 s, whatever tokens say, so that nobody makes us flood it.
 * A provider that cannot be reached: the last keys count for grace_us, then everything is TL_IDENTITY_UNAVAILABLE.
 * Threads: any.  One fetches at a time; the others go on with what there is, or wait when there is nothing.
 * Addresses must be https, or http on loopback.
 */
#ifndef TL_AUTH_PROVIDER_INT_H
#define TL_AUTH_PROVIDER_INT_H

#include "auth/jwk_int.h"
#include "io/http.h"

struct tl_provider_options {
    const char *issuer;
    const char *keys_url; /* NULL: found by issuer/.well-known/openid-configuration */
    const char *ca_file;  /* NULL = the system's */
    int64_t refresh_us, grace_us;
};

/* What discovery says; NULL for what the provider has not. */
struct tl_provider_places {
    const char *authorization, *token, *userinfo, *end_session, *revocation;
    bool issuer_in_answers; /* RFC 9207: every answer to a sign-in names the issuer */
};

typedef struct tl_provider tl_provider;
tl_provider *tl_provider_new(const struct tl_provider_options *options);
tl_provider *tl_provider_free(tl_provider *provider);

/* A kept set; it may lack key_id ("" = any) when the provider does not list it. */
TL_CHECKED enum tl_code tl_provider_keys(tl_provider *provider, const char *key_id, tl_jwk_set **ret_keys, struct tl_err *err);
TL_CHECKED enum tl_code tl_provider_places(tl_provider *provider, tl_arena *arena, struct tl_provider_places *ret_places, struct tl_err *err);
/* A call to one of the places, with the provider's certificates and a time limit. */
TL_CHECKED enum tl_code tl_provider_post(tl_provider *provider, tl_arena *arena, const char *url, const char *user, const char *password,
                                         struct tl_str form, struct tl_http_response *ret_response, struct tl_err *err);

/* The same with a Bearer token, for what must be JSON. */
TL_CHECKED enum tl_code tl_provider_get(tl_provider *provider, tl_arena *arena, const char *url, const char *bearer, struct tl_str *ret_body,
                                        struct tl_err *err);

struct tl_auth_part; /* auth.h */
/* Before the first sign-in nobody has asked it: then it counts as usable. */
void tl_provider_health(tl_provider *provider, struct tl_auth_part *ret_part);

#endif

/* auth/tokens.h -- tokens that people and services show instead of signing in.
 *
 * Personal: acts as its owner, with the groups the owner has when it is used.  Service: made by an administrator for a name that
 *   is no person, with groups of its own.
 * At rest: the SHA-256 of 256 random bits; the token itself is told once, when it is made.
 * Rules: making tokens needs the scope `admin`, so a narrower token cannot make itself a successor; no token has a scope that its
 *   maker lacks; `scim` and other people's tokens need the group admin.
 * Every token ends; revoking counts from the next request on.
 */
#ifndef TL_AUTH_TOKENS_H
#define TL_AUTH_TOKENS_H

#include "auth/auth.h"

/* "read,write" in any order, separated by commas or spaces; false: *ret_bad is the first that is none. */
bool tl_scopes_read(tl_arena *arena, const char *text, unsigned *ret_scopes, const char **ret_bad);
const char *tl_scopes_text(tl_arena *arena, unsigned scopes);

struct tl_token_wish {
    const char *label;
    const char *service; /* NULL = a personal token of the caller */
    size_t group_count;  /* of a service */
    const char *const *groups;
    unsigned scopes;
    int64_t lifetime_us; /* 0 = 90 days, or the longest allowed when that is shorter */
};

struct tl_token_info {
    const char *id, *kind, *user, *label, *scopes, *created_by;
    size_t group_count;
    const char *const *groups;
    int64_t created_at_us, expires_at_us;
    int64_t revoked_at_us, used_at_us; /* 0 = not */
    const char *state;                 /* "active", "expired", "revoked" */
};

TL_CHECKED enum tl_code tl_token_create(struct tl_request *rq, tl_auth *auth, const struct tl_token_wish *wish, const char **ret_secret,
                                        struct tl_token_info *ret_info);
/* The caller's own, or everybody's for administrators; newest first, at most 1,000. */
TL_CHECKED enum tl_code tl_token_list(struct tl_request *rq, tl_auth *auth, bool all, struct tl_token_info **ret_tokens, size_t *ret_count);
TL_CHECKED enum tl_code tl_token_revoke(struct tl_request *rq, tl_auth *auth, const char *id);

#endif

/* auth/identity_int.h -- a person as somebody else describes them: claims of a token, a row of the state; private to auth/.
 *
 * User names that are e-mail addresses are compared and kept in lower case, whoever spells them.
 * Bounds: names of TL_USER_BYTES_MAX bytes, TL_GROUPS_MAX groups, TL_ATTRIBUTES_MAX attributes.  More is an error, never cut: the
 *   group that was cut off could be the one that denies.
 */
#ifndef TL_AUTH_IDENTITY_INT_H
#define TL_AUTH_IDENTITY_INT_H

#include "auth/principal.h"
#include "data/json.h"

enum { TL_GROUPS_MAX = 1000, TL_ATTRIBUTES_MAX = 32 };

struct tl_identity {
    const char *user;
    size_t group_count;
    const char *const *groups;
    size_t attribute_count;
    const struct tl_principal_attribute *attributes;
};

struct tl_claim_names {
    const char *user, *groups; /* groups "" = none are taken */
    size_t attribute_count;
    const char *const *attributes;
};

/* Lower case where it is an e-mail address. */
const char *tl_identity_fold_user(tl_arena *arena, const char *user);
/* TL_UNAUTHENTICATED when the claims do not name a user, or groups in a form that is not understood. */
TL_CHECKED enum tl_code tl_identity_of_claims(tl_arena *arena, const struct tl_claim_names *names, const tl_json *claims,
                                              struct tl_identity *ret_identity, struct tl_err *err);

/* Names and pairs as JSON, and back; what cannot be read is TL_STATE. */
const char *tl_identity_groups_json(tl_arena *arena, size_t count, const char *const *groups);
const char *tl_identity_attributes_json(tl_arena *arena, size_t count, const struct tl_principal_attribute *attributes);
TL_CHECKED enum tl_code tl_identity_read_kept(tl_arena *arena, struct tl_str groups_json, struct tl_str attributes_json,
                                              struct tl_identity *identity, struct tl_err *err);

/* The union of both, each name once; TL_UNAUTHENTICATED beyond TL_GROUPS_MAX. */
TL_CHECKED enum tl_code tl_identity_add_groups(tl_arena *arena, struct tl_identity *identity, size_t count, const char *const *groups,
                                               struct tl_err *err);
/* Those of names that are new. */
void tl_identity_add_attributes(tl_arena *arena, struct tl_identity *identity, size_t count, const struct tl_principal_attribute *attributes);

#endif

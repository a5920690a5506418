/* auth/groups_int.h -- the sources of groups, asked on a period by a thread of their own; private to auth/.
 *
 * Sources: a file, a pulled document, an LDAP directory.  (Claims come with the sign-in, SCIM pushes into the state: scim.h.)
 * A source that cannot be asked, or says what is not understood, keeps its last good answer for groups.grace, also over a restart;
 *   then everybody is TL_IDENTITY_UNAVAILABLE: which groups somebody lost meanwhile cannot be known.
 * Threads: tl_groups_add any thread; it waits only for the very first answer.
 */
#ifndef TL_AUTH_GROUPS_INT_H
#define TL_AUTH_GROUPS_INT_H

#include "auth/directory_int.h"
#include "base/config.h"
#include "io/http.h"
#include "store/store.h"

struct tl_groups_settings {
    int64_t refresh_us, grace_us;
    const char *ca_file;             /* NULL = the system's */
    const char *file;                /* "" = none, also below */
    const char *url, *url_token;     /* url_token is a reference */
    const char *ldap_url, *ldap_bind_dn, *ldap_password; /* ldap_password is a reference */
    bool ldap_start_tls;
    const char *ldap_user_base, *ldap_user_filter, *ldap_user_attribute;
    const char *ldap_group_base, *ldap_group_filter, *ldap_group_attribute, *ldap_member_attribute;
};
TL_CHECKED enum tl_code tl_groups_settings_read(const tl_config *config, struct tl_groups_settings *ret_settings, struct tl_err *err);

typedef struct tl_groups tl_groups;
/* NULL when no source is configured.  The settings' texts must outlive it; store NULL keeps nothing over a restart. */
tl_groups *tl_groups_new(const struct tl_groups_settings *settings, tl_store *store);
tl_groups *tl_groups_free(tl_groups *groups);
TL_CHECKED enum tl_code tl_groups_add(tl_groups *groups, tl_arena *arena, struct tl_identity *identity, struct tl_err *err);

struct tl_auth_part; /* auth.h */
/* Fills one part a source; how many. */
size_t tl_groups_health(tl_groups *groups, struct tl_auth_part *parts);

/* groups_ldap.c: the directory as a document. */
TL_CHECKED enum tl_code tl_groups_pull_ldap(const struct tl_groups_settings *settings, tl_arena *arena, struct tl_buf *json, struct tl_err *err);

#endif

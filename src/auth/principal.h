/* auth/principal.h -- who is asking: what the rest of the program knows of a caller.
 *
 * Owns: a principal and all its texts live in one arena; tl_principal_copy takes it to another.
 * Threads: immutable once made.
 * Closed by default: the makers in auth/ fill every field.  A zeroed field never opens anything but scopes: `withheld` 0 is a
 *   caller without a narrowed token, whose groups alone decide.
 */
#ifndef TL_AUTH_PRINCIPAL_H
#define TL_AUTH_PRINCIPAL_H

#include "base/request.h"

/* How a caller showed who they are. */
enum tl_auth_kind {
    TL_AUTH_KIND_WORD,    /* mode local: a name from this machine, believed */
    TL_AUTH_KIND_TOKEN,   /* a token of the configuration, or one made by `townlake token create` */
    TL_AUTH_KIND_JWT,     /* a token signed by the OpenID Connect provider */
    TL_AUTH_KIND_ACCESS,  /* an assertion of Cloudflare Access */
    TL_AUTH_KIND_SESSION, /* a browser that signed in */
};
const char *tl_auth_kind_name(enum tl_auth_kind kind); /* "token" */

/* What a token may be used for; the user's groups decide what is allowed within that. */
enum tl_scope {
    TL_SCOPE_READ = 1,  /* statements and calls that change nothing */
    TL_SCOPE_WRITE = 2, /* statements that change data */
    TL_SCOPE_ADMIN = 4, /* calls that change Town Lake itself: sources, tokens, rules */
    TL_SCOPE_SCIM = 8,  /* pushing users and groups, nothing else */
    TL_SCOPES_ALL = 15,
};

/* A fact about the user that row rules may name: department, country. */
struct tl_principal_attribute {
    const char *name, *value;
};

struct tl_principal {
    const char *user;
    size_t group_count;
    const char *const *groups;
    bool authenticated; /* not by word only */
    enum tl_auth_kind kind;
    unsigned withheld;      /* TL_SCOPE_ bits that the caller's token lacks */
    const char *credential; /* id of the token or session, for the audit; NULL = none.  No secret. */
    size_t attribute_count;
    const struct tl_principal_attribute *attributes;
    const char *agent;      /* the program that acts for the user, NULL = the user's own act */
    const char *agent_call; /* ... and which of its calls this is */
};

/* The group whose members may change Town Lake itself, and the one whose members may read what everybody did. */
#define TL_GROUP_ADMIN "admin"
#define TL_GROUP_AUDITOR "auditor"

bool tl_principal_in_group(const struct tl_principal *principal, const char *group);
/* Does the caller's token carry the scope? */
bool tl_principal_may(const struct tl_principal *principal, enum tl_scope scope);
/* In the group admin, with a token that carries the scope. */
bool tl_principal_is_admin(const struct tl_principal *principal);
/* Sees the audit's records of others: an administrator, or in the group auditor. */
bool tl_principal_is_auditor(const struct tl_principal *principal);
/* NULL = the user has no such attribute. */
const char *tl_principal_attribute(const struct tl_principal *principal, const char *name);
const struct tl_principal *tl_principal_copy(tl_arena *arena, const struct tl_principal *from);

#endif

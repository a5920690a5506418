/* auth/scim_store_int.h -- SCIM's resources in the state; private to auth/. */
#ifndef TL_AUTH_SCIM_STORE_INT_H
#define TL_AUTH_SCIM_STORE_INT_H

#include "auth/scim_patch_int.h"
#include "store/store.h"

struct tl_scim_resource {
    const char *id;
    enum tl_scim_type type;
    tl_scim_node *body; /* in the schema's form; of a group with its members, of a user with its groups */
    int64_t version, created_at_us, changed_at_us;
};

struct tl_scim_state {
    tl_store *store;
    tl_arena *arena;
    const tl_scim_schemas *schemas;
    const char *base_url;
    int64_t now_us;
    struct tl_err *err;           /* of the state */
    struct tl_scim_err *scim_err; /* of the request; both are looked at after a call */
};

/* false: one of the errors is set. */
bool tl_scim_store_get(struct tl_scim_state *state, enum tl_scim_type type, const char *id, struct tl_scim_resource *ret_resource);
bool tl_scim_store_create(struct tl_scim_state *state, enum tl_scim_type type, tl_scim_node *body, struct tl_scim_resource *ret_resource);
/* Replaces the body, or patches it with a document; if_version 0 = any. */
bool tl_scim_store_change(struct tl_scim_state *state, enum tl_scim_type type, const char *id, int64_t if_version, const tl_scim_node *replacement,
                          const tl_scim_node *document, struct tl_scim_resource *ret_resource);
bool tl_scim_store_delete(struct tl_scim_state *state, enum tl_scim_type type, const char *id, int64_t if_version);

struct tl_scim_page {
    const tl_scim_filter *filter; /* NULL = all */
    int64_t start, count;         /* start from 1 */
    int64_t total;                /* filled */
    struct tl_scim_resource *resources; /* filled */
    size_t resource_count;
};
bool tl_scim_store_list(struct tl_scim_state *state, enum tl_scim_type type, struct tl_scim_page *page);

#endif

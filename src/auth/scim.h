/* auth/scim.h -- users and groups pushed by an identity provider (SCIM 2.0, RFC 7643 and 7644).
 *
 * Users and Groups with create, read, replace, patch, delete, filters, pages and .search; ServiceProviderConfig, Schemas,
 *   ResourceTypes.  Not offered: bulk, sorting, changing passwords.
 * A user that is pushed as not active does not come in by any means but a token of the configuration.  A change counts from the
 *   next request on: groups are looked up in the state.
 * Bounds: bodies of 4 MiB, 1,000 resources a page.
 */
#ifndef TL_AUTH_SCIM_H
#define TL_AUTH_SCIM_H

#include "auth/auth.h"

struct tl_scim_call {
    const char *method;   /* "GET" */
    const char *path;     /* behind /scim/v2/: "Users/2819" */
    const char *base_url; /* "https://lake.example.com/scim/v2" */
    const char *filter, *start_index, *count, *attributes, *excluded_attributes; /* of the query; NULL = absent */
    const char *if_match, *if_none_match;
    struct tl_str body;
};

struct tl_scim_answer {
    int status;
    const char *location, *version; /* headers Location and ETag; NULL = none */
    struct tl_str body;             /* application/scim+json, of the arena; size 0 = none */
};

/* Always gives an answer; refusals are SCIM's error documents. */
void tl_scim_handle(struct tl_request *rq, tl_auth *auth, const struct tl_scim_call *call, struct tl_scim_answer *ret_answer);
/* The error document of any failure. */
void tl_scim_refuse(struct tl_request *rq, int status, struct tl_scim_answer *ret_answer);

#endif

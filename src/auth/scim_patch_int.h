/* auth/scim_patch_int.h -- SCIM's PATCH (RFC 7644 section 3.5.2); private to auth/.
 *
 * Also what the large identity providers send beside the RFC: operations in any case, values of "remove", dotted members in a
 *   value without path, an "add" to emails[type eq "work"] that is not there yet.
 */
#ifndef TL_AUTH_SCIM_PATCH_INT_H
#define TL_AUTH_SCIM_PATCH_INT_H

#include "auth/scim_filter_int.h"

enum { TL_SCIM_OPERATIONS_MAX = 1000 };

/* Changes the resource by the operations of the document; after a failure it is in no particular state. */
bool tl_scim_patch(tl_arena *arena, const tl_scim_schemas *schemas, enum tl_scim_type type, tl_scim_node *resource, const tl_scim_node *document,
                   struct tl_scim_err *err);

#endif

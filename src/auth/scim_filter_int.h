/* auth/scim_filter_int.h -- SCIM's filters and paths (RFC 7644 sections 3.4.2.2 and 3.5.2); private to auth/.
 *
 * Bounds: 8 KiB of text, 32 deep, 200 comparisons.
 */
#ifndef TL_AUTH_SCIM_FILTER_INT_H
#define TL_AUTH_SCIM_FILTER_INT_H

#include "auth/scim_schema_int.h"

enum { TL_SCIM_FILTER_BYTES_MAX = 8192 };

typedef struct tl_scim_filter tl_scim_filter;
bool tl_scim_filter_parse(tl_arena *arena, const char *text, const tl_scim_filter **ret_filter, struct tl_scim_err *err);
bool tl_scim_filter_match(const tl_scim_filter *filter, const tl_scim_node *resource);
/* "attribute eq "text"" and nothing else: then a row may be looked up instead.  The attribute has no extension and no part. */
bool tl_scim_filter_single(const tl_scim_filter *filter, const char **ret_attribute, const char **ret_text);

/* urn:..:User:attribute[filter].part */
struct tl_scim_path {
    bool extension;
    const char *attribute; /* "" = the extension as a whole */
    const tl_scim_filter *filter; /* NULL = none */
    const char *part;             /* NULL = none */
};
bool tl_scim_path_parse(tl_arena *arena, const char *text, struct tl_scim_path *ret_path, struct tl_scim_err *err);

#endif

/* auth/scim_schema_int.h -- which attributes SCIM resources have; private to auth/.
 *
 * One statement of it: scim_schemas.json, which is also what /Schemas answers.  What a client pushes is brought into its form:
 *   names as the schema spells them, what it does not know left out, what is read-only left out, wrong types refused.
 */
#ifndef TL_AUTH_SCIM_SCHEMA_INT_H
#define TL_AUTH_SCIM_SCHEMA_INT_H

#include "auth/scim_node_int.h"

enum tl_scim_type { TL_SCIM_USER, TL_SCIM_GROUP };

/* A failure as SCIM names it (RFC 7644 section 3.12). */
struct tl_scim_err {
    int status;       /* 0 = none */
    const char *type; /* "invalidFilter"; NULL = none */
    char detail[256];
};
/* Keeps the first.  Returns false. */
bool tl_scim_fail(struct tl_scim_err *err, int status, const char *type, const char *format, ...) TL_PRINTF(4, 5);

typedef struct tl_scim_schemas tl_scim_schemas;
tl_scim_schemas *tl_scim_schemas_new(tl_arena *arena);
const tl_json *tl_scim_schemas_list(const tl_scim_schemas *schemas); /* an array */

#define TL_SCIM_EXTENSION "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
const char *tl_scim_schema_id(enum tl_scim_type type);
const char *tl_scim_type_name(enum tl_scim_type type); /* "User" */

struct tl_scim_attribute {
    const char *name, *type;  /* type "string", "boolean", "complex", "reference" */
    bool multi, required, exact, read_only;
    const tl_json *inner;     /* attributes of a complex one */
};
/* An attribute of the type, or with extension of its extension; false when there is none of that name. */
bool tl_scim_find(const tl_scim_schemas *schemas, enum tl_scim_type type, bool extension, const char *name, struct tl_scim_attribute *ret_attribute);
bool tl_scim_find_inner(const struct tl_scim_attribute *of, const char *name, struct tl_scim_attribute *ret_attribute);

/* A value of the attribute in the schema's form; NULL in *ret_node when nothing is left of it. */
bool tl_scim_conform(tl_arena *arena, const struct tl_scim_attribute *attribute, const tl_scim_node *value, tl_scim_node **ret_node,
                     struct tl_scim_err *err);
/* A whole resource, without id, meta and schemas. */
bool tl_scim_conform_resource(tl_arena *arena, const tl_scim_schemas *schemas, enum tl_scim_type type, const tl_scim_node *from,
                              tl_scim_node **ret_node, struct tl_scim_err *err);
/* userName or displayName; false (with an error) when it is missing or no name. */
bool tl_scim_name_of(enum tl_scim_type type, const tl_scim_node *resource, const char **ret_name, struct tl_scim_err *err);

#endif

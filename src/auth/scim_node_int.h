/* auth/scim_node_int.h -- a JSON value that can be changed, for SCIM's PATCH; private to auth/.
 *
 * Owns: nothing; nodes live in the arena of whoever made them.
 * Names are found without case, as SCIM compares them, and kept as they are spelt.
 */
#ifndef TL_AUTH_SCIM_NODE_INT_H
#define TL_AUTH_SCIM_NODE_INT_H

#include "data/json.h"

enum tl_scim_kind { TL_SCIM_NULL, TL_SCIM_BOOL, TL_SCIM_NUMBER, TL_SCIM_TEXT, TL_SCIM_LIST, TL_SCIM_OBJECT };

typedef struct tl_scim_node tl_scim_node;
struct tl_scim_node {
    enum tl_scim_kind kind;
    const char *key;     /* in an OBJECT */
    struct tl_str text;  /* TEXT; NUMBER: as it was written */
    bool truth;          /* BOOL */
    tl_scim_node *first; /* LIST, OBJECT */
    tl_scim_node *next;
};

tl_scim_node *tl_scim_node_of(tl_arena *arena, const tl_json *json);
tl_scim_node *tl_scim_node_new(tl_arena *arena, enum tl_scim_kind kind);
tl_scim_node *tl_scim_node_text(tl_arena *arena, const char *text);
void tl_scim_node_write(const tl_scim_node *node, struct tl_json_writer *json);
const char *tl_scim_node_json(tl_arena *arena, const tl_scim_node *node);

tl_scim_node *tl_scim_get(const tl_scim_node *object, const char *name); /* NULL: absent or not an object */
const char *tl_scim_get_text(const tl_scim_node *object, const char *name);
/* Sets or replaces the member; value NULL removes it. */
void tl_scim_set(tl_arena *arena, tl_scim_node *object, const char *name, tl_scim_node *value);
void tl_scim_append(tl_scim_node *list, tl_scim_node *value);
void tl_scim_drop(tl_scim_node *list, const tl_scim_node *value); /* this very node */
size_t tl_scim_count(const tl_scim_node *list);
bool tl_scim_equal(const tl_scim_node *a, const tl_scim_node *b);
tl_scim_node *tl_scim_copy(tl_arena *arena, const tl_scim_node *node);

#endif

/* base/yaml_tree.h -- YAML into a small tree with line numbers: the configuration, semantic models, suites of questions.
 *
 * Why: whoever writes such a file needs the line of a mistake; a tree that keeps it serves every reader of one.
 * Left out on purpose: anchors and aliases, several documents, keys that are not plain text: each is an error with its line.
 * Owns: the tree and its texts live in the arena; the bytes need not outlive it.
 * Errors: TL_CONFIG with path:line in the message.
 * Bounds: TL_YAML_BYTES_MAX of text, TL_YAML_DEPTH_MAX deep, 2,000 members in one place; of tl_yaml_each: its bytes_max, each item
 *   within the others.
 */
#ifndef TL_BASE_YAML_TREE_H
#define TL_BASE_YAML_TREE_H

#include "base/arena.h"
#include "base/str.h"

enum tl_yaml_kind { TL_YAML_SCALAR, TL_YAML_LIST, TL_YAML_MAP };

struct tl_yaml_node {
    enum tl_yaml_kind kind;
    int line;
    const char *key;            /* in a MAP */
    const char *text;           /* SCALAR */
    struct tl_yaml_node *first; /* LIST, MAP */
    struct tl_yaml_node *next;
};

enum { TL_YAML_BYTES_MAX = 1024 * 1024, TL_YAML_DEPTH_MAX = 16 };

/* No document at all gives *ret_root NULL. */
TL_CHECKED enum tl_code tl_yaml_parse(tl_arena *arena, const char *path, struct tl_str text, struct tl_yaml_node **ret_root,
                                      struct tl_err *err);
/* A document too large for one tree: a group of keys, each with a list.  `item` is called for every member of every list, in order,
 * with the list's key and a tree that ends with the call; a key that has no list is one item.  Stops when item returns another code
 * than TL_OK.  What is not YAML is found only where it stands: items before it have been given. */
typedef enum tl_code (*tl_yaml_item)(void *context, const char *section, const struct tl_yaml_node *item, struct tl_err *err);
TL_CHECKED enum tl_code tl_yaml_each(const char *path, struct tl_str text, size_t bytes_max, tl_yaml_item item, void *context, struct tl_err *err);
const char *tl_yaml_kind_name(enum tl_yaml_kind kind); /* "a list" */
/* The member of a MAP, NULL = it has none (also of NULL and of other kinds). */
const struct tl_yaml_node *tl_yaml_get(const struct tl_yaml_node *map, const char *key);

#endif

/* skipper/semantic_int.h -- parts of the reader of semantic models; private to skipper/. */
#ifndef TL_SKIPPER_SEMANTIC_INT_H
#define TL_SKIPPER_SEMANTIC_INT_H

#include "base/yaml_tree.h"
#include "data/json.h"
#include "skipper/semantic.h"

struct tl_semantic_reader {
    tl_arena *arena;
    const char *path;
    struct tl_err *err;
    tl_semantic *model;
};

TL_PRINTF(3, 4)
enum tl_code tl_semantic_refuse(struct tl_semantic_reader *reader, int line, const char *format, ...);
/* The text of a member; NULL = absent.  TL_CONFIG when it is not a single value, or is missing though needed. */
TL_CHECKED enum tl_code tl_semantic_text(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char *key, bool needed,
    const char **ret_text);
TL_CHECKED enum tl_code tl_semantic_list(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char *key, struct tl_texts *ret_texts);
/* expression: {dialects: [{dialect: ANSI_SQL, expression: ".."}]}; TOWNLAKE before TRINO before ANSI_SQL. */
TL_CHECKED enum tl_code tl_semantic_expression(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char **ret_text);
/* The JSON of the vendor TOWNLAKE in custom_extensions; NULL = none. */
TL_CHECKED enum tl_code tl_semantic_extension(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const tl_json **ret_json);
/* Keys that the map may have, NULL at the end. */
TL_CHECKED enum tl_code tl_semantic_keys(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char *what, const char *const *keys);

TL_CHECKED enum tl_code tl_semantic_read_datasets(struct tl_semantic_reader *reader, const struct tl_yaml_node *list);
TL_CHECKED enum tl_code tl_semantic_read_relationships(struct tl_semantic_reader *reader, const struct tl_yaml_node *list);
TL_CHECKED enum tl_code tl_semantic_read_metrics(struct tl_semantic_reader *reader, const struct tl_yaml_node *list);

/* Words of SQL that are no names of columns. */
bool tl_semantic_is_keyword(struct tl_str word);

#endif

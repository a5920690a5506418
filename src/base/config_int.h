/* base/config_int.h -- parts of the configuration reader; private to base/. */
#ifndef TL_BASE_CONFIG_INT_H
#define TL_BASE_CONFIG_INT_H

#include "base/config.h"
#include "base/yaml_tree.h"

enum tl_config_type {
    TL_CONFIG_BOOL,
    TL_CONFIG_INT,
    TL_CONFIG_SIZE,
    TL_CONFIG_DURATION,
    TL_CONFIG_TEXT,
    TL_CONFIG_PATH,
    TL_CONFIG_CHOICE,
};

/* A row of spec/config.toml. */
struct tl_config_key {
    const char *name;
    const char *environment;
    enum tl_config_type type;
    const char *fallback;
    int64_t least, most;  /* INT */
    const char *choices;  /* CHOICE: "a|b" */
    const char *help;
};

const struct tl_config_key *tl_config_keys(size_t *ret_count);
/* Index of a key, -1 = not declared. */
int tl_config_find_key(const char *name);

struct tl_config_value {
    const char *text;   /* as written, for CHOICE and BOOL as declared */
    int64_t number;     /* BOOL, INT, SIZE, DURATION */
    const char *origin; /* "default", "file", "environment" */
};

/* false: *ret_why says what a value should be. */
bool tl_config_read_value(tl_arena *arena, const struct tl_config_key *key, const char *text, struct tl_config_value *ret_value,
                          const char **ret_why);

/* --- problems: all are kept, the first is the message --- */
struct tl_config_problems {
    tl_arena *arena;
    const char *path;
    struct tl_buf all;
    int count;
    const char *first, *first_hint;
};

/* line 0: not in the file.  hint may be NULL. */
void tl_config_problem(struct tl_config_problems *problems, int line, const char *hint, const char *format, ...) TL_PRINTF(4, 5);
/* "did you mean ..?" out of the names (NULL at the end); NULL when none is near. */
const char *tl_config_nearest(tl_arena *arena, const char *name, const char *const *names);

struct tl_config {
    struct tl_config_value *values; /* one a key */
    struct tl_config_source *sources;
    size_t source_count;
    struct tl_config_token *tokens;
    size_t token_count;
};

/* The lists of the file. */
void tl_config_read_sources(struct tl_config_problems *problems, struct tl_config *config, const struct tl_yaml_node *list);
void tl_config_read_tokens(struct tl_config_problems *problems, struct tl_config *config, const struct tl_yaml_node *list);

#endif

/* door/gate.h -- the allow-list: what the engine's parser made of a text, checked node by node.
 *
 * Why: settings alone do not protect (research duckdb.md, bypass list); what is not known here is refused, also when a later
 *   engine learns a new form: every class, type and member of a node must be in the tables of gate_walk.c, every function in
 *   spec/functions.toml.
 * What comes out says all that the following stages need: which tables are named and where, which are CTEs (not listed),
 *   which columns are written with their catalog, which table functions are called.  It depends on the text alone, so it may
 *   be kept for the same text (cache.h); what the caller may do with it is decided anew each time.
 * Owns: the result lives in the arena and points into neither the text nor the tree.
 */
#ifndef TL_DOOR_GATE_H
#define TL_DOOR_GATE_H

#include "base/str.h"
#include "data/json.h"

enum tl_gate_kind {
    TL_GATE_SELECT,
    TL_GATE_INSERT,
    TL_GATE_UPDATE,
    TL_GATE_DELETE,
    TL_GATE_TRUNCATE,
    TL_GATE_MERGE,
    TL_GATE_CREATE_TABLE,
    TL_GATE_CREATE_TABLE_AS,
    TL_GATE_CREATE_SCHEMA,
    TL_GATE_CREATE_VIEW,
    TL_GATE_DROP_TABLE,
    TL_GATE_DROP_VIEW,
    TL_GATE_DROP_SCHEMA,
    TL_GATE_ALTER_TABLE,
};

/* A table name in the text; parts that were not written are "". */
struct tl_gate_table {
    const char *catalog, *schema, *name;
    size_t offset, size;       /* of the name in the text */
    const char *at_unit;       /* AT (VERSION => 5): "VERSION", "TIMESTAMP"; NULL = none */
    const char *at_value;      /* SQL of the constant */
    size_t at_offset, at_size; /* where the AT clause stands */
    bool target; /* what INSERT, UPDATE, CREATE ... change; for schemas name is the schema and schema "" */
};

/* catalog.schema.table.column...: four parts or more */
struct tl_gate_column {
    const char *catalog, *schema, *table;
    size_t offset, size; /* of the catalog's token */
};

/* current_user and its like: the engine would answer for itself, so the door puts the caller's own in their place. */
enum tl_session_word { TL_WORD_USER, TL_WORD_CATALOG, TL_WORD_SCHEMA };
struct tl_gate_word {
    enum tl_session_word word;
    size_t offset, size;
    bool select_item; /* a column of a SELECT by itself: keeps its name */
};

struct tl_gate {
    enum tl_gate_kind kind;
    size_t table_count;
    const struct tl_gate_table *tables;
    size_t column_count;
    const struct tl_gate_column *columns;
    size_t word_count;
    const struct tl_gate_word *words;
    size_t function_count;
    const char *const *functions; /* table functions called */
    size_t parameter_count;       /* highest ? or $n; 0 = none */
    bool describes;               /* DESCRIBE of a query somewhere */
    bool if_exists, if_not_exists, or_replace, cascade;
    const char *new_name; /* ALTER TABLE .. RENAME TO */
    size_t query_offset;  /* CREATE VIEW: where the query begins */
    size_t alias_count;   /* CREATE VIEW v (a, b) */
    const char *const *aliases;
    size_t target_end; /* CREATE, DROP ..: where the target's name ends */
};

struct tl_gate_limits {
    size_t nodes_max;
    int depth_max;
    int terms_max;
};

/* ast: the engine's answer to PARSE for exactly this text. */
TL_CHECKED enum tl_code tl_gate_check(tl_arena *arena, const struct tl_gate_limits *limits, struct tl_str text,
                                      const tl_json *ast, const struct tl_gate **ret_gate, struct tl_err *err);

/* What a kind is called in answers: "CREATE TABLE". */
const char *tl_gate_kind_name(enum tl_gate_kind kind);

#endif

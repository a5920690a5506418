/* door/gate_int.h -- shared by gate.c (statements) and gate_walk.c (nodes and expressions). */
#ifndef TL_DOOR_GATE_INT_H
#define TL_DOOR_GATE_INT_H

#include "door/gate.h"
#include "door/lexer.h"
#include "door/statement.h"

enum {
    TL_GATE_TABLES_MAX = 2000,
    TL_GATE_COLUMNS_MAX = 20000,
    TL_GATE_SETS_MAX = 400, /* UNION and the like in one statement */
    TL_GATE_CTES_MAX = 200,
};

/* A name that a FROM may mean before any table: one CTE. */
struct tl_gate_scope {
    const struct tl_gate_scope *up;
    const char *name;
    bool recurring; /* also known as recurring.name */
};

struct tl_gate_walk {
    tl_arena *arena;
    const struct tl_gate_limits *limits;
    struct tl_str text;
    struct tl_gate *out;
    struct tl_gate_table *tables;
    struct tl_gate_column *columns;
    struct tl_gate_word *words;
    const char **functions;
    size_t table_capacity, column_capacity, word_capacity, function_capacity;
    const tl_json *select_item; /* the column of a SELECT that is being walked */
    size_t nodes, sets;
    uint64_t chain_cost; /* sum of the cubes of operator chains: what planning them costs */
    struct tl_err *err;
};

TL_CHECKED enum tl_code tl_gate_walk_node(struct tl_gate_walk *walk, const tl_json *node,
                                          const struct tl_gate_scope *scope);
TL_CHECKED enum tl_code tl_gate_walk_ref(struct tl_gate_walk *walk, const tl_json *ref,
                                         const struct tl_gate_scope *scope);
TL_CHECKED enum tl_code tl_gate_walk_expression(struct tl_gate_walk *walk, const tl_json *expression,
                                                const struct tl_gate_scope *scope);
TL_CHECKED enum tl_code tl_gate_walk_expressions(struct tl_gate_walk *walk, const tl_json *list,
                                                 const struct tl_gate_scope *scope);
/* Walks the queries of a cte_map; *ret_scope has its names on top of `scope`. */
TL_CHECKED enum tl_code tl_gate_walk_ctes(struct tl_gate_walk *walk, const tl_json *map,
                                          const struct tl_gate_scope *scope, const struct tl_gate_scope **ret_scope);
/* The table a BASE_TABLE node names is what the statement changes: listed as target whatever CTEs there are. */
TL_CHECKED enum tl_code tl_gate_walk_target(struct tl_gate_walk *walk, const tl_json *ref);
TL_CHECKED enum tl_code tl_gate_add_table(struct tl_gate_walk *walk, const struct tl_gate_table *table);
/* --- gate_names.c --- */

/* A BASE_TABLE: listed unless it means a query of the scope. */
TL_CHECKED enum tl_code tl_gate_add_base_table(struct tl_gate_walk *walk, const tl_json *ref,
                                               const struct tl_gate_scope *scope, bool target);
/* A column of four parts or more. */
TL_CHECKED enum tl_code tl_gate_add_column(struct tl_gate_walk *walk, const tl_json *expression, const tl_json *names);
/* A column of one part: current_user, current_catalog ... where they are not quoted. */
void tl_gate_add_word(struct tl_gate_walk *walk, const tl_json *expression, const tl_json *names);
TL_CHECKED enum tl_code tl_gate_check_function(struct tl_gate_walk *walk, const tl_json *function, bool table);
TL_CHECKED enum tl_code tl_gate_check_list_range(struct tl_gate_walk *walk, const tl_json *function);
/* "", "main", "pg_catalog" */
bool tl_gate_is_builtin_schema(const char *name);
size_t tl_gate_location(const tl_json *node); /* SIZE_MAX = unknown */
enum tl_code tl_gate_refuse_unknown(struct tl_gate_walk *walk, const tl_json *where, const char *what,
                                    const char *name);
enum tl_code tl_gate_refuse(struct tl_gate_walk *walk, enum tl_code code, const tl_json *where, const char *format, ...)
    TL_PRINTF(4, 5);

#endif

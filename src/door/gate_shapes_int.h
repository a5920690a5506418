/* door/gate_shapes_int.h -- the allow-list as data: what nodes there may be, and what each of their members holds. */
#ifndef TL_DOOR_GATE_SHAPES_INT_H
#define TL_DOOR_GATE_SHAPES_INT_H

/* What a member of a node holds. */
enum tl_gate_member_kind {
    PLAIN = 1,  /* a name, number or flag: nothing inside to check */
    EXPRESSION, /* or null */
    EXPRESSIONS,
    SELECT_LIST,
    EXPRESSION_ROWS, /* list of lists */
    QUERY,           /* {"node": ..}, or null */
    NODE,
    NODES,
    REF,
    ORDERS,
    ORDER_MODIFIER,
    CASES,
    TYPE,
    TYPES,
    REPLACEMENTS, /* [{"key", "value": expression}] */
    COLUMN_NAMES, /* [{"catalog", "schema", "table", "column"}] */
    RENAMES,      /* [{"key": column name, "value": text}] */
    PIVOTS,
    MODIFIERS,
    SAMPLE,
    HANDLED, /* by code of its own */
};

struct tl_gate_member {
    const char *name;
    enum tl_gate_member_kind kind;
};

struct tl_gate_shape {
    const char *name;  /* class of an expression, type of a node or reference */
    const char *types; /* expressions: the types allowed, each between blanks */
    struct tl_gate_member members[20];
};

enum tl_gate_family { TL_GATE_EXPRESSIONS, TL_GATE_NODES, TL_GATE_REFS };

/* NULL = not allowed. */
const struct tl_gate_shape *tl_gate_shape(enum tl_gate_family family, const char *name);
/* 0 = not allowed. */
enum tl_gate_member_kind tl_gate_member(const struct tl_gate_shape *shape, const char *name);

#endif

#include <stdio.h>
#include <string.h>

#include "door/functions.h"
#include "door/gate_int.h"
#include "door/gate_shapes_int.h"

/* Where the walk is: the depth counts nesting, not the left side of chains ("1+1+1", "a JOIN b JOIN c"). */
struct place {
    const struct tl_gate_scope *scope;
    int depth;
    int chain;
};

static enum tl_code walk_expression(struct tl_gate_walk *walk, const tl_json *expression, struct place place);
static enum tl_code walk_node(struct tl_gate_walk *walk, const tl_json *node, struct place place);
static enum tl_code walk_ref(struct tl_gate_walk *walk, const tl_json *ref, struct place place);

static struct place inside(struct place place)
{
    return (struct place){place.scope, place.depth + 1, 0};
}

static enum tl_code enter(struct tl_gate_walk *walk, const tl_json *node, struct place place)
{
    if (++walk->nodes > walk->limits->nodes_max)
        return tl_gate_refuse(walk, TL_TOO_LARGE, node, "the statement has more than %zu parts",
                              walk->limits->nodes_max);
    if (place.depth > walk->limits->depth_max)
        return tl_gate_refuse(walk, TL_TOO_LARGE, node, "the statement is nested more than %d deep",
                              walk->limits->depth_max);
    return TL_OK;
}

/* --- lists and other members --- */

static enum tl_code walk_expressions(struct tl_gate_walk *walk, const tl_json *list, struct place place)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(list); code == TL_OK && tl_json_next(&it);)
        code = walk_expression(walk, it.value, place);
    return code;
}

static enum tl_code walk_select_list(struct tl_gate_walk *walk, const tl_json *list, struct place place)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(list); code == TL_OK && tl_json_next(&it);) {
        walk->select_item = it.value;
        code = walk_expression(walk, it.value, place);
    }
    return code;
}

static enum tl_code walk_orders(struct tl_gate_walk *walk, const tl_json *list, struct place place)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(list); code == TL_OK && tl_json_next(&it);)
        code = walk_expression(walk, tl_json_get(it.value, "expression"), place);
    return code;
}

static enum tl_code walk_cases(struct tl_gate_walk *walk, const tl_json *list, struct place place)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(list); code == TL_OK && tl_json_next(&it);) {
        code = walk_expression(walk, tl_json_get(it.value, "when_expr"), place);
        if (code == TL_OK)
            code = walk_expression(walk, tl_json_get(it.value, "then_expr"), place);
    }
    return code;
}

static enum tl_code walk_replacements(struct tl_gate_walk *walk, const tl_json *list, struct place place)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(list); code == TL_OK && tl_json_next(&it);)
        code = walk_expression(walk, tl_json_get(it.value, "value"), place);
    return code;
}

/* These carry no position, so their catalog cannot be replaced by the governed one. */
static enum tl_code check_column_name(struct tl_gate_walk *walk, const tl_json *name)
{
    const char *catalog = tl_json_get_text(name, "catalog");
    if (catalog && *catalog) {
        tl_gate_refuse(walk, TL_UNSUPPORTED, NULL,
                       "a column behind EXCLUDE or RENAME cannot be written with its catalog \"%s\"", catalog);
        tl_err_hint(walk->err, "write table.column");
        return TL_UNSUPPORTED;
    }
    return TL_OK;
}

static enum tl_code walk_column_names(struct tl_gate_walk *walk, const tl_json *list, bool keyed)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(list); code == TL_OK && tl_json_next(&it);)
        code = check_column_name(walk, keyed ? tl_json_get(it.value, "key") : it.value);
    return code;
}

/* A type is a tree of plain values; only names of types in other catalogs and hidden expressions matter. */
static enum tl_code walk_type(struct tl_gate_walk *walk, const tl_json *type, int depth)
{
    if (depth > walk->limits->depth_max)
        return tl_gate_refuse(walk, TL_TOO_LARGE, NULL, "a type is nested more than %d deep", walk->limits->depth_max);
    const char *class = tl_json_get_text(type, "class");
    if (class && strcmp(class, "TYPE") != 0 && strcmp(class, "CONSTANT") != 0)
        return tl_gate_refuse_unknown(walk, type, "a type made of an expression of class", class);
    const char *catalog = tl_json_get_text(type, "catalog"), *schema = tl_json_get_text(type, "schema");
    if ((catalog && *catalog) || !tl_gate_is_builtin_schema(schema))
        return tl_gate_refuse_unknown(walk, type, "a type of the schema", catalog && *catalog ? catalog : schema);
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(type); code == TL_OK && tl_json_next(&it);)
        if (tl_json_is_object(it.value) || tl_json_is_array(it.value))
            code = walk_type(walk, it.value, depth + 1);
    return code;
}

static enum tl_code walk_pivots(struct tl_gate_walk *walk, const tl_json *list, struct place place)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(list); code == TL_OK && tl_json_next(&it);) {
        const char *type = tl_json_get_text(it.value, "pivot_enum");
        if (type && *type)
            return tl_gate_refuse_unknown(walk, NULL, "PIVOT over the type", type);
        if (tl_json_is_object(tl_json_get(it.value, "subquery")))
            return tl_gate_refuse_unknown(walk, NULL, "PIVOT over", "a subquery");
        code = walk_expressions(walk, tl_json_get(it.value, "pivot_expressions"), place);
        const tl_json *entries = tl_json_get(it.value, "entries");
        for (struct tl_json_iter entry = tl_json_iter(entries); code == TL_OK && tl_json_next(&entry);)
            code = walk_expression(walk, tl_json_get(entry.value, "star_expr"), place);
    }
    return code;
}

static enum tl_code walk_modifier(struct tl_gate_walk *walk, const tl_json *modifier, struct place place)
{
    const char *type = tl_json_get_text(modifier, "type");
    if (tl_streq(type, "ORDER_MODIFIER"))
        return walk_orders(walk, tl_json_get(modifier, "orders"), place);
    if (tl_streq(type, "DISTINCT_MODIFIER"))
        return walk_expressions(walk, tl_json_get(modifier, "distinct_on_targets"), place);
    if (!tl_streq(type, "LIMIT_MODIFIER") && !tl_streq(type, "LIMIT_PERCENT_MODIFIER"))
        return tl_gate_refuse_unknown(walk, NULL, "a clause of the kind", type);
    enum tl_code code = walk_expression(walk, tl_json_get(modifier, "limit"), place);
    return code == TL_OK ? walk_expression(walk, tl_json_get(modifier, "offset"), place) : code;
}

static enum tl_code walk_list(struct tl_gate_walk *walk, const tl_json *list, struct place place,
                              enum tl_gate_member_kind kind)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(list); code == TL_OK && tl_json_next(&it);) {
        if (kind == NODES)
            code = walk_node(walk, it.value, place);
        else if (kind == MODIFIERS)
            code = walk_modifier(walk, it.value, place);
        else if (kind == TYPES)
            code = walk_type(walk, it.value, 0);
        else
            code = walk_expressions(walk, it.value, place);
    }
    return code;
}

static enum tl_code walk_member(struct tl_gate_walk *walk, enum tl_gate_member_kind kind, const tl_json *value,
                                struct place place)
{
    if (tl_json_is_null(value))
        return TL_OK;
    switch (kind) {
    case PLAIN:
    case HANDLED:
    case SAMPLE:
        return TL_OK;
    case EXPRESSION:
        return walk_expression(walk, value, place);
    case EXPRESSIONS:
        return walk_expressions(walk, value, place);
    case SELECT_LIST:
        return walk_select_list(walk, value, place);
    case QUERY:
        return walk_node(walk, tl_json_get(value, "node"), place);
    case NODE:
        return walk_node(walk, value, place);
    case REF:
        return walk_ref(walk, value, place);
    case ORDERS:
        return walk_orders(walk, value, place);
    case ORDER_MODIFIER:
        return walk_modifier(walk, value, place);
    case CASES:
        return walk_cases(walk, value, place);
    case TYPE:
        return walk_type(walk, value, 0);
    case REPLACEMENTS:
        return walk_replacements(walk, value, place);
    case COLUMN_NAMES:
        return walk_column_names(walk, value, false);
    case RENAMES:
        return walk_column_names(walk, value, true);
    case PIVOTS:
        return walk_pivots(walk, value, place);
    case NODES:
    case MODIFIERS:
    case TYPES:
    case EXPRESSION_ROWS:
        return walk_list(walk, value, place, kind);
    }
    return TL_INTERNAL;
}

/* --- expressions --- */

static bool is_operator_call(const tl_json *expression)
{
    return tl_streq(tl_json_get_text(expression, "class"), "COMPARISON") ||
           (tl_streq(tl_json_get_text(expression, "class"), "FUNCTION") &&
            tl_json_bool(tl_json_get(expression, "is_operator"), false));
}

/* The first operand of an operator: part of the same chain when it is an operator too.  Planning a chain of n operators
 * costs about n^3, so long ones are refused, and many of middle length too. */
static enum tl_code walk_first_operand(struct tl_gate_walk *walk, const tl_json *operand, struct place place)
{
    uint64_t terms = (uint64_t)place.chain + 1, most = (uint64_t)walk->limits->terms_max;
    if (terms > most)
        return tl_gate_refuse(walk, TL_TOO_LARGE, operand, "an expression chains more than %d operators",
                              walk->limits->terms_max);
    if (is_operator_call(operand))
        return walk_expression(walk, operand, (struct place){place.scope, place.depth, place.chain + 1});
    walk->chain_cost += terms * terms * terms;
    if (walk->chain_cost > 3 * most * most * most)
        return tl_gate_refuse(walk, TL_TOO_LARGE, operand, "the statement has too many long chains of operators");
    return walk_expression(walk, operand, inside(place));
}

static enum tl_code walk_function(struct tl_gate_walk *walk, const tl_json *function, struct place place)
{
    enum tl_code code = tl_gate_check_function(walk, function, false);
    if (code != TL_OK)
        return code;
    const char *name = tl_json_get_text(function, "function_name");
    if (tl_streq_nocase(name, "range") || tl_streq_nocase(name, "generate_series"))
        code = tl_gate_check_list_range(walk, function);
    bool first = is_operator_call(function);
    const tl_json *children = tl_json_get(function, "children");
    for (struct tl_json_iter it = tl_json_iter(children); code == TL_OK && tl_json_next(&it); first = false)
        code = first ? walk_first_operand(walk, it.value, place) : walk_expression(walk, it.value, inside(place));
    return code;
}

static enum tl_code check_parameter(struct tl_gate_walk *walk, const tl_json *expression)
{
    enum { PARAMETERS_MAX = 1000 };
    const char *identifier = tl_json_get_text(expression, "identifier");
    size_t number = 0;
    for (const char *p = identifier; p && *p >= '0' && *p <= '9' && number <= PARAMETERS_MAX; p++)
        number = number * 10 + (size_t)(*p - '0');
    if (number == 0)
        return tl_gate_refuse_unknown(walk, expression, "a parameter of the name", identifier);
    if (number > PARAMETERS_MAX)
        return tl_gate_refuse(walk, TL_TOO_LARGE, expression, "more than %d parameters", PARAMETERS_MAX);
    if (number > walk->out->parameter_count)
        walk->out->parameter_count = number;
    return TL_OK;
}

static enum tl_code check_own(struct tl_gate_walk *walk, const tl_json *expression, const char *class,
                              struct place place)
{
    if (strcmp(class, "FUNCTION") == 0)
        return walk_function(walk, expression, place);
    if (strcmp(class, "WINDOW") == 0)
        return tl_gate_check_function(walk, expression, false);
    if (strcmp(class, "COMPARISON") == 0)
        return walk_first_operand(walk, tl_json_get(expression, "left"), place);
    if (strcmp(class, "COLUMN_REF") == 0) {
        const tl_json *names = tl_json_get(expression, "column_names");
        if (tl_json_count(names) == 1)
            tl_gate_add_word(walk, expression, names);
        return tl_json_count(names) >= 4 ? tl_gate_add_column(walk, expression, names) : TL_OK;
    }
    if (strcmp(class, "PARAMETER") == 0)
        return check_parameter(walk, expression);
    if (strcmp(class, "TYPE") == 0)
        return walk_type(walk, expression, 0);
    return TL_OK;
}

static enum tl_code walk_members(struct tl_gate_walk *walk, const tl_json *object, const struct tl_gate_shape *shape,
                                 const char *common, struct place place)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(object); code == TL_OK && tl_json_next(&it);) {
        const char *hit = strstr(common, it.key);
        size_t size = strlen(it.key);
        if (hit && size && hit[-1] == ' ' && hit[size] == ' ')
            continue;
        enum tl_gate_member_kind kind = tl_gate_member(shape, it.key);
        if (!kind)
            return tl_gate_refuse_unknown(walk, object, "a part of the kind", it.key);
        code = walk_member(walk, kind, it.value, place);
    }
    return code;
}

static enum tl_code walk_expression(struct tl_gate_walk *walk, const tl_json *expression, struct place place)
{
    if (!expression || tl_json_is_null(expression))
        return TL_OK;
    enum tl_code code = enter(walk, expression, place);
    if (code != TL_OK)
        return code;
    const char *class = tl_json_get_text(expression, "class"), *type = tl_json_get_text(expression, "type");
    const struct tl_gate_shape *shape = tl_gate_shape(TL_GATE_EXPRESSIONS, class);
    if (!shape || !type)
        return tl_gate_refuse_unknown(walk, expression, "an expression of the class", class);
    char padded[64];
    snprintf(padded, sizeof padded, " %s ", type);
    if (!strstr(shape->types, padded))
        return tl_gate_refuse_unknown(walk, expression, "an expression of the type", type);
    code = check_own(walk, expression, class, place);
    return code == TL_OK ? walk_members(walk, expression, shape, " class type alias query_location ", inside(place))
                         : code;
}

/* --- query nodes --- */

static enum tl_code walk_ctes(struct tl_gate_walk *walk, const tl_json *map, struct place place,
                              const struct tl_gate_scope **ret_scope)
{
    const tl_json *entries = tl_json_get(map, "map");
    *ret_scope = place.scope;
    if (tl_json_count(entries) > TL_GATE_CTES_MAX)
        return tl_gate_refuse(walk, TL_TOO_LARGE, NULL, "WITH has more than %d queries", TL_GATE_CTES_MAX);
    for (struct tl_json_iter it = tl_json_iter(entries); tl_json_next(&it);) {
        const tl_json *cte = tl_json_get(it.value, "value");
        struct place here = {*ret_scope, place.depth + 1, 0};
        enum tl_code code = walk_expressions(walk, tl_json_get(cte, "key_targets"), here);
        if (code == TL_OK)
            code = walk_node(walk, tl_json_get(tl_json_get(cte, "query"), "node"), here);
        if (code != TL_OK)
            return code;
        struct tl_gate_scope *scope = TL_NEW(walk->arena, struct tl_gate_scope);
        *scope = (struct tl_gate_scope){*ret_scope, tl_json_get_text(it.value, "key"), false};
        *ret_scope = scope;
    }
    return TL_OK;
}

/* The right side of WITH RECURSIVE sees the query's own name, the left side does not. */
static enum tl_code walk_recursion(struct tl_gate_walk *walk, const tl_json *node, struct place place)
{
    struct tl_gate_scope own = {place.scope, tl_json_get_text(node, "cte_name"), true};
    if (!own.name)
        return tl_gate_refuse_unknown(walk, node, "a recursion of the name", NULL);
    return walk_node(walk, tl_json_get(node, "right"), (struct place){&own, place.depth + 1, 0});
}

static enum tl_code walk_node(struct tl_gate_walk *walk, const tl_json *node, struct place place)
{
    const char *type = tl_json_get_text(node, "type");
    const struct tl_gate_shape *shape = tl_gate_shape(TL_GATE_NODES, type);
    if (!shape)
        return tl_gate_refuse_unknown(walk, node, "a query of the kind", type);
    enum tl_code code = enter(walk, node, place);
    if (code != TL_OK)
        return code;
    struct place within = inside(place);
    code = walk_ctes(walk, tl_json_get(node, "cte_map"), place, &within.scope);
    if (code == TL_OK)
        code = walk_list(walk, tl_json_get(node, "modifiers"), within, MODIFIERS);
    if (code == TL_OK && strcmp(type, "RECURSIVE_CTE_NODE") == 0)
        code = walk_recursion(walk, node, within);
    if (code == TL_OK && strcmp(type, "SET_OPERATION_NODE") == 0) {
        if (++walk->sets > TL_GATE_SETS_MAX)
            return tl_gate_refuse(walk, TL_TOO_LARGE, NULL, "more than %d UNION, INTERSECT or EXCEPT",
                                  TL_GATE_SETS_MAX);
        within.depth = place.depth; /* a chain, not nesting */
    }
    return code == TL_OK ? walk_members(walk, node, shape, " type modifiers cte_map ", within) : code;
}

/* --- table references --- */

static enum tl_code add_table_function(struct tl_gate_walk *walk, const tl_json *ref, struct place place)
{
    const tl_json *function = tl_json_get(ref, "function");
    if (!tl_streq(tl_json_get_text(function, "class"), "FUNCTION"))
        return tl_gate_refuse_unknown(walk, ref, "a table function of the class", tl_json_get_text(function, "class"));
    enum tl_code code = tl_gate_check_function(walk, function, true);
    if (code != TL_OK)
        return code;
    if (walk->out->function_count == walk->function_capacity) {
        size_t old = walk->function_capacity;
        walk->function_capacity = old ? old * 2 : 8;
        walk->functions = tl_arena_grow(walk->arena, walk->functions, old * sizeof *walk->functions,
                                        walk->function_capacity * sizeof *walk->functions);
    }
    const char *name = tl_json_get_text(function, "function_name");
    walk->functions[walk->out->function_count++] = tl_function_find(name, true)->name;
    const struct tl_gate_shape *shape = tl_gate_shape(TL_GATE_EXPRESSIONS, "FUNCTION");
    code = walk_expressions(walk, tl_json_get(function, "children"), inside(place));
    return code == TL_OK ? walk_members(walk, function, shape, " class type alias query_location ", inside(place))
                         : code;
}

static enum tl_code check_show(struct tl_gate_walk *walk, const tl_json *ref)
{
    const char *name = tl_json_get_text(ref, "table_name");
    if (tl_json_is_object(tl_json_get(ref, "query")) && name && *name == '\0') {
        walk->out->describes = true;
        return TL_OK;
    }
    tl_gate_refuse(walk, TL_UNSUPPORTED, ref, "this form of SHOW inside a query is not offered");
    tl_err_hint(walk->err, "SHOW TABLES and SHOW COLUMNS are statements of their own");
    return TL_UNSUPPORTED;
}

static enum tl_code walk_ref(struct tl_gate_walk *walk, const tl_json *ref, struct place place)
{
    const char *type = tl_json_get_text(ref, "type");
    const struct tl_gate_shape *shape = tl_gate_shape(TL_GATE_REFS, type);
    if (!shape)
        return tl_gate_refuse_unknown(walk, ref, "a table reference of the kind", type);
    enum tl_code code = enter(walk, ref, place);
    if (code != TL_OK)
        return code;
    struct place within = inside(place);
    if (strcmp(type, "BASE_TABLE") == 0)
        code = tl_gate_add_base_table(walk, ref, place.scope, false);
    else if (strcmp(type, "TABLE_FUNCTION") == 0)
        code = add_table_function(walk, ref, place);
    else if (strcmp(type, "SHOW_REF") == 0)
        code = check_show(walk, ref);
    else if (strcmp(type, "JOIN") == 0)
        within.depth = place.depth; /* a chain, not nesting */
    return code == TL_OK ? walk_members(walk, ref, shape, " type alias sample query_location ", within) : code;
}

/* --- for statements --- */

static struct place top(const struct tl_gate_scope *scope)
{
    return (struct place){scope, 0, 0};
}

enum tl_code tl_gate_walk_node(struct tl_gate_walk *walk, const tl_json *node, const struct tl_gate_scope *scope)
{
    return walk_node(walk, node, top(scope));
}

enum tl_code tl_gate_walk_ref(struct tl_gate_walk *walk, const tl_json *ref, const struct tl_gate_scope *scope)
{
    return walk_ref(walk, ref, top(scope));
}

enum tl_code tl_gate_walk_expression(struct tl_gate_walk *walk, const tl_json *expression,
                                     const struct tl_gate_scope *scope)
{
    return walk_expression(walk, expression, top(scope));
}

enum tl_code tl_gate_walk_expressions(struct tl_gate_walk *walk, const tl_json *list, const struct tl_gate_scope *scope)
{
    return walk_expressions(walk, list, top(scope));
}

enum tl_code tl_gate_walk_ctes(struct tl_gate_walk *walk, const tl_json *map, const struct tl_gate_scope *scope,
                               const struct tl_gate_scope **ret_scope)
{
    return walk_ctes(walk, map, top(scope), ret_scope);
}

enum tl_code tl_gate_walk_target(struct tl_gate_walk *walk, const tl_json *ref)
{
    if (!tl_streq(tl_json_get_text(ref, "type"), "BASE_TABLE"))
        return tl_gate_refuse_unknown(walk, ref, "a target of the kind", tl_json_get_text(ref, "type"));
    return tl_gate_add_base_table(walk, ref, NULL, true);
}

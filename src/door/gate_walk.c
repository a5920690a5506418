#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "door/functions.h"
#include "door/gate_int.h"

/* What a member of a node holds. */
enum member_kind {
    PLAIN = 1,       /* a name, number or flag: nothing inside to check */
    EXPRESSION,      /* or null */
    EXPRESSIONS,
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
    REPLACEMENTS,    /* [{"key", "value": expression}] */
    COLUMN_NAMES,    /* [{"catalog", "schema", "table", "column"}] */
    RENAMES,         /* [{"key": column name, "value": text}] */
    PIVOTS,
    MODIFIERS,
    SAMPLE,
    HANDLED,         /* by code of its own */
};

struct member {
    const char *name;
    enum member_kind kind;
};

struct shape {
    const char *name;  /* class of an expression, type of a node or reference */
    const char *types; /* expressions: the types allowed, each between blanks */
    struct member members[20];
};

static const struct shape expression_shapes[] = {
    {"BETWEEN", " COMPARE_BETWEEN COMPARE_NOT_BETWEEN ", {{"input", EXPRESSION}, {"lower", EXPRESSION}, {"upper", EXPRESSION}}},
    {"CASE", " CASE_EXPR ", {{"case_checks", CASES}, {"else_expr", EXPRESSION}}},
    {"CAST", " OPERATOR_CAST ", {{"child", EXPRESSION}, {"cast_type", TYPE}, {"try_cast", PLAIN}}},
    {"COLLATE", " COLLATE ", {{"child", EXPRESSION}, {"collation", PLAIN}}},
    {"COLUMN_REF", " COLUMN_REF ", {{"column_names", HANDLED}}},
    {"COMPARISON",
     " COMPARE_EQUAL COMPARE_NOTEQUAL COMPARE_LESSTHAN COMPARE_GREATERTHAN COMPARE_LESSTHANOREQUALTO COMPARE_GREATERTHANOREQUALTO "
     "COMPARE_DISTINCT_FROM COMPARE_NOT_DISTINCT_FROM ",
     {{"left", HANDLED}, {"right", EXPRESSION}}},
    {"CONJUNCTION", " CONJUNCTION_AND CONJUNCTION_OR ", {{"children", EXPRESSIONS}}},
    {"CONSTANT", " VALUE_CONSTANT ", {{"value", PLAIN}}},
    {"DEFAULT", " VALUE_DEFAULT ", {{NULL, 0}}},
    {"FUNCTION",
     " FUNCTION ",
     {{"function_name", HANDLED}, {"schema", HANDLED}, {"catalog", HANDLED}, {"children", HANDLED}, {"filter", EXPRESSION},
      {"order_bys", ORDER_MODIFIER}, {"distinct", PLAIN}, {"is_operator", PLAIN}, {"export_state", HANDLED}}},
    {"LAMBDA", " LAMBDA ", {{"lhs", EXPRESSION}, {"expr", EXPRESSION}, {"syntax_type", PLAIN}}},
    {"OPERATOR",
     " OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_UNPACK OPERATOR_NULLIF OPERATOR_COALESCE OPERATOR_TRY COMPARE_IN "
     "COMPARE_NOT_IN ARRAY_EXTRACT ARRAY_SLICE STRUCT_EXTRACT ARRAY_CONSTRUCTOR ARROW GROUPING_FUNCTION ",
     {{"children", EXPRESSIONS}}},
    {"PARAMETER", " VALUE_PARAMETER ", {{"identifier", HANDLED}}},
    {"POSITIONAL_REFERENCE", " POSITIONAL_REFERENCE ", {{"index", PLAIN}}},
    {"STAR",
     " STAR ",
     {{"relation_name", PLAIN}, {"exclude_list", PLAIN}, {"replace_list", REPLACEMENTS}, {"columns", PLAIN}, {"expr", EXPRESSION},
      {"unpacked", PLAIN}, {"qualified_exclude_list", COLUMN_NAMES}, {"rename_list", RENAMES}}},
    {"SUBQUERY",
     " SUBQUERY ",
     {{"subquery_type", PLAIN}, {"subquery", QUERY}, {"child", EXPRESSION}, {"comparison_type", PLAIN}}},
    {"TYPE", " TYPE ", {{"catalog", HANDLED}, {"schema", HANDLED}, {"type_name", PLAIN}, {"children", EXPRESSIONS}}},
    {"WINDOW",
     " WINDOW_AGGREGATE WINDOW_RANK WINDOW_RANK_DENSE WINDOW_NTILE WINDOW_PERCENT_RANK WINDOW_CUME_DIST WINDOW_ROW_NUMBER "
     "WINDOW_FIRST_VALUE WINDOW_LAST_VALUE WINDOW_LEAD WINDOW_LAG WINDOW_NTH_VALUE WINDOW_FILL ",
     {{"function_name", HANDLED}, {"schema", HANDLED}, {"catalog", HANDLED}, {"children", EXPRESSIONS}, {"partitions", EXPRESSIONS},
      {"orders", ORDERS}, {"start", PLAIN}, {"end", PLAIN}, {"start_expr", EXPRESSION}, {"end_expr", EXPRESSION},
      {"offset_expr", EXPRESSION}, {"default_expr", EXPRESSION}, {"ignore_nulls", PLAIN}, {"filter_expr", EXPRESSION},
      {"exclude_clause", PLAIN}, {"distinct", PLAIN}, {"arg_orders", ORDERS}}},
};

static const struct shape node_shapes[] = {
    {"SELECT_NODE",
     NULL,
     {{"select_list", EXPRESSIONS}, {"from_table", REF}, {"where_clause", EXPRESSION}, {"group_expressions", EXPRESSIONS},
      {"group_sets", PLAIN}, {"aggregate_handling", PLAIN}, {"having", EXPRESSION}, {"sample", SAMPLE}, {"qualify", EXPRESSION}}},
    {"SET_OPERATION_NODE",
     NULL,
     {{"setop_type", PLAIN}, {"left", NODE}, {"right", NODE}, {"setop_all", PLAIN}, {"children", NODES}}},
    {"RECURSIVE_CTE_NODE",
     NULL,
     {{"cte_name", PLAIN}, {"union_all", PLAIN}, {"left", NODE}, {"right", HANDLED}, {"aliases", PLAIN}, {"key_targets", EXPRESSIONS}}},
};

static const struct shape ref_shapes[] = {
    {"BASE_TABLE",
     NULL,
     {{"schema_name", HANDLED}, {"table_name", HANDLED}, {"column_name_alias", PLAIN}, {"catalog_name", HANDLED}, {"at_clause", HANDLED}}},
    {"JOIN",
     NULL,
     {{"left", REF}, {"right", REF}, {"condition", EXPRESSION}, {"join_type", PLAIN}, {"ref_type", PLAIN}, {"using_columns", PLAIN},
      {"delim_flipped", PLAIN}, {"duplicate_eliminated_columns", EXPRESSIONS}, {"is_implicit", PLAIN}}},
    {"SUBQUERY", NULL, {{"subquery", QUERY}, {"column_name_alias", PLAIN}}},
    {"TABLE_FUNCTION", NULL, {{"function", HANDLED}, {"column_name_alias", PLAIN}, {"with_ordinality", PLAIN}}},
    {"EMPTY", NULL, {{NULL, 0}}},
    {"EXPRESSION_LIST", NULL, {{"expected_names", PLAIN}, {"expected_types", TYPES}, {"values", EXPRESSION_ROWS}}},
    {"PIVOT",
     NULL,
     {{"source", REF}, {"aggregates", EXPRESSIONS}, {"unpivot_names", PLAIN}, {"pivots", PIVOTS}, {"groups", PLAIN},
      {"column_name_alias", PLAIN}, {"include_nulls", PLAIN}}},
    {"SHOW_REF",
     NULL,
     {{"table_name", HANDLED}, {"query", NODE}, {"show_type", PLAIN}, {"catalog_name", HANDLED}, {"schema_name", HANDLED}}},
};

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

static size_t location_of(const tl_json *node)
{
    uint64_t location;
    return tl_json_uint64(tl_json_get(node, "query_location"), &location) && location != UINT64_MAX ? (size_t)location : SIZE_MAX;
}

enum tl_code tl_gate_refuse(struct tl_gate_walk *walk, enum tl_code code, const tl_json *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tl_err_setv(walk->err, code, format, args);
    va_end(args);
    size_t location = location_of(where);
    if (location <= walk->text.size)
        tl_err_position(walk->err, (int64_t)location);
    return code;
}

static enum tl_code refuse_unknown(struct tl_gate_walk *walk, const tl_json *where, const char *what, const char *name)
{
    return tl_gate_refuse(walk, TL_UNSUPPORTED, where, "the statement uses %s \"%s\", which is not offered", what, name ? name : "?");
}

static const struct shape *find_shape(const struct shape *shapes, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

static enum member_kind find_member(const struct shape *shape, const char *name)
{
    for (const struct member *m = shape->members; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m->kind;
    return 0;
}

static enum tl_code enter(struct tl_gate_walk *walk, const tl_json *node, struct place place)
{
    if (++walk->nodes > walk->limits->nodes_max)
        return tl_gate_refuse(walk, TL_TOO_LARGE, node, "the statement has more than %zu parts", walk->limits->nodes_max);
    if (place.depth > walk->limits->depth_max)
        return tl_gate_refuse(walk, TL_TOO_LARGE, node, "the statement is nested more than %d deep", walk->limits->depth_max);
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
        tl_gate_refuse(walk, TL_UNSUPPORTED, NULL, "a column behind EXCLUDE or RENAME cannot be written with its catalog \"%s\"", catalog);
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

static bool is_builtin_schema(const char *name)
{
    return !name || *name == '\0' || tl_streq_nocase(name, "main") || tl_streq_nocase(name, "pg_catalog");
}

/* A type is a tree of plain values; only names of types in other catalogs and hidden expressions matter. */
static enum tl_code walk_type(struct tl_gate_walk *walk, const tl_json *type, int depth)
{
    if (depth > walk->limits->depth_max)
        return tl_gate_refuse(walk, TL_TOO_LARGE, NULL, "a type is nested more than %d deep", walk->limits->depth_max);
    const char *class = tl_json_get_text(type, "class");
    if (class && strcmp(class, "TYPE") != 0 && strcmp(class, "CONSTANT") != 0)
        return refuse_unknown(walk, type, "a type made of an expression of class", class);
    const char *catalog = tl_json_get_text(type, "catalog"), *schema = tl_json_get_text(type, "schema");
    if ((catalog && *catalog) || !is_builtin_schema(schema))
        return refuse_unknown(walk, type, "a type of the schema", catalog && *catalog ? catalog : schema);
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
            return refuse_unknown(walk, NULL, "PIVOT over the type", type);
        if (tl_json_is_object(tl_json_get(it.value, "subquery")))
            return refuse_unknown(walk, NULL, "PIVOT over", "a subquery");
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
        return refuse_unknown(walk, NULL, "a clause of the kind", type);
    enum tl_code code = walk_expression(walk, tl_json_get(modifier, "limit"), place);
    return code == TL_OK ? walk_expression(walk, tl_json_get(modifier, "offset"), place) : code;
}

static enum tl_code walk_list(struct tl_gate_walk *walk, const tl_json *list, struct place place, enum member_kind kind)
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

static enum tl_code walk_member(struct tl_gate_walk *walk, enum member_kind kind, const tl_json *value, struct place place)
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

static bool plain_integer(const tl_json *expression, int64_t *ret_number)
{
    const tl_json *value = tl_json_get(tl_json_get(expression, "value"), "value");
    return tl_streq(tl_json_get_text(expression, "class"), "CONSTANT") && tl_json_int64(value, ret_number);
}

/* range(..) as a value makes the whole list in one call that nothing can interrupt: only short ones with constant ends. */
static enum tl_code check_list_range(struct tl_gate_walk *walk, const tl_json *function)
{
    enum { LIST_MAX = 1000000 };
    int64_t numbers[3] = {0, 0, 1};
    size_t count = 0;
    const tl_json *children = tl_json_get(function, "children");
    bool known = tl_json_count(children) >= 1 && tl_json_count(children) <= 3;
    for (struct tl_json_iter it = tl_json_iter(children); known && tl_json_next(&it);)
        known = plain_integer(it.value, &numbers[count++]);
    int64_t start = count == 1 ? 0 : numbers[0], stop = count == 1 ? numbers[0] : numbers[1], step = numbers[2];
    __int128 length = step ? ((__int128)stop - start) / step : 0;
    if (known && length <= LIST_MAX)
        return TL_OK;
    tl_gate_refuse(walk, TL_UNSUPPORTED, function, "a list made by \"%s\" needs constant ends and at most %d values",
                   tl_json_get_text(function, "function_name"), LIST_MAX);
    tl_err_hint(walk->err, "write it behind FROM: SELECT ... FROM range(a, b) AS r(i)");
    return TL_UNSUPPORTED;
}

static void hint_nearest(struct tl_gate_walk *walk, const char *name, bool table)
{
    const char *names[3] = {NULL};
    size_t count = tl_function_nearest(name, table, names, 3);
    if (count == 0)
        tl_err_hint(walk->err, "SHOW FUNCTIONS lists what there is");
    else
        tl_err_hint(walk->err, "did you mean %s%s%s%s%s?", names[0], count > 2 ? ", " : count > 1 ? " or " : "",
                    count > 1 ? names[1] : "", count > 2 ? " or " : "", count > 2 ? names[2] : "");
}

/* Only functions of the engine itself: a name with ':' could reach into a hidden catalog.  Another name in front may be
 * a column ("name.upper()"). */
static enum tl_code check_function(struct tl_gate_walk *walk, const tl_json *function, bool table)
{
    const char *name = tl_json_get_text(function, "function_name");
    const char *schema = tl_json_get_text(function, "schema"), *catalog = tl_json_get_text(function, "catalog");
    if (!name)
        return refuse_unknown(walk, function, "a function of the name", NULL);
    if ((schema && strchr(schema, ':')) || (catalog && strchr(catalog, ':')) || (table && !is_builtin_schema(schema)))
        return tl_gate_refuse(walk, TL_FUNCTION_NOT_FOUND, function, "unknown function \"%s.%s\"", schema, name);
    if (tl_json_bool(tl_json_get(function, "export_state"), false))
        return refuse_unknown(walk, function, "the clause", "EXPORT_STATE");
    if (tl_function_find(name, table))
        return TL_OK;
    const char *refusal = tl_function_refusal(name);
    const char *kind = table ? "table function" : "function";
    if (refusal) {
        tl_gate_refuse(walk, TL_NOT_ALLOWED, function, "the %s \"%s\" is not allowed", kind, name);
        tl_err_detail(walk->err, "%s", refusal);
        tl_err_hint(walk->err, "SHOW FUNCTIONS lists what is allowed");
        return TL_NOT_ALLOWED;
    }
    tl_gate_refuse(walk, TL_FUNCTION_NOT_FOUND, function, "unknown %s \"%s\"", kind, name);
    hint_nearest(walk, name, table);
    return TL_FUNCTION_NOT_FOUND;
}

static bool is_operator_call(const tl_json *expression)
{
    return tl_streq(tl_json_get_text(expression, "class"), "COMPARISON") ||
           (tl_streq(tl_json_get_text(expression, "class"), "FUNCTION") && tl_json_bool(tl_json_get(expression, "is_operator"), false));
}

/* The first operand of an operator: part of the same chain when it is an operator too.  Planning a chain of n operators
 * costs about n^3, so long ones are refused, and many of middle length too. */
static enum tl_code walk_first_operand(struct tl_gate_walk *walk, const tl_json *operand, struct place place)
{
    uint64_t terms = (uint64_t)place.chain + 1, most = (uint64_t)walk->limits->terms_max;
    if (terms > most)
        return tl_gate_refuse(walk, TL_TOO_LARGE, operand, "an expression chains more than %d operators", walk->limits->terms_max);
    if (is_operator_call(operand))
        return walk_expression(walk, operand, (struct place){place.scope, place.depth, place.chain + 1});
    walk->chain_cost += terms * terms * terms;
    if (walk->chain_cost > 3 * most * most * most)
        return tl_gate_refuse(walk, TL_TOO_LARGE, operand, "the statement has too many long chains of operators");
    return walk_expression(walk, operand, inside(place));
}

static enum tl_code walk_function(struct tl_gate_walk *walk, const tl_json *function, struct place place)
{
    enum tl_code code = check_function(walk, function, false);
    if (code != TL_OK)
        return code;
    const char *name = tl_json_get_text(function, "function_name");
    if (tl_streq_nocase(name, "range") || tl_streq_nocase(name, "generate_series"))
        code = check_list_range(walk, function);
    bool first = is_operator_call(function);
    const tl_json *children = tl_json_get(function, "children");
    for (struct tl_json_iter it = tl_json_iter(children); code == TL_OK && tl_json_next(&it); first = false)
        code = first ? walk_first_operand(walk, it.value, place) : walk_expression(walk, it.value, inside(place));
    return code;
}

static enum tl_code add_column(struct tl_gate_walk *walk, const tl_json *expression, const tl_json *names)
{
    const char *parts[3];
    struct tl_json_iter it = tl_json_iter(names);
    for (int i = 0; i < 3; i++)
        parts[i] = tl_json_next(&it) ? tl_json_text(it.value) : NULL;
    struct tl_lexer lexer = {walk->text, location_of(expression)};
    struct tl_token token = lexer.at < walk->text.size ? tl_lexer_next(&lexer) : (struct tl_token){TL_TOKEN_BAD, 0, 0};
    const char *written = tl_token_name(walk->arena, walk->text, token);
    if (!parts[0] || !parts[1] || !parts[2] || !tl_streq_nocase(written, parts[0]))
        return TL_OK; /* made by the parser, not written: nothing to replace; the verification would find it */
    if (walk->out->column_count == TL_GATE_COLUMNS_MAX)
        return tl_gate_refuse(walk, TL_TOO_LARGE, expression, "more than %d columns are written with their catalog", TL_GATE_COLUMNS_MAX);
    if (walk->out->column_count == walk->column_capacity) {
        size_t old = walk->column_capacity;
        walk->column_capacity = old ? old * 2 : 16;
        walk->columns = tl_arena_grow(walk->arena, walk->columns, old * sizeof *walk->columns, walk->column_capacity * sizeof *walk->columns);
    }
    walk->columns[walk->out->column_count++] =
        (struct tl_gate_column){tl_arena_strdup(walk->arena, parts[0]), tl_arena_strdup(walk->arena, parts[1]),
                                tl_arena_strdup(walk->arena, parts[2]), token.offset, token.size};
    return TL_OK;
}

static enum tl_code check_parameter(struct tl_gate_walk *walk, const tl_json *expression)
{
    enum { PARAMETERS_MAX = 1000 };
    const char *identifier = tl_json_get_text(expression, "identifier");
    size_t number = 0;
    for (const char *p = identifier; p && *p >= '0' && *p <= '9' && number <= PARAMETERS_MAX; p++)
        number = number * 10 + (size_t)(*p - '0');
    if (number == 0)
        return refuse_unknown(walk, expression, "a parameter of the name", identifier);
    if (number > PARAMETERS_MAX)
        return tl_gate_refuse(walk, TL_TOO_LARGE, expression, "more than %d parameters", PARAMETERS_MAX);
    if (number > walk->out->parameter_count)
        walk->out->parameter_count = number;
    return TL_OK;
}

static enum tl_code check_own(struct tl_gate_walk *walk, const tl_json *expression, const char *class, struct place place)
{
    if (strcmp(class, "FUNCTION") == 0)
        return walk_function(walk, expression, place);
    if (strcmp(class, "WINDOW") == 0)
        return check_function(walk, expression, false);
    if (strcmp(class, "COMPARISON") == 0)
        return walk_first_operand(walk, tl_json_get(expression, "left"), place);
    if (strcmp(class, "COLUMN_REF") == 0) {
        const tl_json *names = tl_json_get(expression, "column_names");
        return tl_json_count(names) >= 4 ? add_column(walk, expression, names) : TL_OK;
    }
    if (strcmp(class, "PARAMETER") == 0)
        return check_parameter(walk, expression);
    if (strcmp(class, "TYPE") == 0)
        return walk_type(walk, expression, 0);
    return TL_OK;
}

static enum tl_code walk_members(struct tl_gate_walk *walk, const tl_json *object, const struct shape *shape, const char *common,
                                 struct place place)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(object); code == TL_OK && tl_json_next(&it);) {
        const char *hit = strstr(common, it.key);
        size_t size = strlen(it.key);
        if (hit && size && hit[-1] == ' ' && hit[size] == ' ')
            continue;
        enum member_kind kind = find_member(shape, it.key);
        if (!kind)
            return refuse_unknown(walk, object, "a part of the kind", it.key);
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
    const struct shape *shape = find_shape(expression_shapes, sizeof expression_shapes / sizeof *expression_shapes, class);
    if (!shape || !type)
        return refuse_unknown(walk, expression, "an expression of the class", class);
    char padded[64];
    snprintf(padded, sizeof padded, " %s ", type);
    if (!strstr(shape->types, padded))
        return refuse_unknown(walk, expression, "an expression of the type", type);
    code = check_own(walk, expression, class, place);
    return code == TL_OK ? walk_members(walk, expression, shape, " class type alias query_location ", inside(place)) : code;
}

/* --- query nodes --- */

static enum tl_code walk_ctes(struct tl_gate_walk *walk, const tl_json *map, struct place place, const struct tl_gate_scope **ret_scope)
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
        return refuse_unknown(walk, node, "a recursion of the name", NULL);
    return walk_node(walk, tl_json_get(node, "right"), (struct place){&own, place.depth + 1, 0});
}

static enum tl_code walk_node(struct tl_gate_walk *walk, const tl_json *node, struct place place)
{
    const char *type = tl_json_get_text(node, "type");
    const struct shape *shape = find_shape(node_shapes, sizeof node_shapes / sizeof *node_shapes, type);
    if (!shape)
        return refuse_unknown(walk, node, "a query of the kind", type);
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
            return tl_gate_refuse(walk, TL_TOO_LARGE, NULL, "more than %d UNION, INTERSECT or EXCEPT", TL_GATE_SETS_MAX);
        within.depth = place.depth; /* a chain, not nesting */
    }
    return code == TL_OK ? walk_members(walk, node, shape, " type modifiers cte_map ", within) : code;
}

/* --- table references --- */

enum tl_code tl_gate_add_table(struct tl_gate_walk *walk, const struct tl_gate_table *table)
{
    if (walk->out->table_count == TL_GATE_TABLES_MAX)
        return tl_err_set(walk->err, TL_TOO_LARGE, "the statement names more than %d tables", TL_GATE_TABLES_MAX);
    if (walk->out->table_count == walk->table_capacity) {
        size_t old = walk->table_capacity;
        walk->table_capacity = old ? old * 2 : 8;
        walk->tables = tl_arena_grow(walk->arena, walk->tables, old * sizeof *walk->tables, walk->table_capacity * sizeof *walk->tables);
    }
    walk->tables[walk->out->table_count++] = *table;
    return TL_OK;
}

static bool is_cte(const struct tl_gate_scope *scope, const char *schema, const char *name)
{
    for (; scope; scope = scope->up)
        if (tl_streq_nocase(scope->name, name) && (*schema == '\0' || (scope->recurring && tl_streq_nocase(schema, "recurring"))))
            return true;
    return false;
}

/* [AS alias [(columns)]]: AT stands behind it. */
static void skip_alias(struct tl_lexer *lexer)
{
    bool as = tl_lexer_take_word(lexer, "AS");
    struct tl_token token = tl_lexer_peek(lexer);
    bool alias = token.kind == TL_TOKEN_IDENTIFIER || (token.kind == TL_TOKEN_WORD && (as || !tl_token_is_word(lexer->text, token, "AT")));
    if (!alias)
        return;
    tl_lexer_next(lexer);
    if (tl_lexer_take_symbol(lexer, "("))
        while (token.kind != TL_TOKEN_END && !tl_token_is_symbol(lexer->text, token, ")"))
            token = tl_lexer_next(lexer);
}

/* AT (VERSION => 5), AT (TIMESTAMP => TIMESTAMP '2026-01-01'): constants only; read from the text behind the name. */
static enum tl_code read_at(struct tl_gate_walk *walk, const tl_json *ref, struct tl_gate_table *table)
{
    struct tl_lexer lexer = {walk->text, table->offset + table->size};
    skip_alias(&lexer);
    table->at_offset = tl_lexer_peek(&lexer).offset;
    bool begun = tl_lexer_take_word(&lexer, "AT") && tl_lexer_take_symbol(&lexer, "(");
    bool version = begun && tl_lexer_take_word(&lexer, "VERSION");
    bool timestamp = begun && !version && tl_lexer_take_word(&lexer, "TIMESTAMP");
    bool arrow = (version || timestamp) && tl_lexer_take_symbol(&lexer, "=>");
    struct tl_token first = arrow ? tl_lexer_next(&lexer) : (struct tl_token){TL_TOKEN_BAD, 0, 0}, last = first;
    if (timestamp && (tl_token_is_word(walk->text, first, "TIMESTAMP") || tl_token_is_word(walk->text, first, "TIMESTAMPTZ")))
        last = tl_lexer_next(&lexer);
    bool constant = version ? last.kind == TL_TOKEN_NUMBER : last.kind == TL_TOKEN_STRING;
    if (!constant || !tl_lexer_take_symbol(&lexer, ")")) {
        tl_gate_refuse(walk, TL_UNSUPPORTED, ref, "this form of AT is not offered");
        tl_err_hint(walk->err, "write AT (VERSION => number) or AT (TIMESTAMP => TIMESTAMP 'YYYY-MM-DD hh:mm:ss')");
        return TL_UNSUPPORTED;
    }
    table->at_unit = version ? "VERSION" : "TIMESTAMP";
    table->at_value = tl_arena_strndup(walk->arena, walk->text.data + first.offset, last.offset + last.size - first.offset);
    table->at_size = lexer.at - table->at_offset;
    return TL_OK;
}

/* The name must stand in the text exactly where the parser says. */
static enum tl_code locate(struct tl_gate_walk *walk, const tl_json *ref, struct tl_gate_table *table)
{
    size_t at = location_of(ref);
    struct tl_lexer lexer = {walk->text, at};
    if (at < walk->text.size && tl_lexer_peek(&lexer).kind == TL_TOKEN_STRING) {
        tl_gate_refuse(walk, TL_NOT_ALLOWED, ref, "the file \"%s\" cannot be read by its path", table->name);
        tl_err_hint(walk->err, "files are read through a source of the kind \"files\"; quote names of tables with \"\"");
        return TL_NOT_ALLOWED;
    }
    const char *parts[3] = {table->catalog, table->schema, table->name};
    const char *const *wanted = *table->catalog ? parts : *table->schema ? parts + 1 : parts + 2;
    int wanted_count = (int)(parts + 3 - wanted);
    struct tl_name name;
    bool found = at < walk->text.size && tl_name_read(walk->arena, &lexer, &name) && name.part_count == wanted_count && name.offset == at;
    for (int i = 0; found && i < wanted_count; i++)
        found = tl_streq_nocase(name.parts[i], wanted[i]);
    if (!found) {
        tl_gate_refuse(walk, TL_UNSUPPORTED, ref, "the name of the table \"%s\" could not be found in the statement's text", table->name);
        tl_err_hint(walk->err, "write the name plainly: catalog.schema.table, or each part in double quotes");
        return TL_UNSUPPORTED;
    }
    table->offset = name.offset;
    table->size = name.size;
    return TL_OK;
}

static enum tl_code add_base_table(struct tl_gate_walk *walk, const tl_json *ref, const struct tl_gate_scope *scope, bool target)
{
    const char *catalog = tl_json_get_text(ref, "catalog_name"), *schema = tl_json_get_text(ref, "schema_name");
    const char *name = tl_json_get_text(ref, "table_name");
    if (!catalog || !schema || !name)
        return refuse_unknown(walk, ref, "a table of the name", name);
    bool at = tl_json_is_object(tl_json_get(ref, "at_clause"));
    if (!target && *catalog == '\0' && is_cte(scope, schema, name))
        return at ? refuse_unknown(walk, ref, "AT on the query", name) : TL_OK;
    struct tl_gate_table table = {.catalog = tl_arena_strdup(walk->arena, catalog), .schema = tl_arena_strdup(walk->arena, schema),
                                  .name = tl_arena_strdup(walk->arena, name), .target = target};
    enum tl_code code = locate(walk, ref, &table);
    if (code == TL_OK && at)
        code = target ? refuse_unknown(walk, ref, "AT on the target", name) : read_at(walk, ref, &table);
    return code == TL_OK ? tl_gate_add_table(walk, &table) : code;
}

static enum tl_code add_table_function(struct tl_gate_walk *walk, const tl_json *ref, struct place place)
{
    const tl_json *function = tl_json_get(ref, "function");
    if (!tl_streq(tl_json_get_text(function, "class"), "FUNCTION"))
        return refuse_unknown(walk, ref, "a table function of the class", tl_json_get_text(function, "class"));
    enum tl_code code = check_function(walk, function, true);
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
    const struct shape *shape = find_shape(expression_shapes, sizeof expression_shapes / sizeof *expression_shapes, "FUNCTION");
    code = walk_expressions(walk, tl_json_get(function, "children"), inside(place));
    return code == TL_OK ? walk_members(walk, function, shape, " class type alias query_location ", inside(place)) : code;
}

static enum tl_code check_show(struct tl_gate_walk *walk, const tl_json *ref)
{
    const char *name = tl_json_get_text(ref, "table_name");
    if (tl_json_is_object(tl_json_get(ref, "query")) && name && *name == '\0')
        return TL_OK;
    tl_gate_refuse(walk, TL_UNSUPPORTED, ref, "this form of SHOW inside a query is not offered");
    tl_err_hint(walk->err, "SHOW TABLES and SHOW COLUMNS are statements of their own");
    return TL_UNSUPPORTED;
}

static enum tl_code walk_ref(struct tl_gate_walk *walk, const tl_json *ref, struct place place)
{
    const char *type = tl_json_get_text(ref, "type");
    const struct shape *shape = find_shape(ref_shapes, sizeof ref_shapes / sizeof *ref_shapes, type);
    if (!shape)
        return refuse_unknown(walk, ref, "a table reference of the kind", type);
    enum tl_code code = enter(walk, ref, place);
    if (code != TL_OK)
        return code;
    struct place within = inside(place);
    if (strcmp(type, "BASE_TABLE") == 0)
        code = add_base_table(walk, ref, place.scope, false);
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

enum tl_code tl_gate_walk_expression(struct tl_gate_walk *walk, const tl_json *expression, const struct tl_gate_scope *scope)
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
        return refuse_unknown(walk, ref, "a target of the kind", tl_json_get_text(ref, "type"));
    return add_base_table(walk, ref, NULL, true);
}

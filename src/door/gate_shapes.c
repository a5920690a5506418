#include "door/gate_shapes_int.h"

#include <stddef.h>
#include <string.h>

static const struct tl_gate_shape expression_shapes[] = {
    {"BETWEEN",
     " COMPARE_BETWEEN COMPARE_NOT_BETWEEN ",
     {{"input", EXPRESSION}, {"lower", EXPRESSION}, {"upper", EXPRESSION}}},
    {"CASE", " CASE_EXPR ", {{"case_checks", CASES}, {"else_expr", EXPRESSION}}},
    {"CAST", " OPERATOR_CAST ", {{"child", EXPRESSION}, {"cast_type", TYPE}, {"try_cast", PLAIN}}},
    {"COLLATE", " COLLATE ", {{"child", EXPRESSION}, {"collation", PLAIN}}},
    {"COLUMN_REF", " COLUMN_REF ", {{"column_names", HANDLED}}},
    {"COMPARISON",
     " COMPARE_EQUAL COMPARE_NOTEQUAL COMPARE_LESSTHAN COMPARE_GREATERTHAN COMPARE_LESSTHANOREQUALTO "
     "COMPARE_GREATERTHANOREQUALTO "
     "COMPARE_DISTINCT_FROM COMPARE_NOT_DISTINCT_FROM ",
     {{"left", HANDLED}, {"right", EXPRESSION}}},
    {"CONJUNCTION", " CONJUNCTION_AND CONJUNCTION_OR ", {{"children", EXPRESSIONS}}},
    {"CONSTANT", " VALUE_CONSTANT ", {{"value", PLAIN}}},
    {"DEFAULT", " VALUE_DEFAULT ", {{NULL, 0}}},
    {"FUNCTION",
     " FUNCTION ",
     {{"function_name", HANDLED},
      {"schema", HANDLED},
      {"catalog", HANDLED},
      {"children", HANDLED},
      {"filter", EXPRESSION},
      {"order_bys", ORDER_MODIFIER},
      {"distinct", PLAIN},
      {"is_operator", PLAIN},
      {"export_state", HANDLED}}},
    {"LAMBDA", " LAMBDA ", {{"lhs", EXPRESSION}, {"expr", EXPRESSION}, {"syntax_type", PLAIN}}},
    {"OPERATOR",
     " OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_UNPACK OPERATOR_NULLIF OPERATOR_COALESCE "
     "OPERATOR_TRY COMPARE_IN "
     "COMPARE_NOT_IN ARRAY_EXTRACT ARRAY_SLICE STRUCT_EXTRACT ARRAY_CONSTRUCTOR ARROW GROUPING_FUNCTION ",
     {{"children", EXPRESSIONS}}},
    {"PARAMETER", " VALUE_PARAMETER ", {{"identifier", HANDLED}}},
    {"POSITIONAL_REFERENCE", " POSITIONAL_REFERENCE ", {{"index", PLAIN}}},
    {"STAR",
     " STAR ",
     {{"relation_name", PLAIN},
      {"exclude_list", PLAIN},
      {"replace_list", REPLACEMENTS},
      {"columns", PLAIN},
      {"expr", EXPRESSION},
      {"unpacked", PLAIN},
      {"qualified_exclude_list", COLUMN_NAMES},
      {"rename_list", RENAMES}}},
    {"SUBQUERY",
     " SUBQUERY ",
     {{"subquery_type", PLAIN}, {"subquery", QUERY}, {"child", EXPRESSION}, {"comparison_type", PLAIN}}},
    {"TYPE", " TYPE ", {{"catalog", HANDLED}, {"schema", HANDLED}, {"type_name", PLAIN}, {"children", EXPRESSIONS}}},
    {"WINDOW",
     " WINDOW_AGGREGATE WINDOW_RANK WINDOW_RANK_DENSE WINDOW_NTILE WINDOW_PERCENT_RANK WINDOW_CUME_DIST "
     "WINDOW_ROW_NUMBER "
     "WINDOW_FIRST_VALUE WINDOW_LAST_VALUE WINDOW_LEAD WINDOW_LAG WINDOW_NTH_VALUE WINDOW_FILL ",
     {{"function_name", HANDLED},
      {"schema", HANDLED},
      {"catalog", HANDLED},
      {"children", EXPRESSIONS},
      {"partitions", EXPRESSIONS},
      {"orders", ORDERS},
      {"start", PLAIN},
      {"end", PLAIN},
      {"start_expr", EXPRESSION},
      {"end_expr", EXPRESSION},
      {"offset_expr", EXPRESSION},
      {"default_expr", EXPRESSION},
      {"ignore_nulls", PLAIN},
      {"filter_expr", EXPRESSION},
      {"exclude_clause", PLAIN},
      {"distinct", PLAIN},
      {"arg_orders", ORDERS}}},
};

static const struct tl_gate_shape node_shapes[] = {
    {"SELECT_NODE",
     NULL,
     {{"select_list", SELECT_LIST},
      {"from_table", REF},
      {"where_clause", EXPRESSION},
      {"group_expressions", EXPRESSIONS},
      {"group_sets", PLAIN},
      {"aggregate_handling", PLAIN},
      {"having", EXPRESSION},
      {"sample", SAMPLE},
      {"qualify", EXPRESSION}}},
    {"SET_OPERATION_NODE",
     NULL,
     {{"setop_type", PLAIN}, {"left", NODE}, {"right", NODE}, {"setop_all", PLAIN}, {"children", NODES}}},
    {"RECURSIVE_CTE_NODE",
     NULL,
     {{"cte_name", PLAIN},
      {"union_all", PLAIN},
      {"left", NODE},
      {"right", HANDLED},
      {"aliases", PLAIN},
      {"key_targets", EXPRESSIONS}}},
};

static const struct tl_gate_shape ref_shapes[] = {
    {"BASE_TABLE",
     NULL,
     {{"schema_name", HANDLED},
      {"table_name", HANDLED},
      {"column_name_alias", PLAIN},
      {"catalog_name", HANDLED},
      {"at_clause", HANDLED}}},
    {"JOIN",
     NULL,
     {{"left", REF},
      {"right", REF},
      {"condition", EXPRESSION},
      {"join_type", PLAIN},
      {"ref_type", PLAIN},
      {"using_columns", PLAIN},
      {"delim_flipped", PLAIN},
      {"duplicate_eliminated_columns", EXPRESSIONS},
      {"is_implicit", PLAIN}}},
    {"SUBQUERY", NULL, {{"subquery", QUERY}, {"column_name_alias", PLAIN}}},
    {"TABLE_FUNCTION", NULL, {{"function", HANDLED}, {"column_name_alias", PLAIN}, {"with_ordinality", PLAIN}}},
    {"EMPTY", NULL, {{NULL, 0}}},
    {"EXPRESSION_LIST", NULL, {{"expected_names", PLAIN}, {"expected_types", TYPES}, {"values", EXPRESSION_ROWS}}},
    {"PIVOT",
     NULL,
     {{"source", REF},
      {"aggregates", EXPRESSIONS},
      {"unpivot_names", PLAIN},
      {"pivots", PIVOTS},
      {"groups", PLAIN},
      {"column_name_alias", PLAIN},
      {"include_nulls", PLAIN}}},
    {"SHOW_REF",
     NULL,
     {{"table_name", HANDLED},
      {"query", NODE},
      {"show_type", PLAIN},
      {"catalog_name", HANDLED},
      {"schema_name", HANDLED}}},
};

static const struct tl_gate_shape *find_shape(const struct tl_gate_shape *shapes, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

enum tl_gate_member_kind tl_gate_member(const struct tl_gate_shape *shape, const char *name)
{
    for (const struct tl_gate_member *m = shape->members; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m->kind;
    return 0;
}

const struct tl_gate_shape *tl_gate_shape(enum tl_gate_family family, const char *name)
{
    switch (family) {
    case TL_GATE_EXPRESSIONS:
        return find_shape(expression_shapes, sizeof expression_shapes / sizeof *expression_shapes, name);
    case TL_GATE_NODES:
        return find_shape(node_shapes, sizeof node_shapes / sizeof *node_shapes, name);
    default:
        return find_shape(ref_shapes, sizeof ref_shapes / sizeof *ref_shapes, name);
    }
}

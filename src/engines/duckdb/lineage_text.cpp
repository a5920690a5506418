/* Expressions: which columns flow into them, and how they read in the words of the columns. */
#include <algorithm>

#include "duckdb/planner/expression/bound_aggregate_expression.hpp"
#include "duckdb/planner/expression/bound_between_expression.hpp"
#include "duckdb/planner/expression/bound_case_expression.hpp"
#include "duckdb/planner/expression/bound_cast_expression.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/expression/bound_comparison_expression.hpp"
#include "duckdb/planner/expression/bound_conjunction_expression.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"
#include "duckdb/planner/expression/bound_operator_expression.hpp"
#include "duckdb/planner/expression/bound_subquery_expression.hpp"
#include "duckdb/planner/expression/bound_unnest_expression.hpp"
#include "duckdb/planner/expression/bound_window_expression.hpp"
#include "duckdb/planner/expression_iterator.hpp"

#include "engines/duckdb/lineage_int.hpp"

using namespace duckdb;

namespace tl {

enum { CONSTANT_TEXT_MAX = 80 };

/* A text that grows too long is given up, not cut: half an expression says something else. */
void Lineage::Say(Flow &flow, const std::string &text, bool whole) const
{
    flow.text = wish == TL_LINEAGE_ALL && text.size() <= TEXT_MAX ? text : "";
    flow.whole = whole;
}

/* One part of a larger expression. */
std::string Lineage::Part(Flow &into, const Expression &e, bool brackets)
{
    Flow part = Read(e);
    Merge(into, part);
    into.kind = std::max(into.kind, part.kind);
    std::string text = part.text.empty() ? "..." : part.text;
    return brackets && !part.whole ? "(" + text + ")" : text;
}

Flow Lineage::Joined(const std::vector<const Expression *> &parts, const char *between)
{
    Flow flow;
    flow.kind = FlowKind::TRANSFORMATION;
    std::string text;
    for (auto part : parts)
        text += (text.empty() ? "" : between) + Part(flow, *part, true);
    Say(flow, text, false);
    return flow;
}

Flow Lineage::ReadColumn(const Expression &e)
{
    auto found = flows.find(e.Cast<BoundColumnRefExpression>().binding);
    return found == flows.end() ? Flow() : *found->second;
}

/* ---- functions ---- */

static std::string ShownName(const std::string &name)
{
    static const char *const prefixes[] = {"trino_", "__internal_"};
    for (auto prefix : prefixes)
        if (name.rfind(prefix, 0) == 0)
            return name.substr(strlen(prefix));
    return name;
}

static const char *OperatorWord(const std::string &name)
{
    static const char *const words[][2] = {
        {"~~", "LIKE"}, {"!~~", "NOT LIKE"}, {"~~*", "ILIKE"}, {"!~~*", "NOT ILIKE"}, {"//", "/"}, {"~~~", "GLOB"},
        /* dialect_operators.cpp */
        {"trino_divide", "/"}, {"trino_decimal_divide", "/"}, {"trino_date_add", "+"}, {"trino_date_subtract", "-"}, {"trino_date_difference", "-"},
    };
    for (auto &word : words)
        if (name == word[0])
            return word[1];
    bool symbol = !name.empty() && name.find_first_not_of("+-*/%|&<>=!^~@#") == std::string::npos;
    return symbol ? name.c_str() : nullptr;
}

Flow Lineage::ReadFunction(const Expression &e)
{
    auto &function = e.Cast<BoundFunctionExpression>();
    Flow flow;
    flow.kind = FlowKind::TRANSFORMATION;
    const char *word = OperatorWord(function.function.name);
    if (word && function.children.size() == 2)
        return Joined({function.children[0].get(), function.children[1].get()}, (std::string(" ") + word + " ").c_str());
    if (word && function.children.size() == 1) {
        std::string part = Part(flow, *function.children[0], true);
        Say(flow, word + part, true);
        return flow;
    }
    std::string text;
    for (auto &child : function.children)
        text += (text.empty() ? "" : ", ") + Part(flow, *child, false);
    Say(flow, ShownName(function.function.name) + "(" + text + ")", true);
    return flow;
}

void Lineage::ReadOrders(const vector<BoundOrderByNode> &orders, How how, Flow &flow, std::string &text)
{
    for (size_t i = 0; i < orders.size(); i++) {
        Flow order = Read(*orders[i].expression);
        Add(flow.by, order, how);
        text += (i ? ", " : "") + (order.text.empty() ? "..." : order.text) + (orders[i].type == OrderType::DESCENDING ? " DESC" : "");
    }
}

Flow Lineage::ReadAggregate(const Expression &e)
{
    auto &aggregate = e.Cast<BoundAggregateExpression>();
    Flow flow;
    std::string text;
    for (auto &child : aggregate.children)
        text += (text.empty() ? "" : ", ") + Part(flow, *child, false);
    flow.kind = FlowKind::AGGREGATION;
    std::string name = ShownName(aggregate.function.name);
    if (name == "count_star") {
        name = "count";
        text = "*";
    }
    text = name + (aggregate.IsDistinct() ? "(DISTINCT " : "(") + text;
    if (aggregate.order_bys) {
        text += " ORDER BY ";
        ReadOrders(aggregate.order_bys->orders, How::ORDER, flow, text);
    }
    text += ")";
    if (aggregate.filter) {
        Flow filter = Read(*aggregate.filter);
        Add(flow.by, filter, How::CONDITION);
        text += " FILTER (WHERE " + (filter.text.empty() ? "..." : filter.text) + ")";
    }
    Say(flow, text, true);
    return flow;
}

static std::string WindowName(const BoundWindowExpression &window)
{
    if (window.aggregate)
        return ShownName(window.aggregate->name);
    std::string name = StringUtil::Lower(EnumUtil::ToString(window.GetExpressionType())); /* WINDOW_ROW_NUMBER, .. */
    return name == "window_rank_dense" ? "dense_rank" : name.rfind("window_", 0) == 0 ? name.substr(7) : name;
}

Flow Lineage::ReadWindow(const Expression &e)
{
    auto &window = e.Cast<BoundWindowExpression>();
    Flow flow;
    std::string text, over;
    for (auto &child : window.children)
        text += (text.empty() ? "" : ", ") + Part(flow, *child, false);
    for (auto more : {&window.offset_expr, &window.default_expr})
        if (*more)
            text += (text.empty() ? "" : ", ") + Part(flow, **more, false);
    flow.kind = window.aggregate ? FlowKind::AGGREGATION : FlowKind::TRANSFORMATION;
    std::string name = WindowName(window);
    if (name == "count_star") {
        name = "count";
        text = "*";
    }
    for (auto &partition : window.partitions) {
        Flow part = Read(*partition);
        Add(flow.by, part, How::WINDOW);
        over += (over.empty() ? "PARTITION BY " : ", ") + (part.text.empty() ? "..." : part.text);
    }
    if (!window.orders.empty()) {
        over += over.empty() ? "ORDER BY " : " ORDER BY ";
        ReadOrders(window.orders, How::WINDOW, flow, over);
    }
    std::string unshown;
    ReadOrders(window.arg_orders, How::WINDOW, flow, unshown);
    if (window.filter_expr)
        Add(flow.by, Read(*window.filter_expr), How::CONDITION);
    Say(flow, name + "(" + text + ") OVER (" + over + ")", true);
    return flow;
}

/* ---- CASE ---- */

/* A test of a type, which is settled: the macros of Trino's functions have them.  1, 0; -1: something else. */
static int TypeTest(const Expression &e)
{
    const Expression *type = nullptr;
    std::vector<const Expression *> names;
    if (e.GetExpressionType() == ExpressionType::COMPARE_EQUAL && e.GetExpressionClass() == ExpressionClass::BOUND_COMPARISON) {
        type = e.Cast<BoundComparisonExpression>().left.get();
        names.push_back(e.Cast<BoundComparisonExpression>().right.get());
    } else if (e.GetExpressionType() == ExpressionType::COMPARE_IN && e.GetExpressionClass() == ExpressionClass::BOUND_OPERATOR) {
        auto &in = e.Cast<BoundOperatorExpression>();
        type = in.children[0].get();
        for (size_t i = 1; i < in.children.size(); i++)
            names.push_back(in.children[i].get());
    }
    if (!type || type->GetExpressionClass() != ExpressionClass::BOUND_FUNCTION || type->Cast<BoundFunctionExpression>().function.name != "typeof" ||
        type->Cast<BoundFunctionExpression>().children.size() != 1)
        return -1;
    std::string settled = type->Cast<BoundFunctionExpression>().children[0]->return_type.ToString();
    for (auto name : names) {
        while (name->GetExpressionClass() == ExpressionClass::BOUND_CAST)
            name = name->Cast<BoundCastExpression>().child.get();
        if (name->GetExpressionClass() != ExpressionClass::BOUND_CONSTANT)
            return -1;
        if (name->Cast<BoundConstantExpression>().value.ToString() == settled)
            return 1;
    }
    return 0;
}

Flow Lineage::ReadCase(const BoundCaseExpression &e)
{
    Flow flow;
    flow.kind = FlowKind::TRANSFORMATION;
    std::string text = "CASE";
    size_t shown = 0;
    for (auto &check : e.case_checks) {
        int test = TypeTest(*check.when_expr);
        if (test == 0)
            continue;
        if (test == 1 && shown == 0)
            return Read(*check.then_expr);
        Flow when = Read(*check.when_expr);
        Add(flow.by, when, How::CONDITION);
        text += " WHEN " + (when.text.empty() ? "..." : when.text) + " THEN " + Part(flow, *check.then_expr, false);
        shown++;
    }
    if (shown == 0)
        return Read(*e.else_expr);
    std::string otherwise = Part(flow, *e.else_expr, false);
    if (otherwise != "NULL")
        text += " ELSE " + otherwise;
    Say(flow, text + " END", true);
    return flow;
}

/* ---- the rest ---- */

/* Casts that lose nothing are mostly the engine's own and say nothing. */
static bool IsSilentCast(const LogicalType &from, const LogicalType &to)
{
    bool times = (from.id() == LogicalTypeId::DATE && to.id() != LogicalTypeId::VARCHAR) ||
                 (from.id() == LogicalTypeId::TIMESTAMP && to.id() == LogicalTypeId::TIMESTAMP_TZ);
    return from.id() == to.id() || from.id() == LogicalTypeId::SQLNULL || (from.IsNumeric() && to.IsNumeric()) || times ||
           from.id() == LogicalTypeId::STRING_LITERAL || from.id() == LogicalTypeId::INTEGER_LITERAL;
}

Flow Lineage::ReadCast(const Expression &e)
{
    auto &cast = e.Cast<BoundCastExpression>();
    Flow flow = Read(*cast.child);
    if (cast.child->GetExpressionClass() == ExpressionClass::BOUND_CONSTANT || IsSilentCast(cast.child->return_type, e.return_type))
        return flow;
    flow.kind = std::max(flow.kind, FlowKind::TRANSFORMATION);
    if (!flow.text.empty())
        Say(flow, (cast.try_cast ? "TRY_CAST(" : "CAST(") + flow.text + " AS " + e.return_type.ToString() + ")", true);
    return flow;
}

/* One that is not part of the plan yet. */
Flow Lineage::ReadSubquery(const BoundSubqueryExpression &e)
{
    Flow flow;
    flow.kind = FlowKind::TRANSFORMATION;
    Steering own;
    if (e.subquery.plan) {
        Walk(*e.subquery.plan, own);
        for (auto &inner : OutputsOf(*e.subquery.plan)) {
            if (e.subquery_type == SubqueryType::SCALAR)
                Merge(flow, *inner);
            else
                Add(flow.by, *inner, How::JOIN);
        }
    }
    for (auto &child : e.children)
        Add(flow.by, Read(*child), How::JOIN);
    Add(flow.by, own);
    Say(flow, "a query", true);
    return flow;
}

static const char *ComparisonSign(ExpressionType type)
{
    switch (type) {
    case ExpressionType::COMPARE_EQUAL:
        return " = ";
    case ExpressionType::COMPARE_NOTEQUAL:
        return " <> ";
    case ExpressionType::COMPARE_LESSTHAN:
        return " < ";
    case ExpressionType::COMPARE_GREATERTHAN:
        return " > ";
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
        return " <= ";
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
        return " >= ";
    case ExpressionType::COMPARE_DISTINCT_FROM:
        return " IS DISTINCT FROM ";
    default:
        return " IS NOT DISTINCT FROM ";
    }
}

Flow Lineage::ReadOperator(const Expression &e)
{
    auto &children = e.Cast<BoundOperatorExpression>().children;
    Flow flow;
    flow.kind = FlowKind::TRANSFORMATION;
    std::vector<std::string> parts;
    for (auto &child : children)
        parts.push_back(Part(flow, *child, e.GetExpressionType() != ExpressionType::OPERATOR_COALESCE));
    std::string list;
    for (size_t i = e.GetExpressionType() == ExpressionType::COMPARE_IN || e.GetExpressionType() == ExpressionType::COMPARE_NOT_IN; i < parts.size(); i++)
        list += (list.empty() ? "" : ", ") + parts[i];
    std::string first = parts.empty() ? "" : parts[0];
    switch (e.GetExpressionType()) {
    case ExpressionType::OPERATOR_NOT:
        Say(flow, "NOT " + first, false);
        break;
    case ExpressionType::OPERATOR_IS_NULL:
        Say(flow, first + " IS NULL", false);
        break;
    case ExpressionType::OPERATOR_IS_NOT_NULL:
        Say(flow, first + " IS NOT NULL", false);
        break;
    case ExpressionType::COMPARE_IN:
        Say(flow, first + " IN (" + list + ")", false);
        break;
    case ExpressionType::COMPARE_NOT_IN:
        Say(flow, first + " NOT IN (" + list + ")", false);
        break;
    default: {
        std::string name = StringUtil::Lower(EnumUtil::ToString(e.GetExpressionType()));
        Say(flow, (name.rfind("operator_", 0) == 0 ? name.substr(9) : name) + "(" + list + ")", true);
    }
    }
    return flow;
}

/* Of kinds that say nothing by themselves: their children flow. */
Flow Lineage::ReadRest(const Expression &e)
{
    Flow flow;
    flow.kind = FlowKind::TRANSFORMATION;
    std::string text;
    ExpressionIterator::EnumerateChildren(e, [&](const Expression &child) { text += (text.empty() ? "" : ", ") + Part(flow, child, false); });
    if (e.GetExpressionClass() == ExpressionClass::BOUND_UNNEST)
        Say(flow, "unnest(" + text + ")", true);
    else if (e.GetExpressionClass() == ExpressionClass::BOUND_DEFAULT)
        Say(flow, "DEFAULT", true);
    return flow;
}

Flow Lineage::Read(const Expression &e)
{
    Flow flow;
    if (!Spend())
        return flow;
    switch (e.GetExpressionClass()) {
    case ExpressionClass::BOUND_COLUMN_REF:
        return ReadColumn(e);
    case ExpressionClass::BOUND_CONSTANT: {
        std::string text = e.Cast<BoundConstantExpression>().value.ToSQLString();
        flow.kind = FlowKind::TRANSFORMATION;
        /* what a reference to a column looks like must not come out of a constant */
        bool odd = text.size() > CONSTANT_TEXT_MAX || text.find_first_of("\1\2") != std::string::npos;
        Say(flow, odd ? "..." : text, true);
        return flow;
    }
    case ExpressionClass::BOUND_CAST:
        return ReadCast(e);
    case ExpressionClass::BOUND_FUNCTION:
        return ReadFunction(e);
    case ExpressionClass::BOUND_AGGREGATE:
        return ReadAggregate(e);
    case ExpressionClass::BOUND_WINDOW:
        return ReadWindow(e);
    case ExpressionClass::BOUND_CASE:
        return ReadCase(e.Cast<BoundCaseExpression>());
    case ExpressionClass::BOUND_SUBQUERY:
        return ReadSubquery(e.Cast<BoundSubqueryExpression>());
    case ExpressionClass::BOUND_OPERATOR:
        return ReadOperator(e);
    case ExpressionClass::BOUND_COMPARISON:
        return Joined({e.Cast<BoundComparisonExpression>().left.get(), e.Cast<BoundComparisonExpression>().right.get()},
                      ComparisonSign(e.GetExpressionType()));
    case ExpressionClass::BOUND_CONJUNCTION: {
        std::vector<const Expression *> parts;
        for (auto &child : e.Cast<BoundConjunctionExpression>().children)
            parts.push_back(child.get());
        return Joined(parts, e.GetExpressionType() == ExpressionType::CONJUNCTION_AND ? " AND " : " OR ");
    }
    default:
        return ReadRest(e);
    }
}

} // namespace tl

/* Joins that compare NULLs as equal, as the engine writes for EXISTS, where no NULL can be: plain equality says the same, sources
 * know it and the engine sends the keys of such joins to scans. */
#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/operator/logical_filter.hpp"
#include "duckdb/planner/operator/logical_projection.hpp"

#include "engines/duckdb/scan_relation_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

bool IsNotNullOf(const Expression &e, const std::function<bool(const Expression &)> &is_column)
{
    return e.GetExpressionType() == ExpressionType::OPERATOR_IS_NOT_NULL && is_column(*e.Cast<BoundOperatorExpression>().children[0]);
}

bool ScanDropsNulls(const LogicalGet &get, idx_t position)
{
    auto &ids = get.GetColumnIds();
    if (position >= ids.size() || ids[position].HasChildren())
        return false;
    auto column = ids[position].GetPrimaryIndex();
    auto filter = get.table_filters.filters.find(column);
    if (filter != get.table_filters.filters.end() && (filter->second->filter_type == TableFilterType::IS_NOT_NULL ||
                                                      filter->second->filter_type == TableFilterType::CONSTANT_COMPARISON))
        return true;
    auto bind = BindOf(get);
    if (!bind || column >= bind->dataset->described->column_count)
        return false;
    if (!bind->dataset->described->columns[column].nullable)
        return true;
    for (auto &e : bind->pushed)
        if (IsNotNullOf(*e, [&](const Expression &child) {
                return child.GetExpressionClass() == ExpressionClass::BOUND_REF && child.Cast<BoundReferenceExpression>().index == column;
            }))
            return true;
    return false;
}

bool NeverNull(LogicalOperator &op, const ColumnBinding &binding);

bool NeverNull(LogicalOperator &op, const Expression &e)
{
    return e.GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF && NeverNull(op, e.Cast<BoundColumnRefExpression>().binding);
}

bool JoinKeeps(LogicalComparisonJoin &join, const ColumnBinding &binding)
{
    bool left = join.join_type != JoinType::RIGHT && join.join_type != JoinType::OUTER;
    bool right = join.join_type == JoinType::INNER || join.join_type == JoinType::RIGHT || join.join_type == JoinType::RIGHT_SEMI ||
                 join.join_type == JoinType::RIGHT_ANTI;
    return (left && NeverNull(*join.children[0], binding)) || (right && NeverNull(*join.children[1], binding));
}

/* False where it is not seen at once. */
bool NeverNull(LogicalOperator &op, const ColumnBinding &binding)
{
    switch (op.type) {
    case LogicalOperatorType::LOGICAL_GET: {
        auto &get = op.Cast<LogicalGet>();
        return get.table_index == binding.table_index && ScanDropsNulls(get, binding.column_index);
    }
    case LogicalOperatorType::LOGICAL_PROJECTION: {
        auto &projection = op.Cast<LogicalProjection>();
        return projection.table_index == binding.table_index && NeverNull(*op.children[0], *projection.expressions[binding.column_index]);
    }
    case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY: {
        auto &aggregate = op.Cast<LogicalAggregate>();
        return aggregate.group_index == binding.table_index && aggregate.grouping_sets.size() <= 1 &&
               NeverNull(*op.children[0], *aggregate.groups[binding.column_index]);
    }
    case LogicalOperatorType::LOGICAL_FILTER:
        for (auto &e : op.expressions)
            if (IsNotNullOf(*e, [&](const Expression &child) {
                    return child.GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF &&
                           child.Cast<BoundColumnRefExpression>().binding == binding;
                }))
                return true;
        return NeverNull(*op.children[0], binding);
    case LogicalOperatorType::LOGICAL_DISTINCT:
        return NeverNull(*op.children[0], binding);
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
        return JoinKeeps(op.Cast<LogicalComparisonJoin>(), binding);
    default:
        return false;
    }
}

} // namespace

void SimplifyJoins(LogicalOperator &op)
{
    for (auto &child : op.children)
        SimplifyJoins(*child);
    if (op.type != LogicalOperatorType::LOGICAL_COMPARISON_JOIN)
        return;
    auto &join = op.Cast<LogicalComparisonJoin>();
    if (join.join_type == JoinType::MARK)
        return;
    for (auto &condition : join.conditions)
        if (condition.comparison == ExpressionType::COMPARE_NOT_DISTINCT_FROM &&
            (NeverNull(*op.children[0], *condition.left) || NeverNull(*op.children[1], *condition.right)))
            condition.comparison = ExpressionType::COMPARE_EQUAL;
}

} // namespace tl

/* Telling a source that only the first rows are wanted.  The engine's own LIMIT or ORDER BY .. LIMIT stays above the scan: the
 * source may send more rows, never other ones. */
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/operator/logical_limit.hpp"
#include "duckdb/planner/operator/logical_projection.hpp"
#include "duckdb/planner/operator/logical_top_n.hpp"

#include "engines/duckdb/scan_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

enum { LIMIT_MAX = 1000000 }; /* beyond, one connection that sorts is slower than several that do not */

/* The scan below an operator, seen through projections, and how to find its columns from above. */
struct Below {
    LogicalGet *get = nullptr;
    std::vector<LogicalProjection *> projections; /* from above */

    explicit Below(LogicalOperator &op)
    {
        auto at = &op;
        while (at->type == LogicalOperatorType::LOGICAL_PROJECTION) {
            projections.push_back(&at->Cast<LogicalProjection>());
            at = at->children[0].get();
        }
        if (at->type == LogicalOperatorType::LOGICAL_GET && BindOf(at->Cast<LogicalGet>()) && !at->Cast<LogicalGet>().extra_info.sample_options)
            get = &at->Cast<LogicalGet>();
    }

    /* -1: not a plain column. */
    int ColumnOf(const Expression &e) const
    {
        auto at = &e;
        for (auto projection : projections) {
            if (at->GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF)
                return -1;
            auto &binding = at->Cast<BoundColumnRefExpression>().binding;
            if (binding.table_index != projection->table_index)
                return -1;
            at = projection->expressions[binding.column_index].get();
        }
        return ColumnOfPlan(*get, *at);
    }
};

bool IsVolatile(const Below &below)
{
    for (auto projection : below.projections)
        for (auto &e : projection->expressions)
            if (e->IsVolatile())
                return true;
    return false;
}

std::string SetLimit(const Below &below, idx_t limit, std::vector<struct tl_scan_order> order)
{
    auto &bind = *BindOf(*below.get);
    if (bind.limit >= 0)
        return "follows another limit";
    bind.limit = static_cast<int64_t>(limit);
    bind.order = std::move(order);
    /* a join's filter below the limit would change which rows are the first ones */
    below.get->dynamic_filters.reset();
    return "";
}

std::string WhyNot(const Below &below)
{
    if (!below.get)
        return "what it limits is made here";
    return IsVolatile(below) ? "changes from call to call" : "";
}

std::string TellPlain(const LogicalLimit &limit)
{
    Below below(*limit.children[0]);
    auto offset_type = limit.offset_val.Type();
    if (limit.limit_val.Type() == LimitNodeType::UNSET)
        return "";
    if (limit.limit_val.Type() != LimitNodeType::CONSTANT_VALUE ||
        (offset_type != LimitNodeType::CONSTANT_VALUE && offset_type != LimitNodeType::UNSET))
        return "not a constant";
    auto reason = WhyNot(below);
    idx_t rows = limit.limit_val.GetConstantValue();
    idx_t offset = offset_type == LimitNodeType::CONSTANT_VALUE ? limit.offset_val.GetConstantValue() : 0;
    if (!reason.empty())
        return reason;
    return rows <= LIMIT_MAX && offset <= LIMIT_MAX ? SetLimit(below, rows + offset, {}) : "too many rows";
}

bool SayOrder(const Below &below, const BoundOrderByNode &node, struct tl_scan_order *ret_order)
{
    auto &dataset = *DatasetOf(*below.get);
    ret_order->column = below.ColumnOf(*node.expression);
    ret_order->descending = node.type == OrderType::DESCENDING;
    ret_order->nulls_first = node.null_order == OrderByNullType::NULLS_FIRST;
    return ret_order->column >= 0 && dataset.driver->can_push_order(dataset.source, dataset.described, ret_order);
}

std::string TellTopN(const LogicalTopN &top)
{
    Below below(*top.children[0]);
    auto reason = WhyNot(below);
    if (!reason.empty())
        return reason;
    if (top.limit > LIMIT_MAX || top.offset > LIMIT_MAX)
        return "too many rows";
    std::vector<struct tl_scan_order> order;
    for (auto &node : top.orders) {
        struct tl_scan_order said;
        if (!SayOrder(below, node, &said))
            return "the source does not order by it in the same way";
        order.push_back(said);
    }
    return SetLimit(below, top.limit + top.offset, std::move(order));
}

} // namespace

std::string TellLimit(const LogicalOperator &op)
{
    if (op.type == LogicalOperatorType::LOGICAL_LIMIT)
        return TellPlain(op.Cast<LogicalLimit>());
    return op.type == LogicalOperatorType::LOGICAL_TOP_N ? TellTopN(op.Cast<LogicalTopN>()) : "";
}

} // namespace tl

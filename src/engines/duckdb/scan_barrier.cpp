/* Row rules end with OFFSET 0: the engine moves nothing past that, so no expression of a statement is computed on a row that the
 * rules hide, and no error tells of it.  What can fail on no row tells of none either: such filters are said to the source, or to
 * the scan, beside the rules. */
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/operator/logical_comparison_join.hpp"
#include "duckdb/planner/operator/logical_filter.hpp"
#include "duckdb/planner/operator/logical_limit.hpp"
#include "duckdb/planner/operator/logical_projection.hpp"

#include "engines/duckdb/scan_barrier_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

bool IsBarrier(const LogicalOperator &op)
{
    if (op.type != LogicalOperatorType::LOGICAL_LIMIT)
        return false;
    auto &limit = op.Cast<LogicalLimit>();
    return limit.limit_val.Type() == LimitNodeType::UNSET && limit.offset_val.Type() == LimitNodeType::CONSTANT_VALUE &&
           limit.offset_val.GetConstantValue() == 0;
}

/* A rule that asks another table, or a long list: its rows are those of the left side. */
bool IsRuleJoin(const LogicalOperator &op)
{
    if (op.type != LogicalOperatorType::LOGICAL_COMPARISON_JOIN)
        return false;
    auto type = op.Cast<LogicalComparisonJoin>().join_type;
    return type == JoinType::MARK || type == JoinType::SEMI;
}

/* The scan below a barrier, through projections, filters and what rules are made of. */
struct Below {
    LogicalGet *get = nullptr;
    bool ours = false;                            /* else a table of the engine's own */
    std::vector<LogicalProjection *> projections; /* from above */

    explicit Below(LogicalOperator &op)
    {
        bool barrier = false;
        auto at = &op;
        for (;; at = at->children[0].get()) {
            if (at->type == LogicalOperatorType::LOGICAL_PROJECTION)
                projections.push_back(&at->Cast<LogicalProjection>());
            else if (IsBarrier(*at))
                barrier = true;
            else if (at->type != LogicalOperatorType::LOGICAL_FILTER && !(barrier && IsRuleJoin(*at)))
                break;
        }
        if (!barrier || at->type != LogicalOperatorType::LOGICAL_GET)
            return;
        auto &found = at->Cast<LogicalGet>();
        auto bind = BindOf(found);
        ours = bind && bind->limit < 0 && !found.extra_info.sample_options;
        if (ours || IsTable(found))
            get = &found;
    }

    /* Its references are followed down to the scan; false: one of them is not a plain column there (a mask, for example). */
    bool Follow(Expression &e) const
    {
        if (e.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF) {
            bool all = true;
            ExpressionIterator::EnumerateChildren(e, [&](Expression &child) { all = all && Follow(child); });
            return all;
        }
        auto &binding = e.Cast<BoundColumnRefExpression>().binding;
        for (auto projection : projections) {
            if (binding.table_index != projection->table_index)
                return false;
            auto &means = *projection->expressions[binding.column_index];
            if (means.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF)
                return false;
            binding = means.Cast<BoundColumnRefExpression>().binding;
        }
        return binding.table_index == get->table_index;
    }
};

const char *WhyNotPass(ClientContext &context, const Below &below, Expression &e, tl_arena *arena)
{
    const char *reason;
    if (e.IsVolatile() || !below.Follow(e))
        return "follows a row rule, and is not of plain columns";
    auto said = AskSource(context, *BindOf(*below.get)->dataset, e, [&](const Expression &column) { return ColumnOfPlan(*below.get, column); },
                          arena, &reason);
    if (!said)
        return reason;
    return tl_expr_never_fails(said) ? nullptr : "follows a row rule, and could fail on a row that the rule hides";
}

/* Into the scan of a source, or of a table; it is done above it no more. */
bool Pass(ClientContext &context, const Below &below, Expression &e, tl_arena *arena)
{
    auto moved = e.Copy();
    if (!below.ours)
        return !moved->IsVolatile() && below.Follow(*moved) && PassToTable(*below.get, *moved);
    auto &bind = *BindOf(*below.get);
    auto reason = WhyNotPass(context, below, *moved, arena);
    if (reason) {
        NoteDeclined(bind, e, reason);
        return false;
    }
    PointAtDataset(moved, *below.get);
    bind.pushed.push_back(std::move(moved));
    return true;
}

/* With a projection map it stays, without a filter: it chooses columns. */
void DropEmpty(unique_ptr<LogicalOperator> &op)
{
    auto &filter = op->Cast<LogicalFilter>();
    if (!filter.expressions.empty() || !filter.projection_map.empty())
        return;
    auto child = std::move(filter.children[0]);
    op = std::move(child);
}

void PassFilter(ClientContext &context, unique_ptr<LogicalOperator> &op)
{
    auto &filter = op->Cast<LogicalFilter>();
    Below below(*filter.children[0]);
    if (!below.get)
        return;
    Scratch scratch;
    for (idx_t i = 0; i < filter.expressions.size();) {
        if (Pass(context, below, *filter.expressions[i], scratch.arena))
            filter.expressions.erase_at(i);
        else
            i++;
    }
    DropEmpty(op);
}

void PassFilters(ClientContext &context, unique_ptr<LogicalOperator> &plan)
{
    for (auto &child : plan->children)
        PassFilters(context, child);
    if (plan->type == LogicalOperatorType::LOGICAL_FILTER)
        PassFilter(context, plan);
}

/* The rule of a table: its lists to the scan.  Then only the barrier itself is left, which would keep the rows in order and so to
 * one thread; what was above the rule stays there, since nothing rewrites the plan any more. */
void EndBarriers(ClientContext &context, unique_ptr<LogicalOperator> &plan)
{
    for (auto &child : plan->children)
        EndBarriers(context, child);
    if (!IsBarrier(*plan))
        return;
    Below below(*plan);
    if (!below.get || below.ours)
        return;
    for (auto at = &plan->children[0]; (*at)->type != LogicalOperatorType::LOGICAL_GET; at = &(*at)->children[0]) {
        if ((*at)->type != LogicalOperatorType::LOGICAL_FILTER || (*at)->children[0].get() != below.get)
            continue;
        MoveLists(context, *below.get, (*at)->Cast<LogicalFilter>());
        DropEmpty(*at);
        break;
    }
    auto rule = std::move(plan->children[0]);
    plan = std::move(rule);
}

} // namespace

void HideBoundsBelowBarriers(LogicalOperator &plan, bool below)
{
    below = below || IsBarrier(plan);
    if (below && plan.type == LogicalOperatorType::LOGICAL_GET && IsTable(plan.Cast<LogicalGet>()))
        HideBounds(plan.Cast<LogicalGet>());
    for (auto &child : plan.children)
        HideBoundsBelowBarriers(*child, below);
}

void PassBarriers(ClientContext &context, unique_ptr<LogicalOperator> &plan)
{
    PassFilters(context, plan);
    EndBarriers(context, plan);
}

} // namespace tl

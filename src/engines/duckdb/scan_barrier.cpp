/* Row rules end with OFFSET 0 where their scan does not apply them ahead of everything: the engine moves nothing past that, so no
 * expression of a statement is computed on a row that the rules hide, and no error tells of it.  What can fail on no row tells of
 * none either: such filters are said to the source beside the rules. */
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/operator/logical_filter.hpp"
#include "duckdb/planner/operator/logical_limit.hpp"
#include "duckdb/planner/operator/logical_projection.hpp"

#include "engines/duckdb/scan_int.hpp"

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

/* The scan of ours below a barrier, through projections and filters. */
struct Below {
    LogicalGet *get = nullptr;
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
            else if (at->type != LogicalOperatorType::LOGICAL_FILTER)
                break;
        }
        if (!barrier || at->type != LogicalOperatorType::LOGICAL_GET)
            return;
        auto &found = at->Cast<LogicalGet>();
        auto bind = BindOf(found);
        if (bind && bind->limit < 0 && !found.extra_info.sample_options)
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

void PassFilter(ClientContext &context, unique_ptr<LogicalOperator> &op)
{
    auto &filter = op->Cast<LogicalFilter>();
    Below below(*filter.children[0]);
    if (!below.get)
        return;
    Scratch scratch;
    auto &bind = *BindOf(*below.get);
    for (idx_t i = 0; i < filter.expressions.size();) {
        auto moved = filter.expressions[i]->Copy();
        auto reason = WhyNotPass(context, below, *moved, scratch.arena);
        if (reason) {
            NoteDeclined(bind, *filter.expressions[i++], reason);
            continue;
        }
        PointAtDataset(moved, *below.get);
        bind.pushed.push_back(std::move(moved));
        filter.expressions.erase_at(i);
    }
    /* with a projection map it stays, without a filter: it chooses columns */
    if (filter.expressions.empty() && filter.projection_map.empty()) {
        auto child = std::move(filter.children[0]);
        op = std::move(child);
    }
}

} // namespace

void PassBarriers(ClientContext &context, unique_ptr<LogicalOperator> &plan)
{
    for (auto &child : plan->children)
        PassBarriers(context, child);
    if (plan->type == LogicalOperatorType::LOGICAL_FILTER)
        PassFilter(context, plan);
}

} // namespace tl

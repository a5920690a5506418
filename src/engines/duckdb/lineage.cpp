/* The walk of the bound plan: which columns reach which. */
#include <algorithm>

#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/planner/expression/bound_aggregate_expression.hpp"
#include "duckdb/planner/expression/bound_case_expression.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/expression/bound_comparison_expression.hpp"
#include "duckdb/planner/expression/bound_conjunction_expression.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"
#include "duckdb/planner/logical_operator_visitor.hpp"
#include "duckdb/planner/operator/list.hpp"

#include "engines/duckdb/lineage_int.hpp"
#include "engines/duckdb/scan_int.hpp"

using namespace duckdb;

namespace tl {

bool Lineage::Spend(size_t amount)
{
    nodes++;
    work += amount;
    incomplete = incomplete || nodes > NODES_MAX || work > WORK_MAX;
    return !incomplete;
}

uint32_t Lineage::ColumnNumber(const LineageDataset &dataset, const std::string &name)
{
    auto known = dataset_numbers.emplace(dataset, static_cast<uint32_t>(datasets.size()));
    if (known.second)
        datasets.push_back(dataset);
    auto found = column_numbers.emplace(std::make_pair(known.first->second, name), static_cast<uint32_t>(columns.size()));
    if (found.second)
        columns.push_back({known.first->second, name});
    return found.first->second;
}

/* ---- sets ---- */

template <class T> static void Union(std::vector<T> &to, const std::vector<T> &more)
{
    if (more.empty())
        return;
    std::vector<T> both;
    both.reserve(to.size() + more.size());
    std::set_union(to.begin(), to.end(), more.begin(), more.end(), std::back_inserter(both));
    to = std::move(both);
}

void Lineage::Add(Steering &to, const Steering &more)
{
    if (!more.empty() && Spend(to.size() + more.size()))
        Union(to, more);
    incomplete = incomplete || to.size() > 4 * FLOW_MAX;
}

/* All that reaches `flow` steers. */
void Lineage::Add(Steering &to, const Flow &flow, How how)
{
    Steering more;
    for (auto column : flow.from)
        more.push_back({column, how});
    Add(to, more);
    Add(to, flow.by);
}

/* Values and steering; the text and the kind are the caller's. */
void Lineage::Merge(Flow &to, const Flow &flow)
{
    if (!Spend(to.from.size() + flow.from.size()))
        return;
    Union(to.from, flow.from);
    Union(to.by, flow.by);
    incomplete = incomplete || to.from.size() > FLOW_MAX || to.by.size() > 4 * FLOW_MAX;
}

void Lineage::Set(idx_t table, idx_t column, FlowPtr flow)
{
    flows[ColumnBinding(table, column)] = std::move(flow);
}

std::vector<FlowPtr> Lineage::OutputsOf(LogicalOperator &op)
{
    static const FlowPtr nothing = std::make_shared<Flow>();
    std::vector<FlowPtr> out;
    for (auto &binding : op.GetColumnBindings()) {
        auto found = flows.find(binding);
        out.push_back(found == flows.end() ? nothing : found->second);
    }
    return out;
}

/* ---- what is read ---- */

static std::string SourceOf(const std::string &catalog)
{
    return catalog.rfind("p:", 0) == 0 ? catalog.substr(2) : catalog;
}

bool Lineage::DatasetRead(const LogicalGet &get, LineageDataset &ret) const
{
    auto table = get.GetTable();
    auto dataset = table ? nullptr : DatasetOf(get);
    if (table)
        ret = {SourceOf(table->ParentCatalog().GetName()), table->ParentSchema().name, table->name};
    else if (dataset && dataset->described)
        ret = {dataset->source_name, dataset->described->schema, dataset->described->name};
    return table || (dataset && dataset->described);
}

/* The door puts one projection right over what it governs; between them only row rules stand. */
const LogicalGet *Lineage::GovernedGet(const LogicalOperator &projection, LineageDataset &ret) const
{
    const LogicalOperator *at = &projection;
    do {
        if (at->children.empty())
            return nullptr;
        at = at->children[0].get();
    } while (at->type != LogicalOperatorType::LOGICAL_GET && at->type != LogicalOperatorType::LOGICAL_PROJECTION);
    if (at->type != LogicalOperatorType::LOGICAL_GET)
        return nullptr;
    auto &get = at->Cast<LogicalGet>();
    if (!DatasetRead(get, ret))
        return nullptr;
    std::string prefix = get.GetTable() ? "part:p:" : "part:";
    return state.Allows(prefix + ret.source + "." + ret.schema + "." + ret.name) ? &get : nullptr;
}

FlowPtr Lineage::Identity(uint32_t column)
{
    auto flow = std::make_shared<Flow>();
    flow->from.push_back(column);
    flow->text = "\1" + std::to_string(column) + "\2";
    return flow;
}

void Lineage::WalkGet(LogicalGet &get, Steering &steer)
{
    LineageDataset dataset;
    WalkChildren(get, steer);
    if (!DatasetRead(get, dataset)) { /* a table function: what it was given reaches all it gives */
        auto all = std::make_shared<Flow>();
        all->kind = FlowKind::TRANSFORMATION;
        for (auto &child : get.children)
            for (auto &flow : OutputsOf(*child)) {
                Merge(*all, *flow);
                all->text = flow->text.empty() ? "" : get.function.name + "(" + flow->text + ")";
            }
        for (idx_t i = 0; i < std::max<idx_t>(get.GetColumnIds().size(), get.names.size()); i++)
            Set(get.table_index, i, all);
        return;
    }
    auto &ids = get.GetColumnIds();
    for (idx_t i = 0; i < ids.size() && Spend(); i++)
        if (!ids[i].IsVirtualColumn() && !ids[i].IsRowIdColumn() && !ids[i].IsEmptyColumn() && ids[i].GetPrimaryIndex() < get.names.size())
            Set(get.table_index, i, Identity(ColumnNumber(dataset, get.names[ids[i].GetPrimaryIndex()])));
}

void Lineage::WalkProjection(LogicalOperator &op, Steering &steer)
{
    auto &projection = op.Cast<LogicalProjection>();
    LineageDataset dataset;
    if (GovernedGet(op, dataset)) {
        for (idx_t i = 0; i < op.expressions.size() && Spend(); i++)
            Set(projection.table_index, i, Identity(ColumnNumber(dataset, op.expressions[i]->GetAlias())));
        return;
    }
    WalkTable(op, projection.table_index, steer);
}

/* ---- operators ---- */

void Lineage::WalkChildren(LogicalOperator &op, Steering &steer)
{
    for (auto &child : op.children)
        Walk(*child, steer);
}

/* Its expressions are its columns. */
void Lineage::WalkTable(LogicalOperator &op, idx_t table, Steering &steer)
{
    WalkChildren(op, steer);
    for (idx_t i = 0; i < op.expressions.size() && Spend(); i++)
        Set(table, i, std::make_shared<Flow>(Read(*op.expressions[i])));
}

void Lineage::SteerBy(LogicalOperator &op, How how, Steering &steer)
{
    LogicalOperatorVisitor::EnumerateExpressions(op, [&](unique_ptr<Expression> *e) { Condition(**e, how, steer); });
}

void Lineage::NoteJoin(const Flow &left, const Flow &right)
{
    bool plain = left.kind == FlowKind::IDENTITY && right.kind == FlowKind::IDENTITY && left.from.size() == 1 && right.from.size() == 1;
    if (!plain || columns[left.from[0]].dataset == columns[right.from[0]].dataset || joins.size() >= JOINS_MAX)
        return;
    auto pair = std::minmax(left.from[0], right.from[0]);
    if (std::find(joins.begin(), joins.end(), std::pair<uint32_t, uint32_t>(pair)) == joins.end())
        joins.emplace_back(pair);
}

/* Equal columns of two datasets in a filter are a join, too. */
void Lineage::Condition(const Expression &e, How how, Steering &steer)
{
    if (!Spend())
        return;
    if (e.GetExpressionType() == ExpressionType::CONJUNCTION_AND) {
        for (auto &child : e.Cast<BoundConjunctionExpression>().children)
            Condition(*child, how, steer);
        return;
    }
    if (e.GetExpressionType() == ExpressionType::COMPARE_EQUAL && e.GetExpressionClass() == ExpressionClass::BOUND_COMPARISON) {
        auto &comparison = e.Cast<BoundComparisonExpression>();
        Flow left = Read(*comparison.left), right = Read(*comparison.right);
        bool two = left.from.size() == 1 && right.from.size() == 1 && columns[left.from[0]].dataset != columns[right.from[0]].dataset;
        NoteJoin(left, right);
        Add(steer, left, two ? How::JOIN : how);
        Add(steer, right, two ? How::JOIN : how);
        return;
    }
    Add(steer, Read(e), how);
}

void Lineage::WalkAggregate(LogicalOperator &op, Steering &steer)
{
    auto &aggregate = op.Cast<LogicalAggregate>();
    WalkChildren(op, steer);
    Flow groups;
    for (idx_t i = 0; i < aggregate.groups.size() && Spend(); i++) {
        auto flow = std::make_shared<Flow>(Read(*aggregate.groups[i]));
        Merge(groups, *flow);
        Set(aggregate.group_index, i, flow);
    }
    Add(steer, groups, How::GROUP);
    for (idx_t i = 0; i < aggregate.expressions.size() && Spend(); i++)
        Set(aggregate.aggregate_index, i, std::make_shared<Flow>(Read(*aggregate.expressions[i])));
    groups.kind = FlowKind::TRANSFORMATION;
    groups.text = "grouping()";
    for (idx_t i = 0; i < aggregate.grouping_functions.size(); i++)
        Set(aggregate.groupings_index, i, std::make_shared<Flow>(groups));
}

/* What steers the rows of a subquery steers what it gives, and no other column. */
void Lineage::WalkApart(LogicalOperator &op)
{
    Steering own;
    Walk(op, own);
    for (auto &binding : op.GetColumnBindings()) {
        auto found = flows.find(binding);
        auto flow = found == flows.end() ? std::make_shared<Flow>() : std::make_shared<Flow>(*found->second);
        Add(flow->by, own);
        flows[binding] = flow;
    }
}

void Lineage::WalkComparisonJoin(LogicalComparisonJoin &join, Steering &steer)
{
    bool mark = join.join_type == JoinType::MARK, apart = mark || join.join_type == JoinType::SINGLE;
    Steering conditions;
    Walk(*join.children[0], steer);
    if (apart)
        WalkApart(*join.children[1]);
    else
        Walk(*join.children[1], steer);
    for (auto &condition : join.conditions) {
        Flow left = Read(*condition.left), right = Read(*condition.right);
        NoteJoin(left, right);
        Add(conditions, left, How::JOIN);
        Add(conditions, right, How::JOIN);
    }
    if (join.predicate)
        Condition(*join.predicate, How::JOIN, conditions);
    if (join.type == LogicalOperatorType::LOGICAL_DEPENDENT_JOIN) {
        auto &dependent = join.Cast<LogicalDependentJoin>();
        if (dependent.join_condition)
            Condition(*dependent.join_condition, How::JOIN, conditions);
        for (auto &e : dependent.arbitrary_expressions)
            Condition(*e, How::JOIN, conditions);
        for (auto &e : dependent.expression_children)
            Condition(*e, How::JOIN, conditions);
    }
    if (!mark) {
        Add(steer, conditions);
        return;
    }
    auto flow = std::make_shared<Flow>();
    for (auto &inner : OutputsOf(*join.children[1]))
        Add(flow->by, *inner, How::JOIN);
    Add(flow->by, conditions);
    flow->kind = FlowKind::TRANSFORMATION;
    flow->text = "whether a row is in a query";
    Set(join.mark_index, 0, flow);
}

/* A subquery of one value: "CASE WHEN count(*) > 1 THEN error(..) ELSE first(..) END" over its rows. */
static const Expression *OneValue(const LogicalOperator &op)
{
    if (op.type != LogicalOperatorType::LOGICAL_PROJECTION || op.expressions.size() != 1 || op.children.size() != 1 ||
        op.children[0]->type != LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY || op.children[0]->expressions.size() != 2 ||
        op.expressions[0]->GetExpressionClass() != ExpressionClass::BOUND_CASE)
        return nullptr;
    auto &checked = op.expressions[0]->Cast<BoundCaseExpression>();
    auto &first = *op.children[0]->expressions[0];
    bool error = checked.case_checks.size() == 1 && checked.case_checks[0].then_expr->GetExpressionClass() == ExpressionClass::BOUND_FUNCTION &&
                 checked.case_checks[0].then_expr->Cast<BoundFunctionExpression>().function.name == "error";
    if (!error || first.GetExpressionClass() != ExpressionClass::BOUND_AGGREGATE || first.Cast<BoundAggregateExpression>().children.size() != 1)
        return nullptr;
    return first.Cast<BoundAggregateExpression>().children[0].get();
}

void Lineage::WalkCrossProduct(LogicalOperator &op, Steering &steer)
{
    Walk(*op.children[0], steer);
    const Expression *value = OneValue(*op.children[1]);
    if (!value)
        return Walk(*op.children[1], steer);
    Steering own;
    Walk(*op.children[1]->children[0]->children[0], own);
    auto flow = std::make_shared<Flow>(Read(*value));
    Add(flow->by, own);
    flows[op.children[1]->GetColumnBindings()[0]] = flow;
}

/* The values of all branches of a union; of the others those of the first. */
void Lineage::WalkSetOperation(LogicalOperator &op, Steering &steer)
{
    auto &set = op.Cast<LogicalSetOperation>();
    WalkChildren(op, steer);
    bool both = op.type == LogicalOperatorType::LOGICAL_UNION;
    std::vector<Flow> merged(set.column_count);
    for (idx_t k = 0; k < op.children.size(); k++) {
        auto branch = OutputsOf(*op.children[k]);
        for (idx_t i = 0; i < merged.size() && i < branch.size() && Spend(); i++) {
            if (k > 0 && !both) {
                Add(steer, *branch[i], How::FILTER);
                continue;
            }
            std::string text = merged[i].text.empty() || merged[i].text == branch[i]->text ? branch[i]->text : merged[i].text + " | " + branch[i]->text;
            merged[i].kind = std::max(merged[i].kind, branch[i]->kind);
            Merge(merged[i], *branch[i]);
            Say(merged[i], text, k == 0 && branch[i]->whole);
        }
    }
    for (idx_t i = 0; i < merged.size(); i++)
        Set(set.table_index, i, std::make_shared<Flow>(std::move(merged[i])));
}

void Lineage::WalkCte(LogicalCTE &cte, Steering &steer)
{
    Walk(*cte.children[0], steer);
    ctes[cte.table_index] = OutputsOf(*cte.children[0]);
    Walk(*cte.children[1], steer);
}

/* The recursive part reads what the whole gives: until nothing more comes. */
void Lineage::WalkRecursion(LogicalCTE &cte, Steering &steer)
{
    Walk(*cte.children[0], steer);
    auto all = OutputsOf(*cte.children[0]);
    bool more = true;
    for (int round = 0; more && round < ROUNDS_MAX && Spend(); round++) {
        more = false;
        ctes[cte.table_index] = all;
        Walk(*cte.children[1], steer);
        auto step = OutputsOf(*cte.children[1]);
        for (idx_t i = 0; i < all.size() && i < step.size(); i++) {
            auto merged = std::make_shared<Flow>(*all[i]);
            Merge(*merged, *step[i]);
            merged->kind = std::max(all[i]->kind, step[i]->kind);
            if (round == 0 && step[i]->text != all[i]->text)
                Say(*merged, all[i]->text + " | " + step[i]->text, false);
            more = more || merged->from != all[i]->from || merged->by != all[i]->by;
            all[i] = merged;
        }
    }
    incomplete = incomplete || more;
    ctes[cte.table_index] = all;
    for (idx_t i = 0; i < all.size(); i++)
        Set(cte.table_index, i, all[i]);
}

void Lineage::WalkExpressionGet(LogicalOperator &op)
{
    auto &get = op.Cast<LogicalExpressionGet>();
    for (idx_t i = 0; i < get.expr_types.size(); i++) {
        auto flow = std::make_shared<Flow>();
        flow->kind = FlowKind::TRANSFORMATION;
        for (auto &row : get.expressions) {
            if (i >= row.size() || !Spend())
                continue;
            Flow value = Read(*row[i]);
            Merge(*flow, value);
            if (get.expressions.size() == 1)
                Say(*flow, value.text, value.whole);
        }
        Set(get.table_index, i, flow);
    }
}

void Lineage::Walk(LogicalOperator &op, Steering &steer)
{
    if (!Spend())
        return;
    switch (op.type) {
    case LogicalOperatorType::LOGICAL_GET:
        return WalkGet(op.Cast<LogicalGet>(), steer);
    case LogicalOperatorType::LOGICAL_PROJECTION:
        return WalkProjection(op, steer);
    case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY:
        return WalkAggregate(op, steer);
    case LogicalOperatorType::LOGICAL_WINDOW:
        return WalkTable(op, op.Cast<LogicalWindow>().window_index, steer);
    case LogicalOperatorType::LOGICAL_UNNEST:
        return WalkTable(op, op.Cast<LogicalUnnest>().unnest_index, steer);
    case LogicalOperatorType::LOGICAL_EXPRESSION_GET:
        WalkChildren(op, steer);
        return WalkExpressionGet(op);
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
    case LogicalOperatorType::LOGICAL_DELIM_JOIN:
    case LogicalOperatorType::LOGICAL_ASOF_JOIN:
    case LogicalOperatorType::LOGICAL_DEPENDENT_JOIN:
        return WalkComparisonJoin(static_cast<LogicalComparisonJoin &>(op), steer);
    case LogicalOperatorType::LOGICAL_CROSS_PRODUCT:
        return WalkCrossProduct(op, steer);
    case LogicalOperatorType::LOGICAL_UNION:
    case LogicalOperatorType::LOGICAL_EXCEPT:
    case LogicalOperatorType::LOGICAL_INTERSECT:
        return WalkSetOperation(op, steer);
    case LogicalOperatorType::LOGICAL_RECURSIVE_CTE:
        return WalkRecursion(static_cast<LogicalCTE &>(op), steer);
    case LogicalOperatorType::LOGICAL_MATERIALIZED_CTE:
        return WalkCte(static_cast<LogicalCTE &>(op), steer);
    case LogicalOperatorType::LOGICAL_CTE_REF: {
        auto &ref = op.Cast<LogicalCTERef>();
        auto &from = ctes[ref.cte_index];
        for (idx_t i = 0; i < from.size(); i++)
            Set(ref.table_index, i, from[i]);
        return;
    }
    case LogicalOperatorType::LOGICAL_FILTER:
        WalkChildren(op, steer);
        return SteerBy(op, How::FILTER, steer);
    case LogicalOperatorType::LOGICAL_ANY_JOIN:
        WalkChildren(op, steer);
        return SteerBy(op, How::JOIN, steer);
    case LogicalOperatorType::LOGICAL_ORDER_BY:
    case LogicalOperatorType::LOGICAL_TOP_N:
        WalkChildren(op, steer);
        return SteerBy(op, How::ORDER, steer);
    case LogicalOperatorType::LOGICAL_DISTINCT:
        WalkChildren(op, steer);
        if (op.Cast<LogicalDistinct>().distinct_type == DistinctType::DISTINCT_ON)
            SteerBy(op, How::GROUP, steer);
        return;
    case LogicalOperatorType::LOGICAL_PIVOT: {
        WalkChildren(op, steer);
        auto all = std::make_shared<Flow>();
        all->kind = FlowKind::AGGREGATION;
        for (auto &flow : OutputsOf(*op.children[0]))
            Merge(*all, *flow);
        for (auto &binding : op.GetColumnBindings())
            flows[binding] = all;
        return;
    }
    default:
        WalkChildren(op, steer);
    }
}

} // namespace tl

#include "engines/duckdb/scan_relation_int.hpp"

#include <algorithm>
#include <set>

#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/operator/logical_projection.hpp"

using namespace duckdb;

namespace tl {
namespace {

enum { DEPTH_MAX = 200 };

unique_ptr<Expression> Leaf(const Dataset &dataset, idx_t input, idx_t column)
{
    return make_uniq<BoundColumnRefExpression>(dataset.labels[column], dataset.types[column], ColumnBinding(input, column));
}

bool IsLeaf(const Expression &e)
{
    return e.GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF;
}

/* The last input that an expression speaks of. */
idx_t LastInput(const Expression &e)
{
    if (IsLeaf(e))
        return e.Cast<BoundColumnRefExpression>().binding.table_index;
    idx_t last = 0;
    ExpressionIterator::EnumerateChildren(e, [&](const Expression &child) { last = MaxValue(last, LastInput(child)); });
    return last;
}

int CountNodes(const Expression &e)
{
    int count = 1;
    ExpressionIterator::EnumerateChildren(e, [&](const Expression &child) { count += CountNodes(child); });
    return count;
}

void AddInputs(const Expression &e, std::set<idx_t> &inputs)
{
    if (IsLeaf(e))
        inputs.insert(e.Cast<BoundColumnRefExpression>().binding.table_index);
    ExpressionIterator::EnumerateChildren(e, [&](const Expression &child) { AddInputs(child, inputs); });
}

void ShiftExpression(Expression &e, idx_t by)
{
    if (IsLeaf(e))
        e.Cast<BoundColumnRefExpression>().binding.table_index += by;
    ExpressionIterator::EnumerateChildren(e, [&](Expression &child) { ShiftExpression(child, by); });
}

void Shift(Relation &relation, idx_t by)
{
    for (auto &input : relation.inputs)
        for (auto &condition : input.conditions)
            ShiftExpression(*condition, by);
    for (auto &filter : relation.filters)
        ShiftExpression(*filter, by);
    for (auto &column : relation.columns)
        ShiftExpression(*column.second, by);
}

void AppendAll(vector<unique_ptr<Expression>> &to, vector<unique_ptr<Expression>> &from)
{
    for (auto &e : from)
        to.push_back(std::move(e));
    from.clear();
}

/* References into the dataset become columns of an input. */
void MakeLeaves(unique_ptr<Expression> &e, const Dataset &dataset, idx_t input)
{
    if (e->GetExpressionClass() == ExpressionClass::BOUND_REF) {
        e = Leaf(dataset, input, e->Cast<BoundReferenceExpression>().index);
        return;
    }
    ExpressionIterator::EnumerateChildren(*e, [&](unique_ptr<Expression> &child) { MakeLeaves(child, dataset, input); });
}

bool AreLeaves(const Relation &relation)
{
    for (auto &column : relation.columns)
        if (!IsLeaf(*column.second))
            return false;
    return true;
}

bool IsColumn(const Expression &e, idx_t input, idx_t column)
{
    return IsLeaf(e) && e.Cast<BoundColumnRefExpression>().binding == ColumnBinding(input, column);
}

/* Is there a unique key, and does `holds` say so of one of the expressions for each of its columns? */
template <class HOLDS> bool CoverKey(const vector<unique_ptr<Expression>> &expressions, const Dataset &dataset, HOLDS holds)
{
    bool found = false;
    for (idx_t i = 0; i < dataset.described->column_count; i++) {
        if (dataset.described->columns[i].key_position == 0)
            continue;
        found = std::any_of(expressions.begin(), expressions.end(), [&](const unique_ptr<Expression> &e) { return holds(*e, i); });
        if (!found)
            return false;
    }
    return found && dataset.described->key_unique;
}

/* Do the conditions of an equal join fix the key of one input?  Then each row of the others meets at most one of it. */
bool FixKey(const vector<unique_ptr<Expression>> &conditions, const Dataset &dataset, idx_t input)
{
    return CoverKey(conditions, dataset, [&](const Expression &e, idx_t column) {
        if (e.GetExpressionType() != ExpressionType::COMPARE_EQUAL)
            return false;
        auto &pair = e.Cast<BoundComparisonExpression>();
        return (IsColumn(*pair.left, input, column) && LastInput(*pair.right) != input) ||
               (IsColumn(*pair.right, input, column) && LastInput(*pair.left) != input);
    });
}

double Estimate(const LogicalOperator &op)
{
    return op.has_estimated_cardinality ? static_cast<double>(op.estimated_cardinality) : -1;
}

bool KindOf(JoinType type, enum tl_join_kind *ret_kind, bool *ret_swapped)
{
    *ret_swapped = type == JoinType::RIGHT || type == JoinType::RIGHT_SEMI || type == JoinType::RIGHT_ANTI;
    switch (type) {
    case JoinType::INNER:
        *ret_kind = TL_JOIN_INNER;
        return true;
    case JoinType::LEFT:
    case JoinType::RIGHT:
        *ret_kind = TL_JOIN_LEFT;
        return true;
    case JoinType::SEMI:
    case JoinType::RIGHT_SEMI:
        *ret_kind = TL_JOIN_SEMI;
        return true;
    case JoinType::ANTI:
    case JoinType::RIGHT_ANTI:
        *ret_kind = TL_JOIN_ANTI;
        return true;
    default:
        return false;
    }
}

} // namespace

bool IsScan(const LogicalOperator &op)
{
    return op.type == LogicalOperatorType::LOGICAL_GET && BindOf(op.Cast<LogicalGet>());
}

bool Collector::Decline(const std::string &why)
{
    if (reason.empty())
        reason = why;
    return false;
}

/* Columns of the plan become what they mean. */
bool Collector::Inline(unique_ptr<Expression> &e, const Relation &relation)
{
    if (++nodes > TL_EXPR_NODES_MAX)
        return Decline("too large");
    if (IsLeaf(*e)) {
        auto found = relation.columns.find(e->Cast<BoundColumnRefExpression>().binding);
        if (found == relation.columns.end())
            return Decline("a column that sources do not have");
        nodes += CountNodes(*found->second);
        e = found->second->Copy();
        return true;
    }
    bool done = true;
    ExpressionIterator::EnumerateChildren(*e, [&](unique_ptr<Expression> &child) { done = done && Inline(child, relation); });
    return done;
}

unique_ptr<Expression> Collector::Column(const Relation &relation, const ColumnBinding &binding, const LogicalType &type)
{
    unique_ptr<Expression> e = make_uniq<BoundColumnRefExpression>(type, binding);
    return Inline(e, relation) ? std::move(e) : nullptr;
}

void Collector::Begin(const shared_ptr<Dataset> &dataset, const LogicalGet *scan, double rows, Relation &out)
{
    RelationInput input;
    input.dataset = dataset;
    input.rows = out.rows = rows;
    out.inputs.push_back(std::move(input));
    out.scan = scan;
    out.known = dataset->rows >= 0;
}

bool Collector::TakeScanFilters(const LogicalGet &get, Relation &out)
{
    auto &bind = *BindOf(get);
    auto &dataset = *bind.dataset;
    for (auto &filter : bind.pushed)
        out.filters.push_back(filter->Copy());
    for (auto &filter : get.table_filters.filters) { /* by column of the dataset */
        if (!IsReadable(dataset, filter.first))
            return Decline("filters by something that cannot be read");
        std::vector<FilterPart> parts;
        AddParts(*filter.second, BoundReferenceExpression(dataset.labels[filter.first], dataset.types[filter.first], filter.first), false,
                 parts);
        for (auto &part : parts)
            if (!part.optional)
                out.filters.push_back(std::move(part.filter));
    }
    for (auto &filter : out.filters)
        MakeLeaves(filter, dataset, 0);
    return true;
}

bool Collector::TakeScan(LogicalGet &get, Relation &out)
{
    auto bind = BindOf(get);
    if (!bind)
        return Decline("it reads from elsewhere too");
    if (bind->limit >= 0 || get.extra_info.sample_options)
        return Decline("it reads some of the rows only");
    auto &dataset = bind->dataset;
    double rows = dataset->rows < 0 || Estimate(get) < 0 ? dataset->rows : Estimate(get);
    Begin(dataset, &get, rows, out);
    if (!TakeScanFilters(get, out))
        return false;
    auto &ids = get.GetColumnIds();
    for (idx_t i = 0; i < ids.size(); i++)
        if (!ids[i].HasChildren() && IsReadable(*dataset, ids[i].GetPrimaryIndex()))
            out.columns[ColumnBinding(get.table_index, i)] = Leaf(*dataset, 0, ids[i].GetPrimaryIndex());
    get.ResolveOperatorTypes();
    out.bytes = (out.rows < 0 ? 0 : out.rows) * WidthOf(get.types);
    return true;
}

bool Collector::TakeProjection(LogicalOperator &op, Relation &out)
{
    auto &projection = op.Cast<LogicalProjection>();
    column_binding_map_t<unique_ptr<Expression>> columns;
    if (!Collect(*op.children[0], out))
        return false;
    for (idx_t i = 0; i < projection.expressions.size(); i++) {
        auto e = projection.expressions[i]->Copy();
        if (e->IsVolatile())
            return Decline("changes from call to call");
        if (!Inline(e, out))
            return false;
        columns[ColumnBinding(projection.table_index, i)] = std::move(e);
    }
    out.columns = std::move(columns);
    return true;
}

bool Collector::TakeFilter(LogicalOperator &op, Relation &out)
{
    if (!Collect(*op.children[0], out))
        return false;
    for (auto &expression : op.expressions) {
        auto e = expression->Copy();
        if (!Inline(e, out))
            return false;
        out.filters.push_back(std::move(e));
    }
    if (Estimate(op) >= 0 && out.rows >= 0)
        out.rows = MinValue(out.rows, Estimate(op));
    return true;
}

/* ---- joins ---- */

/* All of the relation as one derived input, with the columns that the plan's operator gives. */
bool Collector::Nest(LogicalOperator &op, Relation &relation)
{
    vector<unique_ptr<Expression>> outputs;
    auto bindings = op.GetColumnBindings();
    op.ResolveOperatorTypes();
    for (idx_t i = 0; i < bindings.size(); i++) {
        outputs.push_back(Column(relation, bindings[i], op.types[i]));
        if (!outputs.back())
            return false;
    }
    auto dataset = Derive(relation, outputs);
    if (!dataset)
        return false;
    Relation nested;
    Begin(dataset, relation.scan, relation.rows, nested);
    nested.known = relation.known;
    nested.bytes = relation.bytes;
    nested.reduces = false;
    for (idx_t i = 0; i < bindings.size(); i++)
        nested.columns[bindings[i]] = Leaf(*dataset, 0, i);
    relation = std::move(nested);
    return true;
}

/* Each condition stands with the last input that it speaks of, or in WHERE where that is not joined by it. */
bool Collector::AddConditions(const LogicalComparisonJoin &join, enum tl_join_kind kind, idx_t first, Relation &out)
{
    for (auto &condition : join.conditions) {
        if (condition.comparison == ExpressionType::COMPARE_NOT_DISTINCT_FROM ||
            condition.comparison == ExpressionType::COMPARE_DISTINCT_FROM)
            return Decline("joins NULLs with NULLs");
        unique_ptr<Expression> e = make_uniq<BoundComparisonExpression>(condition.comparison, condition.left->Copy(), condition.right->Copy());
        if (!Inline(e, out))
            return false;
        idx_t last = kind == TL_JOIN_INNER ? LastInput(*e) : first;
        if (last > 0 && (kind != TL_JOIN_INNER || out.inputs[last].join == TL_JOIN_INNER))
            out.inputs[last].conditions.push_back(std::move(e));
        else
            out.filters.push_back(std::move(e));
    }
    return true;
}

/* `right` comes behind what `out` has. */
bool Collector::Combine(const LogicalComparisonJoin &join, enum tl_join_kind kind, Relation &out, Relation &right)
{
    idx_t first = out.inputs.size();
    if (first + right.inputs.size() > TL_DERIVATION_INPUTS_MAX)
        return Decline("joins too many");
    double left_rows = out.rows, right_rows = right.rows;
    bool single = right.inputs.size() == 1;
    Shift(right, first);
    right.inputs[0].join = kind;
    if (kind == TL_JOIN_INNER)
        AppendAll(out.filters, right.filters);
    else
        AppendAll(right.inputs[0].conditions, right.filters);
    for (auto &input : right.inputs)
        out.inputs.push_back(std::move(input));
    for (auto &column : right.columns)
        out.columns[column.first] = column.second->Copy();
    if (!AddConditions(join, kind, first, out))
        return false;
    bool hidden = kind == TL_JOIN_SEMI || kind == TL_JOIN_ANTI;
    for (auto &column : right.columns)
        if (hidden)
            out.columns.erase(column.first);
    out.known = out.known && right.known;
    out.reduces = out.reduces && hidden;
    out.bytes += right.bytes;
    out.rows = out.known ? Estimate(join) : -1;
    auto &conditions = out.inputs[first].conditions;
    if (left_rows >= 0 && (hidden || (single && FixKey(conditions, *out.inputs[first].dataset, first))))
        out.rows = out.rows < 0 || kind == TL_JOIN_LEFT ? left_rows : MinValue(out.rows, left_rows);
    else if (right_rows >= 0 && out.rows >= 0 && kind == TL_JOIN_INNER && first == 1 && FixKey(conditions, *out.inputs[0].dataset, 0))
        out.rows = MinValue(out.rows, right_rows);
    return true;
}

bool Collector::TakeJoin(LogicalComparisonJoin &join, Relation &out)
{
    enum tl_join_kind kind;
    bool swapped;
    Relation right;
    if (join.predicate || !join.duplicate_eliminated_columns.empty() || !KindOf(join.join_type, &kind, &swapped))
        return Decline("a join of this kind is made here");
    auto &right_op = *join.children[swapped ? 0 : 1];
    if (!Collect(*join.children[swapped ? 1 : 0], out) || !Collect(right_op, right))
        return false;
    if (DatasetOf(*out.scan)->source != DatasetOf(*right.scan)->source)
        return Decline("its sides are in different sources");
    /* what an outer join makes NULL must be plain columns of one input */
    bool fits = kind == TL_JOIN_INNER || (right.inputs.size() == 1 && (kind != TL_JOIN_LEFT || AreLeaves(right)));
    if (!fits && !Nest(right_op, right))
        return false;
    return Combine(join, kind, out, right);
}

/* ---- groups ---- */

/* The expression without the engine's packing, and the packing over what the source will send. */
void Collector::Unpack(unique_ptr<Expression> &group, idx_t index, Grouping &out)
{
    unique_ptr<Expression> packing, *innermost = &packing;
    while (group->GetExpressionClass() == ExpressionClass::BOUND_FUNCTION &&
           StringUtil::StartsWith(group->Cast<BoundFunctionExpression>().function.name, "__internal_compress_")) {
        auto child = std::move(group->Cast<BoundFunctionExpression>().children[0]);
        *innermost = std::move(group);
        innermost = &(*innermost)->Cast<BoundFunctionExpression>().children[0];
        group = std::move(child);
    }
    if (packing)
        *innermost = make_uniq<BoundColumnRefExpression>(group->return_type, ColumnBinding(0, index));
    out.packing.push_back(std::move(packing));
}

bool Grouping::Packs() const
{
    return std::any_of(packing.begin(), packing.end(), [](const unique_ptr<Expression> &e) { return e != nullptr; });
}

unique_ptr<Expression> Grouping::Packed(idx_t i, unique_ptr<Expression> column) const
{
    if (i >= packing.size() || !packing[i])
        return column;
    auto packed = packing[i]->Copy();
    auto at = &packed;
    while (!IsLeaf(**at))
        at = &(*at)->Cast<BoundFunctionExpression>().children[0];
    *at = std::move(column);
    return packed;
}

bool Collector::Group(LogicalOperator &op, const Relation &relation, Grouping &out)
{
    return op.type == LogicalOperatorType::LOGICAL_DISTINCT ? GroupDistinct(op.Cast<LogicalDistinct>(), relation, out)
                                                            : GroupAggregate(op.Cast<LogicalAggregate>(), relation, out);
}

bool Collector::GroupAggregate(const LogicalAggregate &op, const Relation &relation, Grouping &out)
{
    if (op.grouping_sets.size() > 1 || !op.grouping_functions.empty())
        return Decline("several grouping sets");
    if (op.groups.empty() && op.expressions.empty())
        return Decline("nothing is computed");
    for (auto &expression : op.groups) {
        auto e = expression->Copy();
        if (!Inline(e, relation))
            return false;
        Unpack(e, out.groups.size(), out);
        out.groups.push_back(std::move(e));
    }
    for (auto &expression : op.expressions) {
        auto e = expression->Copy();
        if (!Inline(e, relation))
            return false;
        out.aggregates.push_back(std::move(e));
    }
    return true;
}

bool Collector::GroupDistinct(LogicalDistinct &op, const Relation &relation, Grouping &out)
{
    auto bindings = op.GetColumnBindings();
    op.ResolveOperatorTypes();
    if (op.distinct_type != DistinctType::DISTINCT || op.order_by || op.distinct_targets.size() != bindings.size())
        return Decline("DISTINCT ON");
    for (idx_t i = 0; i < bindings.size(); i++) {
        auto e = Column(relation, bindings[i], op.types[i]);
        if (!e)
            return false;
        Unpack(e, i, out);
        out.groups.push_back(std::move(e));
    }
    return true;
}

/* A group or DISTINCT below something else: an input that is derived itself. */
bool Collector::TakeGroups(LogicalOperator &op, Relation &out)
{
    Relation below;
    Grouping grouping;
    if (!Collect(*op.children[0], below))
        return false;
    auto dataset = Group(op, below, grouping) ? Derive(below, grouping) : nullptr;
    if (!dataset)
        return false;
    Begin(dataset, below.scan, dataset->rows, out);
    auto bindings = op.GetColumnBindings();
    for (idx_t i = 0; i < bindings.size(); i++)
        out.columns[bindings[i]] = grouping.Packed(i, Leaf(*dataset, 0, i));
    out.bytes = below.bytes;
    out.reduces = false;
    return true;
}

double Collector::GroupRows(const Relation &relation, const Grouping &grouping)
{
    if (grouping.groups.empty())
        return 1;
    std::set<idx_t> named;
    double rows = 1;
    for (auto &group : grouping.groups)
        AddInputs(*group, named);
    for (auto input : named)
        rows = rows < 0 || relation.inputs[input].rows < 0 ? -1 : rows * relation.inputs[input].rows;
    if (rows < 0)
        return relation.rows;
    return relation.rows < 0 ? rows : MinValue(rows, relation.rows);
}

bool Collector::GroupsByKey(const Relation &relation, const Grouping &grouping)
{
    return relation.inputs.size() == 1 && CoverKey(grouping.groups, *relation.inputs[0].dataset, [](const Expression &e, idx_t column) {
               return IsColumn(e, 0, column);
           });
}

bool Collector::Collect(LogicalOperator &op, Relation &out)
{
    if (depth >= DEPTH_MAX)
        return Decline("too large");
    depth++;
    bool done = CollectInner(op, out);
    depth--;
    return done;
}

bool Collector::CollectInner(LogicalOperator &op, Relation &out)
{
    switch (op.type) {
    case LogicalOperatorType::LOGICAL_GET:
        return TakeScan(op.Cast<LogicalGet>(), out);
    case LogicalOperatorType::LOGICAL_PROJECTION:
        return TakeProjection(op, out);
    case LogicalOperatorType::LOGICAL_FILTER:
        return TakeFilter(op, out);
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
        return TakeJoin(op.Cast<LogicalComparisonJoin>(), out);
    case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY:
    case LogicalOperatorType::LOGICAL_DISTINCT:
        return TakeGroups(op, out);
    default:
        return Decline("its input is made here");
    }
}

} // namespace tl

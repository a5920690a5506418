/* After the engine's own optimizers: groups, DISTINCT and joins over scans of one source become one scan of what the source
 * computes, where it takes that and fewer bytes come; then limits; then the report of the plan. */
#include "duckdb/execution/operator/join/join_filter_pushdown.hpp"
#include "duckdb/optimizer/column_binding_replacer.hpp"
#include "duckdb/optimizer/join_filter_pushdown_optimizer.hpp"
#include "duckdb/optimizer/optimizer.hpp"
#include "duckdb/optimizer/optimizer_extension.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/operator/logical_filter.hpp"
#include "duckdb/planner/operator/logical_projection.hpp"

#include "engines/duckdb/scan_barrier_int.hpp"
#include "engines/duckdb/scan_relation_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

/* The first of our scans in a part of the plan. */
LogicalGet *ScanBelow(LogicalOperator &op)
{
    if (IsScan(op))
        return &op.Cast<LogicalGet>();
    for (auto &child : op.children)
        if (auto found = ScanBelow(*child))
            return found;
    return nullptr;
}

string Listed(const vector<unique_ptr<Expression>> &expressions)
{
    string text;
    for (auto &e : expressions)
        text += (text.empty() ? "" : ", ") + e->GetName();
    return text;
}

string TextOf(const LogicalOperator &op)
{
    switch (op.type) {
    case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY: {
        auto groups = Listed(op.Cast<LogicalAggregate>().groups);
        return Listed(op.expressions) + (groups.empty() ? "" : " BY " + groups);
    }
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN: {
        auto &join = op.Cast<LogicalComparisonJoin>();
        string text;
        for (auto &condition : join.conditions)
            text += (text.empty() ? "" : " AND ") + condition.left->GetName() + " " + ExpressionTypeToOperator(condition.comparison) + " " +
                    condition.right->GetName();
        return EnumUtil::ToString(join.join_type) + " " + text;
    }
    default:
        return op.GetName();
    }
}

class Pusher {
public:
    Pusher(OptimizerExtensionInput &input_p, unique_ptr<LogicalOperator> &root_p) : input(input_p), root(root_p)
    {
    }

    void Push()
    {
        bool pushes = ConnectionState::Of(input.context)->Pushes();
        root->ResolveOperatorTypes();
        if (pushes) {
            SimplifyJoins(*root);
            PassBarriers(input.context, root);
            Visit(root);
            RenewJoinFilters();
            Limits(*root);
        } else {
            NoteAll(*root);
        }
        for (auto &note : notes)
            if (auto scan = ScanBelow(*note.op))
                BindOf(*scan)->declined.push_back({note.kind, note.what, note.reason});
        Report(*root);
    }

private:
    struct Noted {
        LogicalOperator *op;
        const char *kind;
        string what, reason;
    };

    OptimizerExtensionInput &input;
    unique_ptr<LogicalOperator> &root;
    std::vector<Noted> notes;

    void Note(LogicalOperator &op, const char *kind, const string &reason)
    {
        if (notes.size() < FILTERS_MAX)
            notes.push_back({&op, kind, TextOf(op), reason});
    }

    static const char *KindOf(const LogicalOperator &op)
    {
        switch (op.type) {
        case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY:
        case LogicalOperatorType::LOGICAL_DISTINCT:
            return "aggregate";
        case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
            return "join";
        case LogicalOperatorType::LOGICAL_LIMIT:
        case LogicalOperatorType::LOGICAL_TOP_N:
            return "limit";
        default:
            return nullptr;
        }
    }

    void NoteAll(LogicalOperator &op)
    {
        if (KindOf(op) && ScanBelow(op))
            Note(op, KindOf(op), ConnectionState::Of(input.context)->NotPushing());
        for (auto &child : op.children)
            NoteAll(*child);
    }

    /* From above: the largest part that a source takes. */
    void Visit(unique_ptr<LogicalOperator> &op)
    {
        if (!ScanBelow(*op))
            return;
        bool done = false;
        if (op->type == LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY || op->type == LogicalOperatorType::LOGICAL_DISTINCT)
            done = TryGroup(op);
        else if (op->type == LogicalOperatorType::LOGICAL_COMPARISON_JOIN)
            done = TryJoin(op);
        if (done)
            return;
        for (auto &child : op->children)
            Visit(child);
        if (op->type == LogicalOperatorType::LOGICAL_FILTER)
            TakeFilter(op);
    }

    bool Decline(LogicalOperator &op, const string &reason)
    {
        Note(op, KindOf(op), reason);
        return false;
    }

    /* HAVING, and what else was left over a scan that is made here. */
    void TakeFilter(unique_ptr<LogicalOperator> &op)
    {
        auto &filter = op->Cast<LogicalFilter>();
        if (!IsScan(*filter.children[0]))
            return;
        TakeFilters(input.context, filter.children[0]->Cast<LogicalGet>(), filter.expressions);
        /* with a projection map it stays, without a filter: it chooses columns */
        if (filter.expressions.empty() && filter.projection_map.empty()) {
            auto child = std::move(filter.children[0]);
            op = std::move(child);
        }
    }

    /* ---- cost ---- */

    static string Bytes(double bytes)
    {
        return StringUtil::BytesToHumanReadableString(static_cast<idx_t>(bytes));
    }

    static string WhyMoreBytes(const Relation &relation, double rows, double width)
    {
        if (!relation.known || rows < 0)
            return "it is not known whether fewer bytes would come";
        if (rows * width > relation.bytes)
            return "more bytes would come: about " + Bytes(rows * width) + " instead of " + Bytes(relation.bytes);
        return "";
    }

    static string WhyNotGroup(const Relation &relation, const Grouping &grouping, double width)
    {
        if (grouping.groups.empty())
            return "";
        if (Collector::GroupsByKey(relation, grouping))
            return "each row would be a group of its own";
        return relation.inputs.size() == 1 ? "" : WhyMoreBytes(relation, Collector::GroupRows(relation, grouping), width);
    }

    static string WhyNotJoin(const Relation &relation, double width)
    {
        return relation.reduces ? "" : WhyMoreBytes(relation, relation.rows, width);
    }

    /* ---- the plan's operator becomes a scan ---- */

    unique_ptr<LogicalGet> MakeScan(const shared_ptr<Dataset> &made, const LogicalGet &like, double rows)
    {
        auto bind = make_uniq<ScanBind>();
        bind->dataset = made;
        auto get = make_uniq<LogicalGet>(input.optimizer.binder.GenerateTableIndex(), like.function, std::move(bind), made->types,
                                         made->labels, like.virtual_columns);
        for (idx_t i = 0; i < made->types.size(); i++) {
            get->AddColumnId(i);
            get->projection_ids.push_back(i);
        }
        get->parameters = like.parameters;
        get->SetEstimatedCardinality(static_cast<idx_t>(rows < 0 ? 1000 : MaxValue(rows, 1.0)));
        get->ResolveOperatorTypes();
        return get;
    }

    /* What the plan above still wants packed. */
    unique_ptr<LogicalOperator> Pack(unique_ptr<LogicalGet> get, const Grouping &grouping)
    {
        vector<unique_ptr<Expression>> expressions;
        for (idx_t i = 0; i < get->returned_types.size(); i++) {
            auto column = make_uniq<BoundColumnRefExpression>(get->returned_types[i], ColumnBinding(get->table_index, i));
            expressions.push_back(grouping.Packed(i, std::move(column)));
        }
        auto projection = make_uniq<LogicalProjection>(input.optimizer.binder.GenerateTableIndex(), std::move(expressions));
        projection->SetEstimatedCardinality(get->estimated_cardinality);
        projection->children.push_back(std::move(get));
        projection->ResolveOperatorTypes();
        return std::move(projection);
    }

    void Replace(unique_ptr<LogicalOperator> &op, unique_ptr<LogicalOperator> made)
    {
        auto before = op->GetColumnBindings(), after = made->GetColumnBindings();
        ColumnBindingReplacer replacer;
        for (idx_t i = 0; i < before.size(); i++)
            replacer.replacement_bindings.emplace_back(before[i], after[i]);
        op = std::move(made);
        replacer.stop_operator = op.get();
        replacer.VisitOperator(*root);
    }

    bool TryGroup(unique_ptr<LogicalOperator> &op)
    {
        Collector collector(input.context);
        Relation relation;
        Grouping grouping;
        if (!collector.Collect(*op->children[0], relation) || !collector.Group(*op, relation, grouping))
            return Decline(*op, collector.reason);
        op->ResolveOperatorTypes();
        auto reason = WhyNotGroup(relation, grouping, WidthOf(op->types));
        auto made = reason.empty() ? collector.Derive(relation, grouping) : nullptr;
        if (!made)
            return Decline(*op, reason.empty() ? collector.reason : reason);
        double rows = op->has_estimated_cardinality ? static_cast<double>(op->estimated_cardinality) : made->rows;
        if (made->rows >= 0)
            rows = MinValue(rows, made->rows);
        auto get = MakeScan(made, *relation.scan, rows);
        Replace(op, grouping.Packs() ? Pack(std::move(get), grouping) : unique_ptr<LogicalOperator>(std::move(get)));
        return true;
    }

    bool TryJoin(unique_ptr<LogicalOperator> &op)
    {
        Collector collector(input.context);
        Relation relation;
        if (!collector.Collect(*op, relation))
            return Decline(*op, collector.reason);
        auto bindings = op->GetColumnBindings();
        op->ResolveOperatorTypes();
        auto reason = WhyNotJoin(relation, WidthOf(op->types));
        if (!reason.empty())
            return Decline(*op, reason);
        vector<unique_ptr<Expression>> outputs;
        for (idx_t i = 0; i < bindings.size(); i++) {
            outputs.push_back(collector.Column(relation, bindings[i], op->types[i]));
            if (!outputs.back())
                return Decline(*op, collector.reason);
        }
        auto made = collector.Derive(relation, outputs);
        if (!made)
            return Decline(*op, collector.reason);
        Replace(op, MakeScan(made, *relation.scan, made->rows));
        return true;
    }

    /* ---- afterwards ---- */

    static void ForgetJoinFilters(LogicalOperator &op)
    {
        if (op.type == LogicalOperatorType::LOGICAL_COMPARISON_JOIN)
            op.Cast<LogicalComparisonJoin>().filter_pushdown.reset();
        if (op.type == LogicalOperatorType::LOGICAL_GET)
            op.Cast<LogicalGet>().dynamic_filters.reset();
        for (auto &child : op.children)
            ForgetJoinFilters(*child);
    }

    /* Joins that are left send the keys of their smaller side to scans, also to those just made. */
    void RenewJoinFilters()
    {
        if (Optimizer::OptimizerDisabled(input.context, OptimizerType::JOIN_FILTER_PUSHDOWN))
            return;
        ForgetJoinFilters(*root);
        JoinFilterPushdownOptimizer(input.optimizer).VisitOperator(*root);
    }

    void Limits(LogicalOperator &op)
    {
        for (auto &child : op.children)
            Limits(*child);
        if (op.type != LogicalOperatorType::LOGICAL_LIMIT && op.type != LogicalOperatorType::LOGICAL_TOP_N)
            return;
        auto reason = TellLimit(op);
        if (!reason.empty() && ScanBelow(op))
            Note(op, "limit", reason);
    }

    void Report(LogicalOperator &op)
    {
        for (auto &child : op.children)
            Report(*child);
        if (!IsScan(op))
            return;
        auto &get = op.Cast<LogicalGet>();
        auto &bind = *BindOf(get);
        auto report = make_shared_ptr<ScanReport>();
        bool known = bind.dataset->rows >= 0 && get.has_estimated_cardinality;
        get.ResolveOperatorTypes();
        bind.estimated_rows = known ? static_cast<double>(get.estimated_cardinality) : -1;
        if (known && bind.limit >= 0)
            bind.estimated_rows = MinValue(bind.estimated_rows, static_cast<double>(bind.limit));
        bind.estimated_bytes = known ? bind.estimated_rows * WidthOf(get.types) : -1;
        DescribeScan(bind, *report);
        DescribeLimit(bind, DescribeFilters(input.context, get, *report), *report);
        bind.report = ConnectionState::Of(input.context)->AddPlanned(report);
    }
};

void Optimize(OptimizerExtensionInput &input, unique_ptr<LogicalOperator> &plan)
{
    auto state = ConnectionState::Of(input.context);
    state->ForgetPlanned();
    if (ScanBelow(*plan))
        Pusher(input, plan).Push();
    else if (state->Pushes())
        PassBarriers(input.context, plan);
}

void BeforeOptimizing(OptimizerExtensionInput &input, unique_ptr<LogicalOperator> &plan)
{
    if (!ConnectionState::Of(input.context)->AllowsEverything())
        HideBoundsBelowBarriers(*plan, false);
}

} // namespace

void InstallPush(DatabaseInstance &instance)
{
    HideBoundsInCopies(instance);
    OptimizerExtension extension;
    extension.pre_optimize_function = BeforeOptimizing;
    extension.optimize_function = Optimize;
    OptimizerExtension::Register(DBConfig::GetConfig(instance), std::move(extension));
}

} // namespace tl

/* Which filters go to the source.  Two doors: the planner offers whole expressions (PushFilters), and at the start of a scan there
 * are filters on single columns, some of them made by joins at run time (SplitFilters). */
#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/filter/conjunction_filter.hpp"
#include "duckdb/planner/filter/dynamic_filter.hpp"
#include "duckdb/planner/filter/optional_filter.hpp"

#include "engines/duckdb/scan_expr_int.hpp"
#include "engines/duckdb/scan_int.hpp"

using namespace duckdb;

namespace tl {
bool IsReadable(const Dataset &dataset, idx_t column)
{
    return column < dataset.described->column_count && !dataset.described->columns[column].unsupported;
}

int ColumnOfPlan(const LogicalGet &get, const Expression &e)
{
    if (e.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF)
        return -1;
    auto &binding = e.Cast<BoundColumnRefExpression>().binding;
    auto &ids = get.GetColumnIds();
    if (binding.table_index != get.table_index || binding.column_index >= ids.size() || ids[binding.column_index].HasChildren())
        return -1;
    auto column = ids[binding.column_index].GetPrimaryIndex();
    return IsReadable(*DatasetOf(get), column) ? static_cast<int>(column) : -1;
}

std::string FilterText(const Expression &filter)
{
    enum { LISTED_MAX = 20 };
    if (filter.GetExpressionType() != ExpressionType::COMPARE_IN)
        return filter.ToString();
    auto &children = filter.Cast<BoundOperatorExpression>().children;
    if (children.size() <= LISTED_MAX + 1)
        return filter.ToString();
    return children[0]->ToString() + " IN (" + std::to_string(children.size() - 1) + " values)";
}

void AddParts(const TableFilter &filter, const Expression &column, bool optional, std::vector<FilterPart> &parts)
{
    switch (filter.filter_type) {
    case TableFilterType::CONJUNCTION_AND:
        for (auto &child : filter.Cast<ConjunctionAndFilter>().child_filters)
            AddParts(*child, column, optional, parts);
        return;
    case TableFilterType::OPTIONAL_FILTER: {
        auto &child = static_cast<const OptionalFilter &>(filter).child_filter;
        if (child)
            AddParts(*child, column, true, parts);
        return;
    }
    case TableFilterType::DYNAMIC_FILTER: /* a bound that improves while rows come; what it is now holds for good */
        optional = true;
        break;
    default:
        break;
    }
    parts.push_back({filter.ToExpression(column), optional});
}

/* References into the plan become references into the dataset: the plan's numbers change, these do not. */
void PointAtDataset(unique_ptr<Expression> &e, const LogicalGet &get)
{
    if (e->GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF) {
        auto column = static_cast<idx_t>(ColumnOfPlan(get, *e));
        e = make_uniq<BoundReferenceExpression>(DatasetOf(get)->labels[column], e->return_type, column);
        return;
    }
    ExpressionIterator::EnumerateChildren(*e, [&](unique_ptr<Expression> &child) { PointAtDataset(child, get); });
}

void NoteDeclined(ScanBind &bind, const Expression &e, const char *reason)
{
    auto text = FilterText(e);
    for (auto &item : bind.declined)
        if (item.what == text)
            return;
    if (bind.declined.size() < FILTERS_MAX)
        bind.declined.push_back({"filter", text, reason});
}

namespace {

/* column op constant: the engine makes table filters of these, joined with others on the same column. */
bool IsPlainComparison(const Expression &e)
{
    if (e.GetExpressionClass() != ExpressionClass::BOUND_COMPARISON)
        return false;
    auto &comparison = e.Cast<BoundComparisonExpression>();
    auto left = comparison.left->GetExpressionClass(), right = comparison.right->GetExpressionClass();
    return (left == ExpressionClass::BOUND_COLUMN_REF && right == ExpressionClass::BOUND_CONSTANT) ||
           (right == ExpressionClass::BOUND_COLUMN_REF && left == ExpressionClass::BOUND_CONSTANT);
}

class Asker {
public:
    Asker(ClientContext &context_p, const Dataset &dataset_p, tl_arena *arena_p)
        : context(context_p), dataset(dataset_p), arena(arena_p), state(ConnectionState::Of(context_p))
    {
    }

    /* Why the last one was not taken; lives as long as the statement. */
    const char *reason = nullptr;

    const struct tl_expr *Ask(const Expression &e, const std::function<int(const Expression &)> &column_of)
    {
        reason = state->NotPushing();
        const struct tl_expr *said = nullptr;
        if (state->Pushes())
            said = Translate(context, e, [&](const Expression &column) { return Place {0, column_of(column)}; }, arena, &reason);
        if (!said)
            return nullptr;
        reason = nullptr;
        if (dataset.driver->can_push(dataset.source, dataset.described, said, &reason))
            return said;
        if (!reason)
            reason = "the source does not mean the same by it";
        return nullptr;
    }

private:
    ClientContext &context;
    const Dataset &dataset;
    tl_arena *arena;
    duckdb::shared_ptr<ConnectionState> state;
};

int IndexOf(const Expression &e)
{
    return static_cast<int>(e.Cast<BoundReferenceExpression>().index);
}

bool IsConstantTrue(const Expression &e)
{
    if (e.GetExpressionClass() != ExpressionClass::BOUND_CONSTANT)
        return false;
    auto &value = e.Cast<BoundConstantExpression>().value;
    return value.type().id() == LogicalTypeId::BOOLEAN && !value.IsNull() && BooleanValue::Get(value);
}

class Splitter {
public:
    Splitter(ClientContext &context, const ScanBind &bind, const TableFunctionInitInput &input_p, tl_arena *arena, ScanReport &report_p)
        : dataset(*bind.dataset), input(input_p), asker(context, *bind.dataset, arena), report(report_p)
    {
    }

    StartFilters out;

    void AddTaken(const Expression &filter)
    {
        auto said = asker.Ask(filter, IndexOf);
        if (!said) /* nobody else applies it any more */
            throw InternalException("the source \"%s\" took a filter and then declined it: %s", dataset.source_name, string(asker.reason));
        out.pushed.push_back(said);
        report.Add("filter", FilterText(filter));
    }

    void AddTableFilter(idx_t position, const TableFilter &filter)
    {
        auto column = input.column_ids[position];
        if (column >= dataset.types.size())
            throw InternalException("a filter on a column that the dataset does not have");
        BoundReferenceExpression reference(dataset.labels[column], dataset.types[column], position);
        std::vector<FilterPart> parts;
        AddParts(filter, reference, false, parts);
        for (auto &part : parts)
            AddPart(part);
    }

private:
    const Dataset &dataset;
    const TableFunctionInitInput &input;
    Asker asker;
    ScanReport &report;

    int ColumnOfPosition(const Expression &e)
    {
        auto column = input.column_ids[e.Cast<BoundReferenceExpression>().index];
        return IsReadable(dataset, column) ? static_cast<int>(column) : -1;
    }

    void AddPart(FilterPart &part)
    {
        if (IsConstantTrue(*part.filter))
            return;
        auto said = asker.Ask(*part.filter, [&](const Expression &e) { return ColumnOfPosition(e); });
        report.Add(part.optional ? "dynamic filter" : "filter", FilterText(*part.filter), said ? "" : asker.reason);
        if (said)
            out.pushed.push_back(said);
        else if (!part.optional)
            out.residual.push_back(std::move(part.filter));
    }
};

void TakeThose(ClientContext &context, LogicalGet &get, ScanBind &bind, vector<unique_ptr<Expression>> &filters,
               bool (*stays)(const Expression &e))
{
    Scratch scratch;
    Asker asker(context, *bind.dataset, scratch.arena);
    for (idx_t i = 0; i < filters.size();) {
        if (stays && stays(*filters[i])) {
            i++;
        } else if (bind.limit < 0 && asker.Ask(*filters[i], [&](const Expression &e) { return ColumnOfPlan(get, e); })) {
            PointAtDataset(filters[i], get);
            bind.pushed.push_back(std::move(filters[i]));
            filters.erase_at(i);
        } else {
            NoteDeclined(bind, *filters[i], bind.limit < 0 ? asker.reason : "follows a limit");
            i++;
        }
    }
}

} // namespace

const struct tl_expr *AskSource(ClientContext &context, const Dataset &dataset, const Expression &e, const std::function<int(const Expression &)> &column_of,
                                tl_arena *arena, const char **ret_reason)
{
    Asker asker(context, dataset, arena);
    auto said = asker.Ask(e, column_of);
    *ret_reason = asker.reason;
    return said;
}

void PushFilters(ClientContext &context, LogicalGet &get, FunctionData *bind, vector<unique_ptr<Expression>> &filters)
{
    TakeThose(context, get, bind->Cast<ScanBind>(), filters, IsPlainComparison);
}

void TakeFilters(ClientContext &context, LogicalGet &get, vector<unique_ptr<Expression>> &filters)
{
    TakeThose(context, get, *BindOf(get), filters, nullptr);
}

StartFilters SplitFilters(ClientContext &context, const ScanBind &bind, const TableFunctionInitInput &input, tl_arena *arena,
                          ScanReport &report)
{
    Splitter splitter(context, bind, input, arena, report);
    for (auto &filter : bind.pushed)
        splitter.AddTaken(*filter);
    if (input.filters)
        for (auto &filter : input.filters->filters)
            splitter.AddTableFilter(filter.first, *filter.second);
    return std::move(splitter.out);
}

bool DescribeFilters(ClientContext &context, const LogicalGet &get, ScanReport &report)
{
    auto &bind = *BindOf(get);
    auto &dataset = *bind.dataset;
    Scratch scratch;
    Asker asker(context, dataset, scratch.arena);
    std::vector<FilterPart> parts;
    bool all = true;
    for (auto &filter : bind.pushed)
        report.Add("filter", FilterText(*filter));
    for (auto &filter : get.table_filters.filters) { /* by column of the dataset */
        if (filter.first >= dataset.types.size())
            continue;
        BoundReferenceExpression column(dataset.labels[filter.first], dataset.types[filter.first], filter.first);
        AddParts(*filter.second, column, false, parts);
    }
    for (auto &part : parts) {
        if (part.optional || IsConstantTrue(*part.filter))
            continue;
        bool said = asker.Ask(*part.filter, IndexOf) != nullptr;
        report.Add("filter", FilterText(*part.filter), said ? "" : asker.reason);
        all = all && said;
    }
    return all;
}

} // namespace tl

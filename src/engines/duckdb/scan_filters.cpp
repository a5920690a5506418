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
namespace {

enum { PLANNING_BYTES_MAX = 64 * 1024 * 1024 };

class Scratch {
public:
    Scratch() : arena(tl_arena_new(PLANNING_BYTES_MAX))
    {
    }
    Scratch(const Scratch &) = delete;
    ~Scratch()
    {
        tl_arena_free(arena);
    }
    tl_arena *const arena;
};

bool IsReadable(const Dataset &dataset, idx_t column)
{
    return column < dataset.described->column_count && !dataset.described->columns[column].unsupported;
}

int ColumnOfPlan(const LogicalGet &get, const Dataset &dataset, const Expression &e)
{
    if (e.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF)
        return -1;
    auto &binding = e.Cast<BoundColumnRefExpression>().binding;
    auto &ids = get.GetColumnIds();
    if (binding.table_index != get.table_index || binding.column_index >= ids.size() || ids[binding.column_index].HasChildren())
        return -1;
    auto column = ids[binding.column_index].GetPrimaryIndex();
    return IsReadable(dataset, column) ? static_cast<int>(column) : -1;
}

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

const struct tl_expr *AskSource(const Dataset &dataset, const Expression &e, const ColumnOf &column_of, tl_arena *arena,
                                const char **ret_reason)
{
    auto said = Translate(e, column_of, arena, ret_reason);
    if (!said)
        return nullptr;
    *ret_reason = nullptr;
    if (dataset.driver->can_push(dataset.source, dataset.described, said, ret_reason))
        return said;
    if (!*ret_reason)
        *ret_reason = "the source does not mean the same by it";
    return nullptr;
}

/* References into the plan become references into the dataset: the plan's numbers change, these do not. */
void PointAtDataset(unique_ptr<Expression> &e, const LogicalGet &get, const Dataset &dataset)
{
    if (e->GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF) {
        auto column = static_cast<idx_t>(ColumnOfPlan(get, dataset, *e));
        e = make_uniq<BoundReferenceExpression>(dataset.described->columns[column].name, e->return_type, column);
        return;
    }
    ExpressionIterator::EnumerateChildren(*e, [&](unique_ptr<Expression> &child) { PointAtDataset(child, get, dataset); });
}

void Note(ScanBind &bind, const Expression &e, const char *reason)
{
    auto text = e.ToString();
    for (auto &item : bind.declined)
        if (item.filter == text)
            return;
    if (bind.declined.size() < FILTERS_MAX)
        bind.declined.push_back({text, reason});
}

/* One part of a table filter that must hold by itself. */
struct Part {
    unique_ptr<Expression> filter;
    bool optional; /* the engine checks it again */
};

void AddParts(const TableFilter &filter, const Expression &column, bool optional, std::vector<Part> &parts)
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

bool IsConstantTrue(const Expression &e)
{
    if (e.GetExpressionClass() != ExpressionClass::BOUND_CONSTANT)
        return false;
    auto &value = e.Cast<BoundConstantExpression>().value;
    return value.type().id() == LogicalTypeId::BOOLEAN && !value.IsNull() && BooleanValue::Get(value);
}

class Splitter {
public:
    Splitter(const ScanBind &bind, const TableFunctionInitInput &input_p, const ConnectionState &state_p, tl_arena *arena_p, ScanReport &report_p)
        : dataset(*bind.dataset), input(input_p), state(state_p), arena(arena_p), report(report_p)
    {
    }

    StartFilters out;

    void AddTaken(const Expression &filter)
    {
        const char *reason;
        auto said = AskSource(dataset, filter, [](const Expression &e) { return static_cast<int>(e.Cast<BoundReferenceExpression>().index); },
                              arena, &reason);
        if (!said) /* nobody else applies it any more */
            throw InternalException("the source \"%s\" took a filter and then declined it: %s", dataset.source_name, string(reason));
        AddPushed(said, filter);
    }

    void AddTableFilter(idx_t position, const TableFilter &filter)
    {
        auto column = input.column_ids[position];
        if (column >= dataset.types.size())
            throw InternalException("a filter on a column that the dataset does not have");
        BoundReferenceExpression reference(dataset.described->columns[column].name, dataset.types[column], position);
        std::vector<Part> parts;
        AddParts(filter, reference, false, parts);
        for (auto &part : parts)
            AddPart(part);
    }

private:
    const Dataset &dataset;
    const TableFunctionInitInput &input;
    const ConnectionState &state;
    tl_arena *arena;
    ScanReport &report;

    void AddPushed(const struct tl_expr *said, const Expression &filter)
    {
        out.pushed.push_back(said);
        report.AddPushed(filter.ToString());
    }

    int ColumnOfPosition(const Expression &e)
    {
        auto column = input.column_ids[e.Cast<BoundReferenceExpression>().index];
        return IsReadable(dataset, column) ? static_cast<int>(column) : -1;
    }

    void AddPart(Part &part)
    {
        if (IsConstantTrue(*part.filter))
            return;
        const char *reason = state.NotPushing();
        auto said = state.Pushes() ? AskSource(dataset, *part.filter, [&](const Expression &e) { return ColumnOfPosition(e); }, arena, &reason)
                                   : nullptr;
        if (said)
            return AddPushed(said, *part.filter);
        report.AddNotPushed(part.filter->ToString(), reason);
        if (!part.optional)
            out.residual.push_back(std::move(part.filter));
    }
};

} // namespace

void PushFilters(ClientContext &context, LogicalGet &get, FunctionData *bind_p, vector<unique_ptr<Expression>> &filters)
{
    auto &bind = bind_p->Cast<ScanBind>();
    auto &dataset = *bind.dataset;
    auto state = ConnectionState::Of(context);
    bool pushes = state->Pushes() && bind.limit < 0;
    auto column_of = [&](const Expression &e) { return ColumnOfPlan(get, dataset, e); };
    for (idx_t i = 0; i < filters.size();) {
        Scratch scratch;
        const char *reason = state->NotPushing();
        if (IsPlainComparison(*filters[i])) {
            i++;
        } else if (pushes && AskSource(dataset, *filters[i], column_of, scratch.arena, &reason)) {
            PointAtDataset(filters[i], get, dataset);
            bind.pushed.push_back(std::move(filters[i]));
            filters.erase_at(i);
        } else {
            Note(bind, *filters[i], reason);
            i++;
        }
    }
}

StartFilters SplitFilters(const ScanBind &bind, const TableFunctionInitInput &input, const ConnectionState &state, tl_arena *arena,
                          ScanReport &report)
{
    Splitter splitter(bind, input, state, arena, report);
    for (auto &filter : bind.pushed)
        splitter.AddTaken(*filter);
    for (auto &item : bind.declined)
        report.AddNotPushed(item.filter, item.reason.c_str());
    if (input.filters)
        for (auto &filter : input.filters->filters)
            splitter.AddTableFilter(filter.first, *filter.second);
    return std::move(splitter.out);
}

} // namespace tl

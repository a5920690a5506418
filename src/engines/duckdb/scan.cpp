/* Running tl_scan: what is fetched, by how many threads, what is filtered here. */
#include "duckdb/common/exception.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/parallel/task_scheduler.hpp"
#include "duckdb/planner/expression/bound_conjunction_expression.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"
#include "duckdb/planner/expression_iterator.hpp"

#include "engines/duckdb/guard_int.hpp"
#include "engines/duckdb/scan_core_int.hpp"
#include "engines/duckdb/scan_vector_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

const struct tl_type boolean_type = {TL_TYPE_BOOLEAN, 0, 0, 0, nullptr, nullptr};

struct ScanGlobal : public GlobalTableFunctionState {
    duckdb::shared_ptr<ScanCore> core;
    vector<LogicalType> fetched_types;
    std::vector<const struct tl_type *> fetched_own_types;
    std::vector<idx_t> output;       /* of the engine: position in what is fetched */
    unique_ptr<Expression> residual; /* over what is fetched; NULL: nothing is left to filter */

    idx_t MaxThreads() const override
    {
        return static_cast<idx_t>(core->parts_at_once);
    }
};

struct ScanThread : public LocalTableFunctionState {
    duckdb::shared_ptr<ScanCore> core;
    tl_arena *const arena = tl_arena_new(SCAN_BYTES_MAX);
    tl_scan_part *part = nullptr;
    DataChunk fetched;
    unique_ptr<ChunkFrame> frame;
    unique_ptr<ExpressionExecutor> residual;
    SelectionVector selected {STANDARD_VECTOR_SIZE};

    ~ScanThread() override
    {
        if (part)
            core->ClosePart(part);
        tl_arena_free(arena);
    }
};

/* Which of the engine's column_ids are fetched, and where each of them then is. */
class Layout {
public:
    Layout(const Dataset &dataset_p, const TableFunctionInitInput &input_p, ScanGlobal &global_p, ScanReport &report_p)
        : dataset(dataset_p), input(input_p), global(global_p), report(report_p), place(input_p.column_ids.size(), DConstants::INVALID_INDEX)
    {
    }

    std::vector<int> columns; /* for the driver */

    void AddOutputs()
    {
        bool all = input.projection_ids.empty();
        idx_t count = all ? input.column_ids.size() : input.projection_ids.size();
        for (idx_t i = 0; i < count; i++)
            global.output.push_back(Fetch(all ? i : input.projection_ids[i]));
        if (columns.empty())
            FetchNothing();
    }

    /* References to positions in column_ids become references to what is fetched. */
    void AddResidual(Expression &e)
    {
        if (e.GetExpressionClass() == ExpressionClass::BOUND_REF) {
            auto &index = e.Cast<BoundReferenceExpression>().index;
            index = Fetch(index);
        }
        ExpressionIterator::EnumerateChildren(e, [&](unique_ptr<Expression> &child) { AddResidual(*child); });
    }

private:
    const Dataset &dataset;
    const TableFunctionInitInput &input;
    ScanGlobal &global;
    ScanReport &report;
    std::vector<idx_t> place; /* of a position in column_ids */

    idx_t Add(int column, const LogicalType &type, const struct tl_type *own_type)
    {
        columns.push_back(column);
        global.fetched_types.push_back(type);
        global.fetched_own_types.push_back(own_type);
        return columns.size() - 1;
    }

    idx_t FetchNothing()
    {
        return Add(-1, LogicalType::BOOLEAN, &boolean_type);
    }

    idx_t Fetch(idx_t position)
    {
        if (place[position] != DConstants::INVALID_INDEX)
            return place[position];
        auto column = input.column_ids[position];
        if (column >= dataset.types.size())
            return place[position] = FetchNothing();
        auto &described = dataset.described->columns[column];
        if (described.unsupported) {
            throw NotImplementedException("column \"%s\" of \"%s\" has the type \"%s\", which cannot be read", string(described.name),
                                          string(dataset.described->name), string(described.source_type ? described.source_type : "?"));
        }
        report.columns.push_back(dataset.labels[column]);
        return place[position] = Add(static_cast<int>(column), dataset.types[column], &described.type);
    }
};

unique_ptr<Expression> AllOf(vector<unique_ptr<Expression>> &filters)
{
    if (filters.size() <= 1)
        return filters.empty() ? nullptr : std::move(filters[0]);
    auto all = make_uniq<BoundConjunctionExpression>(ExpressionType::CONJUNCTION_AND);
    all->children = std::move(filters);
    return std::move(all);
}

template <class T> const T *ToArena(tl_arena *arena, const std::vector<T> &items)
{
    auto copy = TL_NEW_ARRAY(arena, T, items.size());
    std::copy(items.begin(), items.end(), copy);
    return copy;
}

void SetLimit(const ScanBind &bind, struct tl_scan_request &request, tl_arena *arena)
{
    request.limit = bind.limit;
    request.order_count = bind.order.size();
    request.order = ToArena(arena, bind.order);
}

int ThreadsMax(ClientContext &context, const ConnectionState &state)
{
    int threads = static_cast<int>(TaskScheduler::GetScheduler(context).NumberOfThreads());
    return state.ThreadsMax() > 0 && state.ThreadsMax() < threads ? state.ThreadsMax() : threads;
}

/* The rows of `fetched` that pass; false: none. */
bool Filter(ScanThread &thread)
{
    if (!thread.residual)
        return true;
    idx_t rows = thread.fetched.size();
    idx_t passed = thread.residual->SelectExpression(thread.fetched, thread.selected);
    if (passed > 0 && passed < rows)
        thread.fetched.Slice(thread.selected, passed);
    return passed > 0;
}

/* Fill `fetched`; false: no rows are left anywhere. */
bool FetchRows(ClientContext &context, ScanThread &thread)
{
    for (;;) {
        if (context.IsInterrupted())
            throw InterruptException();
        if (!thread.part)
            thread.part = thread.core->OpenPart(context);
        if (!thread.part)
            return false;
        auto &chunk = thread.frame->Begin();
        if (thread.core->Next(context, thread.part, chunk)) {
            thread.frame->End();
            if (Filter(thread))
                return true;
        } else {
            auto ended = thread.part;
            thread.part = nullptr;
            thread.core->ClosePart(ended);
        }
    }
}

} // namespace

unique_ptr<GlobalTableFunctionState> StartScan(ClientContext &context, TableFunctionInitInput &input)
{
    auto &bind = input.bind_data->Cast<ScanBind>();
    auto state = ConnectionState::Of(context);
    CheckAllowed(*state, *bind.dataset, context);
    auto report = state->StartReport(bind.report);
    DescribeScan(bind, *report);
    auto global = make_uniq<ScanGlobal>();
    global->core = make_shared_ptr<ScanCore>(bind.dataset, report);
    auto arena = global->core->arena;
    auto &request = global->core->request;

    auto filters = SplitFilters(context, bind, input, arena, *report);
    Layout layout(*bind.dataset, input, *global, *report);
    layout.AddOutputs();
    for (auto &filter : filters.residual)
        layout.AddResidual(*filter);
    global->residual = AllOf(filters.residual);

    request.dataset = bind.dataset->described;
    request.column_count = layout.columns.size();
    request.columns = ToArena(arena, layout.columns);
    request.filter_count = filters.pushed.size();
    request.filters = ToArena(arena, filters.pushed);
    request.limit = -1;
    request.query_id = tl_arena_strdup(arena, state->QueryId().c_str());
    bool limited = bind.limit >= 0 && !global->residual && state->Pushes();
    if (limited)
        SetLimit(bind, request, arena);
    DescribeLimit(bind, limited, *report);
    global->core->Start(context, limited ? 1 : ThreadsMax(context, *state));
    return std::move(global);
}

unique_ptr<LocalTableFunctionState> StartThread(ExecutionContext &context, TableFunctionInitInput &, GlobalTableFunctionState *global_p)
{
    auto &global = global_p->Cast<ScanGlobal>();
    auto thread = make_uniq<ScanThread>();
    thread->core = global.core;
    thread->fetched.Initialize(context.client, global.fetched_types);
    thread->frame = make_uniq<ChunkFrame>(thread->fetched, global.fetched_own_types, thread->arena);
    if (global.residual)
        thread->residual = make_uniq<ExpressionExecutor>(context.client, *global.residual);
    return std::move(thread);
}

double ScanProgress(ClientContext &, const FunctionData *, const GlobalTableFunctionState *global)
{
    return global->Cast<ScanGlobal>().core->Progress();
}

void ReadScan(ClientContext &context, TableFunctionInput &input, DataChunk &output)
{
    auto &global = input.global_state->Cast<ScanGlobal>();
    auto &thread = input.local_state->Cast<ScanThread>();
    if (!FetchRows(context, thread))
        return;
    for (idx_t i = 0; i < output.ColumnCount(); i++)
        output.data[i].Reference(thread.fetched.data[global.output[i]]);
    output.SetCardinality(thread.fetched.size());
}

} // namespace tl

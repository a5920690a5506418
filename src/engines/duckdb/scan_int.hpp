/* engines/duckdb/scan_int.hpp -- the parts of tl_scan(source, schema, name).
 *
 * Bind:      bind data holds the dataset and, after the optimizer, what the source was asked to filter, order and limit.
 * Plan:      scan_push.cpp replaces groups, DISTINCT and joins over scans of one source by one scan of a dataset derived from
 *            theirs (source.h), where the source takes it and fewer bytes come.
 * Start:     table filters (also those that joins made at run time) become struct tl_expr or stay here as `residual`.
 * Contract:  nothing re-checks a filter that was taken: each one is said to the source or applied here.
 */
#ifndef TL_ENGINES_DUCKDB_SCAN_INT_HPP
#define TL_ENGINES_DUCKDB_SCAN_INT_HPP

#include "duckdb/common/vector.hpp"
#include "duckdb/function/function.hpp"
#include "duckdb/function/table_function.hpp"
#include "duckdb/planner/expression.hpp"
#include "duckdb/planner/operator/logical_get.hpp"

#include "engines/duckdb/state_int.hpp"

namespace duckdb {
class DatabaseInstance;
}

namespace tl {

extern const char *const scan_name; /* "tl_scan" */

/* A described or derived dataset, alive as long as a plan needs it. */
struct Dataset {
    const struct tl_hooks_calls calls;
    std::string source_name;
    const struct tl_source_dataset *described = nullptr;
    const struct tl_source_driver *driver = nullptr;
    tl_source *source = nullptr;
    void *handle = nullptr;
    uint64_t number = 0;
    duckdb::vector<duckdb::LogicalType> types;
    duckdb::vector<std::string> labels; /* of the columns, for people */
    double rows = -1;                   /* estimated; -1 = unknown */
    /* of a derived one: */
    tl_arena *arena = nullptr;
    std::vector<duckdb::shared_ptr<Dataset>> inputs;
    std::vector<ReportItem> does;

    explicit Dataset(const struct tl_hooks_calls &calls_p) : calls(calls_p)
    {
    }
    Dataset(const Dataset &) = delete;
    ~Dataset()
    {
        if (handle)
            calls.release(calls.context, handle);
        if (arena)
            tl_arena_free(arena);
    }
};

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

struct ScanBind : public duckdb::TableFunctionData {
    duckdb::shared_ptr<Dataset> dataset;
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> pushed; /* over BoundReference(column of the dataset) */
    std::vector<ReportItem> declined;
    int64_t limit = -1;
    std::vector<struct tl_scan_order> order;
    double estimated_rows = -1, estimated_bytes = -1;
    uint64_t report = 0;

    duckdb::unique_ptr<duckdb::FunctionData> Copy() const override;
    bool Equals(const duckdb::FunctionData &other) const override;
};

/* The bind data of a scan of ours, NULL for another function. */
ScanBind *BindOf(const duckdb::LogicalGet &get);
const Dataset *DatasetOf(const duckdb::LogicalGet &get);

/* May this wait be given up: when the connection was interrupted. */
struct tl_stop StopFor(duckdb::ClientContext &context);

duckdb::unique_ptr<duckdb::FunctionData> BindScan(duckdb::ClientContext &context, duckdb::TableFunctionBindInput &input,
                                                  duckdb::vector<duckdb::LogicalType> &types, duckdb::vector<duckdb::string> &names);
void SerializeScan(duckdb::Serializer &serializer, const duckdb::optional_ptr<duckdb::FunctionData> bind,
                   const duckdb::TableFunction &function);
duckdb::unique_ptr<duckdb::FunctionData> DeserializeScan(duckdb::Deserializer &deserializer, duckdb::TableFunction &function);

/* Which filters of the plan the source can take; the others stay above the scan. */
void PushFilters(duckdb::ClientContext &context, duckdb::LogicalGet &get, duckdb::FunctionData *bind,
                 duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> &filters);
/* The same once the engine has placed its own: also plain comparisons, which it would have made table filters of. */
void TakeFilters(duckdb::ClientContext &context, duckdb::LogicalGet &get, duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> &filters);

/* Filters above `OFFSET 0`, which keeps what a statement computes from rows that a row rule hides (door/rights.c), pass below it
 * where the source takes them and they can fail on no row. */
void PassBarriers(duckdb::ClientContext &context, duckdb::unique_ptr<duckdb::LogicalOperator> &plan);
/* An expression over the plan becomes one over columns of the dataset, as ScanBind::pushed has them. */
void PointAtDataset(duckdb::unique_ptr<duckdb::Expression> &e, const duckdb::LogicalGet &get);
/* As the source would be told, in the arena; NULL with a reason that lives as long as the statement. */
const struct tl_expr *AskSource(duckdb::ClientContext &context, const Dataset &dataset, const duckdb::Expression &e,
                                const std::function<int(const duckdb::Expression &)> &column_of, tl_arena *arena, const char **ret_reason);
void NoteDeclined(ScanBind &bind, const duckdb::Expression &e, const char *reason);

bool IsReadable(const Dataset &dataset, duckdb::idx_t column);
/* The dataset's column that a reference of the plan means; -1: none. */
int ColumnOfPlan(const duckdb::LogicalGet &get, const duckdb::Expression &e);

/* One part of a table filter that must hold by itself, over BoundReference(position). */
struct FilterPart {
    duckdb::unique_ptr<duckdb::Expression> filter;
    bool optional; /* the engine checks it again */
};
void AddParts(const duckdb::TableFilter &filter, const duckdb::Expression &column, bool optional, std::vector<FilterPart> &parts);

/* What a scan that starts has to do about filters. */
struct StartFilters {
    std::vector<const struct tl_expr *> pushed; /* in the arena */
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> residual; /* over BoundReference(position in column_ids) */
};
StartFilters SplitFilters(duckdb::ClientContext &context, const ScanBind &bind, const duckdb::TableFunctionInitInput &input, tl_arena *arena,
                          ScanReport &report);
/* What the report says of filters before the scan starts; does the source take all? */
bool DescribeFilters(duckdb::ClientContext &context, const duckdb::LogicalGet &get, ScanReport &report);

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> StartScan(duckdb::ClientContext &context, duckdb::TableFunctionInitInput &input);
duckdb::unique_ptr<duckdb::LocalTableFunctionState> StartThread(duckdb::ExecutionContext &context, duckdb::TableFunctionInitInput &input,
                                                                duckdb::GlobalTableFunctionState *global);
/* Percent of the rows that were expected; -1: nobody knows how many. */
double ScanProgress(duckdb::ClientContext &context, const duckdb::FunctionData *bind, const duckdb::GlobalTableFunctionState *global);
void ReadScan(duckdb::ClientContext &context, duckdb::TableFunctionInput &input, duckdb::DataChunk &output);

/* LIMIT and ORDER BY .. LIMIT right above a scan are told to its source.  "": told, or nothing to tell; else why not. */
std::string TellLimit(const duckdb::LogicalOperator &op);

/* After the engine's own optimizers: what sources can group, join, order and limit is asked of them. */
void InstallPush(duckdb::DatabaseInstance &instance);

/* All but filters and limit. */
void DescribeScan(const ScanBind &bind, ScanReport &report);
void DescribeLimit(const ScanBind &bind, bool told, ScanReport &report);
/* "schema.name" of the datasets that it is made of. */
void AddBases(const Dataset &dataset, std::vector<std::string> &names);
std::string OrderText(const Dataset &dataset, const struct tl_scan_order &order);
std::string FilterText(const duckdb::Expression &filter);
double WidthOf(const duckdb::vector<duckdb::LogicalType> &types);

} // namespace tl

#endif

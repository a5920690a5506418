/* engines/duckdb/scan_int.hpp -- the parts of tl_scan(source, schema, name).
 *
 * Bind:      bind data holds the dataset and, after the optimizer, what the source was asked to filter, order and limit.
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

/* A described dataset, alive as long as a plan needs it. */
struct Dataset {
    const struct tl_hooks_calls calls;
    std::string source_name;
    const struct tl_source_dataset *described = nullptr;
    const struct tl_source_driver *driver = nullptr;
    tl_source *source = nullptr;
    void *handle = nullptr;
    uint64_t number = 0;
    duckdb::vector<duckdb::LogicalType> types;

    explicit Dataset(const struct tl_hooks_calls &calls_p) : calls(calls_p)
    {
    }
    Dataset(const Dataset &) = delete;
    ~Dataset()
    {
        if (handle)
            calls.release(calls.context, handle);
    }
};

struct ScanBind : public duckdb::TableFunctionData {
    duckdb::shared_ptr<Dataset> dataset;
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> pushed; /* over BoundReference(column of the dataset) */
    std::vector<NotPushed> declined;
    int64_t limit = -1;
    std::vector<struct tl_scan_order> order;

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

/* What a scan that starts has to do about filters. */
struct StartFilters {
    std::vector<const struct tl_expr *> pushed; /* in the arena */
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> residual; /* over BoundReference(position in column_ids) */
};
StartFilters SplitFilters(const ScanBind &bind, const duckdb::TableFunctionInitInput &input, const ConnectionState &state, tl_arena *arena,
                          ScanReport &report);

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> StartScan(duckdb::ClientContext &context, duckdb::TableFunctionInitInput &input);
duckdb::unique_ptr<duckdb::LocalTableFunctionState> StartThread(duckdb::ExecutionContext &context, duckdb::TableFunctionInitInput &input,
                                                                duckdb::GlobalTableFunctionState *global);
void ReadScan(duckdb::ClientContext &context, duckdb::TableFunctionInput &input, duckdb::DataChunk &output);

/* After the engine's own optimizers: LIMIT and ORDER BY .. LIMIT right above a scan are told to its source. */
void InstallLimits(duckdb::DatabaseInstance &instance);

std::string OrderText(const Dataset &dataset, const struct tl_scan_order &order);

} // namespace tl

#endif

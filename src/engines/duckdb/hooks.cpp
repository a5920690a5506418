/* The C face of this room's C++ files: install, guard, errors, reports.  Nothing thrown leaves from here. */
#include <cstdlib>

#include "duckdb/function/table_function.hpp"
#include "duckdb/main/capi/capi_internal.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/main/extension/extension_loader.hpp"

#include "engines/duckdb/error_int.hpp"
#include "engines/duckdb/guard_int.hpp"
#include "engines/duckdb/install_int.hpp"
#include "engines/duckdb/profile_int.hpp"
#include "engines/duckdb/scan_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

const char *const engine_version = "v1.5.5"; /* the headers are of it; other versions lay out their classes differently */

unique_ptr<NodeStatistics> Cardinality(ClientContext &, const FunctionData *bind)
{
    const double rows_unknown = 100000; /* not one: it would be read whole to filter something small */
    auto &scan = bind->Cast<ScanBind>();
    double rows = scan.dataset->rows < 0 ? rows_unknown : scan.dataset->rows;
    if (!scan.pushed.empty()) /* as the engine guesses for those that it sees */
        rows *= 0.2;
    return make_uniq<NodeStatistics>(static_cast<idx_t>(rows));
}

/* count(*) asks for no column at all. */
virtual_column_map_t VirtualColumns(ClientContext &, optional_ptr<FunctionData>)
{
    virtual_column_map_t columns;
    columns.insert(make_pair(COLUMN_IDENTIFIER_EMPTY, TableColumn("", LogicalType::BOOLEAN)));
    return columns;
}

string Joined(const vector<unique_ptr<Expression>> &filters)
{
    string text;
    for (auto &filter : filters)
        text += (text.empty() ? "" : " AND ") + filter->ToString();
    return text;
}

InsertionOrderPreservingMap<string> ToText(TableFunctionToStringInput &input)
{
    InsertionOrderPreservingMap<string> text;
    auto &bind = input.bind_data->Cast<ScanBind>();
    auto &dataset = *bind.dataset;
    std::vector<std::string> names;
    AddBases(dataset, names);
    for (auto &name : names)
        text["Source"] += (text["Source"].empty() ? "" : ", ") + dataset.source_name + "." + name;
    for (auto &item : dataset.does)
        if (item.kind != "filter")
            text["Pushed " + item.kind] += (text["Pushed " + item.kind].empty() ? "" : "; ") + item.what;
    if (!bind.pushed.empty())
        text["Pushed"] = Joined(bind.pushed);
    string order;
    for (auto &item : bind.order)
        order += (order.empty() ? "" : ", ") + OrderText(dataset, item);
    if (!order.empty())
        text["Order"] = order;
    if (bind.limit >= 0)
        text["Limit"] = to_string(bind.limit);
    return text;
}

TableFunction ScanFunction(const struct tl_hooks_calls &calls)
{
    TableFunction function(scan_name, {LogicalType::VARCHAR, LogicalType::VARCHAR, LogicalType::VARCHAR}, ReadScan, BindScan, StartScan,
                           StartThread);
    function.projection_pushdown = true;
    function.filter_pushdown = true;
    function.filter_prune = true;
    function.pushdown_complex_filter = PushFilters;
    function.cardinality = Cardinality;
    function.get_virtual_columns = VirtualColumns;
    function.table_scan_progress = ScanProgress;
    function.to_string = ToText;
    function.serialize = SerializeScan;
    function.deserialize = DeserializeScan;
    function.order_preservation_type = OrderPreservationType::NO_ORDER;
    function.function_info = make_shared_ptr<InstallInfo>(calls);
    return function;
}

void Install(DatabaseInstance &instance, const struct tl_hooks_calls &calls)
{
    ExtensionLoader loader(instance, "townlake");
    loader.RegisterFunction(ScanFunction(calls));
    InstallGuard(instance);
    InstallPush(instance);
    /* it reads one scan twice, at two moments */
    DBConfig::GetConfig(instance).options.disabled_optimizers.insert(OptimizerType::WINDOW_SELF_JOIN);
}

ClientContext &ContextOf(duckdb_connection connection)
{
    return *reinterpret_cast<Connection *>(connection)->context;
}

ConnectionState &StateOf(duckdb_connection connection)
{
    return *ConnectionState::Of(ContextOf(connection));
}

} // namespace
} // namespace tl

extern "C" enum tl_code tl_hooks_install(duckdb_database database, const struct tl_hooks_calls *calls, struct tl_err *err)
{
    if (strcmp(duckdb_library_version(), tl::engine_version) != 0) {
        tl_err_set(err, TL_UNSUPPORTED, "the SQL engine has version %s", duckdb_library_version());
        tl_err_hint(err, "install %s, the version this program was built for", tl::engine_version);
        return TL_UNSUPPORTED;
    }
    try {
        tl::Install(*reinterpret_cast<DatabaseWrapper *>(database)->database->instance, *calls);
        return TL_OK;
    } catch (const std::exception &exception) {
        return tl::ReportException(exception, err);
    }
}

extern "C" void tl_hooks_set_guard(duckdb_connection connection, const struct tl_hooks_guard *guard)
{
    try {
        auto &state = tl::StateOf(connection);
        state.SetGuard(*guard);
        tl::SetProfiler(tl::ContextOf(connection), state.CountsTables());
    } catch (...) {
        abort(); /* no memory: an older guard must not stay in force */
    }
}

extern "C" bool tl_hooks_take_error(duckdb_connection connection, struct tl_err *ret_err)
{
    try {
        return tl::StateOf(connection).TakeError(ret_err);
    } catch (...) {
        return false;
    }
}

extern "C" int64_t tl_hooks_rows_scanned(duckdb_connection connection)
{
    try {
        auto &state = tl::StateOf(connection);
        return state.RowsOfReports() + (state.CountsTables() ? tl::ProfiledRows(tl::ContextOf(connection)) : 0);
    } catch (...) {
        return 0;
    }
}

extern "C" void tl_hooks_scans_json(duckdb_connection connection, struct tl_buf *json)
{
    try {
        tl::StateOf(connection).WriteReports(json);
    } catch (...) {
        json->failed = true;
    }
}

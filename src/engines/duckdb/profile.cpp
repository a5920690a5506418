/* Rows that scans of the engine's own tables give, by its profiler, which is switched on only for statements that may read some. */
#include "duckdb/common/enums/physical_operator_type.hpp"
#include "duckdb/main/client_config.hpp"
#include "duckdb/main/query_profiler.hpp"

#include "engines/duckdb/profile_int.hpp"
#include "engines/duckdb/scan_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

/* What makes rows instead of reading them, and our own scans, which count by themselves. */
bool IsTableScan(const ProfilingInfo &info)
{
    static const char *const others[] = {"RANGE", "GENERATE_SERIES", "REPEAT", "REPEAT_ROW", "UNNEST", "JSON_EACH", "JSON_TREE"};
    if (info.GetMetricValue<uint8_t>(MetricType::OPERATOR_TYPE) != static_cast<uint8_t>(PhysicalOperatorType::TABLE_SCAN))
        return false;
    auto name = info.GetMetricValue<string>(MetricType::OPERATOR_NAME);
    StringUtil::Trim(name);
    bool counts = !StringUtil::CIEquals(name, scan_name);
    for (auto other : others)
        counts = counts && name != other;
    return counts;
}

int64_t RowsOf(const ProfilingNode &node)
{
    auto &info = node.GetProfilingInfo();
    int64_t rows = 0;
    if (info.metrics.count(MetricType::OPERATOR_TYPE) && IsTableScan(info))
        rows = static_cast<int64_t>(info.GetMetricValue<uint64_t>(MetricType::OPERATOR_CARDINALITY));
    for (auto &child : node.children)
        rows += RowsOf(*child);
    return rows;
}

} // namespace

void SetProfiler(ClientContext &context, bool counts)
{
    auto &config = ClientConfig::GetConfig(context);
    if (config.enable_profiler == counts)
        return;
    config.enable_profiler = counts;
    config.emit_profiler_output = false;
    config.profiler_settings = MetricsUtils::GetDefaultMetrics();
    if (counts)
        config.profiler_settings = {MetricType::OPERATOR_NAME, MetricType::OPERATOR_TYPE, MetricType::OPERATOR_CARDINALITY};
}

int64_t ProfiledRows(ClientContext &context)
{
    int64_t rows = 0;
    QueryProfiler::Get(context).GetRootUnderLock([&](optional_ptr<ProfilingNode> root) {
        if (root)
            rows = RowsOf(*root);
    });
    return rows;
}

} // namespace tl

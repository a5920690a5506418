/* What the report of a scan says, when its plan is made and when it runs. */
#include "engines/duckdb/scan_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

std::string Shortened(const std::string &text)
{
    return text.size() <= FILTER_TEXT_MAX ? text : text.substr(0, FILTER_TEXT_MAX) + " ...";
}

void PutTexts(struct tl_json_writer *writer, const char *key, const std::vector<std::string> &texts)
{
    tl_json_key(writer, key);
    tl_json_begin_array(writer);
    for (auto &text : texts)
        tl_json_put_text(writer, text.c_str());
    tl_json_end_array(writer);
}

void PutItems(struct tl_json_writer *writer, const char *key, const std::vector<ReportItem> &items, bool pushed)
{
    tl_json_key(writer, key);
    tl_json_begin_array(writer);
    for (auto &item : items) {
        if (item.reason.empty() != pushed)
            continue;
        tl_json_begin_object(writer);
        tl_json_pair_text(writer, "kind", item.kind.c_str());
        tl_json_pair_text(writer, "what", item.what.c_str());
        if (!pushed)
            tl_json_pair_text(writer, "reason", item.reason.c_str());
        tl_json_end_object(writer);
    }
    tl_json_end_array(writer);
}

void PutEstimate(struct tl_json_writer *writer, const char *key, double estimate)
{
    tl_json_key(writer, key);
    if (estimate < 0 || estimate > 9e15)
        tl_json_put_null(writer);
    else
        tl_json_put_int64(writer, static_cast<int64_t>(estimate));
}

} // namespace

void ScanReport::Add(const char *kind, const std::string &what, const std::string &reason)
{
    std::lock_guard<std::mutex> guard(mutex);
    if (items.size() < FILTERS_MAX)
        items.push_back({kind, Shortened(what), reason});
}

void ScanReport::Write(struct tl_json_writer *writer)
{
    std::lock_guard<std::mutex> guard(mutex);
    tl_json_begin_object(writer);
    tl_json_pair_text(writer, "source", source.c_str());
    PutTexts(writer, "datasets", datasets);
    PutTexts(writer, "columns", columns);
    PutItems(writer, "pushed", items, true);
    PutItems(writer, "not_pushed", items, false);
    PutEstimate(writer, "estimated_rows", estimated_rows);
    PutEstimate(writer, "estimated_bytes", estimated_bytes);
    tl_json_key(writer, "ran");
    tl_json_put_bool(writer, started);
    tl_json_pair_int64(writer, "parts", parts);
    tl_json_pair_int64(writer, "rows", rows);
    tl_json_pair_int64(writer, "bytes", bytes);
    tl_json_pair_text(writer, "sent", sent.empty() ? nullptr : sent.c_str());
    tl_json_end_object(writer);
}

void AddBases(const Dataset &dataset, std::vector<std::string> &names)
{
    for (auto &input : dataset.inputs)
        AddBases(*input, names);
    if (dataset.inputs.empty())
        names.push_back(std::string(dataset.described->schema) + "." + dataset.described->name);
}

void DescribeScan(const ScanBind &bind, ScanReport &report)
{
    auto &dataset = *bind.dataset;
    {
        std::lock_guard<std::mutex> guard(report.mutex);
        report.items.clear();
        report.columns.clear();
        report.datasets.clear();
        report.source = dataset.source_name;
        AddBases(dataset, report.datasets);
        report.estimated_rows = bind.estimated_rows;
        report.estimated_bytes = bind.estimated_bytes;
    }
    for (auto &item : dataset.does)
        report.Add(item.kind.c_str(), item.what, item.reason);
    for (auto &item : bind.declined)
        report.Add(item.kind.c_str(), item.what, item.reason);
}

void DescribeLimit(const ScanBind &bind, bool told, ScanReport &report)
{
    const char *reason = told ? "" : "not all filters are applied by the source";
    std::string order;
    for (auto &item : bind.order)
        order += (order.empty() ? " BY " : ", ") + OrderText(*bind.dataset, item);
    if (bind.limit >= 0)
        report.Add("limit", std::to_string(bind.limit) + order, reason);
}

std::string OrderText(const Dataset &dataset, const struct tl_scan_order &order)
{
    return dataset.labels[order.column] + (order.descending ? " DESC" : " ASC") + (order.nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

} // namespace tl

#include "engines/duckdb/state_int.hpp"

#include "duckdb/common/exception.hpp"

#include "engines/duckdb/scan_int.hpp"

namespace tl {

static const char *const state_name = "townlake";

ScanReport::ScanReport(const Dataset &dataset)
    : source(dataset.source_name), schema(dataset.described->schema), name(dataset.described->name)
{
}

static std::string Shortened(const std::string &text)
{
    return text.size() <= FILTER_TEXT_MAX ? text : text.substr(0, FILTER_TEXT_MAX) + " ...";
}

void ScanReport::AddPushed(const std::string &filter)
{
    std::lock_guard<std::mutex> guard(mutex);
    if (pushed.size() < FILTERS_MAX)
        pushed.push_back(Shortened(filter));
}

void ScanReport::AddNotPushed(const std::string &filter, const char *reason)
{
    std::lock_guard<std::mutex> guard(mutex);
    if (not_pushed.size() < FILTERS_MAX)
        not_pushed.push_back({Shortened(filter), reason});
}

static void PutTexts(struct tl_json_writer *writer, const char *key, const std::vector<std::string> &texts)
{
    tl_json_key(writer, key);
    tl_json_begin_array(writer);
    for (auto &text : texts)
        tl_json_put_text(writer, text.c_str());
    tl_json_end_array(writer);
}

void ScanReport::Write(struct tl_json_writer *writer)
{
    std::lock_guard<std::mutex> guard(mutex);
    tl_json_begin_object(writer);
    tl_json_pair_text(writer, "source", source.c_str());
    tl_json_pair_text(writer, "schema", schema.c_str());
    tl_json_pair_text(writer, "dataset", name.c_str());
    PutTexts(writer, "columns", columns);
    PutTexts(writer, "pushed", pushed);
    tl_json_key(writer, "not_pushed");
    tl_json_begin_array(writer);
    for (auto &item : not_pushed) {
        tl_json_begin_object(writer);
        tl_json_pair_text(writer, "filter", item.filter.c_str());
        tl_json_pair_text(writer, "reason", item.reason.c_str());
        tl_json_end_object(writer);
    }
    tl_json_end_array(writer);
    PutTexts(writer, "order", order);
    tl_json_key(writer, "limit");
    if (limit < 0)
        tl_json_put_null(writer);
    else
        tl_json_put_int64(writer, limit);
    tl_json_pair_int64(writer, "parts", parts);
    tl_json_pair_int64(writer, "rows", rows);
    tl_json_pair_int64(writer, "bytes", bytes);
    tl_json_pair_text(writer, "sent", sent.empty() ? nullptr : sent.c_str());
    tl_json_end_object(writer);
}

ConnectionState::ConnectionState()
{
    tl_err_init(&error);
}

duckdb::shared_ptr<ConnectionState> ConnectionState::Of(duckdb::ClientContext &context)
{
    return context.registered_state->GetOrCreate<ConnectionState>(state_name);
}

void ConnectionState::SetGuard(const struct tl_hooks_guard &guard)
{
    std::lock_guard<std::mutex> lock(mutex);
    everything = guard.allowed == nullptr;
    allowed.clear();
    for (size_t i = 0; !everything && i < guard.allowed_count; i++)
        allowed.insert(guard.allowed[i]);
    pushes = !guard.no_pushdown;
    not_pushing = guard.no_pushdown_reason ? guard.no_pushdown_reason : "pushdown is switched off";
    threads_max = guard.threads_max;
    query_id = guard.query_id ? guard.query_id : "";
    tl_err_init(&error);
    reports.clear();
    for (auto item = datasets.begin(); item != datasets.end();)
        item = item->second.expired() ? datasets.erase(item) : std::next(item);
}

void ConnectionState::KeepError(const struct tl_err &err)
{
    std::lock_guard<std::mutex> lock(mutex);
    if (error.code == TL_OK)
        error = err;
}

bool ConnectionState::TakeError(struct tl_err *ret_err)
{
    std::lock_guard<std::mutex> lock(mutex);
    if (error.code == TL_OK)
        return false;
    *ret_err = error;
    tl_err_init(&error);
    return true;
}

void ConnectionState::AddReport(const duckdb::shared_ptr<ScanReport> &report)
{
    std::lock_guard<std::mutex> lock(mutex);
    if (reports.size() < SCANS_MAX)
        reports.push_back(report);
}

void ConnectionState::WriteReports(struct tl_buf *json)
{
    std::lock_guard<std::mutex> lock(mutex);
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, json);
    tl_json_begin_array(&writer);
    for (auto &report : reports)
        report->Write(&writer);
    tl_json_end_array(&writer);
}

void ConnectionState::Remember(const duckdb::shared_ptr<Dataset> &dataset)
{
    std::lock_guard<std::mutex> lock(mutex);
    dataset->number = ++datasets_made;
    datasets[dataset->number] = dataset;
}

duckdb::shared_ptr<Dataset> ConnectionState::Find(uint64_t number)
{
    std::lock_guard<std::mutex> lock(mutex);
    auto found = datasets.find(number);
    return found == datasets.end() ? nullptr : found->second.lock();
}

void Throw(duckdb::ClientContext &context, const struct tl_err &err)
{
    if (context.IsInterrupted())
        throw duckdb::InterruptException();
    ConnectionState::Of(context)->KeepError(err);
    if (err.code == TL_CANCELLED)
        throw duckdb::InterruptException();
    if (err.code == TL_NOT_ALLOWED)
        throw duckdb::PermissionException("%s", std::string(err.message));
    throw duckdb::IOException("%s", std::string(err.message));
}

} // namespace tl

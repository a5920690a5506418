#include "engines/duckdb/state_int.hpp"

#include <cstring>

#include "duckdb/common/exception.hpp"

#include "engines/duckdb/scan_int.hpp"

namespace tl {

static const char *const state_name = "townlake", *const files_kind = "files:";

ConnectionState::ConnectionState()
{
    tl_err_init(&error);
}

duckdb::shared_ptr<ConnectionState> ConnectionState::Of(duckdb::ClientContext &context)
{
    return context.registered_state->GetOrCreate<ConnectionState>(state_name);
}

static bool IsTable(const std::string &entry)
{
    return entry.rfind("table:", 0) == 0 || entry.rfind("function:read_", 0) == 0;
}

void ConnectionState::SetGuard(const struct tl_hooks_guard &guard)
{
    std::lock_guard<std::mutex> lock(mutex);
    everything = guard.allowed == nullptr;
    allowed.clear();
    folders.clear();
    written.clear();
    counts_tables = false;
    for (size_t i = 0; !everything && i < guard.allowed_count; i++) {
        counts_tables = counts_tables || IsTable(guard.allowed[i]);
        allowed.insert(guard.allowed[i]);
        if (strncmp(guard.allowed[i], files_kind, strlen(files_kind)) == 0)
            folders.push_back(guard.allowed[i] + strlen(files_kind));
    }
    counts_tables = counts_tables && !allowed.count("operator:EXPLAIN"); /* it has a profile of its own */
    pushes = !guard.no_pushdown;
    not_pushing = guard.no_pushdown_reason ? guard.no_pushdown_reason : "pushdown is switched off";
    threads_max = guard.threads_max;
    query_id = guard.query_id ? guard.query_id : "";
    tl_err_init(&error);
    reports.clear();
    for (auto item = datasets.begin(); item != datasets.end();)
        item = item->second.expired() ? datasets.erase(item) : std::next(item);
}

void ConnectionState::KeepWritten(const std::string &path)
{
    std::lock_guard<std::mutex> lock(mutex);
    if (written.size() < WRITTEN_MAX)
        written.insert(path);
}

bool ConnectionState::HasWritten(const std::string &path)
{
    std::lock_guard<std::mutex> lock(mutex);
    return written.count(path) > 0;
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

void ConnectionState::ForgetPlanned()
{
    std::lock_guard<std::mutex> lock(mutex);
    for (auto item = reports.begin(); item != reports.end();)
        item = item->second->started ? std::next(item) : reports.erase(item);
}

uint64_t ConnectionState::AddPlanned(const duckdb::shared_ptr<ScanReport> &report)
{
    std::lock_guard<std::mutex> lock(mutex);
    if (reports.size() >= SCANS_MAX)
        return 0;
    reports[++reports_made] = report;
    return reports_made;
}

duckdb::shared_ptr<ScanReport> ConnectionState::StartReport(uint64_t number)
{
    std::lock_guard<std::mutex> lock(mutex);
    auto found = reports.find(number);
    auto report = found == reports.end() ? nullptr : found->second;
    if (!report || report->started) {
        report = duckdb::make_shared_ptr<ScanReport>();
        if (reports.size() < SCANS_MAX)
            reports[++reports_made] = report;
    }
    report->started = true;
    return report;
}

int64_t ConnectionState::RowsOfReports()
{
    std::lock_guard<std::mutex> lock(mutex);
    int64_t rows = 0;
    for (auto &item : reports) {
        std::lock_guard<std::mutex> guard(item.second->mutex);
        rows += item.second->rows;
    }
    return rows;
}

void ConnectionState::WriteReports(struct tl_buf *json)
{
    std::lock_guard<std::mutex> lock(mutex);
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, json);
    tl_json_begin_array(&writer);
    for (auto &report : reports)
        report.second->Write(&writer);
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

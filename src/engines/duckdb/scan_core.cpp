#include "engines/duckdb/scan_core_int.hpp"

#include "duckdb/common/exception.hpp"

namespace tl {

ScanCore::ScanCore(const duckdb::shared_ptr<Dataset> &dataset_p, const duckdb::shared_ptr<ScanReport> &report_p)
    : arena(tl_arena_new(SCAN_BYTES_MAX)), dataset(dataset_p), report(report_p)
{
}

ScanCore::~ScanCore()
{
    if (scan)
        CloseScan(scan);
    tl_arena_free(arena);
}

void ScanCore::Start(duckdb::ClientContext &context, int threads_max)
{
    struct tl_stop stop = StopFor(context);
    struct tl_err err;
    tl_err_init(&err);
    enum tl_code code = tl_arena_check(arena, "the filters of a scan", &err);
    if (code == TL_OK)
        code = dataset->driver->scan_open(dataset->source, &request, threads_max, &stop, arena, &scan, &parts_at_once, &err);
    if (code != TL_OK) {
        scan = nullptr;
        Throw(context, err);
    }
    std::lock_guard<std::mutex> lock(report->mutex);
    report->parts = parts_at_once;
}

void ScanCore::CloseScan(tl_scan *closing)
{
    struct tl_scan_stats stats = {};
    dataset->driver->scan_close(closing, &stats);
    std::lock_guard<std::mutex> lock(report->mutex);
    report->rows = stats.rows > report->rows ? stats.rows : report->rows;
    report->bytes = stats.bytes;
    report->sent = stats.text ? stats.text : "";
}

tl_scan_part *ScanCore::OpenPart(duckdb::ClientContext &context)
{
    {
        std::lock_guard<std::mutex> lock(mutex);
        if (exhausted)
            return nullptr;
        users++;
    }
    struct tl_stop stop = StopFor(context);
    tl_scan_part *part = nullptr;
    struct tl_err err;
    tl_err_init(&err);
    if (dataset->driver->part_open(scan, &stop, &part, &err) != TL_OK) {
        Leave(false);
        Throw(context, err);
    }
    if (!part)
        Leave(true);
    return part;
}

void ScanCore::ClosePart(tl_scan_part *part)
{
    dataset->driver->part_close(part);
    Leave(false);
}

void ScanCore::Leave(bool no_more)
{
    tl_scan *closing = nullptr;
    {
        std::lock_guard<std::mutex> lock(mutex);
        users--;
        exhausted = exhausted || no_more;
        if (exhausted && users == 0)
            std::swap(closing, scan);
    }
    if (closing)
        CloseScan(closing);
}

double ScanCore::Progress()
{
    {
        std::lock_guard<std::mutex> lock(mutex);
        if (exhausted)
            return 100;
    }
    std::lock_guard<std::mutex> lock(report->mutex);
    if (report->estimated_rows < 0)
        return -1;
    return std::min(99.0, 100.0 * static_cast<double>(report->rows) / std::max(report->estimated_rows, 1.0));
}

bool ScanCore::Next(duckdb::ClientContext &context, tl_scan_part *part, struct tl_chunk &chunk)
{
    struct tl_stop stop = StopFor(context);
    struct tl_err err;
    tl_err_init(&err);
    enum tl_code code = dataset->driver->part_next(part, &chunk, &stop, &err);
    if (code != TL_OK)
        Throw(context, err);
    std::lock_guard<std::mutex> lock(report->mutex);
    report->rows += static_cast<int64_t>(chunk.row_count);
    return chunk.row_count > 0;
}

} // namespace tl

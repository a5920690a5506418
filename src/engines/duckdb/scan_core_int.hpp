/* engines/duckdb/scan_core_int.hpp -- one statement at a source and the threads that read its parts.
 *
 * Life: shared by the engine's global state and those of its threads: the last one closes.  Normally it is closed earlier, when the
 *   last part has ended, so that its numbers are known at the end of the statement and its connection is free.
 * Threads: Open and Close of parts from any thread.
 */
#ifndef TL_ENGINES_DUCKDB_SCAN_CORE_INT_HPP
#define TL_ENGINES_DUCKDB_SCAN_CORE_INT_HPP

#include "engines/duckdb/scan_int.hpp"

namespace tl {

enum { SCAN_BYTES_MAX = 512 * 1024 * 1024 };

class ScanCore {
public:
    ScanCore(const duckdb::shared_ptr<Dataset> &dataset, const duckdb::shared_ptr<ScanReport> &report);
    ScanCore(const ScanCore &) = delete;
    ~ScanCore();

    tl_arena *const arena;
    struct tl_scan_request request = {};
    int parts_at_once = 1;

    void Start(duckdb::ClientContext &context, int threads_max);
    /* NULL: none is left. */
    tl_scan_part *OpenPart(duckdb::ClientContext &context);
    void ClosePart(tl_scan_part *part);
    /* Percent of the rows that were expected, no more than almost all before the end; -1: nobody knows how many. */
    double Progress();
    bool Next(duckdb::ClientContext &context, tl_scan_part *part, struct tl_chunk &chunk);

private:
    duckdb::shared_ptr<Dataset> dataset;
    duckdb::shared_ptr<ScanReport> report;
    std::mutex mutex;
    tl_scan *scan = nullptr;
    int users = 0;          /* parts that are open or being opened */
    bool exhausted = false;

    void Leave(bool no_more);
    void CloseScan(tl_scan *closing);
};

} // namespace tl

#endif

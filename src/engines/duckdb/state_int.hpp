/* engines/duckdb/state_int.hpp -- what this room keeps for a connection: the guard of the statement that runs, the first error a
 * driver or the guard reported, and what the scans did.
 *
 * Threads: the guard is set between statements and then only read; the rest is under the mutex.
 */
#ifndef TL_ENGINES_DUCKDB_STATE_INT_HPP
#define TL_ENGINES_DUCKDB_STATE_INT_HPP

#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "duckdb/main/client_context.hpp"
#include "duckdb/main/client_context_state.hpp"

#include "engines/duckdb/c_headers_int.hpp"

namespace tl {

struct Dataset;

enum { SCANS_MAX = 1000, FILTERS_MAX = 1000, FILTER_TEXT_MAX = 500, WRITTEN_MAX = 100000 };

/* Something that a source does, or does not do and why. */
struct ReportItem {
    std::string kind;   /* "filter", "aggregate", "join", "order", "limit" */
    std::string what;
    std::string reason; /* not empty: not pushed */
};

/* What one scan asks of its source: made when the plan is, filled in when the scan starts and ends. */
struct ScanReport {
    std::mutex mutex;
    std::string source;
    std::vector<std::string> datasets; /* schema.name; several when the source joins them */
    std::vector<std::string> columns;
    std::vector<ReportItem> items;
    double estimated_rows = -1, estimated_bytes = -1;
    bool started = false;
    int parts = 0;       /* at once */
    int64_t rows = 0;
    int64_t bytes = 0;   /* known at its end */
    std::string sent;    /* the source's own statement, known at its end */

    void Add(const char *kind, const std::string &what, const std::string &reason = "");
    void Write(struct tl_json_writer *writer);
};

class ConnectionState : public duckdb::ClientContextState {
public:
    static duckdb::shared_ptr<ConnectionState> Of(duckdb::ClientContext &context);

    void SetGuard(const struct tl_hooks_guard &guard);
    bool AllowsEverything() const
    {
        return everything;
    }
    bool Allows(const std::string &entry) const
    {
        return everything || allowed.count(entry) > 0;
    }
    /* Where the files of the lake's tables lie that the statement may touch. */
    const std::vector<std::string> &Folders() const
    {
        return folders;
    }
    /* Files of the lake that the statement wrote; bounded. */
    void KeepWritten(const std::string &path);
    bool HasWritten(const std::string &path);
    bool Pushes() const
    {
        return pushes;
    }
    /* Why nothing is pushed. */
    const char *NotPushing() const
    {
        return not_pushing.c_str();
    }
    int ThreadsMax() const
    {
        return threads_max;
    }
    /* It may read tables of the engine, whose rows only the engine's profiler counts. */
    bool CountsTables() const
    {
        return counts_tables;
    }
    const std::string &QueryId() const
    {
        return query_id;
    }

    void KeepError(const struct tl_err &err);
    bool TakeError(struct tl_err *ret_err);

    /* A new plan is being made: what an older one wanted and never started is of no interest. */
    void ForgetPlanned();
    /* The number that StartReport takes; 0: there are too many. */
    uint64_t AddPlanned(const duckdb::shared_ptr<ScanReport> &report);
    /* The planned one, or a new one when it is in use or there is none. */
    duckdb::shared_ptr<ScanReport> StartReport(uint64_t number);
    void WriteReports(struct tl_buf *json);
    int64_t RowsOfReports();

    /* A copied plan finds its dataset again by number. */
    void Remember(const duckdb::shared_ptr<Dataset> &dataset);
    duckdb::shared_ptr<Dataset> Find(uint64_t number);

private:
    bool everything = true;
    bool pushes = true;
    bool counts_tables = false;
    std::string not_pushing;
    int threads_max = 0;
    std::string query_id;
    std::unordered_set<std::string> allowed;
    std::vector<std::string> folders;

    std::mutex mutex;
    std::unordered_set<std::string> written;
    struct tl_err error;
    std::map<uint64_t, duckdb::shared_ptr<ScanReport>> reports;
    uint64_t reports_made = 0;
    std::unordered_map<uint64_t, duckdb::weak_ptr<Dataset>> datasets;
    uint64_t datasets_made = 0;

public:
    ConnectionState();
};

/* Keeps the error for tl_hooks_take_error and ends the statement. */
[[noreturn]] void Throw(duckdb::ClientContext &context, const struct tl_err &err);

} // namespace tl

#endif

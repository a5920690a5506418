#include "sources/postgres/scan_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sources/postgres/derive.h"

enum { LIMIT_RANGED_MIN = 100000, RANGES_PER_THREAD = 32, CHEAP_FRACTION = 4, DEADLINE_GRACE_MS = 1000 };

/* --- what is sent --- */

static void add_query_id(struct tl_buf *sql, const char *query_id)
{
    if (!query_id || !*query_id)
        return;
    tl_buf_adds(sql, "/* townlake ");
    for (const char *at = query_id; *at; at++)
        tl_buf_addc(sql, isalnum((unsigned char)*at) || *at == '_' ? *at : '-');
    tl_buf_adds(sql, " */ ");
}

/* The server's limit is behind our own: ours gives the better error. */
static int64_t timeout_ms(const struct tl_scan *scan, const struct tl_stop *stop)
{
    int64_t ms = scan->source->options.statement_timeout_us / 1000;
    if (stop && stop->deadline_us != 0) {
        int64_t left = (stop->deadline_us - tl_clock_monotonic_us()) / 1000 + DEADLINE_GRACE_MS;
        left = left < 1 ? 1 : left > INT32_MAX ? INT32_MAX : left;
        if (ms == 0 || left < ms)
            ms = left;
    }
    return ms;
}

void tl_postgres_scan_begin(const struct tl_scan *scan, const struct tl_stop *stop, struct tl_buf *sql)
{
    add_query_id(sql, scan->request->query_id);
    tl_buf_adds(sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;");
    if (*scan->snapshot) {
        tl_buf_adds(sql, " SET TRANSACTION SNAPSHOT ");
        tl_buf_add_literal(sql, scan->snapshot, strlen(scan->snapshot));
        tl_buf_addc(sql, ';');
    }
    int64_t ms = timeout_ms(scan, stop);
    if (ms > 0)
        tl_buf_addf(sql, " SET LOCAL statement_timeout = %lld;", (long long)ms);
}

void tl_postgres_scan_select(const struct tl_scan *scan, const char *condition, struct tl_buf *sql)
{
    tl_buf_adds(sql, scan->head);
    if (*scan->where || condition) {
        tl_buf_adds(sql, " WHERE ");
        tl_buf_adds(sql, scan->where);
        tl_buf_adds(sql, *scan->where && condition ? " AND " : "");
        tl_buf_adds(sql, condition ? condition : "");
    }
    tl_buf_adds(sql, scan->tail);
}

static bool needs_rows_only(const struct tl_scan_request *request)
{
    for (size_t i = 0; i < request->column_count; i++)
        if (request->columns[i] >= 0)
            return false;
    return true;
}

static enum tl_code write_head(struct tl_scan *scan, tl_arena *arena, struct tl_buf *sql, struct tl_err *err)
{
    const struct tl_scan_request *request = scan->request;
    const struct tl_source_dataset *dataset = request->dataset;
    scan->fields = TL_NEW_ARRAY(arena, struct tl_postgres_field, request->column_count);
    tl_buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < request->column_count; i++) {
        int column = request->columns[i];
        if (column < 0)
            continue;
        if ((size_t)column >= dataset->column_count)
            return tl_err_set(err, TL_INTERNAL, "column %d of %s does not exist", column, scan->own->where);
        if (dataset->columns[column].unsupported) {
            tl_err_set(err, TL_UNSUPPORTED, "column \"%s\" of %s has the type %s, which cannot be read",
                       dataset->columns[column].name, scan->own->where, dataset->columns[column].source_type);
            tl_err_hint(err, "leave the column out, or make a view at the source that casts it to text");
            return TL_UNSUPPORTED;
        }
        tl_buf_adds(sql, scan->field_count > 0 ? ", " : "");
        tl_postgres_select(dataset, column, sql);
        scan->fields[scan->field_count] = scan->own->columns[column].field;
        scan->fields[scan->field_count++].column = (int)i;
    }
    return TL_OK;
}

static void write_from(const struct tl_source_dataset *dataset, struct tl_buf *sql)
{
    tl_buf_adds(sql, " FROM ");
    tl_postgres_add_from(sql, dataset);
    if (dataset->derivation)
        tl_buf_adds(sql, " computed");
}

/* False when a filter was left out, which is then for the caller to apply; then no row may be cut off, either. */
static bool write_where(const struct tl_scan *scan, struct tl_buf *sql)
{
    bool all = true;
    for (size_t i = 0; i < scan->request->filter_count; i++) {
        size_t mark = sql->size;
        tl_buf_adds(sql, mark > 0 ? " AND " : "");
        if (!tl_postgres_filter(scan->request->dataset, scan->request->filters[i], sql, NULL)) {
            all = false;
            if (!sql->failed)
                sql->size = mark;
        }
    }
    return all;
}

static bool write_order(const struct tl_scan *scan, struct tl_buf *sql)
{
    const struct tl_scan_request *request = scan->request;
    for (size_t i = 0; i < request->order_count; i++) {
        tl_buf_adds(sql, i > 0 ? ", " : " ORDER BY ");
        if (!tl_postgres_order(request->dataset, &request->order[i], sql))
            return false;
    }
    return true;
}

static void write_tail(const struct tl_scan *scan, bool all_filters, struct tl_buf *sql)
{
    const struct tl_scan_request *request = scan->request;
    if (request->limit < 0 || !all_filters)
        return;
    if (write_order(scan, sql))
        tl_buf_addf(sql, " LIMIT %lld", (long long)request->limit);
    else
        tl_buf_clear(sql);
}

/* count(*) of the rows that would have come. */
static void make_counting(struct tl_scan *scan, tl_arena *arena, const char *from)
{
    static struct tl_postgres_field count = {.form = TL_POSTGRES_INT8, .name = "count", .source_type = "bigint"};
    scan->counts = true;
    scan->fields = &count;
    scan->field_count = 1;
    if (!*scan->tail) {
        scan->head = tl_arena_printf(arena, "SELECT count(*)%s", from);
        return;
    }
    scan->head = tl_arena_printf(arena, "SELECT count(*) FROM (SELECT%s", from);
    scan->tail = tl_arena_printf(arena, "%s) counted", scan->tail);
}

static enum tl_code write_all(struct tl_scan *scan, tl_arena *arena, struct tl_err *err)
{
    struct tl_buf head, from, where, tail;
    tl_buf_init(&head, TL_POSTGRES_SQL_SIZE_MAX);
    tl_buf_init(&from, TL_POSTGRES_SQL_SIZE_MAX);
    tl_buf_init(&where, TL_POSTGRES_SQL_SIZE_MAX);
    tl_buf_init(&tail, TL_POSTGRES_SQL_SIZE_MAX);
    enum tl_code code = write_head(scan, arena, &head, err);
    write_from(scan->request->dataset, &from);
    bool all = write_where(scan, &where);
    write_tail(scan, all, &tail);
    if (code == TL_OK && (head.failed || from.failed || where.failed))
        code = tl_err_set(err, TL_TOO_LARGE, "the filters for %s are longer than %d bytes", scan->own->where,
                          TL_POSTGRES_SQL_SIZE_MAX);
    scan->where = tl_arena_strdup(arena, tl_buf_cstr(&where));
    scan->tail = tl_arena_strdup(arena, tl_buf_cstr(&tail));
    scan->head = tl_arena_printf(arena, "%s%s", tl_buf_cstr(&head), tl_buf_cstr(&from));
    if (needs_rows_only(scan->request))
        make_counting(scan, arena, tl_buf_cstr(&from));
    tl_buf_clear(&head);
    tl_postgres_scan_select(scan, NULL, &head);
    scan->text = tl_arena_printf(arena, "COPY (%s) TO STDOUT (FORMAT binary)", tl_buf_cstr(&head));
    tl_buf_done(&tail);
    tl_buf_done(&where);
    tl_buf_done(&from);
    tl_buf_done(&head);
    return code;
}

/* --- how it is split --- */

static bool may_range(const struct tl_scan *scan, int threads)
{
    const struct tl_scan_request *request = scan->request;
    if (threads < 2 || !scan->own->ranges || scan->own->pages < TL_POSTGRES_RANGED_PAGES_MIN)
        return false;
    return !*scan->tail || (request->order_count == 0 && request->limit > LIMIT_RANGED_MIN);
}

struct survey {
    struct tl_scan *scan;
    int64_t pages;
    double cost; /* the planner's, of the whole read; -1 = not asked */
};

enum { SURVEY_RESULTS = 4 };

/* The first line of EXPLAIN: "Seq Scan on t  (cost=0.00..431.00 rows=21000 width=4)". */
static double cost_of(const PGresult *plan)
{
    double start, total;
    const char *line = PQntuples(plan) > 0 && PQnfields(plan) > 0 ? PQgetvalue(plan, 0, 0) : "";
    const char *cost = strstr(line, "(cost=");
    return cost && sscanf(cost, "(cost=%lf..%lf", &start, &total) == 2 ? total : -1;
}

/* Begin, look at the table's size now, and ask the planner whether an index answers the filters. */
static enum tl_code survey(void *context, struct tl_postgres_connection *connection, const struct tl_stop *stop,
                           struct tl_err *err)
{
    struct survey *survey = context;
    struct tl_scan *scan = survey->scan;
    bool filtered = *scan->where != '\0';
    PGresult *results[SURVEY_RESULTS] = {0};
    size_t count = 2 + (timeout_ms(scan, stop) > 0) + filtered, last = count - 1;
    struct tl_buf sql;
    tl_buf_init(&sql, TL_POSTGRES_SQL_SIZE_MAX * 2);
    tl_postgres_scan_begin(scan, stop, &sql);
    tl_buf_addf(&sql, " SELECT pg_relation_size(%u) / current_setting('block_size')::bigint", scan->own->oid);
    if (filtered) {
        tl_buf_adds(&sql, "; EXPLAIN ");
        tl_postgres_scan_select(scan, NULL, &sql);
    }
    enum tl_code code = tl_postgres_query(connection, tl_buf_cstr(&sql), stop, results, count, err);
    tl_buf_done(&sql);
    if (code == TL_OK) {
        connection->reused = false; /* it carries our transaction now: it cannot be replaced */
        const PGresult *size = results[filtered ? last - 1 : last];
        survey->cost = filtered ? cost_of(results[last]) : -1;
        survey->pages = PQntuples(size) == 1 && PQnfields(size) == 1 ? strtoll(PQgetvalue(size, 0, 0), NULL, 10) : 0;
    }
    for (size_t i = 0; i < count; i++)
        PQclear(results[i]);
    return code;
}

static enum tl_code export_snapshot(struct tl_scan *scan, struct tl_postgres_connection *connection,
                                    const struct tl_stop *stop, struct tl_err *err)
{
    PGresult *result = NULL;
    enum tl_code code = tl_postgres_query(connection, "SELECT pg_export_snapshot()", stop, &result, 1, err);
    if (code == TL_OK && PQntuples(result) == 1 && PQnfields(result) == 1)
        snprintf(scan->snapshot, sizeof scan->snapshot, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return code;
}

static void split(struct tl_scan *scan, int64_t pages, int threads)
{
    int64_t range = pages / (threads * RANGES_PER_THREAD);
    range = range < TL_POSTGRES_RANGE_PAGES_MIN ? TL_POSTGRES_RANGE_PAGES_MIN : range;
    range = range > TL_POSTGRES_RANGE_PAGES_MAX ? TL_POSTGRES_RANGE_PAGES_MAX : range;
    int64_t ranges = (pages + range - 1) / range;
    scan->ranged = true;
    scan->pages = pages;
    scan->range_pages = range;
    scan->parts_at_once = ranges < threads ? (int)ranges : threads;
}

/* Leaves the surveying connection, within its transaction, among the idle ones. */
static enum tl_code plan_ranges(struct tl_scan *scan, int threads, const struct tl_stop *stop, struct tl_err *err)
{
    struct survey findings = {.scan = scan};
    struct tl_postgres_connection *connection = NULL;
    tl_postgres_pool *pool = scan->source->pool;
    enum tl_code code = tl_postgres_pool_attempt(pool, survey, &findings, stop, &connection, err);
    if (code != TL_OK) {
        tl_postgres_pool_put(pool, connection);
        return code;
    }
    bool cheap = findings.cost >= 0 && findings.cost < (double)findings.pages / CHEAP_FRACTION;
    if (findings.pages >= TL_POSTGRES_RANGED_PAGES_MIN && !cheap) {
        struct tl_err ignored; /* some poolers and replicas cannot export: then it is one part */
        tl_err_init(&ignored);
        code = export_snapshot(scan, connection, stop, &ignored);
        if (code == TL_CANCELLED || code == TL_TIME_EXCEEDED) {
            tl_postgres_pool_put(pool, connection);
            return tl_err_copy(err, &ignored);
        }
        if (code != TL_OK || !*scan->snapshot) {
            tl_postgres_pool_put(pool, connection);
            return TL_OK;
        }
        split(scan, findings.pages, threads);
    }
    scan->connected = scan->idle_count = 1;
    scan->idle[0] = connection;
    return TL_OK;
}

enum tl_code tl_postgres_scan_open(tl_source *source, const struct tl_scan_request *request, int threads_max,
                                   const struct tl_stop *stop, tl_arena *arena, tl_scan **ret_scan,
                                   int *ret_parts_at_once, struct tl_err *err)
{
    if (!request->dataset->driver_data)
        return tl_err_set(err, TL_INTERNAL, "table \"%s\" was not described by its source", request->dataset->name);
    struct tl_scan *scan = tl_heap_alloc(sizeof *scan);
    scan->source = source;
    scan->request = request;
    scan->own = request->dataset->driver_data;
    scan->parts_at_once = 1;
    pthread_mutex_init(&scan->mutex, NULL);
    tl_postgres_condition_init(&scan->changed);
    int threads = threads_max < source->options.connections_max ? threads_max : source->options.connections_max;
    enum tl_code code = write_all(scan, arena, err);
    if (code == TL_OK && may_range(scan, threads))
        code = plan_ranges(scan, threads, stop, err);
    if (code != TL_OK) {
        struct tl_scan_stats stats;
        tl_postgres_scan_close(scan, &stats);
        return code;
    }
    if (scan->ranged)
        scan->text = tl_arena_printf(arena, "%s, in ranges of %lld of %lld pages", scan->text,
                                     (long long)scan->range_pages, (long long)scan->pages);
    *ret_scan = scan;
    *ret_parts_at_once = scan->parts_at_once;
    return TL_OK;
}

void tl_postgres_scan_close(tl_scan *scan, struct tl_scan_stats *ret_stats)
{
    *ret_stats = (struct tl_scan_stats){.rows = scan->rows, .bytes = scan->bytes, .text = scan->text};
    /* their transactions are still open, so the pool closes them */
    for (int i = 0; i < scan->idle_count; i++)
        tl_postgres_pool_put(scan->source->pool, scan->idle[i]);
    pthread_cond_destroy(&scan->changed);
    pthread_mutex_destroy(&scan->mutex);
    free(scan);
}

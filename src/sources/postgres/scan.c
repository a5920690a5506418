#include "sources/postgres/scan_int.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sources/postgres/derive.h"

enum { LIMIT_RANGED_MIN = 100000, DEADLINE_GRACE_MS = 1000 };

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
    if (scan->own->kind == 'p') /* a partition that is read by its own name is excluded only then */
        tl_buf_adds(sql, " SET LOCAL constraint_exclusion = on;");
    if (*scan->snapshot) {
        tl_buf_adds(sql, " SET TRANSACTION SNAPSHOT ");
        tl_buf_add_literal(sql, scan->snapshot, strlen(scan->snapshot));
        tl_buf_addc(sql, ';');
    }
    int64_t ms = timeout_ms(scan, stop);
    if (ms > 0)
        tl_buf_addf(sql, " SET LOCAL statement_timeout = %lld;", (long long)ms);
}

void tl_postgres_scan_select(const struct tl_scan *scan, const struct tl_postgres_piece *piece, const char *condition,
                             struct tl_buf *sql)
{
    tl_buf_adds(sql, scan->select);
    tl_buf_adds(sql, piece ? piece->from : scan->from);
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

static enum tl_code write_select(struct tl_scan *scan, tl_arena *arena, struct tl_buf *sql, struct tl_err *err)
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
        tl_postgres_uses_add(&scan->uses, dataset, column);
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

/* False when a filter was left out or is only a looser one, so that the caller applies it; then no row may be cut off,
 * either. */
static bool write_where(struct tl_scan *scan, struct tl_buf *sql)
{
    const struct tl_source_dataset *dataset = scan->request->dataset;
    bool all = true;
    for (size_t i = 0; i < scan->request->filter_count; i++) {
        const struct tl_expr *filter = scan->request->filters[i];
        size_t mark = sql->size;
        tl_buf_adds(sql, mark > 0 ? " AND " : "");
        size_t begin = sql->size;
        if (!tl_postgres_filter(dataset, filter, sql, NULL)) {
            all = false;
            if (sql->failed)
                return false;
            sql->size = begin;
            if (!tl_postgres_prefilter(dataset, filter, sql))
                sql->size = mark;
        }
        if (sql->size > mark)
            tl_postgres_uses_add_expr(&scan->uses, 1, &dataset, filter);
    }
    return all;
}

static bool write_order(struct tl_scan *scan, struct tl_buf *sql)
{
    const struct tl_scan_request *request = scan->request;
    for (size_t i = 0; i < request->order_count; i++) {
        tl_buf_adds(sql, i > 0 ? ", " : " ORDER BY ");
        if (!tl_postgres_order(request->dataset, &request->order[i], sql))
            return false;
        tl_postgres_uses_add(&scan->uses, request->dataset, request->order[i].column);
    }
    return true;
}

static void write_tail(struct tl_scan *scan, bool all_filters, struct tl_buf *sql)
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
static void make_counting(struct tl_scan *scan, tl_arena *arena)
{
    static struct tl_postgres_field count = {.form = TL_POSTGRES_INT8, .name = "count", .source_type = "bigint"};
    scan->counts = true;
    scan->fields = &count;
    scan->field_count = 1;
    scan->select = *scan->tail ? "SELECT count(*) FROM (SELECT" : "SELECT count(*)";
    if (*scan->tail)
        scan->tail = tl_arena_printf(arena, "%s) counted", scan->tail);
}

static const char *copy_of(tl_arena *arena, struct tl_buf *sql, bool *failed)
{
    *failed |= sql->failed;
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(sql));
    tl_buf_clear(sql);
    return copy;
}

static enum tl_code write_all(struct tl_scan *scan, tl_arena *arena, struct tl_err *err)
{
    struct tl_buf sql;
    bool failed = false;
    tl_buf_init(&sql, TL_POSTGRES_SQL_SIZE_MAX);
    enum tl_code code = write_select(scan, arena, &sql, err);
    scan->select = copy_of(arena, &sql, &failed);
    write_from(scan->request->dataset, &sql);
    scan->from = copy_of(arena, &sql, &failed);
    tl_postgres_uses_add(&scan->uses, scan->request->dataset, -1);
    bool all = write_where(scan, &sql);
    scan->where = copy_of(arena, &sql, &failed);
    write_tail(scan, all, &sql);
    scan->tail = copy_of(arena, &sql, &failed);
    if (code == TL_OK && failed)
        code = tl_err_set(err, TL_TOO_LARGE, "the filters for %s are longer than %d bytes", scan->own->where,
                          TL_POSTGRES_SQL_SIZE_MAX);
    if (needs_rows_only(scan->request))
        make_counting(scan, arena);
    scan->asks_more = scan->own->select || *scan->where || *scan->tail || scan->counts;
    tl_postgres_scan_select(scan, NULL, NULL, &sql);
    scan->text = tl_arena_printf(arena, "COPY (%s) TO STDOUT (FORMAT binary)", tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return code;
}

static bool may_range(const struct tl_scan *scan, int threads)
{
    const struct tl_scan_request *request = scan->request;
    if (threads < 2 || !scan->own->ranges || scan->own->pages < TL_POSTGRES_RANGED_PAGES_MIN)
        return false;
    return !*scan->tail || (request->order_count == 0 && request->limit > LIMIT_RANGED_MIN);
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
    scan->uses = (struct tl_postgres_uses){.arena = arena};
    pthread_mutex_init(&scan->mutex, NULL);
    tl_postgres_condition_init(&scan->changed);
    int threads = threads_max < source->options.connections_max ? threads_max : source->options.connections_max;
    enum tl_code code = write_all(scan, arena, err);
    if (code == TL_OK && may_range(scan, threads))
        code = tl_postgres_scan_split(scan, arena, threads, stop, err);
    if (code != TL_OK) {
        struct tl_scan_stats stats;
        tl_postgres_scan_close(scan, &stats);
        return code;
    }
    if (scan->ranged)
        scan->text = tl_arena_printf(arena, "%s, in ranges of %lld pages of %zu heap%s", scan->text,
                                     (long long)scan->pages_left, scan->piece_count, scan->piece_count == 1 ? "" : "s");
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
    for (int i = 0; i < scan->parked_count; i++)
        tl_postgres_pool_put(scan->source->pool, scan->parked[i]);
    pthread_cond_destroy(&scan->changed);
    pthread_mutex_destroy(&scan->mutex);
    free(scan);
}

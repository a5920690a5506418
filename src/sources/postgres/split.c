/* How a scan is split: what is asked before, and which pieces there are. */
#include <stdio.h>
#include <stdlib.h>

#include "sources/postgres/scan_int.h"

enum { CHEAP_FRACTION = 4 };
enum { PIECE_FROM, PIECE_PAGES, PIECE_RANGES, PIECE_READABLE, PIECE_COLUMNS };

struct survey {
    struct tl_scan *scan;
    tl_arena *arena;
    size_t piece_count; /* 0: one part */
    struct tl_postgres_piece *pieces;
    int64_t pages;
    double cost; /* the planner's, of the whole read; -1 = not asked */
};

static const char pieces_of_heap[] =
    " SELECT NULL, pg_relation_size(%u) / current_setting('block_size')::bigint, true, true;";
/* What is read by its own name passes by the policies and grants of the table above it. */
static const char pieces_of_partitions[] =
    " SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),"
    " CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) ELSE 0 END / current_setting('block_size')::bigint,"
    " c.relkind = 'r' AND coalesce(m.amname = 'heap', false),"
    " has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
    " AND NOT row_security_active(c.oid) AND NOT row_security_active(%u)"
    " FROM pg_partition_tree(%u) t JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_am m ON m.oid = c.relam WHERE t.isleaf ORDER BY 2 DESC LIMIT %d;";

/* The first line of EXPLAIN: "Seq Scan on t  (cost=0.00..431.00 rows=21000 width=4)". */
static double cost_of(const PGresult *plan)
{
    double start, total;
    const char *line = PQntuples(plan) > 0 && PQnfields(plan) > 0 ? PQgetvalue(plan, 0, 0) : "";
    const char *cost = strstr(line, "(cost=");
    return cost && sscanf(cost, "(cost=%lf..%lf", &start, &total) == 2 ? total : -1;
}

static bool is_true(const PGresult *result, int row, int column)
{
    return *PQgetvalue(result, row, column) == 't';
}

static void read_pieces(struct survey *survey, const PGresult *result)
{
    int count = PQntuples(result);
    if (PQnfields(result) != PIECE_COLUMNS || count > TL_POSTGRES_PIECES_MAX)
        return;
    survey->pieces = TL_NEW_ARRAY(survey->arena, struct tl_postgres_piece, count);
    survey->pages = 0;
    for (int i = 0; i < count; i++) {
        struct tl_postgres_piece *piece = &survey->pieces[i];
        if (!is_true(result, i, PIECE_READABLE))
            return;
        *piece = (struct tl_postgres_piece){
            .from = PQgetisnull(result, i, PIECE_FROM)
                        ? survey->scan->from
                        : tl_arena_printf(survey->arena, " FROM %s", PQgetvalue(result, i, PIECE_FROM)),
            .pages = strtoll(PQgetvalue(result, i, PIECE_PAGES), NULL, 10),
            .ranges = is_true(result, i, PIECE_RANGES),
        };
        survey->pages += piece->pages;
    }
    survey->piece_count = (size_t)count;
}

static void write_survey(const struct tl_scan *scan, struct tl_buf *sql)
{
    uint32_t oid = scan->own->oid;
    if (scan->uses.count > 0)
        tl_postgres_uses_write(&scan->uses, sql);
    if (scan->own->kind == 'p')
        tl_buf_addf(sql, pieces_of_partitions, oid, oid, TL_POSTGRES_PIECES_MAX + 1);
    else
        tl_buf_addf(sql, pieces_of_heap, oid);
    if (*scan->where) {
        tl_buf_adds(sql, " EXPLAIN ");
        tl_postgres_scan_select(scan, NULL, NULL, sql);
    }
}

/* Begin, look at the table now, and ask the planner whether an index answers the filters.  Answers of BEGIN and SET, which
 * have no columns, come first. */
static enum tl_code ask(void *context, struct tl_postgres_connection *connection, const struct tl_stop *stop,
                        struct tl_err *err)
{
    struct survey *survey = context;
    struct tl_scan *scan = survey->scan;
    struct tl_buf sql;
    tl_buf_init(&sql, TL_POSTGRES_SQL_SIZE_MAX * 2);
    tl_postgres_scan_begin(scan, stop, &sql);
    write_survey(scan, &sql);
    enum tl_code code = tl_postgres_send(connection, tl_buf_cstr(&sql), stop, err);
    tl_buf_done(&sql);
    int wanted = scan->uses.count > 0 ? 0 : 1; /* 0 the check, 1 the pieces, 2 the plan */
    while (code == TL_OK) {
        PGresult *result = NULL;
        code = tl_postgres_result(connection, stop, &result, err);
        if (code != TL_OK || !result)
            break;
        if (PQresultStatus(result) == PGRES_TUPLES_OK) {
            if (wanted == 0)
                connection->broken |= (code = tl_postgres_scan_check(scan, result, err)) != TL_OK;
            else if (wanted == 1)
                read_pieces(survey, result);
            else
                survey->cost = cost_of(result);
            wanted++;
        }
        PQclear(result);
    }
    if (code == TL_OK)
        connection->reused = false; /* it carries our transaction now: it cannot be replaced */
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

static void split(struct tl_scan *scan, const struct survey *findings, int threads)
{
    int64_t parts = (findings->pages + TL_POSTGRES_RANGE_PAGES_MIN - 1) / TL_POSTGRES_RANGE_PAGES_MIN;
    scan->ranged = true;
    scan->pieces = findings->pieces;
    scan->piece_count = findings->piece_count;
    scan->pages_left = findings->pages;
    scan->parts_at_once = parts < threads ? (int)parts : threads;
}

enum tl_code tl_postgres_scan_split(struct tl_scan *scan, tl_arena *arena, int threads, const struct tl_stop *stop,
                                    struct tl_err *err)
{
    struct survey findings = {.scan = scan, .arena = arena, .cost = -1};
    struct tl_postgres_connection *connection = NULL;
    tl_postgres_pool *pool = scan->source->pool;
    enum tl_code code = tl_postgres_pool_attempt(pool, ask, &findings, stop, &connection, err);
    if (code != TL_OK) {
        tl_postgres_pool_put(pool, connection);
        return code;
    }
    bool cheap = findings.cost >= 0 && findings.cost < (double)findings.pages / CHEAP_FRACTION;
    if (findings.piece_count > 0 && findings.pages >= TL_POSTGRES_RANGED_PAGES_MIN && !cheap) {
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
        split(scan, &findings, threads);
    }
    scan->connected = scan->idle_count = 1;
    scan->idle[0] = connection;
    return TL_OK;
}

enum tl_code tl_postgres_scan_check(const struct tl_scan *scan, const PGresult *result, struct tl_err *err)
{
    return tl_postgres_uses_check(&scan->uses, result, scan->source->options.name, scan->own->where, err);
}

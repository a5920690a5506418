/* What was used, as far as the caller may see it. */
#include <string.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "catalog/usage_int.h"

enum { USERS_MAX = 10, COLUMNS_MAX = 50, JOINS_MAX = 50, EXAMPLES_MAX = 10, POPULAR_CANDIDATES = 500, COLUMNS_OF_TABLE_MAX = 20000 };

struct putting {
    struct tl_request *rq;
    tl_lifeguard *lifeguard;
    tl_store_tx *tx;
    struct tl_json_writer *json;
    struct tl_grant_scope table;
    size_t put, most;
};

/* --- who may see --- */

struct columns {
    tl_arena *arena;
    const char **names;
    size_t count, capacity;
};

static enum tl_code take_column(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct columns *columns = context;
    (void)count;
    (void)err;
    if (columns->count == COLUMNS_OF_TABLE_MAX)
        return TL_OK;
    if (columns->count == columns->capacity) {
        size_t before = columns->capacity;
        columns->capacity = before ? 2 * before : 32;
        columns->names = tl_arena_grow(columns->arena, columns->names, before * sizeof *columns->names, columns->capacity * sizeof *columns->names);
    }
    columns->names[columns->count++] = tl_store_text(columns->arena, &cells[0]);
    return TL_OK;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* Has the table this column (NULL: any) and may the caller see it? */
static bool may_see(struct putting *putting, const struct tl_grant_scope *table, const char *column)
{
    struct columns columns = {.arena = putting->rq->arena};
    struct tl_err err;
    const struct tl_store_value params[] = {TL_STORE_T(table->source), TL_STORE_T(table->schema), TL_STORE_T(table->table)};
    tl_err_init(&err);
    if (tl_store_run(putting->tx, "SELECT c.name FROM catalog_dataset d JOIN catalog_column c ON c.dataset_id = d.dataset_id WHERE d.source = ?1 AND "
                                  "d.schema_name = ?2 AND d.name = ?3 AND d.gone_at_us IS NULL AND c.gone_at_us IS NULL ORDER BY c.position", params, 3,
                     take_column, &columns, &err) != TL_OK)
        return false;
    if (column && !is_one_of(column, columns.names, columns.count))
        return false;
    if (tl_lifeguard_governs(putting->rq, putting->lifeguard, table))
        return true;
    bool *visible = TL_NEW_ARRAY(putting->rq->arena, bool, columns.count), any = false;
    const struct tl_access_need need = {table->source, table->schema, table->table, TL_ACCESS_READ, columns.count, columns.names};
    tl_lifeguard_visible(putting->rq, putting->lifeguard, &need, visible);
    for (size_t i = 0; i < columns.count; i++)
        any = any || (visible[i] && (!column || strcmp(columns.names[i], column) == 0));
    return any;
}

/* --- counts --- */

static const char *text_at(const tl_json *array, size_t index)
{
    size_t at = 0;
    for (struct tl_json_iter it = tl_json_iter(array); tl_json_next(&it); at++)
        if (at == index)
            return tl_json_text(it.value);
    return NULL;
}

static void put_counts(struct tl_json_writer *json, const struct tl_store_value *cells)
{
    tl_json_pair_int64(json, "statements", cells[1].integer);
    tl_json_pair_int64(json, "last_us", cells[2].integer);
    tl_json_end_object(json);
}

static enum tl_code put_user(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    (void)count;
    (void)err;
    tl_json_begin_object(putting->json);
    tl_json_pair_text(putting->json, "user", tl_store_text(putting->rq->arena, &cells[0]));
    put_counts(putting->json, cells);
    return TL_OK;
}

static enum tl_code put_column(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    const char *column = tl_store_text(putting->rq->arena, &cells[0]);
    (void)count;
    (void)err;
    if (putting->put == putting->most || !may_see(putting, &putting->table, column))
        return TL_OK;
    putting->put++;
    tl_json_begin_object(putting->json);
    tl_json_pair_text(putting->json, "column", column);
    put_counts(putting->json, cells);
    return TL_OK;
}

static enum tl_code put_join(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    const tl_json *item = NULL;
    (void)count;
    if (putting->put == putting->most)
        return TL_OK;
    if (tl_json_parse(putting->rq->arena, cells[0].bytes.data, cells[0].bytes.size, &item, err) != TL_OK)
        return err->code;
    const char *column = text_at(item, 0), *other_column = text_at(item, 4);
    const struct tl_grant_scope other = {.source = text_at(item, 1), .schema = text_at(item, 2), .table = text_at(item, 3)};
    if (!column || !other_column || !may_see(putting, &putting->table, column) || !may_see(putting, &other, other_column))
        return TL_OK;
    putting->put++;
    tl_json_begin_object(putting->json);
    tl_json_pair_text(putting->json, "column", column);
    tl_json_pair_text(putting->json, "with", tl_arena_printf(putting->rq->arena, "%s.%s.%s", other.source, other.schema, other.table));
    tl_json_pair_text(putting->json, "with_column", other_column);
    put_counts(putting->json, cells);
    return TL_OK;
}

static enum tl_code put_list(struct putting *putting, const char *key, const char *kind, size_t most, tl_store_row each, struct tl_err *err)
{
    /* more than are shown: some of them may be hidden */
    const struct tl_store_value params[] = {TL_STORE_T(kind), TL_STORE_T(putting->table.source), TL_STORE_T(putting->table.schema),
                                            TL_STORE_T(putting->table.table), TL_STORE_I(strcmp(kind, USAGE_USER) == 0 ? (int64_t)most : 10 * (int64_t)most)};
    putting->put = 0;
    putting->most = most;
    tl_json_key(putting->json, key);
    tl_json_begin_array(putting->json);
    enum tl_code code = tl_store_run(putting->tx, "SELECT item, sum(statements), max(last_us) FROM catalog_usage WHERE kind = ?1 AND source = ?2 AND "
                                                  "schema_name = ?3 AND name = ?4 GROUP BY item ORDER BY 2 DESC, 1 LIMIT ?5", params, 5, each, putting, err);
    tl_json_end_array(putting->json);
    return code;
}

static enum tl_code put_week(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    (void)count;
    (void)err;
    tl_json_begin_object(putting->json);
    tl_json_pair_int64(putting->json, "from_us", cells[0].integer * USAGE_WEEK_US);
    put_counts(putting->json, cells);
    return TL_OK;
}

static enum tl_code put_weeks(struct putting *putting, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(putting->table.source), TL_STORE_T(putting->table.schema), TL_STORE_T(putting->table.table)};
    tl_json_key(putting->json, "weeks");
    tl_json_begin_array(putting->json);
    enum tl_code code = tl_store_run(putting->tx, "SELECT week, statements, last_us FROM catalog_usage WHERE kind = 'table' AND source = ?1 AND "
                                                  "schema_name = ?2 AND name = ?3 AND item = '' ORDER BY week DESC", params, 3, put_week, putting, err);
    tl_json_end_array(putting->json);
    return code;
}

/* --- examples --- */

/* May the caller see every column that the statement read? */
static bool may_run(struct putting *putting, struct tl_str lineage_json)
{
    const tl_json *lineage = NULL, *datasets;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_json_parse(putting->rq->arena, lineage_json.data, lineage_json.size, &lineage, &err) != TL_OK ||
        tl_json_bool(tl_json_get(lineage, "incomplete"), false))
        return false;
    datasets = tl_json_get(lineage, "datasets");
    for (struct tl_json_iter it = tl_json_iter(datasets); tl_json_next(&it);) {
        const struct tl_grant_scope table = {.source = text_at(it.value, 0), .schema = text_at(it.value, 1), .table = text_at(it.value, 2)};
        if (!table.source || !table.schema || !table.table || !may_see(putting, &table, NULL))
            return false;
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(lineage, "reads")); tl_json_next(&it);) {
        struct tl_json_iter pair = tl_json_iter(it.value), all = tl_json_iter(datasets);
        int64_t number = -1;
        if (!tl_json_next(&pair) || !tl_json_int64(pair.value, &number) || !tl_json_next(&pair))
            return false;
        for (int64_t i = 0; i <= number; i++)
            if (!tl_json_next(&all))
                return false;
        const struct tl_grant_scope table = {.source = text_at(all.value, 0), .schema = text_at(all.value, 1), .table = text_at(all.value, 2)};
        if (number < 0 || !tl_json_text(pair.value) || !may_see(putting, &table, tl_json_text(pair.value)))
            return false;
    }
    return true;
}

static enum tl_code put_example(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    (void)count;
    (void)err;
    const char *user = tl_store_text(putting->rq->arena, &cells[0]);
    bool own = putting->rq->principal && tl_streq(putting->rq->principal->user, user);
    if (putting->put == putting->most || (!own && !may_run(putting, cells[2].bytes)))
        return TL_OK;
    const char *text = own ? tl_store_text(putting->rq->arena, &cells[3]) : usage_general(putting->rq->arena, cells[3].bytes);
    if (!text)
        return TL_OK;
    putting->put++;
    tl_json_begin_object(putting->json);
    tl_json_pair_text(putting->json, "sql", text);
    tl_json_pair_bool(putting->json, "own", own);
    tl_json_pair_text(putting->json, "user", user);
    const struct tl_store_value counts[] = {cells[0], cells[1], cells[4]};
    put_counts(putting->json, counts);
    return TL_OK;
}

static enum tl_code put_examples(struct putting *putting, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(putting->table.source), TL_STORE_T(putting->table.schema), TL_STORE_T(putting->table.table)};
    putting->put = 0;
    putting->most = EXAMPLES_MAX;
    tl_json_key(putting->json, "examples");
    tl_json_begin_array(putting->json);
    enum tl_code code = tl_store_run(putting->tx, "SELECT h.user_name, e.statements, coalesce(h.lineage_json, '{\"incomplete\":true}'), h.text, e.last_us FROM "
                                                  "catalog_usage_example e JOIN query_history h ON h.id = e.statement_id WHERE e.source = ?1 AND "
                                                  "e.schema_name = ?2 AND e.name = ?3 ORDER BY e.statements DESC, e.last_us DESC", params, 3, put_example,
                                     putting, err);
    tl_json_end_array(putting->json);
    return code;
}

/* --- a table --- */

static enum tl_code take_total(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    (void)count;
    (void)err;
    tl_json_pair_int64(putting->json, "statements", cells[0].integer);
    tl_json_pair_int64(putting->json, "last_us", cells[1].integer);
    return TL_OK;
}

static enum tl_code put_table(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct putting *putting = context;
    const struct tl_store_value params[] = {TL_STORE_T(putting->table.source), TL_STORE_T(putting->table.schema), TL_STORE_T(putting->table.table)};
    putting->tx = tx;
    if (!may_see(putting, &putting->table, NULL))
        return TL_OK;
    enum tl_code code = tl_store_run(tx, "SELECT coalesce(sum(statements), 0), coalesce(max(last_us), 0) FROM catalog_usage WHERE kind = 'table' AND "
                                         "source = ?1 AND schema_name = ?2 AND name = ?3", params, 3, take_total, putting, err);
    if (code == TL_OK)
        code = put_weeks(putting, err);
    if (code == TL_OK)
        code = put_list(putting, "users", USAGE_USER, USERS_MAX, put_user, err);
    if (code == TL_OK)
        code = put_list(putting, "columns", USAGE_COLUMN, COLUMNS_MAX, put_column, err);
    if (code == TL_OK)
        code = put_list(putting, "joins", USAGE_JOIN, JOINS_MAX, put_join, err);
    return code == TL_OK ? put_examples(putting, err) : code;
}

enum tl_code tl_usage_put(struct tl_request *rq, tl_store *store, tl_lifeguard *lifeguard, const struct tl_grant_scope *table, struct tl_json_writer *json)
{
    struct putting putting = {.rq = rq, .lifeguard = lifeguard, .json = json, .table = *table};
    return tl_store_read(store, put_table, &putting, &rq->err);
}

/* --- the most used --- */

static enum tl_code put_popular(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    tl_arena *arena = putting->rq->arena;
    (void)count;
    (void)err;
    const struct tl_grant_scope table = {
        .source = tl_store_text(arena, &cells[3]), .schema = tl_store_text(arena, &cells[4]), .table = tl_store_text(arena, &cells[5])};
    if (putting->put == putting->most || !may_see(putting, &table, NULL))
        return TL_OK;
    putting->put++;
    tl_json_begin_object(putting->json);
    tl_json_pair_text(putting->json, "source", table.source);
    tl_json_pair_text(putting->json, "schema", table.schema);
    tl_json_pair_text(putting->json, "table", table.table);
    tl_json_pair_int64(putting->json, "users", cells[0].integer);
    put_counts(putting->json, cells);
    return TL_OK;
}

static enum tl_code read_popular(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct putting *putting = context;
    const struct tl_store_value params[] = {TL_STORE_I(tl_clock_wall_us() / USAGE_WEEK_US - TL_USAGE_RECENT_WEEKS), TL_STORE_I(POPULAR_CANDIDATES)};
    putting->tx = tx;
    return tl_store_run(tx, "SELECT (SELECT count(DISTINCT u.item) FROM catalog_usage u WHERE u.kind = 'user' AND u.source = t.source AND u.schema_name = "
                            "t.schema_name AND u.name = t.name AND u.week > ?1), sum(t.statements), max(t.last_us), t.source, t.schema_name, t.name FROM "
                            "catalog_usage t WHERE t.week > ?1 AND t.kind = 'table' GROUP BY t.source, t.schema_name, t.name ORDER BY 2 DESC, 4, 5, 6 LIMIT ?2",
                        params, 2, put_popular, putting, err);
}

enum tl_code tl_usage_put_popular(struct tl_request *rq, tl_store *store, tl_lifeguard *lifeguard, size_t count_max, struct tl_json_writer *json)
{
    struct putting putting = {.rq = rq, .lifeguard = lifeguard, .json = json, .most = count_max};
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(store, read_popular, &putting, &rq->err);
    tl_json_end_array(json);
    return code;
}

/* --- for the search --- */

static enum tl_code take_count(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    *(int64_t *)context = cells[0].integer;
    return TL_OK;
}

enum tl_code tl_usage_count(tl_store_tx *tx, const struct tl_grant_scope *table, int64_t *ret_statements, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(table->source), TL_STORE_T(table->schema), TL_STORE_T(table->table),
                                            TL_STORE_I(tl_clock_wall_us() / USAGE_WEEK_US - TL_USAGE_RECENT_WEEKS)};
    *ret_statements = 0;
    return tl_store_run(tx, "SELECT coalesce(sum(statements), 0) FROM catalog_usage WHERE kind = 'table' AND source = ?1 AND schema_name = ?2 AND "
                            "name = ?3 AND item = '' AND week > ?4", params, 4, take_count, ret_statements, err);
}

/* A table's values through the door to the detectors. */
#include <string.h>

#include "base/clock.h"
#include "skimmer/skimmer_int.h"

enum { SQL_MAX = 1024 * 1024, CELL_MAX = 1024 * 1024, WAIT_MS = 200 };
static const char raw_reason[] = "the Skimmer looks for personal data";

void skim_put_name(struct tl_buf *sql, const struct skim_table *table)
{
    tl_buf_add_identifier(sql, table->source);
    tl_buf_addc(sql, '.');
    tl_buf_add_identifier(sql, table->dataset.schema);
    tl_buf_addc(sql, '.');
    tl_buf_add_identifier(sql, table->dataset.name);
}

static enum tl_code read_rows(struct tl_request *rq, tl_answer *answer, skim_row row, void *context)
{
    const struct tl_batch *batch = NULL;
    bool end = false;
    while (!end) {
        if (tl_answer_next(rq, answer, WAIT_MS, &batch, &end) != TL_OK)
            return rq->err.code;
        if (atomic_load(&rq->cancelled))
            return tl_err_set(&rq->err, TL_CANCELLED, "the scan was stopped");
        for (size_t i = 0; batch && i < batch->row_count && !end; i++)
            end = !row(context, batch, i);
    }
    return TL_OK;
}

enum tl_code skim_run(struct tl_request *rq, tl_skimmer *skimmer, struct tl_str sql, skim_row row, void *context)
{
    const struct tl_door_pair limits[] = {{"query_max_run_time", tl_arena_printf(rq->arena, "%lldms", (long long)(skimmer->options.run_time_us / 1000))}};
    struct tl_session session = {.source = "skimmer", .raw_reason = raw_reason, .property_count = 1, .properties = limits};
    tl_answer *answer = NULL;
    tl_request_new_id(rq->id);
    if (tl_door_run(rq, skimmer->options.door, &session, sql, &answer) == TL_OK) {
        (void)!read_rows(rq, answer, row, context); /* its failure is rq's */
        tl_answer_close(rq, answer);
    }
    return rq->err.code;
}

/* --- one statement: some of the columns, some of the rows --- */

struct reading {
    struct skim_column **columns; /* of those in the statement */
    size_t count;
    int stride;
    int64_t rows;
    struct tl_buf cell;
};

static bool take_row(void *context, const struct tl_batch *batch, size_t row)
{
    struct reading *reading = context;
    int64_t at = reading->rows++;
    if (at >= SKIM_WHOLE_ROWS && at % reading->stride != 0)
        return true;
    for (size_t i = 0; i < reading->count && i < batch->column_count; i++) {
        const struct tl_column *column = &batch->columns[i];
        if (tl_column_is_null(column, row))
            continue;
        if (column->type->id == TL_TYPE_VARCHAR || column->type->id == TL_TYPE_JSON) {
            skim_column_add(reading->columns[i], tl_column_text(column, row));
            continue;
        }
        tl_buf_clear(&reading->cell);
        tl_column_format(&reading->cell, column, row);
        skim_column_add(reading->columns[i], (struct tl_str){reading->cell.data, reading->cell.size});
    }
    return true;
}

/* Text is cut at the source, so that a cell of a hundred megabytes does not travel. */
static void put_column(struct tl_buf *sql, const struct tl_source_column *column)
{
    if (column->type.id == TL_TYPE_VARCHAR) {
        tl_buf_adds(sql, "substr(");
        tl_buf_add_identifier(sql, column->name);
        tl_buf_addf(sql, ", 1, %d)", SKIM_VALUE_BYTES_MAX);
    } else {
        tl_buf_add_identifier(sql, column->name);
    }
}

static void write_select(struct tl_buf *sql, const struct skim_table *table, const size_t *columns, size_t count, const struct skim_plan *plan, size_t block)
{
    tl_buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < count; i++) {
        tl_buf_adds(sql, i ? ", " : "");
        put_column(sql, &table->dataset.columns[columns[i]]);
    }
    tl_buf_adds(sql, " FROM ");
    skim_put_name(sql, table);
    tl_buf_adds(sql, block < plan->block_count ? plan->conditions[block] : "");
    tl_buf_addf(sql, " LIMIT %lld", (long long)plan->limit);
}

struct scanning {
    struct tl_request *rq;
    tl_skimmer *skimmer;
    const struct skim_table *table;
    struct skim_plan plan;
    struct skim_verdict *verdicts;
    int64_t rows;
};

static enum tl_code read_columns(struct scanning *scanning, struct skim_column **chosen, const size_t *columns, size_t count)
{
    struct reading reading = {.columns = chosen, .count = count, .stride = scanning->plan.stride};
    struct tl_buf sql;
    enum tl_code code = TL_OK;
    tl_buf_init(&reading.cell, CELL_MAX);
    tl_buf_init(&sql, SQL_MAX);
    size_t blocks = scanning->plan.block_count ? scanning->plan.block_count : 1;
    for (size_t block = 0; block < blocks && code == TL_OK; block++) {
        tl_buf_clear(&sql);
        write_select(&sql, scanning->table, columns, count, &scanning->plan, block);
        code = skim_run(scanning->rq, scanning->skimmer, (struct tl_str){sql.data, sql.size}, take_row, &reading);
    }
    scanning->rows = reading.rows > scanning->rows ? reading.rows : scanning->rows;
    tl_buf_done(&sql);
    tl_buf_done(&reading.cell);
    return code;
}

static enum tl_code judge(struct scanning *scanning, struct skim_column *column, size_t at)
{
    const struct skim_found *found = NULL;
    size_t count = 0;
    int64_t checked = 0;
    if (column && skim_column_judge(column, scanning->rq->arena, &found, &count, &checked, &scanning->rq->err) != TL_OK)
        return scanning->rq->err.code;
    skim_verdict_make(scanning->rq->arena, &scanning->table->dataset.columns[at], found, count, checked, &scanning->verdicts[at]);
    return TL_OK;
}

/* What columns remember of their values is in memory for those of one statement only: a table may have thousands. */
static enum tl_code scan_columns(struct scanning *scanning, const size_t *columns, size_t count)
{
    struct skim_column *chosen[SKIM_COLUMNS_AT_ONCE];
    tl_arena *arena = tl_arena_new(SKIM_ARENA_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        chosen[i] = skim_column_new(arena, scanning->skimmer, scanning->table, columns[i]);
    enum tl_code code = read_columns(scanning, chosen, columns, count);
    for (size_t i = 0; i < count; i++) {
        if (code == TL_OK)
            code = judge(scanning, chosen[i], columns[i]);
        skim_column_end(chosen[i]);
    }
    tl_arena_free(arena);
    return code;
}

static enum tl_code scan_all(struct scanning *scanning)
{
    const struct tl_source_dataset *dataset = &scanning->table->dataset;
    size_t some[SKIM_COLUMNS_AT_ONCE], count = 0;
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < dataset->column_count && code == TL_OK; i++) {
        if (dataset->columns[i].type.id == TL_TYPE_BLOB || dataset->columns[i].unsupported)
            code = judge(scanning, NULL, i); /* not looked into */
        else
            some[count++] = i;
        if (count == SKIM_COLUMNS_AT_ONCE || (count && i + 1 == dataset->column_count)) {
            code = scan_columns(scanning, some, count);
            count = 0;
        }
    }
    return code;
}

enum tl_code skim_table_scan(struct tl_request *rq, tl_skimmer *skimmer, const struct skim_table *table, struct skim_verdict **ret_verdicts, int64_t *ret_rows)
{
    struct scanning scanning = {.rq = rq, .skimmer = skimmer, .table = table};
    scanning.verdicts = *ret_verdicts = TL_NEW_ARRAY(rq->arena, struct skim_verdict, table->dataset.column_count);
    if (skim_plan_blocks(rq, skimmer, table, &scanning.plan) == TL_OK)
        (void)!scan_all(&scanning); /* its failure is rq's */
    *ret_rows = scanning.rows;
    return rq->err.code;
}

/* Which rows are looked at: blocks spread over the range of the table's key, never only its beginning. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/value.h"
#include "skimmer/skimmer_int.h"

enum { SQL_MAX = 64 * 1024, EDGE_MAX = 64 };

enum key_kind { KEY_NONE, KEY_INTEGER, KEY_DATE, KEY_TIMESTAMP };

struct key {
    const char *name;
    enum key_kind kind;
    int64_t low, high; /* as they are; days for dates and timestamps */
};

static enum key_kind kind_of(enum tl_type_id type)
{
    switch (type) {
    case TL_TYPE_INT16: case TL_TYPE_INT32: case TL_TYPE_INT64: case TL_TYPE_UINT16: case TL_TYPE_UINT32: return KEY_INTEGER;
    case TL_TYPE_DATE: return KEY_DATE;
    case TL_TYPE_TIMESTAMP: return KEY_TIMESTAMP;
    default: return KEY_NONE;
    }
}

/* The first column of the primary or sorting key, when it is a number or a moment. */
static struct key key_of(const struct skim_table *table)
{
    const struct tl_source_dataset *dataset = &table->dataset;
    for (size_t i = 0; i < dataset->column_count; i++)
        if (dataset->columns[i].key_position == 1)
            return (struct key){.name = dataset->columns[i].name, .kind = kind_of(dataset->columns[i].type.id)};
    return (struct key){.kind = KEY_NONE};
}

struct edges {
    struct key *key;
    bool known;
};

static bool read_edge(const struct tl_column *column, enum key_kind kind, int64_t *ret_value)
{
    struct tl_buf text;
    int year, month, day;
    tl_buf_init(&text, EDGE_MAX);
    tl_column_format(&text, column, 0);
    const char *digits = tl_buf_cstr(&text);
    bool fine = !tl_column_is_null(column, 0);
    if (kind == KEY_INTEGER)
        *ret_value = strtoll(digits, NULL, 10);
    else if (fine && sscanf(digits, "%4d-%2d-%2d", &year, &month, &day) == 3)
        *ret_value = tl_date_from_civil(year, month, day);
    else
        fine = false;
    tl_buf_done(&text);
    return fine;
}

static bool take_edges(void *context, const struct tl_batch *batch, size_t row)
{
    struct edges *edges = context;
    (void)row;
    edges->known = read_edge(&batch->columns[0], edges->key->kind, &edges->key->low) && read_edge(&batch->columns[1], edges->key->kind, &edges->key->high);
    return false;
}

static void put_constant(struct tl_buf *sql, enum key_kind kind, int64_t value)
{
    int64_t year;
    int month, day;
    if (kind == KEY_INTEGER) {
        tl_buf_addf(sql, "%lld", (long long)value);
        return;
    }
    tl_date_to_civil(value, &year, &month, &day);
    tl_buf_addf(sql, kind == KEY_DATE ? "DATE '%04lld-%02d-%02d'" : "TIMESTAMP '%04lld-%02d-%02d 00:00:00'", (long long)year, month, day);
}

static const char *condition(tl_arena *arena, const struct key *key, size_t block)
{
    struct tl_buf sql;
    /* In parts, so that the range of a whole int64 does not run over. */
    int64_t value = key->low + (int64_t)block * (key->high / SKIM_BLOCKS - key->low / SKIM_BLOCKS);
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_adds(&sql, " WHERE ");
    tl_buf_add_identifier(&sql, key->name);
    tl_buf_adds(&sql, " >= ");
    put_constant(&sql, key->kind, value);
    tl_buf_adds(&sql, " ORDER BY ");
    tl_buf_add_identifier(&sql, key->name);
    return skim_take(arena, &sql);
}

static const char *newest(tl_arena *arena, const struct key *key)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_adds(&sql, " ORDER BY ");
    tl_buf_add_identifier(&sql, key->name);
    tl_buf_adds(&sql, " DESC");
    return skim_take(arena, &sql);
}

enum tl_code skim_plan_blocks(struct tl_request *rq, tl_skimmer *skimmer, const struct skim_table *table, struct skim_plan *ret_plan)
{
    struct key key = key_of(table);
    struct edges edges = {.key = &key};
    bool small = table->dataset.row_estimate >= 0 && table->dataset.row_estimate <= SKIM_SAMPLE_ROWS;
    *ret_plan = (struct skim_plan){.limit = small ? SKIM_SAMPLE_ROWS : (int64_t)SKIM_SAMPLE_ROWS * SKIM_STRIDE_MAX, .stride = small ? 1 : SKIM_STRIDE_MAX};
    if (small || key.kind == KEY_NONE || table->dataset.kind != TL_DATASET_TABLE || table->dataset.column_count > SKIM_COLUMNS_AT_ONCE)
        return TL_OK;
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_adds(&sql, "SELECT min(");
    tl_buf_add_identifier(&sql, key.name);
    tl_buf_adds(&sql, "), max(");
    tl_buf_add_identifier(&sql, key.name);
    tl_buf_adds(&sql, ") FROM ");
    skim_put_name(&sql, table);
    enum tl_code code = skim_run(rq, skimmer, (struct tl_str){sql.data, sql.size}, take_edges, &edges);
    tl_buf_done(&sql);
    if (code != TL_OK || !edges.known || key.high - key.low < SKIM_BLOCKS)
        return code;
    for (size_t i = 0; i + 1 < SKIM_BLOCKS; i++)
        ret_plan->conditions[i] = condition(rq->arena, &key, i);
    ret_plan->conditions[SKIM_BLOCKS - 1] = newest(rq->arena, &key);
    ret_plan->block_count = SKIM_BLOCKS;
    ret_plan->limit = SKIM_BLOCK_ROWS;
    ret_plan->stride = 1;
    return TL_OK;
}

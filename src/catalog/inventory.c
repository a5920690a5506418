/* What is kept of datasets and columns, read and written. */
#include <string.h>

#include "base/clock.h"
#include "catalog/catalog_int.h"

enum { TYPE_BYTES_MAX = 1024 * 1024 };

/* --- reading --- */

struct loading {
    tl_arena *arena;
    const char *source;
    struct cat_known *known;
    const char **names;
    size_t count, capacity;
};

static int64_t number_or(const struct tl_store_value *cell, int64_t fallback)
{
    return cell->type == TL_STORE_NULL ? fallback : cell->integer;
}

static enum tl_code take_known(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct loading *loading = context;
    (void)count;
    (void)err;
    if (loading->count == loading->capacity) {
        size_t old = loading->capacity;
        loading->capacity = old ? 2 * old : 256;
        loading->known = tl_arena_grow(loading->arena, loading->known, old * sizeof *loading->known, loading->capacity * sizeof *loading->known);
    }
    loading->known[loading->count++] = (struct cat_known){.id = cells[0].integer,
                                                          .schema = tl_store_text(loading->arena, &cells[1]),
                                                          .name = tl_store_text(loading->arena, &cells[2]),
                                                          .structure_hash = cells[3].integer,
                                                          .statistics_hash = cells[4].integer,
                                                          .change_marker = number_or(&cells[5], 0),
                                                          .changed_at_us = number_or(&cells[6], 0),
                                                          .gone = cells[7].type != TL_STORE_NULL};
    return TL_OK;
}

static enum tl_code read_known(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct loading *loading = context;
    const struct tl_store_value params[] = {TL_STORE_T(loading->source)};
    return tl_store_run(tx,
                        "SELECT dataset_id, schema_name, name, structure_hash, statistics_hash, change_marker, changed_at_us, gone_at_us "
                        "FROM catalog_dataset WHERE source = ?1 ORDER BY source, schema_name, name",
                        params, 1, take_known, loading, err);
}

enum tl_code cat_load_known(struct tl_request *rq, tl_catalog *catalog, const char *source, struct cat_known **ret_known, size_t *ret_count)
{
    struct loading loading = {.arena = rq->arena, .source = source};
    enum tl_code code = tl_store_read(catalog->options.store, read_known, &loading, &rq->err);
    *ret_known = loading.known;
    *ret_count = loading.count;
    return code;
}

static enum tl_code take_source(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct loading *loading = context;
    (void)count;
    (void)err;
    if (loading->count < CAT_SOURCES_MAX)
        loading->names[loading->count++] = tl_store_text(loading->arena, &cells[0]);
    return TL_OK;
}

static enum tl_code read_sources(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx,
                        "SELECT source FROM catalog_crawl c WHERE EXISTS (SELECT 1 FROM catalog_dataset d WHERE d.source = c.source AND "
                        "d.gone_at_us IS NULL)",
                        NULL, 0, take_source, context, err);
}

enum tl_code cat_load_sources(struct tl_request *rq, tl_catalog *catalog, const char ***ret_sources, size_t *ret_count)
{
    struct loading loading = {.arena = rq->arena, .names = TL_NEW_ARRAY(rq->arena, const char *, CAT_SOURCES_MAX)};
    enum tl_code code = tl_store_read(catalog->options.store, read_sources, &loading, &rq->err);
    *ret_sources = loading.names;
    *ret_count = loading.count;
    return code;
}

static enum tl_code take_numbers(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    tl_catalog *catalog = context;
    (void)count;
    (void)err;
    catalog->next_dataset_id = number_or(&cells[0], 0) + 1;
    catalog->next_change_number = number_or(&cells[1], 0) + 1;
    return TL_OK;
}

static enum tl_code read_numbers(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, "SELECT max(dataset_id), max(change_number) FROM catalog_dataset", NULL, 0, take_numbers, context, err);
}

enum tl_code cat_load_numbers(tl_catalog *catalog, struct tl_err *err)
{
    return tl_store_read(catalog->options.store, read_numbers, catalog, err);
}

/* --- writing --- */

struct writing {
    const struct cat_batch *batch;
    struct tl_buf type;
};

static struct tl_store_value known_number(int64_t number, int64_t unknown)
{
    return number == unknown ? TL_STORE_N : TL_STORE_I(number);
}

/* When the source tells no time: that of this crawl, when its marker has moved since the last one. */
static struct tl_store_value changed_at(const struct writing *writing, const struct cat_change *change)
{
    const struct cat_known *known = change->known;
    if (change->dataset->changed_at_us)
        return TL_STORE_I(change->dataset->changed_at_us);
    if (known && known->change_marker && change->dataset->change_marker && known->change_marker != change->dataset->change_marker)
        return TL_STORE_I(writing->batch->now_us);
    return known && known->changed_at_us ? TL_STORE_I(known->changed_at_us) : TL_STORE_N;
}

static enum tl_code write_dataset(tl_store_tx *tx, const struct writing *writing, const struct cat_change *change, struct tl_err *err)
{
    const struct tl_source_dataset *dataset = change->dataset;
    int64_t now_us = writing->batch->now_us;
    const struct tl_store_value params[] = {
        TL_STORE_I(change->id), TL_STORE_T(writing->batch->source), TL_STORE_T(dataset->schema), TL_STORE_T(dataset->name),
        TL_STORE_T(cat_kind_name(dataset->kind)), TL_STORE_T(dataset->comment), TL_STORE_I((int64_t)dataset->column_count),
        known_number(dataset->row_estimate, -1), known_number(dataset->size_bytes, -1), changed_at(writing, change), known_number(dataset->change_marker, 0),
        TL_STORE_I(change->structure_hash), TL_STORE_I(change->statistics_hash), TL_STORE_I(change->change_number), TL_STORE_I(now_us),
        TL_STORE_I(change->difference == CAT_STATISTICS)};
    return tl_store_run(tx,
                        "INSERT INTO catalog_dataset (dataset_id, source, schema_name, name, kind, comment, column_count, row_count, size_bytes, "
                        "changed_at_us, change_marker, structure_hash, statistics_hash, change_number, described_at_us, first_seen_us, last_seen_us) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, ?15) "
                        "ON CONFLICT (dataset_id) DO UPDATE SET kind = ?5, comment = ?6, column_count = ?7, row_count = ?8, size_bytes = ?9, "
                        "changed_at_us = ?10, change_marker = ?11, structure_hash = ?12, statistics_hash = ?13, change_number = ?14, "
                        "described_at_us = CASE WHEN ?16 = 1 THEN described_at_us ELSE ?15 END, last_seen_us = ?15, gone_at_us = NULL",
                        params, sizeof params / sizeof *params, NULL, NULL, err);
}

static enum tl_code write_column(tl_store_tx *tx, struct writing *writing, const struct cat_change *change, size_t position, struct tl_err *err)
{
    const struct tl_source_column *column = &change->dataset->columns[position];
    const struct tl_source_statistics *statistics = &column->statistics;
    bool known = statistics->known;
    struct tl_store_value fraction = {.type = TL_STORE_DOUBLE, .number = statistics->null_fraction};
    const struct tl_store_value params[] = {
        TL_STORE_I(change->id), TL_STORE_T(column->name), TL_STORE_I((int64_t)position + 1), TL_STORE_T(cat_type_text(&writing->type, column)),
        TL_STORE_T(column->source_type), TL_STORE_I(column->nullable), TL_STORE_T(column->comment), TL_STORE_I(column->key_position),
        known && statistics->null_fraction >= 0 ? fraction : TL_STORE_N, known ? known_number(statistics->distinct_count, -1) : TL_STORE_N,
        known ? known_number(statistics->average_bytes, -1) : TL_STORE_N, TL_STORE_I(writing->batch->now_us)};
    return tl_store_run(tx,
                        "INSERT INTO catalog_column (dataset_id, name, position, type, source_type, nullable, comment, key_position, null_fraction, "
                        "distinct_count, average_bytes, first_seen_us, last_seen_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12) "
                        "ON CONFLICT (dataset_id, name) DO UPDATE SET position = ?3, type = ?4, source_type = ?5, nullable = ?6, comment = ?7, "
                        "key_position = ?8, null_fraction = ?9, distinct_count = ?10, average_bytes = ?11, last_seen_us = ?12, gone_at_us = NULL",
                        params, sizeof params / sizeof *params, NULL, NULL, err);
}

static enum tl_code write_gone(tl_store_tx *tx, const struct writing *writing, const struct cat_change *change, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_I(change->id), TL_STORE_I(writing->batch->now_us), TL_STORE_I(change->change_number)};
    return tl_store_run(tx, "UPDATE catalog_dataset SET gone_at_us = ?2, change_number = ?3 WHERE dataset_id = ?1", params, 3, NULL, NULL, err);
}

static enum tl_code write_change(tl_store_tx *tx, struct writing *writing, const struct cat_change *change, struct tl_err *err)
{
    if (change->difference == CAT_GONE)
        return write_gone(tx, writing, change, err);
    enum tl_code code = write_dataset(tx, writing, change, err);
    for (size_t i = 0; i < change->dataset->column_count && code == TL_OK; i++)
        code = write_column(tx, writing, change, i, err);
    if (code != TL_OK || !change->known || change->difference == CAT_STATISTICS)
        return code;
    const struct tl_store_value params[] = {TL_STORE_I(change->id), TL_STORE_I(writing->batch->now_us)};
    return tl_store_run(tx, "UPDATE catalog_column SET gone_at_us = ?2 WHERE dataset_id = ?1 AND gone_at_us IS NULL AND last_seen_us <> ?2", params, 2,
                        NULL, NULL, err);
}

static enum tl_code write_all(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct writing *writing = context;
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < writing->batch->count && code == TL_OK; i++)
        code = write_change(tx, writing, &writing->batch->changes[i], err);
    return code;
}

enum tl_code cat_write_batch(struct tl_request *rq, tl_catalog *catalog, struct cat_batch *batch)
{
    struct writing writing = {.batch = batch};
    tl_buf_init(&writing.type, TYPE_BYTES_MAX);
    enum tl_code code = cat_tell_batch(rq, catalog, batch);
    if (code == TL_OK)
        code = tl_store_write(catalog->options.store, write_all, &writing, &rq->err);
    tl_buf_done(&writing.type);
    batch->count = batch->column_count = 0;
    return code;
}

/* --- progress --- */

static enum tl_code write_progress(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct cat_progress *progress = context;
    const struct tl_store_value params[] = {TL_STORE_T(progress->source), TL_STORE_I(progress->began_at_us), known_number(progress->ended_at_us, 0),
                                            TL_STORE_I(progress->datasets), TL_STORE_I(progress->added), TL_STORE_I(progress->changed),
                                            TL_STORE_I(progress->gone)};
    return tl_store_run(tx,
                        "INSERT INTO catalog_crawl (source, began_at_us, ended_at_us, datasets, added, changed, gone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                        "ON CONFLICT (source) DO UPDATE SET began_at_us = ?2, ended_at_us = ?3, datasets = ?4, added = ?5, changed = ?6, gone = ?7",
                        params, 7, NULL, NULL, err);
}

enum tl_code cat_write_progress(tl_catalog *catalog, const struct cat_progress *progress, struct tl_err *err)
{
    struct cat_progress copy = *progress;
    return tl_store_write(catalog->options.store, write_progress, &copy, err);
}

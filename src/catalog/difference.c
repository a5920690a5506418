/* In what a dataset is other than it was: by hash for all of them, column by column for those that differ. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "catalog/catalog_int.h"

enum { FACT_BYTES_MAX = 4 * 1024 * 1024 };

const char *cat_kind_name(enum tl_dataset_kind kind)
{
    return kind == TL_DATASET_VIEW ? "view" : "table";
}

const char *cat_type_text(struct tl_buf *scratch, const struct tl_source_column *column)
{
    tl_buf_clear(scratch);
    if (column->unsupported)
        tl_buf_adds(scratch, "unsupported");
    else
        tl_type_format_trino(scratch, &column->type);
    return tl_buf_cstr(scratch);
}

static void add_text(struct tl_buf *buf, const char *text)
{
    tl_buf_adds(buf, text ? text : "");
    tl_buf_addc(buf, text ? '\1' : '\2');
}

static void add_number(struct tl_buf *buf, int64_t number)
{
    tl_buf_add(buf, &number, sizeof number);
}

static void add_structure(struct tl_buf *buf, const struct tl_source_dataset *dataset)
{
    add_text(buf, cat_kind_name(dataset->kind));
    add_text(buf, dataset->comment);
    for (size_t i = 0; i < dataset->column_count; i++) {
        const struct tl_source_column *column = &dataset->columns[i];
        add_text(buf, column->name);
        if (column->unsupported)
            tl_buf_addc(buf, '?');
        else
            tl_type_format_trino(buf, &column->type);
        add_text(buf, column->source_type);
        add_text(buf, column->comment);
        add_number(buf, column->key_position * 2 + column->nullable);
    }
}

/* Rounded, so that what is estimated anew each time does not differ each time. */
static void add_statistics(struct tl_buf *buf, const struct tl_source_dataset *dataset)
{
    add_number(buf, dataset->row_estimate);
    add_number(buf, dataset->size_bytes);
    add_number(buf, dataset->changed_at_us);
    add_number(buf, dataset->change_marker);
    for (size_t i = 0; i < dataset->column_count; i++) {
        const struct tl_source_statistics *statistics = &dataset->columns[i].statistics;
        add_number(buf, statistics->known ? (int64_t)(statistics->null_fraction * 1000) : -2);
        add_number(buf, statistics->distinct_count);
        add_number(buf, statistics->average_bytes);
    }
}

static int64_t hash(const struct tl_buf *buf)
{
    static const uint64_t key[2] = {0x746f776e, 0x6c616b65}; /* kept in the store: the same in every process */
    return (int64_t)tl_hash_keyed(key, buf->data, buf->size);
}

void cat_hash_dataset(struct tl_buf *scratch, const struct tl_source_dataset *dataset, int64_t *ret_structure, int64_t *ret_statistics)
{
    tl_buf_clear(scratch);
    add_structure(scratch, dataset);
    *ret_structure = hash(scratch);
    tl_buf_clear(scratch);
    add_statistics(scratch, dataset);
    *ret_statistics = hash(scratch);
}

/* --- facts --- */

struct old_column {
    const char *name, *type;
    bool seen;
};

struct reading {
    tl_arena *arena;
    int64_t id;
    struct old_column *columns;
    size_t count, capacity;
};

static enum tl_code take_column(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct reading *reading = context;
    (void)count;
    (void)err;
    if (reading->count == reading->capacity) {
        size_t old = reading->capacity;
        reading->capacity = old ? 2 * old : 32;
        reading->columns = tl_arena_grow(reading->arena, reading->columns, old * sizeof *reading->columns, reading->capacity * sizeof *reading->columns);
    }
    reading->columns[reading->count++] =
        (struct old_column){.name = tl_store_text(reading->arena, &cells[0]), .type = tl_store_text(reading->arena, &cells[1])};
    return TL_OK;
}

static enum tl_code read_columns(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct reading *reading = context;
    const struct tl_store_value params[] = {TL_STORE_I(reading->id)};
    return tl_store_run(tx, "SELECT name, type FROM catalog_column WHERE dataset_id = ?1 AND gone_at_us IS NULL ORDER BY name", params, 1, take_column, reading,
                        err);
}

static int by_column_name(const void *a, const void *b)
{
    return strcmp(((const struct old_column *)a)->name, ((const struct old_column *)b)->name);
}

static struct old_column *find_column(struct reading *reading, const char *name)
{
    struct old_column key = {.name = name};
    return reading->count ? bsearch(&key, reading->columns, reading->count, sizeof key, by_column_name) : NULL;
}

/* One list of the fact: columns that are new, or those of another type. */
static void put_columns(struct tl_json_writer *json, const char *key, struct reading *old, const struct tl_source_dataset *dataset, bool added)
{
    struct tl_buf type;
    tl_buf_init(&type, FACT_BYTES_MAX);
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (size_t i = 0; i < dataset->column_count; i++) {
        const char *now = cat_type_text(&type, &dataset->columns[i]);
        struct old_column *before = find_column(old, dataset->columns[i].name);
        if (before)
            before->seen = true;
        if (added ? before != NULL : !before || strcmp(before->type, now) == 0)
            continue;
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", dataset->columns[i].name);
        tl_json_pair_text(json, "type", now);
        if (before)
            tl_json_pair_text(json, "before", before->type);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    tl_buf_done(&type);
}

static void put_gone(struct tl_json_writer *json, const struct reading *old)
{
    tl_json_key(json, "columns_gone");
    tl_json_begin_array(json);
    for (size_t i = 0; i < old->count; i++)
        if (!old->columns[i].seen)
            tl_json_put_text(json, old->columns[i].name);
    tl_json_end_array(json);
}

static const char *fact_kind(enum cat_difference difference)
{
    static const char *const kinds[] = {[CAT_ADDED] = "dataset_added", [CAT_CHANGED] = "dataset_changed", [CAT_BACK] = "dataset_back",
                                        [CAT_GONE] = "dataset_gone"};
    return kinds[difference];
}

static enum tl_code tell(struct tl_request *rq, tl_catalog *catalog, const char *source, const struct cat_change *change, struct tl_buf *body)
{
    struct reading old = {.arena = rq->arena, .id = change->id};
    struct tl_json_writer json;
    bool compares = change->difference == CAT_CHANGED || change->difference == CAT_BACK;
    if (compares && tl_store_read(catalog->options.store, read_columns, &old, &rq->err) != TL_OK)
        return rq->err.code;
    if (old.count > 1)
        qsort(old.columns, old.count, sizeof *old.columns, by_column_name);
    tl_buf_clear(body);
    tl_json_writer_init(&json, body);
    tl_json_begin_object(&json);
    tl_json_pair_int64(&json, "dataset_id", change->id);
    if (change->dataset) {
        tl_json_pair_text(&json, "kind", cat_kind_name(change->dataset->kind));
        tl_json_pair_int64(&json, "columns", (int64_t)change->dataset->column_count);
    }
    if (compares) {
        put_columns(&json, "columns_added", &old, change->dataset, true);
        put_columns(&json, "columns_changed", &old, change->dataset, false);
        put_gone(&json, &old);
    }
    tl_json_end_object(&json);
    const char *schema = change->dataset ? change->dataset->schema : change->known->schema;
    const char *name = change->dataset ? change->dataset->name : change->known->name;
    struct tl_str text = body->failed ? TL_STR("{}") : (struct tl_str){body->data, body->size};
    tl_store_fact(catalog->options.store, fact_kind(change->difference), tl_arena_printf(rq->arena, "%s.%s.%s", source, schema, name), text);
    return TL_OK;
}

enum tl_code cat_tell_batch(struct tl_request *rq, tl_catalog *catalog, const struct cat_batch *batch)
{
    enum tl_code code = TL_OK;
    struct tl_buf body;
    tl_buf_init(&body, FACT_BYTES_MAX);
    for (size_t i = 0; i < batch->count && code == TL_OK; i++)
        if (batch->changes[i].difference != CAT_STATISTICS)
            code = tell(rq, catalog, batch->source, &batch->changes[i], &body);
    tl_buf_done(&body);
    return code;
}

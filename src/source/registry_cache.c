/* What the registry keeps over a restart: sources that were added, and the last listing of every source. */
#include <stdlib.h>
#include <string.h>

#include "data/json.h"
#include "source/registry_int.h"

enum { TYPE_TEXT_MAX = 2 * 1024 * 1024 };

/* --- listings as JSON --- */

static void put_type(struct tl_json_writer *writer, const struct tl_type *type)
{
    struct tl_buf text;
    tl_buf_init(&text, TYPE_TEXT_MAX);
    tl_type_encode_hex(&text, type);
    tl_json_pair_text(writer, "type", tl_buf_cstr(&text));
    tl_buf_done(&text);
}

static void put_statistics(struct tl_json_writer *writer, const struct tl_source_statistics *statistics)
{
    tl_json_key(writer, "nulls");
    tl_json_put_double(writer, statistics->null_fraction);
    tl_json_pair_int64(writer, "distinct", statistics->distinct_count);
    tl_json_pair_int64(writer, "average_bytes", statistics->average_bytes);
}

static void read_statistics(const tl_json *json, struct tl_source_statistics *statistics)
{
    statistics->known = tl_json_double(tl_json_get(json, "nulls"), &statistics->null_fraction) &&
                        tl_json_int64(tl_json_get(json, "distinct"), &statistics->distinct_count) &&
                        tl_json_int64(tl_json_get(json, "average_bytes"), &statistics->average_bytes);
}

static void put_column(struct tl_json_writer *writer, const struct tl_source_column *column)
{
    tl_json_begin_object(writer);
    tl_json_pair_text(writer, "name", column->name);
    put_type(writer, &column->type);
    tl_json_pair_text(writer, "source_type", column->source_type);
    if (column->comment)
        tl_json_pair_text(writer, "comment", column->comment);
    tl_json_pair_bool(writer, "nullable", column->nullable);
    if (column->key_position)
        tl_json_pair_int64(writer, "key", column->key_position);
    if (column->unsupported)
        tl_json_pair_bool(writer, "unsupported", true);
    if (column->statistics.known)
        put_statistics(writer, &column->statistics);
    tl_json_end_object(writer);
}

static void put_dataset(struct tl_json_writer *writer, const struct tl_source_dataset *dataset)
{
    tl_json_begin_object(writer);
    tl_json_pair_text(writer, "schema", dataset->schema);
    tl_json_pair_text(writer, "name", dataset->name);
    tl_json_pair_text(writer, "kind", dataset->kind == TL_DATASET_VIEW ? "view" : "table");
    if (dataset->comment)
        tl_json_pair_text(writer, "comment", dataset->comment);
    tl_json_pair_int64(writer, "rows", dataset->row_estimate);
    tl_json_pair_int64(writer, "bytes", dataset->size_bytes);
    tl_json_pair_int64(writer, "changed_at_us", dataset->changed_at_us);
    tl_json_pair_int64(writer, "marker", dataset->change_marker);
    tl_json_key(writer, "columns");
    tl_json_begin_array(writer);
    for (size_t i = 0; i < dataset->column_count; i++)
        put_column(writer, &dataset->columns[i]);
    tl_json_end_array(writer);
    tl_json_end_object(writer);
}

void tl_registry_listing_write(const struct tl_registry_listing *listing, struct tl_buf *json)
{
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, json);
    tl_json_begin_array(&writer);
    for (size_t i = 0; i < listing->dataset_count; i++)
        put_dataset(&writer, &listing->datasets[i]);
    tl_json_end_array(&writer);
}

static enum tl_code read_column(tl_arena *arena, const tl_json *json, struct tl_source_column *column, struct tl_err *err)
{
    int64_t key = 0;
    (void)tl_json_int64(tl_json_get(json, "key"), &key);
    column->name = tl_arena_strdup(arena, tl_json_get_text(json, "name"));
    column->source_type = tl_arena_strdup(arena, tl_json_get_text(json, "source_type"));
    column->comment = tl_arena_strdup(arena, tl_json_get_text(json, "comment"));
    column->nullable = tl_json_bool(tl_json_get(json, "nullable"), true);
    column->unsupported = tl_json_bool(tl_json_get(json, "unsupported"), false);
    column->key_position = (int)key;
    read_statistics(json, &column->statistics);
    if (!column->name)
        return tl_err_set(err, TL_STATE, "the remembered listing has a column without a name");
    return tl_type_decode_hex(arena, tl_json_get_text(json, "type"), &column->type, err);
}

static enum tl_code read_dataset(tl_arena *arena, const tl_json *json, struct tl_source_dataset *dataset, struct tl_err *err)
{
    const tl_json *columns = tl_json_get(json, "columns");
    dataset->schema = tl_arena_strdup(arena, tl_json_get_text(json, "schema"));
    dataset->name = tl_arena_strdup(arena, tl_json_get_text(json, "name"));
    dataset->comment = tl_arena_strdup(arena, tl_json_get_text(json, "comment"));
    dataset->kind = tl_streq(tl_json_get_text(json, "kind"), "view") ? TL_DATASET_VIEW : TL_DATASET_TABLE;
    dataset->row_estimate = dataset->size_bytes = -1;
    (void)tl_json_int64(tl_json_get(json, "rows"), &dataset->row_estimate);
    (void)tl_json_int64(tl_json_get(json, "bytes"), &dataset->size_bytes);
    (void)tl_json_int64(tl_json_get(json, "changed_at_us"), &dataset->changed_at_us);
    (void)tl_json_int64(tl_json_get(json, "marker"), &dataset->change_marker);
    if (!dataset->schema || !dataset->name || tl_json_count(columns) > TL_SOURCE_COLUMNS_MAX)
        return tl_err_set(err, TL_STATE, "the remembered listing has a dataset that cannot be read");
    struct tl_source_column *list = TL_NEW_ARRAY(arena, struct tl_source_column, tl_json_count(columns));
    for (struct tl_json_iter it = tl_json_iter(columns); tl_json_next(&it);)
        if (read_column(arena, it.value, &list[dataset->column_count++], err) != TL_OK)
            return err->code;
    dataset->columns = list;
    return TL_OK;
}

enum tl_code tl_registry_listing_read(struct tl_str json, int64_t listed_at_us, struct tl_registry_listing **ret_listing, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(TL_REGISTRY_ARENA_BYTES_MAX), *scratch = tl_arena_new(TL_REGISTRY_ARENA_BYTES_MAX);
    const tl_json *root = NULL;
    size_t count = 0;
    struct tl_source_dataset *datasets = NULL;
    if (tl_json_parse(scratch, json.data, json.size, &root, err) == TL_OK) {
        if (!tl_json_is_array(root) || tl_json_count(root) > TL_REGISTRY_DATASETS_MAX)
            tl_err_set(err, TL_STATE, "the remembered listing is not a list");
        datasets = TL_NEW_ARRAY(arena, struct tl_source_dataset, tl_json_count(root));
        for (struct tl_json_iter it = tl_json_iter(root); !err->code && tl_json_next(&it);)
            (void)!read_dataset(arena, it.value, &datasets[count++], err);
    }
    tl_arena_free(scratch);
    if (err->code) {
        tl_arena_free(arena);
        return err->code;
    }
    *ret_listing = tl_registry_listing_new(arena, datasets, count, listed_at_us);
    return TL_OK;
}

static uint64_t hash(const char *bytes, size_t size)
{
    uint64_t sum = 14695981039346656037U; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ (unsigned char)bytes[i]) * 1099511628211U;
    return sum;
}

/* Only when it changed: most refreshes find what was there before. */
void tl_registry_cache_listing(tl_registry *registry, struct tl_registry_entry *entry, const struct tl_registry_listing *listing)
{
    struct tl_buf json;
    tl_buf_init(&json, TL_REGISTRY_LISTING_BYTES_MAX);
    tl_registry_listing_write(listing, &json);
    uint64_t now = hash(json.data, json.size);
    if (!json.failed && now != entry->cached_hash) {
        entry->cached_hash = now;
        tl_store_append(registry->store,
                        "INSERT INTO source_listing (name, listed_at_us, listing) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT (name) DO UPDATE SET listed_at_us = excluded.listed_at_us, listing = excluded.listing",
                        (const struct tl_store_value[]){TL_STORE_T(entry->name), TL_STORE_I(listing->listed_at_us),
                                                        TL_STORE_T(tl_buf_cstr(&json))},
                        3);
    }
    tl_buf_done(&json);
}

struct cached {
    const char *name;
    struct tl_registry_listing *listing;
};

static enum tl_code row_cached(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    struct cached *cached = context;
    struct tl_err unreadable; /* one that cannot be read is like none: it is listed again anyway */
    tl_err_init(&unreadable);
    (void)!tl_registry_listing_read(cells[1].bytes, cells[0].integer, &cached->listing, &unreadable);
    return TL_OK;
}

static enum tl_code run_cached(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct cached *cached = context;
    return tl_store_run(tx, "SELECT listed_at_us, listing FROM source_listing WHERE name = ?1",
                        (const struct tl_store_value[]){TL_STORE_T(cached->name)}, 1, row_cached, cached, err);
}

enum tl_code tl_registry_cached(tl_registry *registry, const char *name, struct tl_registry_listing **ret_listing, struct tl_err *err)
{
    struct cached cached = {name, NULL};
    enum tl_code code = tl_store_read(registry->store, run_cached, &cached, err);
    *ret_listing = cached.listing;
    return code;
}

/* --- sources in the store --- */

struct keeping {
    const struct tl_registry_entry *entry;
    const char *options, *name;
};

static enum tl_code run_keep(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct keeping *keeping = context;
    const struct tl_registry_entry *entry = keeping->entry;
    return tl_store_run(tx,
                        "INSERT INTO source (name, kind, comment, writable, options) VALUES (?1, ?2, ?3, ?4, ?5)"
                        " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, comment = excluded.comment,"
                        " writable = excluded.writable, options = excluded.options",
                        (const struct tl_store_value[]){TL_STORE_T(entry->name), TL_STORE_T(entry->kind), TL_STORE_T(entry->comment),
                                                        TL_STORE_I(entry->writable), TL_STORE_T(keeping->options)},
                        5, NULL, NULL, err);
}

enum tl_code tl_registry_keep(tl_registry *registry, const struct tl_registry_entry *entry, struct tl_err *err)
{
    struct tl_buf json;
    struct tl_json_writer writer;
    tl_buf_init(&json, TL_REGISTRY_LISTING_BYTES_MAX);
    tl_json_writer_init(&writer, &json);
    tl_json_begin_object(&writer);
    for (size_t i = 0; i < entry->option_count; i++)
        tl_json_pair_text(&writer, entry->option_names[i], entry->option_values[i]);
    tl_json_end_object(&writer);
    struct keeping keeping = {.entry = entry, .options = tl_buf_cstr(&json)};
    enum tl_code code = tl_store_write(registry->store, run_keep, &keeping, err);
    tl_buf_done(&json);
    return code;
}

static enum tl_code run_forget(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct keeping *keeping = context;
    const struct tl_store_value name[] = {TL_STORE_T(keeping->name)};
    if (tl_store_run(tx, "DELETE FROM source WHERE name = ?1", name, 1, NULL, NULL, err) != TL_OK)
        return err->code;
    return tl_store_run(tx, "DELETE FROM source_listing WHERE name = ?1", name, 1, NULL, NULL, err);
}

enum tl_code tl_registry_forget(tl_registry *registry, const char *name, struct tl_err *err)
{
    struct keeping keeping = {.name = name};
    tl_store_flush(registry->store); /* a listing still queued would come back */
    return tl_store_write(registry->store, run_forget, &keeping, err);
}

struct kept {
    tl_arena *arena;
    struct tl_config_source *sources;
    size_t count;
};

static enum tl_code row_kept(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    struct kept *kept = context;
    if (kept->count == TL_REGISTRY_SOURCES_MAX)
        return TL_OK;
    const tl_json *options;
    if (tl_json_parse(kept->arena, cells[3].bytes.data, cells[3].bytes.size, &options, err) != TL_OK)
        return err->code;
    struct tl_config_pair *pairs = TL_NEW_ARRAY(kept->arena, struct tl_config_pair, tl_json_count(options));
    size_t pair_count = 0;
    for (struct tl_json_iter it = tl_json_iter(options); tl_json_next(&it);)
        pairs[pair_count++] = (struct tl_config_pair){it.key, tl_json_text(it.value)};
    kept->sources[kept->count++] = (struct tl_config_source){.name = tl_store_text(kept->arena, &cells[0]),
                                                             .kind = tl_store_text(kept->arena, &cells[1]),
                                                             .comment = tl_store_text(kept->arena, &cells[2]),
                                                             .option_count = pair_count,
                                                             .options = pairs,
                                                             .line = (int)cells[4].integer};
    return TL_OK;
}

static enum tl_code run_kept(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, "SELECT name, kind, comment, options, writable FROM source ORDER BY name", NULL, 0, row_kept, context, err);
}

enum tl_code tl_registry_kept(tl_registry *registry, tl_arena *arena, struct tl_config_source **ret_sources, size_t *ret_count,
                              struct tl_err *err)
{
    struct kept kept = {arena, TL_NEW_ARRAY(arena, struct tl_config_source, TL_REGISTRY_SOURCES_MAX), 0};
    enum tl_code code = tl_store_read(registry->store, run_kept, &kept, err);
    *ret_sources = kept.sources;
    *ret_count = kept.count;
    return code;
}

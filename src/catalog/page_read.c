/* Pages as they are shown: to who may see all that a page is about. */
#include <string.h>

#include "catalog/catalog_int.h"

enum { PAGES_SHOWN = 10000 };

/* A table: something of it is seen; a column: it is seen. */
static bool sees(struct tl_request *rq, tl_catalog *catalog, const char *about)
{
    struct cat_entity entity;
    struct cat_sight sight;
    bool column = !cat_read_name(rq->arena, about, &entity);
    if (column && !cat_read_column_name(rq->arena, about, &entity))
        return false;
    if (!cat_see_named(rq, catalog, &entity, &sight))
        return false;
    return column ? cat_sight_of(&sight, entity.column) != NULL : sight.governs || sight.readable > 0;
}

bool cat_page_visible(struct tl_request *rq, tl_catalog *catalog, const tl_json *front)
{
    bool visible = true;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(front, "about")); visible && tl_json_next(&it);)
        visible = sees(rq, catalog, tl_json_text(it.value));
    return visible;
}

struct row {
    const char *path, *title, *text, *edited_by;
    const tl_json *front;
    int64_t version, edited_at_us;
};

struct listing {
    struct tl_request *rq;
    struct row *rows;
    size_t count, capacity;
};

static enum tl_code take_row(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct listing *listing = context;
    tl_arena *arena = listing->rq->arena;
    if (listing->count == listing->capacity) {
        size_t old = listing->capacity;
        listing->capacity = old ? 2 * old : 32;
        listing->rows = tl_arena_grow(arena, listing->rows, old * sizeof *listing->rows, listing->capacity * sizeof *listing->rows);
    }
    struct row *row = &listing->rows[listing->count++];
    *row = (struct row){.path = tl_store_text(arena, &cells[0]), .title = tl_store_text(arena, &cells[1]), .version = cells[3].integer,
                        .edited_at_us = cells[4].integer, .edited_by = tl_store_text(arena, &cells[5]),
                        .text = count > 6 ? tl_store_text(arena, &cells[6]) : NULL};
    return tl_json_parse(arena, cells[2].bytes.data, cells[2].bytes.size, &row->front, err);
}

static enum tl_code read_rows(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_I(PAGES_SHOWN)};
    return tl_store_run(tx, "SELECT path, title, front, version, edited_at_us, edited_by FROM catalog_page WHERE gone_at_us IS NULL ORDER BY path LIMIT ?1",
                        params, 1, take_row, context, err);
}

static void put_row(struct tl_json_writer *json, const struct row *row)
{
    tl_json_pair_text(json, "path", row->path);
    tl_json_pair_text(json, "title", row->title);
    for (struct tl_json_iter it = tl_json_iter(row->front); tl_json_next(&it);)
        if (strcmp(it.key, "title") != 0) {
            tl_json_key(json, it.key);
            tl_json_put_value(json, it.value);
        }
    tl_json_pair_int64(json, "version", row->version);
    tl_json_pair_int64(json, "edited_at_us", row->edited_at_us);
    tl_json_pair_text(json, "edited_by", row->edited_by);
}

enum tl_code tl_catalog_put_pages(struct tl_request *rq, tl_catalog *catalog, struct tl_json_writer *json)
{
    struct listing listing = {.rq = rq};
    enum tl_code code = tl_store_read(catalog->options.store, read_rows, &listing, &rq->err);
    tl_json_begin_array(json);
    for (size_t i = 0; i < listing.count; i++) {
        if (!cat_page_visible(rq, catalog, listing.rows[i].front))
            continue;
        tl_json_begin_object(json);
        put_row(json, &listing.rows[i]);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    return code;
}

static bool is_about(struct tl_request *rq, const tl_json *front, const struct tl_grant_scope *dataset)
{
    struct cat_entity entity;
    bool about = false;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(front, "about")); !about && tl_json_next(&it);) {
        const char *text = tl_json_text(it.value);
        about = (cat_read_name(rq->arena, text, &entity) || cat_read_column_name(rq->arena, text, &entity)) && tl_streq(entity.source, dataset->source) &&
                tl_streq(entity.schema, dataset->schema) && tl_streq(entity.name, dataset->table);
    }
    return about;
}

enum tl_code cat_put_pages_about(struct tl_request *rq, tl_catalog *catalog, const struct tl_grant_scope *dataset, struct tl_json_writer *json)
{
    struct listing listing = {.rq = rq};
    enum tl_code code = tl_store_read(catalog->options.store, read_rows, &listing, &rq->err);
    tl_json_begin_array(json);
    for (size_t i = 0; i < listing.count; i++) {
        if (!is_about(rq, listing.rows[i].front, dataset) || !cat_page_visible(rq, catalog, listing.rows[i].front))
            continue;
        tl_json_begin_object(json);
        tl_json_pair_text(json, "path", listing.rows[i].path);
        tl_json_pair_text(json, "title", listing.rows[i].title);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    return code;
}

/* --- one page --- */

struct finding {
    struct listing listing;
    const char *path;
    int64_t version;
};

static enum tl_code read_one(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct finding *finding = context;
    const struct tl_store_value params[] = {TL_STORE_T(finding->path), TL_STORE_I(finding->version)};
    return tl_store_run(tx,
                        "SELECT p.path, p.title, p.front, v.version, v.at_us, v.actor, v.text FROM catalog_page p JOIN catalog_page_version v "
                        "ON v.path = p.path WHERE p.path = ?1 AND p.gone_at_us IS NULL AND v.version = CASE WHEN ?2 > 0 THEN ?2 ELSE p.version END",
                        params, 2, take_row, &finding->listing, err);
}

/* A past version is read by who may read the page as it is now. */
enum tl_code tl_catalog_put_page(struct tl_request *rq, tl_catalog *catalog, const char *path, int64_t version, struct tl_json_writer *json)
{
    struct finding finding = {.listing = {.rq = rq}, .path = path, .version = version};
    if (tl_store_read(catalog->options.store, read_one, &finding, &rq->err) != TL_OK)
        return rq->err.code;
    const struct row *row = finding.listing.rows;
    if (finding.listing.count == 0 || !cat_page_visible(rq, catalog, row->front))
        return tl_err_set(&rq->err, TL_NOT_FOUND, "there is no page \"%.200s\" that you may read", path);
    tl_json_begin_object(json);
    put_row(json, row);
    tl_json_pair_text(json, "text", row->text);
    tl_json_end_object(json);
    return TL_OK;
}

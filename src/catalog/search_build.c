/* Documents of what the catalog holds, all anew or those that changed. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "catalog/search_int.h"

enum {
    PAGE_DATASETS = 128,
    PAGE_COLUMNS_BYTES = 64 * 1024 * 1024,
    REBUILD_CHANGES_MIN = 2000, /* fewer are always written one by one */
    COLUMN_TEXT_MAX = 2000,     /* bytes of what is said about one column */
    TEXT_MAX = 64 * 1024,       /* of what is kept to be shown */
};

#define TIER_USUAL 8

struct column {
    const char *name, *text;
};

struct dataset {
    int64_t id, change_number, changed_at_us;
    const char *source, *schema, *name, *kind, *comment;
    bool gone;
    size_t column_count, column_capacity;
    struct column *columns;
    const char *view_sql, *view_owner;
};

struct page {
    tl_arena *arena;
    const char *sql;
    int64_t after;
    size_t count;
    struct dataset datasets[PAGE_DATASETS];
};

/* --- reading a page --- */

static enum tl_code take_dataset(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct page *page = context;
    (void)count;
    (void)err;
    if (page->count == PAGE_DATASETS)
        return TL_OK;
    page->datasets[page->count++] = (struct dataset){
        .id = cells[0].integer,
        .change_number = cells[1].integer,
        .source = tl_store_text(page->arena, &cells[2]),
        .schema = tl_store_text(page->arena, &cells[3]),
        .name = tl_store_text(page->arena, &cells[4]),
        .kind = tl_store_text(page->arena, &cells[5]),
        .comment = tl_store_text(page->arena, &cells[6]),
        .changed_at_us = cells[7].type == TL_STORE_INT ? cells[7].integer : 0,
        .gone = cells[8].type != TL_STORE_NULL,
    };
    return TL_OK;
}

struct filling {
    tl_arena *arena;
    struct dataset *dataset;
};

static enum tl_code take_column(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct filling *filling = context;
    struct dataset *dataset = filling->dataset;
    (void)count;
    (void)err;
    if (dataset->column_count == dataset->column_capacity) {
        size_t before = dataset->column_capacity;
        dataset->column_capacity = before ? 2 * before : 32;
        dataset->columns = tl_arena_grow(filling->arena, dataset->columns, before * sizeof *dataset->columns, dataset->column_capacity * sizeof *dataset->columns);
    }
    dataset->columns[dataset->column_count++] = (struct column){tl_store_text(filling->arena, &cells[0]), tl_store_text(filling->arena, &cells[1])};
    return TL_OK;
}

static enum tl_code take_view(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct filling *filling = context;
    (void)count;
    (void)err;
    filling->dataset->view_sql = tl_store_text(filling->arena, &cells[0]);
    filling->dataset->view_owner = tl_store_text(filling->arena, &cells[1]);
    return TL_OK;
}

static enum tl_code fill_dataset(tl_store_tx *tx, tl_arena *arena, struct dataset *dataset, struct tl_err *err)
{
    struct filling filling = {arena, dataset};
    const struct tl_store_value id[] = {TL_STORE_I(dataset->id)};
    const struct tl_store_value name[] = {TL_STORE_T(dataset->source), TL_STORE_T(dataset->schema), TL_STORE_T(dataset->name)};
    if (dataset->gone)
        return TL_OK;
    enum tl_code code = tl_store_run(tx, "SELECT name, comment FROM catalog_column WHERE dataset_id = ?1 AND gone_at_us IS NULL ORDER BY position", id, 1,
                                     take_column, &filling, err);
    if (code == TL_OK && tl_streq(dataset->kind, "view"))
        code = tl_store_run(tx, "SELECT sql, owner FROM view WHERE catalog = ?1 AND schema = ?2 AND name = ?3", name, 3, take_view, &filling, err);
    return code;
}

static enum tl_code read_page(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct page *page = context;
    const struct tl_store_value params[] = {TL_STORE_I(page->after), TL_STORE_I(PAGE_DATASETS)};
    enum tl_code code = tl_store_run(tx, page->sql, params, 2, take_dataset, page, err);
    for (size_t i = 0; code == TL_OK && i < page->count; i++)
        code = fill_dataset(tx, page->arena, &page->datasets[i], err);
    return code;
}

#define SELECT_DATASETS "SELECT dataset_id, change_number, source, schema_name, name, kind, comment, changed_at_us, gone_at_us FROM catalog_dataset "

/* --- a document --- */

struct document {
    struct tl_buf texts[TL_SEARCH_FIELDS], payload, key;
};

static void document_init(struct document *document)
{
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        tl_buf_init(&document->texts[i], TL_SEARCH_TEXT_MAX);
    tl_buf_init(&document->payload, 16 * TL_SEARCH_TEXT_MAX);
    tl_buf_init(&document->key, TL_SEARCH_TEXT_MAX);
}

static void document_clear(struct document *document)
{
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        tl_buf_clear(&document->texts[i]);
    tl_buf_clear(&document->payload);
    tl_buf_clear(&document->key);
}

static void document_done(struct document *document)
{
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        tl_buf_done(&document->texts[i]);
    tl_buf_done(&document->payload);
    tl_buf_done(&document->key);
}

/* On one line: lines are parts. */
static void put_flat(struct tl_buf *buf, const char *text, size_t most)
{
    struct tl_str cut = tl_utf8_cut(tl_str_of(text), most);
    for (size_t i = 0; i < cut.size; i++)
        tl_buf_addc(buf, cut.data[i] == '\n' ? ' ' : cut.data[i]);
}

static void put_line(struct tl_buf *buf, const char *text)
{
    if (!text)
        return;
    put_flat(buf, text, TEXT_MAX);
    tl_buf_addc(buf, '\n');
}

static void put_label(struct document *document, const char *name, const char *value)
{
    tl_buf_addf(&document->texts[TL_SEARCH_LABEL], "%s=", name);
    put_line(&document->texts[TL_SEARCH_LABEL], value);
}

static void put_columns(struct document *document, const struct dataset *dataset, struct tl_json_writer *json)
{
    bool any_text = false;
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    for (size_t i = 0; i < dataset->column_count; i++) {
        const struct column *column = &dataset->columns[i];
        tl_json_put_text(json, column->name);
        put_line(&document->texts[TL_SEARCH_PART], column->name);
        put_flat(&document->texts[TL_SEARCH_PART_BODY], column->text, COLUMN_TEXT_MAX);
        tl_buf_addc(&document->texts[TL_SEARCH_PART_BODY], '\n');
        any_text = any_text || column->text;
    }
    tl_json_end_array(json);
    if (!any_text)
        return;
    tl_json_key(json, "column_texts");
    tl_json_begin_array(json);
    for (size_t i = 0; i < dataset->column_count; i++)
        tl_json_put_str(json, tl_utf8_cut(tl_str_of(dataset->columns[i].text), COLUMN_TEXT_MAX));
    tl_json_end_array(json);
}

static void put_cut(struct tl_json_writer *json, const char *key, const char *text)
{
    if (!text)
        return;
    tl_json_key(json, key);
    tl_json_put_str(json, tl_utf8_cut(tl_str_of(text), TEXT_MAX));
}

/* A text about a column, cut where the index cuts it, so that what is found is there to be shown. */
static void put_payload(struct document *document, const struct dataset *dataset)
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, &document->payload);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "source", dataset->source);
    tl_json_pair_text(&json, "schema", dataset->schema);
    tl_json_pair_text(&json, "table", dataset->name);
    put_cut(&json, "description", dataset->comment);
    put_columns(document, dataset, &json);
    put_cut(&json, "sql", dataset->view_sql);
    put_cut(&json, "view_owner", dataset->view_owner);
    tl_json_end_object(&json);
}

static void put_names(struct document *document, const struct dataset *dataset)
{
    struct tl_buf *exact = &document->texts[TL_SEARCH_EXACT];
    put_line(exact, dataset->name);
    put_flat(exact, dataset->schema, TEXT_MAX);
    tl_buf_addc(exact, ' ');
    put_line(exact, dataset->name);
    put_flat(exact, dataset->source, TEXT_MAX);
    tl_buf_addc(exact, ' ');
    put_flat(exact, dataset->schema, TEXT_MAX);
    tl_buf_addc(exact, ' ');
    put_line(exact, dataset->name);
    put_line(&document->texts[TL_SEARCH_NAME], dataset->name);
    put_line(&document->texts[TL_SEARCH_CONTEXT], dataset->schema);
    put_line(&document->texts[TL_SEARCH_CONTEXT], dataset->source);
}

static int tier_of(const struct dataset *dataset)
{
    int tier = TIER_USUAL;
    if (dataset->comment)
        tier--;
    return tier;
}

static void make_key(struct tl_buf *key, const struct dataset *dataset)
{
    tl_buf_addf(key, "%s\x1F%s\x1F%s", dataset->source, dataset->schema, dataset->name);
}

static enum tl_code put_dataset(tl_search_writing *writing, struct document *document, const struct dataset *dataset, struct tl_err *err)
{
    document_clear(document);
    make_key(&document->key, dataset);
    put_names(document, dataset);
    put_line(&document->texts[TL_SEARCH_BODY], dataset->comment);
    put_line(&document->texts[TL_SEARCH_SQL], dataset->view_sql);
    put_label(document, "source", dataset->source);
    put_label(document, "kind", dataset->kind);
    put_payload(document, dataset);
    struct tl_search_document put = {.kind = dataset->kind, .key = tl_buf_cstr(&document->key), .tier = tier_of(dataset),
                                     .payload = {document->payload.data, document->payload.size}};
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        put.texts[i] = (struct tl_str){document->texts[i].data, document->texts[i].size};
    return document->payload.failed ? TL_OK : tl_search_put(writing, &put, err); /* 16 MiB of names: it is not found by words */
}

/* It may have been of another kind before. */
static enum tl_code remove_dataset(tl_search_writing *writing, struct document *document, const struct dataset *dataset, bool all, struct tl_err *err)
{
    static const char *const kinds[] = {"table", "view"};
    enum tl_code code = TL_OK;
    document_clear(document);
    make_key(&document->key, dataset);
    for (size_t i = 0; code == TL_OK && i < 2; i++)
        if (all || !tl_streq(kinds[i], dataset->kind))
            code = tl_search_remove(writing, kinds[i], tl_buf_cstr(&document->key), err);
    return code;
}

/* --- following --- */

struct following {
    tl_search *search;
    int64_t last; /* change number */
    bool more;
};

static enum tl_code put_page(tl_search_writing *writing, const struct page *page, bool changes, struct tl_err *err)
{
    struct document document;
    enum tl_code code = TL_OK;
    document_init(&document);
    for (size_t i = 0; code == TL_OK && i < page->count; i++) {
        const struct dataset *dataset = &page->datasets[i];
        if (changes)
            code = remove_dataset(writing, &document, dataset, dataset->gone, err);
        if (code == TL_OK && !dataset->gone)
            code = put_dataset(writing, &document, dataset, err);
    }
    document_done(&document);
    return code;
}

static enum tl_code put_everything(tl_search_writing *writing, void *context, struct tl_err *err)
{
    struct following *following = context;
    tl_arena *arena = tl_arena_new(PAGE_COLUMNS_BYTES);
    int64_t after = 0;
    enum tl_code code = TL_OK;
    for (bool more = true; code == TL_OK && more;) {
        struct page *page = TL_NEW(arena, struct page);
        *page = (struct page){.arena = arena, .after = after,
                              .sql = SELECT_DATASETS "WHERE dataset_id > ?1 AND gone_at_us IS NULL ORDER BY dataset_id LIMIT ?2"};
        code = tl_store_read(following->search->options.store, read_page, page, err);
        if (code == TL_OK)
            code = put_page(writing, page, false, err);
        more = page->count == PAGE_DATASETS;
        after = page->count ? page->datasets[page->count - 1].id : after;
        if (code == TL_OK && srch_is_stopping(following->search))
            code = tl_err_set(err, TL_CANCELLED, "the server stops");
        tl_arena_reset(arena);
    }
    tl_arena_free(arena);
    return code == TL_OK ? tl_search_set_number(writing, "change", following->last, err) : code;
}

static enum tl_code put_changes(tl_search_writing *writing, void *context, struct tl_err *err)
{
    struct following *following = context;
    tl_arena *arena = tl_arena_new(PAGE_COLUMNS_BYTES);
    struct page *page = TL_NEW(arena, struct page);
    *page = (struct page){.arena = arena, .after = following->last, .sql = SELECT_DATASETS "WHERE change_number > ?1 ORDER BY change_number LIMIT ?2"};
    enum tl_code code = tl_store_read(following->search->options.store, read_page, page, err);
    if (code == TL_OK)
        code = put_page(writing, page, true, err);
    if (code == TL_OK && page->count)
        following->last = page->datasets[page->count - 1].change_number;
    following->more = page->count == PAGE_DATASETS;
    tl_arena_free(arena);
    return code == TL_OK ? tl_search_set_number(writing, "change", following->last, err) : code;
}

/* --- what is to be done --- */

struct numbers {
    int64_t seen, newest, pending, documents;
};

static enum tl_code take_numbers(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct numbers *numbers = context;
    (void)count;
    (void)err;
    numbers->newest = cells[0].integer;
    numbers->pending = cells[1].integer;
    return TL_OK;
}

static enum tl_code read_catalog_numbers(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct numbers *numbers = context;
    const struct tl_store_value params[] = {TL_STORE_I(numbers->seen)};
    return tl_store_run(tx, "SELECT coalesce(max(change_number), 0), count(*) FROM catalog_dataset WHERE change_number > ?1", params, 1, take_numbers, numbers,
                        err);
}

static enum tl_code read_index_numbers(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct numbers *numbers = context;
    enum tl_code code = tl_search_number(tx, "change", &numbers->seen, err);
    return code == TL_OK ? tl_search_count(tx, &numbers->documents, err) : code;
}

enum tl_code srch_follow(tl_search *search, bool rebuild, struct tl_err *err)
{
    struct tl_search_state state;
    struct numbers numbers = {0};
    tl_search_index_state(search->index, &state);
    rebuild = rebuild || state.needs_rebuild;
    enum tl_code code = rebuild ? TL_OK : tl_search_index_read(search->index, read_index_numbers, &numbers, err);
    if (code == TL_OK)
        code = tl_store_read(search->options.store, read_catalog_numbers, &numbers, err);
    if (code != TL_OK)
        return code;
    struct following following = {search, numbers.newest, true};
    if (rebuild || (numbers.pending > REBUILD_CHANGES_MIN && numbers.pending > numbers.documents / 2))
        return tl_search_index_rebuild(search->index, put_everything, &following, err);
    following.last = numbers.seen;
    while (code == TL_OK && numbers.pending > 0 && following.more && !srch_is_stopping(search))
        code = tl_search_index_write(search->index, put_changes, &following, err);
    return code;
}

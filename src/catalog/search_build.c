/* Documents of what the catalog holds, all anew or those that changed. */
#include <string.h>

#include "base/clock.h"
#include "catalog/search_int.h"
#include "catalog/usage.h"

enum {
    PAGE_DATASETS = 128,
    PAGE_COLUMNS_BYTES = 64 * 1024 * 1024,
    REBUILD_CHANGES_MIN = 2000, /* fewer are always written one by one */
    COLUMN_TEXT_MAX = 2000,     /* bytes of what is said about one column */
    TEXT_MAX = 64 * 1024,       /* of what is kept to be shown */
};

enum { TIER_USUAL = 10 };
#define DAY_US ((int64_t)24 * 3600 * 1000000)
#define FRESH_US (7 * DAY_US)
#define IDLE_US (180 * DAY_US)

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
    struct srch_meaning meaning;
    int64_t statements; /* of the recent weeks */
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
        dataset->columns = tl_arena_grow(filling->arena, dataset->columns, before * sizeof *dataset->columns,
                                         dataset->column_capacity * sizeof *dataset->columns);
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
    enum tl_code code = tl_store_run(tx, "SELECT name, comment FROM catalog_column WHERE dataset_id = ?1 AND gone_at_us IS NULL ORDER BY position", id,
                                     1, take_column, &filling, err);
    const struct tl_grant_scope scope = {.source = dataset->source, .schema = dataset->schema, .table = dataset->name};
    if (code == TL_OK)
        code = tl_usage_count(tx, &scope, &dataset->statements, err);
    if (code == TL_OK)
        code = srch_meaning_read(tx, arena, &scope, &dataset->meaning, err);
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

void srch_document_init(struct srch_document *document)
{
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        tl_buf_init(&document->texts[i], TL_SEARCH_TEXT_MAX);
    tl_buf_init(&document->payload, 16 * TL_SEARCH_TEXT_MAX);
    tl_buf_init(&document->key, TL_SEARCH_TEXT_MAX);
}

void srch_document_clear(struct srch_document *document)
{
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        tl_buf_clear(&document->texts[i]);
    tl_buf_clear(&document->payload);
    tl_buf_clear(&document->key);
}

void srch_document_done(struct srch_document *document)
{
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        tl_buf_done(&document->texts[i]);
    tl_buf_done(&document->payload);
    tl_buf_done(&document->key);
}

void srch_put_flat(struct tl_buf *buf, const char *text)
{
    struct tl_str cut = tl_utf8_cut(tl_str_of(text), TEXT_MAX);
    for (size_t i = 0; i < cut.size; i++)
        tl_buf_addc(buf, cut.data[i] == '\n' ? ' ' : cut.data[i]);
}

void srch_put_line(struct tl_buf *buf, const char *text)
{
    if (!text)
        return;
    srch_put_flat(buf, text);
    tl_buf_addc(buf, '\n');
}

void srch_put_lines(struct tl_buf *buf, const tl_json *texts)
{
    for (struct tl_json_iter it = tl_json_iter(texts); tl_json_next(&it);)
        srch_put_line(buf, tl_json_text(it.value));
}

void srch_put_label(struct srch_document *document, const char *name, const char *value)
{
    if (!value)
        return;
    tl_buf_addf(&document->texts[TL_SEARCH_LABEL], "%s=", name);
    srch_put_line(&document->texts[TL_SEARCH_LABEL], value);
}

void srch_put_labels(struct srch_document *document, const char *name, const tl_json *values)
{
    for (struct tl_json_iter it = tl_json_iter(values); tl_json_next(&it);)
        srch_put_label(document, name, tl_json_text(it.value));
}

void srch_put_cut(struct tl_json_writer *json, const char *key, const char *text)
{
    if (!text)
        return;
    tl_json_key(json, key);
    tl_json_put_str(json, tl_utf8_cut(tl_str_of(text), TEXT_MAX));
}

void srch_put_list(struct tl_json_writer *json, const char *key, const tl_json *values)
{
    if (tl_json_count(values) == 0)
        return;
    tl_json_key(json, key);
    tl_json_put_value(json, values);
}

enum tl_code srch_document_put(tl_search_writing *writing, struct srch_document *document, const char *kind, int tier, bool is_private, struct tl_err *err)
{
    struct tl_search_document put = {
        .kind = kind, .key = tl_buf_cstr(&document->key), .tier = tier, .is_private = is_private, .payload = {document->payload.data, document->payload.size}};
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        put.texts[i] = (struct tl_str){document->texts[i].data, document->texts[i].size};
    return document->payload.failed ? TL_OK : tl_search_put(writing, &put, err); /* 16 MiB of names: it is not found by words */
}

/* --- of a dataset --- */

/* What is said of a column, else what its source says of it, and its terms; on one line. */
static const char *column_text(tl_arena *arena, const struct dataset *dataset, const struct column *column)
{
    const struct srch_said *said = srch_said_of(&dataset->meaning, column->name);
    const char *text = said && said->description ? said->description : column->text;
    struct tl_buf buf;
    tl_buf_init(&buf, 4 * COLUMN_TEXT_MAX);
    if (text) {
        struct tl_str cut = tl_utf8_cut(tl_str_of(text), COLUMN_TEXT_MAX);
        srch_put_flat(&buf, tl_arena_strndup(arena, cut.data, cut.size));
    }
    for (struct tl_json_iter it = tl_json_iter(said ? said->terms : NULL); tl_json_next(&it);) {
        tl_buf_addc(&buf, ' ');
        srch_put_flat(&buf, tl_json_text(it.value));
    }
    text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

static void put_columns(struct srch_document *document, tl_arena *arena, const struct dataset *dataset, struct tl_json_writer *json)
{
    const char **texts = TL_NEW_ARRAY(arena, const char *, dataset->column_count);
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    for (size_t i = 0; i < dataset->column_count; i++) {
        tl_json_put_text(json, dataset->columns[i].name);
        srch_put_line(&document->texts[TL_SEARCH_PART], dataset->columns[i].name);
        texts[i] = column_text(arena, dataset, &dataset->columns[i]);
        srch_put_line(&document->texts[TL_SEARCH_PART_BODY], texts[i]);
    }
    tl_json_end_array(json);
    tl_json_key(json, "column_texts");
    tl_json_begin_array(json);
    for (size_t i = 0; i < dataset->column_count; i++)
        tl_json_put_text(json, texts[i]);
    tl_json_end_array(json);
}

static bool is_tagged(const tl_json *tags, const char *tag)
{
    for (struct tl_json_iter it = tl_json_iter(tags); tl_json_next(&it);)
        if (tl_streq(tl_json_text(it.value), tag))
            return true;
    return false;
}

static void put_payload(struct srch_document *document, tl_arena *arena, const struct dataset *dataset)
{
    const struct srch_said *said = &dataset->meaning.said;
    struct tl_json_writer json;
    tl_json_writer_init(&json, &document->payload);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "source", dataset->source);
    tl_json_pair_text(&json, "schema", dataset->schema);
    tl_json_pair_text(&json, "table", dataset->name);
    srch_put_cut(&json, "description", said->description ? said->description : dataset->comment);
    srch_put_cut(&json, "domain", said->domain);
    srch_put_cut(&json, "deprecated", said->deprecated);
    srch_put_list(&json, "owners", said->owners);
    srch_put_list(&json, "terms", said->terms);
    srch_put_list(&json, "tags", dataset->meaning.tags);
    if (is_tagged(dataset->meaning.tags, "curated"))
        tl_json_pair_bool(&json, "curated", true);
    put_columns(document, arena, dataset, &json);
    srch_put_cut(&json, "sql", dataset->view_sql);
    srch_put_cut(&json, "view_owner", dataset->view_owner);
    tl_json_end_object(&json);
}

static void put_names(struct srch_document *document, const struct dataset *dataset)
{
    struct tl_buf *exact = &document->texts[TL_SEARCH_EXACT];
    srch_put_line(exact, dataset->name);
    srch_put_flat(exact, dataset->schema);
    tl_buf_addc(exact, ' ');
    srch_put_line(exact, dataset->name);
    srch_put_flat(exact, dataset->source);
    tl_buf_addc(exact, ' ');
    srch_put_flat(exact, dataset->schema);
    tl_buf_addc(exact, ' ');
    srch_put_line(exact, dataset->name);
    srch_put_line(&document->texts[TL_SEARCH_NAME], dataset->name);
    srch_put_line(&document->texts[TL_SEARCH_CONTEXT], dataset->schema);
    srch_put_line(&document->texts[TL_SEARCH_CONTEXT], dataset->source);
}

static void put_said(struct srch_document *document, const struct dataset *dataset)
{
    const struct srch_said *said = &dataset->meaning.said;
    struct tl_buf *context = &document->texts[TL_SEARCH_CONTEXT];
    srch_put_line(context, said->domain);
    srch_put_lines(context, said->owners);
    srch_put_lines(context, said->terms);
    srch_put_lines(context, dataset->meaning.tags);
    srch_put_line(&document->texts[TL_SEARCH_BODY], said->description ? said->description : dataset->comment);
    srch_put_label(document, "domain", said->domain);
    srch_put_labels(document, "owner", said->owners);
    srch_put_labels(document, "tag", dataset->meaning.tags);
    srch_put_label(document, "curated", is_tagged(dataset->meaning.tags, "curated") ? "yes" : NULL);
}

/* What is deprecated stands alone in the last tier. */
static int tier_of(const struct dataset *dataset)
{
    const struct srch_said *said = &dataset->meaning.said;
    if (said->deprecated)
        return TL_SEARCH_TIERS - 1;
    int tier = TIER_USUAL;
    tier -= is_tagged(dataset->meaning.tags, "curated") ? 3 : 0;
    tier -= dataset->comment || said->description ? 1 : 0;
    tier -= said->owners ? 1 : 0;
    int64_t age_us = tl_clock_wall_us() - dataset->changed_at_us;
    if (dataset->changed_at_us > 0)
        tier += age_us < FRESH_US ? -1 : age_us > IDLE_US ? 2 : 0;
    for (int64_t statements = dataset->statements; statements > 0 && tier > 0; statements /= 8)
        tier--;
    return tier < 0 ? 0 : tier;
}

static void make_key(struct tl_buf *key, const struct dataset *dataset)
{
    tl_buf_addf(key, "%s\x1F%s\x1F%s", dataset->source, dataset->schema, dataset->name);
}

static enum tl_code put_dataset(tl_search_writing *writing, struct srch_document *document, tl_arena *arena, const struct dataset *dataset,
                                struct tl_err *err)
{
    srch_document_clear(document);
    make_key(&document->key, dataset);
    put_names(document, dataset);
    put_said(document, dataset);
    srch_put_line(&document->texts[TL_SEARCH_SQL], dataset->view_sql);
    srch_put_label(document, "source", dataset->source);
    srch_put_label(document, "kind", dataset->kind);
    put_payload(document, arena, dataset);
    return srch_document_put(writing, document, dataset->kind, tier_of(dataset), false, err);
}

/* It may have been of another kind before. */
static enum tl_code remove_dataset(tl_search_writing *writing, struct srch_document *document, const struct dataset *dataset, bool all, struct tl_err *err)
{
    static const char *const kinds[] = {"table", "view"};
    enum tl_code code = TL_OK;
    srch_document_clear(document);
    make_key(&document->key, dataset);
    for (size_t i = 0; code == TL_OK && i < 2; i++)
        if (all || !tl_streq(kinds[i], dataset->kind))
            code = tl_search_remove(writing, kinds[i], tl_buf_cstr(&document->key), err);
    return code;
}

/* --- following --- */

/* How far the index is: what of the catalog, what of people's edits, what of the history it has. */
struct numbers {
    int64_t change, edit, newest_change, newest_edit, pending, documents;
};

struct following {
    tl_search *search;
    struct numbers *numbers;
    bool more;
};

static enum tl_code put_page(tl_search *search, tl_search_writing *writing, struct page *page, bool changes, struct tl_err *err)
{
    struct srch_document document;
    enum tl_code code = TL_OK;
    srch_document_init(&document);
    for (size_t i = 0; code == TL_OK && i < page->count; i++) {
        struct dataset *dataset = &page->datasets[i];
        const struct tl_grant_scope scope = {.source = dataset->source, .schema = dataset->schema, .table = dataset->name};
        if (!dataset->gone)
            srch_meaning_read_tags(search, page->arena, &scope, &dataset->meaning);
        if (changes)
            code = remove_dataset(writing, &document, dataset, dataset->gone, err);
        if (code == TL_OK && !dataset->gone)
            code = put_dataset(writing, &document, page->arena, dataset, err);
    }
    srch_document_done(&document);
    return code;
}

static enum tl_code set_numbers(tl_search_writing *writing, const struct numbers *numbers, struct tl_err *err)
{
    enum tl_code code = tl_search_set_number(writing, "change", numbers->change, err);
    return code == TL_OK ? tl_search_set_number(writing, "edit", numbers->edit, err) : code;
}

static enum tl_code put_everything(tl_search_writing *writing, void *context, struct tl_err *err)
{
    struct following *following = context;
    struct numbers *numbers = following->numbers;
    tl_arena *arena = tl_arena_new(PAGE_COLUMNS_BYTES);
    int64_t after = 0;
    enum tl_code code = TL_OK;
    for (bool more = true; code == TL_OK && more;) {
        struct page *page = TL_NEW(arena, struct page);
        *page = (struct page){.arena = arena, .after = after,
                              .sql = SELECT_DATASETS "WHERE dataset_id > ?1 AND gone_at_us IS NULL ORDER BY dataset_id LIMIT ?2"};
        code = tl_store_read(following->search->options.store, read_page, page, err);
        if (code == TL_OK)
            code = put_page(following->search, writing, page, false, err);
        more = page->count == PAGE_DATASETS;
        after = page->count ? page->datasets[page->count - 1].id : after;
        if (code == TL_OK && srch_is_stopping(following->search))
            code = tl_err_set(err, TL_CANCELLED, "the server stops");
        tl_arena_reset(arena);
    }
    tl_arena_free(arena);
    if (code == TL_OK)
        code = srch_put_terms_and_pages(following->search, writing, -1, err);
    numbers->change = numbers->newest_change;
    numbers->edit = numbers->newest_edit;
    return code == TL_OK ? set_numbers(writing, numbers, err) : code;
}

/* One page of datasets by a condition on what is above a number; *number is where it ended. */
static enum tl_code put_some(struct following *following, tl_search_writing *writing, const char *sql, int64_t *number, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(PAGE_COLUMNS_BYTES);
    struct page *page = TL_NEW(arena, struct page);
    *page = (struct page){.arena = arena, .after = *number, .sql = sql};
    enum tl_code code = tl_store_read(following->search->options.store, read_page, page, err);
    if (code == TL_OK)
        code = put_page(following->search, writing, page, true, err);
    if (code == TL_OK && page->count)
        *number = page->datasets[page->count - 1].change_number;
    following->more = page->count == PAGE_DATASETS;
    tl_arena_free(arena);
    return code;
}

static enum tl_code put_changes(tl_search_writing *writing, void *context, struct tl_err *err)
{
    struct following *following = context;
    enum tl_code code = put_some(following, writing,
                                 SELECT_DATASETS "WHERE change_number > ?1 ORDER BY change_number LIMIT ?2", &following->numbers->change, err);
    return code == TL_OK ? set_numbers(writing, following->numbers, err) : code;
}

/* Each edit stands for its dataset; its number is in the place of the change's. */
static enum tl_code put_edits(tl_search_writing *writing, void *context, struct tl_err *err)
{
    struct following *following = context;
    enum tl_code code = srch_put_terms_and_pages(following->search, writing, following->numbers->edit, err);
    if (code != TL_OK)
        return code;
    code = put_some(following, writing,
                                 "SELECT d.dataset_id, max(e.edit_id), d.source, d.schema_name, d.name, d.kind, d.comment, d.changed_at_us, d.gone_at_us FROM "
                                 "catalog_edit e JOIN catalog_dataset d ON d.source = e.source AND d.schema_name = e.schema_name AND d.name = e.name WHERE "
                                 "e.edit_id > ?1 AND e.kind IN ('dataset', 'column') GROUP BY d.dataset_id ORDER BY 2 LIMIT ?2",
                                 &following->numbers->edit, err);
    if (!following->more)
        following->numbers->edit = following->numbers->newest_edit;
    return code == TL_OK ? set_numbers(writing, following->numbers, err) : code;
}

/* --- what is to be done --- */

static enum tl_code take_numbers(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct numbers *numbers = context;
    (void)count;
    (void)err;
    numbers->newest_change = cells[0].integer;
    numbers->newest_edit = cells[1].integer;
    numbers->pending = cells[2].integer + cells[3].integer;
    return TL_OK;
}

static enum tl_code read_catalog_numbers(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct numbers *numbers = context;
    const struct tl_store_value params[] = {TL_STORE_I(numbers->change), TL_STORE_I(numbers->edit)};
    return tl_store_run(tx, "SELECT (SELECT coalesce(max(change_number), 0) FROM catalog_dataset), (SELECT coalesce(max(edit_id), 0) FROM catalog_edit), "
                            "(SELECT count(*) FROM catalog_dataset WHERE change_number > ?1), (SELECT count(*) FROM catalog_edit WHERE edit_id > ?2)",
                        params, 2, take_numbers, numbers, err);
}

static enum tl_code read_index_numbers(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct numbers *numbers = context;
    enum tl_code code = tl_search_number(tx, "change", &numbers->change, err);
    if (code == TL_OK)
        code = tl_search_number(tx, "edit", &numbers->edit, err);
    return code == TL_OK ? tl_search_count(tx, &numbers->documents, err) : code;
}

static enum tl_code follow_pages(struct following *following, tl_search_write put, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    following->more = true;
    while (code == TL_OK && following->more && !srch_is_stopping(following->search))
        code = tl_search_index_write(following->search->index, put, following, err);
    return code;
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
    struct following following = {search, &numbers, true};
    if (rebuild || (numbers.pending > REBUILD_CHANGES_MIN && numbers.pending > numbers.documents / 2))
        return tl_search_index_rebuild(search->index, put_everything, &following, err);
    if (numbers.newest_change > numbers.change)
        code = follow_pages(&following, put_changes, err);
    if (code == TL_OK && numbers.newest_edit > numbers.edit)
        code = follow_pages(&following, put_edits, err);
    return code;
}

/* What people say, for the search: of datasets and columns, terms of the glossary, pages. */
#include <stdlib.h>
#include <string.h>

#include "catalog/search_int.h"

enum { ARENA_BYTES = 64 * 1024 * 1024, NAME_BYTES_MAX = 64 * 1024, TERM_TIER = 6, PAGE_TIER = 6 };

/* --- of a dataset --- */

struct reading {
    tl_arena *arena;
    struct srch_meaning *meaning;
};

static const tl_json *list_of(tl_arena *arena, struct tl_str value)
{
    const tl_json *list = NULL;
    struct tl_err err;
    tl_err_init(&err);
    return tl_json_parse(arena, value.data, value.size, &list, &err) == TL_OK ? list : NULL;
}

static void take_said(tl_arena *arena, struct srch_said *said, struct tl_str field, const struct tl_store_value *value)
{
    if (tl_str_equal(field, TL_STR("description")))
        said->description = tl_store_text(arena, value);
    else if (tl_str_equal(field, TL_STR("domain")))
        said->domain = tl_store_text(arena, value);
    else if (tl_str_equal(field, TL_STR("deprecated")))
        said->deprecated = tl_json_get_text(list_of(arena, value->bytes), "reason");
    else if (tl_str_equal(field, TL_STR("owners")))
        said->owners = list_of(arena, value->bytes);
    else if (tl_str_equal(field, TL_STR("terms")))
        said->terms = list_of(arena, value->bytes);
    else if (tl_str_equal(field, TL_STR("synonyms")))
        said->synonyms = list_of(arena, value->bytes);
}

/* Rows come by column. */
static struct srch_said *said_of_column(struct reading *reading, const struct tl_store_value *name)
{
    struct srch_meaning *meaning = reading->meaning;
    if (meaning->column_count && tl_str_equal(tl_str_of(meaning->columns[meaning->column_count - 1].name), name->bytes))
        return &meaning->columns[meaning->column_count - 1].said;
    if (meaning->column_count == meaning->column_capacity) {
        size_t before = meaning->column_capacity;
        meaning->column_capacity = before ? 2 * before : 16;
        meaning->columns = tl_arena_grow(reading->arena, meaning->columns, before * sizeof *meaning->columns,
                                         meaning->column_capacity * sizeof *meaning->columns);
    }
    meaning->columns[meaning->column_count] = (struct srch_said_column){.name = tl_store_text(reading->arena, name)};
    return &meaning->columns[meaning->column_count++].said;
}

static enum tl_code take_field(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct reading *reading = context;
    (void)count;
    (void)err;
    struct srch_said *said = cells[0].bytes.size ? said_of_column(reading, &cells[0]) : &reading->meaning->said;
    take_said(reading->arena, said, cells[1].bytes, &cells[2]);
    return TL_OK;
}

enum tl_code srch_meaning_read(tl_store_tx *tx, tl_arena *arena, const struct tl_grant_scope *dataset, struct srch_meaning *ret_meaning, struct tl_err *err)
{
    struct reading reading = {arena, ret_meaning};
    const struct tl_store_value params[] = {TL_STORE_T(dataset->source), TL_STORE_T(dataset->schema), TL_STORE_T(dataset->table)};
    return tl_store_run(tx, "SELECT column_name, field, value FROM catalog_meaning WHERE kind IN ('dataset', 'column') AND source = ?1 AND "
                            "schema_name = ?2 AND name = ?3 ORDER BY column_name", params, 3, take_field, &reading, err);
}

void srch_meaning_read_tags(tl_search *search, tl_arena *arena, const struct tl_grant_scope *dataset, struct srch_meaning *meaning)
{
    struct tl_request rq;
    struct tl_buf text;
    struct tl_json_writer json;
    const tl_json *rules = NULL;
    tl_request_init(&rq, arena);
    tl_buf_init(&text, ARENA_BYTES);
    tl_json_writer_init(&json, &text);
    if (tl_lifeguard_put_dataset(&rq, search->options.lifeguard, dataset, &json) == TL_OK &&
        tl_json_parse(arena, text.data, text.size, &rules, &rq.err) == TL_OK && tl_json_count(tl_json_get(rules, "tags")))
        meaning->tags = tl_json_get(rules, "tags");
    tl_buf_done(&text);
}

const struct srch_said *srch_said_of(const struct srch_meaning *meaning, const char *column)
{
    for (size_t i = 0; i < meaning->column_count; i++)
        if (strcmp(meaning->columns[i].name, column) == 0)
            return &meaning->columns[i].said;
    return NULL;
}

/* --- terms --- */

struct putting {
    tl_search_writing *writing;
    struct srch_document *document;
    tl_arena *arena;
    const char *term; /* being read; NULL = none yet */
    struct srch_said said;
};

static enum tl_code put_term(struct putting *putting, struct tl_err *err)
{
    struct srch_document *document = putting->document;
    const struct srch_said *said = &putting->said;
    struct tl_json_writer json;
    enum tl_code code = TL_OK;
    if (!putting->term)
        return TL_OK;
    srch_document_clear(document);
    tl_buf_adds(&document->key, putting->term);
    srch_put_line(&document->texts[TL_SEARCH_EXACT], putting->term);
    srch_put_line(&document->texts[TL_SEARCH_NAME], putting->term);
    srch_put_line(&document->texts[TL_SEARCH_CONTEXT], said->domain);
    srch_put_lines(&document->texts[TL_SEARCH_CONTEXT], said->owners);
    srch_put_lines(&document->texts[TL_SEARCH_CONTEXT], said->synonyms);
    srch_put_line(&document->texts[TL_SEARCH_BODY], said->description);
    srch_put_label(document, "kind", "term");
    srch_put_label(document, "domain", said->domain);
    srch_put_labels(document, "owner", said->owners);
    tl_json_writer_init(&json, &document->payload);
    tl_json_begin_object(&json);
    srch_put_cut(&json, "name", putting->term);
    srch_put_cut(&json, "title", putting->term);
    srch_put_cut(&json, "description", said->description);
    srch_put_cut(&json, "domain", said->domain);
    srch_put_cut(&json, "deprecated", said->deprecated);
    srch_put_list(&json, "owners", said->owners);
    srch_put_list(&json, "synonyms", said->synonyms);
    tl_json_end_object(&json);
    for (struct tl_json_iter it = tl_json_iter(said->synonyms); code == TL_OK && tl_json_next(&it);)
        if (tl_json_text(it.value))
            code = tl_search_put_synonym(putting->writing, putting->term, tl_json_text(it.value), err);
    return code == TL_OK ? srch_document_put(putting->writing, document, "term", said->deprecated ? TL_SEARCH_TIERS - 1 : TERM_TIER, false, err) : code;
}

static enum tl_code take_term(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    (void)count;
    if (!putting->term || !tl_str_equal(tl_str_of(putting->term), cells[0].bytes)) {
        if (put_term(putting, err) != TL_OK)
            return err->code;
        tl_arena_reset(putting->arena);
        putting->said = (struct srch_said){0};
        putting->term = tl_store_text(putting->arena, &cells[0]);
    }
    take_said(putting->arena, &putting->said, cells[1].bytes, &cells[2]);
    return TL_OK;
}

static enum tl_code remove_term(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    (void)count;
    tl_arena_reset(putting->arena);
    return tl_search_remove(putting->writing, "term", tl_store_text(putting->arena, &cells[0]), err);
}

/* --- pages --- */

/* What stands above the text is shown by itself. */
static const char *without_front(const char *text)
{
    const char *end = text && strncmp(text, "---\n", 4) == 0 ? strstr(text + 3, "\n---") : NULL;
    return end ? end + 4 : text;
}

static enum tl_code take_page(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    struct srch_document *document = putting->document;
    struct tl_json_writer json;
    (void)count;
    tl_arena_reset(putting->arena);
    const char *path = tl_store_text(putting->arena, &cells[0]), *title = tl_store_text(putting->arena, &cells[1]);
    const char *text = without_front(tl_store_text(putting->arena, &cells[3]));
    const tl_json *front = list_of(putting->arena, cells[2].bytes);
    if (cells[4].type != TL_STORE_NULL)
        return tl_search_remove(putting->writing, "page", path, err);
    srch_document_clear(document);
    tl_buf_adds(&document->key, path);
    srch_put_line(&document->texts[TL_SEARCH_EXACT], title);
    srch_put_line(&document->texts[TL_SEARCH_NAME], title);
    srch_put_line(&document->texts[TL_SEARCH_CONTEXT], tl_json_get_text(front, "domain"));
    srch_put_lines(&document->texts[TL_SEARCH_CONTEXT], tl_json_get(front, "owners"));
    srch_put_lines(&document->texts[TL_SEARCH_CONTEXT], tl_json_get(front, "tags"));
    srch_put_lines(&document->texts[TL_SEARCH_CONTEXT], tl_json_get(front, "terms"));
    srch_put_line(&document->texts[TL_SEARCH_BODY], tl_json_get_text(front, "summary"));
    srch_put_line(&document->texts[TL_SEARCH_BODY], text);
    srch_put_label(document, "kind", "page");
    srch_put_label(document, "domain", tl_json_get_text(front, "domain"));
    srch_put_labels(document, "owner", tl_json_get(front, "owners"));
    srch_put_labels(document, "tag", tl_json_get(front, "tags"));
    tl_json_writer_init(&json, &document->payload);
    tl_json_begin_object(&json);
    srch_put_cut(&json, "name", path);
    srch_put_cut(&json, "title", title);
    srch_put_cut(&json, "description", tl_json_get_text(front, "summary"));
    srch_put_cut(&json, "domain", tl_json_get_text(front, "domain"));
    srch_put_list(&json, "owners", tl_json_get(front, "owners"));
    srch_put_list(&json, "tags", tl_json_get(front, "tags"));
    srch_put_list(&json, "terms", tl_json_get(front, "terms"));
    srch_put_list(&json, "about", tl_json_get(front, "about"));
    srch_put_cut(&json, "text", text);
    tl_json_end_object(&json);
    return srch_document_put(putting->writing, document, "page", PAGE_TIER, true, err);
}

struct changed {
    struct putting *putting;
    int64_t after;
};

static enum tl_code read_changed(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct changed *changed = context;
    struct putting *putting = changed->putting;
    const struct tl_store_value params[] = {TL_STORE_I(changed->after)};
    enum tl_code code = tl_store_run(tx, "SELECT name, field, value FROM catalog_meaning WHERE kind = 'term' AND (?1 < 0 OR name IN (SELECT name "
                                         "FROM catalog_edit WHERE kind = 'term' AND edit_id > ?1)) ORDER BY name", params, 1, take_term, putting, err);
    if (code == TL_OK)
        code = put_term(putting, err);
    if (code == TL_OK)
        code = tl_store_run(tx, "SELECT DISTINCT name FROM catalog_edit e WHERE kind = 'term' AND edit_id > ?1 AND NOT EXISTS (SELECT 1 FROM catalog_meaning m "
                                "WHERE m.kind = 'term' AND m.name = e.name)", params, 1, remove_term, putting, err);
    if (code == TL_OK)
        code = tl_store_run(tx, "SELECT path, title, front, text, gone_at_us FROM catalog_page WHERE ?1 < 0 OR path IN (SELECT name FROM catalog_edit WHERE "
                                "kind = 'page' AND edit_id > ?1)", params, 1, take_page, putting, err);
    return code;
}

enum tl_code srch_put_terms_and_pages(tl_search *search, tl_search_writing *writing, int64_t after_edit, struct tl_err *err)
{
    struct srch_document document;
    struct putting putting = {.writing = writing, .document = &document, .arena = tl_arena_new(ARENA_BYTES)};
    struct changed changed = {&putting, after_edit};
    srch_document_init(&document);
    enum tl_code code = tl_store_read(search->options.store, read_changed, &changed, err);
    srch_document_done(&document);
    tl_arena_free(putting.arena);
    return code;
}

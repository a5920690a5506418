/* What is found, and why: the words in the very texts, cut around them. */
#include <string.h>

#include "catalog/search_int.h"

enum { SNIPPET_BEFORE = 60, SNIPPET_BYTES = 200, COLUMNS_SHOWN = 8, WORDS_SHOWN = 8, MARKS_MAX = 16, NAME_BYTES_MAX = 4096 };

static const char *const how_names[] = {"as typed", "synonym", "beginning", "slip"};

struct answering {
    struct srch_query *query;
    struct tl_json_writer *json;
    const tl_json *payload;
    struct srch_sight sight;
};

/* --- which words of a text are meant --- */

/* What is meant is shown: so its readings may be told. */
static bool is_meant(struct srch_query *query, const char *stem)
{
    const struct srch_place *first = srch_query_use(query, stem, strlen(stem));
    for (const struct srch_place *use = first; use; use = srch_query_next(query, use))
        query->terms[use->term].alternatives[use->alternative].shown = true;
    return first != NULL;
}

static bool has_any(struct srch_query *query, const char *text)
{
    struct tl_search_word word;
    for (struct tl_search_words it = {tl_str_of(text), 0}; tl_search_words_next(&it, &word);)
        if (is_meant(query, word.stem))
            return true;
    return false;
}

static void put_matched(struct answering *answering, const char *text)
{
    struct tl_search_word word;
    int shown = 0;
    tl_json_key(answering->json, "words");
    tl_json_begin_array(answering->json);
    for (struct tl_search_words it = {tl_str_of(text), 0}; shown < WORDS_SHOWN && tl_search_words_next(&it, &word);) {
        if (!is_meant(answering->query, word.stem))
            continue;
        tl_json_put_str(answering->json, (struct tl_str){text + word.offset, word.size});
        shown++;
    }
    tl_json_end_array(answering->json);
}

/* From a little before the first word that is meant; marks are places in the snippet. */
static void put_snippet(struct answering *answering, const char *text)
{
    struct tl_search_word word;
    size_t from = 0, size = strlen(text), first = 0;
    for (struct tl_search_words it = {tl_str_of(text), 0}; tl_search_words_next(&it, &word);)
        if (is_meant(answering->query, word.stem)) {
            first = word.offset;
            break;
        }
    if (first > SNIPPET_BEFORE)
        for (from = first - SNIPPET_BEFORE; from < first && text[from] != ' '; from++)
            ;
    while (from < size && ((unsigned char)text[from] & 0xC0) == 0x80)
        from++;
    struct tl_str cut = tl_utf8_cut((struct tl_str){text + from, size - from}, SNIPPET_BYTES);
    tl_json_key(answering->json, "snippet");
    tl_json_put_str(answering->json, cut);
    tl_json_key(answering->json, "marks");
    tl_json_begin_array(answering->json);
    int marks = 0;
    for (struct tl_search_words it = {cut, 0}; marks < MARKS_MAX && tl_search_words_next(&it, &word);) {
        if (!is_meant(answering->query, word.stem))
            continue;
        tl_json_begin_array(answering->json);
        tl_json_put_int64(answering->json, (int64_t)word.offset);
        tl_json_put_int64(answering->json, (int64_t)word.size);
        tl_json_end_array(answering->json);
        marks++;
    }
    tl_json_end_array(answering->json);
}

/* --- why --- */

static void put_reason(struct answering *answering, const char *field, const char *column, const char *text, bool snippet)
{
    if (!text || !has_any(answering->query, text))
        return;
    tl_json_begin_object(answering->json);
    tl_json_pair_text(answering->json, "field", field);
    if (column)
        tl_json_pair_text(answering->json, "column", column);
    put_matched(answering, text);
    if (snippet)
        put_snippet(answering, text);
    tl_json_end_object(answering->json);
}

static void put_list_reason(struct answering *answering, const char *field, const char *key)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answering->payload, key)); tl_json_next(&it);)
        put_reason(answering, field, NULL, tl_json_text(it.value), false);
}

/* Columns that the caller may see: by name, else by what was written about them. */
static void put_column_reasons(struct answering *answering)
{
    struct tl_json_iter texts = tl_json_iter(tl_json_get(answering->payload, "column_texts"));
    size_t at = 0;
    int shown = 0;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answering->payload, "columns")); tl_json_next(&it); at++) {
        bool more = tl_json_next(&texts);
        const char *name = tl_json_text(it.value), *text = more ? tl_json_text(texts.value) : NULL;
        if (shown == COLUMNS_SHOWN || at >= answering->sight.column_count || !answering->sight.columns[at] || !name)
            continue;
        bool by_name = has_any(answering->query, name), by_text = text && has_any(answering->query, text);
        if (by_name)
            put_reason(answering, "column", name, name, false);
        else
            put_reason(answering, "column description", name, text, true);
        shown += by_name || by_text;
    }
}

static void put_reasons(struct answering *answering)
{
    const tl_json *payload = answering->payload;
    tl_json_key(answering->json, "why");
    tl_json_begin_array(answering->json);
    put_reason(answering, "name", NULL, tl_json_get_text(payload, "table"), false);
    put_reason(answering, "title", NULL, tl_json_get_text(payload, "title"), false);
    put_reason(answering, "schema", NULL, tl_json_get_text(payload, "schema"), false);
    put_reason(answering, "source", NULL, tl_json_get_text(payload, "source"), false);
    put_list_reason(answering, "owner", "owners");
    put_reason(answering, "domain", NULL, tl_json_get_text(payload, "domain"), false);
    put_list_reason(answering, "tag", "tags");
    put_list_reason(answering, "term", "terms");
    put_list_reason(answering, "synonym", "synonyms");
    put_reason(answering, "description", NULL, tl_json_get_text(payload, "description"), true);
    put_reason(answering, "text", NULL, tl_json_get_text(payload, "text"), true);
    put_column_reasons(answering);
    if (answering->sight.sql)
        put_reason(answering, "sql", NULL, tl_json_get_text(payload, "sql"), true);
    tl_json_end_array(answering->json);
}

/* --- the result --- */

static void put_name(struct answering *answering)
{
    static const char *const keys[] = {"source", "schema", "table"};
    const char *name = tl_json_get_text(answering->payload, "name");
    struct tl_buf buf;
    tl_buf_init(&buf, NAME_BYTES_MAX);
    if (name)
        tl_buf_adds(&buf, name);
    for (size_t i = 0; i < 3 && !name; i++) {
        const char *part = tl_json_get_text(answering->payload, keys[i]);
        if (part)
            tl_buf_addf(&buf, "%s%s", buf.size ? "." : "", part);
    }
    tl_json_pair_text(answering->json, "name", tl_buf_cstr(&buf));
    tl_buf_done(&buf);
}

static enum tl_code put_result(void *context, const struct tl_search_found *found, struct tl_err *err)
{
    static const char *const copied[] = {"source", "schema", "table", "title", "description", "domain", "deprecated", "owners", "tags", "terms", "synonyms",
                                       "about", "curated"};
    struct answering *answering = context;
    struct tl_json_writer *json = answering->json;
    if (tl_json_parse(answering->query->rq->arena, found->payload.data, found->payload.size, &answering->payload, err) != TL_OK)
        return err->code;
    srch_sight_make(answering->query, answering->payload, &answering->sight);
    tl_json_begin_object(json);
    tl_json_key(json, "kind");
    tl_json_put_str(json, found->kind);
    put_name(answering);
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        const tl_json *value = tl_json_get(answering->payload, copied[i]);
        if (!value || tl_json_is_null(value))
            continue;
        tl_json_key(json, copied[i]);
        tl_json_put_value(json, value);
    }
    put_reasons(answering);
    tl_json_end_object(json);
    return TL_OK;
}

enum tl_code srch_put_results(struct srch_query *query, const struct srch_hits *hits, struct tl_json_writer *json, struct tl_err *err)
{
    size_t most = query->asked->count_max;
    enum tl_code code = TL_OK;
    tl_json_key(json, "results");
    tl_json_begin_array(json);
    for (size_t i = 0; code == TL_OK && i < hits->count && i < most; i++) {
        struct answering answering = {.query = query, .json = json};
        code = tl_search_load(query->tx, hits->hits[i].id, put_result, &answering, err);
    }
    tl_json_end_array(json);
    return code;
}

static void put_readings(const struct srch_term *term, struct tl_json_writer *json)
{
    tl_json_key(json, "read_as");
    tl_json_begin_array(json);
    for (size_t a = 0; a < term->count; a++) {
        const struct srch_alternative *alternative = &term->alternatives[a];
        if (!alternative->shown || alternative->how == SRCH_AS_TYPED)
            continue;
        tl_json_begin_object(json);
        tl_json_pair_text(json, "text", alternative->surface);
        tl_json_pair_text(json, "how", how_names[alternative->how]);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

/* After the results: only readings that are in one of them are told, so that none tells of what is hidden. */
void srch_put_words(const struct srch_query *query, struct tl_json_writer *json)
{
    tl_json_key(json, "words");
    tl_json_begin_array(json);
    for (size_t t = 0; t < query->term_count; t++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "word", query->terms[t].typed);
        tl_json_pair_bool(json, "found", query->terms[t].found);
        put_readings(&query->terms[t], json);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

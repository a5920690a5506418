/* The tools over the catalog: search_datasets, get_entity_details and data_models. */
#include <ctype.h>
#include <string.h>

#include "skipper/tool_int.h"

enum { FOUND_MAX = 4 << 20, NAME_MAX_BYTES = 4096, DESCRIPTION_BYTES = 300 };

/* As it is written in SQL. */
static bool is_plain(const char *name)
{
    bool plain = (islower((unsigned char)*name) || *name == '_') && strcmp(name, "default") != 0;
    for (const char *at = name; plain && *at; at++)
        plain = islower((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '_';
    return plain;
}

const char *tl_tool_sql_name(tl_arena *arena, const tl_json *found)
{
    static const char *const parts[] = {"source", "schema", "table"};
    struct tl_buf name;
    tl_buf_init(&name, NAME_MAX_BYTES);
    for (size_t i = 0; i < 3; i++) {
        const char *part = tl_json_get_text(found, parts[i]);
        tl_buf_adds(&name, i ? "." : "");
        if (part && is_plain(part))
            tl_buf_adds(&name, part);
        else
            tl_buf_add_identifier(&name, part ? part : "");
    }
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&name));
    tl_buf_done(&name);
    return copy;
}

static void put_found(struct tl_request *rq, const tl_json *found, struct tl_json_writer *json)
{
    static const char *const copied[] = {"kind", "owners", "tags", "terms", "curated", "deprecated", "why"};
    const char *description = tl_json_get_text(found, "description");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "name", tl_tool_sql_name(rq->arena, found));
    if (description && *description) {
        tl_json_key(json, "description");
        tl_json_put_str(json, tl_utf8_cut(tl_str_of(description), DESCRIPTION_BYTES));
    }
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        const tl_json *value = tl_json_get(found, copied[i]);
        if (!value || (tl_json_is_array(value) && tl_json_count(value) == 0))
            continue;
        tl_json_key(json, copied[i]);
        tl_json_put_value(json, value);
    }
    tl_json_end_object(json);
}

enum tl_code tl_tool_find_datasets(struct tl_request *rq, tl_tools *tools, const struct tl_search_query *query, const tl_json **ret_results)
{
    struct tl_buf text;
    struct tl_json_writer json;
    const tl_json *answer;
    if (!tools->parts.search)
        return tl_err_set(&rq->err, TL_UNSUPPORTED, "there is no index to search in");
    tl_buf_init(&text, FOUND_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_begin_object(&json);
    enum tl_code code = tl_search_run(rq, tools->parts.search, query, &json);
    tl_json_end_object(&json);
    if (code == TL_OK && text.failed)
        code = tl_err_set(&rq->err, TL_TOO_LARGE, "more was found than fits; ask for less");
    if (code == TL_OK)
        code = tl_json_parse(rq->arena, text.data, text.size, &answer, &rq->err);
    if (code == TL_OK)
        *ret_results = tl_json_get(answer, "results");
    tl_buf_done(&text);
    return code;
}

void tl_tool_put_datasets(struct tl_request *rq, const tl_json *results, struct tl_json_writer *json)
{
    tl_json_begin_array(json);
    for (struct tl_json_iter it = tl_json_iter(results); tl_json_next(&it);)
        if (tl_json_get(it.value, "table")) /* not a page or term */
            put_found(rq, it.value, json);
    tl_json_end_array(json);
}

TL_TOOL(search_datasets)
{
    const tl_json *a = run->arguments, *results = NULL;
    int64_t limit = 0;
    tl_json_int64(tl_json_get(a, "limit"), &limit);
    const struct tl_search_query query = {
        .text = tl_json_get_text(a, "query"),
        .source = tl_json_get_text(a, "source"),
        .tag = tl_json_get_text(a, "tag"),
        .owner = tl_json_get_text(a, "owner"),
        .domain = tl_json_get_text(a, "domain"),
        .curated = tl_json_bool(tl_json_get(a, "curated"), false),
        .count_max = (size_t)limit,
    };
    enum tl_code code = tl_tool_find_datasets(run->rq, run->tools, &query, &results);
    if (code == TL_OK)
        tl_tool_put_datasets(run->rq, results, json);
    return code;
}

TL_TOOL(get_entity_details)
{
    if (!run->tools->parts.catalog)
        return tl_err_set(&run->rq->err, TL_UNSUPPORTED, "there is no catalog");
    return tl_catalog_details(run->rq, run->tools->parts.catalog, tl_json_get_text(run->arguments, "dataset"), json);
}

TL_TOOL(data_models)
{
    const char *path = tl_json_get_text(run->arguments, "path");
    tl_catalog *catalog = run->tools->parts.catalog;
    enum tl_code code;
    if (!catalog)
        return tl_err_set(&run->rq->err, TL_UNSUPPORTED, "there is no catalog");
    tl_json_begin_object(json);
    tl_json_key(json, path ? "page" : "pages");
    code = path ? tl_catalog_put_page(run->rq, catalog, path, 0, json) : tl_catalog_put_pages(run->rq, catalog, json);
    tl_json_end_object(json);
    return code;
}

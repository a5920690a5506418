#include "skipper/discover.h"

#include <string.h>

#include "skipper/memory.h"
#include "skipper/tool_int.h"

enum { NOTES = 5 };

/* Does the query name the function, or a word of its name? */
static bool names(const char *query, const char *function)
{
    size_t size = strlen(function);
    for (const char *at = query ? query : ""; *at;) {
        size_t word = strcspn(at, " ,.()\t\n");
        if (word == size && strncasecmp(at, function, size) == 0)
            return true;
        at += word;
        at += strspn(at, " ,.()\t\n");
    }
    return false;
}

/* Full: the signatures of those that are named; of all, when none is. */
static void put_functions(const struct tl_discover_wish *wish, struct tl_json_writer *json)
{
    const struct tl_tool *tools;
    size_t count = tl_tool_table(&tools), named = 0;
    for (size_t i = 0; i < count; i++)
        named += names(wish->query, tools[i].name);
    tl_json_key(json, "functions");
    tl_json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        if (named && !names(wish->query, tools[i].name))
            continue;
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", tl_tool_functions()[i]);
        tl_json_pair_text(json, "purpose", tools[i].purpose);
        if (wish->full || named)
            tl_json_pair_text(json, "signature", tools[i].signature);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

static void put_details(struct tl_request *rq, tl_tools *tools, const tl_json *results, struct tl_json_writer *json)
{
    size_t count = 0;
    tl_json_begin_array(json);
    for (struct tl_json_iter it = tl_json_iter(results); tl_json_next(&it) && count < TL_DISCOVER_FULL_MAX;) {
        const char *name = tl_tool_sql_name(rq->arena, it.value);
        struct tl_buf text;
        struct tl_json_writer details;
        tl_buf_init(&text, TL_TOOL_ANSWER_MAX);
        tl_json_writer_init(&details, &text);
        if (tl_json_get(it.value, "table") && tl_catalog_details(rq, tools->parts.catalog, name, &details) == TL_OK && !text.failed) {
            tl_json_put_raw(json, (struct tl_str){text.data, text.size});
            count++;
        }
        tl_err_init(&rq->err); /* what has gone since it was found */
        tl_buf_done(&text);
    }
    tl_json_end_array(json);
}

enum tl_code tl_discover(struct tl_request *rq, tl_tools *tools, const struct tl_discover_wish *wish, struct tl_json_writer *json)
{
    const struct tl_search_query query = {.text = wish->query, .count_max = wish->count_max};
    const tl_json *results = NULL;
    tl_json_begin_object(json);
    put_functions(wish, json);
    if (wish->query && *wish->query) {
        if (tl_tool_find_datasets(rq, tools, &query, &results) != TL_OK)
            return rq->err.code;
        tl_json_key(json, "datasets");
        if (wish->full)
            put_details(rq, tools, results, json);
        else
            tl_tool_put_datasets(rq, results, json);
        tl_json_key(json, "notes");
        if (tl_memory_recall(rq, tools->parts.store, wish->query, NOTES, json) != TL_OK)
            return rq->err.code;
    }
    tl_json_end_object(json);
    return TL_OK;
}

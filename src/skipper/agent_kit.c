#include "skipper/agent_kit.h"

#include <pthread.h>
#include <string.h>

enum { KIT_ARENA_MAX = 64 << 20, ANSWER_MAX = TL_TOOL_ANSWER_MAX, NULL_ROWS_MIN = 4, PERSON_ROWS = 10000, PERSON_BYTES = 8 << 20 };

struct query {
    const char *id, *sql;
    int64_t row_count; /* -1 = not fetched */
    size_t finding_count;
    const char *findings[TL_AGENT_FINDINGS_MAX];
};

struct kit {
    tl_tools *tools;
    pthread_mutex_t mutex;
    tl_arena *arena; /* under the mutex */
    size_t query_count;
    struct query queries[TL_AGENT_KIT_QUERIES_MAX];
};

/* ---- the examination ---- */

static void TL_PRINTF(3, 4) find(tl_arena *arena, struct tl_agent_result *result, const char *format, ...)
{
    struct tl_err text;
    va_list args;
    if (result->finding_count == TL_AGENT_FINDINGS_MAX)
        return;
    tl_err_init(&text);
    va_start(args, format);
    tl_err_setv(&text, TL_INTERNAL, format, args);
    va_end(args);
    result->findings[result->finding_count++] = tl_arena_strdup(arena, text.message);
}

static size_t count_nulls(const tl_json *rows, const char *column)
{
    size_t nulls = 0;
    for (struct tl_json_iter it = tl_json_iter(rows); tl_json_next(&it);)
        nulls += tl_json_is_null(tl_json_get(it.value, column));
    return nulls;
}

static void examine_nulls(tl_arena *arena, const tl_json *result, struct tl_agent_result *ret_result)
{
    const tl_json *rows = tl_json_get(result, "rows"), *columns = tl_json_get(result, "columns");
    size_t row_count = tl_json_count(rows), all_null = 0;
    for (struct tl_json_iter it = tl_json_iter(columns); row_count && tl_json_next(&it);) {
        const char *name = tl_json_get_text(it.value, "name");
        size_t nulls = name ? count_nulls(rows, name) : 0;
        all_null += nulls == row_count;
        if (row_count >= NULL_ROWS_MIN && 2 * nulls >= row_count)
            find(arena, ret_result, "the column \"%.100s\" is NULL in %zu of %zu rows", name, nulls, row_count);
    }
    if (row_count == 1 && all_null && all_null == tl_json_count(columns))
        find(arena, ret_result, "the only row is NULL throughout: the filters or the join may leave nothing to compute with");
}

void tl_agent_examine(tl_arena *arena, const tl_json *result, struct tl_agent_result *ret_result)
{
    int64_t row_count = 0, next;
    if (!tl_streq(tl_json_get_text(result, "state"), "finished") || !tl_json_int64(tl_json_get(result, "rowCount"), &row_count))
        return;
    if (row_count == 0)
        find(arena, ret_result, "the query returned no row: check the values that it filters by, and whether the join finds its partners");
    examine_nulls(arena, result, ret_result);
    if (tl_json_int64(tl_json_get(result, "next"), &next))
        find(arena, ret_result, "these are not all rows: the result has %lld, so do not count or sum what you see", (long long)row_count);
    if (!tl_json_bool(tl_json_get(result, "complete"), true))
        find(arena, ret_result, "the server kept only the first rows of this result");
}

/* ---- calls ---- */

static bool is_cancelled(void *context)
{
    return atomic_load(&((struct tl_request *)context)->cancelled);
}

static void note_query(struct kit *kit, const tl_json *arguments, const tl_json *answer)
{
    pthread_mutex_lock(&kit->mutex);
    if (kit->query_count < TL_AGENT_KIT_QUERIES_MAX && tl_json_text(answer))
        kit->queries[kit->query_count++] = (struct query){
            .id = tl_arena_strdup(kit->arena, tl_json_text(answer)),
            .sql = tl_arena_strdup(kit->arena, tl_json_get_text(arguments, "sql")),
            .row_count = -1,
        };
    pthread_mutex_unlock(&kit->mutex);
}

static void note_result(struct kit *kit, const tl_json *answer, const struct tl_agent_result *result)
{
    const char *id = tl_json_get_text(answer, "queryId");
    pthread_mutex_lock(&kit->mutex);
    for (size_t i = 0; i < kit->query_count; i++) {
        struct query *query = &kit->queries[i];
        if (!tl_streq(query->id, id) || !tl_streq(tl_json_get_text(answer, "state"), "finished"))
            continue;
        (void)tl_json_int64(tl_json_get(answer, "rowCount"), &query->row_count);
        query->finding_count = result->finding_count;
        for (size_t k = 0; k < result->finding_count; k++)
            query->findings[k] = tl_arena_strdup(kit->arena, result->findings[k]);
    }
    pthread_mutex_unlock(&kit->mutex);
}

/* The person gets more than fits the model; what cannot be had is not shown. */
static void take_rows(struct kit *kit, struct tl_request *rq, const char *id, struct tl_agent_result *result)
{
    struct tl_results_want want = {.rows_max = PERSON_ROWS, .bytes_max = PERSON_BYTES, .rows = true, .stopped = is_cancelled, .stop_context = rq};
    struct tl_request apart;
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_request_init(&apart, rq->arena);
    apart.principal = rq->principal;
    apart.deadline_us = rq->deadline_us;
    tl_buf_init(&buf, 2 * PERSON_BYTES);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    enum tl_code code = id ? tl_results_put(&apart, tl_tools_results(kit->tools), id, &want, &json) : TL_NOT_FOUND;
    tl_json_end_object(&json);
    if (code == TL_OK && !buf.failed)
        result->rows = (struct tl_str){tl_arena_strndup(rq->arena, buf.data, buf.size), buf.size};
    tl_buf_done(&buf);
}

static void after_call(struct kit *kit, struct tl_request *rq, const struct tl_agent_call *call, struct tl_agent_result *result)
{
    const tl_json *answer;
    const char *mode = tl_json_get_text(call->arguments, "mode");
    struct tl_err unread;
    tl_err_init(&unread);
    if (tl_json_parse(rq->arena, result->json.data, result->json.size, &answer, &unread) != TL_OK)
        return;
    if (strcmp(call->name, "start_query") == 0)
        note_query(kit, call->arguments, answer);
    if (strcmp(call->name, "create_chart") == 0)
        result->chart = result->json;
    if (strcmp(call->name, "fetch_results") != 0)
        return;
    tl_agent_examine(rq->arena, answer, result);
    note_result(kit, answer, result);
    if (tl_streq(mode, "display") || tl_streq(mode, "both"))
        take_rows(kit, rq, tl_json_get_text(answer, "queryId"), result);
}

static enum tl_code call_tool(void *context, struct tl_request *rq, const struct tl_agent_call *call, struct tl_agent_result *ret_result)
{
    struct kit *kit = context;
    struct tl_tool_caller caller = {.client = "skipper", .stopped = is_cancelled, .stop_context = rq};
    struct tl_buf answer;
    tl_buf_init(&answer, ANSWER_MAX);
    enum tl_code code = tl_tool_call(rq, kit->tools, &caller, call->name, call->arguments, &answer);
    if (code == TL_OK) {
        ret_result->json = (struct tl_str){tl_arena_strndup(rq->arena, answer.size ? answer.data : "", answer.size), answer.size};
        after_call(kit, rq, call, ret_result);
    }
    tl_buf_done(&answer);
    return code;
}

void tl_agent_kit_end(struct tl_request *rq, const struct tl_agent_tools *tools)
{
    struct kit *kit = tools->context;
    for (size_t i = 0; i < kit->query_count; i++) /* no call runs any more */
        if (kit->queries[i].row_count < 0)
            tl_results_drop(rq, tl_tools_results(kit->tools), kit->queries[i].id);
}

/* ---- the proof ---- */

static void put_query(const struct query *query, struct tl_json_writer *json)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "query_id", query->id);
    tl_json_pair_text(json, "sql", query->sql);
    if (query->row_count >= 0)
        tl_json_pair_int64(json, "row_count", query->row_count);
    tl_json_key(json, "findings");
    tl_json_begin_array(json);
    for (size_t i = 0; i < query->finding_count; i++)
        tl_json_put_text(json, query->findings[i]);
    tl_json_end_array(json);
    tl_json_end_object(json);
}

static void put_proof(void *context, struct tl_json_writer *json)
{
    struct kit *kit = context;
    pthread_mutex_lock(&kit->mutex);
    tl_json_key(json, "queries");
    tl_json_begin_array(json);
    for (size_t i = 0; i < kit->query_count; i++)
        put_query(&kit->queries[i], json);
    tl_json_end_array(json);
    pthread_mutex_unlock(&kit->mutex);
}

static void kit_done(void *context)
{
    struct kit *kit = context;
    pthread_mutex_destroy(&kit->mutex);
    tl_arena_free(kit->arena);
}

struct tl_agent_tools tl_agent_kit(tl_arena *arena, tl_tools *tools)
{
    const struct tl_tool *table;
    size_t count = tl_tool_table(&table);
    struct kit *kit = TL_NEW(arena, struct kit);
    struct tl_agent_tool *told = TL_NEW_ARRAY(arena, struct tl_agent_tool, count);
    kit->tools = tools;
    kit->arena = tl_arena_new(KIT_ARENA_MAX);
    pthread_mutex_init(&kit->mutex, NULL);
    tl_arena_defer(arena, kit_done, kit);
    for (size_t i = 0; i < count; i++)
        told[i] = (struct tl_agent_tool){{table[i].name, table[i].purpose, table[i].input}, table[i].changes};
    return (struct tl_agent_tools){.count = count, .tools = told, .call = call_tool, .proof = put_proof, .context = kit};
}

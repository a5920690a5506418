/* Questions: who answers, statements run as the person, models read. */
#include "skipper/ask.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "io/process.h"
#include "skipper/ask_int.h"

enum { ARENA_MAX = 64 * 1024 * 1024, MODEL_BYTES_MAX = 1024 * 1024, ROWS_AT_ONCE = 500 };

/* --- models --- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_model(const char *name)
{
    size_t size = strlen(name);
    return name[0] != '.' && ((size > 5 && strcmp(name + size - 5, ".yaml") == 0) || (size > 4 && strcmp(name + size - 4, ".yml") == 0));
}

static enum tl_code find_models(tl_ask *ask, const char **names, size_t *ret_count, struct tl_err *err)
{
    DIR *directory = opendir(ask->options.models);
    *ret_count = 0;
    if (!directory)
        return tl_err_set(err, TL_CONFIG, "the folder of semantic models \"%s\" cannot be read", ask->options.models);
    for (const struct dirent *entry = readdir(directory); entry && err->code == TL_OK; entry = readdir(directory)) {
        if (!is_model(entry->d_name))
            continue;
        if (*ret_count == TL_SEMANTIC_FILES_MAX)
            tl_err_set(err, TL_CONFIG, "\"%s\" has more than %d semantic models", ask->options.models, TL_SEMANTIC_FILES_MAX);
        else
            names[(*ret_count)++] = tl_arena_strdup(ask->arena, entry->d_name);
    }
    closedir(directory);
    qsort(names, *ret_count, sizeof *names, compare_names);
    return err->code;
}

static enum tl_code read_models(tl_ask *ask, struct tl_err *err)
{
    const char **names = TL_NEW_ARRAY(ask->arena, const char *, TL_SEMANTIC_FILES_MAX);
    size_t count;
    if (!ask->options.models || !*ask->options.models)
        return TL_OK;
    if (find_models(ask, names, &count, err) != TL_OK)
        return err->code;
    ask->models = TL_NEW_ARRAY(ask->arena, const tl_semantic *, count);
    for (size_t i = 0; i < count; i++) {
        struct tl_buf text;
        const char *path = tl_arena_printf(ask->arena, "%s/%s", ask->options.models, names[i]);
        tl_buf_init(&text, MODEL_BYTES_MAX);
        enum tl_code code = tl_file_read(path, &text, err);
        if (code == TL_OK)
            code = tl_semantic_read(ask->arena, path, (struct tl_str){tl_buf_cstr(&text), text.size}, &ask->models[i], err);
        tl_buf_done(&text);
        if (code != TL_OK)
            return code;
        ask->model_count++;
    }
    return TL_OK;
}

enum tl_code tl_ask_new(const struct tl_ask_options *options, tl_ask **ret_ask, struct tl_err *err)
{
    tl_ask *ask = tl_heap_alloc(sizeof *ask);
    ask->arena = tl_arena_new(ARENA_MAX);
    ask->options = *options;
    ask->options.models = tl_arena_strdup(ask->arena, options->models);
    tl_ask_add(ask, &(struct tl_answerer){"planner", ask, tl_ask_by_planner});
    if (read_models(ask, err) != TL_OK) {
        tl_ask_free(ask);
        return err->code;
    }
    *ret_ask = ask;
    return TL_OK;
}

tl_ask *tl_ask_free(tl_ask *ask)
{
    if (ask)
        tl_arena_free(ask->arena);
    free(ask);
    return NULL;
}

void tl_ask_add(tl_ask *ask, const struct tl_answerer *answerer)
{
    if (ask->answerer_count < TL_ASK_ANSWERERS_MAX)
        ask->answerers[ask->answerer_count++] = *answerer;
}

void tl_ask_tell(const struct tl_ask_sink *sink, const char *kind, const struct tl_buf *json)
{
    if (!json->failed)
        sink->event(sink->context, kind, (struct tl_str){json->data, json->size});
}

/* --- one statement as the person --- */

struct reading {
    const struct tl_ask_sink *sink; /* NULL = quietly */
    struct tl_ask_result *result;
    struct tl_buf buf;
    struct tl_json_writer json;
    int64_t held, bytes;
    tl_ask_row row;
    void *context;
};

static void tell_columns(struct reading *reading)
{
    struct tl_buf type;
    tl_buf_init(&type, MODEL_BYTES_MAX);
    tl_json_begin_array(&reading->json);
    for (size_t i = 0; i < reading->result->column_count; i++) {
        tl_buf_clear(&type);
        tl_type_format_trino(&type, &reading->result->fields[i].type);
        tl_json_begin_object(&reading->json);
        tl_json_pair_text(&reading->json, "name", reading->result->fields[i].name);
        tl_json_pair_text(&reading->json, "type", tl_buf_cstr(&type));
        tl_json_end_object(&reading->json);
    }
    tl_json_end_array(&reading->json);
    tl_ask_tell(reading->sink, "columns", &reading->buf);
    tl_buf_done(&type);
    tl_buf_clear(&reading->buf);
    tl_json_writer_init(&reading->json, &reading->buf);
}

static void tell_held(struct reading *reading)
{
    if (reading->held == 0)
        return;
    tl_json_end_array(&reading->json);
    tl_ask_tell(reading->sink, "rows", &reading->buf);
    reading->bytes += (int64_t)reading->buf.size;
    tl_buf_clear(&reading->buf);
    tl_json_writer_init(&reading->json, &reading->buf);
    reading->held = 0;
}

static void hold_row(struct reading *reading, const struct tl_batch *batch, size_t row)
{
    struct tl_buf cell;
    tl_buf_init(&cell, TL_ASK_BYTES_MAX);
    if (reading->held++ == 0)
        tl_json_begin_array(&reading->json);
    tl_json_begin_array(&reading->json);
    for (size_t i = 0; i < batch->column_count; i++) {
        bool null = tl_column_is_null(&batch->columns[i], row);
        tl_buf_clear(&cell);
        if (null)
            tl_buf_adds(&cell, "null");
        else
            tl_column_format_trino(&cell, &batch->columns[i], row);
        if (null && reading->result->nulls)
            reading->result->nulls[i]++;
        tl_json_put_raw(&reading->json, (struct tl_str){tl_buf_cstr(&cell), cell.size});
    }
    tl_json_end_array(&reading->json);
    tl_buf_done(&cell);
}

static void take_batch(struct reading *reading, const struct tl_batch *batch)
{
    for (size_t i = 0; i < batch->row_count; i++) {
        if (reading->row) {
            reading->row(reading->context, batch, i);
            continue;
        }
        if (reading->result->rows == TL_ASK_ROWS_MAX || reading->bytes + (int64_t)reading->buf.size > TL_ASK_BYTES_MAX) {
            reading->result->cut = true;
            return;
        }
        reading->result->rows++;
        hold_row(reading, batch, i);
        if (reading->held == ROWS_AT_ONCE)
            tell_held(reading);
    }
}

static enum tl_code read_all(struct tl_request *rq, tl_answer *answer, struct reading *reading)
{
    bool end = false, told = false;
    while (!end) {
        const struct tl_batch *batch = NULL;
        if (tl_answer_next(rq, answer, -1, &batch, &end) != TL_OK)
            return rq->err.code;
        if (!told && reading->sink && (batch || end)) {
            reading->result->column_count = tl_answer_fields(answer, &reading->result->fields);
            reading->result->nulls = TL_NEW_ARRAY(rq->arena, int64_t, reading->result->column_count);
            tell_columns(reading);
            told = true;
        }
        if (batch)
            take_batch(reading, batch);
        if (reading->result && reading->result->cut)
            break;
    }
    if (reading->sink)
        tell_held(reading);
    return TL_OK;
}

/* The person's own statement, by this program: the record says so. */
static enum tl_code run(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const char *sql, struct reading *reading)
{
    struct tl_principal *person = TL_NEW(rq->arena, struct tl_principal);
    const struct tl_principal *self = rq->principal;
    struct tl_session session = {.source = "skipper", .client_info = tl_arena_printf(rq->arena, "conversation %s, turn %lld", turn->conversation,
        (long long)turn->number)};
    tl_answer *answer = NULL;
    *person = *self;
    if (!person->agent) {
        person->agent = "skipper";
        person->agent_call = tl_arena_printf(rq->arena, "%s/%lld", turn->conversation, (long long)turn->number);
    }
    rq->principal = person;
    tl_request_new_id(rq->id);
    tl_buf_init(&reading->buf, 2 * TL_ASK_BYTES_MAX);
    tl_json_writer_init(&reading->json, &reading->buf);
    if (tl_door_run(rq, ask->options.door, &session, tl_str_of(sql), &answer) == TL_OK) {
        (void)!read_all(rq, answer, reading); /* its failure is rq's */
        tl_answer_close(rq, answer);
    }
    tl_buf_done(&reading->buf);
    rq->principal = self;
    return rq->err.code;
}

enum tl_code tl_ask_statement(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const char *sql, const struct tl_ask_sink *sink,
                              struct tl_ask_result *ret_result)
{
    struct reading reading = {.sink = sink, .result = ret_result};
    *ret_result = (struct tl_ask_result){.rows = 0};
    enum tl_code code = run(rq, ask, turn, sql, &reading);
    ret_result->query_id = tl_arena_strdup(rq->arena, rq->id);
    return code;
}

enum tl_code tl_ask_quietly(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const char *sql, tl_ask_row row, void *context)
{
    struct tl_request apart;
    struct reading reading = {.row = row, .context = context};
    tl_request_init(&apart, rq->arena);
    apart.principal = rq->principal;
    apart.deadline_us = rq->deadline_us;
    return run(&apart, ask, turn, sql, &reading);
}

/* --- a question --- */

static void tell_done(const struct tl_ask_turn *turn, const char *answerer, const struct tl_ask_outcome *outcome, const struct tl_ask_sink *sink)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, MODEL_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "conversation", turn->conversation);
    tl_json_pair_int64(&json, "turn", turn->number);
    tl_json_pair_text(&json, "state", outcome->state);
    tl_json_pair_text(&json, "answered_by", answerer);
    tl_json_end_object(&json);
    tl_ask_tell(sink, "done", &buf);
    tl_buf_done(&buf);
}

/* In turn, until one takes it; *ret_answerer is who did, or the first, whose refusal stands. */
static void ask_in_turn(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const struct tl_ask_sink *sink, struct tl_ask_outcome *outcome,
                        const char **ret_answerer)
{
    const char *refusal = "{}";
    for (size_t i = 0; i < ask->answerer_count; i++) {
        const struct tl_answerer *answerer = &ask->answerers[i];
        *outcome = (struct tl_ask_outcome){.state = "refused"};
        *ret_answerer = answerer->name;
        if (answerer->answer(answerer->context, rq, turn, sink, outcome) != TL_OK || outcome->taken)
            return;
        refusal = i == 0 && outcome->refusal ? outcome->refusal : refusal;
    }
    *ret_answerer = ask->answerers[0].name;
    *outcome = (struct tl_ask_outcome){.state = "refused"};
    sink->event(sink->context, "refusal", tl_str_of(refusal));
}

enum tl_code tl_ask_run(struct tl_request *rq, tl_ask *ask, const struct tl_ask_question *question, const struct tl_ask_sink *sink)
{
    struct tl_ask_turn turn;
    struct tl_ask_outcome outcome;
    const char *answerer;
    if (tl_ask_begin_turn(rq, ask, question, &turn) != TL_OK)
        return rq->err.code;
    ask_in_turn(rq, ask, &turn, sink, &outcome, &answerer);
    if (rq->err.code != TL_OK)
        outcome.state = "failed";
    tl_ask_end_turn(rq, ask, &turn, answerer, &outcome);
    if (rq->err.code == TL_OK)
        tell_done(&turn, answerer, &outcome, sink);
    return rq->err.code;
}

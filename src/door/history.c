/* One row a statement in query_history, and one fact in the event log. */
#include <string.h>

#include "door/door_int.h"

enum { JSON_MAX = 1024 * 1024, TEXT_KEPT_MAX = 256 * 1024 };

static void put_tables(const struct tl_governed *governed, struct tl_buf *buf)
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, buf);
    tl_json_begin_array(&json);
    for (size_t i = 0; governed && i < governed->dataset_count; i++) {
        const struct tl_dataset *d = &governed->datasets[i];
        struct tl_buf name;
        tl_buf_init(&name, 1024);
        tl_buf_addf(&name, "%s.%s%s%s", d->source, d->schema, d->name ? "." : "", d->name ? d->name : "");
        tl_json_put_text(&json, tl_buf_cstr(&name));
        tl_buf_done(&name);
    }
    tl_json_end_array(&json);
}

static const char *state_of(const struct tl_err *err)
{
    return err->code == TL_OK ? "FINISHED" : err->code == TL_CANCELLED ? "CANCELLED" : "FAILED";
}

static void put_fact(const struct tl_history_row *row, const struct tl_buf *tables, struct tl_buf *buf)
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "user", tl_call_user(row->call));
    tl_json_pair_text(&json, "kind", row->kind);
    tl_json_pair_text(&json, "state", state_of(row->err));
    tl_json_key(&json, "tables");
    tl_json_put_raw(&json, (struct tl_str){tables->data, tables->size});
    tl_json_pair_int64(&json, "rows", row->stats.rows);
    tl_json_pair_int64(&json, "elapsed_us", row->ended_us - row->started_us);
    if (row->call->manner.pii)
        tl_json_pair_text(&json, "pii_reason", row->call->settings.pii_reason);
    tl_json_end_object(&json);
}

static struct tl_store_value text_or_null(const char *text)
{
    return text && *text ? TL_STORE_T(text) : TL_STORE_N;
}

/* The text as it was sent, cut where it is very long and where it is no text. */
static struct tl_str kept_text(struct tl_str text)
{
    size_t bad;
    text = tl_utf8_cut(text, TEXT_KEPT_MAX);
    if (!tl_utf8_valid(text.data, text.size, &bad))
        text.size = bad;
    const char *nul = text.size ? memchr(text.data, '\0', text.size) : NULL;
    if (nul)
        text.size = (size_t)(nul - text.data);
    return text;
}

static void append(const struct tl_history_row *row, struct tl_buf *tables)
{
    const struct tl_door_call *call = row->call;
    const struct tl_err *err = row->err;
    bool failed = err->code != TL_OK;
    struct tl_str text = kept_text(call->text);
    struct tl_store_value sql = {.type = TL_STORE_TEXT, .bytes = text};
    const tl_clearance *clearance = row->governed ? row->governed->clearance : NULL;
    /* what was asked of sources tells the row rules and masks: not for those they are for */
    bool hidden = clearance && tl_clearance_partial(clearance);
    struct tl_store_value scans = {.type = row->stats.scans_json.size && !hidden ? TL_STORE_TEXT : TL_STORE_NULL,
                                   .bytes = row->stats.scans_json};
    struct tl_store_value params[] = {
        TL_STORE_T(call->rq->id),
        TL_STORE_T(tl_call_user(call)),
        sql,
        TL_STORE_T(state_of(err)),
        failed ? TL_STORE_T(tl_code_info(err->code)->name) : TL_STORE_N,
        failed ? TL_STORE_T(err->message) : TL_STORE_N,
        failed && err->position >= 0 ? TL_STORE_I(err->position) : TL_STORE_N,
        TL_STORE_T(tl_buf_cstr(tables)),
        text_or_null(call->session->source),
        text_or_null(call->session->client_info),
        TL_STORE_T(row->kind),
        TL_STORE_I(row->stats.rows),
        TL_STORE_I(row->stats.bytes),
        TL_STORE_I(row->started_us),
        TL_STORE_I(row->ended_us - row->started_us),
        TL_STORE_I(row->stats.cpu_us),
        TL_STORE_I(row->stats.peak_memory_bytes),
        scans,
        call->manner.pii ? TL_STORE_T(call->settings.pii_reason) : TL_STORE_N,
        clearance ? TL_STORE_I(tl_clearance_version(clearance)) : TL_STORE_N,
        TL_STORE_I(row->stats.rows_scanned),
        {.type = row->lineage.size && !failed ? TL_STORE_TEXT : TL_STORE_NULL, .bytes = row->lineage},
    };
    tl_store_append(call->door->store,
                    "INSERT INTO query_history (id, user_name, text, state, error_code, error_message, error_position, "
                    "tables_json, source, "
                    "client_info, update_type, \"rows\", bytes, created_at_us, run_us, cpu_us, peak_memory_bytes, "
                    "scans_json, pii_reason, policy_version, rows_scanned, lineage_json) VALUES (?1, ?2, ?3, "
                    "?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22) ON CONFLICT (id) DO NOTHING",
                    params, sizeof params / sizeof *params);
}

void tl_history_write(const struct tl_history_row *row)
{
    struct tl_buf tables, fact;
    tl_buf_init(&tables, JSON_MAX);
    tl_buf_init(&fact, 2 * JSON_MAX);
    put_tables(row->governed, &tables);
    append(row, &tables);
    put_fact(row, &tables, &fact);
    if (!fact.failed)
        tl_store_fact(row->call->door->store, "query_finished", row->call->rq->id,
                      (struct tl_str){fact.data, fact.size});
    tl_buf_done(&tables);
    tl_buf_done(&fact);
    tl_lineage_fact(row);
}

/* --- reading --- */

struct reading {
    const char *user;
    int64_t count_max;
    struct tl_json_writer json;
};

static const struct {
    const char *key;
    enum { TEXT, NUMBER, RAW } form;
} columns[] = {
    {"id", TEXT},
    {"user", TEXT},
    {"text", TEXT},
    {"state", TEXT},
    {"error_code", TEXT},
    {"error_message", TEXT},
    {"error_position", NUMBER},
    {"tables", RAW},
    {"source", TEXT},
    {"client_info", TEXT},
    {"kind", TEXT},
    {"rows", NUMBER},
    {"bytes", NUMBER},
    {"created_at_us", NUMBER},
    {"run_us", NUMBER},
    {"cpu_us", NUMBER},
    {"peak_memory_bytes", NUMBER},
    {"scans", RAW},
    {"pii_reason", TEXT},
    {"policy_version", NUMBER},
    {"rows_scanned", NUMBER},
};

static enum tl_code put_row(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct reading *reading = context;
    if (cell_count != sizeof columns / sizeof *columns)
        return tl_err_set(err, TL_STATE, "the query history cannot be read");
    tl_json_begin_object(&reading->json);
    for (size_t i = 0; i < cell_count; i++) {
        tl_json_key(&reading->json, columns[i].key);
        if (cells[i].type == TL_STORE_NULL)
            tl_json_put_null(&reading->json);
        else if (columns[i].form == NUMBER)
            tl_json_put_int64(&reading->json, cells[i].integer);
        else if (columns[i].form == RAW)
            tl_json_put_raw(&reading->json, cells[i].bytes);
        else
            tl_json_put_str(&reading->json, cells[i].bytes);
    }
    tl_json_end_object(&reading->json);
    return TL_OK;
}

#define SELECT_HISTORY                                                                                                 \
    "SELECT id, user_name, text, state, error_code, error_message, error_position, tables_json, source, client_info, " \
    "update_type, "                                                                                                    \
    "\"rows\", bytes, created_at_us, run_us, cpu_us, peak_memory_bytes, scans_json, pii_reason, policy_version, rows_scanned FROM query_history "

static enum tl_code read_rows(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct reading *reading = context;
    struct tl_store_value params[] = {TL_STORE_I(reading->count_max), TL_STORE_T(reading->user)};
    if (reading->user)
        return tl_store_run(tx, SELECT_HISTORY "WHERE user_name = ?2 ORDER BY created_at_us DESC, id DESC LIMIT ?1",
                            params, 2, put_row, reading, err);
    return tl_store_run(tx, SELECT_HISTORY "ORDER BY created_at_us DESC, id DESC LIMIT ?1", params, 1, put_row, reading,
                        err);
}

enum tl_code tl_door_history(struct tl_request *rq, tl_door *door, const char *user, int count_max,
                             struct tl_buf *json_array)
{
    struct reading reading = {.user = user, .count_max = count_max};
    tl_store_flush(door->store);
    tl_json_writer_init(&reading.json, json_array);
    tl_json_begin_array(&reading.json);
    enum tl_code code = tl_store_read(door->store, read_rows, &reading, &rq->err);
    tl_json_end_array(&reading.json);
    if (code == TL_OK && json_array->failed)
        code = tl_err_set(&rq->err, TL_TOO_LARGE, "the history is longer than %zu bytes; ask for fewer statements",
                          json_array->max_size);
    return code;
}

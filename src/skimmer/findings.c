/* What is known, as JSON; how it stands to what people decided; and the review that accepts it. */
#include <string.h>

#include "skimmer/skimmer_int.h"

enum { STATUS_FAILURES = 50, BODY_MAX = 16 * 1024 * 1024 };

/* --- verdicts as they are kept --- */

struct row {
    const char *source, *schema, *table, *column, *state, *mask, *sensitivity, *tags, *info_type, *likelihood, *reason, *evidence, *known_evidence, *findings;
    double confidence;
    int64_t found_at_us;
};

typedef enum tl_code (*row_call)(void *context, const struct row *row);

struct reading {
    struct tl_request *rq;
    const char *source, *schema, *table;
    row_call each;
    void *context;
};

static enum tl_code take_row(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct reading *reading = context;
    tl_arena *arena = reading->rq->arena;
    (void)count;
    struct row row = {tl_store_text(arena, &cells[0]), tl_store_text(arena, &cells[1]), tl_store_text(arena, &cells[2]), tl_store_text(arena, &cells[3]),
                      tl_store_text(arena, &cells[4]), tl_store_text(arena, &cells[5]), tl_store_text(arena, &cells[6]), tl_store_text(arena, &cells[7]),
                      tl_store_text(arena, &cells[8]), tl_store_text(arena, &cells[9]), tl_store_text(arena, &cells[10]), tl_store_text(arena, &cells[11]),
                      tl_store_text(arena, &cells[12]), tl_store_text(arena, &cells[13]), cells[14].number, cells[15].integer};
    enum tl_code code = reading->each(reading->context, &row);
    return code == TL_OK ? TL_OK : tl_err_copy(err, &reading->rq->err);
}

static enum tl_code read_rows(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct reading *reading = context;
    const struct tl_store_value params[] = {TL_STORE_T(reading->source), TL_STORE_T(reading->schema), TL_STORE_T(reading->table)};
    return tl_store_run(tx,
                        "SELECT source, schema_name, table_name, column_name, state, mask, sensitivity, tags, info_type, likelihood, reason, evidence, "
                        "known_evidence, findings, confidence, found_at_us FROM skimmer_column WHERE (?1 IS NULL OR source = ?1) AND "
                        "(?2 IS NULL OR schema_name = ?2) AND (?3 IS NULL OR table_name = ?3) ORDER BY source, schema_name, table_name, position",
                        params, 3, take_row, context, err);
}

static enum tl_code each_row(struct tl_request *rq, tl_skimmer *skimmer, const char *source, const char *schema, const char *table,
    row_call each, void *context)
{
    struct reading reading = {rq, source, schema, table, each, context};
    return tl_store_read(skimmer->options.store, read_rows, &reading, &rq->err);
}

/* --- what people decided --- */

/* The review of a table, {"state", "columns": {NAME: {"state", ..}}}. */
static enum tl_code load_review(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *table, const tl_json **ret_review)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, BODY_MAX);
    tl_json_writer_init(&json, &text);
    enum tl_code code = tl_lifeguard_put_dataset(rq, skimmer->options.lifeguard, table, &json);
    if (code == TL_OK)
        code = tl_json_parse(rq->arena, text.data, text.size, ret_review, &rq->err);
    tl_buf_done(&text);
    return code;
}

/* "pending" when nobody reviewed it. */
static const char *reviewed_state(const tl_json *review, const char *column)
{
    const char *table = tl_json_get_text(review, "state");
    const tl_json *entry = tl_json_get(tl_json_get(review, "columns"), column);
    const char *state = tl_json_get_text(entry, "state");
    if (tl_streq(table, "denied"))
        return "denied";
    return state && tl_streq(table, "approved") ? state : "pending";
}

static const char *standing_of(const tl_json *review, const struct row *row)
{
    const char *state = reviewed_state(review, row->column);
    if (strcmp(state, "pending") == 0)
        return "proposed";
    if (skim_strictness(state) >= skim_strictness(row->state))
        return "agrees";
    return tl_streq(row->known_evidence, row->evidence) ? "overridden" : "new";
}

/* --- all findings --- */

struct listing {
    struct tl_request *rq;
    tl_skimmer *skimmer;
    const struct tl_skimmer_filter *filter;
    struct tl_json_writer *json;
    const char *source, *schema, *table; /* of the last row */
    const tl_json *review;
    bool allowed;
};

static enum tl_code enter_table(struct listing *listing, const struct row *row)
{
    const struct tl_grant_scope scope = {.source = row->source, .schema = row->schema, .table = row->table};
    if (tl_streq(listing->source, row->source) && tl_streq(listing->schema, row->schema) && tl_streq(listing->table, row->table))
        return TL_OK;
    listing->source = row->source;
    listing->schema = row->schema;
    listing->table = row->table;
    listing->allowed = tl_lifeguard_need(listing->rq, listing->skimmer->options.lifeguard,
        TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &scope) == TL_OK;
    if (!listing->allowed)
        tl_err_init(&listing->rq->err);
    return listing->allowed ? load_review(listing->rq, listing->skimmer, &scope, &listing->review) : TL_OK;
}

static void put_verdict(struct tl_json_writer *json, const struct row *row)
{
    tl_json_pair_text(json, "state", row->state);
    tl_json_pair_text(json, "mask", row->mask);
    tl_json_pair_text(json, "sensitivity", row->sensitivity);
    tl_json_key(json, "tags");
    tl_json_put_raw(json, tl_str_of(row->tags));
    tl_json_pair_text(json, "info_type", row->info_type);
    tl_json_pair_text(json, "likelihood", row->likelihood);
    tl_json_pair_text(json, "reason", row->reason);
}

static enum tl_code list_row(void *context, const struct row *row)
{
    struct listing *listing = context;
    struct tl_json_writer *json = listing->json;
    if (enter_table(listing, row) != TL_OK)
        return listing->rq->err.code;
    const char *standing = listing->allowed ? standing_of(listing->review, row) : NULL;
    if (!listing->allowed || (listing->filter->found_only && !row->info_type) || (listing->filter->standing && !tl_streq(listing->filter->standing, standing)))
        return TL_OK;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "table", tl_arena_printf(listing->rq->arena, "%s.%s.%s", row->source, row->schema, row->table));
    tl_json_pair_text(json, "column", row->column);
    tl_json_pair_text(json, "standing", standing);
    put_verdict(json, row);
    tl_json_key(json, "confidence");
    tl_json_put_double(json, row->confidence);
    tl_json_pair_int64(json, "found_at_us", row->found_at_us);
    tl_json_key(json, "findings");
    tl_json_put_raw(json, tl_str_of(row->findings));
    tl_json_end_object(json);
    return TL_OK;
}

enum tl_code tl_skimmer_put_findings(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_skimmer_filter *filter, struct tl_json_writer *json)
{
    struct listing listing = {.rq = rq, .skimmer = skimmer, .filter = filter, .json = json};
    tl_json_begin_array(json);
    enum tl_code code = each_row(rq, skimmer, filter->source, filter->schema, filter->table, list_row, &listing);
    tl_json_end_array(json);
    return code;
}

/* --- proposals --- */

struct current {
    const struct tl_grant_scope *table;
    char columns_hash[17];
    bool equal;
};

static enum tl_code compare_hash(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct current *current = context;
    (void)count;
    (void)err;
    current->equal = tl_str_equal(cells[0].bytes, tl_str_of(current->columns_hash));
    return TL_OK;
}

static enum tl_code read_hash(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct current *current = context;
    const struct tl_store_value params[] = {TL_STORE_T(current->table->source), TL_STORE_T(current->table->schema), TL_STORE_T(current->table->table)};
    return tl_store_run(tx, "SELECT columns_hash FROM skimmer_table WHERE source = ?1 AND schema_name = ?2 AND table_name = ?3", params, 3, compare_hash,
                        current, err);
}

/* Is what is known of the columns as they are now?  Else nothing is proposed until the table was scanned again. */
static enum tl_code is_current(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *table, const struct tl_source_dataset *dataset,
                               bool *ret_current)
{
    struct current current = {.table = table};
    skim_hash_columns(dataset, current.columns_hash);
    enum tl_code code = tl_store_read(skimmer->options.store, read_hash, &current, &rq->err);
    *ret_current = current.equal;
    return code;
}

struct proposing {
    struct tl_json_writer *json;
    const tl_json *review, *named; /* named: what the body says itself */
    const char *sensitivity;
    size_t count;
    bool as_review;
};

static enum tl_code put_proposal(void *context, const struct row *row)
{
    struct proposing *proposing = context;
    struct tl_json_writer *json = proposing->json;
    bool waits = strcmp(reviewed_state(proposing->review, row->column), "pending") == 0;
    if (!waits || strcmp(row->state, "pending") == 0 || tl_json_get(proposing->named, row->column))
        return TL_OK;
    if (skim_sensitivity_rank(row->sensitivity) > skim_sensitivity_rank(proposing->sensitivity))
        proposing->sensitivity = row->sensitivity;
    proposing->count++;
    tl_json_key(json, row->column);
    tl_json_begin_object(json);
    if (proposing->as_review) {
        tl_json_pair_text(json, "state", row->state);
        if (row->mask)
            tl_json_pair_text(json, "mask", row->mask);
        tl_json_key(json, "tags");
        tl_json_put_raw(json, tl_str_of(row->tags));
    } else {
        put_verdict(json, row);
    }
    tl_json_end_object(json);
    return TL_OK;
}

enum tl_code tl_skimmer_put_proposals(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *table,
                                      const struct tl_source_dataset *dataset, struct tl_json_writer *json)
{
    struct proposing proposing = {.json = json};
    bool current = false;
    tl_json_begin_object(json);
    enum tl_code code = is_current(rq, skimmer, table, dataset, &current);
    if (code == TL_OK)
        code = load_review(rq, skimmer, table, &proposing.review);
    if (code == TL_OK && current)
        code = each_row(rq, skimmer, table->source, table->schema, table->table, put_proposal, &proposing);
    tl_json_end_object(json);
    return code;
}

static void copy_named(struct tl_json_writer *json, const tl_json *named)
{
    for (struct tl_json_iter it = tl_json_iter(named); tl_json_next(&it);) {
        tl_json_key(json, it.key);
        tl_json_put_value(json, it.value);
    }
}

static enum tl_code nothing_proposed(struct tl_request *rq, const struct tl_grant_scope *table)
{
    tl_err_set(&rq->err, TL_CONFLICT, "nothing is proposed for \"%s.%s.%s\"", table->source, table->schema, table->table);
    tl_err_hint(&rq->err, "no column waits, or it was not scanned yet: `townlake skimmer status` says which");
    return TL_CONFLICT;
}

enum tl_code tl_skimmer_accept(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *table, const struct tl_source_dataset *dataset,
                               const tl_json *body, const tl_json **ret_body)
{
    bool current = false;
    if (is_current(rq, skimmer, table, dataset, &current) != TL_OK || !current)
        return rq->err.code ? rq->err.code : nothing_proposed(rq, table);
    struct tl_buf text;
    struct tl_json_writer json;
    struct proposing proposing = {.json = &json, .named = tl_json_get(body, "columns"), .sensitivity = "public", .as_review = true};
    tl_buf_init(&text, BODY_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_begin_object(&json);
    for (struct tl_json_iter it = tl_json_iter(body); tl_json_next(&it);)
        if (strcmp(it.key, "columns") != 0) {
            tl_json_key(&json, it.key);
            tl_json_put_value(&json, it.value);
        }
    tl_json_key(&json, "columns");
    tl_json_begin_object(&json);
    copy_named(&json, proposing.named);
    enum tl_code code = load_review(rq, skimmer, table, &proposing.review);
    if (code == TL_OK)
        code = each_row(rq, skimmer, table->source, table->schema, table->table, put_proposal, &proposing);
    tl_json_end_object(&json);
    /* A review never makes a table less sensitive than it was said to be. */
    if (!tl_json_get(body, "sensitivity") &&
        skim_sensitivity_rank(proposing.sensitivity) > skim_sensitivity_rank(tl_json_get_text(proposing.review, "sensitivity")))
        tl_json_pair_text(&json, "sensitivity", proposing.sensitivity);
    tl_json_end_object(&json);
    if (code == TL_OK && proposing.count == 0)
        code = nothing_proposed(rq, table);
    if (code == TL_OK)
        code = tl_json_parse(rq->arena, text.data, text.size, ret_body, &rq->err);
    tl_buf_done(&text);
    return code;
}

/* --- reviewed --- */

struct marking {
    const struct tl_grant_scope *table;
    const tl_json *review;
};

static enum tl_code mark_column(tl_store_tx *tx, const struct marking *marking, const char *column, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(marking->table->source), TL_STORE_T(marking->table->schema),
        TL_STORE_T(marking->table->table), TL_STORE_T(column)};
    return tl_store_run(tx,
                        "UPDATE skimmer_column SET known_evidence = evidence WHERE source = ?1 AND schema_name = ?2 AND table_name = ?3 AND column_name = ?4",
                        params, 4, NULL, NULL, err);
}

static enum tl_code mark(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct marking *marking = context;
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(marking->review, "columns")); tl_json_next(&it) && code == TL_OK;)
        if (strcmp(reviewed_state(marking->review, it.key), "pending") != 0)
            code = mark_column(tx, marking, it.key, err);
    return code;
}

enum tl_code tl_skimmer_reviewed(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *table)
{
    struct marking marking = {.table = table};
    enum tl_code code = load_review(rq, skimmer, table, &marking.review);
    return code == TL_OK ? tl_store_write(skimmer->options.store, mark, &marking, &rq->err) : code;
}

/* --- status --- */

struct status {
    struct tl_json_writer *json;
    struct tl_request *rq;
    tl_skimmer *skimmer;
};

static enum tl_code put_counts(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    static const char *const keys[] = {"scanned", "failed", "rows_read", "last_scan_us"};
    struct status *status = context;
    (void)err;
    for (size_t i = 0; i < count; i++)
        tl_json_pair_int64(status->json, keys[i], cells[i].type == TL_STORE_NULL ? 0 : cells[i].integer);
    return TL_OK;
}

static enum tl_code put_columns(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct status *status = context;
    (void)count;
    (void)err;
    tl_json_pair_int64(status->json, "columns", cells[0].integer);
    tl_json_pair_int64(status->json, "columns_with_findings", cells[1].integer);
    return TL_OK;
}

static enum tl_code put_failure(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct status *status = context;
    tl_arena *arena = status->rq->arena;
    const char *source = tl_store_text(arena, &cells[0]), *schema = tl_store_text(arena, &cells[1]), *table = tl_store_text(arena, &cells[2]);
    const struct tl_grant_scope scope = {.source = source, .schema = schema, .table = table};
    (void)count;
    (void)err;
    if (tl_lifeguard_need(status->rq, status->skimmer->options.lifeguard, TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &scope) != TL_OK) {
        tl_err_init(&status->rq->err);
        return TL_OK;
    }
    tl_json_begin_object(status->json);
    tl_json_pair_text(status->json, "table", tl_arena_printf(arena, "%s.%s.%s", source, schema, table));
    tl_json_pair_text(status->json, "reason", tl_store_text(arena, &cells[3]));
    tl_json_pair_int64(status->json, "at_us", cells[4].integer);
    tl_json_end_object(status->json);
    return TL_OK;
}

static enum tl_code read_status(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct status *status = context;
    const struct tl_store_value most[] = {TL_STORE_I(STATUS_FAILURES)};
    if (tl_store_run(tx,
                     "SELECT sum(CASE WHEN failure IS NULL THEN 1 ELSE 0 END), sum(CASE WHEN failure IS NULL THEN 0 ELSE 1 END), sum(row_count), "
                     "max(scanned_at_us) FROM skimmer_table",
                     NULL, 0, put_counts, status, err) != TL_OK ||
        tl_store_run(tx, "SELECT count(*), count(info_type) FROM skimmer_column", NULL, 0, put_columns, status, err) != TL_OK)
        return err->code;
    tl_json_key(status->json, "failures");
    tl_json_begin_array(status->json);
    enum tl_code code = tl_store_run(tx,
                                     "SELECT source, schema_name, table_name, failure, scanned_at_us FROM skimmer_table WHERE failure IS NOT NULL "
                                     "ORDER BY scanned_at_us DESC LIMIT ?1",
                                     most, 1, put_failure, status, err);
    tl_json_end_array(status->json);
    return code;
}

enum tl_code tl_skimmer_put_status(struct tl_request *rq, tl_skimmer *skimmer, struct tl_json_writer *json)
{
    struct status status = {json, rq, skimmer};
    pthread_mutex_lock(&skimmer->mutex);
    const char *current = tl_arena_strdup(rq->arena, skimmer->current);
    bool paused = skimmer->paused;
    int64_t due = skimmer->counts.due;
    pthread_mutex_unlock(&skimmer->mutex);
    bool running = *current || due > 0;
    tl_json_pair_text(json, "state", !skimmer->options.enabled ? "off" : paused ? "paused" : running ? "running" : "idle");
    tl_json_pair_text(json, "reading", *current ? current : NULL);
    tl_json_pair_int64(json, "due", due);
    return tl_store_read(skimmer->options.store, read_status, &status, &rq->err);
}

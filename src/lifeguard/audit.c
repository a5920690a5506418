#include "lifeguard/audit_int.h"

#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "base/log.h"
#include "lifeguard/mask.h"
#include "lifeguard/rule.h"

enum {
    TEXT_KEPT_MAX = 256 * 1024,
    RECORD_MAX = TL_JOURNAL_LINE_MAX - 4096,
    RECORD_ARENA_MAX = 16 * TL_JOURNAL_LINE_MAX,
    COLUMNS_KEPT_MAX = 256, /* of one table; beyond, their number alone */
};

enum tl_code tl_audit_open(const char *directory, const struct tl_journal_options *options, tl_audit **ret_audit, struct tl_err *err)
{
    tl_audit *audit = tl_heap_alloc(sizeof *audit);
    audit->directory = tl_heap_strdup(directory);
    *ret_audit = NULL;
    if (tl_journal_open(directory, options, &audit->journal, err) != TL_OK) {
        tl_audit_close(audit);
        return err->code;
    }
    *ret_audit = audit;
    return TL_OK;
}

tl_audit *tl_audit_close(tl_audit *audit)
{
    if (!audit)
        return NULL;
    tl_journal_close(audit->journal);
    free(audit->directory);
    free(audit);
    return NULL;
}

/* ---- records ---- */

static void pair_if(struct tl_json_writer *json, const char *key, const char *text)
{
    if (text && *text)
        tl_json_pair_text(json, key, text);
}

static void put_texts(struct tl_json_writer *json, const char *key, const char *const *texts, size_t count)
{
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        tl_json_put_text(json, texts[i]);
    tl_json_end_array(json);
}

static void put_who(struct tl_json_writer *json, const struct tl_request *rq)
{
    const struct tl_principal *principal = rq->principal;
    tl_json_pair_text(json, "user", principal ? principal->user : "");
    if (!principal)
        return;
    put_texts(json, "groups", principal->groups, principal->group_count);
    tl_json_pair_text(json, "shown_by", tl_auth_kind_name(principal->kind));
    pair_if(json, "credential", principal->credential);
    pair_if(json, "agent", principal->agent);
    pair_if(json, "agent_call", principal->agent_call);
}

/* {"email": "last4"} */
static void put_masks(struct tl_json_writer *json, const struct tl_dataset_grant *grant)
{
    tl_json_key(json, "masks");
    tl_json_begin_object(json);
    for (size_t i = 0; grant->masks && i < grant->column_count; i++) {
        if (grant->masks[i].form == TL_MASK_NONE)
            continue;
        struct tl_buf form;
        tl_buf_init(&form, TL_MASK_TEXT_MAX + 1);
        tl_mask_format(&form, &grant->masks[i]);
        tl_json_pair_text(json, grant->columns[i], tl_buf_cstr(&form));
        tl_buf_done(&form);
    }
    tl_json_end_object(json);
}

static void put_columns(struct tl_json_writer *json, const struct tl_dataset_grant *grant)
{
    if (grant->column_count <= COLUMNS_KEPT_MAX)
        put_texts(json, "columns", grant->columns, grant->column_count);
    else
        tl_json_pair_int64(json, "column_count", (int64_t)grant->column_count);
    put_masks(json, grant);
    tl_json_key(json, "row_rules");
    tl_json_begin_array(json);
    for (size_t i = 0; i < grant->row_rule_count; i++)
        tl_rule_put(json, grant->row_rules[i]);
    tl_json_end_array(json);
}

static void put_tables(struct tl_json_writer *json, const tl_clearance *clearance)
{
    tl_json_key(json, "tables");
    tl_json_begin_array(json);
    for (size_t i = 0; clearance && i < tl_clearance_count(clearance); i++) {
        const struct tl_dataset_grant *grant = tl_clearance_grant(clearance, i);
        struct tl_buf name;
        tl_buf_init(&name, 4096);
        tl_buf_addf(&name, "%s.%s%s%s", grant->need.source, grant->need.schema, grant->need.table ? "." : "", grant->need.table ? grant->need.table : "");
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", tl_buf_cstr(&name));
        tl_json_pair_bool(json, "write", grant->need.access & (TL_ACCESS_WRITE | TL_ACCESS_CREATE | TL_ACCESS_DROP));
        put_columns(json, grant);
        tl_json_end_object(json);
        tl_buf_done(&name);
    }
    tl_json_end_array(json);
}

/* The members of an object are written as an object; the log wants them without its braces. */
static enum tl_code append(tl_audit *audit, struct tl_buf *object, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    if (object->failed || object->size < 2)
        code = tl_err_set(err, TL_TOO_LARGE, "the record of the audit is larger than %d bytes", RECORD_MAX);
    else
        code = tl_journal_append(audit->journal, (struct tl_str){object->data + 1, object->size - 2}, err);
    tl_buf_done(object);
    return code;
}

enum tl_code tl_audit_statement(struct tl_request *rq, tl_audit *audit, const struct tl_audit_statement *statement)
{
    struct tl_buf record;
    struct tl_json_writer json;
    tl_buf_init(&record, RECORD_MAX);
    tl_json_writer_init(&json, &record);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "kind", "statement");
    tl_json_pair_text(&json, "id", rq->id);
    put_who(&json, rq);
    tl_json_pair_text(&json, "statement", statement->kind);
    tl_json_key(&json, "text");
    tl_json_put_str(&json, tl_utf8_cut(statement->text, TEXT_KEPT_MAX)); /* bytes that are no text become U+FFFD */
    pair_if(&json, "source", statement->source);
    pair_if(&json, "client_info", statement->client_info);
    pair_if(&json, "client_tags", statement->client_tags);
    put_tables(&json, statement->clearance);
    tl_json_pair_text(&json, "decisions", statement->clearance ? tl_clearance_name(statement->clearance) : NULL);
    if (statement->clearance)
        tl_json_pair_int64(&json, "policy_version", tl_clearance_version(statement->clearance));
    pair_if(&json, "raw_reason", statement->raw_reason);
    tl_json_pair_bool(&json, "pii", statement->pii);
    if (statement->pii)
        tl_json_pair_text(&json, "pii_reason", statement->pii_reason);
    tl_json_end_object(&json);
    if (append(audit, &record, &rq->err) == TL_OK)
        return TL_OK;
    tl_err_hint(&rq->err, "no statement runs without its record; make room or mend the folder \"%s\"", audit->directory);
    return rq->err.code;
}

static const char *state_of(const struct tl_err *err)
{
    return err->code == TL_OK ? "finished" : err->code == TL_CANCELLED ? "cancelled" : "failed";
}

void tl_audit_outcome(const struct tl_request *rq, tl_audit *audit, const struct tl_audit_outcome *outcome)
{
    struct tl_buf record;
    struct tl_json_writer json;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&record, RECORD_MAX);
    tl_json_writer_init(&json, &record);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "kind", "outcome");
    tl_json_pair_text(&json, "id", rq->id);
    tl_json_pair_text(&json, "user", rq->principal ? rq->principal->user : "");
    tl_json_pair_text(&json, "state", state_of(outcome->err));
    if (outcome->err->code != TL_OK) {
        tl_json_pair_text(&json, "error", tl_code_info(outcome->err->code)->name);
        tl_json_pair_text(&json, "message", outcome->err->message);
    }
    tl_json_pair_int64(&json, "rows", outcome->rows);
    tl_json_pair_int64(&json, "bytes", outcome->bytes);
    tl_json_pair_int64(&json, "elapsed_us", outcome->elapsed_us);
    if (outcome->scans_json.size) {
        tl_json_key(&json, "scans");
        tl_json_put_raw(&json, outcome->scans_json);
    }
    tl_json_end_object(&json);
    if (append(audit, &record, &err) != TL_OK)
        tl_log_err(TL_LOG_ERROR, "lifeguard", "the outcome of a statement could not be recorded", &err);
}

enum tl_code tl_audit_event(struct tl_request *rq, tl_audit *audit, const char *kind, const char *subject, struct tl_str members)
{
    struct tl_buf record;
    struct tl_json_writer json;
    tl_buf_init(&record, RECORD_MAX);
    tl_json_writer_init(&json, &record);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "kind", kind);
    put_who(&json, rq);
    tl_json_pair_text(&json, "subject", subject);
    if (members.size) {
        tl_buf_addc(&record, ',');
        tl_buf_add(&record, members.data, members.size);
    }
    tl_json_end_object(&json);
    return append(audit, &record, &rq->err);
}

/* ---- reading ---- */

struct recent {
    const char *user;
    tl_arena *scratch; /* of one record */
    struct tl_json_writer json;
    struct tl_err *err;
};

static void copy_without(struct tl_json_writer *json, const tl_json *object, const char *left_out)
{
    tl_json_begin_object(json);
    for (struct tl_json_iter it = tl_json_iter(object); tl_json_next(&it);) {
        if (strcmp(it.key, left_out) == 0)
            continue;
        tl_json_key(json, it.key);
        tl_json_put_value(json, it.value);
    }
    tl_json_end_object(json);
}

/* One's own record: what one asked and was shown, without the text of the row rules, which is not for those they hold back; what
 * sources were asked for would tell it too. */
static void put_own(struct tl_json_writer *json, const tl_json *record)
{
    tl_json_begin_object(json);
    for (struct tl_json_iter it = tl_json_iter(record); tl_json_next(&it);) {
        if (strcmp(it.key, "scans") == 0)
            continue;
        tl_json_key(json, it.key);
        if (strcmp(it.key, "tables") != 0 || !tl_json_is_array(it.value)) {
            tl_json_put_value(json, it.value);
            continue;
        }
        tl_json_begin_array(json);
        for (struct tl_json_iter table = tl_json_iter(it.value); tl_json_next(&table);)
            copy_without(json, table.value, "row_rules");
        tl_json_end_array(json);
    }
    tl_json_end_object(json);
}

static bool put_record(void *context, int64_t seq, struct tl_str line)
{
    struct recent *recent = context;
    const tl_json *record;
    (void)seq;
    if (!recent->user) {
        tl_json_put_raw(&recent->json, line);
    } else if (tl_json_parse(recent->scratch, line.data, line.size, &record, recent->err) == TL_OK) {
        if (tl_streq(tl_json_get_text(record, "user"), recent->user))
            put_own(&recent->json, record);
        tl_arena_reset(recent->scratch);
    }
    return !recent->json.buf->failed && recent->err->code == TL_OK;
}

enum tl_code tl_audit_recent(struct tl_request *rq, tl_audit *audit, const char *user, int count_max, struct tl_buf *json_array)
{
    struct recent recent = {.user = user, .scratch = tl_arena_new(RECORD_ARENA_MAX), .err = &rq->err};
    struct tl_journal_head head;
    tl_journal_head(audit->journal, &head);
    tl_json_writer_init(&recent.json, json_array);
    tl_json_begin_array(&recent.json);
    enum tl_code code = tl_journal_read(audit->directory, head.seq - count_max + 1, put_record, &recent, &rq->err);
    tl_json_end_array(&recent.json);
    tl_arena_free(recent.scratch);
    if (code == TL_OK)
        code = rq->err.code; /* a record that cannot be read ends it */
    if (code == TL_OK && json_array->failed)
        code = tl_err_set(&rq->err, TL_TOO_LARGE, "the records are longer than %zu bytes; ask for fewer", json_array->max_size);
    return code;
}

enum tl_code tl_audit_verify(struct tl_request *rq, tl_audit *audit, struct tl_journal_report *ret_report)
{
    return tl_journal_verify(audit->directory, NULL, ret_report, &rq->err);
}

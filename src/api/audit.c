/* The audit over HTTP: the newest records, and whether the chain holds. */
#include "api/api_int.h"

#include "auth/principal.h"

enum { RECORDS_JSON_MAX = 64 * 1024 * 1024, RECORDS_DEFAULT = 100, RECORDS_MAX = 10000 };

static bool need_auditor(struct tl_api_call *call)
{
    if (tl_principal_is_auditor(call->rq.principal))
        return true;
    tl_err_set(&call->rq.err, TL_NOT_ALLOWED, "only members of the groups \"" TL_GROUP_ADMIN "\" and \"" TL_GROUP_AUDITOR "\" see the records of others");
    tl_err_hint(&call->rq.err, "leave out ?all=true for your own");
    tl_api_fail(call);
    return false;
}

void tl_api_audit_list(struct tl_api_call *call)
{
    bool all = tl_streq(tl_http_query_param(call->exchange, "all"), "true");
    if (all && !need_auditor(call))
        return;
    struct tl_buf json;
    tl_buf_init(&json, RECORDS_JSON_MAX);
    int count = tl_api_count_param(call, RECORDS_DEFAULT, RECORDS_MAX);
    if (tl_audit_recent(&call->rq, call->api->parts.audit, all ? NULL : call->rq.principal->user, count, &json) != TL_OK) {
        tl_buf_done(&json);
        tl_api_fail(call);
        return;
    }
    tl_api_reply_json(call, 200, &json);
}

void tl_api_audit_verify(struct tl_api_call *call)
{
    struct tl_journal_report report;
    if (!need_auditor(call))
        return;
    if (tl_audit_verify(&call->rq, call->api->parts.audit, &report) != TL_OK) {
        tl_api_fail(call);
        return;
    }
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, 4096);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_bool(&json, "holds", report.broken_seq == 0);
    tl_json_pair_int64(&json, "records", report.records);
    tl_json_pair_int64(&json, "first_seq", report.first_seq);
    tl_json_pair_int64(&json, "last_seq", report.head.seq);
    tl_json_pair_text(&json, "hash", report.head.hash);
    if (report.broken_seq) {
        tl_json_pair_int64(&json, "broken_seq", report.broken_seq);
        tl_json_pair_text(&json, "broken_why", report.broken_why);
    }
    tl_json_end_object(&json);
    tl_api_reply_json(call, 200, &buf);
}

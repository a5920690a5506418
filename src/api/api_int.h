/* api/api_int.h -- what the handlers share: the call, the route, the open statements. */
#ifndef TL_API_API_INT_H
#define TL_API_API_INT_H

#include <pthread.h>

#include "api/api.h"
#include "data/json.h"

enum tl_api_auth { TL_API_AUTH_OPEN, TL_API_AUTH_USER, TL_API_AUTH_ENGINE, TL_API_AUTH_TRINO };
enum tl_api_form { TL_API_FORM_JSON, TL_API_FORM_TRINO, TL_API_FORM_ICEBERG, TL_API_FORM_SCIM, TL_API_FORM_MCP };

enum { TL_API_PARAMS_MAX = 4 };

/* One request on its way through a handler.  rq.arena is the exchange's. */
struct tl_api_call {
    tl_api *api;
    tl_http_exchange *exchange;
    struct tl_request rq;
    size_t param_count;
    const char *param_names[TL_API_PARAMS_MAX];
    const char *param_values[TL_API_PARAMS_MAX]; /* decoded */
    const char *csrf_token; /* of the caller's browser session; NULL = none */
    bool refusal_noted;     /* it is on the record that the caller was turned away */
};

typedef void (*tl_api_handler)(struct tl_api_call *call);

struct tl_api_route {
    const char *method, *path;
    tl_api_handler handler;
    enum tl_api_auth auth;
    enum tl_api_form form;
    unsigned scope; /* TL_SCOPE_ bits that the caller's token must carry */
};

typedef struct tl_queries tl_queries; /* queries.h */
struct tl_spool;                      /* spool.h */

struct tl_api {
    struct tl_api_parts parts;
    tl_queries *queries;
    struct tl_spool *spool;
    int64_t started_us;
    atomic_llong statements, failures;
    atomic_llong refusal_second, refusals, refusals_left_out; /* note.c */
    struct tl_api_trino *trino; /* trino_rules.c */
    struct tl_api_mcp *mcp;     /* mcp_int.h */
};

const char *tl_api_param(const struct tl_api_call *call, const char *name);
/* Answer call->rq.err as problem JSON. */
void tl_api_fail(struct tl_api_call *call);
/* The body, an object of JSON.  NULL: it is none, and that is answered. */
const tl_json *tl_api_read_body(struct tl_api_call *call);
/* Of a body that is a form; NULL = it is not there, or cannot be read. */
const char *tl_api_form_value(struct tl_api_call *call, const char *name);
/* ?count=, from 1 to `most`. */
int tl_api_count_param(struct tl_api_call *call, int fallback, int most);
void tl_api_reply_json(struct tl_api_call *call, int status, struct tl_buf *json);
/* 200 and the answer, or what went wrong; frees it. */
void tl_api_finish(struct tl_api_call *call, enum tl_code code, struct tl_buf *json);
/* 204, or what went wrong. */
void tl_api_reply_done(struct tl_api_call *call, enum tl_code code);
/* {"id": ..} of what was made, or what went wrong. */
void tl_api_reply_id(struct tl_api_call *call, enum tl_code code, const char *id);

/* With an ETag of the content; 304 when the client has it. */
void tl_api_reply_tagged(struct tl_api_call *call, struct tl_buf *json);

/* An event on the record: of the caller, or of `user` where nobody is known yet.  more may be NULL; no secret. */
void tl_api_note(struct tl_api_call *call, const char *kind, const char *subject, const char *user, const char *more);
/* The caller was turned away: call->rq.err. */
void tl_api_note_refusal(struct tl_api_call *call);
/* ... as SCIM's error document. */
void tl_api_scim_refuse(struct tl_api_call *call);

const char **tl_api_column_names(tl_arena *arena, const struct tl_source_dataset *dataset);

struct tl_api_trino *tl_api_trino_new(void);
void tl_api_trino_free(struct tl_api_trino *trino);
/* As the rules for Trino have it. */
struct tl_trino_dataset;
void tl_api_trino_dataset(tl_arena *arena, const char *source, const struct tl_source_dataset *from, struct tl_trino_dataset *to);

struct tl_api_mcp *tl_api_mcp_new(void);
void tl_api_mcp_free(struct tl_api_mcp *mcp);
/* Is the request neither from a strange page nor to a strange name?  false: it is answered. */
bool tl_api_mcp_may_come(struct tl_api_call *call);
/* The header of a 401. */
void tl_api_mcp_challenge(struct tl_api_call *call);

#define TL_API_HANDLER(name) void tl_api_##name(struct tl_api_call *call)
TL_API_HANDLER(statement_start);
TL_API_HANDLER(statement_head);
TL_API_HANDLER(statement_next);
TL_API_HANDLER(statement_cancel);
TL_API_HANDLER(segment_get);
TL_API_HANDLER(segment_ack);
TL_API_HANDLER(trino_info);
TL_API_HANDLER(livez);
TL_API_HANDLER(readyz);
TL_API_HANDLER(metrics);
TL_API_HANDLER(web);
TL_API_HANDLER(request_page);
TL_API_HANDLER(openapi);
TL_API_HANDLER(me);
TL_API_HANDLER(sources_list);
TL_API_HANDLER(sources_add);
TL_API_HANDLER(sources_test);
TL_API_HANDLER(sources_refresh);
TL_API_HANDLER(sources_remove);
TL_API_HANDLER(source_kinds);
TL_API_HANDLER(auth_login);
TL_API_HANDLER(auth_callback);
TL_API_HANDLER(auth_logout);
TL_API_HANDLER(auth_ended_there);
TL_API_HANDLER(scim);
TL_API_HANDLER(tokens_list);
TL_API_HANDLER(tokens_create);
TL_API_HANDLER(tokens_revoke);
TL_API_HANDLER(queries_list);
TL_API_HANDLER(complete);
TL_API_HANDLER(trino_rules);
TL_API_HANDLER(opa_allow);
TL_API_HANDLER(opa_batch);
TL_API_HANDLER(opa_row_filters);
TL_API_HANDLER(opa_column_mask);
TL_API_HANDLER(opa_column_masks);
TL_API_HANDLER(audit_list);
TL_API_HANDLER(audit_verify);
TL_API_HANDLER(iceberg);
TL_API_HANDLER(iceberg_token);
TL_API_HANDLER(lifeguard_state);
TL_API_HANDLER(lifeguard_pending);
TL_API_HANDLER(lifeguard_dataset);
TL_API_HANDLER(lifeguard_review);
TL_API_HANDLER(lifeguard_comment);
TL_API_HANDLER(lifeguard_grants);
TL_API_HANDLER(lifeguard_grant);
TL_API_HANDLER(lifeguard_revoke);
TL_API_HANDLER(lifeguard_row_rules);
TL_API_HANDLER(lifeguard_row_rule);
TL_API_HANDLER(lifeguard_remove_row_rule);
TL_API_HANDLER(lifeguard_quotas);
TL_API_HANDLER(lifeguard_quota);
TL_API_HANDLER(lifeguard_remove_quota);
TL_API_HANDLER(lifeguard_attribute);
TL_API_HANDLER(lifeguard_limits);
TL_API_HANDLER(lifeguard_requests);
TL_API_HANDLER(lifeguard_request);
TL_API_HANDLER(lifeguard_approve);
TL_API_HANDLER(lifeguard_deny);
TL_API_HANDLER(lifeguard_explain);
TL_API_HANDLER(lifeguard_who);
TL_API_HANDLER(lifeguard_access);
TL_API_HANDLER(lifeguard_history);
TL_API_HANDLER(lifeguard_pii_begin);
TL_API_HANDLER(lifeguard_pii_end);
TL_API_HANDLER(catalog_status);
TL_API_HANDLER(catalog_crawl);
TL_API_HANDLER(catalog_dataset);
TL_API_HANDLER(search);
TL_API_HANDLER(search_rebuild);
TL_API_HANDLER(lineage);
TL_API_HANDLER(lineage_take);
TL_API_HANDLER(lineage_events);
TL_API_HANDLER(datahub_take);
TL_API_HANDLER(datahub_put);
TL_API_HANDLER(usage);
TL_API_HANDLER(catalog_edits);
TL_API_HANDLER(catalog_annotate);
TL_API_HANDLER(catalog_import);
TL_API_HANDLER(catalog_export);
TL_API_HANDLER(catalog_terms);
TL_API_HANDLER(catalog_term);
TL_API_HANDLER(catalog_domains);
TL_API_HANDLER(catalog_domain);
TL_API_HANDLER(catalog_pages);
TL_API_HANDLER(catalog_page);
TL_API_HANDLER(catalog_page_write);
TL_API_HANDLER(catalog_page_remove);
TL_API_HANDLER(ask);
TL_API_HANDLER(conversations_list);
TL_API_HANDLER(conversation_get);
TL_API_HANDLER(semantic_models);
TL_API_HANDLER(skimmer_status);
TL_API_HANDLER(skimmer_findings);
TL_API_HANDLER(skimmer_scan);
TL_API_HANDLER(skimmer_pause);
TL_API_HANDLER(skimmer_resume);
TL_API_HANDLER(models_list);
TL_API_HANDLER(tools_list);
TL_API_HANDLER(tool_call);
TL_API_HANDLER(result_get);
TL_API_HANDLER(result_drop);
TL_API_HANDLER(saved_list);
TL_API_HANDLER(saved_verify);
TL_API_HANDLER(saved_unverify);
TL_API_HANDLER(saved_drop);
TL_API_HANDLER(memory_list);
TL_API_HANDLER(memory_approve);
TL_API_HANDLER(memory_deny);
TL_API_HANDLER(memory_forget);
TL_API_HANDLER(mcp_post);
TL_API_HANDLER(mcp_get);
TL_API_HANDLER(mcp_delete);
TL_API_HANDLER(mcp_resource);

/* The Trino type signature of a Trino type name, as JSON: signature.c. */
void tl_api_put_signature(struct tl_json_writer *writer, const char *trino_type);

#endif

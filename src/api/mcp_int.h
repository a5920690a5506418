/* api/mcp_int.h -- the Model Context Protocol over HTTP: one message, who sent it, and the sessions of older clients.
 *
 * Revisions: 2026-07-28 (every request says its version and client in _meta, there are no sessions) and 2025-11-25, 2025-06-18 and
 *   2025-03-26 (initialize, Mcp-Session-Id), at the same address; a message says by itself which it is.
 * Sessions hold what initialize told, no rights: every request is authenticated by itself, and a session is its user's alone.
 * Bounds: MCP_MESSAGE_MAX of a message, MCP_SESSIONS_MAX sessions, one hour unused.
 */
#ifndef TL_API_MCP_INT_H
#define TL_API_MCP_INT_H

#include "api/api_int.h"

enum { MCP_MESSAGE_MAX = 1 << 20, MCP_SESSIONS_MAX = 10000, MCP_USER_SESSIONS_MAX = 200, MCP_SESSION_ID_SIZE = 33, MCP_CLIENT_MAX = 80,
       MCP_ANSWER_MAX = 8 << 20 };

/* JSON-RPC's, and those of the protocol. */
enum {
    MCP_PARSE_ERROR = -32700, MCP_INVALID_REQUEST = -32600, MCP_METHOD_NOT_FOUND = -32601, MCP_INVALID_PARAMS = -32602, MCP_INTERNAL_ERROR = -32603,
    MCP_RESOURCE_NOT_FOUND = -32002 /* until 2025-11-25 */, MCP_HEADER_MISMATCH = -32020, MCP_UNSUPPORTED_VERSION = -32022,
};

struct mcp_session {
    char id[MCP_SESSION_ID_SIZE], client[MCP_CLIENT_MAX];
    char *user;
    int64_t touched_us;
    struct mcp_session *next;
};

/* A request whose answer takes time: it can be cancelled by its id. */
struct mcp_running {
    const char *user, *session, *id; /* of the JSON-RPC request, as JSON */
    atomic_bool cancelled;
    struct mcp_running *next;
};

struct tl_api_mcp {
    pthread_mutex_t lock;
    struct mcp_session *sessions; /* newest first */
    size_t session_count;
    struct mcp_running *running;
};

struct mcp_message {
    struct tl_api_call *call;
    const tl_json *root, *id, *params, *meta;
    const char *method;
    bool modern;                  /* 2026-07-28 */
    bool flat;                    /* every tool by itself, instead of search and execute */
    const char *session, *client; /* NULL = none, not told */
    struct tl_buf result;         /* members of the result's object */
    struct tl_json_writer json;   /* into it */
    int error;                    /* 0 = none */
    const char *error_text;
    bool streaming;               /* the answer is a stream of events and has begun */
};

const char *mcp_versions_text(void); /* a JSON array of all */

/* 0, or an error code of JSON-RPC with its text. */
int mcp_fail(struct mcp_message *message, int error, const char *format, ...) TL_PRINTF(3, 4);

/* The session's id, in the call's arena. */
TL_CHECKED enum tl_code mcp_session_new(struct tl_api_call *call, const char *client, const char **ret_id);
/* false: the caller has no such session.  Its client, in the call's arena. */
bool mcp_session_find(struct tl_api_call *call, const char *id, const char **ret_client);
bool mcp_session_end(struct tl_api_call *call, const char *id);
void mcp_running_begin(struct mcp_message *message, struct mcp_running *running);
void mcp_running_end(struct mcp_message *message, struct mcp_running *running);
/* Of notifications/cancelled. */
void mcp_running_cancel(struct mcp_message *message, const tl_json *id);

/* Methods: write the members of their result, or fail. */
void mcp_tools_list(struct mcp_message *message);
void mcp_tools_call(struct mcp_message *message);
void mcp_resources_list(struct mcp_message *message);
void mcp_resources_templates(struct mcp_message *message);
void mcp_resources_read(struct mcp_message *message);
void mcp_prompts_list(struct mcp_message *message);
void mcp_prompts_get(struct mcp_message *message);

/* A notification of the request's own, before its answer; does nothing when the client takes no stream. */
void mcp_notify_progress(struct mcp_message *message, const tl_json *token, int steps, const char *text);

#endif

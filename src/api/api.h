/* api/api.h -- the HTTP face: routes from spec/api.toml, the Trino client protocol, our API, the Iceberg REST catalog.
 *
 * Owns: nothing of what it is given; tl_api_free ends all statements that are still open.
 * Threads: tl_api_handle is the HTTP server's handler and runs on its workers.
 */
#ifndef TL_API_API_H
#define TL_API_API_H

#include "auth/auth.h"
#include "catalog/catalog.h"
#include "catalog/datahub.h"
#include "catalog/openlineage.h"
#include "catalog/search.h"
#include "door/door.h"
#include "io/http.h"
#include "skimmer/skimmer.h"
#include "skipper/model.h"
#include "skipper/tool.h"
#include "skipper/ask.h"

typedef struct tl_api tl_api;

struct tl_api_parts {
    tl_auth *auth;
    tl_door *door;
    tl_engine *engine;
    tl_registry *registry;
    tl_lake *lake;              /* NULL = no lake */
    const char *lake_name;      /* in SQL */
    tl_store *store;
    tl_lifeguard *lifeguard;
    tl_audit *audit;
    tl_catalog *catalog;
    tl_search *search;
    tl_lineage *lineage;
    tl_skimmer *skimmer;
    tl_tools *tools;
    tl_model *model;            /* NULL = none */
    const char *public_url;     /* where people reach this server; NULL or "" = where it listens */
    const char *oidc_issuer;    /* who signs people in; NULL or "" = nobody */
    bool mcp_flat;              /* every tool by itself at /mcp */
    tl_ask *ask;
    const char *trino_key;      /* what Trino shows to read its rules; NULL or "" = administrators only */
    const char *engine_token;   /* what the engine shows at /iceberg */
    bool allow_plain_secrets;   /* the demo may be given passwords as they are */
    size_t page_bytes;          /* of a result page, 0 = 1 MiB */
    int64_t abandoned_after_us; /* a statement nobody asks for is ended, 0 = 5 min */
};

tl_api *tl_api_new(const struct tl_api_parts *parts);
tl_api *tl_api_free(tl_api *api);
void tl_api_handle(void *api, tl_http_exchange *exchange);
/* Only what the engine asks for: for a listener of its own when the other speaks TLS. */
void tl_api_handle_engine(void *api, tl_http_exchange *exchange);

#endif

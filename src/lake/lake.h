/* lake/lake.h -- Iceberg tables of our own: namespaces, tables, commits; the REST catalog speaks for it.
 *
 * Now: what DuckDB's iceberg extension calls (research: 26 requests); format versions 2 and 3, local folders.  A later issue
 *   completes it (S3, views, scan planning, upkeep).
 * State: pointers (namespace, table -> metadata location, version) in the store; table metadata in the warehouse as
 *   <location>/metadata/NNNNN-<uuid>.metadata.json, written and synced before the pointer moves (compare-and-swap on version).
 * Threads: every call from any thread; commits to one table are decided by the store's single writer.
 * Paths: everything stays below the warehouse folder; a location outside is refused.
 */
#ifndef TL_LAKE_LAKE_H
#define TL_LAKE_LAKE_H

#include "base/request.h"
#include "data/json.h"
#include "io/objects.h"
#include "lifeguard/lifeguard.h"
#include "store/store.h"

typedef struct tl_lake tl_lake;

/* warehouse: absolute folder, made when missing. */
TL_CHECKED enum tl_code tl_lake_open(tl_store *store, const char *warehouse, tl_lake **ret_lake, struct tl_err *err);
/* How other programs reach the files of a warehouse in S3. */
struct tl_lake_reach {
    struct tl_objects_s3 storage; /* of this server: its own engine gets this key */
    /* A key that clients with a grant get when they ask for "vended-credentials"; NULL or "" = none is given away, and their
     * requests are signed one by one when they ask for "remote-signing". */
    const char *client_access_key, *client_secret_key;
};
/* The same on objects of any kind, which are the lake's from now on.  reach is copied; NULL = files of this machine. */
tl_lake *tl_lake_new(tl_store *store, tl_objects *warehouse, const struct tl_lake_reach *reach);
/* Keep dropped tables for so long (0 = not), and clear away what is over, now and every minute.  Without it nothing is kept. */
TL_CHECKED enum tl_code tl_lake_start(tl_lake *lake, int64_t undrop_us, struct tl_err *err);
tl_lake *tl_lake_close(tl_lake *lake);
/* The folder's real path, as all locations are spelled: what the engine must be allowed to open; elsewhere the root of all locations. */
const char *tl_lake_warehouse(const tl_lake *lake);
/* The files of all tables. */
tl_objects *tl_lake_objects(const tl_lake *lake);

/* Who asks, and what decides what they may. */
struct tl_lake_rights {
    const struct tl_principal *principal;
    tl_lifeguard *lifeguard;
    const char *source; /* the lake's name in SQL */
};

/* One REST call below /iceberg (path as sent, e.g. "/v1/namespaces/a%1Fb/tables").  Fills status and a JSON body in rq->arena
 * (empty for 204 and HEAD).  Errors are answered in Iceberg's form and never reported in rq->err. */
struct tl_lake_call {
    const char *method, *path;
    const char *(*query_param)(void *context, const char *name);
    const char *(*header)(void *context, const char *name); /* NULL = there are none */
    void *context;
    struct tl_str body;
    const struct tl_lake_rights *rights; /* NULL = the engine of this server, whose statements the door has checked: everything */
};
struct tl_lake_reply {
    int status;
    const char *etag; /* NULL = none */
    /* For the record, of a caller with rights: what was done ("load", "commit"; NULL = nothing worth it) to what ("lake.s.t"). */
    const char *act, *subject;
    struct tl_str body;
};
void tl_lake_rest(struct tl_request *rq, tl_lake *lake, const struct tl_lake_call *call, struct tl_lake_reply *ret_reply);

/* For the door: a table's columns come by listing through the engine; these are what the engine cannot say. */
TL_CHECKED enum tl_code tl_lake_schemas(struct tl_request *rq, tl_lake *lake, const char *const **ret_names, size_t *ret_count);
/* Drops all tables of the schema in one transaction; then their files.  TL_SCHEMA_NOT_FOUND; TL_SCHEMA_NOT_EMPTY when
 * namespaces lie below it. */
TL_CHECKED enum tl_code tl_lake_schema_empty(struct tl_request *rq, tl_lake *lake, const char *schema);
/* Bumped by every successful change of names or schemas: the door refreshes its listing when it moved. */
uint64_t tl_lake_generation(tl_lake *lake);

#endif

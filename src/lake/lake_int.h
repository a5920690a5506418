/* lake/lake_int.h -- what the files of lake/ say to each other.
 *
 *   path.c          locations: which may be used, and new ones
 *   within.c        what metadata and new manifests name lies below the table's folder
 *   json.c          values built from values; equality
 *   metadata.c      TableMetadata: read, check, write
 *   metadata_v1.c   what version 1 spells otherwise
 *   schema.c        schemas, partition specs, sort orders: are they sound
 *   fresh.c         the numbers of a new table's fields
 *   updates.c       the changes a commit asks for: names and tables of them
 *   snapshots.c     those of snapshots, references, statistics
 *   requirements.c  what a commit takes for granted
 *   names.c         which names there may be
 *   catalog.c       names and pointers in the store
 *   commit.c        metadata files and the moving of pointers
 *   view.c          views
 *   dropped.c       what was dropped: had back, or cleared away
 *   idempotency.c   calls that are sent again
 *   table.c         tables and namespace.c namespaces as the REST catalog shows them
 *   rights.c        what the rules let an outside engine do
 *   cache.c         metadata files read or written lately
 *   storage.c       how clients reach the files themselves
 *   scan.c          scans planned for clients
 *   sign.c          requests of theirs to the storage, signed one by one
 *   rest.c          routes and the form of errors
 */
#ifndef TL_LAKE_LAKE_INT_H
#define TL_LAKE_LAKE_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "io/sigv4.h"
#include "lake/lake.h"

enum {
    TL_LAKE_NAME_MAX = 255,          /* bytes of one level or table name */
    TL_LAKE_LEVELS_MAX = 16,
    TL_LAKE_NAMESPACE_MAX = 1024,    /* bytes of all levels */
    TL_LAKE_LOCATION_MAX = 4096,
    TL_LAKE_METADATA_BYTES_MAX = 64 * 1024 * 1024,
    TL_LAKE_BODY_BYTES_MAX = 32 * 1024 * 1024,
    TL_LAKE_PAGE_MAX = 1000,
    TL_LAKE_LIST_MAX = 100000,
    TL_LAKE_CHANGES_MAX = 100,       /* tables in one transaction */
    TL_LAKE_UPDATES_MAX = 10000,
    TL_LAKE_PROPERTIES_MAX = 10000,
    TL_LAKE_COMMIT_ATTEMPTS = 10,
    TL_LAKE_LEVEL_SEPARATOR = 0x1F,
    TL_LAKE_PURGING = 2, /* lake_dropped.purge: files are being removed, it cannot be had back */
    TL_LAKE_IDEMPOTENCY_MINUTES = 30,
    TL_LAKE_WITHIN_KNOWN = 4096,
};

struct tl_lake_route_call;

/* tl_store_run with the parameters as the last arguments. */
#define TL_LAKE_RUN(tx, sql, row, context, err, ...)                                                                                  \
    tl_store_run(tx, sql, (const struct tl_store_value[]){__VA_ARGS__},                                                               \
                 sizeof((const struct tl_store_value[]){__VA_ARGS__}) / sizeof(struct tl_store_value), row, context, err)

struct tl_lake {
    tl_store *store;
    tl_objects *objects; /* the warehouse */
    struct tl_lake_storage *storage; /* NULL: files of this machine */
    struct tl_lake_cache *cache;     /* NULL: files of this machine, whose system remembers them */
    atomic_uint_fast64_t generation;
    uint64_t within_key[2];
    atomic_uint_fast64_t within_known[TL_LAKE_WITHIN_KNOWN]; /* stamps of metadata that was checked */
    int64_t undrop_us; /* how long a dropped table can be had back; 0 = not at all */
    struct tl_lake_sweeper *sweeper;
    pthread_mutex_t progress_mutex;
    pthread_cond_t progress_ended;
    struct tl_lake_in_progress *in_progress; /* calls with an Idempotency-Key that run now */
};

/* --- storage.c: how clients reach the files --- */
struct tl_lake_storage *tl_lake_storage_new(const struct tl_lake_reach *reach);
struct tl_lake_storage *tl_lake_storage_free(struct tl_lake_storage *storage);

void tl_lake_storage_key(const struct tl_lake_storage *storage, struct tl_sigv4_key *ret_key);
/* "https", "host:port" */
void tl_lake_storage_address(const struct tl_lake_storage *storage, tl_arena *arena, const char **ret_scheme, const char **ret_host);

/* --- cache.c: metadata files read or written lately; bounded; NULL remembers nothing.  Threads: any --- */
struct tl_lake_cache *tl_lake_cache_new(void);
struct tl_lake_cache *tl_lake_cache_free(struct tl_lake_cache *cache);
bool tl_lake_cache_get(struct tl_lake_cache *cache, const char *location, struct tl_buf *buf); /* appended */
void tl_lake_cache_put(struct tl_lake_cache *cache, const char *location, struct tl_str bytes);
size_t tl_lake_cache_bytes(struct tl_lake_cache *cache);

/* --- path.c --- */
/* A location from outside, checked: below the warehouse, no ".", "..", empty parts, links, other schemes, or characters that
 * readers treat specially. */
TL_CHECKED enum tl_code tl_lake_location(const tl_lake *lake, tl_arena *arena, const char *text, const char **ret_location,
                                         struct tl_err *err);
/* A new, unused location for a table of this name; NULL and an error when the kernel gives no random bytes. */
const char *tl_lake_new_location(const tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *table, struct tl_err *err);
const char *tl_lake_namespace_location(const tl_lake *lake, tl_arena *arena, const char *namespace_name);
TL_CHECKED enum tl_code tl_lake_uuid(char text[37], struct tl_err *err);

/* --- json.c --- */
bool tl_lake_json_equal(const tl_json *a, const tl_json *b);
/* The object with one member set (replaced in place or added at the end), with "drop" left out (NULL = none). */
struct tl_lake_member {
    const char *key;
    const tl_json *value;
};
TL_CHECKED enum tl_code tl_lake_json_with_int(tl_arena *arena, const tl_json *object, const char *key, int64_t number,
                                              const tl_json **ret_object, struct tl_err *err);
/* Member as an integer; TL_INVALID_ARGUMENT that names it when it is absent or no 64-bit integer. */
TL_CHECKED enum tl_code tl_lake_json_need_int(const tl_json *object, const char *what, const char *key, int64_t *ret_number, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_json_need_text(const tl_json *object, const char *what, const char *key, const char **ret_text, struct tl_err *err);
/* Parse what a writer wrote. */
TL_CHECKED enum tl_code tl_lake_json_from(tl_arena *arena, struct tl_buf *buf, const tl_json **ret_value, struct tl_err *err);

struct tl_lake_list {
    const tl_json **items;
    size_t count, capacity;
};
void tl_lake_list_add(tl_arena *arena, struct tl_lake_list *list, const tl_json *item);
void tl_lake_list_remove(struct tl_lake_list *list, size_t index);
/* Item whose member `key` is this integer; NULL = none. */
const tl_json *tl_lake_list_find(const struct tl_lake_list *list, const char *key, int64_t number);
int64_t tl_lake_list_max(const struct tl_lake_list *list, const char *key, int64_t fallback);

struct tl_lake_map {
    struct tl_lake_member *items;
    size_t count, capacity;
};
void tl_lake_map_set(tl_arena *arena, struct tl_lake_map *map, const char *key, const tl_json *value);
bool tl_lake_map_remove(struct tl_lake_map *map, const char *key);
const tl_json *tl_lake_map_get(const struct tl_lake_map *map, const char *key);

/* --- metadata.c --- */
struct tl_lake_metadata {
    int64_t format_version;
    const char *uuid;     /* NULL: not given yet */
    const char *location; /* NULL: not given yet */
    int64_t last_sequence_number, last_updated_ms, last_column_id;
    int64_t current_schema_id, default_spec_id, default_sort_order_id; /* -1: not set yet */
    int64_t last_partition_id;
    int64_t current_snapshot_id; /* -1: none */
    int64_t next_row_id;         /* format version 3 */
    struct tl_lake_list schemas, specs, orders, snapshots, statistics, partition_statistics, snapshot_log, metadata_log;
    struct tl_lake_map properties, refs;
    struct tl_lake_map others; /* members this program does not know: kept as they are */
};
void tl_lake_metadata_init(struct tl_lake_metadata *metadata);
TL_CHECKED enum tl_code tl_lake_metadata_read(tl_arena *arena, const tl_json *root, struct tl_lake_metadata *metadata, struct tl_err *err);
/* Whole and coherent? */
TL_CHECKED enum tl_code tl_lake_metadata_check(tl_arena *arena, const struct tl_lake_metadata *metadata, struct tl_err *err);
void tl_lake_metadata_write(const struct tl_lake_metadata *metadata, struct tl_buf *buf);
/* metadata_v1.c: version 1's single schema and spec as the lists of later versions, and back beside them. */
TL_CHECKED enum tl_code tl_lake_metadata_widen(tl_arena *arena, const tl_json *root, const tl_json **ret_root, struct tl_err *err);
void tl_lake_metadata_write_v1(const struct tl_lake_metadata *metadata, struct tl_json_writer *writer);
/* The text of a property, NULL = not set. */
const char *tl_lake_property(const struct tl_lake_metadata *metadata, const char *name);

/* --- schema.c --- */
/* Every field has a unique positive id, a name and a type of this format version.  *ret_max_id: the highest id. */
TL_CHECKED enum tl_code tl_lake_schema_check(tl_arena *arena, const tl_json *schema, int64_t format_version, int64_t *ret_max_id, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_spec_check(const tl_json *spec, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_order_check(const tl_json *order, struct tl_err *err);
/* Do all fields of the spec or sort order refer to fields of the schema? */
TL_CHECKED enum tl_code tl_lake_sources_check(const tl_json *spec_or_order, const char *what, const tl_json *schema, struct tl_err *err);
/* Equal but for "schema-id", "spec-id", "order-id", "type" and the fields' "field-id". */
bool tl_lake_same_fields(const tl_json *a, const tl_json *b);

/* --- fresh.c: the numbers of a new table's fields --- */
struct tl_lake_fresh_id {
    int64_t was, id;
};
struct tl_lake_fresh {
    tl_arena *arena;
    int64_t last;
    struct tl_lake_fresh_id *items;
    size_t count, capacity;
};
/* schema: checked already. */
TL_CHECKED enum tl_code tl_lake_fresh_schema(struct tl_lake_fresh *fresh, const tl_json *schema, const tl_json **ret_schema, struct tl_err *err);
/* A partition spec or sort order of that schema: its columns by their new numbers, its own fields without. */
TL_CHECKED enum tl_code tl_lake_fresh_sources(const struct tl_lake_fresh *fresh, const tl_json *spec_or_order, const tl_json **ret_json,
                                              struct tl_err *err);

/* --- updates.c --- */
struct tl_lake_change {
    const tl_lake *lake;
    tl_arena *arena;
    struct tl_lake_metadata *metadata;
    bool creating;
    bool names_changed; /* schema, spec or properties: listings are stale */
    int64_t now_ms;
    /* the ids clients gave to what they added here, and what they became; -1 = "the one just added" */
    struct tl_lake_added {
        int64_t asked, became;
    } schemas[64], specs[64], orders[64];
    int schema_count, spec_count, order_count;
    struct tl_lake_list added_snapshots;
};
/* One of those that views have too, or any of a table. */
TL_CHECKED enum tl_code tl_lake_apply_one(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_apply(struct tl_lake_change *change, const tl_json *updates, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_add_schema(struct tl_lake_change *change, const tl_json *schema, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_add_spec(struct tl_lake_change *change, const tl_json *spec, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_add_order(struct tl_lake_change *change, const tl_json *order, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_set_properties(struct tl_lake_change *change, const tl_json *properties, struct tl_err *err);
/* Whatever a table must have and was not given: the unpartitioned spec, the unsorted order, the ones just added as current. */
TL_CHECKED enum tl_code tl_lake_complete(struct tl_lake_change *change, struct tl_err *err);

/* --- snapshots.c: handlers of updates --- */
enum tl_code tl_lake_update_add_snapshot(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);
enum tl_code tl_lake_update_set_ref(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);
enum tl_code tl_lake_update_remove_ref(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);
enum tl_code tl_lake_update_remove_snapshots(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);
enum tl_code tl_lake_update_set_statistics(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);
enum tl_code tl_lake_update_remove_statistics(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);
enum tl_code tl_lake_update_set_partition_statistics(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);
enum tl_code tl_lake_update_remove_partition_statistics(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);

/* --- requirements.c --- */
/* metadata NULL: there is no table.  TL_CONFLICT when one does not hold, TL_INVALID_ARGUMENT for one that is not known. */
TL_CHECKED enum tl_code tl_lake_require(const tl_json *requirements, const struct tl_lake_metadata *metadata, struct tl_err *err);
bool tl_lake_requires_create(const tl_json *requirements);

/* --- catalog.c: namespaces are their levels joined by TL_LAKE_LEVEL_SEPARATOR --- */
enum tl_lake_kind { TL_LAKE_TABLE, TL_LAKE_VIEW }; /* they share names */
struct tl_lake_pointer {
    const char *namespace_name, *name;
    enum tl_lake_kind kind;
    const char *uuid, *location, *metadata_location;
    int64_t version;
};
struct tl_lake_names {
    const char **items;
    size_t count, capacity;
    bool more; /* there are names after the last one */
};
/* "a.b" for messages */
const char *tl_lake_dotted(tl_arena *arena, const char *namespace_name);
/* And back: "a.b" -> "a\x1Fb". */
const char *tl_lake_undotted(tl_arena *arena, const char *schema);
TL_CHECKED enum tl_code tl_lake_namespace_check(const char *namespace_name, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_table_name_check(const char *name, struct tl_err *err);
/* {"namespace":["a","b"]} -> "a\x1Fb" */
TL_CHECKED enum tl_code tl_lake_namespace_of(tl_arena *arena, const tl_json *levels, const char **ret_namespace, struct tl_err *err);

TL_CHECKED enum tl_code tl_lake_namespace_add(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *properties, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_namespace_remove(tl_lake *lake, tl_arena *arena, const char *namespace_name, struct tl_err *err);
/* *ret_properties: JSON object text.  TL_SCHEMA_NOT_FOUND. */
TL_CHECKED enum tl_code tl_lake_namespace_get(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char **ret_properties, struct tl_err *err);
/* `change` turns the old properties into the new ones, inside the write. */
TL_CHECKED enum tl_code tl_lake_namespace_set(tl_lake *lake, tl_arena *arena, const char *namespace_name,
                                              enum tl_code (*change)(void *context, const char *properties, const char **ret_properties, struct tl_err *err),
                                              void *context, struct tl_err *err);
/* Namespaces directly below `parent` ("" = top), after `after`, at most `limit`; whole names. */
TL_CHECKED enum tl_code tl_lake_namespace_list(tl_lake *lake, tl_arena *arena, const char *parent, const char *after, size_t limit,
                                               struct tl_lake_names *names, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_entry_list(tl_lake *lake, tl_arena *arena, enum tl_lake_kind kind, const char *namespace_name, const char *after, size_t limit,
                                           struct tl_lake_names *names, struct tl_err *err);
/* TL_TABLE_NOT_FOUND; TL_SCHEMA_NOT_FOUND when there is not even the namespace. */
TL_CHECKED enum tl_code tl_lake_pointer_get(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name,
                                            struct tl_lake_pointer *ret_pointer, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_entry_get(tl_lake *lake, tl_arena *arena, enum tl_lake_kind kind, const char *namespace_name, const char *name,
                                          struct tl_lake_pointer *ret_pointer, struct tl_err *err);
/* A table can be had back for the lake's undrop time; then its files go, if `purge`.  *ret_location: those of whom nothing is kept. */
TL_CHECKED enum tl_code tl_lake_entry_remove(tl_lake *lake, tl_arena *arena, enum tl_lake_kind kind, const char *namespace_name,
                                             const char *name, bool purge, const char **ret_location, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_entry_rename(tl_lake *lake, tl_arena *arena, enum tl_lake_kind kind, const char *namespace_name, const char *name,
                                             const char *to_namespace, const char *to_name, struct tl_err *err);
/* The one dropped last of this name, or the one of this uuid. */
TL_CHECKED enum tl_code tl_lake_undrop(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name, const char *uuid,
                                       const char *as, struct tl_err *err);
/* All or none: version -1 makes a new pointer, else the one of that version moves.  TL_CONFLICT when another was faster. */
TL_CHECKED enum tl_code tl_lake_pointers_move(tl_lake *lake, tl_arena *arena, const struct tl_lake_pointer *pointers, size_t count, struct tl_err *err);

/* --- dropped.c --- */
/* Remove the files of what was dropped, and then the memory of it. */
void tl_lake_finish_purge(tl_lake *lake, tl_arena *arena, const char *location);
void tl_lake_sweep(tl_lake *lake);
void tl_lake_sweeper_end(struct tl_lake_sweeper *sweeper);

/* --- idempotency.c --- */
struct tl_lake_in_progress {
    const char *key;
    struct tl_lake_in_progress *next;
};
/* The call's key; NULL = none that counts. */
const char *tl_lake_idempotency_key(struct tl_lake_route_call *rest);
/* Wait for another call of this key, then be the one. */
void tl_lake_idempotency_enter(tl_lake *lake, struct tl_lake_in_progress *mine, const char *key);
void tl_lake_idempotency_leave(tl_lake *lake, struct tl_lake_in_progress *mine);
/* TL_TYPE_MISMATCH: the key belongs to another request.  Not found but rest->again set: the handler answers without doing it. */
TL_CHECKED enum tl_code tl_lake_idempotency_find(struct tl_lake_route_call *rest, const char *key, struct tl_lake_reply *reply, bool *ret_found,
                                                 struct tl_err *err);
/* Of a call that changed something, or was refused. */
void tl_lake_idempotency_keep(struct tl_lake_route_call *rest, const struct tl_lake_reply *reply);
/* The first tl_lake_write of this thread keeps, in its own transaction, that the call was done; NULL = no more. */
void tl_lake_idempotency_answer(struct tl_lake_route_call *rest);
/* A change of names and pointers: tl_store_write. */
TL_CHECKED enum tl_code tl_lake_write(tl_lake *lake, enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err), void *context,
                                      struct tl_err *err);

/* --- within.c --- */
void tl_lake_within_start(tl_lake *lake);
/* The metadata is of a table at this location, and all that it names is below.  TL_NOT_ALLOWED, TL_STATE. */
TL_CHECKED enum tl_code tl_lake_within(const struct tl_lake_metadata *metadata, const char *location, struct tl_err *err);
/* So is where its properties send writers. */
TL_CHECKED enum tl_code tl_lake_within_properties(const struct tl_lake_metadata *metadata, struct tl_err *err);
/* tl_lake_within of a metadata file's text; one that was checked before is taken apart only for *metadata (NULL = not wanted). */
TL_CHECKED enum tl_code tl_lake_within_text(tl_lake *lake, tl_arena *arena, const char *metadata_location, const char *location, struct tl_str text,
                                            struct tl_lake_metadata *metadata, struct tl_err *err);
/* The manifest lists of these snapshots and the manifests that they brought, or all of the table's (bounded: the rest is held when it
 * is read).  Paths outside the warehouse pass: nothing opens them.  A file that is not there passes. */
TL_CHECKED enum tl_code tl_lake_within_added(tl_lake *lake, const struct tl_lake_list *added, const char *location, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_within_all(tl_lake *lake, const struct tl_lake_metadata *metadata, const char *location, struct tl_err *err);

/* --- commit.c --- */
/* location: of the table, which the metadata must keep to; NULL = what is read is not a table's, or comes from outside. */
TL_CHECKED enum tl_code tl_lake_metadata_load(tl_lake *lake, tl_arena *arena, const char *metadata_location, const char *location,
                                              struct tl_str *ret_text, struct tl_lake_metadata *ret_metadata, struct tl_err *err);
/* One table's part of a commit. */
struct tl_lake_table_change {
    const char *namespace_name, *name;
    const tl_json *requirements, *updates;
    /* set by the commit */
    const char *metadata_location;
    struct tl_str metadata;
};
TL_CHECKED enum tl_code tl_lake_commit(tl_lake *lake, tl_arena *arena, struct tl_lake_table_change *changes, size_t count, struct tl_err *err);
/* Moves them all; when it certainly failed the new metadata files are removed.  TL_INTERNAL: it is not known. */
TL_CHECKED enum tl_code tl_lake_pointers_commit(tl_lake *lake, tl_arena *arena, const struct tl_lake_pointer *pointers, size_t count, struct tl_err *err);
/* The first metadata of a table that the client described; kept only when `persist`. */
TL_CHECKED enum tl_code tl_lake_create(tl_lake *lake, tl_arena *arena, const char *namespace_name, const tl_json *request, bool persist,
                                       struct tl_lake_table_change *ret_table, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_register(tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *name,
                                         const char *metadata_location, struct tl_lake_table_change *ret_table, struct tl_err *err);

/* --- rights.c --- */
enum tl_lake_right {
    TL_LAKE_RIGHT_NONE, /* nobody but the engine */
    TL_LAKE_RIGHT_KNOW, /* everybody who is somebody: that something is there, and what a view says */
    TL_LAKE_RIGHT_READ, /* a table's files */
    TL_LAKE_RIGHT_WRITE,
    TL_LAKE_RIGHT_CREATE,
    TL_LAKE_RIGHT_DROP,
    TL_LAKE_RIGHT_BODY, /* the names are in the body: the handler asks */
};
/* May the caller do this?  name NULL = to the schema, namespace_name NULL = to the lake. */
TL_CHECKED enum tl_code tl_lake_rest_need(struct tl_lake_route_call *rest, enum tl_lake_right right, const char *namespace_name,
                                          const char *name, struct tl_err *err);
enum tl_lake_happening { TL_LAKE_MADE, TL_LAKE_DROPPED, TL_LAKE_RENAMED };
TL_CHECKED enum tl_code tl_lake_rest_changed(struct tl_lake_route_call *rest, enum tl_lake_happening what, const char *namespace_name,
                                             const char *name, const char *new_name, struct tl_err *err);

/* --- rest.c, table.c, namespace.c --- */
struct tl_lake_route_call {
    tl_lake *lake;
    tl_arena *arena;
    const struct tl_lake_call *call;
    const char *namespace_name; /* from the path; NULL = not in it */
    const char *table;          /* or a view */
    enum tl_lake_kind kind;
    const tl_json *body;        /* NULL: none was sent */
    int status;
    const char *etag;           /* NULL = none */
    const char *act;            /* for the record */
    const char *subject;        /* table made or changed by the body: "s.t" */
    /* of a call with an Idempotency-Key */
    const char *key, *asked;
    const char *again;          /* it was done before: the metadata file of the answer, "" = the one in force; NULL = it was not */
    const char *kept;           /* the metadata file of this answer */
    bool gives_table, recorded; /* the answer is a table; the change was made and is known by the key */
    struct tl_buf *reply;
};
enum tl_code tl_lake_rest_namespaces(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_namespace_add(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_namespace(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_namespace_exists(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_namespace_remove(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_namespace_properties(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_tables(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_table_create(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_table(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_table_exists(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_table_commit(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_table_remove(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_table_rename(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_table_register(struct tl_lake_route_call *rest, struct tl_err *err);
/* The answer of a call that was done before (rest->again). */
enum tl_code tl_lake_rest_again(struct tl_lake_route_call *rest, const char *name, struct tl_err *err);
/* Is this way of access among those that the client offers ("vended-credentials,remote-signing")? */
bool tl_lake_rest_asks_for(struct tl_lake_route_call *rest, const char *way);
enum tl_code tl_lake_rest_sign(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_plan(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_plan_task(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_credentials(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_dropped(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_undrop(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_views(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_view_create(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_view(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_view_exists(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_view_replace(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_view_remove(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_view_rename(struct tl_lake_route_call *rest, struct tl_err *err);
/* The identifier in the body, where there is one, must be the path's: a mistake here would change another table. */
TL_CHECKED enum tl_code tl_lake_rest_check_identifier(struct tl_lake_route_call *rest, struct tl_err *err);
enum tl_code tl_lake_rest_transaction(struct tl_lake_route_call *rest, struct tl_err *err);
/* The member "config" of an answer with a table: how its files are reached, and with which key when the client asks for one. */
void tl_lake_rest_put_config(struct tl_lake_route_call *rest, struct tl_json_writer *writer);
const char *tl_lake_rest_header(struct tl_lake_route_call *rest, const char *name);
/* Page parameters: *ret_after "" at the start; all names when the client does not page. */
TL_CHECKED enum tl_code tl_lake_rest_page(struct tl_lake_route_call *rest, const char **ret_after, size_t *ret_limit, struct tl_err *err);
const char *tl_lake_rest_param(struct tl_lake_route_call *rest, const char *name);

#endif

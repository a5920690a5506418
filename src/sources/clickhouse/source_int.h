/* sources/clickhouse/source_int.h -- the driver's own parts: the open source, a query's answer, small selects. */
#ifndef TL_SOURCES_CLICKHOUSE_SOURCE_INT_H
#define TL_SOURCES_CLICKHOUSE_SOURCE_INT_H

#include <stdatomic.h>

#include "io/http.h"
#include "sources/clickhouse/clickhouse.h"
#include "sources/clickhouse/native.h"

enum {
    TL_CLICKHOUSE_SQL_BYTES_MAX = 64 * 1024 * 1024,
    TL_CLICKHOUSE_PLAIN_LIST_MAX = 1000,
    TL_CLICKHOUSE_NAMES_MAX = 1000
};

/* May queries carry settings?  A user with readonly=1 may set none. */
enum tl_clickhouse_mode { TL_CLICKHOUSE_WITH_SETTINGS, TL_CLICKHOUSE_PLAIN };

struct tl_source {
    tl_arena *arena;
    const char *name;
    const char *url;      /* up to and with "/?" */
    const char *where;    /* "host:port", for messages */
    const char **headers; /* user, key; ends with NULL */
    const char *ca_file;
    bool compress;
    bool strings_as_blob;
    const char **schemas;      /* ends with NULL; NULL = all */
    const char **blob_columns; /* "schema.table.column"; ends with NULL */
    const char **text_columns; /* so too */
    tl_http_client *http;
    atomic_int mode;
    atomic_uint queries; /* makes query ids differ */
};

/* ---- query.c ---- */
typedef struct tl_clickhouse_answer tl_clickhouse_answer;

/* Send the query, wait for the head of the answer.  `stop` must live until the answer is closed. */
TL_CHECKED enum tl_code tl_clickhouse_ask(tl_source *source, struct tl_str sql, const char *query_id,
                                          const struct tl_stop *stop, tl_clickhouse_answer **ret_answer,
                                          struct tl_err *err);
struct tl_native_input tl_clickhouse_answer_input(tl_clickhouse_answer *answer);
const char *tl_clickhouse_answer_tag(const tl_clickhouse_answer *answer);
int64_t tl_clickhouse_answer_bytes(const tl_clickhouse_answer *answer);
void tl_clickhouse_answer_close(tl_clickhouse_answer *answer);

/* ---- frames.c: answers with compress=1 ---- */
typedef struct tl_clickhouse_frames tl_clickhouse_frames;
tl_clickhouse_frames *tl_clickhouse_frames_new(struct tl_native_input input);
void tl_clickhouse_frames_free(tl_clickhouse_frames *frames);
enum tl_code tl_clickhouse_frames_read(void *frames, struct tl_str *ret_bytes, struct tl_err *err);

/* ---- select.c ---- */
/* Call each row of an answer whose columns are all String; texts are valid during the call. */
TL_CHECKED enum tl_code tl_clickhouse_rows(tl_clickhouse_answer *answer, size_t column_count,
                                           enum tl_code (*each)(void *context, const struct tl_str *texts,
                                                                struct tl_err *err),
                                           void *context, struct tl_err *err);
/* Ask and do so. */
TL_CHECKED enum tl_code tl_clickhouse_select(tl_source *source, struct tl_str sql, size_t column_count,
                                             const struct tl_stop *stop,
                                             enum tl_code (*each)(void *context, const struct tl_str *texts,
                                                                  struct tl_err *err),
                                             void *context, struct tl_err *err);

/* Put the source's name before the message.  asks_more: more than plain rows was asked for, which may be what it rejected. */
enum tl_code tl_clickhouse_named(const tl_source *source, bool asks_more, struct tl_err *err);

/* ---- list.c ---- */
enum tl_clickhouse_carry {
    TL_CLICKHOUSE_AS_IT_IS,
    TL_CLICKHOUSE_AS_JSON,
    TL_CLICKHOUSE_AS_TEXT, /* by the option columns_as_text */
    TL_CLICKHOUSE_FINALIZED,
    TL_CLICKHOUSE_AVERAGE, /* of a derivation: sum and count, divided here */
    TL_CLICKHOUSE_NOT_CARRIED
};

/* How a column comes: its type as the wire has it (NULL when it cannot be read) and what the query must do to it. */
struct tl_clickhouse_column {
    struct tl_clickhouse_type *type;
    enum tl_clickhouse_carry carry;
    int average_bits, average_scale; /* AVERAGE: of what the average is, see tl_native_column */
};
/* ... as far as its listing says; a derived one as well */
struct tl_clickhouse_column tl_clickhouse_column_here(tl_arena *arena, const struct tl_source_column *column);
struct tl_clickhouse_column tl_clickhouse_column_of(tl_arena *arena, const tl_source *source, const char *schema,
                                                    const char *table, const char *name, const char *source_type);
/* Does it hold a BLOB?  A column's texts are all of them bytes, or none. */
bool tl_clickhouse_type_is_blob(const struct tl_type *type);
bool tl_clickhouse_column_is_blob(const tl_source *source, const char *schema, const char *table, const char *name);

/* ---- the driver's calls ---- */
enum tl_code tl_clickhouse_list(tl_source *source, const struct tl_stop *stop, tl_arena *arena,
                                struct tl_source_dataset **ret_datasets, size_t *ret_count, struct tl_err *err);
enum tl_code tl_clickhouse_describe(tl_source *source, const char *schema, const char *name, const struct tl_stop *stop,
                                    tl_arena *arena, struct tl_source_dataset **ret_dataset, struct tl_err *err);
enum tl_code tl_clickhouse_scan_open(tl_source *source, const struct tl_scan_request *request, int threads_max,
                                     const struct tl_stop *stop, tl_arena *arena, tl_scan **ret_scan,
                                     int *ret_parts_at_once, struct tl_err *err);
enum tl_code tl_clickhouse_part_open(tl_scan *scan, const struct tl_stop *stop, tl_scan_part **ret_part,
                                     struct tl_err *err);
enum tl_code tl_clickhouse_part_next(tl_scan_part *part, struct tl_chunk *chunk, const struct tl_stop *stop,
                                     struct tl_err *err);
void tl_clickhouse_part_close(tl_scan_part *part);
void tl_clickhouse_scan_close(tl_scan *scan, struct tl_scan_stats *ret_stats);

#endif

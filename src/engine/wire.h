/* engine/wire.h -- the bytes between `serve` and the engine process, on a Unix stream socket.
 *
 * Frame: u32 size of body (little endian), u8 kind, u8[3] zero, body.  At most TL_WIRE_FRAME_MAX.
 * Body fields: u8/u32/u64/i64/f64 little endian; text = u32 size + bytes; list = u32 count + items.
 * A connection serves one command at a time: the command frame, then answers until END or ERROR.  Both sides refuse what
 *   is out of turn or malformed by closing the connection (TL_SOURCE_PROTOCOL never: TL_ENGINE_LOST on serve's side).
 * First frame on each connection: HELLO with the protocol number and the 32-byte secret that serve gave the child on fd 3;
 *   a wrong one closes the connection.
 *
 * Commands (serve -> engine) and their answers:
 *   HELLO      u32 protocol, 32 bytes                    -> END
 *   PARSE      text sql                                  -> AST text json, END | ERROR
 *   SOURCE_PUT text name, text kind, list(text,text)     -> END | ERROR
 *   SOURCE_REMOVE text name                              -> END | ERROR
 *   SOURCE_TEST text name, i64 run_time_us               -> TEXT text version, END | ERROR
 *   SOURCE_LIST text name, i64 run_time_us               -> DATASET*, END | ERROR
 *   RUN        see tl_wire_put_statement                 -> FIELDS (tl_wire_put_fields, text lineage), (BATCH | PROGRESS)*, END stats | ERROR
 *   CANCEL     text query_id                             -> END (u8 found)
 *   HEALTH                                               -> TEXT text json, END
 *
 * PARSE's JSON: {"statements":[S, ...]} where S is one of
 *   {"kind":"SELECT","node":N}          N: the query node as the engine's json_serialize_sql writes it (same names, same values,
 *                                       integers exact), including query_location
 *   {"kind":"EXPLAIN","analyze":bool,"statement":S}
 *   {"kind":"INSERT","target":T,"columns":[..],"query":S|null,"default_values":bool,"returning":[E],"on_conflict":bool,"ctes":CM}
 *   {"kind":"UPDATE","target":R,"from":R|null,"columns":[..],"expressions":[E],"condition":E|null,"returning":[E],"ctes":CM}
 *   {"kind":"DELETE","target":R,"using":[R],"condition":E|null,"returning":[E],"ctes":CM}       (TRUNCATE: "truncate":true)
 *   {"kind":"MERGE","target":R,"source":R,"condition":E|null,"using_columns":[..],"actions":[{"when":..,"action":..,
 *      "condition":E|null,"columns":[..],"expressions":[E]}],"returning":[E],"ctes":CM}
 *   {"kind":"CREATE_TABLE","target":T,"or_replace":bool,"if_not_exists":bool,"temporary":bool,
 *      "columns":[{"name","type","not_null","default":E|null,"generated":bool}],"constraints":[text],"partition_by":[E],
 *      "options":{..},"query":S|null}
 *   {"kind":"CREATE_SCHEMA","target":T,..} {"kind":"CREATE_VIEW","target":T,"or_replace","if_not_exists","temporary","aliases":[..],"query":S}
 *   {"kind":"DROP","type":"TABLE"|"VIEW"|"SCHEMA"|..,"target":T,"if_exists":bool,"cascade":bool}
 *   {"kind":"ALTER","type":"ALTER_TABLE"|..,"action":"ADD_COLUMN"|..,"target":T,"if_exists":bool,"expressions":[E],"column":..,"new_name":..}
 *   {"kind":"<NAME>"}                   every other statement type, by the engine's name: "SET", "ATTACH", "COPY" ... with nothing else
 * T: {"catalog":"","schema":"","name":".."};  R: a table reference node, E: an expression node, CM: a cte_map, all as in N.
 * TL_SYNTAX errors carry the byte offset.
 */
#ifndef TL_ENGINE_WIRE_H
#define TL_ENGINE_WIRE_H

#include "base/str.h"
#include "engine/engine.h"

enum { TL_WIRE_PROTOCOL = 2, TL_WIRE_FRAME_MAX = 272 * 1024 * 1024, TL_WIRE_SECRET_SIZE = 32, TL_WIRE_HEADER_SIZE = 8 };

enum tl_wire_kind {
    TL_WIRE_HELLO = 1,
    TL_WIRE_PARSE,
    TL_WIRE_SOURCE_PUT,
    TL_WIRE_SOURCE_REMOVE,
    TL_WIRE_SOURCE_TEST,
    TL_WIRE_SOURCE_LIST,
    TL_WIRE_RUN,
    TL_WIRE_CANCEL,
    TL_WIRE_HEALTH,
    TL_WIRE_AST = 64,
    TL_WIRE_TEXT,
    TL_WIRE_DATASET,
    TL_WIRE_FIELDS,
    TL_WIRE_BATCH,
    TL_WIRE_PROGRESS, /* f64 progress, i64 rows scanned */
    TL_WIRE_END,
    TL_WIRE_ERROR, /* text code name, i64 position, text message, detail, hint, link */
};

/* Writers append a whole frame. */
void tl_wire_begin(struct tl_buf *buf, enum tl_wire_kind kind, size_t *ret_mark);
void tl_wire_end(struct tl_buf *buf, size_t mark);
void tl_wire_put_u8(struct tl_buf *buf, uint8_t n);
void tl_wire_put_u32(struct tl_buf *buf, uint32_t n);
void tl_wire_put_i64(struct tl_buf *buf, int64_t n);
void tl_wire_put_f64(struct tl_buf *buf, double n);
void tl_wire_put_text(struct tl_buf *buf, struct tl_str text);
void tl_wire_put_statement(struct tl_buf *buf, const struct tl_engine_statement *statement);
void tl_wire_put_config(struct tl_buf *buf, const struct tl_source_config *config);
void tl_wire_put_dataset(struct tl_buf *buf, const struct tl_source_dataset *dataset);
void tl_wire_put_fields(struct tl_buf *buf, const struct tl_field *fields, size_t count);
void tl_wire_put_error(struct tl_buf *buf, const struct tl_err *err);
void tl_wire_put_stats(struct tl_buf *buf, const struct tl_result_stats *stats);

/* Readers: a cursor with a sticky failure; every count and size is checked against what is left. */
struct tl_wire_reader {
    struct tl_str left;
    bool failed;
};
uint8_t tl_wire_u8(struct tl_wire_reader *reader);
uint32_t tl_wire_u32(struct tl_wire_reader *reader);
int64_t tl_wire_i64(struct tl_wire_reader *reader);
double tl_wire_f64(struct tl_wire_reader *reader);
struct tl_str tl_wire_text(struct tl_wire_reader *reader);              /* borrowed */
const char *tl_wire_cstr(struct tl_wire_reader *reader, tl_arena *arena); /* refuses NULs inside */
bool tl_wire_statement(struct tl_wire_reader *reader, tl_arena *arena, struct tl_engine_statement *ret_statement);
bool tl_wire_config(struct tl_wire_reader *reader, tl_arena *arena, struct tl_source_config *ret_config);
bool tl_wire_dataset(struct tl_wire_reader *reader, tl_arena *arena, struct tl_source_dataset *ret_dataset);
bool tl_wire_fields(struct tl_wire_reader *reader, tl_arena *arena, struct tl_field **ret_fields, size_t *ret_count);
bool tl_wire_error(struct tl_wire_reader *reader, struct tl_err *ret_err);
bool tl_wire_stats(struct tl_wire_reader *reader, tl_arena *arena, struct tl_result_stats *ret_stats);

/* One whole frame from a socket into buf (replaced); body = bytes after the header. *ret_clean_end: closed between frames. */
TL_CHECKED enum tl_code tl_wire_receive(int fd, struct tl_buf *buf, enum tl_wire_kind *ret_kind, struct tl_str *ret_body,
                                        bool *ret_clean_end, struct tl_err *err);

#endif

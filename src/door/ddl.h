/* door/ddl.h -- clauses of Trino's CREATE TABLE and CREATE VIEW that the engine's parser does not know.
 *
 * Why: COMMENT '..', SECURITY DEFINER and WITH (format = 'PARQUET') come with what dbt and other clients send.  They are read
 *   here and blanked out, so that every position in what the engine's parser reads is still one in the caller's text.
 * Owns: what it returns lives in the arena.
 */
#ifndef TL_DOOR_DDL_H
#define TL_DOOR_DDL_H

#include "door/lexer.h"

struct tl_ddl {
    struct tl_str text;  /* of the same size as the caller's */
    const char *comment; /* of the table or view; NULL = none */
    bool dropped_comments; /* comments of columns: they are not kept */
};

/* Any text that begins with CREATE; what is not a table or view is left as it is.  TL_SYNTAX with position; TL_UNSUPPORTED
 * for table properties that would change what is made. */
TL_CHECKED enum tl_code tl_ddl_read(tl_arena *arena, struct tl_str text, struct tl_ddl *ret_ddl, struct tl_err *err);

#endif

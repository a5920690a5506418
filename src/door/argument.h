/* door/argument.h -- typed literals of Trino in the arguments of EXECUTE .. USING.
 *
 * Why: JDBC's setBytes, setBigDecimal and setTimestamp and Python's parameters arrive as X'00ff', DECIMAL '1.50' and
 *   TIMESTAMP '2024-01-01 00:00:00 Europe/Berlin', which mean other values (or nothing) to the engine's parser.
 * Owns: what it returns lives in the arena, or is the text itself when there is nothing to change.
 */
#ifndef TL_DOOR_ARGUMENT_H
#define TL_DOOR_ARGUMENT_H

#include "door/lexer.h"

/* DECIMAL '1.50' has as many digits as are written: "DECIMAL(3,2)"; NULL = not a number of at most 38. */
const char *tl_argument_decimal_type(tl_arena *arena, const char *text);

struct tl_str tl_argument_plain(tl_arena *arena, struct tl_str text);

#endif

/* door/argument.h -- typed literals of Trino in the arguments of EXECUTE .. USING.
 *
 * Why: JDBC's setBytes, setBigDecimal and setTimestamp and Python's parameters arrive as X'00ff', DECIMAL '1.50' and
 *   TIMESTAMP '2024-01-01 00:00:00 Europe/Berlin', which mean other values (or nothing) to the engine's parser.
 * Owns: what it returns lives in the arena, or is the text itself when there is nothing to change.
 */
#ifndef TL_DOOR_ARGUMENT_H
#define TL_DOOR_ARGUMENT_H

#include "door/lexer.h"

struct tl_str tl_argument_plain(tl_arena *arena, struct tl_str text);

#endif

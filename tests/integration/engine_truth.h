/* engine_truth.h -- the engine itself as the judge of what an expression means: rows are copied into it, expressions are
 *   printed in its SQL, and its answer is compared with what a source computed, value by value. */
#ifndef TL_TESTS_ENGINE_TRUTH_H
#define TL_TESTS_ENGINE_TRUTH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <duckdb.h>

#include "source/source.h"

extern duckdb_connection truth;

void truth_open(void);
void truth_close(void);
/* Must succeed. */
void truth_run(const char *sql);
/* Make (or replace) a table of these columns with the rows of the chunk. */
void truth_load(const char *table, const char *const *names, const struct tl_type *const *types, const struct tl_chunk *chunk);
/* The first value as text; NULL when the statement fails (truth_failure has the text). */
const char *truth_value(tl_arena *arena, const char *sql);
extern char truth_failure[1024];
/* The type of an expression over a FROM clause; false: it cannot be bound. */
bool truth_type(const char *expression, const char *from, struct tl_type *ret_type);
/* The expression in the engine's SQL; columns are "i<input>"."<name>". */
void truth_print(struct tl_buf *sql, const struct tl_expr *expr, const struct tl_source_dataset *const *inputs);

#endif

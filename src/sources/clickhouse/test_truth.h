/* sources/clickhouse/test_truth.h -- what the engine means by a filter, worked out row by row, for tests of
 * pushdown. */
#ifndef TL_SOURCES_CLICKHOUSE_TEST_TRUTH_H
#define TL_SOURCES_CLICKHOUSE_TEST_TRUTH_H

#include "sources/clickhouse/test_support.h"

enum test_tri { TEST_FALSE, TEST_TRUE, TEST_UNKNOWN };

struct tl_value test_value(const struct tl_vector *vector, size_t row);
/* The engine's order of two values of one type that are not NULL: text by bytes, NaN equal to itself and the
 * greatest. */
int test_compare(const struct tl_value *a, const struct tl_value *b);
enum test_tri test_truth(const struct tl_chunk *chunk, size_t row, const struct tl_expr *expr);

/* Making expressions. */
struct tl_expr *test_column(tl_arena *arena, const struct tl_source_dataset *dataset, int column);
struct tl_expr *test_constant(tl_arena *arena, struct tl_value value);
struct tl_expr *test_expr(tl_arena *arena, enum tl_expr_kind kind, size_t child_count, struct tl_expr **children);

#endif

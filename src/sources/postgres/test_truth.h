/* sources/postgres/test_truth.h -- what the engine would keep, computed from the values as they are carried. */
#ifndef TL_SOURCES_POSTGRES_TEST_TRUTH_H
#define TL_SOURCES_POSTGRES_TEST_TRUTH_H

#include "sources/postgres/test_support.h"

enum { TEST_FALSE = 0, TEST_TRUE = 1, TEST_NULL = 2 };

struct tl_value test_value_at(const struct tl_vector *vector, size_t row);
/* Neither is NULL; numbers of different exact types compare by value. */
int test_compare(const struct tl_value *a, const struct tl_value *b);
/* Of one row; all->columns are the dataset's. */
int test_truth(const struct tl_expr *expr, const struct tl_chunk *all, size_t row);

#endif

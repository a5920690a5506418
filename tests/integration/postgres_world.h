/* postgres_world.h -- a real PostgreSQL with tables of plain, of edge and of many values, the same rows in the engine
 *   (engine_truth.h), and expressions over them. */
#ifndef TL_TESTS_POSTGRES_WORLD_H
#define TL_TESTS_POSTGRES_WORLD_H

#include "engine_truth.h"
#include "sources/postgres/test_support.h"

extern struct test_server server;
extern tl_arena *arena;
extern tl_source *source;

struct table {
    const char *name;
    struct tl_source_dataset *dataset;
    struct tl_chunk *rows;
};
enum { PLAIN, EDGE, MANY, TABLES };
extern struct table tables[TABLES];

/* The server runs already. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* Expressions; the type of a truth value until it is said otherwise. */
struct tl_expr *make(enum tl_expr_kind kind, size_t count, struct tl_expr *const *children);
struct tl_expr *col_of(const struct tl_source_dataset *dataset, int input, const char *name);
struct tl_expr *col(const struct table *table, const char *name);
struct tl_expr *constant(struct tl_value value);
struct tl_expr *whole(enum tl_type_id id, int64_t number);
struct tl_expr *text(const char *bytes);
struct tl_expr *step(int32_t months, int32_t days, int64_t micros);
struct tl_expr *null_of(struct tl_type type);
const char *print(const struct tl_expr *expr, const struct tl_source_dataset *const *inputs);
const char *print_of(const struct table *table, const struct tl_expr *expr);
/* With the type that the engine gives it; NULL: the engine has no such thing. */
struct tl_expr *typed(const struct table *table, struct tl_expr *expr);
struct tl_expr *call(const struct table *table, const char *function, size_t count, struct tl_expr *const *children);

/* NULL: declined, for the reason. */
struct tl_source_dataset *derive(const struct tl_derivation *said, const char **reason);
struct tl_source_dataset *project(const struct table *table, size_t count, const struct tl_expr *const *outputs, const char **reason);
enum tl_code read_all(const struct tl_scan_request *request, struct tl_chunk **ret_chunk, const char **ret_sql, struct tl_err *err);
/* The dataset's rows become the engine's table "got", columns v0, v1 .. */
enum tl_code load_got(const struct tl_source_dataset *dataset, struct tl_err *err);

#endif

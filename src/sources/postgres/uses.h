/* sources/postgres/uses.h -- which columns of which relations a statement reads, to see that they are still as described.
 *
 * Why: binary COPY says nothing of types, so a column that became another type of the same size would be read as something
 *   else.  The check is a statement beside the COPY, in the same transaction and the same message.
 * Owns: everything lives in the arena given.
 */
#ifndef TL_SOURCES_POSTGRES_USES_H
#define TL_SOURCES_POSTGRES_USES_H

#include "sources/postgres/sql.h"

struct tl_postgres_use {
    uint32_t relation;
    int16_t number;
    const char *column;
    uint32_t type;
    int32_t modifier;
};

struct tl_postgres_uses {
    tl_arena *arena;
    size_t count, room;
    struct tl_postgres_use *items;
};

/* A column of a relation, or all that a computed dataset reads. */
void tl_postgres_uses_add(struct tl_postgres_uses *uses, const struct tl_source_dataset *dataset, int column);
/* The columns that an expression names; inputs as in struct tl_postgres_writer. */
void tl_postgres_uses_add_expr(struct tl_postgres_uses *uses, size_t input_count,
                               const struct tl_source_dataset *const *inputs, const struct tl_expr *expr);

/* A SELECT of what the catalog says of them now, and whether it is what was described.  TL_SOURCE_PROTOCOL when the answer
 * is not one to it. */
void tl_postgres_uses_write(const struct tl_postgres_uses *uses, struct tl_buf *sql);
TL_CHECKED enum tl_code tl_postgres_uses_check(const struct tl_postgres_uses *uses, const PGresult *answer,
                                               const char *source, const char *where, struct tl_err *err);

#endif

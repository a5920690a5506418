/* sources/postgres/sql.h -- the engine's expressions in PostgreSQL's SQL, where it means what the engine means.
 *
 * Why: what is said to the source is not checked again, so an expression that means a little less loses rows.
 *   Everything is by allow-list: the tables in sql.c (comparisons, logic), sql_function.c, sql_cast.c and derive.c
 *   (aggregates), of which each row names its test.  What is not in them is declined with a reason.
 * Values: an expression has the value that the engine would see.  A column that is carried as text (an inet, an enum)
 *   is that text, char(n) has its blanks, texts compare by their bytes.
 * Errors: what is out of range fails at the source as it fails in the engine; it never wraps and is never rounded.
 * Threads: no state; any.
 */
#ifndef TL_SOURCES_POSTGRES_SQL_H
#define TL_SOURCES_POSTGRES_SQL_H

#include "sources/postgres/describe.h"

enum { TL_POSTGRES_EXPRESSION_SIZE_MAX = 4 * 1024 * 1024 };

enum {
    TL_POSTGRES_CLASSES_TEXT = TL_POSTGRES_CLASS_TEXT | TL_POSTGRES_CLASS_AS_TEXT,
    TL_POSTGRES_CLASSES_EXACT = TL_POSTGRES_CLASS_INT | TL_POSTGRES_CLASS_DECIMAL,
    TL_POSTGRES_CLASSES_ORDERED = TL_POSTGRES_CLASS_BOOL | TL_POSTGRES_CLASSES_EXACT | TL_POSTGRES_CLASS_FLOAT |
                                  TL_POSTGRES_CLASSES_TEXT | TL_POSTGRES_CLASS_BYTES | TL_POSTGRES_CLASS_UUID |
                                  TL_POSTGRES_CLASS_DATE | TL_POSTGRES_CLASS_TIME | TL_POSTGRES_CLASS_TIMESTAMP |
                                  TL_POSTGRES_CLASS_TIMESTAMPTZ,
};

/* Where an expression is written and what its columns belong to. */
struct tl_postgres_writer {
    size_t input_count;
    const struct tl_source_dataset *const *inputs;
    uint32_t hidden;   /* bit i: columns of input i cannot be named here */
    bool qualified;    /* columns as "i0"."c" */
    struct tl_buf *sql;
    int depth;
    const char *reason; /* why it was declined: the first one */
};

/* What was written. */
struct tl_postgres_operand {
    enum tl_postgres_class class;
    bool folded; /* text in another case: right only as far as it is ASCII */
};

/* Append `expr`, in parentheses unless it is a name or a constant.  bytewise: a text must compare by its bytes
 * wherever it is put; else it does so for "equal" only, and its index can be used.  False: declined, sql holds
 * rubbish. */
bool tl_postgres_write(struct tl_postgres_writer *writer, const struct tl_expr *expr, bool bytewise,
                       struct tl_postgres_operand *ret_operand);
/* Append `expr`, which must be a truth value. */
bool tl_postgres_write_truth(struct tl_postgres_writer *writer, const struct tl_expr *expr);
/* Note the reason, unless there is one already; returns false. */
bool tl_postgres_decline(struct tl_postgres_writer *writer, const char *reason);

/* Kinds with files of their own: called by tl_postgres_write only. */
bool tl_postgres_write_function(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                                struct tl_postgres_operand *ret_operand);
bool tl_postgres_write_cast(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                            struct tl_postgres_operand *ret_operand);
bool tl_postgres_write_in(struct tl_postgres_writer *writer, const struct tl_expr *expr);

/* The column behind `expr`, with its dataset; NULL when it is not one that can be read here. */
const struct tl_postgres_column *tl_postgres_column_of(const struct tl_postgres_writer *writer,
                                                       const struct tl_expr *expr);
/* Is the server's encoding UTF-8?  In others texts are not what we see of them, but for ASCII. */
bool tl_postgres_is_utf8(const struct tl_postgres_writer *writer);
/* May this text be compared with an operand?  Declines it if not. */
bool tl_postgres_text_fits(struct tl_postgres_writer *writer, const struct tl_postgres_operand *operand,
                           const struct tl_value *value);

/* Append a constant that is compared with an operand of this class; false: it has no exact spelling there. */
bool tl_postgres_literal(struct tl_buf *sql, enum tl_postgres_class class, const struct tl_value *value);
/* The same without quotes and type: what the type's input function takes. */
bool tl_postgres_body(struct tl_buf *sql, enum tl_postgres_class class, const struct tl_value *value);
/* Append the name of the type that holds the engine's type exactly; false: there is none. */
bool tl_postgres_add_type(struct tl_buf *sql, const struct tl_type *type);
/* How values of the engine's type compare; NONE when PostgreSQL has no such type. */
enum tl_postgres_class tl_postgres_class_of(enum tl_type_id id);
const char *tl_postgres_class_name(enum tl_postgres_class class);

#endif

/* sources/postgres/options.h -- the configured options of one PostgreSQL source, checked and typed.
 *
 * Owns: texts live in the arena given.  Errors: TL_INVALID_ARGUMENT that names the option; a secret's value is never
 *   shown.
 */
#ifndef TL_SOURCES_POSTGRES_OPTIONS_H
#define TL_SOURCES_POSTGRES_OPTIONS_H

#include "source/source.h"

enum { TL_POSTGRES_CONNECTIONS_MAX = 100, TL_POSTGRES_NAMES_MAX = 256 };

/* What a numeric without precision becomes: no fixed DECIMAL can hold all of its values. */
enum tl_postgres_numeric_as {
    TL_POSTGRES_NUMERIC_AS_TEXT,    /* exact */
    TL_POSTGRES_NUMERIC_AS_DOUBLE,  /* rounded by PostgreSQL: the reader asked for it */
    TL_POSTGRES_NUMERIC_AS_DECIMAL, /* exact, or an error that names the column */
};

struct tl_postgres_options {
    const char *name; /* of the source */
    const char *host, *port, *database, *user, *password, *sslmode, *sslrootcert, *application_name;
    size_t schema_count;
    const char *const *schemas; /* none = all that are not the system's */
    size_t text_column_count;
    const char *const *text_columns; /* schema.table.column: carried as PostgreSQL's text of their values */
    int connections_max;
    int64_t statement_timeout_us; /* 0 = only the statement's own deadline */
    int64_t connect_timeout_us;
    enum tl_postgres_numeric_as numeric_as;
    int numeric_precision, numeric_scale;
};

extern const struct tl_source_option tl_postgres_option_table[];

TL_CHECKED enum tl_code tl_postgres_options_read(tl_arena *arena, const struct tl_source_config *config,
                                                 struct tl_postgres_options *ret_options, struct tl_err *err);

#endif

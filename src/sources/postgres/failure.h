/* sources/postgres/failure.h -- libpq's and the server's words as our errors, without user or password in them.
 *
 * SQLSTATE classes: 28 -> TL_SOURCE_AUTH; 08, 53, 57P -> TL_SOURCE_UNAVAILABLE; 57014 by statement_timeout ->
 *   TL_TIME_EXCEEDED; 42P01, 3F000 -> TL_TABLE_NOT_FOUND; 42703 -> TL_SOURCE_CHANGED;
 *   22, 42 but for grants, 0A, 54 -> TL_SOURCE_REJECTED; the rest -> TL_SOURCE_FAILED.
 */
#ifndef TL_SOURCES_POSTGRES_FAILURE_H
#define TL_SOURCES_POSTGRES_FAILURE_H

#include "sources/postgres/connection.h"

/* The connection could not be made; `pg` still holds libpq's text. */
enum tl_code tl_postgres_failure_connect(const struct tl_postgres_options *options, const PGconn *pg,
                                         struct tl_err *err);
/* The server reported an error for a statement. */
enum tl_code tl_postgres_failure_result(const struct tl_postgres_options *options, const PGresult *result,
                                        struct tl_err *err);
/* The connection went away, or its bytes made no sense, while a statement ran. */
enum tl_code tl_postgres_failure_lost(const struct tl_postgres_options *options, const PGconn *pg, struct tl_err *err);

/* Copy of `text` on one line with each quoted "user" replaced; nothing is kept when the password occurs in it. */
void tl_postgres_scrub(const struct tl_postgres_options *options, const char *text, char *ret_clean, size_t size);

#endif

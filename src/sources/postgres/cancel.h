/* sources/postgres/cancel.h -- tell a server to stop a statement, without waiting for it.
 *
 * Why: closing the socket ends a statement only when it next writes; a cancel request ends it at once.  PQcancel
 *   opens a connection and blocks, so it runs on a thread of its own.
 * Bounds: TL_POSTGRES_CANCELS_MAX requests at once; beyond that the socket is only closed.
 */
#ifndef TL_SOURCES_POSTGRES_CANCEL_H
#define TL_SOURCES_POSTGRES_CANCEL_H

#include <libpq-fe.h>

enum { TL_POSTGRES_CANCELS_MAX = 32 };

void tl_postgres_cancel(PGconn *pg);

#endif

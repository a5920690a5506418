/* sources/postgres/resolve.h -- host names to addresses, without waiting longer than the caller wants to.
 *
 * Why: libpq resolves names inside its "non-blocking" connect, and the system's resolver cannot be interrupted.  It
 *   runs on a thread of its own that is left behind when the caller gives up.
 * Bounds: at most TL_POSTGRES_RESOLVERS_MAX such threads in the process, TL_POSTGRES_ADDRESSES_MAX addresses a name.
 */
#ifndef TL_SOURCES_POSTGRES_RESOLVE_H
#define TL_SOURCES_POSTGRES_RESOLVE_H

#include "source/source.h"

enum { TL_POSTGRES_RESOLVERS_MAX = 16, TL_POSTGRES_ADDRESSES_MAX = 8, TL_POSTGRES_ADDRESS_SIZE = 64 };

struct tl_postgres_addresses {
    size_t count; /* 0: the host needs no resolving (a number, a socket's folder) */
    char text[TL_POSTGRES_ADDRESSES_MAX][TL_POSTGRES_ADDRESS_SIZE];
};

/* TL_SOURCE_UNAVAILABLE when the name is unknown or no answer came before deadline_us (monotonic). */
TL_CHECKED enum tl_code tl_postgres_resolve(const char *source, const char *host, int64_t deadline_us,
                                            const struct tl_stop *stop, struct tl_postgres_addresses *ret_addresses,
                                            struct tl_err *err);

#endif

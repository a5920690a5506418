/* data/zone.h -- how far a time zone is from UTC at an instant.
 *
 * Why: a client's session has a time zone (X-Trino-Time-Zone), and instants are shown in it.
 * From the system's own TZif files (RFC 8536, /usr/share/zoneinfo), transitions and the rule behind them; "+02:00" needs no file.
 * Owns: zones are read once and kept until the process ends, at most TL_ZONES_MAX of them.  Threads: all calls from any thread.
 */
#ifndef TL_DATA_ZONE_H
#define TL_DATA_ZONE_H

#include "base/err.h"
#include "base/str.h"

enum { TL_ZONE_NAME_MAX = 40, TL_ZONES_MAX = 1000 };

typedef struct tl_zone tl_zone;

/* "Europe/Berlin", "-03:30".  NULL: UTC by any of its names, or a zone that this system does not know. */
const tl_zone *tl_zone_find(const char *name);
const char *tl_zone_name(const tl_zone *zone);
/* Seconds east of UTC. */
int32_t tl_zone_offset(const tl_zone *zone, int64_t unix_seconds);

/* One TZif file's bytes; TL_INVALID_VALUE when they are none.  Lives in the arena (for tests and fuzzing). */
TL_CHECKED enum tl_code tl_zone_parse(tl_arena *arena, const char *name, struct tl_str bytes, const tl_zone **ret_zone, struct tl_err *err);

#endif

/* daemon/paths.h -- paths as configurations spell them. */
#ifndef TL_DAEMON_PATHS_H
#define TL_DAEMON_PATHS_H

#include "base/arena.h"

/* "~/x" -> home/x; relative paths from the working folder. */
const char *tl_absolute_path(tl_arena *arena, const char *path);

#endif

#include "daemon/paths.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

const char *tl_absolute_path(tl_arena *arena, const char *path)
{
    if (path[0] == '~' && (path[1] == '/' || !path[1])) {
        const char *home = getenv("HOME");
        return tl_arena_printf(arena, "%s%s", home ? home : "", path + 1);
    }
    char here[PATH_MAX];
    if (path[0] == '/' || !getcwd(here, sizeof here))
        return tl_arena_strdup(arena, path);
    return tl_arena_printf(arena, "%s/%s", here, path);
}

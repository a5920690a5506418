#include "cli/installation.h"

#include <limits.h>
#include <stdlib.h>

#include "io/process.h"

enum { PLACES_MAX = 3 };

static const char *const places[][PLACES_MAX] = {
    [TL_INSTALLED_ENGINE] = {"townlake-engine", "../libexec/townlake/townlake-engine"},
    [TL_INSTALLED_SANDBOX] = {"townlake-sandbox", "../libexec/townlake/townlake-sandbox"},
    [TL_INSTALLED_WORKER] = {"townlake-worker", "../libexec/townlake/townlake-worker"},
    [TL_INSTALLED_EXTENSIONS] = {"../lib/townlake/extensions", "extensions", "../.deps/ext"},
    [TL_INSTALLED_DEMO_SERVERS] = {"../share/townlake/demo/servers", "../demo/servers"},
};

const char *tl_installation_find(tl_arena *arena, enum tl_installed what)
{
    char folder[PATH_MAX], real[PATH_MAX];
    struct tl_err ignored;
    tl_err_init(&ignored);
    if (tl_program_dir(folder, sizeof folder, &ignored) != TL_OK)
        return NULL;
    for (int i = 0; i < PLACES_MAX && places[what][i]; i++)
        if (realpath(tl_arena_printf(arena, "%s/%s", folder, places[what][i]), real))
            return tl_arena_strdup(arena, real);
    return NULL;
}

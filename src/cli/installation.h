/* cli/installation.h -- where the other files of the product are: beside this program, installed or in a build tree.
 *
 * Why: serving, the demo and the doctor must look in the same places.
 */
#ifndef TL_CLI_INSTALLATION_H
#define TL_CLI_INSTALLATION_H

#include "base/arena.h"

enum tl_installed {
    TL_INSTALLED_ENGINE,       /* the program townlake-engine */
    TL_INSTALLED_SANDBOX,      /* the program townlake-sandbox */
    TL_INSTALLED_WORKER,       /* the program townlake-worker */
    TL_INSTALLED_EXTENSIONS,   /* the folder of the engine's extensions */
    TL_INSTALLED_DEMO_SERVERS, /* the folder of the starters of PostgreSQL and ClickHouse */
};

/* The absolute path, in the arena; NULL: it is in none of the places. */
const char *tl_installation_find(tl_arena *arena, enum tl_installed what);

#endif

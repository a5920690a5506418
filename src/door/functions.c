#include "door/functions.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

struct refused_function {
    const char *name, *reason;
};

struct elsewhere {
    const char *name, *here;
};

#include "function_table.h" /* generated: allowed_functions[], refused_functions[], elsewhere[], sorted */

enum { DISTANCE_MAX = 3 };

size_t tl_functions(const struct tl_function **ret_functions)
{
    *ret_functions = allowed_functions;
    return sizeof allowed_functions / sizeof *allowed_functions;
}

struct key {
    const char *name;
    bool table;
};

static int compare_allowed(const void *key_of, const void *row_of)
{
    const struct key *key = key_of;
    const struct tl_function *row = row_of;
    int order = strcasecmp(key->name, row->name);
    return order ? order : (int)key->table - (int)(row->kind == TL_FUNCTION_TABLE);
}

static int compare_refused(const void *key, const void *row)
{
    return strcasecmp(key, ((const struct refused_function *)row)->name);
}

static int compare_elsewhere(const void *key, const void *row)
{
    return strcasecmp(key, ((const struct elsewhere *)row)->name);
}

const struct tl_function *tl_function_find(const char *name, bool table)
{
    struct key key = {name, table};
    return bsearch(&key, allowed_functions, sizeof allowed_functions / sizeof *allowed_functions,
                   sizeof *allowed_functions, compare_allowed);
}

const char *tl_function_refusal(const char *name)
{
    const struct refused_function *row =
        bsearch(name, refused_functions, sizeof refused_functions / sizeof *refused_functions,
                sizeof *refused_functions, compare_refused);
    return row ? row->reason : NULL;
}

size_t tl_function_nearest(const char *name, bool table, const char **names, size_t max)
{
    const struct elsewhere *row =
        bsearch(name, elsewhere, sizeof elsewhere / sizeof *elsewhere, sizeof *elsewhere, compare_elsewhere);
    if (row && !table && max > 0) {
        names[0] = row->here;
        return 1;
    }
    size_t found = 0;
    for (int wanted = 0; wanted <= DISTANCE_MAX; wanted++)
        for (size_t i = 0; i < sizeof allowed_functions / sizeof *allowed_functions && found < max; i++)
            if ((allowed_functions[i].kind == TL_FUNCTION_TABLE) == table && !allowed_functions[i].hidden &&
                tl_edit_distance(name, allowed_functions[i].name, DISTANCE_MAX) == wanted)
                names[found++] = allowed_functions[i].name;
    return found;
}

/* door/functions.h -- the functions a statement may call (spec/functions.toml, generated table). */
#ifndef TL_DOOR_FUNCTIONS_H
#define TL_DOOR_FUNCTIONS_H

#include "base/err.h"

enum tl_function_kind { TL_FUNCTION_SCALAR, TL_FUNCTION_AGGREGATE, TL_FUNCTION_WINDOW, TL_FUNCTION_TABLE };

struct tl_function {
    const char *name;
    enum tl_function_kind kind;
    const char *returns, *arguments; /* one overload, for people; "" = not said */
    bool deterministic;
    bool hidden; /* what the door's own rewriting calls: allowed, not shown */
    const char *help;
};

/* Sorted by name. */
size_t tl_functions(const struct tl_function **ret_functions);
/* Without regard to case; kinds other than TABLE are one name space.  NULL = not allowed or unknown. */
const struct tl_function *tl_function_find(const char *name, bool table);
/* The engine has it and it is refused here; the reason, NULL = never heard of. */
const char *tl_function_refusal(const char *name);
/* What a name of other systems is called here (nvl: coalesce), else up to `max` allowed names at an edit distance of at most 3,
 * nearest first. */
size_t tl_function_nearest(const char *name, bool table, const char **names, size_t max);

#endif

/* skipper/discover.h -- what a script can call, and which data there is, found by words and told in the detail that is asked for.
 *
 * Why: definitions and schemas of everything would fill a model's context; this gives names first, and the whole of what is named.
 * Rights: those of the catalog's search and details.
 */
#ifndef TL_SKIPPER_DISCOVER_H
#define TL_SKIPPER_DISCOVER_H

#include "skipper/tool.h"

struct tl_discover_wish {
    const char *query; /* words; NULL or "" = the functions alone */
    bool full;         /* signatures and columns, not only names and purposes */
    size_t count_max;  /* of datasets; full: at most TL_DISCOVER_FULL_MAX */
};
enum { TL_DISCOVER_FULL_MAX = 8 };

/* {"functions": [..], "datasets": [..], "notes": [..]}: best first; notes are what people had remembered about it. */
TL_CHECKED enum tl_code tl_discover(struct tl_request *rq, tl_tools *tools, const struct tl_discover_wish *wish, struct tl_json_writer *json);

#endif

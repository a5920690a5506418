/* skipper/discover.h -- what a script can call, and which data there is, found by words and told in the detail that is asked for.
 *
 * Why: definitions and schemas of everything would fill a model's context; this gives names first, and the whole of what is named.
 * Rights: that a dataset exists everybody may know; its columns are matched and named only where the caller may see them.
 */
#ifndef TL_SKIPPER_DISCOVER_H
#define TL_SKIPPER_DISCOVER_H

#include "skipper/tool.h"

struct tl_discover_wish {
    const char *query; /* words; NULL or "" = everything */
    bool full;         /* signatures and columns, not only names and purposes */
    size_t count_max;  /* of datasets */
};
enum { TL_DISCOVER_COUNT_MAX = 100 };

/* {"functions": [..], "datasets": [..]}: best first. */
void tl_discover(struct tl_request *rq, tl_tools *tools, const struct tl_discover_wish *wish, struct tl_json_writer *json);
/* [{"name", "comment", "columns"}] */
void tl_discover_datasets(struct tl_request *rq, tl_tools *tools, const struct tl_discover_wish *wish, struct tl_json_writer *json);

#endif

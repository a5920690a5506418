/* skipper/saved.h -- statements that people keep under a name, and the mark of a person who has checked one.
 *
 * Who sees them: the owner; and everybody, once a person who may review everything has marked it verified.  Running one is asking
 * anew: rights are those of who runs it.  A change takes the mark away.  Each change is on the audit's chain before it is in force.
 */
#ifndef TL_SKIPPER_SAVED_H
#define TL_SKIPPER_SAVED_H

#include "skipper/tool.h"

/* {"name", "sql", "question", "description"}: the owner's query of this name is replaced. */
TL_CHECKED enum tl_code tl_saved_put(struct tl_request *rq, tl_tools *tools, const tl_json *wish, const char **ret_id);
/* The caller's and the verified ones, newest first: an array. */
TL_CHECKED enum tl_code tl_saved_list(struct tl_request *rq, tl_tools *tools, struct tl_json_writer *json);
/* By who may review everything, and not through an agent. */
TL_CHECKED enum tl_code tl_saved_verify(struct tl_request *rq, tl_tools *tools, const char *id, bool verified);
/* By its owner. */
TL_CHECKED enum tl_code tl_saved_drop(struct tl_request *rq, tl_tools *tools, const char *id);

#endif

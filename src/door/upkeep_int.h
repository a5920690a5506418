/* door/upkeep_int.h -- what the files of upkeep share. */
#ifndef TL_DOOR_UPKEEP_INT_H
#define TL_DOOR_UPKEEP_INT_H

#include "door/door_int.h"
#include "door/upkeep.h"

struct tl_upkeep_jobs;
struct tl_upkeep_jobs *tl_upkeep_jobs_new(void);
struct tl_upkeep_jobs *tl_upkeep_jobs_free(struct tl_upkeep_jobs *jobs);
/* Jobs that ran when the program ended. */
TL_CHECKED enum tl_code tl_upkeep_recover(tl_store *store, struct tl_err *err);

/* upkeep_rewrite.c: compaction, with the engine's hands. */
TL_CHECKED enum tl_code tl_upkeep_optimize(struct tl_request *rq, tl_door *door, const struct tl_upkeep_job *job,
                                           struct tl_upkeep_counts *counts);

/* upkeep_rollup.c: old rows at a coarser grain. */
TL_CHECKED enum tl_code tl_upkeep_rollup(struct tl_request *rq, tl_door *door, const struct tl_upkeep_job *job, struct tl_upkeep_counts *counts);

/* upkeep_statement.c: ALTER TABLE .. EXECUTE, ALTER TABLE .. SET PROPERTIES */
TL_CHECKED enum tl_code tl_upkeep_statement(struct tl_door_call *call, const struct tl_statement *statement);
TL_CHECKED enum tl_code tl_properties_statement(struct tl_door_call *call, const struct tl_statement *statement);
/* comment.c */
TL_CHECKED enum tl_code tl_comment_statement(struct tl_door_call *call, const struct tl_statement *statement);
/* The table of the lake that such a statement names, if the caller may change all of it. */
TL_CHECKED enum tl_code tl_upkeep_target(struct tl_door_call *call, const struct tl_name *name, unsigned access, struct tl_dataset *ret_dataset);

#endif

/* door/upkeep_rewrite_int.h -- what compaction and roll-up share: files of the lake read as rows by the engine, written, and put in place. */
#ifndef TL_DOOR_UPKEEP_REWRITE_INT_H
#define TL_DOOR_UPKEEP_REWRITE_INT_H

#include "door/upkeep_int.h"
#include "lake/rewrite.h"

enum { REWRITING_SQL_BYTES_MAX = 64 * 1024 * 1024 };

struct rewriting {
    struct tl_request *rq;
    tl_door *door;
    const struct tl_upkeep_job *job;
    const char *operation; /* of the snapshot: "replace", or "overwrite" when rows change */
    bool row_ids;          /* rows of version 3 stay who they are */
    struct tl_lake_table table;
    const struct tl_lake_schema *schema; /* of the snapshot */
    struct tl_lake_plan plan;
    const struct tl_lake_rewrite_group *groups;
    size_t group_count;
    struct tl_lake_rewritten *files;
    size_t file_count;
    const tl_clearance *clearance;
};

/* Table and plan; no snapshot: the plan is empty.  The names and types that cannot be rewritten are refused. */
TL_CHECKED enum tl_code rewriting_plan(struct rewriting *rewriting);
/* " FROM table AT (VERSION => ..) WHERE filename IN (..)": the group's rows, deletes applied. */
void rewriting_put_source(struct tl_buf *sql, const struct rewriting *rewriting, const struct tl_lake_rewrite_group *group);
/* "COPY (" select ") TO '..' (..)" of the group's next file; its statistics.  Rows and size of the file are known then. */
TL_CHECKED enum tl_code rewriting_copy(struct rewriting *rewriting, const struct tl_lake_rewrite_group *group, const char *path,
                                       const char *select);
/* The first row's cells as the text of JSON; reads the table and files of the lake. */
TL_CHECKED enum tl_code rewriting_run(struct rewriting *rewriting, struct tl_buf *sql, bool writes, const char **cells, size_t cell_count);
/* Each group by `rewrite`, then the commit; when one fails the new files go again, unless nobody knows whether the commit was done. */
TL_CHECKED enum tl_code rewriting_groups(struct rewriting *rewriting,
                                         enum tl_code (*rewrite)(void *context, const struct tl_lake_rewrite_group *group, size_t number),
                                         void *context, struct tl_upkeep_counts *counts);

#endif

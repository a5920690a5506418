#ifndef TL_SOURCES_FILES_FILES_INT_H
#define TL_SOURCES_FILES_FILES_INT_H

#include "sources/files/files.h"

enum tl_files_format { TL_FILES_NONE, TL_FILES_PARQUET, TL_FILES_CSV, TL_FILES_JSON };

enum { TL_FILES_SUFFIXES = 11 };

struct tl_files_view {
    const char *name;
    enum tl_files_format format;
    const char *path;     /* a file, or a folder when `suffixes` says which files of it */
    unsigned suffixes;    /* bit per suffix seen below the folder; 0 = a file */
    bool hive;            /* parts like k=v in the path */
};

/* Bit number of the name's suffix and its format; -1: not one of ours. */
int tl_files_suffix(const char *name, enum tl_files_format *ret_format);
const char *tl_files_suffix_text(int suffix);

/* Views of the folder sorted by name.  only: TL_FILES_NONE = every format.  state: another number when a file came, went or was
 * written. */
TL_CHECKED enum tl_code tl_files_scan(tl_arena *arena, const char *source, const char *folder, enum tl_files_format only,
                                      struct tl_files_view **ret_views, size_t *ret_count, uint64_t *ret_state, struct tl_err *err);

#endif

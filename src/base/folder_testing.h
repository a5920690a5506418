/* base/folder_testing.h -- a folder that a test made, removed with all that is in it. */
#ifndef TL_BASE_FOLDER_TESTING_H
#define TL_BASE_FOLDER_TESTING_H

#include <ftw.h>
#include <stdio.h>

static int folder_remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline int folder_remove(const char *folder)
{
    enum { OPEN_FOLDERS_MAX = 32 };
    return nftw(folder, folder_remove_one, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
}

#endif

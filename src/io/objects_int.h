/* io/objects_int.h -- what a kind of storage does for io/objects.h. */
#ifndef TL_IO_OBJECTS_INT_H
#define TL_IO_OBJECTS_INT_H

#include "io/objects.h"

enum { OBJECTS_LOCATION_MAX = 4096, OBJECTS_NAME_MAX = 255, OBJECTS_DEPTH_MAX = 64 };

/* `key` is the location below the root, checked: "s/t/metadata/x.json". */
struct objects_kind {
    enum tl_code (*read)(tl_objects *objects, const char *key, int64_t offset, size_t size, struct tl_buf *buf, struct tl_err *err);
    /* NULL: not offered. */
    enum tl_code (*open)(tl_objects *objects, const char *key, int *ret_fd, struct tl_err *err);
    enum tl_code (*write)(tl_objects *objects, const char *key, struct tl_str bytes, bool if_absent, struct tl_err *err);
    enum tl_code (*size)(tl_objects *objects, const char *key, int64_t *ret_size, struct tl_err *err);
    enum tl_code (*remove)(tl_objects *objects, const char *key, struct tl_err *err);
    enum tl_code (*list)(tl_objects *objects, const char *key, tl_object_each each, void *context, struct tl_err *err);
    enum tl_code (*remove_below)(tl_objects *objects, const char *key, struct tl_err *err);
    enum tl_code (*make_folder)(tl_objects *objects, const char *key, struct tl_err *err);
    /* Is each part of the key what it may be?  A folder looks for links; NULL: nothing more to check. */
    enum tl_code (*check)(const tl_objects *objects, const char *text, const char *key, struct tl_err *err);
    void (*close)(tl_objects *objects);
};

struct tl_objects {
    const struct objects_kind *kind;
    char *root;   /* "file:///path" */
    char *folder; /* NULL: not in a folder */
    int folder_fd;
    void *state;
};

enum tl_code objects_refuse(const tl_objects *objects, const char *text, const char *why, struct tl_err *err);
enum tl_code objects_missing(const tl_objects *objects, const char *key, struct tl_err *err);

#endif

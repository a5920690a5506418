/* io/objects.h -- the files of one warehouse as whole objects, wherever they lie: in a folder of this machine or behind S3's API.
 *
 * Why: Iceberg files name each other by full location ("file:///wh/s/t/metadata/x.json", "s3://bucket/wh/s/t/data/y.parquet"), so
 *   everything here takes such a location.  Locations come from outside; each call checks its own: below the root, no empty, "." or
 *   ".." part, no control character; in a folder no symbolic link on the way and none at the end, checked part by part on open
 *   folders, so that nobody can swap one in between.
 * Objects are whole: a reader sees all of an object or that there is none; one that was written is durable when the call returns.
 * Owns: nothing of the caller's.  Threads: every call from any thread.
 * Bounds: reads by the buffer's own limit (TL_TOO_LARGE), listings by the callback, which may stop them.
 * Errors: TL_INVALID_ARGUMENT a location that is not of this warehouse, TL_NOT_FOUND no such object, TL_ALREADY_EXISTS for a write
 *   that must not replace, TL_IO, TL_DISK_FULL, TL_SOURCE_UNAVAILABLE, TL_SOURCE_AUTH.  No credential is ever in one.
 */
#ifndef TL_IO_OBJECTS_H
#define TL_IO_OBJECTS_H

#include "base/arena.h"
#include "base/str.h"

typedef struct tl_objects tl_objects;

/* An absolute folder, made when missing.  TL_INVALID_ARGUMENT when its path has a character that readers of locations treat specially. */
TL_CHECKED enum tl_code tl_objects_open_folder(const char *folder, tl_objects **ret_objects, struct tl_err *err);
/* A bucket, or what lies below a prefix of it, behind S3's API (also R2, GCS, MinIO, ...).  Every text is copied.  Nothing is asked of
 * the server yet.  Calls that fail on the way or with 5xx, 429 or 408 are sent again with growing pauses until timeout_ms. */
struct tl_objects_s3 {
    const char *location;  /* "s3://bucket" or "s3://bucket/prefix" */
    const char *endpoint;  /* "https://host[:port]"; NULL or "" = Amazon's of the region */
    const char *region;    /* NULL or "" = "us-east-1" */
    bool path_style;       /* https://host/bucket/key; else https://bucket.host/key */
    const char *access_key, *secret_key;
    const char *session_token; /* NULL or "" = none */
    const char *ca_file;       /* NULL or "" = the system's */
    int timeout_ms;            /* of one call with all its attempts; 0 = 60,000 */
    size_t part_bytes;         /* larger objects are sent in parts of this size; 0 = 16 MiB, at least 5 MiB */
};
TL_CHECKED enum tl_code tl_objects_open_s3(const struct tl_objects_s3 *options, tl_objects **ret_objects, struct tl_err *err);
tl_objects *tl_objects_close(tl_objects *objects); /* NULL is fine; returns NULL */

/* As all locations below it start, without a slash at the end: "file:///real/path" (links resolved), "s3://bucket/prefix". */
const char *tl_objects_root(const tl_objects *objects);
/* The folder's path; NULL when the objects do not lie in a folder of this machine. */
const char *tl_objects_folder(const tl_objects *objects);

/* The location in its one spelling (also "file:/x" and "/x" are understood, slashes at the end are cut off), after every check. */
TL_CHECKED enum tl_code tl_objects_locate(const tl_objects *objects, tl_arena *arena, const char *text, const char **ret_location,
                                          struct tl_err *err);

/* Append the object's bytes, all of them or a part.  A part may end early where the object does. */
TL_CHECKED enum tl_code tl_objects_read(tl_objects *objects, const char *location, struct tl_buf *buf, struct tl_err *err);
TL_CHECKED enum tl_code tl_objects_read_part(tl_objects *objects, const char *location, int64_t offset, size_t size, struct tl_buf *buf,
                                             struct tl_err *err);

/* Of a folder of this machine: a descriptor for reading, which is the caller's; no link was followed.  Elsewhere TL_UNSUPPORTED. */
TL_CHECKED enum tl_code tl_objects_open_file(tl_objects *objects, const char *location, int *ret_fd, struct tl_err *err);

/* if_absent: TL_ALREADY_EXISTS when there is one of this name; of many who try at once exactly one succeeds. */
TL_CHECKED enum tl_code tl_objects_write(tl_objects *objects, const char *location, const void *bytes, size_t size, bool if_absent,
                                         struct tl_err *err);
TL_CHECKED enum tl_code tl_objects_size(tl_objects *objects, const char *location, int64_t *ret_size, struct tl_err *err);
/* One that is not there counts as removed. */
TL_CHECKED enum tl_code tl_objects_remove(tl_objects *objects, const char *location, struct tl_err *err);

struct tl_object_info {
    const char *location; /* valid during the call */
    int64_t size, modified_ms;
};
/* A code that is not TL_OK ends the listing and is returned. */
typedef enum tl_code (*tl_object_each)(void *context, const struct tl_object_info *info, struct tl_err *err);
/* All objects below the location (a folder or a part of a key that ends where a name does), at any depth, in no order.  None is
 * no error.  What is neither file nor folder is passed over. */
TL_CHECKED enum tl_code tl_objects_list(tl_objects *objects, const char *location, tl_object_each each, void *context, struct tl_err *err);
/* All objects below it and the emptied folders; never follows a link.  Interrupted, it can be called again. */
TL_CHECKED enum tl_code tl_objects_remove_below(tl_objects *objects, const char *location, struct tl_err *err);
/* For programs that write without making folders themselves; nothing to do where there are none. */
TL_CHECKED enum tl_code tl_objects_make_folder(tl_objects *objects, const char *location, struct tl_err *err);

#endif

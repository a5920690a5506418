/* Locations of io/objects.h: foreign text, taken apart by rule before any storage sees it. */
#include <stdlib.h>
#include <string.h>

#include "io/objects_int.h"

enum tl_code objects_refuse(const tl_objects *objects, const char *text, const char *why, struct tl_err *err)
{
    tl_err_set(err, TL_INVALID_ARGUMENT, "location \"%.200s\" cannot be used: %s", text, why);
    tl_err_hint(err, "use a location below \"%.300s/\", or give none", objects->root);
    return err->code;
}

enum tl_code objects_missing(const tl_objects *objects, const char *key, struct tl_err *err)
{
    return tl_err_set(err, TL_NOT_FOUND, "there is no \"%.300s/%.400s\"", objects->root, key);
}

static const char *name_problem(const char *name, size_t size)
{
    if (size == 0)
        return "it has an empty part";
    if (size > OBJECTS_NAME_MAX)
        return "a part of it is longer than 255 bytes";
    if (name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.')))
        return "it has a \".\" or \"..\" part";
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return "it has a control character";
    return NULL;
}

static const char *key_problem(const char *key)
{
    int depth = 0;
    for (const char *at = key;;) {
        size_t size = strcspn(at, "/");
        const char *problem = ++depth > OBJECTS_DEPTH_MAX ? "it has more than 64 parts" : name_problem(at, size);
        if (problem || at[size] == '\0')
            return problem;
        at += size + 1;
    }
}

/* The text in the spelling of the root; NULL: of another kind. */
static const char *spell(const tl_objects *objects, const char *text, char room[OBJECTS_LOCATION_MAX + 16])
{
    static const char scheme[] = "file:";
    if (!objects->folder) {
        bool other_name = strncmp(text, "s3a://", 6) == 0 || strncmp(text, "s3n://", 6) == 0; /* the same storage to Hadoop */
        return other_name ? memcpy(memcpy(room, text + 1, strlen(text)), "s3", 2) : text;
    }
    if (strncmp(text, scheme, sizeof scheme - 1) == 0) {
        text += sizeof scheme - 1;
        if (strncmp(text, "//", 2) == 0)
            text += 2; /* "file://host/.." does not start with a slash after this and is refused */
    }
    if (text[0] != '/')
        return NULL;
    memcpy(room, "file://", 7);
    memcpy(room + 7, text, strlen(text) + 1);
    return room;
}

/* The key of the location, in `room`. */
static enum tl_code find_key(const tl_objects *objects, const char *text, char room[OBJECTS_LOCATION_MAX + 16], struct tl_err *err)
{
    char spelled[OBJECTS_LOCATION_MAX + 16];
    if (strlen(text) > OBJECTS_LOCATION_MAX)
        return objects_refuse(objects, text, "it is longer than 4096 bytes", err);
    const char *location = spell(objects, text, spelled);
    if (!location)
        return objects_refuse(objects, text, "only the scheme \"file\" is offered", err);
    size_t root = strlen(objects->root), size = strlen(location);
    if (strncmp(location, objects->root, root) != 0 || location[root] != '/')
        return objects_refuse(objects, text, "it is outside the warehouse", err);
    while (size > root + 1 && location[size - 1] == '/')
        size--;
    size -= root + 1;
    memcpy(room, location + root + 1, size);
    room[size] = '\0';
    const char *problem = key_problem(room);
    return problem ? objects_refuse(objects, text, problem, err) : TL_OK;
}

enum tl_code tl_objects_locate(const tl_objects *objects, tl_arena *arena, const char *text, const char **ret_location, struct tl_err *err)
{
    char key[OBJECTS_LOCATION_MAX + 16];
    if (find_key(objects, text, key, err) != TL_OK ||
        (objects->kind->check && objects->kind->check(objects, text, key, err) != TL_OK))
        return err->code;
    if (ret_location)
        *ret_location = tl_arena_printf(arena, "%s/%s", objects->root, key);
    return TL_OK;
}

const char *tl_objects_root(const tl_objects *objects)
{
    return objects->root;
}

const char *tl_objects_folder(const tl_objects *objects)
{
    return objects->folder;
}

tl_objects *tl_objects_close(tl_objects *objects)
{
    if (objects) {
        objects->kind->close(objects);
        free(objects->root);
        free(objects->folder);
        free(objects);
    }
    return NULL;
}

/* Each call: its location's key, then the storage. */
#define WITH_KEY(call)                                        \
    char key[OBJECTS_LOCATION_MAX + 16];                      \
    enum tl_code code = find_key(objects, location, key, err); \
    return code == TL_OK ? objects->kind->call : code

enum tl_code tl_objects_read(tl_objects *objects, const char *location, struct tl_buf *buf, struct tl_err *err)
{
    WITH_KEY(read(objects, key, 0, SIZE_MAX, buf, err));
}

enum tl_code tl_objects_open_file(tl_objects *objects, const char *location, int *ret_fd, struct tl_err *err)
{
    if (!objects->kind->open)
        return tl_err_set(err, TL_UNSUPPORTED, "objects behind a network cannot be opened as files");
    WITH_KEY(open(objects, key, ret_fd, err));
}

enum tl_code tl_objects_read_part(tl_objects *objects, const char *location, int64_t offset, size_t size, struct tl_buf *buf,
                                  struct tl_err *err)
{
    if (offset < 0)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a part of an object cannot start before it");
    if (size == 0)
        return TL_OK;
    WITH_KEY(read(objects, key, offset, size, buf, err));
}

enum tl_code tl_objects_write(tl_objects *objects, const char *location, const void *bytes, size_t size, bool if_absent, struct tl_err *err)
{
    WITH_KEY(write(objects, key, ((struct tl_str){bytes, size}), if_absent, err));
}

enum tl_code tl_objects_size(tl_objects *objects, const char *location, int64_t *ret_size, struct tl_err *err)
{
    WITH_KEY(size(objects, key, ret_size, err));
}

enum tl_code tl_objects_remove(tl_objects *objects, const char *location, struct tl_err *err)
{
    WITH_KEY(remove(objects, key, err));
}

enum tl_code tl_objects_list(tl_objects *objects, const char *location, tl_object_each each, void *context, struct tl_err *err)
{
    WITH_KEY(list(objects, key, each, context, err));
}

enum tl_code tl_objects_remove_below(tl_objects *objects, const char *location, struct tl_err *err)
{
    WITH_KEY(remove_below(objects, key, err));
}

enum tl_code tl_objects_make_folder(tl_objects *objects, const char *location, struct tl_err *err)
{
    WITH_KEY(make_folder(objects, key, err));
}

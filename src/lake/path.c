/* Locations that the catalog takes and gives. */
#include "lake/lake_int.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"

enum tl_code tl_lake_uuid(char text[37], struct tl_err *err)
{
    uint8_t b[16];
    if (tl_random_bytes(b, sizeof b, err) != TL_OK)
        return err->code;
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40); /* RFC 9562: version 4 */
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
             b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return TL_OK;
}

/* Readers of the same text treat these in their own ways: '%' is decoded by some, the others are patterns or ends to some. */
static const char special[] = "%?#\\*[]{}";

enum tl_code tl_lake_location(const tl_lake *lake, tl_arena *arena, const char *text, const char **ret_location, struct tl_err *err)
{
    const char *location;
    if (tl_objects_locate(lake->objects, arena, text, &location, err) != TL_OK)
        return err->code;
    if (strpbrk(location + strlen(tl_objects_root(lake->objects)), special)) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "location \"%.200s\" cannot be used: it has a character that readers of files treat specially",
                   text);
        tl_err_hint(err, "use names without %s", special);
        return err->code;
    }
    if (ret_location)
        *ret_location = location;
    return TL_OK;
}

/* Names become folder names that every system takes; uniqueness comes from the suffix, not from the name. */
static void add_folder_name(struct tl_buf *buf, const char *name)
{
    for (size_t i = 0; name[i] && i < 64; i++) {
        char c = name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        tl_buf_addc(buf, c == TL_LAKE_LEVEL_SEPARATOR ? '/' : plain ? c : '_');
    }
}

/* Each level is shortened by itself. */
static void add_namespace_path(struct tl_buf *buf, const tl_lake *lake, const char *namespace_name)
{
    tl_buf_adds(buf, tl_objects_root(lake->objects));
    for (const char *at = namespace_name; *at;) {
        size_t size = strcspn(at, "\x1F");
        char level[TL_LAKE_NAME_MAX + 1];
        size_t kept = size < TL_LAKE_NAME_MAX ? size : TL_LAKE_NAME_MAX;
        memcpy(level, at, kept);
        level[kept] = '\0';
        tl_buf_addc(buf, '/');
        add_folder_name(buf, level);
        at += size + (at[size] != '\0');
    }
}

const char *tl_lake_namespace_location(const tl_lake *lake, tl_arena *arena, const char *namespace_name)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 2 * TL_LAKE_LOCATION_MAX);
    add_namespace_path(&buf, lake, namespace_name);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

const char *tl_lake_new_location(const tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *table, struct tl_err *err)
{
    struct tl_buf buf;
    char uuid[37];
    if (tl_lake_uuid(uuid, err) != TL_OK)
        return NULL;
    tl_buf_init(&buf, 2 * TL_LAKE_LOCATION_MAX);
    add_namespace_path(&buf, lake, namespace_name);
    tl_buf_addc(&buf, '/');
    add_folder_name(&buf, table);
    tl_buf_addc(&buf, '-');
    for (const char *c = uuid; *c; c++)
        if (*c != '-')
            tl_buf_addc(&buf, *c);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

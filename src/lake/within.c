/* What a table's metadata and manifests name lies below the table's own folder.  Two times it is asked: of metadata whenever it is read
 * or written (the file is in reach of whoever writes the table), and of manifests when a commit brings them, so that the commit is
 * told; readers of manifests ask again (lake/fence.h), since a manifest can be written over afterwards. */
#include "lake/lake_int.h"

#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "lake/describe.h"
#include "lake/fence.h"

enum { MANIFESTS_MAX = 1000, ARENA_BYTES = 1024 * 1024 * 1024 };
static const int64_t manifest_bytes_max = INT64_C(256) * 1024 * 1024;

static enum tl_code need_text_within(const tl_json *text, const char *what, const char *location, struct tl_err *err)
{
    if (!text || tl_json_is_null(text))
        return TL_OK;
    if (!tl_json_is_string(text) || !tl_lake_fence_holds(tl_json_str(text), location))
        return tl_lake_fence_refuse(tl_json_is_string(text) ? tl_json_str(text) : tl_str_of("?"), what, location, err);
    return TL_OK;
}

static enum tl_code check_snapshot(const tl_json *snapshot, const char *location, struct tl_err *err)
{
    const tl_json *list = tl_json_get(snapshot, "manifest-list");
    if (need_text_within(list, "the manifest list", location, err) != TL_OK)
        return err->code;
    if (tl_json_is_string(list) && !tl_lake_fence_is_manifest(tl_json_str(list)))
        return tl_err_set(err, TL_NOT_ALLOWED, "the name of a manifest list must end with \".avro\"");
    const tl_json *manifests = tl_json_get(snapshot, "manifests"); /* version 1 */
    if (tl_json_is_array(manifests))
        for (struct tl_json_iter it = tl_json_iter(manifests); tl_json_next(&it);)
            if (need_text_within(it.value, "the manifest", location, err) != TL_OK)
                return err->code;
    return TL_OK;
}

enum tl_code tl_lake_within(const struct tl_lake_metadata *metadata, const char *location, struct tl_err *err)
{
    const struct tl_lake_list *const statistics[] = {&metadata->statistics, &metadata->partition_statistics};
    if (!metadata->location || !tl_lake_fence_same(metadata->location, location))
        return tl_err_set(err, TL_STATE, "the metadata file says another location of the table than the catalog, \"%.300s\"", location);
    for (size_t i = 0; i < metadata->snapshots.count; i++)
        if (check_snapshot(metadata->snapshots.items[i], location, err) != TL_OK)
            return err->code;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < statistics[k]->count; i++)
            if (need_text_within(tl_json_get(statistics[k]->items[i], "statistics-path"), "the statistics file", location, err) != TL_OK)
                return err->code;
    return TL_OK;
}

enum tl_code tl_lake_within_properties(const struct tl_lake_metadata *metadata, struct tl_err *err)
{
    static const char *const names[] = {"write.data.path", "write.metadata.path", "write.object-storage.path", "write.folder-storage.path"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = tl_lake_property(metadata, names[i]);
        if (!path || tl_lake_fence_same(path, metadata->location))
            continue;
        size_t size = strlen(path);
        while (size > 1 && path[size - 1] == '/')
            size--;
        if (!tl_lake_fence_holds((struct tl_str){path, size}, metadata->location))
            return tl_lake_fence_refuse(tl_str_of(path), names[i], metadata->location, err);
    }
    return TL_OK;
}

/* --- metadata that was checked before --- */

/* Of this text under this name, or 0.  Texts of tables are large and read often; this is quicker than taking them apart. */
static uint64_t stamp_of(const tl_lake *lake, const char *metadata_location, const char *location, struct tl_str text)
{
    uint64_t key[2] = {lake->within_key[0], lake->within_key[1]};
    if (!key[0])
        return 0;
    key[1] ^= tl_hash_keyed(lake->within_key, text.data, text.size);
    key[1] = tl_hash_keyed(key, location, strlen(location));
    return tl_hash_keyed(key, metadata_location, strlen(metadata_location));
}

void tl_lake_within_start(tl_lake *lake)
{
    struct tl_err unavailable;
    tl_err_init(&unavailable);
    if (tl_random_bytes(lake->within_key, sizeof lake->within_key, &unavailable) != TL_OK)
        lake->within_key[0] = 0; /* then each is taken apart */
}

enum tl_code tl_lake_within_text(tl_lake *lake, tl_arena *arena, const char *metadata_location, const char *location, struct tl_str text,
                                 struct tl_lake_metadata *metadata, struct tl_err *err)
{
    uint64_t stamp = stamp_of(lake, metadata_location, location, text);
    atomic_uint_fast64_t *place = &lake->within_known[stamp % TL_LAKE_WITHIN_KNOWN];
    bool known = stamp && atomic_load_explicit(place, memory_order_relaxed) == stamp;
    struct tl_lake_metadata own;
    const tl_json *root;
    if (known && !metadata)
        return TL_OK;
    metadata = metadata ? metadata : &own;
    if (tl_json_parse(arena, text.data, text.size, &root, err) != TL_OK || tl_lake_metadata_read(arena, root, metadata, err) != TL_OK ||
        tl_lake_within(metadata, location, err) != TL_OK) {
        if (err->code == TL_STATE) /* the file is in reach of whoever writes the table: not the catalog's trouble */
            err->code = TL_INVALID_ARGUMENT;
        return err->code;
    }
    atomic_store_explicit(place, stamp, memory_order_relaxed);
    return TL_OK;
}

/* --- manifests --- */

struct search {
    tl_lake *lake;
    const char *location;
    const struct tl_lake_list *added; /* snapshots; NULL = all manifests are looked into */
    size_t manifests;
    int64_t bytes;
};

static enum tl_code check_file(struct search *search, const char *path, struct tl_str *ret_bytes, tl_arena *arena, struct tl_err *err)
{
    struct tl_buf buf;
    struct tl_err missing;
    tl_err_init(&missing);
    tl_buf_init(&buf, TL_LAKE_MANIFEST_BYTES_MAX);
    enum tl_code code = tl_objects_read(search->lake->objects, path, &buf, &missing);
    *ret_bytes = (struct tl_str){0};
    struct tl_str bytes = {tl_buf_cstr(&buf), buf.size};
    if (code == TL_OK && tl_lake_fence_avro(bytes, search->location, tl_objects_root(search->lake->objects), err) == TL_OK)
        *ret_bytes = (struct tl_str){tl_arena_strndup(arena, bytes.data, bytes.size), bytes.size};
    else if (code != TL_OK && code != TL_NOT_FOUND) /* one that is not there gives nothing to anybody */
        (void)!tl_err_copy(err, &missing);
    tl_buf_done(&buf);
    if (err->code == TL_STATE) /* it is the caller's file */
        err->code = TL_INVALID_ARGUMENT;
    return err->code;
}

static bool is_looked_into(const struct search *search, const struct tl_lake_manifest *manifest)
{
    return (!search->added || tl_lake_list_find(search->added, "snapshot-id", manifest->added_snapshot_id)) &&
           tl_lake_fence_holds(manifest->path, search->location);
}

static enum tl_code check_list(struct search *search, const char *path, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_str bytes, ignored;
    struct tl_lake_manifest *lines = NULL;
    size_t count = 0;
    if (check_file(search, path, &bytes, arena, err) == TL_OK && bytes.size)
        (void)!tl_lake_manifest_list_read(arena, bytes, &lines, &count, err);
    for (size_t i = 0; i < count && !err->code; i++) {
        if (!is_looked_into(search, &lines[i]) || search->manifests == MANIFESTS_MAX || search->bytes > manifest_bytes_max)
            continue;
        search->manifests++;
        search->bytes += lines[i].size_bytes > 0 ? lines[i].size_bytes : 0;
        (void)!check_file(search, tl_arena_strndup(arena, lines[i].path.data, lines[i].path.size), &ignored, arena, err);
    }
    tl_arena_free(arena);
    return err->code;
}

static enum tl_code check_lists(struct search *search, const struct tl_lake_list *snapshots, struct tl_err *err)
{
    for (size_t i = 0; i < snapshots->count; i++) {
        const char *path = tl_json_get_text(snapshots->items[i], "manifest-list");
        if (path && check_list(search, path, err) != TL_OK)
            return err->code;
    }
    return TL_OK;
}

enum tl_code tl_lake_within_added(tl_lake *lake, const struct tl_lake_list *added, const char *location, struct tl_err *err)
{
    struct search search = {.lake = lake, .location = location, .added = added};
    return check_lists(&search, added, err);
}

enum tl_code tl_lake_within_all(tl_lake *lake, const struct tl_lake_metadata *metadata, const char *location, struct tl_err *err)
{
    struct search search = {.lake = lake, .location = location};
    return check_lists(&search, &metadata->snapshots, err);
}

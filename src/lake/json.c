/* Values of documents are never changed; new ones are written and read again. */
#include "lake/lake_int.h"

#include <string.h>

static bool equal_at(const tl_json *a, const tl_json *b, int depth);

static bool objects_equal(const tl_json *a, const tl_json *b, int depth)
{
    if (tl_json_count(a) != tl_json_count(b))
        return false;
    for (struct tl_json_iter it = tl_json_iter(a); tl_json_next(&it);) {
        const tl_json *other = tl_json_get(b, it.key);
        if (!other || !equal_at(it.value, other, depth + 1))
            return false;
    }
    return true;
}

static bool arrays_equal(const tl_json *a, const tl_json *b, int depth)
{
    if (tl_json_count(a) != tl_json_count(b))
        return false;
    struct tl_json_iter x = tl_json_iter(a), y = tl_json_iter(b);
    while (tl_json_next(&x) && tl_json_next(&y))
        if (!equal_at(x.value, y.value, depth + 1))
            return false;
    return true;
}

static bool numbers_equal(const tl_json *a, const tl_json *b)
{
    int64_t i, j;
    bool exact = tl_json_int64(a, &i), other_exact = tl_json_int64(b, &j);
    if (exact || other_exact)
        return exact && other_exact && i == j;
    double x, y;
    return tl_json_double(a, &x) && tl_json_double(b, &y) && !(x < y) && !(x > y);
}

static bool equal_at(const tl_json *a, const tl_json *b, int depth)
{
    if (!a || !b || depth > TL_JSON_DEPTH_MAX)
        return a == b;
    if (tl_json_is_object(a))
        return tl_json_is_object(b) && objects_equal(a, b, depth);
    if (tl_json_is_array(a))
        return tl_json_is_array(b) && arrays_equal(a, b, depth);
    if (tl_json_is_string(a))
        return tl_json_is_string(b) && tl_str_equal(tl_json_str(a), tl_json_str(b));
    if (tl_json_is_number(a))
        return tl_json_is_number(b) && numbers_equal(a, b);
    if (tl_json_is_bool(a))
        return tl_json_is_bool(b) && tl_json_bool(a, false) == tl_json_bool(b, false);
    return tl_json_is_null(a) && tl_json_is_null(b);
}

bool tl_lake_json_equal(const tl_json *a, const tl_json *b)
{
    return equal_at(a, b, 0);
}

enum tl_code tl_lake_json_from(tl_arena *arena, struct tl_buf *buf, const tl_json **ret_value, struct tl_err *err)
{
    if (buf->failed)
        return tl_err_set(err, TL_TOO_LARGE, "a value of the table metadata is larger than %d bytes", TL_LAKE_METADATA_BYTES_MAX);
    return tl_json_parse(arena, buf->data, buf->size, ret_value, err);
}

enum tl_code tl_lake_json_with_int(tl_arena *arena, const tl_json *object, const char *key, int64_t number, const tl_json **ret_object,
                                   struct tl_err *err)
{
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    bool found = false;
    for (struct tl_json_iter it = tl_json_iter(object); tl_json_next(&it);) {
        tl_json_key(&writer, it.key);
        if (strcmp(it.key, key) == 0)
            tl_json_put_int64(&writer, number);
        else
            tl_json_put_value(&writer, it.value);
        found = found || strcmp(it.key, key) == 0;
    }
    if (!found)
        tl_json_pair_int64(&writer, key, number);
    tl_json_end_object(&writer);
    enum tl_code code = tl_lake_json_from(arena, &buf, ret_object, err);
    tl_buf_done(&buf);
    return code;
}

enum tl_code tl_lake_json_need_int(const tl_json *object, const char *what, const char *key, int64_t *ret_number, struct tl_err *err)
{
    if (tl_json_int64(tl_json_get(object, key), ret_number))
        return TL_OK;
    return tl_err_set(err, TL_INVALID_ARGUMENT, "%s needs the integer \"%s\"", what, key);
}

enum tl_code tl_lake_json_need_text(const tl_json *object, const char *what, const char *key, const char **ret_text, struct tl_err *err)
{
    struct tl_str text = tl_json_str(tl_json_get(object, key));
    *ret_text = tl_json_get_text(object, key);
    if (*ret_text && memchr(text.data, '\0', text.size) == NULL)
        return TL_OK;
    return tl_err_set(err, TL_INVALID_ARGUMENT, "%s needs the text \"%s\"", what, key);
}

void tl_lake_list_add(tl_arena *arena, struct tl_lake_list *list, const tl_json *item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 8;
        const tl_json **items = TL_NEW_ARRAY(arena, const tl_json *, capacity);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
}

void tl_lake_list_remove(struct tl_lake_list *list, size_t index)
{
    memmove(list->items + index, list->items + index + 1, (list->count - index - 1) * sizeof *list->items);
    list->count--;
}

const tl_json *tl_lake_list_find(const struct tl_lake_list *list, const char *key, int64_t number)
{
    for (size_t i = 0; i < list->count; i++) {
        int64_t have;
        if (tl_json_int64(tl_json_get(list->items[i], key), &have) && have == number)
            return list->items[i];
    }
    return NULL;
}

int64_t tl_lake_list_max(const struct tl_lake_list *list, const char *key, int64_t fallback)
{
    int64_t max = fallback;
    for (size_t i = 0; i < list->count; i++) {
        int64_t have;
        if (tl_json_int64(tl_json_get(list->items[i], key), &have) && have > max)
            max = have;
    }
    return max;
}

static size_t map_index(const struct tl_lake_map *map, const char *key)
{
    size_t i = 0;
    while (i < map->count && strcmp(map->items[i].key, key) != 0)
        i++;
    return i;
}

void tl_lake_map_set(tl_arena *arena, struct tl_lake_map *map, const char *key, const tl_json *value)
{
    size_t at = map_index(map, key);
    if (at == map->count && map->count == map->capacity) {
        size_t capacity = map->capacity ? map->capacity * 2 : 8;
        struct tl_lake_member *items = TL_NEW_ARRAY(arena, struct tl_lake_member, capacity);
        if (map->count)
            memcpy(items, map->items, map->count * sizeof *items);
        map->items = items;
        map->capacity = capacity;
    }
    map->count += at == map->count;
    map->items[at] = (struct tl_lake_member){key, value};
}

bool tl_lake_map_remove(struct tl_lake_map *map, const char *key)
{
    size_t at = map_index(map, key);
    if (at == map->count)
        return false;
    memmove(map->items + at, map->items + at + 1, (map->count - at - 1) * sizeof *map->items);
    map->count--;
    return true;
}

const tl_json *tl_lake_map_get(const struct tl_lake_map *map, const char *key)
{
    size_t at = map_index(map, key);
    return at < map->count ? map->items[at].value : NULL;
}

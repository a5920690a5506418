#include "auth/scim_node_int.h"

#include <string.h>

enum { JSON_BYTES_MAX = 16 * 1024 * 1024 };

tl_scim_node *tl_scim_node_new(tl_arena *arena, enum tl_scim_kind kind)
{
    tl_scim_node *node = TL_NEW(arena, tl_scim_node);
    node->kind = kind;
    return node;
}

tl_scim_node *tl_scim_node_text(tl_arena *arena, const char *text)
{
    tl_scim_node *node = tl_scim_node_new(arena, TL_SCIM_TEXT);
    node->text = tl_str_of(tl_arena_strdup(arena, text));
    return node;
}

/* The number as it was written. */
static struct tl_str number_text(tl_arena *arena, const tl_json *json)
{
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, 4096);
    tl_json_writer_init(&writer, &buf);
    tl_json_put_value(&writer, json);
    struct tl_str text = {tl_arena_strndup(arena, tl_buf_cstr(&buf), buf.size), buf.size};
    tl_buf_done(&buf);
    return text;
}

tl_scim_node *tl_scim_node_of(tl_arena *arena, const tl_json *json)
{
    tl_scim_node *node = tl_scim_node_new(arena, TL_SCIM_NULL);
    if (tl_json_is_bool(json)) {
        node->kind = TL_SCIM_BOOL;
        node->truth = tl_json_bool(json, false);
    } else if (tl_json_is_number(json)) {
        node->kind = TL_SCIM_NUMBER;
        node->text = number_text(arena, json);
    } else if (tl_json_is_string(json)) {
        node->kind = TL_SCIM_TEXT;
        node->text = tl_json_str(json);
    } else if (tl_json_is_array(json) || tl_json_is_object(json)) {
        node->kind = tl_json_is_array(json) ? TL_SCIM_LIST : TL_SCIM_OBJECT;
        tl_scim_node **end = &node->first;
        for (struct tl_json_iter it = tl_json_iter(json); tl_json_next(&it); end = &(*end)->next) {
            *end = tl_scim_node_of(arena, it.value);
            (*end)->key = it.key;
        }
    }
    return node;
}

void tl_scim_node_write(const tl_scim_node *node, struct tl_json_writer *json)
{
    switch (node->kind) {
    case TL_SCIM_NULL:
        tl_json_put_null(json);
        break;
    case TL_SCIM_BOOL:
        tl_json_put_bool(json, node->truth);
        break;
    case TL_SCIM_NUMBER:
        tl_json_put_raw(json, node->text);
        break;
    case TL_SCIM_TEXT:
        tl_json_put_str(json, node->text);
        break;
    case TL_SCIM_LIST:
        tl_json_begin_array(json);
        for (const tl_scim_node *item = node->first; item; item = item->next)
            tl_scim_node_write(item, json);
        tl_json_end_array(json);
        break;
    case TL_SCIM_OBJECT:
        tl_json_begin_object(json);
        for (const tl_scim_node *member = node->first; member; member = member->next) {
            tl_json_key(json, member->key);
            tl_scim_node_write(member, json);
        }
        tl_json_end_object(json);
        break;
    }
}

const char *tl_scim_node_json(tl_arena *arena, const tl_scim_node *node)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, JSON_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    tl_scim_node_write(node, &json);
    const char *text = buf.failed ? NULL : tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

tl_scim_node *tl_scim_get(const tl_scim_node *object, const char *name)
{
    for (tl_scim_node *member = object && object->kind == TL_SCIM_OBJECT ? object->first : NULL; member; member = member->next)
        if (tl_streq_nocase(member->key, name))
            return member;
    return NULL;
}

const char *tl_scim_get_text(const tl_scim_node *object, const char *name)
{
    const tl_scim_node *member = tl_scim_get(object, name);
    return member && member->kind == TL_SCIM_TEXT ? member->text.data : NULL;
}

void tl_scim_set(tl_arena *arena, tl_scim_node *object, const char *name, tl_scim_node *value)
{
    tl_scim_node **at = &object->first;
    while (*at && !tl_streq_nocase((*at)->key, name))
        at = &(*at)->next;
    tl_scim_node *rest = *at ? (*at)->next : NULL;
    if (!value) {
        *at = rest;
        return;
    }
    tl_scim_node *own = TL_NEW(arena, tl_scim_node); /* the value may hang elsewhere */
    *own = *value;
    own->key = tl_arena_strdup(arena, name);
    own->next = rest;
    *at = own;
}

void tl_scim_append(tl_scim_node *list, tl_scim_node *value)
{
    tl_scim_node **at = &list->first;
    while (*at)
        at = &(*at)->next;
    value->next = NULL;
    *at = value;
}

void tl_scim_drop(tl_scim_node *list, const tl_scim_node *value)
{
    tl_scim_node **at = &list->first;
    while (*at && *at != value)
        at = &(*at)->next;
    if (*at)
        *at = (*at)->next;
}

size_t tl_scim_count(const tl_scim_node *list)
{
    size_t count = 0;
    for (const tl_scim_node *item = list ? list->first : NULL; item; item = item->next)
        count++;
    return count;
}

bool tl_scim_equal(const tl_scim_node *a, const tl_scim_node *b)
{
    if (a->kind != b->kind || a->truth != b->truth || !tl_str_equal(a->text, b->text) || tl_scim_count(a) != tl_scim_count(b))
        return false;
    for (const tl_scim_node *item = a->first, *other = b->first; item; item = item->next, other = other->next) {
        const tl_scim_node *same = a->kind == TL_SCIM_OBJECT ? tl_scim_get(b, item->key) : other;
        if (!same || !tl_scim_equal(item, same))
            return false;
    }
    return true;
}

tl_scim_node *tl_scim_copy(tl_arena *arena, const tl_scim_node *node)
{
    tl_scim_node *copy = TL_NEW(arena, tl_scim_node);
    *copy = *node;
    copy->next = NULL;
    tl_scim_node **end = &copy->first;
    for (const tl_scim_node *item = node->first; item; item = item->next, end = &(*end)->next)
        *end = tl_scim_copy(arena, item);
    return copy;
}

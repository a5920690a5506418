/* YAML into a small tree with line numbers.  What its readers do not need is refused: anchors and aliases, several
 * documents, keys that are not plain text. */
#include <string.h>

#include <yaml.h>

#include "base/yaml_tree.h"

enum { MEMBERS_MAX = 2000 };

struct builder {
    tl_arena *arena;
    const char *path;
    struct tl_err *err;
    yaml_parser_t parser;
};

static int line_of(const yaml_mark_t *mark)
{
    return (int)mark->line + 1;
}

static enum tl_code refuse(struct builder *builder, const yaml_mark_t *mark, const char *why)
{
    return tl_err_set(builder->err, TL_CONFIG, "%s:%d: %s", builder->path, line_of(mark), why);
}

static enum tl_code next_event(struct builder *builder, yaml_event_t *event)
{
    if (yaml_parser_parse(&builder->parser, event))
        return TL_OK;
    const yaml_parser_t *parser = &builder->parser;
    const char *why = parser->problem ? parser->problem : "not valid YAML";
    if (parser->error == YAML_READER_ERROR)
        return tl_err_set(builder->err, TL_CONFIG, "%s: %s at byte %zu", builder->path, why, parser->problem_offset);
    return tl_err_set(builder->err, TL_CONFIG, "%s:%d:%d: %s", builder->path, line_of(&parser->problem_mark),
                      (int)parser->problem_mark.column + 1, why);
}

static enum tl_code read_node(struct builder *builder, const yaml_event_t *event, int depth, struct tl_yaml_node *node);

static enum tl_code check_key(struct builder *builder, const yaml_event_t *event, const struct tl_yaml_node *map, const char **ret_key)
{
    if (event->type != YAML_SCALAR_EVENT)
        return refuse(builder, &event->start_mark, "a key must be plain text");
    const char *key = (const char *)event->data.scalar.value;
    if (strlen(key) != event->data.scalar.length || key[0] == '\0')
        return refuse(builder, &event->start_mark, "a key must be plain text");
    for (const struct tl_yaml_node *node = map->first; node; node = node->next)
        if (node->key && strcmp(node->key, key) == 0)
            return tl_err_set(builder->err, TL_CONFIG, "%s:%d: key \"%s\" is given twice, first in line %d", builder->path,
                              line_of(&event->start_mark), key, node->line);
    *ret_key = tl_arena_strdup(builder->arena, key);
    return TL_OK;
}

/* The next member of a collection, NULL at its end.  Deleting an event twice is harmless. */
static enum tl_code read_member(struct builder *builder, const struct tl_yaml_node *collection, int depth,
                                struct tl_yaml_node **ret_node)
{
    yaml_event_t event;
    const char *key = NULL;
    *ret_node = NULL;
    enum tl_code code = next_event(builder, &event);
    int line = line_of(&event.start_mark); /* of the key: a group below it starts a line later */
    bool end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
    if (code == TL_OK && !end && collection->kind == TL_YAML_MAP) {
        code = check_key(builder, &event, collection, &key);
        yaml_event_delete(&event);
        if (code == TL_OK)
            code = next_event(builder, &event);
    }
    if (code == TL_OK && !end) {
        *ret_node = TL_NEW(builder->arena, struct tl_yaml_node);
        (*ret_node)->key = key;
        code = read_node(builder, &event, depth, *ret_node);
        (*ret_node)->line = line;
    }
    yaml_event_delete(&event);
    return code;
}

static enum tl_code read_members(struct builder *builder, int depth, struct tl_yaml_node *collection)
{
    if (depth >= TL_YAML_DEPTH_MAX)
        return tl_err_set(builder->err, TL_CONFIG, "%s:%d: nested deeper than %d", builder->path, collection->line, TL_YAML_DEPTH_MAX);
    struct tl_yaml_node **last = &collection->first;
    for (int count = 0;; count++) {
        struct tl_yaml_node *node;
        enum tl_code code = read_member(builder, collection, depth + 1, &node);
        if (code != TL_OK || !node)
            return code;
        if (count >= MEMBERS_MAX)
            return tl_err_set(builder->err, TL_CONFIG, "%s:%d: more than %d members in one place", builder->path, node->line, MEMBERS_MAX);
        *last = node;
        last = &node->next;
    }
}

static enum tl_code read_scalar(struct builder *builder, const yaml_event_t *event, struct tl_yaml_node *node)
{
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return refuse(builder, &event->start_mark, "a value holds a NUL byte");
    node->text = tl_arena_strdup(builder->arena, text);
    return TL_OK;
}

static enum tl_code read_node(struct builder *builder, const yaml_event_t *event, int depth, struct tl_yaml_node *node)
{
    node->line = line_of(&event->start_mark);
    const yaml_char_t *anchor = NULL;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        node->kind = TL_YAML_SCALAR;
        anchor = event->data.scalar.anchor;
        break;
    case YAML_SEQUENCE_START_EVENT:
        node->kind = TL_YAML_LIST;
        anchor = event->data.sequence_start.anchor;
        break;
    case YAML_MAPPING_START_EVENT:
        node->kind = TL_YAML_MAP;
        anchor = event->data.mapping_start.anchor;
        break;
    default:
        return refuse(builder, &event->start_mark, "aliases are not taken: write the value out");
    }
    if (anchor)
        return refuse(builder, &event->start_mark, "anchors are not taken: write the value out");
    return node->kind == TL_YAML_SCALAR ? read_scalar(builder, event, node) : read_members(builder, depth, node);
}

static enum tl_code read_stream(struct builder *builder, struct tl_yaml_node **ret_root)
{
    for (;;) {
        yaml_event_t event;
        if (next_event(builder, &event) != TL_OK)
            return builder->err->code;
        enum tl_code code = TL_OK;
        bool end = event.type == YAML_STREAM_END_EVENT;
        bool mark = event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT ||
                    event.type == YAML_DOCUMENT_END_EVENT;
        if (!end && !mark && *ret_root) {
            code = refuse(builder, &event.start_mark, "one document is enough");
        } else if (!end && !mark) {
            *ret_root = TL_NEW(builder->arena, struct tl_yaml_node);
            code = read_node(builder, &event, 0, *ret_root);
        }
        yaml_event_delete(&event);
        if (end || code != TL_OK)
            return code;
    }
}

enum tl_code tl_yaml_parse(tl_arena *arena, const char *path, struct tl_str text, struct tl_yaml_node **ret_root, struct tl_err *err)
{
    struct builder builder = {.arena = arena, .path = path, .err = err};
    *ret_root = NULL;
    if (text.size > TL_YAML_BYTES_MAX)
        return tl_err_set(err, TL_CONFIG, "%s: the file has %zu bytes, the limit is %d", path, text.size, TL_YAML_BYTES_MAX);
    if (!yaml_parser_initialize(&builder.parser))
        return tl_err_set(err, TL_CONFIG, "%s: out of memory", path);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text.data, text.size);
    enum tl_code code = read_stream(&builder, ret_root);
    yaml_parser_delete(&builder.parser);
    return code;
}

/* --- one item after another --- */

enum { ITEM_BYTES_MAX = 16 * 1024 * 1024, SECTION_MAX = 64 };

struct each {
    struct builder builder;
    tl_yaml_item item;
    void *context;
    char section[SECTION_MAX];
};

/* Deletes the event. */
static enum tl_code give_item(struct each *each, yaml_event_t *event)
{
    struct builder *builder = &each->builder;
    struct tl_yaml_node *node = TL_NEW(builder->arena, struct tl_yaml_node);
    enum tl_code code = read_node(builder, event, 1, node);
    yaml_event_delete(event);
    if (code == TL_OK)
        code = tl_arena_check(builder->arena, "an item of the document", builder->err);
    if (code == TL_OK)
        code = each->item(each->context, each->section, node, builder->err);
    tl_arena_reset(builder->arena);
    return code;
}

static enum tl_code give_list(struct each *each)
{
    for (;;) {
        yaml_event_t event;
        if (next_event(&each->builder, &event) != TL_OK)
            return each->builder.err->code;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return TL_OK;
        }
        if (give_item(each, &event) != TL_OK)
            return each->builder.err->code;
    }
}

static enum tl_code take_section(struct each *each, const yaml_event_t *event)
{
    const char *key = event->type == YAML_SCALAR_EVENT ? (const char *)event->data.scalar.value : "";
    if (*key == '\0' || strlen(key) != event->data.scalar.length || strlen(key) >= sizeof each->section)
        return refuse(&each->builder, &event->start_mark, "a key must be plain text, and short");
    memcpy(each->section, key, strlen(key) + 1);
    return TL_OK;
}

static enum tl_code give_section(struct each *each)
{
    yaml_event_t event;
    if (next_event(&each->builder, &event) != TL_OK)
        return each->builder.err->code;
    bool anchored = event.type == YAML_SEQUENCE_START_EVENT && event.data.sequence_start.anchor;
    if (event.type != YAML_SEQUENCE_START_EVENT || anchored) /* an anchor is refused there */
        return give_item(each, &event);
    yaml_event_delete(&event);
    return give_list(each);
}

static enum tl_code give_document(struct each *each)
{
    for (;;) {
        yaml_event_t event;
        if (next_event(&each->builder, &event) != TL_OK)
            return each->builder.err->code;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        enum tl_code code = end ? TL_OK : take_section(each, &event);
        yaml_event_delete(&event);
        if (end || code != TL_OK)
            return code;
        code = give_section(each);
        if (code != TL_OK)
            return code;
    }
}

static enum tl_code give_stream(struct each *each)
{
    struct builder *builder = &each->builder;
    for (bool had = false;;) {
        yaml_event_t event;
        if (next_event(builder, &event) != TL_OK)
            return builder->err->code;
        bool end = event.type == YAML_STREAM_END_EVENT, opens = event.type == YAML_MAPPING_START_EVENT;
        bool mark = event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT || event.type == YAML_DOCUMENT_END_EVENT;
        bool empty = event.type == YAML_SCALAR_EVENT && event.data.scalar.length == 0 && !had;
        enum tl_code code = TL_OK;
        if (!end && !mark && !empty && (!opens || had))
            code = refuse(builder, &event.start_mark, had ? "one document is enough" : "a group of keys was wanted, each with a list");
        yaml_event_delete(&event);
        if (code == TL_OK && opens)
            code = give_document(each);
        had = had || opens;
        if (end || code != TL_OK)
            return code;
    }
}

enum tl_code tl_yaml_each(const char *path, struct tl_str text, size_t bytes_max, tl_yaml_item item, void *context, struct tl_err *err)
{
    struct each each = {.builder = {.path = path, .err = err}, .item = item, .context = context};
    if (text.size > bytes_max)
        return tl_err_set(err, TL_CONFIG, "%s: the file has %zu bytes, the limit is %zu", path, text.size, bytes_max);
    if (!yaml_parser_initialize(&each.builder.parser))
        return tl_err_set(err, TL_CONFIG, "%s: out of memory", path);
    each.builder.arena = tl_arena_new(ITEM_BYTES_MAX);
    yaml_parser_set_input_string(&each.builder.parser, (const unsigned char *)text.data, text.size);
    enum tl_code code = give_stream(&each);
    yaml_parser_delete(&each.builder.parser);
    tl_arena_free(each.builder.arena);
    return code;
}

const char *tl_yaml_kind_name(enum tl_yaml_kind kind)
{
    return kind == TL_YAML_SCALAR ? "a single value" : kind == TL_YAML_LIST ? "a list" : "a group of keys";
}

const struct tl_yaml_node *tl_yaml_get(const struct tl_yaml_node *map, const char *key)
{
    const struct tl_yaml_node *member = map && map->kind == TL_YAML_MAP ? map->first : NULL;
    while (member && strcmp(member->key, key) != 0)
        member = member->next;
    return member;
}

/* Semantic models out of YAML: the parts that every level of the form has, then the model itself. */
#include <stdio.h>
#include <string.h>

#include "skipper/semantic_int.h"

enum { DISTANCE_MAX = 2 };

enum tl_code tl_semantic_refuse(struct tl_semantic_reader *reader, int line, const char *format, ...)
{
    char message[TL_ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return tl_err_set(reader->err, TL_CONFIG, "%s:%d: %s", reader->path, line, message);
}

static const char *nearest(const char *name, const char *const *names)
{
    const char *best = NULL;
    int distance = DISTANCE_MAX;
    for (; *names; names++) {
        int far = tl_edit_distance(name, *names, DISTANCE_MAX);
        if (far <= distance) {
            distance = far;
            best = *names;
        }
    }
    return best;
}

enum tl_code tl_semantic_keys(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char *what, const char *const *keys)
{
    if (map->kind != TL_YAML_MAP)
        return tl_semantic_refuse(reader, map->line, "a %s must be a group of keys, not %s", what, tl_yaml_kind_name(map->kind));
    for (const struct tl_yaml_node *member = map->first; member; member = member->next) {
        size_t k = 0;
        while (keys[k] && strcmp(keys[k], member->key) != 0)
            k++;
        if (keys[k])
            continue;
        tl_semantic_refuse(reader, member->line, "a %s has no key \"%s\"", what, member->key);
        const char *near = nearest(member->key, keys);
        if (near)
            tl_err_hint(reader->err, "did you mean \"%s\"?", near);
        return TL_CONFIG;
    }
    return TL_OK;
}

enum tl_code tl_semantic_text(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char *key, bool needed, const char **ret_text)
{
    const struct tl_yaml_node *member = tl_yaml_get(map, key);
    *ret_text = NULL;
    if (member && member->kind != TL_YAML_SCALAR)
        return tl_semantic_refuse(reader, member->line, "\"%s\" must be a single value, not %s", key, tl_yaml_kind_name(member->kind));
    if (needed && (!member || !*member->text))
        return tl_semantic_refuse(reader, map->line, "\"%s\" is missing", key);
    if (member && *member->text)
        *ret_text = member->text;
    return TL_OK;
}

static size_t count_members(const struct tl_yaml_node *node)
{
    size_t count = 0;
    for (const struct tl_yaml_node *member = node ? node->first : NULL; member; member = member->next)
        count++;
    return count;
}

enum tl_code tl_semantic_list(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char *key, struct tl_texts *ret_texts)
{
    const struct tl_yaml_node *list = tl_yaml_get(map, key);
    *ret_texts = (struct tl_texts){0, NULL};
    if (!list)
        return TL_OK;
    if (list->kind != TL_YAML_LIST)
        return tl_semantic_refuse(reader, list->line, "\"%s\" must be a list, not %s", key, tl_yaml_kind_name(list->kind));
    const char **items = TL_NEW_ARRAY(reader->arena, const char *, count_members(list));
    for (const struct tl_yaml_node *member = list->first; member; member = member->next) {
        if (member->kind != TL_YAML_SCALAR)
            return tl_semantic_refuse(reader, member->line, "\"%s\" holds %s where a text should be", key, tl_yaml_kind_name(member->kind));
        items[ret_texts->count++] = member->text;
    }
    ret_texts->items = items;
    return TL_OK;
}

static int dialect_rank(const char *dialect)
{
    static const char *const known[] = {"ANSI_SQL", "TRINO", "TOWNLAKE"};
    for (int i = 0; i < 3; i++)
        if (tl_streq(known[i], dialect))
            return i + 1;
    return 0;
}

enum tl_code tl_semantic_expression(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char **ret_text)
{
    const struct tl_yaml_node *expression = tl_yaml_get(map, "expression"), *list = tl_yaml_get(expression, "dialects");
    int best = 0;
    *ret_text = NULL;
    if (!expression)
        return tl_semantic_refuse(reader, map->line, "\"expression\" is missing");
    if (!list || list->kind != TL_YAML_LIST) {
        tl_semantic_refuse(reader, expression->line, "an expression has a list \"dialects\"");
        tl_err_hint(reader->err, "expression: {dialects: [{dialect: ANSI_SQL, expression: \"amount\"}]}");
        return TL_CONFIG;
    }
    for (const struct tl_yaml_node *member = list->first; member; member = member->next) {
        const char *dialect, *text;
        if (tl_semantic_text(reader, member, "dialect", true, &dialect) != TL_OK || tl_semantic_text(reader, member, "expression", true, &text) != TL_OK)
            return TL_CONFIG;
        if (dialect_rank(dialect) > best) {
            best = dialect_rank(dialect);
            *ret_text = text;
        }
    }
    return *ret_text ? TL_OK : tl_semantic_refuse(reader, list->line, "none of the dialects is ANSI_SQL, TRINO or TOWNLAKE");
}

enum tl_code tl_semantic_extension(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const tl_json **ret_json)
{
    const struct tl_yaml_node *list = tl_yaml_get(map, "custom_extensions");
    *ret_json = NULL;
    if (list && list->kind != TL_YAML_LIST)
        return tl_semantic_refuse(reader, list->line, "\"custom_extensions\" must be a list");
    for (const struct tl_yaml_node *member = list ? list->first : NULL; member; member = member->next) {
        const char *vendor, *data;
        struct tl_err err;
        tl_err_init(&err);
        if (tl_semantic_text(reader, member, "vendor_name", true, &vendor) != TL_OK || tl_semantic_text(reader, member, "data", true, &data) != TL_OK)
            return TL_CONFIG;
        if (!tl_streq(vendor, "TOWNLAKE"))
            continue;
        if (tl_json_parse(reader->arena, data, strlen(data), ret_json, &err) != TL_OK || !tl_json_is_object(*ret_json))
            return tl_semantic_refuse(reader, member->line, "\"data\" of TOWNLAKE must be an object of JSON: %s", err.message);
    }
    return TL_OK;
}

bool tl_semantic_is_keyword(struct tl_str word)
{
    static const char *const words[] = {"and",  "as",   "between", "case", "cast",  "date",  "day",    "decimal", "distinct", "double", "else",
        "end",  "false",
                                        "from", "hour", "ilike",   "in",   "integer", "interval", "is", "like", "minute", "month", "not", "null", "or",
                                        "precision", "then", "timestamp", "true", "varchar", "when", "year"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (tl_str_equal_nocase(word, tl_str_of(words[i])))
            return true;
    return false;
}

static enum tl_code read_settings(struct tl_semantic_reader *reader, const struct tl_yaml_node *map)
{
    const tl_json *extension;
    if (tl_semantic_extension(reader, map, &extension) != TL_OK)
        return TL_CONFIG;
    const char *quarter = tl_json_get_text(extension, "last_quarter"), *week = tl_json_get_text(extension, "this_week");
    if ((quarter && !tl_streq(quarter, "calendar") && !tl_streq(quarter, "full_months")) || (week && !tl_streq(week, "calendar") && !tl_streq(week,
        "seven_days")))
        return tl_semantic_refuse(reader, map->line, "\"last_quarter\" is calendar or full_months, \"this_week\" is calendar or seven_days");
    reader->model->quarter_of_full_months = tl_streq(quarter, "full_months");
    reader->model->week_of_seven_days = tl_streq(week, "seven_days");
    reader->model->hours_of_whole_days = tl_streq(tl_json_get_text(extension, "last_hours"), "whole_days");
    return TL_OK;
}

static enum tl_code read_model(struct tl_semantic_reader *reader, const struct tl_yaml_node *map)
{
    static const char *const keys[] = {"name", "description", "ai_context", "datasets", "relationships", "metrics", "custom_extensions", NULL};
    struct tl_semantic *model = reader->model;
    if (tl_semantic_keys(reader, map, "semantic model", keys) != TL_OK || tl_semantic_text(reader, map, "name", true, &model->name) != TL_OK ||
        tl_semantic_text(reader, map, "description", false, &model->description) != TL_OK || read_settings(reader, map) != TL_OK)
        return TL_CONFIG;
    const struct tl_yaml_node *context = tl_yaml_get(map, "ai_context");
    if (context && context->kind == TL_YAML_MAP && tl_semantic_list(reader, context, "examples", &model->examples) != TL_OK)
        return TL_CONFIG;
    if (!tl_yaml_get(map, "datasets"))
        return tl_semantic_refuse(reader, map->line, "\"datasets\" is missing");
    if (tl_semantic_read_datasets(reader, tl_yaml_get(map, "datasets")) != TL_OK ||
        tl_semantic_read_relationships(reader, tl_yaml_get(map, "relationships")) != TL_OK)
        return TL_CONFIG;
    return tl_semantic_read_metrics(reader, tl_yaml_get(map, "metrics"));
}

enum tl_code tl_semantic_read(tl_arena *arena, const char *path, struct tl_str yaml, const tl_semantic **ret_model, struct tl_err *err)
{
    struct tl_yaml_node *root = NULL;
    struct tl_semantic_reader reader = {arena, path, err, TL_NEW(arena, tl_semantic)};
    static const char *const keys[] = {"version", "semantic_model", "$schema", NULL};
    *ret_model = NULL;
    if (tl_yaml_parse(arena, path, yaml, &root, err) != TL_OK)
        return err->code;
    if (!root)
        return tl_err_set(err, TL_CONFIG, "%s: the file is empty", path);
    reader.model->path = tl_arena_strdup(arena, path);
    if (tl_semantic_keys(&reader, root, "file of semantic models", keys) != TL_OK)
        return err->code;
    const struct tl_yaml_node *list = tl_yaml_get(root, "semantic_model");
    if (!list || list->kind != TL_YAML_LIST || !list->first || list->first->next)
        return tl_semantic_refuse(&reader, list ? list->line : root->line, "\"semantic_model\" is a list with one model; another goes into a file of its own");
    enum tl_code code = read_model(&reader, list->first);
    if (code == TL_OK)
        *ret_model = reader.model;
    return code;
}

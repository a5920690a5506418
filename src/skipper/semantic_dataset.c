/* Datasets, their fields, and how they belong together. */
#include <string.h>

#include "skipper/semantic_int.h"

/* Items of a list that is counted before it is kept; NULL is none. */
static enum tl_code count_items(struct tl_semantic_reader *reader, const struct tl_yaml_node *list, const char *what, size_t most, size_t *ret_count)
{
    *ret_count = 0;
    if (list && list->kind != TL_YAML_LIST)
        return tl_semantic_refuse(reader, list->line, "%s are a list", what);
    for (const struct tl_yaml_node *item = list ? list->first : NULL; item; item = item->next)
        if (++*ret_count > most)
            return tl_semantic_refuse(reader, item->line, "more than %zu %s", most, what);
    return TL_OK;
}

static enum tl_code read_synonyms(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, struct tl_texts *ret_synonyms)
{
    const struct tl_yaml_node *context = tl_yaml_get(map, "ai_context");
    *ret_synonyms = (struct tl_texts){0, NULL};
    return context && context->kind == TL_YAML_MAP ? tl_semantic_list(reader, context, "synonyms", ret_synonyms) : TL_OK;
}

static enum tl_code read_role(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, struct tl_semantic_field *field)
{
    static const char *const names[] = {"", "name", "member", "condition", "number", "hidden"};
    const char *label;
    if (tl_semantic_text(reader, map, "label", false, &label) != TL_OK)
        return TL_CONFIG;
    for (int i = 1; i < 6; i++)
        if (tl_streq(label, names[i]))
            field->role = (enum tl_semantic_role)i;
    return TL_OK; /* other labels mean nothing here */
}

/* {"values": {"DE": ["Germany", "German"]}} */
static void read_values(struct tl_semantic_reader *reader, const tl_json *extension, struct tl_semantic_field *field)
{
    const tl_json *values = tl_json_get(extension, "values");
    struct tl_semantic_value *kept = TL_NEW_ARRAY(reader->arena, struct tl_semantic_value, tl_json_count(values));
    for (struct tl_json_iter it = tl_json_iter(values); tl_json_next(&it);) {
        struct tl_semantic_value *value = &kept[field->value_count++];
        const char **words = TL_NEW_ARRAY(reader->arena, const char *, tl_json_count(it.value));
        value->value = it.key;
        for (struct tl_json_iter word = tl_json_iter(it.value); tl_json_next(&word);)
            if (tl_json_text(word.value))
                words[value->words.count++] = tl_json_text(word.value);
        value->words.items = words;
    }
    field->values = kept;
}

static enum tl_code read_field(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, struct tl_semantic_field *field)
{
    static const char *const keys[] = {"name", "expression", "dimension", "label", "description", "ai_context", "custom_extensions", "datatype", NULL};
    const tl_json *extension;
    const char *is_time;
    field->line = map->line;
    if (tl_semantic_keys(reader, map, "field", keys) != TL_OK || tl_semantic_text(reader, map, "name", true, &field->name) != TL_OK ||
        tl_semantic_text(reader, map, "description", false, &field->description) != TL_OK ||
        tl_semantic_expression(reader, map, &field->expression) != TL_OK || read_synonyms(reader, map, &field->synonyms) != TL_OK ||
        read_role(reader, map, field) != TL_OK || tl_semantic_extension(reader, map, &extension) != TL_OK)
        return TL_CONFIG;
    if (tl_yaml_get(map, "dimension")) {
        if (tl_semantic_text(reader, tl_yaml_get(map, "dimension"), "is_time", false, &is_time) != TL_OK)
            return TL_CONFIG;
        field->is_time = tl_streq_nocase(is_time, "true");
    }
    read_values(reader, extension, field);
    return TL_OK;
}

static enum tl_code read_fields(struct tl_semantic_reader *reader, const struct tl_yaml_node *list, struct tl_semantic_dataset *dataset)
{
    size_t count;
    if (count_items(reader, list, "fields", TL_SEMANTIC_FIELDS_MAX, &count) != TL_OK)
        return TL_CONFIG;
    struct tl_semantic_field *fields = TL_NEW_ARRAY(reader->arena, struct tl_semantic_field, count);
    dataset->fields = fields;
    dataset->time_field = -1;
    for (const struct tl_yaml_node *item = list ? list->first : NULL; item; item = item->next) {
        struct tl_semantic_field *field = &fields[dataset->field_count];
        if (read_field(reader, item, field) != TL_OK)
            return TL_CONFIG;
        if (tl_semantic_find_field(dataset, field->name) >= 0)
            return tl_semantic_refuse(reader, field->line, "the field \"%s\" is there twice in \"%s\"", field->name, dataset->name);
        if (field->is_time && dataset->time_field < 0)
            dataset->time_field = (int)dataset->field_count;
        dataset->field_count++;
    }
    return TL_OK;
}

static enum tl_code read_columns(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char *key, const char **columns, size_t *ret_count)
{
    struct tl_texts texts;
    if (tl_semantic_list(reader, map, key, &texts) != TL_OK)
        return TL_CONFIG;
    if (texts.count > TL_SEMANTIC_KEY_MAX)
        return tl_semantic_refuse(reader, map->line, "\"%s\" has %zu columns, the limit is %d", key, texts.count, TL_SEMANTIC_KEY_MAX);
    for (size_t i = 0; i < texts.count; i++)
        columns[i] = texts.items[i];
    *ret_count = texts.count;
    return TL_OK;
}

/* "lake.dim.customers" */
static enum tl_code read_source(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, struct tl_semantic_dataset *dataset)
{
    const char *text;
    if (tl_semantic_text(reader, map, "source", true, &text) != TL_OK)
        return TL_CONFIG;
    for (int i = 0; i < 3; i++) {
        size_t size = i < 2 ? strcspn(text, ".") : strlen(text);
        if (size == 0 || (i < 2 && !text[size]))
            return tl_semantic_refuse(reader, tl_yaml_get(map, "source")->line, "\"source\" of \"%s\" must be source.schema.table", dataset->name);
        dataset->source[i] = tl_arena_strndup(reader->arena, text, size);
        text += size + 1;
    }
    return TL_OK;
}

static enum tl_code read_grain(struct tl_semantic_reader *reader, const tl_json *extension, struct tl_semantic_dataset *dataset)
{
    static const char *const names[] = {"", "day", "week", "month", "quarter", "year"};
    const char *grain = tl_json_get_text(extension, "time_grain");
    for (int i = 1; i < 6; i++)
        if (tl_streq(grain, names[i]))
            dataset->time_grain = (enum tl_time_grain)i;
    if (grain && dataset->time_grain == TL_GRAIN_NONE)
        return tl_semantic_refuse(reader, dataset->line, "\"time_grain\" is day, week, month, quarter or year, not \"%s\"", grain);
    dataset->sampled = tl_json_bool(tl_json_get(extension, "sampled"), false);
    return TL_OK;
}

static enum tl_code read_shown(struct tl_semantic_reader *reader, const tl_json *extension, struct tl_semantic_dataset *dataset)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(extension, "shown")); tl_json_next(&it);) {
        const char *name = tl_json_text(it.value);
        int field = name ? tl_semantic_find_field(dataset, name) : -1;
        if (field < 0)
            return tl_semantic_refuse(reader, dataset->line, "\"shown\" of \"%s\" names the field \"%s\", which it does not have", dataset->name,
                name ? name : "");
        if (dataset->shown_count == TL_SEMANTIC_SHOWN_MAX)
            return tl_semantic_refuse(reader, dataset->line, "\"shown\" of \"%s\" has more than %d fields", dataset->name, TL_SEMANTIC_SHOWN_MAX);
        dataset->shown[dataset->shown_count++] = field;
    }
    return TL_OK;
}

static enum tl_code read_dataset(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, struct tl_semantic_dataset *dataset)
{
    static const char *const keys[] = {"name", "source", "primary_key", "unique_keys", "description", "ai_context", "fields", "custom_extensions", NULL};
    const tl_json *extension;
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    dataset->line = map->line;
    if (tl_semantic_keys(reader, map, "dataset", keys) != TL_OK || tl_semantic_text(reader, map, "name", true, &dataset->name) != TL_OK ||
        tl_semantic_text(reader, map, "description", false, &dataset->description) != TL_OK || read_source(reader, map, dataset) != TL_OK ||
        read_columns(reader, map, "primary_key", dataset->key, &dataset->key_count) != TL_OK ||
        read_synonyms(reader, map, &dataset->synonyms) != TL_OK || read_fields(reader, tl_yaml_get(map, "fields"), dataset) != TL_OK ||
        tl_semantic_extension(reader, map, &extension) != TL_OK)
        return TL_CONFIG;
    if (dataset->name[strspn(dataset->name, plain)]) /* it stands in SQL as it is */
        return tl_semantic_refuse(reader, dataset->line, "the name \"%s\" of a dataset has other characters than a-z, 0-9 and _", dataset->name);
    return read_grain(reader, extension, dataset) != TL_OK ? TL_CONFIG : read_shown(reader, extension, dataset);
}

enum tl_code tl_semantic_read_datasets(struct tl_semantic_reader *reader, const struct tl_yaml_node *list)
{
    size_t count;
    tl_semantic *model = reader->model;
    if (count_items(reader, list, "datasets", TL_SEMANTIC_DATASETS_MAX, &count) != TL_OK)
        return TL_CONFIG;
    model->datasets = TL_NEW_ARRAY(reader->arena, struct tl_semantic_dataset, count);
    for (const struct tl_yaml_node *item = list->first; item; item = item->next) {
        struct tl_semantic_dataset *dataset = &model->datasets[model->dataset_count];
        if (read_dataset(reader, item, dataset) != TL_OK)
            return TL_CONFIG;
        if (tl_semantic_find_dataset(model, dataset->name) >= 0)
            return tl_semantic_refuse(reader, dataset->line, "the dataset \"%s\" is there twice", dataset->name);
        model->dataset_count++;
    }
    return TL_OK;
}

static enum tl_code find_end(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, const char *key, int *ret_dataset)
{
    const char *name;
    if (tl_semantic_text(reader, map, key, true, &name) != TL_OK)
        return TL_CONFIG;
    *ret_dataset = tl_semantic_find_dataset(reader->model, name);
    return *ret_dataset >= 0 ? TL_OK : tl_semantic_refuse(reader, map->line, "\"%s\" names the dataset \"%s\", which is not in this model", key, name);
}

/* The side of one must be unique, else rows would be multiplied. */
static enum tl_code check_unique(struct tl_semantic_reader *reader, const struct tl_semantic_relationship *relationship)
{
    const struct tl_semantic_dataset *to = &reader->model->datasets[relationship->to];
    size_t found = 0;
    for (size_t i = 0; i < relationship->column_count; i++)
        for (size_t k = 0; k < to->key_count; k++)
            found += tl_streq(relationship->to_columns[i], to->key[k]);
    if (to->key_count > 0 && found == to->key_count)
        return TL_OK;
    tl_semantic_refuse(reader, relationship->line, "the relationship \"%s\" leads to columns of \"%s\" that are not its primary key",
        relationship->name, to->name);
    tl_err_hint(reader->err, "many rows of \"from\" lead to one of \"to\": give \"%s\" a primary_key, and lead to it", to->name);
    return TL_CONFIG;
}

static enum tl_code read_relationship(struct tl_semantic_reader *reader, const struct tl_yaml_node *map, struct tl_semantic_relationship *relationship)
{
    static const char *const keys[] = {"name", "from", "to", "from_columns", "to_columns", "ai_context", "custom_extensions", NULL};
    size_t to_count;
    relationship->line = map->line;
    if (tl_semantic_keys(reader, map, "relationship", keys) != TL_OK || tl_semantic_text(reader, map, "name", true, &relationship->name) != TL_OK ||
        find_end(reader, map, "from", &relationship->from) != TL_OK || find_end(reader, map, "to", &relationship->to) != TL_OK ||
        read_columns(reader, map, "from_columns", relationship->from_columns, &relationship->column_count) != TL_OK ||
        read_columns(reader, map, "to_columns", relationship->to_columns, &to_count) != TL_OK)
        return TL_CONFIG;
    if (to_count != relationship->column_count || to_count == 0)
        return tl_semantic_refuse(reader, map->line, "the relationship \"%s\" has %zu columns on one side and %zu on the other", relationship->name,
                                  relationship->column_count, to_count);
    return check_unique(reader, relationship);
}

enum tl_code tl_semantic_read_relationships(struct tl_semantic_reader *reader, const struct tl_yaml_node *list)
{
    size_t count;
    if (count_items(reader, list, "relationships", TL_SEMANTIC_DATASETS_MAX * 4, &count) != TL_OK)
        return TL_CONFIG;
    reader->model->relationships = TL_NEW_ARRAY(reader->arena, struct tl_semantic_relationship, count);
    for (const struct tl_yaml_node *item = list ? list->first : NULL; item; item = item->next)
        if (read_relationship(reader, item, &reader->model->relationships[reader->model->relationship_count++]) != TL_OK)
            return TL_CONFIG;
    return TL_OK;
}

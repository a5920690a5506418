/* ALTER TABLE .. SET PROPERTIES: partitioning, sorted_by, format_version and the properties of the table format, as one commit. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "door/rollup.h"
#include "door/upkeep_int.h"
#include "lake/describe.h"

enum { BODY_BYTES_MAX = 4 * 1024 * 1024 };

struct change {
    struct tl_door_call *call;
    struct tl_lake_table table;
    struct tl_json_writer updates;
    bool partitioned, ordered; /* what the commit must not have changed meanwhile */
};

static enum tl_code bad(struct change *change, const struct tl_statement_option *option, const char *why, const char *what)
{
    tl_err_set(&change->call->rq->err, TL_INVALID_ARGUMENT, "the property \"%.100s\" %s%s%.200s%s", option->name, why, what ? " \"" : "",
               what ? what : "", what ? "\"" : "");
    tl_err_position(&change->call->rq->err, (int64_t)option->offset);
    return TL_INVALID_ARGUMENT;
}

static void begin_update(struct change *change, const char *action)
{
    tl_json_begin_object(&change->updates);
    tl_json_pair_text(&change->updates, "action", action);
}

/* --- partitioning --- */

struct expression {
    const struct tl_lake_field *field;
    const char *transform, *name; /* "bucket[16]", "id_bucket" */
};

static char *trimmed(tl_arena *arena, const char *text, size_t size)
{
    while (size && (*text == ' ' || *text == '\t')) {
        text++;
        size--;
    }
    while (size && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    bool quoted = size >= 2 && text[0] == '"' && text[size - 1] == '"';
    return tl_arena_strndup(arena, text + quoted, size - (quoted ? 2 : 0));
}

/* Names in SQL have no case. */
static const struct tl_lake_field *find_column(const struct change *change, const char *name)
{
    const struct tl_lake_type *root = &change->table.schema->root;
    for (size_t i = 0; i < root->count; i++)
        if (tl_streq_nocase(root->fields[i].name, name))
            return &root->fields[i];
    return tl_lake_schema_find(change->table.schema, name);
}

/* "region", "day(ts)", "bucket(id, 16)", "truncate(name, 4)", "void(x)". */
static bool read_expression(struct change *change, const char *text, struct expression *ret)
{
    static const struct {
        const char *word, *transform, *suffix;
        bool parameter;
    } functions[] = {{"year", "year", "year", false},   {"month", "month", "month", false}, {"day", "day", "day", false},
                     {"hour", "hour", "hour", false},   {"bucket", "bucket", "bucket", true}, {"truncate", "truncate", "trunc", true},
                     {"void", "void", "null", false}};
    tl_arena *arena = change->call->rq->arena;
    const char *open = strchr(text, '('), *close = strrchr(text, ')'), *comma = open ? strchr(open, ',') : NULL;
    if (!open) {
        *ret = (struct expression){find_column(change, trimmed(arena, text, strlen(text))), "identity", NULL};
        ret->name = ret->field ? ret->field->name : NULL;
        return ret->field;
    }
    const char *word = trimmed(arena, text, (size_t)(open - text));
    if (!close || close < open || *trimmed(arena, close + 1, strlen(close + 1)))
        return false;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (!tl_streq_nocase(word, functions[i].word) || functions[i].parameter != (comma != NULL))
            continue;
        const char *end = comma ? comma : close;
        ret->field = find_column(change, trimmed(arena, open + 1, (size_t)(end - open - 1)));
        ret->transform = functions[i].transform;
        char *rest = NULL;
        long parameter = comma ? strtol(comma + 1, &rest, 10) : 0;
        if (comma && (parameter < 1 || *trimmed(arena, rest, (size_t)(close - rest))))
            return false;
        if (comma)
            ret->transform = tl_arena_printf(arena, "%s[%ld]", functions[i].transform, parameter);
        ret->name = ret->field ? tl_arena_printf(arena, "%s_%s", ret->field->name, functions[i].suffix) : NULL;
        return ret->field;
    }
    return false;
}

static bool fits(const struct expression *expression)
{
    struct tl_lake_type result;
    struct tl_lake_transform transform;
    tl_lake_transform_parse(expression->transform, &transform);
    return tl_lake_transform_type(&transform, &expression->field->type, &result);
}

/* A field of the same meaning keeps its number and name through all specs. */
static const struct tl_lake_spec_field *find_field(const struct tl_lake_table *table, const struct expression *expression)
{
    for (size_t s = table->spec_count; s-- > 0;)
        for (size_t i = 0; i < table->specs[s].count; i++)
            if (table->specs[s].fields[i].source_id == expression->field->id && strcmp(table->specs[s].fields[i].transform.text, expression->transform) == 0)
                return &table->specs[s].fields[i];
    return NULL;
}

static enum tl_code put_partitioning(struct change *change, const struct tl_statement_option *option)
{
    struct tl_json_writer *json = &change->updates;
    int64_t next = tl_lake_table_last_partition_id(&change->table);
    if (!option->is_list)
        return bad(change, option, "is a list: ARRAY['day(ts)', 'bucket(id, 16)', 'region']", NULL);
    begin_update(change, "add-spec");
    tl_json_key(json, "spec");
    tl_json_begin_object(json);
    tl_json_key(json, "fields");
    tl_json_begin_array(json);
    for (size_t i = 0; i < option->item_count; i++) {
        struct expression expression = {0};
        if (!read_expression(change, option->items[i], &expression))
            return bad(change, option, "has something that is no column and no transform of one:", option->items[i]);
        if (!fits(&expression))
            return bad(change, option, "has a transform that the column's type does not take:", option->items[i]);
        const struct tl_lake_spec_field *field = find_field(&change->table, &expression);
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", field ? field->name : expression.name);
        tl_json_pair_text(json, "transform", expression.transform);
        tl_json_pair_int64(json, "source-id", expression.field->id);
        tl_json_pair_int64(json, "field-id", field ? field->field_id : ++next);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    tl_json_end_object(json);
    tl_json_end_object(json);
    begin_update(change, "set-default-spec");
    tl_json_pair_int64(json, "spec-id", -1);
    tl_json_end_object(json);
    change->partitioned = true;
    return TL_OK;
}

/* --- order --- */

static bool take_word(const char **at, const char *word)
{
    size_t size = strlen(word);
    *at += strspn(*at, " \t");
    if (strncasecmp(*at, word, size) != 0 || ((*at)[size] && !strchr(" \t", (*at)[size])))
        return false;
    *at += size;
    return true;
}

/* "a", "a DESC", "a ASC NULLS LAST" */
static enum tl_code put_order_item(struct change *change, const struct tl_statement_option *option, const char *item)
{
    struct tl_json_writer *json = &change->updates;
    tl_arena *arena = change->call->rq->arena;
    size_t size = *item == '"' && strchr(item + 1, '"') ? (size_t)(strchr(item + 1, '"') - item) + 1 : strcspn(item, " \t");
    const struct tl_lake_field *field = find_column(change, trimmed(arena, item, size));
    const char *at = item + size;
    bool descending = take_word(&at, "DESC");
    if (!descending)
        take_word(&at, "ASC");
    bool nulls = take_word(&at, "NULLS"), first = nulls && take_word(&at, "FIRST"), last = nulls && !first && take_word(&at, "LAST");
    if (!field || field->type.id > TL_LAKE_BINARY || nulls != (first || last) || at[strspn(at, " \t")])
        return bad(change, option, "has something that is no column with its order:", item);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "transform", "identity");
    tl_json_pair_int64(json, "source-id", field->id);
    tl_json_pair_text(json, "direction", descending ? "desc" : "asc");
    tl_json_pair_text(json, "null-order", (nulls ? last : descending) ? "nulls-last" : "nulls-first");
    tl_json_end_object(json);
    return TL_OK;
}

static enum tl_code put_sorted_by(struct change *change, const struct tl_statement_option *option)
{
    struct tl_json_writer *json = &change->updates;
    if (!option->is_list)
        return bad(change, option, "is a list: ARRAY['a', 'b DESC NULLS LAST']", NULL);
    begin_update(change, "add-sort-order");
    tl_json_key(json, "sort-order");
    tl_json_begin_object(json);
    tl_json_pair_int64(json, "order-id", option->item_count ? 1 : 0); /* 0 is the one without order */
    tl_json_key(json, "fields");
    tl_json_begin_array(json);
    for (size_t i = 0; i < option->item_count; i++)
        if (put_order_item(change, option, option->items[i]) != TL_OK)
            return change->call->rq->err.code;
    tl_json_end_array(json);
    tl_json_end_object(json);
    tl_json_end_object(json);
    begin_update(change, "set-default-sort-order");
    tl_json_pair_int64(json, "sort-order-id", -1);
    tl_json_end_object(json);
    change->ordered = true;
    return TL_OK;
}

/* --- the rest --- */

static enum tl_code put_format_version(struct change *change, const struct tl_statement_option *option)
{
    long version = option->text ? strtol(option->text, NULL, 10) : 0;
    if (version < 2 || version > 3)
        return bad(change, option, "is 2 or 3", NULL);
    begin_update(change, "upgrade-format-version");
    tl_json_pair_int64(&change->updates, "format-version", version);
    tl_json_end_object(&change->updates);
    return TL_OK;
}

/* Names of the table format have points or dashes, so that a misspelled one of ours is not taken for one. */
static enum tl_code put_property(struct change *change, const struct tl_statement_option *option)
{
    struct tl_json_writer *json = &change->updates;
    if (!strpbrk(option->name, ".-") || option->is_list) {
        bad(change, option, "is not known", NULL);
        tl_err_hint(&change->call->rq->err, "there are partitioning, sorted_by, format_version, and quoted names as \"write.target-file-size-bytes\"");
        return TL_INVALID_ARGUMENT;
    }
    struct rollup rollup;
    struct tl_request *rq = change->call->rq;
    if (option->text && strcmp(option->name, ROLLUP_PROPERTY) == 0 &&
        rollup_read(rq->arena, &change->table, change->table.schema, option->text, &rollup, &rq->err) != TL_OK)
        return rq->err.code;
    begin_update(change, option->text ? "set-properties" : "remove-properties");
    tl_json_key(json, option->text ? "updates" : "removals");
    if (option->text) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, option->name, option->text);
        tl_json_end_object(json);
    } else {
        tl_json_begin_array(json);
        tl_json_put_text(json, option->name);
        tl_json_end_array(json);
    }
    tl_json_end_object(json);
    return TL_OK;
}

static enum tl_code put_option(struct change *change, const struct tl_statement_option *option)
{
    if (tl_streq_nocase(option->name, "partitioning"))
        return put_partitioning(change, option);
    if (tl_streq_nocase(option->name, "sorted_by"))
        return put_sorted_by(change, option);
    return tl_streq_nocase(option->name, "format_version") ? put_format_version(change, option) : put_property(change, option);
}

static void put_assertion(struct tl_json_writer *json, const char *type, const char *key, int64_t value)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", type);
    tl_json_pair_int64(json, key, value);
    tl_json_end_object(json);
}

static void put_requirements(struct change *change, struct tl_json_writer *json)
{
    const struct tl_lake_table *table = &change->table;
    tl_json_begin_array(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "assert-table-uuid");
    tl_json_pair_text(json, "uuid", table->uuid);
    tl_json_end_object(json);
    if (change->partitioned || change->ordered)
        put_assertion(json, "assert-current-schema-id", "current-schema-id", table->schema->id);
    if (change->partitioned) {
        put_assertion(json, "assert-last-assigned-partition-id", "last-assigned-partition-id", tl_lake_table_last_partition_id(table));
        put_assertion(json, "assert-default-spec-id", "default-spec-id", table->spec->id);
    }
    if (change->ordered && table->order)
        put_assertion(json, "assert-default-sort-order-id", "default-sort-order-id", table->order->id);
    tl_json_end_array(json);
}

enum tl_code tl_properties_statement(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct tl_request *rq = call->rq;
    struct tl_dataset dataset;
    struct change change = {.call = call};
    struct tl_buf requirements, updates;
    struct tl_json_writer json;
    if (tl_upkeep_target(call, &statement->name, TL_ACCESS_READ | TL_ACCESS_DROP, &dataset) != TL_OK ||
        tl_lake_table_load(call->door->lake, rq->arena, dataset.schema, dataset.name, &change.table, &rq->err) != TL_OK)
        return rq->err.code;
    tl_buf_init(&requirements, BODY_BYTES_MAX);
    tl_buf_init(&updates, BODY_BYTES_MAX);
    tl_json_writer_init(&change.updates, &updates);
    tl_json_begin_array(&change.updates);
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < statement->option_count && code == TL_OK; i++)
        code = put_option(&change, &statement->options[i]);
    tl_json_end_array(&change.updates);
    tl_json_writer_init(&json, &requirements);
    put_requirements(&change, &json);
    if (code == TL_OK)
        code = tl_lake_commit_to(call->door->lake, rq->arena, dataset.schema, dataset.name, &requirements, &updates, &rq->err);
    tl_buf_done(&requirements);
    tl_buf_done(&updates);
    tl_answer_set_update(call->answer, "SET PROPERTIES", false);
    return code;
}

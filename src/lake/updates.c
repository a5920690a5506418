/* The changes a commit may ask for.  An action that is not in the table is refused by name: a change that is silently left
 * out would corrupt what the client believes. */
#include "lake/lake_int.h"

#include <string.h>

enum { ADDED_MAX = 64, JUST_ADDED = -1 };

typedef enum tl_code (*handler)(struct tl_lake_change *change, const tl_json *update, struct tl_err *err);

/* --- ids: what the client called it and what it became --- */

static enum tl_code remember(struct tl_lake_added *added, int *count, int64_t asked, int64_t became, struct tl_err *err)
{
    if (*count == ADDED_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "one commit may add at most %d schemas, specs or sort orders", ADDED_MAX);
    added[(*count)++] = (struct tl_lake_added){asked, became};
    return TL_OK;
}

static int64_t became(const struct tl_lake_added *added, int count, int64_t asked)
{
    for (int i = count - 1; i >= 0; i--)
        if (asked == JUST_ADDED || added[i].asked == asked)
            return added[i].became;
    return asked;
}

/* Keep an equal one, else the next id: clients tell their own by the number they gave it, see became(). */
static enum tl_code add_numbered(struct tl_lake_change *change, struct tl_lake_list *list, const char *key, const tl_json *object,
                                 int64_t lowest, struct tl_lake_added *added, int *count, struct tl_err *err)
{
    int64_t asked = JUST_ADDED;
    (void)tl_json_int64(tl_json_get(object, key), &asked);
    for (size_t i = 0; i < list->count; i++) {
        int64_t have;
        if (tl_lake_same_fields(list->items[i], object) && tl_json_int64(tl_json_get(list->items[i], key), &have))
            return remember(added, count, asked, have, err);
    }
    int64_t max = tl_lake_list_max(list, key, lowest - 1), id = max + 1;
    if (strcmp(key, "order-id") == 0 && lowest == 0)
        id = 0; /* the unsorted order, by definition */
    if (id > INT32_MAX || tl_lake_list_find(list, key, id))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"%s\" %lld is out of range", key, (long long)asked);
    const tl_json *numbered;
    if (tl_lake_json_with_int(change->arena, object, key, id, &numbered, err) != TL_OK)
        return err->code;
    tl_lake_list_add(change->arena, list, numbered);
    return remember(added, count, asked, id, err);
}

/* --- schemas --- */

enum tl_code tl_lake_add_schema(struct tl_lake_change *change, const tl_json *schema, struct tl_err *err)
{
    struct tl_lake_metadata *metadata = change->metadata;
    int64_t max_id;
    if (tl_lake_schema_check(change->arena, schema, metadata->format_version, &max_id, err) != TL_OK)
        return err->code;
    if (max_id > metadata->last_column_id)
        metadata->last_column_id = max_id;
    return add_numbered(change, &metadata->schemas, "schema-id", schema, 0, change->schemas, &change->schema_count, err);
}

static enum tl_code update_add_schema(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    int64_t last = 0;
    if (tl_json_int64(tl_json_get(update, "last-column-id"), &last) && last > change->metadata->last_column_id && last <= INT32_MAX)
        change->metadata->last_column_id = last;
    return tl_lake_add_schema(change, tl_json_get(update, "schema"), err);
}

static enum tl_code update_set_schema(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    int64_t id;
    if (tl_lake_json_need_int(update, "set-current-schema", "schema-id", &id, err) != TL_OK)
        return err->code;
    id = became(change->schemas, change->schema_count, id);
    if (!tl_lake_list_find(&change->metadata->schemas, "schema-id", id))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "set-current-schema: schema %lld does not exist", (long long)id);
    change->metadata->current_schema_id = id;
    change->names_changed = true;
    return TL_OK;
}

static bool is_listed(const tl_json *list, int64_t number)
{
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it);) {
        int64_t have;
        if (tl_json_int64(it.value, &have) && have == number)
            return true;
    }
    return false;
}

static enum tl_code remove_numbered(struct tl_lake_list *list, const char *key, const tl_json *ids, int64_t in_use, struct tl_err *err)
{
    if (!tl_json_is_array(ids))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"%ss\" must be a list of integers", key);
    if (is_listed(ids, in_use))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"%s\" %lld is in use and cannot be removed", key, (long long)in_use);
    for (size_t i = list->count; i > 0; i--) {
        int64_t have;
        if (tl_json_int64(tl_json_get(list->items[i - 1], key), &have) && is_listed(ids, have))
            tl_lake_list_remove(list, i - 1);
    }
    return TL_OK;
}

static enum tl_code update_remove_schemas(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    return remove_numbered(&change->metadata->schemas, "schema-id", tl_json_get(update, "schema-ids"), change->metadata->current_schema_id,
                           err);
}

/* --- partition specs --- */

/* A field of an earlier spec with the same name, source and transform: it keeps its id for ever.  Some engines number it anew
 * and then find two fields of one name in the table. */
static bool known_field(const struct tl_lake_metadata *metadata, const tl_json *field, int64_t *ret_id)
{
    static const char *const same[] = {"name", "transform", "source-id"};
    for (size_t i = 0; i < metadata->specs.count; i++)
        for (struct tl_json_iter it = tl_json_iter(tl_json_get(metadata->specs.items[i], "fields")); tl_json_next(&it);) {
            size_t equal = 0;
            for (size_t k = 0; k < 3; k++)
                equal += tl_json_get(field, same[k]) && tl_lake_json_equal(tl_json_get(it.value, same[k]), tl_json_get(field, same[k]));
            if (equal == 3 && tl_json_int64(tl_json_get(it.value, "field-id"), ret_id))
                return true;
        }
    return false;
}

static enum tl_code number_field(struct tl_lake_change *change, const tl_json *field, const tl_json **ret_field, struct tl_err *err)
{
    struct tl_lake_metadata *metadata = change->metadata;
    int64_t given = 0, id;
    bool has_id = tl_json_int64(tl_json_get(field, "field-id"), &given);
    if (has_id && (given < 0 || given > INT32_MAX))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"field-id\" %lld of a partition field is out of range", (long long)given);
    if (!known_field(metadata, field, &id))
        id = has_id ? given : metadata->last_partition_id + 1;
    int64_t highest = has_id && given > id ? given : id;
    if (highest > metadata->last_partition_id)
        metadata->last_partition_id = highest;
    return tl_lake_json_with_int(change->arena, field, "field-id", id, ret_field, err);
}

/* Fields without an id get the next ones. */
static enum tl_code number_fields(struct tl_lake_change *change, const tl_json *spec, const tl_json **ret_spec, struct tl_err *err)
{
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    for (struct tl_json_iter it = tl_json_iter(spec); tl_json_next(&it);) {
        tl_json_key(&writer, it.key);
        if (strcmp(it.key, "fields") != 0) {
            tl_json_put_value(&writer, it.value);
            continue;
        }
        tl_json_begin_array(&writer);
        for (struct tl_json_iter field = tl_json_iter(it.value); tl_json_next(&field);) {
            const tl_json *numbered;
            if (number_field(change, field.value, &numbered, err) != TL_OK)
                break;
            tl_json_put_value(&writer, numbered);
        }
        tl_json_end_array(&writer);
    }
    tl_json_end_object(&writer);
    enum tl_code code = err->code ? err->code : tl_lake_json_from(change->arena, &buf, ret_spec, err);
    tl_buf_done(&buf);
    return code;
}

enum tl_code tl_lake_add_spec(struct tl_lake_change *change, const tl_json *spec, struct tl_err *err)
{
    const tl_json *numbered;
    if (tl_lake_spec_check(spec, err) != TL_OK || number_fields(change, spec, &numbered, err) != TL_OK)
        return err->code;
    return add_numbered(change, &change->metadata->specs, "spec-id", numbered, 0, change->specs, &change->spec_count, err);
}

static enum tl_code update_add_spec(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    return tl_lake_add_spec(change, tl_json_get(update, "spec"), err);
}

static enum tl_code update_set_spec(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    int64_t id;
    if (tl_lake_json_need_int(update, "set-default-spec", "spec-id", &id, err) != TL_OK)
        return err->code;
    id = became(change->specs, change->spec_count, id);
    if (!tl_lake_list_find(&change->metadata->specs, "spec-id", id))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "set-default-spec: partition spec %lld does not exist", (long long)id);
    change->metadata->default_spec_id = id;
    change->names_changed = true;
    return TL_OK;
}

static enum tl_code update_remove_specs(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    return remove_numbered(&change->metadata->specs, "spec-id", tl_json_get(update, "spec-ids"), change->metadata->default_spec_id, err);
}

/* --- sort orders --- */

enum tl_code tl_lake_add_order(struct tl_lake_change *change, const tl_json *order, struct tl_err *err)
{
    if (tl_lake_order_check(order, err) != TL_OK)
        return err->code;
    int64_t lowest = tl_json_count(tl_json_get(order, "fields")) ? 1 : 0; /* 0 is the unsorted order by definition */
    return add_numbered(change, &change->metadata->orders, "order-id", order, lowest, change->orders, &change->order_count, err);
}

static enum tl_code update_add_order(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    return tl_lake_add_order(change, tl_json_get(update, "sort-order"), err);
}

static enum tl_code update_set_order(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    int64_t id;
    if (tl_lake_json_need_int(update, "set-default-sort-order", "sort-order-id", &id, err) != TL_OK)
        return err->code;
    id = became(change->orders, change->order_count, id);
    if (!tl_lake_list_find(&change->metadata->orders, "order-id", id))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "set-default-sort-order: sort order %lld does not exist", (long long)id);
    change->metadata->default_sort_order_id = id;
    return TL_OK;
}

/* --- the table itself --- */

static enum tl_code update_assign_uuid(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    const char *uuid;
    if (tl_lake_json_need_text(update, "assign-uuid", "uuid", &uuid, err) != TL_OK)
        return err->code;
    if (strlen(uuid) != 36 || strspn(uuid, "0123456789abcdefABCDEF-") != 36)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "assign-uuid: \"%.64s\" is not a uuid", uuid);
    if (change->metadata->uuid && !tl_streq_nocase(change->metadata->uuid, uuid))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "assign-uuid: the table has a uuid, which cannot be changed");
    change->metadata->uuid = uuid;
    return TL_OK;
}

static enum tl_code upgrade(struct tl_lake_change *change, int64_t version, struct tl_err *err)
{
    if (version < 2 || version > 3) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "format version %lld of a table is not offered", (long long)version);
        tl_err_hint(err, "use 2 or 3");
        return err->code;
    }
    if (version < change->metadata->format_version && !change->creating)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the table has format version %lld and cannot go back to %lld",
                          (long long)change->metadata->format_version, (long long)version);
    change->metadata->format_version = version;
    return TL_OK;
}

static enum tl_code update_upgrade(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    int64_t version;
    if (tl_lake_json_need_int(update, "upgrade-format-version", "format-version", &version, err) != TL_OK)
        return err->code;
    return upgrade(change, version, err);
}

static enum tl_code update_set_location(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    const char *text, *location;
    if (tl_lake_json_need_text(update, "set-location", "location", &text, err) != TL_OK ||
        tl_lake_location(change->lake, change->arena, text, &location, err) != TL_OK)
        return err->code;
    if (!change->creating && !tl_streq(location, change->metadata->location)) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "set-location: a table that exists cannot move");
        tl_err_hint(err, "create a table at the new location and copy the rows");
        return err->code;
    }
    change->metadata->location = location;
    return TL_OK;
}

enum tl_code tl_lake_set_properties(struct tl_lake_change *change, const tl_json *properties, struct tl_err *err)
{
    if (!tl_json_is_object(properties))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "table properties must be an object of texts");
    for (struct tl_json_iter it = tl_json_iter(properties); tl_json_next(&it);) {
        const char *text = tl_json_text(it.value);
        if (!text)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "table property \"%.200s\" must be a text", it.key);
        if (strcmp(it.key, "format-version") == 0) { /* reserved: it is a request, not a property */
            if (upgrade(change, text[0] >= '0' && text[0] <= '9' && text[1] == '\0' ? text[0] - '0' : -1, err) != TL_OK)
                return err->code;
            continue;
        }
        tl_lake_map_set(change->arena, &change->metadata->properties, it.key, it.value);
    }
    if (change->metadata->properties.count > TL_LAKE_PROPERTIES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "a table may have at most %d properties", TL_LAKE_PROPERTIES_MAX);
    change->names_changed = true; /* the comment is a property */
    return TL_OK;
}

static enum tl_code update_set_properties(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    return tl_lake_set_properties(change, tl_json_get(update, "updates"), err);
}

static enum tl_code update_remove_properties(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    const tl_json *removals = tl_json_get(update, "removals");
    if (!tl_json_is_array(removals))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "remove-properties needs the list \"removals\"");
    for (struct tl_json_iter it = tl_json_iter(removals); tl_json_next(&it);) {
        const char *name = tl_json_text(it.value);
        if (!name)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "remove-properties: a name is not a text");
        (void)tl_lake_map_remove(&change->metadata->properties, name);
    }
    change->names_changed = true;
    return TL_OK;
}

static const struct {
    const char *action;
    handler run;
} handlers[] = {
    {"assign-uuid", update_assign_uuid},
    {"upgrade-format-version", update_upgrade},
    {"add-schema", update_add_schema},
    {"set-current-schema", update_set_schema},
    {"remove-schemas", update_remove_schemas},
    {"add-spec", update_add_spec},
    {"set-default-spec", update_set_spec},
    {"remove-partition-specs", update_remove_specs},
    {"add-sort-order", update_add_order},
    {"set-default-sort-order", update_set_order},
    {"set-location", update_set_location},
    {"set-properties", update_set_properties},
    {"remove-properties", update_remove_properties},
    {"add-snapshot", tl_lake_update_add_snapshot},
    {"set-snapshot-ref", tl_lake_update_set_ref},
    {"remove-snapshot-ref", tl_lake_update_remove_ref},
    {"remove-snapshots", tl_lake_update_remove_snapshots},
    {"set-statistics", tl_lake_update_set_statistics},
    {"remove-statistics", tl_lake_update_remove_statistics},
    {"set-partition-statistics", tl_lake_update_set_partition_statistics},
    {"remove-partition-statistics", tl_lake_update_remove_partition_statistics},
};

enum tl_code tl_lake_apply_one(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    const char *action;
    if (tl_lake_json_need_text(update, "each update", "action", &action, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (strcmp(action, handlers[i].action) == 0)
            return handlers[i].run(change, update, err);
    tl_err_set(err, TL_INVALID_ARGUMENT, "update \"%.100s\" is not known", action);
    tl_err_hint(err, "nothing of this commit was done");
    return err->code;
}

enum tl_code tl_lake_apply(struct tl_lake_change *change, const tl_json *updates, struct tl_err *err)
{
    if (!tl_json_is_array(updates))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a commit needs the list \"updates\"");
    if (tl_json_count(updates) > TL_LAKE_UPDATES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "a commit has %zu updates, at most %d are taken", tl_json_count(updates), TL_LAKE_UPDATES_MAX);
    for (struct tl_json_iter it = tl_json_iter(updates); tl_json_next(&it);)
        if (tl_lake_apply_one(change, it.value, err) != TL_OK)
            return err->code;
    return TL_OK;
}

static enum tl_code parse_literal(tl_arena *arena, const char *text, const tl_json **ret_value, struct tl_err *err)
{
    return tl_json_parse(arena, text, strlen(text), ret_value, err);
}

enum tl_code tl_lake_complete(struct tl_lake_change *change, struct tl_err *err)
{
    struct tl_lake_metadata *metadata = change->metadata;
    const tl_json *none;
    if (metadata->specs.count == 0 &&
        (parse_literal(change->arena, "{\"spec-id\":0,\"fields\":[]}", &none, err) != TL_OK || tl_lake_add_spec(change, none, err) != TL_OK))
        return err->code;
    if (metadata->orders.count == 0 &&
        (parse_literal(change->arena, "{\"order-id\":0,\"fields\":[]}", &none, err) != TL_OK || tl_lake_add_order(change, none, err) != TL_OK))
        return err->code;
    if (metadata->current_schema_id < 0)
        metadata->current_schema_id = became(change->schemas, change->schema_count, JUST_ADDED);
    if (metadata->default_spec_id < 0)
        metadata->default_spec_id = became(change->specs, change->spec_count, JUST_ADDED);
    if (metadata->default_sort_order_id < 0)
        metadata->default_sort_order_id = became(change->orders, change->order_count, JUST_ADDED);
    return TL_OK;
}

/* Are schemas, partition specs and sort orders sound?  Engines crash on ones that are not, so they never get in. */
#include "lake/lake_int.h"

#include <stdlib.h>
#include <string.h>

#include "lake/type.h"

enum { FIELDS_MAX = 20000, TYPE_DEPTH_MAX = 32, SPEC_FIELDS_MAX = 1000 };

struct walk {
    int64_t *ids;
    size_t count;
    int64_t format_version;
};

static bool is_since_version_3(enum tl_lake_type_id id)
{
    return id == TL_LAKE_TIMESTAMP_NS || id == TL_LAKE_TIMESTAMPTZ_NS || id == TL_LAKE_VARIANT || id == TL_LAKE_UNKNOWN ||
           id == TL_LAKE_GEOMETRY || id == TL_LAKE_GEOGRAPHY;
}

static bool primitive_is_sound(const char *text, int64_t format_version)
{
    struct tl_lake_type type;
    struct tl_err none; /* the caller says where the type stands */
    tl_err_init(&none);
    return tl_lake_type_parse(text, &type, &none) == TL_OK && (format_version >= 3 || !is_since_version_3(type.id));
}

static enum tl_code check_type(struct walk *walk, const tl_json *type, int depth, const char *where, struct tl_err *err);

static enum tl_code add_id(struct walk *walk, const tl_json *object, const char *key, const char *where, struct tl_err *err)
{
    int64_t id;
    if (!tl_json_int64(tl_json_get(object, key), &id) || id < 1 || id > INT32_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "%s \"%.200s\" of the schema needs an \"%s\" from 1 to 2147483647", "column", where, key);
    if (walk->count == FIELDS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the schema has more than %d columns and nested fields", FIELDS_MAX);
    walk->ids[walk->count++] = id;
    return TL_OK;
}

static enum tl_code check_fields(struct walk *walk, const tl_json *fields, int depth, struct tl_err *err)
{
    if (!tl_json_is_array(fields))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the schema has a struct without the list \"fields\"");
    for (struct tl_json_iter it = tl_json_iter(fields); tl_json_next(&it);) {
        const char *name;
        if (tl_lake_json_need_text(it.value, "each column of the schema", "name", &name, err) != TL_OK ||
            add_id(walk, it.value, "id", name, err) != TL_OK ||
            check_type(walk, tl_json_get(it.value, "type"), depth + 1, name, err) != TL_OK)
            return err->code;
        if (name[0] == '\0')
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the schema has a column without a name");
    }
    return TL_OK;
}

static enum tl_code check_nested(struct walk *walk, const tl_json *type, int depth, const char *where, struct tl_err *err)
{
    const char *kind = tl_json_get_text(type, "type");
    if (tl_streq(kind, "struct"))
        return check_fields(walk, tl_json_get(type, "fields"), depth, err);
    if (tl_streq(kind, "list")) {
        if (add_id(walk, type, "element-id", where, err) != TL_OK)
            return err->code;
        return check_type(walk, tl_json_get(type, "element"), depth + 1, where, err);
    }
    if (tl_streq(kind, "map")) {
        if (add_id(walk, type, "key-id", where, err) != TL_OK || add_id(walk, type, "value-id", where, err) != TL_OK ||
            check_type(walk, tl_json_get(type, "key"), depth + 1, where, err) != TL_OK)
            return err->code;
        return check_type(walk, tl_json_get(type, "value"), depth + 1, where, err);
    }
    return tl_err_set(err, TL_INVALID_ARGUMENT, "column \"%.200s\" has an unknown nested type", where);
}

static enum tl_code check_type(struct walk *walk, const tl_json *type, int depth, const char *where, struct tl_err *err)
{
    if (depth > TYPE_DEPTH_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "column \"%.200s\" is nested deeper than %d levels", where, TYPE_DEPTH_MAX);
    if (tl_json_is_object(type))
        return check_nested(walk, type, depth, where, err);
    const char *text = tl_json_text(type);
    if (text && primitive_is_sound(text, walk->format_version))
        return TL_OK;
    return tl_err_set(err, TL_INVALID_ARGUMENT, "column \"%.200s\" has type \"%.100s\", which format version %lld of a table does not have",
                      where, text ? text : "", (long long)walk->format_version);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static enum tl_code check_identifiers(const struct walk *walk, const tl_json *schema, struct tl_err *err)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(schema, "identifier-field-ids")); tl_json_next(&it);) {
        int64_t id;
        if (!tl_json_int64(it.value, &id) || !bsearch(&id, walk->ids, walk->count, sizeof id, compare_ids))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "\"identifier-field-ids\" names a column that the schema does not have");
    }
    return TL_OK;
}

enum tl_code tl_lake_schema_check(tl_arena *arena, const tl_json *schema, int64_t format_version, int64_t *ret_max_id, struct tl_err *err)
{
    *ret_max_id = 0;
    if (!tl_json_is_object(schema))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the table needs a schema");
    struct walk walk = {TL_NEW_ARRAY(arena, int64_t, FIELDS_MAX), 0, format_version};
    if (check_fields(&walk, tl_json_get(schema, "fields"), 0, err) != TL_OK)
        return err->code;
    qsort(walk.ids, walk.count, sizeof *walk.ids, compare_ids);
    for (size_t i = 1; i < walk.count; i++)
        if (walk.ids[i] == walk.ids[i - 1])
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the schema uses column id %lld twice", (long long)walk.ids[i]);
    if (walk.count)
        *ret_max_id = walk.ids[walk.count - 1];
    return check_identifiers(&walk, schema, err);
}

static bool type_has(const tl_json *type, int64_t field_id, int depth)
{
    if (depth > TYPE_DEPTH_MAX)
        return false;
    static const char *const ids[] = {"element-id", "key-id", "value-id"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        int64_t id;
        if (tl_json_int64(tl_json_get(type, ids[i]), &id) && id == field_id)
            return true;
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(type, "fields")); tl_json_next(&it);) {
        int64_t id;
        if ((tl_json_int64(tl_json_get(it.value, "id"), &id) && id == field_id) ||
            type_has(tl_json_get(it.value, "type"), field_id, depth + 1))
            return true;
    }
    return (tl_json_get(type, "element") && type_has(tl_json_get(type, "element"), field_id, depth + 1)) ||
           (tl_json_get(type, "key") && type_has(tl_json_get(type, "key"), field_id, depth + 1)) ||
           (tl_json_get(type, "value") && type_has(tl_json_get(type, "value"), field_id, depth + 1));
}

/* What both specs and orders have: a bounded list of fields, each with a transform and a source. */
static enum tl_code check_transforms(const tl_json *object, const char *what, struct tl_err *err)
{
    const tl_json *fields = tl_json_get(object, "fields");
    if (!tl_json_is_array(fields) || tl_json_count(fields) > SPEC_FIELDS_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "%s needs the list \"fields\" of at most %d items", what, SPEC_FIELDS_MAX);
    for (struct tl_json_iter it = tl_json_iter(fields); tl_json_next(&it);) {
        const char *transform;
        int64_t source;
        if (tl_lake_json_need_text(it.value, what, "transform", &transform, err) != TL_OK)
            return err->code;
        if (!tl_json_is_array(tl_json_get(it.value, "source-ids")) &&
            tl_lake_json_need_int(it.value, what, "source-id", &source, err) != TL_OK)
            return err->code;
    }
    return TL_OK;
}

enum tl_code tl_lake_spec_check(const tl_json *spec, struct tl_err *err)
{
    if (check_transforms(spec, "the partition spec", err) != TL_OK)
        return err->code;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(spec, "fields")); tl_json_next(&it);) {
        const char *name;
        if (tl_lake_json_need_text(it.value, "each field of the partition spec", "name", &name, err) != TL_OK)
            return err->code;
        size_t same = 0;
        for (struct tl_json_iter other = tl_json_iter(tl_json_get(spec, "fields")); tl_json_next(&other);)
            same += tl_streq(tl_json_get_text(other.value, "name"), name);
        if (same > 1)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the partition spec has two fields named \"%.200s\"", name);
    }
    return TL_OK;
}

enum tl_code tl_lake_order_check(const tl_json *order, struct tl_err *err)
{
    if (check_transforms(order, "the sort order", err) != TL_OK)
        return err->code;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(order, "fields")); tl_json_next(&it);) {
        const char *direction = tl_json_get_text(it.value, "direction"), *nulls = tl_json_get_text(it.value, "null-order");
        if (!tl_streq(direction, "asc") && !tl_streq(direction, "desc"))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "\"direction\" of a sort order is \"asc\" or \"desc\"");
        if (!tl_streq(nulls, "nulls-first") && !tl_streq(nulls, "nulls-last"))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "\"null-order\" of a sort order is \"nulls-first\" or \"nulls-last\"");
    }
    return TL_OK;
}

enum tl_code tl_lake_sources_check(const tl_json *spec_or_order, const char *what, const tl_json *schema, struct tl_err *err)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(spec_or_order, "fields")); tl_json_next(&it);) {
        int64_t source;
        bool is_void = tl_streq(tl_json_get_text(it.value, "transform"), "void"); /* what a dropped field leaves behind */
        if (tl_json_int64(tl_json_get(it.value, "source-id"), &source) && !is_void && !type_has(schema, source, 0)) {
            tl_err_set(err, TL_INVALID_ARGUMENT, "%s uses column id %lld, which the schema does not have", what, (long long)source);
            tl_err_hint(err, "change the partitioning or the sort order before dropping the column");
            return err->code;
        }
    }
    return TL_OK;
}

static bool is_identity(const char *key)
{
    static const char *const keys[] = {"schema-id", "spec-id", "order-id", "type", "field-id"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

/* An empty list says no more than an absent one ("identifier-field-ids": []). */
static bool is_empty(const tl_json *value)
{
    return !value || tl_json_is_null(value) || (tl_json_is_array(value) && tl_json_count(value) == 0);
}

static bool covers(const tl_json *a, const tl_json *b, bool field)
{
    for (struct tl_json_iter it = tl_json_iter(a); tl_json_next(&it);) {
        const tl_json *other = tl_json_get(b, it.key);
        bool skipped = field ? strcmp(it.key, "field-id") == 0 : is_identity(it.key) || strcmp(it.key, "fields") == 0;
        if (!skipped && !(is_empty(it.value) && is_empty(other)) && !tl_lake_json_equal(it.value, other))
            return false;
    }
    return true;
}

bool tl_lake_same_fields(const tl_json *a, const tl_json *b)
{
    const tl_json *x = tl_json_get(a, "fields"), *y = tl_json_get(b, "fields");
    if (tl_json_count(x) != tl_json_count(y) || !covers(a, b, false) || !covers(b, a, false))
        return false;
    struct tl_json_iter i = tl_json_iter(x), j = tl_json_iter(y);
    while (tl_json_next(&i) && tl_json_next(&j))
        if (!covers(i.value, j.value, true) || !covers(j.value, i.value, true))
            return false;
    return true;
}

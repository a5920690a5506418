/* What a commit takes for granted.  The wording of failures is what clients of Iceberg know. */
#include "lake/lake_int.h"

#include <string.h>

enum { REQUIREMENTS_MAX = 10000 };

static enum tl_code failed(struct tl_err *err, const char *what, int64_t expected, int64_t have)
{
    return tl_err_set(err, TL_CONFLICT, "Requirement failed: %s changed: expected id %lld != %lld", what, (long long)expected,
                      (long long)have);
}

/* Requirements that compare one number of the metadata. */
static const struct {
    const char *type, *member, *what;
    size_t offset;
} numbers[] = {
    {"assert-last-assigned-field-id", "last-assigned-field-id", "last assigned field id", offsetof(struct tl_lake_metadata, last_column_id)},
    {"assert-current-schema-id", "current-schema-id", "current schema", offsetof(struct tl_lake_metadata, current_schema_id)},
    {"assert-last-assigned-partition-id", "last-assigned-partition-id", "last assigned partition id",
     offsetof(struct tl_lake_metadata, last_partition_id)},
    {"assert-default-spec-id", "default-spec-id", "default partition spec", offsetof(struct tl_lake_metadata, default_spec_id)},
    {"assert-default-sort-order-id", "default-sort-order-id", "default sort order",
     offsetof(struct tl_lake_metadata, default_sort_order_id)},
};

static enum tl_code require_number(const char *type, const tl_json *requirement, const struct tl_lake_metadata *metadata, struct tl_err *err)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(type, numbers[i].type) != 0)
            continue;
        int64_t expected, have;
        if (tl_lake_json_need_int(requirement, type, numbers[i].member, &expected, err) != TL_OK)
            return err->code;
        memcpy(&have, (const char *)metadata + numbers[i].offset, sizeof have);
        return expected == have ? TL_OK : failed(err, numbers[i].what, expected, have);
    }
    return tl_err_set(err, TL_INVALID_ARGUMENT, "requirement \"%.100s\" is not known", type);
}

static enum tl_code require_ref(const tl_json *requirement, const struct tl_lake_metadata *metadata, struct tl_err *err)
{
    const char *name;
    if (tl_lake_json_need_text(requirement, "assert-ref-snapshot-id", "ref", &name, err) != TL_OK)
        return err->code;
    const tl_json *value = tl_json_get(requirement, "snapshot-id");
    int64_t expected = -1, have = -1;
    bool must_exist = value && !tl_json_is_null(value);
    if (must_exist && !tl_json_int64(value, &expected))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "assert-ref-snapshot-id: \"snapshot-id\" is neither an integer nor null");
    bool exists = tl_json_int64(tl_json_get(tl_lake_map_get(&metadata->refs, name), "snapshot-id"), &have);
    if (must_exist && !exists)
        return tl_err_set(err, TL_CONFLICT, "Requirement failed: branch or tag %.200s is missing, expected %lld", name, (long long)expected);
    if (!must_exist && exists)
        return tl_err_set(err, TL_CONFLICT, "Requirement failed: branch or tag %.200s was created concurrently", name);
    if (must_exist && expected != have)
        return tl_err_set(err, TL_CONFLICT, "Requirement failed: branch %.200s has changed: expected id %lld != %lld", name,
                          (long long)expected, (long long)have);
    return TL_OK;
}

static enum tl_code require_uuid(const tl_json *requirement, const struct tl_lake_metadata *metadata, struct tl_err *err)
{
    const char *uuid;
    if (tl_lake_json_need_text(requirement, "assert-table-uuid", "uuid", &uuid, err) != TL_OK)
        return err->code;
    if (tl_streq_nocase(uuid, metadata->uuid))
        return TL_OK;
    return tl_err_set(err, TL_CONFLICT, "Requirement failed: UUID does not match: expected %.64s != %s", metadata->uuid, uuid);
}

static enum tl_code require_one(const tl_json *requirement, const struct tl_lake_metadata *metadata, struct tl_err *err)
{
    const char *type;
    if (tl_lake_json_need_text(requirement, "each requirement", "type", &type, err) != TL_OK)
        return err->code;
    if (strcmp(type, "assert-create") == 0)
        return metadata ? tl_err_set(err, TL_CONFLICT, "Requirement failed: table already exists") : TL_OK;
    if (!metadata)
        return tl_err_set(err, TL_CONFLICT, "Requirement failed: the table does not exist");
    if (strcmp(type, "assert-table-uuid") == 0)
        return require_uuid(requirement, metadata, err);
    if (strcmp(type, "assert-ref-snapshot-id") == 0)
        return require_ref(requirement, metadata, err);
    return require_number(type, requirement, metadata, err);
}

enum tl_code tl_lake_require(const tl_json *requirements, const struct tl_lake_metadata *metadata, struct tl_err *err)
{
    if (requirements && !tl_json_is_array(requirements))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"requirements\" of a commit must be a list");
    if (tl_json_count(requirements) > REQUIREMENTS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "a commit has more than %d requirements", REQUIREMENTS_MAX);
    for (struct tl_json_iter it = tl_json_iter(requirements); tl_json_next(&it);)
        if (require_one(it.value, metadata, err) != TL_OK)
            return err->code;
    return TL_OK;
}

bool tl_lake_requires_create(const tl_json *requirements)
{
    for (struct tl_json_iter it = tl_json_iter(requirements); tl_json_next(&it);)
        if (tl_streq(tl_json_get_text(it.value, "type"), "assert-create"))
            return true;
    return false;
}

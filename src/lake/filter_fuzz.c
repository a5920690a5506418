/* Any JSON as a filter of a scan: it is read or refused, and decides about a file, a partition and a manifest. */
#include "lake/filter.h"

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024 };

static const char schema_text[] =
    "{\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"id\",\"type\":\"long\"},{\"id\":2,\"name\":\"name\",\"type\":\"string\"},"
    "{\"id\":3,\"name\":\"x\",\"type\":\"double\"},{\"id\":4,\"name\":\"ts\",\"type\":\"timestamp\"},{\"id\":5,\"name\":\"d\",\"type\":\"decimal(10,2)\"},"
    "{\"id\":6,\"name\":\"s\",\"type\":{\"type\":\"struct\",\"fields\":[{\"id\":7,\"name\":\"u\",\"type\":\"uuid\"}]}}]}";
static const char spec_text[] = "{\"fields\":[{\"name\":\"a\",\"transform\":\"bucket[4]\",\"source-id\":1,\"field-id\":1000},"
                                "{\"name\":\"b\",\"transform\":\"truncate[2]\",\"source-id\":2,\"field-id\":1001},"
                                "{\"name\":\"c\",\"transform\":\"hour\",\"source-id\":4,\"field-id\":1002},"
                                "{\"name\":\"e\",\"transform\":\"identity\",\"source-id\":5,\"field-id\":1003}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
    struct tl_err err;
    struct tl_lake_schema schema;
    struct tl_lake_spec spec;
    struct tl_lake_type types[4];
    const tl_lake_filter *filter;
    const tl_json *schema_json, *spec_json, *json;
    struct tl_lake_value values[4] = {{.integer = 3}, {.bytes = TL_STR("al")}, {.is_null = true}, {.decimal = 1025}};
    struct tl_lake_bound bounds[] = {{1, TL_STR("\1\0\0\0\0\0\0\0")}, {2, TL_STR("alpha")}, {5, TL_STR("\4\1")}};
    struct tl_lake_count counts[] = {{1, 7}, {2, 0}};
    struct tl_lake_file file = {.lower = {bounds, 3}, .upper = {bounds, 3}, .null_counts = {counts, 2}, .value_counts = {counts, 2}};
    struct tl_lake_summary summaries[4] = {{.has_lower = true, .lower = TL_STR("\1\0\0\0")}, {.contains_null = true}};
    struct tl_lake_manifest manifest = {.partitions = summaries, .partition_count = 4};
    tl_err_init(&err);
    if (tl_json_parse(arena, schema_text, sizeof schema_text - 1, &schema_json, &err) == TL_OK &&
        tl_json_parse(arena, spec_text, sizeof spec_text - 1, &spec_json, &err) == TL_OK &&
        tl_lake_schema_describe(arena, schema_json, &schema, &err) == TL_OK && tl_lake_spec_describe(arena, spec_json, &spec, &err) == TL_OK &&
        tl_json_parse(arena, (const char *)data, size, &json, &err) == TL_OK &&
        tl_lake_filter_parse(arena, &schema, json, &filter, &err) == TL_OK) {
        tl_lake_spec_types(&spec, &schema, 1, types);
        (void)tl_lake_filter_file(filter, &file);
        (void)tl_lake_filter_partition(filter, &spec, types, values);
        (void)tl_lake_filter_manifest(filter, &spec, types, &manifest);
    }
    tl_arena_free(arena);
    return 0;
}

/* Scan planning of a large table: `plan_bench [FILES [MANIFESTS]]`, by default 100,000 files in 100 manifests, 20 columns' statistics
 * each.  Prints the time of a plan of everything, of one by bounds and of one by partition. */
#include <time.h>

#include "lake/plan_testing_int.h"

enum { COLUMNS = 20 };

static double now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void fill(struct world *world, struct tl_lake_entry *entry, int64_t number, int64_t partition)
{
    struct tl_lake_count *counts = TL_NEW_ARRAY(world->arena, struct tl_lake_count, COLUMNS);
    struct tl_lake_count *nulls = TL_NEW_ARRAY(world->arena, struct tl_lake_count, COLUMNS);
    struct tl_lake_bound *bounds = TL_NEW_ARRAY(world->arena, struct tl_lake_bound, COLUMNS);
    struct tl_lake_value *value = TL_NEW(world->arena, struct tl_lake_value);
    for (int i = 0; i < COLUMNS; i++) {
        int64_t *bytes = TL_NEW(world->arena, int64_t);
        *bytes = number;
        counts[i] = (struct tl_lake_count){i + 1, 1000};
        nulls[i] = (struct tl_lake_count){i + 1, 0};
        bounds[i] = (struct tl_lake_bound){i + 1, {(const char *)bytes, sizeof *bytes}};
    }
    value->integer = partition;
    *entry = (struct tl_lake_entry){
        .status = TL_LAKE_ADDED, .snapshot_id = 1, .sequence_number = -1, .file_sequence_number = -1,
        .file = {.path = tl_str_of(tl_arena_printf(world->arena, "%s/data/day=%lld/%08lld-0123456789abcdef.parquet", world->table.location,
                                                   (long long)partition, (long long)number)),
                 .format = TL_STR("PARQUET"), .partition = value, .record_count = 1000, .size_bytes = 1000000, .column_sizes = {counts, COLUMNS},
                 .value_counts = {counts, COLUMNS}, .null_counts = {nulls, COLUMNS}, .lower = {bounds, COLUMNS}, .upper = {bounds, COLUMNS},
                 .sort_order_id = 0, .first_row_id = -1, .content_offset = -1, .content_size = -1}};
}

static void plan(struct world *world, const char *what, const char *filter)
{
    tl_arena *arena = tl_arena_new(WORLD_ARENA_BYTES);
    struct tl_lake_plan plan;
    struct tl_lake_plan_request request = {.snapshot_id = 1, .filter = filter ? world_filter(world, filter) : NULL};
    double start = now_ms(CLOCK_MONOTONIC), cpu_start = now_ms(CLOCK_PROCESS_CPUTIME_ID);
    if (tl_lake_plan(world->objects, arena, &world->table, &request, &plan, &world->err) != TL_OK)
        fail_msg("%s", world->err.message);
    printf("%-14s %8.1f ms, %.1f ms of processor time: %zu files, %zu of %zu manifests read\n", what, now_ms(CLOCK_MONOTONIC) - start,
           now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_start, plan.count, plan.manifests_read, plan.manifests_total);
    tl_arena_free(arena);
}

static void measure(void **state)
{
    const long *sizes = *state;
    struct world *world = world_make("[{\"spec-id\":0,\"fields\":[{\"name\":\"day\",\"transform\":\"day\",\"source-id\":4,\"field-id\":1000}]}]");
    int64_t per = sizes[0] / sizes[1];
    struct tl_lake_entry *entries = TL_NEW_ARRAY(world->arena, struct tl_lake_entry, per);
    for (int64_t m = 0; m < sizes[1]; m++) {
        for (int64_t i = 0; i < per; i++)
            fill(world, &entries[i], m * per + i, m);
        world_manifest(world, 0, false, 5, entries, (size_t)per);
    }
    world_list(world);
    plan(world, "all files", NULL);
    plan(world, "by bounds", "{\"type\":\"eq\",\"term\":\"id\",\"value\":777}");
    plan(world, "by partition", "{\"type\":\"lt\",\"term\":\"ts\",\"value\":\"1970-01-02T00:00:00\"}");
    world_end(world);
}

int main(int argc, char **argv)
{
    long sizes[2] = {argc > 1 ? strtol(argv[1], NULL, 10) : 100000, argc > 2 ? strtol(argv[2], NULL, 10) : 100};
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(measure, sizes)};
    if (sizes[1] < 1 || sizes[1] > WORLD_LISTS_MAX || sizes[0] < sizes[1])
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

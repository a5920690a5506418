/* Which files are put together, and that the commit changes nothing but the files. */
#include "lake/plan_testing_int.h"
#include "lake/rewrite.h"

static const char specs[] = "[{\"spec-id\":0,\"fields\":[{\"name\":\"name\",\"transform\":\"identity\",\"source-id\":2,\"field-id\":1000}]}]";

static int set_up(void **state)
{
    *state = world_make(specs);
    return 0;
}

static int tear_down(void **state)
{
    world_end(*state);
    return 0;
}

/* A plan of files of these sizes, each in the partition of this name; a capital letter has deletes. */
static void plan_of(struct world *world, const char *partitions, const int64_t *sizes, struct tl_lake_plan *plan)
{
    size_t count = strlen(partitions);
    static const size_t first_delete[] = {0};
    plan->files = TL_NEW_ARRAY(world->arena, struct tl_lake_planned, count + 1);
    plan->count = count;
    for (size_t i = 0; i < count; i++) {
        struct tl_lake_value *value = TL_NEW(world->arena, struct tl_lake_value);
        bool deletes = partitions[i] < 'a';
        char *name = tl_arena_printf(world->arena, "%c", partitions[i] | 0x20);
        value->bytes = tl_str_of(name);
        plan->files[i] = (struct tl_lake_planned){.spec = world->table.spec, .deletes = first_delete, .delete_count = deletes,
                                                  .file = {.path = tl_str_of(name), .partition = value, .size_bytes = sizes[i], .record_count = 1}};
    }
}

/* "0 2|1 3": the files of each group. */
static void expect_groups(struct world *world, const char *partitions, const int64_t *sizes, const char *expected)
{
    struct tl_lake_plan plan = {0};
    struct tl_lake_rewrite_options options = {.small_bytes = 100, .target_bytes = 250, .least_files = 2};
    struct tl_lake_rewrite_group *groups;
    size_t count;
    struct tl_buf buf;
    tl_buf_init(&buf, 1000);
    plan_of(world, partitions, sizes, &plan);
    assert_int_equal(tl_lake_rewrite_choose(world->arena, &world->table, &plan, &options, &groups, &count, &world->err), TL_OK);
    for (size_t g = 0; g < count; g++) {
        int64_t bytes = 0;
        for (size_t i = 0; i < groups[g].count; i++) {
            tl_buf_addf(&buf, "%s%zu", i ? " " : g ? "|" : "", groups[g].files[i]);
            bytes += sizes[groups[g].files[i]];
        }
        assert_int_equal(groups[g].bytes, bytes);
        assert_int_equal(groups[g].records, groups[g].count);
    }
    assert_string_equal(tl_buf_cstr(&buf), expected);
    tl_buf_done(&buf);
}

static void test_small_files_of_one_partition_are_put_together(void **state)
{
    struct world *world = *state;
    expect_groups(world, "aaa", (const int64_t[]){10, 20, 30}, "0 1 2");
    expect_groups(world, "aba", (const int64_t[]){10, 20, 30}, "0 2"); /* one alone stays as it is */
    expect_groups(world, "abab", (const int64_t[]){10, 20, 30, 40}, "0 2|1 3");
    expect_groups(world, "aaaa", (const int64_t[]){99, 500, 99, 100}, "0 2"); /* large ones are left alone */
    expect_groups(world, "aaaaa", (const int64_t[]){90, 90, 90, 90, 90}, "0 1|2 3");
    expect_groups(world, "", (const int64_t[]){0}, "");
}

static void test_files_with_deletes_are_rewritten_even_alone_or_large(void **state)
{
    struct world *world = *state;
    expect_groups(world, "A", (const int64_t[]){10}, "0");
    expect_groups(world, "A", (const int64_t[]){1000}, "0");
    expect_groups(world, "aAb", (const int64_t[]){10, 200, 10}, "0 1");
    expect_groups(world, "AB", (const int64_t[]){10, 10}, "0|1");
}

static void test_a_partition_whose_values_are_too_large_is_refused_wherever_it_stands(void **state)
{
    enum { TOO_LARGE_BYTES = 17 * 1024 * 1024 };
    struct world *world = *state;
    struct tl_lake_rewrite_options options = {.small_bytes = 100, .target_bytes = 250, .least_files = 2};
    struct tl_lake_value large = {.bytes = {tl_arena_alloc(world->arena, TOO_LARGE_BYTES), TOO_LARGE_BYTES}};
    for (size_t at = 0; at < 3; at++) {
        struct tl_lake_plan plan = {0};
        struct tl_lake_rewrite_group *groups;
        size_t count;
        struct tl_err err;
        tl_err_init(&err);
        plan_of(world, "aaa", (const int64_t[]){10, 20, 30}, &plan);
        plan.files[at].file.partition = &large;
        assert_int_equal(tl_lake_rewrite_choose(world->arena, &world->table, &plan, &options, &groups, &count, &err), TL_TOO_LARGE);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_small_files_of_one_partition_are_put_together),
        TEST(test_files_with_deletes_are_rewritten_even_alone_or_large),
        TEST(test_a_partition_whose_values_are_too_large_is_refused_wherever_it_stands),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}

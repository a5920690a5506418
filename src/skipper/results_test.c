/* What a script gets of a result: names, numbers and parts.  The door's side is in tests/integration/test_skipper_tools.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "skipper/results_int.h"

static struct tl_results results;
static struct tl_result_entry *entry;

static int begin(void **state)
{
    (void)state;
    entry = tl_heap_alloc(sizeof *entry);
    tl_request_init(&entry->rq, tl_arena_new(16 << 20));
    results.limits = (struct tl_results_limits){.rows_max = 5};
    entry->results = &results;
    tl_buf_init(&entry->rows, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tl_buf_done(&entry->rows);
    free(entry->ends);
    tl_arena_free(entry->rq.arena);
    free(entry);
    return 0;
}

static void give(const char *const *names, size_t count)
{
    tl_arena *arena = entry->rq.arena;
    entry->fields = TL_NEW_ARRAY(arena, struct tl_field, count);
    entry->field_count = count;
    for (size_t i = 0; i < count; i++)
        entry->fields[i] = (struct tl_field){names[i], tl_type_simple(TL_TYPE_INT64)};
    tl_result_name_columns(entry);
}

static bool add(const int64_t *values, size_t rows)
{
    tl_arena *arena = entry->rq.arena;
    tl_batch_builder *builder = tl_batch_builder_new(arena, entry->fields, entry->field_count);
    for (size_t i = 0; i < rows * entry->field_count; i++)
        tl_batch_builder_int64(builder, values[i]);
    return tl_result_add_rows(entry, tl_batch_builder_finish(builder));
}

static void expect(struct tl_results_want want, const char *rows, size_t next)
{
    struct tl_str got;
    size_t left;
    want.rows = true;
    tl_result_slice(entry, &want, &got, &left);
    assert_int_equal(left, next);
    assert_int_equal(got.size, strlen(rows));
    assert_memory_equal(got.data, rows, got.size);
}

static void test_a_name_that_comes_again_gets_a_number(void **state)
{
    static const char *const names[] = {"a", "b", "a", "a_2", "a"};
    static const char *const given[] = {"a", "b", "a_2", "a_2_2", "a_3"};
    (void)state;
    give(names, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(entry->names[i], given[i]);
}

static void test_names_and_numbers_are_written_so_that_javascript_keeps_them(void **state)
{
    static const char *const names[] = {"a \"b\"", "n"};
    static const int64_t values[] = {1, 999999999999999, -2, 9007199254740993, 0, INT64_MIN};
    (void)state;
    give(names, 2);
    assert_true(add(values, 3));
    expect((struct tl_results_want){.rows_max = 9, .bytes_max = 9999},
           "{\"a \\\"b\\\"\":1,\"n\":999999999999999},{\"a \\\"b\\\"\":-2,\"n\":\"9007199254740993\"},{\"a \\\"b\\\"\":0,\"n\":\"-9223372036854775808\"}", 3);
}

static void test_parts_begin_and_end_at_rows_and_one_row_always_fits(void **state)
{
    static const char *const names[] = {"a"};
    static const int64_t values[] = {1, 2, 3, 4};
    (void)state;
    give(names, 1);
    assert_true(add(values, 4)); /* each is 7 bytes */
    expect((struct tl_results_want){.from = 0, .rows_max = 2, .bytes_max = 9999}, "{\"a\":1},{\"a\":2}", 2);
    expect((struct tl_results_want){.from = 2, .rows_max = 9, .bytes_max = 9999}, "{\"a\":3},{\"a\":4}", 4);
    expect((struct tl_results_want){.from = 1, .rows_max = 9, .bytes_max = 14}, "{\"a\":2}", 2);
    expect((struct tl_results_want){.from = 1, .rows_max = 9, .bytes_max = 15}, "{\"a\":2},{\"a\":3}", 3);
    expect((struct tl_results_want){.from = 3, .rows_max = 9, .bytes_max = 1}, "{\"a\":4}", 4);
    expect((struct tl_results_want){.from = 99, .rows_max = 9, .bytes_max = 9}, "", 4);
}

static void test_beyond_the_caps_nothing_is_kept(void **state)
{
    static const char *const names[] = {"a"};
    static const int64_t values[] = {1, 2, 3, 4, 5, 6};
    (void)state;
    give(names, 1);
    assert_true(add(values, 3));
    assert_false(add(values, 6));
    expect((struct tl_results_want){.rows_max = 9, .bytes_max = 9999}, "{\"a\":1},{\"a\":2},{\"a\":3},{\"a\":1},{\"a\":2}", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_name_that_comes_again_gets_a_number, begin, end),
        cmocka_unit_test_setup_teardown(test_names_and_numbers_are_written_so_that_javascript_keeps_them, begin, end),
        cmocka_unit_test_setup_teardown(test_parts_begin_and_end_at_rows_and_one_row_always_fits, begin, end),
        cmocka_unit_test_setup_teardown(test_beyond_the_caps_nothing_is_kept, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

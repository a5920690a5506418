#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/vector.h"

static tl_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = tl_arena_new(64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static struct tl_chunk *chunk_of(struct tl_type type)
{
    const struct tl_type *kept = memcpy(TL_NEW(arena, struct tl_type), &type, sizeof type);
    return tl_chunk_new(arena, &kept, 1);
}

static void test_texts_of_every_size_read_back(void **state)
{
    (void)state;
    struct tl_chunk *chunk = chunk_of(tl_type_simple(TL_TYPE_VARCHAR));
    struct tl_vector *vector = &chunk->columns[0];
    const char *text = "abcdefghijklmnopqrstuvwxyz";
    for (size_t size = 0; size <= 26; size++)
        assert_true(tl_vector_set_text(vector, size, text, size));
    for (size_t size = 0; size <= 26; size++) {
        assert_true(tl_str_equal(tl_vector_text(vector, size), (struct tl_str){text, size}));
        assert_false(tl_vector_is_null(vector, size));
    }
    assert_null(vector->validity);
}

static void test_short_texts_are_inline_and_padded_with_zeros(void **state)
{
    (void)state;
    struct tl_chunk *chunk = chunk_of(tl_type_simple(TL_TYPE_VARCHAR));
    struct tl_text *texts = chunk->columns[0].data;
    memset(texts, 0x55, sizeof *texts);
    assert_true(tl_vector_set_text(&chunk->columns[0], 0, "hello", 5));
    static const char expected[16] = {5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};
    assert_memory_equal(texts, expected, sizeof expected);
}

static void test_nulls_are_counted_row_by_row(void **state)
{
    (void)state;
    struct tl_chunk *chunk = chunk_of(tl_type_simple(TL_TYPE_INT64));
    struct tl_vector *vector = &chunk->columns[0];
    tl_vector_set_null(vector, 0);
    tl_vector_set_null(vector, 64);
    tl_vector_set_null(vector, TL_VECTOR_ROWS_MAX - 1);
    for (size_t row = 0; row < TL_VECTOR_ROWS_MAX; row++)
        assert_int_equal(tl_vector_is_null(vector, row), row == 0 || row == 64 || row == TL_VECTOR_ROWS_MAX - 1);
}

static void test_null_row_has_null_fields(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b"};
    static struct tl_type children[2];
    children[0] = tl_type_simple(TL_TYPE_INT32);
    children[1] = tl_type_simple(TL_TYPE_VARCHAR);
    struct tl_chunk *chunk =
        chunk_of((struct tl_type){.id = TL_TYPE_STRUCT, .child_count = 2, .children = children, .child_names = names});
    struct tl_vector *row = &chunk->columns[0];
    tl_vector_set_null(row, 7);
    assert_true(tl_vector_is_null(&row->children[0], 7));
    assert_true(tl_vector_is_null(&row->children[1], 7));
    assert_false(tl_vector_is_null(&row->children[1], 6));
}

static void test_lists_grow_beyond_one_chunk_of_children(void **state)
{
    (void)state;
    struct tl_chunk *chunk = chunk_of(tl_type_list(arena, tl_type_simple(TL_TYPE_INT64)));
    struct tl_vector *list = &chunk->columns[0];
    for (size_t row = 0; row < 100; row++) {
        uint64_t first = list->child_rows;
        struct tl_vector *child = tl_vector_add_list(list, row, 100);
        assert_non_null(child);
        for (uint64_t i = 0; i < 100; i++)
            ((int64_t *)child->data)[first + i] = (int64_t)(row * 1000 + i);
        tl_vector_set_null(child, first + 99);
    }
    assert_int_equal(list->child_rows, 10000);
    const struct tl_span *spans = list->data;
    const struct tl_vector *child = &list->children[0];
    for (size_t row = 0; row < 100; row++) {
        assert_int_equal(spans[row].count, 100);
        assert_int_equal(((int64_t *)child->data)[spans[row].offset + 5], row * 1000 + 5);
        assert_false(tl_vector_is_null(child, spans[row].offset + 98));
        assert_true(tl_vector_is_null(child, spans[row].offset + 99));
    }
}

static void test_maps_hold_rows_of_key_and_value(void **state)
{
    (void)state;
    struct tl_type map = tl_type_map(arena, tl_type_simple(TL_TYPE_VARCHAR), tl_type_simple(TL_TYPE_INT32));
    struct tl_chunk *chunk = chunk_of(map);
    struct tl_vector *entries = tl_vector_add_list(&chunk->columns[0], 0, 5000);
    assert_non_null(entries);
    assert_int_equal(entries->type->id, TL_TYPE_STRUCT);
    for (size_t i = 0; i < 5000; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "a rather long key %zu", i);
        assert_true(tl_vector_set_text(&entries->children[0], i, text, (size_t)size));
        ((int32_t *)entries->children[1].data)[i] = (int32_t)i;
    }
    assert_true(tl_str_equal(tl_vector_text(&entries->children[0], 4999), TL_STR("a rather long key 4999")));
}

static void test_reset_forgets_nulls_and_children(void **state)
{
    (void)state;
    struct tl_chunk *chunk = chunk_of(tl_type_list(arena, tl_type_simple(TL_TYPE_VARCHAR)));
    struct tl_vector *child = tl_vector_add_list(&chunk->columns[0], 0, 3);
    assert_non_null(child);
    tl_vector_set_null(child, 1);
    chunk->row_count = 1;
    tl_chunk_reset(chunk);
    assert_int_equal(chunk->row_count, 0);
    assert_int_equal(chunk->columns[0].child_rows, 0);
    assert_null(child->validity);
    tl_vector_set_null(child, 2);
    assert_false(tl_vector_is_null(child, 1));
}

static void test_children_without_bound_are_refused(void **state)
{
    (void)state;
    struct tl_chunk *chunk = chunk_of(tl_type_list(arena, tl_type_simple(TL_TYPE_INT8)));
    assert_null(tl_vector_add_list(&chunk->columns[0], 0, UINT64_MAX));
    assert_null(tl_vector_add_list(&chunk->columns[0], 0, UINT64_C(1) << 40));
    assert_int_equal(chunk->columns[0].child_rows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_of_every_size_read_back),
        cmocka_unit_test(test_short_texts_are_inline_and_padded_with_zeros),
        cmocka_unit_test(test_nulls_are_counted_row_by_row),
        cmocka_unit_test(test_null_row_has_null_fields),
        cmocka_unit_test(test_lists_grow_beyond_one_chunk_of_children),
        cmocka_unit_test(test_maps_hold_rows_of_key_and_value),
        cmocka_unit_test(test_reset_forgets_nulls_and_children),
        cmocka_unit_test(test_children_without_bound_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

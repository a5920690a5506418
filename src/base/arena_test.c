#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 30);
    unsigned char *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * i % 5000;
        blocks[i] = tl_arena_alloc(arena, size);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(blocks[i][k], 0);
        memset(blocks[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i * i % 5000; k++)
            assert_int_equal(blocks[i][k], i);
    tl_arena_free(arena);
}

static void test_nothing_has_an_address_of_its_own(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1024);
    assert_ptr_not_equal(tl_arena_alloc(arena, 0), tl_arena_alloc(arena, 0));
    tl_arena_free(arena);
}

static void test_last_block_grows_in_place(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 20);
    char *text = tl_arena_strdup(arena, "abc");
    char *grown = tl_arena_grow(arena, text, 4, 100);
    assert_ptr_equal(grown, text);
    assert_string_equal(grown, "abc");
    assert_int_equal(grown[99], 0);
    tl_arena_alloc(arena, 1);
    char *moved = tl_arena_grow(arena, grown, 100, 200);
    assert_ptr_not_equal(moved, grown);
    assert_string_equal(moved, "abc");
    assert_int_equal(moved[199], 0);
    tl_arena_free(arena);
}

static void test_growing_step_by_step_keeps_every_byte(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 30);
    size_t size = 0;
    unsigned char *block = NULL;
    for (size_t next = 1; next < 2000000; next = next * 3 / 2 + 1) {
        block = tl_arena_grow(arena, block, size, next);
        for (size_t i = size; i < next; i++) {
            assert_int_equal(block[i], 0);
            block[i] = (unsigned char)(i * 7);
        }
        size = next;
    }
    for (size_t i = 0; i < size; i++)
        if (block[i] != (unsigned char)(i * 7))
            fail_msg("byte %zu", i);
    tl_arena_free(arena);
}

static char order[8];

static void note(void *context)
{
    strncat(order, context, sizeof order - strlen(order) - 1);
}

static void test_deferred_calls_run_last_first(void **state)
{
    (void)state;
    static char a[] = "a", b[] = "b", c[] = "c";
    order[0] = '\0';
    tl_arena *arena = tl_arena_new(1024);
    tl_arena_defer(arena, note, a);
    tl_arena_defer(arena, note, b);
    tl_arena_reset(arena);
    assert_string_equal(order, "ba");
    tl_arena_defer(arena, note, c);
    tl_arena_free(arena);
    assert_string_equal(order, "bac");
}

static void test_limit_is_reported_and_memory_still_served(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1000);
    struct tl_err err;
    tl_err_init(&err);
    tl_arena_alloc(arena, 900);
    assert_int_equal(tl_arena_check(arena, "a thing", &err), TL_OK);
    memset(tl_arena_alloc(arena, 5000), 1, 5000);
    assert_int_equal(tl_arena_check(arena, "a thing", &err), TL_TOO_LARGE);
    assert_string_equal(err.message, "a thing needs more than 1000 bytes of memory");
    tl_arena_reset(arena);
    tl_err_init(&err);
    assert_int_equal(tl_arena_used(arena), 0);
    assert_int_equal(tl_arena_check(arena, "a thing", &err), TL_OK);
    tl_arena_free(arena);
}

static void test_reset_gives_fresh_memory(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 20);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 100; i++) {
            char *bytes = tl_arena_alloc(arena, 1000);
            assert_int_equal(bytes[999], 0);
            memset(bytes, 0xEE, 1000);
        }
        tl_arena_reset(arena);
    }
    tl_arena_free(arena);
}

static void test_texts_are_copied(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 20);
    assert_null(tl_arena_strdup(arena, NULL));
    assert_string_equal(tl_arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(tl_arena_strndup(arena, NULL, 0), "");
    assert_string_equal(tl_arena_printf(arena, "%s-%d", "x", 7), "x-7");
    assert_string_equal(tl_arena_printf(arena, "%s", ""), "");
    tl_arena_free(arena);
    assert_null(tl_arena_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(test_nothing_has_an_address_of_its_own),
        cmocka_unit_test(test_last_block_grows_in_place),
        cmocka_unit_test(test_growing_step_by_step_keeps_every_byte),
        cmocka_unit_test(test_deferred_calls_run_last_first),
        cmocka_unit_test(test_limit_is_reported_and_memory_still_served),
        cmocka_unit_test(test_reset_gives_fresh_memory),
        cmocka_unit_test(test_texts_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

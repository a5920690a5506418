/* What was read is had again, within its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lake/lake_int.h"

static bool has(struct tl_lake_cache *cache, const char *location, const char *bytes)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 64 << 20);
    bool found = tl_lake_cache_get(cache, location, &buf);
    if (found && bytes)
        assert_string_equal(tl_buf_cstr(&buf), bytes);
    tl_buf_done(&buf);
    return found;
}

static void test_what_was_put_is_had_again(void **state)
{
    (void)state;
    struct tl_lake_cache *cache = tl_lake_cache_new();
    assert_false(has(cache, "s3://b/1", NULL));
    tl_lake_cache_put(cache, "s3://b/1", TL_STR("one"));
    tl_lake_cache_put(cache, "s3://b/2", TL_STR("two"));
    tl_lake_cache_put(cache, "s3://b/1", TL_STR("one"));
    assert_true(has(cache, "s3://b/1", "one"));
    assert_true(has(cache, "s3://b/2", "two"));
    assert_int_equal(tl_lake_cache_bytes(cache), 6);
    assert_false(has(NULL, "s3://b/1", NULL));
    tl_lake_cache_put(NULL, "s3://b/1", TL_STR("one"));
    tl_lake_cache_free(cache);
}

static void test_the_one_used_longest_ago_goes_first(void **state)
{
    (void)state;
    struct tl_lake_cache *cache = tl_lake_cache_new();
    size_t size = 15 << 20;
    char *bytes = calloc(1, 20 << 20), location[32];
    for (int i = 0; i < 4; i++) {
        snprintf(location, sizeof location, "s3://b/%d", i);
        tl_lake_cache_put(cache, location, (struct tl_str){bytes, size});
    }
    assert_true(has(cache, "s3://b/0", NULL));
    tl_lake_cache_put(cache, "s3://b/new", (struct tl_str){bytes, size});
    assert_true(has(cache, "s3://b/0", NULL));
    assert_false(has(cache, "s3://b/1", NULL));
    tl_lake_cache_put(cache, "s3://b/huge", (struct tl_str){bytes, 20 << 20});
    assert_false(has(cache, "s3://b/huge", NULL));
    assert_true(tl_lake_cache_bytes(cache) <= (64u << 20));
    for (int i = 0; i < 3000; i++) {
        snprintf(location, sizeof location, "s3://b/small%d", i);
        tl_lake_cache_put(cache, location, TL_STR("x"));
    }
    assert_true(has(cache, "s3://b/small2999", "x"));
    assert_false(has(cache, "s3://b/small0", NULL));
    free(bytes);
    tl_lake_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_was_put_is_had_again), cmocka_unit_test(test_the_one_used_longest_ago_goes_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

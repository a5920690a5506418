/* Server-sent events: the examples of the WHATWG text, each read whole, byte by byte and in pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "data/sse.h"

/* Everything read, as "name=data|name=data|". */
static enum tl_code read_all(const char *text, size_t size, size_t step, size_t data_bytes_max, struct tl_buf *into)
{
    struct tl_sse sse;
    struct tl_sse_event event;
    struct tl_err err;
    bool found = true;
    tl_err_init(&err);
    tl_sse_init(&sse, data_bytes_max);
    enum tl_code code = TL_OK;
    for (size_t at = 0; at < size && code == TL_OK; at += step) {
        tl_sse_feed(&sse, (struct tl_str){text + at, at + step > size ? size - at : step});
        while ((code = tl_sse_next(&sse, &event, &found, &err)) == TL_OK && found)
            tl_buf_addf(into, "%s=%.*s|", event.name, (int)event.data.size, event.data.data);
    }
    if (code == TL_OK && (code = tl_sse_finish(&sse, &event, &found, &err)) == TL_OK && found)
        tl_buf_addf(into, "%s=%.*s|", event.name, (int)event.data.size, event.data.data);
    tl_sse_done(&sse);
    return code;
}

static void assert_reads(const char *text, const char *expected)
{
    struct tl_buf got;
    tl_buf_init(&got, 1 << 16);
    size_t size = strlen(text);
    for (size_t step = 1; step <= size; step++) {
        tl_buf_clear(&got);
        assert_int_equal(read_all(text, size, step, 1000, &got), TL_OK);
        assert_string_equal(tl_buf_cstr(&got), expected);
    }
    tl_buf_done(&got);
}

static void test_the_examples_of_the_standard_read_as_it_says(void **state)
{
    (void)state;
    assert_reads("data: YHOO\ndata: +2\ndata: 10\n\n", "message=YHOO\n+2\n10|");
    assert_reads(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                 "message=first event|message=second event|message= third event|");
    assert_reads("data\n\ndata\ndata\n\n", "message=|message=\n|");
    assert_reads("data:test\n\ndata: test\n\n", "message=test|message=test|");
    assert_reads("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", "add=73857293|remove=2153|");
}

static void test_lines_end_with_any_of_the_three_ends(void **state)
{
    (void)state;
    assert_reads("data: a\r\ndata: b\r\n\r\ndata: c\r\rdata: d\n\r\ndata: e\n\n", "message=a\nb|message=c|message=d|message=e|");
}

static void test_a_byte_order_mark_is_skipped_once_and_names_do_not_outlive_their_event(void **state)
{
    (void)state;
    assert_reads("\xEF\xBB\xBF" "data: a\n\nevent: x\n\ndata: b\n\n", "message=a|message=b|");
    assert_reads("data: a\n\n\xEF\xBB\xBF" "data: b\n\n", "message=a|");
}

static void test_an_event_that_the_end_cuts_is_given_at_the_end(void **state)
{
    (void)state;
    assert_reads("data: a\n\ndata: [DONE]", "message=a|message=[DONE]|");
    assert_reads("data: a\n\ndata: [DONE]\n", "message=a|message=[DONE]|");
}

static void test_an_event_over_the_bound_ends_the_reading(void **state)
{
    (void)state;
    enum { SIZE = 5000 };
    static char text[SIZE];
    struct tl_buf got;
    tl_buf_init(&got, 1 << 16);
    memset(text, 'x', sizeof text);
    memcpy(text, "data: ", 6);
    for (size_t step = 1; step < SIZE; step += 997)
        assert_int_equal(read_all(text, SIZE, step, 1000, &got), TL_TOO_LARGE);
    for (size_t at = 0; at + 10 <= SIZE; at += 10)
        memcpy(text + at, "data: abc\n", 10); /* many lines, none long, no end */
    assert_int_equal(read_all(text, SIZE, 10, 1000, &got), TL_TOO_LARGE);
    assert_int_equal(got.size, 0);
    tl_buf_done(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples_of_the_standard_read_as_it_says),
        cmocka_unit_test(test_lines_end_with_any_of_the_three_ends),
        cmocka_unit_test(test_a_byte_order_mark_is_skipped_once_and_names_do_not_outlive_their_event),
        cmocka_unit_test(test_an_event_that_the_end_cuts_is_given_at_the_end),
        cmocka_unit_test(test_an_event_over_the_bound_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

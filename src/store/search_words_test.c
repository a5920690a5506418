/* What the words of names and texts are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "store/search_words.h"

static void expect(struct tl_str text, const char *surfaces, const char *stems)
{
    struct tl_buf got, got_stems;
    struct tl_search_word word;
    tl_buf_init(&got, 4096);
    tl_buf_init(&got_stems, 4096);
    for (struct tl_search_words it = {text, 0}; tl_search_words_next(&it, &word);) {
        assert_true(word.size > 0 && word.offset + word.size <= text.size);
        tl_buf_addf(&got, "%s%s", got.size ? " " : "", word.surface);
    }
    tl_search_words_put(&got_stems, text);
    assert_string_equal(tl_buf_cstr(&got), surfaces);
    if (stems)
        assert_string_equal(tl_buf_cstr(&got_stems), stems);
    tl_buf_done(&got);
    tl_buf_done(&got_stems);
}

static void test_names_are_split_where_people_see_words(void **state)
{
    (void)state;
    expect(TL_STR("customer_id"), "customer id", NULL);
    expect(TL_STR("customerId"), "customer id", NULL);
    expect(TL_STR("CustomerID"), "customer id", NULL);
    expect(TL_STR("HTTPServerLog"), "http server log", NULL);
    expect(TL_STR("accountIDs"), "account ids", NULL);
    expect(TL_STR("dim.customers-2024"), "dim customers 2024", NULL);
    expect(TL_STR("sha256Sum"), "sha256 sum", NULL);
    expect(TL_STR(" __ "), "", "");
    expect(TL_STR(""), "", "");
}

static void test_case_and_accents_do_not_matter(void **state)
{
    (void)state;
    expect(TL_STR("Über Café ŁÓDŹ"), "uber cafe lodz", NULL);
    expect(TL_STR("ΩΜΈΓΑ ПРИВЕТ Ё"), "ωμΈγα привет ё", NULL);
    expect(TL_STR("a×b"), "a b", NULL);
}

static void test_an_ideograph_is_a_word_by_itself(void **state)
{
    (void)state;
    expect(TL_STR("顧客 table"), "顧 客 table", NULL);
    expect(TL_STR("ab顧c"), "ab 顧 c", NULL);
}

static void test_bytes_that_are_no_text_stand_between_words(void **state)
{
    (void)state;
    expect(TL_STR("ab\xFF" "cd\xC3"), "ab cd", NULL);
    expect(TL_STR("ab\xED\xA0\x80" "cd"), "ab cd", NULL);
    expect(TL_STR("a\0b"), "a b", NULL);
}

static void test_endings_of_number_and_tense_are_one_family(void **state)
{
    (void)state;
    expect(TL_STR("customers categories addresses boxes"), "customers categories addresses boxes", "customer category address box");
    expect(TL_STR("billed billing bills bill"), "billed billing bills bill", "bill bill bill bill");
    expect(TL_STR("shipped shipping ships"), "shipped shipping ships", "ship ship ship");
    expect(TL_STR("allocate allocated allocation"), "allocate allocated allocation", "allocat allocat allocat");
    expect(TL_STR("price prices pricing"), "price prices pricing", "pric pric pric");
}

static void test_short_words_and_numbers_stay_as_they_are(void **state)
{
    (void)state;
    expect(TL_STR("status aws id is bus string need session feed gas"), "status aws id is bus string need session feed gas",
           "status aws id is bus string need session feed gas");
    expect(TL_STR("ipv4s 2020s"), "ipv4s 2020s", "ipv4s 2020s");
}

static void test_a_long_word_is_looked_at_so_far(void **state)
{
    (void)state;
    char text[1000];
    struct tl_search_word word;
    memset(text, 'x', sizeof text);
    struct tl_search_words it = {{text, sizeof text}, 0};
    assert_true(tl_search_words_next(&it, &word));
    assert_int_equal(word.size, sizeof text);
    assert_true(strlen(word.surface) <= TL_SEARCH_WORD_MAX && strlen(word.surface) > TL_SEARCH_WORD_MAX - 4);
    assert_false(tl_search_words_next(&it, &word));
}

static void test_a_name_in_one_piece_has_no_gaps(void **state)
{
    (void)state;
    struct tl_buf buf;
    tl_buf_init(&buf, 100);
    tl_search_words_join(&buf, TL_STR("dim_Customers"));
    assert_string_equal(tl_buf_cstr(&buf), "dimcustomer");
    tl_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_split_where_people_see_words),
        cmocka_unit_test(test_case_and_accents_do_not_matter),
        cmocka_unit_test(test_an_ideograph_is_a_word_by_itself),
        cmocka_unit_test(test_bytes_that_are_no_text_stand_between_words),
        cmocka_unit_test(test_endings_of_number_and_tense_are_one_family),
        cmocka_unit_test(test_short_words_and_numbers_stay_as_they_are),
        cmocka_unit_test(test_a_long_word_is_looked_at_so_far),
        cmocka_unit_test(test_a_name_in_one_piece_has_no_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

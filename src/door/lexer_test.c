#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "door/lexer.h"

/* The tokens of a text, each with a letter for its kind, blanks between. */
static void check(const char *text, const char *expected)
{
    static const char kinds[] = {
        [TL_TOKEN_END] = '.',    [TL_TOKEN_WORD] = 'w',      [TL_TOKEN_IDENTIFIER] = 'i', [TL_TOKEN_STRING] = 's',
        [TL_TOKEN_NUMBER] = 'n', [TL_TOKEN_PARAMETER] = 'p', [TL_TOKEN_SYMBOL] = 'o',     [TL_TOKEN_BAD] = '!'};
    struct tl_lexer lexer = {tl_str_of(text), 0};
    struct tl_buf out;
    tl_buf_init(&out, 4096);
    for (int i = 0; i < 100; i++) {
        struct tl_token token = tl_lexer_next(&lexer);
        if (token.kind == TL_TOKEN_END)
            break;
        tl_buf_addf(&out, "%s%c:%.*s", i ? " " : "", kinds[token.kind], (int)token.size, text + token.offset);
    }
    assert_string_equal(tl_buf_cstr(&out), expected);
    tl_buf_done(&out);
}

static void test_words_and_symbols(void **state)
{
    (void)state;
    check("SELECT a.b,c1$ FROM _t", "w:SELECT w:a o:. w:b o:, w:c1$ w:FROM w:_t");
    check("a<=b AND c=>d", "w:a o:<= w:b w:AND w:c o:=> w:d");
    check("\xc3\xa4 = 1", "w:\xc3\xa4 o:= n:1");
    check("[1]{2}(3);#4", "o:[ n:1 o:] o:{ n:2 o:} o:( n:3 o:) o:; o:# n:4");
}

static void test_quotes_hide_everything(void **state)
{
    (void)state;
    check("'a''b' \"c\"\"d\"", "s:'a''b' i:\"c\"\"d\"");
    check("'a -- b' /* ' */ 1", "s:'a -- b' n:1");
    check("E'a\\'b' e'\\\\' X'00' n'x' u&'x' U&\"y\"", "s:E'a\\'b' s:e'\\\\' s:X'00' s:n'x' s:u&'x' i:U&\"y\"");
    check("'a\\' b", "s:'a\\' w:b");
    check("$$a'b$$ $t$ $$ $u$ $t$ c", "s:$$a'b$$ s:$t$ $$ $u$ $t$ w:c");
}

static void test_comments_nest(void **state)
{
    (void)state;
    check("a /* b /* c */ d */ e -- f\ng", "w:a w:e w:g");
    check("a--b\rc", "w:a w:c");
    check("a+/* x */b", "w:a o:+ w:b");
    check("a+--x\nb", "w:a o:+ w:b");
    check("1/**/2", "n:1 n:2");
}

static void test_numbers_as_the_engine_cuts_them(void **state)
{
    (void)state;
    check("1.5e-3 .5 1e 1_000 1..2 5.", "n:1.5e-3 n:.5 n:1 w:e n:1_000 n:1 o:.. n:2 n:5.");
    check("a.1", "w:a n:.1");
}

static void test_parameters(void **state)
{
    (void)state;
    check("? ?12 $1 $name $1$", "p:? p:?12 p:$1 p:$name p:$1 !:$");
}

static void test_what_does_not_end_is_bad(void **state)
{
    (void)state;
    check("'abc", "!:'abc");
    check("\"abc", "!:\"abc");
    check("a /* b", "w:a !: /* b");
    check("$a$ b", "!:$a$ b");
    check("a \x01 b", "w:a !:\x01 w:b");
}

static void test_names_and_texts_lose_their_quotes(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 16);
    struct tl_str sql = TL_STR("\"a\"\"b\" 'c''d' E'x' Bare U&\"x\"");
    struct tl_lexer lexer = {sql, 0};
    struct tl_str text;
    assert_string_equal(tl_token_name(arena, sql, tl_lexer_next(&lexer)), "a\"b");
    assert_true(tl_token_text(arena, sql, tl_lexer_next(&lexer), &text));
    assert_string_equal(text.data, "c'd");
    assert_false(tl_token_text(arena, sql, tl_lexer_next(&lexer), &text));
    assert_string_equal(tl_token_name(arena, sql, tl_lexer_next(&lexer)), "Bare");
    assert_null(tl_token_name(arena, sql, tl_lexer_next(&lexer)));
    tl_arena_free(arena);
}

static void test_wide_blanks_become_plain_outside_quotes(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 16);
    struct tl_str plain = tl_lexer_plain_spaces(arena, TL_STR("a\xc2\xa0"
                                                              "b '\xc2\xa0' \xe3\x80\x80"
                                                              "c"));
    assert_int_equal(plain.size, 14);
    assert_memory_equal(plain.data, "a  b '\xc2\xa0'    c", 14);
    struct tl_str same = TL_STR("a \xc3\xa4");
    assert_ptr_equal(tl_lexer_plain_spaces(arena, same).data, same.data);
    tl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_and_symbols),
        cmocka_unit_test(test_quotes_hide_everything),
        cmocka_unit_test(test_comments_nest),
        cmocka_unit_test(test_numbers_as_the_engine_cuts_them),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_what_does_not_end_is_bad),
        cmocka_unit_test(test_names_and_texts_lose_their_quotes),
        cmocka_unit_test(test_wide_blanks_become_plain_outside_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_int.h"

static const char columns_json[] =
    "[{\"name\":\"id\",\"type\":\"bigint\"},{\"name\":\"name\",\"type\":\"varchar\"},{\"name\":\"tags\",\"type\":\"array(varchar)\"}]";

static void expect(enum tl_cli_form form, const char *rows, const char *wanted)
{
    tl_arena *arena = tl_arena_new(1 << 20);
    struct tl_err err;
    tl_err_init(&err);
    const tl_json *columns, *list;
    assert_int_equal(tl_json_parse(arena, columns_json, sizeof columns_json - 1, &columns, &err), TL_OK);
    assert_int_equal(tl_json_parse(arena, rows, strlen(rows), &list, &err), TL_OK);
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    setenv("NO_COLOR", "1", 1);
    tl_cli_printer *printer = tl_cli_printer_new(to, form);
    tl_cli_printer_columns(printer, columns);
    for (struct tl_json_iter row = tl_json_iter(list); tl_json_next(&row);)
        assert_true(tl_cli_printer_row(printer, row.value));
    assert_int_equal(tl_cli_printer_end(printer, true), (int64_t)tl_json_count(list));
    fclose(to);
    assert_string_equal(text, wanted);
    free(text);
    tl_arena_free(arena);
}

static void test_csv_quotes_what_needs_it_and_tells_null_from_empty(void **state)
{
    (void)state;
    expect(TL_CLI_CSV, "[[1,\"a,b\",[\"x\"]],[9223372036854775807,\"say \\\"hi\\\"\",null],[null,\"\",[]]]",
           "id,name,tags\n1,\"a,b\",\"[\"\"x\"\"]\"\n9223372036854775807,\"say \"\"hi\"\"\",\n,\"\",[]\n");
}

static void test_csv_of_no_rows_has_its_header(void **state)
{
    (void)state;
    expect(TL_CLI_CSV, "[]", "id,name,tags\n");
}

static void test_json_is_one_array_of_objects(void **state)
{
    (void)state;
    expect(TL_CLI_JSON, "[[1,\"a\",null],[2,\"b\",[\"x\"]]]",
           "[\n {\"id\":1,\"name\":\"a\",\"tags\":null},\n {\"id\":2,\"name\":\"b\",\"tags\":[\"x\"]}\n]\n");
    expect(TL_CLI_JSON, "[]", "[]\n");
}

static void test_jsonl_is_an_object_a_line(void **state)
{
    (void)state;
    expect(TL_CLI_JSONL, "[[1,\"a\",null]]", "{\"id\":1,\"name\":\"a\",\"tags\":null}\n");
}

static void test_markdown_aligns_numbers_right(void **state)
{
    (void)state;
    expect(TL_CLI_MARKDOWN, "[[1,\"a\",null],[20,\"bcd\",null]]",
           "| id | name | tags |\n| -: | ---- | ---- |\n|  1 | a    | NULL |\n| 20 | bcd  | NULL |\n");
}

static void test_table_shows_control_characters_as_escapes(void **state)
{
    (void)state;
    expect(TL_CLI_TABLE, "[[1,\"a\\nb\\u001b[31m\",null]]",
           " id │ name         │ tags\n────┼──────────────┼──────\n  1 │ a\\nb\\x1b[31m │ NULL\n");
}

static void test_table_counts_wide_characters_twice(void **state)
{
    (void)state;
    expect(TL_CLI_TABLE, "[[1,\"\xE6\xBC\xA2\xE5\xAD\x97\",null],[2,\"ab\",null]]",
           " id │ name │ tags\n────┼──────┼──────\n  1 │ \xE6\xBC\xA2\xE5\xAD\x97 │ NULL\n  2 │ ab   │ NULL\n");
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_quotes_what_needs_it_and_tells_null_from_empty),
        cmocka_unit_test(test_csv_of_no_rows_has_its_header),
        cmocka_unit_test(test_json_is_one_array_of_objects),
        cmocka_unit_test(test_jsonl_is_an_object_a_line),
        cmocka_unit_test(test_markdown_aligns_numbers_right),
        cmocka_unit_test(test_table_shows_control_characters_as_escapes),
        cmocka_unit_test(test_table_counts_wide_characters_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The gate over what the engine's real parser makes of a text: tests/cases/door/gate.txt, and the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "door/gate.h"
#include "door/statement.h"
#include "engines/duckdb/hooks.h"

static const struct tl_gate_limits limits = {.nodes_max = 50000, .depth_max = 150, .terms_max = 250};

/* As the door does it: clean, read the head, parse, gate. */
static enum tl_code run(tl_arena *arena, struct tl_str sql, const struct tl_gate **ret_gate, struct tl_err *err)
{
    struct tl_str text;
    struct tl_statement statement;
    enum tl_code code = tl_statement_clean(arena, sql, 1 << 20, 100000, &text, err);
    if (code == TL_OK)
        code = tl_statement_read(arena, text, &statement, err);
    if (code != TL_OK)
        return code;
    if (statement.kind == TL_STATEMENT_EXPLAIN)
        text = statement.inner;
    struct tl_buf json;
    tl_buf_init(&json, 256 << 20);
    code = tl_hooks_parse(text.data, text.size, &json, err);
    const tl_json *ast = NULL;
    if (code == TL_OK)
        code = tl_json_parse(arena, json.data, json.size, &ast, err);
    if (code == TL_OK)
        code = tl_gate_check(arena, &limits, text, ast, ret_gate, err);
    tl_buf_done(&json);
    return code;
}

static enum tl_code run_text(const char *sql, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(1 << 30);
    const struct tl_gate *gate;
    tl_err_init(err);
    enum tl_code code = run(arena, tl_str_of(sql), &gate, err);
    tl_arena_free(arena);
    return code;
}

static void test_every_case_gets_its_code(void **state)
{
    (void)state;
    FILE *file = fopen(CASES "/gate.txt", "r");
    assert_non_null(file);
    char *line = NULL;
    size_t capacity = 0;
    int cases = 0, wrong = 0, number = 0;
    while (getline(&line, &capacity, file) > 0) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        char *tab = strchr(line, '\t');
        if (line[0] == '#' || !tab)
            continue;
        *tab = '\0';
        struct tl_err err;
        enum tl_code code = run_text(tab + 1, &err);
        cases++;
        if (strcmp(tl_code_info(code)->name, line) != 0) {
            wrong++;
            print_message("line %d: expected %s, got %s (%s): %s\n", number, line, tl_code_info(code)->name,
                          err.message, tab + 1);
        }
    }
    free(line);
    fclose(file);
    assert_int_equal(wrong, 0);
    assert_true(cases > 200);
}

static char *repeated(const char *head, const char *piece, int count, const char *tail)
{
    size_t size = strlen(head) + strlen(piece) * (size_t)count + strlen(tail) + 1;
    char *text = malloc(size);
    char *end = stpcpy(text, head);
    for (int i = 0; i < count; i++)
        end = stpcpy(end, piece);
    stpcpy(end, tail);
    return text;
}

static void check_limit(const char *head, const char *piece, int count, const char *tail, enum tl_code expected)
{
    char *text = repeated(head, piece, count, tail);
    struct tl_err err;
    int64_t start = tl_clock_monotonic_us();
    enum tl_code code = run_text(text, &err);
    int64_t elapsed_us = tl_clock_monotonic_us() - start;
    if (code != expected)
        print_message("%s%s... x %d: %s, %s\n", head, piece, count, tl_code_info(code)->name, err.message);
    free(text);
    assert_int_equal(code, expected);
    if (elapsed_us >= 3000000)
        fail_msg("%s%s... x %d took %d ms", head, piece, count, (int)(elapsed_us / 1000));
}

static void test_long_chains_are_refused(void **state)
{
    (void)state;
    check_limit("select 1", "+1", 200, "", TL_OK);
    check_limit("select 1", "+1", 900, "", TL_TOO_LARGE);
    check_limit("select 1", "+1", 20000, "", TL_TOO_LARGE);
    check_limit("select 'a'", "||'a'", 900, "", TL_TOO_LARGE);
    check_limit("select 1",
                ", 1"
                "+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1",
                500, "", TL_OK);
}

static void test_many_middle_chains_are_refused(void **state)
{
    (void)state;
    char *chain = repeated(", 1", "+1", 240, "");
    check_limit("select 1", chain, 2, "", TL_OK);
    check_limit("select 1", chain, 20, "", TL_TOO_LARGE);
    free(chain);
}

static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    check_limit("select ", "[", 100, "1", TL_SYNTAX);
    check_limit("select ", "abs(", 900, "1", TL_SYNTAX);
    check_limit("select ", "(select ", 300, "1", TL_SYNTAX);
    check_limit("select ", "not ", 300, "true", TL_TOO_LARGE);
    check_limit("select ", "- ", 300, "i from t", TL_TOO_LARGE);
}

static void test_wide_lists_pass_up_to_the_limit(void **state)
{
    (void)state;
    check_limit("select 1 in (1", ",1", 20000, ")", TL_OK);
    check_limit("select 1 in (1", ",1", 60000, ")", TL_TOO_LARGE);
    check_limit("select true", " and true", 4000, "", TL_OK);
    check_limit("select true", " and true", 20000, "", TL_TOO_LARGE);
    check_limit("select 1", " union all select 1", 100, "", TL_OK);
    check_limit("select 1", " union all select 1", 1000, "", TL_TOO_LARGE);
    check_limit("select 1 from t", " join t using (i)", 100, "", TL_OK);
}

static void test_unreadable_bytes_are_refused(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 20);
    const struct tl_gate *gate;
    static const struct {
        struct tl_str sql;
        enum tl_code code;
        int64_t position;
    } cases[] = {
        {TL_STR("select 'a\0b'"), TL_BAD_ENCODING, 9},
        {TL_STR("select '\xff'"), TL_BAD_ENCODING, 8},
        {TL_STR(""), TL_SYNTAX, -1},
        {TL_STR("  -- nothing\n;;"), TL_SYNTAX, -1},
        {TL_STR("select 1; ;"), TL_OK, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tl_err err;
        tl_err_init(&err);
        assert_int_equal(run(arena, cases[i].sql, &gate, &err), cases[i].code);
        assert_int_equal(err.position, cases[i].position);
    }
    tl_arena_free(arena);
}

static const struct tl_gate *gate_of(tl_arena *arena, const char *sql)
{
    struct tl_err err;
    const struct tl_gate *gate = NULL;
    tl_err_init(&err);
    if (run(arena, tl_str_of(sql), &gate, &err) != TL_OK)
        fail_msg("%s: %s", sql, err.message);
    return gate;
}

/* names of the tables that are not CTEs, with their text */
static void check_tables(const char *sql, const char *expected)
{
    tl_arena *arena = tl_arena_new(1 << 24);
    const struct tl_gate *gate = gate_of(arena, sql);
    struct tl_buf found;
    tl_buf_init(&found, 4096);
    for (size_t i = 0; i < gate->table_count; i++)
        tl_buf_addf(&found, "%s%.*s", i ? " " : "", (int)gate->tables[i].size, sql + gate->tables[i].offset);
    assert_string_equal(tl_buf_cstr(&found), expected);
    tl_buf_done(&found);
    tl_arena_free(arena);
}

static void test_names_of_queries_are_not_tables(void **state)
{
    (void)state;
    check_tables("with t as (select 99 as i) select * from t", "");
    check_tables("with t as (select * from t where i<3) select count(*) from t", "t");
    check_tables("with t as (select * from main.t where i<3) select count(*) from t, main.t", "main.t main.t");
    check_tables("with recursive t as (select 1 as i union all select i+1 from t where i<5) select * from t", "");
    check_tables("with recursive t as (select i from t union all select i+1 from t where i<5) select * from t", "t");
    check_tables(
        "with a as (select * from u), u as (select 7 as id) select (select count(*) from a), (select 1 from u)", "u");
    check_tables("with T as (select 1 as q) select * from t", "");
    check_tables("select (with t as (select 5 as i) select i from t), (select count(*) from t)", "t");
    check_tables("select * from (with t as (select 5 as i) select i from t) x, (select count(*) c from t) y", "t");
    check_tables("with a as (with secret as (select 1 as k) select k from secret) select * from a, secret", "secret");
    check_tables("with b as (select * from secret), secret as (select 1) select * from b", "secret");
    check_tables("with recursive t2(a,b) using key (a) as (select 1,2 union all select a,b from recurring.t2) from t2",
                 "");
    check_tables("select * from recurring.t", "recurring.t");
    check_tables("with t as (select 1) select * from x.t", "x.t");
    check_tables("with t as (select 1) insert into t select * from t", "t");
    check_tables("with t as (select 1) select 1 order by (select 1 from t) limit (select 1 from t)", "");
}

static void test_positions_are_exact(void **state)
{
    (void)state;
    check_tables("select * from /* t */ \"a\".\"b c\" /* x */ . /* y */ t -- z\n join Ops . Public.customers on true",
                 "\"a\".\"b c\" /* x */ . /* y */ t Ops . Public.customers");
    check_tables("select '\xc3\xa4', (select 1 from t) from \xc3\xa4.\"\xc3\xb6\"", "t \xc3\xa4.\"\xc3\xb6\"");
    check_tables("merge into a.b using c.d on true when matched then delete", "a.b c.d");
    check_tables("create table if not exists \"x\".y as select * from z", "\"x\".y z");
    check_tables("create schema if not exists lake.s", "lake.s");
    check_tables("select\xc2\xa0* from\xe2\x80\x83t", "t");
}

static void test_a_qualified_column_is_found(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 24);
    const char *sql = "select a.b, Ops.public.t.c, x from ops.public.t where \"ops\".public.t.d.e = 1";
    const struct tl_gate *gate = gate_of(arena, sql);
    assert_int_equal(gate->column_count, 2);
    assert_string_equal(gate->columns[0].catalog, "Ops");
    assert_int_equal(gate->columns[0].offset, strstr(sql, "Ops") - sql);
    assert_int_equal(gate->columns[1].size, 5);
    tl_arena_free(arena);
}

static void test_time_travel_is_read(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 24);
    const char *sql = "select * from l.s.t x at (timestamp => timestamp '2026-01-01')";
    const struct tl_gate *gate = gate_of(arena, sql);
    assert_string_equal(gate->tables[0].at_unit, "TIMESTAMP");
    assert_string_equal(gate->tables[0].at_value, "timestamp '2026-01-01'");
    assert_int_equal(gate->tables[0].at_size, strlen("at (timestamp => timestamp '2026-01-01')"));
    assert_int_equal(gate->tables[0].at_offset, strstr(sql, "at (") - sql);
    tl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_case_gets_its_code),        cmocka_unit_test(test_long_chains_are_refused),
        cmocka_unit_test(test_many_middle_chains_are_refused),  cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_wide_lists_pass_up_to_the_limit), cmocka_unit_test(test_unreadable_bytes_are_refused),
        cmocka_unit_test(test_names_of_queries_are_not_tables), cmocka_unit_test(test_positions_are_exact),
        cmocka_unit_test(test_a_qualified_column_is_found),     cmocka_unit_test(test_time_travel_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

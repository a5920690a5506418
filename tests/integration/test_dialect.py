"""Trino's SQL at the door, case by case, against what Trino 476 answered (tests/dialect/capture.py; test_trino_answers.py asks again)."""
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "dialect"))
import cases  # noqa: E402
import compare  # noqa: E402

FILES = sorted({case.file for case in cases.cases()})


@pytest.mark.parametrize("name", FILES)
def test_answers_are_those_of_trino(lake, name):
    wrong = []
    for case in cases.cases():
        if case.file == name and not case.differs:
            difference = compare.difference(lake, case)
            if difference:
                wrong.append(f"{case.text}\n    {case.types} {case.rows} {case.error or ''}\n    {difference}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", FILES)
def test_what_is_said_to_differ_does(lake, name):
    equal = [case.text for case in cases.cases() if case.file == name and case.differs and not compare.difference(lake, case)]
    assert not equal, "these are equal now, take `differs` away:\n" + "\n".join(equal)


def test_at_least_150_functions_are_equal():
    assert len(cases.equal_functions(cases.cases())) >= 150


def test_shown_functions_are_known_by_name(lake):
    shown = {row[0] for row in lake.rows("SHOW FUNCTIONS")}
    assert {"date_diff", "url_extract_host", "map_agg", "any_match", "approx_distinct", "json_extract_scalar"} <= shown
    assert not any(name.startswith("trino_") for name in shown)


def test_unknown_function_is_told_with_the_nearest(lake):
    error = lake.error("SELECT json_extract_scaler('{}', '$.a')")
    assert error.code == "function_not_found" and "json_extract_scalar" in error.hint


@pytest.mark.parametrize("sql, here", [("nvl(1, 2)", "coalesce"), ("str_to_date('2024', '%Y')", "date_parse"), ("toStartOfMonth(now())", "date_trunc")])
def test_function_of_another_system_is_told_by_its_name_here(lake, sql, here):
    error = lake.error(f"SELECT {sql}")
    assert error.code == "function_not_found" and error.hint == f"did you mean {here}?"


def test_error_points_into_the_callers_text(lake):
    sql = "SELECT any_match(ARRAY[1], x -> nosuch > 1), CAST(1 AS varchar)"
    assert lake.error(sql).position == sql.index("nosuch")


def test_tables_of_sources_are_read_in_trinos_words(lake):
    rows = lake.rows("""
        SELECT date_trunc('month', CAST(ts AS date)) AS month, sum(requests) AS requests, approx_distinct(account_id) > 0,
               map_agg(account_id, requests) IS NOT NULL
        FROM events."default".workers_requests
        WHERE date_diff('day', CAST(ts AS date), current_date) >= 0
        GROUP BY 1 ORDER BY 1 FETCH FIRST 2 ROWS ONLY""")
    assert rows and all(isinstance(row[1], int) for row in rows)


def test_views_speak_it_too(lake):
    lake.run("CREATE OR REPLACE VIEW lake.scratch.dialect AS SELECT if(x > 1, 'big') AS size, x / 2 AS half FROM (VALUES 1, 3) t(x)")
    assert lake.rows("SELECT size, half FROM lake.scratch.dialect ORDER BY half") == [[None, 0], ["big", 1]]
    written = "SELECT CAST(x AS varchar) AS t, x / 2 AS h FROM (VALUES 1, 3) t(x)"
    lake.run(f"CREATE OR REPLACE VIEW lake.scratch.dialect AS {written}")
    assert lake.value("SHOW CREATE VIEW lake.scratch.dialect").endswith(f" AS\n{written}"), "as its author wrote it"
    assert lake.rows("SELECT t, h FROM lake.scratch.dialect ORDER BY h") == [["1", 0], ["3", 1]]
    lake.run("EXECUTE IMMEDIATE 'CREATE OR REPLACE VIEW lake.scratch.dialect AS VALUES 1, CAST(2.5e0 AS integer)'")
    assert lake.rows("SELECT * FROM lake.scratch.dialect") == [[1], [3]]
    lake.run("CREATE OR REPLACE VIEW lake.scratch.dialect (n) AS VALUES 7, 8")
    assert lake.value("SELECT sum(n) FROM lake.scratch.dialect") == 15
    lake.run("DROP VIEW lake.scratch.dialect")


def test_prepared_statements_speak_it_too(lake):
    assert lake.value("EXECUTE IMMEDIATE 'SELECT date_add(''day'', ?, DATE ''2024-02-28'')' USING 1") == "2024-02-29"
    assert lake.rows("EXECUTE IMMEDIATE 'VALUES 1, 2'") == [[1], [2]]


def test_array_made_by_sequence_is_bounded(lake):
    assert lake.error("SELECT sequence(1, 100000000000)").code == "invalid_value"
    assert lake.error("SELECT repeat('x', 100000000000)").code == "invalid_value"


LARGE = "FROM UNNEST(sequence(1, 10000)) AS a (x) CROSS JOIN UNNEST(sequence(0, 9)) AS b (y)"


@pytest.mark.parametrize("sql, value", [
    (f"SELECT cardinality(map_agg(1, x)) {LARGE}", 1),
    (f"SELECT cardinality(map_agg(10 * x + y, x)) {LARGE}", 100000),
    (f"SELECT cardinality(map_union(map(ARRAY[10 * x + y], ARRAY[x]))) {LARGE}", 100000),
    (f"SELECT cardinality(multimap_agg(x, y)) {LARGE}", 10000),
    (f"SELECT cardinality(multimap_agg(10 * x + y, y)) {LARGE}", 100000),
    (f"SELECT cardinality(array_distinct(array_agg(10 * x + y))) {LARGE}", 100000),
    (f"SELECT cardinality(array_union(array_agg(x), array_agg(10 * x + y))) {LARGE}", 100009),
    (f"SELECT cardinality(array_except(array_agg(10 * x + y), array_agg(x))) {LARGE}", 90009),
    (f"SELECT cardinality(array_histogram(array_agg(10 * x + y))) {LARGE}", 100000),
    (f"SELECT cardinality(ngrams(array_agg(10 * x + y), 2)) {LARGE}", 99999),
    (f"SELECT contains_sequence(array_agg(x ORDER BY y, x), ARRAY[10000, 2]) {LARGE}", False),
])
def test_arrays_and_maps_of_many_entries_are_soon_there(lake, sql, value):
    """None takes a square of their number: that would be hours, and the engine does not stop within one list."""
    start = time.monotonic()
    assert lake.value(sql) == value
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("sql", [
    "SELECT getenv('HOME')",
    "SELECT any_match(ARRAY[1], x -> getenv('HOME') = 'x')",
    "SELECT map_agg(1, current_setting('TimeZone'))",
    "SELECT CAST(getenv('HOME') AS varchar)",
    "SELECT * FROM UNNEST(ARRAY[1], (SELECT array_agg(content) FROM read_text('/etc/passwd'))) AS t (a, b)",
    "SELECT * FROM TABLE(read_text('/etc/passwd'))",
    "VALUES ((SELECT content FROM read_text('/etc/passwd'))), (1)",
])
def test_what_is_refused_is_refused_in_every_form(lake, sql):
    assert lake.error(sql).code in ("not_allowed", "function_not_found")

"""What a row rule hides tells nothing of itself: two tables have the same rows that are seen, and one of them has others beside; whatever is
asked of the two, the answers are the same.  No clock is read: what is counted is errors, plans and figures."""
import json
import re
import time

import duckdb
import pytest

from conftest import PROGRAM
from server import Server
from townlake import StatementError

TOKEN = "the-token-of-who-makes-the-rules-of-these-tests"
SEEN = "SELECT i, 1 AS vis, 'DE' AS country, 5 AS n, 'QUJDRA' AS s, 1.0::DOUBLE AS d, DATE '2020-01-01' AS dt FROM range(0, 20000, 2) r(i)"
# Values that functions fail on, least and greatest ones too, and the only ones of their kind.
HIDDEN = """SELECT i, 0, ['US', 'GB'][1 + i % 2], CASE WHEN i % 4 = 1 THEN -3 ELSE 2147483647 END, ['(((', '}{', '%', 'canary'][1 + i % 4],
 CASE WHEN i % 4 = 1 THEN 0.0 ELSE -1e308 END, DATE '9999-12-31' FROM range(1, 20000, 2) r(i)"""
RULES = {
    "comparison": {"column": "vis", "op": "=", "value": 1},
    "list": {"column": "country", "op": "in", "values": ["DE", "AT", "FR"]},
    "long_list": {"column": "i", "op": "in", "values": list(range(0, 20000, 100))},
    "expression": {"sql": "vis % 2 = 1"},
    "dataset": {"column": "country", "op": "in", "dataset": {"source": "rules", "schema": "main", "table": "countries"}, "key": "name"},
}
# Each fails on a hidden row and on none that is seen; the engine believes of the first ones that they cannot, or computes them of the
# least and the greatest value.
FAILING = ["chr(n) <> 'x'", "bit_count(n, n) < 100", "epoch_ns(dt) > 0", "CAST(n AS SMALLINT) = 5", "ln(d) < 5", "n + 2147483000 > n", "n * n > 0",
           "10 / (n + 3) > 0", "CASE WHEN vis = 0 THEN CAST(s AS INTEGER) ELSE 1 END = 1", "date_add('day', n, dt) > dt",
           "from_base64(s) IS NOT NULL"]
# As a filter, as a column, and of a query that is used twice, whose plan the engine copies.
FORMS = ["SELECT count(*) FROM {t} WHERE %s", "SELECT count(*), max(CAST((%s) AS VARCHAR)) FROM {t}",
         "WITH c AS (SELECT * FROM {t}), d AS (SELECT i FROM c WHERE %s) SELECT count(*) FROM d JOIN c ON d.i = c.i"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hidden")
    tables = {"plain": SEEN, "every": f"SELECT * FROM ({SEEN} UNION ALL {HIDDEN}) ORDER BY i"}
    for name, sql in tables.items():
        with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
            connection.execute(f"CREATE TABLE t AS {sql}")
    with duckdb.connect(str(folder / "rules.duckdb")) as connection:
        connection.execute("CREATE TABLE countries AS SELECT unnest(['DE', 'AT']) AS name")
    token = folder / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    sources = "".join(f"  - {{name: {name}, kind: duckdb, options: {{path: \"{folder}/{name}.duckdb\"}}}}\n" for name in (*tables, "rules"))
    running = Server(PROGRAM, folder / "server", "lifeguard: {default: open}\nskimmer: {enabled: false}\n"
                     f"tokens:\n  - {{user: root, groups: [admin], token: \"file:{token}\"}}\nsources:\n{sources}")
    root = running.lake(TOKEN)

    def post(path, **body):
        response = root.call("POST", f"/api/v1/lifeguard/{path}", {"reason": "test", **body})
        assert response.status_code == 200, response.text
    deadline = time.monotonic() + 60
    while not all(source["state"] == "ready" for source in root.get("/api/v1/sources").json()["sources"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for name in tables:
        post("review", table=f"{name}.main.t", columns={}, others="open")
        post("grants", user="all", privileges="read", scope={"source": name}, duration="1d")
        for person, rule in RULES.items():
            post("grants", user=person, privileges="read", scope={"source": name}, duration="1d")
            post("row-rules", user=person, scope={"source": name, "schema": "main", "table": "t"}, rule=rule)
    yield running
    running.stop()


def answer(lake, source, sql, **headers):
    try:
        return lake.rows(sql.replace("{t}", f"{source}.main.t"), **headers)
    except StatementError as error:
        return json.dumps(error.error).replace("every", "plain")


@pytest.mark.parametrize("person", RULES)
def test_nothing_that_fails_is_computed_on_a_hidden_row(server, person):
    lake, answered = server.lake(user=person), 0
    for condition in FAILING:
        for form in FORMS if person in ("comparison", "list") else FORMS[:1]:
            every, plain = (answer(lake, source, form % condition) for source in ("every", "plain"))
            assert every == plain, form % condition
            answered += isinstance(every, list)
    assert answered > len(FAILING) / 2, "they must be answered, else nothing was tried"


def test_the_same_conditions_fail_where_nothing_is_hidden(server):
    failed = [c for c in FAILING if isinstance(answer(server.lake(user="all"), "every", FORMS[0] % c), str)]
    assert len(failed) > len(FAILING) - 3, failed


@pytest.mark.parametrize("person", RULES)
def test_plans_do_not_tell_which_values_are_hidden(server, person):
    lake = server.lake(user=person)
    for condition in ("dt > DATE '9000-01-01'", "s = 'canary'", "n BETWEEN 6 AND 2147483647", "country = 'US'"):
        plans = [str(answer(lake, source, f"EXPLAIN SELECT i FROM {{t}} WHERE {condition}")).replace("every", "plain") for source in ("every", "plain")]
        assert plans[0] == plans[1], condition


def figures(lake, source, sql):
    """Of the last page and of the list of one's own statements: every number but those of clocks, places and memory."""
    page = lake.run(sql.replace("{t}", f"{source}.main.t")).page["stats"]
    own = next(row for row in lake.get("/api/v1/queries", count=1).json())
    clocks = re.compile(r"(_us|_ms|Millis|Time|_at|MemoryBytes)$|^id$|^text$|memory")
    return {key: value for found in (page, own) for key, value in found.items() if isinstance(value, (int, float)) and not clocks.search(key)}


@pytest.mark.parametrize("person", RULES)
def test_figures_of_a_statement_are_of_the_rows_that_are_seen(server, person):
    lake = server.lake(user=person)
    for sql in ("SELECT count(*) FROM {t} WHERE s = 'canary'", "SELECT i FROM {t} WHERE n >= 5 LIMIT 20", "SELECT sum(n) FROM {t}"):
        assert figures(lake, "every", sql) == figures(lake, "plain", sql), sql


def test_nothing_that_a_statement_could_count_evaluations_with_is_offered(server):
    lake = server.lake(user="list")
    for sql in ("SELECT nextval('x') FROM {t}", "SELECT count(*) FROM {t} WHERE setseed(n / 10.0) IS NULL", "SELECT write_log(s) FROM {t}", "SELECT sleep_ms(n) FROM {t}"):
        every, plain = (answer(lake, source, sql) for source in ("every", "plain"))
        assert isinstance(every, str) and every == plain, sql

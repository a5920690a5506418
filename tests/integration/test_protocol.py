"""The Trino client protocol, byte by byte: what clients rely on."""
import concurrent.futures
import time

import pytest

from townlake import Lake, decoded


def test_small_result_is_one_page(lake):
    result = lake.run("SELECT 1 AS one, 'x' AS two")
    assert result.pages == 1
    assert result.names == ["one", "two"] and result.types == ["integer", "varchar"]
    assert result.rows == [[1, "x"]]
    assert result.page["stats"]["state"] == "FINISHED"
    assert result.page["columns"][0]["typeSignature"] == {"rawType": "integer", "arguments": []}


def test_large_result_comes_in_pages_and_whole(lake):
    result = lake.run("SELECT range AS n, 'row ' || range AS t FROM range(200000)")
    assert result.pages > 2
    assert result.rows[0] == [0, "row 0"] and result.rows[-1] == [199999, "row 199999"]
    assert [row[0] for row in result.rows] == list(range(200000))


def test_page_can_be_asked_for_again(lake):
    page = lake.post("SELECT range FROM range(500000)").json()
    second = lake.http.get(page["nextUri"]).json()
    again = lake.http.get(page["nextUri"]).json()
    assert second["data"] == again["data"]
    third = lake.http.get(second["nextUri"]).json()
    assert third["data"][0][0] == second["data"][-1][0] + 1
    assert lake.http.get(page["nextUri"]).status_code == 410, "older pages are gone"
    lake.http.delete(third["nextUri"])


def test_wrong_slug_finds_nothing(lake):
    page = lake.post("SELECT range FROM range(5000000)").json()
    address = page["nextUri"].rsplit("/", 2)
    assert lake.http.get(f"{address[0]}/{'0' * 32}/{address[2]}").status_code == 404
    assert lake.http.delete(page["nextUri"]).status_code == 204


def test_cancel_stops_the_statement(lake):
    page = lake.post("SELECT count(*) FROM range(100000000000) a").json()
    started = time.monotonic()
    assert lake.http.delete(page["nextUri"]).status_code == 204
    assert time.monotonic() - started < 2
    assert lake.http.get(page["nextUri"]).status_code == 404
    deadline = time.monotonic() + 5
    while lake.get("/readyz").json()["engine"]["running"] > 0:
        assert time.monotonic() < deadline, "the engine still works on a cancelled statement"
        time.sleep(0.05)


VALUES = [
    ("true", "boolean", True),
    ("CAST(7 AS TINYINT)", "tinyint", 7),
    ("CAST(-32768 AS SMALLINT)", "smallint", -32768),
    ("9223372036854775807::BIGINT", "bigint", 9223372036854775807),
    ("1.5::DOUBLE", "double", 1.5),
    ("'NaN'::DOUBLE", "double", "NaN"),
    ("'-inf'::DOUBLE", "double", "-Infinity"),
    ("1.50::DECIMAL(12,2)", "decimal(12, 2)", "1.50"),
    ("-99999999999999999999999999999999999.999::DECIMAL(38,3)", "decimal(38, 3)", "-99999999999999999999999999999999999.999"),
    ("'héllo'", "varchar", "héllo"),
    ("'\\xDE\\xAD'::BLOB", "varbinary", "3q0="),
    ("DATE '2024-02-29'", "date", "2024-02-29"),
    ("TIME '01:02:03.5'", "time(6)", "01:02:03.500000"),
    ("TIMESTAMP '2024-01-01 00:00:00.123'", "timestamp(6)", "2024-01-01 00:00:00.123000"),
    ("TIMESTAMPTZ '2024-01-01 00:00:00+00'", "timestamp(6) with time zone", "2024-01-01 00:00:00.000000 UTC"),
    ("INTERVAL 1 DAY", "interval day to second", "1 00:00:00.000"),
    ("'6e6e1d3a-5a0f-4a4f-8c5e-3a1b2c3d4e5f'::UUID", "uuid", "6e6e1d3a-5a0f-4a4f-8c5e-3a1b2c3d4e5f"),
    ("[1, NULL, 3]", "array(integer)", [1, None, 3]),
    ("{'a': 1, 'b': 'x'}", "row(a integer, b varchar)", [1, "x"]),
    ("MAP {'k': 2}", "map(varchar, integer)", {"k": 2}),
    ("NULL::BIGINT", "bigint", None),
]


@pytest.mark.parametrize("sql,kind,value", VALUES, ids=[kind for _, kind, _ in VALUES])
def test_value_is_spelt_as_trino_spells_it(lake, sql, kind, value):
    result = lake.run(f"SELECT {sql} AS v")
    assert result.types == [kind]
    assert result.rows == [[value]]


def test_client_without_precision_gets_three_digits(demo):
    old = Lake(demo.url, demo.token())
    old.headers.pop("X-Trino-Client-Capabilities")
    result = old.run("SELECT TIMESTAMP '2024-01-01 00:00:00.123456' AS t, [TIME '01:02:03.123456'] AS l")
    assert result.types == ["timestamp", "array(time)"]
    assert result.rows == [["2024-01-01 00:00:00.123", ["01:02:03.123"]]]


def test_use_sets_the_session_of_the_client(lake):
    result = lake.run("USE lake.dim")
    assert result.headers["X-Trino-Set-Catalog"] == "lake" and result.headers["X-Trino-Set-Schema"] == "dim"
    assert lake.value("SELECT count(*) > 0 FROM accounts", catalog="lake", schema="dim") is True


def test_session_properties_are_set_shown_and_reset(lake):
    result = lake.run("SET SESSION query_max_run_time = '5m'")
    assert decoded(result.headers["X-Trino-Set-Session"]) == "query_max_run_time=5m"
    shown = {row[0]: row[1] for row in lake.rows("SHOW SESSION", session="query_max_run_time=5m")}
    assert shown["query_max_run_time"] == "5m" and shown["resolution"] == "exact"
    assert lake.run("RESET SESSION query_max_run_time").headers["X-Trino-Clear-Session"] == "query_max_run_time"
    error = lake.error("SET SESSION query_max_runtime = '5m'")
    assert error.code == "invalid_argument" and "query_max_run_time" in error.hint


def test_prepared_statements_live_with_the_client(lake):
    result = lake.run("PREPARE p1 FROM SELECT ? + 1 AS n, ? AS t")
    name, text = result.headers["X-Trino-Added-Prepare"].split("=", 1)
    assert name == "p1" and decoded(text) == "SELECT ? + 1 AS n, ? AS t"
    prepared = {"prepared_statement": f"{name}={text}"}
    assert lake.rows("EXECUTE p1 USING 41, 'it''s'", **prepared) == [[42, "it's"]]
    assert lake.run("DEALLOCATE PREPARE p1", **prepared).headers["X-Trino-Deallocated-Prepare"] == "p1"
    assert lake.rows("EXECUTE IMMEDIATE 'SELECT ? || ''!''' USING 'hi'") == [["hi!"]]
    assert lake.error("EXECUTE nope").code == "not_found"


def test_errors_have_place_code_and_way_on(lake):
    error = lake.error("SELECT *\nFROM ops.public.acounts")
    assert error.error["errorName"] == "TABLE_NOT_FOUND" and error.error["errorCode"] == 46
    assert error.error["errorLocation"] == {"lineNumber": 2, "columnNumber": 6}
    assert "accounts" in error.hint and "accounts" in error.error["message"]
    syntax = lake.error("SELECT 1 +\n  FROM x")
    assert syntax.error["errorName"] == "SYNTAX_ERROR" and syntax.error["errorLocation"]["lineNumber"] == 2
    column = lake.error("SELECT plann FROM ops.public.accounts")
    assert column.error["errorName"] == "COLUMN_NOT_FOUND" and "plan" in (column.hint or "")


def test_empty_statement_is_refused_before_it_is_run(lake):
    response = lake.post(" ; ")
    assert response.status_code == 400 and "empty" in response.text


def test_token_decides_who_is_asking(demo):
    assert Lake(demo.url, "wrong").post("SELECT 1").status_code == 401
    stranger = Lake(demo.url, demo.token("analyst"), user="admin").post("SELECT 1")
    assert stranger.status_code in (401, 403), "a token cannot speak for another user"
    assert demo.lake("analyst").get("/api/v1/me").json()["user"] == "analyst"


def test_head_says_the_protocol_is_here(lake):
    assert lake.http.head(f"{lake.url}/v1/statement", headers=lake.headers).status_code == 200


def test_history_has_every_statement_with_its_outcome(lake):
    mark = f"history {time.time()}"
    lake.run(f"SELECT account_id FROM ops.public.accounts LIMIT 3 -- {mark}")
    lake.error(f"SELECT nope FROM ops.public.accounts -- {mark}")
    deadline = time.monotonic() + 5
    rows = []
    while len(rows) < 2 and time.monotonic() < deadline:
        rows = [row for row in lake.get("/api/v1/queries", count=50).json() if mark in row["text"]]
        time.sleep(0.05)
    states = {row["state"]: row for row in rows}
    assert set(states) == {"FINISHED", "FAILED"}
    assert states["FINISHED"]["rows"] == 3 and "ops.public.accounts" in str(states["FINISHED"]["tables"])
    assert states["FAILED"]["error_code"] == "column_not_found"
    assert all(row["user"] == "admin" for row in rows)


def scanned(lake, sql):
    """Rows read, as the client is told at the end, and as the history has it."""
    mark = f"scanned {time.time()}"
    told = lake.run(f"{sql} -- {mark}").page["stats"]["processedRows"]
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        rows = [row["rows_scanned"] for row in lake.get("/api/v1/queries", count=50).json() if mark in row["text"]]
        if rows:
            return told, rows[0]
        time.sleep(0.05)
    raise AssertionError("it is not in the history")


def test_rows_read_are_told_and_kept(lake):
    accounts = lake.value("SELECT count(*) FROM ops.public.accounts")
    assert scanned(lake, "SELECT sum(account_id) FROM ops.public.accounts") == (accounts, accounts)
    customers = lake.value("SELECT count(*) FROM lake.dim.customers")
    sql = "SELECT sum(a.account_id) FROM ops.public.accounts a JOIN lake.dim.customers c ON c.customer_id = a.customer_id"
    told, kept = scanned(lake, sql)
    assert told == kept and accounts < kept <= accounts + customers
    told, kept = scanned(lake, "SELECT sum(range) FROM range(1000)")
    assert kept == 0, "rows that were made are not read"
    assert scanned(lake, "CREATE TABLE lake.scratch.scanned AS SELECT * FROM ops.public.accounts")[1] == accounts
    lake.run("DROP TABLE lake.scratch.scanned")


def test_rows_that_sources_sent_are_those_read(federated):
    lake = federated.lake()
    internal = lake.value("SELECT count(*) FROM ops.public.accounts WHERE is_internal")
    assert internal > 0 and scanned(lake, "SELECT name FROM ops.public.accounts WHERE is_internal") == (internal, internal)
    assert scanned(lake, "SELECT count(*) FROM ops.public.accounts")[1] == 1, "the source counts"


def test_many_clients_at_once_get_their_own_answers(demo):
    def ask(number):
        return demo.lake().value(f"SELECT CAST(sum(range) + {number} AS BIGINT) FROM range(1000)")

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert list(pool.map(ask, range(200))) == [499500 + number for number in range(200)]


def test_columns_without_a_name_do_not_show_governed_names(lake):
    names = lake.run("SELECT (SELECT max(account_id) FROM ops.public.accounts), exists(SELECT 1 FROM ops.public.zones), 'a:b'").names
    assert "ops.public.accounts" in names[0], names
    assert not any(":" in name for name in names[:2]), names
    assert names[2] == "'a:b'"


def test_transaction_is_started_and_ended_by_the_client(lake):
    started = lake.run("START TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY", transaction_id="NONE")
    transaction = started.headers["X-Trino-Started-Transaction-Id"]
    assert started.page["updateType"] == "START TRANSACTION" and started.page["warnings"]
    assert lake.value("SELECT count(*) FROM ops.public.accounts", transaction_id=transaction) == 250
    refused = lake.error("CREATE SCHEMA lake.in_transaction", transaction_id=transaction)
    assert refused.code == "unsupported" and "COMMIT" in refused.hint
    assert lake.error("START TRANSACTION", transaction_id=transaction).code == "unsupported"
    assert lake.run("COMMIT", transaction_id=transaction).headers["X-Trino-Clear-Transaction-Id"] == "true"
    assert lake.run("ROLLBACK", transaction_id=transaction).headers["X-Trino-Clear-Transaction-Id"] == "true"


def test_transaction_needs_a_client_that_knows_of_it(lake):
    assert lake.error("START TRANSACTION").code == "unsupported"
    assert lake.error("COMMIT", transaction_id="NONE").code == "state"


def test_own_statements_are_seen_and_killed(demo, lake):
    page = lake.post("SELECT count(*) FROM range(100000000000) a").json()
    listed = "SELECT state, \"user\", source, query FROM system.runtime.queries WHERE query_id = '{}'"
    assert lake.rows(listed.format(page["id"])) == [["RUNNING", "admin", "tests", "SELECT count(*) FROM range(100000000000) a"]]
    other = demo.lake("analyst")
    assert other.rows(listed.format(page["id"])) == []
    assert other.error(f"CALL system.runtime.kill_query(query_id => '{page['id']}')").code == "not_found"
    assert lake.run(f"CALL system.runtime.kill_query(query_id => '{page['id']}', message => 'too long')").page["updateType"] == "CALL"
    while "nextUri" in page:
        page = lake.http.get(page["nextUri"]).json()
    assert page["error"]["errorName"] == "USER_CANCELED" and 'killed by "admin": too long' in page["error"]["message"]
    assert lake.rows(listed.format(page["id"]))[0][0] == "FAILED"


def test_administrator_kills_the_statements_of_others(demo, lake):
    page = demo.lake("analyst").post("SELECT count(*) FROM range(100000000000) a").json()
    lake.run(f"CALL system.runtime.kill_query('{page['id']}', NULL)")
    while "nextUri" in page:
        page = lake.http.get(page["nextUri"]).json()
    assert 'killed by "admin"' in page["error"]["message"]


def test_procedures_that_are_not_there_are_named(lake):
    assert lake.error("CALL system.runtime.kill_query()").code == "invalid_argument"
    assert lake.error("CALL system.runtime.kill_query('a', 'b', 'c')").code == "invalid_argument"
    assert "kill_query" in lake.error("CALL lake.system.optimize('a')").hint


def test_clauses_of_trino_are_read_and_places_stay_true(lake):
    lake.run("CREATE TABLE IF NOT EXISTS lake.scratch.clauses (a INTEGER COMMENT 'first', b VARCHAR) COMMENT 'mine' WITH (format = 'PARQUET')")
    made = lake.run("CREATE OR REPLACE VIEW lake.scratch.seen COMMENT 'of it' SECURITY DEFINER AS SELECT a FROM lake.scratch.clauses")
    assert any("comments" in warning["message"] for warning in made.page["warnings"])
    error = lake.error("CREATE VIEW lake.scratch.bad SECURITY INVOKER AS SELECT aa FROM lake.scratch.clauses")
    assert error.error["errorLocation"] == {"lineNumber": 1, "columnNumber": 57}
    refused = lake.error("CREATE TABLE lake.scratch.csv WITH (format = 'CSV') AS SELECT 1 AS a")
    assert refused.code == "unsupported" and "PARQUET" in refused.hint
    lake.run('ALTER VIEW lake.scratch.seen RENAME TO "lake"."scratch"."seen_again"')
    lake.run("ALTER TABLE lake.scratch.clauses RENAME TO lake.scratch.clauses_again")
    assert lake.error("ALTER TABLE lake.scratch.clauses_again RENAME TO lake.dim.clauses").code == "unsupported"
    assert lake.error("ALTER VIEW lake.scratch.seen RENAME TO seen_twice").code == "table_not_found"
    lake.run("DROP VIEW lake.scratch.seen_again")
    lake.run("DROP TABLE lake.scratch.clauses_again")


def test_instants_are_shown_by_the_clock_of_the_session(lake):
    sql = "SELECT TIMESTAMPTZ '2024-07-01 00:00:00+00' AS t, [TIMESTAMPTZ '2024-01-01 00:00:00+00'] AS l, TIMESTAMP '2024-07-01 00:00:00' AS plain"
    assert lake.rows(sql, time_zone="Europe/Berlin") == [
        ["2024-07-01 02:00:00.000000 Europe/Berlin", ["2024-01-01 01:00:00.000000 Europe/Berlin"], "2024-07-01 00:00:00.000000"]]
    assert lake.rows(sql, time_zone="-03:00")[0][0] == "2024-06-30 21:00:00.000000 -03:00"
    assert lake.rows(sql, time_zone="Etc/UTC")[0][0] == "2024-07-01 00:00:00.000000 UTC"
    assert lake.value("SELECT hour(TIMESTAMPTZ '2024-07-01 00:00:00+00')", time_zone="Asia/Kolkata") == 5
    assert lake.value("SELECT hour(TIMESTAMPTZ '2024-07-01 00:00:00+00')", time_zone="+02:00") == 2
    assert "time zone" in str(lake.error("SELECT 1", time_zone="Mars/Olympus"))

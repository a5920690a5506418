"""Skipper's tools over HTTP: each as the person who calls, checked against its schema, capped, with the rest kept on the server."""
import concurrent.futures
import json
import time

import pytest

from conftest import Demo


@pytest.fixture(scope="module")
def world(program, tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("tools") / "demo", scale="0.02", default="closed")
    yield running
    running.stop()


def call(lake, name, expect=200, **arguments):
    response = lake.call("POST", f"/api/v1/tools/{name}", arguments)
    assert response.status_code == expect, (response.status_code, response.text)
    return response.json()


def fetch(lake, sql, **arguments):
    return call(lake, "fetch_results", queryId=call(lake, "start_query", sql=sql), **arguments)


@pytest.fixture(scope="module")
def admin(world):
    return world.lake("admin")


def test_the_list_tells_every_tool_with_schemas_of_its_arguments_and_answer(admin):
    tools = {tool["name"]: tool for tool in admin.get("/api/v1/tools").json()["tools"]}
    assert {"start_query", "fetch_results", "check_access", "request_access"} <= set(tools)
    assert tools["start_query"]["input"]["required"] == ["sql"] and tools["start_query"]["output"]["type"] == "string"
    assert tools["fetch_results"]["signature"].startswith("skipper.fetch_results(args: { queryId: string;")


def test_rows_are_objects_and_numbers_are_what_javascript_holds(admin):
    result = fetch(admin, "SELECT 1 AS a, 'x' AS b, CAST(12.50 AS DECIMAL(6,2)) AS c, 9007199254740993 AS d, 1.5e0 AS e, NULL AS f, 2 AS a, "
                          "CAST(1234567890123456.78 AS DECIMAL(20,2)) AS g, true AS h, -5 AS i")
    assert result["rows"] == [{"a": 1, "b": "x", "c": 12.5, "d": "9007199254740993", "e": 1.5, "f": None, "a_2": 2,
                               "g": "1234567890123456.78", "h": True, "i": -5}]
    assert result["state"] == "finished" and result["complete"] and result["rowCount"] == 1 and result["next"] is None
    assert [column["name"] for column in result["columns"]][:4] == ["a", "b", "c", "d"] and result["columns"][2]["type"] == "decimal(6, 2)"


def test_a_long_result_comes_in_parts_and_the_rest_waits_on_the_server(admin):
    result = fetch(admin, "SELECT x, rpad('y', 90, 'y') AS t FROM UNNEST(sequence(1, 5000)) AS s(x) ORDER BY x")
    assert result["rowCount"] == 5000 and 0 < len(result["rows"]) <= 200 and result["next"] == len(result["rows"])
    assert len(json.dumps(result["rows"])) < 26000
    more = call(admin, "fetch_results", queryId=result["queryId"], **{"from": result["next"], "limit": 3})
    assert [row["x"] for row in more["rows"]] == [result["next"] + 1, result["next"] + 2, result["next"] + 3]
    last = call(admin, "fetch_results", queryId=result["queryId"], **{"from": 4999})
    assert [row["x"] for row in last["rows"]] == [5000] and last["next"] is None
    assert call(admin, "fetch_results", queryId=result["queryId"], **{"from": 9999})["rows"] == []


def test_display_gives_the_rows_to_the_person_and_not_to_the_caller(admin):
    result = fetch(admin, "SELECT x FROM UNNEST(sequence(1, 300)) AS s(x)", mode="display")
    assert result["rows"] == [] and result["rowCount"] == 300 and result["columns"] == [{"name": "x", "type": "bigint"}]
    shown = admin.get(result["link"])
    assert len(shown.json()["rows"]) == 300
    assert len(fetch(admin, "SELECT 1 AS one", mode="both")["rows"]) == 1


def test_what_is_beyond_the_caps_is_not_kept_and_said(admin):
    result = fetch(admin, "SELECT x FROM UNNEST(sequence(1, 9000)) AS s(x) CROSS JOIN UNNEST(sequence(1, 20)) AS t(y)", waitSeconds=50)
    assert result["rowCount"] == 100000 and result["complete"] is False


def test_a_result_belongs_to_one_person(world, admin):
    query = call(admin, "start_query", sql="SELECT 42 AS secret")
    other = world.lake("analyst")
    refused = call(other, "fetch_results", 404, queryId=query)
    assert refused["code"] == "not_found" and "42" not in json.dumps(refused)
    assert other.get(f"/api/v1/results/{query}").status_code == 404
    assert other.call("DELETE", f"/api/v1/results/{query}").status_code == 204
    assert call(admin, "fetch_results", queryId=query)["rows"] == [{"secret": 42}]
    assert admin.call("DELETE", f"/api/v1/results/{query}").status_code == 204
    assert call(admin, "fetch_results", 404, queryId=query)["code"] == "not_found"


def test_nothing_is_changed_through_a_query(admin):
    for sql in ("CREATE TABLE lake.scratch.no AS SELECT 1 AS a", "INSERT INTO lake.scratch.no VALUES (1)", "DROP TABLE lake.dim.customers",
                "CREATE SCHEMA lake.none"):
        refused = call(admin, "start_query", 403, sql=sql)
        assert refused["code"] == "not_allowed" and "only reads" in refused["message"], refused
    assert admin.value("SELECT count(*) > 0 FROM lake.dim.customers")


def test_a_wrong_statement_is_told_where_it_starts_and_one_that_fails_where_it_is_fetched(admin):
    refused = call(admin, "start_query", 404, sql="SELECT * FROM ops.public.acounts")
    assert refused["code"] == "table_not_found" and "accounts" in refused["hint"]
    query = call(admin, "start_query", sql="SELECT 1 / (x - 1) AS y FROM UNNEST(sequence(1, 2)) AS s(x)")
    assert call(admin, "fetch_results", 400, queryId=query)["code"] == "division_by_zero"


def test_who_may_not_see_is_told_and_may_ask(world):
    contractor = world.lake("contractor")
    refused = call(contractor, "start_query", 403, sql="SELECT * FROM ops.public.invoices")
    assert refused["code"] == "not_allowed" and refused["link"]
    access = call(contractor, "check_access", dataset="ops.public.invoices")
    assert access["reads"] is False and access["columns"] == [] and access["hiddenColumns"] > 0 and access["requestLink"]
    asked = call(contractor, "request_access", dataset="ops.public.invoices", reason="to check one invoice", duration="7d")
    assert asked["state"] == "open"
    requests = world.lake("admin").get("/api/v1/lifeguard/requests", state="open").json()["requests"]
    assert any(request["id"] == asked["requestId"] for request in requests)


def test_access_names_the_columns_that_are_open_with_their_masks(world):
    access = call(world.lake("analyst"), "check_access", dataset="ops.public.accounts")
    columns = {column["name"]: column for column in access["columns"]}
    assert access["reads"] and columns["email"]["mask"] and not columns["plan"]["mask"] and columns["plan"]["type"] == "varchar"
    masked = fetch(world.lake("analyst"), "SELECT email FROM ops.public.accounts LIMIT 1")["rows"][0]["email"]
    plain = fetch(world.lake("fraud"), "SELECT email FROM ops.public.accounts LIMIT 1")
    assert masked != plain["rows"][0].get("email") or "*" in masked


@pytest.mark.parametrize("arguments, message", [
    ({}, '"sql" is missing'), ({"sql": 7}, "sql: expected a text"), ({"sql": ""}, "sql: expected at least 1"), ({"sql": "SELECT 1", "sqk": 1}, 'no "sqk"'),
    ({"sql": "SELECT 1", "catalog": ["ops"]}, "catalog: expected a text, got a list"),
])
def test_wrong_arguments_are_told_with_their_place(admin, arguments, message):
    refused = call(admin, "start_query", 400, **arguments)
    assert refused["code"] == "invalid_argument" and message in refused["message"]


def test_bad_calls_are_refused_in_order(world, admin):
    assert call(admin, "start_qery", 404)["hint"] == 'did you mean "start_query"?'
    assert admin.http.post(admin.url + "/api/v1/tools/start_query", data=b"[1]", headers=admin.headers, timeout=30).status_code == 400
    assert admin.http.post(admin.url + "/api/v1/tools/start_query", data=b"\xff{", headers=admin.headers, timeout=30).status_code == 400
    assert admin.http.post(admin.url + "/api/v1/tools/start_query", data=b"{}", timeout=30).status_code == 401
    long = call(admin, "start_query", 400, sql="SELECT '" + "x" * 2_000_000 + "'")
    assert "at most 1000000 characters" in long["message"]


def test_more_statements_at_once_than_allowed_are_refused_and_all_others_end(admin):
    slow = "SELECT count(*) FROM UNNEST(sequence(1, 3000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 3000)) AS b(y) CROSS JOIN UNNEST(sequence(1, 20)) AS c(z)"
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        started = list(pool.map(lambda _: admin.call("POST", "/api/v1/tools/start_query", {"sql": slow}), range(16)))
    good = [response.json() for response in started if response.status_code == 200]
    refused = [response for response in started if response.status_code != 200]
    assert len(good) <= 8 and refused and all(response.status_code == 429 for response in refused)
    for query in good:
        assert admin.call("DELETE", f"/api/v1/results/{query}").status_code == 204
    deadline = time.monotonic() + 30
    while admin.call("POST", "/api/v1/tools/start_query", {"sql": "SELECT 1"}).status_code == 429:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_fetch_that_does_not_wait_says_that_it_runs(admin):
    query = call(admin, "start_query", sql="SELECT count(*) AS n FROM UNNEST(sequence(1, 3000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 3000)) AS b(y)")
    result = call(admin, "fetch_results", queryId=query, waitSeconds=0)
    assert result["state"] in ("running", "finished") and (result["state"] == "finished" or result["rows"] == [] and result["complete"] is False)
    assert call(admin, "fetch_results", queryId=query, waitSeconds=50)["rows"] == [{"n": 9000000}]

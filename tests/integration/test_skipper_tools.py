"""Skipper's tools over HTTP: each as the person who calls, checked against its schema, capped, with the rest kept on the server."""
import concurrent.futures
import json
import time

import pytest

from townlake import Lake


@pytest.fixture(scope="module")
def world(closed_demo):
    return closed_demo


def call(lake, tool, expect=200, /, **arguments):
    response = lake.call("POST", f"/api/v1/tools/{tool}", arguments)
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
    query = call(admin, "start_query", sql="SELECT 987654321 AS secret")
    other = world.lake("analyst")
    refused = call(other, "fetch_results", 404, queryId=query)
    assert refused["code"] == "not_found" and "987654321" not in json.dumps(refused)
    assert other.get(f"/api/v1/results/{query}").status_code == 404
    assert other.call("DELETE", f"/api/v1/results/{query}").status_code == 204
    assert call(admin, "fetch_results", queryId=query)["rows"] == [{"secret": 987654321}]
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


# ---- finding ----


def wait_found(lake, query, name):
    deadline = time.monotonic() + 30
    while not (found := [one for one in call(lake, "search_datasets", query=query) if one["name"] == name]):
        assert time.monotonic() < deadline, "it is not in the index in time"
        time.sleep(0.2)
    return found[0]


def test_tables_are_found_by_words_and_told_with_why(admin):
    found = wait_found(admin, "support tickets", "ops.public.support_tickets")
    assert found["kind"] == "table" and found["why"]
    assert wait_found(admin, "http requests", 'events."default".http_requests')
    assert len(call(admin, "search_datasets", query="accounts", limit=1)) == 1
    assert call(admin, "search_datasets", query="accounts", source="lake")[0]["name"].startswith("lake.")


def test_details_tell_columns_as_far_as_the_person_may_see_them(world, admin):
    assert {column["name"] for column in call(admin, "get_entity_details", dataset="ops.public.invoices")["columns"]} >= {"invoice_id", "amount"}
    assert call(world.lake("contractor"), "get_entity_details", dataset="ops.public.invoices")["columns"] == []
    assert call(admin, "get_entity_details", 404, dataset="ops.public.none")["code"] == "table_not_found"


# ---- charts ----

ROWS = [{"country": "DE", "n": 3, "m": 1.5}, {"country": "FR", "n": 5, "m": None}]


def test_a_chart_chooses_what_is_not_told(admin):
    chart = call(admin, "create_chart", chartType="bar", data=ROWS, title="by country")["chart"]
    assert chart["mark"] == "bar" and chart["title"] == "by country" and chart["data"]["values"] == ROWS
    assert chart["encoding"]["x"] == {"field": "country", "type": "nominal", "title": "country", "sort": None}
    assert chart["encoding"]["y"] == {"field": "n", "type": "quantitative", "title": "n"}


def test_a_chart_of_a_query_takes_its_rows_and_its_dates(admin):
    query = call(admin, "start_query", sql="SELECT DATE '2026-01-01' + INTERVAL '1' DAY * x AS day, x % 7 AS n, x AS \"a.b\" "
                                           "FROM UNNEST(sequence(1, 300)) AS s(x) ORDER BY 1")
    made = call(admin, "create_chart", chartType="line", queryId=query, y=["n", "a.b"])
    chart = made["chart"]
    assert made["rowCount"] == 300 and chart["data"] == {"url": f"/api/v1/results/{query}", "format": {"type": "json", "property": "rows"}}
    assert chart["encoding"]["x"]["type"] == "temporal" and chart["transform"] == [{"fold": ["n", "a.b"]}] and chart["encoding"]["color"]["field"] == "key"
    assert len(admin.get(chart["data"]["url"]).json()["rows"]) == 300
    assert call(admin, "create_chart", chartType="scatter", queryId=query, x="n", y="a.b")["chart"]["encoding"]["y"]["field"] == "a\\.b"


@pytest.mark.parametrize("arguments, message", [
    ({"data": []}, "no rows to draw"), ({}, "either data (rows) or queryId"), ({"data": ROWS, "queryId": "x"}, "either data (rows) or queryId"),
    ({"data": ROWS, "x": "land"}, 'no column "land"'), ({"data": ROWS, "y": "k"}, 'no column "k"'), ({"data": ROWS, "y": "country"}, "is no number in row 0"),
    ({"data": [{"a": "x"}]}, "no column of numbers"), ({"data": [{"a": "x", "b": None}], "y": "b"}, "NULL in all rows"),
    ({"data": ROWS, "series": "k"}, 'no column "k"'), ({"data": ROWS, "series": "country", "y": ["n", "m"]}, "not both"),
    ({"data": [{"a": "x", "b": -1}], "chartType": "pie"}, "no slice for -1"), ({"data": ROWS, "chartType": "donut"}, "expected one of"),
    ({"data": [{"a": str(i), "b": i} for i in range(60)], "chartType": "pie"}, "at most 50 slices"), ({"data": [{"a": 1}] * 501}, "at most 500 items"),
    ({"data": [{"a": "x", "b": i, "s": str(i)} for i in range(60)], "series": "s"}, "more than 50 values"), ({"data": [1]}, "data[0]: expected an object"),
])
def test_a_chart_that_would_not_show_the_rows_is_refused(admin, arguments, message):
    refused = call(admin, "create_chart", 400, **{"chartType": "bar", **arguments})
    assert refused["code"] == "invalid_argument" and message in refused["message"], refused


# ---- what is kept ----


def test_a_saved_query_is_its_owners_until_a_person_verifies_it(world, admin):
    analyst = world.lake("analyst")
    saved = call(analyst, "save_query", name="customers", sql="SELECT count(*) FROM ops.public.customers", question="how many customers are there?")
    assert saved["verified"] is False
    path = f"/api/v1/saved-queries/{saved['savedId']}"

    def names(lake):
        return {query["name"]: query["verifiedBy"] for query in lake.get("/api/v1/saved-queries").json()["queries"]}

    assert names(analyst) == {"customers": None} and names(world.lake("fraud")) == {}
    assert analyst.call("POST", path + "/verify").status_code == 403
    assert admin.call("POST", path + "/verify").status_code == 204
    assert names(world.lake("fraud")) == {"customers": "admin"}
    assert call(analyst, "save_query", name="customers", sql="SELECT 1")["savedId"] == saved["savedId"], "under the same name it is the same query"
    assert names(analyst) == {"customers": None} and names(world.lake("fraud")) == {}, "what is changed has not been checked"
    assert admin.call("DELETE", path).status_code == 404 and analyst.call("DELETE", path).status_code == 204
    assert admin.call("POST", path + "/verify").status_code == 404


def memories(lake, query=None):
    return [memory["text"] for memory in lake.get("/api/v1/memory", **({"query": query} if query else {})).json()["memories"]]


def test_a_correction_for_oneself_counts_at_once_and_for_nobody_else(world):
    analyst = world.lake("analyst")
    kept = call(analyst, "remember", text="Internal accounts never count as customers", evidence="said by finance")
    assert kept["state"] == "active"
    assert memories(analyst, "how many customers?") == ["Internal accounts never count as customers"]
    assert memories(analyst, "storage costs") == [] and memories(world.lake("fraud"), "how many customers?") == []
    assert world.lake("fraud").call("DELETE", f"/api/v1/memory/{kept['memoryId']}").status_code == 404
    assert analyst.call("DELETE", f"/api/v1/memory/{kept['memoryId']}").status_code == 204
    assert memories(analyst, "how many customers?") == []


def test_a_correction_for_all_counts_only_after_a_person_has_approved_it(world, admin):
    analyst = world.lake("analyst")
    kept = call(analyst, "remember", text="Revenue means allocated billings, not invoices", scope="all",
                check={"question": "revenue by country", "mustUse": ["lake.fct.billings_allocated"]})
    assert kept["state"] == "proposed" and memories(analyst, "revenue last quarter") == []
    assert memories(world.lake("fraud")) == [] and memories(admin) == ["Revenue means allocated billings, not invoices"]
    path = f"/api/v1/memory/{kept['memoryId']}"
    assert analyst.call("POST", path + "/approve").status_code == 403
    assert admin.call("POST", path + "/approve").status_code == 204
    assert admin.call("POST", path + "/approve").status_code == 404, "once"
    assert memories(world.lake("contractor"), "revenue last quarter") == ["Revenue means allocated billings, not invoices"]
    found = world.lake("fraud").get("/api/v1/memory", query="revenue").json()["memories"][0]
    assert found["author"] == "analyst" and found["check"]["mustUse"] == ["lake.fct.billings_allocated"]
    records = [record for record in admin.get("/api/v1/audit", all="true", count=500).json() if record["kind"] == "memory" and record["subject"] == kept["memoryId"]]
    assert [(record["user"], record["action"]) for record in records] == [("analyst", "proposed"), ("admin", "approved")]


def test_a_correction_for_a_team_is_its_members_own(world, admin):
    analyst = world.lake("analyst")
    assert call(analyst, "remember", 403, text="not mine", scope="team", team="fraud")["code"] == "not_allowed"
    assert call(analyst, "remember", 400, text="no team", scope="team")["code"] == "invalid_argument"
    kept = call(analyst, "remember", text="Weeks begin on Monday", scope="team", team="analyst", expires="1s")
    assert admin.call("POST", f"/api/v1/memory/{kept['memoryId']}/approve").status_code == 204
    assert memories(world.lake("fraud"), "weeks") == []
    time.sleep(1.1)
    assert memories(analyst, "weeks") == [], "it has ended"


def test_a_token_that_only_reads_keeps_nothing(world, admin):
    made = admin.call("POST", "/api/v1/tokens", {"name": "reader", "scopes": "read"}).json()
    reader = Lake(world.url, made["token"])
    assert call(reader, "save_query", 403, name="x", sql="SELECT 1")["code"] == "not_allowed"
    assert call(reader, "remember", 403, text="something")["code"] == "not_allowed"
    assert fetch(reader, "SELECT 1 AS one")["rows"] == [{"one": 1}]

"""The Iceberg REST catalog as other engines meet it: who they are, what is open to them, and what the record says of it."""
import pytest
import requests

from catalog import SCHEMA, TOKENS, Catalog


@pytest.fixture(scope="module")
def server(program, tmp_path_factory):
    running = Catalog(program, tmp_path_factory.mktemp("lake-rest"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def table(server):
    server.grant("loaders", "raw, own")
    assert server.call("spark", "POST", "namespaces", {"namespace": ["s"]}).status_code == 200
    answer = server.call("spark", "POST", "namespaces/s/tables", {"name": "t", "schema": SCHEMA})
    assert answer.status_code == 200, answer.text
    return "namespaces/s/tables/t"


def test_nobody_comes_in_without_a_token(server, table):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-Trino-User": "root"}):
        answer = requests.get(f"{server.url}/iceberg/v1/{table}", headers=headers, timeout=30)
        assert answer.status_code == 401 and answer.json()["error"]["type"] == "NotAuthorizedException"


def test_a_table_is_open_to_those_with_a_grant_of_raw(server, table):
    assert server.call("spark", "GET", table).json()["metadata"]["table-uuid"]
    for user in ("ann", "root"):  # administrators grant; they do not read by that
        answer = server.call(user, "GET", table)
        assert answer.status_code == 403 and answer.json()["error"]["type"] == "ForbiddenException"
        assert "/access/request?source=lake&schema=s&table=t&privileges=raw" in answer.json()["error"]["message"]
    assert server.call("ann", "GET", "namespaces/s/tables").json()["identifiers"] == [{"namespace": ["s"], "name": "t"}]


def test_what_the_client_has_is_not_sent_again(server, table):
    first = server.call("spark", "GET", table)
    again = server.call("spark", "GET", table, **{"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.content
    assert server.call("ann", "GET", table, **{"If-None-Match": first.headers["ETag"]}).status_code == 403


def test_client_credentials_are_a_token_of_ours(server):
    address = f"{server.url}/iceberg/v1/oauth/tokens"
    form = {"grant_type": "client_credentials", "client_id": "spark", "client_secret": TOKENS["spark"], "scope": "catalog"}
    answer = requests.post(address, data=form, timeout=30)
    assert answer.status_code == 200 and answer.json()["token_type"] == "bearer" and answer.headers["Cache-Control"] == "no-store"
    token = answer.json()["access_token"]
    assert requests.get(f"{server.url}/iceberg/v1/namespaces", headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 200
    basic = requests.post(address, data={"grant_type": "client_credentials"}, auth=("spark", TOKENS["spark"]), timeout=30)
    assert basic.json()["access_token"] == token
    for bad in ({**form, "client_secret": "wrong"}, {**form, "client_id": "root"}, {"grant_type": "client_credentials"}):
        answer = requests.post(address, data=bad, timeout=30)
        assert answer.status_code == 401 and answer.json()["error"] == "invalid_client", answer.text
    answer = requests.post(address, data={"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "x"}, timeout=30)
    assert answer.status_code == 400 and answer.json()["error"] == "unsupported_grant_type"


def test_what_is_made_outside_is_seen_by_sql_when_it_is_reviewed(server, table):
    assert server.lake(TOKENS["ann"]).error("SELECT * FROM lake.s.t").code == "not_allowed"
    assert server.lake(TOKENS["spark"]).rows("SELECT * FROM lake.s.t") == []


def test_who_read_files_is_on_the_record(server, table):
    server.call("spark", "GET", table)
    records = requests.get(f"{server.url}/api/v1/audit?all=true&count=500", headers={"Authorization": f"Bearer {TOKENS['root']}"}, timeout=30).text
    assert '"lake.s.t"' in records and '"load"' in records
    assert not any(secret in records for secret in TOKENS.values())
    assert not any(secret in server.log.read_text() for secret in TOKENS.values())


def test_config_and_endpoints_are_honest(server, table):
    endpoints = server.call("spark", "GET", "config").json()["endpoints"]
    assert len(endpoints) > 20
    for endpoint in endpoints:
        method, path = endpoint.split()
        path = path.replace("/v1/{prefix}/", "").replace("{namespace}", "none").replace("{table}", "none").replace("{view}", "none")
        answer = server.call("spark", method, path, {} if method == "POST" else None)
        assert answer.status_code in (200, 204, 400, 404), (endpoint, answer.status_code, answer.text)
        if method != "HEAD" and answer.status_code == 404:
            assert answer.json()["error"]["type"] in ("NoSuchNamespaceException", "NoSuchTableException", "NoSuchViewException"), endpoint
    assert server.call("spark", "GET", "nothing/here").json()["error"]["type"] == "NotFoundException"


def test_scans_are_planned_here(server, table):
    lake = server.lake(TOKENS["spark"])
    lake.run("CREATE TABLE lake.s.planned (id BIGINT, day DATE) PARTITIONED BY (day)")
    for number, day in enumerate(("2026-01-01", "2026-01-02", "2026-01-03")):
        lake.run(f"INSERT INTO lake.s.planned SELECT range + {number * 100}, DATE '{day}' FROM range(100)")
    lake.run("DELETE FROM lake.s.planned WHERE id = 105")
    path = "namespaces/s/tables/planned"

    def plan(**body):
        answer = server.call("spark", "POST", f"{path}/plan", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "completed" and answer.json()["plan-tasks"] == []
        return answer.json()

    whole = plan()
    assert len(whole["file-scan-tasks"]) == 3 and len(whole["delete-files"]) == 1
    assert sorted(task["data-file"]["partition"] for task in whole["file-scan-tasks"]) == [["2026-01-01"], ["2026-01-02"], ["2026-01-03"]]
    assert [task["delete-file-references"] for task in whole["file-scan-tasks"] if "delete-file-references" in task] == [[0]]
    assert sum(task["data-file"]["record-count"] for task in whole["file-scan-tasks"]) == 300
    day = {"type": "eq", "term": "day", "value": "2026-01-03"}
    third = plan(filter=day)
    assert [task["data-file"]["partition"] for task in third["file-scan-tasks"]] == [["2026-01-03"]] and third["delete-files"] == []
    assert third["file-scan-tasks"][0]["residual-filter"] == day
    assert len(plan(filter={"type": "and", "left": {"type": "gt", "term": "id", "value": 50}, "right": {"type": "lt", "term": "id", "value": 120}})["file-scan-tasks"]) == 2
    first = server.call("spark", "GET", path).json()["metadata"]["snapshots"][0]["snapshot-id"]
    assert len(plan(**{"snapshot-id": first})["file-scan-tasks"]) == 1
    for body in ({"snapshot-id": 5}, {"filter": {"type": "eq", "term": "nothing", "value": 1}}, {"filter": {"type": "what"}}, {"snapshot-id": "x"}):
        assert server.call("spark", "POST", f"{path}/plan", body).status_code == 400, body
    assert server.call("spark", "POST", f"{path}/plan", {"start-snapshot-id": first, "end-snapshot-id": first}).status_code == 406
    task = server.call("spark", "POST", f"{path}/tasks", {"plan-task": f"{first}:0:"})
    assert task.status_code == 200 and len(task.json()["file-scan-tasks"]) == 1
    for name in ("", "x", f"{first}:1:", f"{first}:0:{{", "-1:0:"):
        assert server.call("spark", "POST", f"{path}/tasks", {"plan-task": name}).status_code in (400, 404), name
    assert server.call("ann", "POST", f"{path}/plan", {}).status_code == 403
    assert server.call("ann", "POST", f"{path}/tasks", {"plan-task": f"{first}:0:"}).status_code == 403

"""Tokens people and services make: by the command line, the API and Trino's protocol."""
import concurrent.futures
import subprocess
import time

import pytest
import requests

from server import Server

YAML = """
auth: {mode: token}
tokens:
  - {user: root, groups: [admin], token: roots-token}
  - {user: alice, groups: [analyst], token: alices-token}
"""


@pytest.fixture(scope="module")
def server(program, tmp_path_factory):
    running = Server(program, tmp_path_factory.mktemp("tokens"), YAML)
    yield running
    running.stop()


def townlake(server, token, *words):
    return subprocess.run([server.program, "token", *words, "--url", server.url], capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "TOWNLAKE_TOKEN": token}, check=False)


def create(server, token, *words):
    done = townlake(server, token, "create", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_token_made_on_the_command_line_runs_statements(server):
    token = create(server, "alices-token", "a script")
    assert server.lake(token).value("SELECT current_user") == "alice"
    assert server.lake(token, user="alice").value("SELECT 1") == 1
    response = requests.post(server.url + "/v1/statement", data="SELECT 1", auth=("alice", token), timeout=30)
    assert response.status_code == 200


def test_the_list_shows_state_scopes_and_last_use(server):
    create(server, "alices-token", "never used", "--scope", "read,write", "--lifetime", "2d")
    done = townlake(server, "alices-token", "list")
    line = next(line for line in done.stdout.splitlines() if "never used" in line)
    assert "active" in line and "read,write" in line and " - " in line
    assert "tlt_" not in done.stdout
    assert townlake(server, "alices-token", "list", "--all").returncode == 1


def test_a_revoked_token_is_refused_from_the_next_request_on(server):
    token = create(server, "alices-token", "lost")
    assert server.me(**bearer(token)).status_code == 200
    ident = token.split("_")[1]
    assert townlake(server, "alices-token", "revoke", ident).returncode == 0
    response = server.me(**bearer(token))
    assert response.status_code == 401 and "was revoked" in response.json()["message"]
    post = server.lake(token).post("SELECT 1")
    assert post.status_code == 401 and "Hint: make a new one" in post.text
    assert token.split("_")[2] not in post.text + response.text


def test_scopes_bound_what_a_token_does(server):
    reader = create(server, "roots-token", "reads", "--scope", "read")
    assert server.me(**bearer(reader)).json()["scopes"] == "read"
    for sql in ["CREATE SCHEMA lake.x", "INSERT INTO lake.x.y VALUES (1)", "DROP TABLE lake.x.y", "CREATE VIEW lake.x.v AS SELECT 1",
                "ALTER VIEW lake.x.v RENAME TO w"]:
        error = server.lake(reader).error(sql)
        assert error.code == "not_allowed" and "lacks the scope \"write\"" in str(error), sql
    body = {"name": "x", "kind": "duckdb", "options": {"path": "/tmp/x"}}
    response = server.lake(reader).call("POST", "/api/v1/sources", body)
    assert response.status_code == 403 and "lacks the scope \"admin\"" in response.json()["message"]
    assert server.lake(reader).call("DELETE", "/api/v1/sources/x").status_code == 403
    assert server.lake(reader).call("POST", "/api/v1/tokens", {"name": "next", "scopes": "read"}).status_code == 403
    pusher = create(server, "roots-token", "pushes", "--service", "okta", "--scope", "scim")
    assert server.lake(pusher).post("SELECT 1").status_code == 403
    assert server.me(**bearer(pusher)).json()["user"] == "okta"


def test_an_administrators_token_without_the_scope_neither_sees_nor_ends_statements_of_others(server):
    reader = server.lake(create(server, "roots-token", "looks", "--scope", "read"))
    page = server.lake("alices-token").post("SELECT count(*) FROM range(100000000000) a").json()
    listed = f"SELECT \"user\" FROM system.runtime.queries WHERE query_id = '{page['id']}'"
    assert reader.rows(listed) == []
    assert reader.error(f"CALL system.runtime.kill_query('{page['id']}', NULL)").code == "not_found"
    root = server.lake("roots-token")
    assert root.rows(listed) == [["alice"]]
    root.run(f"CALL system.runtime.kill_query('{page['id']}', NULL)")


def test_services_have_groups_of_their_own(server):
    token = create(server, "roots-token", "nightly", "--service", "loader", "--group", "etl", "--group", "eu")
    me = server.me(**bearer(token)).json()
    assert me["user"] == "loader" and me["groups"] == ["etl", "eu"] and me["by"] == "token"
    assert server.lake(token, user="root").post("SELECT 1").status_code == 403


def test_wrong_wishes_are_explained(server):
    lake = server.lake("alices-token")
    for body, why in [
        ({"scopes": "read"}, "needs a name"),
        ({"name": "x", "scopes": "all"}, 'no scope "all"'),
        ({"name": "x", "lifetime": "soon"}, "a duration"),
        ({"name": "x", "lifetime": "4000d"}, "lives from"),
        ({"name": "x", "service": "s"}, "make tokens of services"),
        ({"name": "x", "groups": ["admin"]}, "of its owner"),
    ]:
        response = lake.call("POST", "/api/v1/tokens", body)
        assert response.status_code in (400, 403) and why in response.json()["message"], response.text
    assert lake.call("POST", "/api/v1/tokens", ["x"]).status_code == 400
    assert requests.post(server.url + "/api/v1/tokens", data="{", headers=bearer("alices-token"), timeout=30).status_code == 400


def test_the_answer_with_the_secret_is_not_kept_by_caches(server):
    response = server.lake("alices-token").call("POST", "/api/v1/tokens", {"name": "x"})
    assert response.status_code == 201 and response.headers["Cache-Control"] == "no-store"


def test_guessing_finds_nothing(server):
    token = create(server, "alices-token", "guessed")
    for guess in [token[:-1], token + "x", token.replace("tlt_", "tlt-"), "tlt_" + "0" * 16 + token[20:], token.upper()]:
        response = server.me(**bearer(guess))
        assert response.status_code == 401 and response.json()["message"] == "the token is not known"


def records(server, kind):
    answer = server.lake("roots-token").get("/api/v1/audit", all="true", count="1000").json()
    return [record for record in (answer["records"] if isinstance(answer, dict) else answer) if record["kind"] == kind]


def test_what_happens_to_tokens_is_on_the_record_without_the_secret(server):
    token = create(server, "alices-token", "recorded")
    ident = token.split("_")[1]
    assert [r["user"] for r in records(server, "token_created") if r["subject"] == ident] == ["alice"]
    townlake(server, "alices-token", "revoke", ident)
    assert [r["user"] for r in records(server, "token_revoked") if r["subject"] == ident] == ["alice"]
    time.sleep(1.1)  # the refusals of the tests before are another second's
    assert server.me(**bearer(token)).status_code == 401
    assert server.me(**bearer("a-guess")).status_code == 401
    about = [record["about"] for record in records(server, "refused")]
    assert f'unauthenticated: the token "{ident}" was revoked' in about and "unauthenticated: the token is not known" in about
    whole = server.lake("roots-token").get("/api/v1/audit", all="true", count="1000").text
    assert token.split("_")[2] not in whole and "a-guess" not in whole


def test_a_flood_of_refusals_is_counted_not_kept(server):
    time.sleep(1.1)
    before = len(records(server, "refused"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: server.me(**bearer("flood")), range(400)))
    time.sleep(1.1)
    server.me(**bearer("after"))
    kept = records(server, "refused")[before:]
    assert any("more not kept" in record["about"] for record in kept) and len(kept) < 400

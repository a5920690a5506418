"""What data exists and what it means: the demo's, and a PostgreSQL that changes while we look."""
import os
import pathlib
import subprocess
import time

import pytest

from conftest import PROGRAM, ROOT, Demo
from server import Server, free_port

SCRIPT = ROOT / "tests/integration/postgres_server.sh"
SETTINGS = {"TOWNLAKE_SKIMMER_ENABLED": "true"}
WAIT_S = 60


def wait_for(what, seconds=WAIT_S):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def call(lake, method, where, body=None, **parameters):
    return lake.http.request(method, f"{lake.url}/api/v1/catalog{where}", json=body, params=parameters, headers=lake.headers, timeout=60)


def ok(response):
    assert response.status_code in (200, 204), response.text
    return response.json() if response.content else None


def show(lake, name):
    return ok(call(lake, "GET", "/dataset", name=name))


def columns(lake, name):
    return {column["name"]: column for column in show(lake, name)["columns"]}


# ---- the demo ----


@pytest.fixture(scope="module")
def demo(program, tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("described") / "demo", scale="0.02", default="closed", settings=SETTINGS)
    yield running
    running.stop()


def test_the_demo_is_crawled_and_described_when_it_says_that_it_is_ready(demo):
    lake = demo.lake("admin")
    state = {row["source"]: row for row in ok(call(lake, "GET", ""))["sources"]}
    assert {name: row["datasets"] for name, row in state.items()} == {"events": 2, "lake": 8, "ops": 6}
    invoices = show(lake, "ops.public.invoices")
    assert invoices["domain"] == "Billing" and invoices["owners"] == ["group:admin"]
    assert set(invoices["tags"]) == {"billing", "curated"} and invoices["terms"] == ["Revenue"]
    assert [page["path"] for page in invoices["pages"]] == ["revenue"]
    fact = show(lake, "lake.fct.billings_allocated")
    assert fact["row_count"] == lake.run("SELECT count(*) FROM lake.fct.billings_allocated").rows[0][0]
    assert time.time() - fact["changed_at_us"] / 1e6 < 3600


def test_what_a_person_may_not_see_is_not_described(demo):
    admin, contractor = demo.lake("admin"), demo.lake("contractor")
    assert "email" in columns(admin, "ops.public.accounts")
    closed = show(contractor, "ops.public.invoices")
    assert closed["columns"] == [] and closed["access"]["state"] == "closed" and closed["access"]["link"]
    assert "row_count" not in closed and "questions" not in closed
    some = show(contractor, "ops.public.accounts")
    assert some["access"]["state"] == "partial" and some["access"]["row_rules"] is True
    assert "row_count" not in some and all("null_fraction" not in column for column in some["columns"])
    assert {column["name"]: column["access"] for column in some["columns"]}["email"] == "masked"
    paths = {page["path"] for page in ok(call(contractor, "GET", "/pages"))["pages"]}
    assert "traffic" in paths and "revenue" not in paths
    assert call(contractor, "GET", "/page", path="revenue").status_code == 404
    said_of = ok(call(contractor, "GET", "/term", name="Revenue"))["said_of"]
    assert "ops.public.invoices" in said_of and "ops.public.invoices.amount" not in said_of
    assert "amount" in columns(admin, "ops.public.invoices")
    assert "invoices" not in ok(call(contractor, "GET", "/export"))["yaml"].split("columns:")[-1]


def test_only_who_governs_a_table_says_what_it_means(demo):
    analyst, admin = demo.lake("analyst"), demo.lake("admin")
    body = {"dataset": "ops.public.zones", "description": "said by an analyst"}
    assert call(analyst, "POST", "/annotate", body).status_code in (400, 403)
    before = show(admin, "ops.public.zones")["description"]
    ok(call(admin, "POST", "/annotate", {**body, "description": "said by the admin"}))
    assert show(analyst, "ops.public.zones")["description"] == "said by the admin"
    edit = ok(call(admin, "GET", "/edits", of="ops.public.zones"))["edits"][0]
    assert (edit["user"], edit["before"], edit["after"]) == ("admin", before, "said by the admin")
    ok(call(admin, "POST", "/crawl", {}))
    assert show(admin, "ops.public.zones")["description"] == "said by the admin"


def test_what_is_exported_changes_nothing_when_it_is_imported(demo, tmp_path):
    run = lambda *words: subprocess.run([PROGRAM, "catalog", *words], capture_output=True, text=True, timeout=60,
                                        env={**os.environ, "TOWNLAKE_URL": demo.url, "TOWNLAKE_TOKEN": demo.token("admin")})
    exported = run("export")
    assert exported.returncode == 0, exported.stderr
    (tmp_path / "all.yaml").write_text(exported.stdout)
    plan = run("import", str(tmp_path))
    assert plan.returncode == 0 and ", 0 changes, 0 errors" in plan.stdout, plan.stdout + plan.stderr
    (tmp_path / "all.yaml").write_text("terms:\n  - name: New\n    description: n\n")
    (tmp_path / "bad.yaml").write_text("terms:\n  - name: Other\n    descriptoin: x\n")
    refused = run("import", str(tmp_path), "--apply")
    assert refused.returncode == 2 and 'bad.yaml:3: a term has no "descriptoin"' in refused.stderr
    assert call(demo.lake("admin"), "GET", "/term", name="New").status_code == 404
    (tmp_path / "bad.yaml").unlink()
    assert "1 changes, 0 errors; done" in run("import", str(tmp_path), "--apply").stdout
    assert ok(call(demo.lake("admin"), "GET", "/term", name="New"))["description"] == "n"


def test_views_come_and_go_with_the_statements_that_make_them(demo):
    lake = demo.lake("admin")
    lake.run("CREATE VIEW lake.scratch.per_plan AS SELECT plan, count(*) AS n FROM lake.dim.accounts GROUP BY plan")
    facts = lambda: ok(call(lake, "GET", ""))["sources"]
    wait_for(lambda: any(row["source"] == "lake" and row["datasets"] == 9 and row["state"] == "crawled" for row in facts()))
    assert show(lake, "lake.scratch.per_plan")["kind"] == "view"
    assert set(columns(lake, "lake.scratch.per_plan")) == {"plan", "n"}
    lake.run("DROP VIEW lake.scratch.per_plan")
    wait_for(lambda: any(row["source"] == "lake" and row["datasets"] == 8 and row["state"] == "crawled" for row in facts()))
    assert call(lake, "GET", "/dataset", name="lake.scratch.per_plan").status_code == 404


# ---- a PostgreSQL that changes ----


WORLD = """
CREATE TABLE people (id bigint PRIMARY KEY, plan text, nothing text);
INSERT INTO people SELECT i, 'plan ' || i % 3, NULL FROM generate_series(1, 3000) t(i);
COMMENT ON TABLE people IS 'from the source';
ANALYZE people;
"""


class Postgres:
    def __init__(self, folder):
        self.folder, self.port = pathlib.Path(folder), free_port()
        self.script("start", str(self.port))
        self.run(WORLD)

    def script(self, word, *words):
        done = subprocess.run(["sh", str(SCRIPT), word, str(self.folder), *words], check=False)
        assert done.returncode == 0, "PostgreSQL could not be started or stopped; `make deps-test` installs it"

    def run(self, sql):
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        subprocess.run(command, input=sql, text=True, check=True, timeout=60)


@pytest.fixture(scope="module")
def database():
    running = Postgres(f"/tmp/townlake-catalog-{os.getpid()}")  # PostgreSQL's own user must be able to reach it
    yield running
    subprocess.run(["sh", str(SCRIPT), "stop", str(running.folder)], check=False)
    subprocess.run(["rm", "-rf", str(running.folder)], check=False)


@pytest.fixture(scope="module")
def lake(program, database, tmp_path_factory):
    yaml = f"""auth: {{mode: token}}
source: {{refresh: 1s}}
skimmer: {{rows_per_second: 0, run_time: 5s}}
sources:
  - {{name: pg, kind: postgres, options: {{host: 127.0.0.1, port: "{database.port}", database: postgres, user: postgres}}}}
tokens:
  - {{user: root, groups: [admin], token: "secret-of-root-0123456789"}}
"""
    running = Server(program, tmp_path_factory.mktemp("catalog"), yaml, environment=SETTINGS)
    lake = running.lake("secret-of-root-0123456789")
    wait_for(lambda: call(lake, "GET", "/dataset", name="pg.public.people").status_code == 200)
    grant = {"group": "admin", "privileges": "read, review", "scope": {"source": "pg"}, "duration": "1d", "reason": "test"}
    assert lake.call("POST", "/api/v1/lifeguard/grants", grant).status_code == 200
    assert lake.call("POST", "/api/v1/lifeguard/review", {"table": "pg.public.people", "others": "open", "reason": "fine"}).status_code == 200
    yield lake
    running.stop()


def test_numbers_are_those_that_the_source_keeps(lake, database):
    wait_for(lambda: "null_fraction" in columns(lake, "pg.public.people").get("nothing", {}))
    people, named = show(lake, "pg.public.people"), columns(lake, "pg.public.people")
    assert people["row_count"] == 3000 and people["comment"] == "from the source"
    assert named["nothing"]["null_fraction"] == 1 and named["plan"]["distinct_count"] == 3 and named["id"]["distinct_count"] == 3000
    assert named["id"]["key_position"] == 1
    database.run("UPDATE people SET plan = 'other' WHERE id = 1")
    wait_for(lambda: time.time() - show(lake, "pg.public.people").get("changed_at_us", 0) / 1e6 < 30)


def test_a_new_column_waits_with_a_proposal_within_one_crawl_and_breaks_nothing(lake, database):
    assert lake.run("SELECT count(*) FROM pg.public.people").rows == [[3000]]
    ok(call(lake, "POST", "/annotate", {"dataset": "pg.public.people", "columns": {"plan": "said by a person"}}))
    database.run("ALTER TABLE people ADD COLUMN email text; UPDATE people SET email = 'p' || id || '@mail.example.com'")
    ok(call(lake, "POST", "/crawl", {"source": "pg"}))
    assert columns(lake, "pg.public.people")["email"]["type"] == "varchar"
    assert columns(lake, "pg.public.people")["plan"]["description"] == "said by a person"
    assert lake.run("SELECT count(*), count(plan) FROM pg.public.people").rows == [[3000, 3000]]
    found = wait_for(lambda: [row for row in lake.get("/api/v1/skimmer/findings", table="pg.public.people").json()["columns"] if row["column"] == "email"])
    assert found[0]["info_type"] == "EMAIL_ADDRESS" and found[0]["state"] == "masked"


def test_tables_that_come_and_go_and_a_source_that_is_down_lose_nothing(lake, database):
    database.run('CREATE TABLE short_lived (n int); CREATE TABLE "odd ""name.x" ("c.d" int)')
    ok(call(lake, "POST", "/crawl", {"source": "pg"}))
    assert columns(lake, "pg.public.short_lived").keys() == {"n"}
    assert columns(lake, 'pg.public."odd ""name.x"').keys() == {"c.d"}
    database.run("DROP TABLE short_lived")
    ok(call(lake, "POST", "/crawl", {"source": "pg"}))
    assert call(lake, "GET", "/dataset", name="pg.public.short_lived").status_code == 404
    database.script("stop")
    refused = call(lake, "POST", "/crawl", {"source": "pg"})
    assert refused.status_code >= 400 and "pg" in refused.json()["message"]
    state = {row["source"]: row for row in ok(call(lake, "GET", ""))["sources"]}["pg"]
    assert state["listing"] == "failed" and state["failure"] and state["gone"] <= 1
    assert set(columns(lake, "pg.public.people")) >= {"id", "plan", "email"}
    database.script("start", str(database.port))
    wait_for(lambda: call(lake, "POST", "/crawl", {"source": "pg"}).status_code == 204)


def test_a_source_that_is_removed_has_nothing_any_more_and_what_was_said_comes_back_with_it(lake, database):
    options = {"host": "127.0.0.1", "port": str(database.port), "database": "postgres", "user": "postgres"}
    again = {"name": "second", "kind": "postgres", "options": options}
    assert lake.call("POST", "/api/v1/sources", again).status_code in (200, 201, 204)
    wait_for(lambda: call(lake, "GET", "/dataset", name="second.public.people").status_code == 200)
    ok(call(lake, "POST", "/crawl", {"source": "second"}))
    ok(call(lake, "POST", "/annotate", {"dataset": "second.public.people", "description": "stays"}))
    assert lake.call("DELETE", "/api/v1/sources/second").status_code in (200, 204)
    wait_for(lambda: any(row["source"] == "second" and row["gone"] > 0 for row in ok(call(lake, "GET", ""))["sources"]))
    assert call(lake, "GET", "/dataset", name="second.public.people").status_code == 404
    assert lake.call("POST", "/api/v1/sources", again).status_code in (200, 201, 204)
    wait_for(lambda: call(lake, "GET", "/dataset", name="second.public.people").status_code == 200)
    assert show(lake, "second.public.people")["description"] == "stays"

"""What is personal in real sources: the demo's, and a PostgreSQL that changes while we look."""
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

from conftest import PROGRAM, ROOT, Demo
from server import Server, free_port

SCRIPT = ROOT / "tests/integration/postgres_server.sh"
SKIMMER_ON = {"TOWNLAKE_SKIMMER_ENABLED": "true"}
WAIT_S = 60


def wait_for(what, seconds=WAIT_S):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def status(lake):
    response = lake.get("/api/v1/skimmer")
    assert response.status_code == 200, response.text
    return response.json()


def findings(lake, **parameters):
    response = lake.get("/api/v1/skimmer/findings", **parameters)
    assert response.status_code == 200, response.text
    return response.json()["columns"]


def by_name(rows):
    return {(row["table"], row["column"]): row for row in rows}


# ---- the demo ----


@pytest.fixture(scope="module")
def demo_on(program, tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("skimmed") / "demo", scale="0.02", default="closed", settings=SKIMMER_ON)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def scanned(demo_on):
    lake = demo_on.lake("admin")
    wait_for(lambda: status(lake)["scanned"] >= 16 and status(lake)["state"] == "idle")
    return lake


def test_what_is_proposed_for_the_demo_is_what_its_people_decided(scanned):
    access = json.loads((ROOT / "demo/access.json").read_text())
    decided = {(".".join(review["table"]), name): column for review in access["reviews"] for name, column in review.get("columns", {}).items()}
    found = by_name(findings(scanned))
    assert set(found) == set(decided)
    for name, column in decided.items():
        assert found[name]["state"] == column["state"], name
        assert found[name]["mask"].split(":")[0] == column["mask"].split(":")[0], name
        assert set(column["tags"]) <= set(found[name]["tags"]), name
        assert found[name]["standing"] == "agrees"
    assert {row["standing"] for row in findings(scanned, all="true", source="ops")} == {"agrees"}


def test_no_table_of_the_demo_failed_and_all_columns_were_looked_at(scanned):
    state = status(scanned)
    assert state["failed"] == 0 and state["failures"] == [] and state["columns"] > 90
    assert state["columns_with_findings"] == 9


def test_the_reason_tells_counts_and_forms_and_no_value(scanned):
    row = by_name(findings(scanned, table="ops.public.accounts"))[("ops.public.accounts", "email")]
    first = row["findings"][0]
    assert first["info_type"] == "EMAIL_ADDRESS" and first["likelihood"] == "VERY_LIKELY" and first["hits"] == first["checked"] > 50
    assert set(first["shape"]) <= set("aA9+@.-_")
    values = [value for line in scanned.rows("SELECT email, phone, name FROM ops.public.accounts LIMIT 200") for value in line]
    text = json.dumps(findings(scanned, all="true"))
    assert not [value for value in values if value in text]


def test_what_is_inside_json_text_is_told_by_its_path(scanned):
    row = by_name(findings(scanned, table="ops.public.support_tickets"))[("ops.public.support_tickets", "body")]
    paths = {(item["path"], item["info_type"]) for item in row["findings"]}
    assert ("from", "EMAIL_ADDRESS") in paths and ("client_ip", "IP_ADDRESS") in paths and ("text", "PHONE_NUMBER") in paths
    assert row["mask"] == "redact" and "pii.text" in row["tags"]


def test_a_number_that_leads_back_to_people_is_told(scanned):
    rows = by_name(findings(scanned, all="true"))
    for table, column in (("ops.public.api_tokens", "account_id"), ("ops.public.invoices", "account_id"), ("events.default.http_requests", "account_id")):
        row = rows[(table, column)]
        assert row["tags"] == ["pii.identifier"] and row["state"] == "open", (table, column, row)
        assert "its values are in ops.public.accounts.account_id" in row["reason"]
    assert rows[("ops.public.invoices", "invoice_id")]["tags"] == []


def test_findings_are_rows_for_those_who_see_the_columns(demo_on, scanned):
    sql = "SELECT column_name, info_type, tags FROM system.skimmer.findings WHERE table_name = 'accounts' AND table_catalog = 'ops' AND info_type IS NOT NULL ORDER BY 1"
    expected = [["email", "EMAIL_ADDRESS", ["pii.email"]], ["name", "PERSON_NAME", ["pii.name"]], ["phone", "PHONE_NUMBER", ["pii.phone"]]]
    assert scanned.rows(sql) == expected
    assert demo_on.lake("analyst").rows(sql) == expected
    billing = "SELECT count(*) FROM system.skimmer.findings WHERE table_schema = 'billing'"
    assert scanned.value(billing) > 0 and demo_on.lake("contractor").value(billing) == 0


def test_findings_are_for_those_who_review(demo_on, scanned):
    analyst = demo_on.lake("analyst")
    assert findings(analyst, all="true") == []
    for path in ("scan", "pause", "resume"):
        assert analyst.call("POST", f"/api/v1/skimmer/{path}", {}).status_code == 403


def test_reading_is_on_record_with_its_reason(scanned):
    rows = scanned.rows("SELECT reason, subject FROM system.audit.events WHERE kind = 'raw_reading' AND \"user\" = 'townlake-skimmer'")
    assert ["the Skimmer looks for personal data", "ops.public.accounts"] in rows


def test_the_command_line_tells_it(demo_on, scanned):
    environment = {"TOWNLAKE_URL": demo_on.url, "TOWNLAKE_TOKEN": demo_on.token("admin"), "PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=1"}

    def townlake(*words):
        done = subprocess.run([str(PROGRAM), *words], capture_output=True, text=True, timeout=60, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "idle; " in townlake("skimmer", "status")
    assert "EMAIL_ADDRESS" in townlake("skimmer", "findings", "ops.public.accounts")
    assert "client_ip" not in townlake("skimmer", "findings", "--source", "ops", "--standing", "new")
    assert "goes on" in townlake("skimmer", "resume")


# ---- a PostgreSQL that changes ----

WORLD = """
CREATE TABLE public.people (id bigint PRIMARY KEY, full_name text, ssn text, born date, note text, empty text, blob bytea, extra jsonb, tags text[], lat double precision);
INSERT INTO public.people SELECT i, (ARRAY['Anna Schmidt','James Miller','Marie Dubois','Piotr Nowak','John Smith'])[1 + i % 5],
  to_char(219 + i % 300, 'FM000') || '-' || to_char(1 + i % 98, 'FM00') || '-' || to_char(1 + i, 'FM0000'), date '1950-01-01' + (i * 37 % 20000)::int,
  CASE WHEN i % 10 = 0 THEN 'write to person' || i || '@example.com please' ELSE 'nothing to see here' END, NULL, '\\xdeadbeef',
  jsonb_build_object('contact', jsonb_build_object('email', 'p' || i || '@example.org'), 'n', i), ARRAY['x', '198.51.100.' || i % 250], 50 + i / 1000.0
FROM generate_series(1, 3000) i;
CREATE TABLE public.nothing (a int, b text);
CREATE TABLE public.late (id bigint PRIMARY KEY, v text);
INSERT INTO public.late SELECT i, CASE WHEN i > 95000 THEN 'late' || i || '@example.com' ELSE 'quiet ' || i END FROM generate_series(1, 100000) i;
ANALYZE;
CREATE VIEW public.broken AS SELECT id, full_name::int AS x FROM public.people;
CREATE TABLE public.odd (v text);
INSERT INTO public.odd VALUES (repeat('a@', 500000)), (repeat('1-', 500000)), (repeat('x', 2000000)), (E'\\u0001\\u0002'), (repeat('((', 1000)), (''), (NULL);
"""


class Postgres:
    def __init__(self, folder):
        self.folder, self.port = pathlib.Path(folder), free_port()
        done = subprocess.run(["sh", str(SCRIPT), "start", str(self.folder), str(self.port)], check=False)
        assert done.returncode == 0, "PostgreSQL could not be started; `make deps-test` installs it"
        self.run(WORLD)

    def run(self, sql):
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        subprocess.run(command, input=sql, text=True, check=True, timeout=60)

    def stop(self):
        subprocess.run(["sh", str(SCRIPT), "stop", str(self.folder)], check=False)
        subprocess.run(["rm", "-rf", str(self.folder)], check=False)


@pytest.fixture(scope="module")
def postgres():
    running = Postgres(f"/tmp/townlake-skimmer-{os.getpid()}")  # PostgreSQL's own user must be able to reach it
    yield running
    running.stop()


@pytest.fixture(scope="module")
def server(program, postgres, tmp_path_factory):
    yaml = f"""auth: {{mode: token}}
source: {{refresh: 1s}}
skimmer: {{rows_per_second: 0, run_time: 5s}}
sources:
  - {{name: pg, kind: postgres, options: {{host: 127.0.0.1, port: "{postgres.port}", database: postgres, user: postgres}}}}
tokens:
  - {{user: root, groups: [admin], token: "secret-of-root-0123456789"}}
  - {{user: rita, groups: [readers], token: "secret-of-rita-0123456789"}}
"""
    running = Server(program, tmp_path_factory.mktemp("skimmer"), yaml, environment=SKIMMER_ON)
    yield running
    running.stop()


@pytest.fixture
def root_user(server):
    return server.lake("secret-of-root-0123456789")


def columns_of(lake, table):
    return {row["column"]: row for row in findings(lake, source="pg", all="true") if row["table"] == table}


def scanned_table(lake, table, column):
    return wait_for(lambda: (rows := columns_of(lake, table)) and column in rows and rows)


def pending(lake):
    response = lake.get("/api/v1/lifeguard/pending")
    assert response.status_code == 200, response.text
    return {row["table"]: row for row in response.json()["tables"]}


def test_a_new_source_is_proposed_by_itself(root_user):
    rows = scanned_table(root_user, "pg.public.people", "id")
    verdicts = {name: (row["info_type"], row["state"], row["mask"]) for name, row in rows.items()}
    assert verdicts["id"] == (None, "open", None)
    assert verdicts["full_name"] == ("PERSON_NAME", "masked", "redact")
    assert verdicts["ssn"] == ("US_SOCIAL_SECURITY_NUMBER", "denied", None)
    assert verdicts["born"] == ("DATE_OF_BIRTH", "masked", "year")
    assert verdicts["note"] == ("EMAIL_ADDRESS", "masked", "redact")
    assert verdicts["extra"][0] == "EMAIL_ADDRESS" and rows["extra"]["findings"][0]["path"] == "contact.email"
    assert verdicts["tags"][0] == "IP_ADDRESS"
    assert verdicts["lat"][0] == "LOCATION_COORDINATES"
    assert rows["empty"]["state"] == "pending" and "no values" in rows["empty"]["reason"]
    assert rows["blob"]["state"] == "denied" and "binary" in rows["blob"]["reason"]
    assert {row["standing"] for row in rows.values()} == {"proposed"}
    assert pending(root_user)["pg.public.people"]["proposals"]["ssn"]["state"] == "denied"


def test_what_comes_late_in_a_table_is_found(root_user):
    rows = scanned_table(root_user, "pg.public.late", "v")
    assert rows["v"]["info_type"] == "EMAIL_ADDRESS"


def test_of_few_rows_all_are_looked_at_also_where_nobody_told_how_many_they_are(postgres, root_user):
    postgres.run("CREATE VIEW public.few AS SELECT 'quiet ' || i AS v FROM generate_series(1, 10) i")
    assert "10 different values" in scanned_table(root_user, "pg.public.few", "v")["v"]["reason"]


def test_empty_tables_and_hostile_values_are_looked_at(root_user):
    assert scanned_table(root_user, "pg.public.nothing", "a")["b"]["state"] == "pending"
    assert scanned_table(root_user, "pg.public.odd", "v")["v"]["state"] in ("open", "masked")


def test_a_view_that_fails_is_told_and_stops_nothing(root_user):
    failures = wait_for(lambda: status(root_user)["failures"])
    assert [failure["table"] for failure in failures] == ["pg.public.broken"]
    assert failures[0]["reason"] and not re.search("Anna|James|Marie|Piotr|John", str(failures))  # the source's own words hold a value
    assert columns_of(root_user, "pg.public.broken") == {}


def test_one_call_accepts_and_a_grant_opens_what_is_open(server, root_user):
    scanned_table(root_user, "pg.public.people", "id")
    body = {"table": "pg.public.people", "accept": True, "columns": {"lat": "open"}, "reason": "as proposed, but for the map"}
    assert root_user.call("POST", "/api/v1/lifeguard/review", body).status_code == 200
    grant = {"group": "readers", "privileges": "read", "scope": {"source": "pg"}, "duration": "1d", "reason": "test"}
    assert root_user.call("POST", "/api/v1/lifeguard/grants", grant).status_code == 200
    rita = server.lake("secret-of-rita-0123456789")
    assert rita.rows("SELECT * FROM pg.public.people WHERE id = 3") != []
    assert rita.run("SELECT * FROM pg.public.people WHERE id = 3").names == ["id", "full_name", "born", "note", "extra", "tags", "lat"]
    assert rita.value("SELECT full_name FROM pg.public.people WHERE id = 3") == "***"
    again = root_user.call("POST", "/api/v1/lifeguard/review", body)
    assert again.status_code == 409 and "nothing is proposed" in again.json()["message"]
    review = root_user.get("/api/v1/lifeguard/datasets/pg.public.people").json()["review"]
    assert review["sensitivity"] == "restricted" and "pii.national_id" in review["columns"]["ssn"]["tags"]


def test_what_a_person_decided_otherwise_is_not_proposed_again_without_new_evidence(postgres, root_user):
    rows = columns_of(root_user, "pg.public.people")
    assert rows["lat"]["standing"] == "overridden" and rows["ssn"]["standing"] == "agrees"
    assert root_user.call("POST", "/api/v1/skimmer/scan", {"table": "pg.public.people"}).status_code == 204
    before = rows["lat"]["found_at_us"]
    again = wait_for(lambda: (now := columns_of(root_user, "pg.public.people"))["lat"]["found_at_us"] > before and now)
    assert again["lat"]["standing"] == "overridden"
    assert root_user.call("POST", "/api/v1/lifeguard/review", {"table": "pg.public.late", "others": "open", "columns": {"v": "open"}, "reason": "fine"}).status_code == 200
    assert columns_of(root_user, "pg.public.late")["v"]["standing"] == "overridden"
    postgres.run("UPDATE public.late SET v = '203.0.113.' || id % 200")
    assert root_user.call("POST", "/api/v1/skimmer/scan", {"table": "pg.public.late"}).status_code == 204
    assert wait_for(lambda: (row := columns_of(root_user, "pg.public.late")["v"])["info_type"] == "IP_ADDRESS" and row)["standing"] == "new"


def test_a_column_that_is_added_waits_with_a_proposal_and_breaks_no_statement(server, postgres, root_user):
    rita = server.lake("secret-of-rita-0123456789")
    sql = "SELECT count(*), max(id) FROM pg.public.people"
    before = rita.rows(sql)
    postgres.run("ALTER TABLE public.people ADD COLUMN work_phone text; UPDATE public.people SET work_phone = '+1 415 555 ' || to_char(id % 10000, 'FM0000')")
    wait_for(lambda: pending(root_user)["pg.public.people"]["pending"] == 2)  # "empty" waits still
    assert rita.rows(sql) == before
    proposal = wait_for(lambda: pending(root_user)["pg.public.people"]["proposals"].get("work_phone"))
    assert (proposal["state"], proposal["mask"]) == ("masked", "last4")
    assert "work_phone" not in rita.run("SELECT * FROM pg.public.people LIMIT 1").names
    assert rita.rows(sql) == before


# ---- what sources may be like ----


def test_a_wide_table_is_looked_at_in_parts(postgres, root_user):
    columns = ", ".join(f"c{i} text" for i in range(400))
    postgres.run(f"BEGIN; CREATE TABLE public.wide ({columns}); INSERT INTO public.wide (c0, c399) SELECT 'x' || i, 'w' || i || '@example.com' FROM generate_series(1, 50) i; COMMIT")
    rows = scanned_table(root_user, "pg.public.wide", "c399")
    assert len(rows) == 400 and rows["c399"]["info_type"] == "EMAIL_ADDRESS" and rows["c0"]["state"] == "open" and rows["c7"]["state"] == "pending"


def test_a_cell_of_a_hundred_megabytes_is_looked_at_by_its_beginning(postgres, root_user):
    postgres.run("BEGIN; CREATE TABLE public.huge (v text); INSERT INTO public.huge SELECT 'big@example.com ' || repeat('x', 100000000); COMMIT")

    def looked_at():
        if [one for one in status(root_user)["failures"] if one["table"] == "pg.public.huge"]:  # too slow for run_time on a busy machine
            root_user.call("POST", "/api/v1/skimmer/scan", {"table": "pg.public.huge"})
            time.sleep(1)
        return columns_of(root_user, "pg.public.huge")

    rows = wait_for(looked_at)
    assert rows["v"]["info_type"] == "EMAIL_ADDRESS" and rows["v"]["findings"][0]["inside"]


def test_a_locked_table_is_told_and_looked_at_once_it_is_free(postgres, root_user):
    command = ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "postgres"]
    postgres.run("BEGIN; CREATE TABLE public.held (v text); INSERT INTO public.held VALUES ('a@example.com'); COMMIT")
    scanned_table(root_user, "pg.public.held", "v")
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as session:
        session.stdin.write("BEGIN; LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60);\n")
        session.stdin.flush()
        time.sleep(0.5)
        assert root_user.call("POST", "/api/v1/skimmer/scan", {"table": "pg.public.held"}).status_code == 204
        failure = wait_for(lambda: [one for one in status(root_user)["failures"] if one["table"] == "pg.public.held"])
        session.kill()
    assert failure[0]["reason"]
    postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()")
    assert columns_of(root_user, "pg.public.held")["v"]["info_type"] == "EMAIL_ADDRESS"  # what was known stays
    assert root_user.call("POST", "/api/v1/skimmer/scan", {"table": "pg.public.held"}).status_code == 204
    wait_for(lambda: not [one for one in status(root_user)["failures"] if one["table"] == "pg.public.held"])


def test_a_table_that_was_empty_is_looked_at_again_when_it_has_grown(postgres, root_user):
    assert scanned_table(root_user, "pg.public.nothing", "b")["b"]["state"] == "pending"
    postgres.run("INSERT INTO public.nothing SELECT i, 'n' || i || '@example.com' FROM generate_series(1, 3000) i; ANALYZE public.nothing")
    wait_for(lambda: columns_of(root_user, "pg.public.nothing")["b"]["info_type"] == "EMAIL_ADDRESS")


def test_a_quota_of_everyone_is_not_used_up_by_looking(postgres, root_user):
    quota = root_user.call("POST", "/api/v1/lifeguard/quotas", {"everyone": True, "per": "1h", "rows": 5, "reason": "test"}).json()["id"]
    postgres.run("BEGIN; CREATE TABLE public.many (v text); INSERT INTO public.many SELECT 'q' || i || '@example.com' FROM generate_series(1, 500) i; COMMIT")
    assert scanned_table(root_user, "pg.public.many", "v")["v"]["info_type"] == "EMAIL_ADDRESS"
    assert root_user.call("DELETE", f"/api/v1/lifeguard/quotas/{quota}?reason=done").status_code in (200, 204)


def test_a_whole_schema_is_accepted_in_one_call(root_user):
    wait_for(lambda: status(root_user)["state"] == "idle")
    body = {"source": "pg", "schema": "public", "accept": True, "reason": "as proposed"}
    response = root_user.call("POST", "/api/v1/lifeguard/review", body)
    assert response.status_code == 200 and response.json()["reviewed"] >= 5, response.text
    left = pending(root_user)
    assert "pg.public.odd" not in left and "pg.public.broken" in left


def test_a_column_of_another_type_is_not_judged_by_what_it_was(postgres, root_user):
    postgres.run("BEGIN; CREATE TABLE public.turns (v text); INSERT INTO public.turns VALUES ('1'), ('2'), ('3'); COMMIT")
    assert scanned_table(root_user, "pg.public.turns", "v")["v"]["state"] == "open"
    postgres.run("ALTER TABLE public.turns ALTER v TYPE double precision USING v::double precision; ALTER TABLE public.turns RENAME v TO lat; UPDATE public.turns SET lat = 50.12345")
    rows = wait_for(lambda: "lat" in (rows := columns_of(root_user, "pg.public.turns")) and rows)
    assert list(rows) == ["lat"] and rows["lat"]["info_type"] == "LOCATION_COORDINATES"


def test_a_source_is_read_no_faster_than_allowed_on_average(program, postgres, tmp_path):
    def make(*names):
        postgres.run("".join(f"CREATE TABLE public.{name} AS SELECT 'a' || i || '@example.com' AS v FROM generate_series(1, 1000) i;" for name in names) + "ANALYZE")

    def seen(lake, name):
        return scanned_table(lake, f"pg.public.{name}", "v")["v"]["found_at_us"]

    yaml = f"""auth: {{mode: token}}
source: {{refresh: 200ms}}
skimmer: {{rows_per_second: 2000}}
sources:
  - {{name: pg, kind: postgres, options: {{host: 127.0.0.1, port: "{postgres.port}", database: postgres, user: postgres}}}}
tokens:
  - {{user: root, groups: [admin], token: "secret-of-root-0123456789"}}
"""
    first = [f"paced{i}" for i in range(6)]
    make(*first)
    server = Server(program, tmp_path, yaml, environment=SKIMMER_ON)
    try:
        lake = server.lake("secret-of-root-0123456789")
        begun = min(seen(lake, name) for name in first)
        make("paced_late")
        assert seen(lake, "paced_late") - begun > 2_900_000, "6,000 rows are three seconds' worth"
    finally:
        server.stop()
        postgres.run("DROP TABLE " + ", ".join(f"public.{name}" for name in [*first, "paced_late"]))


def test_numbers_for_the_operator(root_user):
    text = root_user.get("/metrics").text
    values = dict(line.split() for line in text.splitlines() if "skimmer" in line and not line.startswith("#"))
    assert int(values["townlake_skimmer_tables_total"]) >= 5 and int(values["townlake_skimmer_failures_total"]) >= 1
    assert int(values["townlake_skimmer_findings_total"]) >= 5


def test_a_pause_is_kept_over_a_restart(server, postgres, root_user):
    assert root_user.call("POST", "/api/v1/skimmer/pause", {}).status_code == 204
    server.restart(server.config.read_text().split("\n", 3)[3])
    assert status(root_user)["state"] == "paused"
    postgres.run("BEGIN; CREATE TABLE public.after_pause (email text); INSERT INTO public.after_pause VALUES ('a@example.com'), ('b@example.com'); COMMIT")
    wait_for(lambda: "pg.public.after_pause" in pending(root_user))
    time.sleep(1)
    assert columns_of(root_user, "pg.public.after_pause") == {}
    assert root_user.call("POST", "/api/v1/skimmer/resume", {}).status_code == 204
    assert scanned_table(root_user, "pg.public.after_pause", "email")["email"]["info_type"] == "EMAIL_ADDRESS"


def test_a_table_that_goes_away_and_a_source_that_goes_down_stop_nothing(server, postgres, root_user):
    postgres.run("DROP TABLE public.after_pause")
    subprocess.run(["sh", str(SCRIPT), "stop", str(postgres.folder)], check=True)
    assert root_user.call("POST", "/api/v1/skimmer/scan", {"source": "pg"}).status_code == 204
    assert wait_for(lambda: status(root_user)["failed"] > 1)
    kept = columns_of(root_user, "pg.public.people")
    assert kept["ssn"]["info_type"] == "US_SOCIAL_SECURITY_NUMBER"
    subprocess.run(["sh", str(SCRIPT), "start", str(postgres.folder), str(postgres.port)], check=True)
    assert root_user.call("POST", "/api/v1/skimmer/scan", {"source": "pg"}).status_code == 204
    wait_for(lambda: status(root_user)["failed"] <= 2)

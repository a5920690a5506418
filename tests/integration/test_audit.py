"""What was asked is on record before anything is answered, and nobody can change the record unseen."""
import concurrent.futures
import json
import subprocess

import pytest

from conftest import PROGRAM
from test_admission import Server
from townlake import Lake, StatementError


def records(lake, count=200, everything=True):
    return lake.get("/api/v1/audit", count=count, all="true" if everything else "false").json()


def of_statement(lake, text, **options):
    found = records(lake, **options)
    statement = next(r for r in reversed(found) if r["kind"] == "statement" and r["text"] == text)
    outcome = next((r for r in found if r["kind"] == "outcome" and r["id"] == statement["id"]), None)
    return statement, outcome


def test_a_statement_and_its_outcome_are_recorded(demo, lake):
    sql = "SELECT account_id, email FROM ops.public.accounts ORDER BY 1 LIMIT 7"
    lake.rows(sql)
    statement, outcome = of_statement(lake, sql)
    assert statement["user"] == "admin" and statement["groups"] == ["admin"] and statement["shown_by"] == "token"
    assert [table["name"] for table in statement["tables"]] == ["ops.public.accounts"] and "email" in statement["tables"][0]["columns"]
    assert statement["statement"] == "SELECT" and statement["source"] == "tests" and statement["decisions"] and statement["pii"] is False
    assert outcome["state"] == "finished" and outcome["rows"] == 7 and outcome["seq"] > statement["seq"]


@pytest.mark.parametrize("sql, error", [("SELECT * FROM ops.public.nothing_such", "table_not_found"), ("SELEC 1", "syntax"),
                                        ("SELECT * FROM read_csv('/etc/passwd')", None), ("SELECT CAST('x' || 'y' AS INTEGER)", "invalid_value")])
def test_what_was_refused_or_failed_is_recorded_too(lake, sql, error):
    code = lake.error(sql).code
    statement, outcome = of_statement(lake, sql)
    assert statement["user"] == "admin" and outcome["state"] == "failed" and outcome["error"] == code
    assert error is None or code == error


@pytest.mark.parametrize("sql", ["SHOW SCHEMAS FROM ops", "EXPLAIN SELECT * FROM ops.public.zones", "DESCRIBE ops.public.zones",
                                 "CREATE SCHEMA IF NOT EXISTS lake.audited", "EXECUTE IMMEDIATE 'SELECT 1'"])
def test_every_kind_of_statement_is_recorded(lake, sql):
    lake.run(sql)
    statement, outcome = of_statement(lake, sql)
    assert outcome["state"] == "finished" and statement["seq"] < outcome["seq"]


def test_the_record_is_there_before_the_first_row(demo, lake):
    page = lake.post("SELECT range AS only_begun FROM range(100000000)").json()
    statement = next(r for r in reversed(records(lake)) if r["kind"] == "statement" and "only_begun" in r["text"])
    assert statement["id"] == page["id"]
    assert not any(r["kind"] == "outcome" and r["id"] == page["id"] for r in records(lake))
    lake.http.delete(page["nextUri"])


def test_what_is_explained_by_running_it_is_on_record_before_it_runs(demo, lake):
    other = demo.lake()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(other.rows, "EXPLAIN ANALYZE SELECT sum(hash(range) % 7) AS analyzed_first FROM range(80000000)")
        found = []
        while not found and not running.done():
            found = [r for r in records(lake) if r["kind"] == "statement" and "analyzed_first" in r["text"]]
        assert found and not any(r["kind"] == "outcome" and r["id"] == found[0]["id"] for r in records(lake))
        assert not running.done()
        running.result(120)


def test_a_person_sees_their_own_records_only(demo):
    analyst = demo.lake("analyst")
    analyst.rows("SELECT 'analyst was here'")
    own = records(analyst, everything=False)
    assert own and {r["user"] for r in own} == {"analyst"}
    assert analyst.get("/api/v1/audit", all="true").status_code == 403
    assert analyst.get("/api/v1/audit/verify").status_code == 403
    assert analyst.value("SELECT count(*) FROM system.audit.records WHERE \"user\" <> 'analyst'") == 0
    assert analyst.value("SELECT count(*) > 0 FROM system.audit.records WHERE text LIKE '%analyst was here%'") is True


def test_records_are_a_table(lake):
    sql = "SELECT count(*) FROM ops.public.zones"
    lake.run(sql)
    rows = lake.rows(f"""SELECT s.user, s.tables, o.state, o.rows, typeof(s.at) FROM system.audit.records s JOIN system.audit.records o
                         ON o.id = s.id AND o.kind = 'outcome' WHERE s.kind = 'statement' AND s.text = '{sql}' ORDER BY s.seq DESC LIMIT 1""")
    assert rows[0][:4] == ["admin", ["ops.public.zones"], "finished", 1], rows


def test_the_chain_is_verified_over_http_and_on_the_files(demo, lake):
    report = lake.get("/api/v1/audit/verify").json()
    assert report["holds"] is True and report["records"] > 0
    folder = demo.folder / "state" / "audit"
    done = subprocess.run([str(PROGRAM), "audit", "verify", "--directory", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "the chain holds" in done.stdout, done
    head = done.stdout.strip().splitlines()[-1]
    lake.run("SELECT 1")
    again = subprocess.run([str(PROGRAM), "audit", "verify", "--directory", str(folder), "--expect", head], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again
    seq, digest = head.split(":")
    other = f"{seq}:{'0' if digest[0] != '0' else '1'}{digest[1:]}"
    refused = subprocess.run([str(PROGRAM), "audit", "verify", "--directory", str(folder), "--expect", other], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "written down" in refused.stderr


def test_a_changed_copy_is_found_and_exported_lines_are_json(demo, tmp_path):
    source = demo.folder / "state" / "audit"
    exported = subprocess.run([str(PROGRAM), "audit", "export", "--directory", str(source)], capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in exported.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    name = next(iter(source.iterdir())).name
    text = (source / name).read_text()
    (tmp_path / name).write_text(text.replace('"user":"admin"', '"user":"nobod"', 1))
    found = subprocess.run([str(PROGRAM), "audit", "verify", "--directory", str(tmp_path)], capture_output=True, text=True, check=False)
    assert found.returncode == 1 and "was changed" in found.stderr, found


def test_nothing_runs_without_its_record(tmp_path):
    """The audit's folder goes away under a running server: statements are refused, and run again when it is back."""
    server = Server(tmp_path, "{light_max: 4}\naudit: {segment: 1KiB}\nlifeguard: {default: open}")
    try:
        lake = Lake(server.url, user="ann")
        lake.run("CREATE SCHEMA lake.kept")
        lake.run("CREATE TABLE lake.kept.t AS SELECT 5 AS n")
        for _ in range(4):
            lake.run("SELECT 1")
        folder = tmp_path / "state" / "audit"
        folder.rename(tmp_path / "aside")
        errors = []
        for sql in ["SELECT 2"] * 6 + ["DROP SCHEMA lake.kept CASCADE"]:  # the file that is open takes a record or two more
            try:
                lake.run(sql)
            except StatementError as error:
                errors.append(error)
        assert errors and all("audit" in str(error) and "without its record" in error.hint for error in errors), errors
        (tmp_path / "aside").rename(folder)
        assert lake.value("SELECT n FROM lake.kept.t") == 5, "what was refused has changed nothing"
    finally:
        server.stop()

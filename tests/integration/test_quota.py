"""How much a person may take: refused with the quota's name, when it begins anew and who raises it."""
import subprocess
import time

import pytest

from conftest import PROGRAM
from test_admission import ADMIN_TOKEN, LONG, Server
from townlake import Lake, StatementError


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("quota"), "{light_max: 16}")
    yield running
    running.stop()


@pytest.fixture
def root(server):
    return Lake(server.url, ADMIN_TOKEN)


def quota(root, **body):
    response = root.call("POST", "/api/v1/lifeguard/quotas", {"reason": "test", **body})
    assert response.status_code == 200, response.text
    return response.json()["id"]


def test_rows_beyond_the_quota_do_not_leave(server, root):
    ann, bea = Lake(server.url, user="ann"), Lake(server.url, user="bea")
    assert len(ann.rows("SELECT range FROM range(50)")) == 50
    ident = quota(root, user="ann", per="1d", rows=3000)
    error = ann.error("SELECT range FROM range(1000000)")
    assert error.code == "quota_exceeded" and ident in error.error["message"] and "3000 rows in a day" in error.error["message"]
    assert "T00:00:00Z" in error.detail and "user ann" in error.detail and "group admin" in error.hint
    assert error.error["errorName"] == "EXCEEDED_SCAN_LIMIT"
    assert ann.error("SELECT 1").code == "quota_exceeded"
    assert ann.rows("SHOW CATALOGS") and bea.value("SELECT count(*) FROM range(1000000)") == 1000000
    outcome = root.rows("SELECT error FROM system.audit.records WHERE kind = 'outcome' AND \"user\" = 'ann' ORDER BY seq DESC LIMIT 2")
    assert ["quota_exceeded"] in outcome
    used = ann.get("/api/v1/lifeguard/quotas").json()
    assert [q["id"] for q in used["quotas"]] == [ident] and next(u for u in used["used"] if u["per"] == "1d")["rows"] >= 3000
    assert root.call("DELETE", f"/api/v1/lifeguard/quotas/{ident}?reason=raised").status_code == 204
    assert ann.value("SELECT 1") == 1


def test_a_statement_that_runs_too_long_is_ended(server, root):
    ident = quota(root, user="cid", per="1h", time="700ms")
    cid = Lake(server.url, user="cid")
    begun = time.monotonic()
    error = cid.error(LONG)
    assert error.code == "quota_exceeded" and "0.7 seconds in an hour" in error.error["message"] and time.monotonic() - begun < 20
    assert cid.error("SELECT 1").code == "quota_exceeded"
    root.call("DELETE", f"/api/v1/lifeguard/quotas/{ident}?reason=over")


def test_a_statement_that_is_explained_by_running_it_counts(server, root):
    ident = quota(root, user="eli", per="1h", time="1ms")
    eli = Lake(server.url, user="eli")
    assert eli.error("EXPLAIN ANALYZE SELECT sum(range % 7) FROM range(20000000)").code == "quota_exceeded"
    assert eli.error("EXPLAIN ANALYZE SELECT 1").code == "quota_exceeded"
    assert eli.rows("EXPLAIN SELECT 1")  # does not run
    root.call("DELETE", f"/api/v1/lifeguard/quotas/{ident}?reason=over")


def test_statements_at_once_share_one_quota(server, root):
    ident = quota(root, user="dot", per="1d", rows=5000)
    dot = Lake(server.url, user="dot")
    pages = [dot.post("SELECT range FROM range(100000)").json() for _ in range(4)]
    taken = 0
    while pages:
        page = pages.pop(0)
        taken += len(page.get("data", []))
        if "error" in page:
            assert page["error"]["townlake"]["code"] == "quota_exceeded"
        elif "nextUri" in page:
            pages.append(dot.http.get(page["nextUri"], timeout=60).json())
    assert taken <= 5000
    root.call("DELETE", f"/api/v1/lifeguard/quotas/{ident}?reason=over")


def test_command_line_makes_lists_and_ends_quotas(server):
    def run(*words):
        environment = {"TOWNLAKE_URL": server.url, "TOWNLAKE_TOKEN": ADMIN_TOKEN, "PATH": "/usr/bin:/bin"}
        done = subprocess.run([str(PROGRAM), "lifeguard", *words], capture_output=True, text=True, timeout=60, env=environment, check=False)
        assert done.returncode == 0, done
        return done.stdout
    ident = run("quota", "--group", "interns", "--per", "1d", "--rows", "1000", "--bytes", "1GiB", "--time", "10m", "--reason", "cli").strip()
    line = next(line for line in run("quotas").splitlines() if ident in line)
    assert "group interns" in line and "rows 1000 bytes 1073741824 time 600000ms" in line and line.endswith("cli")
    run("remove-quota", ident, "--reason", "cli")
    assert ident not in run("quotas")


def test_rows_that_sources_send_count_too(federated):
    admin, fraud = federated.lake("admin"), federated.lake("fraud")
    made = quota(admin, user="fraud", per="1d", rows_scanned=50)
    try:
        try:
            assert len(fraud.rows("SELECT account_id, plan || 'x' FROM ops.public.accounts")) > 50
        except StatementError as ended:  # a slow one is ended as soon as it has read too many
            assert ended.code == "quota_exceeded"
        error = fraud.error("SELECT 1")
        assert error.code == "quota_exceeded" and "50 rows read from sources in a day" in error.error["message"]
    finally:
        admin.call("DELETE", f"/api/v1/lifeguard/quotas/{made}?reason=over")
    assert fraud.value("SELECT 1") == 1


def test_rows_read_beyond_the_quota_end_what_comes_next(demo):
    admin, analyst = demo.lake("admin"), demo.lake("analyst")
    zones = analyst.value("SELECT count(*) FROM ops.public.zones")
    ident = quota(admin, user="analyst", per="1d", rows_scanned=2 * zones)
    try:
        with pytest.raises(StatementError) as ended:
            for _ in range(5):
                analyst.value("SELECT sum(zone_id) FROM ops.public.zones")
        assert ended.value.code == "quota_exceeded" and "rows read from sources" in ended.value.error["message"]
    finally:
        admin.call("DELETE", f"/api/v1/lifeguard/quotas/{ident}?reason=over")

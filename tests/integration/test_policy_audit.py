"""What happens to the rules, to personal data and to identities is on the chained audit, beside the statements."""
import json
import subprocess
import time

import pytest

from conftest import PROGRAM, Demo


@pytest.fixture(scope="module")
def closed(program, tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("audited") / "demo", scale="0.001", default="closed")
    yield running
    running.stop()


def call(lake, method, path, **body):
    return lake.call(method, f"/api/v1{path}", body or None)


def events(lake, **wanted):
    columns = ["kind", "user", "groups", "subject", "action", "reason", "about", "policy_version", "error", "changes"]
    rows = lake.rows("SELECT kind, \"user\", groups, subject, action, reason, about, policy_version, error, changes FROM system.audit.events ORDER BY seq")
    named = [dict(zip(columns, row)) for row in rows]
    return [event for event in named if all(event[key] == value for key, value in wanted.items())]


def test_changes_of_rules_are_rows_of_a_table(closed):
    admin = closed.lake("admin")
    made = call(admin, "POST", "/lifeguard/grants", group="analyst", privileges="read", scope={"source": "lake"}, duration="1h", reason="audited grant").json()
    call(admin, "DELETE", f"/lifeguard/grants/{made['id']}?reason=audited%20end")
    rule = {"column": "country", "op": "=", "value": "DE"}
    call(admin, "POST", "/lifeguard/row-rules", group="none", scope={"source": "ops"}, rule=rule, reason="audited rule")
    call(admin, "POST", "/lifeguard/review", table="ops.public.zones", columns={"domain": "masked:hash"}, reason="audited review")
    granted, = events(admin, kind="rules", reason="audited grant")
    assert (granted["user"], granted["groups"], granted["subject"], granted["action"]) == ("admin", ["admin"], "lake", "granted")
    change, = json.loads(granted["changes"])
    assert change["item"] == "grant" and change["name"] == made["id"] and change["body"]["reason"] == "audited grant"
    ended, = events(admin, kind="rules", reason="audited end")
    assert ended["action"] == "revoked" and ended["policy_version"] == granted["policy_version"] + 1 and json.loads(ended["changes"])[0]["body"] is None
    assert json.loads(events(admin, reason="audited rule")[0]["changes"])[0]["body"]["rule"]["values"] == ["DE"]
    assert "masked" in events(admin, reason="audited review")[0]["changes"]


def test_requests_and_choices_are_rows_too(closed):
    admin, analyst, fraud = closed.lake("admin"), closed.lake("analyst"), closed.lake("fraud")
    asked = call(analyst, "POST", "/lifeguard/requests", scope={"source": "ops"}, privileges="read", reason="audited request").json()["id"]
    call(admin, "POST", f"/lifeguard/requests/{asked}/deny", reason="audited no")
    assert [event["action"] for event in events(admin, kind="request", about=asked)] == ["asked", "denied"]
    analyst.error("SET SESSION pii = true", session="pii_reason=curious%20analyst")
    fraud.run("SET SESSION pii = true", session="pii_reason=audited%20case")
    assert [event["error"] for event in events(admin, kind="personal_data", user="analyst", reason="curious analyst")] == ["not_allowed"]
    assert [event["action"] for event in events(admin, kind="personal_data", user="fraud", reason="audited case")] == ["began"]
    assert call(analyst, "POST", "/lifeguard/pii", reason="by the API").status_code == 403
    assert len(events(admin, user="analyst", reason="by the API")) == 1 and not [e for e in events(admin, kind="refused") if "/pii" in e["subject"]]


def test_raw_readings_of_the_program_itself_are_recorded(closed):
    assert {event["reason"] for event in events(closed.lake("admin"), kind="raw_reading")} == {"the demo fills its lake"}


def test_who_was_turned_away_is_recorded_without_what_they_showed(closed):
    admin, analyst = closed.lake("admin"), closed.lake("analyst")
    time.sleep(1.1)
    assert call(analyst, "POST", "/lifeguard/grants", group="g", privileges="read", scope={}, reason="mine").status_code == 403
    assert call(analyst, "POST", "/sources", name="x", kind="files", options={"path": "/tmp"}).status_code == 403
    refused = [(event["user"], event["subject"]) for event in events(admin, kind="refused")]
    assert refused.count(("analyst", "/api/v1/lifeguard/grants")) == 1 and refused.count(("analyst", "/api/v1/sources")) == 1
    stranger = closed.lake("admin")
    stranger.headers["Authorization"] = "Bearer not-a-token-of-anybody"
    assert stranger.get("/api/v1/me").status_code == 401
    last = events(admin, kind="refused")[-1]
    assert last["subject"] == "/api/v1/me" and last["user"] == "" and "not-a-token" not in json.dumps(last)


def test_a_person_sees_events_of_their_own_only(closed):
    analyst = closed.lake("analyst")
    call(analyst, "POST", "/lifeguard/requests", scope={"source": "ops"}, privileges="read", reason="mine")
    assert {event["user"] for event in events(analyst)} == {"analyst"}


def test_the_chain_covers_them_and_they_are_exported(closed):
    folder = str(closed.folder / "state" / "audit")
    def audit(*words):
        return subprocess.run([str(PROGRAM), "audit", *words, "--directory", folder], capture_output=True, text=True, check=False)
    assert "the chain holds" in audit("verify").stdout
    kinds = {json.loads(line)["kind"] for line in audit("export").stdout.splitlines()}
    assert {"rules", "request", "personal_data", "raw_reading", "refused", "statement", "outcome"} <= kinds

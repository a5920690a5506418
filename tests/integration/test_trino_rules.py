"""A real Trino 476 under our rules: what each person sees there is what they see here.  Run by `make test-trino`."""
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

from conftest import ROOT, Demo
from leak import Finder, learn

sys.path.append(str(ROOT / "bench"))
import trino_server  # noqa: E402
from federation import catalogs_of  # noqa: E402

KEY = "a-key-for-tests"


@pytest.fixture(scope="module")
def closed(program):
    assert trino_server.missing() is None, trino_server.missing()
    folder = pathlib.Path("/tmp") / f"townlake-trino-{os.getpid()}"
    folder.mkdir(mode=0o755)
    running = Demo(folder / "demo", "--federated", default="closed", settings={"TOWNLAKE_LIFEGUARD_TRINO_KEY": "env:RULES_KEY", "RULES_KEY": KEY})
    for person in ("admin", "analyst", "fraud", "contractor"):
        running.lake(person).value("SELECT 1")  # now they are known, with their groups
    yield running
    running.stop()
    subprocess.run(["rm", "-rf", str(folder)], check=False)


@pytest.fixture(scope="module")
def trino(closed):
    control = (f"access-control.name=file\nsecurity.config-file={closed.url}/lifeguard/trino/rules.json?key={KEY}\nsecurity.refresh-period=1s\n")
    catalogs = catalogs_of(closed.folder, closed.url, closed.token("admin"))
    with trino_server.Trino(closed.folder.parent / "trino", catalogs, access_control=control, ready="SELECT count(*) FROM ops.public.zones", ready_user="analyst") as server:
        yield server


def rules(demo, **headers):
    return demo.lake().http.get(f"{demo.url}/lifeguard/trino/rules.json", params={"key": KEY}, headers=headers, timeout=60)


def test_rules_need_the_key_or_an_administrator(closed):
    http = closed.lake().http
    assert rules(closed).status_code == 200
    for key in ("", "wrong", KEY + "x"):
        assert http.get(f"{closed.url}/lifeguard/trino/rules.json", params={"key": key}, timeout=60).status_code == 401
    assert closed.lake("analyst").get("/lifeguard/trino/rules.json").status_code == 401
    assert closed.lake("admin").get("/lifeguard/trino/rules.json").status_code == 200


def test_rules_have_a_tag_that_changes_with_them(closed):
    first = rules(closed)
    tag = first.headers["ETag"]
    assert rules(closed, **{"If-None-Match": tag}).status_code == 304
    names = {rule.get("user") for rule in first.json()["tables"]}
    assert {"admin", "analyst", "fraud", "contractor", "fraud\\+pii"} <= names and "analyst\\+pii" not in names
    text = json.dumps(first.json())
    assert "tl_mask_hash" not in text and KEY not in text


@pytest.mark.parametrize("person", ["analyst", "contractor", "fraud"])
def test_the_same_rows_are_seen_in_both(closed, trino, person):
    lake = closed.lake(person)
    for sql in ("SELECT account_id, name, email, phone FROM ops.public.accounts ORDER BY 1", "SELECT customer_id, name, country, owner_email FROM ops.public.customers ORDER BY 1",
                "SELECT count(*) FROM ops.public.zones", 'SELECT country, count(*) FROM events."default".http_requests GROUP BY 1 ORDER BY 1',
                'SELECT DISTINCT client_ip FROM events."default".http_requests ORDER BY 1 LIMIT 20'):
        assert trino.rows(sql, user=person) == lake.rows(sql), (person, sql)


def test_nobody_sees_there_what_is_masked_here(closed, trino):
    secret = learn(closed.lake("admin"))
    for person in ("analyst", "contractor"):
        finder = Finder(secret[person])
        for sql in ("SELECT * FROM ops.public.accounts", "SELECT * FROM ops.public.customers"):
            assert finder.find(json.dumps(trino.rows(sql, user=person), ensure_ascii=False)) is None
    assert Finder(secret["analyst"]).find(json.dumps(trino.rows("SELECT * FROM ops.public.accounts", user="fraud+pii"), ensure_ascii=False)), "a choice shows it"


@pytest.mark.parametrize("person, sql", [("contractor", "SELECT * FROM ops.public.invoices"), ("nobody", "SELECT * FROM ops.public.customers"),
                                         ("analyst+pii", "SELECT * FROM ops.public.customers"), ("analyst", "DELETE FROM ops.public.customers")])
def test_what_is_closed_here_is_closed_there(trino, person, sql):
    with pytest.raises(RuntimeError, match="Access Denied|not allowed|does not exist|cannot be resolved"):
        trino.rows(sql, user=person)


def test_a_change_is_seen_within_seconds(closed, trino):
    admin = closed.lake("admin")
    assert len(trino.rows("SELECT zone_id FROM ops.public.zones LIMIT 1", user="analyst")) == 1
    deny = {"group": "analyst", "privileges": "read", "effect": "deny", "scope": {"source": "ops", "schema": "public", "table": "zones"}, "reason": "test"}
    made = admin.call("POST", "/api/v1/lifeguard/grants", deny)
    assert made.status_code in (200, 201), made.text
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            trino.rows("SELECT zone_id FROM ops.public.zones LIMIT 1", user="analyst")
        except RuntimeError:
            return
        time.sleep(0.2)
    raise AssertionError("the denial did not reach Trino")


# ---- the same through its OPA plugin ----


@pytest.fixture(scope="module")
def asking(closed):
    """A Trino that asks for every statement."""
    uris = {"opa.policy.uri": "allow", "opa.policy.batched-uri": "batch", "opa.policy.row-filters-uri": "row-filters", "opa.policy.batch-column-masking-uri": "column-masks"}
    control = "access-control.name=opa\n" + "".join(f"{name}={closed.url}/lifeguard/opa/{path}?key={KEY}\n" for name, path in uris.items())
    catalogs = catalogs_of(closed.folder, closed.url, closed.token("admin"))
    with trino_server.Trino(closed.folder.parent / "trino-opa", catalogs, access_control=control, ready="SELECT count(*) FROM ops.public.customers", ready_user="analyst") as server:
        yield server


@pytest.mark.parametrize("person", ["analyst", "contractor", "fraud"])
def test_the_same_rows_are_seen_by_asking(closed, asking, person):
    lake = closed.lake(person)
    for sql in ("SELECT account_id, name, email, phone FROM ops.public.accounts ORDER BY 1", "SELECT customer_id, name, country, owner_email FROM ops.public.customers ORDER BY 1",
                'SELECT country, count(*) FROM events."default".http_requests GROUP BY 1 ORDER BY 1'):
        assert asking.rows(sql, user=person) == lake.rows(sql), (person, sql)


def test_asking_shows_only_what_may_be_read(closed, asking):
    assert ["invoices"] not in asking.rows("SHOW TABLES FROM ops.public", user="contractor")
    assert ["customers"] in asking.rows("SHOW TABLES FROM ops.public", user="contractor")
    secret = learn(closed.lake("admin"))
    assert Finder(secret["analyst"]).find(json.dumps(asking.rows("SELECT * FROM ops.public.accounts", user="analyst"), ensure_ascii=False)) is None
    assert Finder(secret["analyst"]).find(json.dumps(asking.rows("SELECT * FROM ops.public.accounts", user="fraud+pii"), ensure_ascii=False))


@pytest.mark.parametrize("person, sql", [("contractor", "SELECT * FROM ops.public.invoices"), ("nobody", "SELECT 1"), ("analyst+pii", "SELECT 1"), ("townlake+rules", "SELECT 1"),
                                         ("analyst", "DELETE FROM ops.public.customers"), ("analyst", "CREATE TABLE ops.public.mine (a int)")])
def test_what_is_closed_here_is_denied_to_who_asks(asking, person, sql):
    with pytest.raises(RuntimeError, match="Access Denied|not allowed|does not exist|cannot be resolved"):
        asking.rows(sql, user=person)


def test_a_denial_holds_for_the_next_statement(closed, asking):
    admin = closed.lake("admin")
    sql = "SELECT customer_id FROM ops.public.customers LIMIT 1"
    assert len(asking.rows(sql, user="fraud")) == 1
    deny = {"group": "fraud", "privileges": "read", "effect": "deny", "scope": {"source": "ops", "schema": "public", "table": "customers"}, "reason": "test"}
    made = admin.call("POST", "/api/v1/lifeguard/grants", deny).json()["id"]
    with pytest.raises(RuntimeError, match="Access Denied"):
        asking.rows(sql, user="fraud")
    admin.call("DELETE", f"/api/v1/lifeguard/grants/{made}?reason=over")
    assert len(asking.rows(sql, user="fraud")) == 1

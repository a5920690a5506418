"""SCIM 2.0: the compliance run of scim2-tester, what large identity providers send, and what it opens and closes."""
import os
import pathlib
import sqlite3
import subprocess
import time

import pytest
import requests

from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKER = pathlib.Path(os.environ.get("TOWNLAKE_SCIM_CHECKER", ROOT / ".deps" / "scim" / "bin" / "scim2"))
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
YAML = """
auth: {mode: token}
scim: {enabled: true}
tokens:
  - {user: root, groups: [admin], token: roots-token}
  - {user: ana@example.com, groups: [], token: anas-token}
"""


class Scim:
    def __init__(self, server):
        self.server, self.base = server, server.url + "/scim/v2"
        root = server.lake("roots-token")
        self.token = root.call("POST", "/api/v1/tokens", {"name": "push", "service": "idp", "scopes": "scim"}).json()["token"]
        self.personal = server.lake("anas-token").call("POST", "/api/v1/tokens", {"name": "mine"}).json()["token"]

    def call(self, method, path, body=None, token=None, **headers):
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/scim+json", **headers}
        return requests.request(method, f"{self.base}/{path}", json=body, headers=headers, timeout=30)

    def make(self, kind, body):
        response = self.call("POST", kind, body)
        assert response.status_code == 201, response.text
        return response.json()

    def patch(self, path, *operations):
        return self.call("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    def find(self, kind, text):
        response = self.call("GET", f"{kind}?filter={requests.utils.quote(text)}")
        assert response.status_code == 200, response.text
        return response.json()["Resources"]

    def me(self):
        return self.server.me(Authorization=f"Bearer {self.personal}")

    def clear(self):
        for kind in ("Groups", "Users"):
            for resource in self.call("GET", kind + "?count=1000").json()["Resources"]:
                assert self.call("DELETE", f"{kind}/{resource['id']}").status_code == 204


@pytest.fixture(scope="module")
def running(program, tmp_path_factory):
    server = Server(program, tmp_path_factory.mktemp("scim"), YAML)
    yield Scim(server)
    server.stop()


@pytest.fixture
def scim(running):
    yield running
    running.clear()


def user(login="ana@example.com", **more):
    return {"schemas": [USER], "userName": login, **more}


def group(name, *members):
    return {"schemas": [GROUP], "displayName": name, "members": [{"value": member} for member in members]}


def test_the_compliance_run_passes(scim):
    done = subprocess.run([str(CHECKER), "--url", scim.base, "test"], capture_output=True, text=True, timeout=180, check=False,
                          env={**os.environ, "SCIM_CLI_HEADERS": f"Authorization: Bearer {scim.token}", "NO_COLOR": "1"})
    report = done.stdout + done.stderr
    assert done.returncode == 0 and "ERROR" not in report and "SUCCESS" in report, report
    assert report.count("SUCCESS") > 60, report


def test_pushed_groups_count_at_once_also_through_groups_in_groups(scim):
    ana = scim.make("Users", user("Ana@Example.com", title="lead", **{ENTERPRISE: {"department": "sales"}}))
    inner = scim.make("Groups", group("analyst", ana["id"]))
    outer = scim.make("Groups", group("everybody", inner["id"]))
    me = scim.me().json()
    assert sorted(me["groups"]) == ["analyst", "everybody"] and me["attributes"] == {"title": "lead", "department": "sales"}
    seen = scim.call("GET", f"Users/{ana['id']}").json()
    assert {(g["display"], g["type"]) for g in seen["groups"]} == {("analyst", "direct"), ("everybody", "indirect")}
    assert scim.patch(f"Groups/{inner['id']}", {"op": "remove", "path": f'members[value eq "{ana["id"]}"]'}).status_code == 200
    assert scim.me().json()["groups"] == []
    scim.patch(f"Groups/{inner['id']}", {"op": "add", "path": "members", "value": [{"value": outer["id"]}, {"value": ana["id"]}]})
    assert sorted(scim.me().json()["groups"]) == ["analyst", "everybody"], "a ring of groups ends"
    assert scim.call("DELETE", f"Groups/{outer['id']}").status_code == 204
    assert scim.me().json()["groups"] == ["analyst"]


def test_a_user_who_is_not_active_is_out_until_active_again(scim):
    ana = scim.make("Users", user())
    assert scim.me().status_code == 200
    for value in (False, "False"):
        assert scim.patch(f"Users/{ana['id']}", {"op": "Replace", "path": "active", "value": value}).status_code == 200
        response = scim.me()
        assert response.status_code == 401 and "is not active" in response.json()["message"]
        scim.patch(f"Users/{ana['id']}", {"op": "Replace", "value": {"active": "True"}})
        assert scim.me().status_code == 200
    assert scim.server.me(Authorization="Bearer anas-token").status_code == 200, "tokens of the configuration are not the provider's"


def test_only_a_token_with_the_scope_pushes(scim):
    for token in ("roots-token", "anas-token", scim.personal):
        response = scim.call("POST", "Users", user("eve"), token=token)
        assert response.status_code == 403 and response.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert response.json()["status"] == "403" and 'lacks the scope "scim"' in response.json()["detail"]
    assert scim.call("GET", "Users", token="x").status_code == 401
    assert requests.get(scim.base + "/Users", timeout=30).status_code == 401
    assert scim.find("Users", 'userName eq "eve"') == []


def test_pushes_are_on_the_record(scim):
    ana = scim.make("Users", user())
    scim.patch(f"Users/{ana['id']}", {"op": "replace", "path": "active", "value": True})
    answer = scim.server.lake("roots-token").get("/api/v1/audit", all="true", count="1000").json()
    pushed = [r for r in (answer["records"] if isinstance(answer, dict) else answer) if r["kind"] == "scim"]
    assert [(r["user"], r["about"]) for r in pushed if r["subject"] == f"Users/{ana['id']}"] == [("idp", "PATCH")]


def test_names_are_unique_without_case(scim):
    scim.make("Users", user("ben@example.com"))
    response = scim.call("POST", "Users", user("BEN@example.com"))
    assert response.status_code == 409 and response.json()["scimType"] == "uniqueness"
    other = scim.make("Users", user("cid@example.com"))
    response = scim.patch(f"Users/{other['id']}", {"op": "replace", "path": "userName", "value": "Ben@Example.com"})
    assert response.status_code == 409
    assert scim.call("GET", f"Users/{other['id']}").json()["userName"] == "cid@example.com"


def test_filters_find_what_they_say(scim):
    work = {"value": "ana@work.test", "type": "work", "primary": True}
    ana = scim.make("Users", user("ana@x.test", displayName='A "q" \\', externalId="E1", emails=[work, {"value": "ana@home.test", "type": "home"}],
                                  **{ENTERPRISE: {"department": "Sales"}}))
    ben = scim.make("Users", user("ben@x.test", active=False, name={"familyName": "Berg"}))
    for text, wanted in [
        ('userName eq "ANA@x.test"', [ana]), ('USERNAME Eq "ben@X.test"', [ben]), ('userName sw "a"', [ana]), ('userName ew "x.test"', [ana, ben]),
        ('userName co "en@"', [ben]), ('userName ne "ana@x.test"', [ben]), ('userName gt "b"', [ben]), ('userName lt "b"', [ana]),
        ("active eq false", [ben]), ("not (active eq false)", [ana]), ("displayName pr", [ana]), ("not (displayName pr)", [ben]),
        ('name.familyName eq "berg"', [ben]), ('externalId eq "E1"', [ana]), (f'id eq "{ana["id"]}"', [ana]),
        ('emails[type eq "work" and value co "@work"]', [ana]), ('emails[type eq "home" and value co "@work"]', []),
        ('emails.value eq "ana@home.test"', [ana]), ('emails eq "ana@home.test"', [ana]), ("emails.primary eq true", [ana]),
        (f'{ENTERPRISE}:department eq "sales"', [ana]), (f'{USER}:userName eq "ben@x.test"', [ben]),
        ('userName sw "a" or name.familyName sw "b" and active eq false', [ana, ben]),
        ('(userName sw "a" or userName sw "b") and active eq false', [ben]),
        ('displayName eq "A \\"q\\" \\\\"', [ana]), ("title eq null", [ana, ben]), ('userName eq 7', []), ('nothing eq "x"', []),
    ]:
        found = [resource["id"] for resource in scim.find("Users", text)]
        assert found == [resource["id"] for resource in wanted], text


@pytest.mark.parametrize("text", ["userName", "userName eq", 'eq "x"', 'userName is "x"', '(userName eq "x"', 'userName eq "x" and', "userName eq x",
                                  'userName eq "x', 'emails[type eq "x"', "not userName pr", "(" * 50 + "userName pr" + ")" * 50, "userName eq {}",
                                  " and ".join(["userName pr"] * 300), "x" * 9000])
def test_filters_that_cannot_be_read_are_refused(scim, text):
    response = scim.call("GET", f"Users?filter={requests.utils.quote(text)}")
    assert response.status_code in (400, 414, 431), response.text
    assert response.status_code != 400 or response.json().get("scimType") == "invalidFilter"


def test_pages_are_counted_from_one(scim):
    for i in range(5):
        scim.make("Users", user(f"p{i}"))
    page = scim.call("GET", "Users?startIndex=2&count=2").json()
    assert page["totalResults"] == 5 and page["startIndex"] == 2 and [r["userName"] for r in page["Resources"]] == ["p1", "p2"]
    assert scim.call("GET", "Users?count=0").json()["totalResults"] == 5
    assert scim.call("GET", "Users?startIndex=-3&count=1").json()["Resources"][0]["userName"] == "p0"
    assert scim.call("GET", "Users?count=x").status_code == 400


def test_a_search_spans_users_and_groups(scim):
    ana, ben = scim.make("Users", user("ana")), scim.make("Users", user("ben"))
    one = scim.make("Groups", group("g", ana["id"]))
    ids = [ana["id"], ben["id"], one["id"]]

    def search(path=".search", **body):
        response = scim.call("POST", path, body)
        assert response.status_code == 200, response.text
        return response.json()
    assert [r["id"] for r in search()["Resources"]] == ids and search()["totalResults"] == 3
    assert [r["id"] for r in search(startIndex=2, count=2)["Resources"]] == ids[1:]
    assert [r["id"] for r in search("Users/.search", filter='userName sw "b"')["Resources"]] == [ben["id"]]
    assert set(search("Groups/.search", attributes=["displayName"])["Resources"][0]) == {"schemas", "id", "displayName"}
    assert scim.call("GET", ".search").status_code == 405
    assert scim.call("POST", ".search", {"filter": "x"}).status_code == 400


def test_what_large_providers_send_works(scim):
    ana = scim.make("Users", user(name={"givenName": "Ana"}, emails=["ana@example.com"], unknown={"x": 1}))
    assert ana["emails"] == [{"value": "ana@example.com"}] and "unknown" not in ana
    path = f"Users/{ana['id']}"
    assert scim.patch(path, {"op": "Add", "path": 'emails[type eq "work"].value', "value": "w@x"}).status_code == 200
    answer = scim.patch(path, {"op": "Replace", "value": {"name.familyName": "Berg", f"{ENTERPRISE}:department": "ops", "displayName": "A",
                                                          "unknown": "x", "active": "False"}}).json()
    assert answer["name"] == {"givenName": "Ana", "familyName": "Berg"} and answer[ENTERPRISE] == {"department": "ops"}
    assert {"type": "work", "value": "w@x"} in answer["emails"] and answer["active"] is False
    assert ENTERPRISE in answer["schemas"]
    one = scim.make("Groups", group("g", ana["id"]))
    answer = scim.patch(f"Groups/{one['id']}", {"op": "Remove", "path": "members", "value": [{"value": ana["id"]}]})
    assert answer.status_code == 200 and "members" not in answer.json()


def test_changes_that_make_no_sense_are_refused_and_change_nothing(scim):
    ana = scim.make("Users", user(displayName="A"))
    path, before = f"Users/{ana['id']}", scim.call("GET", f"Users/{ana['id']}").json()
    for operation, kind in [
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"), ({"op": "replace", "path": "groups", "value": []}, "mutability"),
        ({"op": "replace", "path": "nothing", "value": "x"}, "invalidPath"), ({"op": "replace", "path": "a[", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "userName[x pr]", "value": "x"}, "invalidPath"), ({"op": "remove", "path": "userName"}, "invalidValue"),
        ({"op": "replace", "path": "userName", "value": ""}, "invalidValue"), ({"op": "replace", "path": "userName", "value": "a\nb"}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": "maybe"}, "invalidValue"), ({"op": "replace", "path": "displayName", "value": 7}, "invalidValue"),
        ({"op": "replace", "path": 'emails[type eq "work"].value', "value": "x"}, "noTarget"), ({"op": "remove"}, "noTarget"),
        ({"op": "move", "path": "title", "value": "x"}, "invalidSyntax"), ({"op": "add", "path": "title"}, "invalidValue"),
    ]:
        response = scim.patch(path, {"op": "replace", "path": "displayName", "value": "changed"}, operation)
        assert response.status_code == 400 and response.json()["scimType"] == kind, (operation, response.text)
    assert scim.call("GET", path).json() == before
    for body in ({}, {"Operations": []}, {"Operations": "x"}, {"Operations": [{"op": "add", "path": "title", "value": "x"}] * 1001}):
        assert scim.call("PATCH", path, body).status_code in (400, 413)
    for body in ({}, {"userName": 7}, {"userName": "x" * 300}, [], "x"):
        assert scim.call("POST", "Users", body).status_code == 400
    assert scim.call("POST", "Groups", group("g", "nobody")).status_code == 400
    assert scim.find("Groups", 'displayName eq "g"') == [], "a group whose member is unknown is not half made"
    assert requests.post(scim.base + "/Users", data="{", headers={"Authorization": f"Bearer {scim.token}"}, timeout=30).status_code == 400


def test_versions_keep_two_writers_apart(scim):
    ana = scim.make("Users", user())
    path, version = f"Users/{ana['id']}", ana["meta"]["version"]
    assert scim.call("GET", path, **{"If-None-Match": version}).status_code == 304
    assert scim.call("PUT", path, user(title="a"), **{"If-Match": version}).status_code == 200
    assert scim.call("PUT", path, user(title="b"), **{"If-Match": version}).status_code == 412
    assert scim.call("DELETE", path, **{"If-Match": version}).status_code == 412
    assert scim.call("GET", path).json()["title"] == "a"
    assert scim.call("PUT", path, user(), **{"If-Match": "*"}).json().get("title") is None


def test_a_user_who_is_deleted_leaves_the_groups(scim):
    ana, ben = scim.make("Users", user()), scim.make("Users", user("ben"))
    one = scim.make("Groups", group("g", ana["id"], ben["id"]))
    assert scim.call("DELETE", f"Users/{ana['id']}").status_code == 204
    assert [member["value"] for member in scim.call("GET", f"Groups/{one['id']}").json()["members"]] == [ben["id"]]
    assert scim.call("DELETE", f"Users/{ana['id']}").status_code == 404
    assert scim.me().json()["groups"] == []


def test_attributes_are_chosen_by_the_caller(scim):
    ana = scim.make("Users", user(displayName="A", title="t"))
    assert set(scim.call("GET", f"Users/{ana['id']}?attributes=title").json()) == {"schemas", "id", "title"}
    assert "title" not in scim.call("GET", f"Users/{ana['id']}?excludedAttributes=title,{USER}:displayName").json()
    assert "displayName" not in scim.call("GET", f"Users/{ana['id']}?excludedAttributes=title,{USER}:displayName").json()


def test_other_addresses_are_not_found_in_scims_form(scim):
    for path in ("Nothing", "Users/x/y", "Users/%00", "Schemas/urn:x", "ResourceTypes/x", "Users/" + "x" * 500):
        response = scim.call("GET", path)
        assert response.status_code in (400, 404) and response.headers["Content-Type"].startswith("application/scim+json"), path


def test_a_group_of_thousands_is_changed_by_one(scim):
    big = scim.make("Groups", group("big"))
    scim.server.stop()
    with sqlite3.connect(scim.server.folder / "state" / "state.db") as state:
        for i in range(5000):
            state.execute("INSERT INTO scim_resource (id, type, folded, active, body, version, created_at_us, changed_at_us, name) VALUES "
                          "(?, 'User', ?, 1, ?, 1, 1, 1, ?)", (f"u{i:05}", f"u{i}", '{"userName":"u%d"}' % i, f"u{i}"))
            state.execute("INSERT INTO scim_member (group_id, member_id, body) VALUES (?, ?, ?)", (big["id"], f"u{i:05}", '{"value":"u%05d"}' % i))
    state.close()
    scim.server.start(YAML)
    ana = scim.make("Users", user())
    started = time.monotonic()
    assert scim.patch(f"Groups/{big['id']}", {"op": "add", "path": "members", "value": [{"value": ana["id"]}]}).status_code == 200
    assert time.monotonic() - started < 10
    assert scim.me().json()["groups"] == ["big"]
    assert len(scim.call("GET", f"Groups/{big['id']}").json()["members"]) == 5001
    scim.server.stop()
    with sqlite3.connect(scim.server.folder / "state" / "state.db") as state:
        state.execute("DELETE FROM scim_resource WHERE id LIKE 'u0%'")
    state.close()
    scim.server.start(YAML)


def test_scim_is_off_unless_asked_for(program, tmp_path):
    server = Server(program, tmp_path, YAML.replace("scim: {enabled: true}", ""))
    try:
        off = Scim(server)
        assert off.call("GET", "Users").status_code == 404
    finally:
        server.stop()

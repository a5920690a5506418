"""Signing in at a real OpenID Connect provider: by browser and by Bearer token, and the attacks on both."""
import base64
import concurrent.futures
import hashlib
import json
import os
import re
import signal
import sqlite3
import time
import urllib.parse

import pytest
import requests

from identity_servers import Browser, Script
from server import Server, free_port

PEOPLE = [
    {"sub": "u1", "email": "Ana@example.com", "email_verified": True, "password": "a", "groups": ["analyst", "eu"], "department": "sales"},
    {"sub": "u2", "email": "ben@example.com", "email_verified": True, "password": "b", "groups": ["admin"]},
    {"sub": "u3", "email": "eve@example.com", "email_verified": False, "password": "e", "groups": ["admin"]},
    {"sub": "u4", "email": "max@example.com", "email_verified": True, "password": "m", "groups": [f"g{i}" for i in range(10000)]},
]
YAML = """
auth: {{mode: oidc, attribute_claims: department, clock_skew: 5s}}
oidc: {{issuer: "{issuer}", client_id: {client}, client_secret: "env:LAKE_CLIENT_SECRET", redirect_url: "{url}/auth/callback",
       scopes: openid email profile groups offline_access}}
session: {{refresh: {refresh}, idle: {idle}}}
groups: {{refresh: 1s, grace: {grace}, claims_keep: 10s}}
"""


class World:
    def __init__(self, program, folder, client="lake", refresh="10m", idle="2h", grace="1h", userinfo=False, **provider):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "people.json").write_text(json.dumps(PEOPLE))
        self.provider = Script("provider.mjs", None, folder / "people.json", f"{self.url}/auth/callback", **provider)
        yaml = YAML.format(issuer=self.provider.url, client=client, url=self.url, refresh=refresh, idle=idle, grace=grace)
        if client == "lake-public":
            yaml = yaml.replace('client_secret: "env:LAKE_CLIENT_SECRET", ', "")
        if userinfo:
            yaml = yaml.replace("oidc: {", "oidc: {userinfo: true, ")
        self.yaml = yaml
        try:
            self.server = Server(program, folder / "server", yaml, port=self.port, environment={"LAKE_CLIENT_SECRET": "the secret/of+it"})
        except Exception:
            self.provider.stop()
            raise

    def signed_in(self, login="Ana@example.com", password="a"):
        browser = Browser()
        response = browser.sign_in(self.url, login, password)
        assert response.status_code == 302, response.text
        return browser

    def me(self, browser, **headers):
        return browser.get(self.url + "/api/v1/me", **headers)

    def stop(self):
        try:
            self.server.stop()
        finally:
            self.provider.stop()


@pytest.fixture(scope="module")
def world(program, tmp_path_factory):
    running = World(program, tmp_path_factory.mktemp("oidc"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def short(program, tmp_path_factory):
    """Sessions are refreshed every second."""
    running = World(program, tmp_path_factory.mktemp("short"), refresh="1s", idle="20s", grace="4s")
    yield running
    running.stop()


def id_token(world, login="Ana@example.com", password="a", client="lake"):
    """An ID token of the provider for a client, got as that client would."""
    browser, verifier = Browser(), "v" * 43
    import hashlib
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = urllib.parse.urlencode({"client_id": client, "redirect_uri": world.url + "/auth/callback", "response_type": "code",
                                    "scope": "openid email groups", "code_challenge": challenge, "code_challenge_method": "S256"})
    _, response = browser.follow(browser.get(f"{world.provider.url}/auth?{query}"), world.url)
    url, _ = browser.follow(browser.answer_form(response, login, password), world.url)
    code = urllib.parse.parse_qs(urllib.parse.urlparse(url).query)["code"][0]
    answer = requests.post(world.provider.url + "/token", auth=(client, urllib.parse.quote_plus("the secret/of+it")), timeout=10,
                           data={"grant_type": "authorization_code", "code": code, "redirect_uri": world.url + "/auth/callback",
                                 "code_verifier": verifier})
    assert answer.status_code == 200, answer.text
    return answer.json()["id_token"]


# ---- in and out ----

def test_a_browser_signs_in_and_is_known_with_groups_and_attributes(world):
    browser = world.signed_in()
    me = world.me(browser).json()
    assert me["user"] == "ana@example.com" and me["groups"] == ["analyst", "eu"] and me["by"] == "session"
    assert me["attributes"] == {"department": "sales"} and me["authenticated"]


def wait_until_out(world, browser):
    deadline = time.monotonic() + 10
    while world.me(browser).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def change_sessions(world, sql):
    with sqlite3.connect(world.server.folder / "state" / "state.db", timeout=10) as state:
        state.execute(sql)


def end_at_the_provider(world, browser):
    """As a person does at the provider's own page."""
    page = browser.http.get(f"{world.provider.url}/session/end", timeout=30)
    xsrf = re.search(r'name="xsrf" value="([^"]+)"', page.text).group(1)
    answer = browser.http.post(f"{world.provider.url}/session/end/confirm", data={"xsrf": xsrf, "logout": "yes"}, timeout=30, allow_redirects=False)
    assert answer.status_code in (302, 303), answer.text


def test_a_sign_in_that_ends_at_the_provider_ends_here(world):
    ana, elsewhere, ben = world.signed_in(), world.signed_in(), world.signed_in("ben@example.com", "b")
    assert world.me(ana).status_code == 200
    end_at_the_provider(world, ana)
    wait_until_out(world, ana)
    assert world.me(elsewhere).status_code == 200 and world.me(ben).status_code == 200  # other sessions at the provider


def test_a_sign_in_that_names_no_session_of_the_provider_ends_with_its_person(world):
    ana, ben = world.signed_in(), world.signed_in("ben@example.com", "b")
    change_sessions(world, "UPDATE browser_session SET provider_session_hash = NULL")
    end_at_the_provider(world, ana)
    wait_until_out(world, ana)
    assert world.me(ben).status_code == 200


def test_only_a_logout_token_of_the_provider_ends_a_sign_in(world):
    ana = world.signed_in()
    url = world.url + "/auth/backchannel-logout"
    token = id_token(world)
    head, body, signature = token.split(".")
    for form, status in [({}, 400), ({"logout_token": ""}, 401), ({"logout_token": "x.y.z"}, 401), ({"logout_token": token}, 401),
                         ({"logout_token": f"{head}.{body}."}, 401), ({"other": token}, 400)]:
        response = requests.post(url, data=form, timeout=30)
        assert response.status_code == status and response.headers["Cache-Control"] == "no-store", (form, response.text)
    assert world.me(ana).status_code == 200


# ---- claims that are not in the ID token ----

def test_groups_come_from_userinfo_where_the_id_token_has_none(program, tmp_path):
    asking = World(program, tmp_path, userinfo=True, CLAIMS="userinfo")
    try:
        me = asking.me(asking.signed_in()).json()
        assert me["user"] == "ana@example.com" and me["groups"] == ["analyst", "eu"] and me["attributes"] == {"department": "sales"}
    finally:
        asking.stop()


@pytest.mark.parametrize("userinfo, answer, why", [("other", 401, "about somebody else"), ("down", 503, "userinfo does not answer")])
def test_userinfo_of_another_or_of_nobody_lets_nobody_in(program, tmp_path, userinfo, answer, why):
    asking = World(program, tmp_path, userinfo=True, CLAIMS="userinfo", USERINFO=userinfo)
    try:
        response = Browser().sign_in(asking.url, "Ana@example.com", "a")
        assert response.status_code == answer and why in response.text, response.text
    finally:
        asking.stop()


def test_without_userinfo_an_id_token_without_claims_is_nobody(program, tmp_path):
    silent = World(program, tmp_path, CLAIMS="userinfo")
    try:
        response = Browser().sign_in(silent.url, "Ana@example.com", "a")
        assert response.status_code == 401 and "does not name its user" in response.text
    finally:
        silent.stop()


@pytest.mark.parametrize("client", ["lake-es", "lake-ed", "lake-public"])
def test_other_signatures_and_a_public_client_work(program, tmp_path, client):
    other = World(program, tmp_path, client=client)
    try:
        assert other.me(other.signed_in()).json()["user"] == "ana@example.com"
    finally:
        other.stop()


def test_cookies_are_closed_to_scripts_and_other_sites(world):
    browser = Browser()
    start = browser.get(world.url + "/auth/login")
    end = browser.sign_in(world.url, "Ana@example.com", "a")
    for response in (start, end):
        for line in response.raw.headers.getlist("Set-Cookie"):
            assert "; HttpOnly" in line and "; SameSite=Lax" in line and "; Path=/" in line and "Domain" not in line
        assert response.headers["Cache-Control"] == "no-store" and response.headers["Referrer-Policy"] == "no-referrer"


def test_signing_out_ends_the_session_here_and_tells_where_it_ends_there(world):
    browser = world.signed_in()
    cookie, csrf = browser.cookie(), world.me(browser).json()["csrf_token"]
    response = browser.http.post(world.url + "/auth/logout", headers={"X-Townlake-CSRF": csrf}, timeout=30)
    assert response.status_code == 200
    location = urllib.parse.urlparse(response.json()["location"])
    asked = urllib.parse.parse_qs(location.query)
    assert response.json()["location"].startswith(world.provider.url + "/session/end?") and "id_token_hint" in asked
    assert asked["post_logout_redirect_uri"] == [world.url + "/"]
    assert browser.get(response.json()["location"]).status_code in (200, 302, 303)
    assert browser.cookie() is None
    again = requests.get(world.url + "/api/v1/me", cookies={"townlake": cookie}, timeout=30)
    assert again.status_code == 401 and "not known" in again.json()["message"]
    assert "Max-Age=0" in again.headers["Set-Cookie"]


def test_a_session_survives_a_restart_of_the_server(world):
    browser = world.signed_in()
    world.server.restart(world.yaml)
    assert world.me(browser).json()["user"] == "ana@example.com"


def test_a_session_makes_a_token_that_has_the_persons_groups_for_a_while(world):
    browser = world.signed_in()
    csrf = world.me(browser).json()["csrf_token"]
    made = browser.http.post(world.url + "/api/v1/tokens", json={"name": "script"}, headers={"X-Townlake-CSRF": csrf}, timeout=30)
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    assert world.server.me(Authorization=f"Bearer {token}").json()["groups"] == ["analyst", "eu"]
    assert requests.post(world.url + "/v1/statement", data="SELECT 1", auth=("ana@example.com", token), timeout=30).status_code == 200
    deadline = time.monotonic() + 20
    while world.server.me(Authorization=f"Bearer {token}").json()["groups"]:
        assert time.monotonic() < deadline, "groups.claims_keep is over and the groups still count"
        time.sleep(1)


def test_sign_ins_and_refusals_are_on_the_record(world):
    browser = world.signed_in("ben@example.com", "b")
    refused_url = Browser().callback_of(world.url, "Ana@example.com", "a")
    Browser().get(refused_url)
    answer = world.me(browser) and browser.get(world.url + "/api/v1/audit?all=true&count=1000").json()
    records = answer["records"] if isinstance(answer, dict) else answer
    assert any(r["kind"] == "signed_in" and r["user"] == "ben@example.com" for r in records)
    assert any(r["kind"] == "refused" and "did not start the sign-in" in r["about"] and r["subject"] == "/auth/callback" for r in records)
    assert "code=" not in str(records)


# ---- refreshing ----

def test_refreshing_brings_new_groups_and_a_new_cookie(short):
    browser = short.signed_in("ben@example.com", "b")
    first = browser.cookie()
    short.provider.post("/_users", [dict(person, groups=["eu"]) for person in PEOPLE])
    time.sleep(1.2)
    me = short.me(browser).json()
    short.provider.post("/_users", PEOPLE)
    assert me["groups"] == ["eu"] and browser.cookie() != first
    time.sleep(1.2)
    assert short.me(browser).json()["groups"] == ["admin"]


def test_many_requests_at_the_moment_of_refreshing_all_work(short):
    browser = short.signed_in()
    time.sleep(1.2)
    cookie = browser.cookie()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: requests.get(short.url + "/api/v1/me", cookies={"townlake": cookie}, timeout=30), range(16)))
    assert [answer.status_code for answer in answers] == [200] * 16
    assert sum("Set-Cookie" in answer.headers for answer in answers) == 1


def test_a_sign_in_that_ends_while_it_is_refreshed_stays_ended(short):
    browser = short.signed_in()
    time.sleep(1.2)
    os.kill(short.provider.process.pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        try:
            answer = pool.submit(short.me, browser)
            time.sleep(0.5)
            assert not answer.done()
            change_sessions(short, "DELETE FROM browser_session")
        finally:
            os.kill(short.provider.process.pid, signal.SIGCONT)
        assert answer.result(30).status_code == 401
    assert short.me(browser).status_code == 401


def test_a_person_removed_at_the_provider_is_out_at_the_next_refresh(short):
    browser = short.signed_in()
    short.provider.post("/_users", PEOPLE[1:])
    time.sleep(1.2)
    response = short.me(browser)
    short.provider.post("/_users", PEOPLE)
    assert response.status_code == 401 and "has ended the sign-in" in response.json()["message"]
    assert short.me(browser).status_code == 401


def test_a_provider_that_is_away_counts_for_the_grace_time_only(short):
    browser = short.signed_in()
    short.provider.stop()
    try:
        time.sleep(1.2)
        assert short.me(browser).status_code == 200
        time.sleep(4)
        response = short.me(browser)
        assert response.status_code == 503 and response.json()["code"] == "identity_unavailable"
    finally:
        short.provider.start()


def test_an_idle_session_ends(program, tmp_path):
    idle = World(program, tmp_path, idle="1s")
    try:
        browser = idle.signed_in()
        assert idle.me(browser).status_code == 200
        time.sleep(1.5)
        assert "nothing was asked" in idle.me(browser).json()["message"]
    finally:
        idle.stop()


# ---- attacks on the sign-in ----

def refused(response, why):
    assert response.status_code == 401 and why in response.json()["message"], (response.status_code, response.text)
    assert response.json()["hint"]
    assert "townlake=" not in ",".join(response.raw.headers.getlist("Set-Cookie"))


def test_an_answer_counts_in_the_browser_that_asked_only(world):
    url = Browser().callback_of(world.url, "Ana@example.com", "a")
    refused(Browser().get(url), "did not start the sign-in")
    other = Browser()
    other.get(world.url + "/auth/login")  # it has a sign-in of its own under way
    refused(other.get(url), "another sign-in (state)")


def test_an_answer_counts_once(world):
    browser = Browser()
    url = browser.callback_of(world.url, "Ana@example.com", "a")
    login_cookie = browser.cookie("townlake-login")
    assert browser.get(url).status_code == 302
    refused(requests.get(url, cookies={"townlake-login": login_cookie}, allow_redirects=False, timeout=30), "refuses the sign-in")


def test_a_changed_answer_is_refused(world):
    for change, why in [
        (lambda q: q.pop("code"), "no code"),
        (lambda q: q.pop("state"), "state"),
        (lambda q: q.update(state="x"), "state"),
        (lambda q: q.update(code="x"), "refuses the sign-in"),
        (lambda q: q.update(code="x" * 5000), "no code"),
        (lambda q: q.update(iss="http://evil.test"), "not of the identity provider"),
        (lambda q: q.pop("iss"), "not of the identity provider"),
        (lambda q: q.update(error="<script>alert(1)</script>"), "did not sign you in"),
    ]:
        browser = Browser()
        url = browser.callback_of(world.url, "Ana@example.com", "a")
        query = {name: values[0] for name, values in urllib.parse.parse_qs(urllib.parse.urlparse(url).query).items()}
        change(query)
        response = browser.get(world.url + "/auth/callback?" + urllib.parse.urlencode(query))
        refused(response, why)
        assert "<script" not in response.text


def test_a_forged_login_cookie_is_refused(world):
    url = Browser().callback_of(world.url, "Ana@example.com", "a")
    browser = Browser()
    browser.get(world.url + "/auth/login")
    cookie = browser.cookie("townlake-login")
    for forged in ["", "x", cookie[:-2] + ("AA" if cookie[-2:] != "AA" else "BB"), cookie[5:], base64.urlsafe_b64encode(b"{}" * 50).decode()]:
        refused(requests.get(url, cookies={"townlake-login": forged}, timeout=30), "did not start the sign-in")


def test_a_person_who_says_no_at_the_provider_is_told_so(world):
    browser = Browser()
    response = browser.sign_in(world.url, "nobody", "x")
    refused(response, "did not sign you in")
    assert response.json()["detail"] == 'it says "access_denied"' and "<b>" not in response.text


@pytest.mark.parametrize("place", ["//evil.test/x", "https://evil.test", "/\\evil.test", "/\t/evil.test", "javascript:alert(1)", "evil.test",
                                   "/%0d%0aSet-Cookie:x=1\r\nX: y", "/" + "x" * 3000, "/é", ""])
def test_the_way_back_stays_on_this_site(world, place):
    response = Browser().sign_in(world.url, "Ana@example.com", "a", "/auth/login?" + urllib.parse.urlencode({"return": place}))
    assert response.status_code == 302 and response.headers["Location"] == "/"


def test_the_way_back_is_where_the_browser_was(world):
    response = Browser().sign_in(world.url, "Ana@example.com", "a", "/auth/login?" + urllib.parse.urlencode({"return": "/q?id=1&x=2#3"}))
    assert response.headers["Location"] == "/q?id=1&x=2#3"


def test_a_planted_session_cookie_is_not_taken_over(world):
    planted = "A" * 43
    assert requests.get(world.url + "/api/v1/me", cookies={"townlake": planted}, timeout=30).status_code == 401
    browser = Browser()
    url = browser.callback_of(world.url, "Ana@example.com", "a")
    login = browser.cookie("townlake-login")
    response = requests.get(url, cookies={"townlake": planted, "townlake-login": login}, allow_redirects=False, timeout=30)
    assert response.status_code == 302 and planted not in response.headers["Set-Cookie"] and "townlake=" in response.headers["Set-Cookie"]
    assert requests.get(world.url + "/api/v1/me", cookies={"townlake": planted}, timeout=30).status_code == 401


def test_signing_in_ends_the_session_before(world):
    browser = world.signed_in()
    before = browser.cookie()
    browser.sign_in(world.url, "ben@example.com", "b")
    assert browser.cookie() != before
    assert requests.get(world.url + "/api/v1/me", cookies={"townlake": before}, timeout=30).status_code == 401


def test_two_cookies_of_our_name_are_none(world):
    browser = world.signed_in()
    response = requests.get(world.url + "/api/v1/me", headers={"Cookie": f"townlake={browser.cookie()}; townlake=x"}, timeout=30)
    assert response.status_code == 401


def test_an_old_cookie_that_comes_back_ends_the_session(short):
    browser = short.signed_in()
    stolen = browser.cookie()
    time.sleep(1.2)
    assert short.me(browser).status_code == 200 and browser.cookie() != stolen
    # requests under way are forgiven for 30 seconds; the row says when it was replaced
    assert requests.get(short.url + "/api/v1/me", cookies={"townlake": stolen}, timeout=30).status_code == 200
    short.server.stop()
    with sqlite3.connect(short.server.folder / "state" / "state.db") as state:
        state.execute("UPDATE browser_session SET replaced_at_us = replaced_at_us - 31000000 WHERE replaced_at_us IS NOT NULL")
    state.close()
    short.server.start(short.yaml)
    assert "two holders" in requests.get(short.url + "/api/v1/me", cookies={"townlake": stolen}, timeout=30).json()["message"]
    assert short.me(browser).status_code == 401


def test_the_state_alone_opens_no_session_and_no_refresh_token(world):
    browser = world.signed_in()
    cookie = browser.cookie()
    world.server.stop()
    held = b"".join(path.read_bytes() for path in (world.server.folder / "state").iterdir() if path.is_file())
    world.server.start(world.yaml)
    assert cookie.encode() not in held and b"refresh_token" not in held and b"eyJ" not in held


# ---- requests another site makes ----

def test_changes_need_the_header_that_other_sites_cannot_send(world):
    browser = world.signed_in()
    csrf = world.me(browser).json()["csrf_token"]
    other = world.me(world.signed_in("ben@example.com", "b")).json()["csrf_token"]

    def post(**headers):
        return browser.http.post(world.url + "/v1/statement", data="SELECT 1", headers=headers, timeout=30)

    for headers in [{}, {"X-Townlake-CSRF": ""}, {"X-Townlake-CSRF": "x"}, {"X-Townlake-CSRF": other}, {"X-Townlake-CSRF": csrf[:-1]},
                    {"X-Townlake-CSRF": csrf, "Origin": "https://evil.test"}, {"X-Townlake-CSRF": csrf, "Origin": "null"},
                    {"X-Townlake-CSRF": csrf, "Sec-Fetch-Site": "cross-site"}, {"X-Townlake-CSRF": csrf, "Sec-Fetch-Site": "same-site"}]:
        response = post(**headers)
        assert response.status_code == 403 and "another site" in response.text, headers
    assert post(**{"X-Townlake-CSRF": csrf, "Origin": world.url, "Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert browser.http.post(world.url + "/auth/logout", timeout=30).status_code == 403
    assert world.me(browser).status_code == 200


def test_a_script_of_a_page_is_not_asked_for_a_password(world):
    response = requests.get(world.url + "/api/v1/me", headers={"Sec-Fetch-Site": "same-origin"}, timeout=30)
    assert response.status_code == 401 and "WWW-Authenticate" not in response.headers


# ---- Bearer ----

def bearer(world, token, **headers):
    return world.server.me(Authorization=f"Bearer {token}", **headers)


def test_a_token_of_the_provider_opens_as_bearer_and_as_password(world):
    token = id_token(world)
    me = bearer(world, token).json()
    assert me["user"] == "ana@example.com" and me["groups"] == ["analyst", "eu"] and me["by"] == "jwt"
    assert requests.get(world.url + "/api/v1/me", auth=("Ana@Example.com", token), timeout=30).status_code == 200
    assert bearer(world, token, **{"X-Trino-User": "ben@example.com"}).status_code == 403
    assert world.server.lake(token, user="ana@example.com").value("SELECT current_user") == "ana@example.com"


def test_a_token_for_another_application_is_refused(world):
    response = bearer(world, id_token(world, client="other"))
    assert response.status_code == 401 and "another application" in response.json()["message"]


def test_an_unverified_address_is_refused(world):
    response = bearer(world, id_token(world, "eve@example.com", "e"))
    assert response.status_code == 401 and "not verified" in response.json()["message"]
    refused(Browser().sign_in(world.url, "eve@example.com", "e"), "not verified")


def test_ten_thousand_groups_are_refused_with_the_limit(world):
    response = Browser().sign_in(world.url, "max@example.com", "m")
    refused(response, "the user has 10000 groups, the limit is 1000")
    assert len(response.text) < 1000


def test_tokens_longer_than_a_header_may_be_are_refused(world):
    response = bearer(world, id_token(world, "max@example.com", "m"))
    assert response.status_code in (401, 413, 431)
    assert bearer(world, "ey" + "J" * 20000 + ".e.e").status_code == 401


def test_changed_and_unsigned_tokens_are_refused(world):
    token = id_token(world)
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["groups"] = ["admin"]
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for text in [f"{head}.{forged}.{signature}", f"{none}.{forged}.", f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA"]:
        response = bearer(world, text)
        assert response.status_code == 401 and response.json()["hint"], text
        assert "admin" not in response.text and "ana" not in response.text


def test_new_keys_of_the_provider_are_found_and_old_ones_forgotten(world):
    old = id_token(world)
    assert bearer(world, old).status_code == 200
    world.provider.stop()
    time.sleep(5.1)  # keys are not asked for more often than every 5 s
    assert bearer(world, old).status_code == 200, "the keys that are known serve while the provider is away"
    world.provider.start()
    new = id_token(world)
    assert bearer(world, new).status_code == 200
    response = bearer(world, old)
    assert response.status_code == 401 and "does not list" in response.json()["message"]


def test_unknown_keys_do_not_make_us_flood_the_provider(world):
    token = id_token(world)
    assert bearer(world, token).status_code == 200
    before = int(requests.get(world.provider.url + "/_count", timeout=10).text)
    for i in range(50):
        head = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": f"k{i}"}).encode()).rstrip(b"=").decode()
        assert bearer(world, ".".join([head, *token.split(".")[1:]])).status_code == 401
    assert int(requests.get(world.provider.url + "/_count", timeout=10).text) - before <= 1

"""Cloudflare Access in front: the header Cf-Access-Jwt-Assertion.  Access is a hosted service; identity/access.mjs plays its part."""
import json
import subprocess
import time
import urllib.parse

import pytest
import requests

from identity_servers import Script
from server import Server, free_port

AUDIENCE = "4f6c2a"
YAML = """
auth: {{mode: access, clock_skew: 5s, keys_refresh: {refresh}, keys_grace: {grace}, attribute_claims: country}}
access: {{team_domain: "{issuer}", audience: {audience}}}
groups: {{claim: custom.groups}}
tokens:
  - {{user: root, groups: [admin], token: roots-token}}
"""


class World:
    def __init__(self, program, folder, refresh="1h", grace="24h"):
        port = free_port()
        self.access = Script("access.mjs", None, f"http://127.0.0.1:{port}", AUDIENCE)
        yaml = YAML.format(issuer=self.access.url, audience=AUDIENCE, refresh=refresh, grace=grace)
        self.server = Server(program, folder / "server", yaml, port=port)

    def mint(self, **claims):
        return requests.get(self.access.url + "/_mint?" + urllib.parse.urlencode({"claims": json.dumps(claims)}), timeout=10).json()

    def me(self, assertion, **headers):
        return self.server.me(**{"Cf-Access-Jwt-Assertion": assertion, **headers})

    def stop(self):
        try:
            self.server.stop()
        finally:
            self.access.stop()


@pytest.fixture(scope="module")
def world(program, tmp_path_factory):
    running = World(program, tmp_path_factory.mktemp("access"))
    yield running
    running.stop()


def test_a_person_behind_access_is_known_with_groups_and_attributes(world):
    me = world.me(world.mint(email="Ana@Example.com", custom={"groups": ["analyst"]})).json()
    assert me["user"] == "ana@example.com" and me["groups"] == ["analyst"] and me["by"] == "access" and me["attributes"] == {"country": "DE"}


def test_requests_through_the_proxy_carry_the_assertion(world):
    response = requests.get(world.access.url + "/api/v1/me", headers={"X-Test-Email": "ben@example.com"}, timeout=30)
    assert response.json()["user"] == "ben@example.com"
    assert requests.get(world.access.url + "/api/v1/me", timeout=30).status_code == 401


def test_wrong_assertions_are_refused(world):
    now = int(time.time())
    for claims, why in [
        ({"aud": ["other"]}, "another application"),
        ({"aud": []}, "another application"),
        ({"iss": "https://evil.cloudflareaccess.com"}, "not of"),
        ({"exp": now - 10}, "ended"),
        ({"exp": None}, "never ends"),
        ({"nbf": now + 60}, "from the future"),
        ({"iat": now + 60}, "from the future"),
        ({"email": None}, "does not name its user"),
        ({"email": ""}, "does not name its user"),
        ({"email": "a\nb@example.com"}, "does not name its user"),
        ({"email": ["ana@example.com"]}, "does not name its user"),
        ({"custom": {"groups": [1]}}, "not a list of group names"),
        ({"custom": {"groups": {"admin": True}}}, "not a list of group names"),
        ({"custom": {"groups": [f"g{i}" for i in range(1001)]}}, "the limit is 1000"),
    ]:
        response = world.me(world.mint(**claims))
        assert response.status_code == 401 and why in response.json()["message"], (claims, response.text)
        assert response.json()["code"] == "unauthenticated" and response.json()["hint"]
    for text in ["", "x", "a.b.c", "ey.ey.ey", world.mint() + "x"]:
        assert world.me(text).status_code == 401


def test_the_assertion_is_not_a_bearer_token_and_a_name_is_not_an_assertion(world):
    assert world.server.me(Authorization=f"Bearer {world.mint()}").status_code == 401
    assert world.server.me(**{"Cf-Access-Authenticated-User-Email": "ana@example.com"}).status_code == 401
    assert world.server.me(**{"X-Trino-User": "ana@example.com"}).status_code == 401
    assert world.server.me(Cookie=f"CF_Authorization={world.mint()}").status_code == 401


def test_changes_need_a_header_that_other_sites_cannot_send(world):
    def post(**headers):
        return requests.post(world.server.url + "/v1/statement", data="SELECT 1", timeout=30,
                             headers={"Cf-Access-Jwt-Assertion": world.mint(), **headers})
    assert post().status_code == 403
    assert post(**{"X-Townlake-CSRF": "1", "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert post(**{"X-Townlake-CSRF": "1"}).status_code == 200
    assert post(**{"X-Trino-User": "ana@example.com"}).status_code == 200
    assert post(**{"X-Trino-User": "ben@example.com"}).status_code == 403


def test_tokens_of_the_configuration_still_open(world):
    assert world.server.me(Authorization="Bearer roots-token").json()["user"] == "root"


def test_keys_may_be_rotated(world):
    old = world.mint()
    assert world.me(old).status_code == 200
    time.sleep(5.1)
    world.access.post("/_rotate")
    assert world.me(world.mint()).status_code == 200
    assert world.me(old).status_code == 200, "the older key is still listed"
    time.sleep(5.1)
    world.access.post("/_rotate")
    assert world.me(world.mint()).status_code == 200
    response = world.me(old)
    assert response.status_code == 401 and "does not list" in response.json()["message"]


def test_keys_that_cannot_be_fetched_count_for_the_grace_time_then_nobody_comes_in(program, tmp_path):
    short = World(program, tmp_path, refresh="1s", grace="6s")
    try:
        assertion = short.mint()
        assert short.me(assertion).status_code == 200
        short.access.post("/_down")
        time.sleep(2)
        assert short.me(assertion).status_code == 200
        time.sleep(5)
        response = short.me(assertion)
        assert response.status_code == 503 and response.json()["code"] == "identity_unavailable" and response.json()["hint"]
        assert short.server.me(Authorization="Bearer roots-token").status_code == 200
        short.access.post("/_up")
        time.sleep(5.1)
        assert short.me(assertion).status_code == 200
    finally:
        short.stop()


def test_a_server_that_starts_before_its_provider_lets_nobody_in_until_then(program, tmp_path):
    port = free_port()
    yaml = YAML.format(issuer=f"http://127.0.0.1:{port}", audience=AUDIENCE, refresh="1h", grace="24h")
    server = Server(program, tmp_path / "server", yaml)
    try:
        response = server.me(**{"Cf-Access-Jwt-Assertion": "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"})
        assert response.status_code == 503 and response.json()["code"] == "identity_unavailable"
    finally:
        server.stop()


@pytest.mark.parametrize("yaml,why", [
    ("auth: {mode: access}", "needs the key access.team_domain"),
    ("auth: {mode: access}\naccess: {team_domain: 'https://t.cloudflareaccess.com'}", "needs the key access.audience"),
    ("auth: {mode: access}\naccess: {team_domain: 'http://t.cloudflareaccess.com', audience: a}", "must be an https address"),
    ("auth: {mode: oidc}", "needs the key oidc.issuer"),
    ("auth: {mode: oidc}\noidc: {issuer: 'https://i.test'}", "needs the key oidc.client_id"),
    ("auth: {mode: oidc}\noidc: {issuer: 'http://i.test', client_id: c}", "must be an https address"),
    ("auth: {mode: oidc}\noidc: {issuer: 'https://i@evil.test', client_id: c}", "must be an https address"),
    ("auth: {mode: oidc}\noidc: {issuer: 'https://i.test', client_id: c, redirect_url: 'http://lake.test/auth/callback'}", "must be an https"),
    ("auth: {mode: oidc}\noidc: {issuer: 'https://i.test', client_id: c, redirect_url: 'https://lake.test/x'}", "must end with /auth/callback"),
    ("auth: {mode: oidc, clock_skew: 10m}\noidc: {issuer: 'https://i.test', client_id: c}", "at most 300 seconds"),
    ("listen: {address: 0.0.0.0}", "cannot listen on"),
])
def test_a_mode_that_lacks_what_it_needs_does_not_start(program, tmp_path, yaml, why):
    (tmp_path / "c.yaml").write_text(f"state: {{directory: {tmp_path}/state}}\n{yaml}\n")
    done = subprocess.run([program, "serve", "--config", str(tmp_path / "c.yaml")], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and why in done.stderr + done.stdout, (done.returncode, done.stderr)

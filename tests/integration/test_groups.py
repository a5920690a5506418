"""Sources of groups: a real slapd, a document over HTTP, a file; what happens when they go away."""
import http.server
import json
import subprocess
import threading
import time

import pytest
import requests

from server import Server, free_port

SLAPD = "/usr/sbin/slapd"
SLAPD_CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
sizelimit 100
{tls}
database mdb
maxsize 67108864
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw secret
directory {folder}/db
access to * by dn.exact="cn=reader,dc=example,dc=com" read by anonymous auth
limits dn.exact="cn=reader,dc=example,dc=com" size.pr=500 size.prtotal=unlimited
"""


def person(uid, mail):
    return f"dn: uid={uid},ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\nmail: {mail}\n\n"


def group(name, *members):
    lines = "".join(f"member: {member}\n" for member in members)
    return f"dn: cn={name},ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: {name}\n{lines}\n"


def uid(name):
    return f"uid={name},ou=people,dc=example,dc=com"


LDIF = (
    "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\no: example\ndc: example\n\n"
    "dn: ou=people,dc=example,dc=com\nobjectClass: organizationalUnit\nou: people\n\n"
    "dn: ou=groups,dc=example,dc=com\nobjectClass: organizationalUnit\nou: groups\n\n"
    "dn: cn=reader,dc=example,dc=com\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: read it\n\n"
    + person("ana", "Ana@example.com") + person("ben", "ben@example.com") + person("odd", "odd\tname")
    + "".join(person(f"p{i}", f"p{i}@example.com") for i in range(700))
    + group("analyst", "UID=ana, OU=People,dc=example,dc=com") + group("eu", "cn=analyst,ou=groups,dc=example,dc=com", uid("ben"))
    + group("ring1", "cn=ring2,ou=groups,dc=example,dc=com", uid("ben")) + group("ring2", "cn=ring1,ou=groups,dc=example,dc=com")
    + group("all", *(uid(f"p{i}") for i in range(700))) + group("elsewhere", "uid=ana,dc=other,dc=com")
)


class Slapd:
    def __init__(self, folder, tls=False, start_tls=False):
        """start_tls: ldap://, where nothing is answered before TLS has begun."""
        self.folder, self.port, self.start_tls = folder, free_port(), start_tls
        self.url = f"{'ldaps' if tls and not start_tls else 'ldap'}://127.0.0.1:{self.port}"
        (folder / "db").mkdir(parents=True)
        if tls:
            self.make_certificate()
        lines = f"TLSCertificateFile {folder}/cert.pem\nTLSCertificateKeyFile {folder}/key.pem" if tls else ""
        lines += "\nsecurity tls=1" if start_tls else ""
        (folder / "slapd.conf").write_text(SLAPD_CONF.format(folder=folder, tls=lines))
        (folder / "init.ldif").write_text(LDIF)
        subprocess.run(["/usr/sbin/slapadd", "-q", "-f", folder / "slapd.conf", "-l", folder / "init.ldif"], check=True, capture_output=True)
        self.start()

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem"],
                       check=True, capture_output=True)

    def start(self):
        self.process = subprocess.Popen([SLAPD, "-f", str(self.folder / "slapd.conf"), "-h", self.url, "-d", "0"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{self.port}"], stderr=subprocess.DEVNULL, check=False).returncode:
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def modify(self, ldif):
        subprocess.run(["ldapmodify", "-x", "-H", self.url, "-D", "cn=admin,dc=example,dc=com", "-w", "secret"], input=ldif, text=True,
                       check=True, capture_output=True)

    def yaml(self, more=""):
        return f"""
auth: {{mode: local}}
groups:
  refresh: 1s
  grace: 5s
  ldap_url: {self.url}
  ldap_start_tls: {'true' if self.start_tls else 'false'}
  ldap_bind_dn: cn=reader,dc=example,dc=com
  ldap_password: env:LDAP_PASSWORD
  ldap_user_base: ou=people,dc=example,dc=com
  ldap_group_base: ou=groups,dc=example,dc=com
{more}"""


def groups_of(server, user):
    return server.me(**{"X-Trino-User": user})


def wait_for(server, user, wanted, timeout_s=15):
    """Until the user has exactly those groups; a number waits for that status."""
    deadline = time.monotonic() + timeout_s
    while True:
        response = groups_of(server, user)
        if response.status_code == wanted or (response.status_code == 200 and response.json()["groups"] == wanted):
            return response
        assert time.monotonic() < deadline, response.text
        time.sleep(0.2)


@pytest.fixture(scope="module")
def slapd(tmp_path_factory):
    running = Slapd(tmp_path_factory.mktemp("slapd") / "data")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def ldap(program, slapd, tmp_path_factory):
    running = Server(program, tmp_path_factory.mktemp("ldap"), slapd.yaml(), environment={"LDAP_PASSWORD": "read it"})
    yield running
    running.stop()


def test_groups_come_from_the_directory_also_through_groups_in_groups(ldap):
    assert sorted(groups_of(ldap, "ana@example.com").json()["groups"]) == ["analyst", "eu"]
    assert sorted(groups_of(ldap, "ben@example.com").json()["groups"]) == ["eu", "ring1", "ring2"]
    assert groups_of(ldap, "somebody").json()["groups"] == []


def test_directories_are_read_in_pages(ldap):
    for i in (0, 499, 500, 699):
        assert groups_of(ldap, f"p{i}@example.com").json()["groups"] == ["all"]


def test_a_change_in_the_directory_counts_at_the_next_refresh(ldap, slapd):
    change = "dn: cn=analyst,ou=groups,dc=example,dc=com\nchangetype: modify\n{}: member\nmember: " + uid("p1") + "\n"
    slapd.modify(change.format("add"))
    wait_for(ldap, "p1@example.com", ["all", "analyst", "eu"])
    slapd.modify(change.format("delete"))
    wait_for(ldap, "p1@example.com", ["all"])


def test_a_directory_that_is_away_counts_for_the_grace_time_then_nobody_comes_in(ldap, slapd):
    slapd.stop()
    try:
        time.sleep(2)
        assert groups_of(ldap, "p2@example.com").json()["groups"] == ["all"]
        parts = requests.get(ldap.url + "/readyz", timeout=10).json()["identity"]["parts"]
        assert [(part["name"], part["answers"], part["usable"]) for part in parts] == [("ldap", False, True)]
        response = wait_for(ldap, "p2@example.com", 503)
        ready = requests.get(ldap.url + "/readyz", timeout=10)
        assert ready.status_code == 200 and ready.json()["identity"]["parts"][0]["usable"] is False
        doctor = subprocess.run([ldap.program, "doctor", "--url", ldap.url], capture_output=True, text=True, timeout=60, check=False)
        assert doctor.returncode == 1 and 'the source of groups "ldap" does not answer, so nobody comes in by it' in doctor.stdout
        assert response.json()["code"] == "identity_unavailable" and "\"ldap\"" in response.json()["message"]
        assert "read it" not in response.text and response.json()["hint"]
    finally:
        slapd.start()
    wait_for(ldap, "p2@example.com", ["all"])


@pytest.mark.parametrize("password,more,why", [
    ("wrong", "", "Invalid credentials"),
    ("", "", "ldap_password is empty"),
    ("read it", "  ldap_user_filter: (objectClass=inetOrgPerson", "Bad search filter"),
    ("read it", "  ldap_group_filter: (&)(x", "Bad search filter"),
])
def test_a_directory_that_refuses_lets_nobody_in(program, slapd, tmp_path, password, more, why):
    server = Server(program, tmp_path, slapd.yaml(more), environment={"LDAP_PASSWORD": password})
    try:
        response = groups_of(server, "ana@example.com")
        assert response.status_code == 503 and why in response.json()["detail"], response.text
    finally:
        server.stop()


def test_directories_over_tls_need_a_certificate_that_is_known(program, tmp_path):
    secure = Slapd(tmp_path / "slapd", tls=True)
    environment = {"LDAP_PASSWORD": "read it"}
    server = Server(program, tmp_path / "server", secure.yaml(), environment=environment)
    try:
        assert groups_of(server, "p3@example.com").status_code == 503
        trusting = secure.yaml().replace("mode: local", f"mode: local, ca_file: {secure.folder}/cert.pem")
        server.restart(trusting)
        assert groups_of(server, "p3@example.com").json()["groups"] == ["all"]
    finally:
        server.stop()
        secure.stop()


def test_a_plain_address_is_encrypted_before_anything_is_sent(program, tmp_path):
    directory = Slapd(tmp_path / "slapd", tls=True, start_tls=True)
    server = Server(program, tmp_path / "server", directory.yaml(), environment={"LDAP_PASSWORD": "read it"})
    known = directory.yaml().replace("mode: local", f"mode: local, ca_file: {directory.folder}/cert.pem")
    try:
        refused = groups_of(server, "p3@example.com")  # its certificate is not known
        assert refused.status_code == 503 and "start TLS" in refused.text
        server.restart(known)
        assert groups_of(server, "p3@example.com").json()["groups"] == ["all"]
        server.restart(known.replace("ldap_start_tls: true", "ldap_start_tls: false"))
        wait_for(server, "p3@example.com", 503)  # this directory answers nothing in the clear, and the grace time is over
    finally:
        server.stop()
        directory.stop()


# ---- a document over HTTP ----

class Document(http.server.BaseHTTPRequestHandler):
    status, body, asked = 200, b"{}", []

    def do_GET(self):
        Document.asked.append(self.headers.get("Authorization"))
        self.send_response(Document.status)
        self.send_header("Content-Length", str(len(Document.body)))
        self.end_headers()
        self.wfile.write(Document.body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def documents():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Document)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/groups"
    server.shutdown()


def publish(groups, users=None):
    Document.status, Document.body = 200, json.dumps({"groups": groups, **({"users": users} if users else {})}).encode()


def test_a_pulled_document_gives_groups_and_attributes_and_a_broken_one_keeps_the_last(program, documents, tmp_path):
    publish({"analyst": ["ana@example.com"]}, {"ana@example.com": {"country": "DE"}})
    yaml = f"auth: {{mode: local}}\ngroups: {{url: \"{documents}\", url_token: env:GROUPS_TOKEN, refresh: 1s, grace: 8s}}\n"
    server = Server(program, tmp_path, yaml, environment={"GROUPS_TOKEN": "pull it"})
    try:
        me = wait_for(server, "Ana@example.com", ["analyst"]).json()
        assert me["attributes"] == {"country": "DE"} and Document.asked[-1] == "Bearer pull it"
        publish({"eu": ["ana@example.com"]})
        wait_for(server, "ana@example.com", ["eu"])
        for status, body in [(500, b"{}"), (200, b"<html>"), (200, b'{"groups": {"admin": "ana@example.com"}}'), (302, b"")]:
            Document.status, Document.body = status, body
            time.sleep(1.2)
            assert groups_of(server, "ana@example.com").json()["groups"] == ["eu"]
        wait_for(server, "ana@example.com", 503)
        publish({"eu": []})
        wait_for(server, "ana@example.com", [])
    finally:
        server.stop()


def test_sources_add_up_and_each_must_answer(program, documents, tmp_path):
    publish({"from-url": ["ana"]})
    (tmp_path / "groups.json").write_text('{"groups": {"from-file": ["ana"]}}')
    yaml = f"auth: {{mode: local}}\ngroups: {{url: \"{documents}\", file: {tmp_path}/groups.json, refresh: 1s, grace: 3s}}\n"
    server = Server(program, tmp_path / "server", yaml)
    try:
        wait_for(server, "ana", ["from-file", "from-url"])
        (tmp_path / "groups.json").unlink()
        wait_for(server, "ana", 503)
    finally:
        server.stop()


def test_personal_tokens_have_the_groups_of_now_and_service_tokens_their_own(program, tmp_path):
    file = tmp_path / "groups.json"
    file.write_text('{"groups": {"a": ["root"]}}')
    yaml = f"""
auth: {{mode: token}}
groups: {{file: {file}, refresh: 1s, grace: 2s}}
tokens: [{{user: root, groups: [admin], token: roots-token}}]
"""
    server = Server(program, tmp_path / "server", yaml)
    try:
        root = server.lake("roots-token")
        personal = root.call("POST", "/api/v1/tokens", {"name": "p"}).json()["token"]
        service = root.call("POST", "/api/v1/tokens", {"name": "s", "service": "etl", "groups": ["loads"]}).json()["token"]

        def groups(token):
            response = server.me(Authorization=f"Bearer {token}")
            return response.json()["groups"] if response.status_code == 200 else response.status_code
        assert groups(personal) == ["admin", "a"] and groups(service) == ["loads"]
        file.unlink()
        deadline = time.monotonic() + 15
        while groups(personal) != 503:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert groups(service) == ["loads"] and groups("roots-token") == ["admin"], "who mends it can still come in"
    finally:
        server.stop()

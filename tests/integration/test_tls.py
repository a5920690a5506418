"""HTTPS with a certificate of our own making: Trino's clients send tokens over nothing else."""
import json
import pathlib
import signal
import socket
import subprocess
import time

import pytest
import requests
import trino

TOKEN = "a-token-of-forty-characters-for-the-tests"
START_TIMEOUT_S = 60
STOREPASS = "changeit"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """A root, and a server's certificate signed by it."""

    def __init__(self, folder):
        self.root, root_key = folder / "root.pem", folder / "root.key"
        self.certificate, self.key, request = folder / "server.pem", folder / "server.key", folder / "server.csr"
        extensions = folder / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Root of the tests", "-keyout", str(root_key), "-out", str(self.root))
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", str(self.key), "-out", str(request))
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.root), "-CAkey", str(root_key), "-CAcreateserial", "-days", "2",
                "-extfile", str(extensions), "-out", str(self.certificate))
        self.trust = folder / "trust.p12"
        subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", "root", "-file", str(self.root), "-keystore", str(self.trust),
                        "-storetype", "PKCS12", "-storepass", STOREPASS], check=True, capture_output=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, program, folder, certificate, key):
        self.port = free_port()
        self.log = folder / "serve.log"
        config, token = folder / "townlake.yaml", folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        config.write_text(f"listen: {{address: 127.0.0.1, port: {self.port}, tls_certificate: {certificate}, tls_key: {key}}}\n"
                          f"state: {{directory: {folder}/state}}\nlifeguard: {{default: open}}\n"
                          f"tokens:\n  - {{user: dana, groups: [admin], token: 'file:{token}'}}\n")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([program, "serve", "--config", str(config)], stdout=log, stderr=subprocess.STDOUT)
        self.url = f"https://127.0.0.1:{self.port}"

    def wait_ready(self, root):
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            try:
                if requests.get(f"{self.url}/readyz", verify=str(root), timeout=5).status_code == 200:
                    return
            except requests.exceptions.ConnectionError:
                pass
            time.sleep(0.1)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(program, authority, tmp_path_factory):
    running = Server(program, tmp_path_factory.mktemp("tls"), authority.certificate, authority.key)
    running.wait_ready(authority.root)
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_foreign_roots(monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def test_python_shows_its_token_over_tls(server, authority):
    with trino.dbapi.connect(host="127.0.0.1", port=server.port, http_scheme="https", verify=str(authority.root),
                             auth=trino.auth.JWTAuthentication(TOKEN), user="dana") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT current_user, count(*) FROM range(200000)")
        assert cursor.fetchall() == [["dana", 200000]]
        cursor.execute("SELECT range FROM range(200000)")
        assert len(cursor.fetchall()) == 200000, "pages and segments have https addresses"
        cursor.execute("CREATE SCHEMA IF NOT EXISTS lake.over_tls")
        cursor.execute("CREATE TABLE lake.over_tls.made AS SELECT 1 AS a")
        assert cursor.fetchall() == [[1]], "the engine reaches the lake's catalog beside TLS"


def test_certificate_of_an_unknown_root_is_refused_by_the_client(server):
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{server.url}/readyz", timeout=5)


def test_plain_http_gets_no_answer(server):
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://127.0.0.1:{server.port}/readyz", timeout=5)


def test_tls_of_yesterday_is_refused(server):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
                          capture_output=True, input=b"", timeout=20, check=False)
    assert b"Cipher is (NONE)" in done.stdout


def test_plain_listener_serves_the_engine_alone(server):
    listening = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
    own = [line.split()[3] for line in listening.splitlines() if f"pid={server.process.pid}," in line]
    plain = [address for address in own if not address.endswith(f":{server.port}")]
    assert len(plain) == 1 and plain[0].startswith("127.0.0.1:")
    for path in ("/v1/info", "/readyz", "/api/v1/me"):
        assert requests.get(f"http://{plain[0]}{path}", timeout=5).status_code == 404
    assert requests.get(f"http://{plain[0]}/iceberg/v1/config", timeout=5).status_code == 401


def test_trino_cli_shows_its_token_over_tls(root, server, authority):
    jar = root / ".deps" / "trino" / "trino-cli-476-executable.jar"
    done = subprocess.run(["java", "-jar", str(jar), "--server", server.url, "--user", "dana", "--access-token", TOKEN, "--truststore-path",
                           str(authority.trust), "--truststore-password", STOREPASS, "--execute", "SELECT current_user"],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout.strip() == '"dana"', done.stderr


JDBC = """
import java.sql.*;
import java.util.*;

public class OverTls {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("SSL", "true");
        properties.setProperty("SSLTrustStorePath", arguments[1]);
        properties.setProperty("SSLTrustStorePassword", arguments[2]);
        properties.setProperty("user", "dana");
        properties.setProperty(arguments[3], arguments[4]);
        try (Connection connection = DriverManager.getConnection("jdbc:trino://127.0.0.1:" + arguments[0], properties);
                Statement statement = connection.createStatement()) {
            ResultSet rows = statement.executeQuery("SELECT current_user");
            rows.next();
            System.out.println(rows.getString(1));
        } catch (SQLException error) {
            System.out.println("refused: " + error.getMessage());
        }
    }
}
"""


@pytest.mark.parametrize("name,value,answer", [("accessToken", TOKEN, "dana"), ("password", TOKEN, "dana"), ("accessToken", "no token of ours", "refused")])
def test_jdbc_shows_its_token_over_tls(root, server, authority, tmp_path, name, value, answer):
    source = tmp_path / "OverTls.java"
    source.write_text(JDBC)
    jar = root / ".deps" / "trino" / "trino-jdbc-476.jar"
    done = subprocess.run(["java", "-cp", str(jar), str(source), str(server.port), str(authority.trust), STOREPASS, name, value],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout.startswith(answer), done.stdout + done.stderr


def test_files_that_are_no_pair_are_told_at_the_start(program, authority, tmp_path):
    for certificate, key, reason in [(authority.certificate, pathlib.Path(authority.root.parent / "root.key"), "certificate and key"),
                                     (authority.certificate, tmp_path / "missing.key", "missing.key")]:
        running = Server(program, tmp_path, certificate, key)
        assert running.process.wait(60) != 0
        assert reason in running.log.read_text(), json.dumps(running.log.read_text())

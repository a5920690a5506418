"""Bad input and broken surroundings: each a clear error with a hint, the server lives on."""
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from conftest import PROGRAM, Demo
from townlake import StatementError


def engine_pid(demo):
    for task in pathlib.Path(f"/proc/{demo.process.pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if "townlake-engine" in pathlib.Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
    raise AssertionError("no engine process")


# ---- statements ----


def test_sql_of_ten_megabytes_is_refused_at_once(lake):
    started = time.monotonic()
    error = lake.error("SELECT '" + "x" * 10_000_000 + "'")
    assert error.code == "too_large" and time.monotonic() - started < 2


def test_long_chain_of_operators_is_refused_at_once(lake):
    started = time.monotonic()
    assert lake.error("SELECT " + "+".join(["1"] * 900)).code == "too_large"
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("shape", ["(" * 5000 + "1" + ")" * 5000, "[" * 900 + "1" + "]" * 900, "NOT " * 5000 + "true", "-" + " -" * 3000 + "1",
                                   " UNION ALL SELECT ".join(["1"] * 20000)], ids=["parentheses", "lists", "not", "minus", "union"])
def test_deep_text_is_refused_or_run_but_never_fatal(lake, shape):
    started = time.monotonic()
    error = None
    try:
        lake.run("SELECT " + shape)
    except StatementError as caught:
        error = caught
    assert time.monotonic() - started < 20
    assert error is None or error.code in ("too_large", "syntax", "memory_exceeded"), error
    assert lake.value("SELECT 1") == 1


def test_nul_and_invalid_utf8_are_refused(lake):
    assert lake.error(b"SELECT 'a\x00b'").code == "bad_encoding"
    assert lake.error(b"SELECT '\xff\xfe'").code == "bad_encoding"


@pytest.mark.parametrize("sql", ["ATTACH 'x.db'", "COPY (SELECT 1) TO '/tmp/x.csv'", "PRAGMA database_list", "SET memory_limit = '1GB'", "INSTALL httpfs",
                                 "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "SELECT getenv('HOME')", "CALL enable_logging()",
                                 "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_secrets()", "SELECT * FROM query('SELECT 1')",
                                 "CREATE MACRO m() AS 1", "EXPORT DATABASE '/tmp/x'", "LOAD json", "CHECKPOINT", "VACUUM", "SELECT 1; SELECT 2"])
def test_what_is_not_offered_is_refused_with_a_reason(lake, sql):
    error = lake.error(sql)
    assert error.code in ("unsupported", "not_allowed", "not_found", "function_not_found", "table_not_found", "syntax"), error
    assert error.hint or error.code == "syntax", "a refusal says how to go on"


def test_hidden_names_cannot_be_reached(lake):
    for sql in ('SELECT * FROM "p:ops".public.accounts', "SELECT * FROM tl_scan('ops', 'public', 'accounts')", "SELECT * FROM pg_catalog.pg_class"):
        assert lake.error(sql).code in ("catalog_not_found", "table_not_found", "not_allowed", "unsupported", "function_not_found", "schema_not_found"), sql


def test_values_that_cannot_be_converted_are_named(lake):
    error = lake.error("SELECT CAST(name AS INTEGER) FROM ops.public.accounts")
    assert error.code == "invalid_value"
    assert lake.error("SELECT 'a' + DATE '2024-01-01'").code in ("type_mismatch", "invalid_value", "function_not_found")


def test_time_and_row_limits_end_a_statement_with_the_reason(lake):
    started = time.monotonic()
    error = lake.error("SELECT count(*) FROM range(100000000000)", session="query_max_run_time=500ms")
    assert error.code == "time_exceeded" and "query_max_run_time" in str(error) and time.monotonic() - started < 10
    assert lake.error("SELECT range FROM range(100)", session="query_max_rows=10").code == "rows_exceeded"
    greedy = "SELECT count(*) FROM (SELECT range % 5000000 AS k, count(*) FROM range(50000000) GROUP BY k)"
    error = lake.error(greedy, session="query_max_memory=16MB")
    assert error.code == "memory_exceeded" and "query_max_memory" in error.hint


# ---- the engine ----


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_engine_killed_in_mid_statement_is_back_within_seconds(demo, lake, number):
    page = lake.post("SELECT count(*) FROM range(100000000000) a").json()
    os.kill(engine_pid(demo), number)
    killed = time.monotonic()
    while "error" not in page:
        page = lake.http.get(page["nextUri"]).json()
        assert time.monotonic() - killed < 10
    assert page["error"]["townlake"]["code"] == "engine_lost" and page["error"]["townlake"]["retryable"] is True
    assert lake.wait_engine() == 1
    assert time.monotonic() - killed < 6, "under sanitizers the engine takes longer to start than in a release"
    assert lake.value("SELECT count(*) FROM ops.public.accounts") == 250, "sources are attached again"
    assert lake.value("SELECT count(*) > 0 FROM lake.dim.accounts") is True


def test_serve_never_loads_the_engine(demo):
    maps = pathlib.Path(f"/proc/{demo.process.pid}/maps").read_text()
    assert "libduckdb" not in maps
    assert "libduckdb" in pathlib.Path(f"/proc/{engine_pid(demo)}/maps").read_text()


def test_no_secret_is_in_a_command_line(demo):
    for pid in (demo.process.pid, engine_pid(demo)):
        text = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        for user in ("admin", "analyst", "fraud", "contractor"):
            assert demo.token(user).encode() not in text


# ---- clients ----


def test_client_that_goes_away_leaves_nothing_running(lake):
    page = lake.post("SELECT range FROM range(100000000000)").json()
    assert "nextUri" in page
    lake.http.close()
    lake.http.delete(page["nextUri"])
    deadline = time.monotonic() + 5
    while lake.get("/readyz").json()["engine"]["running"] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_garbage_on_the_port_is_answered_or_dropped(demo, lake):
    host, port = demo.url.removeprefix("http://").split(":")
    for junk in (b"\x00" * 64, b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/statement HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"\xff" * 20000, b"GET " + b"/" * 100000):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(junk)
            connection.settimeout(2)
            try:
                connection.recv(4096)
            except (socket.timeout, ConnectionError):
                pass
    assert lake.value("SELECT 1") == 1


# ---- starting ----


def start(tmp_path, config, **options):
    path = tmp_path / "townlake.yaml"
    path.write_text(config)
    return subprocess.run([str(PROGRAM), "serve", "--config", str(path)], capture_output=True, text=True, timeout=60, check=False, **options)


def test_port_in_use_is_explained(tmp_path, demo):
    port = demo.url.rsplit(":", 1)[1]
    done = start(tmp_path, f"listen: {{port: {port}}}\nstate: {{directory: {tmp_path}/state}}\n")
    assert done.returncode != 0 and port in done.stderr and "hint" in done.stderr


def test_second_server_on_the_same_state_is_refused(tmp_path, demo):
    done = start(tmp_path, f"listen: {{port: 0}}\nstate: {{directory: {demo.folder}/state}}\n")
    assert done.returncode != 0 and str(demo.process.pid) in done.stderr


def test_corrupt_state_is_refused_and_left_alone(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.db").write_bytes(b"this is not a database" * 1000)
    done = start(tmp_path, f"listen: {{port: 0}}\nstate: {{directory: {state}}}\n")
    assert done.returncode != 0 and "state" in done.stderr and "hint" in done.stderr
    assert (state / "state.db").read_bytes() == b"this is not a database" * 1000


def test_state_of_a_newer_program_is_refused(tmp_path, program):
    folder = tmp_path / "demo"
    first = Demo(folder, scale="0.001")
    first.stop()
    database = folder / "state" / "state.db"
    with sqlite3.connect(database) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%migration%'")]
        assert tables, "the state records its migrations"
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({tables[0]})")]
        row = list(connection.execute(f"SELECT * FROM {tables[0]} ORDER BY 1 DESC LIMIT 1").fetchone())
        row[0] = 9999
        connection.execute(f"INSERT INTO {tables[0]} VALUES ({','.join('?' * len(columns))})", row)
    done = subprocess.run([program, "serve", "--config", str(folder / "townlake.yaml")], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "newer" in done.stderr


def test_unwritable_state_is_explained(tmp_path):
    done = start(tmp_path, "listen: {port: 0}\nstate: {directory: /proc/townlake}\n")
    assert done.returncode != 0 and "/proc/townlake" in done.stderr


def test_local_mode_does_not_listen_for_the_world(tmp_path):
    done = start(tmp_path, f"listen: {{address: 0.0.0.0, port: 0}}\nstate: {{directory: {tmp_path}/state}}\n")
    assert done.returncode != 0 and "auth.mode" in done.stderr


# ---- sources ----


@pytest.fixture
def junk_server():
    """A port on which something answers that is no database."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def answer():
        while not stop.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 20)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    stop.set()
    server.close()


@pytest.mark.parametrize("kind,options", [("postgres", {"host": "127.0.0.1", "database": "x", "user": "u"}), ("clickhouse", {"host": "127.0.0.1"})])
def test_source_that_is_down_or_something_else_is_named(lake, junk_server, kind, options):
    for name, port, wanted in (("down", 9, {"source_unavailable"}), ("junk", junk_server, {"source_protocol", "source_unavailable", "source_failed"})):
        made = lake.call("POST", "/api/v1/sources", {"name": f"{name}_{kind}", "kind": kind, "options": {**options, "port": str(port)}})
        assert made.status_code == 201, made.text
        assert made.json()["state"] == "failed"
        tested = lake.call("POST", f"/api/v1/sources/{name}_{kind}/test")
        assert tested.json()["code"] in wanted and f"{name}_{kind}" in tested.json()["message"] and tested.json()["hint"]
        assert lake.call("DELETE", f"/api/v1/sources/{name}_{kind}").status_code == 204
    assert lake.value("SELECT count(*) FROM ops.public.accounts") == 250


def test_passwords_are_never_shown(federated, tmp_path):
    lake = federated.lake()
    port = lake.get("/api/v1/sources").json() and (federated.folder / "postgres" / "port").read_text().strip()
    secret = tmp_path / "secret"
    secret.write_text("hunter2-very-secret\n")
    body = {"name": "guarded", "kind": "postgres",
            "options": {"host": "127.0.0.1", "port": port, "database": "nope", "user": "postgres", "password": f"file:{secret}"}}
    made = lake.call("POST", "/api/v1/sources", body)
    tested = lake.call("POST", "/api/v1/sources/guarded/test")
    everything = made.text + tested.text + lake.get("/api/v1/sources").text + federated.log.read_text() + str(lake.rows("SHOW CATALOGS"))
    assert tested.status_code >= 400 and "hunter2" not in everything
    for path in (federated.folder / "state").rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path
    assert lake.call("DELETE", "/api/v1/sources/guarded").status_code == 204

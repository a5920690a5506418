"""A real PostgreSQL, a real ClickHouse and the door over both and a lake; the truth is one plain DuckDB with the same rows."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import duckdb
import requests

import world

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tests" / "integration"
sys.path.append(str(TOOLS))

from townlake import Lake, StatementError  # noqa: E402, F401

BUILD = pathlib.Path(os.environ.get("TOWNLAKE_BUILD", ROOT / "build"))
START_TIMEOUT_S = 120


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def engine_value(column, value):
    """As SQL of the engine: a text that is cast to the column's type."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"CAST([{', '.join(literal(item) for item in value)}] AS {column.type})"
    if column.family == "blob":
        return f"from_hex('{value[2:]}')"
    if column.family == "instant" and "infinity" not in value:
        value += "+00"
    return literal(value)


def postgres_value(column, value):
    if value is None:
        return "NULL"
    if isinstance(value, list):
        quoted = ('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in value)
        return literal("{" + ",".join(quoted) + "}")
    if column.family == "instant" and "infinity" not in value:
        value += "+00"
    return literal(value)


def escaped(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("'", "\\'")


def clickhouse_value(column, value):
    """A cell of TabSeparated."""
    if value is None:
        return "\\N"
    if isinstance(value, list):
        return "[" + ",".join(item if column.kind == "nums" else "'" + escaped(escaped(item)) + "'" for item in value) + "]"
    if column.family in ("instant", "timestamp"):
        return value + "Z"  # of UTC, whatever the column's zone is
    return escaped(value)


def rows_of(table, spell):
    return ",\n".join("(" + ", ".join(spell(column, value) for column, value in zip(table.columns, row)) + ")" for row in table.rows)


def columns_of(table, attribute):
    return ", ".join(f"{column.quoted} {getattr(column, attribute)}" for column in table.columns)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Servers:
    """Started by the first statement that needs them, stopped by stop()."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="townlake-differential-", dir="/tmp"))
        self.folder.chmod(0o711)  # PostgreSQL's own user must be able to reach its folder
        self.postgres_port = free_port()
        self.doors = []
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def script(self, name, *arguments):
        environment = {**os.environ, "TL_DEPS": str(ROOT / ".deps")}
        done = subprocess.run(["sh", str(TOOLS / name), *arguments], capture_output=True, text=True, timeout=START_TIMEOUT_S, env=environment)
        if done.returncode:
            raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def start(self):
        self.script("postgres_server.sh", "start", str(self.folder / "postgres"), str(self.postgres_port))
        self.clickhouse_port = int(self.script("clickhouse_server.sh", "start", str(self.folder / "clickhouse"), str(os.getpid())))

    def postgres(self, sql):
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.postgres_port), "-U", "postgres"]
        environment = {**os.environ, "PGCLIENTENCODING": "UTF8"}
        done = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=START_TIMEOUT_S, env=environment)
        assert done.returncode == 0, (done.stderr, sql[:500])

    def clickhouse(self, sql, body=""):
        http = requests.Session()
        http.trust_env = False
        answer = http.post(f"http://127.0.0.1:{self.clickhouse_port}/", params={"query": sql, "date_time_input_format": "best_effort"}, data=body.encode(), timeout=60)
        assert answer.status_code == 200, (answer.text, sql[:500])

    def serve(self):
        """The door, over what both servers hold now: in the engine's own dialect, which the truth has, and in Trino's."""
        self.doors = [Door(self, dialect) for dialect in ("duckdb", "trino")]

    def lake(self):
        return self.doors[0].lake()

    def trino_lake(self):
        return self.doors[1].lake()

    def stop(self):
        ends = [door.stop() for door in self.doors]
        subprocess.run(["sh", str(TOOLS / "postgres_server.sh"), "stop", str(self.folder / "postgres")], check=False)
        subprocess.run(["sh", str(TOOLS / "clickhouse_server.sh"), "stop", str(self.folder / "clickhouse")], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        for status, text in ends:
            assert "AddressSanitizer" not in text and "runtime error" not in text and "LeakSanitizer" not in text, text
            assert status == 0, text


class Door:
    def __init__(self, servers, dialect):
        config = servers.folder / f"{dialect}.yaml"
        config.write_text(
            f"listen: {{port: 0}}\nauth: {{mode: local}}\nstate: {{directory: {servers.folder}/state-{dialect}}}\n"
            f"engine: {{memory: 4GiB, dialect: {dialect}}}\nlifeguard: {{default: open}}\nskimmer: {{enabled: false}}\nsources:\n"
            f"  - {{name: pg, kind: postgres, options: {{host: 127.0.0.1, port: '{servers.postgres_port}', user: postgres, database: postgres}}}}\n"
            f"  - {{name: ch, kind: clickhouse, options: {{host: 127.0.0.1, port: '{servers.clickhouse_port}'}}}}\n")
        self.log = servers.folder / f"{dialect}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(BUILD / "townlake"), "serve", "--config", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while "ready" not in self.log.read_text() or "http://" not in self.log.read_text():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)
        text = self.log.read_text()
        self.url = text[text.index("http://"):].split('"')[0].split()[0]

    def lake(self):
        return Lake(self.url, user="tester")

    def stop(self):
        """The exit status and what it logged."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        return status, self.log.read_text(errors="replace")


PREPARE_POSTGRES = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
"""


def fill_postgres(servers, tables):
    script = [PREPARE_POSTGRES]
    for table in tables:
        script.append(f"CREATE TABLE {world.quote(table.name)} ({columns_of(table, 'here')});")
        if table.rows:
            script.append(f"INSERT INTO {world.quote(table.name)} VALUES {rows_of(table, postgres_value)};")
    servers.postgres("\n".join(script) + "\nANALYZE;")


def fill_clickhouse(servers, tables):
    for table in tables:
        servers.clickhouse(f"CREATE TABLE {world.quote(table.name)} ({columns_of(table, 'here')}) ENGINE = MergeTree ORDER BY id")
        lines = ("\t".join(clickhouse_value(column, value) for column, value in zip(table.columns, row)) + "\n" for row in table.rows)
        servers.clickhouse(f"INSERT INTO {world.quote(table.name)} FORMAT TabSeparated", "".join(lines))


def fill_many(servers, truth):
    """Tables of several parts and blocks, computed alike in each system (world.MANY)."""
    rows = world.MANY_ROWS
    # almost empty pages: a range of a scan has at least 256 of them
    servers.postgres(f"CREATE TABLE many WITH (fillfactor = 12) AS {world.many('postgres', rows['pg'])}; ALTER TABLE many ADD PRIMARY KEY (id); "
                     f"CREATE TABLE split (LIKE many) PARTITION BY RANGE (id); CREATE TABLE split_low PARTITION OF split FOR VALUES FROM (0) TO (5000); "
                     f"CREATE TABLE split_high PARTITION OF split FOR VALUES FROM (5000) TO (1000000); INSERT INTO split SELECT * FROM many; ANALYZE;")
    servers.clickhouse(f"CREATE TABLE many ENGINE = MergeTree PARTITION BY id % 3 ORDER BY (k, id) SETTINGS index_granularity = 1024, allow_nullable_key = 1 "
                       f"AS {world.many('clickhouse', rows['ch'])}")
    for source, schema, name in world.MANY_TABLES:
        truth.execute(f'CREATE TABLE {source}."{schema}".{name} AS {world.many("engine", rows[source])}')


def fill_lake(lake, tables):
    lake.run("CREATE SCHEMA lake.diff")
    for table in tables:
        lake.run(f"CREATE TABLE {table.full_name} ({columns_of(table, 'type')})")
        lake.run(f"INSERT INTO {table.full_name} VALUES {rows_of(table, engine_value)}")


def make_truth(tables):
    truth = duckdb.connect()
    # it would compute what is shown after ORDER BY .. LIMIT, so that errors of other rows are never met
    truth.execute("SET disabled_optimizers = 'late_materialization'")
    for source, schema in sorted({(table.source, table.schema) for table in tables}):
        truth.execute(f"ATTACH ':memory:' AS {source}")
        truth.execute(f'CREATE SCHEMA IF NOT EXISTS {source}."{schema}"')
    for table in tables:
        truth.execute(f"CREATE TABLE {table.full_name} ({columns_of(table, 'type')})")
        if table.rows:
            truth.execute(f"INSERT INTO {table.full_name} VALUES {rows_of(table, engine_value)}")
    return truth


def fill(servers, tables):
    """The same rows everywhere; the truth is given back."""
    fill_postgres(servers, [table for table in tables if table.source == "pg"])
    fill_clickhouse(servers, [table for table in tables if table.source == "ch"])
    truth = make_truth(tables)
    fill_many(servers, truth)
    servers.serve()
    for lake in (servers.lake(), servers.trino_lake()):
        fill_lake(lake, [table for table in tables if table.source == "lake"])
    return truth

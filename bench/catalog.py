#!/usr/bin/env python3
"""A PostgreSQL with very many tables: how long until all of them are in the catalog, and what others notice meanwhile.

usage: catalog.py PROGRAM [--tables 100000] [--columns 8]
Prints one line a figure.  The statements that run meanwhile are of a user who asks for nothing of that source.
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/integration"))

from server import Server, free_port  # noqa: E402

SCRIPT = ROOT / "tests/integration/postgres_server.sh"
TABLES_AT_ONCE = 500


def psql(port, sql):
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
    subprocess.run(command, input=sql, text=True, check=True)


def make_tables(port, tables, columns):
    types = ["bigint", "text", "timestamp", "numeric(12,2)", "boolean", "int", "double precision", "date"]
    body = ", ".join(f"column_{i} {types[i % len(types)]}" for i in range(columns))
    for first in range(0, tables, TABLES_AT_ONCE):
        names = range(first, min(first + TABLES_AT_ONCE, tables))
        psql(port, "BEGIN;" + "".join(f"CREATE TABLE s{n % 50}.t{n} ({body});" for n in names) + "COMMIT;")


class Meanwhile(threading.Thread):
    """A statement after another."""

    def __init__(self, lake):
        super().__init__()
        self.lake, self.seconds, self.ends = lake, [], False

    def run(self):
        while not self.ends:
            began = time.monotonic()
            self.lake.run("SELECT 1")
            self.seconds.append(time.monotonic() - began)
            time.sleep(0.02)

    def told(self):
        self.ends = True
        self.join()
        return f"median {statistics.median(self.seconds) * 1000:.1f} ms, longest {max(self.seconds) * 1000:.0f} ms of {len(self.seconds)}"


def crawl_state(lake):
    rows = lake.get("/api/v1/catalog").json()["sources"]
    return next((row for row in rows if row["source"] == "pg"), {"state": "waiting", "done": 0, "listing": "?", "failure": None})


def wait_crawled(lake, datasets):
    while True:
        row = crawl_state(lake)
        if row["state"] == "crawled" and row["datasets"] == datasets:
            return row
        if row.get("failure"):
            raise SystemExit(f"the source could not be listed: {row['failure']}")
        time.sleep(0.2)


def measure(lake, port, tables):
    meanwhile = Meanwhile(lake)
    meanwhile.start()
    began = time.monotonic()
    row = wait_crawled(lake, tables)
    print(f"{tables} tables listed and in the catalog: {time.monotonic() - began:.1f} s "
          f"(comparing and writing {(row['ended_at_us'] - row['began_at_us']) / 1e6:.1f} s)")
    print(f"SELECT 1 meanwhile: {meanwhile.told()}")
    for sql, what in (("", "nothing changed"), ("ALTER TABLE s1.t1 ADD COLUMN late text; DROP TABLE s2.t2;", "a column more and a table less")):
        psql(port, sql)
        began = time.monotonic()
        answer = lake.call("POST", "/api/v1/catalog/crawl", {"source": "pg"})
        assert answer.status_code == 204, answer.text
        row = crawl_state(lake)
        print(f"crawled again, {what}: {time.monotonic() - began:.1f} s, {row['changed']} changed, {row['gone']} gone")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program")
    arguments.add_argument("--tables", type=int, default=100000)
    arguments.add_argument("--columns", type=int, default=8)
    options = arguments.parse_args()
    port, folder = free_port(), tempfile.mkdtemp(prefix="townlake-bench-catalog-")
    try:
        subprocess.run(["sh", str(SCRIPT), "start", f"{folder}/pg", str(port)], check=True)
        psql(port, "".join(f"CREATE SCHEMA s{i};" for i in range(50)))
        make_tables(port, options.tables, options.columns)
        yaml = f"""auth: {{mode: token}}
skimmer: {{enabled: false}}
source: {{refresh: 1h}}
sources:
  - {{name: pg, kind: postgres, options: {{host: 127.0.0.1, port: "{port}", database: postgres, user: postgres}}}}
tokens:
  - {{user: root, groups: [admin], token: "secret-of-root-0123456789"}}
"""
        running = Server(options.program, f"{folder}/server", yaml)
        measure(running.lake("secret-of-root-0123456789"), port, options.tables)
        running.stop()
    finally:
        subprocess.run(["sh", str(SCRIPT), "stop", f"{folder}/pg"], check=False)
        subprocess.run(["rm", "-rf", folder], check=False)


main()

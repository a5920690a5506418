#!/usr/bin/env python3
"""The figures of docs/benchmarks.md, measured on this machine in one run; ratios compare both sides of one run.

usage: run.py [--build DIR] [--json FILE] [NAME ...]      names: start select1 tpch governed decisions postgres clickhouse stream mixed
"""
import argparse
import contextlib
import json
import math
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import duckdb

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from townlake import Lake  # noqa: E402

DEPS = ROOT / ".deps"
THREADS = 2
RESULTS = {}


def say(name, value, unit, target=""):
    RESULTS[name] = {"value": round(value, 4), "unit": unit, "target": target}
    print(f"  {name:<52} {value:>12,.3f} {unit:<10} {target}", flush=True)


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`townlake serve` with some sources, in a folder of its own."""

    def __init__(self, build, sources="", extra=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="townlake-bench-"))
        self.port = free_port()
        config = self.folder / "townlake.yaml"
        config.write_text(f"listen: {{port: {self.port}}}\nstate: {{directory: {self.folder}/state}}\nengine: {{threads: {THREADS}}}\nlifeguard: {{default: open}}\nskimmer: {{enabled: false}}\n{extra}{sources}")
        self.url = f"http://127.0.0.1:{self.port}"
        self.started = time.perf_counter()
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([str(build / "townlake"), "serve", "--config", str(config)], stdout=self.log, stderr=self.log)
        self.lake = Lake(self.url, user="bench")
        self.first_answer_s = self.wait_answer()

    def wait_answer(self):
        while True:
            with contextlib.suppress(Exception):
                if self.lake.value("SELECT 1") == 1:
                    return time.perf_counter() - self.started
            if self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.001)

    def wait_sources(self):
        while any(source["state"] == "listing" for source in self.lake.get("/api/v1/sources").json()["sources"]):
            time.sleep(0.05)

    def resident_mb(self, pid=None):
        text = pathlib.Path(f"/proc/{pid or self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS"))) / 1024

    def __enter__(self):
        self.wait_sources()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def best(times, call):
    results = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        results.append(time.perf_counter() - started)
    return min(results)


# ---- start and SELECT 1 ----


def bench_start(build):
    print("start: `townlake serve` to the first answer of SELECT 1, five times")
    firsts, resident = [], []
    for _ in range(5):
        with Server(build) as server:
            firsts.append(server.first_answer_s * 1000)
            time.sleep(1)
            resident.append(server.resident_mb())
    say("start to first answer, median", statistics.median(firsts), "ms", "<= 400")
    say("serve, resident when idle", statistics.median(resident), "MB", "<= 30")


WRK_SCRIPT = """wrk.method = "POST"
wrk.body = "SELECT 1"
wrk.headers["X-Trino-User"] = "bench"
wrk.headers["Content-Type"] = "text/plain"
"""


def bench_select1(build):
    print("select1: POST /v1/statement, one keep-alive connection, then 64 (wrk)")
    with Server(build) as server:
        for _ in range(200):
            server.lake.value("SELECT 1")
        script = server.folder / "select1.lua"
        script.write_text(WRK_SCRIPT)
        for clients in (1, 64):
            text = subprocess.run(["wrk", "-t1", f"-c{clients}", "-d6", "--latency", "-s", str(script), f"{server.url}/v1/statement"],
                                  capture_output=True, text=True, check=True).stdout
            rate = float(next(line.split()[1] for line in text.splitlines() if line.startswith("Requests/sec")))
            middle = next(line.split()[1] for line in text.splitlines() if line.strip().startswith("50%"))
            unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}[middle.lstrip("0123456789.")]
            milliseconds = float(middle.rstrip("mus")) * unit
            failed = "Non-2xx" in text
            say(f"SELECT 1, {clients} client(s), p50", milliseconds, "ms", "<= 1.5" if clients == 1 else "")
            say(f"SELECT 1, {clients} client(s){' WITH FAILURES' if failed else ''}", rate, "/s", ">= 3000" if clients == 64 else "")


# ---- TPC-H ----


def tpch_file(folder, scale):
    path = folder / f"tpch-{scale}.duckdb"
    if not path.exists():
        print(f"  making TPC-H scale {scale}", flush=True)
        with duckdb.connect(str(path), config={"allow_unsigned_extensions": "false"}) as connection:
            connection.execute(f"LOAD '{DEPS}/ext/tpch.duckdb_extension'")
            connection.execute(f"CALL dbgen(sf={scale})")
    return path


def tpch_queries():
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{DEPS}/ext/tpch.duckdb_extension'")
        return [text.rstrip().rstrip(";") for (text,) in connection.execute("SELECT query FROM tpch_queries() ORDER BY query_nr").fetchall()]


def bench_tpch(build):
    print("tpch: 22 statements at scale 1 through the door against plain DuckDB on the same file, best of 5 each, 2 threads")
    folder = pathlib.Path(os.environ.get("TOWNLAKE_BENCH_DATA", tempfile.gettempdir())) / "townlake-bench-data"
    folder.mkdir(exist_ok=True)
    path = tpch_file(folder, 1)
    plain = duckdb.connect(config={"threads": THREADS})
    plain.execute(f"ATTACH '{path}' AS tpch (READ_ONLY)")
    plain.execute("USE tpch")
    ratios, client_ratios, overheads = [], [], []
    with Server(build, f"sources:\n  - {{name: tpch, kind: duckdb, options: {{path: \"{path}\"}}}}\n") as server:
        for number, sql in enumerate(tpch_queries(), 1):
            rows_plain, rows_door = [], []
            seconds_plain, seconds_client = [], []
            for _ in range(5):
                seconds_plain.append(best(1, lambda: rows_plain.append(plain.execute(sql).fetchall())))
                seconds_client.append(best(1, lambda: rows_door.append(server.lake.rows(sql, catalog="tpch", schema="main"))))
            assert len(rows_plain[-1]) == len(rows_door[-1]), f"q{number} differs"
            in_door = min(row["run_us"] for row in server.lake.get("/api/v1/queries", count=5).json()) / 1e6
            ratios.append(in_door / min(seconds_plain))
            client_ratios.append(min(seconds_client) / min(seconds_plain))
            overheads.append((in_door - min(seconds_plain)) * 1000)
            print(f"    q{number:<3} plain {min(seconds_plain) * 1000:8.1f} ms   door {in_door * 1000:8.1f} ms   {ratios[-1]:5.2f}x"
                  f"   at the client {min(seconds_client) * 1000:8.1f} ms", flush=True)
        empty = best(50, lambda: server.lake.value("SELECT 1"))
        say("an empty statement through the door", empty * 1000, "ms")
    plain.close()
    say("TPC-H SF1, in the door / plain, geometric mean", geometric_mean(ratios), "x", "<= 1.05")
    say("TPC-H SF1, in the door - plain, median", statistics.median(overheads), "ms", "<= 2")
    say("TPC-H SF1, in the door - plain, most", max(overheads), "ms")
    say("TPC-H SF1, at a Python client over HTTP / plain", geometric_mean(client_ratios), "x")


MASKED = {"customer": {"c_address": "masked:redact", "c_phone": "masked:last4"}, "supplier": {"s_phone": "masked:last4"}}
ROOT_TOKEN = "the-token-of-an-administrator-of-these-figures"


def governed_server(build, path):
    """Two people see TPC-H: "raw" all of it, "ruled" three columns masked and the orders that a rule passes (all of them)."""
    token = pathlib.Path(tempfile.mkdtemp(prefix="townlake-bench-")) / "token"
    token.write_text(ROOT_TOKEN)
    token.chmod(0o600)
    server = Server(build, f"sources:\n  - {{name: tpch, kind: duckdb, options: {{path: \"{path}\"}}}}\n",
                    f"tokens:\n  - {{user: root, groups: [admin], token: 'file:{token}'}}\n")
    server.wait_sources()
    root = Lake(server.url, ROOT_TOKEN)

    def post(path, **body):
        answer = root.call("POST", f"/api/v1/lifeguard/{path}", {"reason": "bench", **body})
        assert answer.status_code == 200, answer.text
        return answer.json().get("id")
    for table in ("region", "nation", "part", "partsupp", "lineitem", "orders", "customer", "supplier"):
        post("review", table=f"tpch.main.{table}", columns=MASKED.get(table, {}), others="open")
    post("grants", user="ruled", privileges="read", scope={"source": "tpch"}, duration="1d")
    post("grants", user="raw", privileges="clear", scope={"source": "tpch"}, duration="1d")
    server.row_rule = lambda rule: post("row-rules", user="ruled", scope={"source": "tpch", "schema": "main", "table": "orders"}, rule=rule)
    server.end_rule = lambda ident: root.call("DELETE", f"/api/v1/lifeguard/row-rules/{ident}?reason=bench")
    return server


def governed_ratios(server, queries):
    """In the door: ruled ÷ raw for each statement, best of 5 taken in turns."""
    people = {name: Lake(server.url, user=name) for name in ("raw", "ruled")}
    ratios = []
    for number, sql in enumerate(queries, 1):
        best_us = {}
        for _ in range(5):
            for name, lake in people.items():
                lake.rows(sql, catalog="tpch", schema="main")
                run_us = next(row["run_us"] for row in lake.get("/api/v1/queries", count=1).json())
                best_us[name] = min(run_us, best_us.get(name, run_us))
        ratios.append(best_us["ruled"] / best_us["raw"])
        print(f"    q{number:<3} raw {best_us['raw'] / 1000:8.1f} ms   ruled {best_us['ruled'] / 1000:8.1f} ms   {ratios[-1]:5.2f}x", flush=True)
    return ratios


def bench_governed(build):
    print("governed: TPC-H at scale 1, three columns masked and a row rule on orders that passes all, against the same without, best of 5")
    folder = pathlib.Path(os.environ.get("TOWNLAKE_BENCH_DATA", tempfile.gettempdir())) / "townlake-bench-data"
    folder.mkdir(exist_ok=True)
    rules = {"a comparison": {"column": "o_orderkey", "op": ">", "value": 0}, "a list": {"column": "o_orderstatus", "op": "in", "values": ["F", "O", "P"]}}
    server = governed_server(build, tpch_file(folder, 1))
    with server:
        for name, rule in rules.items():
            ident = server.row_rule(rule)
            print(f"  the row rule is {name}")
            say(f"TPC-H SF1, governed by {name} / raw, geometric mean", geometric_mean(governed_ratios(server, tpch_queries())), "x", "<= 1.08")
            server.end_rule(ident)


def bench_decisions(build):
    print("decisions: 10,000 rules, 1,000 groups, 100,000 tables; the audit; the rules for Trino; beside it OPA as a library, the same rules")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="townlake-bench-"))
    subprocess.run(["ninja", "-C", str(build), "src/lifeguard/lifeguard_bench"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([str(build / "src/lifeguard/lifeguard_bench"), str(folder)], check=True)
    shutil.rmtree(folder)
    if shutil.which("go"):
        subprocess.run(["go", "run", "."], check=True, cwd=ROOT / "bench" / "opa")
    else:
        print("  OPA is not measured: there is no Go here")


# ---- PostgreSQL ----


@contextlib.contextmanager
def postgres():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="townlake-pg-"))
    folder.chmod(0o755)
    port = free_port()
    script = str(ROOT / "tests/integration/postgres_server.sh")
    subprocess.run(["sh", script, "start", str(folder / "pg"), str(port)], check=True)
    try:
        yield port
    finally:
        subprocess.run(["sh", script, "stop", str(folder / "pg")], check=True)
        shutil.rmtree(folder, ignore_errors=True)


POSTGRES_TABLE = """CREATE TABLE fact AS SELECT i::bigint AS id, (i % 100000)::int AS dim_id, (i * 7 % 1000)::int AS qty, ((i % 100000)::numeric / 100)::numeric(12,2) AS price,
 timestamp '2024-01-01' + (i % 31536000) * interval '1 second' AS ts, 'region-' || i % 50 AS region, (i % 1000) / 7.0::double precision AS weight
 FROM generate_series(1, 5000000) i; ANALYZE fact"""
POSTGRES_QUERY = "SELECT count(id), sum(dim_id), max(qty), sum(price), max(ts), max(region), sum(weight) FROM {}"


def bench_postgres(build):
    print("postgres: 5 M rows x 7 columns read whole, ours against DuckDB's postgres extension, best of 3")
    with postgres() as port:
        psql = ["psql", "-qX", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "postgres"]
        subprocess.run([*psql, "-c", POSTGRES_TABLE], check=True)
        for threads in (1, 2):
            global THREADS
            keep, THREADS = THREADS, threads
            plain = duckdb.connect(config={"threads": threads})
            plain.execute(f"LOAD '{DEPS}/ext/postgres_scanner.duckdb_extension'")
            plain.execute(f"ATTACH 'host=127.0.0.1 port={port} user=postgres dbname=postgres' AS pg (TYPE postgres, READ_ONLY)")
            source = f"sources:\n  - {{name: pg, kind: postgres, options: {{host: 127.0.0.1, port: {port}, database: postgres, user: postgres}}}}\n"
            with Server(build, source) as server:
                theirs = plain.execute(POSTGRES_QUERY.format("pg.public.fact")).fetchone()
                ours = server.lake.rows(POSTGRES_QUERY.format("pg.public.fact"))[0]
                assert int(theirs[0]) == ours[0] and str(theirs[3]) == ours[3], (theirs, ours)
                seconds = best(3, lambda: server.lake.rows(POSTGRES_QUERY.format("pg.public.fact"), session="pushdown=off"))  # the rows, not their sums
                other = best(3, lambda: plain.execute(POSTGRES_QUERY.format("pg.public.fact")).fetchone())
            plain.close()
            THREADS = keep
            say(f"PostgreSQL scan, {threads} thread(s), ours", 5 / seconds, "M rows/s")
            say(f"PostgreSQL scan, {threads} thread(s), DuckDB's", 5 / other, "M rows/s")
            say(f"PostgreSQL scan, {threads} thread(s), ours / DuckDB's", other / seconds, "x", ">= 1")


# ---- ClickHouse ----


@contextlib.contextmanager
def clickhouse():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="townlake-ch-"))
    script = str(ROOT / "tests/integration/clickhouse_server.sh")
    port = subprocess.run(["sh", script, "start", str(folder / "ch"), str(os.getpid())], check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield int(port)
    finally:
        subprocess.run(["sh", script, "stop", str(folder / "ch")], check=True)
        shutil.rmtree(folder, ignore_errors=True)


CLICKHOUSE_TABLE = """CREATE TABLE default.big (a UInt32, b UInt64, c Float64, d LowCardinality(String), e DateTime) ENGINE = MergeTree ORDER BY a"""
CLICKHOUSE_FILL = """INSERT INTO default.big SELECT number, sipHash64(number), number / 7, 'key-' || toString(number % 1000), toDateTime(1700000000 + number)
 FROM numbers(10000000)"""
CLICKHOUSE_QUERY = "SELECT max(a), max(b), sum(c), max(d), max(e) FROM ch.\"default\".big"


def bench_clickhouse(build):
    print("clickhouse: 10 M rows x 5 columns into the engine, against reading the same bytes and dropping them, best of 5")
    with clickhouse() as port:
        url = f"http://127.0.0.1:{port}/"

        def post(sql):
            subprocess.run(["curl", "-sSf", "--data-binary", sql, url], check=True, stdout=subprocess.DEVNULL)

        post(CLICKHOUSE_TABLE)
        post(CLICKHOUSE_FILL)
        post("OPTIMIZE TABLE default.big FINAL")
        raw = best(5, lambda: post("SELECT a, b, c, d, e FROM default.big FORMAT Native"))
        with Server(build, f"sources:\n  - {{name: ch, kind: clickhouse, options: {{host: 127.0.0.1, port: {port}}}}}\n") as server:
            seconds = best(5, lambda: server.lake.rows(CLICKHOUSE_QUERY, session="pushdown=off"))  # the rows, not their sums
        say("ClickHouse scan, ours", 10 / seconds, "M rows/s")
        say("ClickHouse, curl FORMAT Native to nothing", 10 / raw, "M rows/s")
        say("ClickHouse scan, ours / curl", raw / seconds, "x", ">= 0.6")


# ---- many rows to a client ----


STREAM_ROWS = 10_000_000
STREAM = f"SELECT range AS n, range % 1000 AS m, 'row ' || range AS t FROM range({STREAM_ROWS})"


def read_stream(server, engine, **options):
    """Rows a second in millions, and the most memory seen."""
    import trino  # pylint: disable=import-outside-toplevel

    cursor = trino.dbapi.connect(host="127.0.0.1", port=server.port, user="bench", **options).cursor()
    started = time.perf_counter()
    cursor.execute(STREAM)
    count, peak = 0, 0.0
    while rows := cursor.fetchmany(100000):
        count += len(rows)
        peak = max(peak, server.resident_mb() + server.resident_mb(engine))
    assert count == STREAM_ROWS
    return STREAM_ROWS / 1e6 / (time.perf_counter() - started), peak


def read_segments(server):
    """The Python client's own way around its conversion: segments as they come, decompressed and not decoded."""
    import trino  # pylint: disable=import-outside-toplevel

    connection = trino.dbapi.connect(host="127.0.0.1", port=server.port, user="bench", encoding="json", session_properties={"result_segments": "always"})
    started = time.perf_counter()
    cursor = connection.cursor("segment")
    cursor.execute(STREAM)
    count = size = 0
    for segment in cursor:
        size += len(segment.segment.data)
        count += segment.segment.metadata["rowsCount"]
        if hasattr(segment.segment, "acknowledge"):
            segment.segment.acknowledge()
    assert count == STREAM_ROWS and size > 10 * STREAM_ROWS
    return STREAM_ROWS / 1e6 / (time.perf_counter() - started)


def bench_stream(build):
    print("stream: 10 M rows x 3 columns to PyPI trino")
    with Server(build) as server:
        engine = int(subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True).stdout.split()[0])
        rate, peak = read_stream(server, engine)
        say("10 M rows to the Python client", rate, "M rows/s")
        say("... serve and engine together, resident at most", peak, "MB")
        say("... rows in pages (encoding=None)", read_stream(server, engine, encoding=None)[0], "M rows/s")
        say("... values as the JSON has them (legacy_primitive_types)", read_stream(server, engine, legacy_primitive_types=True)[0], "M rows/s")
        say("... segments as they come (cursor \"segment\", json)", read_segments(server), "M rows/s")


BIG = "SELECT l_partkey % 1000 AS k, sum(l_extendedprice), count(DISTINCT l_suppkey) FROM lineitem GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
SMALL = "SELECT o_orderstatus, count(*) FROM orders WHERE o_orderkey < 3000 GROUP BY 1"


def ask_for_ever(server, user, sql, stop, seconds):
    lake = Lake(server.url, user=user)
    while not stop.is_set():
        started = time.perf_counter()
        lake.rows(sql, catalog="tpch", schema="main")
        seconds.append(time.perf_counter() - started)
        time.sleep(2 * random.random() if sql == SMALL else 0)


def bench_mixed(build):
    print("mixed: 200 sessions, 40 of them ask big things without a pause, 160 ask small ones every second or so, 30 s")
    folder = pathlib.Path(os.environ.get("TOWNLAKE_BENCH_DATA", tempfile.gettempdir())) / "townlake-bench-data"
    folder.mkdir(exist_ok=True)
    path = tpch_file(folder, 1)
    with Server(build, f"sources:\n  - {{name: tpch, kind: duckdb, options: {{path: \"{path}\"}}}}\n") as server:
        idle = []
        for _ in range(100):
            idle.append(best(1, lambda: server.lake.rows(SMALL, catalog="tpch", schema="main")))
        small, big, stop = [], [], threading.Event()
        threads = [threading.Thread(target=ask_for_ever, args=(server, f"big{i}", BIG, stop, big)) for i in range(40)]
        threads += [threading.Thread(target=ask_for_ever, args=(server, f"small{i}", SMALL, stop, small)) for i in range(160)]
        for thread in threads:
            thread.start()
        time.sleep(30)
        stop.set()
        for thread in threads:
            thread.join()
    idle_p95, small_p95 = (sorted(values)[int(len(values) * 0.95)] for values in (idle, small))
    say("small statements alone, p95", idle_p95 * 1000, "ms")
    say("small statements among 200 sessions, p95", small_p95 * 1000, "ms")
    say("... times the latency when idle", small_p95 / idle_p95, "x", "<= 10")
    say("big statements among 200 sessions", len(big) / 30, "a second")
    say("small statements among 200 sessions", len(small) / 30, "a second")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--json")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    all_of_them = {name.removeprefix("bench_"): call for name, call in globals().items() if name.startswith("bench_")}
    for name in options.names or all_of_them:
        all_of_them[name](pathlib.Path(options.build).resolve())
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(RESULTS, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

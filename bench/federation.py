#!/usr/bin/env python3
"""One statement over real PostgreSQL, ClickHouse and the lake, by Town Lake and by a warmed Trino 476, on the same data in one run.

usage: federation.py [--build DIR] [--scale N] [--json FILE] [NAME ...]      names: question select1 stream
The demo's data is kept in TOWNLAKE_BENCH_DATA (default: the system's temporary folder) for the next run.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "bench")]
import trino_server  # noqa: E402
from townlake import Lake  # noqa: E402

RESULTS = {}
TEN_MILLION = "lake.scratch.ten_million"


def say(name, value, unit, target=""):
    RESULTS[name] = {"value": round(value, 4), "unit": unit, "target": target}
    print(f"  {name:<60} {value:>14,.3f} {unit:<10} {target}", flush=True)


def catalogs_of(folder, url, token):
    """What Trino needs to read the same as the demo in `folder`."""
    text = (folder / "townlake.yaml").read_text()
    sources = {name: dict(re.findall(r"(\w+): ([\w.]+)", options))
               for name, options in re.findall(r"- name: (\w+)\n.*?options: \{([^}]*)\}", text, re.DOTALL)}
    ops, events = sources["ops"], sources["events"]
    return {
        "ops": f"connector.name=postgresql\nconnection-url=jdbc:postgresql://127.0.0.1:{ops['port']}/{ops['database']}\nconnection-user={ops['user']}\n"
               "connection-password=none\n",
        "events": f"connector.name=clickhouse\nconnection-url=jdbc:clickhouse://127.0.0.1:{events['port']}/\nconnection-user=default\nconnection-password=\n"
                  "clickhouse.map-string-as-varchar=true\n",
        "lake": f"connector.name=iceberg\niceberg.catalog.type=rest\niceberg.rest-catalog.uri={url}/iceberg\nfs.hadoop.enabled=true\n"
                f"iceberg.rest-catalog.security=OAUTH2\niceberg.rest-catalog.oauth2.token={token}\n",
    }


class Demo:
    def __init__(self, build, folder, scale):
        self.folder = folder
        self.log = folder.parent / "demo.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(build / "townlake"), "demo", "--dir", str(folder), "--port", "0", "--scale", str(scale), "--federated",
                                             "--today", "2026-11-24"], stdout=log, stderr=log,
                                            env={**os.environ, "TOWNLAKE_SKIMMER_ENABLED": "false"})  # its scans would be measured too
        while b"Town Lake is ready" not in self.log.read_bytes():
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text())
            time.sleep(0.2)
        environment = dict(line.split("=", 1) for line in (folder / "demo.env").read_text().splitlines() if "=" in line)
        self.url, self.token = environment["TOWNLAKE_URL"], environment["TOWNLAKE_TOKEN_ADMIN"]
        self.lake = Lake(self.url, self.token)
        self.token_of_trino = environment["TOWNLAKE_TOKEN_ANALYST"]
        granted = self.lake.call("POST", "/api/v1/lifeguard/grants", {"group": "analyst", "privileges": "raw", "scope": {"source": "lake"}, "duration": "1d",
                                                                      "reason": "Trino reads the files of the lake"})
        if not granted.ok:
            raise RuntimeError(granted.text)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def times_of(call, count):
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)


def question_text():
    path = ROOT / "demo/questions/2-paying-customers-by-workers-requests.sql"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip().rstrip(";").replace("current_date", "DATE '2026-11-24'").replace("INTERVAL 6 DAY", "INTERVAL '6' DAY")


def minimum(lake):
    """Rows of each source that the question's filters and joins leave; no source sums below a join with another."""
    paying = "FROM ops.public.accounts a JOIN lake.dim.customers c ON c.customer_id = a.customer_id WHERE c.customer_type <> 'free' AND NOT a.is_internal"
    return {
        "ops": lake.value(f"SELECT count(*) {paying}"),
        "events": lake.value("SELECT count(*) FROM events.\"default\".workers_requests WHERE ts >= DATE '2026-11-24' - INTERVAL '6' DAY "
                             f"AND account_id IN (SELECT a.account_id {paying})"),
    }


def bench_question(demo, trino):
    print("question: demo question 2 over PostgreSQL, ClickHouse and the lake, best of 5, Trino warmed by 10 runs")
    sql = question_text()
    ours = demo.lake.rows(sql)
    theirs = trino.rows(sql)
    assert [[str(cell) for cell in row] for row in ours] == [[str(cell) for cell in row] for row in theirs], "the answers differ"
    least = minimum(demo.lake)
    row = next(row for row in demo.lake.get("/api/v1/queries", count=20).json() if "workers_requests w" in row["text"])
    for scan in row["scans"] or []:
        wanted = least.get(scan["source"])
        if wanted:
            say(f"rows fetched from {scan['source']}: {', '.join(scan['datasets'])}", scan["rows"], "rows", f"least {wanted}, <= 1.1 x")
            say(f"... bytes from {scan['source']}", scan["bytes"], "bytes")
    times_of(lambda: trino.rows(sql), 10)
    our_seconds = times_of(lambda: demo.lake.rows(sql), 5)[0]
    their_seconds = times_of(lambda: trino.rows(sql), 5)[0]
    say("question 2, Town Lake", our_seconds * 1000, "ms")
    say("question 2, Trino 476", their_seconds * 1000, "ms")
    say("question 2, Trino / Town Lake", their_seconds / our_seconds, "x", ">= 10")


def bench_select1(demo, trino):
    print("select1: SELECT 1 over /v1/statement, p50 of 200, Trino warmed by 100")
    times_of(lambda: trino.rows("SELECT 1"), 100)
    ours = statistics.median(times_of(lambda: demo.lake.value("SELECT 1"), 200))
    theirs = statistics.median(times_of(lambda: trino.rows("SELECT 1"), 200))
    say("SELECT 1, Town Lake, p50", ours * 1000, "ms")
    say("SELECT 1, Trino 476, p50", theirs * 1000, "ms")
    say("SELECT 1, Trino / Town Lake", theirs / ours, "x", ">= 20")


def read_all(port, headers, encoding):
    import trino  # pylint: disable=import-outside-toplevel

    options = {"encoding": encoding} if encoding else {}
    connection = trino.dbapi.connect(host="127.0.0.1", port=port, user="admin", http_headers=headers, **options)
    cursor = connection.cursor()
    started = time.perf_counter()
    cursor.execute(f"SELECT n, m, t FROM {TEN_MILLION}")
    count = 0
    while rows := cursor.fetchmany(100000):
        count += len(rows)
    assert count == 10_000_000
    return time.perf_counter() - started


def bench_stream(demo, trino):
    print("stream: 10 M rows x 3 columns of a lake table to PyPI trino")
    demo.lake.run(f"DROP TABLE IF EXISTS {TEN_MILLION}")
    demo.lake.run(f"CREATE TABLE {TEN_MILLION} AS SELECT range AS n, CAST(range % 1000 AS INTEGER) AS m, 'row ' || range AS t FROM range(10000000)")
    port = int(demo.url.rsplit(":", 1)[1])
    ours = {name: read_all(port, {"Authorization": f"Bearer {demo.token}"}, encoding) for name, encoding in (("plain", None), ("json+zstd", "json+zstd"))}
    theirs = read_all(trino.port, {}, None)
    for name, seconds in ours.items():
        say(f"10 M rows to the Python client, Town Lake, {name}", 10 / seconds, "M rows/s")
    say("10 M rows to the Python client, Trino 476", 10 / theirs, "M rows/s")
    say("10 M rows to the Python client, Town Lake / Trino", theirs / min(ours.values()), "x", ">= 5")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--scale", type=float, default=20)
    parser.add_argument("--json")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    reason = trino_server.missing()
    if reason:
        sys.exit(f"federation.py: {reason}")
    base = pathlib.Path(os.environ.get("TOWNLAKE_BENCH_DATA", tempfile.gettempdir())) / f"townlake-federation-{options.scale:g}"
    base.mkdir(exist_ok=True)
    base.chmod(0o755)
    demo = Demo(pathlib.Path(options.build).resolve(), base / "demo", options.scale)
    try:
        with trino_server.Trino(base / "trino", catalogs_of(demo.folder, demo.url, demo.token_of_trino)) as trino:
            calls = {name.removeprefix("bench_"): call for name, call in globals().items() if name.startswith("bench_")}
            for name in options.names or calls:
                calls[name](demo, trino)
    finally:
        demo.stop()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(RESULTS, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

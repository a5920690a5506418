#!/usr/bin/env python3
"""The lake's REST catalog on local files: how long a table takes to load, how many commits it takes, how fast its lists are.

usage: lake.py [--build DIR]     needs wrk; 100,000 tables are written into the state, not made one by one.
"""
import argparse
import http.client
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from server import Server  # noqa: E402

TOKEN, ROOT_TOKEN = "bench-token-0123456789abcdef", "root-token-0123456789abcdef"
CONFIGURATION = """
auth: {mode: token}
tokens:
  - {user: root, groups: [admin], token: "env:ROOT_TOKEN"}
  - {user: bench, groups: [bench], token: "env:BENCH_TOKEN"}
skimmer: {enabled: false}
source: {refresh: 1h}
"""
SCHEMA = {"type": "struct", "schema-id": 0, "fields": [{"id": i, "name": f"c{i}", "type": "long", "required": False} for i in range(1, 21)]}
COMMIT = """
local n = 0
request = function()
  n = n + 1
  local body = string.format('{"requirements":[],"updates":[{"action":"set-properties","updates":{"n":"%d"}}]}', n)
  return wrk.format("POST", string.format("/iceberg/v1/namespaces/c/tables/t%d", n % 100), {["Authorization"] = "Bearer TOKEN"}, body)
end
done = function(summary)
  io.write(string.format("ok %d failed %d seconds %f\\n", summary.requests - summary.errors.status, summary.errors.status, summary.duration / 1e6))
end
"""


class Client:
    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def call(self, method, path, body=None, **headers):
        headers["Authorization"] = f"Bearer {TOKEN}"
        self.connection.request(method, f"/iceberg/v1/{path}", json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def times(self, count, method, path, wanted, **headers):
        seconds = []
        for _ in range(count):
            started = time.perf_counter()
            status, _, _ = self.call(method, path, **headers)
            seconds.append((time.perf_counter() - started) * 1000)
            assert status == wanted, status
        return sorted(seconds)


def grant(server):
    body = {"group": "bench", "privileges": "raw, own", "scope": {"source": "lake"}, "duration": "1d", "reason": "bench"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", "/api/v1/lifeguard/grants", json.dumps(body), {"Authorization": f"Bearer {ROOT_TOKEN}"})
    answer = connection.getresponse()
    assert answer.status in (200, 201), answer.read()


def say(name, value, unit, goal):
    print(f"  {name:<60} {value:>10,.3f} {unit:<10} {goal}", flush=True)


def percentile(values, part):
    return values[min(len(values) - 1, int(len(values) * part))]


def loads(client):
    assert client.call("POST", "namespaces", {"namespace": ["l"]})[0] == 200
    status, body, _ = client.call("POST", "namespaces/l/tables", {"name": "t", "schema": SCHEMA})
    location, parent = json.loads(body)["metadata"]["location"], None
    for number in range(1, 1001):
        snapshot = {"snapshot-id": 4381047817516239343 + number, "sequence-number": number, "timestamp-ms": int(time.time() * 1000),
                    "manifest-list": f"{location}/metadata/snap-{number}-44fc9791-d263-4aae-b37c-b5ba2110e0f9.avro", "schema-id": 0,
                    "summary": {"operation": "append", "added-records": "1000", "total-records": str(1000 * number), "total-data-files": str(number),
                                "added-data-files": "1", "total-delete-files": "0", "total-position-deletes": "0"}}
        if parent:
            snapshot["parent-snapshot-id"] = parent
        parent = snapshot["snapshot-id"]
        status, body, headers = client.call("POST", "namespaces/l/tables/t", {"requirements": [], "updates": [
            {"action": "add-snapshot", "snapshot": snapshot},
            {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": parent}]})
        assert status == 200, body
    whole = client.times(500, "GET", "namespaces/l/tables/t", 200)
    say(f"load of a table with 1,000 snapshots ({len(body) // 1024} KiB), p50", statistics.median(whole), "ms", "<= 1")
    refs = client.times(200, "GET", "namespaces/l/tables/t?snapshots=refs", 200)
    say("... with snapshots=refs, p50", statistics.median(refs), "ms", "")
    known = client.times(1000, "GET", "namespaces/l/tables/t", 304, **{"If-None-Match": headers["ETag"]})
    say("... that the client has (304), p50", statistics.median(known), "ms", "<= 0.3")


def commits(server, client, folder):
    assert client.call("POST", "namespaces", {"namespace": ["c"]})[0] == 200
    for number in range(100):
        assert client.call("POST", "namespaces/c/tables", {"name": f"t{number}", "schema": SCHEMA})[0] == 200
    script = folder / "commit.lua"
    script.write_text(COMMIT.replace("TOKEN", TOKEN))
    text = subprocess.run(["wrk", "-t1", "-c64", "-d10s", "-s", str(script), server.url], capture_output=True, text=True, check=True).stdout
    line = next(line for line in text.splitlines() if line.startswith("ok "))
    _, ok, _, failed, _, seconds = line.split()
    say(f"commits to 100 tables, 64 clients ({failed} refused)", int(ok) / float(seconds), "commits/s", ">= 500")
    probe = folder / "probe"
    started = time.perf_counter()
    with open(probe, "wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
    say("... this disk, for comparison: one fsync of 4 KiB", (time.perf_counter() - started) * 10, "ms", "")


def lists(server):
    state = sqlite3.connect(server.folder / "state" / "state.db")
    state.execute("INSERT INTO lake_namespace (name, parent, folded, properties, created_at_us) VALUES ('big', '', 'big', '{}', 0)")
    state.executemany("INSERT INTO lake_table (namespace, name, folded, uuid, location, metadata_location, version) VALUES ('big', ?1, ?1, ?1, ?1, ?1, 0)",
                      ((f"table_{number:06d}",) for number in range(100000)))
    state.commit()
    state.close()
    client, times, token, seen = Client(server), [], "", 0
    while token is not None:
        started = time.perf_counter()
        status, body, _ = client.call("GET", f"namespaces/big/tables?pageSize=1000&pageToken={token}")
        times.append((time.perf_counter() - started) * 1000)
        assert status == 200, body
        page = json.loads(body)
        seen, token = seen + len(page["identifiers"]), page["next-page-token"]
    assert seen == 100000, seen
    say("page of 1,000 names among 100,000 tables, p95", percentile(sorted(times), 0.95), "ms", "<= 5")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    build = options.parse_args().build
    folder = pathlib.Path(tempfile.mkdtemp(prefix="townlake-bench-"))
    server = Server(str(build / "townlake"), folder / "server", CONFIGURATION, environment={"TOWNLAKE_LAKE_ENABLED": "true", "BENCH_TOKEN": TOKEN,
                                                                                            "ROOT_TOKEN": ROOT_TOKEN})
    try:
        client = Client(server)
        grant(server)
        loads(client)
        commits(server, client, folder)
        lists(server)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

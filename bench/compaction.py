#!/usr/bin/env python3
"""Compaction of a table of the lake beside the engine's plain copy of the same rows to Parquet.

usage: compaction.py [--build BUILD] [--rows N] [--files N]      (a build without sanitizers)

Both read the same small files; the compaction also counts and hashes the rows on both sides before it commits.
"""
import argparse
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import duckdb  # noqa: E402
from server import Server  # noqa: E402

COLUMNS = """range AS id, range % 1000 AS customer, 'name of ' || (range * 7919 % 100003) AS name, CAST(range * 31 % 100000 AS DECIMAL(12,2)) / 100 AS price,
    DATE '2026-01-01' + CAST(range % 365 AS INTEGER) AS day, TIMESTAMP '2026-01-01 00:00:00' + INTERVAL 1 SECOND * range AS moment, range / 3.0 AS x"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path)
    parser.add_argument("--rows", default=6_000_000, type=int)
    parser.add_argument("--files", default=60, type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(arguments.build.resolve() / "townlake", folder, "lifeguard: {default: open}\n", environment={"TOWNLAKE_LAKE_ENABLED": "true"})
        try:
            measure(server.lake(user="bench"), pathlib.Path(folder), arguments.rows, arguments.files)
        finally:
            server.stop()


def measure(lake, folder, rows, count):
    lake.run("CREATE SCHEMA lake.b")
    lake.run(f"CREATE TABLE lake.b.t AS SELECT {COLUMNS} FROM range(0)")
    step = rows // count
    for first in range(0, step * count, step):
        lake.run(f"INSERT INTO lake.b.t SELECT {COLUMNS} FROM range({first}, {first + step})")
    files = [row[0] for row in lake.rows('SELECT file_path FROM lake.b."t$files"')]
    plain = duckdb.connect(config={"threads": 2})
    paths = ", ".join(f"'{path.removeprefix('file://')}'" for path in files)
    began = time.perf_counter()
    plain.execute(f"COPY (SELECT * FROM read_parquet([{paths}])) TO '{folder}/plain.parquet' (FORMAT parquet, COMPRESSION zstd)")
    copied = time.perf_counter() - began
    began = time.perf_counter()
    lake.run("ALTER TABLE lake.b.t EXECUTE optimize")
    compacted = time.perf_counter() - began
    left = lake.value('SELECT count(*) FROM lake.b."t$files"')
    assert lake.value("SELECT count(*) FROM lake.b.t") == step * count
    print(f"{step * count} rows in {len(files)} files -> {left}: plain copy {copied:.2f} s, compaction {compacted:.2f} s, {copied / compacted:.2f} x")


main()

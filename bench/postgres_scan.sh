#!/bin/sh
# Scan of 5 M rows x 7 columns into vectors, beside psql and DuckDB's official extension, on one real PostgreSQL in one run.
# usage: bench/postgres_scan.sh [BUILD_FOLDER] [ROWS] [RUNS]     (a build without sanitizers)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
rows=${2:-5000000}
runs=${3:-3}
python=$root/.deps/venv/bin/python
dir=$(mktemp -d)
chmod 755 "$dir"
ninja -C "$build" src/sources/postgres/postgres_bench > "$dir/ninja.log" || { cat "$dir/ninja.log"; exit 1; }
trap '"$root/tests/integration/postgres_server.sh" stop "$dir/server"; rm -rf "$dir"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$root/tests/integration/postgres_server.sh" start "$dir/server" "$port"
psql="psql -q -X -h 127.0.0.1 -p $port -U postgres"
$psql -c "CREATE TABLE fact (id bigint PRIMARY KEY, dim_id int, ts timestamp, qty int, price numeric(12,2), ok boolean, note text)" \
    -c "INSERT INTO fact SELECT i, i % 100000, timestamp '2024-01-01' + i * interval '1 second', i % 100, (i % 100000) / 100.0,
        i % 3 = 0, 'note ' || i FROM generate_series(1, $rows) i" -c "VACUUM ANALYZE fact" -c CHECKPOINT

seconds() { date +%s.%N; }
i=0
while [ "$i" -lt "$runs" ]; do
    start=$(seconds)
    $psql -c "COPY (SELECT * FROM fact) TO STDOUT (FORMAT binary)" > /dev/null
    echo "$start $(seconds)"
    i=$((i + 1))
done | awk -v rows="$rows" '{ t = $2 - $1; if (!best || t < best) best = t }
    END { printf "psql COPY BINARY > /dev/null: %.3f s = %.2f M rows/s\n", best, rows / best / 1e6 }'

"$build/src/sources/postgres/postgres_bench" 127.0.0.1 "$port" fact "$runs"

if [ -x "$python" ] && "$python" -c 'import duckdb' 2>/dev/null; then
    "$python" - "$root/.deps/ext/postgres_scanner.duckdb_extension" "$port" "$rows" "$runs" <<'PYTHON'
import sys
import time

import duckdb

extension, port, rows, runs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
connection = duckdb.connect()
connection.execute(f"LOAD '{extension}'")
connection.execute(f"ATTACH 'host=127.0.0.1 port={port} user=postgres dbname=postgres' AS p (TYPE postgres, READ_ONLY)")
scan = "SELECT sum(id), sum(dim_id), max(ts), sum(qty), sum(price), count(ok), max(note) FROM p.fact"
for threads in (1, 2):
    connection.execute(f"SET threads = {threads}")
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        connection.execute(scan).fetchall()
        best = min(best, time.perf_counter() - start)
    print(f"DuckDB's extension, {threads} thread{'s' if threads > 1 else ' '}: {best:.3f} s = {rows / best / 1e6:.2f} M rows/s")
PYTHON
else
    echo "DuckDB's extension: not measured (no duckdb in .deps/venv; make deps)"
fi

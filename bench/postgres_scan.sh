#!/bin/sh
# Scan of 5 M rows x 7 columns into vectors, beside psql and DuckDB's official extension, on one real PostgreSQL in one run.
# All take turns, so that a busy machine is busy for all; the best of each counts.  The processor time of both sides, client and
# server, says what a scan costs however busy the machine is; it is the mean of all runs.
# usage: bench/postgres_scan.sh [BUILD_FOLDER] [ROWS] [RUNS]     (a build without sanitizers)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
rows=${2:-5000000}
runs=${3:-3}
python=$root/.deps/venv/bin/python
extension=$root/.deps/ext/postgres_scanner.duckdb_extension
dir=$(mktemp -d)
chmod 755 "$dir"
ninja -C "$build" src/sources/postgres/postgres_bench > "$dir/ninja.log" || { cat "$dir/ninja.log"; exit 1; }
bench=$build/src/sources/postgres/postgres_bench
trap '"$root/tests/integration/postgres_server.sh" stop "$dir/server"; rm -rf "$dir"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$root/tests/integration/postgres_server.sh" start "$dir/server" "$port"
psql="psql -q -X -h 127.0.0.1 -p $port -U postgres"
$psql -c "CREATE TABLE fact (id bigint PRIMARY KEY, dim_id int, ts timestamp, qty int, price numeric(12,2), ok boolean, note text)" \
    -c "INSERT INTO fact SELECT i, i % 100000, timestamp '2024-01-01' + i * interval '1 second', i % 100, (i % 100000) / 100.0,
        i % 3 = 0, 'note ' || i FROM generate_series(1, $rows) i" -c "VACUUM ANALYZE fact" -c CHECKPOINT

cat > "$dir/other.py" <<'PYTHON'
import sys
import time

import duckdb

extension, port, threads = sys.argv[1:]
connection = duckdb.connect(config={"threads": threads})
connection.execute(f"LOAD '{extension}'")
connection.execute(f"ATTACH 'host=127.0.0.1 port={port} user=postgres dbname=postgres' AS p (TYPE postgres, READ_ONLY)")
connection.execute("SELECT id FROM p.fact LIMIT 1").fetchall()
start, used = time.perf_counter(), time.process_time()
connection.execute("SELECT sum(id), sum(dim_id), max(ts), sum(qty), sum(price), count(ok), max(note) FROM p.fact").fetchall()
print(f"{time.perf_counter() - start:.3f} {time.process_time() - used:.3f}")
PYTHON

copy() {
    start=$(date +%s.%N)
    $psql -c "COPY (SELECT * FROM fact) TO STDOUT (FORMAT binary)" > /dev/null
    echo "$start $(date +%s.%N)" | awk '{ printf "%.3f\n", $2 - $1 }'
}
server_cpu() { # seconds, of backends that have ended
    sleep 0.3
    awk '{ printf "%.2f", ($16 + $17) / 100 }' "/proc/$(head -1 "$dir/server/data/postmaster.pid")/stat"
}
measure() { # file, command ..: seconds passed, used by the client, used by the server
    file=$1
    shift
    before=$(server_cpu)
    took=$("$@")
    echo "$took $before $(server_cpu)" | awk '{ print $1, $2, $4 - $3 }' >> "$file"
}
with_duckdb=no
[ -x "$python" ] && "$python" -c 'import duckdb' 2> /dev/null && with_duckdb=yes
run=0
while [ "$run" -lt "$runs" ]; do
    copy >> "$dir/psql"
    for threads in 1 2; do
        measure "$dir/townlake$threads" "$bench" 127.0.0.1 "$port" fact "$threads"
        [ $with_duckdb = no ] || measure "$dir/duckdb$threads" "$python" "$dir/other.py" "$extension" "$port" "$threads"
    done
    run=$((run + 1))
done

report() { # label, file
    [ -f "$2" ] || return 0
    sort -n "$2" | awk -v label="$1" -v rows="$rows" 'NR == 1 { best = $1 } { client += $2; server += $3 }
        END { printf "%-32s %.3f s = %.2f M rows/s", label, best, rows / best / 1e6
              if (client > 0) printf "; processor: client %.2f s, server %.2f s, together %.2f s", client / NR, server / NR, (client + server) / NR
              print "" }'
}
report "psql COPY BINARY > /dev/null" "$dir/psql"
for threads in 1 2; do
    report "townlake, threads: $threads" "$dir/townlake$threads"
    report "DuckDB's extension, threads: $threads" "$dir/duckdb$threads"
done
[ $with_duckdb = yes ] || echo "DuckDB's extension: not measured (no duckdb in .deps/venv; run make deps)"
"$bench" 127.0.0.1 "$port" fact

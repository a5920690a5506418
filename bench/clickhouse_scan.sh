#!/bin/sh
# Scan of 10 M rows x 5 columns into vectors beside curl, on one real ClickHouse in one run.
# usage: bench/clickhouse_scan.sh [BUILD_FOLDER] [ROWS] [RUNS]     (a build without sanitizers)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
dir=$(mktemp -d)
ninja -C "$build" src/sources/clickhouse/clickhouse_bench src/sources/clickhouse/chserver > "$dir/ninja.log" || { cat "$dir/ninja.log"; exit 1; }
export TL_CHSERVER="$build/src/sources/clickhouse/chserver"
trap '"$root/tests/integration/clickhouse_server.sh" stop "$dir/server"; rm -rf "$dir"' EXIT
port=$("$root/tests/integration/clickhouse_server.sh" start "$dir/server" $$)
"$build/src/sources/clickhouse/clickhouse_bench" "$port" "${2:-10000000}" "${3:-5}"

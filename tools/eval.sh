#!/usr/bin/env bash
# The suites of questions over the demo world, answered by the planner.  BUILD names the build folder.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
folder=$(mktemp -d)
TOWNLAKE_SKIMMER_ENABLED=false "$build/townlake" demo --dir "$folder/demo" --port 0 --scale "${SCALE:-0.05}" >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 180); do
    grep -q "is ready" "$folder/log" && break
    kill -0 "$server" 2>/dev/null || { cat "$folder/log"; exit 1; }
    sleep 1
done
set -a
. "$folder/demo/demo.env"
set +a
export TOWNLAKE_TOKEN=$TOWNLAKE_TOKEN_ANALYST
status=0
"$build/townlake" skipper eval demo/eval/company.yaml || status=$?
echo
# held out: only the sum is shown, so that nobody tunes to it
"$build/townlake" skipper eval demo/eval/company-heldout.yaml 2>/dev/null | tail -1
exit "$status"

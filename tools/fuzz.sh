#!/usr/bin/env bash
# Every fuzz target with libFuzzer, each for SECONDS, starting from its corpus; then the differential suite (NAME: differential)
# with new seeds for as long, on the build that TOWNLAKE_BUILD names.  usage: fuzz.sh SECONDS [NAME]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
name=${2:-}
if [ "$name" = differential ]; then
    exec .deps/venv/bin/python tests/differential/fuzz.py --seconds "$seconds"
fi
[ -f build-fuzz/build.ninja ] || CC=clang-14 CXX=clang++-14 meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
    --buildtype=debugoptimized -Dwerror=false -Dc_args=-fsanitize=fuzzer-no-link -Dcpp_args=-fsanitize=fuzzer-no-link -Ddeps="$PWD/.deps" >/dev/null
# only what links the fuzzer: it brings the coverage's run-time
ninja -C build-fuzz -t targets all | sed -n 's/^\([^:]*_fuzz\): .*/\1/p' | xargs ninja -C build-fuzz
find build-fuzz -type f -perm -u+x -name '*_fuzz' | sort | while read -r target; do
    corpus=$(basename "${target%_fuzz}")
    [ -z "$name" ] || [ "$name" = "$corpus" ] || continue
    work=build-fuzz/corpus/$corpus
    mkdir -p "$work" "tests/corpus/$corpus"
    echo "== $corpus"
    "$target" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=20 -print_final_stats=1 -artifact_prefix=build-fuzz/ "$work" "tests/corpus/$corpus" 2>&1 | tail -4
done
if [ -z "$name" ]; then
    echo "== differential"
    .deps/venv/bin/python tests/differential/fuzz.py --seconds "$seconds"
    echo "== leak"
    .deps/venv/bin/python tests/integration/leak.py --seconds "$seconds"
fi

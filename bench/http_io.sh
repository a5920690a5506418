#!/bin/bash
# The HTTP server and client alone: requests a second, latency, memory, streamed bytes a second.
# usage: bench/http_io.sh [BUILD]     (wrk from apt; BUILD is a release build with src/io/http_bench)
set -eu
build=${1:-build}
ninja -C "$build" src/io/http_bench >/dev/null
coproc SERVER { exec "$build/src/io/http_bench" serve; }
read -r port <&"${SERVER[0]}"
memory() { awk '/VmRSS/ {print "server memory " $2 " kB"}' "/proc/$SERVER_PID/status"; }
echo "load $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) cores"
memory
wrk -t1 -c1 -d3 --latency "http://127.0.0.1:$port/" | awk '/50%|99%|Requests/ {print "1 client: " $0}'
wrk -t1 -c64 -d5 --latency "http://127.0.0.1:$port/" | awk '/50%|99%|Requests/ {print "64 clients: " $0}'
echo "our client, our server: $("$build/src/io/http_bench" read "http://127.0.0.1:$port/stream")"
echo "curl, our server: $(curl -s -o /dev/null -w '%{speed_download}' "http://127.0.0.1:$port/stream" | awk '{printf "%.2f GB/s", $1 / 1e9}')"
memory

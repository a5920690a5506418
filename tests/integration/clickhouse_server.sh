#!/bin/sh
# A real ClickHouse server for tests, on ports of its own choice.
#
#   clickhouse_server.sh start DIR [PID]   prints the HTTP port when it answers; DIR/http_port and DIR/tcp_port keep the ports.
#                                          The server ends with process PID (by default the caller of this script).
#   clickhouse_server.sh stop DIR          ends it and waits
#
# TL_DEPS: the folder of fetched inputs (default: .deps of the tree).  TL_CHSERVER: the starter, when the build made one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
library=${TL_DEPS:-$here/../../.deps}/clickhouse/libchdb.so

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

stop() {
    [ -f "$dir/pid" ] || return 0
    pid=$(cat "$dir/pid")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$dir/pid" "$dir/http_port" "$dir/tcp_port"
}

start() {
    if [ ! -f "$library" ]; then
        echo "clickhouse_server.sh: no $library; \`make deps\` fetches it" >&2
        exit 77
    fi
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    starter=${TL_CHSERVER:-$dir/chserver}
    [ -x "$starter" ] || ${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O1 -o "$starter" "$here/clickhouse/chserver.c" -ldl -lpthread
    for file in config.xml users.xml; do
        sed "s|@DIR@|$dir|g" "$here/clickhouse/$file" > "$dir/$file"
    done
    rm -f "$dir/http_port" "$dir/tcp_port"
    setsid "$starter" --lib "$library" --dir "$dir/data" --config "$dir/config.xml" --until-pid "$until" \
        < /dev/null > "$dir/log" 2>&1 &
    echo $! > "$dir/pid"
    for _ in $(seq 400); do
        if [ -s "$dir/data/http_port" ] && [ -s "$dir/data/tcp_port" ]; then
            cp "$dir/data/tcp_port" "$dir/tcp_port"
            cp "$dir/data/http_port" "$dir/http_port"
            cat "$dir/http_port"
            return 0
        fi
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || break
        sleep 0.05
    done
    echo "clickhouse_server.sh: the server did not start; its log:" >&2
    tail -n 20 "$dir/log" >&2
    stop
    exit 1
}

[ $# -ge 2 ] || usage
dir=$2
until=${3:-$PPID}
case $1 in
    start) start ;;
    stop) stop ;;
    *) usage ;;
esac

#!/bin/bash
# The federated demo's ClickHouse: it ends with the process that started it.
#   clickhouse.sh start FOLDER WORLD   start it on a free loopback port (FOLDER/port)
#   clickhouse.sh stop FOLDER
set -euo pipefail
server=$(cd "$(dirname "$0")/../../tests/integration" && pwd)/clickhouse_server.sh
case $1 in
start)
    sh "$server" stop "$2"
    sh "$server" start "$2" "$PPID" >"$2.port"
    mv "$2.port" "$2/port"
    ;;
stop) sh "$server" stop "$2" ;;
*)
    echo "usage: clickhouse.sh start FOLDER WORLD | stop FOLDER" >&2
    exit 2
    ;;
esac

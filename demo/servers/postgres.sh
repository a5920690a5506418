#!/bin/bash
# The federated demo's PostgreSQL.
#   postgres.sh start FOLDER WORLD   start it on a free loopback port (FOLDER/port); the first time, fill it from the files in WORLD
#   postgres.sh stop FOLDER
set -euo pipefail
server=$(cd "$(dirname "$0")/../../tests/integration" && pwd)/postgres_server.sh
folder=$2

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

case $1 in
start)
    world=$3
    mkdir -p "$folder"
    sh "$server" stop "$folder"
    port=$(free_port)
    sh "$server" start "$folder" "$port"
    if [ ! -f "$folder/filled" ]; then
        export PGHOST=127.0.0.1 PGPORT=$port PGUSER=postgres
        psql -qX -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS ops' -c 'CREATE DATABASE ops' postgres >"$folder/fill.log" 2>&1
        (cd "$world" && psql -qX -d ops -f postgres.sql) >>"$folder/fill.log" 2>&1 || { tail -5 "$folder/fill.log" >&2; exit 1; }
        touch "$folder/filled"
    fi
    echo "$port" >"$folder/port"
    ;;
stop) sh "$server" stop "$folder" ;;
*)
    echo "usage: postgres.sh start FOLDER WORLD | stop FOLDER" >&2
    exit 2
    ;;
esac

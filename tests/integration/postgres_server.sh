#!/bin/sh
# postgres_server.sh -- a private PostgreSQL for tests, on loopback, owned by an unprivileged user.
#
# usage: postgres_server.sh start DIR PORT   make a cluster in DIR when there is none, start it, wait until it answers
#        postgres_server.sh stop DIR         stop it at once; fine when it does not run
#        postgres_server.sh restart DIR PORT
# The superuser is "postgres" without a password.  TOWNLAKE_POSTGRES_BIN names the folder of initdb and pg_ctl when it is
# not Debian's.  Exit status 77 (skip) when there is no server to start.
set -eu

command=${1:?usage: postgres_server.sh start|stop|restart DIR [PORT]}
dir=${2:?folder missing}
port=${3:-}

find_bin() {
    if [ -n "${TOWNLAKE_POSTGRES_BIN:-}" ]; then
        echo "$TOWNLAKE_POSTGRES_BIN"
        return
    fi
    for candidate in /usr/lib/postgresql/*/bin; do
        [ -x "$candidate/initdb" ] && found=$candidate
    done
    if [ -z "${found:-}" ]; then
        echo "postgres_server.sh: no PostgreSQL server is installed (apt: postgresql-15)" >&2
        exit 77
    fi
    echo "$found"
}

# initdb refuses to run as root: then everything is done as the user "postgres".
as_owner() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$dir" LC_ALL=C.UTF-8 "$@"
    else
        env LC_ALL=C.UTF-8 "$@"
    fi
}

make_cluster() {
    mkdir -p "$dir"
    if [ "$(id -u)" = 0 ]; then
        chown postgres:postgres "$dir"
    fi
    chmod 700 "$dir"
    [ -f "$dir/data/PG_VERSION" ] && return
    as_owner "$bin/initdb" -D "$dir/data" -U postgres -A trust --no-sync -E UTF8 --locale=C.UTF-8 >"$dir/initdb.log" 2>&1 || {
        cat "$dir/initdb.log" >&2
        exit 1
    }
}

start() {
    : "${port:?port missing}"
    make_cluster
    as_owner "$bin/pg_ctl" -D "$dir/data" -s -w -t 30 -l "$dir/log" -o "-c listen_addresses=127.0.0.1 -c port=$port \
        -c unix_socket_directories=$dir -c wal_level=logical -c fsync=off -c full_page_writes=off -c shared_buffers=64MB" \
        start </dev/null >/dev/null 2>&1 || {
        tail -5 "$dir/log" >&2
        exit 1
    }
}

stop() {
    [ -f "$dir/data/postmaster.pid" ] || return 0
    as_owner "$bin/pg_ctl" -D "$dir/data" -s -w -t 30 -m immediate stop </dev/null >/dev/null 2>&1 || true
}

bin=$(find_bin)
case $command in
start) start ;;
stop) stop ;;
restart)
    stop
    start
    ;;
*)
    echo "postgres_server.sh: unknown command \"$command\"" >&2
    exit 2
    ;;
esac

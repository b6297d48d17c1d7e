# shellcheck shell=bash
# Private PostgreSQL servers for the tests.

# PostgreSQL refuses to run as root, so root lends the work to the package's own account.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# The newest installed one.
postgres_bin() { find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1; }

# start_postgres DIR SETTING…: a fresh server in DIR; prints its address.
start_postgres() {
    local dir=$1 port bin
    shift
    bin=$(postgres_bin)
    port=$(free_port)
    local options="-p $port -k $dir -c listen_addresses=127.0.0.1"
    local setting
    for setting in "$@"; do options="$options -c $setting"; done
    as_postgres "$bin/initdb" -D "$dir/data" -U undulator -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
    as_postgres "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" -o "$options" start >/dev/null
    echo "postgres://undulator@127.0.0.1:$port/postgres"
}

stop_postgres() { as_postgres "$(postgres_bin)/pg_ctl" -D "$1/data" -m immediate stop >/dev/null 2>&1 || true; }

# Starts a normal one and one with fsync off that must be refused, in a directory that the account may enter, and
# exports their addresses.
start_test_postgres() {
    POSTGRES_DIR=$(mktemp -d)
    mkdir "$POSTGRES_DIR/safe" "$POSTGRES_DIR/lossy"
    if [ "$(id -u)" -eq 0 ]; then chown -R postgres "$POSTGRES_DIR"; fi
    TESTKIT_POSTGRES=$(cd / && start_postgres "$POSTGRES_DIR/safe" max_connections=300)
    TESTKIT_POSTGRES_LOSSY=$(cd / && start_postgres "$POSTGRES_DIR/lossy" fsync=off)
    export TESTKIT_POSTGRES TESTKIT_POSTGRES_LOSSY
}

stop_test_postgres() {
    [ -n "${POSTGRES_DIR:-}" ] || return 0
    (cd / && stop_postgres "$POSTGRES_DIR/safe" && stop_postgres "$POSTGRES_DIR/lossy")
    rm -rf "$POSTGRES_DIR"
}

# shellcheck shell=bash
# A private OpenSearch node for the tests, from the jars that are published as packages.

OPENSEARCH_JARS=target/interop/opensearch

# Fetches the jars of tests/opensearch/pom.xml and compiles what starts them.
install_opensearch() {
    command -v javac >/dev/null || install_packages default-jdk-headless
    command -v mvn >/dev/null || install_packages maven
    cmp --silent tests/opensearch/pom.xml "$OPENSEARCH_JARS/pom.xml" && [ -f "$OPENSEARCH_JARS/Node.class" ] &&
        [ "$OPENSEARCH_JARS/Node.class" -nt tests/opensearch/Node.java ] && return 0
    say "installing OpenSearch (about 60 MB)"
    rm -rf "$OPENSEARCH_JARS"
    mkdir -p "$OPENSEARCH_JARS"
    mvn --batch-mode --quiet --file tests/opensearch/pom.xml dependency:copy-dependencies \
        -DoutputDirectory="$PWD/$OPENSEARCH_JARS/jars"
    javac -cp "$OPENSEARCH_JARS/jars/*" -d "$OPENSEARCH_JARS" tests/opensearch/Node.java
    cp tests/opensearch/pom.xml "$OPENSEARCH_JARS/pom.xml"
}

# Starts a node, waits until it answers and exports its address.
start_test_opensearch() {
    local port
    OPENSEARCH_DIR=$(mktemp -d)
    port=$(free_port)
    java -Xms768m -Xmx768m -XX:+UseSerialGC -cp "$OPENSEARCH_JARS:$OPENSEARCH_JARS/jars/*" \
        Node "$OPENSEARCH_DIR" "$port" "$(free_port)" >"$OPENSEARCH_DIR/log" 2>&1 </dev/null &
    OPENSEARCH_PID=$!
    if ! curl --silent --fail --output /dev/null --retry 120 --retry-delay 1 --retry-all-errors "http://127.0.0.1:$port"; then
        tail -n 30 "$OPENSEARCH_DIR/log" >&2
        say "OpenSearch does not start"
        return 1
    fi
    export TESTKIT_OPENSEARCH="http://127.0.0.1:$port"
}

stop_test_opensearch() {
    [ -n "${OPENSEARCH_PID:-}" ] || return 0
    # It ends by the signal, which is no failure.
    kill "$OPENSEARCH_PID" 2>/dev/null || true
    wait "$OPENSEARCH_PID" 2>/dev/null || true
    rm -rf "$OPENSEARCH_DIR"
}

#!/usr/bin/env bash
# OpenSearch 2.19.6: a terms query with `"value_type": "bitmap"` whose bitmap has numbers on both sides of 2^31 finds only the lower
# ones, and answers 200. Each half by itself finds its rows: numbers from 2^31 on stand for the negative ones of the field, which
# is of the type `integer`.
# Expected: the union of two sets finds what both find.
# Why it matters: rights on millions of datasets are sent as bitmaps of ids, and hashes or 32-bit ids use all bits: rows that a user
# may read are missing without an error.
# Seen: lower half 3, upper half 2, both in one bitmap 3 (PyPI pyroaring 1.1.0 made the bitmaps).
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${node:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>node</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.opensearch</groupId><artifactId>opensearch</artifactId><version>2.19.6</version></dependency>
    <dependency><groupId>org.opensearch.plugin</groupId><artifactId>transport-netty4-client</artifactId><version>2.19.6</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.25.4</version></dependency>
  </dependencies>
</project>
XML
cat >Start.java <<'JAVA'
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

public class Start {
    static class OneNode extends Node {
        OneNode(Path home) {
            super(InternalSettingsPreparer.prepareEnvironment(
                Settings.builder().put("path.home", home.toString()).put("network.host", "127.0.0.1").put("http.port", "0")
                    .put("transport.type", "netty4").put("http.type", "netty4").put("discovery.type", "single-node")
                    .put("transport.port", "0").build(),
                Map.of(), home, () -> "node"), List.<Class<? extends Plugin>>of(Netty4Plugin.class), true);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]);
        System.setProperty("opensearch.path.home", home.toString());
        OneNode node = new OneNode(home);
        node.start();
        System.out.println("port " + node.injector().getInstance(org.opensearch.http.HttpServerTransport.class)
            .boundAddress().publishAddress().getPort());
        Thread.currentThread().join();
    }
}
JAVA
mvn --batch-mode --quiet dependency:copy-dependencies -DoutputDirectory="$dir/jars" >maven.log 2>&1 || { cat maven.log; exit 1; }
javac -cp 'jars/*' -d . Start.java
java -Xmx512m -XX:+UseSerialGC -cp "$dir:$dir/jars/*" Start "$dir" >node.log 2>&1 &
node=$!
until grep -q '^port ' node.log; do kill -0 "$node" 2>/dev/null || { cat node.log; exit 1; }; sleep 0.2; done
url=http://127.0.0.1:$(sed -n 's/^port //p' node.log)
send() { curl --silent --show-error --fail --request "$1" "$url/$2" --header 'Content-Type: application/json' --data "$3"; }
python3 -m venv venv
venv/bin/pip install --quiet pyroaring==1.1.0
encode() { venv/bin/python -c "import base64, sys; from pyroaring import BitMap
print(base64.b64encode(BitMap(map(int, sys.argv[1:])).serialize()).decode())" "$@"; }
send PUT rows '{"mappings": {"properties": {"id": {"type": "integer"}}}}' >/dev/null
for id in 5 7 2147483647 -2147483648 -3; do send POST rows/_doc "{\"id\": $id}" >/dev/null; done
send POST rows/_refresh "" >/dev/null
count() { send POST rows/_count "{\"query\": {\"terms\": {\"id\": [\"$(encode "$@")\"], \"value_type\": \"bitmap\"}}}" |
  sed 's/{"count":\([0-9]*\).*/\1/'; }
lower=(5 7 2147483647) upper=(2147483648 4294967293)
seen="lower half $(count "${lower[@]}"), upper half $(count "${upper[@]}"), both in one bitmap $(count "${lower[@]}" "${upper[@]}")"
echo "$seen"
[ "$seen" = "lower half 3, upper half 2, both in one bitmap 3" ]

#!/usr/bin/env bash
# OpenSearch 2.19.6: a field of the type `wildcard` compares each pattern with `_source` unless it has `doc_values`, which are off by
# default. If `_source` leaves the field out, every search of it answers 200 with no hit, while `exists` finds the document.
# Expected: fields are indexed independently of `_source`, as text, keyword, numbers and dates are; or the mapping is refused.
# Why it matters: catalogues of files index paths with this type, and leave derived fields out of `_source` to halve the index.
# Seen: for the field left out wildcard 0, prefix 0, term 0, exists 1; the same with `doc_values` 1, 1, 1, 1.
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
send PUT files '{"mappings": {"_source": {"excludes": ["path", "path_with_values"]}, "properties": {
  "path": {"type": "wildcard"}, "path_with_values": {"type": "wildcard", "doc_values": true}}}}' >/dev/null
file=/data/2026/scan_0001.nxs
send POST "files/_doc?refresh=true" "{\"path\": \"$file\", \"path_with_values\": \"$file\"}" >/dev/null
count() { send POST files/_count "{\"query\": {\"$1\": {\"$2\": \"$3\"}}}" | sed 's/{"count":\([0-9]*\).*/\1/'; }
for field in path path_with_values; do
  echo "$field: wildcard $(count wildcard $field "*.nxs"), prefix $(count prefix $field /data), term $(count term $field "$file")," \
    "exists $(count exists field $field)"
done | tee seen.txt
grep -qx 'path: wildcard 0, prefix 0, term 0, exists 1' seen.txt
grep -qx 'path_with_values: wildcard 1, prefix 1, term 1, exists 1' seen.txt

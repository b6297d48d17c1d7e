#!/usr/bin/env bash
# rocrate 0.16.0: reading an RO-Crate and writing it again drops whatever its `@context` has beyond the RO-Crate context:
# terms that the crate defines itself and the contexts of profiles. The properties that use them stay, without a definition.
# Expected: RO-Crate 1.1 tells authors to define their own terms in `@context`, so that a program that opens a crate to add
# one file leaves the definitions where they were. To a JSON-LD processor the properties are gone afterwards: a term that no
# context defines is skipped.
# Why it matters: what a facility adds to a crate (beamline, energy, technique) is in such terms. The library has
# `extra_terms` and `extra_contexts` to write them, but leaves both empty when it reads.
# Seen: three entries in `@context` before, the RO-Crate context alone after; "beamline" is still on the root dataset.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check rocrate==0.16.0
mkdir "$dir/in"
cat >"$dir/in/ro-crate-metadata.json" <<'JSON'
{
  "@context": [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
    {"beamline": "https://example.org/terms#beamline"}
  ],
  "@graph": [
    {
      "@id": "ro-crate-metadata.json",
      "@type": "CreativeWork",
      "about": {"@id": "./"},
      "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"}
    },
    {
      "@id": "./",
      "@type": "Dataset",
      "name": "Scan 1",
      "description": "One scan of one sample",
      "datePublished": "2024-03-01",
      "license": {"@id": "https://creativecommons.org/licenses/by/4.0/"},
      "beamline": "B1"
    }
  ]
}
JSON
cat >"$dir/main.py" <<'PY'
import json
from rocrate.rocrate import ROCrate

crate = ROCrate("in")
print("extra:", crate.metadata.extra_contexts, crate.metadata.extra_terms)
crate.write("out")
for folder in ("in", "out"):
    with open(f"{folder}/ro-crate-metadata.json") as file:
        document = json.load(file)
    root = next(entity for entity in document["@graph"] if entity["@id"] == "./")
    print(folder, json.dumps(document["@context"]), "beamline:", root.get("beamline"))
PY
out=$(cd "$dir" && venv/bin/python main.py)
echo "$out"
grep -qxF 'extra: [] {}' <<<"$out"
grep -qxF 'out "https://w3id.org/ro/crate/1.1/context" beamline: B1' <<<"$out"

#!/usr/bin/env bash
# cffconvert 2.0.0: a valid CITATION.cff with `type: dataset` is converted to Schema.org and CodeMeta as SoftwareSourceCode,
# to RIS as GEN, and to Zenodo's metadata without an upload type. Expected: the Citation File Format has `type: dataset` for
# this, and the targets have words for it (Dataset in Schema.org, DATA in RIS, "dataset" in Zenodo). An author that is an
# entity, a facility for one, becomes a Person.
# Why it matters: facilities that put a CITATION.cff next to a data set to get its landing page's JSON-LD declare it to
# search engines as source code, so that it is not found among data sets.
# Seen: the tool says that the file is valid, then "SoftwareSourceCode" twice, "TY  - GEN", and Person for both authors.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check cffconvert==2.0.0
cd "$dir"
cat >CITATION.cff <<'CFF'
cff-version: 1.2.0
message: Please cite this data set.
type: dataset
title: Scan 1
doi: 10.5072/scan-1
date-released: 2024-03-01
license: CC-BY-4.0
authors:
  - family-names: Doe
    given-names: Jane
  - name: Example Light Source
CFF
venv/bin/cffconvert --validate
out=$(
  for form in schema.org codemeta; do
    venv/bin/cffconvert -f "$form" | venv/bin/python -c 'import json, sys
document = json.load(sys.stdin)
print(sys.argv[1] + ":", document["@type"], "authors:", *(author["@type"] for author in document["author"]))' "$form"
  done
  echo "ris: $(venv/bin/cffconvert -f ris | head -n 1)"
  venv/bin/cffconvert -f zenodo | venv/bin/python -c 'import json, sys
print("zenodo: upload_type", json.load(sys.stdin).get("upload_type"))'
)
echo "$out"
[ "$out" = "schema.org: SoftwareSourceCode authors: Person Person
codemeta: SoftwareSourceCode authors: Person Person
ris: TY  - GEN
zenodo: upload_type None" ]

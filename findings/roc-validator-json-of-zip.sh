#!/usr/bin/env bash
# roc-validator 0.13.0: the report in JSON can be had for a crate in a folder, not for the same crate in a ZIP file: there
# the validator does its checks and fails at the end because it cannot write its own settings as JSON. The file for the
# report is left empty. Expected: a report for both, since both are documented as inputs and a report in text is written for
# both.
# Why it matters: a facility that checks crates as they are uploaded, in ZIP files, reads the JSON report by program.
# Seen: a report with issues for the folder; exit code 2, "Object of type URI is not JSON serializable" and an empty file
# for the ZIP file. (The validator is kept offline here, without a copy of the RO-Crate context, which is the issue it
# reports.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check roc-validator==0.13.0
cd "$dir"
mkdir scan
cat >scan/ro-crate-metadata.json <<'JSON'
{
  "@context": "https://w3id.org/ro/crate/1.1/context",
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
      "license": {"@id": "https://creativecommons.org/licenses/by/4.0/"}
    },
    {"@id": "https://creativecommons.org/licenses/by/4.0/", "@type": "CreativeWork", "name": "CC BY 4.0"}
  ]
}
JSON
venv/bin/python -m zipfile -c scan.zip scan
export HOME=$dir Cexport HOME=$dir COLUMNS=200
for name in scan scan.zip; do
  code=0
  venv/bin/rocrate-validator -y validate --offline --output-format json --output-file "$name.json" "$name" \
    >"$name.txt" 2>&1 || code=$?
  report=empty
  ! grep -q '"issues"' "$name.json" || report=written
  echo "$name: exit code $code, report: $report $(grep -o 'Object of type .* serializable' "$name.txt" || true)"
done | tee seen.txt
grep -q '^scan: exit code 1, report: written' seen.txt
grep -q '^scan.zip: exit code 2, report: empty Object of type URI is not JSON serializable$' seen.txt

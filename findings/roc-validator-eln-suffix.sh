#!/usr/bin/env bash
# roc-validator 0.13.0: the same bytes are taken for validation under the name scan.zip and refused under scan.eln, with a
# usage error that says that the argument is neither a folder nor a ZIP file. Expected: a local file is told by what is in
# it, or at least by the suffixes in use; `.eln` is the ELN Consortium's suffix for an RO-Crate in a ZIP file, with a media
# type of its own.
# Why it matters: `.eln` is what electronic laboratory notebooks exchange. A facility that takes their exports has to rename
# or unpack every one before it can check it.
# Seen: exit code 2 and "is not a valid RO-Crate URI" for scan.eln. For scan.zip the validator runs its checks; that it ends
# with 1 is because it is kept offline here, without a copy of the RO-Crate context.
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
cp scan.zip scan.eln
export HOME=$dir COLUMNS=200
for name in scan.zip scan.eln; do
  code=0
  venv/bin/rocrate-validator -y validate --offline "$name" >"$name.txt" 2>&1 || code=$?
  refused=no
  ! grep -q 'is not a valid RO-Crate URI' "$name.txt" || refused=yes
  echo "$name: exit code $code, refused as no crate at all: $refused"
done | tee seen.txt
[ "$(cat seen.txt)" = "scan.zip: exit code 1, refused as no crate at all: no
scan.eln: exit code 2, refused as no crate at all: yes" ]

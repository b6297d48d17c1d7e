#!/usr/bin/env bash
# rocrate 0.16.0 cannot open an `.eln` archive as the ELN Consortium specifies it: a ZIP file with exactly one folder at its
# top, which is an RO-Crate. Expected: this is the Python library for RO-Crates, which opens ZIP files, so that an export of
# a laboratory notebook opens as any other crate. It looks for the metadata at the top of the archive alone; the suffix does
# not matter to it.
# Why it matters: a facility's program that takes both crates and exports of laboratory notebooks has to find the folder and
# unpack it itself.
# Seen: "Not a valid RO-Crate: missing ro-crate-metadata.json" with the folder, "Scan 1" for the same crate without it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check rocrate==0.16.0
cat >"$dir/main.py" <<'PY'
import json
import zipfile
from rocrate.rocrate import ROCrate

metadata = json.dumps({
    "@context": "https://w3id.org/ro/crate/1.1/context",
    "@graph": [
        {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
         "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"}, "sdPublisher": {"@id": "https://example.org/"}},
        {"@id": "./", "@type": "Dataset", "name": "Scan 1", "description": "One scan", "datePublished": "2024-03-01",
         "license": {"@id": "https://creativecommons.org/licenses/by/4.0/"}},
        {"@id": "https://example.org/", "@type": "Organization", "name": "Example laboratory notebook"},
    ],
})
for folder in ("scan-1/", ""):
    with zipfile.ZipFile("scan.eln", "w") as archive:
        archive.writestr(f"{folder}ro-crate-metadata.json", metadata)
    try:
        print(f"folder {folder!r}:", ROCrate("scan.eln").name)
    except ValueError as error:
        print(f"folder {folder!r}: {error}")
PY
out=$(cd "$dir" && venv/bin/python main.py)
echo "$out"
[ "$out" = "folder 'scan-1/': Not a valid RO-Crate: missing ro-crate-metadata.json
folder '': Scan 1" ]

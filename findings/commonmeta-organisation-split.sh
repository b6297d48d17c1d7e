#!/usr/bin/env bash
# commonmeta-py 0.312 does not look at `nameType` of a DataCite record: a creator without an identifier that the record
# declares as Organizational is taken for a person or not by the words in its name, and a "person" is cut into given and
# family name. Expected: DataCite's `nameType` says which it is, so there is nothing to guess.
# Why it matters: facilities, collaborations and instrument teams are creators of many data sets. Some come out right
# because their name has a word from a list ("Institute", "Laboratory"); others are cited as Mr Source or Ms XFEL, and
# written back to DataCite as Personal.
# Seen: "Example Light Source" becomes family name "Source", given name "Example Light", nameType "Personal"; "Example
# Laboratory", with the same declaration, stays what it is.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check commonmeta-py==0.312
cat >"$dir/main.py" <<'PY'
import json
from commonmeta import Metadata

for name in ("Example Light Source", "Example XFEL", "Example Laboratory"):
    record = {
        "id": "https://doi.org/10.5072/scan-1",
        "doi": "10.5072/scan-1",
        "url": "https://example.org/scan-1",
        "types": {"resourceTypeGeneral": "Dataset"},
        "creators": [{"name": name, "nameType": "Organizational"}],
        "titles": [{"title": "Scan 1"}],
        "publisher": {"name": "Example Publisher"},
        "publicationYear": 2024,
        "dates": [{"date": "2024-03-01", "dateType": "Issued"}],
        "schemaVersion": "http://datacite.org/schema/kernel-4",
    }
    metadata = Metadata(json.dumps(record), via="datacite")
    author = json.loads(metadata.write(to="csl"))["author"][0]
    creator = json.loads(metadata.write(to="datacite"))["creators"][0]
    print(f"{name}: CSL {json.dumps(author, sort_keys=True)}, DataCite {creator['nameType']}")
PY
out=$("$dir/venv/bin/python" "$dir/main.py")
echo "$out"
[ "$out" = 'Example Light Source: CSL {"family": "Source", "given": "Example Light"}, DataCite Personal
Example XFEL: CSL {"family": "XFEL", "given": "Example"}, DataCite Personal
Example Laboratory: CSL {"literal": "Example Laboratory"}, DataCite Organizational' ]

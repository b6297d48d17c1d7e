#!/usr/bin/env bash
# commonmeta-py 0.312: an organisation with a ROR id comes out of a DataCite record, read and written again as DataCite,
# with that id declared as an ORCID iD. Expected: `nameIdentifierScheme` and `schemeUri` as they were read; ORCID iDs are
# for people, and the id itself begins with https://ror.org/.
# Why it matters: a facility that is named as creator by its ROR id is found by it. With the wrong scheme, consumers that
# select by scheme do not find it, and those that check ORCID iDs refuse the record.
# Seen: scheme "ROR", schemeUri "https://ror.org" before; "ORCID", "https://orcid.org" after, with the ROR id as value.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check commonmeta-py==0.312
cat >"$dir/main.py" <<'PY'
import json
from commonmeta import Metadata

record = {
    "id": "https://doi.org/10.5072/scan-1",
    "doi": "10.5072/scan-1",
    "url": "https://example.org/scan-1",
    "types": {"resourceTypeGeneral": "Dataset"},
    "creators": [{
        "name": "Example Light Source",
        "nameType": "Organizational",
        "nameIdentifiers": [
            {"nameIdentifier": "https://ror.org/05etxs293", "nameIdentifierScheme": "ROR", "schemeUri": "https://ror.org"},
        ],
    }],
    "titles": [{"title": "Scan 1"}],
    "publisher": {"name": "Example Publisher"},
    "publicationYear": 2024,
    "dates": [{"date": "2024-03-01", "dateType": "Issued"}],
    "schemaVersion": "http://datacite.org/schema/kernel-4",
}
again = json.loads(Metadata(json.dumps(record), via="datacite").write(to="datacite"))
for name, document in (("before", record), ("after", again)):
    found = document["creators"][0]["nameIdentifiers"][0]
    print(f"{name}: {found['nameIdentifier']} {found['nameIdentifierScheme']} {found['schemeUri']}")
PY
out=$("$dir/venv/bin/python" "$dir/main.py")
echo "$out"
grep -qx 'after: https://ror.org/05etxs293 ORCID https://orcid.org' <<<"$out"

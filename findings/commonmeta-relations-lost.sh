#!/usr/bin/env bash
# commonmeta-py 0.312: a DataCite record, read and written again as DataCite, comes back without its relations
# IsSupplementTo, IsCollectedBy and IsDerivedFrom and without the date Collected. There is no error and no warning, and the
# relation References and the date Created next to them are kept. Expected: types that DataCite's own schema lists survive a
# reader and a writer of DataCite, or the library says that it leaves them out.
# Why it matters: these are what a record of raw data is about: the article that the data support (IsSupplementTo), the
# instrument that took them (IsCollectedBy), the raw data behind reduced data (IsDerivedFrom) and the day of the experiment.
# Seen: References and Created come back, with Issued; the rest is gone.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check commonmeta-py==0.312
cat >"$dir/main.py" <<'PY'
import json
from commonmeta import Metadata

relations = ["IsSupplementTo", "IsCollectedBy", "IsDerivedFrom", "References"]
record = {
    "id": "https://doi.org/10.5072/scan-1",
    "doi": "10.5072/scan-1",
    "url": "https://example.org/scan-1",
    "types": {"resourceTypeGeneral": "Dataset"},
    "creators": [{"name": "Doe, Jane", "nameType": "Personal", "givenName": "Jane", "familyName": "Doe"}],
    "titles": [{"title": "Scan 1"}],
    "publisher": {"name": "Example Publisher"},
    "publicationYear": 2024,
    "dates": [
        {"date": "2024-03-01", "dateType": "Issued"},
        {"date": "2023-11-06", "dateType": "Created"},
        {"date": "2023-11-05", "dateType": "Collected"},
    ],
    "relatedIdentifiers": [
        {"relatedIdentifier": f"10.5072/other-{number}", "relatedIdentifierType": "DOI", "relationType": relation}
        for number, relation in enumerate(relations)
    ],
    "schemaVersion": "http://datacite.org/schema/kernel-4",
}
again = json.loads(Metadata(json.dumps(record), via="datacite").write(to="datacite"))
for name, document in (("before", record), ("after", again)):
    print(f"{name}:", *sorted(item["relationType"] for item in document["relatedIdentifiers"]))
    print(f"{name}:", *sorted(item["dateType"] for item in document["dates"]))
PY
out=$("$dir/venv/bin/python" "$dir/main.py")
echo "$out"
grep -qx 'after: References' <<<"$out"
grep -qx 'after: Created Issued' <<<"$out"

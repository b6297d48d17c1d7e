#!/usr/bin/env bash
# commonmeta-py 0.312: a contributor of a DataCite record, such as its contact person, becomes an author in CSL JSON, BibTeX
# and RIS and in the formatted citation. Expected: the authors of a citation are DataCite's creators; a contributor has
# another part in the data, and `contributorType` says which. The library does read that type and keeps contributors out of
# Schema.org's authors, so that the type is not lost on the way.
# Why it matters: records of facilities name the local contact and the instrument's team as contributors. They turn up as
# authors in the reference managers of those who cite the data.
# Seen: Doe, the one creator, and after her Smith, who is the contact, in all four; Doe alone in Schema.org.
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
    "creators": [{"name": "Doe, Jane", "nameType": "Personal", "givenName": "Jane", "familyName": "Doe"}],
    "contributors": [{"name": "Smith, Sam", "nameType": "Personal", "givenName": "Sam", "familyName": "Smith",
                      "contributorType": "ContactPerson"}],
    "titles": [{"title": "Scan 1"}],
    "publisher": {"name": "Example Light Source"},
    "publicationYear": 2024,
    "dates": [{"date": "2024-03-01", "dateType": "Issued"}],
    "schemaVersion": "http://datacite.org/schema/kernel-4",
}
metadata = Metadata(json.dumps(record), via="datacite")


def written(form):
    text = metadata.write(to=form)
    return text.decode() if isinstance(text, bytes) else text


print("csl:", json.dumps(json.loads(written("csl"))["author"]))
print("bibtex:", next(line.strip() for line in written("bibtex").splitlines() if "author" in line))
print("ris:", [line for line in written("ris").splitlines() if line.startswith("AU")])
print("citation:", written("citation"))
print("schema_org:", json.dumps(json.loads(written("schema_org"))["author"]))
PY
out=$("$dir/venv/bin/python" "$dir/main.py")
echo "$out"
for form in csl bibtex ris citation; do
  grep -q "^$form: .*Doe.*Smith" <<<"$out"
done
grep -q '^schema_org: .*Doe' <<<"$out"
! grep -q '^schema_org: .*Smith' <<<"$out"

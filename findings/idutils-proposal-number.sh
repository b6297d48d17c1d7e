#!/usr/bin/env bash
# idutils 1.7.0, which InvenioRDM and others ask what scheme an identifier has: numbers of proposals and visits are taken
# for identifiers of publications and names. Eight digits are a PubMed id, and YYYY-MM/NNNN is a Handle and a GND id; for
# the latter it even makes an address from the first six characters. Expected: no scheme for them, or at least patterns that
# are matched to the end; an ORCID iD with a wrong check digit is refused, after all.
# Why it matters: a form or an import that fills in the scheme by itself links a facility's data to somebody else's article,
# and the link works, so that nobody notices.
# Seen: 20240012 is ['pmid']; 2024-03/0001 is ['handle', 'gnd'] with .../gnd/2024-0 as address; 0000-0002-1825-0098 is [].
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check idutils==1.7.0
out=$("$dir/venv/bin/python" - <<'PY'
import idutils

for value in ("20240012", "2024-03/0001", "0000-0002-1825-0098"):
    schemes = idutils.detect_identifier_schemes(value)
    print(value, schemes, *(idutils.to_url(value, scheme, "https") for scheme in schemes))
PY
)
echo "$out"
grep -q "^20240012 \['pmid'\] https://pubmed" <<<"$out"
grep -q "^2024-03/0001 \['handle', 'gnd'\] .*/gnd/2024-0$" <<<"$out"
grep -qxF '0000-0002-1825-0098 []' <<<"$out"

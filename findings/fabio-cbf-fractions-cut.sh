#!/usr/bin/env bash
# fabio 2026.6.0: an image of floating-point numbers that is converted to CBF is written as 32-bit integers: fractions are
# cut off, and a value beyond the range becomes another number altogether. The file says "Unknown" for its element type.
# Expected: an error, or at least a warning when it is written, since byte-offset CBF holds integers only; TIFF as target of
# the same conversion keeps the numbers. Only whoever opens the file later is told "Defaulting type to int32".
# Why it matters: corrected and averaged frames are floating point, and CBF is how frames are handed to programs for
# crystallography. Intensities below one become zero.
# Seen: 0.7, 1.9, 250.5 and 3e9 become 0, 1, 250 and a negative number; fabio-convert ends with 0 and prints nothing.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check fabio==2026.6.0 numpy==2.2.6
cd "$dir"
cat >main.py <<'PY'
import subprocess
import fabio
import numpy

fabio.edfimage.EdfImage(data=numpy.array([[0.7, 1.9], [250.5, 3e9]], dtype="float32")).write("frame.edf")
for kind in ("tifimage", "cbfimage"):
    name = f"frame.{kind[:3]}"
    run = subprocess.run(["venv/bin/fabio-convert", "-F", kind, "-o", name, "frame.edf"], capture_output=True, text=True)
    data = fabio.open(name).data
    print(f"{name}: exit code {run.returncode}, output {run.stdout + run.stderr!r}, {data.dtype}: {data.ravel().tolist()}")
PY
out=$(venv/bin/python main.py)
echo "$out"
grep -q "^frame.tif: exit code 0, output '', float32: \[0\.69" <<<"$out"
grep -q "^frame.cbf: exit code 0, output '', int32: \[0, 1, 250, -" <<<"$out"

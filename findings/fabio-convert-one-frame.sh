#!/usr/bin/env bash
# fabio 2026.6.0: converting a file of several frames keeps the frame that is current and leaves the others out, without an
# error or a warning, also when the new format holds many frames, as EDF itself does and the HDF5 files of the "eiger"
# format. Expected: as many frames after as before where the format allows it, and otherwise a refusal or one file for each
# frame.
# Why it matters: EDF files of a scan have one frame per point. A conversion for archiving or for another program that ends
# with 0 is taken for complete, and the originals may be deleted after it.
# Seen: three frames in the EDF file; one in its EDF copy, in the HDF5 file and in the CBF file of fabio-convert, which ends
# with 0 and prints nothing. The "eiger" writer does write three frames when it is given them in one array.
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

frames = numpy.arange(12, dtype="uint16").reshape(3, 2, 2)
image = fabio.edfimage.EdfImage(data=frames[0])
image.append_frame(data=frames[1])
image.append_frame(data=frames[2])
image.write("scan.edf")


def count(path):
    with fabio.open(path) as file:
        return file.nframes


print("scan.edf:", count("scan.edf"))
fabio.eigerimage.EigerImage(data=frames).write("array.h5")
print("array.h5, written from an array:", count("array.h5"))
for kind, name in (("edf", "copy.edf"), ("eiger", "copy.h5")):
    fabio.open("scan.edf").convert(kind).write(name)
    print(f"{name}, converted:", count(name))
run = subprocess.run(["venv/bin/fabio-convert", "-F", "cbf", "-o", "copy.cbf", "scan.edf"], capture_output=True, text=True)
print(f"copy.cbf, fabio-convert with exit code {run.returncode} and output {run.stdout + run.stderr!r}:", count("copy.cbf"))
PY
out=$(venv/bin/python main.py)
echo "$out"
[ "$out" = "scan.edf: 3
array.h5, written from an array: 3
copy.edf, converted: 1
copy.h5, converted: 1
copy.cbf, fabio-convert with exit code 0 and output '': 1" ]

"""PDF files as others' programs see them: parts, text, fonts, and whether anything in them acts by itself."""

import io
import json
import re
import subprocess
import tempfile
import zipfile

# What acts when a file is opened, leaves the reader, or brings something along.
ACTIVE = {
    *["/JavaScript", "/JS", "/OpenAction", "/AA", "/Launch", "/SubmitForm", "/ImportData", "/GoToR", "/GoToE", "/Rendition", "/Movie"],
    *["/Sound", "/RichMedia", "/RichMediaExecute", "/EmbeddedFile", "/EmbeddedFiles", "/AcroForm", "/XFA", "/3D", "/Named", "/Hide"],
}
ADDRESS = re.compile("u:(https?|mailto):", re.I)


def list_parts(kind, body):
    """The files of an export, in their order."""
    if kind == "application/pdf":
        return [body]
    assert kind == "application/zip", kind
    archive = zipfile.ZipFile(io.BytesIO(body))
    assert archive.testzip() is None and archive.namelist() == sorted(archive.namelist()), archive.namelist()
    return [archive.read(name) for name in archive.namelist()]


def run_reader(pdf, *command):
    """What a program says of the file, whose place is where the command has FILE."""
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(pdf)
        file.flush()
        done = subprocess.run([file.name if word == "FILE" else word for word in command], capture_output=True)
    assert done.returncode == 0, (command, done.stdout[-500:], done.stderr[-500:])
    return done.stdout.decode()


def extract_text(pdf, *options):
    return run_reader(pdf, "pdftotext", *options, "FILE", "-")


def find_active_content(pdf):
    """Names and addresses that have no business in it, also where they are compressed."""
    found = []

    def walk_objects(value):
        if isinstance(value, dict):
            found.extend(ACTIVE & value.keys())
            if value.get("/S") == "/URI" and not ADDRESS.match(value["/URI"]):
                found.append(value["/URI"])
            for each in value.values():
                walk_objects(each)
        elif isinstance(value, list):
            for each in value:
                walk_objects(each)
        elif value in ACTIVE:
            found.append(value)

    walk_objects(json.loads(run_reader(pdf, "qpdf", "--json=2", "--json-stream-data=none", "FILE", "-"))["qpdf"])
    return found


def check_file(pdf):
    """Whole, tagged, with its fonts in it; how many pages it has."""
    run_reader(pdf, "qpdf", "--check", "FILE")
    info = run_reader(pdf, "pdfinfo", "FILE")
    assert re.search(r"^Tagged:\s+yes$", info, re.M), info
    pages = int(re.search(r"^Pages:\s+(\d+)$", info, re.M)[1])
    header, *fonts = [line for line in run_reader(pdf, "pdffonts", "FILE").splitlines() if not line.startswith("---")]
    assert fonts and pages, (pages, fonts)
    at = header.index("emb")
    assert all(font[at : at + 3] == "yes" for font in fonts), fonts
    return pages

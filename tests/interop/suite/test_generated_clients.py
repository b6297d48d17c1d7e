#!/usr/bin/env python3
"""Clients generated of the merged OpenAPI document, as the portal guide says: TypeScript by openapi-typescript and
openapi-fetch, Python by openapi-python-client. Every operation is there, the guide's programs pass strict type checks (and
programs with a wrong type do not), and they work: log in, query, list, write, upload, download.

    tests/interop/suite/test_generated_clients.py
"""

# needs: client_generators
# seconds: 27

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from demo_server import Demo
from suite import PROGRAM, ROOT

GUIDE = ROOT / "docs" / "examples" / "clients"
# What scripts/lib/install.sh has made.
NODE_MODULES = ROOT / "target" / "interop" / "clients" / "node_modules"
METHODS = {"get", "put", "post", "delete", "patch"}
# Of each language: a right place, and what makes it wrong.
WRONG = {"client.ts": ("category: 'comment'", "category: 'remark'"), "client.py": ("limit=2", 'limit="2"')}


def run_command(*command, cwd, check=True, **variables):
    environment = {**os.environ, "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}", **variables}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"{command[0]}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def generate_clients(directory):
    """Both clients in a directory; what the document describes."""
    document = directory / "openapi.json"
    document.write_text(run_command(PROGRAM, "openapi", cwd=directory).stdout)
    for name in ("client.ts", "client.py", "package.json", "tsconfig.json", "openapi-python-client.yaml"):
        shutil.copy(GUIDE / name, directory)
    (directory / "node_modules").symlink_to(NODE_MODULES)
    run_command("node", "node_modules/.bin/openapi-typescript", document, "--output", "undulator.d.ts", cwd=directory)
    generated = run_command("openapi-python-client", "generate", "--path", document, "--config", "openapi-python-client.yaml",
                    "--output-path", directory / "python", cwd=directory)
    assert "arning" not in generated.stdout + generated.stderr, generated.stdout + generated.stderr
    return json.loads(document.read_text())


def check_operations(directory, document):
    """Both clients have every operation; bytes are files in Python and text is text."""
    operations = [(path, operation) for path, item in document["paths"].items()
                  for method, operation in item.items() if method in METHODS]
    api = directory / "python" / "undulator_client" / "api"
    types = (directory / "undulator.d.ts").read_text()
    for path, operation in operations:
        (tag,), name = operation["tags"], operation["operationId"]
        # Python's words are reserved: the generator adds an underscore to some names.
        assert list((api / tag).glob(f"{name}*.py")), f"Python lacks {name}"
        assert f'    "{path}": {{' in types and f"    {name}: {{" in types, f"TypeScript lacks {name}"
    for name, kind in (("export_eln", "File"), ("export_pdf", "File"), ("download_file", "File"), ("export_json_lines", "str"),
                       ("list_records", "str")):
        text = (api / "logbook" / f"logbook_{name}.py").read_text()
        assert f"Response[{kind}" in text, f"{name} is no {kind}"
    assert "body: File" in (api / "download" / "download_put_data.py").read_text()
    assert "body: File" in (api / "logbook" / "logbook_import_entries.py").read_text()
    return len(operations)


def check_types(directory):
    """Strictly; the same program with one wrong type fails, so that the check is one."""
    checks = {
        "client.ts": ("node", "node_modules/.bin/tsc", "--project", "."),
        "client.py": (sys.executable, "-m", "mypy", "--strict", "client.py"),
    }
    for name, command in checks.items():
        right = (directory / name).read_text()
        run_command(*command, cwd=directory, MYPYPATH="python")
        before, after = WRONG[name]
        assert right.count(before) == 1, name
        (directory / name).write_text(right.replace(before, after))
        done = run_command(*command, cwd=directory, check=False, MYPYPATH="python")
        assert done.returncode != 0 and "error" in done.stdout, f"a wrong type in {name} was not found\n{done.stdout}"
        (directory / name).write_text(right)


def check_downloads(directory, expected):
    with zipfile.ZipFile(directory / "data.zip") as archive:
        assert archive.testzip() is None and len(archive.namelist()) == expected, archive.namelist()
    with zipfile.ZipFile(directory / "logbook.eln") as archive:
        assert any(name.endswith("ro-crate-metadata.json") for name in archive.namelist())
    for name in ("data.zip", "logbook.eln"):
        (directory / name).unlink()


def main():
    with tempfile.TemporaryDirectory(prefix="undulator-clients-") as temporary, Demo() as demo:
        directory = Path(temporary)
        operations = check_operations(directory, generate_clients(directory))
        check_types(directory)
        # It takes uploads; the demo has a directory of its own, but the section needs one.
        demo.env |= {"UNDULATOR_STORAGE__MAIN__READ_ONLY": "false", "UNDULATOR_STORAGE__MAIN__URL": str(demo.files)}
        demo.start("--quiet-beamline")
        root = demo.login("simple/root")
        (mx,) = demo.search(root, "SELECT i.id FROM Investigation i WHERE i.name = 'MX-2417'")
        count_files = f"SELECT COUNT(df) FROM Datafile df WHERE df.dataset.investigation.id = {mx}"
        (files,) = demo.search(root, count_files)
        written = demo.count(root, investigationId=mx, search="Beam back after the refill")
        for number, command in enumerate((("node", "client.ts"), (sys.executable, "client.py")), 1):
            done = run_command(*command, demo.url, "db/alice", "MX-2417", cwd=directory, PASSWORD=demo.passwords["db/alice"],
                       PYTHONPATH="python")
            assert done.stdout.startswith("logged in as") and "newest: " in done.stdout, done.stdout
            entry, attachment = done.stdout.split("wrote ")[1].split(";")[0].split(" and ")
            newest = done.stdout.split("newest: ")[1].split()
            assert {item.strip(",") for item in newest} == {entry, attachment}, done.stdout
            assert demo.count(root, investigationId=mx, search="Beam back after the refill") == written + number
            check_downloads(directory, files)
        (facility,) = demo.search(root, "SELECT f.id FROM Facility f")
        file_format = [{"DatafileFormat": {"name": "text", "version": "1", "facility": {"id": facility}}}]
        form = {"sessionId": root, "entities": json.dumps(file_format)}
        assert demo.request("POST", "/icat/entityManager", form=form)[0] == 200
        done = run_command(sys.executable, "client.py", demo.url, "simple/root", "MX-2417", "--store", cwd=directory,
                   PASSWORD=demo.passwords["simple/root"], PYTHONPATH="python")
        assert demo.search(root, count_files) == [files + 1] and "stored " in done.stdout, done.stdout
        denied = run_command(sys.executable, "client.py", demo.url, "db/alice", "MX-2417", cwd=directory, check=False, PASSWORD="wrong",
                     PYTHONPATH="python")
        assert denied.returncode == 1 and "403" in denied.stderr, denied
        print(f"{operations} operations in both clients; types are checked; written, uploaded and downloaded with both")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A second ingest takes nothing away from the first: what is catalogued elsewhere is left out and listed, also what is
gone; a dry run stores nothing; names and locations may have as many characters as the schema holds; an investigation is
made when asked for."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import Suite

FACILITY = """<?xml version="1.0" encoding="utf-8"?>
<icatdata><head><apiversion>6.2.0</apiversion></head><data>
  <facility id="Facility_name-SUN"><name>SUN</name></facility>
</data><data>
  <investigationType id="InvestigationType_1"><facility ref="Facility_name-SUN"/><name>experiment</name></investigationType>
</data></icatdata>
"""
ROWS = "SELECT d.name, f.name, f.location, f.fileSize FROM Datafile f JOIN f.dataset d WHERE d.investigation.name = '{}' ORDER BY f.location"


class Ingest(Suite):
    def __init__(self):
        super().__init__()
        dump = self.dir / "facility.xml"
        dump.write_text(FACILITY)
        self.run("icat", "import", dump)
        self.add_user("simple/root")

    def write(self, location, text="content"):
        file = self.files / location
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def ingest(self, directory, investigation, *options):
        """Exit code, report and stderr."""
        done = self.run("--json", "icat", "ingest", self.files / directory, "--investigation", investigation, *options, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    def rows(self, investigation):
        self.start()
        rows = self.search(self.login("simple/root"), ROWS.format(investigation))
        self.kill()
        return rows


def second_directory_with_equal_names(suite):
    for stage in ["raw", "proc"]:
        suite.write(f"{stage}/scan1/data.h5", stage)
    suite.write("proc/scan2/data.h5", "proc")
    code, report, _ = suite.ingest("raw", "I", "--create")
    assert code == 0 and report["investigation_created"] and report["created"] == 1, report
    code, report, errors = suite.ingest("proc", "I")
    assert code == 1 and (report["created"], report["updated"], report["left_out"]) == (1, 0, 1), report
    assert "scan1 of this investigation lies in raw/scan1 already" in errors and "only if the data has moved" in errors, errors
    assert "1 of its 1 catalogued files still are" in errors, errors
    expected = [["scan2", "data.h5", "proc/scan2/data.h5", 4], ["scan1", "data.h5", "raw/scan1/data.h5", 3]]
    assert suite.rows("I") == expected, suite.rows("I")

    code, report, _ = suite.ingest("proc", "I", "--repoint", "--dry-run")
    assert code == 0 and (report["updated"], report["repointed"], report["unchanged"], report["left_behind"]) == (1, 1, 1, 1), report
    assert suite.rows("I") == expected, "a dry run stores nothing"
    done = suite.run("icat", "ingest", suite.files / "proc", "--investigation", "I", "--repoint", "--dry-run")
    assert "1 file of these datasets still on disk at the old place: has the data moved?" in done.stdout, done.stdout
    code, report, _ = suite.ingest("proc", "I", "--repoint")
    assert code == 0 and (report["updated"], report["repointed"]) == (1, 1), report
    assert [row[2] for row in suite.rows("I")] == ["proc/scan1/data.h5", "proc/scan2/data.h5"]
    print("a second directory with equal names takes nothing away unless --repoint says so")


def file_moved_within_its_dataset(suite):
    """The dataset lies where it lay, but the row of one of its files was made by somebody else for another place."""
    suite.write("one/scan1/data.h5", "one")
    code, _, _ = suite.ingest("one", "J", "--create", "--visit", "3", "--title", "Second", "--investigation-type", "experiment")
    assert code == 0
    suite.start()
    session = suite.login("simple/root")
    [(number, title, visit)] = suite.search(session, "SELECT f.id, i.title, i.visitId FROM Datafile f JOIN f.dataset d JOIN d.investigation i WHERE i.name = 'J'")
    assert (title, visit) == ("Second", "3"), (title, visit)
    change = json.dumps({"Datafile": {"id": number, "location": "elsewhere/data.h5"}})
    status, _, body = suite.request("POST", "/icat/entityManager", form={"sessionId": session, "entities": change})
    assert status == 200, body
    suite.kill()
    code, report, errors = suite.ingest("one", "J")
    assert code == 1 and report["left_out"] == 1 and "is catalogued at elsewhere/data.h5" in errors, errors
    assert suite.rows("J")[0][2] == "elsewhere/data.h5"
    code, report, _ = suite.ingest("one", "J", "--repoint")
    assert code == 0 and report["repointed"] == 1 and suite.rows("J")[0][2] == "one/scan1/data.h5"
    print("a file that is catalogued elsewhere is left out")


def files_that_are_gone(suite):
    for name in ["scan1/a.dat", "scan1/b.dat", "scan2/c.dat", "scan10/d.dat", "top.dat"]:
        suite.write(f"gone/{name}")
    code, report, _ = suite.ingest("gone", "G", "--create")
    assert code == 0 and report["created"] == 5, report
    for name in ["scan1/a.dat", "scan2/c.dat"]:
        (suite.files / "gone" / name).unlink()
    (suite.files / "gone/scan2").rmdir()
    code, report, errors = suite.ingest("gone", "G")
    assert code == 1 and report["unchanged"] == 3, report
    assert [file["location"] for file in report["gone"]] == ["gone/scan1/a.dat", "gone/scan2/c.dat"], report
    assert "gone: gone/scan2/c.dat (c.dat of scan2)" in errors, errors
    # Nothing is said of what lies outside the directory that was asked for.
    code, report, _ = suite.ingest("gone/scan10", "G2", "--create", "--also-elsewhere")
    assert code == 0 and report["gone"] == [], report
    assert len(suite.rows("G")) == 5, "rows of files that are gone stay"
    print("files that are catalogued and gone are listed")


def count_files_and_bytes(suite, investigation):
    suite.start()
    query = f"SELECT i.fileCount, d.name, d.fileCount FROM Dataset d JOIN d.investigation i WHERE i.name = '{investigation}' ORDER BY d.name"
    rows = suite.search(suite.login("simple/root"), query)
    suite.kill()
    return rows


def files_that_are_gone_are_forgotten(suite):
    """After `files_that_are_gone`: only what is gone for good, only when asked for, and never because nothing is mounted."""
    session_rows = lambda: [row[2] for row in suite.rows("G")]  # noqa: E731
    before = session_rows()
    code, report, errors = suite.ingest("gone", "G", "--forget-gone", "--dry-run")
    assert code == 0 and report["forgotten"] == 2 and "gone: gone/scan1/a.dat" in errors, (report, errors)
    assert session_rows() == before, "a dry run removes nothing"

    hidden = suite.dir / "hidden"
    (suite.files / "gone").rename(hidden)
    (suite.files / "gone").mkdir()
    code, _, errors = suite.ingest("gone", "G", "--forget-gone")
    assert code == 2 and "is it mounted?" in errors, (code, errors)
    (suite.files / "gone").rmdir()
    others = suite.dir / "others"
    suite.files.rename(others)
    code, _, errors = suite.ingest("gone", "G", "--forget-gone")
    assert code == 1 and "cannot read" in errors, (code, errors)
    suite.files.mkdir()
    code, _, errors = suite.ingest(".", "G", "--forget-gone")
    assert code == 2 and "is it mounted?" in errors, (code, errors)
    suite.files.rmdir()
    others.rename(suite.files)
    hidden.rename(suite.files / "gone")
    assert session_rows() == before

    # A link in place of a file, and a file that nobody may read, are not gone.
    (suite.files / "gone/scan1/b.dat").rename(suite.dir / "b.dat")
    (suite.files / "gone/scan1/b.dat").symlink_to(suite.dir / "b.dat")
    (suite.files / "gone/top.dat").chmod(0)
    code, report, errors = suite.ingest("gone", "G", "--forget-gone")
    assert code == 1 and report["forgotten"] == 2 and report["left_out"] == 1, (code, report, errors)
    assert session_rows() == ["gone/scan1/b.dat", "gone/scan10/d.dat", "gone/top.dat"]
    assert count_files_and_bytes(suite, "G") == [[3, "gone", 1], [3, "scan1", 1], [3, "scan10", 1], [3, "scan2", 0]], count_files_and_bytes(suite, "G")
    code, report, _ = suite.ingest("gone", "G", "--forget-gone")
    assert report["gone"] == [] and report["forgotten"] == 0, report
    print("files that are gone are forgotten when asked for")


def investigation_at_an_instrument(suite):
    suite.write("first/scan1/a.dat")
    dump = suite.dir / "instrument.yaml"
    dump.write_text("---\nfacility:\n  Facility_name-SUN:\n    name: SUN\ninstrument:\n  I1: {facility: Facility_name-SUN, name: ID29}\n")
    suite.run("icat", "import", dump)
    code, _, errors = suite.ingest("first", "N", "--create", "--instrument", "ID92")
    assert code == 2 and "there is no instrument ID92; --instrument is one of ID29" in errors, (code, errors)
    code, report, _ = suite.ingest("first", "N", "--create", "--instrument", "ID29", "--start", "2026-01-12")
    assert code == 0 and report["investigation_created"], report
    shown = suite.json("icat", "investigation", "show", "N")
    assert (shown["instruments"], shown["start"], shown["dataset_count"], shown["file_count"]) == (["ID29"], "2026-01-12", 1, 1), shown
    code, _, errors = suite.ingest("first", "N", "--create", "--start", "2026-01-13")
    assert code == 0 and "is there already" in errors, errors
    suite.ingest("first", "O", "--create", "--also-elsewhere")
    assert suite.json("icat", "investigation", "show", "O")["start"], "without a start programs' entries never find it"
    print("an investigation is made with its instrument and its start")


def characters_not_bytes(suite):
    name = "ä" * 120 + ".h5"
    deep = "/".join(["ö" * 100] * 2)
    suite.write(f"long/scan/{name}")
    suite.write(f"long/scan/{deep}/x")
    base = "/".join(["ü" * 100] * 3)
    suite.write(f"{base}/long/scan/{deep}/x")
    code, report, errors = suite.ingest("long", "L", "--create")
    assert code == 0 and report["created"] == 2, errors
    assert len(f"{base}/long/scan/{deep}/x") == 516
    code, report, errors = suite.ingest(f"{base}/long", "L2", "--create")
    assert code == 1 and report["left_out"] == 1 and "its location has more than 511 characters" in errors, errors
    base = base[5:]
    suite.write(f"{base}/long/scan/{deep}/x")
    code, report, errors = suite.ingest(f"{base}/long", "L3", "--create")
    assert code == 0 and report["created"] == 1 and len(suite.rows("L3")[0][2]) == 511, errors
    print("names have 255 and locations 511 characters, whatever their bytes")


def file_instead_of_a_directory(suite):
    suite.write("lone/data.h5")
    code, _, errors = suite.ingest("lone/data.h5", "F", "--create")
    assert code == 2 and "is a file; give the directory it lies in" in errors, (code, errors)
    print("a file is no directory to ingest")


def dry_run_of_something_new(suite):
    suite.write("dry/scan1/a.dat", "four")
    code, report, _ = suite.ingest("dry", "D", "--create", "--dry-run")
    assert code == 0 and (report["investigation_created"], report["created"], report["bytes"]) == (True, 1, 4), report
    code, _, errors = suite.ingest("dry", "D")
    assert code == 2 and "there is no investigation D" in errors and "--create" in errors, (code, errors)
    print("a dry run makes nothing")


def catalogued_under_another_investigation(suite):
    """Whoever may see the other investigation would see the files."""
    suite.write("shared/scan1/a.dat")
    suite.write("shared/scan2/b.dat")
    code, report, _ = suite.ingest("shared", "S1", "--create")
    assert code == 0 and report["created"] == 2, report
    for options in (["--dry-run"], []):
        code, report, errors = suite.ingest("shared", "S2", "--create", *options)
        assert code == 1 and (report["created"], report["left_out"], report["investigation_created"]) == (0, 2, False), report
        assert "are catalogued under the investigation S1 (visit 1) already, such as shared/scan1/a.dat" in errors, errors
        assert "--also-elsewhere" in errors, errors
    code, _, _ = suite.ingest("shared", "S2")
    assert code == 2, "an investigation without files was not made"
    suite.write("shared/scan2/c.dat")
    code, report, errors = suite.ingest("shared", "S2", "--create")
    assert code == 1 and (report["created"], report["left_out"], report["datasets"]) == (1, 2, 1), report
    assert "1 of the 2 files of the dataset scan2" in errors, errors
    assert [row[2] for row in suite.rows("S2")] == ["shared/scan2/c.dat"]
    code, report, _ = suite.ingest("shared", "S2", "--also-elsewhere")
    assert code == 0 and report["created"] == 2, report
    code, report, _ = suite.ingest("shared", "S2")
    assert code == 0 and report["unchanged"] == 3, "what both have stays with both"
    print("files of another investigation are left out unless --also-elsewhere says so")


def hidden_files_and_empty_directories(suite):
    for name in ("scan1/a.dat", "scan1/.DS_Store", ".snapshots/scan1/a.dat"):
        suite.write(f"hidden/{name}")
    (suite.files / "hidden/scan2/raw").mkdir(parents=True)
    code, report, errors = suite.ingest("hidden", "H", "--create")
    assert code == 0 and (report["created"], report["datasets"]) == (1, 1), report
    root = suite.files.resolve() / "hidden"
    assert [item["path"] for item in report["skipped"]] == [f"{root}/{name}" for name in (".snapshots", "scan1/.DS_Store", "scan2")], report
    assert "scan2: the directory has no files" in errors and "--hidden takes it" in errors, errors
    code, report, _ = suite.ingest("hidden", "H", "--hidden")
    assert code == 0 and report["created"] == 2 and len(report["skipped"]) == 1, report
    code, report, _ = suite.ingest("hidden", "H")
    assert code == 0 and report["gone"] == [], "what was taken once is not gone"
    print("hidden files and empty directories are skipped and listed")


def main():
    with Ingest() as suite:
        second_directory_with_equal_names(suite)
        file_moved_within_its_dataset(suite)
        files_that_are_gone(suite)
        files_that_are_gone_are_forgotten(suite)
        investigation_at_an_instrument(suite)
        characters_not_bytes(suite)
        dry_run_of_something_new(suite)
        catalogued_under_another_investigation(suite)
        hidden_files_and_empty_directories(suite)
        file_instead_of_a_directory(suite)


if __name__ == "__main__":
    main()

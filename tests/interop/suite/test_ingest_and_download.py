#!/usr/bin/env python3
"""The source distribution of python-icat as data: ingested into the facility it brings, downloaded by a member, refused
to an outsider. An ingest that is killed goes on where it stopped."""

# needs: python_icat

import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import PROGRAM, PYTHON_ICAT, Suite

INVESTIGATION = ["--investigation", "10100601-ST", "--visit", "1.1-N", "--facility", "ESNF"]
# In the writers' and readers' groups of that investigation, and in none of them.
MEMBER, OUTSIDER = "db/ahau", "db/rbeck"
MANY = 20_000


def parse_refusal(body):
    answer = json.loads(body)
    assert list(answer) == ["code", "message"], answer
    return answer["code"]


def list_rows(suite, session):
    query = "SELECT df.id, df.name, df.location, df.fileSize, df.checksum, ds.name FROM Datafile df JOIN df.dataset ds WHERE df.location LIKE 'sdist/%'"
    return suite.search(session, query)


def main():
    with Suite() as suite:
        suite.run("icat", "import", PYTHON_ICAT / "doc/examples/icatdump-6.2.yaml")
        for account in [MEMBER, OUTSIDER, "simple/root"]:
            suite.add_user(account)
        directory = suite.files / "sdist"
        shutil.copytree(PYTHON_ICAT, directory)
        long_name = directory / "doc" / ("x" * 250)
        long_name.mkdir()
        (long_name / "too-long").write_text("refused")
        (directory / "sdist").mkdir()
        (directory / "sdist" / "setup.py").write_text("would be setup.py of the dataset sdist, as the one above")
        (directory / "doc" / "link").symlink_to("/etc/passwd")
        on_disk = {str(p.relative_to(suite.files)): p for p in directory.rglob("*") if p.is_file() and not p.is_symlink()}
        refused = [name for name in on_disk if "too-long" in name or name == "sdist/setup.py"]
        on_disk = {name: path for name, path in on_disk.items() if name not in refused}

        # Three files are left out each time, so that the command fails.
        report = suite.json("icat", "ingest", directory, *INVESTIGATION, check=False)
        assert report["created"] == len(on_disk) and len(report["refused"]) == 3, report
        again = suite.json("icat", "ingest", directory, *INVESTIGATION, check=False)
        assert (again["created"], again["updated"], again["unchanged"], again["bytes"]) == (0, 0, len(on_disk), 0), again
        (directory / "README.rst").write_text("changed")
        changed = suite.json("icat", "ingest", directory, *INVESTIGATION, check=False)
        assert (changed["created"], changed["updated"]) == (0, 1), changed
        elsewhere = suite.run("icat", "ingest", "/usr/share/doc", *INVESTIGATION, check=False)
        assert elsewhere.returncode != 0 and "does not lie under the storage root" in elsewhere.stderr, elsewhere
        unknown = suite.run("icat", "ingest", directory, "--investigation", "nothing", check=False)
        assert unknown.returncode != 0 and "there is no investigation nothing" in unknown.stderr, unknown
        print(f"ingested {report['created']} files in {report['datasets']} datasets, {len(report['refused'])} left out")

        suite.start()
        member, outsider = suite.login(MEMBER), suite.login(OUTSIDER)
        files = list_rows(suite, member)
        assert {row[2] for row in files} == set(on_disk), "what the member sees is what lies on disk"
        assert list_rows(suite, outsider) == []
        names = {row[5] for row in files}
        assert names == {"sdist", "doc", "etc", "src", "tests"}, names

        whole = 0
        for number, name, location, size, checksum, _ in files:
            status, headers, body = suite.request("GET", "/ids/getData", {"sessionId": member, "datafileIds": number})
            assert status == 200 and body == on_disk[location].read_bytes(), location
            assert size == len(body) and int(headers["Content-Length"]) == size and '"' in headers["ETag"]
            assert checksum == f"{zlib.crc32(body):x}", location
            whole += 1
        dataset = suite.search(member, "SELECT ds.id FROM Dataset ds WHERE ds.name = 'src' AND ds.location = 'sdist/src'")[0]
        status, headers, body = suite.request("GET", "/ids/getData", {"sessionId": member, "datasetIds": dataset})
        assert status == 200 and int(headers["Content-Length"]) == len(body)
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.testzip() is None
            prefix = "ids/ESNF/10100601-ST/1.1-N/src/"
            members = {i.filename: archive.read(i) for i in archive.infolist()}
        expected = {prefix + row[1]: on_disk[row[2]].read_bytes() for row in files if row[5] == "src"}
        assert members == expected, set(members) ^ set(expected)
        twice = suite.request("GET", "/ids/getData", {"sessionId": member, "datasetIds": dataset})[2]
        assert hashlib.sha256(twice).digest() == hashlib.sha256(body).digest(), "two downloads are the same bytes"
        print(f"the member downloaded {whole} files one by one and {len(members)} in a ZIP")

        for query in [{"datafileIds": files[0][0]}, {"datasetIds": dataset}, {"datafileIds": files[0][0], "zip": "true"}]:
            status, _, body = suite.request("GET", "/ids/getData", {"sessionId": outsider, **query})
            assert (status, parse_refusal(body)) == (403, "InsufficientPrivilegesException"), (status, body)
        status, _, body = suite.request("GET", "/ids/getData", {"sessionId": member, "datafileIds": 10**9})
        assert (status, parse_refusal(body)) == (404, "NotFoundException"), (status, body)
        suite.request("DELETE", f"/icat/session/{member}")
        status, _, body = suite.request("GET", "/ids/getData", {"sessionId": member, "datafileIds": files[0][0]})
        assert (status, parse_refusal(body)) == (403, "InsufficientPrivilegesException"), (status, body)
        print("the outsider and the ended session were refused")

        many = suite.files / "many" / "scan"
        many.mkdir(parents=True)
        for n in range(MANY):
            (many / f"{n:06}.dat").write_bytes(b"%d" % n)
        killed = 0
        command = [PROGRAM, "--json", "icat", "ingest", many.parent, *INVESTIGATION]
        while True:
            ingest = subprocess.Popen(command, env=suite.env, cwd=suite.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            # Each line of progress is a tenth; the second one means that something was committed.
            lines = [line for line, _ in zip(ingest.stderr, range(2 if killed < 3 else 1000))]
            if killed < 3 and len(lines) == 2:
                ingest.send_signal(signal.SIGKILL)
                ingest.wait()
                killed += 1
                continue
            out = json.loads(ingest.communicate()[0])
            break
        root = suite.login("simple/root")
        count = suite.search(root, "SELECT COUNT(df), COUNT(DISTINCT df.name), SUM(df.fileSize) FROM Datafile df WHERE df.location LIKE 'many/%'")
        size = sum(len(str(n)) for n in range(MANY))
        assert count == [[MANY, MANY, size]], count
        assert 0 < out["unchanged"] < MANY, out
        suite.kill()
        log = suite.log.read_text()
        assert "/ids/getData" in log and "download/session" in log, "the log says what happened"
        for secret in [member, outsider, root, *suite.passwords.values()]:
            assert secret not in log, "a session or password stands in the log"
        print(f"{MANY} files ingested across {killed} kills; the last run found {out['unchanged']} done")


if __name__ == "__main__":
    main()

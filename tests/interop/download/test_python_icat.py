#!/usr/bin/env python3
"""python-icat's IDSClient, as facilities' scripts use it, against every call of a storage without archive: what it gets,
and which exception it raises where the call is refused."""

# needs: python_icat

import io
import json
import os
import sys
import zipfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from icat.exception import (
    IDSBadRequestError,
    IDSInsufficientPrivilegesError,
    IDSNotFoundError,
    IDSNotImplementedError,
)
from icat.ids import DataSelection, IDSClient

from download_facility import Facility

UNKNOWN = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10"
CALLS = []


def expect_error(kind, text, call, *arguments, **keywords):
    CALLS.append(call.__name__)
    try:
        call(*arguments, **keywords)
    except kind as e:
        assert text in str(e), (call.__name__, str(e))
        return
    raise AssertionError(f"{call.__name__} {arguments} did not raise {kind.__name__}")


def expect_equal(expected, call, *arguments, **keywords):
    CALLS.append(call.__name__)
    found = call(*arguments, **keywords)
    assert found == expected, (call.__name__, found, expected)


def make_selection(**ids):
    return DataSelection(ids)


def list_members(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as zip:
        assert zip.testzip() is None
        return {i.filename: zip.read(i) for i in zip.infolist()}


def check_reads(ids, files, dataset, investigation):
    """Everything that changes nothing."""
    contents = {f"ids/SUN/MX-1/1/scan/{name}": content for name, _, content in files.values()}
    whole = make_selection(datasetIds=[dataset])
    total = sum(len(content) for _, _, content in files.values())
    expect_equal(None, ids.ping)
    expect_equal({"version": "2.1.1"}, ids.version)
    expect_equal("2.1.1", ids.getApiVersion)
    expect_equal(ids.url.removesuffix("/ids/"), ids.getIcatUrl)
    expect_equal(False, ids.isReadOnly)
    expect_equal(False, ids.isTwoLevel)
    expect_equal({"opsQueue": [], "lockCount": 0, "locks": [], "failures": []}, ids.getServiceStatus)
    for one in [whole, make_selection(investigationIds=[investigation]), make_selection(datafileIds=list(files))]:
        expect_equal(total, ids.getSize, one)
        expect_equal("ONLINE", ids.getStatus, one)
        expect_equal(sorted(files), ids.getDatafileIds, one)
        assert list_members(ids.getData(one).read()) == contents
        assert list_members(ids.getData(one, compressFlag=True).read()) == contents
        expect_equal(None, ids.reset, one)
    number, (name, _, content) = next(iter(files.items()))
    single = make_selection(datafileIds=[number])
    expect_equal(len(content), ids.getSize, single)
    answer = ids.getData(single)
    assert answer.read() == content and answer.headers["Content-Length"] == str(len(content))
    answer = ids.getData(single, offset=100)
    assert answer.status == 206 and answer.read() == content[100:]
    answer = ids.getData(single, zipFlag=True, outname="mine")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mine.zip"'
    assert list_members(answer.read()) == {f"ids/SUN/MX-1/1/scan/{name}": content}
    first = ids.getData(whole).read()
    assert ids.getData(whole, offset=1000).read() == first[1000:], "the archive goes on where it was"
    expect_equal(f"{ids.url}getData?sessionId={ids.sessionId}&datafileIds={number}", ids.getDataUrl, single)
    expect_equal(0, ids.getSize, DataSelection())
    assert len(ids.getData(DataSelection()).read()) == 22


def check_prepared_data(ids, files, dataset):
    whole = make_selection(datasetIds=[dataset])
    number = ids.prepareData(whole)
    CALLS.append("prepareData")
    expect_equal(True, ids.isPrepared, number)
    expect_equal(sorted(files), ids.getDatafileIds, number)
    expect_equal("ONLINE", ids.getStatus, number)
    expect_equal(sum(len(content) for _, _, content in files.values()), ids.getSize, number)
    expect_equal(None, ids.reset, number)
    first = ids.getData(number).read()
    assert ids.getData(number, offset=777).read() == first[777:]
    packed = ids.prepareData(whole, compressFlag=True)
    answer = ids.getData(packed)
    assert answer.headers["Accept-Ranges"] == "none"
    assert list_members(answer.read()) == list_members(first)
    one = ids.prepareData(make_selection(datafileIds=[min(files)]))
    assert ids.getData(one).read() == files[min(files)][2]
    zipped = ids.prepareData(make_selection(datafileIds=[min(files)]), zipFlag=True)
    assert list(list_members(ids.getData(zipped).read()).values()) == [files[min(files)][2]]
    for call in [ids.isPrepared, ids.getStatus, ids.getSize, ids.getDatafileIds, ids.getData, ids.reset]:
        expect_error(IDSNotFoundError, f"The preparedId {UNKNOWN} is not known", call, UNKNOWN)
        expect_error(IDSBadRequestError, "The preparedId parameter 'x' is not a valid UUID", call, "x")


def check_refusals(suite, ids, dataset):
    whole, none = make_selection(datasetIds=[dataset]), make_selection(datafileIds=[10**9])
    reading = [ids.getSize, ids.getStatus, ids.getDatafileIds, ids.getData, ids.prepareData, ids.reset, ids.delete]
    for call in reading:
        expect_error(IDSNotFoundError, "", call, none)
        expect_error(IDSNotFoundError, "", call, make_selection(datasetIds=[10**9]))
        expect_error(IDSNotFoundError, "", call, make_selection(investigationIds=[10**9]))
    single_level = "This operation is unavailable for single level storage"
    for call in [ids.archive, ids.restore, ids.write]:
        expect_error(IDSNotImplementedError, single_level, call, whole)
    expect_error(IDSNotImplementedError, "Sorry getLink is not available on this IDS installation", ids.getLink, 1, "root")
    session, ids.sessionId = ids.sessionId, UNKNOWN
    for call in reading:
        expect_error(IDSInsufficientPrivilegesError, "", call, whole)
    expect_error(IDSInsufficientPrivilegesError, "", ids.getServiceStatus)
    expect_error(IDSInsufficientPrivilegesError, "", ids.put, io.BytesIO(b"x"), "x", dataset, suite.format)
    ids.sessionId = "Größe"
    for call in reading:
        expect_error(IDSBadRequestError, "The sessionId parameter 'Größe' is not a valid UUID", call, whole)
    expect_error(IDSBadRequestError, "is not a valid UUID", ids.archive, whole)
    ids.sessionId = None
    expect_equal("ONLINE", ids.getStatus, whole)
    ids.sessionId = session
    status, _, body = suite.request("GET", "/ids/nothing")
    expected = {"code": "NOT_IMPLEMENTED", "message": "Operation not implemented by this IDS server."}
    assert (status, json.loads(body)) == (501, expected), (status, body)


def check_writes(suite, ids, dataset):
    content = os.urandom(300_001)
    number = ids.put(io.BytesIO(content), "new.dat", dataset, suite.format, description="d", datafileModTime=MILLIS)
    CALLS.append("put")
    row = suite.search(suite.root, f"SELECT f FROM Datafile f WHERE f.id = {number}")[0]["Datafile"]
    assert (row["name"], row["fileSize"], row["checksum"]) == ("new.dat", 300_001, f"{zlib.crc32(content):x}"), row
    assert row["datafileModTime"].startswith("2023-11-14T22:13:20"), row
    assert (suite.files / row["location"]).read_bytes() == content
    one = make_selection(datafileIds=[number])
    assert ids.getData(one).read() == content
    expect_error(IDSBadRequestError, "The name parameter must have", ids.put, io.BytesIO(b"x"), "", dataset, suite.format)
    expect_error(IDSBadRequestError, "must be numeric", ids.put, io.BytesIO(b"x"), "a", dataset, "x")
    expect_error(IDSNotFoundError, "", ids.put, io.BytesIO(b"x"), "a", 10**9, suite.format)
    files = lambda: sorted(p for p in suite.files.rglob("*") if p.is_file())  # noqa: E731
    before = files()
    expect_error(IDSNotFoundError, "", ids.put, io.BytesIO(b"x"), "a", dataset, 10**9)
    assert files() == before, "what ICAT refused is gone again"
    # A second datafile with the same location keeps the file.
    twin = suite.create("Datafile", name="twin", location=row["location"], dataset={"id": dataset})
    expect_equal(None, ids.delete, one)
    assert (suite.files / row["location"]).exists()
    expect_error(IDSNotFoundError, "", ids.getData, one)
    expect_equal(None, ids.delete, make_selection(datafileIds=[twin]))
    assert not (suite.files / row["location"]).exists()
    whole = ids.prepareData(make_selection(datasetIds=[dataset]))
    expect_equal(None, ids.delete, make_selection(datasetIds=[dataset]))
    assert not any((suite.files / "scan").rglob("*.dat"))
    expect_error(IDSNotFoundError, "", ids.getData, whole)


MILLIS = 1_700_000_000_000


def main():
    with Facility() as suite:
        dataset = suite.dataset("scan")
        files = [(f"{n}-é.dat", f"scan/{n}.dat", os.urandom(1000 * n)) for n in range(1, 8)]
        numbers = suite.put_files(dataset, files)
        files = dict(zip(numbers, files))
        ids = IDSClient(suite.url + "/ids", sessionId=suite.root)
        check_reads(ids, files, dataset, suite.investigation)
        check_prepared_data(ids, files, dataset)
        check_refusals(suite, ids, dataset)
        check_writes(suite, ids, dataset)
        suite.kill()
        suite.env["UNDULATOR_STORAGE__MAIN__READ_ONLY"] = "true"
        suite.start()
        ids.sessionId = suite.login("simple/root")
        expect_equal(True, ids.isReadOnly)
        text = "This operation has been configured to be unavailable"
        expect_error(IDSNotImplementedError, text, ids.put, io.BytesIO(b"x"), "x", dataset, suite.format)
        for call in [ids.delete, ids.write]:
            expect_error(IDSNotImplementedError, text, call, make_selection(datasetIds=[dataset]))
    print(f"{len(set(CALLS))} calls of IDSClient 1.7.0, {len(CALLS)} times: answers and exceptions as expected")


if __name__ == "__main__":
    main()

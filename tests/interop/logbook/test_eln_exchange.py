#!/usr/bin/env python3
"""`.eln` files as the ELN Consortium checks them, and those of other notebooks, imported.

The five checks are those of the Consortium's repository (TheELNConsortium/TheELNFileFormat, specification 1.2+20260923): the
archive's structure, the parameters that notebooks agreed on, a schema of the metadata, PyPI `rocrate`, and `rocrate-validator`.
They run offline: the only thing that the validator would fetch, the context of RO-Crate, comes from the package rocrate.

The files of other notebooks are made here after what the Consortium's repository shows of each. With `--keep FILE` the export is
kept there.
"""

# needs: eln_checks logbook_clients

import argparse
import hashlib
import importlib.resources
import io
import json
import re
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from logbook_client import PNG
from logbook_facility import Facility
from logbook_requests import Book, create_investigation

METADATA = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.2/context"
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")


def unpack_archive(archive, directory):
    """The one directory of the archive; what would leave it is an error."""
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        assert zipped.testzip() is None
        zipped.extractall(directory)
        return zipped.infolist()


def check_structure(members):
    roots = set()
    for member in members:
        path = PurePosixPath(member.filename)
        assert path.parts and not path.is_absolute() and ".." not in path.parts, member.filename
        assert len(path.parts) > 1 or member.is_dir(), f"{member.filename} is outside of the one directory"
        roots.add(path.parts[0])
        assert member.date_time[0] >= 2020, (member.filename, member.date_time)
    assert len(roots) == 1, roots
    return roots.pop()


def node_types(node):
    return node["@type"] if isinstance(node["@type"], list) else [node["@type"]]


def check_parameters(graph):
    ids = [node["@id"] for node in graph]
    assert len(ids) == len(set(ids)), "a node stands twice"
    nodes = dict(zip(ids, graph))
    descriptor, root = nodes[METADATA], nodes["./"]
    assert descriptor["version"] and nodes[descriptor["sdPublisher"]["@id"]]["name"]
    assert root["name"] and root["description"] and nodes[root["license"]["@id"]]["description"]
    seen = 0

    def walk_graph(node):
        nonlocal seen
        seen += 1
        assert node["name"].strip(), node
        assert all(str(value).strip() for value in node.values()), node
        if "File" in node_types(node):
            assert {"sha256", "encodingFormat", "contentSize", "description"} <= set(node), node
        else:
            assert {"dateCreated", "dateModified", "identifier", "text"} <= set(node), node
        for part in node.get("hasPart", []):
            walk_graph(nodes[part["@id"]])

    for part in root["hasPart"]:
        walk_graph(nodes[part["@id"]])
    return nodes, seen


def check_schema(document):
    """Types and forms that the Consortium's schema and notes ask for."""
    assert document["@context"] == CONTEXT
    texts = ["name", "description", "encodingFormat", "identifier", "keywords", "genre", "contentSize", "version", "text", "sha256"]
    for node in document["@graph"]:
        assert isinstance(node["@id"], str) and node["@type"], node
        for key in texts:
            assert isinstance(node.get(key, ""), str), (key, node)
        for key in ["dateCreated", "dateModified", "datePublished"]:
            assert key not in node or ISO.match(node[key]), (key, node)
        for key in ["author", "sdPublisher", "license", "publisher", "about"]:
            assert key not in node or set(node[key]) == {"@id"}, f"{key} of {node['@id']} is not flat"
        assert isinstance(node.get("hasPart", []), list)
        assert all(set(part) == {"@id"} for part in node.get("hasPart", [])), node
        assert node.get("contentSize", "0").isdigit(), node


def check_rocrate(directory):
    from rocrate.rocrate import ROCrate

    crate = ROCrate(directory)
    return len(list(crate.get_entities()))


def check_validator(directory):
    """`rocrate-validator` with what must hold; nothing is asked of the network."""
    from rocrate_validator import models, services
    from rocrate_validator.utils import http

    text = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_text()
    context = json.loads(text)

    class Answer:
        status_code, headers = 200, {"Content-Type": "application/ld+json"}

        def __init__(self, url):
            self.url, self.text, self.content = url, text, text.encode()

        def json(self):
            return context

    def get_context(_, url, **__):
        assert url == CONTEXT, f"the validator asks for {url}"
        return Answer(url)

    http.HttpRequester.get = get_context
    settings = services.ValidationSettings(
        rocrate_uri=directory, profile_identifier="ro-crate-1.2", requirement_severity=models.Severity.REQUIRED
    )
    result = services.validate(settings)
    issues = [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]
    assert not issues, "\n".join(issues)


def check_files(directory, nodes):
    """What is described is there and is what it says; images lead to it."""
    files = [node for node in nodes.values() if "File" in node_types(node)]
    for node in files:
        content = (directory / node["@id"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == node["sha256"] and len(content) == int(node["contentSize"]), node
    entries = [node for node in nodes.values() if "Dataset" in node_types(node) and node["@id"] != "./"]
    for node in entries:
        assert (directory / node["@id"]).is_dir(), f"{node['@id']} has no directory"
        for address in re.findall(r'(?:src|href)="([^"]*)"', node["text"]):
            assert address in nodes or address.startswith("http"), (address, node["@id"])
    return len(files), len(entries)


def check_export(book, keep):
    long = f"{'long ' * 60}name.png"
    (image,) = book.attach(long, PNG)["file"]
    (within,) = book.attach("b.txt", b"text")["file"]
    for text in [f'<p>see <img src="/resource/file/{image}"> <a href="/resource/file/{within}">b</a></p>', "<p>a &lt; b</p>"]:
        book.write(text, tag=[{"name": "beam"}, {"name": "slits, front"}])
    book.write(f'<p>pasted <img src="data:image/png;base64,{__import__("base64").b64encode(PNG).decode()}"></p>')
    book.write("only text < more", format="plainText")
    archive = book.export("eln")[1]
    if keep:
        Path(keep).write_bytes(archive)
    with tempfile.TemporaryDirectory() as scratch:
        root = check_structure(unpack_archive(archive, scratch))
        directory = Path(scratch) / root
        document = json.loads((directory / METADATA).read_text())
        nodes, parts = check_parameters(document["@graph"])
        check_schema(document)
        entities = check_rocrate(directory)
        check_validator(directory)
        files, entries = check_files(directory, nodes)
        names = [path.name for path in directory.rglob("*.png")]
        assert any(len(name) > 80 for name in names) and all(name.endswith(".png") for name in names), names
    return f"five checks: {entries} entries, {files} files, {entities} entities, {parts} parts of the root"


def make_crate(name, graph, files):
    """An archive of another notebook."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr(f"{name}/{METADATA}", json.dumps({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}))
        for path, content in files.items():
            zipped.writestr(f"{name}/{path}", content)
    return out.getvalue()


def describe_file(path, content, **more):
    return {"@id": f"./{path}", "@type": "File", "name": path.rsplit("/", 1)[-1], "sha256": hashlib.sha256(content).hexdigest(),
            "contentSize": len(content), **more}


def root_dataset(publisher, *parts, **more):
    return [
        {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
         "dateCreated": "2023-10-02T15:52:01+02:00", "sdPublisher": publisher, "version": "1.0"},
        {"@id": "./", "@type": ["Dataset"], "hasPart": [{"@id": part} for part in parts], **more},
    ]


def elabftw_archive():
    """Images by their long names, comments apart, tags as a list, an author by address."""
    place, stored = "2025-03-03 - Testing - b6db898e", f"6b/{'6b' * 20}.png"
    exported = json.dumps({"id": 264}).encode()
    graph = root_dataset({"@type": "Organization", "name": "eLabFTW"}, f"./{place}") + [
        describe_file(f"{place}/export-elabftw.json", exported, encodingFormat="application/json"),
        describe_file(f"{place}/example.png", PNG, alternateName=stored),
        {"@id": "comment://1", "@type": "Comment", "dateCreated": "2023-09-28T03:44:54+02:00", "text": "It&#39;s reassuring.",
         "author": {"@id": "person://a?hash_algo=sha256"}},
        {"@id": f"./{place}", "@type": "Dataset", "author": {"@id": "person://a?hash_algo=sha256"}, "name": "Testing",
         "dateCreated": "2023-09-28T03:44:54+02:00", "dateModified": "2023-10-02T14:51:49+02:00", "keywords": ["demo", "test"],
         "text": f'<h1>Goal</h1><p>Test. <img src="app/download.php?f={stored}&amp;name=example.png"></p>',
         "comment": [{"@id": "comment://1"}], "mentions": [{"@id": "https://elab.example/database.php?id=51"}],
         "hasPart": [{"@id": f"./{place}/export-elabftw.json"}, {"@id": f"./{place}/example.png"}]},
        {"@id": "person://a?hash_algo=sha256", "@type": "Person", "familyName": "Sysadmin", "givenName": "Toto"},
    ]
    files = {f"{place}/export-elabftw.json": exported, f"{place}/example.png": PNG}
    expected = [
        {"title": "Testing", "at": "2023-09-28T01:44:54Z", "author": "Toto Sysadmin", "tags": ["demo", "test"], "says": "Goal",
         "files": ["example.png", "export-elabftw.json"], "shows": 1},
        {"title": None, "at": "2023-09-28T01:44:54Z", "author": "Toto Sysadmin", "tags": [], "says": "It's reassuring.", "files": []},
    ]
    return make_crate("2023-10-02-export", graph, files), expected


def kadi4mat_archive():
    graph = root_dataset({"@id": "https://kadi.iam.kit.edu"}, "./sample/") + [
        {"@id": "https://kadi.iam.kit.edu", "@type": "Organization", "name": "Kadi4Mat"},
        {"@id": "https://orcid.org/0000-0001", "@type": "Person", "name": "M. J."},
        {"@id": "./sample/", "@type": "Dataset", "author": {"@id": "https://orcid.org/0000-0001"}, "keywords": "characterization, mechanical properties",
         "dateCreated": "2022-05-30T11:09:35.212226+00:00", "name": "Characterization", "text": "Some **information** about it.",
         "hasPart": [{"@id": "./sample/sample.json"}, {"@id": "./sample/files/Test.csv"}]},
        describe_file("sample/sample.json", b"{}"),
        {**describe_file("sample/files/Test.csv", b"1,2"), "text": "A file"},
    ]
    expected = [{"title": "Characterization", "at": "2022-05-30T11:09:35.212226Z", "author": "M. J.", "says": "Some information about it.",
                 "tags": ["characterization", "mechanical properties"], "files": ["Test.csv", "sample.json"]}]
    return make_crate("collections-example", graph, {"sample/sample.json": b"{}", "sample/files/Test.csv": b"1,2"}), expected


def sampledb_archive():
    """All that was written stands in fields; versions are directories within."""
    graph = root_dataset({"@id": "SampleDB"}, "./objects/7") + [
        {"@id": "SampleDB", "@type": "Organization", "name": "SampleDB"},
        {"@id": "./objects/7", "@type": "Dataset", "identifier": "7", "name": "Measurement", "description": "Object #7",
         "dateCreated": "2024-08-20T07:46:40.566495", "author": [{"@id": "./users/3"}], "keywords": "example_tag, other_tag",
         "variableMeasured": [{"@type": "PropertyValue", "propertyID": "x", "name": "Rate", "value": 0.1, "unitText": "Å/s"},
                              {"@type": "PropertyValue", "propertyID": "b", "name": "Checkbox", "value": False}],
         "comment": [], "hasPart": [{"@id": "./objects/7/version/0"}, {"@id": "./objects/7/files.json"}]},
        {"@id": "./objects/7/version/0", "@type": "Dataset", "name": "Measurement", "dateCreated": "2024-08-20T07:46:40.566495",
         "hasPart": [{"@id": "./objects/7/version/0/data.json"}]},
        describe_file("objects/7/version/0/data.json", b"{}"), describe_file("objects/7/files.json", b"[]"),
        {"@id": "./users/3", "@type": "Person", "name": "Basic User"},
    ]
    files = {"objects/7/version/0/data.json": b"{}", "objects/7/files.json": b"[]"}
    # Without a zone: the facility's, Europe/Paris.
    expected = [{"title": "Measurement", "at": "2024-08-20T05:46:40.566495Z", "author": "Basic User", "says": "0.1 Å/s",
                 "tags": ["example_tag", "other_tag"], "files": ["data.json", "files.json"]}]
    return make_crate("sampledb_export", graph, files), expected


def scilog_archive():
    """A book of messages, which have comments; the image by its path in the crate."""
    graph = root_dataset({"@id": "#psi"}, "./book/", license={"@id": "#cc"}) + [
        {"@id": "#psi", "@type": "Organization", "name": "PSI"},
        {"@id": "./book/", "@type": ["Book", "Dataset"], "name": "logbook-001", "dateCreated": "2026-01-19T14:26:13.865Z",
         "author": {"@id": "p"}, "hasPart": [{"@id": "./m1/"}, {"@id": "./c1/"}]},
        {"@id": "./m1/", "@type": ["Message", "Dataset"], "name": "Paragraph 1", "encodingFormat": "text/html", "keywords": "ctag,dtag",
         "text": '<p>And an image:<br><img src="./m1/a.png" style="width:47%"></p>', "dateCreated": "2026-01-19T14:28:27.166Z",
         "author": {"@id": "p"}, "comment": [{"@id": "./c1/"}], "hasPart": [{"@id": "./m1/a.png"}]},
        {"@id": "./m1/a.png", "@type": "File", "name": "a.png", "encodingFormat": "image/png"},
        {"@id": "./c1/", "@type": ["Comment", "Dataset"], "name": "Comment 1", "text": "<p>a comment</p>", "dateCreated": "2026-01-28T14:05:53.983Z",
         "author": {"@id": "p"}, "parentItem": {"@id": "./m1/"}, "hasPart": []},
        {"@id": "p", "@type": "Person", "email": "o@psi.ch"},
    ]
    expected = [
        {"title": "logbook-001", "at": "2026-01-19T14:26:13.865Z", "author": "o@psi.ch", "tags": [], "says": "", "files": []},
        {"title": "Paragraph 1", "at": "2026-01-19T14:28:27.166Z", "author": "o@psi.ch", "tags": ["ctag", "dtag"], "says": "And an image:",
         "files": ["a.png"], "shows": 1},
        {"title": None, "at": "2026-01-28T14:05:53.983Z", "author": "o@psi.ch", "tags": [], "says": "a comment", "files": []},
    ]
    return make_crate("export - 2026-01-28", graph, {"m1/a.png": PNG}), expected


def rspace_archive():
    """Nothing has a name, times are in no form that anybody knows, and a tag is in apostrophes."""
    graph = root_dataset({"@id": "#RSpace"}, "./resources", "./doc_Experiment-1-25", "./schemas/form.xsd", datePublished="2023-12-07") + [
        {"@id": "#RSpace", "@type": "Organization", "name": "RSpace"},
        {"@id": "./resources", "@type": "Dataset", "description": "Common resources shared among exported data"},
        {"@id": "./schemas/form.xsd", "@type": "File", "sha256": hashlib.sha256(b"<xs/>").hexdigest(), "description": "schema"},
        {"@id": "./doc_Experiment-1-25", "@type": "Dataset", "keywords": "'exampleExperimentTag'",
         "hasPart": [{"@id": "./doc_Experiment-1-25/doc.xml"}, {"@id": "./doc_Experiment-1-25/gone.png"}]},
        {"@id": "./doc_Experiment-1-25/doc.xml", "@type": "File", "dateCreated": "05:12:23:11:26:12", "description": "A document"},
        {"@id": "./doc_Experiment-1-25/gone.png", "@type": "File"},
    ]
    day = "2023-12-06T23:00:00Z"
    expected = [
        {"title": "resources", "at": day, "author": None, "tags": [], "says": "Common resources shared", "files": []},
        {"title": "doc_Experiment-1-25", "at": day, "author": None, "tags": ["exampleExperimentTag"], "says": "not in the archive: doc_Experiment-1-25/gone.png", "files": ["doc.xml"]},
        {"title": "form.xsd", "at": day, "author": None, "tags": [], "says": "", "files": ["form.xsd"]},
    ]
    return make_crate("RSpace-2023-12-07", graph, {"schemas/form.xsd": b"<xs/>", "doc_Experiment-1-25/doc.xml": b"<d/>"}), expected


def plain_paths():
    """The first form of the specification: paths in a list, the author within, a time with a blank."""
    graph = [
        {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}},
        {"@id": "./", "@type": ["Dataset"], "hasPart": ["./Some-experiment", "./Some-experiment/data.csv"]},
        {"@id": "./Some-experiment", "@type": "Dataset", "author": {"@type": "Person", "familyName": "Wayne", "givenName": "Bruce"},
         "dateCreated": "2022-05-29 16:17:38", "name": "Some experiment", "text": "<h1>Goal :</h1>"},
        {"@id": "./Some-experiment/data.csv", "@type": "File", "name": "data.csv", "sha256": hashlib.sha256(b"a,b").hexdigest()},
    ]
    expected = [{"title": "Some experiment", "at": "2022-05-29T14:17:38Z", "author": "Bruce Wayne", "tags": [], "says": "Goal :", "files": ["data.csv"]}]
    return make_crate("some-data.eln", graph, {"Some-experiment/data.csv": b"a,b"}), expected


NOTEBOOKS = [elabftw_archive, kadi4mat_archive, sampledb_archive, scilog_archive, rspace_archive, plain_paths]


def check_import(facility, notebook, target):
    archive, expected = notebook()
    status, answer = target.take(archive)
    assert (status, answer) == (200, {"created": len(expected) + 1, "present": 0}), (notebook.__name__, status, answer)
    assert target.take(archive) == (200, {"created": 0, "present": len(expected) + 1}), "the same again adds nothing"
    entries = target.send("GET", "event?limit=1000")
    (original,) = [entry for entry in entries if (entry["title"] or "").startswith("Imported from")]
    path = f"/resource/{facility.admin}/file/download?resourceId={original['file'][0]}"
    assert facility.request("GET", path)[2] == archive, "the original is kept"
    assert original["filename"].endswith(".eln"), original
    left = [entry for entry in entries if entry is not original]
    for wanted in expected:
        found = [entry for entry in left if entry["title"] == wanted["title"]]
        assert found, (notebook.__name__, wanted, [entry["title"] for entry in left])
        entry = found[0]
        left.remove(entry)
        assert (entry["creationDate"], entry["fullName"]) == (wanted["at"], wanted["author"]), entry
        assert [tag["name"] for tag in entry["tag"]] == wanted["tags"], entry
        html = "".join(part["text"] for part in entry["content"])
        words = re.sub(r"<[^>]*>", "", html).replace("&#39;", "'")
        assert wanted["says"] in words, (wanted, html)
        names = []
        for file in entry["file"]:
            status, headers, content = facility.request("GET", f"/resource/{facility.admin}/file/download?resourceId={file}")
            assert status == 200 and content
            names.append(re.search(r'filename="([^"]*)"', headers["content-disposition"])[1])
        assert sorted(names) == sorted(wanted["files"]), (names, wanted)
        addresses = re.findall(r'src="([^"]*)"', html)
        assert len(addresses) == wanted.get("shows", 0), html
        for address in addresses:
            assert facility.request("GET", address.replace("&amp;", "&"))[2].startswith(b"\x89PNG"), address
    assert not left, left
    return f"{notebook.__name__}: {len(expected)} entries"


def check_hostile(facility, target):
    """Nothing outside of the crate, no wrong checksum, nothing that is no crate; nothing of it is written."""
    before = target.count()
    archive, _ = elabftw_archive()
    wrong = archive.replace(hashlib.sha256(PNG).hexdigest().encode(), b"0" * 64)
    # Stored, not compressed, so that the text can be found; its CRC has to be right again.
    graph = root_dataset({"name": "x"}, "./e") + [{"@id": "./e", "@type": "Dataset", "text": "t", "hasPart": [{"@id": "./e/f"}]},
                                          {"@id": "./e/f", "@type": "File", "sha256": "0" * 64}]
    refused = {"a checksum": make_crate("x", graph, {"e/f": b"f"}), "no archive": b"nothing", "half": archive[: len(archive) // 2],
               "no metadata": make_crate("x", [], {}).replace(METADATA.encode(), b"ro-crate-metadata.jsox"), "no root": make_crate("x", [], {})}
    for what, bytes_ in refused.items():
        status, text = target.take(bytes_)
        assert status == 422, (what, status, text)
    assert wrong == archive or target.take(wrong)[0] == 422
    assert target.count() == before
    return f"{len(refused)} refused"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--keep", help="where the export is kept")
    given = arguments.parse_args()
    with Facility() as facility:
        facility.admin = facility.login("simple/admin")
        book = Book(facility, facility.admin, facility.embargo)
        print(check_export(book, given.keep))
        for notebook in NOTEBOOKS:
            target = Book(facility, facility.admin, create_investigation(facility, notebook.__name__))
            print(check_import(facility, notebook, target))
        print(check_hostile(facility, Book(facility, facility.admin, create_investigation(facility, "hostile"))))


if __name__ == "__main__":
    main()

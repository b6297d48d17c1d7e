"""A facility whose catalogue fills the index of the search: what the catalogue has, what searches find, and how they differ."""

import contextlib
import json
import sqlite3

from filled_suite import FilledSuite
from suite import wait_until

ROWS_AT_ONCE = 5_000
# Columns by kind of row.
CATALOGUE = {
    "datafiles": ("Datafile", "id name location description fileSize dataset.id dataset.name dataset.investigation.id dataset.investigation.name "
                  "dataset.investigation.title"),
    "datasets": ("Dataset", "id name description investigation.id investigation.name investigation.title"),
    "investigations": ("Investigation", "id name visitId title summary"),
}  # fmt: skip


class SearchTimedOut(Exception):
    """The machine is busy; the same search may succeed later."""


class CatalogueFeed(FilledSuite):
    """Only root, who is the reader too; `files` are those that exist before the search runs for the first time."""

    def __init__(self, postgres=None, files=0):
        super().__init__()
        self.postgres, self.file_count = postgres, files
        # First, so that the accounts go into the database that it names.
        self.env |= postgres.env if postgres else {}
        self.add_user("simple/root")
        self.env |= {
            "UNDULATOR_ICAT__READER": f"simple:root:{self.passwords['simple/root']}",
            "UNDULATOR_SEARCH__COMMIT_INTERVAL": "100ms",
            "UNDULATOR_HTTP__LIMITS__RATE": "0",
        }
        self.services = ["auth", "icat"]

    def fill(self):
        self.root = self.login("simple/root")
        (self.src,) = self.create("Facility", {"name": "SRC"})
        of_facility = lambda name, **more: {"name": name, "facility": self.src, **more}  # noqa: E731
        (self.kind,) = self.create("InvestigationType", of_facility("MX"))
        (self.raw,) = self.create("DatasetType", of_facility("raw"))
        self.modes = self.create("ParameterType", *(
            of_facility(f"mode {n}", units="text", valueType="STRING", applicableToDatafile=True) for n in range(20)
        ))  # fmt: skip
        (investigation,) = self.create("Investigation", {
            "name": "MX-1", "visitId": "1", "title": "Lysozyme", "facility": self.src, "type": self.kind, "startDate": "2026-01-10T08:00:00Z",
        })  # fmt: skip
        for first in range(0, self.file_count, ROWS_AT_ONCE):
            (dataset,) = self.create("Dataset", {"name": f"first {first}", "investigation": investigation, "type": self.raw})
            self.create("Datafile", *(
                {"name": f"first_{n}.nxs", "location": f"data/first/{n % 100}/first_{n}.nxs", "fileSize": n, "dataset": dataset}
                for n in range(first, min(first + ROWS_AT_ONCE, self.file_count))
            ))  # fmt: skip

    def rows(self, query):
        """Of the search's own database, which may not exist yet."""
        if self.postgres:
            return self.postgres.execute(query, schema="search")
        with contextlib.closing(sqlite3.connect(f"file:{self.dir / 'databases' / 'search.db'}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()

    def read_catalogue(self):
        """Values of each row by kind and id."""
        found = {}
        for target, (entity, columns) in CATALOGUE.items():
            selected = ", ".join(f"o.{column}" for column in columns.split())
            rows, after = {}, 0
            while True:
                page = self.search(self.root, f"SELECT {selected} FROM {entity} o WHERE o.id > {after} ORDER BY o.id LIMIT 0, {ROWS_AT_ONCE}")
                rows |= {row[0]: tuple(row) for row in page}
                if not page:
                    break
                after = page[-1][0]
            found[target] = rows
        # A row without a sample is left out by a path.
        samples = self.search(self.root, "SELECT o.id, o.sample.id, o.sample.name FROM Dataset o WHERE o.sample.id > 0")
        found["samples"] = {id: (sample, name) for id, sample, name in samples}
        values = self.search(self.root, "SELECT o.id, o.stringValue FROM DatafileParameter o")
        found["values"] = {value: 1 for _, value in values}
        assert len(found["values"]) == len(values), "each parameter has a value of its own"
        return found

    def send_search(self, path, body, internal=False):
        headers = {"Authorization": f"Bearer {self.root}"}
        status, _, text = self.request("POST", path, headers=headers, body=body, internal=internal)
        if status == 503 and b"search/timed-out" in text:
            raise SearchTimedOut(f"{path} {body}: {text}")
        assert status == 200, (path, body, status, text)
        return json.loads(text)

    def read_index(self):
        """The same as searches find it, with the rows that they find more than once."""
        found, doubles = {}, []
        for target in CATALOGUE:
            rows, cursor = {}, None
            while True:
                body = {"limit": 1000, "sort": "name", **({"cursor": cursor} if cursor else {})}
                page = self.send_search(f"/search/v1/{target}", body)
                doubles += [(target, hit["id"]) for hit in page["hits"] if hit["id"] in rows]
                rows |= {hit["id"]: hit for hit in page["hits"]}
                cursor = page.get("cursor")
                if cursor is None:
                    break
            if page["total"] != len(rows):
                doubles.append((target, f"a total of {page['total']} for {len(rows)} rows"))
            found[target] = rows
        counted = self.send_search("/icat.lucene/DatafileParameter/facet?maxResults=1000&maxLabels=100000",
                                   {"query": {}, "dimensions": [{"dimension": "stringValue"}]}, internal=True)  # fmt: skip
        buckets = counted["aggregations"].get("stringValue", {}).get("buckets", {})
        found["values"] = {value: bucket["doc_count"] for value, bucket in buckets.items()}
        return found, doubles

    def find_differences(self):
        catalogue = self.read_catalogue()
        index, doubles = self.read_index()
        return compare_rows(catalogue, index, doubles)

    def wait_until_equal(self, seconds):
        """Without a step of anybody; exits with what differs."""
        differences = ["not compared yet"]

        def is_equal():
            state = self.json("search", "status")
            is_busy = state["waiting_rows"] or state["waiting_batches"] or any(scan["state"] != "done" for scan in state["scans"])
            if is_busy:
                differences[:] = [f"the index is not up to date: {state}"]
            else:
                try:
                    differences[:] = self.find_differences()
                except SearchTimedOut as e:
                    differences[:] = [str(e)]
            return not differences

        try:
            wait_until("searches find what the catalogue has", is_equal, seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}; {len(differences)} differences: {differences[:10]}") from None


def compare_rows(catalogue, index, doubles):
    """How searches differ from the catalogue."""
    found = [f"twice: {double}" for double in doubles]
    for target in CATALOGUE:
        for kind, ids in (("missing", catalogue[target].keys() - index[target].keys()), ("not in the catalogue", index[target].keys() - catalogue[target].keys())):
            found += [f"{target} {id}: {kind}" for id in sorted(ids)]
        for id, row in catalogue[target].items():
            hit = index[target].get(id)
            if hit is not None and (expected := expect_hit(catalogue, target, row)) != (shown := simplify_hit(target, hit)):
                found.append(f"{target} {id} is stale: {shown} instead of {expected}")
    if catalogue["values"] != index["values"]:
        different = catalogue["values"].items() ^ index["values"].items()
        found.append(f"values of parameters: {sorted(different)[:10]}")
    return found


def expect_hit(catalogue, target, row):
    """What a search shows of a row of the catalogue."""
    sample = {"datafiles": lambda: catalogue["samples"].get(row[5]), "datasets": lambda: catalogue["samples"].get(row[0])}.get(target, lambda: None)
    return *row, sample()


def simplify_hit(target, hit):
    dataset, investigation, sample = (hit.get(name) or {} for name in ("dataset", "investigation", "sample"))
    of_investigation = (investigation.get("id"), investigation.get("name"), investigation.get("title"))
    values = {
        "datafiles": lambda: (hit["id"], hit["name"], hit.get("location"), hit.get("description"), hit.get("fileSize"), dataset.get("id"),
                              dataset.get("name"), *of_investigation),
        "datasets": lambda: (hit["id"], hit["name"], hit.get("description"), *of_investigation),
        "investigations": lambda: (hit["id"], hit["name"], hit.get("visitId"), hit.get("title"), hit.get("description")),
    }  # fmt: skip
    return *values[target](), (sample["id"], sample["name"]) if sample else None

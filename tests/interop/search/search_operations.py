"""The operations of the search as somebody asks for all there is, and what is seen of four investigations then."""

import html
import http.client
import json
import re
import urllib.parse
import uuid

from rights_facility import PLACES, PUBLIC_NAME

LUCENE = "/icat.lucene"
TARGETS = ("datafiles", "datasets", "investigations")
ROWS = {
    "datafiles": {"file.name", "file.description", "file.doi", "file.directory", "file.size", "dataset.name", "investigation.name",
                  "investigation.title", "investigation.visitId", "sample.name"},
    "datasets": {"dataset.name", "dataset.description", "dataset.doi", "investigation.name", "investigation.title",
                 "investigation.visitId", "sample.name"},
    "investigations": {"investigation.name", "investigation.visitId", "investigation.title", "investigation.summary", "investigation.doi"},
}  # fmt: skip
# Related values that the searches of ICAT show besides.
ICAT_ROWS = {
    "datafiles": ROWS["datafiles"] - {"investigation.title"} | {"sample.type"},
    "datasets": ROWS["datasets"] | {"sample.type"},
    "investigations": ROWS["investigations"] | {"investigation.parameter", "investigation.number", "sample.name", "sample.type"},
}
FACETS = {
    "datafiles": {"name": "file.name", "doi": "file.doi", "dataset.name": "dataset.name"},
    "datasets": {"name": "dataset.name", "doi": "dataset.doi"},
    "investigations": {"name": "investigation.name", "visitId": "investigation.visitId", "doi": "investigation.doi"},
}  # fmt: skip
SHARED_FACETS = {"sample.name": "sample.name", "sample.type.name": "sample.type", "user.fullName": "pi.fullName", "user.name": "pi.name"}
INVESTIGATION_FACETS = {"investigation.name": "investigation.name", "visitId": "investigation.visitId"}
HIGHLIGHTED = {
    "datafiles": {"file.description"}, "datasets": {"dataset.description"},
    "investigations": {"investigation.title", "investigation.summary"},
}  # fmt: skip
# Of the searches of ICAT: entity, dimension, field.
ICAT_FACETS = [
    ("Datafile", "doi", "file.doi"), ("Dataset", "doi", "dataset.doi"), ("Investigation", "name", "investigation.name"),
    ("Sample", "name", "sample.name"), ("DatafileParameter", "stringValue", "file.parameter"),
    ("DatasetParameter", "stringValue", "dataset.parameter"), ("InvestigationParameter", "stringValue", "investigation.parameter"),
    ("SampleParameter", "stringValue", "sample.parameter"), ("InvestigationUser", "user.fullName", "pi.fullName"),
]  # fmt: skip
# The entities among them that belong to rows of a target.
ICAT_FACETS_OF = {
    "datafiles": {"file.doi", "file.parameter"}, "datasets": {"dataset.doi", "dataset.parameter"},
    "investigations": {"investigation.name", "investigation.parameter", "sample.name", "pi.fullName"},
}  # fmt: skip
ENTITY = {"datafiles": "Datafile", "datasets": "Dataset", "investigations": "Investigation"}
# What the ids of a search stand for.
NAMED = {"datafiles": ("files", "file.name"), "datasets": ("datasets", "dataset.name"), "investigations": ("investigation", "investigation.name")}
# Names that are completed: the targets, the field, how it is written in the box of the page, and the field of the facility.
COMPLETED = {
    "types": (TARGETS[:2], "sample.type.name", "sample.type.name:", "sample.type"),
    "names": (TARGETS, "parameter.name", "parameter.", PUBLIC_NAME),
}  # fmt: skip
# Entities whose rows are read again, one for each request that is allowed.
POPULATED = ["Technique", "SampleType", "Sample", "Facility", "Instrument", "DatasetType", "Datafile", "Dataset", "Investigation"]


def list_facets(target):
    """Fields that are counted for rows of a target, with the fields of the facility that they show."""
    more = INVESTIGATION_FACETS if target != "investigations" else {}
    return FACETS[target] | SHARED_FACETS | more


def count_rows(target):
    """Rows of each investigation."""
    return {place: 1 if target == "investigations" else count for place, count in PLACES.items()}


class View:
    """What an answer shows in one way, such as its rows, and the fields of an investigation that it may show."""

    def __init__(self, name, fields, content):
        self.name, self.fields, self.content = name, fields, content


class Seen:
    """The status of an operation, what it shows, and how many rows of which kind it counts."""

    def __init__(self, status, *views, total=None, counted=None):
        self.status, self.views, self.total, self.counted = status, views, total, counted or {}


class Somebody:
    """Sends all operations; `credential` is a session, an API key or a token. With `internal`, to the internal listener from an
    address."""

    def __init__(self, facility, credential=None, account=None, internal=None):
        self.facility, self.credential, self.account, self.internal = facility, credential, account, internal

    def send(self, method, path, query=None, body=None, form=None):
        """Status and text."""
        path += "?" + urllib.parse.urlencode(query) if query else ""
        headers = {"Accept": "*/*"}
        if self.credential:
            headers["Authorization"] = f"Bearer {self.credential}"
            headers["Cookie"] = f"undulator-session={self.credential}"
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        elif form is not None:
            data, headers["Content-Type"] = urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
        source = (self.internal, 0) if self.internal else None
        port = self.facility.internal if self.internal else self.facility.public
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=source)
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, text

    def send_search(self, target, **body):
        status, text = self.send("POST", f"/search/v1/{target}", body=body)
        return status, json.loads(text) if status == 200 else text

    # /search/v1

    def search(self, target):
        facets = list_facets(target)
        status, page = self.send_search(target, limit=1000, facets=[{"field": field, "limit": 1000} for field in facets])
        if status != 200:
            return Seen(status, View("refusal", set(), page))
        counts = {facet["field"]: {value["value"]: value["count"] for value in facet["values"]} for facet in page["facets"]}
        views = [View("rows", ROWS[target], json.dumps(page["hits"]))]
        views += [View(f"counted {field}", {facets[field]}, json.dumps(values)) for field, values in counts.items()]
        marked, totals = [], {}
        for place, texts in self.facility.texts.items():
            for field in sorted(HIGHLIGHTED[target]):
                _, found = self.send_search(target, text=texts[field], highlight=True, limit=1000)
                marks = [part["text"] for hit in found["hits"] for parts in hit.get("highlights", {}).values() for part in parts if part["found"]]
                marked += marks
                totals[place] = max(totals.get(place, 0), found["total"])
        views.append(View("highlights", HIGHLIGHTED[target], json.dumps(marked)))
        # Each page of one row, up to the end.
        paged, cursor = [], None
        while True:
            _, one = self.send_search(target, limit=1, sort="name", **({"cursor": cursor} if cursor else {}))
            paged += one["hits"]
            cursor = one.get("cursor")
            assert one["total"] == page["total"], (target, one["total"], page["total"])
            if cursor is None:
                break
        assert sorted(hit["id"] for hit in paged) == sorted(hit["id"] for hit in page["hits"]), "pages have the rows of the result"
        views.append(View("pages", ROWS[target], json.dumps(paged)))
        own = {place: counts["doi"].get(texts["file.doi" if target == "datafiles" else "dataset.doi" if target == "datasets" else "investigation.doi"], 0)
               for place, texts in self.facility.texts.items()}  # fmt: skip
        return Seen(status, *views, total=page["total"], counted={"values": own, "words": totals})

    def directories(self):
        status, text = self.send("GET", "/search/v1/directories")
        if status != 200:
            return Seen(status, View("refusal", set(), text))
        found, waiting = {}, [""]
        while waiting:
            _, text = self.send("GET", "/search/v1/directories", {"path": waiting.pop(), "limit": 1000})
            for directory in json.loads(text)["directories"]:
                found[directory["path"]] = directory["files"]
                waiting.append(directory["path"] + "/")
        counted = {place: found.get(f"data/{texts['file.directory']}/raw", 0) for place, texts in self.facility.texts.items()}
        return Seen(status, View("directories", {"file.directory"}, json.dumps(found)), total=found.get("data", 0), counted={"files": counted})

    def values(self, what):
        """For each target, and with the beginning of each name."""
        targets, field, _, shown = COMPLETED[what]
        views, status = [], 200
        for target in targets:
            status, text = self.send("GET", "/search/v1/values", {"target": target, "field": field, "limit": 1000})
            if status != 200:
                return Seen(status, View("refusal", set(), text))
            views.append(View(f"values for {target}", {shown}, text))
        starts = {}
        for place, texts in self.facility.texts.items():
            _, text = self.send("GET", "/search/v1/values", {"target": targets[-1], "field": field, "start": texts[shown][:8], "limit": 1})
            found = json.loads(text)
            # Whether there are more tells of names as well.
            starts[place] = len(found["values"]) + found["hasMore"]
            views.append(View("", {shown}, text))
        return Seen(status, *views, counted={"completed": starts})

    def index(self):
        return self.accept(self.send("GET", "/search/v1/index"), 200)

    # /icat

    def icat_ids(self, target):
        """Ids instead of rows, with the names of what they belong to."""
        entity, field = NAMED[target]
        status, text = self.send("GET", "/icat/lucene/data", {"query": json.dumps({"target": ENTITY[target]}), "maxCount": 1000})
        if status != 200:
            return Seen(status, View("refusal", set(), text))
        rows = {place: [ids[entity]["id"]] if target == "investigations" else ids[entity] for place, ids in self.facility.ids.items()}
        names = {id: self.facility.texts[place][field] for place, ids in rows.items() for id in ids}
        found = [row["id"] for row in json.loads(text)]
        totals = {}
        for place, texts in self.facility.texts.items():
            query = json.dumps({"target": ENTITY[target], "text": texts[sorted(HIGHLIGHTED[target])[0]]})
            _, answer = self.send("GET", "/icat/lucene/data", {"query": query})
            totals[place] = len(json.loads(answer))
        views = [View("ids", {field}, json.dumps([names[id] for id in found])), View("", set(), text)]
        return Seen(status, *views, total=len(found), counted={"words": totals})

    def populate(self, rest=""):
        """The next entity that nobody has asked for; the rows are read in the background."""
        entity = POPULATED[len(self.facility.populated)]
        seen = self.accept(self.send("POST", f"/icat/lucene/db/{entity}{rest}", form={}), 204)
        if seen.status == 200:
            self.facility.populated.append(entity)
        return seen

    def icat_search(self, target):
        entities = [(entity, dimension, field) for entity, dimension, field in ICAT_FACETS if field in ICAT_FACETS_OF[target]]
        facets = [{"target": entity, "dimensions": [{"dimension": dimension}]} for entity, dimension, _ in entities]
        query = json.dumps({"target": ENTITY[target], "facets": facets})
        status, text = self.send("GET", "/icat/search/documents", {"query": query, "maxCount": 1000, "sort": '{"id":"asc"}'})
        if status != 200:
            return Seen(status, View("refusal", set(), text))
        page = json.loads(text)
        dimensions = page.get("dimensions", {})
        views = [View("rows", ICAT_ROWS[target], json.dumps(page["results"]))]
        for entity, dimension, field in entities:
            views.append(View(f"counted {entity}", {field}, json.dumps(dimensions.get(f"{entity}.{dimension}", {}))))
        totals = {}
        for place, texts in self.facility.texts.items():
            query = json.dumps({"target": ENTITY[target], "text": texts[sorted(HIGHLIGHTED[target])[0]]})
            _, text = self.send("GET", "/icat/search/documents", {"query": query})
            totals[place] = json.loads(text)["total"]
        return Seen(status, *views, total=page["total"], counted={"words": totals})

    def icat_facets(self):
        """With the ids of all investigations, datasets and datafiles, as nobody but root would know them."""
        every = lambda name: [id for ids in self.facility.ids.values() for id in ids[name]]  # noqa: E731
        ids = {
            "investigation.id": [ids["investigation"]["id"] for ids in self.facility.ids.values()],
            "dataset.id": every("datasets"), "datafile.id": every("files"),
        }  # fmt: skip
        views, status = [], 200
        for key, rows in ids.items():
            for entity, dimension, field in ICAT_FACETS:
                facets = [{"target": entity, "dimensions": [{"dimension": dimension}]}]
                query = json.dumps({"target": "Datafile", "facets": facets, "filter": {key: rows}})
                status, text = self.send("GET", "/icat/facet/documents", {"query": query})
                # Not all belong to the rows of the filter.
                belongs = key == "investigation.id" or field.startswith(key.replace("datafile", "file").split(".")[0] + ".")
                views.append(View(f"counted {entity} by {key}" if belongs else "", {field}, text))
        return Seen(status, *views)

    # /search/app

    def page(self, target):
        """Whether the form to log in is shown, or rows."""
        status, text = self.send("GET", "/search/app", {"in": target, "q": ""})
        if status != 200 or 'name="password"' in text:
            return Seen("login" if status == 200 else status, View("refusal", set(), text))
        total = int(re.search(r'aria-current="page">[^<]*<span class="count">([\d,.\s]+)<', text)[1])
        shown = html.unescape(text)
        views = [View("page", ROWS[target] - {"file.size"}, shown)]
        marked = []
        for texts in self.facility.texts.values():
            for field in sorted(HIGHLIGHTED[target]):
                _, found = self.send("GET", "/search/app", {"in": target, "q": texts[field]})
                marked += re.findall(r"<mark>([^<]*)</mark>", found)
        views.append(View("highlights", HIGHLIGHTED[target], json.dumps(marked)))
        return Seen(status, *views, total=total)

    def complete(self):
        status, text = self.send("GET", "/search/app/complete", {"text": "lysozyme data/"})
        fields = {"file.directory"} if status == 200 else set()
        starts = {}
        for place, texts in self.facility.texts.items():
            _, found = self.send("GET", "/search/app/complete", {"text": f"data/{texts['file.directory'][:5]}"})
            starts[place] = len(json.loads(found)) if status == 200 else 0
        return Seen(status, View("paths", fields, text), counted={"completed": starts} if status == 200 else None)

    def complete_names(self, what):
        _, _, written, shown = COMPLETED[what]
        status, text = self.send("GET", "/search/app/complete", {"text": f"lysozyme {written}"})
        if status != 200:
            return Seen(status, View("refusal", set(), text))
        starts = {}
        for place, texts in self.facility.texts.items():
            _, found = self.send("GET", "/search/app/complete", {"text": written + texts[shown][:8]})
            starts[place] = len(json.loads(found))
        return Seen(status, View("names", {shown}, text), counted={"completed": starts})

    def download(self, kind):
        """One after the other, each row of each investigation."""
        contents, refusals = [], set()
        fields = {"file.content"}
        if kind == "datasets":
            # A ZIP, in which nothing is compressed.
            fields |= {"file.name", "dataset.name", "investigation.name", "investigation.visitId"}
        for ids in self.facility.ids.values():
            for id in ids["files" if kind == "datafiles" else "datasets"]:
                status, text = self.send("POST", "/search/app/download", form={"in": kind, "id": id})
                if status == 200 and 'name="password"' in text:
                    return Seen("login", View("refusal", set(), text))
                if status == 200:
                    contents.append(text)
                else:
                    refusals.add(status)
        if not contents:
            return Seen(min(refusals), View("refusal", set(), ""))
        assert refusals <= {403, 404}, refusals
        return Seen(200, View("content", fields, json.dumps(contents)))

    def start(self):
        return self.accept(self.send("GET", "/search"), 303)

    def log_in(self):
        name = self.account or "simple/dan"
        form = {"plugin": "simple", "username": name.split("/")[1], "password": self.facility.passwords.get(name, ""), "next": "/search/app"}
        return self.accept(self.send("POST", "/search/app/login", form=form), 303)

    def log_out(self):
        """Of a session that nobody has."""
        other = Somebody(self.facility, str(uuid.uuid4()), internal=self.internal)
        return self.accept(other.send("POST", "/search/app/logout", form={}), 303)

    def asset(self):
        return self.accept(self.send("GET", "/search/app/assets/app.css"), 200)

    def accept(self, answer, expected):
        status, text = answer
        return Seen(200 if status == expected else status, View("answer", set(), text))

    # /icat.lucene

    def lucene(self, rest, body):
        status, text = self.send("POST", f"{LUCENE}/{rest}", body=body)
        return Seen(200 if status in (200, 204) else status, View("answer", set(), text))

    def lucene_search(self, target):
        fields = {
            "datafiles": ["name", "description", "doi", "location", "fileSize", "dataset.name", "investigation.name", "investigation.title",
                          "visitId", "sample.name"],
            "datasets": ["name", "description", "doi", "investigation.name", "investigation.title", "visitId", "sample.name"],
            "investigations": ["name", "visitId", "title", "summary", "doi"],
        }[target]  # fmt: skip
        status, text = self.send("POST", f"{LUCENE}/{target[:-1]}", {"maxResults": 1000}, body={"query": {}, "fields": fields})
        total = json.loads(text)["total"] if status == 200 else None
        return Seen(status, View("rows", ROWS[target] if status == 200 else set(), text), total=total)

    def lucene_facet(self):
        body = {"query": {}, "dimensions": [{"dimension": "stringValue"}]}
        status, text = self.send("POST", f"{LUCENE}/DatafileParameter/facet", {"maxResults": 1000, "maxLabels": 100}, body=body)
        return Seen(status, View("counted", {"file.parameter"} if status == 200 else set(), text))


# Method and path as in the tables of mounts, and how an operation is sent. In this order: the last one leaves nothing to find.
OPERATIONS = {
    **{f"search-{target}": ("POST", f"/search/v1/{target}", lambda who, t=target: who.search(t)) for target in TARGETS},
    "directories": ("GET", "/search/v1/directories", lambda who: who.directories()),
    **{f"values-{what}": ("GET", "/search/v1/values", lambda who, w=what: who.values(w)) for what in COMPLETED},
    "index": ("GET", "/search/v1/index", lambda who: who.index()),
    **{f"icat-search-{target}": ("GET", "/icat/search/documents", lambda who, t=target: who.icat_search(t)) for target in TARGETS},
    "icat-facets": ("GET", "/icat/facet/documents", lambda who: who.icat_facets()),
    **{f"icat-ids-{target}": ("GET", "/icat/lucene/data", lambda who, t=target: who.icat_ids(t)) for target in TARGETS},
    "db-list": ("GET", "/icat/lucene/db", lambda who: who.accept(who.send("GET", "/icat/lucene/db"), 200)),
    "db-commit": ("POST", "/icat/lucene/db", lambda who: who.accept(who.send("POST", "/icat/lucene/db", form={}), 204)),
    "db-stop": ("DELETE", "/icat/lucene/db", lambda who: who.accept(who.send("DELETE", "/icat/lucene/db"), 204)),
    "db-populate": ("POST", "/icat/lucene/db/{entity}", lambda who: who.populate()),
    "db-populate-from": ("POST", "/icat/lucene/db/{entity}/{minid}", lambda who: who.populate("/0")),
    "start": ("GET", "/search", lambda who: who.start()),
    **{f"page-{target}": ("GET", "/search/app", lambda who, t=target: who.page(t)) for target in TARGETS},
    "complete": ("GET", "/search/app/complete", lambda who: who.complete()),
    **{f"complete-{what}": ("GET", "/search/app/complete", lambda who, w=what: who.complete_names(w)) for what in COMPLETED},
    **{f"download-{kind}": ("POST", "/search/app/download", lambda who, k=kind: who.download(k)) for kind in TARGETS[:2]},
    "asset": ("GET", "/search/app/assets/{name}", lambda who: who.asset()),
    "log-in": ("POST", "/search/app/login", lambda who: who.log_in()),
    "log-out": ("POST", "/search/app/logout", lambda who: who.log_out()),
    "lucene-version": ("GET", f"{LUCENE}/version", lambda who: who.accept(who.send("GET", f"{LUCENE}/version"), 200)),
    **{f"lucene-{target}": ("POST", f"{LUCENE}/{target[:-1]}", lambda who, t=target: who.lucene_search(t)) for target in TARGETS},
    "lucene-facet": ("POST", f"{LUCENE}/{{entity}}/facet", lambda who: who.lucene_facet()),
    "lucene-modify": ("POST", f"{LUCENE}/modify", lambda who: who.lucene("modify", [])),
    # An entity that is not indexed.
    "lucene-lock": ("POST", f"{LUCENE}/lock/{{entity}}", lambda who: who.lucene("lock/Rule?minId=0&delete=true", [])),
    "lucene-add": ("POST", f"{LUCENE}/addNow/{{entity}}", lambda who: who.lucene("addNow/Rule", [])),
    "lucene-unlock": ("POST", f"{LUCENE}/unlock/{{entity}}", lambda who: who.lucene("unlock/Rule", [])),
    "lucene-commit": ("POST", f"{LUCENE}/commit", lambda who: who.lucene("commit", [])),
    "lucene-clear": ("POST", f"{LUCENE}/clear", lambda who: who.lucene("clear", [])),
}  # fmt: skip

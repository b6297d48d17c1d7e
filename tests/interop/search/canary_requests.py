"""Random requests to all operations of the search, with a text in all the places where users put one."""

import json
import re
import urllib.parse

TARGETS = {"datafiles": "Datafile", "datasets": "Dataset", "investigations": "Investigation"}
# Where the texts of the facility are found: targets with the names of their fields in queries.
SEARCHED = {
    "file.name": [("datafiles", "name"), ("datafiles", "location.fileName")], "file.description": [("datafiles", "description")],
    "file.doi": [("datafiles", "doi")], "file.directory": [("datafiles", "location")], "file.size": [("datafiles", "fileSize")],
    "dataset.name": [("datasets", "name"), ("datafiles", "dataset.name")], "dataset.description": [("datasets", "description")],
    "dataset.doi": [("datasets", "doi")], "investigation.summary": [("investigations", "summary")],
    "investigation.name": [("investigations", "name"), ("datasets", "investigation.name"), ("datafiles", "investigation.name")],
    "investigation.title": [("investigations", "title"), ("datasets", "investigation.title")], "investigation.doi": [("investigations", "doi")],
    "investigation.visitId": [(target, "visitId") for target in TARGETS], "sample.name": [(target, "sample.name") for target in TARGETS],
    "sample.type": [(target, "sample.type.name") for target in TARGETS],
}  # fmt: skip
NAMES = sorted({name for places in SEARCHED.values() for _, name in places} | {"stringValue", "numericValue", "user.fullName", "user.name"})
# Filters that find the texts that queries do not find by a field.
FILTERED = {
    "file.parameter": ["DatafileParameter"], "dataset.parameter": ["DatasetParameter"], "investigation.parameter": ["InvestigationParameter"],
    "sample.parameter": ["SampleParameter"], "investigation.number": ["number"], "pi.name": ["user"], "pi.fullName": ["person"],
    "sample.name": ["sample"], "file.size": ["size"],
}  # fmt: skip
FACETS = ["name", "doi", "datafileFormat.name", "instrument.name", "technique.name", "sample.name", "dataset.name", "investigation.name",
          "visitId", "type.name", "user.fullName", "user.name", "facility.name", "sample.type.name"]  # fmt: skip
# Fields whose values are completed, with how that begins in the box of the page.
COMPLETED = {
    "sample.type.name": "sample.type.name:", "instrument.name": "instrument.name:", "technique.name": "technique.name:", "type.name": "type.name:",
    "datafileFormat.name": "datafileFormat.name:", "facility.name": "facility.name:", "parameter.name": "parameter.",
}  # fmt: skip
ICAT_FACETS = [("Datafile", "name"), ("Datafile", "fileSize"), ("Dataset", "doi"), ("Investigation", "title"), ("Sample", "name"), ("User", "fullName"),
               ("DatafileParameter", "stringValue"), ("DatasetParameter", "stringValue"), ("InvestigationParameter", "stringValue"),
               ("SampleParameter", "stringValue"), ("InvestigationUser", "user.fullName"), ("InvestigationInstrument", "instrument.name")]  # fmt: skip
PARAMETERS = ["DatafileParameter", "DatasetParameter", "InvestigationParameter", "SampleParameter"]
# So many letters of a text that no other one contains them.
SHORTEST = 8
WORDS = ["lysozyme", "crystal", "nexus", "*.nxs", "lyso*", "*", "lysozime~", "-nothing", "data/**", "mode"]
# A text of a query for a text. Ranges are narrow, so that it does not matter what else lies in them.
SHAPES = {
    "word": lambda t, f: t, "prefix": lambda t, f: f"{t[:8]}*", "wildcard": lambda t, f: f"?{t[1:]}", "suffix": lambda t, f: f"*{t[-8:]}",
    "fuzzy": lambda t, f: f"{t[:-1]}~1", "phrase": lambda t, f: f'"lysozyme {t} crystal"', "not": lambda t, f: f"lysozyme NOT {t}",
    "either": lambda t, f: f"lysozyme OR {t}", "both": lambda t, f: f"+crystal +{t}", "range": lambda t, f: f"[{t[:10]} TO {t}zz]",
    "boost": lambda t, f: f"nexus OR {t}^4", "field": lambda t, f: f"{f}:{t}", "field prefix": lambda t, f: f"{f}:{t[:8]}*",
    "not in field": lambda t, f: f"lysozyme NOT {f}:{t}", "field range": lambda t, f: f"{f}:[{t[:10]} TO {t[:10]}zz]",
    "number range": lambda t, f: f"{f}:[{t} TO {t}]", "folder": lambda t, f: f"data/{t}", "path": lambda t, f: f"location:data/{t[:8]}*/**",
    "mistake": lambda t, f: f"{t} AND", "unknown field": lambda t, f: f"{t}:crystal",
}  # fmt: skip
# Values of fields, exactly.
FILTERS = {
    "field": lambda t, f: {f: t}, "one of": lambda t, f: {f: [t, "NeXus"]}, "sample": lambda t, f: {"sample.name": t},
    "person": lambda t, f: {"investigationUser.user.fullName": f"Ann {t}"}, "user": lambda t, f: {"investigationUser.user.name": f"simple/{t}"},
    **{entity: lambda t, f, e=entity: {e: [{"filter": [{"field": "type.name", "value": "mode"}, {"field": "stringValue", "value": t}]}]} for entity in PARAMETERS},
    "number": lambda t, f: {"InvestigationParameter": [{"filter": [{"field": "numericValue", "from": to_number(t), "to": to_number(t)}]}]},
    "size": lambda t, f: {"fileSize": {"from": to_number(t), "to": to_number(t)}}, "unknown": lambda t, f: {t: "x"},
}  # fmt: skip


def to_number(text):
    return int(text) if text.isdigit() else 1


class Request:
    """What is sent, and what kind of request it is."""

    def __init__(self, kind, method, path, query=None, body=None, form=None):
        self.kind, self.method, self.path, self.query, self.body, self.form = kind, method, path, query, body, form

    def __repr__(self):
        query = "?" + urllib.parse.urlencode(self.query) if self.query else ""
        return f"{self.method} {self.path}{query} {json.dumps(self.body or self.form or {})}"

    def send_as(self, who):
        return who.send(self.method, self.path, self.query, self.body, self.form)


def draw_request(chance, field):
    """A function that makes the same request for any text of a field: mostly one that finds it, if that is allowed."""
    is_wild = chance.random() < 0.25
    target, name = chance.choice(SEARCHED.get(field, [(target, "name") for target in TARGETS]))
    filter = chance.choice(FILTERED.get(field, ["field", "one of"]))
    if is_wild:
        target, name, filter = chance.choice([*TARGETS]), chance.choice(NAMES), chance.choice([*FILTERS])
    is_filtered = not is_wild and field in FILTERED
    draws = {draw_search: 4, draw_icat_search: 8 if is_filtered else 4, draw_ids: 2, draw_icat_facets: 1, draw_directories: 1, draw_values: 1}
    draws |= {draw_page: 3, draw_completion: 1}
    if field == "sample.type":
        draws |= {draw_values: 8, draw_completion: 4}
    if field == "file.directory":
        draws |= {draw_directories: 8, draw_completion: 8}
    (draw,) = chance.choices([*draws], draws.values())
    return draw(chance, target, name, filter, is_filtered)


def draw_some(chance, choices, most):
    return chance.sample(choices, chance.randrange(most + 1))


def draw_search(chance, target, name, filter, is_filtered):
    """`/search/v1`: the text stands in one or two members."""
    shape, word = chance.choice([*SHAPES]), chance.choice(WORDS)
    shared = {"limit": chance.choice([1, 3, 1000]), "highlight": chance.random() < 0.5}
    shared |= {"sort": chance.choice(["relevance", "newest", "oldest", "name", "largest", "smallest"])} if chance.random() < 0.5 else {}
    shared |= {"facets": [{"field": facet, "limit": chance.choice([1, 1000])} for facet in draw_some(chance, FACETS, 4)]}
    shared |= {"mine": True} if chance.random() < 0.1 else {}
    facet = name if name in FACETS else chance.choice(FACETS)
    places = {
        "text": lambda t: {"text": SHAPES[shape](t, name)}, "words": lambda t: {"text": f"{word} OR {SHAPES[shape](t, name)}"},
        "path": lambda t: {"path": f"data/{t}"}, "pattern": lambda t: {"path": f"data/{t[:8]}*/raw/*"}, "file": lambda t: {"path": f"**/{t}*.nxs"},
        "value": lambda t: {"values": {facet: [t]}}, "full value": lambda t: {"values": {facet: [f"Ann {t}"]}},
        "parameter": lambda t: {"parameters": [{"name": "mode", "text": t}]}, "name": lambda t: {"parameters": [{"name": t}]},
        "number": lambda t: {"parameters": [{"name": "temperature", "from": to_number(t), "to": to_number(t), "units": "K"}]},
        "day": lambda t: {"from": t}, "cursor": lambda t: {"cursor": t}, "facet": lambda t: {"facets": [{"field": t}]},
        "nothing": lambda t: {"text": word},
    }  # fmt: skip
    place = chance.choice([*places, *["parameter"] * 8] if is_filtered else [*places, *["text"] * 5, "words", "value", "value", "nothing"])
    return lambda t: Request(f"v1 {place} {shape}" if place in ("text", "words") else f"v1 {place}", "POST", f"/search/v1/{target}", body=shared | places[place](t))


def draw_icat_search(chance, target, name, filter, is_filtered):
    shape, word = chance.choice([*SHAPES]), chance.choice(WORDS)
    facets = [{"target": entity, "dimensions": [{"dimension": dimension}]} for entity, dimension in draw_some(chance, ICAT_FACETS, 3)]
    shared = {"target": TARGETS[target], **({"facets": facets} if facets else {})}
    parameters = {"maxCount": chance.choice([1, 3, 1000])}
    parameters |= {"sort": chance.choice(['{"id":"asc"}', '{"name":"desc"}', '{"fileSize":"asc"}', '{"date":"desc"}'])} if chance.random() < 0.6 else {}
    places = {
        "text": lambda t: {"text": SHAPES[shape](t, name)}, "filter": lambda t: {"text": word, "filter": FILTERS[filter](t, name)},
        "user": lambda t: {"user": f"simple/{t}"}, "full name": lambda t: {"userFullName": f"Ann {t}"}, "name": lambda t: {"userFullName": t},
        "lower": lambda t: {"lower": t}, "nothing": lambda t: {"text": word},
        "parameter": lambda t: {"parameters": [{"name": "mode", "stringValue": t}]},
        "number": lambda t: {"parameters": [{"name": "temperature", "lowerNumericValue": to_number(t), "upperNumericValue": to_number(t), "units": "K"}]},
    }  # fmt: skip
    place = chance.choice([*places, *["filter"] * 12] if is_filtered else [*places, *["text"] * 6, "filter", "filter"])
    kind = {"text": f"icat text {shape}", "filter": f"icat filter {filter}"}.get(place, f"icat {place}")
    mistake = chance.choice(["sort", "search_after", "minCount"]) if chance.random() < 0.1 else None

    def make(t):
        more = {mistake: {"sort": json.dumps({t: "asc"}), "search_after": json.dumps({"fields": [t]}), "minCount": t}[mistake]} if mistake else {}
        query = json.dumps(shared | places[place](t))
        return Request(f"icat mistake {mistake}" if mistake else kind, "GET", "/icat/search/documents", {"query": query, **parameters, **more})

    return make


def draw_ids(chance, target, name, filter, is_filtered):
    """`/icat/lucene/data`: the same search, for ids."""
    make_search = draw_icat_search(chance, target, name, filter, is_filtered)

    def make(t):
        search = make_search(t)
        query = {name: value for name, value in search.query.items() if name in ("query", "maxCount")}
        return Request(search.kind.replace("icat", "ids"), search.method, "/icat/lucene/data", query)

    return make


def draw_icat_facets(chance, target, name, filter, is_filtered):
    entity, dimension = chance.choice(ICAT_FACETS)
    facets = [{"target": entity, "dimensions": [{"dimension": dimension}]}]
    has_text = chance.random() < 0.7

    def make(t):
        query = {"target": "Datafile", "facets": facets, "filter": FILTERS[filter](t, dimension if filter == "field" else name) if has_text else {}}
        return Request("facets", "GET", "/icat/facet/documents", {"query": json.dumps(query)})

    return make


def draw_directories(chance, target, name, filter, is_filtered):
    length, ending = chance.choice([8, 14]), chance.choice(["", "/", "/raw", "/raw/"])
    start = chance.choice(["data/", "", "/data/", "data/data/"])
    parameters = {"limit": chance.choice([1, 2, 1000])}
    return lambda t: Request("directories", "GET", "/search/v1/directories", {"path": f"{start}{t[:length]}{ending}", **parameters})


def draw_values(chance, target, name, filter, is_filtered):
    field = name if name in COMPLETED else chance.choice([*COMPLETED])
    length, parameters = chance.choice([8, 14]), {"target": target, "limit": chance.choice([1, 1000])}
    places = {
        "start": lambda t: {"field": field, "start": t[:length]}, "all": lambda t: {"field": field}, "mistake": lambda t: {"field": t},
        "other": lambda t: {"field": name, "start": t},
    }  # fmt: skip
    place = chance.choice([*places, "start", "start", "all"])
    return lambda t: Request(f"values {place}", "GET", "/search/v1/values", parameters | places[place](t))


def draw_page(chance, target, name, filter, is_filtered):
    shape, facet = chance.choice([*SHAPES]), name if name in FACETS else chance.choice(FACETS)
    shared = {"in": target}
    shared |= {"sort": chance.choice(["newest", "name", "largest"])} if chance.random() < 0.4 else {}
    shared |= {"all": chance.choice([*FACETS, "folders"])} if chance.random() < 0.2 else {}
    places = {
        "text": lambda t: {"q": SHAPES[shape](t, name)}, "value": lambda t: {"f": f"{facet}:{t}"}, "folder": lambda t: {"dir": f"data/{t}"},
        "day": lambda t: {"from": t}, "cursor": lambda t: {"cursor": t}, "all": lambda t: {"all": t}, "nothing": lambda t: {"q": "lysozyme"},
    }  # fmt: skip
    place = chance.choice([*places, "text", "text", "text", "value", "nothing"])
    return lambda t: Request(f"page {place}", "GET", "/search/app", shared | places[place](t))


def draw_completion(chance, target, name, filter, is_filtered):
    length = chance.choice([0, 8, 14])
    start = chance.choice(["data/", "lysozyme data/", "/data/", "/", f"lysozyme {chance.choice([*COMPLETED.values()])}"])
    start = f"{name}:" if name in COMPLETED and chance.random() < 0.7 else start
    return lambda t: Request("completion", "GET", "/search/app/complete", {"text": f"{start}{t[:length]}"})


def exchange_text(content, text, other):
    """An answer as it would be if the request had another text, as far as it repeats the request; without ids of requests."""
    content = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", content.lower())
    for length in range(len(text), SHORTEST - 1, -1):
        content = content.replace(text[:length], other[:length]).replace(text[-length:], other[-length:])
    return content

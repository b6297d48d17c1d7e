"""A facility whose rows are told apart by unguessable texts: who may read what of four investigations, by the rules of
`undulator setup`."""

import hashlib
import json
import random

from filled_suite import FilledSuite
from suite import wait_until

# What belongs to an investigation, with the path from its rows to the investigation.
ENTITIES = {
    "Investigation": "", "Dataset": ".investigation", "Datafile": ".dataset.investigation", "Sample": ".investigation",
    "InvestigationParameter": ".investigation", "DatasetParameter": ".dataset.investigation",
    "DatafileParameter": ".datafile.dataset.investigation", "SampleParameter": ".sample.investigation",
    "InvestigationInstrument": ".investigation", "DatasetTechnique": ".dataset.investigation",
}  # fmt: skip
MEMBER = "investigationUsers m WHERE m.user.name = :user"
SCIENTIST = "investigationInstruments i JOIN i.instrument.instrumentScientists m WHERE m.user.name = :user"
LETTERS = "ghijklmnopqrstuvwxyz"
# Not the types of samples: their names are for those who may read such a sample.
PUBLIC = ["Facility", "Instrument", "InvestigationType", "DatasetType", "DatafileFormat", "ParameterType", "Technique"]


def build_rules(open_name):
    """`open_name` is the investigation whose datafiles everybody may read, but nothing else of it."""
    yield from PUBLIC
    yield "SELECT o FROM User o WHERE o.name = :user"
    for entity, path in ENTITIES.items():
        for condition in (MEMBER, SCIENTIST):
            yield f"SELECT o FROM {entity} o JOIN o{path}.{condition}"
        yield f"SELECT o FROM {entity} o WHERE o{path}.releaseDate < CURRENT_TIMESTAMP"
    for condition in (MEMBER, SCIENTIST):
        yield f"SELECT o FROM InvestigationUser o JOIN o.investigation.{condition}"
        yield f"SELECT o FROM User o JOIN o.investigationUsers x JOIN x.investigation.{condition}"
        yield f"SELECT o FROM SampleType o JOIN o.samples s JOIN s.investigation.{condition}"
    yield "SELECT o FROM SampleType o JOIN o.samples s WHERE s.investigation.releaseDate < CURRENT_TIMESTAMP"
    yield f"SELECT o FROM Datafile o WHERE o.dataset.investigation.name = '{open_name}'"


# The numbers of datafiles, each in a dataset of its own: whatever is counted, the sum tells of which investigations.
PLACES = {"embargo": 1, "other": 2, "released": 4, "open": 8}
INSTRUMENTS = {"embargo": "BL07", "other": "BL08", "released": "BL07", "open": "BL09"}
MEMBERS = {"alice": "embargo", "carl": "released"}
SCIENTISTS = {"bob": "BL08"}
PEOPLE = ["root", "admin", "alice", "bob", "carl", "dan"]
KEYS = {
    "alice-key": ("simple/alice", ["read"]), "alice-other-key": ("simple/alice", ["logbook:read"]), "alice-admin-key": ("simple/alice", ["admin"]),
    "admin-key": ("simple/admin", ["admin"]), "admin-read-key": ("simple/admin", ["read"]),
}  # fmt: skip

FILE_FIELDS = {"file.name", "file.description", "file.doi", "file.directory", "file.size", "file.content"}
DATA_FIELDS = FILE_FIELDS | {
    "investigation.name", "investigation.visitId", "investigation.title", "investigation.summary", "investigation.doi",
    "sample.name", "dataset.name", "dataset.description", "dataset.doi", "investigation.parameter", "investigation.number",
    "dataset.parameter", "file.parameter", "sample.parameter", "sample.type",
}  # fmt: skip
FIELDS = DATA_FIELDS | {"pi.name", "pi.fullName"}
# The name of a type that everybody may read, and no row has: the same for all investigations.
PUBLIC_NAME = "public.name"
# What somebody may see of an investigation.
VISIBLE = {
    "-": set(), "name": {PUBLIC_NAME}, "files": FILE_FIELDS, "rows": DATA_FIELDS - {"sample.type"}, "data": DATA_FIELDS, "all": FIELDS,
}  # fmt: skip
# By the rules above; the others see what `dan` sees.
ACCESS = {
    "root": {place: "all" for place in PLACES},
    "dan": {"embargo": "-", "other": "-", "released": "data", "open": "files"},
    "alice": {"embargo": "all", "other": "-", "released": "data", "open": "files"},
    "bob": {"embargo": "-", "other": "all", "released": "data", "open": "files"},
    "carl": {"embargo": "-", "other": "-", "released": "all", "open": "files"},
}


class RightsFacility(FilledSuite):
    """`texts` are the unguessable texts by place and field, `ids` those of rows by place and entity."""

    def __init__(self, seed):
        super().__init__()
        self.random = random.Random(seed)
        self.keys = {name: f"search-{self.draw_text()}" for name in KEYS}
        settings = '[icat]\ntime_zone = "Europe/Paris"\n'
        for name, (user, scopes) in KEYS.items():
            hashed = hashlib.sha256(self.keys[name].encode()).hexdigest()
            settings += f'[[identity.api_keys]]\nname = "{name}"\nsha256 = "{hashed}"\nuser = "{user}"\nscopes = {json.dumps(scopes)}\n'
            settings += 'expires = "2099-01-01T00:00:00Z"\n'
        (self.dir / "undulator.toml").write_text(settings)
        self.texts = {place: {field: self.draw_value(field) for field in sorted(FIELDS)} for place in PLACES}
        public_name = self.draw_text()
        for texts in self.texts.values():
            texts[PUBLIC_NAME] = public_name
        self.ids = {place: {} for place in PLACES}
        self.admin = None
        # Entities whose rows somebody has had read again.
        self.populated = []
        for name in PEOPLE:
            self.add_user(f"simple/{name}")
        self.env |= {
            "UNDULATOR_ICAT__READER": f"simple:root:{self.passwords['simple/root']}",
            "UNDULATOR_IDENTITY__ADMINISTRATORS": '["simple/admin"]',
            "UNDULATOR_CATALOGUE__AUTHORIZATION__CONDITIONS": "strict",
            "UNDULATOR_HTTP__LIMITS__RATE": "0",
        }

    def draw_text(self, length=14):
        """No word of a language, so that it is one term and has no synonym; and without hexadecimal digits, which escapes have."""
        return "".join(self.random.choices(LETTERS, k=length))

    def draw_value(self, field):
        return str(self.random.randrange(10**13, 10**14)) if field in ("file.size", "investigation.number") else self.draw_text()

    def fill(self):
        self.root = self.login("simple/root")
        users = self.create("User", *({"name": f"simple/{name}", "fullName": f"{name.title()} Example"} for name in PEOPLE))
        users = dict(zip(PEOPLE, users))
        (facility,) = self.create("Facility", {"name": "SRC"})
        of_facility = lambda name, **more: {"name": name, "facility": facility, **more}  # noqa: E731
        self.shared = {
            "InvestigationType": of_facility("MX"), "DatasetType": of_facility("raw"),
            "DatafileFormat": of_facility("NeXus", version="1"), "Technique": {"name": "diffraction", "pid": "PaNET:1"},
        }  # fmt: skip
        self.shared = {entity: self.create(entity, row)[0] for entity, row in self.shared.items()}
        applicable = {f"applicableTo{entity}": True for entity in ("Investigation", "Dataset", "Datafile", "Sample")}
        self.mode, self.number, _ = self.create(
            "ParameterType", of_facility("mode", units="text", valueType="STRING", **applicable),
            of_facility("temperature", units="K", valueType="NUMERIC", **applicable),
            of_facility(self.texts["open"][PUBLIC_NAME], units="text", valueType="STRING", **applicable),
        )  # fmt: skip
        instruments = {name: self.create("Instrument", of_facility(name))[0] for name in sorted({*INSTRUMENTS.values()})}
        for name, instrument in SCIENTISTS.items():
            self.create("InstrumentScientist", {"user": users[name], "instrument": instruments[instrument]})
        rules = build_rules(self.texts["open"]["investigation.name"])
        self.create("Rule", *({"crudFlags": "R", "what": what} for what in rules))
        for place in PLACES:
            self.fill_investigation(place, facility, instruments[INSTRUMENTS[place]])
        for name, place in MEMBERS.items():
            self.create("InvestigationUser", {"investigation": self.ids[place]["investigation"], "user": users[name], "role": "PI"})
        self.wait_for_index()

    def fill_investigation(self, place, facility, instrument):
        texts, ids = self.texts[place], self.ids[place]
        words = lambda text: f"lysozyme {text} crystal"  # noqa: E731
        release = "2025-01-01T00:00:00Z" if place == "released" else "2095-01-01T00:00:00Z"
        (investigation,) = self.create("Investigation", {
            "name": texts["investigation.name"], "visitId": texts["investigation.visitId"], "title": words(texts["investigation.title"]),
            "summary": words(texts["investigation.summary"]), "doi": texts["investigation.doi"], "facility": facility,
            "type": self.shared["InvestigationType"], "startDate": "2026-01-10T08:00:00Z", "endDate": "2026-01-12T08:00:00Z",
            "releaseDate": release,
        })  # fmt: skip
        ids["investigation"] = investigation
        self.create("InvestigationInstrument", {"investigation": investigation, "instrument": instrument})
        (pi,) = self.create("User", {"name": f"simple/{texts['pi.name']}", "fullName": f"Ann {texts['pi.fullName']}"})
        self.create("InvestigationUser", {"investigation": investigation, "user": pi, "role": "PI"})
        (type,) = self.create("SampleType", {"name": texts["sample.type"], "facility": facility, "molecularFormula": "C"})
        (sample,) = self.create("Sample", {"name": texts["sample.name"], "investigation": investigation, "type": type})
        parameter = lambda owner, row, field: {owner: row, "type": self.mode, "stringValue": texts[field]}  # noqa: E731
        self.create("InvestigationParameter", parameter("investigation", investigation, "investigation.parameter"),
                    {"investigation": investigation, "type": self.number, "numericValue": int(texts["investigation.number"])})  # fmt: skip
        self.create("SampleParameter", parameter("sample", sample, "sample.parameter"))
        ids["datasets"], ids["files"] = [], []
        for n in range(PLACES[place]):
            (dataset,) = self.create("Dataset", {
                "name": f"{texts['dataset.name']}-{n}", "description": words(texts["dataset.description"]), "doi": texts["dataset.doi"],
                "investigation": investigation, "type": self.shared["DatasetType"], "sample": sample, "startDate": "2026-01-10T09:00:00Z",
            })  # fmt: skip
            self.create("DatasetTechnique", {"dataset": dataset, "technique": self.shared["Technique"]})
            self.create("DatasetParameter", parameter("dataset", dataset, "dataset.parameter"))
            name = f"{texts['file.name']}-{n}.nxs"
            location = f"data/{texts['file.directory']}/raw/{name}"
            path = self.files / location
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts["file.content"] * 10)
            (file,) = self.create("Datafile", {
                "name": name, "location": location, "description": words(texts["file.description"]), "doi": texts["file.doi"],
                "fileSize": int(texts["file.size"]), "dataset": dataset, "datafileFormat": self.shared["DatafileFormat"],
                "datafileModTime": f"2026-01-10T1{n}:00:00Z",
            })  # fmt: skip
            self.create("DatafileParameter", parameter("datafile", file, "file.parameter"))
            ids["datasets"].append(dataset["id"])
            ids["files"].append(file["id"])

    def wait_for_index(self):
        """All that was written is in the index."""
        counted = {"datafiles": sum(PLACES.values()), "datasets": sum(PLACES.values()), "investigations": len(PLACES)}
        headers = {"Authorization": f"Bearer {self.root}"}

        def is_filled():
            for target, count in counted.items():
                status, _, body = self.request("POST", f"/search/v1/{target}", headers=headers, body={"limit": 1})
                answer = json.loads(body)
                if status != 200 or answer["total"] != count or not answer["isIndexComplete"]:
                    return False
            state = self.json("search", "status")
            return state["waiting_rows"] == 0 and state["waiting_batches"] == 0

        wait_until("everything is in the index", is_filled)

    def read_scans(self):
        """When the rows of each entity were last read; None while they are read or wait for it."""
        self.admin = self.admin or self.login("simple/admin")
        status, _, body = self.request("GET", "/search/v1/index", headers={"Authorization": f"Bearer {self.admin}"})
        assert status == 200, (status, body)
        return {scan["entity"]: scan["finishedAt"] if scan["state"] == "done" else None for scan in json.loads(body)["scans"]}

    def find_texts(self, content):
        """Places and fields whose texts stand in an answer, whatever the case."""
        content = (content if isinstance(content, str) else content.decode(errors="replace")).lower()
        return {(place, field) for place, texts in self.texts.items() for field, text in texts.items() if text in content}

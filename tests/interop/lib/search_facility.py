"""A facility whose catalogue the search reads: three beamtimes with their files, one of them under embargo."""

import datetime
import json

from filled_suite import FilledSuite
from suite import wait_until

PEOPLE = ["root", "alice", "dan"]
RULES = [
    *(
        f"SELECT x FROM {entity} x JOIN x{path}.investigationUsers iu WHERE iu.user.name = :user"
        for entity, path in (("Investigation", ""), ("Dataset", ".investigation"), ("Datafile", ".dataset.investigation"), ("Sample", ".investigation"))
    ),
    *(
        f"SELECT x FROM {entity} x WHERE x{path}.releaseDate < CURRENT_TIMESTAMP"
        for entity, path in (("Investigation", ""), ("Dataset", ".investigation"), ("Datafile", ".dataset.investigation"), ("Sample", ".investigation"))
    ),
    *["Facility", "Instrument", "InvestigationInstrument", "InvestigationType", "DatasetType", "DatafileFormat", "Technique", "DatasetTechnique"],
]
# Name, instrument, type, title, summary, technique, sample, first day, directory, files of each dataset.
BEAMTIMES = [
    ("MX-2417", "ID29", "MX", "Structure of a light-driven proton pump at room temperature",
     "Serial crystallography of bacteriorhodopsin crystals, with lysozyme as a standard.",
     "X-ray crystallography", "Bacteriorhodopsin A8", "2026-11-12", "data/2026/id29/mx2417", 24),
    ("SC-5120", "D22", "SANS", "Lysozyme in deuterated buffer: small-angle neutron scattering",
     "Form factors of lysozyme at three concentrations.",
     "Small-angle scattering", "Lysozyme 10 mg/ml", "2026-10-03", "data/2026/d22/sc5120", 9),
    ("MA-0931", "ID11", "Materials", "Texture of additively manufactured steel after fatigue",
     "Far-field diffraction of 316L specimens after 10⁵ cycles.",
     "X-ray diffraction", "316L specimen 4", "2025-05-20", "data/2025/id11/ma0931", 6),
]  # fmt: skip
LONG_NAME = "a_very_long_file_name_without_any_blank_" * 4 + ".h5"
CONTENT = b"\x89HDF\r\n\x1a\n" + bytes(2000)


class SearchFacility(FilledSuite):
    """alice is a member of the first two, dan nobody; the last one is released."""

    def __init__(self):
        super().__init__()
        (self.dir / "undulator.toml").write_text('[icat]\ntime_zone = "Europe/Paris"\n')
        for name in PEOPLE:
            self.add_user(f"simple/{name}")
        self.env |= {
            "UNDULATOR_SITE": "Institut Example",
            "UNDULATOR_ICAT__READER": f"simple:root:{self.passwords['simple/root']}",
            "UNDULATOR_HTTP__LIMITS__RATE": "0",
        }

    def fill(self):
        self.root = self.login("simple/root")
        _, alice, _ = self.create("User", *({"name": f"simple/{name}", "fullName": f"{name.title()} Example"} for name in PEOPLE))
        (self.src,) = self.create("Facility", {"name": "SRC"})
        of_facility = lambda name: {"name": name, "facility": self.src}  # noqa: E731
        self.raw, processed = self.create("DatasetType", of_facility("raw"), of_facility("processed"))
        nexus, hdf5, log = self.create("DatafileFormat", *({**of_facility(name), "version": "1"} for name in ("NeXus", "HDF5", "log")))
        self.create("Rule", *({"crudFlags": "R", "what": what} for what in RULES))
        self.investigations, self.files_of = {}, {}
        for name, instrument, kind, title, summary, technique, sample, day, directory, count in BEAMTIMES:
            (instrument,) = self.create("Instrument", of_facility(instrument))
            (kind,) = self.create("InvestigationType", of_facility(kind))
            start = datetime.datetime.fromisoformat(f"{day}T08:00:00+00:00")
            at = lambda hours: (start + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
            released = name.startswith("MA")
            (investigation,) = self.create("Investigation", {
                "name": name, "visitId": "1", "title": title, "summary": summary, "facility": self.src, "type": kind,
                "startDate": at(0), "endDate": at(72), "releaseDate": "2026-01-01T00:00:00Z" if released else "2035-01-01T00:00:00Z",
                "doi": "10.5072/ma-0931" if released else None,
            })  # fmt: skip
            self.investigations[name] = investigation["id"]
            self.create("InvestigationInstrument", {"investigation": investigation, "instrument": instrument})
            if not released:
                self.create("InvestigationUser", {"investigation": investigation, "user": alice, "role": "PI"})
            (technique,) = self.create("Technique", {"name": technique, "pid": f"PaNET:{technique[:5]}"})
            (sample,) = self.create("Sample", {"name": sample, "investigation": investigation})
            for folder, type, format, ending in (("raw", self.raw, nexus, "nxs"), ("processed", processed, hdf5, "h5")):
                (dataset,) = self.create("Dataset", {
                    "name": f"{sample_name(name)}_{folder}", "investigation": investigation, "type": type, "sample": sample,
                    "description": f"{folder.title()} data of {name}", "startDate": at(2), "endDate": at(9),
                })  # fmt: skip
                self.create("DatasetTechnique", {"dataset": dataset, "technique": technique})
                files = []
                for n in range(1, count + 1):
                    file = f"scan_{n:04}.{ending}"
                    location = f"{directory}/{folder}/{file}"
                    files.append({
                        "name": file, "location": location, "fileSize": 48_000_000 * n + 1_234_567, "dataset": dataset,
                        "datafileFormat": format, "datafileModTime": at(2 + n / 4),
                        "description": f"Rotation of the lysozyme standard, {n} of {count}" if n % 5 == 2 else None,
                    })  # fmt: skip
                files.append({"name": f"{folder}.log", "location": f"{directory}/{folder}/{folder}.log", "fileSize": len(CONTENT),
                              "dataset": dataset, "datafileFormat": log, "datafileModTime": at(9)})  # fmt: skip
                for file in files:
                    path = self.files / file["location"]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(CONTENT)
                created = self.create("Datafile", *files)
                self.files_of[name, folder] = [row["id"] for row in created]
                self.dataset = dataset
        wait_until("all files are in the index", lambda: self.count_files() == sum(map(len, self.files_of.values())))

    def count_files(self):
        headers = {"Authorization": f"Bearer {self.root}"}
        status, _, body = self.request("POST", "/search/v1/datafiles", headers=headers, body={"limit": 1})
        return json.loads(body)["total"] if status == 200 else None

    def add_file(self, name, location):
        before = self.count_files()
        self.create("Datafile", {"name": name, "location": location, "dataset": self.dataset})
        wait_until(f"{name} is in the index", lambda: self.count_files() == before + 1)


def sample_name(investigation):
    return {"MX-2417": "a8", "SC-5120": "lysozyme", "MA-0931": "316l"}[investigation]

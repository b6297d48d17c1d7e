"""The catalogue that is measured: users, instruments, investigations of five datasets with 100 datafiles each, parameters, and
the rules of the demo facility. As a dump for `undulator icat import`, and as requests to any server with ICAT's interface."""

import random
from xml.sax.saxutils import escape

PER_DATASET, DATASETS = 100, 5
PER_INVESTIGATION = PER_DATASET * DATASETS
PER_FILE = 1_000_000  # A dump larger than this is imported in parts.
USERS, INSTRUMENTS, NEW = 200, 10, 100
MEMBER = "db/member"
RULES = [
    *[("R", kind) for kind in ["Facility", "Instrument", "InvestigationType", "DatasetType", "ParameterType", "DatafileFormat"]],
    ("R", "User [name = :user]"),
    ("R", "InstrumentScientist <-> User [name = :user]"),
    ("R", "Investigation <-> InvestigationUser <-> User [name = :user]"),
    ("R", "Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]"),
    ("CR", "Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]"),
    *[("R", f"SELECT o FROM {kind} o JOIN o.{path}investigationInstruments ii JOIN ii.instrument.instrumentScientists s "
            "WHERE s.user.name = :user") for kind, path in
      [("Investigation", ""), ("Dataset", "investigation."), ("Datafile", "dataset.investigation.")]],
    *[("R", f"SELECT o FROM {kind} o WHERE o.{path}releaseDate < CURRENT_TIMESTAMP") for kind, path in
      [("Investigation", ""), ("Dataset", "investigation."), ("Datafile", "dataset.investigation.")]],
]
ALL_RULES_END = "</data></icatdata>\n"


def record(kind, key, parts="", **fields):
    values = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())
    return f'<{kind} id="{key}">{values}{parts}</{kind}>\n'


def ref(kind, key):
    return f'<{kind} ref="{key}"/>'


def quoted(text):
    """A value within a key, in the format of python-icat."""
    return "".join(c if c.isalnum() and c.isascii() else f"={ord(c):02X}" for c in text)


def dump(out, first, last):
    """Writes the datafiles from `first` to `last` (exclusive) with everything they refer to. Returns the number of new rows."""
    facility = "Facility_name-F"
    inner = "facility-(name-F)"
    out.write('<?xml version="1.0" encoding="utf-8"?>\n<icatdata><data>\n')
    common = [record("facility", facility, name="F", fullName="Facility", daysUntilRelease=1095)]
    names = [MEMBER] + [f"db/user{n:03}" for n in range(USERS)]
    users = [f"User_name-{quoted(name)}" for name in names]
    common += [record("user", key, name=name, fullName=name) for key, name in zip(users, names)]
    of = ref("facility", facility)
    for n in range(INSTRUMENTS):
        scientists = "".join(f"<instrumentScientists>{ref('user', users[1 + n * 3 + k])}</instrumentScientists>" for k in range(3))
        common.append(record("instrument", f"Instrument_{inner}_name-ID{n:02}", of + scientists, name=f"ID{n:02}"))
    for kind in ["InvestigationType", "DatasetType"]:
        common.append(record(kind[0].lower() + kind[1:], f"{kind}_{inner}_name-raw", of, name="raw"))
    common.append(record("datafileFormat", f"DatafileFormat_{inner}_name-HDF5_version-1", of, name="HDF5", version="1"))
    for name in ["energy", "exposure", "temperature"]:
        flags = {"applicableToDataset": "true", "applicableToDatafile": "true"}
        key = f"ParameterType_{inner}_name-{name}_units-SI"
        common.append(record("parameterType", key, of, name=name, units="SI", valueType="NUMERIC", **flags))
    out.write("".join(common))
    rows = 0
    if first == 0:
        rows += len(common) + 3 * INSTRUMENTS + len(RULES)
        out.write("".join(record("rule", f"Rule_{n:08}", crudFlags=flags, what=what) for n, (flags, what) in enumerate(RULES)))
    numbers = range(first // PER_INVESTIGATION, last // PER_INVESTIGATION)
    for n in numbers:
        year = 2000 + n % 26
        members = [users[0]] if n % 20 == 0 else []
        members += [users[1 + (n * 7 + k * 31) % USERS] for k in range(4)]
        parts = of + ref("type", f"InvestigationType_{inner}_name-raw")
        parts += "".join(f"<investigationUsers><role>Member</role>{ref('user', user)}</investigationUsers>" for user in members)
        instrument = ref("instrument", f"Instrument_{inner}_name-ID{n % INSTRUMENTS:02}")
        parts += f"<investigationInstruments>{instrument}</investigationInstruments>"
        released = year + 3 if n % 50 == 7 else 2099
        fields = {"name": f"MX-{n}", "visitId": "1", "title": f"Crystals of the kind {n} at low dose",
                  "startDate": f"{year}-01-12T08:00:00+00:00", "releaseDate": f"{min(released, 2020) if released < 2099 else 2099}-01-01T00:00:00+00:00"}
        out.write(record("investigation", f"Investigation_{inner}_name-MX=2D{n}_visitId-1", parts, **fields))
        rows += 2 + len(members)
    for n in numbers:
        investigation = f"Investigation_{inner}_name-MX=2D{n}_visitId-1"
        for d in range(DATASETS):
            parts = ref("investigation", investigation) + ref("type", f"DatasetType_{inner}_name-raw")
            for p, name in enumerate(["energy", "exposure", "temperature"]):
                kind = ref("type", f"ParameterType_{inner}_name-{name}_units-SI")
                parts += f"<parameters><numericValue>{n + d / 10 + p}</numericValue>{kind}</parameters>"
            out.write(record("dataset", f"{inside(inner, n, d)}", parts, name=f"scan-{d:03}", complete="true",
                             location=f"MX-{n}/scan-{d:03}", startDate="2026-01-12T08:00:00+00:00"))
            rows += 4
    form = ref("datafileFormat", f"DatafileFormat_{inner}_name-HDF5_version-1")
    for n in numbers:
        lines = []
        for d in range(DATASETS):
            dataset = inside(inner, n, d)
            short = dataset.split("_", 1)[1]
            parts = ref("dataset", dataset) + form
            for f in range(PER_DATASET):
                lines.append(
                    f'<datafile id="Datafile_dataset-({short})_name-frame=5F{f:04}=2Eh5"><name>frame_{f:04}.h5</name>'
                    f"<location>MX-{n}/scan-{d:03}/frame_{f:04}.h5</location><fileSize>{4_000_000 + f}</fileSize>"
                    f"<checksum>{(n * 500 + f) * 2654435761 % 2**32:x}</checksum>"
                    f"<datafileModTime>2026-01-12T09:{f % 60:02}:00+00:00</datafileModTime>{parts}</datafile>\n"
                )
        out.write("".join(lines))
        rows += PER_INVESTIGATION
    out.write(ALL_RULES_END)
    return rows


def inside(inner, n, d):
    return f"Dataset_investigation-({inner}_name-MX=2D{n}_visitId-1)_name-scan=2D{d:03}"


FACILITY = "undulator-bench"


def load_by_requests(root, member_name, size, say=print):
    """Creates the same catalogue on any server, one investigation per request, unless it is there already."""
    assert size % PER_INVESTIGATION == 0, f"sizes are multiples of {PER_INVESTIGATION}"
    present = root.search("SELECT COUNT(f) FROM Datafile f")[0]
    if root.search(f"SELECT f.id FROM Facility f WHERE f.name = '{FACILITY}'"):
        assert present == size, f"{root.url} has a catalogue of {present:,} datafiles from an earlier run"
        return
    assert present == 0, f"{root.url} has {present:,} datafiles already; use an empty server"

    def create(kind, **fields):
        return {"id": root.create([{kind: fields}])[1][0]}

    facility = create("Facility", name=FACILITY, fullName="Facility", daysUntilRelease=1095)
    present_users = dict(root.search("SELECT u.name, u.id FROM User u"))
    users = [{"id": present_users[name]} if name in present_users else create("User", name=name, fullName=name)
             for name in [member_name] + [f"db/user{n:03}" for n in range(USERS)]]
    instruments = []
    for n in range(INSTRUMENTS):
        scientists = [{"user": users[1 + n * 3 + k]} for k in range(3)]
        instruments.append(create("Instrument", name=f"ID{n:02}", facility=facility, instrumentScientists=scientists))
    investigation_type, dataset_type = (create(kind, name="raw", facility=facility) for kind in ["InvestigationType", "DatasetType"])
    form = create("DatafileFormat", name="HDF5", version="1", facility=facility)
    types = [create("ParameterType", name=name, units="SI", valueType="NUMERIC", facility=facility, applicableToDataset=True,
                    applicableToDatafile=True) for name in ["energy", "exposure", "temperature"]]
    known = {(rule["Rule"]["crudFlags"], rule["Rule"]["what"]) for rule in root.search("SELECT r FROM Rule r")}
    for flags, what in RULES:
        if (flags, what) not in known:
            create("Rule", crudFlags=flags, what=what)
    for n in range(size // PER_INVESTIGATION):
        if n % 50 == 0:
            say(f"{root.url}: {n * PER_INVESTIGATION:,} of {size:,} datafiles created", flush=True)
        year = 2000 + n % 26
        members = [users[0]] if n % 20 == 0 else []
        members += [users[1 + (n * 7 + k * 31) % USERS] for k in range(4)]
        root.create([{"Investigation": {
            "name": f"MX-{n}", "visitId": "1", "title": f"Crystals of the kind {n} at low dose", "facility": facility, "type": investigation_type,
            "startDate": f"{year}-01-12T08:00:00.000Z", "releaseDate": f"{min(year + 3, 2020) if n % 50 == 7 else 2099}-01-01T00:00:00.000Z",
            "investigationUsers": [{"role": "Member", "user": user} for user in members],
            "investigationInstruments": [{"instrument": instruments[n % INSTRUMENTS]}],
            "datasets": [{
                "name": f"scan-{d:03}", "complete": True, "location": f"MX-{n}/scan-{d:03}", "startDate": "2026-01-12T08:00:00.000Z",
                "type": dataset_type, "parameters": [{"numericValue": n + d / 10 + p, "type": kind} for p, kind in enumerate(types)],
                "datafiles": [{
                    "name": f"frame_{f:04}.h5", "location": f"MX-{n}/scan-{d:03}/frame_{f:04}.h5", "fileSize": 4_000_000 + f,
                    "checksum": f"{(n * 500 + f) * 2654435761 % 2**32:x}", "datafileModTime": f"2026-01-12T09:{f % 60:02}:00.000Z",
                    "datafileFormat": form,
                } for f in range(PER_DATASET)],
            } for d in range(DATASETS)],
        }}])


class Picks:
    """Ids of rows that a user may read, from which requests choose."""

    def __init__(self, client, root):
        self.datasets = client.search("SELECT d.id FROM Dataset d ORDER BY d.id LIMIT 0, 5000")
        some = ", ".join(map(str, random.sample(self.datasets, min(50, len(self.datasets)))))
        self.datafiles = client.search(f"SELECT f.id FROM Datafile f WHERE f.dataset.id IN ({some})")
        self.investigations = client.search("SELECT i.id FROM Investigation i ORDER BY i.id LIMIT 0, 1000")
        member = "SELECT MAX(d.id) FROM Dataset d WHERE d.investigation.name = 'MX-0'"
        # A dataset into which the member may write.
        self.target = root.search(member)[0]

"""Datafiles as icat.server 6.2 sends them, in directories like those of a synchrotron."""

FILES_PER_DATASET, DATASETS_PER_VISIT = 250, 8
VISIT_FILES = FILES_PER_DATASET * DATASETS_PER_VISIT
BEAMLINES = ["i03", "i04", "i11", "i22", "b21", "p06", "p11", "id13"]
FORMATS = [("NeXus", "nxs"), ("HDF5", "h5"), ("TIFF", "tif"), ("CBF", "cbf")]
EPOCH = 1_700_000_000_000


def datafile(number):
    visit, file = divmod(number, VISIT_FILES)
    dataset, frame = divmod(file, FILES_PER_DATASET)
    beamline, year = BEAMLINES[visit % len(BEAMLINES)], 2010 + visit // 50 % 16
    kind, ending = FORMATS[dataset % len(FORMATS)]
    proposal, name = f"mx{10_000 + visit}-1", f"scan_{dataset:03}_{frame:05}.{ending}"
    folder = ["raw", "processed"][dataset % 2]
    return {
        "name": name, "location": f"/facility/{beamline}/data/{year}/{proposal}/{folder}/dataset_{dataset:03}/{name}",
        "fileSize": 1_000_000 + number % 5_000, "fileCount": 1, "date": EPOCH + number * 1_000, "id": number + 1,
        "datafileFormat.name": kind, "datafileFormat.id": 1 + dataset % len(FORMATS),
        "dataset.id": 1 + visit * DATASETS_PER_VISIT + dataset, "dataset.name": f"dataset_{dataset:03}",
        "sample.name": f"lysozyme {visit % 97}", "sample.id": 1 + visit, "sample.investigation.id": 1 + visit,
        "investigation.id": 1 + visit, "investigation.name": proposal, "visitId": "1",
        "investigation.startDate": EPOCH + visit * 1_000,
    }


def searches(files):
    """Name and query; `files` is the number of datafiles."""
    visit = files // VISIT_FILES // 2
    example = datafile(visit * VISIT_FILES)
    directory = example["location"].rsplit("/", 2)[0]
    return {
        "directory": {"text": f'location:"{directory}"'},
        "beamline and year": {"text": f"location:/facility/i22/data/2012/**"},
        "directory and ending": {"text": f"location:{directory}/**/*.nxs"},
        "ending": {"text": "location:*.cbf"},
        "part of a name": {"text": "location:*n_003_0012*"},
        "name": {"text": "scan_001_00017.h5"},
        "two words": {"text": f"+{example['investigation.name']} +nexus"},
        "beginning of a name": {"text": "name:scan_002_000*"},
        "format": {"filter": {"datafileFormat.name": "TIFF"}},
        "size": {"filter": {"fileSize": {"from": 1_000_100, "to": 1_000_200}}},
        "everything": {},
    }

"""A facility for tests of downloads: one investigation, and datasets of whatever files a test puts into the storage."""

import json
import os
import zlib

from filled_suite import FilledSuite

# Before today, so that validators are strong.
MTIME = 1_700_000_000


class Facility(FilledSuite):
    """A running suite whose root user also is its reader account and administrator."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments)
        # First, so that the account goes into the database that they name.
        self.env |= {name: str(value) for name, value in settings.items()}
        self.add_user("simple/root")
        self.env |= {
            "UNDULATOR_STORAGE__MAIN__READ_ONLY": "false",
            "UNDULATOR_ICAT__READER": f"simple:root:{self.passwords['simple/root']}",
            "UNDULATOR_IDENTITY__ADMINISTRATORS": '["simple/root"]',
            "UNDULATOR_HTTP__LIMITS__RATE": "0",
        }

    def fill(self):
        """What every datafile needs above it."""
        self.root = self.login("simple/root")
        self.facility = self.create("Facility", name="SUN")
        kind = self.create("InvestigationType", name="MX", facility={"id": self.facility})
        self.kind = self.create("DatasetType", name="raw", facility={"id": self.facility})
        self.format = self.create("DatafileFormat", name="any", version="1", facility={"id": self.facility})
        self.investigation = self.create(
            "Investigation", name="MX-1", visitId="1", title="t", type={"id": kind}, facility={"id": self.facility}
        )

    def create(self, entity, **members):
        return self.create_all(entity, [members])[0]

    def create_all(self, entity, rows):
        ids = []
        for at in range(0, len(rows), 1000):
            entities = json.dumps([{entity: row} for row in rows[at : at + 1000]])
            form = {"sessionId": self.root, "entities": entities}
            status, _, body = self.request("POST", "/icat/entityManager", form=form)
            assert status == 200, (entity, status, body)
            ids += json.loads(body)
        return ids

    def dataset(self, name):
        return self.create(
            "Dataset", name=name, investigation={"id": self.investigation}, type={"id": self.kind}, complete=True
        )

    def put_files(self, dataset, files, checksums=True):
        """Files as (name in the catalogue, location, bytes or a size of zeros); the ids of their datafiles."""
        rows = []
        for name, location, content in files:
            path = self.files / location
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, int):
                with path.open("wb") as file:
                    file.truncate(content)
                size, checksum = content, None
            else:
                path.write_bytes(content)
                size, checksum = len(content), f"{zlib.crc32(content):x}"
            os.utime(path, (MTIME, MTIME))
            row = {"name": name, "location": location, "fileSize": size, "dataset": {"id": dataset}}
            if checksums and checksum is not None:
                row["checksum"] = checksum
            rows.append(row)
        return self.create_all("Datafile", rows)

    def prepare(self, **parameters):
        form = {"sessionId": self.root, **parameters}
        status, _, body = self.request("POST", "/ids/prepareData", form=form)
        assert status == 200, (status, body)
        return body.decode()

    def data(self, query, method="GET", **headers):
        return self.request(method, "/ids/getData", query, headers={k.replace("_", "-"): v for k, v in headers.items()})

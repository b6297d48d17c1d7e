"""Writes to the catalogue through every kill of the server: files, datasets, samples, investigations and parameters."""

import http.client
import json
import random
import threading
import urllib.parse
from collections import Counter


class Writer(threading.Thread):
    """Changes rows of its own, and forgets those whose state it does not know after a kill."""

    def __init__(self, facility, number, seed):
        super().__init__(daemon=True)
        self.facility, self.number, self.random = facility, number, random.Random(f"{seed}/{number}")
        self.ended, self.outcomes, self.failure = threading.Event(), Counter(), None
        self.counter, self.connection = 0, None
        # Files by dataset, and investigations with their samples.
        self.files, self.samples = {}, {}

    def run(self):
        acts = {
            self.create_files: 6, self.change_files: 6, self.delete_files: 3, self.create_dataset: 2, self.change_dataset: 2,
            self.move_dataset: 2, self.delete_dataset: 1, self.change_investigation: 1, self.change_sample: 1, self.create_investigation: 1,
            self.create_parameters: 2,
        }  # fmt: skip
        try:
            while not self.ended.is_set():
                (act,) = self.random.choices([*acts], acts.values())
                try:
                    act()
                    self.outcomes[act.__name__] += 1
                except (OSError, http.client.HTTPException):
                    self.outcomes["not acknowledged"] += 1
                    self.connection = None
                    # The server is down; it says when it is up again.
                    self.facility.up.wait()
        except Exception as e:
            self.failure = f"{type(e).__name__}: {e}"

    def send(self, method, entities):
        """The ids of what was created; 200 or 204, whatever came before."""
        self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.facility.public, timeout=60)
        form = urllib.parse.urlencode({"sessionId": self.facility.root, "entities": json.dumps(entities)})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if method == "DELETE":
            self.connection.request(method, f"/icat/entityManager?{form}")
        else:
            self.connection.request(method, "/icat/entityManager", form, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 204), (method, entities, answer.status, text)
        return json.loads(text) if answer.status == 200 else None

    def text(self):
        self.counter += 1
        return f"w{self.number}n{self.counter}"

    def choose_dataset(self):
        return self.random.choice([*self.files]) if self.files else self.create_dataset()

    def build_file(self):
        text = self.text()
        return {
            "name": f"{text}.nxs", "location": f"data/w{self.number}/{self.random.randrange(5)}/{text}.nxs", "description": f"lysozyme {text}",
            "fileSize": self.random.randrange(10**6),
        }  # fmt: skip

    def create_files(self):
        dataset = self.choose_dataset()
        files = [{"Datafile": {**self.build_file(), "dataset": {"id": dataset}}} for _ in range(self.random.choice([1, 3, 20]))]
        self.files[dataset] += self.send("POST", files)

    def change_files(self):
        dataset = self.choose_dataset()
        chosen = self.random.sample(self.files[dataset], min(len(self.files[dataset]), self.random.choice([1, 1, 10])))
        if chosen:
            self.send("POST", [{"Datafile": {"id": id, **self.build_file()}} for id in chosen])

    def delete_files(self):
        dataset = self.choose_dataset()
        chosen = self.random.sample(self.files[dataset], min(len(self.files[dataset]), self.random.choice([1, 3])))
        self.files[dataset] = [id for id in self.files[dataset] if id not in chosen]
        if chosen:
            self.send("DELETE", [{"Datafile": {"id": id}} for id in chosen])

    def create_dataset(self):
        investigation = self.random.choice([*self.samples]) if self.samples else self.create_investigation()
        sample = self.samples[investigation]
        new = {"name": self.text(), "investigation": {"id": investigation}, "sample": {"id": sample}, "type": self.facility.raw}
        (dataset,) = self.send("POST", [{"Dataset": new}])
        self.files[dataset] = []
        return dataset

    def change_dataset(self):
        self.send("POST", [{"Dataset": {"id": self.choose_dataset(), "name": self.text(), "description": f"crystal {self.counter}"}}])

    def move_dataset(self):
        """With its files, to another investigation and its sample."""
        dataset = self.choose_dataset()
        investigation = self.random.choice([*self.samples])
        moved = {"id": dataset, "name": self.text(), "investigation": {"id": investigation}, "sample": {"id": self.samples[investigation]}}
        self.send("POST", [{"Dataset": moved}])

    def delete_dataset(self):
        """And what belongs to it."""
        dataset = self.choose_dataset()
        del self.files[dataset]
        self.send("DELETE", [{"Dataset": {"id": dataset}}])

    def create_investigation(self):
        name = self.text()
        new = {
            "name": name, "visitId": "1", "title": f"About {name}", "facility": self.facility.src, "type": self.facility.kind,
            "startDate": "2026-01-10T08:00:00Z", "releaseDate": "2099-01-01T00:00:00Z",
        }  # fmt: skip
        (investigation,) = self.send("POST", [{"Investigation": new}])
        (sample,) = self.send("POST", [{"Sample": {"name": self.text(), "investigation": {"id": investigation}}}])
        self.samples[investigation] = sample
        return investigation

    def change_investigation(self):
        if self.samples:
            text = self.text()
            self.send("POST", [{"Investigation": {"id": self.random.choice([*self.samples]), "name": text, "title": f"About {text}"}}])

    def change_sample(self):
        if self.samples:
            self.send("POST", [{"Sample": {"id": self.random.choice([*self.samples.values()]), "name": self.text()}}])

    def create_parameters(self):
        dataset = self.choose_dataset()
        chosen = self.random.sample(self.files[dataset], min(len(self.files[dataset]), 3))
        rows = [{"DatafileParameter": {"datafile": {"id": id}, "type": self.facility.modes[self.counter % 20], "stringValue": self.text()}} for id in chosen]
        try:
            if rows:
                self.send("POST", rows)
        except AssertionError as e:
            # A file has one parameter of each type.
            if "already" not in str(e).lower():
                raise

"""The requests that are measured, for one user of one server."""

import itertools
import random

from facility import NEW

DATASET = "SELECT f FROM Datafile f WHERE f.dataset.id = {} INCLUDE f.dataset.investigation, f.datafileFormat"
COUNT = "SELECT COUNT(f) FROM Datafile f"
NEWEST = "SELECT f FROM Datafile f ORDER BY f.modTime DESC, f.id DESC LIMIT 0, 50"
NAMES = "SELECT f.name FROM Datafile f LIMIT 0, 1000"
DATAFILES = "SELECT f FROM Datafile f LIMIT 0, 1000"
PATH = " FROM Datafile f WHERE f.dataset.investigation.id = {}"
BY_PATH = {"count over a path": "SELECT COUNT(f)" + PATH, "sum over a path": "SELECT SUM(f.fileSize)" + PATH}


def questions(client, root, picks, who):
    """The name of each request, and a call that returns its milliseconds."""
    numbers = itertools.count()

    def search(query, ids=None):
        return lambda: client.get(query=query.format(random.choice(ids)) if ids else query)[0]

    def create(rows):
        def call():
            number = next(numbers)
            elapsed, ids = client.create([{"Datafile": {
                "name": f"new-{who}-{number}-{k}", "location": f"x/{number}-{k}", "fileSize": 1, "dataset": {"id": picks.target},
            }} for k in range(rows)])
            # Removing the rows is not part of the measurement.
            root.delete("Datafile", ids)
            return elapsed

        return call

    return {
        "get by id": lambda: client.get(query="Datafile", id=random.choice(picks.datafiles))[0],
        "datafiles of a dataset": search(DATASET, picks.datasets),
        **{name: search(query, picks.investigations) for name, query in BY_PATH.items()},
        "count": search(COUNT),
        "newest 50": search(NEWEST),
        "1,000 names": search(NAMES),
        "1,000 datafiles": search(DATAFILES),
        "create 1": create(1),
        f"create {NEW}": create(NEW),
    }


def fixed_requests(picks):
    """Queries of requests that many clients send at the same time."""
    return {
        "get by id": {"query": "Datafile", "id": picks.datafiles[0]},
        "datafiles of a dataset": {"query": DATASET.format(picks.datasets[0])},
        **{name: {"query": query.format(picks.investigations[0])} for name, query in BY_PATH.items()},
        "count": {"query": COUNT},
        "newest 50": {"query": NEWEST},
        "1,000 names": {"query": NAMES},
        "1,000 datafiles": {"query": DATAFILES},
    }

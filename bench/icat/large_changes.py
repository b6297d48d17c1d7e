"""Changes that concern very many rights at once, and how long a reader waits meanwhile."""

import threading
import time

from client import Client
from facility import MEMBER, record, ref
from measuring import percentile

GRANTED, RELEASED = 20_000, 5_000
PAGE = 2_000
# As many ids as the line of a request holds.
DELETED = 500
VISIBLE = "SELECT COUNT(i) FROM Investigation i"
PATHS = ["InvestigationUser <-> User", "InvestigationGroup <-> Grouping <-> UserGroup <-> User"]
RULES = [f"Investigation <-> {path} [name = :user]" for path in PATHS]
RULES.append("SELECT o FROM Investigation o WHERE o.releaseDate < CURRENT_TIMESTAMP")


def dump(out):
    """A facility with GRANTED investigations of one group, which nobody is in."""
    facility, kind, group = "Facility_name-F", "InvestigationType_facility-(name-F)_name-raw", "Grouping_name-staff"
    out.write('<?xml version="1.0" encoding="utf-8"?>\n<icatdata><data>\n')
    out.write(record("facility", facility, name="F"))
    out.write(record("user", "User_name-m", name=MEMBER))
    out.write(record("grouping", group, name="staff"))
    out.write(record("investigationType", kind, ref("facility", facility), name="raw"))
    for n, rule in enumerate(RULES):
        out.write(record("rule", f"Rule_{n:08}", crudFlags="R", what=rule))
    for n in range(GRANTED):
        parts = ref("facility", facility) + ref("type", kind)
        parts += f"<investigationGroups><role>staff</role>{ref('grouping', group)}</investigationGroups>"
        out.write(record("investigation", f"Investigation_{n}", parts, name=f"MX-{n}", visitId="1", title="t",
                         releaseDate="2099-01-01T00:00:00+00:00"))
    out.write("</data></icatdata>\n")


def list_ids(client, kind):
    ids = []
    while page := client.search(f"SELECT o.id FROM {kind} o ORDER BY o.id LIMIT {len(ids)}, {PAGE}"):
        ids += page
    return ids


class Reader(threading.Thread):
    """Asks for a count all the time."""

    def __init__(self, client):
        super().__init__()
        self.client, self.milliseconds, self.is_over = client, [], False

    def run(self):
        while not self.is_over:
            self.milliseconds.append(self.client.get(query=VISIBLE)[0])


def measure_large_changes(suite, engine):
    file = suite.dir / "facility.xml"
    with file.open("w") as out:
        dump(out)
    suite.run("icat", "import", file)
    engine.settle()
    for account in ["simple/root", MEMBER]:
        suite.add_user(account)
    suite.start()
    root, member = (Client(suite.url, suite.login(account)) for account in ["simple/root", MEMBER])
    other = Client(suite.url, member.session)
    user, group = (root.search(f"SELECT o.id FROM {kind} o")[0] for kind in ["User", "Grouping"])
    ids = list_ids(root, "Investigation")

    def change(name, items, visible):
        reader = Reader(other)
        reader.start()
        started = time.perf_counter()
        created = root.create(items)[1]
        took = time.perf_counter() - started
        reader.is_over = True
        reader.join()
        asked, (found,) = member.get(query=VISIBLE)[0], member.search(VISIBLE)
        assert found == visible, (name, found)
        times = reader.milliseconds
        print(f"| {name} | {took:.2f} s | {percentile(times, 0.5):.1f} / {max(times):.0f} | {asked:.1f} |", flush=True)
        return created

    print(f"\n| {engine.name} | time | a reader meanwhile, ms, p50 / most | the next answer, ms |\n|---|---|---|---|")
    joined = change(f"a user joins a group with {GRANTED:,} investigations", [{"UserGroup": {"user": {"id": user}, "grouping": {"id": group}}}], GRANTED)
    root.delete("UserGroup", joined)
    members = [{"InvestigationUser": {"role": "Member", "user": {"id": user}, "investigation": {"id": number}}} for number in ids]
    change(f"a user becomes a member of {GRANTED:,} investigations", members, GRANTED)
    numbers = list_ids(root, "InvestigationUser")
    for first in range(0, len(numbers), DELETED):
        root.delete("InvestigationUser", numbers[first : first + DELETED])
    released = [{"Investigation": {"id": number, "releaseDate": "2020-01-01T00:00:00.000+00:00"}} for number in ids[:RELEASED]]
    change(f"{RELEASED:,} investigations are released", released, RELEASED)

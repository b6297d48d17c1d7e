"""Queries that portals send for whoever has logged in, and what a facility made by `undulator setup` should answer."""

MINE = "SELECT DISTINCT i FROM Investigation i JOIN i.investigationUsers iu JOIN iu.user u WHERE u.name = :user"
MINE_CLASSIC = "Investigation <-> InvestigationUser <-> User [name = :user]"
ON_MY_INSTRUMENTS = (
    "SELECT DISTINCT i FROM Investigation i JOIN i.investigationInstruments ii JOIN ii.instrument inst "
    "JOIN inst.instrumentScientists s WHERE s.user.name = :user"
)
ALL = (
    "SELECT i FROM Investigation i ORDER BY i.startDate DESC, i.name INCLUDE i.facility, i.type, "
    "i.investigationInstruments.instrument, i.investigationUsers.user, i.parameters.type, i.samples.type, i.keywords, "
    "i.publications, i.shifts, i.investigationFacilityCycles.facilityCycle, i.studyInvestigations.study LIMIT 0, 50"
)
DATASETS = "SELECT d FROM Dataset d JOIN d.investigation i WHERE i.name = '{}' ORDER BY d.name INCLUDE d.type, d.parameters.type, d.sample"
FILES = "SELECT COUNT(f) FROM Datafile f JOIN f.dataset d JOIN d.investigation i WHERE i.name = '{}'"
SIZE = "SELECT SUM(f.fileSize) FROM Datafile f WHERE f.dataset.investigation.name = '{}'"
TEAM = "SELECT u.name FROM User u JOIN u.investigationUsers iu WHERE iu.investigation.name = '{}' ORDER BY u.name"
CONTACTS = (
    "SELECT DISTINCT s.user.name FROM InstrumentScientist s LEFT JOIN s.instrument.investigationInstruments ii "
    "WHERE ii.investigation.name = '{}'"
)
MYSELF = "select user.fullName from User user where user.name = :user"
MY_GROUPS = "SELECT g.grouping.name FROM UserGroup g WHERE g.user.name = :user"
AM_I_SCIENTIST = (
    "SELECT user.name FROM User user WHERE user.name = :user AND EXISTS "
    "(SELECT o FROM InstrumentScientist o WHERE o.instrument.name = '{}' AND o.user = user)"
)
LISTS = ["Facility", "Instrument", "InvestigationType", "DatasetType", "ParameterType"]


def sort_names(rows):
    """Of investigations or datasets."""
    return sorted(next(iter(row.values()))["name"] for row in rows)

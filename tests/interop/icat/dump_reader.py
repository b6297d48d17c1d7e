"""python-icat's own readers of dumps, without a server: the types of entities come from the schema, and what a reference
names must have been read before."""

from types import SimpleNamespace

import suds.sudsobject
from icat.entities import getTypeMap
from icat.exception import SearchResultError

from icat import dumpfile, dumpfile_xml, dumpfile_yaml  # noqa: F401  (each registers its format)
from suite import entity_kinds


class Offline:
    """As much of a client as the readers need."""

    apiversion = "6.2.0"

    def __init__(self):
        self.schema = {kind["name"]: kind for kind in entity_kinds()}
        self.known = {}
        self.typemap = getTypeMap(self)

    def getEntityNames(self):
        return list(self.schema)

    def getEntityInfo(self, name):
        kind = self.schema.get(name, {"fields": [], "one": [], "many": [], "unique": []})
        relations = [
            *(("ATTRIBUTE", {**field, "type": field.get("type", "String")}) for field in kind["fields"]),
            *(("ONE", {**one, "type": one["target"]}) for one in kind["one"]),
            *(("MANY", {**many, "type": many["target"]}) for many in kind["many"]),
        ]
        fields = [Field(name=f["name"], relType=relation, type=f["type"]) for relation, f in relations]
        constraints = [{"fieldNames": kind["unique"][0] if kind["unique"] else ["id"]}]
        return SimpleNamespace(fields=fields, constraints=constraints, classComment="")

    def new(self, what):
        if what is None:
            return None
        if isinstance(what, str):
            cls = self.typemap[what.lower()]
            what = suds.sudsobject.Factory.object(cls.getInstanceName())
        return self.typemap[what.__class__.__name__](self, what)

    def searchUniqueKey(self, key, objindex):
        found = objindex.get(key) or self.known.get(key)
        if found is None:
            raise SearchResultError(f"{key} has not been read before")
        return found

    def autoRefresh(self):
        pass


class Field(SimpleNamespace):
    def __getitem__(self, name):
        return getattr(self, name)


def read_dump(path, form):
    """The rows of a dump: kind -> {key: content}; rows without a unique key under numbers of their own."""
    client = Offline()
    names, rows = {}, {}

    def row_content(row):
        found = {name: str(getattr(row, name)) for name in row.InstAttr if name != "id" and getattr(row, name, None) is not None}
        for name in row.InstRel:
            instance = getattr(row.instance, name, None)
            if instance is not None:
                found[name] = names[id(instance)]
        for name in row.InstMRel:
            parts = [row_content(client.new(part)) for part in getattr(row.instance, name, [])]
            if parts:
                found[name] = sorted(parts, key=repr)
        return found

    with dumpfile.open_dumpfile(client, path, form, "r") as dump:
        for chunk in dump.getdata():
            for key, row in dump.getobjs_from_data(chunk, client.known):
                client.known[key] = row
                names[id(row.instance)] = key
                assert key not in rows.setdefault(row.BeanName, {}), key
                rows[row.BeanName][key] = row_content(row)
    return rows

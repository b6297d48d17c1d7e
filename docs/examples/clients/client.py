"""Log in, search the catalogue, read and write a logbook, upload a file, attach a file, and download.

    client.py URL PLUGIN/NAME INVESTIGATION     (the password is in the environment variable PASSWORD)
"""

import io
import os
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from undulator_client import AuthenticatedClient, Client
from undulator_client.api.auth import auth_create_session
from undulator_client.api.download import download_get_data, download_put_data
from undulator_client.api.icat import icat_search_entities
from undulator_client.api.logbook import (
    logbook_create_entry,
    logbook_export_eln,
    logbook_list_entries,
    logbook_upload_file,
)
from undulator_client.models import (
    AuthSession,
    AuthSessionCredentials,
    DownloadStored,
    IcatSearchForm,
    LogbookCategory,
    LogbookEntry,
    LogbookEntryType,
    LogbookListEntriesSortBy,
    LogbookNewEntry,
    LogbookNewEntryContent,
    LogbookUploadForm,
)
from undulator_client.types import File, Response

T = TypeVar("T")


def required(answer: Response[Any], kind: type[T]) -> T:
    """The result of an operation; exits with the message of the server if there is none."""
    if not isinstance(answer.parsed, kind):
        raise SystemExit(f"{answer.status_code}: {answer.content.decode(errors='replace')}")
    return answer.parsed


url, account, investigation_name = sys.argv[1:4]
plugin, username = account.split("/")
password = os.environ["PASSWORD"]

credentials = AuthSessionCredentials(plugin=plugin, username=username, password=password)
session = required(auth_create_session.sync_detailed(client=Client(url), body=credentials), AuthSession)
client = AuthenticatedClient(url, token=session.session_id)
print(f"logged in as {session.full_name}")

quoted_name = investigation_name.replace("'", "''")
query = f"SELECT i.id FROM Investigation i WHERE i.name = '{quoted_name}'"
found = icat_search_entities.sync_detailed(client=client, body=IcatSearchForm(query=query))
(investigation,) = required(found, list)

text = LogbookNewEntryContent(format_="plainText", text="Beam back after the refill")
entry = LogbookNewEntry(type_=LogbookEntryType.ANNOTATION, category=LogbookCategory.COMMENT, content=[text])
written = required(
    logbook_create_entry.sync_detailed("-", client=client, investigation_id=investigation, body=entry), LogbookEntry
)
file = File(payload=io.BytesIO(b"x,y\n1,2\n"), file_name="scan.csv", mime_type="text/csv")
attached = required(
    logbook_upload_file.sync_detailed(
        "-", client=client, investigation_id=investigation, body=LogbookUploadForm(file=file)
    ),
    LogbookEntry,
)
newest = logbook_list_entries.sync_detailed(
    "-", client=client, investigation_id=investigation, sort_by=LogbookListEntriesSortBy.CREATEDAT, limit=2
)
ids = [entry.field_id for entry in required(newest, list)]
print(f"wrote {written.field_id} and {attached.field_id}; newest: {', '.join(ids)}")

data = required(download_get_data.sync_detailed(client=client, investigation_ids=str(investigation)), File)
Path("data.zip").write_bytes(data.payload.read())
eln = logbook_export_eln.sync_detailed("-", client=client, investigation_id=investigation)
Path("logbook.eln").write_bytes(required(eln, File).payload.read())

# Users who may write to the catalogue may also upload files.
if "--store" in sys.argv:
    ids_of = "SELECT ds.id, f.id FROM Dataset ds, DatafileFormat f WHERE ds.investigation.id = {}"
    rows = icat_search_entities.sync_detailed(client=client, body=IcatSearchForm(query=ids_of.format(investigation)))
    dataset, file_format = required(rows, list)[0]
    body = File(payload=io.BytesIO(b"1 2 3\n"))
    stored = download_put_data.sync_detailed(
        client=client, body=body, name="reduced.txt", dataset_id=dataset, datafile_format_id=file_format
    )
    assert stored.status_code == HTTPStatus.CREATED, stored.content
    print(f"stored {required(stored, DownloadStored).location}")

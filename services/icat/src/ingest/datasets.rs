//! Datasets and datafiles as rows.

use std::collections::HashMap;

use service_kit::{DbError, Micros, Tx, Val};

use super::catalogue::{IngestCatalogue, fill_values, find_entity, find_or_create_row, update_row};
use super::gone_files::count_left_behind;
use super::scan::{Dataset, File, LeftOut, Tree};
use super::{IngestError, Options};
use crate::error::Error;
use crate::store::entities::{self, NewRow};

pub const FIND_DATASET: &str = "SELECT id, location FROM dataset WHERE investigation_id = $1 AND name = $2";
pub const LIST_FILES: &str =
    "SELECT id, name, location, filesize, datafilemodtime, checksum FROM datafile WHERE dataset_id = $1";

/// The stored state of a dataset.
#[derive(Default)]
pub struct Catalogued {
    /// `None` if a dry run would create it.
    pub id: Option<i64>,
    /// By name.
    pub files: HashMap<String, KnownFile>,
}

/// A datafile that is already catalogued.
pub struct KnownFile {
    pub id: i64,
    pub location: Option<String>,
    size: Option<i64>,
    modified_at: Option<Micros>,
    checksum: Option<String>,
}

impl KnownFile {
    /// Whether the file on disk is unchanged, by its size and modification time.
    pub fn is_current(&self, file: &File) -> bool {
        self.checksum.is_some()
            && self.size == i64::try_from(file.size).ok()
            && self.modified_at == Some(file.modified_at)
            && self.location.as_deref() == Some(&file.location)
    }
}

/// A file to be stored, with the id of its row if it has one.
#[derive(Clone, Copy)]
pub enum FileChange<'f> {
    New(&'f File),
    Updated(i64, &'f File),
    Repointed(i64, &'f File),
}

impl<'f> FileChange<'f> {
    pub fn file(&self) -> &'f File {
        match self {
            Self::New(file) | Self::Updated(_, file) | Self::Repointed(_, file) => file,
        }
    }

    fn id(&self) -> Option<i64> {
        match self {
            Self::New(_) => None,
            Self::Updated(id, _) | Self::Repointed(id, _) => Some(*id),
        }
    }
}

/// What to do with the row of a dataset.
enum RowChange {
    Create,
    Keep(i64),
    SetLocation(i64),
}

/// A dataset of the same name at another location.
struct OtherLocation {
    id: i64,
    location: String,
}

impl IngestCatalogue<'_> {
    /// Finds or creates the dataset and lists its datafiles; the inner error says why it is left out.
    pub async fn prepare_dataset(
        &self,
        investigation: Option<i64>,
        dataset: &Dataset,
        tree: &Tree,
    ) -> Result<Result<Catalogued, LeftOut>, IngestError> {
        let Some(investigation) = investigation else { return Ok(Ok(Catalogued::default())) };
        let found = if self.options.dry_run {
            match find_row_change(&mut self.db.read().await?, investigation, dataset, self.options).await? {
                Ok(RowChange::Create) => return Ok(Ok(Catalogued::default())),
                Ok(RowChange::Keep(id) | RowChange::SetLocation(id)) => Ok(id),
                Err(elsewhere) => Err(elsewhere),
            }
        } else {
            self.create_or_update_dataset(investigation, dataset).await?
        };
        match found {
            Ok(id) => Ok(Ok(Catalogued { id: Some(id), files: self.list_files(id).await? })),
            Err(elsewhere) => {
                let files = self.list_files(elsewhere.id).await?;
                let left = count_left_behind(tree, &dataset.location, &files);
                Ok(Err(refuse_dataset(dataset, &elsewhere.location, (left, files.len()))))
            }
        }
    }

    async fn create_or_update_dataset(
        &self,
        investigation: i64,
        dataset: &Dataset,
    ) -> Result<Result<i64, OtherLocation>, IngestError> {
        let author = self.new_author();
        let entity = find_entity("Dataset")?;
        let done = author
            .run_transaction(self.db, &self.outbox, async |tx| {
                let location = ("location", Val::from(&dataset.location));
                match find_row_change(tx, investigation, dataset, self.options).await? {
                    Err(elsewhere) => Ok(Err(elsewhere)),
                    Ok(RowChange::Keep(id)) => Ok(Ok(id)),
                    Ok(RowChange::SetLocation(id)) => {
                        update_row(tx, &author, entity, id, vec![location]).await?;
                        Ok(Ok(id))
                    }
                    Ok(RowChange::Create) => {
                        let kind = self.find_or_create_dataset_type(tx, &author, investigation).await?;
                        let name = ("name", Val::from(&dataset.name));
                        let values = [name, ("investigation", investigation.into()), ("type", kind.into()), location];
                        Ok::<_, Error>(Ok(find_or_create_row(tx, &author, entity, &values).await?))
                    }
                }
            })
            .await?;
        Ok(done)
    }

    async fn find_or_create_dataset_type(
        &self,
        tx: &mut Tx,
        author: &crate::store::Author,
        investigation: i64,
    ) -> Result<i64, Error> {
        let entity = find_entity("Investigation")?;
        let stored = entities::get_by_id(tx, entity, investigation).await?;
        let stored = stored.ok_or_else(|| Error::entity_not_found(entity.name, investigation))?;
        let facility = entities::value_index(entity, "facility").and_then(|at| stored.values.get(at)).cloned();
        let facility = facility.ok_or_else(|| Error::entity_not_found("Facility", 0))?;
        let values = [("name", Val::from(&self.options.dataset_type)), ("facility", facility)];
        find_or_create_row(tx, author, find_entity("DatasetType")?, &values).await
    }

    /// The datafiles of a dataset, by name.
    pub async fn list_files(&self, dataset: i64) -> Result<HashMap<String, KnownFile>, IngestError> {
        let rows = self.db.read().await?.fetch_all(LIST_FILES, &[dataset.into()]).await?;
        let known = rows.iter().map(|row| {
            let known = KnownFile {
                id: row.get("id")?,
                location: row.get("location")?,
                size: row.get("filesize")?,
                modified_at: row.get("datafilemodtime")?,
                checksum: row.get("checksum")?,
            };
            Ok::<_, DbError>((row.get("name")?, known))
        });
        Ok(known.collect::<Result<_, _>>()?)
    }

    /// Stores files and their checksums in one transaction.
    pub async fn store_files(&self, dataset: i64, changes: &[(FileChange<'_>, u32)]) -> Result<(), IngestError> {
        let entity = find_entity("Datafile")?;
        let new = changes.iter().filter(|(change, _)| change.id().is_none()).count();
        let author = self.new_author();
        author
            .run_transaction(self.db, &self.outbox, async |tx| {
                let mut ids = tx.allocate_ids(new).await?.into_iter();
                let mut rows = Vec::with_capacity(new);
                for (change, crc) in changes {
                    let values = datafile_values(dataset, change.file(), *crc);
                    match change.id() {
                        Some(id) => update_row(tx, &author, entity, id, values).await?,
                        None => rows.extend(ids.next().map(|id| NewRow { id, values: fill_values(entity, &values) })),
                    }
                }
                entities::insert_rows(tx, entity, rows, &author).await?;
                Ok::<_, Error>(())
            })
            .await?;
        Ok(())
    }
}

async fn find_row_change(
    tx: &mut Tx,
    investigation: i64,
    dataset: &Dataset,
    options: &Options,
) -> Result<Result<RowChange, OtherLocation>, DbError> {
    let Some(row) = tx.fetch_optional(FIND_DATASET, &[investigation.into(), Val::from(&dataset.name)]).await? else {
        return Ok(Ok(RowChange::Create));
    };
    let (id, location): (i64, Option<String>) = (row.get("id")?, row.get("location")?);
    Ok(match location.as_deref().map(|location| location.trim_matches('/')) {
        Some(location) if location == dataset.location => Ok(RowChange::Keep(id)),
        None | Some("") => Ok(RowChange::SetLocation(id)),
        Some(_) if options.repoint => Ok(RowChange::SetLocation(id)),
        Some(location) => Err(OtherLocation { id, location: location.to_owned() }),
    })
}

/// Reports how many files are still at the old location: then the data has not moved, and two directories have one name.
fn refuse_dataset(dataset: &Dataset, location: &str, (left, all): (usize, usize)) -> LeftOut {
    let reason = format!(
        "the dataset {} of this investigation lies in {location} already, where {left} of its {all} catalogued files still \
         are; ingest a directory whose datasets have other names. --repoint lets the dataset point here: only if the data \
         has moved",
        dataset.name
    );
    LeftOut { path: dataset.path.display().to_string(), reason }
}

fn datafile_values(dataset: i64, file: &File, crc: u32) -> Vec<(&'static str, Val)> {
    vec![
        ("name", Val::from(&file.name)),
        ("location", Val::from(&file.location)),
        ("fileSize", Val::I64(i64::try_from(file.size).ok())),
        ("datafileModTime", Val::from(file.modified_at)),
        ("checksum", Val::from(format!("{crc:x}"))),
        ("dataset", Val::from(dataset)),
    ]
}

//! Datasets and datafiles as rows.

use std::collections::HashMap;

use events::Outbox;
use icat_client::schema::{self, Entity};
use service_kit::{Db, DbError, Tx, Val};

use super::scan::{Dataset, File};
use super::{IngestError, Options};
use crate::error::Error;
use crate::store::Author;
use crate::store::entities::{self, NewRow, place};
use crate::write::check;

pub const FIND_INVESTIGATION: &str = "SELECT i.id, i.facility_id, i.visit_id, f.name AS facility FROM investigation i \
     JOIN facility f ON f.id = i.facility_id WHERE i.name = $1 ORDER BY i.id";
pub const KNOWN_FILES: &str =
    "SELECT id, name, location, filesize, datafilemodtime, checksum FROM datafile WHERE dataset_id = $1";
pub const DATASET_TOTALS: &str = "SELECT CAST(COALESCE(SUM(filesize), 0) AS BIGINT) AS bytes, COUNT(id) AS files \
     FROM datafile WHERE dataset_id = $1";
pub const INVESTIGATION_TOTALS: &str = "SELECT CAST(COALESCE(SUM(filesize), 0) AS BIGINT) AS bytes, \
     CAST(COALESCE(SUM(filecount), 0) AS BIGINT) AS files FROM dataset WHERE investigation_id = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 4] = [FIND_INVESTIGATION, KNOWN_FILES, DATASET_TOTALS, INVESTIGATION_TOTALS];

pub struct Catalogue<'a> {
    pub db: &'a Db,
    /// Tells others what is new.
    pub outbox: Outbox,
    /// Microseconds UTC.
    pub at: i64,
    pub options: &'a Options,
}

/// Where the datasets go.
pub struct Target {
    investigation: i64,
    dataset_type: i64,
}

/// A datafile that is stored already.
pub struct Known {
    id: i64,
    location: Option<String>,
    size: Option<i64>,
    modified: Option<i64>,
    checksum: Option<String>,
}

impl Known {
    /// Whether the file on disk is the one that was catalogued, as far as its size and time tell.
    pub fn is_current(&self, file: &File) -> bool {
        self.checksum.is_some()
            && self.size == i64::try_from(file.size).ok()
            && self.modified == Some(file.modified)
            && self.location.as_deref() == Some(&file.location)
    }
}

impl Catalogue<'_> {
    fn author(&self) -> Author {
        Author::new(&self.options.user_name, self.at)
    }

    /// Finds the investigation, and finds or makes the dataset type.
    pub async fn target(&self) -> Result<Target, IngestError> {
        let options = self.options;
        let name = &options.investigation;
        let mut found = Vec::new();
        for row in self.db.read().await?.all(FIND_INVESTIGATION, &[name.into()]).await? {
            let (visit, facility): (String, String) = (row.get("visit_id")?, row.get("facility")?);
            let asked = |wanted: &Option<String>, has: &str| wanted.as_ref().is_none_or(|wanted| wanted == has);
            if asked(&options.visit, &visit) && asked(&options.facility, &facility) {
                found.push((row.get::<i64>("id")?, row.get::<i64>("facility_id")?));
            }
        }
        let (investigation, facility) = match found.as_slice() {
            [one] => *one,
            [] => {
                return Err(IngestError::Usage(format!(
                    "there is no investigation {name} with this visit and facility"
                )));
            }
            _ => {
                return Err(IngestError::Usage(format!(
                    "several investigations are named {name}: say --visit and --facility"
                )));
            }
        };
        let author = self.author();
        let dataset_type = author
            .transaction(self.db, &self.outbox, async |tx| {
                let values = [("name", Val::from(&options.dataset_type)), ("facility", facility.into())];
                self.find_or_create(tx, &author, kind("DatasetType")?, &values).await
            })
            .await?;
        Ok(Target { investigation, dataset_type })
    }

    /// The id of a dataset, made if it is new, and the datafiles that it has already.
    pub async fn dataset(
        &self,
        target: &Target,
        dataset: &Dataset,
    ) -> Result<(i64, HashMap<String, Known>), IngestError> {
        let author = self.author();
        let id = author
            .transaction(self.db, &self.outbox, async |tx| {
                let values = [
                    ("name", Val::from(&dataset.name)),
                    ("investigation", target.investigation.into()),
                    ("type", target.dataset_type.into()),
                    ("location", Val::from(&dataset.location)),
                ];
                self.find_or_create(tx, &author, kind("Dataset")?, &values).await
            })
            .await?;
        let rows = self.db.read().await?.all(KNOWN_FILES, &[id.into()]).await?;
        let known = rows.iter().map(|row| {
            let known = Known {
                id: row.get("id")?,
                location: row.get("location")?,
                size: row.get("filesize")?,
                modified: row.get("datafilemodtime")?,
                checksum: row.get("checksum")?,
            };
            Ok::<_, DbError>((row.get("name")?, known))
        });
        Ok((id, known.collect::<Result<_, _>>()?))
    }

    /// Stores files in one transaction; how many are new, and how many replaced what was known of them.
    pub async fn store(
        &self,
        dataset: i64,
        known: &HashMap<String, Known>,
        files: &[(&File, u32)],
    ) -> Result<(usize, usize), IngestError> {
        let entity = kind("Datafile")?;
        let values = |file: &File, crc: u32| {
            vec![
                ("name", Val::from(&file.name)),
                ("location", Val::from(&file.location)),
                ("fileSize", Val::I64(i64::try_from(file.size).ok())),
                ("datafileModTime", Val::from(file.modified)),
                ("checksum", Val::from(format!("{crc:x}"))),
                ("dataset", Val::from(dataset)),
            ]
        };
        let (changed, new): (Vec<_>, Vec<_>) = files.iter().partition(|(file, _)| known.contains_key(&file.name));
        let counts = (new.len(), changed.len());
        let author = self.author();
        author
            .transaction(self.db, &self.outbox, async |tx| {
                let ids = tx.allocate_ids(new.len()).await?;
                let mut rows = Vec::with_capacity(new.len());
                for (id, (file, crc)) in ids.into_iter().zip(&new) {
                    rows.push(NewRow { id, values: filled(entity, &values(file, *crc)) });
                }
                entities::insert(tx, entity, &rows, &author).await?;
                for (file, crc) in &changed {
                    if let Some(known) = known.get(&file.name) {
                        let changes: Vec<(usize, Val)> = values(file, *crc)
                            .into_iter()
                            .filter_map(|(name, val)| Some((place(entity, name)?, val)))
                            .collect();
                        entities::update(tx, entity, known.id, &changes, &author).await?;
                    }
                }
                Ok::<_, Error>(())
            })
            .await?;
        Ok(counts)
    }

    /// Brings size and number of files of a dataset up to date.
    pub async fn totals(&self, dataset: i64) -> Result<(), IngestError> {
        self.sum(kind("Dataset")?, dataset, DATASET_TOTALS).await
    }

    pub async fn investigation_totals(&self, target: &Target) -> Result<(), IngestError> {
        self.sum(kind("Investigation")?, target.investigation, INVESTIGATION_TOTALS).await
    }

    async fn sum(&self, entity: &'static Entity, id: i64, sql: &str) -> Result<(), IngestError> {
        let author = self.author();
        author
            .transaction(self.db, &self.outbox, async |tx| {
                let row = tx.one(sql, &[id.into()]).await?;
                let totals = [("fileSize", row.get::<i64>("bytes")?), ("fileCount", row.get::<i64>("files")?)];
                let stored = entities::by_id(tx, entity, id).await?.ok_or_else(|| Error::no_such(entity.name, id))?;
                let changes: Vec<(usize, Val)> = totals
                    .into_iter()
                    .filter_map(|(name, total)| Some((place(entity, name)?, Val::from(total))))
                    .filter(|(at, total)| stored.values[*at] != *total)
                    .collect();
                if !changes.is_empty() {
                    entities::update(tx, entity, id, &changes, &author).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
        Ok(())
    }

    async fn find_or_create(
        &self,
        tx: &mut Tx,
        author: &Author,
        entity: &'static Entity,
        values: &[(&str, Val)],
    ) -> Result<i64, Error> {
        let values = filled(entity, values);
        if let Some(id) = entities::find_by_key(tx, entity, &values).await? {
            return Ok(id);
        }
        check::not_null(entity, &values)?;
        check::lengths(entity, &values)?;
        let id = tx.allocate_ids(1).await?.first().copied().unwrap_or_default();
        entities::insert(tx, entity, &[NewRow { id, values }], author).await?;
        Ok(id)
    }
}

fn kind(name: &str) -> Result<&'static Entity, Error> {
    schema::entity(name).ok_or_else(|| Error::BadParameter(format!("{name} is not an ICAT entity")))
}

/// A row's values from some of them; booleans are false.
fn filled(entity: &'static Entity, given: &[(&str, Val)]) -> Vec<Val> {
    let mut values = entities::new_values(entity);
    for (name, val) in given {
        if let Some(at) = place(entity, name) {
            values[at] = val.clone();
        }
    }
    values
}

//! What a caller may read of an entity as a whole, for searches that count and sort rows which the caller may read.

use std::collections::BTreeSet;
use std::sync::Arc;

use icat_client::client::{ReadableAccess, ReadableAnswer};
use roaring::RoaringTreemap;
use service_kit::Problem;

use crate::Identity;
use crate::cache::Principal;
use crate::caller::{Caller, to_session_problem};

/// Which rows of an entity a caller may read.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadableRows {
    All,
    /// The rows from which the path of a list leads to one of its ids.
    Lists {
        lists: Vec<ReadableList>,
        /// How the lists relate to what the catalogue lets the caller read.
        completeness: Completeness,
    },
}

/// How lists relate to what the catalogue lets a caller read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// The lists are what the caller may read.
    Exact,
    /// The caller may read all rows of the lists, and perhaps others.
    Partial,
    /// The caller may not read all rows of the lists; each must be looked up with the caller's session.
    Unchecked,
}

/// Rows that decide about others.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadableList {
    /// The relations from a row to the one that decides, such as `dataset` and `investigation`; none if the row itself does.
    pub path: Vec<String>,
    pub ids: Arc<RoaringTreemap>,
}

impl Identity {
    /// What a caller may read of an entity, at the moment of the request.
    ///
    /// The embedded catalogue answers this itself (`GET /icat/readable/{entity}`) for the caller's session; an unchanged answer
    /// is not sent again. For an icat.server, which cannot, and for callers without a session the answer is all that belongs to
    /// the investigations of [`Self::find_visible_investigations`]. With a session, rows of other entities must then still be
    /// looked up ([`Completeness::Unchecked`]), because ICAT's rules may hide files of an investigation that they show.
    pub async fn find_readable_rows(&self, caller: &Caller, entity: &'static str) -> Result<ReadableRows, Problem> {
        if let (Some(session), Some(hash)) = (caller.session(), caller.session_hash()) {
            let key = (Principal::from(hash), entity);
            let known = self.0.caches.readable_rows.get(&key);
            let etag = known.as_ref().map(|known| known.etag.as_str());
            let answer = self.0.icat.find_readable_rows(session.expose(), entity, etag).await;
            match (answer.map_err(to_session_problem)?, known) {
                (ReadableAnswer::Unchanged, Some(known)) => return Ok(known.rows.clone()),
                (ReadableAnswer::Found(found), _) => {
                    let etag = found.etag.clone();
                    let rows = ReadableRows::from_answer(found);
                    if let Some(etag) = etag {
                        self.0.caches.readable_rows.insert(key, KnownRows { etag, rows: rows.clone() });
                    }
                    return Ok(rows);
                }
                // Without a tag, the client takes it for an error.
                (ReadableAnswer::Unsupported | ReadableAnswer::Unchanged, _) => {}
            }
        }
        let visible = self.find_visible_investigations(caller).await?;
        let Some(path) = find_path_to_investigation(entity) else { return Ok(ReadableRows::nothing()) };
        let path = path.iter().map(|step| (*step).to_owned()).collect();
        let lists = vec![ReadableList { path, ids: Arc::clone(&visible.investigations) }];
        let completeness = match caller.session() {
            Some(_) if entity != "Investigation" => Completeness::Unchecked,
            _ => Completeness::Exact,
        };
        Ok(ReadableRows::Lists { lists, completeness })
    }
}

/// An answer of the catalogue with the tag by which it says that nothing has changed.
#[derive(Debug, Clone)]
pub struct KnownRows {
    pub etag: String,
    pub rows: ReadableRows,
}

impl KnownRows {
    /// The memory that it takes, about.
    pub fn estimate_bytes(&self) -> usize {
        let lists = match &self.rows {
            ReadableRows::All => &[][..],
            ReadableRows::Lists { lists, .. } => lists,
        };
        lists.iter().map(|list| list.ids.serialized_size()).sum()
    }
}

impl ReadableRows {
    fn from_answer(answer: icat_client::client::ReadableRows) -> Self {
        match answer.access {
            ReadableAccess::All => Self::All,
            ReadableAccess::None => Self::nothing(),
            ReadableAccess::Rows => {
                let lists = answer.rows.into_iter().map(|rows| ReadableList {
                    path: rows.path.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect(),
                    ids: Arc::new(rows.ids),
                });
                let completeness = if answer.complete { Completeness::Exact } else { Completeness::Partial };
                Self::Lists { lists: lists.collect(), completeness }
            }
        }
    }

    /// No row.
    pub fn nothing() -> Self {
        Self::Lists { lists: Vec::new(), completeness: Completeness::Exact }
    }
}

impl Identity {
    /// Those of the rows that the caller's session may read; none without a session.
    pub async fn list_readable_ids(
        &self,
        caller: &Caller,
        entity: &str,
        ids: &[i64],
    ) -> Result<BTreeSet<i64>, Problem> {
        let Some(session) = caller.session() else { return Ok(BTreeSet::new()) };
        let readable = self.0.icat.list_readable_ids(session.expose(), entity, ids).await;
        Ok(readable.map_err(to_session_problem)?.into_iter().collect())
    }
}

/// The relations from a row to its investigation.
fn find_path_to_investigation(entity: &str) -> Option<&'static [&'static str]> {
    Some(match entity {
        "Investigation" => &[],
        "Dataset"
        | "Sample"
        | "InvestigationUser"
        | "InvestigationInstrument"
        | "InvestigationFacilityCycle"
        | "InvestigationParameter" => &["investigation"],
        "Datafile" | "DatasetParameter" | "DatasetTechnique" => &["dataset", "investigation"],
        "DatafileParameter" => &["datafile", "dataset", "investigation"],
        "SampleParameter" => &["sample", "investigation"],
        _ => return None,
    })
}

//! What a caller may have, asked of ICAT with the caller's own session.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use icat_client::client::Filter;
use icat_client::{IcatClient, IcatError, QueryError, Select};
use serde_json::Value;
use service_kit::{Code, Problem};

use crate::error::{no_location, not_found, of_icat};

/// A datafile with a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datafile {
    pub id: i64,
    pub name: String,
    pub location: String,
    /// As the catalogue has it.
    pub size: Option<i64>,
    pub checksum: Option<String>,
    /// Facility, investigation, visit and dataset.
    pub folders: Arc<[String; 4]>,
}

/// Ids as the caller gave them.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    pub investigations: Vec<i64>,
    pub datasets: Vec<i64>,
    pub datafiles: Vec<i64>,
}

impl Wanted {
    /// The datafile, if it is one alone.
    pub fn single(&self) -> Option<i64> {
        match (self.investigations.as_slice(), self.datasets.as_slice(), self.datafiles.as_slice()) {
            ([], [], [id]) => Some(*id),
            _ => None,
        }
    }

    /// Nothing is wanted, so nobody need be asked.
    pub fn is_empty(&self) -> bool {
        self.investigations.is_empty() && self.datasets.is_empty() && self.datafiles.is_empty()
    }
}

/// Ids without those that were seen before, in their order.
fn distinct(ids: &[i64]) -> Vec<i64> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}

const COLUMNS: [&str; 6] = ["id", "name", "location", "fileSize", "checksum", "dataset.id"];

struct Row {
    id: i64,
    name: String,
    location: Option<String>,
    size: Option<i64>,
    checksum: Option<String>,
    dataset: i64,
}

/// All datafiles of a selection in the order of their ids, each once. Whatever ICAT refuses refuses the whole. Datafiles
/// without location are passed over, but not one that was asked for alone.
pub async fn resolve(icat: &IcatClient, session: &str, wanted: &Wanted) -> Result<Vec<Datafile>, Problem> {
    let mut folders: BTreeMap<i64, Arc<[String; 4]>> = BTreeMap::new();
    let mut rows: BTreeMap<i64, Row> = BTreeMap::new();
    for dataset in datasets(icat, session, wanted).await? {
        folders.insert(dataset, folders_of(icat, session, dataset).await?);
        let select = Select::values("Datafile", &COLUMNS)
            .filter(Filter::eq("dataset.id", dataset))
            .filter(Filter::not_null("location"));
        let mut pages = icat.pages(session, select.build().map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
        while let Some(page) = pages.next_page().await.map_err(of_icat)? {
            for values in &page {
                let row = row(values).map_err(of_icat)?;
                rows.insert(row.id, row);
            }
        }
    }
    for row in datafiles(icat, session, &distinct(&wanted.datafiles)).await? {
        if let std::collections::btree_map::Entry::Vacant(vacant) = folders.entry(row.dataset) {
            vacant.insert(folders_of(icat, session, row.dataset).await?);
        }
        rows.insert(row.id, row);
    }
    if wanted.single().is_some()
        && let Some(row) = rows.values().find(|row| row.location.is_none())
    {
        return Err(no_location(row.id));
    }
    let file = |row: Row| {
        let Row { id, name, location, size, checksum, dataset } = row;
        Some(Datafile { id, name, location: location?, size, checksum, folders: Arc::clone(folders.get(&dataset)?) })
    };
    Ok(rows.into_values().filter_map(file).collect())
}

/// Only whether everything exists and can be read.
pub async fn check(icat: &IcatClient, session: &str, wanted: &Wanted) -> Result<(), IcatError> {
    for (entity, ids) in
        [("Datafile", &wanted.datafiles), ("Dataset", &wanted.datasets), ("Investigation", &wanted.investigations)]
    {
        let ids = distinct(ids);
        let known = existing(icat, session, entity, &ids).await?;
        for id in ids.into_iter().filter(|id| known.binary_search(id).is_err()) {
            icat.get_entity(session, entity, id).await?;
        }
    }
    Ok(())
}

/// Those of the ids that a session can see, ascending.
pub async fn existing(icat: &IcatClient, session: &str, entity: &str, ids: &[i64]) -> Result<Vec<i64>, IcatError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let nonsense = |e: QueryError| IcatError::Nonsense(format!("a query that is not one: {e}"));
    let query = Select::values(entity, &["id"]).build().map_err(nonsense)?;
    let mut pages = icat.pages_by_ids(session, &query, "id", ids).map_err(nonsense)?;
    let mut known = Vec::with_capacity(ids.len());
    while let Some(page) = pages.next_page().await? {
        known.extend(page.iter().filter_map(Value::as_i64));
    }
    known.sort_unstable();
    Ok(known)
}

/// The datasets that were asked for, and those of the investigations.
async fn datasets(icat: &IcatClient, session: &str, wanted: &Wanted) -> Result<Vec<i64>, Problem> {
    let mut all = wanted.datasets.clone();
    for id in distinct(&wanted.investigations) {
        icat.get_entity(session, "Investigation", id).await.map_err(of_icat)?;
        let select = Select::values("Dataset", &["id"]).filter(Filter::eq("investigation.id", id));
        let mut pages = icat.pages(session, select.build().map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
        while let Some(page) = pages.next_page().await.map_err(of_icat)? {
            all.extend(page.iter().filter_map(Value::as_i64));
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

async fn datafiles(icat: &IcatClient, session: &str, ids: &[i64]) -> Result<Vec<Row>, Problem> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Select::values("Datafile", &COLUMNS).build().map_err(|e| wrong(&e))?;
    let mut pages = icat.pages_by_ids(session, &query, "id", ids).map_err(|e| wrong(&e))?;
    let mut rows: BTreeMap<i64, Row> = BTreeMap::new();
    while let Some(page) = pages.next_page().await.map_err(of_icat)? {
        for values in &page {
            let row = row(values).map_err(of_icat)?;
            rows.insert(row.id, row);
        }
    }
    // A list leaves out what is not there and what may not be read; asked for alone, ICAT says which of both.
    if let Some(id) = ids.iter().find(|id| !rows.contains_key(id)) {
        icat.get_entity(session, "Datafile", *id).await.map_err(of_icat)?;
        return Err(not_found(format!("Datafile[id:{id}] is not found")));
    }
    Ok(rows.into_values().collect())
}

fn row(values: &Value) -> Result<Row, IcatError> {
    let text = |at: usize| values[at].as_str().map(str::to_owned);
    let (Some(id), Some(name), Some(dataset)) = (values[0].as_i64(), text(1), values[5].as_i64()) else {
        return Err(IcatError::Nonsense("a row that was not asked for".to_owned()));
    };
    Ok(Row { id, name, location: text(2), size: values[3].as_i64(), checksum: text(4), dataset })
}

/// Facility, investigation and visit must be readable as well, as in ids.server.
async fn folders_of(icat: &IcatClient, session: &str, dataset: i64) -> Result<Arc<[String; 4]>, Problem> {
    let query = "Dataset ds INCLUDE ds.investigation.facility";
    let answer = icat.get_entity(session, query, dataset).await.map_err(of_icat)?;
    let dataset = &answer["Dataset"];
    let investigation = &dataset["investigation"];
    let texts =
        [&investigation["facility"]["name"], &investigation["name"], &investigation["visitId"], &dataset["name"]];
    let texts: Option<Vec<String>> = texts.iter().map(|text| text.as_str().map(str::to_owned)).collect();
    texts.and_then(|texts| <[String; 4]>::try_from(texts).ok()).map(Arc::new).ok_or_else(|| {
        let text = "READ access to the dataset's Investigation or Facility is not allowed.";
        Problem::new(Code::Forbidden, "download/insufficient-privileges", text)
    })
}

fn wrong(e: &QueryError) -> Problem {
    Problem::internal(format!("a query of ours is none: {e}"))
}

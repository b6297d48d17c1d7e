//! Selections: the datafiles that a caller asks for, looked up in ICAT with the session of the caller.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use icat_client::client::Filter;
use icat_client::{IcatClient, IcatError, QueryError, Select};
use serde_json::Value;
use service_kit::Problem;

use crate::error::{dataset_not_readable, from_icat_error, no_location, not_found};

/// A datafile with a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datafile {
    pub id: i64,
    pub name: String,
    pub location: String,
    /// Size according to the catalogue.
    pub size: Option<i64>,
    pub checksum: Option<String>,
    /// Names of facility, investigation, visit and dataset.
    pub folders: Arc<[String; 4]>,
}

/// The ids that a caller sent.
#[derive(Debug, Default, Clone)]
pub struct Selection {
    pub investigations: Vec<i64>,
    pub datasets: Vec<i64>,
    pub datafiles: Vec<i64>,
}

impl Selection {
    /// The datafile, if the selection is just one.
    pub fn single_datafile(&self) -> Option<i64> {
        match (self.investigations.as_slice(), self.datasets.as_slice(), self.datafiles.as_slice()) {
            ([], [], [id]) => Some(*id),
            _ => None,
        }
    }

    /// Whether it has no ids at all.
    pub fn is_empty(&self) -> bool {
        self.investigations.is_empty() && self.datasets.is_empty() && self.datafiles.is_empty()
    }
}

/// Removes duplicates; keeps the order.
fn unique_ids(ids: &[i64]) -> Vec<i64> {
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

/// All datafiles of a selection by their ids, each once. If ICAT refuses one of the rows, the selection is refused.
/// Datafiles without location are left out; a single one is an error.
pub async fn resolve_datafiles(
    icat: &IcatClient,
    session: &str,
    selection: &Selection,
) -> Result<Vec<Datafile>, Problem> {
    let mut folders: BTreeMap<i64, Arc<[String; 4]>> = BTreeMap::new();
    let mut rows: BTreeMap<i64, Row> = BTreeMap::new();
    for dataset in list_dataset_ids(icat, session, selection).await? {
        folders.insert(dataset, get_folder_names(icat, session, dataset).await?);
        let select = Select::values("Datafile", &COLUMNS)
            .filter(Filter::eq("dataset.id", dataset))
            .filter(Filter::not_null("location"));
        let mut pages =
            icat.pages(session, select.build().map_err(|e| query_error(&e))?).map_err(|e| query_error(&e))?;
        while let Some(page) = pages.next_page().await.map_err(from_icat_error)? {
            for values in &page {
                let row = parse_row(values).map_err(from_icat_error)?;
                rows.insert(row.id, row);
            }
        }
    }
    for row in list_datafiles(icat, session, &unique_ids(&selection.datafiles)).await? {
        if let std::collections::btree_map::Entry::Vacant(vacant) = folders.entry(row.dataset) {
            vacant.insert(get_folder_names(icat, session, row.dataset).await?);
        }
        rows.insert(row.id, row);
    }
    if selection.single_datafile().is_some()
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

/// An error unless all rows of a selection exist and are readable.
pub async fn require_readable(icat: &IcatClient, session: &str, selection: &Selection) -> Result<(), IcatError> {
    for (entity, ids) in [
        ("Datafile", &selection.datafiles),
        ("Dataset", &selection.datasets),
        ("Investigation", &selection.investigations),
    ] {
        let ids = unique_ids(ids);
        let known = icat.list_readable_ids(session, entity, &ids).await?;
        for id in ids.into_iter().filter(|id| known.binary_search(id).is_err()) {
            icat.get_entity(session, entity, id).await?;
        }
    }
    Ok(())
}

/// The ids of the datasets of a selection, including those of its investigations.
async fn list_dataset_ids(icat: &IcatClient, session: &str, selection: &Selection) -> Result<Vec<i64>, Problem> {
    let mut all = selection.datasets.clone();
    for id in unique_ids(&selection.investigations) {
        icat.get_entity(session, "Investigation", id).await.map_err(from_icat_error)?;
        let select = Select::values("Dataset", &["id"]).filter(Filter::eq("investigation.id", id));
        let mut pages =
            icat.pages(session, select.build().map_err(|e| query_error(&e))?).map_err(|e| query_error(&e))?;
        while let Some(page) = pages.next_page().await.map_err(from_icat_error)? {
            all.extend(page.iter().filter_map(Value::as_i64));
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

async fn list_datafiles(icat: &IcatClient, session: &str, ids: &[i64]) -> Result<Vec<Row>, Problem> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Select::values("Datafile", &COLUMNS).build().map_err(|e| query_error(&e))?;
    let mut pages = icat.pages_by_ids(session, &query, "id", ids).map_err(|e| query_error(&e))?;
    let mut rows: BTreeMap<i64, Row> = BTreeMap::new();
    while let Some(page) = pages.next_page().await.map_err(from_icat_error)? {
        for values in &page {
            let row = parse_row(values).map_err(from_icat_error)?;
            rows.insert(row.id, row);
        }
    }
    // A list lacks rows that do not exist and rows that are not readable; a single lookup distinguishes them.
    if let Some(id) = ids.iter().find(|id| !rows.contains_key(id)) {
        icat.get_entity(session, "Datafile", *id).await.map_err(from_icat_error)?;
        return Err(not_found(format!("Datafile[id:{id}] is not found")));
    }
    Ok(rows.into_values().collect())
}

fn parse_row(values: &Value) -> Result<Row, IcatError> {
    let text = |at: usize| values[at].as_str().map(str::to_owned);
    let (Some(id), Some(name), Some(dataset)) = (values[0].as_i64(), text(1), values[5].as_i64()) else {
        return Err(IcatError::Nonsense("a row has unexpected columns".to_owned()));
    };
    Ok(Row { id, name, location: text(2), size: values[3].as_i64(), checksum: text(4), dataset })
}

/// Names of the folders of a dataset. Facility and investigation must be readable too, as in ids.server.
async fn get_folder_names(icat: &IcatClient, session: &str, dataset: i64) -> Result<Arc<[String; 4]>, Problem> {
    let query = "Dataset ds INCLUDE ds.investigation.facility";
    let answer = icat.get_entity(session, query, dataset).await.map_err(from_icat_error)?;
    let dataset = &answer["Dataset"];
    let investigation = &dataset["investigation"];
    let texts =
        [&investigation["facility"]["name"], &investigation["name"], &investigation["visitId"], &dataset["name"]];
    let texts: Option<Vec<String>> = texts.iter().map(|text| text.as_str().map(str::to_owned)).collect();
    texts.and_then(|texts| <[String; 4]>::try_from(texts).ok()).map(Arc::new).ok_or_else(dataset_not_readable)
}

fn query_error(e: &QueryError) -> Problem {
    Problem::internal(format!("invalid query: {e}"))
}

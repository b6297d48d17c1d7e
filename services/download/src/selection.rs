//! What a caller may have, asked of ICAT with the caller's own session.

use std::collections::BTreeMap;

use icat_client::{IcatClient, IcatError};
use serde_json::Value;
use service_kit::Problem;

use crate::error::{not_available, of_icat};

/// Datafiles per query; below every server's limit of rows.
const PAGE: usize = 1000;

/// A datafile with a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datafile {
    pub id: i64,
    pub name: String,
    pub location: String,
    /// Facility, investigation, visit and dataset.
    pub folders: [String; 4],
}

/// Ids as the caller gave them.
#[derive(Debug, Default)]
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
}

/// All datafiles of a selection in the order of their ids, each once. Whatever ICAT refuses refuses the whole.
pub async fn resolve(icat: &IcatClient, session: &str, wanted: &Wanted) -> Result<Vec<Datafile>, Problem> {
    let mut files = BTreeMap::new();
    let mut datasets = wanted.datasets.clone();
    for id in &wanted.investigations {
        icat.get(session, "Investigation", *id).await.map_err(of_icat)?;
        datasets.extend(ids(icat, session, *id).await.map_err(of_icat)?);
    }
    for id in datasets {
        let query = "Dataset ds INCLUDE ds.investigation.facility";
        let dataset = icat.get(session, query, id).await.map_err(of_icat)?;
        let folders = folders(&dataset["Dataset"])?;
        for (id, name, location) in datafiles(icat, session, id).await.map_err(of_icat)? {
            files.insert(id, Datafile { id, name, location, folders: folders.clone() });
        }
    }
    for id in &wanted.datafiles {
        let file = datafile(icat, session, *id).await?;
        files.insert(*id, file);
    }
    Ok(files.into_values().collect())
}

async fn datafile(icat: &IcatClient, session: &str, id: i64) -> Result<Datafile, Problem> {
    let query = "Datafile df INCLUDE df.dataset.investigation.facility";
    let answer = icat.get(session, query, id).await.map_err(of_icat)?;
    let file = &answer["Datafile"];
    let location = file["location"].as_str().ok_or_else(|| not_available(id, "it has no location"))?.to_owned();
    let name = file["name"].as_str().unwrap_or_default().to_owned();
    Ok(Datafile { id, name, location, folders: folders(&file["dataset"])? })
}

/// Facility, investigation and visit must be readable as well, as in ids.server.
fn folders(dataset: &Value) -> Result<[String; 4], Problem> {
    let investigation = &dataset["investigation"];
    let texts =
        [&investigation["facility"]["name"], &investigation["name"], &investigation["visitId"], &dataset["name"]];
    let texts: Option<Vec<String>> = texts.iter().map(|text| text.as_str().map(str::to_owned)).collect();
    texts.and_then(|texts| texts.try_into().ok()).ok_or_else(|| {
        let text = "READ access to the dataset's Investigation or Facility is not allowed.";
        Problem::new(service_kit::Code::Forbidden, "download/insufficient-privileges", text)
    })
}

async fn ids(icat: &IcatClient, session: &str, investigation: i64) -> Result<Vec<i64>, IcatError> {
    let mut all: Vec<i64> = Vec::new();
    loop {
        let after = all.last().copied().unwrap_or_default();
        let query = format!(
            "SELECT ds.id FROM Dataset ds WHERE ds.investigation.id = {investigation} AND ds.id > {after} \
             ORDER BY ds.id LIMIT 0, {PAGE}"
        );
        let page = icat.search(session, &query).await?;
        all.extend(page.iter().filter_map(Value::as_i64));
        if page.len() < PAGE {
            return Ok(all);
        }
    }
}

async fn datafiles(icat: &IcatClient, session: &str, dataset: i64) -> Result<Vec<(i64, String, String)>, IcatError> {
    let mut all: Vec<(i64, String, String)> = Vec::new();
    loop {
        let after = all.last().map_or(0, |(id, ..)| *id);
        let query = format!(
            "SELECT df.id, df.name, df.location FROM Datafile df WHERE df.dataset.id = {dataset} \
             AND df.location IS NOT NULL AND df.id > {after} ORDER BY df.id LIMIT 0, {PAGE}"
        );
        let page = icat.search(session, &query).await?;
        for row in &page {
            let (Some(id), Some(name), Some(location)) = (row[0].as_i64(), row[1].as_str(), row[2].as_str()) else {
                return Err(IcatError::Nonsense("a row that was not asked for".to_owned()));
            };
            all.push((id, name.to_owned(), location.to_owned()));
        }
        if page.len() < PAGE {
            return Ok(all);
        }
    }
}

//! Selections of an ids.server, which has no lists: names, sizes and checksums are those of the catalogue.

use icat_client::{IcatClient, Select};
use serde_json::Value;
use service_kit::cli::Failure;

use super::list::{Address, Entry};
use super::names;
use super::report::Failed;
use super::server::{Server, json};
use super::session::Session;

/// The files of a prepared selection, and those of which the catalogue does not say how long they are.
pub async fn list(server: &Server, prepared: &str, session: &Session) -> Result<(Vec<Entry>, Vec<Failed>), Failure> {
    let failed = |e: super::error::GetError| Failure::from_error(&e);
    let url = format!("{}/getDatafileIds?preparedId={prepared}", server.ids);
    let answer = json(server.get_patiently(&url).await.map_err(failed)?).await.map_err(failed)?;
    let ids: Option<Vec<i64>> = answer.and_then(|answer| answer["ids"].as_array()?.iter().map(Value::as_i64).collect());
    let ids = ids.ok_or_else(|| Failure::Failed("the server does not say which files were prepared".to_owned()))?;
    described(session.icat()?, &session.id, &ids).await
}

async fn described(icat: &IcatClient, session: &str, ids: &[i64]) -> Result<(Vec<Entry>, Vec<Failed>), Failure> {
    const COLUMNS: [&str; 9] = [
        "id",
        "name",
        "fileSize",
        "checksum",
        "datafileModTime",
        "dataset.name",
        "dataset.investigation.name",
        "dataset.investigation.visitId",
        "dataset.investigation.facility.name",
    ];
    let query = Select::values("Datafile", &COLUMNS).build().map_err(|e| Failure::from_error(&e))?;
    let pages = icat.pages_by_ids(session, &query, "id", ids).map_err(|e| Failure::from_error(&e))?;
    let rows = pages.collect_rows().await.map_err(|e| Failure::from_error(&e))?;
    let nonsense = || Failure::Failed("the catalogue answers nonsense".to_owned());
    let (mut entries, mut unknown) = (Vec::new(), Vec::new());
    for row in &rows {
        let path = path(row).ok_or_else(nonsense)?;
        match row[2].as_i64().and_then(|size| u64::try_from(size).ok()) {
            Some(size) => entries.push(entry(row, path, size).ok_or_else(nonsense)?),
            None => unknown.push(Failed { path, reason: "the catalogue does not say how long it is".to_owned() }),
        }
    }
    Ok((entries, unknown))
}

fn path(row: &Value) -> Option<String> {
    let text = |at: usize| row[at].as_str();
    let parts = ["ids", text(8)?, text(6)?, text(7)?, text(5)?, text(1)?];
    Some(parts.map(names::cleaned).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
}

fn entry(row: &Value, path: String, size: u64) -> Option<Entry> {
    let text = |at: usize| row[at].as_str();
    // As ids.server calls it, whatever is in the names.
    let member = ["ids", text(8)?, text(6)?, text(7)?, text(5)?, text(1)?].join("/");
    Some(Entry {
        path,
        size,
        modified: text(4).and_then(|time| time.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_second),
        // What ids.server writes; other ways of ingestion put longer ones there.
        crc: text(3).filter(|crc| crc.len() <= 8).and_then(|crc| u32::from_str_radix(crc, 16).ok()),
        address: Address::Datafile(row[0].as_i64()?, member),
        tar_offset: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_of_the_catalogue_makes_a_path_that_stays_below() {
        let row = json!([7, "../logs/a.csv", 5, "ef8d", "2026-01-12T10:00:00.000+01:00", "scan", "MX-1", "1", "SUN"]);
        let file = entry(&row, path(&row).unwrap(), 5).unwrap();
        assert_eq!(file.path, "ids/SUN/MX-1/1/scan/logs/a.csv");
        assert_eq!((file.size, file.crc, file.modified), (5, Some(0xef8d), Some(1_768_208_400)));
        assert!(path(&json!([7, null, 1, null, null, "s", "i", "v", "f"])).is_none());
    }
}

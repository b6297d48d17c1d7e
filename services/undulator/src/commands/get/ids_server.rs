//! Selections of an ids.server, which has no file lists: names, sizes and checksums come from the catalogue.

use icat_client::{IcatClient, Select};
use serde_json::Value;
use service_kit::cli::Failure;

use super::file_list::{FileAddress, FileEntry};
use super::file_names;
use super::report::FailedFile;
use super::server::{Server, parse_json};
use crate::commands::requests::RequestError;
use crate::commands::session::Session;

/// The files of a prepared selection, and those whose size the catalogue does not have.
pub async fn list_files(
    server: &Server,
    prepared: &str,
    session: &Session,
) -> Result<(Vec<FileEntry>, Vec<FailedFile>), Failure> {
    let failed = |e: RequestError| Failure::from_error(&e);
    let url = format!("{}/getDatafileIds?preparedId={prepared}", server.ids);
    let answer = parse_json(server.get_with_retries(&url).await.map_err(failed)?).await.map_err(failed)?;
    let ids: Option<Vec<i64>> = answer.and_then(|answer| answer["ids"].as_array()?.iter().map(Value::as_i64).collect());
    let ids =
        ids.ok_or_else(|| Failure::Failed("the server does not list the files of the prepared selection".to_owned()))?;
    list_datafiles(session.icat()?, &session.id, &ids).await
}

async fn list_datafiles(
    icat: &IcatClient,
    session: &str,
    ids: &[i64],
) -> Result<(Vec<FileEntry>, Vec<FailedFile>), Failure> {
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
    let nonsense = || Failure::Failed("the catalogue sent an invalid answer".to_owned());
    let (mut entries, mut unknown) = (Vec::new(), Vec::new());
    for row in &rows {
        let path = build_path(row).ok_or_else(nonsense)?;
        match row[2].as_i64().and_then(|size| u64::try_from(size).ok()) {
            Some(size) => entries.push(build_entry(row, path, size).ok_or_else(nonsense)?),
            None => unknown.push(FailedFile { path, reason: "the catalogue does not have its size".to_owned() }),
        }
    }
    Ok((entries, unknown))
}

fn build_path(row: &Value) -> Option<String> {
    let text = |at: usize| row[at].as_str();
    let parts = ["ids", text(8)?, text(6)?, text(7)?, text(5)?, text(1)?];
    Some(parts.map(file_names::clean_segment).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
}

fn build_entry(row: &Value, path: String, size: u64) -> Option<FileEntry> {
    let text = |at: usize| row[at].as_str();
    // The path in archives of ids.server, which does not clean names.
    let member = ["ids", text(8)?, text(6)?, text(7)?, text(5)?, text(1)?].join("/");
    Some(FileEntry {
        path,
        size,
        modified: text(4).and_then(|time| time.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_second),
        // ids.server stores CRC-32; other ways of ingestion store longer checksums.
        crc: text(3).filter(|crc| crc.len() <= 8).and_then(|crc| u32::from_str_radix(crc, 16).ok()),
        address: FileAddress::Datafile(row[0].as_i64()?, member),
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
        let file = build_entry(&row, build_path(&row).unwrap(), 5).unwrap();
        assert_eq!(file.path, "ids/SUN/MX-1/1/scan/logs/a.csv");
        assert_eq!((file.size, file.crc, file.modified), (5, Some(0xef8d), Some(1_768_208_400)));
        assert!(build_path(&json!([7, null, 1, null, null, "s", "i", "v", "f"])).is_none());
    }
}

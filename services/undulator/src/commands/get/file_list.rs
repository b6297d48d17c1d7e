//! The files of a selection: the list of the server, or, if the server has no lists, the datafiles of the catalogue.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::file_names;
use super::report::FailedFile;
use super::server::{Server, parse_json};
use crate::commands::requests::{RequestError, sanitize_text};

/// A file that can be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    pub path: String,
    pub size: u64,
    /// Seconds since 1970 UTC.
    pub modified: Option<i64>,
    pub crc: Option<u32>,
    pub address: FileAddress,
    /// Offset of its first byte in the tar.
    pub tar_offset: Option<u64>,
}

/// Where to download a file or an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAddress {
    /// Index in the list; its URL is signed, and renewed when it has expired.
    Listed(usize),
    /// The selection as one archive.
    Archive(&'static str),
    /// The id of a datafile at a server without lists, and its path in archives.
    Datafile(i64, String),
    /// An archive of some of the files, prepared at a server without lists.
    Prepared(String),
}

/// A file in the JSON list of the server.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedFile {
    path: String,
    size: Option<u64>,
    mtime: Option<String>,
    crc32: Option<String>,
    url: Option<String>,
    tar_offset: Option<u64>,
    /// Why the file is missing.
    missing: Option<String>,
}

/// The files of a selection.
#[derive(Debug, Default)]
pub struct FileList {
    pub entries: Vec<FileEntry>,
    pub tokens: Vec<String>,
    /// Files that cannot be downloaded.
    pub missing: Vec<FailedFile>,
}

/// The signed query of the URL of each file. It is used with the server address of the user: behind a proxy, a server may
/// not know its own address, and no other server must receive requests.
pub type Tokens = Mutex<Vec<String>>;

/// Fetches the list; `None` if the server does not have lists.
pub async fn fetch_file_list(server: &Server, prepared: &str) -> Result<Option<FileList>, RequestError> {
    let url = format!("{}/getData?preparedId={prepared}&format=json", server.ids);
    let answer = parse_json(server.get_with_retries(&url).await?).await?;
    answer.map(parse_file_list).transpose()
}

fn parse_file_list(list: Value) -> Result<FileList, RequestError> {
    let unreadable = |e| RequestError::from_error("the file list of the server is invalid", &e);
    let list: Vec<ListedFile> = serde_json::from_value(list).map_err(unreadable)?;
    let FileList { mut entries, mut tokens, mut missing } = FileList::default();
    for (place, listed) in list.into_iter().enumerate() {
        if let Some(reason) = listed.missing {
            let path = listed.path.escape_debug().to_string();
            missing.push(FailedFile { path, reason: sanitize_text(&format!("at the facility: {reason}")) });
            continue;
        }
        let (Some(size), Some(url)) = (listed.size, listed.url) else {
            let text = "the file list of the server has a file without size or URL";
            return Err(RequestError::Failed(text.to_owned()));
        };
        let token = url.split_once('?').map(|(_, query)| query.to_owned());
        tokens.push(token.filter(|query| query.bytes().all(|b| b.is_ascii_graphic())).unwrap_or_default());
        entries.push(FileEntry {
            path: listed.path,
            size,
            modified: listed
                .mtime
                .and_then(|text| text.parse::<jiff::Timestamp>().ok())
                .map(jiff::Timestamp::as_second),
            crc: listed.crc32.and_then(|text| u32::from_str_radix(&text, 16).ok()),
            address: FileAddress::Listed(place),
            tar_offset: listed.tar_offset,
        });
    }
    Ok(FileList { entries, tokens, missing })
}

/// Separates files that must not be written, with the reason for each.
pub fn reject_unsafe_paths(entries: Vec<FileEntry>) -> (Vec<FileEntry>, Vec<(String, String)>) {
    let mut seen = HashSet::with_capacity(entries.len());
    let mut refused = Vec::new();
    let kept = entries.into_iter().filter(|entry| {
        let why = if !file_names::is_safe(&entry.path) {
            "its path is invalid or leads out of the directory"
        } else if !seen.insert(entry.path.clone()) {
            "another file of the selection has the same name"
        } else {
            return true;
        };
        refused.push((entry.path.escape_debug().to_string(), why.to_owned()));
        false
    });
    let kept = kept.collect();
    (kept, refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_signed_query_of_urls_is_used() {
        let list = json!([
            {"id": 1, "path": "ids/a", "size": 3, "mtime": "2026-01-12T09:00:00Z", "crc32": "0000ef8d",
             "url": "http://elsewhere/ids/getData?token=abc", "offset": 30, "tarOffset": 512, "new": true},
            {"path": "../b", "size": 0, "url": "file:///etc/passwd"},
            {"path": "ids/a", "size": 0, "url": "?x y"},
            {"id": 4, "path": "ids/gone", "size": null, "missing": "there is no such file"},
        ]);
        let FileList { entries, tokens, missing } = parse_file_list(list).unwrap();
        assert_eq!(
            (missing[0].path.as_str(), missing[0].reason.as_str()),
            ("ids/gone", "at the facility: there is no such file")
        );
        assert_eq!(tokens, ["token=abc", "", ""]);
        let first = &entries[0];
        assert_eq!((first.size, first.modified, first.crc), (3, Some(1_768_208_400), Some(0xef8d)));
        let (kept, refused) = reject_unsafe_paths(entries);
        assert_eq!(kept.len(), 1);
        assert_eq!(refused.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["../b", "ids/a"]);
        for bad in [json!([{"path": "a"}]), json!([{"path": "a", "size": 1}]), json!({})] {
            assert!(parse_file_list(bad).is_err());
        }
    }
}

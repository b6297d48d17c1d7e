//! What belongs to a selection: the list that the server froze, or, of a server that has no lists, what the catalogue
//! says of the same files.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::error::GetError;
use super::names;
use super::server::{Server, json};

/// A file to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: String,
    pub size: u64,
    /// Seconds since 1970 UTC.
    pub modified: Option<i64>,
    pub crc: Option<u32>,
    pub address: Address,
    /// Of the first byte in the tar.
    pub tar_offset: Option<u64>,
}

/// Where the bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Place in the list; its address is signed, and signed again when it has expired.
    Listed(usize),
    /// The selection as one archive.
    Archive(&'static str),
    /// A datafile by its id, at a server that has no lists.
    Datafile(i64),
}

/// One file as the server lists it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    path: String,
    size: u64,
    mtime: Option<String>,
    crc32: Option<String>,
    url: String,
    tar_offset: Option<u64>,
}

/// The signed part of each file's address. It is used with the server that the user named, whatever the server calls
/// itself: behind a proxy it may not know, and nobody else is to be asked for anything.
pub type Tokens = Mutex<Vec<String>>;

/// Asks for the list; `None` if this server answers with data instead.
pub async fn ask(server: &Server, prepared: &str) -> Result<Option<(Vec<Entry>, Vec<String>)>, GetError> {
    let url = format!("{}/getData?preparedId={prepared}&format=json", server.ids);
    let answer = json(server.get_patiently(&url).await?).await?;
    answer.map(read).transpose()
}

fn read(list: Value) -> Result<(Vec<Entry>, Vec<String>), GetError> {
    let unreadable = |e| GetError::failed("the list of files that the server sends cannot be read", &e);
    let list: Vec<Listed> = serde_json::from_value(list).map_err(unreadable)?;
    let mut tokens = Vec::with_capacity(list.len());
    let mut entries = Vec::with_capacity(list.len());
    for (place, listed) in list.into_iter().enumerate() {
        let token = listed.url.split_once('?').map(|(_, query)| query.to_owned());
        tokens.push(token.filter(|query| query.bytes().all(|b| b.is_ascii_graphic())).unwrap_or_default());
        entries.push(Entry {
            path: listed.path,
            size: listed.size,
            modified: listed
                .mtime
                .and_then(|text| text.parse::<jiff::Timestamp>().ok())
                .map(jiff::Timestamp::as_second),
            crc: listed.crc32.and_then(|text| u32::from_str_radix(&text, 16).ok()),
            address: Address::Listed(place),
            tar_offset: listed.tar_offset,
        });
    }
    Ok((entries, tokens))
}

/// Splits off what must not be written, with the reason for each.
pub fn sifted(entries: Vec<Entry>) -> (Vec<Entry>, Vec<(String, String)>) {
    let mut seen = HashSet::with_capacity(entries.len());
    let mut refused = Vec::new();
    let kept = entries.into_iter().filter(|entry| {
        let why = if !names::is_safe(&entry.path) {
            "its name would lead out of the directory or is no name of a file"
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
    fn a_list_is_read_and_its_addresses_are_only_what_is_signed() {
        let list = json!([
            {"id": 1, "path": "ids/a", "size": 3, "mtime": "2026-01-12T09:00:00Z", "crc32": "0000ef8d",
             "url": "http://elsewhere/ids/getData?token=abc", "offset": 30, "tarOffset": 512, "new": true},
            {"path": "../b", "size": 0, "url": "file:///etc/passwd"},
            {"path": "ids/a", "size": 0, "url": "?x y"},
        ]);
        let (entries, tokens) = read(list).unwrap();
        assert_eq!(tokens, ["token=abc", "", ""]);
        let first = &entries[0];
        assert_eq!((first.size, first.modified, first.crc), (3, Some(1_768_208_400), Some(0xef8d)));
        let (kept, refused) = sifted(entries);
        assert_eq!(kept.len(), 1);
        assert_eq!(refused.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["../b", "ids/a"]);
        assert!(read(json!([{"path": "a"}])).is_err() && read(json!({})).is_err());
    }
}

//! Whether the exported records of a logbook are whole: nothing changed, left out, added or put elsewhere. It needs nothing
//! but the export, and the key of a closed one to know whose signature it has.

use std::io::BufRead;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::chain;
use crate::domain::chain::{Link, RecordKind};
pub use crate::history::signature::PublicKey;
use crate::history::signature::Seal;
use crate::store::logbooks::Record;

/// The first line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub book: String,
    pub records: i64,
    /// The hash of the last record.
    pub head: String,
}

/// A record as a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub n: i64,
    pub kind: String,
    /// Microseconds UTC.
    pub at: i64,
    pub actor: String,
    /// JSON as it was stored, as text, because it is hashed byte by byte.
    pub body: String,
    pub previous: String,
    pub hash: String,
}

impl Line {
    pub fn of(record: &Record) -> Self {
        let Record { n, kind, at, actor, body, previous, hash } = record.clone();
        Self { n, kind, at, actor, body, previous, hash }
    }
}

/// What holds of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    #[serde(flatten)]
    pub head: Head,
    pub closings: Vec<Closing>,
}

/// A record that closed the logbook; everything before it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Closing {
    pub record: i64,
    /// The name of the key.
    pub key: String,
}

/// Keys of which one must have signed, from a JWK set as `GET /logbook/keys` answers it.
pub fn keys(jwks: &str) -> Option<Vec<PublicKey>> {
    let set: serde_json::Value = serde_json::from_str(jwks).ok()?;
    let keys = set["keys"].as_array()?.iter().filter(|key| key["crv"] == "Ed25519");
    Some(keys.filter_map(|key| PublicKey::parse(key["x"].as_str()?)).collect())
}

#[derive(Debug, Error)]
pub enum Broken {
    #[error("line {0} is not of an export of records: {1}")]
    Line(usize, String),
    #[error("record {0} is missing")]
    Missing(i64),
    #[error("record {0} does not follow from the one before it")]
    Link(i64),
    #[error("record {0} has been changed")]
    Hash(i64),
    #[error("the signature of record {0} is not valid")]
    Signature(i64),
    #[error("record {0} is signed with the key {1}, which is none of those given")]
    Key(i64, String),
    #[error("the last record is not the one that the export names")]
    Head,
    #[error("cannot read the export")]
    Read(#[from] std::io::Error),
}

/// What the export holds if everything is whole; else the first thing that is not. With `known`, one of these keys must have
/// signed.
pub fn verify(export: impl BufRead, known: Option<&[PublicKey]>) -> Result<Verified, Broken> {
    let mut closings = Vec::new();
    let mut lines = export.lines().zip(1..);
    let first = lines.next().map(|(line, _)| line).transpose()?.unwrap_or_default();
    let head: Head = serde_json::from_str(&first).map_err(|e| Broken::Line(1, e.to_string()))?;
    let (mut last, mut count) = (String::new(), 0);
    for (line, number) in lines {
        let Line { n, kind, at, actor, body, previous, hash } =
            serde_json::from_str(&line?).map_err(|e| Broken::Line(number, e.to_string()))?;
        count += 1;
        if n != count {
            return Err(Broken::Missing(count));
        }
        if previous != last {
            return Err(Broken::Link(n));
        }
        let link = Link { book: &head.book, n, kind: &kind, at, actor: &actor, body: &body, previous: &previous };
        if chain::hash(&link) != hash {
            return Err(Broken::Hash(n));
        }
        if kind == RecordKind::Closed.name() {
            let seal: Seal = serde_json::from_str(&body).map_err(|_| Broken::Signature(n))?;
            let key = seal.signer(&head.book, n - 1, &previous, at).ok_or(Broken::Signature(n))?;
            if known.is_some_and(|known| !known.contains(&key)) {
                return Err(Broken::Key(n, key.id()));
            }
            closings.push(Closing { record: n, key: key.id() });
        }
        last = hash;
    }
    if count < head.records {
        return Err(Broken::Missing(count + 1));
    }
    if count != head.records || last != head.head {
        return Err(Broken::Head);
    }
    Ok(Verified { head, closings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export() -> Vec<String> {
        let mut lines = Vec::new();
        let mut previous = String::new();
        for n in 1..=3 {
            let (book, kind, actor, body) = ("facility", "created", "db/a", format!("{{\"n\":{n}}}"));
            let hash = chain::hash(&Link { book, n, kind, at: n, actor, body: &body, previous: &previous });
            let line =
                Line { n, kind: kind.to_owned(), at: n, actor: actor.to_owned(), body, previous, hash: hash.clone() };
            lines.push(serde_json::to_string(&line).unwrap());
            previous = hash;
        }
        let head = Head { book: "facility".to_owned(), records: 3, head: previous };
        lines.insert(0, serde_json::to_string(&head).unwrap());
        lines
    }

    fn outcome(lines: &[String]) -> String {
        verify(lines.join("\n").as_bytes(), None)
            .map_or_else(|e| e.to_string(), |verified| format!("{} records", verified.head.records))
    }

    #[test]
    fn whatever_is_done_to_an_export_is_found() {
        let whole = export();
        assert_eq!(outcome(&whole), "3 records");
        let changed = |from: &str, to: &str| outcome(&whole.iter().map(|l| l.replace(from, to)).collect::<Vec<_>>());
        assert_eq!(changed("\\\"n\\\":2", "\\\"n\\\":7"), "record 2 has been changed");
        assert_eq!(changed("db/a", "db/b"), "record 1 has been changed");
        assert_eq!(changed("facility", "instrument/x"), "record 1 has been changed");
        assert_eq!(changed("\"records\":3", "\"records\":2"), "the last record is not the one that the export names");
        let without = |n: usize| outcome(&[&whole[..n], &whole[n + 1..]].concat());
        assert_eq!(without(2), "record 2 is missing");
        assert_eq!(without(3), "record 3 is missing");
        let mut exchanged = whole.clone();
        exchanged.swap(1, 2);
        assert_eq!(outcome(&exchanged), "record 1 is missing");
        assert!(outcome(&whole[1..]).starts_with("line 1 is not of an export"));
        assert!(outcome(&[]).starts_with("line 1 is not of an export"));
    }
}

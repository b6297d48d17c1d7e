//! Whether the exported records of a logbook are whole: nothing changed, left out, added or put elsewhere. It needs nothing
//! but the export, and the key of a closed one to know whose signature it has.

use std::io::BufRead;

use serde::{Deserialize, Serialize};
use service_kit::Micros;
use thiserror::Error;

use crate::history::chain;
use crate::history::chain::{Link, RecordKind};
use crate::history::signature::ClosingSignature;
pub use crate::history::signature::PublicKey;
use crate::store::logbooks::Record;

/// The first line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportHead {
    pub book: String,
    pub records: i64,
    /// The hash of the last record.
    pub head: String,
}

/// A record as a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordLine {
    pub n: i64,
    pub kind: String,
    pub at: Micros,
    pub actor: String,
    /// JSON as it was stored, as text, because it is hashed byte by byte.
    pub body: String,
    pub previous: String,
    pub hash: String,
}

impl RecordLine {
    pub fn from_record(record: &Record) -> Self {
        let Record { n, kind, at, actor, body, previous, hash } = record.clone();
        Self { n, kind, at, actor, body, previous, hash }
    }
}

/// What holds of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    #[serde(flatten)]
    pub head: ExportHead,
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
pub fn parse_key_set(jwks: &str) -> Option<Vec<PublicKey>> {
    let set: serde_json::Value = serde_json::from_str(jwks).ok()?;
    let keys = set["keys"].as_array()?.iter().filter(|key| key["crv"] == "Ed25519");
    Some(keys.filter_map(|key| PublicKey::from_base64(key["x"].as_str()?)).collect())
}

#[derive(Debug, Error)]
pub enum VerifyError {
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
pub fn verify_export(export: impl BufRead, known: Option<&[PublicKey]>) -> Result<Verified, VerifyError> {
    let mut closings = Vec::new();
    let mut lines = export.lines().zip(1..);
    let first = lines.next().map(|(line, _)| line).transpose()?.unwrap_or_default();
    let head: ExportHead = serde_json::from_str(&first).map_err(|e| VerifyError::Line(1, e.to_string()))?;
    let (mut last, mut count) = (String::new(), 0);
    for (line, number) in lines {
        let RecordLine { n, kind, at, actor, body, previous, hash } =
            serde_json::from_str(&line?).map_err(|e| VerifyError::Line(number, e.to_string()))?;
        count += 1;
        if n != count {
            return Err(VerifyError::Missing(count));
        }
        if previous != last {
            return Err(VerifyError::Link(n));
        }
        let link = Link { logbook: &head.book, n, kind: &kind, at, actor: &actor, body: &body, previous: &previous };
        if chain::hash_link(&link) != hash {
            return Err(VerifyError::Hash(n));
        }
        if kind == RecordKind::Closed.name() {
            let seal: ClosingSignature = serde_json::from_str(&body).map_err(|_| VerifyError::Signature(n))?;
            let key = seal.verify_head(&head.book, n - 1, &previous, at).ok_or(VerifyError::Signature(n))?;
            if known.is_some_and(|known| !known.contains(&key)) {
                return Err(VerifyError::Key(n, key.id()));
            }
            closings.push(Closing { record: n, key: key.id() });
        }
        last = hash;
    }
    if count < head.records {
        return Err(VerifyError::Missing(count + 1));
    }
    if count != head.records || last != head.head {
        return Err(VerifyError::Head);
    }
    Ok(Verified { head, closings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_export() -> Vec<String> {
        let mut lines = Vec::new();
        let mut previous = String::new();
        for n in 1..=3 {
            let (book, kind, actor, body) = ("facility", "created", "db/a", format!("{{\"n\":{n}}}"));
            let hash = chain::hash_link(&Link {
                logbook: book,
                n,
                kind,
                at: Micros::from_i64(n),
                actor,
                body: &body,
                previous: &previous,
            });
            let line = RecordLine {
                n,
                kind: kind.to_owned(),
                at: Micros::from_i64(n),
                actor: actor.to_owned(),
                body,
                previous,
                hash: hash.clone(),
            };
            lines.push(serde_json::to_string(&line).unwrap());
            previous = hash;
        }
        let head = ExportHead { book: "facility".to_owned(), records: 3, head: previous };
        lines.insert(0, serde_json::to_string(&head).unwrap());
        lines
    }

    fn describe_outcome(lines: &[String]) -> String {
        verify_export(lines.join("\n").as_bytes(), None)
            .map_or_else(|e| e.to_string(), |verified| format!("{} records", verified.head.records))
    }

    #[test]
    fn whatever_is_done_to_an_export_is_found() {
        let whole = build_export();
        assert_eq!(describe_outcome(&whole), "3 records");
        let changed =
            |from: &str, to: &str| describe_outcome(&whole.iter().map(|l| l.replace(from, to)).collect::<Vec<_>>());
        assert_eq!(changed("\\\"n\\\":2", "\\\"n\\\":7"), "record 2 has been changed");
        assert_eq!(changed("db/a", "db/b"), "record 1 has been changed");
        assert_eq!(changed("facility", "instrument/x"), "record 1 has been changed");
        assert_eq!(changed("\"records\":3", "\"records\":2"), "the last record is not the one that the export names");
        let without = |n: usize| describe_outcome(&[&whole[..n], &whole[n + 1..]].concat());
        assert_eq!(without(2), "record 2 is missing");
        assert_eq!(without(3), "record 3 is missing");
        let mut exchanged = whole.clone();
        exchanged.swap(1, 2);
        assert_eq!(describe_outcome(&exchanged), "record 1 is missing");
        assert!(describe_outcome(&whole[1..]).starts_with("line 1 is not of an export"));
        assert!(describe_outcome(&[]).starts_with("line 1 is not of an export"));
    }
}

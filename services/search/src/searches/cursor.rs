//! Where the next page begins: the values of the last row, the point in time that the pages show, and the search to which it belongs.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::sha256_hex;

use super::search_body::SearchBody;
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Order, SortValue};
use crate::error::Error;
use crate::results::search_order::{parse_sort_value, render_sort_value};

/// Characters of a hash that tell searches apart.
const MARK_LENGTH: usize = 32;

/// What a search has in common with its further pages, so that a cursor is not taken for that of another one.
pub fn mark_search(target: EntityKind, body: &SearchBody, user: &str) -> String {
    let mut mark = sha256_hex(format!("{target}\0{user}\0{}", body.describe_conditions()));
    mark.truncate(MARK_LENGTH);
    mark
}

/// A cursor as clients keep it; its content is none of their business.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// [`mark_search`] of its search.
    pub mark: String,
    pub snapshot: String,
    pub after: Vec<SortValue>,
}

#[derive(Serialize, Deserialize)]
struct EncodedCursor {
    mark: String,
    snapshot: String,
    after: Vec<Value>,
}

impl Cursor {
    pub fn encode_cursor(&self) -> String {
        let after = self.after.iter().map(render_sort_value).collect();
        let encoded = EncodedCursor { mark: self.mark.clone(), snapshot: self.snapshot.clone(), after };
        BASE64URL_NOPAD.encode(serde_json::json!(encoded).to_string().as_bytes())
    }

    /// The cursor of the search with this mark, in this order.
    pub fn decode(text: &str, mark: &str, order: &[Order]) -> Result<Self, Error> {
        let refused = || {
            let text = "the cursor is not that of this search: send the same conditions and the same sort as for the first page, to \
                        the same address and as the same user";
            Error::Query(text.to_owned())
        };
        let json = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| refused())?;
        let EncodedCursor { mark: of, snapshot, after } = serde_json::from_slice(&json).map_err(|_| refused())?;
        if of != mark || after.len() != order.len() {
            return Err(refused());
        }
        let after =
            order.iter().zip(&after).map(|(order, value)| parse_sort_value(*order, value).map_err(|_| refused()));
        Ok(Self { mark: of, snapshot, after: after.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entity::EntityKind;
    use crate::results::search_order::parse_sort;

    #[test]
    fn another_search_has_another_mark() {
        let mark = |target, body: &str, user| mark_search(target, &serde_json::from_str(body).unwrap(), user);
        let first = mark(EntityKind::Datafile, r#"{"text": "a", "limit": 5}"#, "db/alice");
        // What does not change the rows.
        let same =
            r#"{"text": "a", "limit": 6, "cursor": "x", "facets": [{"field": "dataset.name"}], "highlight": true}"#;
        assert_eq!(mark(EntityKind::Datafile, same, "db/alice"), first);
        assert_ne!(mark(EntityKind::Dataset, r#"{"text": "a"}"#, "db/alice"), first);
        assert_ne!(mark(EntityKind::Datafile, r#"{"text": "a"}"#, "db/bob"), first);
        for other in [
            r#"{"text": "b"}"#,
            r#"{"path": "a"}"#,
            r#"{"text": "a", "sort": "name"}"#,
            r#"{"text": "a", "mine": true}"#,
        ] {
            assert_ne!(mark(EntityKind::Datafile, other, "db/alice"), first, "{other}");
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let order = parse_sort(EntityKind::Datafile, Some(r#"{"name":"asc"}"#)).unwrap();
        let cursor = Cursor {
            mark: "m".to_owned(),
            snapshot: "7".to_owned(),
            after: vec![SortValue::Text("a.nxs".to_owned()), SortValue::Integer(3)],
        };
        assert_eq!(Cursor::decode(&cursor.encode_cursor(), "m", &order).unwrap(), cursor);
        let other = parse_sort(EntityKind::Datafile, Some(r#"{"name":"asc","date":"asc"}"#)).unwrap();
        assert!(Cursor::decode(&cursor.encode_cursor(), "m", &other).is_err());
        assert!(Cursor::decode(&cursor.encode_cursor(), "n", &order).is_err());
        for text in ["", "x", "e30"] {
            assert!(Cursor::decode(text, "m", &order).is_err(), "{text}");
        }
    }
}

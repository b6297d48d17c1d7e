//! Where the next page begins: the values of the last row, and the point in time that the pages show.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::plan::{Order, SortValue};
use crate::error::Error;
use crate::results::search_order::{parse_sort_value, render_sort_value};

/// A cursor as clients keep it; its content is none of their business.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    pub snapshot: String,
    pub after: Vec<SortValue>,
}

#[derive(Serialize, Deserialize)]
struct EncodedCursor {
    snapshot: String,
    after: Vec<Value>,
}

impl Cursor {
    pub fn encode_cursor(&self) -> String {
        let after = self.after.iter().map(render_sort_value).collect();
        let encoded = EncodedCursor { snapshot: self.snapshot.clone(), after };
        BASE64URL_NOPAD.encode(serde_json::json!(encoded).to_string().as_bytes())
    }

    /// The cursor of a search in this order.
    pub fn decode(text: &str, order: &[Order]) -> Result<Self, Error> {
        let refused = || {
            Error::Query("the cursor is not that of this search: send the same body as for the first page".to_owned())
        };
        let json = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| refused())?;
        let EncodedCursor { snapshot, after } = serde_json::from_slice(&json).map_err(|_| refused())?;
        if after.len() != order.len() {
            return Err(refused());
        }
        let after =
            order.iter().zip(&after).map(|(order, value)| parse_sort_value(*order, value).map_err(|_| refused()));
        Ok(Self { snapshot, after: after.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entity::EntityKind;
    use crate::results::search_order::parse_sort;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let order = parse_sort(EntityKind::Datafile, Some(r#"{"name":"asc"}"#)).unwrap();
        let cursor = Cursor {
            snapshot: "7".to_owned(),
            after: vec![SortValue::Text("a.nxs".to_owned()), SortValue::Integer(3)],
        };
        assert_eq!(Cursor::decode(&cursor.encode_cursor(), &order).unwrap(), cursor);
        let other = parse_sort(EntityKind::Datafile, Some(r#"{"name":"asc","date":"asc"}"#)).unwrap();
        assert!(Cursor::decode(&cursor.encode_cursor(), &other).is_err());
        for text in ["", "x", "e30"] {
            assert!(Cursor::decode(text, &order).is_err(), "{text}");
        }
    }
}

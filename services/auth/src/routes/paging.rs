//! Lists in pages, the newest entry first.

use service_kit::{Code, Micros, Problem};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;
/// Ids are hashes or UUIDs.
const MAX_ID_BYTES: usize = 64;

/// Where a page ends: its last entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub begun_at: Micros,
    pub id: String,
}

impl Cursor {
    /// Before the first entry.
    pub fn start() -> Self {
        Self { begun_at: Micros::MAX, id: String::new() }
    }

    pub fn encode_cursor(&self) -> String {
        format!("{}-{}", self.begun_at.as_i64(), self.id)
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        let parsed = text.split_once('-').and_then(|(begun_at, id)| {
            let is_id =
                (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
            let begun_at = begun_at.parse().ok().filter(|_| is_id)?;
            Some(Self { begun_at: Micros::from_i64(begun_at), id: id.to_owned() })
        });
        parsed.ok_or_else(|| {
            Problem::new(Code::Validation, "auth/bad-cursor", "the cursor is not one of a previous page")
        })
    }
}

/// A page that a client asks for.
pub struct PageRequest {
    limit: usize,
    pub after: Cursor,
}

impl PageRequest {
    /// Reads the parameters `limit` and `cursor`.
    pub fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, Problem> {
        let limit = limit.map_or(Ok(DEFAULT_LIMIT), parse_limit)?;
        Ok(Self { limit, after: cursor.map_or_else(|| Ok(Cursor::start()), Cursor::parse)? })
    }

    /// How many rows to read: one more than the page has, to see whether there is another page.
    pub fn rows_to_read(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }

    /// Cuts the rows that were read to the page; the cursor of the next page, if there is one.
    pub fn cut_page<R>(&self, rows: &mut Vec<R>, to_cursor: impl FnOnce(&R) -> Cursor) -> Option<String> {
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        rows.last().filter(|_| has_more).map(|row| to_cursor(row).encode_cursor())
    }
}

fn parse_limit(given: &str) -> Result<usize, Problem> {
    let limit = given.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let text = format!("limit must be a number from 1 to {MAX_LIMIT}");
    limit.ok_or_else(|| Problem::new(Code::Validation, "auth/bad-limit", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for id in [&"a1".repeat(32), "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10"] {
            let cursor = Cursor { begun_at: Micros::from_i64(7), id: id.to_owned() };
            assert_eq!(Cursor::parse(&cursor.encode_cursor()).unwrap(), cursor);
        }
        for wrong in ["", "7", "7-", "x-y", &format!("x-{}", "a1".repeat(32)), &format!("7-{}", "zz".repeat(32))] {
            assert_eq!(Cursor::parse(wrong).unwrap_err().code, Code::Validation, "{wrong}");
        }
    }

    #[test]
    fn a_full_page_has_a_cursor_only_if_there_are_more() {
        let page = PageRequest::parse(Some("2"), None).unwrap();
        assert_eq!(page.rows_to_read(), 3);
        let cut = |rows: &[&str]| {
            let mut rows = rows.to_vec();
            let to_cursor = |row: &&str| Cursor { begun_at: Micros::from_i64(7), id: (*row).to_owned() };
            (page.cut_page(&mut rows, to_cursor), rows.len())
        };
        assert_eq!(cut(&["a", "b", "c"]), (Some("7-b".to_owned()), 2));
        assert_eq!(cut(&["a", "b"]), (None, 2));
        assert_eq!(cut(&[]), (None, 0));
    }
}

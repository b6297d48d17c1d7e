//! Where a page of logins ends.

use service_kit::{Code, Micros, Problem};

/// The last login of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub started_at: Micros,
    pub sid_hash: String,
}

impl Cursor {
    /// Before the first login.
    pub fn start() -> Self {
        Self { started_at: Micros::MAX, sid_hash: String::new() }
    }

    pub fn encode_cursor(&self) -> String {
        format!("{}-{}", self.started_at.as_i64(), self.sid_hash)
    }

    pub fn parse(text: &str) -> Result<Self, Problem> {
        let parsed = text.split_once('-').and_then(|(started_at, sid_hash)| {
            let is_hash = sid_hash.len() == 64 && sid_hash.bytes().all(|b| b.is_ascii_hexdigit());
            let started_at = started_at.parse().ok().filter(|_| is_hash)?;
            Some(Self { started_at: Micros::from_i64(started_at), sid_hash: sid_hash.to_owned() })
        });
        parsed.ok_or_else(|| {
            Problem::new(Code::Validation, "auth/bad-cursor", "the cursor is not one of a previous page")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor { started_at: Micros::from_i64(7), sid_hash: "a1".repeat(32) };
        assert_eq!(Cursor::parse(&cursor.encode_cursor()).unwrap(), cursor);
        for wrong in ["", "7", "7-", "x-y", &format!("x-{}", "a1".repeat(32)), &format!("7-{}", "zz".repeat(32))] {
            assert_eq!(Cursor::parse(wrong).unwrap_err().code, Code::Validation, "{wrong}");
        }
    }
}

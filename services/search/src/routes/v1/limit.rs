//! The parameter `limit` of lists.

use crate::error::Error;

const MAX_LIMIT: usize = 1_000;

/// How many the caller wants.
pub fn parse_limit(text: Option<&str>, default: usize) -> Result<usize, Error> {
    let Some(text) = text else { return Ok(default) };
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit
        .ok_or_else(|| Error::Query(format!("limit must be a whole number between 1 and {MAX_LIMIT}, but is `{text}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_between_1_and_1000() {
        assert_eq!(parse_limit(None, 20).unwrap(), 20);
        assert_eq!(parse_limit(Some("1000"), 20).unwrap(), 1_000);
        for text in ["0", "1001", "x", "", "-1", "99999999999999999999"] {
            let refused = parse_limit(Some(text), 20).unwrap_err().to_string();
            assert_eq!(refused, format!("limit must be a whole number between 1 and 1000, but is `{text}`"));
        }
    }
}

//! Where a body stops being JSON, as Python's json module counts.

/// The place at which `json.loads(text)` gives up, in characters: the beginning of a text without an end or of a word that is
/// no value, and else the character that was not expected.
pub fn find_json_offset(text: &str, e: &serde_json::Error) -> usize {
    let (bytes, reason) = (text.as_bytes(), e.to_string());
    let mut offset = if e.is_eof() {
        bytes.len()
    } else {
        // Lines and columns count from 1.
        let lines = bytes.split_inclusive(|b| *b == b'\n').take(e.line().saturating_sub(1));
        (lines.map(<[u8]>::len).sum::<usize>() + e.column()).saturating_sub(1).min(bytes.len())
    };
    if reason.starts_with("EOF while parsing a string") {
        offset = find_open_text(bytes).unwrap_or(offset);
    } else if reason.starts_with("EOF while parsing a value") || reason.starts_with("expected ident") {
        while offset > 0 && bytes[offset - 1].is_ascii_alphabetic() {
            offset -= 1;
        }
    }
    let is_begin_of_char = |b: &&u8| (**b & 0xC0) != 0x80;
    bytes[..offset].iter().filter(is_begin_of_char).count()
}

/// The quote that begins a text without an end.
fn find_open_text(json: &[u8]) -> Option<usize> {
    let (mut opened_at, mut is_escaped) = (None, false);
    for (place, byte) in json.iter().enumerate() {
        if *byte == b'"' && !is_escaped {
            opened_at = if opened_at.is_some() { None } else { Some(place) };
        }
        is_escaped = opened_at.is_some() && *byte == b'\\' && !is_escaped;
    }
    opened_at
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Each `pos` of Python 3.11.
    #[test]
    fn json_breaks_off_where_python_says() {
        for (text, offset) in [
            ("{", 1),
            ("{\"a\":x}", 5),
            ("{\"a\":", 5),
            ("{\n \"a\": 1,\n x}", 12),
            ("x", 0),
            ("nul", 0),
            ("{\"a\":tru", 5),
            ("{\"a\":nulx}", 5),
            ("{\"a\":1}}", 7),
            ("{\"a\":\"x", 5),
            ("{\"a\":\"x\\\"", 5),
            ("{\"a\":\"\u{fc}\" x", 9),
        ] {
            let e = serde_json::from_str::<Value>(text).unwrap_err();
            assert_eq!(find_json_offset(text, &e), offset, "{text}");
        }
    }
}

//! Parameters with ids, parsed like ids.server 2.1 does, with its messages.

use super::invalid_parameter::InvalidParameter;

/// Parses a session id or a prepared id: 8-4-4-4-12 lower-case hexadecimal digits.
pub fn parse_uuid<'v>(what: &str, value: Option<&'v str>) -> Result<&'v str, InvalidParameter> {
    let text = value.unwrap_or("null");
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if lengths && groups.iter().all(|group| group.bytes().all(hexadecimal)) {
        return Ok(text);
    }
    Err(InvalidParameter(format!("The {what} parameter '{text}' is not a valid UUID")))
}

/// Parses a comma-separated list of ids like ids.server: blanks are allowed between items, trailing commas are ignored, and
/// a missing parameter or commas alone are an empty list.
pub fn parse_id_list(what: &str, value: Option<&str>) -> Result<Vec<i64>, InvalidParameter> {
    let Some(text) = value else { return Ok(Vec::new()) };
    let refused = || {
        let form = "is not a valid string representation of a comma separated list of longs";
        InvalidParameter(format!("The {what} parameter '{text}' {form}"))
    };
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}');
    let mut items: Vec<&str> = text.split(',').collect();
    let last = items.len() - 1;
    for (n, item) in items.iter_mut().enumerate() {
        if n > 0 {
            *item = item.trim_start_matches(is_blank);
        }
        if n < last {
            *item = item.trim_end_matches(is_blank);
        }
    }
    while items.len() > 1 && items.last() == Some(&"") {
        items.pop();
    }
    if items == [""] && text.contains(',') {
        return Ok(Vec::new());
    }
    items.into_iter().map(|item| item.parse().map_err(|_| refused())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_parsed_like_in_java() {
        let read = |text| parse_id_list("datafileIds", Some(text)).ok();
        assert_eq!(parse_id_list("datafileIds", None).unwrap(), [0; 0]);
        assert_eq!(read("1,2"), Some(vec![1, 2]));
        assert_eq!(read("1 , 2"), Some(vec![1, 2]));
        assert_eq!(read("1,2,,"), Some(vec![1, 2]));
        assert_eq!(read("+1,-2,007"), Some(vec![1, -2, 7]));
        assert_eq!(read(","), Some(vec![]));
        for refused in ["", ",1", " 1", "1 ", "1,,2", "a", "1;2", "99999999999999999999", "1,x"] {
            assert_eq!(read(refused), None, "{refused:?}");
        }
        let refused = parse_id_list("datasetIds", Some("1,x")).unwrap_err();
        assert_eq!(
            refused.0,
            "The datasetIds parameter '1,x' is not a valid string representation of a comma separated list of longs"
        );
    }

    #[test]
    fn sessions_are_lower_case_uuids() {
        let good = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";
        assert_eq!(parse_uuid("sessionId", Some(good)).unwrap(), good);
        assert_eq!(parse_uuid("sessionId", None).unwrap_err().0, "The sessionId parameter 'null' is not a valid UUID");
        for refused in ["", "x", "5B0C1C8E-6f57-4c7e-9d55-0f2d4a7b9c10", "5b0c1c8e6f574c7e9d550f2d4a7b9c10"] {
            assert!(parse_uuid("sessionId", Some(refused)).is_err(), "{refused}");
        }
    }
}

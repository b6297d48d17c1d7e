//! Numbers with the word that they count.

use std::fmt::Display;

/// `1 file`, `2 files`, `0 entries`; `thing` is one of them.
pub fn format_count<N: Copy + Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    let is_one = number == N::from(1);
    match thing.strip_suffix('y') {
        _ if is_one => format!("{number} {thing}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{number} {stem}ies"),
        _ => format!("{number} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::format_count;

    #[test]
    fn one_is_one_and_everything_else_is_many() {
        let cases = [
            (0, "file", "0 files"),
            (1, "file", "1 file"),
            (2, "file", "2 files"),
            (1, "entry", "1 entry"),
            (2, "entry", "2 entries"),
            (2, "API key", "2 API keys"),
            (1, "dead letter", "1 dead letter"),
        ];
        for (number, thing, expected) in cases {
            assert_eq!(format_count(number, thing), expected);
        }
        assert_eq!(format_count(1_u64, "row"), "1 row");
        assert_eq!(format_count(300_usize, "row"), "300 rows");
    }
}

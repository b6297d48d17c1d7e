//! The fixed texts of a pattern for file names, and the sequences of three characters by which an index finds them.
//!
//! A file name is indexed between two separators, which no name contains, so that its beginning and its end are found as any
//! other part: `/scan_0001.nxs/`.

use super::canonical_path::split_trigrams;
use crate::domain::query_syntax::{PatternChar, WildcardPattern};

/// Stands at the beginning and at the end of a name.
const BOUNDARY: char = '/';
/// Characters of an indexed sequence.
const TRIGRAM_CHARS: usize = 3;

/// What the fixed texts of a pattern say about file names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameTexts {
    /// Texts that the name contains, in lower case. A text begins or ends with a separator if the name begins or ends with it.
    /// Each is long enough for an index to find it.
    pub texts: Vec<String>,
    /// Whether each name that contains the texts matches the pattern.
    pub is_exact: bool,
}

impl NameTexts {
    /// Of a pattern in lower case, which concerns whole names.
    pub(super) fn from_pattern(pattern: &WildcardPattern) -> Self {
        let chars = pattern.chars();
        let parts: Vec<&[PatternChar]> = chars.split(|c| *c == PatternChar::AnyChars).collect();
        let literals: Option<Vec<String>> =
            parts.iter().map(|part| WildcardPattern::new(part.to_vec()).to_literal()).collect();
        let boundary = [PatternChar::Literal(BOUNDARY)];
        let bounded = [&boundary, chars, &boundary].concat();
        let texts: Vec<String> =
            split_literal_runs(&bounded).into_iter().filter(|text| text.chars().count() >= TRIGRAM_CHARS).collect();
        let is_exact = literals.is_some_and(|parts| {
            let fixed: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
            let is_anchored = [parts.first(), parts.last()].into_iter().flatten().any(|part| !part.is_empty());
            fixed.len() == texts.len() && is_order_certain(&fixed, is_anchored)
        });
        Self { texts, is_exact }
    }
}

/// The text that names with this beginning contain.
pub fn bound_prefix(prefix: &str) -> String {
    format!("{BOUNDARY}{prefix}")
}

/// Whether names that contain the texts contain them one after the other.
fn is_order_certain(texts: &[&str], is_anchored: bool) -> bool {
    match texts {
        [] | [_] => true,
        [first, second] => is_anchored && !can_overlap(first, second),
        _ => false,
    }
}

/// Whether a part of a name can belong to both texts.
fn can_overlap(first: &str, second: &str) -> bool {
    let begins_in_first = || first.char_indices().any(|(start, _)| second.starts_with(&first[start..]));
    first.contains(second) || second.contains(first) || begins_in_first()
}

/// The texts between wildcards.
pub(super) fn split_literal_runs(chars: &[PatternChar]) -> Vec<String> {
    let runs = chars.split(|c| !matches!(c, PatternChar::Literal(_)));
    let texts = runs.filter_map(|run| WildcardPattern::new(run.to_vec()).to_literal());
    texts.filter(|text| !text.is_empty()).collect()
}

/// All sequences of three characters of a file name in lower case, with their positions.
pub(super) fn list_trigrams(file_name: &str) -> Vec<(u32, String)> {
    let bounded = format!("{BOUNDARY}{file_name}{BOUNDARY}");
    (0..).zip(split_trigrams(&bounded).map(str::to_owned)).collect()
}

/// Sequences of three characters with positions that together are the text; a name that has them at these distances contains
/// the text. None if it is shorter.
pub fn cover_with_trigrams(text: &str) -> Vec<(u32, String)> {
    let all: Vec<(u32, &str)> = (0..).zip(split_trigrams(text)).collect();
    let last = all.len().checked_sub(1);
    let is_needed = |position: usize| position.is_multiple_of(TRIGRAM_CHARS) || Some(position) == last;
    all.iter()
        .enumerate()
        .filter(|(position, _)| is_needed(*position))
        .map(|(_, (at, trigram))| (*at, (*trigram).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_pattern(pattern: &str) -> (Vec<String>, bool) {
        let NameTexts { texts, is_exact } = NameTexts::from_pattern(&WildcardPattern::from_wildcard_text(pattern));
        (texts, is_exact)
    }

    #[test]
    fn texts_are_exact_if_no_other_order_is_possible() {
        for (pattern, texts, is_exact) in [
            ("*foo*", &["foo"][..], true),
            ("*", &[], true),
            ("scan_*", &["/scan_"], true),
            ("*_master.h5", &["_master.h5/"], true),
            ("scan_0*.nxs", &["/scan_0", ".nxs/"], true),
            ("scan*01*", &["/scan"], false),
            ("scan*001*", &["/scan", "001"], true),
            ("*001*.nxs", &["001", ".nxs/"], true),
            ("aba*ba", &["/aba", "ba/"], false),
            ("ab*xabx*", &["/ab", "xabx"], false),
            ("*foo*bar*", &["foo", "bar"], false),
            ("sc?n*", &["/sc"], false),
            ("a*", &[], false),
            ("*ab*", &[], false),
            ("scan*_*.nxs", &["/scan", ".nxs/"], false),
            ("abc?", &["/abc"], false),
        ] {
            assert_eq!(
                parse_pattern(pattern),
                (texts.iter().map(|text| (*text).to_owned()).collect(), is_exact),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_text_is_covered_by_few_sequences() {
        let cover = |text| cover_with_trigrams(text).into_iter().map(|(at, t)| format!("{at}{t}")).collect::<Vec<_>>();
        assert_eq!(cover("abc"), ["0abc"]);
        assert_eq!(cover("abcd"), ["0abc", "1bcd"]);
        assert_eq!(cover("abcdef"), ["0abc", "3def"]);
        assert_eq!(cover("abcdefg"), ["0abc", "3def", "4efg"]);
        assert_eq!(cover("ab"), [""; 0]);
    }

    #[test]
    fn a_name_is_indexed_between_separators() {
        let trigrams: Vec<String> = list_trigrams("äb.c").into_iter().map(|(at, t)| format!("{at}{t}")).collect();
        assert_eq!(trigrams, ["0/äb", "1äb.", "2b.c", "3.c/"]);
        assert_eq!(list_trigrams(""), []);
    }
}

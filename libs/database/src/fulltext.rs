//! Full-text search: how a text is split into words, queries, and excerpts around matches.
//!
//! Both engines keep a full-text index (`{fulltext NAME}` in a migration creates it: a row id and `tokens`). This module
//! splits texts into words, not the engines, so that both give the same results.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::{Engine, Val};

/// Longer words are truncated, in texts and in queries.
const MAX_WORD_LENGTH: usize = 60;
/// Words of a text that are indexed; the rest is not found.
const MAX_WORDS: usize = 20_000;
/// Bytes of words and labels together that `PostgreSQL` accepts in a `tsvector`; the rest is not found, on both engines.
const MAX_BYTES: usize = (1 << 20) - 1;
/// Words of a query; the rest is ignored.
const MAX_QUERY_WORDS: usize = 32;
/// Begins every [`label_token`]. No word of a text has it, and both engines take it for a letter.
const LABEL: char = '§';

/// Removes case and accents: `Größe Ångström` becomes `grosse angstrom`.
pub fn fold_text(text: &str) -> String {
    let folded = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    let mut out = String::with_capacity(text.len());
    for c in folded {
        if c == 'ß' { out.push_str("ss") } else { out.push(c) }
    }
    out
}

/// Whether a character belongs to a script without spaces between words: each character is a word, several are a phrase.
fn is_word_of_its_own(c: char) -> bool {
    matches!(u32::from(c), 0x3005 | 0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x2fa1f)
}

/// Whether a letter is the `T` or the `Z` of a time such as `2026-01-02T03:04:05Z` (RFC 3339): it ends a word, so that the day
/// and the time are found separately.
fn is_mark_of_time(text: &str, at: usize) -> bool {
    let (before, after) = (&text.as_bytes()[..at], &text.as_bytes()[at..]);
    let digits_before = before.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let sign_before = before.len().checked_sub(digits_before + 1).map(|n| before[n]);
    let digits_after = after.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
    match after.first() {
        Some(b'T') => {
            let is_day = digits_before == 8 || (digits_before == 2 && sign_before == Some(b'-'));
            is_day && matches!(digits_after, 2 | 4 | 6)
        }
        Some(b'Z') => {
            let is_time = match sign_before {
                Some(b':' | b'T') => digits_before >= 2,
                // Parts of a second, and not a unit of `1.5Z`.
                Some(b'.') => digits_before >= 3,
                _ => false,
            };
            is_time && !after.get(1).is_some_and(u8::is_ascii_alphanumeric)
        }
        _ => false,
    }
}

/// The folded words of a text in order, each with its position.
fn split_words(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut start = None;
    let mut end_word = |start: &mut Option<usize>, end: usize| {
        if let Some(start) = start.take() {
            let folded = fold_text(&text[start..end]);
            let parts = folded.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
            found.extend(parts.map(|part| (start..end, part.chars().take(MAX_WORD_LENGTH).collect())));
        }
    };
    for (at, c) in text.char_indices() {
        if !(c.is_alphanumeric() || is_combining_mark(c)) || is_mark_of_time(text, at) {
            end_word(&mut start, at);
        } else if is_word_of_its_own(c) {
            end_word(&mut start, at);
            start = Some(at);
            end_word(&mut start, at + c.len_utf8());
        } else {
            start.get_or_insert(at);
        }
    }
    end_word(&mut start, text.len());
    found
}

/// A label of a row in the index, so that a query can be restricted to rows that have one of several labels.
pub fn label_token(number: i64) -> String {
    format!("{LABEL}{number}")
}

/// What the index stores: the words in order with spaces around each, then the labels.
pub fn build_index_tokens<'t>(texts: impl IntoIterator<Item = &'t str>, labels: &[String]) -> String {
    let mut out = String::from(" ");
    let mut left = MAX_BYTES.saturating_sub(labels.iter().map(String::len).sum());
    let words = texts.into_iter().flat_map(split_words).map(|(_, word)| word).take(MAX_WORDS);
    let words = words.take_while(|word| {
        let fits = word.len() <= left;
        left = left.saturating_sub(word.len());
        fits
    });
    for word in words.chain(labels.iter().cloned()) {
        out.push_str(&word);
        out.push(' ');
    }
    out
}

/// One condition: a word, or several in this order; the last may be a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    words: Vec<String>,
    is_open: bool,
}

/// A parsed query: `beam dump` means both words, `"beam dump"` both in this order, `calib*` and `"beam du*"` prefixes. All
/// conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FulltextQuery(Vec<Term>);

/// A part of an excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcerptPart {
    pub text: String,
    /// Whether it matches the query.
    pub hit: bool,
}

impl FulltextQuery {
    /// Parses a query; `None` if it contains no word.
    pub fn parse(question: &str) -> Option<Self> {
        let mut terms = Vec::new();
        let mut left = MAX_QUERY_WORDS;
        let mut take = |text: &str, is_open: bool| {
            let words: Vec<String> = split_words(text).into_iter().map(|(_, word)| word).take(left).collect();
            left -= words.len();
            if !words.is_empty() {
                terms.push(Term { words, is_open });
            }
        };
        for (n, part) in question.split('"').enumerate() {
            if n % 2 == 1 {
                take(part, part.trim_end().ends_with('*'));
            } else {
                part.split_whitespace().for_each(|word| take(word, word.ends_with('*')));
            }
        }
        (!terms.is_empty()).then_some(Self(terms))
    }

    /// The value for [`Engine::fulltext_condition`]; with `labels`, rows must have one of them.
    pub fn to_match_expression(&self, engine: Engine, labels: &[String]) -> Val {
        let (all, any) = engine.boolean_operators();
        let word = |word: &str, is_open: bool| engine.quote_search_word(word, is_open);
        let mut conditions: Vec<String> = Vec::new();
        if !labels.is_empty() {
            let labels: Vec<String> = labels.iter().map(|label_token| word(label_token, false)).collect();
            conditions.push(format!("({})", labels.join(any)));
        }
        for term in &self.0 {
            let last = term.words.len() - 1;
            conditions.extend(term.words.iter().enumerate().map(|(n, text)| word(text, term.is_open && n == last)));
        }
        conditions.join(all).into()
    }

    /// LIKE patterns that the `tokens` must match as well, because the index does not store the order of words.
    pub fn phrase_patterns(&self) -> Vec<String> {
        let phrases = self.0.iter().filter(|term| term.words.len() > 1);
        phrases.map(|term| format!("% {}{}%", term.words.join(" "), if term.is_open { "" } else { " " })).collect()
    }

    /// The places of a text that match.
    fn find_matches(&self, text: &str) -> Vec<Range<usize>> {
        let found = split_words(text);
        let mut hits: Vec<Range<usize>> = Vec::new();
        let mut at = 0;
        while at < found.len() {
            let fits = self.0.iter().find(|term| term.matches_words(&found[at..]));
            let length = fits.map_or(0, |term| term.words.len());
            if length > 0 {
                hits.push(found[at].0.start..found[at + length - 1].0.end);
            }
            at += length.max(1);
        }
        hits
    }

    /// About `most` bytes of a text around the first match; the whole text if it is short, nothing without a match.
    pub fn extract_excerpt(&self, text: &str, most: usize) -> Vec<ExcerptPart> {
        let hits = self.find_matches(text);
        let Some(first) = hits.first() else { return Vec::new() };
        let start = if text.len() <= most { 0 } else { first.start.saturating_sub(most / 3) };
        let start = (0..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (first.end.max(start.saturating_add(most)).min(text.len())..=text.len())
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(text.len());
        let mut pieces = Vec::new();
        let mut push = |text: &str, hit| {
            if !text.is_empty() {
                pieces.push(ExcerptPart { text: text.to_owned(), hit });
            }
        };
        let mut done = start;
        if start > 0 {
            push("…", false);
        }
        for hit in hits.into_iter().filter(|hit| hit.start >= start && hit.end <= end) {
            push(&text[done..hit.start], false);
            push(&text[hit.clone()], true);
            done = hit.end;
        }
        push(&text[done..end], false);
        if end < text.len() {
            push("…", false);
        }
        pieces
    }
}

impl Term {
    fn matches_words(&self, found: &[(Range<usize>, String)]) -> bool {
        let last = self.words.len() - 1;
        found.len() > last
            && self.words.iter().zip(found).enumerate().all(|(n, (asked, (_, word)))| {
                if self.is_open && n == last { word.starts_with(asked.as_str()) } else { word == asked }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_do_not_count() {
        assert_eq!(fold_text("Größe Ångström"), "grosse angstrom");
        assert_eq!(fold_text("BL07"), "bl07");
        assert_eq!(fold_text("ﬁeld ½"), "field 1⁄2");
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(
            build_index_tokens(["Beam is BACK, scan_0003 at 12.5 keV!"], &[]),
            " beam is back scan 0003 at 12 5 kev "
        );
        assert_eq!(build_index_tokens(["a", "b"], &[label_token(7)]), " a b §7 ");
        assert_eq!(build_index_tokens(["放射光 beam"], &[]), " 放 射 光 beam ");
        assert_eq!(build_index_tokens(["2026-01-02T03:04:05Z"], &[]), " 2026 01 02 03 04 05 ");
        assert_eq!(
            build_index_tokens(["20260102T030405.500Z, VAT20, 3T5, 1.5Z"], &[]),
            " 20260102 030405 500 vat20 3t5 1 5z "
        );
        assert_eq!(build_index_tokens(["½ ﬁeld e\u{301}tat"], &[]), " 1 2 field etat ");
        assert_eq!(build_index_tokens(["…"], &[]), " ");
    }

    /// Both engines keep the same words of a long text, and all labels.
    #[test]
    fn a_text_of_long_words_is_cut_at_what_postgresql_takes() {
        let long: String = (0..MAX_WORDS).fold(String::new(), |text, n| text + &format!("{n:ä>60} "));
        let labels: Vec<String> = (0..1000).map(|n| label_token(i64::MAX - n)).collect();
        let tokens = build_index_tokens([long.as_str()], &labels);
        let bytes: usize = tokens.split_whitespace().map(str::len).sum();
        assert!(bytes <= MAX_BYTES && bytes > MAX_BYTES - 200, "{bytes}");
        assert!(labels.iter().all(|label_token| tokens.contains(&format!(" {label_token} "))));
    }

    #[test]
    fn questions_have_words_phrases_and_beginnings() {
        let asked = FulltextQuery::parse("Beam \"is  back\" scan_00* 12.5").unwrap();
        assert_eq!(
            asked.to_match_expression(Engine::Sqlite, &[]),
            Val::from("\"beam\" AND \"is\" AND \"back\" AND \"scan\" AND \"00\"* AND \"12\" AND \"5\"")
        );
        assert_eq!(
            FulltextQuery::parse("be*")
                .unwrap()
                .to_match_expression(Engine::Postgres, &[label_token(1), label_token(2)]),
            Val::from("('§1' | '§2') & 'be':*")
        );
        assert_eq!(asked.phrase_patterns(), ["% is back %", "% scan 00%", "% 12 5 %"]);
        assert_eq!(FulltextQuery::parse(" \"*\" - "), None);
        assert_eq!(FulltextQuery::parse("\"open").unwrap().phrase_patterns(), Vec::<String>::new());
    }

    #[test]
    fn what_was_asked_for_is_marked() {
        let marked = |question: &str, text: &str, most| {
            let pieces = FulltextQuery::parse(question).unwrap().extract_excerpt(text, most);
            pieces.iter().map(|p| if p.hit { format!("[{}]", p.text) } else { p.text.clone() }).collect::<String>()
        };
        assert_eq!(marked("grosse be*", "Die Größe des BEAMS.", 100), "Die [Größe] des [BEAMS].");
        assert_eq!(marked("\"is back\"", "is it? is back", 100), "is it? [is back]");
        assert_eq!(marked("x", "nothing", 100), "");
        let long = format!("{}ß beam {}", "é".repeat(100), "ü".repeat(100));
        let short = marked("beam", &long, 30);
        assert!(short.starts_with('…') && short.ends_with('…') && short.contains("[beam]"), "{short}");
    }
}

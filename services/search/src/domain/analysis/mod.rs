//! Texts as terms, as icat.lucene 4.0 makes them: words of UAX #29, without English possessives, in lower case, without stop
//! words, and reduced to their stems. Indexed texts and the words of queries go through the same chain.

mod porter_stemmer;
pub mod synonyms;
pub mod technique_ontology;
mod words;

#[cfg(test)]
mod tests;

use self::porter_stemmer::stem_word;
use self::words::split_words;

/// Words that are not indexed. They leave a gap in the positions.
const STOP_WORDS: [&str; 27] = [
    "a", "an", "and", "are", "but", "by", "for", "if", "into", "is", "it", "not", "on", "or", "such", "that", "the",
    "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
];

/// A term and the number of words before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    pub text: String,
    pub position: u32,
}

/// The terms of a text, in their order.
pub fn analyze(text: &str) -> Vec<Token> {
    let words = split_words(text).zip(0..);
    words.filter_map(|(word, position)| analyze_word(word).map(|text| Token { text, position })).collect()
}

/// The terms of a text with the places of their words.
pub fn find_terms(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, String)> {
    split_words(text).filter_map(move |word| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        Some((start..start + word.len(), analyze_word(word)?))
    })
}

/// A word that is not analysed, such as the part of a word before a wildcard, a fuzzy word or the bound of a range.
pub fn normalize_term(term: &str) -> String {
    lowercase_chars(term)
}

/// The term of a word, unless it is a stop word.
fn analyze_word(word: &str) -> Option<String> {
    let mut term = lowercase_chars(trim_possessive(word));
    if STOP_WORDS.binary_search(&term.as_str()).is_ok() {
        return None;
    }
    stem_word(&mut term);
    Some(term)
}

fn trim_possessive(word: &str) -> &str {
    let without_s = word.strip_suffix(['s', 'S']);
    without_s.and_then(|word| word.strip_suffix(['\'', '\u{2019}', '\u{ff07}'])).unwrap_or(word)
}

/// Lower case of each character by itself, as in Lucene, and so that the parts of a word give the parts of its lower case.
pub(crate) fn lowercase_chars(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().flat_map(char::to_lowercase).collect() }
}

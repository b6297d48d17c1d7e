//! How much work one query may ask for.

use std::cell::Cell;

use crate::error::Error;

/// Words of one text that must follow each other.
const MAX_PHRASE_WORDS: usize = 64;
/// Words of a query, in each field.
const MAX_WORDS: usize = 2_048;
/// Words of the synonyms of a query, in each field.
const MAX_SYNONYM_WORDS: usize = 4_096;
/// Wildcards, prefixes, ranges of words and fuzzy words of a query. Each is compared with the terms of several fields.
const MAX_PATTERNS: usize = 16;
/// Characters of a fuzzy word: the memory of its automaton grows with them.
const MAX_FUZZY_CHARS: usize = 64;

/// What a query has asked for so far.
#[derive(Debug, Default)]
pub struct QueryBudget {
    words: Cell<usize>,
    synonym_words: Cell<usize>,
    patterns: Cell<usize>,
}

impl QueryBudget {
    /// Whether words that must follow each other are too many.
    pub fn is_long_phrase(words: usize) -> bool {
        words > MAX_PHRASE_WORDS
    }

    pub fn add_words(&self, words: usize) -> Result<(), Error> {
        if Self::is_long_phrase(words) {
            return Err(Error::Query(format!(
                "a phrase has at most {MAX_PHRASE_WORDS} words, but this one has {words}"
            )));
        }
        self.words.set(self.words.get() + words);
        if self.words.get() > MAX_WORDS {
            return Err(Error::Query("the query has too many words; use fewer of them".to_owned()));
        }
        Ok(())
    }

    pub fn add_synonym_words(&self, words: usize) -> Result<(), Error> {
        self.synonym_words.set(self.synonym_words.get() + words);
        if self.synonym_words.get() > MAX_SYNONYM_WORDS {
            return Err(Error::Query("the query has too many words with synonyms; use fewer of them".to_owned()));
        }
        Ok(())
    }

    pub fn add_pattern(&self) -> Result<(), Error> {
        self.patterns.set(self.patterns.get() + 1);
        if self.patterns.get() > MAX_PATTERNS {
            return Err(Error::Query(format!(
                "a query has at most {MAX_PATTERNS} wildcards, ranges of words and fuzzy words"
            )));
        }
        Ok(())
    }

    pub fn add_fuzzy_word(&self, word: &str) -> Result<(), Error> {
        if word.chars().nth(MAX_FUZZY_CHARS).is_some() {
            return Err(Error::Query(format!("a fuzzy word has at most {MAX_FUZZY_CHARS} characters")));
        }
        self.add_pattern()
    }
}

//! Synonyms, with which the words of a query are expanded. The index knows none, so that they can be changed without
//! indexing again.

use std::collections::HashMap;
use std::ops::Range;

use super::technique_ontology::TechniqueOntology;
use super::{Token, analyze};

/// Alternatives of one group of words, with the words themselves. An ontology may have hundreds below one name.
pub const MAX_ALTERNATIVES: usize = 128;

/// Synonyms by the terms that they are for.
#[derive(Clone, Debug, Default)]
pub struct Synonyms {
    /// By the first term; for each, longer sequences come first.
    rules: HashMap<String, Vec<Rule>>,
}

#[derive(Clone, Debug)]
struct Rule {
    terms: Vec<Token>,
    /// Whether the terms themselves remain.
    keeps_terms: bool,
    synonyms: Vec<Vec<Token>>,
}

/// One or more tokens of a query, and what may stand in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// Indexes of the tokens.
    pub tokens: Range<usize>,
    /// At least one. The tokens themselves come first, unless a rule with `=>` replaces them. Several tokens are a phrase.
    /// Positions count from the first token of the expansion.
    pub alternatives: Vec<Vec<Token>>,
}

/// Why a file with synonyms was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct SynonymsError {
    /// Counted from 1.
    pub line: usize,
    pub reason: SynonymsErrorReason,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SynonymsErrorReason {
    #[error("`=>` may occur only once")]
    SecondArrow,
    #[error("there is nothing on one side of `=>`")]
    EmptySide,
    #[error("`{0}` contains no word that is searched for")]
    NoTerms(String),
}

impl Synonyms {
    /// Parses a file in the format of Solr: `a, b` for words of the same meaning, `a, b => c, d` for words that are replaced,
    /// `#` before a comment, `\` before a comma that belongs to a word.
    pub fn parse(text: &str) -> Result<Self, SynonymsError> {
        let mut synonyms = Self::default();
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim_start_matches('\u{feff}').trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            synonyms.add_line(content).map_err(|reason| SynonymsError { line, reason })?;
        }
        synonyms.sort_rules();
        Ok(synonyms)
    }

    fn sort_rules(&mut self) {
        for rules in self.rules.values_mut() {
            rules.sort_by_key(|rule| std::cmp::Reverse(rule.terms.len()));
        }
    }

    /// Adds the names of techniques: each name also stands for the other names of its technique, and for those of all narrower
    /// techniques.
    pub fn add_ontology(&mut self, ontology: &TechniqueOntology) {
        for (own, narrower) in ontology.list_names() {
            let names = own.iter().map(String::as_str).chain(narrower);
            let names: Vec<Vec<Token>> = names.map(analyze_name).filter(|terms| !terms.is_empty()).collect();
            for name in own {
                let terms = analyze_name(name);
                self.add_rule(&terms, true, leave_out_longer(&terms, &names).into_iter());
            }
        }
        self.sort_rules();
    }

    fn add_line(&mut self, line: &str) -> Result<(), SynonymsErrorReason> {
        let sides = split_unescaped(line, "=>");
        match &sides[..] {
            [entries] => {
                let entries = analyze_entries(entries)?;
                for (i, terms) in entries.iter().enumerate() {
                    let others = entries.iter().enumerate().filter(|(j, _)| *j != i);
                    self.add_rule(terms, true, others.map(|(_, other)| other));
                }
            }
            [inputs, outputs] => {
                let (inputs, outputs) = (analyze_entries(inputs)?, analyze_entries(outputs)?);
                if inputs.is_empty() || outputs.is_empty() {
                    return Err(SynonymsErrorReason::EmptySide);
                }
                for terms in &inputs {
                    self.add_rule(terms, false, outputs.iter());
                }
            }
            _ => return Err(SynonymsErrorReason::SecondArrow),
        }
        Ok(())
    }

    /// Adds synonyms to those that the terms have from other lines.
    fn add_rule<'a>(&mut self, terms: &[Token], keeps_terms: bool, synonyms: impl Iterator<Item = &'a Vec<Token>>) {
        let Some(first) = terms.first() else { return };
        let rules = self.rules.entry(first.text.clone()).or_default();
        let index = rules.iter().position(|rule| rule.terms == terms).unwrap_or_else(|| {
            rules.push(Rule { terms: terms.to_vec(), keeps_terms: false, synonyms: Vec::new() });
            rules.len() - 1
        });
        let rule = &mut rules[index];
        rule.keeps_terms |= keeps_terms;
        for synonym in synonyms {
            if synonym == terms {
                rule.keeps_terms = true;
            } else if !rule.synonyms.contains(synonym) {
                rule.synonyms.push(synonym.clone());
            }
        }
    }

    /// The words of all alternatives of these tokens, besides the tokens themselves.
    pub fn count_words(&self, tokens: &[Token]) -> usize {
        let expansions = self.expand(tokens);
        let words = expansions.iter().flat_map(|expansion| &expansion.alternatives).map(Vec::len).sum::<usize>();
        words.saturating_sub(tokens.len())
    }

    /// Divides the tokens into groups that have synonyms and single tokens. The longest group is taken.
    pub fn expand(&self, tokens: &[Token]) -> Vec<Expansion> {
        let mut expansions = Vec::with_capacity(tokens.len());
        let mut start = 0;
        while start < tokens.len() {
            let rest = &tokens[start..];
            let rules = self.rules.get(&rest[0].text).into_iter().flatten();
            let rule = rules.into_iter().find(|rule| starts_with_terms(rest, &rule.terms));
            let length = rule.map_or(1, |rule| rule.terms.len());
            let own = rule.is_none_or(|rule| rule.keeps_terms).then(|| rebase_positions(&rest[..length]));
            let synonyms = rule.into_iter().flat_map(|rule| rule.synonyms.iter().cloned());
            let alternatives = own.into_iter().chain(synonyms).collect();
            expansions.push(Expansion { tokens: start..start + length, alternatives });
            start += length;
        }
        expansions
    }
}

/// The names that rows may have which lack the terms. A name that contains the terms, or another name of the list, adds nothing:
/// what has `neutron powder diffraction` is found by `diffraction`.
fn leave_out_longer<'n>(terms: &Vec<Token>, names: &'n [Vec<Token>]) -> Vec<&'n Vec<Token>> {
    let mut kept: Vec<&Vec<Token>> = Vec::new();
    for name in names {
        let contains = |shorter: &Vec<Token>| (0..name.len()).any(|i| starts_with_terms(&name[i..], shorter));
        if !contains(terms) && !kept.iter().any(|shorter| contains(shorter)) {
            kept.push(name);
        }
        if kept.len() + 1 == MAX_ALTERNATIVES {
            break;
        }
    }
    kept
}

/// The terms of a name, with positions from 0.
fn analyze_name(name: &str) -> Vec<Token> {
    rebase_positions(&analyze(name))
}

/// Whether the tokens begin with these terms, at the same distances.
fn starts_with_terms(tokens: &[Token], terms: &[Token]) -> bool {
    let Some(start) = tokens.first().map(|token| token.position) else { return false };
    tokens.len() >= terms.len()
        && tokens
            .iter()
            .zip(terms)
            .all(|(token, term)| token.text == term.text && token.position - start == term.position)
}

/// The terms of the entries between commas.
fn analyze_entries(side: &str) -> Result<Vec<Vec<Token>>, SynonymsErrorReason> {
    let mut entries = Vec::new();
    for entry in split_unescaped(side, ",") {
        let entry = unescape_entry(entry.trim());
        if entry.is_empty() {
            continue;
        }
        let terms = analyze_name(&entry);
        if terms.is_empty() {
            return Err(SynonymsErrorReason::NoTerms(entry));
        }
        if !entries.contains(&terms) {
            entries.push(terms);
        }
    }
    Ok(entries)
}

/// The same tokens with positions from 0.
fn rebase_positions(tokens: &[Token]) -> Vec<Token> {
    let start = tokens.first().map_or(0, |token| token.position);
    tokens.iter().map(|token| Token { text: token.text.clone(), position: token.position - start }).collect()
}

/// Splits at a separator, except after a backslash.
fn split_unescaped<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut part_start = 0;
    let mut is_escaped = false;
    for (i, c) in text.char_indices() {
        if i < part_start {
            continue;
        }
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if text[i..].starts_with(separator) {
            parts.push(&text[part_start..i]);
            part_start = i + separator.len();
        }
    }
    parts.push(&text[part_start..]);
    parts
}

fn unescape_entry(entry: &str) -> String {
    let mut unescaped = String::with_capacity(entry.len());
    let mut chars = entry.chars();
    while let Some(c) = chars.next() {
        unescaped.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    unescaped
}

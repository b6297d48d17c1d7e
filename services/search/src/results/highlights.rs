//! The words of a text that a search found.

use std::collections::BTreeSet;

use crate::domain::analysis::find_terms;
use crate::domain::plan::{Plan, TermKind, TermPattern};

/// A part of a text; those that were found and the text between them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct TextPart {
    pub text: String,
    /// Whether it is one of the words that were searched for
    pub found: bool,
}

/// The words that a plan looks for, after analysis.
#[derive(Debug, Default)]
pub struct SearchedWords {
    words: BTreeSet<String>,
    prefixes: Vec<String>,
}

impl SearchedWords {
    pub fn from_plan(plan: &Plan) -> Self {
        let mut searched = Self::default();
        searched.add_words(plan);
        searched
    }

    fn add_words(&mut self, plan: &Plan) {
        match plan {
            Plan::Term(term, word) if term.kind == TermKind::Word => {
                self.words.insert(word.clone());
            }
            Plan::Phrase(term, words, _) if term.kind == TermKind::Word => {
                self.words.extend(words.iter().map(|(_, word)| word.clone()));
            }
            Plan::Pattern(term, TermPattern::Prefix(prefix)) if term.kind == TermKind::Word => {
                self.prefixes.push(prefix.clone());
            }
            Plan::And(plans) | Plan::Or(plans) => {
                for plan in plans {
                    self.add_words(plan);
                }
            }
            Plan::Preferred(required, optional) => {
                self.add_words(required);
                self.add_words(optional);
            }
            Plan::Boost(plan, _) | Plan::Constant(plan, _) => self.add_words(plan),
            _ => {}
        }
    }

    /// The text in parts; `None` if nothing of it was searched for.
    pub fn highlight_text(&self, text: &str) -> Option<Vec<TextPart>> {
        let mut parts: Vec<TextPart> = Vec::new();
        let mut end = 0;
        for (range, term) in find_terms(text) {
            if !self.words.contains(&term) && !self.prefixes.iter().any(|prefix| term.starts_with(prefix.as_str())) {
                continue;
            }
            if end < range.start {
                parts.push(TextPart { text: text[end..range.start].to_owned(), found: false });
            }
            parts.push(TextPart { text: text[range.clone()].to_owned(), found: true });
            end = range.end;
        }
        if parts.is_empty() {
            return None;
        }
        if end < text.len() {
            parts.push(TextPart { text: text[end..].to_owned(), found: false });
        }
        Some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::TermField;

    fn word(text: &str) -> Plan {
        Plan::Term(TermField { attribute: "title", kind: TermKind::Word }, text.to_owned())
    }

    #[test]
    fn found_words_are_marked_whatever_their_form() {
        let plan = Plan::and(vec![
            Plan::or(vec![word("crystal"), word("lysozym")]),
            Plan::Not(Box::new(word("low"))),
            Plan::Pattern(
                TermField { attribute: "title", kind: TermKind::Word },
                TermPattern::Prefix("dos".to_owned()),
            ),
        ]);
        let parts = SearchedWords::from_plan(&plan).highlight_text("Lysozyme <crystals> at low dose").unwrap();
        let shown: Vec<(&str, bool)> = parts.iter().map(|part| (part.text.as_str(), part.found)).collect();
        assert_eq!(
            shown,
            [("Lysozyme", true), (" <", false), ("crystals", true), ("> at low ", false), ("dose", true)]
        );
        assert_eq!(SearchedWords::from_plan(&plan).highlight_text("something else"), None);
        assert_eq!(SearchedWords::from_plan(&Plan::All).highlight_text("x"), None);
    }
}

//! Conditions on words and whole values, with the synonyms of the words.

use std::ops::Bound;

use super::text::FieldCondition;
use crate::domain::analysis::synonyms::{Expansion, MAX_ALTERNATIVES, Synonyms};
use crate::domain::analysis::{Token, analyze, normalize_term};
use crate::domain::plan::{Plan, TermField, TermKind, TermPattern};

/// Words are compared after analysis. A word that analysis splits, such as `NT20-8`, must occur as a phrase.
pub(super) fn plan_words(
    attribute: &'static str,
    leaf: &FieldCondition<'_>,
    synonyms: Option<&Synonyms>,
) -> Option<Plan> {
    let term = TermField { attribute, kind: TermKind::Word };
    let pattern = |pattern| Plan::Constant(Box::new(Plan::Pattern(term, pattern)), 1.0);
    match leaf {
        FieldCondition::Word(text) => plan_phrase(term, text, 0, synonyms),
        FieldCondition::Phrase(text, slop) => plan_phrase(term, text, *slop, synonyms),
        FieldCondition::Path(path) => path.to_literal().and_then(|text| plan_phrase(term, &text, 0, None)),
        FieldCondition::Prefix(text) => Some(pattern(TermPattern::Prefix(normalize_term(text)))),
        FieldCondition::Wildcard(wildcard) => Some(pattern(TermPattern::Wildcard(wildcard.to_lowercase()))),
        FieldCondition::Fuzzy(text, 0) => Some(Plan::Term(term, normalize_term(text))),
        FieldCondition::Fuzzy(text, edits) => Some(Plan::Fuzzy(term, normalize_term(text), *edits)),
        FieldCondition::Range(low, high) => Some(pattern(to_term_range(low, high, normalize_term))),
    }
}

fn plan_phrase(term: TermField, text: &str, slop: u32, synonyms: Option<&Synonyms>) -> Option<Plan> {
    let tokens = analyze(text);
    let phrases = match synonyms {
        Some(synonyms) => list_phrases(&tokens, &synonyms.expand(&tokens)),
        None => vec![tokens.into_iter().map(|token| (token.position, token.text)).collect()],
    };
    let plans = phrases.into_iter().filter_map(|mut words| match words.len() {
        0 => None,
        1 => words.pop().map(|(_, word)| Plan::Term(term, word)),
        _ => Some(Plan::Phrase(term, words, slop)),
    });
    let plans: Vec<Plan> = plans.collect();
    (!plans.is_empty()).then(|| Plan::or(plans))
}

/// Phrases of one text with synonyms: all that one group of words has, and as many combinations.
const MAX_PHRASES: usize = MAX_ALTERNATIVES;

/// The phrases that have the same meaning: each group of tokens is one of its alternatives. Words that are not indexed keep
/// their places.
fn list_phrases(tokens: &[Token], expansions: &[Expansion]) -> Vec<Vec<(u32, String)>> {
    let mut phrases: Vec<Vec<(u32, String)>> = vec![Vec::new()];
    for Expansion { tokens: group, alternatives } in expansions {
        let gap = match (tokens.get(group.start), group.start.checked_sub(1).and_then(|last| tokens.get(last))) {
            (Some(first), Some(last)) => first.position - last.position,
            _ => 0,
        };
        let longer = phrases.iter().flat_map(|phrase| {
            let start = phrase.last().map_or(0, |(position, _)| position + gap);
            alternatives.iter().map(move |alternative| {
                let words = alternative.iter().map(|token| (start + token.position, token.text.clone()));
                phrase.iter().cloned().chain(words).collect()
            })
        });
        phrases = longer.take(MAX_PHRASES).collect();
    }
    phrases
}

/// The whole text is compared, with the case of its letters.
pub(super) fn plan_whole(attribute: &'static str, leaf: &FieldCondition<'_>) -> Plan {
    let term = TermField { attribute, kind: TermKind::Whole };
    match leaf {
        FieldCondition::Word(text) | FieldCondition::Phrase(text, _) | FieldCondition::Fuzzy(text, 0) => {
            Plan::Term(term, (*text).to_owned())
        }
        FieldCondition::Path(pattern) | FieldCondition::Wildcard(pattern) => match pattern.to_literal() {
            Some(text) => Plan::Term(term, text),
            None => Plan::Pattern(term, TermPattern::Wildcard((*pattern).clone())),
        },
        FieldCondition::Prefix(text) => Plan::Pattern(term, TermPattern::Prefix((*text).to_owned())),
        FieldCondition::Fuzzy(text, edits) => Plan::Fuzzy(term, (*text).to_owned(), *edits),
        FieldCondition::Range(low, high) => Plan::Pattern(term, to_term_range(low, high, str::to_owned)),
    }
}

pub(super) fn to_term_range(
    low: &Bound<String>,
    high: &Bound<String>,
    normalize: impl Fn(&str) -> String,
) -> TermPattern {
    let convert = |bound: &Bound<String>| match bound {
        Bound::Included(text) => Some((normalize(text), true)),
        Bound::Excluded(text) => Some((normalize(text), false)),
        Bound::Unbounded => None,
    };
    TermPattern::Range(convert(low), convert(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_of_words_is_one_of_its_alternatives() {
        let synonyms = Synonyms::parse("sans, small angle neutron scattering\nhelium, he").unwrap();
        let list = |text: &str| {
            let tokens = analyze(text);
            let phrases = list_phrases(&tokens, &synonyms.expand(&tokens));
            let show = |phrase: Vec<(u32, String)>| {
                phrase.iter().map(|(position, word)| format!("{word}@{position}")).collect::<Vec<_>>().join(" ")
            };
            phrases.into_iter().map(show).collect::<Vec<_>>()
        };
        assert_eq!(list("sans"), ["san@0", "small@0 angl@1 neutron@2 scatter@3"]);
        assert_eq!(
            list("helium and sans"),
            [
                "helium@0 san@2",
                "helium@0 small@2 angl@3 neutron@4 scatter@5",
                "he@0 san@2",
                "he@0 small@2 angl@3 neutron@4 scatter@5",
            ]
        );
        assert_eq!(
            list("small angle neutron scattering of gold"),
            ["small@0 angl@1 neutron@2 scatter@3 of@4 gold@5", "san@0 of@1 gold@2",]
        );
    }
}

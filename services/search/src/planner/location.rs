//! Conditions on the paths of files.

use std::ops::Bound;
use std::sync::Arc;

use super::Planner;
use super::text::{FieldCondition, PathPart};
use super::words::to_term_range;
use crate::domain::analysis::normalize_term;
use crate::domain::paths::{
    CanonicalPath, CaseMatching, Glob, PathPattern, PathPatternError, PathSelection, bound_prefix, cover_with_trigrams,
};
use crate::domain::plan::{LOWERCASED_MARK, Plan, TermField, TermKind, TermPattern};
use crate::domain::query_syntax::WildcardPattern;
use crate::error::Error;

impl Planner<'_> {
    pub(super) fn plan_location(
        &self,
        attribute: &'static str,
        part: PathPart,
        leaf: &FieldCondition<'_>,
    ) -> Result<Option<Plan>, PathPatternError> {
        let pattern = match leaf {
            FieldCondition::Word(text) | FieldCondition::Phrase(text, _) | FieldCondition::Fuzzy(text, 0) => {
                WildcardPattern::from_literal(text)
            }
            FieldCondition::Path(pattern) | FieldCondition::Wildcard(pattern) => (*pattern).clone(),
            FieldCondition::Prefix(text) => WildcardPattern::from_prefix(text),
            FieldCondition::Fuzzy(text, edits) => {
                return Ok(Some(Plan::Fuzzy(component(attribute), normalize_term(text), *edits)));
            }
            FieldCondition::Range(low, high) => return Ok(Some(plan_range(attribute, low, high))),
        };
        let pattern = pattern.to_composed();
        let plan = match part {
            PathPart::FileName => return Ok(plan_name_parts(attribute, &pattern)),
            PathPart::Exact => self.plan_cased(attribute, &pattern),
            PathPart::Any => self.plan_pattern(attribute, &pattern, matches!(leaf, FieldCondition::Word(_))),
        };
        plan.map(Some)
    }

    /// Files in this directory and in those below it. A relative one is not looked for anywhere else in a path.
    pub(super) fn plan_directory(&self, directory: &str) -> Result<Plan, Error> {
        let path = self.rules.canonicalize(directory).map_err(|e| Error::Query(format!("directory: {e}")))?;
        let term = TermField { attribute: "location", kind: TermKind::Directory };
        Ok(Plan::Term(term, path.text_lower().to_owned()))
    }

    fn plan_pattern(
        &self,
        attribute: &'static str,
        pattern: &WildcardPattern,
        is_word: bool,
    ) -> Result<Plan, PathPatternError> {
        let parsed = PathPattern::new(pattern, self.rules, CaseMatching::Insensitive)?;
        let plan = plan_selection(attribute, &parsed);
        match pattern.to_literal() {
            // A word is also a part of the name between dots. A word with dots is a name, not every file of its extension.
            Some(word) if is_word && !word.contains('.') => Ok(Plan::or(vec![
                plan,
                Plan::Term(TermField { attribute, kind: TermKind::NamePart }, normalize_term(&word)),
            ])),
            _ => Ok(plan),
        }
    }

    /// Paths and directories in the case of their letters.
    fn plan_cased(&self, attribute: &'static str, pattern: &WildcardPattern) -> Result<Plan, PathPatternError> {
        if let Some(text) = pattern.to_literal() {
            let path = self.rules.canonicalize(&text)?;
            let cased = TermField { attribute, kind: TermKind::CaseSensitivePath };
            if path.text() != path.text_lower() {
                return Ok(Plan::Term(cased, path.text().to_owned()));
            }
            let other_case = Plan::Term(cased, format!("{LOWERCASED_MARK}{}", path.text_lower()));
            return Ok(Plan::and(vec![plan_path_or_directory(attribute, &path), Plan::Not(Box::new(other_case))]));
        }
        let any_case = PathPattern::new(pattern, self.rules, CaseMatching::Insensitive)?;
        let cased = PathPattern::new(pattern, self.rules, CaseMatching::Sensitive)?;
        Ok(Plan::and(vec![plan_selection(attribute, &any_case), Plan::Path(attribute, Arc::new(cased))]))
    }
}

fn component(attribute: &'static str) -> TermField {
    TermField { attribute, kind: TermKind::Component }
}

fn plan_selection(attribute: &'static str, pattern: &PathPattern) -> Plan {
    let term = |kind: TermKind, text: &str| Plan::Term(TermField { attribute, kind }, text.to_owned());
    let prefix =
        |kind: TermKind, text: &str| Plan::Pattern(TermField { attribute, kind }, TermPattern::Prefix(text.to_owned()));
    let compared = || Plan::Path(attribute, Arc::new(pattern.clone()));
    let name_prefix = |name: &str| plan_name_text(attribute, &bound_prefix(name)).unwrap_or_else(compared);
    match &pattern.selection {
        PathSelection::PathOrDirectory(path) => plan_path_or_directory(attribute, path),
        PathSelection::Components(path) => {
            let mut words: Vec<(u32, String)> = (0..).zip(path.components().map(str::to_owned)).collect();
            match words.len() {
                0 => Plan::Nothing,
                1 => words.pop().map_or(Plan::Nothing, |(_, word)| Plan::Term(component(attribute), word)),
                _ => Plan::Phrase(component(attribute), words, 0),
            }
        }
        PathSelection::Directory { directory, only_direct: true } => term(TermKind::Parent, directory.text_lower()),
        PathSelection::Directory { directory, only_direct: false } => term(TermKind::Directory, directory.text_lower()),
        // Directories that begin with the text, and files beside them.
        PathSelection::PathPrefix(path) => {
            let text = path.text_lower();
            let directories = prefix(TermKind::Directory, text);
            let files = match path.directories_lower().next_back() {
                Some(parent) => Plan::and(vec![term(TermKind::Parent, parent), name_prefix(path.file_name_lower())]),
                None => prefix(TermKind::FullPath, text),
            };
            Plan::or(vec![directories, files])
        }
        PathSelection::Extension(extension) => term(TermKind::Extension, extension),
        PathSelection::NamePrefix(name) => Plan::Constant(Box::new(name_prefix(name)), 1.0),
        PathSelection::Glob(glob) => {
            let mut plans = plan_narrowing(attribute, glob);
            if !glob.is_exact {
                plans.push(compared());
            }
            Plan::Constant(Box::new(Plan::and(plans)), 1.0)
        }
    }
}

/// What finds the files of a pattern, and others if it is not exact.
fn plan_narrowing(attribute: &'static str, glob: &Glob) -> Vec<Plan> {
    let term = |kind: TermKind, text: &str| Plan::Term(TermField { attribute, kind }, text.to_owned());
    let place = if glob.only_direct { TermKind::Parent } else { TermKind::Directory };
    let directory = glob.directory.iter().map(|path| term(place, path.text_lower()));
    let components = glob.components.iter().map(|name| Plan::Term(component(attribute), name.clone()));
    let extension = glob.extension.iter().map(|extension| term(TermKind::Extension, extension));
    let name = glob.name.texts.iter().filter_map(|text| plan_name_text(attribute, text));
    directory.chain(components).chain(extension).chain(name).collect()
}

/// Files whose name between two separators contains a text; `None` if it has less than three characters.
fn plan_name_text(attribute: &'static str, text: &str) -> Option<Plan> {
    let field = TermField { attribute, kind: TermKind::Trigram };
    let mut trigrams = cover_with_trigrams(text);
    match trigrams.len() {
        0 => None,
        1 => Some(Plan::Term(field, trigrams.remove(0).1)),
        _ => Some(Plan::Phrase(field, trigrams, 0)),
    }
}

fn plan_path_or_directory(attribute: &'static str, path: &CanonicalPath) -> Plan {
    let term = |kind| Plan::Term(TermField { attribute, kind }, path.text_lower().to_owned());
    Plan::or(vec![term(TermKind::Directory), term(TermKind::FullPath)])
}

/// Files whose name has all these parts between dots.
fn plan_name_parts(attribute: &'static str, pattern: &WildcardPattern) -> Option<Plan> {
    let field = TermField { attribute, kind: TermKind::NamePart };
    let pattern = pattern.to_lowercase();
    let Some(text) = pattern.to_literal() else {
        return Some(Plan::Pattern(field, TermPattern::Wildcard(pattern)));
    };
    let parts = text.split('.').filter(|part| !part.is_empty());
    let plans: Vec<Plan> = parts.map(|part| Plan::Term(field, part.to_owned())).collect();
    (!plans.is_empty()).then(|| Plan::and(plans))
}

fn plan_range(attribute: &'static str, low: &Bound<String>, high: &Bound<String>) -> Plan {
    Plan::Pattern(component(attribute), to_term_range(low, high, normalize_term))
}

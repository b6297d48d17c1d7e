//! The `text` of a query: words in the default fields of the target, or in a named field.

use std::ops::Bound;

use super::filter::unknown_field;
use super::parameter_text::strip_parameter_prefix;
use super::values::{parse_integer_range, parse_number_range};
use super::words::{plan_whole, plan_words};
use super::{Planner, QueryBudget};
use crate::domain::analysis::analyze;
use crate::domain::analysis::synonyms::Synonyms;
use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::field::{Field, FieldValue, find_field, find_linked_field};
use crate::domain::plan::{Plan, collect_set};
use crate::domain::query_syntax::{
    Clause, Occur, PathSyntax, Query, WildcardPattern, parse_query, parse_query_with_paths,
};
use crate::error::Error;

/// Fields with paths, as texts name them.
const PATH_FIELDS: [&str; 3] = ["location", "location.exact", "location.fileName"];
/// How well rows match by a condition on a related row.
const RELATED_SCORE: f32 = 1.0;

/// Where words without a field are looked for, as in icat.lucene 4.0.
fn list_default_fields(target: EntityKind) -> &'static [&'static str] {
    match target {
        EntityKind::Datafile => &[
            "name",
            "description",
            "location",
            "datafileFormat.name",
            "visitId",
            "sample.name",
            "sample.type.name",
            "doi",
        ],
        EntityKind::Dataset => {
            &["name", "description", "sample.name", "sample.type.name", "type.name", "visitId", "doi"]
        }
        EntityKind::Investigation => &["name", "visitId", "title", "summary", "facility.name", "type.name", "doi"],
        _ => &["name"],
    }
}

impl Planner<'_> {
    pub(super) fn plan_text(&self, target: EntityKind, text: &str) -> Result<Plan, Error> {
        let paths = PathSyntax { has_backslashes: self.rules.is_separator('\\'), fields: &PATH_FIELDS };
        let query = parse_query_with_paths(text, paths).map_err(|e| Error::Query(e.to_string()))?;
        // A query of nothing but words that are not indexed finds nothing.
        Ok(self.plan_syntax(target, None, &query)?.unwrap_or(Plan::Nothing))
    }

    /// A text in the same syntax, whose words without a field belong to the given one.
    pub(super) fn plan_field_text(&self, entity: EntityKind, field: &str, text: &str) -> Result<Plan, Error> {
        let query = parse_query(text).map_err(|e| Error::Query(e.to_string()))?;
        Ok(self.plan_syntax(entity, Some(field), &query)?.unwrap_or(Plan::Nothing))
    }

    /// Rows in a directory, or whose path matches a pattern.
    pub(super) fn plan_path(&self, target: EntityKind, text: &str) -> Result<Plan, Error> {
        if find_field(target, "location").is_none() {
            return Err(unknown_field(target, "location"));
        }
        let pattern = WildcardPattern::from_wildcard_text(text.trim());
        let condition = FieldCondition::Path(&pattern);
        self.check_path_cost(&condition)?;
        let plan = self.plan_location("location", PathPart::Any, &condition);
        Ok(plan.map_err(|e| Error::Query(format!("path: {e}")))?.unwrap_or(Plan::Nothing))
    }

    /// `None` for words that are not indexed, such as "the".
    fn plan_syntax(&self, target: EntityKind, default: Option<&str>, query: &Query) -> Result<Option<Plan>, Error> {
        Ok(match query {
            Query::All => Some(Plan::Constant(Box::new(Plan::All), 1.0)),
            Query::Boolean(clauses) => self.plan_boolean(target, default, clauses)?,
            Query::Boost(query, factor) => {
                let plan = self.plan_syntax(target, default, query)?;
                plan.map(|plan| Plan::Boost(Box::new(plan), *factor))
            }
            Query::Word { field, text } => {
                self.plan_field_condition(target, field.as_deref(), default, &FieldCondition::Word(text))?
            }
            Query::Path { field, pattern } => {
                self.plan_field_condition(target, field.as_deref(), default, &FieldCondition::Path(pattern))?
            }
            Query::Phrase { field, text, slop } => {
                self.plan_field_condition(target, field.as_deref(), default, &FieldCondition::Phrase(text, *slop))?
            }
            Query::Prefix { field, text } => {
                self.plan_field_condition(target, field.as_deref(), default, &FieldCondition::Prefix(text))?
            }
            Query::Wildcard { field, pattern } => {
                self.plan_field_condition(target, field.as_deref(), default, &FieldCondition::Wildcard(pattern))?
            }
            Query::Fuzzy { field, text, max_edits } => {
                self.plan_field_condition(target, field.as_deref(), default, &FieldCondition::Fuzzy(text, *max_edits))?
            }
            Query::Range { field, low, high } => {
                self.plan_field_condition(target, field.as_deref(), default, &FieldCondition::Range(low, high))?
            }
        })
    }

    fn plan_boolean(
        &self,
        target: EntityKind,
        default: Option<&str>,
        clauses: &[Clause],
    ) -> Result<Option<Plan>, Error> {
        let (mut musts, mut shoulds, mut excluded) = (Vec::new(), Vec::new(), Vec::new());
        for Clause { occur, query } in clauses {
            let Some(plan) = self.plan_syntax(target, default, query)? else { continue };
            match occur {
                Occur::Must => musts.push(plan),
                Occur::Should => shoulds.push(plan),
                Occur::MustNot => excluded.push(Plan::Not(Box::new(plan))),
            }
        }
        if musts.is_empty() && shoulds.is_empty() && excluded.is_empty() {
            return Ok(None);
        }
        let mut plans = musts;
        if plans.is_empty() {
            plans.extend((!shoulds.is_empty()).then(|| Plan::or(shoulds)));
        } else if !shoulds.is_empty() {
            plans = vec![Plan::Preferred(Box::new(Plan::and(plans)), Box::new(Plan::or(shoulds)))];
        }
        plans.extend(excluded);
        Ok(Some(Plan::and(plans)))
    }

    fn plan_field_condition(
        &self,
        target: EntityKind,
        field: Option<&str>,
        default: Option<&str>,
        leaf: &FieldCondition<'_>,
    ) -> Result<Option<Plan>, Error> {
        let name = field.or(default);
        let is_path = name.map_or_else(|| is_long_path(leaf), |name| PATH_FIELDS.contains(&name));
        if is_path && find_field(target, "location").is_some() {
            self.check_path_cost(leaf)?;
        } else {
            self.check_cost(leaf)?;
        }
        if let Some(name) = name {
            if let Some(parameter) = strip_parameter_prefix(name) {
                let plan = self.plan_parameter_text(target, parameter, leaf)?;
                return Ok(Some(Plan::Constant(Box::new(plan), RELATED_SCORE)));
            }
            let (name, part) = split_path_field(name);
            if let Some(field) = find_field(target, name) {
                return self.plan_in_field(target, &field, part, leaf);
            }
            return self.plan_in_linked_field(target, name, leaf);
        }
        let mut plans = Vec::new();
        // No other text has so many parts.
        let names = list_default_fields(target).iter().filter(|name| !is_path || **name == "location");
        for name in names {
            let Some(field) = find_field(target, name) else { continue };
            match self.plan_in_field(target, &field, PathPart::Any, leaf) {
                Ok(plan) => plans.extend(plan),
                // A pattern that is too broad for paths may well be one for names.
                Err(Error::Query(_)) if *name == "location" => {}
                Err(e) => return Err(e),
            }
        }
        if target == EntityKind::Investigation {
            plans.extend(self.plan_samples(leaf)?);
        }
        Ok((!plans.is_empty()).then(|| Plan::or(plans)))
    }

    /// A field of what rows lead to through rows between, such as `technique.name` of datasets.
    fn plan_in_linked_field(
        &self,
        target: EntityKind,
        name: &str,
        leaf: &FieldCondition<'_>,
    ) -> Result<Option<Plan>, Error> {
        let (link, field) = find_linked_field(target, name).ok_or_else(|| unknown_field(target, name))?;
        let Some(condition) = self.plan_in_field(link, &field, PathPart::Any, leaf)? else { return Ok(None) };
        let plan = self.join(link, &condition, target)?;
        Ok(Some(Plan::Constant(Box::new(plan), RELATED_SCORE)))
    }

    /// A path is no phrase of words: it has limits of its own.
    fn check_path_cost(&self, condition: &FieldCondition<'_>) -> Result<(), Error> {
        match condition {
            FieldCondition::Path(path) if path.to_literal().is_some() => Ok(()),
            FieldCondition::Word(_) | FieldCondition::Phrase(..) | FieldCondition::Fuzzy(_, 0) => Ok(()),
            FieldCondition::Path(_)
            | FieldCondition::Prefix(_)
            | FieldCondition::Wildcard(_)
            | FieldCondition::Range(..) => self.budget.add_pattern(),
            FieldCondition::Fuzzy(text, _) => self.budget.add_fuzzy_word(text),
        }
    }

    fn check_cost(&self, condition: &FieldCondition<'_>) -> Result<(), Error> {
        match condition {
            FieldCondition::Word(text) | FieldCondition::Phrase(text, _) => {
                let tokens = analyze(text);
                self.budget.add_words(tokens.len())?;
                self.budget.add_synonym_words(self.synonyms.count_words(&tokens))
            }
            FieldCondition::Fuzzy(text, 0) => self.budget.add_words(analyze(text).len()),
            FieldCondition::Path(path) => match path.to_literal() {
                Some(text) => self.budget.add_words(analyze(&text).len()),
                None => self.budget.add_pattern(),
            },
            FieldCondition::Prefix(_) | FieldCondition::Wildcard(_) | FieldCondition::Range(..) => {
                self.budget.add_pattern()
            }
            FieldCondition::Fuzzy(text, _) => self.budget.add_fuzzy_word(text),
        }
    }

    /// Investigations whose samples, or their types, have a name with the words.
    fn plan_samples(&self, leaf: &FieldCondition<'_>) -> Result<Option<Plan>, Error> {
        let mut plans = Vec::new();
        for name in ["sample.name", "sample.type.name"] {
            let Some(field) = find_field(EntityKind::Sample, name) else { continue };
            plans.extend(self.plan_in_field(EntityKind::Sample, &field, PathPart::Any, leaf)?);
        }
        if plans.is_empty() {
            return Ok(None);
        }
        let plan = self.join(EntityKind::Sample, &Plan::or(plans), EntityKind::Investigation)?;
        Ok(Some(Plan::Constant(Box::new(plan), RELATED_SCORE)))
    }

    fn plan_in_field(
        &self,
        entity: EntityKind,
        field: &Field,
        part: PathPart,
        leaf: &FieldCondition<'_>,
    ) -> Result<Option<Plan>, Error> {
        let FieldValue::Attribute(attribute) = field.value else {
            return self.plan_id(entity, field, leaf).map(Some);
        };
        let condition = match attribute.kind {
            ValueKind::Text => plan_words(attribute.name, leaf, self.find_synonyms(attribute.name)),
            ValueKind::Term => Some(plan_whole(attribute.name, leaf)),
            ValueKind::Path => {
                let plan = self.plan_location(attribute.name, part, leaf);
                plan.map_err(|e| Error::Query(format!("{}: {e}", attribute.name)))?
            }
            ValueKind::Integer => {
                let (low, high) = parse_integer_range(attribute.name, leaf, self.zone)?;
                Some(Plan::Integer(attribute.name, low, high))
            }
            ValueKind::Number => {
                let (low, high) = parse_number_range(attribute.name, leaf)?;
                Some(Plan::Number(attribute.name, low, high))
            }
        };
        let Some(condition) = condition else { return Ok(None) };
        if field.path.is_empty() {
            return Ok(Some(condition));
        }
        let lift = || self.plan_through_relations(entity, field, condition);
        let lifted = self.related.find_or_insert(entity, (field, part), leaf, lift)?;
        Ok(Some(if matches!(lifted, Plan::Nothing) { lifted } else { Plan::Constant(Box::new(lifted), RELATED_SCORE) }))
    }

    /// The synonyms of words. Names of people and identifiers have none.
    fn find_synonyms(&self, attribute: &str) -> Option<&Synonyms> {
        (!matches!(attribute, "fullName" | "visitId" | "doi" | "pid")).then_some(self.synonyms)
    }

    fn plan_id(&self, entity: EntityKind, field: &Field, leaf: &FieldCondition<'_>) -> Result<Plan, Error> {
        let (low, high) = parse_integer_range("id", leaf, self.zone)?;
        if low != high {
            return Err(Error::Query("ids have no range".to_owned()));
        }
        let ids = collect_set([low]);
        let condition = match field.value {
            FieldValue::RelatedId(relation) => Plan::Related(relation, ids),
            _ => Plan::Ids(ids),
        };
        self.plan_through_relations(entity, field, condition)
    }
}

/// A condition on the values of one field.
#[derive(Debug)]
pub(super) enum FieldCondition<'l> {
    Word(&'l str),
    Path(&'l WildcardPattern),
    Phrase(&'l str, u32),
    Prefix(&'l str),
    Wildcard(&'l WildcardPattern),
    Fuzzy(&'l str, u8),
    Range(&'l Bound<String>, &'l Bound<String>),
}

/// What of a path a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathPart {
    Any,
    /// `location.exact`: the file, or a directory above it.
    Exact,
    /// `location.fileName`: a part of the name of the file between dots.
    FileName,
}

/// Whether a path has more parts than a phrase may have words.
fn is_long_path(leaf: &FieldCondition<'_>) -> bool {
    let FieldCondition::Path(path) = leaf else { return false };
    path.to_literal().is_some_and(|text| QueryBudget::is_long_phrase(analyze(&text).len()))
}

fn split_path_field(name: &str) -> (&str, PathPart) {
    match name {
        "location.exact" => ("location", PathPart::Exact),
        "location.fileName" => ("location", PathPart::FileName),
        name => (name, PathPart::Any),
    }
}

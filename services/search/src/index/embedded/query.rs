//! Plans as queries of tantivy.

use std::cell::RefCell;
use std::ops::Bound::Included;
use std::sync::Arc;

use roaring::RoaringTreemap;
use serde_json::Value;
use tantivy::index::SegmentReader;
use tantivy::query::doc_predicate_query::{DocPredicateQuery, FunctionPredicate};
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, FuzzyTermQuery, Occur, PhraseQuery, Query,
    RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption, Value as _};
use tantivy::{TantivyDocument, Term};

use super::pattern::PatternQuery;
use super::schema::PartitionFields;
use crate::domain::deadline::Deadline;
use crate::domain::entity::{EntityKind, Partition};
use crate::domain::paths::{PathPattern, PathRules};
use crate::domain::plan::{Plan, TermField, TermPattern};
use crate::index::error::IndexError;
use crate::index::fields::{has_positions, id_field, relation_field, term_field, value_field};

/// Up to so many ids, the rows of each are looked up; for more, the id of each row is looked up in the set.
const MAX_LOOKED_UP_IDS: u64 = 1_024;

/// Blocks of stored rows that are kept while paths are compared.
const CACHED_BLOCKS: usize = 4;

/// Writes plans about rows of one entity.
pub struct QueryBuilder<'b> {
    pub fields: &'b PartitionFields,
    pub entity: EntityKind,
    pub rules: &'b PathRules,
    pub deadline: Deadline,
    /// Why a part of the plan is no query.
    pub error: RefCell<Option<IndexError>>,
}

impl QueryBuilder<'_> {
    /// The rows of a plan. Rows that are only known from documents of others take part in joins, not in results.
    pub fn build_search(&self, plan: &Plan, with_stubs: bool) -> Result<Box<dyn Query>, IndexError> {
        let mut clauses = vec![(Occur::Must, self.build(plan))];
        if needs_entity_filter(plan) && !self.is_only_entity_of_partition() {
            let entity = build_term(self.fields.entity, &self.entity.to_string());
            clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(entity, 0.0))));
        }
        if !with_stubs {
            clauses.push((Occur::MustNot, build_term(self.fields.stub, &self.entity.to_string())));
        }
        match self.error.take() {
            Some(e) => Err(e),
            None => Ok(Box::new(BooleanQuery::new(clauses))),
        }
    }

    /// Whether its partition has rows of no other entity.
    fn is_only_entity_of_partition(&self) -> bool {
        matches!(self.entity.partition(), Partition::Datafiles | Partition::Datasets)
    }

    fn build(&self, plan: &Plan) -> Box<dyn Query> {
        match plan {
            Plan::All => Box::new(AllQuery),
            Plan::Nothing => Box::new(EmptyQuery),
            Plan::Ids(ids) => self.build_ids(&id_field(self.entity), ids),
            Plan::Related(relation, ids) => self.build_ids(&relation_field(self.entity, relation), ids),
            Plan::Integer(attribute, low, high) => self.build_range(attribute, |field| {
                RangeQuery::new(
                    Included(Term::from_field_i64(field, *low)),
                    Included(Term::from_field_i64(field, *high)),
                )
            }),
            Plan::Number(attribute, low, high) => self.build_range(attribute, |field| {
                RangeQuery::new(
                    Included(Term::from_field_f64(field, *low)),
                    Included(Term::from_field_f64(field, *high)),
                )
            }),
            Plan::Term(term, text) => self.with_field(*term, |field| {
                let record =
                    if has_positions(term.kind) { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic };
                Box::new(TermQuery::new(Term::from_field_text(field, text), record))
            }),
            Plan::Phrase(term, words, slop) => self.with_field(*term, |field| {
                let words =
                    words.iter().map(|(position, word)| (*position as usize, Term::from_field_text(field, word)));
                Box::new(PhraseQuery::new_with_offset_and_slop(words.collect(), *slop))
            }),
            Plan::Pattern(term, pattern) => {
                self.with_field(*term, |field| match self.compile_pattern(field, pattern) {
                    Ok(query) => Box::new(query),
                    Err(e) => {
                        self.error.replace(Some(e));
                        Box::new(EmptyQuery)
                    }
                })
            }
            Plan::Fuzzy(term, word, edits) => self.with_field(*term, |field| {
                Box::new(FuzzyTermQuery::new(Term::from_field_text(field, word), *edits, true))
            }),
            Plan::Path(attribute, pattern) => self.build_path_match(attribute, pattern),
            Plan::And(plans) => self.build_boolean(Occur::Must, plans),
            Plan::Or(plans) => self.build_boolean(Occur::Should, plans),
            Plan::Preferred(required, optional) => Box::new(BooleanQuery::new(vec![
                (Occur::Must, self.build(required)),
                (Occur::Should, self.build(optional)),
            ])),
            Plan::Not(plan) => Box::new(BooleanQuery::new(vec![
                (Occur::Must, Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0))),
                (Occur::MustNot, self.build(plan)),
            ])),
            Plan::Boost(plan, factor) => Box::new(BoostQuery::new(self.build(plan), *factor)),
            Plan::Constant(plan, score) => Box::new(ConstScoreQuery::new(self.build(plan), *score)),
        }
    }

    fn compile_pattern(&self, field: Field, pattern: &TermPattern) -> Result<PatternQuery, IndexError> {
        self.deadline.check()?;
        PatternQuery::new(field, pattern, self.deadline)
    }

    fn build_boolean(&self, occur: Occur, plans: &[Plan]) -> Box<dyn Query> {
        let clause = |plan: &Plan| match plan {
            // Excluding rows is cheaper than the rows that are not excluded.
            Plan::Not(inner) if occur == Occur::Must => (Occur::MustNot, self.build(inner)),
            plan => (occur, self.build(plan)),
        };
        let mut clauses: Vec<_> = plans.iter().map(clause).collect();
        if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0))));
        }
        Box::new(BooleanQuery::new(clauses))
    }

    fn with_field(&self, term: TermField, build: impl FnOnce(Field) -> Box<dyn Query>) -> Box<dyn Query> {
        match self.fields.find(&term_field(self.entity, term.attribute, term.kind)) {
            Some(field) => build(field),
            None => Box::new(EmptyQuery),
        }
    }

    fn build_range(&self, attribute: &str, build: impl FnOnce(Field) -> RangeQuery) -> Box<dyn Query> {
        match self.fields.find(&value_field(self.entity, attribute)) {
            Some(field) => Box::new(ConstScoreQuery::new(Box::new(build(field)), 0.0)),
            None => Box::new(EmptyQuery),
        }
    }

    /// Reads the stored path of each row that the other conditions accept.
    fn build_path_match(&self, attribute: &'static str, pattern: &Arc<PathPattern>) -> Box<dyn Query> {
        let (source, rules, pattern) = (self.fields.source, self.rules.clone(), Arc::clone(pattern));
        let deadline = self.deadline;
        let predicate = FunctionPredicate::from(move |segment: &SegmentReader| {
            let store = segment.get_store_reader(CACHED_BLOCKS)?;
            let (rules, pattern) = (rules.clone(), Arc::clone(&pattern));
            Ok(move |row| {
                // Whoever reads the rows finds out that the time is over.
                if deadline.check().is_err() {
                    return true;
                }
                let document: Option<TantivyDocument> = store.get(row).ok();
                let path = document.and_then(|document| read_text(source, &document, attribute));
                path.and_then(|path| rules.canonicalize(&path).ok()).is_some_and(|path| pattern.matches(&path))
            })
        });
        Box::new(ConstScoreQuery::new(Box::new(DocPredicateQuery::from(predicate)), 0.0))
    }

    fn build_ids(&self, name: &str, ids: &Arc<RoaringTreemap>) -> Box<dyn Query> {
        let Some(field) = self.fields.find(name) else { return Box::new(EmptyQuery) };
        let query: Box<dyn Query> = if ids.len() <= MAX_LOOKED_UP_IDS {
            Box::new(TermSetQuery::new(ids.iter().map(|id| Term::from_field_i64(field, id.cast_signed()))))
        } else {
            let (name, ids) = (name.to_owned(), Arc::clone(ids));
            let predicate = FunctionPredicate::from(move |segment: &SegmentReader| {
                let column = segment.fast_fields().i64(&name)?;
                let ids = Arc::clone(&ids);
                Ok(move |row| column.first(row).is_some_and(|id| ids.contains(id.cast_unsigned())))
            });
            Box::new(DocPredicateQuery::from(predicate))
        };
        Box::new(ConstScoreQuery::new(query, 0.0))
    }
}

/// Whether a plan accepts rows of other entities of the partition, since it asks for no field of its own.
fn needs_entity_filter(plan: &Plan) -> bool {
    match plan {
        Plan::All | Plan::Not(_) => true,
        Plan::And(plans) => plans.iter().all(needs_entity_filter),
        Plan::Or(plans) => plans.iter().any(needs_entity_filter),
        Plan::Boost(plan, _) | Plan::Constant(plan, _) | Plan::Preferred(plan, _) => needs_entity_filter(plan),
        _ => false,
    }
}

fn read_text(source: Field, document: &TantivyDocument, attribute: &str) -> Option<String> {
    let json: Value = serde_json::from_slice(document.get_first(source)?.as_bytes()?).ok()?;
    json.get(attribute)?.as_str().map(str::to_owned)
}

fn build_term(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

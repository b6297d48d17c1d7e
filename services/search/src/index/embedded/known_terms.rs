//! Whether the terms of a plan are in the index at all: most words of a long text are in few of the fields in which they are looked
//! for, and a look into the dictionary is much faster than a search.

use tantivy::Term;

use super::view::EmbeddedView;
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Plan, TermField};
use crate::index::error::IndexError;
use crate::index::fields::term_field;

impl EmbeddedView {
    /// False only if no row can match.
    pub(super) fn has_terms(&self, entity: EntityKind, plan: &Plan) -> Result<bool, IndexError> {
        match plan {
            Plan::Nothing => Ok(false),
            Plan::Ids(ids) | Plan::Related(_, ids) => Ok(!ids.is_empty()),
            Plan::Term(term, text) => self.has_term(entity, *term, text),
            Plan::Phrase(term, words, _) => {
                for (_, word) in words {
                    if !self.has_term(entity, *term, word)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Plan::And(plans) => {
                for plan in plans {
                    if !self.has_terms(entity, plan)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Plan::Or(plans) => {
                for plan in plans {
                    if self.has_terms(entity, plan)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Plan::Preferred(plan, _) | Plan::Boost(plan, _) | Plan::Constant(plan, _) => self.has_terms(entity, plan),
            _ => Ok(true),
        }
    }

    fn has_term(&self, entity: EntityKind, term: TermField, text: &str) -> Result<bool, IndexError> {
        let Some((fields, searcher)) = self.searchers.get(&entity.partition()) else { return Ok(false) };
        let Some(field) = fields.find(&term_field(entity, term.attribute, term.kind)) else { return Ok(false) };
        let term = Term::from_field_text(field, text);
        for segment in searcher.segment_readers() {
            if segment.inverted_index(field)?.get_term_info(&term)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

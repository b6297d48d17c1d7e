//! Plans as queries of OpenSearch.

use data_encoding::BASE64;
use roaring::{RoaringBitmap, RoaringTreemap};
use serde_json::{Value, json};

use super::document::join_terms;
use super::names::{compared_path_field, high_bits_field, low_bits_field, rename_field};
use super::regexp::render_path_regexp;
use crate::domain::entity::EntityKind;
use crate::domain::paths::CaseMatching;
use crate::domain::plan::{Plan, TermField, TermPattern};
use crate::domain::query_syntax::{PatternChar, WildcardPattern};
use crate::index::fields::{id_field, relation_field, term_field, value_field};

/// Up to so many ids are written one by one.
const MAX_WRITTEN_IDS: u64 = 1_024;
/// Terms of one condition; OpenSearch refuses more.
const MAX_TERMS: usize = 65_536;
/// Bitmaps with ids on both sides of this are answered wrongly.
const SIGN_BIT: u32 = 1 << 31;
/// States of the automaton of a regular expression.
const MAX_STATES: u32 = 100_000;

/// Writes plans about rows of one entity.
#[derive(Debug, Clone, Copy)]
pub struct QueryWriter {
    pub entity: EntityKind,
    /// Whether the cluster accepts sets of ids as bitmaps (2.17 and newer).
    pub has_bitmaps: bool,
}

impl QueryWriter {
    /// The rows of a plan. Rows that are only known from documents of others take part in joins, not in results.
    pub fn write_search(self, plan: &Plan, is_scored: bool, with_stubs: bool) -> Value {
        let entity = self.entity.to_string();
        let mut filter = vec![json!({"term": {"entity": &entity}})];
        let mut must = Vec::new();
        if is_scored {
            must.push(self.write(plan));
        } else {
            filter.push(self.write(plan));
        }
        let must_not = if with_stubs { Vec::new() } else { vec![json!({"term": {"stub": &entity}})] };
        json!({"bool": {"filter": filter, "must": must, "must_not": must_not}})
    }

    fn write(self, plan: &Plan) -> Value {
        match plan {
            Plan::All => json!({"match_all": {}}),
            Plan::Nothing => json!({"match_none": {}}),
            Plan::Ids(ids) => self.write_ids(&id_field(self.entity), ids),
            Plan::Related(relation, ids) => self.write_ids(&relation_field(self.entity, relation), ids),
            Plan::Integer(attribute, low, high) => {
                let field = rename_field(&value_field(self.entity, attribute));
                without_score(&json!({"range": {field: {"gte": low, "lte": high}}}))
            }
            Plan::Number(_, low, high) if *low == f64::INFINITY || *high == f64::NEG_INFINITY => {
                json!({"match_none": {}})
            }
            Plan::Number(attribute, low, high) => {
                let field = rename_field(&value_field(self.entity, attribute));
                without_score(&json!({"range": {field: write_number_bounds(*low, *high)}}))
            }
            Plan::Term(term, text) => json!({"term": {(self.name_field(*term)): {"value": text}}}),
            Plan::Phrase(term, words, slop) => {
                json!({"match_phrase": {(self.name_field(*term)): {"query": join_terms(words), "slop": slop}}})
            }
            Plan::Pattern(term, pattern) => write_pattern(&self.name_field(*term), pattern),
            Plan::Fuzzy(term, word, edits) => json!({"fuzzy": {(self.name_field(*term)): {
                "value": word, "fuzziness": edits, "prefix_length": 0, "transpositions": true, "rewrite": "constant_score",
            }}}),
            Plan::Path(attribute, pattern) => {
                let is_lower_case = pattern.case == CaseMatching::Insensitive;
                let field = compared_path_field(self.entity, attribute, is_lower_case);
                let value = render_path_regexp(pattern);
                without_score(&json!({"regexp": {field: {
                    "value": value, "flags": "NONE", "max_determinized_states": MAX_STATES,
                }}}))
            }
            Plan::And(plans) => self.write_conjunction(plans),
            // Without conditions, OpenSearch would find all rows.
            Plan::Or(plans) if plans.is_empty() => json!({"match_none": {}}),
            Plan::Or(plans) => {
                let should: Vec<Value> = plans.iter().map(|plan| self.write(plan)).collect();
                json!({"bool": {"should": should, "minimum_should_match": 1}})
            }
            Plan::Preferred(required, optional) => {
                json!({"bool": {"must": [self.write(required)], "should": [self.write(optional)]}})
            }
            Plan::Not(plan) => {
                let all = without_score(&json!({"match_all": {}}));
                json!({"bool": {"must": [all], "must_not": [self.write(plan)]}})
            }
            Plan::Boost(plan, factor) => json!({"bool": {"must": [self.write(plan)], "boost": factor}}),
            Plan::Constant(plan, score) => {
                json!({"constant_score": {"filter": self.write(plan), "boost": score}})
            }
        }
    }

    fn write_conjunction(self, plans: &[Plan]) -> Value {
        let (mut must, mut must_not) = (Vec::new(), Vec::new());
        for plan in plans {
            match plan {
                Plan::Not(inner) => must_not.push(self.write(inner)),
                plan => must.push(self.write(plan)),
            }
        }
        if must.is_empty() {
            must.push(without_score(&json!({"match_all": {}})));
        }
        json!({"bool": {"must": must, "must_not": must_not}})
    }

    fn name_field(self, term: TermField) -> String {
        rename_field(&term_field(self.entity, term.attribute, term.kind))
    }

    fn write_ids(self, field: &str, ids: &RoaringTreemap) -> Value {
        if ids.len() <= MAX_WRITTEN_IDS {
            let ids: Vec<i64> = ids.iter().map(u64::cast_signed).collect();
            return without_score(&json!({"terms": {(rename_field(field)): ids}}));
        }
        let parts: Vec<Value> = if self.has_bitmaps {
            ids.bitmaps().map(|(high, bitmap)| write_bitmap(field, high, bitmap)).collect()
        } else {
            let ids: Vec<i64> = ids.iter().map(u64::cast_signed).collect();
            ids.chunks(MAX_TERMS).map(|ids| json!({"terms": {(rename_field(field)): ids}})).collect()
        };
        without_score(&json!({"bool": {"should": parts, "minimum_should_match": 1}}))
    }
}

/// Ids with the same upper 32 bits. The field of the lower ones has a sign, which the bitmap has not.
fn write_bitmap(field: &str, high: u32, bitmap: &RoaringBitmap) -> Value {
    let (mut positive, mut negative) = (bitmap.clone(), bitmap.clone());
    positive.remove_range(SIGN_BIT..);
    negative.remove_range(..SIGN_BIT);
    let parts: Vec<Value> = [positive, negative]
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| json!({"terms": {(low_bits_field(field)): [encode_bitmap(part)], "value_type": "bitmap"}}))
        .collect();
    let low = json!({"bool": {"should": parts, "minimum_should_match": 1}});
    let high_field = high_bits_field(field);
    if high == 0 {
        json!({"bool": {"filter": [low], "must_not": [{"exists": {"field": high_field}}]}})
    } else {
        json!({"bool": {"filter": [low, {"term": {high_field: high}}]}})
    }
}

/// The portable form, in base64 without line breaks.
fn encode_bitmap(bitmap: &RoaringBitmap) -> String {
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    // Writing to memory does not fail.
    let _ = bitmap.serialize_into(&mut bytes);
    BASE64.encode(&bytes)
}

fn write_pattern(field: &str, pattern: &TermPattern) -> Value {
    match pattern {
        TermPattern::Prefix(prefix) => json!({"prefix": {field: {"value": prefix}}}),
        TermPattern::Wildcard(pattern) => json!({"wildcard": {field: {"value": write_wildcards(pattern)}}}),
        TermPattern::Range(low, high) => {
            let mut bounds = serde_json::Map::new();
            if let Some((bound, inclusive)) = low {
                bounds.insert(if *inclusive { "gte" } else { "gt" }.to_owned(), bound.as_str().into());
            }
            if let Some((bound, inclusive)) = high {
                bounds.insert(if *inclusive { "lte" } else { "lt" }.to_owned(), bound.as_str().into());
            }
            json!({"constant_score": {"filter": {"range": {field: bounds}}, "boost": 1.0}})
        }
    }
}

fn write_wildcards(pattern: &WildcardPattern) -> String {
    let mut text = String::new();
    for pattern_char in pattern.chars() {
        match pattern_char {
            PatternChar::AnyChars => text.push('*'),
            PatternChar::AnyChar => text.push('?'),
            PatternChar::Literal(c) => {
                if matches!(c, '*' | '?' | '\\') {
                    text.push('\\');
                }
                text.push(*c);
            }
        }
    }
    text
}

/// JSON has no infinite numbers: such a bound is left out.
fn write_number_bounds(low: f64, high: f64) -> Value {
    let mut bounds = serde_json::Map::new();
    for (name, bound) in [("gte", low), ("lte", high)] {
        if bound.is_finite() {
            bounds.insert(name.to_owned(), json!(bound));
        }
    }
    Value::Object(bounds)
}

fn without_score(query: &Value) -> Value {
    json!({"constant_score": {"filter": query, "boost": 0.0}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::collect_set;

    const WRITER: QueryWriter = QueryWriter { entity: EntityKind::Datafile, has_bitmaps: true };

    #[test]
    fn ids_on_both_sides_of_the_sign_bit_are_separate_bitmaps() {
        let ids = collect_set((0..2_000).map(|n| i64::from(SIGN_BIT) - 1_000 + n));
        let query = WRITER.write(&Plan::Ids(ids)).to_string();
        assert_eq!(query.matches("\"value_type\":\"bitmap\"").count(), 2);
    }

    #[test]
    fn larger_ids_are_told_apart_by_their_upper_half() {
        let ids = collect_set((0..1_500).chain((1 << 32)..(1 << 32) + 1_500));
        let query = WRITER.write(&Plan::Ids(ids)).to_string();
        assert!(query.contains(r#""must_not":[{"exists":{"field":"Datafile:id:high"}}]"#), "{query}");
        assert!(query.contains(r#"{"term":{"Datafile:id:high":1}}"#), "{query}");
    }

    #[test]
    fn without_bitmaps_a_condition_has_no_more_terms_than_are_accepted() {
        let ids = collect_set(0..150_000);
        let query = QueryWriter { has_bitmaps: false, ..WRITER }.write(&Plan::Ids(ids)).to_string();
        assert_eq!(query.matches("\"terms\"").count(), 3);
    }

    #[test]
    fn characters_of_wildcards_are_escaped() {
        let pattern =
            WildcardPattern::new(vec![PatternChar::Literal('*'), PatternChar::AnyChars, PatternChar::Literal('\\')]);
        assert_eq!(write_wildcards(&pattern), r"\**\\");
    }

    #[test]
    fn infinite_bounds_are_left_out() {
        assert_eq!(write_number_bounds(f64::NEG_INFINITY, 3.0), json!({"lte": 3.0}));
    }
}

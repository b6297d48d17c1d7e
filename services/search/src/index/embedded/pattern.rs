//! Rows with a term that matches a pattern.
//!
//! The terms are read from the dictionary of each segment until the deadline, so that a pattern which matches millions of terms
//! ends in time. Rows match equally well, whatever term they have.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tantivy::index::{InvertedIndexReader, SegmentReader};
use tantivy::query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::termdict::TermStreamer;
use tantivy::{BitSet, DocId, DocSet as _, Score};
use tantivy_fst::{Automaton, Regex};

use crate::domain::deadline::Deadline;
use crate::domain::plan::TermPattern;
use crate::index::error::IndexError;

/// Terms between two checks of the deadline.
const TERMS_BETWEEN_CHECKS: usize = 256;

/// A pattern that is ready to be compared with terms.
#[derive(Clone)]
enum CompiledPattern {
    Prefix(String),
    Range(Option<(String, bool)>, Option<(String, bool)>),
    Wildcard(Arc<Regex>),
}

#[derive(Clone)]
pub struct PatternQuery {
    field: Field,
    pattern: CompiledPattern,
    deadline: Deadline,
}

impl PatternQuery {
    pub fn new(field: Field, pattern: &TermPattern, deadline: Deadline) -> Result<Self, IndexError> {
        let pattern = match pattern {
            TermPattern::Prefix(prefix) => CompiledPattern::Prefix(prefix.clone()),
            TermPattern::Range(low, high) => CompiledPattern::Range(low.clone(), high.clone()),
            TermPattern::Wildcard(wildcard) => {
                let regex = Regex::new(&wildcard.to_regex()).map_err(|_| IndexError::Pattern)?;
                CompiledPattern::Wildcard(Arc::new(regex))
            }
        };
        Ok(Self { field, pattern, deadline })
    }
}

impl fmt::Debug for PatternQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatternQuery").field("field", &self.field).finish_non_exhaustive()
    }
}

impl Query for PatternQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(PatternWeight(self.clone())))
    }
}

struct PatternWeight(PatternQuery);

impl Weight for PatternWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let PatternQuery { field, pattern, deadline } = &self.0;
        let index = reader.inverted_index(*field)?;
        let mut rows = Rows { index: &index, deadline, rows: BitSet::with_max_value(reader.max_doc()) };
        let terms = index.terms();
        match pattern {
            CompiledPattern::Prefix(prefix) => {
                let range = terms.range().ge(prefix);
                let range = match end_of_prefix(prefix) {
                    Some(end) => range.lt(end),
                    None => range,
                };
                rows.collect_rows(range.into_stream()?)?;
            }
            CompiledPattern::Range(low, high) => {
                let mut range = terms.range();
                if let Some((bound, inclusive)) = low {
                    range = if *inclusive { range.ge(bound) } else { range.gt(bound) };
                }
                if let Some((bound, inclusive)) = high {
                    range = if *inclusive { range.le(bound) } else { range.lt(bound) };
                }
                rows.collect_rows(range.into_stream()?)?;
            }
            CompiledPattern::Wildcard(regex) => {
                let automaton = DeadlineAutomaton::new(regex, *deadline);
                rows.collect_rows(terms.search(automaton).into_stream()?)?;
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(rows.rows), boost)))
    }

    fn explain(&self, reader: &SegmentReader, row: DocId) -> tantivy::Result<Explanation> {
        let matches = self.scorer(reader, 1.0)?.seek(row) == row;
        Ok(Explanation::new("a term matches the pattern", if matches { 1.0 } else { 0.0 }))
    }
}

/// Rows of a segment that have one of the terms of a stream.
struct Rows<'r> {
    index: &'r InvertedIndexReader,
    deadline: &'r Deadline,
    rows: BitSet,
}

impl Rows<'_> {
    fn collect_rows<A: Automaton>(&mut self, mut terms: TermStreamer<'_, A>) -> tantivy::Result<()> {
        let mut read = 0;
        while terms.advance() {
            if read % TERMS_BETWEEN_CHECKS == 0 {
                self.deadline.check().map_err(io::Error::other)?;
            }
            read += 1;
            let mut postings = self.index.read_block_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
            while !postings.docs().is_empty() {
                for row in postings.docs() {
                    self.rows.insert(*row);
                }
                postings.advance();
            }
        }
        self.deadline.check().map_err(io::Error::other)?;
        Ok(())
    }
}

/// The first text after all that begin with the prefix; `None` if there is no such text.
fn end_of_prefix(prefix: &str) -> Option<Vec<u8>> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// Steps between two looks at the time.
const STEPS_BETWEEN_CHECKS: u32 = 4_096;

/// A regular expression that matches nothing more when the time is over: a dictionary of millions of terms may have none that
/// matches.
struct DeadlineAutomaton<'r> {
    regex: &'r Regex,
    deadline: Deadline,
    steps: AtomicU32,
    is_over: AtomicBool,
}

impl<'r> DeadlineAutomaton<'r> {
    fn new(regex: &'r Regex, deadline: Deadline) -> Self {
        Self { regex, deadline, steps: AtomicU32::new(0), is_over: AtomicBool::new(false) }
    }
}

impl Automaton for DeadlineAutomaton<'_> {
    type State = <Regex as Automaton>::State;

    fn start(&self) -> Self::State {
        self.regex.start()
    }

    fn is_match(&self, state: &Self::State) -> bool {
        self.regex.is_match(state)
    }

    fn can_match(&self, state: &Self::State) -> bool {
        let steps = self.steps.fetch_add(1, Ordering::Relaxed);
        if steps.is_multiple_of(STEPS_BETWEEN_CHECKS) && self.deadline.check().is_err() {
            self.is_over.store(true, Ordering::Relaxed);
        }
        !self.is_over.load(Ordering::Relaxed) && self.regex.can_match(state)
    }

    fn accept(&self, state: &Self::State, byte: u8) -> Self::State {
        self.regex.accept(state, byte)
    }
}

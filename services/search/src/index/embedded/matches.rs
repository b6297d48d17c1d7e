//! The rows of a segment that a search finds.

use std::fmt::Debug;

use tantivy::columnar::Column;
use tantivy::index::SegmentReader;
use tantivy::query::Scorer;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, Score, TERMINATED};

use crate::domain::deadline::Deadline;
use crate::index::error::IndexError;

/// Rows between two checks of the deadline.
const ROWS_BETWEEN_CHECKS: u32 = 4_096;
/// Rows that are handled together.
const ROWS_PER_BLOCK: usize = 4_096;

/// The rows of one segment that match.
pub struct Matches<'m> {
    pub scorer: Box<dyn Scorer>,
    pub segment: &'m SegmentReader,
    pub deadline: Deadline,
}

impl Matches<'_> {
    /// Gives each row with its score.
    pub fn for_each_scored(mut self, mut handle: impl FnMut(DocId, Score)) -> Result<(), IndexError> {
        let alive = self.segment.alive_bitset();
        let mut row = self.scorer.doc();
        let mut seen = 0;
        while row != TERMINATED {
            if seen % ROWS_BETWEEN_CHECKS == 0 {
                self.deadline.check()?;
            }
            seen += 1;
            if alive.is_none_or(|alive| alive.is_alive(row)) {
                handle(row, self.scorer.score().min(f32::MAX));
            }
            row = self.scorer.advance();
        }
        // Conditions that are evaluated row by row accept every row when the time is over.
        self.deadline.check()?;
        Ok(())
    }

    /// Gives the first value of each row that has one.
    pub fn for_each_value<T>(self, column: &Column<T>, mut handle: impl FnMut(T)) -> Result<(), IndexError>
    where
        T: PartialOrd + Copy + Debug + Send + Sync + 'static,
    {
        let mut values = Vec::new();
        self.for_each_block(|rows| {
            values.clear();
            values.resize(rows.len(), None);
            column.first_vals(rows, &mut values);
            values.iter().flatten().copied().for_each(&mut handle);
        })
    }

    /// Gives the rows in blocks, ascending, without scores.
    pub fn for_each_block(mut self, mut handle: impl FnMut(&[DocId])) -> Result<(), IndexError> {
        let alive = self.segment.alive_bitset();
        let mut block = Vec::with_capacity(ROWS_PER_BLOCK);
        let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
        loop {
            let mut read = 0;
            while read < ROWS_PER_BLOCK {
                let count = self.scorer.fill_buffer(&mut buffer);
                block.extend(buffer[..count].iter().filter(|row| alive.is_none_or(|alive| alive.is_alive(**row))));
                read += count;
                if count < buffer.len() {
                    break;
                }
            }
            // Conditions that are evaluated row by row accept every row when the time is over.
            self.deadline.check()?;
            handle(&block);
            block.clear();
            if read < ROWS_PER_BLOCK {
                return Ok(());
            }
        }
    }
}

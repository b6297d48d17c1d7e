//! Stored batches as changes of rows.

use crate::domain::change_request::{RowChange, parse_documents, parse_modify};
use crate::store::change_batches::{BatchKind, ChangeBatch};

/// The changes of a batch.
/// What cannot be indexed was set aside when the batch was accepted.
pub fn parse_batch(batch: &ChangeBatch) -> Vec<RowChange> {
    let entity = batch.entity.parse();
    let parsed = match (batch.kind, entity) {
        (BatchKind::Modify, _) => parse_modify(&batch.body),
        (BatchKind::Add, Ok(entity)) => parse_documents(entity, &batch.body),
        (BatchKind::Clear, Ok(entity)) => return vec![RowChange::DeleteAll(entity)],
        (BatchKind::BeginGeneration, Ok(entity)) => return vec![RowChange::BeginGeneration(entity, batch.id)],
        (BatchKind::EndGeneration, Ok(entity)) => {
            return batch
                .body
                .parse()
                .map(|generation| RowChange::DeleteOlderGenerations(entity, generation))
                .into_iter()
                .collect();
        }
        (_, Err(_)) => return Vec::new(),
    };
    match parsed {
        Ok(parsed) => parsed.changes,
        Err(e) => {
            tracing::error!(batch.id, error = e.to_string(), "an accepted batch cannot be read and is left out");
            Vec::new()
        }
    }
}

//! Documents that cannot be indexed.

use service_kit::{DbError, Micros, Tx};

use crate::domain::change_request::RejectedDocument;

const CREATE: &str = "INSERT INTO rejected_document (id, entity, entity_id, reason, document, rejected_at) \
                      VALUES ($1, $2, $3, $4, $5, $6)";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 1] = [CREATE];

pub async fn create_rejected_documents(
    tx: &mut Tx,
    documents: &[RejectedDocument],
    now: Micros,
) -> Result<(), DbError> {
    let ids = tx.allocate_ids(documents.len()).await?;
    for (id, document) in ids.into_iter().zip(documents) {
        let RejectedDocument { entity, entity_id, reason, document } = document;
        let vals = [
            id.into(),
            entity.as_str().into(),
            (*entity_id).into(),
            reason.as_str().into(),
            document.as_str().into(),
            now.into(),
        ];
        tx.execute(CREATE, &vals).await?;
    }
    Ok(())
}

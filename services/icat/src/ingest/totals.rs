//! Updates the size and the number of files of datasets and investigations.

use icat_client::schema::Entity;
use service_kit::Val;

use super::IngestError;
use super::catalogue::{IngestCatalogue, find_entity};
use crate::error::Error;
use crate::store::entities::{self, value_index};

pub const SUM_OF_DATASET: &str = "SELECT CAST(COALESCE(SUM(filesize), 0) AS BIGINT) AS bytes, COUNT(id) AS files \
     FROM datafile WHERE dataset_id = $1";
pub const SUM_OF_INVESTIGATION: &str = "SELECT CAST(COALESCE(SUM(filesize), 0) AS BIGINT) AS bytes, \
     CAST(COALESCE(SUM(filecount), 0) AS BIGINT) AS files FROM dataset WHERE investigation_id = $1";

impl IngestCatalogue<'_> {
    pub async fn update_dataset_totals(&self, dataset: i64) -> Result<(), IngestError> {
        self.update_totals(find_entity("Dataset")?, dataset, SUM_OF_DATASET).await
    }

    pub async fn update_investigation_totals(&self, investigation: i64) -> Result<(), IngestError> {
        self.update_totals(find_entity("Investigation")?, investigation, SUM_OF_INVESTIGATION).await
    }

    async fn update_totals(&self, entity: &'static Entity, id: i64, sql: &str) -> Result<(), IngestError> {
        let author = self.new_author();
        author
            .run_transaction(self.db, &self.outbox, async |tx| {
                let row = tx.fetch_one(sql, &[id.into()]).await?;
                let totals = [("fileSize", row.get::<i64>("bytes")?), ("fileCount", row.get::<i64>("files")?)];
                let stored = entities::get_by_id(tx, entity, id)
                    .await?
                    .ok_or_else(|| Error::entity_not_found(entity.name, id))?;
                let changes: Vec<(usize, Val)> = totals
                    .into_iter()
                    .filter_map(|(name, total)| Some((value_index(entity, name)?, Val::from(total))))
                    .filter(|(at, total)| stored.values[*at] != *total)
                    .collect();
                if !changes.is_empty() {
                    entities::update_row(tx, entity, id, &changes, &author).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
        Ok(())
    }
}

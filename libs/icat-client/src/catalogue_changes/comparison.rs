//! The nightly comparison of all ids: it finds deleted rows, which leave no `modTime`, and rows that a poll could not see,
//! such as imported ones with an old `modTime`.

use events::messages::icat::Verb;
use service_kit::{DbError, Lease, Tx};

use super::bookmarks::{PollBookmark, find_id_block, list_id_blocks, save_id_block};
use super::create_change_events;
use super::id_blocks::block_of;
use super::metrics::EntityLabels;
use super::poll_worker::{PollError, PollWorker};
use crate::client::{ChangePoller, IcatClient, is_comparison_due};

/// The UTC hour after which all ids are compared.
const COMPARISON_HOUR: u8 = 3;

/// One entity of a comparison.
struct ComparedEntity {
    name: &'static str,
    /// Without earlier ids to compare with, all ids are only stored.
    is_first: bool,
}

impl PollWorker {
    /// Compares the entities that have not been compared since the last night. One that is interrupted starts again.
    pub(super) async fn compare_due_entities(
        &self,
        lease: &Lease,
        poller: &ChangePoller,
        names: &[&'static str],
        bookmark: &mut PollBookmark,
    ) -> Result<(), PollError> {
        for &name in names {
            let last = bookmark.compared_at.get(name).copied();
            let now = self.clock.now();
            if !is_comparison_due(last, now, COMPARISON_HOUR) {
                continue;
            }
            let entity = ComparedEntity { name, is_first: last.is_none() };
            if !self.compare_entity(lease, poller, &entity).await? {
                return Ok(());
            }
            bookmark.compared_at.insert(name.to_owned(), now);
            if !self.store_events(lease, &[], bookmark).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads all ids and compares block by block. `false` if it was interrupted.
    async fn compare_entity(
        &self,
        lease: &Lease,
        poller: &ChangePoller,
        entity: &ComparedEntity,
    ) -> Result<bool, PollError> {
        let mut stored = list_id_blocks(&self.db, entity.name).await?;
        let mut ids: Vec<i64> = Vec::new();
        let mut after = -1;
        loop {
            let question =
                async |_: &IcatClient, session: &str| poller.list_ids_after(session, entity.name, after).await;
            let page = self.reader.with_session(question).await?;
            // Ids of the block of the last one may follow.
            let open_block = page.last().map(|last| block_of(*last));
            after = page.last().copied().unwrap_or(after);
            ids.extend(page);
            let next_block = |ids: &[i64], stored: Option<&i64>| {
                let next = ids.first().map(|id| block_of(*id)).into_iter().chain(stored.copied()).min();
                next.filter(|next| open_block.is_none_or(|open| *next < open))
            };
            while let Some(block) = next_block(&ids, stored.first()) {
                let rest = ids.split_off(ids.partition_point(|id| block_of(*id) <= block));
                if !self.compare_block(lease, entity, block, &ids).await? {
                    return Ok(false);
                }
                ids = rest;
                stored.remove(&block);
            }
            if open_block.is_none() {
                return Ok(true);
            }
        }
    }

    /// Stores the ids of a block and the events of the differences. `false` if the lease is lost.
    async fn compare_block(
        &self,
        lease: &Lease,
        entity: &ComparedEntity,
        block: i64,
        ids: &[i64],
    ) -> Result<bool, DbError> {
        let known = find_id_block(&self.db, entity.name, block).await?;
        if known == ids {
            return Ok(true);
        }
        let missing_in = |all: &[i64], of: &[i64]| -> Vec<i64> {
            of.iter().copied().filter(|id| all.binary_search(id).is_err()).collect()
        };
        let (deleted, created) =
            if entity.is_first { (Vec::new(), Vec::new()) } else { (missing_in(ids, &known), missing_in(&known, ids)) };
        let now = self.clock.now();
        // A deleted row has no `modTime` any more, and what was seen of it before is older.
        let mut events = create_change_events(entity.name, Verb::Deleted, &deleted, now.as_millisecond());
        events.extend(create_change_events(entity.name, Verb::Created, &created, now.as_millisecond()));
        let save = async |tx: &mut Tx| save_id_block(tx, entity.name, block, ids, now.into()).await;
        let is_stored = self.store_events_with(lease, &events, save).await?;
        if is_stored {
            let labels = EntityLabels { entity: entity.name };
            self.metrics.changes.get_or_create(&labels).inc_by((deleted.len() + created.len()) as u64);
        }
        Ok(is_stored)
    }
}

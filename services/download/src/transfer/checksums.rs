//! Checksums that a range needs and that are not known yet: stored ones are loaded, a few files are read at once, and for
//! more the client is asked to come back while a worker reads them.

use std::sync::Arc;

use crc32fast::Hasher;
use service_kit::Problem;

use super::Transfers;
use super::member_reader::{MemberReader, ReadError};
use crate::domain::archive::{LayoutFormat, Zone, stored_blocks_length};
use crate::error;
use crate::manifest::Manifest;
use crate::storage::{Storage, StorageRoot};
use crate::store;

/// Bytes that are read in one call of the pool.
const BYTES_PER_CALL: u64 = 32 << 20;
const BUFFER_SIZE: usize = 256 * 1024;
/// An estimate of the speed of a disk, from which `Retry-After` follows.
const BYTES_PER_SECOND: u64 = 200 << 20;

impl Transfers {
    /// Makes sure that every checksum in the range is known, or will be by the time the transfer comes to it.
    pub async fn provide_checksums(
        &self,
        storage: &Storage,
        manifest: &Arc<Manifest>,
        format: LayoutFormat,
        first: u64,
        end: u64,
    ) -> Result<(), Problem> {
        if format != LayoutFormat::ZipBlocks || list_missing_checksums(manifest, first, end).is_empty() {
            return Ok(());
        }
        self.manifests.merge_stored_checksums(manifest).await?;
        let missing = list_missing_checksums(manifest, first, end);
        let bytes: u64 = missing.iter().map(|member| manifest.members()[*member].size).sum();
        if bytes > self.hash_at_once
            && let Some(id) = manifest.id
        {
            let now = self.clock.now_micros();
            self.db.write(async |tx| store::checksum_jobs::enqueue_manifest(tx, id, now).await).await?;
            self.checksums_wanted.notify_one();
            let seconds = u32::try_from(bytes / BYTES_PER_SECOND).unwrap_or(u32::MAX).clamp(2, 3600);
            return Err(error::checksums_pending(seconds));
        }
        for member in missing {
            self.compute_checksum(storage, manifest, member, async || Ok(true)).await?;
        }
        Ok(())
    }

    /// Reads one file for its checksum. `may_continue` is called before each call of the pool; false if it stopped the
    /// reading.
    pub async fn compute_checksum(
        &self,
        storage: &Storage,
        manifest: &Arc<Manifest>,
        member: usize,
        may_continue: impl AsyncFn() -> Result<bool, Problem>,
    ) -> Result<bool, Problem> {
        let size = manifest.members()[member].size;
        let mut progress = Some((0, Hasher::new()));
        while let Some((offset, hasher)) = progress.take() {
            if offset == size {
                let crc = hasher.finalize();
                if manifest.checksums.record_checksum(member, crc).is_err() {
                    let mismatch = ReadError::ChecksumMismatch { member, crc };
                    return Err(self.handle_read_error(manifest, mismatch).await);
                }
                return Ok(true);
            }
            if manifest.checksums.get(member).is_some() {
                return Ok(true);
            }
            if !may_continue().await? {
                return Ok(false);
            }
            let shared = Arc::clone(manifest);
            let read = storage.run_queued(move |root| update_hasher(root, &shared, member, offset, hasher)).await?;
            match read {
                Ok(further) => progress = Some(further),
                Err(e) => return Err(self.handle_read_error(manifest, e).await),
            }
        }
        Ok(false)
    }
}

/// Members whose checksum lies in the range and is neither known nor computed on the way to it.
fn list_missing_checksums(manifest: &Manifest, first: u64, end: u64) -> Vec<usize> {
    if first >= end || manifest.checksums.is_complete() {
        return Vec::new();
    }
    let layout = manifest.get_layout(LayoutFormat::ZipBlocks);
    let count = manifest.members().len();
    // The member of the position, and its entry in the directory.
    let members_at = |position: u64| match layout.locate(position).zone {
        Zone::Header(member) | Zone::Data(member) | Zone::Trailer(member) => (member, None),
        Zone::Entry(member) => (count, Some(member)),
        Zone::End => (count, Some(count)),
    };
    let ((first_body, first_entry), (last_body, last_entry)) = (members_at(first), members_at(end - 1));
    // Members from here on are read from their first byte, so that their checksums are known in time.
    let first_whole =
        if first <= layout.data_offset(first_body.min(count.saturating_sub(1))) { first_body } else { first_body + 1 };
    let is_unknown = |member: &usize| manifest.checksums.get(*member).is_none();
    // The descriptor of the member in whose data the range begins, if the range reaches it.
    let cut = first_body..first_whole.min(count).min(last_body + 1);
    let cut = cut.filter(|member| {
        let size = manifest.members()[*member].size;
        let descriptor = layout.data_offset(*member) + stored_blocks_length(size);
        end > descriptor
    });
    let entries = match last_entry {
        Some(last) => first_entry.unwrap_or(0)..(last + 1).min(count),
        None => 0..0,
    };
    let entries = entries.filter(|member| first_entry.is_some() || *member < first_whole);
    let mut all: Vec<usize> = cut.chain(entries).filter(is_unknown).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Reads on from `offset`; the new offset and the hasher.
fn update_hasher(
    root: &StorageRoot,
    manifest: &Manifest,
    member: usize,
    offset: u64,
    mut hasher: Hasher,
) -> Result<(u64, Hasher), ReadError> {
    let size = manifest.members()[member].size;
    let reader = MemberReader::open(root, manifest, member)?;
    let end = size.min(offset + BYTES_PER_CALL);
    let (mut offset, mut buffer) = (offset, Vec::with_capacity(BUFFER_SIZE));
    while offset < end {
        let length = usize::try_from(end - offset).unwrap_or(BUFFER_SIZE).min(BUFFER_SIZE);
        buffer.clear();
        reader.read_at(offset, length, &mut buffer)?;
        hasher.update(&buffer);
        offset += length as u64;
    }
    Ok((offset, hasher))
}

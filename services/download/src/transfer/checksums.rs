//! Checksums that a range needs and nobody knows: stored ones are fetched, a few files are read at once, and for more
//! the client is told to come back while a worker reads them.

use std::sync::Arc;

use crc32fast::Hasher;
use service_kit::{Code, Problem};

use super::refused;
use super::source::{Broken, Reading};
use crate::archive::{Form, Zone};
use crate::manifest::Manifest;
use crate::state::State;
use crate::storage::{Root, Storage};
use crate::store;

/// Read in one call of the pool.
const PER_CALL: u64 = 32 << 20;
const READ: usize = 256 * 1024;
/// What a disk gives in a second; only for telling how long to wait.
const BYTES_PER_SECOND: u64 = 200 << 20;

/// Makes sure that every checksum in the range is known, or will be known by the time the stream comes to it.
pub async fn provide(
    state: &State,
    storage: &Storage,
    manifest: &Arc<Manifest>,
    form: Form,
    first: u64,
    end: u64,
) -> Result<(), Problem> {
    if form != Form::ZipBlocks || missing(manifest, first, end).is_empty() {
        return Ok(());
    }
    if let Some(id) = manifest.id {
        let stored = {
            let mut tx = state.db.read().await?;
            store::manifests::crcs(&mut tx, id).await?
        };
        // What another process read of the same files cannot differ; if it does, the reading will tell.
        let _told_by_reading = manifest.crcs.adopt(&stored);
    }
    let missing = missing(manifest, first, end);
    let volume: u64 = missing.iter().map(|member| manifest.members()[*member].size).sum();
    if volume > state.config.hash_at_once.as_u64()
        && let Some(id) = manifest.id
    {
        let now = state.clock.now_micros();
        state.db.write(async |tx| store::hashing::ask(tx, id, now).await).await?;
        state.hashing.notify_one();
        let seconds = u32::try_from(volume / BYTES_PER_SECOND).unwrap_or(u32::MAX).clamp(2, 3600);
        let text =
            "The checksums at the end of this archive are being computed; try again later, or ask for format=tar";
        return Err(Problem::new(Code::Unavailable, "download/hashing", text).with_retry_after(seconds));
    }
    for member in missing {
        hash(state, storage, manifest, member, async || Ok(true)).await?;
    }
    Ok(())
}

/// Members whose checksum stands in the range and is neither known nor computed on the way there.
fn missing(manifest: &Manifest, first: u64, end: u64) -> Vec<usize> {
    if first >= end || manifest.crcs.all_known() {
        return Vec::new();
    }
    let layout = manifest.layout(Form::ZipBlocks);
    let count = manifest.members().len();
    let of = |position: u64| match layout.place(position).zone {
        Zone::Header(member) | Zone::Data(member) | Zone::Trailer(member) => (member, None),
        Zone::Entry(member) => (count, Some(member)),
        Zone::End => (count, Some(count)),
    };
    let ((first_body, first_entry), (last_body, last_entry)) = (of(first), of(end - 1));
    // Passed from their first byte on, so that they are known when their checksum is due.
    let passed =
        if first <= layout.data_offset(first_body.min(count.saturating_sub(1))) { first_body } else { first_body + 1 };
    let unknown = |member: &usize| manifest.crcs.get(*member).is_none();
    // The descriptor behind the data in whose midst the range begins, if the range gets there.
    let behind = first_body..passed.min(count).min(last_body + 1);
    let behind = behind.filter(|member| {
        let size = manifest.members()[*member].size;
        let data = layout.data_offset(*member);
        let descriptor = data + crate::archive::blocks_length(size);
        end > descriptor
    });
    let entries = match last_entry {
        Some(last) => first_entry.unwrap_or(0)..(last + 1).min(count),
        None => 0..0,
    };
    let entries = entries.filter(|member| first_entry.is_some() || *member < passed);
    let mut all: Vec<usize> = behind.chain(entries).filter(unknown).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Reads one file for its checksum; `go_on` is asked between the calls of the pool. Whether it came to the end.
pub async fn hash(
    state: &State,
    storage: &Storage,
    manifest: &Arc<Manifest>,
    member: usize,
    go_on: impl AsyncFn() -> Result<bool, Problem>,
) -> Result<bool, Problem> {
    let size = manifest.members()[member].size;
    let mut hasher = Some((0, Hasher::new()));
    while let Some((offset, crc)) = hasher.take() {
        if offset == size {
            let crc = crc.finalize();
            if manifest.crcs.learn(member, crc).is_err() {
                return Err(refused(state, manifest, Broken::Differs { member, crc }).await);
            }
            return Ok(true);
        }
        if manifest.crcs.get(member).is_some() {
            return Ok(true);
        }
        if !go_on().await? {
            return Ok(false);
        }
        let shared = Arc::clone(manifest);
        let read = storage.run_queued(move |root| read(root, &shared, member, offset, crc)).await?;
        match read {
            Ok(further) => hasher = Some(further),
            Err(broken) => return Err(refused(state, manifest, broken).await),
        }
    }
    Ok(false)
}

fn read(
    root: &Root,
    manifest: &Manifest,
    member: usize,
    offset: u64,
    mut crc: Hasher,
) -> Result<(u64, Hasher), Broken> {
    let size = manifest.members()[member].size;
    let reading = Reading::open(root, manifest, member)?;
    let end = size.min(offset + PER_CALL);
    let (mut at, mut buffer) = (offset, Vec::with_capacity(READ));
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(READ).min(READ);
        buffer.clear();
        reading.read(at, length, &mut buffer)?;
        crc.update(&buffer);
        at += length as u64;
    }
    Ok((at, crc))
}

//! A compressed archive, from its first byte to its last.

use std::sync::Arc;

use crc32fast::Hasher;

use super::member_reader::{Broken, Reading, look};
use crate::domain::archive::{Compressed, Compression};
use crate::manifest::Manifest;
use crate::storage::Root;

/// Read at a time; what becomes of it is at most a little more.
const READ: usize = 64 * 1024;

pub struct Packed {
    manifest: Arc<Manifest>,
    archive: Compressed,
    member: usize,
    current: Option<(Reading, u64, Hasher)>,
    finished: bool,
}

impl Packed {
    pub fn new(manifest: Arc<Manifest>, kind: Compression) -> Self {
        let archive = Compressed::new(kind, Arc::clone(manifest.members()));
        Self { manifest, archive, member: 0, current: None, finished: false }
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The next bytes, at least `want` of them before the end; none when all were given.
    pub fn fill(&mut self, root: &Root, want: usize) -> Result<Vec<u8>, Broken> {
        let mut out = Vec::new();
        while out.len() < want && !self.finished {
            self.step(root)?;
            out.extend(self.archive.take());
        }
        Ok(out)
    }

    fn step(&mut self, root: &Root) -> Result<(), Broken> {
        let member = self.member;
        let packed = |e| Broken::Unreadable(member, e);
        let Some(size) = self.manifest.members().get(member).map(|member| member.size) else {
            self.finished = true;
            return self.archive.finish().map_err(packed);
        };
        let Some((reading, next, crc)) = &mut self.current else {
            self.archive.begin(member).map_err(packed)?;
            if size == 0 {
                look(root, &self.manifest, member)?;
                self.member += 1;
                return self.archive.end(member, 0).map_err(packed);
            }
            self.current = Some((Reading::open(root, &self.manifest, member)?, 0, Hasher::new()));
            return Ok(());
        };
        let length = usize::try_from(size - *next).unwrap_or(READ).min(READ);
        let mut data = Vec::with_capacity(length);
        reading.read(*next, length, &mut data)?;
        crc.update(&data);
        *next += length as u64;
        self.archive.feed(&data).map_err(packed)?;
        if *next == size {
            let crc = std::mem::take(crc).finalize();
            self.current = None;
            self.member += 1;
            self.manifest.crcs.learn(member, crc).map_err(|_| Broken::Differs { member, crc })?;
            self.archive.end(member, crc).map_err(packed)?;
        }
        Ok(())
    }
}

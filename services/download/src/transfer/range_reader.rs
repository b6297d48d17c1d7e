//! Any range of an archive or a file, filled piece by piece from the storage. One file is open at a time.

use std::sync::Arc;

use crc32fast::Hasher;

use super::member_reader::{Broken, Reading, look};
use crate::domain::archive::{Form, Layout, Place, Zone};
use crate::manifest::Manifest;
use crate::storage::Root;

pub struct Ranges {
    manifest: Arc<Manifest>,
    layout: Arc<Layout>,
    form: Form,
    position: u64,
    end: u64,
    current: Option<Current>,
    /// A file that cannot be read; told once what lies before it was sent.
    unreadable: Option<Broken>,
}

struct Current {
    reading: Reading,
    /// Where in the file this began and where it goes on.
    first: u64,
    next: u64,
    /// Only where the checksum is wanted.
    crc: Option<Hasher>,
}

impl Ranges {
    /// The bytes from `position` to `end`, which is not included.
    pub fn new(manifest: Arc<Manifest>, form: Form, position: u64, end: u64) -> Self {
        let layout = manifest.layout(form);
        Self { manifest, layout, form, position, end, current: None, unreadable: None }
    }

    pub fn left(&self) -> u64 {
        self.end - self.position
    }

    /// The next bytes, about `want` of them; none when all were given.
    pub fn fill(&mut self, root: &Root, want: usize) -> Result<Vec<u8>, Broken> {
        if let Some(broken) = self.unreadable.take() {
            return Err(broken);
        }
        let mut out = Vec::with_capacity(want.min(usize::try_from(self.left()).unwrap_or(usize::MAX)));
        while self.position < self.end && out.len() < want {
            let whole = out.len();
            match self.step(root, want, &mut out) {
                Ok(length) => self.position += length,
                // The files before it are good, and whoever goes on behind it has them.
                Err(broken @ Broken::Unreadable(..)) if whole > 0 => {
                    out.truncate(whole);
                    self.unreadable = Some(broken);
                    return Ok(out);
                }
                Err(broken) => return Err(broken),
            }
        }
        if self.position == self.end {
            self.close()?;
        }
        Ok(out)
    }

    /// Appends what lies at the position, of one zone; how much.
    fn step(&mut self, root: &Root, want: usize, out: &mut Vec<u8>) -> Result<u64, Broken> {
        let place = self.layout.place(self.position);
        let length = place.left.min(self.left());
        match place.zone {
            Zone::Data(member) => {
                let length = length.min((want - out.len()) as u64);
                self.data(root, member, place, length, out)?;
                Ok(length)
            }
            zone => {
                self.made(root, zone, place.at, length, out)?;
                Ok(length)
            }
        }
    }

    fn made(&self, root: &Root, zone: Zone, at: u64, length: u64, out: &mut Vec<u8>) -> Result<(), Broken> {
        let crc = match self.layout.needs_crc(zone) {
            Some(member) => self.manifest.crcs.get(member).ok_or(Broken::Unknown(member))?,
            None => 0,
        };
        if let Zone::Header(member) = zone
            && self.layout.members()[member].size == 0
        {
            look(root, &self.manifest, member)?;
        }
        let bytes = self.layout.bytes(zone, crc);
        let index = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        out.extend(bytes.iter().skip(index(at)).take(index(length)));
        Ok(())
    }

    fn data(&mut self, root: &Root, member: usize, place: Place, length: u64, out: &mut Vec<u8>) -> Result<(), Broken> {
        let wanted = self.layout.data(member, place.at, length);
        let bytes = usize::try_from(wanted.end - wanted.start).unwrap_or(usize::MAX);
        if self.current.as_ref().is_none_or(|current| current.reading.member != member) {
            self.close()?;
            let size = self.layout.members()[member].size;
            if size == 0 {
                self.layout.frame(member, place.at, length, &[], out);
                return Ok(());
            }
            let reading = Reading::open(root, &self.manifest, member)?;
            let crc = self.wants_crc(member, wanted.start).then(Hasher::new);
            self.current = Some(Current { reading, first: wanted.start, next: wanted.start, crc });
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        if self.form == Form::ZipBlocks {
            let mut data = Vec::with_capacity(bytes);
            current.reading.read(wanted.start, bytes, &mut data)?;
            if let Some(crc) = &mut current.crc {
                crc.update(&data);
            }
            self.layout.frame(member, place.at, length, &data, out);
        } else {
            let start = out.len();
            current.reading.read(wanted.start, bytes, out)?;
            if let Some(crc) = &mut current.crc {
                crc.update(&out[start..]);
            }
        }
        current.next = wanted.end;
        // Before the last bytes of a member are let go, and before its checksum is asked for.
        if current.next == self.layout.members()[member].size {
            self.close()?;
        }
        Ok(())
    }

    /// Parts count towards a checksum that is not known; one that is known can be compared after a whole pass.
    fn wants_crc(&self, member: usize, first: u64) -> bool {
        match self.form {
            Form::ZipStored => first == 0,
            Form::ZipBlocks => first == 0 || self.manifest.crcs.get(member).is_none(),
            Form::Raw | Form::Tar => false,
        }
    }

    fn close(&mut self) -> Result<(), Broken> {
        let Some(Current { reading, first, next, crc: Some(crc) }) = self.current.take() else { return Ok(()) };
        let (member, crc) = (reading.member, crc.finalize());
        let size = self.layout.members()[member].size;
        let learned = self.manifest.crcs.learn_part(member, size, first..next, crc);
        learned.map_err(|_| Broken::Differs { member, crc })
    }
}

impl Drop for Ranges {
    /// What a client that hung up has seen still counts.
    fn drop(&mut self) {
        let _differs_is_told_by_whoever_reads_it_again = self.close();
    }
}

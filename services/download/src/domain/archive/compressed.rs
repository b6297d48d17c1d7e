//! Archives that are compressed while they are sent: ZIP with DEFLATE, and gzipped tar. Their length is not known before
//! their end, so they can only be written from start to end.

use std::io::{self, Write as _};
use std::mem;
use std::sync::Arc;

use flate2::write::{DeflateEncoder, GzEncoder};

use super::zip::{self, MAX_U32, Method, ZipEntry};
use super::{Member, tar};

/// The format of a compressed archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    ZipDeflate,
    TarGz,
}

/// An archive that is being written. Each member is begun, written and ended; the output can be taken at any time.
pub struct CompressedArchive {
    members: Arc<[Member]>,
    out: Output,
}

enum Output {
    Zip(Box<ZipOutput>),
    Tar(Box<GzEncoder<Vec<u8>>>),
}

#[derive(Default)]
struct ZipOutput {
    ready: Vec<u8>,
    /// Bytes of output that were taken.
    taken: u64,
    member: Option<(DeflateEncoder<Vec<u8>>, u64)>,
    /// Offset, compressed size and checksum of the complete members.
    written: Vec<(u64, u64, u32)>,
}

impl CompressedArchive {
    pub fn new(kind: Compression, members: Arc<[Member]>) -> Self {
        let out = match kind {
            Compression::ZipDeflate => Output::Zip(Box::default()),
            Compression::TarGz => Output::Tar(Box::new(GzEncoder::new(Vec::new(), flate2::Compression::default()))),
        };
        Self { members, out }
    }

    pub fn begin_member(&mut self, member: usize) -> io::Result<()> {
        match &mut self.out {
            Output::Zip(zip) => {
                let header = zip_entry(&self.members[member], 0).render_header(0);
                zip.ready.extend(header);
                zip.member = Some((DeflateEncoder::new(Vec::new(), flate2::Compression::default()), 0));
                zip.written.push((zip.taken + zip.ready.len() as u64, 0, 0));
                Ok(())
            }
            Output::Tar(gz) => gz.write_all(&tar::render_header(&self.members[member])),
        }
    }

    pub fn write_data(&mut self, data: &[u8]) -> io::Result<()> {
        match &mut self.out {
            Output::Zip(zip) => {
                if let Some((encoder, packed)) = &mut zip.member {
                    encoder.write_all(data)?;
                    let out = mem::take(encoder.get_mut());
                    *packed += out.len() as u64;
                    zip.ready.extend(out);
                }
                Ok(())
            }
            Output::Tar(gz) => gz.write_all(data),
        }
    }

    /// Ends a member; `crc` is the checksum of its data.
    pub fn end_member(&mut self, member: usize, crc: u32) -> io::Result<()> {
        let of = &self.members[member];
        match &mut self.out {
            Output::Zip(zip) => {
                if let Some((encoder, packed)) = zip.member.take() {
                    let rest = encoder.finish()?;
                    let packed = packed + rest.len() as u64;
                    zip.ready.extend(rest);
                    let entry = zip_entry(of, packed);
                    zip.ready.extend(entry.render_descriptor(crc));
                    if let Some((offset, written, checksum)) = zip.written.last_mut() {
                        *offset -= entry.header_length();
                        (*written, *checksum) = (packed, crc);
                    }
                }
                Ok(())
            }
            Output::Tar(gz) => {
                let padding = tar::pad_to_block(of.size) - of.size;
                gz.write_all(&vec![0; usize::try_from(padding).unwrap_or_default()])
            }
        }
    }

    /// Writes the end of the archive.
    pub fn finish(&mut self) -> io::Result<()> {
        match &mut self.out {
            Output::Zip(zip) => {
                let offset = zip.taken + zip.ready.len() as u64;
                let mut size = 0;
                for (member, (at, packed, crc)) in self.members.iter().zip(&zip.written) {
                    let entry = zip_entry(member, *packed).render_directory_entry(*at, *crc);
                    size += entry.len() as u64;
                    zip.ready.extend(entry);
                }
                zip.ready.extend(zip::render_end(self.members.len() as u64, offset, size));
                Ok(())
            }
            Output::Tar(gz) => {
                gz.write_all(&vec![0; usize::try_from(tar::END_LENGTH).unwrap_or_default()])?;
                gz.try_finish()
            }
        }
    }

    /// Takes the output that is ready to be sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        match &mut self.out {
            Output::Zip(zip) => {
                zip.taken += zip.ready.len() as u64;
                mem::take(&mut zip.ready)
            }
            Output::Tar(gz) => mem::take(gz.get_mut()),
        }
    }
}

/// The header comes before the data, so the largest possible compressed size decides whether it needs zip64.
fn zip_entry(member: &Member, packed: u64) -> ZipEntry<'_> {
    let most = member.size + member.size / 512 + 1024;
    ZipEntry { member, method: Method::Deflate, packed, large: most >= MAX_U32, full: false }
}

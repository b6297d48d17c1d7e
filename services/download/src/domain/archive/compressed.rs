//! Archives that are compressed while they are read: ZIP with DEFLATE, and tar within gzip. Their length is known when
//! they are done, so they go from the first byte to the last and not otherwise.

use std::io::{self, Write as _};
use std::mem;
use std::sync::Arc;

use flate2::write::{DeflateEncoder, GzEncoder};

use super::zip::{self, Entry, Method, U32};
use super::{Member, tar};

/// The two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    ZipDeflate,
    TarGz,
}

/// An archive under way. Members are begun, fed and ended in their order; what is ready is taken in between.
pub struct Compressed {
    members: Arc<[Member]>,
    out: Out,
}

enum Out {
    Zip(Box<Zip>),
    Tar(Box<GzEncoder<Vec<u8>>>),
}

#[derive(Default)]
struct Zip {
    ready: Vec<u8>,
    /// Bytes that were taken before.
    taken: u64,
    member: Option<(DeflateEncoder<Vec<u8>>, u64)>,
    /// Offset, packed size and checksum of the members that are done.
    written: Vec<(u64, u64, u32)>,
}

impl Compressed {
    pub fn new(kind: Compression, members: Arc<[Member]>) -> Self {
        let out = match kind {
            Compression::ZipDeflate => Out::Zip(Box::default()),
            Compression::TarGz => Out::Tar(Box::new(GzEncoder::new(Vec::new(), flate2::Compression::default()))),
        };
        Self { members, out }
    }

    pub fn begin(&mut self, member: usize) -> io::Result<()> {
        match &mut self.out {
            Out::Zip(zip) => {
                let header = entry(&self.members[member], 0).header(0);
                zip.ready.extend(header);
                zip.member = Some((DeflateEncoder::new(Vec::new(), flate2::Compression::default()), 0));
                zip.written.push((zip.taken + zip.ready.len() as u64, 0, 0));
                Ok(())
            }
            Out::Tar(gz) => gz.write_all(&tar::header(&self.members[member])),
        }
    }

    pub fn feed(&mut self, data: &[u8]) -> io::Result<()> {
        match &mut self.out {
            Out::Zip(zip) => {
                if let Some((encoder, packed)) = &mut zip.member {
                    encoder.write_all(data)?;
                    let out = mem::take(encoder.get_mut());
                    *packed += out.len() as u64;
                    zip.ready.extend(out);
                }
                Ok(())
            }
            Out::Tar(gz) => gz.write_all(data),
        }
    }

    /// Ends the member; `crc` is that of what was fed.
    pub fn end(&mut self, member: usize, crc: u32) -> io::Result<()> {
        let of = &self.members[member];
        match &mut self.out {
            Out::Zip(zip) => {
                if let Some((encoder, packed)) = zip.member.take() {
                    let rest = encoder.finish()?;
                    let packed = packed + rest.len() as u64;
                    zip.ready.extend(rest);
                    let entry = entry(of, packed);
                    zip.ready.extend(entry.descriptor(crc));
                    if let Some((offset, written, checksum)) = zip.written.last_mut() {
                        *offset -= entry.header_length();
                        (*written, *checksum) = (packed, crc);
                    }
                }
                Ok(())
            }
            Out::Tar(gz) => {
                let padding = tar::padded(of.size) - of.size;
                gz.write_all(&vec![0; usize::try_from(padding).unwrap_or_default()])
            }
        }
    }

    /// Writes what closes the archive.
    pub fn finish(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Zip(zip) => {
                let offset = zip.taken + zip.ready.len() as u64;
                let mut size = 0;
                for (member, (at, packed, crc)) in self.members.iter().zip(&zip.written) {
                    let entry = entry(member, *packed).directory_entry(*at, *crc);
                    size += entry.len() as u64;
                    zip.ready.extend(entry);
                }
                zip.ready.extend(zip::end(self.members.len() as u64, offset, size));
                Ok(())
            }
            Out::Tar(gz) => {
                gz.write_all(&vec![0; usize::try_from(tar::END).unwrap_or_default()])?;
                gz.try_finish()
            }
        }
    }

    /// What is ready to be sent; empty if nothing is yet.
    pub fn take(&mut self) -> Vec<u8> {
        match &mut self.out {
            Out::Zip(zip) => {
                zip.taken += zip.ready.len() as u64;
                mem::take(&mut zip.ready)
            }
            Out::Tar(gz) => mem::take(gz.get_mut()),
        }
    }
}

/// Whether sizes need zip64 stands in front of the data, so it goes by the most that they can become.
fn entry(member: &Member, packed: u64) -> Entry<'_> {
    let most = member.size + member.size / 512 + 1024;
    Entry { member, method: Method::Deflate, packed, large: most >= U32, full: false }
}

//! An archive as a stream: one read of the storage at a time, nothing kept but the directory to come.

use std::io;

use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use service_kit::Problem;

use super::layout::{BLOCK, Member, Written, block_header, descriptor, directory, local_header};
use crate::storage::{Opened, Storage};

/// Data per read: whole blocks, about [`READ_SIZE`](crate::storage::READ_SIZE).
const BLOCKS_PER_READ: u64 = 4;

/// Where the bytes of the members come from; locations in their order.
struct Archive {
    storage: Storage,
    members: Vec<Member>,
    locations: Vec<String>,
    written: Vec<Written>,
    offset: u64,
    current: Option<Current>,
    finished: bool,
}

struct Current {
    file: Opened,
    done: u64,
    crc: crc32fast::Hasher,
}

/// Streams an archive whose length is [`total`](super::total). A file that cannot be read as it was described ends the
/// stream with an error, so that the client sees a cut transfer and never a wrong archive.
pub fn stream(
    storage: Storage,
    members: Vec<Member>,
    locations: Vec<String>,
) -> impl Stream<Item = Result<Bytes, Problem>> + 'static {
    let archive =
        Archive { storage, members, locations, written: Vec::new(), offset: 0, current: None, finished: false };
    stream::try_unfold(archive, async |mut archive| {
        let piece = archive.next().await?;
        Ok(piece.map(|piece| (piece, archive)))
    })
}

impl Archive {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        if self.finished {
            return Ok(None);
        }
        let at = self.written.len();
        let piece = match (self.current.take(), self.members.get(at)) {
            (None, None) => {
                self.finished = true;
                directory(&self.members, &self.written, self.offset)
            }
            (None, Some(member)) => {
                let opened = self.storage.open_all(vec![self.locations[at].clone()]).await?;
                let file = opened.map_err(|(_, e)| Problem::internal(e))?.remove(0);
                self.current = Some(Current { file, done: 0, crc: crc32fast::Hasher::new() });
                local_header(member)
            }
            (Some(current), Some(member)) => {
                let (mut piece, current) = data(&self.storage, member, current).await?;
                if current.done < member.size {
                    self.current = Some(current);
                } else {
                    let crc = current.crc.finalize();
                    piece.extend(descriptor(member, crc));
                    let end = self.offset + piece.len() as u64;
                    self.written.push(Written { offset: end - member.length(), crc });
                }
                piece
            }
            (Some(_), None) => return Err(Problem::internal(io::Error::other("a file without its member"))),
        };
        self.offset += piece.len() as u64;
        Ok(Some(piece.into()))
    }
}

/// The next blocks of a member.
async fn data(storage: &Storage, member: &Member, mut current: Current) -> Result<(Vec<u8>, Current), Problem> {
    let length = (member.size - current.done).min(BLOCK * BLOCKS_PER_READ);
    let length = usize::try_from(length).map_err(Problem::internal)?;
    let bytes = storage.read(&current.file, current.done, length).await?.map_err(Problem::internal)?;
    current.crc.update(&bytes);
    current.done += bytes.len() as u64;
    let ends = current.done == member.size;
    let block = usize::try_from(BLOCK).map_err(Problem::internal)?;
    let mut piece = Vec::with_capacity(bytes.len() + 64);
    let mut blocks = bytes.chunks(block).peekable();
    if blocks.peek().is_none() {
        piece.extend(block_header(0, true));
    }
    while let Some(block) = blocks.next() {
        let last = ends && blocks.peek().is_none();
        piece.extend(block_header(u16::try_from(block.len()).map_err(Problem::internal)?, last));
        piece.extend(block);
    }
    Ok((piece, current))
}

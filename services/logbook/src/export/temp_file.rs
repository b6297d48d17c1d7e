//! A temporary file for content that is added to an archive later.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use service_kit::Blocking;

use crate::error::Error;
use crate::export::sink::ExportError;

/// Bytes that are read at once.
const CHUNK_SIZE: usize = 64 * 1024;

/// A file that is written, then read once, and removed when it is dropped.
pub struct TempFile {
    file: Arc<fs::File>,
    pool: Blocking,
    offset: u64,
}

impl TempFile {
    pub fn new(file: fs::File, pool: Blocking) -> Self {
        Self { file: Arc::new(file), pool, offset: 0 }
    }

    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), ExportError> {
        let file = Arc::clone(&self.file);
        let written = self.pool.run_queued(move || (&*file).write_all(&bytes)).await?;
        Ok(written.map_err(Error::Storage)?)
    }

    /// The next bytes; `None` at the end.
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        let (file, offset) = (Arc::clone(&self.file), self.offset);
        let read = self.pool.run_queued(move || {
            let mut chunk = vec![0; CHUNK_SIZE];
            let length = file.read_at(&mut chunk, offset)?;
            chunk.truncate(length);
            Ok::<_, io::Error>(chunk)
        });
        let chunk = read.await?.map_err(Error::Storage)?;
        self.offset += chunk.len() as u64;
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

//! A ZIP that is written while it is sent.

use std::io::{self, Write};
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use service_kit::{Blocking, Problem};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::{Sink, Stopped};

/// What is compressed and not yet sent.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compresses in a pool of its own and sends what comes out.
pub struct Archive<'s> {
    /// It is large; in a box it moves cheaply between the pool and here.
    zip: Option<Box<ZipWriter<StreamWriter<Buffer>>>>,
    out: Buffer,
    pool: Blocking,
    sink: &'s Sink,
}

impl<'s> Archive<'s> {
    pub fn new(pool: &Blocking, sink: &'s Sink) -> Self {
        let out = Buffer::default();
        Self { zip: Some(Box::new(ZipWriter::new_stream(out.clone()))), out, pool: pool.clone(), sink }
    }

    /// Begins the next file.
    pub async fn begin(&mut self, name: String) -> Result<(), Stopped> {
        // A file whose size is not known beforehand may become larger than the old form holds.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.work(move |zip| zip.start_file(name, options)).await
    }

    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Stopped> {
        self.work(move |zip| Ok(zip.write_all(&bytes)?)).await
    }

    pub async fn finish(mut self) -> Result<(), Stopped> {
        if let Some(zip) = self.zip.take() {
            zip.finish().map_err(Problem::internal)?;
        }
        self.send().await
    }

    async fn work(
        &mut self,
        step: impl FnOnce(&mut ZipWriter<StreamWriter<Buffer>>) -> Result<(), ZipError> + Send + 'static,
    ) -> Result<(), Stopped> {
        let gone = || Problem::internal("the archive was finished already");
        let mut zip = self.zip.take().ok_or_else(gone)?;
        let (zip, done) = self
            .pool
            .run_in_turn(move || {
                let done = step(&mut zip);
                (zip, done)
            })
            .await?;
        self.zip = Some(zip);
        done.map_err(Problem::internal)?;
        self.send().await
    }

    async fn send(&mut self) -> Result<(), Stopped> {
        let piece = take(&mut *self.out.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.sink.send(piece).await
    }
}

/// A part of a path that every system takes.
pub fn safe_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = name.chars().map(safe).take(100).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "file".to_owned() } else { name.to_owned() }
}

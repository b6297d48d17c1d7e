//! A ZIP that is sent while it is written.

use std::io::{self, Write};
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use service_kit::{Blocking, Problem};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::export::sink::{ExportError, Sink};

/// Compressed bytes that are not sent yet.
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

/// Compresses files in a pool, and sends the ZIP.
pub struct ZipStream<'s> {
    /// Boxed, because it is large and moves between the pool and this task.
    zip: Option<Box<ZipWriter<StreamWriter<Buffer>>>>,
    out: Buffer,
    pool: Blocking,
    sink: &'s Sink,
}

impl<'s> ZipStream<'s> {
    pub fn new(pool: &Blocking, sink: &'s Sink) -> Self {
        let out = Buffer::default();
        Self { zip: Some(Box::new(ZipWriter::new_stream(out.clone()))), out, pool: pool.clone(), sink }
    }

    /// Starts a file with the time `at`.
    pub async fn start_file(&mut self, name: String, at: Timestamp) -> Result<(), ExportError> {
        // The size is unknown and may exceed the limit of a ZIP without Zip64.
        let options = file_options(at).compression_method(CompressionMethod::Deflated).large_file(true);
        self.run_step(move |zip| zip.start_file(name, options)).await
    }

    /// Adds a directory with the time `at`.
    pub async fn add_directory(&mut self, name: String, at: Timestamp) -> Result<(), ExportError> {
        self.run_step(move |zip| zip.add_directory(name, file_options(at))).await
    }

    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), ExportError> {
        self.run_step(move |zip| Ok(zip.write_all(&bytes)?)).await
    }

    pub async fn finish(mut self) -> Result<(), ExportError> {
        if let Some(zip) = self.zip.take() {
            zip.finish().map_err(Problem::internal)?;
        }
        self.send_compressed().await
    }

    async fn run_step(
        &mut self,
        step: impl FnOnce(&mut ZipWriter<StreamWriter<Buffer>>) -> Result<(), ZipError> + Send + 'static,
    ) -> Result<(), ExportError> {
        let gone = || Problem::internal("the archive was finished already");
        let mut zip = self.zip.take().ok_or_else(gone)?;
        let (zip, done) = self
            .pool
            .run_queued(move || {
                let done = step(&mut zip);
                (zip, done)
            })
            .await?;
        self.zip = Some(zip);
        done.map_err(Problem::internal)?;
        self.send_compressed().await
    }

    async fn send_compressed(&mut self) -> Result<(), ExportError> {
        let piece = take(&mut *self.out.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.sink.send(piece).await
    }
}

fn file_options(at: Timestamp) -> SimpleFileOptions {
    SimpleFileOptions::default().last_modified_time(to_zip_time(at))
}

/// A time in UTC; a ZIP has no zones, and no years before 1980.
fn to_zip_time(at: Timestamp) -> zip::DateTime {
    let at = TimeZone::UTC.to_datetime(at);
    let part = |part: i8| part.unsigned_abs();
    let (year, month, day) = (at.year().unsigned_abs(), part(at.month()), part(at.day()));
    zip::DateTime::from_date_and_time(year, month, day, part(at.hour()), part(at.minute()), part(at.second()))
        .unwrap_or_default()
}

/// Maximum characters of a file name, and of its extension.
const MAX_NAME: usize = 100;
const MAX_ENDING: usize = 20;

/// A file name that is valid on all systems. A long name is cut before its extension.
pub fn safe_filename(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = name.trim_start_matches('.').chars().map(safe).collect();
    let length = name.chars().count();
    let ending = name.rfind('.').map(|at| &name[at..]).filter(|ending| ending.chars().count() <= MAX_ENDING);
    let name = match ending {
        Some(ending) if length > MAX_NAME => {
            let kept = MAX_NAME - ending.chars().count();
            format!("{}{ending}", name.chars().take(kept).collect::<String>())
        }
        _ => name.chars().take(MAX_NAME).collect(),
    };
    if name.is_empty() { "file".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_endings() {
        assert_eq!(safe_filename("a b/ü.tar.gz"), "a_b_ü.tar.gz");
        let long = safe_filename(&format!("{}.jpeg", "x".repeat(300)));
        assert_eq!((long.len(), long.ends_with("x.jpeg")), (100, true));
        assert_eq!(safe_filename(&"y".repeat(300)).len(), 100);
        assert_eq!((safe_filename(".."), safe_filename("")), ("file".to_owned(), "file".to_owned()));
        let at = "2026-01-12T09:30:14Z".parse().unwrap();
        assert_eq!(to_zip_time(at).to_string(), "2026-01-12 09:30:14");
    }

    #[tokio::test]
    async fn files_and_empty_directories_have_their_dates() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(100);
        let (pool, sink) = (service_kit::Pools::default().open("documents", 1, 1), Sink(sender));
        let mut archive = ZipStream::new(&pool, &sink);
        let written = async {
            archive.add_directory("a/b".to_owned(), "2026-01-12T09:30:14Z".parse().unwrap()).await?;
            archive.start_file("a/c".to_owned(), "2026-01-13T10:00:02Z".parse().unwrap()).await?;
            archive.write(b"c".to_vec()).await?;
            archive.finish().await
        };
        assert!(written.await.is_ok());
        drop(sink);
        let mut bytes = Vec::new();
        while let Some(piece) = receiver.recv().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        let mut read = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
        let mut date = |name: &str| read.by_name(name).unwrap().last_modified().unwrap().to_string();
        assert_eq!((date("a/b/"), date("a/c")), ("2026-01-12 09:30:14".to_owned(), "2026-01-13 10:00:02".to_owned()));
    }
}

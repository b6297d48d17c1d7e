//! An upload, stored in an unnamed temporary file until it is complete, then read line by line.

use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;

use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, BufReader};

use super::Attributes;
use super::parser::{self, Cell, Header};
use crate::error::Error;

/// Longer lines are refused.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// A temporary file that is deleted when this is dropped.
pub struct Upload {
    file: File,
}

impl Upload {
    /// Creates the file in `dir`, or in the system's temporary directory if `dir` does not exist.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        let file = if dir.is_dir() { tempfile::tempfile_in(dir) } else { tempfile::tempfile() };
        let file = file.map_err(Error::Upload)?;
        Ok(Self { file: File::from_std(file) })
    }

    pub async fn append(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.file.write_all(piece).await.map_err(Error::Upload)
    }

    /// Reads the lines from the start.
    pub async fn lines(&mut self, attributes: Attributes) -> Result<Lines<'_>, Error> {
        self.file.flush().await.map_err(Error::Upload)?;
        self.file.seek(SeekFrom::Start(0)).await.map_err(Error::Upload)?;
        let reader = BufReader::new(&mut self.file);
        Ok(Lines { reader, attributes, number: 0, has_version: false, header: None })
    }
}

/// One line of values and its line number.
#[derive(Debug, Clone)]
pub struct Line {
    pub number: usize,
    pub cells: Vec<Cell>,
}

pub struct Lines<'u> {
    reader: BufReader<&'u mut File>,
    attributes: Attributes,
    number: usize,
    has_version: bool,
    header: Option<Arc<Header>>,
}

impl Lines<'_> {
    /// The next line of values with its header; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<(Arc<Header>, Line)>, Error> {
        loop {
            let mut bytes = Vec::new();
            let limited = &mut (&mut self.reader).take(MAX_LINE_BYTES);
            if limited.read_until(b'\n', &mut bytes).await.map_err(Error::Upload)? == 0 {
                return if self.has_version { Ok(None) } else { Err(self.invalid_file("the file is empty")) };
            }
            self.number += 1;
            if bytes.len() as u64 == MAX_LINE_BYTES {
                return Err(self.bad_line(&format!("a line is longer than {MAX_LINE_BYTES} bytes")));
            }
            let text = String::from_utf8(bytes).map_err(|_| self.bad_line("the file is not UTF-8"))?;
            if let Some(found) = self.parse_line(text.trim())? {
                return Ok(Some(found));
            }
        }
    }

    fn parse_line(&mut self, text: &str) -> Result<Option<(Arc<Header>, Line)>, Error> {
        if text.starts_with('#') {
            return Ok(None);
        }
        if text.is_empty() {
            self.header = None;
            return Ok(None);
        }
        if !self.has_version {
            // icat.server writes 1.0 and reads any 1.x.
            if !text.starts_with("1.") {
                return Err(self.invalid_file(&format!("the file begins with its version, 1.0, not with {text}")));
            }
            self.has_version = true;
            return Ok(None);
        }
        let Some(header) = self.header.clone() else {
            let header = parser::parse_header(text, self.attributes).map_err(|e| self.bad_line(&e))?;
            self.header = Some(Arc::new(header));
            return Ok(None);
        };
        let cells = parser::parse_cells(text).map_err(|e| self.bad_line(&e))?;
        if cells.len() < header.column_count() {
            return Err(self.bad_line(&format!(
                "the line has {} values, its header {}",
                cells.len(),
                header.column_count()
            )));
        }
        Ok(Some((header, Line { number: self.number, cells })))
    }

    fn bad_line(&self, text: &str) -> Error {
        with_line_number(Error::BadParameter(text.to_owned()), self.number)
    }

    fn invalid_file(&self, text: &str) -> Error {
        with_line_number(Error::Validation(text.to_owned()), self.number)
    }
}

/// The words of icat.server.
pub fn with_line_number(e: Error, number: usize) -> Error {
    let named = |text: String| format!("{text} at line {number}");
    let e = match e {
        Error::BadParameter(text) => Error::BadParameter(named(text)),
        Error::Forbidden(text) => Error::Forbidden(named(text)),
        Error::NotFound(text) => Error::NotFound(named(text)),
        Error::AlreadyExists(text) => Error::AlreadyExists(named(text)),
        Error::Validation(text) => Error::Validation(named(text)),
        other => other,
    };
    e.with_offset(number)
}

//! A dump in a file or in memory, and the records in it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{ImportError, Record, xml, yaml};

/// Bytes read at once.
const BUFFER_BYTES: usize = 1 << 18;

/// Takes records as they are read; returns whether to go on.
pub type RecordSink<'s> = &'s mut dyn FnMut(Record) -> bool;

/// A dump, which can be read several times. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dump(Content);

#[derive(Debug, Clone)]
enum Content {
    File { path: PathBuf, bytes: u64 },
    Memory(Arc<[u8]>),
}

impl Dump {
    /// A regular file is read piece by piece. Anything else, such as a pipe, can be read only once and is kept in memory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() {
            return Ok(Self(Content::File { path: path.to_owned(), bytes: metadata.len() }));
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        Ok(Self(Content::Memory(content.into())))
    }

    pub fn from_text(text: &str) -> Self {
        Self(Content::Memory(text.as_bytes().into()))
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        match &self.0 {
            Content::File { bytes, .. } => *bytes,
            Content::Memory(content) => content.len() as u64,
        }
    }

    /// Passes the records to `sink`, in either format. `position` is how many bytes have been read.
    pub fn read_records(&self, position: &Arc<AtomicU64>, sink: RecordSink<'_>) -> Result<(), ImportError> {
        let content: Box<dyn Read> = match &self.0 {
            Content::File { path, .. } => Box::new(File::open(path).map_err(ImportError::Read)?),
            Content::Memory(content) => Box::new(Cursor::new(Arc::clone(content))),
        };
        let failure = Arc::default();
        let text = TextReader {
            content,
            position: Arc::clone(position),
            incomplete: Vec::new(),
            failure: Arc::clone(&failure),
        };
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, text);
        let is_xml = starts_with_tag(&mut reader).map_err(ImportError::Read)?;
        let parsed = if is_xml { xml::parse_xml(reader, sink) } else { yaml::parse_yaml(reader, sink) };
        match failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(e) => Err(ImportError::Read(e)),
            None => parsed,
        }
    }
}

/// Whether the first character that is neither white space nor a byte order mark begins an XML element.
fn starts_with_tag(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = reader.fill_buf()?;
        let text = buffer.strip_prefix("\u{feff}".as_bytes()).unwrap_or(buffer);
        match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(byte) => return Ok(*byte == b'<'),
            None if buffer.is_empty() => return Ok(false),
            None => {
                let blank = buffer.len();
                reader.consume(blank);
            }
        }
    }
}

/// Reads UTF-8 and refuses everything else; counts bytes. An error of reading is kept, because parsers replace it by theirs.
struct TextReader {
    content: Box<dyn Read>,
    position: Arc<AtomicU64>,
    /// The beginning of a character whose other bytes have not been read yet.
    incomplete: Vec<u8>,
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl TextReader {
    /// `end`: whether nothing follows.
    fn check_text(&mut self, bytes: &[u8], end: bool) -> io::Result<()> {
        let joined;
        let text = if self.incomplete.is_empty() {
            bytes
        } else {
            joined = [self.incomplete.as_slice(), bytes].concat();
            &joined
        };
        let rest = match std::str::from_utf8(text) {
            Ok(_) => &[],
            Err(e) if e.error_len().is_none() && !end => &text[e.valid_up_to()..],
            Err(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not valid UTF-8")),
        };
        self.incomplete = rest.to_vec();
        Ok(())
    }
}

impl Read for TextReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer).and_then(|count| {
            self.check_text(&buffer[..count], count == 0 && !buffer.is_empty())?;
            Ok(count)
        });
        match read {
            Ok(count) => {
                self.position.fetch_add(count as u64, Ordering::Relaxed);
                Ok(count)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(e) => {
                let text = e.to_string();
                let kind = e.kind();
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
                Err(io::Error::new(kind, text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_content(content: &[u8]) -> Result<usize, ImportError> {
        let mut count = 0;
        let dump = Dump(Content::Memory(content.into()));
        dump.read_records(&Arc::default(), &mut |_| {
            count += 1;
            true
        })?;
        Ok(count)
    }

    #[test]
    fn a_character_may_lie_across_two_pieces_and_must_be_complete() {
        for shift in 0..3 {
            let blank = " ".repeat(BUFFER_BYTES - 40 - shift);
            let text = format!(
                "<icatdata><data>{blank}<user id=\"é\"><name>é{}</name></user></data></icatdata>",
                "é".repeat(99)
            );
            assert_eq!(read_content(text.as_bytes()).unwrap(), 1);
            let cut = text.find("é").unwrap() + 1;
            let refused = read_content(&text.as_bytes()[..cut]).unwrap_err();
            assert!(matches!(refused, ImportError::Read(_)), "{refused}");
        }
        let refused = read_content(b"user: {u: {name: \"\xff\"}}").unwrap_err();
        assert!(matches!(refused, ImportError::Read(_)), "{refused}");
    }

    #[test]
    fn either_format_is_known_by_its_first_character() {
        for text in ["\u{feff} \n<icatdata/>", "<icatdata/>", "user: {}", "\u{feff}user: {}", "", " \n"] {
            assert_eq!(read_content(text.as_bytes()).unwrap(), 0, "{text:?}");
        }
    }
}

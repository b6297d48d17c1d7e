//! Reads `.eln` archives.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;
use zip::ZipArchive;

use crate::domain::entry_content::has_nul;
use crate::domain::entry_html;
use crate::domain::ids::{encode_hex, is_id};
use crate::error::Error;
use crate::export::eln_line::EntryLine;

const ENTRIES: &str = "/entries.jsonl";
pub const METADATA: &str = "ro-crate-metadata.json";
/// Maximum bytes of an entry without its attachments.
const MAX_LINE: u64 = 32 << 20;
/// Maximum bytes of a file name.
const MAX_NAME: usize = 4096;
/// Bytes that are read at once.
pub const CHUNK_SIZE: usize = 256 * 1024;

/// Maximum bytes after decompression.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub attachment: u64,
    pub all: u64,
}

/// The items of an archive in the order in which they are read: the files of an entry one after the other, then the
/// entry. A file is never in memory as a whole.
#[derive(Debug)]
pub enum Item {
    /// The next bytes of a file, [`CHUNK_SIZE`] at most.
    Chunk(Vec<u8>),
    /// The end of the file.
    FileEnd,
    Entry(Box<EntryLine>),
}

/// A file with its own read position, independent of other readers of the same file.
pub struct PositionedFile {
    file: File,
    at: u64,
}

/// How archives are read.
pub struct ArchiveFile(BufReader<PositionedFile>);

impl ArchiveFile {
    pub fn open(file: &File) -> Result<Self, String> {
        let file = file.try_clone().map_err(|e| format!("the archive cannot be read: {e}"))?;
        Ok(Self(BufReader::new(PositionedFile { file, at: 0 })))
    }
}

impl Read for ArchiveFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Seek for ArchiveFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Read for PositionedFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for PositionedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// Passes all entries with their files to `each`; the error says what is wrong with the archive.
pub fn read_entries(
    file: &File,
    limits: Limits,
    mut each: impl FnMut(Item) -> Result<(), String>,
) -> Result<(), String> {
    let unreadable = |e: zip::result::ZipError| format!("the archive cannot be read: {e}");
    // Lines and files are read in turn.
    let (mut of_lines, mut of_files) = (open_zip(file)?, open_zip(file)?);
    let name = find_entries_file(&of_lines).ok_or("the archive has no file entries.jsonl beside its metadata")?;
    let root = &name[..name.len() - ENTRIES.len()];
    let places: HashMap<String, usize> =
        (0..of_files.len()).filter_map(|n| Some((of_files.name_for_index(n)?.ok()?.into_owned(), n))).collect();
    let mut left = limits.all;
    let mut lines = BufReader::new(of_lines.by_name(&name).map_err(unreadable)?);
    for number in 1_u64.. {
        let wrong = |what: &str| format!("entry {number} of the archive: {what}");
        let mut text = Vec::new();
        let read = (&mut lines).take(MAX_LINE).read_until(b'\n', &mut text).map_err(|e| wrong(&e.to_string()))?;
        if read == 0 {
            break;
        }
        left = left.checked_sub(read as u64).ok_or_else(|| wrong("the archive is too large"))?;
        let line: EntryLine = serde_json::from_slice(&text).map_err(|e| wrong(&e.to_string()))?;
        check_line(&line, &text).map_err(|e| wrong(&e.to_string()))?;
        if !is_id(&line.id) || line.files.iter().any(|file| !is_id(&file.id)) {
            return Err(wrong("an id must be 24 hexadecimal digits"));
        }
        for file in &line.files {
            let place = places
                .get(&format!("{root}/{}", file.path))
                .ok_or_else(|| wrong(&format!("{} is missing", file.path)))?;
            let entry = of_files.by_index(*place).map_err(unreadable)?;
            let read = read_file(entry, &file.path, limits, &mut left, &mut each).map_err(|what| wrong(&what))?;
            if read.sha256 != file.sha256 {
                return Err(wrong(&format!("{} has a wrong SHA-256", file.path)));
            }
        }
        each(Item::Entry(Box::new(line)))?;
    }
    Ok(())
}

pub fn open_zip(file: &File) -> Result<ZipArchive<ArchiveFile>, String> {
    ZipArchive::new(ArchiveFile::open(file)?).map_err(|e| format!("this is not a ZIP archive: {e}"))
}

/// Whether the archive was exported by a logbook.
pub fn is_logbook_archive(file: &File) -> Result<bool, String> {
    let mut zip = open_zip(file)?;
    let Some(name) = find_entries_file(&zip) else { return Ok(false) };
    let mut first = Vec::new();
    let lines = zip.by_name(&name).map_err(|e| format!("{name}: {e}"))?;
    BufReader::new(lines.take(MAX_LINE)).read_until(b'\n', &mut first).map_err(|e| format!("{name}: {e}"))?;
    // Other notebooks may use this file name too. A file that is not JSON at all is a damaged archive of a logbook.
    Ok(serde_json::from_slice::<Value>(&first).map_or(true, |line| line["id"].is_string() && line["event"].is_object()))
}

/// The metadata of the crate; those of nested crates are in deeper directories.
pub fn find_metadata(zip: &ZipArchive<ArchiveFile>) -> Option<String> {
    let is_metadata = |name: &str| name.rsplit('/').next() == Some(METADATA) && name.matches('/').count() <= 1;
    let names = zip.file_names().flatten().filter(|name| is_metadata(name));
    names.min_by_key(|name| name.matches('/').count()).map(Cow::into_owned)
}

/// The file of entries, next to the metadata in the only top-level directory. Files of the same name elsewhere belong to
/// entries.
fn find_entries_file(zip: &ZipArchive<ArchiveFile>) -> Option<String> {
    let metadata = find_metadata(zip)?;
    let name = format!("{}{ENTRIES}", metadata.strip_suffix(METADATA)?.strip_suffix('/')?);
    zip.index_for_name(&name).map(|_| name)
}

/// The size and hash of a file that was read completely.
pub struct ReadFile {
    pub sha256: String,
    pub bytes: u64,
}

/// Passes the content of a file to `each` in chunks; `left` is the number of bytes that all files may still have.
pub fn read_file(
    mut entry: impl Read,
    path: &str,
    limits: Limits,
    left: &mut u64,
    each: &mut impl FnMut(Item) -> Result<(), String>,
) -> Result<ReadFile, String> {
    let (mut hash, mut bytes) = (Context::new(&SHA256), 0);
    loop {
        let mut piece = Vec::with_capacity(CHUNK_SIZE);
        (&mut entry).take(CHUNK_SIZE as u64).read_to_end(&mut piece).map_err(|e| format!("{path}: {e}"))?;
        if piece.is_empty() {
            break;
        }
        bytes += piece.len() as u64;
        if bytes > limits.attachment {
            return Err(format!("{path} is larger than {} bytes", limits.attachment));
        }
        *left = left.checked_sub(piece.len() as u64).ok_or("the archive is too large")?;
        hash.update(&piece);
        each(Item::Chunk(piece))?;
    }
    each(Item::FileEnd)?;
    Ok(ReadFile { sha256: encode_hex(hash.finish().as_ref()), bytes })
}

/// Checks an entry in advance, so that no entry is refused after others were written.
pub fn check_line(line: &EntryLine, text: &[u8]) -> Result<(), Error> {
    if has_nul(text) {
        return Err(Error::invalid("texts must not contain NUL"));
    }
    line.content.check_values()?;
    for part in line.content.parts.iter().filter(|part| part.is_html()) {
        entry_html::extract_images(part.text.as_deref().unwrap_or_default())?;
    }
    let ids: HashSet<&str> = line.files.iter().map(|file| file.id.as_str()).collect();
    if ids.len() != line.files.len() || line.files.iter().any(|file| file.filename.len() > MAX_NAME) {
        return Err(Error::invalid("a file is listed twice, or its name is too long"));
    }
    Ok(())
}

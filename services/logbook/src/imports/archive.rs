//! Reading an `.eln`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;

use aws_lc_rs::digest::{SHA256, digest};
use zip::ZipArchive;

use crate::domain::content;
use crate::domain::event::has_nul;
use crate::domain::ids::{hex, is_id};
use crate::error::Error;
use crate::exports::Line;

const ENTRIES: &str = "/entries.jsonl";
/// Bytes of an entry without its attachments.
const LONGEST_LINE: u64 = 32 << 20;
/// Bytes of a file's name.
const LONGEST_NAME: usize = 4096;

/// Bytes after unpacking.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub attachment: u64,
    pub all: u64,
}

/// An entry and the contents of its attachments.
#[derive(Debug)]
pub struct Found {
    pub line: Line,
    pub files: Vec<Vec<u8>>,
}

/// A file that is read from a place of its own: whoever reads the same file elsewhere does not move it.
pub struct Placed {
    file: File,
    at: u64,
}

/// How archives are read.
pub struct Reading(BufReader<Placed>);

impl Reading {
    pub fn open(file: &File) -> Result<Self, String> {
        let file = file.try_clone().map_err(|e| format!("the archive cannot be read: {e}"))?;
        Ok(Self(BufReader::new(Placed { file, at: 0 })))
    }
}

impl Read for Reading {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Seek for Reading {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Read for Placed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Placed {
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

/// Gives each entry in turn; a text says what is wrong with the archive.
pub fn walk(file: &File, limits: Limits, mut each: impl FnMut(Found) -> Result<(), String>) -> Result<(), String> {
    let unreadable = |e: zip::result::ZipError| format!("the archive cannot be read: {e}");
    // Lines and files are read in turn.
    let open = || ZipArchive::new(Reading::open(file)?).map_err(|e| format!("this is no ZIP archive: {e}"));
    let (mut of_lines, mut of_files) = (open()?, open()?);
    let names: Vec<String> =
        of_lines.file_names().flatten().filter(|name| name.ends_with(ENTRIES)).map(Cow::into_owned).collect();
    let [name] = names.as_slice() else {
        return Err(format!("the archive has {} files entries.jsonl, and may have one", names.len()));
    };
    let root = &name[..name.len() - ENTRIES.len()];
    let places: HashMap<String, usize> =
        (0..of_files.len()).filter_map(|n| Some((of_files.name_for_index(n)?.ok()?.into_owned(), n))).collect();
    let mut left = limits.all;
    let mut lines = BufReader::new(of_lines.by_name(name).map_err(unreadable)?);
    for number in 1_u64.. {
        let wrong = |what: &str| format!("entry {number} of the archive: {what}");
        let mut text = Vec::new();
        let read = (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(|e| wrong(&e.to_string()))?;
        if read == 0 {
            break;
        }
        left = left.checked_sub(read as u64).ok_or_else(|| wrong("the archive is too large"))?;
        let line: Line = serde_json::from_slice(&text).map_err(|e| wrong(&e.to_string()))?;
        check(&line, &text).map_err(|e| wrong(&e.to_string()))?;
        if !is_id(&line.id) || line.files.iter().any(|file| !is_id(&file.id)) {
            return Err(wrong("an id must be 24 hexadecimal digits"));
        }
        let mut files = Vec::with_capacity(line.files.len());
        for file in &line.files {
            let place = places
                .get(&format!("{root}/{}", file.path))
                .ok_or_else(|| wrong(&format!("{} is missing", file.path)))?;
            let entry = of_files.by_index(*place).map_err(unreadable)?;
            let bytes = read_file(entry, &file.path, limits, &mut left).map_err(|what| wrong(&what))?;
            if hex(digest(&SHA256, &bytes).as_ref()) != file.sha256 {
                return Err(wrong(&format!("{} has another SHA-256 than it should", file.path)));
            }
            files.push(bytes);
        }
        each(Found { line, files })?;
    }
    Ok(())
}

/// Whether a logbook has exported it.
pub fn is_own(file: &File) -> Result<bool, String> {
    let zip = ZipArchive::new(Reading::open(file)?).map_err(|e| format!("this is no ZIP archive: {e}"))?;
    Ok(zip.file_names().flatten().any(|name| name.ends_with(ENTRIES) && name.matches('/').count() == 1))
}

/// The content of a file in an archive; `left` is how many bytes all of them may still have.
pub fn read_file(entry: impl Read, path: &str, limits: Limits, left: &mut u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    entry.take(limits.attachment + 1).read_to_end(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
    if bytes.len() as u64 > limits.attachment {
        return Err(format!("{path} is larger than {} bytes", limits.attachment));
    }
    *left = left.checked_sub(bytes.len() as u64).ok_or("the archive is too large")?;
    Ok(bytes)
}

/// What would be refused when it is written is refused before anything is.
pub fn check(line: &Line, text: &[u8]) -> Result<(), Error> {
    if has_nul(text) {
        return Err(Error::bad("there must be no NUL in a text"));
    }
    line.event.check()?;
    for part in line.event.content.iter().filter(|part| part.is_html()) {
        content::taken(part.text.as_deref().unwrap_or_default())?;
    }
    let ids: HashSet<&str> = line.files.iter().map(|file| file.id.as_str()).collect();
    if ids.len() != line.files.len() || line.files.iter().any(|file| file.filename.len() > LONGEST_NAME) {
        return Err(Error::bad("a file is listed twice, or its name is too long"));
    }
    Ok(())
}

//! Reads an `.eln` of another notebook. Each child of the crate's root becomes an entry, and so do its parts with their own
//! text, and comments. Files are read by name within the archive and never unpacked, so that no name can lead out of it.

pub mod addresses;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File as DiskFile;
use std::io::Read as _;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::tz::TimeZone;
use serde_json::Value;
use service_kit::Micros;
use zip::ZipArchive;

use crate::domain::entry_content::{EntryContent, TextPart};
use crate::domain::entry_html;
use crate::domain::ids::encode_hex;
use crate::export::eln_line::{EntryLine, FileLine};
use crate::import::archive::{ArchiveFile, Item, Limits, METADATA, check_line, find_metadata, open_zip, read_file};
use crate::import::foreign::addresses::{Addresses, NamedFile};
use crate::import::foreign_text::{find_node_text, has_same_ending, list_node_tags, render_node};
use crate::import::ro_crate;
use crate::import::ro_crate::{Crate, has_type, to_text};

/// Maximum bytes of the metadata.
const MAX_METADATA: u64 = 128 << 20;
/// Maximum depth of nested parts.
const MAX_DEPTH: usize = 20;

/// An archive of another notebook.
pub struct Archive {
    zip: ZipArchive<ArchiveFile>,
    /// Positions in the archive by path within the crate.
    places: BTreeMap<String, usize>,
    metadata: Crate,
    /// The hash of the metadata; all ids are derived from it.
    sha256: String,
    /// The name of the top-level directory.
    pub name: String,
}

impl Archive {
    /// Opens an archive; `None` if it has no metadata of an RO-Crate.
    pub fn open(file: &DiskFile) -> Result<Option<Self>, String> {
        let mut zip = open_zip(file)?;
        let Some(path) = find_metadata(&zip) else { return Ok(None) };
        let names: Vec<(usize, String)> =
            (0..zip.len()).filter_map(|n| Some((n, zip.name_for_index(n)?.ok()?.into_owned()))).collect();
        let root = path[..path.len() - METADATA.len()].to_owned();
        let mut bytes = Vec::new();
        let entry = zip.by_name(&path).map_err(|e| format!("{path}: {e}"))?;
        entry.take(MAX_METADATA + 1).read_to_end(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
        if bytes.len() as u64 > MAX_METADATA {
            return Err(format!("{path} is larger than {MAX_METADATA} bytes"));
        }
        let inside = |name: &str| Some(name.strip_prefix(&root)?.to_owned()).filter(|path| is_inside(path));
        let places = names
            .iter()
            .filter(|(_, name)| !name.ends_with('/'))
            .filter_map(|(place, name)| Some((inside(name)?, *place)))
            .collect();
        let sha256 = encode_hex(digest(&SHA256, &bytes).as_ref());
        let name = root.trim_end_matches('/').to_owned();
        Ok(Some(Self { zip, places, metadata: Crate::parse(&bytes)?, sha256, name }))
    }

    /// The notebook that exported it.
    pub fn publisher(&self) -> Option<String> {
        self.metadata.publisher()
    }

    /// Derives an id that is the same in each import of the archive.
    pub fn derive_id(&self, what: &str) -> String {
        let mut id = encode_hex(digest(&SHA256, format!("{}/{what}", self.sha256).as_bytes()).as_ref());
        id.truncate(24);
        id
    }

    /// Passes all entries with their files to `each`; the error says what is wrong with the archive.
    pub fn read_entries(
        &mut self,
        limits: Limits,
        zone: &TimeZone,
        now: Micros,
        mut each: impl FnMut(Item) -> Result<(), String>,
    ) -> Result<(), String> {
        let planned = self.plan_entries();
        let mut left = limits.all;
        for part in planned {
            let (files, missing) = self.read_files(&part, limits, &mut left, &mut each)?;
            each(Item::Entry(Box::new(self.build_entry(&part, files, &missing, zone, now)?)))?;
        }
        Ok(())
    }

    /// The entries with their files.
    fn plan_entries(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut seen = HashSet::from([".".to_owned(), METADATA.to_owned()]);
        for (id, node) in self.metadata.list_named_nodes(self.metadata.root(), "hasPart") {
            self.add_part(&id, node, None, 0, &mut seen, &mut parts);
        }
        // Some notebooks list a file in addition to its directory; then it belongs to the directory.
        let directories: HashSet<String> =
            parts.iter().filter(|part| !part.is_file).map(|part| part.id.clone()).collect();
        parts.retain(|part| !(part.is_file && directories_around(&part.id).any(|path| directories.contains(path))));
        for part in parts.iter_mut().filter(|part| part.is_file) {
            part.files.push(part.id.clone());
        }
        // A file belongs to the entry of its innermost directory, whether the metadata describe it or not.
        let known: HashSet<String> = parts.iter().flat_map(|part| part.files.clone()).collect();
        let owners: HashMap<String, usize> = (0..parts.len())
            .filter(|place| !parts[*place].is_file)
            .map(|place| (parts[place].id.clone(), place))
            .collect();
        for path in self.places.keys().filter(|path| !known.contains(*path)) {
            if let Some(owner) = directories_around(path).find_map(|directory| owners.get(directory)) {
                parts[*owner].files.push(path.clone());
            }
        }
        parts
    }

    fn add_part(
        &self,
        id: &str,
        node: &Value,
        parent: Option<usize>,
        depth: usize,
        seen: &mut HashSet<String>,
        parts: &mut Vec<Part>,
    ) {
        if depth > MAX_DEPTH || (!id.is_empty() && !seen.insert(id.to_owned())) {
            return;
        }
        let is_file = has_type(node, "File") || has_type(node, "MediaObject");
        let is_own = parent.is_none() || has_type(node, "Comment") || find_node_text(node).is_some();
        let place = match parent {
            Some(parent) if is_file => {
                parts[parent].files.push(id.to_owned());
                return;
            }
            // A directory within an entry.
            Some(parent) if !is_own => parent,
            _ => {
                parts.push(Part { id: id.to_owned(), node: node.clone(), is_file, files: Vec::new() });
                parts.len() - 1
            }
        };
        for property in ["hasPart", "comment"] {
            for (id, node) in self.metadata.list_named_nodes(node, property) {
                self.add_part(&id, node, Some(place), depth + 1, seen, parts);
            }
        }
    }

    /// Passes the contents of the files of an entry to `each`; returns their descriptions, and the names of missing files.
    fn read_files(
        &mut self,
        part: &Part,
        limits: Limits,
        left: &mut u64,
        each: &mut impl FnMut(Item) -> Result<(), String>,
    ) -> Result<(Vec<NamedFile>, Vec<String>), String> {
        let (mut files, mut missing) = (Vec::with_capacity(part.files.len()), Vec::new());
        for path in &part.files {
            let described = self.metadata.node(path).cloned().unwrap_or_default();
            let Some(place) = self.places.get(path).copied() else {
                missing.push(to_text(&described["name"]).unwrap_or_else(|| path.clone()));
                continue;
            };
            let entry = self.zip.by_index(place).map_err(|e| part.describe_error(&e.to_string()))?;
            let read = read_file(entry, path, limits, left, each).map_err(|what| part.describe_error(&what))?;
            if let Some(said) = to_text(&described["sha256"])
                && !said.eq_ignore_ascii_case(&read.sha256)
            {
                return Err(part.describe_error(&format!("{path} has a wrong SHA-256")));
            }
            let filename = path.rsplit('/').next().unwrap_or(path).to_owned();
            let filename =
                to_text(&described["name"]).filter(|name| has_same_ending(name, &filename)).unwrap_or(filename);
            let bytes = i64::try_from(read.bytes).unwrap_or(i64::MAX);
            let file = FileLine { id: self.derive_id(path), filename, sha256: read.sha256, bytes, path: path.clone() };
            files.push(NamedFile { file, alternate: to_text(&described["alternateName"]) });
        }
        Ok((files, missing))
    }

    fn build_entry(
        &self,
        part: &Part,
        named: Vec<NamedFile>,
        missing: &[String],
        zone: &TimeZone,
        now: Micros,
    ) -> Result<EntryLine, String> {
        let node = &part.node;
        let dated = ro_crate::parse_node_time(node, zone).or_else(|| self.metadata.find_time(zone));
        let at = dated.unwrap_or(now);
        let mut content = if part.is_file { EntryContent::new_attachment(at) } else { EntryContent::new_comment(at) };
        content.full_name = self.metadata.join_authors(node);
        if !has_type(node, "Comment") {
            // Some notebooks only name the directory.
            content.title = to_text(&node["name"]).or_else(|| part.id.rsplit('/').next().map(str::to_owned));
        }
        content.source = self.publisher();
        content.tags = list_node_tags(node);
        if let Some(NamedFile { file, .. }) = named.first().filter(|_| part.is_file) {
            content.filename = Some(file.filename.clone());
            content.file_size = Some(file.bytes);
        }
        let addresses = Addresses::new(&named).map_err(|what| part.describe_error(&what))?;
        let html = render_node(node, missing);
        entry_html::check_depth(&html).map_err(|e| part.describe_error(&e.to_string()))?;
        let html = entry_html::adopt_attachment_addresses(&html, move |address| addresses.find_id(address));
        if !html.trim().is_empty() {
            content.parts = vec![TextPart { format: Some("html".to_owned()), text: Some(html) }];
        }
        // Ids do not depend on the time of the import, so that another import gives the same ids.
        let seconds = u32::try_from(dated.unwrap_or_default().as_i64() / 1_000_000).unwrap_or_default();
        let key = if part.id.is_empty() { node.to_string() } else { part.id.clone() };
        let id = format!("{}{}", encode_hex(&seconds.to_be_bytes()), &self.derive_id(&format!("entry {key}"))[..16]);
        let files = named.into_iter().map(|named| named.file).collect();
        let line = EntryLine { id, version: 1, created_at: at, updated_at: at, content, files };
        let text = serde_json::to_vec(&line).map_err(|e| part.describe_error(&e.to_string()))?;
        check_line(&line, &text).map_err(|e| part.describe_error(&e.to_string()))?;
        Ok(line)
    }
}

/// A part of the crate that becomes an entry.
struct Part {
    /// Path or address in the crate; empty if the node is embedded in another one.
    id: String,
    node: Value,
    /// Whether it is a file that belongs to no entry.
    is_file: bool,
    /// Paths within the crate.
    files: Vec<String>,
}

impl Part {
    /// An error about this part, for the user who imports the archive.
    fn describe_error(&self, what: &str) -> String {
        format!("{}: {what}", if self.id.is_empty() { "a comment" } else { self.id.as_str() })
    }
}

/// The directories of a path, innermost first.
fn directories_around(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(end, _)| &path[..end])
}

/// Whether a path stays within the crate.
fn is_inside(path: &str) -> bool {
    !path.starts_with('/') && !path.contains('\\') && !path.split('/').any(|part| part == "..")
}

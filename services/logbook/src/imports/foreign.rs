//! Reading an `.eln` of another notebook: every child of the crate's root becomes an entry, and so does every part of it that
//! has a text of its own, and every comment. Files are read by their names within the archive and never unpacked, so that no
//! name leads out of it.

use std::collections::{BTreeMap, HashSet};
use std::fs::File as DiskFile;
use std::io::Read as _;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::tz::TimeZone;
use serde_json::Value;
use zip::ZipArchive;

use super::archive::{Found, Limits, Reading, check, read_file};
use super::crates::{self, Crate, has_type, normalized, text_of};
use super::texts::{has_ending_of, html_of, tags, written};
use crate::domain::content;
use crate::domain::event::{Content, Event};
use crate::domain::ids::hex;
use crate::exports::{File, Line};

const METADATA: &str = "ro-crate-metadata.json";
/// Bytes of the metadata.
const LONGEST_METADATA: u64 = 128 << 20;
/// Parts within one another.
const DEEPEST: usize = 20;

/// The archive's directory, with everything that is read of it.
pub struct Archive {
    zip: ZipArchive<Reading>,
    /// Places in the archive by the path within the crate.
    places: BTreeMap<String, usize>,
    metadata: Crate,
    /// Of the metadata, from which all ids follow.
    sha256: String,
    /// The name of the archive's one directory.
    pub name: String,
}

impl Archive {
    /// `None` if there are no metadata of an RO-Crate in it.
    pub fn open(file: &DiskFile) -> Result<Option<Self>, String> {
        let mut zip = ZipArchive::new(Reading::open(file)?).map_err(|e| format!("this is no ZIP archive: {e}"))?;
        let names: Vec<(usize, String)> =
            (0..zip.len()).filter_map(|n| Some((n, zip.name_for_index(n)?.ok()?.into_owned()))).collect();
        let is_metadata = |name: &str| name.rsplit('/').next() == Some(METADATA) && name.matches('/').count() <= 1;
        let Some((place, path)) = names.iter().find(|(_, name)| is_metadata(name)).cloned() else { return Ok(None) };
        let root = path[..path.len() - METADATA.len()].to_owned();
        let mut bytes = Vec::new();
        let entry = zip.by_index(place).map_err(|e| format!("{path}: {e}"))?;
        entry.take(LONGEST_METADATA + 1).read_to_end(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
        if bytes.len() as u64 > LONGEST_METADATA {
            return Err(format!("{path} is larger than {LONGEST_METADATA} bytes"));
        }
        let inside = |name: &str| Some(name.strip_prefix(&root)?.to_owned()).filter(|path| is_inside(path));
        let places = names
            .iter()
            .filter(|(_, name)| !name.ends_with('/'))
            .filter_map(|(place, name)| Some((inside(name)?, *place)))
            .collect();
        let sha256 = hex(digest(&SHA256, &bytes).as_ref());
        let name = root.trim_end_matches('/').to_owned();
        Ok(Some(Self { zip, places, metadata: Crate::read(&bytes)?, sha256, name }))
    }

    /// What made it.
    pub fn publisher(&self) -> Option<String> {
        self.metadata.publisher()
    }

    /// An id that the same archive has again the next time.
    pub fn id_of(&self, what: &str) -> String {
        let mut id = hex(digest(&SHA256, format!("{}/{what}", self.sha256).as_bytes()).as_ref());
        id.truncate(24);
        id
    }

    /// Gives each entry in turn; a text says what is wrong with the archive.
    pub fn walk(
        &mut self,
        limits: Limits,
        zone: &TimeZone,
        now: i64,
        mut each: impl FnMut(Found) -> Result<(), String>,
    ) -> Result<(), String> {
        let planned = self.plan();
        let mut left = limits.all;
        for part in planned {
            let found = self.entry(&part, limits, &mut left, zone, now)?;
            each(found)?;
        }
        Ok(())
    }

    /// The entries, and which files each of them has.
    fn plan(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut seen = HashSet::from([".".to_owned(), METADATA.to_owned()]);
        for (id, node) in self.metadata.named(self.metadata.root(), "hasPart") {
            self.add(&id, node, None, 0, &mut seen, &mut parts);
        }
        // Some list each file beside the directory that it lies in; then it belongs to the directory.
        let directories: Vec<String> = parts.iter().filter(|part| !part.is_file).map(|part| part.id.clone()).collect();
        let is_in_one = |id: &str| directories.iter().any(|directory| id.starts_with(&format!("{directory}/")));
        parts.retain(|part| !(part.is_file && is_in_one(&part.id)));
        for part in parts.iter_mut().filter(|part| part.is_file) {
            part.files.push(part.id.clone());
        }
        // What lies in an entry's directory belongs to it, described or not: the innermost takes it.
        let known: HashSet<String> = parts.iter().flat_map(|part| part.files.clone()).collect();
        for path in self.places.keys().filter(|path| !known.contains(*path)) {
            let owner = parts
                .iter_mut()
                .filter(|part| !part.is_file && path.starts_with(&format!("{}/", part.id)))
                .max_by_key(|part| part.id.len());
            if let Some(owner) = owner {
                owner.files.push(path.clone());
            }
        }
        parts
    }

    fn add(
        &self,
        id: &str,
        node: &Value,
        parent: Option<usize>,
        depth: usize,
        seen: &mut HashSet<String>,
        parts: &mut Vec<Part>,
    ) {
        if depth > DEEPEST || (!id.is_empty() && !seen.insert(id.to_owned())) {
            return;
        }
        let is_file = has_type(node, "File") || has_type(node, "MediaObject");
        let is_own = parent.is_none() || has_type(node, "Comment") || written(node).is_some();
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
            for (id, node) in self.metadata.named(node, property) {
                self.add(&id, node, Some(place), depth + 1, seen, parts);
            }
        }
    }

    fn entry(
        &mut self,
        part: &Part,
        limits: Limits,
        left: &mut u64,
        zone: &TimeZone,
        now: i64,
    ) -> Result<Found, String> {
        let wrong =
            |what: String| format!("{}: {what}", if part.id.is_empty() { "a comment" } else { part.id.as_str() });
        let node = &part.node;
        let (mut files, mut contents, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        let mut addresses: Vec<(String, String)> = Vec::new();
        for path in &part.files {
            let described = self.metadata.node(path).cloned().unwrap_or_default();
            let Some(place) = self.places.get(path).copied() else {
                missing.push(text_of(&described["name"]).unwrap_or_else(|| path.clone()));
                continue;
            };
            let entry = self.zip.by_index(place).map_err(|e| wrong(e.to_string()))?;
            let bytes = read_file(entry, path, limits, left).map_err(wrong)?;
            let sha256 = hex(digest(&SHA256, &bytes).as_ref());
            if let Some(said) = text_of(&described["sha256"])
                && !said.eq_ignore_ascii_case(&sha256)
            {
                return Err(wrong(format!("{path} has another SHA-256 than it should")));
            }
            let id = self.id_of(path);
            addresses.push((path.clone(), id.clone()));
            addresses.extend(text_of(&described["alternateName"]).map(|name| (name, id.clone())));
            let filename = path.rsplit('/').next().unwrap_or(path).to_owned();
            let filename =
                text_of(&described["name"]).filter(|name| has_ending_of(name, &filename)).unwrap_or(filename);
            let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            files.push(File { id, filename, sha256, bytes: length, path: path.clone() });
            contents.push(bytes);
        }
        let at = crates::time(node, zone).or_else(|| self.metadata.time(zone)).unwrap_or(now);
        let mut event = if part.is_file { Event::attachment(at) } else { Event::comment(at) };
        event.full_name = self.metadata.authors(node);
        if !has_type(node, "Comment") {
            // Some notebooks name nothing but the directory.
            event.title = text_of(&node["name"]).or_else(|| part.id.rsplit('/').next().map(str::to_owned));
        }
        event.source = self.publisher();
        event.tags = tags(node);
        if let Some(file) = files.first().filter(|_| part.is_file) {
            event.filename = Some(file.filename.clone());
            event.file_size = Some(file.bytes);
        }
        let html = content::with_own_attachments(&html_of(node, &missing), move |address| {
            let address = normalized(address);
            let is_this = |(name, _): &&(String, String)| {
                address == *name || (name.len() > 20 && address.contains(name.as_str()))
            };
            addresses.iter().find(is_this).map(|(_, id)| id.clone())
        });
        if !html.trim().is_empty() {
            event.content = vec![Content { format: Some("html".to_owned()), text: Some(html) }];
        }
        let seconds = u32::try_from(at / 1_000_000).unwrap_or_default();
        let key = if part.id.is_empty() { node.to_string() } else { part.id.clone() };
        let id = format!("{}{}", hex(&seconds.to_be_bytes()), &self.id_of(&format!("entry {key}"))[..16]);
        let line = Line { id, version: 1, created_at: at, updated_at: at, event, files };
        let text = serde_json::to_vec(&line).map_err(|e| wrong(e.to_string()))?;
        check(&line, &text).map_err(|e| wrong(e.to_string()))?;
        Ok(Found { line, files: contents })
    }
}

/// An entry that is to be.
struct Part {
    /// Its path or address in the crate; empty if it stands within another.
    id: String,
    node: Value,
    /// Whether it is a file without an entry around it.
    is_file: bool,
    /// Paths within the crate.
    files: Vec<String>,
}

/// Whether a path stays within the crate.
fn is_inside(path: &str) -> bool {
    !path.starts_with('/') && !path.contains('\\') && !path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use serde_json::json;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const LIMITS: Limits = Limits { attachment: 1 << 20, all: 1 << 22 };

    fn zipped(files: &[(&str, &[u8])]) -> DiskFile {
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    fn read(graph: &Value, files: &[(&str, &[u8])]) -> Result<Vec<Found>, String> {
        let metadata = json!({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}).to_string();
        let mut all = vec![("crate/ro-crate-metadata.json", metadata.as_bytes())];
        all.extend(files);
        let mut found = Vec::new();
        let mut archive = Archive::open(&zipped(&all))?.ok_or("no metadata")?;
        archive.walk(LIMITS, &TimeZone::UTC, 7_000_000, |entry| {
            found.push(entry);
            Ok(())
        })?;
        Ok(found)
    }

    fn html(found: &Found) -> &str {
        found.line.event.content.first().and_then(|part| part.text.as_deref()).unwrap_or_default()
    }

    #[test]
    fn children_nested_texts_and_comments_become_entries() {
        let graph = json!([
            {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}},
            {"@id": "./", "@type": ["Dataset"], "hasPart": [{"@id": "./book/"}, {"@id": "./loose.txt"}]},
            {"@id": "./book/", "@type": ["Book", "Dataset"], "name": "the book", "hasPart": [{"@id": "./message/"}, {"@id": "./data"}]},
            {"@id": "./message/", "@type": ["Message", "Dataset"], "text": "<p>see <img src=\"./message/a%20b.png\"></p>",
                "dateCreated": "2026-01-19T14:28:27.166Z", "keywords": "one,two", "author": {"@id": "p"},
                "comment": [{"@id": "c"}], "hasPart": [{"@id": "./message/a b.png"}]},
            {"@id": "c", "@type": "Comment", "text": "indeed"},
            {"@id": "./message/a b.png", "@type": "File", "name": "a b.png"},
            {"@id": "./data", "@type": "Dataset", "name": "raw", "hasPart": {"@id": "./data/x.bin"}},
            {"@id": "./data/x.bin", "@type": "File", "name": "x.bin"},
            {"@id": "./loose.txt", "@type": "File", "name": "loose.txt"},
            {"@id": "p", "@type": "Person", "givenName": "Ada", "familyName": "L"},
        ]);
        let files: [(&str, &[u8]); 4] = [
            ("crate/message/a b.png", b"png"),
            ("crate/data/x.bin", b"x"),
            ("crate/loose.txt", b"loose"),
            ("crate/book/undescribed.txt", b"u"),
        ];
        let found = read(&graph, &files).unwrap();
        let titles: Vec<_> = found.iter().map(|found| found.line.event.title.as_deref()).collect();
        assert_eq!(titles, [Some("the book"), Some("message"), None, Some("loose.txt")]);
        let names = |found: &Found| found.line.files.iter().map(|file| file.filename.clone()).collect::<Vec<_>>();
        assert_eq!(names(&found[0]), ["x.bin", "undescribed.txt"]);
        assert_eq!((names(&found[1]), names(&found[3])), (vec!["a b.png".to_owned()], vec!["loose.txt".to_owned()]));
        let message = &found[1].line;
        assert_eq!(
            (message.event.full_name.as_deref(), message.event.tags.as_slice()),
            (Some("Ada L"), &["one".to_owned(), "two".to_owned()][..])
        );
        assert_eq!(message.event.at, 1_768_832_907_166_000);
        assert_eq!(html(&found[1]), format!("<p>see <img src=\"/resource/file/{}\"></p>", message.files[0].id));
        assert_eq!(html(&found[2]).trim(), "<p>indeed</p>");
        let again = read(&graph, &files).unwrap();
        assert!(found.iter().zip(&again).all(|(one, other)| one.line.id == other.line.id), "ids are the same again");
    }

    #[test]
    fn nothing_outside_the_crate_is_read_and_checksums_count() {
        let graph = |path: &str, sha256: &str| {
            json!([
                {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}},
                {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "e"}]},
                {"@id": "e", "@type": "Dataset", "text": "<p>t</p>", "hasPart": [{"@id": path}]},
                {"@id": path, "@type": "File", "name": "f", "sha256": sha256},
            ])
        };
        let files: [(&str, &[u8]); 3] = [("outside.txt", b"o"), ("crate/../up.txt", b"u"), ("crate/e/in.txt", b"i")];
        for path in ["../outside.txt", "/etc/passwd", "../up.txt", "file:///etc/passwd", "https://example.org/f"] {
            let found = read(&graph(path, ""), &files).unwrap();
            let names: Vec<&str> = found[0].line.files.iter().map(|file| file.path.as_str()).collect();
            assert_eq!(names, ["e/in.txt"], "{path}");
            assert!(html(&found[0]).contains("not in the archive: f"), "{path}: {}", html(&found[0]));
        }
        let right = hex(digest(&SHA256, b"i").as_ref());
        assert_eq!(read(&graph("e/in.txt", &right.to_uppercase()), &files).unwrap().len(), 1);
        let wrong = read(&graph("e/in.txt", &right.replace('a', "b")), &files).unwrap_err();
        assert!(wrong.contains("another SHA-256"), "{wrong}");
        let large = vec![0; 2 << 20];
        assert!(read(&graph("e/in.txt", ""), &[("crate/e/in.txt", &large)]).unwrap_err().contains("larger than"));
    }

    #[test]
    fn what_is_no_crate_is_said() {
        assert!(Archive::open(&zipped(&[("a/b.txt", b"b")])).unwrap().is_none());
        let broken = zipped(&[("a/ro-crate-metadata.json", b"{")]);
        assert!(Archive::open(&broken).is_err_and(|e| e.starts_with("ro-crate-metadata.json: ")));
        let circle = json!([
            {"@id": "ro-crate-metadata.json"},
            {"@id": "./", "hasPart": [{"@id": "a"}]},
            {"@id": "a", "@type": "Dataset", "text": "a", "hasPart": [{"@id": "b"}, {"@id": "./"}]},
            {"@id": "b", "@type": "Dataset", "text": "b", "hasPart": [{"@id": "a"}]},
        ]);
        assert_eq!(read(&circle, &[]).unwrap().len(), 2);
    }
}

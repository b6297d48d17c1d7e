//! `.eln`: a ZIP with RO-Crate 1.1 metadata in the form of the ELN Consortium, so that other notebooks can read it; besides,
//! `entries.jsonl` has everything from which the entries are made again here.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::archive::{Archive, safe_name};
use super::{Cursor, Sink, Stopped};
use crate::domain::book::Book;
use crate::domain::dates;
use crate::domain::event::Event;
use crate::domain::ids::hex;
use crate::routes::records;
use crate::state::State;
use crate::store::attachments::{self, Attachment};
use crate::store::entries::Entry;
use service_kit::Problem;

pub const MEDIA_TYPE: &str = "application/vnd.eln+zip";

/// An entry in `entries.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    pub id: String,
    pub version: i64,
    /// Microseconds UTC.
    pub created_at: i64,
    pub updated_at: i64,
    pub event: Event,
    pub files: Vec<File>,
}

/// An attachment in the archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct File {
    pub id: String,
    pub filename: String,
    pub sha256: String,
    pub bytes: i64,
    /// Below the archive's one directory.
    pub path: String,
}

impl File {
    fn of(attachment: &Attachment) -> Self {
        let Attachment { id, filename, sha256, bytes, entry_id, .. } = attachment;
        let path = format!("{entry_id}/{id}-{}", safe_name(filename));
        Self { id: id.clone(), filename: filename.clone(), sha256: sha256.clone(), bytes: *bytes, path }
    }
}

/// A file of ours whose checksum is known only when it is written.
struct Written {
    name: &'static str,
    media_type: &'static str,
    hash: Context,
    bytes: usize,
}

impl Written {
    fn new(name: &'static str, media_type: &'static str) -> Self {
        Self { name, media_type, hash: Context::new(&SHA256), bytes: 0 }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len();
    }

    fn described(self) -> Value {
        json!({"@id": format!("./{}", self.name), "@type": "File", "name": self.name, "encodingFormat": self.media_type,
            "contentSize": self.bytes.to_string(), "sha256": hex(self.hash.finish().as_ref())})
    }
}

pub async fn write(state: &State, book: &Book, cursor: Cursor, with_history: bool, sink: &Sink) -> Result<(), Stopped> {
    let root = format!("logbook-{}", safe_name(&book.name().replace('/', "-")));
    let mut archive = Archive::new(&state.documents, sink);
    let mut own = Vec::new();

    let mut lines = Written::new("entries.jsonl", "application/jsonl");
    archive.begin(format!("{root}/{}", lines.name)).await?;
    let mut going = cursor.clone();
    // What the metadata list of the whole: an id each, and who wrote.
    let (mut ids, mut people) = (Vec::new(), BTreeSet::new());
    loop {
        let found = going.next(state).await?;
        if found.is_empty() {
            break;
        }
        let mut text = String::new();
        for (entry, files) in with_files(state, found).await? {
            ids.push(entry.id.clone());
            people.extend(entry.event.username.clone().map(|name| (name, entry.event.full_name.clone())));
            let Entry { id, version, created_at, updated_at, event, .. } = entry;
            let files = files.iter().map(File::of).collect();
            let line = Line { id, version, created_at, updated_at, event, files };
            text.push_str(&serde_json::to_string(&line).map_err(Problem::internal)?);
            text.push('\n');
        }
        lines.take(text.as_bytes());
        archive.write(text.into_bytes()).await?;
    }
    own.push(lines.described());

    if with_history {
        let mut lines = Written::new("records.jsonl", "application/jsonl");
        archive.begin(format!("{root}/{}", lines.name)).await?;
        let mut history = records::History::open(state, book).await?;
        while let Some(piece) = history.next(state).await? {
            lines.take(piece.as_bytes());
            archive.write(piece.into_bytes()).await?;
        }
        own.push(lines.described());
    }

    let mut going = cursor.clone();
    loop {
        let found = going.next(state).await?;
        if found.is_empty() {
            break;
        }
        for (_, files) in with_files(state, found).await? {
            for attachment in files {
                archive.begin(format!("{root}/{}", File::of(&attachment).path)).await?;
                let mut reading = state.attachments.reading(&attachment);
                while let Some(piece) = reading.next().await? {
                    archive.write(piece).await?;
                }
            }
        }
    }

    archive.begin(format!("{root}/ro-crate-metadata.json")).await?;
    archive.write(beginning(state, book, &ids, &own).into_bytes()).await?;
    for described in own.into_iter().chain(people.into_iter().map(|(name, full)| person(&name, full))) {
        archive.write(format!(",\n{described}").into_bytes()).await?;
    }
    let mut going = cursor;
    loop {
        let found = going.next(state).await?;
        if found.is_empty() {
            break;
        }
        let mut text = String::new();
        for (entry, files) in with_files(state, found).await? {
            let _ = write!(text, ",\n{}", dataset(&entry, &files));
            for attachment in &files {
                let _ = write!(text, ",\n{}", file(attachment));
            }
        }
        archive.write(text.into_bytes()).await?;
    }
    archive.write(b"\n]}\n".to_vec()).await?;
    archive.finish().await
}

/// Entries with their attachments.
async fn with_files(state: &State, found: Vec<Entry>) -> Result<Vec<(Entry, Vec<Attachment>)>, Stopped> {
    let ids: Vec<String> = found.iter().flat_map(|entry| entry.event.files.clone()).collect();
    if ids.is_empty() {
        return Ok(found.into_iter().map(|entry| (entry, Vec::new())).collect());
    }
    let known = attachments::by_ids(&mut state.db.read().await?, &ids).await?;
    let files = |entry: &Entry| entry.event.files.iter().filter_map(|id| known.get(id).cloned()).collect();
    Ok(found.into_iter().map(|entry| (entry.clone(), files(&entry))).collect())
}

/// Everything up to the entries, whose objects follow.
fn beginning(state: &State, book: &Book, ids: &[String], own: &[Value]) -> String {
    let parts: Vec<Value> =
        own.iter().map(|file| json!({"@id": file["@id"]})).chain(ids.iter().map(|id| named(id))).collect();
    let descriptor = json!({"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "sdPublisher": {"@type": "Organization", "name": state.site}, "version": "1.0"});
    let root = json!({"@id": "./", "@type": "Dataset", "name": format!("Logbook {}", book.name()),
        "datePublished": dates::shown(state.clock.now_micros()), "hasPart": parts});
    format!("{{\"@context\": \"https://w3id.org/ro/crate/1.1/context\", \"@graph\": [\n{descriptor},\n{root}")
}

fn named(id: &str) -> Value {
    json!({"@id": format!("./{id}/")})
}

fn person(name: &str, full: Option<String>) -> Value {
    json!({"@id": format!("#person-{name}"), "@type": "Person", "identifier": name, "name": full.unwrap_or_else(|| name.to_owned())})
}

fn dataset(entry: &Entry, files: &[Attachment]) -> Value {
    let Entry { id, event, .. } = entry;
    let plain = event.plain().unwrap_or_default();
    let first_line: String = plain.lines().next().unwrap_or_default().chars().take(80).collect();
    let name = event.title.clone().filter(|title| !title.is_empty()).unwrap_or(first_line);
    let name = if name.trim().is_empty() { event.category.clone() } else { name };
    let parts: Vec<Value> =
        files.iter().map(|attachment| json!({"@id": format!("./{}", File::of(attachment).path)})).collect();
    let author = event.username.as_deref().map(|name| json!({"@id": format!("#person-{name}")}));
    json!({"@id": format!("./{id}/"), "@type": "Dataset", "identifier": id, "name": name, "genre": event.kind,
        "text": event.html().map_or(plain.clone(), str::to_owned), "dateCreated": dates::shown(event.at),
        "dateModified": dates::shown(entry.updated_at), "author": author, "keywords": event.tags.join(", "), "hasPart": parts})
}

fn file(attachment: &Attachment) -> Value {
    let Attachment { filename, sha256, bytes, media_type, .. } = attachment;
    json!({"@id": format!("./{}", File::of(attachment).path), "@type": "File", "name": filename,
        "encodingFormat": media_type, "contentSize": bytes.to_string(), "sha256": sha256})
}

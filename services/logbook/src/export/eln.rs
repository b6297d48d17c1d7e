//! `.eln`: a ZIP with RO-Crate 1.2 metadata in the form of the ELN Consortium (1.2+20260923), so that other notebooks can read
//! it; besides, `entries.jsonl` has everything from which the entries are made again here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::history::list_records;
use crate::domain::entry_content::Event;
use crate::domain::filter::join_names;
use crate::domain::ids::hex;
use crate::domain::logbook::Book;
use crate::domain::{dates, entry_html};
use crate::error::Error;
use crate::export::zip_stream::{Archive, safe_name};
use crate::export::{Cursor, Sink, Stopped};
use crate::markup::escape::{escape_html_text, percent_encode_segment};
use crate::state::State;
use crate::store::attachments;
use crate::store::attachments::Attachment;
use crate::store::entries::Entry;
use service_kit::{Blocking, Problem};

pub const MEDIA_TYPE: &str = "application/vnd.eln+zip";

const CONTEXT: &str = "https://w3id.org/ro/crate/1.2/context";
const RO_CRATE: &str = "https://w3id.org/ro/crate/1.2";
const ELN_FORMAT: &str = "https://purl.archive.org/purl/elnconsortium/eln-spec/1.2+20260923";
const LICENSE: &str = "#license";

/// Ids that are asked for, or written, at once.
const AT_ONCE: usize = 100;

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
    description: &'static str,
    media_type: &'static str,
    hash: Context,
    bytes: usize,
}

impl Written {
    fn new(name: &'static str, description: &'static str) -> Self {
        Self { name, description, media_type: "application/jsonl", hash: Context::new(&SHA256), bytes: 0 }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len();
    }

    fn described(self) -> Value {
        json!({"@id": format!("./{}", self.name), "@type": "File", "name": self.name, "description": self.description,
            "encodingFormat": self.media_type,
            "contentSize": self.bytes.to_string(), "sha256": hex(self.hash.finish().as_ref())})
    }
}

pub async fn write(
    state: &State,
    book: &Book,
    mut cursor: Cursor,
    with_history: bool,
    sink: &Sink,
) -> Result<(), Stopped> {
    let root = format!("logbook-{}", safe_name(&book.name().replace('/', "-")));
    let mut archive = Archive::new(&state.documents, sink);
    let mut own = Vec::new();

    let mut lines = Written::new("entries.jsonl", "Entries, as an Undulator logbook imports them");
    let now = state.clock.now();
    archive.begin(format!("{root}/{}", lines.name), now).await?;
    // Entries are read once, for they may change while somebody reads slowly; what the metadata say of them waits.
    let mut described = Aside::new(state).await?;
    let (mut directories, mut file_ids, mut people) = (Vec::new(), Vec::new(), BTreeMap::new());
    // Attachments of other entries that are shown in one.
    let mut linked = BTreeMap::new();
    loop {
        let found = cursor.next(state).await?;
        if found.is_empty() {
            break;
        }
        let (mut text, mut objects) = (String::new(), String::new());
        for Filed { entry, files, shown } in with_files(state, found).await? {
            let _ = write!(objects, ",\n{}", dataset(&entry, &files, &shown));
            linked.extend(shown.into_iter().map(|attachment| (attachment.id.clone(), attachment)));
            for attachment in &files {
                let _ = write!(objects, ",\n{}", file(attachment));
                file_ids.push(attachment.id.clone());
            }
            directories.push((entry.id.clone(), entry.event.at));
            if let Some(name) = &entry.event.username {
                people.entry(name.clone()).or_insert_with(|| entry.event.full_name.clone());
            }
            let Entry { id, version, created_at, updated_at, event, .. } = entry;
            let files = files.iter().map(File::of).collect();
            let line = Line { id, version, created_at, updated_at, event, files };
            text.push_str(&serde_json::to_string(&line).map_err(Problem::internal)?);
            text.push('\n');
        }
        described.write(objects.into_bytes()).await?;
        lines.take(text.as_bytes());
        archive.write(text.into_bytes()).await?;
    }
    own.push(lines.described());
    // Those whose own entries are not exported come along.
    let known: HashSet<&String> = file_ids.iter().collect();
    linked.retain(|id, _| !known.contains(id));
    for attachment in linked.values() {
        own.push(file(attachment));
        file_ids.push(attachment.id.clone());
    }

    if with_history {
        let mut lines =
            Written::new("records.jsonl", "The history with its hashes, as `undulator logbook verify` reads it");
        archive.begin(format!("{root}/{}", lines.name), now).await?;
        let mut history = list_records::History::open(state, book).await?;
        while let Some(piece) = history.next(state).await? {
            lines.take(piece.as_bytes());
            archive.write(piece.into_bytes()).await?;
        }
        own.push(lines.described());
    }

    // A part of a crate that is a directory must be there, also without a file in it.
    for (id, at) in &directories {
        archive.add_directory(format!("{root}/{id}"), Timestamp::from_microsecond(*at).unwrap_or(now)).await?;
    }
    for ids in file_ids.chunks(AT_ONCE) {
        // They stay, also those of entries that were removed meanwhile.
        let known = attachments::by_ids(&mut state.db.read().await?, ids).await?;
        for attachment in ids.iter().filter_map(|id| known.get(id)) {
            let at = Timestamp::from_microsecond(attachment.created_at).unwrap_or(now);
            archive.begin(format!("{root}/{}", File::of(attachment).path), at).await?;
            let mut reading = state.attachments.reading(attachment);
            while let Some(piece) = reading.next().await? {
                archive.write(piece).await?;
            }
        }
    }

    archive.begin(format!("{root}/ro-crate-metadata.json"), now).await?;
    archive.write(beginning(state, book, &own).into_bytes()).await?;
    for directories in directories.chunks(AT_ONCE) {
        let mut parts = String::new();
        for (id, _) in directories {
            let _ = write!(parts, ",{{\"@id\":\"./{id}/\"}}");
        }
        archive.write(parts.into_bytes()).await?;
    }
    archive.write(b"]}".to_vec()).await?;
    for described in own.into_iter().chain(people.into_iter().map(|(name, full)| person(&name, full))) {
        archive.write(format!(",\n{described}").into_bytes()).await?;
    }
    while let Some(piece) = described.next().await? {
        archive.write(piece).await?;
    }
    archive.write(b"\n]}\n".to_vec()).await?;
    archive.finish().await
}

/// What is kept on disk until it is its turn.
struct Aside {
    file: Arc<fs::File>,
    pool: Blocking,
    at: u64,
}

impl Aside {
    async fn new(state: &State) -> Result<Self, Stopped> {
        let file = state.attachments.scratch(&*state.ids).await?;
        Ok(Self { file: Arc::new(file), pool: state.documents.clone(), at: 0 })
    }

    async fn write(&self, bytes: Vec<u8>) -> Result<(), Stopped> {
        let file = Arc::clone(&self.file);
        let written = self.pool.run_queued(move || (&*file).write_all(&bytes)).await?;
        Ok(written.map_err(Error::Storage)?)
    }

    /// All that was written, piece by piece.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Stopped> {
        let (file, at) = (Arc::clone(&self.file), self.at);
        let read = self.pool.run_queued(move || {
            let mut piece = vec![0; 64 * 1024];
            let length = file.read_at(&mut piece, at)?;
            piece.truncate(length);
            Ok::<_, io::Error>(piece)
        });
        let piece = read.await?.map_err(Error::Storage)?;
        self.at += piece.len() as u64;
        Ok((!piece.is_empty()).then_some(piece))
    }
}

/// An entry with its attachments, and those of other entries of its logbook that its text names.
struct Filed {
    entry: Entry,
    files: Vec<Attachment>,
    shown: Vec<Attachment>,
}

async fn with_files(state: &State, found: Vec<Entry>) -> Result<Vec<Filed>, Stopped> {
    let mut tx = state.db.read().await?;
    let mut filed = Vec::with_capacity(found.len());
    let ids: Vec<String> = found.iter().flat_map(|entry| entry.event.files.clone()).collect();
    let known = if ids.is_empty() { HashMap::new() } else { attachments::by_ids(&mut tx, &ids).await? };
    for entry in found {
        let files = entry.event.files.iter().filter_map(|id| known.get(id).cloned()).collect();
        let mut named = entry.event.html().map(entry_html::attachments).unwrap_or_default();
        named.retain(|id| !entry.event.files.contains(id));
        let mut shown = Vec::new();
        if !named.is_empty() {
            // Of another logbook nothing is shown.
            let named = attachments::of_book(&mut tx, &named, entry.book_id).await?;
            shown.extend(attachments::by_ids(&mut tx, &named).await?.into_values());
        }
        filed.push(Filed { entry, files, shown });
    }
    Ok(filed)
}

/// Everything up to the entries among the parts of the whole, which are written as text because they may be many.
fn beginning(state: &State, book: &Book, own: &[Value]) -> String {
    let parts: Vec<Value> = own.iter().map(|file| json!({"@id": file["@id"]})).collect();
    let now = dates::shown(state.clock.now_micros());
    let site = &state.site;
    let nodes = [
        json!({"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
            "conformsTo": {"@id": RO_CRATE}, "sdPublisher": {"@id": "#publisher"}, "version": "1.0", "dateCreated": now}),
        json!({"@id": RO_CRATE, "@type": ["CreativeWork", "Profile"], "name": "RO-Crate 1.2 Specification"}),
        json!({"@id": ELN_FORMAT, "@type": ["CreativeWork", "Profile"],
            "name": "ELN-File Format 1.2+20260923 Specification"}),
        json!({"@id": "#publisher", "@type": "Organization", "name": site}),
        json!({"@id": LICENSE, "@type": "CreativeWork", "name": "No licence given",
            "description": format!("All rights are with those who have written it; ask {site} before it is used elsewhere.")}),
    ];
    let root = json!({"@id": "./", "@type": "Dataset", "name": format!("Logbook {}", book.name()),
        "description": format!("Entries of the logbook {} of {site}, exported on {now}", book.name()),
        "conformsTo": [{"@id": RO_CRATE}, {"@id": ELN_FORMAT}], "license": {"@id": LICENSE},
        "publisher": {"@id": "#publisher"}, "datePublished": now, "hasPart": parts});
    // `hasPart` is the last of its keys.
    let root = root.to_string();
    let open = root.strip_suffix("]}").unwrap_or(&root);
    let nodes = nodes.map(|node| format!("{node},\n")).concat();
    format!("{{\"@context\": \"{CONTEXT}\", \"@graph\": [\n{nodes}{open}")
}

/// An address, whatever somebody is called.
fn person_id(name: &str) -> String {
    format!("#person-{}", percent_encode_segment(name))
}

fn person(name: &str, full: Option<String>) -> Value {
    json!({"@id": person_id(name), "@type": "Person", "identifier": name, "name": full.unwrap_or_else(|| name.to_owned())})
}

fn dataset(entry: &Entry, files: &[Attachment], shown: &[Attachment]) -> Value {
    let Entry { id, event, .. } = entry;
    let plain = event.plain().unwrap_or_default();
    let first_line: String = plain.lines().next().unwrap_or_default().chars().take(80).collect();
    let named = [event.title.clone(), Some(first_line), event.filename.clone()];
    let name = named.into_iter().flatten().find(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| event.category.clone());
    let path = |attachment: &Attachment| (attachment.id.clone(), format!("./{}", File::of(attachment).path));
    let paths: Vec<(String, String)> = files.iter().map(path).collect();
    let links = paths.iter().zip(files).map(|((_, path), file)| link_to(path, &file.filename)).collect::<String>();
    let parts: Vec<Value> = paths.iter().map(|(_, path)| json!({"@id": path})).collect();
    // Images and links lead to the files in the crate.
    let text = match event.html() {
        Some(html) => entry_html::with_addresses(html, paths.into_iter().chain(shown.iter().map(path)).collect()),
        // Some notebooks show nothing else of an entry.
        None if plain.trim().is_empty() => links,
        None => as_html(&plain),
    };
    let text = if text.is_empty() { as_html(&name) } else { text };
    let mut dataset = json!({"@id": format!("./{id}/"), "@type": "Dataset", "identifier": id, "name": name,
        "description": format!("{} of {}", event.kind, dates::shown(event.at)), "genre": event.kind,
        "text": text, "encodingFormat": "text/html", "dateCreated": dates::shown(event.at),
        "dateModified": dates::shown(entry.updated_at), "hasPart": parts});
    if !event.tags.is_empty() {
        dataset["keywords"] = join_names(&event.tags).into();
    }
    if let Some(name) = &event.username {
        dataset["author"] = json!({"@id": person_id(name)});
    }
    dataset
}

fn link_to(path: &str, name: &str) -> String {
    format!("<p><a href=\"{path}\">{}</a></p>", as_html(name))
}

/// What is no HTML as such: other notebooks show `text` as HTML.
fn as_html(plain: &str) -> String {
    escape_html_text(plain).replace('\n', "<br>\n")
}

fn file(attachment: &Attachment) -> Value {
    let Attachment { filename, sha256, bytes, media_type, .. } = attachment;
    json!({"@id": format!("./{}", File::of(attachment).path), "@type": "File", "name": filename,
        "description": format!("attached to the entry {}", attachment.entry_id),
        "dateCreated": dates::shown(attachment.created_at),
        "encodingFormat": media_type, "contentSize": bytes.to_string(), "sha256": sha256})
}

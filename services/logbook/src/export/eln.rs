//! Exports `.eln` archives: a ZIP with RO-Crate 1.2 metadata in the format of the ELN Consortium (1.2+20260923), for other
//! notebooks. In addition, `entries.jsonl` contains everything that an import needs to create the entries again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Value, json};
use service_kit::{Micros, Problem};

use crate::catalogue::permissions::ReadableHistory;
use crate::domain::entry::Entry;
use crate::domain::filter::join_names;
use crate::domain::ids::encode_hex;
use crate::domain::logbook::Logbook;
use crate::domain::{dates, entry_html};
use crate::entries::lists::Cursor;
use crate::export::Exporter;
use crate::export::eln_line::{EntryLine, FileLine};
use crate::export::sink::{ExportError, Sink};
use crate::export::temp_file::TempFile;
use crate::export::zip_stream::{ZipStream, safe_filename};
use crate::markup::escape::{escape_html_text, percent_encode_segment};
use crate::store::attachments::{self, Attachment};

const CONTEXT: &str = "https://w3id.org/ro/crate/1.2/context";
const RO_CRATE: &str = "https://w3id.org/ro/crate/1.2";
const ELN_FORMAT: &str = "https://purl.archive.org/purl/elnconsortium/eln-spec/1.2+20260923";
const LICENSE: &str = "#license";

/// Ids that are read or written at once.
const BATCH: usize = 100;

/// A file of the logbook, whose checksum is known only after it was written.
struct WrittenFile {
    name: &'static str,
    description: &'static str,
    media_type: &'static str,
    hash: Context,
    bytes: usize,
}

impl WrittenFile {
    fn new(name: &'static str, description: &'static str) -> Self {
        Self { name, description, media_type: "application/jsonl", hash: Context::new(&SHA256), bytes: 0 }
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len();
    }

    fn into_json(self) -> Value {
        json!({"@id": format!("./{}", self.name), "@type": "File", "name": self.name, "description": self.description,
            "encodingFormat": self.media_type,
            "contentSize": self.bytes.to_string(), "sha256": encode_hex(self.hash.finish().as_ref())})
    }
}

impl Exporter {
    pub(super) async fn write_eln(
        &self,
        logbook: &Logbook,
        mut cursor: Cursor,
        history: Option<ReadableHistory>,
        sink: &Sink,
    ) -> Result<(), ExportError> {
        let root = format!("logbook-{}", safe_filename(&logbook.name().replace('/', "-")));
        let now = self.clock.now();
        let mut archive = ZipStream::new(&self.documents, sink);
        let mut contents = self.write_entries(&mut archive, &root, &mut cursor).await?;
        if let Some(history) = history {
            let described = self.write_history(&mut archive, &root, &history).await?;
            contents.files.push(described);
        }
        // A directory that is part of a crate must exist, even if it is empty.
        for (id, at) in &contents.directories {
            archive.add_directory(format!("{root}/{id}"), at.to_timestamp()).await?;
        }
        self.write_attachments(&mut archive, &root, &contents.attachments).await?;
        archive.start_file(format!("{root}/ro-crate-metadata.json"), now).await?;
        self.write_metadata(&mut archive, logbook, contents).await?;
        archive.finish().await
    }

    /// Writes `entries.jsonl`. Entries are read only once, because they may change during a slow download; their metadata are
    /// kept until the end.
    async fn write_entries(
        &self,
        archive: &mut ZipStream<'_>,
        root: &str,
        cursor: &mut Cursor,
    ) -> Result<Contents, ExportError> {
        let mut lines = WrittenFile::new("entries.jsonl", "Entries, as an Undulator logbook imports them");
        archive.start_file(format!("{root}/{}", lines.name), self.clock.now()).await?;
        let temp_file = self.attachments.storage.create_temp_file(&*self.ids).await?;
        let mut contents = Contents::new(TempFile::new(temp_file, self.documents.clone()));
        // Attachments of other entries that the text shows.
        let mut linked = BTreeMap::new();
        loop {
            let found = cursor.next_entries(&mut self.db.read().await?).await?;
            if found.is_empty() {
                break;
            }
            let (mut text, mut objects) = (String::new(), String::new());
            for entry in self.find_attachments(found).await? {
                let EntryWithFiles { entry, files, shown } = entry;
                let _ = write!(objects, ",\n{}", describe_entry(&entry, &files, &shown));
                linked.extend(shown.into_iter().map(|attachment| (attachment.id.clone(), attachment)));
                for attachment in &files {
                    let _ = write!(objects, ",\n{}", describe_file(attachment));
                    contents.attachments.push(attachment.id.clone());
                }
                contents.directories.push((entry.id.clone(), entry.content.at));
                if let Some(name) = &entry.content.username {
                    contents.people.entry(name.clone()).or_insert_with(|| entry.content.full_name.clone());
                }
                text.push_str(&serde_json::to_string(&EntryLine::new(entry, &files)).map_err(Problem::internal)?);
                text.push('\n');
            }
            contents.described.write(objects.into_bytes()).await?;
            lines.add_bytes(text.as_bytes());
            archive.write(text.into_bytes()).await?;
        }
        contents.files.push(lines.into_json());
        // Linked attachments are included even if their own entries are not exported.
        let known: HashSet<&String> = contents.attachments.iter().collect();
        linked.retain(|id, _| !known.contains(id));
        for (id, attachment) in linked {
            contents.files.push(describe_file(&attachment));
            contents.attachments.push(id);
        }
        Ok(contents)
    }

    /// Writes `records.jsonl`, and returns its description.
    async fn write_history(
        &self,
        archive: &mut ZipStream<'_>,
        root: &str,
        history: &ReadableHistory,
    ) -> Result<Value, ExportError> {
        let description = "The history with its hashes, as `undulator logbook verify` reads it";
        let mut lines = WrittenFile::new("records.jsonl", description);
        archive.start_file(format!("{root}/{}", lines.name), self.clock.now()).await?;
        let mut export = self.history.open_export(history).await?;
        while let Some(text) = export.next_lines().await? {
            lines.add_bytes(text.as_bytes());
            archive.write(text.into_bytes()).await?;
        }
        Ok(lines.into_json())
    }

    async fn write_attachments(
        &self,
        archive: &mut ZipStream<'_>,
        root: &str,
        ids: &[String],
    ) -> Result<(), ExportError> {
        for ids in ids.chunks(BATCH) {
            // Attachments are kept, also those of entries that were removed meanwhile.
            let known = attachments::list_attachments_by_ids(&mut self.db.read().await?, ids).await?;
            for attachment in ids.iter().filter_map(|id| known.get(id)) {
                let name = format!("{root}/{}", FileLine::new(attachment).path);
                archive.start_file(name, attachment.created_at.to_timestamp()).await?;
                let mut reader = self.attachments.open_reader(attachment);
                while let Some(chunk) = reader.next_chunk().await? {
                    archive.write(chunk).await?;
                }
            }
        }
        Ok(())
    }

    async fn write_metadata(
        &self,
        archive: &mut ZipStream<'_>,
        logbook: &Logbook,
        contents: Contents,
    ) -> Result<(), ExportError> {
        let Contents { mut described, directories, people, files, .. } = contents;
        archive.write(self.begin_metadata(logbook, &files).into_bytes()).await?;
        for directories in directories.chunks(BATCH) {
            let mut parts = String::new();
            for (id, _) in directories {
                let _ = write!(parts, ",{{\"@id\":\"./{id}/\"}}");
            }
            archive.write(parts.into_bytes()).await?;
        }
        archive.write(b"]}".to_vec()).await?;
        let people = people.into_iter().map(|(name, full)| describe_person(&name, full));
        for node in files.into_iter().chain(people) {
            archive.write(format!(",\n{node}").into_bytes()).await?;
        }
        while let Some(chunk) = described.next_chunk().await? {
            archive.write(chunk).await?;
        }
        archive.write(b"\n]}\n".to_vec()).await
    }

    async fn find_attachments(&self, found: Vec<Entry>) -> Result<Vec<EntryWithFiles>, ExportError> {
        let mut tx = self.db.read().await?;
        let mut entries = Vec::with_capacity(found.len());
        let ids: Vec<String> = found.iter().flat_map(|entry| entry.content.files.clone()).collect();
        let known =
            if ids.is_empty() { HashMap::new() } else { attachments::list_attachments_by_ids(&mut tx, &ids).await? };
        for entry in found {
            let files = entry.content.files.iter().filter_map(|id| known.get(id).cloned()).collect();
            let mut named = entry.content.html().map(entry_html::list_attachment_ids).unwrap_or_default();
            named.retain(|id| !entry.content.files.contains(id));
            let mut shown = Vec::new();
            if !named.is_empty() {
                // Attachments of other logbooks are not shown.
                let named = attachments::filter_by_logbook(&mut tx, &named, entry.logbook_id).await?;
                shown.extend(attachments::list_attachments_by_ids(&mut tx, &named).await?.into_values());
            }
            entries.push(EntryWithFiles { entry, files, shown });
        }
        Ok(entries)
    }

    /// The metadata up to the list of entries, which is written as text because it may be long.
    fn begin_metadata(&self, logbook: &Logbook, files: &[Value]) -> String {
        let parts: Vec<Value> = files.iter().map(|file| json!({"@id": file["@id"]})).collect();
        let now = dates::render_time(self.clock.now_micros());
        let site = &self.site;
        let nodes = [
            json!({"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
                "conformsTo": {"@id": RO_CRATE}, "sdPublisher": {"@id": "#publisher"}, "version": "1.0", "dateCreated": now}),
            json!({"@id": RO_CRATE, "@type": ["CreativeWork", "Profile"], "name": "RO-Crate 1.2 Specification"}),
            json!({"@id": ELN_FORMAT, "@type": ["CreativeWork", "Profile"],
                "name": "ELN-File Format 1.2+20260923 Specification"}),
            json!({"@id": "#publisher", "@type": "Organization", "name": site}),
            json!({"@id": LICENSE, "@type": "CreativeWork", "name": "No licence given",
                "description": format!("All rights belong to the authors; ask {site} before you use it elsewhere.")}),
        ];
        let root = json!({"@id": "./", "@type": "Dataset", "name": format!("Logbook {}", logbook.name()),
            "description": format!("Entries of the logbook {} of {site}, exported on {now}", logbook.name()),
            "conformsTo": [{"@id": RO_CRATE}, {"@id": ELN_FORMAT}], "license": {"@id": LICENSE},
            "publisher": {"@id": "#publisher"}, "datePublished": now, "hasPart": parts});
        // `hasPart` is the last of its keys.
        let root = root.to_string();
        let open = root.strip_suffix("]}").unwrap_or(&root);
        let nodes = nodes.map(|node| format!("{node},\n")).concat();
        format!("{{\"@context\": \"{CONTEXT}\", \"@graph\": [\n{nodes}{open}")
    }
}

/// An entry with its attachments, and the attachments of other entries of its logbook that its text refers to.
struct EntryWithFiles {
    entry: Entry,
    files: Vec<Attachment>,
    shown: Vec<Attachment>,
}

/// The content of the metadata.
struct Contents {
    /// Descriptions of entries and their files, which are written at the end.
    described: TempFile,
    /// Ids and times of entries.
    directories: Vec<(String, Micros)>,
    /// Ids of all attachments.
    attachments: Vec<String>,
    /// Full names by user name.
    people: BTreeMap<String, Option<String>>,
    /// Descriptions of the archive's own files, and of attachments of entries that are not exported.
    files: Vec<Value>,
}

impl Contents {
    fn new(described: TempFile) -> Self {
        let (directories, attachments) = (Vec::new(), Vec::new());
        Self { described, directories, attachments, people: BTreeMap::new(), files: Vec::new() }
    }
}

/// A valid address for any user name.
fn person_id(name: &str) -> String {
    format!("#person-{}", percent_encode_segment(name))
}

fn describe_person(name: &str, full: Option<String>) -> Value {
    json!({"@id": person_id(name), "@type": "Person", "identifier": name, "name": full.unwrap_or_else(|| name.to_owned())})
}

fn describe_entry(entry: &Entry, files: &[Attachment], shown: &[Attachment]) -> Value {
    let Entry { id, content, .. } = entry;
    let plain = content.plain_text().unwrap_or_default();
    let first_line: String = plain.lines().next().unwrap_or_default().chars().take(80).collect();
    let named = [content.title.clone(), Some(first_line), content.filename.clone()];
    let name = named.into_iter().flatten().find(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| content.category.name().to_owned());
    let path = |attachment: &Attachment| (attachment.id.clone(), format!("./{}", FileLine::new(attachment).path));
    let paths: Vec<(String, String)> = files.iter().map(path).collect();
    let links = paths.iter().zip(files).map(|((_, path), file)| render_link(path, &file.filename)).collect::<String>();
    let parts: Vec<Value> = paths.iter().map(|(_, path)| json!({"@id": path})).collect();
    // Images and links refer to the files in the crate.
    let text = match content.html() {
        Some(html) => {
            entry_html::replace_attachment_addresses(html, paths.into_iter().chain(shown.iter().map(path)).collect())
        }
        // Some notebooks show only this text of an entry.
        None if plain.trim().is_empty() => links,
        None => render_plain_html(&plain),
    };
    let text = if text.is_empty() { render_plain_html(&name) } else { text };
    let mut dataset = json!({"@id": format!("./{id}/"), "@type": "Dataset", "identifier": id, "name": name,
        "description": format!("{} of {}", content.kind.name(), dates::render_time(content.at)), "genre": content.kind,
        "text": text, "encodingFormat": "text/html", "dateCreated": dates::render_time(content.at),
        "dateModified": dates::render_time(entry.updated_at), "hasPart": parts});
    if !content.tags.is_empty() {
        dataset["keywords"] = join_names(&content.tags).into();
    }
    if let Some(name) = &content.username {
        dataset["author"] = json!({"@id": person_id(name)});
    }
    dataset
}

fn render_link(path: &str, name: &str) -> String {
    format!("<p><a href=\"{path}\">{}</a></p>", render_plain_html(name))
}

/// Plain text as HTML, because other notebooks show `text` as HTML.
fn render_plain_html(plain: &str) -> String {
    escape_html_text(plain).replace('\n', "<br>\n")
}

fn describe_file(attachment: &Attachment) -> Value {
    let Attachment { filename, sha256, bytes, media_type, .. } = attachment;
    json!({"@id": format!("./{}", FileLine::new(attachment).path), "@type": "File", "name": filename,
        "description": format!("attached to the entry {}", attachment.entry_id),
        "dateCreated": dates::render_time(attachment.created_at),
        "encodingFormat": media_type, "contentSize": bytes.to_string(), "sha256": sha256})
}

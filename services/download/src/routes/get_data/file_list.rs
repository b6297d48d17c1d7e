//! The list of files of a selection: JSON with their offsets in the archives, or a metalink (RFC 5854). Both have a signed
//! URL for each file.

use std::fmt::Write as _;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;
use service_kit::{Problem, content_disposition, find_server_root};

use crate::domain::archive::LayoutFormat;
use crate::domain::archive_format::ArchiveFormat;
use crate::domain::manifest_entry::MissingFile;
use crate::manifest::Manifest;
use crate::signed_url::FileToken;
use crate::state::State;

/// One file of the JSON list.
#[derive(Serialize)]
struct ListedFile<'m> {
    id: i64,
    /// Last segment of the path.
    name: &'m str,
    path: &'m str,
    size: u64,
    mtime: String,
    crc32: Option<String>,
    url: String,
    /// Offset of its first byte in the ZIP; in one with checksums behind the data, of the header of its first block.
    offset: u64,
    #[serde(rename = "tarOffset")]
    tar_offset: u64,
}

/// A file that the prepared selection lacks; these are at the end of the list.
#[derive(Serialize)]
struct ListedMissingFile<'m> {
    id: i64,
    name: &'m str,
    path: &'m str,
    /// Size according to the catalogue.
    size: Option<i64>,
    /// Why it is missing.
    missing: &'m str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ListItem<'m> {
    Listed(ListedFile<'m>),
    Missing(ListedMissingFile<'m>),
}

pub async fn render_file_list(
    state: &State,
    request: &HttpRequest,
    manifest: &Manifest,
    missing: &[MissingFile],
    format: ArchiveFormat,
    name: &str,
) -> Result<HttpResponse, Problem> {
    let urls = sign_urls(state, request, manifest).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, format.media_type())).insert_header(("cache-control", "no-store"));
    if format == ArchiveFormat::Json {
        return Ok(response.body(render_json(manifest, urls, missing)?));
    }
    Ok(response.insert_header(content_disposition::attachment_disposition(name)).body(render_metalink(manifest, &urls)))
}

async fn sign_urls(state: &State, request: &HttpRequest, manifest: &Manifest) -> Result<Vec<String>, Problem> {
    let id = manifest.id.ok_or_else(|| Problem::internal("the manifest of a list is not stored"))?;
    let lifetime = i64::try_from(state.config.signed_url_lifetime.as_secs()).unwrap_or(i64::MAX);
    let expires = state.clock.now().as_second().saturating_add(lifetime);
    let signer = state.signed_urls.load_signer().await?;
    let root = find_server_root(request);
    let url = |member| {
        let token = signer.sign_token(FileToken { manifest: id, member }, expires)?;
        Ok(format!("{root}/ids/getData?token={token}"))
    };
    (0..manifest.sources.len()).map(url).collect()
}

fn render_json(manifest: &Manifest, urls: Vec<String>, missing: &[MissingFile]) -> Result<String, Problem> {
    let (zip, tar) = (manifest.get_layout(manifest.zip_format()), manifest.get_layout(LayoutFormat::Tar));
    let files = manifest.members().iter().zip(&manifest.sources).zip(urls).enumerate();
    let listed = files
        .map(|(index, ((member, source), url))| ListedFile {
            id: source.datafile,
            name: last_path_segment(&member.name),
            path: &member.name,
            size: member.size,
            mtime: Timestamp::from_second(member.modified).unwrap_or_default().to_string(),
            crc32: manifest.checksums.get(index).map(|crc| format!("{crc:08x}")),
            url,
            offset: zip.data_offset(index),
            tar_offset: tar.data_offset(index),
        })
        .map(ListItem::Listed);
    let missing = missing.iter().map(|file| {
        let MissingFile { datafile, name, size, reason } = file;
        ListItem::Missing(ListedMissingFile {
            id: *datafile,
            name: last_path_segment(name),
            path: name,
            size: *size,
            missing: reason,
        })
    });
    let list: Vec<ListItem<'_>> = listed.chain(missing).collect();
    serde_json::to_string(&list).map_err(Problem::internal)
}

fn last_path_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn render_metalink(manifest: &Manifest, urls: &[String]) -> String {
    // No hashes: those of the catalogue may be older than the file, and a client that trusts them would retry for ever.
    // Clients that skip files without a hash are therefore not recommended.
    // The command is not in a comment, because `--` ends one.
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?to-download-all-files aria2c -c --max-tries=20 --retry-wait=5 -M FILE?>\n\
         <metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n",
    );
    for (member, url) in manifest.members().iter().zip(urls) {
        let (name, size, url) = (escape_xml(&member.name), member.size, escape_xml(url));
        let _infallible =
            writeln!(out, "<file name=\"{name}\"><size>{size}</size><url priority=\"1\">{url}</url></file>");
    }
    out.push_str("</metalink>\n");
    out
}

/// Escapes text for XML. Paths in archives contain no control characters.
fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // Writing to a String cannot fail.
    let _infallible = pulldown_cmark_escape::escape_html(&mut escaped, text);
    escaped
}

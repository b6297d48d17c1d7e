//! The list of a selection instead of its data: JSON with the places in the archives, or a metalink (RFC 5854), each with
//! an address per file that needs no session.

use std::fmt::Write as _;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;
use service_kit::{Problem, content_disposition};

use crate::archive::Form;
use crate::domain::format::Format;
use crate::manifest::{Manifest, Missing};
use crate::signing::{self, Ticket};
use crate::state::State;

/// One file of the JSON list.
#[derive(Serialize)]
struct Listed<'m> {
    id: i64,
    /// Last part of the path.
    name: &'m str,
    path: &'m str,
    size: u64,
    mtime: String,
    crc32: Option<String>,
    url: String,
    /// Of its first byte in the ZIP; in one with checksums behind the data, of the first block's header.
    offset: u64,
    #[serde(rename = "tarOffset")]
    tar_offset: u64,
}

/// A file that the selection was prepared without, at the end of the list.
#[derive(Serialize)]
struct LeftOut<'m> {
    id: i64,
    name: &'m str,
    path: &'m str,
    /// As the catalogue has it.
    size: Option<i64>,
    /// Why it cannot be had.
    missing: &'m str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'m> {
    Listed(Listed<'m>),
    LeftOut(LeftOut<'m>),
}

pub async fn list(
    state: &State,
    request: &HttpRequest,
    manifest: &Manifest,
    missing: &[Missing],
    format: Format,
    name: &str,
) -> Result<HttpResponse, Problem> {
    let urls = addresses(state, request, manifest).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, format.media_type())).insert_header(("cache-control", "no-store"));
    if format == Format::Json {
        return Ok(response.body(json(manifest, urls, missing)?));
    }
    Ok(response.insert_header(content_disposition::attachment_disposition(name)).body(metalink(manifest, &urls)))
}

async fn addresses(state: &State, request: &HttpRequest, manifest: &Manifest) -> Result<Vec<String>, Problem> {
    let id = manifest.id.ok_or_else(|| Problem::internal("a list of what is not stored"))?;
    let lifetime = i64::try_from(state.config.signed_url_lifetime.as_secs()).unwrap_or(i64::MAX);
    let expires = state.clock.now().as_second().saturating_add(lifetime);
    let key = signing::key(state).await?;
    let root = if state.public_url.is_empty() {
        let connection = request.connection_info();
        format!("{}://{}", connection.scheme(), connection.host())
    } else {
        state.public_url.clone()
    };
    let address = |place| {
        let token = signing::sign(&key, &Ticket::new(id, place, expires))?;
        Ok(format!("{root}/ids/getData?token={token}"))
    };
    (0..manifest.sources.len()).map(address).collect()
}

fn json(manifest: &Manifest, urls: Vec<String>, missing: &[Missing]) -> Result<String, Problem> {
    let (zip, tar) = (manifest.layout(manifest.zip_form()), manifest.layout(Form::Tar));
    let files = manifest.members().iter().zip(&manifest.sources).zip(urls).enumerate();
    let listed = files
        .map(|(place, ((member, source), url))| Listed {
            id: source.datafile,
            name: last_part(&member.name),
            path: &member.name,
            size: member.size,
            mtime: Timestamp::from_second(member.modified).unwrap_or_default().to_string(),
            crc32: manifest.crcs.get(place).map(|crc| format!("{crc:08x}")),
            url,
            offset: zip.data_offset(place),
            tar_offset: tar.data_offset(place),
        })
        .map(Line::Listed);
    let left_out = missing.iter().map(|file| {
        let Missing { datafile, name, size, reason } = file;
        Line::LeftOut(LeftOut { id: *datafile, name: last_part(name), path: name, size: *size, missing: reason })
    });
    let list: Vec<Line<'_>> = listed.chain(left_out).collect();
    serde_json::to_string(&list).map_err(Problem::internal)
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn metalink(manifest: &Manifest, urls: &[String]) -> String {
    // No hashes: those of the catalogue may be older than the file, and a client that trusts them loops for ever. Programs
    // that skip files without a hash and call that success are not named.
    // It stands in no comment, because `--` ends one.
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?to-download-all-files aria2c -c --max-tries=20 --retry-wait=5 -M FILE?>\n\
         <metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n",
    );
    for (member, url) in manifest.members().iter().zip(urls) {
        let (name, size, url) = (escaped(&member.name), member.size, escaped(url));
        let _infallible =
            writeln!(out, "<file name=\"{name}\"><size>{size}</size><url priority=\"1\">{url}</url></file>");
    }
    out.push_str("</metalink>\n");
    out
}

/// Text for XML; control characters are in no name of a member.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! `undulator logbook verify FILE|URL`

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use logbook::verify::{PublicKey, Verified, parse_key_set, verify_export};
use service_kit::cli::{Failure, format_count, print_result};
use service_kit::{HttpClient, command_client};

use super::passwords::{read_first_line, session_from_environment};
use crate::cli::Verify;

const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Verifies exported records; `-` reads them from stdin. Needs neither settings nor a database.
pub async fn verify_records(options: &Verify, json: bool) -> Result<(), Failure> {
    let Verify { source, keys: keys_file, .. } = options;
    let mut known = keys_file.as_deref().map(read_keys).transpose()?;
    let export: Box<dyn BufRead> = if source == "-" {
        Box::new(io::stdin().lock())
    } else if source.starts_with("https://") || source.starts_with("http://") {
        let http = command_client(&options.ca_file, READ_TIMEOUT)?;
        if known.is_none() {
            known = Some(fetch_keys(&http, source).await?);
        }
        Box::new(BufReader::new(fetch_records(&http, options).await?))
    } else {
        Box::new(BufReader::new(File::open(source).map_err(|e| Failure::Failed(format!("{source}: {e}")))?))
    };
    let found = verify_export(export, known.as_deref()).map_err(|e| Failure::from_error(&e))?;
    if keys_file.is_some() && found.closings.is_empty() {
        let text = "the records are whole, but none closes the logbook: none of these keys has signed it";
        return Err(Failure::Failed(text.to_owned()));
    }
    print_result(json, &found, &render_sentence(&found, known.is_some()))
}

fn render_sentence(found: &Verified, keys_known: bool) -> String {
    let head = &found.head;
    if head.records == 0 {
        return format!("{}: there are no records yet", head.book);
    }
    let are = if head.records == 1 { "is" } else { "are" };
    let whole =
        format!("{}: {} {are} whole; the last is {}", head.book, format_count(head.records, "record"), head.head);
    match found.closings.last() {
        None => format!("{whole}; the logbook is not closed, so nothing says whether more followed"),
        Some(closing) if keys_known => {
            format!("{whole}; closed with record {}, signed by the key {}", closing.record, closing.key)
        }
        Some(closing) => format!(
            "{whole}; closed with record {}, signed by a key {} that was not compared (--keys with what /logbook/keys answers)",
            closing.record, closing.key
        ),
    }
}

fn read_keys(file: &Path) -> Result<Vec<PublicKey>, Failure> {
    let text = fs::read_to_string(file).map_err(|e| Failure::Failed(format!("{}: {e}", file.display())))?;
    parse_key_set(&text)
        .ok_or_else(|| Failure::Failed(format!("{} is no set of keys as /logbook/keys answers it", file.display())))
}

/// Fetches the keys of the server that has the records.
async fn fetch_keys(http: &HttpClient, source: &str) -> Result<Vec<PublicKey>, Failure> {
    let (root, _) = source
        .rsplit_once("/logbook/")
        .ok_or_else(|| Failure::Usage("an address of records is …/logbook/-/records?investigationId=ID".to_owned()))?;
    let answer = http.get(format!("{root}/logbook/keys")).send().await.map_err(|_| unreachable_server())?;
    let text = answer.text().await.map_err(|_| unreachable_server())?;
    parse_key_set(&text).ok_or_else(|| Failure::Failed("the server answers no keys at /logbook/keys".to_owned()))
}

/// Downloads the records into a temporary file. Errors contain no URLs, because those have session ids.
async fn fetch_records(http: &HttpClient, options: &Verify) -> Result<File, Failure> {
    let mut request = http.get(&options.source);
    let session = match &options.session_file {
        Some(file) => Some(read_first_line("session id", file)?.trim().to_owned()),
        None => session_from_environment(),
    };
    if let Some(session) = session {
        request = request.bearer_auth(session);
    }
    let mut answer = request.send().await.map_err(|_| unreachable_server())?;
    if !answer.status().is_success() {
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap_or_default();
        return Err(Failure::Failed(format!(
            "the server refuses ({status}): {}",
            text.chars().take(200).collect::<String>()
        )));
    }
    let mut file = tempfile::tempfile().map_err(|e| Failure::Failed(format!("cannot keep the records: {e}")))?;
    while let Some(piece) = answer.chunk().await.map_err(|_| unreachable_server())? {
        file.write_all(&piece).map_err(|e| Failure::Failed(format!("cannot keep the records: {e}")))?;
    }
    file.rewind().map_err(|e| Failure::Failed(format!("cannot keep the records: {e}")))?;
    Ok(file)
}

fn unreachable_server() -> Failure {
    Failure::Failed("the server does not answer, or its answer broke off".to_owned())
}

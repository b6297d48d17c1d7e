//! Writes the catalogue as a dump in the format of python-icat's `icatdump`, YAML or XML, which `icatingest` and
//! `undulator icat import` read.
//!
//! A dump is a sequence of chunks: users and rules; what a facility has; each investigation with its datasets and files;
//! rows that refer to those. Rows refer to each other by their unique keys; rows without one are numbered. The whole dump is
//! read in one snapshot.

mod chunk_reader;
mod chunks;
mod row_keys;
mod xml;
mod yaml;

use std::io::Write;
use std::str::FromStr;

use service_kit::{Db, DbError, Micros, Sources};
use thiserror::Error;

use self::chunk_reader::ChunkReader;
use self::chunks::CHUNKS;

/// The format of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpFormat {
    Yaml,
    Xml,
}

impl FromStr for DumpFormat {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "yaml" => Ok(Self::Yaml),
            "xml" => Ok(Self::Xml),
            other => Err(ExportError::Format(other.to_owned())),
        }
    }
}

/// What an export has written.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ExportReport {
    /// Rows, including nested ones.
    pub rows: usize,
}

/// Why an export failed.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error("a dump is written as yaml or xml, not as {0}")]
    Format(String),
    #[error("the dump cannot be written")]
    Write(#[from] std::io::Error),
    #[error("the dump cannot be written as YAML: {0}")]
    Yaml(String),
    /// XML cannot represent most control characters.
    #[error("{row}: {member} has the character U+{:04X}, which XML cannot hold; write the dump as YAML", u32::from(*character))]
    Xml { row: String, member: &'static str, character: char },
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Writes the whole catalogue; calls `progress` with the number of written rows and of all rows.
pub async fn export_catalogue(
    db: &Db,
    sources: &Sources,
    format: DumpFormat,
    out: &mut (dyn Write + Send),
    progress: impl Fn(usize, usize),
) -> Result<ExportReport, ExportError> {
    let now = sources.clock.now_micros();
    match format {
        DumpFormat::Yaml => out.write_all(yaml::render_head(now).as_bytes())?,
        DumpFormat::Xml => out.write_all(xml::render_head(now).as_bytes())?,
    }
    let mut reader = ChunkReader::new(db.read().await?).await?;
    for chunk in CHUNKS {
        for part in reader.split_chunk(chunk).await? {
            let kinds = reader.read_chunk(chunk, &part).await?;
            match format {
                DumpFormat::Yaml => yaml::write_chunk(out, &kinds)?,
                DumpFormat::Xml => xml::write_chunk(out, &kinds)?,
            }
            progress(reader.written, reader.total);
        }
    }
    if format == DumpFormat::Xml {
        out.write_all(xml::DOCUMENT_END.as_bytes())?;
    }
    out.flush()?;
    Ok(ExportReport { rows: reader.written })
}

/// The rows of one entity type in a chunk.
struct KindRows {
    /// The name in dumps: `investigationType`.
    tag: String,
    rows: Vec<(String, RowNode)>,
}

/// A row with its members in alphabetical order, without NULL values.
struct RowNode {
    members: Vec<(&'static str, MemberValue)>,
}

enum MemberValue {
    Text(String),
    Boolean(bool),
    Integer(i64),
    /// The key of another row.
    Reference(String),
    Parts(Vec<RowNode>),
}

/// The name of an entity type in dumps: `investigationType` for `InvestigationType`.
fn element_name(entity: &str) -> String {
    let mut chars = entity.chars();
    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}

/// Formats the time of writing for the head of a dump.
fn format_write_time(moment: Micros) -> String {
    moment.to_timestamp().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

//! The catalogue as a dump of python-icat's `icatdump`, YAML or XML: for `icatingest`, and for the import of this catalogue.
//!
//! As there, a dump is a sequence of chunks (`plan`): who may do what, what a facility has, each investigation with all that
//! belongs to it, and what refers to those. Rows name each other by their unique keys; kinds without one are numbered.
//! Everything is read in one snapshot.

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

/// How a dump is written.
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

/// What an export wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ExportReport {
    /// Rows, nested ones included.
    pub rows: usize,
}

/// Why there is no dump.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error("a dump is written as yaml or xml, not as {0}")]
    Format(String),
    #[error("the dump cannot be written")]
    Write(#[from] std::io::Error),
    #[error("the dump cannot be written as YAML: {0}")]
    Yaml(String),
    /// XML has no way to write most control characters.
    #[error("{row}: {member} has the character U+{:04X}, which XML cannot hold; write the dump as YAML", u32::from(*character))]
    Xml { row: String, member: &'static str, character: char },
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Writes the whole catalogue; `progress` is told how many rows are written, and of how many.
pub async fn export_catalogue(
    db: &Db,
    sources: &Sources,
    format: DumpFormat,
    out: &mut (dyn Write + Send),
    progress: impl Fn(usize, usize),
) -> Result<ExportReport, ExportError> {
    let now = sources.clock.now_as_micros();
    match format {
        DumpFormat::Yaml => out.write_all(yaml::render_head(now).as_bytes())?,
        DumpFormat::Xml => out.write_all(xml::render_head(now).as_bytes())?,
    }
    let mut dumper = ChunkReader::new(db.read().await?).await?;
    for chunk in CHUNKS {
        for part in dumper.split_chunk(chunk).await? {
            let kinds = dumper.read_chunk(chunk, &part).await?;
            match format {
                DumpFormat::Yaml => yaml::write_chunk(out, &kinds)?,
                DumpFormat::Xml => xml::write_chunk(out, &kinds)?,
            }
            progress(dumper.written, dumper.total);
        }
    }
    if format == DumpFormat::Xml {
        out.write_all(xml::DOCUMENT_END.as_bytes())?;
    }
    out.flush()?;
    Ok(ExportReport { rows: dumper.written })
}

/// The rows of one kind within a chunk.
struct KindRows {
    /// As dumps name it: `investigationType`.
    tag: String,
    rows: Vec<(String, RowNode)>,
}

/// A row, its members in alphabetical order. What is NULL is left out.
struct RowNode {
    members: Vec<(&'static str, MemberValue)>,
}

enum MemberValue {
    Text(String),
    Truth(bool),
    Whole(i64),
    /// The key of another row.
    Reference(String),
    Parts(Vec<RowNode>),
}

/// `InvestigationType` is `investigationType` in a dump.
fn element_name(entity: &str) -> String {
    let mut chars = entity.chars();
    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}

/// When a dump was written, for its head.
fn format_write_time(moment: Micros) -> String {
    moment.to_timestamp().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

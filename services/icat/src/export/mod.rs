//! The catalogue as a dump of python-icat's `icatdump`, YAML or XML: for `icatingest`, and for the import of this catalogue.
//!
//! As there, a dump is a sequence of chunks (`plan`): who may do what, what a facility has, each investigation with all that
//! belongs to it, and what refers to those. Rows name each other by their unique keys; kinds without one are numbered.
//! Everything is read in one snapshot.

mod keys;
mod plan;
mod rows;
mod xml;
mod yaml;

use std::io::Write;
use std::str::FromStr;

use service_kit::{Db, DbError, Sources};
use thiserror::Error;

use self::plan::CHUNKS;
use self::rows::Dumper;

/// How a dump is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Yaml,
    Xml,
}

impl FromStr for Format {
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
pub struct Report {
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

/// Writes the whole catalogue; `progress` is told how many rows are written.
pub async fn run(
    db: &Db,
    sources: &Sources,
    format: Format,
    out: &mut (dyn Write + Send),
    progress: impl Fn(usize),
) -> Result<Report, ExportError> {
    let now = sources.clock.now_micros();
    match format {
        Format::Yaml => out.write_all(yaml::head(now).as_bytes())?,
        Format::Xml => out.write_all(xml::head(now).as_bytes())?,
    }
    let mut dumper = Dumper::new(db.read().await?);
    for chunk in CHUNKS {
        for part in dumper.parts(chunk).await? {
            let kinds = dumper.chunk(chunk, &part).await?;
            match format {
                Format::Yaml => yaml::write(out, &kinds)?,
                Format::Xml => xml::write(out, &kinds)?,
            }
            progress(dumper.written);
        }
    }
    if format == Format::Xml {
        out.write_all(xml::END.as_bytes())?;
    }
    out.flush()?;
    Ok(Report { rows: dumper.written })
}

/// The rows of one kind within a chunk.
struct Kind {
    /// As dumps name it: `investigationType`.
    tag: String,
    rows: Vec<(String, Node)>,
}

/// A row, its members in alphabetical order. What is NULL is left out.
struct Node {
    members: Vec<(&'static str, Item)>,
}

enum Item {
    Text(String),
    Truth(bool),
    Whole(i64),
    /// The key of another row.
    Reference(String),
    Parts(Vec<Node>),
}

/// `InvestigationType` is `investigationType` in a dump.
fn tag(entity: &str) -> String {
    let mut chars = entity.chars();
    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}

/// When a dump was written, for its head.
fn written_at(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

//! Rows of a result as clients get them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::entity::EntityKind;
use crate::results::highlights::{SearchedWords, TextPart};

/// A related row with its name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedRow {
    pub id: i64,
    pub name: String,
}

/// The investigation to which a row belongs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvestigationOfRow {
    pub id: i64,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// A datafile, dataset or investigation that was found. Members without a value are left out, as are related rows that the caller
/// may not read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchHit {
    pub id: i64,
    pub name: String,
    /// Of investigations
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit_id: Option<String>,
    /// Of investigations
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The description of a datafile or dataset, the summary of an investigation
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of datafiles
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doi: Option<String>,
    /// When a datafile was written, or a dataset or investigation began
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub date: Option<Timestamp>,
    /// When a dataset or investigation ended
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub end_date: Option<Timestamp>,
    /// In bytes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_count: Option<i64>,
    /// Of datafiles
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<NamedRow>,
    /// Of datasets and investigations
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<NamedRow>,
    /// Of datafiles
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<NamedRow>,
    /// Of datafiles and datasets
    #[serde(skip_serializing_if = "Option::is_none")]
    pub investigation: Option<InvestigationOfRow>,
    /// Of datafiles and datasets
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<NamedRow>,
    /// The instruments of the investigation
    pub instruments: Vec<NamedRow>,
    /// How well the row matches, if the best matches come first
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// With `highlight`: members whose text has words that were searched for
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub highlights: BTreeMap<String, Vec<TextPart>>,
}

/// The fields from which hits are made.
pub fn list_fields(target: EntityKind) -> Vec<String> {
    let own: &[&str] = match target {
        EntityKind::Datafile => &[
            "name",
            "description",
            "location",
            "doi",
            "date",
            "fileSize",
            "datafileFormat.id",
            "datafileFormat.name",
            "dataset.id",
            "dataset.name",
            "sample.id",
            "sample.name",
        ],
        EntityKind::Dataset => &[
            "name",
            "description",
            "doi",
            "date",
            "endDate",
            "fileSize",
            "fileCount",
            "type.id",
            "type.name",
            "sample.id",
            "sample.name",
        ],
        _ => &[
            "name",
            "visitId",
            "title",
            "summary",
            "doi",
            "date",
            "endDate",
            "fileSize",
            "fileCount",
            "type.id",
            "type.name",
        ],
    };
    let investigation: &[&str] = match target {
        EntityKind::Investigation => &[],
        _ => &["investigation.id", "investigation.name", "investigation.title", "visitId"],
    };
    let instruments = ["InvestigationInstrument instrument.id", "InvestigationInstrument instrument.name"];
    own.iter().chain(investigation).chain(&instruments).map(|name| (*name).to_owned()).collect()
}

impl SearchHit {
    pub fn from_source(
        target: EntityKind,
        id: i64,
        score: Option<f32>,
        source: &Map<String, Value>,
        searched: Option<&SearchedWords>,
    ) -> Self {
        let text = |name: &str| source.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| source.get(name).and_then(Value::as_i64);
        let date = |name: &str| number(name).and_then(|at| Timestamp::from_millisecond(at).ok());
        let is_investigation = target == EntityKind::Investigation;
        let investigation = number("investigation.id").zip(text("investigation.name")).map(|(id, name)| {
            InvestigationOfRow { id, name, visit_id: text("visitId"), title: text("investigation.title") }
        });
        let description = text(if is_investigation { "summary" } else { "description" });
        let mut hit = Self {
            id,
            name: text("name").unwrap_or_default(),
            visit_id: text("visitId").filter(|_| is_investigation),
            title: text("title"),
            description,
            location: text("location"),
            doi: text("doi"),
            date: date("date"),
            end_date: date("endDate"),
            file_size: number("fileSize"),
            file_count: number("fileCount"),
            format: read_named_row(source, "datafileFormat."),
            kind: read_named_row(source, "type."),
            dataset: read_named_row(source, "dataset."),
            investigation,
            sample: read_named_row(source, "sample."),
            instruments: read_instruments(source),
            score,
            highlights: BTreeMap::new(),
        };
        if let Some(searched) = searched {
            hit.add_highlights(searched);
        }
        hit
    }

    fn add_highlights(&mut self, searched: &SearchedWords) {
        let texts = [
            ("name", Some(&self.name)),
            ("title", self.title.as_ref()),
            ("description", self.description.as_ref()),
            ("visitId", self.visit_id.as_ref()),
        ];
        let found = texts.into_iter().filter_map(|(name, text)| Some((name, searched.highlight_text(text?)?)));
        self.highlights = found.map(|(name, parts)| (name.to_owned(), parts)).collect();
    }
}

fn read_named_row(source: &Map<String, Value>, prefix: &str) -> Option<NamedRow> {
    let id = source.get(&format!("{prefix}id"))?.as_i64()?;
    let name = source.get(&format!("{prefix}name"))?.as_str()?.to_owned();
    Some(NamedRow { id, name })
}

fn read_instruments(source: &Map<String, Value>) -> Vec<NamedRow> {
    let rows = source.get("investigationinstrument").and_then(Value::as_array);
    rows.into_iter().flatten().filter_map(|row| read_named_row(row.as_object()?, "instrument.")).collect()
}

//! Prints results: paths, lines of a table, or JSON.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::HumanBytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;
use service_kit::cli::{Failure, format_count};

use crate::cli::Target;

/// Whether the reader of stdout wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Open,
    /// Such as by `head`, which has seen enough.
    Closed,
}

/// Prints results as they come.
pub struct ResultPrinter {
    target: Target,
    json: bool,
    end: char,
    /// Names with control characters could change what a terminal shows.
    replaces_control_characters: bool,
    zone: TimeZone,
}

impl ResultPrinter {
    pub fn new(target: Target, json: bool, print0: bool) -> Self {
        Self {
            target,
            json,
            end: if print0 { '\0' } else { '\n' },
            replaces_control_characters: io::stdout().is_terminal() || (target != Target::Datafiles && !print0),
            zone: TimeZone::system(),
        }
    }

    /// Writes one line for each result.
    pub fn print_page(&self, hits: &[Value]) -> Result<Output, Failure> {
        let mut text = String::new();
        for hit in hits {
            text.push_str(&self.render_hit(hit)?);
            text.push(self.end);
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(Output::Open),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(Output::Closed),
            Err(e) => Err(Failure::from_error(&e)),
        }
    }

    fn render_hit(&self, hit: &Value) -> Result<String, Failure> {
        if self.json {
            return Ok(hit.to_string());
        }
        let hit = Hit::deserialize(hit)
            .map_err(|e| Failure::Failed(format!("the server sent a result that cannot be read: {e}")))?;
        let line = match self.target {
            Target::Datafiles => hit.render_path(),
            Target::Datasets => hit.render_dataset(&self.zone),
            Target::Investigations => hit.render_investigation(&self.zone),
        };
        if self.replaces_control_characters {
            return Ok(line.chars().map(|c| if c.is_control() { '?' } else { c }).collect());
        }
        Ok(line)
    }
}

/// What lines show of a result.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Hit {
    id: i64,
    name: String,
    visit_id: Option<String>,
    title: Option<String>,
    location: Option<String>,
    date: Option<Timestamp>,
    file_size: Option<u64>,
    file_count: Option<u64>,
    investigation: Option<Investigation>,
    instruments: Vec<Instrument>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Investigation {
    name: String,
    visit_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Instrument {
    name: String,
}

impl Hit {
    fn render_path(&self) -> String {
        self.location.clone().unwrap_or_else(|| format!("{} (datafile {}, without a location)", self.name, self.id))
    }

    fn render_dataset(&self, zone: &TimeZone) -> String {
        let unknown = Investigation::default();
        let Investigation { name, visit_id } = self.investigation.as_ref().unwrap_or(&unknown);
        format!(
            "{:>8}  {:<10}  {:<12} {:<4} {:<20}  {}",
            self.id,
            self.render_day(zone),
            or_dash(name),
            or_dash(visit_id.as_deref().unwrap_or_default()),
            self.name,
            self.render_size()
        )
    }

    fn render_investigation(&self, zone: &TimeZone) -> String {
        let instruments: Vec<&str> = self.instruments.iter().map(|instrument| instrument.name.as_str()).collect();
        format!(
            "{:>8}  {:<10}  {:<12} {:<4} {:<8}  {:<20}  {}",
            self.id,
            self.render_day(zone),
            self.name,
            or_dash(self.visit_id.as_deref().unwrap_or_default()),
            or_dash(&instruments.join(",")),
            self.render_size(),
            self.title.as_deref().unwrap_or_default()
        )
    }

    fn render_day(&self, zone: &TimeZone) -> String {
        self.date.map_or_else(|| "-".to_owned(), |date| date.to_zoned_datetime(zone.clone()).date().to_string())
    }

    fn render_size(&self) -> String {
        let files = format_count(self.file_count.unwrap_or_default(), "file");
        format!("{files}, {}", HumanBytes(self.file_size.unwrap_or_default()))
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render_hit(target: Target, is_terminal: bool, hit: &Value) -> String {
        let printer = ResultPrinter {
            target,
            json: false,
            end: '\n',
            replaces_control_characters: is_terminal,
            zone: TimeZone::UTC,
        };
        printer.render_hit(hit).unwrap()
    }

    #[test]
    fn a_datafile_is_its_path() {
        let hit = json!({"id": 7, "name": "a.nxs", "location": "/data/a\tb.nxs", "instruments": []});
        assert_eq!(render_hit(Target::Datafiles, false, &hit), "/data/a\tb.nxs");
        assert_eq!(render_hit(Target::Datafiles, true, &hit), "/data/a?b.nxs");
        let hit = json!({"id": 7, "name": "a.nxs", "instruments": []});
        assert_eq!(render_hit(Target::Datafiles, false, &hit), "a.nxs (datafile 7, without a location)");
    }

    #[test]
    fn datasets_and_investigations_are_lines_of_a_table() {
        let hit = json!({"id": 17, "name": "scan-001", "date": "2026-01-10T08:00:00Z", "fileSize": 2048, "fileCount": 3,
            "investigation": {"id": 2, "name": "MX-2417", "visitId": "1"}, "instruments": [{"id": 1, "name": "ID29"}]});
        let line = "      17  2026-01-10  MX-2417      1    scan-001              3 files, 2.00 KiB";
        assert_eq!(render_hit(Target::Datasets, true, &hit), line);
        let hit = json!({"id": 2, "name": "MX-2417", "visitId": "1", "title": "Lysozyme", "instruments": []});
        let line = "       2  -           MX-2417      1    -         0 files, 0 B          Lysozyme";
        assert_eq!(render_hit(Target::Investigations, true, &hit), line);
    }
}

//! `undulator icat investigation list` and `undulator icat investigation show NAME`

use std::collections::HashMap;

use icat::store::entities::StoredRow;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use service_kit::Config;
use service_kit::cli::{Failure, format_count, print_result};

use super::rows::{get_number, get_text};
use super::{Catalogue, CatalogueError, Rows};
use crate::cli::InvestigationName;

/// An investigation in a list. Times are in the time zone of the facility.
#[derive(Debug, Serialize)]
struct Summary {
    #[serde(skip)]
    id: i64,
    name: String,
    visit: String,
    title: String,
    facility: String,
    #[serde(rename = "type")]
    investigation_type: String,
    start: Option<String>,
    end: Option<String>,
    release: Option<String>,
    instruments: Vec<String>,
    member_count: usize,
    dataset_count: usize,
    file_count: i64,
    file_size: i64,
}

#[derive(Debug, Serialize)]
struct Details {
    #[serde(flatten)]
    summary: Summary,
    members: Vec<Member>,
    datasets: Vec<Dataset>,
}

#[derive(Debug, Serialize)]
struct Member {
    user: String,
    role: String,
}

#[derive(Debug, Serialize)]
struct Dataset {
    name: String,
    location: String,
    file_count: i64,
    file_size: i64,
}

pub async fn list_investigations(settings: &Config, json: bool) -> Result<(), Failure> {
    let catalogue = Catalogue::open_for_reading(settings).await?;
    let zone = catalogue.time_zone().clone();
    let summaries = catalogue
        .read_rows(async |rows| {
            let all = rows.list_all("Investigation").await?;
            rows.summarize_investigations(&all, &zone).await
        })
        .await?;
    catalogue.close().await;
    let lines: Vec<String> = summaries.iter().map(Summary::render_line).collect();
    let sentence = if lines.is_empty() { "there are no investigations".to_owned() } else { lines.join("\n") };
    print_result(json, &summaries, &sentence)
}

pub async fn show_investigation(settings: &Config, wanted: InvestigationName, json: bool) -> Result<(), Failure> {
    let catalogue = Catalogue::open_for_reading(settings).await?;
    let zone = catalogue.time_zone().clone();
    let details = catalogue.read_rows(async |rows| rows.describe_investigation(&wanted, &zone).await).await?;
    catalogue.close().await;
    print_result(json, &details, &details.render_text())
}

impl Rows<'_> {
    async fn summarize_investigations(
        &mut self,
        rows: &[StoredRow],
        zone: &TimeZone,
    ) -> Result<Vec<Summary>, CatalogueError> {
        const KIND: &str = "Investigation";
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let facilities = self.names_by_id("Facility").await?;
        let types = self.names_by_id("InvestigationType").await?;
        let instruments = self.instruments_by_investigation(&ids).await?;
        let members = count_per_parent(&self.list_child_ids("InvestigationUser", "investigation", &ids).await?);
        let datasets = count_per_parent(&self.list_child_ids("Dataset", "investigation", &ids).await?);
        let name_of = |names: &HashMap<i64, String>, row: &StoredRow, relation: &str| {
            get_number(KIND, row, relation).and_then(|id| names.get(&id).cloned()).unwrap_or_default()
        };
        let time = |row: &StoredRow, name: &str| get_number(KIND, row, name).map(|micros| render_time(micros, zone));
        let summary = |row: &StoredRow| Summary {
            id: row.id,
            name: get_text(KIND, row, "name"),
            visit: get_text(KIND, row, "visitId"),
            title: get_text(KIND, row, "title"),
            facility: name_of(&facilities, row, "facility"),
            investigation_type: name_of(&types, row, "type"),
            start: time(row, "startDate"),
            end: time(row, "endDate"),
            release: time(row, "releaseDate"),
            instruments: instruments.get(&row.id).cloned().unwrap_or_default(),
            member_count: members.get(&row.id).copied().unwrap_or_default(),
            dataset_count: datasets.get(&row.id).copied().unwrap_or_default(),
            file_count: get_number(KIND, row, "fileCount").unwrap_or_default(),
            file_size: get_number(KIND, row, "fileSize").unwrap_or_default(),
        };
        let mut summaries: Vec<Summary> = rows.iter().map(summary).collect();
        summaries.sort_by(|a, b| (&a.name, &a.visit, a.id).cmp(&(&b.name, &b.visit, b.id)));
        Ok(summaries)
    }

    async fn describe_investigation(
        &mut self,
        wanted: &InvestigationName,
        zone: &TimeZone,
    ) -> Result<Details, CatalogueError> {
        let id = self.find_investigation(wanted).await?;
        let row = self.find_by_ids("Investigation", &[id]).await?;
        let summary = self.summarize_investigations(&row, zone).await?.pop();
        let summary = summary.ok_or_else(|| icat::error::Error::entity_not_found("Investigation", id))?;
        let users = self.list_children("InvestigationUser", "investigation", id).await?;
        let user_ids: Vec<i64> = users.iter().filter_map(|row| get_number("InvestigationUser", row, "user")).collect();
        let names: HashMap<i64, String> = self
            .find_by_ids("User", &user_ids)
            .await?
            .iter()
            .map(|row| (row.id, get_text("User", row, "name")))
            .collect();
        let member = |row: &StoredRow| Member {
            user: get_number("InvestigationUser", row, "user")
                .and_then(|id| names.get(&id).cloned())
                .unwrap_or_default(),
            role: get_text("InvestigationUser", row, "role"),
        };
        let mut members: Vec<Member> = users.iter().map(member).collect();
        members.sort_by(|a, b| (&a.user, &a.role).cmp(&(&b.user, &b.role)));
        let dataset = |row: &StoredRow| Dataset {
            name: get_text("Dataset", row, "name"),
            location: get_text("Dataset", row, "location"),
            file_count: get_number("Dataset", row, "fileCount").unwrap_or_default(),
            file_size: get_number("Dataset", row, "fileSize").unwrap_or_default(),
        };
        let mut datasets: Vec<Dataset> =
            self.list_children("Dataset", "investigation", id).await?.iter().map(dataset).collect();
        datasets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Details { summary, members, datasets })
    }

    async fn names_by_id(&mut self, kind: &str) -> Result<HashMap<i64, String>, CatalogueError> {
        Ok(self.list_all(kind).await?.iter().map(|row| (row.id, get_text(kind, row, "name"))).collect())
    }

    async fn instruments_by_investigation(
        &mut self,
        investigations: &[i64],
    ) -> Result<HashMap<i64, Vec<String>>, CatalogueError> {
        const LINK: &str = "InvestigationInstrument";
        let names = self.names_by_id("Instrument").await?;
        let links: Vec<i64> = self
            .list_child_ids(LINK, "investigation", investigations)
            .await?
            .into_iter()
            .map(|(_, link)| link)
            .collect();
        let mut instruments: HashMap<i64, Vec<String>> = HashMap::new();
        for link in self.find_by_ids(LINK, &links).await? {
            let name = get_number(LINK, &link, "instrument").and_then(|id| names.get(&id));
            if let (Some(investigation), Some(name)) = (get_number(LINK, &link, "investigation"), name) {
                instruments.entry(investigation).or_default().push(name.clone());
            }
        }
        for names in instruments.values_mut() {
            names.sort_unstable();
        }
        Ok(instruments)
    }
}

/// The number of children of each parent.
fn count_per_parent(pairs: &[(i64, i64)]) -> HashMap<i64, usize> {
    let mut counts = HashMap::new();
    for (parent, _) in pairs {
        *counts.entry(*parent).or_default() += 1;
    }
    counts
}

/// A date, with the time unless it is midnight.
fn render_time(micros: i64, zone: &TimeZone) -> String {
    let Ok(time) = Timestamp::from_microsecond(micros) else { return micros.to_string() };
    let local = time.to_zoned_datetime(zone.clone());
    let is_midnight = local.time() == jiff::civil::Time::midnight();
    local.strftime(if is_midnight { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%S%:z" }).to_string()
}

impl Summary {
    fn render_line(&self) -> String {
        let instruments = if self.instruments.is_empty() { "-".to_owned() } else { self.instruments.join(",") };
        format!(
            "{:<12} {:<4} {:<10} {:<8} {}, {}, {}  {}",
            self.name,
            self.visit,
            self.start.as_deref().unwrap_or("-"),
            instruments,
            format_count(self.member_count, "member"),
            format_count(self.dataset_count, "dataset"),
            format_count(self.file_count, "file"),
            self.title
        )
    }
}

impl Details {
    fn render_text(&self) -> String {
        let Summary { name, visit, title, facility, investigation_type, .. } = &self.summary;
        let mut lines = vec![format!("{name}, visit {visit}: {title}")];
        let mut add = |what: &str, value: &str| lines.push(format!("  {what:<12} {value}"));
        add("facility", facility);
        add("type", investigation_type);
        let times = [("start", &self.summary.start), ("end", &self.summary.end), ("release", &self.summary.release)];
        for (what, time) in times {
            add(what, time.as_deref().unwrap_or("-"));
        }
        add("instruments", &join_or_none(&self.summary.instruments));
        let members: Vec<String> =
            self.members.iter().map(|member| format!("{} ({})", member.user, member.role)).collect();
        add("members", &join_or_none(&members));
        let (files, bytes) =
            (format_count(self.summary.file_count, "file"), format_count(self.summary.file_size, "byte"));
        add("datasets", &format!("{}; {files}, {bytes}", self.datasets.len()));
        for dataset in &self.datasets {
            let Dataset { name, location, file_count, file_size } = dataset;
            let (files, bytes) = (format_count(*file_count, "file"), format_count(*file_size, "byte"));
            lines.push(format!("    {name:<16} {files}, {bytes}  {location}"));
        }
        lines.join("\n")
    }
}

fn join_or_none(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

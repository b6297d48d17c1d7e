//! Finds rows by name.

use icat::error::Error;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use service_kit::{Micros, Val};

use super::CatalogueError;
use super::rows::{Rows, get_text, get_value};
use crate::cli::InvestigationName;

impl Rows<'_> {
    /// The facility with this name, or the only one.
    pub async fn find_facility(&mut self, name: Option<&str>) -> Result<i64, CatalogueError> {
        let all = self.list_all("Facility").await?;
        let names: Vec<String> = all.iter().map(|row| get_text("Facility", row, "name")).collect();
        let known = names.join(", ");
        match (name, all.as_slice()) {
            (None, []) => Err(usage_error("there is no facility yet: `undulator setup` makes one")),
            (None, [only]) => Ok(only.id),
            (None, _) => Err(usage_error(format!("there are several facilities ({known}): say --facility NAME"))),
            (Some(wanted), all) => match names.iter().position(|name| name == wanted) {
                Some(at) => Ok(all[at].id),
                None => Err(usage_error(format!("there is no facility {wanted}; there are: {known}"))),
            },
        }
    }

    pub async fn list_facility_names(&mut self) -> Result<Vec<String>, CatalogueError> {
        Ok(self.list_all("Facility").await?.iter().map(|row| get_text("Facility", row, "name")).collect())
    }

    /// A row with a name that is unique in a facility, such as an instrument or an investigation type.
    pub async fn find_named(&mut self, kind: &str, facility: i64, name: &str) -> Result<i64, CatalogueError> {
        if let Some(id) = self.find_by_key(kind, &[("facility", facility.into()), ("name", name.into())]).await? {
            return Ok(id);
        }
        let known = self.list_names(kind, facility).await?;
        let there =
            if known.is_empty() { "there are none".to_owned() } else { format!("there are: {}", known.join(", ")) };
        Err(usage_error(format!("there is no {kind} {name}; {there}")))
    }

    /// The names of the rows of a kind in a facility.
    pub async fn list_names(&mut self, kind: &str, facility: i64) -> Result<Vec<String>, CatalogueError> {
        let rows = self.list_children(kind, "facility", facility).await?;
        Ok(rows.iter().map(|row| get_text(kind, row, "name")).collect())
    }

    /// The investigation with this name, and with the visit and the facility if they are given.
    pub async fn find_investigation(&mut self, wanted: &InvestigationName) -> Result<i64, CatalogueError> {
        let facilities = match &wanted.facility {
            Some(name) => vec![self.find_facility(Some(name)).await?],
            None => self.list_all("Facility").await?.iter().map(|row| row.id).collect(),
        };
        let mut found = Vec::new();
        for facility in facilities {
            for row in self.list_children("Investigation", "facility", facility).await? {
                let visit = get_text("Investigation", &row, "visitId");
                let is_visit = wanted.visit.as_ref().is_none_or(|wanted| *wanted == visit);
                if get_value("Investigation", &row, "name") == Some(&Val::from(&wanted.investigation)) && is_visit {
                    found.push((row.id, visit));
                }
            }
        }
        let name = &wanted.investigation;
        match found.as_slice() {
            [(id, _)] => Ok(*id),
            [] => Err(usage_error(format!(
                "there is no investigation {name}{}; `undulator icat investigation add {name}` makes one",
                wanted.visit.as_ref().map_or_else(String::new, |visit| format!(" with the visit {visit}")),
            ))),
            several => {
                let visits: Vec<&str> = several.iter().map(|(_, visit)| visit.as_str()).collect();
                let text = format!(
                    "{name} names several investigations, with the visits {}: say --visit (and --facility)",
                    visits.join(", ")
                );
                Err(usage_error(text))
            }
        }
    }
}

/// Parses a time with a zone, or a local date or time of the facility; in microseconds UTC.
pub fn parse_time(text: &str, zone: &TimeZone) -> Result<i64, CatalogueError> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_microsecond());
    }
    let local = text.parse::<DateTime>().ok().and_then(|local| zone.to_timestamp(local).ok());
    local.map(Timestamp::as_microsecond).ok_or_else(|| {
        usage_error(format!(
            "`{text}` is no date or time; write 2026-01-12, 2026-01-12T09:00 or 2026-01-12T09:00:00+01:00"
        ))
    })
}

/// The start of the current day in the time zone of the facility; in microseconds UTC.
pub fn start_of_today(now: Micros, zone: &TimeZone) -> Result<i64, CatalogueError> {
    let out_of_range = |e: jiff::Error| Error::Validation(format!("the clock is out of range: {e}"));
    let midnight =
        zone.to_timestamp(zone.to_datetime(now.to_timestamp()).date().at(0, 0, 0, 0)).map_err(out_of_range)?;
    Ok(midnight.as_microsecond())
}

pub fn usage_error(text: impl Into<String>) -> CatalogueError {
    CatalogueError::Usage(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_without_a_zone_are_those_of_the_facility() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let parse = |text: &str| parse_time(text, &paris).unwrap();
        assert_eq!(parse("2026-01-12"), parse("2026-01-11T23:00:00Z"));
        assert_eq!(parse("2026-01-12T09:00"), parse("2026-01-12T08:00:00Z"));
        assert_eq!(parse("2026-01-12T09:00:00+02:00"), parse("2026-01-12T07:00:00Z"));
        assert!(parse_time("soon", &paris).unwrap_err().to_string().contains("2026-01-12"));
    }
}

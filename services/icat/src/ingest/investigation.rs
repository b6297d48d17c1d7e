//! Finds or creates the investigation of an ingest.

use service_kit::Val;

use super::catalogue::{IngestCatalogue, find_entity, find_or_create_row};
use super::{IngestError, NewInvestigation, Report};
use crate::error::Error;

pub const FIND_INVESTIGATION: &str = "SELECT i.id, i.visit_id, f.name AS facility FROM investigation i \
     JOIN facility f ON f.id = i.facility_id WHERE i.name = $1 ORDER BY i.id";
pub const LIST_FACILITIES: &str = "SELECT id, name FROM facility ORDER BY id";
pub const LIST_INVESTIGATION_TYPES: &str = "SELECT id, name FROM investigationtype WHERE facility_id = $1 ORDER BY id";
pub const LIST_INSTRUMENTS: &str = "SELECT id, name FROM instrument WHERE facility_id = $1 ORDER BY id";

/// The visit id of an investigation that is created without one.
const FIRST_VISIT: &str = "1";

impl IngestCatalogue<'_> {
    /// The id of the investigation; `None` if a dry run would create it.
    pub async fn find_or_create_investigation(&self, report: &mut Report) -> Result<Option<i64>, IngestError> {
        let options = self.options;
        let name = &options.investigation;
        match (self.find_investigations().await?.as_slice(), &options.create) {
            ([one], _) => Ok(Some(*one)),
            ([], Some(new)) => {
                report.investigation_created = true;
                self.create_investigation(new).await
            }
            ([], None) => Err(IngestError::Usage(format!(
                "there is no investigation {name} with this visit and facility; make it with `undulator icat \
                 investigation add`, or say --create"
            ))),
            _ => {
                Err(IngestError::Usage(format!("several investigations are named {name}: say --visit and --facility")))
            }
        }
    }

    /// The investigations with the wanted name, visit and facility.
    pub async fn find_investigations(&self) -> Result<Vec<i64>, IngestError> {
        let options = self.options;
        let is_wanted = |wanted: &Option<String>, has: &str| wanted.as_ref().is_none_or(|wanted| wanted == has);
        let mut found = Vec::new();
        let rows = self.db.read().await?.fetch_all(FIND_INVESTIGATION, &[Val::from(&options.investigation)]).await?;
        for row in rows {
            let (visit, facility): (String, String) = (row.get("visit_id")?, row.get("facility")?);
            if is_wanted(&options.visit, &visit) && is_wanted(&options.facility, &facility) {
                found.push(row.get("id")?);
            }
        }
        Ok(found)
    }

    async fn create_investigation(&self, new: &NewInvestigation) -> Result<Option<i64>, IngestError> {
        let options = self.options;
        let facilities = self.list_names(LIST_FACILITIES, &[]).await?;
        let facility = choose_id("facility", "--facility", options.facility.as_deref(), &facilities)?;
        let types = self.list_names(LIST_INVESTIGATION_TYPES, &[facility.into()]).await?;
        let kind = choose_id("investigation type", "--investigation-type", new.investigation_type.as_deref(), &types)?;
        let known = self.list_names(LIST_INSTRUMENTS, &[facility.into()]).await?;
        let instruments =
            new.instruments.iter().map(|name| choose_id("instrument", "--instrument", Some(name), &known));
        let instruments = instruments.collect::<Result<Vec<i64>, _>>()?;
        if options.dry_run {
            return Ok(None);
        }
        let values = [
            ("name", Val::from(&options.investigation)),
            ("visitId", Val::from(options.visit.as_deref().unwrap_or(FIRST_VISIT))),
            ("title", Val::from(new.title.as_ref().unwrap_or(&options.investigation))),
            ("facility", facility.into()),
            ("type", kind.into()),
            ("startDate", new.start.into()),
        ];
        let author = self.new_author();
        let id = author
            .run_transaction(self.db, &self.outbox, async |tx| {
                let id = find_or_create_row(tx, &author, find_entity("Investigation")?, &values).await?;
                for instrument in &instruments {
                    let link = [("investigation", id.into()), ("instrument", Val::from(*instrument))];
                    find_or_create_row(tx, &author, find_entity("InvestigationInstrument")?, &link).await?;
                }
                Ok::<_, Error>(id)
            })
            .await?;
        Ok(Some(id))
    }

    async fn list_names(&self, sql: &str, vals: &[Val]) -> Result<Vec<(i64, String)>, IngestError> {
        let rows = self.db.read().await?.fetch_all(sql, vals).await?;
        Ok(rows
            .iter()
            .map(|row| Ok((row.get("id")?, row.get("name")?)))
            .collect::<Result<_, service_kit::DbError>>()?)
    }
}

/// The one with the wanted name, or the only one.
fn choose_id(what: &str, option: &str, wanted: Option<&str>, there: &[(i64, String)]) -> Result<i64, IngestError> {
    let names = || there.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
    match (wanted, there) {
        (None, [(only, _)]) => Ok(*only),
        (_, []) => Err(IngestError::Usage(format!(
            "the catalogue has no {what}, which an investigation needs; `undulator setup` makes a facility"
        ))),
        (None, _) => Err(IngestError::Usage(format!("say {option}: one of {}", names()))),
        (Some(wanted), _) => {
            let found = there.iter().find(|(_, name)| name == wanted);
            found.map(|(id, _)| *id).ok_or_else(|| {
                IngestError::Usage(format!("there is no {what} {wanted}; {option} is one of {}", names()))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_one_needs_no_name_and_a_wrong_name_is_answered_with_the_right_ones() {
        let one = [(1, "SUN".to_owned())];
        let two = [(1, "SUN".to_owned()), (2, "MOON".to_owned())];
        assert_eq!(choose_id("facility", "--facility", None, &one).unwrap(), 1);
        assert_eq!(choose_id("facility", "--facility", Some("MOON"), &two).unwrap(), 2);
        for (wanted, there, text) in [
            (None, two.as_slice(), "say --facility: one of SUN, MOON"),
            (Some("MARS"), &two, "there is no facility MARS; --facility is one of SUN, MOON"),
            (None, &[], "the catalogue has no facility"),
        ] {
            let error = choose_id("facility", "--facility", wanted, there).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        }
    }
}

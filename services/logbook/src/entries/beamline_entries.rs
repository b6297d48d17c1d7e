//! Entries of beamline programs: always stored, whether or not their investigation is known, also when the program has hung up.
//! What a program may not know, such as an instrument that the catalogue does not have, is said in a warning beside the entry,
//! and logged.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value;
use service_kit::{Micros, Problem};
use tokio_util::task::TaskTracker;

use crate::catalogue::instruments::Instruments;
use crate::catalogue::investigation_assignment::{Assignment, InvestigationAssignment};
use crate::catalogue::permissions::{ProgramCaller, require_any_instrument};
use crate::domain::entry_content::EntryContent;
use crate::domain::entry_request::EntryRequest;
use crate::domain::logbook::Logbook;
use crate::domain::values;
use crate::domain::values::parse_number;
use crate::entries::create::Destination;
use crate::entries::{Entries, EntryRenderer, NewEntry};
use crate::error::Error;
use crate::store::attachments::NewAttachment;

/// Stores entries of programs.
pub struct BeamlineEntries {
    pub entries: Arc<Entries>,
    pub assignment: Arc<InvestigationAssignment>,
    pub instruments: Arc<Instruments>,
    pub renderer: Arc<EntryRenderer>,
    pub tasks: TaskTracker,
    /// The zone of times without one.
    pub zone: TimeZone,
}

/// The investigation and the instrument that a program names.
#[derive(Debug, Clone, Default)]
pub struct Target {
    pub investigation_id: Option<String>,
    /// The proposal.
    pub investigation_name: Option<String>,
    /// One instrument, or several separated by commas, of which the first is used.
    pub instrument_name: Option<String>,
}

/// A [`Target`] once it is parsed.
struct ParsedTarget {
    investigation: Option<i64>,
    instrument: Option<String>,
    proposal: Option<String>,
    warnings: Vec<String>,
    /// Whether it is meant for an investigation, and not for everybody.
    names_investigation: bool,
}

impl Target {
    pub fn from_names(investigation: String, instrument: String) -> Self {
        Self { investigation_id: None, investigation_name: Some(investigation), instrument_name: Some(instrument) }
    }
}

impl BeamlineEntries {
    pub fn now(&self) -> Micros {
        self.entries.clock.now_micros()
    }

    /// What a program sent; an absent time is now.
    pub fn parse_request(&self, request: EntryRequest) -> Result<EntryContent, Error> {
        Ok(EntryContent::from_request(request, self.now(), &self.zone)?)
    }

    /// The rendered entry. It is on disk when this returns, and also if nobody waits for it any more.
    pub async fn create_entry(
        &self,
        program: ProgramCaller<'_>,
        target: &Target,
        mut content: EntryContent,
        files: Vec<NewAttachment>,
    ) -> Result<Value, Problem> {
        let mut target = ParsedTarget::parse(program, target, &mut content)?;
        let destination = self.find_destination(program, &mut target, &mut content).await?;
        let actor = program.subject().icat_user_name.clone();
        let new = NewEntry { content, files, actor };
        let (entries, renderer) = (Arc::clone(&self.entries), Arc::clone(&self.renderer));
        let stored = self.tasks.spawn_local(async move {
            let entry = entries.create_in(&destination, new).await?;
            renderer.render_entry(&entry).await
        });
        let mut rendered = stored.await.map_err(Problem::internal)??;
        if !target.warnings.is_empty() {
            let warning = target.warnings.join("; ");
            let id = rendered["_id"].as_str().unwrap_or_default();
            tracing::warn!(entry.id = id, warning, "a program names what the catalogue does not have");
            rendered["warning"] = warning.into();
        }
        Ok(rendered)
    }

    async fn find_destination(
        &self,
        program: ProgramCaller<'_>,
        target: &mut ParsedTarget,
        content: &mut EntryContent,
    ) -> Result<Destination, Problem> {
        program.require_instrument(target.instrument.as_deref())?;
        // At the same time, so that a program waits no longer for both than for one.
        let (assignment, is_known) = tokio::join!(self.find_assignment(program, target, content.at), async {
            match target.instrument.as_deref() {
                Some(name) => self.instruments.has_instrument(name).await,
                None => None,
            }
        });
        let assignment = assignment?;
        content.investigation_id = if let Assignment::Assigned(id) = assignment { Some(id) } else { None };
        content.instrument_name.clone_from(&target.instrument);
        content.investigation_name.clone_from(&target.proposal);
        let logbook = match Logbook::from_ids(content.investigation_id, content.instrument_name.as_deref()) {
            // It was not meant for everybody.
            Logbook::Facility if target.names_investigation => Logbook::Unassigned,
            logbook => logbook,
        };
        target.warnings.extend(describe_assignment(assignment, target, &logbook));
        if let (Some(false), Some(name)) = (is_known, &target.instrument) {
            let text = format!("the catalogue has no instrument {name}; the entry is kept under this name");
            target.warnings.push(text);
        }
        Ok(Destination { logbook, late: assignment == Assignment::Released })
    }

    /// By the investigation's id, else by its name, instrument and time. An id that no investigation has does not count: the
    /// entry stays at the instrument. A key for some instruments writes for investigations at these alone.
    async fn find_assignment(
        &self,
        program: ProgramCaller<'_>,
        target: &ParsedTarget,
        at: Micros,
    ) -> Result<Assignment, Problem> {
        if let Some(id) = target.investigation {
            let is_limited = !program.instruments().is_empty();
            let (assignment, instruments) = tokio::join!(self.assignment.assign_by_id(id), async {
                if is_limited { self.instruments.list_of_investigation_in_time(id).await } else { None }
            });
            match (assignment, instruments) {
                (Assignment::NotFound, _) => {}
                // It is not known whether the key may write there.
                (_, None) if is_limited => return Ok(Assignment::NoAnswer),
                (assignment, Some(names)) => {
                    require_any_instrument(&program, id, &names)?;
                    return Ok(assignment);
                }
                (assignment, None) => return Ok(assignment),
            }
        }
        Ok(match &target.proposal {
            Some(proposal) => self.assignment.assign_by_proposal(proposal, target.instrument.as_deref(), at).await,
            None => Assignment::NotFound,
        })
    }
}

impl ParsedTarget {
    fn parse(program: ProgramCaller<'_>, target: &Target, content: &mut EntryContent) -> Result<Self, Error> {
        let given =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut warnings = Vec::new();
        let listed = given(&target.instrument_name).unwrap_or_default();
        let mut listed = listed.split(',').map(str::trim).filter(|name| !name.is_empty());
        let first = listed.next().map(str::to_owned);
        if let (Some(first), Some(_)) = (&first, listed.next()) {
            warnings.push(format!("several instruments are named, and only the first counts: {first}"));
        }
        let mut instrument = first.or(content.instrument_name.take()).filter(|name| !name.trim().is_empty());
        let proposal = given(&target.investigation_name).or(content.investigation_name.take());
        let investigation = match parse_number("investigationId", target.investigation_id.as_deref()) {
            Ok(id) => id,
            Err(_) => {
                let id = target.investigation_id.as_deref().unwrap_or_default();
                warnings.push(format!("investigationId must be a number, not {id}; it does not count"));
                None
            }
        };
        // With a key for one instrument, the instrument need not be named.
        if let (None, [only]) = (&instrument, program.instruments())
            && (investigation.is_some() || proposal.is_some())
        {
            instrument = Some(only.clone());
        }
        if let Some(name) = &instrument {
            values::check_instrument_name(name)?;
        }
        let names_investigation = given(&target.investigation_id).is_some() || proposal.is_some();
        Ok(Self { investigation, instrument, proposal, warnings, names_investigation })
    }
}

/// What a program should know of the investigation that it named by its id, or by its name.
fn describe_assignment(assignment: Assignment, target: &ParsedTarget, logbook: &Logbook) -> Option<String> {
    let kept = match logbook {
        Logbook::Instrument(_) => "the entry is kept in the logbook of the instrument",
        _ => "the entry is kept for administrators",
    };
    match (assignment, target.investigation, &target.proposal) {
        (Assignment::Assigned(assigned), Some(id), _) if assigned != id => Some(format!(
            "the catalogue has no investigation {id}; the entry is kept in that of the proposal, {assigned}"
        )),
        (Assignment::Assigned(_), ..) | (_, None, None) => None,
        (Assignment::Released, Some(id), _) => {
            Some(format!("investigation {id} is released and its logbook closed; {kept}"))
        }
        (Assignment::NotFound, Some(id), _) => Some(format!("the catalogue has no investigation {id}; {kept}")),
        (Assignment::NoAnswer, Some(id), _) => {
            Some(format!("the catalogue does not say now where investigation {id} is; {kept}"))
        }
        (Assignment::Released, None, Some(name)) => {
            Some(format!("investigation {name} is released and its logbook closed; {kept}"))
        }
        (Assignment::NotFound, None, Some(name)) => {
            let at = target.instrument.as_ref().map_or_else(String::new, |instrument| format!(" at {instrument}"));
            Some(format!("the catalogue has no investigation {name}{at} at that time; {kept}"))
        }
        (Assignment::NoAnswer, None, Some(name)) => {
            Some(format!("the catalogue does not say now which investigation {name} is; {kept}"))
        }
    }
}

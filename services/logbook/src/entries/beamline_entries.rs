//! Entries of programs: always stored, wherever they can be placed, also when the program has hung up. What a program may
//! not know, such as an instrument that the catalogue does not have, is said in a warning beside the entry, and logged.

use std::sync::Arc;

use actix_web::HttpResponse;
use identity::Caller;
use service_kit::Problem;

use crate::api::programs::Target;
use crate::catalogue::investigation_assignment::Bound;
use crate::catalogue::{investigation_assignment, permissions};
use crate::domain::entry_content::Event;
use crate::domain::filter::number;
use crate::domain::logbook::Book;
use crate::domain::names;
use crate::entries;
use crate::entries::{NewEntry, NewFile};
use crate::error::Error;
use crate::http::json;
use crate::state::State;

/// On disk when this returns, and on disk also if nobody waits for it any more.
pub async fn write(
    state: Arc<State>,
    caller: &Caller,
    target: &Target,
    event: Event,
    files: Vec<NewFile>,
) -> Result<HttpResponse, Problem> {
    let Placed { new, warnings } = place(&state, caller, target, event, files).await?;
    let tasks = state.tasks.clone();
    let stored = tasks.spawn_local(async move {
        let entry = entries::create(&state, new).await?;
        let mut tx = state.db.read().await?;
        entries::show(&state, &mut tx, &entry).await
    });
    let mut shown = stored.await.map_err(Problem::internal)??;
    if !warnings.is_empty() {
        let warning = warnings.join("; ");
        let id = shown["_id"].as_str().unwrap_or_default();
        tracing::warn!(entry.id = id, warning, "a program names what the catalogue does not have");
        shown["warning"] = warning.into();
    }
    Ok(json(&shown))
}

/// An entry in its logbook, and what its program should know.
struct Placed {
    new: NewEntry,
    warnings: Vec<String>,
}

/// What a program says of the place of its entry.
struct Asked {
    investigation: Option<i64>,
    instrument: Option<String>,
    proposal: Option<String>,
    warnings: Vec<String>,
}

impl Asked {
    fn read(caller: &Caller, target: &Target, event: &mut Event) -> Result<Self, Error> {
        let given =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut warnings = Vec::new();
        let listed = given(&target.instrument_name).unwrap_or_default();
        let mut listed = listed.split(',').map(str::trim).filter(|name| !name.is_empty());
        let first = listed.next().map(str::to_owned);
        if let (Some(first), Some(_)) = (&first, listed.next()) {
            warnings.push(format!("several instruments are named, and only the first counts: {first}"));
        }
        let mut instrument = first.or(event.instrument_name.take()).filter(|name| !name.trim().is_empty());
        let proposal = given(&target.investigation_name).or(event.investigation_name.take());
        let investigation = match number("investigationId", target.investigation_id.as_deref()) {
            Ok(id) => id,
            Err(_) => {
                let id = target.investigation_id.as_deref().unwrap_or_default();
                warnings.push(format!("investigationId must be a number, not {id}; it does not count"));
                None
            }
        };
        // A key for one instrument need not say which one.
        if let (None, [only]) = (&instrument, caller.instruments())
            && (investigation.is_some() || proposal.is_some())
        {
            instrument = Some(only.clone());
        }
        if let Some(name) = &instrument {
            names::check_instrument(name)?;
        }
        Ok(Self { investigation, instrument, proposal, warnings })
    }

    /// Whether it was meant for somebody, and not for everybody.
    fn is_somebodys(&self, target: &Target) -> bool {
        let has_id = target.investigation_id.as_deref().is_some_and(|id| !id.trim().is_empty());
        has_id || self.proposal.is_some()
    }
}

async fn place(
    state: &Arc<State>,
    caller: &Caller,
    target: &Target,
    mut event: Event,
    files: Vec<NewFile>,
) -> Result<Placed, Problem> {
    let mut asked = Asked::read(caller, target, &mut event)?;
    caller.require_instrument(asked.instrument.as_deref())?;
    // Together, because a program waits for both no longer than for one.
    let (bound, is_known) = tokio::join!(bind(state, caller, &asked, event.at), async {
        match asked.instrument.as_deref() {
            Some(name) => investigation_assignment::is_known_instrument(state, name).await,
            None => None,
        }
    });
    let bound = bound?;
    let is_somebodys = asked.is_somebodys(target);
    event.investigation_id = if let Bound::To(id) = bound { Some(id) } else { None };
    event.instrument_name.clone_from(&asked.instrument);
    event.investigation_name.clone_from(&asked.proposal);
    let book = match Book::of(event.investigation_id, event.instrument_name.as_deref()) {
        // It was not meant for everybody.
        Book::Facility if is_somebodys => Book::Unplaced,
        book => book,
    };
    asked.warnings.extend(warning_of(bound, &asked, &book));
    if let (Some(false), Some(name)) = (is_known, &asked.instrument) {
        asked.warnings.push(format!("the catalogue has no instrument {name}; the entry is kept under this name"));
    }
    let actor = caller.subject().icat_user_name.clone();
    let new = NewEntry { book, event, files, late: bound == Bound::Late, actor };
    Ok(Placed { new, warnings: asked.warnings })
}

/// By the investigation's id, else by its name, instrument and time. An id that no investigation has does not count: the
/// entry stays at the instrument. A key for some instruments writes for investigations at these alone.
async fn bind(state: &Arc<State>, caller: &Caller, asked: &Asked, at: i64) -> Result<Bound, Problem> {
    let Asked { investigation, instrument, proposal, .. } = asked;
    if let Some(id) = *investigation {
        let (bound, instruments) = tokio::join!(investigation_assignment::bind_to(state, id), async {
            if caller.instruments().is_empty() {
                None
            } else {
                investigation_assignment::instruments_soon(state, id).await
            }
        });
        match (bound, instruments) {
            (Bound::Unknown, _) => {}
            // Nobody says now whether the key may write there.
            (_, None) if !caller.instruments().is_empty() => return Ok(Bound::Unsaid),
            (bound, Some(names)) => {
                permissions::require_one_of(caller, id, &names)?;
                return Ok(bound);
            }
            (bound, None) => return Ok(bound),
        }
    }
    Ok(match proposal {
        Some(proposal) => investigation_assignment::bind(state, proposal, instrument.as_deref(), at).await,
        None => Bound::Unknown,
    })
}

/// What a program should know of the investigation that it named by its id, or by its name.
fn warning_of(bound: Bound, asked: &Asked, book: &Book) -> Option<String> {
    let kept = match book {
        Book::Instrument(_) => "the entry is kept in the logbook of the instrument",
        _ => "the entry is kept for administrators",
    };
    match (bound, asked.investigation, &asked.proposal) {
        (Bound::To(bound), Some(id), _) if bound != id => {
            Some(format!("the catalogue has no investigation {id}; the entry is kept in that of the proposal, {bound}"))
        }
        (Bound::To(_), ..) | (_, None, None) => None,
        (Bound::Late, Some(id), _) => Some(format!("investigation {id} is released and its logbook closed; {kept}")),
        (Bound::Unknown, Some(id), _) => Some(format!("the catalogue has no investigation {id}; {kept}")),
        (Bound::Unsaid, Some(id), _) => {
            Some(format!("the catalogue does not say now where investigation {id} is; {kept}"))
        }
        (Bound::Late, None, Some(name)) => {
            Some(format!("investigation {name} is released and its logbook closed; {kept}"))
        }
        (Bound::Unknown, None, Some(name)) => {
            let at = asked.instrument.as_ref().map_or_else(String::new, |instrument| format!(" at {instrument}"));
            Some(format!("the catalogue has no investigation {name}{at} at that time; {kept}"))
        }
        (Bound::Unsaid, None, Some(name)) => {
            Some(format!("the catalogue does not say now which investigation {name} is; {kept}"))
        }
    }
}

//! What a caller may do, and why.

use std::collections::BTreeSet;
use std::sync::Arc;

use icat_client::client::Filter;
use icat_client::{IcatClient, IcatCode, IcatError, Select};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use service_kit::{Code, Problem};

use crate::Identity;
use crate::cache::Principal;
use crate::caller::{Caller, Subject, of_icat};
use crate::facts::{self, Facts};

/// Investigations a user may see at most before the list is cut; a cut list says so.
const MOST_VISIBLE: usize = 10_000;
/// The furthest that a zone is ahead of UTC.
const FURTHEST_ZONE: SignedDuration = SignedDuration::from_hours(14);
/// How the field writes "principal investigator" in `InvestigationUser.role`, compared without case.
const PRINCIPAL: [&str; 4] = ["PI", "PRINCIPAL INVESTIGATOR", "PRINCIPAL_INVESTIGATOR", "PRINCIPAL_EXPERIMENTER"];

/// A question; ids are those of ICAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    ReadInvestigation(i64),
    ReadDataset(i64),
    ReadDatafile(i64),
    /// As the investigation itself.
    ReadLogbook(i64),
    /// Members and instrument scientists until the release, administrators always.
    WriteLogbook(i64),
    /// Instrument scientists of the instrument, and administrators: to read what belongs to no investigation there.
    ReadInstrumentLogbook(i64),
    /// The same, to write it.
    WriteInstrumentLogbook(i64),
    /// Principal investigators and administrators.
    MintFor(i64),
    Administer,
}

impl Ask {
    /// What an API key must have been made for.
    pub fn scope(self) -> &'static str {
        match self {
            Self::ReadInvestigation(_) | Self::ReadDataset(_) | Self::ReadDatafile(_) => "read",
            Self::ReadLogbook(_) | Self::ReadInstrumentLogbook(_) => "logbook:read",
            Self::WriteLogbook(_) | Self::WriteInstrumentLogbook(_) => "logbook:write",
            Self::MintFor(_) => "doi:mint",
            Self::Administer => "admin",
        }
    }

    fn entity(self) -> Option<(&'static str, i64)> {
        match self {
            Self::ReadInvestigation(id) | Self::ReadLogbook(id) | Self::WriteLogbook(id) | Self::MintFor(id) => {
                Some(("Investigation", id))
            }
            Self::ReadDataset(id) => Some(("Dataset", id)),
            Self::ReadDatafile(id) => Some(("Datafile", id)),
            Self::ReadInstrumentLogbook(id) | Self::WriteInstrumentLogbook(id) => Some(("Instrument", id)),
            Self::Administer => None,
        }
    }
}

/// An answer and the rule it follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    /// For people: which fact allowed it, or what was missing.
    pub rule: String,
}

impl Decision {
    fn yes(rule: impl Into<String>) -> Self {
        Self { allowed: true, rule: rule.into() }
    }

    fn no(rule: impl Into<String>) -> Self {
        Self { allowed: false, rule: rule.into() }
    }
}

/// The investigations a user may see, and the instruments they serve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visible {
    pub investigations: BTreeSet<i64>,
    /// Names of the instruments whose scientist the user is.
    pub instruments: BTreeSet<String>,
    /// False if there are more than the list holds.
    pub complete: bool,
}

impl Identity {
    /// Whether the caller may; [`Code::Forbidden`] with the rule if not.
    pub async fn require(&self, caller: &Caller, ask: Ask) -> Result<(), Problem> {
        let decision = self.explain(caller, ask).await?;
        if decision.allowed {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden, "identity/forbidden", format!("not allowed: {}", decision.rule)))
    }

    /// The answer and the rule it follows from: through the caller's own session if there is one, else from what the
    /// reader account knows of the user. What ICAT has no rules for (logbooks, minting) needs the session's right to
    /// see the investigation, and a role that the reader account finds, or without one the session itself.
    pub async fn explain(&self, caller: &Caller, ask: Ask) -> Result<Decision, Problem> {
        if !caller.has_scope(ask.scope()) {
            return Ok(Decision::no(format!("the API key lacks the scope {}", ask.scope())));
        }
        let (Some(session), Some(hash)) = (caller.session(), caller.session_hash()) else {
            return self.explain_subject(caller.subject(), ask).await;
        };
        let principal = Principal::from(hash);
        if let Some(known) = self.0.caches.decision(&principal, ask) {
            return Ok(known);
        }
        let user = &caller.subject().icat_user_name;
        let decision = self.via_session(session.expose(), user, ask).await?;
        self.0.caches.remember_decision(&principal, ask, &decision);
        Ok(decision)
    }

    /// The same for a user who is not there, as jobs need it: from `InvestigationUser`, `InvestigationGroup`,
    /// `InstrumentScientist` and the release date alone. Without a reader account the answer is unavailable.
    pub async fn explain_subject(&self, subject: &Subject, ask: Ask) -> Result<Decision, Problem> {
        let principal = Principal::from(format!("user {}", subject.icat_user_name));
        if let Some(known) = self.0.caches.decision(&principal, ask) {
            return Ok(known);
        }
        let decision = self.via_reader(&subject.icat_user_name, ask).await?;
        self.0.caches.remember_decision(&principal, ask, &decision);
        Ok(decision)
    }

    /// What a user may see, for lists and searches; narrower than ICAT's rules. It needs the reader account.
    pub async fn visible(&self, subject: &Subject) -> Result<Arc<Visible>, Problem> {
        let reader = self.0.reader.as_ref().ok_or_else(no_reader)?;
        let (user, now) = (&subject.icat_user_name, self.0.clock.now());
        if let Some(known) = self.0.caches.visible(user) {
            return Ok(known);
        }
        let found = reader.ask(async |icat, session| visible(icat, session, user, now).await).await;
        let found = Arc::new(found.map_err(of_reader)?);
        self.0.caches.remember_visible(user.clone(), &found);
        Ok(found)
    }

    async fn via_session(&self, session: &str, user: &str, ask: Ask) -> Result<Decision, Problem> {
        let icat = &self.0.icat;
        match ask {
            Ask::Administer => Ok(self.administer(user)),
            Ask::ReadInvestigation(_) | Ask::ReadLogbook(_) | Ask::ReadDataset(_) | Ask::ReadDatafile(_) => {
                // Administrators of services are not ICAT's root users: what they see there is for ICAT's rules.
                let (entity, id) = ask.entity().unwrap_or_default();
                Ok(if facts::sees(icat, session, entity, id).await.map_err(of_icat)? {
                    Decision::yes(format!("ICAT's rules let this session read {entity} {id}"))
                } else {
                    Decision::no(format!("ICAT's rules do not let this session read {entity} {id}"))
                })
            }
            Ask::ReadInstrumentLogbook(id) | Ask::WriteInstrumentLogbook(id) => {
                if self.administer(user).allowed {
                    return Ok(self.administer(user));
                }
                let serves = match &self.0.reader {
                    Some(reader) => {
                        let asked = reader.ask(async |icat, session| facts::serves(icat, session, user, id).await);
                        asked.await.map_err(of_reader)?
                    }
                    None => facts::serves(icat, session, user, id).await.map_err(of_icat)?,
                };
                Ok(of_instrument(id, serves))
            }
            Ask::WriteLogbook(id) | Ask::MintFor(id) => {
                if self.administer(user).allowed {
                    return Ok(self.administer(user));
                }
                if !facts::sees(icat, session, "Investigation", id).await.map_err(of_icat)? {
                    return Ok(decide(ask, id, &Facts::default(), self.0.clock.now()));
                }
                // Rules often hide who the members are even from the members.
                let facts = match &self.0.reader {
                    Some(reader) => {
                        let asked = reader.ask(async |icat, session| facts::read(icat, session, user, id).await);
                        asked.await.map_err(of_reader)?
                    }
                    None => facts::read(icat, session, user, id).await.map_err(of_icat)?,
                };
                if !facts.seen && self.0.reader.is_some() {
                    return Ok(Decision::no(unseen("Investigation", id)));
                }
                Ok(decide(ask, id, &facts, self.0.clock.now()))
            }
        }
    }

    async fn via_reader(&self, user: &str, ask: Ask) -> Result<Decision, Problem> {
        let administrator = self.administer(user);
        let Some((entity, id)) = ask.entity() else { return Ok(administrator) };
        let of_icat =
            matches!(ask, Ask::ReadInvestigation(_) | Ask::ReadDataset(_) | Ask::ReadDatafile(_) | Ask::Administer);
        if administrator.allowed && !of_icat {
            return Ok(administrator);
        }
        let reader = self.0.reader.as_ref().ok_or_else(no_reader)?;
        if entity == "Instrument" {
            let asked = reader.ask(async |icat, session| facts::serves(icat, session, user, id).await);
            return Ok(of_instrument(id, asked.await.map_err(of_reader)?));
        }
        let found = reader
            .ask(async |icat, session| {
                let investigation = match entity {
                    "Investigation" => Some(id),
                    _ => facts::investigation_of(icat, session, entity, id).await?,
                };
                match investigation {
                    Some(investigation) => {
                        Ok(Some((investigation, facts::read(icat, session, user, investigation).await?)))
                    }
                    None => Ok(None),
                }
            })
            .await
            .map_err(of_reader)?;
        Ok(match found {
            Some((investigation, facts)) if !facts.seen => Decision::no(unseen("Investigation", investigation)),
            Some((investigation, facts)) => decide(ask, investigation, &facts, self.0.clock.now()),
            None => Decision::no(unseen(entity, id)),
        })
    }

    fn administer(&self, user: &str) -> Decision {
        if self.0.administrators.iter().any(|name| name == user) {
            Decision::yes(format!("{user} is listed in identity.administrators"))
        } else {
            Decision::no(format!("{user} is not listed in identity.administrators"))
        }
    }
}

/// The rules themselves.
fn decide(ask: Ask, investigation: i64, facts: &Facts, now: Timestamp) -> Decision {
    if !facts.seen {
        return Decision::no(format!("there is no Investigation {investigation} that can be seen"));
    }
    let member = || match facts.roles.first() {
        Some(role) => Some(format!("InvestigationUser of {investigation} with the role {role}")),
        None if facts.in_group => Some(format!("in a group of Investigation {investigation} (InvestigationGroup)")),
        None if facts.is_scientist => Some(format!("InstrumentScientist of an instrument of {investigation}")),
        None => None,
    };
    let released = facts.is_released(now);
    match ask {
        Ask::ReadInvestigation(_) | Ask::ReadLogbook(_) | Ask::ReadDataset(_) | Ask::ReadDatafile(_) => {
            match (member(), facts.released_at) {
                (Some(rule), _) => Decision::yes(rule),
                (None, Some(at)) if released => {
                    Decision::yes(format!("Investigation {investigation} was released {at}"))
                }
                _ => Decision::no(format!(
                    "neither InvestigationUser, InvestigationGroup nor InstrumentScientist of {investigation}, and it is not released"
                )),
            }
        }
        Ask::WriteLogbook(_) => match member() {
            Some(_) if released => {
                Decision::no(format!("Investigation {investigation} is released: its logbook is closed"))
            }
            Some(rule) => Decision::yes(rule),
            None => Decision::no(format!("neither member nor instrument scientist of {investigation}")),
        },
        Ask::MintFor(_) => {
            let role = facts.roles.iter().find(|role| PRINCIPAL.iter().any(|name| role.eq_ignore_ascii_case(name)));
            role.map_or_else(
                || Decision::no(format!("not principal investigator of {investigation}")),
                |role| Decision::yes(format!("InvestigationUser of {investigation} with the role {role}")),
            )
        }
        Ask::Administer | Ask::ReadInstrumentLogbook(_) | Ask::WriteInstrumentLogbook(_) => {
            Decision::no("only administrators")
        }
    }
}

/// What does not exist and what the reader account may not see look the same to it.
fn unseen(entity: &str, id: i64) -> String {
    format!(
        "the reader account (icat.reader) sees no {entity} {id}: there is none, or the account lacks the right to read {entity}"
    )
}

fn of_instrument(id: i64, serves: bool) -> Decision {
    if serves {
        Decision::yes(format!("InstrumentScientist of Instrument {id}"))
    } else {
        Decision::no(format!("not InstrumentScientist of Instrument {id}"))
    }
}

async fn visible(icat: &IcatClient, session: &str, user: &str, now: Timestamp) -> Result<Visible, IcatError> {
    let wrong = |e: icat_client::QueryError| IcatError::Nonsense(format!("a query that is not one: {e}"));
    let name = || Filter::eq("user.name", user);
    let groups = Select::values("UserGroup", &["grouping.id"]).filter(name());
    let instruments = Select::values("InstrumentScientist", &["instrument.id"]).filter(name());
    let memberships = [
        Select::values("InvestigationUser", &["id", "investigation.id"]).filter(name()),
        Select::values("InvestigationGroup", &["id", "investigation.id"]).filter(Filter::among("grouping.id", groups)),
        Select::values("InvestigationInstrument", &["id", "investigation.id"])
            .filter(Filter::among("instrument.id", instruments)),
    ];
    let serves = Select::values("InstrumentScientist", &["id", "instrument.name"]).filter(name());
    let mut instruments = BTreeSet::new();
    let mut pages = icat.pages(session, serves.build().map_err(wrong)?).map_err(wrong)?;
    while let Some(rows) = pages.next_page().await? {
        instruments.extend(rows.iter().filter_map(|row| row[1].as_str()).map(str::to_owned));
    }
    let mut investigations = BTreeSet::new();
    for select in memberships {
        let mut pages = icat.pages(session, select.build().map_err(wrong)?).map_err(wrong)?;
        while let Some(rows) = pages.next_page().await? {
            investigations.extend(rows.iter().filter_map(|row| row[1].as_i64()));
            if investigations.len() > MOST_VISIBLE {
                return Ok(cut(investigations, instruments));
            }
        }
    }
    // ICAT compares in its server's zone: ask for a little more, and look at each date itself.
    let latest = jiff::tz::TimeZone::UTC.to_datetime(now + FURTHEST_ZONE);
    let released = Select::values("Investigation", &["id", "releaseDate"]).filter(Filter::le("releaseDate", latest));
    let mut pages = icat.pages(session, released.build().map_err(wrong)?).map_err(wrong)?;
    while let Some(rows) = pages.next_page().await? {
        let at = |row: &Value| row[1].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        investigations
            .extend(rows.iter().filter(|row| at(row).is_some_and(|at| at <= now)).filter_map(|row| row[0].as_i64()));
        if investigations.len() > MOST_VISIBLE {
            return Ok(cut(investigations, instruments));
        }
    }
    Ok(Visible { investigations, instruments, complete: true })
}

fn cut(investigations: BTreeSet<i64>, instruments: BTreeSet<String>) -> Visible {
    Visible { investigations: investigations.into_iter().take(MOST_VISIBLE).collect(), instruments, complete: false }
}

fn no_reader() -> Problem {
    let text = "rights cannot be looked up now: the caller's session is not known and there is no reader account";
    Problem::new(Code::Unavailable, "identity/no-reader", text).with_retry_after(30)
}

/// The reader's own session must never be taken for the caller's.
fn of_reader(e: IcatError) -> Problem {
    match e {
        IcatError::Refused { code: IcatCode::Session, .. } => {
            let text = "rights cannot be looked up now: ICAT refuses the login of the reader account (icat.reader); the \
                        operator must check its password";
            Problem::new(Code::Unavailable, "identity/reader-refused", text).with_retry_after(30).with_source(e)
        }
        e => of_icat(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts { seen: true, ..Facts::default() }
    }

    fn allowed(ask: Ask, facts: &Facts) -> (bool, String) {
        let decision = decide(ask, 7, facts, "2026-01-12T09:00:00Z".parse().unwrap());
        (decision.allowed, decision.rule)
    }

    #[test]
    fn each_fact_allows_what_it_should_and_names_itself() {
        let member = Facts { roles: vec!["Investigator".to_owned()], ..facts() };
        let principal = Facts { roles: vec!["Principal Investigator".to_owned()], ..facts() };
        let group = Facts { in_group: true, ..facts() };
        let scientist = Facts { is_scientist: true, ..facts() };
        let released = |facts: Facts| Facts { released_at: "2026-01-12T09:00:00Z".parse().ok(), ..facts };
        let embargo = Facts { released_at: "2026-01-12T09:00:01Z".parse().ok(), ..facts() };
        let (read, write, mint) = (Ask::ReadDatafile(1), Ask::WriteLogbook(7), Ask::MintFor(7));
        let table = [
            (&member, [true, true, false]),
            (&principal, [true, true, true]),
            (&group, [true, true, false]),
            (&scientist, [true, true, false]),
            (&released(facts()), [true, false, false]),
            (&released(member.clone()), [true, false, false]),
            (&released(principal.clone()), [true, false, true]),
            (&embargo, [false, false, false]),
            (&facts(), [false, false, false]),
            (&Facts { seen: false, ..principal.clone() }, [false, false, false]),
        ];
        for (facts, expected) in table {
            assert_eq!([read, write, mint].map(|ask| allowed(ask, facts).0), expected, "{facts:?}");
        }
        assert_eq!(allowed(read, &member).1, "InvestigationUser of 7 with the role Investigator");
        assert_eq!(allowed(read, &released(facts())).1, "Investigation 7 was released 2026-01-12T09:00:00Z");
        assert_eq!(allowed(write, &released(member)).1, "Investigation 7 is released: its logbook is closed");
    }
}

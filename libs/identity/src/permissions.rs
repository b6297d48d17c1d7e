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
use crate::caller::{Caller, Subject, to_session_problem};
use crate::membership::{self, Membership};

/// Investigations a user may see at most before the list is cut; a cut list says so.
const MAX_VISIBLE_INVESTIGATIONS: usize = 10_000;
/// The furthest that a zone is ahead of UTC.
const MAX_ZONE_OFFSET: SignedDuration = SignedDuration::from_hours(14);
/// How the field writes "principal investigator" in `InvestigationUser.role`, compared without case.
const PRINCIPAL_INVESTIGATOR_ROLES: [&str; 4] =
    ["PI", "PRINCIPAL INVESTIGATOR", "PRINCIPAL_INVESTIGATOR", "PRINCIPAL_EXPERIMENTER"];

/// A question; ids are those of ICAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
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

impl Permission {
    /// What an API key must have been made for.
    pub fn required_scope(self) -> &'static str {
        match self {
            Self::ReadInvestigation(_) | Self::ReadDataset(_) | Self::ReadDatafile(_) => "read",
            Self::ReadLogbook(_) | Self::ReadInstrumentLogbook(_) => "logbook:read",
            Self::WriteLogbook(_) | Self::WriteInstrumentLogbook(_) => "logbook:write",
            Self::MintFor(_) => "doi:mint",
            Self::Administer => "admin",
        }
    }

    fn checked_row(self) -> Option<(&'static str, i64)> {
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
    fn allow(rule: impl Into<String>) -> Self {
        Self { allowed: true, rule: rule.into() }
    }

    fn deny(rule: impl Into<String>) -> Self {
        Self { allowed: false, rule: rule.into() }
    }
}

/// The investigations a user may see, and the instruments they serve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VisibleInvestigations {
    pub investigations: BTreeSet<i64>,
    /// Names of the instruments whose scientist the user is.
    pub instruments: BTreeSet<String>,
    /// False if there are more than the list holds.
    pub complete: bool,
}

impl Identity {
    /// Whether the caller may; [`Code::Forbidden`] with the rule if not.
    pub async fn require_permission(&self, caller: &Caller, permission: Permission) -> Result<(), Problem> {
        let decision = self.check_permission(caller, permission).await?;
        if decision.allowed {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden, "identity/forbidden", format!("not allowed: {}", decision.rule)))
    }

    /// The answer and the rule it follows from: through the caller's own session if there is one, else from what the
    /// reader account knows of the user. What ICAT has no rules for (logbooks, minting) needs the session's right to
    /// see the investigation, and a role that the reader account finds, or without one the session itself.
    pub async fn check_permission(&self, caller: &Caller, permission: Permission) -> Result<Decision, Problem> {
        if !caller.has_scope(permission.required_scope()) {
            return Ok(Decision::deny(format!("the API key lacks the scope {}", permission.required_scope())));
        }
        let (Some(session), Some(hash)) = (caller.session(), caller.session_hash()) else {
            return self.check_permission_of_subject(caller.subject(), permission).await;
        };
        let principal = Principal::from(hash);
        if let Some(known) = self.0.caches.find_decision(&principal, permission) {
            return Ok(known);
        }
        let user = &caller.subject().icat_user_name;
        let decision = self.decide_with_session(session.expose(), user, permission).await?;
        self.0.caches.insert_decision(&principal, permission, &decision);
        Ok(decision)
    }

    /// The same for a user who is not there, as jobs need it: from `InvestigationUser`, `InvestigationGroup`,
    /// `InstrumentScientist` and the release date alone. Without a reader account the answer is unavailable.
    pub async fn check_permission_of_subject(
        &self,
        subject: &Subject,
        permission: Permission,
    ) -> Result<Decision, Problem> {
        let principal = Principal::from(format!("user {}", subject.icat_user_name));
        if let Some(known) = self.0.caches.find_decision(&principal, permission) {
            return Ok(known);
        }
        let decision = self.decide_with_reader_account(&subject.icat_user_name, permission).await?;
        self.0.caches.insert_decision(&principal, permission, &decision);
        Ok(decision)
    }

    /// What a user may see, for lists and searches; narrower than ICAT's rules. It needs the reader account.
    pub async fn find_visible_investigations(&self, subject: &Subject) -> Result<Arc<VisibleInvestigations>, Problem> {
        let reader = self.0.reader.as_ref().ok_or_else(missing_reader_problem)?;
        let (user, now) = (&subject.icat_user_name, self.0.clock.now());
        if let Some(known) = self.0.caches.find_visible_investigations(user) {
            return Ok(known);
        }
        let found = reader
            .with_session(async |icat, session| find_visible_investigations(icat, session, user, now).await)
            .await;
        let found = Arc::new(found.map_err(to_reader_problem)?);
        self.0.caches.insert_visible_investigations(user.clone(), &found);
        Ok(found)
    }

    async fn decide_with_session(
        &self,
        session: &str,
        user: &str,
        permission: Permission,
    ) -> Result<Decision, Problem> {
        let icat = &self.0.icat;
        match permission {
            Permission::Administer => Ok(self.decide_administration(user)),
            Permission::ReadInvestigation(_)
            | Permission::ReadLogbook(_)
            | Permission::ReadDataset(_)
            | Permission::ReadDatafile(_) => {
                // Administrators of services are not ICAT's root users: what they see there is for ICAT's rules.
                let (entity, id) = permission.checked_row().unwrap_or_default();
                Ok(if membership::can_see_row(icat, session, entity, id).await.map_err(to_session_problem)? {
                    Decision::allow(format!("ICAT's rules let this session read {entity} {id}"))
                } else {
                    Decision::deny(format!("ICAT's rules do not let this session read {entity} {id}"))
                })
            }
            Permission::ReadInstrumentLogbook(id) | Permission::WriteInstrumentLogbook(id) => {
                if self.decide_administration(user).allowed {
                    return Ok(self.decide_administration(user));
                }
                let serves = match &self.0.reader {
                    Some(reader) => {
                        let asked = reader.with_session(async |icat, session| {
                            membership::is_instrument_scientist(icat, session, user, id).await
                        });
                        asked.await.map_err(to_reader_problem)?
                    }
                    None => membership::is_instrument_scientist(icat, session, user, id)
                        .await
                        .map_err(to_session_problem)?,
                };
                Ok(decide_for_instrument(id, serves))
            }
            Permission::WriteLogbook(id) | Permission::MintFor(id) => {
                if self.decide_administration(user).allowed {
                    return Ok(self.decide_administration(user));
                }
                if !membership::can_see_row(icat, session, "Investigation", id).await.map_err(to_session_problem)? {
                    return Ok(decide_by_membership(permission, id, &Membership::default(), self.0.clock.now()));
                }
                // Rules often hide who the members are even from the members.
                let membership = match &self.0.reader {
                    Some(reader) => {
                        let asked = reader.with_session(async |icat, session| {
                            membership::read_membership(icat, session, user, id).await
                        });
                        asked.await.map_err(to_reader_problem)?
                    }
                    None => membership::read_membership(icat, session, user, id).await.map_err(to_session_problem)?,
                };
                if !membership.seen && self.0.reader.is_some() {
                    return Ok(Decision::deny(membership::explain_hidden_row("Investigation", id)));
                }
                Ok(decide_by_membership(permission, id, &membership, self.0.clock.now()))
            }
        }
    }

    async fn decide_with_reader_account(&self, user: &str, permission: Permission) -> Result<Decision, Problem> {
        let administrator = self.decide_administration(user);
        let Some((entity, id)) = permission.checked_row() else { return Ok(administrator) };
        let of_icat = matches!(
            permission,
            Permission::ReadInvestigation(_)
                | Permission::ReadDataset(_)
                | Permission::ReadDatafile(_)
                | Permission::Administer
        );
        if administrator.allowed && !of_icat {
            return Ok(administrator);
        }
        let reader = self.0.reader.as_ref().ok_or_else(missing_reader_problem)?;
        if entity == "Instrument" {
            let asked = reader
                .with_session(async |icat, session| membership::is_instrument_scientist(icat, session, user, id).await);
            return Ok(decide_for_instrument(id, asked.await.map_err(to_reader_problem)?));
        }
        let found = reader
            .with_session(async |icat, session| {
                let investigation = match entity {
                    "Investigation" => Some(id),
                    _ => membership::find_investigation_id(icat, session, entity, id).await?,
                };
                match investigation {
                    Some(investigation) => Ok(Some((
                        investigation,
                        membership::read_membership(icat, session, user, investigation).await?,
                    ))),
                    None => Ok(None),
                }
            })
            .await
            .map_err(to_reader_problem)?;
        Ok(match found {
            Some((investigation, membership)) if !membership.seen => {
                Decision::deny(membership::explain_hidden_row("Investigation", investigation))
            }
            Some((investigation, membership)) => {
                decide_by_membership(permission, investigation, &membership, self.0.clock.now())
            }
            None => Decision::deny(membership::explain_hidden_row(entity, id)),
        })
    }

    fn decide_administration(&self, user: &str) -> Decision {
        if self.0.administrators.iter().any(|name| name == user) {
            Decision::allow(format!("{user} is listed in identity.administrators"))
        } else {
            Decision::deny(format!("{user} is not listed in identity.administrators"))
        }
    }
}

/// The rules themselves.
fn decide_by_membership(
    permission: Permission,
    investigation: i64,
    membership: &Membership,
    now: Timestamp,
) -> Decision {
    if !membership.seen {
        return Decision::deny(format!("there is no Investigation {investigation} that can be seen"));
    }
    let member = || match membership.roles.first() {
        Some(role) => Some(format!("InvestigationUser of {investigation} with the role {role}")),
        None if membership.in_group => {
            Some(format!("in a group of Investigation {investigation} (InvestigationGroup)"))
        }
        None if membership.is_scientist => Some(format!("InstrumentScientist of an instrument of {investigation}")),
        None => None,
    };
    let released = membership.is_released(now);
    match permission {
        Permission::ReadInvestigation(_)
        | Permission::ReadLogbook(_)
        | Permission::ReadDataset(_)
        | Permission::ReadDatafile(_) => match (member(), membership.released_at) {
            (Some(rule), _) => Decision::allow(rule),
            (None, Some(at)) if released => Decision::allow(format!("Investigation {investigation} was released {at}")),
            _ => Decision::deny(format!(
                "neither InvestigationUser, InvestigationGroup nor InstrumentScientist of {investigation}, and it is not released"
            )),
        },
        Permission::WriteLogbook(_) => match member() {
            Some(_) if released => {
                Decision::deny(format!("Investigation {investigation} is released: its logbook is closed"))
            }
            Some(rule) => Decision::allow(rule),
            None => Decision::deny(format!("neither member nor instrument scientist of {investigation}")),
        },
        Permission::MintFor(_) => {
            let role = membership
                .roles
                .iter()
                .find(|role| PRINCIPAL_INVESTIGATOR_ROLES.iter().any(|name| role.eq_ignore_ascii_case(name)));
            role.map_or_else(
                || Decision::deny(format!("not principal investigator of {investigation}")),
                |role| Decision::allow(format!("InvestigationUser of {investigation} with the role {role}")),
            )
        }
        Permission::Administer | Permission::ReadInstrumentLogbook(_) | Permission::WriteInstrumentLogbook(_) => {
            Decision::deny("only administrators")
        }
    }
}

fn decide_for_instrument(id: i64, serves: bool) -> Decision {
    if serves {
        Decision::allow(format!("InstrumentScientist of Instrument {id}"))
    } else {
        Decision::deny(format!("not InstrumentScientist of Instrument {id}"))
    }
}

async fn find_visible_investigations(
    icat: &IcatClient,
    session: &str,
    user: &str,
    now: Timestamp,
) -> Result<VisibleInvestigations, IcatError> {
    let wrong = |e: icat_client::QueryError| IcatError::Nonsense(format!("a query that is not one: {e}"));
    let name = || Filter::eq("user.name", user);
    let groups = Select::values("UserGroup", &["grouping.id"]).filter(name());
    let instruments = Select::values("InstrumentScientist", &["instrument.id"]).filter(name());
    let memberships = [
        Select::values("InvestigationUser", &["id", "investigation.id"]).filter(name()),
        Select::values("InvestigationGroup", &["id", "investigation.id"])
            .filter(Filter::in_select("grouping.id", groups)),
        Select::values("InvestigationInstrument", &["id", "investigation.id"])
            .filter(Filter::in_select("instrument.id", instruments)),
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
            if investigations.len() > MAX_VISIBLE_INVESTIGATIONS {
                return Ok(truncate_visible(investigations, instruments));
            }
        }
    }
    // ICAT compares in its server's zone: ask for a little more, and look at each date itself.
    let latest = jiff::tz::TimeZone::UTC.to_datetime(now + MAX_ZONE_OFFSET);
    let released = Select::values("Investigation", &["id", "releaseDate"]).filter(Filter::le("releaseDate", latest));
    let mut pages = icat.pages(session, released.build().map_err(wrong)?).map_err(wrong)?;
    while let Some(rows) = pages.next_page().await? {
        let at = |row: &Value| row[1].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        investigations
            .extend(rows.iter().filter(|row| at(row).is_some_and(|at| at <= now)).filter_map(|row| row[0].as_i64()));
        if investigations.len() > MAX_VISIBLE_INVESTIGATIONS {
            return Ok(truncate_visible(investigations, instruments));
        }
    }
    Ok(VisibleInvestigations { investigations, instruments, complete: true })
}

fn truncate_visible(investigations: BTreeSet<i64>, instruments: BTreeSet<String>) -> VisibleInvestigations {
    VisibleInvestigations {
        investigations: investigations.into_iter().take(MAX_VISIBLE_INVESTIGATIONS).collect(),
        instruments,
        complete: false,
    }
}

fn missing_reader_problem() -> Problem {
    let text = "rights cannot be looked up now: the caller's session is not known and there is no reader account";
    Problem::new(Code::Unavailable, "identity/no-reader", text).with_retry_after(30)
}

/// The reader's own session must never be taken for the caller's.
fn to_reader_problem(e: IcatError) -> Problem {
    match e {
        IcatError::Refused { code: IcatCode::Session, .. } => {
            let text = "rights cannot be looked up now: ICAT refuses the login of the reader account (icat.reader); the \
                        operator must check its password";
            Problem::new(Code::Unavailable, "identity/reader-refused", text).with_retry_after(30).with_source(e)
        }
        e => to_session_problem(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible_investigation() -> Membership {
        Membership { seen: true, ..Membership::default() }
    }

    fn decide_and_explain(permission: Permission, membership: &Membership) -> (bool, String) {
        let decision = decide_by_membership(permission, 7, membership, "2026-01-12T09:00:00Z".parse().unwrap());
        (decision.allowed, decision.rule)
    }

    #[test]
    fn each_fact_allows_what_it_should_and_names_itself() {
        let member = Membership { roles: vec!["Investigator".to_owned()], ..visible_investigation() };
        let principal = Membership { roles: vec!["Principal Investigator".to_owned()], ..visible_investigation() };
        let group = Membership { in_group: true, ..visible_investigation() };
        let scientist = Membership { is_scientist: true, ..visible_investigation() };
        let released =
            |membership: Membership| Membership { released_at: "2026-01-12T09:00:00Z".parse().ok(), ..membership };
        let embargo = Membership { released_at: "2026-01-12T09:00:01Z".parse().ok(), ..visible_investigation() };
        let (read, write, mint) = (Permission::ReadDatafile(1), Permission::WriteLogbook(7), Permission::MintFor(7));
        let table = [
            (&member, [true, true, false]),
            (&principal, [true, true, true]),
            (&group, [true, true, false]),
            (&scientist, [true, true, false]),
            (&released(visible_investigation()), [true, false, false]),
            (&released(member.clone()), [true, false, false]),
            (&released(principal.clone()), [true, false, true]),
            (&embargo, [false, false, false]),
            (&visible_investigation(), [false, false, false]),
            (&Membership { seen: false, ..principal.clone() }, [false, false, false]),
        ];
        for (membership, expected) in table {
            assert_eq!(
                [read, write, mint].map(|permission| decide_and_explain(permission, membership).0),
                expected,
                "{membership:?}"
            );
        }
        assert_eq!(decide_and_explain(read, &member).1, "InvestigationUser of 7 with the role Investigator");
        assert_eq!(
            decide_and_explain(read, &released(visible_investigation())).1,
            "Investigation 7 was released 2026-01-12T09:00:00Z"
        );
        assert_eq!(
            decide_and_explain(write, &released(member)).1,
            "Investigation 7 is released: its logbook is closed"
        );
    }
}

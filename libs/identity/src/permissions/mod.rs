//! What a caller may do, and why.

mod permission;
mod readable_rows;
mod rules;
mod visible;
mod visible_investigations;

use std::sync::Arc;

use icat_client::{IcatCode, IcatError};
use service_kit::{Code, Problem};

pub use self::permission::{Decision, Permission, SCOPES};
pub use self::readable_rows::{Completeness, KnownRows, ReadableList, ReadableRows};
use self::rules::{decide_by_membership, decide_for_instrument};
pub use self::visible_investigations::VisibleInvestigations;
use crate::Identity;
use crate::cache::Principal;
use crate::caller::{Caller, Subject, to_session_problem};
use crate::membership::{self, Membership};

impl Identity {
    /// Whether the caller may; [`Code::Forbidden`] with the rule if not.
    pub async fn require_permission(&self, caller: &Caller, permission: Permission) -> Result<(), Problem> {
        self.check_permission(caller, permission).await?.require_allowed()
    }

    /// Whether the caller has one of the permissions; if not, the refusal is that of the first that only needs a better login, else
    /// that of the last.
    pub async fn require_any_permission(&self, caller: &Caller, permissions: &[Permission]) -> Result<(), Problem> {
        let mut refusal: Option<Decision> = None;
        for permission in permissions {
            let decision = self.check_permission(caller, *permission).await?;
            if decision.allowed {
                return Ok(());
            }
            if refusal.as_ref().is_none_or(|found| found.missing_level.is_none()) {
                refusal = Some(decision);
            }
        }
        refusal.unwrap_or_else(|| Decision::deny("nothing was asked")).require_allowed()
    }

    /// The answer and the rule it follows from: through the caller's own session if there is one, else from what the
    /// reader account knows of the user. What ICAT has no rules for (logbooks, minting) needs the session's right to
    /// see the investigation, and a role that the reader account finds, or without one the session itself. What the rights allow is
    /// denied to a user whose login is not enough for it.
    pub async fn check_permission(&self, caller: &Caller, permission: Permission) -> Result<Decision, Problem> {
        let scope = permission.required_scope();
        if !caller.has_scope(scope) {
            return Ok(Decision::deny(format!("the API key lacks the scope {scope}")));
        }
        let decision = self.check_rights(caller, permission).await?;
        Ok(match caller.check_level(scope) {
            Err(missing) if decision.allowed => Decision::deny_level(missing),
            _ => decision,
        })
    }

    async fn check_rights(&self, caller: &Caller, permission: Permission) -> Result<Decision, Problem> {
        let (Some(session), Some(hash)) = (caller.session(), caller.session_hash()) else {
            return self.check_permission_of_subject(caller.subject(), permission).await;
        };
        let (principal, generation) = (Principal::from(hash), self.0.caches.generation());
        if let Some(known) = self.0.caches.find_decision(&principal, permission) {
            return Ok(known);
        }
        let user = &caller.subject().icat_user_name;
        let decision = self.decide_with_session(session.expose(), user, permission).await?;
        self.0.caches.insert_decision(&principal, permission, &decision, generation);
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
        let generation = self.0.caches.generation();
        if let Some(known) = self.0.caches.find_decision(&principal, permission) {
            return Ok(known);
        }
        let decision = self.decide_with_reader_account(&subject.icat_user_name, permission).await?;
        self.0.caches.insert_decision(&principal, permission, &decision, generation);
        Ok(decision)
    }

    async fn decide_with_session(
        &self,
        session: &str,
        user: &str,
        permission: Permission,
    ) -> Result<Decision, Problem> {
        let icat = &self.0.icat;
        match permission {
            Permission::Administer => self.0.administrators.check_administrator(user).await,
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
                let administrator = self.0.administrators.check_administrator(user).await?;
                if administrator.allowed {
                    return Ok(administrator);
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
                let administrator = self.0.administrators.check_administrator(user).await?;
                if administrator.allowed {
                    return Ok(administrator);
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
        let administrator = self.0.administrators.check_administrator(user).await?;
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
}

fn missing_reader_problem() -> Problem {
    let text = "rights cannot be looked up now: the caller's session is not known and there is no reader account";
    Problem::new(Code::Unavailable, "identity/no-reader", text).with_retry_after(30)
}

/// The reader's own session must never be taken for the caller's.
pub(crate) fn to_reader_problem(e: impl Into<Arc<IcatError>>) -> Problem {
    let e = e.into();
    match &*e {
        IcatError::Refused { code: IcatCode::Session, .. } => {
            let text = "rights cannot be looked up now: ICAT refuses the login of the reader account (icat.reader); the \
                        operator must check its password";
            Problem::new(Code::Unavailable, "identity/reader-refused", text).with_retry_after(30).with_source(e)
        }
        _ => to_session_problem(e),
    }
}

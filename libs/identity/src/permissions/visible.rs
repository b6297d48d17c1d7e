//! What a caller or a user may see as a whole, for lists and searches over many investigations.

use std::collections::BTreeMap;
use std::sync::Arc;

use icat_client::IcatError;
use icat_client::client::ReaderAccount;
use jiff::Timestamp;
use service_kit::Problem;

use super::visible_investigations::{
    VisibleInvestigations, find_instruments_of_scientist, find_investigations_of_user, find_released,
    find_visible_to_session, join_visible,
};
use super::{missing_reader_problem, to_reader_problem};
use crate::Identity;
use crate::cache::Principal;
use crate::caller::{Caller, Subject, to_session_problem};
use crate::shared_answers::Answer;

/// Whose the answer is that is the same for everybody. No user has this name, and no session this digest.
const EVERYBODY: &str = "everybody";

impl Identity {
    /// All investigations that a caller may see: the ids for which [`Permission::ReadInvestigation`] is allowed, without a
    /// question for each. With a session, these are the rows that ICAT's own rules let it read; without one, those that
    /// [`Self::find_visible_investigations_of_subject`] finds, which needs the reader account.
    ///
    /// Callers who ask at the same time share one lookup, which takes one request for each 10,000 investigations
    /// (`maxEntities` of the catalogue). The answer is cached for at most 50 seconds, and forgotten at once in every replica
    /// when an event tells of a changed investigation, member, group, instrument scientist or rule, or that the session
    /// has ended. All cached answers together take at most 64 MiB.
    ///
    /// The scopes of an API key are not checked: which one is needed depends on what is shown. Administrators of services
    /// see what ICAT lets them see.
    ///
    /// [`Permission::ReadInvestigation`]: crate::Permission::ReadInvestigation
    pub async fn find_visible_investigations(&self, caller: &Caller) -> Result<VisibleInvestigations, Problem> {
        let (Some(session), Some(hash)) = (caller.session(), caller.session_hash()) else {
            return self.find_visible_investigations_of_subject(caller.subject()).await;
        };
        let icat = &self.0.icat;
        let lookup = async |expires_at| {
            let value = find_visible_to_session(icat, session.expose()).await?;
            Ok::<_, Arc<IcatError>>(Answer { value, expires_at })
        };
        let found = self.0.caches.visible_investigations.get_or_find(&hash.into(), lookup).await;
        Ok(found.map_err(to_session_problem)?.value)
    }

    /// The same for a user who is not there, as jobs and API keys need it: the ids for which
    /// [`check_permission_of_subject`](Self::check_permission_of_subject) allows reading. These are the investigations whose
    /// member the user is (`InvestigationUser`, `InvestigationGroup`), those at instruments whose scientist they are, and
    /// those that are released, as far as the reader account may read them; narrower than ICAT's rules. An answer counts
    /// no longer than until the next release. Without a reader account the answer is unavailable.
    pub async fn find_visible_investigations_of_subject(
        &self,
        subject: &Subject,
    ) -> Result<VisibleInvestigations, Problem> {
        let reader = self.0.reader.as_ref().ok_or_else(missing_reader_problem)?;
        let user = &subject.icat_user_name;
        let lookup = async |expires_at: Timestamp| {
            let released = self.find_released_investigations(reader).await?;
            let instruments = self.find_instruments_as_reader(reader, user).await?;
            let own = reader
                .with_session(async |icat, session| {
                    find_investigations_of_user(icat, session, user, &instruments.value).await
                })
                .await?;
            let value = join_visible(&own, &released.value);
            let expires_at = expires_at.min(released.expires_at).min(instruments.expires_at);
            Ok::<_, Arc<IcatError>>(Answer { value, expires_at })
        };
        let found = self.0.caches.visible_investigations.get_or_find(&user_principal(user), lookup).await;
        Ok(found.map_err(to_reader_problem)?.value)
    }

    /// Ids and names of the instruments whose scientist a caller is: those for which
    /// [`Permission::ReadInstrumentLogbook`] is allowed to people who are no administrators. Asked with the reader account
    /// or, without one, with the caller's own session; shared, cached and forgotten as visible investigations are.
    ///
    /// [`Permission::ReadInstrumentLogbook`]: crate::Permission::ReadInstrumentLogbook
    pub async fn list_instruments_of_scientist(&self, caller: &Caller) -> Result<Arc<BTreeMap<i64, String>>, Problem> {
        let user = &caller.subject().icat_user_name;
        if let Some(reader) = &self.0.reader {
            return Ok(self.find_instruments_as_reader(reader, user).await.map_err(to_reader_problem)?.value);
        }
        let (Some(session), Some(hash)) = (caller.session(), caller.session_hash()) else {
            return Err(missing_reader_problem());
        };
        let icat = &self.0.icat;
        let lookup = async |expires_at| {
            let found = find_instruments_of_scientist(icat, session.expose(), user).await?;
            Ok::<_, Arc<IcatError>>(Answer { value: Arc::new(found), expires_at })
        };
        let found = self.0.caches.instruments.get_or_find(&hash.into(), lookup).await;
        Ok(found.map_err(to_session_problem)?.value)
    }

    async fn find_instruments_as_reader(
        &self,
        reader: &ReaderAccount,
        user: &str,
    ) -> Result<Answer<Arc<BTreeMap<i64, String>>>, Arc<IcatError>> {
        let lookup = async |expires_at| {
            let ask =
                reader.with_session(async |icat, session| find_instruments_of_scientist(icat, session, user).await);
            Ok(Answer { value: Arc::new(ask.await?), expires_at })
        };
        self.0.caches.instruments.get_or_find(&user_principal(user), lookup).await
    }

    /// The same for all users, and therefore cached once.
    async fn find_released_investigations(
        &self,
        reader: &ReaderAccount,
    ) -> Result<Answer<VisibleInvestigations>, Arc<IcatError>> {
        let now = self.0.clock.now();
        let lookup = async |expires_at| {
            let ask = reader.with_session(async |icat, session| find_released(icat, session, now, expires_at).await);
            Ok(ask.await?)
        };
        self.0.caches.visible_investigations.get_or_find(&EVERYBODY.into(), lookup).await
    }
}

fn user_principal(user: &str) -> Principal {
    format!("user {user}").into()
}

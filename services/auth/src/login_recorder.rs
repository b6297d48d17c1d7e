//! Records checked credentials, once for each attempt: a metric, a log line if they were refused, and an entry of the audit
//! log.

use std::sync::Arc;

use icat_client::IcatError;
use service_kit::problem::format_error_chain;
use service_kit::{Ctx, Db, DbError};

use crate::audit::Audit;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::origin::Origin;
use crate::keys::Keys;
use crate::login_metrics::{LoginMetrics, LoginOutcome, log_provider_refusal, log_refusal};

/// Longer names are hidden.
const MAX_NAME_BYTES: usize = 200;

/// Records logins. Cheap to clone.
#[derive(Clone)]
pub struct LoginRecorder {
    db: Db,
    audit: Audit,
    metrics: LoginMetrics,
    keys: Arc<Keys>,
    /// The authenticators that record logins themselves.
    recording_plugins: Arc<[String]>,
}

/// The name of a login as it is recorded.
enum RecordedName<'n> {
    /// The name of an account.
    Known(&'n str),
    /// It may be a password in the wrong field.
    Unknown(&'n str),
}

impl LoginRecorder {
    pub fn new(
        ctx: &Ctx,
        audit: Audit,
        metrics: LoginMetrics,
        keys: Arc<Keys>,
        recording_plugins: Vec<String>,
    ) -> Self {
        Self { db: ctx.db.clone(), audit, metrics, keys, recording_plugins: recording_plugins.into() }
    }

    /// Records a login whose password was checked here, with a local account or by a directory. An error means that the login is not in the
    /// audit log.
    pub async fn record_local_login(
        &self,
        mechanism: &str,
        name: &str,
        origin: &Origin,
        outcome: LoginOutcome,
    ) -> Result<(), DbError> {
        self.metrics.count_login(Some(mechanism), outcome);
        let is_known = outcome != LoginOutcome::UnknownAccount;
        let name = if is_known { RecordedName::Known(name) } else { RecordedName::Unknown(name) };
        self.record_attempt(mechanism, &name, origin, outcome).await
    }

    /// Whether the authenticator is one of this service, which records logins itself.
    pub fn is_recorded_by_plugin(&self, plugin: &str) -> bool {
        self.recording_plugins.iter().any(|recording| recording == plugin)
    }

    /// Records a login at an authenticator that is not one of this service. `plugin` is its name if ICAT knows it.
    pub async fn record_icat_login<T>(&self, plugin: &str, name: &str, origin: &Origin, opened: &Result<T, IcatError>) {
        let outcome = LoginOutcome::from_icat_result(opened);
        self.metrics.count_login(None, outcome);
        let name = if is_shown(name, outcome) { RecordedName::Known(name) } else { RecordedName::Unknown(name) };
        let recorded = self.record_attempt(plugin, &name, origin, outcome).await;
        // ICAT has decided; if it opened a session, that cannot be stored either while the database fails.
        if let Err(e) = recorded {
            tracing::error!(error = format_error_chain(&e), "a login is not in the audit log");
        }
    }

    /// Records a login with an identity provider, or why it was refused. `user_name` is that of ICAT, if it is known. An error
    /// means that the login is not in the audit log.
    pub async fn record_provider_login(
        &self,
        provider: &str,
        user_name: Option<&str>,
        origin: &Origin,
        outcome: Result<(), &'static str>,
    ) -> Result<(), DbError> {
        let word = outcome.err().unwrap_or("accepted");
        self.metrics.count_provider_login(provider, word);
        if outcome.is_err() {
            log_provider_refusal(provider, origin.address, word);
        }
        let entry =
            AuditEntry { user_name, provider: Some(provider), ..AuditEntry::new(AuditKind::Login, word, origin) };
        self.audit.record_alone(&self.db, &entry).await
    }

    async fn record_attempt(
        &self,
        mechanism: &str,
        name: &RecordedName<'_>,
        origin: &Origin,
        outcome: LoginOutcome,
    ) -> Result<(), DbError> {
        let account = match name {
            RecordedName::Known(name) => format!("{mechanism}/{name}"),
            RecordedName::Unknown(name) => format!("{mechanism}/{}", self.keys.current().await.hide_text(name)),
        };
        log_refusal(&account, origin.address, outcome);
        if !outcome.is_decided() {
            return Ok(());
        }
        let entry = AuditEntry {
            user_name: Some(&account),
            provider: Some(mechanism),
            has_hidden_name: matches!(name, RecordedName::Unknown(_)),
            ..AuditEntry::new(AuditKind::Login, outcome.as_str(), origin)
        };
        self.audit.record_alone(&self.db, &entry).await
    }
}

/// Whether a name is certainly that of an account: ICAT has accepted it.
fn is_shown(name: &str, outcome: LoginOutcome) -> bool {
    let is_plain = name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
    name.is_empty() || outcome == LoginOutcome::Accepted && is_plain
}

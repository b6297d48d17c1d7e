//! The metrics of logins and refreshes, and a log line for each refused login.

use std::net::IpAddr;

use icat_client::{IcatCode, IcatError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use service_kit::{Code, Ctx, Problem};

use crate::authenticator_names::OTHER_AUTHENTICATOR;

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOutcome {
    Accepted,
    WrongPassword,
    UnknownAccount,
    Locked,
    /// Refused by an external authenticator, which gives no reason.
    Refused,
    /// Unchecked, because too many logins have failed before.
    Throttled,
    /// 503: too many logins at once, or a system that does not answer.
    Unavailable,
    Failed,
}

impl LoginOutcome {
    pub fn from_problem(problem: &Problem) -> Self {
        if problem.code == Code::Unavailable { Self::Unavailable } else { Self::Failed }
    }

    pub fn from_icat_result<T>(opened: &Result<T, IcatError>) -> Self {
        match opened {
            Ok(_) => Self::Accepted,
            Err(IcatError::Refused { code: IcatCode::Session, .. }) => Self::Refused,
            Err(IcatError::Unavailable(_)) => Self::Unavailable,
            Err(_) => Self::Failed,
        }
    }

    /// The word in metrics, logs and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::WrongPassword => "wrong_password",
            Self::UnknownAccount => "unknown_account",
            Self::Locked => "locked",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }

    /// Whether the credentials were checked, so that it is an attempt that the audit log has.
    pub fn is_decided(self) -> bool {
        self == Self::Accepted || self.is_refusal()
    }

    /// Whether the credentials were checked and refused.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::WrongPassword | Self::UnknownAccount | Self::Locked | Self::Refused)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    mechanism: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefreshLabels {
    outcome: &'static str,
}

/// Counts logins and refreshes, and logs refused logins. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LoginMetrics {
    logins: Family<LoginLabels, Counter>,
    refreshes: Family<RefreshLabels, Counter>,
}

impl LoginMetrics {
    pub fn new(ctx: &Ctx) -> Self {
        let (logins, refreshes) = (Family::default(), Family::default());
        let help = "Logins by mechanism and outcome; all mechanisms without local accounts are `other`";
        ctx.process.metrics.register("undulator_auth_logins", help, Family::clone(&logins));
        let help = "Uses of refresh tokens by outcome";
        ctx.process.metrics.register("undulator_auth_refreshes", help, Family::clone(&refreshes));
        Self { logins, refreshes }
    }

    /// Counts a login; `mechanism` is `None` for one without local accounts.
    pub fn count_login(&self, mechanism: Option<&str>, outcome: LoginOutcome) {
        let mechanism = mechanism.unwrap_or(OTHER_AUTHENTICATOR).to_owned();
        self.logins.get_or_create(&LoginLabels { mechanism, outcome: outcome.as_str() }).inc();
    }

    /// Counts a login with an identity provider of the settings.
    pub fn count_provider_login(&self, provider: &str, outcome: &'static str) {
        self.logins.get_or_create(&LoginLabels { mechanism: provider.to_owned(), outcome }).inc();
    }

    pub fn count_refresh(&self, outcome: &'static str) {
        self.refreshes.get_or_create(&RefreshLabels { outcome }).inc();
    }
}

/// The one line of a refused login. Its fields and their order are documented for fail2ban.
pub fn log_refusal(account: &str, address: Option<IpAddr>, outcome: LoginOutcome) {
    if !outcome.is_refusal() && outcome != LoginOutcome::Throttled {
        return;
    }
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    tracing::warn!(account.name = account, client.address = address, login.outcome = outcome.as_str(), "login failed");
}

/// The same for a login with an identity provider, whose account is not known.
pub fn log_provider_refusal(provider: &str, address: Option<IpAddr>, word: &'static str) {
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let account = format!("{provider}/");
    tracing::warn!(account.name = account, client.address = address, login.outcome = word, "login failed");
}

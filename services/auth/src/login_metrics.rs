//! The metric of logins, and a log line for each refused login.

use std::net::IpAddr;

use icat_client::{IcatCode, IcatError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use service_kit::{Code, Ctx, Problem, sha256_hex};

/// The label of all mechanisms without local accounts: clients can invent their names.
const OTHER_MECHANISM: &str = "other";
/// Enough of the hash to recognise that two log lines have the same name.
const HASH_LENGTH: usize = 16;

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOutcome {
    Accepted,
    WrongPassword,
    UnknownAccount,
    Locked,
    /// Refused by an external authenticator, which gives no reason.
    Refused,
    /// 503: too many logins at once, or a system that does not answer.
    Unavailable,
    Failed,
}

impl LoginOutcome {
    pub fn from_problem(problem: &Problem) -> Self {
        if problem.code == Code::Unavailable { Self::Unavailable } else { Self::Failed }
    }

    fn from_icat_result<T>(opened: &Result<T, IcatError>) -> Self {
        match opened {
            Ok(_) => Self::Accepted,
            Err(IcatError::Refused { code: IcatCode::Session, .. }) => Self::Refused,
            Err(IcatError::Unavailable(_)) => Self::Unavailable,
            Err(_) => Self::Failed,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::WrongPassword => "wrong_password",
            Self::UnknownAccount => "unknown_account",
            Self::Locked => "locked",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }

    fn is_refusal(self) -> bool {
        matches!(self, Self::WrongPassword | Self::UnknownAccount | Self::Locked | Self::Refused)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    mechanism: String,
    outcome: &'static str,
}

/// Counts and logs logins. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LoginMetrics {
    logins: Family<LoginLabels, Counter>,
    local_mechanisms: Vec<String>,
}

impl LoginMetrics {
    pub fn new(ctx: &Ctx, local_mechanisms: &[String]) -> Self {
        let logins = Family::default();
        let help = "Logins by mechanism and outcome; all mechanisms without local accounts are `other`";
        ctx.process.metrics.register("undulator_auth_logins", help, Family::clone(&logins));
        Self { logins, local_mechanisms: local_mechanisms.to_vec() }
    }

    /// Records a login with a local account after its password was checked.
    pub fn record_local_login(&self, mechanism: &str, name: &str, address: Option<IpAddr>, outcome: LoginOutcome) {
        self.count_login(mechanism, outcome);
        // An unknown name may be a password in the wrong field, so only names of accounts are logged.
        let name = if outcome == LoginOutcome::UnknownAccount { hide_name(name) } else { name.to_owned() };
        log_refusal(mechanism, &name, address, outcome);
    }

    /// Records a login at ICAT; one with a local account is recorded by its authenticator instead.
    pub fn record_icat_login<T>(&self, plugin: &str, name: &str, address: IpAddr, opened: &Result<T, IcatError>) {
        if self.local_mechanisms.iter().any(|mechanism| mechanism == plugin) {
            return;
        }
        let outcome = LoginOutcome::from_icat_result(opened);
        self.count_login(OTHER_MECHANISM, outcome);
        let is_plain = plugin.len() <= 32 && plugin.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let mechanism = if is_plain { plugin } else { OTHER_MECHANISM };
        log_refusal(mechanism, &hide_name(name), Some(address), outcome);
    }

    fn count_login(&self, mechanism: &str, outcome: LoginOutcome) {
        let labels = LoginLabels { mechanism: mechanism.to_owned(), outcome: outcome.as_str() };
        self.logins.get_or_create(&labels).inc();
    }
}

fn hide_name(name: &str) -> String {
    format!("sha256:{}", &sha256_hex(name)[..HASH_LENGTH])
}

fn log_refusal(mechanism: &str, name: &str, address: Option<IpAddr>, outcome: LoginOutcome) {
    if !outcome.is_refusal() {
        return;
    }
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let account = format!("{mechanism}/{name}");
    tracing::warn!(account.name = account, client.address = address, login.outcome = outcome.as_str(), "login failed");
}

//! What operators see of logins: a metric of all, and a log line for each that is refused.

use std::net::IpAddr;

use icat_client::{IcatCode, IcatError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use service_kit::{Code, Ctx, Problem, sha256_hex};

/// The label of all mechanisms that are kept elsewhere, whose names a client could make up.
const OTHER_MECHANISM: &str = "other";
/// Enough of a hash to see that two log lines are about the same name.
const HASH_LENGTH: usize = 16;

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    WrongPassword,
    UnknownAccount,
    Locked,
    /// By an authenticator elsewhere, which does not say why.
    Refused,
    /// Too many at once, or what is needed does not answer: 503.
    Unavailable,
    Failed,
}

impl Outcome {
    pub fn of_problem(problem: &Problem) -> Self {
        if problem.code == Code::Unavailable { Self::Unavailable } else { Self::Failed }
    }

    fn of_icat<T>(opened: &Result<T, IcatError>) -> Self {
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
pub struct LoginObserver {
    logins: Family<LoginLabels, Counter>,
    local_mechanisms: Vec<String>,
}

impl LoginObserver {
    pub fn new(ctx: &Ctx, local_mechanisms: &[String]) -> Self {
        let logins = Family::default();
        let help = "Logins by mechanism and outcome; all mechanisms without local accounts are `other`";
        ctx.process.metrics.register("undulator_auth_logins", help, Family::clone(&logins));
        Self { logins, local_mechanisms: local_mechanisms.to_vec() }
    }

    /// A login with a local account, where its password was checked.
    pub fn observe_local(&self, mechanism: &str, name: &str, address: Option<IpAddr>, outcome: Outcome) {
        self.count(mechanism, outcome);
        // What was sent as a name may be a password that went into the wrong field: only names of accounts are shown.
        let name = if outcome == Outcome::UnknownAccount { hide_name(name) } else { name.to_owned() };
        log_refusal(mechanism, &name, address, outcome);
    }

    /// A login that ICAT was asked for; those with local accounts are observed at their authenticator instead.
    pub fn observe_at_icat<T>(&self, plugin: &str, name: &str, address: IpAddr, opened: &Result<T, IcatError>) {
        if self.local_mechanisms.iter().any(|mechanism| mechanism == plugin) {
            return;
        }
        let outcome = Outcome::of_icat(opened);
        self.count(OTHER_MECHANISM, outcome);
        let is_plain = plugin.len() <= 32 && plugin.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let mechanism = if is_plain { plugin } else { OTHER_MECHANISM };
        log_refusal(mechanism, &hide_name(name), Some(address), outcome);
    }

    fn count(&self, mechanism: &str, outcome: Outcome) {
        let labels = LoginLabels { mechanism: mechanism.to_owned(), outcome: outcome.as_str() };
        self.logins.get_or_create(&labels).inc();
    }
}

fn hide_name(name: &str) -> String {
    format!("sha256:{}", &sha256_hex(name)[..HASH_LENGTH])
}

fn log_refusal(mechanism: &str, name: &str, address: Option<IpAddr>, outcome: Outcome) {
    if !outcome.is_refusal() {
        return;
    }
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let account = format!("{mechanism}/{name}");
    tracing::warn!(account.name = account, client.address = address, login.outcome = outcome.as_str(), "login failed");
}

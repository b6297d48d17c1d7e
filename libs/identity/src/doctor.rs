//! Whether the reader account can do what services need of it.

use icat_client::client::ReaderAccount;
use icat_client::{IcatClient, IcatCode, IcatError, StoredKinds};
use service_kit::problem::root_cause;
use service_kit::{DoctorCtx, Finding, Listener};
use tokio::sync::OnceCell;

const SUBJECT: &str = "reader account";
/// What is read with the account: who takes part in which investigation, and where.
const ENTITIES: [&str; 8] = [
    "Investigation",
    "User",
    "InvestigationUser",
    "UserGroup",
    "InvestigationGroup",
    "Instrument",
    "InvestigationInstrument",
    "InstrumentScientist",
];

/// A row of the first kind has one of each of the others.
const REQUIRED_BY: [(&str, &[&str]); 5] = [
    ("InvestigationUser", &["Investigation", "User"]),
    ("InvestigationGroup", &["Investigation"]),
    ("InvestigationInstrument", &["Investigation", "Instrument"]),
    ("InstrumentScientist", &["Instrument", "User"]),
    ("UserGroup", &["User"]),
];

/// What several services of a process ask at once is looked at once.
type CachedFindings = OnceCell<Vec<Finding>>;

/// Logs in as the account of `icat.reader` and reads a row of each entity that services ask for.
pub async fn check_reader_account(ctx: DoctorCtx) -> Vec<Finding> {
    let checked = ctx.process.get_or_init(CachedFindings::new);
    checked.get_or_init(|| run_reader_checks(&ctx)).await.clone()
}

async fn run_reader_checks(ctx: &DoctorCtx) -> Vec<Finding> {
    let core = &ctx.config.core;
    let is_embedded = core.icat.url == "self";
    let url = ctx.endpoints.resolve_url(&core.icat.url, Listener::Public);
    let icat = IcatClient::new(ctx.http.clone(), &url);
    let reader = match ReaderAccount::from_setting(core.icat.reader.expose(), icat) {
        Ok(None) => {
            let says = "none is set (icat.reader): permissions of users who are not logged in, and investigations of \
                        programs' entries, cannot be looked up";
            return vec![Finding::warning(SUBJECT, says)];
        }
        Ok(Some(reader)) => reader,
        Err(e) => return vec![Finding::wrong(SUBJECT, e.to_string())],
    };
    let account = reader.account_name();
    if let Some(address) = ctx.foreign_server.filter(|_| is_embedded) {
        let says =
            format!("{account} is not checked: another server listens at {address}, so no password is sent to it");
        return vec![Finding::warning(SUBJECT, says)];
    }
    let mut hidden = Vec::new();
    for entity in ENTITIES {
        let sees = reader.with_session(async |icat, session| can_see_any_row(icat, session, entity).await).await;
        match sees {
            Ok(true) => {}
            Ok(false) => hidden.push(entity),
            Err(IcatError::Unavailable(_)) if is_embedded && !ctx.is_running => {
                let says = format!(
                    "{account} is not checked: no server answers at {url}; start it with `undulator serve`, and run \
                     `undulator doctor` again"
                );
                return vec![Finding::warning(SUBJECT, says)];
            }
            Err(e) => return vec![Finding::wrong(SUBJECT, explain_failed_check(&account, &url, &e))],
        }
    }
    let stored =
        if is_embedded { (*ctx.process.get_or_init(StoredKinds::default)).clone() } else { StoredKinds::default() };
    vec![report_hidden_entities(&account, &hidden, &stored)]
}

/// An empty catalogue looks to the account the same as one without rights. The embedded one says which it is; of another, rows
/// that are seen say that there are those to which they lead.
fn report_hidden_entities(account: &str, hidden: &[&str], stored: &StoredKinds) -> Finding {
    let sees = |kind: &str| !hidden.contains(&kind);
    let is_led_to = |kind: &str| REQUIRED_BY.iter().any(|(from, to)| sees(from) && to.contains(&kind));
    let exists = |kind: &str| stored.has_rows(kind).or_else(|| is_led_to(kind).then_some(true));
    let missed: Vec<&str> = hidden.iter().copied().filter(|kind| exists(kind) != Some(false)).collect();
    if hidden.is_empty() {
        return Finding::ok(SUBJECT, format!("{account} logs in and reads what services need"));
    }
    if missed.is_empty() {
        let list = hidden.join(", ");
        return Finding::ok(SUBJECT, format!("{account} logs in; the catalogue has no row of {list} yet"));
    }
    let because = if missed.iter().all(|kind| exists(kind) == Some(true)) {
        "the catalogue has some, and the account lacks the right to read them"
    } else {
        "either the catalogue has none, or the account lacks the right to read them"
    };
    let list = missed.join(", ");
    let says = format!(
        "{account} logs in, but sees no row of {list}: {because}. Add a rule with crudFlags R for a group of {account} on {list}"
    );
    // Who sees users was given rights: then there may be no investigation yet.
    let may_be_empty = exists("Investigation").is_none() && (sees("User") || sees("UserGroup"));
    if missed.contains(&"Investigation") && !may_be_empty {
        Finding::wrong(SUBJECT, says)
    } else {
        Finding::warning(SUBJECT, says)
    }
}

async fn can_see_any_row(icat: &IcatClient, session: &str, entity: &str) -> Result<bool, IcatError> {
    Ok(!icat.search_rows(session, &format!("SELECT e.id FROM {entity} e LIMIT 0, 1")).await?.is_empty())
}

fn explain_failed_check(account: &str, url: &str, e: &IcatError) -> String {
    match e {
        IcatError::Refused { code: IcatCode::Session, message } => {
            format!(
                "ICAT refuses the login of {account} (icat.reader): {message}. Is the password right, and does the account exist? \
                 `undulator setup` repairs the account of an embedded catalogue"
            )
        }
        IcatError::Refused { message, .. } => {
            format!("ICAT refuses {account} (icat.reader, as plugin:user:password): {message}")
        }
        IcatError::Unavailable(cause) => {
            format!("{account} cannot be checked: no ICAT answers at {url} ({})", root_cause(cause))
        }
        IcatError::Nonsense(_) => format!("{account} cannot be checked: {url} is not an ICAT server ({e})"),
    }
}

//! The checks of `doctor`: the password of the reader account while no server runs, and the identity providers.

use futures_util::future::join_all;
use service_kit::problem::format_error_chain;
use service_kit::{Db, DbError, DoctorCtx, Finding};

use crate::accounts::verify_password;
use crate::config::{Config, SERVICE_NAME};
use crate::providers::{ProviderSettings, examine_provider};
use crate::store::accounts;

const WHAT: &str = "reader password";

pub async fn examine(ctx: DoctorCtx) -> Vec<Finding> {
    let mut findings = check_providers(&ctx).await;
    findings.extend(check_reader_password(ctx).await);
    findings
}

/// Whether each identity provider can be asked. One that is down may be up again when somebody logs in.
async fn check_providers(ctx: &DoctorCtx) -> Vec<Finding> {
    // Invalid settings are reported elsewhere.
    let Ok(config) = Config::from_settings(&ctx.config) else { return Vec::new() };
    let check = async |settings: &ProviderSettings| {
        let what = format!("identity provider {}", settings.name);
        match examine_provider(&ctx.http, settings).await {
            Ok(()) => Finding::ok(what, "answers, and is the one of the settings"),
            Err(fault) if fault.is_temporary() => Finding::warning(what, fault.to_string()),
            Err(fault) => Finding::wrong(what, fault.to_string()),
        }
    };
    join_all(config.list_oidc_providers().map(check)).await
}

/// Checks whether `icat.reader` has the password of its account, if that is a local one. While the services run, `doctor`
/// tries the login instead.
async fn check_reader_password(ctx: DoctorCtx) -> Vec<Finding> {
    let (Some(db), Ok(config)) = (ctx.database(SERVICE_NAME), Config::from_settings(&ctx.config)) else {
        return Vec::new();
    };
    let reader = ctx.config.core.icat.reader.expose();
    let mut parts = reader.splitn(3, ':');
    let (Some(mechanism), Some(name), Some(password)) = (parts.next(), parts.next(), parts.next()) else {
        return Vec::new();
    };
    let is_local = ctx.config.core.icat.url == "self" && config.local_mechanisms.iter().any(|local| local == mechanism);
    if ctx.is_running || !is_local {
        return Vec::new();
    }
    match find_fault(db, mechanism, name, password).await {
        Ok(None) => Vec::new(),
        Ok(Some(fault)) => vec![Finding::wrong(WHAT, format!("{mechanism}/{name} {fault}"))],
        Err(e) => vec![Finding::wrong(WHAT, format!("cannot be looked up: {}", format_error_chain(&e)))],
    }
}

async fn find_fault(db: &Db, mechanism: &str, name: &str, password: &str) -> Result<Option<&'static str>, DbError> {
    let row = accounts::find_account(&mut db.read().await?, mechanism, name).await?;
    // An external authenticator may have the account.
    let Some(row) = row.filter(|row| row.removed_at.is_none()) else { return Ok(None) };
    if row.locked_at.is_some() {
        return Ok(Some("is locked: `undulator auth user unlock` opens it"));
    }
    let is_right = verify_password(Some(&row.password_hash), password);
    Ok((!is_right).then_some("does not have the password of icat.reader: `undulator setup` repairs it"))
}

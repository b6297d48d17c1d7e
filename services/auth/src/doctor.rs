//! The check of `doctor` for the reader account while no server runs.

use service_kit::problem::format_error_chain;
use service_kit::{Db, DbError, DoctorCtx, Finding};

use crate::accounts::verify_password;
use crate::config::{Config, SERVICE_NAME};
use crate::store::accounts;

const WHAT: &str = "reader password";

/// Checks whether `icat.reader` has the password of its account, if that is a local one. While the services run, `doctor`
/// tries the login instead.
pub async fn check_reader_password(ctx: DoctorCtx) -> Vec<Finding> {
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

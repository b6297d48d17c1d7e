//! Logins as pages show them.

use serde::Serialize;
use service_kit::Micros;

use crate::store::logins::LoginRow;

/// A login in a list.
#[derive(Serialize)]
pub struct LoginView {
    pub id: String,
    user: String,
    client: String,
    started_at: String,
    last_used_at: String,
    address: Option<String>,
    user_agent: Option<String>,
    is_current: bool,
}

/// `current` is the id of the login that the page belongs to.
pub fn render_logins(rows: Vec<LoginRow>, current: &str) -> Vec<LoginView> {
    let render = |row: LoginRow| LoginView {
        is_current: row.sid_hash == current,
        id: row.sid_hash,
        user: row.user_name,
        client: row.client,
        started_at: render_minute(row.started_at),
        last_used_at: render_minute(row.last_used_at),
        address: row.address,
        user_agent: row.user_agent,
    };
    rows.into_iter().map(render).collect()
}

pub fn render_minute(moment: Micros) -> String {
    moment.to_timestamp().strftime("%Y-%m-%d %H:%M UTC").to_string()
}

//! What services are told of how the user of a login proved who they are.

use identity::login_level::LoginLevel;

use crate::store::logins::LoginRow;

/// The level of a stored login.
pub fn to_login_level(row: &LoginRow) -> LoginLevel {
    LoginLevel {
        acr: row.acr.clone(),
        amr: row.list_methods(),
        auth_time: row.auth_time.map(|time| time.to_timestamp().as_second()),
    }
}

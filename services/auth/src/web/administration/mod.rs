//! `/auth/app/admin`: accounts, logins and API keys, for administrators.

pub mod change_account;
pub mod create_account;
pub mod create_key;
pub mod end_logins;
pub mod revoke_key;
pub mod set_password;
pub mod show_accounts;
pub mod show_keys;
pub mod show_logins;

use service_kit::{Code, Problem};

use crate::accounts::AccountError;

/// Names that a page shows at once.
const MAX_ROWS: usize = 200;

/// What is wrong with a form, for the page that shows it again; another error is one of the server.
pub fn to_form_message(e: AccountError) -> Result<String, Problem> {
    match e {
        AccountError::Invalid(_) | AccountError::Unknown(_) | AccountError::Exists(_) => Ok(e.to_string()),
        AccountError::Database(e) => Err(e.into()),
        AccountError::Hash(e) => Err(Problem::internal(e.to_string())),
        AccountError::Setup(e) => Err(Problem::internal(e)),
    }
}

/// An error for a form without a place for messages.
fn to_problem(e: AccountError) -> Problem {
    to_form_message(e).map_or_else(|problem| problem, |text| Problem::new(Code::Validation, "auth/bad-account", text))
}

//! The creator of rows.

use service_kit::Config;
use service_kit::cli::Failure;

/// The user who is recorded as the creator of new rows: `given`, or the first root user.
pub fn choose_creator(settings: &Config, given: Option<String>) -> Result<String, Failure> {
    let roots = icat::Config::from_settings(settings)?.root_user_names;
    given
        .or_else(|| roots.into_iter().next())
        .ok_or_else(|| Failure::Usage("say --as USER, or add a user to catalogue.root_user_names".to_owned()))
}

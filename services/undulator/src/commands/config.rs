//! `undulator config check`

use service_kit::Config;

use crate::failure::Failure;

/// Everything has been checked when the settings were loaded.
pub fn check(settings: &Config) -> Result<(), Failure> {
    print!("{}", settings.redacted()?);
    Ok(())
}

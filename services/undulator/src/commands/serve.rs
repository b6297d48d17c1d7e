//! `undulator serve [service…]`

use service_kit::Config;

use super::chosen;
use crate::failure::Failure;

pub async fn run(settings: &Config, names: &[String]) -> Result<(), Failure> {
    let services = chosen(names)?;
    service_kit::log::init(&settings.core.log)?;
    service_kit::serve(&services, settings, |_| ()).await?;
    Ok(())
}

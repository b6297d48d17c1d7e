//! `config check` and `openapi [service]`

use super::{Failure, print};
use crate::config::Config;
use crate::openapi::merged;
use crate::service_def::ServiceDef;

/// Everything has been checked when the settings were loaded.
pub fn settings(settings: &Config) -> Result<(), Failure> {
    print(settings.redacted()?.trim_end())
}

pub fn openapi(services: &[ServiceDef], name: Option<&str>) -> Result<(), Failure> {
    let document = if let Some(name) = name {
        let service = services.iter().find(|service| service.name == name);
        let service = service.ok_or_else(|| Failure::Usage(format!("there is no service {name}")))?;
        serde_json::to_value((service.openapi)()).map_err(|e| Failure::of(&e))?
    } else {
        let documents: Vec<_> = services.iter().map(|service| (service.name, (service.openapi)())).collect();
        merged(&documents, "/").map_err(|e| Failure::of(&e))?
    };
    print(&serde_json::to_string_pretty(&document).map_err(|e| Failure::of(&e))?)
}

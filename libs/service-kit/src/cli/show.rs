//! `config check` and `openapi [service]`

use super::{Failure, print_text};
use crate::config::Config;
use crate::openapi::merge_documents;
use crate::service_def::ServiceDef;

/// Everything has been checked when the settings were loaded.
pub fn print_settings(settings: &Config) -> Result<(), Failure> {
    print_text(settings.to_redacted_toml()?.trim_end())
}

pub fn print_openapi(services: &[ServiceDef], name: Option<&str>) -> Result<(), Failure> {
    let document = if let Some(name) = name {
        let service = services.iter().find(|service| service.name == name);
        let service = service.ok_or_else(|| Failure::Usage(format!("there is no service {name}")))?;
        serde_json::to_value((service.openapi)()).map_err(|e| Failure::from_error(&e))?
    } else {
        let documents: Vec<_> = services.iter().map(|service| (service.name, (service.openapi)())).collect();
        merge_documents(&documents, "/").map_err(|e| Failure::from_error(&e))?
    };
    print_text(&serde_json::to_string_pretty(&document).map_err(|e| Failure::from_error(&e))?)
}

//! `[http.cors]`: whose pages may call the interfaces that are new here.

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorsConfig {
    pub allowed_origins: Vec<String>,
}

impl CorsConfig {
    /// Fails for origins that are not written as browsers send them: browsers compare them letter by letter.
    pub(super) fn check_origins(&self) -> Result<(), ConfigError> {
        for allowed in self.allowed_origins.iter().filter(|allowed| *allowed != "*") {
            let origin = reqwest::Url::parse(allowed).map(|url| url.origin().ascii_serialization());
            if !origin.as_ref().is_ok_and(|origin| origin == allowed) {
                let hint = match origin {
                    Ok(origin) if origin != "null" => format!("write `{origin}`"),
                    _ => "write it as `https://portal.example.org`".to_owned(),
                };
                return Err(ConfigError(format!("http.cors.allowed_origins: `{allowed}` is no origin; {hint}")));
            }
        }
        Ok(())
    }
}

//! What `doctor` asks of a provider.

use service_kit::HttpClient;
use thiserror::Error;

use super::discovery::{DISCOVERY_TEMPLATE, Discovery};
use super::{ProviderFailure, ProviderHttp, ProviderSettings};
use crate::secret_file::read_secret_file;

/// Why nobody can log in at a provider.
#[derive(Debug, Error)]
pub enum ProviderFault {
    #[error("{0}")]
    Secret(String),
    #[error("the discovery document at configuration_url: {0}")]
    Discovery(ProviderFailure),
}

impl ProviderFault {
    /// Whether it may be gone without a change of the settings.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Discovery(failure) if failure.is_temporary())
    }
}

/// Reads the secret and the discovery document.
pub async fn examine_provider(http: &HttpClient, settings: &ProviderSettings) -> Result<(), ProviderFault> {
    if settings.has_secret() {
        read_secret_file("client_secret_file", &settings.client_secret_file).map_err(ProviderFault::Secret)?;
    }
    let http = ProviderHttp::new(http.clone());
    let document = http.get_json::<Discovery>(&settings.configuration_url, DISCOVERY_TEMPLATE).await;
    let checked = document.and_then(|document| document.check_endpoints(&settings.trusted_hosts()));
    checked.map_err(ProviderFault::Discovery)
}

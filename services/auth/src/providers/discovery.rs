//! The discovery document of an identity provider (`OpenID` Connect Discovery 1.0, 3).

use oauth2::url::Url;
use serde::Deserialize;

use super::http::ProviderFailure;

/// The pattern of the document's address, for traces.
pub const DISCOVERY_TEMPLATE: &str = "/.well-known/openid-configuration";

/// What is used of the document.
#[derive(Debug, Clone, Deserialize)]
pub struct Discovery {
    issuer: String,
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub jwks_uri: Url,
    pub device_authorization_endpoint: Option<Url>,
    pub end_session_endpoint: Option<Url>,
    /// Whether each answer at the redirect address names the issuer (RFC 9207, 3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Where a discovery document may lead.
#[derive(Debug, Clone, Copy)]
pub struct TrustedHosts<'s> {
    /// The document must repeat it exactly.
    pub issuer: &'s str,
    /// Hosts besides that of the issuer.
    pub endpoint_hosts: &'s [String],
    /// Whether endpoints may be without TLS.
    pub allow_http: bool,
}

impl TrustedHosts<'_> {
    /// Refuses a document of another issuer, and endpoints elsewhere.
    pub fn check_document<'d>(
        &self,
        issuer: &str,
        endpoints: impl IntoIterator<Item = (&'static str, &'d Url)>,
    ) -> Result<(), ProviderFailure> {
        if issuer != self.issuer {
            let text = "the issuer of the discovery document is not the one of configuration_url";
            return Err(ProviderFailure::BadAnswer(text.to_owned()));
        }
        let issuer = Url::parse(issuer).map_err(|e| ProviderFailure::BadAnswer(e.to_string()))?;
        for (name, endpoint) in endpoints {
            let is_safe = endpoint.scheme() == "https" || endpoint.scheme() == "http" && self.allow_http;
            let host = endpoint.host_str();
            let is_own = host == issuer.host_str()
                || host.is_some_and(|host| self.endpoint_hosts.iter().any(|allowed| allowed == host));
            if !is_safe || !is_own {
                let text = format!("{name} is not at a host of the provider, see endpoint_hosts, or without TLS");
                return Err(ProviderFailure::BadAnswer(text));
            }
        }
        Ok(())
    }
}

impl Discovery {
    /// Refuses a document of another issuer, and endpoints that a document must not lead to.
    pub fn check_endpoints(&self, trusted: &TrustedHosts<'_>) -> Result<(), ProviderFailure> {
        let endpoints = [
            ("authorization_endpoint", Some(&self.authorization_endpoint)),
            ("token_endpoint", Some(&self.token_endpoint)),
            ("jwks_uri", Some(&self.jwks_uri)),
            ("device_authorization_endpoint", self.device_authorization_endpoint.as_ref()),
            ("end_session_endpoint", self.end_session_endpoint.as_ref()),
        ];
        let endpoints = endpoints.into_iter().filter_map(|(name, endpoint)| Some((name, endpoint?)));
        trusted.check_document(&self.issuer, endpoints)
    }

    /// Whether the secret of the client goes into the header, as it does where the document says nothing.
    pub fn has_basic_authentication(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::providers::ProviderSettings;

    const ISSUER: &str = "https://id.example/realms/lab";

    fn check_changed_document(changes: &Value) -> Result<(), ProviderFailure> {
        let settings: ProviderSettings = serde_json::from_value(json!({"name": "lab",
            "client_id": "undulator", "configuration_url": format!("{ISSUER}/.well-known/openid-configuration"),
            "endpoint_hosts": ["keys.example"]}))
        .unwrap();
        let mut document = json!({"issuer": ISSUER, "authorization_endpoint": "https://id.example/auth",
            "token_endpoint": "https://id.example/token", "jwks_uri": "https://keys.example/keys"});
        document.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value::<Discovery>(document).unwrap().check_endpoints(&settings.trusted_hosts())
    }

    #[test]
    fn a_document_leads_to_hosts_of_the_provider_alone() {
        assert_eq!(check_changed_document(&json!({})), Ok(()));
        for wrong in [
            json!({"issuer": "https://id.example/realms/lab/"}),
            json!({"issuer": "https://id.example"}),
            json!({"token_endpoint": "http://id.example/token"}),
            json!({"jwks_uri": "https://elsewhere.example/keys"}),
            json!({"authorization_endpoint": "javascript:alert(1)"}),
            json!({"end_session_endpoint": "https://id.example.elsewhere/logout"}),
            json!({"device_authorization_endpoint": "file:///etc/passwd"}),
        ] {
            assert!(matches!(check_changed_document(&wrong), Err(ProviderFailure::BadAnswer(_))), "{wrong}");
        }
    }
}

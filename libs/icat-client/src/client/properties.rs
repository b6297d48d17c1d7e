//! What a server tells without a session: version, limits and authenticators.

use serde::Deserialize;
use serde_json::Value;

use super::error::IcatError;
use super::{IcatClient, send};

/// The limit of icat.server's example configuration, for servers that do not send theirs.
pub const DEFAULT_MAX_ENTITIES: u64 = 10_000;

/// The answer of `/icat/properties`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// The maximum number of entities in an answer, including included ones.
    pub max_entities: Option<u64>,
    /// The lifetime of a session after login or refresh.
    pub lifetime_minutes: Option<u64>,
    /// The authenticators, in the order in which portals show them.
    #[serde(default)]
    pub authenticators: Vec<Authenticator>,
    /// The name of the application server.
    pub container_type: Option<String>,
}

/// An authenticator.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Authenticator {
    /// The name of the plugin in [`IcatClient::login`].
    pub mnemonic: String,
    /// The credentials that it requires.
    #[serde(default)]
    pub keys: Vec<CredentialKey>,
    /// Whether it is for administrators only.
    #[serde(default)]
    pub admin: bool,
    /// A name for users.
    pub friendly: Option<String>,
}

/// A credential that an authenticator requires.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CredentialKey {
    pub name: String,
    /// Whether it must be hidden while it is typed.
    #[serde(default)]
    pub hide: bool,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoggedIn {
    logged_in: bool,
}

impl IcatClient {
    /// The server's version, such as `6.2.0`.
    pub async fn get_version(&self) -> Result<String, IcatError> {
        let version: Version = send::send_read(
            self.prepare_request(self.http.get(self.endpoint_url(&["version"])?), "/icat/version"),
            &[],
        )
        .await?;
        Ok(version.version)
    }

    /// The limits and authenticators of the server. The server calls each authenticator for this, and answers INTERNAL
    /// while one of them is down.
    pub async fn get_properties(&self) -> Result<Properties, IcatError> {
        send::send_read(
            self.prepare_request(self.http.get(self.endpoint_url(&["properties"])?), "/icat/properties"),
            &[],
        )
        .await
    }

    /// The same answer as it came, for programs that pass parts of it on.
    pub async fn get_raw_properties(&self) -> Result<Value, IcatError> {
        send::send_read(
            self.prepare_request(self.http.get(self.endpoint_url(&["properties"])?), "/icat/properties"),
            &[],
        )
        .await
    }

    /// Whether the user with this name, such as `db/alice`, has a session; requires no session.
    pub async fn is_logged_in(&self, user_name: &str) -> Result<bool, IcatError> {
        let segments: Vec<&str> = ["user"].into_iter().chain(user_name.splitn(2, '/')).collect();
        let found: LoggedIn = send::send_read(
            self.prepare_request(self.http.get(self.endpoint_url(&segments)?), "/icat/user/{name}"),
            &[],
        )
        .await?;
        Ok(found.logged_in)
    }

    /// The maximum number of entities in an answer; requested once, then cached by this client and its clones.
    /// [`DEFAULT_MAX_ENTITIES`] if the server does not send it, and while it refuses to.
    pub async fn get_max_entities(&self) -> Result<u64, IcatError> {
        let asked = self.max_entities.get_or_try_init(async || {
            let told = self.get_properties().await?.max_entities;
            Ok(told.filter(|most| *most > 0).unwrap_or(DEFAULT_MAX_ENTITIES))
        });
        match asked.await {
            Ok(most) => Ok(*most),
            Err(IcatError::Refused { .. }) => Ok(DEFAULT_MAX_ENTITIES),
            Err(e) => Err(e),
        }
    }
}

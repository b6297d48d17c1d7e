//! What a server says of itself without a session: its version, its limits and how to log in.

use serde::Deserialize;

use super::error::IcatError;
use super::{IcatClient, send};

/// The limit of icat.server's example configuration, for servers that do not tell theirs.
pub const DEFAULT_MAX_ENTITIES: u64 = 10_000;

/// The answer of `/icat/properties`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// The most entities of one answer, included ones counted too.
    pub max_entities: Option<u64>,
    /// How long a session lives after login or refresh.
    pub lifetime_minutes: Option<u64>,
    /// Ways to log in, in the order in which portals show them.
    #[serde(default)]
    pub authenticators: Vec<Authenticator>,
    /// The application server's name.
    pub container_type: Option<String>,
}

/// One way to log in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Authenticator {
    /// The name of the plugin in [`IcatClient::login`].
    pub mnemonic: String,
    /// What it asks for.
    #[serde(default)]
    pub keys: Vec<CredentialKey>,
    /// Whether it is for administrators only.
    #[serde(default)]
    pub admin: bool,
    /// A name to show.
    pub friendly: Option<String>,
}

/// One thing that an authenticator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CredentialKey {
    pub name: String,
    /// Whether it must not be shown while it is typed.
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

    /// The server's limits and authenticators. Costs the server one call to each authenticator, and it refuses
    /// (INTERNAL) while one of them is down.
    pub async fn get_properties(&self) -> Result<Properties, IcatError> {
        send::send_read(
            self.prepare_request(self.http.get(self.endpoint_url(&["properties"])?), "/icat/properties"),
            &[],
        )
        .await
    }

    /// Whether somebody with this name (mechanism included, `db/alice`) has a session; needs no session.
    pub async fn is_logged_in(&self, user_name: &str) -> Result<bool, IcatError> {
        let segments: Vec<&str> = ["user"].into_iter().chain(user_name.splitn(2, '/')).collect();
        let found: LoggedIn = send::send_read(
            self.prepare_request(self.http.get(self.endpoint_url(&segments)?), "/icat/user/{name}"),
            &[],
        )
        .await?;
        Ok(found.logged_in)
    }

    /// The most entities of one answer: asked once, then remembered by this client and its clones.
    /// [`DEFAULT_MAX_ENTITIES`] if the server does not tell, and for the time that it refuses to.
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

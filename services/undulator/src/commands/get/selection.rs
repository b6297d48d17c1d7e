//! A prepared selection, and the URLs of its files.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::file_list::{self, FileAddress, Tokens};
use super::server::Server;
use crate::commands::requests::RequestError;

pub struct Selection {
    pub server: Arc<Server>,
    /// A secret that permits the download; it is never written to disk.
    pub prepared: String,
    pub tokens: Tokens,
    /// Only for a server without lists.
    pub session: String,
    single_files: Mutex<HashMap<i64, String>>,
}

/// Whether the answer of a server can be used in a URL.
pub fn is_prepared_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

impl Selection {
    pub fn new(server: Arc<Server>, prepared: String, tokens: Vec<String>, session: String) -> Self {
        Self { server, prepared, tokens: Tokens::new(tokens), session, single_files: Mutex::default() }
    }

    /// The URL of a file or archive. It never contains a session id, because URLs are logged.
    pub async fn get_url(&self, address: &FileAddress) -> Result<String, RequestError> {
        let ids = &self.server.ids;
        match address {
            FileAddress::Listed(place) => {
                let token = self.tokens.lock().await.get(*place).filter(|token| !token.is_empty()).cloned();
                let token = token.ok_or_else(|| RequestError::Failed("the server lists no URL for it".to_owned()))?;
                Ok(format!("{ids}/getData?{token}"))
            }
            FileAddress::Archive(format) => Ok(format!("{ids}/getData?preparedId={}{format}", self.prepared)),
            FileAddress::Prepared(prepared) => Ok(format!("{ids}/getData?preparedId={prepared}")),
            FileAddress::Datafile(id, _) => {
                let known = self.single_files.lock().await.get(id).cloned();
                let prepared = match known {
                    Some(prepared) => prepared,
                    None => {
                        let form = [("sessionId", self.session.clone()), ("datafileIds", id.to_string())];
                        let prepared = self.server.post("/prepareData", &form, &self.session).await?;
                        self.single_files.lock().await.insert(*id, prepared.clone());
                        prepared
                    }
                };
                Ok(format!("{ids}/getData?preparedId={prepared}"))
            }
        }
    }

    /// Renews the signed URLs, unless that was done after `used` was looked up.
    pub async fn refresh_tokens(&self, used: &str) -> Result<(), RequestError> {
        let mut tokens = self.tokens.lock().await;
        let current = used.split_once('?').is_some_and(|(_, query)| tokens.iter().any(|token| token == query));
        if current && let Some(fresh) = file_list::fetch_file_list(&self.server, &self.prepared).await? {
            *tokens = fresh.tokens;
        }
        Ok(())
    }
}

//! A selection that a server has prepared, and the addresses of what is in it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::error::GetError;
use super::file_list::{self, FileAddress, Tokens};
use super::server::Server;

pub struct Selection {
    pub server: Arc<Server>,
    /// Whoever has it may download; it is written nowhere.
    pub prepared: String,
    pub tokens: Tokens,
    /// Only for a server without lists.
    pub session: String,
    single_files: Mutex<HashMap<i64, String>>,
}

/// Whether a server's answer can stand in an address.
pub fn is_prepared_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

impl Selection {
    pub fn new(server: Arc<Server>, prepared: String, tokens: Vec<String>, session: String) -> Self {
        Self { server, prepared, tokens: Tokens::new(tokens), session, single_files: Mutex::default() }
    }

    /// Where to ask for it. No address has a session id in it: addresses end in logs.
    pub async fn get_url(&self, address: &FileAddress) -> Result<String, GetError> {
        let ids = &self.server.ids;
        match address {
            FileAddress::Listed(place) => {
                let token = self.tokens.lock().await.get(*place).filter(|token| !token.is_empty()).cloned();
                let token = token.ok_or_else(|| GetError::Failed("the server lists no address for it".to_owned()))?;
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

    /// Has the addresses signed again, unless that was done since `used` was looked up.
    pub async fn refresh_tokens(&self, used: &str) -> Result<(), GetError> {
        let mut tokens = self.tokens.lock().await;
        let current = used.split_once('?').is_some_and(|(_, query)| tokens.iter().any(|token| token == query));
        if current && let Some(fresh) = file_list::fetch_file_list(&self.server, &self.prepared).await? {
            *tokens = fresh.tokens;
        }
        Ok(())
    }
}

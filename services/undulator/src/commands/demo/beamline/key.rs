//! The API key of the programs of the beamline, stored beside the passwords.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use service_kit::cli::Failure;
use service_kit::{Ids as _, SystemIds, sha256_hex};

use crate::commands::secret_files;

/// The file of the key in the directory of the demo.
pub const FILE: &str = "beamline-key";

pub struct Key {
    pub text: String,
    /// Whether it was just created.
    pub is_new: bool,
}

impl Key {
    /// Loads the key, or creates it.
    pub fn load_or_create(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(FILE);
        if path.is_file() {
            let text = fs::read_to_string(&path).map_err(|e| secret_files::file_error(&path, &e))?;
            return Ok(Self { text: text.trim().to_owned(), is_new: false });
        }
        let text = SystemIds.random_uuid().to_string();
        secret_files::write_private(&path, &format!("{text}\n"))?;
        Ok(Self { text, is_new: true })
    }

    /// The entry for `identity.api_keys`.
    pub fn to_setting(&self) -> Value {
        json!({
            "name": "beamline-id29",
            "sha256": sha256_hex(&self.text),
            "user": "simple/beamline-id29",
            "scopes": ["logbook:write"],
            "expires": "2099-01-01T00:00:00Z",
        })
    }
}

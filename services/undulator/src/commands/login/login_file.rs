//! The file with the logins of a user. It is locked while it is open, so that two commands do not use the same refresh token.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use service_kit::cli::Failure;

use crate::commands::secret_files::{create_private_dir, file_error, write_private};

/// Tokens of a login.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredLogin {
    pub user: String,
    /// Where the user logged in; `None` for a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    pub access_token: String,
    pub access_token_ends_at: Timestamp,
    pub refresh_token: String,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
}

/// The logins by the URL of their facility.
pub struct LoginFile {
    path: PathBuf,
    pub logins: BTreeMap<String, StoredLogin>,
    _lock: File,
}

impl StoredLogin {
    /// The option of `undulator login` that gives this login.
    pub fn login_option(&self) -> String {
        match &self.provider {
            Some(provider) => format!("--provider {provider}"),
            None => format!("--user {}", self.user),
        }
    }
}

impl LoginFile {
    /// Reads the file, and keeps others from doing so. A file that others may read is refused.
    pub fn open() -> Result<Self, Failure> {
        let path = find_path().ok_or_else(|| {
            Failure::Usage("there is no home directory for the file of logins; set XDG_CONFIG_HOME".to_owned())
        })?;
        if let Some(directory) = path.parent() {
            create_private_dir(directory)?;
        }
        let lock_path = path.with_added_extension("lock");
        let lock = open_lock_file(&lock_path).and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|e| file_error(&lock_path, &e))?;
        let logins = read_logins(&path)?;
        Ok(Self { path, logins, _lock: lock })
    }

    /// Whether there is a login at this URL.
    pub fn has_login(url: &str) -> Result<bool, Failure> {
        match find_path() {
            Some(path) => Ok(read_logins(&path)?.contains_key(url)),
            None => Ok(false),
        }
    }

    /// The login at this URL, or the only one.
    pub fn choose_login(&self, url: Option<&str>) -> Result<(String, StoredLogin), Failure> {
        let found = match url {
            Some(url) => self.logins.get_key_value(url),
            None if self.logins.len() > 1 => {
                let urls: Vec<&str> = self.logins.keys().map(String::as_str).collect();
                return Err(Failure::Usage(format!("say --url: you are logged in at {}", urls.join(", "))));
            }
            None => self.logins.first_key_value(),
        };
        let place = url.map(|url| format!(" at {url}")).unwrap_or_default();
        let missing = || Failure::Failed(format!("you are not logged in{place}; log in with `undulator login`"));
        found.map(|(url, login)| (url.clone(), login.clone())).ok_or_else(missing)
    }

    pub fn save_logins(&self) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&self.logins).map_err(|e| Failure::from_error(&e))?;
        write_private(&self.path, &text)
    }
}

/// `None` for a user without a home directory.
fn find_path() -> Option<PathBuf> {
    let directory = |name: &str| env::var_os(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    let config = directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")));
    Some(config?.join("undulator/logins.json"))
}

/// A private file that is not a link to another one.
fn open_lock_file(path: &Path) -> io::Result<File> {
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).custom_flags(no_link).open(path)
}

fn read_logins(path: &Path) -> Result<BTreeMap<String, StoredLogin>, Failure> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(file_error(path, &e)),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        let path = path.display();
        return Err(Failure::Failed(format!("others may read {path}; log out everywhere, or: chmod 600 {path}")));
    }
    let text = fs::read_to_string(path).map_err(|e| file_error(path, &e))?;
    serde_json::from_str(&text)
        .map_err(|_| Failure::Failed(format!("{} is not a file of logins; delete it and log in again", path.display())))
}

//! Secrets that are kept in files of their own.

use std::io;
use std::path::PathBuf;

use figment::Figment;
use figment::providers::Serialized;
use figment::value::{Dict, Value};

use super::service_settings::SecretSetting;
use super::{ConfigError, extract_settings};
use crate::private_paths::PrivatePath;

/// Values of secrets that reveal nothing.
pub const HARMLESS: [&str; 2] = ["", "sqlite"];

/// Settings in which secrets stand instead of the names of their files.
pub struct SecretFiles {
    pub figment: Figment,
    pub private_files: Vec<PrivatePath>,
    /// Why secrets could not be read.
    pub unreadable: Vec<String>,
}

/// Replaces each `<secret>_file` by the content of the file.
pub fn read_secret_files(origin: &Figment, secrets: &[SecretSetting]) -> Result<SecretFiles, ConfigError> {
    let mut figment = origin.clone();
    let (mut private_files, mut unreadable) = (Vec::new(), Vec::new());
    for SecretSetting { section, key } in secrets {
        let file_key = format!("{section}.{key}_file");
        let Ok(file) = figment.extract_inner::<PathBuf>(&file_key) else {
            continue;
        };
        let given: String = figment.extract_inner(&format!("{section}.{key}")).unwrap_or_default();
        if !HARMLESS.contains(&given.as_str()) {
            return Err(ConfigError(format!("set either {section}.{key} or {file_key}, not both")));
        }
        let secret = std::fs::read_to_string(&file).map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        let secret = secret.and_then(refuse_empty_secret);
        if let Err(e) = &secret {
            unreadable.push(format!("{file_key}: cannot read {}: {e}{}", file.display(), repair_hint(section, key)));
        }
        let mut all: Dict = extract_settings(&figment, None, origin)?;
        if let Some(Value::Dict(_, settings)) = all.get_mut(section.as_str()) {
            settings.remove(&format!("{key}_file"));
            if let Ok(secret) = secret {
                settings.insert(key.clone(), Value::from(secret));
            }
        }
        figment = Figment::from(Serialized::defaults(all));
        private_files.push(PrivatePath::new(file_key, file));
    }
    Ok(SecretFiles { figment, private_files, unreadable })
}

/// An empty file is a mistake: without a secret, a service would be open or would work as somebody else.
fn refuse_empty_secret(secret: String) -> io::Result<String> {
    if secret.is_empty() { Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty")) } else { Ok(secret) }
}

/// What to do about a secret that is lost.
fn repair_hint(section: &str, key: &str) -> &'static str {
    match (section, key) {
        ("icat", "reader") => "; `undulator setup` writes a new one for the embedded catalogue",
        _ => "",
    }
}

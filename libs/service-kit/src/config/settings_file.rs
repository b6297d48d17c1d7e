//! Where settings come from, for people who wonder which ones were used.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::Source;

use super::Config;

/// The settings file and the data directory of a process; absolute, because a relative path means another place in another
/// directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacilityLocation {
    pub settings_file: Option<PathBuf>,
    pub data_dir: PathBuf,
}

impl Config {
    pub fn facility_location(&self) -> FacilityLocation {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        FacilityLocation {
            settings_file: self.settings_file.as_deref().map(absolute),
            data_dir: absolute(&self.core.data_dir),
        }
    }

    /// Whether nobody has said where the facility is: there is no settings file, and no variable names the data directory.
    pub fn is_default_location(&self) -> bool {
        let named = self.origin.find_metadata("data_dir").is_some_and(|metadata| {
            matches!(metadata.source, Some(Source::File(_))) || metadata.name.contains("environment")
        });
        self.settings_file.is_none() && !named
    }
}

impl fmt::Display for FacilityLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.settings_file {
            Some(file) => write!(f, "settings file {}", file.display())?,
            None => f.write_str("no settings file; defaults")?,
        }
        write!(f, "; data directory {}", self.data_dir.display())
    }
}

//! An id of the facility that a server belongs to, so that `doctor` recognizes the server of another one on the same port.

use std::os::unix::fs::MetadataExt as _;

use crate::config::Config;
use crate::sha256::sha256_hex;

/// The id: equal for all programs with this data directory on this computer, and for no others. It reveals nothing about
/// the directory.
pub(crate) fn instance_id(config: &Config) -> String {
    let directory = &config.core.data_dir;
    let path = directory.canonicalize().or_else(|_| std::path::absolute(directory));
    let path = path.unwrap_or_else(|_| directory.clone());
    let identity = path.metadata().map(|found| (found.dev(), found.ino())).unwrap_or_default();
    sha256_hex(format!("undulator instance {} {identity:?}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_directories_are_two_instances_and_a_link_is_none_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let id = |name: &str| {
            let toml = format!("data_dir = '{}'\n", dir.path().join(name).display());
            instance_id(&Config::from_toml(&[], &toml).unwrap())
        };
        std::fs::create_dir(dir.path().join("one")).unwrap();
        std::os::unix::fs::symlink("one", dir.path().join("link")).unwrap();
        assert_eq!(id("one"), id("link"));
        assert_ne!(id("one"), id("two"));
        assert_eq!(id("two"), id("two"), "also before it exists");
    }
}

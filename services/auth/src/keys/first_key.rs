//! Generates the first key. Its files are created atomically and never replaced, so that processes that start at the same time,
//! or after one was killed half-way, use the same key.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use service_kit::Ids;

use super::key_files::{DirectoryLock, create_file, generate_pem, sync_directory};
use super::key_set::{ACTIVE, KeyError, list_key_names};

/// A fixed name: of two processes that create the file, one finds that it exists.
const FIRST_NAME: &str = "first";

/// Creates the directory and a key in it, unless it already has keys.
pub fn create_first_key(dir: &Path, ids: &dyn Ids) -> Result<(), KeyError> {
    let failed = |source| KeyError::NotMade { path: dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    if has_keys(dir)? {
        return Ok(());
    }
    let _lock = DirectoryLock::wait_for(dir).map_err(failed)?;
    if has_keys(dir)? {
        return Ok(());
    }
    for (file, content) in
        [(format!("{FIRST_NAME}.pem"), generate_pem()?), (ACTIVE.to_owned(), format!("{FIRST_NAME}\n"))]
    {
        create_file(dir, &file, content.as_bytes(), ids).map_err(failed)?;
    }
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_directory(parent).map_err(failed)?;
    }
    Ok(())
}

fn has_keys(dir: &Path) -> Result<bool, KeyError> {
    Ok(dir.join(ACTIVE).exists() || list_key_names(dir)?.iter().any(|name| name != FIRST_NAME))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Barrier;

    use jiff::Timestamp;
    use service_kit::SystemIds;

    use super::super::KeySet;
    use super::*;

    #[test]
    fn simultaneous_starts_have_the_same_key() {
        const RACES: usize = 50;
        const PROCESSES: usize = 8;
        for _ in 0..RACES {
            let root = tempfile::tempdir().unwrap();
            let (dir, together) = (root.path().join("data/keys"), Barrier::new(PROCESSES));
            let start = || {
                together.wait();
                create_first_key(&dir, &SystemIds).unwrap();
                KeySet::load(&dir, Timestamp::UNIX_EPOCH).unwrap().signing_key().1.to_owned()
            };
            let kids: BTreeSet<String> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..PROCESSES).map(|_| scope.spawn(start)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(kids.len(), 1, "{kids:?}");
            assert_eq!(KeySet::load(&dir, Timestamp::UNIX_EPOCH).unwrap().public_keys().len(), 1);
            let files = std::fs::read_dir(&dir).unwrap().count();
            assert_eq!(files, 3, "and the lock; drafts are removed");
            for (path, mode) in [(dir.clone(), 0o700), (dir.join("first.pem"), 0o600), (dir.join(ACTIVE), 0o600)] {
                let found = std::fs::metadata(&path).unwrap().permissions().mode();
                assert_eq!(found & 0o777, mode, "{}", path.display());
            }
        }
        println!("{RACES} races of {PROCESSES}");
    }

    #[test]
    fn an_interrupted_start_is_completed_and_nothing_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        create_first_key(dir, &SystemIds).unwrap();
        let kid = KeySet::load(dir, Timestamp::UNIX_EPOCH).unwrap().signing_key().1.to_owned();
        std::fs::remove_file(dir.join(ACTIVE)).unwrap();
        create_first_key(dir, &SystemIds).unwrap();
        assert_eq!(KeySet::load(dir, Timestamp::UNIX_EPOCH).unwrap().signing_key().1, kid);

        std::fs::rename(dir.join("first.pem"), dir.join("mine.pem")).unwrap();
        std::fs::remove_file(dir.join(ACTIVE)).unwrap();
        create_first_key(dir, &SystemIds).unwrap();
        let refused =
            KeySet::load(dir, Timestamp::UNIX_EPOCH).err().expect("which of them signs is for the operator to say");
        assert!(refused.to_string().contains("the name of the signing key, one of mine"), "{refused}");
    }
}

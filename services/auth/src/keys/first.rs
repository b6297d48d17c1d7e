//! The first key of a process without any. Files appear whole and only where there was none, so that processes that
//! start at the same time, and one that was killed half-way, end up with the same key.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use aws_lc_rs::signature::Ed25519KeyPair;
use pem::{EncodeConfig, LineEnding, Pem};
use service_kit::Ids;

use super::set::{ACTIVE, KeyError, names};

/// The name is always the same: of two processes that make it, one finds that it is there.
const NAME: &str = "first";

/// Makes the directory and one key in it, unless there is an `active` key, or another one.
pub fn make(dir: &Path, ids: &dyn Ids) -> Result<(), KeyError> {
    let failed = |source| KeyError::NotMade { path: dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    if dir.join(ACTIVE).exists() || names(dir)?.iter().any(|name| name != NAME) {
        return Ok(());
    }
    let document = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map_err(|_| KeyError::NotGenerated)?;
    let unix = EncodeConfig::new().set_line_ending(LineEnding::LF);
    let pem = pem::encode_config(&Pem::new("PRIVATE KEY", document.as_ref()), unix);
    for (file, content) in [(format!("{NAME}.pem"), pem), (ACTIVE.to_owned(), format!("{NAME}\n"))] {
        put(dir, &file, content.as_bytes(), ids).map_err(failed)?;
    }
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync(parent).map_err(failed)?;
    }
    Ok(())
}

/// A file that is there with its content or not at all; one that was there before stays as it is.
fn put(dir: &Path, file: &str, content: &[u8], ids: &dyn Ids) -> io::Result<()> {
    let draft = dir.join(format!(".{file}.{}", ids.random_uuid()));
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = written
        .write_all(content)
        .and_then(|()| written.sync_all())
        // A second name for the file: unlike a rename it does not replace what is there.
        .and_then(|()| std::fs::hard_link(&draft, dir.join(file)));
    std::fs::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => sync(dir),
    }
}

/// Names are on disk when their directory is.
fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Barrier;

    use service_kit::SystemIds;

    use super::super::KeySet;
    use super::*;

    #[test]
    fn all_that_start_at_once_have_the_same_key() {
        const RACES: usize = 50;
        const PROCESSES: usize = 8;
        for _ in 0..RACES {
            let root = tempfile::tempdir().unwrap();
            let (dir, together) = (root.path().join("data/keys"), Barrier::new(PROCESSES));
            let start = || {
                together.wait();
                make(&dir, &SystemIds).unwrap();
                KeySet::read(&dir).unwrap().signing().1.to_owned()
            };
            let kids: BTreeSet<String> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..PROCESSES).map(|_| scope.spawn(start)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(kids.len(), 1, "{kids:?}");
            assert_eq!(KeySet::read(&dir).unwrap().published().len(), 1);
            let files = std::fs::read_dir(&dir).unwrap().count();
            assert_eq!(files, 2, "drafts are removed");
            for (path, mode) in [(dir.clone(), 0o700), (dir.join("first.pem"), 0o600), (dir.join(ACTIVE), 0o600)] {
                let found = std::fs::metadata(&path).unwrap().permissions().mode();
                assert_eq!(found & 0o777, mode, "{}", path.display());
            }
        }
        println!("{RACES} races of {PROCESSES}");
    }

    #[test]
    fn a_start_that_was_cut_short_is_completed_and_nothing_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        make(dir, &SystemIds).unwrap();
        let kid = KeySet::read(dir).unwrap().signing().1.to_owned();
        std::fs::remove_file(dir.join(ACTIVE)).unwrap();
        make(dir, &SystemIds).unwrap();
        assert_eq!(KeySet::read(dir).unwrap().signing().1, kid);

        std::fs::rename(dir.join("first.pem"), dir.join("mine.pem")).unwrap();
        std::fs::remove_file(dir.join(ACTIVE)).unwrap();
        make(dir, &SystemIds).unwrap();
        let refused = KeySet::read(dir).err().expect("which of them signs is for the operator to say");
        assert!(refused.to_string().contains("the name of the key that signs, one of mine"), "{refused}");
    }
}

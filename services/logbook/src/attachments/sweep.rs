//! Taking away what nobody refers to. A file is first set aside, then its time is looked at, then whether a row names it: a
//! writer that sets the time and finds the file afterwards was before the first step and is seen in the second.

use std::io::{self, ErrorKind};
use std::time::SystemTime;

use cap_std::fs::Dir;

use super::{GRACE, PART, place};

/// The beginning of names of files that are set aside.
const ASIDE: &str = ".swept-";

/// What becomes of a file that is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Remove,
    BringBack,
}

/// The directories of files: the first two digits of their names.
pub fn directories() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|byte| format!("{byte:02x}"))
}

pub(super) fn old_files(root: &Dir, directory: &str, now: SystemTime) -> io::Result<Vec<String>> {
    let entries = match root.read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut old = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(directory) && is_old(root, &place(&name), now)? {
            old.push(name);
        }
    }
    Ok(old)
}

pub(super) fn set_aside(root: &Dir, sha256s: Vec<String>, now: SystemTime) -> io::Result<Vec<String>> {
    let mut aside = Vec::new();
    for sha256 in sha256s {
        let hidden = format!("{ASIDE}{sha256}");
        if !found(root.rename(place(&sha256), root, &hidden))? {
            continue;
        }
        if is_old(root, &hidden, now)? {
            aside.push(sha256);
        } else {
            bring_back(root, &sha256)?;
        }
    }
    Ok(aside)
}

pub(super) fn decide(root: &Dir, decisions: &[(String, Fate)]) -> io::Result<()> {
    for (sha256, fate) in decisions {
        match fate {
            Fate::Remove => found(root.remove_file(format!("{ASIDE}{sha256}"))).map(drop)?,
            Fate::BringBack => bring_back(root, sha256)?,
        }
    }
    Ok(())
}

pub(super) fn tidy(root: &Dir, now: SystemTime) -> io::Result<()> {
    for entry in root.entries()? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(sha256) = name.strip_prefix(ASIDE) {
            bring_back(root, sha256)?;
        } else if name.ends_with(PART) && is_old(root, &name, now)? {
            found(root.remove_file(&name))?;
        }
    }
    Ok(())
}

/// The same bytes may have been written anew meanwhile; one replaces the other.
fn bring_back(root: &Dir, sha256: &str) -> io::Result<()> {
    found(root.rename(format!("{ASIDE}{sha256}"), root, place(sha256))).map(drop)
}

/// Gone counts as not old.
fn is_old(root: &Dir, path: &str, now: SystemTime) -> io::Result<bool> {
    let modified = match root.metadata(path) {
        Ok(known) => known.modified()?.into_std(),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    Ok(now.duration_since(modified).is_ok_and(|age| age > GRACE))
}

/// `false` if the file is not there any more.
fn found(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

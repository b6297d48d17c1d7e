//! Files on disk: complete files, and incomplete ones with their state files. All are opened beneath the target directory,
//! links included.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::file_list::FileEntry;
use super::file_names::{PartialNames, draft_name};
use super::file_parts::PartialState;
use crate::commands::requests::RequestError;

/// Bytes that are read at once for a checksum.
const BUFFER_SIZE: usize = 1 << 20;

pub struct Directory(Dir);

/// A file that is being written, locked against other runs.
pub struct PartialFile {
    file: File,
    names: PartialNames,
}

impl Directory {
    pub fn open(path: &std::path::Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Dir::open_ambient_dir(path, ambient_authority()).map(Self)
    }

    /// Whether the file exists with the listed size, and with the listed checksum or, without one, the listed time.
    pub fn has_file(&self, entry: &FileEntry, verify: bool) -> bool {
        let Ok(file) = self.0.open(&entry.path).map(cap_std::fs::File::into_std) else { return false };
        let Ok(metadata) = file.metadata() else { return false };
        if !metadata.is_file() || metadata.len() != entry.size {
            return false;
        }
        match entry.crc.filter(|_| verify) {
            Some(crc) => {
                let same = compute_checksum(&file, 0..entry.size).is_ok_and(|found| found == crc);
                // A copied file may have lost its time; that it cannot be restored is not an error.
                let _cosmetic = same.then(|| set_modified(&file, entry));
                same
            }
            None => metadata.modified().ok() == entry.modified.map(to_system_time),
        }
    }

    /// Opens an incomplete file, or creates it and reserves its space; its state, if it has a valid one.
    pub fn open_partial(
        &self,
        entry: &FileEntry,
        names: PartialNames,
    ) -> Result<(PartialFile, Option<PartialState>), RequestError> {
        let wrong = |e: io::Error| RequestError::from_error(&format!("cannot write `{}`", entry.path), &e);
        if let Some((folder, _)) = entry.path.rsplit_once('/') {
            self.0.create_dir_all(folder).map_err(wrong)?;
        }
        let mut options = OpenOptions::new();
        let file = self.0.open_with(&names.data, options.read(true).write(true).create(true)).map_err(wrong)?;
        let file = file.into_std();
        // Some file systems do not support locks.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            let text = format!("another program is downloading `{}` now", entry.path);
            return Err(RequestError::Failed(text));
        }
        let same_length = file.metadata().map_err(wrong)?.len() == entry.size;
        let state = self.0.read(&names.state).ok().and_then(|text| PartialState::parse(&text, entry.size));
        let state = state.filter(|_| same_length);
        if state.is_none() {
            file.set_len(0).and_then(|()| reserve_space(&file, entry.size)).map_err(wrong)?;
        }
        Ok((PartialFile { file, names }, state))
    }

    /// Stores which parts are on disk.
    pub fn store_state(&self, writing: &PartialFile, state: &PartialState) -> io::Result<()> {
        let draft = draft_name(&writing.names.state);
        let mut file = self.0.create(&draft)?;
        file.write_all(&serde_json::to_vec(state)?)?;
        file.sync_data()?;
        self.0.rename(&draft, &self.0, &writing.names.state)
    }

    /// Flushes a complete file and gives it its name.
    pub fn commit(&self, writing: &PartialFile, entry: &FileEntry) -> io::Result<()> {
        set_modified(&writing.file, entry)?;
        writing.file.sync_all()?;
        self.0.rename(&writing.names.data, &self.0, &entry.path)?;
        self.remove_state(&writing.names)
    }

    /// Removes an incomplete file and its state.
    pub fn remove_partial(&self, writing: &PartialFile) -> io::Result<()> {
        self.remove_state(&writing.names)?;
        self.0.remove_file(&writing.names.data)
    }

    /// Removes a state file, which a killed run may have left beside a complete file.
    pub fn remove_state(&self, names: &PartialNames) -> io::Result<()> {
        match self.0.remove_file(&names.state) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

impl PartialFile {
    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    /// Flushes the data to disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The parts whose bytes on disk have another checksum.
    pub fn list_damaged_parts(&self, state: &PartialState) -> Vec<Range<u64>> {
        let sound = |part: &Range<u64>| compute_checksum(&self.file, part.clone()).ok() == state.crc(part);
        state.list_present().into_iter().filter(|part| !sound(part)).collect()
    }
}

fn compute_checksum(file: &File, part: Range<u64>) -> io::Result<u32> {
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; BUFFER_SIZE];
    let mut at = part.start;
    while at < part.end {
        let want = usize::try_from(part.end - at).unwrap_or(BUFFER_SIZE).min(BUFFER_SIZE);
        file.read_exact_at(&mut buffer[..want], at)?;
        hasher.update(&buffer[..want]);
        at += want as u64;
    }
    Ok(hasher.finalize())
}

/// Reserves the space on disk, so that a full disk is noticed at the start. Some file systems cannot.
fn reserve_space(file: &File, size: u64) -> io::Result<()> {
    use rustix::io::Errno;
    if size == 0 {
        return Ok(());
    }
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, size) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => file.set_len(size),
        outcome => Ok(outcome?),
    }
}

fn set_modified(file: &File, entry: &FileEntry) -> io::Result<()> {
    entry.modified.map_or(Ok(()), |seconds| file.set_modified(to_system_time(seconds)))
}

fn to_system_time(seconds: i64) -> SystemTime {
    let span = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    if seconds < 0 { epoch.checked_sub(span) } else { epoch.checked_add(span) }.unwrap_or(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::get::file_list::FileAddress;

    fn build_entry(path: &str, size: u64) -> FileEntry {
        let address = FileAddress::Listed(0);
        FileEntry { path: path.to_owned(), size, modified: Some(1_700_000_000), crc: None, address, tar_offset: None }
    }

    fn partial_names() -> PartialNames {
        PartialNames { data: "d/a.part".to_owned(), state: "d/a.part.state".to_owned() }
    }

    #[test]
    fn a_file_is_created_resumed_and_completed() {
        let tmp = tempfile::tempdir().unwrap();
        let directory = Directory::open(tmp.path()).unwrap();
        let file = build_entry("d/a", 5);
        let (writing, state) = directory.open_partial(&file, partial_names()).unwrap();
        assert_eq!(state, None);
        assert_eq!(std::fs::metadata(tmp.path().join("d/a.part")).unwrap().len(), 5, "the space is reserved");
        let locked = directory.open_partial(&file, partial_names()).err().unwrap().to_string();
        assert!(locked.contains("another program"), "{locked}");
        writing.write(0, b"hello").unwrap();
        let mut state = PartialState::new(5, "\"v1\"".to_owned());
        state.insert(&(0..5), crc32fast::hash(b"hello"));
        directory.store_state(&writing, &state).unwrap();
        drop(writing);
        let (writing, found) = directory.open_partial(&file, partial_names()).unwrap();
        assert_eq!(found, Some(state.clone()));
        assert!(writing.list_damaged_parts(&state).is_empty());
        writing.write(4, b"p").unwrap();
        assert_eq!(writing.list_damaged_parts(&state), std::slice::from_ref(&(0..5)));
        directory.commit(&writing, &file).unwrap();
        assert_eq!(std::fs::read(tmp.path().join("d/a")).unwrap(), b"hellp");
        assert!(directory.has_file(&file, true) && !directory.has_file(&build_entry("d/a", 4), true));
        let crc = Some(crc32fast::hash(b"hello"));
        assert!(
            !directory.has_file(&FileEntry { crc, ..file.clone() }, true)
                && directory.has_file(&FileEntry { crc, ..file }, false)
        );
        assert_eq!(std::fs::read_dir(tmp.path().join("d")).unwrap().count(), 1);
    }

    #[test]
    fn a_link_that_leads_out_is_not_followed() {
        let (tmp, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(outside.path(), tmp.path().join("d")).unwrap();
        let directory = Directory::open(tmp.path()).unwrap();
        assert!(directory.open_partial(&build_entry("d/a", 5), partial_names()).is_err());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}

//! Scans a directory: datasets and their files, and what cannot be catalogued.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use service_kit::Micros;
use walkdir::WalkDir;

use super::IngestError;

/// The lengths of names and locations in the schema (ICAT 6.2), in characters.
const MAX_NAME_CHARS: usize = 255;
const MAX_LOCATION_CHARS: usize = 511;
const READ_BUFFER_BYTES: usize = 1 << 20;

pub struct Tree {
    /// The storage root, with symbolic links resolved.
    pub root: PathBuf,
    /// The ingested directory, with symbolic links resolved.
    pub directory: PathBuf,
    /// The directory, relative to the storage root.
    pub base: String,
    pub datasets: Vec<Dataset>,
    pub refused: Vec<LeftOut>,
    /// Hidden files, and directories without files.
    pub skipped: Vec<LeftOut>,
}

pub struct Dataset {
    pub name: String,
    pub path: PathBuf,
    /// Relative to the storage root.
    pub location: String,
    pub files: Vec<File>,
}

#[derive(Debug, Clone)]
pub struct File {
    pub name: String,
    pub location: String,
    pub path: PathBuf,
    pub size: u64,
    pub modified_at: Micros,
}

/// A file or dataset that was left out, and why.
#[derive(Debug, Clone, serde::Serialize)]
pub struct LeftOut {
    pub path: String,
    pub reason: String,
}

/// Lists the files below a directory without following symbolic links. Names that begin with a dot are skipped unless
/// `hidden` is set.
pub fn scan_directory(directory: &Path, root: &Path, hidden: bool) -> Result<Tree, IngestError> {
    let resolve = |path: &Path| {
        fs::canonicalize(path).map_err(|source| IngestError::Read { path: path.display().to_string(), source })
    };
    let (directory, root) = (resolve(directory)?, resolve(root)?);
    if !directory.is_dir() {
        return Err(IngestError::Usage(format!("{} is a file; give the directory it lies in", directory.display())));
    }
    let below = directory.strip_prefix(&root).map_err(|_| {
        IngestError::Usage(format!(
            "{} does not lie under the storage root {}; choose another --storage or move the data",
            directory.display(),
            root.display()
        ))
    })?;
    let base = below.to_str().ok_or_else(|| IngestError::Usage("the directory's name is not UTF-8".to_owned()))?;
    let own_name = directory.file_name().and_then(|name| name.to_str()).unwrap_or("data").to_owned();
    let mut datasets: BTreeMap<String, Dataset> = BTreeMap::new();
    let mut taken: HashSet<(String, String)> = HashSet::new();
    let mut refused = Vec::new();
    let mut skipped = Skipped::default();
    let mut entries = WalkDir::new(&directory).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                let path = e.path().map(|path| path.display().to_string()).unwrap_or_default();
                refused.push(LeftOut { path, reason: e.to_string() });
                continue;
            }
        };
        if !hidden && entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".") {
            skipped.add_hidden(entry.path());
            if entry.file_type().is_dir() {
                entries.skip_current_dir();
            }
            continue;
        }
        if entry.file_type().is_dir() {
            skipped.directories.push(entry.into_path());
            continue;
        }
        skipped.add_occupied(entry.path());
        match place_file(&directory, base, &own_name, &entry) {
            Ok((dataset, file)) => {
                let is_own = dataset == own_name && !file.in_subdirectory;
                let location = if is_own { base.to_owned() } else { join_location(base, &dataset) };
                let path = if is_own { directory.clone() } else { directory.join(&dataset) };
                // `a/x` and `a/a/x` below a directory `a` would both be `x` of the dataset `a`.
                if !taken.insert((dataset.clone(), file.file.name.clone())) {
                    let reason = format!("another file is {} of the dataset {dataset} already", file.file.name);
                    refused.push(LeftOut { path: entry.path().display().to_string(), reason });
                    continue;
                }
                let dataset = datasets.entry(dataset.clone()).or_insert_with(|| Dataset {
                    name: dataset,
                    path,
                    location,
                    files: Vec::new(),
                });
                dataset.files.push(file.file);
            }
            Err(reason) => refused.push(LeftOut { path: entry.path().display().to_string(), reason }),
        }
    }
    let base = base.to_owned();
    let skipped = skipped.into_list();
    Ok(Tree { root, directory, base, datasets: datasets.into_values().collect(), refused, skipped })
}

/// Files and directories that are skipped on purpose.
#[derive(Default)]
struct Skipped {
    list: Vec<LeftOut>,
    directories: Vec<PathBuf>,
    /// Directories with a file somewhere below them.
    occupied: HashSet<PathBuf>,
}

impl Skipped {
    fn add_hidden(&mut self, path: &Path) {
        self.add_occupied(path);
        let reason = "its name begins with a dot; --hidden takes it".to_owned();
        self.list.push(LeftOut { path: path.display().to_string(), reason });
    }

    fn add_occupied(&mut self, path: &Path) {
        for directory in path.ancestors().skip(1) {
            if !self.occupied.insert(directory.to_owned()) {
                break;
            }
        }
    }

    /// Of nested directories without files, only the outermost is listed.
    fn into_list(self) -> Vec<LeftOut> {
        let Self { mut list, directories, occupied } = self;
        let is_empty = |path: &Path| !occupied.contains(path);
        let outermost = directories.iter().enumerate().filter(|(place, path)| {
            is_empty(path) && (*place == 0 || path.parent().is_none_or(|parent| !is_empty(parent)))
        });
        list.extend(outermost.map(|(_, path)| LeftOut {
            path: path.display().to_string(),
            reason: "the directory has no files: no dataset is made of it".to_owned(),
        }));
        list
    }
}

struct Placed {
    file: File,
    in_subdirectory: bool,
}

fn place_file(
    directory: &Path,
    base: &str,
    own_name: &str,
    entry: &walkdir::DirEntry,
) -> Result<(String, Placed), String> {
    if entry.file_type().is_symlink() {
        return Err("is a symbolic link".to_owned());
    }
    if !entry.file_type().is_file() {
        return Err("is not a regular file".to_owned());
    }
    let relative = entry.path().strip_prefix(directory).map_err(|e| e.to_string())?;
    let relative = relative.to_str().ok_or("its name is not UTF-8")?;
    let location = join_location(base, relative);
    let (dataset, name, in_subdirectory) = match relative.split_once('/') {
        Some((dataset, name)) => (dataset, name, true),
        None => (own_name, relative, false),
    };
    for (what, text, longest) in [
        ("dataset name", dataset, MAX_NAME_CHARS),
        ("name", name, MAX_NAME_CHARS),
        ("location", location.as_str(), MAX_LOCATION_CHARS),
    ] {
        if text.chars().count() > longest {
            return Err(format!("its {what} has more than {longest} characters"));
        }
    }
    if location.chars().any(char::is_control) {
        return Err("its name has control characters".to_owned());
    }
    let metadata = entry.metadata().map_err(|e| e.to_string())?;
    let modified_at = Micros::from_i64(metadata.mtime() * 1_000_000 + metadata.mtime_nsec() / 1_000);
    let file =
        File { name: name.to_owned(), path: entry.path().to_owned(), size: metadata.len(), modified_at, location };
    Ok((dataset.to_owned(), Placed { file, in_subdirectory }))
}

fn join_location(base: &str, rest: &str) -> String {
    if base.is_empty() { rest.to_owned() } else { format!("{base}/{rest}") }
}

/// Reads files on `jobs` threads. Returns their CRC-32 in the order of `files`, `None` for files that could not be read or
/// changed meanwhile, and the reasons.
pub fn read_checksums(files: &[&File], jobs: usize) -> (Vec<Option<u32>>, Vec<LeftOut>) {
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<(usize, Result<u32, String>)>> = Mutex::new(Vec::with_capacity(files.len()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, files.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(at) else { return };
                    let outcome = read_checksum(file);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((at, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(at, _)| *at);
    let mut unreadable = Vec::new();
    let checksums = outcomes.into_iter().zip(files).map(|((_, outcome), file)| match outcome {
        Ok(crc) => Some(crc),
        Err(reason) => {
            unreadable.push(LeftOut { path: file.path.display().to_string(), reason });
            None
        }
    });
    (checksums.collect(), unreadable)
}

fn read_checksum(file: &File) -> Result<u32, String> {
    let mut source = fs::File::open(&file.path).map_err(|e| e.to_string())?;
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; READ_BUFFER_BYTES.min(usize::try_from(file.size).unwrap_or(READ_BUFFER_BYTES).max(1))];
    let mut size = 0_u64;
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                size += n as u64;
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.to_string()),
        }
    }
    if size == file.size { Ok(hasher.finalize()) } else { Err("changed while it was read".to_owned()) }
}

//! The migrations of services: the next one of the catalogue's entities, and checks of all.

use std::path::{Path, PathBuf};
use std::{fs, io};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::services;

const ICAT_MIGRATIONS: &str = "services/icat/migrations";

/// Migrations that databases have run. A change of one would not reach them.
const FROZEN: [(&str, &str); 1] = [(
    "services/icat/migrations/0001_entities.sql",
    "6ac04320d6bb550583d9ac24a9af051b63dbb5c9ceb8e1a968c58130d940ff9e",
)];

/// The path of the next migration of the entities, and the line that adds it to the list of migrations.
pub fn next_entity_migration(root: &Path) -> io::Result<(String, String)> {
    let last = list_migrations(&root.join(ICAT_MIGRATIONS))?.iter().filter_map(|file| migration_version(file)).max();
    let version = last.unwrap_or_default() + 1;
    let file = format!("{version:04}_entities.sql");
    let line = format!(
        "Migration {{ version: {version}, name: \"entities_{version}\", sql: include_str!(\"../migrations/{file}\") }},"
    );
    Ok((format!("{ICAT_MIGRATIONS}/{file}"), line))
}

fn list_migrations(directory: &Path) -> io::Result<Vec<PathBuf>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut files: Vec<PathBuf> = fs::read_dir(directory)?.map(|e| Ok(e?.path())).collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    Ok(files)
}

/// The number at the beginning of the name of a file.
fn migration_version(file: &Path) -> Option<u32> {
    file.file_name()?.to_str()?.split('_').next()?.parse().ok()
}

/// Frozen migrations that were changed, and migrations that no service lists.
pub fn find_breaches(root: &Path) -> io::Result<Vec<String>> {
    let mut breaches = Vec::new();
    for (file, hash) in FROZEN {
        if hash_text(&fs::read_to_string(root.join(file))?) != hash {
            breaches.push(format!("{file} was changed, but existing databases have run it; add a migration instead"));
        }
    }
    for service in services::list_names(root)? {
        let directory = root.join("services").join(&service);
        let source = fs::read_to_string(directory.join("src/lib.rs"))?;
        for file in list_migrations(&directory.join("migrations"))? {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !source.contains(&format!("../migrations/{name}")) {
                breaches.push(format!("services/{service}/src/lib.rs does not list migrations/{name}"));
            }
        }
    }
    Ok(breaches)
}

fn hash_text(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text))
}

//! The facility of the demo: users, rules and files, the same in every run except for passwords.

use std::fs;
use std::path::Path;

use icat::import::{self, OnConflict};
use icat::ingest;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use service_kit::cli::Failure;
use service_kit::{Config, Sources, SystemClock, open_database};

use crate::commands::secret_files;
use crate::progress::Progress;

const FACILITY: &str = include_str!("../../../demo/facility.yaml");
/// The file of all passwords, a line for each account: its name, a blank and the password.
pub const PASSWORDS: &str = "passwords";
const SEED: u64 = 29;
/// Accounts, and their roles.
pub const USERS: [(&str, &str); 5] = [
    ("db/alice", "principal investigator of MX-2417"),
    ("db/bob", "member of MX-2417"),
    ("db/carol", "instrument scientist of ID29"),
    ("db/dan", "outsider"),
    ("simple/root", "administrator"),
];
/// Investigation, path below it, size in bytes.
const FILES: [(&str, &str, usize); 6] = [
    ("MX-2417", "scan-001/frames.h5", 32 << 20),
    ("MX-2417", "scan-001/header.json", 2_000),
    ("MX-2417", "scan-001/logs/beam.csv", 40_000),
    ("MX-2417", "scan-002/frames.h5", 1 << 20),
    ("MX-2417", "align/position.txt", 300),
    ("MX-1001", "calibration/powder.dat", 100_000),
];

/// Each step can be repeated after a crash. The file of passwords is written last, and marks the facility as complete.
pub async fn generate_facility(settings: &Config, dir: &Path) -> Result<(), Failure> {
    let root = dir.join("files");
    let mut random = StdRng::seed_from_u64(SEED);
    for (investigation, path, size) in FILES {
        let path = root.join(investigation).join(path);
        let mut bytes = vec![0; size];
        random.fill_bytes(&mut bytes);
        let parent = path.parent().unwrap_or(&root);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, &bytes))
            .map_err(|e| secret_files::file_error(&path, &e))?;
    }
    let db = open_database(&icat::SERVICE, settings, &SystemClock).await?;
    let dump = import::Dump::from_text(FACILITY);
    let options =
        import::ImportOptions { user_name: "simple/root".to_owned(), on_conflict: OnConflict::Fail, dry_run: false };
    import::import_dump(&db, &icat::Config::from_settings(settings)?, &Sources::default(), &dump, &options, |_| ())
        .await
        .map_err(|e| Failure::from_error(&e))?;
    let progress = Progress::new("cataloguing");
    for investigation in ["MX-2417", "MX-1001"] {
        let options = ingest::Options {
            directory: root.join(investigation),
            storage_root: root.clone(),
            other_storages: Vec::new(),
            investigation: investigation.to_owned(),
            visit: None,
            facility: None,
            create: None,
            dataset_type: "raw".to_owned(),
            repoint: false,
            also_elsewhere: false,
            hidden: false,
            forget_gone: false,
            most_may_be_gone: false,
            dry_run: false,
            jobs: 2,
            user_name: "simple/root".to_owned(),
        };
        ingest::ingest_directory(&db, &Sources::default(), &options, &|done, total| {
            progress.show_progress(done, total);
        })
        .await
        .map_err(|e| Failure::from_error(&e))?;
    }
    drop(progress);
    db.close().await;
    create_accounts(settings, dir).await
}

async fn create_accounts(settings: &Config, dir: &Path) -> Result<(), Failure> {
    let accounts = auth::open_accounts(settings, &Sources::default()).await.map_err(|e| Failure::from_error(&e))?;
    let mut lines = String::new();
    for (name, _) in USERS {
        let account = accounts.parse_name(name).map_err(|e| Failure::from_error(&e))?;
        let password = secret_files::random_password();
        accounts.create_account_or_set_password(&account, &password).await.map_err(|e| Failure::from_error(&e))?;
        lines.extend([name, " ", &password, "\n"]);
    }
    accounts.close().await;
    secret_files::write_private(&dir.join(PASSWORDS), &lines)
}

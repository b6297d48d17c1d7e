//! `undulator demo`: a facility with users, rules and real files, the same in every run but for the passwords.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use auth::AccountName;
use icat::import::{self, OnConflict};
use icat::ingest;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use service_kit::{Config, Endpoints, Ids as _, Sources, SystemClock, SystemIds, open_database};

use crate::SERVICES;
use crate::cli::Demo;
use crate::progress::Progress;
use service_kit::cli::Failure;

const FACILITY: &str = include_str!("../../demo/facility.yaml");
const SEED: u64 = 29;
const USERS: [(&str, &str); 5] = [
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

pub async fn run(settings: &Config, options: &Demo) -> Result<(), Failure> {
    let dir = &options.dir;
    let settings = settings
        .with("data_dir", dir.join("databases"))?
        .with("storage.main.url", dir.join("files"))?
        .with("identity.administrators", ["simple/root"])?;
    let passwords = dir.join("passwords");
    if !passwords.is_file() {
        generate(&settings, dir).await?;
    }
    if options.generate_only {
        return Ok(());
    }
    let text = fs::read_to_string(&passwords).map_err(|e| unusable(&passwords, &e))?;
    let telemetry = service_kit::telemetry::init(&settings.core.log, "undulator", &settings.core.site)?;
    let outcome = service_kit::serve(SERVICES, &settings, |endpoints| introduce(&endpoints, &text)).await;
    telemetry.shutdown();
    Ok(outcome?)
}

fn unusable(path: &Path, e: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot use {}: {e}", path.display()))
}

/// Passwords are written last: they say that the facility is complete. Each step can be repeated after a crash.
async fn generate(settings: &Config, dir: &Path) -> Result<(), Failure> {
    let root = dir.join("files");
    let mut random = StdRng::seed_from_u64(SEED);
    for (investigation, path, size) in FILES {
        let path = root.join(investigation).join(path);
        let mut bytes = vec![0; size];
        random.fill_bytes(&mut bytes);
        let parent = path.parent().unwrap_or(&root);
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, &bytes)).map_err(|e| unusable(&path, &e))?;
    }
    let db = open_database(&icat::SERVICE, settings, &SystemClock).await?;
    let records = import::parse(FACILITY).map_err(|e| Failure::of(&e))?;
    let options =
        import::Options { user_name: "simple/root".to_owned(), on_conflict: OnConflict::Fail, dry_run: false };
    import::run(&db, &icat::Config::read(settings)?, &Sources::default(), &records, &options, |_| ())
        .await
        .map_err(|e| Failure::of(&e))?;
    let progress = Progress::new("cataloguing");
    for investigation in ["MX-2417", "MX-1001"] {
        let options = ingest::Options {
            directory: root.join(investigation),
            storage_root: root.clone(),
            investigation: investigation.to_owned(),
            visit: None,
            facility: None,
            dataset_type: "raw".to_owned(),
            jobs: 2,
            user_name: "simple/root".to_owned(),
        };
        ingest::run(&db, &Sources::default(), &options, &|done, total| progress.show(done, total))
            .await
            .map_err(|e| Failure::of(&e))?;
    }
    drop(progress);
    db.close().await;
    accounts(settings, dir).await
}

async fn accounts(settings: &Config, dir: &Path) -> Result<(), Failure> {
    let mechanisms = auth::Config::read(settings)?.local_mechanisms;
    let db = open_database(&auth::SERVICE, settings, &SystemClock).await?;
    let mut lines = String::new();
    for (name, _) in USERS {
        let account = AccountName::parse(name, &mechanisms).map_err(|e| Failure::of(&e))?;
        let password = SystemIds.random_uuid().simple().to_string()[..16].to_owned();
        auth::accounts::set_password(&db, &account, &password, &SystemClock).await.map_err(|e| Failure::of(&e))?;
        lines.extend([name, " ", &password, "\n"]);
    }
    db.close().await;
    let path = dir.join("passwords");
    let draft = dir.join("passwords.new");
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, &path));
    written.map_err(|e| unusable(&path, &e))
}

/// What to do next, for people; on stdout, so that the log does not hide it.
fn introduce(endpoints: &Endpoints, passwords: &str) {
    let url = format!("http://{}", endpoints.public);
    println!("\nThe Sunrise Light Source is open at {url}\n");
    println!("  {:<14} {:<18} who", "login", "password");
    for line in passwords.lines() {
        let (name, password) = line.split_once(' ').unwrap_or((line, ""));
        let who = USERS.iter().find(|(user, _)| *user == name).map_or("", |(_, who)| who);
        println!("  {name:<14} {password:<18} {who}");
    }
    let alice = passwords.lines().find_map(|line| line.strip_prefix("db/alice ")).unwrap_or_default();
    println!(
        "\nTry it:\n\
         \n  SID=$(curl -s {url}/icat/session --data-urlencode \\\n\
         \x20     'json={{\"plugin\":\"db\",\"credentials\":[{{\"username\":\"alice\"}},{{\"password\":\"{alice}\"}}]}}' | cut -d'\"' -f4)\n\
         \n  curl -sG {url}/icat/entityManager -d sessionId=$SID \\\n\
         \x20     --data-urlencode 'query=SELECT f.id, f.name, f.fileSize FROM Datafile f ORDER BY f.id'\n\
         \n  curl -sG {url}/ids/getData -d sessionId=$SID -d datafileIds=ID -o file\n\
         \nStop with Ctrl-C.\n"
    );
}

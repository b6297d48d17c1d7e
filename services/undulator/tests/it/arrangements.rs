//! The same flow through four arrangements of the same services: what a user sees does not depend on who runs where.

use service_kit::ServiceDef;
use tempfile::TempDir;
use testkit::{Backend, Nats, Process, postgres_url, probe};

use crate::flow::{Addresses, run_user_flow};
use crate::processes::{build_client, build_process, create_root};

const ALL: [ServiceDef; 4] = [auth::SERVICE, download::SERVICE, icat::SERVICE, probe::SERVICE];

/// A directory for files, which must be there when download starts.
pub fn storage_settings(dir: &TempDir) -> String {
    let files = dir.path().join("files");
    std::fs::create_dir(&files).unwrap();
    format!("[storage.main]\nurl = \"{}\"\n", files.display())
}

pub async fn database_settings(backend: &Backend) -> String {
    format!("[database]\nurl = \"{}\"\n", backend.new_url().await)
}

/// Where other processes find auth and the catalogue.
pub fn service_settings(auth: &Process, icat: &Process) -> String {
    format!(
        "[icat]\nurl = \"{}\"\n[identity]\nauth_url = \"{}\"\njwks_url = \"{}/.well-known/jwks.json\"\n",
        icat.public(),
        auth.internal(),
        auth.public()
    )
}

/// Who the catalogue asks when somebody logs in.
pub fn authenticator_settings(auth: &Process) -> String {
    format!("[catalogue]\nauthn = [{{ mnemonic = \"simple\", url = \"{}\" }}]\n", auth.internal())
}

async fn run_in_one_process(name: &str, backend: &Backend) {
    let (dir, http) = (TempDir::new().unwrap(), build_client());
    let mut all = build_process("all", &ALL, dir.path());
    all.configure(&format!("{}{}", storage_settings(&dir), database_settings(backend).await));
    create_root(&all.config(&ALL)).await;
    all.start(&http).await;
    let everywhere = all.public();
    let addresses = Addresses {
        auth: everywhere.clone(),
        icat: everywhere.clone(),
        download: everywhere.clone(),
        probe: everywhere,
    };
    run_user_flow(name, &http, &addresses, &dir.path().join("files")).await;
    all.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_on_sqlite() {
    run_in_one_process("one process, SQLite, memory", &Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_on_postgresql() {
    let Some(server) = postgres_url() else { return };
    run_in_one_process("one process, PostgreSQL, memory", &Backend::Postgres(server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_with_postgresql_and_nats() {
    let backend = postgres_url().map_or(Backend::Sqlite, Backend::Postgres);
    let (dir, http, nats) = (TempDir::new().unwrap(), build_client(), Nats::start().await);
    let shared = format!("{}{}", database_settings(&backend).await, nats.settings());
    let mut auth = build_process("auth", &[auth::SERVICE], dir.path());
    let mut icat = build_process("icat", &[icat::SERVICE], dir.path());
    let mut download = build_process("download", &[download::SERVICE, probe::SERVICE], dir.path());
    auth.configure(&format!("{shared}{}", service_settings(&auth, &icat)));
    icat.configure(&format!("{shared}{}", authenticator_settings(&auth)));
    download.configure(&format!("{shared}{}{}", service_settings(&auth, &icat), storage_settings(&dir)));
    create_root(&auth.config(&ALL)).await;
    for process in [&mut auth, &mut icat, &mut download] {
        process.start(&http).await;
    }
    let addresses =
        Addresses { auth: auth.public(), icat: icat.public(), download: download.public(), probe: download.public() };
    run_user_flow("three processes, PostgreSQL, NATS", &http, &addresses, &dir.path().join("files")).await;
    for process in [&mut download, &mut auth, &mut icat] {
        process.stop();
    }
}

/// As a facility would that has an ICAT and takes only the download service.
#[tokio::test(flavor = "multi_thread")]
async fn download_alone_beside_a_catalogue_elsewhere() {
    let (dir, elsewhere, http) = (TempDir::new().unwrap(), TempDir::new().unwrap(), build_client());
    let mut catalogue = build_process("catalogue", &[auth::SERVICE, icat::SERVICE, probe::SERVICE], elsewhere.path());
    catalogue.configure("");
    let mut download = build_process("download", &[download::SERVICE], dir.path());
    download.configure(&format!("{}{}", service_settings(&catalogue, &catalogue), storage_settings(&dir)));
    create_root(&catalogue.config(&ALL)).await;
    catalogue.start(&http).await;
    download.start(&http).await;
    let addresses = Addresses {
        auth: catalogue.public(),
        icat: catalogue.public(),
        download: download.public(),
        probe: catalogue.public(),
    };
    run_user_flow("download alone, SQLite", &http, &addresses, &dir.path().join("files")).await;
    download.stop();
    catalogue.stop();
}

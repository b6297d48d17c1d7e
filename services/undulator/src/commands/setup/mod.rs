//! `undulator setup`: creates a facility from a few answers, without a dump of another catalogue.
//!
//! It can be repeated: it adds what is missing, keeps what exists, and reports what differs. Settings of a facility in
//! other directories, and a catalogue of another facility, are refused. A dry run comes first, so that an invalid
//! answer is refused before anything is created. The settings are written last, so that an interrupted setup can be
//! repeated.

mod accounts;
mod answers;
mod catalogue;
mod configuration;
mod directories;
mod questions;
mod report;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use service_kit::cli::{self, Failure, format_count, print_result};
use service_kit::db::Target;
use service_kit::{Clock as _, Config, SystemClock, sha256_hex};

use self::accounts::{AdministratorPassword, FirstAccounts};
use self::answers::Answers;
use self::configuration::{ApiKey, SettingsFile};
use self::directories::Directories;
use self::report::{NewApiKey, Report};
use super::catalogue::{Catalogue, OnConflict};
use super::secret_files::{self, file_error};
use crate::cli::Setup;
use crate::services::SERVICES;

/// The file that keeps the answers for the next run.
const ANSWERS: &str = "facility.toml";
const SETTINGS: &str = "undulator.toml";
/// The mechanism of the users of keys; nobody can log in with it.
const PROGRAMS: &str = "beamline";

pub async fn run_setup(config: Option<PathBuf>, options: Setup, json: bool) -> Result<(), Failure> {
    let settings_file = config.unwrap_or_else(|| PathBuf::from(SETTINGS));
    let mut report = Report { dry_run: options.dry_run, settings_file: settings_file.clone(), ..Report::default() };
    let may_ask = options.file.is_none() && !options.dry_run;
    let settings_dir = settings_file.parent().unwrap_or(Path::new(""));
    let kept_answers = settings_dir.join(ANSWERS);
    let (answers, told) = match &options.file {
        Some(file) => (Answers::load(file)?, None),
        None => ask_answers(&kept_answers)?,
    };
    let directories = Directories::new(&answers, settings_dir)?;
    report.set_directories(&directories);

    let known = read_settings(&settings_file)?;
    let mut file = SettingsFile::parse(known.as_deref())
        .map_err(|e| Failure::Usage(format!("{}: {e}", settings_file.display())))?;
    ensure_settings(&mut file, &answers, &directories)?;
    if file.is_elsewhere() {
        report.conflicts = render_conflicts(&file, &settings_file);
        return print_report(&report, json);
    }
    report.api_keys = create_api_keys(&mut file, &answers)?;
    if options.dry_run {
        // The next run will create other keys.
        report.api_keys.iter_mut().for_each(|key| key.key.clear());
    }
    let settings = load_settings(&file, &settings_file)?;
    directories.require_creatable(&settings_file)?;

    let setup_run = SetupRun { answers: &answers, directories: &directories, settings: &settings };
    let password_file = answers.administrator.password_file.as_ref().map(|file| settings_dir.join(file));
    let password = AdministratorPassword::new(password_file.as_deref(), may_ask);
    let mut rehearsal = Report { dry_run: true, ..report.clone() };
    setup_run.run(&password, &mut rehearsal).await?;
    if options.dry_run {
        report = rehearsal;
    } else {
        if let Some(told) = told.filter(|_| file.conflicts().is_empty() && !rehearsal.has_conflicts()) {
            secret_files::replace_text(&kept_answers, &told)?;
            report.done.push(format!("stored the answers in {}", kept_answers.display()));
        }
        setup_run.run(&password, &mut report).await?;
    }
    write_settings(&file, &settings_file, &mut report)?;
    print_report(&report, json)
}

/// Sets up everything but the settings file.
struct SetupRun<'s> {
    answers: &'s Answers,
    directories: &'s Directories,
    settings: &'s Config,
}

impl SetupRun<'_> {
    /// Creates directories, accounts and rows of the catalogue; with a report of a dry run, it changes nothing.
    async fn run(&self, password: &AdministratorPassword<'_>, report: &mut Report) -> Result<(), Failure> {
        let Self { answers, directories, settings } = self;
        create_directories(directories, report)?;
        let scratch = tempfile::tempdir().map_err(|e| Failure::from_error(&e))?;
        let is_dry_run = report.dry_run;
        let dry_settings = |service| dry_run_settings(settings, service, scratch.path(), is_dry_run);
        let accounts = FirstAccounts::open(&dry_settings(&auth::SERVICE).await?, &directories.secrets_dir).await?;
        let ensured = async {
            accounts.ensure_administrator(&answers.administrator.account, password, report).await?;
            accounts.ensure_reader(&answers.reader.account, report).await
        };
        let ensured = ensured.await;
        // Also after an error, so that no log files of the database are left.
        accounts.close().await;
        ensured?;

        let administrator = answers.administrator.account.clone();
        let catalogue = Catalogue::open(&dry_settings(&icat::SERVICE).await?, Some(administrator)).await?;
        let changed = catalogue
            .change_rows(OnConflict::Report, is_dry_run, async |rows| catalogue::ensure_facility(rows, answers).await)
            .await;
        catalogue.close().await;
        report.catalogue = changed?;
        Ok(())
    }
}

/// Asks on the terminal, and proposes the answers of the last run. The text is to be stored for the next run; `None` if
/// it is stored already.
fn ask_answers(file: &Path) -> Result<(Answers, Option<String>), Failure> {
    let before = if file.is_file() { Answers::load(file)? } else { Answers::default_answers() };
    let answers = questions::ask_answers(before.clone())?;
    let text = toml::to_string(&answers).map_err(|e| Failure::from_error(&e))?;
    // The same checks as for a file.
    let answers = Answers::parse(&text).map_err(Failure::Usage)?;
    let head = "# The answers given to `undulator setup`. `undulator setup --file facility.toml` uses them again.\n\n";
    let told = (!file.is_file() || answers != before).then(|| format!("{head}{text}"));
    Ok((answers, told))
}

fn read_settings(file: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => {
            // An invalid file is refused before anything is created.
            cli::load_with_unreadable_secrets(SERVICES, Some(file.to_owned()))?;
            Ok(Some(text))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(file_error(file, &e)),
    }
}

fn ensure_settings(file: &mut SettingsFile, answers: &Answers, directories: &Directories) -> Result<(), Failure> {
    let site = answers.facility.full_name.as_ref().unwrap_or(&answers.facility.name);
    let administrator = &answers.administrator.account;
    file.ensure_setting(&[], "site", site)?;
    let ensure_directory = |file: &mut SettingsFile, section: &[&str], key, start: &str, place: &Path| {
        let text = format!("{start}{}", path_to_text(place)?);
        file.ensure_directory(section, key, &text, |known| directories.is_same(known, place))
    };
    ensure_directory(file, &[], "data_dir", "", &directories.data_dir)?;
    ensure_directory(file, &["storage", "main"], "url", "file://", &directories.storage)?;
    file.refuse_given(&["icat"], "reader")?;
    ensure_directory(file, &["icat"], "reader_file", "", &directories.secrets_dir.join(accounts::READER))?;
    file.ensure_listed(&["catalogue"], "root_user_names", administrator)?;
    // The preset rules need these settings.
    for reach in ["conditions", "public_tables", "join_rules"] {
        file.ensure_setting(&["catalogue", "authorization"], reach, "strict")?;
    }
    file.ensure_listed(&["identity"], "administrators", administrator)
}

fn path_to_text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().ok_or_else(|| Failure::Usage(format!("{} is not valid UTF-8", path.display())))?;
    Ok(text.to_owned())
}

/// Creates a key for each instrument without one.
fn create_api_keys(file: &mut SettingsFile, answers: &Answers) -> Result<Vec<NewApiKey>, Failure> {
    let days = i64::from(answers.api_keys.valid_days);
    let lifetime = jiff::SignedDuration::from_hours(24 * days);
    let expires =
        SystemClock.now().checked_add(lifetime).map_err(|e| Failure::Usage(format!("api_keys.valid_days: {e}")))?;
    let expires = expires.strftime("%Y-%m-%dT00:00:00Z").to_string();
    let mut keys = Vec::new();
    for instrument in answers.instruments.iter().filter(|instrument| instrument.api_key) {
        let name = &instrument.name;
        if file.check_api_key(name, name)? {
            continue;
        }
        let key = secret_files::random_key();
        let (sha256, user) = (sha256_hex(&key), format!("{PROGRAMS}/{name}"));
        file.add_api_key(&ApiKey { name, sha256: &sha256, user: &user, instrument: name, expires: &expires })?;
        keys.push(NewApiKey { instrument: name.clone(), key, expires: expires.clone() });
    }
    Ok(keys)
}

/// Loads the new settings without the password of the reader, which need not exist yet.
fn load_settings(file: &SettingsFile, settings_file: &Path) -> Result<Config, Failure> {
    let scratch = tempfile::Builder::new().suffix(".toml").tempfile().map_err(|e| Failure::from_error(&e))?;
    fs::write(scratch.path(), file.render_text_without("icat", "reader_file"))
        .map_err(|e| file_error(scratch.path(), &e))?;
    cli::load_config(SERVICES, Some(scratch.path().to_owned())).map_err(|e| match e {
        Failure::Config(e) => {
            let text =
                e.to_string().replace(&scratch.path().display().to_string(), &settings_file.display().to_string());
            Failure::Config(service_kit::ConfigError(text))
        }
        other => other,
    })
}

fn create_directories(directories: &Directories, report: &mut Report) -> Result<(), Failure> {
    for (path, is_private) in
        [(&directories.storage, false), (&directories.data_dir, true), (&directories.secrets_dir, true)]
    {
        if path.is_dir() {
            continue;
        }
        if !report.dry_run {
            if is_private {
                secret_files::create_private_dir(path)?;
            } else {
                fs::create_dir_all(path).map_err(|e| file_error(path, &e))?;
            }
        }
        report.done.push(format!("created the directory {}", path.display()));
    }
    Ok(())
}

/// The settings of a dry run: the existing database, or an empty one in a temporary directory.
async fn dry_run_settings(
    settings: &Config,
    service: &service_kit::ServiceDef,
    scratch: &Path,
    is_dry_run: bool,
) -> Result<Config, Failure> {
    if !is_dry_run {
        return Ok(settings.clone());
    }
    let elsewhere = || settings.with_setting("data_dir", scratch)?.with_setting("database.url", "sqlite");
    let target = Target::from_config(&settings.core.database, &settings.core.data_dir, service.name);
    if let Target::Sqlite(file) = target.map_err(|e| Failure::from_error(&e))?
        && !file.is_file()
    {
        return Ok(elsewhere()?);
    }
    let as_it_is = settings.with_setting("database.migrate", "never")?;
    let db = service_kit::open_database(service, &as_it_is, &SystemClock).await?;
    let missing = db.migration_plan(service.migrations).await.map_err(|e| Failure::from_error(&e))?;
    db.close().await;
    Ok(if missing.is_empty() { as_it_is } else { elsewhere()? })
}

fn render_conflicts(file: &SettingsFile, path: &Path) -> Vec<String> {
    file.conflicts().iter().map(|conflict| format!("{}: {conflict}", path.display())).collect()
}

fn write_settings(file: &SettingsFile, path: &Path, report: &mut Report) -> Result<(), Failure> {
    report.conflicts.extend(render_conflicts(file, path));
    if file.added().is_empty() {
        return Ok(());
    }
    if !report.dry_run {
        secret_files::replace_text(path, &file.render_text())?;
    }
    report.is_new_facility = file.is_new();
    report.needs_restart |= !file.is_new();
    if file.is_new() {
        report.done.push(format!("written {}", path.display()));
    } else {
        report.done.extend(file.added().iter().map(|setting| format!("added to {}: {setting}", path.display())));
    }
    Ok(())
}

fn print_report(report: &Report, json: bool) -> Result<(), Failure> {
    print_result(json, report, &report.render_text())?;
    let conflicts: Vec<&String> = report.all_conflicts().collect();
    for conflict in &conflicts {
        eprintln!("left as it is: {conflict}");
    }
    match conflicts.len() {
        0 => Ok(()),
        n => {
            let differ = if n == 1 { "differs" } else { "differ" };
            let text = format!("{} {differ} from what is there, which was left as it is", format_count(n, "answer"));
            Err(Failure::Failed(text))
        }
    }
}

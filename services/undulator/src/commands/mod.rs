//! One file per command.

mod auth;
mod config;
mod demo;
mod icat_import;
mod icat_ingest;
mod migrate;
mod serve;

use std::path::{Path, PathBuf};

use serde::Serialize;
use service_kit::{Config, ServiceDef};

use crate::SERVICES;
use crate::cli::{AuthCommand, Cli, Command, ConfigCommand, IcatCommand};
use crate::failure::Failure;

pub async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { config, json, command } = cli;
    let settings = load(config)?;
    match command {
        Command::Serve { services } => serve::run(&settings, &services).await,
        Command::Demo(options) => demo::run(&settings, &options).await,
        Command::Config(ConfigCommand::Check) => config::check(&settings),
        Command::Migrate { services } => migrate::run(&settings, &services, json).await,
        Command::Icat(IcatCommand::Import { file, dry_run, on_conflict, user }) => {
            icat_import::run(&settings, &file, dry_run, &on_conflict, user, json).await
        }
        Command::Icat(IcatCommand::Ingest(options)) => icat_ingest::run(&settings, options, json).await,
        Command::Auth(AuthCommand::AddUser { account, password_file }) => {
            auth::add_user(&settings, &account, &password_file, json).await
        }
    }
}

/// Settings of all services, checked as a whole, whichever of them will run.
fn load(file: Option<PathBuf>) -> Result<Config, Failure> {
    let here = Path::new("undulator.toml");
    let file = file.or_else(|| here.is_file().then(|| here.to_owned()));
    let defaults: Vec<&str> = SERVICES.iter().map(|service| service.default_toml).collect();
    let config = Config::load(&defaults, file.as_deref())?;
    for service in SERVICES {
        (service.check)(&config)?;
    }
    Ok(config)
}

/// The named services, or all.
fn chosen(names: &[String]) -> Result<Vec<ServiceDef>, Failure> {
    let known: Vec<&str> = SERVICES.iter().map(|service| service.name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::Usage(format!("there is no service {unknown}; there are {}", known.join(", "))));
    }
    Ok(SERVICES.into_iter().filter(|s| names.is_empty() || names.iter().any(|name| name == s.name)).collect())
}

/// The result of a command: JSON for programs, a sentence for people.
fn result(json: bool, value: &impl Serialize, sentence: &str) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string(value).map_err(|e| Failure::of(&e))?);
    } else {
        println!("{sentence}");
    }
    Ok(())
}

/// Who is recorded as the creator of rows that a command makes.
fn creator(settings: &Config, given: Option<String>) -> Result<String, Failure> {
    let roots = icat::Config::read(settings)?.root_user_names;
    given
        .or_else(|| roots.into_iter().next())
        .ok_or_else(|| Failure::Usage("say --as USER, or list somebody in catalogue.root_user_names".to_owned()))
}

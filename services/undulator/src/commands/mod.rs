//! One file per command.

mod auth;
mod demo;
mod events;
mod get;
mod icat_import;
mod icat_ingest;
mod logbook;

use service_kit::Config;
use service_kit::cli::{self, Failure, Options};

use crate::SERVICES;
use crate::cli::{AuthCommand, Cli, Command, EventsCommand, IcatCommand, LogbookCommand};

pub async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { options: Options { config, json }, command } = cli;
    // Whoever downloads or checks an export runs no service, and needs none of its settings.
    let command = match command {
        Command::Get(options) => return get::run(*options, json).await,
        Command::Logbook(LogbookCommand::Verify(options)) => return logbook::verify(&options, json).await,
        other => other,
    };
    let settings = cli::load(SERVICES, config)?;
    match command {
        Command::Get(_) | Command::Logbook(_) => Ok(()),
        Command::Shared(command) => cli::run(command, SERVICES, &settings, json).await,
        Command::Demo(options) => demo::run(&settings, &options).await,
        Command::Icat(IcatCommand::Import { file, dry_run, on_conflict, user }) => {
            icat_import::run(&settings, &file, dry_run, &on_conflict, user, json).await
        }
        Command::Icat(IcatCommand::Ingest(options)) => icat_ingest::run(&settings, options, json).await,
        Command::Events(EventsCommand::Tail) => events::tail(&settings, json).await,
        Command::Events(EventsCommand::Dead) => events::dead(&settings, json).await,
        Command::Events(EventsCommand::Retry) => events::retry(&settings, json).await,
        Command::Auth(AuthCommand::AddUser { account, password_file }) => {
            auth::add_user(&settings, &account, password_file.as_deref(), json).await
        }
    }
}

/// Who is recorded as the creator of rows that a command makes.
fn creator(settings: &Config, given: Option<String>) -> Result<String, Failure> {
    let roots = icat::Config::read(settings)?.root_user_names;
    given
        .or_else(|| roots.into_iter().next())
        .ok_or_else(|| Failure::Usage("say --as USER, or list somebody in catalogue.root_user_names".to_owned()))
}

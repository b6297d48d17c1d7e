//! One file per command.

mod auth;
mod catalogue;
mod demo;
mod events;
mod get;
mod icat_export;
mod icat_import;
mod icat_ingest;
mod logbook;
mod secret_files;
mod setup;

use service_kit::cli::{self, Failure, Options};
use service_kit::{Config, require_any_database, require_database};

use crate::SERVICES;
use crate::cli::{
    AuthCommand, Cli, Command, EventsCommand, IcatCommand, InstrumentCommand, InvestigationCommand, LogbookCommand,
};

pub async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { options: Options { config, json }, command } = cli;
    // Whoever downloads or checks an export runs no service, and needs none of its settings.
    let command = match command {
        Command::Get(options) => return get::run(*options, json).await,
        Command::Logbook(LogbookCommand::Verify(options)) => return logbook::verify(&options, json).await,
        // It makes the settings.
        Command::Setup(options) => return setup::run(config, options, json).await,
        other => other,
    };
    let settings = match &command {
        Command::Shared(command) => cli::load_config_for(command, SERVICES, config)?,
        _ => cli::load_config(SERVICES, config)?,
    };
    require_databases(&command, &settings).await?;
    match command {
        Command::Get(_) | Command::Logbook(_) | Command::Setup(_) => Ok(()),
        Command::Shared(command) => cli::run_command(command, SERVICES, &settings, json).await,
        Command::Demo(options) => demo::run(&settings, &options).await,
        Command::Icat(IcatCommand::Import { file, dry_run, on_conflict, user }) => {
            icat_import::run(&settings, &file, dry_run, &on_conflict, user, json).await
        }
        Command::Icat(IcatCommand::Export { file, format }) => icat_export::run(&settings, &file, &format, json).await,
        Command::Icat(IcatCommand::Ingest(options)) => icat_ingest::run(&settings, options, json).await,
        Command::Icat(IcatCommand::Investigation(InvestigationCommand::Add(options))) => {
            catalogue::add_investigation(&settings, options, json).await
        }
        Command::Icat(IcatCommand::Investigation(InvestigationCommand::List)) => {
            catalogue::list_investigations(&settings, json).await
        }
        Command::Icat(IcatCommand::Investigation(InvestigationCommand::Show(name))) => {
            catalogue::show_investigation(&settings, name, json).await
        }
        Command::Icat(IcatCommand::Instrument(InstrumentCommand::Add(options))) => {
            catalogue::add_instrument(&settings, options, json).await
        }
        Command::Icat(IcatCommand::Grant(options)) => catalogue::grant(&settings, options, json).await,
        Command::Icat(IcatCommand::Revoke(options)) => catalogue::revoke(&settings, options, json).await,
        Command::Events(EventsCommand::Tail) => events::tail(&settings, json).await,
        Command::Events(EventsCommand::Dead) => events::dead(&settings, json).await,
        Command::Events(EventsCommand::Retry) => events::retry(&settings, json).await,
        Command::Auth(AuthCommand::AddUser(options)) => auth::add_user(&settings, &options, json).await,
        Command::Auth(AuthCommand::User(command)) => auth::run(&settings, command, json).await,
    }
}

/// Refuses to administer what is not there, so that a command in the wrong directory makes no empty facility in it.
async fn require_databases(command: &Command, settings: &Config) -> Result<(), Failure> {
    match command {
        // A dump may be all that a new facility has.
        Command::Icat(IcatCommand::Import { .. }) => Ok(()),
        Command::Icat(_) => Ok(require_database(&icat::SERVICE, settings).await?),
        Command::Auth(_) => Ok(require_database(&::auth::SERVICE, settings).await?),
        Command::Events(EventsCommand::Dead | EventsCommand::Retry) => {
            Ok(require_any_database(SERVICES, settings).await?)
        }
        _ => Ok(()),
    }
}

/// Who is recorded as the creator of rows that a command makes.
fn creator(settings: &Config, given: Option<String>) -> Result<String, Failure> {
    let roots = icat::Config::from_settings(settings)?.root_user_names;
    given
        .or_else(|| roots.into_iter().next())
        .ok_or_else(|| Failure::Usage("say --as USER, or list somebody in catalogue.root_user_names".to_owned()))
}

//! The commands, one file or folder for each.

mod account_errors;
mod account_import;
mod account_links;
mod api_keys;
mod auth;
mod catalogue;
mod creator;
mod demo;
mod events;
mod find;
mod get;
mod icat_export;
mod icat_import;
mod icat_ingest;
mod logbook;
mod login;
mod login_sessions;
mod passwords;
mod requests;
mod search;
mod secret_files;
mod session;
mod setup;
mod signing_keys;

use service_kit::cli::{self, Failure, Options};
use service_kit::{Config, require_any_database, require_database};

use crate::cli::{
    AuthCommand, Cli, Command, EventsCommand, IcatCommand, InstrumentCommand, InvestigationCommand, KeysCommand,
    LogbookCommand, SearchCommand, UserCommand,
};
use crate::services::SERVICES;

pub async fn run_command(cli: Cli) -> Result<(), Failure> {
    let Cli { options: Options { config, json }, command } = cli;
    // These commands need no service and none of its settings.
    let command = match command {
        Command::Find(options) => return find::run_find(&options, json).await,
        Command::Get(options) => return get::run_get(*options, json).await,
        Command::Login(options) => return login::log_in(&options, json).await,
        Command::Logout(options) => return login::log_out(&options, json).await,
        Command::Whoami(options) => return login::print_user(&options, json).await,
        Command::Token(options) => return login::print_token(&options, json).await,
        Command::Logbook(LogbookCommand::Verify(options)) => return logbook::verify_records(&options, json).await,
        // It creates the settings.
        Command::Setup(options) => return setup::run_setup(config, options, json).await,
        other => other,
    };
    let settings = match &command {
        Command::Shared(command) => cli::load_config_for(command, SERVICES, config)?,
        _ => cli::load_config(SERVICES, config)?,
    };
    require_databases(&command, &settings).await?;
    match command {
        Command::Find(_)
        | Command::Get(_)
        | Command::Login(_)
        | Command::Logout(_)
        | Command::Whoami(_)
        | Command::Token(_)
        | Command::Logbook(_)
        | Command::Setup(_) => Ok(()),
        Command::Shared(command) => cli::run_command(command, SERVICES, &settings, json).await,
        Command::Demo(options) => demo::run_demo(&settings, &options).await,
        Command::Icat(IcatCommand::Import { file, dry_run, on_conflict, user }) => {
            icat_import::import_dump(&settings, &file, dry_run, &on_conflict, user, json).await
        }
        Command::Icat(IcatCommand::Export { file, format }) => {
            icat_export::export_dump(&settings, &file, &format, json).await
        }
        Command::Icat(IcatCommand::Ingest(options)) => icat_ingest::ingest_directory(&settings, options, json).await,
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
        Command::Icat(IcatCommand::Grant(options)) => catalogue::grant_membership(&settings, options, json).await,
        Command::Icat(IcatCommand::Revoke(options)) => catalogue::revoke_membership(&settings, options, json).await,
        Command::Icat(IcatCommand::Verify { repair }) => catalogue::verify_derived_rows(&settings, repair, json).await,
        Command::Search(SearchCommand::Reindex { entities, wait }) => {
            search::reindex_entities(&settings, &entities, wait, json).await
        }
        Command::Search(SearchCommand::Status { rejected }) => search::print_status(&settings, rejected, json).await,
        Command::Search(SearchCommand::RetryRejected) => search::retry_rejected_documents(&settings, json).await,
        Command::Events(EventsCommand::Tail) => events::print_events(&settings, json).await,
        Command::Events(EventsCommand::Dead) => events::list_dead_letters(&settings, json).await,
        Command::Events(EventsCommand::Retry) => events::retry_dead_letters(&settings, json).await,
        Command::Auth(AuthCommand::AddUser(options)) => auth::add_user(&settings, &options, json).await,
        Command::Auth(AuthCommand::Sessions(command)) => {
            login_sessions::run_sessions_command(&settings, command, json).await
        }
        Command::Auth(AuthCommand::User(UserCommand::Link(command))) => {
            account_links::run_link_command(&settings, command, json).await
        }
        Command::Auth(AuthCommand::User(UserCommand::Account(command))) => {
            auth::run_account_command(&settings, command, json).await
        }
        Command::Auth(AuthCommand::Keys(KeysCommand::Rotate { compromised })) => {
            signing_keys::rotate_keys(&settings, compromised, json).await
        }
        Command::Auth(AuthCommand::ApiKey(command)) => api_keys::run_api_key_command(&settings, command, json).await,
    }
}

/// Refuses to administer databases that do not exist, so that a command in the wrong directory does not create them.
async fn require_databases(command: &Command, settings: &Config) -> Result<(), Failure> {
    match command {
        // A new facility can begin with a dump.
        Command::Icat(IcatCommand::Import { .. }) => Ok(()),
        Command::Icat(_) => Ok(require_database(&icat::SERVICE, settings).await?),
        Command::Auth(_) => Ok(require_database(&::auth::SERVICE, settings).await?),
        Command::Search(_) => Ok(require_database(&::search::SERVICE, settings).await?),
        Command::Events(EventsCommand::Dead | EventsCommand::Retry) => {
            Ok(require_any_database(SERVICES, settings).await?)
        }
        _ => Ok(()),
    }
}

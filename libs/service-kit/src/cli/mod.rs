//! The commands that every binary has, the all-in-one as well as that of a single service.

mod db_copy;
mod doctor;
mod failure;
mod format_count;
mod migrate;
mod show;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

pub use self::failure::Failure;
pub use self::format_count::format_count;
use crate::config::{Config, ConfigError, OtherSections, ServiceSettings};
use crate::private_paths::check_storages;
use crate::serve::serve_until_signal;
use crate::service_def::ServiceDef;
use crate::telemetry;

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Settings file; the default is ./undulator.toml if it exists.
    #[arg(long, env = "UNDULATOR_CONFIG", global = true, value_name = "FILE", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Print results as JSON on stdout.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with any set of services.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run the named services, or all services of this program, until SIGTERM.
    Serve {
        /// Names of the services; the default is all.
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
    },
    /// Check the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI document of one service, or of all services together.
    #[expect(clippy::doc_markdown, reason = "it is read in a terminal")]
    Openapi {
        /// Name of the service; the default is all.
        service: Option<String>,
    },
    /// Check everything that the services need, and report problems.
    Doctor,
    /// Migrate the databases of the named services, or of all services.
    Migrate {
        /// Only print the SQL statements that would run.
        #[arg(long)]
        plan: bool,
        /// Names of the services; the default is all.
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
    },
    /// Copy databases.
    #[command(subcommand)]
    Db(DbCommand),
}

#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Check all settings and print them with secrets redacted.
    Check,
}

#[derive(Debug, Clone, Subcommand)]
pub enum DbCommand {
    /// Copy all rows of all services into empty databases: sqlite:DIRECTORY or postgres://…
    Copy {
        /// Source: `sqlite:DIRECTORY` or `postgres://USER:PASSWORD@HOST/DATABASE`
        #[arg(long, value_name = "URL")]
        from: String,
        /// Target, in the same form.
        #[arg(long, value_name = "URL")]
        to: String,
    },
}

/// Runs one of the shared commands.
pub async fn run_command(
    command: Command,
    services: &[ServiceDef],
    settings: &Config,
    json: bool,
) -> Result<(), Failure> {
    match command {
        Command::Serve { services: names } => {
            let services = choose_services(services, &names)?;
            let name = if let [one] = services.as_slice() {
                format!("undulator-{}", one.name)
            } else {
                "undulator".to_owned()
            };
            let running = telemetry::start_telemetry(&settings.core.log, &name, &settings.core.site)?;
            let outcome = serve_until_signal(&services, settings, |_| ()).await;
            running.shutdown();
            Ok(outcome?)
        }
        Command::Config(ConfigCommand::Check) => show::print_settings(settings),
        Command::Openapi { service } => show::print_openapi(services, service.as_deref()),
        Command::Doctor => doctor::run_doctor(services, settings, json).await,
        Command::Migrate { plan: true, services: names } => {
            migrate::print_plan(&choose_services(services, &names)?, settings).await
        }
        Command::Migrate { plan: false, services: names } => {
            migrate::migrate_databases(&choose_services(services, &names)?, settings, json).await
        }
        Command::Db(DbCommand::Copy { from, to }) => {
            db_copy::copy_databases(services, settings, &from, &to, json).await
        }
    }
}

/// Settings of all given services, checked as a whole, whichever of them will run.
pub fn load_config(services: &[ServiceDef], file: Option<PathBuf>) -> Result<Config, Failure> {
    load_by(Config::load, services, &OtherSections::default(), file)
}

/// The same for commands that find out or repair what is wrong: a secret whose file cannot be read counts as not given.
pub fn load_with_unreadable_secrets(services: &[ServiceDef], file: Option<PathBuf>) -> Result<Config, Failure> {
    load_by(Config::load_with_unreadable_secrets, services, &OtherSections::default(), file)
}

/// The settings that a command needs.
pub fn load_config_for(command: &Command, services: &[ServiceDef], file: Option<PathBuf>) -> Result<Config, Failure> {
    load_by(loader_for(command), services, &OtherSections::default(), file)
}

type Load = fn(&[ServiceSettings], &OtherSections, Option<&Path>) -> Result<Config, ConfigError>;

fn loader_for(command: &Command) -> Load {
    match command {
        Command::Doctor => Config::load_with_unreadable_secrets,
        _ => Config::load,
    }
}

fn load_by(
    load: Load,
    services: &[ServiceDef],
    others: &OtherSections,
    file: Option<PathBuf>,
) -> Result<Config, Failure> {
    let here = Path::new("undulator.toml");
    let file = file.or_else(|| here.is_file().then(|| here.to_owned()));
    let settings: Vec<ServiceSettings> = services.iter().map(|service| service.settings).collect();
    let mut config = load(&settings, others, file.as_deref())?;
    for service in services {
        (service.check)(&config)?;
        config.private_files.extend((service.private_paths)(&config)?);
    }
    check_storages(&config)?;
    Ok(config)
}

/// The named services, or all.
fn choose_services(services: &[ServiceDef], names: &[String]) -> Result<Vec<ServiceDef>, Failure> {
    let known: Vec<&str> = services.iter().map(|service| service.name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::Usage(format!("there is no service {unknown}; there are {}", known.join(", "))));
    }
    Ok(services.iter().filter(|s| names.is_empty() || names.iter().any(|name| name == s.name)).copied().collect())
}

/// The result of a command: JSON for programs, a sentence for people.
pub fn print_result(json: bool, value: &impl Serialize, sentence: &str) -> Result<(), Failure> {
    if json {
        print_text(&serde_json::to_string(value).map_err(|e| Failure::from_error(&e))?)
    } else {
        print_text(sentence)
    }
}

/// A line, or several, on stdout. A reader that has seen enough, such as `head`, is no failure.
pub fn print_text(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|e| Failure::from_error(&e)),
    }
}

#[derive(Debug, Parser)]
#[command(version)]
struct Single {
    #[command(flatten)]
    options: Options,
    /// The command; the default is `serve`.
    #[command(subcommand)]
    command: Option<Command>,
}

/// The `main` of a binary with one service. `other_sections` lists the sections of other services that its settings file may
/// have ([`OtherSections::parse`]).
pub fn run_service_binary(service: ServiceDef, other_sections: &str) -> ExitCode {
    let Single { options, command } = Single::parse();
    let default_ports = service.default_ports;
    block_on(async {
        let services = [service];
        let command = command.unwrap_or(Command::Serve { services: Vec::new() });
        let others = OtherSections::parse(other_sections)?;
        let settings = load_by(loader_for(&command), &services, &others, options.config)?;
        let settings = settings.with_default_ports(default_ports)?;
        run_command(command, &services, &settings, options.json).await
    })
}

/// How long the end of a process waits for calls that block.
const HUNG_CALLS: Duration = Duration::from_secs(5);

/// Runs a command to its exit code: 0 done, 1 failed, 2 usage, 3 configuration.
pub fn block_on(command: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("cannot start: {e}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(command);
    // A call into a file system that hangs never ends; the process does.
    runtime.shutdown_timeout(HUNG_CALLS);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

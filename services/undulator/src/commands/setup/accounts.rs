//! The first accounts of a facility: the administrator, and the reader account of the services.

use std::cell::OnceCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use auth::{AccountName, Accounts};
use service_kit::cli::Failure;
use service_kit::{Config, Sources};

use super::report::Report;
use crate::commands::account_errors::to_failure;
use crate::commands::passwords::{ask_new_password, read_first_line};
use crate::commands::secret_files::{self, file_error};

/// The file with `mechanism:name:password` of the reader account.
pub const READER: &str = "icat-reader";
/// The file with the generated password of the administrator.
const ADMINISTRATOR: &str = "administrator";

/// The source of the administrator's password; without one, it is generated.
pub struct AdministratorPassword<'p> {
    file: Option<&'p Path>,
    /// Whether the terminal may be used to ask for it.
    may_ask: bool,
    /// The answer on the terminal; the inner `None` stands for a generated password.
    typed: OnceCell<Option<String>>,
}

impl<'p> AdministratorPassword<'p> {
    pub fn new(file: Option<&'p Path>, may_ask: bool) -> Self {
        Self { file, may_ask, typed: OnceCell::new() }
    }

    /// Asks on the terminal, but only once.
    fn ask_password(&self, account: &str) -> Result<Option<&str>, Failure> {
        if !self.may_ask {
            return Ok(None);
        }
        if let Some(typed) = self.typed.get() {
            return Ok(typed.as_deref());
        }
        let password = ask_new_password(&format!("{account} (Enter makes one up)"))?;
        Ok(self.typed.get_or_init(|| (!password.is_empty()).then_some(password)).as_deref())
    }
}

pub struct FirstAccounts {
    accounts: Accounts,
    secrets_dir: PathBuf,
}

impl FirstAccounts {
    pub async fn open(settings: &Config, secrets_dir: &Path) -> Result<Self, Failure> {
        let accounts = auth::open_accounts(settings, &Sources::default()).await.map_err(to_failure)?;
        Ok(Self { accounts, secrets_dir: secrets_dir.to_owned() })
    }

    pub async fn close(self) {
        self.accounts.close().await;
    }

    /// Creates the administrator's account. An existing account keeps its password.
    pub async fn ensure_administrator(
        &self,
        account: &str,
        password: &AdministratorPassword<'_>,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let name = self.parse_name(account)?;
        if self.account_exists(&name).await? {
            return Ok(());
        }
        let made_up = self.secrets_dir.join(ADMINISTRATOR);
        let (password, origin) = match password.file {
            Some(file) => (read_first_line("password", file)?, format!("password from {}", file.display())),
            None => match password.ask_password(account)? {
                Some(password) => (password.to_owned(), "with the password that was typed".to_owned()),
                None if report.dry_run => (secret_files::random_password(), "asked or made up".to_owned()),
                None => (Self::load_or_create_password(&made_up)?, format!("password in {}", made_up.display())),
            },
        };
        let refused = |e| to_account_failure(account, e);
        self.accounts.check_password(&name, &password).map_err(to_failure).map_err(refused)?;
        if !report.dry_run {
            self.set_password(&name, &password).await?;
        }
        report.done.push(format!("created the account {account} ({origin})"));
        Ok(())
    }

    /// Creates the reader account of the services, whose password is stored only in a file. If the account has another
    /// password, it gets the one of the file, because the services could not log in.
    pub async fn ensure_reader(&self, account: &str, report: &mut Report) -> Result<(), Failure> {
        let name = self.parse_name(account)?;
        let file = self.secrets_dir.join(READER);
        let known = read_if_exists(&file)?;
        let start = format!("{}:{}:", name.mechanism, name.name);
        let password = match &known {
            Some(text) => match text.trim_end().strip_prefix(&start) {
                Some(password) => password.to_owned(),
                None => {
                    return Err(Failure::Failed(format!(
                        "nothing was changed: {} is not for the account {account}",
                        file.display()
                    )));
                }
            },
            None => secret_files::random_password(),
        };
        let is_new = !self.account_exists(&name).await?;
        if known.is_none() {
            if !report.dry_run {
                secret_files::write_private(&file, &format!("{start}{password}\n"))?;
            }
            report.done.push(format!("written {}", file.display()));
        }
        let has_other = !is_new && !self.accounts.has_password(&name, &password).await.map_err(to_failure)?;
        if is_new || has_other {
            if !report.dry_run {
                self.set_password(&name, &password).await?;
            }
            report.done.push(match (is_new, &known) {
                (true, _) => format!("created the account {account}"),
                (false, None) => format!("given a new password to {account}"),
                (false, Some(_)) => {
                    format!("repaired the account {account}: it had not the password in {}", file.display())
                }
            });
            report.needs_restart |= !is_new;
        }
        Ok(())
    }

    /// The password of an interrupted setup, or a new one.
    fn load_or_create_password(file: &Path) -> Result<String, Failure> {
        if let Some(text) = read_if_exists(file)? {
            return Ok(text.trim_end().to_owned());
        }
        let password = secret_files::random_password();
        secret_files::write_private(file, &format!("{password}\n"))?;
        Ok(password)
    }

    fn parse_name(&self, account: &str) -> Result<AccountName, Failure> {
        self.accounts.parse_name(account).map_err(to_failure)
    }

    async fn account_exists(&self, account: &AccountName) -> Result<bool, Failure> {
        let all = self.accounts.list_accounts().await.map_err(to_failure)?;
        Ok(all.iter().any(|known| known.name == *account))
    }

    async fn set_password(&self, account: &AccountName, password: &str) -> Result<(), Failure> {
        let set = self.accounts.create_account_or_set_password(account, password).await;
        set.map(drop).map_err(|e| to_account_failure(&account.to_string(), to_failure(e)))
    }
}

fn to_account_failure(account: &str, e: Failure) -> Failure {
    match e {
        Failure::Usage(text) => Failure::Usage(format!("the account {account} cannot be made: {text}")),
        other => other,
    }
}

fn read_if_exists(file: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(file_error(file, &e)),
    }
}

//! `undulator auth user import`: the accounts of another program.

use auth::{Accounts, ImportedPassword};
use serde_json::json;
use service_kit::cli::{Failure, print_result};

use super::account_errors::to_failure;
use crate::cli::ImportAccounts;

/// Creates the accounts that do not exist. Nothing is created if a line cannot be read.
pub async fn import_accounts(accounts: &Accounts, options: &ImportAccounts, json: bool) -> Result<(), Failure> {
    let ImportAccounts { file, mechanism, clear } = options;
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|e| Failure::Usage(format!("cannot read {}: {e}", file.display())))?;
    let mut parsed = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let place = |text: &str| Failure::Usage(format!("{}:{}: {text}", file.display(), number + 1));
        let (name, rest) = line.split_once(':').ok_or_else(|| place("the line is not NAME:HASH"))?;
        let name = accounts.parse_name(&format!("{mechanism}/{name}")).map_err(|e| place(&e.to_string()))?;
        // A password may contain colons; fields after a hash are those of /etc/shadow.
        let hash = rest.split(':').next().unwrap_or(rest);
        let password = if *clear { ImportedPassword::Clear(rest) } else { ImportedPassword::Hash(hash) };
        password.check_format(&name).map_err(|e| place(&e.to_string()))?;
        parsed.push((name, password));
    }
    let (mut created, mut existing) = (Vec::new(), Vec::new());
    for (name, password) in parsed {
        let is_new = accounts.import_account(&name, password).await.map_err(to_failure)?;
        if is_new { &mut created } else { &mut existing }.push(name.to_string());
    }
    let unchanged = if existing.is_empty() {
        String::new()
    } else {
        format!("; these exist already, and were not changed: {}", existing.join(", "))
    };
    let sentence = format!("created {} accounts{unchanged}", created.len());
    print_result(json, &json!({"created": created, "existing": existing}), &sentence)
}

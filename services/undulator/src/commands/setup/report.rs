//! The result of a setup, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use service_kit::cli::format_count;

use super::directories::Directories;
use crate::commands::catalogue;

#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub dry_run: bool,
    /// Created files, directories and accounts, and added settings.
    pub done: Vec<String>,
    /// Existing values that differ from the answers, and were kept.
    pub conflicts: Vec<String>,
    pub catalogue: catalogue::Report,
    /// New keys of instruments, which are not stored.
    pub api_keys: Vec<NewApiKey>,
    pub settings_file: PathBuf,
    pub storage: PathBuf,
    pub data_dir: PathBuf,
    pub secrets_dir: PathBuf,
    /// Whether the settings file is new.
    pub is_new_facility: bool,
    /// Whether a running server must be restarted.
    pub needs_restart: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct NewApiKey {
    pub instrument: String,
    pub key: String,
    pub expires: String,
}

impl Report {
    pub fn set_directories(&mut self, directories: &Directories) {
        self.storage.clone_from(&directories.storage);
        self.data_dir.clone_from(&directories.data_dir);
        self.secrets_dir.clone_from(&directories.secrets_dir);
    }

    pub fn has_conflicts(&self) -> bool {
        self.all_conflicts().next().is_some()
    }

    pub fn changed_nothing(&self) -> bool {
        self.done.is_empty() && self.api_keys.is_empty() && self.catalogue.created.is_empty()
    }

    /// The conflicts of the settings and of the catalogue.
    pub fn all_conflicts(&self) -> impl Iterator<Item = &String> {
        self.conflicts.iter().chain(&self.catalogue.conflicts)
    }

    pub fn render_text(&self) -> String {
        let mut text = String::new();
        for line in self.done.iter().cloned().chain(self.render_catalogue_line()) {
            // Writing to a String cannot fail.
            let _written = writeln!(text, "{}{line}", if self.dry_run { "would have " } else { "" });
        }
        if self.changed_nothing() {
            let outcome =
                if self.has_conflicts() { "nothing was changed" } else { "nothing to do: everything is there already" };
            let _written = write!(text, "{outcome} (settings: {})", self.settings_file.display());
            return text;
        }
        if !self.api_keys.is_empty() && !self.dry_run {
            text.push_str("\nAPI keys for the programs of instruments. They are shown only now:\n");
            for key in &self.api_keys {
                let _written = writeln!(text, "  {:<12} {}  until {}", key.instrument, key.key, &key.expires[..10]);
            }
        }
        text.push_str(&self.render_next_steps());
        text
    }

    fn render_catalogue_line(&self) -> Option<String> {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &self.catalogue.created {
            *kinds.entry(row.split(' ').next().unwrap_or(row)).or_default() += 1;
        }
        let counts: Vec<String> = kinds.iter().map(|(kind, number)| format_count(*number, kind)).collect();
        (!counts.is_empty()).then(|| format!("created in the catalogue: {}", counts.join(", ")))
    }

    fn render_next_steps(&self) -> String {
        if self.dry_run {
            return "\nNothing was changed. Next: run the same command without --dry-run".to_owned();
        }
        if self.needs_restart {
            return "\nNext: restart the server if it is running, so that it reads the changed settings".to_owned();
        }
        if !self.is_new_facility {
            return String::new();
        }
        format!(
            "\nNext:\n\
             1. catalogue data below {}: undulator icat investigation add NAME, then undulator icat ingest DIR \
             --investigation NAME\n\
             2. add users: undulator auth user add db/NAME, then undulator icat grant db/NAME INVESTIGATION\n\
             3. start: undulator serve (for systemd, see docs/examples/undulator.service; its user has to \
             own {} and {})",
            self.storage.display(),
            self.data_dir.display(),
            self.secrets_dir.display()
        )
    }
}

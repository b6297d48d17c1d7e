//! The settings file: missing settings are added, and existing ones are kept, with their comments.

use std::fmt;

use service_kit::cli::Failure;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value, value};

/// The comment at the top of a new file.
const HEAD: &str =
    "# Settings of this facility, made by `undulator setup`; `undulator config check` prints all of them.\n\n";

/// A settings file while it is being changed.
pub struct SettingsFile {
    document: DocumentMut,
    is_new: bool,
    added: Vec<String>,
    conflicts: Vec<String>,
    /// Whether a conflict shows that the settings belong to a facility in other directories.
    is_elsewhere: bool,
}

/// A key for the programs of an instrument, as the settings have it.
pub struct ApiKey<'k> {
    pub name: &'k str,
    pub sha256: &'k str,
    pub user: &'k str,
    pub instrument: &'k str,
    pub expires: &'k str,
}

impl SettingsFile {
    /// Parses the file, or starts a new one.
    pub fn parse(text: Option<&str>) -> Result<Self, String> {
        let document = text.unwrap_or_default().parse::<DocumentMut>().map_err(|e| e.to_string())?;
        Ok(Self { document, is_new: text.is_none(), added: Vec::new(), conflicts: Vec::new(), is_elsewhere: false })
    }

    /// Adds `section.key = text` if it is missing.
    pub fn ensure_setting(&mut self, section: &[&str], key: &str, text: &str) -> Result<(), Failure> {
        let path = Path(section, key).to_string();
        let table = self.get_table(section)?;
        match table.get(key).map(|item| item.as_str().map(str::to_owned)) {
            None => {
                table.insert(key, value(text));
                self.added.push(path);
            }
            Some(Some(known)) if known == text => {}
            Some(known) => {
                let known = known.unwrap_or_else(|| "something else".to_owned());
                self.conflicts.push(format!("{path} is `{known}`, not `{text}`"));
            }
        }
        Ok(())
    }

    /// The same for the setting of a directory: with another value, nothing may be created. `is_same` compares the
    /// known value with the directory.
    pub fn ensure_directory(
        &mut self,
        section: &[&str],
        key: &str,
        text: &str,
        is_same: impl Fn(&str) -> bool,
    ) -> Result<(), Failure> {
        if self.get_table(section)?.get(key).and_then(Item::as_str).is_some_and(is_same) {
            return Ok(());
        }
        let before = self.conflicts.len();
        self.ensure_setting(section, key, text)?;
        self.is_elsewhere |= self.conflicts.len() > before;
        Ok(())
    }

    /// Adds a conflict if a secret is in the settings themselves, because setup stores it in a file.
    pub fn refuse_given(&mut self, section: &[&str], key: &str) -> Result<(), Failure> {
        let path = Path(section, key).to_string();
        if self.get_table(section)?.get(key).and_then(Item::as_str).is_some_and(|text| !text.is_empty()) {
            self.conflicts.push(format!("{path} is given there, and {path}_file would be given too"));
            self.is_elsewhere = true;
        }
        Ok(())
    }

    /// Whether the settings belong to a facility in other directories, so that nothing may be made.
    pub fn is_elsewhere(&self) -> bool {
        self.is_elsewhere
    }

    /// Adds a text to the list `section.key` if it is missing there.
    pub fn ensure_listed(&mut self, section: &[&str], key: &str, text: &str) -> Result<(), Failure> {
        let path = Path(section, key).to_string();
        let table = self.get_table(section)?;
        let list = table.entry(key).or_insert_with(|| value(Array::new()));
        let list = list.as_array_mut().ok_or_else(|| Failure::Usage(format!("{path} must be a list")))?;
        if !list.iter().any(|item| item.as_str() == Some(text)) {
            list.push(text);
            self.added.push(format!("{path}: {text}"));
        }
        Ok(())
    }

    /// Whether there is a key with this name; adds a conflict if it is not restricted to this instrument.
    pub fn check_api_key(&mut self, name: &str, instrument: &str) -> Result<bool, Failure> {
        let keys: Vec<&dyn TableLike> = match self.get_table(&["identity"])?.get("api_keys") {
            None => Vec::new(),
            Some(Item::ArrayOfTables(keys)) => keys.iter().map(|key| key as &dyn TableLike).collect(),
            Some(Item::Value(Value::Array(keys))) => {
                keys.iter().filter_map(Value::as_inline_table).map(|key| key as &dyn TableLike).collect()
            }
            Some(_) => return Err(Failure::Usage("identity.api_keys must be a list".to_owned())),
        };
        let Some(key) = keys.into_iter().find(|key| key.get("name").and_then(Item::as_str) == Some(name)) else {
            return Ok(false);
        };
        let listed = key.get("instruments").and_then(Item::as_array);
        let listed: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
        if listed != [instrument] {
            let may = if listed.is_empty() { "every instrument".to_owned() } else { listed.join(", ") };
            let conflict = format!("identity.api_keys: the key {name} may write for {may}, not for {instrument} alone");
            self.conflicts.push(conflict);
        }
        Ok(true)
    }

    /// Adds a key that may write the logbook of one instrument.
    pub fn add_api_key(&mut self, key: &ApiKey<'_>) -> Result<(), Failure> {
        let mut table = Table::new();
        for (name, text) in [("name", key.name), ("sha256", key.sha256), ("user", key.user)] {
            table.insert(name, value(text));
        }
        table.insert("scopes", value(Array::from_iter(["logbook:write"])));
        table.insert("instruments", value(Array::from_iter([key.instrument])));
        table.insert("expires", value(key.expires));
        let identity = self.get_table(&["identity"])?;
        match identity.entry("api_keys").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new())) {
            Item::ArrayOfTables(keys) => keys.push(table),
            Item::Value(Value::Array(keys)) => keys.push(table.into_inline_table()),
            _ => return Err(Failure::Usage("identity.api_keys must be a list".to_owned())),
        }
        self.added.push(format!("identity.api_keys: {}", key.name));
        Ok(())
    }

    fn get_table(&mut self, section: &[&str]) -> Result<&mut Table, Failure> {
        let mut table = self.document.as_table_mut();
        for (depth, name) in section.iter().enumerate() {
            let entry = table.entry(name).or_insert_with(|| {
                let mut new = Table::new();
                // `[storage.main]` needs no `[storage]` above it.
                new.set_implicit(depth + 1 < section.len());
                Item::Table(new)
            });
            table = entry.as_table_mut().ok_or_else(|| {
                Failure::Usage(format!(
                    "{} must be a section of its own, [{0}], for setup to add to it",
                    section.join(".")
                ))
            })?;
        }
        Ok(table)
    }

    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The settings that were missing.
    pub fn added(&self) -> &[String] {
        &self.added
    }

    /// The settings that have another value than the answers.
    pub fn conflicts(&self) -> &[String] {
        &self.conflicts
    }

    pub fn render_text(&self) -> String {
        format!("{}{}", if self.is_new { HEAD } else { "" }, self.document)
    }

    /// The text of the file without one setting.
    pub fn render_text_without(&self, section: &str, key: &str) -> String {
        let mut document = self.document.clone();
        if let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) {
            table.remove(key);
        }
        document.to_string()
    }
}

struct Path<'p>(&'p [&'p str], &'p str);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| write!(f, "{part}."))?;
        f.write_str(self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ApiKey<'_> = ApiKey {
        name: "ID29",
        sha256: "ab",
        user: "beamline/ID29",
        instrument: "ID29",
        expires: "2028-01-01T00:00:00Z",
    };

    fn fill_settings(file: &mut SettingsFile) {
        file.ensure_setting(&[], "site", "SUN").unwrap();
        file.ensure_setting(&["storage", "main"], "url", "/data").unwrap();
        file.ensure_listed(&["identity"], "administrators", "simple/root").unwrap();
        if !file.check_api_key("ID29", "ID29").unwrap() {
            file.add_api_key(&KEY).unwrap();
        }
    }

    #[test]
    fn a_key_for_other_instruments_is_a_conflict() {
        let key = |instruments: &str| format!("[[identity.api_keys]]\nname = \"ID29\"\n{instruments}\n");
        for (text, expected) in [
            (key("instruments = [\"ID29\"]"), None),
            (key(""), Some("the key ID29 may write for every instrument, not for ID29 alone")),
            (key("instruments = []"), Some("the key ID29 may write for every instrument, not for ID29 alone")),
            (key("instruments = [\"ID29\", \"ID30\"]"), Some("may write for ID29, ID30, not for ID29 alone")),
            (
                "[identity]\napi_keys = [{name = \"ID29\", instruments = [\"ID30\"]}]\n".to_owned(),
                Some("may write for ID30,"),
            ),
        ] {
            let mut file = SettingsFile::parse(Some(&text)).unwrap();
            assert!(file.check_api_key("ID29", "ID29").unwrap(), "{text}");
            assert!(!file.check_api_key("ID30", "ID30").unwrap(), "{text}");
            assert_eq!(file.conflicts().len(), usize::from(expected.is_some()), "{text}");
            assert!(expected.is_none_or(|expected| file.conflicts()[0].contains(expected)), "{:?}", file.conflicts());
        }
    }

    #[test]
    fn a_new_file_has_everything_and_a_second_run_adds_nothing() {
        let mut file = SettingsFile::parse(None).unwrap();
        fill_settings(&mut file);
        assert_eq!(file.added().len(), 4);
        let expected = "site = \"SUN\"\n\n[storage.main]\nurl = \"/data\"\n\n[identity]\nadministrators = [\"simple/root\"]\n\n\
             [[identity.api_keys]]\nname = \"ID29\"\nsha256 = \"ab\"\nuser = \"beamline/ID29\"\nscopes = \
             [\"logbook:write\"]\n\
             instruments = [\"ID29\"]\nexpires = \"2028-01-01T00:00:00Z\"\n";
        let text = file.render_text();
        assert_eq!(text, format!("{HEAD}{expected}"));
        let mut again = SettingsFile::parse(Some(&text)).unwrap();
        fill_settings(&mut again);
        assert_eq!((again.added(), again.conflicts(), again.render_text()), (&[] as &[String], &[] as &[String], text));
    }

    #[test]
    fn what_is_there_stays_and_is_reported() {
        let text = "site = \"Other\" # ours\n[identity]\nadministrators = [\"db/eve\"]\n\
                    api_keys = [{ name = \"old\", sha256 = \"cd\" }]\n";
        let mut file = SettingsFile::parse(Some(text)).unwrap();
        fill_settings(&mut file);
        assert_eq!(file.conflicts(), ["site is `Other`, not `SUN`"]);
        let text = file.render_text();
        assert!(text.starts_with("site = \"Other\" # ours\n"), "{text}");
        assert!(text.contains("administrators = [\"db/eve\", \"simple/root\"]"), "{text}");
        assert!(text.contains("{ name = \"old\", sha256 = \"cd\" }") && text.contains("name = \"ID29\""), "{text}");
        assert!(SettingsFile::parse(Some("site = ")).is_err());
    }
}

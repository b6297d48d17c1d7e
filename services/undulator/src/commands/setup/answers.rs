//! The answers that `undulator setup` needs, as in their TOML file.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Format as _, Toml};
use serde::{Deserialize, Serialize};
use service_kit::cli::Failure;

/// All answers; `docs/facility.toml` explains them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Directory of the data files.
    #[serde(default = "default_storage")]
    pub storage: PathBuf,
    /// Directory of the databases and keys.
    #[serde(default = "default_data_dir")]
    pub data_dir: PathBuf,
    /// Directory of passwords that the services need.
    #[serde(default = "default_secrets_dir")]
    pub secrets_dir: PathBuf,
    #[serde(default = "default_investigation_types")]
    pub investigation_types: Vec<String>,
    #[serde(default = "default_dataset_types")]
    pub dataset_types: Vec<String>,
    pub facility: FacilityAnswers,
    #[serde(default)]
    pub administrator: Administrator,
    #[serde(default)]
    pub reader: ReaderAnswers,
    #[serde(default)]
    pub rules: RuleAnswers,
    #[serde(default)]
    pub api_keys: ApiKeyAnswers,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instruments: Vec<InstrumentAnswers>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameter_types: Vec<ParameterTypeAnswers>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FacilityAnswers {
    /// A short name, such as SUN; part of the paths in archives.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The user with all permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Administrator {
    pub account: String,
    /// A file whose first line is the password; without it, a password is generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// The account with which services look up the permissions of other users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReaderAnswers {
    pub account: String,
}

/// The preset rules to create.
#[expect(clippy::struct_excessive_bools, reason = "each preset is wanted or not")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleAnswers {
    pub public_tables: bool,
    pub members: bool,
    pub groups: bool,
    pub instrument_scientists: bool,
    pub released_data: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiKeyAnswers {
    /// How long new keys of instruments are valid.
    pub valid_days: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentAnswers {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// User names with mechanism.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scientists: Vec<String>,
    /// Whether its programs get an API key.
    #[serde(default = "default_api_key", skip_serializing_if = "is_default_api_key")]
    pub api_key: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterTypeAnswers {
    pub name: String,
    /// Empty for texts, and for numbers without unit.
    #[serde(default)]
    pub units: String,
    #[serde(default = "default_value_type")]
    pub value_type: ValueType,
    /// The kinds of rows with such parameters.
    #[serde(default = "default_applicable_to")]
    pub applicable_to: Vec<Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    Numeric,
    String,
    #[serde(rename = "date")]
    DateAndTime,
}

/// What a parameter may belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    Investigation,
    Dataset,
    Datafile,
    Sample,
}

fn default_storage() -> PathBuf {
    "files".into()
}
fn default_data_dir() -> PathBuf {
    "data".into()
}
fn default_secrets_dir() -> PathBuf {
    "secrets".into()
}
fn default_investigation_types() -> Vec<String> {
    vec!["experiment".to_owned()]
}
fn default_dataset_types() -> Vec<String> {
    vec!["raw".to_owned(), "processed".to_owned()]
}
fn default_value_type() -> ValueType {
    ValueType::Numeric
}
fn default_applicable_to() -> Vec<Owner> {
    vec![Owner::Dataset]
}
fn default_api_key() -> bool {
    true
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_default_api_key(value: &bool) -> bool {
    *value
}

impl Default for Administrator {
    fn default() -> Self {
        Self { account: "simple/root".to_owned(), password_file: None }
    }
}

impl Default for ReaderAnswers {
    fn default() -> Self {
        Self { account: "simple/reader".to_owned() }
    }
}

impl Default for RuleAnswers {
    fn default() -> Self {
        Self { public_tables: true, members: true, groups: true, instrument_scientists: true, released_data: true }
    }
}

impl Default for ApiKeyAnswers {
    fn default() -> Self {
        Self { valid_days: 730 }
    }
}

impl InstrumentAnswers {
    /// An instrument with nothing but a name.
    pub fn new(name: String) -> Self {
        Self { name, full_name: None, description: None, scientists: Vec::new(), api_key: true }
    }
}

impl Answers {
    /// The answers that are proposed at the first run.
    pub fn default_answers() -> Self {
        Self {
            storage: default_storage(),
            data_dir: default_data_dir(),
            secrets_dir: default_secrets_dir(),
            investigation_types: default_investigation_types(),
            dataset_types: default_dataset_types(),
            facility: FacilityAnswers { name: "LAB".to_owned(), full_name: None, description: None, url: None },
            administrator: Administrator::default(),
            reader: ReaderAnswers::default(),
            rules: RuleAnswers::default(),
            api_keys: ApiKeyAnswers::default(),
            instruments: vec![InstrumentAnswers::new("ID01".to_owned())],
            parameter_types: Vec::new(),
        }
    }

    /// Loads a file of answers. The error of an unknown key names the most similar known one.
    pub fn load(file: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file)
            .map_err(|e| Failure::Usage(format!("cannot read {}: {e}", file.display())))?;
        Self::parse(&text).map_err(|e| Failure::Usage(format!("{}: {e}", file.display())))
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        // The message of the TOML parser has line and column.
        toml::from_str::<toml::Table>(text).map_err(|e| e.to_string())?;
        let answers: Self = Figment::from(Toml::string(text)).extract().map_err(|e| explain_error(&e))?;
        answers.validate()?;
        Ok(answers)
    }

    fn validate(&self) -> Result<(), String> {
        let named = [("facility.name", &self.facility.name), ("administrator.account", &self.administrator.account)];
        for (key, value) in named {
            if value.trim().is_empty() {
                return Err(format!("`{key}` must not be empty"));
            }
        }
        let instruments = self.instruments.iter().map(|instrument| ("instruments.name", &instrument.name));
        for (key, name) in [("facility.name", &self.facility.name)].into_iter().chain(instruments) {
            check_short_name(key, name)?;
        }
        let lists = [
            ("investigation_types", self.investigation_types.clone()),
            ("dataset_types", self.dataset_types.clone()),
            ("instruments", self.instruments.iter().map(|instrument| instrument.name.clone()).collect()),
        ];
        for (key, mut names) in lists {
            if names.iter().any(|name| name.trim().is_empty()) {
                return Err(format!("`{key}` has an empty name"));
            }
            names.sort_unstable_by_key(|name| name.to_lowercase());
            if let Some([twice, _]) = names.array_windows().find(|[a, b]| a.eq_ignore_ascii_case(b)) {
                return Err(format!("`{key}` lists {twice} twice"));
            }
        }
        if self.administrator.account == self.reader.account {
            return Err("`administrator.account` and `reader.account` must be two accounts".to_owned());
        }
        let scientists = self.instruments.iter().flat_map(|instrument| &instrument.scientists);
        match scientists.into_iter().find(|user| !crate::commands::catalogue::has_mechanism(user)) {
            Some(user) => {
                Err(format!("`instruments.scientists`: `{user}` lacks the way to log in; write it like db/{user}"))
            }
            None if self.api_keys.valid_days == 0 => Err("`api_keys.valid_days` must be at least 1".to_owned()),
            None => Ok(()),
        }
    }
}

/// Checks a short name, which becomes part of other names.
fn check_short_name(key: &str, name: &str) -> Result<(), String> {
    if name.contains('/') {
        return Err(format!(
            "`{key}`: `{name}` has a slash, which separates names in paths of archives and in user names"
        ));
    }
    if name.contains(',') && key == "instruments.name" {
        return Err(format!("`{key}`: `{name}` has a comma, which separates instruments in lists"));
    }
    Ok(())
}

fn explain_error(error: &figment::Error) -> String {
    let path = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(unknown, known) => {
            let nearest = known
                .iter()
                .map(|name| (strsim::jaro_winkler(unknown, name), name))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"));
            let place = match error.path.split_last() {
                Some((last, parents)) if last == unknown => parents.join("."),
                _ => path,
            };
            let dot = if place.is_empty() { "" } else { "." };
            format!("unknown key `{place}{dot}{unknown}`{nearest}")
        }
        Kind::MissingField(name) if path.is_empty() => format!("the key `{name}` is missing"),
        Kind::MissingField(name) => format!("the key `{path}.{name}` is missing"),
        kind => format!("`{path}`: {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_docs_is_read_and_has_every_key() {
        let example = include_str!("../../../../../docs/facility.toml");
        let answers = Answers::parse(example).unwrap();
        assert_eq!(answers.instruments[0].name, "ID29");
        let written = toml::to_string(&answers).unwrap();
        assert_eq!(Answers::parse(&written).unwrap(), answers, "what is kept is read again");
        for key in written.lines().filter_map(|line| line.split_once(" = ").map(|(key, _)| key)) {
            assert!(example.contains(&format!("{key} = ")), "the example lacks {key}");
        }
    }

    #[test]
    fn a_wrong_file_is_refused_with_what_is_meant() {
        let facility = "[facility]\nname = \"SUN\"\n";
        assert_eq!(Answers::parse(facility).unwrap().instruments, []);
        for (text, reason) in [
            ("", "`facility` is missing"),
            ("[facility]\n", "`facility.name` is missing"),
            ("[facility]\nname = \"\"\n", "must not be empty"),
            (&format!("instrument = []\n{facility}"), "unknown key `instrument`; did you mean `instruments`?"),
            (&format!("{facility}fullname = \"x\"\n"), "unknown key `facility.fullname`; did you mean `full_name`?"),
            (&format!("{facility}[[instruments]]\nnam = \"x\"\n"), "did you mean `name`?"),
            (&format!("{facility}[rules]\nmember = false\n"), "unknown key `rules.member`; did you mean `members`?"),
            (&format!("{facility}[rules]\nmembers = \"no\"\n"), "`rules.members`"),
            (&format!("{facility}[[instruments]]\nname = \"A\"\n[[instruments]]\nname = \"a\"\n"), "twice"),
            (&format!("{facility}[[instruments]]\nname = \"A\"\nscientists = [\"carol\"]\n"), "db/carol"),
            ("[facility]\nname = \"SUN/MOON\"\n", "`SUN/MOON` has a slash"),
            (&format!("{facility}[[instruments]]\nname = \"ID1/2\"\n"), "`ID1/2` has a slash"),
            (&format!("{facility}[[instruments]]\nname = \"ID1, ID2\"\n"), "`ID1, ID2` has a comma"),
            (&format!("{facility}[[instruments]]\nname = \"A\"\nscientists = [\"db/\"]\n"), "lacks the way to log in"),
            (&format!("{facility}[reader]\naccount = \"simple/root\"\n"), "two accounts"),
            ("[facility\n", "line 1"),
        ] {
            let refused = Answers::parse(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}

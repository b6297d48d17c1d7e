//! `cargo xtask new-service NAME`: a service made from the worked example in `libs/testkit/src/probe`, with an event of its
//! own in `proto/`, as a member of the workspace and of the all-in-one program.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::parsed::list_files;
use crate::services;

const EXAMPLE: &str = "libs/testkit/src/probe";
/// The example's event, which a service has in `proto/`.
const EXAMPLE_MESSAGES: &str = "messages.rs";
const EXAMPLE_TESTS: &str = "libs/testkit/tests/it";
/// Names that crates of the workspace or of the language have.
const TAKEN_NAMES: &[&str] = &[
    "core",
    "database",
    "events",
    "identity",
    "probe",
    "recorder",
    "std",
    "test",
    "testkit",
    "typesetting",
    "undulator",
    "xtask",
];

/// A file below the root of the repository, and its new text.
pub type NewFile = (PathBuf, String);

/// Writes the files of a new service; their names.
pub fn create_service(root: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
    let files = plan_service(root, name)?;
    for (path, text) in &files {
        let path = root.join(path);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(path, text)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Every file that a new service adds or changes.
pub fn plan_service(root: &Path, name: &str) -> io::Result<Vec<NewFile>> {
    require_free_name(root, name)?;
    let service = Path::new("services").join(name);
    let mut files = Vec::new();
    for path in list_files(&root.join(EXAMPLE))? {
        let below = path.strip_prefix(root.join(EXAMPLE)).map_err(io::Error::other)?;
        if below == Path::new(EXAMPLE_MESSAGES) {
            continue;
        }
        let text = adapt_source(&fs::read_to_string(&path)?, name);
        files.push((service.join(place_source(below)), text));
    }
    for path in list_files(&root.join(EXAMPLE_TESTS))? {
        let below = path.strip_prefix(root.join(EXAMPLE_TESTS)).map_err(io::Error::other)?;
        let text = adapt_test(&fs::read_to_string(&path)?, name);
        files.push((service.join("tests/it").join(below), text));
    }
    for (path, template) in TEMPLATES {
        files.push((path.replace("NAME", name).into(), template.replace("NAME", name)));
    }
    for (path, insertions) in list_insertions(name) {
        let mut text = fs::read_to_string(root.join(path))?;
        for insertion in insertions {
            text = insertion.apply(&text).ok_or_else(|| {
                io::Error::other(format!("{path} has no line with {:?}, before which a line belongs", insertion.before))
            })?;
        }
        files.push((path.into(), text));
    }
    set_ports(root, &mut files)?;
    Ok(files)
}

/// Refuses names that are taken, or that are not one word in lower case.
fn require_free_name(root: &Path, name: &str) -> io::Result<()> {
    let is_word = name.chars().all(|c| c.is_ascii_lowercase()) && (2..=20).contains(&name.len());
    if !is_word {
        return Err(io::Error::other(format!("{name:?} is not one word of 2 to 20 lower-case letters")));
    }
    if TAKEN_NAMES.contains(&name) || services::list_names(root)?.iter().any(|taken| taken == name) {
        return Err(io::Error::other(format!("the name {name} is taken")));
    }
    Ok(())
}

/// Where a file of the example stands in a crate of its own.
fn place_source(below: &Path) -> PathBuf {
    if below == Path::new("mod.rs") {
        "src/lib.rs".into()
    } else if below.starts_with("migrations") || below.extension().is_some_and(|extension| extension == "toml") {
        below.to_owned()
    } else {
        Path::new("src").join(below)
    }
}

/// The source of the example as that of a crate `name`.
fn adapt_source(text: &str, name: &str) -> String {
    let text = text
        .replace("crate::probe::", "crate::")
        .replace("include_str!(\"", "include_str!(\"../")
        .replace("    // A real service has ports of its own.\n", "");
    rename_example(&text, name)
}

/// A test of the example as one of a crate `name`.
fn adapt_test(text: &str, name: &str) -> String {
    let text = text
        .replace("use testkit::{TestApp, probe};", "use testkit::TestApp;")
        .replace("key_of, list_backends, probe, recorder}", "key_of, list_backends, recorder}")
        .replace("use testkit::probe;\n\n", "")
        .replace("testkit::probe::", "probe::");
    rename_example(&text, name)
}

/// The example's name in all its forms.
fn rename_example(text: &str, name: &str) -> String {
    text.replace("probe", name)
}

/// Files that the example, being part of another crate, does not have.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "services/NAME/Cargo.toml",
        r#"[package]
name = "undulator-NAME"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[lib]
name = "NAME"

[[bin]]
name = "undulator-NAME"
path = "src/main.rs"

[lints]
workspace = true

[dependencies]
actix-web = { workspace = true }
events = { workspace = true }
identity = { workspace = true }
serde = { workspace = true }
serde_json = { workspace = true }
service-kit = { workspace = true }
thiserror = { workspace = true }
utoipa = { workspace = true }

[dev-dependencies]
reqwest = { workspace = true }
testkit = { workspace = true }
tokio = { workspace = true }
"#,
    ),
    (
        "services/NAME/src/main.rs",
        r#"//! `undulator-NAME`: this service alone.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::cli::run_service_binary(NAME::SERVICE, include_str!("../../sections.toml"))
}
"#,
    ),
    (
        "services/NAME/src/messages.rs",
        "//! The events that this service publishes, from `proto/undulator/events/v1/NAME.proto`.

pub use events::messages::NAME::ThingChanged;
",
    ),
    (
        "proto/undulator/events/v1/NAME.proto",
        r#"syntax = "proto3";

package undulator.events.v1.NAME;

// A thing was created or changed. Subject: undulator.v1.NAME.thing.changed
message ThingChanged {
  int64 id = 1;
  // Rises with every change of the thing.
  int64 revision = 2;
}
"#,
    ),
];

/// A line that goes into a file that is there.
struct Insertion {
    /// The first line with this text.
    before: &'static str,
    line: String,
}

impl Insertion {
    /// The text with the line; `None` where its place is not found.
    fn apply(&self, text: &str) -> Option<String> {
        let at = text.find(self.before)?;
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        Some(format!("{}{}\n{}", &text[..start], self.line, &text[start..]))
    }
}

fn list_insertions(name: &str) -> Vec<(&'static str, Vec<Insertion>)> {
    let insert = |before, line: String| Insertion { before, line };
    vec![
        (
            "Cargo.toml",
            vec![
                insert("    \"services/undulator\",", format!("    \"services/{name}\",")),
                insert(
                    "database = { path",
                    format!("{name} = {{ path = \"services/{name}\", package = \"undulator-{name}\" }}"),
                ),
            ],
        ),
        ("services/undulator/Cargo.toml", vec![insert("service-kit = ", format!("{name} = {{ workspace = true }}"))]),
        (
            "services/undulator/src/services.rs",
            vec![insert("    // The next service goes here.", format!("    {name}::SERVICE,"))],
        ),
        ("services/sections.toml", vec![insert("# The next section goes here.", format!("{name} = []"))]),
        ("libs/events/build.rs", vec![insert("    // The next producer goes here.", format!("    \"{name}\","))]),
        (
            "libs/events/src/messages.rs",
            vec![
                insert(
                    "// The module of the next producer goes here.",
                    format!(
                        "/// Events of the service `{name}`.\n\
                         #[expect(clippy::doc_markdown, reason = \"generated\")]\n\
                         pub mod {name} {{\n    include!(concat!(env!(\"OUT_DIR\"), \"/undulator.events.v1.{name}.rs\"));\n}}\n"
                    ),
                ),
                insert(
                    "// The subject of the next event goes here.",
                    format!(
                        "impl Event for {name}::ThingChanged {{\n    \
                         const SUBJECT: &'static str = \"undulator.v1.{name}.thing.changed\";\n}}\n"
                    ),
                ),
                insert(
                    "    // The next kind of event goes here.",
                    format!("    EventKind::for_event::<{name}::ThingChanged>(),"),
                ),
            ],
        ),
        (
            "libs/testkit/src/recorder/mod.rs",
            vec![insert(
                "    // The next event goes here.",
                format!("    record_events::<events::messages::{name}::ThingChanged>(&events, \"recorder-{name}\");"),
            )],
        ),
    ]
}

/// Gives the service the first pair of ports after those of the others.
fn set_ports(root: &Path, files: &mut [NewFile]) -> io::Result<()> {
    let mut last = 0;
    for service in services::list_names(root)? {
        let source = fs::read_to_string(root.join(format!("services/{service}/src/lib.rs")))?;
        let ports = source.split_once("default_ports: (").and_then(|(_, rest)| rest.split_once(','));
        last = last.max(ports.and_then(|(public, _)| public.parse::<u16>().ok()).unwrap_or(0));
    }
    let ports = format!("default_ports: ({}, {})", last + 1, last + 1001);
    let changed = files.iter_mut().find(|(_, text)| text.contains("default_ports: (0, 0)"));
    let (_, text) = changed.ok_or_else(|| io::Error::other("the example has no default_ports: (0, 0)"))?;
    *text = text.replace("default_ports: (0, 0)", &ports);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn a_new_service_is_complete() {
        let files = plan_service(&root(), "shutter").unwrap();
        let find = |path: &str| &files.iter().find(|(file, _)| file == Path::new(path)).expect(path).1;
        assert!(find("services/undulator/src/services.rs").contains("shutter::SERVICE"));
        assert!(find("libs/events/src/messages.rs").contains("undulator.v1.shutter.thing.changed"));
        assert!(find("services/shutter/src/lib.rs").contains("name: \"shutter\""));
        for (path, text) in files.iter().filter(|(path, _)| path.starts_with("services/shutter")) {
            assert!(!text.contains("probe"), "{}", path.display());
            if path.extension().is_some_and(|extension| extension == "rs") {
                syn::parse_file(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            }
        }
    }

    #[test]
    fn names_that_cannot_be_used_are_refused() {
        for name in ["logbook", "events", "probe", "my-service", "Shutter", "s", ""] {
            assert!(plan_service(&root(), name).is_err(), "{name:?}");
        }
    }
}

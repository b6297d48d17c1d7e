//! Errors of settings, for whoever wrote them: which file or variable, which setting, what stands there and what may.

use figment::error::Kind;
use figment::{Figment, Metadata, Source};

use super::ConfigError;

/// `section` is what was extracted, `origin` knows where each setting stands.
pub(super) fn explain_error(error: &figment::Error, section: Option<&str>, origin: &Figment) -> ConfigError {
    let mut path = setting_path(error, section);
    if let Kind::UnknownField(unknown, known) = &error.kind {
        // figment's path sometimes ends in the unknown name itself.
        if path.last() != Some(unknown) {
            path.push(unknown.clone());
        }
        let path = path.join(".");
        let hint = suggest_nearest(unknown, known.iter().copied());
        return ConfigError(format!("{}unknown setting `{path}`{hint}", describe_source(&path, None, origin)));
    }
    let path = path.join(".");
    let place = describe_source(&path, error.metadata.as_ref(), origin);
    if path.is_empty() {
        // The file itself cannot be read as TOML; the text has line and column.
        return ConfigError(format!("{place}{}", error.kind).trim_end().to_owned());
    }
    ConfigError(format!("{place}setting `{path}`: {}", describe_reason(&error.kind)))
}

/// `; did you mean …?` with the known name that is most like the unknown one, if there is one.
pub(crate) fn suggest_nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|name| (strsim::jaro_winkler(unknown, name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

/// Where a setting was given, as the beginning of an error text; empty if nobody knows.
pub(super) fn describe_source(path: &str, metadata: Option<&Metadata>, origin: &Figment) -> String {
    let (known, found) = find_nearest_known(path, origin);
    let Some(metadata) = found.or(metadata) else { return String::new() };
    match &metadata.source {
        Some(Source::File(file)) => format!("{}: ", file.display()),
        _ if metadata.name.contains("environment") => {
            format!("variable UNDULATOR_{}: ", known.to_ascii_uppercase().replace('.', "__"))
        }
        _ => String::new(),
    }
}

/// The setting itself, or what it stands in: figment does not know where the entries of a list come from.
fn find_nearest_known<'p, 'o>(path: &'p str, origin: &'o Figment) -> (&'p str, Option<&'o Metadata>) {
    let mut known = path;
    while !known.is_empty() {
        if let Some(metadata) = origin.find_metadata(known) {
            return (known, Some(metadata));
        }
        known = known.rsplit_once('.').map_or("", |(parent, _)| parent);
    }
    (path, None)
}

/// figment appends the name of an extracted section to the path within it.
fn setting_path(error: &figment::Error, section: Option<&str>) -> Vec<String> {
    let mut path = error.path.clone();
    let Some(section) = section else { return path };
    let section: Vec<String> = section.split('.').map(str::to_owned).collect();
    if path.ends_with(&section) {
        path.truncate(path.len() - section.len());
    }
    section.into_iter().chain(path).collect()
}

fn describe_reason(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("found {found}, expected {}", describe_expected(expected))
        }
        Kind::UnknownVariant(found, allowed) => format!("`{found}` is not one of {}", allowed.join(", ")),
        Kind::MissingField(name) => format!("`{name}` is missing"),
        Kind::Message(text) if text == "invalid socket address syntax" => {
            "this is no address with a port, such as 127.0.0.1:8080 or [::]:8080".to_owned()
        }
        Kind::Message(text) if text.starts_with("invalid IP address syntax") => {
            "this is no network, such as 10.1.0.0/16".to_owned()
        }
        kind => kind.to_string(),
    }
}

/// What is allowed, in the words of whoever writes settings.
fn describe_expected(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list such as [\"a\", \"b\"]",
        "parsable string" => "a size such as 32MiB",
        "socket address" => "an address with a port, such as 127.0.0.1:8080",
        "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => "a whole number",
        other => other,
    }
}

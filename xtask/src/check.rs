//! `cargo xtask check`: house rules that neither the compiler nor clippy knows.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

use crate::imports::ImportGraph;
use crate::names::NameCount;
use crate::parsed::{ParsedCrate, list_rust_files};
use crate::services::{self, ALL_IN_ONE};
use crate::source::Source;
use crate::{imports, layers, migrations};

/// Files longer than this are named, not refused.
const LONG_FILE: usize = 400;

/// What a run of the checks found.
pub struct Found {
    /// How many sources were read.
    pub files: usize,
    pub names: NameCount,
    pub breaches: Vec<String>,
}

/// Breaches of the rules; warnings go to stderr at once.
pub fn run(root: &Path) -> io::Result<Found> {
    let mut breaches = find_wrong_dependencies(root)?;
    breaches.extend(services::find_forgotten_services(root)?);
    breaches.extend(migrations::find_breaches(root)?);
    breaches.extend(find_wrong_imports(root)?);
    let mut names = NameCount::default();
    for directory in ["libs", "services"] {
        names.add_directory(root, &root.join(directory))?;
    }
    breaches.extend(names.breaches());
    let mut files = 0;
    for file in list_rust_files(&root.join("libs"))?.into_iter().chain(list_rust_files(&root.join("services"))?) {
        files += 1;
        let text = fs::read_to_string(&file)?;
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
        if text.lines().count() > LONG_FILE && !is_test && !name.ends_with("entities.rs") {
            eprintln!("warning: {name} has more than {LONG_FILE} lines");
        }
        if is_test {
            continue;
        }
        let source = Source::of(&text);
        let mut found = Vec::new();
        // What the client writes is ICAT's query language.
        if !name.starts_with("libs/icat-client/") {
            found.extend(find_unportable_sql(&source));
        }
        if name.starts_with("services/") {
            found.extend(find_forbidden_calls(&source));
        }
        breaches.extend(found.into_iter().map(|breach| format!("{name}:{breach}")));
    }
    Ok(Found { files, names, breaches })
}

/// Cycles of imports that leave their folder, and imports from a lower layer to a higher one.
fn find_wrong_imports(root: &Path) -> io::Result<Vec<String>> {
    let mut breaches = Vec::new();
    for name in services::list_names(root)?.into_iter().chain([ALL_IN_ONE.to_owned()]) {
        let parsed = ParsedCrate::read(&root.join(format!("services/{name}/src")))?;
        let graph = ImportGraph::of(&parsed);
        let mut found = imports::find_wide_cycles(&parsed, &graph);
        if name != ALL_IN_ONE {
            found.extend(layers::find_upward_imports(&parsed, &graph));
        }
        breaches.extend(found.into_iter().map(|breach| format!("services/{name}/src: {breach}")));
    }
    Ok(breaches)
}

/// Services depend on libs, the all-in-one binary on services, and nothing the other way.
fn find_wrong_dependencies(root: &Path) -> io::Result<Vec<String>> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = || metadata["packages"].as_array().into_iter().flatten();
    let place = |package: &Value| {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let parts: Vec<&str> = Path::new(manifest).iter().filter_map(|p| p.to_str()).collect();
        parts.iter().rev().nth(2).copied().unwrap_or_default().to_owned()
    };
    let mut breaches = Vec::new();
    for package in packages() {
        let (name, layer) = (package["name"].as_str().unwrap_or_default(), place(package));
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(target) = packages().find(|p| p["name"] == dependency["name"]) else { continue };
            let (target_name, target_layer) = (target["name"].as_str().unwrap_or_default(), place(target));
            let only_tests = dependency["kind"] == "dev";
            let allowed = match (layer.as_str(), target_layer.as_str()) {
                _ if target_name == "testkit" => only_tests,
                // The catalogue that tests run over.
                ("services", "services") if target_name == "undulator-icat" && only_tests => true,
                ("services", "services") => name == "undulator",
                ("libs", "libs") => name == "testkit" || only_tests || allowed_libraries(name).contains(&target_name),
                ("services", "libs") => true,
                _ => false,
            };
            if !allowed {
                breaches.push(format!("{name} must not depend on {target_name}"));
            }
        }
    }
    Ok(breaches)
}

/// What a library may build on.
fn allowed_libraries(library: &str) -> &'static [&'static str] {
    match library {
        "service-kit" => &["database"],
        "events" => &["database", "service-kit"],
        "icat-client" => &["database", "events", "service-kit"],
        "identity" => &["database", "events", "icat-client", "service-kit"],
        _ => &[],
    }
}

/// What a service must take from the libraries instead of making it itself: a part of its code, and what to use instead.
const FORBIDDEN_IN_SERVICES: [(&str, &str); 7] = [
    ("tokio::spawn", "background work is a `Worker` or runs in `Ctx::tasks`"),
    ("task::spawn", "background work is a `Worker` or runs in `Ctx::tasks`, blocking work in `Ctx::pools`"),
    ("sqlx", "the database is reached through `Db` and `Tx`"),
    ("Engine::Sqlite", "what differs between the engines stands in `service_kit::Engine`"),
    ("Engine::Postgres", "what differs between the engines stands in `service_kit::Engine`"),
    ("Client::builder", "calls go out through `Ctx::http`"),
    ("ClientBuilder", "calls go out through `Ctx::http`"),
];

fn find_forbidden_calls(source: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    for (number, line) in source.lines() {
        for (part, instead) in FORBIDDEN_IN_SERVICES {
            if line.contains(part) {
                breaches.push(format!("{number}: {part} ({instead})"));
            }
        }
        // `use reqwest::{Client, Url}` as well.
        if line.split_once("reqwest::").is_some_and(|(_, names)| split_words(names).any(|word| word == "Client")) {
            breaches.push(format!("{number}: reqwest::Client (calls go out through `Ctx::http`)"));
        }
    }
    breaches
}

/// What portable SQL must not or must say.
fn find_unportable_sql(source: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    let escapes = source.texts().any(|(_, text)| text.contains("ESCAPE"));
    for (number, text) in source.texts() {
        if selects_all(text) {
            breaches.push(format!("{number}: SELECT * (name the columns)"));
        }
        // Messages have the word too; before a pattern it is the operator.
        let mut patterns = text.split("LIKE ").skip(1).map(str::trim_start).filter(|rest| is_pattern(rest));
        // A pattern that is put in may bring its ESCAPE along, from the same file.
        if !patterns.all(|rest| rest.contains("ESCAPE") || escapes && rest.starts_with('{')) {
            breaches.push(format!("{number}: LIKE without ESCAPE"));
        }
        let sums = text.match_indices("SUM(").map(|(at, _)| &text[..at]);
        if sums.filter(|before| !before.ends_with(is_name_character)).any(|before| !is_cast(before)) {
            breaches.push(format!("{number}: SUM without CAST (its type differs between the engines)"));
        }
        let mut exists = text.match_indices("EXISTS (SELECT").filter(|(at, _)| !text[..*at].ends_with("NOT "));
        if exists.any(|(at, _)| !text[at..].contains("LIMIT 1)")) {
            breaches
                .push(format!("{number}: EXISTS without LIMIT 1 (SQLite 3.51 joins it, and OFFSET counts too much)"));
        }
    }
    breaches
}

/// `SELECT *`, `SELECT t.*`, `RETURNING *`; not `COUNT(*)`.
fn selects_all(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).any(|pair| {
        let of_table = |word: &str| word.strip_suffix(".*").is_some_and(|table| !table.contains(['(', '%']));
        let item = pair[1].trim_end_matches([',', ';', ')']);
        matches!(pair[0], "SELECT" | "DISTINCT" | "RETURNING") && (item == "*" || of_table(item))
    })
}

/// `CAST(SUM(` or `CAST(COALESCE(SUM(`.
fn is_cast(before: &str) -> bool {
    before.strip_suffix("COALESCE(").unwrap_or(before).ends_with("CAST(")
}

/// A text, a parameter, something put in, or a call such as `LOWER($1)`.
fn is_pattern(text: &str) -> bool {
    text.starts_with(['\'', '$', '{', '('])
        || text.trim_start_matches(|c: char| c.is_ascii_uppercase()).starts_with('(')
}

fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_name_character(c))
}

fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_services_must_not_do_is_found() {
        for line in [
            "tokio::spawn(async {});",
            "tokio::task::spawn_blocking(f);",
            "let row = sqlx::query(sql);",
            "if tx.engine() == Engine::Sqlite {}",
            "match engine { Engine::Postgres => 1 }",
            "let http = reqwest::Client::new();",
            "use reqwest::{Client, Url};",
            "let http = Client::builder();",
        ] {
            assert_eq!(find_forbidden_calls(&Source::of(line)).len(), 1, "{line}");
        }
        for line in
            ["// tokio::spawn", "let text = \"sqlx\";", "use service_kit::{Engine, HttpClient};", "reqwest::Url"]
        {
            assert_eq!(find_forbidden_calls(&Source::of(line)), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn sql_that_is_not_portable_is_found() {
        let breaches = |text: &str| find_unportable_sql(&Source::of(&format!("const SQL: &str = {text:?};"))).len();
        for text in [
            "SELECT * FROM t",
            "SELECT DISTINCT t.* FROM t",
            "DELETE FROM t RETURNING *",
            "WHERE name LIKE '%x'",
            "WHERE name LIKE $1",
            "{left} LIKE {pattern}",
            "a LIKE $1 ESCAPE '!' OR a LIKE $2",
            "a LIKE $1 OR a LIKE $2 ESCAPE '!'",
            "WHERE name LIKE LOWER($1)",
            "SELECT SUM(size) FROM t",
            "SELECT COALESCE(SUM(size), 0) FROM t",
            "SELECT CAST(SUM(a) AS BIGINT), SUM(b) FROM t",
            "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)",
        ] {
            assert_eq!(breaches(text), 1, "{text}");
        }
        for text in [
            "SELECT COUNT(*) FROM t",
            "SELECT a * b FROM t",
            "a LIKE $1 ESCAPE '!' OR a LIKE $2 ESCAPE '!'",
            "LIKE compares strings",
            "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a LIMIT 1)",
            "SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a)",
            "LIKE",
            "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM t",
            "CAST(SUM({distinct}{argument}) AS BIGINT)",
            "CHECKSUM(x)",
        ] {
            assert_eq!(breaches(text), 0, "{text}");
        }
        assert_eq!(find_unportable_sql(&Source::of(r#"f("a LIKE {}"); g("$1 ESCAPE '!'")"#)), Vec::<String>::new());
    }
}

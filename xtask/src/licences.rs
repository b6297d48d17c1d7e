//! Licences and banned crates, by the lists of `deny.toml`.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

use serde_json::Value;
use spdx::{Expression, ParseMode};

/// Crates whose licence is not on the list, and crates that are banned.
pub fn run(root: &Path) -> io::Result<Vec<String>> {
    let lists: toml::Table = fs::read_to_string(root.join("deny.toml"))?.parse().map_err(io::Error::other)?;
    let texts = |section: &str, list: &str| -> Vec<String> {
        let entries = lists.get(section).and_then(|s| s.get(list)?.as_array()).into_iter().flatten();
        entries.filter_map(|e| e.as_str().or_else(|| e.get("name")?.as_str())).map(str::to_owned).collect()
    };
    let (allowed, banned) = (texts("licenses", "allow"), texts("bans", "deny"));
    // A crate of this name may also have one of these licences.
    let excepted = |name: &str, wanted: &str| {
        let exceptions = lists.get("licenses").and_then(|s| s.get("exceptions")?.as_array()).into_iter().flatten();
        exceptions.filter(|e| e.get("name").and_then(|n| n.as_str()) == Some(name)).any(|e| {
            let licences = e.get("allow").and_then(|list| list.as_array()).into_iter().flatten();
            licences.filter_map(|licence| licence.as_str()).any(|licence| licence == wanted)
        })
    };
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root)
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut breaches = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if banned.iter().any(|b| b == name) && wrappers_of(&lists, name).is_empty() {
            breaches.push(format!("{name} is banned by deny.toml"));
        }
        let is_fit = |wanted: &str| allowed.iter().any(|a| a == wanted) || excepted(name, wanted);
        let fits = Expression::parse_mode(licence, ParseMode::LAX)
            .is_ok_and(|e| e.evaluate(|wanted| is_fit(&wanted.to_string())));
        if !fits {
            breaches.push(format!("{name} has the licence `{licence}`, which deny.toml does not allow"));
        }
    }
    breaches.extend(foreign_uses(&metadata, &lists));
    Ok(breaches)
}

/// Crates that depend on one that only others may use.
fn foreign_uses(metadata: &Value, lists: &toml::Table) -> Vec<String> {
    let mut breaches = Vec::new();
    let name_of = |id: &Value| {
        let mut packages = metadata["packages"].as_array().into_iter().flatten();
        packages.find(|package| package["id"] == *id).and_then(|package| package["name"].as_str()).unwrap_or_default()
    };
    for node in metadata["resolve"]["nodes"].as_array().into_iter().flatten() {
        for used in node["deps"].as_array().into_iter().flatten() {
            let is_built_in =
                used["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"));
            let wrappers = wrappers_of(lists, used["name"].as_str().unwrap_or_default());
            let name = name_of(&node["id"]);
            if is_built_in && !wrappers.is_empty() && !wrappers.contains(&name) {
                breaches.push(format!("{name} must not depend on {}, by deny.toml", used["name"]));
            }
        }
    }
    breaches
}

/// Who may depend on a banned crate.
fn wrappers_of<'a>(lists: &'a toml::Table, name: &str) -> Vec<&'a str> {
    let entries = lists.get("bans").and_then(|bans| bans.get("deny")?.as_array()).into_iter().flatten();
    let of_name = entries.filter(|entry| entry.get("name").and_then(|found| found.as_str()) == Some(name));
    of_name.filter_map(|entry| entry.get("wrappers")?.as_array()).flatten().filter_map(|name| name.as_str()).collect()
}

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
        if banned.iter().any(|b| b == name) {
            breaches.push(format!("{name} is banned by deny.toml"));
        }
        let is_fit = |wanted: &str| allowed.iter().any(|a| a == wanted) || excepted(name, wanted);
        let fits = Expression::parse_mode(licence, ParseMode::LAX)
            .is_ok_and(|e| e.evaluate(|wanted| is_fit(&wanted.to_string())));
        if !fits {
            breaches.push(format!("{name} has the licence `{licence}`, which deny.toml does not allow"));
        }
    }
    Ok(breaches)
}

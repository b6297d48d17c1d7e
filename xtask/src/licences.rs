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
        let fits = Expression::parse_mode(licence, ParseMode::LAX)
            .is_ok_and(|e| e.evaluate(|wanted| allowed.iter().any(|a| *a == wanted.to_string())));
        if !fits {
            breaches.push(format!("{name} has the licence `{licence}`, which deny.toml does not allow"));
        }
    }
    Ok(breaches)
}

//! `cargo xtask check`: house rules that neither the compiler nor clippy knows.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;

/// Files longer than this are named, not refused.
const LONG_FILE: usize = 400;

/// Breaches of the rules; warnings go to stderr at once.
pub fn run(root: &Path) -> io::Result<Vec<String>> {
    let mut breaches = dependencies(root)?;
    for file in sources(&root.join("libs"))?.into_iter().chain(sources(&root.join("services"))?) {
        let text = fs::read_to_string(&file)?;
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
        if text.lines().count() > LONG_FILE && !is_test && !name.ends_with("entities.rs") {
            eprintln!("warning: {name} has more than {LONG_FILE} lines");
        }
        if !is_test {
            breaches.extend(sql(&text).into_iter().map(|breach| format!("{name}: {breach}")));
        }
    }
    Ok(breaches)
}

/// Services depend on libs, the all-in-one binary on services, and nothing the other way.
fn dependencies(root: &Path) -> io::Result<Vec<String>> {
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
                ("services", "services") => name == "undulator",
                ("libs", "libs") => name == "testkit" || only_tests || below(name).contains(&target_name),
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
fn below(library: &str) -> &'static [&'static str] {
    match library {
        "events" | "icat-client" => &["service-kit"],
        "identity" => &["events", "icat-client", "service-kit"],
        _ => &[],
    }
}

/// What portable SQL must not or must say.
fn sql(text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    if text.contains("SELECT *") {
        breaches.push("SELECT * (name the columns)".to_owned());
    }
    for (at, _) in text.match_indices("LIKE '") {
        if !text[at..].chars().take(60).collect::<String>().contains("ESCAPE") {
            breaches.push("LIKE without ESCAPE".to_owned());
        }
    }
    breaches
}

fn sources(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

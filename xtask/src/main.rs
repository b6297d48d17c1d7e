//! Chores of the repository:
//!
//! - `cargo xtask gen [--check]` makes the generated files,
//! - `cargo xtask check` looks at the house rules,
//! - `cargo xtask reach FILE` lists the files of a crate that a file uses, directly or through others,
//! - `cargo xtask new-service NAME` adds a service.

mod check;
mod entity_tables;
mod r#gen;
mod icat_schema;
mod imports;
mod layers;
mod licences;
mod migrations;
mod names;
mod new_service;
mod parsed;
mod services;
mod source;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match arguments.as_slice() {
        ["gen"] => generate_files(&root, false),
        ["gen", "--check"] => generate_files(&root, true),
        ["check"] => check_house_rules(&root),
        ["new-service", name] => create_service(&root, name),
        ["reach", file] => print_reach(&root, file),
        _ => {
            eprintln!("usage: cargo xtask gen [--check] | check | reach FILE | new-service NAME");
            ExitCode::from(2)
        }
    }
}

fn generate_files(root: &Path, check: bool) -> ExitCode {
    match r#gen::run(root, check) {
        Ok(changed) if check && !changed.is_empty() => {
            eprintln!("not up to date, run `cargo xtask gen`: {}", changed.join(", "));
            ExitCode::FAILURE
        }
        Ok(changed) => {
            println!("{} file(s) changed", changed.len());
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn check_house_rules(root: &Path) -> ExitCode {
    let found = check::run(root).and_then(|mut found| {
        found.breaches.extend(licences::run(root)?);
        Ok(found)
    });
    match found {
        Ok(found) if found.breaches.is_empty() => {
            println!(
                "{} files keep the house rules; {} % of {} functions have a name of one word",
                found.files,
                found.names.single_word_percent(),
                found.names.functions
            );
            ExitCode::SUCCESS
        }
        Ok(found) => {
            eprintln!("{}", found.breaches.join("\n"));
            ExitCode::FAILURE
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the files that one file of a crate uses, and how many there are.
fn print_reach(root: &Path, file: &str) -> ExitCode {
    let Some((before, path)) = file.split_once("/src/") else {
        eprintln!("{file} is not below the src of a crate, such as services/logbook/src/api/entries/create.rs");
        return ExitCode::from(2);
    };
    match parsed::ParsedCrate::read(&root.join(before).join("src")) {
        Ok(parsed) => match imports::list_reachable(&parsed, Path::new(path)) {
            Some(files) => {
                println!("{}\n{} of {} files", files.join("\n"), files.len(), parsed.files.len());
                ExitCode::SUCCESS
            }
            None => {
                eprintln!("there is no file {file}");
                ExitCode::from(2)
            }
        },
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn create_service(root: &Path, name: &str) -> ExitCode {
    match new_service::create_service(root, name) {
        Ok(files) => {
            for file in files {
                println!("{}", file.display());
            }
            println!(
                "now run: cargo fmt --all && cargo xtask gen && cargo test --profile dev-fast -p undulator-{name}"
            );
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

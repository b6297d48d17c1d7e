//! Repository chores: `cargo xtask gen [--check]` and `cargo xtask check`.

mod check;
mod r#gen;
mod licences;
mod services;
mod source;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match arguments.as_slice() {
        ["gen"] => generate(&root, false),
        ["gen", "--check"] => generate(&root, true),
        ["check"] => house_rules(&root),
        _ => {
            eprintln!("usage: cargo xtask gen [--check] | check");
            ExitCode::from(2)
        }
    }
}

fn generate(root: &Path, check: bool) -> ExitCode {
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

fn house_rules(root: &Path) -> ExitCode {
    let found = check::run(root).and_then(|mut found| {
        found.breaches.extend(licences::run(root)?);
        Ok(found)
    });
    match found {
        Ok(found) if found.breaches.is_empty() => {
            println!("{} files keep the house rules", found.files);
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

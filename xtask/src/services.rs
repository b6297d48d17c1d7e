//! Which services there are, and what each must have.

use std::path::Path;
use std::{fs, io};

use crate::source::Source;

/// The program that has every service; it is none itself.
pub const ALL_IN_ONE: &str = "undulator";

/// The names of all services, in order.
pub fn list_names(root: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("services"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != ALL_IN_ONE && entry.path().join("Cargo.toml").is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Services that are not in the all-in-one program, and those without a document.
pub fn find_forgotten_services(root: &Path) -> io::Result<Vec<String>> {
    let list = format!("services/{ALL_IN_ONE}/src/services.rs");
    let source = fs::read_to_string(root.join(&list))?;
    let source = Source::of(&source);
    let mut breaches = Vec::new();
    for name in list_names(root)? {
        if !has_service(&source, &name) {
            breaches.push(format!("{list}: SERVICES lacks {}", constant_name(&name)));
        }
        if !root.join(format!("services/{name}/openapi.json")).is_file() {
            breaches.push(format!("services/{name} has no openapi.json; run `cargo xtask gen`"));
        }
    }
    Ok(breaches)
}

fn has_service(source: &Source, name: &str) -> bool {
    let wanted = constant_name(name);
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    source.lines().any(|(_, line)| line.split(|c| !is_word(c)).any(|word| word == wanted))
}

/// The crate of a service has the name of its directory.
fn constant_name(name: &str) -> String {
    format!("{}::SERVICE", name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_not_in_the_list_is_found() {
        let text = "/// Not shutter::SERVICE.\nconst SERVICES: &[ServiceDef] = &[auth::SERVICE, my_data::SERVICE];\n";
        let source = Source::of(text);
        for (name, expected) in [("auth", true), ("my-data", true), ("data", false), ("shutter", false)] {
            assert_eq!(has_service(&source, name), expected, "{name}");
        }
    }
}

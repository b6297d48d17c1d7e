//! The table of threats names tests that exist.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("../../../../docs/src/threats.md");

/// All files with this extension below a directory, by their names, of which there may be several.
fn find_files(directory: &Path, extension: &str, found: &mut HashMap<String, Vec<PathBuf>>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find_files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            found.entry(name).or_default().push(path);
        }
    }
}

#[test]
fn each_threat_has_a_test() {
    let service = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = HashMap::new();
    find_files(&service.join("src"), "rs", &mut files);
    find_files(&service.join("tests"), "rs", &mut files);
    find_files(&service.join("../../libs/identity/tests"), "rs", &mut files);
    find_files(&service.join("../../tests/interop"), "py", &mut files);
    let rows: Vec<&str> = TABLE.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 20, "the table is not read: {}", rows.len());
    for row in rows {
        let tests = row.rsplit(" | ").next().unwrap();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            let (file, function) =
                name.split_once("::").map_or((name, None), |(file, function)| (file, Some(function)));
            let paths = files.get(file).unwrap_or_else(|| panic!("there is no {file}"));
            let has_function = |path: &PathBuf| {
                let text = std::fs::read_to_string(path).unwrap();
                function.is_none_or(|function| text.contains(&format!("fn {function}(")))
            };
            assert!(paths.iter().any(has_function), "there is no {name}");
        }
    }
}

//! `undulator setup` with answers that cannot be used, or that say nothing new.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::wrong_directory::{errors, run};

const FACILITY: &str = "[facility]\nname = \"SUN\"\n";

/// Everything below a directory.
fn entries(dir: &Path) -> BTreeSet<PathBuf> {
    let inner = |entry: fs::DirEntry| {
        let path = entry.path();
        let below = if path.is_dir() { entries(&path) } else { BTreeSet::new() };
        std::iter::once(path).chain(below)
    };
    fs::read_dir(dir).unwrap().flat_map(|entry| inner(entry.unwrap())).collect()
}

#[test]
fn answers_that_cannot_be_used_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("weak"), "password1234\n").unwrap();
    fs::write(dir.path().join("short"), "abc\n").unwrap();
    let long = "x".repeat(300);
    for (answers, code, reason) in [
        (
            format!("{FACILITY}[administrator]\npassword_file = \"nowhere\"\n"),
            1,
            "cannot read the password from nowhere",
        ),
        (format!("{FACILITY}[administrator]\npassword_file = \"weak\"\n"), 2, "account simple/root cannot be made"),
        (format!("{FACILITY}[administrator]\npassword_file = \"short\"\n"), 2, "at least 12"),
        (format!("{FACILITY}[administrator]\naccount = \"ldap/root\"\n"), 2, "auth.local_mechanisms"),
        (format!("{FACILITY}[reader]\naccount = \"reader\"\n"), 2, "lacks its mechanism"),
        (format!("{FACILITY}[[instruments]]\nname = \"{long}\"\n"), 1, "Instrument"),
        (format!("storage = \"data/files\"\n{FACILITY}"), 2, "within each other"),
        (format!("data_dir = \"answers.toml/data\"\n{FACILITY}"), 2, "answers.toml/data"),
        (format!("{FACILITY}[api_keys]\nvalid_days = 4000000\n"), 2, "valid_days"),
    ] {
        fs::write(dir.path().join("answers.toml"), &answers).unwrap();
        let before = entries(dir.path());
        for options in [&["--dry-run"][..], &[]] {
            let refused = run(dir.path(), &[&["setup", "--file", "answers.toml"], options].concat(), &[]);
            let said = errors(&refused);
            assert!(refused.status.code() == Some(code) && said.contains(reason), "{answers}: {said}");
            assert_eq!(entries(dir.path()), before, "{answers} has left something");
        }
    }
}

#[test]
fn the_sample_of_the_docs_makes_a_facility_and_a_second_run_says_what_there_is_to_do() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("facility.toml"), include_str!("../../../../docs/facility.toml")).unwrap();
    let setup = |expected: i32| {
        let done = run(dir.path(), &["setup", "--file", "facility.toml"], &[]);
        assert_eq!(done.status.code(), Some(expected), "{}", errors(&done));
        (String::from_utf8(done.stdout.clone()).unwrap(), errors(&done))
    };
    let (first, _) = setup(0);
    for words in
        ["password in ", "secrets/administrator", "1. catalogue data", "3. start: undulator serve", "1 Facility,"]
    {
        assert!(first.contains(words), "{first}");
    }
    let (again, _) = setup(0);
    assert!(again.starts_with("nothing to do: everything is there already") && !again.contains("Next:"), "{again}");

    let settings = dir.path().join("undulator.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.replace("instruments = [\"ID29\"]", "instruments = [\"ID29\", \"ID31\"]")).unwrap();
    let (differs, conflicts) = setup(1);
    assert!(differs.starts_with("nothing was changed") && !differs.contains("Next:"), "{differs}");
    assert!(conflicts.contains("the key ID29 may write for ID29, ID31, not for ID29 alone"), "{conflicts}");
    assert!(conflicts.contains("error: 1 answer differs from what is there"), "{conflicts}");

    fs::write(&settings, text).unwrap();
    let answers = fs::read_to_string(dir.path().join("facility.toml")).unwrap();
    fs::write(dir.path().join("facility.toml"), answers.replace("api_key = false", "api_key = true")).unwrap();
    let (more, _) = setup(0);
    assert!(more.contains("ID30") && more.contains("Next: restart the server"), "{more}");
}

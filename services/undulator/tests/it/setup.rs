//! `undulator setup` with answers that cannot be used, or that say nothing new.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::wrong_directory::{read_errors, run_program};

const FACILITY: &str = "[facility]\nname = \"SUN\"\n";

/// Everything below a directory.
fn list_files(dir: &Path) -> BTreeSet<PathBuf> {
    let inner = |entry: fs::DirEntry| {
        let path = entry.path();
        let below = if path.is_dir() { list_files(&path) } else { BTreeSet::new() };
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
        let before = list_files(dir.path());
        for options in [&["--dry-run"][..], &[]] {
            let refused = run_program(dir.path(), &[&["setup", "--file", "answers.toml"], options].concat(), &[]);
            let said = read_errors(&refused);
            assert!(refused.status.code() == Some(code) && said.contains(reason), "{answers}: {said}");
            assert_eq!(list_files(dir.path()), before, "{answers} has left something");
        }
    }
}

#[test]
fn the_sample_of_the_docs_makes_a_facility_and_a_second_run_says_what_there_is_to_do() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("facility.toml"), include_str!("../../../../docs/facility.toml")).unwrap();
    let setup = |expected: i32| {
        let done = run_program(dir.path(), &["setup", "--file", "facility.toml"], &[]);
        assert_eq!(done.status.code(), Some(expected), "{}", read_errors(&done));
        (String::from_utf8(done.stdout.clone()).unwrap(), read_errors(&done))
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

/// A facility in a directory, and what setup says of it.
struct Facility(tempfile::TempDir);

impl Facility {
    fn new() -> Self {
        let facility = Self(tempfile::tempdir().unwrap());
        facility.write_answers(FACILITY);
        facility.run_setup(0, "written");
        facility
    }

    fn file_path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write_answers(&self, text: &str) {
        fs::write(self.file_path("answers.toml"), text).unwrap();
    }

    /// Runs a command, and looks for words in what it says.
    fn run_command(&self, arguments: &[&str], code: i32, words: &str) -> String {
        let done = run_program(self.0.path(), arguments, &[]);
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), read_errors(&done));
        assert!(done.status.code() == Some(code) && said.contains(words), "{arguments:?}, {words}: {said}");
        said
    }

    fn run_setup(&self, code: i32, words: &str) -> String {
        self.run_command(&["setup", "--file", "answers.toml"], code, words)
    }

    /// The secret of the reader, the settings, and what there is.
    fn read_state(&self) -> (String, String, BTreeSet<PathBuf>) {
        let read = |name: &str| fs::read_to_string(self.file_path(name)).unwrap();
        (read("secrets/icat-reader"), read("undulator.toml"), list_files(self.0.path()))
    }
}

#[test]
fn another_place_than_that_of_the_settings_is_refused_before_anything_is_made() {
    let facility = Facility::new();
    let before = facility.read_state();
    for (answers, conflict) in [
        (format!("secrets_dir = \"other\"\n{FACILITY}"), "icat.reader_file is `"),
        (format!("data_dir = \"other\"\n{FACILITY}"), "data_dir is `"),
        (format!("storage = \"other\"\n{FACILITY}"), "storage.main.url is `"),
        (format!("secrets_dir = \"other\"\n{FACILITY}[[instruments]]\nname = \"ID1\"\n"), "icat.reader_file is `"),
        ("[facility]\nname = \"MOON\"\n".to_owned(), "the facility of this catalogue is SUN, not MOON"),
        (format!("{FACILITY}[reader]\naccount = \"simple/other\"\n"), "is not for the account simple/other"),
    ] {
        facility.write_answers(&answers);
        for options in [&["--dry-run"][..], &[]] {
            let said = facility.run_command(&[&["setup", "--file", "answers.toml"], options].concat(), 1, conflict);
            assert!(said.contains("nothing was changed") && !said.contains("created"), "{said}");
            assert_eq!(facility.read_state(), before, "{answers}");
        }
    }
    facility.write_answers(FACILITY);
    facility.run_setup(0, "nothing to do");
    let elsewhere = tempfile::tempdir().unwrap();
    let [settings, answers] = ["undulator.toml", "answers.toml"].map(|name| facility.file_path(name));
    let arguments = ["--config", settings.to_str().unwrap(), "setup", "--file", answers.to_str().unwrap()];
    let done = run_program(elsewhere.path(), &arguments, &[]);
    assert!(String::from_utf8_lossy(&done.stdout).starts_with("nothing to do"), "{}", read_errors(&done));
    assert!(list_files(elsewhere.path()).is_empty());
    // Settings that others have written may name the same places in other words.
    let text = before.1.replace(&format!("{}/data", facility.0.path().canonicalize().unwrap().display()), "data");
    fs::write(&settings, text).unwrap();
    facility.run_setup(0, "nothing to do");
    let given = before.1.replace("reader_file = ", "reader = \"simple:reader:secret\" #");
    fs::write(&settings, given).unwrap();
    facility.run_setup(1, "icat.reader is given there");
}

#[test]
fn a_reader_that_cannot_log_in_is_repaired() {
    let facility = Facility::new();
    let secret = facility.file_path("secrets/icat-reader");
    let before = fs::read_to_string(&secret).unwrap();
    fs::remove_file(&secret).unwrap();
    facility.run_command(&["auth", "user", "list"], 3, "`undulator setup` writes a new one");
    facility.run_command(&["doctor"], 1, "icat.reader_file: cannot read");
    facility.run_command(
        &["setup", "--file", "answers.toml", "--dry-run"],
        0,
        "would have given a new password to simple/reader",
    );
    assert!(!secret.exists());
    facility.run_setup(0, "given a new password to simple/reader");
    assert_ne!(fs::read_to_string(&secret).unwrap(), before);
    facility.run_command(&["auth", "user", "list"], 0, "simple/reader");
    facility.run_setup(0, "nothing to do");

    fs::write(facility.file_path("password"), "einanderesstrahlrohr\n").unwrap();
    let kept = fs::read_to_string(&secret).unwrap();
    facility.run_command(
        &["auth", "user", "set-password", "simple/reader", "--password-file", "password"],
        0,
        "changed",
    );
    facility.run_command(
        &["doctor"],
        1,
        "simple/reader does not have the password of icat.reader: `undulator setup` repairs it",
    );
    facility.run_setup(0, "repaired the account simple/reader");
    assert_eq!(fs::read_to_string(&secret).unwrap(), kept, "services go on with what they know");
    facility.run_setup(0, "nothing to do");
}

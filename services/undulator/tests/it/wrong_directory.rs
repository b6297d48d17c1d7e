//! Administrative commands of the built program where there is no facility: they say where they looked, and make nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Everything that opens a database and is not there to make one.
const COMMANDS: [&[&str]; 24] = [
    &["doctor"],
    &["migrate"],
    &["migrate", "--plan"],
    &["events", "dead"],
    &["events", "retry"],
    &["auth", "user", "list"],
    &["auth", "user", "add", "db/alice", "--password-file", "/dev/null"],
    &["auth", "user", "set-password", "db/alice", "--password-file", "/dev/null"],
    &["auth", "user", "lock", "db/alice"],
    &["auth", "user", "unlock", "db/alice"],
    &["auth", "user", "remove", "db/alice"],
    &["auth", "api-key", "list"],
    &["auth", "api-key", "revoke", "id29"],
    &["auth", "add-user", "db/alice", "--password-file", "/dev/null"],
    &["icat", "export", "dump.yaml"],
    &["icat", "ingest", ".", "--investigation", "MX-1"],
    &["icat", "investigation", "add", "MX-1"],
    &["icat", "investigation", "list"],
    &["icat", "investigation", "show", "MX-1"],
    &["icat", "instrument", "add", "ID29"],
    &["icat", "grant", "db/alice", "MX-1"],
    &["search", "reindex"],
    &["search", "status"],
    &["search", "retry-rejected"],
];

pub fn run_program(dir: &Path, arguments: &[&str], variables: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undulator"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("UNDULATOR_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().copied()).current_dir(dir).output().unwrap()
}

pub fn read_errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn a_directory_without_settings_and_database_is_refused_and_stays_empty() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().canonicalize().unwrap();
    for arguments in COMMANDS {
        let refused = run_program(&here, arguments, &[]);
        let said = read_errors(&refused);
        assert_eq!(refused.status.code(), Some(3), "{arguments:?}: {said}");
        let looked_at = format!("data directory {}", here.join("data").display());
        for words in ["no settings file", &looked_at, "undulator.toml", "--config", "undulator setup"] {
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
        assert!(is_empty(&here), "{arguments:?} has made something");
    }
    println!("{} commands refused", COMMANDS.len());
}

#[test]
fn settings_that_name_an_empty_place_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().canonicalize().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let settings = elsewhere.path().join("undulator.toml");
    fs::write(&settings, format!("data_dir = \"{}\"\n", here.join("nowhere").display())).unwrap();
    // These make databases or wait for them where somebody has said where they are to be.
    let makes = |arguments: &[&str]| arguments == ["doctor"] || arguments == ["migrate"];
    for arguments in COMMANDS.into_iter().filter(|arguments| !makes(arguments)) {
        let refused = run_program(&here, arguments, &[("UNDULATOR_CONFIG", &settings)]);
        let said = read_errors(&refused);
        assert_eq!(refused.status.code(), Some(3), "{arguments:?}: {said}");
        for words in [settings.to_str().unwrap(), here.join("nowhere").to_str().unwrap(), "undulator serve"] {
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
        assert!(is_empty(&here), "{arguments:?} has made something");
    }
    let named = here.join("named");
    let refused = run_program(&here, &["auth", "user", "list"], &[("UNDULATOR_DATA_DIR", &named)]);
    assert!(refused.status.code() == Some(3) && read_errors(&refused).contains(named.to_str().unwrap()));
    assert!(is_empty(&here));
}

#[test]
fn what_makes_a_facility_makes_it() {
    let dir = tempfile::tempdir().unwrap();
    let dump = "---\nfacility:\n  Facility_name-SUN:\n    name: SUN\n";
    fs::write(dir.path().join("dump.yaml"), dump).unwrap();
    let import = ["icat", "import", "dump.yaml"];
    let dry = run_program(dir.path(), &[&import[..], &["--dry-run"]].concat(), &[]);
    assert!(dry.status.success(), "{}", read_errors(&dry));
    assert_eq!(
        String::from_utf8_lossy(&dry.stdout),
        "1 row created, 0 unchanged, 0 in conflict (dry run: nothing is kept)\n"
    );
    assert!(!dir.path().join("data").exists(), "a dry run makes nothing");
    let imported = run_program(dir.path(), &import, &[]);
    assert!(
        imported.status.success() && read_errors(&imported).contains("created a new catalogue"),
        "{}",
        read_errors(&imported)
    );
    assert!(dir.path().join("data/icat.db").is_file());

    let listed = run_program(dir.path(), &["icat", "investigation", "list"], &[]);
    assert!(listed.status.success(), "{}", read_errors(&listed));
    let accounts = run_program(dir.path(), &["auth", "user", "list"], &[]);
    assert!(
        accounts.status.code() == Some(3) && read_errors(&accounts).contains("auth.db"),
        "{}",
        read_errors(&accounts)
    );
    assert!(run_program(dir.path(), &["events", "dead"], &[]).status.success());
    let plan = run_program(dir.path(), &["migrate", "--plan"], &[]);
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(plan.contains("-- icat: 0 steps") && plan.contains("-- auth: no database yet"), "{plan}");
    assert!(!dir.path().join("data/auth.db").exists());

    let doctor = run_program(dir.path(), &["doctor"], &[]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    let first = said.lines().next().unwrap();
    assert!(first.starts_with("ok") && first.contains("no settings file; defaults; data directory /"), "{said}");
    fs::write(dir.path().join("undulator.toml"), "site = \"SUN\"\n").unwrap();
    let said = String::from_utf8_lossy(&run_program(dir.path(), &["doctor"], &[]).stdout).into_owned();
    let file = dir.path().canonicalize().unwrap().join("undulator.toml");
    assert!(said.lines().next().unwrap().contains(&format!("settings file {};", file.display())), "{said}");
    assert!(!dir.path().join("data/auth.db").exists(), "doctor makes nothing");

    let named = dir.path().join("named");
    let migrated = run_program(dir.path(), &["migrate"], &[("UNDULATOR_DATA_DIR", &named)]);
    assert!(migrated.status.success() && named.join("auth.db").is_file(), "{}", read_errors(&migrated));
}

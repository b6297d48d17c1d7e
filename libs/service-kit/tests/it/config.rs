//! Settings: what is read, what is refused, and what is shown.

use service_kit::Config;

const SERVICE: &str = "[logbook]\nretention = \"30d\"\n";

fn refusal(toml: &str) -> String {
    Config::from_toml(&[SERVICE], toml).map(|_| ()).expect_err("refused").to_string()
}

#[test]
fn defaults_alone_are_complete() {
    let config = Config::from_toml(&[SERVICE], "").unwrap();
    assert_eq!(config.core.http.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.core.http.internal_bind.to_string(), "127.0.0.1:9080");
    assert!(config.core.storage.is_empty());
}

#[test]
fn unknown_names_are_errors_that_name_the_nearest_known() {
    assert_eq!(refusal("[htpp]\nbind = \"x\"\n"), "unknown setting `htpp`; did you mean `http`?");
    assert_eq!(refusal("[http]\nbnid = \"x\"\n"), "unknown setting `http.bnid`; did you mean `bind`?");
    assert_eq!(
        refusal("[storage.main]\nurl = \"/data\"\nreadonly = true\n"),
        "unknown setting `storage.main.readonly`; did you mean `read_only`?"
    );
}

#[test]
fn wrong_values_are_errors_that_name_the_setting() {
    assert!(refusal("[http]\ndrain_delay = \"soon\"\n").contains("`soon` is no duration like 30s or 4h"));
    assert!(refusal("[database]\nmax_connections = \"many\"\n").contains("database.max_connections"));
}

#[test]
fn a_secret_comes_from_a_file_and_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("reader");
    std::fs::write(&file, "db:reader:canary-7f3a\n").unwrap();
    let config = Config::from_toml(&[], &format!("[icat]\nreader_file = \"{}\"\n", file.display())).unwrap();
    assert_eq!(config.core.icat.reader, "db:reader:canary-7f3a");
    let shown = config.redacted().unwrap();
    assert!(!shown.contains("canary") && shown.contains("reader = \"***\""), "{shown}");

    let both = format!("[icat]\nreader = \"a:b:c\"\nreader_file = \"{}\"\n", file.display());
    assert_eq!(refusal(&both), "set either icat.reader or icat.reader_file, not both");
}

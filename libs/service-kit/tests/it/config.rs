//! Settings: what is read, what is refused, and what is shown.

use service_kit::config::OtherSections;
use service_kit::{Config, ServiceSettings};

const SERVICE: ServiceSettings =
    ServiceSettings { defaults: "[logbook]\nretention = \"30d\"\n", secrets: &["logbook.password"] };

fn load_error(toml: &str) -> String {
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
    assert_eq!(load_error("[htpp]\nbind = \"x\"\n"), "unknown setting `htpp`; did you mean `http`?");
    assert_eq!(load_error("[http]\nbnid = \"x\"\n"), "unknown setting `http.bnid`; did you mean `bind`?");
    assert_eq!(
        load_error("[storage.main]\nurl = \"/data\"\nreadonly = true\n"),
        "unknown setting `storage.main.readonly`; did you mean `read_only`?"
    );
}

#[test]
fn wrong_values_are_errors_that_name_the_setting() {
    assert!(load_error("[http]\ndrain_delay = \"soon\"\n").contains("`soon` is no duration like 30s or 4h"));
    assert!(load_error("[database]\nmax_connections = \"many\"\n").contains("database.max_connections"));
}

/// The settings of a file with this text, refused; the path of the file is `FILE` in the answer.
fn refusal_of_file(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("undulator.toml");
    std::fs::write(&file, text).unwrap();
    let error = Config::load(&[SERVICE], &OtherSections::default(), Some(&file))
        .and_then(|config| config.section::<Section>("logbook"))
        .expect_err("refused")
        .to_string();
    error.replace(&file.display().to_string(), "FILE")
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Section {
    retention: String,
    #[serde(default)]
    places: std::collections::BTreeMap<String, Place>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Place {
    height: u16,
}

#[test]
fn errors_name_the_file_the_setting_and_what_is_allowed() {
    for (text, expected) in [
        ("[htpp]\n", "FILE: unknown setting `htpp`; did you mean `http`?"),
        ("[http]\nbnid = \"x\"\n", "FILE: unknown setting `http.bnid`; did you mean `bind`?"),
        ("[http.limits]\nrat = 1\n", "FILE: unknown setting `http.limits.rat`; did you mean `rate`?"),
        ("[logbook]\nretension = \"1d\"\n", "FILE: unknown setting `logbook.retension`; did you mean `retention`?"),
        ("[logbook]\nretention = 5\n", "FILE: setting `logbook.retention`: found signed int `5`, expected a string"),
        ("[logbook.places.a]\nheigth = 5\n", "FILE: unknown setting `logbook.places.a.heigth`; did you mean `height`?"),
        (
            "[logbook.places.a]\nheight = \"x\"\n",
            "FILE: setting `logbook.places.a.height`: found string \"x\", expected a whole number",
        ),
        (
            "[[identity.api_keys]]\nname = \"a\"\nscope = []\n",
            "FILE: unknown setting `identity.api_keys.0.scope`; did you mean `scopes`?",
        ),
        (
            "[[identity.api_keys]]\nname = \"a\"\nscopes = \"a\"\n",
            "FILE: setting `identity.api_keys.0.scopes`: found string \"a\", expected a list such as [\"a\", \"b\"]",
        ),
        (
            "[http.limits]\nbody = \"big\"\n",
            "FILE: setting `http.limits.body`: found string \"big\", expected a size such as 32MiB",
        ),
        ("[log]\nformat = \"xml\"\n", "FILE: setting `log.format`: `xml` is not one of text, json"),
        (
            "[http]\nbind = \"8080\"\n",
            "FILE: setting `http.bind`: this is no address with a port, such as 127.0.0.1:8080 or [::]:8080",
        ),
        ("[storage.main]\nthreads = 1\n", "FILE: setting `storage.main`: `url` is missing"),
        (
            "[http]\ninternal_bind = \"0.0.0.0:8080\"\n",
            "http.bind = 127.0.0.1:8080 and http.internal_bind = 0.0.0.0:8080 have the same port; the internal listener needs one of \
             its own",
        ),
    ] {
        assert_eq!(refusal_of_file(text), expected, "{text}");
    }
    for (text, expected) in [
        (
            "changes = \"poll\"",
            "icat.changes = \"poll\" needs icat.reader, the account that asks the catalogue; set it",
        ),
        ("changes = \"ask\"", "setting `icat.changes`: `ask` is not one of auto, events, poll, none"),
        ("time_zone = \"Paris\"", "icat.time_zone: there is no time zone `Paris`"),
        ("poll_interval = \"0s\"", "icat.poll_interval must be longer than 0s"),
    ] {
        let refusal = refusal_of_file(&format!("[icat]\n{text}\n"));
        assert!(refusal.contains(expected), "{refusal}");
    }
    let broken = refusal_of_file("site = \"x\"\n[http\n");
    assert!(broken.starts_with("FILE: TOML parse error at line 2"), "{broken}");
}

#[test]
fn origins_are_written_as_browsers_send_them() {
    let check = |origin: &str| {
        Config::from_toml(&[], &format!("[http.cors]\nallowed_origins = [\"{origin}\"]\n"))
            .map(drop)
            .map_err(|e| e.to_string())
    };
    for good in ["*", "https://portal.example.org", "http://localhost:5173", "http://[::1]:8080"] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for (wrong, right) in [
        ("https://portal.example.org/", "https://portal.example.org"),
        ("https://Portal.example.org:443", "https://portal.example.org"),
        ("portal.example.org", "https://portal.example.org"),
    ] {
        let refusal = check(wrong).unwrap_err();
        assert!(
            refusal.contains(&format!("`{wrong}` is no origin")) && refusal.contains(&format!("`{right}`")),
            "{refusal}"
        );
    }
}

#[test]
fn a_secret_comes_from_a_file_and_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("reader");
    std::fs::write(&file, "db:reader:canary-7f3a\n").unwrap();
    let config = Config::from_toml(&[], &format!("[icat]\nreader_file = \"{}\"\n", file.display())).unwrap();
    assert_eq!(config.core.icat.reader.expose(), "db:reader:canary-7f3a");
    let shown = config.to_redacted_toml().unwrap();
    assert!(!shown.contains("canary") && shown.contains("reader = \"***\""), "{shown}");

    let both = format!("[icat]\nreader = \"a:b:c\"\nreader_file = \"{}\"\n", file.display());
    assert_eq!(load_error(&both), "set either icat.reader or icat.reader_file, not both");

    std::fs::write(&file, "\n").unwrap();
    let refused = load_error(&format!("[icat]\nreader_file = \"{}\"\n", file.display()));
    assert!(refused.contains("the file is empty"), "{refused}");
}

/// One file of settings serves several programs.
#[test]
fn sections_of_other_services_are_accepted_and_their_secrets_hidden() {
    let others = OtherSections::parse("archive = [\"key\"]\nshutter = []\n").unwrap();
    let load = |toml: &str| Config::from_toml_beside(&[SERVICE], &others, toml).map_err(|e| e.to_string());
    let toml =
        "[archive]\nkey = \"canary-1\"\ncolour = \"red\"\n[shutter]\nspeed = 2\n[logbook]\npassword = \"canary-2\"\n";
    let shown = load(toml).unwrap().to_redacted_toml().unwrap();
    assert!(!shown.contains("canary") && shown.contains("colour = \"red\""), "{shown}");

    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("key");
    let refused = load(&format!("[archive]\nkey_file = \"{}\"\n", missing.display())).unwrap_err();
    assert!(refused.starts_with("archive.key_file: cannot read"), "{refused}");
    assert_eq!(load("[shuter]\n").unwrap_err(), "unknown setting `shuter`; did you mean `shutter`?");
    assert!(load_error("[shutter]\n").starts_with("unknown setting `shutter`; did you mean"));
}
